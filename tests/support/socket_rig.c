/* SPDX-License-Identifier: MIT */
/* See socket_rig.h. */
#include "socket_rig.h"

#include "cmocka_all.h"

#include "base/alloc_heap.h"
#include "link/memory.h"

#include <errno.h>
#include <netinet/in.h>

static void begin_side(struct socket_rig *r, unsigned side)
{
    struct guard_rules rules = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct stack_settings t;
    struct host_settings h = {.address = ip_addr_from_v4(RIG_ADDRESS(side)), .prefix_length = 8};
    stack_settings_default(&t);
    t.max_addresses = 8;
    t.loop_frames = RIG_LOOP_FRAMES;
    t.secret = (struct hash_key){side + 1, 99};
    t.tcp.max_connections = 32768;
    t.tcp.max_users = 64;
    t.tcp.secret = (struct hash_key){side + 11, 77};
    assert_int_equal(guard_init(&r->guards[side], &rules, NULL, r->now), 0);
    assert_int_equal(stack_new(&t, alloc_heap(), r->now, &r->stacks[side]), 0);
    assert_int_equal(stack_add_interface(r->stacks[side], r->ends[side], &r->guards[side]), 0);
    assert_int_equal(stack_add_host(r->stacks[side], &h), 1);
    assert_int_equal(socket_layer_new(&r->settings, r->stacks[side], alloc_heap(), &r->layers[side]), 0);
}

static void begin_links(struct socket_rig *r, const struct socket_settings *settings, uint32_t gso_max)
{
    struct memory_settings m;
    *r = (struct socket_rig){.now = 5 * NS_PER_S};
    memory_settings_default(&m);
    m.gso_max = gso_max;
    m.trust_checksums = gso_max != 0;
    assert_int_equal(memory_link_new(&m, alloc_heap(), "rig", r->ends), 0);
    if (settings)
        r->settings = *settings;
    else
        socket_settings_default(&r->settings);
}

void socket_rig_begin(struct socket_rig *r, const struct socket_settings *settings)
{
    socket_rig_begin_delayed(r, settings, 0);
}

void socket_rig_begin_delayed(struct socket_rig *r, const struct socket_settings *settings, int64_t delay_ns)
{
    struct impair_settings line;
    impair_settings_default(&line);
    line.delay_ns = delay_ns;
    socket_rig_begin_impaired(r, settings, delay_ns ? &line : NULL);
}

void socket_rig_begin_impaired(struct socket_rig *r, const struct socket_settings *settings,
                               const struct impair_settings *line)
{
    begin_links(r, settings, 0);
    for (unsigned i = 0; i < 2; i++) {
        if (line)
            assert_int_equal(impair_link_new(line, r->ends[i], alloc_heap(), &r->ends[i]), 0);
        begin_side(r, i);
    }
}

void socket_rig_begin_large(struct socket_rig *r)
{
    begin_links(r, NULL, UINT16_MAX);
    for (unsigned i = 0; i < 2; i++) {
        r->ends[i]->caps = LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO | LINK_CAP_SCATTER;
        begin_side(r, i);
    }
}

void socket_rig_end(struct socket_rig *r)
{
    struct tcp_occupancy o;
    socket_rig_pass(r, 400 * NS_PER_S);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(socket_count(r->layers[i]), 0);
        tcp_get_occupancy(stack_tcp(r->stacks[i]), &o);
        assert_int_equal(o.connections, 0);
        socket_layer_delete(r->layers[i]);
        stack_delete(r->stacks[i]);
    }
    link_close(r->ends[0]);
    link_close(r->ends[1]);
}

struct socket_rig rig;

int socket_rig_setup(void **state)
{
    (void)state;
    socket_rig_begin(&rig, NULL);
    return 0;
}

int socket_rig_teardown(void **state)
{
    (void)state;
    socket_rig_end(&rig);
    return 0;
}

/* What arrives while the line is cut is thrown away. */
static void lose(struct socket_rig *r, unsigned side)
{
    struct packet *p[LINK_BURST];
    unsigned n;
    while ((n = link_rx_burst(r->ends[side], p, LINK_BURST, r->now)) > 0)
        packet_release_burst(p, n);
}

void socket_rig_settle(struct socket_rig *r)
{
    for (unsigned idle = 0; idle < 2;) { /* what was sent between turns leaves with the first, unseen */
        unsigned moved = 0;
        for (unsigned i = 0; i < 2; i++) {
            if (r->cut)
                lose(r, i);
            moved += stack_receive(r->stacks[i], r->now);
            moved += stack_transmit(r->stacks[i], r->now);
        }
        idle = moved ? 0 : idle + 1;
        r->now += NS_PER_US;
    }
}

void socket_rig_pass(struct socket_rig *r, int64_t ns)
{
    int64_t end = r->now + ns;
    socket_rig_settle(r);
    while (r->now < end) {
        int64_t due = min_i64(stack_next_deadline(r->stacks[0]), stack_next_deadline(r->stacks[1]));
        r->now = min_i64(max_i64(due, r->now + NS_PER_MS), end);
        socket_rig_settle(r);
    }
}

struct sockaddr_in sock_address(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

struct socket *sock_socket(struct socket_rig *r, unsigned side, int type)
{
    struct socket *s;
    assert_int_equal(socket_open(r->layers[side], AF_INET, type, 0, &s), 0);
    return s;
}

int sock_bind(struct socket_rig *r, struct socket *s, uint32_t address, uint16_t port)
{
    struct sockaddr_in a = sock_address(address, port);
    return socket_bind(s, (const struct sockaddr *)(const void *)&a, sizeof a, r->now);
}

int sock_connect(struct socket_rig *r, struct socket *s, uint32_t address, uint16_t port)
{
    struct sockaddr_in a = sock_address(address, port);
    return socket_connect(s, (const struct sockaddr *)(const void *)&a, sizeof a, r->now);
}

struct socket *sock_listener(struct socket_rig *r, unsigned side, uint16_t port, int backlog)
{
    struct socket *s = sock_socket(r, side, SOCK_STREAM);
    assert_int_equal(sock_set(r, s, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(sock_bind(r, s, INADDR_ANY, port), 0);
    assert_int_equal(socket_listen(s, backlog, r->now), 0);
    return s;
}

struct socket *sock_accept(struct socket *listener)
{
    struct socket *s;
    int e = socket_accept(listener, NULL, NULL, &s);
    assert_true(e == 0 || e == -EAGAIN);
    return s;
}

void sock_pair(struct socket_rig *r, struct socket *out[2])
{
    struct socket *listener = sock_listener(r, 1, 80, 5);
    out[0] = sock_socket(r, 0, SOCK_STREAM);
    assert_int_equal(sock_connect(r, out[0], RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_settle(r);
    assert_int_equal(sock_connect(r, out[0], RIG_ADDRESS(1), 80), 0);
    out[1] = sock_accept(listener);
    assert_non_null(out[1]);
    sock_close(r, listener);
}

/* From now on nothing large fits any more: link_tx_burst cuts it, with checksums. */
static void cut_large(struct socket_rig *r)
{
    for (unsigned i = 0; i < 2; i++) {
        r->ends[i]->caps = LINK_CAP_TSO;
        r->ends[i]->gso_max = 1;
    }
}

void sock_pair_large(struct socket_rig *r, struct socket *out[2])
{
    sock_pair(r, out);
    cut_large(r);
}

ssize_t sock_send(struct socket_rig *r, struct socket *s, const void *bytes, size_t length, int flags)
{
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return socket_send(s, &m, flags, r->now);
}

ssize_t sock_receive(struct socket_rig *r, struct socket *s, void *bytes, size_t length, int flags)
{
    struct iovec v = {.iov_base = bytes, .iov_len = length};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return socket_receive(s, &m, flags, r->now);
}

int sock_set(struct socket_rig *r, struct socket *s, int level, int name, int value)
{
    return socket_set_option(s, level, name, &value, sizeof value, r->now);
}

int sock_get(const struct socket_rig *r, struct socket *s, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    assert_int_equal(socket_get_option(s, level, name, &value, &length, r->now), 0);
    assert_int_equal(length, sizeof value);
    return value;
}

void sock_close(struct socket_rig *r, struct socket *s) { assert_int_equal(socket_close(s, r->now), 0); }
