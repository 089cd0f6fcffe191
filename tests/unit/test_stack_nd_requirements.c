/* SPDX-License-Identifier: MIT */
/*
 * Single requirements of RFC 4861 that no other test of Neighbour Discovery shows;
 * tests/conformance/requirements/rfc4861.tsv names these. One exchange of frames each, with the rig of
 * autoconfiguration where a router speaks.
 */
#include "unit/autoconf_rig.h"

#include <string.h>

#include "base/error.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
