/* SPDX-License-Identifier: MIT */
/*
 * Path MTU discovery for datagrams, RFC 8899, over a path made up here: with routers that tell, that keep silent, that
 * are wrong, with loss, delay and duplicates. Ids begin just under 2^32.
 */
#include "stack/dplpmtud.h"

#include "base/error.h"
#include "base/random.h"

#include "support/cmocka_all.h"

#define RTT_NS (50 * NS_PER_MS)
#define ROUTER_NS (20 * NS_PER_MS)
#define FIRST_ID 0xFFFFFF00u
#define BEGIN INT64_C(1000000007)

enum routers { TELL, SILENT, LIE }; /* LIE: 100 less than they take */

struct way {
    struct dplpmtud m;
    int64_t now;
    uint32_t mtu;
    enum routers routers;
    uint32_t loss_percent;
    struct random random;
    uint32_t size, id; /* of the last probe */
};

static void begin_with(struct way *w, const struct dplpmtud_settings *s, uint32_t mtu, enum routers routers)
{
    *w = (struct way){.now = BEGIN, .mtu = mtu, .routers = routers};
    random_seed(&w->random, mtu);
    assert_int_equal(dplpmtud_init(&w->m, s), 0);
    dplpmtud_connected(&w->m, w->now);
}

static struct dplpmtud_settings settings(bool v4, uint32_t link_mtu)
{
    struct dplpmtud_settings s;
    dplpmtud_settings_default(&s, v4, link_mtu);
    s.first_id = FIRST_ID;
    return s;
}

static void begin(struct way *w, uint32_t link_mtu, uint32_t mtu, enum routers routers)
{
    const struct dplpmtud_settings s = settings(true, link_mtu);
    begin_with(w, &s, mtu, routers);
}

static void check(const struct way *w) { assert_true(dplpmtud_check(&w->m)); }

/* The next probe, whenever it leaves. */
static uint32_t probe(struct way *w)
{
    while ((w->size = dplpmtud_probe(&w->m, w->now, &w->id)) == 0) {
        int64_t at = dplpmtud_deadline(&w->m);
        assert_true(at != TIME_NEVER && at > w->now);
        w->now = at;
        check(w);
    }
    check(w);
    return w->size;
}

static void answer(struct way *w)
{
    w->now += RTT_NS;
    assert_true(dplpmtud_answered(&w->m, w->id, w->now));
    check(w);
}

/* What the path makes of the last probe. */
static void pass(struct way *w)
{
    if (w->size <= w->mtu) {
        if (random_u32(&w->random) % 100 >= w->loss_percent)
            answer(w);
    } else if (w->routers != SILENT) {
        w->now += ROUTER_NS;
        (void)dplpmtud_probe_too_big(&w->m, w->id, w->mtu - (w->routers == LIE ? 100 : 0), w->now);
        check(w);
    }
}

/* Until the search rests. */
static void run(struct way *w)
{
    for (unsigned i = 0; !dplpmtud_at_rest(&w->m); i++) {
        assert_true(i < 1000);
        if ((w->size = dplpmtud_probe(&w->m, w->now, &w->id)) != 0)
            pass(w);
        else if (!dplpmtud_at_rest(&w->m))
            w->now = dplpmtud_deadline(&w->m);
        check(w);
    }
}

static void expect(const struct way *w, enum dplpmtud_state state, uint32_t size)
{
    assert_string_equal(dplpmtud_state_name(dplpmtud_state(&w->m)), dplpmtud_state_name(state));
    assert_int_equal(dplpmtud_size(&w->m), size);
}

/* All the probes of a size get lost. */
static void lose_size(struct way *w, uint32_t size)
{
    for (unsigned i = 0; i < w->m.settings.max_probes; i++)
        assert_int_equal(probe(w), size);
    w->now += w->m.settings.probe_ns;
}

/* ---- settings ---- */

static void defaults_are_those_of_the_rfc(void **state)
{
    (void)state;
    struct dplpmtud_settings s;
    dplpmtud_settings_default(&s, true, 1500);
    assert_true(s.min == 68 && s.base == 1200 && s.max == 1500 && s.max_probes == 3);
    assert_true(s.probe_ns > 15 * NS_PER_S && s.raise_ns == 600 * NS_PER_S && s.confirm_ns < s.raise_ns);
    dplpmtud_settings_default(&s, false, 9000);
    assert_true(s.min == 1280 && s.base == 1280 && s.max == 9000);
    dplpmtud_settings_default(&s, true, 576);
    assert_true(s.base == 576 && s.max == 576);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct dplpmtud m;
    const struct dplpmtud_settings good = settings(true, 1500);
    struct dplpmtud_settings bad[12];
    for (unsigned i = 0; i < 12; i++)
        bad[i] = good;
    bad[0].min = 67;
    bad[1].base = 67;
    bad[2].max = 1199;
    bad[3].max = 65536;
    bad[4].headers = 68;
    bad[5].step = 0;
    bad[6].max_probes = 0;
    bad[7].raise_ns = 0;
    bad[8].confirm_ns = -1;
    bad[9].confirm_ns = bad[9].raise_ns;
    bad[10].min = 1201;
    bad[11].step = 65536;
    assert_int_equal(dplpmtud_init(&m, &good), 0);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(dplpmtud_init(&m, &bad[i]), ERR_INVALID);
}

static void a_probe_is_waited_for_no_less_than_a_second(void **state)
{
    (void)state;
    struct dplpmtud m;
    struct dplpmtud_settings s = settings(true, 1500);
    s.probe_ns = NS_PER_S - 1;
    assert_int_equal(dplpmtud_init(&m, &s), ERR_INVALID);
    s.probe_ns = NS_PER_S;
    assert_int_equal(dplpmtud_init(&m, &s), 0);
}

/* ---- phases ---- */

static void nothing_is_asked_before_the_other_end_is_there(void **state)
{
    (void)state;
    struct dplpmtud m;
    uint32_t id;
    const struct dplpmtud_settings s = settings(true, 1500);
    assert_int_equal(dplpmtud_init(&m, &s), 0);
    assert_int_equal(dplpmtud_probe(&m, BEGIN, &id), 0);
    assert_true(dplpmtud_deadline(&m) == TIME_NEVER && dplpmtud_at_rest(&m));
    assert_false(dplpmtud_packet_too_big(&m, 1000, BEGIN));
    dplpmtud_connected(&m, BEGIN);
    assert_int_equal(dplpmtud_state(&m), DPLPMTUD_BASE);
    assert_int_equal(dplpmtud_probe(&m, BEGIN, &id), 1200);
    assert_int_equal(id, FIRST_ID);
    dplpmtud_disconnected(&m);
    assert_true(dplpmtud_check(&m));
    assert_int_equal(dplpmtud_probe(&m, BEGIN + 100 * NS_PER_S, &id), 0);
    assert_false(dplpmtud_answered(&m, FIRST_ID, BEGIN));
}

static void base_is_confirmed_and_then_the_largest(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, SILENT);
    assert_int_equal(probe(&w), 1200);
    answer(&w);
    expect(&w, DPLPMTUD_SEARCHING, 1200);
    assert_int_equal(probe(&w), 1500);
    answer(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
    assert_int_equal(w.m.counters.probes, 2);
}

static void a_link_no_larger_than_base_is_done_with_one_probe(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 576, 576, SILENT);
    run(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 576);
    assert_int_equal(w.m.counters.probes, 1);
}

static void what_the_user_may_send_is_less_by_its_headers(void **state)
{
    (void)state;
    struct way w;
    struct dplpmtud_settings s = settings(true, 1500);
    s.headers = 28;
    begin_with(&w, &s, 1500, SILENT);
    assert_int_equal(dplpmtud_payload(&w.m), 1172);
    run(&w);
    assert_int_equal(dplpmtud_payload(&w.m), 1472);
}

static void packets_are_no_larger_than_what_was_confirmed(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 9000, 4000, SILENT);
    while (!dplpmtud_at_rest(&w.m)) {
        uint32_t before = dplpmtud_size(&w.m);
        if ((w.size = dplpmtud_probe(&w.m, w.now, &w.id)) != 0) {
            assert_int_equal(dplpmtud_size(&w.m), before); /* sending changes nothing */
            pass(&w);
            assert_true(dplpmtud_size(&w.m) == before || dplpmtud_size(&w.m) == w.size);
        } else if (!dplpmtud_at_rest(&w.m)) {
            w.now = dplpmtud_deadline(&w.m);
        }
        assert_true(dplpmtud_size(&w.m) <= 4000);
    }
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 4000);
}

/* ---- searching ---- */

/* Of the path, unless a router said that what was just confirmed is all: then the search ends there (RFC 8899 5.2). */
static uint32_t found(const struct way *w)
{
    bool misled = w->routers == LIE && (w->mtu - 100 == w->m.settings.base || w->mtu - 100 == w->m.settings.min);
    return misled ? w->mtu - 100 : w->mtu;
}

static void every_size_is_found_to_the_byte_whoever_tells_it(void **state)
{
    (void)state;
    struct way w;
    for (uint32_t mtu = 68; mtu <= 9216; mtu += mtu < 1600 ? 1 : 53)
        for (unsigned routers = TELL; routers <= LIE; routers++) {
            begin(&w, 9216, mtu, (enum routers)routers);
            run(&w);
            expect(&w, mtu < 1200 ? DPLPMTUD_ERROR : DPLPMTUD_SEARCH_COMPLETE, found(&w));
        }
}

static void every_size_is_found_over_ipv6(void **state)
{
    (void)state;
    struct way w;
    const struct dplpmtud_settings s = settings(false, 9000);
    for (uint32_t mtu = 1280; mtu <= 9000; mtu += mtu < 1600 ? 1 : 53)
        for (unsigned routers = TELL; routers <= LIE; routers++) {
            begin_with(&w, &s, mtu, (enum routers)routers);
            run(&w);
            expect(&w, DPLPMTUD_SEARCH_COMPLETE, found(&w));
        }
}

static void routers_that_tell_make_it_four_probes(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1337, TELL);
    const uint32_t sizes[] = {1200, 1500, 1337, 1338};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(probe(&w), sizes[i]);
        pass(&w);
    }
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1337);
}

static void well_known_sizes_take_few_probes_in_a_black_hole(void **state)
{
    (void)state;
    static const uint32_t known[] = {1280, 1400, 1420, 1450, 1472, 1476, 1480, 1492};
    struct way w;
    for (unsigned i = 0; i < 8; i++) {
        begin(&w, 1500, known[i], SILENT);
        run(&w);
        expect(&w, DPLPMTUD_SEARCH_COMPLETE, known[i]);
        assert_true(w.m.counters.failed <= 6 && w.m.counters.confirmed <= 12);
    }
}

static void steps_leave_out_what_is_not_worth_a_probe(void **state)
{
    (void)state;
    struct way w;
    struct dplpmtud_settings s = settings(true, 1500);
    s.step = 32;
    for (uint32_t mtu = 1200; mtu <= 1500; mtu++) {
        begin_with(&w, &s, mtu, SILENT);
        run(&w);
        assert_int_equal(dplpmtud_state(&w.m), DPLPMTUD_SEARCH_COMPLETE);
        assert_true(dplpmtud_size(&w.m) <= mtu && mtu - dplpmtud_size(&w.m) < 32);
    }
}

static void a_search_in_a_black_hole_asks_three_times_for_a_size(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1300, SILENT);
    assert_int_equal(probe(&w), 1200);
    answer(&w);
    int64_t began = w.now;
    lose_size(&w, 1500);
    assert_true(w.now - began >= 3 * w.m.settings.probe_ns);
    assert_int_equal(probe(&w), 1200); /* is it the size, or is nobody there? */
    answer(&w);
    expect(&w, DPLPMTUD_SEARCHING, 1200);
    assert_true(probe(&w) < 1500);
    assert_int_equal(w.m.counters.failed, 1);
    assert_int_equal(w.m.counters.lost, 3);
}

static void lost_probes_are_no_sign_of_size(void **state)
{
    (void)state;
    struct way w;
    unsigned right = 0;
    for (uint32_t mtu = 1200; mtu <= 1500; mtu++) {
        begin(&w, 1500, mtu, TELL);
        w.m.settings.max_probes = 6;
        w.loss_percent = 20;
        random_seed(&w.random, mtu + 1000);
        run(&w);
        right += dplpmtud_size(&w.m) == mtu;
        assert_true(dplpmtud_size(&w.m) <= mtu);
    }
    assert_true(right >= 299); /* six in a row are lost once in 15,000 */
}

static void a_link_that_refuses_a_probe_ends_its_size_at_once(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, SILENT);
    (void)probe(&w);
    answer(&w);
    assert_int_equal(probe(&w), 1500);
    dplpmtud_refused(&w.m, w.id, w.now);
    check(&w);
    assert_true(probe(&w) < 1500 && w.size > 1200);
    dplpmtud_refused(&w.m, w.id - 1, w.now); /* not of this size */
    assert_true(w.m.in_flight);
    assert_int_equal(w.m.counters.failed, 1);
}

/* ---- answers ---- */

static void a_late_answer_to_an_earlier_probe_of_the_size_counts(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, SILENT);
    (void)probe(&w);
    answer(&w);
    (void)probe(&w);
    uint32_t first = w.id;
    assert_int_equal(probe(&w), 1500);
    assert_true(dplpmtud_answered(&w.m, first, w.now + 1));
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
    assert_true(w.m.rtt_ns == RTT_NS); /* it measures nothing */
}

static void duplicates_and_strangers_change_nothing(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, SILENT);
    (void)probe(&w);
    answer(&w);
    uint32_t old = w.id;
    assert_false(dplpmtud_answered(&w.m, old, w.now));
    assert_int_equal(probe(&w), 1500);
    const struct dplpmtud before = w.m;
    assert_false(dplpmtud_answered(&w.m, old, w.now));
    assert_false(dplpmtud_answered(&w.m, w.id + 1, w.now));
    assert_false(dplpmtud_answered(&w.m, w.id - 1000, w.now));
    assert_int_equal(w.m.counters.answers_ignored, 4);
    w.m.counters = before.counters;
    assert_memory_equal(&w.m, &before, sizeof before);
    assert_true(dplpmtud_answered(&w.m, w.id, w.now));
}

static void ids_are_never_used_twice(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1234, SILENT);
    for (uint32_t expected = FIRST_ID; !dplpmtud_at_rest(&w.m);) {
        if ((w.size = dplpmtud_probe(&w.m, w.now, &w.id)) != 0) {
            assert_int_equal(w.id, expected);
            expected++;
            pass(&w);
        } else {
            w.now = dplpmtud_deadline(&w.m);
        }
    }
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1234);
}

static void two_probes_are_a_round_trip_apart(void **state)
{
    (void)state;
    struct way w;
    int64_t last = 0;
    begin(&w, 9000, 1234, TELL);
    for (unsigned i = 0; !dplpmtud_at_rest(&w.m); i++) {
        (void)probe(&w);
        assert_true(i == 0 || w.now - last >= RTT_NS);
        last = w.now;
        pass(&w); /* a router tells after less than a round trip */
    }
    assert_true(w.m.rtt_ns == RTT_NS);
}

/* ---- routers ---- */

static void a_router_never_changes_the_size_by_itself(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1400, TELL);
    (void)probe(&w);
    answer(&w);
    assert_int_equal(probe(&w), 1500);
    assert_true(dplpmtud_probe_too_big(&w.m, w.id, 1400, w.now));
    expect(&w, DPLPMTUD_SEARCHING, 1200); /* 1400 is asked for first */
    assert_int_equal(probe(&w), 1400);
    answer(&w);
    expect(&w, DPLPMTUD_SEARCHING, 1400);
}

static void what_does_not_fit_the_probe_in_flight_is_ignored(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1400, TELL);
    (void)probe(&w);
    uint32_t old = w.id;
    answer(&w);
    assert_int_equal(probe(&w), 1500);
    const struct dplpmtud before = w.m;
    assert_false(dplpmtud_probe_too_big(&w.m, old, 1000, w.now));      /* another probe */
    assert_false(dplpmtud_probe_too_big(&w.m, w.id + 1, 1400, w.now)); /* none yet */
    assert_false(dplpmtud_probe_too_big(&w.m, w.id, 1500, w.now));     /* it would have fitted */
    assert_false(dplpmtud_probe_too_big(&w.m, w.id, 9000, w.now));     /* larger than was asked for */
    assert_false(dplpmtud_probe_too_big(&w.m, w.id, 67, w.now));       /* less than any link takes */
    assert_false(dplpmtud_probe_too_big(&w.m, w.id, 0, w.now));
    assert_false(dplpmtud_packet_too_big(&w.m, 1200, w.now)); /* packets are no larger */
    assert_false(dplpmtud_packet_too_big(&w.m, 1400, w.now));
    assert_int_equal(w.m.counters.hints_ignored, 8);
    assert_int_equal(w.m.counters.hints, 0);
    w.m.counters = before.counters;
    assert_memory_equal(&w.m, &before, sizeof before);
}

static void over_ipv6_nothing_below_1280_is_heard(void **state)
{
    (void)state;
    struct way w;
    const struct dplpmtud_settings s = settings(false, 1500);
    begin_with(&w, &s, 1500, SILENT);
    (void)probe(&w);
    answer(&w);
    (void)probe(&w);
    assert_false(dplpmtud_probe_too_big(&w.m, w.id, 1279, w.now));
    assert_true(dplpmtud_probe_too_big(&w.m, w.id, 1280, w.now)); /* it is what was confirmed */
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1280);
}

static void a_packet_that_became_too_big_begins_at_base(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, TELL);
    run(&w);
    w.mtu = 1300;
    assert_true(dplpmtud_packet_too_big(&w.m, 1300, w.now));
    expect(&w, DPLPMTUD_BASE, 1200);
    assert_int_equal(w.m.counters.black_holes, 1);
    const uint32_t sizes[] = {1200, 1300, 1301};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(probe(&w), sizes[i]);
        pass(&w);
    }
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1300);
}

static void below_base_only_after_base_was_asked_for(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, TELL);
    run(&w);
    assert_true(dplpmtud_packet_too_big(&w.m, 600, w.now));
    assert_true(dplpmtud_packet_too_big(&w.m, 500, w.now)); /* however often */
    expect(&w, DPLPMTUD_BASE, 1200);
    run(&w); /* a forged message: the path takes 1500 as before, and more than was told */
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
    w.mtu = 600;
    assert_true(w.m.routers_wrong);
    dplpmtud_black_hole(&w.m, w.now);
    expect(&w, DPLPMTUD_BASE, 1200);
    (void)probe(&w);
    pass(&w);
    expect(&w, DPLPMTUD_ERROR, 68);
    run(&w);
    expect(&w, DPLPMTUD_ERROR, 600);
}

static void a_router_that_was_wrong_is_not_heard_again_in_this_search(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, SILENT);
    (void)probe(&w);
    answer(&w);
    (void)probe(&w);
    assert_true(dplpmtud_probe_too_big(&w.m, w.id, 1300, w.now));
    assert_int_equal(probe(&w), 1300);
    answer(&w);
    assert_int_equal(probe(&w), 1301);
    answer(&w);
    assert_int_equal(probe(&w), 1500);
    assert_false(dplpmtud_probe_too_big(&w.m, w.id, 1300, w.now));
    answer(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
    w.now += w.m.settings.raise_ns;
    w.m.settings.confirm_ns = 0;
    assert_true(w.m.routers_wrong);
}

/* ---- black holes, and up again ---- */

static void the_present_size_is_confirmed_and_a_black_hole_found_without_icmp(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1500, SILENT);
    run(&w);
    int64_t done = w.now;
    assert_int_equal(probe(&w), 1500);
    assert_true(w.now - done == w.m.settings.confirm_ns);
    answer(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
    w.mtu = 1280;
    lose_size(&w, 1500);
    assert_int_equal(probe(&w), 1200);
    expect(&w, DPLPMTUD_BASE, 1200);
    assert_int_equal(w.m.counters.black_holes, 1);
    answer(&w);
    run(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1280);
}

static void who_hears_of_lost_packets_itself_is_not_asked_to_confirm(void **state)
{
    (void)state;
    struct way w;
    struct dplpmtud_settings s = settings(true, 1500);
    s.confirm_ns = 0;
    begin_with(&w, &s, 1300, SILENT);
    run(&w);
    int64_t done = w.now;
    assert_true(dplpmtud_deadline(&w.m) == done + s.raise_ns);
    assert_int_equal(probe(&w), 1500); /* the way up, no sooner */
    assert_true(w.now == done + s.raise_ns);
    dplpmtud_black_hole(&w.m, w.now);
    expect(&w, DPLPMTUD_BASE, 1200);
}

static void a_path_that_became_larger_is_found_after_ten_minutes(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1300, TELL);
    run(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1300);
    int64_t done = w.now;
    w.mtu = 1500;
    do {
        assert_true(probe(&w) == 1300 || w.now - done >= 600 * NS_PER_S);
        pass(&w);
    } while (w.now - done < 600 * NS_PER_S);
    run(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
}

static void a_path_that_takes_base_again_leaves_the_error(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 700, SILENT);
    run(&w);
    expect(&w, DPLPMTUD_ERROR, 700);
    w.mtu = 1500;
    w.now += 600 * NS_PER_S;
    assert_int_equal(probe(&w), 1200);
    answer(&w);
    expect(&w, DPLPMTUD_SEARCHING, 1200);
    run(&w);
    expect(&w, DPLPMTUD_SEARCH_COMPLETE, 1500);
}

static void a_path_on_which_nothing_arrives_disables(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 0, SILENT);
    run(&w);
    expect(&w, DPLPMTUD_DISABLED, 1200);
    assert_int_equal(w.m.counters.probes, 6); /* base and min */
    const struct dplpmtud_settings s = settings(false, 1500);
    begin_with(&w, &s, 0, SILENT);
    run(&w);
    expect(&w, DPLPMTUD_DISABLED, 1280);
    assert_int_equal(w.m.counters.probes, 3);
    dplpmtud_connected(&w.m, w.now);
    expect(&w, DPLPMTUD_BASE, 1280);
}

static void a_peer_that_goes_away_is_no_matter_of_size(void **state)
{
    (void)state;
    struct way w;
    begin(&w, 1500, 1400, SILENT);
    (void)probe(&w);
    answer(&w);
    w.mtu = 0;
    run(&w);
    expect(&w, DPLPMTUD_DISABLED, 1200);
    assert_int_equal(w.m.counters.black_holes, 1);
}

/* ---- anything at all ---- */

static void event(struct way *w)
{
    uint32_t id = w->id - random_u32(&w->random) % 4;
    switch (random_u32(&w->random) % 12) {
    case 0:
        dplpmtud_connected(&w->m, w->now);
        break;
    case 1:
        if (random_u32(&w->random) % 50 == 0)
            dplpmtud_disconnected(&w->m);
        break;
    case 2:
        (void)dplpmtud_probe_too_big(&w->m, id, random_u32(&w->random) % 1600, w->now);
        break;
    case 3:
        (void)dplpmtud_packet_too_big(&w->m, random_u32(&w->random) % 1600, w->now);
        break;
    case 4:
        dplpmtud_black_hole(&w->m, w->now);
        break;
    case 5:
        dplpmtud_refused(&w->m, id, w->now);
        break;
    case 6:
        w->now = max_i64(w->now, min_i64(dplpmtud_deadline(&w->m), w->now + 1000 * NS_PER_S));
        break;
    case 7:
    case 8:
        (void)dplpmtud_answered(&w->m, id, w->now);
        break;
    default:
        w->now += random_u32(&w->random) % NS_PER_S;
        if ((w->size = dplpmtud_probe(&w->m, w->now, &w->id)) != 0)
            assert_true(w->size >= w->m.settings.min && w->size <= w->m.settings.max);
    }
    check(w);
}

/* Whatever happened, afterwards a path is found to the byte. */
static void any_order_of_events_keeps_the_invariants(void **state)
{
    (void)state;
    struct way w;
    for (unsigned round = 0; round < 300; round++) {
        const struct dplpmtud_settings s = settings(round % 2 == 0, 1500);
        begin_with(&w, &s, 1280 + round % 221, SILENT);
        random_seed(&w.random, round);
        for (unsigned i = 0; i < 1000; i++)
            event(&w);
        w.now += 700 * NS_PER_S;
        dplpmtud_disconnected(&w.m);
        dplpmtud_connected(&w.m, w.now);
        run(&w);
        expect(&w, DPLPMTUD_SEARCH_COMPLETE, w.mtu);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_rfc),
        cmocka_unit_test(settings_that_cannot_be_are_refused),
        cmocka_unit_test(a_probe_is_waited_for_no_less_than_a_second),
        cmocka_unit_test(nothing_is_asked_before_the_other_end_is_there),
        cmocka_unit_test(base_is_confirmed_and_then_the_largest),
        cmocka_unit_test(a_link_no_larger_than_base_is_done_with_one_probe),
        cmocka_unit_test(what_the_user_may_send_is_less_by_its_headers),
        cmocka_unit_test(packets_are_no_larger_than_what_was_confirmed),
        cmocka_unit_test(every_size_is_found_to_the_byte_whoever_tells_it),
        cmocka_unit_test(every_size_is_found_over_ipv6),
        cmocka_unit_test(routers_that_tell_make_it_four_probes),
        cmocka_unit_test(well_known_sizes_take_few_probes_in_a_black_hole),
        cmocka_unit_test(steps_leave_out_what_is_not_worth_a_probe),
        cmocka_unit_test(a_search_in_a_black_hole_asks_three_times_for_a_size),
        cmocka_unit_test(lost_probes_are_no_sign_of_size),
        cmocka_unit_test(a_link_that_refuses_a_probe_ends_its_size_at_once),
        cmocka_unit_test(a_late_answer_to_an_earlier_probe_of_the_size_counts),
        cmocka_unit_test(duplicates_and_strangers_change_nothing),
        cmocka_unit_test(ids_are_never_used_twice),
        cmocka_unit_test(two_probes_are_a_round_trip_apart),
        cmocka_unit_test(a_router_never_changes_the_size_by_itself),
        cmocka_unit_test(what_does_not_fit_the_probe_in_flight_is_ignored),
        cmocka_unit_test(over_ipv6_nothing_below_1280_is_heard),
        cmocka_unit_test(a_packet_that_became_too_big_begins_at_base),
        cmocka_unit_test(below_base_only_after_base_was_asked_for),
        cmocka_unit_test(a_router_that_was_wrong_is_not_heard_again_in_this_search),
        cmocka_unit_test(the_present_size_is_confirmed_and_a_black_hole_found_without_icmp),
        cmocka_unit_test(who_hears_of_lost_packets_itself_is_not_asked_to_confirm),
        cmocka_unit_test(a_path_that_became_larger_is_found_after_ten_minutes),
        cmocka_unit_test(a_path_that_takes_base_again_leaves_the_error),
        cmocka_unit_test(a_path_on_which_nothing_arrives_disables),
        cmocka_unit_test(a_peer_that_goes_away_is_no_matter_of_size),
        cmocka_unit_test(any_order_of_events_keeps_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
