/* SPDX-License-Identifier: MIT */
/*
 * A host talks to itself: TCP, ping, raw and UDP from one of its addresses to another one, or to the same. Nothing of it may be seen on the wire.
 */
#include <time.h>

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "wire/icmp.h"
#include "wire/ipv4.h"

#include "stack/control.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#define OSPF 89
#define SECOND 0x0a000a01u /* another address of side 0 */
#define APART 0xc0a80001u  /* one on a subnet of its own */

static uint8_t got[200000];

static const struct stack_counters *counters(void) { return stack_counters(rig.stacks[0]); }
static uint64_t on_the_wire(void) { return rig.ends[0]->counters.frames_tx; }

static uint32_t add_address(uint32_t address)
{
    struct host_settings h = {.address = ip_addr_from_v4(address), .prefix_length = 24};
    int local = stack_add_host(rig.stacks[0], &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static struct socket *open_socket(int type, int protocol)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[0], AF_INET, type, protocol, &s), 0);
    return s;
}

static ssize_t send_to(struct socket *s, uint32_t address, const void *bytes, size_t length)
{
    struct sockaddr_in a = sock_address(address, 0);
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    return socket_send(s, &m, 0, rig.now);
}

static ssize_t take(struct socket *s) { return sock_receive(&rig, s, got, sizeof got, 0); }

/* ---- TCP ---- */

static void connect_both(uint32_t address, struct socket *out[2])
{
    struct socket *listener = sock_listener(&rig, 0, 80, 5);
    out[0] = sock_socket(&rig, 0, SOCK_STREAM);
    assert_int_equal(sock_connect(&rig, out[0], address, 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_connect(&rig, out[0], address, 80), 0);
    out[1] = sock_accept(listener);
    assert_non_null(out[1]);
    sock_close(&rig, listener);
}

static uint8_t byte_at(size_t offset) { return (uint8_t)(offset * 7 + offset / 251); }

/* All of it, through a queue of a few frames. */
static void carry(struct socket *from, struct socket *to, size_t length)
{
    static uint8_t bytes[150000];
    size_t sent = 0, received = 0;
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_at(i);
    while (received < length) {
        ssize_t n = sent < length ? sock_send(&rig, from, bytes + sent, length - sent, 0) : 0;
        sent += n > 0 ? (size_t)n : 0;
        socket_rig_pass(&rig, 100 * NS_PER_MS); /* a last short segment waits for a delayed ACK */
        n = take(to);
        assert_true(n > 0);
        assert_memory_equal(got, bytes + received, (size_t)n);
        received += (size_t)n;
    }
}

static void name_is(struct socket *s, int (*call)(const struct socket *, struct sockaddr *, socklen_t *), uint32_t is)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(call(s, (struct sockaddr *)(void *)&a, &n), 0);
    assert_int_equal(ntohl(a.sin_addr.s_addr), is);
}

/* By what name: it goes out from `from` to `to`. */
static void talk(uint32_t from, uint32_t to)
{
    struct socket *c[2];
    uint64_t wire = on_the_wire();
    connect_both(to, c);
    name_is(c[0], socket_name, from);
    name_is(c[0], socket_peer, to);
    name_is(c[1], socket_name, to);
    name_is(c[1], socket_peer, from);
    carry(c[0], c[1], 150000);
    carry(c[1], c[0], 150000);
    sock_close(&rig, c[0]);
    socket_rig_settle(&rig);
    assert_int_equal(take(c[1]), 0);
    sock_close(&rig, c[1]);
    socket_rig_settle(&rig);
    assert_int_equal(on_the_wire(), wire);
}

static void a_connection_to_oneself_carries_bytes_both_ways(void **state)
{
    (void)state;
    talk(RIG_ADDRESS(0), RIG_ADDRESS(0)); /* an address is reached best from itself */
    assert_true(counters()->frames_looped > 8);
    assert_int_equal(counters()->tcp_bad_checksum, 0);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

static void other_addresses_of_the_domain_are_reached_too(void **state)
{
    (void)state;
    add_address(SECOND);
    add_address(APART);
    talk(SECOND, SECOND);
    talk(APART, APART);
    struct socket *listener = sock_listener(&rig, 0, 81, 5), *s = sock_socket(&rig, 0, SOCK_STREAM), *a;
    assert_int_equal(sock_bind(&rig, s, SECOND, 0), 0); /* from one to another one, to which it has no route */
    assert_int_equal(sock_connect(&rig, s, APART, 81), -EINPROGRESS);
    socket_rig_settle(&rig);
    a = sock_accept(listener);
    assert_non_null(a);
    name_is(a, socket_peer, SECOND);
    name_is(a, socket_name, APART);
    sock_close(&rig, s);
    sock_close(&rig, a);
    sock_close(&rig, listener);
    socket_rig_settle(&rig);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

static void nobody_at_the_port_refuses(void **state)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
    (void)state;
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 9), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 9), -ECONNREFUSED);
    sock_close(&rig, s);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

/* RFC 9293 3.5: both ends of a simultaneous open are the same socket. */
static void a_socket_may_be_its_own_peer(void **state)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
    (void)state;
    assert_int_equal(sock_bind(&rig, s, RIG_ADDRESS(0), 4000), 0);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 4000), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 4000), 0);
    assert_int_equal(sock_send(&rig, s, "me", 2, 0), 2);
    socket_rig_settle(&rig);
    assert_int_equal(take(s), 2);
    sock_close(&rig, s);
}

static void connections_end_with_their_address(void **state)
{
    struct socket *c[2];
    (void)state;
    uint32_t local = add_address(SECOND);
    connect_both(SECOND, c);
    assert_int_equal(sock_send(&rig, c[0], "x", 1, 0), 1);
    stack_transmit(rig.stacks[0], rig.now); /* it is on its way */
    assert_int_equal(stack_remove_host(rig.stacks[0], local, rig.now), 0);
    socket_rig_settle(&rig);
    assert_int_equal(counters()->ip_bad_source, 3); /* the byte, and the RST of each end: their host is nobody now */
    assert_int_equal(take(c[1]), -ECONNABORTED);    /* which is not the end of the data */
    sock_close(&rig, c[0]);
    sock_close(&rig, c[1]);
}

/* ---- datagrams ---- */

static void a_ping_to_oneself_is_answered(void **state)
{
    struct socket *s = open_socket(SOCK_DGRAM, IPPROTO_ICMP);
    uint8_t echo[WIRE_ICMP_LEN + 4] = {WIRE_ICMP_ECHO_REQUEST, 0, 0, 0, 0, 0, 0, 9, 'p', 'i', 'n', 'g'};
    (void)state;
    assert_int_equal(send_to(s, RIG_ADDRESS(0), echo, sizeof echo), sizeof echo);
    socket_rig_settle(&rig);
    assert_int_equal(take(s), sizeof echo);
    assert_int_equal(got[0], WIRE_ICMP_ECHO_REPLY);
    assert_memory_equal(got + 6, echo + 6, 6);
    assert_int_equal(counters()->icmp_echo_replies_sent, 1);
    assert_int_equal(counters()->frames_looped, 2);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
    sock_close(&rig, s);
}

static void raw_datagrams_come_back(void **state)
{
    struct socket *in = open_socket(SOCK_RAW, OSPF), *out = open_socket(SOCK_RAW, OSPF);
    struct wire_ipv4 ip;
    (void)state;
    assert_int_equal(send_to(out, RIG_ADDRESS(0), "hello", 5), 5);
    socket_rig_settle(&rig);
    assert_int_equal(take(in), 25);
    assert_int_equal(wire_ipv4_parse(got, 25, &ip), 20);
    assert_int_equal(ip.src, RIG_ADDRESS(0));
    assert_int_equal(ip.dst, RIG_ADDRESS(0));
    assert_memory_equal(got + 20, "hello", 5);
    sock_close(&rig, in);
    sock_close(&rig, out);
}

static ssize_t send_header(struct socket *s, uint32_t source)
{
    uint8_t whole[30] = {0};
    struct wire_ipv4 h = {.src = source, .dst = RIG_ADDRESS(0), .ttl = 3, .protocol = OSPF};
    wire_ipv4_build20(whole, &h);
    return send_to(s, RIG_ADDRESS(0), whole, sizeof whole);
}

static void a_header_of_ones_own_comes_back_only_with_an_own_source(void **state)
{
    struct socket *in = open_socket(SOCK_RAW, OSPF), *out = open_socket(SOCK_RAW, IPPROTO_RAW);
    (void)state;
    add_address(SECOND);
    assert_int_equal(send_header(out, SECOND), 30);
    socket_rig_settle(&rig);
    assert_int_equal(take(in), 30);
    assert_int_equal(counters()->ip_bad_source, 0);
    assert_int_equal(send_header(out, RIG_ADDRESS(1)), 30);
    socket_rig_settle(&rig);
    assert_int_equal(take(in), -EAGAIN);
    assert_int_equal(counters()->ip_bad_source, 1);
    sock_close(&rig, in);
    sock_close(&rig, out);
}

/* ---- 127.0.0.0/8 and ::1 ---- */

#define LOOPBACK 0x7f000001u
#define LOOPBACK_5 0x7f000005u

static void loopback_is_the_host_itself(void **state)
{
    (void)state;
    talk(LOOPBACK, LOOPBACK);
    talk(LOOPBACK, LOOPBACK_5); /* as Linux: from 127.0.0.1, whichever it goes to */
    struct socket *c[2];
    connect_both(0, c); /* and 0.0.0.0 is what it is */
    name_is(c[0], socket_peer, LOOPBACK);
    sock_close(&rig, c[0]);
    sock_close(&rig, c[1]);
    socket_rig_settle(&rig);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
    assert_int_equal(stack_next_host(rig.stacks[0], 1), 0); /* nobody is shown them */
}

static void a_listener_on_loopback_hears_nothing_else(void **state)
{
    (void)state;
    struct socket *listener = sock_socket(&rig, 0, SOCK_STREAM), *s = sock_socket(&rig, 0, SOCK_STREAM), *a;
    assert_int_equal(sock_bind(&rig, listener, LOOPBACK, 80), 0);
    assert_int_equal(socket_listen(listener, 5, rig.now), 0);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 80), -ECONNREFUSED);
    assert_int_equal(sock_connect(&rig, s, LOOPBACK, 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_non_null(a = sock_accept(listener));
    sock_close(&rig, a);
    sock_close(&rig, s);
    sock_close(&rig, listener);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

static void datagrams_and_pings_take_loopback_too(void **state)
{
    (void)state;
    struct socket *in = sock_socket(&rig, 0, SOCK_DGRAM), *out = sock_socket(&rig, 0, SOCK_DGRAM);
    struct socket *ping = open_socket(SOCK_DGRAM, IPPROTO_ICMP);
    uint8_t echo[WIRE_ICMP_LEN + 4] = {WIRE_ICMP_ECHO_REQUEST, 0, 0, 0, 0, 0, 0, 9, 'p', 'i', 'n', 'g'};
    assert_int_equal(sock_bind(&rig, in, LOOPBACK_5, 7), 0);
    assert_int_equal(sock_connect(&rig, out, LOOPBACK_5, 7), 0);
    name_is(out, socket_name, LOOPBACK);
    assert_int_equal(sock_send(&rig, out, "hello", 5, 0), 5);
    assert_int_equal(take(in), 5);
    assert_int_equal(send_to(ping, LOOPBACK_5, echo, sizeof echo), sizeof echo);
    socket_rig_settle(&rig);
    assert_int_equal(take(ping), sizeof echo);
    sock_close(&rig, in);
    sock_close(&rig, out);
    sock_close(&rig, ping);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

static void loopback_of_ipv6(void **state)
{
    (void)state;
    struct sockaddr_in6 one = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in6 near = {
        .sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr.s6_addr = {0xfe, 0x80, [15] = 9}};
    struct socket *listener, *s, *bound, *a;
    assert_int_equal(socket_open(rig.layers[0], AF_INET6, SOCK_STREAM, 0, &listener), 0);
    assert_int_equal(socket_open(rig.layers[0], AF_INET6, SOCK_STREAM, 0, &s), 0);
    assert_int_equal(socket_open(rig.layers[0], AF_INET6, SOCK_STREAM, 0, &bound), 0);
    assert_int_equal(socket_bind(listener, (struct sockaddr *)&one, sizeof one, rig.now), 0);
    assert_int_equal(socket_listen(listener, 5, rig.now), 0);
    assert_int_equal(socket_connect(s, (struct sockaddr *)&one, sizeof one, rig.now), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_non_null(a = sock_accept(listener));
    assert_int_equal(sock_send(&rig, a, "hi", 2, 0), 2);
    socket_rig_settle(&rig);
    assert_int_equal(take(s), 2);
    one.sin6_port = 0;
    assert_int_equal(socket_bind(bound, (struct sockaddr *)&one, sizeof one, rig.now), 0);
    assert_int_equal(socket_connect(bound, (struct sockaddr *)&near, sizeof near, rig.now), -ENETUNREACH);
    struct socket *const all[] = {s, a, bound, listener};
    for (size_t i = 0; i < 4; i++)
        sock_close(&rig, all[i]);
    socket_rig_settle(&rig);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

static void from_loopback_nothing_leaves(void **state)
{
    (void)state;
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM);
    assert_int_equal(sock_bind(&rig, s, LOOPBACK, 4000), 0);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_BROADCAST, 1), 0);
    const uint32_t out[] = {RIG_ADDRESS(1), RIG_NOBODY, RIG_OUTSIDE, 0xffffffffu, 0xe0000005u};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        struct sockaddr_in a = sock_address(out[i], 9);
        struct iovec v = {.iov_base = (char[1]){'x'}, .iov_len = 1};
        struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
        assert_int_equal(socket_send(s, &m, 0, rig.now), -ENETUNREACH);
    }
    assert_int_equal(counters()->ip_no_route, sizeof out / sizeof *out);
    socket_rig_settle(&rig);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
    sock_close(&rig, s);
}

static void without_loopback_it_is_nowhere(void **state)
{
    (void)state;
    struct socket_settings t;
    socket_settings_default(&t);
    t.loopback = false;
    socket_rig_end(&rig);
    socket_rig_begin(&rig, &t);
    struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
    assert_int_equal(sock_connect(&rig, s, LOOPBACK, 80), -ENETUNREACH);
    assert_int_equal(sock_connect(&rig, s, 0, 80), -ENETUNREACH);
    assert_int_equal(sock_bind(&rig, s, LOOPBACK, 80), -EADDRNOTAVAIL);
    sock_close(&rig, s);
}

static void loopback_addresses_are_bounded(void **state)
{
    (void)state;
    struct ip_addr a;
    int last = 0;
    for (uint32_t i = 1; i < 10000 && last >= 0; i++) {
        a = ip_addr_from_v4(LOOPBACK + i);
        last = stack_add_loopback(rig.stacks[0], &a);
        if (last > 0)
            assert_int_equal(stack_add_loopback(rig.stacks[0], &a), last);
    }
    assert_int_equal(last, ERR_NO_SPACE);
    struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
    assert_int_equal(sock_connect(&rig, s, LOOPBACK + 65000, 80), -ENETUNREACH);
    sock_close(&rig, s);
    a = ip_addr_from_v4(SECOND);
    assert_int_equal(stack_add_loopback(rig.stacks[0], &a), ERR_INVALID);
    const struct host_settings h = {.address = ip_addr_from_v4(LOOPBACK), .prefix_length = 8};
    assert_int_equal(stack_add_host(rig.stacks[0], &h), ERR_INVALID);
}

struct heard {
    uint32_t length;
    unsigned count;
    int error;
};

static void datagram_came(void *context, const struct udp_datagram *d, int64_t now)
{
    struct heard *h = context;
    (void)now;
    h->count++;
    h->length = d->length;
    for (uint32_t i = 0; i < d->length; i++)
        assert_int_equal(d->bytes[i], byte_at(i));
    assert_int_equal(ip_addr_to_v4(&d->remote), RIG_ADDRESS(0));
}

static void error_came(void *context, const struct udp_datagram *quoted, const struct ip_error *e, int64_t now)
{
    struct heard *h = context;
    (void)quoted, (void)now;
    h->error = e->error;
}

/* Below the sockets, which deliver UDP to own addresses themselves. */
static void udp_of_the_stack_loops_in_fragments_and_as_errors(void **state)
{
    static uint8_t bytes[9000];
    struct heard h = {0};
    struct udp_datagram d = {.local = 1,
                             .remote = ip_addr_from_v4(RIG_ADDRESS(0)),
                             .local_port = 7,
                             .remote_port = 7,
                             .bytes = bytes,
                             .length = sizeof bytes};
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(i);
    assert_int_equal(udp_bind(rig.stacks[0], 0, 7, datagram_came, error_came, &h), 0);
    assert_int_equal(udp_send(rig.stacks[0], &d, rig.now), 0);
    socket_rig_settle(&rig);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.length, sizeof bytes);
    assert_int_equal(counters()->ipv4_reassembled, 1);
    d.remote_port = 8;
    d.length = 10;
    assert_int_equal(udp_send(rig.stacks[0], &d, rig.now), 0);
    socket_rig_settle(&rig);
    assert_int_equal(counters()->udp_no_port, 1);
    assert_int_equal(h.error, ERR_REFUSED);
    assert_int_equal(udp_unbind(rig.stacks[0], 0, 7), 0);
    assert_int_equal(rig.ends[0]->counters.frames_tx, 0);
}

static void a_full_queue_drops_by_name(void **state)
{
    struct socket *in = open_socket(SOCK_RAW, OSPF), *out = open_socket(SOCK_RAW, OSPF);
    (void)state;
    for (unsigned i = 0; i < RIG_LOOP_FRAMES; i++)
        assert_int_equal(send_to(out, RIG_ADDRESS(0), "x", 1), 1);
    assert_int_equal(counters()->tx_no_room, 0);
    assert_true(stack_output_pending(rig.stacks[0]));
    (void)send_to(out, RIG_ADDRESS(0), "y", 1);
    assert_int_equal(counters()->tx_no_room, 1);
    stack_transmit(rig.stacks[0], rig.now);
    assert_true(stack_next_deadline(rig.stacks[0]) <= rig.now);
    socket_rig_settle(&rig);
    for (unsigned i = 0; i < RIG_LOOP_FRAMES; i++)
        assert_int_equal(take(in), 21);
    assert_int_equal(take(in), -EAGAIN);
    assert_int_equal(send_to(out, RIG_ADDRESS(0), "x", 1), 1); /* there is room again */
    assert_int_equal(counters()->tx_no_room, 1);
    sock_close(&rig, in);
    sock_close(&rig, out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_connection_to_oneself_carries_bytes_both_ways),
        CASE(other_addresses_of_the_domain_are_reached_too),
        CASE(nobody_at_the_port_refuses),
        CASE(a_socket_may_be_its_own_peer),
        CASE(connections_end_with_their_address),
        CASE(a_ping_to_oneself_is_answered),
        CASE(raw_datagrams_come_back),
        CASE(a_header_of_ones_own_comes_back_only_with_an_own_source),
        CASE(loopback_is_the_host_itself),
        CASE(a_listener_on_loopback_hears_nothing_else),
        CASE(datagrams_and_pings_take_loopback_too),
        CASE(loopback_of_ipv6),
        CASE(from_loopback_nothing_leaves),
        CASE(without_loopback_it_is_nowhere),
        CASE(loopback_addresses_are_bounded),
        CASE(udp_of_the_stack_loops_in_fragments_and_as_errors),
        CASE(a_full_queue_drops_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
