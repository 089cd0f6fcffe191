/* SPDX-License-Identifier: MIT */
/*
 * The connections of a load. Under a rate of transactions (or bits) a connection waits on the load's list until
 * the schedule gives it a request. Under a rate of connections or a concurrent level it follows a script:
 * requests, think times in between, close.
 *
 * Every connection object is connecting, or established and counted live, until closed(); the counters change only
 * here.
 */
#include "traffic/traffic_private.h"

static struct load_run *run_of(struct traffic *t, const struct connection *connection)
{
    return &t->loads[connection->owner];
}

static bool follows_script(const struct load_run *run)
{
    return run->load->schedule.target == SCHEDULE_CONNECTIONS || run->load->schedule.target == SCHEDULE_CONCURRENT;
}

/* ---- the list ---- */

static void list_add(struct traffic *t, struct load_run *run, struct connection *connection)
{
    uint32_t index = pool_index(&t->client_connections, connection);

    if (connection->flags & CONNECTION_LISTED)
        return;
    connection->flags |= CONNECTION_LISTED;
    connection->prev = POOL_NONE;
    connection->next = run->list_head;
    if (run->list_head != POOL_NONE)
        ((struct connection *)pool_at(&t->client_connections, run->list_head))->prev = index;
    run->list_head = index;
    run->listed++;
}

static void list_remove(struct traffic *t, struct load_run *run, struct connection *connection)
{
    if (!(connection->flags & CONNECTION_LISTED))
        return;
    connection->flags &= (uint8_t)~CONNECTION_LISTED;
    if (connection->prev != POOL_NONE)
        ((struct connection *)pool_at(&t->client_connections, connection->prev))->next = connection->next;
    else
        run->list_head = connection->next;
    if (connection->next != POOL_NONE)
        ((struct connection *)pool_at(&t->client_connections, connection->next))->prev = connection->prev;
    run->listed--;
}

/* ---- requests ---- */

static const struct plan_request *choose_request(struct load_run *run, const struct connection *connection)
{
    const struct plan_load *load = run->load;

    if (load->n_requests == 1)
        return &load->requests[0];
    if (load->order == PLAN_ORDER_SEQUENCE)
        return &load->requests[(follows_script(run) ? connection->requests : run->sequence++) % load->n_requests];

    uint64_t drawn = random_below(&run->random, load->total_weight);
    uint32_t low = 0, high = load->n_requests - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (drawn < load->requests[middle].cumulative)
            high = middle;
        else
            low = middle + 1;
    }
    return &load->requests[low];
}

static bool quota_left(const struct load_run *run, const struct connection *connection)
{
    return run->load->requests_per_connection == 0 || connection->requests < run->load->requests_per_connection;
}

static int64_t timeout_from(const struct load_run *run, int64_t now)
{
    return run->load->transaction_timeout_ns > 0 ? now + run->load->transaction_timeout_ns : TIME_NEVER;
}

/* The transaction's timeout, or the time at which the engine wants to go on, whichever is first. */
static void arm(struct traffic *t, const struct load_run *run, const struct activity *a, struct tcp *c, int64_t now)
{
    const struct l7_engine *engine = run->endpoint.engine;
    int64_t at = a->timeout_at;

    if (engine->next_deadline)
        at = min_i64(at, engine->next_deadline(a->session));
    tcp_set_deadline(t->tcp, c, at, now);
}

/*
 * Queues one request; it is not yet promised to TCP. 0; ERR_AGAIN and ERR_CLOSED (not begun, not counted);
 * ERR_NO_MEMORY (not begun, counted failed by the caller).
 */
static int begin_request(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                         int64_t due_at, int64_t now)
{
    const struct plan_load *load = run->load;
    struct activity *a = carrier_attach(t, connection, &run->endpoint, c, now);

    if (!a)
        return ERR_NO_MEMORY;
    bool last = load->requests_per_connection > 0 && connection->requests + 1 == load->requests_per_connection;
    const struct plan_request *request = choose_request(run, connection);
    bool ask = last && load->close == PLAN_CLOSE_SERVER;
    int error = load->protocol->send(a->session, &a->carrier, ask ? request->close : request->keep, due_at, now);
    if (error)
        return error;
    if (ask)
        connection->flags |= CONNECTION_PEER_CLOSES;
    connection->requests++;
    if (a->pending++ == 0)
        a->timeout_at = timeout_from(run, now);
    arm(t, run, a, c, now);
    return 0;
}

/* A fresh transaction: begun and counted, or counted as failed for want of memory. Errors as begin_request. */
static int begin_transaction(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                             int64_t due_at, int64_t now)
{
    int error = begin_request(t, run, connection, c, due_at, now);

    if (error && error != ERR_NO_MEMORY)
        return error;
    run->stats->transactions.started++;
    if (error)
        cause_counts_add(&run->stats->transactions.failed, "no_memory", 1);
    else
        run->stats->transactions.active++;
    return error;
}

static void count_latency(struct load_stats *stats, const struct l7_transaction *tr)
{
    if (tr->first_byte_at >= tr->due_at)
        histogram_record(&stats->first_byte, (uint64_t)(tr->first_byte_at - tr->due_at));
    histogram_record(&stats->transaction, (uint64_t)max_i64(0, tr->done_at - tr->due_at));
}

static void transaction_ended(void *context, const struct l7_transaction *tr)
{
    struct activity *a = context;
    struct load_run *run = run_of(a->traffic, a->connection);
    struct load_stats *stats = run->stats;

    a->pending--;
    stats->transactions.active--;
    run->ended++;
    run->ended_bytes += a->moved;
    a->moved = 0;
    if (tr->status)
        stats->transactions.by_status[tr->status < STATUS_COUNTS ? tr->status : 0]++;
    if (tr->close_after)
        a->connection->flags |= CONNECTION_PEER_CLOSES;
    if (tr->error) {
        cause_counts_add(&stats->transactions.failed, tr->cause, 1);
        return;
    }
    stats->transactions.completed++;
    stats->transactions.body_bytes += tr->body_bytes;
    stats->phases[run->phase].completed_transactions++;
    count_latency(stats, tr);
}

const struct l7_events client_events = {.transaction = transaction_ended};

/* ---- the end of a connection ---- */

static void enter_closing(struct load_run *run, struct connection *connection, enum connection_state state)
{
    if (connection->state == CONNECTION_READY)
        run->closing++;
    connection->state = (uint8_t)state;
}

static void close_now(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                      int64_t now)
{
    list_remove(t, run, connection);
    enter_closing(run, connection, CONNECTION_CLOSING);
    tcp_set_deadline(t->tcp, c, TIME_NEVER, now);
    (void)tcp_close(t->tcp, c, now);
}

/* Nothing is pending and nothing more is to be sent: ends the connection the way the plan says. */
static void finish(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c, int64_t now)
{
    if (connection->flags & CONNECTION_PEER_CLOSES) {
        list_remove(t, run, connection);
        enter_closing(run, connection, CONNECTION_WAITING);
        tcp_set_deadline(t->tcp, c, timeout_from(run, now), now);
        carrier_detach_if_idle(t, connection, &run->endpoint, now);
    } else if (run->load->close == PLAN_CLOSE_RESET) {
        list_remove(t, run, connection);
        carrier_abort(t, c, CONNECT_FAILED_STOPPED, ERR_ABORTED, "stopped", now);
    } else {
        close_now(t, run, connection, c, now);
    }
}

static void abort_for(struct traffic *t, struct tcp *c, enum err error, const char *cause, int64_t now)
{
    carrier_abort(t, c, CONNECT_FAILED_NO_MEMORY, error, cause, now);
}

/* ---- what a connection does next ---- */

static int64_t draw_think_time(struct load_run *run)
{
    const struct plan_load *load = run->load;

    switch (load->think) {
    case PLAN_THINK_UNIFORM:
        return (int64_t)random_below(&run->random, (uint64_t)load->think_max_ns + 1);
    case PLAN_THINK_EXPONENTIAL:
        return load->think_table[random_u32(&run->random) % PLAN_THINK_STEPS];
    default:
        return load->think_max_ns;
    }
}

static void start_thinking(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                           int64_t now)
{
    connection->flags |= CONNECTION_THINKING;
    list_add(t, run, connection);
    tcp_set_deadline(t->tcp, c, now + draw_think_time(run), now);
    carrier_detach_if_idle(t, connection, &run->endpoint, now);
}

/* While draining a connection that was launched for its requests still sends the first one. */
static bool owes_first_request(const struct load_run *run, const struct connection *connection)
{
    return run->load->schedule.target == SCHEDULE_CONNECTIONS && connection->requests == 0;
}

static bool script_goes_on(const struct load_run *run, const struct connection *connection)
{
    if (launch_is_spent(run))
        return false;
    return run->draining ? owes_first_request(run, connection) : quota_left(run, connection);
}

/* Keeps the pipeline full as far as the script goes; then tells TCP. */
static void fill_pipeline(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                          int64_t now)
{
    const struct activity *a = activity_of(t, connection);

    while ((a ? a->pending : 0) < run->load->pipeline && script_goes_on(run, connection)) {
        if (begin_transaction(t, run, connection, c, now, now))
            break;
        a = activity_of(t, connection);
    }
    struct activity *filled = activity_of(t, connection);
    if (!filled || (filled->pending == 0 && outq_length(&filled->carrier.out) == 0) ||
        carrier_flush(t, filled, &run->endpoint, c, now) < 0)
        abort_for(t, c, ERR_NO_MEMORY, "no_memory", now);
}

static void follow_script(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                          int64_t now)
{
    const struct activity *a = activity_of(t, connection);
    uint32_t pending = a ? a->pending : 0;
    bool over =
        !script_goes_on(run, connection) || (connection->flags & CONNECTION_PEER_CLOSES) || launch_has_surplus(run);

    if (over) {
        if (pending == 0)
            finish(t, run, connection, c, now);
    } else if (run->load->think == PLAN_THINK_NONE || connection->requests == 0) {
        fill_pipeline(t, run, connection, c, now);
    } else if (pending == 0) {
        start_thinking(t, run, connection, c, now);
    }
}

/* Under a rate: the connection is listed while it can take a request. */
static void offer(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c, int64_t now)
{
    const struct activity *a = activity_of(t, connection);
    uint32_t pending = a ? a->pending : 0;

    if (run->draining || launch_is_spent(run) || !quota_left(run, connection) ||
        (connection->flags & CONNECTION_PEER_CLOSES)) {
        list_remove(t, run, connection);
        if (pending == 0)
            finish(t, run, connection, c, now);
        return;
    }
    if (pending < run->load->pipeline)
        list_add(t, run, connection);
    else
        list_remove(t, run, connection);
    if (pending == 0) {
        tcp_set_deadline(t->tcp, c, TIME_NEVER, now);
        carrier_detach_if_idle(t, connection, &run->endpoint, now);
    }
}

/* After something ended or a connection was made. */
static void go_on(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c, int64_t now)
{
    if (follows_script(run))
        follow_script(t, run, connection, c, now);
    else
        offer(t, run, connection, c, now);
}

/* ---- launches ---- */

static uint32_t next_client_host(struct load_run *run)
{
    const struct host_range *range = &run->hosts[run->range];
    uint32_t local = range->leased ? range->leased[run->host] : range->first_local + run->host;

    if (++run->host == range->count) {
        run->host = 0;
        if (++run->range == run->n_hosts) {
            run->range = 0;
            run->server_host++; /* so that all pairs occur even where the counts have a common factor */
        }
    }
    return local;
}

static struct flow_key next_flow(struct load_run *run)
{
    const struct plan_load *load = run->load;
    uint32_t server = run->server_host++ % load->server_hosts;

    return (struct flow_key){
        .local = next_client_host(run),
        .remote = plan_server_address(load, server),
        .remote_port = load->server_port,
    };
}

static enum connect_failure failure_of_error(int error)
{
    switch (error) {
    case ERR_NO_PORTS:
    case ERR_IN_USE:
        return CONNECT_FAILED_NO_PORTS;
    case ERR_NO_ROUTE:
    case ERR_UNREACHABLE:
        return CONNECT_FAILED_UNREACHABLE;
    default:
        return CONNECT_FAILED_NO_MEMORY;
    }
}

static void count_connect_failure(struct load_run *run, enum connect_failure failure, bool for_transaction, int64_t now)
{
    run->stats->connections.failed[failure]++;
    if (for_transaction) {
        run->stats->transactions.active--;
        cause_counts_add(&run->stats->transactions.failed, connect_failure_name(failure), 1);
    }
    if (run->load->schedule.target == SCHEDULE_CONCURRENT)
        pause_add(&run->pause, now);
}

void client_connect(struct traffic *t, struct load_run *run, int64_t due_at, bool for_transaction, int64_t now)
{
    const struct plan_load *load = run->load;
    struct flow_key key = next_flow(run);
    struct tcp_ref ref;

    run->stats->connections.attempted++;
    if (for_transaction) {
        run->stats->transactions.started++;
        run->stats->transactions.active++;
    }
    if (key.local == 0) {
        count_connect_failure(run, CONNECT_FAILED_NO_LEASE, for_transaction, now);
        return;
    }
    uint32_t index = pool_get(&t->client_connections);
    if (index == POOL_NONE) {
        count_connect_failure(run, CONNECT_FAILED_NO_MEMORY, for_transaction, now);
        return;
    }
    struct connection *connection = pool_at(&t->client_connections, index);
    *connection = (struct connection){.due_at = due_at,
                                      .owner = (uint16_t)(run - t->loads),
                                      .state = CONNECTION_CONNECTING,
                                      .flags = for_transaction ? CONNECTION_DUE : 0};
    int error = tcp_connect(t->tcp, run->user, &key, connection_word(connection), now, &ref);
    if (error) {
        connection->state = CONNECTION_FREE;
        pool_put(&t->client_connections, index);
        count_connect_failure(run, failure_of_error(error), for_transaction, now);
        return;
    }
    connection->ref = ref;
    run->open++;
    run->stats->connections.connecting++;
    struct tcp *c = load->connect_timeout_ns > 0 ? tcp_get(t->tcp, ref) : NULL;
    if (c)
        tcp_set_deadline(t->tcp, c, now + load->connect_timeout_ns, now);
}

bool client_launch(struct traffic *t, struct load_run *run, int64_t due_at, int64_t now)
{
    struct connection *connection = pool_at(&t->client_connections, run->list_head);
    struct tcp *c = tcp_get(t->tcp, connection->ref);

    assert(run->list_head != POOL_NONE && c);
    int error = begin_transaction(t, run, connection, c, due_at, now);
    struct activity *a = activity_of(t, connection);
    if (error == ERR_NO_MEMORY)
        return true;
    if (error || a->pending >= run->load->pipeline || !quota_left(run, connection))
        list_remove(t, run, connection); /* comes back when something on it ends */
    if (!error && carrier_flush(t, a, &run->endpoint, c, now) < 0)
        abort_for(t, c, ERR_NO_MEMORY, "no_memory", now);
    return error == 0;
}

bool client_close_listed(struct traffic *t, struct load_run *run, int64_t now)
{
    if (run->list_head == POOL_NONE)
        return false;
    struct connection *connection = pool_at(&t->client_connections, run->list_head);
    struct tcp *c = tcp_get(t->tcp, connection->ref);
    const struct activity *a = activity_of(t, connection);

    assert(c);
    list_remove(t, run, connection);
    connection->flags &= (uint8_t)~CONNECTION_THINKING;
    if (!a || a->pending == 0)
        finish(t, run, connection, c, now);
    return true;
}

/* ---- called by TCP ---- */

static void client_connected(void *context, struct tcp *c, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct load_run *run = run_of(t, connection);
    struct load_stats *stats = run->stats;
    int64_t due_at = connection->due_at;

    stats->connections.connecting--;
    stats->connections.established++;
    stats->connections.live++;
    stats->phases[run->phase].established++;
    histogram_record(&stats->connect, (uint64_t)max_i64(0, now - due_at));
    connection->state = CONNECTION_READY;
    connection->next = connection->prev = POOL_NONE;
    tcp_set_deadline(t->tcp, c, TIME_NEVER, now);
    if (!(connection->flags & CONNECTION_DUE)) {
        go_on(t, run, connection, c, now);
        return;
    }
    connection->flags &= (uint8_t)~CONNECTION_DUE;
    if (begin_request(t, run, connection, c, due_at, now)) {
        stats->transactions.active--;
        cause_counts_add(&stats->transactions.failed, "no_memory", 1);
        abort_for(t, c, ERR_NO_MEMORY, "no_memory", now);
        return;
    }
    if (carrier_flush(t, activity_of(t, connection), &run->endpoint, c, now) < 0)
        abort_for(t, c, ERR_NO_MEMORY, "no_memory", now);
    else
        go_on(t, run, connection, c, now);
}

/*
 * After any call into the engine: sends what it queued, ends what it gave up, goes on. `ended`: a transaction may
 * have ended.
 */
static void settle(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c, bool ended,
                   int64_t now)
{
    struct activity *a = activity_of(t, connection);

    if (a->carrier.want_abort) {
        abort_for(t, c, ERR_PROTOCOL, a->carrier.cause ? a->carrier.cause : "protocol", now);
    } else if (carrier_flush(t, a, &run->endpoint, c, now) < 0) {
        abort_for(t, c, ERR_NO_MEMORY, "no_memory", now);
    } else if (connection->state == CONNECTION_READY) {
        if (ended && a->pending > 0)
            a->timeout_at = timeout_from(run, now);
        if (a->pending > 0)
            arm(t, run, a, c, now);
        if (ended)
            go_on(t, run, connection, c, now);
    }
}

/* The server closed. What it owes is counted failed by the engine. */
static void server_closed(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                          int64_t now)
{
    struct activity *a = activity_of(t, connection);

    if (a && a->pending > 0 && run->load->schedule.target == SCHEDULE_CONCURRENT)
        pause_add(&run->pause, now);
    if (a)
        run->endpoint.engine->end_of_input(a->session, &a->carrier, now);
    close_now(t, run, connection, c, now);
}

static void client_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct load_run *run = run_of(t, connection);

    if (length == 0) {
        server_closed(t, run, connection, c, now);
        return;
    }
    run->stats->bytes.received += length;
    if (connection->state != CONNECTION_READY) {
        tcp_consumed(t->tcp, c, length, now);
        return;
    }
    /* Bytes on an idle connection: the engine says what is wrong with them. */
    struct activity *a = carrier_attach(t, connection, &run->endpoint, c, now);
    if (!a) {
        abort_for(t, c, ERR_NO_MEMORY, "no_memory", now);
        return;
    }
    uint32_t before = a->pending;
    if (carrier_input(t, a, &run->endpoint, c, bytes, length, now) < 0)
        abort_for(t, c, ERR_PROTOCOL, a->carrier.cause ? a->carrier.cause : "protocol", now);
    else
        settle(t, run, connection, c, a->pending < before, now);
}

static void client_acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct load_run *run = run_of(t, connection);
    struct activity *a = activity_of(t, connection);

    if (!a)
        return;
    outq_trim(&a->carrier.out, &t->outq, offset);
    if (connection->state != CONNECTION_READY)
        return;
    if (a->pending == 0) {
        carrier_detach_if_idle(t, connection, &run->endpoint, now);
    } else if (run->endpoint.engine->resume) {
        carrier_resume(a, &run->endpoint, now);
        settle(t, run, connection, c, false, now);
    }
}

static void think_time_over(struct traffic *t, struct load_run *run, struct connection *connection, struct tcp *c,
                            int64_t now)
{
    if (run->draining)
        return; /* it is listed: the drain comes to it */
    connection->flags &= (uint8_t)~CONNECTION_THINKING;
    list_remove(t, run, connection);
    if (launch_has_surplus(run) || launch_is_spent(run))
        finish(t, run, connection, c, now);
    else
        fill_pipeline(t, run, connection, c, now);
}

static void client_deadline(void *context, struct tcp *c, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct load_run *run = run_of(t, connection);
    struct activity *a = activity_of(t, connection);

    if (connection->state == CONNECTION_CONNECTING) {
        carrier_abort(t, c, CONNECT_FAILED_TIMEOUT, ERR_TIMED_OUT, "connect_timeout", now);
    } else if (connection->flags & CONNECTION_THINKING) {
        think_time_over(t, run, connection, c, now);
    } else if (connection->state == CONNECTION_WAITING || (a && a->pending > 0 && now >= a->timeout_at)) {
        carrier_abort(t, c, CONNECT_FAILED_TIMEOUT, ERR_TIMED_OUT, "timeout", now);
    } else if (a && connection->state == CONNECTION_READY) {
        carrier_resume(a, &run->endpoint, now);
        settle(t, run, connection, c, false, now);
    }
}

static enum connect_failure failure_of_reason(const struct traffic *t, enum tcp_close_reason reason)
{
    static const enum connect_failure failures[TCP_CLOSE_REASON_COUNT] = {
        [TCP_CLOSE_NORMAL] = CONNECT_FAILED_RESET,
        [TCP_CLOSE_RESET] = CONNECT_FAILED_RESET,
        [TCP_CLOSE_REFUSED] = CONNECT_FAILED_REFUSED,
        [TCP_CLOSE_TIMEOUT] = CONNECT_FAILED_TIMEOUT,
        [TCP_CLOSE_UNREACHABLE] = CONNECT_FAILED_UNREACHABLE,
        [TCP_CLOSE_NO_MEMORY] = CONNECT_FAILED_NO_MEMORY,
    };

    return reason == TCP_CLOSE_ABORTED ? t->abort_failure : failures[reason];
}

static void client_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct traffic *t = context;
    struct connection *connection = connection_of(c);
    struct load_run *run = run_of(t, connection);
    struct load_stats *stats = run->stats;
    int error;
    const char *cause = carrier_close_cause(t, reason, &error);

    run->open--;
    if (connection->state == CONNECTION_CONNECTING) {
        stats->connections.connecting--;
        count_connect_failure(run, failure_of_reason(t, reason), connection->flags & CONNECTION_DUE, now);
    } else {
        list_remove(t, run, connection);
        stats->connections.live--;
        stats->connections.closed++;
        stats->connections.closed_by[reason]++;
        if (connection->state != CONNECTION_READY)
            run->closing--;
        else if (run->load->schedule.target == SCHEDULE_CONCURRENT && error != ERR_ABORTED)
            pause_add(&run->pause, now);
        carrier_detach(t, connection, &run->endpoint, error, cause, now);
    }
    connection->state = CONNECTION_FREE;
    pool_put(&t->client_connections, pool_index(&t->client_connections, connection));
}

const struct tcp_user client_user = {
    .connected = client_connected,
    .received = client_received,
    .pull = carrier_pull,
    .lend = carrier_lend,
    .acked = client_acked,
    .deadline = client_deadline,
    .closed = client_closed,
};
