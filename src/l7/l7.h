/* SPDX-License-Identifier: MIT */
/*
 * The interface of an L7 protocol engine: bytes in, bytes out, events. An engine knows no transport: its carrier (TCP
 * in traffic/, TLS, a test vector) feeds it what arrived and takes what it queued, by stream offset.
 *
 * An engine's session is a block of `session_bytes` that the carrier owns and lends: zeroed before open, never moved,
 * given back after close. A carrier may take an idle session away (engine says idle()) and open a fresh one when the
 * connection wakes: long idle connections cost nothing here. Output goes to carrier->out, an outq; constant bytes
 * (prepared requests, shared bodies) by reference. After any call into the engine the carrier looks at out.end and
 * sends what is new. An engine never calls the carrier except through `events`; from inside an event the carrier may
 * call the engine's sending function (http1_client_send) for the same session and nothing else of the engine.
 */
#ifndef WEIR_L7_L7_H
#define WEIR_L7_L7_H

#include "base/outq.h"
#include "base/time_ns.h"

/*
 * What became of a transaction (client: request sent to response complete; server: request complete to response
 * queued).
 */
struct l7_transaction {
    /* 0, or negative enum err: ERR_PROTOCOL, ERR_MALFORMED, ERR_CLOSED (peer closed early), or as close() was told. */
    int error;
    /* Stable name for counters when error != 0: "bad_status_line", "length_mismatch", "digest_mismatch", … */
    const char *cause;
    uint32_t status;                                 /* protocol's status code, 0 when there is none */
    uint64_t body_bytes;                             /* of the response, at both ends */
    int64_t due_at, sent_at, first_byte_at, done_at; /* ns, client only; due_at as given with the request */
    bool close_after;                                /* the connection ends after this transaction */
};

struct l7_events {
    /* Client: a transaction ended. Server: a request was answered. */
    void (*transaction)(void *context, const struct l7_transaction *t);
};

struct l7_carrier {
    struct outq out;
    /* For `out`; engines also borrow chunks of it while requests are pipelined or input waits. */
    struct outq_pool *pool;
    const struct l7_events *events;
    void *context;
    /* Set by the carrier: a number of its own for each connection; an engine's random draws begin from it. */
    uint64_t serial;
    const char *cause; /* set by the engine with want_abort or a negative input(): stable name of what went wrong */
    bool want_close;   /* set by the engine: close (FIN) when `out` is sent */
    bool want_abort;   /* set by the engine: nothing useful can follow */
    /* Set and cleared by the engine: take in what is on its way, but open the receive window no further. */
    bool hold_input;
    uint32_t keep_bytes; /* with hold_input: so much of what was taken in stays closed; the rest may open again */
    bool overloaded;     /* set by the carrier of a server: there is no room; refuse the first request and end */
};

struct l7_engine {
    const char *name;
    uint32_t session_bytes;
    /* config: what the engine's own config function made; shared, constant. Returns 0 or negative enum err. */
    int (*open)(void *session, const void *config, struct l7_carrier *carrier, int64_t now);
    /*
     * All bytes are consumed. Negative: protocol error, already reported as events; the carrier aborts and counts
     * carrier->cause.
     */
    int (*input)(void *session, struct l7_carrier *carrier, const uint8_t *bytes, uint32_t length, int64_t now);
    /* The peer will send no more. */
    void (*end_of_input)(void *session, struct l7_carrier *carrier, int64_t now);
    /*
     * `out` was trimmed, so that it has room again, or `now` passed next_deadline (server think time, a pool that was
     * empty). NULL: never needed.
     */
    void (*resume)(void *session, struct l7_carrier *carrier, int64_t now);
    /* TIME_NEVER, or when to call resume. NULL: never. */
    int64_t (*next_deadline)(const void *session);
    /* Nothing is begun in either direction: the session may be taken away. */
    bool (*idle)(const void *session);
    /*
     * Reports what was pending as failed with error and cause (ERR_CLOSED "peer_closed", ERR_RESET "reset", …; error
     * 0: reports nothing) and frees what the session owns (not carrier->out).
     */
    void (*close)(void *session, struct l7_carrier *carrier, int error, const char *cause, int64_t now);
};

#endif
