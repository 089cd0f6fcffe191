/* SPDX-License-Identifier: MIT */
/*
 * Source filters: ip(7), RFC 3678. What the older and the newer options answer, what a filter lets through, and what is read back of it.
 */
#include "semantics.h"

#include <stddef.h>

#define OTHER_SOURCE "192.0.2.77"

static struct in_addr in(const char *text)
{
    struct in_addr a;
    inet_pton(AF_INET, text, &a);
    return a;
}

static struct ip_mreq_source from(const char *source)
{
    return (struct ip_mreq_source){
        .imr_multiaddr = in(GROUP), .imr_interface = in(T_ADDRESS), .imr_sourceaddr = in(source)};
}

static struct sockaddr_storage as_storage(int family, const char *text)
{
    struct sockaddr_storage s = {.ss_family = (sa_family_t)family};
    if (family == AF_INET)
        inet_pton(family, text, &((struct sockaddr_in *)&s)->sin_addr);
    else
        inet_pton(family, text, &((struct sockaddr_in6 *)&s)->sin6_addr);
    return s;
}

static struct group_source_req group_from(const char *source)
{
    return (struct group_source_req){.gsr_group = as_storage(AF_INET, GROUP),
                                     .gsr_source = as_storage(AF_INET, source)};
}

/* So that requests that name no interface find T's. */
static void join_by_route(int t)
{
    struct ip_mreqn m = {.imr_multiaddr = in(GROUP), .imr_address = in(T_ADDRESS)};
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
}

static void peer_says(int p, const char *text)
{
    struct in_addr local = in(P_ADDRESS);
    MUST(kernel_peer.setsockopt(p, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local));
    must(kernel_peer.sendto(p, text, strlen(text), 0, address_of(GROUP, 1), LEN), "to the group");
    arrived();
}

static void hears(int t, int p)
{
    char text[20];
    peer_says(p, "source");
    T(recv(t, text, 20, MSG_DONTWAIT));
}

static void show_filter(int t)
{
    union {
        struct ip_msfilter f;
        char room[256];
    } u = {.f = {.imsf_multiaddr = in(GROUP), .imsf_interface = in(T_ADDRESS), .imsf_numsrc = 10}};
    socklen_t length = sizeof u;
    if (T(getsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, &length)) < 0)
        return;
    note("    mode %u, %u sources, %u bytes", u.f.imsf_fmode, u.f.imsf_numsrc, (unsigned)length);
    for (uint32_t i = 0; i < u.f.imsf_numsrc && i < 10; i++) {
        struct in_addr a;
        memcpy(&a, u.room + offsetof(struct ip_msfilter, imsf_slist) + 4 * i, 4);
        note("    %s", inet_ntoa(a));
    }
}

CASE(source_membership)
{
    int t = t_datagram(), p = p_datagram();
    struct ip_mreq_source m = from(P_ADDRESS), other = from(OTHER_SOURCE);
    T(bind(t, ANY(1), LEN));
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &other, sizeof other));
    hears(t, p);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    hears(t, p);
    show_filter(t);
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &m, sizeof m));
    hears(t, p);
    T(setsockopt(t, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &other, sizeof other));
    T(setsockopt(t, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &other, sizeof other));
    show_filter(t);
}

CASE(source_blocking)
{
    int t = t_datagram(), p = p_datagram();
    struct ip_mreq_source m = from(P_ADDRESS), other = from(OTHER_SOURCE);
    T(bind(t, ANY(1), LEN));
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &m, sizeof m));
    join_by_route(t);
    T(setsockopt(t, IPPROTO_IP, IP_UNBLOCK_SOURCE, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &other, sizeof other));
    hears(t, p);
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &m, sizeof m));
    hears(t, p);
    show_filter(t);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_UNBLOCK_SOURCE, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_UNBLOCK_SOURCE, &other, sizeof other));
    hears(t, p);
    show_filter(t);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m)); /* the empty list is one */
}

CASE(source_membership_after_joining)
{
    int t = t_datagram(), p = p_datagram();
    struct ip_mreq_source other = from(OTHER_SOURCE);
    T(bind(t, ANY(1), LEN));
    join_by_route(t);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &other, sizeof other));
    hears(t, p);
    show_filter(t);
}

CASE(source_limit)
{
    int t = t_datagram();
    for (int i = 1; i <= 11; i++) {
        struct ip_mreq_source m = from(OTHER_SOURCE);
        ((uint8_t *)&m.imr_sourceaddr)[3] = (uint8_t)i;
        T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    }
}

CASE(source_odd_requests)
{
    int t = t_datagram();
    struct ip_mreq_source m = from(P_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m - 1));
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m + 1));
    m.imr_interface = in(NOWHERE);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &m, sizeof m));
    m.imr_multiaddr = in(T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, IP_BLOCK_SOURCE, &m, sizeof m));
}

union filter {
    struct ip_msfilter f;
    char room[256];
};
#define FILTER_BYTES(n) ((socklen_t)(offsetof(struct ip_msfilter, imsf_slist) + 4u * (n)))
static union filter filter(uint32_t mode, uint32_t n, const char *one)
{
    union filter u = {.f = {.imsf_multiaddr = in(GROUP), .imsf_interface = in(T_ADDRESS), .imsf_fmode = mode}};
    u.f.imsf_numsrc = n;
    for (uint32_t i = 0; i < n; i++) {
        struct in_addr a = in(one);
        ((uint8_t *)&a)[3] = (uint8_t)(((uint8_t *)&a)[3] + i);
        memcpy(u.room + FILTER_BYTES(i), &a, 4);
    }
    return u;
}

CASE(whole_filter)
{
    int t = t_datagram(), p = p_datagram();
    union filter u = filter(MCAST_INCLUDE, 2, P_ADDRESS);
    T(bind(t, ANY(1), LEN));
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(2)));
    show_filter(t);
    join_by_route(t);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(2)));
    hears(t, p);
    show_filter(t);
    u = filter(MCAST_EXCLUDE, 2, P_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(2)));
    hears(t, p);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(1)));
    u.f.imsf_fmode = 2;
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(2)));
    u = filter(MCAST_EXCLUDE, 11, P_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(11)));
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, 8));
    show_filter(t);
    u = filter(MCAST_EXCLUDE, 0, P_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(0)));
    hears(t, p);
    u = filter(MCAST_INCLUDE, 0, P_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(0)));
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(0)));
    show_filter(t);
}

CASE(whole_filter_read_in_part)
{
    int t = t_datagram();
    union filter u = filter(MCAST_EXCLUDE, 3, P_ADDRESS);
    socklen_t length;
    join_by_route(t);
    T(setsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, FILTER_BYTES(3)));
    for (uint32_t room = 0; room < 5; room++) {
        u = filter(0, room, "0.0.0.0");
        length = FILTER_BYTES(room);
        T(getsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, &length));
        note("    mode %u, %u sources, %u bytes", u.f.imsf_fmode, u.f.imsf_numsrc, (unsigned)length);
    }
    length = 8;
    T(getsockopt(t, IPPROTO_IP, IP_MSFILTER, &u, &length));
}

CASE(protocol_independent_options)
{
    int t = t_datagram();
    struct group_req g = {.gr_group = as_storage(AF_INET, GROUP)};
    struct group_source_req m = group_from(P_ADDRESS), other = group_from(OTHER_SOURCE);
    struct in_addr local = in(T_ADDRESS);
    T(bind(t, ANY(1), LEN));
    T(setsockopt(t, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local));
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g - 1));
    g.gr_interface = 999;
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g));
    T(setsockopt(t, IPPROTO_IP, MCAST_LEAVE_GROUP, &g, sizeof g));
    g.gr_group = as_storage(AF_INET6, "ff05::1");
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g));
    g.gr_group = as_storage(AF_INET, T_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_GROUP, &g, sizeof g));
    m.gsr_interface = other.gsr_interface = 999;
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, MCAST_BLOCK_SOURCE, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &m, sizeof m - 1));
    m.gsr_source = as_storage(AF_INET6, "::1");
    T(setsockopt(t, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &m, sizeof m));
    T(setsockopt(t, IPPROTO_IP, MCAST_UNBLOCK_SOURCE, &m, sizeof m));
}

CASE(groups_of_a_socket_are_limited)
{
    int t = t_datagram();
    for (int i = 1; i <= 21; i++) {
        struct ip_mreqn m = {.imr_multiaddr = in(GROUP), .imr_address = in(T_ADDRESS)};
        ((uint8_t *)&m.imr_multiaddr)[3] = (uint8_t)i;
        T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m));
    }
}

CASE(raw_sockets_filter_sources)
{
    char text[100];
    int t = T_FD(socket(AF_INET, SOCK_RAW, IPPROTO_UDP)), p = p_datagram();
    struct ip_mreq_source other = from(OTHER_SOURCE), m = from(P_ADDRESS);
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &other, sizeof other));
    T(bind(t, address_of(GROUP, PORT0), LEN));
    peer_says(p, "not wanted");
    T(recv(t, text, 100, MSG_DONTWAIT));
    T(setsockopt(t, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m));
    peer_says(p, "wanted");
    T(recv(t, text, 100, MSG_DONTWAIT));
}

CASE(streams_have_no_groups)
{
    int t = t_stream();
    struct ip_mreqn g = {.imr_multiaddr = in(GROUP), .imr_address = in(T_ADDRESS)};
    T(setsockopt(t, IPPROTO_IP, IP_ADD_MEMBERSHIP, &g, sizeof g));
    T(setsockopt(t, IPPROTO_IP, IP_DROP_MEMBERSHIP, &g, sizeof g));
}
