/* SPDX-License-Identifier: MIT */
/*
 * engine/: whole runs in real time, a worker thread a port, over memory links. What clients and servers counted on
 * different threads agrees, statistics read while the workers run are consistent at every look, impairments and
 * captures of a port are what the plan says, and nothing is left behind.
 */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine_rig.h"
#include "link/pcap.h"

/* A drain ends when all is done: on a busy machine later. */
#define PATIENT "drain: 60s\n"
#define WIRE PATIENT ENGINE_RIG_WIRE
#define SMALL_SERVER "    server: {device: web, http: {routes: [{path: /, body: 'Hello, world!'}]}}\n"
#define SMALL_CLIENT "    http: {urls: [{path: /}]}\n"

static const char keep_alive_run[] = WIRE "loads:\n"
                                          "  - name: pages\n"
                                          "    client: clients\n"
                                          "    server: {device: web, http: {routes: [{path: /, size: 4KiB}]}}\n"
                                          "    http: {urls: [{path: /}]}\n"
                                          "    requests_per_connection: 20\n"
                                          "    schedule: [{ramp: 300ms, transactions_per_second: 2k}, {hold: 700ms}]\n";

static const char new_connections_run[] =
    WIRE "loads:\n"
         "  - name: connects\n"
         "    client: clients\n" SMALL_SERVER SMALL_CLIENT "    schedule: [{hold: 900ms, connections_per_second: 1k}]\n"
         "    tcp: {time_wait: 0}\n";

/* Clients and servers of a run without failures saw the same. */
static void check_agreement(const struct engine_rig *r, uint32_t load, uint32_t server)
{
    const struct load_stats *l = engine_rig_load(r, load);
    const struct server_stats *s = &r->results.stats->servers[server];
    assert_int_equal(engine_rig_failed(l), 0);
    assert_int_equal(cause_counts_total(&l->transactions.failed), 0);
    assert_true(l->transactions.completed > 0);
    assert_int_equal(l->transactions.completed, s->requests.served);
    assert_int_equal(l->transactions.completed, l->transactions.started);
    assert_int_equal(l->connections.established, s->connections.established);
    assert_int_equal(l->bytes.sent, s->bytes.received);
    assert_int_equal(l->bytes.received, s->bytes.sent);
    assert_int_equal(l->schedule.requested, l->schedule.sent + l->schedule.dropped);
    assert_int_equal(l->transaction.count, l->transactions.completed);
}

/* What one end of a wire sent, the other received. */
static void check_wire(const struct engine_rig *r, uint32_t a, uint32_t b)
{
    const struct link_counters *one = &r->results.ports[a].link, *other = &r->results.ports[b].link;
    assert_true(one->frames_tx > 0 && other->frames_tx > 0);
    assert_true(one->frames_rx <= other->frames_tx && other->frames_rx <= one->frames_tx);
}

static void test_both_ends_of_a_keep_alive_run_agree(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, keep_alive_run);
    engine_rig_run(&r);
    check_agreement(&r, 0, 0);
    check_wire(&r, 0, 1);
    assert_false(r.results.interrupted);
    assert_true(results_passed(&r.results));
    assert_true(r.results.load_ns >= r.plan->duration_ns);
    assert_true(engine_busy_ppm(r.engine, 0) <= 1000000 && engine_busy_ppm(r.engine, 1) <= 1000000);
    assert_true(engine_busy_ppm(r.engine, 0) > 0);
    engine_rig_close(&r);
}

/* Each look checks what holds at every moment: engine_rig_look(). */
static void test_statistics_read_while_workers_run_agree_with_themselves(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, WIRE "loads:\n"
                             "  - name: endless\n"
                             "    client: clients\n" SMALL_SERVER SMALL_CLIENT "    requests_per_connection: 20\n"
                             "    schedule: [{hold: 1h, concurrent: 8}]\n");
    engine_rig_start(&r);
    assert_int_equal(engine_rig_follow(&r, ENGINE_DRAINING, 100), ENGINE_RUNNING);
    engine_request_drain(r.engine);
    engine_rig_finish(&r);
    check_agreement(&r, 0, 0);
    assert_true(r.looks > 100);
    assert_true(r.results.interrupted);
    engine_rig_close(&r);
}

static void test_both_ends_of_a_run_of_new_connections_agree(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, new_connections_run);
    engine_rig_run(&r);
    check_agreement(&r, 0, 0);
    check_wire(&r, 0, 1);
    const struct load_stats *l = engine_rig_load(&r, 0);
    /* what was still connecting when the drain began closes without a request */
    assert_true(l->connections.established >= l->transactions.completed);
    assert_int_equal(l->connect.count, l->connections.established);
    engine_rig_close(&r);
}

static void test_the_results_stay_the_same_after_the_end(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, WIRE "loads:\n"
                             "  - name: short\n"
                             "    client: clients\n" SMALL_SERVER SMALL_CLIENT
                             "    schedule: [{hold: 100ms, concurrent: 4}]\n");
    engine_rig_run(&r);
    uint64_t completed = engine_rig_load(&r, 0)->transactions.completed;
    int64_t duration = r.results.duration_ns;
    assert_int_equal(engine_step(r.engine), ENGINE_DONE);
    clock_sleep(2 * NS_PER_MS);
    engine_rig_look(&r);
    assert_int_equal(engine_rig_load(&r, 0)->transactions.completed, completed);
    assert_int_equal(r.results.duration_ns, duration);
    assert_int_equal(engine_elapsed(r.engine), duration);
    engine_rig_close(&r);
}

/* Of a schedule of an hour, from two ports. */
static void test_a_run_ends_when_each_load_has_had_its_number(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, WIRE "loads:\n"
                             "  - name: there\n"
                             "    client: clients\n" SMALL_SERVER SMALL_CLIENT "    max_transactions: 500\n"
                             "    schedule: [{hold: 1h, concurrent: 4}]\n"
                             "  - name: back\n"
                             "    client: web\n"
                             "    server: {device: clients, http: {routes: [{path: /, size: 9}]}}\n" SMALL_CLIENT
                             "    max_transactions: 50\n"
                             "    schedule: [{hold: 1h, connections_per_second: 1000}]\n");
    engine_rig_run(&r);
    check_agreement(&r, 0, 0);
    check_agreement(&r, 1, 1);
    assert_int_equal(engine_rig_load(&r, 0)->transactions.completed, 500);
    assert_int_equal(engine_rig_load(&r, 1)->transactions.completed, 50);
    assert_false(r.results.interrupted);
    assert_true(results_passed(&r.results));
    engine_rig_close(&r);
}

static void test_before_the_start_everything_is_zero(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, keep_alive_run);
    engine_rig_look(&r);
    assert_int_equal(engine_rig_load(&r, 0)->connections.attempted, 0);
    assert_int_equal(r.results.duration_ns, 0);
    assert_int_equal(r.results.load_ns, 0);
    assert_int_equal(engine_elapsed(r.engine), 0);
    engine_rig_close(&r);
}

/* Four workers: more than many a machine has processors. */
static void test_four_ports_on_two_wires_run_side_by_side(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, PATIENT "ports:\n"
                                "  - {name: a, location: 'mem:first', frames: 2048}\n"
                                "  - {name: c, location: 'mem:second', frames: 1024}\n"
                                "  - {name: b, location: 'mem:first', frames: 2048}\n"
                                "  - {name: d, location: 'mem:second', frames: 4096}\n"
                                "devices:\n"
                                "  - {name: clients, port: a, ipv4: {address: 10.1.0.1/16}, count: 8}\n"
                                "  - {name: web, port: b, ipv4: {address: 10.1.1.1/16}}\n"
                                "  - {name: others, port: d, ipv4: {address: 10.2.0.1/16}, count: 2}\n"
                                "  - {name: files, port: c, ipv4: {address: 10.2.1.1/16}}\n"
                                "loads:\n"
                                "  - name: pages\n"
                                "    client: clients\n" SMALL_SERVER SMALL_CLIENT
                                "    max_transactions: 250\n    schedule: [{hold: 1h, connections_per_second: 500}]\n"
                                "  - name: files\n"
                                "    client: others\n"
                                "    server: {device: files, http: {routes: [{path: /, size: 100KiB}]}}\n" SMALL_CLIENT
                                "    max_transactions: 100\n    schedule: [{hold: 1h, concurrent: 3}]\n");
    engine_rig_run(&r);
    check_agreement(&r, 0, 0);
    check_agreement(&r, 1, 1);
    check_wire(&r, 0, 2);
    check_wire(&r, 1, 3);
    engine_rig_close(&r);
}

/* ---- impairments ---- */

static void test_impairments_of_memory_ports_harm_frames_and_no_transaction(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, WIRE "impairments:\n"
                             "  - {port: a, direction: both, loss: 0.01, duplicate: 0.01, reorder: 0.01, "
                             "corrupt: 0.005, delay: 1ms, jitter: 200us}\n"
                             "loads:\n"
                             "  - name: pages\n"
                             "    client: clients\n"
                             "    server: {device: web, http: {routes: [{path: /, size: 20KiB}]}}\n" SMALL_CLIENT
                             "    max_transactions: 500\n"
                             "    schedule: [{hold: 1h, concurrent: 8}]\n"
                             "    tcp: {rto_min: 5ms, rto_initial: 20ms}\n");
    engine_rig_run(&r);
    const struct load_stats *l = engine_rig_load(&r, 0);
    assert_int_equal(l->transactions.completed, 500);
    assert_int_equal(engine_rig_failed(l), 0);
    assert_int_equal(cause_counts_total(&l->transactions.failed), 0);
    uint64_t retransmitted = 0;
    for (uint32_t i = 0; i < 2; i++) {
        const struct results_port *p = &r.results.ports[i];
        assert_true(p->impair.lost > 0 && p->impair.delayed > 0);
        assert_int_equal(p->link.drops[LINK_DROP_IMPAIR_LOSS], p->impair.lost);
        assert_int_equal(p->link.drops[LINK_DROP_IMPAIR_QUEUE], p->impair.queue_full);
        retransmitted += r.results.stats->tcp[i].retransmitted_segments;
    }
    assert_true(retransmitted > 0);
    engine_rig_close(&r);
}

/* ---- captures ---- */

static char *new_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/weir-engine-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return path;
}

struct captured {
    uint64_t frames, bytes;
    int64_t first_ns, last_ns;
};

static struct captured read_capture(const char *path)
{
    struct captured c = {0};
    struct pcap_reader *reader;
    struct pcap_record record;
    char message[256];
    int got;
    if (pcap_reader_open(path, &reader, message) < 0)
        fail_msg("%s", message);
    while ((got = pcap_reader_next(reader, &record)) == 1) {
        assert_int_equal(record.captured, record.original);
        c.first_ns = c.frames == 0 ? record.time_ns : c.first_ns;
        assert_true(record.time_ns >= c.last_ns);
        c.last_ns = record.time_ns;
        c.frames++;
        c.bytes += record.captured;
    }
    assert_int_equal(got, 0);
    pcap_reader_close(reader);
    return c;
}

/* A run whose port a is captured; impairments may be empty. */
static struct captured captured_run(const char *impairments, struct results_port *port)
{
    char yaml[2048];
    struct engine_rig r;
    const char *path = new_path();
    snprintf(yaml, sizeof yaml,
             PATIENT "ports:\n"
                     "  - {name: a, location: 'mem:wire', frames: 2048, capture: '%s'}\n"
                     "  - {name: b, location: 'mem:wire', frames: 2048}\n" ENGINE_RIG_DEVICES "%s"
                     "loads:\n"
                     "  - name: pages\n"
                     "    client: clients\n" SMALL_SERVER SMALL_CLIENT "    max_transactions: 200\n"
                     "    schedule: [{hold: 1h, connections_per_second: 500}]\n",
             path, impairments);
    engine_rig_open(&r, yaml);
    engine_rig_run(&r);
    *port = r.results.ports[0];
    engine_rig_close(&r);
    struct captured c = read_capture(path);
    assert_int_equal(unlink(path), 0);
    return c;
}

static void test_a_capture_holds_what_its_port_counted(void **state)
{
    struct results_port port;
    (void)state;
    struct captured c = captured_run("", &port);
    assert_true(c.frames > 0);
    assert_int_equal(c.frames, port.link.frames_tx + port.link.frames_rx);
    assert_int_equal(c.bytes, port.link.bytes_tx + port.link.bytes_rx);
}

static void test_a_capture_has_the_time_of_day(void **state)
{
    struct results_port port;
    (void)state;
    int64_t before = (int64_t)time(NULL) * NS_PER_S;
    struct captured c = captured_run("", &port);
    int64_t after = ((int64_t)time(NULL) + 1) * NS_PER_S;
    assert_true(c.first_ns >= before && c.last_ns <= after);
}

/* The capture lies over the impairment: it has the frames that the wire has lost since. */
static void test_drops_under_a_capture_are_counted(void **state)
{
    struct results_port port;
    (void)state;
    struct captured c = captured_run("impairments: [{port: a, loss: 0.05}]\n", &port);
    assert_true(port.impair.lost > 0);
    assert_int_equal(port.link.drops[LINK_DROP_IMPAIR_LOSS], port.impair.lost);
    assert_int_equal(c.frames, port.link.frames_tx + port.link.frames_rx + port.impair.lost);
}

/* ---- nothing is left ---- */

static unsigned entries_of(const char *directory)
{
    unsigned n = 0;
    DIR *d = opendir(directory);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* A thread that was joined is listed for an instant more. */
static void assert_threads_go(unsigned threads)
{
    while (entries_of("/proc/self/task") > threads)
        clock_sleep(NS_PER_MS);
    assert_int_equal(entries_of("/proc/self/task"), threads);
}

static void test_engines_one_after_the_other_leave_no_thread_and_no_descriptor(void **state)
{
    (void)state;
    unsigned descriptors = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task");
    for (unsigned i = 0; i < 6; i++) {
        struct engine_rig r;
        engine_rig_open(&r, WIRE "loads:\n"
                                 "  - name: short\n"
                                 "    client: clients\n" SMALL_SERVER SMALL_CLIENT
                                 "    max_transactions: 20\n    schedule: [{hold: 1h, concurrent: 4}]\n");
        engine_rig_run(&r);
        check_agreement(&r, 0, 0);
        engine_rig_close(&r);
        assert_int_equal(entries_of("/proc/self/fd"), descriptors);
        assert_threads_go(threads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ends_of_a_keep_alive_run_agree),
        cmocka_unit_test(test_statistics_read_while_workers_run_agree_with_themselves),
        cmocka_unit_test(test_both_ends_of_a_run_of_new_connections_agree),
        cmocka_unit_test(test_the_results_stay_the_same_after_the_end),
        cmocka_unit_test(test_a_run_ends_when_each_load_has_had_its_number),
        cmocka_unit_test(test_before_the_start_everything_is_zero),
        cmocka_unit_test(test_four_ports_on_two_wires_run_side_by_side),
        cmocka_unit_test(test_impairments_of_memory_ports_harm_frames_and_no_transaction),
        cmocka_unit_test(test_a_capture_holds_what_its_port_counted),
        cmocka_unit_test(test_a_capture_has_the_time_of_day),
        cmocka_unit_test(test_drops_under_a_capture_are_counted),
        cmocka_unit_test(test_engines_one_after_the_other_leave_no_thread_and_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
