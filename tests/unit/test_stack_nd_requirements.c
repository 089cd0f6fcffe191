/* SPDX-License-Identifier: MIT */
/*
 * Single requirements of RFC 4861 that no other test of Neighbour Discovery shows;
 * tests/conformance/requirements/rfc4861.tsv names these. One exchange of frames each, with the rig of
 * autoconfiguration where a router speaks. Reserved fields and options: test_stack_nd_messages.c.
 */
#include "unit/autoconf_rig.h"

#include <string.h>

#include "base/error.h"
#include "stack/nd_router.h"
#include "unit/forward_rig.h"

#define NS WIRE_ICMPV6_NEIGHBOR_SOLICITATION
#define NA WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT

static bool look_up(const struct rig *r, const struct ip_addr *address, struct stack_neighbour *n)
{
    for (uint32_t i = stack_next_neighbour(r->stack, 0, n); i; i = stack_next_neighbour(r->stack, i, n))
        if (ip_addr_equal(&n->address, address))
            return true;
    return false;
}

static struct wire_nd solicitation(const uint8_t *mac)
{
    struct wire_nd m = {.type = NS, .has = WIRE_ND_HAS_SOURCE_LL, .target = US6};
    memcpy(m.source_ll, mac, 6);
    return m;
}

static void solicit_from(struct rig *r, const struct ip_addr *from, const struct ip_addr *to, const struct wire_nd *m)
{
    uint8_t f[RIG_FRAME_BYTES];
    rig_input(r, f, make_nd(f, from, to, m));
}

static void a_solicitation_of_the_group_is_answered_with_the_link_layer_address(void **state) /* 7.2.4 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m = solicitation(PEER_MAC);
    const struct ip_addr group = ip_addr_solicited_node(&US6);
    solicit_from(r, &PEER6, &group, &m);
    expect_nd(r, NA, &ip, &m);
    assert_memory_equal(&ip.dst, &PEER6, 16);
    assert_true(m.has & WIRE_ND_HAS_TARGET_LL);
    assert_memory_equal(m.target_ll, US_MAC, 6);
    expect_nothing(r);
    rig_free(r);
}

static void solicitations_for_others_are_ignored(void **state) /* 7.2.3 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct stack_neighbour n;
    struct wire_nd m = solicitation(PEER_MAC);
    m.target = OTHER6;
    solicit_from(r, &PEER6, &US6, &m);
    expect_nothing(r);
    assert_false(look_up(r, &PEER6, &n));
    rig_free(r);
}

static void a_solicitation_from_nobody_makes_no_entry(void **state) /* 7.2.3 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct stack_neighbour n;
    const struct wire_nd m = {.type = NS, .target = US6};
    const struct ip_addr group = ip_addr_solicited_node(&US6);
    solicit_from(r, &NONE6, &group, &m);
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    rig_free(r);
}

static void a_datagram_waits_for_the_advertisement(void **state) /* 7.2.2 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m;
    uint8_t f[RIG_FRAME_BYTES];
    const struct udp_datagram d = {
        .local = r->us, .remote = PEER6, .local_port = 5, .remote_port = 6, .bytes = (const uint8_t *)"x", .length = 1};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_nd(r, NS, &ip, &m);
    expect_nothing(r);
    rig_input(r, f, make_advertisement(f, &PEER6, PEER_MAC, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE));
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), PEER_MAC);
    expect_nothing(r);
    rig_free(r);
}

/* A solicitation of PEER6 with more bytes behind the target; answered: it was processed. */
static void expect_answered(const uint8_t *options, uint32_t length, uint32_t reserved)
{
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m;
    struct stack_neighbour n;
    uint8_t f[RIG_FRAME_BYTES], body[256];
    memcpy(body, &US6, 16);
    memcpy(body + 16, options, length);
    make_icmp6(f, &PEER6, &US6, NS, 0, reserved, body, 16 + length);
    f[14 + 7] = 255; /* the hop limit, which no checksum covers */
    rig_input(r, f, 14 + 40 + 8 + 16 + length);
    expect_nd(r, NA, &ip, &m);
    assert_true(look_up(r, &PEER6, &n));
    assert_memory_equal(n.mac, PEER_MAC, 6);
    rig_free(r);
}

static uint8_t source_ll[8] = {1, 1};

static void unknown_options_are_skipped(void **state) /* 9 */
{
    (void)state;
    memcpy(source_ll + 2, PEER_MAC, 6);
    for (unsigned type = 100; type < 253; type++) {
        uint8_t o[24] = {(uint8_t)type, 2};
        memcpy(o + 16, source_ll, 8);
        expect_answered(o, 24, 0);
    }
}

static void options_may_come_in_any_order(void **state) /* 9 */
{
    (void)state;
    memcpy(source_ll + 2, PEER_MAC, 6);
    for (unsigned at = 0; at < 3; at++) {
        uint8_t o[24] = {100, 1, 0, 0, 0, 0, 0, 0, 101, 1, 0, 0, 0, 0, 0, 0, 102, 1};
        memcpy(o + 8 * at, source_ll, 8);
        expect_answered(o, 24, 0);
    }
}

static void a_reserved_field_of_a_solicitation_is_ignored(void **state) /* 4.3 */
{
    (void)state;
    memcpy(source_ll + 2, PEER_MAC, 6);
    for (unsigned bit = 0; bit < 32; bit++)
        expect_answered(source_ll, 8, 1u << bit);
}

static void options_of_other_messages_are_ignored(void **state) /* 4.6.1, 4.6.3, 7.1.1 */
{
    (void)state;
    memcpy(source_ll + 2, PEER_MAC, 6);
    uint8_t prefix[40] = {3, 4, 64, 0xc0, 0, 1, 0, 0, 0, 0, 1}, mtu[16] = {5, 1, 0, 0, 0, 0, 5, 0},
            target[16] = {2, 1, 8};
    uint8_t redirected[24] = {4, 2, 1, 1, 1, 1, 1, 1, 0x60};
    memcpy(prefix + 32, source_ll, 8);
    memcpy(mtu + 8, source_ll, 8);
    memcpy(target + 8, source_ll, 8);
    memcpy(redirected + 16, source_ll, 8);
    expect_answered(prefix, 40, 0);
    expect_answered(mtu, 16, 0);
    expect_answered(target, 16, 0);
    expect_answered(redirected, 24, 0);
    memset(target + 2, 0xff, 6); /* no station's address, and no reason to discard the message */
    expect_answered(target, 16, 0);
    memset(target + 2, 0, 6);
    expect_answered(target, 16, 0);
}

static void a_router_that_says_it_is_none_is_used_no_more(void **state) /* 7.2.5, 7.3.3 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600);
    auto_hear(r, &m);
    struct ip_addr hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, &GATEWAY6, 16);
    m = (struct wire_nd){.type = NA, .has = WIRE_ND_HAS_TARGET_LL, .flags = WIRE_ND_NA_OVERRIDE, .target = GATEWAY6};
    memcpy(m.target_ll, GATEWAY_MAC, 6);
    rig_input(r, f, make_nd(f, &GATEWAY6, &ALL_NODES, &m));
    hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, &NONE6, 16);
    rig_free(r);
}

/* ---- what solicitations do to an entry: 7.2.3 ---- */

static void expect_entry(const struct rig *r, const struct ip_addr *address, enum neighbour_state state,
                         const uint8_t *mac)
{
    struct stack_neighbour n;
    assert_true(look_up(r, address, &n));
    assert_int_equal(n.state, state);
    assert_memory_equal(n.mac, mac, 6);
}

static void send_udp(struct rig *r, uint32_t local, const struct ip_addr *to)
{
    const struct udp_datagram d = {.local = local, .remote = *to, .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
}

/* A station becomes a confirmed neighbour of r->us. */
static void confirm(struct rig *r, const struct ip_addr *address, const uint8_t *mac)
{
    uint8_t f[RIG_FRAME_BYTES];
    const struct ip_addr own = auto_address(r, r->us);
    struct wire_nd m = {.type = NA, .flags = WIRE_ND_NA_SOLICITED, .has = WIRE_ND_HAS_TARGET_LL, .target = *address};
    memcpy(m.target_ll, mac, 6);
    send_udp(r, r->us, address);
    rig_input(r, f, make_nd(f, address, &own, &m));
    rig_forget_frames(r);
    expect_entry(r, address, NEIGHBOUR_REACHABLE, mac);
}

static void another_address_in_a_solicitation_replaces_the_known_one(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    const struct wire_nd m = solicitation(OTHER_MAC), back = solicitation(PEER_MAC);
    confirm(r, &PEER6, PEER_MAC);
    rig_pass(r, 2 * NS_PER_S);
    solicit_from(r, &PEER6, &US6, &m);
    expect_entry(r, &PEER6, NEIGHBOUR_STALE, OTHER_MAC);
    solicit_from(r, &PEER6, &US6, &back);
    expect_entry(r, &PEER6, NEIGHBOUR_STALE, PEER_MAC);
    rig_free(r);
}

static void an_address_that_answered_just_now_stays_and_is_stale(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd asked;
    uint8_t f[RIG_FRAME_BYTES];
    const struct wire_nd m = solicitation(OTHER_MAC);
    confirm(r, &PEER6, PEER_MAC);
    for (unsigned i = 0; i < 5; i++) { /* however often somebody says so */
        solicit_from(r, &PEER6, &US6, &m);
        expect_entry(r, &PEER6, NEIGHBOUR_STALE, PEER_MAC);
        assert_int_equal(rig_counters(r)->arp_unsolicited, i + 1);
        rig_forget_frames(r);
        send_udp(r, r->us, &PEER6);
        expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), PEER_MAC);
    }
    rig_pass(r, 5100 * NS_PER_MS); /* it is asked whether it is still there */
    expect_dst_mac(expect_nd(r, NS, &ip, &asked), PEER_MAC);
    rig_input(r, f, make_advertisement(f, &PEER6, PEER_MAC, WIRE_ND_NA_SOLICITED));
    expect_entry(r, &PEER6, NEIGHBOUR_REACHABLE, PEER_MAC);
    rig_free(r);
}

static void an_address_that_only_an_advertisement_named_does_not_stay(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    const struct wire_nd m = solicitation(PEER_MAC);
    confirm(r, &PEER6, PEER_MAC);
    rig_input(r, f, make_advertisement(f, &PEER6, OTHER_MAC, WIRE_ND_NA_OVERRIDE)); /* nobody asked */
    expect_entry(r, &PEER6, NEIGHBOUR_STALE, OTHER_MAC);
    solicit_from(r, &PEER6, &US6, &m);
    expect_entry(r, &PEER6, NEIGHBOUR_STALE, PEER_MAC);
    rig_free(r);
}

static void a_solicitation_makes_and_ends_no_router(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600), ask = solicitation(PEER_MAC);
    ask.target = AUTO_LL;
    solicit_from(r, &GATEWAY6, &AUTO_LL, &ask);
    struct ip_addr hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, &NONE6, 16);
    auto_hear(r, &m);
    solicit_from(r, &GATEWAY6, &AUTO_LL, &ask);
    hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, &GATEWAY6, 16);
    rig_free(r);
}

/* ---- messages that name no link-layer address: 7.2 ---- */

static const struct ip_addr better = {{0xfe, 0x80, [15] = 0x77}};

static struct rig *redirectable(void)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6, .redirects = true};
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    return r;
}

/* FAR6 is better reached by `better`; mac NULL: nothing is said of where that is. */
static void redirect(struct rig *r, const uint8_t *mac)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = {.type = WIRE_ICMPV6_REDIRECT, .target = better, .destination = FAR6};
    if (mac) {
        m.has = WIRE_ND_HAS_TARGET_LL;
        memcpy(m.target_ll, mac, 6);
    }
    rig_input(r, f, make_nd(f, &GATEWAY6, &US6, &m));
}

static void messages_without_a_link_layer_address_make_no_entry(void **state)
{
    (void)state;
    struct stack_neighbour n;
    const struct wire_nd ask = {.type = NS, .target = US6};
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600);
    struct rig *r = rig_new6();
    solicit_from(r, &PEER6, &US6, &ask);
    assert_int_equal(rig_counters(r)->nd_advertisements_sent, 1);
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    rig_free(r);
    r = auto_rig_quiet();
    auto_hear(r, &m);
    assert_int_equal(rig_counters(r)->ra_received, 1);
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    rig_free(r);
    r = redirectable();
    redirect(r, NULL);
    assert_int_equal(rig_counters(r)->redirects_received, 1);
    assert_int_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    rig_free(r);
}

static void messages_without_a_link_layer_address_change_no_entry(void **state)
{
    (void)state;
    const struct wire_nd ask = {.type = NS, .target = US6};
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600);
    struct rig *r = rig_new6();
    confirm(r, &PEER6, OTHER_MAC); /* what comes then comes from PEER_MAC */
    solicit_from(r, &PEER6, &US6, &ask);
    expect_entry(r, &PEER6, NEIGHBOUR_REACHABLE, OTHER_MAC);
    rig_free(r);
    r = auto_rig_quiet();
    confirm(r, &GATEWAY6, OTHER_MAC);
    auto_hear(r, &m);
    expect_entry(r, &GATEWAY6, NEIGHBOUR_REACHABLE, OTHER_MAC);
    rig_free(r);
    r = redirectable();
    confirm(r, &better, OTHER_MAC);
    redirect(r, NULL);
    expect_entry(r, &better, NEIGHBOUR_REACHABLE, OTHER_MAC);
    rig_free(r);
}

/* ---- what advertisements of routers do to an entry: 6.3.4 ---- */

static void hear_gateway_at(struct rig *r, const uint8_t *mac)
{
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600);
    m.has = WIRE_ND_HAS_SOURCE_LL;
    memcpy(m.source_ll, mac, 6);
    auto_hear_from(r, &GATEWAY6, mac, &m);
}

static void a_router_that_says_where_it_is_is_a_stale_neighbour(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct wire_ipv6 ip;
    hear_gateway_at(r, GATEWAY_MAC);
    expect_entry(r, &GATEWAY6, NEIGHBOUR_STALE, GATEWAY_MAC);
    send_udp(r, r->us, &FAR6);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), GATEWAY_MAC);
    expect_nothing(r);
    rig_free(r);
}

static void a_neighbour_that_advertises_itself_becomes_a_router(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct wire_ipv6 ip;
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600);
    confirm(r, &GATEWAY6, GATEWAY_MAC);
    struct ip_addr hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, &NONE6, 16);
    auto_hear(r, &m);
    send_udp(r, r->us, &FAR6);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), GATEWAY_MAC);
    expect_nothing(r);
    rig_free(r);
}

static void a_router_at_another_address_is_stale(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    confirm(r, &GATEWAY6, GATEWAY_MAC);
    hear_gateway_at(r, OTHER_MAC); /* just now it was there */
    expect_entry(r, &GATEWAY6, NEIGHBOUR_STALE, GATEWAY_MAC);
    rig_pass(r, 2 * NS_PER_S);
    hear_gateway_at(r, OTHER_MAC);
    expect_entry(r, &GATEWAY6, NEIGHBOUR_STALE, OTHER_MAC);
    rig_free(r);
}

/* ---- routers that are solicited: 6.2.6 ---- */

static struct rig *router_rig(void)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64};
    struct stack_router_settings t;
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    stack_router_settings_default(&t);
    t.local = r->us;
    assert_int_equal(stack_router_start(r->stack, &t, r->now), 0);
    auto_pass(r, 60 * NS_PER_S); /* the first three advertisements */
    return r;
}

/* mac NULL: the option is not there. */
static void solicit_router(struct rig *r, const struct ip_addr *from, const uint8_t *mac)
{
    uint8_t f[RIG_FRAME_BYTES];
    const struct ip_addr all_routers = v6("ff02::2");
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_SOLICITATION};
    if (mac) {
        m.has = WIRE_ND_HAS_SOURCE_LL;
        memcpy(m.source_ll, mac, 6);
    }
    rig_input(r, f, make_nd(f, from, &all_routers, &m));
}

static void a_router_solicitation_from_nobody_changes_no_entry(void **state)
{
    (void)state;
    struct rig *r = router_rig();
    struct stack_neighbour n;
    confirm(r, &better, PEER_MAC);
    solicit_router(r, &NONE6, NULL);
    assert_int_equal(rig_counters(r)->rs_received, 1);
    expect_entry(r, &better, NEIGHBOUR_REACHABLE, PEER_MAC);
    assert_int_equal(stack_next_neighbour(r->stack, stack_next_neighbour(r->stack, 0, &n), &n), 0);
    rig_free(r);
}

static void another_address_in_a_router_solicitation_makes_the_entry_stale(void **state)
{
    (void)state;
    struct rig *r = router_rig();
    confirm(r, &better, PEER_MAC);
    solicit_router(r, &better, OTHER_MAC); /* just now it answered: it stays */
    expect_entry(r, &better, NEIGHBOUR_STALE, PEER_MAC);
    rig_pass(r, 2 * NS_PER_S);
    solicit_router(r, &better, OTHER_MAC);
    expect_entry(r, &better, NEIGHBOUR_STALE, OTHER_MAC);
    rig_free(r);
}

static void a_router_takes_nobody_that_solicits_for_a_router(void **state)
{
    (void)state;
    struct rig *r = router_rig();
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 3600, 3600);
    auto_hear_from(r, &better, PEER_MAC, &m); /* even if it said that it is one */
    for (unsigned with_address = 0; with_address < 2; with_address++) {
        solicit_router(r, &better, with_address ? PEER_MAC : NULL);
        const struct ip_addr hop = auto_hop(r, r->us, &FAR6);
        assert_memory_equal(&hop, &NONE6, 16);
    }
    rig_free(r);
}

static void answers_of_a_router_are_delayed_at_random(void **state)
{
    (void)state;
    struct rig *r = router_rig();
    int64_t least = INT64_MAX, most = 0;
    for (unsigned i = 0; i < 60; i++) {
        auto_pass(r, 3500 * NS_PER_MS);
        uint64_t before = rig_counters(r)->ra_sent;
        int64_t asked = r->now;
        solicit_router(r, &better, PEER_MAC);
        while (rig_counters(r)->ra_sent == before && r->now - asked <= NS_PER_S)
            rig_pass(r, 5 * NS_PER_MS);
        least = min_i64(least, r->now - asked);
        most = max_i64(most, r->now - asked);
    }
    assert_true(least < 50 * NS_PER_MS && most > 450 * NS_PER_MS && most <= 510 * NS_PER_MS);
    rig_free(r);
}

/* ---- groups: 7.2.1 ---- */

static bool is_heard(struct rig *r, const struct ip_addr *group)
{
    uint8_t f[RIG_FRAME_BYTES];
    uint64_t before = rig_counters(r)->ip_not_for_us;
    rig_input(r, f, make_udp6(f, &PEER6, 1, group, 9, "x", 1));
    return rig_counters(r)->ip_not_for_us == before;
}

static uint32_t add_address(struct rig *r, const struct ip_addr *address)
{
    const struct host_settings h = {.address = *address, .prefix_length = PREFIX6};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static void solicited_node_groups_come_and_go_with_their_addresses(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    const struct ip_addr one = v6("2001:db8::ab:cdef"), two = v6("2001:db8::7:ab:cdef");
    const struct ip_addr group = ip_addr_solicited_node(&one);
    assert_false(is_heard(r, &group));
    uint32_t first = add_address(r, &one), second = add_address(r, &two);
    assert_true(is_heard(r, &group));
    assert_int_equal(stack_remove_host(r->stack, first, r->now), 0);
    assert_true(is_heard(r, &group)); /* as long as one of them is there */
    assert_int_equal(stack_remove_host(r->stack, second, r->now), 0);
    assert_false(is_heard(r, &group));
    rig_free(r);
}

/* ---- redirects: 8.2, 8.3 ---- */

static void the_target_of_a_redirect_is_a_stale_neighbour(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    redirect(r, OTHER_MAC);
    expect_entry(r, &better, NEIGHBOUR_STALE, OTHER_MAC);
    rig_free(r);
}

static void a_target_at_another_address_is_stale(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    confirm(r, &better, PEER_MAC);
    rig_pass(r, 2 * NS_PER_S);
    redirect(r, OTHER_MAC);
    expect_entry(r, &better, NEIGHBOUR_STALE, OTHER_MAC);
    rig_free(r);
}

static void hosts_send_no_redirects(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    uint8_t f[RIG_FRAME_BYTES];
    confirm(r, &GATEWAY6, GATEWAY_MAC);
    rig_input(r, f, make_udp6(f, &PEER6, 1, &OTHER6, 9, "x", 1)); /* a neighbour of both */
    rig_input(r, f, make_udp6(f, &PEER6, 1, &FAR6, 9, "x", 1));   /* by another router */
    assert_int_equal(rig_counters(r)->ip_not_for_us, 2);
    expect_nothing(r);
    rig_free(r);
}

static void a_router_forwards_as_before_whatever_a_redirect_says(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    uint8_t f[RIG_FRAME_BYTES], mac[6];
    const struct ip_addr ours = v6("fe80::1"), next = v6("fe80::2"), to = v6("2001:db8:ff00::9");
    const struct ip_addr from = forward_station(0, true);
    const struct host_settings h = {
        .interface = 1, .address = ours, .prefix_length = 64, .gateway = next, .redirects = true};
    struct wire_nd m = {
        .type = WIRE_ICMPV6_REDIRECT, .has = WIRE_ND_HAS_TARGET_LL, .target = better, .destination = to};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    forward_station_mac(1, mac);
    memcpy(m.target_ll, OTHER_MAC, 6);
    assert_int_equal(stack_add_neighbour(r->stack, (uint32_t)local, &next, mac), 0);
    forward_add(r, 0, "2001:db8:ff00::/40", (uint32_t)local, "fe80::2");
    forward_input(r, 1, f, make_nd(f, &next, &ours, &m));
    assert_int_equal(forward_counters(r)->redirects_received, 1); /* its host believes it */
    forward_input(r, 0, f, forward_udp(f, &from, &to));
    const struct forward_frame *out = forward_next(r, 1);
    assert_non_null(out);
    assert_memory_equal(out->bytes, mac, 6);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_solicitation_of_the_group_is_answered_with_the_link_layer_address),
        T(solicitations_for_others_are_ignored),
        T(a_solicitation_from_nobody_makes_no_entry),
        T(a_datagram_waits_for_the_advertisement),
        T(unknown_options_are_skipped),
        T(options_may_come_in_any_order),
        T(a_reserved_field_of_a_solicitation_is_ignored),
        T(options_of_other_messages_are_ignored),
        T(a_router_that_says_it_is_none_is_used_no_more),
        T(another_address_in_a_solicitation_replaces_the_known_one),
        T(an_address_that_answered_just_now_stays_and_is_stale),
        T(an_address_that_only_an_advertisement_named_does_not_stay),
        T(a_solicitation_makes_and_ends_no_router),
        T(messages_without_a_link_layer_address_make_no_entry),
        T(messages_without_a_link_layer_address_change_no_entry),
        T(a_router_that_says_where_it_is_is_a_stale_neighbour),
        T(a_neighbour_that_advertises_itself_becomes_a_router),
        T(a_router_at_another_address_is_stale),
        T(a_router_solicitation_from_nobody_changes_no_entry),
        T(another_address_in_a_router_solicitation_makes_the_entry_stale),
        T(a_router_takes_nobody_that_solicits_for_a_router),
        T(answers_of_a_router_are_delayed_at_random),
        T(solicited_node_groups_come_and_go_with_their_addresses),
        T(the_target_of_a_redirect_is_a_stale_neighbour),
        T(a_target_at_another_address_is_stale),
        T(hosts_send_no_redirects),
        T(a_router_forwards_as_before_whatever_a_redirect_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
