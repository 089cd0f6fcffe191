/* SPDX-License-Identifier: MIT */
/*
 * The blocking front: two stacks of this process over a memory link, each in its thread, or embedded. What blocks, what
 * wakes it, and what many threads do at once. Run under ThreadSanitizer too.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK, POLLRDHUP */

#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FAILS(call, error)                                                                                             \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        assert_int_equal((call), -1);                                                                                  \
        assert_int_equal(errno, (error));                                                                              \
    } while (0)

/* ---- making ---- */

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *link, *address, *gateway, *says;
    } cases[] = {
        {"cable:eth0", "10.0.0.1/8", NULL, "link: found \"cable:eth0\", allowed are tap:NAME"},
        {"tap:", "10.0.0.1/8", NULL, "link: found \"tap:\""},
        {"tunnel:", "10.0.0.1/8", NULL, "link: found \"tunnel:\""},
        {"tunnel:sit,over=tap:x", "10.0.0.1/8", NULL, "tunnel: found \"sit\", allowed ipip, gre, gretap, vxlan"},
        {"tunnel:gre,local=10.9.0.1/24,remote=10.9.0.2,over=mem:x", "10.0.0.1/8", NULL,
         "tunnel: over: found \"mem:x\", allowed packet:IFNAME, xdp:IFNAME, tap:NAME, tunnel:KIND,..."},
        {"tunnel:gre,local=10.9.0.1/24,remote=10.9.0.2,over=packet:there-is-none", "10.0.0.1/8", NULL, "there-is-none"},
        {"packet:there-is-none", "10.0.0.1/8", NULL, "there-is-none"},
        {"mem:bad", "10.0.0.1", NULL, "address: found \"10.0.0.1\""},
        {"mem:bad", "fe80::1/64", NULL, "address: found \"fe80::1/64\""},
        {"mem:bad", "10.0.0.1/8", "nowhere", "gateway: found \"nowhere\""},
        {NULL, "10.0.0.1/8", NULL, "link: found \"\""}};
    char message[256];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_interface f = {.size = sizeof f};
        struct weir_stack_options o = {.size = sizeof o, .interfaces = &f, .n_interfaces = 1};
        f.link = cases[i].link;
        f.address = cases[i].address;
        f.gateway = cases[i].gateway;
        assert_null(weir_stack_new(&o, message, sizeof message));
        assert_non_null(strstr(message, cases[i].says));
        assert_int_not_equal(errno, 0);
    }
    static const struct {
        const char *kernel_address, *kernel_address6, *without, *says;
    } not_of_tunnels[] = {
        {"10.9.0.3/24", NULL, NULL, "kernel_address: found with \"tunnel:gre\", allowed only with tap:NAME"},
        {NULL, "2001:db8::3/64", NULL, "kernel_address6: found with \"tunnel:gre\", allowed only with tap:NAME"},
        {NULL, NULL, "gro", "without: found with \"tunnel:gre\", allowed only with tap:NAME and packet:INTERFACE"}};
    for (size_t i = 0; i < sizeof not_of_tunnels / sizeof *not_of_tunnels; i++) {
        struct weir_interface f = {.size = sizeof f,
                                   .link = "tunnel:gre",
                                   .address = "10.0.0.1/8",
                                   .kernel_address = not_of_tunnels[i].kernel_address,
                                   .kernel_address6 = not_of_tunnels[i].kernel_address6,
                                   .without = not_of_tunnels[i].without};
        struct weir_stack_options o = {.size = sizeof o, .interfaces = &f, .n_interfaces = 1};
        assert_null(weir_stack_new(&o, message, sizeof message));
        assert_string_equal(message, not_of_tunnels[i].says);
        assert_int_equal(errno, EINVAL);
    }
    struct weir_stack_options many = {.size = sizeof many, .n_interfaces = 17};
    assert_null(weir_stack_new(&many, message, sizeof message));
    assert_string_equal(message, "n_interfaces: found 17, allowed at most 15");
    many = (struct weir_stack_options){.size = sizeof many, .max_sockets = 2u << 20};
    assert_null(weir_stack_new(&many, message, sizeof message));
    assert_string_equal(message, "max_sockets: found 2097152, allowed at most 1048576");
}

static void descriptors_are_the_lowest_free(void **state)
{
    (void)state;
    assert_int_equal(weir_socket(client, AF_INET, SOCK_STREAM, 0), 0);
    assert_int_equal(weir_socket(client, AF_INET, SOCK_STREAM, 0), 1);
    assert_int_equal(weir_dup(client, 0), 2);
    assert_int_equal(weir_close(client, 1), 0);
    assert_int_equal(weir_socket(client, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), 1);
    assert_int_equal(weir_fcntl(client, 1, F_GETFL, 0) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(weir_fcntl(client, 0, F_GETFL, 0) & O_NONBLOCK, 0);
    assert_int_equal(weir_close(client, 0), 0);
    assert_int_equal(weir_fcntl(client, 2, F_SETFL, O_NONBLOCK), 0); /* the copy lives */
    FAILS(weir_close(client, 0), EBADF);
    FAILS(weir_close(client, -1), EBADF);
    FAILS(weir_close(client, 1 << 30), EBADF);
    FAILS(weir_dup(client, 77), EBADF);
    FAILS(weir_socket(client, AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
}

static void an_interface_comes_later(void **state)
{
    struct weir_stack_options o = {.size = sizeof o};
    char message[256];
    int fd;
    (void)state;
    struct weir_stack *s = weir_stack_new(&o, message, sizeof message);
    assert_non_null(s);
    unsetenv("WEIR_LINK");
    FAILS(weir_interface_add_default(s, message, sizeof message), ENODEV);
    assert_non_null(strstr(message, "WEIR_LINK"));
    setenv("WEIR_LINK", "mem:later", 1);
    setenv("WEIR_ADDRESS", "10.3.0.1/24", 1);
    assert_int_equal(weir_interface_add_default(s, message, sizeof message), 0);
    assert_int_equal(weir_interface_count(s), 1);
    int descriptor = weir_descriptor(s, weir_socket(s, AF_INET, SOCK_STREAM, 0));
    assert_ptr_equal(weir_stack_of(descriptor, &fd), s);
    assert_int_equal(fd, 0);
    weir_stack_delete(s);
    assert_null(weir_stack_of(descriptor, &fd));
    assert_null(weir_stack_of(-1, &fd));
    FAILS(weir_listen(NULL, 0, 1), EBADF);
}

/* ---- blocking ---- */

static void *accept_and_echo(void *argument)
{
    char b[100];
    int fd = weir_accept(server, *(int *)argument, NULL, NULL);
    assert_true(fd >= 0);
    for (ssize_t n; (n = weir_recv(server, fd, b, sizeof b, 0)) > 0;)
        assert_int_equal(weir_send(server, fd, b, (size_t)n, 0), n);
    assert_int_equal(weir_close(server, fd), 0);
    return NULL;
}

static void a_thread_blocks_until_the_peer_comes(void **state)
{
    pthread_t thread;
    int listener = front_listener(80);
    char b[100];
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, accept_and_echo, &listener), 0);
    int fd = front_connection(80);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(weir_write(client, fd, &i, sizeof i), sizeof i);
        assert_int_equal(weir_recv(client, fd, b, sizeof i, MSG_WAITALL), sizeof i);
        assert_memory_equal(b, &i, sizeof i);
    }
    assert_int_equal(weir_shutdown(client, fd, SHUT_WR), 0);
    assert_int_equal(weir_read(client, fd, b, sizeof b), 0);
    pthread_join(thread, NULL);
    assert_int_equal(weir_close(client, fd), 0);
}

static void connecting_to_nobody_is_refused(void **state)
{
    struct sockaddr_in a = front_address(SERVER, 81);
    int fd = weir_socket(client, AF_INET, SOCK_STREAM, 0);
    (void)state;
    FAILS(weir_connect(client, fd, (struct sockaddr *)&a, sizeof a), ECONNREFUSED);
    int listener = front_listener(81);
    assert_int_equal(weir_connect(client, fd, (struct sockaddr *)&a, sizeof a), 0);
    FAILS(weir_connect(client, fd, (struct sockaddr *)&a, sizeof a), EISCONN);
    (void)listener;
}

static void a_call_that_may_not_wait_says_so(void **state)
{
    int c, s, on = 1;
    char b[4];
    (void)state;
    front_pair(&c, &s);
    FAILS(weir_recv(client, c, b, 4, MSG_DONTWAIT), EAGAIN);
    assert_int_equal(weir_ioctl(client, c, FIONBIO, &on), 0);
    FAILS(weir_recv(client, c, b, 4, 0), EAGAIN);
    struct timeval t = {.tv_usec = 20000};
    assert_int_equal(weir_setsockopt(server, s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
    FAILS(weir_recv(server, s, b, 4, 0), EAGAIN);
    assert_int_equal(weir_send(client, c, "xy", 2, 0), 2);
    assert_int_equal(weir_recv(server, s, b, 4, MSG_WAITALL), 2); /* its time ran out */
}

static void *read_all(void *argument)
{
    static char b[1 << 16];
    uint64_t *total = argument;
    for (ssize_t n; (n = weir_read(server, (int)total[0], b, sizeof b)) > 0;)
        total[1] += (uint64_t)n;
    return NULL;
}

static void a_blocking_send_sends_everything(void **state)
{
    static char block[3 << 20];
    pthread_t thread;
    int c, s;
    (void)state;
    front_pair(&c, &s);
    uint64_t total[2] = {(uint64_t)s, 0};
    assert_int_equal(pthread_create(&thread, NULL, read_all, total), 0);
    struct iovec v[3] = {{block, 1000000}, {block, 1}, {block, sizeof block}};
    assert_int_equal(weir_writev(client, c, v, 3), 1000001 + (ssize_t)sizeof block);
    assert_int_equal(weir_close(client, c), 0);
    pthread_join(thread, NULL);
    assert_int_equal(total[1], 1000001 + sizeof block);
}

static void close_waits_as_linger_says(void **state)
{
    static char block[100000];
    struct linger l = {.l_onoff = 1, .l_linger = 10};
    int c, s;
    (void)state;
    front_pair(&c, &s);
    assert_int_equal(weir_setsockopt(client, c, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
    assert_int_equal(weir_send(client, c, block, sizeof block, 0), sizeof block);
    assert_int_equal(weir_close(client, c), 0); /* all of it is acknowledged: the peer's buffer holds it */
    int there = 0;
    assert_int_equal(weir_ioctl(server, s, FIONREAD, &there), 0);
    assert_int_equal(there, sizeof block);
    FAILS(weir_close(client, c), EBADF);
}

/* ---- signals ---- */

static void nothing(int number) { (void)number; }

static void *wait_for_data(void *argument)
{
    char b[4];
    ssize_t n = weir_recv(server, *(int *)argument, b, 4, 0);
    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

static void a_signal_interrupts_or_not(void **state)
{
    pthread_t thread;
    void *result;
    int c, s;
    (void)state;
    front_pair(&c, &s);
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction a = {.sa_handler = nothing, .sa_flags = restart ? SA_RESTART : 0};
        sigaction(SIGUSR1, &a, NULL);
        assert_int_equal(pthread_create(&thread, NULL, wait_for_data, &s), 0);
        bool over = false;
        for (int i = 0; restart ? i < 20 : !over; i++) { /* one that finds it awake does nothing */
            pthread_kill(thread, SIGUSR1);
            usleep(5000);
            over = !restart && pthread_tryjoin_np(thread, &result) == 0;
        }
        if (restart) {
            assert_int_equal(weir_send(client, c, "x", 1, 0), 1);
            pthread_join(thread, &result);
        }
        assert_int_equal((intptr_t)result, restart ? 1 : -EINTR);
    }
}

/* ---- waiting for several ---- */

static void poll_waits_for_the_first_of_many(void **state)
{
    int c, s;
    (void)state;
    front_pair(&c, &s);
    struct pollfd p[3] = {{.fd = s, .events = POLLIN}, {.fd = -1, .events = POLLIN}, {.fd = 99, .events = POLLIN}};
    assert_int_equal(weir_poll(server, p, 2, 0), 0);
    assert_int_equal(weir_poll(server, p, 2, 20), 0);
    assert_int_equal(weir_poll(server, p, 3, -1), 1);
    assert_int_equal(p[2].revents, POLLNVAL);
    assert_int_equal(weir_send(client, c, "x", 1, 0), 1);
    assert_int_equal(weir_poll(server, p, 2, -1), 1);
    assert_int_equal(p[0].revents, POLLIN);
    assert_int_equal(p[1].revents, 0);
    FAILS(weir_poll(server, p, 1 << 20, 0), EINVAL);
}

static void select_is_poll_with_sets(void **state)
{
    int c, s;
    fd_set r, w, e;
    struct timeval none = {0};
    (void)state;
    front_pair(&c, &s);
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_ZERO(&e);
    FD_SET(s, &r);
    FD_SET(s, &w);
    FD_SET(s, &e);
    assert_int_equal(weir_select(server, s + 1, &r, &w, &e, &none), 1);
    assert_true(!FD_ISSET(s, &r) && FD_ISSET(s, &w) && !FD_ISSET(s, &e));
    assert_int_equal(weir_close(client, c), 0);
    FD_SET(s, &r);
    assert_int_equal(weir_select(server, s + 1, &r, NULL, NULL, NULL), 1);
    FD_SET(77, &r);
    FAILS(weir_select(server, 78, &r, NULL, NULL, NULL), EBADF);
    FAILS(weir_select(server, -1, &r, NULL, NULL, NULL), EINVAL);
}

static void epoll_tells_of_listeners_and_connections(void **state)
{
    struct epoll_event e = {.events = EPOLLIN}, got[4];
    int epoll = weir_epoll_create1(server, 0), listener = front_listener(80);
    (void)state;
    e.data.fd = listener;
    assert_int_equal(weir_epoll_ctl(server, epoll, EPOLL_CTL_ADD, listener, &e), 0);
    assert_int_equal(weir_epoll_wait(server, epoll, got, 4, 10), 0);
    int c = front_connection(80);
    assert_int_equal(weir_epoll_wait(server, epoll, got, 4, -1), 1);
    assert_int_equal(got[0].data.fd, listener);
    int s = weir_accept(server, listener, NULL, NULL);
    e.data.fd = s;
    assert_int_equal(weir_epoll_ctl(server, epoll, EPOLL_CTL_ADD, s, &e), 0);
    assert_int_equal(weir_send(client, c, "x", 1, 0), 1);
    assert_int_equal(weir_epoll_wait(server, epoll, got, 4, -1), 1);
    assert_int_equal(got[0].data.fd, s);
    struct pollfd p = {.fd = epoll, .events = POLLIN}; /* an epoll can be polled */
    assert_int_equal(weir_poll(server, &p, 1, -1), 1);
    assert_int_equal(weir_close(server, s), 0);
    assert_int_equal(weir_epoll_wait(server, epoll, got, 4, 10), 0);
    FAILS(weir_epoll_ctl(server, epoll, EPOLL_CTL_ADD, epoll, &e), EINVAL);
    FAILS(weir_epoll_ctl(server, epoll, EPOLL_CTL_ADD, 77, &e), EBADF);
    FAILS(weir_epoll_wait(server, listener, got, 4, 0), EINVAL);
    FAILS(weir_epoll_wait(server, epoll, got, 0, 0), EINVAL);
    FAILS(weir_recv(server, epoll, got, 4, 0), ENOTSOCK);
}

/* ---- many threads ---- */

#define THREADS 16
#define ROUNDS 200

static void *hammer(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    char out[3000], in[3000];
    for (int round = 0; round < ROUNDS; round++) {
        int fd = front_connection(80);
        size_t length = 1 + (seed = seed * 1103515245u + 12345u) % sizeof out;
        memset(out, (int)(seed >> 8), length);
        assert_int_equal(weir_send(client, fd, out, length, 0), length);
        assert_int_equal(weir_recv(client, fd, in, length, MSG_WAITALL), length);
        assert_memory_equal(in, out, length);
        assert_int_equal(weir_close(client, fd), 0);
    }
    return NULL;
}

static void *serve(void *argument)
{
    for (int i = 0; i < THREADS * ROUNDS / 4; i++)
        accept_and_echo(argument);
    return NULL;
}

static void many_threads_share_a_stack(void **state)
{
    pthread_t clients[THREADS], servers[4];
    int listener = front_listener(80);
    (void)state;
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&servers[i], NULL, serve, &listener), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, hammer, (void *)i), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_join(clients[i], NULL);
    for (uintptr_t i = 0; i < 4; i++)
        pthread_join(servers[i], NULL);
    printf("%d connections of %d threads\n", THREADS * ROUNDS, THREADS);
}

/* ---- without a copy ---- */

static void pieces_are_what_was_sent_until_they_are_released(void **state)
{
    static uint8_t sent[200000], got[sizeof sent];
    struct weir_piece pieces[8];
    size_t done = 0;
    (void)state;
    int listener = front_listener(80), c = front_connection(80), s = weir_accept(server, listener, NULL, NULL);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 3 + i / 256);
    FAILS(weir_recv_pieces(server, s, pieces, 8, MSG_DONTWAIT), EAGAIN);
    FAILS(weir_recv_pieces(server, s, pieces, 0, 0), EINVAL);
    FAILS(weir_recv_pieces(server, s, pieces, 8, MSG_PEEK), EINVAL);
    FAILS(weir_recv_pieces(server, listener, pieces, 8, 0), ENOTCONN);
    assert_int_equal(weir_send(client, c, sent, sizeof sent, 0), sizeof sent);
    assert_int_equal(weir_close(client, c), 0);
    for (int n; (n = weir_recv_pieces(server, s, pieces, 8, 0)) != 0;) {
        assert_in_range(n, 1, 8);
        for (int i = 0; i < n; done += pieces[i++].length)
            memcpy(got + done, pieces[i].bytes, pieces[i].length);
        assert_int_equal(weir_release(server, pieces, n), 0);
        FAILS(weir_release(server, pieces, n), EINVAL);
    }
    assert_int_equal(done, sizeof sent);
    assert_memory_equal(got, sent, sizeof sent);
    assert_int_equal(weir_close(server, s), 0);
    assert_int_equal(weir_close(server, listener), 0);
}

static void a_stack_receives_on_however_many_pieces_are_out(void **state)
{
    static struct weir_piece held[1100];
    char b[2] = {0};
    int n = 0, more;
    (void)state;
    int listener = front_listener(80), c = front_connection(80), s = weir_accept(server, listener, NULL, NULL);
    int on = 1;
    assert_int_equal(weir_setsockopt(client, c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    for (errno = 0; n < 1024; n += more) { /* each is taken before the next is sent */
        assert_int_equal(weir_send(client, c, "a", 1, 0), 1);
        more = weir_recv_pieces(server, s, held + n, 8, 0);
        assert_int_equal(more, 1);
    }
    assert_int_equal(weir_send(client, c, "b", 1, 0), 1);
    struct pollfd p = {.fd = s, .events = POLLIN};
    assert_int_equal(weir_poll(server, &p, 1, -1), 1);
    FAILS(weir_recv_pieces(server, s, held + n, 8, 0), ENOBUFS);
    assert_int_equal(weir_recv(server, s, b, sizeof b, 0), 1);
    assert_int_equal(b[0], 'b');
    for (int i = 0; i < n; i++)
        assert_int_equal(*(const char *)held[i].bytes, 'a');
    assert_int_equal(weir_close(server, s), 0); /* they outlive their socket */
    assert_int_equal(weir_release(server, held, n), 0);
    assert_int_equal(weir_close(client, c), 0);
    assert_int_equal(weir_close(server, listener), 0);
}

/* ---- embedded ---- */

static void embedded_one_thread_does_it_all(void **state)
{
    struct weir_stack *one = front_stack("mem:embedded", "10.2.0.1/24", true);
    struct weir_stack *two = front_stack("mem:embedded", "10.2.0.2/24", false);
    struct sockaddr_in a = front_address("10.2.0.1", 80);
    char b[4];
    (void)state;
    FAILS(weir_turn(two, 0), EINVAL);
    int listener = weir_socket(one, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(weir_bind(one, listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(weir_listen(one, listener, 5), 0);
    int c = weir_socket(two, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(weir_connect(two, c, (struct sockaddr *)&a, sizeof a), EINPROGRESS);
    int s = weir_accept(one, listener, NULL, NULL);
    assert_true(s >= 0);
    assert_int_equal(weir_send(one, s, "hey", 3, 0), 3);
    while (weir_recv(two, c, b, 4, 0) != 3)
        assert_true(weir_turn(one, 1000000) >= 0);
    weir_stack_delete(one);
    weir_stack_delete(two);
}

static int datagram_socket(struct weir_stack *s, const char *own, const char *peer)
{
    struct sockaddr_in a = front_address(own, 9000), b = front_address(peer, 9000);
    int fd = weir_socket(s, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(weir_bind(s, fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(weir_connect(s, fd, (struct sockaddr *)&b, sizeof b), 0);
    return fd;
}

/* Datagrams that are there without moving the stack. */
static unsigned count_waiting(struct weir_stack *s, int fd)
{
    char b[4];
    unsigned n = 0;
    while (weir_recv(s, fd, b, sizeof b, 0) == 1)
        n++;
    return n;
}

static void turn_both(struct weir_stack *one, struct weir_stack *two)
{
    for (unsigned i = 0; i < 10; i++) {
        assert_true(weir_turn(one, 0) >= 0);
        assert_true(weir_turn(two, 0) >= 0);
    }
}

static void embedded_what_does_not_wait_leaves_with_the_next_turn(void **state)
{
    struct weir_stack *one = front_stack("mem:turns", "10.3.0.1/24", true);
    struct weir_stack *two = front_stack("mem:turns", "10.3.0.2/24", true);
    (void)state;
    int from = datagram_socket(one, "10.3.0.1", "10.3.0.2"), to = datagram_socket(two, "10.3.0.2", "10.3.0.1");
    assert_int_equal(weir_send(one, from, "a", 1, 0), 1);
    turn_both(one, two); /* ARP */
    assert_int_equal(count_waiting(two, to), 1);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(weir_send(one, from, "b", 1, 0), 1);
    assert_true(weir_turn(two, 0) >= 0);
    assert_int_equal(count_waiting(two, to), 0);
    struct pollfd p = {.fd = from, .events = POLLOUT};
    assert_int_equal(weir_poll(one, &p, 1, 0), 1);
    assert_true(weir_turn(two, 0) >= 0);
    assert_int_equal(count_waiting(two, to), 5);
    for (unsigned i = 0; i < 64; i++) /* the last of them does not wait for a turn, it makes one */
        assert_int_equal(weir_send(one, from, "c", 1, 0), 1);
    assert_true(weir_turn(two, 0) >= 0);
    assert_int_equal(count_waiting(two, to), 64);
    weir_stack_delete(one);
    weir_stack_delete(two);
}

/* A turn takes what the link holds: it is still there after what had come was read. */
static void embedded_what_came_is_read_without_a_turn(void **state)
{
    struct weir_stack *one = front_stack("mem:reads", "10.4.0.1/24", true);
    struct weir_stack *two = front_stack("mem:reads", "10.4.0.2/24", true);
    char b;
    (void)state;
    int from = datagram_socket(one, "10.4.0.1", "10.4.0.2"), to = datagram_socket(two, "10.4.0.2", "10.4.0.1");
    assert_int_equal(weir_send(one, from, "a", 1, 0), 1);
    turn_both(one, two); /* ARP */
    assert_int_equal(weir_send(one, from, "b", 1, 0), 1);
    turn_both(one, two);
    assert_int_equal(weir_fcntl(two, to, F_SETFL, 0), 0);
    assert_int_equal(weir_send(one, from, "c", 1, 0), 1);
    assert_true(weir_turn(one, 0) >= 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(weir_recv(two, to, &b, 1, 0), 1);
    assert_int_equal(b, 'b');
    assert_int_equal(weir_turn(two, 0), 1);
    assert_int_equal(weir_recv(two, to, &b, 1, 0), 1);
    assert_int_equal(b, 'c');
    weir_stack_delete(one);
    weir_stack_delete(two);
}

#define T(name) cmocka_unit_test_setup_teardown(name, front_begin, front_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_wrong_is_said),
        T(descriptors_are_the_lowest_free),
        T(an_interface_comes_later),
        T(a_thread_blocks_until_the_peer_comes),
        T(connecting_to_nobody_is_refused),
        T(a_call_that_may_not_wait_says_so),
        T(a_blocking_send_sends_everything),
        T(close_waits_as_linger_says),
        T(a_signal_interrupts_or_not),
        T(poll_waits_for_the_first_of_many),
        T(select_is_poll_with_sets),
        T(epoll_tells_of_listeners_and_connections),
        T(many_threads_share_a_stack),
        T(pieces_are_what_was_sent_until_they_are_released),
        T(a_stack_receives_on_however_many_pieces_are_out),
        cmocka_unit_test(embedded_one_thread_does_it_all),
        cmocka_unit_test(embedded_what_does_not_wait_leaves_with_the_next_turn),
        cmocka_unit_test(embedded_what_came_is_read_without_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
