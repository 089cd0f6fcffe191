/* SPDX-License-Identifier: MIT */
/*
 * Netlink route sockets and the ioctls of interfaces: netlink(7), rtnetlink(7), netdevice(7). Messages are built and read here with the macros of
 * linux/netlink.h, independently of the code that is tested; what iproute2 and glibc make of them is shown in tests/interop.
 */
#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include "base/error.h"
#include "base/random.h"
#include "stack/control.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static struct socket *open_route(void)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[0], AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s), 0);
    return s;
}

static int bind_groups(struct socket *s, uint32_t port, uint32_t groups)
{
    struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_pid = port, .nl_groups = groups};
    return socket_bind(s, (const struct sockaddr *)(const void *)&a, sizeof a, rig.now);
}

static struct sockaddr_nl name_of(struct socket *s)
{
    struct sockaddr_nl a;
    socklen_t length = sizeof a;
    assert_int_equal(socket_name(s, (struct sockaddr *)(void *)&a, &length), 0);
    assert_int_equal(length, sizeof a);
    return a;
}

/* ---- building ---- */

struct request {
    struct nlmsghdr h;
    uint8_t body[512];
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
    uint32_t at = (q->h.nlmsg_len + 3) & ~3u;
    struct rtattr a = {.rta_len = (uint16_t)(sizeof a + length), .rta_type = type};
    memcpy((uint8_t *)q + at, &a, sizeof a);
    memcpy((uint8_t *)q + at + sizeof a, value, length);
    q->h.nlmsg_len = (uint32_t)(at + sizeof a + length);
}

static void add_ip(struct request *q, uint16_t type, uint32_t ip)
{
    uint32_t network = htonl(ip);
    add(q, type, &network, 4);
}

static ssize_t ask_bytes(struct socket *s, const void *bytes, size_t length)
{
    return sock_send(&rig, s, bytes, length, 0);
}

static void ask(struct socket *s, const struct request *q)
{
    assert_int_equal(ask_bytes(s, q, q->h.nlmsg_len), q->h.nlmsg_len);
}

/* ---- reading ---- */

static uint8_t got[65536];

static ssize_t take(struct socket *s) { return sock_receive(&rig, s, got, sizeof got, 0); }

static struct nlmsghdr head_at(size_t at)
{
    struct nlmsghdr h;
    memcpy(&h, got + at, sizeof h);
    return h;
}

/* The one message that waits. */
static struct nlmsghdr take_one(struct socket *s)
{
    ssize_t n = take(s);
    assert_true(n >= (ssize_t)sizeof(struct nlmsghdr));
    struct nlmsghdr h = head_at(0);
    assert_int_equal((h.nlmsg_len + 3) & ~3u, n);
    return h;
}

static int error_of(struct socket *s)
{
    struct nlmsghdr h = take_one(s);
    struct nlmsgerr e;
    assert_int_equal(h.nlmsg_type, NLMSG_ERROR);
    memcpy(&e, got + sizeof h, sizeof e);
    return e.error;
}

/* What was asked has this result. */
static int result_of(struct socket *s, struct request *q)
{
    q->h.nlmsg_flags |= NLM_F_ACK;
    ask(s, q);
    return error_of(s);
}

/* The value of an attribute of the message at an offset; NULL: it is not there. */
static const uint8_t *attribute_at(size_t at, size_t fixed, unsigned type, size_t *length)
{
    struct nlmsghdr h = head_at(at);
    struct rtattr a;
    for (size_t i = sizeof h + ((fixed + 3) & ~(size_t)3); i + sizeof a <= h.nlmsg_len; i += (a.rta_len + 3u) & ~3u) {
        memcpy(&a, got + at + i, sizeof a);
        assert_true(a.rta_len >= sizeof a && i + a.rta_len <= h.nlmsg_len);
        if (a.rta_type == type) {
            *length = a.rta_len - sizeof a;
            return got + at + i + sizeof a;
        }
    }
    return NULL;
}

static uint32_t number_at(size_t at, size_t fixed, unsigned type)
{
    size_t length = 0;
    uint32_t n;
    const uint8_t *bytes = attribute_at(at, fixed, type, &length);
    assert_non_null(bytes);
    assert_int_equal(length, 4);
    memcpy(&n, bytes, 4);
    return n;
}
static uint32_t ip_at(size_t at, size_t fixed, unsigned type) { return ntohl(number_at(at, fixed, type)); }
static bool has(size_t at, size_t fixed, unsigned type)
{
    size_t length;
    return attribute_at(at, fixed, type, &length) != NULL;
}

struct dump {
    unsigned messages, parts;
    bool interrupted;
    uint32_t ips[64]; /* of an attribute of the first ones */
};

/* Reads a whole dump. */
static struct dump read_dump(struct socket *s, uint16_t type, size_t fixed, unsigned attribute)
{
    struct dump d = {.messages = 0};
    for (;;) {
        ssize_t n = take(s);
        assert_true(n > 0);
        d.parts++;
        for (size_t at = 0; at < (size_t)n;) {
            struct nlmsghdr h = head_at(at);
            assert_true(h.nlmsg_flags & NLM_F_MULTI);
            assert_int_equal(h.nlmsg_seq, 7);
            assert_int_equal(h.nlmsg_pid, name_of(s).nl_pid);
            d.interrupted |= h.nlmsg_flags & NLM_F_DUMP_INTR;
            if (h.nlmsg_type == NLMSG_DONE)
                return d;
            assert_int_equal(h.nlmsg_type, type);
            if (d.messages < 64 && has(at, fixed, attribute))
                d.ips[d.messages] = ip_at(at, fixed, attribute);
            d.messages++;
            at += (h.nlmsg_len + 3) & ~3u;
        }
    }
}

static void ask_dump(struct socket *s, uint16_t type)
{
    struct rtgenmsg g = {.rtgen_family = AF_UNSPEC};
    struct request q = request(type, NLM_F_DUMP, &g, sizeof g);
    ask(s, &q);
}

/* ---- the socket ---- */

static void ports_are_given_and_kept(void **state)
{
    struct socket *a = open_route(), *b = open_route(), *none;
    struct sockaddr_in wrong = sock_address(0, 0);
    (void)state;
    assert_int_equal(name_of(a).nl_pid, 0);
    assert_int_equal(bind_groups(a, 0, 0), 0);
    assert_int_not_equal(name_of(a).nl_pid, 0);
    assert_int_equal(bind_groups(b, name_of(a).nl_pid, 0), -EADDRINUSE);
    assert_int_equal(bind_groups(b, 4711, 0), 0);
    assert_int_equal(name_of(b).nl_pid, 4711);
    assert_int_equal(bind_groups(b, 4712, 0), -EINVAL);
    assert_int_equal(bind_groups(b, 4711, RTMGRP_LINK), 0);
    assert_int_equal(name_of(b).nl_groups, RTMGRP_LINK);
    assert_int_equal(socket_bind(b, (const struct sockaddr *)(const void *)&wrong, sizeof wrong, rig.now), -EINVAL);
    assert_int_equal(socket_bind(b, (const struct sockaddr *)(const void *)&wrong, 3, rig.now), -EINVAL);
    assert_int_equal(socket_open(rig.layers[0], AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE, &none), -ESOCKTNOSUPPORT);
    assert_int_equal(socket_open(rig.layers[0], AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &none), -EPROTONOSUPPORT);
    sock_close(&rig, a);
    sock_close(&rig, b);
}

static void options_are_kept(void **state)
{
    static const int flags[] = {NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS,
                                NETLINK_CAP_ACK, NETLINK_EXT_ACK,         NETLINK_GET_STRICT_CHK};
    struct socket *s = open_route();
    uint32_t groups[2];
    socklen_t length = sizeof groups;
    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        assert_int_equal(sock_get(&rig, s, SOL_NETLINK, flags[i]), 0);
        assert_int_equal(sock_set(&rig, s, SOL_NETLINK, flags[i], 1), 0);
        assert_int_equal(sock_get(&rig, s, SOL_NETLINK, flags[i]), 1);
    }
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_ROUTE), 0);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK), 0);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, RTNLGRP_LINK), 0);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 0), -EINVAL);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_MAX + 1), -EINVAL);
    assert_int_equal(socket_get_option(s, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups, &length, rig.now), 0);
    assert_int_equal(length, 8);
    assert_int_equal(groups[0], 1u << (RTNLGRP_IPV4_ROUTE - 1));
    assert_int_equal(name_of(s).nl_groups, RTMGRP_IPV4_ROUTE);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, 99, 1), -ENOPROTOOPT);
    assert_int_equal(sock_set(&rig, s, IPPROTO_IP, IP_TTL, 1), -ENOPROTOOPT);
    sock_close(&rig, s);
}

static void only_the_stack_is_talked_to(void **state)
{
    struct socket *s = open_route();
    struct sockaddr_nl other = {.nl_family = AF_NETLINK, .nl_pid = 9},
                       group = {.nl_family = AF_NETLINK, .nl_groups = 1};
    struct iovec v = {.iov_base = "x", .iov_len = 1};
    struct msghdr m = {.msg_name = &other, .msg_namelen = sizeof other, .msg_iov = &v, .msg_iovlen = 1};
    (void)state;
    assert_int_equal(socket_send(s, &m, 0, rig.now), -ECONNREFUSED);
    m.msg_name = &group;
    assert_int_equal(socket_send(s, &m, 0, rig.now), -EPERM);
    m.msg_namelen = 4;
    assert_int_equal(socket_send(s, &m, 0, rig.now), -EINVAL);
    assert_int_equal(ask_bytes(s, "", 0), -ENODATA);
    assert_int_equal(sock_send(&rig, s, "x", 1, MSG_OOB), -EOPNOTSUPP);
    assert_int_equal(ask_bytes(s, got, sizeof got), -EMSGSIZE);
    assert_int_equal(socket_shutdown(s, SHUT_RD, rig.now), -EOPNOTSUPP);
    assert_int_equal(socket_listen(s, 1, rig.now), -EOPNOTSUPP);
    assert_int_equal(take(s), -EAGAIN);
    sock_close(&rig, s);
}

/* As iproute2 reads. */
static void peeking_tells_the_length(void **state)
{
    struct socket *s = open_route();
    struct sockaddr_nl from = {.nl_pid = 1};
    struct iovec v = {.iov_base = NULL, .iov_len = 0};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1};
    (void)state;
    ask_dump(s, RTM_GETLINK);
    assert_true(socket_ready(s) & POLLIN);
    ssize_t n = socket_receive(s, &m, MSG_PEEK | MSG_TRUNC, rig.now);
    assert_true(n > 100);
    assert_true(m.msg_flags & MSG_TRUNC);
    assert_int_equal(from.nl_pid, 0);
    assert_int_equal(from.nl_family, AF_NETLINK);
    assert_int_equal(take(s), n);
    assert_int_equal(take(s), -EAGAIN);
    sock_close(&rig, s);
}

/* ---- dumps ---- */

static void links_are_listed(void **state)
{
    struct socket *s = open_route();
    struct ifinfomsg fixed = {.ifi_index = 1};
    size_t length;
    (void)state;
    ask_dump(s, RTM_GETLINK);
    assert_int_equal(read_dump(s, RTM_NEWLINK, sizeof fixed, IFLA_MTU).messages, 1);
    struct request q = request(RTM_GETLINK, 0, &fixed, sizeof fixed);
    ask(s, &q);
    assert_int_equal(take_one(s).nlmsg_type, RTM_NEWLINK);
    memcpy(&fixed, got + 16, sizeof fixed);
    assert_int_equal(fixed.ifi_index, 1);
    assert_int_equal(fixed.ifi_flags & (IFF_UP | IFF_RUNNING | IFF_BROADCAST), IFF_UP | IFF_RUNNING | IFF_BROADCAST);
    assert_int_equal(number_at(0, sizeof fixed, IFLA_MTU), 1500);
    assert_memory_equal(attribute_at(0, sizeof fixed, IFLA_ADDRESS, &length), rig.ends[0]->mac, 6);
    char name[IFNAMSIZ];
    memcpy(name, attribute_at(0, sizeof fixed, IFLA_IFNAME, &length), IFNAMSIZ);
    assert_int_equal(length, strlen(name) + 1);
    assert_string_equal(name, "rig");
    fixed = (struct ifinfomsg){.ifi_index = 0};
    q = request(RTM_GETLINK, 0, &fixed, sizeof fixed);
    add(&q, IFLA_IFNAME, name, strlen(name) + 1);
    ask(s, &q);
    assert_int_equal(take_one(s).nlmsg_type, RTM_NEWLINK);
    q = request(RTM_GETLINK, 0, &fixed, sizeof fixed);
    add(&q, IFLA_IFNAME, "none", 5);
    assert_int_equal(result_of(s, &q), -ENODEV);
    sock_close(&rig, s);
}

static void add_hosts(unsigned n)
{
    struct host_settings h = {.prefix_length = 32};
    for (unsigned i = 0; i < n; i++) {
        h.address = ip_addr_from_v4(0xac100001u + i);
        assert_true(stack_add_host(rig.stacks[0], &h) > 0);
    }
}

static void addresses_are_listed_over_several_parts(void **state)
{
    struct socket *s = open_route();
    (void)state;
    ask_dump(s, RTM_GETADDR);
    struct dump d = read_dump(s, RTM_NEWADDR, sizeof(struct ifaddrmsg), IFA_LOCAL);
    assert_int_equal(d.messages, 1);
    assert_int_equal(d.ips[0], RIG_ADDRESS(0));
    add_hosts(7);
    ask_dump(s, RTM_GETROUTE);
    d = read_dump(s, RTM_NEWROUTE, sizeof(struct rtmsg), RTA_DST);
    assert_int_equal(d.messages, 3 + 7); /* itself, its broadcast, its subnet; of a /32 itself */
    ask_dump(s, RTM_GETADDR);
    d = read_dump(s, RTM_NEWADDR, sizeof(struct ifaddrmsg), IFA_LOCAL);
    assert_int_equal(d.messages, 8);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(d.ips[i], 0xac100000u + i);
    assert_false(d.interrupted);
    sock_close(&rig, s);
}

/* Every neighbour once, though the dump is longer than a part and another is made meanwhile. */
static void dumps_are_paged_as_they_are_read(void **state)
{
    struct socket *s = open_route();
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    struct rtgenmsg g = {.rtgen_family = AF_INET};
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        struct ip_addr a = ip_addr_from_v4(0x0a010000u + i);
        assert_int_equal(stack_add_neighbour(rig.stacks[0], 1, &a, mac), 0);
    }
    ask_dump(s, RTM_GETNEIGH);
    struct request again = request(RTM_GETNEIGH, NLM_F_DUMP, &g, sizeof g);
    struct dump d = {.messages = 0};
    ask(s, &again); /* one at a time */
    for (bool over = false; !over;) {
        ssize_t n = take(s);
        assert_true(n > 0 && n <= 4096);
        for (size_t at = 0; at < (size_t)n && !over; at += (head_at(at).nlmsg_len + 3) & ~3u) {
            over = head_at(at).nlmsg_type == NLMSG_DONE;
            if (head_at(at).nlmsg_type == NLMSG_ERROR) {
                struct nlmsgerr e;
                memcpy(&e, got + at + 16, sizeof e);
                assert_int_equal(e.error, -EBUSY);
            } else if (!over) {
                assert_int_equal(ip_at(at, sizeof(struct ndmsg), NDA_DST), 0x0a010000u + d.messages);
                d.messages++;
            }
        }
        d.parts++;
    }
    assert_int_equal(d.messages, 300);
    assert_true(d.parts > 4);
    sock_close(&rig, s);
}

static void a_dump_says_when_things_changed_meanwhile(void **state)
{
    struct socket *s = open_route();
    (void)state;
    add_hosts(6);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_RCVBUF, 1), 0); /* one part at a time */
    for (unsigned i = 0; i < 200; i++) {
        struct ip_addr prefix = ip_addr_from_v4(0xc0000000u + (i << 8)), gateway = ip_addr_from_v4(RIG_ADDRESS(1));
        assert_int_equal(stack_add_route(rig.stacks[0], 1, &prefix, 24, &gateway), 0);
    }
    ask_dump(s, RTM_GETROUTE);
    assert_true(take(s) > 0);
    struct ip_addr prefix = ip_addr_from_v4(0xc0000000u + (199 << 8));
    assert_int_equal(stack_remove_route(rig.stacks[0], 1, &prefix, 24, rig.now), 0);
    assert_true(read_dump(s, RTM_NEWROUTE, sizeof(struct rtmsg), RTA_DST).interrupted);
    ask_dump(s, RTM_GETROUTE);
    assert_false(read_dump(s, RTM_NEWROUTE, sizeof(struct rtmsg), RTA_DST).interrupted);
    sock_close(&rig, s);
}

static void strict_dumps_are_filtered(void **state)
{
    struct socket *s = open_route();
    struct rtmsg fixed = {.rtm_family = AF_INET};
    struct ifaddrmsg address = {.ifa_index = 2};
    uint32_t table = RT_TABLE_MAIN;
    (void)state;
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1), 0);
    struct request q = request(RTM_GETROUTE, NLM_F_DUMP, &fixed, sizeof fixed);
    add(&q, RTA_TABLE, &table, sizeof table);
    ask(s, &q);
    struct dump d = read_dump(s, RTM_NEWROUTE, sizeof fixed, RTA_DST);
    assert_int_equal(d.messages, 1);
    assert_int_equal(d.ips[0], RIG_ADDRESS(0) & 0xff000000u);
    q = request(RTM_GETADDR, NLM_F_DUMP, &address, sizeof address);
    ask(s, &q);
    assert_int_equal(read_dump(s, RTM_NEWADDR, sizeof address, IFA_LOCAL).messages, 0);
    q = request(RTM_GETADDR, NLM_F_DUMP, &address, 1);
    assert_int_equal(result_of(s, &q), -EINVAL);
    sock_close(&rig, s);
}

static void other_families_have_nothing(void **state)
{
    struct socket *s = open_route();
    struct rtgenmsg g = {.rtgen_family = AF_PACKET};
    struct request q = request(RTM_GETADDR, NLM_F_DUMP, &g, sizeof g);
    (void)state;
    ask(s, &q);
    assert_int_equal(read_dump(s, RTM_NEWADDR, sizeof(struct ifaddrmsg), IFA_ADDRESS).messages, 0);
    q = request(RTM_GETRULE, NLM_F_DUMP, &g, sizeof g);
    assert_int_equal(result_of(s, &q), -EOPNOTSUPP);
    q = request(RTM_MAX + 1, 0, &g, sizeof g);
    assert_int_equal(result_of(s, &q), -EOPNOTSUPP);
    sock_close(&rig, s);
}

/* ---- changes ---- */

static struct request address_request(uint16_t type, uint16_t flags, uint32_t ip, uint8_t length)
{
    struct ifaddrmsg fixed = {.ifa_family = AF_INET, .ifa_prefixlen = length, .ifa_index = 1};
    struct request q = request(type, flags, &fixed, sizeof fixed);
    add_ip(&q, IFA_LOCAL, ip);
    add_ip(&q, IFA_ADDRESS, ip);
    return q;
}

static void addresses_come_and_go(void **state)
{
    struct socket *s = open_route();
    uint32_t second = 0x0a000007;
    struct request q = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, second, 8);
    struct ip_addr ip = ip_addr_from_v4(second), gateway = ip_addr_from_v4(RIG_ADDRESS(1));
    struct host_settings h;
    (void)state;
    assert_int_equal(stack_set_gateway(rig.stacks[0], 1, &gateway, rig.now), 0);
    assert_int_equal(result_of(s, &q), 0);
    uint32_t local = stack_find_local(rig.stacks[0], &ip);
    assert_true(stack_view_host(rig.stacks[0], local, &h));
    assert_int_equal(h.prefix_length, 8);
    assert_true(ip_addr_equal(&h.gateway, &gateway)); /* as its neighbour has */
    assert_int_equal(result_of(s, &q), -EEXIST);
    q = address_request(RTM_DELADDR, 0, second, 16);
    assert_int_equal(result_of(s, &q), -EADDRNOTAVAIL);
    q = address_request(RTM_DELADDR, 0, second, 8);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(stack_find_local(rig.stacks[0], &ip), 0);
    assert_int_equal(result_of(s, &q), -EADDRNOTAVAIL);
    q = address_request(RTM_NEWADDR, NLM_F_CREATE, second, 33);
    assert_int_equal(result_of(s, &q), -EINVAL);
    q = address_request(RTM_NEWADDR, NLM_F_CREATE, 0xe0000001, 8);
    assert_int_equal(result_of(s, &q), -EINVAL);
    sock_close(&rig, s);
}

static struct request route_request(uint16_t type, uint16_t flags, uint32_t prefix, uint8_t length, uint32_t gateway)
{
    struct rtmsg fixed = {
        .rtm_family = AF_INET, .rtm_dst_len = length, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
    struct request q = request(type, flags, &fixed, sizeof fixed);
    if (length)
        add_ip(&q, RTA_DST, prefix);
    if (gateway)
        add_ip(&q, RTA_GATEWAY, gateway);
    return q;
}

/* Where `ip route get` says that it goes. */
static int way_to(struct socket *s, uint32_t destination, uint32_t *gateway)
{
    struct rtmsg fixed = {.rtm_family = AF_INET, .rtm_dst_len = 32};
    struct request q = request(RTM_GETROUTE, 0, &fixed, sizeof fixed);
    struct nlmsgerr e;
    add_ip(&q, RTA_DST, destination);
    ask(s, &q);
    if (take_one(s).nlmsg_type == NLMSG_ERROR) {
        memcpy(&e, got + 16, sizeof e);
        return e.error;
    }
    memcpy(&fixed, got + 16, sizeof fixed);
    assert_int_equal(ip_at(0, sizeof fixed, RTA_DST), destination);
    assert_int_equal(ip_at(0, sizeof fixed, RTA_PREFSRC), RIG_ADDRESS(0));
    assert_int_equal(number_at(0, sizeof fixed, RTA_OIF), 1);
    *gateway = has(0, sizeof fixed, RTA_GATEWAY) ? ip_at(0, sizeof fixed, RTA_GATEWAY) : 0;
    return fixed.rtm_type;
}

static void routes_come_and_go(void **state)
{
    struct socket *s = open_route();
    uint32_t gateway = 0;
    (void)state;
    assert_int_equal(way_to(s, RIG_OUTSIDE, &gateway), -ENETUNREACH);
    struct request q = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, 0, 0, RIG_ADDRESS(1));
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(way_to(s, RIG_OUTSIDE, &gateway), RTN_UNICAST);
    assert_int_equal(gateway, RIG_ADDRESS(1));
    assert_int_equal(way_to(s, RIG_NOBODY, &gateway), RTN_UNICAST);
    assert_int_equal(gateway, 0);
    assert_int_equal(way_to(s, RIG_ADDRESS(0), &gateway), RTN_LOCAL);
    assert_int_equal(result_of(s, &q), -EEXIST);
    q = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RIG_OUTSIDE & ~255u, 24, RIG_NOBODY);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(way_to(s, RIG_OUTSIDE, &gateway), RTN_UNICAST);
    assert_int_equal(gateway, RIG_NOBODY);
    q = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, RIG_OUTSIDE & ~255u, 24, RIG_ADDRESS(1));
    assert_int_equal(result_of(s, &q), 0);
    (void)way_to(s, RIG_OUTSIDE, &gateway);
    assert_int_equal(gateway, RIG_ADDRESS(1));
    q = route_request(RTM_DELROUTE, 0, RIG_OUTSIDE & ~255u, 24, RIG_NOBODY);
    assert_int_equal(result_of(s, &q), -ESRCH);
    q = route_request(RTM_DELROUTE, 0, RIG_OUTSIDE & ~255u, 24, 0);
    assert_int_equal(result_of(s, &q), 0);
    q = route_request(RTM_DELROUTE, 0, 0, 0, 0);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -ESRCH);
    q = route_request(RTM_NEWROUTE, NLM_F_CREATE, 0, 0, RIG_OUTSIDE);
    assert_int_equal(result_of(s, &q), -ENETUNREACH);
    q = route_request(RTM_NEWROUTE, 0, 0, 0, RIG_ADDRESS(1));
    assert_int_equal(result_of(s, &q), -ENOENT);
    q = route_request(RTM_NEWROUTE, NLM_F_CREATE, RIG_OUTSIDE, 24, RIG_ADDRESS(1));
    assert_int_equal(result_of(s, &q), -EINVAL);
    q = route_request(RTM_NEWROUTE, NLM_F_CREATE, RIG_OUTSIDE, 32, 0);
    assert_int_equal(result_of(s, &q), -EOPNOTSUPP);
    sock_close(&rig, s);
}

static void neighbours_come_and_go(void **state)
{
    struct socket *s = open_route();
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    struct ndmsg fixed = {.ndm_family = AF_INET, .ndm_ifindex = 1, .ndm_state = NUD_PERMANENT};
    struct request q = request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed),
                   one = request(RTM_GETNEIGH, 0, &fixed, sizeof fixed);
    size_t length;
    (void)state;
    add_ip(&q, NDA_DST, RIG_NOBODY);
    add_ip(&one, NDA_DST, RIG_NOBODY);
    assert_int_equal(result_of(s, &q), -EINVAL); /* no link-layer address */
    add(&q, NDA_LLADDR, mac, 6);
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -EEXIST);
    ask(s, &one);
    assert_int_equal(take_one(s).nlmsg_type, RTM_NEWNEIGH);
    memcpy(&fixed, got + 16, sizeof fixed);
    assert_int_equal(fixed.ndm_state, NUD_PERMANENT);
    assert_memory_equal(attribute_at(0, sizeof fixed, NDA_LLADDR, &length), mac, 6);
    q.h.nlmsg_type = RTM_DELNEIGH;
    assert_int_equal(result_of(s, &q), 0);
    assert_int_equal(result_of(s, &q), -ENOENT);
    assert_int_equal(result_of(s, &one), -ENOENT);
    sock_close(&rig, s);
}

static void links_go_up_and_down_and_change_their_mtu(void **state)
{
    struct socket *s = open_route();
    struct ifinfomsg fixed = {.ifi_index = 1, .ifi_change = IFF_UP};
    struct stack_interface i;
    uint32_t mtu = 1400;
    (void)state;
    struct request q = request(RTM_NEWLINK, 0, &fixed, sizeof fixed);
    assert_int_equal(result_of(s, &q), 0);
    assert_true(stack_view_interface(rig.stacks[0], 0, &i));
    assert_false(i.up);
    fixed.ifi_flags = IFF_UP;
    q = request(RTM_SETLINK, 0, &fixed, sizeof fixed);
    add(&q, IFLA_MTU, &mtu, sizeof mtu);
    assert_int_equal(result_of(s, &q), 0);
    assert_true(stack_view_interface(rig.stacks[0], 0, &i));
    assert_true(i.up);
    assert_int_equal(i.mtu, 1400);
    mtu = 67;
    q = request(RTM_SETLINK, 0, &fixed, sizeof fixed);
    add(&q, IFLA_MTU, &mtu, sizeof mtu);
    assert_int_equal(result_of(s, &q), -EINVAL);
    q = request(RTM_SETLINK, 0, &fixed, sizeof fixed);
    add(&q, IFLA_ADDRESS, "\2\0\0\0\0\1", 6);
    assert_int_equal(result_of(s, &q), -EOPNOTSUPP);
    fixed = (struct ifinfomsg){.ifi_index = 1, .ifi_change = IFF_PROMISC, .ifi_flags = IFF_PROMISC};
    q = request(RTM_SETLINK, 0, &fixed, sizeof fixed);
    assert_int_equal(result_of(s, &q), -EOPNOTSUPP);
    fixed = (struct ifinfomsg){.ifi_index = 9};
    q = request(RTM_SETLINK, 0, &fixed, sizeof fixed);
    assert_int_equal(result_of(s, &q), -ENODEV);
    fixed = (struct ifinfomsg){.ifi_index = 0};
    q = request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof fixed);
    add(&q, IFLA_IFNAME, "dummy0", 7);
    assert_int_equal(result_of(s, &q), -EOPNOTSUPP);
    sock_close(&rig, s);
}

/* ---- acknowledgements ---- */

static void errors_quote_and_explain(void **state)
{
    struct socket *s = open_route();
    struct request q = route_request(RTM_NEWROUTE, NLM_F_CREATE, RIG_OUTSIDE, 32, 0);
    (void)state;
    ask(s, &q);
    struct nlmsghdr h = take_one(s);
    assert_int_equal(h.nlmsg_len, sizeof h + 4 + q.h.nlmsg_len);
    assert_memory_equal(got + sizeof h + 4, &q, q.h.nlmsg_len);
    assert_int_equal(h.nlmsg_flags, 0);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_EXT_ACK, 1), 0);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_CAP_ACK, 1), 0);
    ask(s, &q);
    h = take_one(s);
    assert_int_equal(h.nlmsg_flags, NLM_F_CAPPED | NLM_F_ACK_TLVS);
    size_t length;
    const char *text = (const char *)attribute_at(0, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text) + 1, length);
    assert_non_null(strstr(text, "gateway"));
    sock_close(&rig, s);
}

static void several_requests_in_one_send(void **state)
{
    struct socket *s = open_route();
    struct request q = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_ACK, 0x0a000008, 8);
    uint8_t both[512];
    size_t one = (q.h.nlmsg_len + 3) & ~3u;
    (void)state;
    memcpy(both, &q, one);
    q.h.nlmsg_type = RTM_DELADDR;
    memcpy(both + one, &q, q.h.nlmsg_len);
    struct iovec v[2] = {{.iov_base = both, .iov_len = 20}, {.iov_base = both + 20, .iov_len = 2 * one - 20}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    assert_int_equal(socket_send(s, &m, 0, rig.now), 2 * one);
    assert_int_equal(error_of(s), 0);
    assert_int_equal(error_of(s), 0);
    assert_int_equal(take(s), -EAGAIN);
    sock_close(&rig, s);
}

/* ---- notifications ---- */

static void changes_are_told_to_their_groups(void **state)
{
    struct socket *s = open_route(), *links = open_route(), *asker = open_route();
    struct request q = address_request(RTM_NEWADDR, NLM_F_CREATE, 0x0a000009, 8);
    (void)state;
    assert_int_equal(bind_groups(s, 0, RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_NEIGH), 0);
    assert_int_equal(sock_set(&rig, links, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK), 0);
    assert_int_equal(result_of(asker, &q), 0);
    struct nlmsghdr h = take_one(s);
    assert_int_equal(h.nlmsg_type, RTM_NEWADDR);
    assert_int_equal(h.nlmsg_pid, name_of(asker).nl_pid);
    assert_int_equal(h.nlmsg_seq, 7);
    assert_int_equal(ip_at(0, sizeof(struct ifaddrmsg), IFA_LOCAL), 0x0a000009);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(take_one(s).nlmsg_type, RTM_NEWROUTE);
    assert_int_equal(take(s), -EAGAIN);
    q.h.nlmsg_type = RTM_DELADDR;
    q.h.nlmsg_flags |= NLM_F_ECHO;
    ask(asker, &q);
    assert_int_equal(take_one(asker).nlmsg_type, RTM_DELADDR); /* asked for its echo */
    assert_int_equal(take_one(s).nlmsg_type, RTM_DELADDR);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(take_one(s).nlmsg_type, RTM_DELROUTE);
    assert_int_equal(stack_set_up(rig.stacks[0], 0, false, rig.now), 0);
    assert_int_equal(stack_set_up(rig.stacks[0], 0, true, rig.now), 0);
    for (unsigned i = 0; i < 2; i++) {
        h = take_one(links);
        assert_int_equal(h.nlmsg_type, RTM_NEWLINK);
        assert_int_equal(h.nlmsg_pid, 0);
    }
    assert_int_equal(take(links), -EAGAIN);
    sock_close(&rig, links);
    sock_close(&rig, asker);
    struct socket *udp = sock_socket(&rig, 0, SOCK_DGRAM);
    assert_int_equal(sock_connect(&rig, udp, RIG_ADDRESS(1), 9), 0);
    assert_int_equal(sock_send(&rig, udp, "x", 1, 0), 1);
    socket_rig_settle(&rig);
    struct ndmsg n = {.ndm_state = 0};
    while (take(s) > 0) {
        assert_int_equal(head_at(0).nlmsg_type, RTM_NEWNEIGH);
        memcpy(&n, got + 16, sizeof n);
    }
    assert_int_equal(n.ndm_state, NUD_REACHABLE);
    sock_close(&rig, udp);
    sock_close(&rig, s);
}

static void the_group_is_told_on_request(void **state)
{
    struct socket *s = open_route();
    uint8_t control[64];
    struct iovec v = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    (void)state;
    assert_int_equal(bind_groups(s, 0, RTMGRP_LINK), 0);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_PKTINFO, 1), 0);
    assert_int_equal(stack_set_mtu(rig.stacks[0], 0, 1300, rig.now), 0);
    assert_true(socket_receive(s, &m, 0, rig.now) > 0);
    struct cmsghdr c;
    struct nl_pktinfo info;
    memcpy(&c, control, sizeof c);
    memcpy(&info, control + CMSG_LEN(0), sizeof info);
    assert_int_equal(c.cmsg_level, SOL_NETLINK);
    assert_int_equal(c.cmsg_type, NETLINK_PKTINFO);
    assert_int_equal(info.group, RTNLGRP_LINK);
    sock_close(&rig, s);
}

static void a_full_queue_is_an_overrun(void **state)
{
    struct socket *s = open_route(), *deaf = open_route();
    uint64_t before = socket_counters(rig.layers[0])->drop_receive_buffer;
    (void)state;
    assert_int_equal(bind_groups(s, 0, RTMGRP_LINK), 0);
    assert_int_equal(bind_groups(deaf, 0, RTMGRP_LINK), 0);
    assert_int_equal(sock_set(&rig, deaf, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1), 0);
    assert_int_equal(sock_set(&rig, s, SOL_SOCKET, SO_RCVBUF, 1), 0);
    assert_int_equal(sock_set(&rig, deaf, SOL_SOCKET, SO_RCVBUF, 1), 0);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(stack_set_mtu(rig.stacks[0], 0, 1000 + i, rig.now), 0);
    assert_true(socket_counters(rig.layers[0])->drop_receive_buffer > before);
    assert_true(socket_ready(s) & POLLERR);
    assert_false(socket_ready(deaf) & POLLERR);
    assert_int_equal(take(s), -ENOBUFS);
    assert_true(take(s) > 0);
    assert_true(take(deaf) > 0);
    sock_close(&rig, s);
    sock_close(&rig, deaf);
}

/* ---- hostile input ---- */

static void malformed_requests_are_refused(void **state)
{
    struct socket *s = open_route();
    struct rtmsg fixed = {.rtm_family = AF_INET, .rtm_dst_len = 32};
    struct request q = request(RTM_GETROUTE, 0, &fixed, sizeof fixed);
    uint16_t longer = 200, shorter = 3;
    (void)state;
    /* headers: nothing is answered, as Linux does it */
    assert_int_equal(ask_bytes(s, &q, 15), 15);
    for (uint32_t length = 0; length < 16; length++) {
        q.h.nlmsg_len = length;
        assert_int_equal(ask_bytes(s, &q, sizeof q), sizeof q);
    }
    q.h.nlmsg_len = UINT32_MAX;
    assert_int_equal(ask_bytes(s, &q, sizeof q), sizeof q);
    q.h.nlmsg_len = 16; /* not even a family */
    assert_int_equal(ask_bytes(s, &q, 16), 16);
    assert_int_equal(take(s), -EAGAIN);
    /* fixed parts */
    for (uint32_t length = 17; length < 16 + sizeof fixed; length++) {
        q.h.nlmsg_len = length;
        assert_int_equal(result_of(s, &q), -EINVAL);
    }
    /* attributes */
    q = request(RTM_GETROUTE, 0, &fixed, sizeof fixed);
    add_ip(&q, RTA_DST, RIG_ADDRESS(1));
    memcpy(q.body + sizeof fixed, &longer, 2);
    assert_int_equal(result_of(s, &q), -EINVAL);
    memcpy(q.body + sizeof fixed, &shorter, 2);
    assert_int_equal(result_of(s, &q), -EINVAL);
    for (size_t length = 0; length < 9; length++) {
        if (length == 4)
            continue;
        q = request(RTM_GETROUTE, 0, &fixed, sizeof fixed);
        add(&q, RTA_DST, "12345678", length);
        assert_int_equal(result_of(s, &q), -EINVAL);
    }
    fixed.rtm_dst_len = 33;
    q = request(RTM_NEWROUTE, 0, &fixed, sizeof fixed);
    assert_int_equal(result_of(s, &q), -EINVAL);
    sock_close(&rig, s);
}

/* Whatever the bytes are, each is answered or ignored, and nothing is read outside (under ASan and UBSan as well). */
static void random_requests_do_no_harm(void **state)
{
    struct socket *s = open_route();
    struct random random;
    (void)state;
    random_seed(&random, 4);
    assert_int_equal(sock_set(&rig, s, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1), 0);
    assert_int_equal(bind_groups(s, 0, UINT32_MAX), 0);
    for (unsigned i = 0; i < 20000; i++) {
        size_t length = 16 + random_below(&random, 120);
        uint8_t *bytes = test_malloc(length);
        for (size_t k = 0; k < length; k++)
            bytes[k] = (uint8_t)(random_below(&random, 3) ? random_below(&random, 8) : random_below(&random, 256));
        uint32_t whole = (uint32_t)length;
        uint16_t type = (uint16_t)(RTM_BASE + random_below(&random, 18)), flags;
        memcpy(&flags, bytes + 6, 2);
        flags |= NLM_F_REQUEST;
        memcpy(bytes, &whole, 4);
        memcpy(bytes + 4, &type, 2);
        memcpy(bytes + 6, &flags, 2);
        if (length > 20 && random_below(&random, 2))
            bytes[16] = AF_INET;
        assert_int_equal(ask_bytes(s, bytes, length), length);
        while (take(s) > 0)
            ;
        test_free(bytes);
    }
    sock_close(&rig, s);
}

/* ---- ioctl ---- */

static void interfaces_by_ioctl(void **state)
{
    struct socket *s = sock_socket(&rig, 0, SOCK_DGRAM);
    struct ifreq list[4], r = {.ifr_ifindex = 1};
    struct ifconf c = {.ifc_len = sizeof list, .ifc_req = list};
    struct sockaddr_in a;
    (void)state;
    assert_int_equal(socket_ioctl(s, SIOCGIFCONF, &c, rig.now), 0);
    assert_int_equal(c.ifc_len, sizeof(struct ifreq));
    memcpy(&a, &list[0].ifr_addr, sizeof a);
    assert_int_equal(ntohl(a.sin_addr.s_addr), RIG_ADDRESS(0));
    c = (struct ifconf){.ifc_len = 0};
    assert_int_equal(socket_ioctl(s, SIOCGIFCONF, &c, rig.now), 0);
    assert_int_equal(c.ifc_len, sizeof(struct ifreq));
    assert_int_equal(socket_ioctl(s, SIOCGIFNAME, &r, rig.now), 0);
    assert_string_equal(r.ifr_name, list[0].ifr_name);
    assert_int_equal(socket_ioctl(s, SIOCGIFINDEX, &r, rig.now), 0);
    assert_int_equal(r.ifr_ifindex, 1);
    assert_int_equal(socket_ioctl(s, SIOCGIFNETMASK, &r, rig.now), 0);
    memcpy(&a, &r.ifr_addr, sizeof a);
    assert_int_equal(ntohl(a.sin_addr.s_addr), 0xff000000);
    assert_int_equal(socket_ioctl(s, SIOCGIFBRDADDR, &r, rig.now), 0);
    memcpy(&a, &r.ifr_addr, sizeof a);
    assert_int_equal(ntohl(a.sin_addr.s_addr), 0x0affffff);
    assert_int_equal(socket_ioctl(s, SIOCGIFHWADDR, &r, rig.now), 0);
    assert_memory_equal(r.ifr_hwaddr.sa_data, rig.ends[0]->mac, 6);
    r.ifr_mtu = 1300;
    assert_int_equal(socket_ioctl(s, SIOCSIFMTU, &r, rig.now), 0);
    assert_int_equal(socket_ioctl(s, SIOCGIFMTU, &r, rig.now), 0);
    assert_int_equal(r.ifr_mtu, 1300);
    assert_int_equal(socket_ioctl(s, SIOCGIFFLAGS, &r, rig.now), 0);
    assert_int_equal(r.ifr_flags & IFF_UP, IFF_UP);
    memset(r.ifr_name, 'x', sizeof r.ifr_name);
    assert_int_equal(socket_ioctl(s, SIOCGIFINDEX, &r, rig.now), -ENODEV);
    r.ifr_ifindex = 2;
    assert_int_equal(socket_ioctl(s, SIOCGIFNAME, &r, rig.now), -ENODEV);
    assert_int_equal(socket_ioctl(s, SIOCGIFCONF, NULL, rig.now), -EFAULT);
    assert_int_equal(socket_ioctl(s, 0x12345, &r, rig.now), -ENOTTY);
    sock_close(&rig, s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, socket_rig_setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ports_are_given_and_kept),
        CASE(options_are_kept),
        CASE(only_the_stack_is_talked_to),
        CASE(peeking_tells_the_length),
        CASE(links_are_listed),
        CASE(addresses_are_listed_over_several_parts),
        CASE(dumps_are_paged_as_they_are_read),
        CASE(a_dump_says_when_things_changed_meanwhile),
        CASE(strict_dumps_are_filtered),
        CASE(other_families_have_nothing),
        CASE(addresses_come_and_go),
        CASE(routes_come_and_go),
        CASE(neighbours_come_and_go),
        CASE(links_go_up_and_down_and_change_their_mtu),
        CASE(errors_quote_and_explain),
        CASE(several_requests_in_one_send),
        CASE(changes_are_told_to_their_groups),
        CASE(the_group_is_told_on_request),
        CASE(a_full_queue_is_an_overrun),
        CASE(malformed_requests_are_refused),
        CASE(random_requests_do_no_harm),
        CASE(interfaces_by_ioctl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
