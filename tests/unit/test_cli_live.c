/* SPDX-License-Identifier: MIT */
/*
 * cli/live: the table fits every terminal: no line is longer, and there are never more lines, than was asked for; and the most important
 * columns stay longest.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live_private.h"

#define LOADS 30u

static struct plan_load loads[LOADS];
static struct plan plan = {.loads = loads, .n_loads = LOADS, .duration_ns = 10 * NS_PER_S};
static struct sample samples[LOADS + 1];
static struct traffic_stats stats;
static struct results results = {.plan = &plan, .stats = &stats};

static int set_up(void **state)
{
    (void)state;
    stats.loads = calloc(LOADS, sizeof *stats.loads);
    stats.n_loads = LOADS;
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
    assert_non_null(strstr(text, "... and 24 more loads\n"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_keeps_to_its_size),
        cmocka_unit_test(test_the_least_important_columns_go_first),
        cmocka_unit_test(test_loads_that_do_not_fit_are_counted),
        cmocka_unit_test(test_the_bar_never_exceeds_the_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
