/* SPDX-License-Identifier: MIT */
/*
 * From a local address to a frame on a link: route, neighbour, header. Datagrams that must wait are built in frames of
 * the interface's own `waiting` pool, never in the driver's, and are copied into one of the driver's when their
 * neighbour is known.
 */
#include "stack/ipv4_output.h"

#include "stack/ipv4_input.h"
#include "stack/stack_internal.h"

uint16_t ipv4_next_id(struct stack *s, uint32_t source, uint32_t destination)
{
    uint64_t pair = (uint64_t)source << 32 | destination;
    struct ipv4_ids *ids = &s->ids;
    if (ids->pair != pair) {
        ids->pair = pair;
        ids->hash = hash_sip13(&s->settings.secret, &pair, sizeof pair);
    }
    return (uint16_t)((ids->hash >> 48) + ids->counters[ids->hash % IPV4_ID_COUNTERS]++);
}

/* Somewhere one station can live. */
static bool destination_is_unicast(const struct host *h, uint32_t destination)
{
    return !ipv4_addr_is_this_network(destination) && !ipv4_addr_is_loopback(destination) &&
           !ipv4_addr_is_multicast(destination) && !ipv4_addr_is_class_e(destination) && destination != h->broadcast;
}

static bool is_own(struct stack *s, const struct host *h, uint32_t destination)
{
    return s->loop.neighbour != 0 && (destination == h->address || loop_find(s, h, destination));
}

int ipv4_next_hop(struct stack *s, const struct host *h, uint32_t destination, uint32_t *neighbour)
{
    uint32_t next_hop;
    if (unlikely(destination == h->address || s->hosts.by_address.used > 1) && is_own(s, h, destination)) {
        *neighbour = s->loop.neighbour;
        return 0;
    }
    if (unlikely(!destination_is_unicast(h, destination) || s->interfaces[h->interface].down ||
                 !route_find(&s->routes, h, destination, &next_hop))) {
        STACK_DROP(s, TRACE_IP, ip_no_route);
        return ERR_NO_ROUTE;
    }
    struct ip_addr address = ip_addr_from_v4(next_hop);
    *neighbour = neighbour_open(s, h->domain, &address, h->index, NEIGHBOUR_OWN);
    return *neighbour ? 0 : ERR_NO_MEMORY;
}

/* True when a destination is heard by many, and then the MAC that reaches them. */
static bool group_mac(const struct host *h, uint32_t destination, uint8_t *mac)
{
    if (ipv4_addr_is_multicast(destination)) {
        wire_eth_addr_from_ipv4_multicast(mac, destination);
        return true;
    }
    if (destination != 0xffffffffu && destination != h->broadcast)
        return false;
    memset(mac, 0xff, WIRE_ETH_ADDR_LEN);
    return true;
}

static uint32_t path_mtu(struct stack *s, const struct ipv4_output *out)
{
    if (unlikely(out->departure.discover == DISCOVER_PROBE))
        return interface_mtu(out->interface);
    return pmtu_get(s, out->host, out->destination);
}

static bool needs_fragments(const struct ipv4_output *out, uint32_t l4_bytes)
{
    return l4_bytes > out->mtu - WIRE_IPV4_MIN;
}

/* A frame of the link, or a large one to be cut later. */
static struct packet *take_frame(struct stack *s, struct ipv4_output *out, uint32_t l4_bytes, enum link_alloc kind)
{
    if (unlikely(needs_fragments(out, l4_bytes)))
        return ipv4_large_take(s);
    out->partial_checksum = out->interface->tx_checksum;
    return interface_take(out->interface, kind);
}

static int begin_in_link_frame(struct stack *s, const uint8_t *mac, uint32_t l4_bytes, struct ipv4_output *out)
{
    out->packet = take_frame(s, out, l4_bytes, LINK_ALLOC_DATA);
    if (unlikely(!out->packet)) {
        STACK_DROP(s, TRACE_IP, tx_no_room);
        return ERR_AGAIN;
    }
    out->l4 = ipv4_begin(out->packet, out->host, mac, out->destination);
    return 0;
}

static bool take_waiting_frame(struct stack *s, uint32_t l4_bytes, struct ipv4_output *out)
{
    if (needs_fragments(out, l4_bytes))
        return (out->packet = ipv4_large_take(s)) != NULL;
    return packet_pool_get(&out->interface->waiting, &out->packet, 1) != 0;
}

static int begin_in_waiting_frame(struct stack *s, uint32_t neighbour, uint32_t l4_bytes, struct ipv4_output *out)
{
    static const uint8_t unknown[WIRE_ETH_ADDR_LEN];
    const struct neighbour *n = neighbour_at(&s->neighbours, neighbour);
    if (n->state == NEIGHBOUR_FAILED) {
        STACK_DROP(s, TRACE_ARP, resolve_failed);
        return ERR_UNREACHABLE;
    }
    if (!neighbour_has_room(s, n) || !take_waiting_frame(s, l4_bytes, out)) {
        STACK_DROP(s, TRACE_ARP, resolve_queue_full);
        return ERR_AGAIN;
    }
    out->neighbour = neighbour;
    out->l4 = ipv4_begin(out->packet, out->host, unknown, out->destination);
    return 0;
}

int ipv4_output_open(struct stack *s, uint32_t local, const struct ip_addr *remote, uint32_t l4_bytes,
                     struct ipv4_output *out)
{
    *out = (struct ipv4_output){
        .host = host_at(&s->hosts, local), .destination = ip_addr_to_v4(remote), .departure = out->departure};
    if (unlikely(!out->host || !ip_addr_is_v4(remote)))
        return ERR_INVALID;
    out->interface = stack_interface_of(s, out->host);
    if (unlikely(l4_bytes > WIRE_IPV4_MAX_TOTAL - WIRE_IPV4_MIN))
        return ERR_NO_SPACE;
    out->mtu = path_mtu(s, out);
    if (unlikely(out->departure.discover >= DISCOVER_DO && needs_fragments(out, l4_bytes)))
        return ERR_NO_SPACE;
    if (unlikely(out->interface->down)) {
        STACK_DROP(s, TRACE_IP, ip_no_route);
        return ERR_NO_ROUTE;
    }
    uint8_t mac[WIRE_ETH_ADDR_LEN];
    if (unlikely(group_mac(out->host, out->destination, mac)))
        return begin_in_link_frame(s, mac, l4_bytes, out);
    uint32_t neighbour;
    int error = ipv4_next_hop(s, out->host, out->destination, &neighbour);
    if (unlikely(error))
        return error == ERR_NO_MEMORY ? ERR_AGAIN : error;
    const struct neighbour *n = neighbour_at(&s->neighbours, neighbour);
    out->interface = &s->interfaces[n->interface];
    if (likely(neighbour_use(s, n, neighbour, local)))
        return begin_in_link_frame(s, n->mac, l4_bytes, out);
    return begin_in_waiting_frame(s, neighbour, l4_bytes, out);
}

/* RFC 1112 6.1: multicast stays on its network unless told otherwise. */
static uint8_t ttl_for(uint32_t destination) { return ipv4_addr_is_multicast(destination) ? 1 : IPV4_DEFAULT_TTL; }

/* As it is when it fits, else in pieces. */
static void send_complete(struct stack *s, struct interface *itf, const struct host *h, struct packet *p, uint32_t mtu)
{
    s->counters.ipv4_sent++;
    if (likely(p->len - p->l3_offset <= mtu))
        interface_send(s, itf, p);
    else
        ipv4_send_cut(s, itf, h, p, mtu);
}

void ipv4_output_dispatch(struct stack *s, struct ipv4_output *out)
{
    if (likely(out->neighbour == 0)) {
        send_complete(s, out->interface, out->host, out->packet, out->mtu);
    } else {
        out->packet->holder_word = out->host->index;
        neighbour_enqueue(s, out->neighbour, out->packet);
    }
}

void ipv4_output_send(struct stack *s, struct ipv4_output *out, uint32_t l4_bytes, uint8_t protocol)
{
    struct host *h = out->host;
    const struct ip_departure *how = &out->departure;
    struct ipv4_fields f = {
        .ttl = how->ttl ? how->ttl : ttl_for(out->destination), .protocol = protocol, .tos = how->tos};
    if (how->discover != DISCOVER_DONT && !needs_fragments(out, l4_bytes))
        f.fragment = IPV4_DF; /* RFC 6864: with DF the identification means nothing */
    else
        f.id = ipv4_next_id(s, h->address, out->destination);
    ipv4_complete(out->packet, h, l4_bytes, &f);
    ipv4_output_dispatch(s, out);
}

void ipv4_send_waiting(struct stack *s, struct packet *waited, const uint8_t *mac)
{
    const struct host *h = &s->hosts.hosts[waited->holder_word];
    struct interface *itf = stack_interface_of(s, h);
    if (waited->home == &s->large.home) {
        memcpy(waited->data, mac, WIRE_ETH_ADDR_LEN);
        send_complete(s, itf, h, waited, pmtu_get(s, h, load_be32(waited->data + waited->l3_offset + 16)));
        return;
    }
    struct packet *p = interface_take(itf, LINK_ALLOC_CONTROL);
    if (p) {
        memcpy(p->data, waited->data, waited->len);
        memcpy(p->data, mac, WIRE_ETH_ADDR_LEN);
        p->len = waited->len;
        p->l3_offset = waited->l3_offset;
        p->l4_offset = waited->l4_offset;
        s->counters.ipv4_sent++;
        interface_send(s, itf, p);
    } else {
        STACK_DROP(s, TRACE_IP, tx_no_room);
    }
    packet_release(waited);
}

bool ipv4_reply_open(struct stack *s, const struct datagram *to, uint32_t l4_bytes, struct ipv4_output *out)
{
    *out = (struct ipv4_output){.host = to->host,
                                .interface = s->input ? s->input : stack_interface_of(s, to->host),
                                .destination = to->source,
                                .mtu = pmtu_get(s, to->host, to->source),
                                .departure.discover = DISCOVER_DONT};
    out->packet = take_frame(s, out, l4_bytes, LINK_ALLOC_CONTROL);
    if (!out->packet) {
        STACK_DROP(s, TRACE_IP, tx_no_room);
        return false;
    }
    out->l4 = ipv4_begin(out->packet, to->host, to->eth + WIRE_ETH_ADDR_LEN, to->source);
    return true;
}
