/* SPDX-License-Identifier: MIT */
/*
 * Header prediction must not be seen on the wire: the same random scenario (options, loss, duplication, reordering,
 * forged segments, slow readers, closes, aborts, shortage of pools, large frames that arrive whole, in pieces or cut)
 * is run with fast_path and without, and every segment must be the same, byte for byte and at the same time. All bytes
 * are verified on the way, and nothing may be left at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tcp_wire.h"

#define SEEDS 400
#define FLYING 512
#define TRACED 40000

struct world;

struct side {
    struct tcp_end end;
    struct world *world;
    struct tcp_ref ref;
    uint64_t promised, received, unconsumed;
    uint64_t opened, closed; /* connections: a forged SYN opens one too */
    uint8_t salt, peer_salt;
    bool slow, bad;
};

struct flying {
    int64_t due;
    uint32_t order, length;
    uint8_t to;
    struct wire_delivery as;
    uint8_t bytes[WIRE_LARGE];
};

struct trace_entry {
    int64_t at;
    uint64_t digest;
    uint32_t length;
};

struct world {
    struct side side[2];
    struct random random;
    int64_t now;
    struct flying *flying;
    uint32_t n_flying, order;
    uint32_t loss, duplicate, reorder, forge; /* per thousand */
    struct trace_entry *trace;
    uint32_t n_trace;
    uint64_t fast, large;
};

static uint8_t pattern(uint64_t offset, uint8_t salt) { return (uint8_t)(offset * 167 + (offset >> 8) * 13 + salt); }

static int on_admit(void *context, const struct flow_key *key, uint64_t *word)
{
    struct side *s = context;
    (void)key, (void)word;
    s->opened++;
    return 0;
}

static void on_connected(void *context, struct tcp *c, int64_t now)
{
    struct side *s = context;
    (void)now;
    s->ref = tcp_ref_of(s->end.layer, c);
}

static void on_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct side *s = context;
    for (uint32_t i = 0; i < length; i++)
        s->bad |= bytes[i] != pattern(s->received + i, s->peer_salt);
    s->received += length;
    if (length == 0)
        tcp_close(s->end.layer, c, now);
    else if (s->slow)
        s->unconsumed += length;
    else
        tcp_consumed(s->end.layer, c, length, now);
}

static size_t on_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    struct side *s = context;
    (void)c;
    assert_true(offset + length <= s->promised);
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i, s->salt);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct side *s = context;
    (void)c, (void)reason, (void)now;
    s->closed++;
}

static const struct tcp_user user = {
    .admit = on_admit, .connected = on_connected, .received = on_received, .pull = on_pull, .closed = on_closed};

static uint32_t below(struct world *w, uint32_t n) { return (uint32_t)random_below(&w->random, n); }

static void random_profile(struct world *w, struct tcp_profile *p)
{
    tcp_profile_default(p);
    p->timestamps = below(w, 3) > 0;
    p->sack = below(w, 3) > 0;
    p->rack = below(w, 4) > 0;
    p->tlp = below(w, 4) > 0;
    p->f_rto = below(w, 4) > 0;
    p->window_scaling = below(w, 3) > 0;
    p->nagle = below(w, 2);
    p->quick_ack_bytes = below(w, 5) == 0 ? TCP_QUICK_ACK_ALWAYS : 0;
    p->ack_push = below(w, 5) == 0;
    p->ack_push_waits = below(w, 2) == 0;
    p->congestion = below(w, TCP_CONGESTION_COUNT);
    p->mtu_probing = below(w, TCP_MTU_PROBING_COUNT);
    p->receive_buffer = below(w, 2) ? 262144 : 2000 + below(w, 100000);
    p->mss = (uint16_t)(below(w, 3) ? 0 : 100 + below(w, 1300));
    p->keepalive_idle_ns = below(w, 3) ? 0 : NS_PER_S;
    p->data_retries = 8;
}

static void side_init(struct world *w, uint8_t i, bool fast)
{
    struct side *s = &w->side[i];
    struct tcp_settings settings;
    struct tcp_profile profile;
    tcp_settings_default(&settings);
    settings.max_connections = 8;
    settings.secret = (struct hash_key){i, 9};
    settings.fast_path = fast;
    settings.sent_records = below(w, 4) ? 0 : 1 + below(w, 4);
    settings.max_out_of_order_frames = below(w, 4) ? 100 : 1;
    random_profile(w, &profile);
    s->world = w;
    s->salt = i;
    s->peer_salt = !i;
    s->slow = below(w, 4) == 0;
    assert_int_equal(tcp_end_init(&s->end, (uint8_t)(i + 1), &settings, w->now), 0);
    s->end.gso_max = below(w, 2) ? WIRE_LARGE : 0;
    s->end.carries = below(w, 3) > 0;
    assert_int_equal(tcp_register_user(s->end.layer, &user, s, &profile), 0);
}

static void world_init(struct world *w, uint64_t seed, bool fast)
{
    memset(w, 0, sizeof *w);
    random_seed(&w->random, seed);
    w->now = NS_PER_S;
    w->flying = malloc(FLYING * sizeof *w->flying);
    w->trace = malloc(TRACED * sizeof *w->trace);
    assert_non_null(w->flying);
    assert_non_null(w->trace);
    side_init(w, 0, fast);
    side_init(w, 1, fast);
    bool rough = below(w, 2);
    w->loss = rough ? below(w, 60) : 0;
    w->duplicate = rough ? below(w, 60) : 0;
    w->reorder = rough ? below(w, 200) : 0;
    w->forge = below(w, 3) ? 0 : below(w, 100);
    assert_int_equal(tcp_listen(w->side[1].end.layer, 0, TCP_ANY_LOCAL, 80), 0);
    struct flow_key key = tcp_end_key(&w->side[0].end, 0, 2, 80);
    assert_int_equal(tcp_connect(w->side[0].end.layer, 0, &key, 0, w->now, &w->side[0].ref), 0);
    w->side[0].opened = 1;
}

static void note(struct world *w, uint8_t from, const struct wire_segment *s)
{
    uint64_t digest = 14695981039346656037u + from;
    for (uint32_t i = 0; i < s->length; i++)
        digest = (digest ^ s->bytes[i]) * 1099511628211u;
    if (w->n_trace < TRACED)
        w->trace[w->n_trace++] = (struct trace_entry){w->now, digest, s->length};
}

/* How a large frame arrives: as it is, or in pieces. */
static struct wire_delivery random_delivery(struct world *w, uint16_t gso_size)
{
    struct wire_delivery d = {.gso_size = gso_size};
    if (gso_size == 0)
        return d;
    w->large++;
    d.head = below(w, 2) ? gso_size : below(w, 3000);
    d.piece = below(w, 3) ? gso_size : below(w, 2000);
    return d;
}

static void fly(struct world *w, uint8_t to, const uint8_t *bytes, uint32_t length, uint16_t gso_size)
{
    if (w->n_flying == FLYING)
        return;
    struct flying *f = &w->flying[w->n_flying++];
    int64_t delay = 5 * NS_PER_MS + (below(w, 1000) < w->reorder ? (int64_t)below(w, 20) * NS_PER_MS : 0);
    f->due = w->now + delay;
    f->order = w->order++;
    f->length = length;
    f->to = to;
    f->as = random_delivery(w, gso_size);
    memcpy(f->bytes, bytes, length);
}

/* The segment with something of its header changed. */
static void forge(struct world *w, uint8_t to, const struct wire_segment *s)
{
    uint8_t bytes[WIRE_LARGE];
    memcpy(bytes, s->bytes, s->length);
    switch (below(w, 4)) {
    case 0:
        store_be32(bytes + 4, s->h.seq.v + below(w, 6000) - 3000);
        break;
    case 1:
        store_be32(bytes + 8, s->h.ack.v + below(w, 6000) - 3000);
        break;
    case 2:
        bytes[13] = (uint8_t)((bytes[13] & ~4u) ^ (1u << below(w, 6)));
        bytes[13] &= (uint8_t)~4u; /* no RST */
        bytes[13] &= (uint8_t)~1u; /* nor an untrue end */
        break;
    default:
        store_be16(bytes + 14, (uint16_t)below(w, 65536));
        break;
    }
    fly(w, to, bytes, s->length - s->payload_len, 0); /* no forged data: the streams are verified */
}

static void transmit(struct world *w, uint8_t from)
{
    const struct wire_segment *s;
    if (below(w, 4) == 0)
        (void)tcp_acknowledge(w->side[from].end.layer);
    tcp_output(w->side[from].end.layer, 0, w->now);
    while ((s = tcp_end_take(&w->side[from].end)) != NULL) {
        note(w, from, s);
        if (below(w, 1000) >= w->loss)
            fly(w, !from, s->bytes, s->length, s->gso_size);
        if (below(w, 1000) < w->duplicate)
            fly(w, !from, s->bytes, s->length, s->gso_size);
        if (below(w, 1000) < w->forge)
            forge(w, !from, s);
    }
}

static struct flying *next_flying(struct world *w)
{
    struct flying *first = NULL;
    for (uint32_t i = 0; i < w->n_flying; i++)
        if (!first || w->flying[i].due < first->due ||
            (w->flying[i].due == first->due && w->flying[i].order < first->order))
            first = &w->flying[i];
    return first;
}

static void settle(struct world *w)
{
    transmit(w, 0);
    transmit(w, 1);
    tcp_end_check(&w->side[0].end);
    tcp_end_check(&w->side[1].end);
}

/* Runs until `end` of virtual time. */
static void run_until(struct world *w, int64_t end)
{
    settle(w);
    for (;;) {
        struct flying *f = next_flying(w);
        int64_t timer = min_i64(tcp_next_deadline(w->side[0].end.layer), tcp_next_deadline(w->side[1].end.layer));
        int64_t next = max_i64(min_i64(f ? f->due : TIME_NEVER, timer), w->now);
        if (next > end)
            break;
        if (f && f->due <= next) {
            w->now = next;
            tcp_end_give_as(&w->side[f->to].end, (uint8_t)(!f->to + 1), f->bytes, f->length, &f->as, w->now);
            const struct flying *last = &w->flying[--w->n_flying];
            memmove(f, last, offsetof(struct flying, bytes) + last->length);
        } else {
            w->now = max_i64(next, w->now + 1);
            for (unsigned i = 0; i < 2; i++)
                tcp_tick(w->side[i].end.layer, w->now, 1000);
        }
        settle(w);
    }
    w->now = end;
}

static void act(struct world *w)
{
    struct side *s = &w->side[below(w, 2)];
    struct tcp *c = tcp_get(s->end.layer, s->ref);
    uint32_t what = below(w, 100);
    uint64_t n = below(w, 3) ? below(w, 3000) : below(w, 60000);
    if (!c)
        return;
    if (what < 60) {
        s->promised += n;
        if (tcp_send(s->end.layer, c, n, w->now) < 0)
            s->promised -= n;
    } else if (what < 97) {
        uint64_t take = min_u64(s->unconsumed, n);
        s->unconsumed -= take;
        tcp_consumed(s->end.layer, c, (uint32_t)take, w->now);
    } else if (what < 99) {
        tcp_close(s->end.layer, c, w->now);
    } else if (below(w, 4) == 0) {
        tcp_abort(s->end.layer, c, w->now);
    }
}

static void side_end(struct side *s, uint64_t seed)
{
    struct tcp_occupancy o;
    tcp_get_occupancy(s->end.layer, &o);
    if (o.connections + o.active + o.time_wait + o.sent_records + o.out_of_order_frames != 0)
        fail_msg("seed %llu: side %u is left in %s", (unsigned long long)seed, s->salt,
                 tcp_state_name(tcp_at(s->end.layer, s->ref.index)->state));
    assert_int_equal(s->end.pool.free_count, s->end.pool.capacity);
    assert_int_equal(s->closed, s->opened);
    assert_false(s->bad);
    tcp_end_free(&s->end);
}

static void world_run(struct world *w, uint64_t seed)
{
    for (unsigned i = 0; i < 60; i++) {
        act(w);
        run_until(w, w->now + (int64_t)below(w, below(w, 8) ? 30 : 3000) * NS_PER_MS);
    }
    w->forge = w->loss = w->reorder = w->duplicate = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp *c = tcp_get(w->side[i].end.layer, w->side[i].ref);
        w->side[i].slow = false;
        if (!c)
            continue;
        tcp_consumed(w->side[i].end.layer, c, (uint32_t)w->side[i].unconsumed, w->now);
        tcp_close(w->side[i].end.layer, c, w->now);
    }
    run_until(w, w->now + 2000 * NS_PER_S);
    w->fast = tcp_counters(w->side[0].end.layer)->fast_path + tcp_counters(w->side[1].end.layer)->fast_path;
    tcp_tick(w->side[0].end.layer, w->now, 1000);
    tcp_tick(w->side[1].end.layer, w->now, 1000);
    side_end(&w->side[0], seed);
    side_end(&w->side[1], seed);
}

static void compare(const struct world *a, const struct world *b, uint64_t seed)
{
    for (uint32_t i = 0; i < a->n_trace && i < b->n_trace; i++)
        if (a->trace[i].at != b->trace[i].at || a->trace[i].digest != b->trace[i].digest)
            fail_msg("seed %llu: segment %u differs at %lld ns", (unsigned long long)seed, i,
                     (long long)a->trace[i].at);
    assert_int_equal(a->n_trace, b->n_trace);
}

static void header_prediction_is_not_seen_on_the_wire(void **state)
{
    uint64_t fast = 0, segments = 0, large = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        static struct world with, without;
        world_init(&with, seed, true);
        world_run(&with, seed);
        world_init(&without, seed, false);
        world_run(&without, seed);
        compare(&with, &without, seed);
        assert_int_equal(without.fast, 0);
        fast += with.fast;
        segments += with.n_trace;
        large += with.large;
        free(with.flying);
        free(with.trace);
        free(without.flying);
        free(without.trace);
    }
    assert_true(fast > segments / 4); /* the short way was taken */
    assert_true(large > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_prediction_is_not_seen_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
