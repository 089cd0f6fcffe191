/* SPDX-License-Identifier: MIT */
/*
 * poll, select and epoll: level, edge, one-shot, order, odd arguments.
 */
#include "semantics.h"

static void note_epoll(int epoll, int max, int timeout_ms)
{
    struct epoll_event events[16];
    int n = test_end->epoll_wait(epoll, events, max, timeout_ms);
    note("T epoll_wait = %d", n);
    for (int i = 0; i < n; i++) {
        note("    %llu:", (unsigned long long)events[i].data.u64);
        note_events(events[i].events);
    }
}

static long add(int epoll, int operation, int fd, unsigned events, unsigned tag)
{
    struct epoll_event e = {.events = events, .data.u64 = tag};
    note("T operation %d events %x tag %u", operation, events, tag);
    return T(epoll_ctl(epoll, operation, fd, &e));
}

/* ---- poll ---- */

CASE(poll_several)
{
    int t, p, u = t_datagram();
    stream_pair(&t, &p);
    struct pollfd f[5] = {{.fd = t, .events = POLLIN | POLLOUT},
                          {.fd = -7, .events = POLLIN, .revents = 77},
                          {.fd = u, .events = POLLIN},
                          {.fd = 9999, .events = POLLIN},
                          {.fd = u, .events = POLLOUT}};
    T(poll(f, 5, 0));
    for (int i = 0; i < 5; i++)
        note_events((unsigned short)f[i].revents);
    P(send(p, "a", 1, 0));
    T_WAIT(t, POLLIN);
    T(poll(f, 1, -1));
    note_events((unsigned short)f[0].revents);
}

CASE(poll_times_out)
{
    int t, p;
    stream_pair(&t, &p);
    struct pollfd f = {.fd = t, .events = POLLIN, .revents = 77};
    T(poll(&f, 1, 0));
    T(poll(&f, 1, 20));
    note("    %d", f.revents);
    T(poll(NULL, 0, 10));
}

static void send_one(int p) { kernel_peer.send(p, "x", 1, 0); }
static void reset(int p)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    kernel_peer.setsockopt(p, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    kernel_peer.connect(p, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_UNSPEC}, LEN);
}

CASE(poll_waits)
{
    int t, p;
    stream_pair(&t, &p);
    struct pollfd f = {.fd = t, .events = POLLIN};
    soon(send_one, p);
    T(poll(&f, 1, -1));
    note_events((unsigned short)f.revents);
}

CASE(poll_hears_of_errors_unasked)
{
    int t, p;
    stream_pair(&t, &p);
    struct pollfd f = {.fd = t, .events = 0};
    T(poll(&f, 1, 0));
    soon(reset, p);
    T(poll(&f, 1, -1));
    note_events((unsigned short)f.revents);
}

CASE(poll_states_of_a_stream)
{
    int t = t_stream(), l = t_listener(2, 4), u = t_datagram();
    T_READY(t);
    T_READY(l);
    T_READY(u);
    T(bind(t, AT_T(1), LEN));
    T_READY(t);
}

CASE(poll_same_descriptor_twice)
{
    int t, p;
    stream_pair(&t, &p);
    struct pollfd f[2] = {{.fd = t, .events = POLLOUT}, {.fd = t, .events = POLLWRNORM}};
    T(poll(f, 2, 0));
    note_events((unsigned short)f[0].revents);
    note_events((unsigned short)f[1].revents);
}

/* ---- select ---- */

static long choose(int fd, bool r, bool w, bool e, long us)
{
    fd_set sets[3];
    struct timeval time = {.tv_usec = us};
    for (int i = 0; i < 3; i++)
        FD_ZERO(&sets[i]);
    if (r)
        FD_SET(fd, &sets[0]);
    if (w)
        FD_SET(fd, &sets[1]);
    if (e)
        FD_SET(fd, &sets[2]);
    long n = T(select(fd + 1, &sets[0], &sets[1], &sets[2], &time));
    note("    %d%d%d", FD_ISSET(fd, &sets[0]), FD_ISSET(fd, &sets[1]), FD_ISSET(fd, &sets[2]));
    return n;
}

CASE(select_states)
{
    int t, p;
    stream_pair(&t, &p);
    choose(t, true, true, true, 0);
    P(send(p, "a", 1, 0));
    T_WAIT(t, POLLIN);
    choose(t, true, true, true, 0);
    P(send(p, "b", 1, MSG_OOB));
    T_WAIT(t, POLLPRI | POLLIN);
    choose(t, true, true, true, 0);
    reset_by_peer(p);
    choose(t, true, true, true, 0);
}

CASE(select_times_out)
{
    int t, p;
    stream_pair(&t, &p);
    choose(t, true, false, false, 20000);
    soon(send_one, p);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(t, &set);
    T(select(t + 1, &set, NULL, NULL, NULL));
    T(select(0, NULL, NULL, NULL, &(struct timeval){.tv_usec = 5000}));
}

CASE(select_odd_arguments)
{
    fd_set set;
    FD_ZERO(&set);
    T(select(-1, NULL, NULL, NULL, &(struct timeval){0}));
    T(select(0, NULL, NULL, NULL, &(struct timeval){.tv_sec = -1}));
    FD_SET(1000, &set);
    T(select(1001, &set, NULL, NULL, &(struct timeval){0}));
}

CASE(select_connect)
{
    int a = p_listener(1), c = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    T(connect(c, AT_P(1), LEN));
    choose(c, false, true, false, 900000);
    choose(c, true, true, true, 0);
    int d = T_FD(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    T(connect(d, AT_P(2), LEN)); /* refused */
    T_WAIT(d, POLLERR);
    choose(d, true, true, true, 0);
    P_FD(accept(a, NULL, NULL));
}

/* ---- epoll ---- */

CASE(epoll_level)
{
    char byte;
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLIN, 1);
    note_epoll(e, 16, 0);
    P(send(p, "ab", 2, 0));
    T_WAIT(t, POLLIN);
    note_epoll(e, 16, -1);
    note_epoll(e, 16, 0);
    T(recv(t, &byte, 1, 0));
    note_epoll(e, 16, 0);
    T(recv(t, &byte, 1, 0));
    note_epoll(e, 16, 0);
}

CASE(epoll_edge)
{
    char byte;
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLIN | EPOLLET, 1);
    P(send(p, "ab", 2, 0));
    T_WAIT(t, POLLIN);
    note_epoll(e, 16, -1);
    note_epoll(e, 16, 0);
    T(recv(t, &byte, 1, 0));
    note_epoll(e, 16, 0);
    P(send(p, "c", 1, 0)); /* more: an edge */
    arrived();
    note_epoll(e, 16, 0);
    note_epoll(e, 16, 0);
    add(e, EPOLL_CTL_MOD, t, EPOLLIN | EPOLLET, 2); /* looks anew */
    note_epoll(e, 16, 0);
    P(shutdown(p, SHUT_WR));
    T_WAIT(t, POLLRDHUP);
    note_epoll(e, 16, 0);
}

CASE(epoll_edge_of_writing)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLOUT | EPOLLET, 1);
    note_epoll(e, 16, 0);
    note_epoll(e, 16, 0);
    T(send(t, "a", 1, 0));
    settle(t, p);
    note_epoll(e, 16, 0);
}

CASE(epoll_one_shot)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLIN | EPOLLONESHOT, 1);
    P(send(p, "a", 1, 0));
    T_WAIT(t, POLLIN);
    note_epoll(e, 16, -1);
    note_epoll(e, 16, 0);
    P(send(p, "b", 1, 0));
    arrived();
    note_epoll(e, 16, 0);
    add(e, EPOLL_CTL_MOD, t, EPOLLIN | EPOLLONESHOT, 2);
    note_epoll(e, 16, 0);
    note_epoll(e, 16, 0);
}

CASE(epoll_order_and_max)
{
    int t[4], p[4], e = T_FD(epoll_create1(0));
    for (int i = 0; i < 4; i++) {
        int a = p_listener(i);
        t[i] = t_stream();
        MUST(test_end->connect(t[i], AT_P(i), LEN));
        p[i] = P_FD(accept(a, NULL, NULL));
        add(e, EPOLL_CTL_ADD, t[i], EPOLLIN, (unsigned)i);
    }
    static const int order[4] = {2, 0, 3, 1};
    for (int i = 0; i < 4; i++) {
        MUST(kernel_peer.send(p[order[i]], "x", 1, 0));
        T_WAIT(t[order[i]], POLLIN);
    }
    note_epoll(e, 2, 0); /* those that came first */
    note_epoll(e, 2, 0); /* then the others */
    note_epoll(e, 16, 0);
}

CASE(epoll_control_errors)
{
    int t = t_datagram(), e = T_FD(epoll_create1(0));
    T(epoll_create1(77));
    T(epoll_ctl(e, EPOLL_CTL_MOD, t, &(struct epoll_event){0}));
    T(epoll_ctl(e, EPOLL_CTL_DEL, t, NULL));
    add(e, EPOLL_CTL_ADD, t, EPOLLIN, 1);
    add(e, EPOLL_CTL_ADD, t, EPOLLIN, 1);
    T(epoll_ctl(e, 77, t, &(struct epoll_event){0}));
    T(epoll_ctl(e, EPOLL_CTL_ADD, 9999, &(struct epoll_event){0}));
    T(epoll_ctl(e, EPOLL_CTL_ADD, e, &(struct epoll_event){0}));
    T(epoll_ctl(t, EPOLL_CTL_ADD, t, &(struct epoll_event){0}));
    T(epoll_ctl(9999, EPOLL_CTL_ADD, t, &(struct epoll_event){0}));
    T(epoll_ctl(e, EPOLL_CTL_DEL, t, NULL));
    struct epoll_event events[1];
    T(epoll_wait(e, events, 0, 0));
    T(epoll_wait(e, events, -1, 0));
    T(epoll_wait(t, events, 1, 0));
    T(epoll_wait(9999, events, 1, 0));
    T(epoll_wait(e, events, 1, 10));
}

CASE(epoll_reports_errors_unasked)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, 0, 1);
    note_epoll(e, 16, 0);
    reset_by_peer(p);
    note_epoll(e, 16, 0);
}

CASE(epoll_new_socket)
{
    int t = t_stream(), e = T_FD(epoll_create1(0));
    add(e, EPOLL_CTL_ADD, t, EPOLLIN | EPOLLOUT, 1);
    note_epoll(e, 16, 0);
    int a = p_listener(1);
    T(connect(t, AT_P(1), LEN));
    note_epoll(e, 16, 0);
    P_FD(accept(a, NULL, NULL));
}

CASE(epoll_forgets_closed)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLOUT, 1);
    note_epoll(e, 16, 0);
    T(close(t));
    note_epoll(e, 16, 0);
    T(epoll_ctl(e, EPOLL_CTL_DEL, t, NULL));
}

CASE(epoll_dup_keeps_the_entry)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    int d = T_FD(dup(t));
    add(e, EPOLL_CTL_ADD, t, EPOLLOUT, 1);
    add(e, EPOLL_CTL_ADD, d, EPOLLOUT, 2);
    note_epoll(e, 16, 0);
    T(close(t));
    note_epoll(e, 16, 0); /* the socket lives on in d, and so does the entry */
    T(close(d));
    note_epoll(e, 16, 0);
}

CASE(epoll_listener)
{
    int a = t_listener(1, 8), e = T_FD(epoll_create1(0)), p = p_stream(), q = p_stream();
    add(e, EPOLL_CTL_ADD, a, EPOLLIN | EPOLLET, 1);
    P(connect(p, AT_T(1), LEN));
    T_WAIT(a, POLLIN);
    note_epoll(e, 16, 0);
    note_epoll(e, 16, 0);
    P(connect(q, AT_T(1), LEN));
    MUST(kernel_peer.send(q, "x", 1, 0));
    arrived();
    note_epoll(e, 16, 0);
    T_FD(accept(a, NULL, NULL));
    T_FD(accept(a, NULL, NULL));
    note_epoll(e, 16, 0);
}

CASE(epoll_is_pollable)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLIN, 1);
    T_READY(e);
    soon(send_one, p);
    struct pollfd f = {.fd = e, .events = POLLIN};
    T(poll(&f, 1, -1));
    note_events((unsigned short)f.revents);
}

CASE(epoll_of_an_epoll)
{
    int inner = T_FD(epoll_create1(0)), outer = T_FD(epoll_create1(0));
    add(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 1);
}

CASE(epoll_waits)
{
    int t, p, e = T_FD(epoll_create1(0));
    stream_pair(&t, &p);
    add(e, EPOLL_CTL_ADD, t, EPOLLIN | EPOLLRDHUP, 1);
    soon(send_one, p);
    note_epoll(e, 16, -1);
}

CASE(epoll_not_a_socket)
{
    char byte;
    int e = T_FD(epoll_create1(EPOLL_CLOEXEC));
    T(send(e, "a", 1, 0));
    T(recv(e, &byte, 1, 0));
    T(bind(e, ANY(1), LEN));
    T(getsockopt(e, SOL_SOCKET, SO_TYPE, &(int){0}, &(socklen_t){4}));
    T(close(e));
}

CASE(epoll_thousand)
{
    enum { N = 1000 };
    static int fds[N];
    struct epoll_event events[8], add_one = {.events = EPOLLIN};
    int e = T_FD(epoll_create1(0)), p = p_datagram();
    for (int i = 0; i < N; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(20000 + i))};
        fds[i] = (int)MUST(test_end->socket(AF_INET, SOCK_DGRAM, 0));
        MUST(test_end->bind(fds[i], (struct sockaddr *)&a, sizeof a));
        add_one.data.u64 = (unsigned)i;
        MUST(test_end->epoll_ctl(e, EPOLL_CTL_ADD, fds[i], &add_one));
    }
    static const int some[3] = {999, 0, 517};
    for (int i = 0; i < 3; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(20000 + some[i]))};
        inet_pton(AF_INET, T_ADDRESS, &a.sin_addr);
        MUST(kernel_peer.sendto(p, "x", 1, 0, (struct sockaddr *)&a, sizeof a));
    }
    arrived();
    int n = (int)T(epoll_wait(e, events, 8, 0));
    for (int i = 0; i < n; i++)
        note("    %u", (unsigned)events[i].data.u64);
    for (int i = 0; i < N; i++)
        MUST(test_end->close(fds[i]));
    T(epoll_wait(e, events, 8, 0));
}
