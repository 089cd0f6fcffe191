/* SPDX-License-Identifier: MIT */
/*
 * The front beside the kernel's descriptors: polls and epolls that also end by those, in a thread that drives the stack and in one that does not; signals
 * on the way; an epoll that raises an eventfd; what an address is to a stack; draining. Run under ThreadSanitizer too.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LONG_MS 20000
#define SHORT_MS 20

static int event, near, far; /* two ends of a connection */

static int begin(void **state)
{
    front_begin(state);
    event = eventfd(0, EFD_NONBLOCK);
    front_pair(&near, &far);
    return 0;
}

static int end(void **state)
{
    close(event);
    return front_end(state);
}

static bool is_raised(int ms)
{
    struct pollfd p = {.fd = event, .events = POLLIN};
    uint64_t count;
    return poll(&p, 1, ms) == 1 && read(event, &count, sizeof count) == sizeof count;
}

/* ---- waiting for both: each case with nobody else who waits, and with somebody ---- */

enum event_kind { NOTHING, DATA, BESIDE, SIGNAL };
struct later {
    enum event_kind what;
    pthread_t whom;
};

static void *cause(void *argument)
{
    const struct later *l = argument;
    usleep(SHORT_MS * 1000);
    if (l->what == DATA)
        assert_int_equal(weir_send(server, far, "x", 1, 0), 1);
    else if (l->what == BESIDE)
        assert_int_equal(eventfd_write(event, 1), 0);
    else if (l->what == SIGNAL)
        pthread_kill(l->whom, SIGUSR1);
    return NULL;
}

static void *accept_one(void *listener)
{
    return (void *)(intptr_t)weir_accept(client, (int)(intptr_t)listener, NULL, NULL);
}

/* Somebody else waits in the client's stack as long as a case runs. */
static int listener;
static pthread_t other;
static void begin_other(bool there)
{
    struct sockaddr_in a = front_address(CLIENT, 81);
    if (!there)
        return;
    listener = weir_socket(client, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(weir_bind(client, listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(weir_listen(client, listener, 1), 0);
    pthread_create(&other, NULL, accept_one, (void *)(intptr_t)listener);
    usleep(SHORT_MS * 1000);
}

static void end_other(bool there)
{
    struct sockaddr_in a = front_address(CLIENT, 81);
    void *accepted;
    if (!there)
        return;
    int fd = weir_socket(server, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(weir_connect(server, fd, (struct sockaddr *)&a, sizeof a), 0);
    pthread_join(other, &accepted);
    assert_true((intptr_t)accepted >= 0);
}

static void nothing(int number) { (void)number; }

typedef int wait_fn(int ms, struct weir_kernel_poll *beside);

static int poll_once(int ms, struct weir_kernel_poll *beside)
{
    struct pollfd fds[2] = {{.fd = -1}, {.fd = near, .events = POLLIN}};
    int n = weir_poll_with(client, fds, 2, ms * 1000000ll, beside);
    assert_int_equal(fds[1].revents, n > 0 ? POLLIN : 0);
    return n;
}

static int epoll_once(int ms, struct weir_kernel_poll *beside)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = 7}, got = {.data.fd = 0};
    int epoll = weir_epoll_create1(client, 0);
    assert_int_equal(weir_epoll_ctl(client, epoll, EPOLL_CTL_ADD, near, &e), 0);
    int n = weir_epoll_wait_with(client, epoll, &got, 1, ms * 1000000ll, beside), error = errno;
    assert_int_equal(got.data.fd, n > 0 ? 7 : 0);
    assert_int_equal(weir_close(client, epoll), 0);
    errno = error;
    return n;
}

static void check_wait(wait_fn *wait, enum event_kind what, int ms, const sigset_t *mask)
{
    struct later l = {.what = what, .whom = pthread_self()};
    struct pollfd kernels[100]; /* more than lie on the stack */
    struct weir_kernel_poll beside = {.fds = kernels, .n = 100, .mask = mask};
    pthread_t thread;
    char c;
    for (unsigned i = 0; i < 100; i++)
        kernels[i] = (struct pollfd){.fd = i == 99 ? event : -1, .events = POLLIN};
    pthread_create(&thread, NULL, cause, &l);
    int n = wait(ms, &beside);
    int error = errno;
    pthread_join(thread, NULL);
    assert_int_equal(n, what == DATA ? 1 : what == SIGNAL && !mask ? -1 : 0);
    assert_true(n >= 0 || error == EINTR);
    assert_int_equal(kernels[99].revents, what == BESIDE ? POLLIN : 0);
    assert_int_equal(is_raised(0), what == BESIDE);
    if (what == DATA)
        assert_int_equal(weir_recv(client, near, &c, 1, 0), 1);
}

static void check_waits(bool with_other)
{
    struct sigaction a = {.sa_handler = nothing, .sa_flags = SA_RESTART}; /* as poll(2): it ends all the same */
    wait_fn *waits[2] = {poll_once, epoll_once};
    sigset_t barred;
    sigaction(SIGUSR1, &a, NULL);
    sigemptyset(&barred);
    sigaddset(&barred, SIGUSR1);
    begin_other(with_other);
    for (unsigned i = 0; i < 2; i++) {
        check_wait(waits[i], DATA, LONG_MS, NULL);
        check_wait(waits[i], BESIDE, LONG_MS, NULL);
        check_wait(waits[i], SIGNAL, LONG_MS, NULL);
        check_wait(waits[i], SIGNAL, 3 * SHORT_MS, &barred);
        check_wait(waits[i], NOTHING, SHORT_MS, NULL);
    }
    end_other(with_other);
}

static void a_driver_waits_for_both(void **state)
{
    (void)state;
    check_waits(false);
}

static void others_wait_for_both(void **state)
{
    (void)state;
    check_waits(true);
}

static void what_is_true_at_once_needs_no_wait(void **state)
{
    (void)state;
    struct pollfd fds = {.fd = near, .events = POLLOUT};
    struct weir_kernel_poll beside = {.n = 0};
    assert_int_equal(weir_poll_with(client, &fds, 1, -1, &beside), 1);
    assert_int_equal(fds.revents, POLLOUT);
}

/* ---- signals ---- */

static void call_from_handler(int number)
{
    char c;
    int error = errno;
    (void)number;
    (void)weir_recv(client, near, &c, 1, MSG_DONTWAIT);
    (void)weir_send(client, near, "y", 1, MSG_DONTWAIT);
    errno = error;
}

static void *shoot(void *whom)
{
    for (unsigned i = 0; i < 300; i++) {
        pthread_kill(*(pthread_t *)whom, SIGUSR1);
        usleep(i % 64);
    }
    return NULL;
}

/* Wherever it comes, a handler may use the stack: it is never inside. */
static void a_handler_may_call_the_stack(void **state)
{
    (void)state;
    struct sigaction a = {.sa_handler = call_from_handler, .sa_flags = SA_RESTART};
    struct pollfd fds = {.fd = near, .events = POLLIN};
    pthread_t self = pthread_self(), thread;
    char c[64];
    sigaction(SIGUSR1, &a, NULL);
    pthread_create(&thread, NULL, shoot, &self);
    for (unsigned i = 0; i < 3000; i++) {
        (void)weir_send(client, near, "x", 1, 0);
        (void)weir_recv(server, far, c, sizeof c, MSG_DONTWAIT);
        (void)weir_poll(client, &fds, 1, i % 256 == 0);
    }
    pthread_join(thread, NULL);
}

/* ---- who looks after the stack ---- */

#define THREADS 4u
#define ROUNDS 400u

static void *echo(void *fd)
{
    char c;
    while (weir_recv(server, (int)(intptr_t)fd, &c, 1, 0) == 1)
        (void)weir_send(server, (int)(intptr_t)fd, &c, 1, 0);
    (void)weir_close(server, (int)(intptr_t)fd);
    return NULL;
}

/* Sometimes busy for so long that the loop takes over, or asleep for so long that it rests. */
static void *come_and_go(void *fd)
{
    unsigned seed = (unsigned)(intptr_t)fd * 7919u;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char there = (char)i, back = 0;
        if (weir_send(client, (int)(intptr_t)fd, &there, 1, 0) != 1 ||
            weir_recv(client, (int)(intptr_t)fd, &back, 1, 0) != 1 || back != there)
            return "a byte did not come back";
        seed = seed * 1103515245u + 12345u;
        if (seed >> 16 & 1)
            usleep(seed >> 20 & 4095);
    }
    (void)weir_close(client, (int)(intptr_t)fd);
    return NULL;
}

/* A lost wake-up would let a thread wait for ever. */
static void drivers_come_and_go(void **state)
{
    (void)state;
    int from = front_listener(82);
    for (unsigned n = 1; n <= THREADS; n *= 2) {
        pthread_t threads[2 * THREADS];
        for (unsigned i = 0; i < n; i++) {
            int c = front_connection(82), s = weir_accept(server, from, NULL, NULL);
            pthread_create(&threads[2 * i], NULL, come_and_go, (void *)(intptr_t)c);
            pthread_create(&threads[2 * i + 1], NULL, echo, (void *)(intptr_t)s);
        }
        for (unsigned i = 0; i < 2 * n; i++) {
            void *wrong;
            pthread_join(threads[i], &wrong);
            assert_null(wrong);
        }
    }
}

/* What a call that does not wait left to be sent needs no other call. */
static void what_was_left_is_sent_by_the_loop(void **state)
{
    (void)state;
    struct pollfd fds = {.fd = near, .events = POLLIN};
    char c;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(weir_poll(client, &fds, 1, (int)i % 4), 0); /* it drove, and left */
        assert_int_equal(weir_fcntl(client, near, F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(weir_send(client, near, "x", 1, 0), 1);
        assert_int_equal(weir_recv(server, far, &c, 1, 0), 1);
    }
}

static void epoll_raises_once_after_a_wait_that_found_nothing(void **state)
{
    (void)state;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = 7}, got;
    int epoll = weir_epoll_create1(client, 0);
    char c[2];
    assert_int_equal(weir_epoll_signal(client, epoll, event), 0);
    assert_int_equal(weir_epoll_ctl(client, epoll, EPOLL_CTL_ADD, near, &e), 0);
    assert_int_equal(weir_send(server, far, "x", 1, 0), 1);
    assert_false(is_raised(SHORT_MS)); /* nobody has looked */
    assert_int_equal(weir_epoll_wait(client, epoll, &got, 1, LONG_MS), 1);
    assert_int_equal(got.data.fd, 7);
    assert_int_equal(weir_recv(client, near, c, 1, 0), 1);
    assert_int_equal(weir_epoll_wait(client, epoll, &got, 1, 0), 0);
    assert_int_equal(weir_send(server, far, "y", 1, 0), 1);
    assert_true(is_raised(LONG_MS));
    assert_int_equal(weir_send(server, far, "z", 1, 0), 1);
    assert_false(is_raised(SHORT_MS)); /* it was told */
    assert_int_equal(weir_epoll_wait(client, epoll, &got, 1, 0), 1);
    assert_int_equal(weir_recv(client, near, c, 2, MSG_WAITALL), 2);
    assert_int_equal(weir_close(client, epoll), 0);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct weir_stack_options o = {.size = sizeof o, .embedded = true};
    struct pollfd fds = {.fd = near, .events = POLLIN};
    struct weir_kernel_poll beside = {.n = 0};
    struct epoll_event got;
    assert_int_equal(weir_epoll_signal(client, near, event), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(weir_epoll_signal(client, 1000, event), -1);
    assert_int_equal(errno, EBADF);
    struct weir_stack *embedded = weir_stack_new(&o, NULL, 0);
    assert_non_null(embedded);
    assert_int_equal(weir_poll_with(embedded, &fds, 1, 0, &beside), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(weir_epoll_wait_with(embedded, 0, &got, 1, 0, &beside), -1);
    assert_int_equal(errno, EINVAL);
    weir_stack_delete(embedded);
}

static enum weir_reach reach_of(const char *text)
{
    struct sockaddr_in a = front_address(text, 1);
    return weir_reach(client, (struct sockaddr *)&a, sizeof a);
}

static void addresses_are_own_routed_or_out_of_reach(void **state)
{
    (void)state;
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_int_equal(reach_of("10.1.0.1"), WEIR_OWN);
    assert_int_equal(reach_of("10.1.0.2"), WEIR_ROUTED);
    assert_int_equal(reach_of("10.1.0.255"), WEIR_ROUTED);
    assert_int_equal(reach_of("224.0.0.251"), WEIR_ROUTED);
    assert_int_equal(reach_of("10.2.0.1"), WEIR_UNREACHABLE); /* no gateway */
    inet_pton(AF_INET6, "::ffff:10.1.0.1", &mapped.sin6_addr);
    assert_int_equal(weir_reach(client, (struct sockaddr *)&mapped, sizeof mapped), WEIR_OWN);
    inet_pton(AF_INET6, "2001:db8::1", &mapped.sin6_addr);
    assert_int_equal(weir_reach(client, (struct sockaddr *)&mapped, sizeof mapped), WEIR_UNREACHABLE);
    assert_int_equal(weir_reach(client, &local, sizeof local), WEIR_UNREACHABLE);
}

/* Everything that was written arrives, though its socket is closed at once; until it has, there is no draining. */
static void draining_waits_for_the_last_acknowledgement(void **state)
{
    (void)state;
    static char bytes[200000];
    size_t got = 0;
    assert_int_equal(weir_drain(client, 0), 0);
    assert_int_equal(weir_send(client, near, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(weir_close(client, near), 0);
    assert_int_equal(weir_drain(client, LONG_MS), 0);
    weir_stack_delete(client);
    client = NULL;
    for (ssize_t n; (n = weir_recv(server, far, bytes, sizeof bytes, 0)) > 0;)
        got += (size_t)n;
    assert_int_equal(got, sizeof bytes);
}

static sig_atomic_t in_thread_of_test;
static pthread_t thread_of_test;
static void note_thread(int number)
{
    (void)number;
    in_thread_of_test = pthread_equal(pthread_self(), thread_of_test) != 0;
}

static void signals_come_to_the_program_s_threads(void **state)
{
    (void)state;
    struct sigaction a = {.sa_handler = note_thread};
    thread_of_test = pthread_self();
    sigaction(SIGUSR1, &a, NULL);
    kill(getpid(), SIGUSR1);
    assert_true(in_thread_of_test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_driver_waits_for_both, begin, end),
        cmocka_unit_test_setup_teardown(others_wait_for_both, begin, end),
        cmocka_unit_test_setup_teardown(what_is_true_at_once_needs_no_wait, begin, end),
        cmocka_unit_test_setup_teardown(a_handler_may_call_the_stack, begin, end),
        cmocka_unit_test_setup_teardown(drivers_come_and_go, begin, end),
        cmocka_unit_test_setup_teardown(what_was_left_is_sent_by_the_loop, begin, end),
        cmocka_unit_test_setup_teardown(epoll_raises_once_after_a_wait_that_found_nothing, begin, end),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(addresses_are_own_routed_or_out_of_reach, begin, end),
        cmocka_unit_test_setup_teardown(draining_waits_for_the_last_acknowledgement, begin, end),
        cmocka_unit_test_setup_teardown(signals_come_to_the_program_s_threads, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
