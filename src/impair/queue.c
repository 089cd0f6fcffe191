/* SPDX-License-Identifier: MIT */
/*
 * See queue.h. Entries sift by copying into the hole rather than by exchange.
 */
#include "impair/queue.h"

#include "base/error.h"

static bool leaves_before(const struct impair_entry *a, const struct impair_entry *b)
{
    return a->departure_ns != b->departure_ns ? a->departure_ns < b->departure_ns : a->order < b->order;
}

int impair_queue_init(struct impair_queue *q, const struct allocator *a, uint32_t capacity)
{
    *q = (struct impair_queue){.capacity = capacity, .allocator = a};
    q->heap = alloc_array(a, capacity, sizeof *q->heap, alignof(struct impair_entry));
    return q->heap ? 0 : ERR_NO_MEMORY;
}

void impair_queue_free(struct impair_queue *q)
{
    if (q->heap)
        alloc_free(q->allocator, q->heap, q->capacity * sizeof *q->heap);
    q->heap = NULL;
}

void impair_queue_push(struct impair_queue *q, struct packet *p, int64_t departure_ns)
{
    assert(q->count < q->capacity);
    struct impair_entry entry = {departure_ns, q->order++, p};
    uint32_t hole = q->count++;
    while (hole > 0) {
        uint32_t parent = (hole - 1) / 2;
        if (!leaves_before(&entry, &q->heap[parent]))
            break;
        q->heap[hole] = q->heap[parent];
        hole = parent;
    }
    q->heap[hole] = entry;
}

struct packet *impair_queue_pop(struct impair_queue *q)
{
    assert(q->count > 0);
    struct packet *first = q->heap[0].packet;
    struct impair_entry last = q->heap[--q->count];
    uint32_t hole = 0, child;
    while ((child = 2 * hole + 1) < q->count) {
        if (child + 1 < q->count && leaves_before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!leaves_before(&q->heap[child], &last))
            break;
        q->heap[hole] = q->heap[child];
        hole = child;
    }
    q->heap[hole] = last;
    return first;
}
