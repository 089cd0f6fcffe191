/* SPDX-License-Identifier: MIT */
/*
 * TCP options off the short path, building headers, text. See tcp.h for the RFCs and what a bad option does.
 * The option walk: NOP moves on by one byte, every other option by its length, which is at least two, so it ends.
 */
#include "wire/tcp.h"

#include "wire/text.h"

#define SIZE_MSS 4u
#define SIZE_WSCALE 3u
#define SIZE_SACK_PERMITTED 2u
#define SIZE_TIMESTAMPS 10u
#define SIZE_SACK_BLOCK 8u
#define SIZE_MD5 18u
#define SIZE_AO_MIN 4u
#define SIZE_MPTCP_MIN 3u
#define FAST_OPEN_MIN 4u /* bytes of a cookie, RFC 7413 4.1.1 */
#define FAST_OPEN_MAX 16u

/* Notes that an option of right size was met for the first time; false when it is to be skipped. */
static bool take(struct wire_tcp_options *out, enum wire_tcp_option_bit bit, bool right_size)
{
    if (!right_size || (out->present & bit) != 0)
        return false;
    out->present = (uint16_t)(out->present | bit);
    return true;
}

static bool read_sack(const uint8_t *body, unsigned size, struct wire_tcp_options *out)
{
    unsigned count = (size - 2) / SIZE_SACK_BLOCK;
    bool right_size = (size - 2) % SIZE_SACK_BLOCK == 0 && count >= 1 && count <= WIRE_TCP_MAX_SACK;
    if (!take(out, TCP_OPT_SACK, right_size))
        return false;
    out->sack_count = (uint8_t)count;
    for (unsigned i = 0; i < count; i++, body += SIZE_SACK_BLOCK)
        out->sack[i] = (struct wire_sack_block){seq_of(load_be32(body)), seq_of(load_be32(body + 4))};
    return true;
}

static bool read_timestamps(const uint8_t *body, unsigned size, struct wire_tcp_options *out)
{
    if (!take(out, TCP_OPT_TIMESTAMPS, size == SIZE_TIMESTAMPS))
        return false;
    out->ts_val = load_be32(body);
    out->ts_ecr = load_be32(body + 4);
    return true;
}

/* MD5 or AO; a segment has one of them at most (RFC 5925 2.2). */
static bool read_signature(const uint8_t *body, unsigned size, enum wire_tcp_option_bit bit,
                           struct wire_tcp_options *out)
{
    bool right_size = bit == TCP_OPT_MD5 ? size == SIZE_MD5 : size >= SIZE_AO_MIN;
    if ((out->present & (TCP_OPT_MD5 | TCP_OPT_AO)) != 0 || !take(out, bit, right_size))
        return false;
    out->signature = body;
    out->signature_len = (uint8_t)(size - 2);
    return true;
}

static bool is_cookie_len(unsigned n) { return n == 0 || (n >= FAST_OPEN_MIN && n <= FAST_OPEN_MAX && n % 2 == 0); }

static bool read_fast_open(const uint8_t *body, unsigned size, struct wire_tcp_options *out)
{
    if (!take(out, TCP_OPT_FAST_OPEN, is_cookie_len(size - 2)))
        return false;
    out->fast_open = body;
    out->fast_open_len = (uint8_t)(size - 2);
    return true;
}

/* Several MPTCP options in one segment are usual. */
static bool read_mptcp(unsigned size, struct wire_tcp_options *out)
{
    if (size < SIZE_MPTCP_MIN)
        return false;
    out->present |= TCP_OPT_MPTCP;
    return true;
}

/* One option of size bytes, all present, size at least 2. False when it is bad, repeated or unknown. */
static bool read_option(const uint8_t *option, unsigned size, struct wire_tcp_options *out)
{
    const uint8_t *body = option + 2;
    switch (option[0]) {
    case TCP_KIND_MSS:
        if (!take(out, TCP_OPT_MSS, size == SIZE_MSS))
            return false;
        out->mss = load_be16(body);
        return true;
    case TCP_KIND_WSCALE:
        if (!take(out, TCP_OPT_WSCALE, size == SIZE_WSCALE))
            return false;
        out->wscale = body[0];
        return true;
    case TCP_KIND_SACK_PERMITTED:
        return take(out, TCP_OPT_SACK_PERMITTED, size == SIZE_SACK_PERMITTED);
    case TCP_KIND_SACK:
        return read_sack(body, size, out);
    case TCP_KIND_TIMESTAMPS:
        return read_timestamps(body, size, out);
    case TCP_KIND_MD5:
        return read_signature(body, size, TCP_OPT_MD5, out);
    case TCP_KIND_AO:
        return read_signature(body, size, TCP_OPT_AO, out);
    case TCP_KIND_FAST_OPEN:
        return read_fast_open(body, size, out);
    case TCP_KIND_MPTCP:
        return read_mptcp(size, out);
    default:
        return false;
    }
}

unsigned wire_tcp_options_parse_general(const uint8_t *options, size_t length, struct wire_tcp_options *out)
{
    unsigned bad = 0;
    size_t at = 0;
    memset(out, 0, sizeof *out);
    while (at < length && options[at] != TCP_KIND_END) {
        if (options[at] == TCP_KIND_NOP) {
            at++;
            continue;
        }
        size_t left = length - at;
        if (left < 2 || options[at + 1] < 2 || options[at + 1] > left)
            return bad + 1;
        if (!read_option(options + at, options[at + 1], out))
            bad++;
        at += options[at + 1];
    }
    return bad;
}

/* Writes options into 40 bytes. After the first that does not fit, `full` stays true and nothing is written. */
struct writer {
    uint8_t *to;
    unsigned at;
    bool aligned; /* each group of options ends on a multiple of 4 */
    bool full;
};

/*
 * Room for an option of size bytes behind its NOPs; its body, or NULL. Group: its size and that of what must follow
 * it at once.
 */
static uint8_t *put_option(struct writer *w, enum wire_tcp_option_kind kind, unsigned size, unsigned group)
{
    unsigned nops = w->aligned ? (0u - (w->at + group)) & 3u : 0;
    if (w->full || w->at + nops + size > WIRE_TCP_MAX_OPTIONS) {
        w->full = true;
        return NULL;
    }
    memset(w->to + w->at, TCP_KIND_NOP, nops);
    uint8_t *option = w->to + w->at + nops;
    option[0] = (uint8_t)kind;
    option[1] = (uint8_t)size;
    w->at += nops + size;
    return option + 2;
}

static void put_bytes(struct writer *w, enum wire_tcp_option_kind kind, const uint8_t *bytes, unsigned n)
{
    uint8_t *body = put_option(w, kind, n + 2, n + 2);
    if (body != NULL && n > 0)
        memcpy(body, bytes, n);
}

static void put_timestamps(struct writer *w, const struct wire_tcp_options *o)
{
    uint8_t *body = put_option(w, TCP_KIND_TIMESTAMPS, SIZE_TIMESTAMPS, SIZE_TIMESTAMPS);
    if (body == NULL)
        return;
    store_be32(body, o->ts_val);
    store_be32(body + 4, o->ts_ecr);
}

static void put_sack(struct writer *w, const struct wire_tcp_options *o)
{
    unsigned size = 2 + o->sack_count * SIZE_SACK_BLOCK;
    uint8_t *body = put_option(w, TCP_KIND_SACK, size, size);
    for (unsigned i = 0; body != NULL && i < o->sack_count; i++) {
        store_be32(body + (size_t)SIZE_SACK_BLOCK * i, o->sack[i].left.v);
        store_be32(body + (size_t)SIZE_SACK_BLOCK * i + 4, o->sack[i].right.v);
    }
}

static void put_wscale(struct writer *w, const struct wire_tcp_options *o)
{
    if (o->present & TCP_OPT_WSCALE)
        put_bytes(w, TCP_KIND_WSCALE, &o->wscale, 1);
}

/* The options of the handshake, in Linux's order or FreeBSD's. */
static void put_syn_options(struct writer *w, const struct wire_tcp_options *o)
{
    unsigned timestamps = o->present & TCP_OPT_TIMESTAMPS ? SIZE_TIMESTAMPS : 0;
    if (o->present & TCP_OPT_MSS) {
        uint8_t mss[2];
        store_be16(mss, o->mss);
        put_bytes(w, TCP_KIND_MSS, mss, sizeof mss);
    }
    if (o->wscale_first)
        put_wscale(w, o);
    if (o->present & TCP_OPT_SACK_PERMITTED)
        put_option(w, TCP_KIND_SACK_PERMITTED, SIZE_SACK_PERMITTED, SIZE_SACK_PERMITTED + timestamps);
    if (timestamps != 0)
        put_timestamps(w, o);
    if (!o->wscale_first)
        put_wscale(w, o);
}

/* Returns the bytes written, a multiple of 4, or ERR_NO_SPACE. */
static int put_options(uint8_t *to, const struct wire_tcp_options *o, bool aligned)
{
    struct writer w = {.to = to, .aligned = aligned};
    put_syn_options(&w, o);
    if (o->present & (TCP_OPT_MD5 | TCP_OPT_AO))
        put_bytes(&w, o->present & TCP_OPT_MD5 ? TCP_KIND_MD5 : TCP_KIND_AO, o->signature, o->signature_len);
    if (o->present & TCP_OPT_FAST_OPEN)
        put_bytes(&w, TCP_KIND_FAST_OPEN, o->fast_open, o->fast_open_len);
    if (o->present & TCP_OPT_SACK)
        put_sack(&w, o);
    if (w.full)
        return ERR_NO_SPACE;
    while (w.at % 4 != 0)
        to[w.at++] = TCP_KIND_NOP;
    return (int)w.at;
}

static bool can_build(const struct wire_tcp_options *o)
{
    unsigned signatures = o->present & (TCP_OPT_MD5 | TCP_OPT_AO);
    if ((o->present & TCP_OPT_SACK) != 0 && (o->sack_count == 0 || o->sack_count > WIRE_TCP_MAX_SACK))
        return false;
    if ((o->present & TCP_OPT_FAST_OPEN) != 0 && !is_cookie_len(o->fast_open_len))
        return false;
    if (signatures == TCP_OPT_MD5)
        return o->signature_len == SIZE_MD5 - 2;
    if (signatures == TCP_OPT_AO)
        return o->signature_len >= SIZE_AO_MIN - 2 && o->signature_len <= WIRE_TCP_MAX_OPTIONS - 2;
    return signatures == 0;
}

static int build_options(uint8_t *to, const struct wire_tcp_options *o)
{
    if (o == NULL || o->present == 0)
        return 0;
    if (o->present == TCP_OPT_TIMESTAMPS) {
        store_be32(to, WIRE_TCP_TS_PREFIX);
        store_be32(to + 4, o->ts_val);
        store_be32(to + 8, o->ts_ecr);
        return 12;
    }
    if (!can_build(o))
        return ERR_INVALID;
    int length = put_options(to, o, true);
    return length < 0 ? put_options(to, o, false) : length;
}

int wire_tcp_build(uint8_t *to, const struct wire_tcp *h, const struct wire_tcp_options *options)
{
    int options_len = build_options(to + WIRE_TCP_MIN, options);
    if (unlikely(options_len < 0))
        return options_len;
    unsigned header_len = WIRE_TCP_MIN + (unsigned)options_len;
    store_be16(to, h->src_port);
    store_be16(to + 2, h->dst_port);
    store_be32(to + 4, h->seq.v);
    store_be32(to + 8, h->ack.v);
    store_be16(to + 12, (uint16_t)(header_len / 4 << 12 | (h->flags & 0x1ffu)));
    store_be16(to + 14, h->window);
    memcpy(to + WIRE_TCP_CHECKSUM_OFFSET, &h->checksum, sizeof h->checksum);
    store_be16(to + 18, h->urgent);
    return (int)header_len;
}

static void print_flags(struct text *t, uint16_t flags)
{
    static const char names[9][4] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"};
    const char *before = " ";
    if ((flags & 0x1ffu) == 0)
        text_string(t, " none");
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (((unsigned)flags >> i & 1u) == 0)
            continue;
        text_string(t, before);
        text_string(t, names[i]);
        before = ",";
    }
}

/* "<" before the first option, "," before the others. */
static void print_label(struct text *t, bool *first, const char *label)
{
    text_string(t, *first ? " <" : ",");
    text_string(t, label);
    *first = false;
}

static void print_sack(struct text *t, const struct wire_tcp_options *o)
{
    for (unsigned i = 0; i < o->sack_count && i < WIRE_TCP_MAX_SACK; i++) {
        text_field(t, " ", o->sack[i].left.v);
        text_field(t, "-", o->sack[i].right.v);
    }
}

static void print_syn_options(struct text *t, const struct wire_tcp_options *o, bool *first)
{
    if (o->present & TCP_OPT_MSS) {
        print_label(t, first, "mss ");
        text_u64(t, o->mss);
    }
    if (o->present & TCP_OPT_SACK_PERMITTED)
        print_label(t, first, "sackOK");
    if (o->present & TCP_OPT_TIMESTAMPS) {
        print_label(t, first, "ts ");
        text_u64(t, o->ts_val);
        text_field(t, " ", o->ts_ecr);
    }
    if (o->present & TCP_OPT_WSCALE) {
        print_label(t, first, "wscale ");
        text_u64(t, o->wscale);
    }
}

static void print_options(struct text *t, const struct wire_tcp_options *o)
{
    bool first = true;
    print_syn_options(t, o, &first);
    if (o->present & TCP_OPT_MD5)
        print_label(t, &first, "md5");
    if (o->present & TCP_OPT_AO)
        print_label(t, &first, "ao");
    if (o->present & TCP_OPT_FAST_OPEN) {
        print_label(t, &first, "tfo ");
        text_bytes(t, o->fast_open, o->fast_open_len, '\0');
    }
    if (o->present & TCP_OPT_SACK) {
        print_label(t, &first, "sack");
        print_sack(t, o);
    }
    if (o->present & TCP_OPT_MPTCP)
        print_label(t, &first, "mptcp");
    if (!first)
        text_char(t, '>');
}

int wire_tcp_flags_print(char *to, size_t size, uint16_t flags)
{
    struct text t = text_into(to, size);
    print_flags(&t, flags);
    return text_finish(&t);
}

int wire_tcp_options_print(char *to, size_t size, const struct wire_tcp_options *options)
{
    struct text t = text_into(to, size);
    print_options(&t, options);
    return text_finish(&t);
}

int wire_tcp_print(char *to, size_t size, const struct wire_tcp *h, const struct wire_tcp_options *options)
{
    struct text t = text_into(to, size);
    text_u64(&t, h->src_port);
    text_field(&t, " > ", h->dst_port);
    print_flags(&t, h->flags);
    text_field(&t, " seq ", h->seq.v);
    if (h->flags & TCP_ACK)
        text_field(&t, " ack ", h->ack.v);
    text_field(&t, " win ", h->window);
    if (h->flags & TCP_URG)
        text_field(&t, " urg ", h->urgent);
    if (options != NULL)
        print_options(&t, options);
    return text_finish(&t);
}
