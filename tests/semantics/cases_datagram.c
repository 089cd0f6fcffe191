/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: sendto, recvfrom, sendmsg with control messages, connected UDP, ICMP errors, broadcast, multicast.
 */
#include "semantics.h"

static char big[70000];

/* ---- there and back ---- */

CASE(datagram_there_and_back)
{
    char text[20];
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    int t = t_datagram(), p = p_datagram();
    MUST(kernel_peer.bind(p, AT_P(1), LEN));
    T_READY(t);
    T(sendto(t, "hello", 5, 0, AT_P(1), LEN));
    note_name(t);
    P(recvfrom(p, text, 20, 0, (struct sockaddr *)&from, &n));
    note_bytes(text, 5);
    note_address(&from, n);
    P(sendto(p, "world", 5, 0, (struct sockaddr *)&from, n));
    T_WAIT(t, POLLIN);
    n = sizeof from;
    T(recvfrom(t, text, 20, 0, (struct sockaddr *)&from, &n));
    note_bytes(text, 5);
    note_address(&from, n);
    T(recv(t, text, 20, MSG_DONTWAIT));
}

CASE(datagram_is_cut)
{
    char text[20] = "";
    struct iovec v = {text, 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    int t, p;
    datagram_pair(&t, &p);
    for (int i = 0; i < 5; i++)
        P(send(p, "hello", 5, 0));
    arrived();
    T(recv(t, text, 3, 0));
    note_bytes(text, 3);
    T(recv(t, text, 3, MSG_TRUNC));
    T(recv(t, text, 3, MSG_TRUNC | MSG_PEEK));
    T(recvmsg(t, &m, 0));
    note("    flags %x", (unsigned)m.msg_flags);
    m.msg_flags = 0;
    T(recvmsg(t, &m, MSG_TRUNC));
    note("    flags %x", (unsigned)m.msg_flags);
    T(recv(t, text, 0, 0));
    T(recv(t, text, 3, MSG_DONTWAIT));
}

CASE(datagram_peek)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    P(send(p, "one", 3, 0));
    P(send(p, "twos", 4, 0));
    arrived();
    T(recv(t, text, 20, MSG_PEEK));
    T(recv(t, text, 20, MSG_PEEK));
    T(recv(t, text, 20, 0));
    T(recv(t, text, 20, MSG_WAITALL)); /* means nothing */
    T_READY(t);
    T(recv(t, text, 20, MSG_PEEK | MSG_DONTWAIT));
}

CASE(datagram_of_nothing)
{
    char text[20];
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    int t, p;
    datagram_pair(&t, &p);
    T(send(t, "", 0, 0));
    P(recv(p, text, 20, 0));
    P(send(p, "", 0, 0));
    T_WAIT(t, POLLIN);
    T(ioctl(t, FIONREAD, &(int){-1}));
    T(recvfrom(t, text, 20, 0, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    T_READY(t);
}

CASE(datagram_sizes)
{
    int t, p;
    datagram_pair(&t, &p);
    memset(big, 'd', sizeof big);
    T(send(t, big, 1472, 0));
    T(send(t, big, 1473, 0)); /* in fragments */
    T(send(t, big, 65507, 0));
    P(recv(p, big, sizeof big, 0));
    P(recv(p, big, sizeof big, 0));
    P(recv(p, big, sizeof big, 0));
    T(send(t, big, 65508, 0));
    T(send(t, big, 70000, 0));
    P(send(p, big, 65507, 0));
    T(recv(t, big, sizeof big, 0));
}

CASE(datagram_without_destination)
{
    struct sockaddr_in odd;
    int t = t_datagram();
    T(send(t, "a", 1, 0));
    T(sendto(t, "a", 1, 0, AT_P(PORT0), LEN));
    memcpy(&odd, AT_P(1), sizeof odd);
    T(sendto(t, "a", 1, 0, (struct sockaddr *)&odd, 8));
    T(sendto(t, "a", 1, 0, (struct sockaddr *)&odd, 0));
    odd.sin_family = AF_UNIX;
    T(sendto(t, "a", 1, 0, (struct sockaddr *)&odd, LEN));
    odd.sin_family = AF_UNSPEC;
    T(sendto(t, "a", 1, 0, (struct sockaddr *)&odd, LEN)); /* as AF_INET */
    T(sendto(t, "a", 1, 0, address_of(NOWHERE, 1), LEN));
    T(sendto(t, "a", 1, MSG_OOB, AT_P(1), LEN));
    T(accept(t, NULL, NULL));
}

CASE(datagram_to_any) { T(sendto(t_datagram(), "a", 1, 0, ANY(1), LEN)); }

CASE(datagram_times_out)
{
    char byte;
    struct timeval time = {.tv_usec = 30000};
    int t = t_datagram();
    T(bind(t, AT_T(1), LEN));
    T(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    T(recv(t, &byte, 1, 0));
    T(recv(t, &byte, 1, MSG_DONTWAIT));
}

static void send_one(int p) { kernel_peer.send(p, "later", 5, 0); }

CASE(datagram_recv_blocks)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    soon(send_one, p);
    T(recv(t, text, 20, 0));
    note_bytes(text, 5);
}

CASE(datagram_scatter_gather)
{
    char a[2], b[3];
    struct iovec out[3] = {{"one", 3}, {"", 0}, {"two", 3}}, in[2] = {{a, 2}, {b, 3}};
    struct sockaddr_in from = {0};
    struct msghdr m = {.msg_iov = in, .msg_iovlen = 2, .msg_name = &from, .msg_namelen = sizeof from};
    int t, p;
    datagram_pair(&t, &p);
    T(writev(t, out, 3));
    P(recv(p, big, 20, 0));
    note_bytes(big, 6);
    P(writev(p, out, 3));
    T_WAIT(t, POLLIN);
    T(recvmsg(t, &m, 0));
    note_bytes(a, 2);
    note_bytes(b, 3);
    note_address(&from, m.msg_namelen);
    note("    flags %x", (unsigned)m.msg_flags);
    T(sendmsg(t, &(struct msghdr){.msg_iov = out, .msg_iovlen = 3}, 0));
    T(writev(t, out, 0));
}

CASE(datagram_fionread)
{
    int t, p, n = -1;
    char text[20];
    datagram_pair(&t, &p);
    T(ioctl(t, FIONREAD, &n));
    note("    %d", n);
    P(send(p, "four", 4, 0));
    P(send(p, "again", 5, 0));
    arrived();
    T(ioctl(t, FIONREAD, &n));
    note("    %d", n);
    T(recv(t, text, 1, 0));
    T(ioctl(t, FIONREAD, &n));
    note("    %d", n);
    T(ioctl(t, SIOCOUTQ, &n));
    note("    %d", n);
    T(ioctl(t, SIOCATMARK, &n));
}

CASE(datagram_buffer_full)
{
    int t, p, n = 0;
    datagram_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_RCVBUF, 2304);
    for (int i = 0; i < 40; i++)
        MUST(kernel_peer.send(p, big, 1000, 0));
    arrived();
    while (test_end->recv(t, big, sizeof big, MSG_DONTWAIT) == 1000)
        n++;
    note("some, not all: %d", n > 0 && n < 40);
    T_GET(t, SOL_SOCKET, SO_ERROR);
}

CASE(datagram_cork)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    T_SET(t, IPPROTO_UDP, UDP_CORK, 1);
    T_GET(t, IPPROTO_UDP, UDP_CORK);
    T(send(t, "one ", 4, 0));
    T(send(t, "piece", 5, 0));
    departed();
    P(recv(p, text, 20, MSG_DONTWAIT));
    T_SET(t, IPPROTO_UDP, UDP_CORK, 0);
    P(recv(p, text, 20, 0));
    note_bytes(text, 9);
    T_SET(t, IPPROTO_UDP, UDP_CORK, 0);
}

/* What comes to the peer, each datagram by itself. */
static void show_datagrams(int p, int n)
{
    char text[2000];
    for (int i = 0; i < n; i++) {
        long length = P(recv(p, text, sizeof text, 0));
        note("    first %d last %d", text[0], length > 0 ? text[length - 1] : 0);
    }
    departed();
    P(recv(p, text, sizeof text, MSG_DONTWAIT));
}

CASE(datagram_segments)
{
    int t, p;
    datagram_pair(&t, &p);
    for (int i = 0; i < 70000; i++)
        big[i] = (char)(i / 1000);
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 1000);
    T_GET(t, IPPROTO_UDP, UDP_SEGMENT);
    T(send(t, big, 5500, 0));
    show_datagrams(p, 6);
    T(send(t, big, 1000, 0));
    T(send(t, big, 3, 0));
    T(send(t, big, 0, 0));
    show_datagrams(p, 3);
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 0);
    T(send(t, big, 1400, 0));
    show_datagrams(p, 1);
}

CASE(datagram_segments_limits)
{
    int t, p;
    datagram_pair(&t, &p);
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 1472);
    T(send(t, big, 2944, 0));
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 1473);
    T(send(t, big, 2944, 0));
    T(send(t, big, 1473, 0));
    T(send(t, big, 1472, 0));
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 10);
    T(send(t, big, 1280, 0));
    T(send(t, big, 1281, 0));
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 1000);
    T(send(t, big, 65507, 0));
    T(send(t, big, 65508, 0));
    T_GET(t, SOL_SOCKET, SO_ERROR);
}

CASE(datagram_segments_corked)
{
    int t, p;
    datagram_pair(&t, &p);
    T_SET(t, IPPROTO_UDP, UDP_SEGMENT, 1000);
    T(send(t, big, 700, MSG_MORE));
    T(send(t, big, 700, MSG_MORE));
    T(send(t, big, 700, 0));
    show_datagrams(p, 3);
}

CASE(datagram_more)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    T(send(t, "one ", 4, MSG_MORE));
    T(send(t, "piece", 5, 0));
    P(recv(p, text, 20, 0));
    note_bytes(text, 9);
    T(send(t, "", 0, MSG_MORE));
    T(send(t, "x", 1, 0));
    P(recv(p, text, 20, 0));
    note_bytes(text, 1);
}

CASE(datagram_more_elsewhere)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    T(sendto(t, "one ", 4, MSG_MORE, AT_P(1), LEN));
    T(sendto(t, "piece", 5, MSG_MORE, AT_P(2), LEN)); /* where the first went */
    T(sendto(t, "!", 1, 0, AT_P(3), LEN));
    P(recv(p, text, 20, 0));
    note_bytes(text, 10);
}

CASE(datagram_more_too_long)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    T(send(t, big, 60000, MSG_MORE));
    T(send(t, big, 6000, 0));
    T(send(t, "x", 1, 0));
    P(recv(p, text, 20, MSG_TRUNC));
}

CASE(datagram_more_and_close)
{
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    T(send(t, "lost", 4, MSG_MORE));
    T(close(t));
    departed();
    P(recv(p, text, 20, MSG_DONTWAIT));
}

/* ---- several at once ---- */

static void note_batch(const struct mmsghdr *m, long n)
{
    for (long i = 0; i < n; i++) {
        note("    message %ld: %u bytes, flags %x", i, m[i].msg_len, (unsigned)m[i].msg_hdr.msg_flags);
        note_bytes(m[i].msg_hdr.msg_iov->iov_base, m[i].msg_len);
    }
}

/* Four messages with room for twelve bytes each. */
static struct mmsghdr *batch_of_four(void)
{
    static char bytes[4][12];
    static struct iovec v[4];
    static struct mmsghdr m[4];
    for (int i = 0; i < 4; i++) {
        v[i] = (struct iovec){bytes[i], sizeof bytes[i]};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}, .msg_len = 99};
    }
    return m;
}

CASE(datagram_recvmmsg)
{
    struct mmsghdr *m = batch_of_four();
    int t, p;
    datagram_pair(&t, &p);
    T(recvmmsg(t, m, 4, MSG_DONTWAIT, NULL));
    P(send(p, "one", 3, 0));
    P(send(p, "", 0, 0));
    P(send(p, "more than twelve", 16, 0));
    arrived();
    note_batch(m, T(recvmmsg(t, m, 4, MSG_DONTWAIT, NULL)));
    P(send(p, "a", 1, 0));
    P(send(p, "b", 1, 0));
    P(send(p, "c", 1, 0));
    arrived();
    note_batch(m, T(recvmmsg(t, m, 2, 0, NULL)));
    note_batch(m, T(recvmmsg(t, m, 4, MSG_WAITFORONE, NULL))); /* waits for no second */
    T(recvmmsg(t, m, 0, 0, NULL));
}

CASE(datagram_recvmmsg_times_out)
{
    struct mmsghdr *m = batch_of_four();
    struct timeval time = {.tv_usec = 30000};
    int t, p;
    datagram_pair(&t, &p);
    T(setsockopt(t, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    T(recvmmsg(t, m, 4, 0, NULL));
    P(send(p, "a", 1, 0));
    T_WAIT(t, POLLIN);
    T(recvmmsg(t, m, 4, 0, NULL)); /* the one that came */
    T(recvmmsg(t, m, 4, 0, &(struct timespec){.tv_nsec = -1}));
    T(recvmmsg(-1, m, 4, 0, NULL));
}

CASE(datagram_sendmmsg)
{
    char text[20];
    struct mmsghdr *m = batch_of_four();
    int t, p;
    datagram_pair(&t, &p);
    for (int i = 0; i < 4; i++)
        memcpy(m[i].msg_hdr.msg_iov->iov_base, "abcdefghijkl", 12);
    T(sendmmsg(t, m, 3, 0));
    for (int i = 0; i < 3; i++)
        P(recv(p, text, 20, 0));
    m[0].msg_len = m[1].msg_len = 99;
    m[1].msg_hdr.msg_iov = &(struct iovec){big, 70000};
    T(sendmmsg(t, m, 3, 0)); /* up to the one that is too long */
    note("    %u %u", m[0].msg_len, m[1].msg_len);
    P(recv(p, text, 20, 0));
    T(sendmmsg(t, m + 1, 2, 0)); /* which says why when it is the first */
    T(sendmmsg(t, m, 0, 0));
    T(sendmmsg(-1, m, 1, 0));
}

CASE(stream_mmsg)
{
    char text[30];
    struct mmsghdr *m = batch_of_four();
    int t, p;
    stream_pair(&t, &p);
    for (int i = 0; i < 4; i++)
        memcpy(m[i].msg_hdr.msg_iov->iov_base, "abcdefghijkl", 12);
    T(sendmmsg(t, m, 2, 0));
    P(recv(p, text, 24, MSG_WAITALL));
    P(send(p, text, 24, 0));
    arrived();
    note_batch(m, T(recvmmsg(t, m, 4, MSG_DONTWAIT, NULL)));
}

/* ---- connected ---- */

CASE(datagram_connected_hears_its_peer)
{
    char text[20];
    int t, p, other = p_datagram();
    datagram_pair(&t, &p);
    MUST(kernel_peer.bind(other, AT_P(2), LEN));
    P(sendto(other, "stranger", 8, 0, AT_T(0), LEN));
    P(send(p, "friend", 6, 0));
    arrived();
    T(recv(t, text, 20, 0));
    note_bytes(text, 6);
    T(recv(t, text, 20, MSG_DONTWAIT));
    note_name(t);
    note_peer(t);
}

CASE(datagram_connect_again)
{
    struct sockaddr_in nothing = {.sin_family = AF_UNSPEC};
    char text[20];
    int t = t_datagram(), p = p_datagram(), q = p_datagram();
    MUST(kernel_peer.bind(p, AT_P(1), LEN));
    MUST(kernel_peer.bind(q, AT_P(2), LEN));
    T(connect(t, AT_P(1), LEN));
    note_name(t);
    T(send(t, "1", 1, 0));
    T(sendto(t, "elsewhere", 9, 0, AT_P(2), LEN)); /* allowed */
    T(connect(t, AT_P(2), LEN));
    note_peer(t);
    T(send(t, "2", 1, 0));
    T(connect(t, (struct sockaddr *)&nothing, LEN));
    note_name(t);
    note_peer(t);
    T(send(t, "3", 1, 0));
    P(recv(p, text, 20, 0));
    P(recv(q, text, 20, 0));
    P(recv(q, text, 20, 0));
    T_READY(t);
}

CASE(datagram_disconnect_keeps_bound_port)
{
    struct sockaddr_in nothing = {.sin_family = AF_UNSPEC};
    int t = t_datagram();
    T(bind(t, ANY(1), LEN));
    T(connect(t, AT_P(1), LEN));
    note_name(t);
    T(connect(t, (struct sockaddr *)&nothing, LEN));
    note_name(t);
    T(bind(t, AT_T(2), LEN));
}

CASE(datagram_best_match)
{
    char text[20];
    int any = t_datagram(), exact = t_datagram(), connected = t_datagram(), p = p_datagram(), q = p_datagram();
    int fds[3] = {any, exact, connected};
    for (int i = 0; i < 3; i++)
        T_SET(fds[i], SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(any, ANY(1), LEN));
    T(bind(exact, AT_T(1), LEN));
    T(bind(connected, AT_T(1), LEN));
    MUST(kernel_peer.bind(p, AT_P(1), LEN));
    T(connect(connected, AT_P(1), LEN));
    P(sendto(p, "to connected", 12, 0, AT_T(1), LEN));
    P(sendto(q, "to exact", 8, 0, AT_T(1), LEN));
    arrived();
    for (int i = 0; i < 3; i++)
        T(recv(fds[i], text, 20, MSG_DONTWAIT));
}

CASE(datagram_to_ourselves)
{
    char text[20];
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    int a = t_datagram(), b = t_datagram();
    T(bind(a, AT_T(1), LEN));
    T(bind(b, ANY(2), LEN));
    T(sendto(a, "self", 4, 0, AT_T(2), LEN));
    T_WAIT(b, POLLIN);
    T(recvfrom(b, text, 20, 0, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    T(connect(a, AT_T(3), LEN));
    T(send(a, "x", 1, 0));
    T_WAIT(a, POLLERR);
    T(recv(a, text, 20, 0));
}

/* ---- errors ---- */

CASE(datagram_refused)
{
    char text[20];
    int t = t_datagram();
    T(connect(t, AT_P(1), LEN));
    T(send(t, "a", 1, 0));
    T_WAIT(t, POLLERR);
    T(recv(t, text, 20, MSG_DONTWAIT));
    T(recv(t, text, 20, MSG_DONTWAIT));
    T(send(t, "a", 1, 0));
    T_WAIT(t, POLLERR);
    T(send(t, "a", 1, 0)); /* takes the error, sends nothing */
    T_READY(t);
    T(send(t, "a", 1, 0));
    T_WAIT(t, POLLERR);
    T_GET(t, SOL_SOCKET, SO_ERROR);
    T_GET(t, SOL_SOCKET, SO_ERROR);
}

CASE(datagram_refused_unconnected)
{
    char text[20];
    int t = t_datagram();
    T(sendto(t, "a", 1, 0, AT_P(1), LEN));
    departed();
    arrived();
    T_READY(t);
    T(recv(t, text, 20, MSG_DONTWAIT));
}

CASE(datagram_peer_is_refused)
{
    char text[4];
    int p = p_datagram();
    P(connect(p, AT_T(1), LEN));
    P(send(p, "a", 1, 0));
    P_WAIT(p, POLLERR);
    P(recv(p, text, 4, MSG_DONTWAIT));
}

CASE(datagram_stranger_is_refused)
{
    char text[4];
    int t, p, other = p_datagram();
    datagram_pair(&t, &p);
    P(connect(other, AT_T(0), LEN));
    P(send(other, "a", 1, 0)); /* the port's only socket is connected elsewhere */
    P_WAIT(other, POLLERR);
    P(recv(other, text, 4, MSG_DONTWAIT));
}

static void read_error(int t)
{
    char text[20] = "";
    union {
        char bytes[256];
        struct cmsghdr align;
    } control;
    struct sockaddr_in name = {0}, offender = {0};
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_name = &name,
                       .msg_namelen = sizeof name,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control};
    struct sock_extended_err e;
    long n = T(recvmsg(t, &m, MSG_ERRQUEUE | MSG_DONTWAIT));
    if (n < 0)
        return;
    note_bytes(text, n);
    note_address(&name, m.msg_namelen);
    note("    flags %x", (unsigned)m.msg_flags);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (!c)
        return;
    memcpy(&e, CMSG_DATA(c), sizeof e);
    memcpy(&offender, CMSG_DATA(c) + sizeof e, sizeof offender);
    note("    level %d type %d length %zu", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
    note("    %s origin %u type %u code %u info %u data %u", strerrorname_np((int)e.ee_errno), e.ee_origin, e.ee_type,
         e.ee_code, e.ee_info, e.ee_data);
    note_address(&offender, sizeof offender);
}

CASE(datagram_error_queue)
{
    char text[4];
    int t = t_datagram();
    T_SET(t, IPPROTO_IP, IP_RECVERR, 1);
    read_error(t);
    T(sendto(t, "refuse me", 9, 0, AT_P(1), LEN));
    T_WAIT(t, POLLERR);
    T_GET(t, SOL_SOCKET, SO_ERROR);
    T_READY(t);
    read_error(t);
    read_error(t);
    T_READY(t);
    T(recv(t, text, 4, MSG_DONTWAIT));
}

CASE(datagram_error_queue_unreachable_host)
{
    int t = t_datagram();
    T_SET(t, IPPROTO_IP, IP_RECVERR, 1);
    T(sendto(t, "nobody", 6, 0, address_of(NOBODY_ELSE, 1), LEN)); /* whom no case before has missed */
    T_WAIT(t, POLLERR);
    read_error(t);
}

CASE(datagram_too_long_for_its_path)
{
    int t = t_datagram();
    T_SET(t, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    T(sendto(t, big, 1472, 0, AT_P(1), LEN));
    T(sendto(t, big, 1473, 0, AT_P(1), LEN));
    T_GET(t, SOL_SOCKET, SO_ERROR);
    T_SET(t, IPPROTO_IP, IP_RECVERR, 1);
    T(sendto(t, big, 1473, 0, AT_P(1), LEN));
    T_SET(t, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

/* ---- control messages ---- */

static void receive_controls(int t)
{
    char text[20] = "";
    union {
        char bytes[256];
        struct cmsghdr align;
    } control;
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    T(recvmsg(t, &m, 0));
    note("    flags %x, %zu bytes of control", (unsigned)m.msg_flags, (size_t)m.msg_controllen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        struct in_pktinfo info;
        int n = 0;
        if (c->cmsg_type == IP_PKTINFO) {
            memcpy(&info, CMSG_DATA(c), sizeof info);
            note("    pktinfo to %s", inet_ntoa(info.ipi_addr));
            note("    local %s, index %d", inet_ntoa(info.ipi_spec_dst), info.ipi_ifindex > 0);
        } else {
            memcpy(&n, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0) < sizeof n ? c->cmsg_len - CMSG_LEN(0) : sizeof n);
            note("    level %d type %d: %d (%zu)", c->cmsg_level, c->cmsg_type, n, (size_t)c->cmsg_len);
        }
    }
}

CASE(datagram_controls_received)
{
    int t, p;
    datagram_pair(&t, &p);
    T_SET(t, IPPROTO_IP, IP_PKTINFO, 1);
    T_SET(t, IPPROTO_IP, IP_RECVTTL, 1);
    T_SET(t, IPPROTO_IP, IP_RECVTOS, 1);
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_TTL, &(int){33}, sizeof(int)));
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_TOS, &(int){0x48}, sizeof(int)));
    P(send(p, "x", 1, 0));
    T_WAIT(t, POLLIN);
    receive_controls(t);
}

CASE(datagram_controls_cut)
{
    char text[20], control[8];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int t, p;
    datagram_pair(&t, &p);
    T_SET(t, IPPROTO_IP, IP_RECVTTL, 1);
    P(send(p, "x", 1, 0));
    P(send(p, "x", 1, 0));
    arrived();
    T(recvmsg(t, &m, 0));
    note("    flags %x, %zu bytes of control", (unsigned)m.msg_flags, (size_t)m.msg_controllen);
    m.msg_control = NULL;
    m.msg_controllen = 0;
    T(recvmsg(t, &m, 0));
    note("    flags %x, %zu bytes of control", (unsigned)m.msg_flags, (size_t)m.msg_controllen);
}

static long send_control(int t, int level, int type, const void *value, size_t length)
{
    union {
        char bytes[64];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec v = {"controlled", 10};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(length)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(c), value, length);
    return T(sendmsg(t, &m, 0));
}

CASE(datagram_segments_of_one_message)
{
    uint16_t four = 4, none = 0;
    char text[20];
    int t, p;
    datagram_pair(&t, &p);
    send_control(t, IPPROTO_UDP, UDP_SEGMENT, &four, sizeof four);
    for (int i = 0; i < 3; i++) {
        long n = P(recv(p, text, 20, 0));
        note_bytes(text, n);
    }
    send_control(t, IPPROTO_UDP, UDP_SEGMENT, &none, sizeof none);
    long n = P(recv(p, text, 20, 0));
    note_bytes(text, n);
    send_control(t, IPPROTO_UDP, UDP_SEGMENT, &four, 1);
    send_control(t, IPPROTO_UDP, UDP_SEGMENT, &(int){4}, sizeof(int));
    send_control(t, IPPROTO_UDP, UDP_CORK, &four, sizeof four);
    departed();
    P(recv(p, text, 20, MSG_DONTWAIT));
}

static void show_ttl_tos(int p)
{
    char text[20];
    union {
        char bytes[256];
        struct cmsghdr align;
    } control;
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control};
    must(kernel_peer.recvmsg(p, &m, 0), "recvmsg of the peer");
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        note("P type %d: %d", c->cmsg_type, *(unsigned char *)CMSG_DATA(c));
}

static void show_ttl_tos_of_next(int p)
{
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_RECVTTL, &(int){1}, sizeof(int)));
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_RECVTOS, &(int){1}, sizeof(int)));
}

CASE(datagram_controls_sent)
{
    int t, p;
    datagram_pair(&t, &p);
    show_ttl_tos_of_next(p);
    send_control(t, IPPROTO_IP, IP_TTL, &(int){9}, sizeof(int));
    show_ttl_tos(p);
    send_control(t, IPPROTO_IP, IP_TOS, &(int){0x20}, sizeof(int));
    show_ttl_tos(p);
    T_SET(t, IPPROTO_IP, IP_TTL, 11);
    T_SET(t, IPPROTO_IP, IP_TOS, 0x10);
    T(send(t, "x", 1, 0));
    show_ttl_tos(p);
}

CASE(datagram_controls_refused)
{
    int t, p;
    datagram_pair(&t, &p);
    send_control(t, IPPROTO_IP, IP_TTL, &(int){0}, sizeof(int));
    send_control(t, IPPROTO_IP, IP_TTL, &(int){256}, sizeof(int));
    send_control(t, IPPROTO_IP, IP_TTL, &(char){1}, 1);
    send_control(t, IPPROTO_IP, IP_TOS, &(int){300}, sizeof(int));
    send_control(t, IPPROTO_IP, 999, &(int){1}, sizeof(int));
    send_control(t, SOL_SOCKET, 999, &(int){1}, sizeof(int));
    send_control(t, 999, 1, &(int){1}, sizeof(int)); /* not ours: skipped */
    P(recv(p, big, 20, 0));
}

CASE(datagram_source_by_control)
{
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = inet_addr(T_ADDRESS)};
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    int t, p;
    datagram_pair(&t, &p);
    send_control(t, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    P(recvfrom(p, big, 20, 0, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    info.ipi_spec_dst.s_addr = inet_addr(NOWHERE);
    send_control(t, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    send_control(t, IPPROTO_IP, IP_PKTINFO, &info, 4);
}

/* ---- broadcast ---- */

CASE(broadcast_needs_permission)
{
    char text[20];
    int t = t_datagram(), p = p_datagram();
    MUST(kernel_peer.bind(p, ANY(1), LEN));
    T(sendto(t, "a", 1, 0, address_of(NET_BROADCAST, 1), LEN));
    T(connect(t, address_of(NET_BROADCAST, 1), LEN));
    T_SET(t, SOL_SOCKET, SO_BROADCAST, 1);
    T(sendto(t, "all", 3, 0, address_of(NET_BROADCAST, 1), LEN));
    P(recv(p, text, 20, 0));
    T(connect(t, address_of(NET_BROADCAST, 1), LEN));
    T(send(t, "all", 3, 0));
    P(recv(p, text, 20, 0));
    T_SET(t, SOL_SOCKET, SO_BROADCAST, 0);
}

CASE(broadcast_received)
{
    char text[20];
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    int any = t_datagram(), exact = t_datagram(), bound = t_datagram(), p = p_datagram();
    int fds[3] = {any, exact, bound};
    for (int i = 0; i < 3; i++)
        T_SET(fds[i], SOL_SOCKET, SO_REUSEADDR, 1);
    T(bind(any, ANY(1), LEN));
    T(bind(exact, AT_T(1), LEN));
    T(bind(bound, address_of(NET_BROADCAST, 1), LEN));
    MUST(kernel_peer.setsockopt(p, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int)));
    MUST(kernel_peer.bind(p, AT_P(2), LEN));
    P(sendto(p, "all", 3, 0, address_of(NET_BROADCAST, 1), LEN));
    arrived();
    T(recvfrom(any, text, 20, MSG_DONTWAIT, (struct sockaddr *)&from, &n));
    note_address(&from, n);
    T(recv(exact, text, 20, MSG_DONTWAIT));
    T(recv(bound, text, 20, MSG_DONTWAIT));
}

/* ---- multicast ---- */

static void request(struct ip_mreqn *m, const char *group, const char *local)
{
    *m = (struct ip_mreqn){.imr_ifindex = 0};
    inet_pton(AF_INET, group, &m->imr_multiaddr);
    inet_pton(AF_INET, local, &m->imr_address);
}

static void peer_sends_to_group(int p, const char *text)
{
    struct in_addr local = {.s_addr = inet_addr(P_ADDRESS)};
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local));
    must(kernel_peer.sendto(p, text, strlen(text), 0, address_of(GROUP, 1), LEN), "to the group");
    arrived();
}

CASE(multicast_join_and_leave)
{
    char text[20];
    struct ip_mreqn m;
    int t = t_datagram(), p = p_datagram();
    T(bind(t, ANY(1), LEN));
    peer_sends_to_group(p, "before");
    request(&m, GROUP, T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(struct ip_mreq)));
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(struct ip_mreq)));
    peer_sends_to_group(p, "joined");
    T(recv(t, text, 20, MSG_DONTWAIT));
    note_bytes(text, 6);
    T(setsockopt(t, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof m));
    peer_sends_to_group(p, "after");
    T(recv(t, text, 20, MSG_DONTWAIT));
}

CASE(multicast_odd_requests)
{
    struct ip_mreqn m;
    int t = t_datagram(), s = t_stream();
    request(&m, "192.0.2.7", T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    request(&m, GROUP, NOWHERE);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, 4));
    m.imr_ifindex = 999;
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    request(&m, GROUP, T_ADDRESS);
    T(setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
}

CASE(multicast_send)
{
    char text[20];
    struct ip_mreqn m;
    struct in_addr local = {.s_addr = inet_addr(T_ADDRESS)};
    int t = t_datagram(), p = p_datagram();
    MUST(kernel_peer.bind(p, ANY(1), LEN));
    request(&m, GROUP, P_ADDRESS);
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    show_ttl_tos_of_next(p);
    T(setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local));
    local.s_addr = 0;
    T(getsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &local, &(socklen_t){sizeof local}));
    note("    %s", inet_ntoa(local));
    T(sendto(t, "group", 5, 0, address_of(GROUP, 1), LEN));
    show_ttl_tos(p);
    T_SET(t, IPPROTO_IP, IP_MULTICAST_TTL, 5);
    T(sendto(t, "group", 5, 0, address_of(GROUP, 1), LEN));
    show_ttl_tos(p);
    T(recv(t, text, 20, MSG_DONTWAIT));
    local.s_addr = inet_addr(NOWHERE);
    T(setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local));
}

CASE(multicast_loop)
{
    char text[20];
    struct ip_mreqn m;
    struct in_addr local = {.s_addr = inet_addr(T_ADDRESS)};
    int t = t_datagram();
    T(bind(t, ANY(1), LEN));
    request(&m, GROUP, T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local));
    T(sendto(t, "loop", 4, 0, address_of(GROUP, 1), LEN));
    T_WAIT(t, POLLIN);
    T(recv(t, text, 20, MSG_DONTWAIT));
    T_SET(t, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    T(sendto(t, "loop", 4, 0, address_of(GROUP, 1), LEN));
    departed();
    T(recv(t, text, 20, MSG_DONTWAIT));
}

CASE(multicast_of_others)
{
    char text[20];
    struct ip_mreqn m;
    int member = t_datagram(), other = t_datagram(), deaf = t_datagram(), p = p_datagram();
    int fds[3] = {member, other, deaf};
    for (int i = 0; i < 3; i++) {
        T_SET(fds[i], SOL_SOCKET, SO_REUSEADDR, 1);
        T(bind(fds[i], ANY(1), LEN));
    }
    request(&m, GROUP, T_ADDRESS);
    T(setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    T_SET(deaf, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    peer_sends_to_group(p, "group");
    for (int i = 0; i < 3; i++)
        T(recv(fds[i], text, 20, MSG_DONTWAIT));
}

CASE(multicast_bound_to_group)
{
    char text[20];
    struct ip_mreqn m;
    int t = t_datagram(), p = p_datagram();
    T(bind(t, address_of(GROUP, 1), LEN));
    request(&m, GROUP, T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    peer_sends_to_group(p, "group");
    P(sendto(p, "host", 4, 0, AT_T(1), LEN));
    arrived();
    T(recv(t, text, 20, MSG_DONTWAIT));
    T(recv(t, text, 20, MSG_DONTWAIT));
}

CASE(multicast_closed_socket_left)
{
    char text[20];
    struct ip_mreqn m;
    int t = t_datagram(), other = t_datagram(), p = p_datagram();
    T(bind(other, ANY(1), LEN));
    request(&m, GROUP, T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    peer_sends_to_group(p, "one");
    T(recv(other, text, 20, MSG_DONTWAIT));
    T(close(t));
    peer_sends_to_group(p, "two");
    T(recv(other, text, 20, MSG_DONTWAIT));
}

/* ---- shutdown ---- */

CASE(datagram_shutdown)
{
    char text[20];
    int t, p;
    T(shutdown(t_datagram(), SHUT_RDWR));
    datagram_pair(&t, &p);
    P(send(p, "kept", 4, 0));
    arrived();
    T(shutdown(t, SHUT_RD));
    T_READY(t);
    T(recv(t, text, 20, 0));
    T(recv(t, text, 20, 0));
    P(send(p, "new", 3, 0));
    arrived();
    T(recv(t, text, 20, MSG_DONTWAIT));
    T(send(t, "out", 3, 0));
    T(shutdown(t, SHUT_WR));
    T_READY(t);
    T(send(t, "out", 3, 0));
    T(shutdown(t, 9));
}
