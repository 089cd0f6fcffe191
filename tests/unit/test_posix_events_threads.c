/* SPDX-License-Identifier: MIT */
/*
 * The front beside the kernel's descriptors: polls that do not wait and epolls, both of which raise an eventfd; what an address is to a stack; draining. Run
 * under ThreadSanitizer too.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <arpa/inet.h>
#include <errno.h>
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

static void poll_raises_when_data_comes(void **state)
{
    (void)state;
    struct pollfd fds[2] = {{.fd = -1}, {.fd = near, .events = POLLIN}};
    char c;
    struct weir_poll *p = weir_poll_start(client, fds, 2, event);
    assert_non_null(p);
    assert_false(is_raised(SHORT_MS));
    assert_int_equal(weir_send(server, far, "x", 1, 0), 1);
    assert_true(is_raised(LONG_MS));
    assert_int_equal(weir_poll_finish(p), 1);
    assert_int_equal(fds[1].revents, POLLIN);
    assert_int_equal(weir_recv(client, near, &c, 1, 0), 1);
}

static void poll_raises_at_once_when_something_is_true(void **state)
{
    (void)state;
    struct pollfd fds = {.fd = near, .events = POLLOUT};
    struct weir_poll *p = weir_poll_start(client, &fds, 1, event);
    assert_true(is_raised(LONG_MS));
    assert_int_equal(weir_poll_finish(p), 1);
    assert_int_equal(fds.revents, POLLOUT);
}

static void a_poll_that_found_nothing_can_be_ended(void **state)
{
    (void)state;
    struct pollfd fds = {.fd = near, .events = POLLIN};
    for (unsigned i = 0; i < 100; i++) {
        struct weir_poll *p = weir_poll_start(client, &fds, 1, event);
        assert_int_equal(weir_poll_finish(p), 0);
    }
    assert_false(is_raised(SHORT_MS));
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
    assert_null(weir_poll_start(client, &fds, 1, -1));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(weir_epoll_signal(client, near, event), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(weir_epoll_signal(client, 1000, event), -1);
    assert_int_equal(errno, EBADF);
    struct weir_stack *embedded = weir_stack_new(&o, NULL, 0);
    assert_null(weir_poll_start(embedded, &fds, 1, event));
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
        cmocka_unit_test_setup_teardown(poll_raises_when_data_comes, begin, end),
        cmocka_unit_test_setup_teardown(poll_raises_at_once_when_something_is_true, begin, end),
        cmocka_unit_test_setup_teardown(a_poll_that_found_nothing_can_be_ended, begin, end),
        cmocka_unit_test_setup_teardown(epoll_raises_once_after_a_wait_that_found_nothing, begin, end),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(addresses_are_own_routed_or_out_of_reach, begin, end),
        cmocka_unit_test_setup_teardown(draining_waits_for_the_last_acknowledgement, begin, end),
        cmocka_unit_test_setup_teardown(signals_come_to_the_program_s_threads, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
