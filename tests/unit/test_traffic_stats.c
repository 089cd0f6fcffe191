/* SPDX-License-Identifier: MIT */
/*
 * Counting and merging: merging is addition in any order, causes go by name, and the check finds each broken
 * invariant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/cmocka_all.h"
#include "traffic/stats.h"

static void causes_are_counted_by_name(void **state)
{
    (void)state;
    struct cause_counts c = {0};
    char reset[] = "reset"; /* the same text at another address */

    cause_counts_add(&c, "timeout", 2);
    cause_counts_add(&c, "reset", 1);
    cause_counts_add(&c, reset, 3);
    assert_int_equal(c.used, 2);
    assert_int_equal(cause_counts_of(&c, "reset"), 4);
    assert_int_equal(cause_counts_of(&c, "timeout"), 2);
    assert_int_equal(cause_counts_of(&c, "stopped"), 0);
    assert_int_equal(cause_counts_total(&c), 6);
}

static void causes_without_a_place_are_counted_as_other(void **state)
{
    (void)state;
    static char names[40][8];
    struct cause_counts c = {0}, sum = {0};

    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%u", i);
        cause_counts_add(&c, names[i], 1);
    }
    assert_int_equal(c.used, CAUSE_COUNTS_MAX);
    assert_int_equal(cause_counts_of(&c, "other"), 40 - (CAUSE_COUNTS_MAX - 1));
    assert_int_equal(cause_counts_total(&c), 40);
    cause_counts_merge(&sum, &c);
    cause_counts_merge(&sum, &c);
    assert_int_equal(cause_counts_total(&sum), 80);
    assert_int_equal(cause_counts_of(&sum, "other"), 2 * (40 - (CAUSE_COUNTS_MAX - 1)));
    assert_int_equal(cause_counts_of(&sum, "c3"), 2);
}

static const char *const cause_names[] = {"timeout", "reset", "digest_mismatch"};

/* A block that satisfies the invariants. */
static void fill(struct load_stats *s, uint64_t seed)
{
    struct random random;

    random_seed(&random, seed);
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < 200; i++) {
        s->connections.attempted += 3;
        s->connections.connecting++;
        s->connections.failed[random_below(&random, CONNECT_FAILURE_COUNT)]++;
        s->connections.established++;
        if (random_chance(&random, 500000000)) {
            s->connections.live++;
        } else {
            s->connections.closed++;
            s->connections.closed_by[random_below(&random, TCP_CLOSE_REASON_COUNT)]++;
        }
        histogram_record(&s->connect, random_below(&random, 1000000));
        s->transactions.started += 3;
        s->transactions.active++;
        s->transactions.completed++;
        histogram_record(&s->transaction, random_below(&random, 1000000000));
        histogram_record(&s->first_byte, random_below(&random, 1000));
        cause_counts_add(&s->transactions.failed, cause_names[random_below(&random, ARRAY_SIZE(cause_names))], 1);
        s->transactions.by_status[100 + random_below(&random, 500)]++;
        s->transactions.body_bytes += random_below(&random, 5000);
        s->bytes.sent += random_below(&random, 5000);
        s->bytes.received += random_below(&random, 5000);
        s->schedule.requested += 5;
        s->schedule.sent += 3;
        s->schedule.late += 2;
        s->schedule.dropped += 1;
        s->phases[random_below(&random, SCHEDULE_MAX_PHASES + 1)].completed_transactions++;
    }
}

static bool causes_equal(const struct cause_counts *a, const struct cause_counts *b)
{
    bool equal = a->used == b->used;

    for (uint32_t i = 0; i < a->used; i++)
        equal &= a->list[i].count == cause_counts_of(b, a->list[i].name);
    return equal;
}

static void merging_is_addition_in_any_order(void **state)
{
    (void)state;
    struct load_stats *s = calloc(5, sizeof *s);
    struct load_stats *forward = &s[3], *backward = &s[4];

    for (unsigned i = 0; i < 3; i++) {
        fill(&s[i], i + 1);
        assert_null(load_stats_check(&s[i]));
    }
    for (unsigned i = 0; i < 3; i++) {
        load_stats_merge(forward, &s[i]);
        load_stats_merge(backward, &s[2 - i]);
        assert_null(load_stats_check(forward));
    }
    assert_int_equal(forward->connections.attempted, 1800);
    assert_int_equal(forward->transaction.count, 600);
    assert_int_equal(forward->bytes.sent, s[0].bytes.sent + s[1].bytes.sent + s[2].bytes.sent);
    assert_memory_equal(&forward->connections, &backward->connections, sizeof forward->connections);
    assert_memory_equal(forward->transactions.by_status, backward->transactions.by_status,
                        sizeof forward->transactions.by_status);
    assert_memory_equal(&forward->schedule, &backward->schedule, sizeof forward->schedule);
    assert_memory_equal(&forward->phases, &backward->phases, sizeof forward->phases);
    assert_memory_equal(&forward->transaction, &backward->transaction, sizeof forward->transaction);
    assert_true(causes_equal(&forward->transactions.failed, &backward->transactions.failed));
    free(s);
}

static void the_check_finds_each_broken_invariant(void **state)
{
    (void)state;
    struct load_stats *good = calloc(2, sizeof *good), *s = good + 1;

    fill(good, 7);
#define BREAK(change, law)                                                                                             \
    do {                                                                                                               \
        *s = *good;                                                                                                    \
        change;                                                                                                        \
        assert_string_equal(load_stats_check(s), law);                                                                 \
    } while (0)
    BREAK(s->connections.attempted++, "attempted = connecting + established + sum(failed)");
    BREAK(s->connections.live++, "established = closed + live");
    BREAK(s->connections.closed_by[0]++, "closed = sum(closed_by)");
    BREAK(s->transactions.active++, "started = completed + sum(failed) + active");
    BREAK(s->schedule.dropped += 1000, "requested >= sent + dropped");
    BREAK(s->schedule.late += 1000, "sent >= late");
    BREAK(histogram_record(&s->transaction, 1), "one transaction time for each completed transaction");
    BREAK(histogram_record(&s->connect, 1), "one connect time for each established connection");
#undef BREAK
    load_stats_reset(s);
    assert_null(load_stats_check(s));
    free(good);
}

static void servers_are_merged_and_checked(void **state)
{
    (void)state;
    struct server_stats a = {.connections = {.accepted = 10,
                                             .connecting = 1,
                                             .established = 7,
                                             .failed = 2,
                                             .live = 3,
                                             .closed = 4,
                                             .closed_by = {[TCP_CLOSE_NORMAL] = 4}},
                             .requests = {.served = 5, .by_status = {[200] = 5}},
                             .bytes = {.sent = 11, .received = 12}};
    struct server_stats sum = {0};

    assert_null(server_stats_check(&a));
    server_stats_merge(&sum, &a);
    server_stats_merge(&sum, &a);
    assert_null(server_stats_check(&sum));
    assert_int_equal(sum.connections.accepted, 20);
    assert_int_equal(sum.requests.by_status[200], 10);
    assert_int_equal(sum.bytes.received, 24);
    a.connections.failed++;
    assert_string_equal(server_stats_check(&a), "accepted = connecting + established + failed");
    a.connections.failed--;
    a.connections.live++;
    assert_string_equal(server_stats_check(&a), "established = closed + live");
    a.connections.live--;
    a.connections.closed_by[TCP_CLOSE_RESET]++;
    assert_string_equal(server_stats_check(&a), "closed = sum(closed_by)");
}

static void every_counter_of_tcp_is_merged(void **state)
{
    (void)state;
    struct tcp_counters a, sum = {0};
    uint64_t n = 1;

#define SET(name) a.name = n++;
    TCP_COUNTER_LIST(SET)
#undef SET
    tcp_counters_merge(&sum, &a);
    tcp_counters_merge(&sum, &a);
#define CHECK(name) assert_int_equal(sum.name, 2 * a.name);
    TCP_COUNTER_LIST(CHECK)
#undef CHECK
}

static void failures_have_the_names_of_the_results(void **state)
{
    (void)state;
    static const char *const names[] = {"connect_refused", "connect_timeout", "connect_unreachable",
                                        "no_ports",        "no_lease",        "no_memory",
                                        "reset",           "stopped"};

    assert_int_equal(ARRAY_SIZE(names), CONNECT_FAILURE_COUNT);
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        assert_string_equal(connect_failure_name((enum connect_failure)i), names[i]);
    assert_string_equal(connect_failure_name(CONNECT_FAILURE_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes_are_counted_by_name),
        cmocka_unit_test(causes_without_a_place_are_counted_as_other),
        cmocka_unit_test(merging_is_addition_in_any_order),
        cmocka_unit_test(the_check_finds_each_broken_invariant),
        cmocka_unit_test(servers_are_merged_and_checked),
        cmocka_unit_test(every_counter_of_tcp_is_merged),
        cmocka_unit_test(failures_have_the_names_of_the_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
