/* SPDX-License-Identifier: MIT */
/*
 * IPv4 off the short path: headers with options, the check of options (RFC 791 3.1), text.
 * The check only reads. Every option but END and NOP moves it on by at least two bytes, so it ends.
 */
#include "wire/ipv4.h"

#include "wire/ip_text.h"

#define OPTION_COPIED 0x80u /* RFC 791 3.1: in each fragment */

int wire_ipv4_build(uint8_t *to, const struct wire_ipv4 *h)
{
    unsigned header_len = WIRE_IPV4_MIN + h->options_len;
    if (header_len > WIRE_IPV4_MAX || header_len % 4 != 0 || h->total_len < header_len)
        return ERR_INVALID;
    if (h->fragment_offset % 8 != 0 || h->flags > 7)
        return ERR_INVALID;
    wire_ipv4_build20(to, h);
    if (header_len == WIRE_IPV4_MIN)
        return WIRE_IPV4_MIN;
    to[0] = (uint8_t)(0x40u | header_len / 4);
    memcpy(to + WIRE_IPV4_MIN, h->options, h->options_len);
    store_be16(to + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, to, header_len));
    memcpy(to + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    return (int)header_len;
}

/* One option during the check: its bytes and how many there are by its length octet (checked to be present). */
struct option {
    const uint8_t *bytes;
    unsigned length;
    unsigned at; /* offset in the IP header */
};

static enum wire_ipv4_options_verdict fault(struct wire_ipv4_options *out, unsigned at,
                                            enum wire_ipv4_options_verdict verdict)
{
    out->pointer = (uint8_t)at;
    return verdict;
}

/* Kinds that may stand once: notes that one was met, or reports the second. */
static enum wire_ipv4_options_verdict once(const struct option *o, bool *met, struct wire_ipv4_options *out)
{
    if (*met)
        return fault(out, o->at, WIRE_IPV4_OPTIONS_DUPLICATE);
    *met = true;
    return WIRE_IPV4_OPTIONS_OK;
}

/*
 * Record route and the source routes: the pointer is 4 at least; where it is not past the option, an address has room
 * there.
 */
static enum wire_ipv4_options_verdict check_route(const struct option *o, struct wire_ipv4_options *out)
{
    if (o->length < 3)
        return fault(out, o->at + 1, WIRE_IPV4_OPTIONS_BAD_LENGTH);
    unsigned pointer = o->bytes[2];
    if (pointer < 4 || (pointer <= o->length && pointer + 3 > o->length))
        return fault(out, o->at + 2, WIRE_IPV4_OPTIONS_BAD_POINTER);
    return WIRE_IPV4_OPTIONS_OK;
}

/*
 * Bytes one stamp takes by the flag of the option: 4 alone, 8 with address (RFC 791: flags 0, 1, 3); 0 for other
 * flags.
 */
static unsigned stamp_len(unsigned flag)
{
    if (flag == 0)
        return 4;
    return flag == 1 || flag == 3 ? 8 : 0;
}

static enum wire_ipv4_options_verdict check_timestamp(const struct option *o, struct wire_ipv4_options *out)
{
    if (o->length < 4)
        return fault(out, o->at + 1, WIRE_IPV4_OPTIONS_BAD_LENGTH);
    unsigned pointer = o->bytes[2];
    unsigned stamp = stamp_len(o->bytes[3] & 15u);
    if (pointer < 5)
        return fault(out, o->at + 2, WIRE_IPV4_OPTIONS_BAD_POINTER);
    if (stamp == 0)
        return fault(out, o->at + 3, WIRE_IPV4_OPTIONS_BAD_POINTER);
    if (pointer <= o->length && pointer - 1 + stamp > o->length)
        return fault(out, o->at + 2, WIRE_IPV4_OPTIONS_BAD_POINTER);
    if (pointer > o->length && o->bytes[3] >> 4 == 15)
        return fault(out, o->at + 3, WIRE_IPV4_OPTIONS_BAD_POINTER); /* the overflow count itself overflows */
    return WIRE_IPV4_OPTIONS_OK;
}

static enum wire_ipv4_options_verdict check_option(const struct option *o, struct wire_ipv4_options *out)
{
    enum wire_ipv4_options_verdict verdict;
    switch (o->bytes[0]) {
    case WIRE_IPV4_OPT_LSRR:
    case WIRE_IPV4_OPT_SSRR:
        verdict = once(o, &out->source_route, out);
        return verdict == WIRE_IPV4_OPTIONS_OK ? check_route(o, out) : verdict;
    case WIRE_IPV4_OPT_RECORD_ROUTE:
        verdict = once(o, &out->record_route, out);
        return verdict == WIRE_IPV4_OPTIONS_OK ? check_route(o, out) : verdict;
    case WIRE_IPV4_OPT_TIMESTAMP:
        verdict = once(o, &out->timestamp, out);
        return verdict == WIRE_IPV4_OPTIONS_OK ? check_timestamp(o, out) : verdict;
    case WIRE_IPV4_OPT_ROUTER_ALERT:
        out->router_alert = o->length == 4;
        return out->router_alert ? WIRE_IPV4_OPTIONS_OK : fault(out, o->at + 1, WIRE_IPV4_OPTIONS_BAD_LENGTH);
    default:
        return WIRE_IPV4_OPTIONS_OK;
    }
}

enum wire_ipv4_options_verdict wire_ipv4_options_check(const uint8_t *options, size_t length,
                                                       struct wire_ipv4_options *out)
{
    *out = (struct wire_ipv4_options){.pointer = 0};
    size_t at = 0;
    while (at < length && options[at] != WIRE_IPV4_OPT_END) {
        if (options[at] == WIRE_IPV4_OPT_NOP) {
            at++;
            continue;
        }
        struct option o = {.bytes = options + at, .at = (unsigned)(WIRE_IPV4_MIN + at)};
        if (length - at < 2)
            return fault(out, o.at, WIRE_IPV4_OPTIONS_BAD_LENGTH);
        o.length = options[at + 1];
        if (o.length < 2 || o.length > length - at)
            return fault(out, o.at, WIRE_IPV4_OPTIONS_BAD_LENGTH);
        enum wire_ipv4_options_verdict verdict = check_option(&o, out);
        if (verdict != WIRE_IPV4_OPTIONS_OK)
            return verdict;
        at += o.length;
    }
    return out->source_route ? WIRE_IPV4_OPTIONS_SOURCE_ROUTE : WIRE_IPV4_OPTIONS_OK;
}

uint32_t wire_ipv4_options_copied(const uint8_t *options, size_t length, uint8_t *out)
{
    uint32_t n = 0;
    for (size_t at = 0, bytes; at < length && options[at] != WIRE_IPV4_OPT_END; at += bytes) {
        bytes = options[at] == WIRE_IPV4_OPT_NOP ? 1 : options[at + 1];
        if (!(options[at] & OPTION_COPIED))
            continue;
        memcpy(out + n, options + at, bytes);
        n += (uint32_t)bytes;
    }
    while (n % 4)
        out[n++] = WIRE_IPV4_OPT_END;
    return n;
}

int wire_ipv4_print(char *to, size_t size, const struct wire_ipv4 *h)
{
    struct text t = text_into(to, size);
    text_ipv4_addr(&t, h->src);
    text_string(&t, " > ");
    text_ipv4_addr(&t, h->dst);
    text_field(&t, " proto ", h->protocol);
    text_field(&t, " ttl ", h->ttl);
    text_field(&t, " len ", h->total_len);
    text_field(&t, " id ", h->id);
    if (h->tos != 0)
        text_field(&t, " tos ", h->tos);
    if (h->flags & WIRE_IPV4_DF)
        text_string(&t, " DF");
    if (h->flags & WIRE_IPV4_MF)
        text_string(&t, " MF");
    if (h->fragment_offset != 0)
        text_field(&t, " offset ", h->fragment_offset);
    if (h->options_len != 0)
        text_field(&t, " options ", h->options_len);
    return text_finish(&t);
}
