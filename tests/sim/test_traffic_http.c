/* SPDX-License-Identifier: MIT */
/*
 * HTTP load end to end in virtual time: two stacks and their traffic over a memory link on one thread. Every
 * schedule reaches its exact counts, every kind of bad peer gives its counted cause, the invariants hold after
 * every turn, and after draining all pools are empty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/traffic_rig.h"

static const char ends[] = "ports:\n"
                           "  - {name: left, location: \"mem:wire\"}\n"
                           "  - {name: right, location: \"mem:wire\"}\n"
                           "devices:\n"
                           "  - {name: clients, port: left, ipv4: {address: 10.0.1.1/16}, count: 40}\n"
                           "  - {name: servers, port: right, ipv4: {address: 10.0.2.1/16}, count: 3}\n";

static const char routes[] =
    "      http:\n"
    "        routes:\n"
    "          - {path: /small, size: 100}\n"
    "          - {path: /large, size: 40kB}\n"
    "          - {path: /chunked, size: 10kB, chunk_size: 999}\n"
    "          - {path: /sizes, sizes: [{size: 1, weight: 5}, {size: 3000, weight: 2}, {size: 20kB}]}\n"
    "          - {path: /text, body: hello}\n"
    "          - {path: /echo, echo: true}\n"
    "          - {path: /digest, digest: true}\n"
    "          - {path: /slow, size: 10, delay: 30ms}\n";

static const char urls[] = "    http:\n"
                           "      urls:\n"
                           "        - {path: /small, weight: 5}\n"
                           "        - {path: /large, weight: 1}\n"
                           "        - {path: /chunked}\n"
                           "        - {path: /sizes}\n"
                           "        - {path: /text}\n"
                           "        - {path: /text, method: head}\n"
                           "        - {path: /echo, method: post, body: ping}\n"
                           "        - {path: /echo, method: put, body_size: 5kB, chunk_size: 700}\n"
                           "        - {path: /digest, method: post, body_size: 10kB}\n"
                           "        - {path: /missing, status: 404}\n";

#define YAML_BYTES 8192

/* A configuration with one load: `more` are further lines of it, and what follows. */
static const char *load(const char *requests, const char *more)
{
    static char text[YAML_BYTES];
    int length = snprintf(text, sizeof text,
                          "%sloads:\n  - name: web\n    client: clients\n    server:\n      device: servers\n%s%s%s",
                          ends, routes, requests, more);
    assert_true(length > 0 && length < YAML_BYTES);
    return text;
}

static uint64_t failed_connections(const struct load_stats *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        n += s->connections.failed[i];
    return n;
}

/* Everything that was begun went well, and both ends tell the same story. */
static void assert_flawless(const struct traffic_stats *stats)
{
    const struct load_stats *s = &stats->loads[0];
    const struct server_stats *served = &stats->servers[0];

    assert_null(load_stats_check(s));
    assert_null(server_stats_check(served));
    for (uint32_t i = 0; i < s->transactions.failed.used; i++)
        fail_msg("failed: %s", s->transactions.failed.list[i].name);
    assert_int_equal(failed_connections(s), 0);
    assert_int_equal(s->transactions.completed, s->transactions.started);
    assert_int_equal(s->connections.live, 0);
    assert_int_equal(s->connections.closed, s->connections.attempted);
    assert_int_equal(served->requests.served, s->transactions.completed);
    assert_int_equal(served->connections.established, s->connections.established);
    assert_int_equal(served->bytes.received, s->bytes.sent);
    assert_int_equal(served->bytes.sent, s->bytes.received);
    assert_int_equal(s->first_byte.count, s->transactions.completed);
}

/* Runs a plan that is to be flawless; the caller frees the stats. */
static struct traffic_stats *run_flawless(const char *yaml)
{
    struct rig r;

    rig_open(&r, yaml, RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    assert_flawless(stats);
    rig_close(&r);
    return stats;
}

/* ---- rates of transactions ---- */

static void an_open_rate_of_transactions_is_met_exactly(void **state)
{
    (void)state;
    struct traffic_stats *stats = run_flawless(load(urls, "    schedule:\n"
                                                          "      - {ramp: 1s, transactions_per_second: 2000}\n"
                                                          "      - {hold: 2s}\n"
                                                          "      - {ramp: 500ms, transactions_per_second: 0}\n"));
    const struct load_stats *s = &stats->loads[0];

    assert_int_equal(s->schedule.requested, 1000 + 4000 + 500);
    assert_int_equal(s->schedule.sent, 5500);
    assert_int_equal(s->schedule.dropped, 0);
    assert_int_equal(s->schedule.late, 0);
    assert_int_equal(s->transactions.started, 5500);
    assert_int_equal(s->phases[0].sent, 1000);
    assert_int_equal(s->phases[1].sent, 4000);
    assert_int_equal(s->phases[2].sent, 500);
    assert_true(s->transactions.by_status[404] > 300);
    assert_int_equal(s->transactions.by_status[200] + s->transactions.by_status[404], 5500);
    assert_true(s->connections.attempted < 40);
    traffic_stats_delete(stats);
}

static void weights_decide_how_often_a_url_is_asked_for(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load("    http: {urls: [{path: /small, weight: 3}, {path: /missing, status: 404, weight: 1}]}\n",
                          "    schedule: [{hold: 2s, transactions_per_second: 2000}]\n"));

    /* 4000 draws with p = 1/4: sigma is 27 */
    assert_in_range(stats->loads[0].transactions.by_status[404], 1000 - 110, 1000 + 110);
    traffic_stats_delete(stats);
}

static void urls_in_sequence_are_asked_for_in_turn(void **state)
{
    (void)state;
    struct traffic_stats *stats = run_flawless(load("    http: {order: sequence, urls: [{path: /small}, {path: "
                                                    "/missing, status: 404}, {path: /text}, {path: /sizes}]}\n",
                                                    "    schedule: [{hold: 1s, transactions_per_second: 1000}]\n"));

    assert_int_equal(stats->loads[0].transactions.by_status[404], 250);
    traffic_stats_delete(stats);
}

static void connections_end_after_their_requests(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load(urls, "    requests_per_connection: 10\n"
                                "    schedule: [{hold: 2s, transactions_per_second: 1000}]\n"));
    const struct load_stats *s = &stats->loads[0];

    assert_int_equal(s->transactions.completed, 2000);
    assert_in_range(s->connections.attempted, 200, 220);
    assert_int_equal(s->connections.closed_by[TCP_CLOSE_NORMAL], s->connections.closed);
    traffic_stats_delete(stats);
}

/* Two connections at most, each answer 30 ms late: 66 transactions a second fit, 200 are due. */
static const char narrow[] = "    http: {urls: [{path: /slow}]}\n";

static void an_open_loop_counts_latency_from_due_time(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load(narrow, "    max_connections: 2\n    backlog: 1000\n"
                                  "    schedule: [{hold: 1s, transactions_per_second: 200}]\n"));
    const struct load_stats *s = &stats->loads[0];

    assert_int_equal(s->schedule.requested, 200);
    assert_in_range(s->schedule.sent, 60, 68);
    assert_int_equal(s->schedule.dropped, 200 - s->schedule.sent);
    assert_true(s->schedule.late > s->schedule.sent / 2);
    /* the last ones waited for two thirds of a second */
    assert_in_range(histogram_quantile(&s->transaction, 990000), 600 * NS_PER_MS, 720 * NS_PER_MS);
    traffic_stats_delete(stats);
}

static void a_bounded_backlog_drops_the_oldest(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load(narrow, "    max_connections: 2\n    backlog: 4\n"
                                  "    schedule: [{hold: 1s, transactions_per_second: 200}]\n"));
    const struct load_stats *s = &stats->loads[0];

    assert_int_equal(s->schedule.requested, 200);
    assert_in_range(s->schedule.sent, 60, 68);
    /* nothing waits longer than 4 launches of 5 ms, and a turn */
    assert_true(histogram_quantile(&s->transaction, 1000000) < (30 + 25 + 5) * NS_PER_MS);
    traffic_stats_delete(stats);
}

static void a_closed_loop_counts_latency_from_sending(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load(narrow, "    max_connections: 2\n    loop: closed\n"
                                  "    schedule: [{hold: 1s, transactions_per_second: 200}]\n"));
    const struct load_stats *s = &stats->loads[0];

    assert_int_equal(s->schedule.requested, 200);
    assert_int_equal(s->schedule.sent + s->schedule.dropped, 200);
    assert_in_range(s->schedule.sent, 55, 68);
    assert_true(histogram_quantile(&s->transaction, 990000) < 35 * NS_PER_MS);
    traffic_stats_delete(stats);
}

static void pipelined_requests_share_a_connection(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load("    http: {pipeline: 8, urls: [{path: /small}, {path: /echo, method: post, body: ab}]}\n",
                          "    max_connections: 1\n    schedule: [{hold: 1s, transactions_per_second: 20k}]\n"));

    assert_int_equal(stats->loads[0].transactions.completed, 20000);
    assert_int_equal(stats->loads[0].connections.attempted, 1);
    traffic_stats_delete(stats);
}

/* ---- rates of connections ---- */

static const struct {
    const char *who;
    bool client_waits, server_waits; /* in TIME_WAIT */
} closers[] = {{"client", true, false}, {"server", false, true}, {"reset", false, false}};

static void a_rate_of_connections_is_met_exactly_whoever_closes_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(closers); i++) {
        char more[256];
        (void)snprintf(
            more, sizeof more,
            "    close: %s\n    requests_per_connection: 3\n"
            "    schedule: [{hold: 1s, connections_per_second: 1500}, {ramp: 1s, connections_per_second: 100}]\n",
            closers[i].who);
        struct traffic_stats *stats = run_flawless(load(urls, more));
        const struct load_stats *s = &stats->loads[0];
        assert_int_equal(s->schedule.requested, 1500 + 800);
        assert_int_equal(s->schedule.sent, 2300);
        assert_int_equal(s->connections.attempted, 2300);
        assert_int_equal(s->connections.established, 2300);
        assert_int_equal(s->transactions.completed, 3 * 2300);
        assert_int_equal(stats->tcp[0].time_wait_entered, closers[i].client_waits ? 2300 : 0);
        assert_int_equal(stats->tcp[1].time_wait_entered, closers[i].server_waits ? 2300 : 0);
        assert_int_equal(stats->tcp[0].retransmitted_segments + stats->tcp[1].retransmitted_segments, 0);
        traffic_stats_delete(stats);
    }
}

static void running_out_of_ports_is_a_counted_cause(void **state)
{
    (void)state;
    struct rig r;

    rig_open(&r,
             load(urls, "    schedule: [{hold: 1s, connections_per_second: 2000}]\n"
                        "stack: {first_port: 20000, last_port: 20009}\n"),
             RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    const struct load_stats *s = &stats->loads[0];
    /* 40 clients, 3 servers, 10 ports: then all are in TIME_WAIT */
    assert_int_equal(s->connections.established, 40 * 3 * 10);
    assert_int_equal(s->connections.failed[CONNECT_FAILED_NO_PORTS], 2000 - 1200);
    traffic_stats_delete(stats);
    rig_close(&r);
}

/* ---- a number of transactions ---- */

static const char deep[] = "    http: {pipeline: 8, urls: [{path: /small}]}\n";
static const struct {
    const char *requests, *more;
    uint64_t attempted; /* connections; 0: as it happens */
} counted[] = {
    {narrow, "schedule: [{hold: 1m, transactions_per_second: 1000}]", 0},
    {narrow, "schedule: [{hold: 1m, transactions_per_second: 1000}]\n    max_connections: 2", 2},
    {narrow, "schedule: [{hold: 1m, transactions_per_second: 1000}]\n    max_connections: 2\n    loop: closed", 2},
    {narrow, "schedule: [{hold: 1m, connections_per_second: 500}]", 301},
    {narrow, "schedule: [{hold: 1m, connections_per_second: 500}]\n    requests_per_connection: 3", 0},
    {narrow, "schedule: [{hold: 1m, concurrent: 7}]", 7},
    {narrow, "schedule: [{hold: 1m, concurrent: 1000}]", 301},
    {narrow, "schedule: [{hold: 1m, concurrent: 7}]\n    think_time: 5ms", 7},
    {narrow, "schedule: [{ramp: 1m, concurrent: 60}]", 0},
    {narrow, "schedule: [{hold: 1m, bits_per_second: 1M}]", 0},
    {deep, "schedule: [{hold: 1m, concurrent: 7}]", 7},
    {deep, "schedule: [{hold: 1m, transactions_per_second: 20k}]\n    max_connections: 2", 0},
};

/* Begun, ended and left, long before the schedule's end; the server's side has no load, and waits for nobody. */
static void a_load_ends_after_its_number_of_transactions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
        char more[256];
        struct rig r;
        (void)snprintf(more, sizeof more, "    max_transactions: 301\n    %s\n", counted[i].more);
        rig_open(&r, load(counted[i].requests, more), RIG_SIDES);
        assert_true(r.plan->ends_by_count);
        rig_start(&r);
        assert_false(traffic_is_spent(r.traffics[0]));
        assert_true(traffic_is_spent(r.traffics[1]));
        rig_run_until(&r, r.now + 59 * NS_PER_S);
        assert_true(traffic_is_spent(r.traffics[0]));
        assert_int_equal(traffic_load_stats(r.traffics[0], 0)->transactions.completed, 301);
        assert_int_equal(traffic_load_stats(r.traffics[0], 0)->connections.live, 0);
        assert_int_equal(traffic_next_deadline(r.traffics[0]), TIME_NEVER);
        assert_true(rig_drain(&r));
        struct traffic_stats *stats = rig_stats(&r);
        const struct load_stats *s = &stats->loads[0];
        assert_flawless(stats);
        assert_int_equal(s->transactions.started, 301);
        assert_int_equal(s->schedule.requested, s->schedule.sent + s->schedule.dropped);
        if (counted[i].attempted > 0 && s->connections.attempted != counted[i].attempted)
            fail_msg("%s: %llu connections", counted[i].more, (unsigned long long)s->connections.attempted);
        traffic_stats_delete(stats);
        rig_close(&r);
    }
}

/* The run does not end with the first of two loads, and each has its number. */
static void loads_end_one_by_one(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r,
             load(narrow, "    max_transactions: 10\n    schedule: [{hold: 1m, transactions_per_second: 1000}]\n"
                          "  - name: more\n    client: clients\n    server: {device: servers}\n"
                          "    http: {urls: [{path: /small}]}\n    max_transactions: 2000\n"
                          "    schedule: [{hold: 1m, transactions_per_second: 1000}]\n"),
             RIG_SIDES);
    rig_start(&r);
    rig_run_until(&r, r.now + NS_PER_S);
    assert_int_equal(traffic_load_stats(r.traffics[0], 0)->transactions.completed, 10);
    assert_false(traffic_is_spent(r.traffics[0]));
    rig_run_until(&r, r.now + 2 * NS_PER_S);
    assert_true(traffic_is_spent(r.traffics[0]));
    assert_int_equal(traffic_load_stats(r.traffics[0], 0)->transactions.started, 10);
    assert_int_equal(traffic_load_stats(r.traffics[0], 1)->transactions.completed, 2000);
    assert_true(rig_drain(&r));
    rig_close(&r);
}

/* A run in which one load has no number, or that serves others, goes on as long as its schedule says. */
static void only_numbers_everywhere_end_a_run(void **state)
{
    (void)state;
    static const char *const further[] = {
        "    max_transactions: 10\n    schedule: [{hold: 1s, concurrent: 1}]\n"
        "  - name: more\n    client: clients\n    server: {device: servers}\n    http: {urls: [{path: /small}]}\n"
        "    schedule: [{hold: 1s, transactions_per_second: 1}]\n",
        "    max_transactions: 10\n    schedule: [{hold: 1s, concurrent: 1}]\n"
        "  - name: more\n    server: {device: servers, port: 81, http: {routes: [{path: /, size: 1}]}}\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(further); i++) {
        struct config_tree *tree;
        struct plan *p = rig_compile(load(narrow, further[i]), &tree);
        assert_int_equal(p->loads[0].max_transactions, 10);
        assert_false(p->ends_by_count);
        plan_free(p);
        config_tree_free(tree);
    }
}

/* ---- a level of connections ---- */

static void a_level_is_reached_held_and_left(void **state)
{
    (void)state;
    struct rig r;

    rig_open(&r,
             load(urls,
                  "    think_time: 50ms\n"
                  "    schedule: [{ramp: 1s, concurrent: 200}, {hold: 1s}, {ramp: 1s, concurrent: 20}, {hold: 1s}]\n"),
             RIG_SIDES);
    traffic_start(r.traffics[0], r.now);
    traffic_start(r.traffics[1], r.now);
    const struct load_stats *s = traffic_load_stats(r.traffics[0], 0);
    int64_t start = r.now;
    rig_run_until(&r, start + 500 * NS_PER_MS);
    assert_in_range(s->connections.live + s->connections.connecting, 98, 100);
    rig_run_until(&r, start + 1500 * NS_PER_MS);
    assert_int_equal(s->connections.live, 200);
    assert_int_equal(s->connections.attempted, 200);
    rig_run_until(&r, start + 3500 * NS_PER_MS);
    assert_int_equal(s->connections.live, 20);
    rig_run_until(&r, start + 4000 * NS_PER_MS);
    assert_true(rig_drain(&r));
    struct traffic_stats *stats = rig_stats(&r);
    assert_flawless(stats);
    traffic_stats_delete(stats);
    rig_close(&r);
}

static void think_times_pace_the_users_of_a_level(void **state)
{
    (void)state;
    static const char *const distributions[] = {"fixed", "uniform", "exponential"};

    for (size_t i = 0; i < ARRAY_SIZE(distributions); i++) {
        char more[256];
        (void)snprintf(more, sizeof more,
                       "    think_time: 20ms\n    think_distribution: %s\n"
                       "    schedule: [{hold: 5s, concurrent: 50}]\n",
                       distributions[i]);
        struct traffic_stats *stats = run_flawless(load("    http: {urls: [{path: /small}]}\n", more));
        /* 50 users, a transaction in 20 ms and up to one tick: 250 each in 5 s */
        assert_in_range(stats->loads[0].transactions.completed, 11000, 12600);
        assert_int_equal(stats->loads[0].connections.attempted, 50);
        traffic_stats_delete(stats);
    }
}

static void users_open_anew_after_their_requests(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_flawless(load(urls, "    requests_per_connection: 5\n    close: server\n    think_time: 1ms\n"
                                "    schedule: [{hold: 500ms, concurrent: 30}]\n"));
    const struct load_stats *s = &stats->loads[0];

    assert_true(s->connections.attempted > 500);
    assert_true(s->transactions.completed > 4 * s->connections.attempted);
    traffic_stats_delete(stats);
}

/* ---- bits ---- */

static void a_rate_of_bits_is_met(void **state)
{
    (void)state;
    struct traffic_stats *stats = run_flawless(load("    http: {urls: [{path: /large}, {path: /sizes}]}\n",
                                                    "    schedule: [{ramp: 1s, bits_per_second: 50M}, {hold: 4s}]\n"));
    const struct load_stats *s = &stats->loads[0];
    uint64_t bits = 8 * (s->bytes.sent + s->bytes.received);

    assert_int_equal(s->schedule.requested, 25000000 + 200000000);
    assert_in_range(bits, 224000000, 226000000);
    assert_in_range(s->phases[1].bits, 199000000, 201000000);
    traffic_stats_delete(stats);
}

/* ---- shares and repeatability ---- */

static void two_client_devices_take_turns(void **state)
{
    (void)state;
    static const char yaml[] = "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
                               "devices:\n"
                               "  - {name: a, port: left, ipv4: {address: 10.0.1.1/16}, count: 3}\n"
                               "  - {name: b, port: left, ipv4: {address: 10.0.3.1/16}, count: 2}\n"
                               "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}, count: 5}\n"
                               "loads:\n"
                               "  - name: one\n"
                               "    client: [a, b]\n"
                               "    server: {device: s, http: {routes: [{path: /, size: 10}]}}\n"
                               "    http: {urls: [{path: /}]}\n"
                               "    schedule: [{hold: 1s, connections_per_second: 250}]\n"
                               "  - name: two\n"
                               "    client: a\n"
                               "    server: {device: s}\n"
                               "    http: {urls: [{path: /}]}\n"
                               "    schedule: [{hold: 1s, transactions_per_second: 100}]\n";
    struct rig r;

    rig_open(&r, yaml, RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    assert_int_equal(stats->loads[0].transactions.completed, 250);
    assert_int_equal(stats->loads[1].transactions.completed, 100);
    assert_int_equal(stats->servers[0].requests.served, 350);
    traffic_stats_delete(stats);
    rig_close(&r);
}

/* The results of a run as JSON. */
static char *run_to_json(const char *yaml)
{
    struct rig r;
    struct json_writer w;
    struct json_buffer text = {0};
    struct results *results = calloc(1, sizeof *results);

    rig_open(&r, yaml, RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    results->plan = r.plan;
    results->stats = stats;
    results->duration_ns = r.now - r.start;
    results->load_ns = r.plan->duration_ns;
    for (unsigned side = 0; side < RIG_SIDES; side++)
        results->ports[side].link = r.links[side]->counters;
    json_writer_init(&w, json_buffer_sink, &text, 2);
    results_write_json(&w, results);
    assert_int_equal(json_finish(&w), 0);
    traffic_stats_delete(stats);
    free(results);
    rig_close(&r);
    return text.bytes;
}

static const char lossy[] =
    "    requests_per_connection: 7\n"
    "    transaction_timeout: 0\n    connect_timeout: 0\n"
    "    schedule: [{hold: 2s, transactions_per_second: 500}]\n"
    "drain: 600s\n"
    "impairments:\n"
    "  - {port: left, direction: both, loss: 3%, delay: 2ms, jitter: 1ms, duplicate: 1%, reorder: 2%}\n";

static void loss_and_reordering_cost_time_but_no_transaction(void **state)
{
    (void)state;
    struct traffic_stats *stats = run_flawless(load(urls, lossy));

    assert_int_equal(stats->loads[0].transactions.completed, 1000);
    assert_true(stats->tcp[0].retransmitted_segments > 10);
    assert_true(stats->tcp[1].retransmitted_segments > 10);
    traffic_stats_delete(stats);
}

static void the_same_seed_gives_the_same_results(void **state)
{
    (void)state;
    char *first = run_to_json(load(urls, lossy)), *second = run_to_json(load(urls, lossy));

    assert_string_equal(first, second);
    free(first);
    free(second);
}

/* ---- peers that behave badly ---- */

enum manners {
    REFUSES,        /* nobody listens */
    SILENT_SYN,     /* SYNs are dropped */
    SILENT,         /* accepts, never answers */
    GARBAGE,        /* answers what is no HTTP */
    HALF,           /* closes in the middle of the answer */
    CLOSES_AT_ONCE, /* closes as soon as it is connected */
    RESETS,         /* resets on the first byte */
    UNSOLICITED,    /* speaks before it is asked */
    BAD_LENGTH,     /* a well-formed answer with other bytes than expected */
};

struct peer {
    struct tcp_layer *tcp;
    enum manners manners;
};

static const char *peer_answer(enum manners manners)
{
    static const char *const answers[] = {
        [GARBAGE] = "220 smtp ready\r\n",
        [HALF] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        [UNSOLICITED] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        [BAD_LENGTH] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    };
    return answers[manners];
}

static int peer_admit(void *context, const struct flow_key *key UNUSED, uint64_t *word)
{
    const struct peer *p = context;
    *word = 0;
    return p->manners == SILENT_SYN ? -1 : 0;
}

static void peer_say(struct peer *p, struct tcp *c, int64_t now)
{
    if (p->manners == BAD_LENGTH || tcp_promised_offset(p->tcp, c) == 0)
        assert_int_equal(tcp_send(p->tcp, c, strlen(peer_answer(p->manners)), now), 0);
}

static void peer_connected(void *context, struct tcp *c, int64_t now)
{
    struct peer *p = context;
    if (p->manners == CLOSES_AT_ONCE)
        (void)tcp_close(p->tcp, c, now);
    else if (p->manners == UNSOLICITED)
        peer_say(p, c, now);
}

static void peer_received(void *context, struct tcp *c, const uint8_t *bytes UNUSED, uint32_t length, int64_t now)
{
    struct peer *p = context;
    if (length == 0) {
        (void)tcp_close(p->tcp, c, now);
        return;
    }
    tcp_consumed(p->tcp, c, length, now);
    if (p->manners == RESETS) {
        tcp_abort(p->tcp, c, now);
    } else if (p->manners != SILENT && p->manners != CLOSES_AT_ONCE) {
        peer_say(p, c, now);
        if (p->manners == HALF)
            (void)tcp_close(p->tcp, c, now);
    }
}

static size_t peer_pull(void *context, struct tcp *c UNUSED, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    const struct peer *p = context;
    struct outq_pool pool;
    const char *answer = peer_answer(p->manners);
    size_t size = strlen(answer);
    struct outq q = {.base = offset / size * size, .end = offset / size * size};

    assert_int_equal(outq_pool_init(&pool, &rig_allocator, (uint32_t)(length / size + 2), 1), 0);
    while (q.end < offset + length)
        assert_int_equal(outq_reference(&q, &pool, answer, (uint32_t)size), 0);
    size_t n = outq_read(&q, &pool, offset, to, length, sum);
    outq_pool_free(&pool);
    return n;
}

static void peer_closed(void *context UNUSED, struct tcp *c UNUSED, enum tcp_close_reason reason UNUSED,
                        int64_t now UNUSED)
{
}

static const struct tcp_user peer_user = {.admit = peer_admit,
                                          .connected = peer_connected,
                                          .received = peer_received,
                                          .pull = peer_pull,
                                          .closed = peer_closed};

/* Runs a load against a peer of that kind instead of the embedded server. */
static struct traffic_stats *run_against(enum manners manners, const char *more)
{
    struct rig r;
    struct tcp_profile profile;
    struct peer *p = calloc(1, sizeof *p);

    rig_open(&r, load("    http: {urls: [{path: /small}]}\n", more), 1);
    p->tcp = stack_tcp(r.stacks[1]);
    p->manners = manners;
    tcp_profile_default(&profile);
    int user = tcp_register_user(p->tcp, &peer_user, p, &profile);
    assert_true(user >= 0);
    if (manners != REFUSES)
        assert_int_equal(tcp_listen(p->tcp, (unsigned)user, TCP_ANY_LOCAL, 80), 0);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    struct traffic_occupancy o;
    traffic_get_occupancy(r.traffics[0], &o);
    assert_int_equal(o.client_connections + o.activities + o.spans, 0);
    assert_null(load_stats_check(&stats->loads[0]));
    assert_int_equal(stats->loads[0].connections.live + stats->loads[0].connections.connecting, 0);
    assert_int_equal(stats->loads[0].transactions.completed, 0);
    rig_close(&r);
    free(p);
    return stats;
}

static void bad_peers_give_counted_causes(void **state)
{
    (void)state;
    static const struct {
        enum manners manners;
        const char *cause;
        bool connects;
        enum connect_failure failure;
    } cases[] = {
        {REFUSES, "connect_refused", false, CONNECT_FAILED_REFUSED},
        {SILENT_SYN, "connect_timeout", false, CONNECT_FAILED_TIMEOUT},
        {SILENT, "timeout", true, CONNECT_FAILED_RESET},
        {GARBAGE, "bad_status_line", true, CONNECT_FAILED_RESET},
        {HALF, "peer_closed", true, CONNECT_FAILED_RESET},
        {CLOSES_AT_ONCE, "peer_closed", true, CONNECT_FAILED_RESET},
        {RESETS, "reset", true, CONNECT_FAILED_RESET},
        {BAD_LENGTH, "length_mismatch", true, CONNECT_FAILED_RESET},
    };
    static const char *const schedules[] = {
        "    connect_timeout: 300ms\n    transaction_timeout: 200ms\n    schedule: [{hold: 1s, "
        "transactions_per_second: 300}]\n",
        "    connect_timeout: 300ms\n    transaction_timeout: 200ms\n    schedule: [{hold: 1s, connections_per_second: "
        "300}]\n",
        "    connect_timeout: 300ms\n    transaction_timeout: 200ms\n    retry_pause: 50ms\n    think_time: 5ms\n"
        "    schedule: [{hold: 1s, concurrent: 20}]\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(schedules); k++) {
            struct traffic_stats *stats = run_against(cases[i].manners, schedules[k]);
            const struct load_stats *s = &stats->loads[0];
            uint64_t of_cause = cause_counts_of(&s->transactions.failed, cases[i].cause);
            if (of_cause != cause_counts_total(&s->transactions.failed))
                fail_msg("case %zu, schedule %zu: %s, not only %s", i, k, s->transactions.failed.list[0].name,
                         cases[i].cause);
            if (cases[i].connects)
                assert_int_equal(s->connections.established, s->connections.attempted);
            else
                assert_int_equal(s->connections.failed[cases[i].failure], s->connections.attempted);
            assert_true(s->connections.attempted > 0);
            if (k == 0)
                assert_int_equal(of_cause, 300); /* under a rate of transactions each one due has failed */
            if (k == 1)
                assert_int_equal(s->connections.attempted, 300);
            if (k == 2)
                assert_in_range(s->connections.attempted, 20, 20 * 21); /* paused, not hammered */
            traffic_stats_delete(stats);
        }
    }
}

static void a_peer_that_speaks_first_is_cut_off(void **state)
{
    (void)state;
    struct traffic_stats *stats = run_against(
        UNSOLICITED, "    think_time: 100ms\n    retry_pause: 100ms\n    schedule: [{hold: 1s, concurrent: 5}]\n");

    assert_true(stats->loads[0].connections.closed_by[TCP_CLOSE_ABORTED] > 0 ||
                stats->loads[0].transactions.started > 0);
    traffic_stats_delete(stats);
}

static void a_host_that_is_not_there_is_unreachable(void **state)
{
    (void)state;
    struct rig r;

    rig_open(&r, load(urls, "    schedule: [{hold: 1s, connections_per_second: 50}]\ndrain: 20s\n"), RIG_SIDES);
    /* nobody takes frames off the wire: ARP stays without an answer */
    struct link *cut = r.links[1];
    struct stack *other = r.stacks[1];
    struct traffic *server = r.traffics[1];
    struct stack_settings settings;
    plan_stack_settings(r.plan, 1, &settings);
    settings.secret = settings.tcp.secret = (struct hash_key){9, 9};
    assert_int_equal(stack_new(&settings, &rig_allocator, r.now, &r.stacks[1]), 0);
    r.traffics[1] = NULL;
    assert_true(stack_add_interface(r.stacks[1], cut, &r.guards[1]) >= 0);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    assert_int_equal(stats->loads[0].connections.attempted, 50);
    assert_int_equal(stats->loads[0].connections.failed[CONNECT_FAILED_UNREACHABLE], 50);
    traffic_stats_delete(stats);
    traffic_delete(server);
    stack_delete(other);
    rig_close(&r);
}

/* ---- sizes and servers that end connections ---- */

static void large_bodies_flow_both_ways(void **state)
{
    (void)state;
    static const char yaml[] =
        "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
        "devices:\n"
        "  - {name: c, port: left, ipv4: {address: 10.0.1.1/16}, count: 3}\n"
        "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}}\n"
        "loads:\n"
        "  - name: bulk\n"
        "    client: c\n"
        "    server: {device: s, http: {routes: [{path: /down, size: 5MB}, {path: /up, digest: true}, {path: /both, "
        "echo: true},\n"
        "      {path: /chunks, size: 3MB, chunk_size: 64KiB}]}}\n"
        "    http: {order: sequence, urls: [{path: /down}, {path: /up, method: put, body_size: 3MB}, {path: /chunks},\n"
        "      {path: /both, method: post, body_size: 2MB}]}\n"
        "    requests_per_connection: 4\n"
        "    schedule: [{hold: 1s, connections_per_second: 6}]\n";
    struct traffic_stats *stats = run_flawless(yaml);

    assert_int_equal(stats->loads[0].transactions.completed, 24);
    assert_int_equal(stats->loads[0].transactions.body_bytes, 6 * (5000000 + 16 + 3000000 + 2000000));
    traffic_stats_delete(stats);
}

static void a_server_may_end_connections_after_some_requests(void **state)
{
    (void)state;
    static const char yaml[] = "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
                               "devices:\n"
                               "  - {name: c, port: left, ipv4: {address: 10.0.1.1/16}, count: 3}\n"
                               "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}}\n"
                               "loads:\n"
                               "  - name: web\n"
                               "    client: c\n"
                               "    server: {device: s, http: {max_requests: 10, routes: [{path: /, size: 10}]}}\n"
                               "    http: {urls: [{path: /}]}\n"
                               "    schedule: [{hold: 1s, transactions_per_second: 1000}]\n";
    struct traffic_stats *stats = run_flawless(yaml);

    assert_int_equal(stats->loads[0].transactions.completed, 1000);
    assert_in_range(stats->loads[0].connections.attempted, 100, 105);
    assert_true(stats->tcp[1].time_wait_entered >= 100);
    traffic_stats_delete(stats);
}

static void bodies_may_end_with_the_connection(void **state)
{
    (void)state;
    static const char yaml[] =
        "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
        "devices:\n"
        "  - {name: c, port: left, ipv4: {address: 10.0.1.1/16}, count: 3}\n"
        "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}}\n"
        "loads:\n"
        "  - name: web\n"
        "    client: c\n"
        "    server: {device: s, http: {routes: [{path: /, size: 30kB, close_delimited: true}]}}\n"
        "    http: {urls: [{path: /}]}\n"
        "    schedule: [{hold: 1s, transactions_per_second: 100}]\n";
    struct traffic_stats *stats = run_flawless(yaml);

    assert_int_equal(stats->loads[0].transactions.completed, 100);
    assert_int_equal(stats->loads[0].connections.attempted, 100);
    traffic_stats_delete(stats);
}

/* ---- servers for others ---- */

static const char server_only[] =
    "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
    "devices:\n"
    "  - {name: c, port: left, ipv4: {address: 10.0.1.1/16}}\n"
    "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}}\n"
    "loads:\n"
    "  - {name: web, server: {device: s, max_connections: 2, http: {routes: [{path: /, size: 10}]}}}\n"
    "duration: 2s\n";

struct visitor {
    unsigned connected, closed;
};
static void visitor_connected(void *context, struct tcp *c UNUSED, int64_t now UNUSED)
{
    ((struct visitor *)context)->connected++;
}
static struct tcp_layer *visitor_tcp(struct rig *r) { return stack_tcp(r->stacks[0]); }
static void visitor_received(void *context UNUSED, struct tcp *c UNUSED, const uint8_t *bytes UNUSED, uint32_t length,
                             int64_t now UNUSED)
{
    assert_int_equal(length, 0); /* only the server's FIN */
}
static size_t visitor_pull(void *context UNUSED, struct tcp *c UNUSED, uint64_t offset UNUSED, uint8_t *to UNUSED,
                           size_t length UNUSED, uint64_t *sum UNUSED)
{
    return 0;
}
static void visitor_closed(void *context, struct tcp *c UNUSED, enum tcp_close_reason reason UNUSED, int64_t now UNUSED)
{
    ((struct visitor *)context)->closed++;
}
static const struct tcp_user visitor_user = {
    .connected = visitor_connected, .received = visitor_received, .pull = visitor_pull, .closed = visitor_closed};

/* Three strangers come, two find room; the drain sends them away although they are idle. */
static void a_server_without_clients_of_its_own_ends_idle_connections(void **state)
{
    (void)state;
    struct rig r;
    struct visitor visitor = {0};
    struct tcp_profile profile;
    struct tcp_ref refs[3];

    rig_open(&r, server_only, 0);
    tcp_profile_default(&profile);
    int user = tcp_register_user(visitor_tcp(&r), &visitor_user, &visitor, &profile);
    assert_true(user >= 0);
    traffic_start(r.traffics[1], r.now);
    struct flow_key key = {.local = 1, .remote = ip_addr_from_v4(0x0a000201), .remote_port = 80};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tcp_connect(visitor_tcp(&r), (unsigned)user, &key, 0, r.now, &refs[i]), 0);
    rig_run_until(&r, r.now + NS_PER_S / 2);
    assert_int_equal(visitor.connected, 2);
    traffic_drain(r.traffics[1], r.now);
    rig_run_until(&r, r.now + NS_PER_S / 2);
    for (unsigned i = 0; i < 3; i++) {
        struct tcp *c = tcp_get(visitor_tcp(&r), refs[i]);
        if (c)
            (void)tcp_close(visitor_tcp(&r), c, r.now);
    }
    rig_run_until(&r, r.now + NS_PER_S);
    assert_true(traffic_finished(r.traffics[1]));
    assert_int_equal(visitor.closed, 3);
    struct traffic_stats *stats = rig_stats(&r);
    assert_int_equal(stats->servers[0].connections.established, 2);
    assert_true(stats->servers[0].connections.refused >= 1);
    assert_int_equal(stats->servers[0].connections.closed_by[TCP_CLOSE_NORMAL], 2);
    traffic_stats_delete(stats);
    rig_close(&r);
}

/* ---- shares ---- */

/* Two ports carry one load: each launches its half, at its own times. */
static void two_ports_share_a_schedule(void **state)
{
    (void)state;
    static const char yaml[] = "ports: [{name: up1, location: \"packet:a\"}, {name: up2, location: \"packet:b\"}]\n"
                               "devices:\n"
                               "  - {name: c1, port: up1, ipv4: {address: 198.18.0.10/24}}\n"
                               "  - {name: c2, port: up2, ipv4: {address: 198.18.0.20/24}}\n"
                               "loads:\n"
                               "  - name: both\n"
                               "    client: [c1, c2]\n"
                               "    server: {address: 198.18.0.1}\n"
                               "    http: {urls: [{path: /}]}\n"
                               "    schedule: [{hold: 1s, connections_per_second: 101}]\n";
    struct rig r;

    rig_open(&r, yaml, RIG_SIDES);
    rig_run_plan(&r);
    assert_int_equal(traffic_load_stats(r.traffics[0], 0)->connections.attempted, 51);
    assert_int_equal(traffic_load_stats(r.traffics[1], 0)->connections.attempted, 50);
    struct traffic_stats *stats = rig_stats(&r);
    assert_int_equal(stats->loads[0].schedule.sent, 101);
    assert_null(load_stats_check(&stats->loads[0]));
    traffic_stats_delete(stats);
    rig_close(&r);
}

/* ---- the end of a run ---- */

static void a_stop_at_any_moment_leaves_nothing(void **state)
{
    (void)state;
    for (int64_t after = 0; after < 40; after++) {
        struct rig r;
        rig_open(
            &r,
            load(urls, "    requests_per_connection: 3\n    schedule: [{hold: 10s, connections_per_second: 2000}]\n"),
            RIG_SIDES);
        traffic_start(r.traffics[0], r.now);
        traffic_start(r.traffics[1], r.now);
        rig_run_until(&r, r.now + after * after * 7919);
        traffic_stop(r.traffics[0], r.now);
        traffic_stop(r.traffics[1], r.now);
        assert_true(traffic_finished(r.traffics[0]) && traffic_finished(r.traffics[1]));
        struct traffic_stats *stats = rig_stats(&r);
        const struct load_stats *s = &stats->loads[0];
        assert_null(load_stats_check(s));
        assert_int_equal(s->connections.live + s->connections.connecting + s->transactions.active, 0);
        assert_int_equal(cause_counts_total(&s->transactions.failed),
                         cause_counts_of(&s->transactions.failed, "stopped"));
        assert_int_equal(failed_connections(s), s->connections.failed[CONNECT_FAILED_STOPPED]);
        traffic_stats_delete(stats);
        rig_close(&r);
    }
}

static void what_is_left_after_the_drain_is_stopped(void **state)
{
    (void)state;
    struct rig r;

    rig_open(&r,
             load("    http: {urls: [{path: /slow}]}\n", "    schedule: [{hold: 1s, transactions_per_second: 1000}]\n"
                                                         "drain: 10ms\n"),
             RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    const struct load_stats *s = &stats->loads[0];
    assert_int_equal(s->transactions.started, 1000);
    assert_in_range(cause_counts_of(&s->transactions.failed, "stopped"), 10, 31);
    assert_int_equal(s->transactions.completed + cause_counts_of(&s->transactions.failed, "stopped"), 1000);
    assert_int_equal(s->connections.live + s->connections.connecting + s->transactions.active, 0);
    traffic_stats_delete(stats);
    rig_close(&r);
}

static void connections_still_connecting_are_stopped(void **state)
{
    (void)state;
    struct traffic_stats *stats =
        run_against(SILENT_SYN, "    connect_timeout: 0\n"
                                "    schedule: [{hold: 100ms, connections_per_second: 100}]\ndrain: 100ms\n");
    const struct load_stats *s = &stats->loads[0];

    assert_int_equal(s->connections.attempted, 10);
    assert_int_equal(s->connections.failed[CONNECT_FAILED_STOPPED], 10);
    traffic_stats_delete(stats);
}

static void a_drain_in_the_middle_lets_begun_transactions_finish(void **state)
{
    (void)state;
    struct rig r;

    rig_open(
        &r, load("    http: {urls: [{path: /slow}]}\n", "    schedule: [{hold: 10s, transactions_per_second: 1000}]\n"),
        RIG_SIDES);
    traffic_start(r.traffics[0], r.now);
    traffic_start(r.traffics[1], r.now);
    rig_run_until(&r, r.now + NS_PER_S);
    assert_true(rig_drain(&r));
    struct traffic_stats *stats = rig_stats(&r);
    assert_int_equal(stats->loads[0].schedule.requested, 1000);
    assert_int_equal(stats->loads[0].transactions.completed, 1000);
    assert_flawless(stats);
    traffic_stats_delete(stats);
    rig_close(&r);
}

/*
 * With loss, connections are in their handshake at any moment: when the drain begins they still do what they were
 * begun for, so that every launch that was sent has an end that is counted.
 */
static void what_was_launched_before_the_drain_still_happens(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        bool for_transactions; /* a connection that fails is counted as a failed transaction too */
    } cases[] = {{"    schedule: [{hold: 2s, connections_per_second: 1000}]\n", false},
                 {"    requests_per_connection: 1\n    schedule: [{hold: 2s, transactions_per_second: 1000}]\n", true}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char more[512];
        (void)snprintf(more, sizeof more,
                       "%s    connect_timeout: 0\n    transaction_timeout: 0\ndrain: 60s\n"
                       "impairments: [{port: left, direction: both, loss: 1%%, delay: 20ms}]\n",
                       cases[i].schedule);
        struct rig r;
        rig_open(&r, load("    http: {urls: [{path: /small}]}\n", more), RIG_SIDES);
        rig_run_plan(&r);
        struct traffic_stats *stats = rig_stats(&r);
        const struct load_stats *s = &stats->loads[0];
        uint64_t failed = cause_counts_total(&s->transactions.failed);
        if (!cases[i].for_transactions)
            failed += failed_connections(s);
        assert_true(stats->tcp[0].retransmitted_segments > 10);
        assert_int_equal(s->schedule.requested, 2000);
        assert_int_equal(s->schedule.sent + s->schedule.dropped, 2000);
        assert_int_equal(s->transactions.completed + failed, s->schedule.sent);
        assert_int_equal(failed, 0);
        traffic_stats_delete(stats);
        rig_close(&r);
    }
}

/* A duration that cuts a schedule: exactly what was planned until there is launched. */
static void a_cut_schedule_is_met_exactly(void **state)
{
    (void)state;
    struct traffic_stats *stats = run_flawless(load(urls, "    schedule: [{ramp: 2s, transactions_per_second: 2000}]\n"
                                                          "duration: 1s\n"));

    assert_int_equal(stats->loads[0].schedule.requested, 500);
    assert_int_equal(stats->loads[0].schedule.sent, 500);
    assert_int_equal(stats->loads[0].phases[0].sent, 500);
    traffic_stats_delete(stats);
}

/* ---- opening and closing many at once ---- */

#define CROWD 50000u
static const char crowd[] = "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
                            "devices:\n"
                            "  - {name: c, port: left, ipv4: {address: 10.0.16.1/12}, count: 50}\n"
                            "  - {name: s, port: right, ipv4: {address: 10.0.1.1/12}}\n"
                            "loads:\n"
                            "  - name: crowd\n"
                            "    client: c\n"
                            "    server: {device: s, http: {routes: [{path: /, size: 100}]}}\n"
                            "    http: {urls: [{path: /}]}\n"
                            "    think_time: 60s\n";

static const char *crowd_with(const char *more)
{
    static char text[YAML_BYTES];
    int length = snprintf(text, sizeof text, "%s%s", crowd, more);
    assert_true(length > 0 && length < YAML_BYTES);
    return text;
}

static void open_crowd(struct rig *r, const char *more)
{
    rig_open(r, crowd_with(more), RIG_SIDES);
    r->check_each_turn = false;
    traffic_start(r->traffics[0], r->now);
    traffic_start(r->traffics[1], r->now);
}

static void assert_calm(const struct traffic_stats *stats)
{
    assert_flawless(stats);
    assert_int_equal(stats->loads[0].connections.attempted, CROWD);
    for (unsigned side = 0; side < RIG_SIDES; side++) {
        assert_int_equal(stats->tcp[side].retransmitted_segments, 0);
        assert_int_equal(stats->tcp[side].drop_syn_queue_full, 0);
    }
}

static void a_level_that_jumps_is_reached_without_loss(void **state)
{
    (void)state;
    struct rig r;

    open_crowd(&r, "    schedule: [{hold: 2s, concurrent: 50000}]\n");
    rig_run_until(&r, r.now + NS_PER_S);
    assert_int_equal(traffic_load_stats(r.traffics[0], 0)->connections.live, CROWD);
    assert_null(traffic_check(r.traffics[0]));
    assert_true(rig_drain(&r));
    struct traffic_stats *stats = rig_stats(&r);
    assert_calm(stats);
    traffic_stats_delete(stats);
    rig_close(&r);
}

static const char far_crowd[] = "    schedule: [{hold: 2s, concurrent: 50000}]\n"
                                "impairments: [{port: right, direction: tx, delay: 50ms, queue_frames: 200000}]\n";

/* The answers are on their way for so long that all handshakes are in progress at once. */
static void a_server_has_room_for_the_handshakes_of_a_level_that_jumps(void **state)
{
    (void)state;
    struct rig r;

    open_crowd(&r, far_crowd);
    rig_run_until(&r, r.now + 60 * NS_PER_MS); /* the neighbour answers */
    rig_run_until(&r, r.now + 40 * NS_PER_MS); /* the servers' answers have not arrived */
    const struct load_stats *s = traffic_load_stats(r.traffics[0], 0);
    assert_int_equal(s->connections.attempted, CROWD);
    assert_int_equal(s->connections.connecting, CROWD);
    struct traffic_stats *stats = rig_stats(&r);
    assert_int_equal(stats->servers[0].connections.connecting, CROWD);
    assert_int_equal(stats->tcp[1].drop_syn_queue_full, 0);
    traffic_stats_delete(stats);
    traffic_stop(r.traffics[0], r.now);
    traffic_stop(r.traffics[1], r.now);
    rig_close(&r);
}

/* As long as the neighbour has not answered, one turn's launches wait for it, not the whole crowd. */
static void a_level_that_jumps_waits_for_neighbours(void **state)
{
    (void)state;
    struct rig r;

    open_crowd(&r, far_crowd);
    rig_run_until(&r, r.now + 49 * NS_PER_MS);
    assert_int_equal(traffic_load_stats(r.traffics[0], 0)->connections.attempted, 256);
    traffic_stop(r.traffics[0], r.now);
    traffic_stop(r.traffics[1], r.now);
    rig_close(&r);
}

static void turn_of_one_side(struct rig *r, unsigned side)
{
    (void)stack_receive(r->stacks[side], r->now);
    (void)traffic_run(r->traffics[side], r->now, 256);
    (void)stack_transmit(r->stacks[side], r->now);
    r->now += 2 * NS_PER_US;
}

/* The other end takes nothing off the wire for a while: what cannot leave is not launched, and is launched later. */
static void launches_wait_for_a_link_that_is_stuck(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "    schedule: [{hold: 100ms, concurrent: 100}, {hold: 2s, concurrent: 50000}]\n",
        "    max_connections: 50000\n    backlog: 50000\n"
        "    schedule: [{hold: 100ms, connections_per_second: 2000}, {hold: 100ms, connections_per_second: 498000}]\n"};

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct rig r;
        open_crowd(&r, ways[i]);
        rig_run_until(&r, r.now + 100 * NS_PER_MS);
        const struct load_stats *s = traffic_load_stats(r.traffics[0], 0);
        uint64_t before = s->connections.attempted;
        for (unsigned turn = 0; turn < 1000; turn++)
            turn_of_one_side(&r, 0);
        /* the link's queue of 1024, and one turn's launches behind it */
        assert_in_range(s->connections.attempted - before, 200, 1024 + 256);
        rig_run_until(&r, r.now + 500 * NS_PER_MS);
        assert_int_equal(s->connections.attempted, CROWD);
        assert_int_equal(s->schedule.dropped, 0);
        assert_true(rig_drain(&r));
        struct traffic_stats *stats = rig_stats(&r);
        assert_calm(stats);
        traffic_stats_delete(stats);
        rig_close(&r);
    }
}

/* How many connections the client's side has told to end. */
static uint64_t ends_begun(const struct rig *r)
{
    struct tcp_occupancy tcp;

    tcp_get_occupancy(stack_tcp(r->stacks[0]), &tcp);
    return traffic_load_stats(r->traffics[0], 0)->connections.closed + tcp.active;
}

static void idle_connections_close_a_few_at_a_time(void **state)
{
    (void)state;
    struct rig r;

    open_crowd(&r, "    schedule: [{hold: 2s, concurrent: 50000}]\n");
    rig_run_until(&r, r.now + 2 * NS_PER_S);
    const struct load_stats *s = traffic_load_stats(r.traffics[0], 0);
    assert_int_equal(s->connections.live, CROWD);
    traffic_drain(r.traffics[0], r.now);
    traffic_drain(r.traffics[1], r.now);
    for (unsigned turn = 0; turn < 20; turn++) {
        uint64_t before = ends_begun(&r);
        (void)traffic_run(r.traffics[0], r.now, 256);
        assert_in_range(ends_begun(&r) - before, 1, 64);
        assert_int_equal(traffic_next_deadline(r.traffics[0]), r.now);
        rig_turn(&r, TIME_NEVER);
    }
    rig_run_until(&r, r.now + NS_PER_S);
    assert_true(traffic_finished(r.traffics[0]) && traffic_finished(r.traffics[1]));
    assert_int_equal(traffic_next_deadline(r.traffics[0]), TIME_NEVER);
    struct traffic_stats *stats = rig_stats(&r);
    assert_calm(stats);
    traffic_stats_delete(stats);
    rig_close(&r);
}

/* Neither the closes of a drain nor think times that end meanwhile fill the way to a link that is stuck. */
static void closes_wait_for_a_link_that_is_stuck(void **state)
{
    (void)state;
    struct rig r;

    open_crowd(&r, "    think_distribution: uniform\n    schedule: [{hold: 2s, concurrent: 50000}]\n");
    rig_run_until(&r, r.now + 2 * NS_PER_S);
    traffic_drain(r.traffics[0], r.now);
    traffic_drain(r.traffics[1], r.now);
    for (unsigned turn = 0; turn < 200; turn++) {
        turn_of_one_side(&r, 0);
        r.now += NS_PER_MS / 2; /* all in all 100 ms, in which some 80 think times end */
    }
    assert_true(ends_begun(&r) <= 1024 + 64 + 64);
    rig_run_until(&r, r.now + NS_PER_S);
    assert_true(traffic_finished(r.traffics[0]) && traffic_finished(r.traffics[1]));
    rig_close(&r);
}

static void a_stop_ends_a_crowd_at_once(void **state)
{
    (void)state;
    struct rig r;

    open_crowd(&r, "    schedule: [{hold: 2s, concurrent: 50000}]\n");
    rig_run_until(&r, r.now + NS_PER_S);
    traffic_stop(r.traffics[0], r.now);
    traffic_stop(r.traffics[1], r.now);
    assert_true(traffic_finished(r.traffics[0]) && traffic_finished(r.traffics[1]));
    rig_close(&r);
}

/* ---- the beginning ---- */

struct scarce {
    struct allocator allocator;
    unsigned left;
};
static void *scarce_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct scarce *s = self->context;
    return s->left == 0 ? NULL : (s->left--, rig_allocator.alloc(&rig_allocator, size, align));
}
static void scarce_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    rig_allocator.free(&rig_allocator, memory, size);
}

static void running_out_of_memory_at_the_start_is_an_error(void **state)
{
    (void)state;
    bool made = false;

    for (unsigned allocations = 0; !made; allocations++) {
        struct rig r;
        struct traffic *t;
        struct scarce scarce = {.left = allocations};
        scarce.allocator = (struct allocator){.alloc = scarce_alloc, .free = scarce_free, .context = &scarce};
        rig_open(&r, load(urls, "    schedule: [{hold: 1s, concurrent: 5}]\n"), allocations % 2);
        int error = traffic_new(r.plan, allocations % 2, r.stacks[allocations % 2], &scarce.allocator, r.now, &t);
        made = error == 0;
        assert_true(made || (error == ERR_NO_MEMORY && !t));
        assert_true(allocations < 100);
        traffic_delete(t);
        rig_close(&r);
    }
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    (void)state;
    struct rig r;
    struct traffic *t;
    struct tcp_profile profile;

    rig_open(&r, load(urls, "    schedule: [{hold: 1s, concurrent: 5}]\n"), 1);
    tcp_profile_default(&profile);
    int user = tcp_register_user(stack_tcp(r.stacks[1]), &peer_user, &r, &profile);
    assert_true(user >= 0);
    assert_int_equal(tcp_listen(stack_tcp(r.stacks[1]), (unsigned)user, 2, 80), 0);
    assert_int_equal(traffic_new(r.plan, 1, r.stacks[1], &rig_allocator, r.now, &t), ERR_IN_USE);
    /* what was listening already does no more */
    assert_int_equal(tcp_unlisten(stack_tcp(r.stacks[1]), 2, 80, r.now), 0);
    assert_int_equal(tcp_unlisten(stack_tcp(r.stacks[1]), 1, 80, r.now), ERR_NOT_FOUND);
    assert_int_equal(traffic_setup_hosts(r.plan, 1, 0, r.stacks[1]), ERR_EXISTS);
    rig_close(&r);
}

/* ---- scale ---- */

static void thousands_of_hosts_hold_tens_of_thousands_of_connections(void **state)
{
    (void)state;
    static const char yaml[] = "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
                               "devices:\n"
                               "  - {name: c, port: left, ipv4: {address: 10.0.16.1/12}, count: 3000}\n"
                               "  - {name: s, port: right, ipv4: {address: 10.0.1.1/12}, count: 100}\n"
                               "loads:\n"
                               "  - name: many\n"
                               "    client: c\n"
                               "    server: {device: s, http: {routes: [{path: /, size: 500}]}}\n"
                               "    http: {urls: [{path: /}]}\n"
                               "    think_time: 4s\n"
                               "    schedule: [{ramp: 3s, concurrent: 30k}, {hold: 5s}]\n";
    struct rig r;
    struct traffic_occupancy o;
    struct tcp_occupancy tcp;

    rig_open(&r, yaml, RIG_SIDES);
    r.check_each_turn = false;
    traffic_start(r.traffics[0], r.now);
    traffic_start(r.traffics[1], r.now);
    rig_run_until(&r, r.now + 4 * NS_PER_S);
    const struct load_stats *s = traffic_load_stats(r.traffics[0], 0);
    assert_null(traffic_check(r.traffics[0]));
    assert_int_equal(s->connections.live, 30000);
    /* idle connections have neither activities here nor works in TCP */
    traffic_get_occupancy(r.traffics[0], &o);
    assert_int_equal(o.client_connections, 30000);
    assert_true(o.activities < 1024 + 600);
    traffic_get_occupancy(r.traffics[1], &o);
    assert_int_equal(o.server_connections, 30000);
    assert_true(o.activities < 1024 + 600);
    tcp_get_occupancy(stack_tcp(r.stacks[0]), &tcp);
    assert_true(tcp.active < 1000);
    rig_run_until(&r, r.now + 4 * NS_PER_S);
    assert_true(rig_drain(&r));
    struct traffic_stats *stats = rig_stats(&r);
    assert_flawless(stats);
    assert_true(s->transactions.completed > 50000);
    traffic_stats_delete(stats);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_rate_of_transactions_is_met_exactly),
        cmocka_unit_test(weights_decide_how_often_a_url_is_asked_for),
        cmocka_unit_test(urls_in_sequence_are_asked_for_in_turn),
        cmocka_unit_test(connections_end_after_their_requests),
        cmocka_unit_test(an_open_loop_counts_latency_from_due_time),
        cmocka_unit_test(a_bounded_backlog_drops_the_oldest),
        cmocka_unit_test(a_closed_loop_counts_latency_from_sending),
        cmocka_unit_test(pipelined_requests_share_a_connection),
        cmocka_unit_test(a_rate_of_connections_is_met_exactly_whoever_closes_first),
        cmocka_unit_test(running_out_of_ports_is_a_counted_cause),
        cmocka_unit_test(a_load_ends_after_its_number_of_transactions),
        cmocka_unit_test(loads_end_one_by_one),
        cmocka_unit_test(only_numbers_everywhere_end_a_run),
        cmocka_unit_test(a_level_is_reached_held_and_left),
        cmocka_unit_test(think_times_pace_the_users_of_a_level),
        cmocka_unit_test(users_open_anew_after_their_requests),
        cmocka_unit_test(a_rate_of_bits_is_met),
        cmocka_unit_test(two_client_devices_take_turns),
        cmocka_unit_test(loss_and_reordering_cost_time_but_no_transaction),
        cmocka_unit_test(the_same_seed_gives_the_same_results),
        cmocka_unit_test(bad_peers_give_counted_causes),
        cmocka_unit_test(a_peer_that_speaks_first_is_cut_off),
        cmocka_unit_test(a_host_that_is_not_there_is_unreachable),
        cmocka_unit_test(large_bodies_flow_both_ways),
        cmocka_unit_test(a_server_may_end_connections_after_some_requests),
        cmocka_unit_test(bodies_may_end_with_the_connection),
        cmocka_unit_test(a_server_without_clients_of_its_own_ends_idle_connections),
        cmocka_unit_test(two_ports_share_a_schedule),
        cmocka_unit_test(a_stop_at_any_moment_leaves_nothing),
        cmocka_unit_test(what_is_left_after_the_drain_is_stopped),
        cmocka_unit_test(connections_still_connecting_are_stopped),
        cmocka_unit_test(a_drain_in_the_middle_lets_begun_transactions_finish),
        cmocka_unit_test(what_was_launched_before_the_drain_still_happens),
        cmocka_unit_test(a_cut_schedule_is_met_exactly),
        cmocka_unit_test(a_level_that_jumps_is_reached_without_loss),
        cmocka_unit_test(a_server_has_room_for_the_handshakes_of_a_level_that_jumps),
        cmocka_unit_test(a_level_that_jumps_waits_for_neighbours),
        cmocka_unit_test(launches_wait_for_a_link_that_is_stuck),
        cmocka_unit_test(idle_connections_close_a_few_at_a_time),
        cmocka_unit_test(closes_wait_for_a_link_that_is_stuck),
        cmocka_unit_test(a_stop_ends_a_crowd_at_once),
        cmocka_unit_test(running_out_of_memory_at_the_start_is_an_error),
        cmocka_unit_test(a_port_that_is_taken_is_an_error),
        cmocka_unit_test(thousands_of_hosts_hold_tens_of_thousands_of_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
