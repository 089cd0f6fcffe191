/* SPDX-License-Identifier: MIT */
/*
 * Duplicate address detection, frame by frame: RFC 4862 5.4, RFC 7527 (own solicitations that a loop brings back), and
 * what may be made instead of a duplicate: RFC 7217 section 6.
 */
#include "unit/autoconf_rig.h"

#include "base/error.h"

static const uint8_t nonce_of_others[6] = {1, 2, 3, 4, 5, 6};

/* Somebody else asks for the same address, with or without a nonce. */
static void others_ask(struct rig *r, const struct ip_addr *target, bool nonce)
{
    uint8_t f[RIG_FRAME_BYTES];
    const struct ip_addr group = ip_addr_solicited_node(target);
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION,
                        .has = nonce ? WIRE_ND_HAS_NONCE : 0,
                        .target = *target,
                        .nonce = nonce_of_others,
                        .nonce_len = 6};
    rig_input(r, f, make_nd(f, &NONE6, &group, &m));
}

static void others_have(struct rig *r, const struct ip_addr *target)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT,
                        .flags = WIRE_ND_NA_OVERRIDE,
                        .has = WIRE_ND_HAS_TARGET_LL,
                        .target = *target};
    memcpy(m.target_ll, PEER_MAC, 6);
    rig_input(r, f, make_nd(f, target, &ALL_NODES, &m));
}

/* A configured host that asks for US6 so often. */
static struct rig *configured(uint8_t transmits)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {
        .address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6, .dad_transmits = transmits};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    r->us = (uint32_t)local;
    return r;
}

static void an_address_is_asked_for_by_nobody_with_a_nonce(void **state) /* 5.4.2, RFC 7527 4.2 */
{
    (void)state;
    struct rig *r = configured(2);
    struct wire_ipv6 ip;
    struct wire_nd m;
    const struct ip_addr group = ip_addr_solicited_node(&US6);
    uint8_t nonce[6];
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
    int64_t began = r->now;
    const struct rig_frame *f = auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    assert_true(r->now - began <= NS_PER_S + 20 * NS_PER_MS); /* a random delay of at most a second */
    expect_dst_mac(f, (const uint8_t[6]){0x33, 0x33, 0xff, 0, 0, 1});
    assert_memory_equal(&ip.src, &NONE6, 16);
    assert_memory_equal(&ip.dst, &group, 16);
    assert_memory_equal(&m.target, &US6, 16);
    assert_int_equal(m.has, WIRE_ND_HAS_NONCE);
    assert_int_equal(m.nonce_len, 6);
    memcpy(nonce, m.nonce, 6);
    began = r->now;
    auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    assert_in_range(r->now - began, 990 * NS_PER_MS, 1020 * NS_PER_MS); /* RetransTimer */
    assert_memory_equal(nonce, m.nonce, 6);
    auto_pass(r, 990 * NS_PER_MS);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
    auto_pass(r, 30 * NS_PER_MS);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_PREFERRED);
    assert_int_equal(rig_counters(r)->nd_solicitations_sent, 2);
    rig_free(r);
}

static void the_first_solicitation_comes_after_a_random_delay(void **state) /* 5.4.2 */
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct stack_settings t;
        struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .dad_transmits = 1};
        stack_settings_default(&t);
        t.secret = (struct hash_key){seed, 2};
        struct rig *r = rig_new_empty(&t);
        assert_true(stack_add_host(r->stack, &h) > 0);
        int64_t ms = 0;
        for (; r->count == 0 && ms <= 1010; ms += 5)
            rig_pass(r, 5 * NS_PER_MS);
        assert_int_equal(r->count, 1);
        least = min_i64(least, ms);
        most = max_i64(most, ms);
        rig_free(r);
    }
    assert_true(least < 100 && most > 900 && most <= 1010);
}

static void both_groups_are_heard_before_the_first_solicitation(void **state) /* 5.4.2 */
{
    (void)state;
    for (unsigned all_nodes = 0; all_nodes < 2; all_nodes++) {
        struct rig *r = configured(1);
        if (all_nodes)
            others_have(r, &US6);
        else
            others_ask(r, &US6, true);
        assert_int_equal(rig_counters(r)->nd_solicitations_sent, 0);
        assert_int_equal(rig_counters(r)->dad_duplicate, 1);
        assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_DUPLICATE);
        rig_free(r);
    }
}

static void without_transmits_an_address_stands_at_once(void **state) /* 5.1 */
{
    (void)state;
    struct rig *r = configured(0);
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd m;
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_PREFERRED);
    rig_input(r, f, make_solicitation(f, &US6));
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
    rig_free(r);
}

static void a_tentative_address_hears_and_says_nothing(void **state) /* 5.4, 5.4.3 */
{
    (void)state;
    struct rig *r = configured(3);
    uint8_t f[RIG_FRAME_BYTES];
    struct icmp_echo e = {.local = r->us, .remote = PEER6};
    struct udp_datagram d = {.local = r->us, .remote = ALL_NODES, .local_port = 9, .remote_port = 9};
    rig_input(r, f, make_solicitation(f, &US6));
    assert_int_equal(rig_counters(r)->nd_tentative, 1);
    rig_input(r, f, make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, NULL, 0));
    assert_int_equal(rig_counters(r)->nd_tentative, 2);
    rig_input(r, f, make_udp6(f, &PEER6, 9, &US6, 9, NULL, 0));
    assert_int_equal(rig_counters(r)->nd_tentative, 3);
    rig_input(r, f, make_tcp6(f, &PEER6, 9, &US6, 9, TCP_SYN, 1, 0, NULL, 0));
    assert_int_equal(rig_counters(r)->nd_tentative, 4);
    rig_input(r, f, make_icmp6(f, &PEER6, &ALL_NODES, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, NULL, 0));
    assert_int_equal(icmp_echo_send(r->stack, &e, r->now), ERR_NO_ROUTE);
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_ROUTE);
    stack_announce(r->stack, r->us, r->now);
    assert_int_equal(stack_local_for(r->stack, &PEER6), 0);
    assert_int_equal(stack_find_local(r->stack, &US6), 0);
    rig_transmit(r);
    expect_nothing(r);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
    rig_free(r);
}

static void expect_duplicate(struct rig *r)
{
    uint8_t f[RIG_FRAME_BYTES];
    assert_int_equal(rig_counters(r)->dad_duplicate, 1);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_DUPLICATE);
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_DUPLICATE);
    uint64_t sent = r->sent;
    rig_input(r, f, make_solicitation(f, &US6));
    others_ask(r, &US6, true);
    others_have(r, &US6);
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(r->sent, sent);
    assert_int_equal(rig_counters(r)->dad_duplicate, 1);
    assert_int_equal(rig_counters(r)->nd_conflicts, 0);
    rig_free(r);
}

static void whoever_has_the_address_keeps_it(void **state) /* 5.4.4 */
{
    (void)state;
    struct rig *r = configured(2);
    others_have(r, &US6);
    expect_duplicate(r);
}

static void whoever_asks_for_the_address_as_well_makes_it_a_duplicate(void **state) /* 5.4.3 */
{
    (void)state;
    for (int nonce = 0; nonce < 2; nonce++) {
        struct rig *r = configured(2);
        struct wire_ipv6 ip;
        struct wire_nd m;
        auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        others_ask(r, &US6, nonce);
        expect_duplicate(r);
    }
}

static void news_of_a_duplicate(void *context, enum stack_change what, uint32_t number, int64_t now)
{
    (void)now;
    uint32_t *seen = context;
    if (what == STACK_HOST_STATE_CHANGED)
        *seen = number;
}

static void users_hear_what_becomes_of_an_address(void **state)
{
    (void)state;
    for (int duplicate = 0; duplicate < 2; duplicate++) {
        struct rig *r = configured(1);
        uint32_t seen = 0;
        stack_on_change(r->stack, news_of_a_duplicate, &seen);
        if (duplicate)
            others_have(r, &US6);
        else
            auto_pass(r, 3 * NS_PER_S);
        assert_int_equal(seen, r->us);
        rig_free(r);
    }
}

static void its_own_solicitation_in_a_loop_is_no_duplicate(void **state) /* RFC 7527 4.2, 4.3 */
{
    (void)state;
    struct rig *r = configured(1);
    struct wire_ipv6 ip;
    struct wire_nd m;
    for (unsigned i = 0; i < 4; i++) { /* the only one of the first round and all of the second come back */
        const struct rig_frame *f = auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        uint8_t copy[RIG_FRAME_BYTES];
        uint32_t n = f->length;
        memcpy(copy, f->bytes, n);
        rig_input(r, copy, n);
        assert_int_equal(rig_counters(r)->dad_looped, i + 1);
        assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
    }
    for (unsigned i = 0; i < 3; i++) /* the loop is gone */
        auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    auto_pass(r, 1020 * NS_PER_MS);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_PREFERRED);
    assert_int_equal(rig_counters(r)->dad_duplicate, 0);
    rig_free(r);
}

static void every_address_with_one_identifier_is_tested(void **state) /* 5.4: not the link-local one for all */
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    const struct ip_addr own[] = {v6("fe80::1234:5"), v6("2001:db8::1234:5"), v6("2001:db8:1::1234:5")};
    for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
        struct host_settings h = {.address = own[i], .prefix_length = 64, .dad_transmits = 1};
        r->us = (uint32_t)stack_add_host(r->stack, &h);
        struct wire_ipv6 ip;
        struct wire_nd m;
        auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        assert_memory_equal(&ip.src, &NONE6, 16);
        assert_memory_equal(&m.target, &own[i], 16);
        assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
        auto_pass(r, 1020 * NS_PER_MS);
        assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_PREFERRED);
        assert_int_equal(rig_counters(r)->nd_solicitations_sent, i + 1);
    }
    rig_free(r);
}

/* What arrived was dropped: by name, without an answer, and no duplicate was found. */
static void expect_discarded(struct rig *r, const uint64_t *drops)
{
    assert_int_equal(*drops, 1);
    assert_int_equal(rig_counters(r)->dad_duplicate, 0);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
    expect_nothing(r);
    rig_free(r);
}

static void messages_that_are_not_valid_make_no_duplicate(void **state) /* 5.4.1, RFC 4861 7.1.1, 7.1.2 */
{
    (void)state;
    const struct ip_addr group = ip_addr_solicited_node(&US6);
    const struct wire_nd ns = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .target = US6};
    const struct wire_nd na = {.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .flags = WIRE_ND_NA_OVERRIDE, .target = US6};
    for (unsigned advertised = 0; advertised < 2; advertised++) {
        const struct ip_addr *from = advertised ? &PEER6 : &NONE6, *to = advertised ? &ALL_NODES : &group;
        const struct wire_nd *m = advertised ? &na : &ns;
        uint8_t f[RIG_FRAME_BYTES];
        struct rig *r = configured(2);
        uint32_t n = make_nd(f, from, to, m);
        f[14 + 7] = 254; /* a router let it pass */
        rig_input(r, f, n);
        expect_discarded(r, &rig_counters(r)->nd_bad_message);
        r = configured(2);
        n = make_nd(f, from, to, m);
        f[54 + 2] ^= 1;
        rig_input(r, f, n);
        expect_discarded(r, &rig_counters(r)->icmp_bad_checksum);
        r = configured(2);
        uint8_t body[20] = {0}; /* four bytes short of its target's end */
        memcpy(body, US6.bytes, 12);
        n = make_icmp6(f, from, to, m->type, 0, 0, body, 12);
        f[14 + 7] = 255;
        rig_input(r, f, n);
        expect_discarded(r, &rig_counters(r)->nd_malformed);
        r = configured(2);
        memcpy(body, US6.bytes, 16);
        n = make_icmp6(f, from, to, m->type, 1, 0, body, 16); /* of a code that is none */
        f[14 + 7] = 255;
        rig_input(r, f, n);
        expect_discarded(r, &rig_counters(r)->nd_malformed);
        r = configured(2);
        memset(body + 16, 0, 4);
        n = make_icmp6(f, from, to, m->type, 0, 0, body, 20); /* an option of length 0 */
        f[14 + 7] = 255;
        rig_input(r, f, n);
        expect_discarded(r, &rig_counters(r)->nd_malformed);
    }
    uint8_t f[RIG_FRAME_BYTES];
    struct rig *r = configured(2);
    struct wire_nd with_source = ns;
    with_source.has = WIRE_ND_HAS_SOURCE_LL;
    memcpy(with_source.source_ll, PEER_MAC, 6);
    rig_input(r, f, make_nd(f, &NONE6, &group, &with_source)); /* nobody with a link-layer address */
    expect_discarded(r, &rig_counters(r)->nd_bad_message);
    r = configured(2);
    rig_input(r, f, make_nd(f, &NONE6, &ALL_NODES, &ns)); /* nobody asks all nodes */
    expect_discarded(r, &rig_counters(r)->nd_bad_message);
    r = configured(2);
    struct wire_nd solicited = na;
    solicited.flags |= WIRE_ND_NA_SOLICITED;
    rig_input(r, f, make_nd(f, &PEER6, &ALL_NODES, &solicited)); /* asked for, and sent to all */
    expect_discarded(r, &rig_counters(r)->nd_bad_message);
}

static void an_interface_that_was_down_tests_its_addresses_again(void **state)
{
    (void)state;
    for (unsigned taken = 0; taken < 2; taken++) {
        struct rig *r = configured(2);
        auto_pass(r, 5 * NS_PER_S);
        assert_int_equal(stack_set_up(r->stack, 0, false, r->now), 0);
        assert_int_equal(stack_set_up(r->stack, 0, true, r->now), 0);
        assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
        assert_int_equal(stack_local_for(r->stack, &PEER6), 0);
        if (taken)
            others_have(r, &US6);
        auto_pass(r, 5 * NS_PER_S);
        assert_int_equal(auto_state(r, r->us), taken ? STACK_ADDRESS_DUPLICATE : STACK_ADDRESS_PREFERRED);
        assert_int_equal(rig_counters(r)->nd_solicitations_sent, taken ? 2 : 4);
        rig_free(r);
    }
}

/* ---- addresses of autoconfiguration ---- */

static void a_station_that_was_down_keeps_what_it_made_and_asks_routers_again(void **state)
{
    (void)state;
    struct rig *r = auto_rig(1);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 86400, 3600);
    auto_pass(r, 20 * NS_PER_S);
    auto_hear(r, &m);
    auto_pass(r, 5 * NS_PER_S);
    const uint32_t made = auto_made(r, 0);
    const struct ip_addr address = auto_address(r, made);
    assert_int_equal(auto_state(r, made), STACK_ADDRESS_PREFERRED);
    uint64_t asked = rig_counters(r)->nd_solicitations_sent, routers = rig_counters(r)->rs_sent;
    assert_int_equal(stack_set_up(r->stack, 0, false, r->now), 0);
    assert_int_equal(stack_set_up(r->stack, 0, true, r->now), 0);
    assert_int_equal(auto_state(r, made), STACK_ADDRESS_TENTATIVE);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_TENTATIVE);
    auto_pass(r, 20 * NS_PER_S);
    const struct ip_addr kept = auto_address(r, made);
    assert_int_equal(auto_state(r, made), STACK_ADDRESS_PREFERRED);
    assert_int_equal(auto_state(r, r->us), STACK_ADDRESS_PREFERRED);
    assert_memory_equal(&kept, &address, 16);
    assert_int_equal(auto_made(r, 1), 0);
    assert_int_equal(rig_counters(r)->nd_solicitations_sent, asked + 2);
    assert_true(rig_counters(r)->rs_sent > routers);
    rig_free(r);
}

static void an_address_that_was_made_is_tried_with_three_more_identifiers(void **state) /* RFC 7217 section 6 */
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct wire_ipv6 ip;
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 86400, 3600);
    struct ip_addr tried[4];
    auto_hear(r, &m);
    for (unsigned i = 0; i < 4; i++) {
        auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        assert_true(ip_addr_same_bits(&m.target, &AUTO_PREFIX, 64));
        tried[i] = m.target;
        for (unsigned j = 0; j < i; j++)
            assert_false(ip_addr_equal(&tried[j], &tried[i]));
        others_have(r, &tried[i]);
        assert_int_equal(rig_counters(r)->dad_duplicate, i + 1);
    }
    m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 86400, 3600);
    auto_hear(r, &m);
    auto_pass(r, 20 * NS_PER_S);
    assert_int_equal(rig_counters(r)->slaac_addresses, 4);
    assert_int_equal(auto_state(r, auto_made(r, 0)), STACK_ADDRESS_DUPLICATE);
    assert_int_equal(auto_made(r, 1), 0);
    rig_free(r);
}

static void a_duplicate_made_of_the_mac_is_not_tried_again(void **state) /* RFC 4862 5.4.5 */
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64, .autoconf = true, .eui64 = true};
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 86400, 3600);
    auto_pass(r, 20 * NS_PER_S);
    auto_hear(r, &m);
    struct ip_addr expected = ip_addr_link_local(US_MAC), made = auto_address(r, auto_made(r, 0));
    memcpy(expected.bytes, AUTO_PREFIX.bytes, 8);
    assert_memory_equal(&made, &expected, 16);
    others_have(r, &expected);
    assert_int_equal(auto_state(r, auto_made(r, 0)), STACK_ADDRESS_DUPLICATE);
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(rig_counters(r)->slaac_addresses, 1);
    rig_free(r);
}

static void a_station_whose_own_address_is_a_duplicate_asks_no_routers(void **state)
{
    (void)state;
    struct rig *r = auto_rig(1);
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, 86400, 3600);
    others_have(r, &AUTO_LL);
    auto_hear(r, &m);
    auto_pass(r, 20 * NS_PER_S);
    assert_int_equal(rig_counters(r)->rs_sent, 0);
    assert_int_equal(auto_made(r, 0), 0);
    rig_free(r);
}

static void settings_that_no_host_can_have_are_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = v4(US), .prefix_length = 24, .autoconf = true};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = (struct host_settings){.address = v4(US), .prefix_length = 24, .redirects = true};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = (struct host_settings){.address = US6, .prefix_length = 64, .autoconf = true};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_asked_for_by_nobody_with_a_nonce),
        cmocka_unit_test(the_first_solicitation_comes_after_a_random_delay),
        cmocka_unit_test(both_groups_are_heard_before_the_first_solicitation),
        cmocka_unit_test(without_transmits_an_address_stands_at_once),
        cmocka_unit_test(a_tentative_address_hears_and_says_nothing),
        cmocka_unit_test(whoever_has_the_address_keeps_it),
        cmocka_unit_test(whoever_asks_for_the_address_as_well_makes_it_a_duplicate),
        cmocka_unit_test(users_hear_what_becomes_of_an_address),
        cmocka_unit_test(its_own_solicitation_in_a_loop_is_no_duplicate),
        cmocka_unit_test(every_address_with_one_identifier_is_tested),
        cmocka_unit_test(messages_that_are_not_valid_make_no_duplicate),
        cmocka_unit_test(an_interface_that_was_down_tests_its_addresses_again),
        cmocka_unit_test(a_station_that_was_down_keeps_what_it_made_and_asks_routers_again),
        cmocka_unit_test(an_address_that_was_made_is_tried_with_three_more_identifiers),
        cmocka_unit_test(a_duplicate_made_of_the_mac_is_not_tried_again),
        cmocka_unit_test(a_station_whose_own_address_is_a_duplicate_asks_no_routers),
        cmocka_unit_test(settings_that_no_host_can_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
