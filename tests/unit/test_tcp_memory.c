/* SPDX-License-Identifier: MIT */
/*
 * Pools that are far too small: one send record, a handful of works, one frame for reassembly. Transfers over a lossy
 * wire get slow, and complete with every byte as it was sent. And both sides closing at once with each segment lost in
 * turn (THREATS TC-40).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tcp_wire.h"

#define CONNECTIONS 6u

struct side {
    struct tcp_end end;
    struct stream {
        uint64_t received;
        bool fin, closed;
        enum tcp_close_reason reason;
    } streams[CONNECTIONS + 1]; /* by the server's port - 79 */
    uint64_t total;
    unsigned refused; /* sends that found no memory */
    bool close_at_once;
};

struct world {
    struct side side[2];
    int64_t now;
    struct random random;
    unsigned loss_percent;
    uint32_t drop_at, seen;
};

static struct stream *stream_of(struct side *e, const struct tcp *c)
{
    const struct flow_key *key = tcp_key(c);
    return &e->streams[(e->end.address == 1 ? key->remote_port : key->local_port) - 79];
}

static uint8_t pattern(uint64_t offset, uint8_t address) { return (uint8_t)(offset * 167 + (offset >> 9) + address); }

static void try_send(struct side *e, struct tcp *c, int64_t now)
{
    if (tcp_promised_offset(e->end.layer, c) == 0 && e->total > 0 && tcp_send(e->end.layer, c, e->total, now) < 0) {
        e->refused++;
        tcp_set_deadline(e->end.layer, c, now + 50 * NS_PER_MS, now); /* tries again later */
        return;
    }
    if (e->close_at_once)
        (void)tcp_close(e->end.layer, c, now);
}

static void connected(void *context, struct tcp *c, int64_t now) { try_send(context, c, now); }
static void deadline(void *context, struct tcp *c, int64_t now) { try_send(context, c, now); }

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct side *e = context;
    struct stream *s = stream_of(e, c);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], pattern(s->received + i, (uint8_t)(3 - e->end.address)));
    s->received += length;
    tcp_consumed(e->end.layer, c, length, now);
    if (length > 0)
        return;
    assert_false(s->fin);
    s->fin = true;
    if (!e->close_at_once)
        (void)tcp_close(e->end.layer, c, now);
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    struct side *e = context;
    (void)c;
    assert_true(offset + length <= e->total);
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i, e->end.address);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct stream *s = stream_of(context, c);
    (void)now;
    assert_false(s->closed);
    s->closed = true;
    s->reason = reason;
}

static const struct tcp_user user = {
    .connected = connected, .received = received, .pull = pull, .deadline = deadline, .closed = closed};

static void begin(struct world *w, const struct tcp_settings *settings, const struct tcp_profile *profile)
{
    memset(w, 0, sizeof *w);
    w->now = NS_PER_S;
    random_seed(&w->random, 5);
    for (uint8_t i = 0; i < 2; i++) {
        struct side *e = &w->side[i];
        assert_int_equal(tcp_end_init(&e->end, (uint8_t)(i + 1), settings, w->now), 0);
        assert_int_equal(tcp_register_user(e->end.layer, &user, e, profile), 0);
    }
}

static void connect_nth(struct world *w, unsigned i)
{
    struct flow_key key = tcp_end_key(&w->side[0].end, (uint16_t)(1000 + i), 2, (uint16_t)(79 + i));
    struct tcp_ref ref;
    assert_int_equal(tcp_listen(w->side[1].end.layer, 0, TCP_ANY_LOCAL, key.remote_port), 0);
    assert_int_equal(tcp_connect(w->side[0].end.layer, 0, &key, 0, w->now, &ref), 0);
}

static void connect_n(struct world *w, unsigned n)
{
    for (unsigned i = 1; i <= n; i++)
        connect_nth(w, i);
}

static bool drop(void *context, const struct wire_segment *s)
{
    struct world *w = context;
    (void)s;
    return ++w->seen == w->drop_at || random_below(&w->random, 100) < w->loss_percent;
}

static void run(struct world *w)
{
    struct tcp_layer *a = w->side[0].end.layer, *b = w->side[1].end.layer;
    for (;;) {
        tcp_ends_exchange(&w->side[0].end, &w->side[1].end, drop, w, w->now);
        int64_t next = min_i64(tcp_next_deadline(a), tcp_next_deadline(b));
        if (next == TIME_NEVER)
            break;
        w->now = max_i64(next, w->now + 1);
        tcp_tick(a, w->now, 1000);
        tcp_tick(b, w->now, 1000);
    }
    w->now += 3600 * NS_PER_S;
    tcp_tick(a, w->now, 1000);
    tcp_tick(b, w->now, 1000);
}

static void finish(struct world *w, uint16_t n)
{
    run(w);
    for (unsigned i = 0; i < 2; i++) {
        struct side *e = &w->side[i];
        struct tcp_occupancy o;
        for (uint16_t k = 1; k <= n; k++) {
            assert_int_equal(e->streams[k].received, w->side[1 - i].total);
            assert_true(e->streams[k].fin && e->streams[k].closed);
            assert_int_equal(e->streams[k].reason, TCP_CLOSE_NORMAL);
        }
        tcp_get_occupancy(e->end.layer, &o);
        assert_int_equal(o.connections + o.active + o.time_wait + o.sent_records + o.out_of_order_frames, 0);
        assert_int_equal(e->end.pool.free_count, e->end.pool.capacity);
    }
    for (unsigned i = 0; i < 2; i++)
        tcp_end_free(&w->side[i].end);
}

static void profile_for_tests(struct tcp_profile *p, unsigned variant)
{
    tcp_profile_default(p);
    p->timestamps = variant & 1;
    p->sack = variant & 2;
    p->congestion = variant & 4 ? TCP_NEWRENO : TCP_CUBIC;
    p->data_retries = p->syn_retries = p->syn_ack_retries = 200;
    p->fin_wait_2_ns = 0;
    p->time_wait_ns = 1800 * NS_PER_S;
    p->rto_max_ns = 5 * NS_PER_S;
}

static void one_send_record_is_enough(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 8; variant++)
        for (unsigned loss = 0; loss <= 20; loss += 5) {
            struct tcp_settings settings;
            struct tcp_profile p;
            struct world w;
            profile_for_tests(&p, variant);
            tcp_settings_default(&settings);
            settings.max_connections = 16;
            settings.sent_records = 1;
            begin(&w, &settings, &p);
            w.loss_percent = loss;
            w.side[0].total = 150000;
            w.side[1].total = 70000;
            w.side[0].close_at_once = true;
            connect_n(&w, 2);
            finish(&w, 2);
        }
}

static void one_frame_for_reassembly_is_enough(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < 8; variant++) {
        struct tcp_settings settings;
        struct tcp_profile p;
        struct world w;
        profile_for_tests(&p, variant);
        tcp_settings_default(&settings);
        settings.max_connections = 16;
        settings.max_out_of_order_frames = 1;
        begin(&w, &settings, &p);
        w.loss_percent = 10;
        w.side[0].total = 200000;
        w.side[1].total = 100000;
        w.side[0].close_at_once = true;
        connect_n(&w, 2);
        finish(&w, 2);
    }
}

static void few_works_serve_many_connections_in_turn(void **state)
{
    struct tcp_settings settings;
    struct tcp_profile p;
    struct world w;
    (void)state;
    profile_for_tests(&p, 3);
    tcp_settings_default(&settings);
    settings.max_connections = 16;
    settings.max_active = 2;
    begin(&w, &settings, &p);
    for (unsigned i = 1; i <= CONNECTIONS; i++) {
        connect_nth(&w, i);
        run(&w); /* until it is parked */
    }
    w.side[0].total = 50000;
    w.side[0].close_at_once = true;
    for (uint32_t k = 1; k <= CONNECTIONS; k++) {
        struct tcp *c = tcp_at(w.side[0].end.layer, k);
        assert_int_equal(tcp_state_of(c), TCP_ESTABLISHED);
        tcp_set_deadline(w.side[0].end.layer, c, w.now + 1, w.now);
    }
    run(&w);
    assert_true(w.side[0].refused > 0);
    assert_true(tcp_counters(w.side[0].end.layer)->drop_no_work > 0);
    unsigned ended_well = 0;
    for (uint16_t k = 1; k <= CONNECTIONS; k++) {
        assert_true(w.side[0].streams[k].closed);
        ended_well += w.side[1].streams[k].received == 50000;
    }
    assert_true(ended_well >= 2); /* tcp_close without a work ends a connection: tcp.h */
    for (unsigned i = 0; i < 2; i++)
        tcp_end_free(&w.side[i].end);
}

static void both_sides_close_at_once_and_any_segment_may_be_lost(void **state) /* TC-40 */
{
    (void)state;
    for (unsigned variant = 0; variant < 8; variant++)
        for (uint32_t at = 1; at <= 16; at++) {
            struct tcp_settings settings;
            struct tcp_profile p;
            struct world w;
            profile_for_tests(&p, variant);
            tcp_settings_default(&settings);
            settings.max_connections = 16;
            begin(&w, &settings, &p);
            w.drop_at = at;
            w.side[0].close_at_once = w.side[1].close_at_once = true;
            w.side[0].total = at & 1 ? 2000 : 0;
            w.side[1].total = at & 2 ? 2000 : 0;
            connect_n(&w, 1);
            finish(&w, 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_send_record_is_enough),
        cmocka_unit_test(one_frame_for_reassembly_is_enough),
        cmocka_unit_test(few_works_serve_many_connections_in_turn),
        cmocka_unit_test(both_sides_close_at_once_and_any_segment_may_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
