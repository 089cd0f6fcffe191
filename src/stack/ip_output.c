/* SPDX-License-Identifier: MIT */
/*
 * From a local address to a frame on a link: route, neighbour, header. Datagrams that must wait are built in frames of
 * the interface's own `waiting` pool, never in the driver's, and are copied into one of the driver's when their
 * neighbour is known.
 */
#include "stack/ip_output.h"

#include "stack/datagram.h"
#include "stack/flow_label.h"
#include "stack/ipv4_output.h"
#include "stack/ipv6_output.h"
#include "wire/l4.h"
#include "wire/udp.h"

uint32_t ip_next_id(struct stack *s, const struct ip_addr *source, const struct ip_addr *destination)
{
    struct ip_ids *ids = &s->ids;
    if (!ip_addr_equal(&ids->destination, destination) || !ip_addr_equal(&ids->source, source)) {
        const struct ip_addr pair[2] = {*source, *destination};
        ids->source = *source;
        ids->destination = *destination;
        ids->hash = hash_sip13(&s->settings.secret, pair, sizeof pair);
    }
    return (uint32_t)(ids->hash >> 32) + ids->counters[ids->hash % IP_ID_COUNTERS]++;
}

/* Somewhere one station can live. */
static bool destination_is_unicast(const struct host *h, const struct ip_addr *ip)
{
    if (ip_addr_is_unspecified(ip) || ip_addr_is_loopback(ip) || ip_addr_is_multicast(ip))
        return false;
    uint32_t v4 = ip_addr_to_v4(ip);
    return h->v6 || (!ipv4_addr_is_this_network(v4) && !ipv4_addr_is_class_e(v4) && v4 != h->broadcast);
}

static bool is_own(struct stack *s, const struct host *h, const struct ip_addr *destination)
{
    return s->loop.neighbour != 0 && (ip_addr_equal(destination, &h->ip) || loop_find(s, h, destination));
}

/* Several addresses, any of which may be the destination. */
static bool are_several(const struct stack *s) { return s->hosts.count > 1; }

int ip_next_hop(struct stack *s, const struct host *h, const struct ip_addr *destination, enum neighbour_need need,
                uint32_t *neighbour)
{
    struct ip_addr next_hop;
    if (unlikely(ip_addr_equal(destination, &h->ip) || are_several(s)) && is_own(s, h, destination)) {
        *neighbour = s->loop.neighbour;
        return 0;
    }
    if (unlikely(h->state != HOST_USABLE)) {
        STACK_DROP(s, TRACE_IP, tx_tentative);
        return ERR_NO_ROUTE;
    }
    if (unlikely(!destination_is_unicast(h, destination) || ip_addr_is_loopback(&h->ip) ||
                 s->interfaces[h->interface].down || !route_find(&s->routes, h, destination, &next_hop))) {
        STACK_DROP(s, TRACE_IP, ip_no_route);
        return ERR_NO_ROUTE;
    }
    if (unlikely(h->gateway_at != 0))
        gateway_ask_again(s, h);
    if (unlikely(s->redirects.used))
        redirect_apply(s, h, destination, &next_hop);
    *neighbour = neighbour_open(s, h->domain, &next_hop, h->index, need);
    return *neighbour ? 0 : ERR_NO_MEMORY;
}

static bool group_mac_v4(const struct host *h, uint32_t destination, uint8_t *mac)
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

/* True when a destination is heard by many, and then the MAC that reaches them. */
static bool group_mac(const struct host *h, const struct ip_addr *destination, uint8_t *mac)
{
    if (!h->v6)
        return group_mac_v4(h, ip_addr_to_v4(destination), mac);
    if (destination->bytes[0] != 0xff)
        return false;
    wire_eth_addr_from_ipv6_multicast(mac, destination->bytes);
    return true;
}

static uint32_t path_mtu(struct stack *s, const struct ip_output *out)
{
    if (unlikely(out->departure.discover == DISCOVER_PROBE))
        return stack_mtu_of(s, out->host);
    return pmtu_get(s, out->host, &out->destination);
}

/* Those of the header that it will have: IPv6 knows none. */
static ALWAYS_INLINE uint32_t options_bytes(const struct ip_output *out)
{
    return likely(!out->departure.options) || out->host->v6 ? 0 : out->departure.options->length;
}

static ALWAYS_INLINE bool needs_fragments(const struct ip_output *out, uint32_t l4_bytes)
{
    if (unlikely(out->segment != 0))
        l4_bytes = WIRE_UDP_LEN + out->segment;
    return l4_bytes > out->mtu - ip_header_bytes(out->host) - options_bytes(out);
}

/* It is built in a frame that can be longer than the link's. */
static ALWAYS_INLINE bool needs_large(const struct ip_output *out, uint32_t l4_bytes)
{
    return out->segment != 0 || needs_fragments(out, l4_bytes);
}

/* ---- beginning ---- */

static ALWAYS_INLINE uint8_t *begin(const struct ip_output *out, const uint8_t *mac)
{
    if (out->host->v6)
        return ipv6_begin(out->packet, out->host, mac, &out->destination);
    uint8_t *l4 = ipv4_begin(out->packet, out->host, mac, ip_addr_to_v4(&out->destination));
    uint32_t n = options_bytes(out);
    return likely(n == 0) ? l4 : ipv4_options_begin(out->packet, out->departure.options->bytes, n);
}

uint8_t *ip_without_labels(struct packet *p, const struct host *h)
{
    uint32_t link = host_link_bytes(h), header = (uint32_t)p->l4_offset - p->l3_offset;
    memmove(p->data + link, p->data + h->l2_len, header);
    store_be16(p->data + link - 2, h->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    p->l3_offset = (uint16_t)link;
    p->l4_offset = (uint16_t)(link + header);
    return p->data + p->l4_offset;
}

/* Those that are queued as they are leave first when they are all there is. */
static struct packet *take_large(struct stack *s, struct interface *itf)
{
    struct packet *p = ip_large_take(s);
    if (unlikely(!p)) {
        interface_flush(s, itf);
        p = ip_large_take(s);
    }
    return p;
}

/* A frame of the link, or a large one to be cut later. */
static struct packet *take_frame(struct stack *s, struct ip_output *out, uint32_t l4_bytes, enum link_alloc kind)
{
    if (unlikely(needs_large(out, l4_bytes)))
        return take_large(s, out->interface);
    out->partial_checksum = out->interface->tx_checksum;
    return interface_take(out->interface, kind);
}

static int begin_in_link_frame(struct stack *s, const uint8_t *mac, uint32_t l4_bytes, struct ip_output *out)
{
    out->packet = take_frame(s, out, l4_bytes, LINK_ALLOC_DATA);
    if (unlikely(!out->packet)) {
        STACK_DROP(s, TRACE_IP, tx_no_room);
        return ERR_AGAIN;
    }
    out->l4 = begin(out, mac);
    return 0;
}

static int begin_to_group(struct stack *s, const uint8_t *mac, uint32_t l4_bytes, struct ip_output *out)
{
    if (unlikely(out->host->state != HOST_USABLE)) {
        STACK_DROP(s, TRACE_IP, tx_tentative);
        return ERR_NO_ROUTE;
    }
    if (unlikely(ip_addr_is_loopback(&out->host->ip))) {
        STACK_DROP(s, TRACE_IP, ip_no_route);
        return ERR_NO_ROUTE;
    }
    int error = begin_in_link_frame(s, mac, l4_bytes, out);
    if (!error)
        out->l4 = ip_without_labels(out->packet, out->host);
    return error;
}

static bool take_waiting_frame(struct stack *s, uint32_t l4_bytes, struct ip_output *out)
{
    if (needs_large(out, l4_bytes))
        return (out->packet = ip_large_take(s)) != NULL;
    return packet_pool_get(&out->interface->waiting, &out->packet, 1) != 0;
}

static int begin_in_waiting_frame(struct stack *s, uint32_t neighbour, uint32_t l4_bytes, struct ip_output *out)
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
    out->l4 = begin(out, unknown);
    return 0;
}

/* The most that a datagram can carry: IPv4's length has its header in it. */
static uint32_t longest_payload(const struct ip_output *out)
{
    return out->host->v6 ? UINT16_MAX : WIRE_IPV4_MAX_TOTAL - WIRE_IPV4_MIN - options_bytes(out);
}

int ip_output_open(struct stack *s, uint32_t local, const struct ip_addr *remote, uint32_t l4_bytes,
                   struct ip_output *out)
{
    *out = (struct ip_output){.host = host_at(&s->hosts, local),
                              .destination = *remote,
                              .departure = out->departure,
                              .segment = out->segment};
    if (unlikely(!out->host || ip_addr_is_v4(remote) == out->host->v6))
        return ERR_INVALID;
    out->interface = stack_interface_of(s, out->host);
    if (unlikely(l4_bytes > longest_payload(out)))
        return ERR_NO_SPACE;
    out->mtu = path_mtu(s, out);
    if (unlikely((out->departure.discover >= DISCOVER_DO || out->segment) && needs_fragments(out, l4_bytes)))
        return ERR_NO_SPACE;
    if (unlikely(out->interface->down)) {
        STACK_DROP(s, TRACE_IP, ip_no_route);
        return ERR_NO_ROUTE;
    }
    uint8_t mac[WIRE_ETH_ADDR_LEN];
    if (unlikely(group_mac(out->host, remote, mac)))
        return begin_to_group(s, mac, l4_bytes, out);
    uint32_t neighbour;
    int error = ip_next_hop(s, out->host, remote, NEIGHBOUR_OWN, &neighbour);
    if (unlikely(error))
        return error == ERR_NO_MEMORY ? ERR_AGAIN : error;
    const struct neighbour *n = neighbour_at(&s->neighbours, neighbour);
    out->interface = &s->interfaces[n->interface];
    if (likely(neighbour_use(s, n, neighbour, local)))
        return begin_in_link_frame(s, n->mac, l4_bytes, out);
    return begin_in_waiting_frame(s, neighbour, l4_bytes, out);
}

static bool begin_now(struct stack *s, struct ip_output *out, const uint8_t *mac)
{
    if (out->packet)
        out->l4 = begin(out, mac);
    else
        STACK_DROP(s, TRACE_IP, tx_no_room);
    return out->packet != NULL;
}

bool ip_reply_open(struct stack *s, const struct datagram *to, uint32_t l4_bytes, struct ip_output *out)
{
    *out = (struct ip_output){.host = to->host,
                              .interface = s->input ? s->input : stack_interface_of(s, to->host),
                              .destination = to->source,
                              .mtu = pmtu_get(s, to->host, &to->source),
                              .departure.discover = DISCOVER_DONT};
    if (unlikely(to->host->state != HOST_USABLE)) {
        STACK_DROP(s, TRACE_IP, tx_tentative);
        return false;
    }
    out->packet = take_frame(s, out, l4_bytes, LINK_ALLOC_CONTROL);
    return begin_now(s, out, to->eth + WIRE_ETH_ADDR_LEN);
}

bool ip_direct_open(struct stack *s, struct host *h, const uint8_t *mac, const struct ip_addr *destination,
                    uint32_t l4_bytes, struct ip_output *out)
{
    *out = (struct ip_output){
        .host = h, .interface = stack_interface_of(s, h), .destination = *destination, .departure = out->departure};
    out->mtu = interface_mtu(out->interface);
    out->packet = take_frame(s, out, l4_bytes, LINK_ALLOC_CONTROL);
    if (!begin_now(s, out, mac))
        return false;
    out->l4 = ip_without_labels(out->packet, h);
    return true;
}

uint64_t ip_output_pseudo(const struct ip_output *out, uint8_t protocol, uint32_t l4_bytes)
{
    if (out->host->v6)
        return wire_l4_pseudo_v6(&out->host->ip, &out->destination, protocol, l4_bytes);
    return wire_l4_pseudo_v4(out->host->address, ip_addr_to_v4(&out->destination), protocol, l4_bytes);
}

/* ---- completing ---- */

/* As it is when it fits, else in pieces. */
static void send_complete(struct stack *s, struct interface *itf, const struct host *h, struct packet *p, uint32_t mtu)
{
    if (h->v6)
        s->counters.ipv6_sent++;
    else
        s->counters.ipv4_sent++;
    if (likely(p->len - p->l3_offset <= mtu) || p->gso != PACKET_GSO_NONE)
        interface_send(s, itf, p);
    else
        ip_send_cut(s, itf, h, p, mtu);
}

void ip_output_dispatch(struct stack *s, struct ip_output *out)
{
    if (unlikely(s->filters.count != 0) && !filter_allows_output(s, out->host, out->interface->number, out->packet)) {
        packet_release(out->packet);
        return;
    }
    if (likely(out->neighbour == 0)) {
        send_complete(s, out->interface, out->host, out->packet, out->mtu);
    } else {
        out->packet->holder_word = out->host->index;
        neighbour_enqueue(s, out->neighbour, out->packet);
    }
}

static void complete_v4(struct stack *s, struct ip_output *out, uint32_t l4_bytes, uint8_t ttl, uint8_t protocol)
{
    struct ipv4_fields f = {.ttl = ttl, .protocol = protocol, .tos = out->departure.tos};
    if (out->departure.discover != DISCOVER_DONT && !needs_fragments(out, l4_bytes))
        f.fragment = IPV4_DF; /* RFC 6864: with DF the identification means nothing */
    else
        f.id = (uint16_t)ip_next_id(s, &out->host->ip, &out->destination);
    uint32_t n = options_bytes(out);
    ipv4_complete(out->packet, out->host, n + l4_bytes, &f);
    if (unlikely(n != 0))
        ipv4_options_complete(out->packet, n);
}

/* RFC 1112 6.1: multicast stays on its network unless told otherwise. RFC 4861 6.3.4: a router may tell. */
static uint8_t ttl_of(const struct ip_output *out)
{
    if (out->departure.ttl)
        return out->departure.ttl;
    if (ip_addr_is_multicast(&out->destination))
        return 1;
    return ip_host_ttl(out->host);
}

void ip_output_send(struct stack *s, struct ip_output *out, uint32_t l4_bytes, uint8_t protocol)
{
    struct ipv6_fields f = {.hop_limit = ttl_of(out), .next_header = protocol, .traffic_class = out->departure.tos};
    if (out->host->v6 && protocol == IP_PROTO_UDP && l4_bytes >= 4)
        f.flow_label = flow_label(s, out->host->index, out->destination.bytes, out->l4, protocol);
    if (out->host->v6)
        ipv6_complete(out->packet, l4_bytes, &f);
    else
        complete_v4(s, out, l4_bytes, ttl_of(out), protocol);
    ip_output_dispatch(s, out);
}

/* Where a complete datagram goes. */
static struct ip_addr destination_of(const struct host *h, const struct packet *p)
{
    const uint8_t *ip = p->data + p->l3_offset;
    return h->v6 ? ip_addr_from_v6(ip + 24) : ip_addr_from_v4(load_be32(ip + 16));
}

void ip_send_waiting(struct stack *s, struct packet *waited, const uint8_t *mac)
{
    if (waited->holder_word & FORWARD_WAITS) {
        forward_send_waiting(s, waited, mac);
        return;
    }
    const struct host *h = &s->hosts.hosts[waited->holder_word];
    struct interface *itf = stack_interface_of(s, h);
    const struct ip_addr destination = destination_of(h, waited);
    if (waited->home == &s->large.home) {
        memcpy(waited->data, mac, WIRE_ETH_ADDR_LEN);
        send_complete(s, itf, h, waited, pmtu_get(s, h, &destination));
        return;
    }
    struct packet *p = interface_take(itf, LINK_ALLOC_CONTROL);
    if (p) {
        memcpy(p->data, waited->data, waited->len);
        memcpy(p->data, mac, WIRE_ETH_ADDR_LEN);
        p->len = waited->len;
        p->l3_offset = waited->l3_offset;
        p->l4_offset = waited->l4_offset;
        send_complete(s, itf, h, p, stack_mtu_of(s, h));
    } else {
        STACK_DROP(s, TRACE_IP, tx_no_room);
    }
    packet_release(waited);
}
