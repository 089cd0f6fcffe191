/* SPDX-License-Identifier: MIT */
/*
 * Datagrams longer than their path allows: RFC 791 section 3.2, RFC 8200 4.5. Such a datagram is built whole, in a
 * frame of the stack's own `large` pool, may wait there for its neighbour, and is cut when it leaves. When the link has
 * no room for all of it, the rest is dropped and counted once.
 */
#include "stack/ip_output.h"
#include "stack/ipv4_output.h"
#include "stack/ipv6_output.h"
#include "stack/stack_internal.h"

#define MORE_FRAGMENTS 0x2000u

int ip_large_init(struct packet_pool *pool, uint32_t frames, const struct allocator *a)
{
    return packet_pool_init(pool, a, frames, PACKET_HEADROOM + HOST_HEADER_MAX_BYTES + UINT16_MAX, 0);
}

struct packet *ip_large_take(struct stack *s)
{
    struct packet *p;
    return packet_pool_get(&s->large, &p, 1) ? p : NULL;
}

/* A datagram that is being cut: which part of its payload is next, and its identification. */
struct cut {
    const struct host *host;
    const struct packet *whole;
    uint32_t from, bytes, id;
    bool more;
};

static const uint8_t *header_of(const struct cut *c) { return c->whole->data + c->whole->l3_offset; }
static const uint8_t *part_of(const struct cut *c) { return c->whole->data + c->whole->l4_offset + c->from; }

static uint32_t v4_header_of(const struct packet *whole) { return (uint32_t)whole->l4_offset - whole->l3_offset; }

/* RFC 791 3.1: the first fragment has them all, the others those that say so. */
static uint32_t options_of(const struct cut *c, uint8_t *out)
{
    const uint8_t *all = header_of(c) + WIRE_IPV4_MIN;
    uint32_t n = v4_header_of(c->whole) - WIRE_IPV4_MIN;
    if (c->from != 0)
        return wire_ipv4_options_copied(all, n, out);
    memcpy(out, all, n);
    return n;
}

/* A piece has labels when the whole has them. Returns where its part goes. */
static uint8_t *begun(const struct cut *c, struct packet *p)
{
    return c->whole->l3_offset == p->l3_offset ? p->data + p->l4_offset : ip_without_labels(p, c->host);
}

static void write_v4(const struct cut *c, struct packet *p)
{
    const uint8_t *ip = header_of(c);
    const struct ipv4_fields f = {.id = (uint16_t)c->id,
                                  .fragment = (uint16_t)((c->more ? MORE_FRAGMENTS : 0) | c->from / 8),
                                  .ttl = ip[8],
                                  .protocol = ip[9],
                                  .tos = ip[1]};
    uint8_t options[WIRE_IPV4_MAX_OPTIONS];
    uint32_t n = options_of(c, options);
    ipv4_begin(p, c->host, c->whole->data, load_be32(ip + 16));
    uint8_t *at = begun(c, p);
    memcpy(n ? ipv4_options_begin(p, options, n) : at, part_of(c), c->bytes);
    ipv4_complete(p, c->host, n + c->bytes, &f);
    if (n)
        ipv4_options_complete(p, n);
}

static void write_v6(const struct cut *c, struct packet *p)
{
    const uint8_t *ip = header_of(c);
    const struct ip_addr destination = ip_addr_from_v6(ip + 24);
    const struct wire_ipv6_fragment h = {
        .id = c->id, .offset = (uint16_t)c->from, .next_header = ip[6], .more = c->more};
    const struct ipv6_fields f = {.hop_limit = ip[7],
                                  .next_header = IP_PROTO_FRAGMENT,
                                  .traffic_class = (uint8_t)(load_be16(ip) >> 4),
                                  .flow_label = load_be32(ip) & 0xfffffu};
    ipv6_begin(p, c->host, c->whole->data, &destination);
    uint8_t *at = begun(c, p);
    wire_ipv6_fragment_build(at, &h);
    memcpy(at + WIRE_IPV6_FRAGMENT_LEN, part_of(c), c->bytes);
    ipv6_complete(p, WIRE_IPV6_FRAGMENT_LEN + c->bytes, &f);
}

static bool send_piece(struct stack *s, struct interface *itf, const struct cut *c)
{
    struct packet *p = interface_take(itf, LINK_ALLOC_DATA);
    if (!p)
        return false;
    if (c->host->v6)
        write_v6(c, p);
    else
        write_v4(c, p);
    interface_send(s, itf, p);
    return true;
}

static void count(struct stack *s, const struct host *h, uint32_t sent, bool all)
{
    if (h->v6) {
        s->counters.ipv6_fragments_sent += sent;
        s->counters.ipv6_fragmented += all;
    } else {
        s->counters.ipv4_fragments_sent += sent;
        s->counters.ipv4_fragmented += all;
    }
    if (!all)
        STACK_DROP(s, TRACE_IP, tx_no_room);
}

static uint32_t id_of(struct stack *s, const struct host *h, const struct packet *whole)
{
    const uint8_t *ip = whole->data + whole->l3_offset;
    if (!h->v6)
        return load_be16(ip + 4);
    const struct ip_addr destination = ip_addr_from_v6(ip + 24);
    return ip_next_id(s, &h->ip, &destination);
}

void ip_send_cut(struct stack *s, struct interface *itf, const struct host *h, struct packet *whole, uint32_t mtu)
{
    uint32_t all = whole->len - whole->l4_offset, sent = 0;
    uint32_t headers = h->v6 ? WIRE_IPV6_LEN + WIRE_IPV6_FRAGMENT_LEN : v4_header_of(whole);
    uint32_t step = (mtu - headers) & ~7u;
    struct cut c = {.host = h, .whole = whole, .id = id_of(s, h, whole)};
    for (; c.from < all; c.from += step, sent++) {
        c.bytes = min_u32(step, all - c.from);
        c.more = c.from + c.bytes < all;
        if (!send_piece(s, itf, &c))
            break;
    }
    count(s, h, sent, c.from >= all);
    packet_release(whole);
}
