/* SPDX-License-Identifier: MIT */
/*
 * See rewrite.h.
 */
#include "accel/rewrite.h"

#include "wire/ipv4.h"
#include "wire/l4.h"

#define TIMESTAMPS_ROOM 12u
#define ECHO_AT 6u /* in the option */
#define OFFSET_AT 12u
#define FLAGS_AT 13u
#define WINDOW_AT 14u

int accel_segment_find(struct packet *p, struct accel_segment *out)
{
    out->packet = p;
    int error = packet_headers_find(p, &out->headers);
    return error < 0 ? error : out->headers.protocol == IP_PROTO_TCP ? 0 : ERR_UNSUPPORTED;
}

/* ---- checksums ---- */

/* What changed in the bytes that the TCP checksum is over. A partial one is over the pseudo-header alone. */
static void tcp_bytes_changed(struct accel_segment *s, uint64_t was, uint64_t is)
{
    if (s->packet->checksum == PACKET_CHECKSUM_PARTIAL)
        return;
    uint8_t *field = accel_segment_tcp(s) + WIRE_TCP_CHECKSUM_OFFSET;
    uint16_t checksum;
    memcpy(&checksum, field, sizeof checksum);
    checksum = checksum_finish((uint64_t)(uint16_t)~checksum + (uint16_t)~checksum_fold(was) + is);
    memcpy(field, &checksum, sizeof checksum);
}

/* The segment's length in the pseudo-header grew. */
static void pseudo_header_grew(struct accel_segment *s, uint16_t by)
{
    uint8_t *field = accel_segment_tcp(s) + WIRE_TCP_CHECKSUM_OFFSET;
    uint16_t checksum;
    memcpy(&checksum, field, sizeof checksum);
    if (s->packet->checksum == PACKET_CHECKSUM_PARTIAL)
        checksum = checksum_fold(checksum_add_u16(checksum, by));
    else
        checksum = checksum_finish(checksum_add_u16((uint16_t)~checksum, by));
    memcpy(field, &checksum, sizeof checksum);
}

bool accel_segment_checksum_ok(const struct accel_segment *s)
{
    const struct packet *p = s->packet;
    if (p->checksum != PACKET_CHECKSUM_UNKNOWN)
        return true;
    uint32_t length = s->headers.end - s->headers.l4;
    if (p->nfrags)
        return false; /* nobody gives such a packet: links deliver linear ones, and large ones vouched for or partial */
    return checksum_ok(checksum_add(packet_headers_pseudo(&s->headers, p->data, length), accel_segment_tcp(s), length));
}

/* ---- flags ---- */

void accel_clear_flags(struct accel_segment *s, unsigned flags)
{
    uint8_t *field = accel_segment_tcp(s) + OFFSET_AT;
    uint16_t was, is;
    memcpy(&was, field, sizeof was);
    store_be16(field, (uint16_t)(load_be16(field) & ~flags));
    memcpy(&is, field, sizeof is);
    if (is != was)
        tcp_bytes_changed(s, was, is);
}

/* ---- options struck out ---- */

/* The kind of a whole option of the right length; 0: another one. */
static uint16_t option_bit(uint8_t kind, uint8_t length)
{
    switch (kind) {
    case TCP_KIND_WSCALE:
        return length == 3 ? TCP_OPT_WSCALE : 0;
    case TCP_KIND_SACK_PERMITTED:
        return length == 2 ? TCP_OPT_SACK_PERMITTED : 0;
    case TCP_KIND_TIMESTAMPS:
        return length == 10 ? TCP_OPT_TIMESTAMPS : 0;
    case TCP_KIND_FAST_OPEN:
        return TCP_OPT_FAST_OPEN;
    case TCP_KIND_SACK:
        return length >= 10 && (length - 2) % 8 == 0 ? TCP_OPT_SACK : 0;
    default:
        return 0;
    }
}

uint8_t *accel_next_option(uint8_t *options, uint32_t length, uint32_t *at)
{
    while (*at < length && options[*at] == TCP_KIND_NOP)
        (*at)++;
    const uint32_t left = length - *at;
    uint8_t *option = options + *at;
    if (left < 2 || option[0] == TCP_KIND_END || option[1] < 2 || option[1] > left)
        return NULL;
    *at += option[1];
    return option;
}

static unsigned strip(uint8_t *options, uint32_t length, uint16_t kinds)
{
    unsigned n = 0;
    uint8_t *option;
    for (uint32_t at = 0; (option = accel_next_option(options, length, &at)) != NULL;) {
        if (!(option_bit(option[0], option[1]) & kinds))
            continue;
        memset(option, TCP_KIND_NOP, option[1]);
        n++;
    }
    return n;
}

unsigned accel_strip_options(struct accel_segment *s, uint16_t kinds)
{
    uint8_t *options = accel_segment_tcp(s) + WIRE_TCP_MIN;
    uint32_t length = s->headers.payload - s->headers.l4 - WIRE_TCP_MIN;
    uint64_t was = checksum_add(0, options, length);
    unsigned n = strip(options, length, kinds);
    if (n)
        tcp_bytes_changed(s, was, checksum_add(0, options, length));
    return n;
}

/* ---- options put in, and taken out ---- */

/* `by` may be below 0, modulo 2^16. */
static void ip_length_grew(uint8_t *ip, bool v6, uint16_t by)
{
    uint8_t *length = ip + (v6 ? 4 : 2);
    uint16_t was, is, checksum;
    memcpy(&was, length, sizeof was);
    store_be16(length, (uint16_t)(load_be16(length) + by));
    if (v6)
        return;
    memcpy(&is, length, sizeof is);
    memcpy(&checksum, ip + WIRE_IPV4_CHECKSUM_OFFSET, sizeof checksum);
    checksum = checksum_update16(checksum, was, is);
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

/* Everything up to the options moves to the front. */
static void open_gap(struct accel_segment *s, uint32_t bytes)
{
    struct packet *p = s->packet;
    memmove(p->data - bytes, p->data, s->headers.l4 + WIRE_TCP_MIN);
    p->data -= bytes;
    p->len += bytes;
    s->headers.payload += bytes;
    s->headers.end += bytes;
}

static void close_gap(struct accel_segment *s, uint32_t bytes)
{
    struct packet *p = s->packet;
    memmove(p->data + bytes, p->data, s->headers.l4 + WIRE_TCP_MIN);
    p->data += bytes;
    p->len -= bytes;
    s->headers.payload -= bytes;
    s->headers.end -= bytes;
}

/* The header has become longer by 4 * words (or shorter), with these bytes' sum in the place of those. */
static void header_grew(struct accel_segment *s, int words, uint64_t was, uint64_t is)
{
    uint8_t *offset = accel_segment_tcp(s) + OFFSET_AT;
    const uint16_t by = (uint16_t)(4 * words), sum = words < 0 ? (uint16_t)(by - 1) : by; /* ones' complement */
    was += checksum_add(0, offset, 2);
    *offset = (uint8_t)(*offset + words * 16);
    tcp_bytes_changed(s, was, is + checksum_add(0, offset, 2));
    pseudo_header_grew(s, sum);
    ip_length_grew(s->packet->data + s->headers.l3, s->headers.v6, by);
}

int accel_insert_option(struct accel_segment *s, const uint8_t *option, uint32_t bytes)
{
    if (s->headers.payload - s->headers.l4 + bytes > WIRE_TCP_MAX || packet_headroom(s->packet) < bytes ||
        s->headers.end - s->headers.l3 + bytes > UINT16_MAX)
        return ERR_NO_SPACE;
    open_gap(s, bytes);
    memcpy(accel_segment_tcp(s) + WIRE_TCP_MIN, option, bytes);
    header_grew(s, (int)bytes / 4, 0, checksum_add(0, option, bytes));
    return 0;
}

void accel_remove_option(struct accel_segment *s, uint32_t bytes)
{
    const uint64_t was = checksum_add(0, accel_segment_tcp(s) + WIRE_TCP_MIN, bytes);
    close_gap(s, bytes);
    header_grew(s, -(int)bytes / 4, was, 0);
}

void accel_blank_option(struct accel_segment *s, uint8_t *option, uint32_t bytes)
{
    const bool odd = (option - accel_segment_tcp(s)) & 1;
    const uint64_t was = checksum_add(0, option, bytes);
    memset(option, TCP_KIND_NOP, bytes);
    const uint64_t is = checksum_add(0, option, bytes);
    tcp_bytes_changed(s, odd ? checksum_shift(was) : was, odd ? checksum_shift(is) : is);
}

int accel_insert_timestamps(struct accel_segment *s, uint32_t ts_val, uint32_t ts_ecr)
{
    uint8_t option[TIMESTAMPS_ROOM];
    store_be32(option, WIRE_TCP_TS_PREFIX);
    store_be32(option + 4, ts_val);
    store_be32(option + 8, ts_ecr);
    return accel_insert_option(s, option, sizeof option);
}

void accel_set_echo(struct accel_segment *s, uint32_t ts_ecr)
{
    uint8_t *options = accel_segment_tcp(s) + WIRE_TCP_MIN, *option;
    const uint32_t length = s->headers.payload - s->headers.l4 - WIRE_TCP_MIN;
    const uint64_t was = checksum_add(0, options, length);
    for (uint32_t at = 0; (option = accel_next_option(options, length, &at)) != NULL;)
        if (option_bit(option[0], option[1]) == TCP_OPT_TIMESTAMPS)
            store_be32(option + ECHO_AT, ts_ecr);
    tcp_bytes_changed(s, was, checksum_add(0, options, length));
}

/* ---- windows ---- */

void accel_scale_window(struct accel_segment *s, unsigned from, unsigned to)
{
    uint8_t *field = accel_segment_tcp(s) + WINDOW_AT;
    uint16_t was, is;
    memcpy(&was, field, sizeof was);
    uint64_t window = (uint64_t)load_be16(field) << from >> to;
    store_be16(field, (uint16_t)(window < UINT16_MAX ? window : UINT16_MAX));
    memcpy(&is, field, sizeof is);
    if (is != was)
        tcp_bytes_changed(s, was, is);
}

/* ---- payloads ---- */

int accel_limit_payload(struct accel_segment *s, uint32_t most)
{
    struct packet *p = s->packet;
    uint32_t payload = s->headers.end - s->headers.payload;
    if (payload <= most || (p->gso != PACKET_GSO_NONE && p->gso_size <= most))
        return 0;
    if ((accel_segment_tcp(s)[FLAGS_AT] & TCP_SYN) || s->headers.end != packet_total_length(p) ||
        !accel_segment_checksum_ok(s))
        return ERR_MALFORMED;
    p->gso = s->headers.v6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
    p->gso_size = (uint16_t)most;
    return 0;
}
