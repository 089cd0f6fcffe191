/* SPDX-License-Identifier: MIT */
/*
 * Sending and receiving on streams, and what is between: MSG_ flags, urgent data, buffers, timeouts, FIONREAD, SIOCOUTQ.
 */
#include "semantics.h"

static char big[1 << 20];

/* ---- there and back ---- */

CASE(stream_send_recv)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    T(send(t, "hello", 5, 0));
    P(recv(p, text, 5, MSG_WAITALL));
    note_bytes(text, 5);
    P(send(p, "world", 5, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 3, 0));
    T(recv(t, text + 3, 20, 0));
    note_bytes(text, 5);
    T(recv(t, text, 20, MSG_DONTWAIT));
    T_READY(t);
}

CASE(stream_accepted_send_recv)
{
    char text[20];
    int t, p;
    stream_pair_from('P', &t, &p);
    P(send(p, "hello", 5, 0));
    T_WAIT(t, POLLIN);
    T(read(t, text, 20));
    note_bytes(text, 5);
    T(write(t, "world", 5));
    P(recv(p, text, 5, MSG_WAITALL));
    note_bytes(text, 5);
}

CASE(stream_of_nothing)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    T(send(t, "", 0, 0));
    T(recv(t, &byte, 0, MSG_DONTWAIT));
    P(send(p, "a", 1, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, &byte, 0, 0));
    T(recv(t, NULL, 0, 0));
    T(recv(t, &byte, 1, 0));
}

CASE(stream_not_connected)
{
    char byte;
    int t = t_stream();
    T(send(t, "a", 1, 0));
    T(send(t, "a", 1, MSG_DONTWAIT));
    T(recv(t, &byte, 1, 0));
    T(recv(t, &byte, 1, MSG_PEEK));
    T(shutdown(t, SHUT_WR));
    int a = t_listener(1, 4);
    T(send(a, "a", 1, 0));
    T(recv(a, &byte, 1, 0));
    T_READY(t);
}

CASE(stream_send_with_name)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    T(sendto(t, "abc", 3, 0, AT_P(5), LEN)); /* not looked at */
    P(recv(p, text, 3, MSG_WAITALL));
    struct sockaddr_in from = {.sin_family = 77};
    socklen_t n = sizeof from;
    P(send(p, "abc", 3, 0));
    T(recvfrom(t, text, 3, MSG_WAITALL, (struct sockaddr *)&from, &n));
    note("    length %u, untouched %d", n, from.sin_family == 77);
    T(sendto(t_stream(), "abc", 3, 0, AT_P(5), LEN));
}

CASE(stream_scatter_gather)
{
    char a[3], b[1], c[10];
    struct iovec out[4] = {{"one", 3}, {"", 0}, {"two", 3}, {"three", 5}};
    struct iovec in[3] = {{a, 3}, {b, 1}, {c, 10}};
    int t, p;
    stream_pair(&t, &p);
    T(writev(t, out, 4));
    P(recv(p, big, 11, MSG_WAITALL));
    note_bytes(big, 11);
    P(writev(p, out, 4));
    T(recv(t, big, 11, MSG_WAITALL | MSG_PEEK));
    T(readv(t, in, 3));
    note_bytes(a, 3);
    note_bytes(b, 1);
    note_bytes(c, 7);
    T(writev(t, out, 0));
    T(writev(t, out, -1));
    T(writev(t, out, 1025));
    T(readv(t, in, 1025));
}

CASE(stream_sendmsg_recvmsg)
{
    char text[10];
    struct sockaddr_in from = {.sin_family = 77};
    char control[64];
    struct iovec out = {"message", 7}, in = {text, 10};
    struct msghdr m = {.msg_iov = &out, .msg_iovlen = 1};
    int t, p;
    stream_pair(&t, &p);
    T(sendmsg(t, &m, 0));
    P(recv(p, text, 7, MSG_WAITALL));
    P(send(p, "message", 7, 0));
    T_WAIT(t, POLLIN);
    m = (struct msghdr){.msg_iov = &in,
                        .msg_iovlen = 1,
                        .msg_name = &from,
                        .msg_namelen = sizeof from,
                        .msg_control = control,
                        .msg_controllen = sizeof control,
                        .msg_flags = 0x7777};
    T(recvmsg(t, &m, 0));
    note("    name %u control %zu flags %x", m.msg_namelen, m.msg_controllen, (unsigned)m.msg_flags);
    m.msg_iovlen = 1025;
    T(recvmsg(t, &m, MSG_DONTWAIT));
    T(sendmsg(t, &m, 0));
}

/* ---- flags ---- */

CASE(stream_peek)
{
    char text[10];
    int t, p;
    stream_pair(&t, &p);
    T(recv(t, text, 10, MSG_PEEK | MSG_DONTWAIT));
    P(send(p, "peek", 4, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 2, MSG_PEEK));
    note_bytes(text, 2);
    T(recv(t, text, 10, MSG_PEEK));
    note_bytes(text, 4);
    T_READY(t);
    T(recv(t, text, 10, 0));
    note_bytes(text, 4);
    T(recv(t, text, 10, MSG_PEEK | MSG_DONTWAIT));
    MUST(kernel_peer.shutdown(p, SHUT_WR));
    T(recv(t, text, 10, MSG_PEEK));
    T(recv(t, text, 10, 0));
}

static void send_rest(int p) { kernel_peer.send(p, "rest", 4, 0); }
static void shut(int p) { kernel_peer.shutdown(p, SHUT_WR); }

CASE(stream_waitall)
{
    char text[10];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "first", 5, 0));
    soon(send_rest, p);
    T(recv(t, text, 9, MSG_WAITALL));
    note_bytes(text, 9);
}

CASE(stream_waitall_ends)
{
    char text[10];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "first", 5, 0));
    soon(shut, p);
    T(recv(t, text, 9, MSG_WAITALL));
    note_bytes(text, 5);
    T(recv(t, text, 9, MSG_WAITALL));
}

CASE(stream_waitall_nonblocking)
{
    char text[10];
    struct timeval time = {.tv_usec = 30000};
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "first", 5, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 9, MSG_WAITALL | MSG_DONTWAIT));
    T(recv(t, text, 9, MSG_WAITALL | MSG_DONTWAIT));
    P(send(p, "again", 5, 0));
    T(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    T(recv(t, text, 9, MSG_WAITALL));
    T(recv(t, text, 9, MSG_WAITALL));
}

CASE(stream_trunc)
{
    char text[10] = "untouched";
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "throw away", 10, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 6, MSG_TRUNC));
    note_bytes(text, 9);
    T(recv(t, NULL, 1, MSG_TRUNC));
    T(recv(t, text, 9, MSG_PEEK | MSG_TRUNC));
    T(recv(t, text, 9, 0));
    note_bytes(text, 3);
}

CASE(stream_nosignal_after_the_end)
{
    int t, p;
    stream_pair(&t, &p);
    T(shutdown(t, SHUT_WR));
    T(send(t, "a", 1, MSG_NOSIGNAL));
    T(send(t, "a", 1, MSG_NOSIGNAL));
    T(send(t, "", 0, MSG_NOSIGNAL));
    reset_by_peer(p);
    T(send(t, "a", 1, MSG_NOSIGNAL));
    T(send(t, "a", 1, MSG_NOSIGNAL));
}

CASE(stream_more_is_held)
{
    char text[20];
    int t, p, left;
    stream_pair(&t, &p);
    T(send(t, "held", 4, MSG_MORE));
    departed();
    P(recv(p, text, 20, MSG_DONTWAIT));
    T(ioctl(t, SIOCOUTQ, &left));
    note("    %d", left);
    T(send(t, " back", 5, 0));
    P(recv(p, text, 9, MSG_WAITALL));
    note_bytes(text, 9);
}

CASE(stream_more_goes_by_itself)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    T(send(t, "late", 4, MSG_MORE));
    P(recv(p, text, 4, MSG_WAITALL)); /* after 200 ms */
    note_bytes(text, 4);
}

CASE(stream_cork)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, IPPROTO_TCP, TCP_CORK, 1);
    T(send(t, "corked", 6, 0));
    departed();
    P(recv(p, text, 20, MSG_DONTWAIT));
    T_SET(t, IPPROTO_TCP, TCP_CORK, 0);
    P(recv(p, text, 6, MSG_WAITALL));
    note_bytes(text, 6);
    T_SET(t, IPPROTO_TCP, TCP_CORK, 1);
    T(send(t, big, 3000, 0));
    P(recv(p, big, 2896, MSG_WAITALL)); /* full segments go */
    departed();
    P(recv(p, text, 20, MSG_DONTWAIT));
    T(shutdown(t, SHUT_WR));
    P(recv(p, big, 200, MSG_WAITALL));
}

CASE(stream_cork_and_close)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, IPPROTO_TCP, TCP_CORK, 1);
    T(send(t, "corked", 6, 0));
    T(close(t));
    P(recv(p, text, 20, MSG_WAITALL));
    note_bytes(text, 6);
}

CASE(stream_unknown_flags)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    T(send(t, "abc", 3, MSG_CONFIRM | MSG_EOR | MSG_DONTROUTE));
    P(recv(p, text, 3, MSG_WAITALL));
    T(recv(t, text, 3, MSG_ERRQUEUE | MSG_DONTWAIT));
    P(send(p, "abc", 3, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 3, MSG_CMSG_CLOEXEC));
}

/* ---- urgent data ---- */

CASE(stream_urgent)
{
    char text[20];
    int t, p, mark;
    stream_pair(&t, &p);
    T(recv(t, text, 1, MSG_OOB));
    P(send(p, "ab!", 3, MSG_OOB));
    P(send(p, "cd", 2, 0));
    T_WAIT(t, POLLPRI | POLLIN);
    arrived();
    T(ioctl(t, SIOCATMARK, &mark));
    note("    mark %d", mark);
    T(recv(t, text, 20, 0)); /* up to the mark */
    note_bytes(text, 2);
    T(ioctl(t, SIOCATMARK, &mark));
    note("    mark %d", mark);
    T_READY(t);
    T(recv(t, text, 20, MSG_OOB | MSG_PEEK));
    T(recv(t, text, 20, MSG_OOB));
    note_bytes(text, 1);
    T(recv(t, text, 20, MSG_OOB));
    T(recv(t, text, 20, 0));
    note_bytes(text, 2);
    T(ioctl(t, SIOCATMARK, &mark));
    note("    mark %d", mark);
    T_READY(t);
}

CASE(stream_urgent_inline)
{
    char text[20];
    int t, p, mark;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_OOBINLINE, 1);
    P(send(p, "ab!", 3, MSG_OOB));
    P(send(p, "cd", 2, 0));
    T_WAIT(t, POLLPRI | POLLIN);
    arrived();
    T(recv(t, text, 20, MSG_OOB));
    T(recv(t, text, 20, 0));
    note_bytes(text, 2);
    T(ioctl(t, SIOCATMARK, &mark));
    note("    mark %d", mark);
    T(recv(t, text, 20, 0));
    note_bytes(text, 3);
}

CASE(stream_urgent_sent)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    T(send(t, "ab!", 3, MSG_OOB));
    T(send(t, "cd", 2, 0));
    P_WAIT(p, POLLPRI | POLLIN);
    P(recv(p, text, 1, MSG_OOB));
    note_bytes(text, 1);
    P(recv(p, text, 2, MSG_WAITALL));
    note_bytes(text, 2);
    P(recv(p, text, 2, MSG_WAITALL));
    note_bytes(text, 2);
    T(send(t, "", 0, MSG_OOB));
}

CASE(stream_urgent_passed_by)
{
    char text[20];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "a!", 2, MSG_OOB));
    T_WAIT(t, POLLPRI | POLLIN);
    T(recv(t, text, 20, 0));
    P(send(p, "b", 1, 0));
    arrived();
    T(recv(t, text, 20, 0));
    note_bytes(text, 1);
    T(recv(t, text, 1, MSG_OOB));
    note_bytes(text, 1);
}

/* ---- buffers and time ---- */

CASE(stream_fills_up)
{
    int t, p, left;
    long sent = 0, n;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_SNDBUF, 20000);
    MUST(kernel_peer.setsockopt(p, SOL_SOCKET, SO_RCVBUF, &(int){10000}, sizeof(int)));
    MUST(test_end->fcntl(t, F_SETFL, O_NONBLOCK));
    for (int quiet = 0; quiet < 20; quiet++)
        for (; (n = test_end->send(t, big, 5000, 0)) > 0; quiet = 0)
            sent += n;
    T(send(t, big, 5000, 0));
    T_READY(t);
    MUST(test_end->ioctl(t, SIOCOUTQ, &left));
    note("something waits: %d", left > 0);
    for (long got = 0; got < sent;)
        got += MUST(kernel_peer.recv(p, big, sizeof big, 0));
    T_WAIT(t, POLLOUT);
}

CASE(stream_send_times_out)
{
    struct timeval time = {.tv_usec = 30000};
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_SNDBUF, 20000);
    MUST(kernel_peer.setsockopt(p, SOL_SOCKET, SO_RCVBUF, &(int){10000}, sizeof(int)));
    T(setsockopt(t, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    long n = test_end->send(t, big, sizeof big, 0);
    note("a part went: %d", n > 0 && n < (long)sizeof big);
    while (test_end->send(t, big, 5000, 0) > 0)
        ;
    T(send(t, big, 5000, 0));
}

CASE(stream_recv_times_out)
{
    char byte;
    struct timeval time = {.tv_usec = 30000};
    int t, p;
    stream_pair(&t, &p);
    T(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    T(recv(t, &byte, 1, 0));
    T(recv(t, &byte, 1, MSG_PEEK));
    time.tv_usec = 0;
    T(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    soon(send_rest, p);
    T(recv(t, &byte, 1, 0));
}

static void read_all(int p)
{
    for (long got = 0; got < (long)sizeof big;)
        got += kernel_peer.recv(p, big, 65536, 0);
}

CASE(stream_blocking_send_takes_all)
{
    static char mine[sizeof big];
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_SNDBUF, 20000);
    soon(read_all, p);
    T(send(t, mine, sizeof mine, 0));
}

CASE(stream_ioctls)
{
    int t, p, n = -1;
    char byte;
    stream_pair(&t, &p);
    T(ioctl(t, FIONREAD, &n));
    note("    %d", n);
    P(send(p, "four", 4, 0));
    T_WAIT(t, POLLIN);
    T(ioctl(t, FIONREAD, &n));
    note("    %d", n);
    T(recv(t, &byte, 1, 0));
    T(ioctl(t, FIONREAD, &n));
    note("    %d", n);
    T(ioctl(t, SIOCOUTQ, &n));
    note("    %d", n);
    T(send(t, "x", 1, 0));
    settle(t, p);
    T(ioctl(t, SIOCOUTQNSD, &n));
    note("    %d", n);
    T(ioctl(t, SIOCATMARK, &n));
    note("    %d", n);
    T(ioctl(t, 0x12345678, &n));
}

CASE(stream_ioctls_of_others)
{
    int n = -1, t = t_stream(), a = t_listener(1, 4);
    T(ioctl(t, FIONREAD, &n));
    T(ioctl(t, SIOCOUTQ, &n));
    T(ioctl(a, FIONREAD, &n));
    T(ioctl(a, SIOCOUTQ, &n));
    T(ioctl(a, SIOCATMARK, &n));
}

CASE(stream_low_water)
{
    char text[10];
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_RCVLOWAT, 4);
    P(send(p, "abc", 3, 0));
    arrived();
    T_READY(t);
    T(recv(t, text, 10, MSG_DONTWAIT));
    P(send(p, "abcd", 4, 0));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 10, 0));
    P(send(p, "ab", 2, 0));
    soon(send_rest, p);
    T(recv(t, text, 10, 0)); /* waits for four */
    P(send(p, "z", 1, 0));
    MUST(kernel_peer.shutdown(p, SHUT_WR));
    T_WAIT(t, POLLRDHUP);
    T(recv(t, text, 10, 0));
    T(recv(t, text, 10, 0));
}

CASE(stream_both_ways)
{
    unsigned char in[3000], out[3000];
    int t, p;
    stream_pair(&t, &p);
    for (unsigned i = 0; i < sizeof out; i++)
        out[i] = (unsigned char)(i * 7);
    T(send(t, out, sizeof out, 0));
    P(send(p, out, sizeof out, 0));
    T(recv(t, in, sizeof in, MSG_WAITALL));
    note("same: %d", memcmp(in, out, sizeof in) == 0);
    P(recv(p, in, sizeof in, MSG_WAITALL));
    note("same: %d", memcmp(in, out, sizeof in) == 0);
}
