/* SPDX-License-Identifier: MIT */
/*
 * Socket options. Most are rows of one table, from which three cases come each: what it is at first and after it was set, what the limits of its values are,
 * and how it refuses wrong lengths, pointers and sockets.
 */
#include "semantics.h"

#define MOST_VALUES 12

enum { STREAM = 1, DATAGRAM = 2, RAW = 4 };
static const int types[3] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};

struct option {
    int level, name;
    const char *text;
    unsigned kinds; /* of sockets */
    int usual;
    int values[MOST_VALUES]; /* limits, and beyond them; 0x7ffffffe ends them */
};
#define END 0x7ffffffe
#define OPTION(level, name) level, name, #name
#define BOTH (STREAM | DATAGRAM)

static const struct option options[] = {
    {OPTION(SOL_SOCKET, SO_REUSEADDR), BOTH, 1, {0, 2, -1, END}},
    {OPTION(SOL_SOCKET, SO_REUSEPORT), BOTH, 1, {0, 2, -1, END}},
    {OPTION(SOL_SOCKET, SO_BROADCAST), BOTH, 1, {0, 2, -1, END}},
    {OPTION(SOL_SOCKET, SO_KEEPALIVE), BOTH, 1, {0, 2, -1, END}},
    {OPTION(SOL_SOCKET, SO_OOBINLINE), BOTH, 1, {0, 2, -1, END}},
    {OPTION(SOL_SOCKET, SO_PRIORITY), BOTH, 3, {0, 6, 4, END}},
    {OPTION(SOL_SOCKET, SO_RCVLOWAT), BOTH, 100, {0, 1, END}},
    {OPTION(SOL_SOCKET, SO_SNDLOWAT), BOTH, 1, {1, END}},
    {OPTION(SOL_SOCKET, SO_RCVBUF), BOTH, 50000, {0, 1, 1152, 1153, 100000, END}},
    {OPTION(SOL_SOCKET, SO_SNDBUF), BOTH, 50000, {0, 1, 2304, 2305, 100000, END}},
    {OPTION(SOL_SOCKET, SO_ERROR), BOTH, 1, {0, END}},
    {OPTION(SOL_SOCKET, SO_TYPE), BOTH, 1, {0, END}},
    {OPTION(SOL_SOCKET, SO_DOMAIN), BOTH, 1, {0, END}},
    {OPTION(SOL_SOCKET, SO_PROTOCOL), BOTH, 1, {0, END}},
    {OPTION(SOL_SOCKET, SO_ACCEPTCONN), BOTH, 1, {0, END}},
    {OPTION(IPPROTO_TCP, TCP_NODELAY), BOTH, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_CORK), BOTH, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_MAXSEG), BOTH, 1000, {0, 87, 88, 32767, 32768, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_KEEPIDLE), BOTH, 60, {0, 1, 32767, 32768, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_KEEPINTVL), BOTH, 60, {0, 1, 32767, 32768, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_KEEPCNT), BOTH, 5, {0, 1, 127, 128, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_SYNCNT), BOTH, 3, {0, 1, 127, 128, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT), BOTH, 1500, {0, 1, 2147483646, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT), BOTH, 7, {0, 1, 3, 4, 1000, -1, END}},
    {OPTION(IPPROTO_TCP, TCP_QUICKACK), BOTH, 1, {0, 1, END}},
    {OPTION(IPPROTO_IP, IP_TTL), BOTH | RAW, 9, {-1, 0, 1, 255, 256, -2, END}},
    {OPTION(IPPROTO_IP, IP_TOS), BOTH | RAW, 0x48, {0, 3, 0xff, 0x100, -1, END}},
    {OPTION(IPPROTO_IP, IP_MTU_DISCOVER), BOTH | RAW, IP_PMTUDISC_DO, {0, 1, 2, 3, 4, 5, 6, -1, END}},
    {OPTION(IPPROTO_IP, IP_RECVERR), BOTH | RAW, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_IP, IP_PKTINFO), BOTH | RAW, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_IP, IP_RECVTTL), BOTH | RAW, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_IP, IP_RECVTOS), BOTH | RAW, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_IP, IP_HDRINCL), BOTH | RAW, 1, {0, 2, -1, END}},
    {OPTION(IPPROTO_IP, IP_MULTICAST_TTL), BOTH | RAW, 7, {-1, 0, 255, 256, -2, END}},
    {OPTION(IPPROTO_IP, IP_MULTICAST_LOOP), BOTH | RAW, 0, {0, 1, 2, END}},
    {OPTION(IPPROTO_IP, IP_MULTICAST_ALL), BOTH | RAW, 0, {0, 1, 2, END}},
    {OPTION(IPPROTO_UDP, UDP_CORK), BOTH, 0, {0, END}},
    {OPTION(IPPROTO_UDP, UDP_SEGMENT), BOTH, 1000, {0, 1, 65535, 65536, -1, END}},
    {OPTION(IPPROTO_IP, 9999), BOTH, 1, {0, END}},
    {OPTION(IPPROTO_TCP, 9998), BOTH, 1, {0, END}},
    {OPTION(SOL_SOCKET, 9997), BOTH, 1, {0, END}},
    {OPTION(9996, 1), BOTH, 1, {0, END}},
};

static int made(unsigned kind)
{
    static const char *const names[3] = {"a stream", "a datagram socket", "a raw socket"};
    note("of %s", names[kind]);
    return T_FD(socket(AF_INET, types[kind], kind == 2 ? IPPROTO_ICMP : 0));
}

static void get(int fd, const struct option *o)
{
    int value = 0;
    socklen_t n = sizeof value;
    if (T(getsockopt(fd, o->level, o->name, &value, &n)) == 0)
        note("    %s %d [%u]", o->text, value, n);
}

static void set(int fd, const struct option *o, int value)
{
    note("  %d", value);
    T(setsockopt(fd, o->level, o->name, &value, sizeof value));
}

static bool is_buffer(const struct option *o)
{
    return o->level == SOL_SOCKET && (o->name == SO_RCVBUF || o->name == SO_SNDBUF);
}

static void usual(const struct option *o)
{
    for (unsigned k = 0; k < 3; k++) {
        if (!(o->kinds >> k & 1))
            continue;
        int fd = made(k);
        if (!is_buffer(o)) /* defaults are a system's own */
            get(fd, o);
        set(fd, o, o->usual);
        get(fd, o);
    }
}

static void edges(const struct option *o)
{
    for (unsigned k = 0; k < 3; k++) {
        if (!(o->kinds >> k & 1))
            continue;
        int fd = made(k);
        for (unsigned i = 0; i < MOST_VALUES && o->values[i] != END; i++) {
            set(fd, o, o->values[i]);
            get(fd, o);
        }
    }
}

static void errors(const struct option *o)
{
    for (unsigned k = 0; k < 3; k++) {
        if (!(o->kinds >> k & 1))
            continue;
        int fd = made(k);
        int64_t value = o->usual;
        note("%s", o->text);
        if (test_end->getsockopt(fd, o->level, o->name, &(int){0}, &(socklen_t){4}) <
            0) { /* unknown, whatever is said */
            T(setsockopt(fd, o->level, o->name, &value, 4));
            T(getsockopt(fd, o->level, o->name, &value, &(socklen_t){4}));
            continue;
        }
        T(setsockopt(fd, o->level, o->name, &value, 0));
        T(setsockopt(fd, o->level, o->name, &value, 1));
        T(setsockopt(fd, o->level, o->name, &value, 3));
        T(setsockopt(fd, o->level, o->name, &value, 8));
        T(setsockopt(fd, o->level, o->name, NULL, 4));
        for (int given = -1; given <= 8; given += 3) {
            int64_t got = -1;
            socklen_t n = (socklen_t)given;
            note("  length %d", given);
            if (T(getsockopt(fd, o->level, o->name, &got, &n)) == 0)
                note("    [%u] %llx", n, is_buffer(o) ? 0 : (unsigned long long)got);
        }
        T(getsockopt(fd, o->level, o->name, NULL, &(socklen_t){4}));
        T(getsockopt(fd, o->level, o->name, &value, NULL));
    }
}

/* The same on a connection, where options take effect at once. */
static void connected(const struct option *o)
{
    int t, p;
    if (!(o->kinds & STREAM) || is_buffer(o) || o->name == TCP_MAXSEG || o->name == TCP_QUICKACK)
        return;
    stream_pair(&t, &p);
    set(t, o, o->usual);
    get(t, o);
    T(send(t, "works", 5, 0));
    char text[5];
    P(recv(p, text, 5, MSG_WAITALL));
}

static const struct {
    const char *suffix;
    void (*run)(const struct option *o);
} parts[4] = {{"usual", usual}, {"edges", edges}, {"errors", errors}, {"connected", connected}};

#define N_OPTIONS (sizeof options / sizeof *options)
static struct semantics_case option_cases[4 * N_OPTIONS];
static char option_names[4 * N_OPTIONS][64];

static void run_option(void)
{
    size_t i = (size_t)(case_running() - option_cases);
    parts[i % 4].run(&options[i / 4]);
}

__attribute__((constructor)) static void register_options(void)
{
    for (size_t i = 0; i < 4 * N_OPTIONS; i++) {
        snprintf(option_names[i], sizeof option_names[i], "option_%s_%s", options[i / 4].text, parts[i % 4].suffix);
        option_cases[i] = (struct semantics_case){.name = option_names[i], .run = run_option};
        if (i % 4 != 3 || (options[i / 4].kinds & STREAM))
            case_register(&option_cases[i]);
    }
}

/* ---- those of other shapes ---- */

CASE(option_timeouts)
{
    static const struct timeval values[] = {{1, 500000}, {0, 0}, {-1, 0}, {0, -1}, {0, 1000000}, {0, 500000}, {0, 1}};
    static const int names[2] = {SO_RCVTIMEO, SO_SNDTIMEO};
    int fd = t_stream();
    for (unsigned i = 0; i < 14; i++) {
        struct timeval t = values[i / 2];
        socklen_t n = sizeof t;
        note("  %ld.%06ld", (long)t.tv_sec, (long)t.tv_usec);
        T(setsockopt(fd, SOL_SOCKET, names[i % 2], &t, sizeof t));
        T(getsockopt(fd, SOL_SOCKET, names[i % 2], &t, &n));
        note("    %ld.%s [%u]", (long)t.tv_sec, t.tv_usec == 0 ? "0" : "something", n);
    }
    T(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &values[0], 8));
    T(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &values[0], 0));
    struct timeval t;
    socklen_t n = 8;
    T(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &n));
    note("    [%u]", n);
}

CASE(option_congestion)
{
    char name[20];
    socklen_t n;
    int fd = t_stream();
    static const char *const wanted[] = {"reno", "cubic", "nonsense", "reno\0junk", ""};
    for (unsigned i = 0; i < 5; i++) {
        memset(name, 'x', sizeof name);
        n = sizeof name;
        T(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, wanted[i], (socklen_t)strlen(wanted[i]) + (i == 3) * 5));
        T(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n));
        note("    %.16s [%u]", name, n);
    }
    n = 3;
    T(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n));
    note("    %.3s [%u]", name, n);
    T(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 0));
    T(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, NULL, 4));
}

CASE(option_congestion_connected)
{
    char text[4];
    int t, p;
    stream_pair(&t, &p);
    T(setsockopt(t, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    T(send(t, "abcd", 4, 0));
    P(recv(p, text, 4, MSG_WAITALL));
}

static void show_info(int t, const char *when)
{
    struct tcp_info i;
    socklen_t n = sizeof i;
    memset(&i, 0, sizeof i);
    T(getsockopt(t, IPPROTO_TCP, TCP_INFO, &i, &n));
    note("    %s: state %u ca_state %u retransmits %u probes %u backoff %u unacked %u sacked %u lost %u retrans %u",
         when, i.tcpi_state, i.tcpi_ca_state, i.tcpi_retransmits, i.tcpi_probes, i.tcpi_backoff, i.tcpi_unacked,
         i.tcpi_sacked, i.tcpi_lost, i.tcpi_retrans);
    note("    options %x snd_mss %u pmtu %u reordering %u total_retrans %u", i.tcpi_options, i.tcpi_snd_mss,
         i.tcpi_pmtu, i.tcpi_reordering, i.tcpi_total_retrans);
    note("    bytes %llu acked %llu received %llu notsent %u", (unsigned long long)i.tcpi_bytes_sent,
         (unsigned long long)i.tcpi_bytes_acked, (unsigned long long)i.tcpi_bytes_received, i.tcpi_notsent_bytes);
    note("    rtt %d rto %d cwnd %d", i.tcpi_rtt > 0, i.tcpi_rto >= 200000, i.tcpi_snd_cwnd >= 10);
}

CASE(option_info)
{
    char text[5];
    int t, p;
    show_info(t_stream(), "new");
    stream_pair(&t, &p);
    show_info(t, "connected");
    T(send(t, "hello", 5, 0));
    P(recv(p, text, 5, MSG_WAITALL));
    P(send(p, "hi", 2, 0));
    T(recv(t, text, 2, MSG_WAITALL));
    settle(t, p);
    show_info(t, "after data");
    T(shutdown(t, SHUT_WR));
    departed();
    arrived();
    show_info(t, "half closed");
}

CASE(option_info_of_a_listener)
{
    int a = t_listener(1, 17);
    struct tcp_info i = {0};
    socklen_t n = sizeof i;
    T(getsockopt(a, IPPROTO_TCP, TCP_INFO, &i, &n));
    note("    state %u queue %u of %u", i.tcpi_state, i.tcpi_unacked, i.tcpi_sacked);
    n = 8;
    T(getsockopt(a, IPPROTO_TCP, TCP_INFO, &i, &n));
    note("    [%u]", n);
    T(setsockopt(a, IPPROTO_TCP, TCP_INFO, &i, sizeof i));
}

CASE(option_maxseg_connected)
{
    int t = t_stream(), a = p_listener(1);
    T_SET(t, IPPROTO_TCP, TCP_MAXSEG, 600);
    T(connect(t, AT_P(1), LEN));
    T_GET(t, IPPROTO_TCP, TCP_MAXSEG);
    int p = P_FD(accept(a, NULL, NULL)), mss = 0;
    socklen_t n = sizeof mss;
    P(getsockopt(p, IPPROTO_TCP, TCP_MAXSEG, &mss, &n));
    note("    %d", mss);
    int u, q;
    stream_pair(&u, &q);
    T_GET(u, IPPROTO_TCP, TCP_MAXSEG);
}

CASE(option_defer_accept)
{
    int a = t_stream(), p = p_stream();
    T_SET(a, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
    T(bind(a, AT_T(1), LEN));
    T(listen(a, 4));
    P(connect(p, AT_T(1), LEN));
    arrived();
    T_READY(a);
    P(send(p, "data", 4, 0));
    T_WAIT(a, POLLIN);
    int c = T_FD(accept(a, NULL, NULL));
    T_READY(c);
}

CASE(option_mtu)
{
    int t = t_datagram(), c = t_stream(), a = p_listener(1);
    T_GET(t, IPPROTO_IP, IP_MTU);
    T(connect(t, AT_P(1), LEN));
    T_GET(t, IPPROTO_IP, IP_MTU);
    T(connect(c, AT_P(1), LEN));
    T_GET(c, IPPROTO_IP, IP_MTU);
    T_SET(c, IPPROTO_IP, IP_MTU, 100);
    P_FD(accept(a, NULL, NULL));
}

CASE(option_buffers_of_a_connection)
{
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_RCVBUF, 30000);
    T_GET(t, SOL_SOCKET, SO_RCVBUF);
    T_SET(t, SOL_SOCKET, SO_SNDBUF, 30000);
    T_GET(t, SOL_SOCKET, SO_SNDBUF);
    T_SET(t, SOL_SOCKET, SO_RCVBUFFORCE, 300000);
    T_GET(t, SOL_SOCKET, SO_RCVBUF);
}

CASE(option_bind_to_device)
{
    int t = t_datagram();
    T(setsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, "nothere", 8));
    char name[16] = "x";
    socklen_t n = sizeof name;
    T(getsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, name, &n));
    note("    [%u]", n);
}

CASE(option_keepalive_goes_on)
{
    int t, p;
    stream_pair(&t, &p);
    T_SET(t, SOL_SOCKET, SO_KEEPALIVE, 1);
    T_SET(t, IPPROTO_TCP, TCP_KEEPIDLE, 1);
    T_SET(t, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    T_SET(t, IPPROTO_TCP, TCP_KEEPCNT, 2);
    struct pollfd f = {.fd = t, .events = POLLIN};
    T(poll(&f, 1, 1500)); /* a probe has been answered */
    T_GET(t, SOL_SOCKET, SO_ERROR);
}
