/* SPDX-License-Identifier: MIT */
/*
 * Goodput of one flow through a bottleneck with loss, in virtual time: loss x round-trip time x rate. Prints a table;
 * asserts only laws that hold for any good TCP: without loss the bottleneck is filled, with loss a flow does at least
 * what the Reno response function promises (Mathis et al. 1997: rate = MSS / RTT * sqrt(3/2 / p)), as far as the
 * bottleneck and timeouts let it. WEIR_SIM_GOODPUT=full measures every cell and longer; otherwise only those of 100
 * Mbit/s.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim.h"

#define PPB_PER_PERCENT 10000000u
#define FRAME 1514u
#define LINE_BYTES 1538u /* with preamble, FCS and gap */

static const double losses[] = {0, 0.1, 1, 5, 10}; /* percent, both ways */
static const int round_trips_ms[] = {10, 100};
static const uint64_t rates[] = {100000000, 1000000000};

/* Buffer at the bottleneck: one bandwidth-delay product, at least 64 frames. */
static void make_cell(struct sim_cell *c, double loss, int rtt_ms, uint64_t rate, int64_t duration, uint64_t seed)
{
    uint32_t bdp = (uint32_t)(rate / 8 * (uint64_t)rtt_ms / 1000 / LINE_BYTES);
    sim_cell_default(c);
    c->seed = seed;
    c->impair.loss_ppb = (uint32_t)(loss * PPB_PER_PERCENT);
    c->impair.delay_ns = rtt_ms * NS_PER_MS / 2;
    c->impair.bits_per_second = rate;
    c->impair.queue_frames = bdp / 2 + (bdp > 64 ? bdp : 64);
    c->profile.receive_buffer = 64u << 20;
    c->profile.max_in_flight = 64u << 20;
    c->bytes[0] = rate; /* more than can be sent */
    c->bytes[0] *= 100;
    c->bytes[1] = 0;
    c->frames = 1;
    while (c->frames < 6 * bdp + 4096)
        c->frames *= 2;
    c->stop_after_ns = duration;
}

/* Mbit/s of payload. */
static double goodput(double loss, int rtt_ms, uint64_t rate, int64_t duration, unsigned seeds, struct sim_result *r)
{
    double sum = 0;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        struct sim_cell c;
        make_cell(&c, loss, rtt_ms, rate, duration, seed);
        sim_run(&c, r);
        assert_null(r->failure);
        sum += (double)r->received[1] * 8 / ((double)r->virtual_ns / 1e9) / 1e6;
    }
    return sum / seeds;
}

static double reno(double loss, int rtt_ms, uint64_t rate)
{
    double most = (double)rate / 1e6 * 1448 / LINE_BYTES;
    if (loss == 0)
        return most;
    return fmin(most, 1448 * 8 / (rtt_ms / 1e3) * sqrt(1.5 / (loss / 100)) / 1e6);
}

static void the_bottleneck_is_used_as_far_as_loss_allows(void **state)
{
    const char *mode = getenv("WEIR_SIM_GOODPUT");
    bool full = mode && strcmp(mode, "full") == 0;
    unsigned seeds = full ? 3 : 1, poor = 0;
    (void)state;
    print_message("%8s %6s %6s %10s %10s   last run: %7s %5s %5s %5s %5s %5s\n", "Mbit/s", "RTT", "loss", "goodput",
                  "Reno", "retrans", "RTO", "fast", "TLP", "undo", "delay");
    for (unsigned k = 0; k < (full ? 2 : 1); k++)
        for (unsigned j = 0; j < ARRAY_SIZE(round_trips_ms); j++)
            for (unsigned i = 0; i < ARRAY_SIZE(losses); i++) {
                struct sim_result r;
                int64_t duration = (full ? 20 : 5) * (round_trips_ms[j] / 100 + 1) * NS_PER_S;
                double got = goodput(losses[i], round_trips_ms[j], rates[k], duration, losses[i] > 0 ? seeds : 1, &r);
                double law = reno(losses[i], round_trips_ms[j], rates[k]);
                const struct tcp_counters *n = &r.tcp[0];
                print_message("%8llu %6d %6.1f %10.2f %10.2f   %17llu %5llu %5llu %5llu %5llu %5llu\n",
                              (unsigned long long)rates[k] / 1000000, round_trips_ms[j], losses[i], got, law,
                              (unsigned long long)n->retransmitted_segments, (unsigned long long)n->rto_fired,
                              (unsigned long long)n->fast_retransmits, (unsigned long long)n->tlp_probes,
                              (unsigned long long)(n->spurious_rto + n->spurious_recoveries),
                              (unsigned long long)r.tcp[1].delayed_acks);
                poor += got < law / (losses[i] > 5 ? 10 : 4); /* with such loss timeouts decide */
            }
    assert_int_equal(poor, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bottleneck_is_used_as_far_as_loss_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
