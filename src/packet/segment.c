/* SPDX-License-Identifier: MIT */
/*
 * See segment.h. The headers are copied and then changed in place; the payload is copied and summed in one pass, piece
 * by piece, where a piece that begins at an odd offset of the segment has its sum shifted (RFC 1071 section 2(B)).
 */
#include "packet/segment.h"

#include "base/checksum.h"
#include "base/error.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define TCP_FLAGS_AT 13u /* the lower eight */
#define TCP_URGENT_AT 18u

static uint32_t checksum_offset_of(const struct packet_headers *h)
{
    return h->protocol == IP_PROTO_TCP ? WIRE_TCP_CHECKSUM_OFFSET : WIRE_UDP_CHECKSUM_OFFSET;
}

static bool is_type(const struct packet *p, const struct packet_headers *h)
{
    switch ((enum packet_gso)p->gso) {
    case PACKET_GSO_TCP4:
        return h->protocol == IP_PROTO_TCP && !h->v6;
    case PACKET_GSO_TCP6:
        return h->protocol == IP_PROTO_TCP && h->v6;
    case PACKET_GSO_UDP:
        return h->protocol == IP_PROTO_UDP;
    case PACKET_GSO_TUNNEL:
        return p->checksum == PACKET_CHECKSUM_PARTIAL;
    case PACKET_GSO_NONE:
        break;
    }
    return false;
}

static bool checksum_place_ok(const struct packet *p, const struct packet_headers *h)
{
    return p->checksum != PACKET_CHECKSUM_PARTIAL ||
           (p->checksum_start == h->l4 && p->checksum_offset == checksum_offset_of(h));
}

static int find_headers(struct packet_segmenter *s, const struct packet *p)
{
    if (unlikely(p->gso == PACKET_GSO_TUNNEL))
        return packet_encapsulation_find(p, &s->around, &s->headers);
    return packet_headers_find(p, &s->headers);
}

static bool can_cut(struct packet_segmenter *s, const struct packet *p)
{
    const struct packet_headers *h = &s->headers;
    if (p->gso_size == 0 || find_headers(s, p) < 0)
        return false;
    bool syn = h->protocol == IP_PROTO_TCP && (p->data[h->l4 + TCP_FLAGS_AT] & TCP_SYN);
    return !syn && is_type(p, h) && h->end == packet_total_length(p) && checksum_place_ok(p, h);
}

int packet_segment_begin(struct packet_segmenter *s, const struct packet *p, bool partial)
{
    *s = (struct packet_segmenter){.from = p, .partial = partial};
    if (!can_cut(s, p))
        return ERR_MALFORMED;
    s->length = s->headers.end - s->headers.payload;
    s->count = max_u32((s->length + p->gso_size - 1) / p->gso_size, 1);
    s->piece_at = s->headers.payload;
    return (int)s->count;
}

/* ---- payload ---- */

/* The bytes that follow in the present piece; an exhausted piece is left for the next. */
static uint32_t piece_rest(struct packet_segmenter *s, const uint8_t **bytes)
{
    const struct packet *p = s->from;
    for (;;) {
        const uint8_t *start = s->piece ? p->frags[s->piece - 1].bytes : p->data;
        uint32_t length = s->piece ? p->frags[s->piece - 1].length : p->len;
        *bytes = start + s->piece_at;
        if (s->piece_at < length)
            return length - s->piece_at;
        s->piece++;
        s->piece_at = 0;
    }
}

/* Copies `length` bytes to `to`; returns their sum, when it is wanted. */
static uint64_t copy_payload(struct packet_segmenter *s, uint8_t *to, uint32_t length)
{
    uint64_t sum = 0;
    for (uint32_t done = 0, n; done < length; done += n) {
        const uint8_t *from;
        n = min_u32(piece_rest(s, &from), length - done);
        s->piece_at += n;
        if (s->partial) {
            memcpy(to + done, from, n);
            continue;
        }
        uint64_t part = checksum_copy(0, to + done, from, n);
        sum += done & 1 ? checksum_shift(part) : part;
    }
    return sum;
}

/* ---- headers ---- */

static void set_ip_length(const struct packet_segmenter *s, const struct packet_headers *h, struct packet *to)
{
    uint8_t *ip = to->data + h->l3;
    if (h->v6) {
        store_be16(ip + 4, (uint16_t)(to->len - h->l4));
        return;
    }
    store_be16(ip + 2, (uint16_t)(to->len - h->l3));
    store_be16(ip + 4, (uint16_t)(load_be16(ip + 4) + s->done));
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, ip, h->l4 - h->l3));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static void set_tcp(const struct packet_segmenter *s, uint8_t *tcp)
{
    unsigned flags = tcp[TCP_FLAGS_AT], urgent = load_be16(tcp + TCP_URGENT_AT);
    if (s->done + 1 < s->count)
        flags &= ~(unsigned)(TCP_FIN | TCP_PSH);
    if (s->done > 0)
        flags &= ~(unsigned)TCP_CWR;
    if ((flags & TCP_URG) && s->at > 0) {
        urgent = urgent > s->at ? urgent - s->at : 0;
        flags = urgent ? flags : flags & ~(unsigned)TCP_URG;
        store_be16(tcp + TCP_URGENT_AT, (uint16_t)urgent);
    }
    tcp[TCP_FLAGS_AT] = (uint8_t)flags;
    store_be32(tcp + 4, load_be32(tcp + 4) + s->at);
}

/* payload_sum: of the bytes behind the header; not used with a partial checksum. */
static void set_checksum(const struct packet_segmenter *s, struct packet *to, uint32_t payload, uint64_t payload_sum)
{
    const struct packet_headers *h = &s->headers;
    uint32_t header = h->payload - h->l4, offset = checksum_offset_of(h);
    uint8_t *l4 = to->data + h->l4;
    uint64_t sum = packet_headers_pseudo(h, to->data, header + payload);
    uint16_t value = checksum_fold(sum);
    if (!s->partial) {
        memset(l4 + offset, 0, sizeof value);
        sum = checksum_add(sum, l4, header);
        value = wire_l4_finish(sum + payload_sum, h->protocol);
    }
    memcpy(l4 + offset, &value, sizeof value);
    to->checksum = s->partial ? PACKET_CHECKSUM_PARTIAL : PACKET_CHECKSUM_UNKNOWN;
    to->checksum_start = (uint16_t)h->l4;
    to->checksum_offset = (uint16_t)offset;
}

/* From the inside to the outside: a checksum covers those that it is around. */
static void set_around(const struct packet_segmenter *s, struct packet *to)
{
    for (unsigned i = s->around.count; i-- > 0;) {
        const struct packet_headers *h = &s->around.headers[i];
        set_ip_length(s, h, to);
        store_be16(to->data + h->l4 + 4, (uint16_t)(to->len - h->l4));
        packet_encapsulation_set_checksum(to, h, &s->headers);
    }
    if (s->around.count) {
        to->l3_offset = (uint16_t)s->around.headers[0].l3;
        to->l4_offset = (uint16_t)s->around.headers[0].l4;
    }
}

int packet_segment_next(struct packet_segmenter *s, struct packet *to)
{
    assert(s->done < s->count);
    const struct packet_headers *h = &s->headers;
    uint32_t payload = min_u32(s->from->gso_size, s->length - s->at);
    if (h->payload + payload > packet_tailroom(to))
        return ERR_NO_SPACE;
    memcpy(to->data, s->from->data, h->payload);
    to->len = h->payload + payload;
    packet_copy_state(to, s->from);
    to->gso = PACKET_GSO_NONE;
    to->l3_offset = (uint16_t)h->l3;
    to->l4_offset = (uint16_t)h->l4;
    uint8_t *l4 = to->data + h->l4;
    set_ip_length(s, h, to);
    if (h->protocol == IP_PROTO_TCP)
        set_tcp(s, l4);
    else
        store_be16(l4 + 4, (uint16_t)(WIRE_UDP_LEN + payload));
    uint64_t payload_sum = copy_payload(s, to->data + h->payload, payload);
    set_checksum(s, to, payload, payload_sum);
    set_around(s, to);
    s->at += payload;
    s->done++;
    return 0;
}
