/* SPDX-License-Identifier: MIT */
/*
 * Requests sent and not answered, first in first out: the first lies in the session itself, so that a connection
 * without pipelining needs nothing more; further ones lie in chunks borrowed from the carrier's output pool, 20 in
 * each.
 */
#ifndef WEIR_L7_HTTP1_PENDING_H
#define WEIR_L7_HTTP1_PENDING_H

#include "base/outq.h"
#include "l7/http1.h"

struct http1_pending {
    const struct http1_request *request;
    int64_t due_at, sent_at;
};

struct http1_pending_queue {
    struct http1_pending first; /* valid when count > 0 */
    uint32_t count;
    uint32_t head, tail;       /* chunks; POOL_NONE: none */
    uint16_t head_at, tail_at; /* the next entry to take, the next to fill */
};

/* Zeroed memory is an empty queue. ERR_NO_MEMORY: no chunk is free, nothing changed. */
MUST_CHECK int http1_pending_push(struct http1_pending_queue *q, struct outq_pool *pool,
                                  const struct http1_pending *entry);
/* Takes the first; count > 0. */
struct http1_pending http1_pending_pop(struct http1_pending_queue *q, struct outq_pool *pool);

#endif
