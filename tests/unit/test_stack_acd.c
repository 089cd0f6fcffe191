/* SPDX-License-Identifier: MIT */
/*
 * RFC 5227, IPv4 address conflict detection, statement by statement: probing (2.1), conflicts while it lasts (2.1.1),
 * announcing (2.3), conflicts afterwards and the three ways to meet them (2.4), answering (2.5).
 */
#include "unit/autoconf_rig.h"

#include "base/error.h"
#include "stack/control.h"

struct probing {
    struct rig *r;
    unsigned told;
};

static void on_change(void *context, enum stack_change what, uint32_t number, int64_t now)
{
    (void)now;
    struct probing *x = context;
    x->told += what == STACK_HOST_STATE_CHANGED && number == x->r->us;
}

static void begin(struct probing *x, uint8_t probes, enum host_conflict conflict, uint64_t seed)
{
    struct stack_settings t;
    struct host_settings h = {
        .address = v4(US), .prefix_length = PREFIX, .dad_transmits = probes, .conflict = (uint8_t)conflict};
    stack_settings_default(&t);
    t.secret = (struct hash_key){seed, 2};
    *x = (struct probing){.r = rig_new_empty(&t)};
    int local = stack_add_host(x->r->stack, &h);
    assert_true(local > 0);
    x->r->us = (uint32_t)local;
    stack_on_change(x->r->stack, on_change, x);
}

static enum stack_address_state state_of(const struct probing *x) { return auto_state(x->r, x->r->us); }

/* The next frame, at most so long from now; the milliseconds until it came. */
static int64_t await(struct probing *x, int64_t most_ms)
{
    int64_t ms = 0;
    for (; x->r->count == 0; ms += 2) {
        assert_true(ms <= most_ms);
        rig_pass(x->r, 2 * NS_PER_MS);
    }
    return ms;
}

/* The next frame is a probe (sender 0) or an announcement (sender US). */
static void expect_request(struct probing *x, uint32_t sender)
{
    struct wire_arp arp;
    const struct rig_frame *f = expect_arp(x->r, WIRE_ARP_REQUEST, &arp);
    expect_dst_mac(f, BROADCAST_MAC);
    expect_src_mac(f, US_MAC);
    assert_memory_equal(arp.sha, US_MAC, 6);
    assert_memory_equal(arp.tha, ZERO_MAC, 6);
    assert_int_equal(arp.spa, sender);
    assert_int_equal(arp.tpa, US);
}

static void pass_quietly(struct probing *x, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 10)
        rig_pass(x->r, 10 * NS_PER_MS);
    expect_nothing(x->r);
}

static void until_usable(struct probing *x)
{
    for (unsigned i = 0; i < 10000 && (state_of(x) != STACK_ADDRESS_PREFERRED || x->told == 0); i++)
        rig_pass(x->r, 2 * NS_PER_MS);
    for (unsigned i = 0; i < 1500; i++)
        rig_pass(x->r, 2 * NS_PER_MS);
    rig_forget_frames(x->r);
}

/* Somebody else sends from our address. */
static void others_use_it(struct probing *x, uint16_t op)
{
    uint8_t f[64];
    rig_input(x->r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, op, PEER_MAC, US, ZERO_MAC, op == 1 ? OTHER : US));
}
static void others_probe(struct probing *x, uint32_t target)
{
    uint8_t f[64];
    rig_input(x->r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, 0, ZERO_MAC, target));
}

/* ---- 2.1, 2.3 ---- */

static void an_address_is_probed_for_then_announced(void **state)
{
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct probing x;
        begin(&x, 3, HOST_CONFLICT_DEFEND, seed);
        assert_int_equal(state_of(&x), STACK_ADDRESS_TENTATIVE);
        assert_true(await(&x, 1004) >= 0); /* PROBE_WAIT */
        expect_request(&x, 0);
        for (unsigned i = 1; i < 3; i++) {
            int64_t ms = await(&x, 2004);
            assert_in_range(ms, 1000, 2004); /* PROBE_MIN, PROBE_MAX */
            expect_request(&x, 0);
            least = min_i64(least, ms);
            most = max_i64(most, ms);
        }
        assert_int_equal(x.told, 0);
        assert_in_range(await(&x, 2004), 2000, 2004); /* ANNOUNCE_WAIT */
        assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
        assert_int_equal(x.told, 1);
        expect_request(&x, US);
        assert_in_range(await(&x, 2004), 2000, 2004); /* ANNOUNCE_INTERVAL */
        expect_request(&x, US);
        pass_quietly(&x, 60000);
        rig_free(x.r);
    }
    assert_true(least < 1100 &&
                most > 1900); /* uniformly random, so that hosts switched on together do not keep step */
}

static void the_number_of_probes_is_the_hosts(void **state)
{
    (void)state;
    for (uint8_t n = 0; n < 6; n++) {
        struct probing x;
        begin(&x, n, HOST_CONFLICT_DEFEND, 1);
        for (unsigned i = 0; i < 2000; i++)
            rig_pass(x.r, 10 * NS_PER_MS);
        assert_int_equal(rig_counters(x.r)->arp_requests_sent, n ? n + 2u : 0);
        assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
        rig_free(x.r);
    }
}

static void nothing_is_answered_or_sent_meanwhile(void **state)
{
    (void)state;
    struct probing x;
    uint8_t f[RIG_FRAME_BYTES];
    const struct udp_datagram d = {.remote = v4(PEER), .local_port = 7, .remote_port = 7, .local = 1};
    begin(&x, 3, HOST_CONFLICT_DEFEND, 1);
    rig_input(x.r, f, make_arp_request(f, US));
    rig_input(x.r, f, make_echo_request(f, PEER, US, 1, 1, "x", 1));
    assert_int_equal(rig_counters(x.r)->arp_tentative, 2);
    assert_int_equal(udp_send(x.r->stack, &d, x.r->now), ERR_NO_ROUTE);
    stack_announce(x.r->stack, x.r->us, x.r->now);
    rig_transmit(x.r);
    expect_nothing(x.r);
    assert_int_equal(state_of(&x), STACK_ADDRESS_TENTATIVE); /* who asks for it has not got it */
    until_usable(&x);
    struct wire_arp arp;
    rig_input(x.r, f, make_arp_request(f, US));
    expect_arp(x.r, WIRE_ARP_REPLY, &arp);
    struct wire_ipv4 ip;
    rig_input(x.r, f, make_echo_request(f, PEER, US, 1, 1, "x", 1));
    expect_ipv4(x.r, IP_PROTO_ICMP, &ip);
    rig_free(x.r);
}

static void an_address_in_use_is_not_probed_for_again(void **state)
{
    (void)state;
    struct probing x;
    begin(&x, 3, HOST_CONFLICT_DEFEND, 1);
    until_usable(&x);
    for (unsigned i = 0; i < 2 * 24 * 60; i++) /* two days */
        rig_pass(x.r, 60 * NS_PER_S);
    expect_nothing(x.r);
    assert_int_equal(rig_counters(x.r)->arp_requests_sent, 3 + 2);
    rig_free(x.r);
}

static void down_and_up(struct probing *x)
{
    assert_int_equal(stack_set_up(x->r->stack, 0, false, x->r->now), 0);
    pass_quietly(x, 1000);
    assert_int_equal(stack_set_up(x->r->stack, 0, true, x->r->now), 0);
}

static void an_interface_that_was_down_probes_again(void **state)
{
    (void)state;
    struct probing x;
    for (unsigned taken = 0; taken < 2; taken++) {
        begin(&x, 2, HOST_CONFLICT_DEFEND, 1);
        until_usable(&x);
        down_and_up(&x);
        assert_int_equal(state_of(&x), STACK_ADDRESS_TENTATIVE);
        await(&x, 1004);
        expect_request(&x, 0);
        if (taken) { /* by somebody who came meanwhile */
            others_use_it(&x, 2);
            assert_int_equal(state_of(&x), STACK_ADDRESS_DUPLICATE);
        } else {
            await(&x, 2004);
            expect_request(&x, 0);
            await(&x, 2004);
            expect_request(&x, US);
            assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
            await(&x, 2004);
            expect_request(&x, US);
        }
        pass_quietly(&x, 60000);
        rig_free(x.r);
    }
    begin(&x, 0, HOST_CONFLICT_DEFEND, 1); /* which does not probe at all */
    down_and_up(&x);
    pass_quietly(&x, 10000);
    assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
    rig_free(x.r);
}

/* ---- 2.1.1 ---- */

static void a_conflict_while_probing_ends_it(void **state)
{
    (void)state;
    /* a reply, a request, a probe; before the first probe, between probes, in the wait after the last */
    static const int64_t when_ms[] = {0, 1500, 4500, 5500};
    for (size_t i = 0; i < ARRAY_SIZE(when_ms); i++)
        for (unsigned kind = 0; kind < 3; kind++) {
            struct probing x;
            begin(&x, 3, HOST_CONFLICT_DEFEND, 1);
            for (int64_t ms = 0; ms < when_ms[i]; ms += 2)
                rig_pass(x.r, 2 * NS_PER_MS);
            rig_forget_frames(x.r);
            if (state_of(&x) == STACK_ADDRESS_PREFERRED) {
                rig_free(x.r); /* the probes came soon: it is over */
                continue;
            }
            if (kind == 2)
                others_probe(&x, US);
            else
                others_use_it(&x, (uint16_t)(kind + 1));
            assert_int_equal(state_of(&x), STACK_ADDRESS_DUPLICATE);
            assert_int_equal(x.told, 1);
            assert_int_equal(rig_counters(x.r)->dad_duplicate, 1);
            assert_int_equal(rig_counters(x.r)->arp_conflicts, 1);
            pass_quietly(&x, 20000);
            others_use_it(&x, 2); /* it is theirs now, and that is no conflict */
            others_probe(&x, US);
            assert_int_equal(rig_counters(x.r)->arp_conflicts, 1);
            expect_nothing(x.r);
            rig_free(x.r);
        }
}

static void probes_for_others_and_our_own_are_no_conflict(void **state)
{
    (void)state;
    struct probing x;
    uint8_t f[64];
    begin(&x, 3, HOST_CONFLICT_DEFEND, 1);
    others_probe(&x, OTHER);
    rig_input(x.r, f, make_arp(f, BROADCAST_MAC, US_MAC, 1, US_MAC, 0, ZERO_MAC, US)); /* a loop brings it back */
    assert_int_equal(rig_counters(x.r)->l2_bad_source, 1);
    rig_input(x.r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, PEER, ZERO_MAC, OTHER));
    assert_int_equal(state_of(&x), STACK_ADDRESS_TENTATIVE);
    until_usable(&x);
    assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
    rig_free(x.r);
}

/* ---- 2.4 ---- */

static void by_default_an_address_is_defended_for_ever(void **state) /* (c) */
{
    (void)state;
    struct probing x;
    begin(&x, 1, HOST_CONFLICT_DEFEND, 1);
    until_usable(&x);
    for (unsigned i = 0; i < 5; i++) {
        others_use_it(&x, (uint16_t)(1 + i % 2));
        expect_request(&x, US);
        for (unsigned k = 0; k < 9; k++) { /* never more than one announcement in DEFEND_INTERVAL */
            x.r->now += NS_PER_S;
            others_use_it(&x, 2);
            expect_nothing(x.r);
        }
        x.r->now += NS_PER_S;
    }
    assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
    assert_int_equal(rig_counters(x.r)->arp_conflicts, 50);
    rig_free(x.r);
}

static void a_host_may_defend_once_and_then_give_up(void **state) /* (b) */
{
    (void)state;
    struct probing x;
    begin(&x, 1, HOST_CONFLICT_DEFEND_ONCE, 1);
    until_usable(&x);
    for (unsigned i = 0; i < 3; i++) { /* seldom enough */
        others_use_it(&x, 2);
        expect_request(&x, US);
        x.r->now += 10 * NS_PER_S;
    }
    assert_int_equal(state_of(&x), STACK_ADDRESS_PREFERRED);
    others_use_it(&x, 2);
    expect_request(&x, US);
    x.r->now += 10 * NS_PER_S - 1;
    unsigned told = x.told;
    others_use_it(&x, 2);
    expect_nothing(x.r);
    assert_int_equal(state_of(&x), STACK_ADDRESS_DUPLICATE);
    assert_int_equal(x.told, told + 1);
    rig_free(x.r);
}

static void a_host_may_give_up_at_once(void **state) /* (a) */
{
    (void)state;
    struct probing x;
    uint8_t f[RIG_FRAME_BYTES];
    begin(&x, 1, HOST_CONFLICT_GIVE_UP, 1);
    until_usable(&x);
    rig_resolve(x.r, x.r->us, PEER, PEER_MAC);
    unsigned told = x.told;
    others_use_it(&x, 2);
    assert_int_equal(state_of(&x), STACK_ADDRESS_DUPLICATE);
    assert_int_equal(x.told, told + 1);
    rig_input(x.r, f, make_echo_request(f, PEER, US, 1, 1, "x", 1));
    rig_input(x.r, f, make_arp_request(f, US));
    pass_quietly(&x, 120000); /* nor does it ask for its neighbours any more */
    rig_free(x.r);
}

/* ---- 2.5 ---- */

/* PEER asks for our address with that sender address; the answer is to it. */
static void expect_answer(struct probing *x, uint32_t sender)
{
    uint8_t f[64];
    struct wire_arp arp;
    rig_input(x->r, f, make_arp(f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, sender, ZERO_MAC, US));
    const struct rig_frame *answer = expect_arp(x->r, WIRE_ARP_REPLY, &arp);
    expect_dst_mac(answer, PEER_MAC);
    assert_memory_equal(arp.sha, US_MAC, 6);
    assert_memory_equal(arp.tha, PEER_MAC, 6);
    assert_int_equal(arp.spa, US);
    assert_int_equal(arp.tpa, sender);
    expect_nothing(x->r);
}

static void requests_are_answered_from_the_first_announcement_to_the_end(void **state)
{
    (void)state;
    struct probing x;
    uint8_t f[64];
    begin(&x, 1, HOST_CONFLICT_DEFEND_ONCE, 1);
    await(&x, 1004);
    expect_request(&x, 0);
    rig_input(x.r, f, make_arp_request(f, US));
    expect_nothing(x.r); /* not yet */
    await(&x, 2004);
    expect_request(&x, US);
    expect_answer(&x, PEER); /* before the second announcement */
    expect_answer(&x, 0);    /* a probe of somebody else */
    await(&x, 2004);
    expect_request(&x, US);
    others_use_it(&x, 2);
    expect_request(&x, US); /* defended; it goes on */
    expect_answer(&x, PEER);
    expect_answer(&x, 0);
    others_use_it(&x, 2);
    assert_int_equal(state_of(&x), STACK_ADDRESS_DUPLICATE);
    rig_input(x.r, f, make_arp_request(f, US));
    expect_nothing(x.r); /* the end */
    rig_free(x.r);
}

static void a_policy_is_one_of_three_and_of_ipv4(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = v4(US), .prefix_length = 24, .conflict = 3}, seen;
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = (struct host_settings){.address = US6, .prefix_length = 64, .conflict = HOST_CONFLICT_GIVE_UP};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    h = (struct host_settings){
        .address = v4(US), .prefix_length = 24, .conflict = HOST_CONFLICT_GIVE_UP, .dad_transmits = 3};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0 && stack_view_host(r->stack, (uint32_t)local, &seen));
    assert_int_equal(seen.conflict, HOST_CONFLICT_GIVE_UP);
    assert_int_equal(seen.dad_transmits, 3);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_probed_for_then_announced),
        cmocka_unit_test(the_number_of_probes_is_the_hosts),
        cmocka_unit_test(nothing_is_answered_or_sent_meanwhile),
        cmocka_unit_test(an_address_in_use_is_not_probed_for_again),
        cmocka_unit_test(an_interface_that_was_down_probes_again),
        cmocka_unit_test(a_conflict_while_probing_ends_it),
        cmocka_unit_test(probes_for_others_and_our_own_are_no_conflict),
        cmocka_unit_test(by_default_an_address_is_defended_for_ever),
        cmocka_unit_test(a_host_may_defend_once_and_then_give_up),
        cmocka_unit_test(a_host_may_give_up_at_once),
        cmocka_unit_test(requests_are_answered_from_the_first_announcement_to_the_end),
        cmocka_unit_test(a_policy_is_one_of_three_and_of_ipv4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
