/* SPDX-License-Identifier: MIT */
/*
 * socket, bind, listen, accept, connect, getsockname, getpeername, dup, fcntl, close.
 */
#include "semantics.h"

/* ---- socket ---- */

CASE(socket_of_each_kind)
{
    T_FD(socket(AF_INET, SOCK_STREAM, 0));
    T_FD(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    T_FD(socket(AF_INET, SOCK_DGRAM, 0));
    T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
    T_FD(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    T_FD(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    T_FD(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    T_FD(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
    T_FD(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)));
}

CASE(socket_of_no_kind)
{
    T(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    T(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
    T(socket(AF_INET, SOCK_SEQPACKET, 0));
    T(socket(AF_INET, 77, 0));
    T(socket(AF_INET, 0, 0));
    T(socket(1000, SOCK_STREAM, 0));
    T(socket(AF_INET, SOCK_STREAM, 300));
    T(socket(AF_INET, SOCK_RAW, 300));
    T(socket(AF_INET, SOCK_STREAM, -1));
}

CASE(socket_raw_without_protocol) { T(socket(AF_INET, SOCK_RAW, 0)); }

CASE(socket_flags)
{
    int a = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    int b = T_FD(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    note("non-blocking: %d %d", (test_end->fcntl(a, F_GETFL, 0) & O_NONBLOCK) != 0,
         (test_end->fcntl(b, F_GETFL, 0) & O_NONBLOCK) != 0);
    T(socket(AF_INET, SOCK_STREAM | 0x40000000, 0));
}

CASE(calls_on_no_descriptor)
{
    struct pollfd p = {.fd = 9999, .events = POLLIN};
    T(bind(-1, ANY(0), LEN));
    T(listen(9999, 1));
    T(accept(-1, NULL, NULL));
    T(connect(9999, AT_P(0), LEN));
    T(send(-1, "a", 1, 0));
    T(recv(9999, &(char){0}, 1, 0));
    T(shutdown(-1, SHUT_WR));
    T(getsockopt(-1, SOL_SOCKET, SO_TYPE, &(int){0}, &(socklen_t){4}));
    T(setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, &(int){1}, 4));
    T(fcntl(-1, F_GETFL, 0));
    T(ioctl(-1, FIONREAD, &(int){0}));
    T(dup(-1));
    T(close(-1));
    T(poll(&p, 1, 0));
    note_events((unsigned short)p.revents);
}

/* ---- bind ---- */

CASE(bind_address_and_port)
{
    int a = t_stream();
    note_name(a);
    T(bind(a, AT_T(1), LEN));
    note_name(a);
    int b = t_datagram();
    T(bind(b, ANY(1), LEN));
    note_name(b);
    int c = t_datagram();
    T(bind(c, ANY(PORT0), LEN));
    note_name(c);
}

CASE(bind_twice)
{
    int a = t_stream(), b = t_datagram();
    T(bind(a, AT_T(1), LEN));
    T(bind(a, AT_T(2), LEN));
    T(bind(b, AT_T(1), LEN));
    T(bind(b, AT_T(1), LEN));
}

CASE(bind_to_no_address_of_ours)
{
    int a = t_stream(), b = t_datagram();
    T(bind(a, AT_P(1), LEN));
    T(bind(b, address_of(NOWHERE, 1), LEN));
    note_name(a);
    T(bind(a, AT_T(1), LEN)); /* and then to one */
    T(bind(b, AT_T(1), LEN));
}

CASE(bind_of_odd_names)
{
    struct sockaddr_in odd;
    int a = t_stream(), b = t_datagram();
    memcpy(&odd, AT_T(1), sizeof odd);
    T(bind(a, (struct sockaddr *)&odd, LEN - 1));
    T(bind(a, (struct sockaddr *)&odd, 2));
    T(bind(a, (struct sockaddr *)&odd, 0));
    odd.sin_family = AF_UNIX;
    T(bind(a, (struct sockaddr *)&odd, LEN));
    odd.sin_family = AF_UNSPEC;
    T(bind(b, (struct sockaddr *)&odd, LEN)); /* with an address */
    odd.sin_addr.s_addr = INADDR_ANY;
    T(bind(b, (struct sockaddr *)&odd, LEN)); /* without: as AF_INET */
    note_name(b);
    T(bind(a, (struct sockaddr *)NULL, LEN));
}

CASE(bind_longer_name)
{
    struct sockaddr_storage long_one = {0};
    int a = t_stream();
    memcpy(&long_one, AT_T(1), LEN);
    T(bind(a, (struct sockaddr *)&long_one, sizeof long_one));
    note_name(a);
}

CASE(bind_port_in_use)
{
    int a = t_stream(), b = t_stream(), c = t_datagram(), d = t_datagram(), e = t_datagram();
    T(bind(a, AT_T(1), LEN));
    T(bind(b, AT_T(1), LEN));
    T(bind(b, ANY(1), LEN));
    T(bind(c, AT_T(1), LEN)); /* another protocol */
    T(bind(d, AT_T(1), LEN));
    T(bind(d, ANY(1), LEN));
    T(bind(e, ANY(2), LEN));
    T(bind(d, AT_T(2), LEN));
}

CASE(bind_reuse_address_of_streams)
{
    int a = t_stream(), b = t_stream(), c = t_stream();
    T_SET(a, SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(a, AT_T(1), LEN));
    T(bind(b, AT_T(1), LEN)); /* only one of them says so */
    T_SET(c, SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(c, AT_T(1), LEN));
    T(listen(a, 1));
    T(listen(c, 1)); /* one listener */
    T_SET(b, SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(b, AT_T(1), LEN)); /* where one listens */
}

CASE(bind_reuse_address_of_datagrams)
{
    int a = t_datagram(), b = t_datagram(), p = p_datagram();
    char byte;
    T_SET(a, SOL_SOCKET, SO_REUSEADDR, 1);
    T_SET(b, SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(a, AT_T(1), LEN));
    T(bind(b, AT_T(1), LEN));
    P(sendto(p, "x", 1, 0, AT_T(1), LEN));
    T_WAIT(b, POLLIN); /* the last to come gets it */
    T(recv(a, &byte, 1, MSG_DONTWAIT));
    T(recv(b, &byte, 1, MSG_DONTWAIT));
}

CASE(bind_reuse_port)
{
    int a = t_stream(), b = t_stream(), c = t_stream();
    T_SET(a, SOL_SOCKET, SO_REUSEPORT, 1);
    T_SET(b, SOL_SOCKET, SO_REUSEPORT, 1);
    T(bind(a, AT_T(1), LEN));
    T(bind(b, AT_T(1), LEN));
    T(bind(c, AT_T(1), LEN));
    T(listen(a, 64));
    T(listen(b, 64));
    int p[8];
    for (int i = 0; i < 8; i++) {
        p[i] = p_stream();
        MUST(kernel_peer.connect(p[i], AT_T(1), LEN));
    }
    MUST(kernel_peer.send(p[7], "x", 1, 0));
    arrived();
    int n = 0;
    MUST(test_end->fcntl(a, F_SETFL, O_NONBLOCK));
    MUST(test_end->fcntl(b, F_SETFL, O_NONBLOCK));
    for (int fd; (fd = test_end->accept(a, NULL, NULL)) >= 0 || (fd = test_end->accept(b, NULL, NULL)) >= 0; n++)
        MUST(test_end->close(fd));
    note("%d connections over both", n);
}

CASE(bind_multicast_and_broadcast)
{
    int a = t_datagram(), b = t_datagram(), c = t_stream(), d = t_datagram();
    T(bind(a, address_of(GROUP, 1), LEN));
    note_name(a);
    T(bind(b, address_of(NET_BROADCAST, 2), LEN));
    note_name(b);
    T(bind(d, address_of("255.255.255.255", 3), LEN));
    T(bind(c, address_of(GROUP, 1), LEN));
    T(bind(c, address_of(NET_BROADCAST, 1), LEN));
}

/* ---- listen ---- */

CASE(listen_unbound)
{
    int a = t_stream();
    T(listen(a, 1));
    note_name(a);
    T_GET(a, SOL_SOCKET, SO_ACCEPTCONN);
}

CASE(listen_again)
{
    int a = t_stream();
    T(bind(a, AT_T(1), LEN));
    T_GET(a, SOL_SOCKET, SO_ACCEPTCONN);
    T(listen(a, 1));
    T(listen(a, 100));
    T(listen(a, -1));
    T(listen(a, 0));
}

CASE(listen_on_other_sockets)
{
    int a = t_datagram(), t, p;
    T(listen(a, 1));
    stream_pair(&t, &p);
    T(listen(t, 1));
}

CASE(listen_backlog_full)
{
    int a = t_listener(1, 0), first = p_stream(), second = p_stream();
    P(connect(first, AT_T(1), LEN));
    MUST(kernel_peer.fcntl(second, F_SETFL, O_NONBLOCK));
    P(connect(second, AT_T(1), LEN));
    arrived();
    T_READY(a);
    T_FD(accept(a, NULL, NULL));
    P_WAIT(second, POLLOUT); /* after its SYN came again */
    T_FD(accept(a, NULL, NULL));
}

/* ---- accept ---- */

CASE(accept_gives_peer)
{
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    int a = t_listener(1, 8), p = p_stream();
    MUST(kernel_peer.bind(p, AT_P(2), LEN));
    P(connect(p, AT_T(1), LEN));
    int c = T_FD(accept(a, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    note_name(c);
    note_peer(c);
    note_name(a);
    T_GET(c, SOL_SOCKET, SO_ACCEPTCONN);
    T_READY(c);
}

CASE(accept_cuts_the_name)
{
    struct sockaddr_in from = {0};
    socklen_t n = 4;
    int a = t_listener(1, 8), p = p_stream(), p2 = p_stream();
    MUST(kernel_peer.bind(p, AT_P(2), LEN));
    P(connect(p, AT_T(1), LEN));
    T_FD(accept(a, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    P(connect(p2, AT_T(1), LEN));
    n = 100;
    T_FD(accept(a, NULL, &n));
    note("length %u", n);
}

CASE(accept_nothing)
{
    int a = t_listener(1, 8);
    MUST(test_end->fcntl(a, F_SETFL, O_NONBLOCK));
    T(accept(a, NULL, NULL));
    T_READY(a);
    int b = t_stream(), c = t_datagram();
    T(accept(b, NULL, NULL));
    T(accept(c, NULL, NULL));
}

static void connect_to_1(int p) { kernel_peer.connect(p, AT_T(1), LEN); }

CASE(accept_blocks)
{
    int a = t_listener(1, 8), p = p_stream();
    soon(connect_to_1, p);
    T_FD(accept(a, NULL, NULL));
}

CASE(accept_times_out)
{
    struct timeval t = {.tv_usec = 30000};
    int a = t_listener(1, 8);
    T(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    T(accept(a, NULL, NULL));
}

CASE(accept4_flags)
{
    int a = t_listener(1, 8), p = p_stream(), q = p_stream();
    P(connect(p, AT_T(1), LEN));
    P(connect(q, AT_T(1), LEN));
    int c = T_FD(accept4(a, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    note("non-blocking: %d", (test_end->fcntl(c, F_GETFL, 0) & O_NONBLOCK) != 0);
    T(accept4(a, NULL, NULL, 1));
    MUST(test_end->fcntl(a, F_SETFL, O_NONBLOCK));
    c = T_FD(accept(a, NULL, NULL));
    note("inherited: %d", (test_end->fcntl(c, F_GETFL, 0) & O_NONBLOCK) != 0);
}

CASE(accept_in_order)
{
    struct sockaddr_in from = {0};
    int a = t_listener(9, 8);
    for (int i = 1; i < 5; i++) {
        int p = p_stream();
        MUST(kernel_peer.bind(p, AT_P(i), LEN));
        P(connect(p, AT_T(9), LEN));
    }
    for (int i = 1; i < 5; i++) {
        socklen_t n = sizeof from;
        T_FD(accept(a, (struct sockaddr *)&from, &n));
        note_address(&from, n);
    }
}

CASE(accept_one_that_was_reset)
{
    char byte;
    int a = t_listener(1, 8), p = p_stream();
    P(connect(p, AT_T(1), LEN));
    reset_by_peer(p);
    T_READY(a);
    int c = T_FD(accept(a, NULL, NULL));
    T_READY(c);
    note_peer(c);
    T(recv(c, &byte, 1, 0));
    T(recv(c, &byte, 1, 0));
}

CASE(accept_inherits_options)
{
    int a = t_stream(), p = p_stream();
    struct linger l = {.l_onoff = 1, .l_linger = 7};
    socklen_t n = sizeof l;
    T_SET(a, SOL_SOCKET, SO_KEEPALIVE, 1);
    T_SET(a, IPPROTO_TCP, TCP_NODELAY, 1);
    T_SET(a, IPPROTO_TCP, TCP_KEEPIDLE, 33);
    T_SET(a, IPPROTO_TCP, TCP_KEEPINTVL, 34);
    T_SET(a, IPPROTO_TCP, TCP_KEEPCNT, 5);
    T_SET(a, IPPROTO_TCP, TCP_USER_TIMEOUT, 3500);
    T_SET(a, IPPROTO_IP, IP_TTL, 77);
    T_SET(a, IPPROTO_IP, IP_TOS, 16);
    T_SET(a, SOL_SOCKET, SO_REUSEADDR, 1);
    T_SET(a, SOL_SOCKET, SO_RCVLOWAT, 3);
    T_SET(a, SOL_SOCKET, SO_PRIORITY, 3);
    T(setsockopt(a, SOL_SOCKET, SO_LINGER, &l, n));
    T(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 9}, sizeof(struct timeval)));
    T(setsockopt(a, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    T(bind(a, AT_T(1), LEN));
    T(listen(a, 8));
    P(connect(p, AT_T(1), LEN));
    int c = T_FD(accept(a, NULL, NULL));
    T_GET(c, SOL_SOCKET, SO_KEEPALIVE);
    T_GET(c, IPPROTO_TCP, TCP_NODELAY);
    T_GET(c, IPPROTO_TCP, TCP_KEEPIDLE);
    T_GET(c, IPPROTO_TCP, TCP_KEEPINTVL);
    T_GET(c, IPPROTO_TCP, TCP_KEEPCNT);
    T_GET(c, IPPROTO_TCP, TCP_USER_TIMEOUT);
    T_GET(c, IPPROTO_IP, IP_TTL);
    T_GET(c, IPPROTO_IP, IP_TOS);
    T_GET(c, SOL_SOCKET, SO_REUSEADDR);
    T_GET(c, SOL_SOCKET, SO_RCVLOWAT);
    T_GET(c, SOL_SOCKET, SO_PRIORITY);
    l = (struct linger){0};
    T(getsockopt(c, SOL_SOCKET, SO_LINGER, &l, &n));
    note("    linger %d %d", l.l_onoff, l.l_linger);
    struct timeval t = {0};
    T(getsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &t, &(socklen_t){sizeof t}));
    note("    time %ld", (long)t.tv_sec);
    char name[16] = {0};
    T(getsockopt(c, IPPROTO_TCP, TCP_CONGESTION, name, &(socklen_t){sizeof name}));
    note("    %s", name);
}

/* ---- connect ---- */

CASE(connect_blocking)
{
    int a = p_listener(1), c = t_stream();
    T_READY(c);
    T(connect(c, AT_P(1), LEN));
    P_FD(accept(a, NULL, NULL));
    note_name(c);
    note_peer(c);
    T_READY(c);
    T(connect(c, AT_P(1), LEN));
    T_GET(c, SOL_SOCKET, SO_ERROR);
}

CASE(connect_nonblocking)
{
    int a = p_listener(1), c = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    T(connect(c, AT_P(1), LEN));
    T_WAIT(c, POLLOUT);
    T_GET(c, SOL_SOCKET, SO_ERROR);
    T(connect(c, AT_P(1), LEN));
    T(connect(c, AT_P(1), LEN));
    P_FD(accept(a, NULL, NULL));
}

CASE(connect_under_way)
{
    char byte;
    int c = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    T(connect(c, address_of(NOBODY, 1), LEN));
    T(connect(c, address_of(NOBODY, 1), LEN));
    T_READY(c);
    note_name(c);
    note_peer(c);
    T(send(c, "a", 1, 0));
    T(recv(c, &byte, 1, 0));
    T(listen(c, 1));
    T(bind(c, AT_T(1), LEN));
    T_GET(c, SOL_SOCKET, SO_ERROR);
}

CASE(connect_refused)
{
    int c = t_stream();
    T(connect(c, AT_P(1), LEN));
    T_READY(c);
    note_name(c);
    note_peer(c);
    T_GET(c, SOL_SOCKET, SO_ERROR);
    int a = p_listener(2);
    T(connect(c, AT_P(2), LEN)); /* and again, elsewhere */
    P_FD(accept(a, NULL, NULL));
    T_READY(c);
}

CASE(connect_refused_nonblocking)
{
    char byte;
    int c = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    T(connect(c, AT_P(1), LEN));
    T_WAIT(c, POLLERR | POLLHUP);
    T_GET(c, SOL_SOCKET, SO_ERROR);
    T_GET(c, SOL_SOCKET, SO_ERROR);
    T_READY(c);
    T(connect(c, AT_P(1), LEN));
    T_WAIT(c, POLLERR | POLLHUP);
    T(recv(c, &byte, 1, 0)); /* takes the error */
    T(recv(c, &byte, 1, 0));
    T(connect(c, AT_P(1), LEN));
    T_WAIT(c, POLLERR | POLLHUP);
    T(connect(c, AT_P(1), LEN)); /* takes the error */
    T(send(c, "a", 1, 0));
}

CASE(connect_to_nobody)
{
    int c = t_stream();
    T(connect(c, address_of(NOBODY, 1), LEN));
    note_name(c);
    T_GET(c, SOL_SOCKET, SO_ERROR);
}

CASE(connect_without_route)
{
    int c = t_stream(), d = t_datagram();
    T(connect(c, address_of(NOWHERE, 1), LEN));
    note_name(c);
    T(connect(d, address_of(NOWHERE, 1), LEN));
    note_name(d);
}

CASE(connect_times_out)
{
    struct timeval t = {.tv_usec = 40000};
    int c = t_stream();
    T(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t));
    T(connect(c, address_of(NOBODY, 1), LEN));
    T(connect(c, address_of(NOBODY, 1), LEN));
}

CASE(connect_to_odd_names)
{
    struct sockaddr_in odd;
    int c = t_stream(), d = t_datagram();
    memcpy(&odd, AT_P(1), sizeof odd);
    T(connect(c, (struct sockaddr *)&odd, 8));
    T(connect(c, (struct sockaddr *)&odd, 1));
    odd.sin_family = AF_UNIX;
    T(connect(c, (struct sockaddr *)&odd, LEN));
    T(connect(d, (struct sockaddr *)&odd, LEN));
    T(connect(c, address_of(NET_BROADCAST, 1), LEN));
    T(connect(c, address_of("255.255.255.255", 1), LEN));
    T(connect(c, address_of(GROUP, 1), LEN));
    T(connect(c, AT_P(PORT0), LEN));
    T(connect(d, (struct sockaddr *)NULL, LEN));
}

CASE(connect_to_any) { T(connect(t_stream(), ANY(1), LEN)); }

CASE(connect_bound)
{
    int a = p_listener(1), c = t_stream();
    struct sockaddr_in from;
    socklen_t n = sizeof from;
    T(bind(c, AT_T(2), LEN));
    T(connect(c, AT_P(1), LEN));
    P_FD(accept(a, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    int d = t_stream();
    T_SET(d, SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(d, AT_T(2), LEN)); /* the other does not say so */
}

CASE(connect_four_tuple_in_use)
{
    int a = p_listener(1), c = t_stream(), d = t_stream();
    T_SET(c, SOL_SOCKET, SO_REUSEADDR, 1);
    T_SET(d, SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(c, AT_T(2), LEN));
    T(bind(d, AT_T(2), LEN));
    T(connect(c, AT_P(1), LEN));
    T(connect(d, AT_P(1), LEN));
    P_FD(accept(a, NULL, NULL));
}

CASE(connect_to_ourselves_where_nobody_listens) { T(connect(t_stream(), AT_T(2), LEN)); }

CASE(connect_to_ourselves)
{
    char text[8] = "";
    int a = t_listener(1, 4), c = t_stream();
    if (T(connect(c, AT_T(1), LEN)) < 0)
        return;
    int d = T_FD(accept(a, NULL, NULL));
    note_peer(c);
    T(send(c, "self", 4, 0));
    T(recv(d, text, 4, MSG_WAITALL));
    note_bytes(text, 4);
}

CASE(connect_to_unspec)
{
    struct sockaddr_in nothing = {.sin_family = AF_UNSPEC};
    int t, p;
    char byte;
    stream_pair(&t, &p);
    T(connect(t, (struct sockaddr *)&nothing, LEN));
    P_WAIT(p, POLLERR | POLLHUP);
    P(recv(p, &byte, 1, 0));
    T_READY(t);
    note_name(t);
    note_peer(t);
    int a = p_listener(1);
    T(connect(t, AT_P(1), LEN));
    P_FD(accept(a, NULL, NULL));
}

CASE(connect_listener)
{
    int a = t_listener(1, 4);
    T(connect(a, AT_P(1), LEN));
}

/* ---- names, copies, flags ---- */

CASE(names_of_sockets)
{
    struct sockaddr_in a = {0};
    int t, p;
    stream_pair(&t, &p);
    T(getsockname(t, (struct sockaddr *)&a, &(socklen_t){4}));
    note("    family %d, port not written: %d", a.sin_family, a.sin_addr.s_addr == 0);
    socklen_t n = 100;
    T(getpeername(t, (struct sockaddr *)&a, &n));
    note_address(&a, n);
    T(getpeername(t, (struct sockaddr *)&a, &(socklen_t){(socklen_t)-1}));
    T(getsockname(t, (struct sockaddr *)&a, &(socklen_t){0}));
    T(getpeername(t_stream(), (struct sockaddr *)&a, &(socklen_t){sizeof a}));
    T(getpeername(t_datagram(), (struct sockaddr *)&a, &(socklen_t){sizeof a}));
}

CASE(names_after_the_end)
{
    int t, p;
    stream_pair(&t, &p);
    MUST(kernel_peer.shutdown(p, SHUT_WR));
    T_WAIT(t, POLLRDHUP);
    note_peer(t);
    T(shutdown(t, SHUT_WR));
    P_WAIT(p, POLLHUP);
    arrived();
    note_peer(t);
    note_name(t);
}

CASE(dup_shares_the_socket)
{
    char text[8];
    int t, p;
    stream_pair(&t, &p);
    int d = T_FD(dup(t));
    MUST(test_end->fcntl(d, F_SETFL, O_NONBLOCK));
    note("non-blocking: %d", (test_end->fcntl(t, F_GETFL, 0) & O_NONBLOCK) != 0);
    T(close(t));
    T(send(d, "dup", 3, 0));
    P(recv(p, text, 3, MSG_WAITALL));
    T(close(d));
    P(recv(p, text, 3, 0));
}

CASE(dup_lowest_descriptor)
{
    int a = t_datagram(), b = t_datagram(), c = t_datagram();
    T(close(b));
    int d = T_FD(dup(c));
    note("the lowest free: %d", d == b);
    T(close(a));
    T(close(a));
}

CASE(fcntl_flags)
{
    int a = t_stream();
    note("access: %d", test_end->fcntl(a, F_GETFL, 0) & O_ACCMODE);
    T(fcntl(a, F_SETFL, O_NONBLOCK));
    T(accept(a, NULL, NULL));
    T(fcntl(a, F_SETFL, 0));
    note("non-blocking: %d", (test_end->fcntl(a, F_GETFL, 0) & O_NONBLOCK) != 0);
    T(fcntl(a, 9999, 0));
    T(ioctl(a, FIONBIO, &(int){1}));
    note("non-blocking: %d", (test_end->fcntl(a, F_GETFL, 0) & O_NONBLOCK) != 0);
}

CASE(fcntl_close_on_exec)
{
    int a = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    T(fcntl(a, F_GETFD, 0));
    T(fcntl(a, F_SETFD, 0));
    T(fcntl(a, F_GETFD, 0));
}

CASE(close_wakes_nobody_else)
{
    struct pollfd f;
    int t, p;
    stream_pair(&t, &p);
    T(close(t));
    f = (struct pollfd){.fd = t, .events = POLLIN};
    T(poll(&f, 1, 0));
    note_events((unsigned short)f.revents);
    T(send(t, "a", 1, 0));
    T(close(t));
}
