/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: the socket layer, stateful. Two small stacks wired to each other, with a socket layer each; operations decoded from the input are socket calls
 * on either, frames from nowhere, time, and frames that are lost. What one end of a stream says the other hears, byte for byte; what poll promises recv
 * keeps; what is sent from registered memory completes once; at the end everything is closed and everything given back.
 *
 * Input: a byte of scarcity (bits 0-5 which allocation fails first, 0: none; 6-7 how little memory for data there is); then operations of 6 bytes: {kind, slot,
 * a, b, c, d}, kind modulo OP_COUNT as in enum operation, slot modulo SLOTS: even slots are sockets of side 0, odd ones of side 1. Bytes a to d mean what
 * the function of the operation says. A frame's and a short message's bytes come from the input behind the operation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "socket/epoll.h"
#include "socket/linux_tcp.h"
#include "socket/socket.h"

#define SLOTS 12u
#define OP_BYTES 6u
#define ADDRESS(side) (0x0a000001u + (side))
#define GROUP 0xe1000001u
#define MOST 3000u
#define PATTERN_BYTES 65536u /* after which pattern_at begins anew */

enum operation {
    OP_OPEN,
    OP_CLOSE,
    OP_BIND,
    OP_LISTEN,
    OP_ACCEPT,
    OP_CONNECT,
    OP_SEND,
    OP_SEND_BYTES,
    OP_RECEIVE,
    OP_SHUTDOWN,
    OP_SET,
    OP_GET,
    OP_IOCTL,
    OP_NAMES,
    OP_EPOLL,
    OP_COLLECT,
    OP_TURN,
    OP_TIME,
    OP_CUT,
    OP_FRAME,
    OP_COUNT
};

struct slot {
    struct socket *socket;
    uint64_t sent, received; /* bytes of a stream */
    bool inexact;            /* it sent urgent bytes */
};

struct world {
    const struct allocator *memory;
    struct link *ends[2];
    struct guard guards[2];
    struct stack *stacks[2];
    struct socket_layer *layers[2];
    struct epoll *epoll;
    struct slot slots[SLOTS];
    int memories[2];     /* registered at each layer: the pattern */
    uint64_t pending[2]; /* sends from there that were not told of */
    bool urgent;         /* bytes left the line: of which streams is not known, their senders may be gone */
    bool cut;
    int64_t now;
    const uint8_t *data;
    size_t size;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static uint8_t pattern_at(uint64_t i) { return (uint8_t)(i * 7 + (i >> 8)); }

static uint8_t pattern[PATTERN_BYTES + MOST];

/* ---- the world ---- */

static int begin_side(struct world *w, unsigned side, uint64_t buffer_bytes)
{
    struct guard_rules rules;
    struct stack_settings t;
    struct socket_settings s;
    struct host_settings h = {.address = ip_addr_from_v4(ADDRESS(side)), .prefix_length = 8};
    guard_rules_default(&rules);
    rules.allow_multicast = rules.allow_ethertypes = true;
    rules.stop_at = TIME_NEVER;
    stack_settings_default(&t);
    t.max_addresses = t.max_neighbours = 16;
    t.max_udp_bindings = 16;
    t.max_routes = t.max_path_mtus = 8;
    t.max_groups = t.max_group_sources = t.max_echo_bindings = 16;
    t.max_ra_domains = t.max_redirects = 4;
    t.resolve_queue_total = 16;
    t.fragment_bytes_high = t.fragment_bytes_low = t.fragment_source_bytes = 128 << 10;
    t.large_datagrams = 1;
    t.loop_frames = 4;
    t.secret = (struct hash_key){side + 1, 99};
    t.tcp.max_connections = 32;
    t.tcp.max_time_wait = 8;
    t.tcp.max_listeners = 8;
    t.tcp.max_users = 16;
    t.tcp.frame_bytes = 1536;
    t.tcp.max_out_of_order_frames = 32;
    t.tcp.secret = (struct hash_key){side + 11, 77};
    socket_settings_default(&s);
    s.max_sockets = 16;
    s.buffer_bytes = buffer_bytes;
    s.tcp.syn_retries = s.tcp.syn_ack_retries = 2;
    s.tcp.data_retries = 3;
    s.tcp.time_wait_ns = 5 * NS_PER_S;
    s.max_memories = 1;
    s.max_registered_sends = 16;
    int e = guard_init(&w->guards[side], &rules, NULL, w->now);
    e = e ? e : stack_new(&t, w->memory, w->now, &w->stacks[side]);
    e = e ? e : stack_add_interface(w->stacks[side], w->ends[side], &w->guards[side]);
    e = e ? e : stack_add_host(w->stacks[side], &h);
    e = e < 0 ? e : socket_layer_new(&s, w->stacks[side], w->memory, &w->layers[side]);
    if (e == 0)
        w->memories[side] = socket_memory_register(w->layers[side], pattern, sizeof pattern);
    return e;
}

static int make(struct world *w, uint8_t scarcity)
{
    struct memory_settings m;
    *w = (struct world){.memory = arena_begin(), .now = NS_PER_S};
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 64;
    m.reserve = 16;
    if (scarcity & 63)
        arena_fail_from((scarcity & 63u) - 1);
    int e = memory_link_new(&m, w->memory, "fuzz", w->ends);
    for (unsigned side = 0; side < 2 && e == 0; side++)
        e = begin_side(w, side, UINT64_C(32768) << (scarcity >> 6));
    return e ? e : epoll_new(w->memory, SLOTS, NULL, NULL, &w->epoll);
}

/* Where no allocation fails there is one world for each size of memory. */
static int begin(struct world *w, uint8_t scarcity)
{
    bool whole = (scarcity & 63) == 0;
    if (whole && arena_again(scarcity >> 6, w, sizeof *w))
        return 0;
    int e = make(w, scarcity);
    if (whole)
        arena_keep(scarcity >> 6, w, sizeof *w);
    return e;
}

static void turn(struct world *w)
{
    unsigned moved = 1;
    for (unsigned i = 0; i < 4 && moved; i++) {
        moved = 0;
        for (unsigned side = 0; side < 2; side++) {
            struct packet *p[LINK_BURST];
            for (unsigned n; w->cut && (n = link_rx_burst(w->ends[side], p, LINK_BURST, w->now)) > 0;)
                packet_release_burst(p, n);
            moved += stack_receive(w->stacks[side], w->now);
            moved += stack_transmit(w->stacks[side], w->now);
        }
    }
    w->now += NS_PER_US;
}

/* Completions that are there; each belongs to a send. */
static void take_completions(struct world *w, unsigned side)
{
    struct socket_completion c;
    int e;
    while ((e = socket_take_completion(w->layers[side], w->memories[side], &c)) == 1) {
        require(w->pending[side] > 0);
        w->pending[side]--;
    }
    require(e == (w->pending[side] ? -EAGAIN : 0));
    require(socket_memory_unregister(w->layers[side], w->memories[side] + 1) == -EINVAL);
    require(w->pending[side] == 0 || socket_memory_unregister(w->layers[side], w->memories[side]) == -EBUSY);
}

static void close_slot(struct world *w, struct slot *x)
{
    if (x->socket) {
        epoll_forget(x->socket);
        socket_close(x->socket, w->now);
    }
    *x = (struct slot){.socket = NULL};
}

static bool in_use(const struct world *w)
{
    struct tcp_occupancy o[2];
    for (unsigned side = 0; side < 2; side++)
        tcp_get_occupancy(stack_tcp(w->stacks[side]), &o[side]);
    return socket_count(w->layers[0]) + socket_count(w->layers[1]) + o[0].connections + o[1].connections > 0;
}

static void end(struct world *w)
{
    for (unsigned i = 0; i < SLOTS; i++)
        close_slot(w, &w->slots[i]);
    epoll_delete(w->epoll);
    w->cut = false;
    bool whole = w->layers[0] && w->layers[1];
    for (unsigned i = 0; i < 5000 && whole && in_use(w); i++) {
        int64_t due = min_i64(stack_next_deadline(w->stacks[0]), stack_next_deadline(w->stacks[1]));
        w->now = due == TIME_NEVER ? w->now + NS_PER_S : max_i64(due, w->now + NS_PER_MS);
        turn(w);
    }
    require(!whole || !in_use(w));
    for (unsigned side = 0; side < 2 && whole; side++) {
        take_completions(w, side);
        require(w->pending[side] == 0 && socket_memory_unregister(w->layers[side], w->memories[side]) == 0);
    }
    for (unsigned side = 0; side < 2; side++) {
        socket_layer_delete(w->layers[side]);
        stack_delete(w->stacks[side]);
    }
    for (unsigned side = 0; side < 2; side++)
        if (w->ends[side])
            link_close(w->ends[side]);
    arena_end();
}

/* ---- addresses ---- */

/* Whom byte a names, at port b: all from a few, so that ends meet. */
static struct sockaddr_in name_of(unsigned side, uint8_t a, uint8_t b)
{
    const uint32_t addresses[8] = {
        ADDRESS(1 - side), ADDRESS(1 - side), ADDRESS(1 - side), 0, ADDRESS(side), 0x0affffffu, GROUP, 0x0a000063u};
    return (struct sockaddr_in){.sin_family = a & 64 ? AF_UNSPEC : AF_INET,
                                .sin_port = htons(b & 7),
                                .sin_addr.s_addr = htonl(addresses[a & 7])};
}

#define NAME(x) (const struct sockaddr *)(const void *)&(x), (socklen_t)sizeof(x)

/* ---- operations ---- */

/* a: which kind; b: which protocol of a raw one. */
static void op_open(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    static const int kinds[10][3] = {{AF_INET, SOCK_STREAM, 0},  {AF_INET, SOCK_STREAM, 0},
                                     {AF_INET, SOCK_DGRAM, 0},   {AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
                                     {AF_INET, SOCK_RAW, -1},    {AF_PACKET, SOCK_RAW, ETH_P_ALL << 8},
                                     {AF_PACKET, SOCK_DGRAM, 8}, {AF_INET6, SOCK_STREAM, 0},
                                     {AF_INET6, SOCK_DGRAM, 0},  {AF_NETLINK, SOCK_RAW, 0}};
    const int *k = kinds[a[0] % 10];
    close_slot(w, x);
    (void)!socket_open(w->layers[side], k[0], k[1], k[2] < 0 ? a[1] : k[2], &x->socket);
}

static void op_accept(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    struct slot *to = &w->slots[(a[0] % (SLOTS / 2)) * 2 + side];
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    struct socket *s;
    if (socket_accept(x->socket, (struct sockaddr *)(void *)&name, &length, &s) < 0)
        return;
    close_slot(w, to);
    to->socket = s;
}

/* a, b: whom. */
static void op_connect(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    struct sockaddr_in name = name_of(side, a[0], a[1]);
    int e = socket_connect(x->socket, NAME(name), w->now);
    if (e == -EINPROGRESS || (e == 0 && name.sin_family == AF_UNSPEC))
        *x = (struct slot){.socket = x->socket};
}

/* As op_send, without a copy. */
static void send_registered(struct world *w, struct slot *x, unsigned side, size_t n)
{
    ssize_t sent = socket_send_registered(x->socket, w->memories[side], x->sent % PATTERN_BYTES, n, x->sent, w->now);
    require(sent < 0 || sent == (ssize_t)n);
    w->pending[side] += sent > 0;
    x->sent += sent > 0 ? (size_t)sent : 0;
    take_completions(w, side);
}

/* a, b: how much; c: flags, or (bit 7) from registered memory; d: a name (bit 7), and whom. */
static void op_send(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    static const int flags[8] = {0, 0, 0, MSG_MORE, MSG_OOB, MSG_DONTWAIT, MSG_MORE | MSG_OOB, MSG_CONFIRM};
    uint8_t bytes[MOST];
    size_t n = (a[0] | (size_t)a[1] << 8) % (MOST + 1);
    if (a[2] & 128) {
        send_registered(w, x, side, n);
        return;
    }
    memcpy(bytes, pattern + x->sent % PATTERN_BYTES, n);
    struct sockaddr_in name = name_of(side, a[3], a[3] >> 3);
    struct iovec v[2] = {{bytes, n / 3}, {bytes + n / 3, n - n / 3}};
    struct msghdr m = {
        .msg_name = a[3] & 128 ? &name : NULL, .msg_namelen = sizeof name, .msg_iov = v, .msg_iovlen = 2};
    ssize_t sent = socket_send(x->socket, &m, flags[a[2] & 7], w->now);
    require(sent <= (ssize_t)n);
    x->inexact |= (flags[a[2] & 7] & MSG_OOB) != 0;
    w->urgent |= x->inexact;
    x->sent += sent > 0 ? (size_t)sent : 0;
}

/* a: how many bytes of the input, and (bits 6-7) as what: a message, one with control messages in it, a whole sockaddr before it; b: whom. */
static void op_send_bytes(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    union {
        uint8_t bytes[64];
        struct sockaddr_storage name;
        struct cmsghdr align;
    } given = {{0}};
    struct sockaddr_in name = name_of(side, a[1], a[1] >> 3);
    size_t n = min_size(a[0] & 63u, w->size);
    if (socket_is_stream(x->socket)) /* whose bytes are counted */
        return;
    memcpy(given.bytes, w->data, n);
    struct iovec v = {(void *)(uintptr_t)w->data, n};
    struct msghdr m = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &v, .msg_iovlen = 1};
    if (a[0] >> 6 == 1) {
        m.msg_control = given.bytes;
        m.msg_controllen = n;
    } else if (a[0] >> 6 == 2) {
        m.msg_name = &given;
        m.msg_namelen = (socklen_t)min_size(n, a[1]);
    } else if (a[0] >> 6 == 3) {
        m.msg_name = NULL;
    }
    (void)!socket_send(x->socket, &m, 0, w->now);
    w->data += n;
    w->size -= n;
}

static void check_bytes(const struct world *w, const struct slot *x, const uint8_t *bytes, size_t n)
{
    require(w->urgent || memcmp(bytes, pattern + x->received % PATTERN_BYTES, n) == 0);
}

/* a, b: how much there is room for; c: flags. */
static void op_receive(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    static const int flags[8] = {0, 0, MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_ERRQUEUE, MSG_PEEK | MSG_TRUNC, MSG_WAITALL};
    uint8_t bytes[MOST], control[64];
    size_t n = (a[0] | (size_t)a[1] << 8) % (MOST + 1);
    int f = flags[a[2] & 7];
    struct sockaddr_storage name;
    struct iovec v[2] = {{bytes, n / 3}, {bytes + n / 3, n - n / 3}};
    struct msghdr m = {.msg_name = &name,
                       .msg_namelen = sizeof name,
                       .msg_iov = v,
                       .msg_iovlen = 2,
                       .msg_control = control,
                       .msg_controllen = a[3] & 63u};
    (void)side;
    ssize_t got = socket_receive(x->socket, &m, f, w->now);
    bool stream = socket_is_stream(x->socket);
    require(m.msg_controllen <= sizeof control && m.msg_namelen <= sizeof name);
    require(got <= (ssize_t)n || (!stream && (f & MSG_TRUNC)));
    if (got == -EAGAIN && f == 0 && n > 0 && !x->inexact && !stream)
        require(!(socket_ready(x->socket) & POLLIN));
    if (got > 0 && stream && !(f & (MSG_TRUNC | MSG_OOB)))
        check_bytes(w, x, bytes, (size_t)got);
    if (got > 0 && stream && !(f & (MSG_PEEK | MSG_OOB)))
        x->received += (size_t)got;
}

static const int options[][2] = {{SOL_SOCKET, SO_REUSEADDR},     {SOL_SOCKET, SO_REUSEPORT},
                                 {SOL_SOCKET, SO_BROADCAST},     {SOL_SOCKET, SO_KEEPALIVE},
                                 {SOL_SOCKET, SO_OOBINLINE},     {SOL_SOCKET, SO_RCVBUF},
                                 {SOL_SOCKET, SO_SNDBUF},        {SOL_SOCKET, SO_RCVLOWAT},
                                 {SOL_SOCKET, SO_LINGER},        {SOL_SOCKET, SO_ERROR},
                                 {SOL_SOCKET, SO_RCVTIMEO},      {IPPROTO_TCP, TCP_NODELAY},
                                 {IPPROTO_TCP, TCP_CORK},        {IPPROTO_TCP, TCP_MAXSEG},
                                 {IPPROTO_TCP, TCP_KEEPIDLE},    {IPPROTO_TCP, TCP_KEEPCNT},
                                 {IPPROTO_TCP, TCP_QUICKACK},    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
                                 {IPPROTO_TCP, TCP_INFO},        {IPPROTO_TCP, TCP_CONGESTION},
                                 {IPPROTO_IP, IP_TTL},           {IPPROTO_IP, IP_TOS},
                                 {IPPROTO_IP, IP_MTU_DISCOVER},  {IPPROTO_IP, IP_RECVERR},
                                 {IPPROTO_IP, IP_PKTINFO},       {IPPROTO_IP, IP_RECVTTL},
                                 {IPPROTO_IP, IP_HDRINCL},       {IPPROTO_IP, IP_MTU},
                                 {IPPROTO_IP, IP_MULTICAST_TTL}, {IPPROTO_IP, IP_MULTICAST_LOOP},
                                 {IPPROTO_IP, IP_MULTICAST_ALL}, {IPPROTO_UDP, UDP_CORK},
                                 {IPPROTO_UDP, UDP_SEGMENT},     {IPPROTO_RAW, 1},
                                 {IPPROTO_IPV6, IPV6_V6ONLY},    {270, 1}};

/* a: which; b: its value; c: how long it is; d: a group to be joined or left instead. */
static void op_set(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    const int *o = options[a[0] % ARRAY_SIZE(options)];
    int32_t value[4] = {(int8_t)a[1], (int8_t)a[2], 0, 0};
    struct ip_mreqn group = {.imr_multiaddr.s_addr = htonl(GROUP), .imr_address.s_addr = htonl(ADDRESS(side))};
    if (a[3] & 128)
        (void)socket_set_option(x->socket, IPPROTO_IP, a[3] & 1 ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &group,
                                sizeof group, w->now);
    else
        (void)socket_set_option(x->socket, o[0], o[1], value, a[3] & 15u ? a[3] & 15u : sizeof value, w->now);
}

static void op_get(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    const int *o = options[a[0] % ARRAY_SIZE(options)];
    uint8_t value[512];
    socklen_t length = a[1] * 2u;
    (void)side;
    if (socket_get_option(x->socket, o[0], o[1], value, &length, w->now) == 0)
        require(length <= a[1] * 2u);
}

static void op_ioctl(struct world *w, struct slot *x, unsigned side, const uint8_t *a)
{
    static const unsigned long requests[4] = {FIONREAD, SIOCOUTQ, SIOCATMARK, SIOCOUTQNSD};
    union {
        int value;
        uint8_t room[256];
    } u = {0};
    (void)side;
    if (socket_ioctl(x->socket, requests[a[0] & 3], &u, w->now) == 0)
        require(u.value >= 0);
}

static void op_names(struct slot *x)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    (void)socket_name(x->socket, (struct sockaddr *)&name, &length);
    length = sizeof name;
    (void)socket_peer(x->socket, (struct sockaddr *)&name, &length);
}

static void op_epoll(struct world *w, struct slot *x, const uint8_t *a)
{
    static const uint32_t how[4] = {0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT};
    struct epoll_event e = {.events = how[a[1] & 3] | (a[1] & 4 ? EPOLLIN : 0u) | (a[1] & 8 ? EPOLLOUT : 0u)};
    (void)epoll_control(w->epoll, 1 + a[0] % 3, x->socket, (int)(x - w->slots), &e);
}

static void op_collect(struct world *w, const uint8_t *a)
{
    struct epoll_event e[4];
    int n = epoll_collect(w->epoll, e, 1 + (a[0] & 3));
    for (int i = 0; i < n; i++)
        require(e[i].events != 0);
}

/* a: how many bytes of the input, in units of four; to side b. */
static void op_frame(struct world *w, const uint8_t *a)
{
    struct packet *p;
    struct link *from = w->ends[1 - (a[1] & 1)];
    size_t n = min_size(a[0] * 4u, w->size);
    if (n > 0 && link_tx_alloc(from, &p, 1, LINK_ALLOC_DATA) == 1) {
        memcpy(p->data, w->data, n);
        p->len = (uint32_t)n;
        from->ops->tx_burst(from, &p, 1, w->now);
        turn(w);
    }
    w->data += n;
    w->size -= n;
}

static void on_socket(struct world *w, enum operation kind, struct slot *x, unsigned side, const uint8_t *a)
{
    struct sockaddr_in name = name_of(side, a[0], a[1]);
    switch (kind) {
    case OP_BIND:
        (void)socket_bind(x->socket, NAME(name), w->now);
        break;
    case OP_LISTEN:
        (void)socket_listen(x->socket, a[0] & 7, w->now);
        break;
    case OP_ACCEPT:
        op_accept(w, x, side, a);
        break;
    case OP_CONNECT:
        op_connect(w, x, side, a);
        break;
    case OP_SEND:
        op_send(w, x, side, a);
        break;
    case OP_SEND_BYTES:
        op_send_bytes(w, x, side, a);
        break;
    case OP_RECEIVE:
        op_receive(w, x, side, a);
        break;
    case OP_SHUTDOWN:
        (void)socket_shutdown(x->socket, a[0] & 3, w->now);
        break;
    case OP_SET:
        op_set(w, x, side, a);
        break;
    case OP_GET:
        op_get(w, x, side, a);
        break;
    case OP_IOCTL:
        op_ioctl(w, x, side, a);
        break;
    case OP_NAMES:
        op_names(x);
        break;
    case OP_EPOLL:
        op_epoll(w, x, a);
        break;
    default:
        break;
    }
}

static void operate(struct world *w, const uint8_t *op)
{
    enum operation kind = op[0] % OP_COUNT;
    struct slot *x = &w->slots[op[1] % SLOTS];
    unsigned side = op[1] % SLOTS % 2;
    switch (kind) {
    case OP_OPEN:
        op_open(w, x, side, op + 2);
        break;
    case OP_CLOSE:
        close_slot(w, x);
        break;
    case OP_COLLECT:
        op_collect(w, op + 2);
        break;
    case OP_TURN:
        turn(w);
        break;
    case OP_TIME:
        w->now += NS_PER_MS << (op[2] & 15);
        turn(w);
        break;
    case OP_CUT:
        w->cut = op[2] & 1;
        break;
    case OP_FRAME:
        op_frame(w, op + 2);
        break;
    default:
        if (x->socket)
            on_socket(w, kind, x, side, op + 2);
        break;
    }
    if (op[1] & 128)
        turn(w);
    for (unsigned i = 0; i < SLOTS; i++)
        if (w->slots[i].socket)
            (void)socket_ready(w->slots[i].socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    if (size == 0)
        return 0;
    for (size_t i = 0; i < sizeof pattern && pattern[1] == 0; i++)
        pattern[sizeof pattern - 1 - i] = pattern_at(sizeof pattern - 1 - i);
    int e = begin(&w, data[0]);
    require(e == 0 || arena_failed());
    w.data = data + 1;
    w.size = size - 1;
    while (e == 0 && w.size >= OP_BYTES) {
        const uint8_t *op = w.data;
        w.data += OP_BYTES;
        w.size -= OP_BYTES;
        operate(&w, op);
    }
    end(&w);
    return 0;
}
