/* SPDX-License-Identifier: MIT */
/*
 * A host that listens to routers, frame by frame: RFC 4861 6.3 (solicitations, lists, default router), RFC 4862 5.5
 * (addresses and their lifetimes), RFC 7217 (identifiers), RFC 4191 (preference), RFC 8106 (name servers).
 */
#include "unit/autoconf_rig.h"

#include "stack/stack_internal.h"

#define DAY 86400u
#define HOUR 3600u
static const struct ip_addr ROUTER2 = {{0xfe, 0x80, [13] = 2, [15] = 0xfe}};

static int send_from(struct rig *r, uint32_t local, const struct ip_addr *to)
{
    struct udp_datagram d = {.local = local, .remote = *to, .local_port = 9, .remote_port = 9};
    int error = udp_send(r->stack, &d, r->now);
    rig_transmit(r);
    return error;
}

/* A station with one address of AUTO_PREFIX, ready. */
static struct rig *with_address(uint32_t valid_s, uint32_t preferred_s, uint32_t *local)
{
    struct rig *r = auto_rig_quiet();
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, valid_s, preferred_s);
    auto_hear(r, &m);
    auto_pass(r, 3 * NS_PER_S);
    *local = auto_made(r, 0);
    assert_int_not_equal(*local, 0);
    return r;
}

/* ---- asking ---- */

static void routers_are_asked_three_times_four_seconds_apart(void **state) /* 6.3.7 */
{
    (void)state;
    struct rig *r = auto_rig(0);
    struct wire_ipv6 ip;
    struct wire_nd m;
    int64_t began = r->now;
    const struct ip_addr all_routers = v6("ff02::2");
    for (unsigned i = 0; i < 3; i++) {
        const struct rig_frame *f = auto_await(r, WIRE_ICMPV6_ROUTER_SOLICITATION, &ip, &m);
        assert_true(i != 0 || r->now - began <= NS_PER_S + 20 * NS_PER_MS);
        if (i > 0)
            assert_in_range(r->now - began, 3990 * NS_PER_MS, 4020 * NS_PER_MS);
        began = r->now;
        expect_dst_mac(f, (const uint8_t[6]){0x33, 0x33, 0, 0, 0, 2});
        assert_memory_equal(&ip.dst, &all_routers, 16);
        assert_memory_equal(&ip.src, &AUTO_LL, 16);
        assert_memory_equal(m.source_ll, US_MAC, 6);
    }
    rig_pass(r, 60 * NS_PER_S);
    expect_nothing(r);
    rig_free(r);
}

static void an_answer_ends_the_asking(void **state) /* 6.3.7 */
{
    (void)state;
    struct rig *r = auto_rig(0);
    struct wire_ipv6 ip;
    struct wire_nd m;
    auto_await(r, WIRE_ICMPV6_ROUTER_SOLICITATION, &ip, &m);
    m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, DAY, DAY);
    auto_hear(r, &m);
    auto_pass(r, 60 * NS_PER_S);
    assert_int_equal(rig_counters(r)->rs_sent, 1);
    rig_free(r);
}

static void routers_are_asked_again_when_the_interface_comes_back(void **state) /* 6.3.7 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    assert_int_equal(rig_counters(r)->rs_sent, 3);
    assert_int_equal(stack_set_up(r->stack, 0, false, r->now), 0);
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(rig_counters(r)->rs_sent, 3);
    assert_int_equal(stack_set_up(r->stack, 0, true, r->now), 0);
    auto_pass(r, 20 * NS_PER_S);
    assert_int_equal(rig_counters(r)->rs_sent, 6);
    rig_free(r);
}

static void who_did_not_ask_for_it_does_not_listen(void **state) /* ND-09: off by default */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, DAY, DAY);
    auto_hear(r, &m);
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(rig_counters(r)->nd_ignored, 1);
    assert_int_equal(rig_counters(r)->slaac_addresses + rig_counters(r)->rs_sent, 0);
    assert_int_equal(stack_next_host(r->stack, r->us), 0);
    rig_free(r);
}

static void others_of_the_link_do_not_use_what_a_listener_hears(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct host_settings h = {.address = US6, .prefix_length = PREFIX6};
    int other = stack_add_host(r->stack, &h);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, DAY, DAY);
    auto_hear(r, &m);
    struct ip_addr hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, &GATEWAY6, 16);
    hop = auto_hop(r, (uint32_t)other, &FAR6);
    assert_memory_equal(&hop, &NONE6, 16);
    rig_free(r);
}

/* ---- addresses ---- */

static void an_address_is_made_of_a_prefix_and_used_when_nobody_has_it(void **state) /* RFC 4862 5.5.3 d */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct wire_ipv6 ip;
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, DAY, HOUR);
    auto_hear(r, &m);
    uint32_t local = auto_made(r, 0);
    assert_int_equal(auto_state(r, local), STACK_ADDRESS_TENTATIVE);
    auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    auto_pass(r, 1020 * NS_PER_MS);
    assert_int_equal(auto_state(r, local), STACK_ADDRESS_PREFERRED);
    assert_int_equal(stack_local_for(r->stack, &FAR6), local);
    struct ip_addr own = auto_address(r, local), hop = auto_hop(r, local, &FAR6);
    assert_true(ip_addr_same_bits(&own, &AUTO_PREFIX, 64));
    assert_memory_equal(&hop, &GATEWAY6, 16);
    struct stack_address a;
    assert_true(stack_view_address(r->stack, local, &a));
    assert_int_equal(a.station, r->us);
    assert_true(a.valid_until - r->now <= DAY * NS_PER_S && a.preferred_until - r->now <= HOUR * NS_PER_S);
    rig_free(r);
}

static struct ip_addr address_of(const struct hash_key *secret, const uint8_t *mac, const struct ip_addr *prefix)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.secret = *secret;
    struct rig *r = rig_new_empty(&t);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64, .autoconf = true};
    memcpy(h.mac, mac, 6);
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    struct wire_nd m = auto_ra(prefix, AUTO_AUTONOMOUS, DAY, DAY);
    uint8_t f[RIG_FRAME_BYTES];
    rig_input(r, f, make_nd(f, &GATEWAY6, &ALL_NODES, &m));
    rig_pass(r, 0);
    struct ip_addr made = auto_address(r, auto_made(r, 0));
    rig_free(r);
    return made;
}

static bool same_identifier(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->bytes + 8, b->bytes + 8, 8) == 0;
}

static void identifiers_are_stable_and_differ_by_prefix_mac_and_secret(void **state) /* RFC 7217 section 5 */
{
    (void)state;
    const struct hash_key one = {1, 2}, two = {1, 3};
    const struct ip_addr a = address_of(&one, US_MAC, &AUTO_PREFIX), again = address_of(&one, US_MAC, &AUTO_PREFIX);
    const struct ip_addr prefix = address_of(&one, US_MAC, &AUTO_PREFIX2),
                         mac = address_of(&one, OTHER_MAC, &AUTO_PREFIX);
    const struct ip_addr secret = address_of(&two, US_MAC, &AUTO_PREFIX);
    assert_memory_equal(&a, &again, 16);
    assert_false(same_identifier(&a, &prefix) || same_identifier(&a, &mac) || same_identifier(&a, &secret));
}

static void prefixes_that_cannot_be_used_make_no_address(void **state) /* RFC 4862 5.5.3 a, b, c, d */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    const struct ip_addr link_local = v6("fe80::"), group = v6("ff0e:1::");
    struct wire_nd m[] = {auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, DAY, HOUR),    /* A is not set */
                          auto_ra(&link_local, AUTO_BOTH, DAY, HOUR),        /* the link-local prefix */
                          auto_ra(&AUTO_PREFIX, AUTO_AUTONOMOUS, HOUR, DAY), /* preferred longer than valid */
                          auto_ra(&AUTO_PREFIX, AUTO_AUTONOMOUS, 0, 0),      /* over before it began */
                          auto_ra(&AUTO_PREFIX, AUTO_AUTONOMOUS, DAY, HOUR), /* of a length that leaves no 64 bits */
                          auto_ra(&group, AUTO_BOTH, DAY, HOUR)};
    m[4].prefix[0].length = 63;
    for (unsigned i = 0; i < ARRAY_SIZE(m); i++)
        auto_hear(r, &m[i]);
    auto_pass(r, 5 * NS_PER_S);
    assert_int_equal(auto_made(r, 0), 0);
    assert_int_equal(rig_counters(r)->ra_bad_prefix, 3);
    rig_free(r);
}

static void prefix_and_identifier_make_128_bits_or_no_address(void **state) /* RFC 4862 5.5.3 d */
{
    (void)state;
    const struct ip_addr neighbour = ip_addr_add(&AUTO_PREFIX, 77);
    for (unsigned length = 0; length <= 128; length++) {
        struct rig *r = auto_rig_quiet();
        struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, DAY, HOUR);
        m.prefix[0].length = (uint8_t)length;
        auto_hear(r, &m);
        assert_int_equal(auto_made(r, 0) != 0, length == 64);
        assert_int_equal(rig_counters(r)->ra_bad_prefix, length != 64);
        bool within = length <= 121; /* the length still says what is on link: 77 has seven bits */
        struct ip_addr hop = auto_hop(r, r->us, &neighbour);
        assert_memory_equal(&hop, within ? &neighbour : &GATEWAY6, 16);
        rig_free(r);
    }
}

static void an_address_is_deprecated_then_removed(void **state) /* RFC 4862 5.5.4 */
{
    (void)state;
    uint32_t old, fresh;
    struct rig *r = with_address(3 * HOUR, HOUR, &old);
    struct wire_nd m = auto_ra(&AUTO_PREFIX2, AUTO_BOTH, DAY, DAY);
    rig_pass(r, HOUR * NS_PER_S);
    assert_int_equal(auto_state(r, old), STACK_ADDRESS_DEPRECATED);
    assert_int_equal(stack_local_for(r->stack, &FAR6), old); /* better than none */
    assert_int_equal(send_from(r, old, &ALL_NODES), 0);      /* and not forbidden */
    auto_hear(r, &m);
    auto_pass(r, 3 * NS_PER_S);
    fresh = auto_made(r, 1);
    assert_int_equal(stack_local_for(r->stack, &FAR6), fresh);
    rig_pass(r, 2 * HOUR * NS_PER_S);
    rig_pass(r, NS_PER_MS);
    assert_int_equal(auto_made(r, 0), fresh);
    assert_int_equal(auto_made(r, 1), 0);
    struct stack_address a;
    assert_false(stack_view_address(r->stack, old, &a));
    rig_free(r);
}

/* PEER6 sends an echo request, a SYN to a closed port and a datagram to one; each answer comes from the address. */
static void expect_answers_from(struct rig *r, const struct ip_addr *own)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    rig_input(r, f, make_icmp6(f, &PEER6, own, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, NULL, 0));
    expect_icmp6(r, WIRE_ICMPV6_ECHO_REPLY, &ip);
    assert_memory_equal(&ip.src, own, 16);
    rig_input(r, f, make_tcp6(f, &PEER6, 9, own, 9, TCP_SYN, 1, 0, NULL, 0));
    expect_ipv6(r, IP_PROTO_TCP, &ip);
    assert_memory_equal(&ip.src, own, 16);
    rig_input(r, f, make_udp6(f, &PEER6, 9, own, 9, NULL, 0));
    expect_icmp6(r, WIRE_ICMPV6_UNREACHABLE, &ip);
    assert_memory_equal(&ip.src, own, 16);
    expect_nothing(r);
}

static void a_deprecated_address_goes_on_receiving(void **state) /* RFC 4862 5.5.4 */
{
    (void)state;
    uint32_t local;
    struct rig *r = with_address(3 * HOUR, HOUR, &local);
    const struct ip_addr own = auto_address(r, local);
    expect_answers_from(r, &own);
    rig_pass(r, HOUR * NS_PER_S);
    assert_int_equal(auto_state(r, local), STACK_ADDRESS_DEPRECATED);
    expect_answers_from(r, &own);
    rig_free(r);
}

static void an_address_that_is_over_is_nobodys(void **state) /* RFC 4862 5.5.4 */
{
    (void)state;
    uint32_t local;
    struct rig *r = with_address(2 * HOUR, HOUR, &local);
    const struct ip_addr own = auto_address(r, local), group = ip_addr_solicited_node(&own);
    const struct wire_nd asked = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .target = own};
    struct icmp_echo e = {.local = local, .remote = PEER6};
    uint8_t f[RIG_FRAME_BYTES];
    rig_pass(r, 2 * HOUR * NS_PER_S);
    rig_pass(r, NS_PER_MS);
    rig_forget_frames(r);
    uint64_t others = rig_counters(r)->ip_not_for_us;
    rig_input(r, f, make_icmp6(f, &PEER6, &own, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, NULL, 0));
    rig_input(r, f, make_tcp6(f, &PEER6, 9, &own, 9, TCP_SYN, 1, 0, NULL, 0));
    rig_input(r, f, make_udp6(f, &PEER6, 9, &own, 9, NULL, 0));
    rig_input(r, f, make_nd(f, &PEER6, &group, &asked));
    assert_int_equal(rig_counters(r)->ip_not_for_us, others + 4);
    assert_int_equal(send_from(r, local, &PEER6), ERR_INVALID);
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_INVALID);
    assert_int_not_equal(stack_local_for(r->stack, &FAR6), local);
    assert_int_equal(stack_find_local(r->stack, &own), 0);
    expect_nothing(r);
    rig_free(r);
}

/* What is left of an address's valid lifetime after an advertisement that says so. */
static int64_t left_after(uint32_t had_s, uint32_t told_s)
{
    uint32_t local;
    struct stack_address a;
    struct rig *r = with_address(had_s, 60, &local);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_AUTONOMOUS, told_s, 0);
    auto_hear(r, &m);
    assert_true(stack_view_address(r->stack, local, &a));
    assert_int_equal(a.state, STACK_ADDRESS_DEPRECATED); /* the preferred lifetime is always believed */
    int64_t left = a.valid_until == TIME_NEVER ? -1 : (a.valid_until - r->now + NS_PER_S / 2) / NS_PER_S;
    rig_free(r);
    return left;
}

static void nobody_shortens_a_lifetime_below_two_hours(void **state) /* RFC 4862 5.5.3 e */
{
    (void)state;
    assert_int_equal(left_after(DAY, 3 * HOUR), 3 * HOUR);
    assert_int_equal(left_after(DAY, HOUR), 2 * HOUR);
    assert_int_equal(left_after(DAY, 0), 2 * HOUR);
    assert_int_equal(left_after(HOUR, 1800), HOUR - 3); /* 3 s old */
    assert_int_equal(left_after(HOUR, HOUR), HOUR);
    assert_int_equal(left_after(HOUR, WIRE_ND_INFINITE), -1);
    assert_int_equal(left_after(WIRE_ND_INFINITE, 0), 2 * HOUR);
}

static void infinity_never_ends_and_the_longest_time_is_no_overflow(void **state)
{
    (void)state;
    uint32_t local;
    struct rig *r = with_address(WIRE_ND_INFINITE, WIRE_ND_INFINITE - 1, &local);
    struct stack_address a;
    rig_pass(r, 100 * 365 * DAY * NS_PER_S);
    assert_true(stack_view_address(r->stack, local, &a));
    assert_int_equal(a.state, STACK_ADDRESS_PREFERRED);
    assert_true(a.valid_until == TIME_NEVER && a.preferred_until > r->now);
    rig_free(r);
}

static void removing_the_station_removes_what_it_made(void **state)
{
    (void)state;
    uint32_t local;
    struct rig *r = with_address(DAY, DAY, &local);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    assert_int_equal(stack_next_host(r->stack, 0), 0);
    auto_pass(r, 10 * NS_PER_S);
    rig_free(r);
}

static void one_advertisement_to_many_stations_is_worked_on_in_turns(void **state)
{
    (void)state;
    enum { STATIONS = 2000 };
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = 2 * STATIONS;
    struct rig *r = rig_new_empty(&t);
    for (unsigned i = 0; i < STATIONS; i++) {
        struct host_settings h = {.address = AUTO_LL, .prefix_length = 64, .autoconf = true};
        store_be16(h.address.bytes + 14, (uint16_t)(i + 1));
        memcpy(h.mac, (const uint8_t[6]){2, 9, 9, 9, (uint8_t)(i >> 8), (uint8_t)i}, 6);
        assert_true(stack_add_host(r->stack, &h) > 0);
    }
    auto_pass(r, 15 * NS_PER_S);
    uint64_t before = rig_counters(r)->slaac_addresses;
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 3 * HOUR, HOUR);
    auto_hear(r, &m);
    while (rig_counters(r)->slaac_addresses < STATIONS) {
        assert_true(rig_counters(r)->slaac_addresses - before <= AUTOCONF_TURN_MADE);
        before = rig_counters(r)->slaac_addresses;
        assert_true(stack_next_deadline(r->stack) <= r->now);
        rig_pass(r, 0);
    }
    auto_pass(r, 3 * NS_PER_S);
    for (uint32_t i = stack_next_host(r->stack, 0); i; i = stack_next_host(r->stack, i))
        assert_int_equal(auto_state(r, i), STACK_ADDRESS_PREFERRED);
    rig_pass(r, 3 * HOUR * NS_PER_S); /* all are over at once, and go in turns too */
    for (unsigned i = 0; i < 2 * STATIONS / AUTOCONF_TURN_REMOVED; i++)
        rig_pass(r, 0);
    assert_int_equal(r->stack->hosts.count - r->stack->hosts.n_removed, STATIONS);
    rig_free(r);
}

/* ---- on link ---- */

static void a_prefix_is_on_link_only_when_a_router_says_so(void **state) /* 6.3.4, RFC 5942 */
{
    (void)state;
    const struct ip_addr neighbour = ip_addr_add(&AUTO_PREFIX, 77);
    uint32_t local;
    struct rig *r = with_address(3 * HOUR, HOUR, &local);
    struct ip_addr hop = auto_hop(r, local, &neighbour);
    assert_memory_equal(&hop, &neighbour, 16);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_AUTONOMOUS, 3 * HOUR, HOUR); /* says nothing of the link */
    auto_hear(r, &m);
    hop = auto_hop(r, local, &neighbour);
    assert_memory_equal(&hop, &neighbour, 16);
    m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 0, 0); /* and this takes it back at once */
    auto_hear(r, &m);
    hop = auto_hop(r, local, &neighbour);
    assert_memory_equal(&hop, &GATEWAY6, 16);
    m = auto_ra(&AUTO_PREFIX2, AUTO_AUTONOMOUS, 3 * HOUR, HOUR);
    auto_hear(r, &m);
    const struct ip_addr second = ip_addr_add(&AUTO_PREFIX2, 77);
    hop = auto_hop(r, local, &second);
    assert_memory_equal(&hop, &GATEWAY6, 16);
    rig_free(r);
}

static void a_prefix_is_on_link_until_its_lifetime_is_over(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    const struct ip_addr neighbour = ip_addr_add(&AUTO_PREFIX, 77);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_ON_LINK, 60, 60);
    auto_hear(r, &m);
    rig_pass(r, 59 * NS_PER_S);
    struct ip_addr hop = auto_hop(r, r->us, &neighbour);
    assert_memory_equal(&hop, &neighbour, 16);
    rig_pass(r, NS_PER_S);
    hop = auto_hop(r, r->us, &neighbour);
    assert_memory_equal(&hop, &GATEWAY6, 16);
    rig_free(r);
}

/* ---- default routers ---- */

static void hear_router(struct rig *r, const struct ip_addr *router, const uint8_t *mac, uint16_t lifetime_s,
                        uint8_t preference)
{
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT,
                        .flags = (uint8_t)(preference << 3),
                        .router_lifetime_s = lifetime_s,
                        .has = WIRE_ND_HAS_SOURCE_LL};
    memcpy(m.source_ll, mac, 6);
    auto_hear_from(r, router, mac, &m);
}

static void expect_hop(struct rig *r, const struct ip_addr *expected)
{
    struct ip_addr hop = auto_hop(r, r->us, &FAR6);
    assert_memory_equal(&hop, expected, 16);
}

static void a_router_is_one_for_its_lifetime_and_not_with_0(void **state) /* 6.3.4, 6.3.5 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 0);
    expect_hop(r, &GATEWAY6);
    rig_pass(r, 50 * NS_PER_S);
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 0);
    rig_pass(r, 99 * NS_PER_S);
    expect_hop(r, &GATEWAY6);
    rig_pass(r, NS_PER_S);
    expect_hop(r, &NONE6);
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 0);
    hear_router(r, &GATEWAY6, PEER_MAC, 0, 0);
    expect_hop(r, &NONE6);
    rig_free(r);
}

static void the_preferred_router_is_chosen(void **state) /* RFC 4191 3.2 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 3); /* low */
    hear_router(r, &ROUTER2, OTHER_MAC, 100, 0); /* medium */
    expect_hop(r, &ROUTER2);
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 1); /* high */
    expect_hop(r, &GATEWAY6);
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 2); /* reserved: medium; who is in use stays it */
    expect_hop(r, &GATEWAY6);
    rig_free(r);
}

static void a_router_that_does_not_answer_is_replaced_in_turn(void **state) /* 6.3.6 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT, .router_lifetime_s = 1800};
    auto_hear_from(r, &GATEWAY6, PEER_MAC, &m); /* neither says where it is */
    auto_hear_from(r, &ROUTER2, OTHER_MAC, &m);
    expect_hop(r, &GATEWAY6);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(send_from(r, r->us, &FAR6), 0);
        auto_pass(r, 3100 * NS_PER_MS);
        expect_hop(r, i % 2 ? &GATEWAY6 : &ROUTER2);
    }
    uint8_t f[RIG_FRAME_BYTES];
    hear_router(r, &ROUTER2, OTHER_MAC, 1800, 0); /* "probably reachable" */
    expect_hop(r, &ROUTER2);
    m = (struct wire_nd){.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .target = ROUTER2}; /* 7.2.5: R is not set */
    rig_input(r, f, make_nd(f, &ROUTER2, &ALL_NODES, &m));
    expect_hop(r, &GATEWAY6);
    rig_free(r);
}

static void an_own_gateway_comes_before_what_routers_say(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    const struct ip_addr own = v6("fe80::9");
    hear_router(r, &GATEWAY6, PEER_MAC, 100, 0);
    assert_int_equal(stack_set_gateway(r->stack, r->us, &own, r->now), 0);
    expect_hop(r, &own);
    rig_free(r);
}

/* ---- values ---- */

static void values_are_used_when_they_are_told_and_possible(void **state) /* 6.3.4 */
{
    (void)state;
    uint32_t local;
    struct rig *r = with_address(DAY, DAY, &local);
    struct wire_ipv6 ip;
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, DAY, DAY);
    m.has = WIRE_ND_HAS_MTU;
    m.mtu = 1400;
    m.hop_limit = 77;
    m.reachable_ms = 10000;
    m.retrans_ms = 500;
    auto_hear(r, &m);
    m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, DAY, DAY); /* unspecified: all stay as they are */
    auto_hear(r, &m);
    assert_int_equal(stack_path_mtu(r->stack, local, &FAR6, r->now), 1400);
    const struct ip_addr peer = ip_addr_add(&AUTO_PREFIX, 2);
    assert_int_equal(send_from(r, local, &peer), 0);
    auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    int64_t asked = r->now;
    auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    assert_in_range(r->now - asked, 490 * NS_PER_MS, 520 * NS_PER_MS);
    uint8_t f[RIG_FRAME_BYTES];
    const struct ip_addr own = auto_address(r, local);
    m = (struct wire_nd){.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT,
                         .flags = WIRE_ND_NA_SOLICITED,
                         .has = WIRE_ND_HAS_TARGET_LL,
                         .target = peer};
    memcpy(m.target_ll, PEER_MAC, 6);
    rig_input(r, f, make_nd(f, &peer, &own, &m));
    expect_ipv6(r, IP_PROTO_UDP, &ip);
    assert_int_equal(ip.hop_limit, 77);
    struct stack_neighbour n;
    rig_pass(r, 4900 * NS_PER_MS); /* 0.5 to 1.5 of 10 s */
    for (uint32_t i = 0; (i = stack_next_neighbour(r->stack, i, &n)) != 0 && !ip_addr_equal(&n.address, &peer);) {}
    assert_int_equal(n.state, NEIGHBOUR_REACHABLE);
    rig_pass(r, 10200 * NS_PER_MS);
    for (uint32_t i = 0; (i = stack_next_neighbour(r->stack, i, &n)) != 0 && !ip_addr_equal(&n.address, &peer);) {}
    assert_int_equal(n.state, NEIGHBOUR_STALE);
    rig_free(r);
}

static void name_servers_are_kept_for_their_lifetime(void **state) /* RFC 8106 5.1, 6.2 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct ip_addr got[9];
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT, .dns_count = 3};
    for (unsigned i = 0; i < 3; i++)
        m.dns[i] = (struct wire_nd_dns){.server = ip_addr_add(&AUTO_PREFIX, 10 + i), .lifetime_s = 100 * (i + 1)};
    auto_hear(r, &m);
    assert_int_equal(stack_name_servers(r->stack, r->us, got, 9), 3);
    assert_memory_equal(&got[0], &m.dns[0].server, 16);
    m.dns[1].lifetime_s = 0; /* no longer */
    m.dns[0].lifetime_s = WIRE_ND_INFINITE;
    auto_hear(r, &m);
    assert_int_equal(stack_name_servers(r->stack, r->us, got, 9), 2);
    assert_memory_equal(&got[1], &m.dns[2].server, 16);
    rig_pass(r, 300 * NS_PER_S);
    assert_int_equal(stack_name_servers(r->stack, r->us, got, 9), 1);
    assert_memory_equal(&got[0], &m.dns[0].server, 16);
    assert_int_equal(stack_name_servers(r->stack, 0, got, 9), 0);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routers_are_asked_three_times_four_seconds_apart),
        cmocka_unit_test(an_answer_ends_the_asking),
        cmocka_unit_test(routers_are_asked_again_when_the_interface_comes_back),
        cmocka_unit_test(who_did_not_ask_for_it_does_not_listen),
        cmocka_unit_test(others_of_the_link_do_not_use_what_a_listener_hears),
        cmocka_unit_test(an_address_is_made_of_a_prefix_and_used_when_nobody_has_it),
        cmocka_unit_test(identifiers_are_stable_and_differ_by_prefix_mac_and_secret),
        cmocka_unit_test(prefixes_that_cannot_be_used_make_no_address),
        cmocka_unit_test(prefix_and_identifier_make_128_bits_or_no_address),
        cmocka_unit_test(an_address_is_deprecated_then_removed),
        cmocka_unit_test(a_deprecated_address_goes_on_receiving),
        cmocka_unit_test(an_address_that_is_over_is_nobodys),
        cmocka_unit_test(nobody_shortens_a_lifetime_below_two_hours),
        cmocka_unit_test(infinity_never_ends_and_the_longest_time_is_no_overflow),
        cmocka_unit_test(removing_the_station_removes_what_it_made),
        cmocka_unit_test(one_advertisement_to_many_stations_is_worked_on_in_turns),
        cmocka_unit_test(a_prefix_is_on_link_only_when_a_router_says_so),
        cmocka_unit_test(a_prefix_is_on_link_until_its_lifetime_is_over),
        cmocka_unit_test(a_router_is_one_for_its_lifetime_and_not_with_0),
        cmocka_unit_test(the_preferred_router_is_chosen),
        cmocka_unit_test(a_router_that_does_not_answer_is_replaced_in_turn),
        cmocka_unit_test(an_own_gateway_comes_before_what_routers_say),
        cmocka_unit_test(values_are_used_when_they_are_told_and_possible),
        cmocka_unit_test(name_servers_are_kept_for_their_lifetime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
