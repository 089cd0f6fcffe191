/* SPDX-License-Identifier: MIT */
/*
 * How streams end: shutdown, close, resets, SO_LINGER, timeouts.
 */
#include "semantics.h"

static void shut(int p) { kernel_peer.shutdown(p, SHUT_WR); }

/* ---- shutdown ---- */

CASE(shutdown_write)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    T(shutdown(t, SHUT_WR));
    P(recv(p, text, 4, 0));
    T(send(t, "a", 1, 0));
    T_READY(t);
    P(send(p, "bc", 2, 0));
    T(recv(t, text, 2, MSG_WAITALL));
    T(shutdown(t, SHUT_WR));
    MUST(kernel_peer.shutdown(p, SHUT_WR));
    T_WAIT(t, POLLHUP);
    T(recv(t, text, 2, 0));
    T(shutdown(t, SHUT_WR));
    T(shutdown(t, SHUT_RDWR));
}

CASE(shutdown_read)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    T(shutdown(t, SHUT_RD));
    T_READY(t);
    T(recv(t, text, 4, 0));
    P(send(p, "abc", 3, 0)); /* still taken */
    arrived();
    T_READY(t);
    T(recv(t, text, 4, 0));
    T(recv(t, text, 4, 0));
    T(send(t, "abc", 3, 0));
    P(recv(p, text, 3, MSG_WAITALL));
}

CASE(shutdown_read_with_data)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "abc", 3, 0));
    T_WAIT(t, POLLIN);
    T(shutdown(t, SHUT_RD));
    T(recv(t, text, 4, 0));
    note_bytes(text, 3);
    T(recv(t, text, 4, 0));
}

CASE(shutdown_both)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    T(shutdown(t, SHUT_RDWR));
    T_READY(t);
    T(send(t, "a", 1, 0));
    T(recv(t, text, 4, 0));
    P(recv(p, text, 4, 0));
}

CASE(shutdown_of_odd_values)
{
    int t, p;
    stream_pair(&t, &p);
    T(shutdown(t, 3));
    T(shutdown(t, -1));
    T(shutdown(t_stream(), SHUT_RD));
    T(shutdown(t_stream(), SHUT_RDWR));
    T(shutdown(t_stream(), 3));
}

CASE(shutdown_listener)
{
    int a = t_listener(1, 4), p = p_stream();
    T(shutdown(a, SHUT_WR));
    T_READY(a);
    T(shutdown(a, SHUT_RD));
    T_READY(a);
    T(accept(a, NULL, NULL));
    P(connect(p, AT_T(1), LEN));
    T(listen(a, 4)); /* again */
    T_READY(a);
    P(connect(p, AT_T(1), LEN));
    T_FD(accept(a, NULL, NULL));
}

CASE(shutdown_while_connecting)
{
    int c = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    T(connect(c, address_of(NOBODY, 1), LEN));
    T(shutdown(c, SHUT_WR));
    T_READY(c);
    T_GET(c, SOL_SOCKET, SO_ERROR);
}

static int shut_fd;
static void shut_t(int p)
{
    (void)p;
    test_end->shutdown(shut_fd, SHUT_RDWR);
}

CASE(shutdown_wakes_a_reader)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    shut_fd = t;
    soon(shut_t, 0);
    T(recv(t, &byte, 1, 0));
    shut_fd = t_listener(1, 4);
}

CASE(shutdown_wakes_an_acceptor)
{
    int a = t_listener(1, 4);
    shut_fd = a;
    soon(shut_t, 0);
    T(accept(a, NULL, NULL));
}

CASE(shutdown_after_data)
{
    static char bytes[100000], got[100000];
    int t, p;
    stream_pair(&t, &p);
    T(send(t, bytes, 50000, 0));
    T(shutdown(t, SHUT_WR));
    P(recv(p, got, sizeof got, MSG_WAITALL)); /* all, then the end */
    P(recv(p, got, sizeof got, 0));
}

/* ---- close ---- */

CASE(close_orderly)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    T(send(t, "abc", 3, 0));
    T(close(t));
    P(recv(p, text, 3, MSG_WAITALL));
    P(recv(p, text, 3, 0));
    note("peer's error %d", (int)kernel_peer.send(p, "x", 1, MSG_NOSIGNAL)); /* answered with an RST */
    P_WAIT(p, POLLERR | POLLHUP);
    P(recv(p, text, 3, 0));
}

CASE(close_with_unread_data)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "abc", 3, 0));
    T_WAIT(t, POLLIN);
    T(close(t));
    P_WAIT(p, POLLERR | POLLHUP);
    P(recv(p, text, 3, 0));
    P(recv(p, text, 3, 0));
}

CASE(close_after_reading)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "abc", 3, 0));
    T(recv(t, text, 3, MSG_WAITALL));
    T(close(t));
    P(recv(p, text, 3, 0));
}

CASE(close_with_unread_data_and_fin)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "abc", 3, 0));
    P(shutdown(p, SHUT_WR));
    T_WAIT(t, POLLRDHUP);
    T(close(t));
    P_WAIT(p, POLLERR | POLLHUP);
    P(recv(p, text, 3, 0));
}

CASE(close_listener_resets_those_who_wait)
{
    char byte;
    int a = t_listener(1, 4), p = p_stream();
    P(connect(p, AT_T(1), LEN));
    MUST(kernel_peer.send(p, "x", 1, 0));
    T_WAIT(a, POLLIN);
    T(close(a));
    P_WAIT(p, POLLERR | POLLHUP);
    P(recv(p, &byte, 1, 0));
    int q = p_stream();
    P(connect(q, AT_T(1), LEN));
}

CASE(close_never_connected)
{
    int a = t_stream(), b = t_stream();
    T(bind(a, AT_T(1), LEN));
    T(close(a));
    T(bind(b, AT_T(1), LEN));
    T(close(b));
}

/* ---- the peer ends ---- */

CASE(peer_shuts_down)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "abc", 3, 0));
    P(shutdown(p, SHUT_WR));
    T_WAIT(t, POLLRDHUP);
    T(recv(t, text, 3, 0));
    T_READY(t);
    T(recv(t, text, 3, 0));
    T(recv(t, text, 3, 0));
    T(send(t, "abc", 3, 0));
    P(recv(p, text, 3, MSG_WAITALL));
    T_GET(t, SOL_SOCKET, SO_ERROR);
}

CASE(peer_ends_a_waiting_recv)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    soon(shut, p);
    T(recv(t, &byte, 1, 0));
}

CASE(peer_closes_then_send)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    P(close(p));
    T_WAIT(t, POLLRDHUP);
    T(send(t, "a", 1, 0)); /* is answered with an RST */
    T_WAIT(t, POLLERR | POLLHUP);
    T(send(t, "a", 1, 0));
    T(recv(t, &byte, 1, 0));
    T_READY(t);
}

CASE(peer_resets)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    reset_by_peer(p);
    T_READY(t);
    T(recv(t, &byte, 1, 0));
    T(recv(t, &byte, 1, 0));
    T_READY(t);
    T(send(t, "a", 1, 0));
    note_name(t);
    note_peer(t);
}

CASE(peer_resets_send_first)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    reset_by_peer(p);
    T(send(t, "a", 1, 0));
    T(send(t, "a", 1, 0));
    T(recv(t, &byte, 1, 0));
    T_GET(t, SOL_SOCKET, SO_ERROR);
}

CASE(peer_resets_so_error)
{
    int t, p;
    stream_pair(&t, &p);
    reset_by_peer(p);
    T_GET(t, SOL_SOCKET, SO_ERROR);
    T_GET(t, SOL_SOCKET, SO_ERROR);
    T_READY(t);
    T(shutdown(t, SHUT_WR));
    T(connect(t, AT_P(9), LEN)); /* anew: its listener is still there */
}

CASE(peer_resets_with_data)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    P(send(p, "abc", 3, 0));
    T_WAIT(t, POLLIN);
    reset_by_peer(p);
    T_READY(t);
    T(recv(t, text, 2, 0));
    T(recv(t, text, 2, 0));
    T(recv(t, text, 2, 0));
}

static void reset(int p)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    kernel_peer.setsockopt(p, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    kernel_peer.shutdown(p, SHUT_WR);
    kernel_peer.connect(p, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_UNSPEC}, LEN);
}

CASE(peer_resets_a_waiting_recv)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    soon(reset, p);
    T(recv(t, &byte, 1, 0));
    T(recv(t, &byte, 1, 0));
}

/* ---- linger ---- */

static void set_linger(int fd, int on, int seconds)
{
    struct linger l = {.l_onoff = on, .l_linger = seconds};
    T(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
}

CASE(linger_zero_resets)
{
    char byte;
    int t, p;
    stream_pair(&t, &p);
    set_linger(t, 1, 0);
    T(send(t, "lost?", 5, 0));
    T(close(t));
    P_WAIT(p, POLLERR | POLLHUP);
    kernel_peer.recv(p, &byte, 1, 0);
    int error = 0;
    socklen_t n = sizeof error;
    P(getsockopt(p, SOL_SOCKET, SO_ERROR, &error, &n));
}

CASE(linger_waits_for_the_ack)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    set_linger(t, 1, 5);
    T(send(t, "abc", 3, 0));
    T(close(t));
    P(recv(p, text, 3, MSG_WAITALL));
    P(recv(p, text, 3, 0));
}

CASE(linger_runs_out)
{
    static char bytes[100000];
    int t, p;
    stream_pair(&t, &p);
    MUST(kernel_peer.setsockopt(p, SOL_SOCKET, SO_RCVBUF, &(int){5000}, sizeof(int)));
    MUST(test_end->fcntl(t, F_SETFL, O_NONBLOCK));
    long sent = 0;
    for (int quiet = 0; quiet < 20; quiet++)
        for (long n; (n = test_end->send(t, bytes, sizeof bytes, 0)) > 0; quiet = 0)
            sent += n;
    MUST(test_end->fcntl(t, F_SETFL, 0));
    set_linger(t, 1, 1);
    T(close(t)); /* a second: nobody reads */
    long got = 0;
    for (long n; (n = kernel_peer.recv(p, bytes, sizeof bytes, 0)) > 0;)
        got += n;
    note("the rest came all the same: %d", got == sent);
}

CASE(linger_values)
{
    struct linger l = {.l_onoff = 7, .l_linger = 9};
    socklen_t n = sizeof l;
    int t = t_stream();
    T(setsockopt(t, SOL_SOCKET, SO_LINGER, &l, sizeof l));
    T(getsockopt(t, SOL_SOCKET, SO_LINGER, &l, &n));
    note("    %d %d [%u]", l.l_onoff, l.l_linger, n);
    set_linger(t, 0, 9);
    T(getsockopt(t, SOL_SOCKET, SO_LINGER, &l, &n));
    note("    %d %d [%u]", l.l_onoff, l.l_linger, n);
    T(setsockopt(t, SOL_SOCKET, SO_LINGER, &l, 4));
    n = 4;
    T(getsockopt(t, SOL_SOCKET, SO_LINGER, &l, &n));
    note("    [%u]", n);
}

/* ---- time ---- */

/* What was sent to a peer that answers no more, by a route that is taken away from it. */
CASE(user_timeout_ends_it)
{
    static char bytes[100000];
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, IPPROTO_TCP, TCP_USER_TIMEOUT, 300);
    MUST(kernel_peer.setsockopt(p, SOL_SOCKET, SO_RCVBUF, &(int){2304}, sizeof(int)));
    MUST(test_end->fcntl(t, F_SETFL, O_NONBLOCK));
    for (int quiet = 0; quiet < 20; quiet++)
        while (test_end->send(t, bytes, sizeof bytes, 0) > 0)
            quiet = 0;
    T_WAIT(t, POLLERR | POLLHUP); /* its window stays shut */
    T_GET(t, SOL_SOCKET, SO_ERROR);
    T(send(t, "a", 1, 0));
}

CASE(bind_where_time_wait_is)
{
    char byte;
    int t, p, again = t_stream();
    stream_pair_from('P', &t, &p);
    T(shutdown(t, SHUT_WR));
    P(recv(p, &byte, 1, 0));
    P(close(p));
    T_WAIT(t, POLLHUP);
    T(close(t));
    arrived();
    T_SET(again, SOL_SOCKET, SO_REUSEADDR, 1);
    note("with SO_REUSEADDR");
    T(bind(again, AT_T(7), LEN));
}
