/* SPDX-License-Identifier: MIT */
/*
 * IPv4 datagrams that are too long for the link they leave by, and may be cut: RFC 791 3.2, RFC 1812 5.2.6. What comes
 * may itself be a fragment: offsets go on from its own, and the last piece has its MF. Options whose copied flag is
 * not set stand in the first piece only. When the link has no room for all, the rest is dropped and counted once.
 */
#include "stack/forward_internal.h"
#include "stack/ip_output.h"
#include "stack/ipv4_output.h"
#include "stack/stack_internal.h"

#define OFFSET_MASK 0x1fffu
#define MORE_FRAGMENTS 0x2000u
#define OPTION_COPIED 0x80u

struct cut {
    const uint8_t *ip;   /* the whole datagram's header */
    const uint8_t *link; /* and its frame's */
    uint32_t l2, header, payload;
    uint8_t later[WIRE_IPV4_MAX]; /* header of all pieces but the first */
    uint32_t later_len;
};

/* The header of later pieces: fixed part and copied options, filled up with END. */
static void make_later(struct cut *c)
{
    c->later_len = WIRE_IPV4_MIN;
    memcpy(c->later, c->ip, WIRE_IPV4_MIN);
    for (uint32_t at = WIRE_IPV4_MIN; at < c->header && c->ip[at] != WIRE_IPV4_OPT_END;) {
        uint32_t length = c->ip[at] == WIRE_IPV4_OPT_NOP ? 1 : c->ip[at + 1];
        if (c->ip[at] & OPTION_COPIED) {
            memcpy(c->later + c->later_len, c->ip + at, length);
            c->later_len += length;
        }
        at += length;
    }
    for (; c->later_len % 4; c->later_len++)
        c->later[c->later_len] = WIRE_IPV4_OPT_END;
    c->later[0] = (uint8_t)(0x40u | c->later_len / 4);
}

static void write_piece(const struct cut *c, struct packet *p, uint32_t from, uint32_t bytes)
{
    const uint8_t *header = from ? c->later : c->ip;
    uint32_t header_len = from ? c->later_len : c->header;
    uint16_t whole = load_be16(c->ip + 6),
             more = (whole & MORE_FRAGMENTS) | (from + bytes < c->payload ? MORE_FRAGMENTS : 0u);
    uint8_t *ip = p->data + c->l2;
    memcpy(p->data, c->link, c->l2);
    memcpy(ip, header, header_len);
    memcpy(ip + header_len, c->ip + c->header + from, bytes);
    store_be16(ip + 2, (uint16_t)(header_len + bytes));
    store_be16(ip + 6, (uint16_t)(more | ((whole & OFFSET_MASK) + from / 8)));
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, ip, header_len));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    p->len = c->l2 + header_len + bytes;
    p->l3_offset = (uint16_t)c->l2;
    p->l4_offset = (uint16_t)(c->l2 + header_len);
}

/* Sends the pieces; returns the payload bytes that went. */
static uint32_t send_pieces(struct stack *s, struct interface *itf, const struct cut *c, uint32_t mtu)
{
    uint32_t from = 0, bytes;
    for (; from < c->payload; from += bytes) {
        uint32_t room = (mtu - (from ? c->later_len : c->header)) & ~7u;
        struct packet *p = interface_take(itf, LINK_ALLOC_DATA);
        if (!p)
            break;
        bytes = min_u32(room, c->payload - from);
        write_piece(c, p, from, bytes);
        interface_send(s, itf, p);
        s->counters.ipv4_fragments_sent++;
        s->counters.forward_bytes_copied += bytes;
    }
    return from;
}

void forward_send_cut(struct stack *s, const struct host *out, const struct packet *whole)
{
    struct interface *itf = stack_interface_of(s, out);
    const uint8_t *ip = whole->data + whole->l3_offset;
    struct cut c = {.ip = ip, .link = whole->data, .l2 = out->l2_len, .header = (ip[0] & 15u) * 4u};
    c.payload = load_be16(ip + 2) - c.header;
    make_later(&c);
    if (send_pieces(s, itf, &c, stack_mtu_of(s, out)) < c.payload)
        STACK_DROP(s, TRACE_IP, tx_no_room);
    else
        s->counters.ipv4_fragmented++;
}
