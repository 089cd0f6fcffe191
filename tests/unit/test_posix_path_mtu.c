/* SPDX-License-Identifier: MIT */
/*
 * weir/path_mtu.h: a program finds how long its datagrams may be, of what the peer answers.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "unit/posix_rig.h"
#include "weir/path_mtu.h"

#define PORT 7777
#define SECOND INT64_C(1000000000)

static struct {
    int ours, peers;
} flow;

static void begin_flow(void)
{
    struct sockaddr_in to = front_address(SERVER, PORT);
    flow.ours = weir_socket(client, AF_INET, SOCK_DGRAM, 0);
    flow.peers = weir_socket(server, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(weir_bind(server, flow.peers, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(weir_connect(client, flow.ours, (const struct sockaddr *)&to, sizeof to), 0);
}

static void end_flow(struct weir_path_mtu *p)
{
    weir_path_mtu_delete(p);
    assert_int_equal(weir_close(client, flow.ours), 0);
    assert_int_equal(weir_close(server, flow.peers), 0);
}

/* Sends a probe; the peer answers it when it is not longer than what the path is said to take. */
static void exchange(struct weir_path_mtu *p, uint32_t takes)
{
    static uint8_t bytes[2000];
    uint32_t id, size = weir_path_mtu_probe(p, &id), answer;
    if (size == 0)
        return;
    memcpy(bytes, &id, sizeof id);
    if (weir_send(client, flow.ours, bytes, size, 0) < 0) {
        assert_int_equal(errno, EMSGSIZE);
        weir_path_mtu_refused(p, id);
        return;
    }
    assert_int_equal(weir_recv(server, flow.peers, bytes, sizeof bytes, 0), size);
    if (size > takes)
        return;
    memcpy(&answer, bytes, sizeof answer);
    assert_true(weir_path_mtu_answered(p, answer));
    assert_false(weir_path_mtu_answered(p, answer)); /* a duplicate */
}

static void settle(struct weir_path_mtu *p, uint32_t takes)
{
    for (exchange(p, takes); !weir_path_mtu_settled(p); exchange(p, takes)) {
        int64_t wait_ns = weir_path_mtu_wait_ns(p);
        struct timespec t = {.tv_sec = wait_ns / SECOND, .tv_nsec = wait_ns % SECOND};
        assert_true(wait_ns >= 0);
        nanosleep(&t, NULL);
    }
}

static void a_path_that_takes_all_is_confirmed(void **state)
{
    (void)state;
    int discover = 0;
    socklen_t length = sizeof discover;
    begin_flow();
    struct weir_path_mtu *p = weir_path_mtu_new(client, flow.ours, NULL);
    assert_non_null(p);
    assert_int_equal(weir_getsockopt(client, flow.ours, IPPROTO_IP, IP_MTU_DISCOVER, &discover, &length), 0);
    assert_int_equal(discover, IP_PMTUDISC_PROBE);
    assert_int_equal(weir_path_mtu_payload(p), 1172);
    assert_false(weir_path_mtu_settled(p));
    settle(p, 1472);
    assert_int_equal(weir_path_mtu_payload(p), 1472);
    assert_true(weir_path_mtu_wait_ns(p) > 59 * SECOND && weir_path_mtu_wait_ns(p) <= 60 * SECOND);
    weir_path_mtu_black_hole(p);
    assert_int_equal(weir_path_mtu_payload(p), 1172);
    end_flow(p);
}

static void a_black_hole_is_found_by_what_is_not_answered(void **state)
{
    (void)state;
    const struct weir_path_mtu_options o = {
        .size = sizeof o, .step = 100, .max_probes = 1, .probe_ns = SECOND, .acknowledged = true};
    begin_flow();
    struct weir_path_mtu *p = weir_path_mtu_new(client, flow.ours, &o);
    assert_non_null(p);
    settle(p, 1400);
    assert_true(weir_path_mtu_payload(p) > 1300 && weir_path_mtu_payload(p) <= 1400);
    assert_true(weir_path_mtu_wait_ns(p) > 590 * SECOND);
    end_flow(p);
}

static void routers_are_a_hint(void **state)
{
    (void)state;
    uint32_t id;
    begin_flow();
    struct weir_path_mtu *p = weir_path_mtu_new(client, flow.ours, NULL);
    assert_non_null(p);
    exchange(p, 1472);
    while (weir_path_mtu_probe(p, &id) == 0)
        ;
    assert_false(weir_path_mtu_too_big(p, id, 1500));
    assert_true(weir_path_mtu_too_big(p, id, 1400));
    assert_int_equal(weir_path_mtu_payload(p), 1172);
    uint32_t size;
    while ((size = weir_path_mtu_probe(p, &id)) == 0)
        ;
    assert_int_equal(size, 1372);
    end_flow(p);
}

static void a_program_may_have_its_own_bound(void **state)
{
    (void)state;
    const struct weir_path_mtu_options o = {.size = sizeof o, .max_payload = 1000};
    begin_flow();
    struct weir_path_mtu *p = weir_path_mtu_new(client, flow.ours, &o);
    assert_non_null(p);
    settle(p, 1472);
    assert_int_equal(weir_path_mtu_payload(p), 1000);
    end_flow(p);
}

static void refused(int fd, const struct weir_path_mtu_options *o, int error)
{
    errno = 0;
    assert_null(weir_path_mtu_new(client, fd, o));
    assert_int_equal(errno, error);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const struct weir_path_mtu_options fast = {.size = sizeof fast, .probe_ns = SECOND - 1}, small = {.size = 1};
    begin_flow();
    int loose = weir_socket(client, AF_INET, SOCK_DGRAM, 0);
    refused(loose, NULL, ENOTCONN);
    refused(999, NULL, EBADF);
    refused(flow.ours, &fast, EINVAL);
    refused(flow.ours, &small, EINVAL);
    assert_int_equal(weir_close(client, loose), 0);
    end_flow(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_path_that_takes_all_is_confirmed, front_begin, front_end),
        cmocka_unit_test_setup_teardown(a_black_hole_is_found_by_what_is_not_answered, front_begin, front_end),
        cmocka_unit_test_setup_teardown(routers_are_a_hint, front_begin, front_end),
        cmocka_unit_test_setup_teardown(a_program_may_have_its_own_bound, front_begin, front_end),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, front_begin, front_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
