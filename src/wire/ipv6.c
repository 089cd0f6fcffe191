/* SPDX-License-Identifier: MIT */
/*
 * The walk over IPv6 extension headers (RFC 8200 section 4) and the fragment header codec. See ipv6.h.
 *
 * Invariant of the walk: 40 <= at <= end <= length; each step either moves `at` on by at least 8 bytes or ends the
 * walk, and there are at most WIRE_IPV6_MAX_HEADERS steps. Steps return true to go on; when they return false,
 * verdict and reason are set.
 */
#include "wire/ipv6.h"

#include "wire/ip_text.h"

#define PAYLOAD_LEN_AT 4u
#define NEXT_HEADER_AT 6u
#define DST_AT 24u
#define MAX_PAYLOAD 65535u
#define EXTENSION_UNIT 8u

enum problem_code { PROBLEM_FIELD = 0, PROBLEM_NEXT_HEADER = 1, PROBLEM_OPTION = 2, PROBLEM_CHAIN = 3 };

struct walk {
    const uint8_t *packet;
    uint32_t at, end;
    uint32_t next_at; /* offset of the byte that named `next` */
    uint8_t next;
    bool multicast; /* the destination */
    bool jumbo;     /* payload length 0 and a hop-by-hop header: only a jumbo payload option could explain it */
    struct wire_ipv6_walk *out;
};

static bool drop(struct walk *w, enum wire_ipv6_reason reason)
{
    w->out->verdict = WIRE_IPV6_DROP;
    w->out->reason = reason;
    return false;
}

/* Discard and answer, but not to multicast (RFC 4443 2.4 (e.3)). */
static bool problem(struct walk *w, enum wire_ipv6_reason reason, enum problem_code code, uint32_t pointer)
{
    if (w->multicast)
        return drop(w, reason);
    w->out->verdict = WIRE_IPV6_PARAMETER_PROBLEM;
    w->out->reason = reason;
    w->out->problem_code = (uint8_t)code;
    w->out->problem_pointer = pointer;
    return false;
}

/* The two highest bits of an unknown option's type say what to do (RFC 8200 4.2). */
static bool unknown_option(struct walk *w, uint32_t at)
{
    switch (w->packet[at] >> 6) {
    case 0:
        return true;
    case 1:
        return drop(w, WIRE_IPV6_UNKNOWN_OPTION);
    case 2:
        w->multicast = false; /* to be answered in any case */
        return problem(w, WIRE_IPV6_UNKNOWN_OPTION, PROBLEM_OPTION, at);
    default:
        return problem(w, WIRE_IPV6_UNKNOWN_OPTION, PROBLEM_OPTION, at);
    }
}

/* RFC 2675 section 3. A length that a jumbogram may have is more than a frame holds, so none is ever accepted. */
static bool jumbo_option(struct walk *w, uint32_t at)
{
    if (w->packet[at + 1] != 4 || at % 4 != 2)
        return drop(w, WIRE_IPV6_BAD_OPTION);
    if (!w->jumbo)
        return problem(w, WIRE_IPV6_JUMBO, PROBLEM_FIELD, at);
    if (load_be32(w->packet + at + 2) <= MAX_PAYLOAD)
        return problem(w, WIRE_IPV6_JUMBO, PROBLEM_FIELD, at + 2);
    return drop(w, WIRE_IPV6_JUMBO);
}

static bool router_alert_option(struct walk *w, uint32_t at)
{
    if (w->packet[at + 1] != 2)
        return drop(w, WIRE_IPV6_BAD_OPTION);
    w->out->router_alert = true;
    w->out->router_alert_value = load_be16(w->packet + at + 2);
    return true;
}

static bool one_option(struct walk *w, uint32_t at, bool hop_by_hop)
{
    if (hop_by_hop && w->packet[at] == WIRE_IPV6_OPT_ROUTER_ALERT)
        return router_alert_option(w, at);
    if (hop_by_hop && w->packet[at] == WIRE_IPV6_OPT_JUMBO)
        return jumbo_option(w, at);
    return unknown_option(w, at);
}

/* The bytes that the option at `at` takes, or 0 when it does not fit before `stop`. */
static uint32_t option_size(const struct walk *w, uint32_t at, uint32_t stop)
{
    if (w->packet[at] == WIRE_IPV6_OPT_PAD1)
        return 1;
    if (stop - at < 2 || stop - at - 2 < w->packet[at + 1])
        return 0;
    return 2u + w->packet[at + 1];
}

static bool is_padding(const struct walk *w, uint32_t at)
{
    return w->packet[at] == WIRE_IPV6_OPT_PAD1 || w->packet[at] == WIRE_IPV6_OPT_PADN;
}

/* PadN is zeros (RFC 8200 4.2), else it could carry what nobody looks at. */
static bool padding_is_zero(const struct walk *w, uint32_t at, uint32_t size)
{
    for (uint32_t i = 2; i < size; i++)
        if (w->packet[at + i] != 0)
            return false;
    return true;
}

/* The options in [at, stop) of a header. */
static bool walk_options(struct walk *w, uint32_t at, uint32_t stop, bool hop_by_hop)
{
    uint32_t options = 0, padding = 0;
    while (at < stop) {
        uint32_t size = option_size(w, at, stop);
        if (size == 0)
            return drop(w, WIRE_IPV6_BAD_OPTION);
        padding = is_padding(w, at) ? padding + size : 0;
        if (padding > WIRE_IPV6_MAX_PADDING)
            return drop(w, WIRE_IPV6_BAD_OPTION);
        if (padding > 0) {
            if (!padding_is_zero(w, at, size))
                return drop(w, WIRE_IPV6_BAD_OPTION);
        } else {
            if (++options > WIRE_IPV6_MAX_OPTIONS)
                return drop(w, WIRE_IPV6_TOO_MANY_OPTIONS);
            if (!one_option(w, at, hop_by_hop))
                return false;
        }
        at += size;
    }
    return true;
}

/* The size of a header in 8-byte units at w->at, or 0 when it is not all there. */
static uint32_t extension_size(const struct walk *w)
{
    if (w->end - w->at < EXTENSION_UNIT)
        return 0;
    uint32_t size = (w->packet[w->at + 1] + 1u) * EXTENSION_UNIT;
    return size <= w->end - w->at ? size : 0;
}

static void move_on(struct walk *w, uint32_t size)
{
    w->next_at = w->at;
    w->next = w->packet[w->at];
    w->at += size;
}

static bool step_options(struct walk *w, bool hop_by_hop)
{
    if (hop_by_hop && w->at != WIRE_IPV6_LEN)
        return problem(w, WIRE_IPV6_HOP_BY_HOP_MISPLACED, PROBLEM_NEXT_HEADER, w->next_at);
    uint32_t size = extension_size(w);
    if (size == 0)
        return drop(w, WIRE_IPV6_TRUNCATED);
    if (!walk_options(w, w->at + 2, w->at + size, hop_by_hop))
        return false;
    if (w->jumbo)
        return problem(w, WIRE_IPV6_JUMBO, PROBLEM_FIELD, PAYLOAD_LEN_AT);
    move_on(w, size);
    return true;
}

/* No routing type is supported: with segments left it is an error, without it is skipped (RFC 8200 4.4, RFC 5095). */
static bool step_routing(struct walk *w)
{
    uint32_t size = extension_size(w);
    if (size == 0)
        return drop(w, WIRE_IPV6_TRUNCATED);
    if (w->packet[w->at + 3] != 0)
        return problem(w, WIRE_IPV6_ROUTING, PROBLEM_FIELD, w->at + 2);
    move_on(w, size);
    return true;
}

/* What a first fragment must hold of an upper header. */
static uint32_t upper_min(uint8_t protocol)
{
    switch (protocol) {
    case IP_PROTO_TCP:
        return 20;
    case IP_PROTO_UDP:
    case IP_PROTO_ICMPV6:
        return 8;
    case IP_PROTO_NONE:
        return 0;
    default:
        return 1;
    }
}

/* RFC 7112: the first fragment holds all headers. Looks at lengths only; the rest waits for reassembly. */
static bool check_chain(struct walk *w)
{
    struct walk chain = *w;
    move_on(&chain, WIRE_IPV6_FRAGMENT_LEN);
    unsigned headers = w->out->header_count;
    while (wire_ipv6_is_extension(chain.next)) {
        if (chain.next == IP_PROTO_FRAGMENT)
            return drop(w, WIRE_IPV6_FRAGMENT_NESTED);
        if (++headers > WIRE_IPV6_MAX_HEADERS)
            return drop(w, WIRE_IPV6_TOO_MANY_HEADERS);
        uint32_t size = extension_size(&chain);
        if (size == 0)
            return problem(w, WIRE_IPV6_CHAIN_INCOMPLETE, PROBLEM_CHAIN, 0);
        move_on(&chain, size);
    }
    if (chain.end - chain.at < upper_min(chain.next))
        return problem(w, WIRE_IPV6_CHAIN_INCOMPLETE, PROBLEM_CHAIN, 0);
    return true;
}

/* RFC 8200 4.5: the faults of a fragment that can be seen without the others. */
static bool check_fragment(struct walk *w, const struct wire_ipv6_fragment *f)
{
    uint32_t data = w->end - w->at - WIRE_IPV6_FRAGMENT_LEN;
    if (data == 0)
        return drop(w, WIRE_IPV6_FRAGMENT_EMPTY);
    if (f->more && data % 8 != 0)
        return problem(w, WIRE_IPV6_FRAGMENT_MISALIGNED, PROBLEM_FIELD, PAYLOAD_LEN_AT);
    if (w->at - WIRE_IPV6_LEN + f->offset + data > MAX_PAYLOAD)
        return problem(w, WIRE_IPV6_FRAGMENT_TOO_FAR, PROBLEM_FIELD, w->at + 2);
    return f->offset != 0 || check_chain(w);
}

/* An atomic fragment (RFC 6946) is skipped like any header; others end the walk. */
static bool step_fragment(struct walk *w)
{
    struct wire_ipv6_walk *out = w->out;
    if (out->fragment_header)
        return drop(w, WIRE_IPV6_FRAGMENT_NESTED);
    if (wire_ipv6_fragment_parse(w->packet + w->at, w->end - w->at, &out->frag) < 0)
        return drop(w, WIRE_IPV6_TRUNCATED);
    out->fragment_header = true;
    out->fragment_at = w->at;
    out->fragment_next_at = w->next_at;
    out->fragment = out->frag.offset != 0 || out->frag.more;
    if (out->fragment && !check_fragment(w, &out->frag))
        return false;
    move_on(w, WIRE_IPV6_FRAGMENT_LEN);
    return true;
}

static bool step(struct walk *w)
{
    if (w->out->header_count == WIRE_IPV6_MAX_HEADERS)
        return drop(w, WIRE_IPV6_TOO_MANY_HEADERS);
    w->out->header_count++;
    switch (w->next) {
    case IP_PROTO_HOP_BY_HOP:
        return step_options(w, true);
    case IP_PROTO_DESTINATION_OPTIONS:
        return step_options(w, false);
    case IP_PROTO_ROUTING:
        return step_routing(w);
    default:
        return step_fragment(w);
    }
}

static bool begin(struct walk *w, size_t length)
{
    if (length < WIRE_IPV6_LEN)
        return drop(w, WIRE_IPV6_TRUNCATED);
    if (w->packet[0] >> 4 != 6)
        return drop(w, WIRE_IPV6_BAD_VERSION);
    uint32_t payload_len = load_be16(w->packet + PAYLOAD_LEN_AT);
    w->at = WIRE_IPV6_LEN;
    w->next_at = NEXT_HEADER_AT;
    w->next = w->packet[NEXT_HEADER_AT];
    w->multicast = w->packet[DST_AT] == 0xff;
    w->jumbo = payload_len == 0 && w->next == IP_PROTO_HOP_BY_HOP;
    size_t present = length - WIRE_IPV6_LEN;
    if (w->jumbo)
        payload_len = present < MAX_PAYLOAD ? (uint32_t)present : MAX_PAYLOAD;
    if (payload_len > present)
        return drop(w, WIRE_IPV6_TRUNCATED);
    w->end = WIRE_IPV6_LEN + payload_len;
    return true;
}

static enum wire_ipv6_verdict end(const struct walk *w)
{
    w->out->protocol = w->next;
    w->out->offset = w->at;
    w->out->end = w->end;
    w->out->next_header_at = w->next_at;
    return w->out->verdict;
}

enum wire_ipv6_verdict wire_ipv6_walk(const uint8_t *packet, size_t length, struct wire_ipv6_walk *out)
{
    memset(out, 0, sizeof *out);
    struct walk w = {.packet = packet, .out = out};
    bool good = begin(&w, length);
    while (good && wire_ipv6_is_extension(w.next) && !out->fragment)
        good = step(&w);
    return end(&w);
}

enum wire_ipv6_verdict wire_ipv6_walk_hop_by_hop(const uint8_t *packet, size_t length, struct wire_ipv6_walk *out)
{
    memset(out, 0, sizeof *out);
    struct walk w = {.packet = packet, .out = out};
    if (begin(&w, length) && w.next == IP_PROTO_HOP_BY_HOP)
        (void)step(&w);
    return end(&w);
}

const char *wire_ipv6_reason_text(enum wire_ipv6_reason reason)
{
    switch (reason) {
#define REASON_TEXT(name, text)                                                                                        \
    case name:                                                                                                         \
        return text;
        WIRE_IPV6_REASONS(REASON_TEXT)
#undef REASON_TEXT
    case WIRE_IPV6_REASON_COUNT:
        break;
    }
    return "unknown reason";
}

int wire_ipv6_fragment_parse(const uint8_t *bytes, size_t length, struct wire_ipv6_fragment *out)
{
    if (length < WIRE_IPV6_FRAGMENT_LEN)
        return ERR_TRUNCATED;
    uint16_t offset = load_be16(bytes + 2);
    out->next_header = bytes[0];
    out->offset = offset & 0xfff8u;
    out->more = (offset & 1u) != 0;
    out->id = load_be32(bytes + 4);
    return WIRE_IPV6_FRAGMENT_LEN;
}

int wire_ipv6_fragment_build(uint8_t *to, const struct wire_ipv6_fragment *h)
{
    to[0] = h->next_header;
    to[1] = 0;
    store_be16(to + 2, (uint16_t)((h->offset & 0xfff8u) | (h->more ? 1u : 0u)));
    store_be32(to + 4, h->id);
    return WIRE_IPV6_FRAGMENT_LEN;
}

int wire_ipv6_fragment_print(char *to, size_t size, const struct wire_ipv6_fragment *h)
{
    struct text t = text_into(to, size);
    text_string(&t, "frag id 0x");
    text_hex(&t, h->id, 8);
    text_field(&t, " offset ", h->offset);
    if (h->more)
        text_string(&t, " more");
    text_field(&t, " next ", h->next_header);
    return text_finish(&t);
}

int wire_ipv6_print(char *to, size_t size, const struct wire_ipv6 *h)
{
    struct text t = text_into(to, size);
    text_ip_addr(&t, &h->src);
    text_string(&t, " > ");
    text_ip_addr(&t, &h->dst);
    text_field(&t, " next ", h->next_header);
    text_field(&t, " hlim ", h->hop_limit);
    text_field(&t, " len ", h->payload_len);
    if (h->traffic_class != 0)
        text_field(&t, " class ", h->traffic_class);
    if (h->flow_label != 0) {
        text_string(&t, " flow 0x");
        text_hex(&t, h->flow_label, 5);
    }
    return text_finish(&t);
}
