/* SPDX-License-Identifier: MIT */
/*
 * MPLS label stack entries: RFC 3032 2.1. See mpls.h.
 */
#include "wire/mpls.h"

#include "wire/text.h"

int wire_mpls_parse(const uint8_t *bytes, size_t length, struct wire_mpls *out)
{
    if (length < WIRE_MPLS_LEN)
        return ERR_TRUNCATED;
    uint32_t entry = load_be32(bytes);
    out->label = entry >> 12;
    out->tc = (entry >> 9) & 7u;
    out->bottom = (entry >> 8 & 1u) != 0;
    out->ttl = (uint8_t)entry;
    return WIRE_MPLS_LEN;
}

int wire_mpls_parse_stack(const uint8_t *bytes, size_t length, unsigned max, struct wire_mpls *stack, unsigned *count)
{
    *count = 0;
    for (size_t at = 0; *count < max; at += WIRE_MPLS_LEN) {
        if (wire_mpls_parse(bytes + at, length - at, &stack[*count]) < 0)
            return ERR_TRUNCATED;
        if (stack[(*count)++].bottom)
            return (int)(at + WIRE_MPLS_LEN);
    }
    return ERR_UNSUPPORTED;
}

int wire_mpls_build(uint8_t *to, const struct wire_mpls *h)
{
    store_be32(to, (h->label & WIRE_MPLS_MAX_LABEL) << 12 | (h->tc & 7u) << 9 | (h->bottom ? 1u << 8 : 0) | h->ttl);
    return WIRE_MPLS_LEN;
}

int wire_mpls_print(char *to, size_t size, const struct wire_mpls *h)
{
    struct text t = text_into(to, size);
    text_field(&t, "mpls label ", h->label);
    text_field(&t, " tc ", h->tc);
    text_field(&t, " ttl ", h->ttl);
    if (h->bottom)
        text_string(&t, " bottom");
    return text_finish(&t);
}
