/* SPDX-License-Identifier: MIT */
/*
 * VLANs as links of their own on netlink route sockets, as Linux shows them: addresses, routes and neighbours are on
 * them, what arrives is told to come by them, and they go with the link below. Labels are an encapsulation of routes.
 * `ip` shows the same in interop/tags.
 */
#define _GNU_SOURCE
#include <time.h>

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "stack/control.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/lwtunnel.h>
#include <linux/mpls_iptunnel.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define VLAN_ADDRESS(side) (0x0a2a0001u + (side)) /* 10.42.0.1 and .2 */

static const struct host_vlan QINQ[2] = {{0x88a8, 100}, {0x8100, 42}}, PLAIN[2] = {{0x8100, 0x6000 | 42}};
static const struct host_vlan ODD[2] = {{0x9100, 7}};
static uint8_t got[65536];
static ssize_t got_length;

static uint32_t add_host(unsigned side, uint32_t address, const struct host_vlan *vlan, uint8_t tags)
{
    struct host_settings h = {.address = ip_addr_from_v4(address), .prefix_length = 24, .vlan_count = tags};
    memcpy(h.vlan, vlan, sizeof h.vlan);
    int local = stack_add_host(rig.stacks[side], &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

/* ---- messages ---- */

struct request {
    struct nlmsghdr h;
    uint8_t body[256];
};

static struct request request(uint16_t type, uint16_t flags, const void *fixed, size_t size)
{
    struct request q = {.h = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = 7}};
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

static bool take(struct socket *s) { return (got_length = sock_receive(&rig, s, got, sizeof got, 0)) > 0; }

static int result_of(const struct request *q)
{
    struct socket *s = open_route(0);
    struct request ack = *q;
    struct nlmsgerr e;
    ack.h.nlmsg_flags |= NLM_F_ACK;
    assert_int_equal(sock_send(&rig, s, &ack, ack.h.nlmsg_len, 0), ack.h.nlmsg_len);
    assert_true(take(s));
    memcpy(&e, got + sizeof(struct nlmsghdr), sizeof e);
    sock_close(&rig, s);
    return e.error;
}

static void dump(uint16_t type)
{
    struct rtgenmsg g = {.rtgen_family = AF_UNSPEC};
    const struct request q = request(type, NLM_F_DUMP, &g, sizeof g);
    struct socket *s = open_route(0);
    assert_int_equal(sock_send(&rig, s, &q, q.h.nlmsg_len, 0), q.h.nlmsg_len);
    assert_true(take(s));
    sock_close(&rig, s);
}

static struct nlmsghdr head_at(size_t at)
{
    struct nlmsghdr h;
    memcpy(&h, got + at, sizeof h);
    return h;
}
static size_t next_at(size_t at) { return at + NLMSG_ALIGN(head_at(at).nlmsg_len); }

/* An attribute in a range of bytes; NULL: there is none of that type. */
static const uint8_t *find(const uint8_t *from, const uint8_t *end, unsigned type, uint16_t *length)
{
    struct rtattr a;
    for (; from + sizeof a <= end; from += (a.rta_len + 3u) & ~3u) {
        memcpy(&a, from, sizeof a);
        assert_true(a.rta_len >= sizeof a && from + a.rta_len <= end);
        *length = (uint16_t)(a.rta_len - sizeof a);
        if ((a.rta_type & ~NLA_F_NESTED) == type)
            return from + sizeof a;
    }
    return NULL;
}

static const uint8_t *attribute(size_t at, size_t fixed, unsigned type, uint16_t *length)
{
    return find(got + at + sizeof(struct nlmsghdr) + NLMSG_ALIGN(fixed), got + at + head_at(at).nlmsg_len, type,
                length);
}

/* ---- what a dump of links says of one ---- */

struct seen {
    int index, below;
    uint32_t mtu;
    uint16_t id, protocol;
    bool is_vlan, counted;
};

static struct seen read_link(size_t at)
{
    const size_t fixed = sizeof(struct ifinfomsg);
    struct seen x = {0};
    struct ifinfomsg m;
    uint16_t n, inner, size;
    memcpy(&m, got + at + sizeof(struct nlmsghdr), sizeof m);
    x.index = m.ifi_index;
    const uint8_t *a = attribute(at, fixed, IFLA_LINK, &n), *info = attribute(at, fixed, IFLA_LINKINFO, &inner);
    if (a)
        memcpy(&x.below, a, sizeof x.below);
    memcpy(&x.mtu, attribute(at, fixed, IFLA_MTU, &n), sizeof x.mtu);
    x.counted = attribute(at, fixed, IFLA_STATS64, &n);
    if (!info)
        return x;
    x.is_vlan = strcmp((const char *)find(info, info + inner, IFLA_INFO_KIND, &n), "vlan") == 0;
    const uint8_t *data = find(info, info + inner, IFLA_INFO_DATA, &size);
    memcpy(&x.id, find(data, data + size, IFLA_VLAN_ID, &n), sizeof x.id);
    memcpy(&x.protocol, find(data, data + size, IFLA_VLAN_PROTOCOL, &n), sizeof x.protocol);
    return x;
}

/* The link of that name; index 0: it is not shown. */
static struct seen link_named(const char *name)
{
    uint16_t n;
    dump(RTM_GETLINK);
    for (size_t at = 0; head_at(at).nlmsg_type == RTM_NEWLINK; at = next_at(at))
        if (strcmp((const char *)attribute(at, sizeof(struct ifinfomsg), IFLA_IFNAME, &n), name) == 0)
            return read_link(at);
    return (struct seen){.index = 0};
}

static unsigned count_links(void)
{
    unsigned n = 0;
    dump(RTM_GETLINK);
    for (size_t at = 0; head_at(at).nlmsg_type == RTM_NEWLINK; at = next_at(at))
        n++;
    return n;
}

static int control(unsigned long what, struct ifreq *r)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM);
    int e = socket_ioctl(s, what, r, rig.now);
    sock_close(&rig, s);
    return e;
}

/* The name that the interface has. */
static const char *base_name(void)
{
    static char name[IFNAMSIZ];
    struct ifreq r = {.ifr_ifindex = 1};
    assert_int_equal(control(SIOCGIFNAME, &r), 0);
    memcpy(name, r.ifr_name, sizeof name);
    return name;
}

static const char *named(const char *behind)
{
    static char name[64];
    snprintf(name, sizeof name, "%s%s", base_name(), behind);
    return name;
}

/* ---- cases ---- */

static void each_vlan_is_a_link_on_the_one_below(void **state)
{
    (void)state;
    assert_int_equal(count_links(), 1);
    struct seen base = link_named(base_name());
    assert_true(base.index == 1 && base.below == 0 && !base.is_vlan && base.counted);
    add_host(0, VLAN_ADDRESS(0), PLAIN, 1);
    add_host(0, 0x0a2b0001, QINQ, 2);
    assert_int_equal(count_links(), 4);
    struct seen plain = link_named(named(".42")), outer = link_named(named(".s100")),
                inner = link_named(named(".s100.42"));
    assert_true(plain.is_vlan && plain.below == 1 && plain.id == 42 && plain.protocol == htons(0x8100));
    assert_true(outer.is_vlan && outer.below == 1 && outer.id == 100 && outer.protocol == htons(0x88a8));
    assert_true(inner.is_vlan && inner.below == outer.index && inner.id == 42 && inner.protocol == htons(0x8100));
    assert_false(inner.counted);
    assert_int_equal(plain.mtu, base.mtu);
    add_host(0, 0x0a2c0001, QINQ, 1); /* one on the outer VLAN itself: the same link, of another number */
    assert_int_equal(count_links(), 4);
    assert_int_equal(link_named(named(".s100.42")).below, link_named(named(".s100")).index);
    add_host(0, 0x0a2d0001, ODD, 1);
    assert_int_equal(count_links(), 5);
}

/* How many of a dump are on a link. */
static unsigned count_on(uint16_t get, uint16_t type, int index)
{
    unsigned n = 0;
    uint16_t length;
    dump(get);
    for (size_t at = 0; head_at(at).nlmsg_type == type; at = next_at(at)) {
        struct ifaddrmsg a;
        struct ndmsg d;
        memcpy(&a, got + at + sizeof(struct nlmsghdr), sizeof a);
        memcpy(&d, got + at + sizeof(struct nlmsghdr), sizeof d);
        int on = type == RTM_NEWADDR ? (int)a.ifa_index : d.ndm_ifindex;
        if (type == RTM_NEWROUTE)
            memcpy(&on, attribute(at, sizeof(struct rtmsg), RTA_OIF, &length), sizeof on);
        n += on == index;
    }
    return n;
}

static void addresses_routes_and_neighbours_are_on_their_vlan(void **state)
{
    (void)state;
    uint32_t local = add_host(0, VLAN_ADDRESS(0), PLAIN, 1);
    struct ip_addr peer = ip_addr_from_v4(VLAN_ADDRESS(1));
    int vlan = link_named(named(".42")).index;
    assert_int_equal(count_on(RTM_GETADDR, RTM_NEWADDR, 1), 1);
    assert_int_equal(count_on(RTM_GETADDR, RTM_NEWADDR, vlan), 1);
    assert_int_equal(count_on(RTM_GETROUTE, RTM_NEWROUTE, vlan), 3);
    assert_int_equal(stack_add_neighbour(rig.stacks[0], local, &peer, (const uint8_t *)"\2\0\0\0\0\7"), 0);
    assert_int_equal(count_on(RTM_GETNEIGH, RTM_NEWNEIGH, vlan), 1);
    assert_int_equal(count_on(RTM_GETNEIGH, RTM_NEWNEIGH, 1), 0);
    /* By the ioctls too. */
    struct ifreq r = {.ifr_ifindex = vlan};
    assert_int_equal(control(SIOCGIFNAME, &r), 0);
    assert_string_equal(r.ifr_name, named(".42"));
    assert_int_equal(control(SIOCGIFADDR, &r), 0);
    assert_memory_equal(r.ifr_addr.sa_data + 2, "\x0a\x2a\0\1", 4);
    r.ifr_mtu = 1000;
    assert_int_equal(control(SIOCSIFMTU, &r), -EOPNOTSUPP);
}

static struct request address(uint16_t type, int link, uint32_t ip)
{
    struct ifaddrmsg fixed = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = (uint32_t)link};
    struct request q = request(type, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed);
    uint32_t network = htonl(ip);
    add(&q, IFA_LOCAL, &network, 4);
    return q;
}

static void an_address_is_added_to_its_vlan(void **state)
{
    (void)state;
    uint32_t first = add_host(0, VLAN_ADDRESS(0), PLAIN, 1);
    int vlan = link_named(named(".42")).index;
    struct ip_addr ip = ip_addr_from_v4(VLAN_ADDRESS(7)), other = ip_addr_from_v4(0x0a000077);
    struct host_settings h;
    struct request q = address(RTM_NEWADDR, vlan, VLAN_ADDRESS(7));
    assert_int_equal(result_of(&q), 0);
    assert_true(stack_view_host(rig.stacks[0], stack_find_local(rig.stacks[0], &ip), &h));
    assert_int_equal(h.vlan_count, 1);
    assert_int_equal(h.vlan[0].tci, 0x6000 | 42); /* as those that are there */
    assert_int_equal(stack_remove_host(rig.stacks[0], first, rig.now), 0);
    q = address(RTM_DELADDR, vlan, VLAN_ADDRESS(7));
    assert_int_equal(result_of(&q), 0);
    assert_int_equal(link_named(named(".42")).index, vlan); /* the link stays */
    q = address(RTM_NEWADDR, vlan, VLAN_ADDRESS(7));
    assert_int_equal(result_of(&q), 0);
    assert_true(stack_view_host(rig.stacks[0], stack_find_local(rig.stacks[0], &ip), &h));
    assert_int_equal(h.vlan_count, 1);
    assert_int_equal(h.vlan[0].tci, 42);
    q = address(RTM_NEWADDR, 1, 0x0a000077);
    assert_int_equal(result_of(&q), 0);
    assert_true(stack_view_host(rig.stacks[0], stack_find_local(rig.stacks[0], &other), &h));
    assert_int_equal(h.vlan_count, 0);
    q = address(RTM_NEWADDR, vlan + 2, 0x0a000078);
    assert_int_equal(result_of(&q), -ENODEV);
}

static void links_are_told_when_they_come_and_change(void **state)
{
    (void)state;
    struct socket *s = open_route(RTNLGRP_LINK);
    add_host(0, 0x0a2b0001, QINQ, 2);
    assert_true(take(s));
    struct seen outer = read_link(0);
    assert_true(take(s));
    struct seen inner = read_link(0);
    assert_true(outer.is_vlan && outer.below == 1 && inner.below == outer.index);
    add_host(0, 0x0a2b0002, QINQ, 2);
    assert_false(take(s));
    assert_int_equal(stack_set_up(rig.stacks[0], 0, false, rig.now), 0);
    for (unsigned i = 0; i < 3; i++) { /* the interface, and what is on it */
        struct ifinfomsg m;
        assert_true(take(s));
        memcpy(&m, got + sizeof(struct nlmsghdr), sizeof m);
        assert_int_equal(m.ifi_flags & IFF_UP, 0);
    }
    assert_false(take(s));
    struct ifinfomsg fixed = {.ifi_index = inner.index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct request q = request(RTM_NEWLINK, 0, &fixed, sizeof fixed);
    assert_int_equal(result_of(&q), -EOPNOTSUPP);
    sock_close(&rig, s);
}

static void what_arrives_is_told_to_come_by_its_vlan(void **state)
{
    (void)state;
    add_host(0, VLAN_ADDRESS(0), PLAIN, 1);
    add_host(1, VLAN_ADDRESS(1), PLAIN, 1);
    int vlan = link_named(named(".42")).index;
    struct socket *to = sock_socket(&rig, 0, SOCK_DGRAM), *from = sock_socket(&rig, 1, SOCK_DGRAM);
    assert_int_equal(sock_bind(&rig, to, INADDR_ANY, 53), 0);
    assert_int_equal(sock_set(&rig, to, IPPROTO_IP, IP_PKTINFO, 1), 0);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t byte, room[128];
        struct in_pktinfo info;
        struct iovec v = {.iov_base = &byte, .iov_len = 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
        assert_int_equal(sock_connect(&rig, from, i ? VLAN_ADDRESS(0) : RIG_ADDRESS(0), 53), 0);
        assert_int_equal(sock_send(&rig, from, "x", 1, 0), 1);
        socket_rig_settle(&rig);
        assert_int_equal(socket_receive(to, &m, 0, rig.now), 1);
        memcpy(&info, room + CMSG_LEN(0), sizeof info);
        assert_int_equal(info.ipi_ifindex, i ? vlan : 1);
    }
    sock_close(&rig, to);
    sock_close(&rig, from);
}

static void labels_are_an_encapsulation_of_routes(void **state)
{
    (void)state;
    struct host_settings h = {.address = ip_addr_from_v4(0x0a2e0001),
                              .prefix_length = 24,
                              .mpls_count = 2,
                              .mpls = {{.label = 100, .tc = 5}, {.label = 200}}};
    static const uint8_t labels[8] = {0, 6, 0x40, 0, 0, 12, 0x81, 0};
    unsigned n = 0;
    uint16_t length;
    assert_true(stack_add_host(rig.stacks[0], &h) > 0);
    dump(RTM_GETROUTE);
    for (size_t at = 0; head_at(at).nlmsg_type == RTM_NEWROUTE; at = next_at(at)) {
        uint16_t type;
        const uint8_t *kind = attribute(at, sizeof(struct rtmsg), RTA_ENCAP_TYPE, &length);
        const uint8_t *value = attribute(at, sizeof(struct rtmsg), RTA_ENCAP, &length);
        if (!kind)
            continue;
        memcpy(&type, kind, sizeof type);
        assert_int_equal(type, LWTUNNEL_ENCAP_MPLS);
        value = find(value, value + length, MPLS_IPTUNNEL_DST, &length);
        assert_int_equal(length, sizeof labels);
        assert_memory_equal(value, labels, sizeof labels);
        n++;
    }
    assert_int_equal(n, 1); /* its subnet's; not what is local, nor broadcast */
    assert_int_equal(count_links(), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_vlan_is_a_link_on_the_one_below),     CASE(addresses_routes_and_neighbours_are_on_their_vlan),
        CASE(an_address_is_added_to_its_vlan),          CASE(links_are_told_when_they_come_and_change),
        CASE(what_arrives_is_told_to_come_by_its_vlan), CASE(labels_are_an_encapsulation_of_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
