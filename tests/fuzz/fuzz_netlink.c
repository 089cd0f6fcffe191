/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: netlink route sockets and the ioctls of interfaces. A small stack with a socket layer, three netlink sockets of which the last hears all
 * groups, and records of the input that are requests as bytes, requests with a right header, options, reads, frames of ARP, and time. Every message that is read is
 * well-formed; a request that wants an acknowledgement gets one end, an error, an acknowledgement or NLMSG_DONE; a dump of addresses shows as many as
 * there are; at the end everything is given back.
 *
 * Input: a byte of scarcity (which allocation fails first, 0: none), then records {kind, length, bytes}, kind modulo OP_COUNT as in enum operation; bits
 * 4 and 5 of kind choose the socket. Bytes mean what the function of the operation says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "socket/socket.h"
#include "stack/control.h"
#include "wire/arp.h"
#include "wire/eth.h"

#define SOCKETS 3u
#define ADDRESS 0x0a000001u
#define READS 600u /* more than any queue holds */
#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

enum operation {
    OP_BYTES,
    OP_REQUEST,
    OP_ATTRIBUTES,
    OP_READ,
    OP_OPTION,
    OP_BIND,
    OP_IOCTL,
    OP_REOPEN,
    OP_ARP,
    OP_TIME,
    OP_COUNT
};

struct world {
    const struct allocator *memory;
    struct link *ends[2];
    struct guard guard;
    struct stack *stack;
    struct socket_layer *layer;
    struct socket *sockets[SOCKETS];
    uint32_t sequence;
    int64_t now;
};

/* What reading a socket until it is empty found. */
struct found {
    unsigned ends;      /* NLMSG_ERROR and NLMSG_DONE of the sequence asked for */
    unsigned addresses; /* RTM_NEWADDR of it */
    bool interrupted;
    int error;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* ---- the world ---- */

static void turn(struct world *w)
{
    struct packet *p[LINK_BURST];
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    for (unsigned n; (n = link_rx_burst(w->ends[1], p, LINK_BURST, w->now)) > 0;)
        packet_release_burst(p, n);
    w->now += NS_PER_US;
}

static void open_one(struct world *w, unsigned i)
{
    if (socket_open(w->layer, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &w->sockets[i]) < 0)
        w->sockets[i] = NULL;
    for (int group = 1; i + 1 == SOCKETS && w->sockets[i] && group <= RTNLGRP_MAX; group++)
        (void)socket_set_option(w->sockets[i], SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group, w->now);
}

static int begin_stack(struct world *w)
{
    struct guard_rules rules = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct stack_settings t;
    struct host_settings h = {
        .address = ip_addr_from_v4(ADDRESS), .prefix_length = 24, .gateway = ip_addr_from_v4(ADDRESS + 1)};
    stack_settings_default(&t);
    t.max_addresses = 6;
    t.max_neighbours = t.max_udp_bindings = 16;
    t.max_routes = t.max_path_mtus = t.max_groups = t.max_group_sources = 8;
    t.max_echo_bindings = t.max_ra_domains = t.max_redirects = 4;
    t.resolve_queue_total = 8;
    t.fragment_bytes_high = t.fragment_bytes_low = t.fragment_source_bytes = 128 << 10;
    t.large_datagrams = 1;
    t.loop_frames = 2;
    t.secret = (struct hash_key){1, 99};
    t.tcp.max_connections = t.tcp.max_time_wait = t.tcp.max_listeners = 8;
    t.tcp.max_out_of_order_frames = 8;
    t.tcp.secret = (struct hash_key){11, 77};
    int e = guard_init(&w->guard, &rules, NULL, w->now);
    e = e ? e : stack_new(&t, w->memory, w->now, &w->stack);
    e = e ? e : stack_add_interface(w->stack, w->ends[0], &w->guard);
    e = e ? e : stack_add_host(w->stack, &h);
    return e < 0 ? e : 0;
}

static int make(struct world *w, uint8_t scarcity)
{
    struct memory_settings m;
    struct socket_settings s;
    *w = (struct world){.memory = arena_begin(), .now = NS_PER_S};
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 32;
    m.reserve = 8;
    if (scarcity & 63)
        arena_fail_from((scarcity & 63u) - 1);
    int e = memory_link_new(&m, w->memory, "fuzz", w->ends);
    e = e ? e : begin_stack(w);
    socket_settings_default(&s);
    s.max_sockets = 4;
    s.max_registered_sends = 1;
    s.receive_buffer = 16384;
    s.buffer_bytes = 512 << 10;
    e = e ? e : socket_layer_new(&s, w->stack, w->memory, &w->layer);
    for (unsigned i = 0; i < SOCKETS && e == 0; i++)
        open_one(w, i);
    return e;
}

/* Where nothing is scarce the world is always the same. */
static int begin(struct world *w, uint8_t scarcity)
{
    bool whole = (scarcity & 63) == 0;
    if (whole && arena_again(0, w, sizeof *w))
        return 0;
    int e = make(w, scarcity);
    if (whole)
        arena_keep(0, w, sizeof *w);
    return e;
}

static void end(struct world *w)
{
    for (unsigned i = 0; i < SOCKETS; i++)
        if (w->sockets[i])
            socket_close(w->sockets[i], w->now);
    require(!w->layer || socket_count(w->layer) == 0);
    socket_layer_delete(w->layer);
    stack_delete(w->stack);
    for (unsigned i = 0; i < 2; i++)
        if (w->ends[i])
            link_close(w->ends[i]);
    arena_end();
}

/* ---- reading: with linux/netlink.h alone ---- */

static size_t fixed_part(uint16_t type)
{
    switch ((type - RTM_BASE) >> 2) {
    case 0:
        return sizeof(struct ifinfomsg);
    case 1:
        return sizeof(struct ifaddrmsg);
    case 2:
        return sizeof(struct rtmsg);
    default:
        return sizeof(struct ndmsg);
    }
}

static void check_attributes(const uint8_t *at, size_t length)
{
    while (length >= sizeof(struct rtattr)) {
        struct rtattr a;
        memcpy(&a, at, sizeof a);
        require(a.rta_len >= sizeof a && a.rta_len <= length);
        size_t step = min_size(RTA_ALIGN(a.rta_len), length);
        at += step;
        length -= step;
    }
    require(length == 0);
}

static void check_message(const struct nlmsghdr *h, const uint8_t *body, uint32_t sequence, struct found *found)
{
    size_t length = h->nlmsg_len - NLMSG_HDRLEN;
    bool asked = h->nlmsg_seq == sequence;
    found->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (h->nlmsg_type == NLMSG_ERROR) {
        struct nlmsgerr e;
        require(length >= sizeof e);
        memcpy(&e, body, sizeof e);
        require(e.error <= 0 && e.error > -4096);
        found->error = asked ? e.error : found->error;
        found->ends += asked;
    } else if (h->nlmsg_type == NLMSG_DONE) {
        require(length >= sizeof(int));
        found->ends += asked;
    } else {
        require(h->nlmsg_type >= RTM_NEWLINK && h->nlmsg_type <= RTM_DELNEIGH && length >= fixed_part(h->nlmsg_type));
        size_t fixed = NLMSG_ALIGN(fixed_part(h->nlmsg_type));
        check_attributes(body + fixed, length - fixed);
        found->addresses += asked && h->nlmsg_type == RTM_NEWADDR;
    }
}

static void check_messages(const uint8_t *at, size_t length, uint32_t sequence, struct found *found)
{
    while (length > 0) {
        struct nlmsghdr h;
        require(length >= sizeof h);
        memcpy(&h, at, sizeof h);
        require(h.nlmsg_len >= sizeof h && h.nlmsg_len <= length);
        check_message(&h, at + sizeof h, sequence, found);
        size_t step = min_size(NLMSG_ALIGN(h.nlmsg_len), length);
        at += step;
        length -= step;
    }
}

static struct found read_all(struct world *w, struct socket *s, uint32_t sequence)
{
    static uint8_t bytes[32768];
    struct found found = {0};
    struct sockaddr_nl name;
    for (unsigned i = 0;; i++) {
        struct iovec v = {bytes, sizeof bytes};
        struct msghdr m = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &v, .msg_iovlen = 1};
        ssize_t n = socket_receive(s, &m, 0, w->now);
        if (n == -EAGAIN)
            return found;
        require(i < READS && (n >= 0 || n == -ENOBUFS));
        if (n > 0)
            check_messages(bytes, (size_t)n, sequence, &found);
    }
}

/* ---- operations ---- */

/* To the stack, whomever the socket is connected to. */
static ssize_t send_bytes(struct world *w, struct socket *s, const void *bytes, size_t length)
{
    struct sockaddr_nl to = {.nl_family = AF_NETLINK};
    struct iovec v = {(void *)(uintptr_t)bytes, length};
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1};
    return socket_send(s, &m, 0, w->now);
}

/* Answers for which there was no room. */
static uint64_t lost(const struct world *w)
{
    const struct socket_counters *c = socket_counters(w->layer);
    return c->drop_receive_buffer + c->drop_no_memory;
}

static unsigned count_hosts(const struct world *w)
{
    unsigned n = 0;
    for (uint32_t i = 0; (i = stack_next_host(w->stack, i)) != 0;)
        n++;
    return n;
}

static void dump_addresses(struct world *w, struct socket *s)
{
    struct {
        struct nlmsghdr h;
        struct ifaddrmsg a;
    } q = {.h = {.nlmsg_len = sizeof q,
                 .nlmsg_type = RTM_GETADDR,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = ++w->sequence}};
    uint64_t before = lost(w);
    require(send_bytes(w, s, &q, sizeof q) == sizeof q);
    struct found found = read_all(w, s, w->sequence);
    require(lost(w) != before ||
            (found.ends == 1 && found.error == 0 && found.addresses == count_hosts(w) && !found.interrupted));
}

/* A request with its length, sequence and NLM_F_REQUEST right, and an acknowledgement wanted. */
static void ask(struct world *w, struct socket *s, uint8_t type, uint8_t flags, uint8_t *message, size_t length)
{
    struct nlmsghdr h = {.nlmsg_len = (uint32_t)(sizeof h + length),
                         .nlmsg_type = (uint16_t)(RTM_NEWLINK + type % 16),
                         .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags << 8 | (flags & NLM_F_ECHO)),
                         .nlmsg_seq = ++w->sequence};
    memcpy(message, &h, sizeof h);
    (void)read_all(w, s, 0); /* whatever waits */
    uint64_t before = lost(w);
    require(send_bytes(w, s, message, sizeof h + length) == (ssize_t)(sizeof h + length));
    struct found found = read_all(w, s, w->sequence);
    require(lost(w) != before || found.ends == 1);
}

/* type, flags, and the rest as it is. */
static void op_request(struct world *w, struct socket *s, const uint8_t *a, size_t n)
{
    uint8_t message[sizeof(struct nlmsghdr) + 256] = {0};
    if (n < 2)
        return;
    memcpy(message + sizeof(struct nlmsghdr), a + 2, n - 2);
    ask(w, s, a[0], a[1], message, n - 2);
}

/* type, flags, the fixed part's bytes, then attributes {type, length, bytes} whose places are right. */
static void op_attributes(struct world *w, struct socket *s, const uint8_t *a, size_t n)
{
    uint8_t message[sizeof(struct nlmsghdr) + 2048] = {0};
    size_t fixed = n < 2 ? 0 : fixed_part((uint16_t)(RTM_NEWLINK + a[0] % 16)), at = sizeof(struct nlmsghdr) + fixed;
    if (n < 2 || n - 2 < fixed)
        return;
    memcpy(message + sizeof(struct nlmsghdr), a + 2, fixed);
    const uint8_t *from = a + 2 + fixed, *end = a + n;
    while (end - from >= 2) {
        size_t length = min_size(from[1] & 31u, (size_t)(end - from - 2));
        struct rtattr head = {.rta_len = (uint16_t)(sizeof head + length), .rta_type = from[0] & 63u};
        at = RTA_ALIGN(at);
        if (at + sizeof head + length > sizeof message)
            break;
        memcpy(message + at, &head, sizeof head);
        memcpy(message + at + sizeof head, from + 2, length);
        at += sizeof head + length;
        from += 2 + length;
    }
    ask(w, s, a[0], a[1], message, at - sizeof(struct nlmsghdr));
}

/* How much there is room for, and flags. */
static void op_read(struct world *w, struct socket *s, const uint8_t *a, size_t n)
{
    static const int flags[4] = {0, MSG_PEEK, MSG_TRUNC, MSG_PEEK | MSG_TRUNC};
    uint8_t bytes[1020], control[32];
    struct iovec v = {bytes, n > 0 ? a[0] * 4u : 0};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = n > 2 ? a[2] & 31u : 0};
    ssize_t got = socket_receive(s, &m, n > 1 ? flags[a[1] & 3] : 0, w->now);
    require(got <= (ssize_t)v.iov_len || (n > 1 && (flags[a[1] & 3] & MSG_TRUNC)));
}

static void op_option(struct world *w, struct socket *s, const uint8_t *a, size_t n)
{
    int32_t value = n > 1 ? (int8_t)a[1] : 1;
    uint8_t got[16];
    socklen_t length = sizeof got;
    int name = n > 0 ? a[0] & 15 : 0;
    (void)socket_set_option(s, SOL_NETLINK, name, &value, sizeof value, w->now);
    (void)socket_get_option(s, SOL_NETLINK, name, got, &length, w->now);
    require(length <= sizeof got);
    if (n > 2)
        (void)socket_set_option(s, SOL_SOCKET, SO_RCVBUF, &(int){a[2] * 64}, sizeof(int), w->now);
}

static void op_bind(struct world *w, struct socket *s, const uint8_t *a, size_t n)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_pid = n > 0 ? a[0] & 3u : 0, .nl_groups = n > 1 ? a[1] : 0};
    const struct sockaddr *to = (const struct sockaddr *)(const void *)&name;
    (void)(n > 2 && a[2] & 1 ? socket_connect(s, to, sizeof name, w->now) : socket_bind(s, to, sizeof name, w->now));
}

/* Which request; a structure's bytes. */
static void op_ioctl(struct world *w, struct socket *s, const uint8_t *a, size_t n)
{
    static const unsigned long requests[] = {SIOCGIFNAME, SIOCGIFINDEX,   SIOCGIFFLAGS,   SIOCSIFFLAGS,  SIOCGIFADDR,
                                             SIOCSIFADDR, SIOCGIFNETMASK, SIOCGIFBRDADDR, SIOCGIFHWADDR, SIOCGIFMTU,
                                             SIOCSIFMTU,  SIOCGIFTXQLEN,  SIOCGIFDSTADDR, SIOCGIFMETRIC};
    char room[200];
    struct ifconf all = {.ifc_len = n > 1 ? (int8_t)a[1] : 0, .ifc_buf = room};
    struct ifreq r = {.ifr_name = "fuzz:1"};
    if (n == 0)
        return;
    if (n > 2)
        memcpy(n % 2 ? (void *)&r : (void *)&r.ifr_ifru, a + 2, min_size(n - 2, n % 2 ? sizeof r : 16));
    if (a[0] & 128)
        (void)socket_ioctl(s, SIOCGIFCONF, &all, w->now);
    else
        (void)socket_ioctl(s, requests[a[0] % ARRAY_SIZE(requests)], &r, w->now);
}

/* Somebody on the wire speaks; or answers. */
static void op_arp(struct world *w, const uint8_t *a, size_t n)
{
    struct packet *p;
    if (n < 3 || link_tx_alloc(w->ends[1], &p, 1, LINK_ALLOC_CONTROL) != 1)
        return;
    struct wire_arp arp = {.op = 1 + (a[0] & 1u), .spa = ADDRESS + a[1], .tpa = ADDRESS + (a[2] & 3u)};
    const uint8_t mac[6] = {2, 0, 0, 0, 9, a[1]};
    memcpy(arp.sha, mac, 6);
    memcpy(arp.tha, w->ends[0]->mac, 6);
    wire_eth_build14(p->data, w->ends[0]->mac, mac, ETHERTYPE_ARP);
    wire_arp_build(p->data + WIRE_ETH_LEN, &arp);
    p->len = WIRE_ETH_LEN + WIRE_ARP_LEN;
    w->ends[1]->ops->tx_burst(w->ends[1], &p, 1, w->now);
    turn(w);
}

static void operate(struct world *w, uint8_t op, const uint8_t *a, size_t n)
{
    unsigned i = (op >> 4) % SOCKETS;
    struct socket *s = w->sockets[i];
    if (!s)
        return;
    switch ((enum operation)((op & 15u) % OP_COUNT)) {
    case OP_BYTES:
        (void)!send_bytes(w, s, a, n);
        break;
    case OP_REQUEST:
        op_request(w, s, a, n);
        break;
    case OP_ATTRIBUTES:
        op_attributes(w, s, a, n);
        break;
    case OP_READ:
        op_read(w, s, a, n);
        break;
    case OP_OPTION:
        op_option(w, s, a, n);
        break;
    case OP_BIND:
        op_bind(w, s, a, n);
        break;
    case OP_IOCTL:
        op_ioctl(w, s, a, n);
        break;
    case OP_REOPEN:
        socket_close(s, w->now);
        open_one(w, i);
        break;
    case OP_ARP:
        op_arp(w, a, n);
        break;
    case OP_TIME:
        w->now += n > 0 ? NS_PER_MS << (a[0] & 15) : NS_PER_S;
        turn(w);
        break;
    case OP_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    if (size == 0)
        return 0;
    int e = begin(&w, data[0]);
    require(e == 0 || arena_failed());
    for (size_t at = 1; e == 0 && size - at >= 2;) {
        size_t n = min_size(data[at + 1], size - at - 2);
        operate(&w, data[at], data + at + 2, n);
        at += 2 + n;
    }
    for (unsigned i = 0; i < SOCKETS && e == 0; i++)
        if (w.sockets[i])
            (void)read_all(&w, w.sockets[i], 0);
    if (e == 0) { /* on a fresh socket: nothing is under way there */
        struct socket *s;
        if (socket_open(w.layer, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &s) == 0) {
            dump_addresses(&w, s);
            socket_close(s, w.now);
        }
    }
    end(&w);
    return 0;
}
