/* SPDX-License-Identifier: MIT */
/*
 * A datagram on its way through: what RFC 1812 section 5 and RFC 8200 ask of a router, in the order local delivery, route,
 * time to live, scope, size, neighbour. Nothing of the frame changes before all of that is known, so that errors quote
 * what came; then its link header is written anew in place, and it joins the burst of the interface it leaves by.
 */
#include "packet/headers.h"
#include "packet/segment.h"
#include "stack/datagram.h"
#include "stack/icmpv6.h"
#include "stack/ipv4_input.h"
#include "stack/ipv4_output.h"
#include "stack/ipv6_input.h"

struct passage {
    struct router *router;
    struct datagram *d; /* d->host is the face of where it came from */
    struct host *out;
    struct interface *interface; /* it leaves by */
    struct ip_addr next_hop;
    uint32_t neighbour;
};

static bool is_v6(const struct passage *f) { return f->d->host->v6; }

/* ---- errors ---- */

static void unreachable(struct stack *s, const struct datagram *d, uint8_t v4_code, uint8_t v6_code)
{
    if (d->host->v6)
        icmpv6_send_error(s, d, WIRE_ICMPV6_UNREACHABLE, v6_code, 0);
    else
        icmp_send_error(s, d, WIRE_ICMP_UNREACHABLE, v4_code, 0);
}

static void no_route(struct stack *s, const struct datagram *d)
{
    STACK_DROP(s, TRACE_IP, forward_no_route);
    unreachable(s, d, WIRE_ICMP_NET_UNREACHABLE, WIRE_ICMPV6_NO_ROUTE);
}

static void too_old(struct stack *s, const struct datagram *d)
{
    STACK_DROP(s, TRACE_IP, forward_ttl_exceeded);
    if (d->host->v6)
        icmpv6_send_error(s, d, WIRE_ICMPV6_TIME_EXCEEDED, WIRE_ICMPV6_HOP_LIMIT_EXCEEDED, 0);
    else
        icmp_send_error(s, d, WIRE_ICMP_TIME_EXCEEDED, WIRE_ICMP_TTL_EXCEEDED, 0);
}

static void too_big(struct stack *s, const struct datagram *d, uint32_t mtu)
{
    STACK_DROP(s, TRACE_IP, forward_too_big);
    if (d->host->v6)
        icmpv6_send_error(s, d, WIRE_ICMPV6_PACKET_TOO_BIG, 0, mtu);
    else
        icmp_send_error(s, d, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_FRAGMENTATION_NEEDED, wire_icmp_rest_mtu((uint16_t)mtu));
}

static void silent(struct stack *s, const struct datagram *d)
{
    STACK_DROP(s, TRACE_ARP, resolve_failed);
    unreachable(s, d, WIRE_ICMP_HOST_UNREACHABLE, WIRE_ICMPV6_ADDRESS_UNREACHABLE);
}

/* ---- addresses ---- */

/* RFC 3927 7, RFC 4291 2.5.6: what is of a link stays there; RFC 4443 3.1 code 2. */
static bool scope_ok(struct stack *s, const struct datagram *d)
{
    bool to = ip_addr_is_link_local(&d->destination), from = ip_addr_is_link_local(&d->source);
    if (likely(!to && !from))
        return true;
    STACK_DROP(s, TRACE_IP, forward_scope);
    if (d->host->v6 && !to)
        icmpv6_send_error(s, d, WIRE_ICMPV6_UNREACHABLE, WIRE_ICMPV6_BEYOND_SCOPE, 0);
    return false;
}

static bool source_ok(struct stack *s, const struct datagram *d)
{
    const struct host *h = d->host;
    if (likely(h->v6 ? ipv6_source_ok(h, &d->source) : ipv4_source_ok(h, ip_addr_to_v4(&d->source))))
        return true;
    STACK_DROP(s, TRACE_IP, ip_bad_source);
    return false;
}

/* Somewhere that may be routed to; an IPv4 address in a datagram of IPv6 is nowhere. */
static bool destination_ok(const struct ip_addr *ip, bool v6)
{
    if (v6)
        return !ip_addr_is_v4(ip) && !ip_addr_is_multicast(ip) && !ip_addr_is_loopback(ip) &&
               !ip_addr_is_unspecified(ip);
    uint32_t a = ip_addr_to_v4(ip);
    return a - 0x01000000u < 0xdf000000u && !ipv4_addr_is_loopback(a); /* 1.0.0.0 to 223.255.255.255 */
}

/* RFC 2644: the network by which it leaves itself, and its broadcast address. */
static bool is_to_all(const struct host *out, const struct ip_addr *destination)
{
    uint32_t a = ip_addr_to_v4(destination);
    if (out->v6 || host_prefix_length(out) > 30 || !ip_addr_same_bits(destination, &out->ip, out->bits))
        return false;
    return a == out->broadcast || (a & ~ipv4_addr_mask(host_prefix_length(out))) == 0;
}

/* ---- where it goes ---- */

struct host *forward_speak_as(struct stack *s, const struct host *face, const struct ip_addr *ip)
{
    struct host *h = &s->forward.visitor;
    *h = *face;
    h->ip = *ip;
    h->broadcast = 0xffffffffu;
    uint8_t *source = h->header + h->l2_len + (h->v6 ? 8 : 12);
    if (h->v6) {
        memcpy(source, ip->bytes, sizeof ip->bytes);
        h->source_sum = checksum_fold(checksum_add(0, ip->bytes, sizeof ip->bytes));
    } else {
        h->address = ip_addr_to_v4(ip);
        store_be32(source, h->address);
        memcpy(&h->source_sum, source, sizeof h->source_sum);
    }
    return h;
}

/* An address of ours on another segment, as if it were on this one: its answers go back by the way they were asked for. */
static struct host *visit(struct stack *s, const struct host *face, uint32_t local)
{
    struct host *h = forward_speak_as(s, face, &s->hosts.hosts[local].ip);
    h->index = local;
    return h;
}

/* False: the table has no way that works. */
static bool find_way(struct stack *s, struct passage *f, uint32_t value)
{
    const struct next_hop *hop = NULL;
    uint32_t local = value & FORWARD_INDEX;
    if (value && !(value & FORWARD_SUBNET)) {
        hop = pool_at(&f->router->hops, value);
        local = hop->local;
    }
    f->out = host_at(&s->hosts, local);
    if (!f->out || s->interfaces[f->out->interface].down)
        return false;
    f->interface = stack_interface_of(s, f->out);
    f->next_hop = hop && !ip_addr_is_unspecified(&hop->gateway) ? hop->gateway : f->d->destination;
    return true;
}

/* ---- size ---- */

/* The longest IP packet that this becomes on a wire. */
static uint32_t wire_length(const struct datagram *d)
{
    struct packet_headers h;
    if (likely(d->packet->gso == PACKET_GSO_NONE) || packet_headers_find(d->packet, &h) < 0)
        return datagram_length(d);
    return min_u32(datagram_length(d), h.payload - h.l3 + d->packet->gso_size);
}

static bool may_be_cut(const struct datagram *d) { return !d->host->v6 && !(load_be16(d->bytes + 6) & IPV4_DF); }

/* ---- options ---- */

/* RFC 8200 4.3: hop-by-hop options are for routers too, the other headers are not. */
static bool hop_by_hop_ok(struct stack *s, const struct datagram *d)
{
    struct wire_ipv6_walk w;
    if (likely(d->bytes[6] != IP_PROTO_HOP_BY_HOP))
        return true;
    if (wire_ipv6_walk_hop_by_hop(d->bytes, ipv6_walk_length(d), &w) == WIRE_IPV6_ACCEPT)
        return true;
    ipv6_refuse(s, d, &w);
    return false;
}

static bool options_ok(struct stack *s, const struct passage *f)
{
    if (is_v6(f))
        return hop_by_hop_ok(s, f->d);
    if (likely(f->d->bytes[0] == 0x45) || f->router->fill_options || !forward_options_met(f->d->bytes))
        return true;
    STACK_DROP(s, TRACE_IP, forward_options);
    return false;
}

/* ---- leaving ---- */

/* One hop less. RFC 1624: the sum of IPv4 changes with it. */
static void age_v4(uint8_t *ip)
{
    uint16_t checksum, before, after;
    memcpy(&before, ip + 8, sizeof before);
    memcpy(&checksum, ip + WIRE_IPV4_CHECKSUM_OFFSET, sizeof checksum);
    ip[8]--;
    memcpy(&after, ip + 8, sizeof after);
    checksum = checksum_update16(checksum, before, after);
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static void rewrite_ip(struct stack *s, const struct passage *f, uint8_t *ip)
{
    if (is_v6(f)) {
        ip[7]--;
        return;
    }
    age_v4(ip);
    if (unlikely(ip[0] != 0x45) && forward_options_met(ip))
        forward_options_fill(ip, f->d->host->address, f->out->address, (uint32_t)(s->now / NS_PER_MS) & 0x7fffffffu);
}

/*
 * The frame with the link header of the host by which it leaves, without padding; the destination MAC is left to be
 * written. False: no headroom for it.
 */
static bool rewrite_link(struct packet *p, const struct host *out, uint32_t l3_length)
{
    uint32_t l3 = p->l3_offset, grows = out->l2_len - l3; /* modulo 2^32 */
    if (out->l2_len > l3 && packet_headroom(p) < grows)
        return false;
    p->data -= (int32_t)grows;
    p->len = p->nfrags ? p->len + grows : out->l2_len + l3_length;
    memcpy(p->data + WIRE_ETH_ADDR_LEN, out->header + WIRE_ETH_ADDR_LEN, out->l2_len - WIRE_ETH_ADDR_LEN);
    p->checksum_start = (uint16_t)(p->checksum_start + grows);
    p->l4_offset = (uint16_t)(p->l4_offset + grows);
    p->l3_offset = out->l2_len;
    p->vlan_present = false;
    return true;
}

/* A frame of the link it leaves by, with the same bytes. */
static struct packet *copy_of(struct stack *s, struct interface *itf, const struct packet *p)
{
    struct packet *copy = interface_take(itf, p->gso != PACKET_GSO_NONE ? LINK_ALLOC_LARGE : LINK_ALLOC_DATA);
    if (copy && packet_copy_to(copy, p)) {
        s->counters.forward_bytes_copied += packet_total_length(p);
        return copy;
    }
    if (copy)
        interface_put_back(itf, copy);
    STACK_DROP(s, TRACE_IP, tx_no_room);
    return NULL;
}

/* What packet/fit will have to copy. */
static bool fits_whole(const struct interface *itf, const struct host *out, const struct packet *p)
{
    if ((p->nfrags && !itf->scatter) || (p->gso != PACKET_GSO_NONE && out->label_bytes))
        return false;
    return p->gso == PACKET_GSO_NONE || (p->gso != PACKET_GSO_UDP && p->checksum == PACKET_CHECKSUM_PARTIAL &&
                                         packet_total_length(p) - WIRE_ETH_LEN <= interface_gso_max(itf));
}

static bool has_room(struct stack *s, struct interface *itf)
{
    if (likely(link_tx_room(itf->link) > itf->queued + itf->spares.count + itf->large.count))
        return true;
    STACK_DROP(s, TRACE_IP, tx_no_room);
    return false;
}

static void count_forwarded(struct stack *s, const struct host *out)
{
    if (out->v6)
        s->counters.ipv6_forwarded++;
    else
        s->counters.ipv4_forwarded++;
}

/* A frame that is complete joins its burst. False: it stays the caller's. */
static bool send_frame(struct stack *s, const struct host *out, struct packet *p)
{
    struct interface *itf = stack_interface_of(s, out);
    if (unlikely(!has_room(s, itf)))
        return false;
    if (unlikely(!fits_whole(itf, out, p)))
        s->counters.forward_bytes_copied += packet_total_length(p);
    count_forwarded(s, out);
    interface_send(s, itf, p);
    return true;
}

/* Each segment by itself is too long. */
static void cut_segments(struct stack *s, const struct host *out, const struct packet *p)
{
    struct packet_segmenter segments;
    struct packet *one = ip_large_take(s);
    if (!one || packet_segment_begin(&segments, p, false) < 0) {
        STACK_DROP(s, TRACE_IP, tx_no_room);
    } else {
        while (packet_segment_left(&segments) && packet_segment_next(&segments, one) == 0) {
            forward_send_cut(s, out, one);
            packet_init(one, one->home, one->start, one->size, PACKET_HEADROOM);
        }
    }
    if (one)
        packet_release(one);
}

/* A frame longer than the MTU, which may be cut. */
static void cut_frame(struct stack *s, const struct host *out, struct packet *p)
{
    count_forwarded(s, out);
    if (p->gso != PACKET_GSO_NONE)
        cut_segments(s, out, p);
    else if (packet_finish(p) == 0)
        forward_send_cut(s, out, p);
    else
        STACK_DROP(s, TRACE_IP, tx_no_room);
}

static bool is_too_long(struct stack *s, const struct host *out, const struct packet *p)
{
    uint32_t length = (uint32_t)packet_total_length(p) - p->l3_offset, mtu = stack_mtu_of(s, out);
    struct packet_headers h;
    if (likely(length <= mtu))
        return false;
    if (p->gso != PACKET_GSO_NONE && packet_headers_find(p, &h) == 0)
        length = h.payload - h.l3 + p->gso_size;
    return length > mtu && !out->v6;
}

/* A complete frame; false: it is still the caller's. */
static bool send_or_cut(struct stack *s, const struct host *out, struct packet *p)
{
    if (likely(!is_too_long(s, out, p)))
        return send_frame(s, out, p);
    cut_frame(s, out, p);
    return false;
}

/* It goes now, to a neighbour that is known. */
static void leave(struct stack *s, const struct passage *f)
{
    struct packet *p = f->d->packet, *mine = p;
    uint32_t length = datagram_length(f->d);
    rewrite_ip(s, f, p->data + p->l3_offset);
    if (unlikely(!rewrite_link(p, f->out, length))) {
        mine = copy_of(s, f->interface, p);
        if (!mine)
            return;
        bool fits = rewrite_link(mine, f->out, length);
        assert(fits); /* a link's frames have headroom for tags */
        (void)fits;
    }
    memcpy(mine->data, neighbour_at(&s->neighbours, f->neighbour)->mac, WIRE_ETH_ADDR_LEN);
    if (likely(send_or_cut(s, f->out, mine)))
        s->taken = mine == p;
    else if (mine != p)
        packet_release(mine);
}

/* ---- waiting ---- */

/* RFC 6583: own datagrams find room in any case. */
static bool one_more_may_wait(struct stack *s)
{
    if (s->neighbours.waiting < s->settings.resolve_queue_total / 2)
        return true;
    STACK_DROP(s, TRACE_ARP, resolve_queue_full);
    return false;
}

/* 0 (counted): a next hop that nobody asked for yet, and no room for what would wait for it. */
static uint32_t open_neighbour(struct stack *s, const struct passage *f)
{
    uint32_t n = neighbour_find(s, f->out->domain, &f->next_hop);
    if (likely(n != 0) || !one_more_may_wait(s))
        return n;
    return neighbour_open(s, f->out->domain, &f->next_hop, f->out->index, NEIGHBOUR_HEARD);
}

static void wait_for(struct stack *s, const struct passage *f)
{
    struct packet *p = f->d->packet;
    uint32_t length = datagram_length(f->d);
    if (p->nfrags == 0 && packet_headroom(p) + p->l3_offset >= f->out->l2_len) {
        rewrite_ip(s, f, p->data + p->l3_offset);
        (void)rewrite_link(p, f->out, length);
        struct packet *kept = packet_keep(p, 0, p->len, &f->interface->waiting);
        if (kept) {
            s->counters.forward_bytes_copied += kept != p ? p->len : 0;
            kept->holder_word = FORWARD_WAITS | f->out->index;
            neighbour_enqueue(s, f->neighbour, kept);
            return;
        }
    }
    STACK_DROP(s, TRACE_ARP, resolve_queue_full);
}

static void resolve(struct stack *s, const struct passage *f)
{
    const struct neighbour *n = neighbour_at(&s->neighbours, f->neighbour);
    if (neighbour_use(s, n, f->neighbour, f->out->index))
        leave(s, f);
    else if (n->state == NEIGHBOUR_FAILED)
        silent(s, f->d);
    else if (one_more_may_wait(s))
        wait_for(s, f);
}

void forward_send_waiting(struct stack *s, struct packet *waited, const uint8_t *mac)
{
    const struct host *out = &s->hosts.hosts[(uint32_t)waited->holder_word];
    struct interface *itf = stack_interface_of(s, out);
    struct packet *p = waited;
    packet_unhold(waited);
    if (waited->home == &itf->waiting.home) { /* our own frames stay here */
        p = copy_of(s, itf, waited);
        packet_release(waited);
        if (!p)
            return;
    }
    memcpy(p->data, mac, WIRE_ETH_ADDR_LEN);
    if (!send_or_cut(s, out, p))
        packet_release(p);
}

/* The MAC that a source is reached by, if that is known. */
static const uint8_t *way_back(struct stack *s, struct passage *f)
{
    if (!find_way(s, f, lpm_lookup(&f->router->table, &f->d->destination)))
        return NULL;
    uint32_t i = neighbour_find(s, f->out->domain, &f->next_hop);
    const struct neighbour *n = neighbour_at(&s->neighbours, i);
    return i && n->state >= NEIGHBOUR_STALE ? n->mac : NULL;
}

/* A frame of ours that waited, as a datagram. */
static struct datagram datagram_of(const struct packet *p, struct host *out)
{
    const uint8_t *ip = p->data + p->l3_offset;
    struct datagram d = {.bytes = ip, .host = out};
    uint32_t header = out->v6 ? WIRE_IPV6_LEN : (ip[0] & 15u) * 4u;
    d.source = out->v6 ? ip_addr_from_v6(ip + 8) : ip_addr_from_v4(load_be32(ip + 12));
    d.destination = out->v6 ? ip_addr_from_v6(ip + 24) : ip_addr_from_v4(load_be32(ip + 16));
    d.l4 = ip + header;
    d.l4_len = p->len - p->l3_offset - header;
    return d;
}

void forward_report_unsent(struct stack *s, const struct packet *waited)
{
    struct host *out = &s->hosts.hosts[(uint32_t)waited->holder_word];
    const struct domain *domain = host_domain(&s->hosts, out->domain);
    struct datagram about = datagram_of(waited, out), back = about;
    if (!domain->router)
        return;
    back.destination = about.source;
    struct passage f = {.router = s->forward.routers[domain->router - 1], .d = &back};
    const uint8_t *mac = way_back(s, &f);
    if (!mac)
        return;
    uint8_t eth[WIRE_ETH_LEN] = {0};
    memcpy(eth + WIRE_ETH_ADDR_LEN, mac, WIRE_ETH_ADDR_LEN);
    about.eth = eth;
    about.host = host_at(&s->hosts, host_domain(&s->hosts, f.out->domain)->face[out->v6]);
    if (about.host)
        unreachable(s, &about, WIRE_ICMP_HOST_UNREACHABLE, WIRE_ICMPV6_ADDRESS_UNREACHABLE);
}

/* ---- all ---- */

static void pass(struct stack *s, struct passage *f)
{
    const struct datagram *d = f->d;
    uint32_t mtu = stack_mtu_of(s, f->out);
    if (unlikely(d->ttl <= 1)) {
        too_old(s, d);
    } else if (unlikely(is_to_all(f->out, &d->destination))) {
        STACK_DROP(s, TRACE_IP, forward_broadcast);
    } else if (unlikely(wire_length(d) > mtu) && !may_be_cut(d)) {
        too_big(s, d, mtu);
    } else if (likely(options_ok(s, f)) &&
               (likely(s->filters.count == 0) || filter_allows_forward(s, d, s->input->number))) {
        f->neighbour = open_neighbour(s, f);
        if (!f->neighbour)
            return;
        if (likely(neighbour_at(&s->neighbours, f->neighbour)->state >= NEIGHBOUR_PROBE))
            leave(s, f);
        else
            resolve(s, f);
    }
}

/* In whose name we speak where it came from, or NULL: what comes there is not forwarded. */
static struct host *face_of(struct stack *s, const struct arrival *a, bool v6, struct router **router)
{
    const struct host *h = host_find_mac(&s->hosts, a->segment, a->eth);
    const struct domain *domain = h ? host_domain(&s->hosts, h->domain) : NULL;
    if (!domain || !domain->router)
        return NULL;
    *router = s->forward.routers[domain->router - 1];
    return host_at(&s->hosts, domain->face[v6]);
}

bool forward_offer(struct stack *s, const struct arrival *a, struct datagram *d)
{
    struct passage f = {.d = d};
    bool v6 = d->bytes[0] >> 4 == 6;
    if (a->group || !destination_ok(&d->destination, v6) || !(d->host = face_of(s, a, v6, &f.router)))
        return false;
    d->broadcast = false;
    struct host *face = d->host;
    if (v6) {
        d->l4 = d->bytes + WIRE_IPV6_LEN;
        d->l4_len = load_be16(d->bytes + 4);
    }
    uint32_t value = lpm_lookup(&f.router->table, &d->destination);
    if (value & FORWARD_OWN) {
        d->host = visit(s, face, value & FORWARD_INDEX);
        return true;
    }
    if (source_ok(s, d) && scope_ok(s, d)) {
        if (likely(find_way(s, &f, value)))
            pass(s, &f);
        else
            no_route(s, d);
    }
    d->host = NULL;
    return true;
}
