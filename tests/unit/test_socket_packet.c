/* SPDX-License-Identifier: MIT */
/*
 * Packet sockets between two stacks: packet(7).
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "stack/control.h"
#include "wire/eth.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

static int begin(void **state)
{
    (void)state;
    socket_rig_begin(&rig, NULL);
    for (unsigned i = 0; i < 2; i++)
        rig.guards[i].rules.allow_ethertypes = true;
    return 0;
}

static struct socket *open_packet(unsigned side, int type, uint16_t protocol)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[side], AF_PACKET, type, htons(protocol), &s), 0);
    return s;
}

static struct sockaddr_ll name_of(int ifindex, uint16_t protocol, const uint8_t *mac)
{
    struct sockaddr_ll a = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = ifindex, .sll_halen = 6};
    if (mac)
        memcpy(a.sll_addr, mac, 6);
    return a;
}

static int bind_to(struct socket *s, int ifindex, uint16_t protocol)
{
    struct sockaddr_ll a = name_of(ifindex, protocol, NULL);
    return socket_bind(s, (const struct sockaddr *)(const void *)&a, sizeof a, rig.now);
}

static ssize_t send_to(struct socket *s, const struct sockaddr_ll *to, const void *bytes, size_t length)
{
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {
        .msg_name = (void *)(uintptr_t)to, .msg_namelen = to ? sizeof *to : 0, .msg_iov = &v, .msg_iovlen = 1};
    ssize_t n = socket_send(s, &m, 0, rig.now);
    socket_rig_settle(&rig);
    return n;
}

static uint8_t got[2048];
static struct sockaddr_ll from;

static ssize_t take(struct socket *s)
{
    struct iovec v = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1};
    return socket_receive(s, &m, 0, rig.now);
}

static void ping_side_one(struct socket *udp)
{
    struct sockaddr_in a = sock_address(RIG_ADDRESS(1), 9);
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &v, .msg_iovlen = 1};
    assert_int_equal(socket_send(udp, &m, 0, rig.now), 1);
    socket_rig_settle(&rig);
}

static void all_frames_are_seen_both_ways(void **state)
{
    struct socket *all = open_packet(1, SOCK_RAW, ETH_P_ALL), *arp = open_packet(1, SOCK_RAW, ETH_P_ARP),
                  *none = open_packet(1, SOCK_RAW, 0), *udp = sock_socket(&rig, 0, SOCK_DGRAM);
    static const struct {
        uint16_t ethertype;
        uint8_t type;
    } expected[] = {{ETH_P_ARP, PACKET_BROADCAST},
                    {ETH_P_ARP, PACKET_OUTGOING},
                    {ETH_P_IP, PACKET_HOST},
                    {ETH_P_IP, PACKET_OUTGOING}}; /* who has, is at, datagram, port unreachable */
    (void)state;
    ping_side_one(udp);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(take(all) > 14);
        assert_int_equal(ntohs(from.sll_protocol), expected[i].ethertype);
        assert_int_equal(got[12] << 8 | got[13], expected[i].ethertype);
        assert_int_equal(from.sll_pkttype, expected[i].type);
        assert_int_equal(from.sll_ifindex, 1);
        assert_int_equal(from.sll_halen, 6);
        assert_memory_equal(from.sll_addr, got + 6, 6);
    }
    assert_int_equal(take(all), -EAGAIN);
    assert_true(take(arp) > 14); /* the request only: what leaves is for ETH_P_ALL */
    assert_int_equal(take(arp), -EAGAIN);
    assert_int_equal(take(none), -EAGAIN);
    sock_close(&rig, all);
    sock_close(&rig, arp);
    sock_close(&rig, none);
    sock_close(&rig, udp);
}

static void bind_chooses_interface_and_protocol(void **state)
{
    struct socket *s = open_packet(1, SOCK_DGRAM, 0), *udp = sock_socket(&rig, 0, SOCK_DGRAM);
    struct sockaddr_ll name;
    socklen_t length = sizeof name;
    struct sockaddr_in wrong = sock_address(RIG_ADDRESS(1), 9);
    (void)state;
    assert_int_equal(bind_to(s, 2, ETH_P_IP), -ENODEV);
    assert_int_equal(socket_bind(s, (const struct sockaddr *)(const void *)&wrong, sizeof wrong, rig.now), -EINVAL);
    assert_int_equal(bind_to(s, 1, ETH_P_IP), 0);
    assert_int_equal(socket_name(s, (struct sockaddr *)(void *)&name, &length), 0);
    assert_int_equal(name.sll_ifindex, 1);
    assert_int_equal(ntohs(name.sll_protocol), ETH_P_IP);
    assert_memory_equal(name.sll_addr, rig.ends[1]->mac, 6);
    ping_side_one(udp);
    assert_int_equal(take(s), 29); /* without link header */
    assert_int_equal(got[0], 0x45);
    assert_int_equal(take(s), -EAGAIN);
    sock_close(&rig, s);
    sock_close(&rig, udp);
}

static void frames_leave_as_they_are_given(void **state)
{
    struct socket *out = open_packet(0, SOCK_RAW, 0), *cooked = open_packet(0, SOCK_DGRAM, 0),
                  *in = open_packet(1, SOCK_RAW, ETH_P_LOOPBACK);
    uint8_t f[1600] = {0};
    struct sockaddr_ll to = name_of(1, ETH_P_LOOPBACK, rig.ends[1]->mac), nowhere = name_of(0, ETH_P_LOOPBACK, NULL);
    (void)state;
    wire_eth_build14(f, rig.ends[1]->mac, rig.ends[0]->mac, ETH_P_LOOPBACK);
    memcpy(f + 14, "frame", 5);
    assert_int_equal(send_to(out, NULL, f, 60), -ENXIO);
    assert_int_equal(send_to(out, &nowhere, f, 60), -ENXIO);
    assert_int_equal(send_to(out, &to, f, 60), 60);
    assert_int_equal(take(in), 60);
    assert_memory_equal(got, f, 60);
    assert_int_equal(bind_to(out, 1, 0), 0);
    assert_int_equal(send_to(out, NULL, f, 60), 60);
    assert_int_equal(take(in), 60);
    assert_int_equal(send_to(out, NULL, f, 1515), -EMSGSIZE);
    assert_int_equal(send_to(out, NULL, f, 13), -EINVAL);
    assert_int_equal(send_to(cooked, NULL, "cooked", 6), -ENXIO);
    assert_int_equal(bind_to(cooked, 1, 0), 0);
    assert_int_equal(send_to(cooked, NULL, "cooked", 6), -EINVAL); /* to whom? */
    assert_int_equal(send_to(cooked, &to, "cooked", 6), 6);
    assert_int_equal(take(in), 20);
    assert_memory_equal(got, f, 14);
    assert_memory_equal(got + 14, "cooked", 6);
    sock_close(&rig, out);
    sock_close(&rig, cooked);
    sock_close(&rig, in);
}

static void calls_that_packet_sockets_do_not_have(void **state)
{
    struct socket *s = open_packet(0, SOCK_RAW, ETH_P_ALL), *none;
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    (void)state;
    assert_int_equal(socket_open(rig.layers[0], AF_PACKET, SOCK_STREAM, 0, &none), -ESOCKTNOSUPPORT);
    assert_int_equal(socket_connect(s, &unspecified, sizeof unspecified, rig.now), -EOPNOTSUPP);
    assert_int_equal(socket_listen(s, 1, rig.now), -EOPNOTSUPP);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_TTL, 1), -ENOPROTOOPT);
    sock_close(&rig, s);
}

/* packet(7), ENETDOWN: as Linux, who is bound to an interface hears of it. */
static void who_is_bound_hears_that_an_interface_is_down(void **state)
{
    struct socket *bound = open_packet(0, SOCK_RAW, ETH_P_ALL), *any = open_packet(0, SOCK_RAW, ETH_P_ALL), *late;
    static const uint8_t to_all[64] = {255, 255, 255, 255, 255, 255, [12] = 0x88, 0xb5};
    struct sockaddr_ll to = name_of(1, 0x88b5, NULL);
    (void)state;
    assert_int_equal(bind_to(bound, 1, ETH_P_ALL), 0);
    assert_int_equal(stack_set_mtu(rig.stacks[0], 0, 1400, rig.now), 0);
    assert_int_equal(socket_ready(bound) & POLLERR, 0);
    assert_int_equal(stack_set_up(rig.stacks[0], 0, false, rig.now), 0);
    assert_true(socket_ready(bound) & POLLERR);
    assert_int_equal(sock_get(&rig, bound, SOL_SOCKET, SO_ERROR), ENETDOWN);
    assert_int_equal(socket_ready(bound) & POLLERR, 0);
    assert_int_equal(sock_get(&rig, any, SOL_SOCKET, SO_ERROR), 0);
    assert_int_equal(send_to(bound, NULL, to_all, sizeof to_all), -ENETDOWN);
    assert_int_equal(send_to(any, &to, to_all, sizeof to_all), -ENETDOWN);
    late = open_packet(0, SOCK_RAW, ETH_P_ALL);
    assert_int_equal(bind_to(late, 1, ETH_P_ALL), 0);
    assert_int_equal(sock_receive(&rig, late, got, sizeof got, 0), -ENETDOWN);
    assert_int_equal(sock_receive(&rig, late, got, sizeof got, 0), -EAGAIN);
    assert_int_equal(stack_set_up(rig.stacks[0], 0, true, rig.now), 0);
    assert_int_equal(send_to(bound, NULL, to_all, sizeof to_all), sizeof to_all);
    sock_close(&rig, bound);
    sock_close(&rig, any);
    sock_close(&rig, late);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_frames_are_seen_both_ways),
        CASE(bind_chooses_interface_and_protocol),
        CASE(frames_leave_as_they_are_given),
        CASE(calls_that_packet_sockets_do_not_have),
        CASE(who_is_bound_hears_that_an_interface_is_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
