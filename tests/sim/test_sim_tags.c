/* SPDX-License-Identifier: MIT */
/*
 * TCP both ways between hosts with VLAN tags and MPLS labels, of both families, over good and bad networks, with segments cut
 * and merged by cards and stacks or not: the streams are those of hosts without tags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim.h"
#include "stack/host_text.h"

#define PERCENT 10000000u /* parts per billion */

static const struct {
    const char *vlans, *labels; /* or NULL */
} hosts[] = {
    {"42", NULL},
    {"42/3", NULL},
    {"100,42", NULL},
    {"100@8100,42", NULL},
    {NULL, "1000"},
    {NULL, "100,200,300"},
    {NULL, "16,17,18,1048575"},
    {"42", "1000"},
    {"100,42", "1000"},
    {"100,42", "100,200,300"},
};

/* Both sides cut and merge (TSO, GRO), or neither. */
static void make_cell(struct sim_cell *c, size_t host, bool v6, bool offload)
{
    sim_cell_default(c);
    c->seed = host + 1;
    c->v6 = v6;
    c->bytes[0] = (1u << 20) + 1;
    c->bytes[1] = (1u << 18) + 777;
    c->impair.delay_ns = NS_PER_MS;
    for (unsigned i = 0; i < 2; i++) {
        c->gso_max[i] = offload ? 65535 : 0;
        c->merge[i] = offload;
    }
    if (hosts[host].vlans)
        assert_int_equal(host_vlans_parse(hosts[host].vlans, &c->tags), 0);
    if (hosts[host].labels)
        assert_int_equal(host_labels_parse(hosts[host].labels, &c->tags), 0);
}

static void run_cell(const struct sim_cell *c, struct sim_result *r)
{
    char text[400];
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

static void run_all(bool bad)
{
    for (size_t host = 0; host < sizeof hosts / sizeof hosts[0]; host++)
        for (unsigned k = 0; k < 4; k++) {
            struct sim_result plain, tagged;
            struct sim_cell c;
            make_cell(&c, host, k & 1, k & 2);
            if (bad) {
                c.impair.loss_ppb = 2 * PERCENT;
                c.impair.duplicate_ppb = PERCENT;
                c.impair.corrupt_ppb = PERCENT / 2;
                c.impair.reorder_ppb = 2 * PERCENT;
                c.impair.jitter_ns = NS_PER_MS / 2;
            }
            run_cell(&c, &tagged);
            c.tags = (struct host_settings){.interface = 0};
            run_cell(&c, &plain);
            expect_same_streams(&tagged, &plain);
            for (unsigned i = 0; i < 2 && !bad; i++)
                assert_int_equal(tagged.tcp[i].retransmitted_segments, 0);
        }
}

static void on_a_clean_network_the_streams_are_those_without_tags(void **state)
{
    (void)state;
    run_all(false);
}

static void on_a_bad_network_too(void **state)
{
    (void)state;
    run_all(true);
}

static void labels_leave_that_much_less_for_a_segment(void **state)
{
    (void)state;
    struct sim_result plain, labelled;
    struct sim_cell c;
    make_cell(&c, 6, false, false); /* four labels */
    run_cell(&c, &labelled);
    c.tags = (struct host_settings){.interface = 0};
    run_cell(&c, &plain);
    uint64_t most = c.mtu - 40 - 12, less = most - 16;
    assert_in_range(labelled.tcp[0].segments_sent, c.bytes[0] / less, 2 * (c.bytes[0] / less));
    assert_true(labelled.tcp[0].segments_sent > plain.tcp[0].segments_sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_clean_network_the_streams_are_those_without_tags),
        cmocka_unit_test(on_a_bad_network_too),
        cmocka_unit_test(labels_leave_that_much_less_for_a_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
