/* SPDX-License-Identifier: MIT */
/*
 * Source filters of sockets over IPv6: RFC 3678 as ipv6(7) has it. Those of IPv4, the same code, are compared call by call with the kernel
 * (tests/semantics/cases_groups.c). And what a closed socket or an ended layer leaves behind: nothing.
 */
#include "support/cmocka_all.h"

#include "socket_rig.h"
#include "wire/ip_addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define PORT 5353
static const struct ip_addr group = {{0xff, 5, [15] = 7}}, other = {{0x20, 1, 0x0d, 0xb8, [15] = 9}};

static struct ip_addr address_of(unsigned side)
{
    return (struct ip_addr){{0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)(1 + side)}};
}

static int setup(void **state)
{
    int e = socket_rig_setup(state);
    for (unsigned side = 0; side < 2; side++) {
        struct host_settings h = {.address = address_of(side), .prefix_length = 64};
        assert_true(stack_add_host(rig.stacks[side], &h) > 0);
    }
    return e;
}

static struct sockaddr_storage storage(const struct ip_addr *ip, uint16_t port)
{
    struct sockaddr_storage s = {.ss_family = AF_INET6};
    memcpy(&((struct sockaddr_in6 *)&s)->sin6_addr, ip->bytes, 16);
    ((struct sockaddr_in6 *)&s)->sin6_port = htons(port);
    return s;
}

static struct socket *udp6(unsigned side, uint16_t port)
{
    struct socket *s;
    assert_int_equal(socket_open(rig.layers[side], AF_INET6, SOCK_DGRAM, 0, &s), 0);
    struct sockaddr_storage any = storage(&(struct ip_addr){{0}}, port);
    assert_int_equal(socket_bind(s, (struct sockaddr *)&any, sizeof(struct sockaddr_in6), rig.now), 0);
    return s;
}

static int change(struct socket *s, int name, const struct ip_addr *source)
{
    struct group_source_req r = {.gsr_interface = 1, .gsr_group = storage(&group, 0), .gsr_source = storage(source, 0)};
    return socket_set_option(s, IPPROTO_IPV6, name, &r, sizeof r, rig.now);
}

static int whole(struct socket *s, int name)
{
    struct group_req r = {.gr_interface = 1, .gr_group = storage(&group, 0)};
    return socket_set_option(s, IPPROTO_IPV6, name, &r, sizeof r, rig.now);
}

/* Is what the other side sends to the group received? */
static bool hears(struct socket *s)
{
    struct socket *client = udp6(0, 0);
    struct sockaddr_storage to = storage(&group, PORT);
    char text[8];
    struct iovec piece = {.iov_base = text, .iov_len = 1};
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof(struct sockaddr_in6), .msg_iov = &piece, .msg_iovlen = 1};
    assert_int_equal(socket_send(client, &m, 0, rig.now), 1);
    socket_rig_settle(&rig);
    sock_close(&rig, client);
    ssize_t n = sock_receive(&rig, s, text, sizeof text, MSG_DONTWAIT);
    assert_true(n == 1 || n == -EAGAIN);
    return n == 1;
}

static void a_source_is_joined_blocked_and_left(void **state)
{
    (void)state;
    struct socket *s = udp6(1, PORT);
    const struct ip_addr peer = address_of(0);
    assert_int_equal(change(s, MCAST_BLOCK_SOURCE, &peer), -EINVAL);
    assert_int_equal(change(s, MCAST_JOIN_SOURCE_GROUP, &other), 0);
    assert_false(hears(s));
    assert_int_equal(change(s, MCAST_JOIN_SOURCE_GROUP, &peer), 0);
    assert_int_equal(change(s, MCAST_JOIN_SOURCE_GROUP, &peer), -EADDRNOTAVAIL);
    assert_true(hears(s));
    assert_int_equal(change(s, MCAST_BLOCK_SOURCE, &peer), -EINVAL);
    assert_int_equal(change(s, MCAST_LEAVE_SOURCE_GROUP, &peer), 0);
    assert_false(hears(s));
    assert_int_equal(change(s, MCAST_LEAVE_SOURCE_GROUP, &other), 0);
    assert_false(stack_has_joined(rig.stacks[1], 2, &group));
    assert_int_equal(whole(s, MCAST_JOIN_GROUP), 0);
    assert_int_equal(whole(s, MCAST_JOIN_GROUP), -EADDRINUSE);
    assert_true(hears(s));
    assert_int_equal(change(s, MCAST_BLOCK_SOURCE, &peer), 0);
    assert_false(hears(s));
    assert_int_equal(change(s, MCAST_UNBLOCK_SOURCE, &peer), 0);
    assert_true(hears(s));
    assert_int_equal(whole(s, MCAST_LEAVE_GROUP), 0);
    assert_int_equal(whole(s, MCAST_LEAVE_GROUP), -EADDRNOTAVAIL);
    sock_close(&rig, s);
}

#define FILTER_BYTES(n) ((socklen_t)(offsetof(struct group_filter, gf_slist) + (n) * sizeof(struct sockaddr_storage)))

static void a_whole_filter_is_set_and_read(void **state)
{
    (void)state;
    enum { MOST = 65 };
    static char room[sizeof(struct group_filter) + MOST * sizeof(struct sockaddr_storage)];
    struct group_filter *f = (struct group_filter *)(void *)room;
    struct socket *s = udp6(1, PORT);
    assert_int_equal(whole(s, MCAST_JOIN_GROUP), 0);
    *f = (struct group_filter){.gf_interface = 1, .gf_group = storage(&group, 0), .gf_fmode = MCAST_EXCLUDE};
    for (uint32_t i = 0; i < MOST; i++) {
        struct ip_addr source = ip_addr_add(&other, i);
        struct sockaddr_storage one = storage(&source, 0);
        memcpy(room + FILTER_BYTES(i), &one, sizeof one);
    }
    f->gf_numsrc = MOST;
    assert_int_equal(socket_set_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, FILTER_BYTES(MOST), rig.now), -ENOBUFS);
    f->gf_numsrc = 64;
    assert_int_equal(socket_set_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, FILTER_BYTES(63), rig.now), -EINVAL);
    assert_int_equal(socket_set_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, FILTER_BYTES(64), rig.now), 0);
    assert_true(hears(s));
    socklen_t length = FILTER_BYTES(64);
    f->gf_fmode = 9;
    f->gf_numsrc = 3;
    assert_int_equal(socket_get_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, &length, rig.now), 0);
    assert_int_equal(f->gf_fmode, MCAST_EXCLUDE);
    assert_int_equal(f->gf_numsrc, 64);
    assert_int_equal(length, FILTER_BYTES(3));
    f->gf_fmode = MCAST_INCLUDE;
    f->gf_numsrc = 2;
    assert_int_equal(socket_set_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, FILTER_BYTES(2), rig.now), 0);
    assert_false(hears(s));
    f->gf_numsrc = 0;
    assert_int_equal(socket_set_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, FILTER_BYTES(0), rig.now), 0);
    length = 8;
    assert_int_equal(socket_get_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, &length, rig.now), -EINVAL);
    length = FILTER_BYTES(0);
    assert_int_equal(socket_get_option(s, IPPROTO_IPV6, MCAST_MSFILTER, room, &length, rig.now), -EADDRNOTAVAIL);
    sock_close(&rig, s);
}

static void a_closed_socket_leaves_with_its_sources(void **state)
{
    (void)state;
    struct socket *s = udp6(1, PORT), *stays = udp6(1, PORT + 1);
    const struct ip_addr peer = address_of(0);
    assert_int_equal(change(s, MCAST_JOIN_SOURCE_GROUP, &peer), 0);
    assert_int_equal(change(stays, MCAST_JOIN_SOURCE_GROUP, &other), 0);
    sock_close(&rig, s);
    assert_true(stack_has_joined(rig.stacks[1], 2, &group));
    sock_close(&rig, stays);
    assert_false(stack_has_joined(rig.stacks[1], 2, &group));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_source_is_joined_blocked_and_left, setup, socket_rig_teardown),
        cmocka_unit_test_setup_teardown(a_whole_filter_is_set_and_read, setup, socket_rig_teardown),
        cmocka_unit_test_setup_teardown(a_closed_socket_leaves_with_its_sources, setup, socket_rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
