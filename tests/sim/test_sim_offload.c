/* SPDX-License-Identifier: MIT */
/*
 * Offload changes how bytes travel between TCP and its card, and nothing else: every combination of large sends (TSO),
 * out of TCP's memory or its user's, and merged receiving (GRO) at both ends, over networks good and bad, delivers the
 * same two streams, byte for byte (the pattern is verified on arrival) and by digest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim.h"

#define PERCENT 10000000u /* parts per billion */
#define COMBINATIONS 32u  /* bits 0, 1: TSO at side 0, 1; bits 2, 3: GRO; bit 4: their users lend what TSO sends */

static void make_cell(struct sim_cell *c, uint64_t seed, unsigned combination)
{
    sim_cell_default(c);
    c->seed = seed;
    c->bytes[0] = (3u << 20) + 1;
    c->bytes[1] = (1u << 20) + 777;
    c->impair.delay_ns = NS_PER_MS;
    for (unsigned i = 0; i < 2; i++) {
        c->gso_max[i] = combination & (1u << i) ? 65535 : 0;
        c->merge[i] = (combination & (4u << i)) != 0;
        c->lends[i] = (combination & 16u) != 0;
    }
}

static void run_cell(const struct sim_cell *c, struct sim_result *r)
{
    char text[300];
    sim_run(c, r);
    if (!r->failure)
        return;
    sim_cell_print(c, text, sizeof text);
    fail_msg("%s: %s", r->failure, text);
}

static void expect_same_streams(const struct sim_result *a, const struct sim_result *b)
{
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(a->received[i], b->received[i]);
        assert_true(a->stream[i] == b->stream[i]);
    }
}

static void on_a_clean_network_the_wire_carries_the_same_segments(void **state)
{
    struct sim_result plain, r;
    struct sim_cell c;
    (void)state;
    make_cell(&c, 1, 0);
    run_cell(&c, &plain);
    for (unsigned k = 0; k < COMBINATIONS; k++) {
        make_cell(&c, 1, k);
        run_cell(&c, &r);
        expect_same_streams(&r, &plain);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(r.tcp[i].bytes_sent, c.bytes[i]);
            assert_int_equal(r.tcp[i].retransmitted_segments, 0);
            assert_int_equal(r.tcp[i].segments_sent, r.tcp[1 - i].segments_received);
            if (c.gso_max[i]) /* a segment was one frame, and now some dozen are */
                assert_in_range(r.large_frames[i], 1, c.bytes[i] / 1448 / 4);
            else
                assert_int_equal(r.large_frames[i], 0);
            if (c.gso_max[i] && c.lends[i]) /* most */
                assert_true(r.lent_frames[i] > r.large_frames[i] / 2);
            else
                assert_int_equal(r.lent_frames[i], 0);
            if (c.merge[i]) /* some dozen segments came as one packet */
                assert_true(r.tcp[i].fast_path < plain.tcp[i].fast_path / 4);
        }
    }
}

static void harm_lightly(struct impair_settings *m) { m->loss_ppb = PERCENT / 10; }
static void harm_badly(struct impair_settings *m)
{
    m->loss_ppb = 5 * PERCENT;
    m->duplicate_ppb = 5 * PERCENT;
    m->corrupt_ppb = PERCENT;
}
static void harm_order(struct impair_settings *m)
{
    m->reorder_ppb = 30 * PERCENT;
    m->jitter_ns = m->delay_ns / 2;
}
static void harm_in_bursts(struct impair_settings *m)
{
    m->burst_enter_ppb = PERCENT / 2;
    m->burst_leave_ppb = 30 * PERCENT;
    m->burst_loss_ppb = 80 * PERCENT;
}
static void harm_by_a_short_queue(struct impair_settings *m)
{
    m->bits_per_second = 200000000;
    m->queue_frames = 150;
}

static void on_bad_networks_the_same_bytes_arrive(void **state)
{
    static void (*const harms[])(struct impair_settings *) = {harm_lightly, harm_badly, harm_order, harm_in_bursts,
                                                              harm_by_a_short_queue};
    uint64_t large = 0, lost = 0;
    unsigned cells = 0;
    (void)state;
    for (unsigned h = 0; h < ARRAY_SIZE(harms); h++) {
        struct sim_result first, r;
        for (unsigned k = 0; k < COMBINATIONS; k++, cells++) {
            struct sim_cell c;
            make_cell(&c, 7, k); /* the pattern is a function of the seed */
            harms[h](&c.impair);
            c.profile.sack = (k + h) % 3 != 0;
            c.profile.timestamps = (k + h) % 2 != 0;
            run_cell(&c, &r);
            if (k == 0)
                first = r;
            expect_same_streams(&r, &first);
            large += r.large_frames[0] + r.large_frames[1];
            lost += r.tcp[0].retransmitted_segments + r.tcp[1].retransmitted_segments;
        }
    }
    print_message("%u cells, %llu large frames, %llu retransmitted segments\n", cells, (unsigned long long)large,
                  (unsigned long long)lost);
    assert_true(large > 0 && lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_clean_network_the_wire_carries_the_same_segments),
        cmocka_unit_test(on_bad_networks_the_same_bytes_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
