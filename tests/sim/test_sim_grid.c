/* SPDX-License-Identifier: MIT */
/*
 * The grid of THREATS section 2: cells of loss x reordering x duplication x corruption x round-trip time, 1 MiB each
 * way, every byte verified; at least half of the cells lose 5 % or more and reorder. A failure prints its seed and
 * cell; WEIR_SIM_SEED=n runs that one alone, WEIR_SIM_CELLS=n another number of cells (2000), WEIR_SIM_FIRST=n from
 * another first seed (1): a campaign can run in parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "sim.h"

#define PERCENT 10000000u /* parts per billion */

static const uint32_t losses[] = {0,           PERCENT / 10, PERCENT,      2 * PERCENT,
                                  5 * PERCENT, 10 * PERCENT, 20 * PERCENT, 30 * PERCENT};
static const uint32_t reorders[] = {0, PERCENT, 10 * PERCENT, 50 * PERCENT};
static const uint32_t duplicates[] = {0, PERCENT, 10 * PERCENT};
static const uint32_t corruptions[] = {0, PERCENT / 100, PERCENT};
static const int64_t round_trips_ms[] = {0, 1, 10, 100, 600};

#define PICK(r, array) ((array)[random_below((r), ARRAY_SIZE(array))])

/* Everything about a cell follows from its seed. Odd seeds are the hard half. */
static void cell_from_seed(uint64_t seed, struct sim_cell *c)
{
    struct random r;
    random_seed(&r, seed);
    sim_cell_default(c);
    c->seed = seed;
    bool hard = seed % 2 == 1;
    c->impair.loss_ppb = hard ? losses[4 + random_below(&r, 4)] : PICK(&r, losses);
    c->impair.reorder_ppb = hard ? reorders[1 + random_below(&r, 3)] : PICK(&r, reorders);
    c->impair.duplicate_ppb = PICK(&r, duplicates);
    c->impair.corrupt_ppb = PICK(&r, corruptions);
    c->impair.delay_ns = PICK(&r, round_trips_ms) * NS_PER_MS / 2;
    c->impair.jitter_ns = random_below(&r, 4) == 0 ? c->impair.delay_ns / 2 : 0;
    c->impair.jitter_keeps_order = random_below(&r, 2);
    if (random_below(&r, 4) == 0) {
        c->impair.burst_enter_ppb = PERCENT / 2;
        c->impair.burst_leave_ppb = 30 * PERCENT;
        c->impair.burst_loss_ppb = 80 * PERCENT;
    }
    c->profile.congestion = random_below(&r, 2) ? TCP_CUBIC : TCP_NEWRENO;
    c->profile.sack = random_below(&r, 4) != 0;
    c->profile.timestamps = random_below(&r, 4) != 0;
    c->profile.window_scaling = random_below(&r, 4) != 0;
    c->profile.nagle = random_below(&r, 2);
    c->profile.rack = random_below(&r, 4) != 0;
    c->profile.f_rto = random_below(&r, 4) != 0;
    c->mtu = random_below(&r, 4) == 0 ? 576 : 1500;
    c->reset_at_end = random_below(&r, 8) == 0;
    c->profile.pacing = random_below(&r, 4) == 0;
    c->profile.ecn = (enum tcp_ecn)random_below(&r, TCP_ECN_COUNT);
    for (unsigned i = 0; i < 2; i++) {
        c->gso_max[i] = random_below(&r, 2) ? 8000 + (uint32_t)random_below(&r, 57536) : 0;
        c->merge[i] = random_below(&r, 2);
        c->lends[i] = random_below(&r, 2);
    }
}

static bool cell_passes(uint64_t seed, struct sim_result *result)
{
    struct sim_cell cell;
    cell_from_seed(seed, &cell);
    return sim_cell_passes(&cell, result);
}

static void every_byte_arrives_in_every_cell(void **state)
{
    uint64_t cells = sim_setting("WEIR_SIM_CELLS", 2000), only = sim_setting("WEIR_SIM_SEED", 0);
    uint64_t failed = 0, frames = 0, retransmitted = 0;
    struct sim_result r;
    (void)state;
    uint64_t first = only ? only : sim_setting("WEIR_SIM_FIRST", 1), last = only ? only : first + cells - 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        failed += !cell_passes(seed, &r);
        frames += r.frames;
        retransmitted += r.tcp[0].retransmitted_segments + r.tcp[1].retransmitted_segments;
    }
    print_message("%llu cells, %llu frames, %llu retransmitted segments, %llu failed\n",
                  (unsigned long long)(only ? 1 : cells), (unsigned long long)frames, (unsigned long long)retransmitted,
                  (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

static void the_same_seed_gives_the_same_packets(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct sim_result first, second, other;
        assert_true(cell_passes(seed, &first));
        assert_true(cell_passes(seed, &second));
        assert_true(cell_passes(seed + 100, &other));
        assert_true(first.digest == second.digest && first.frames == second.frames &&
                    first.virtual_ns == second.virtual_ns);
        assert_true(first.digest != other.digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_arrives_in_every_cell),
        cmocka_unit_test(the_same_seed_gives_the_same_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
