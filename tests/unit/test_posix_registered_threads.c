/* SPDX-License-Identifier: MIT */
/*
 * Sending from registered memory through the front: stacks with threads of their own, with several threads that call, and embedded. Run under
 * ThreadSanitizer too: who reuses the memory after a completion must not race with the stack that read it.
 */
#define _GNU_SOURCE /* SOCK_NONBLOCK */

#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#define FAILS(call, error)                                                                                             \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        assert_int_equal((call), -1);                                                                                  \
        assert_int_equal(errno, (error));                                                                              \
    } while (0)

#define SLOTS 4u
#define SLOT_BYTES 50000u
#define ROUNDS 40u

struct sender {
    pthread_t thread;
    int fd;
    uint8_t seed, memory[SLOTS * SLOT_BYTES];
};

static uint8_t byte_of(uint8_t seed, size_t offset) { return (uint8_t)(seed + offset * 13 + offset / 701); }

static void fill(struct sender *s, unsigned slot, unsigned round)
{
    for (size_t i = 0; i < SLOT_BYTES; i++)
        s->memory[slot * SLOT_BYTES + i] = byte_of(s->seed, round * SLOT_BYTES + i);
}

/* Slots are filled again as soon as their completion says that they may be. */
static void *send_rounds(void *argument)
{
    struct sender *s = argument;
    struct weir_completion done[SLOTS];
    int memory = weir_memory_register(client, s->memory, sizeof s->memory), n = 0;
    unsigned round = 0, told = 0;
    while (told < ROUNDS) {
        for (; round < ROUNDS && round - told < SLOTS; round++) {
            unsigned slot = round % SLOTS;
            fill(s, slot, round);
            if (weir_send_registered(client, s->fd, memory, slot * SLOT_BYTES, SLOT_BYTES, round, 0) != SLOT_BYTES)
                return "send";
        }
        if ((n = weir_completions(client, memory, done, SLOTS, -1)) < 1)
            return "completions";
        for (int i = 0; i < n; i++, told++)
            if (done[i].token != told || !done[i].acknowledged)
                return "order";
    }
    return weir_memory_unregister(client, memory) == 0 ? NULL : "unregister";
}

static void *receive_rounds(void *argument)
{
    struct sender *s = argument;
    static _Thread_local uint8_t got[65536];
    size_t done = 0;
    for (ssize_t n; done < ROUNDS * SLOT_BYTES; done += (size_t)n) {
        if ((n = weir_recv(server, s->fd, got, sizeof got, 0)) <= 0)
            return "recv";
        for (ssize_t i = 0; i < n; i++)
            if (got[i] != byte_of(s->seed, done + (size_t)i))
                return "bytes";
    }
    return NULL;
}

static void threads_reuse_memory_by_completions(void **state)
{
    static struct sender senders[3], receivers[3];
    void *result;
    int listener = front_listener(80);
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        senders[i].seed = receivers[i].seed = (uint8_t)(i * 50);
        senders[i].fd = front_connection(80);
        receivers[i].fd = weir_accept(server, listener, NULL, NULL);
        assert_true(receivers[i].fd >= 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_rounds, &senders[i]), 0);
        assert_int_equal(pthread_create(&receivers[i].thread, NULL, receive_rounds, &receivers[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(senders[i].thread, &result);
        assert_null(result);
        pthread_join(receivers[i].thread, &result);
        assert_null(result);
        assert_int_equal(weir_close(client, senders[i].fd), 0);
        assert_int_equal(weir_close(server, receivers[i].fd), 0);
    }
    assert_int_equal(weir_close(server, listener), 0);
}

static void what_is_wrong_fails_and_waiting_ends(void **state)
{
    static uint8_t memory[2000000];
    struct weir_completion done[4];
    int c, s;
    struct linger hard = {.l_onoff = 1};
    (void)state;
    front_pair(&c, &s);
    FAILS(weir_memory_register(client, NULL, 5), EINVAL);
    FAILS(weir_memory_unregister(client, 5), EINVAL);
    int m = weir_memory_register(client, memory, sizeof memory);
    assert_true(m >= 0);
    FAILS(weir_completions(client, m, done, 0, 0), EINVAL);
    FAILS(weir_completions(client, m + 1, done, 4, 0), EINVAL);
    FAILS(weir_send_registered(client, c, m, 0, 1, 0, MSG_OOB), EINVAL);
    FAILS(weir_send_registered(client, c, m, sizeof memory, 1, 0, 0), EINVAL);
    FAILS(weir_send_registered(client, 99, m, 0, 1, 0, 0), EBADF);
    assert_int_equal(weir_completions(client, m, done, 4, -1), 0); /* nothing to wait for */
    assert_int_equal(weir_setsockopt(client, c, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_usec = 10000},
                                     sizeof(struct timeval)),
                     0);
    assert_int_equal(weir_setsockopt(client, c, SOL_SOCKET, SO_SNDBUF, &(int){10000}, sizeof(int)), 0);
    /* more than the peer's buffer takes */
    assert_int_equal(weir_send_registered(client, c, m, 0, sizeof memory, 0, MSG_DONTWAIT), sizeof memory);
    FAILS(weir_send_registered(client, c, m, 0, 1, 1, MSG_DONTWAIT), EAGAIN);
    FAILS(weir_send_registered(client, c, m, 0, 1, 0, 0), EAGAIN); /* the time is over */
    FAILS(weir_memory_unregister(client, m), EBUSY);
    assert_int_equal(weir_completions(client, m, done, 4, 20), 0);
    assert_int_equal(weir_setsockopt(client, c, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    assert_int_equal(weir_close(client, c), 0);
    assert_int_equal(weir_completions(client, m, done, 4, -1), 1);
    assert_int_equal(done[0].token, 0);
    assert_int_equal(done[0].acknowledged, 0);
    assert_int_equal(weir_memory_unregister(client, m), 0);
    assert_int_equal(weir_close(server, s), 0);
}

static void embedded_sends_from_memory_too(void **state)
{
    static uint8_t memory[300000], got[sizeof memory];
    struct weir_stack *one = front_stack("mem:registered", "10.4.0.1/24", true);
    struct weir_stack *two = front_stack("mem:registered", "10.4.0.2/24", false);
    struct sockaddr_in a = front_address("10.4.0.1", 80);
    struct weir_completion done;
    size_t received = 0;
    (void)state;
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = byte_of(9, i);
    int listener = weir_socket(one, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(weir_bind(one, listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(weir_listen(one, listener, 5), 0);
    int c = weir_socket(two, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(weir_connect(two, c, (struct sockaddr *)&a, sizeof a), EINPROGRESS);
    int s = weir_accept(one, listener, NULL, NULL), m = weir_memory_register(one, memory, sizeof memory);
    assert_true(s >= 0 && m >= 0);
    assert_int_equal(weir_fcntl(one, s, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(weir_send_registered(one, s, m, 0, sizeof memory, 4711, 0), sizeof memory);
    int n = 0;
    while (received < sizeof memory || n == 0) {
        ssize_t part = weir_recv(two, c, got + received, sizeof got - received, 0);
        received += part > 0 ? (size_t)part : 0;
        if (n == 0)
            n = weir_completions(one, m, &done, 1, 1); /* moves the stack */
    }
    assert_memory_equal(got, memory, sizeof memory);
    assert_int_equal(done.token, 4711);
    assert_int_equal(done.acknowledged, 1);
    assert_int_equal(weir_memory_unregister(one, m), 0);
    weir_stack_delete(one);
    weir_stack_delete(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_reuse_memory_by_completions, front_begin, front_end),
        cmocka_unit_test_setup_teardown(what_is_wrong_fails_and_waiting_ends, front_begin, front_end),
        cmocka_unit_test(embedded_sends_from_memory_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
