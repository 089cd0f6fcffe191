/* SPDX-License-Identifier: MIT */
/*
 * Bytes on their way out, addressed by 64-bit stream offset: spans that are constant references or owned chunks copied
 * in, trimmed by acknowledgement; or bytes of an owner, who is told when they are let go of. For users of TCP that have bytes of their own: what a queue holds outlives its user's
 * close, so that a retransmission never comes up short.
 *
 * An outq is 40 bytes and holds indices into an outq_pool that a worker shares among all its queues. Zeroed memory is
 * an empty queue. Constant references must stay valid until acknowledged.
 */
#ifndef WEIR_BASE_OUTQ_H
#define WEIR_BASE_OUTQ_H

#include "base/pool.h"

#define OUTQ_CHUNK_BYTES 488

struct outq_span {
    uint32_t next;
    uint32_t length;
    const uint8_t *bytes; /* constant reference, or into the chunk */
    uint32_t chunk;       /* POOL_NONE: constant reference; OUTQ_OWNER: the owner's bytes */
    uint32_t room;        /* bytes still free at the end of a chunk */
    void *owner;          /* with OUTQ_OWNER */
};
#define OUTQ_OWNER UINT32_MAX

struct outq_pool {
    struct pool spans;
    struct pool chunks;
    /* Bytes of an owner are not needed any more. Calls nothing here. */
    void (*release)(void *context, void *owner);
    void *context;
};

struct outq {
    uint64_t base;      /* stream offset of the first byte held */
    uint64_t end;       /* stream offset behind the last */
    uint64_t near_base; /* where `near` begins */
    uint32_t head, tail;
    uint32_t near; /* the span found last, from which reading goes on without a walk from the head; POOL_NONE: none */
};

/* ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int outq_pool_init(struct outq_pool *p, const struct allocator *a, uint32_t spans, uint32_t chunks);
/* The same with chunks of another size, a multiple of 8: large ones where much is copied. */
MUST_CHECK int outq_pool_init_sized(struct outq_pool *p, const struct allocator *a, uint32_t spans, uint32_t chunks,
                                    uint32_t chunk_bytes);
/* Owners whose bytes are still held are told. */
void outq_pool_free(struct outq_pool *p);

/* Appends a reference to constant bytes. 0, or ERR_NO_MEMORY (nothing appended). */
MUST_CHECK int outq_reference(struct outq *q, struct outq_pool *p, const void *bytes, uint32_t length);
/* Appends bytes of an owner, not NULL; `release` of the pool is called once when they are let go of. */
MUST_CHECK int outq_attach(struct outq *q, struct outq_pool *p, const void *bytes, uint32_t length, void *owner);
/* Appends a copy, all or nothing. 0, or ERR_NO_MEMORY. */
MUST_CHECK int outq_copy(struct outq *q, struct outq_pool *p, const void *bytes, uint32_t length);
/*
 * Writes the bytes [offset, offset + length) to `to` and adds them to *sum (checksum.h; pass NULL for no sum).
 * Returns how many there were: less than length only past the end. offset >= base.
 */
size_t outq_read(struct outq *q, const struct outq_pool *p, uint64_t offset, void *to, size_t length, uint64_t *sum);
/* A part of what a queue holds. */
struct outq_piece {
    const uint8_t *bytes;
    uint32_t length;
};
/*
 * Where the bytes [offset, offset + length) lie, in at most `max` pieces. Returns how many; 0 when they are too many or not all there: then outq_read.
 * offset >= base. Pieces of copies stay as they are until they are trimmed and something else is copied.
 */
unsigned outq_pieces(struct outq *q, const struct outq_pool *p, uint64_t offset, size_t length,
                     struct outq_piece *pieces, unsigned max);
/* The same for bytes all of which are constant references; else 0. */
unsigned outq_constant_pieces(struct outq *q, const struct outq_pool *p, uint64_t offset, size_t length,
                              struct outq_piece *pieces, unsigned max);
/*
 * Takes the first span out of the queue, whole: its bytes stay where they are until it is given back. The span's number, or POOL_NONE when the queue is empty.
 */
uint32_t outq_take(struct outq *q, struct outq_pool *p, struct outq_piece *piece);
/* ERR_INVALID: no such span is taken, or its bytes are others. */
int outq_give_back(struct outq_pool *p, uint32_t span, const uint8_t *bytes);
/* Lets go of everything before offset. */
void outq_trim(struct outq *q, struct outq_pool *p, uint64_t offset);
/* Lets go of everything; the queue is empty at offset `end`. */
void outq_clear(struct outq *q, struct outq_pool *p);
static inline uint64_t outq_length(const struct outq *q) { return q->end - q->base; }

#endif
