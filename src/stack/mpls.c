/* SPDX-License-Identifier: MIT */
/*
 * See mpls.h. The whole stack is read before anything of it counts; then what is left of it without nulls is compared
 * with the end of the receiving host's own.
 */
#include "stack/mpls.h"

#include "stack/ipv4_input.h"
#include "stack/ipv6_input.h"
#include "wire/mpls.h"

/* The labels of a frame that name something, outermost first. */
struct named_labels {
    unsigned count;
    uint32_t label[STACK_MAX_LABELS];
};

/* Of one label; false: it has no place there. RFC 3032 2.1; RFC 4182: nulls may be anywhere. */
static bool read_label(const struct wire_mpls *entry, struct named_labels *out)
{
    switch (entry->label) {
    case WIRE_MPLS_IPV4_NULL:
    case WIRE_MPLS_IPV6_NULL:
        return true;
    case WIRE_MPLS_ROUTER_ALERT:
        return !entry->bottom;
    default:
        if (entry->label < WIRE_MPLS_FIRST_LABEL)
            return false;
        out->label[out->count++] = entry->label;
        return true;
    }
}

/* RFC 3032 2.4.1: with a TTL of 1 a label gets no further than here, and no datagram out of it. */
static bool read_labels(struct stack *s, const struct wire_mpls *entries, unsigned n, struct named_labels *out)
{
    out->count = 0;
    for (unsigned i = 0; i < n; i++) {
        if (entries[i].ttl <= 1) {
            STACK_DROP(s, TRACE_LINK, mpls_ttl_exceeded);
            return false;
        }
        if (!read_label(&entries[i], out)) {
            STACK_DROP(s, TRACE_LINK, mpls_reserved_label);
            return false;
        }
    }
    return true;
}

/* 4 or 6, as the datagram says and the label above it allows; 0 (counted): neither. */
static unsigned read_version(struct stack *s, const struct arrival *a, const struct wire_mpls *bottom)
{
    unsigned version = a->l3_len ? a->l3[0] >> 4 : 0;
    bool known = version == 4 || version == 6;
    if (known && (bottom->label != WIRE_MPLS_IPV4_NULL || version == 4) &&
        (bottom->label != WIRE_MPLS_IPV6_NULL || version == 6))
        return version;
    STACK_DROP(s, TRACE_LINK, mpls_bad_payload);
    return 0;
}

/* Where it goes; unspecified: its header is cut off, which IP will find. */
static struct ip_addr destination_of(const struct arrival *a, unsigned version)
{
    if (version == 4 && a->l3_len >= WIRE_IPV4_MIN)
        return ip_addr_from_v4(load_be32(a->l3 + 16));
    if (version == 6 && a->l3_len >= WIRE_IPV6_LEN)
        return ip_addr_from_v6(a->l3 + 24);
    return (struct ip_addr){{0}};
}

static bool is_to_many(const struct ip_addr *to)
{
    return ip_addr_is_multicast(to) || (ip_addr_is_v4(to) && ipv4_addr_is_broadcast(ip_addr_to_v4(to)));
}

/* The host that it is for, else one of its station, else NULL. */
static const struct host *receiver_of(struct stack *s, const struct arrival *a, const struct ip_addr *to)
{
    const struct host *h = ip_addr_is_v4(to) ? host_find(&s->hosts, a->segment, ip_addr_to_v4(to), a->eth)
                                             : host_find6(&s->hosts, a->segment, to, a->eth);
    return h ? h : host_find_mac(&s->hosts, a->segment, a->eth);
}

/* Whether the host's own stack ends like this. */
static bool ends_like(const struct host *h, const struct named_labels *labels)
{
    unsigned own = h->label_bytes / WIRE_MPLS_LEN;
    if (labels->count > own)
        return false;
    const uint8_t *at = h->header + h->l2_len - labels->count * WIRE_MPLS_LEN;
    for (unsigned i = 0; i < labels->count; i++, at += WIRE_MPLS_LEN)
        if (load_be32(at) >> 12 != labels->label[i])
            return false;
    return true;
}

/* Reads the label stack; its bytes, or 0 (counted). */
static uint32_t read_stack(struct stack *s, const struct arrival *a, struct wire_mpls *entries, unsigned *n)
{
    int bytes = wire_mpls_parse_stack(a->l3, a->l3_len, s->settings.max_mpls_labels, entries, n);
    if (bytes > 0)
        return (uint32_t)bytes;
    if (bytes == ERR_TRUNCATED)
        STACK_DROP(s, TRACE_LINK, mpls_no_bottom);
    else
        STACK_DROP(s, TRACE_LINK, mpls_too_deep);
    return 0;
}

void mpls_input(struct stack *s, struct arrival *a)
{
    struct wire_mpls entries[STACK_MAX_LABELS];
    struct named_labels labels;
    unsigned n, version;
    if (!host_segment(&s->hosts, a->segment)->mpls) {
        STACK_DROP(s, TRACE_LINK, l2_unknown_ethertype);
        return;
    }
    if (a->group) {
        STACK_DROP(s, TRACE_LINK, mpls_multicast);
        return;
    }
    uint32_t bytes = read_stack(s, a, entries, &n);
    if (bytes == 0 || !read_labels(s, entries, n, &labels))
        return;
    a->l3 += bytes;
    a->l3_len -= bytes;
    a->packet->l3_offset = (uint16_t)(a->packet->l3_offset + bytes);
    version = read_version(s, a, &entries[n - 1]);
    if (version == 0)
        return;
    const struct ip_addr to = destination_of(a, version);
    const struct host *h = receiver_of(s, a, &to);
    a->labelled = true;
    if (is_to_many(&to))
        STACK_DROP(s, TRACE_LINK, mpls_multicast);
    else if (!h || !ends_like(h, &labels))
        STACK_DROP(s, TRACE_LINK, mpls_unknown_label);
    else if (version == 4)
        ipv4_input(s, a);
    else
        ipv6_input(s, a);
}
