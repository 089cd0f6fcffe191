/* SPDX-License-Identifier: MIT */
/*
 * Making a stack: settings, hosts, routes, interfaces, running out of memory at every place; and when it wants to be
 * called.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "stack/control.h"
#include "support/counting_alloc.h"

static struct host_settings host(uint32_t address, uint8_t prefix, uint32_t gateway)
{
    struct host_settings h = {.address = v4(address), .prefix_length = prefix};
    if (gateway)
        h.gateway = v4(gateway);
    return h;
}

/* ---- hosts ---- */

static void test_addresses_no_host_can_have_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t address;
        uint8_t prefix;
        uint32_t gateway;
    } bad[] = {{0, 24, 0},          {1, 24, 0},   {0x7f000001, 8, 0},   {0xe0000001, 24, 0},  {0xf0000001, 24, 0},
               {0xffffffff, 32, 0}, {US, 0, 0},   {US, 33, 0},          {0xc0000200, 24, 0},  {0xc00002ff, 24, 0},
               {US, 24, FAR},       {US, 24, US}, {US, 24, 0xc0000200}, {US, 24, 0xc00002ff}, {US, 32, GATEWAY}};
    struct rig *r = rig_new_empty(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct host_settings h = host(bad[i].address, bad[i].prefix, bad[i].gateway);
        assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    }
    struct host_settings h = host(US, 24, 0);
    h.interface = 1;
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = host(US, 24, 0);
    memcpy(h.mac, BROADCAST_MAC, 6);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = host(US, 24, 0);
    h.vlan_count = 3;
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h.vlan_count = 1;
    h.vlan[0] = (struct host_vlan){.tpid = 0x0800, .tci = 5};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h.vlan[0] = (struct host_vlan){.tpid = 0x8100, .tci = 4095};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = host(US, 24, 0);
    memset(&h.address, 0, sizeof h.address);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = host(US, 24, 0);
    memset(&h.gateway, 0x20, sizeof h.gateway);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = host(US, 24, GATEWAY);
    assert_int_equal(stack_add_host(r->stack, &h), 1);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_EXISTS);
    rig_free(r);
}

static void test_ipv6_addresses_no_host_can_have_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        uint8_t prefix;
        const char *gateway;
    } bad[] = {{"::", 64, "::"},
               {"::1", 128, "::"},
               {"ff02::5", 64, "::"},
               {"2001:db8::1", 0, "::"},
               {"2001:db8::1", 129, "::"},
               {"2001:db8::1", 64, "2001:db8::1"},
               {"2001:db8::1", 64, "2001:db8:1::1"},
               {"2001:db8::1", 64, "ff02::1"},
               {"2001:db8::1", 64, "192.0.2.1"}};
    struct rig *r = rig_new_empty(NULL);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct host_settings h = {
            .address = v6(bad[i].address), .prefix_length = bad[i].prefix, .gateway = v6(bad[i].gateway)};
        assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    }
    struct host_settings good = {.address = US6, .prefix_length = 64, .gateway = GATEWAY6};
    assert_int_equal(stack_add_host(r->stack, &good), 1);
    assert_int_equal(stack_add_host(r->stack, &good), ERR_EXISTS);
    rig_free(r);
}

static void test_ipv6_needs_an_mtu_of_1280(void **state) /* RFC 8200 section 5 */
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = US6, .prefix_length = 64};
    assert_int_equal(stack_set_mtu(r->stack, 0, 1279, r->now), 0);
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    assert_int_equal(stack_set_mtu(r->stack, 0, 1280, r->now), 0);
    assert_int_equal(stack_add_host(r->stack, &h), 1);
    assert_int_equal(stack_set_mtu(r->stack, 0, 1279, r->now), ERR_INVALID);
    rig_free(r);
}

static void test_point_to_point_prefixes_have_no_broadcast_address(void **state) /* RFC 3021 */
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    r->us = rig_host(r, 0xc0000200, 31, 0xc0000201, NULL);
    struct udp_datagram d = {.local = r->us, .remote = v4(0xc0000201), .local_port = 1, .remote_port = 2};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, 0xc0000201);
    rig_free(r);
}

static void test_a_segment_has_sixteen_vrfs_at_most(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    for (uint32_t vrf = 0; vrf < 17; vrf++) {
        struct host_settings h = host(US, 24, 0);
        h.vrf = 100 + vrf;
        h.mac[0] = 2;
        h.mac[5] = (uint8_t)vrf;
        assert_int_equal(stack_add_host(r->stack, &h), vrf < 16 ? (int)vrf + 1 : ERR_NO_SPACE);
    }
    rig_free(r);
}

/* ---- routes ---- */

/* Who is asked for when a datagram goes to remote; 0: no route. */
static uint32_t next_hop(struct rig *r, uint32_t local, uint32_t remote)
{
    struct udp_datagram d = {.local = local, .remote = v4(remote), .local_port = 1, .remote_port = 2};
    int error = udp_send(r->stack, &d, r->now);
    if (error == ERR_NO_ROUTE)
        return 0;
    assert_int_equal(error, 0);
    rig_transmit(r);
    struct wire_arp arp;
    if (r->count == 0) { /* asked already: forget what is known by letting it fail */
        for (int i = 0; i < 6; i++)
            rig_pass(r, 1010 * NS_PER_MS);
        rig_forget_frames(r);
        return next_hop(r, local, remote);
    }
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    return arp.tpa;
}

static int add_route(struct rig *r, uint32_t local, uint32_t prefix, uint8_t length, uint32_t gateway)
{
    struct ip_addr p = v4(prefix), g = v4(gateway);
    return stack_add_route(r->stack, local, &p, length, &g);
}

static void test_the_longest_prefix_wins(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    enum { A = US + 10, B = US + 11, C = US + 12, D = US + 13 };
    assert_int_equal(add_route(r, r->us, 0x0a000000, 8, A), 0);
    assert_int_equal(add_route(r, r->us, 0x0a010203, 32, C), 0);
    assert_int_equal(add_route(r, r->us, 0x0a010000, 16, B), 0);
    assert_int_equal(add_route(r, r->us, 0xc00002f0, 28, D), 0); /* part of our own subnet */
    assert_int_equal(next_hop(r, r->us, FAR), GATEWAY);
    assert_int_equal(next_hop(r, r->us, 0x0a020304), A);
    assert_int_equal(next_hop(r, r->us, 0x0a010204), B);
    assert_int_equal(next_hop(r, r->us, 0x0a010203), C);
    assert_int_equal(next_hop(r, r->us, PEER), PEER);
    assert_int_equal(next_hop(r, r->us, 0xc00002f5), D);
    rig_free(r);
}

static void test_routes_belong_to_one_host(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint32_t other = rig_host(r, OTHER, PREFIX, 0, NULL);
    assert_int_equal(add_route(r, r->us, 0x0a000000, 8, PEER), 0);
    assert_int_equal(next_hop(r, r->us, 0x0a000001), PEER);
    assert_int_equal(next_hop(r, other, 0x0a000001), 0);
    assert_int_equal(add_route(r, other, 0, 0, PEER + 5), 0); /* a default route */
    assert_int_equal(next_hop(r, other, 0x0a000001), PEER + 5);
    rig_free(r);
}

static void test_routes_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_routes = 2;
    struct rig *r = rig_new_with(&t);
    struct ip_addr v6, g = v4(PEER), p = v4(0x0a000000);
    memset(&v6, 0x20, sizeof v6);
    assert_int_equal(add_route(r, r->us, 0x0a000000, 8, FAR), ERR_INVALID);
    assert_int_equal(add_route(r, r->us, 0x0a000000, 8, US), ERR_INVALID);
    assert_int_equal(add_route(r, r->us, 0x0a000000, 8, 0xc00002ff), ERR_INVALID);
    assert_int_equal(add_route(r, r->us, 0x0a000000, 33, PEER), ERR_INVALID);
    assert_int_equal(add_route(r, 0, 0x0a000000, 8, PEER), ERR_INVALID);
    assert_int_equal(stack_add_route(r->stack, r->us, &v6, 8, &g), ERR_INVALID);
    assert_int_equal(stack_add_route(r->stack, r->us, &p, 8, &v6), ERR_INVALID);
    assert_int_equal(add_route(r, r->us, 0x0a000000, 8, PEER), 0);
    assert_int_equal(add_route(r, r->us, 0x0b000000, 8, PEER), 0);
    assert_int_equal(add_route(r, r->us, 0x0c000000, 8, PEER), ERR_NO_SPACE);
    rig_free(r);
}

/* ---- settings and memory ---- */

static void test_settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct stack_settings good;
    stack_settings_default(&good);
    struct stack *s = NULL;
#define REFUSED(field, value)                                                                                          \
    do {                                                                                                               \
        struct stack_settings t = good;                                                                                \
        t.field = (value);                                                                                             \
        assert_int_equal(stack_new(&t, a, 0, &s), ERR_INVALID);                                                        \
        assert_null(s);                                                                                                \
    } while (0)
    REFUSED(max_addresses, 0);
    REFUSED(max_addresses, UINT32_MAX);
    REFUSED(max_neighbours, 0);
    REFUSED(max_routes, 0);
    REFUSED(max_udp_bindings, 0);
    REFUSED(max_groups, 0);
    REFUSED(max_echo_bindings, 0);
    REFUSED(resolve_queue_frames, 0);
    REFUSED(resolve_queue_frames, 256);
    REFUSED(resolve_queue_total, 0);
    REFUSED(arp_retry_ns, 0);
    REFUSED(arp_tries, 0);
    REFUSED(arp_tries, 256);
    REFUSED(arp_reachable_ns, 0);
    REFUSED(arp_failed_ns, 0);
    REFUSED(icmp_errors_per_second, 1000000001);
    REFUSED(max_vlan_tags, 9);
    REFUSED(max_mpls_labels, 9);
    REFUSED(tcp.max_connections, 0);
#undef REFUSED
    assert_int_equal(c.live_blocks, 0);
}

/* A stack with an interface and a host; the first error. */
static int make_all(const struct stack_settings *t, const struct allocator *a, struct link *link, struct guard *guard,
                    struct stack **out)
{
    int error = stack_new(t, a, 0, out);
    if (error)
        return error;
    error = stack_add_interface(*out, link, guard);
    if (error >= 0) {
        struct host_settings h = host(US, 24, GATEWAY);
        error = stack_add_host(*out, &h);
    }
    if (error >= 0)
        return 0;
    stack_delete(*out);
    return error;
}

static void test_a_failing_allocation_at_any_place_leaves_nothing(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL); /* for its link */
    struct stack_settings t;
    stack_settings_default(&t);
    t.tcp.max_connections = t.tcp.max_time_wait = t.tcp.max_out_of_order_frames = 16;
    unsigned allocations = 0;
    for (int error = ERR_NO_MEMORY; error; allocations++) {
        struct counting_alloc c;
        const struct allocator *a = counting_alloc_init(&c);
        c.allocs_left = allocations;
        struct stack *s = NULL;
        error = make_all(&t, a, &r->link, &r->guard, &s);
        if (error == 0)
            stack_delete(s);
        else
            assert_int_equal(error, ERR_NO_MEMORY);
        assert_int_equal(c.live_blocks, 0);
        assert_true(allocations < 100);
    }
    print_message("%u allocations\n", allocations - 1);
    stack_delete(NULL);
    rig_free(r);
}

static void test_interfaces_are_as_many_as_tcp_has_links(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.tcp.links = 3;
    struct rig *r = rig_new_empty(&t);
    assert_int_equal(stack_add_interface(r->stack, &r->link, NULL), ERR_INVALID);
    struct link tiny = r->link;
    tiny.mtu = 67;
    assert_int_equal(stack_add_interface(r->stack, &tiny, &r->guard), ERR_INVALID);
    assert_int_equal(stack_add_interface(r->stack, &r->link, &r->guard), 1);
    assert_int_equal(stack_add_interface(r->stack, &r->link, &r->guard), 2);
    assert_int_equal(stack_add_interface(r->stack, &r->link, &r->guard), ERR_NO_SPACE);
    rig_free(r);
}

/* ---- time ---- */

static void test_the_next_deadline_is_that_of_the_neighbours(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    assert_int_equal(stack_next_deadline(r->stack), TIME_NEVER);
    struct udp_datagram d = {.local = r->us, .remote = v4(PEER), .local_port = 1, .remote_port = 2};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    assert_true(stack_output_pending(r->stack));
    rig_transmit(r);
    assert_false(stack_output_pending(r->stack));
    unsigned calls = 0;
    while (rig_counters(r)->neighbours_failed == 0) { /* driven by deadlines alone */
        int64_t next = stack_next_deadline(r->stack);
        assert_true(next > r->now && next <= r->now + 2 * NS_PER_S);
        rig_pass(r, next - r->now);
        assert_true(++calls < 100);
    }
    print_message("%u calls in 3 s\n", calls);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_no_host_can_have_are_refused),
        cmocka_unit_test(test_ipv6_addresses_no_host_can_have_are_refused),
        cmocka_unit_test(test_ipv6_needs_an_mtu_of_1280),
        cmocka_unit_test(test_point_to_point_prefixes_have_no_broadcast_address),
        cmocka_unit_test(test_a_segment_has_sixteen_vrfs_at_most),
        cmocka_unit_test(test_the_longest_prefix_wins),
        cmocka_unit_test(test_routes_belong_to_one_host),
        cmocka_unit_test(test_routes_that_lead_nowhere_are_refused),
        cmocka_unit_test(test_settings_out_of_range_are_refused),
        cmocka_unit_test(test_a_failing_allocation_at_any_place_leaves_nothing),
        cmocka_unit_test(test_interfaces_are_as_many_as_tcp_has_links),
        cmocka_unit_test(test_the_next_deadline_is_that_of_the_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
