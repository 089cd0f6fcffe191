/* SPDX-License-Identifier: MIT */
/*
 * The stack as a whole: making it from settings, adding interfaces and hosts, and its turn. Everything is allocated
 * here and in stack_add_…; nothing later.
 */
#include "stack/stack.h"

#include "stack/group_report.h"
#include "stack/ipv4_input.h"
#include "stack/ipv6_input.h"
#include "stack/nd.h"
#include "wire/ip_choice.h"
#include "wire/mpls.h"

#define MAX_ENTRIES (UINT32_C(1) << 24)
#define FRAGMENT_BYTES_MIN (UINT32_C(1) << 17) /* one datagram fits, whatever its size */
#define FRAGMENT_BYTES_MAX (UINT32_C(1) << 30)
#define TCP_TIMER_BUDGET 256u /* a turn */
#define MAX_ROUTERS 256u
#define DAY_NS (86400 * NS_PER_S)

/* ---- settings ---- */

void stack_settings_default(struct stack_settings *t)
{
    *t = (struct stack_settings){.max_addresses = 4096,
                                 .max_neighbours = 4096,
                                 .max_routes = 256,
                                 .max_ra_domains = 16,
                                 .max_routers = 16,
                                 .max_redirects = 256,
                                 .redirect_ns = 600 * NS_PER_S,
                                 .temporary_valid_ns = 2 * DAY_NS,
                                 .temporary_preferred_ns = DAY_NS,
                                 .prefer_temporary = true,
                                 .max_udp_bindings = 256,
                                 .max_groups = 256,
                                 .max_group_sources = 1024,
                                 .group_sources = GROUP_MAX_SOURCES,
                                 .group_reports = GROUP_REPORTS_JOINED,
                                 .igmp_version = 3,
                                 .mld_version = 2,
                                 .max_echo_bindings = 256,
                                 .resolve_queue_frames = 3,
                                 .resolve_queue_total = 512,
                                 .arp_retry_ns = NS_PER_S,
                                 .arp_tries = 3,
                                 .arp_reachable_ns = 30 * NS_PER_S,
                                 .arp_failed_ns = NS_PER_S,
                                 .icmp_errors_per_second = 1000,
                                 .icmp_errors_burst = 50,
                                 .answer_echo = true,
                                 .flow_labels = true,
                                 .max_vlan_tags = 2,
                                 .max_mpls_labels = HOST_MAX_LABELS,
                                 .fragment_bytes_high = 4u << 20,
                                 .fragment_bytes_low = 3u << 20,
                                 .fragment_source_bytes = 1u << 20,
                                 .fragment_max_distance = 64,
                                 .fragment_timeout_ns = 60 * NS_PER_S,
                                 .large_datagrams = 4,
                                 .max_path_mtus = 1024,
                                 .min_path_mtu = 552,
                                 .path_mtu_ns = 600 * NS_PER_S};
    tcp_settings_default(&t->tcp);
}

static bool entries_ok(uint32_t n) { return n != 0 && n <= MAX_ENTRIES; }

static bool fragments_ok(const struct stack_settings *t)
{
    return t->fragment_bytes_low >= FRAGMENT_BYTES_MIN && t->fragment_bytes_low <= t->fragment_bytes_high &&
           t->fragment_bytes_high <= FRAGMENT_BYTES_MAX && t->fragment_source_bytes >= FRAGMENT_BYTES_MIN &&
           t->fragment_timeout_ns > 0;
}

static bool paths_ok(const struct stack_settings *t)
{
    return entries_ok(t->large_datagrams) && entries_ok(t->max_path_mtus) && t->min_path_mtu >= WIRE_IPV4_MIN_MTU &&
           t->min_path_mtu <= UINT16_MAX && t->path_mtu_ns > 0;
}

static bool groups_ok(const struct stack_settings *t)
{
    return entries_ok(t->max_groups) && entries_ok(t->max_group_sources) && t->group_sources != 0 &&
           t->group_sources <= GROUP_MAX_SOURCES && t->group_reports <= GROUP_REPORTS_ALL && t->igmp_version >= 1 &&
           t->igmp_version <= 3 && t->mld_version >= 1 && t->mld_version <= 2;
}

static bool settings_ok(const struct stack_settings *t)
{
    return entries_ok(t->max_addresses) && entries_ok(t->max_neighbours) && entries_ok(t->max_routes) &&
           entries_ok(t->max_ra_domains) && t->max_routers != 0 && t->max_routers <= MAX_ROUTERS &&
           entries_ok(t->max_redirects) && t->redirect_ns > 0 && t->loop_frames <= MAX_ENTRIES &&
           t->temporary_preferred_ns >= 60 * NS_PER_S && t->temporary_preferred_ns <= 40 * DAY_NS &&
           t->temporary_valid_ns >= t->temporary_preferred_ns && t->temporary_valid_ns <= 400 * DAY_NS &&
           entries_ok(t->max_udp_bindings) && groups_ok(t) && entries_ok(t->max_echo_bindings) &&
           t->resolve_queue_frames != 0 && t->resolve_queue_frames <= UINT8_MAX && entries_ok(t->resolve_queue_total) &&
           t->arp_retry_ns > 0 && t->arp_tries != 0 && t->arp_tries <= UINT8_MAX && t->arp_reachable_ns > 0 &&
           t->arp_failed_ns > 0 && t->icmp_errors_per_second <= NS_PER_S && t->max_vlan_tags <= WIRE_ETH_MAX_TAGS &&
           t->max_mpls_labels <= STACK_MAX_LABELS && fragments_ok(t) && paths_ok(t);
}

/* ---- life ---- */

static int make_tcp(struct stack *s, int64_t now)
{
    struct tcp_settings t = s->settings.tcp;
    if (s->loop.neighbour)
        t.links = STACK_LOOP + 1;
    t.progress = s->neighbours.progress;
    return tcp_layer_new(&t, &stack_tcp_lower, s, s->allocator, now, &s->tcp);
}

static int make_parts(struct stack *s, int64_t now)
{
    const struct stack_settings *t = &s->settings;
    int error = host_set_init(&s->hosts, s->allocator, t->max_addresses);
    if (!error)
        error = neighbour_set_init(s, now);
    if (!error)
        error = loop_init(s, t->loop_frames, now);
    if (!error)
        error = pool_init(&s->routes, s->allocator, t->max_routes, sizeof(struct route), alignof(struct route));
    if (!error)
        error = udp_set_init(&s->udp, s->allocator, t->max_udp_bindings);
    if (!error)
        error = group_set_init(s, now);
    if (!error)
        error = icmp_init(&s->icmp, t, s->allocator, now);
    if (!error)
        error = reassembly_init(&s->fragments, t, s->allocator);
    if (!error)
        error = pmtu_init(&s->pmtus, t, s->allocator);
    if (!error)
        error = ip_large_init(&s->large, t->large_datagrams, s->allocator);
    if (!error)
        error = autoconf_init(s, now);
    if (!error)
        error = redirect_init(&s->redirects, s->allocator, t->max_redirects);
    if (!error)
        error =
            pool_init(&s->routers, s->allocator, t->max_routers, sizeof(struct nd_router), alignof(struct nd_router));
    if (!error)
        error = make_tcp(s, now);
    return error;
}

int stack_new(const struct stack_settings *t, const struct allocator *a, int64_t now, struct stack **out)
{
    if (!settings_ok(t))
        return ERR_INVALID;
    struct stack *s = alloc_zeroed(a, sizeof *s, alignof(struct stack));
    if (!s)
        return ERR_NO_MEMORY;
    s->settings = *t;
    s->allocator = a;
    s->now = now;
    int error = make_parts(s, now);
    if (error) {
        stack_delete(s);
        return error;
    }
    *out = s;
    return 0;
}

void stack_delete(struct stack *s)
{
    if (!s)
        return;
    if (s->tcp)
        tcp_layer_delete(s->tcp);
    neighbour_set_free(s);
    forward_free(s);
    for (unsigned i = 0; i < s->n_interfaces; i++)
        interface_free(&s->interfaces[i]);
    loop_free(s);
    packet_pool_free(&s->large);
    pmtu_free(&s->pmtus);
    reassembly_free(&s->fragments);
    icmp_free(&s->icmp);
    pool_free(&s->routers);
    redirect_free(&s->redirects);
    autoconf_free(s);
    group_set_free(s);
    udp_set_free(&s->udp);
    pool_free(&s->routes);
    host_set_free(&s->hosts);
    alloc_free(s->allocator, s, sizeof *s);
}

/* ---- configuration ---- */

int stack_add_interface(struct stack *s, struct link *link, struct guard *guard)
{
    if (!guard || link->mtu < WIRE_IPV4_MIN_MTU)
        return ERR_INVALID;
    if (s->n_interfaces == min_u32(s->loop.neighbour ? STACK_LOOP : STACK_MAX_INTERFACES, s->settings.tcp.links))
        return ERR_NO_SPACE;
    unsigned number = s->n_interfaces;
    int error =
        interface_init(&s->interfaces[number], number, link, guard, s->settings.resolve_queue_total, s->allocator);
    if (!error && s->settings.merge_received)
        error = interface_merge(&s->interfaces[number], s->allocator);
    if (error) {
        interface_free(&s->interfaces[number]);
        return error;
    }
    s->n_interfaces++;
    s->has_tunnels |= link->ops->push != NULL;
    return (int)number;
}

/* Where every index was given once: one whose host is gone, and to which nothing refers. */
static uint32_t index_to_use_again(const struct stack *s)
{
    const struct host_set *set = &s->hosts;
    for (uint32_t i = 1; set->n_removed != 0 && set->count == set->capacity && i <= set->count; i++)
        if (set->hosts[i].removed && !host_is_referred_to(s, i))
            return i;
    return 0;
}

/* Bytes of tags and labels for which the link has no room beside its MTU. */
static uint32_t overhead_of(const struct link *link, const struct host_settings *h)
{
    while (link->lower)
        link = link->lower;
    uint32_t tags = h->vlan_count;
    if (!link->tags_in_mtu)
        tags = 0;
    else if (tags && h->vlan[0].tpid == ETHERTYPE_VLAN)
        tags--;
    return tags * WIRE_ETH_TAG_LEN + h->mpls_count * WIRE_MPLS_LEN;
}

/* On a link with one peer there is nobody who could have the address, nor a MAC of one's own. */
static struct host_settings to_one_peer(const struct host_settings *h)
{
    struct host_settings t = *h;
    memset(t.mac, 0, sizeof t.mac);
    t.dad_transmits = 0;
    return t;
}

int stack_add_host_untold(struct stack *s, const struct host_settings *given)
{
    if (given->interface >= s->n_interfaces || ip_addr_is_loopback(&given->address))
        return ERR_INVALID;
    struct interface *itf = &s->interfaces[given->interface];
    struct host_settings t = *given;
    const struct host_settings *h = &t;
    if (interface_has_one_peer(itf))
        t = to_one_peer(given);
    uint32_t least = ip_addr_is_v4(&h->address) ? WIRE_IPV4_MIN_MTU : WIRE_IPV6_MIN_MTU;
    uint32_t overhead = overhead_of(itf->link, h);
    if (interface_mtu(itf) < least + overhead)
        return ERR_INVALID;
    uint32_t segments = s->hosts.segments.touched;
    int local = host_add(&s->hosts, h, itf->link->mac, index_to_use_again(s));
    if (local < 0)
        return local;
    s->hosts.hosts[local].overhead = (uint8_t)overhead;
    filter_host_added(s, &s->hosts.hosts[local]);
    int error = forward_host_added(s, &s->hosts.hosts[local]);
    if (!error)
        error = autoconf_host_added(s, &s->hosts.hosts[local], h);
    if (error) {
        host_remove(&s->hosts, &s->hosts.hosts[local]);
        forward_host_removed(s, &s->hosts.hosts[local]);
        return error;
    }
    s->hosts.hosts[local].router = nd_router_has_station(s, &s->hosts.hosts[local]);
    if (itf->untagged == 0)
        itf->untagged = host_find_segment(&s->hosts, h->interface, NULL, 0);
    group_host_added(s, &s->hosts.hosts[local]);
    if (s->hosts.hosts[local].segment > segments)
        link_tell_added(s, s->hosts.hosts[local].segment);
    return local;
}

int stack_add_host(struct stack *s, const struct host_settings *given)
{
    int local = stack_add_host_untold(s, given);
    if (local < 0)
        return local;
    stack_tell(s, STACK_HOST_ADDED, (uint32_t)local);
    ra_tell_station(s, &s->hosts.hosts[local], true);
    return local;
}

int stack_add_loopback(struct stack *s, const struct ip_addr *address)
{
    static const uint8_t mac[WIRE_ETH_ADDR_LEN] = {2}; /* any: frames of the loop name hosts */
    if (!s->loop.neighbour || !ip_addr_is_loopback(address))
        return ERR_INVALID;
    const uint32_t there = stack_find_local(s, address);
    const struct host_settings h = {
        .interface = STACK_LOOP, .address = *address, .prefix_length = (uint8_t)ip_addr_bits(address)};
    return there ? (int)there : host_add(&s->hosts, &h, mac, index_to_use_again(s));
}

int stack_add_route(struct stack *s, uint32_t local, const struct ip_addr *prefix, uint8_t length,
                    const struct ip_addr *gateway)
{
    struct host *h = host_at(&s->hosts, local);
    if (!h)
        return ERR_INVALID;
    int index = route_add(&s->routes, h, prefix, length, gateway);
    if (index < 0)
        return index;
    gateway_changed(s, h);
    stack_tell(s, STACK_ROUTE_ADDED, (uint32_t)index);
    return 0;
}

int stack_add_neighbour(struct stack *s, uint32_t local, const struct ip_addr *address, const uint8_t mac[6])
{
    const struct host *h = host_at(&s->hosts, local);
    if (!h || ip_addr_is_v4(address) == h->v6 || wire_eth_is_multicast(mac) || wire_eth_is_zero(mac))
        return ERR_INVALID;
    bool usable = h->v6 ? ipv6_source_ok(h, address) : ipv4_source_ok(h, ip_addr_to_v4(address));
    if (!usable || host_find_address(&s->hosts, h->segment, address))
        return ERR_INVALID;
    uint32_t index = neighbour_open(s, h->domain, address, local, NEIGHBOUR_PATH);
    if (!index)
        return ERR_NO_SPACE;
    neighbour_set_permanent(s, index, mac);
    return 0;
}

void stack_announce(struct stack *s, uint32_t local, int64_t now)
{
    struct host *h = host_at(&s->hosts, local);
    s->now = now;
    if (h && interface_has_one_peer(stack_interface_of(s, h)))
        return;
    if (h && h->v6)
        nd_announce(s, h);
    else if (h && h->state == HOST_USABLE)
        arp_announce(s, h);
}

bool stack_local_address(const struct stack *s, uint32_t local, struct ip_addr *out)
{
    const struct host *h = host_at(&s->hosts, local);
    if (h)
        *out = h->ip;
    return h != NULL;
}

struct link *stack_link_of(const struct stack *s, uint32_t local)
{
    const struct host *h = host_at(&s->hosts, local);
    return h ? s->interfaces[h->interface].link : NULL;
}

bool stack_has_room(const struct stack *s, uint32_t local)
{
    const struct host *h = host_at(&s->hosts, local);
    const struct interface *itf = h ? &s->interfaces[h->interface] : NULL;
    return itf && link_tx_room(itf->link) > itf->queued + itf->spares.count + itf->large.count;
}

uint32_t stack_find_local(const struct stack *s, const struct ip_addr *address)
{
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct host *h = host_at(&s->hosts, i);
        if (h && h->state == HOST_USABLE && ip_addr_equal(&h->ip, address))
            return i;
    }
    return 0;
}

/* The prefix bits of the route by which a host reaches a destination; ERR_NO_ROUTE. */
static int reach_of(const struct stack *s, const struct host *h, const struct ip_addr *destination)
{
    if (!h || h->state != HOST_USABLE || s->interfaces[h->interface].down || ip_addr_is_v4(destination) == h->v6)
        return ERR_NO_ROUTE;
    const bool own = s->loop.neighbour && ip_addr_equal(&h->ip, destination);
    if (own || ip_addr_is_loopback(&h->ip))
        return own ? 128 : ERR_NO_ROUTE;
    return route_bits(&s->routes, h, destination);
}

/* Among IPv4 addresses the first of equals is as good as one with a longer common prefix. */
static struct ip_source source_of(const struct stack *s, const struct host *h)
{
    const struct autoconf_host *a = autoconf_at(&s->autoconf, h);
    bool temporary = a->station != 0 && a->temporary;
    return (struct ip_source){.address = h->ip,
                              .temporary = temporary == s->settings.prefer_temporary,
                              .bits = h->v6 ? h->bits : 0,
                              .deprecated = h->v6 && autoconf_address_deprecated(&s->autoconf, h)};
}

/* RFC 6724 section 5; the way out of rule 5 is the longest route's. */
static bool is_better_source(const struct stack *s, const struct host *h, int reach, const struct host *than,
                             int than_reach, const struct ip_addr *destination)
{
    struct ip_source a = source_of(s, h), b = source_of(s, than);
    a.outgoing = reach > than_reach;
    b.outgoing = than_reach > reach;
    return ip_source_compare(&ip_policies_default, &a, &b, destination) < 0;
}

uint32_t stack_local_for(const struct stack *s, const struct ip_addr *destination)
{
    const struct host *best = NULL;
    int best_reach = 0;
    for (uint32_t i = 1; i <= s->hosts.count; i++) {
        const struct host *h = host_at(&s->hosts, i);
        int reach = reach_of(s, h, destination);
        if (reach < 0 || (best && !is_better_source(s, h, reach, best, best_reach, destination)))
            continue;
        best = h;
        best_reach = reach;
    }
    return best ? best->index : 0;
}

void stack_sort_destinations(const struct stack *s, struct ip_destination *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct host *h = host_at(&s->hosts, stack_local_for(s, &list[i].address));
        list[i].usable = h != NULL;
        if (h)
            list[i].source = source_of(s, h);
    }
    ip_destination_sort(&ip_policies_default, list, n);
}

bool stack_is_broadcast(const struct stack *s, uint32_t local, const struct ip_addr *ip)
{
    if (!ip_addr_is_v4(ip) || ip_addr_is_broadcast(ip))
        return ip_addr_is_broadcast(ip);
    uint32_t first = local ? local : 1, last = local ? local : s->hosts.count;
    for (uint32_t i = first; i <= last; i++) {
        const struct host *h = host_at(&s->hosts, i);
        if (h && h->broadcast == ip_addr_to_v4(ip))
            return true;
    }
    return false;
}

uint32_t stack_path_mtu(struct stack *s, uint32_t local, const struct ip_addr *remote, int64_t now)
{
    const struct host *h = host_at(&s->hosts, local);
    s->now = now;
    return h ? pmtu_get(s, h, remote) : 0;
}

/* ---- the turn ---- */

/* Returns the frames taken. */
static unsigned receive_burst(struct stack *s, unsigned number, int64_t now)
{
    struct interface *itf = &s->interfaces[number];
    unsigned taken = link_rx_burst(itf->link, s->burst, LINK_BURST, now), n = taken;
    if (taken == 0)
        return 0;
    if (itf->merges && n > 1 && itf->watchers.count == 0)
        n = gro_burst(&itf->gro, s->burst, n);
    s->counters.frames_received += taken - n;
    stack_input(s, number, s->burst, n, now);
    return taken;
}

unsigned stack_receive(struct stack *s, int64_t now)
{
    s->now = now;
    unsigned taken = 0;
    for (unsigned i = 0; i < s->n_interfaces; i++) {
        struct interface *itf = &s->interfaces[i];
        interface_flush(s, itf); /* rx_burst ends the link's promise of room */
        taken += receive_burst(s, i, now);
    }
    if (unlikely(s->loop.first != NULL))
        taken += loop_receive(s, now);
    neighbour_tick(s, now);
    autoconf_tick(s, now);
    nd_router_tick(s, now);
    reassembly_tick(s, now);
    group_tick(s, now);
    if (unlikely(s->filters.count != 0))
        filter_tick(s, now);
    tcp_tick(s->tcp, now, TCP_TIMER_BUDGET);
    return taken;
}

/*
 * What went into tunnels goes on by the interfaces below them, which have smaller numbers: one pass is enough for any
 * nesting.
 */
static void push_tunnels(struct stack *s, int64_t now)
{
    for (unsigned i = s->n_interfaces; i-- > 0;) {
        struct link *l = s->interfaces[i].link;
        interface_end_turn(s, &s->interfaces[i]);
        if (l->ops->push)
            l->ops->push(l, now);
    }
}

unsigned stack_transmit(struct stack *s, int64_t now)
{
    s->now = now;
    uint64_t before = s->counters.frames_sent;
    for (unsigned i = 0; i < s->n_interfaces; i++) {
        tcp_output(s->tcp, (uint8_t)i, now);
        interface_end_turn(s, &s->interfaces[i]);
    }
    if (unlikely(s->has_tunnels))
        push_tunnels(s, now);
    if (s->loop.neighbour) {
        tcp_output(s->tcp, STACK_LOOP, now);
        interface_end_turn(s, &s->interfaces[STACK_LOOP]);
    }
    return (unsigned)(s->counters.frames_sent - before);
}

int64_t stack_next_deadline(struct stack *s)
{
    int64_t next = min_i64(wheel_next(&s->neighbours.wheel), tcp_next_deadline(s->tcp));
    next = min_i64(next, reassembly_deadline(&s->fragments));
    if (s->filters.count != 0)
        next = min_i64(next, filter_deadline(s));
    next = min_i64(next, autoconf_deadline(s));
    next = min_i64(next, wheel_next(&s->groups.wheel));
    next = min_i64(next, nd_router_deadline(s));
    if (s->loop.first)
        next = min_i64(next, s->now);
    for (unsigned i = 0; i < s->n_interfaces; i++)
        next = min_i64(next, link_next_deadline(s->interfaces[i].link));
    return next;
}

bool stack_output_pending(const struct stack *s)
{
    for (unsigned i = 0; i < s->n_interfaces; i++)
        if (s->interfaces[i].queued || tcp_output_pending(s->tcp, (uint8_t)i))
            return true;
    return s->loop.neighbour && (s->interfaces[STACK_LOOP].queued || tcp_output_pending(s->tcp, STACK_LOOP));
}

uint32_t stack_datagrams_waiting(const struct stack *s) { return s->neighbours.waiting; }

int64_t stack_time(const struct stack *s) { return s->now; }
struct tcp_layer *stack_tcp(struct stack *s) { return s->tcp; }
const struct stack_counters *stack_counters(const struct stack *s) { return &s->counters; }
