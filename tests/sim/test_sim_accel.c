/* SPDX-License-Identifier: MIT */
/*
 * Two stacks that know nothing of the near box between them, over a network that loses, reorders, repeats and corrupts
 * on all four ways: every byte arrives as it was sent, both ends end, and nothing is left. The box knows the server,
 * does not, or is mistaken about it. Cells as in test_sim_grid.c: WEIR_SIM_SEED, WEIR_SIM_CELLS (600), WEIR_SIM_FIRST.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "sim.h"

#define PERCENT 10000000u /* parts per billion */
#define PICK(r, array) ((array)[random_below((r), ARRAY_SIZE(array))])

static const uint32_t losses[] = {0, PERCENT / 10, PERCENT, 5 * PERCENT, 15 * PERCENT};
static const uint32_t reorders[] = {0, 0, PERCENT, 10 * PERCENT};
static const uint32_t corruptions[] = {0, 0, PERCENT / 10};
static const int64_t round_trips_ms[] = {0, 10, 100, 200};

static void cell_from_seed(uint64_t seed, struct sim_cell *c)
{
    struct random r;
    random_seed(&r, seed ^ UINT64_C(0xacce1));
    sim_cell_default(c);
    c->seed = seed;
    c->accel = (enum sim_accel)(SIM_ACCEL + seed % 3);
    c->impair.loss_ppb = PICK(&r, losses);
    c->impair.reorder_ppb = PICK(&r, reorders);
    c->impair.duplicate_ppb = PICK(&r, reorders);
    c->impair.corrupt_ppb = PICK(&r, corruptions);
    c->impair.delay_ns = PICK(&r, round_trips_ms) * NS_PER_MS / 4;
    c->profile.congestion = random_below(&r, 2) ? TCP_CUBIC : TCP_NEWRENO;
    c->profile.sack = random_below(&r, 3) != 0;
    c->profile.timestamps = random_below(&r, 3) != 0;
    c->profile.window_scaling = random_below(&r, 3) != 0;
    c->profile.nagle = random_below(&r, 2);
    c->profile.ecn = (enum tcp_ecn)random_below(&r, TCP_ECN_COUNT);
    c->mtu = random_below(&r, 4) == 0 ? 576 : 1500;
    c->reset_at_end = random_below(&r, 8) == 0;
    static const uint64_t sizes[] = {0, 1, 100, 5000, 60000, 70000, 1 << 20};
    for (unsigned i = 0; i < 2; i++) {
        c->bytes[i] = PICK(&r, sizes);
        c->gso_max[i] = random_below(&r, 2) ? 8000 + (uint32_t)random_below(&r, 57536) : 0;
        c->merge[i] = random_below(&r, 2);
    }
}

static bool cell_passes(uint64_t seed, struct sim_result *result)
{
    struct sim_cell cell;
    cell_from_seed(seed, &cell);
    return sim_cell_passes(&cell, result);
}

static void every_byte_passes_the_box_in_every_cell(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 600), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, early = 0, again = 0, translated = 0;
    struct sim_result r;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        failed += !cell_passes(seed, &r);
        frames += r.frames;
        early += r.accel.early_bytes;
        again += r.accel.early_bytes_sent_again;
        translated += r.accel.flows_translated;
    }
    print_message(
        "%llu cells, %llu frames, %llu flows translated, %llu early bytes, %llu of them sent again, %llu failed\n",
        (unsigned long long)(last - first + 1), (unsigned long long)frames, (unsigned long long)translated,
        (unsigned long long)early, (unsigned long long)again, (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

static void every_byte_passes_a_pair_in_every_cell(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 600), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, ahead = 0, held = 0, found = 0, lost = 0;
    struct sim_result r;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct sim_cell c;
        cell_from_seed(seed, &c);
        c.pair = (enum sim_pair)(SIM_PAIR + seed / 3 % 3);
        c.syn_twice = seed / 9 % 2;
        if (c.syn_twice) /* where all is over in no time, a late SYN finds initial sequence numbers where they were */
            c.impair.delay_ns = max_i64(c.impair.delay_ns, NS_PER_MS);
        c.impair.loss_ppb /= 3; /* on three ways each */
        if (c.pair != SIM_PAIR && c.accel == SIM_ACCEL)
            c.accel = SIM_ACCEL_KNOWS;
        failed += !sim_cell_passes(&c, &r);
        frames += r.frames;
        ahead += r.accel.sent_ahead;
        found += r.accel.far_box_found;
        lost += r.accel.far_box_lost;
        held += r.far.far_held;
    }
    print_message("%llu cells, %llu frames, %llu far boxes found, %llu lost, %llu flows ahead, %llu segments waited at "
                  "the far box, %llu failed\n",
                  (unsigned long long)(last - first + 1), (unsigned long long)frames, (unsigned long long)found,
                  (unsigned long long)lost, (unsigned long long)ahead, (unsigned long long)held,
                  (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

/*
 * The same, with SYNs that are answered without state, or only later with it. A cookie comes back in the client's first
 * segment alone: where that may be lost, the client has one that it sends again.
 */
static void every_byte_passes_behind_cookies_in_every_cell(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 600), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, sent = 0, returned = 0, early = 0;
    struct sim_result r;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct sim_cell c;
        cell_from_seed(seed, &c);
        c.cookies = seed % 2 ? SIM_COOKIES : SIM_COOKIES_AT_FIRST;
        if (seed / 2 % 2) {
            c.bytes[0] = 1 + seed % 400;
            c.reset_at_end = false;
            c.impair.duplicate_ppb = 0; /* a SYN-ACK again is answered from behind that segment */
        } else {
            c.impair.loss_ppb = c.impair.reorder_ppb = c.impair.corrupt_ppb = 0;
        }
        if (seed / 4 % 3 == 0) {
            c.pair = SIM_PAIR;
            c.impair.loss_ppb /= 3;
        }
        failed += !sim_cell_passes(&c, &r);
        frames += r.frames;
        sent += r.accel.cookies_sent;
        returned += r.accel.cookies_returned;
        early += r.accel.early_bytes;
    }
    print_message("%llu cells, %llu frames, %llu cookies sent, %llu came back, %llu early bytes, %llu failed\n",
                  (unsigned long long)(last - first + 1), (unsigned long long)frames, (unsigned long long)sent,
                  (unsigned long long)returned, (unsigned long long)early, (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

static void every_byte_passes_with_fast_open_in_every_cell(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 600), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, asked = 0, learnt = 0, sent = 0, accepted = 0, refused = 0, lost = 0;
    struct sim_result r;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct sim_cell c;
        cell_from_seed(seed, &c);
        c.fast_open = (enum sim_fast_open)(SIM_FAST_OPEN + seed / 3 % 6);
        c.v6 = c.mtu >= 1280 && seed / 18 % 2;
        c.pair = seed / 72 % 2 ? SIM_PAIR : SIM_NO_PAIR; /* which comes first, if the box looks for it */
        c.impair.loss_ppb /= c.pair ? 3 : 1;
        c.near = seed / 36 % 2; /* otherwise most clients' data comes too late for the SYN */
        failed += !sim_cell_passes(&c, &r);
        frames += r.frames;
        asked += r.accel.fast_open_asked;
        learnt += r.accel.fast_open_learnt;
        sent += r.accel.fast_open_sent;
        accepted += r.accel.fast_open_accepted;
        refused += r.accel.fast_open_refused;
        lost += r.accel.fast_open_lost;
    }
    print_message(
        "%llu cells, %llu frames, cookies asked for %llu, learnt %llu; SYNs with data %llu, accepted %llu, refused "
        "%llu, lost %llu; %llu failed\n",
        (unsigned long long)(last - first + 1), (unsigned long long)frames, (unsigned long long)asked,
        (unsigned long long)learnt, (unsigned long long)sent, (unsigned long long)accepted, (unsigned long long)refused,
        (unsigned long long)lost, (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

/*
 * Established flows past the box, but for what comes to it all the same;
 * alone and of a pair.
 */
static void every_byte_passes_with_a_shortcut_in_every_cell(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 600), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, flows = 0, segments = 0, answered = 0;
    struct sim_result r;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct sim_cell c;
        cell_from_seed(seed, &c);
        c.shortcut = true;
        c.accel = seed % 4 ? SIM_ACCEL_KNOWS : c.accel; /* ends that were told other options stay */
        c.bytes[seed % 2] = 100000 + seed * 1000;
        c.gso_max[0] = c.gso_max[1] = 0; /* as before a veth with a program on it */
        c.v6 = c.mtu >= 1280 && seed / 3 % 2;
        c.pair = seed / 6 % 4 == 0 ? SIM_PAIR : SIM_NO_PAIR;
        c.impair.loss_ppb /= c.pair ? 3 : 1;
        if (c.pair && c.accel == SIM_ACCEL)
            c.accel = SIM_ACCEL_KNOWS;
        failed += !sim_cell_passes(&c, &r);
        frames += r.frames;
        flows += r.accel.shortcut_flows;
        segments += r.accel.shortcut_segments;
        answered += r.accel.shortcut_answered;
        assert_int_equal(r.accel.shortcut_withdrawn + r.accel.drop_pending, 0);
    }
    print_message("%llu cells, %llu frames; published %llu times, %llu segments took the shortcut, which answered %llu "
                  "SYNs; %llu failed\n",
                  (unsigned long long)(last - first + 1), (unsigned long long)frames, (unsigned long long)flows,
                  (unsigned long long)segments, (unsigned long long)answered, (unsigned long long)failed);
    assert_int_equal(failed, 0);
    assert_true(only || (segments > 0 && answered > 0));
}

/*
 * Boxes that are killed again and again under a transfer: once its early data is delivered it arrives as it was sent; before
 * that both ends are reset, where the reset is not lost.
 */
static void every_byte_passes_boxes_that_are_killed(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 600), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, kills = 0, kept = 0, reset = 0;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct sim_cell c;
        struct sim_result r;
        cell_from_seed(seed, &c);
        c.kill_every_ns = (int64_t)(1 + seed % 7) * (NS_PER_MS + c.impair.delay_ns * 2);
        c.shortcut = seed / 2 % 2;
        c.pair = seed / 3 % 2 ? SIM_PAIR : SIM_NO_PAIR;
        c.impair.loss_ppb /= 3;
        sim_run(&c, &r);
        frames += r.frames;
        kills += r.kills;
        kept += r.kept;
        reset += r.restarts_reset != 0;
        if (r.failure && r.restarts_reset == 0)
            failed += !sim_cell_passes(&c, &r);
    }
    print_message("%llu cells, %llu frames, %llu kills, %llu times a flow was kept, %llu cells whose ends were reset, "
                  "%llu failed\n",
                  (unsigned long long)(last - first + 1), (unsigned long long)frames, (unsigned long long)kills,
                  (unsigned long long)kept, (unsigned long long)reset, (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

/* A clean path with the boxes beside their ends. */
static struct sim_cell one_request(enum sim_accel accel, enum sim_pair pair, int64_t round_trip)
{
    struct sim_cell c;
    sim_cell_default(&c);
    c.seed = 1;
    c.near = true;
    c.accel = accel;
    c.pair = pair;
    c.bytes[0] = 500;
    c.bytes[1] = 5000;
    c.impair.delay_ns = round_trip / 2;
    return c;
}

/* When the server has the client's first byte. */
static int64_t request_arrives(enum sim_accel accel, enum sim_pair pair, enum sim_fast_open fast_open,
                               int64_t round_trip)
{
    struct sim_cell c = one_request(accel, pair, round_trip);
    struct sim_result r;
    c.fast_open = fast_open;
    assert_true(sim_cell_passes(&c, &r));
    assert_int_equal(r.tcp[0].retransmitted_segments, 0);
    assert_int_equal(r.accel.early_bytes_sent_again, 0);
    if (pair == SIM_PAIR_KNOWN || fast_open == SIM_FAST_OPEN_KNOWN)
        /* the server measures its own handshake, and sends a loss probe: far.c, fast_open_server.h */
        assert_true(r.tcp[1].retransmitted_segments <= 1);
    else
        assert_int_equal(r.tcp[1].retransmitted_segments, 0);
    return r.first_byte_ns[1];
}

static void a_pair_saves_the_request_a_round_trip(void **state)
{
    static const int64_t round_trips[] = {50 * NS_PER_MS, 100 * NS_PER_MS, 200 * NS_PER_MS};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(round_trips); i++) {
        const int64_t rtt = round_trips[i];
        const int64_t near = request_arrives(SIM_ACCEL_KNOWS, SIM_NO_PAIR, SIM_NO_FAST_OPEN, rtt);
        const int64_t first = request_arrives(SIM_ACCEL_KNOWS, SIM_PAIR, SIM_NO_FAST_OPEN, rtt);
        const int64_t known = request_arrives(SIM_ACCEL_KNOWS, SIM_PAIR_KNOWN, SIM_NO_FAST_OPEN, rtt);
        print_message("RTT %lld ms: near %.3f ms, pair %.3f ms the first time, then %.3f ms\n",
                      (long long)(rtt / NS_PER_MS), (double)near / 1e6, (double)first / 1e6, (double)known / 1e6);
        assert_true(near >= rtt * 3 / 2 && near < rtt * 3 / 2 + 2 * NS_PER_MS);
        assert_true(first >= rtt * 3 / 2 && first < rtt * 3 / 2 + 2 * NS_PER_MS);
        assert_true(known >= rtt / 2 && known < rtt / 2 + 2 * NS_PER_MS);
    }
}

static void a_server_that_gets_the_syn_twice_sends_no_loss_probe(void **state)
{
    (void)state;
    const int64_t rtt = 100 * NS_PER_MS;
    struct sim_cell c = one_request(SIM_ACCEL_KNOWS, SIM_PAIR_KNOWN, rtt);
    struct sim_result once, twice;
    assert_true(sim_cell_passes(&c, &once));
    c.syn_twice = true;
    assert_true(sim_cell_passes(&c, &twice));
    print_message("once: %llu probes, %llu again; twice: %llu, %llu\n", (unsigned long long)once.tcp[1].tlp_probes,
                  (unsigned long long)once.tcp[1].retransmitted_segments, (unsigned long long)twice.tcp[1].tlp_probes,
                  (unsigned long long)twice.tcp[1].retransmitted_segments);
    assert_int_equal(twice.far.far_syn_twice, 1);
    assert_int_equal(twice.tcp[1].tlp_probes, 0);
    assert_int_equal(twice.first_byte_ns[1], once.first_byte_ns[1]);
}

static void fast_open_saves_the_request_a_round_trip(void **state)
{
    static const int64_t round_trips[] = {50 * NS_PER_MS, 100 * NS_PER_MS, 200 * NS_PER_MS};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(round_trips); i++) {
        const int64_t rtt = round_trips[i];
        const int64_t near = request_arrives(SIM_ACCEL_KNOWS, SIM_NO_PAIR, SIM_NO_FAST_OPEN, rtt);
        const int64_t asks = request_arrives(SIM_ACCEL_KNOWS, SIM_NO_PAIR, SIM_FAST_OPEN, rtt);
        const int64_t known = request_arrives(SIM_ACCEL_KNOWS, SIM_NO_PAIR, SIM_FAST_OPEN_KNOWN, rtt);
        const int64_t stale = request_arrives(SIM_ACCEL_KNOWS, SIM_NO_PAIR, SIM_FAST_OPEN_STALE, rtt);
        print_message(
            "RTT %lld ms: near %.3f ms; with Fast Open %.3f ms the first time, then %.3f ms, refused %.3f ms\n",
            (long long)(rtt / NS_PER_MS), (double)near / 1e6, (double)asks / 1e6, (double)known / 1e6,
            (double)stale / 1e6);
        assert_true(asks >= rtt * 3 / 2 && asks < rtt * 3 / 2 + 2 * NS_PER_MS);
        assert_true(stale >= rtt * 3 / 2 && stale < rtt * 3 / 2 + 2 * NS_PER_MS);
        assert_true(known >= rtt / 2 && known < rtt / 2 + 2 * NS_PER_MS);
    }
}

/* A client whose measurements were of the way to the box would send again what the server has had no time to acknowledge. */
static void nothing_is_sent_again_on_a_clean_path_behind_the_box(void **state)
{
    static const uint64_t sizes[] = {100, 2000, 10000, 60000, 1 << 20};
    unsigned cells = 0;
    uint64_t by_shortcut = 0;
    (void)state;
    const unsigned n = ARRAY_SIZE(round_trips_ms) * ARRAY_SIZE(sizes) * 2 * 8;
    for (unsigned i = 0; i < 3 * n; i++) {
        struct sim_cell c;
        struct sim_result r;
        sim_cell_default(&c);
        c.seed = i + 1;
        c.near = true;
        c.accel = i % 2 ? SIM_ACCEL : SIM_ACCEL_KNOWS;
        c.fast_open = i / n == 1 ? SIM_FAST_OPEN_KNOWN : SIM_NO_FAST_OPEN;
        c.shortcut = i / n == 2;
        c.profile.sack = c.profile.timestamps = i / 2 % 2;
        c.profile.congestion = i / 4 % 2 ? TCP_CUBIC : TCP_NEWRENO;
        c.frames = 8192;
        c.bytes[i / 8 % 2] = sizes[i / 16 % ARRAY_SIZE(sizes)];
        c.bytes[1 - i / 8 % 2] = c.shortcut ? c.bytes[i / 8 % 2] : 1; /* one that is half closed has none */
        c.impair.delay_ns = round_trips_ms[i % n / 16 / ARRAY_SIZE(sizes)] * NS_PER_MS / 2;
        assert_true(sim_cell_passes(&c, &r));
        for (unsigned side = 0; side < 2; side++)
            if (r.tcp[side].retransmitted_segments > (side && c.fast_open)) /* a loss probe: fast_open_server.h */
                fail_msg("cell %u, side %u sent %llu segments again", i, side,
                         (unsigned long long)r.tcp[side].retransmitted_segments);
        if (r.accel.early_bytes_sent_again)
            fail_msg("cell %u: the box sent %llu bytes again", i, (unsigned long long)r.accel.early_bytes_sent_again);
        by_shortcut += r.accel.shortcut_segments;
        cells++;
    }
    print_message("%u cells, %llu segments took the shortcut\n", cells, (unsigned long long)by_shortcut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_passes_the_box_in_every_cell),
        cmocka_unit_test(every_byte_passes_a_pair_in_every_cell),
        cmocka_unit_test(every_byte_passes_behind_cookies_in_every_cell),
        cmocka_unit_test(every_byte_passes_boxes_that_are_killed),
        cmocka_unit_test(every_byte_passes_with_fast_open_in_every_cell),
        cmocka_unit_test(every_byte_passes_with_a_shortcut_in_every_cell),
        cmocka_unit_test(a_pair_saves_the_request_a_round_trip),
        cmocka_unit_test(a_server_that_gets_the_syn_twice_sends_no_loss_probe),
        cmocka_unit_test(fast_open_saves_the_request_a_round_trip),
        cmocka_unit_test(nothing_is_sent_again_on_a_clean_path_behind_the_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
