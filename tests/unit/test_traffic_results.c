/* SPDX-License-Identifier: MIT */
/*
 * Results: what is written as JSON is read back with the names of DESIGN section 5 and the numbers that were put
 * in; the verdict follows the criteria.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/traffic_rig.h"

static const char yaml[] = "ports: [{name: left, location: \"mem:w\"}, {name: right, location: \"mem:w\"}]\n"
                           "devices:\n"
                           "  - {name: c, port: left, ipv4: {address: 10.0.1.1/16}}\n"
                           "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}}\n"
                           "loads:\n"
                           "  - name: web\n"
                           "    client: c\n"
                           "    server: {device: s, port: 8080, http: {routes: [{path: /, size: 10}]}}\n"
                           "    http: {urls: [{path: /}]}\n"
                           "    schedule: [{ramp: 1s, transactions_per_second: 100}, {hold: 2s}]\n"
                           "    pass:\n"
                           "      max_failed_connections: 1\n"
                           "      max_failed_transactions: 2\n"
                           "      max_late: 3\n"
                           "      max_dropped: 4\n"
                           "      min_completed_transactions: 5\n"
                           "      min_transactions_per_second: 99.5\n"
                           "      min_connections_per_second: 0.5\n"
                           "      min_bits_per_second: 1000\n"
                           "      max_connect_p99: 1ms\n"
                           "      max_first_byte_p99: 2ms\n"
                           "      max_transaction_p50: 3.1ms\n"
                           "      max_transaction_p99: 4ms\n";

struct fixture {
    struct config_tree *tree;
    struct plan *plan;
    struct results results;
    struct traffic_stats *stats;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->plan = rig_compile(yaml, &f->tree);

    assert_int_equal(traffic_stats_new(f->plan, &rig_allocator, &f->stats), 0);
    f->results =
        (struct results){.plan = f->plan, .stats = f->stats, .duration_ns = 3250 * NS_PER_MS, .load_ns = 3 * NS_PER_S};

    struct load_stats *s = &f->stats->loads[0];
    s->connections.attempted = 7;
    s->connections.established = 6;
    s->connections.closed = 6;
    s->connections.closed_by[TCP_CLOSE_NORMAL] = 6;
    s->connections.failed[CONNECT_FAILED_REFUSED] = 1;
    s->transactions.started = 252;
    s->transactions.completed = 250;
    s->transactions.by_status[200] = 250;
    s->transactions.by_status[503] = 1;
    cause_counts_add(&s->transactions.failed, "status_mismatch", 1);
    cause_counts_add(&s->transactions.failed, "timeout", 1);
    s->bytes.sent = 9007199254740993; /* no double holds this */
    s->bytes.received = 20000;
    s->schedule.requested = 254;
    s->schedule.sent = 252;
    s->schedule.late = 3;
    s->schedule.dropped = 2;
    s->phases[1].completed_transactions = 199;
    s->phases[1].established = 1;
    s->phases[1].bits = 2000;
    for (unsigned i = 0; i < 6; i++)
        histogram_record(&s->connect, 1000000);
    for (unsigned i = 0; i < 250; i++) {
        histogram_record(&s->first_byte, 2000000);
        histogram_record(&s->transaction, 3000000);
    }
    f->stats->servers[0].requests.served = 250;
    f->stats->servers[0].requests.by_status[200] = 250;
    f->stats->tcp[0].retransmitted_segments = 11;
    f->stats->tcp[1].rto_fired = 12;
    f->results.ports[0].link.frames_tx = 1234;
    f->results.ports[0].link.drops[LINK_DROP_TX_GUARD] = 5;
    f->results.ports[0].guard_denied[GUARD_DESTINATION] = 5;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    traffic_stats_delete(f->stats);
    plan_free(f->plan);
    config_tree_free(f->tree);
    free(f);
    return 0;
}

/* ---- JSON ---- */

/* Follows "loads.0.connections.failed" and gives the value as text. */
static const char *value_at(const struct config_node *node, const char *path)
{
    char key[64];

    while (*path && node) {
        size_t length = strcspn(path, ".");
        memcpy(key, path, length);
        key[length] = '\0';
        node = node->kind == CONFIG_LIST ? config_item(node, (uint32_t)strtoul(key, NULL, 10)) : config_find(node, key);
        path += length + (path[length] == '.');
    }
    return node && node->text ? node->text : "nothing";
}

static void results_are_read_back_as_they_were(void **state)
{
    static const struct {
        const char *path, *value;
    } expected[] = {
        {"schema", "1"},
        {"duration_s", "3.250000"},
        {"load_s", "3.000000"},
        {"passed", "true"},
        {"loads.0.name", "web"},
        {"loads.0.connections.attempted", "7"},
        {"loads.0.connections.connecting", "0"},
        {"loads.0.connections.established", "6"},
        {"loads.0.connections.failed.connect_refused", "1"},
        {"loads.0.connections.failed.stopped", "nothing"},
        {"loads.0.connections.closed", "6"},
        {"loads.0.connections.live", "0"},
        {"loads.0.connections.closed_by.normal", "6"},
        {"loads.0.transactions.started", "252"},
        {"loads.0.transactions.completed", "250"},
        {"loads.0.transactions.failed.status_mismatch", "1"},
        {"loads.0.transactions.failed.timeout", "1"},
        {"loads.0.transactions.by_status.200", "250"},
        {"loads.0.transactions.by_status.503", "1"},
        {"loads.0.bytes.sent", "9007199254740993"},
        {"loads.0.bytes.received", "20000"},
        {"loads.0.schedule.target", "transactions_per_second"},
        {"loads.0.schedule.requested", "254"},
        {"loads.0.schedule.sent", "252"},
        {"loads.0.schedule.late", "3"},
        {"loads.0.schedule.dropped", "2"},
        {"loads.0.schedule.phases.0.from", "0.000"},
        {"loads.0.schedule.phases.0.to", "100.000"},
        {"loads.0.schedule.phases.0.planned", "50"},
        {"loads.0.schedule.phases.1.completed_transactions", "199"},
        {"loads.0.latency_ns.connect.min", "1000000"},
        {"loads.0.latency_ns.connect.p99", "1000000"},
        {"loads.0.latency_ns.first_byte.mean", "2000000"},
        {"loads.0.latency_ns.transaction.p50", "3000000"},
        {"loads.0.latency_ns.transaction.p90", "3000000"},
        {"loads.0.latency_ns.transaction.p999", "3000000"},
        {"loads.0.latency_ns.transaction.max", "3000000"},
        {"loads.0.tcp.client.retransmitted_segments", "11"},
        {"loads.0.tcp.server.rto_fired", "12"},
        {"loads.0.criteria.0.name", "max_failed_connections"},
        {"loads.0.criteria.0.found", "1"},
        {"servers.0.name", "web"},
        {"servers.0.port", "8080"},
        {"servers.0.requests.served", "250"},
        {"ports.0.name", "left"},
        {"ports.0.frames_tx", "1234"},
        {"ports.0.drops.tx_guard", "5"},
        {"ports.0.guard_denied.destination", "5"},
        {"ports.0.tcp.retransmitted_segments", "11"},
        {"ports.1.location", "mem:w"},
    };
    struct fixture *f = *state;

    for (unsigned indent = 0; indent <= 2; indent += 2) {
        struct json_writer w;
        struct json_buffer text = {0};
        struct config_tree *tree;
        struct config_error error;
        json_writer_init(&w, json_buffer_sink, &text, indent);
        results_write_json(&w, &f->results);
        assert_int_equal(json_finish(&w), 0);
        if (config_tree_parse("out.json", text.bytes, text.length, &tree, &error) != 0)
            fail_msg("%s", error.text);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
            if (strcmp(value_at(config_tree_root(tree), expected[i].path), expected[i].value) != 0)
                fail_msg("%s: found %s, expected %s", expected[i].path,
                         value_at(config_tree_root(tree), expected[i].path), expected[i].value);
        config_tree_free(tree);
        json_buffer_free(&text);
    }
}

/* ---- verdict ---- */

static void a_load_on_the_edge_of_every_criterion_passes(void **state)
{
    static const char *const texts[] = {
        "max_failed_connections: found 1, allowed at most 1",
        "max_failed_transactions: found 2, allowed at most 2",
        "max_late: found 3, allowed at most 3",
        "max_dropped: found 2, allowed at most 4",
        "min_completed_transactions: found 250, allowed at least 5",
        "min_connections_per_second: found 0.500/s, allowed at least 0.500/s",
        "min_transactions_per_second: found 99.500/s, allowed at least 99.500/s",
        "min_bits_per_second: found 1000 bit/s, allowed at least 1000 bit/s",
        "max_connect_p99: found 1.000 ms, allowed at most 1.000 ms",
        "max_first_byte_p99: found 2.000 ms, allowed at most 2.000 ms",
        "max_transaction_p50: found 3.000 ms, allowed at most 3.100 ms",
        "max_transaction_p99: found 3.000 ms, allowed at most 4.000 ms",
    };
    struct fixture *f = *state;
    struct results_verdict v;

    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.count, ARRAY_SIZE(texts));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_string_equal(v.list[i].text, texts[i]);
    assert_true(v.met);
    assert_true(results_passed(&f->results));
}

static void each_criterion_alone_fails_the_run(void **state)
{
    struct fixture *f = *state;
    struct load_stats *s = &f->stats->loads[0], *saved = malloc(sizeof *saved);
    struct results_verdict v;

    *saved = *s;
#define FAIL(change, number)                                                                                           \
    do {                                                                                                               \
        *s = *saved;                                                                                                   \
        change;                                                                                                        \
        results_judge_load(&f->results, 0, &v);                                                                        \
        for (unsigned i = 0; i < v.count; i++)                                                                         \
            assert_int_equal(v.list[i].met, i != (number));                                                            \
        assert_false(v.met);                                                                                           \
        assert_false(results_passed(&f->results));                                                                     \
    } while (0)
    FAIL(s->connections.failed[CONNECT_FAILED_STOPPED]++, 0);
    FAIL(cause_counts_add(&s->transactions.failed, "reset", 1), 1);
    FAIL(s->schedule.late++, 2);
    FAIL(s->schedule.dropped = 5, 3);
    FAIL(s->transactions.completed = 4, 4);
    FAIL(s->phases[1].established = 0, 5);
    FAIL(s->phases[1].completed_transactions--, 6);
    FAIL(s->phases[1].bits -= 2, 7);
    FAIL(histogram_record(&s->connect, 2000000), 8);
    FAIL(for (int i = 0; i < 10; i++) histogram_record(&s->first_byte, 9000000), 9);
    FAIL(for (int i = 0; i < 10; i++) histogram_record(&s->transaction, 9000000), 11);
#undef FAIL
    free(saved);
}

static void a_run_cut_short_is_judged_over_what_it_did(void **state)
{
    struct fixture *f = *state;
    struct results_verdict v;

    f->results.load_ns = 2 * NS_PER_S; /* one of the two seconds of the last phase */
    f->stats->loads[0].phases[1].completed_transactions = 100;
    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.list[6].found, 100000);
    f->results.load_ns = 500 * NS_PER_MS;
    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.list[6].found, 0);
    assert_false(v.met);
}

static void a_phase_that_barely_began_is_not_judged(void **state)
{
    struct fixture *f = *state;
    struct results_verdict v;

    f->results.load_ns = NS_PER_S + 5 * NS_PER_MS;
    f->results.interrupted = true;
    f->stats->loads[0].phases[1].completed_transactions = 50; /* in 5 ms: what the ramp had left behind */
    f->stats->loads[0].phases[1].established = 50;
    results_judge_load(&f->results, 0, &v);
    assert_string_equal(v.list[5].text, "min_connections_per_second: not met: the last phase did not run");
    assert_string_equal(v.list[6].text, "min_transactions_per_second: not met: the last phase did not run");
    assert_string_equal(v.list[7].text, "min_bits_per_second: not met: the last phase did not run");
    for (unsigned i = 5; i <= 7; i++) {
        assert_false(v.list[i].met);
        assert_int_equal(v.list[i].found, 0);
    }
    assert_false(v.met);
}

/* The plan of the fixture for so long. */
static void compile_again(struct fixture *f, int64_t duration_ns)
{
    struct config_errors errors = {0};
    const struct plan_options options = {.duration_ns = duration_ns};

    plan_free(f->plan);
    assert_int_equal(plan_compile(f->tree, &options, &rig_allocator, &f->plan, &errors), 0);
    f->results.plan = f->plan;
    f->results.load_ns = duration_ns;
}

static void a_run_that_was_asked_to_be_shorter_is_judged_over_the_last_phase_that_ran(void **state)
{
    struct fixture *f = *state;
    struct results_verdict v;

    /* half a second of the hold */
    compile_again(f, 1500 * NS_PER_MS);
    f->results.load_ns += 3 * NS_PER_MS; /* the drain begins a little late */
    f->stats->loads[0].phases[1].completed_transactions = 50;
    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.list[6].found, 100000);
    assert_true(v.list[6].met);

    /* 5 ms of the hold: the ramp is the last phase that ran */
    compile_again(f, NS_PER_S + 5 * NS_PER_MS);
    f->stats->loads[0].phases[0].completed_transactions = 50;
    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.list[6].found, 50000);

    /* 5 ms of the ramp: nothing ran */
    compile_again(f, 5 * NS_PER_MS);
    results_judge_load(&f->results, 0, &v);
    assert_string_equal(v.list[6].text, "min_transactions_per_second: not met: the last phase did not run");

    /* the first half of the ramp */
    compile_again(f, 500 * NS_PER_MS);
    f->stats->loads[0].phases[0].completed_transactions = 12;
    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.list[6].found, 24000);
}

static void a_phase_that_was_written_short_is_judged_when_it_ran(void **state)
{
    struct fixture *f = *state;
    struct config_error error;
    struct config_errors errors = {0};
    struct results_verdict v;

    plan_free(f->plan);
    assert_int_equal(config_set(f->tree, "loads[0].schedule[1].hold=20ms", &error), 0);
    assert_int_equal(plan_compile(f->tree, NULL, &rig_allocator, &f->plan, &errors), 0);
    f->results.plan = f->plan;
    f->results.load_ns = NS_PER_S + 20 * NS_PER_MS;
    f->stats->loads[0].phases[1].completed_transactions = 2;
    results_judge_load(&f->results, 0, &v);
    assert_int_equal(v.list[6].found, 100000);
    assert_true(v.list[6].met);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results_are_read_back_as_they_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_load_on_the_edge_of_every_criterion_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_criterion_alone_fails_the_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_cut_short_is_judged_over_what_it_did, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_phase_that_barely_began_is_not_judged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_was_asked_to_be_shorter_is_judged_over_the_last_phase_that_ran,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_phase_that_was_written_short_is_judged_when_it_ran, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
