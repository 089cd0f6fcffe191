/* SPDX-License-Identifier: MIT */
/*
 * engine/: the ends of a run other than its own: a drain asked for, the emergency stop, deletion in any phase, a drain
 * that does not come to its end. Schedules are an hour long: a run that ends has ended because of what the test did.
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <signal.h>

#include "engine/clock.h"
#include "engine_rig.h"

static const char long_run[] = ENGINE_RIG_WIRE "loads:\n"
                                               "  - name: pages\n"
                                               "    client: clients\n"
                                               "    server: {device: web, http: {routes: [{path: /, size: 8KiB}]}}\n"
                                               "    http: {urls: [{path: /}]}\n"
                                               "    requests_per_connection: 10\n"
                                               "    tcp: {time_wait: 0}\n"
                                               "    schedule: [{hold: 1h, concurrent: 16}]\n";

/* Requests that are not answered within the test. */
static const char stuck_run[] =
    ENGINE_RIG_WIRE "drain: 100ms\n"
                    "loads:\n"
                    "  - name: pages\n"
                    "    client: clients\n"
                    "    server: {device: web, http: {routes: [{path: /, body: late, delay: 1h}]}}\n"
                    "    http: {urls: [{path: /}]}\n"
                    "    transaction_timeout: 0\n"
                    "    schedule: [{hold: 1h, concurrent: 16}]\n";

/* ARP passes a guard, SYNs do not pass this one: connections remain connecting. */
static void open_connecting(struct engine_rig *r)
{
    engine_rig_compile(r, ENGINE_RIG_WIRE "drain: 100ms\n"
                                          "loads:\n"
                                          "  - name: pages\n"
                                          "    client: clients\n"
                                          "    server: {device: web, http: {routes: [{path: /, body: x}]}}\n"
                                          "    http: {urls: [{path: /}]}\n"
                                          "    connect_timeout: 1h\n"
                                          "    tcp: {syn_retries: 100}\n"
                                          "    schedule: [{hold: 1h, concurrent: 16}]\n");
    engine_rig_deny(r, 0);
    engine_rig_make(r);
}

static void run_until_busy(struct engine_rig *r)
{
    engine_rig_start(r);
    do {
        assert_int_equal(engine_rig_follow(r, ENGINE_DRAINING, 2), ENGINE_RUNNING);
    } while (engine_rig_load(r, 0)->connections.attempted < 16);
}

/* Until 16 transactions wait for answers that do not come, on connections that a stop would reset. */
static void run_until_stuck(struct engine_rig *r)
{
    run_until_busy(r);
    while (engine_rig_load(r, 0)->transactions.active < 16)
        assert_int_equal(engine_rig_follow(r, ENGINE_DRAINING, 1), ENGINE_RUNNING);
}

/* Another thread's request comes about when the controller is in the middle of a look. */
static void *drain_from_elsewhere(void *engine)
{
    clock_sleep(20 * NS_PER_MS);
    engine_request_drain(engine);
    return NULL;
}

static void *stop_from_elsewhere(void *engine)
{
    clock_sleep(20 * NS_PER_MS);
    engine_request_stop(engine);
    return NULL;
}

static void finish_with(struct engine_rig *r, void *(*request)(void *))
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, request, r->engine), 0);
    engine_rig_finish(r);
    pthread_join(thread, NULL);
    assert_true(r->results.interrupted);
    assert_true(r->results.load_ns < r->plan->duration_ns);
}

static void test_a_drain_asked_for_by_another_thread_ends_the_run_cleanly(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    run_until_busy(&r);
    finish_with(&r, drain_from_elsewhere);
    const struct load_stats *l = engine_rig_load(&r, 0);
    assert_int_equal(engine_rig_failed(l), 0);
    assert_int_equal(cause_counts_total(&l->transactions.failed), 0);
    assert_int_equal(l->transactions.completed, r.results.stats->servers[0].requests.served);
    assert_int_equal(l->connections.established, r.results.stats->servers[0].connections.established);
    engine_rig_close(&r);
}

static struct engine *interrupted_engine;
static void on_signal(int signal)
{
    (void)signal;
    engine_request_drain(interrupted_engine);
}

static void test_a_signal_handler_may_ask_for_the_drain(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    interrupted_engine = r.engine;
    void (*before)(int) = signal(SIGUSR1, on_signal);
    run_until_busy(&r);
    raise(SIGUSR1);
    engine_rig_finish(&r);
    signal(SIGUSR1, before);
    assert_true(r.results.interrupted);
    assert_int_equal(cause_counts_total(&engine_rig_load(&r, 0)->transactions.failed), 0);
    engine_rig_close(&r);
}

static void test_a_drain_asked_for_before_the_start_ends_the_run_at_once(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    engine_request_drain(r.engine);
    engine_rig_run(&r);
    assert_true(r.results.interrupted);
    assert_int_equal(engine_rig_failed(engine_rig_load(&r, 0)), 0);
    engine_rig_close(&r);
}

static void test_the_emergency_stop_ends_the_run_and_counts_what_was_left(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, stuck_run);
    run_until_stuck(&r);
    finish_with(&r, stop_from_elsewhere);
    const struct load_stats *l = engine_rig_load(&r, 0);
    assert_int_equal(l->transactions.completed, 0);
    assert_int_equal(cause_counts_of(&l->transactions.failed, "stopped"), l->transactions.started);
    engine_rig_close(&r);
}

static uint64_t frames_sent(const struct engine_rig *r)
{
    return r->results.ports[0].link.frames_tx + r->results.ports[1].link.frames_tx;
}

static void test_after_the_emergency_stop_no_frame_leaves(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, stuck_run);
    run_until_stuck(&r);
    engine_request_stop(r.engine);
    engine_rig_look(&r); /* every worker has begun a turn since */
    engine_rig_look(&r);
    uint64_t sent = frames_sent(&r);
    engine_rig_finish(&r);
    assert_int_equal(frames_sent(&r), sent);
    assert_true(r.results.ports[0].guard_denied[GUARD_STOPPED] > 0); /* the resets */
    assert_int_equal(r.results.ports[0].link.drops[LINK_DROP_TX_GUARD], r.results.ports[0].guard_denied[GUARD_STOPPED]);
    engine_rig_close(&r);
}

static void test_the_emergency_stop_ends_a_drain(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, stuck_run);
    r.plan->drain_ns = 3600 * NS_PER_S;
    run_until_busy(&r);
    engine_request_drain(r.engine);
    assert_int_equal(engine_rig_follow(&r, ENGINE_DRAINING, 1000000), ENGINE_DRAINING);
    assert_int_equal(engine_rig_follow(&r, ENGINE_DONE, 5), ENGINE_DRAINING); /* waits for the answers */
    finish_with(&r, stop_from_elsewhere);
    engine_rig_close(&r);
}

static void test_the_emergency_stop_before_the_start_lets_nothing_out(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    engine_request_stop(r.engine);
    engine_rig_run(&r);
    assert_true(r.results.interrupted);
    assert_int_equal(frames_sent(&r), 0);
    engine_rig_close(&r);
}

static void test_a_drain_that_does_not_finish_ends_in_time_and_counts_stopped_transactions(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, stuck_run);
    run_until_stuck(&r);
    engine_request_drain(r.engine);
    engine_rig_finish(&r);
    const struct load_stats *l = engine_rig_load(&r, 0);
    assert_true(l->transactions.started > 0);
    assert_int_equal(cause_counts_of(&l->transactions.failed, "stopped"), l->transactions.started);
    engine_rig_close(&r);
}

static void test_what_still_connects_when_the_drain_is_over_has_failed_as_stopped(void **state)
{
    struct engine_rig r;
    (void)state;
    open_connecting(&r);
    run_until_busy(&r);
    engine_request_drain(r.engine);
    engine_rig_finish(&r);
    const struct load_stats *l = engine_rig_load(&r, 0);
    assert_int_equal(l->connections.attempted, 16);
    assert_int_equal(l->connections.failed[CONNECT_FAILED_STOPPED], 16);
    assert_true(r.results.ports[0].guard_denied[GUARD_DESTINATION] >= 16);
    engine_rig_close(&r);
}

/* ---- deletion ---- */

static void test_an_engine_that_was_never_started_can_be_deleted(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    engine_rig_close(&r);
    engine_delete(NULL);
}

static void test_an_engine_can_be_deleted_right_after_its_start(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    engine_rig_start(&r);
    engine_rig_close(&r);
}

static void test_an_engine_can_be_deleted_while_it_runs(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, long_run);
    run_until_busy(&r);
    engine_rig_close(&r);
}

static void test_an_engine_can_be_deleted_while_it_drains(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, stuck_run);
    r.plan->drain_ns = 3600 * NS_PER_S;
    run_until_busy(&r);
    engine_request_drain(r.engine);
    assert_int_equal(engine_rig_follow(&r, ENGINE_DRAINING, 1000000), ENGINE_DRAINING);
    engine_rig_look(&r);
    engine_rig_close(&r);
}

static void test_an_engine_can_be_deleted_with_frames_held_by_impairments(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, ENGINE_RIG_WIRE
                    "impairments: [{port: a, direction: both, delay: 50ms, duplicate: 0.2, reorder: 0.1}]\n"
                    "loads:\n"
                    "  - name: pages\n"
                    "    client: clients\n"
                    "    server: {device: web, http: {routes: [{path: /, size: 64KiB}]}}\n"
                    "    http: {urls: [{path: /}]}\n"
                    "    schedule: [{hold: 1h, concurrent: 16}]\n");
    run_until_busy(&r);
    while (engine_rig_load(&r, 0)->bytes.received == 0)
        assert_int_equal(engine_rig_follow(&r, ENGINE_DRAINING, 1), ENGINE_RUNNING);
    engine_rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_drain_asked_for_by_another_thread_ends_the_run_cleanly),
        cmocka_unit_test(test_a_signal_handler_may_ask_for_the_drain),
        cmocka_unit_test(test_a_drain_asked_for_before_the_start_ends_the_run_at_once),
        cmocka_unit_test(test_the_emergency_stop_ends_the_run_and_counts_what_was_left),
        cmocka_unit_test(test_after_the_emergency_stop_no_frame_leaves),
        cmocka_unit_test(test_the_emergency_stop_ends_a_drain),
        cmocka_unit_test(test_the_emergency_stop_before_the_start_lets_nothing_out),
        cmocka_unit_test(test_a_drain_that_does_not_finish_ends_in_time_and_counts_stopped_transactions),
        cmocka_unit_test(test_what_still_connects_when_the_drain_is_over_has_failed_as_stopped),
        cmocka_unit_test(test_an_engine_that_was_never_started_can_be_deleted),
        cmocka_unit_test(test_an_engine_can_be_deleted_right_after_its_start),
        cmocka_unit_test(test_an_engine_can_be_deleted_while_it_runs),
        cmocka_unit_test(test_an_engine_can_be_deleted_while_it_drains),
        cmocka_unit_test(test_an_engine_can_be_deleted_with_frames_held_by_impairments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
