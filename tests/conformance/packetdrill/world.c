/* SPDX-License-Identifier: MIT */
/*
 * The stack under test and its virtual time: who moves it on, and how calls wait in it. See adapter.h, P1 and P2.
 *
 * A call that has to wait on packetdrill's second thread sleeps until the main thread, after something happened, has tried it again with success. One on the
 * main thread, which no script should contain, moves time on itself, so that nothing ever hangs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapter.h"
#include "base/alloc_heap.h"

#define BEGIN (1000 * NS_PER_S)        /* 0 would look like "never" */
#define FOREVER (24 * 3600 * NS_PER_S) /* who waits for a packet, or in vain, waits no longer */

void adapter_lock(struct adapter *a) { pthread_mutex_lock(&a->lock); }
void adapter_unlock(struct adapter *a) { pthread_mutex_unlock(&a->lock); }

static bool on_main(const struct adapter *a) { return pthread_equal(pthread_self(), a->main); }

/* ---- calls that wait ---- */

static bool try_again(struct adapter *a, struct call *c)
{
    c->expired = a->now >= c->deadline;
    c->result = c->attempt(a, c);
    return c->result != -EAGAIN || c->expired;
}

/* Those that can end do; then nothing more happens before their threads have seen what time it is. */
static bool try_waiting(struct adapter *a)
{
    unsigned ended = 0;
    for (struct call **at = &a->waiting; *at;) {
        struct call *c = *at;
        if (!try_again(a, c)) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        c->over = true;
        ended++;
    }
    a->unread += ended;
    if (ended)
        pthread_cond_broadcast(&a->changed);
    while (a->unread > 0 && on_main(a))
        pthread_cond_wait(&a->changed, &a->lock);
    return ended > 0;
}

void adapter_turn(struct adapter *a)
{
    bool moved = true;
    while (moved) {
        moved = stack_receive(a->stack, a->now) > 0;
        moved |= try_waiting(a);
        moved |= stack_transmit(a->stack, a->now) > 0;
    }
}

static int64_t next_due(struct adapter *a)
{
    int64_t due = stack_next_deadline(a->stack);
    for (const struct call *c = a->waiting; c; c = c->next)
        due = min_i64(due, c->deadline);
    return due;
}

bool adapter_step(struct adapter *a, int64_t limit)
{
    adapter_turn(a);
    int64_t due = next_due(a);
    if (due > limit)
        return false;
    /* timers that stay due wait for their tick */
    a->now = due > a->now ? due : min_i64(a->now + 100 * NS_PER_US, limit);
    adapter_turn(a);
    return true;
}

void adapter_pass(struct adapter *a, int64_t until)
{
    while (a->now < until && adapter_step(a, until))
        ;
    a->now = max_i64(a->now, until);
    adapter_turn(a);
}

static void wait_here(struct adapter *a, struct call *c)
{
    int64_t limit = min_i64(c->deadline, a->now + FOREVER);
    while (adapter_step(a, limit) && !try_again(a, c))
        ;
    if (c->result == -EAGAIN && !c->expired)
        fprintf(stderr, "weir: a call on the main thread would have waited for ever: EAGAIN\n");
}

static void sleep_in(struct adapter *a, struct call *c)
{
    c->next = a->waiting;
    a->waiting = c;
    while (!c->over)
        pthread_cond_wait(&a->changed, &a->lock);
}

static void wait_for(struct adapter *a, struct call *c)
{
    c->deadline = c->timeout_ns > 0 ? a->now + c->timeout_ns : TIME_NEVER;
    if (on_main(a))
        wait_here(a, c);
    else
        sleep_in(a, c);
}

long adapter_perform(struct adapter *a, struct call *c)
{
    adapter_lock(a);
    c->deadline = TIME_NEVER;
    c->result = c->attempt(a, c);
    adapter_turn(a);
    if (c->result == -EAGAIN && c->may_wait)
        wait_for(a, c);
    adapter_turn(a);
    adapter_unlock(a);
    if (c->result >= 0)
        return c->result;
    errno = (int)-c->result;
    return -1;
}

int64_t adapter_look_at_clock(struct adapter *a)
{
    adapter_lock(a);
    if (!on_main(a) && a->unread > 0) {
        a->unread--;
        pthread_cond_broadcast(&a->changed);
    }
    int64_t seen = a->now;
    a->now += NS_PER_US;
    adapter_unlock(a);
    return seen;
}

/* ---- the whole ---- */

/* The world begins behind a router: all that is not ours is. */
static int add_host(struct adapter *a)
{
    uint32_t local = ip_addr_to_v4(&a->settings.local);
    uint32_t gateway = (local & 0xffffff00u) | ((local & 255u) == 254 ? 253 : 254);
    struct ip_addr router = ip_addr_from_v4(gateway);
    struct host_settings h = {.address = a->settings.local, .prefix_length = 24, .gateway = router};
    int index = stack_add_host(a->stack, &h);
    return index < 0 ? index : stack_add_neighbour(a->stack, (uint32_t)index, &router, a->wire.gateway);
}

/* packetdrill locks all memory: there is little of everything. */
static int make_stack(struct adapter *a)
{
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = 8;
    t.max_neighbours = 64;
    t.large_datagrams = 1;
    t.secret = (struct hash_key){1, 2};
    t.tcp.max_connections = 256;
    t.tcp.max_time_wait = 64;
    t.tcp.max_listeners = 64;
    t.tcp.max_users = 64;
    t.tcp.max_out_of_order_frames = 64;
    t.tcp.frame_bytes = 65536 + PACKET_HEADROOM;
    t.tcp.secret = (struct hash_key){3, 4};
    int e = guard_init(&a->guard, &rules, NULL, a->now);
    if (e == 0)
        e = stack_new(&t, alloc_heap(), a->now, &a->stack);
    if (e == 0)
        e = stack_add_interface(a->stack, &a->wire.link, &a->guard);
    return e < 0 ? e : add_host(a);
}

static int make_sockets(struct adapter *a)
{
    struct socket_settings s;
    socket_settings_default(&s);
    s.max_sockets = 256;
    s.buffer_bytes = 32u << 20;
    s.receive_buffer = a->settings.receive_buffer;
    s.send_buffer = a->settings.send_buffer;
    s.max_backlog = a->settings.backlog;
    s.tcp = a->settings.tcp;
    s.secret = (struct hash_key){5, 6};
    return socket_layer_new(&s, a->stack, alloc_heap(), &a->sockets);
}

struct adapter *adapter_new(const struct adapter_settings *s)
{
    struct adapter *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->main = pthread_self();
    a->now = BEGIN;
    a->settings = *s;
    a->control = -1;
    int e = wire_init(&a->wire, s->mtu);
    if (e == 0)
        e = make_stack(a);
    if (e == 0)
        e = make_sockets(a);
    if (e == 0)
        return a;
    fprintf(stderr, "weir: no stack: %s\n", err_text(e));
    adapter_delete(a);
    return NULL;
}

void adapter_delete(struct adapter *a)
{
    control_stop(a);
    for (int i = 0; i < ADAPTER_MAX_FILES; i++)
        epoll_delete(a->files[i].epoll);
    if (a->sockets)
        socket_layer_delete(a->sockets);
    if (a->stack)
        stack_delete(a->stack);
    wire_free(&a->wire);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
