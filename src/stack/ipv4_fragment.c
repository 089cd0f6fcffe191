/* SPDX-License-Identifier: MIT */
/*
 * Datagrams longer than their path allows: RFC 791 section 3.2. Such a datagram is built whole, in a frame of the
 * stack's own `large` pool, may wait there for its neighbour, and is cut when it leaves. When the link has no room for
 * all of it, the rest is dropped and counted once.
 */
#include "stack/ipv4_output.h"

#include "stack/stack_internal.h"

#define MORE_FRAGMENTS 0x2000u

int ipv4_large_init(struct packet_pool *pool, uint32_t frames, const struct allocator *a)
{
    return packet_pool_init(pool, a, frames, PACKET_HEADROOM + HOST_HEADER_BYTES + WIRE_IPV4_MAX_TOTAL, 0);
}

struct packet *ipv4_large_take(struct stack *s)
{
    struct packet *p;
    return packet_pool_get(&s->large, &p, 1) ? p : NULL;
}

static bool send_piece(struct stack *s, struct interface *itf, const struct host *h, const struct packet *whole,
                       uint32_t from, uint32_t bytes, struct ipv4_fields *f)
{
    const uint8_t *ip = whole->data + whole->l3_offset;
    struct packet *p = interface_take(itf, LINK_ALLOC_DATA);
    if (!p)
        return false;
    bool more = whole->l4_offset + from + bytes < whole->len;
    f->fragment = (uint16_t)((more ? MORE_FRAGMENTS : 0) | from / 8);
    memcpy(ipv4_begin(p, h, whole->data, load_be32(ip + 16)), ip + WIRE_IPV4_MIN + from, bytes);
    ipv4_complete(p, h, bytes, f);
    interface_send(s, itf, p);
    return true;
}

void ipv4_send_cut(struct stack *s, struct interface *itf, const struct host *h, struct packet *whole, uint32_t mtu)
{
    const uint8_t *ip = whole->data + whole->l3_offset;
    struct ipv4_fields f = {.id = load_be16(ip + 4), .ttl = ip[8], .protocol = ip[9], .tos = ip[1]};
    uint32_t bytes = whole->len - whole->l4_offset, step = (mtu - WIRE_IPV4_MIN) & ~7u;
    bool room = true;
    for (uint32_t from = 0; room && from < bytes; from += step) {
        room = send_piece(s, itf, h, whole, from, min_u32(step, bytes - from), &f);
        s->counters.ipv4_fragments_sent += room;
    }
    if (room)
        s->counters.ipv4_fragmented++;
    else
        STACK_DROP(s, TRACE_IP, tx_no_room);
    packet_release(whole);
}
