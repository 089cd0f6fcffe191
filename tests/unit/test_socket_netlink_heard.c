/* SPDX-License-Identifier: MIT */
/*
 * What routers said on netlink route sockets: side 1 advertises itself, and side 0 has a station that listens. Routes of
 * the protocol "ra" with what is left of their life, addresses with their lifetimes and where they come from, and news of
 * both as they come and go. `ip -6 monitor` shows the same in interop/advertise.
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "stack/control.h"
#include "stack/nd_router.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

static const struct ip_addr STATION = {{0xfe, 0x80, [15] = 1}}, ROUTER = {{0xfe, 0x80, [15] = 2}};
static const struct ip_addr PREFIX = {{0x20, 1, 0x0d, 0xb8, 0, 7}};
static uint32_t router, station;
static uint8_t got[65536];

static uint32_t add_host(unsigned side, const struct ip_addr *address, bool autoconf)
{
    const struct host_settings h = {.address = *address, .prefix_length = 64, .autoconf = autoconf};
    int local = stack_add_host(rig.stacks[side], &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static struct socket *open_route(unsigned group, unsigned other)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[0], AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s), 0);
    if (group)
        assert_int_equal(sock_set(&rig, s, 270, NETLINK_ADD_MEMBERSHIP, (int)group), 0);
    if (other)
        assert_int_equal(sock_set(&rig, s, 270, NETLINK_ADD_MEMBERSHIP, (int)other), 0);
    return s;
}

static void advertise(void)
{
    struct stack_router_settings t;
    stack_router_settings_default(&t);
    t.local = router = add_host(1, &ROUTER, false);
    t.lifetime_s = 1800;
    t.preference = 1; /* high */
    t.n_prefixes = 1;
    t.prefix[0] = (struct wire_nd_prefix){.prefix = PREFIX,
                                          .length = 64,
                                          .flags = WIRE_ND_PREFIX_ON_LINK | WIRE_ND_PREFIX_AUTONOMOUS,
                                          .valid_s = 7200,
                                          .preferred_s = 3600};
    assert_int_equal(stack_router_start(rig.stacks[1], &t, rig.now), 0);
}

static struct nlmsghdr head_at(size_t at)
{
    struct nlmsghdr h;
    memcpy(&h, got + at, sizeof h);
    return h;
}

/* An attribute of the message at an offset; NULL: it has none of that type. */
static const uint8_t *attribute_at(size_t at, size_t fixed, unsigned type)
{
    struct rtattr a;
    size_t end = at + head_at(at).nlmsg_len;
    for (size_t i = at + sizeof(struct nlmsghdr) + NLMSG_ALIGN(fixed); i + sizeof a <= end;
         i += (a.rta_len + 3u) & ~3u) {
        memcpy(&a, got + i, sizeof a);
        assert_true(a.rta_len >= sizeof a && i + a.rta_len <= end);
        if (a.rta_type == type)
            return got + i + sizeof a;
    }
    return NULL;
}

/* The next message of a type, as time passes; each got alone. */
static void await(struct socket *s, uint16_t type)
{
    for (unsigned i = 0; i < 1000; i++) {
        while (sock_receive(&rig, s, got, sizeof got, 0) > 0)
            if (head_at(0).nlmsg_type == type)
                return;
        socket_rig_pass(&rig, NS_PER_S / 10);
    }
    fail_msg("no message of type %u came", type);
}

static struct rtmsg await_route(struct socket *s, uint16_t type)
{
    struct rtmsg m;
    await(s, type);
    memcpy(&m, got + sizeof(struct nlmsghdr), sizeof m);
    return m;
}

static struct ifaddrmsg await_address(struct socket *s, uint16_t type)
{
    struct ifaddrmsg m;
    await(s, type);
    memcpy(&m, got + sizeof(struct nlmsghdr), sizeof m);
    return m;
}

static int32_t expires_at(size_t at)
{
    struct rta_cacheinfo times;
    const uint8_t *a = attribute_at(at, sizeof(struct rtmsg), RTA_CACHEINFO);
    assert_non_null(a);
    memcpy(&times, a, sizeof times);
    return times.rta_expires;
}

static void routes_come_with_news(void **state)
{
    (void)state;
    struct socket *s = open_route(RTNLGRP_IPV6_ROUTE, 0);
    station = add_host(0, &STATION, true);
    advertise();
    struct rtmsg m;
    do
        m = await_route(s, RTM_NEWROUTE);
    while (m.rtm_table != RT_TABLE_MAIN || m.rtm_protocol != RTPROT_KERNEL || attribute_at(0, sizeof m, RTA_PREFSRC));
    assert_int_equal(m.rtm_dst_len, 64);
    assert_memory_equal(attribute_at(0, sizeof m, RTA_DST), &PREFIX, 16);
    assert_int_equal(expires_at(0), 7200 * 100);
    assert_int_equal(*attribute_at(0, sizeof m, RTA_PREF), 0);
    m = await_route(s, RTM_NEWROUTE);
    assert_int_equal(m.rtm_protocol, RTPROT_RA);
    assert_int_equal(m.rtm_dst_len, 0);
    assert_memory_equal(attribute_at(0, sizeof m, RTA_GATEWAY), &ROUTER, 16);
    assert_null(attribute_at(0, sizeof m, RTA_PREFSRC));
    assert_int_equal(*attribute_at(0, sizeof m, RTA_PREF), 1);
    assert_int_equal(expires_at(0), 1800 * 100);
    assert_int_equal(stack_router_stop(rig.stacks[1], router, rig.now), 0);
    m = await_route(s, RTM_DELROUTE);
    assert_int_equal(m.rtm_protocol, RTPROT_RA);
    sock_close(&rig, s);
}

/* The first route of protocol "ra" in a dump: how many there are. */
static unsigned dumped_default_routes(size_t *first)
{
    struct {
        struct nlmsghdr h;
        struct rtmsg m;
    } q = {.h = {.nlmsg_len = sizeof q, .nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
           .m = {.rtm_family = AF_INET6}};
    struct socket *s = open_route(0, 0);
    unsigned n = 0;
    assert_int_equal(sock_send(&rig, s, &q, sizeof q, 0), sizeof q);
    ssize_t length = sock_receive(&rig, s, got, sizeof got, 0);
    assert_true(length > 0);
    for (size_t at = 0; at < (size_t)length; at += NLMSG_ALIGN(head_at(at).nlmsg_len)) {
        struct rtmsg m;
        memcpy(&m, got + at + sizeof(struct nlmsghdr), sizeof m);
        if (head_at(at).nlmsg_type != RTM_NEWROUTE || m.rtm_protocol != RTPROT_RA)
            continue;
        n++;
        *first = at;
    }
    sock_close(&rig, s);
    return n;
}

static void dumps_show_each_once_and_what_is_left_of_it(void **state)
{
    (void)state;
    struct ip_addr second = STATION;
    size_t at = 0;
    second.bytes[15] = 9;
    station = add_host(0, &STATION, true);
    (void)add_host(0, &second, true); /* which listens too */
    advertise();
    for (unsigned i = 0; i < 200 && dumped_default_routes(&at) == 0; i++)
        socket_rig_pass(&rig, NS_PER_S / 10);
    assert_int_equal(dumped_default_routes(&at), 1);
    int32_t left = expires_at(at);
    assert_in_range(left, 1799 * 100, 1800 * 100);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(dumped_default_routes(&at), 1);
    assert_int_equal(expires_at(at), left - 100);
}

static struct ifa_cacheinfo lifetimes(void)
{
    struct ifa_cacheinfo times;
    const uint8_t *a = attribute_at(0, sizeof(struct ifaddrmsg), IFA_CACHEINFO);
    assert_non_null(a);
    memcpy(&times, a, sizeof times);
    return times;
}

static uint32_t address_flags(void)
{
    uint32_t flags;
    const uint8_t *a = attribute_at(0, sizeof(struct ifaddrmsg), IFA_FLAGS);
    assert_non_null(a);
    memcpy(&flags, a, sizeof flags);
    return flags;
}

static void addresses_come_with_lifetimes_and_go(void **state)
{
    (void)state;
    const uint32_t made = IFA_F_MANAGETEMPADDR | IFA_F_STABLE_PRIVACY;
    struct socket *s = open_route(RTNLGRP_IPV6_IFADDR, 0);
    station = add_host(0, &STATION, true);
    assert_int_equal(await_address(s, RTM_NEWADDR).ifa_scope, RT_SCOPE_LINK);
    assert_int_equal(address_flags(), IFA_F_PERMANENT);
    assert_null(attribute_at(0, sizeof(struct ifaddrmsg), IFA_PROTO));
    advertise();
    assert_int_equal(await_address(s, RTM_NEWADDR).ifa_scope, RT_SCOPE_UNIVERSE);
    assert_int_equal(address_flags(), made | IFA_F_TENTATIVE);
    assert_memory_equal(attribute_at(0, sizeof(struct ifaddrmsg), IFA_ADDRESS), &PREFIX, 8);
    assert_int_equal(lifetimes().ifa_valid, 7200);
    assert_int_equal(lifetimes().ifa_prefered, 3600);
    assert_int_equal(*attribute_at(0, sizeof(struct ifaddrmsg), IFA_PROTO), IFAPROT_KERNEL_RA);
    (void)await_address(s, RTM_NEWADDR);
    assert_int_equal(address_flags(), made);
    assert_int_equal(lifetimes().ifa_valid, 7198); /* a second of asking for it */
    (void)await_address(s, RTM_NEWADDR);           /* the next advertisement: its life is longer */
    assert_int_equal(address_flags(), made);
    assert_int_equal(lifetimes().ifa_valid, 7200);
    assert_int_equal(stack_remove_host(rig.stacks[0], station, rig.now), 0);
    assert_int_equal(await_address(s, RTM_DELADDR).ifa_scope, RT_SCOPE_LINK);
    assert_int_equal(await_address(s, RTM_DELADDR).ifa_scope, RT_SCOPE_UNIVERSE);
    sock_close(&rig, s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(routes_come_with_news),
        CASE(dumps_show_each_once_and_what_is_left_of_it),
        CASE(addresses_come_with_lifetimes_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
