/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets between two stacks: what each call returns, as Linux documents it (udp(7), ip(7), recv(2), connect(2)).
 */
#define _GNU_SOURCE /* POLLRDHUP */

#include <time.h>

#include "stack/control.h"
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "base/alloc_heap.h"
#include "base/error.h"
#include "wire/icmp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#define IN (POLLIN | POLLRDNORM)
#define OUT (POLLOUT | POLLWRNORM | POLLWRBAND)
#define GROUP 0xefff0001u
#define SUBNET_BROADCAST 0x0affffffu

static struct socket *udp(unsigned side) { return sock_socket(&rig, side, SOCK_DGRAM); }

static struct socket *udp_at(unsigned side, uint16_t port)
{
    struct socket *s = udp(side);
    assert_int_equal(sock_bind(&rig, s, INADDR_ANY, port), 0);
    return s;
}

static ssize_t send_to(struct socket *s, uint32_t address, uint16_t port, const void *bytes, size_t length)
{
    struct sockaddr_in a = sock_address(address, port);
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    return socket_send(s, &m, 0, rig.now);
}

/* A datagram as recvmsg gives it. */
struct got {
    ssize_t n;
    int flags;
    struct sockaddr_in from;
    socklen_t namelen;
    uint8_t bytes[70000];
    uint8_t control[256];
    size_t controllen;
};
static struct got got;

static ssize_t take(struct socket *s, size_t room, int flags)
{
    struct iovec v = {.iov_base = got.bytes, .iov_len = room};
    struct msghdr m = {.msg_name = &got.from,
                       .msg_namelen = sizeof got.from,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = got.control,
                       .msg_controllen = sizeof got.control};
    got.n = socket_receive(s, &m, flags, rig.now);
    got.flags = m.msg_flags;
    got.namelen = m.msg_namelen;
    got.controllen = m.msg_controllen;
    return got.n;
}

/* The value of a control message of what was taken last, or NULL. */
static const void *control(int type, size_t *length)
{
    struct cmsghdr h;
    for (size_t at = 0; at + sizeof h <= got.controllen; at += CMSG_ALIGN(h.cmsg_len)) {
        memcpy(&h, got.control + at, sizeof h);
        if (h.cmsg_level == IPPROTO_IP && h.cmsg_type == type) {
            *length = h.cmsg_len - CMSG_LEN(0);
            return got.control + at + CMSG_LEN(0);
        }
    }
    return NULL;
}

static void expect(struct socket *s, const char *text, uint32_t from, uint16_t port)
{
    assert_int_equal(take(s, sizeof got.bytes, 0), strlen(text));
    assert_memory_equal(got.bytes, text, strlen(text));
    assert_int_equal(ntohl(got.from.sin_addr.s_addr), from);
    if (port)
        assert_int_equal(ntohs(got.from.sin_port), port);
    assert_int_equal(got.namelen, sizeof got.from);
    assert_int_equal(got.flags, 0);
}

static void expect_nothing(struct socket *s) { assert_int_equal(take(s, 1, 0), -EAGAIN); }

/* ---- sending and receiving ---- */

static void a_datagram_there_and_back(void **state)
{
    struct socket *server = udp_at(1, 53), *client = udp(0);
    (void)state;
    assert_int_equal(socket_ready(client), OUT);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "question", 8), 8);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(server), IN | OUT);
    expect(server, "question", RIG_ADDRESS(0), 0);
    assert_int_equal(socket_ready(server), OUT);
    uint16_t port = ntohs(got.from.sin_port); /* chosen by the first send */
    assert_in_range(port, 32768, 60999);
    assert_int_equal(send_to(server, RIG_ADDRESS(0), port, "answer", 6), 6);
    socket_rig_settle(&rig);
    expect(client, "answer", RIG_ADDRESS(1), 53);
    expect_nothing(client);
    sock_close(&rig, server);
    sock_close(&rig, client);
}

static void datagrams_of_every_size_keep_their_borders(void **state)
{
    static const size_t sizes[] = {0, 1, 487, 1472, 1473, 4096, 4097, 20000, 65507};
    static uint8_t body[65508];
    struct socket *server = udp_at(1, 53), *client = udp(0);
    (void)state;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 13 + i / 251);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, body, sizes[i]), sizes[i]);
        socket_rig_settle(&rig);
        assert_int_equal(socket_ready(server), IN | OUT);
        assert_int_equal(take(server, sizeof got.bytes, 0), sizes[i]);
        assert_memory_equal(got.bytes, body, sizes[i]);
    }
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, body, 65508), -EMSGSIZE);
    sock_close(&rig, server);
    sock_close(&rig, client);
}

static void a_message_is_gathered_and_scattered(void **state)
{
    struct socket *server = udp_at(1, 53), *client = udp(0);
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), 53);
    char one[] = "abc", two[] = "defgh", in1[2], in2[4], in3[8];
    struct iovec out[] = {{one, 3}, {NULL, 0}, {two, 5}}, in[] = {{in1, 2}, {in2, 4}, {in3, 8}};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = out, .msg_iovlen = 3};
    (void)state;
    assert_int_equal(socket_send(client, &m, 0, rig.now), 8);
    socket_rig_settle(&rig);
    m = (struct msghdr){.msg_iov = in, .msg_iovlen = 3};
    assert_int_equal(socket_receive(server, &m, 0, rig.now), 8);
    assert_memory_equal(in1, "ab", 2);
    assert_memory_equal(in2, "cdef", 4);
    assert_memory_equal(in3, "gh", 2);
    sock_close(&rig, server);
    sock_close(&rig, client);
}

static void peek_and_trunc(void **state)
{
    struct socket *server = udp_at(1, 53), *client = udp(0);
    int waiting = -1;
    (void)state;
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "0123456789", 10), 10);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "next", 4), 4);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ioctl(server, FIONREAD, &waiting, rig.now), 0);
    assert_int_equal(waiting, 10); /* the first one, not both */
    assert_int_equal(take(server, 4, MSG_PEEK), 4);
    assert_int_equal(got.flags, MSG_TRUNC);
    assert_int_equal(take(server, 4, MSG_PEEK | MSG_TRUNC), 10);
    assert_int_equal(take(server, 10, MSG_PEEK), 10);
    assert_int_equal(got.flags, 0);
    assert_int_equal(take(server, 3, MSG_TRUNC), 10); /* what did not fit is lost */
    assert_memory_equal(got.bytes, "012", 3);
    expect(server, "next", RIG_ADDRESS(0), 0);
    assert_int_equal(socket_ioctl(server, FIONREAD, &waiting, rig.now), 0);
    assert_int_equal(waiting, 0);
    assert_int_equal(take(server, 1, MSG_OOB), -EOPNOTSUPP);
    sock_close(&rig, server);
    sock_close(&rig, client);
}

static void what_cannot_be_sent(void **state)
{
    struct socket *s = udp(0);
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), 53);
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    (void)state;
    assert_int_equal(sock_send(&rig, s, "x", 1, 0), -EDESTADDRREQ);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 0, "x", 1), -EINVAL);
    assert_int_equal(send_to(s, RIG_OUTSIDE, 53, "x", 1), -ENETUNREACH);
    assert_int_equal(socket_send(s, &m, MSG_OOB, rig.now), -EOPNOTSUPP);
    a.sin_family = AF_INET6;
    assert_int_equal(socket_send(s, &m, 0, rig.now), -EAFNOSUPPORT);
    m.msg_namelen = 7;
    assert_int_equal(socket_send(s, &m, 0, rig.now), -EINVAL);
    assert_int_equal(socket_listen(s, 1, rig.now), -EOPNOTSUPP);
    sock_close(&rig, s);
}

/* ---- connecting ---- */

static void a_connected_socket_hears_only_its_peer(void **state)
{
    struct socket *c = udp(0), *peer = udp_at(1, 53), *other = udp_at(1, 54);
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    (void)state;
    assert_int_equal(socket_peer(c, (struct sockaddr *)(void *)&name, &length), -ENOTCONN);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(socket_name(c, (struct sockaddr *)(void *)&name, &length), 0);
    assert_int_equal(ntohl(name.sin_addr.s_addr), RIG_ADDRESS(0));
    uint16_t port = ntohs(name.sin_port);
    assert_int_equal(socket_peer(c, (struct sockaddr *)(void *)&name, &length), 0);
    assert_int_equal(ntohs(name.sin_port), 53);
    assert_int_equal(sock_send(&rig, c, "hello", 5, 0), 5);
    socket_rig_settle(&rig);
    expect(peer, "hello", RIG_ADDRESS(0), port);
    assert_int_equal(send_to(other, RIG_ADDRESS(0), port, "not you", 7), 7);
    assert_int_equal(send_to(peer, RIG_ADDRESS(0), port, "you", 3), 3);
    socket_rig_settle(&rig);
    expect(c, "you", RIG_ADDRESS(1), 53);
    expect_nothing(c);
    assert_int_equal(socket_counters(rig.layers[0])->drop_no_receiver, 1);
    assert_int_equal(send_to(c, RIG_ADDRESS(1), 54, "elsewhere", 9), 9); /* a name goes before the peer */
    socket_rig_settle(&rig);
    expect(other, "elsewhere", RIG_ADDRESS(0), port);
    sock_close(&rig, c);
    sock_close(&rig, peer);
    sock_close(&rig, other);
}

static void a_connection_can_be_changed_and_dissolved(void **state)
{
    struct socket *c = udp(0), *other = udp_at(1, 54);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    (void)state;
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 54), 0);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    expect(other, "x", RIG_ADDRESS(0), 0);
    assert_int_equal(sock_connect(&rig, c, RIG_OUTSIDE, 53), -ENETUNREACH);
    assert_int_equal(socket_connect(c, &none, sizeof none, rig.now), 0);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), -EDESTADDRREQ);
    assert_int_equal(socket_name(c, (struct sockaddr *)(void *)&name, &length), 0);
    assert_int_equal(name.sin_addr.s_addr, INADDR_ANY);
    assert_int_equal(name.sin_port, 0); /* bind did not ask for it */
    sock_close(&rig, c);
    sock_close(&rig, other);
}

/* ---- errors ---- */

static void a_connected_socket_is_refused(void **state)
{
    struct socket *c = udp(0), *loose = udp(0);
    (void)state;
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 9), 0);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(c), OUT | POLLERR);
    assert_int_equal(take(c, 1, 0), -ECONNREFUSED);
    assert_int_equal(socket_ready(c), OUT);
    expect_nothing(c);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), -ECONNREFUSED);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(send_to(loose, RIG_ADDRESS(1), 9, "x", 1), 1); /* one without a peer is told nothing */
    socket_rig_settle(&rig);
    expect_nothing(loose);
    sock_close(&rig, c);
    sock_close(&rig, loose);
}

/* What the error queue says. */
static void expect_error(struct socket *s, int error, uint8_t origin, uint8_t type, uint8_t code, const char *quoted)
{
    struct sock_extended_err ee;
    size_t length;
    assert_int_equal(take(s, sizeof got.bytes, MSG_ERRQUEUE), strlen(quoted));
    assert_memory_equal(got.bytes, quoted, strlen(quoted));
    assert_int_equal(got.flags, MSG_ERRQUEUE);
    const void *value = control(IP_RECVERR, &length);
    assert_non_null(value);
    assert_int_equal(length, sizeof ee + sizeof(struct sockaddr_in));
    memcpy(&ee, value, sizeof ee);
    assert_int_equal(ee.ee_errno, error);
    assert_int_equal(ee.ee_origin, origin);
    assert_int_equal(ee.ee_type, type);
    assert_int_equal(ee.ee_code, code);
}

static void the_error_queue_tells_who_and_what(void **state)
{
    struct socket *s = udp(0);
    struct sockaddr_in offender;
    size_t length;
    (void)state;
    assert_int_equal(take(s, 1, MSG_ERRQUEUE), -EAGAIN);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVERR, 1), 0);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 9, "first", 5), 5);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 10, "second", 6), 6);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(s), OUT | POLLERR);
    expect_error(s, ECONNREFUSED, SO_EE_ORIGIN_ICMP, 3, 3, "first");
    assert_int_equal(ntohs(got.from.sin_port), 9); /* where it was sent to */
    assert_int_equal(ntohl(got.from.sin_addr.s_addr), RIG_ADDRESS(1));
    memcpy(&offender, (const uint8_t *)control(IP_RECVERR, &length) + sizeof(struct sock_extended_err),
           sizeof offender);
    assert_int_equal(ntohl(offender.sin_addr.s_addr), RIG_ADDRESS(1));
    assert_int_equal(sock_get(&rig, s, SOL_SOCKET, SO_ERROR), ECONNREFUSED); /* of the second */
    expect_error(s, ECONNREFUSED, SO_EE_ORIGIN_ICMP, 3, 3, "second");
    assert_int_equal(socket_ready(s), OUT);
    assert_int_equal(take(s, 1, MSG_ERRQUEUE), -EAGAIN);
    sock_close(&rig, s);
}

static void a_neighbour_that_does_not_answer(void **state)
{
    struct socket *s = udp(0);
    (void)state;
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVERR, 1), 0);
    assert_int_equal(send_to(s, RIG_NOBODY, 9, "anybody", 7), 7);
    socket_rig_pass(&rig, 5 * NS_PER_S);
    assert_int_equal(take(s, 1, 0), -EHOSTUNREACH);
    expect_error(s, EHOSTUNREACH, SO_EE_ORIGIN_ICMP, 3, 1, "anybody");
    sock_close(&rig, s);
}

static void what_is_too_long_for_its_path(void **state)
{
    static uint8_t body[2000];
    struct socket *s = udp(0), *server = udp_at(1, 53);
    struct sock_extended_err ee;
    size_t length;
    (void)state;
    assert_int_equal(sock_get(&rig, s, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 53, body, 1473), -EMSGSIZE);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 53, body, 1472), 1472);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVERR, 1), 0);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 53, body, 2000), -EMSGSIZE);
    assert_int_equal(take(s, sizeof got.bytes, MSG_ERRQUEUE), 2000);
    memcpy(&ee, control(IP_RECVERR, &length), sizeof ee);
    assert_int_equal(ee.ee_errno, EMSGSIZE);
    assert_int_equal(ee.ee_origin, SO_EE_ORIGIN_LOCAL);
    assert_int_equal(ee.ee_info, 1500);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_get(&rig, s, IPPROTO_IP, IP_MTU), 1500);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT), 0);
    assert_int_equal(sock_send(&rig, s, body, 2000, 0), 2000);
    socket_rig_settle(&rig);
    assert_int_equal(take(server, sizeof got.bytes, 0), 1472);
    assert_int_equal(take(server, sizeof got.bytes, 0), 2000);
    sock_close(&rig, s);
    sock_close(&rig, server);
}

/* From the other side, as a router would about the first bytes of a datagram of side 0's. */
static void tell_too_big(uint16_t port, uint16_t mtu)
{
    struct socket *raw;
    const uint8_t m[] = {
        3, 4, 0,  0, 0, 0, (uint8_t)(mtu >> 8),  (uint8_t)mtu,  0x45, 0,  5, 220, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0,
        0, 1, 10, 0, 0, 2, (uint8_t)(port >> 8), (uint8_t)port, 0,    53, 5, 200, 0, 0};
    uint8_t with_checksum[sizeof m];
    memcpy(with_checksum, m, sizeof m);
    wire_icmp_checksum_set(with_checksum, sizeof m);
    assert_int_equal(socket_open(rig.layers[1], AF_INET, SOCK_RAW, IPPROTO_ICMP, &raw), 0);
    assert_int_equal(send_to(raw, RIG_ADDRESS(0), 0, with_checksum, sizeof m), sizeof m);
    socket_rig_settle(&rig);
    sock_close(&rig, raw);
}

static void probes_are_longer_than_what_routers_said(void **state) /* RFC 8899 4.5, ip(7): IP_PMTUDISC_PROBE */
{
    static uint8_t body[2000];
    struct socket *s = udp_at(0, 4000), *server = udp_at(1, 53);
    (void)state;
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
    tell_too_big(4000, 1400);
    assert_int_equal(sock_get(&rig, s, SOL_SOCKET, SO_ERROR), EMSGSIZE);
    assert_int_equal(sock_get(&rig, s, IPPROTO_IP, IP_MTU), 1400);
    assert_int_equal(sock_send(&rig, s, body, 1472, 0), -EMSGSIZE);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE), 0);
    assert_int_equal(sock_send(&rig, s, body, 1472, 0), 1472);
    assert_int_equal(sock_send(&rig, s, body, 1473, 0), -EMSGSIZE); /* the link's own still counts */
    socket_rig_settle(&rig);
    assert_int_equal(take(server, sizeof got.bytes, 0), 1472);
    assert_int_equal(take(server, sizeof got.bytes, 0), -EAGAIN);
    assert_int_equal(sock_get(&rig, s, IPPROTO_IP, IP_MTU), 1400);
    sock_close(&rig, s);
    sock_close(&rig, server);
}

/* ---- who gets it ---- */

static void the_best_fit_gets_it(void **state)
{
    struct socket *any = udp(1), *exact = udp(1), *connected = udp(1), *client = udp_at(0, 4000);
    (void)state;
    struct socket *all[] = {any, exact, connected};
    for (int i = 0; i < 3; i++)
        assert_int_equal(sock_set(&rig, all[i], SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(sock_bind(&rig, any, INADDR_ANY, 53), 0);
    assert_int_equal(sock_bind(&rig, exact, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_bind(&rig, connected, INADDR_ANY, 53), 0);
    assert_int_equal(sock_connect(&rig, connected, RIG_ADDRESS(0), 4000), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1);
        socket_rig_settle(&rig);
        for (int k = 2; k >= 0; k--) {
            if (k == 2 - i)
                expect(all[k], "x", RIG_ADDRESS(0), 4000);
            else if (k < 2 - i)
                expect_nothing(all[k]);
        }
        sock_close(&rig, all[2 - i]);
    }
    sock_close(&rig, client);
}

static void sharers_of_a_port_divide_the_senders(void **state)
{
    enum { N = 4, CLIENTS = 64 };
    struct socket *servers[N];
    unsigned first[CLIENTS], counts[N] = {0};
    (void)state;
    for (int i = 0; i < N; i++) {
        servers[i] = udp(1);
        assert_int_equal(sock_set(&rig, servers[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        assert_int_equal(sock_bind(&rig, servers[i], INADDR_ANY, 53), 0);
    }
    for (unsigned round = 0; round < 2; round++)
        for (unsigned c = 0; c < CLIENTS; c++) {
            struct socket *client = udp_at(0, (uint16_t)(5000 + c));
            assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1);
            socket_rig_settle(&rig);
            unsigned who = N;
            for (unsigned i = 0; i < N; i++)
                if (take(servers[i], 1, 0) == 1)
                    who = i;
            assert_in_range(who, 0, N - 1);
            if (round)
                assert_int_equal(who, first[c]); /* always the same one */
            first[c] = who;
            counts[who]++;
            sock_close(&rig, client);
        }
    for (int i = 0; i < N; i++) {
        assert_int_not_equal(counts[i], 0);
        sock_close(&rig, servers[i]);
    }
}

static void the_receive_buffer_is_a_limit(void **state)
{
    struct socket *server = udp_at(1, 53), *client = udp(0);
    static uint8_t body[1000];
    (void)state;
    assert_int_equal(sock_set(&rig, server, SOL_SOCKET, SO_RCVBUF, 4000), 0);
    unsigned room = 0, got_back = 0;
    int limit = sock_get(&rig, server, SOL_SOCKET, SO_RCVBUF);
    while ((int)(room * 1512) < limit)
        room++;
    for (unsigned i = 0; i < room + 3; i++) {
        assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, body, sizeof body), sizeof body);
        socket_rig_settle(&rig);
    }
    assert_int_equal(socket_counters(rig.layers[1])->drop_receive_buffer, 3);
    while (take(server, sizeof got.bytes, 0) == sizeof body)
        got_back++;
    assert_int_equal(got_back, room);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, body, 1), 1);
    socket_rig_settle(&rig);
    assert_int_equal(take(server, 1, 0), 1);
    sock_close(&rig, server);
    sock_close(&rig, client);
}

/* ---- broadcast ---- */

static void broadcast_needs_permission(void **state)
{
    static const uint32_t addresses[] = {INADDR_BROADCAST, SUBNET_BROADCAST};
    struct socket *a = udp_at(1, 67), *exact = udp(1), *client = udp_at(0, 68);
    (void)state;
    assert_int_equal(sock_set(&rig, exact, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(sock_bind(&rig, exact, RIG_ADDRESS(1), 69), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sock_set(&rig, client, SOL_SOCKET, SO_BROADCAST, 0), 0);
        assert_int_equal(send_to(client, addresses[i], 67, "x", 1), -EACCES);
        assert_int_equal(sock_connect(&rig, client, addresses[i], 67), -EACCES);
        assert_int_equal(sock_set(&rig, client, SOL_SOCKET, SO_BROADCAST, 1), 0);
        assert_int_equal(send_to(client, addresses[i], 67, "to all", 6), 6);
        assert_int_equal(send_to(client, addresses[i], 69, "to all", 6), 6);
        socket_rig_settle(&rig);
        expect(a, "to all", RIG_ADDRESS(0), 68);
        expect_nothing(exact); /* it is bound to its own address */
    }
    sock_close(&rig, a);
    sock_close(&rig, exact);
    sock_close(&rig, client);
}

static void broadcast_comes_to_all_that_share_the_port(void **state)
{
    struct socket *s[3], *client = udp(0);
    (void)state;
    for (int i = 0; i < 3; i++) {
        s[i] = udp(1);
        assert_int_equal(sock_set(&rig, s[i], SOL_SOCKET, SO_REUSEADDR, 1), 0);
        assert_int_equal(sock_bind(&rig, s[i], i == 2 ? SUBNET_BROADCAST : INADDR_ANY, 67), 0);
    }
    assert_int_equal(sock_set(&rig, client, SOL_SOCKET, SO_BROADCAST, 1), 0);
    assert_int_equal(send_to(client, SUBNET_BROADCAST, 67, "to all", 6), 6);
    socket_rig_settle(&rig);
    for (int i = 0; i < 3; i++) {
        expect(s[i], "to all", RIG_ADDRESS(0), 0);
        sock_close(&rig, s[i]);
    }
    sock_close(&rig, client);
}

/* ---- multicast ---- */

static int membership(struct socket *s, int name, uint32_t group, uint32_t address)
{
    struct ip_mreq m = {.imr_multiaddr.s_addr = htonl(group), .imr_interface.s_addr = htonl(address)};
    return socket_set_option(s, IPPROTO_IP, name, &m, sizeof m, rig.now);
}

static void a_group_is_heard_by_its_members(void **state)
{
    struct socket *s = udp_at(1, 5353), *client = udp(0);
    (void)state;
    assert_int_equal(send_to(client, GROUP, 5353, "x", 1), 1);
    socket_rig_settle(&rig);
    expect_nothing(s);
    assert_int_equal(membership(s, IP_ADD_MEMBERSHIP, RIG_ADDRESS(0), INADDR_ANY), -EINVAL);
    assert_int_equal(membership(s, IP_ADD_MEMBERSHIP, GROUP, RIG_ADDRESS(0)), -ENODEV);
    assert_int_equal(membership(s, IP_ADD_MEMBERSHIP, GROUP, INADDR_ANY), 0);
    assert_int_equal(membership(s, IP_ADD_MEMBERSHIP, GROUP, RIG_ADDRESS(1)), -EADDRINUSE);
    assert_int_equal(send_to(client, GROUP, 5353, "group", 5), 5);
    socket_rig_settle(&rig);
    expect(s, "group", RIG_ADDRESS(0), 0);
    struct ip_mreqn by_index = {.imr_multiaddr.s_addr = htonl(GROUP + 1), .imr_ifindex = 1};
    assert_int_equal(socket_set_option(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by_index, sizeof by_index, rig.now), 0);
    assert_int_equal(send_to(client, GROUP + 1, 5353, "index", 5), 5);
    socket_rig_settle(&rig);
    expect(s, "index", RIG_ADDRESS(0), 0);
    assert_int_equal(membership(s, IP_DROP_MEMBERSHIP, GROUP, INADDR_ANY), 0);
    assert_int_equal(membership(s, IP_DROP_MEMBERSHIP, GROUP, INADDR_ANY), -EADDRNOTAVAIL);
    assert_int_equal(send_to(client, GROUP, 5353, "x", 1), 1);
    socket_rig_settle(&rig);
    expect_nothing(s);
    struct ip_addr group = ip_addr_from_v4(GROUP + 1);
    assert_true(stack_has_joined(rig.stacks[1], 1, &group));
    sock_close(&rig, s); /* leaves what it had joined */
    assert_false(stack_has_joined(rig.stacks[1], 1, &group));
    sock_close(&rig, client);
}

static void multicast_ttl_loop_and_all(void **state)
{
    struct socket *s = udp_at(1, 5353), *here = udp_at(0, 5353), *client = udp(0);
    (void)state;
    assert_int_equal(membership(s, IP_ADD_MEMBERSHIP, GROUP, INADDR_ANY), 0);
    assert_int_equal(membership(here, IP_ADD_MEMBERSHIP, GROUP, INADDR_ANY), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTTL, 1), 0);
    assert_int_equal(sock_get(&rig, client, IPPROTO_IP, IP_MULTICAST_TTL), 1);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_MULTICAST_TTL, 256), -EINVAL);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_MULTICAST_TTL, 33), 0);
    assert_int_equal(send_to(client, GROUP, 5353, "loop", 4), 4);
    socket_rig_settle(&rig);
    expect(s, "loop", RIG_ADDRESS(0), 0);
    size_t length;
    int ttl;
    memcpy(&ttl, control(IP_TTL, &length), sizeof ttl);
    assert_int_equal(ttl, 33);
    expect(here, "loop", RIG_ADDRESS(0), 0); /* our own member, without leaving */
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_MULTICAST_LOOP, 0), 0);
    assert_int_equal(send_to(client, GROUP, 5353, "far", 3), 3);
    socket_rig_settle(&rig);
    expect(s, "far", RIG_ADDRESS(0), 0);
    expect_nothing(here);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_MULTICAST_LOOP, 1), 0);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_MULTICAST_TTL, 0), 0);
    assert_int_equal(send_to(client, GROUP, 5353, "here", 4), 4); /* not beyond this host */
    socket_rig_settle(&rig);
    expect_nothing(s);
    expect(here, "here", RIG_ADDRESS(0), 0);
    /* another socket of the host has joined: this one hears the group too, unless it says no */
    struct socket *other = udp_at(1, 5354);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_MULTICAST_TTL, 1), 0);
    for (int all = 1; all >= 0; all--) {
        assert_int_equal(sock_set(&rig, other, IPPROTO_IP, IP_MULTICAST_ALL, all), 0);
        assert_int_equal(send_to(client, GROUP, 5354, "x", 1), 1);
        socket_rig_settle(&rig);
        assert_int_equal(take(other, 1, 0), all ? 1 : -EAGAIN);
    }
    sock_close(&rig, other);
    sock_close(&rig, s);
    sock_close(&rig, here);
    sock_close(&rig, client);
}

static void the_multicast_interface_is_an_address_of_ours(void **state)
{
    struct socket *s = udp(0);
    struct in_addr address = {.s_addr = htonl(RIG_ADDRESS(1))};
    socklen_t length = sizeof address;
    (void)state;
    assert_int_equal(socket_set_option(s, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address, rig.now),
                     -EADDRNOTAVAIL);
    assert_int_equal(socket_set_option(s, IPPROTO_IP, IP_MULTICAST_IF, &address, 3, rig.now), -EINVAL);
    address.s_addr = htonl(RIG_ADDRESS(0));
    assert_int_equal(socket_set_option(s, IPPROTO_IP, IP_MULTICAST_IF, &address, sizeof address, rig.now), 0);
    address.s_addr = 0;
    assert_int_equal(socket_get_option(s, IPPROTO_IP, IP_MULTICAST_IF, &address, &length, rig.now), 0);
    assert_int_equal(ntohl(address.s_addr), RIG_ADDRESS(0));
    sock_close(&rig, s);
}

/* ---- control messages ---- */

static void control_messages_tell_how_it_came(void **state)
{
    struct socket *s = udp_at(1, 53), *client = udp(0);
    struct in_pktinfo info;
    size_t length;
    int ttl;
    (void)state;
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_PKTINFO, 1), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTTL, 1), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTOS, 1), 0);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_TTL, 17), 0);
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_TOS, 0x2c), 0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1);
    socket_rig_settle(&rig);
    expect(s, "x", RIG_ADDRESS(0), 0);
    memcpy(&ttl, control(IP_TTL, &length), sizeof ttl);
    assert_int_equal(ttl, 17);
    assert_int_equal(*(const uint8_t *)control(IP_TOS, &length), 0x2c);
    assert_int_equal(length, 1);
    memcpy(&info, control(IP_PKTINFO, &length), sizeof info);
    assert_int_equal(length, sizeof info);
    assert_int_equal(info.ipi_ifindex, 1);
    assert_int_equal(ntohl(info.ipi_addr.s_addr), RIG_ADDRESS(1));
    assert_int_equal(ntohl(info.ipi_spec_dst.s_addr), RIG_ADDRESS(1));
    sock_close(&rig, s);
    sock_close(&rig, client);
}

static void control_without_room_is_cut(void **state)
{
    struct socket *s = udp_at(1, 53), *client = udp(0);
    uint8_t byte, room[CMSG_SPACE(sizeof(int))];
    struct iovec v = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    (void)state;
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTTL, 1), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTOS, 1), 0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1);
    socket_rig_settle(&rig);
    assert_int_equal(socket_receive(s, &m, 0, rig.now), 1);
    assert_int_equal(m.msg_flags, MSG_CTRUNC);
    assert_int_equal(m.msg_controllen, sizeof room);
    sock_close(&rig, s);
    sock_close(&rig, client);
}

static ssize_t send_with(struct socket *s, int level, int type, const void *value, size_t length)
{
    uint8_t room[CMSG_SPACE(64)] = {0};
    struct cmsghdr h = {.cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type};
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), 53);
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    struct msghdr m = {.msg_name = &a,
                       .msg_namelen = sizeof a,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = room,
                       .msg_controllen = CMSG_SPACE(length)};
    memcpy(room, &h, sizeof h);
    memcpy(room + CMSG_LEN(0), value, length);
    return socket_send(s, &m, 0, rig.now);
}

static void control_messages_say_how_it_goes(void **state)
{
    struct socket *s = udp_at(1, 53), *client = udp(0);
    struct host_settings second = {.address = ip_addr_from_v4(0x0a000033), .prefix_length = 8};
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x0a000033)};
    int number = 5;
    uint8_t byte = 0x44;
    size_t length;
    (void)state;
    assert_int_equal(stack_add_host(rig.stacks[0], &second), 2);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTTL, 1), 0);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_RECVTOS, 1), 0);
    assert_int_equal(send_with(client, IPPROTO_IP, IP_TTL, &number, sizeof number), 1);
    assert_int_equal(send_with(client, IPPROTO_IP, IP_TOS, &byte, 1), 1);
    assert_int_equal(send_with(client, IPPROTO_IP, IP_PKTINFO, &info, sizeof info), 1);
    socket_rig_settle(&rig);
    expect(s, "x", RIG_ADDRESS(0), 0);
    memcpy(&number, control(IP_TTL, &length), sizeof number);
    assert_int_equal(number, 5);
    expect(s, "x", RIG_ADDRESS(0), 0);
    assert_int_equal(*(const uint8_t *)control(IP_TOS, &length), 0x44);
    expect(s, "x", 0x0a000033, 0);
    number = 0;
    assert_int_equal(send_with(client, IPPROTO_IP, IP_TTL, &number, sizeof number), -EINVAL);
    assert_int_equal(send_with(client, IPPROTO_IP, IP_TTL, &byte, 1), -EINVAL);
    assert_int_equal(send_with(client, IPPROTO_IP, 9999, &number, sizeof number), -EINVAL);
    assert_int_equal(send_with(client, SOL_SOCKET, 9999, &number, sizeof number), -EINVAL);
    info.ipi_spec_dst.s_addr = htonl(RIG_NOBODY);
    assert_int_equal(send_with(client, IPPROTO_IP, IP_PKTINFO, &info, sizeof info), -ENETUNREACH);
    sock_close(&rig, s);
    sock_close(&rig, client);
}

/* ---- datagrams of several calls ---- */

static void several_calls_make_one_datagram(void **state)
{
    struct socket *s = udp_at(1, 53), *client = udp(0);
    (void)state;
    assert_int_equal(sock_connect(&rig, client, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_send(&rig, client, "one ", 4, MSG_MORE), 4);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 99, "datagram", 8), 8); /* where the first one went */
    socket_rig_settle(&rig);
    expect(s, "one datagram", RIG_ADDRESS(0), 0);
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_CORK, 1), 0);
    assert_int_equal(sock_get(&rig, client, IPPROTO_UDP, UDP_CORK), 1);
    assert_int_equal(sock_send(&rig, client, "corked", 6, 0), 6);
    socket_rig_settle(&rig);
    expect_nothing(s);
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_CORK, 0), 0);
    socket_rig_settle(&rig);
    expect(s, "corked", RIG_ADDRESS(0), 0);
    assert_int_equal(socket_counters(rig.layers[0])->datagrams_sent, 2);
    assert_int_equal(socket_counters(rig.layers[1])->datagrams_received, 2);
    sock_close(&rig, s);
    sock_close(&rig, client);
}

/* UDP_SEGMENT of Linux, to others and to ourselves. */
static void one_call_makes_several_datagrams(void **state)
{
    struct socket *s = udp_at(1, 53), *client = udp(0), *own = udp_at(0, 53);
    uint16_t five = 5;
    (void)state;
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, 5), 0);
    assert_int_equal(sock_get(&rig, client, IPPROTO_UDP, UDP_SEGMENT), 5);
    for (unsigned to_us = 0; to_us < 2; to_us++) {
        struct socket *receiver = to_us ? own : s;
        assert_int_equal(send_to(client, RIG_ADDRESS(!to_us), 53, "firstotherend", 13), 13);
        socket_rig_settle(&rig);
        expect(receiver, "first", RIG_ADDRESS(0), 0);
        expect(receiver, "other", RIG_ADDRESS(0), 0);
        expect(receiver, "end", RIG_ADDRESS(0), 0);
        expect_nothing(receiver);
    }
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, 0), 0);
    assert_int_equal(send_with(client, IPPROTO_UDP, UDP_SEGMENT, &five, 1), -EINVAL);
    assert_int_equal(send_with(client, IPPROTO_UDP, UDP_CORK, &five, sizeof five), -EINVAL);
    assert_int_equal(send_with(client, IPPROTO_UDP, UDP_SEGMENT, &five, sizeof five), 1);
    socket_rig_settle(&rig);
    expect(s, "x", RIG_ADDRESS(0), 0);
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, -1), -EINVAL);
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, 65536), -EINVAL);
    sock_close(&rig, s);
    sock_close(&rig, client);
    sock_close(&rig, own);
}

static void segments_are_limited_in_size_and_number(void **state)
{
    static uint8_t bytes[3000];
    struct socket *client = udp(0);
    (void)state;
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, 1), 0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, bytes, 128), 128);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, bytes, 129), -EINVAL);
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, 1472), 0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, bytes, 3000), 3000);
    assert_int_equal(sock_set(&rig, client, IPPROTO_UDP, UDP_SEGMENT, 1473), 0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, bytes, 3000), -EMSGSIZE);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, bytes, 1473), -EMSGSIZE);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, bytes, 1472), 1472);
    socket_rig_settle(&rig);
    sock_close(&rig, client);
}

static void what_makes_it_too_long_throws_it_away(void **state)
{
    static uint8_t bytes[60000];
    struct socket *s = udp_at(1, 53), *client = udp(0);
    (void)state;
    assert_int_equal(sock_connect(&rig, client, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_send(&rig, client, bytes, sizeof bytes, MSG_MORE), sizeof bytes);
    assert_int_equal(sock_send(&rig, client, bytes, 5507, MSG_MORE), 5507);
    assert_int_equal(sock_send(&rig, client, "x", 1, 0), -EMSGSIZE);
    assert_int_equal(sock_send(&rig, client, "y", 1, 0), 1);
    assert_int_equal(sock_send(&rig, client, "never", 5, MSG_MORE), 5);
    sock_close(&rig, client);
    socket_rig_settle(&rig);
    expect(s, "y", RIG_ADDRESS(0), 0);
    expect_nothing(s);
    sock_close(&rig, s);
}

/* ---- nobody takes it ---- */

static void a_stranger_is_refused_as_if_nobody_had_the_port(void **state)
{
    struct socket *s = udp_at(1, 53), *stranger = udp(0);
    (void)state;
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 99), 0);
    assert_int_equal(sock_connect(&rig, stranger, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(sock_send(&rig, stranger, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(sock_receive(&rig, stranger, got.bytes, 10, 0), -ECONNREFUSED);
    assert_int_equal(socket_counters(rig.layers[1])->drop_no_receiver, 1);
    assert_int_equal(sock_set(&rig, stranger, SOL_SOCKET, SO_BROADCAST, 1), 0);
    assert_int_equal(send_to(stranger, SUBNET_BROADCAST, 53, "x", 1), 1); /* never answered */
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, stranger, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(socket_counters(rig.layers[1])->drop_no_receiver, 2);
    sock_close(&rig, s);
    sock_close(&rig, stranger);
}

static void strangers_are_refused_no_faster_than_the_limit(void **state)
{
    struct socket *s = udp_at(1, 53), *stranger = udp(0);
    (void)state;
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(0), 99), 0);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(send_to(stranger, RIG_ADDRESS(1), 53, "x", 1), 1);
        socket_rig_settle(&rig);
    }
    assert_int_equal(socket_counters(rig.layers[1])->drop_no_receiver, 1000);
    assert_true(stack_counters(rig.stacks[1])->icmp_rate_limited > 0);
    sock_close(&rig, s);
    sock_close(&rig, stranger);
}

static void without_room_at_the_link_a_datagram_is_lost(void **state)
{
    struct socket *client = udp(0), *s = udp_at(1, 53);
    (void)state;
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1);
    socket_rig_settle(&rig);
    expect(s, "x", RIG_ADDRESS(0), 0);
    for (unsigned i = 0; socket_counters(rig.layers[0])->drop_no_room == 0; i++) {
        assert_true(i < 100000);
        assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1); /* Linux does not say so either */
    }
    assert_int_equal(sock_set(&rig, client, IPPROTO_IP, IP_RECVERR, 1), 0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), -ENOBUFS); /* unless it is asked */
    assert_int_equal(socket_counters(rig.layers[0])->drop_no_room, 2);
    socket_rig_settle(&rig);
    sock_close(&rig, s);
    sock_close(&rig, client);
}

/* ---- to ourselves ---- */

static void what_is_sent_to_our_own_address_arrives(void **state)
{
    struct socket *s = udp_at(0, 53), *c = udp(0);
    (void)state;
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(0), 53), 0);
    assert_int_equal(sock_send(&rig, c, "self", 4, 0), 4);
    expect(s, "self", RIG_ADDRESS(0), 0);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(0), 54), 0);
    assert_int_equal(sock_send(&rig, c, "self", 4, 0), 4);
    assert_int_equal(take(c, 1, 0), -ECONNREFUSED);
    sock_close(&rig, s);
    sock_close(&rig, c);
}

/* ---- ending ---- */

static void shutdown_as_linux_does_it(void **state)
{
    struct socket *s = udp(0);
    (void)state;
    assert_int_equal(socket_shutdown(s, 3, rig.now), -EINVAL);
    assert_int_equal(sock_connect(&rig, s, RIG_ADDRESS(1), 53), 0);
    assert_int_equal(socket_shutdown(s, SHUT_WR, rig.now), 0);
    assert_int_equal(sock_send(&rig, s, "x", 1, 0), -EPIPE);
    assert_int_equal(take(s, 1, 0), -EAGAIN);
    assert_int_equal(socket_shutdown(s, SHUT_RD, rig.now), 0);
    assert_int_equal(take(s, 1, 0), 0);
    assert_int_equal(socket_ready(s), IN | OUT | POLLRDHUP | POLLHUP);
    sock_close(&rig, s);
    s = udp(0);
    assert_int_equal(socket_shutdown(s, SHUT_RDWR, rig.now), -ENOTCONN); /* but it is shut */
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 53, "x", 1), -EPIPE);
    sock_close(&rig, s);
}

static void a_closed_socket_gives_its_port_back(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct socket *s = udp_at(1, 53), *client = udp(0);
        assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "unread", 6), 6);
        socket_rig_settle(&rig);
        sock_close(&rig, s);
        assert_int_equal(sock_connect(&rig, client, RIG_ADDRESS(1), 53), 0);
        assert_int_equal(sock_send(&rig, client, "x", 1, 0), 1);
        socket_rig_settle(&rig);
        assert_int_equal(take(client, 1, 0), -ECONNREFUSED);
        sock_close(&rig, client);
    }
    assert_int_equal(stack_counters(rig.stacks[1])->udp_no_port, 3);
}

static void an_address_that_is_removed_sends_no_more(void **state)
{
    struct socket *s = udp(0);
    struct host_settings second = {.address = ip_addr_from_v4(0x0a000033), .prefix_length = 8};
    (void)state;
    int local = stack_add_host(rig.stacks[0], &second);
    assert_int_equal(sock_bind(&rig, s, 0x0a000033, 53), 0);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 9, "x", 1), 1);
    assert_int_equal(stack_remove_host(rig.stacks[0], (uint32_t)local, rig.now), 0);
    assert_int_equal(send_to(s, RIG_ADDRESS(1), 9, "x", 1), -ENETUNREACH);
    sock_close(&rig, s);
}

static void sockets_may_outlive_nothing(void **state)
{
    (void)state;
    socket_rig_end(&rig);
    socket_rig_begin(&rig, NULL);
    struct socket *s = udp_at(1, 53);
    assert_int_equal(membership(s, IP_ADD_MEMBERSHIP, GROUP, INADDR_ANY), 0);
    struct socket *ping;
    assert_int_equal(socket_open(rig.layers[1], AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &ping), 0);
    assert_int_equal(sock_bind(&rig, ping, INADDR_ANY, 77), 0);
    socket_layer_delete(rig.layers[1]); /* with sockets in it: the stack forgets port, group and identifier */
    assert_int_equal(icmp_echo_bind(rig.stacks[1], 77, NULL, NULL), ERR_NOT_FOUND);
    assert_int_equal(udp_unbind(rig.stacks[1], 0, 53), ERR_NOT_FOUND);
    struct ip_addr group = ip_addr_from_v4(GROUP);
    assert_false(stack_has_joined(rig.stacks[1], 1, &group));
    struct socket *client = udp(0);
    assert_int_equal(send_to(client, RIG_ADDRESS(1), 53, "x", 1), 1);
    socket_rig_settle(&rig);
    assert_int_equal(stack_counters(rig.stacks[1])->udp_no_port, 1);
    sock_close(&rig, client);
    assert_int_equal(socket_layer_new(&rig.settings, rig.stacks[1], alloc_heap(), &rig.layers[1]), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_datagram_there_and_back),
        CASE(datagrams_of_every_size_keep_their_borders),
        CASE(a_message_is_gathered_and_scattered),
        CASE(peek_and_trunc),
        CASE(what_cannot_be_sent),
        CASE(a_connected_socket_hears_only_its_peer),
        CASE(a_connection_can_be_changed_and_dissolved),
        CASE(a_connected_socket_is_refused),
        CASE(the_error_queue_tells_who_and_what),
        CASE(a_neighbour_that_does_not_answer),
        CASE(what_is_too_long_for_its_path),
        CASE(probes_are_longer_than_what_routers_said),
        CASE(the_best_fit_gets_it),
        CASE(sharers_of_a_port_divide_the_senders),
        CASE(the_receive_buffer_is_a_limit),
        CASE(broadcast_needs_permission),
        CASE(broadcast_comes_to_all_that_share_the_port),
        CASE(a_group_is_heard_by_its_members),
        CASE(multicast_ttl_loop_and_all),
        CASE(the_multicast_interface_is_an_address_of_ours),
        CASE(control_messages_tell_how_it_came),
        CASE(control_without_room_is_cut),
        CASE(control_messages_say_how_it_goes),
        CASE(several_calls_make_one_datagram),
        CASE(one_call_makes_several_datagrams),
        CASE(segments_are_limited_in_size_and_number),
        CASE(what_makes_it_too_long_throws_it_away),
        CASE(a_stranger_is_refused_as_if_nobody_had_the_port),
        CASE(strangers_are_refused_no_faster_than_the_limit),
        CASE(without_room_at_the_link_a_datagram_is_lost),
        CASE(what_is_sent_to_our_own_address_arrives),
        CASE(shutdown_as_linux_does_it),
        CASE(a_closed_socket_gives_its_port_back),
        CASE(an_address_that_is_removed_sends_no_more),
        CASE(sockets_may_outlive_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
