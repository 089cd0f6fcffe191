/* SPDX-License-Identifier: MIT */
/*
 * IPv4 options by sockets: IP_OPTIONS, IP_RECVOPTS, IP_RETOPTS (ip(7)); RFC 1122 4.1.3.2 and 4.1.4.
 */
#define _GNU_SOURCE
#include <time.h>

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

static const uint8_t ROUTE[8] = {7, 7, 4, 0, 0, 0, 0, 0};
static const uint8_t BOTH[12] = {0x88, 4, 0xab, 0xcd, 7, 7, 4, 0, 0, 0, 0, 0};

static int set_options(struct socket *s, const void *bytes, size_t length)
{
    return socket_set_option(s, IPPROTO_IP, IP_OPTIONS, bytes, (socklen_t)length, rig.now);
}

/* Sends "x" to port 53 of side 1, with a control message when there are bytes for it. */
static ssize_t send_one(struct socket *s, const void *options, size_t length)
{
    uint8_t room[CMSG_SPACE(64)] = {0};
    struct cmsghdr h = {.cmsg_len = CMSG_LEN(length), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_RETOPTS};
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), 53);
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    if (options) {
        memcpy(room, &h, sizeof h);
        memcpy(room + CMSG_LEN(0), options, length);
        m.msg_control = room;
        m.msg_controllen = CMSG_SPACE(length);
    }
    return socket_send(s, &m, 0, rig.now);
}

/* Reads a datagram of one byte; it comes with exactly these bytes as a control message of that type; NULL: with none. */
static void expect(struct socket *s, int type, const void *options, size_t length)
{
    uint8_t byte[64], room[256];
    struct iovec v = {.iov_base = byte, .iov_len = sizeof byte};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr h;
    socket_rig_settle(&rig);
    assert_true(socket_receive(s, &m, 0, rig.now) >= 1);
    if (!options) {
        assert_int_equal(m.msg_controllen, 0);
        return;
    }
    assert_int_equal(m.msg_controllen, CMSG_SPACE(length));
    memcpy(&h, room, sizeof h);
    assert_int_equal(h.cmsg_level, IPPROTO_IP);
    assert_int_equal(h.cmsg_type, type);
    assert_int_equal(h.cmsg_len, CMSG_LEN(length));
    assert_memory_equal(room + CMSG_LEN(0), options, length);
}

static struct socket *server(int option)
{
    struct socket *s = sock_socket(&rig, 1, SOCK_DGRAM);
    assert_int_equal(sock_bind(&rig, s, INADDR_ANY, 53), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, option, 1), 0);
    assert_int_equal(sock_get(&rig, s, IPPROTO_IP, option), 1);
    return s;
}

static void a_socket_keeps_its_options(void **state)
{
    (void)state;
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM), *to = server(IP_RECVOPTS);
    uint8_t got[40];
    socklen_t n = sizeof got;
    assert_int_equal(socket_get_option(s, IPPROTO_IP, IP_OPTIONS, got, &n, rig.now), 0);
    assert_int_equal(n, 0);
    assert_int_equal(set_options(s, BOTH, sizeof BOTH), 0);
    n = sizeof got;
    assert_int_equal(socket_get_option(s, IPPROTO_IP, IP_OPTIONS, got, &n, rig.now), 0);
    assert_int_equal(n, 12);
    assert_memory_equal(got, BOTH, 12);
    assert_int_equal(send_one(s, NULL, 0), 1);
    expect(to, IP_RECVOPTS, BOTH, 12);
    assert_int_equal(set_options(s, NULL, 0), 0);
    assert_int_equal(send_one(s, NULL, 0), 1);
    expect(to, IP_RECVOPTS, NULL, 0);
    sock_close(&rig, s);
    sock_close(&rig, to);
}

static void one_datagram_may_have_its_own(void **state)
{
    (void)state;
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM), *to = server(IP_RECVOPTS);
    assert_int_equal(set_options(s, BOTH, sizeof BOTH), 0);
    assert_int_equal(send_one(s, ROUTE, sizeof ROUTE), 1);
    expect(to, IP_RECVOPTS, ROUTE, 8);
    assert_int_equal(send_one(s, NULL, 0), 1);
    expect(to, IP_RECVOPTS, BOTH, 12);
    assert_int_equal(send_one(s, "\x07\x28\x04", 3), -EINVAL);
    sock_close(&rig, s);
    sock_close(&rig, to);
}

/* What goes back of them is the recorded route alone. */
static void a_way_back_has_what_was_recorded(void **state)
{
    (void)state;
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM), *to = server(IP_RETOPTS);
    assert_int_equal(set_options(s, BOTH, sizeof BOTH), 0);
    assert_int_equal(send_one(s, NULL, 0), 1);
    expect(to, IP_RETOPTS, ROUTE, 8);
    assert_int_equal(set_options(s, BOTH, 4), 0);
    assert_int_equal(send_one(s, NULL, 0), 1);
    expect(to, IP_RETOPTS, NULL, 0);
    sock_close(&rig, s);
    sock_close(&rig, to);
}

static void options_that_are_refused(void **state)
{
    (void)state;
    static const uint8_t loose[8] = {131, 7, 4, 10, 0, 0, 9, 0}, stamp[8] = {68, 8, 5, 0}, many[44] = {1};
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM), *stream = sock_socket(&rig, 0, SOCK_STREAM);
    assert_int_equal(set_options(s, loose, 8), -EPERM);
    assert_int_equal(set_options(s, stamp, 8), -EPERM);
    assert_int_equal(set_options(s, many, 44), -EINVAL);
    assert_int_equal(set_options(s, "\x07\x28\x04", 3), -EINVAL);
    assert_int_equal(set_options(stream, ROUTE, 8), -ENOPROTOOPT);
    sock_close(&rig, s);
    sock_close(&rig, stream);
}

static void options_of_several_calls_and_to_ourselves(void **state)
{
    (void)state;
    struct socket *s = sock_socket(&rig, 1, SOCK_DGRAM), *to = server(IP_RECVOPTS);
    assert_int_equal(sock_set(&rig, s, IPPROTO_UDP, UDP_CORK, 1), 0);
    assert_int_equal(send_one(s, BOTH, sizeof BOTH), 1);
    assert_int_equal(sock_set(&rig, s, IPPROTO_UDP, UDP_CORK, 0), 0);
    expect(to, IP_RECVOPTS, BOTH, 12);
    sock_close(&rig, s);
    sock_close(&rig, to);
}

static void raw_and_ping_sockets_have_them_too(void **state)
{
    (void)state;
    struct socket *raw, *ping, *listener;
    uint8_t echo[12] = {8, 0, 0, 0, 0, 1, 0, 1, 'e', 'c', 'h', 'o'};
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_RAW, 253, &raw), 0);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &ping), 0);
    assert_int_equal(socket_open(rig.layers[1], AF_INET, SOCK_RAW, 253, &listener), 0);
    assert_int_equal(sock_set(&rig, listener, IPPROTO_IP, IP_RECVOPTS, 1), 0);
    assert_int_equal(set_options(raw, BOTH, sizeof BOTH), 0);
    assert_int_equal(send_one(raw, NULL, 0), 1);
    expect(listener, IP_RECVOPTS, BOTH, 12);
    sock_close(&rig, listener);
    assert_int_equal(socket_open(rig.layers[1], AF_INET, SOCK_RAW, IPPROTO_ICMP, &listener), 0);
    assert_int_equal(sock_set(&rig, listener, IPPROTO_IP, IP_RECVOPTS, 1), 0);
    assert_int_equal(set_options(ping, ROUTE, sizeof ROUTE), 0);
    assert_int_equal(sock_connect(&rig, ping, RIG_ADDRESS(1), 0), 0);
    assert_int_equal(sock_send(&rig, ping, echo, sizeof echo, 0), sizeof echo);
    expect(listener, IP_RECVOPTS, ROUTE, 8);
    sock_close(&rig, raw);
    sock_close(&rig, ping);
    sock_close(&rig, listener);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_socket_keeps_its_options),
        CASE(one_datagram_may_have_its_own),
        CASE(a_way_back_has_what_was_recorded),
        CASE(options_that_are_refused),
        CASE(options_of_several_calls_and_to_ourselves),
        CASE(raw_and_ping_sockets_have_them_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
