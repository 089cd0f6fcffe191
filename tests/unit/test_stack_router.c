/* SPDX-License-Identifier: MIT */
/*
 * Routers that advertise themselves, frame by frame: RFC 4861 6.2 (settings, times, solicitations, the end), 7.2.4 (the R flag); and a station of Weir
 * that configures itself by one.
 */
#include "unit/autoconf_rig.h"

#include "base/error.h"
#include "stack/nd_router.h"

#define RA WIRE_ICMPV6_ROUTER_ADVERTISEMENT

static const struct ip_addr all_routers = {{0xff, 0x02, [15] = 2}};

/* A router of AUTO_PREFIX at AUTO_LL, with intervals of 4 to 8 s. */
static struct stack_router_settings settings(const struct rig *r)
{
    struct stack_router_settings t;
    stack_router_settings_default(&t);
    t.local = r->us;
    t.min_interval_ns = 4 * NS_PER_S;
    t.max_interval_ns = 8 * NS_PER_S;
    t.n_prefixes = 1;
    t.prefix[0] = (struct wire_nd_prefix){
        .prefix = AUTO_PREFIX, .length = 64, .flags = AUTO_BOTH, .valid_s = 600, .preferred_s = 300};
    return t;
}

static struct rig *host_rig(void)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64};
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    return r;
}

static struct rig *router_rig(void)
{
    struct rig *r = host_rig();
    struct stack_router_settings t = settings(r);
    assert_int_equal(stack_router_start(r->stack, &t, r->now), 0);
    return r;
}

static void solicit(struct rig *r)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_SOLICITATION, .has = WIRE_ND_HAS_SOURCE_LL};
    const struct ip_addr from = v6("fe80::77");
    memcpy(m.source_ll, PEER_MAC, 6);
    rig_input(r, f, make_nd(f, &from, &all_routers, &m));
}

static void an_advertisement_says_what_it_was_told(void **state) /* 4.2, 6.2.3 */
{
    (void)state;
    struct rig *r = host_rig();
    struct stack_router_settings t = settings(r);
    struct wire_ipv6 ip;
    struct wire_nd m;
    t.mtu = 1400;
    t.other = true;
    t.preference = 1;
    t.reachable_ms = 30000;
    t.retrans_ms = 1000;
    t.n_dns = 1;
    t.dns[0] = (struct wire_nd_dns){.server = PEER6, .lifetime_s = 99};
    assert_int_equal(stack_router_start(r->stack, &t, r->now), 0);
    const struct rig_frame *f = auto_await(r, RA, &ip, &m);
    expect_dst_mac(f, (const uint8_t[6]){0x33, 0x33, 0, 0, 0, 1});
    assert_memory_equal(&ip.src, &AUTO_LL, 16);
    assert_memory_equal(&ip.dst, &ALL_NODES, 16);
    assert_int_equal(m.flags, WIRE_ND_RA_OTHER | 1 << 3);
    assert_int_equal(m.hop_limit, 64);
    assert_int_equal(m.router_lifetime_s, 1800);
    assert_int_equal(m.reachable_ms, 30000);
    assert_int_equal(m.retrans_ms, 1000);
    assert_int_equal(m.mtu, 1400);
    assert_memory_equal(m.source_ll, US_MAC, 6);
    assert_int_equal(m.prefix_count, 1);
    assert_memory_equal(&m.prefix[0], &t.prefix[0], sizeof m.prefix[0]);
    assert_int_equal(m.dns_count, 1);
    assert_memory_equal(&m.dns[0], &t.dns[0], sizeof m.dns[0]);
    rig_free(r);
}

static void the_first_three_come_soon_and_all_within_the_interval(void **state) /* 6.2.4 */
{
    (void)state;
    struct rig *r = host_rig();
    struct stack_router_settings t;
    struct wire_ipv6 ip;
    struct wire_nd m;
    stack_router_settings_default(&t);
    t.local = r->us;
    assert_int_equal(stack_router_start(r->stack, &t, r->now), 0);
    int64_t least = INT64_MAX, most = 0, last = r->now;
    for (unsigned i = 0; i < 40; i++) {
        while (rig_counters(r)->ra_sent == i)
            rig_pass(r, 50 * NS_PER_MS);
        expect_nd(r, RA, &ip, &m);
        int64_t waited = r->now - last;
        last = r->now;
        if (i < 3) {
            assert_true(waited <= 16 * NS_PER_S + 50 * NS_PER_MS);
            continue;
        }
        least = waited < least ? waited : least;
        most = waited > most ? waited : most;
    }
    assert_true(least >= 198 * NS_PER_S && most <= 600 * NS_PER_S + 50 * NS_PER_MS);
    assert_true(most - least > 200 * NS_PER_S); /* at random */
    rig_free(r);
}

static void a_solicitation_is_answered_and_a_flood_is_not_worth_more(void **state) /* 6.2.6 */
{
    (void)state;
    struct rig *r = router_rig();
    struct wire_ipv6 ip;
    struct wire_nd m;
    auto_pass(r, 100 * NS_PER_S);
    while (rig_next(r) == NULL) /* just after one of those that come by themselves */
        rig_pass(r, 10 * NS_PER_MS);
    auto_pass(r, 3 * NS_PER_S);
    int64_t asked = r->now;
    solicit(r);
    auto_await(r, RA, &ip, &m);
    assert_true(r->now - asked <= 510 * NS_PER_MS);
    struct stack_neighbour n;
    assert_int_not_equal(stack_next_neighbour(r->stack, 0, &n), 0);
    assert_memory_equal(n.mac, PEER_MAC, 6);
    assert_int_equal(n.state, NEIGHBOUR_STALE);
    uint64_t before = rig_counters(r)->ra_sent;
    for (unsigned i = 0; i < 3000; i++) {
        solicit(r);
        rig_pass(r, 10 * NS_PER_MS);
    }
    assert_in_range(rig_counters(r)->ra_sent - before, 8, 10); /* in 30 s, each 3 s after the last */
    assert_int_equal(rig_counters(r)->rs_received, 3001);
    rig_free(r);
}

static void who_is_no_router_does_not_answer(void **state) /* 6.2.2 */
{
    (void)state;
    struct rig *r = host_rig();
    uint8_t f[RIG_FRAME_BYTES];
    const struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_SOLICITATION};
    solicit(r);
    assert_int_equal(rig_counters(r)->ip_not_for_us, 1); /* nobody hears ff02::2 */
    rig_input(r, f, make_nd(f, &GATEWAY6, &AUTO_LL, &m));
    assert_int_equal(rig_counters(r)->nd_ignored, 1);
    auto_pass(r, 20 * NS_PER_S);
    assert_int_equal(rig_counters(r)->ra_sent, 0);
    rig_free(r);
}

static void the_last_advertisement_says_that_it_is_the_last(void **state) /* 6.2.5 */
{
    (void)state;
    for (int removed = 0; removed < 2; removed++) {
        struct rig *r = router_rig();
        struct wire_ipv6 ip;
        struct wire_nd m;
        auto_pass(r, 50 * NS_PER_S);
        if (removed)
            assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
        else
            assert_int_equal(stack_router_stop(r->stack, r->us, r->now), 0);
        assert_int_equal(stack_router_stop(r->stack, r->us, r->now), ERR_NOT_FOUND);
        rig_transmit(r);
        expect_nd(r, RA, &ip, &m);
        assert_int_equal(m.router_lifetime_s, 0);
        rig_pass(r, 1000 * NS_PER_S);
        expect_nothing(r);
        rig_free(r);
    }
}

static uint8_t flags_of_answer(struct rig *r, const struct ip_addr *target)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd m;
    auto_pass(r, 10 * NS_PER_MS); /* an advertisement may have been due */
    rig_input(r, f, make_solicitation(f, target));
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
    return m.flags;
}

static void all_addresses_of_a_router_say_that_they_are_a_routers(void **state) /* 7.2.4 */
{
    (void)state;
    struct rig *r = router_rig();
    struct host_settings own = {.address = US6, .prefix_length = 64};
    struct host_settings other = {.address = OTHER6, .prefix_length = 64};
    memcpy(other.mac, OTHER_MAC, 6);
    assert_true(stack_add_host(r->stack, &own) > 0 && stack_add_host(r->stack, &other) > 0);
    assert_true(flags_of_answer(r, &AUTO_LL) & WIRE_ND_NA_ROUTER);
    assert_true(flags_of_answer(r, &US6) & WIRE_ND_NA_ROUTER);
    assert_false(flags_of_answer(r, &OTHER6) & WIRE_ND_NA_ROUTER);
    assert_int_equal(stack_router_stop(r->stack, r->us, r->now), 0);
    assert_false(flags_of_answer(r, &US6) & WIRE_ND_NA_ROUTER);
    rig_free(r);
}

static void values_out_of_their_bounds_are_refused(void **state) /* 6.2.1 */
{
    (void)state;
    struct rig *r = host_rig();
    struct stack_router_settings good = settings(r), bad[12];
    for (unsigned i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].local = 99;
    bad[1].max_interval_ns = 3 * NS_PER_S;
    bad[2].max_interval_ns = 1801 * NS_PER_S;
    bad[3].min_interval_ns = 2 * NS_PER_S;
    bad[4].min_interval_ns = 7 * NS_PER_S;
    bad[5].lifetime_s = 7;
    bad[6].lifetime_s = 9001;
    bad[7].mtu = 1279;
    bad[8].mtu = 1501;
    bad[9].reachable_ms = 3600001;
    bad[10].prefix[0].preferred_s = 601;
    bad[11].prefix[0].prefix = AUTO_LL;
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(stack_router_start(r->stack, &bad[i], r->now), ERR_INVALID);
    good.lifetime_s = 0; /* no default router, prefixes only */
    assert_int_equal(stack_router_start(r->stack, &good, r->now), 0);
    assert_int_equal(stack_router_start(r->stack, &good, r->now), ERR_EXISTS);
    rig_free(r);
}

/* What one sent reaches the other, from another MAC. */
static void carry(struct rig *from, struct rig *to, const uint8_t *mac)
{
    for (const struct rig_frame *f; (f = rig_next(from)) != NULL;) {
        uint8_t copy[RIG_FRAME_BYTES];
        uint32_t n = f->length;
        memcpy(copy, f->bytes, n);
        memcpy(copy + 6, mac, 6);
        rig_input(to, copy, n);
    }
}

static void a_station_of_weir_configures_itself_by_a_router_of_weir(void **state)
{
    (void)state;
    struct rig *router = router_rig(), *host = rig_new_empty(NULL);
    struct host_settings h = {.address = v6("fe80::5"), .prefix_length = 64, .autoconf = true, .dad_transmits = 1};
    memcpy(h.mac, OTHER_MAC, 6);
    host->us = (uint32_t)stack_add_host(host->stack, &h);
    for (unsigned i = 0; i < 600; i++) {
        rig_pass(router, 10 * NS_PER_MS);
        rig_pass(host, 10 * NS_PER_MS);
        carry(router, host, US_MAC);
        carry(host, router, OTHER_MAC);
    }
    assert_int_equal(rig_counters(router)->rs_received, 1);
    struct ip_addr own = auto_address(host, auto_made(host, 0)), hop = auto_hop(host, auto_made(host, 0), &FAR6);
    assert_true(ip_addr_same_bits(&own, &AUTO_PREFIX, 64));
    assert_memory_equal(&hop, &AUTO_LL, 16);
    assert_int_equal(auto_state(host, auto_made(host, 0)), STACK_ADDRESS_PREFERRED);
    rig_free(router);
    rig_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_advertisement_says_what_it_was_told),
        cmocka_unit_test(the_first_three_come_soon_and_all_within_the_interval),
        cmocka_unit_test(a_solicitation_is_answered_and_a_flood_is_not_worth_more),
        cmocka_unit_test(who_is_no_router_does_not_answer),
        cmocka_unit_test(the_last_advertisement_says_that_it_is_the_last),
        cmocka_unit_test(all_addresses_of_a_router_say_that_they_are_a_routers),
        cmocka_unit_test(values_out_of_their_bounds_are_refused),
        cmocka_unit_test(a_station_of_weir_configures_itself_by_a_router_of_weir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
