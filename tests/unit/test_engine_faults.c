/* SPDX-License-Identifier: MIT */
/*
 * engine/: what goes wrong. Ports that cannot be opened are refused with an error and a message that names port,
 * finding and need; targets that are absent, refuse or keep silent are counted causes, and the run ends.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/clock.h"
#include "engine_rig.h"

#define NOBODY 65534 /* a user without privilege */

/* ---- ports ---- */

/* Two wired ports, then one of the kernel's: what was opened before it has to be closed again. */
#define KERNEL_PORT(options)                                                                                           \
    "ports:\n"                                                                                                         \
    "  - {name: a, location: 'mem:wire', frames: 2048}\n"                                                              \
    "  - {name: b, location: 'mem:wire', frames: 2048}\n"                                                              \
    "  - {name: kernel, " options "}\n"                                                                                \
    "devices: [{name: clients, port: kernel, ipv4: {address: 198.18.0.10/24}}]\n"                                      \
    "loads:\n"                                                                                                         \
    "  - name: pages\n"                                                                                                \
    "    client: clients\n"                                                                                            \
    "    server: {address: 198.18.0.1}\n"                                                                              \
    "    http: {urls: [{path: /}]}\n"                                                                                  \
    "    schedule: [{hold: 1s, concurrent: 1}]\n"

static void check_refused(const char *yaml, int error, const char *port, const char *found)
{
    char message[256];
    assert_int_equal(engine_rig_refused(yaml, message), error);
    if (!strstr(message, port) || !strstr(message, found))
        fail_msg("\"%s\" does not hold \"%s\" and \"%s\"", message, port, found);
}

static void skip_without_privilege(void)
{
    if (geteuid() != 0) {
        print_message("no packet sockets: AF_PACKET needs root\n");
        skip();
    }
}

static void test_an_interface_that_does_not_exist_is_named(void **state)
{
    (void)state;
    skip_without_privilege();
    check_refused(KERNEL_PORT("location: 'packet:nosuch0'"), ERR_NOT_FOUND, "port kernel (packet:nosuch0)",
                  "No such device");
}

static void test_a_network_namespace_that_does_not_exist_is_named(void **state)
{
    (void)state;
    skip_without_privilege();
    check_refused(KERNEL_PORT("location: 'packet:lo', netns: /run/netns/no-such-namespace"), ERR_NOT_FOUND,
                  "port kernel (packet:lo)", "/run/netns/no-such-namespace: No such file");
}

static void test_a_file_that_is_no_network_namespace_is_named(void **state)
{
    (void)state;
    skip_without_privilege();
    check_refused(KERNEL_PORT("location: 'packet:lo', netns: /etc/passwd"), ERR_SYSTEM, "port kernel (packet:lo)",
                  "network namespace /etc/passwd: Invalid argument");
}

static void test_without_privilege_the_message_says_what_is_needed(void **state)
{
    (void)state;
    bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(NOBODY), 0);
    check_refused(KERNEL_PORT("location: 'packet:lo'"), ERR_DENIED, "port kernel (packet:lo)", "CAP_NET_RAW");
    check_refused(KERNEL_PORT("location: 'packet:lo', netns: /proc/self/ns/net"), ERR_DENIED, "port kernel (packet:lo)",
                  "CAP_SYS_ADMIN");
    if (root)
        assert_int_equal(seteuid(0), 0);
}

static void test_files_of_a_port_that_cannot_be_opened_are_named(void **state)
{
    (void)state;
    check_refused(KERNEL_PORT("location: 'pcap:/no-such-folder/out.pcap'"), ERR_SYSTEM,
                  "port kernel (pcap:/no-such-folder/out.pcap)", "/no-such-folder/out.pcap");
    check_refused(KERNEL_PORT("location: 'pcap:/dev/null', read_file: /no-such-folder/in.pcap"), ERR_NOT_FOUND,
                  "port kernel (pcap:/dev/null)", "/no-such-folder/in.pcap");
    check_refused(KERNEL_PORT("location: 'pcap:/dev/null', read_file: /etc/passwd"), ERR_MALFORMED,
                  "port kernel (pcap:/dev/null)", "/etc/passwd");
    check_refused(KERNEL_PORT("location: 'pcap:/dev/null', capture: /no-such-folder/a.pcap"), ERR_SYSTEM,
                  "port kernel (pcap:/dev/null)", "/no-such-folder/a.pcap");
}

/* ---- targets ---- */

#define LOAD(more)                                                                                                     \
    "loads:\n"                                                                                                         \
    "  - name: pages\n"                                                                                                \
    "    client: clients\n"                                                                                            \
    "    retry_pause: 50ms\n" more

#define SMALL_SERVER "    server: {device: web, http: {routes: [{path: /, body: x}]}}\n    http: {urls: [{path: /}]}\n"

/* Runs what was compiled. */
static void run(struct engine_rig *r)
{
    engine_rig_make(r);
    engine_rig_run(r);
    assert_false(r->results.interrupted);
    assert_false(results_passed(&r->results));
}

/* Every attempt failed by one cause. */
static void check_connections_failed(const struct engine_rig *r, enum connect_failure cause)
{
    const struct load_stats *l = engine_rig_load(r, 0);
    assert_true(l->connections.attempted > 0);
    assert_int_equal(l->connections.failed[cause], l->connections.attempted);
    assert_int_equal(l->transactions.completed, 0);
}

static void test_a_target_without_a_listener_refuses(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_compile(
        &r, ENGINE_RIG_WIRE LOAD(SMALL_SERVER "    schedule: [{hold: 200ms, connections_per_second: 200}]\n"));
    r.plan->loads[0].server_port = 81;
    run(&r);
    check_connections_failed(&r, CONNECT_FAILED_REFUSED);
    engine_rig_close(&r);
}

static void test_an_address_where_nobody_is_is_unreachable(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_compile(&r, ENGINE_RIG_WIRE LOAD(SMALL_SERVER "    connect_timeout: 0\n"
                                                             "    schedule: [{hold: 100ms, concurrent: 4}]\n"));
    r.plan->loads[0].server_address = ip_addr_from_v4(0x0a010909); /* 10.1.9.9 */
    run(&r);
    check_connections_failed(&r, CONNECT_FAILED_UNREACHABLE);
    engine_rig_close(&r);
}

static void test_a_target_whose_answers_never_arrive_times_out(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_compile(&r, ENGINE_RIG_WIRE
                       "drain: 2s\n" LOAD(SMALL_SERVER "    connect_timeout: 100ms\n"
                                                       "    schedule: [{hold: 300ms, concurrent: 4}]\n"));
    engine_rig_deny(&r, 1);
    run(&r);
    check_connections_failed(&r, CONNECT_FAILED_TIMEOUT);
    assert_true(r.results.ports[1].guard_denied[GUARD_DESTINATION] > 0);
    engine_rig_close(&r);
}

static void test_a_server_that_never_answers_is_a_timeout(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_compile(&r, ENGINE_RIG_WIRE "drain: 30s\n" LOAD(
                               "    server: {device: web, http: {routes: [{path: /, body: late, delay: 1h}]}}\n"
                               "    http: {urls: [{path: /}]}\n"
                               "    transaction_timeout: 100ms\n"
                               "    schedule: [{hold: 300ms, concurrent: 4}]\n"));
    run(&r);
    const struct load_stats *l = engine_rig_load(&r, 0);
    assert_true(l->transactions.started > 0);
    assert_int_equal(l->transactions.completed, 0);
    assert_int_equal(cause_counts_of(&l->transactions.failed, "timeout"), l->transactions.started);
    engine_rig_close(&r);
}

/* ---- the guard's cap on time ---- */

static void test_the_time_cap_of_a_port_counts_from_the_start(void **state)
{
    struct engine_rig r;
    (void)state;
    engine_rig_open(&r, "ports:\n"
                        "  - {name: a, location: 'mem:wire', guard: {max_duration: 200ms}}\n"
                        "  - {name: b, location: 'mem:wire'}\n" ENGINE_RIG_DEVICES
                        "drain: 100ms\n" LOAD("    server: {device: web, http: {routes: [{path: /, body: x}]}}\n"
                                              "    http: {urls: [{path: /}]}\n"
                                              "    schedule: [{hold: 500ms, concurrent: 4}]\n"));
    clock_sleep(300 * NS_PER_MS); /* longer than the cap: it has not begun yet */
    engine_rig_run(&r);
    assert_true(engine_rig_load(&r, 0)->transactions.completed > 0);
    assert_true(r.results.ports[0].guard_denied[GUARD_STOPPED] > 0);
    engine_rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_interface_that_does_not_exist_is_named),
        cmocka_unit_test(test_a_network_namespace_that_does_not_exist_is_named),
        cmocka_unit_test(test_a_file_that_is_no_network_namespace_is_named),
        cmocka_unit_test(test_without_privilege_the_message_says_what_is_needed),
        cmocka_unit_test(test_files_of_a_port_that_cannot_be_opened_are_named),
        cmocka_unit_test(test_a_target_without_a_listener_refuses),
        cmocka_unit_test(test_an_address_where_nobody_is_is_unreachable),
        cmocka_unit_test(test_a_target_whose_answers_never_arrive_times_out),
        cmocka_unit_test(test_a_server_that_never_answers_is_a_timeout),
        cmocka_unit_test(test_the_time_cap_of_a_port_counts_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
