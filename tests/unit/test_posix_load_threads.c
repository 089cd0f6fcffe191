/* SPDX-License-Identifier: MIT */
/*
 * The front under load: two stacks of this process over a memory link. Ten thousand connections in one epoll, which tells of those alone that are ready; and
 * 64 threads at once on one stack, for WEIR_SOCKETS_SECONDS (default 2). Every byte is verified. Run under ThreadSanitizer too; sanitized builds
 * (WEIR_SIM_CELLS is set) have a tenth of the connections.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */

#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MANY 10000
#define THREADS 64
#define MOST_BYTES 20000u

static bool watch(int epoll, int fd, uint32_t number)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = number};
    return weir_epoll_ctl(server, epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

/* ---- ten thousand in one epoll ---- */

static int ends[2][MANY]; /* client, server */
static uint32_t rounds[MANY];

/* What the connection with this number says in a round. */
static void message_of(uint32_t number, uint32_t round, uint32_t out[4])
{
    for (uint32_t i = 0; i < 4; i++)
        out[i] = (number * 4 + i) * 2654435761u ^ round;
}

static void say(uint32_t number, uint32_t round)
{
    uint32_t m[4];
    message_of(number, round, m);
    rounds[number] = round;
    assert_int_equal(weir_send(client, ends[0][number], m, sizeof m, 0), sizeof m);
}

static void hear(uint32_t number)
{
    uint32_t m[4], expected[4];
    message_of(number, rounds[number], expected);
    assert_int_equal(weir_recv(server, ends[1][number], m, sizeof m, MSG_WAITALL), sizeof m);
    assert_memory_equal(m, expected, sizeof m);
    rounds[number] = 0;
}

/* How many events epoll gave until so many messages had come: one each, and nothing about the others. */
static unsigned hear_all(int epoll, unsigned n)
{
    struct epoll_event events[64];
    unsigned heard = 0;
    while (heard < n) {
        int got = weir_epoll_wait(server, epoll, events, 64, -1);
        assert_in_range(got, 1, 64);
        for (int i = 0; i < got; i++, heard++) {
            assert_int_not_equal(rounds[events[i].data.u32], 0);
            hear(events[i].data.u32);
        }
    }
    assert_int_equal(weir_epoll_wait(server, epoll, events, 64, 0), 0);
    return heard;
}

static void ten_thousand_connections_in_one_epoll(void **state)
{
    const uint32_t n = getenv("WEIR_SIM_CELLS") ? MANY / 10 : MANY;
    int listener = front_listener(80), epoll = weir_epoll_create1(server, 0);
    (void)state;
    for (uint32_t i = 0; i < n; i++) {
        ends[0][i] = front_connection(80);
        assert_true(ends[0][i] >= 0);
        ends[1][i] = weir_accept(server, listener, NULL, NULL);
        assert_true(ends[1][i] >= 0);
        assert_true(watch(epoll, ends[1][i], i));
    }
    for (uint32_t i = 0; i < n; i++) /* all of them */
        say(i, 1);
    assert_int_equal(hear_all(epoll, n), n);
    for (uint32_t round = 2; round < 50; round++) { /* three of them: epoll tells of three */
        say(round * 7919 % n, round);
        say((round * 7919 + 1) % n, round);
        say((round * 7919 + 2) % n, round);
        assert_int_equal(hear_all(epoll, 3), 3);
    }
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(weir_close(client, ends[0][i]), 0);
        assert_int_equal(weir_close(server, ends[1][i]), 0);
    }
    assert_int_equal(weir_close(server, listener), 0);
}

/* ---- many threads on one stack ---- */

static atomic_bool stop, echo_failed;

/* A failure here must not leave anybody waiting for an answer. */
static void echo_fails(int fd)
{
    atomic_store(&echo_failed, true);
    if (fd >= 0)
        weir_close(server, fd);
}

/* One more connection, or one that could not be taken. */
static int take_in(int epoll, int listener)
{
    int fd = weir_accept(server, listener, NULL, NULL);
    if (fd >= 0 && watch(epoll, fd, (uint32_t)fd))
        return 1;
    echo_fails(fd);
    return 0;
}

/* Gives back what came; false: it has ended. */
static bool give_back(int fd)
{
    static uint8_t bytes[65536];
    ssize_t got = weir_recv(server, fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0 && weir_send(server, fd, bytes, (size_t)got, 0) == got)
        return true;
    if (got != 0)
        atomic_store(&echo_failed, true);
    weir_close(server, fd);
    return false;
}

/* One thread answers all connections, until it is told to end and nobody is there any more. */
static void *echo(void *argument)
{
    int listener = *(const int *)argument, epoll = weir_epoll_create1(server, 0), there = 0;
    struct epoll_event events[64];
    if (!watch(epoll, listener, (uint32_t)listener)) {
        echo_fails(listener);
        return NULL;
    }
    while (there > 0 || !atomic_load(&stop)) {
        int n = weir_epoll_wait(server, epoll, events, 64, 20);
        for (int i = 0; i < n; i++)
            if ((int)events[i].data.u32 == listener)
                there += take_in(epoll, listener);
            else
                there -= !give_back((int)events[i].data.u32);
    }
    weir_close(server, epoll);
    return NULL;
}

struct hammerer {
    pthread_t thread;
    uint64_t seed, bytes, connections;
    const char *wrong;
    int error;
};

static uint32_t next_of(struct hammerer *h)
{
    h->seed = h->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(h->seed >> 33);
}

/* One message there and back: what comes is what went. */
static bool exchange(struct hammerer *h, int fd)
{
    uint8_t out[MOST_BYTES], in[MOST_BYTES];
    size_t n = 1 + next_of(h) % (next_of(h) % 4 ? 200 : MOST_BYTES);
    uint32_t first = next_of(h);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((first + i) * 2654435761u >> 24);
    if (weir_send(client, fd, out, n, 0) != (ssize_t)n)
        h->wrong = "send";
    else if (weir_recv(client, fd, in, n, MSG_WAITALL) != (ssize_t)n)
        h->wrong = "recv";
    else if (memcmp(in, out, n) != 0)
        h->wrong = "the bytes";
    h->bytes += n;
    return !h->wrong;
}

static void *hammer(void *argument)
{
    struct hammerer *h = argument;
    while (!h->wrong && !atomic_load(&stop)) {
        int fd = front_connection(7);
        if (fd < 0 && errno == EADDRNOTAVAIL) { /* 28,000 connections in a minute: every port is in TIME-WAIT */
            (void)usleep(1000);
            continue;
        }
        if (fd < 0) {
            h->wrong = "connect";
            h->error = errno;
            break;
        }
        h->connections++;
        for (uint32_t i = next_of(h) % 100; i > 0 && exchange(h, fd); i--)
            ;
        if (weir_close(client, fd) != 0)
            h->wrong = "close";
    }
    return NULL;
}

static void sixty_four_threads_hammer_one_stack(void **state)
{
    static struct hammerer h[THREADS];
    const char *seconds = getenv("WEIR_SOCKETS_SECONDS");
    struct timespec time = {.tv_sec = seconds ? atoi(seconds) : 2};
    uint64_t bytes = 0, connections = 0;
    int listener = front_listener(7);
    unsigned n = 0;
    pthread_t server_thread;
    (void)state;
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&server_thread, NULL, echo, &listener), 0);
    for (; n < THREADS; n++) {
        h[n] = (struct hammerer){.seed = n + 1};
        if (pthread_create(&h[n].thread, NULL, hammer, &h[n]) != 0)
            break;
    }
    nanosleep(&time, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < n; i++)
        pthread_join(h[i].thread, NULL);
    pthread_join(server_thread, NULL);
    assert_false(atomic_load(&echo_failed));
    assert_int_equal(n, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        if (h[i].wrong)
            fail_msg("thread %u: %s (%s)", i, h[i].wrong, strerror(h[i].error));
        assert_true(h[i].connections > 0);
        bytes += h[i].bytes;
        connections += h[i].connections;
    }
    assert_int_equal(weir_close(server, listener), 0);
    print_message("%llu bytes there and back over %llu connections, all right\n", (unsigned long long)bytes,
                  (unsigned long long)connections);
}

#define T(name) cmocka_unit_test_setup_teardown(name, front_begin, front_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ten_thousand_connections_in_one_epoll),
        T(sixty_four_threads_hammer_one_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
