/* SPDX-License-Identifier: MIT */
/*
 * TCP carries L7: bytes that arrive go to the connection's engine session, bytes it queues are promised to TCP,
 * pulled by stream offset and let go when acknowledged. An activity is taken from the pool when a connection wakes
 * and given back when it is idle again, so that stream offsets continue from TCP's own count. As long as only few
 * are in use they stay with their idle connections, which saves making them anew.
 */
#include <string.h>

#include "traffic/traffic_private.h"

/* So many activities, a few hundred KiB, may belong to idle connections. */
#define WARM_ACTIVITIES 1024u

struct activity *carrier_attach(struct traffic *t, struct connection *connection, const struct endpoint *e,
                                const struct tcp *c, int64_t now)
{
    if (connection->activity != POOL_NONE)
        return pool_at(&t->activities, connection->activity);
    uint32_t index = pool_get(&t->activities);
    if (index == POOL_NONE)
        return NULL;
    struct activity *a = pool_at(&t->activities, index);
    memset(a, 0, sizeof *a + e->engine->session_bytes);
    a->traffic = t;
    a->connection = connection;
    a->promised = tcp_promised_offset(t->tcp, c);
    a->carrier = (struct l7_carrier){
        .out = {.base = a->promised, .end = a->promised},
        .pool = &t->outq,
        .events = e->events,
        .context = a,
        .serial = t->serial++,
        .overloaded = connection->flags & CONNECTION_OVERLOADED,
    };
    if (e->engine->open(a->session, e->config, &a->carrier, now) < 0) {
        pool_put(&t->activities, index);
        return NULL;
    }
    connection->activity = index;
    return a;
}

void carrier_detach(struct traffic *t, struct connection *connection, const struct endpoint *e, int error,
                    const char *cause, int64_t now)
{
    struct activity *a = activity_of(t, connection);

    if (!a)
        return;
    e->engine->close(a->session, &a->carrier, error, cause, now);
    outq_clear(&a->carrier.out, &t->outq);
    pool_put(&t->activities, connection->activity);
    connection->activity = POOL_NONE;
}

void carrier_detach_if_idle(struct traffic *t, struct connection *connection, const struct endpoint *e, int64_t now)
{
    const struct activity *a = activity_of(t, connection);

    if (a && t->activities.used > WARM_ACTIVITIES && outq_length(&a->carrier.out) == 0 && a->held == 0 &&
        e->engine->idle(a->session))
        carrier_detach(t, connection, e, 0, NULL, now);
}

void carrier_release_input(struct traffic *t, struct activity *a, struct tcp *c, int64_t now)
{
    uint32_t keep = a->carrier.hold_input ? a->carrier.keep_bytes : 0;

    if (a->held <= keep)
        return;
    tcp_consumed(t->tcp, c, a->held - keep, now);
    a->held = keep;
}

int carrier_input(struct traffic *t, struct activity *a, const struct endpoint *e, struct tcp *c, const uint8_t *bytes,
                  uint32_t length, int64_t now)
{
    a->held += length;
    a->moved += length;
    int error = e->engine->input(a->session, &a->carrier, bytes, length, now);
    carrier_release_input(t, a, c, now);
    return error;
}

int carrier_flush(struct traffic *t, struct activity *a, const struct endpoint *e, struct tcp *c, int64_t now)
{
    uint64_t fresh = a->carrier.out.end - a->promised;

    if (fresh == 0)
        return 0;
    int error = tcp_send(t->tcp, c, fresh, now);
    if (error)
        return error;
    a->promised += fresh;
    a->moved += fresh;
    *e->bytes_sent += fresh;
    return 0;
}

void carrier_resume(struct activity *a, const struct endpoint *e, int64_t now)
{
    if (e->engine->resume)
        e->engine->resume(a->session, &a->carrier, now);
}

size_t carrier_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    const struct traffic *t = context;
    struct activity *a = activity_of(t, connection_of(c));

    return outq_read(&a->carrier.out, &t->outq, offset, to, length, sum);
}

unsigned carrier_lend(void *context, struct tcp *c, uint64_t offset, size_t length, struct packet_frag *pieces,
                      unsigned max)
{
    const struct traffic *t = context;
    struct activity *a = activity_of(t, connection_of(c));
    struct outq_piece found[PACKET_MAX_FRAGS];
    unsigned n = outq_constant_pieces(&a->carrier.out, &t->outq, offset, length, found, min_u32(max, PACKET_MAX_FRAGS));

    for (unsigned i = 0; i < n; i++)
        pieces[i] = (struct packet_frag){.bytes = found[i].bytes, .length = found[i].length};
    return n;
}

void carrier_abort(struct traffic *t, struct tcp *c, enum connect_failure failure, enum err error, const char *cause,
                   int64_t now)
{
    t->abort_failure = failure;
    t->abort_error = error;
    t->abort_cause = cause;
    tcp_abort(t->tcp, c, now);
    t->abort_failure = CONNECT_FAILED_STOPPED;
    t->abort_error = ERR_ABORTED;
    t->abort_cause = "stopped";
}

const char *carrier_close_cause(const struct traffic *t, enum tcp_close_reason reason, int *error)
{
    static const struct {
        enum err error;
        const char *cause;
    } causes[TCP_CLOSE_REASON_COUNT] = {
        [TCP_CLOSE_NORMAL] = {ERR_CLOSED, "peer_closed"},
        [TCP_CLOSE_RESET] = {ERR_RESET, "reset"},
        [TCP_CLOSE_REFUSED] = {ERR_REFUSED, "reset"},
        [TCP_CLOSE_TIMEOUT] = {ERR_TIMED_OUT, "timeout"},
        [TCP_CLOSE_UNREACHABLE] = {ERR_UNREACHABLE, "unreachable"},
        [TCP_CLOSE_NO_MEMORY] = {ERR_NO_MEMORY, "no_memory"},
    };

    if (reason == TCP_CLOSE_ABORTED) {
        *error = t->abort_error;
        return t->abort_cause;
    }
    *error = causes[reason].error;
    return causes[reason].cause;
}
