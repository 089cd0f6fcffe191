/* SPDX-License-Identifier: MIT */
/*
 * The socket layer as a whole: making and ending it, its sockets and their names, who watches them, and what errors are called.
 */
#include "socket/datagram.h"

#include <string.h>

void socket_settings_default(struct socket_settings *s)
{
    *s = (struct socket_settings){
        .max_sockets = 16384,
        .buffer_bytes = UINT64_C(1) << 30,
        .send_buffer = 256u << 10,
        .receive_buffer = 256u << 10,
        .send_buffer_max = 4u << 20,
        .receive_buffer_max = 6u << 20,
        .max_buffer = 4u << 20,
        .max_pieces = 1024,
        .max_memories = 64,
        .max_registered_sends = 4096,
        .port_first = 32768,
        .port_last = 60999,
        .max_backlog = 4096,
        .loopback = true,
    };
    tcp_profile_default(&s->tcp);
    s->tcp.nagle = true;
    s->tcp.ack_push = true;
    s->tcp.receive_buffer = s->receive_buffer;
    s->tcp.window_scale = 7;      /* for receive_buffer_max */
    s->tcp.keepalive_idle_ns = 0; /* until SO_KEEPALIVE; then 2 h: RFC 9293 3.8.4 */
}

static bool settings_valid(const struct socket_settings *s)
{
    return s->max_sockets >= 1 && s->buffer_bytes >= SOCKET_CHUNK_BYTES &&
           s->buffer_bytes / SOCKET_SPAN_BYTES < UINT32_MAX && s->send_buffer >= 1 && s->receive_buffer >= 1 &&
           s->max_buffer >= s->send_buffer && s->max_buffer >= s->receive_buffer && s->max_buffer <= (512u << 20) &&
           s->max_memories >= 1 && s->max_memories <= UINT16_MAX && s->max_registered_sends >= 1 &&
           s->port_first >= 1 && s->port_first <= s->port_last && s->max_backlog >= 1;
}

/* A frame that a stream kept, or registered memory that it sent from. */
static void release_owner(void *context, void *owner)
{
    struct socket_layer *l = context;
    struct registered_send *r = registered_of(owner);
    if (r)
        registered_release(l, r);
    else
        tcp_release_packet(l->tcp, owner);
}

/* Spans of one chunk each, of frames that are kept, and of registered memory. */
static int init_pools(struct socket_layer *l)
{
    uint32_t chunks = (uint32_t)(l->settings.buffer_bytes / SOCKET_CHUNK_BYTES);
    uint32_t spans = (uint32_t)(l->settings.buffer_bytes / SOCKET_SPAN_BYTES);
    int e = pool_init(&l->sockets, l->allocator, l->settings.max_sockets, sizeof(struct socket), CACHE_LINE);
    if (e == 0)
        e = outq_pool_init_sized(&l->buffers, l->allocator, spans, chunks, SOCKET_CHUNK_BYTES);
    l->buffers.release = release_owner;
    l->buffers.context = l;
    return e ? e : registered_init(l);
}

int socket_layer_new(const struct socket_settings *settings, struct stack *stack, const struct allocator *a,
                     struct socket_layer **out)
{
    *out = NULL;
    if (!settings_valid(settings))
        return -EINVAL;
    struct socket_layer *l = alloc_zeroed(a, sizeof *l, CACHE_LINE);
    if (!l)
        return -ENOMEM;
    l->settings = *settings;
    l->stack = stack;
    l->tcp = stack_tcp(stack);
    l->allocator = a;
    random_seed(&l->random, settings->secret.k0 ^ settings->secret.k1);
    int e = init_pools(l);
    if (e == 0)
        e = profiles_init(l);
    if (e == 0)
        e = datagrams_init(l);
    if (e < 0) {
        socket_layer_delete(l);
        return socket_errno(e);
    }
    *out = l;
    return 0;
}

void socket_layer_delete(struct socket_layer *l)
{
    if (!l)
        return;
    profiles_free(l);
    datagrams_free(l);
    outq_pool_free(&l->buffers);
    registered_free(l);
    pool_free(&l->sockets);
    alloc_free(l->allocator, l, sizeof *l);
}

void socket_layer_set_defaults(struct socket_layer *l, const struct tcp_profile *tcp, uint32_t send_buffer,
                               uint32_t receive_buffer)
{
    memcpy(&l->settings.tcp, tcp, sizeof *tcp); /* padding too: profiles are compared as bytes */
    l->settings.send_buffer = send_buffer;
    l->settings.receive_buffer = receive_buffer;
}

const struct socket_counters *socket_counters(const struct socket_layer *l) { return &l->counters; }
uint32_t socket_count(const struct socket_layer *l) { return l->sockets.used; }

bool socket_layer_is_sending(const struct socket_layer *l)
{
    for (uint32_t i = 1; i <= l->sockets.touched; i++) {
        const struct socket *s = pool_at(&l->sockets, i);
        if (s->kind && s->orphan && stream_is_sending(s))
            return true;
    }
    return false;
}

/* ---- sockets ---- */

struct socket *socket_new(struct socket_layer *l)
{
    uint32_t index = pool_get(&l->sockets);
    if (index == POOL_NONE) {
        l->counters.drop_no_socket++;
        return NULL;
    }
    struct socket *s = pool_at(&l->sockets, index);
    uint32_t generation = s->generation;
    *s = (struct socket){
        .generation = generation, .layer = l, .linger_s = -1, .low_water = 1, .ip_flags = IP_FLAG_LOOP | IP_FLAG_ALL};
    s->discover = IP_PMTUDISC_WANT;
    s->send_limit = l->settings.send_buffer;
    s->receive_limit = l->settings.receive_buffer;
    return s;
}

void socket_free(struct socket *s)
{
    struct socket_layer *l = s->layer;
    assert(!s->watches);
    port_leave(s);
    s->generation++;
    s->kind = NULL;
    pool_put(&l->sockets, pool_index(&l->sockets, s));
}

struct socket *socket_of_word(const struct socket_layer *l, uint64_t word)
{
    uint32_t index = (uint32_t)word;
    if (index == POOL_NONE || index > l->sockets.touched)
        return NULL;
    struct socket *s = pool_at(&l->sockets, index);
    return s->kind && s->generation == word >> 32 ? s : NULL;
}

/* ---- readiness ---- */

unsigned socket_ready(const struct socket *s) { return s->kind->ready(s); }

void watches_add(struct socket_watch **list, struct socket_watch *w)
{
    w->next = *list;
    w->link = list;
    if (w->next)
        w->next->link = &w->next;
    *list = w;
}

void socket_watch_add(struct socket *s, struct socket_watch *w) { watches_add(&s->watches, w); }

void socket_watch_remove(struct socket_watch *w)
{
    if (!w->link)
        return;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    *w = (struct socket_watch){.notify = w->notify};
}

/* A cursor among the watches marks the place, so that whoever is told may take any of them off. */
void watches_notify(struct socket_watch **list, unsigned events)
{
    struct socket_watch cursor = {.notify = NULL};
    for (struct socket_watch *w = *list; w;) {
        cursor.next = w->next;
        cursor.link = &w->next;
        if (cursor.next)
            cursor.next->link = &cursor.next;
        w->next = &cursor;
        if (w->notify)
            w->notify(w, events);
        w = cursor.next;
        socket_watch_remove(&cursor);
    }
}

void socket_notify(struct socket *s, unsigned events) { watches_notify(&s->watches, events); }

void socket_fail(struct socket *s, int error)
{
    s->error = error;
    socket_notify(s, POLLERR | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

void socket_put_error(struct socket *s, int error) { s->error = error; }

int socket_take_error(struct socket *s)
{
    int error = s->error;
    s->error = 0;
    return -error;
}

int socket_errno(int error)
{
    switch (error) {
    case ERR_NO_ROUTE:
        return -ENETUNREACH;
    case ERR_IN_USE:
        return -EADDRINUSE;
    case ERR_NO_PORTS:
        return -EADDRNOTAVAIL;
    case ERR_NO_SPACE:
        return -ENOBUFS;
    default:
        return error < 0 ? -err_to_errno(error) : 0;
    }
}
