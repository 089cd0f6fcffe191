/* SPDX-License-Identifier: MIT */
/*
 * epoll over sockets: level, edge and one-shot as epoll(7) has them; what waiting costs depends on what is ready, with ten thousand watched.
 */
#define _GNU_SOURCE /* EPOLLRDHUP */

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "base/alloc_heap.h"
#include "base/error.h"
#include "socket/epoll.h"

#include <errno.h>

#define MANY 10000

static struct epoll *epoll;
static unsigned wakes;

static void woken(void *context)
{
    (void)context;
    wakes++;
}

static int begin(void **state)
{
    (void)state;
    socket_rig_begin(&rig, NULL);
    wakes = 0;
    return epoll_new(alloc_heap(), MANY + 10, woken, NULL, &epoll);
}

static int end(void **state)
{
    (void)state;
    epoll_delete(epoll);
    socket_rig_end(&rig);
    return 0;
}

static int control(int operation, struct socket *s, int key, unsigned events)
{
    struct epoll_event e = {.events = events, .data.u32 = (uint32_t)key};
    return epoll_control(epoll, operation, s, key, &e);
}

/* What one collect gives for the only socket that is watched; 0: nothing. */
static unsigned collect_one(void)
{
    struct epoll_event e[4];
    int n = epoll_collect(epoll, e, 4);
    assert_in_range(n, 0, 1);
    return n ? e[0].events : 0;
}

static void entries_are_added_changed_and_removed(void **state)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
    (void)state;
    assert_int_equal(control(EPOLL_CTL_MOD, s, 3, EPOLLIN), -ENOENT);
    assert_int_equal(control(EPOLL_CTL_DEL, s, 3, EPOLLIN), -ENOENT);
    assert_int_equal(control(EPOLL_CTL_ADD, s, 3, EPOLLIN), 0);
    assert_int_equal(control(EPOLL_CTL_ADD, s, 3, EPOLLIN), -EEXIST);
    assert_int_equal(control(EPOLL_CTL_ADD, s, 4, EPOLLIN), 0); /* another descriptor of the same */
    assert_int_equal(control(99, s, 3, EPOLLIN), -EINVAL);
    assert_int_equal(epoll_control(epoll, EPOLL_CTL_MOD, s, 3, NULL), -EFAULT);
    assert_int_equal(control(EPOLL_CTL_DEL, s, 3, 0), 0);
    assert_int_equal(collect_one(), EPOLLHUP); /* nobody has to ask for it */
    epoll_forget(s);
    assert_int_equal(collect_one(), 0);
    sock_close(&rig, s);
}

static void level_tells_as_long_as_it_is_true(void **state)
{
    struct socket *s[2];
    char b[4];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(control(EPOLL_CTL_ADD, s[1], 1, EPOLLIN), 0);
    assert_int_equal(collect_one(), 0);
    assert_int_equal(sock_send(&rig, s[0], "ab", 2, 0), 2);
    socket_rig_settle(&rig);
    assert_int_equal(wakes, 1);
    assert_int_equal(collect_one(), EPOLLIN);
    assert_int_equal(sock_receive(&rig, s[1], b, 1, 0), 1);
    assert_int_equal(collect_one(), EPOLLIN);
    assert_int_equal(sock_receive(&rig, s[1], b, 1, 0), 1);
    assert_int_equal(collect_one(), 0);
    assert_false(epoll_is_ready(epoll));
    epoll_forget(s[1]);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void edge_tells_once_for_what_comes(void **state)
{
    struct socket *s[2];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(control(EPOLL_CTL_ADD, s[1], 1, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET), 0);
    assert_int_equal(collect_one(), EPOLLOUT);
    assert_int_equal(collect_one(), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sock_send(&rig, s[0], "ab", 2, 0), 2);
        socket_rig_settle(&rig);
        assert_int_equal(collect_one(), EPOLLIN | EPOLLOUT);
        assert_int_equal(collect_one(), 0); /* unread, and nothing new */
    }
    assert_int_equal(control(EPOLL_CTL_MOD, s[1], 1, EPOLLIN | EPOLLET), 0);
    assert_int_equal(collect_one(), EPOLLIN); /* a change asks again */
    assert_int_equal(socket_shutdown(s[0], SHUT_WR, rig.now), 0);
    socket_rig_settle(&rig);
    assert_int_equal(collect_one(), EPOLLIN);
    epoll_forget(s[1]);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void one_shot_tells_once_until_it_is_armed_again(void **state)
{
    struct socket *s[2];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(control(EPOLL_CTL_ADD, s[1], 1, EPOLLIN | EPOLLONESHOT), 0);
    assert_int_equal(sock_send(&rig, s[0], "ab", 2, 0), 2);
    socket_rig_settle(&rig);
    assert_int_equal(collect_one(), EPOLLIN);
    assert_int_equal(sock_send(&rig, s[0], "ab", 2, 0), 2);
    socket_rig_settle(&rig);
    assert_int_equal(collect_one(), 0);
    assert_int_equal(control(EPOLL_CTL_MOD, s[1], 1, EPOLLIN | EPOLLONESHOT), 0);
    assert_int_equal(collect_one(), EPOLLIN);
    epoll_forget(s[1]);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void those_that_are_ready_take_turns(void **state)
{
    struct socket *s[6];
    unsigned seen[6] = {0};
    (void)state;
    for (int i = 0; i < 6; i++) {
        s[i] = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(control(EPOLL_CTL_ADD, s[i], i, EPOLLOUT), 0);
    }
    for (int round = 0; round < 12; round++) {
        struct epoll_event e[2];
        assert_int_equal(epoll_collect(epoll, e, 2), 2);
        seen[e[0].data.u32]++;
        seen[e[1].data.u32]++;
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(seen[i], 4);
        epoll_forget(s[i]);
        sock_close(&rig, s[i]);
    }
}

static void ten_thousand_are_watched_and_a_few_are_ready(void **state)
{
    static struct socket *c[MANY], *s[MANY];
    static struct epoll_event e[MANY];
    (void)state;
    struct socket *listener = sock_listener(&rig, 1, 80, 4096);
    for (int i = 0; i < MANY; i++) {
        c[i] = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_connect(&rig, c[i], RIG_ADDRESS(1), 80), -EINPROGRESS);
        if (i % 500 == 499)
            socket_rig_pass(&rig, 2 * NS_PER_MS);
        for (struct socket *x; (x = sock_accept(listener)) != NULL;) {
            static int n;
            s[n] = x;
            assert_int_equal(control(EPOLL_CTL_ADD, x, n++, EPOLLIN), 0);
        }
    }
    assert_non_null(s[MANY - 1]);
    assert_int_equal(epoll_collect(epoll, e, MANY), 0);
    for (int i = 0; i < MANY; i += 1000)
        assert_int_equal(sock_send(&rig, c[i], "x", 1, 0), 1);
    socket_rig_settle(&rig);
    assert_int_equal(epoll_collect(epoll, e, MANY), 10);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(sock_send(&rig, c[i], "y", 1, 0), 1);
        if (i % 500 == 499)
            socket_rig_pass(&rig, 2 * NS_PER_MS);
    }
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(epoll_collect(epoll, e, MANY), MANY);
    epoll_delete(epoll);
    epoll = NULL;
    for (int i = 0; i < MANY; i++) {
        sock_close(&rig, c[i]);
        sock_close(&rig, s[i]);
        if (i % 500 == 499)
            socket_rig_pass(&rig, 2 * NS_PER_MS);
    }
    sock_close(&rig, listener);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(entries_are_added_changed_and_removed), T(level_tells_as_long_as_it_is_true),
        T(edge_tells_once_for_what_comes),        T(one_shot_tells_once_until_it_is_armed_again),
        T(those_that_are_ready_take_turns),       T(ten_thousand_are_watched_and_a_few_are_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
