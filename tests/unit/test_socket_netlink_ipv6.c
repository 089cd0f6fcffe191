/* SPDX-License-Identifier: MIT */
/*
 * IPv6 on netlink route sockets: addresses with their states, routes and neighbours come and go, dumps show the family
 * that was asked for, and changes go to the groups of their family. `ip -6` does the same in interop/exec_ip.
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "stack/control.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

static const struct ip_addr US = {{0x20, 1, 0x0d, 0xb8, [15] = 1}}, FAR = {{0x20, 1, 0x0d, 0xb8, 0, 9}};
static const struct ip_addr PEER = {{0x20, 1, 0x0d, 0xb8, [15] = 2}}, NEAR = {{0xfe, 0x80, [15] = 2}};

struct request {
    struct nlmsghdr h;
    uint8_t body[256];
};

static struct request request(uint16_t type, uint16_t flags, const void *fixed, size_t size)
{
    struct request q = {
        .h = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags), .nlmsg_seq = 7}};
    memcpy(q.body, fixed, size);
    q.h.nlmsg_len = (uint32_t)(sizeof q.h + size);
    return q;
}

static void add(struct request *q, uint16_t type, const void *value, size_t length)
{
    struct rtattr a = {.rta_len = (uint16_t)(sizeof a + length), .rta_type = type};
    uint8_t *at = (uint8_t *)q + NLMSG_ALIGN(q->h.nlmsg_len);
    memcpy(at, &a, sizeof a);
    memcpy(at + sizeof a, value, length);
    q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + sizeof a + length);
}

static struct socket *open_route(unsigned group)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[0], AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s), 0);
    if (group)
        assert_int_equal(sock_set(&rig, s, 270, NETLINK_ADD_MEMBERSHIP, (int)group), 0);
    return s;
}

static uint8_t got[65536];

static ssize_t take(struct socket *s) { return sock_receive(&rig, s, got, sizeof got, 0); }

/* What was asked has this result. */
static int result_of(struct socket *s, const struct request *q)
{
    struct nlmsgerr e;
    assert_int_equal(sock_send(&rig, s, q, q->h.nlmsg_len, 0), q->h.nlmsg_len);
    assert_true(take(s) > 0);
    memcpy(&e, got + sizeof(struct nlmsghdr), sizeof e);
    return e.error;
}

/* How many messages of a type a dump of a family has. */
static unsigned listed(uint16_t get, uint16_t type, uint8_t family)
{
    struct socket *s = open_route(0);
    struct rtgenmsg g = {.rtgen_family = family};
    const struct request q = request(get, NLM_F_DUMP, &g, sizeof g);
    unsigned n = 0;
    assert_int_equal(sock_send(&rig, s, &q, q.h.nlmsg_len, 0), q.h.nlmsg_len);
    for (ssize_t length; (length = take(s)) > 0;) {
        struct nlmsghdr h;
        for (size_t at = 0; at < (size_t)length; at += NLMSG_ALIGN(h.nlmsg_len)) {
            memcpy(&h, got + at, sizeof h);
            n += h.nlmsg_type == type;
        }
    }
    sock_close(&rig, s);
    return n;
}

static struct request address(uint16_t type, const struct ip_addr *ip, uint8_t length, uint8_t flags)
{
    struct ifaddrmsg fixed = {.ifa_family = AF_INET6, .ifa_prefixlen = length, .ifa_index = 1, .ifa_flags = flags};
    struct request q = request(type, NLM_F_CREATE, &fixed, sizeof fixed);
    add(&q, IFA_LOCAL, ip, sizeof *ip);
    return q;
}

static void add_us(struct socket *s)
{
    const struct request q = address(RTM_NEWADDR, &US, 64, IFA_F_NODAD);
    assert_int_equal(result_of(s, &q), 0);
}

static void addresses_come_and_go_and_only_their_group_hears(void **state)
{
    (void)state;
    struct socket *s = open_route(0), *six = open_route(RTNLGRP_IPV6_IFADDR), *four = open_route(RTNLGRP_IPV4_IFADDR);
    struct ifaddrmsg fixed;
    add_us(s);
    assert_true(take(six) > 0);
    memcpy(&fixed, got + sizeof(struct nlmsghdr), sizeof fixed);
    assert_int_equal(fixed.ifa_family, AF_INET6);
    assert_int_equal(fixed.ifa_prefixlen, 64);
    assert_int_equal(fixed.ifa_scope, RT_SCOPE_UNIVERSE);
    assert_int_equal(fixed.ifa_flags, IFA_F_PERMANENT);
    assert_int_equal(take(four), -EAGAIN);
    assert_int_equal(listed(RTM_GETADDR, RTM_NEWADDR, AF_INET6), 1);
    assert_int_equal(listed(RTM_GETADDR, RTM_NEWADDR, AF_INET), 1);
    assert_int_equal(listed(RTM_GETADDR, RTM_NEWADDR, AF_UNSPEC), 2);
    struct request q = address(RTM_NEWADDR, &US, 64, IFA_F_NODAD);
    assert_int_equal(result_of(s, &q), -EEXIST);
    q = address(RTM_DELADDR, &US, 64, 0);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -EADDRNOTAVAIL);
    assert_true(take(six) > 0);
    sock_close(&rig, s);
    sock_close(&rig, six);
    sock_close(&rig, four);
}

static void an_address_is_tentative_then_told_to_be_usable(void **state)
{
    (void)state;
    struct socket *s = open_route(0), *six = open_route(RTNLGRP_IPV6_IFADDR);
    const struct request q = address(RTM_NEWADDR, &NEAR, 64, 0);
    struct ifaddrmsg fixed;
    assert_int_equal(result_of(s, &q), 0);
    assert_true(take(six) > 0);
    memcpy(&fixed, got + sizeof(struct nlmsghdr), sizeof fixed);
    assert_int_equal(fixed.ifa_flags, IFA_F_PERMANENT | IFA_F_TENTATIVE);
    assert_int_equal(fixed.ifa_scope, RT_SCOPE_LINK);
    for (unsigned i = 0; i < 50 && take(six) < 0; i++)
        socket_rig_pass(&rig, NS_PER_S / 10);
    memcpy(&fixed, got + sizeof(struct nlmsghdr), sizeof fixed);
    assert_int_equal(fixed.ifa_flags, IFA_F_PERMANENT);
    sock_close(&rig, s);
    sock_close(&rig, six);
}

static void addresses_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct ip_addr bad[] = {
        {{0xff, 2, [15] = 1}}, {{[15] = 1}}, {{0}}, {{[10] = 0xff, 0xff, 10, 0, 0, 1}}};
    struct socket *s = open_route(0);
    struct request q;
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        q = address(RTM_NEWADDR, &bad[i], 64, 0);
        assert_int_equal(result_of(s, &q), -EINVAL);
    }
    q = address(RTM_NEWADDR, &US, 129, 0);
    assert_int_equal(result_of(s, &q), -EINVAL);
    struct ifaddrmsg fixed = {.ifa_family = AF_INET6, .ifa_prefixlen = 24, .ifa_index = 1};
    q = request(RTM_NEWADDR, NLM_F_CREATE, &fixed, sizeof fixed);
    add(&q, IFA_LOCAL, "1234", 4); /* of the other family */
    assert_int_equal(result_of(s, &q), -EINVAL);
    sock_close(&rig, s);
}

static struct request route(uint16_t type, const struct ip_addr *prefix, uint8_t length, const struct ip_addr *gateway)
{
    struct rtmsg fixed = {
        .rtm_family = AF_INET6, .rtm_dst_len = length, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
    struct request q = request(type, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed);
    if (length)
        add(&q, RTA_DST, prefix, sizeof *prefix);
    add(&q, RTA_GATEWAY, gateway, sizeof *gateway);
    return q;
}

static void routes_come_and_go(void **state)
{
    (void)state;
    struct socket *s = open_route(0), *six = open_route(RTNLGRP_IPV6_ROUTE);
    struct ip_addr hop;
    add_us(s);
    uint32_t local = stack_find_local(rig.stacks[0], &US);
    assert_int_equal(listed(RTM_GETROUTE, RTM_NEWROUTE, AF_INET6), 2); /* itself and its subnet */
    while (take(six) > 0)
        ;
    struct request q = route(RTM_NEWROUTE, &FAR, 48, &PEER);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -EEXIST);
    assert_true(take(six) > 0);
    assert_true(stack_next_hop(rig.stacks[0], local, &FAR, &hop) && ip_addr_equal(&hop, &PEER));
    q = route(RTM_NEWROUTE, NULL, 0, &NEAR); /* a router's link-local address */
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(listed(RTM_GETROUTE, RTM_NEWROUTE, AF_INET6), 4);
    q = route(RTM_DELROUTE, &FAR, 48, &PEER);
    assert_int_equal(result_of(s, &q), 0);
    assert_true(stack_next_hop(rig.stacks[0], local, &FAR, &hop) && ip_addr_equal(&hop, &NEAR));
    q = route(RTM_DELROUTE, NULL, 0, &NEAR);
    assert_int_equal(result_of(s, &q), 0);
    assert_false(stack_next_hop(rig.stacks[0], local, &FAR, &hop));
    q = route(RTM_NEWROUTE, &FAR, 16, &PEER); /* bits beyond the prefix */
    assert_int_equal(result_of(s, &q), -EINVAL);
    q = route(RTM_NEWROUTE, &FAR, 129, &PEER);
    assert_int_equal(result_of(s, &q), -EINVAL);
    sock_close(&rig, s);
    sock_close(&rig, six);
}

static struct request neighbour(uint16_t type, const struct ip_addr *ip)
{
    struct ndmsg fixed = {.ndm_family = AF_INET6, .ndm_ifindex = 1, .ndm_state = NUD_PERMANENT};
    struct request q = request(type, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed);
    add(&q, NDA_DST, ip, sizeof *ip);
    add(&q, NDA_LLADDR, "\2\0\0\0\0\7", 6);
    return q;
}

static void neighbours_come_and_go(void **state)
{
    (void)state;
    struct socket *s = open_route(0);
    struct request q = neighbour(RTM_NEWNEIGH, &PEER);
    assert_int_equal(result_of(s, &q), -EINVAL); /* nobody here speaks IPv6 */
    add_us(s);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -EEXIST);
    assert_int_equal(listed(RTM_GETNEIGH, RTM_NEWNEIGH, AF_INET6), 1);
    assert_int_equal(listed(RTM_GETNEIGH, RTM_NEWNEIGH, AF_INET), 0);
    q = neighbour(RTM_DELNEIGH, &PEER);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -ENOENT);
    sock_close(&rig, s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(addresses_come_and_go_and_only_their_group_hears),
        CASE(an_address_is_tentative_then_told_to_be_usable),
        CASE(addresses_that_cannot_be_are_refused),
        CASE(routes_come_and_go),
        CASE(neighbours_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
