/* SPDX-License-Identifier: MIT */
/*
 * RFC 4861 7.3.1: connections that get further keep their neighbour reachable, so that nobody is asked. Counts what ARP
 * and Neighbour Discovery send while a connection is busy, idle, or cut, in virtual time.
 */
#define _GNU_SOURCE
#include <time.h>

#include "stack/control.h"
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define PORT 7000

static struct ip_addr address6(unsigned side)
{
    return (struct ip_addr){{0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)(side + 1)}};
}

/* Requests and solicitations that both sides have sent. */
static uint64_t asked(void)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 2; i++)
        n += stack_counters(rig.stacks[i])->arp_requests_sent + stack_counters(rig.stacks[i])->nd_solicitations_sent;
    return n;
}

static void pair6(struct socket *out[2])
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
    struct socket *listener;
    for (unsigned i = 0; i < 2; i++) {
        const struct host_settings h = {.address = address6(i), .prefix_length = 64};
        assert_true(stack_add_host(rig.stacks[i], &h) > 0);
    }
    assert_int_equal(socket_open(rig.layers[1], AF_INET6, SOCK_STREAM, 0, &listener), 0);
    assert_int_equal(socket_bind(listener, (struct sockaddr *)&a, sizeof a, rig.now), 0);
    assert_int_equal(socket_listen(listener, 5, rig.now), 0);
    assert_int_equal(socket_open(rig.layers[0], AF_INET6, SOCK_STREAM, 0, &out[0]), 0);
    const struct ip_addr to = address6(1);
    memcpy(&a.sin6_addr, to.bytes, 16);
    assert_int_equal(socket_connect(out[0], (struct sockaddr *)&a, sizeof a, rig.now), -EINPROGRESS);
    socket_rig_settle(&rig);
    out[1] = sock_accept(listener);
    assert_non_null(out[1]);
    sock_close(&rig, listener);
}

/* Seconds with something sent each, from side 0 to side 1. */
static void busy(struct socket *const pair[2], unsigned seconds)
{
    char bytes[16];
    for (unsigned i = 0; i < seconds; i++) {
        assert_int_equal(sock_send(&rig, pair[0], "x", 1, 0), 1);
        socket_rig_pass(&rig, NS_PER_S);
        if (!rig.cut)
            assert_true(sock_receive(&rig, pair[1], bytes, sizeof bytes, 0) > 0);
    }
}

static void close_both(struct socket *const pair[2])
{
    sock_close(&rig, pair[0]);
    sock_close(&rig, pair[1]);
}

static void nobody_is_asked_under_a_busy_connection(void **state)
{
    (void)state;
    struct socket *pair[2];
    sock_pair(&rig, pair);
    uint64_t before = asked();
    busy(pair, 600);
    assert_int_equal(asked(), before);
    close_both(pair);
}

static void nor_over_ipv6(void **state)
{
    (void)state;
    struct socket *pair[2];
    pair6(pair);
    busy(pair, 40); /* who was heard of by a solicitation alone is confirmed once: DELAY, and no probe */
    uint64_t before = asked();
    busy(pair, 600);
    assert_int_equal(asked(), before);
    close_both(pair);
}

static void an_idle_one_confirms_nothing(void **state)
{
    (void)state;
    struct socket *pair[2];
    sock_pair(&rig, pair);
    busy(pair, 3);
    uint64_t before = asked();
    socket_rig_pass(&rig, 100 * NS_PER_S);
    assert_int_equal(asked(), before); /* nothing is sent, and nobody is asked */
    busy(pair, 3);
    assert_int_equal(asked(), before + 2); /* by both sides, which were both stale */
    close_both(pair);
}

/* RFC 1122 4.2.3.5 (a): what was confirmed a moment ago is asked about when a connection gets nowhere. */
static void timeouts_raise_doubts(void **state)
{
    (void)state;
    struct socket *pair[2];
    sock_pair(&rig, pair);
    busy(pair, 3);
    uint64_t before = asked();
    rig.cut = true;
    busy(pair, 1); /* RTOs at 0.2 and 0.6 s */
    assert_int_equal(asked(), before);
    busy(pair, 2); /* the third one, at 1.4 s */
    assert_true(asked() > before);
    rig.cut = false;
    socket_rig_pass(&rig, 20 * NS_PER_S);
    close_both(pair);
}

/* An address that is given up or removed takes its connections along: nobody shall take that for the end of the data. */
static void who_loses_its_address_is_told(void **state)
{
    (void)state;
    struct socket *pair[2];
    char byte;
    sock_pair(&rig, pair);
    busy(pair, 1);
    assert_int_equal(stack_remove_host(rig.stacks[1], 1, rig.now), 0);
    assert_int_equal(sock_receive(&rig, pair[1], &byte, 1, 0), -ECONNABORTED);
    assert_int_equal(sock_receive(&rig, pair[1], &byte, 1, 0), 0); /* it was told */
    socket_rig_pass(&rig, 2000 * NS_PER_S);
    close_both(pair);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nobody_is_asked_under_a_busy_connection),
        CASE(nor_over_ipv6),
        CASE(an_idle_one_confirms_nothing),
        CASE(timeouts_raise_doubts),
        CASE(who_loses_its_address_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
