/* SPDX-License-Identifier: MIT */
/*
 * Two TCP layers joined by a bare wire: open, transfer both ways with verified bytes, every way to close, loss of every
 * single segment in turn; all that also with large frames, which the wire cuts: no segment is then larger than without,
 * and only what was lost goes again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_wire.h"

/* One end's user: sends `total` bytes of a pattern, checks what it receives against the same pattern. */
struct app {
    struct tcp_end end;
    struct tcp_ref ref;
    uint64_t total, received;
    uint8_t salt, peer_salt;
    bool connected, fin, closed, close_when_sent, close_on_fin, bad;
    enum tcp_close_reason reason;
};

static uint8_t pattern(uint64_t offset, uint8_t salt)
{
    return (uint8_t)(offset * 131 + (offset >> 8) * 17 + (offset >> 16) + salt);
}

static int app_admit(void *context, const struct flow_key *key, uint64_t *word)
{
    (void)context, (void)key;
    *word = 42;
    return 0;
}

static void app_connected(void *context, struct tcp *c, int64_t now)
{
    struct app *a = context;
    a->connected = true;
    a->ref = tcp_ref_of(a->end.layer, c);
    if (a->total > 0)
        assert_int_equal(tcp_send(a->end.layer, c, a->total, now), 0);
    if (a->close_when_sent)
        tcp_close(a->end.layer, c, now);
}

static void app_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct app *a = context;
    for (uint32_t i = 0; i < length; i++)
        a->bad |= bytes[i] != pattern(a->received + i, a->peer_salt);
    a->received += length;
    tcp_consumed(a->end.layer, c, length, now);
    if (length == 0) {
        assert_false(a->fin);
        a->fin = true;
        if (a->close_on_fin)
            tcp_close(a->end.layer, c, now);
    }
}

static size_t app_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    struct app *a = context;
    (void)c;
    assert_true(offset + length <= a->total);
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i, a->salt);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void app_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct app *a = context;
    (void)c, (void)now;
    assert_false(a->closed);
    a->closed = true;
    a->reason = reason;
}

static const struct tcp_user app_user = {
    .admit = app_admit, .connected = app_connected, .received = app_received, .pull = app_pull, .closed = app_closed};

static void app_init(struct app *a, uint8_t address, const struct tcp_profile *p, int64_t now)
{
    struct tcp_settings s;
    memset(a, 0, sizeof *a);
    tcp_settings_default(&s);
    s.max_connections = 64;
    s.secret = (struct hash_key){address, 7};
    a->salt = address;
    assert_int_equal(tcp_end_init(&a->end, address, &s, now), 0);
    assert_int_equal(tcp_register_user(a->end.layer, &app_user, a, p), 0);
}

struct pair {
    struct app client, server;
    int64_t now;
    uint32_t drop_at, seen;       /* the drop_at-th segment is lost; 0: none */
    uint32_t drop_every, dropped; /* besides, so many data segments out of 65536 are lost; how many were */
    uint32_t random, largest;     /* payload seen */
};

static void pair_init(struct pair *p, const struct tcp_profile *profile)
{
    memset(p, 0, sizeof *p);
    p->now = NS_PER_S;
    app_init(&p->client, 1, profile, p->now);
    app_init(&p->server, 2, profile, p->now);
    p->client.peer_salt = 2;
    p->server.peer_salt = 1;
    assert_int_equal(tcp_listen(p->server.end.layer, 0, TCP_ANY_LOCAL, 80), 0);
}

static void pair_cuts(struct pair *p, uint32_t gso_max) { p->client.end.gso_max = p->server.end.gso_max = gso_max; }

static void pair_connect(struct pair *p)
{
    struct flow_key key = tcp_end_key(&p->client.end, 0, 2, 80);
    assert_int_equal(tcp_connect(p->client.end.layer, 0, &key, 1, p->now, &p->client.ref), 0);
}

static bool pair_drop(void *context, const struct wire_segment *s)
{
    struct pair *p = context;
    p->largest = max_u32(p->largest, s->payload_len);
    p->random = p->random * 1664525u + 1013904223u;
    bool lost = s->payload_len > 0 && (p->random >> 16) < p->drop_every;
    p->dropped += lost;
    return ++p->seen == p->drop_at || lost;
}

/* Runs in virtual time until nothing more happens, at most for `limit`. */
static void pair_run(struct pair *p, int64_t limit)
{
    int64_t end = p->now + limit;
    for (;;) {
        tcp_ends_exchange(&p->client.end, &p->server.end, pair_drop, p, p->now);
        int64_t next = min_i64(tcp_next_deadline(p->client.end.layer), tcp_next_deadline(p->server.end.layer));
        if (next > end)
            break;
        p->now = max_i64(next, p->now + 1);
        tcp_tick(p->client.end.layer, p->now, 1000);
        tcp_tick(p->server.end.layer, p->now, 1000);
    }
    p->now = end;
    tcp_tick(p->client.end.layer, p->now, 1000);
    tcp_tick(p->server.end.layer, p->now, 1000);
}

static void assert_empty(const struct tcp_end *e)
{
    struct tcp_occupancy o;
    tcp_get_occupancy(e->layer, &o);
    assert_int_equal(o.connections, 0);
    assert_int_equal(o.active, 0);
    assert_int_equal(o.time_wait, 0);
    assert_int_equal(o.sent_records, 0);
    assert_int_equal(o.out_of_order_frames, 0);
    assert_int_equal(e->paths, 0);
    assert_int_equal(e->pool.free_count, e->pool.capacity);
}

static void pair_finish(struct pair *p)
{
    pair_run(p, 700 * NS_PER_S);
    assert_false(p->client.bad || p->server.bad);
    assert_int_equal(p->client.received, p->server.total);
    assert_int_equal(p->server.received, p->client.total);
    assert_true(p->client.closed && p->server.closed);
    assert_int_equal(p->client.reason, TCP_CLOSE_NORMAL);
    assert_int_equal(p->server.reason, TCP_CLOSE_NORMAL);
    assert_empty(&p->client.end);
    assert_empty(&p->server.end);
    tcp_end_free(&p->client.end);
    tcp_end_free(&p->server.end);
}

static void data_flows_both_ways_and_closes(void **state)
{
    static const uint64_t sizes[] = {0, 1, 1447, 1448, 1449, 100000, 3000000};
    struct tcp_profile profile;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (unsigned variant = 0; variant < 16; variant++) {
            struct pair p;
            tcp_profile_default(&profile);
            profile.timestamps = variant & 1;
            profile.sack = variant & 2;
            profile.window_scaling = !(variant & 1);
            profile.congestion = variant < 12 ? variant / 4 : TCP_CUBIC;
            pair_init(&p, &profile);
            pair_cuts(&p, variant < 12 ? 0 : 65535);
            p.client.total = sizes[i];
            p.server.total = sizes[(i + 3) % ARRAY_SIZE(sizes)];
            p.client.close_when_sent = true;
            p.server.close_on_fin = true;
            pair_connect(&p);
            pair_finish(&p);
            uint32_t mss = profile.timestamps ? 1448 : 1460;
            assert_true(p.largest <= mss);
            assert_int_equal(p.client.end.large_frames > 0, variant >= 12 && p.client.total > mss);
        }
    }
}

static void a_loss_of_any_single_segment_is_repaired(void **state)
{
    struct tcp_profile profile;
    (void)state;
    for (unsigned variant = 0; variant < 16; variant++) {
        for (uint32_t drop = 1; drop < 120; drop++) {
            struct pair p;
            tcp_profile_default(&profile);
            profile.timestamps = variant & 1;
            profile.sack = variant & 2;
            profile.congestion = variant < 12 ? variant / 4 : TCP_CUBIC;
            pair_init(&p, &profile);
            pair_cuts(&p, variant < 12 ? 0 : 65535);
            p.drop_at = drop;
            p.client.total = 60000;
            p.server.total = 20000;
            p.client.close_when_sent = drop & 1;
            p.server.close_when_sent = !(drop & 1);
            p.server.close_on_fin = drop & 1;
            p.client.close_on_fin = !(drop & 1);
            pair_connect(&p);
            pair_finish(&p);
        }
    }
}

static void an_idle_connection_is_parked(void **state)
{
    struct tcp_profile profile;
    struct pair p;
    struct tcp_occupancy o;
    (void)state;
    tcp_profile_default(&profile);
    pair_init(&p, &profile);
    p.client.total = 5000;
    pair_connect(&p);
    pair_run(&p, NS_PER_S);
    assert_int_equal(p.server.received, 5000);
    tcp_get_occupancy(p.client.end.layer, &o);
    assert_int_equal(o.connections, 1);
    assert_int_equal(o.active, 0);
    tcp_get_occupancy(p.server.end.layer, &o);
    assert_int_equal(o.active, 0);
    tcp_close(p.client.end.layer, tcp_get(p.client.end.layer, p.client.ref), p.now);
    p.server.close_on_fin = true;
    pair_finish(&p);
}

/* Nothing overtakes on this wire: what goes again without having been lost would be a duplicate. */
static void only_lost_segments_go_again(void **state)
{
    static const uint32_t losses[] = {65536 / 1000, 65536 / 100, 65536 / 20, 65536 / 5};
    struct tcp_profile profile;
    unsigned judged[2] = {0, 0}; /* without and with large frames */
    (void)state;
    tcp_profile_default(&profile);
    for (unsigned variant = 0; variant < 80; variant++) {
        struct pair p;
        pair_init(&p, &profile);
        pair_cuts(&p, variant & 1 ? 65535 : 0);
        p.drop_every = losses[variant / 2 % ARRAY_SIZE(losses)];
        p.random = variant;
        p.client.total = 2000000;
        p.client.close_when_sent = p.server.close_on_fin = true;
        pair_connect(&p);
        pair_run(&p, 700 * NS_PER_S);
        const struct tcp_counters *sender = tcp_counters(p.client.end.layer);
        if (sender->rto_fired == 0) { /* a timeout takes all that is in flight for lost */
            assert_int_equal(sender->retransmitted_segments, p.dropped);
            assert_int_equal(tcp_counters(p.server.end.layer)->duplicate_segments, 0);
            judged[variant & 1] += p.dropped > 0;
        }
        pair_finish(&p);
    }
    assert_true(judged[0] > 10 && judged[1] > 10);
}

static void abort_resets_the_peer(void **state)
{
    struct tcp_profile profile;
    struct pair p;
    (void)state;
    tcp_profile_default(&profile);
    pair_init(&p, &profile);
    p.client.total = 5000;
    pair_connect(&p);
    pair_run(&p, NS_PER_S);
    tcp_abort(p.client.end.layer, tcp_get(p.client.end.layer, p.client.ref), p.now);
    assert_true(p.client.closed);
    assert_null(tcp_get(p.client.end.layer, p.client.ref));
    pair_run(&p, NS_PER_S);
    assert_true(p.server.closed);
    assert_int_equal(p.server.reason, TCP_CLOSE_RESET);
    assert_empty(&p.client.end);
    assert_empty(&p.server.end);
    tcp_end_free(&p.client.end);
    tcp_end_free(&p.server.end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_flows_both_ways_and_closes), cmocka_unit_test(a_loss_of_any_single_segment_is_repaired),
        cmocka_unit_test(only_lost_segments_go_again),     cmocka_unit_test(an_idle_connection_is_parked),
        cmocka_unit_test(abort_resets_the_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
