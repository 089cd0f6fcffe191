/* SPDX-License-Identifier: MIT */
/*
 * A session of the server engine, between the files that make it: http1_server.c (what happens when), and
 * http1_choice.c (which answer a request gets).
 */
#ifndef WEIR_L7_HTTP1_SESSION_H
#define WEIR_L7_HTTP1_SESSION_H

#include "l7/http1_parser.h"
#include "l7/http1_server_config.h"

enum http1_phase {
    HTTP1_READING,
    HTTP1_DELAYED,   /* think time */
    HTTP1_ANSWERING, /* the output queue, its pool or the rate has no room */
    HTTP1_STALLED,   /* a fault: nothing more comes */
    HTTP1_ENDED,
};

/* Which part of the request has to come within a time. */
enum http1_timed { HTTP1_UNTIMED, HTTP1_TIMED_HEAD, HTTP1_TIMED_BODY };

struct http1_session {
    const struct http1_server_config *config;
    struct http1_parser parser;
    struct outq held;
    const struct http1_route_plan *route; /* NULL: the answer is an error's */
    const struct http1_answer *answer;
    struct http1_writer writer;
    uint64_t random;
    uint64_t digest;
    int64_t wait_until; /* resume is needed then */
    int64_t delay_ns;   /* of the answer */
    int64_t since;      /* of the request's body while it is read, then of the answer's body */
    int64_t limit_at;   /* the timed part has to be there */
    struct http1_match match;
    uint32_t requests;
    uint32_t scratch; /* a chunk borrowed for the present request, or POOL_NONE */
    uint8_t phase;
    uint8_t persistence;
    uint8_t parts; /* queued of the answer's head */
    uint8_t fault; /* enum http1_fault_kind that the answer meets */
    uint8_t timed;
    bool echoing;  /* the answer's head is queued, the request's body follows as it comes */
    bool end_seen; /* the peer sends no more */
    bool rare;     /* the answer is not just a prepared one: custom, a fault, or made of the request */
    bool custom;   /* the answer is put together: scratch->custom */
    bool slow;     /* the request's body comes faster than it may */
};
static_assert(sizeof(struct http1_session) <= 256, "sessions stay small");

/* An answer that is not prepared: s->answer's head, which lacks its framing, then these. */
struct http1_custom {
    struct http1_body body;
    const uint8_t *fields; /* constant */
    uint32_t fields_bytes;
    uint32_t end_bytes;
    uint8_t end[HTTP1_END_HEAD_BYTES + 96]; /* of the head */
};

/* What a request may need beyond its session, one after the other. */
union http1_scratch {
    struct {
        uint32_t length;
        uint32_t line; /* of the entry that is being added */
        bool overflow; /* there was more */
        uint8_t text[OUTQ_CHUNK_BYTES - 12];
    } notes; /* struct http1_notes, and the target as field HTTP1_FIELD_OTHER */
    struct http1_custom custom;
    uint64_t hash[HTTP1_HASH_STATE_MAX / sizeof(uint64_t)];
};
static_assert(sizeof(union http1_scratch) <= OUTQ_CHUNK_BYTES, "chunks of the output pool hold these");

static inline union http1_scratch *http1_session_scratch(const struct http1_session *s,
                                                         const struct l7_carrier *carrier)
{
    return s->scratch == POOL_NONE ? NULL : pool_at(&carrier->pool->chunks, s->scratch);
}
/* Borrows the chunk unless there is one; NULL: the pool is empty. */
union http1_scratch *http1_session_borrow(struct http1_session *s, struct l7_carrier *carrier);
void http1_session_return(struct http1_session *s, struct l7_carrier *carrier);

/* Notes a piece of a field's value, or of the target (line 0). */
void http1_session_note(struct http1_session *s, struct l7_carrier *carrier, enum http1_field field, uint32_t line,
                        const struct http1_piece *piece);
/* The request's head is read, with the last piece of its target: route, answer, delay, fault. */
void http1_session_choose(struct http1_session *s, struct l7_carrier *carrier, const struct http1_piece *target);
/* The persistence is known: puts the rest of the head of an answer together that is not prepared. */
void http1_session_finish_head(struct http1_session *s, struct l7_carrier *carrier);
uint64_t http1_session_draw(uint64_t *state);

#endif
