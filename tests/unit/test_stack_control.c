/* SPDX-License-Identifier: MIT */
/*
 * The stack as its administrator sees it: what there is, what changes while it runs and who hears of it. FEATURES S32.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "stack/control.h"
#include "stack/stack_internal.h"

#define LOG_MAX 64u

struct news {
    unsigned n;
    struct {
        enum stack_change what;
        uint32_t number;
    } log[LOG_MAX];
};

static void on_change(void *context, enum stack_change what, uint32_t number, int64_t now)
{
    (void)now;
    struct news *x = context;
    assert_true(x->n < LOG_MAX);
    x->log[x->n].what = what;
    x->log[x->n++].number = number;
}

static unsigned told(const struct news *x, enum stack_change what, uint32_t number)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->n; i++)
        n += x->log[i].what == what && x->log[i].number == number;
    return n;
}

static int send_udp(struct rig *r, uint32_t local, uint32_t remote)
{
    struct udp_datagram d = {.local = local, .remote = v4(remote), .local_port = 9, .remote_port = 9};
    int error = udp_send(r->stack, &d, r->now);
    rig_transmit(r);
    return error;
}

/* ---- what there is ---- */

static void test_interfaces_are_shown(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct stack_interface x;
    assert_int_equal(stack_interface_count(r->stack), 1);
    assert_true(stack_view_interface(r->stack, 0, &x));
    assert_string_equal(x.name, "rig");
    assert_memory_equal(x.mac, US_MAC, 6);
    assert_int_equal(x.mtu, 1500);
    assert_true(x.up);
    assert_ptr_equal(x.counters, &r->link.counters);
    assert_false(stack_view_interface(r->stack, 1, &x));
    rig_free(r);
}

static void test_hosts_are_shown_as_they_were_added(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct host_settings h = {.mac = {2, 9, 9, 9, 9, 9},
                              .vlan_count = 2,
                              .vlan = {{0x88a8, 0x2005}, {0x8100, 7}},
                              .address = v4(0x0a000001),
                              .prefix_length = 8,
                              .gateway = v4(0x0a0000fe),
                              .vrf = 4};
    int local = stack_add_host(r->stack, &h);
    assert_int_equal(local, 2);
    struct host_settings seen;
    assert_int_equal(stack_next_host(r->stack, 0), 1);
    assert_int_equal(stack_next_host(r->stack, 1), 2);
    assert_int_equal(stack_next_host(r->stack, 2), 0);
    assert_int_equal(stack_next_host(r->stack, UINT32_MAX), 0);
    assert_true(stack_view_host(r->stack, 2, &seen));
    assert_memory_equal(seen.mac, h.mac, 6);
    assert_int_equal(seen.vlan_count, 2);
    assert_memory_equal(seen.vlan, h.vlan, sizeof h.vlan);
    assert_true(ip_addr_equal(&seen.address, &h.address));
    assert_true(ip_addr_equal(&seen.gateway, &h.gateway));
    assert_int_equal(seen.prefix_length, 8);
    assert_int_equal(seen.vrf, 4);
    assert_false(stack_view_host(r->stack, 3, &seen));
    rig_free(r);
}

static void test_routes_are_shown_and_can_be_removed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct news x = {0};
    stack_on_change(r->stack, on_change, &x);
    struct ip_addr gateway = v4(PEER), net[3] = {v4(0x0a000000), v4(0x0a010000), v4(0x0a010200)};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(stack_add_route(r->stack, r->us, &net[i], (uint8_t)(8 + 8 * i), &gateway), 0);
    struct stack_route route;
    uint32_t at = 0;
    for (unsigned i = 0; i < 3; i++) {
        at = stack_next_route(r->stack, at, &route);
        assert_int_not_equal(at, 0);
        assert_int_equal(route.local, r->us);
        assert_true(ip_addr_equal(&route.prefix, &net[i]));
        assert_true(ip_addr_equal(&route.gateway, &gateway));
        assert_int_equal(route.length, 8 + 8 * i);
    }
    assert_int_equal(stack_next_route(r->stack, at, &route), 0);
    assert_int_equal(x.n, 3);
    assert_int_equal(stack_remove_route(r->stack, r->us, &net[1], 24, r->now), ERR_NOT_FOUND);
    assert_int_equal(stack_remove_route(r->stack, 9, &net[1], 16, r->now), ERR_NOT_FOUND);
    assert_int_equal(stack_remove_route(r->stack, r->us, &net[1], 16, r->now), 0);
    assert_int_equal(told(&x, STACK_ROUTE_REMOVED, 2), 1);
    assert_int_equal(stack_remove_route(r->stack, r->us, &net[1], 16, r->now), ERR_NOT_FOUND);
    assert_int_equal(stack_next_route(r->stack, 1, &route), 3);
    assert_int_equal(stack_add_route(r->stack, r->us, &net[1], 16, &gateway), 0); /* its place is free */
    assert_int_equal(stack_next_route(r->stack, 1, &route), 2);
    rig_free(r);
}

static void test_a_removed_route_is_not_taken(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct ip_addr net = v4(FAR), gateway = v4(PEER);
    assert_int_equal(stack_add_route(r->stack, r->us, &net, 24, &gateway), 0);
    struct wire_arp arp;
    assert_int_equal(send_udp(r, r->us, FAR), 0);
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, PEER);
    assert_int_equal(stack_remove_route(r->stack, r->us, &net, 24, r->now), 0);
    assert_int_equal(send_udp(r, r->us, FAR), 0);
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, GATEWAY);
    rig_free(r);
}

static void test_the_gateway_can_be_changed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct news x = {0};
    stack_on_change(r->stack, on_change, &x);
    struct ip_addr none = {{0}}, other = v4(OTHER), far = v4(FAR), self = v4(US), broadcast = v4(US | 255u);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &none, r->now), 0);
    assert_int_equal(send_udp(r, r->us, FAR), ERR_NO_ROUTE);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &far, r->now), ERR_INVALID);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &self, r->now), ERR_INVALID);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &broadcast, r->now), ERR_INVALID);
    assert_int_equal(stack_set_gateway(r->stack, 5, &other, r->now), ERR_NOT_FOUND);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &other, r->now), 0);
    assert_int_equal(send_udp(r, r->us, FAR), 0);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, OTHER);
    assert_int_equal(told(&x, STACK_HOST_CHANGED, r->us), 2);
    rig_free(r);
}

/* ---- neighbours ---- */

static void test_neighbours_are_shown_with_their_states(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct news x = {0};
    struct ip_addr other = v4(OTHER);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    int64_t confirmed = r->now;
    stack_on_change(r->stack, on_change, &x);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &other, OTHER_MAC), 0);
    struct stack_neighbour n;
    uint32_t first = stack_next_neighbour(r->stack, 0, &n);
    assert_int_equal(ip_addr_to_v4(&n.address), PEER);
    assert_memory_equal(n.mac, PEER_MAC, 6);
    assert_int_equal(n.state, NEIGHBOUR_REACHABLE);
    assert_int_equal(n.since, confirmed);
    assert_int_equal(n.local, r->us);
    uint32_t second = stack_next_neighbour(r->stack, first, &n);
    assert_int_equal(ip_addr_to_v4(&n.address), OTHER);
    assert_int_equal(n.state, NEIGHBOUR_PERMANENT);
    assert_int_equal(told(&x, STACK_NEIGHBOUR_CHANGED, second), 1);
    assert_int_equal(stack_next_neighbour(r->stack, second, &n), 0);
    rig_pass(r, 31 * NS_PER_S);
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), first);
    assert_int_equal(n.state, NEIGHBOUR_STALE);
    assert_int_equal(n.since, r->now);
    assert_int_equal(told(&x, STACK_NEIGHBOUR_CHANGED, first), 1);
    rig_free(r);
}

static void test_a_removed_neighbour_is_asked_for_again(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct news x = {0};
    struct ip_addr peer = v4(PEER);
    stack_on_change(r->stack, on_change, &x);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, OTHER_MAC), 0);
    assert_int_equal(send_udp(r, r->us, PEER), 0);
    expect_dst_mac(rig_next(r), OTHER_MAC);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, PEER_MAC), 0); /* changed */
    assert_int_equal(send_udp(r, r->us, PEER), 0);
    expect_dst_mac(rig_next(r), PEER_MAC);
    assert_int_equal(stack_remove_neighbour(r->stack, r->us, &peer, r->now), 0);
    assert_int_equal(told(&x, STACK_NEIGHBOUR_REMOVED, 1), 1);
    assert_int_equal(stack_remove_neighbour(r->stack, r->us, &peer, r->now), ERR_NOT_FOUND);
    assert_int_equal(stack_remove_neighbour(r->stack, 9, &peer, r->now), ERR_NOT_FOUND);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    rig_free(r);
}

/* ---- connections ---- */

struct side {
    unsigned closed;
    enum tcp_close_reason reason;
};
static void on_bytes(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context, (void)c, (void)bytes, (void)length, (void)now;
}
static size_t on_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c, (void)offset;
    memset(to, 0, length);
    *sum = checksum_add(*sum, to, length);
    return length;
}
static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)c, (void)now;
    struct side *x = context;
    x->closed++;
    x->reason = reason;
}
static const struct tcp_user user = {.received = on_bytes, .pull = on_pull, .closed = on_closed};

static void listen_at(struct rig *r, struct side *x, uint32_t local)
{
    struct tcp_profile profile;
    tcp_profile_default(&profile);
    int number = tcp_register_user(stack_tcp(r->stack), &user, x, &profile);
    assert_true(number >= 0);
    assert_int_equal(tcp_listen(stack_tcp(r->stack), (unsigned)number, local, 80), 0);
}

/* A connection from PEER's port to our `to`:80; the sequence number that we use next. */
static uint32_t open_from_peer(struct rig *r, uint16_t port, uint32_t to)
{
    uint8_t f[128];
    rig_input(r, f, make_tcp(f, PEER, port, to, 80, TCP_SYN, 100, 0, NULL, 0));
    struct wire_ipv4 ip;
    const struct rig_frame *g = expect_ipv4(r, IP_PROTO_TCP, &ip);
    uint32_t next = load_be32(g->bytes + 14 + 20 + 4) + 1;
    rig_input(r, f, make_tcp(f, PEER, port, to, 80, TCP_ACK, 101, next, NULL, 0));
    expect_nothing(r);
    return next;
}

static void test_connections_ask_again_for_a_removed_neighbour(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct side x = {0};
    struct ip_addr peer = v4(PEER);
    listen_at(r, &x, TCP_ANY_LOCAL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    uint32_t next = open_from_peer(r, 1000, US);
    assert_int_equal(stack_remove_neighbour(r->stack, r->us, &peer, r->now), 0);
    uint8_t f[128];
    rig_input(r, f, make_tcp(f, PEER, 1000, US, 80, TCP_ACK | TCP_FIN, 101, next, NULL, 0));
    rig_pass(r, 50 * NS_PER_MS);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, PEER);
    rig_input(r, f, make_arp_reply(f, PEER, OTHER_MAC));
    const struct rig_frame *g = rig_next(r);
    assert_non_null(g); /* the ACK of the FIN */
    expect_dst_mac(g, OTHER_MAC);
    rig_free(r);
}

/* ---- hosts that go ---- */

struct binding {
    unsigned received, gone;
    struct udp_datagram last;
};
static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)d, (void)now;
    ((struct binding *)context)->received++;
}
static void on_error(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)now;
    struct binding *x = context;
    x->gone += e->error == ERR_CLOSED;
    x->last = *d;
}

static void test_a_removed_address_is_ours_no_more(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint32_t other = rig_host(r, OTHER, PREFIX, 0, NULL);
    struct news x = {0};
    struct binding exact = {0}, any = {0};
    assert_int_equal(udp_bind(r->stack, r->us, 53, on_datagram, on_error, &exact), 0);
    assert_int_equal(udp_bind(r->stack, 0, 53, on_datagram, on_error, &any), 0);
    struct ip_addr group = v4(0xe0000105), net = v4(FAR), gateway = v4(PEER);
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    assert_int_equal(stack_add_route(r->stack, r->us, &net, 24, &gateway), 0);
    stack_on_change(r->stack, on_change, &x);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), ERR_NOT_FOUND);
    assert_int_equal(told(&x, STACK_HOST_REMOVED, r->us), 1);
    assert_int_equal(told(&x, STACK_ROUTE_REMOVED, 1), 1);
    assert_int_equal(exact.gone, 1);
    assert_int_equal(exact.last.local, r->us);
    assert_int_equal(exact.last.local_port, 53);
    assert_int_equal(any.gone, 0);
    assert_int_equal(stack_next_host(r->stack, 0), other);
    struct host_settings seen;
    struct ip_addr address;
    assert_false(stack_view_host(r->stack, r->us, &seen));
    assert_false(stack_local_address(r->stack, r->us, &address));
    address = v4(US);
    assert_int_equal(stack_find_local(r->stack, &address), 0);
    address = v4(PEER);
    assert_int_equal(stack_local_for(r->stack, &address), other);
    uint8_t f[128];
    rig_input(r, f, make_udp(f, PEER, 1, US, 53, "x", 1));
    rig_input(r, f, make_udp(f, PEER, 1, 0xe0000105, 53, "x", 1));
    assert_int_equal(exact.received + any.received, 0);
    assert_int_equal(rig_counters(r)->ip_not_for_us, 2);
    rig_input(r, f, make_arp_request(f, US));
    expect_nothing(r);
    assert_int_equal(send_udp(r, r->us, PEER), ERR_INVALID);
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), ERR_INVALID);
    /* the other one is as before: its MAC, which is the same, its subnet's broadcast, all hosts of the segment */
    rig_input(r, f, make_udp(f, PEER, 1, OTHER, 53, "x", 1));
    static const uint32_t all[] = {US | 255u, 0xffffffff, 0xe0000001};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        uint32_t n = make_udp(f, PEER, 1, all[i], 53, "x", 1);
        memcpy(f, BROADCAST_MAC, 6);
        rig_input(r, f, n);
    }
    assert_int_equal(any.received, 4);
    rig_free(r);
}

static void test_the_last_address_of_a_segment_may_go(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct binding any = {0};
    assert_int_equal(udp_bind(r->stack, 0, 53, on_datagram, on_error, &any), 0);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    assert_int_equal(send_udp(r, r->us, OTHER), 0); /* one that waits */
    rig_forget_frames(r);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    struct stack_neighbour n;
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    uint8_t f[128];
    static const uint32_t to[] = {US, US | 255u, 0xffffffff, 0xe0000001};
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        uint32_t length = make_udp(f, PEER, 1, to[i], 53, "x", 1);
        if (i)
            memcpy(f, BROADCAST_MAC, 6);
        rig_input(r, f, length);
    }
    rig_input(r, f, make_arp_request(f, US));
    rig_input(r, f, make_arp_reply(f, OTHER, OTHER_MAC));
    rig_pass(r, 5 * NS_PER_S);
    expect_nothing(r);
    assert_int_equal(any.received, 0);
    uint32_t again = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_input(r, f, make_udp(f, PEER, 1, US, 53, "x", 1));
    assert_int_equal(any.received, 1);
    rig_resolve(r, again, PEER, PEER_MAC);
    rig_free(r);
}

static void test_connections_of_a_removed_address_are_reset(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_host(r, OTHER, PREFIX, 0, NULL);
    struct side x = {0};
    listen_at(r, &x, TCP_ANY_LOCAL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    open_from_peer(r, 1000, US);
    open_from_peer(r, 1001, OTHER);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    assert_int_equal(x.closed, 1);
    assert_int_equal(x.reason, TCP_CLOSE_ABORTED);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *g = expect_ipv4(r, IP_PROTO_TCP, &ip);
    assert_int_equal(ip.src, US);
    assert_true(g->bytes[14 + 20 + 13] & TCP_RST);
    expect_nothing(r);
    rig_pass(r, NS_PER_S);
    struct tcp_occupancy o;
    tcp_get_occupancy(stack_tcp(r->stack), &o);
    assert_int_equal(o.connections, 1);
    rig_free(r);
}

static void test_an_index_is_given_again_only_when_nothing_has_it(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = 2;
    struct rig *r = rig_new_with(&t);
    struct side x = {0};
    struct binding b = {0};
    rig_host(r, OTHER, PREFIX, 0, NULL);
    struct host_settings h = {.address = v4(US + 10), .prefix_length = PREFIX};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_NO_SPACE);
    assert_int_equal(udp_bind(r->stack, r->us, 53, on_datagram, on_error, &b), 0);
    listen_at(r, &x, r->us);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    open_from_peer(r, 1000, US);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_NO_SPACE); /* a binding, a listener, a connection's RST */
    assert_int_equal(udp_unbind(r->stack, r->us, 53), 0);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_NO_SPACE);
    assert_int_equal(tcp_unlisten(stack_tcp(r->stack), r->us, 80, r->now), 0);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_NO_SPACE);
    rig_pass(r, NS_PER_S);
    rig_forget_frames(r);
    rig_pass(r, NS_PER_S);
    assert_int_equal(stack_add_host(r->stack, &h), (int)r->us);
    uint8_t f[64];
    rig_input(r, f, make_arp_request(f, US + 10));
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REPLY, &arp);
    assert_int_equal(arp.spa, US + 10);
    assert_int_equal(stack_next_host(r->stack, 0), r->us);
    rig_free(r);
}

static void test_fragments_for_a_removed_address_go(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_host(r, OTHER, PREFIX, 0, NULL);
    static const uint8_t body[2000];
    uint8_t f[FRAME_MAKE_BYTES];
    rig_input(r, f, make_fragment(f, PEER, 1, IP_PROTO_UDP, 0, true, body, 800));
    rig_input(r, f, make_fragment(f, PEER, 2, IP_PROTO_UDP, 0, true, body, 800));
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    assert_int_equal(rig_counters(r)->frag_evicted, 2);
    rig_pass(r, 60 * NS_PER_S);
    assert_int_equal(rig_counters(r)->frag_timeout, 0);
    rig_free(r);
}

/* ---- interfaces that change ---- */

static void test_an_interface_that_is_down_takes_and_sends_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct news x = {0};
    uint8_t f[128];
    struct stack_neighbour n;
    rig_resolve(r, r->us, PEER, PEER_MAC);
    stack_on_change(r->stack, on_change, &x);
    assert_int_equal(stack_set_up(r->stack, 0, false, r->now), 0);
    assert_int_equal(stack_set_up(r->stack, 0, false, r->now), 0);
    assert_int_equal(stack_set_up(r->stack, 1, false, r->now), ERR_NOT_FOUND);
    assert_int_equal(told(&x, STACK_INTERFACE_CHANGED, 0), 1);
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    rig_input(r, f, make_echo_request(f, PEER, US, 1, 1, "x", 1));
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->l2_interface_down, 1);
    assert_int_equal(send_udp(r, r->us, PEER), ERR_NO_ROUTE);
    assert_int_equal(send_udp(r, r->us, 0xffffffff), ERR_NO_ROUTE);
    struct ip_addr peer = v4(PEER);
    assert_int_equal(stack_local_for(r->stack, &peer), 0);
    assert_int_equal(stack_set_up(r->stack, 0, true, r->now), 0);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    rig_input(r, f, make_echo_request(f, PEER, US, 1, 1, "x", 1));
    struct wire_ipv4 ip;
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    rig_free(r);
}

static void test_a_connection_survives_an_interface_that_is_down_for_a_while(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct side x = {0};
    listen_at(r, &x, TCP_ANY_LOCAL);
    struct ip_addr peer = v4(PEER);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &peer, PEER_MAC), 0);
    uint32_t next = open_from_peer(r, 1000, US);
    uint8_t f[128];
    assert_int_equal(stack_set_up(r->stack, 0, false, r->now), 0);
    rig_input(r, f, make_tcp(f, PEER, 1000, US, 80, TCP_ACK | TCP_FIN, 101, next, NULL, 0));
    rig_pass(r, NS_PER_S);
    expect_nothing(r);
    assert_int_equal(stack_set_up(r->stack, 0, true, r->now), 0);
    rig_input(r, f, make_tcp(f, PEER, 1000, US, 80, TCP_ACK | TCP_FIN, 101, next, NULL, 0));
    rig_pass(r, NS_PER_S);
    struct wire_ipv4 ip;
    expect_ipv4(r, IP_PROTO_TCP, &ip);
    assert_int_equal(x.closed, 0);
    rig_free(r);
}

static void test_the_mtu_can_be_lowered_and_raised_again(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct stack_interface x;
    static const uint32_t wrong[] = {0, 67, 1501, 65536};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(stack_set_mtu(r->stack, 0, wrong[i], r->now), ERR_INVALID);
    assert_int_equal(stack_set_mtu(r->stack, 1, 1000, r->now), ERR_NOT_FOUND);
    struct ip_addr peer = v4(PEER);
    static const uint32_t right[] = {68, 1000, 1500};
    for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
        assert_int_equal(stack_set_mtu(r->stack, 0, right[i], r->now), 0);
        assert_int_equal(stack_path_mtu(r->stack, r->us, &peer, r->now), right[i]);
        assert_true(stack_view_interface(r->stack, 0, &x));
        assert_int_equal(x.mtu, right[i]);
        assert_int_equal(x.mtu_max, 1500);
    }
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interfaces_are_shown),
        cmocka_unit_test(test_hosts_are_shown_as_they_were_added),
        cmocka_unit_test(test_routes_are_shown_and_can_be_removed),
        cmocka_unit_test(test_a_removed_route_is_not_taken),
        cmocka_unit_test(test_the_gateway_can_be_changed),
        cmocka_unit_test(test_neighbours_are_shown_with_their_states),
        cmocka_unit_test(test_a_removed_neighbour_is_asked_for_again),
        cmocka_unit_test(test_connections_ask_again_for_a_removed_neighbour),
        cmocka_unit_test(test_a_removed_address_is_ours_no_more),
        cmocka_unit_test(test_the_last_address_of_a_segment_may_go),
        cmocka_unit_test(test_connections_of_a_removed_address_are_reset),
        cmocka_unit_test(test_an_index_is_given_again_only_when_nothing_has_it),
        cmocka_unit_test(test_fragments_for_a_removed_address_go),
        cmocka_unit_test(test_an_interface_that_is_down_takes_and_sends_nothing),
        cmocka_unit_test(test_a_connection_survives_an_interface_that_is_down_for_a_while),
        cmocka_unit_test(test_the_mtu_can_be_lowered_and_raised_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
