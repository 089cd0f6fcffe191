/* SPDX-License-Identifier: MIT */
/*
 * An embedded server for other people's clients, in virtual time: callers that the test drives itself say what they
 * are told to, read or do not, and see how the server ends them. Each limit has its counter, which goes up by one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/traffic_rig.h"

#define MAX_CALLS 80u
#define GOT_BYTES 512u

static const char ends[] = "ports: [{name: left, location: \"mem:wire\"}, {name: right, location: \"mem:wire\"}]\n"
                           "devices:\n"
                           "  - {name: c, port: left, ipv4: {address: 10.0.1.1/16}}\n"
                           "  - {name: s, port: right, ipv4: {address: 10.0.2.1/16}}\n"
                           "loads:\n"
                           "  - name: web\n"
                           "    server:\n"
                           "      device: s\n";

static const char routes[] = "        routes:\n"
                             "          - {path: /big, size: 1GiB}\n"
                             "          - {path: /last, size: 8MB, close: true}\n"
                             "          - {path: /late, body: late, delay: 5s}\n"
                             "          - {path: /slow, size: 5000, rate: 1000}\n"
                             "          - {path: /upload, methods: [post], body: taken, read_rate: 1000}\n"
                             "          - {path: /*, body: ok}\n";

/* One connection to the server. */
struct call {
    const char *says; /* whole, from its first byte on; grows only at its end */
    bool reads;
    struct tcp_ref ref;
    uint64_t got_bytes;
    char got[GOT_BYTES + 1]; /* the first of them */
    bool connected, finished, closed;
    enum tcp_close_reason reason;
};

struct callers {
    struct rig r;
    struct tcp_layer *tcp;
    unsigned user;
    struct call calls[MAX_CALLS];
    unsigned n;
};

static struct call *call_of(struct callers *s, const struct tcp *c) { return &s->calls[tcp_word(c)]; }

static void caller_connected(void *context, struct tcp *c, int64_t now)
{
    struct callers *s = context;
    struct call *call = call_of(s, c);
    call->connected = true;
    if (call->says)
        assert_int_equal(tcp_send(s->tcp, c, strlen(call->says), now), 0);
}

static void caller_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct callers *s = context;
    struct call *call = call_of(s, c);
    if (length == 0) {
        call->finished = true;
        (void)tcp_close(s->tcp, c, now);
        return;
    }
    for (uint32_t i = 0; i < length && call->got_bytes + i < GOT_BYTES; i++)
        call->got[call->got_bytes + i] = (char)bytes[i];
    call->got_bytes += length;
    if (call->reads)
        tcp_consumed(s->tcp, c, length, now);
}

static size_t caller_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    const struct call *call = call_of(context, c);
    struct outq_pool pool;
    struct outq q = {0};
    assert_int_equal(outq_pool_init(&pool, &rig_allocator, 2, 1), 0);
    assert_int_equal(outq_reference(&q, &pool, call->says, (uint32_t)strlen(call->says)), 0);
    size_t n = outq_read(&q, &pool, offset, to, length, sum);
    outq_pool_free(&pool);
    return n;
}

static void caller_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now UNUSED)
{
    struct call *call = call_of(context, c);
    call->closed = true;
    call->reason = reason;
}

static const struct tcp_user caller_user = {
    .connected = caller_connected, .received = caller_received, .pull = caller_pull, .closed = caller_closed};

/* of_server, of_http: further lines of the two. */
static struct callers *callers_open(const char *of_server, const char *of_http)
{
    char yaml[4096];
    struct callers *s = calloc(1, sizeof *s);
    struct tcp_profile profile;

    assert_non_null(s);
    int n = snprintf(yaml, sizeof yaml, "%s      %s\n      http:\n%s%s", ends, of_server, of_http, routes);
    assert_true(n > 0 && (size_t)n < sizeof yaml);
    rig_open(&s->r, yaml, 0);
    assert_int_equal(s->r.plan->duration_ns, 0); /* endless */
    s->tcp = stack_tcp(s->r.stacks[0]);
    tcp_profile_default(&profile);
    int user = tcp_register_user(s->tcp, &caller_user, s, &profile);
    assert_true(user >= 0);
    s->user = (unsigned)user;
    traffic_start(s->r.traffics[1], s->r.now);
    return s;
}

static struct call *call(struct callers *s, const char *says)
{
    struct call *call = &s->calls[s->n];
    struct flow_key key = {.local = 1, .remote = ip_addr_from_v4(0x0a000201), .remote_port = 80};
    assert_true(s->n < MAX_CALLS);
    *call = (struct call){.says = says, .reads = true};
    assert_int_equal(tcp_connect(s->tcp, s->user, &key, s->n++, s->r.now, &call->ref), 0);
    return call;
}

static void say_more(struct callers *s, struct call *call, const char *says)
{
    struct tcp *c = tcp_get(s->tcp, call->ref);
    assert_non_null(c);
    size_t before = call->says ? strlen(call->says) : 0;
    call->says = says;
    assert_int_equal(tcp_send(s->tcp, c, strlen(says) - before, s->r.now), 0);
}

static void wait_ms(struct callers *s, int64_t ms) { rig_run_until(&s->r, s->r.now + ms * NS_PER_MS); }

/* Everybody hangs up, the server drains; its counts. Free with traffic_stats_delete. */
static struct traffic_stats *callers_close(struct callers *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct tcp *c = tcp_get(s->tcp, s->calls[i].ref);
        if (c && !s->calls[i].closed)
            tcp_abort(s->tcp, c, s->r.now);
    }
    wait_ms(s, 500);
    assert_true(rig_drain(&s->r));
    struct traffic_stats *stats = rig_stats(&s->r);
    assert_null(server_stats_check(&stats->servers[0]));
    assert_int_equal(stats->servers[0].connections.live + stats->servers[0].connections.connecting, 0);
    rig_close(&s->r);
    free(s);
    return stats;
}

static void assert_begins(const struct call *call, const char *expected)
{
    if (strncmp(call->got, expected, strlen(expected)) != 0)
        fail_msg("expected %s, got %s", expected, call->got);
}

/* ---- too many ---- */

static void a_connection_too_many_is_told_so_and_closed(void **state)
{
    (void)state;
    struct callers *s = callers_open("max_connections: 1\n      overload: answer", "");

    const struct call *first = call(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_ms(s, 50);
    const struct call *second = call(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_ms(s, 50);
    assert_begins(first, "HTTP/1.1 200 OK\r\n");
    assert_begins(second, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_true(second->finished && !first->finished);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].connections.overloaded, 1);
    assert_int_equal(stats->servers[0].connections.refused, 0);
    assert_int_equal(stats->servers[0].connections.accepted, 2);
    assert_int_equal(stats->servers[0].requests.by_status[503], 1);
    traffic_stats_delete(stats);
}

/* One has room, 64 more are told that there is none, the next is not heard. */
static void beyond_those_that_are_told_nobody_is_heard(void **state)
{
    (void)state;
    struct callers *s = callers_open("max_connections: 1\n      overload: answer", "");

    for (unsigned i = 0; i < 66; i++)
        (void)call(s, NULL);
    wait_ms(s, 100);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].connections.accepted, 65);
    assert_int_equal(stats->servers[0].connections.overloaded, 64);
    assert_int_equal(stats->servers[0].connections.refused, 1);
    traffic_stats_delete(stats);
}

/* ---- nothing moves ---- */

static void an_idle_connection_ends_after_its_time(void **state)
{
    (void)state;
    struct callers *s = callers_open("idle_timeout: 1s", "");

    const struct call *mute = call(s, NULL);
    struct call *asks = call(s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_ms(s, 900);
    say_more(s, asks, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_false(mute->finished);
    wait_ms(s, 200);
    assert_true(mute->finished && mute->got_bytes == 0);
    wait_ms(s, 750);
    assert_false(asks->finished); /* its time began anew with its second request */
    wait_ms(s, 150);
    assert_true(asks->finished);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].connections.idle, 2);
    assert_int_equal(stats->servers[0].connections.stuck, 0);
    assert_int_equal(stats->servers[0].connections.closed_by[TCP_CLOSE_NORMAL], 2);
    assert_int_equal(stats->servers[0].requests.served, 2);
    traffic_stats_delete(stats);
}

static void a_client_that_stops_reading_is_reset(void **state)
{
    (void)state;
    struct callers *s = callers_open("idle_timeout: 10s", "");

    struct call *lazy = call(s, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    lazy->reads = false;
    wait_ms(s, 9900);
    assert_true(lazy->connected && !lazy->closed);
    wait_ms(s, 1000);
    assert_true(lazy->closed);
    assert_int_equal(lazy->reason, TCP_CLOSE_RESET);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].connections.stuck, 1);
    assert_int_equal(stats->servers[0].connections.idle, 0);
    assert_int_equal(cause_counts_of(&stats->servers[0].requests.failed, "timeout"), 1);
    traffic_stats_delete(stats);
}

/* The server has closed; what it still has to send nobody takes. */
static void a_client_that_takes_no_end_is_reset(void **state)
{
    (void)state;
    struct callers *s = callers_open("idle_timeout: 10s", "");

    struct call *lazy = call(s, "GET /last HTTP/1.1\r\nHost: a\r\n\r\n");
    lazy->reads = false;
    wait_ms(s, 9900);
    assert_true(lazy->connected && !lazy->closed);
    wait_ms(s, 1500);
    assert_true(lazy->closed);
    assert_int_equal(lazy->reason, TCP_CLOSE_RESET);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].connections.stuck, 1);
    traffic_stats_delete(stats);
}

static void a_client_that_stops_within_its_request_is_reset(void **state)
{
    (void)state;
    struct callers *s = callers_open("idle_timeout: 1s", "");

    const struct call *half = call(s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    wait_ms(s, 1200);
    assert_true(half->closed);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].connections.stuck, 1);
    traffic_stats_delete(stats);
}

/* Delays and rates of the server's own do not count against its client. */
static void whom_the_server_keeps_waiting_is_not_ended(void **state)
{
    (void)state;
    struct callers *s = callers_open("idle_timeout: 1s", "");
    static const char upload[] = "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n";
    char *text = calloc(1, sizeof upload + 3000);
    assert_non_null(text);
    memset(text, 'x', sizeof upload - 1 + 3000);
    memcpy(text, upload, sizeof upload - 1);

    const struct call *late = call(s, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct call *slow = call(s, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct call *sipped = call(s, text);
    wait_ms(s, 8000);
    assert_begins(late, "HTTP/1.1 200 OK\r\n");
    assert_true(slow->got_bytes > 5000);
    assert_begins(sipped, "HTTP/1.1 200 OK\r\n");
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(stats->servers[0].requests.served, 3);
    assert_int_equal(stats->servers[0].connections.stuck, 0);
    assert_int_equal(stats->servers[0].connections.idle, 3);
    traffic_stats_delete(stats);
    free(text);
}

/* ---- slowloris ---- */

static void a_head_that_takes_too_long_is_answered_and_counted(void **state)
{
    (void)state;
    struct callers *s = callers_open("port: 80", "        header_timeout: 2s\n");
    static const char whole[] = "GET / HTTP/1.1\r\nA: a\r\nB: b\r\nC: c\r\nD: d\r\n";
    static char parts[4][sizeof whole];

    struct call *loris = call(s, "GET / HTTP/1.1\r\n");
    for (unsigned i = 0; i < 4; i++) {
        memcpy(parts[i], whole, 16 + 6 * (i + 1));
        wait_ms(s, 450);
        say_more(s, loris, parts[i]);
    }
    wait_ms(s, 300);
    assert_begins(loris, "HTTP/1.1 408 Request Timeout\r\n");
    assert_true(loris->finished);
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(cause_counts_of(&stats->servers[0].requests.failed, "header_timeout"), 1);
    assert_int_equal(cause_counts_total(&stats->servers[0].requests.failed), 1);
    traffic_stats_delete(stats);
}

static void a_body_that_takes_too_long_is_answered_and_counted(void **state)
{
    (void)state;
    struct callers *s = callers_open("port: 80", "        body_timeout: 2s\n        body_min_rate: 100\n");

    const struct call *slow = call(s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx");
    wait_ms(s, 1900);
    assert_int_equal(slow->got_bytes, 0);
    wait_ms(s, 300);
    assert_begins(slow, "HTTP/1.1 408 Request Timeout\r\n");
    struct traffic_stats *stats = callers_close(s);
    assert_int_equal(cause_counts_of(&stats->servers[0].requests.failed, "body_timeout"), 1);
    traffic_stats_delete(stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_too_many_is_told_so_and_closed),
        cmocka_unit_test(beyond_those_that_are_told_nobody_is_heard),
        cmocka_unit_test(an_idle_connection_ends_after_its_time),
        cmocka_unit_test(a_client_that_stops_reading_is_reset),
        cmocka_unit_test(a_client_that_takes_no_end_is_reset),
        cmocka_unit_test(a_client_that_stops_within_its_request_is_reset),
        cmocka_unit_test(whom_the_server_keeps_waiting_is_not_ended),
        cmocka_unit_test(a_head_that_takes_too_long_is_answered_and_counted),
        cmocka_unit_test(a_body_that_takes_too_long_is_answered_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
