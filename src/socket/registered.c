/* SPDX-License-Identifier: MIT */
/*
 * Sending without a copy: memory that its user has registered, and streams that send parts of it where they lie.
 *
 * What is sent is one span of the stream's queue, whose owner is a record with the user's token. The queue lets go of it when all of it is acknowledged or
 * the stream is gone, once in any case; then it is on its memory's list of completions until the user has read it. The memory is its user's: it stays as it
 * is until then.
 *
 * Invariants: memory.out counts the records that some queue holds; a record is on a queue, on its memory's list, or free.
 */
#include "socket/private.h"

#define MEMORY_INDEX_BITS 16u /* of its number; the others are its generation */
#define MEMORY_GENERATIONS (UINT32_C(1) << 15)

struct memory {
    uint32_t next_free; /* the pool's; must be first */
    uint32_t generation;
    const uint8_t *base; /* NULL: free */
    size_t size;
    uint32_t out;
    uint32_t first, last; /* completions, oldest first */
    struct socket_watch *watches;
};

/* Lies at an even address: see registered_owner. */
struct registered_send {
    uint32_t next; /* on the list, or the pool's */
    uint32_t memory;
    uint64_t token;
    bool acknowledged;
};

int registered_init(struct socket_layer *l)
{
    const struct socket_settings *t = &l->settings;
    int e = pool_init(&l->memories, l->allocator, t->max_memories, sizeof(struct memory), alignof(struct memory));
    return e ? e
             : pool_init(&l->registered, l->allocator, t->max_registered_sends, sizeof(struct registered_send),
                         alignof(struct registered_send));
}

void registered_free(struct socket_layer *l)
{
    pool_free(&l->registered);
    pool_free(&l->memories);
}

/* ---- memories ---- */

static struct memory *memory_of(const struct socket_layer *l, int number)
{
    uint32_t index = (uint32_t)number & ((UINT32_C(1) << MEMORY_INDEX_BITS) - 1);
    if (number < 0 || index == POOL_NONE || index > l->memories.touched)
        return NULL;
    struct memory *m = pool_at(&l->memories, index);
    return m->base && m->generation == (uint32_t)number >> MEMORY_INDEX_BITS ? m : NULL;
}

int socket_memory_register(struct socket_layer *l, const void *base, size_t size)
{
    if (!base || size == 0 || (uintptr_t)base > UINTPTR_MAX - size)
        return -EINVAL;
    uint32_t index = pool_get(&l->memories);
    if (index == POOL_NONE)
        return -ENOBUFS;
    struct memory *m = pool_at(&l->memories, index);
    *m = (struct memory){.generation = m->generation, .base = base, .size = size};
    return (int)(m->generation << MEMORY_INDEX_BITS | index);
}

static struct registered_send *send_at(const struct socket_layer *l, uint32_t index)
{
    return pool_at(&l->registered, index);
}

/* Takes the oldest completion off. */
static void forget_first(struct socket_layer *l, struct memory *m)
{
    uint32_t index = m->first;
    m->first = send_at(l, index)->next;
    pool_put(&l->registered, index);
}

int socket_memory_unregister(struct socket_layer *l, int number)
{
    struct memory *m = memory_of(l, number);
    if (!m)
        return -EINVAL;
    if (m->out != 0)
        return -EBUSY;
    while (m->first != POOL_NONE)
        forget_first(l, m);
    m->base = NULL;
    m->generation = (m->generation + 1) % MEMORY_GENERATIONS;
    pool_put(&l->memories, pool_index(&l->memories, m));
    return 0;
}

/* ---- sending ---- */

static int attach(struct socket *s, struct memory *m, size_t offset, size_t length, uint64_t token)
{
    struct socket_layer *l = s->layer;
    uint32_t index = pool_get(&l->registered);
    if (index == POOL_NONE)
        return -ENOBUFS;
    struct registered_send *r = send_at(l, index);
    *r = (struct registered_send){.memory = pool_index(&l->memories, m), .token = token};
    if (outq_attach(&s->stream.out, &l->buffers, m->base + offset, (uint32_t)length, registered_owner(r)) != 0) {
        pool_put(&l->registered, index);
        return -ENOBUFS;
    }
    m->out++;
    return 0;
}

ssize_t socket_send_registered(struct socket *s, int memory, size_t offset, size_t length, uint64_t token, int64_t now)
{
    struct memory *m = memory_of(s->layer, memory);
    if (s->kind != &stream_kind)
        return -EOPNOTSUPP;
    if (!m || length == 0 || length > SOCKET_REGISTERED_MAX || offset > m->size || length > m->size - offset)
        return -EINVAL;
    int e = stream_has_room(s);
    if (e == 0)
        e = attach(s, m, offset, length, token);
    if (e < 0)
        return e;
    stream_added(s, length, false, now);
    return (ssize_t)length;
}

/* ---- completions ---- */

void registered_release(struct socket_layer *l, struct registered_send *r)
{
    struct memory *m = pool_at(&l->memories, r->memory);
    uint32_t index = pool_index(&l->registered, r);
    r->acknowledged = l->acknowledging;
    r->next = POOL_NONE;
    if (m->first == POOL_NONE)
        m->first = index;
    else
        send_at(l, m->last)->next = index;
    m->last = index;
    m->out--;
    watches_notify(&m->watches, POLLIN);
}

int socket_take_completion(struct socket_layer *l, int memory, struct socket_completion *out)
{
    struct memory *m = memory_of(l, memory);
    if (!m)
        return -EINVAL;
    if (m->first == POOL_NONE)
        return m->out != 0 ? -EAGAIN : 0;
    const struct registered_send *r = send_at(l, m->first);
    *out = (struct socket_completion){.token = r->token, .acknowledged = r->acknowledged};
    forget_first(l, m);
    return 1;
}

void socket_memory_watch(struct socket_layer *l, int memory, struct socket_watch *watch)
{
    struct memory *m = memory_of(l, memory);
    assert(m);
    watches_add(&m->watches, watch);
}
