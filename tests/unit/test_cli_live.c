/* SPDX-License-Identifier: MIT */
/*
 * cli/live: the table fits every terminal: no line is longer, and there are never more lines, than was asked for; and
 * the most important columns stay longest.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live_private.h"

#define LOADS 30u
#define SERVERS 2u

static struct plan_load loads[LOADS];
static struct plan_device device;
static struct plan_server servers[SERVERS] = {{.name = "used", .has_clients = true}, {.name = "for-others"}};
static struct plan plan = {.loads = loads,
                           .n_loads = LOADS,
                           .devices = &device,
                           .n_devices = 1,
                           .servers = servers,
                           .duration_ns = 10 * NS_PER_S};
static struct sample samples[LOADS + 1 + SERVERS];
static struct server_stats served[SERVERS];
static struct traffic_stats stats;
static struct results results = {.plan = &plan, .stats = &stats};

static int set_up(void **state)
{
    (void)state;
    stats.loads = calloc(LOADS, sizeof *stats.loads);
    stats.n_loads = LOADS;
    stats.servers = served;
    for (uint32_t i = 0; i < LOADS; i++)
        loads[i] =
            (struct plan_load){.name = "a-load-with-a-very-long-name", .n_clients = 1, .server_device = PLAN_NONE};
    return stats.loads ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(stats.loads);
    return 0;
}

static char *compose(unsigned width, unsigned height, enum engine_phase phase, int64_t elapsed)
{
    struct live_state s = {
        .results = &results, .phase = phase, .elapsed_ns = elapsed, .span_ns = NS_PER_S, .samples = samples};
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    live_compose(file, &s, width, height);
    fclose(file);
    return text;
}

static void test_the_table_keeps_to_its_size(void **state)
{
    (void)state;
    for (unsigned width = 40; width <= 200; width++) {
        char *text = compose(width, 24, ENGINE_RUNNING, 5 * NS_PER_S);
        unsigned lines = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
            assert_true(strlen(line) <= width);
        assert_true(lines <= 24);
        free(text);
    }
}

static void test_the_least_important_columns_go_first(void **state)
{
    (void)state;
    char *narrow = compose(50, 24, ENGINE_RUNNING, NS_PER_S), *wide = compose(120, 24, ENGINE_RUNNING, NS_PER_S);
    assert_non_null(strstr(narrow, "trans/s"));
    assert_non_null(strstr(narrow, "failed"));
    assert_null(strstr(narrow, "resent"));
    assert_non_null(strstr(wide, "resent"));
    free(narrow);
    free(wide);
}

static void test_loads_that_do_not_fit_are_counted(void **state)
{
    (void)state;
    char *text = compose(100, 10, ENGINE_RUNNING, NS_PER_S);
    assert_non_null(strstr(text, "... and 24 more\n"));
    assert_non_null(strstr(text, "\nall "));
    free(text);
}

static void test_the_bar_never_exceeds_the_whole(void **state)
{
    (void)state;
    char *text = compose(100, 24, ENGINE_DRAINING, 25 * NS_PER_S);
    assert_non_null(strstr(text, "100 %"));
    assert_non_null(strstr(text, "draining"));
    assert_null(strstr(text, ".]"));
    free(text);
}

/* A plan of servers for others only: no end, a row for the server, none for what its load does not do. */
static void test_servers_for_others_have_rows_and_no_end(void **state)
{
    (void)state;
    loads[0].n_clients = 0;
    served[1].requests.served = 1234;
    plan.n_loads = 1;
    plan.n_servers = SERVERS;
    plan.duration_ns = 0;
    char *text = compose(100, 24, ENGINE_RUNNING, 25 * NS_PER_S);
    assert_non_null(strstr(text, "25.0 s, until Ctrl-C\n"));
    assert_non_null(strstr(text, "\nfor-others "));
    assert_null(strstr(text, "used"));
    assert_null(strstr(text, "a-load"));
    free(text);
    loads[0].n_clients = 1;
    plan.n_loads = LOADS;
    plan.n_servers = 0;
    plan.duration_ns = 10 * NS_PER_S;
}

/* A server's rows add up to its totals, and are those of all where no load has a client. */
static void test_samples_of_servers_add_up(void **state)
{
    (void)state;
    struct sampler *sampler;
    struct sample rows[1 + 1 + SERVERS], totals;
    loads[0].n_clients = 0;
    plan.n_loads = 1;
    plan.n_servers = SERVERS;
    assert_int_equal(sample_rows(&plan), 1 + 1 + SERVERS);
    assert_int_equal(sampler_new(&plan, &sampler), 0);
    uint64_t sum = 0, of_all = 0;
    for (unsigned look = 1; look <= 3; look++) {
        served[1].requests.served = 100 * look * look;
        served[1].connections.accepted = served[1].connections.established = 7 * look;
        served[1].bytes.sent = 5000 * look;
        sampler_take(sampler, &results, rows);
        sum += rows[sample_server_row(&plan, 1)].count[SAMPLE_transactions_completed];
        of_all += rows[1].count[SAMPLE_transactions_completed];
        assert_int_equal(rows[sample_server_row(&plan, 1)].count[SAMPLE_bytes_sent], 5000);
        assert_int_equal(rows[sample_server_row(&plan, 1)].count[SAMPLE_connections_established], 7);
    }
    assert_int_equal(sum, 900);
    assert_int_equal(of_all, 900);
    sample_totals(&results, 1, &totals);
    assert_int_equal(totals.count[SAMPLE_transactions_completed], 900);
    sampler_delete(sampler);
    loads[0].n_clients = 1;
    plan.n_loads = LOADS;
    plan.n_servers = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_keeps_to_its_size),
        cmocka_unit_test(test_the_least_important_columns_go_first),
        cmocka_unit_test(test_loads_that_do_not_fit_are_counted),
        cmocka_unit_test(test_the_bar_never_exceeds_the_whole),
        cmocka_unit_test(test_servers_for_others_have_rows_and_no_end),
        cmocka_unit_test(test_samples_of_servers_add_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
