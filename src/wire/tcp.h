/* SPDX-License-Identifier: MIT */
/*
 * TCP header and options: RFC 9293 section 3.1 and 3.2, RFC 7323 (window scale, timestamps), RFC 2018 (SACK), RFC
 * 2385 (MD5), RFC 5925 (TCP-AO), RFC 7413 (Fast Open), RFC 8684 (MPTCP, kind only). No state, no allocation. Parsing
 * never reads past the given length; pointers in a parsed header point into the caller's bytes.
 */
#ifndef WEIR_WIRE_TCP_H
#define WEIR_WIRE_TCP_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/seq.h"

#define WIRE_TCP_MIN 20u
#define WIRE_TCP_MAX 60u
#define WIRE_TCP_MAX_SACK 4u
#define WIRE_TCP_CHECKSUM_OFFSET 16u
#define WIRE_TCP_MAX_OPTIONS 40u
#define WIRE_TCP_TS_PREFIX 0x0101080au /* NOP NOP, kind and length of timestamps */

enum wire_tcp_flag {
    TCP_FIN = 0x001,
    TCP_SYN = 0x002,
    TCP_RST = 0x004,
    TCP_PSH = 0x008,
    TCP_ACK = 0x010,
    TCP_URG = 0x020,
    TCP_ECE = 0x040,
    TCP_CWR = 0x080,
    TCP_AE = 0x100, /* RFC 9768; formerly NS */
};

enum wire_tcp_option_kind {
    TCP_KIND_END = 0,
    TCP_KIND_NOP = 1,
    TCP_KIND_MSS = 2,
    TCP_KIND_WSCALE = 3,
    TCP_KIND_SACK_PERMITTED = 4,
    TCP_KIND_SACK = 5,
    TCP_KIND_TIMESTAMPS = 8,
    TCP_KIND_MD5 = 19,
    TCP_KIND_AO = 29,
    TCP_KIND_MPTCP = 30,
    TCP_KIND_FAST_OPEN = 34,
};

enum wire_tcp_option_bit {
    TCP_OPT_MSS = 0x01,
    TCP_OPT_WSCALE = 0x02,
    TCP_OPT_SACK_PERMITTED = 0x04,
    TCP_OPT_TIMESTAMPS = 0x08,
    TCP_OPT_SACK = 0x10,
    TCP_OPT_MD5 = 0x20,
    TCP_OPT_AO = 0x40,
    TCP_OPT_FAST_OPEN = 0x80,
    TCP_OPT_MPTCP = 0x100,
};

struct wire_sack_block {
    struct seq left, right; /* [left, right) */
};

struct wire_tcp_options {
    uint16_t present; /* enum wire_tcp_option_bit */
    uint16_t mss;
    uint8_t wscale; /* as sent; RFC 7323 2.3: use min(wscale, 14) */
    uint8_t sack_count;
    uint8_t fast_open_len; /* 0: cookie request */
    uint8_t signature_len; /* MD5: 16; AO: key ids and MAC */
    bool wscale_first;     /* when built: window scale behind MSS, FreeBSD's order */
    uint32_t ts_val, ts_ecr;
    struct wire_sack_block sack[WIRE_TCP_MAX_SACK];
    const uint8_t *fast_open; /* into the header */
    const uint8_t *signature; /* into the header: behind kind and length */
};

/* The fixed header in host order. */
struct wire_tcp {
    uint16_t src_port, dst_port;
    struct seq seq, ack;
    uint16_t flags; /* enum wire_tcp_flag */
    uint16_t window;
    uint16_t checksum; /* as loaded natively */
    uint16_t urgent;
    uint8_t header_len; /* bytes, 20 to 60, options included */
};

/*
 * Reads the fixed header of a segment of length bytes (header and payload).
 * Returns the header length, or ERR_TRUNCATED (fewer than 20 bytes, or data offset past the segment), ERR_MALFORMED
 * (data offset under 5).
 */
MUST_CHECK static ALWAYS_INLINE int wire_tcp_parse(const uint8_t *segment, size_t length, struct wire_tcp *out)
{
    if (unlikely(length < WIRE_TCP_MIN))
        return ERR_TRUNCATED;
    uint16_t offset_flags = load_be16(segment + 12);
    unsigned header_len = (offset_flags >> 12) * 4u;
    out->src_port = load_be16(segment);
    out->dst_port = load_be16(segment + 2);
    out->seq = seq_of(load_be32(segment + 4));
    out->ack = seq_of(load_be32(segment + 8));
    out->flags = offset_flags & 0x1ffu; /* the three reserved bits are ignored, RFC 9293 3.1 */
    out->window = load_be16(segment + 14);
    memcpy(&out->checksum, segment + WIRE_TCP_CHECKSUM_OFFSET, sizeof out->checksum);
    out->urgent = load_be16(segment + 18);
    out->header_len = (uint8_t)header_len;
    if (unlikely(header_len < WIRE_TCP_MIN))
        return ERR_MALFORMED;
    return likely(header_len <= length) ? (int)header_len : ERR_TRUNCATED;
}
/*
 * Reads the options (header bytes 20 and on). Never fails: like Linux, a bad length ends the parse, a known kind with
 * a wrong length is skipped, the first of two wins, what was good before stays. Returns how many options were not
 * understood or bad. SACK blocks are given as sent: judging them takes sequence numbers. Of MD5 and AO, the first
 * counts. The layout NOP NOP TIMESTAMPS of established connections takes a short path.
 */
unsigned wire_tcp_options_parse_general(const uint8_t *options, size_t length, struct wire_tcp_options *out);
static ALWAYS_INLINE unsigned wire_tcp_options_parse(const uint8_t *options, size_t length,
                                                     struct wire_tcp_options *out)
{
    if (likely(length == 12 && load_be32(options) == WIRE_TCP_TS_PREFIX)) {
        memset(out, 0, offsetof(struct wire_tcp_options, sack));
        out->present = TCP_OPT_TIMESTAMPS;
        out->ts_val = load_be32(options + 4);
        out->ts_ecr = load_be32(options + 8);
        out->fast_open = NULL;
        out->signature = NULL;
        return 0;
    }
    return wire_tcp_options_parse_general(options, length, out);
}
/*
 * Writes header and options to `to` (WIRE_TCP_MAX bytes of room), padding with NOPs to a multiple of 4; the checksum
 * field is written as given. options may be NULL; set options->present to what shall be written; MD5 and AO copy
 * signature_len bytes from signature. h->header_len is ignored, as is the MPTCP bit. Returns the header length, or
 * ERR_NO_SPACE when the options do not fit in 40 bytes (nothing usable written), ERR_INVALID (sack_count not 1 to 4,
 * fast_open_len not 0 or an even 4 to 16, signature_len not 16 for MD5 or 2 to 38 for AO, MD5 and AO both). NOPs
 * stand in front of an option so that it ends on a multiple of 4; where only that costs too much room, options are
 * packed. Option order: MSS, SACK permitted, timestamps, window scale (Linux's; wscale_first:
 * FreeBSD's), MD5/AO, Fast Open, SACK.
 */
MUST_CHECK int wire_tcp_build(uint8_t *to, const struct wire_tcp *h, const struct wire_tcp_options *options);
/* "1000 > 80 SYN,ACK seq 1 ack 2 win 65535 <mss 1460,…>"; always terminated; returns the length it would have had. */
int wire_tcp_print(char *to, size_t size, const struct wire_tcp *h, const struct wire_tcp_options *options);
/* Parts of that, each with the blank before it: " SYN,ACK"; " <mss 1460,…>", or "" without options. */
int wire_tcp_flags_print(char *to, size_t size, uint16_t flags);
int wire_tcp_options_print(char *to, size_t size, const struct wire_tcp_options *options);

#endif
