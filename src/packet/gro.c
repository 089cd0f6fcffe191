/* SPDX-License-Identifier: MIT */
/*
 * Merging received segments: see gro.h. One pass over the burst; a few connections are open at a time, each with the
 * packet that its next segment may join. What a packet needs to be merged (IP length, checksum state) is written once,
 * when its connection closes.
 */
#include "packet/gro.h"

#include "base/checksum.h"
#include "base/error.h"
#include "packet/headers.h"
#include "packet/link.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

#define FLOWS 8u /* open at a time; a ninth closes the oldest */
#define IP_MAX 65535u
#define IPV4_DF 0x40u
#define TIMESTAMPS_LEN 12u
#define TSVAL_AT 4u
#define JOINING_FLAGS (unsigned)(TCP_ACK | TCP_PSH | TCP_FIN | TCP_ECE | TCP_CWR)
#define ENDING_FLAGS (unsigned)(TCP_PSH | TCP_FIN)

/* The frags of one merged packet, and the packets whose payload they are. */
struct list {
    struct gro *gro;
    uint32_t live;
    struct packet_frag frags[PACKET_MAX_FRAGS];
    struct piece {
        struct list *list;
        struct packet *packet;
    } pieces[PACKET_MAX_FRAGS];
};

/* A segment and where its parts lie. */
struct segment {
    struct packet *packet;
    struct packet_headers h;
    uint32_t payload_len;
    uint32_t seq;
    unsigned flags;
};

/* An open connection: its first segment, and what has joined. */
struct flow {
    struct segment first;
    uint32_t payload_len; /* all */
    uint32_t tsval;       /* the last */
    uint16_t id;          /* the last */
    unsigned flags;       /* ENDING_FLAGS seen */
    bool closed;          /* nothing more may join */
};

int gro_init(struct gro *g, const struct allocator *a, uint32_t lists)
{
    *g = (struct gro){0};
    return pool_init(&g->lists, a, lists, sizeof(struct list), alignof(struct list));
}

void gro_free(struct gro *g)
{
    assert(g->lists.used == 0);
    pool_free(&g->lists);
}

/* ---- what a segment is ---- */

static const uint8_t *l3_of(const struct segment *s) { return s->packet->data + s->h.l3; }
static const uint8_t *tcp_of(const struct segment *s) { return s->packet->data + s->h.l4; }

static bool checksums_right(const struct segment *s)
{
    const struct packet_headers *h = &s->h;
    if (!h->v6 && !wire_ipv4_checksum_ok20(l3_of(s)))
        return false;
    if (s->packet->checksum != PACKET_CHECKSUM_UNKNOWN)
        return true;
    uint32_t length = h->end - h->l4;
    return checksum_ok(checksum_add(packet_headers_pseudo(h, s->packet->data, length), tcp_of(s), length));
}

/* Whether the packet is a TCP segment at all; then its headers are known. */
static bool is_tcp(struct packet *p, struct segment *s)
{
    s->packet = p;
    if (packet_headers_find(p, &s->h) < 0 || s->h.protocol != IP_PROTO_TCP)
        return false;
    s->payload_len = s->h.end - s->h.payload;
    s->seq = load_be32(tcp_of(s) + 4);
    s->flags = load_be16(tcp_of(s) + 12) & 0xfffu;
    return true;
}

/* Whether it may be merged. */
static bool is_candidate(const struct segment *s)
{
    const struct packet *p = s->packet;
    bool plain = p->nfrags == 0 && p->gso == PACKET_GSO_NONE && s->h.end <= p->len;
    bool options = !s->h.v6 && s->h.l4 - s->h.l3 != WIRE_IPV4_MIN;
    return plain && !options && s->payload_len > 0 && (s->flags & TCP_ACK) && !(s->flags & ~JOINING_FLAGS) &&
           checksums_right(s);
}

/* ---- what belongs together ---- */

/* Link header, tag, addresses and ports. */
static bool same_connection(const struct segment *a, const struct segment *b)
{
    const struct packet *p = a->packet, *q = b->packet;
    uint32_t addresses = a->h.v6 ? 8 : 12, size = a->h.v6 ? 32 : 8;
    return a->h.l3 == b->h.l3 && a->h.v6 == b->h.v6 && p->vlan_present == q->vlan_present &&
           (!p->vlan_present || p->vlan_tci == q->vlan_tci) && memcmp(p->data, q->data, a->h.l3) == 0 &&
           memcmp(l3_of(a) + addresses, l3_of(b) + addresses, size) == 0 && memcmp(tcp_of(a), tcp_of(b), 4) == 0;
}

static bool ip_continues(const struct flow *f, const struct segment *s)
{
    const uint8_t *a = l3_of(&f->first), *b = l3_of(s);
    if (s->h.v6)
        return memcmp(a, b, 4) == 0 && a[7] == b[7];
    bool next_id = (b[6] & IPV4_DF) || load_be16(b + 4) == (uint16_t)(f->id + 1);
    return a[1] == b[1] && a[8] == b[8] && memcmp(a + 6, b + 6, 2) == 0 && next_id;
}

static bool has_timestamps(const struct segment *s)
{
    return s->h.payload - s->h.l4 == WIRE_TCP_MIN + TIMESTAMPS_LEN &&
           load_be32(tcp_of(s) + WIRE_TCP_MIN) == WIRE_TCP_TS_PREFIX;
}

static uint32_t tsval_of(const struct segment *s) { return load_be32(tcp_of(s) + WIRE_TCP_MIN + TSVAL_AT); }

static bool options_continue(const struct flow *f, const struct segment *s)
{
    const uint8_t *a = tcp_of(&f->first) + WIRE_TCP_MIN, *b = tcp_of(s) + WIRE_TCP_MIN;
    uint32_t length = s->h.payload - s->h.l4 - WIRE_TCP_MIN;
    if (!has_timestamps(s))
        return memcmp(a, b, length) == 0;
    return load_be32(a) == WIRE_TCP_TS_PREFIX && memcmp(a + 8, b + 8, 4) == 0 && (int32_t)(tsval_of(s) - f->tsval) >= 0;
}

static bool tcp_continues(const struct flow *f, const struct segment *s)
{
    const uint8_t *a = tcp_of(&f->first), *b = tcp_of(s);
    return s->h.payload - s->h.l4 == f->first.h.payload - f->first.h.l4 && s->seq == f->first.seq + f->payload_len &&
           memcmp(a + 8, b + 8, 4) == 0 && memcmp(a + 14, b + 14, 2) == 0 && memcmp(a + 18, b + 18, 2) == 0 &&
           !(s->flags & TCP_CWR) && !((s->flags ^ f->first.flags) & ~(ENDING_FLAGS | TCP_CWR)) &&
           options_continue(f, s);
}

/* ---- merging ---- */

/* A segment's packet goes home with its frag; the list with the last. */
static void release_piece(void *context, const uint8_t *bytes)
{
    (void)bytes;
    struct piece *piece = context;
    struct list *list = piece->list;
    packet_release(piece->packet);
    if (--list->live == 0)
        pool_put(&list->gro->lists, pool_index(&list->gro->lists, list));
}

/* The list of the flow's packet, made when the second segment comes; NULL when none is left. */
static struct list *list_of(struct gro *g, struct packet *head)
{
    if (head->nfrags)
        return container_of(head->frags, struct list, frags);
    uint32_t index = pool_get(&g->lists);
    if (index == POOL_NONE) {
        g->exhausted++;
        return NULL;
    }
    struct list *list = pool_at(&g->lists, index);
    list->gro = g;
    list->live = 0;
    head->frags = list->frags;
    return list;
}

static bool has_room(const struct flow *f, const struct segment *s)
{
    const struct packet_headers *h = &f->first.h;
    uint32_t headers = h->v6 ? h->payload - h->l3 - WIRE_IPV6_LEN : h->payload - h->l3;
    return f->first.packet->nfrags < PACKET_MAX_FRAGS && headers + f->payload_len + s->payload_len <= IP_MAX;
}

static void append(struct list *list, struct packet *head, const struct segment *s)
{
    unsigned at = head->nfrags++;
    list->live++;
    list->pieces[at] = (struct piece){.list = list, .packet = s->packet};
    list->frags[at] = (struct packet_frag){.bytes = s->packet->data + s->h.payload,
                                           .length = s->payload_len,
                                           .release = release_piece,
                                           .context = &list->pieces[at]};
}

/* False when the segment does not belong behind what the flow has. */
static bool join(struct gro *g, struct flow *f, const struct segment *s)
{
    if (f->closed || s->payload_len > f->first.payload_len || !ip_continues(f, s) || !tcp_continues(f, s) ||
        !has_room(f, s))
        return false;
    struct list *list = list_of(g, f->first.packet);
    if (!list)
        return false;
    append(list, f->first.packet, s);
    f->payload_len += s->payload_len;
    f->flags |= s->flags & ENDING_FLAGS;
    f->closed = s->payload_len < f->first.payload_len || (s->flags & ENDING_FLAGS);
    f->id = load_be16(l3_of(s) + 4);
    if (has_timestamps(s))
        f->tsval = tsval_of(s);
    g->merged++;
    return true;
}

static void open_flow(struct flow *f, const struct segment *s)
{
    *f = (struct flow){.first = *s, .payload_len = s->payload_len, .id = load_be16(l3_of(s) + 4)};
    f->closed = (s->flags & ENDING_FLAGS) != 0;
    if (has_timestamps(s))
        f->tsval = tsval_of(s);
}

static void set_ip_length(const struct packet_headers *h, uint8_t *ip, uint32_t l4_bytes)
{
    if (h->v6) {
        store_be16(ip + 4, (uint16_t)l4_bytes);
        return;
    }
    uint16_t was, is, checksum;
    memcpy(&was, ip + 2, sizeof was);
    store_be16(ip + 2, (uint16_t)(WIRE_IPV4_MIN + l4_bytes));
    memcpy(&is, ip + 2, sizeof is);
    memcpy(&checksum, ip + WIRE_IPV4_CHECKSUM_OFFSET, sizeof checksum);
    checksum = checksum_update16(checksum, was, is);
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

/* The merged packet's headers, and what is known of it. A packet that nothing joined stays as it came. */
static void close_flow(struct gro *g, const struct flow *f)
{
    struct packet *p = f->first.packet;
    const struct packet_headers *h = &f->first.h;
    if (p->nfrags == 0)
        return;
    uint32_t l4_bytes = h->payload - h->l4 + f->payload_len;
    uint8_t *tcp = p->data + h->l4;
    p->len = h->end; /* without padding */
    set_ip_length(h, p->data + h->l3, l4_bytes);
    tcp[13] = (uint8_t)(tcp[13] | f->flags);
    uint16_t sum = checksum_fold(packet_headers_pseudo(h, p->data, l4_bytes));
    memcpy(tcp + WIRE_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
    p->gso = h->v6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
    p->gso_size = (uint16_t)f->first.payload_len;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = (uint16_t)h->l4;
    p->checksum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    g->packets++;
}

/* ---- the burst ---- */

struct flows {
    struct flow open[FLOWS];
    unsigned count, oldest;
};

static struct flow *find_flow(struct flows *fs, const struct segment *s)
{
    for (unsigned i = 0; i < fs->count; i++)
        if (same_connection(&fs->open[i].first, s))
            return &fs->open[i];
    return NULL;
}

/* The place of a connection not seen before. */
static struct flow *add_flow(struct gro *g, struct flows *fs)
{
    if (fs->count < FLOWS)
        return &fs->open[fs->count++];
    struct flow *f = &fs->open[fs->oldest];
    fs->oldest = (fs->oldest + 1) % FLOWS;
    close_flow(g, f);
    return f;
}

/* True when the packet became part of another. */
static bool merge(struct gro *g, struct flows *fs, struct packet *p)
{
    struct segment s;
    assert(!p->held);
    if (!is_tcp(p, &s))
        return false;
    struct flow *f = find_flow(fs, &s);
    bool candidate = is_candidate(&s);
    if (f && candidate && join(g, f, &s))
        return true;
    if (!candidate) { /* what comes behind it must not get before it */
        if (f)
            f->closed = true;
        return false;
    }
    if (f)
        close_flow(g, f);
    else
        f = add_flow(g, fs);
    open_flow(f, &s);
    return false;
}

unsigned gro_burst(struct gro *g, struct packet **packets, unsigned n)
{
    struct flows fs = {.count = 0};
    unsigned kept = 0;
    assert(n <= LINK_BURST);
    for (unsigned i = 0; i < n; i++)
        if (!merge(g, &fs, packets[i]))
            packets[kept++] = packets[i];
    for (unsigned i = 0; i < fs.count; i++)
        close_flow(g, &fs.open[i]);
    return kept;
}
