/* SPDX-License-Identifier: MIT */
/*
 * recvmmsg and sendmmsg of the blocking front: what they return for whole, partial and failing batches, and when they wait. recvmmsg(2), sendmmsg(2).
 */
#define _GNU_SOURCE /* struct mmsghdr */

#include "support/cmocka_all.h"

#include "posix_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define N 8u

static int from, to; /* UDP sockets that know each other */

static struct mmsghdr messages[N];
static struct iovec pieces[N];
static char bytes[N][32];

static void prepare(size_t length)
{
    for (unsigned i = 0; i < N; i++) {
        pieces[i] = (struct iovec){.iov_base = bytes[i], .iov_len = length};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &pieces[i], .msg_iovlen = 1}, .msg_len = 99};
    }
}

static int begin(void **state)
{
    struct sockaddr_in any = front_address("0.0.0.0", 9), peer = front_address(SERVER, 9);
    char hello[8];
    front_begin(state);
    from = weir_socket(client, AF_INET, SOCK_DGRAM, 0);
    to = weir_socket(server, AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(weir_bind(server, to, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(weir_connect(client, from, (struct sockaddr *)&peer, sizeof peer), 0);
    assert_int_equal(weir_send(client, from, "hello", 5, 0), 5); /* from here on the neighbours know each other */
    assert_int_equal(weir_recv(server, to, hello, sizeof hello, 0), 5);
    return 0;
}

/* n datagrams of 1 to n bytes. */
static void send_some(unsigned n)
{
    prepare(0);
    for (unsigned i = 0; i < n; i++) {
        memset(bytes[i], 'a' + (int)i, sizeof bytes[i]);
        pieces[i].iov_len = i + 1;
    }
    assert_int_equal(weir_sendmmsg(client, from, messages, n, 0), (int)n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(messages[i].msg_len, i + 1);
    prepare(sizeof bytes[0]);
    memset(bytes, 0, sizeof bytes);
}

static void a_batch_goes_and_comes_whole(void **state)
{
    struct sockaddr_in names[N];
    (void)state;
    send_some(N);
    for (unsigned i = 0; i < N; i++) {
        messages[i].msg_hdr.msg_name = &names[i];
        messages[i].msg_hdr.msg_namelen = sizeof names[i];
    }
    assert_int_equal(weir_recvmmsg(server, to, messages, N, 0, NULL), N); /* waits for the last */
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(messages[i].msg_len, i + 1);
        assert_int_equal(bytes[i][i], 'a' + (int)i);
        assert_int_equal(names[i].sin_addr.s_addr, inet_addr(CLIENT));
    }
}

static void what_is_there_is_a_partial_batch(void **state)
{
    (void)state;
    send_some(3);
    assert_int_equal(weir_recvmmsg(server, to, messages, 2, 0, NULL), 2);
    prepare(sizeof bytes[0]);
    assert_int_equal(weir_recvmmsg(server, to, messages, N, MSG_WAITFORONE, NULL), 1);
    assert_int_equal(messages[0].msg_len, 3);
    assert_int_equal(messages[1].msg_len, 99); /* as it was */
    assert_int_equal(weir_recvmmsg(server, to, messages, N, MSG_DONTWAIT, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(weir_recvmmsg(server, to, messages, 0, 0, NULL), 0);
    assert_int_equal(weir_sendmmsg(client, from, messages, 0, 0), 0);
}

/* It is looked at after a message only; here it is over with the first. */
static void the_timeout_counts_after_a_message(void **state)
{
    struct timespec none = {0}, wrong = {.tv_nsec = 1000000000}, long_time = {.tv_sec = 100};
    (void)state;
    send_some(3);
    assert_int_equal(weir_recvmmsg(server, to, messages, 3, 0, &wrong), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(weir_recvmmsg(server, to, messages, 3, 0, &none), 1);
    assert_int_equal(weir_recvmmsg(server, to, messages, 2, 0, &long_time), 2);
    assert_true(long_time.tv_sec >= 50 && long_time.tv_sec < 100);
}

static void an_error_behind_others_is_the_next_calls(void **state)
{
    (void)state;
    send_some(2);
    pieces[1].iov_base = NULL;
    assert_int_equal(weir_recvmmsg(server, to, messages, 2, 0, NULL), 1);
    assert_int_equal(weir_recvmmsg(server, to, messages, 1, 0, NULL), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(weir_recvmmsg(server, to, messages, 1, 0, NULL), 1);
    prepare(4);
    pieces[1].iov_base = NULL;
    assert_int_equal(weir_sendmmsg(client, from, messages, 3, 0), 1);
    assert_int_equal(weir_sendmmsg(client, from, messages + 1, 2, 0), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(weir_recvmmsg(server, to, messages, 1, 0, NULL), 1);
    assert_int_equal(weir_sendmmsg(client, 99, messages, 1, 0), -1);
    assert_int_equal(errno, EBADF);
}

static void *send_later(void *unused)
{
    usleep(20000);
    assert_int_equal(weir_send(client, from, "later", 5, 0), 5);
    usleep(20000);
    assert_int_equal(weir_send(client, from, "and last", 8, 0), 8);
    return unused;
}

/* With its control message, whose room waiting does not take away. */
static void waiting_takes_nothing_from_a_message(void **state)
{
    char control[2][64];
    int on = 1;
    pthread_t thread;
    (void)state;
    assert_int_equal(weir_setsockopt(server, to, IPPROTO_IP, IP_PKTINFO, &on, sizeof on), 0);
    prepare(sizeof bytes[0]);
    for (unsigned i = 0; i < 2; i++) {
        messages[i].msg_hdr.msg_control = control[i];
        messages[i].msg_hdr.msg_controllen = sizeof control[i];
    }
    pthread_create(&thread, NULL, send_later, NULL);
    assert_int_equal(weir_recvmmsg(server, to, messages, 2, 0, NULL), 2);
    pthread_join(thread, NULL);
    assert_int_equal(messages[1].msg_len, 8);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(messages[i].msg_hdr.msg_flags, 0);
        assert_int_equal(CMSG_FIRSTHDR(&messages[i].msg_hdr)->cmsg_type, IP_PKTINFO);
    }
}

/* SO_RCVTIMEO bounds the waiting for each message. */
static void a_receive_timeout_ends_a_batch(void **state)
{
    struct timeval t = {.tv_usec = 10000};
    (void)state;
    send_some(1);
    assert_int_equal(weir_setsockopt(server, to, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
    assert_int_equal(weir_recvmmsg(server, to, messages, 2, 0, NULL), 1);
    assert_int_equal(weir_recvmmsg(server, to, messages, 2, 0, NULL), -1);
    assert_int_equal(errno, EAGAIN);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, front_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_batch_goes_and_comes_whole),         CASE(what_is_there_is_a_partial_batch),
        CASE(the_timeout_counts_after_a_message),   CASE(an_error_behind_others_is_the_next_calls),
        CASE(waiting_takes_nothing_from_a_message), CASE(a_receive_timeout_ends_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
