/* SPDX-License-Identifier: MIT */
/*
 * The output queue: a singly linked list of spans from head to tail, whose lengths add up to end - base.
 *
 * Invariants: the first span begins at stream offset base; head and tail are POOL_NONE exactly when nothing is held; no
 * span is empty; a span with a chunk or an owner has it alone, and only the tail may have room; near is POOL_NONE or a
 * span held, which begins at near_base. A span that was taken is on no queue, and its room is TAKEN.
 */
#include "base/outq.h"

#include "base/checksum.h"
#include "base/error.h"

#define TAKEN UINT32_MAX /* as room */

static struct outq_span *span_at(const struct outq_pool *p, uint32_t index) { return pool_at(&p->spans, index); }

int outq_pool_init(struct outq_pool *p, const struct allocator *a, uint32_t spans, uint32_t chunks)
{
    return outq_pool_init_sized(p, a, spans, chunks, OUTQ_CHUNK_BYTES);
}

int outq_pool_init_sized(struct outq_pool *p, const struct allocator *a, uint32_t spans, uint32_t chunks,
                         uint32_t chunk_bytes)
{
    *p = (struct outq_pool){0};
    int error = pool_init(&p->spans, a, spans, sizeof(struct outq_span), alignof(struct outq_span));
    if (error)
        return error;
    error = pool_init(&p->chunks, a, chunks, chunk_bytes, alignof(uint64_t));
    if (error)
        pool_free(&p->spans);
    return error;
}

/* Once. A free span has none: that is how outq_pool_free knows those in use. */
static void release_owner(struct outq_pool *p, struct outq_span *s)
{
    if (s->chunk != OUTQ_OWNER)
        return;
    s->chunk = POOL_NONE;
    p->release(p->context, s->owner);
}

void outq_pool_free(struct outq_pool *p)
{
    if (p->spans.objects)
        for (uint32_t i = 1; i <= p->spans.touched; i++)
            release_owner(p, span_at(p, i));
    pool_free(&p->chunks);
    pool_free(&p->spans);
}

/* Links a new, filled span behind the tail. */
static void append_span(struct outq *q, struct outq_pool *p, uint32_t index)
{
    if (q->tail == POOL_NONE) {
        q->head = index;
    } else {
        struct outq_span *tail = span_at(p, q->tail);
        tail->next = index;
        tail->room = 0;
    }
    q->tail = index;
    q->end += span_at(p, index)->length;
}

static int append_foreign(struct outq *q, struct outq_pool *p, const struct outq_span *s)
{
    uint32_t index = pool_get(&p->spans);
    if (index == POOL_NONE)
        return ERR_NO_MEMORY;
    *span_at(p, index) = *s;
    append_span(q, p, index);
    return ERR_OK;
}

int outq_reference(struct outq *q, struct outq_pool *p, const void *bytes, uint32_t length)
{
    return length == 0 ? ERR_OK : append_foreign(q, p, &(struct outq_span){.length = length, .bytes = bytes});
}

int outq_attach(struct outq *q, struct outq_pool *p, const void *bytes, uint32_t length, void *owner)
{
    assert(length > 0 && owner && p->release);
    return append_foreign(q, p,
                          &(struct outq_span){.length = length, .bytes = bytes, .chunk = OUTQ_OWNER, .owner = owner});
}

static uint32_t tail_room(const struct outq *q, const struct outq_pool *p)
{
    return q->tail == POOL_NONE ? 0 : span_at(p, q->tail)->room;
}

/* True when `chunks` chunks and as many spans are free; a pool that falls short counts it. */
static bool has_free(struct outq_pool *p, uint32_t chunks)
{
    if (p->chunks.capacity - p->chunks.used < chunks) {
        p->chunks.exhausted++;
        return false;
    }
    if (p->spans.capacity - p->spans.used < chunks) {
        p->spans.exhausted++;
        return false;
    }
    return true;
}

/* Copies into the free end of the tail's chunk; length is at most its room. */
static void fill_tail(struct outq *q, struct outq_pool *p, const uint8_t *bytes, uint32_t length)
{
    struct outq_span *tail = span_at(p, q->tail);
    uint8_t *chunk = pool_at(&p->chunks, tail->chunk);
    memcpy(chunk + (p->chunks.size - tail->room), bytes, length);
    tail->length += length;
    tail->room -= length;
    q->end += length;
}

/* A span with a chunk of its own and the first bytes in it; has_free() said that both are there. */
static void append_chunk(struct outq *q, struct outq_pool *p, const uint8_t *bytes, uint32_t length)
{
    uint32_t index = pool_get(&p->spans);
    uint32_t chunk = pool_get(&p->chunks);
    assert(index != POOL_NONE && chunk != POOL_NONE);
    uint8_t *to = pool_at(&p->chunks, chunk);
    memcpy(to, bytes, length);
    *span_at(p, index) =
        (struct outq_span){.length = length, .bytes = to, .chunk = chunk, .room = p->chunks.size - length};
    append_span(q, p, index);
}

int outq_copy(struct outq *q, struct outq_pool *p, const void *bytes, uint32_t length)
{
    const uint8_t *from = bytes;
    uint32_t first = min_u32(length, tail_room(q, p));
    uint32_t rest = length - first;
    if (!has_free(p, rest / p->chunks.size + (rest % p->chunks.size != 0)))
        return ERR_NO_MEMORY;
    if (first)
        fill_tail(q, p, from, first);
    from += first;
    while (rest) {
        uint32_t n = min_u32(rest, p->chunks.size);
        append_chunk(q, p, from, n);
        from += n;
        rest -= n;
    }
    return ERR_OK;
}

/* The span that holds offset, and in *skip how many of its bytes come before; NULL past the end. */
static const struct outq_span *find_span(struct outq *q, const struct outq_pool *p, uint64_t offset, uint64_t *skip)
{
    if (offset >= q->end)
        return NULL;
    const struct outq_span *s = span_at(p, q->tail);
    if (offset >= q->end - s->length) {
        *skip = offset - (q->end - s->length);
        return s;
    }
    if (q->near == POOL_NONE || offset < q->near_base) {
        q->near = q->head;
        q->near_base = q->base;
    }
    for (s = span_at(p, q->near); offset - q->near_base >= s->length; s = span_at(p, q->near)) {
        q->near_base += s->length;
        q->near = s->next;
    }
    *skip = offset - q->near_base;
    return s;
}

/* Copies a part that begins `done` bytes into what is read, with its sum: at an odd place the bytes count swapped. */
static void copy_part(uint8_t *to, const uint8_t *from, size_t length, size_t done, uint64_t *sum)
{
    if (!sum)
        memcpy(to, from, length);
    else if (done % 2 == 0)
        *sum = checksum_copy(*sum, to, from, length);
    else
        *sum += checksum_shift(checksum_copy(0, to, from, length));
}

size_t outq_read(struct outq *q, const struct outq_pool *p, uint64_t offset, void *to, size_t length, uint64_t *sum)
{
    assert(offset >= q->base);
    uint64_t skip = 0;
    size_t done = 0;
    const struct outq_span *s = length ? find_span(q, p, offset, &skip) : NULL;
    while (s) {
        size_t n = (size_t)min_u64(length - done, s->length - skip);
        copy_part((uint8_t *)to + done, s->bytes + skip, n, done, sum);
        done += n;
        skip = 0;
        s = done < length && s->next != POOL_NONE ? span_at(p, s->next) : NULL;
    }
    return done;
}

static unsigned find_pieces(struct outq *q, const struct outq_pool *p, uint64_t offset, size_t length,
                            struct outq_piece *pieces, unsigned max, bool copies)
{
    assert(offset >= q->base);
    uint64_t skip = 0;
    unsigned count = 0;
    const struct outq_span *s = length ? find_span(q, p, offset, &skip) : NULL;
    while (s && (copies || s->chunk == POOL_NONE) && count < max) {
        uint32_t n = (uint32_t)min_u64(length, s->length - skip);
        pieces[count++] = (struct outq_piece){s->bytes + skip, n};
        length -= n;
        skip = 0;
        if (length == 0)
            return count;
        s = s->next != POOL_NONE ? span_at(p, s->next) : NULL;
    }
    return 0;
}

unsigned outq_pieces(struct outq *q, const struct outq_pool *p, uint64_t offset, size_t length,
                     struct outq_piece *pieces, unsigned max)
{
    return find_pieces(q, p, offset, length, pieces, max, true);
}

unsigned outq_constant_pieces(struct outq *q, const struct outq_pool *p, uint64_t offset, size_t length,
                              struct outq_piece *pieces, unsigned max)
{
    return find_pieces(q, p, offset, length, pieces, max, false);
}

/* Takes the first span off the queue. */
static uint32_t unlink_head(struct outq *q, const struct outq_pool *p)
{
    uint32_t index = q->head;
    const struct outq_span *s = span_at(p, index);
    q->base += s->length;
    if (q->near == index)
        q->near = POOL_NONE;
    q->head = s->next;
    if (q->head == POOL_NONE)
        q->tail = POOL_NONE;
    return index;
}

static void free_span(struct outq_pool *p, uint32_t index)
{
    struct outq_span *s = span_at(p, index);
    if (s->chunk == OUTQ_OWNER)
        release_owner(p, s);
    else if (s->chunk != POOL_NONE)
        pool_put(&p->chunks, s->chunk);
    pool_put(&p->spans, index);
}

/* Frees the first span whole. */
static void drop_head(struct outq *q, struct outq_pool *p) { free_span(p, unlink_head(q, p)); }

uint32_t outq_take(struct outq *q, struct outq_pool *p, struct outq_piece *piece)
{
    if (q->head == POOL_NONE)
        return POOL_NONE;
    uint32_t index = unlink_head(q, p);
    struct outq_span *s = span_at(p, index);
    *piece = (struct outq_piece){s->bytes, s->length};
    s->room = TAKEN;
    return index;
}

int outq_give_back(struct outq_pool *p, uint32_t span, const uint8_t *bytes)
{
    if (span == POOL_NONE || span > p->spans.touched)
        return ERR_INVALID;
    struct outq_span *s = span_at(p, span);
    if (s->room != TAKEN || s->bytes != bytes)
        return ERR_INVALID;
    s->room = 0;
    free_span(p, span);
    return ERR_OK;
}

void outq_trim(struct outq *q, struct outq_pool *p, uint64_t offset)
{
    assert(offset <= q->end);
    while (q->head != POOL_NONE && offset >= q->base + span_at(p, q->head)->length)
        drop_head(q, p);
    if (q->head == POOL_NONE || offset <= q->base)
        return;
    struct outq_span *s = span_at(p, q->head);
    uint32_t n = (uint32_t)(offset - q->base);
    s->bytes += n;
    s->length -= n;
    q->base = offset;
    if (q->near == q->head)
        q->near_base = offset;
}

void outq_clear(struct outq *q, struct outq_pool *p) { outq_trim(q, p, q->end); }
