/* SPDX-License-Identifier: MIT */
/*
 * What sockets see of changes while they are in use: an interface goes down and comes up, its MTU changes, addresses come
 * and go. `ip` makes the same changes beside a connection in interop/exec_change.
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "stack/control.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#define EXTRA 0x0a000011u /* 10.0.0.17: on the subnet */

static uint8_t bytes[8000], got[8000];

static uint32_t add_extra(void)
{
    struct host_settings h = {.address = ip_addr_from_v4(EXTRA), .prefix_length = 24};
    int local = stack_add_host(rig.stacks[0], &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static void set_up(bool up) { assert_int_equal(stack_set_up(rig.stacks[0], 0, up, rig.now), 0); }

static size_t receive_all(struct socket *s)
{
    size_t done = 0;
    for (ssize_t n; done < sizeof got && (n = sock_receive(&rig, s, got + done, sizeof got - done, 0)) > 0;)
        done += (size_t)n;
    return done;
}

static void a_connection_outlives_an_interface_that_was_down(void **state)
{
    (void)state;
    struct socket *s[2];
    sock_pair(&rig, s);
    set_up(false);
    assert_int_equal(sock_send(&rig, s[0], bytes, sizeof bytes, 0), sizeof bytes);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(receive_all(s[1]), 0);
    assert_int_equal(socket_ready(s[0]) & (POLLERR | POLLHUP), 0);
    set_up(true);
    socket_rig_pass(&rig, 5 * NS_PER_S);
    assert_int_equal(receive_all(s[1]), sizeof bytes);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void nothing_is_reached_by_an_interface_that_is_down(void **state)
{
    (void)state;
    struct socket *udp = sock_socket(&rig, 0, SOCK_DGRAM), *tcp = sock_socket(&rig, 0, SOCK_STREAM);
    struct stack_interface before, after;
    assert_true(stack_view_interface(rig.stacks[0], 0, &before));
    const uint64_t frames = before.counters->frames_tx;
    set_up(false);
    assert_int_equal(sock_connect(&rig, udp, RIG_ADDRESS(1), 9), -ENETUNREACH);
    assert_int_equal(sock_connect(&rig, tcp, RIG_ADDRESS(1), 9), -ENETUNREACH);
    set_up(true);
    assert_int_equal(sock_connect(&rig, udp, RIG_ADDRESS(1), 9), 0);
    set_up(false);
    assert_int_equal(sock_send(&rig, udp, "x", 1, 0), -ENETUNREACH);
    assert_true(stack_view_interface(rig.stacks[0], 0, &after));
    assert_false(after.up);
    assert_int_equal(after.counters->frames_tx, frames);
    set_up(true);
    assert_int_equal(sock_send(&rig, udp, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_true(after.counters->frames_tx > frames);
    sock_close(&rig, udp);
    sock_close(&rig, tcp);
}

static void a_connection_goes_on_below_a_smaller_mtu(void **state)
{
    (void)state;
    struct socket *s[2];
    struct stack_interface i;
    sock_pair(&rig, s);
    assert_int_equal(stack_set_mtu(rig.stacks[0], 0, 600, rig.now), 0);
    assert_int_equal(sock_send(&rig, s[0], bytes, sizeof bytes, 0), sizeof bytes);
    socket_rig_pass(&rig, 10 * NS_PER_S);
    assert_int_equal(receive_all(s[1]), sizeof bytes);
    assert_true(stack_view_interface(rig.stacks[0], 0, &i));
    assert_int_equal(i.mtu, 600);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void an_address_that_goes_takes_its_connections_along_and_no_others(void **state)
{
    (void)state;
    struct socket *listener = sock_listener(&rig, 1, 8080, 4), *own[2], *s = sock_socket(&rig, 0, SOCK_STREAM);
    sock_pair(&rig, own);
    uint32_t extra = add_extra();
    assert_int_equal(sock_bind(&rig, s, EXTRA, 0), 0);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(1), 8080), -EINPROGRESS);
    socket_rig_settle(&rig);
    struct socket *peer = sock_accept(listener);
    assert_non_null(peer);
    assert_int_equal(stack_remove_host(rig.stacks[0], extra, rig.now), 0);
    assert_true(socket_ready(s) & POLLERR);
    assert_int_equal(sock_receive(&rig, s, got, sizeof got, 0), -ECONNABORTED);
    socket_rig_settle(&rig);
    assert_int_equal(sock_send(&rig, own[0], "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(sock_receive(&rig, own[1], got, sizeof got, 0), 1);
    sock_close(&rig, s);
    sock_close(&rig, peer);
    sock_close(&rig, listener);
    sock_close(&rig, own[0]);
    sock_close(&rig, own[1]);
}

static void a_datagram_socket_of_an_address_that_goes(void **state)
{
    (void)state;
    struct socket *udp = sock_socket(&rig, 0, SOCK_DGRAM), *again = sock_socket(&rig, 0, SOCK_DGRAM);
    uint32_t extra = add_extra();
    assert_int_equal(sock_bind(&rig, udp, EXTRA, 53), 0);
    assert_int_equal(sock_connect(&rig, udp, RIG_ADDRESS(1), 9), 0);
    assert_int_equal(sock_send(&rig, udp, "x", 1, 0), 1);
    assert_int_equal(stack_remove_host(rig.stacks[0], extra, rig.now), 0);
    assert_int_equal(sock_send(&rig, udp, "x", 1, 0), -ENETUNREACH); /* Linux: EINVAL */
    assert_int_equal(sock_bind(&rig, again, EXTRA, 54), -EADDRNOTAVAIL);
    sock_close(&rig, udp);
    sock_close(&rig, again);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_connection_outlives_an_interface_that_was_down),
        CASE(nothing_is_reached_by_an_interface_that_is_down),
        CASE(a_connection_goes_on_below_a_smaller_mtu),
        CASE(an_address_that_goes_takes_its_connections_along_and_no_others),
        CASE(a_datagram_socket_of_an_address_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
