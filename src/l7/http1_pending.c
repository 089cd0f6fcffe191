/* SPDX-License-Identifier: MIT */
/*
 * The queue of unanswered requests. Invariants: head and tail are both POOL_NONE or both chunks; entries in chunks
 * number count - 1 (0 when count is 0); a chunk without entries is given back at once, so that an idle session holds
 * none.
 */
#include "l7/http1_pending.h"

#include "base/bytes.h"
#include "base/error.h"

#define ENTRIES ((OUTQ_CHUNK_BYTES - sizeof(uint64_t)) / sizeof(struct http1_pending))

struct chunk {
    uint32_t next;
    struct http1_pending entries[ENTRIES];
};
static_assert(sizeof(struct chunk) <= OUTQ_CHUNK_BYTES, "chunks of the output pool hold these");

static struct chunk *chunk_at(struct outq_pool *pool, uint32_t index) { return pool_at(&pool->chunks, index); }

/* A place at the end, or NULL. */
static struct http1_pending *add_place(struct http1_pending_queue *q, struct outq_pool *pool)
{
    if (q->tail == POOL_NONE || q->tail_at == ENTRIES) {
        uint32_t index = pool_get(&pool->chunks);
        if (index == POOL_NONE)
            return NULL;
        chunk_at(pool, index)->next = POOL_NONE;
        if (q->tail == POOL_NONE) {
            q->head = index;
            q->head_at = 0;
        } else {
            chunk_at(pool, q->tail)->next = index;
        }
        q->tail = index;
        q->tail_at = 0;
    }
    return &chunk_at(pool, q->tail)->entries[q->tail_at++];
}

int http1_pending_push(struct http1_pending_queue *q, struct outq_pool *pool, const struct http1_pending *entry)
{
    struct http1_pending *place = q->count ? add_place(q, pool) : &q->first;
    if (!place)
        return ERR_NO_MEMORY;
    *place = *entry;
    q->count++;
    return ERR_OK;
}

/* Gives the first chunk back when its entries are used up. */
static void drop_used_chunk(struct http1_pending_queue *q, struct outq_pool *pool)
{
    bool empty = q->head == q->tail && q->head_at == q->tail_at;
    if (!empty && q->head_at < ENTRIES)
        return;
    uint32_t index = q->head;
    q->head = empty ? POOL_NONE : chunk_at(pool, index)->next;
    q->head_at = 0;
    if (empty)
        q->tail = POOL_NONE;
    pool_put(&pool->chunks, index);
}

struct http1_pending http1_pending_pop(struct http1_pending_queue *q, struct outq_pool *pool)
{
    assert(q->count > 0);
    struct http1_pending first = q->first;
    if (--q->count > 0) {
        q->first = chunk_at(pool, q->head)->entries[q->head_at++];
        drop_used_chunk(q, pool);
    }
    return first;
}
