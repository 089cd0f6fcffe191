/* SPDX-License-Identifier: MIT */
/*
 * Signals that come while a thread is inside, deferred by their handlers (weir_defer_signal): all arrive, with what was sent with them, when the thread is
 * outside; the thread's mask stays its own.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN 1 /* which calls handlers itself, later, and forgets signals of one number that come meanwhile */
#elif defined(__has_feature)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
#define UNDER_TSAN 0
#endif
#define DEFERRED 20 /* so many at least */
#define SHORT_US 20000
#define MOST (1 << 20)

static int near, far; /* two ends of a connection */
static bool seen[MOST];
static volatile sig_atomic_t deferred, wrong, came, others;
static atomic_bool stop;

static int begin(void **state)
{
    struct weir_interface i = {.size = sizeof i, .link = "mem:front", .address = CLIENT "/24"};
    struct weir_stack_options o = {.size = sizeof o, .interfaces = &i, .n_interfaces = 1, .defer_signals = true};
    (void)state;
    client = weir_stack_new(&o, NULL, 0);
    assert_non_null(client);
    server = front_stack("mem:front", SERVER "/24", false);
    front_pair(&near, &far);
    deferred = wrong = came = others = 0;
    stop = false;
    return 0;
}

static void use_the_stack(void)
{
    char c;
    int error = errno;
    (void)weir_recv(client, near, &c, 1, MSG_DONTWAIT);
    (void)weir_send(client, near, "y", 1, MSG_DONTWAIT);
    errno = error;
}

/* Numbered by who sends it: each comes once. */
static void count(int number, siginfo_t *info, void *context)
{
    if (weir_defer_signal(number, info, context)) {
        deferred++;
        return;
    }
    bool *new = &seen[info->si_value.sival_int % MOST];
    wrong += info->si_code != SI_QUEUE || info->si_pid != getpid() || *new;
    *new = true;
    came++;
    use_the_stack();
}

static void count_other(int number, siginfo_t *info, void *context)
{
    if (weir_defer_signal(number, info, context))
        return;
    others++;
    use_the_stack();
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int barred)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (barred)
        sigaddset(&a.sa_mask, barred);
    assert_int_equal(sigaction(number, &a, NULL), 0);
}

static pthread_t target;
static int sent;

static void *shoot(void *unused)
{
    (void)unused;
    for (sent = 0; !stop && sent < MOST;) {
        union sigval v = {.sival_int = sent};
        if (pthread_sigqueue(target, SIGRTMIN, v) == 0)
            sent++;
        (void)pthread_kill(target, SIGUSR1);
        usleep((unsigned)sent % 64);
    }
    return NULL;
}

static void all_signals_arrive_when_the_thread_is_outside(void **state)
{
    struct pollfd fds = {.fd = near, .events = POLLIN};
    sigset_t before, after;
    pthread_t thread;
    char c[64];
    (void)state;
    handle(SIGRTMIN, count, SIGUSR2);
    handle(SIGUSR1, count_other, SIGHUP);
    sigemptyset(&before);
    sigaddset(&before, SIGWINCH);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    target = pthread_self();
    pthread_create(&thread, NULL, shoot, NULL);
    for (unsigned i = 0; deferred < DEFERRED || came < 300; i++) {
        errno = ERANGE;
        (void)weir_send(client, near, "x", 1, 0);
        (void)weir_recv(server, far, c, sizeof c, MSG_DONTWAIT);
        (void)weir_poll(client, &fds, 1, i % 256 == 0);
    }
    stop = true;
    pthread_join(thread, NULL);
#if !UNDER_TSAN
    assert_int_equal(came, sent);
#endif
    assert_int_equal(wrong, 0);
    assert_true(others > 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < SIGRTMAX; i++)
        assert_int_equal(sigismember(&after, i), i == SIGWINCH);
    sigemptyset(&before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *shoot_once(void *unused)
{
    (void)unused;
    usleep(SHORT_US);
    pthread_kill(target, SIGUSR1);
    return NULL;
}

static void a_signal_ends_a_wait(void **state)
{
    struct sigaction a = {.sa_sigaction = count_other, .sa_flags = SA_SIGINFO};
    pthread_t thread;
    char c;
    (void)state;
    sigaction(SIGUSR1, &a, NULL);
    target = pthread_self();
    pthread_create(&thread, NULL, shoot_once, NULL);
    assert_int_equal(weir_recv(client, near, &c, 1, 0), -1);
    assert_int_equal(errno, EINTR);
    assert_int_equal(others, 1);
    pthread_join(thread, NULL);
}

static void one_that_comes_outside_is_not_deferred(void **state)
{
    (void)state;
    handle(SIGUSR1, count_other, 0);
    raise(SIGUSR1);
    assert_int_equal(others, 1);
    assert_int_equal(weir_send(client, near, "x", 1, 0), 1);
    raise(SIGUSR1);
    assert_int_equal(others, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_signals_arrive_when_the_thread_is_outside, begin, front_end),
        cmocka_unit_test_setup_teardown(a_signal_ends_a_wait, begin, front_end),
        cmocka_unit_test_setup_teardown(one_that_comes_outside_is_not_deferred, begin, front_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
