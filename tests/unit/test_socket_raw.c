/* SPDX-License-Identifier: MIT */
/*
 * Raw and ping sockets between two stacks: raw(7), icmp(7).
 */
#include <time.h>

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "wire/icmp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#define OSPF 89

static struct socket *open_socket(unsigned side, int type, int protocol)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[side], AF_INET, type, protocol, &s), 0);
    return s;
}

static ssize_t send_to(struct socket *s, uint32_t address, const void *bytes, size_t length)
{
    struct sockaddr_in a = sock_address(address, 0);
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    ssize_t n = socket_send(s, &m, 0, rig.now);
    socket_rig_settle(&rig);
    return n;
}

static uint8_t got[70000];
static struct sockaddr_in from;

static ssize_t take(struct socket *s, int flags)
{
    struct iovec v = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1};
    return socket_receive(s, &m, flags, rig.now);
}

/* ---- raw ---- */

static void a_raw_socket_has_its_protocol_with_headers(void **state)
{
    struct socket *in = open_socket(1, SOCK_RAW, OSPF), *other = open_socket(1, SOCK_RAW, OSPF + 1),
                  *all = open_socket(1, SOCK_RAW, 0), *out = open_socket(0, SOCK_RAW, OSPF);
    struct wire_ipv4 ip;
    (void)state;
    assert_int_equal(sock_set(&rig, out, IPPROTO_IP, IP_TTL, 7), 0);
    assert_int_equal(send_to(out, RIG_ADDRESS(1), "hello", 5), 5);
    struct socket *both[] = {in, all};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(socket_ready(both[i]) & POLLIN, POLLIN);
        assert_int_equal(take(both[i], 0), 25);
        assert_int_equal(wire_ipv4_parse(got, 25, &ip), 20);
        assert_int_equal(ip.protocol, OSPF);
        assert_int_equal(ip.ttl, 7);
        assert_memory_equal(got + 20, "hello", 5);
        assert_int_equal(ntohl(from.sin_addr.s_addr), RIG_ADDRESS(0));
        assert_int_equal(from.sin_port, 0);
        assert_int_equal(take(both[i], 0), -EAGAIN);
    }
    assert_int_equal(take(other, 0), -EAGAIN);
    sock_close(&rig, in);
    sock_close(&rig, other);
    sock_close(&rig, all);
    assert_int_equal(stack_counters(rig.stacks[1])->ip_unknown_protocol, 0);
    assert_int_equal(send_to(out, RIG_ADDRESS(1), "hello", 5), 5); /* nobody listens any more */
    assert_int_equal(stack_counters(rig.stacks[1])->ip_unknown_protocol, 1);
    sock_close(&rig, out);
}

static void bind_and_connect_filter(void **state)
{
    struct socket *in = open_socket(1, SOCK_RAW, OSPF), *bound = open_socket(1, SOCK_RAW, OSPF),
                  *out = open_socket(0, SOCK_RAW, OSPF);
    (void)state;
    assert_int_equal(sock_bind(&rig, bound, RIG_ADDRESS(1), 0), 0);
    assert_int_equal(sock_connect(&rig, in, RIG_NOBODY, 0), 0);
    assert_int_equal(sock_send(&rig, out, "x", 1, 0), -EDESTADDRREQ);
    assert_int_equal(sock_connect(&rig, out, RIG_ADDRESS(1), 0), 0);
    assert_int_equal(sock_send(&rig, out, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(take(in, 0), -EAGAIN);
    assert_int_equal(take(bound, 0), 21);
    sock_close(&rig, in);
    sock_close(&rig, bound);
    sock_close(&rig, out);
}

static void a_header_of_the_users_own(void **state)
{
    struct socket *in = open_socket(1, SOCK_RAW, OSPF), *out = open_socket(0, SOCK_RAW, IPPROTO_RAW);
    static uint8_t whole[1501];
    struct wire_ipv4 h = {.src = 0, .dst = RIG_ADDRESS(1), .ttl = 3, .protocol = OSPF, .id = 77}, ip;
    (void)state;
    assert_int_equal(sock_get(&rig, out, IPPROTO_IP, IP_HDRINCL), 1);
    wire_ipv4_build20(whole, &h);
    assert_int_equal(send_to(out, RIG_ADDRESS(1), whole, 30), 30);
    assert_int_equal(take(in, 0), 30);
    assert_int_equal(wire_ipv4_parse(got, 30, &ip), 20);
    assert_int_equal(ip.id, 77);
    assert_int_equal(ip.ttl, 3);
    assert_int_equal(ip.src, RIG_ADDRESS(0));
    assert_int_equal(send_to(out, RIG_ADDRESS(1), whole, 1501), -EMSGSIZE);
    assert_int_equal(send_to(out, RIG_ADDRESS(1), whole, 19), -EINVAL);
    assert_int_equal(sock_set(&rig, out, IPPROTO_IP, IP_HDRINCL, 0), 0);
    assert_int_equal(send_to(out, RIG_ADDRESS(1), whole, 1501), 1501); /* a payload, in fragments */
    struct socket *udp = open_socket(0, SOCK_DGRAM, 0);
    assert_int_equal(sock_set(&rig, udp, IPPROTO_IP, IP_HDRINCL, 1), -ENOPROTOOPT);
    sock_close(&rig, udp);
    sock_close(&rig, in);
    sock_close(&rig, out);
}

static void the_icmp_filter_keeps_types_away(void **state)
{
    struct socket *in = open_socket(1, SOCK_RAW, IPPROTO_ICMP), *ping = open_socket(0, SOCK_DGRAM, IPPROTO_ICMP);
    uint32_t but_replies = ~(1u << WIRE_ICMP_ECHO_REPLY);
    uint8_t echo[12] = {WIRE_ICMP_ECHO_REQUEST};
    (void)state;
    assert_int_equal(send_to(ping, RIG_ADDRESS(1), echo, sizeof echo), sizeof echo);
    assert_int_equal(take(in, 0), 20 + sizeof echo);
    assert_int_equal(socket_set_option(in, IPPROTO_RAW, ICMP_FILTER, &but_replies, sizeof but_replies, rig.now), 0);
    assert_int_equal(send_to(ping, RIG_ADDRESS(1), echo, sizeof echo), sizeof echo);
    assert_int_equal(take(in, 0), -EAGAIN);
    assert_int_equal(socket_set_option(in, IPPROTO_RAW, 99, &but_replies, sizeof but_replies, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_set_option(ping, IPPROTO_RAW, ICMP_FILTER, &but_replies, 4, rig.now), -ENOPROTOOPT);
    sock_close(&rig, in);
    sock_close(&rig, ping);
}

static void raw_errors(void **state)
{
    struct socket *s = open_socket(0, SOCK_RAW, OSPF), *none;
    (void)state;
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_RAW, 256, &none), -EINVAL);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_RAW, -1, &none), -EINVAL);
    assert_int_equal(send_to(s, RIG_OUTSIDE, "x", 1), -ENETUNREACH);
    assert_int_equal(send_to(s, 0x0affffff, "x", 1), -EACCES);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVERR, 1), 0);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), "sixteen bytes...", 16), 16); /* the protocol is unknown there */
    assert_int_equal(take(s, 0), -ENOPROTOOPT);
    assert_int_equal(take(s, MSG_ERRQUEUE), 16);
    assert_memory_equal(got, "sixteen bytes...", 16);
    sock_close(&rig, s);
}

static void raw_sockets_of_many_protocols(void **state)
{
    struct socket *s[18];
    unsigned n = 0;
    (void)state;
    while (n < 18 && socket_open(rig.layers[0], AF_INET, SOCK_RAW, (int)(100 + n), &s[n]) == 0)
        n++;
    assert_int_equal(n, 16); /* the stack's listeners */
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_RAW, 120, &s[n]), -ENOBUFS);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_RAW, 100, &s[n]), 0); /* shares one */
    for (unsigned i = 0; i <= n; i++)
        sock_close(&rig, s[i]);
}

/* ---- ping ---- */

static uint32_t request(uint8_t *to, uint16_t sequence, const char *text)
{
    struct wire_icmp h = {.type = WIRE_ICMP_ECHO_REQUEST, .rest = wire_icmp_rest_echo(0xdead, sequence)};
    wire_icmp_build(to, &h);
    memcpy(to + WIRE_ICMP_LEN, text, strlen(text));
    return WIRE_ICMP_LEN + (uint32_t)strlen(text);
}

static void a_ping_comes_back(void **state)
{
    struct socket *s = open_socket(0, SOCK_DGRAM, IPPROTO_ICMP), *other = open_socket(0, SOCK_DGRAM, IPPROTO_ICMP);
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    uint8_t m[64];
    struct wire_icmp h;
    (void)state;
    assert_int_equal(sock_bind(&rig, s, INADDR_ANY, 4711), 0);
    assert_int_equal(sock_bind(&rig, other, INADDR_ANY, 4711), -EADDRINUSE);
    for (uint16_t sequence = 1; sequence < 4; sequence++) {
        uint32_t n = request(m, sequence, "payload");
        assert_int_equal(send_to(s, RIG_ADDRESS(1), m, n), n);
        assert_int_equal(take(s, 0), n);
        assert_int_equal(wire_icmp_parse(got, n, &h), 8);
        assert_int_equal(h.type, WIRE_ICMP_ECHO_REPLY);
        assert_int_equal(wire_icmp_echo_id(&h), 4711); /* not the user's */
        assert_int_equal(wire_icmp_echo_sequence(&h), sequence);
        assert_true(wire_icmp_checksum_ok(got, n));
        assert_memory_equal(got + 8, "payload", 7);
        assert_int_equal(ntohl(from.sin_addr.s_addr), RIG_ADDRESS(1));
    }
    uint32_t n = request(m, 1, "");
    assert_int_equal(send_to(other, RIG_ADDRESS(1), m, n), n); /* an identifier by itself */
    assert_int_equal(take(other, 0), 8);
    assert_int_equal(take(s, 0), -EAGAIN);
    assert_int_equal(socket_name(other, (struct sockaddr *)(void *)&name, &length), 0);
    assert_int_not_equal(name.sin_port, 0);
    sock_close(&rig, s);
    sock_close(&rig, other);
}

static void what_is_no_echo_request_is_refused(void **state)
{
    struct socket *s = open_socket(0, SOCK_DGRAM, IPPROTO_ICMP);
    uint8_t m[64];
    uint32_t n = request(m, 1, "payload");
    (void)state;
    assert_int_equal(send_to(s, RIG_ADDRESS(1), m, 7), -EINVAL);
    m[1] = 1;
    assert_int_equal(send_to(s, RIG_ADDRESS(1), m, n), -EINVAL);
    m[1] = 0;
    for (unsigned type = 0; type < 256; type++) {
        m[0] = (uint8_t)type;
        assert_int_equal(send_to(s, RIG_ADDRESS(1), m, n), type == WIRE_ICMP_ECHO_REQUEST ? (ssize_t)n : -EINVAL);
    }
    sock_close(&rig, s);
}

static void a_message_in_pieces(void **state)
{
    struct socket *s = open_socket(0, SOCK_DGRAM, IPPROTO_ICMP);
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), 0);
    uint8_t m[64];
    uint32_t n = request(m, 9, "payload");
    struct iovec v[] = {{m, 3}, {m + 3, 6}, {m + 9, n - 9}};
    struct msghdr h = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = v, .msg_iovlen = 3};
    (void)state;
    assert_int_equal(socket_send(s, &h, 0, rig.now), n);
    socket_rig_settle(&rig);
    assert_int_equal(take(s, 0), n);
    assert_memory_equal(got + 8, "payload", 7);
    sock_close(&rig, s);
}

static void nobody_answers(void **state)
{
    struct socket *s = open_socket(0, SOCK_DGRAM, IPPROTO_ICMP);
    uint8_t m[64];
    uint32_t n = request(m, 9, "payload");
    (void)state;
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVERR, 1), 0);
    assert_int_equal(send_to(s, RIG_NOBODY, m, n), n);
    socket_rig_pass(&rig, 5 * NS_PER_S);
    assert_int_equal(take(s, 0), -EHOSTUNREACH);
    assert_int_equal(take(s, MSG_ERRQUEUE), n);
    assert_memory_equal(got + 8, "payload", 7);
    assert_int_equal(ntohl(from.sin_addr.s_addr), RIG_NOBODY);
    sock_close(&rig, s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_raw_socket_has_its_protocol_with_headers),
        CASE(bind_and_connect_filter),
        CASE(a_header_of_the_users_own),
        CASE(the_icmp_filter_keeps_types_away),
        CASE(raw_errors),
        CASE(raw_sockets_of_many_protocols),
        CASE(a_ping_comes_back),
        CASE(what_is_no_echo_request_is_refused),
        CASE(a_message_in_pieces),
        CASE(nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
