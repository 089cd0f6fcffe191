/* SPDX-License-Identifier: MIT */
/*
 * impair: rates within their 99.9 % interval for fixed seeds, times exact, the same seed the same frames at the same
 * times, bounds kept, no frame leaked. The lower link here is a sink that writes down what reaches it and when.
 */
#include "support/cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "impair/impair.h"
#include "link/memory.h"
#include "support/counting_alloc.h"

#define PPB 1000000000u
#define FRAME_BYTES 64u
#define LOG_MAX 400000u
#define MANY 100000u /* frames of the statistical tests */
#define Z_999 3.2905 /* two-sided 99.9 % quantile of the normal distribution */

struct arrival {
    int64_t at;
    uint32_t number;
    uint32_t flipped_bits; /* against the frame as it was sent */
    uint32_t length;
};

struct sink {
    struct link link;
    struct packet_pool pool;
    struct arrival log[LOG_MAX];
    uint32_t count;
    uint32_t room; /* frames it still takes, with narrow_sink_ops */
    bool closed;
};

struct fixture {
    struct counting_alloc counting;
    struct sink sink;
    struct impair_settings settings;
    struct link *link;
    int64_t now;
    uint32_t sent;
};

/* ---- the sink */

static uint8_t byte_of(uint32_t number, uint32_t at) { return (uint8_t)(number * 31 + at * 7); }

static void fill(struct packet *p, uint32_t number, uint32_t length)
{
    p->len = length;
    for (uint32_t i = 0; i < length; i++)
        p->data[i] = byte_of(number, i);
    store_be32(p->data, number);
}

static void note(struct sink *s, const struct packet *p, int64_t now)
{
    struct arrival *a = &s->log[s->count++];
    *a = (struct arrival){.at = now, .number = load_be32(p->data), .length = p->len};
    for (uint32_t i = 4; i < p->len; i++)
        a->flipped_bits += (unsigned)__builtin_popcount((unsigned)(p->data[i] ^ byte_of(a->number, i)));
}

static unsigned sink_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    (void)l, (void)packets, (void)n, (void)now;
    return 0;
}

static unsigned sink_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    (void)kind;
    return packet_pool_get(&container_of(l, struct sink, link)->pool, packets, n);
}

static void sink_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct sink *s = container_of(l, struct sink, link);
    if (l->ops->tx_room) {
        assert_true(n <= s->room);
        s->room -= n;
    }
    for (unsigned i = 0; i < n; i++) {
        assert_ptr_equal(packets[i]->home, &s->pool.home); /* none of the impaired link's own */
        assert_false(packets[i]->held);
        note(s, packets[i], now);
    }
    packet_release_burst(packets, n);
}

static void sink_close(struct link *l) { container_of(l, struct sink, link)->closed = true; }

static const struct link_ops sink_ops = {
    .rx_burst = sink_rx_burst, .tx_alloc = sink_tx_alloc, .tx_burst = sink_tx_burst, .close = sink_close};

static uint32_t sink_tx_room(struct link *l) { return container_of(l, struct sink, link)->room; }

static const struct link_ops narrow_sink_ops = {.rx_burst = sink_rx_burst,
                                                .tx_alloc = sink_tx_alloc,
                                                .tx_burst = sink_tx_burst,
                                                .tx_room = sink_tx_room,
                                                .close = sink_close};

/* ---- driving */

static int set_up(void **state)
{
    static struct fixture f;
    const struct allocator *a = counting_alloc_init(&f.counting);
    f.sink.link = (struct link){.ops = &sink_ops,
                                .name = "sink",
                                .mac = {2, 0, 0, 0, 0, 9},
                                .mtu = 1500,
                                .caps = LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO | LINK_CAP_SCATTER,
                                .gso_max = 65535,
                                .fd = 5};
    assert_int_equal(packet_pool_init(&f.sink.pool, a, 512, 2048, 0), 0);
    f.sink.count = 0;
    f.sink.closed = false;
    impair_settings_default(&f.settings);
    f.link = NULL;
    f.now = 1000000;
    f.sent = 0;
    *state = &f;
    return 0;
}

/* Freeing pools asserts that every frame is home. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    link_close(f->link);
    assert_true(!f->link || f->sink.closed);
    assert_int_equal(f->sink.pool.home.held, 0);
    packet_pool_free(&f->sink.pool);
    assert_int_equal(f->counting.live_blocks, 0);
    return 0;
}

static void open_link(struct fixture *f)
{
    assert_int_equal(impair_link_new(&f->settings, &f->sink.link, &f->counting.allocator, &f->link), 0);
}

static const struct impair_counters *counters(const struct fixture *f) { return impair_link_counters(f->link); }

/* Sends one frame of `length` bytes now; false when the link gave none. */
static bool send_one(struct fixture *f, uint32_t length)
{
    struct packet *p;
    if (link_tx_alloc(f->link, &p, 1, LINK_ALLOC_DATA) == 0)
        return false;
    fill(p, f->sent++, length);
    f->link->ops->tx_burst(f->link, &p, 1, f->now);
    return true;
}

/* Receiving is what ends a turn; it also lets frames go that are due. */
static void turn(struct fixture *f)
{
    struct packet *none[1];
    assert_int_equal(link_rx_burst(f->link, none, 1, f->now), 0);
}

/* Lets virtual time run from deadline to deadline, up to `until`. */
static void run_until(struct fixture *f, int64_t until)
{
    int64_t at;
    while ((at = link_next_deadline(f->link)) <= until) {
        f->now = max_i64(f->now, at);
        turn(f);
    }
    f->now = max_i64(f->now, until);
    turn(f);
}

static void run_dry(struct fixture *f)
{
    run_until(f, TIME_NEVER - 1);
    f->now = 1000000;
}

static void send_many(struct fixture *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_true(send_one(f, FRAME_BYTES));
        run_until(f, f->now + 1000);
    }
    run_until(f, f->now + NS_PER_S);
}

/* found of n events of probability p, whose standard deviation is `spread` times that of independent ones. */
static void assert_rate(uint64_t found, uint64_t n, double p, double spread)
{
    double expected = (double)n * p, tolerance = Z_999 * spread * sqrt((double)n * p * (1 - p));
    if (fabs((double)found - expected) > tolerance)
        fail_msg("%llu of %llu, expected %.1f +- %.1f", (unsigned long long)found, (unsigned long long)n, expected,
                 tolerance);
}

/* ---- tests */

static void without_settings_frames_pass_at_once_and_unchanged(void **state)
{
    struct fixture *f = *state;
    open_link(f);
    struct packet *p[100];
    assert_int_equal(link_tx_alloc(f->link, p, 100, LINK_ALLOC_DATA), 100);
    for (unsigned i = 0; i < 100; i++)
        fill(p[i], i, FRAME_BYTES + i);
    f->link->ops->tx_burst(f->link, p, 100, f->now);
    assert_int_equal(f->sink.count, 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(f->sink.log[i].number, i);
        assert_int_equal(f->sink.log[i].at, f->now);
        assert_int_equal(f->sink.log[i].length, FRAME_BYTES + i);
        assert_int_equal(f->sink.log[i].flipped_bits, 0);
    }
    assert_true(link_next_deadline(f->link) == TIME_NEVER);
    assert_int_equal(f->link->counters.frames_tx, 100);
    assert_int_equal(f->link->counters.bytes_tx, 100 * FRAME_BYTES + 99 * 50);
}

static void it_offers_what_the_lower_link_can_but_neither_gso_nor_frags(void **state)
{
    struct fixture *f = *state;
    open_link(f);
    assert_string_equal(f->link->name, "sink");
    assert_memory_equal(f->link->mac, f->sink.link.mac, 6);
    assert_int_equal(f->link->mtu, 1500);
    assert_int_equal(f->link->caps, LINK_CAP_TX_CHECKSUM);
    assert_int_equal(f->link->gso_max, 0);
    assert_int_equal(f->link->fd, 5);
    assert_null(f->link->ops->arm);
    assert_ptr_equal(f->link->lower, &f->sink.link);
}

static void random_loss_is_as_frequent_as_set(void **state)
{
    struct fixture *f = *state;
    f->settings.loss_ppb = PPB / 100 * 3;
    open_link(f);
    send_many(f, MANY);
    assert_rate(counters(f)->lost, MANY, 0.03, 1);
    assert_int_equal(f->sink.count + counters(f)->lost, MANY);
    assert_int_equal(f->link->counters.drops[LINK_DROP_IMPAIR_LOSS], counters(f)->lost);
}

static void burst_loss_has_its_stationary_rate_and_mean_length(void **state)
{
    struct fixture *f = *state;
    double enter = 0.01, leave = 0.2, loss = 1;
    f->settings.burst_enter_ppb = PPB / 100;
    f->settings.burst_leave_ppb = PPB / 5;
    f->settings.burst_loss_ppb = PPB;
    open_link(f);
    send_many(f, MANY);
    /* Neighbouring frames are alike: the variance of the sum grows by (1 + k) / (1 - k), k = 1 - enter - leave. */
    double k = 1 - enter - leave;
    assert_rate(counters(f)->lost, MANY, loss * enter / (enter + leave), sqrt((1 + k) / (1 - k)));
    uint32_t bursts = 0, lost = 0;
    for (uint32_t i = 1; i < f->sink.count; i++) {
        uint32_t gap = f->sink.log[i].number - f->sink.log[i - 1].number - 1;
        bursts += gap > 0;
        lost += gap;
    }
    double mean = lost / (double)bursts, deviation = sqrt(1 - leave) / leave;
    assert_true(fabs(mean - 1 / leave) < Z_999 * deviation / sqrt(bursts));
}

static void in_the_bad_state_only_the_set_share_is_lost(void **state)
{
    struct fixture *f = *state;
    f->settings.burst_enter_ppb = PPB;
    f->settings.burst_loss_ppb = PPB / 4;
    open_link(f);
    send_many(f, MANY);
    assert_rate(counters(f)->lost, MANY, 0.25, 1);
}

static void duplicates_are_as_frequent_as_set_and_identical(void **state)
{
    struct fixture *f = *state;
    f->settings.duplicate_ppb = PPB / 20;
    open_link(f);
    send_many(f, MANY);
    assert_rate(counters(f)->duplicated, MANY, 0.05, 1);
    assert_int_equal(f->sink.count, MANY + counters(f)->duplicated);
    uint32_t twice = 0;
    for (uint32_t i = 1; i < f->sink.count; i++) {
        twice += f->sink.log[i].number == f->sink.log[i - 1].number;
        assert_int_equal(f->sink.log[i].flipped_bits, 0);
        assert_int_equal(f->sink.log[i].length, FRAME_BYTES);
    }
    assert_int_equal(twice, counters(f)->duplicated);
}

static void corruption_flips_one_bit_behind_the_ethernet_header(void **state)
{
    struct fixture *f = *state;
    f->settings.corrupt_ppb = PPB / 10;
    open_link(f);
    send_many(f, MANY);
    assert_rate(counters(f)->corrupted, MANY, 0.1, 1);
    uint32_t corrupted = 0;
    for (uint32_t i = 0; i < f->sink.count; i++) {
        assert_int_equal(f->sink.log[i].number, i); /* stands in the header */
        assert_in_range(f->sink.log[i].flipped_bits, 0, 1);
        corrupted += f->sink.log[i].flipped_bits;
    }
    assert_int_equal(corrupted, counters(f)->corrupted);
}

static void a_frame_of_a_header_only_is_not_corrupted(void **state)
{
    struct fixture *f = *state;
    f->settings.corrupt_ppb = PPB;
    open_link(f);
    assert_true(send_one(f, 14));
    assert_int_equal(counters(f)->corrupted, 0);
    assert_int_equal(f->sink.log[0].flipped_bits, 0);
    assert_true(send_one(f, 15));
    assert_int_equal(f->sink.log[1].flipped_bits, 1);
}

static void an_open_checksum_is_completed_before_the_damage(void **state)
{
    struct fixture *f = *state;
    f->settings.corrupt_ppb = PPB;
    open_link(f);
    struct packet *p;
    assert_int_equal(link_tx_alloc(f->link, &p, 1, LINK_ALLOC_DATA), 1);
    memset(p->data, 0, 64);
    p->len = 64;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = 34;
    p->checksum_offset = 6;
    f->link->ops->tx_burst(f->link, &p, 1, f->now);
    /* The sink's pool hands the packet out again with its old bytes. */
    assert_int_equal(packet_pool_get(&f->sink.pool, &p, 1), 1);
    unsigned ones = 0;
    for (unsigned i = 0; i < 64; i++)
        ones += (unsigned)__builtin_popcount(p->data[i]);
    packet_release(p);
    assert_true(ones == 15 || ones == 17); /* UDP checksum 0xffff of zeros, and one bit flipped */

    assert_int_equal(link_tx_alloc(f->link, &p, 1, LINK_ALLOC_DATA), 1);
    p->len = 20;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = 34;
    f->link->ops->tx_burst(f->link, &p, 1, f->now);
    assert_int_equal(f->link->counters.drops[LINK_DROP_TX_MALFORMED], 1);
}

static void delay_is_exact(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 12345678;
    open_link(f);
    int64_t sent_at[100];
    for (uint32_t i = 0; i < 100; i++) {
        sent_at[i] = f->now;
        assert_true(send_one(f, FRAME_BYTES));
        run_until(f, f->now + 1 + (int64_t)(i * i));
    }
    assert_int_equal(counters(f)->delayed, 100);
    run_dry(f);
    assert_int_equal(f->sink.count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(f->sink.log[i].number, i);
        assert_true(f->sink.log[i].at == sent_at[i] + 12345678);
    }
}

static void a_frame_is_let_go_by_any_call_once_due_and_not_before(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 100;
    open_link(f);
    assert_true(send_one(f, FRAME_BYTES));
    assert_true(link_next_deadline(f->link) == f->now + 100);
    f->now += 99;
    turn(f);
    assert_int_equal(f->sink.count, 0);
    f->now += 1;
    f->link->ops->tx_burst(f->link, NULL, 0, f->now);
    assert_int_equal(f->sink.count, 1);
    assert_true(link_next_deadline(f->link) == TIME_NEVER);
}

/* Sends 20000 frames far apart; returns their delays' mean and standard deviation. */
static void measure_delays(struct fixture *f, double *mean, double *deviation, int64_t *least, int64_t *most)
{
    const uint32_t n = 20000;
    double sum = 0, squares = 0;
    *least = INT64_MAX;
    *most = INT64_MIN;
    for (uint32_t i = 0; i < n; i++) {
        int64_t start = f->now;
        assert_true(send_one(f, FRAME_BYTES));
        run_until(f, f->now + NS_PER_S);
        int64_t delay = f->sink.log[i].at - start;
        *least = min_i64(*least, delay);
        *most = max_i64(*most, delay);
        sum += (double)delay;
        squares += (double)delay * (double)delay;
    }
    *mean = sum / n;
    *deviation = sqrt(squares / n - *mean * *mean);
}

static void uniform_jitter_fills_its_range_evenly(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 1000000;
    f->settings.jitter_ns = 100000;
    open_link(f);
    double mean, deviation;
    int64_t least, most;
    measure_delays(f, &mean, &deviation, &least, &most);
    double expected = 100000 / sqrt(3);
    assert_true(least >= 900000 && least < 900500 && most <= 1100000 && most > 1099500);
    assert_true(fabs(mean - 1000000) < Z_999 * expected / sqrt(20000));
    assert_true(fabs(deviation / expected - 1) < 0.015);
}

static void normal_jitter_has_its_mean_and_deviation(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 1000000;
    f->settings.jitter_ns = 100000;
    f->settings.distribution = IMPAIR_NORMAL;
    open_link(f);
    double mean, deviation;
    int64_t least, most;
    measure_delays(f, &mean, &deviation, &least, &most);
    assert_true(least > 400000 && least < 700000 && most > 1300000 && most < 1600000);
    assert_true(fabs(mean - 1000000) < Z_999 * 100000 / sqrt(20000));
    assert_true(fabs(deviation / 100000 - 1) < Z_999 / sqrt(2 * 20000));
}

static void delay_never_goes_below_zero(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 1000;
    f->settings.jitter_ns = 100000;
    f->settings.distribution = IMPAIR_NORMAL;
    open_link(f);
    double mean, deviation;
    int64_t least, most;
    measure_delays(f, &mean, &deviation, &least, &most);
    assert_int_equal(least, 0);
}

static uint32_t inversions(const struct sink *s)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < s->count; i++)
        n += s->log[i].number < s->log[i - 1].number;
    return n;
}

static void jitter_alone_keeps_order_unless_told_otherwise(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 1000000;
    f->settings.jitter_ns = 500000;
    open_link(f);
    send_many(f, 5000);
    assert_int_equal(f->sink.count, 5000);
    assert_int_equal(inversions(&f->sink), 0);
    f->settings.jitter_keeps_order = false;
    assert_int_equal(impair_link_set(f->link, &f->settings), 0);
    send_many(f, 5000);
    assert_int_equal(f->sink.count, 10000);
    assert_true(inversions(&f->sink) > 1000);
}

static void frames_of_equal_times_leave_in_the_order_they_came(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 1000;
    open_link(f);
    for (uint32_t i = 0; i < 400; i++)
        assert_true(send_one(f, FRAME_BYTES));
    run_dry(f);
    assert_int_equal(f->sink.count, 400);
    assert_int_equal(inversions(&f->sink), 0);
}

static void the_rate_limit_spaces_frames_exactly(void **state)
{
    struct fixture *f = *state;
    f->settings.bits_per_second = 7000000; /* 88 bytes take 100571.428... ns */
    open_link(f);
    int64_t start = f->now;
    for (uint32_t i = 0; i < 300; i++)
        assert_true(send_one(f, FRAME_BYTES));
    run_dry(f);
    assert_int_equal(f->sink.count, 300);
    for (uint32_t i = 0; i < 300; i++)
        assert_true(f->sink.log[i].at - start == (int64_t)((uint64_t)(i + 1) * 88 * 8 * 1000000000 / 7000000));
}

static void an_idle_line_starts_afresh(void **state)
{
    struct fixture *f = *state;
    f->settings.bits_per_second = 1000000000;
    f->settings.delay_ns = 5000;
    open_link(f);
    int64_t start = f->now;
    assert_true(send_one(f, 101)); /* 125 bytes: 1000 ns */
    run_until(f, start + 20000);
    assert_true(send_one(f, 226)); /* 250 bytes */
    run_dry(f);
    assert_true(f->sink.log[0].at == start + 6000);
    assert_true(f->sink.log[1].at == start + 20000 + 7000);
}

static void no_more_frames_wait_than_the_queue_holds(void **state)
{
    struct fixture *f = *state;
    f->settings.queue_frames = 10;
    f->settings.delay_ns = 1000;
    open_link(f);
    struct packet *p[64];
    assert_int_equal(link_tx_alloc(f->link, p, 64, LINK_ALLOC_DATA), 10);
    assert_int_equal(link_tx_alloc(f->link, p + 10, 1, LINK_ALLOC_DATA), 0); /* all promised */
    for (unsigned i = 0; i < 10; i++)
        fill(p[i], i, FRAME_BYTES);
    f->link->ops->tx_burst(f->link, p, 10, f->now);
    assert_int_equal(link_tx_alloc(f->link, p, 1, LINK_ALLOC_CONTROL), 0); /* all waiting */
    struct packet *more[3];
    assert_int_equal(packet_pool_get(&f->sink.pool, more, 3), 3);
    f->link->ops->tx_burst(f->link, more, 3, f->now);
    assert_int_equal(counters(f)->queue_full, 3);
    assert_int_equal(f->link->counters.drops[LINK_DROP_IMPAIR_QUEUE], 3);
    run_dry(f);
    assert_int_equal(f->sink.count, 10);
    assert_int_equal(link_tx_alloc(f->link, p, 64, LINK_ALLOC_DATA), 10);
    packet_release_burst(p, 10);
}

static void a_frame_dropped_at_the_queue_takes_no_time_of_the_line(void **state)
{
    struct fixture *f = *state;
    f->settings.queue_frames = 2;
    f->settings.bits_per_second = 8000000; /* a byte a microsecond */
    open_link(f);
    int64_t start = f->now;
    struct packet *p[5];
    assert_int_equal(packet_pool_get(&f->sink.pool, p, 5), 5);
    for (unsigned i = 0; i < 5; i++)
        fill(p[i], i, 76);
    f->link->ops->tx_burst(f->link, p, 5, f->now);
    run_until(f, start + 200000);
    assert_int_equal(f->sink.count, 2);
    assert_true(send_one(f, 76));
    run_until(f, start + 300000);
    assert_int_equal(f->sink.count, 3);
    assert_true(f->sink.log[2].at == start + 300000);
}

static void reordered_frames_overtake_the_delayed(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = 100000;
    f->settings.reorder_ppb = PPB / 10;
    open_link(f);
    send_many(f, MANY);
    assert_rate(counters(f)->reordered, MANY, 0.1, 1);
    assert_int_equal(f->sink.count, MANY);
    assert_int_equal(counters(f)->delayed, MANY - counters(f)->reordered);
    assert_true(inversions(&f->sink) > 0);
}

static void without_delay_a_reordered_frame_waits_for_the_gap(void **state)
{
    struct fixture *f = *state;
    f->settings.reorder_ppb = PPB;
    f->settings.reorder_gap = 3;
    open_link(f);
    assert_true(send_one(f, FRAME_BYTES)); /* 0 is set aside */
    f->settings.reorder_ppb = 0;
    assert_int_equal(impair_link_set(f->link, &f->settings), 0);
    for (unsigned i = 1; i <= 5; i++)
        assert_true(send_one(f, FRAME_BYTES));
    static const uint32_t expected[] = {1, 2, 3, 0, 4, 5};
    assert_int_equal(f->sink.count, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(f->sink.log[i].number, expected[i]);
    assert_int_equal(counters(f)->reordered, 1);
}

static void a_frame_set_aside_goes_on_when_no_other_comes(void **state)
{
    struct fixture *f = *state;
    f->settings.reorder_ppb = PPB;
    open_link(f);
    int64_t start = f->now;
    assert_true(send_one(f, FRAME_BYTES));
    assert_int_equal(f->sink.count, 0);
    assert_true(link_next_deadline(f->link) == start + 50 * NS_PER_MS);
    run_dry(f);
    assert_int_equal(f->sink.count, 1);
    assert_true(f->sink.log[0].at == start + 50 * NS_PER_MS);
}

static void set_everything(struct impair_settings *s, uint64_t seed)
{
    *s = (struct impair_settings){.seed = seed,
                                  .loss_ppb = PPB / 50,
                                  .burst_enter_ppb = PPB / 100,
                                  .burst_leave_ppb = PPB / 4,
                                  .burst_loss_ppb = PPB / 2,
                                  .duplicate_ppb = PPB / 50,
                                  .corrupt_ppb = PPB / 50,
                                  .reorder_ppb = PPB / 50,
                                  .reorder_gap = 3,
                                  .delay_ns = 100000,
                                  .jitter_ns = 50000,
                                  .distribution = IMPAIR_NORMAL,
                                  .bits_per_second = 800000000,
                                  .queue_frames = 200};
}

/* A digest of everything that reached the sink and when. */
static uint64_t digest_of_run(struct fixture *f, uint64_t seed)
{
    set_everything(&f->settings, seed);
    open_link(f);
    f->sink.count = 0;
    f->sent = 0;
    f->now = 1000000;
    send_many(f, 20000);
    uint64_t digest = 0;
    for (uint32_t i = 0; i < f->sink.count; i++) {
        const struct arrival *a = &f->sink.log[i];
        digest = (digest ^ (uint64_t)a->at) * UINT64_C(0x9e3779b97f4a7c15);
        digest = (digest ^ a->number ^ (uint64_t)a->flipped_bits << 32) * UINT64_C(0x9e3779b97f4a7c15);
    }
    link_close(f->link);
    f->link = NULL;
    assert_int_equal(f->sink.pool.free_count, 512);
    return digest;
}

static void equal_seeds_give_equal_frames_at_equal_times(void **state)
{
    struct fixture *f = *state;
    uint64_t first = digest_of_run(f, 7), again = digest_of_run(f, 7), other = digest_of_run(f, 8);
    assert_true(first == again);
    assert_true(first != other);
}

static void under_pressure_copies_are_held_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    f->settings.delay_ns = NS_PER_MS;
    f->settings.duplicate_ppb = PPB / 2;
    f->sink.pool.home.held_max = 5;
    open_link(f);
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 100; i++)
            assert_true(send_one(f, FRAME_BYTES));
        assert_in_range(f->sink.pool.home.held, 1, 5);
        run_until(f, f->now + 2 * NS_PER_MS);
    }
    assert_int_equal(f->sink.count, 5000 + counters(f)->duplicated);
    assert_rate(counters(f)->duplicated, 5000, 0.5, 1);
    for (uint32_t i = 0; i < f->sink.count; i++)
        assert_int_equal(f->sink.log[i].flipped_bits, 0);
    assert_int_equal(f->sink.pool.free_count, 512);
}

static void frames_held_at_closing_are_released(void **state)
{
    struct fixture *f = *state;
    set_everything(&f->settings, 3);
    f->settings.loss_ppb = f->settings.burst_enter_ppb = 0;
    f->settings.delay_ns = NS_PER_S;
    f->sink.pool.home.held_max = 20;
    open_link(f);
    for (unsigned i = 0; i < 100; i++)
        (void)send_one(f, FRAME_BYTES);
    link_close(f->link);
    f->link = NULL;
    assert_int_equal(f->sink.pool.free_count, 512);
    assert_int_equal(f->sink.pool.home.held, 0);
}

static void frames_set_aside_at_closing_are_released(void **state)
{
    struct fixture *f = *state;
    f->settings.reorder_ppb = PPB;
    f->settings.reorder_gap = 1000;
    open_link(f);
    for (unsigned i = 0; i < 100; i++)
        assert_true(send_one(f, FRAME_BYTES));
    assert_int_equal(f->sink.count, 0);
}

static void settings_out_of_range_are_refused(void **state)
{
    struct fixture *f = *state;
    open_link(f);
    struct impair_settings s;
#define REFUSED(member, value)                                                                                         \
    impair_settings_default(&s);                                                                                       \
    s.member = (value);                                                                                                \
    assert_int_equal(impair_link_set(f->link, &s), ERR_INVALID)
    REFUSED(loss_ppb, PPB + 1);
    REFUSED(burst_enter_ppb, PPB + 1);
    REFUSED(burst_leave_ppb, PPB + 1);
    REFUSED(burst_loss_ppb, PPB + 1);
    REFUSED(duplicate_ppb, PPB + 1);
    REFUSED(corrupt_ppb, PPB + 1);
    REFUSED(reorder_ppb, PPB + 1);
    REFUSED(delay_ns, -1);
    REFUSED(delay_ns, 3601 * NS_PER_S);
    REFUSED(jitter_ns, -1);
    REFUSED(jitter_ns, INT64_MAX);
    REFUSED(bits_per_second, UINT64_MAX);
    REFUSED(queue_frames, 0);
    REFUSED(queue_frames, 4097); /* longer than at the beginning */
    impair_settings_default(&s);
    s.reorder_ppb = 1;
    s.reorder_gap = 0;
    assert_int_equal(impair_link_set(f->link, &s), ERR_INVALID);
    s.queue_frames = UINT32_MAX;
    struct link *none = NULL;
    assert_int_equal(impair_link_new(&s, &f->sink.link, &f->counting.allocator, &none), ERR_INVALID);
    assert_null(none);
}

static void want_of_memory_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    size_t before = f->counting.live_blocks;
    for (unsigned allocs = 0; allocs < 4; allocs++) {
        f->counting.allocs_left = allocs;
        struct link *none = NULL;
        assert_int_equal(impair_link_new(&f->settings, &f->sink.link, &f->counting.allocator, &none), ERR_NO_MEMORY);
        assert_int_equal(f->counting.live_blocks, before);
        assert_false(f->sink.closed);
    }
    f->counting.allocs_left = (unsigned)-1;
    open_link(f);
}

/* Frames due, undelayed and duplicated alike wait where the lower link has no room, and leave in order. */
static void the_lower_link_gets_no_more_than_it_takes(void **state)
{
    struct fixture *f = *state;
    for (unsigned delayed = 0; delayed < 2; delayed++) {
        f->sink.link.ops = &narrow_sink_ops;
        f->sink.room = 10;
        f->sink.count = 0;
        f->sent = 0;
        f->settings.delay_ns = delayed ? NS_PER_MS : 0;
        f->settings.duplicate_ppb = delayed ? 0 : PPB;
        open_link(f);
        for (unsigned i = 0; i < 100; i++)
            assert_true(send_one(f, FRAME_BYTES));
        f->now += NS_PER_MS;
        unsigned frames = delayed ? 100 : 200;
        for (unsigned turns = 0; f->sink.count < frames; turns++) {
            assert_true(turns < 100);
            turn(f);
            assert_true(f->sink.room == 0 || f->sink.count == frames);
            f->sink.room = 7;
        }
        for (unsigned i = 1; i < frames; i++)
            assert_true(f->sink.log[i].number >= f->sink.log[i - 1].number);
        for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
            assert_int_equal(f->link->counters.drops[i], 0);
        link_close(f->link);
        f->link = NULL;
        f->sink.link.ops = &sink_ops;
    }
}

/* More frames fall due at once than the memory link's queue holds. */
static void a_memory_link_gets_its_queue_full_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct memory_settings m;
    struct link *ends[2], *top;
    struct packet *p[LINK_BURST];
    memory_settings_default(&m);
    m.frames = 4096;
    m.queue = 256;
    assert_int_equal(memory_link_new(&m, &f->counting.allocator, "m", ends), 0);
    f->settings.delay_ns = NS_PER_MS;
    assert_int_equal(impair_link_new(&f->settings, ends[0], &f->counting.allocator, &top), 0);
    unsigned sent = 0, received = 0;
    for (unsigned i = 0; i < 40; i++) {
        unsigned n = link_tx_alloc(top, p, 32, LINK_ALLOC_DATA);
        for (unsigned k = 0; k < n; k++)
            fill(p[k], sent++, FRAME_BYTES);
        top->ops->tx_burst(top, p, n, 0);
        assert_int_equal(link_rx_burst(top, p, LINK_BURST, 0), 0);
    }
    assert_int_equal(sent, 1280);
    for (unsigned turns = 0; turns < 100 && received < sent; turns++) {
        assert_int_equal(link_rx_burst(top, p, LINK_BURST, NS_PER_MS), 0);
        unsigned n = link_rx_burst(ends[1], p, LINK_BURST, NS_PER_MS);
        for (unsigned k = 0; k < n; k++)
            assert_int_equal(load_be32(p[k]->data), received++);
        packet_release_burst(p, n);
    }
    assert_int_equal(received, sent);
    assert_int_equal(ends[0]->counters.drops[LINK_DROP_TX_NO_ROOM], 0);
    link_close(top);
    link_close(ends[1]);
}

/*
 * Both directions over a memory link, everything at once: what arrives is accounted for, closing in either order leaks
 * nothing.
 */
static void over_a_memory_link_every_frame_is_accounted_for(void **state)
{
    struct fixture *f = *state;
    for (unsigned first = 0; first < 2; first++) {
        struct memory_settings m;
        memory_settings_default(&m);
        m.frames = 512;
        m.reserve = 32;
        m.buffer_bytes = 2048;
        struct link *ends[2], *tops[2];
        assert_int_equal(memory_link_new(&m, &f->counting.allocator, "m", ends), 0);
        set_everything(&f->settings, 11);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(impair_link_new(&f->settings, ends[i], &f->counting.allocator, &tops[i]), 0);
        uint64_t sent[2] = {0}, received[2] = {0};
        int64_t now = 0;
        for (unsigned step = 0; step < 20000; step++, now += 5000) {
            for (unsigned i = 0; i < 2; i++) {
                struct packet *p[8];
                unsigned n = step < 15000 ? link_tx_alloc(tops[i], p, 1 + step % 8, LINK_ALLOC_DATA) : 0;
                for (unsigned k = 0; k < n; k++)
                    fill(p[k], step, FRAME_BYTES);
                tops[i]->ops->tx_burst(tops[i], p, n, now);
                sent[i] += n;
                n = link_rx_burst(tops[!i], p, 8, now);
                received[i] += n;
                packet_release_burst(p, n);
            }
        }
        for (unsigned i = 0; i < 2; i++) {
            const struct impair_counters *c = impair_link_counters(tops[i]);
            assert_true(sent[i] > 30000);
            assert_true(sent[i] + c->duplicated == received[i] + c->lost + c->queue_full);
        }
        link_close(tops[first]);
        link_close(tops[!first]);
    }
}

/* As in a bridge that ends: frames of one link wait in the other. */
static void flushed_links_hold_nothing_of_each_other(void **state)
{
    struct fixture *f = *state;
    struct memory_settings m;
    struct link *ends[2][2], *tops[2];
    struct packet *p[4];
    memory_settings_default(&m);
    f->settings.delay_ns = NS_PER_S;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(memory_link_new(&m, &f->counting.allocator, "m", ends[i]), 0);
        assert_int_equal(impair_link_new(&f->settings, ends[i][0], &f->counting.allocator, &tops[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(link_tx_alloc(tops[i], p, 4, LINK_ALLOC_DATA), 4);
        for (unsigned k = 0; k < 4; k++)
            fill(p[k], k, FRAME_BYTES);
        link_tx_burst(tops[!i], p, 4, 0);
    }
    for (unsigned i = 0; i < 2; i++)
        link_flush(tops[i]);
    assert_int_equal(link_next_deadline(tops[0]), TIME_NEVER);
    for (unsigned i = 0; i < 2; i++) {
        link_close(tops[i]);
        link_close(ends[i][1]);
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(flushed_links_hold_nothing_of_each_other),
        CASE(without_settings_frames_pass_at_once_and_unchanged),
        CASE(it_offers_what_the_lower_link_can_but_neither_gso_nor_frags),
        CASE(random_loss_is_as_frequent_as_set),
        CASE(burst_loss_has_its_stationary_rate_and_mean_length),
        CASE(in_the_bad_state_only_the_set_share_is_lost),
        CASE(duplicates_are_as_frequent_as_set_and_identical),
        CASE(corruption_flips_one_bit_behind_the_ethernet_header),
        CASE(a_frame_of_a_header_only_is_not_corrupted),
        CASE(an_open_checksum_is_completed_before_the_damage),
        CASE(delay_is_exact),
        CASE(a_frame_is_let_go_by_any_call_once_due_and_not_before),
        CASE(uniform_jitter_fills_its_range_evenly),
        CASE(normal_jitter_has_its_mean_and_deviation),
        CASE(delay_never_goes_below_zero),
        CASE(jitter_alone_keeps_order_unless_told_otherwise),
        CASE(frames_of_equal_times_leave_in_the_order_they_came),
        CASE(the_rate_limit_spaces_frames_exactly),
        CASE(an_idle_line_starts_afresh),
        CASE(no_more_frames_wait_than_the_queue_holds),
        CASE(a_frame_dropped_at_the_queue_takes_no_time_of_the_line),
        CASE(reordered_frames_overtake_the_delayed),
        CASE(without_delay_a_reordered_frame_waits_for_the_gap),
        CASE(a_frame_set_aside_goes_on_when_no_other_comes),
        CASE(equal_seeds_give_equal_frames_at_equal_times),
        CASE(under_pressure_copies_are_held_and_nothing_is_lost),
        CASE(frames_held_at_closing_are_released),
        CASE(frames_set_aside_at_closing_are_released),
        CASE(settings_out_of_range_are_refused),
        CASE(want_of_memory_leaves_nothing_behind),
        CASE(the_lower_link_gets_no_more_than_it_takes),
        CASE(a_memory_link_gets_its_queue_full_and_no_more),
        CASE(over_a_memory_link_every_frame_is_accounted_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
