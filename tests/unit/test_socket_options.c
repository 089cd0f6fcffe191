/* SPDX-License-Identifier: MIT */
/*
 * Socket options of streams: values, ranges and errors of socket(7), tcp(7) and ip(7).
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "socket/linux_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/time.h>

static struct socket *one;

static int begin(void **state)
{
    (void)state;
    socket_rig_begin(&rig, NULL);
    one = sock_socket(&rig, 0, SOCK_STREAM);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sock_close(&rig, one);
    socket_rig_end(&rig);
    return 0;
}

static void integers_in_range_are_kept_and_others_refused(void **state)
{
    static const struct {
        int level, name, fallback, good, is, bad, error;
    } cases[] = {
        {SOL_SOCKET, SO_REUSEADDR, 0, 5, 1, 0, 0},
        {SOL_SOCKET, SO_REUSEPORT, 0, 1, 1, 0, 0},
        {SOL_SOCKET, SO_BROADCAST, 0, 1, 1, 0, 0},
        {SOL_SOCKET, SO_OOBINLINE, 0, 1, 1, 0, 0},
        {SOL_SOCKET, SO_KEEPALIVE, 0, 1, 1, 0, 0},
        {SOL_SOCKET, SO_SNDBUF, 262144, 50000, 100000, 0, 0},
        {SOL_SOCKET, SO_RCVBUF, 262144, 50000, 100000, 0, 0},
        {SOL_SOCKET, SO_SNDBUF, 262144, 1, 4608, 0, 0},
        {SOL_SOCKET, SO_RCVBUF, 262144, 1, 2304, 0, 0},
        {SOL_SOCKET, SO_RCVBUF, 262144, 1 << 30, 8 << 20, 0, 0},
        {SOL_SOCKET, SO_RCVLOWAT, 1, 100, 100, 0, 0},
        {SOL_SOCKET, SO_PRIORITY, 0, 6, 6, 7, -EPERM},
        {IPPROTO_TCP, TCP_NODELAY, 0, 1, 1, 0, 0},
        {IPPROTO_TCP, TCP_CORK, 0, 1, 1, 0, 0},
        {IPPROTO_TCP, TCP_MAXSEG, 536, 1000, 1000, 87, -EINVAL},
        {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 32767, 32767, 32768, -EINVAL},
        {IPPROTO_TCP, TCP_KEEPINTVL, 75, 1, 1, 0, -EINVAL},
        {IPPROTO_TCP, TCP_KEEPCNT, 9, 127, 127, 128, -EINVAL},
        {IPPROTO_TCP, TCP_SYNCNT, 6, 3, 3, 0, -EINVAL},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 30000, 30000, -1, -EINVAL},
        {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 3, 3, 0, 0},
        {IPPROTO_IP, IP_TTL, 64, 255, 255, 256, -EINVAL},
        {IPPROTO_IP, IP_TTL, 64, -1, 64, 0, -EINVAL},
        {IPPROTO_IP, IP_TOS, 0, 0xff, 0xfc, 0, 0},
        {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_DO, 9, -EINVAL},
        {IPPROTO_IP, IP_RECVERR, 0, 1, 1, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct socket *s = sock_socket(&rig, 0, SOCK_STREAM);
        assert_int_equal(sock_get(&rig, s, cases[i].level, cases[i].name), cases[i].fallback);
        assert_int_equal(sock_set(&rig, s, cases[i].level, cases[i].name, cases[i].good), 0);
        assert_int_equal(sock_get(&rig, s, cases[i].level, cases[i].name), cases[i].is);
        assert_int_equal(sock_set(&rig, s, cases[i].level, cases[i].name, cases[i].bad), cases[i].error);
        if (cases[i].error)
            assert_int_equal(sock_get(&rig, s, cases[i].level, cases[i].name), cases[i].is);
        sock_close(&rig, s);
    }
    printf("%zu options\n", sizeof cases / sizeof *cases);
}

static void what_can_only_be_read(void **state)
{
    (void)state;
    assert_int_equal(sock_get(&rig, one, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(sock_get(&rig, one, SOL_SOCKET, SO_DOMAIN), AF_INET);
    assert_int_equal(sock_get(&rig, one, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    assert_int_equal(sock_get(&rig, one, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(sock_get(&rig, one, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(sock_set(&rig, one, SOL_SOCKET, SO_TYPE, 1), -ENOPROTOOPT);
    assert_int_equal(sock_set(&rig, one, SOL_SOCKET, SO_ERROR, 1), -ENOPROTOOPT);
}

static void bad_arguments_are_named(void **state)
{
    int n = 1;
    socklen_t length = sizeof n;
    (void)state;
    assert_int_equal(socket_set_option(one, SOL_SOCKET, SO_REUSEADDR, NULL, sizeof n, rig.now), -EFAULT);
    assert_int_equal(socket_set_option(one, SOL_SOCKET, SO_REUSEADDR, &n, 3, rig.now), -EINVAL);
    assert_int_equal(socket_set_option(one, SOL_SOCKET, 9999, &n, sizeof n, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_set_option(one, IPPROTO_TCP, 9999, &n, sizeof n, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_set_option(one, IPPROTO_IP, 9999, &n, sizeof n, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_set_option(one, IPPROTO_IPV6, IPV6_V6ONLY, &n, sizeof n, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_set_option(one, 9999, 1, &n, sizeof n, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_get_option(one, SOL_SOCKET, 9999, &n, &length, rig.now), -ENOPROTOOPT);
    assert_int_equal(socket_get_option(one, SOL_SOCKET, SO_TYPE, NULL, &length, rig.now), -EFAULT);
    length = 2; /* the first bytes */
    assert_int_equal(socket_get_option(one, SOL_SOCKET, SO_TYPE, &n, &length, rig.now), 0);
    assert_int_equal(length, 2);
    assert_int_equal(n, SOCK_STREAM);
}

static void timeouts_are_kept_for_the_front(void **state)
{
    struct timeval t = {.tv_sec = 1, .tv_usec = 500000}, got, wrong = {.tv_usec = 1000000};
    socklen_t length = sizeof got;
    struct socket_waiting w;
    (void)state;
    assert_int_equal(socket_set_option(one, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t, rig.now), 0);
    assert_int_equal(socket_get_option(one, SOL_SOCKET, SO_RCVTIMEO, &got, &length, rig.now), 0);
    assert_memory_equal(&t, &got, sizeof t);
    socket_waiting(one, &w);
    assert_int_equal(w.receive_timeout_ns, 1500 * NS_PER_MS);
    assert_int_equal(w.send_timeout_ns, 0);
    assert_int_equal(socket_set_option(one, SOL_SOCKET, SO_SNDTIMEO, &wrong, sizeof wrong, rig.now), -EDOM);
    assert_int_equal(socket_set_option(one, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t - 1, rig.now), -EINVAL);
}

static void one_byte_is_enough_for_ip(void **state)
{
    uint8_t ttl = 9, got = 0;
    socklen_t length = 1;
    (void)state;
    assert_int_equal(socket_set_option(one, IPPROTO_IP, IP_TTL, &ttl, 1, rig.now), 0);
    assert_int_equal(socket_get_option(one, IPPROTO_IP, IP_TTL, &got, &length, rig.now), 0);
    assert_int_equal(got, 9);
    assert_int_equal(socket_set_option(one, IPPROTO_IP, IP_TTL, &ttl, 0, rig.now), -EINVAL);
}

static void congestion_control_has_a_name(void **state)
{
    char name[16];
    socklen_t length = sizeof name;
    (void)state;
    assert_int_equal(socket_get_option(one, IPPROTO_TCP, TCP_CONGESTION, name, &length, rig.now), 0);
    assert_string_equal(name, "cubic");
    assert_int_equal(length, 16);
    assert_int_equal(socket_set_option(one, IPPROTO_TCP, TCP_CONGESTION, "reno", 4, rig.now), 0);
    assert_int_equal(socket_get_option(one, IPPROTO_TCP, TCP_CONGESTION, name, &length, rig.now), 0);
    assert_string_equal(name, "reno");
    assert_int_equal(socket_set_option(one, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5, rig.now), -ENOENT);
}

static void options_change_a_connection_that_lives(void **state)
{
    struct socket *s[2];
    char b[64];
    (void)state;
    sock_pair(&rig, s);
    assert_int_equal(sock_get(&rig, s[0], IPPROTO_TCP, TCP_MAXSEG), 1448);
    assert_int_equal(sock_send(&rig, s[0], "a", 1, 0), 1);
    assert_int_equal(sock_send(&rig, s[0], "b", 1, 0), 1);
    stack_transmit(rig.stacks[0], rig.now); /* one of them goes, Nagle keeps the other */
    stack_receive(rig.stacks[1], rig.now);
    assert_int_equal(sock_receive(&rig, s[1], b, sizeof b, 0), 2); /* promised together, they went together */
    assert_int_equal(sock_set(&rig, s[0], SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, TCP_KEEPIDLE, 10), 0);
    assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, TCP_KEEPCNT, 2), 0);
    assert_int_equal(sock_set(&rig, s[0], IPPROTO_TCP, TCP_KEEPINTVL, 5), 0);
    socket_rig_pass(&rig, 60 * NS_PER_S);
    assert_true(tcp_counters(stack_tcp(rig.stacks[0]))->keepalive_probes >= 4);
    assert_int_equal(sock_get(&rig, s[0], SOL_SOCKET, SO_ERROR), 0);
    rig.cut = true;
    socket_rig_pass(&rig, 60 * NS_PER_S);
    assert_int_equal(sock_get(&rig, s[0], SOL_SOCKET, SO_ERROR), ETIMEDOUT);
    rig.cut = false;
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void accepted_sockets_have_their_listeners_options(void **state)
{
    struct socket *listener = sock_listener(&rig, 1, 80, 5);
    (void)state;
    assert_int_equal(sock_set(&rig, listener, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    assert_int_equal(sock_set(&rig, listener, SOL_SOCKET, SO_RCVBUF, 30000), 0);
    assert_int_equal(sock_set(&rig, listener, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    assert_int_equal(sock_connect(&rig, one, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    struct socket *s = sock_accept(listener);
    assert_int_equal(sock_get(&rig, s, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(sock_get(&rig, s, SOL_SOCKET, SO_RCVBUF), 60000);
    assert_int_equal(sock_get(&rig, s, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(sock_get(&rig, s, SOL_SOCKET, SO_REUSEADDR), 1);
    sock_close(&rig, s);
    sock_close(&rig, listener);
}

static void tcp_info_says_what_is(void **state)
{
    struct linux_tcp_info i;
    socklen_t length = sizeof i;
    struct socket *s[2], *listener;
    (void)state;
    assert_int_equal(socket_get_option(one, IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(length, sizeof i);
    assert_int_equal(i.tcpi_state, 7); /* TCP_CLOSE */
    sock_pair(&rig, s);
    assert_int_equal(sock_send(&rig, s[0], "abc", 3, 0), 3);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(socket_get_option(s[0], IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(i.tcpi_state, 1);
    assert_int_equal(i.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE),
                     TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
    assert_int_equal(i.tcpi_bytes_acked, 3);
    assert_int_equal(i.tcpi_snd_mss, 1448);
    assert_int_equal(i.tcpi_snd_cwnd, 10);
    assert_int_equal(i.tcpi_unacked, 0);
    assert_int_equal(i.tcpi_notsent_bytes, 0);
    assert_int_equal(i.tcpi_advmss, 1460);
    assert_int_equal(i.tcpi_ca_state, TCP_CA_Open);
    length = 8;
    assert_int_equal(socket_get_option(s[1], IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(length, 8);
    listener = sock_listener(&rig, 1, 81, 5);
    assert_int_equal(socket_get_option(listener, IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(i.tcpi_state, 10);
    sock_close(&rig, listener);
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void tcp_info_counts_what_is_on_its_way(void **state)
{
    static char bytes[20 * 1448];
    struct linux_tcp_info i;
    socklen_t length = sizeof i;
    struct socket *s[2];
    (void)state;
    sock_pair(&rig, s);
    rig.cut = true;
    assert_int_equal(sock_send(&rig, s[0], bytes, sizeof bytes, 0), sizeof bytes);
    socket_rig_settle(&rig);
    assert_int_equal(socket_get_option(s[0], IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(i.tcpi_unacked, 10);
    assert_int_equal(i.tcpi_notsent_bytes, 10 * 1448);
    assert_int_equal(i.tcpi_bytes_sent, 10 * 1448);
    socket_rig_pass(&rig, 500 * NS_PER_MS);
    assert_int_equal(socket_get_option(s[0], IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(i.tcpi_ca_state, TCP_CA_Loss);
    assert_true(i.tcpi_retransmits > 0 && i.tcpi_backoff > 0);
    assert_true(i.tcpi_unacked >= 10 && i.tcpi_lost >= 9 && i.tcpi_retrans > 0);
    assert_int_equal(i.tcpi_sacked, 0);
    assert_int_equal(i.tcpi_notsent_bytes, sizeof bytes - i.tcpi_unacked * 1448); /* what is lost was sent */
    rig.cut = false;
    socket_rig_pass(&rig, 10 * NS_PER_S);
    assert_int_equal(socket_get_option(s[0], IPPROTO_TCP, TCP_INFO, &i, &length, rig.now), 0);
    assert_int_equal(i.tcpi_unacked + i.tcpi_lost + i.tcpi_retrans + i.tcpi_notsent_bytes, 0);
    assert_int_equal(i.tcpi_ca_state, TCP_CA_Open);
    sock_close(&rig, s[0]);
    socket_rig_settle(&rig);
    sock_close(&rig, s[1]);
}

static void memory_is_counted_as_linux_names_it(void **state)
{
    uint32_t m[9];
    socklen_t length = sizeof m;
    struct socket *s[2];
    char name[16];
    (void)state;
    sock_pair(&rig, s);
    rig.cut = true;
    assert_int_equal(sock_send(&rig, s[0], "abc", 3, 0), 3);
    assert_int_equal(socket_get_option(s[0], SOL_SOCKET, SO_MEMINFO, m, &length, rig.now), 0);
    assert_int_equal(length, sizeof m);
    assert_int_equal(m[0], 0);
    assert_int_equal(m[1], sock_get(&rig, s[0], SOL_SOCKET, SO_RCVBUF));
    assert_int_equal(m[2], 3);
    assert_int_equal(m[3], sock_get(&rig, s[0], SOL_SOCKET, SO_SNDBUF));
    length = 8;
    assert_int_equal(socket_get_option(s[0], SOL_SOCKET, SO_MEMINFO, m, &length, rig.now), 0);
    assert_int_equal(length, 8);
    length = sizeof name;
    assert_int_equal(socket_get_option(s[0], IPPROTO_TCP, TCP_CC_INFO, name, &length, rig.now), 0);
    assert_int_equal(length, 0); /* cubic has none */
    rig.cut = false;
    sock_close(&rig, s[0]);
    sock_close(&rig, s[1]);
}

static void ipv6_sockets_say_mapped_addresses(void **state)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(80)}, name;
    socklen_t length = sizeof name;
    struct socket *six, *only, *s;
    (void)state;
    assert_int_equal(socket_open(rig.layers[1], AF_INET6, SOCK_STREAM, 0, &six), 0);
    assert_int_equal(socket_open(rig.layers[1], AF_INET6, SOCK_STREAM, 0, &only), 0);
    assert_int_equal(socket_bind(six, (const struct sockaddr *)(const void *)&a, sizeof a, rig.now), 0);
    assert_int_equal(socket_listen(six, 5, rig.now), 0);
    assert_int_equal(sock_set(&rig, only, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    assert_int_equal(sock_get(&rig, only, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    assert_int_equal(socket_bind(only, (const struct sockaddr *)(const void *)&a, sizeof a, rig.now), -EADDRINUSE);
    a.sin6_port = htons(81);
    assert_int_equal(socket_bind(only, (const struct sockaddr *)(const void *)&a, sizeof a, rig.now), 0);
    assert_int_equal(sock_set(&rig, only, IPPROTO_IPV6, IPV6_V6ONLY, 0), -EINVAL);
    assert_int_equal(sock_connect(&rig, one, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(&rig);
    assert_int_equal(socket_accept(six, (struct sockaddr *)(void *)&name, &length, &s), 0);
    assert_int_equal(length, sizeof name);
    assert_int_equal(name.sin6_family, AF_INET6);
    assert_true(IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
    a.sin6_addr.s6_addr[0] = 0x20; /* 2000::, to which there is no way */
    assert_int_equal(socket_connect(only, (const struct sockaddr *)(const void *)&a, sizeof a, rig.now), -ENETUNREACH);
    sock_close(&rig, s);
    sock_close(&rig, six);
    sock_close(&rig, only);
}

static void too_many_different_profiles(void **state)
{
    static struct socket *s[64];
    int n = 0;
    (void)state;
    for (; n < 64; n++) {
        s[n] = sock_socket(&rig, 0, SOCK_STREAM);
        int e = sock_set(&rig, s[n], IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 + n);
        assert_true(e == 0 || e == -ENOBUFS);
        if (e)
            break;
    }
    assert_int_equal(n, 63); /* and the one of new sockets */
    for (int i = 0; i <= n; i++)
        sock_close(&rig, s[i]);
    assert_int_equal(sock_set(&rig, one, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(integers_in_range_are_kept_and_others_refused),
        T(what_can_only_be_read),
        T(bad_arguments_are_named),
        T(timeouts_are_kept_for_the_front),
        T(one_byte_is_enough_for_ip),
        T(congestion_control_has_a_name),
        T(options_change_a_connection_that_lives),
        T(accepted_sockets_have_their_listeners_options),
        T(tcp_info_says_what_is),
        T(tcp_info_counts_what_is_on_its_way),
        T(memory_is_counted_as_linux_names_it),
        T(ipv6_sockets_say_mapped_addresses),
        T(too_many_different_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
