/* SPDX-License-Identifier: MIT */
/*
 * What the TCP layer sees of the stack: paths, frames to fill, and received segments with verified checksums. RFC 9293.
 *
 * A path is a pinned neighbour. A frame lent by frame_open carries its host's header, a large one its `gso`; frame_send
 * completes it. Replies go back to the station a segment came from.
 */
#include "stack/datagram.h"
#include "stack/flow_label.h"
#include "stack/ipv4_output.h"
#include "stack/ipv6_output.h"
#include "wire/l4.h"

/* ---- received segments ---- */

/* Of the segment, those that lie in the packet's head. */
static ALWAYS_INLINE uint32_t head_bytes(const struct datagram *d)
{
    return (uint32_t)(d->packet->data + d->packet->len - d->l4);
}

/* A segment that goes on in frags: RFC 1071 section 2 (B), a piece at an odd offset counts with its bytes swapped. */
static bool scattered_checksum_right(const struct datagram *d)
{
    const struct packet *p = d->packet;
    uint32_t done = head_bytes(d);
    uint64_t sum = wire_l4_pseudo(&d->source, &d->destination, IP_PROTO_TCP, d->l4_len);
    sum = checksum_add(sum, d->l4, done);
    for (unsigned i = 0; i < p->nfrags && done < d->l4_len; i++) {
        uint32_t n = min_u32(p->frags[i].length, d->l4_len - done);
        uint64_t piece = checksum_add(0, p->frags[i].bytes, n);
        sum += done % 2 ? checksum_shift(piece) : piece;
        done += n;
    }
    return checksum_ok(sum);
}

static ALWAYS_INLINE bool checksum_right(const struct datagram *d)
{
    if (d->packet->checksum != PACKET_CHECKSUM_UNKNOWN)
        return true;
    if (unlikely(d->l4_len > head_bytes(d)))
        return scattered_checksum_right(d);
    return wire_l4_checksum_ok(&d->source, &d->destination, IP_PROTO_TCP, d->l4, d->l4_len);
}

void tcp_collect(struct stack *s, const struct datagram *d)
{
    struct tcp_segment *g = &s->segments[s->n_segments];
    int header = wire_tcp_parse(d->l4, min_u32(d->l4_len, head_bytes(d)), &g->h);
    if (unlikely(header < 0)) {
        STACK_DROP(s, TRACE_TCP, tcp_short);
        return;
    }
    if (unlikely(!checksum_right(d))) {
        STACK_DROP(s, TRACE_TCP, tcp_bad_checksum);
        return;
    }
    g->packet = d->packet;
    g->key = (struct flow_key){
        .local = d->host->index, .remote = d->source, .local_port = g->h.dst_port, .remote_port = g->h.src_port};
    g->options = d->l4 + WIRE_TCP_MIN;
    g->payload = d->l4 + header;
    g->payload_len = d->l4_len - (uint32_t)header;
    g->skip = 0;
    g->tos = d->tos;
    if (unlikely(++s->n_segments == LINK_BURST))
        tcp_flush(s);
}

/*
 * A pass of its own, so that the processor works on several hashes at once. Segments of one connection often come in a
 * row: their key is hashed once.
 */
static void hash_segments(const struct stack *s, struct tcp_segment *g, unsigned n)
{
    g[0].hash = tcp_flow_hash(s->tcp, &g[0].key);
    for (unsigned i = 1; i < n; i++) {
        bool same = memcmp(&g[i].key, &g[i - 1].key, sizeof g[i].key) == 0;
        g[i].hash = same ? g[i - 1].hash : tcp_flow_hash(s->tcp, &g[i].key);
    }
}

void tcp_flush(struct stack *s)
{
    unsigned n = s->n_segments;
    if (n == 0)
        return;
    s->n_segments = 0;
    hash_segments(s, s->segments, n);
    tcp_input(s->tcp, s->segments, n, s->now);
}

/* ---- paths ---- */

static int path_open(void *context, uint32_t local, const struct ip_addr *remote, struct tcp_path *out)
{
    struct stack *s = context;
    const struct host *h = host_at(&s->hosts, local);
    if (!h || ip_addr_is_v4(remote) == h->v6) {
        STACK_DROP(s, TRACE_IP, ip_no_route);
        return ERR_NO_ROUTE;
    }
    uint32_t neighbour;
    int error = ip_next_hop(s, h, remote, NEIGHBOUR_PATH, &neighbour);
    if (error)
        return error;
    neighbour_pin(s, neighbour);
    const struct interface *itf = &s->interfaces[neighbour_at(&s->neighbours, neighbour)->interface];
    *out = (struct tcp_path){.id = neighbour,
                             .mtu = (uint16_t)pmtu_get(s, h, remote),
                             .link_mtu = (uint16_t)stack_mtu_of(s, h),
                             .link = itf->number,
                             .gso_max = h->label_bytes ? 0 : interface_gso_max(itf)}; /* no link cuts below labels */
    return 0;
}

static void path_close(void *context, uint32_t path) { neighbour_unpin(context, path); }
static void path_doubt(void *context, uint32_t path) { neighbour_doubt(context, path); }

/* ---- frames ---- */

/* At the end of a large frame's buffer, which is empty when its payload lies elsewhere. */
static struct packet_frag *frags_place(const struct packet *p)
{
    uintptr_t end = (uintptr_t)(p->start + p->size) & ~(uintptr_t)(CACHE_LINE - 1);
    return (struct packet_frag *)(end - PACKET_MAX_FRAGS * sizeof(struct packet_frag));
}

/* Headers of both families, and what a TCP checksum begins with: all of the pseudo-header but the length. */
static ALWAYS_INLINE void begin(const struct host *h, const uint8_t *mac, const struct ip_addr *remote,
                                struct tcp_frame *out)
{
    uint64_t sum = checksum_add_u16(h->source_sum, IP_PROTO_TCP);
    if (unlikely(h->v6)) {
        uint32_t w[4];
        memcpy(w, remote->bytes, sizeof w);
        out->l4 = ipv6_begin(out->packet, h, mac, remote);
        out->pseudo_sum = sum + w[0] + w[1] + w[2] + w[3];
    } else {
        out->l4 = ipv4_begin(out->packet, h, mac, ip_addr_to_v4(remote));
        out->pseudo_sum = checksum_add_u32(sum, ip_addr_to_v4(remote));
    }
}

static ALWAYS_INLINE enum tcp_frame_result lend(struct interface *itf, const struct host *h, const uint8_t *mac,
                                                const struct ip_addr *remote, enum link_alloc kind,
                                                struct tcp_frame *out)
{
    struct packet *p = interface_take(itf, kind);
    if (unlikely(!p))
        return TCP_FRAME_NO_ROOM;
    if (kind == LINK_ALLOC_LARGE) {
        p->gso = h->v6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
        out->frags = itf->scatter ? frags_place(p) : NULL;
    }
    out->packet = p;
    out->link = itf->number;
    begin(h, mac, remote, out);
    out->partial_checksum = itf->tx_checksum;
    return TCP_FRAME_OK;
}

static enum tcp_frame_result frame_open(void *context, const struct flow_key *key, uint32_t path, enum link_alloc kind,
                                        struct tcp_frame *out)
{
    struct stack *s = context;
    struct neighbour *n = neighbour_at(&s->neighbours, path);
    const struct host *h = &s->hosts.hosts[key->local];
    if (unlikely(!neighbour_use(s, n, path, key->local))) {
        uint32_t other = s->spare_gateways ? gateway_stand_in(s, h, path) : 0;
        if (!other) {
            out->waiters = &n->waiters;
            return TCP_FRAME_UNRESOLVED;
        }
        n = neighbour_at(&s->neighbours, other);
    }
    return lend(&s->interfaces[n->interface], h, n->mac, &key->remote, kind, out);
}

static ALWAYS_INLINE void complete(struct stack *s, struct packet *p, const struct host *h, uint32_t l4_bytes,
                                   uint8_t ttl, uint8_t tos)
{
    if (unlikely(h->v6)) {
        s->counters.ipv6_sent++;
        const uint8_t *remote = p->data + h->l2_len + 24, *l4 = p->data + p->l4_offset;
        ipv6_complete(p, l4_bytes,
                      &(struct ipv6_fields){.hop_limit = ttl == IP_DEFAULT_TTL ? ip_host_ttl(h) : ttl,
                                            .next_header = IP_PROTO_TCP,
                                            .traffic_class = tos,
                                            .flow_label = flow_label(s, h->index, remote, l4, IP_PROTO_TCP)});
    } else { /* RFC 6864: with DF the identification means nothing */
        s->counters.ipv4_sent++;
        ipv4_complete(p, h, l4_bytes,
                      &(struct ipv4_fields){.fragment = IPV4_DF, .ttl = ttl, .protocol = IP_PROTO_TCP, .tos = tos});
    }
}

static void frame_send(void *context, struct tcp_frame *frame, uint32_t l4_bytes, uint8_t ttl, uint8_t tos)
{
    struct stack *s = context;
    struct packet *p = frame->packet;
    const struct host *h = &s->hosts.hosts[p->hash];
    complete(s, p, h, l4_bytes, ttl, tos);
    if (unlikely(p->nfrags)) /* they count in its headers, but are no part of the head */
        p->len -= (uint32_t)(packet_total_length(p) - p->len);
    if (frame->partial_checksum) {
        p->checksum = PACKET_CHECKSUM_PARTIAL;
        p->checksum_start = p->l4_offset;
        p->checksum_offset = WIRE_TCP_CHECKSUM_OFFSET;
    }
    if (!frame->gso_size)
        p->gso = PACKET_GSO_NONE;
    else
        p->gso = h->v6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4;
    p->gso_size = frame->gso_size;
    if (unlikely(s->filters.count != 0) && !filter_allows_output(s, h, frame->link, p)) {
        packet_release(p);
        return;
    }
    interface_send(s, &s->interfaces[frame->link], p);
}

static void frame_drop(void *context, struct tcp_frame *frame)
{
    struct stack *s = context;
    struct packet *p = frame->packet;
    p->hash = 0;
    interface_put_back(&s->interfaces[frame->link], p);
}

/* The addresses of a datagram that was accepted. */
static void addresses_of(const struct packet *p, struct ip_addr *source, struct ip_addr *destination)
{
    const uint8_t *ip = p->data + p->l3_offset;
    if (ip[0] >> 4 == 6) {
        *source = ip_addr_from_v6(ip + 8);
        *destination = ip_addr_from_v6(ip + 24);
    } else {
        *source = ip_addr_from_v4(load_be32(ip + 12));
        *destination = ip_addr_from_v4(load_be32(ip + 16));
    }
}

static const struct host *receiver_of(struct stack *s, const struct packet *p, const struct ip_addr *destination)
{
    struct wire_eth eth;
    uint32_t segment;
    if (unlikely(s->input->number == STACK_LOOP && s->loop.neighbour))
        return loop_named(&s->hosts, p->data + WIRE_ETH_ADDR_LEN);
    if (ethernet_parse(s, s->input, p, &eth, &segment) < 0)
        return NULL;
    if (ip_addr_is_v4(destination))
        return host_find(&s->hosts, segment, ip_addr_to_v4(destination), p->data);
    return host_find6(&s->hosts, segment, destination, p->data);
}

static enum tcp_frame_result reply_open(void *context, const struct packet *to, struct tcp_frame *out)
{
    struct stack *s = context;
    struct ip_addr source, destination;
    if (!s->input || to->held)
        return TCP_FRAME_NO_ROOM;
    addresses_of(to, &source, &destination);
    const struct host *h = receiver_of(s, to, &destination);
    if (!h)
        return TCP_FRAME_NO_ROOM;
    out->mtu = (uint16_t)stack_mtu_of(s, h);
    return lend(s->input, h, to->data + WIRE_ETH_ADDR_LEN, &source, LINK_ALLOC_CONTROL, out);
}

const struct tcp_lower stack_tcp_lower = {.path_open = path_open,
                                          .path_close = path_close,
                                          .path_doubt = path_doubt,
                                          .frame_open = frame_open,
                                          .frame_send = frame_send,
                                          .frame_drop = frame_drop,
                                          .reply_open = reply_open};
