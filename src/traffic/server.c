/* SPDX-License-Identifier: MIT */
/*
 * Embedded servers: they listen on every address of their device, and each connection is an L7 server session as
 * long as something is begun.
 */
#include "traffic/traffic_private.h"

/* So many connections a turn are looked at when draining. */
#define DRAIN_LOOKS 1024u

static struct server_run *run_of(struct traffic *t, const struct connection *connection)
{
    return &t->servers[connection->owner];
}

static void unlisten_first(struct traffic *t, const struct server_run *run, uint32_t n, int64_t now)
{
    for (uint32_t i = 0; i < n; i++)
        (void)tcp_unlisten(t->tcp, run->first_local + i, run->server->port, now);
}

int server_listen(struct traffic *t, struct server_run *run)
{
    for (uint32_t i = 0; i < run->n_hosts; i++) {
        int error = tcp_listen(t->tcp, run->user, run->first_local + i, run->server->port);
        if (error) {
            unlisten_first(t, run, i, t->now);
            return error;
        }
    }
    run->listening = true;
    return 0;
}

void server_unlisten(struct traffic *t, struct server_run *run, int64_t now)
{
    if (run->listening)
        unlisten_first(t, run, run->n_hosts, now);
    run->listening = false;
}

static void request_answered(void *context, const struct l7_transaction *tr)
{
    const struct activity *a = context;
    struct server_stats *stats = run_of(a->traffic, a->connection)->stats;

    if (tr->status)
        stats->requests.by_status[tr->status < STATUS_COUNTS ? tr->status : 0]++;
    if (tr->error) {
        cause_counts_add(&stats->requests.failed, tr->cause, 1);
        return;
    }
    stats->requests.served++;
    stats->requests.body_bytes += tr->body_bytes;
}

const struct l7_events server_events = {.transaction = request_answered};

static struct server_run *find_server(struct traffic *t, const struct flow_key *key)
{
    for (uint32_t i = 0; i < t->n_servers; i++) {
        struct server_run *run = &t->servers[i];
        if (run->server->port == key->local_port && key->local - run->first_local < run->n_hosts)
            return run;
    }
    return NULL;
}

static int server_admit(void *context, const struct flow_key *key, uint64_t *word)
{
    struct traffic *t = context;
    struct server_run *run = find_server(t, key);

    if (!run)
        return ERR_NOT_FOUND;
    const struct plan_server *server = run->server;
    bool room = run->open < server->max_connections + server->spare_connections;
    bool overloaded = run->open >= server->max_connections;
    uint32_t index = room ? pool_get(&t->server_connections) : POOL_NONE;
    if (index == POOL_NONE) {
        run->stats->connections.refused++;
        return ERR_NO_MEMORY;
    }
    struct connection *connection = pool_at(&t->server_connections, index);
    *connection = (struct connection){.owner = (uint16_t)(run - t->servers),
                                      .state = CONNECTION_CONNECTING,
                                      .flags = overloaded ? CONNECTION_OVERLOADED : 0};
    run->stats->connections.overloaded += overloaded;
    *word = connection_word(connection);
    run->open++;
    run->stats->connections.accepted++;
    run->stats->connections.connecting++;
    return 0;
}

/* Something moved: idle_timeout begins anew. */
static void touch(const struct server_run *run, struct connection *connection, int64_t now)
{
    if (run->server->idle_timeout_ns > 0)
        connection->due_at = now + run->server->idle_timeout_ns;
}

/*
 * The engine wants to be called then, or nothing moved for too long. A deadline for the latter is not put off each time
 * something moves: it comes, and is set anew.
 */
static void arm_deadline(struct traffic *t, const struct server_run *run, struct connection *connection, struct tcp *c,
                         int64_t engine_at, int64_t now)
{
    bool timed = run->server->idle_timeout_ns > 0;

    if (timed && engine_at == TIME_NEVER && (connection->flags & CONNECTION_TIMED))
        return;
    if (timed)
        connection->flags |= CONNECTION_TIMED;
    tcp_set_deadline(t->tcp, c, timed ? min_i64(engine_at, connection->due_at) : engine_at, now);
}

static void server_connected(void *context, struct tcp *c, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct server_run *run = run_of(t, connection);

    connection->state = CONNECTION_READY;
    connection->ref = tcp_ref_of(t->tcp, c);
    run->stats->connections.connecting--;
    run->stats->connections.established++;
    run->stats->connections.live++;
    if (run->server->idle_timeout_ns > 0) {
        touch(run, connection, now);
        arm_deadline(t, run, connection, c, TIME_NEVER, now);
    }
}

/* idle_timeout goes on: a client that takes no more is not waited for. */
static void close_now(struct traffic *t, struct connection *connection, struct tcp *c, int64_t now)
{
    const struct server_run *run = run_of(t, connection);

    connection->state = CONNECTION_CLOSING;
    touch(run, connection, now);
    arm_deadline(t, run, connection, c, TIME_NEVER, now);
    (void)tcp_close(t->tcp, c, now);
}

/* Whether an idle connection shall end: its client finished, or nobody else ends it while draining. */
static bool ends_when_idle(const struct traffic *t, const struct server_run *run, const struct connection *connection)
{
    return (connection->flags & CONNECTION_PEER_FIN) || (t->draining && !run->server->has_clients);
}

static int64_t engine_deadline(const struct server_run *run, const struct activity *a)
{
    const struct l7_engine *engine = run->endpoint.engine;

    return a && engine->next_deadline ? engine->next_deadline(a->session) : TIME_NEVER;
}

/* Nothing is begun on the connection: lets the session go; ends the connection, or waits for the next request. */
static void settle_idle(struct traffic *t, struct server_run *run, struct connection *connection, struct tcp *c,
                        int64_t now)
{
    carrier_detach_if_idle(t, connection, &run->endpoint, now);
    if (ends_when_idle(t, run, connection))
        close_now(t, connection, c, now);
    else if (run->server->idle_timeout_ns > 0)
        arm_deadline(t, run, connection, c, TIME_NEVER, now);
}

/*
 * After any call into the engine: sends what it queued, ends the connection if it says so, lets an idle session
 * go.
 */
static void settle(struct traffic *t, struct server_run *run, struct connection *connection, struct tcp *c, int64_t now)
{
    struct activity *a = activity_of(t, connection);
    uint64_t promised = a->promised;

    carrier_release_input(t, a, c, now);
    if (a->carrier.want_abort) {
        carrier_abort(t, c, CONNECT_FAILED_RESET, ERR_PROTOCOL, a->carrier.cause ? a->carrier.cause : "protocol", now);
        return;
    }
    if (carrier_flush(t, a, &run->endpoint, c, now) < 0) {
        carrier_abort(t, c, CONNECT_FAILED_NO_MEMORY, ERR_NO_MEMORY, "no_memory", now);
        return;
    }
    if (a->promised > promised)
        touch(run, connection, now);
    if (a->carrier.want_close)
        close_now(t, connection, c, now);
    else if (run->endpoint.engine->idle(a->session))
        settle_idle(t, run, connection, c, now);
    else
        arm_deadline(t, run, connection, c, engine_deadline(run, a), now);
}

static void client_finished(struct traffic *t, struct server_run *run, struct connection *connection, struct tcp *c,
                            int64_t now)
{
    struct activity *a = activity_of(t, connection);

    connection->flags |= CONNECTION_PEER_FIN;
    if (!a) {
        close_now(t, connection, c, now);
        return;
    }
    run->endpoint.engine->end_of_input(a->session, &a->carrier, now);
    settle(t, run, connection, c, now);
}

static void server_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct server_run *run = run_of(t, connection);

    run->stats->bytes.received += length;
    if (connection->state != CONNECTION_READY) {
        if (length > 0)
            tcp_consumed(t->tcp, c, length, now);
        return;
    }
    touch(run, connection, now);
    if (length == 0) {
        client_finished(t, run, connection, c, now);
        return;
    }
    struct activity *a = carrier_attach(t, connection, &run->endpoint, c, now);
    if (!a)
        carrier_abort(t, c, CONNECT_FAILED_NO_MEMORY, ERR_NO_MEMORY, "no_memory", now);
    else if (carrier_input(t, a, &run->endpoint, c, bytes, length, now) < 0)
        carrier_abort(t, c, CONNECT_FAILED_RESET, ERR_PROTOCOL, a->carrier.cause ? a->carrier.cause : "protocol", now);
    else
        settle(t, run, connection, c, now);
}

static void server_acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct server_run *run = run_of(t, connection);
    struct activity *a = activity_of(t, connection);

    if (!a)
        return;
    outq_trim(&a->carrier.out, &t->outq, offset);
    touch(run, connection, now);
    if (connection->state != CONNECTION_READY)
        return;
    if (!run->endpoint.engine->idle(a->session)) {
        carrier_resume(a, &run->endpoint, now);
        settle(t, run, connection, c, now);
    } else {
        settle_idle(t, run, connection, c, now);
    }
}

static void end_stuck(struct traffic *t, struct server_run *run, struct tcp *c, int64_t now)
{
    run->stats->connections.stuck++;
    carrier_abort(t, c, CONNECT_FAILED_TIMEOUT, ERR_TIMED_OUT, "timeout", now);
}

/* idle_timeout is over: true when the connection ended. An engine that waits for its own time is not stuck. */
static bool end_unmoved(struct traffic *t, struct server_run *run, struct connection *connection, struct tcp *c,
                        int64_t now)
{
    const struct activity *a = activity_of(t, connection);

    if (connection->state == CONNECTION_CLOSING) {
        end_stuck(t, run, c, now);
        return true;
    }
    if (!a || (run->endpoint.engine->idle(a->session) && outq_length(&a->carrier.out) == 0)) {
        run->stats->connections.idle++;
        close_now(t, connection, c, now);
        return true;
    }
    if (engine_deadline(run, a) != TIME_NEVER) {
        touch(run, connection, now);
        return false;
    }
    end_stuck(t, run, c, now);
    return true;
}

static void server_deadline(void *context, struct tcp *c, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct server_run *run = run_of(t, connection);
    struct activity *a = activity_of(t, connection);

    connection->flags &= (uint8_t)~CONNECTION_TIMED;
    if (run->server->idle_timeout_ns > 0 && now >= connection->due_at && end_unmoved(t, run, connection, c, now))
        return;
    if (!a || connection->state != CONNECTION_READY) {
        arm_deadline(t, run, connection, c, TIME_NEVER, now);
        return;
    }
    carrier_resume(a, &run->endpoint, now);
    settle(t, run, connection, c, now);
}

static void server_connection_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct server_run *run = run_of(t, connection);
    int error;
    const char *cause = carrier_close_cause(t, reason, &error);

    run->open--;
    if (connection->state == CONNECTION_CONNECTING) {
        run->stats->connections.connecting--;
        run->stats->connections.failed++;
    } else {
        run->stats->connections.live--;
        run->stats->connections.closed++;
        run->stats->connections.closed_by[reason]++;
        carrier_detach(t, connection, &run->endpoint, error, cause, now);
    }
    connection->state = CONNECTION_FREE;
    pool_put(&t->server_connections, pool_index(&t->server_connections, connection));
}

const struct tcp_user server_user = {
    .admit = server_admit,
    .connected = server_connected,
    .received = server_received,
    .pull = carrier_pull,
    .lend = carrier_lend,
    .acked = server_acked,
    .deadline = server_deadline,
    .closed = server_connection_closed,
};

/* Nobody asked anything: no session, or an idle one. */
static bool is_idle(const struct traffic *t, const struct server_run *run, const struct connection *connection)
{
    const struct activity *a = activity_of(t, connection);

    return !a || run->endpoint.engine->idle(a->session);
}

/* True when it had to be closed. */
static bool drain_connection(struct traffic *t, struct connection *connection, int64_t now)
{
    if (connection->state != CONNECTION_READY)
        return false;
    const struct server_run *run = run_of(t, connection);
    struct tcp *c = tcp_get(t->tcp, connection->ref);
    if (!c || run->server->has_clients || !is_idle(t, run, connection))
        return false;
    close_now(t, connection, c, now);
    return true;
}

unsigned server_drain(struct traffic *t, int64_t now, unsigned budget)
{
    const struct pool *pool = &t->server_connections;
    unsigned closed = 0;

    for (unsigned looks = DRAIN_LOOKS; closed < budget && looks > 0 && t->drain_scan < pool->touched; looks--)
        closed += drain_connection(t, pool_at(pool, ++t->drain_scan), now);
    return closed;
}
