/* SPDX-License-Identifier: MIT */
/*
 * Stream sockets between two stacks: what each call returns, as Linux documents it (tcp(7), socket(7), connect(2), accept(2), shutdown(2)).
 */
#define _GNU_SOURCE /* POLLRDHUP */

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#define IN (POLLIN | POLLRDNORM)
#define OUT (POLLOUT | POLLWRNORM)
#define GONE (IN | OUT | POLLRDHUP | POLLHUP)

static uint8_t pattern_at(uint64_t i) { return (uint8_t)(i * 7 + (i >> 8)); }

/* ---- opening and binding ---- */

static void only_what_there_is_can_be_opened(void **state)
{
    struct socket *s;
    (void)state;
    assert_int_equal(socket_open(rig.layers[0], AF_UNIX, SOCK_STREAM, 0, &s), -EAFNOSUPPORT);
    assert_null(s);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, 77, 0, &s), -ESOCKTNOSUPPORT);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_STREAM, IPPROTO_UDP, &s), -EPROTONOSUPPORT);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_STREAM, IPPROTO_TCP, &s), 0);
    sock_close(&rig, s);
}

static void sockets_up_to_the_limit(void **state)
{
    struct socket *s[4];
    struct socket_settings settings;
    (void)state;
    socket_rig_end(&rig);
    socket_settings_default(&settings);
    settings.max_sockets = 3;
    socket_rig_begin(&rig, &settings);
    for (int i = 0; i < 3; i++)
        assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_STREAM, 0, &s[i]), 0);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_STREAM, 0, &s[3]), -ENOBUFS);
    assert_int_equal(socket_counters(rig.layers[0])->drop_no_socket, 1);
    for (int i = 0; i < 3; i++)
        sock_close(&rig, s[i]);
    assert_int_equal(socket_open(rig.layers[0], AF_INET, SOCK_STREAM, 0, &s[3]), 0);
    sock_close(&rig, s[3]);
}

static void bind_takes_our_addresses_and_free_ports(void **state)
{
    struct socket *a = sock_socket(&rig, 0, SOCK_STREAM), *b = sock_socket(&rig, 0, SOCK_STREAM);
    struct sockaddr_in name = {0};
    socklen_t length = sizeof name;
    (void)state;
    assert_int_equal(sock_bind(&rig, a, RIG_ADDRESS(1), 80), -EADDRNOTAVAIL);
    assert_int_equal(sock_bind(&rig, a, RIG_ADDRESS(0), 80), 0);
    assert_int_equal(sock_bind(&rig, a, RIG_ADDRESS(0), 81), -EINVAL); /* bound already */
    assert_int_equal(sock_bind(&rig, b, RIG_ADDRESS(0), 80), -EADDRINUSE);
    assert_int_equal(sock_bind(&rig, b, INADDR_ANY, 80), -EADDRINUSE);
    assert_int_equal(sock_bind(&rig, b, INADDR_ANY, 0), 0);
    assert_int_equal(socket_name(b, (struct sockaddr *)(void *)&name, &length), 0);
    assert_int_equal(length, sizeof name);
    assert_int_equal(name.sin_addr.s_addr, INADDR_ANY);
    assert_in_range(ntohs(name.sin_port), 32768, 60999);
    sock_close(&rig, a);
    sock_close(&rig, b);
}

static void bind_reads_addresses_strictly(void **state)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
    struct sockaddr_in a = sock_address(RIG_ADDRESS(0), 80);
    const struct sockaddr *p = (const struct sockaddr *)(const void *)&a;
    (void)state;
    assert_int_equal(socket_bind(s, NULL, sizeof a, rig.now), -EFAULT);
    assert_int_equal(socket_bind(s, p, 1, rig.now), -EINVAL);
    assert_int_equal(socket_bind(s, p, sizeof a - 1, rig.now), -EINVAL);
    a.sin_family = AF_INET6;
    assert_int_equal(socket_bind(s, p, sizeof a, rig.now), -EAFNOSUPPORT);
    sock_close(&rig, s);
}

static void ports_are_shared_as_linux_allows(void **state)
{
    static const struct {
        int option;
        bool first, second, listens;
        int result;
    } cases[] = {{SO_REUSEADDR, false, true, false, -EADDRINUSE},
                 {SO_REUSEADDR, true, false, false, -EADDRINUSE},
                 {SO_REUSEADDR, true, true, false, 0},
                 {SO_REUSEADDR, true, true, true, -EADDRINUSE},
                 {SO_REUSEPORT, true, true, false, 0},
                 {SO_REUSEPORT, true, true, true, 0},
                 {SO_REUSEPORT, true, false, true, -EADDRINUSE},
                 {SO_REUSEPORT, false, true, true, -EADDRINUSE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct socket *a = sock_socket(&rig, 0, SOCK_STREAM), *b = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_set(&rig, a, SOL_SOCKET, cases[i].option, cases[i].first), 0);
        assert_int_equal(sock_set(&rig, b, SOL_SOCKET, cases[i].option, cases[i].second), 0);
        assert_int_equal(sock_bind(&rig, a, INADDR_ANY, 80), 0);
        if (cases[i].listens)
            assert_int_equal(socket_listen(a, 5, rig.now), 0);
        assert_int_equal(sock_bind(&rig, b, RIG_ADDRESS(0), 80), cases[i].result);
        sock_close(&rig, a);
        sock_close(&rig, b);
    }
}

/* ---- connecting ---- */

static void a_connection_is_made(void **state)
{
    struct socket *listener = sock_listener(&rig, 1, 80, 5), *c = sock_socket(&rig, 0, SOCK_STREAM);
    struct sockaddr_in peer, name;
    socklen_t length = sizeof peer;
    struct socket *s;
    (void)state;
    assert_int_equal(socket_ready(c), OUT | POLLHUP);
    assert_int_equal(socket_ready(listener), 0);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EINPROGRESS);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EALREADY);
    assert_int_equal(socket_ready(c), 0);
    assert_int_equal(sock_send(&rig, c, "x", 1, 0), -EAGAIN);
    assert_int_equal(socket_peer(c, (struct sockaddr *)(void *)&peer, &length), -ENOTCONN);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(c), OUT);
    assert_int_equal(socket_ready(listener), IN);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), 0);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EISCONN);
    length = sizeof peer;
    assert_int_equal(socket_accept(listener, (struct sockaddr *)(void *)&peer, &length, &s), 0);
    assert_int_equal(length, sizeof peer);
    length = sizeof name;
    assert_int_equal(socket_name(c, (struct sockaddr *)(void *)&name, &length), 0);
    assert_memory_equal(&peer, &name, sizeof peer);
    assert_int_equal(ntohl(name.sin_addr.s_addr), RIG_ADDRESS(0));
    assert_int_equal(socket_ready(listener), 0);
    sock_close(&rig, c);
    sock_close(&rig, s);
    sock_close(&rig, listener);
}

/* Both directions fill what little memory there is; the byte that finds none ends its connection, which says why. */
static void without_memory_for_what_arrives_the_connection_ends(void **state)
{
    static uint8_t bytes[32768];
    struct socket *s[2];
    struct socket_settings settings;
    (void)state;
    socket_rig_end(&rig);
    socket_settings_default(&settings);
    settings.buffer_bytes = sizeof bytes;
    socket_rig_begin(&rig, &settings);
    sock_pair(&rig, s);
    assert_int_equal(sock_send(&rig, s[1], bytes, sizeof bytes, 0), sizeof bytes); /* what waits to be acknowledged */
    rig.cut = true;
    socket_rig_settle(&rig);
    rig.cut = false;
    for (unsigned i = 0; i < 40 && socket_counters(rig.layers[1])->drop_no_memory == 0; i++) {
        (void)sock_send(&rig, s[0], bytes, 1000, 0);
        socket_rig_settle(&rig);
    }
    assert_int_equal(socket_counters(rig.layers[1])->drop_no_memory, 1);
    assert_int_equal(sock_get(&rig, s[1], SOL_SOCKET, SO_ERROR), ENOBUFS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, s[0], SOL_SOCKET, SO_ERROR), ECONNRESET);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void a_refused_connection_can_be_tried_again(void **state)
{
    struct socket *c = sock_socket(&rig, 0, SOCK_STREAM);
    (void)state;
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(c), GONE | POLLERR);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(socket_ready(c), GONE);
    struct socket *listener = sock_listener(&rig, 1, 80, 5);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -ECONNABORTED); /* its error was read already */
    assert_int_equal(socket_ready(c), OUT | POLLHUP);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(c), OUT);
    sock_close(&rig, listener);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), ECONNRESET); /* nobody accepted it */
    sock_close(&rig, c);
}

static void connect_says_the_error_when_it_is_called_again(void **state)
{
    struct socket *c = sock_socket(&rig, 0, SOCK_STREAM);
    (void)state;
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -ECONNREFUSED);
    assert_int_equal(sock_connect(&rig, c, RIG_OUTSIDE, 80), -ENETUNREACH);
    assert_int_equal(sock_connect(&rig, c, 0xffffffffu, 80), -ENETUNREACH);
    assert_int_equal(sock_connect(&rig, c, RIG_NOBODY, 80), -EINPROGRESS);
    socket_rig_pass(&rig, 10 * NS_PER_S);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), EHOSTUNREACH);
    sock_close(&rig, c);
}

static void connect_times_out(void **state)
{
    struct socket *c = sock_socket(&rig, 0, SOCK_STREAM), *listener = sock_listener(&rig, 1, 80, 5), *first[2];
    (void)state;
    sock_close(&rig, listener);
    sock_pair(&rig, first); /* so that the neighbour is known */
    assert_int_equal(sock_set(&rig, c, IPPROTO_TCP, 7 /* TCP_SYNCNT */, 1), 0);
    rig.cut = true;
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 81), -EINPROGRESS);
    socket_rig_pass(&rig, 4 * NS_PER_S);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    rig.cut = false;
    sock_close(&rig, c);
    sock_close(&rig, first[0]);
    sock_close(&rig, first[1]);
}

static void a_full_backlog_lets_nobody_in(void **state)
{
    struct socket *listener = sock_listener(&rig, 1, 80, 1), *c[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        c[i] = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_connect(&rig, c[i], RIG_ADDRESS(1), 80), -EINPROGRESS);
        socket_rig_settle(&rig);
    }
    assert_int_equal(socket_ready(c[1]), OUT);
    assert_int_equal(socket_ready(c[2]), 0); /* as Linux: backlog + 1 wait, the next is not answered */
    assert_int_equal(socket_counters(rig.layers[1])->drop_backlog_full, 1);
    struct socket *s = sock_accept(listener);
    socket_rig_pass(&rig, 2 * NS_PER_S);
    assert_int_equal(socket_ready(c[2]), OUT);
    for (int i = 0; i < 3; i++)
        sock_close(&rig, c[i]);
    sock_close(&rig, s);
    sock_close(&rig, listener);
}

static void listeners_that_share_a_port_share_the_connections(void **state)
{
    struct socket *listener[2], *c[64];
    unsigned taken[2] = {0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        listener[i] = sock_socket(&rig, 1, SOCK_STREAM);
        assert_int_equal(sock_set(&rig, listener[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        assert_int_equal(sock_bind(&rig, listener[i], INADDR_ANY, 80), 0);
        assert_int_equal(socket_listen(listener[i], 100, rig.now), 0);
    }
    for (int i = 0; i < 64; i++) {
        c[i] = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_connect(&rig, c[i], RIG_ADDRESS(1), 80), -EINPROGRESS);
    }
    socket_rig_settle(&rig);
    for (int i = 0; i < 2; i++)
        for (struct socket *s; (s = sock_accept(listener[i])) != NULL; taken[i]++)
            sock_close(&rig, s);
    assert_int_equal(taken[0] + taken[1], 64);
    assert_in_range(taken[0], 10, 54);
    sock_close(&rig, listener[0]); /* the other goes on */
    struct socket *late = sock_socket(&rig, 0, SOCK_STREAM);
    assert_int_equal(sock_connect(&rig, late, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    struct socket *s = sock_accept(listener[1]);
    assert_non_null(s);
    sock_close(&rig, s);
    sock_close(&rig, late);
    sock_close(&rig, listener[1]);
    for (int i = 0; i < 64; i++)
        sock_close(&rig, c[i]);
}

static void deferred_connections_are_accepted_when_they_have_data(void **state)
{
    struct socket *listener = sock_listener(&rig, 1, 80, 5), *c[3];
    (void)state;
    assert_int_equal(sock_set(&rig, listener, IPPROTO_TCP, 9 /* TCP_DEFER_ACCEPT */, 5), 0);
    for (int i = 0; i < 3; i++) {
        c[i] = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_connect(&rig, c[i], RIG_ADDRESS(1), 80), -EINPROGRESS);
    }
    socket_rig_settle(&rig);
    assert_null(sock_accept(listener));
    assert_int_equal(sock_send(&rig, c[1], "x", 1, 0), 1);
    socket_rig_settle(&rig);
    struct socket *s = sock_accept(listener);
    assert_non_null(s);
    assert_null(sock_accept(listener));
    socket_rig_pass(&rig, 8 * NS_PER_S); /* 5 s, as Linux counts them in SYN-ACKs, are 7 */
    struct socket *waited = sock_accept(listener);
    assert_non_null(waited);
    sock_close(&rig, listener); /* and with it the third */
    sock_close(&rig, s);
    sock_close(&rig, waited);
    for (int i = 0; i < 3; i++)
        sock_close(&rig, c[i]);
}

/* ---- data ---- */

static void bytes_come_as_they_were_sent(void **state)
{
    struct socket *s[2];
    static uint8_t block[100000], got[100000];
    uint64_t sent = 0, received = 0, most = 4u << 20;
    (void)state;
    sock_pair(&rig, s);
    while (received < most) {
        size_t n = (size_t)min_u64(most - sent, sizeof block);
        for (size_t i = 0; i < n; i++)
            block[i] = pattern_at(sent + i);
        ssize_t done = n ? sock_send(&rig, s[0], block, n, 0) : 0;
        assert_true(done >= 0 || done == -EAGAIN);
        sent += done > 0 ? (uint64_t)done : 0;
        socket_rig_settle(&rig);
        ssize_t more = sock_receive(&rig, s[1], got, 1 + (received * 31) % sizeof got, 0);
        assert_true(more > 0 || more == -EAGAIN);
        for (ssize_t i = 0; i < more; i++)
            assert_int_equal(got[i], pattern_at(received + (uint64_t)i));
        received += more > 0 ? (uint64_t)more : 0;
        socket_rig_pass(&rig, NS_PER_MS);
    }
    assert_int_equal(sock_receive(&rig, s[1], got, 1, 0), -EAGAIN);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void a_full_send_buffer_says_so_and_when_there_is_room(void **state)
{
    struct socket *s[2];
    static uint8_t block[1 << 20];
    (void)state;
    sock_pair(&rig, s);
    uint64_t sent = 0;
    for (ssize_t n; (n = sock_send(&rig, s[0], block, sizeof block, 0)) > 0; socket_rig_settle(&rig))
        sent += (uint64_t)n;
    assert_int_equal(socket_ready(s[0]), 0);
    assert_int_equal(sock_send(&rig, s[0], block, 1, 0), -EAGAIN);
    assert_in_range(sent, 400000, 600000); /* both buffers */
    int queued = 0;
    assert_int_equal(socket_ioctl(s[0], SIOCOUTQ, &queued, rig.now), 0);
    assert_int_equal(queued, 262144);
    assert_true(sock_receive(&rig, s[1], block, sizeof block, 0) > 200000);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(socket_ready(s[0]), OUT);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]); /* unread: both sides reset */
}

static void messages_are_gathered_and_scattered(void **state)
{
    struct socket *s[2];
    char a[3], b[4], c[10];
    struct iovec out[3] = {{(void *)(uintptr_t) "one", 3}, {NULL, 0}, {(void *)(uintptr_t) "twothree", 8}};
    struct iovec in[3] = {{a, 3}, {b, 4}, {c, sizeof c}};
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 3}, n = {.msg_iov = in, .msg_iovlen = 3};
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(socket_send(s[0], &m, 0, rig.now), 11);
    socket_rig_settle(&rig);
    assert_int_equal(socket_receive(s[1], &n, 0, rig.now), 11);
    assert_memory_equal(a, "one", 3);
    assert_memory_equal(b, "twot", 4);
    assert_memory_equal(c, "hree", 4);
    out[0].iov_base = NULL;
    assert_int_equal(socket_send(s[0], &m, 0, rig.now), -EFAULT);
    out[0].iov_len = SIZE_MAX;
    out[0].iov_base = a;
    assert_int_equal(socket_send(s[0], &m, 0, rig.now), -EINVAL);
    m.msg_iovlen = 1025;
    assert_int_equal(socket_send(s[0], &m, 0, rig.now), -EMSGSIZE);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void peek_and_trunc(void **state)
{
    struct socket *s[2];
    char b[8];
    int n = 0;
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_send(&rig, s[0], "abcdef", 6, 0), 6);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ioctl(s[1], FIONREAD, &n, rig.now), 0);
    assert_int_equal(n, 6);
    assert_int_equal(sock_receive(&rig, s[1], b, 3, MSG_PEEK), 3);
    assert_int_equal(sock_receive(&rig, s[1], NULL, 0, 0), 0);
    struct iovec v = {.iov_base = b, .iov_len = 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    assert_int_equal(socket_receive(s[1], &m, MSG_TRUNC, rig.now), 2); /* thrown away */
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 4);
    assert_memory_equal(b, "cdef", 4);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void low_water_holds_readiness_back(void **state)
{
    struct socket *s[2];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_set(&rig, s[1], SOL_SOCKET, SO_RCVLOWAT, 5), 0);
    assert_int_equal(sock_send(&rig, s[0], "abcd", 4, 0), 4);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(s[1]), OUT);
    assert_int_equal(sock_send(&rig, s[0], "e", 1, 0), 1);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(socket_ready(s[1]), OUT | IN);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void cork_and_more_hold_back_less_than_a_segment(void **state)
{
    struct socket *s[2];
    static char block[2000];
    (void)state;
    for (int more = 0; more < 2; more++) {
        sock_pair(&rig, s);
        if (!more)
            assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, 3 /* TCP_CORK */, 1), 0);
        assert_int_equal(sock_send(&rig, s[0], "abc", 3, more ? MSG_MORE : 0), 3);
        socket_rig_pass(&rig, 100 * NS_PER_MS);
        assert_int_equal(sock_receive(&rig, s[1], block, sizeof block, 0), -EAGAIN);
        assert_int_equal(sock_send(&rig, s[0], block, 2000, more ? MSG_MORE : 0), 2000);
        socket_rig_settle(&rig);
        assert_int_equal(sock_receive(&rig, s[1], block, sizeof block, 0), 1448);
        socket_rig_pass(&rig, 210 * NS_PER_MS);
        assert_int_equal(sock_receive(&rig, s[1], block, sizeof block, 0), 555); /* 200 ms are enough */
        assert_int_equal(sock_send(&rig, s[0], "de", 2, more ? MSG_MORE : 0), 2);
        if (more)
            assert_int_equal(sock_send(&rig, s[0], "f", 1, 0), 1);
        else
            assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, 3, 0), 0);
        socket_rig_settle(&rig);
        assert_int_equal(sock_receive(&rig, s[1], block, sizeof block, 0), 2 + more);
        sock_close(&rig, s[0]);
        sock_close(&rig, s[1]);
        socket_rig_pass(&rig, NS_PER_S);
    }
}

static void nodelay_flushes_what_is_held_back(void **state) /* tcp(7) */
{
    struct socket *s[2];
    char b[8];
    (void)state;
    for (int more = 0; more < 2; more++) {
        sock_pair(&rig, s);
        assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, 3 /* TCP_CORK */, !more), 0);
        for (int turn = 0; turn < 2; turn++) { /* and holds back what comes then */
            assert_int_equal(sock_send(&rig, s[0], "abc", 3, more ? MSG_MORE : 0), 3);
            socket_rig_pass(&rig, 50 * NS_PER_MS);
            assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), -EAGAIN);
            assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, 1 /* TCP_NODELAY */, 1), 0);
            socket_rig_settle(&rig);
            assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 3);
        }
        sock_close(&rig, s[0]);
        sock_close(&rig, s[1]);
        socket_rig_pass(&rig, NS_PER_S);
    }
}

static void urgent_data_comes_out_of_band_or_in_line(void **state)
{
    struct socket *s[2];
    char b[8];
    int mark = -1;
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_receive(&rig, s[1], b, 1, MSG_OOB), -EINVAL);
    assert_int_equal(sock_send(&rig, s[0], "abX", 3, MSG_OOB), 3);
    assert_int_equal(sock_send(&rig, s[0], "cd", 2, 0), 2);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(socket_ready(s[1]), OUT | IN | POLLPRI);
    assert_int_equal(sock_receive(&rig, s[1], b, 1, MSG_OOB), 1);
    assert_int_equal(b[0], 'X');
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 2);
    assert_memory_equal(b, "ab", 2);
    assert_int_equal(socket_ioctl(s[1], SIOCATMARK, &mark, rig.now), 0);
    assert_int_equal(mark, 1);
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 2);
    assert_memory_equal(b, "cd", 2);
    assert_int_equal(sock_set(&rig, s[1], SOL_SOCKET, SO_OOBINLINE, 1), 0);
    assert_int_equal(sock_send(&rig, s[0], "Y", 1, MSG_OOB), 1);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(sock_receive(&rig, s[1], b, 1, MSG_OOB), -EINVAL);
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 1);
    assert_int_equal(b[0], 'Y');
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

/* ---- ending ---- */

static void the_end_is_read_after_the_data(void **state)
{
    struct socket *s[2];
    char b[8];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_send(&rig, s[0], "bye", 3, 0), 3);
    sock_close(&rig, s[0]);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(s[1]), OUT | IN | POLLRDHUP);
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 3);
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 0);
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 0);
    sock_close(&rig, s[1]);
}

static void half_closed_connections_carry_on(void **state)
{
    struct socket *s[2];
    char b[8];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(socket_shutdown(s[0], 3, rig.now), -EINVAL);
    assert_int_equal(socket_shutdown(s[0], SHUT_WR, rig.now), 0);
    assert_int_equal(sock_send(&rig, s[0], "x", 1, 0), -EPIPE);
    socket_rig_pass(&rig, 200 * NS_PER_S); /* longer than any FIN-WAIT-2 without a user */
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 0);
    assert_int_equal(sock_send(&rig, s[1], "late", 4, 0), 4);
    socket_rig_settle(&rig);
    assert_int_equal(sock_receive(&rig, s[0], b, 8, 0), 4);
    sock_close(&rig, s[1]);
    socket_rig_settle(&rig);
    assert_int_equal(sock_receive(&rig, s[0], b, 8, 0), 0);
    assert_int_equal(socket_ready(s[0]), GONE);
    sock_close(&rig, s[0]);
}

static void shutdown_of_reading_gives_the_end(void **state)
{
    struct socket *s[2], *fresh = sock_socket(&rig, 0, SOCK_STREAM);
    char b[8];
    (void)state;
    assert_int_equal(socket_shutdown(fresh, SHUT_RD, rig.now), -ENOTCONN);
    assert_int_equal(sock_receive(&rig, fresh, b, 8, 0), -ENOTCONN);
    assert_int_equal(sock_send(&rig, fresh, b, 8, 0), -EPIPE);
    sock_pair(&rig, s);
    assert_int_equal(socket_shutdown(s[0], SHUT_RD, rig.now), 0);
    assert_int_equal(sock_receive(&rig, s[0], b, 8, 0), 0);
    assert_int_equal(sock_send(&rig, s[0], "x", 1, 0), 1);
    sock_close(&rig, fresh);
    sock_close(&rig, s[0]);
    socket_rig_settle(&rig);
    assert_int_equal(sock_receive(&rig, s[1], b, 8, 0), 1);
    sock_close(&rig, s[1]);
}

static void unread_data_makes_close_a_reset(void **state)
{
    struct socket *s[2];
    char b[8];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_send(&rig, s[0], "abc", 3, 0), 3);
    socket_rig_settle(&rig);
    sock_close(&rig, s[1]);
    assert_int_equal(socket_counters(rig.layers[1])->reset_unread, 1);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(s[0]), GONE | POLLERR);
    assert_int_equal(sock_receive(&rig, s[0], b, 8, 0), -ECONNRESET);
    assert_int_equal(sock_receive(&rig, s[0], b, 8, 0), 0);
    assert_int_equal(sock_send(&rig, s[0], b, 8, 0), -EPIPE);
    sock_close(&rig, s[0]);
}

static void linger_of_zero_makes_close_a_reset(void **state)
{
    struct socket *s[2];
    struct linger l = {.l_onoff = 1}, got;
    socklen_t length = sizeof got;
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(socket_set_option(s[0], SOL_SOCKET, SO_LINGER, &l, sizeof l, rig.now), 0);
    assert_int_equal(socket_get_option(s[0], SOL_SOCKET, SO_LINGER, &got, &length, rig.now), 0);
    assert_memory_equal(&l, &got, sizeof l);
    sock_close(&rig, s[0]);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, s[1], SOL_SOCKET, SO_ERROR), ECONNRESET);
    sock_close(&rig, s[1]);
}

static void data_for_a_closed_socket_is_answered_with_a_reset(void **state)
{
    struct socket *s[2];
    (void)state;
    sock_pair(&rig, s);
    sock_close(&rig, s[0]);
    socket_rig_settle(&rig);
    assert_int_equal(sock_send(&rig, s[1], "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, s[1], SOL_SOCKET, SO_ERROR), EPIPE);
    sock_close(&rig, s[1]);
}

static void what_was_sent_before_close_arrives(void **state)
{
    struct socket *s[2];
    static uint8_t block[200000];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_send(&rig, s[0], block, sizeof block, 0), sizeof block);
    sock_close(&rig, s[0]);
    uint64_t got = 0;
    for (ssize_t n = 1; n != 0; got += n > 0 ? (uint64_t)n : 0) {
        socket_rig_pass(&rig, NS_PER_MS);
        n = sock_receive(&rig, s[1], block, 1000, 0);
    }
    assert_int_equal(got, sizeof block);
    sock_close(&rig, s[1]);
}

static void a_socket_without_user_does_not_wait_for_ever(void **state)
{
    struct socket *s[2];
    (void)state;
    sock_pair(&rig, s);
    sock_close(&rig, s[0]);
    socket_rig_pass(&rig, 100 * NS_PER_S); /* the peer keeps its side open */
    assert_int_equal(socket_count(rig.layers[0]), 0);
    sock_close(&rig, s[1]);
}

static void disconnect_makes_it_new(void **state)
{
    struct socket *s[2];
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(socket_connect(s[0], &none, sizeof none, rig.now), 0);
    assert_int_equal(socket_ready(s[0]), OUT | POLLHUP | POLLERR);
    assert_int_equal(sock_get(&rig, s[0], SOL_SOCKET, SO_ERROR), ECONNRESET);
    assert_int_equal(socket_ready(s[0]), OUT | POLLHUP);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, s[1], SOL_SOCKET, SO_ERROR), ECONNRESET);
    struct socket *listener = sock_listener(&rig, 1, 80, 5);
    assert_int_equal(sock_connect(&rig, s[0], RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(socket_ready(s[0]), OUT);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
    sock_close(&rig, listener);
}

static void a_listener_stops_by_shutdown(void **state)
{
    struct socket *listener = sock_listener(&rig, 1, 80, 5), *c = sock_socket(&rig, 0, SOCK_STREAM), *s;
    (void)state;
    assert_int_equal(sock_get(&rig, listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(sock_connect(&rig, listener, RIG_ADDRESS(0), 80), -EISCONN);
    assert_int_equal(socket_accept(c, NULL, NULL, &s), -EINVAL);
    assert_int_equal(socket_shutdown(listener, SHUT_RD, rig.now), 0);
    assert_int_equal(socket_accept(listener, NULL, NULL, &s), -EINVAL);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    sock_close(&rig, c);
    sock_close(&rig, listener);
}

static void an_embryo_ends_with_its_listener(void **state)
{
    struct socket *known[2];
    (void)state;
    sock_pair(&rig, known); /* so that the neighbours know each other */
    for (int by_close = 0; by_close < 2; by_close++) {
        struct socket *listener = sock_listener(&rig, 1, 81, 5), *c = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 81), -EINPROGRESS);
        stack_transmit(rig.stacks[0], rig.now);
        stack_receive(rig.stacks[1], rig.now); /* the SYN is there, nothing was answered yet */
        if (!by_close)
            assert_int_equal(socket_shutdown(listener, SHUT_RD, rig.now), 0);
        assert_int_equal(by_close ? 0 : sock_get(&rig, listener, SOL_SOCKET, SO_ERROR), 0);
        sock_close(&rig, listener);
        assert_int_equal(socket_count(rig.layers[1]), 1);
        socket_rig_settle(&rig);
        assert_int_equal(sock_get(&rig, c, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
        sock_close(&rig, c);
    }
    sock_close(&rig, known[0]);
    sock_close(&rig, known[1]);
}

static void a_connection_that_ended_in_the_queue_is_still_accepted(void **state)
{
    struct socket *listener = sock_listener(&rig, 1, 80, 5), *c = sock_socket(&rig, 0, SOCK_STREAM);
    struct linger l = {.l_onoff = 1};
    char b[4];
    (void)state;
    assert_int_equal(socket_set_option(c, SOL_SOCKET, SO_LINGER, &l, sizeof l, rig.now), 0);
    assert_int_equal(sock_connect(&rig, c, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    sock_close(&rig, c);
    socket_rig_settle(&rig);
    struct socket *s = sock_accept(listener);
    assert_non_null(s);
    assert_int_equal(sock_receive(&rig, s, b, 4, 0), -ECONNRESET);
    sock_close(&rig, s);
    sock_close(&rig, listener);
}

#define T(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(only_what_there_is_can_be_opened),
        T(sockets_up_to_the_limit),
        T(bind_takes_our_addresses_and_free_ports),
        T(bind_reads_addresses_strictly),
        T(ports_are_shared_as_linux_allows),
        T(a_connection_is_made),
        T(without_memory_for_what_arrives_the_connection_ends),
        T(a_refused_connection_can_be_tried_again),
        T(connect_says_the_error_when_it_is_called_again),
        T(connect_times_out),
        T(a_full_backlog_lets_nobody_in),
        T(listeners_that_share_a_port_share_the_connections),
        T(deferred_connections_are_accepted_when_they_have_data),
        T(bytes_come_as_they_were_sent),
        T(a_full_send_buffer_says_so_and_when_there_is_room),
        T(messages_are_gathered_and_scattered),
        T(peek_and_trunc),
        T(low_water_holds_readiness_back),
        T(cork_and_more_hold_back_less_than_a_segment),
        T(nodelay_flushes_what_is_held_back),
        T(urgent_data_comes_out_of_band_or_in_line),
        T(the_end_is_read_after_the_data),
        T(half_closed_connections_carry_on),
        T(shutdown_of_reading_gives_the_end),
        T(unread_data_makes_close_a_reset),
        T(linger_of_zero_makes_close_a_reset),
        T(data_for_a_closed_socket_is_answered_with_a_reset),
        T(what_was_sent_before_close_arrives),
        T(a_socket_without_user_does_not_wait_for_ever),
        T(disconnect_makes_it_new),
        T(a_listener_stops_by_shutdown),
        T(an_embryo_ends_with_its_listener),
        T(a_connection_that_ended_in_the_queue_is_still_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
