/* SPDX-License-Identifier: MIT */
/*
 * THREATS TC-35 to TC-37: sequence numbers that wrap, initial sequence numbers and local ports that nobody can guess.
 * RFC 9293 3.4, RFC 6528, RFC 6056. What is said to be random is judged by chi-square sums; seeds and secrets are
 * fixed, so each run gives the same.
 */
#include <stdlib.h>
#include <string.h>

#include "attack_rig.h"

static struct tcp_settings settings;

static int defaults(void **state)
{
    script_defaults(state);
    script_settings(&settings);
    settings.max_time_wait = 64;
    return 0;
}

static void print_cases(const char *id, uint64_t n) { print_message("%s: %llu cases\n", id, (unsigned long long)n); }

/* ---- TC-35 ---- */

#define CLIENT 1
#define SERVER 2
#define CLIENT_PORT 40000
#define STREAM_BYTES 100000u
#define LOSE_EVERY 13u

/* One run: what went over the wire, in numbers relative to each side's first one. */
struct run {
    struct tcp_end ends[2];
    struct tcp_ref refs[2];
    uint64_t got[2];
    bool closed[2];
    struct seq isn[2];
    uint64_t digest;
    uint32_t segments;
    int64_t now;
};

struct run_side {
    struct run *run;
    unsigned side;
};

static uint8_t pattern(uint64_t offset) { return (uint8_t)(offset * 31 + (offset >> 8)); }

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    const struct run_side *side = context;
    struct run *r = side->run;
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], pattern(r->got[side->side] + i));
    r->got[side->side] += length;
    tcp_consumed(r->ends[side->side].layer, c, length, now);
    if (r->got[side->side] == STREAM_BYTES && length > 0)
        tcp_close(r->ends[side->side].layer, c, now);
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void connected(void *context, struct tcp *c, int64_t now)
{
    const struct run_side *side = context;
    assert_int_equal(tcp_send(side->run->ends[side->side].layer, c, STREAM_BYTES, now), 0);
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    const struct run_side *side = context;
    (void)c, (void)now;
    assert_int_equal(reason, TCP_CLOSE_NORMAL);
    side->run->closed[side->side] = true;
}

static const struct tcp_user run_user = {.connected = connected, .received = received, .pull = pull, .closed = closed};

static void mix(struct run *r, uint64_t x) { r->digest = (r->digest ^ x) * UINT64_C(0x100000001b3); }

/* Takes down each segment and loses some. */
static bool note_and_lose(void *context, const struct wire_segment *w)
{
    struct run *r = context;
    unsigned from = w->h.src_port == CLIENT_PORT ? 0 : 1;
    if (w->h.flags & TCP_SYN)
        r->isn[from] = w->h.seq;
    mix(r, w->h.flags);
    mix(r, w->h.seq.v - r->isn[from].v);
    mix(r, w->h.flags & TCP_ACK ? w->h.ack.v - r->isn[!from].v : 0);
    mix(r, w->h.window);
    mix(r, w->payload_len);
    for (uint32_t i = 0; i < w->o.sack_count; i++)
        mix(r, w->o.sack[i].left.v - r->isn[!from].v);
    return ++r->segments % LOSE_EVERY == 0;
}

static int64_t next_deadline(const struct run *r)
{
    return min_i64(tcp_next_deadline(r->ends[0].layer), tcp_next_deadline(r->ends[1].layer));
}

static void run_to_the_end(struct run *r)
{
    tcp_ends_exchange(&r->ends[0], &r->ends[1], note_and_lose, r, r->now);
    while (!r->closed[0] || !r->closed[1]) {
        assert_true(next_deadline(r) != TIME_NEVER);
        r->now = max_i64(next_deadline(r), r->now + 1);
        for (unsigned i = 0; i < 2; i++)
            tcp_tick(r->ends[i].layer, r->now, 1000);
        tcp_ends_exchange(&r->ends[0], &r->ends[1], note_and_lose, r, r->now);
    }
}

static struct flow_key key_of(unsigned side)
{
    return (struct flow_key){.local = side ? SERVER : CLIENT,
                             .remote = ip_addr_from_v4(0x0a000000u + (side ? CLIENT : SERVER)),
                             .local_port = side ? OUR_PORT : CLIENT_PORT,
                             .remote_port = side ? CLIENT_PORT : OUR_PORT};
}

/* The time at which one side's first number is `isn`. */
static int64_t time_of(unsigned side, uint32_t isn)
{
    struct tcp_end e;
    struct flow_key key = key_of(side);
    assert_int_equal(tcp_end_init(&e, (uint8_t)key.local, &settings, 0), 0);
    uint32_t at_start = tcp_initial_sequence(e.layer, &key, 0).v;
    tcp_end_free(&e);
    return INT64_C(4000) * (uint32_t)(isn - at_start);
}

static struct run *run_with(unsigned side, uint32_t isn)
{
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    struct run_side sides[2] = {{r, 0}, {r, 1}};
    r->now = time_of(side, isn);
    for (unsigned i = 0; i < 2; i++) {
        struct flow_key key = key_of(i);
        assert_int_equal(tcp_end_init(&r->ends[i], (uint8_t)key.local, &settings, r->now), 0);
        assert_int_equal(tcp_register_user(r->ends[i].layer, &run_user, &sides[i], &profile), 0);
    }
    assert_int_equal(tcp_listen(r->ends[1].layer, 0, TCP_ANY_LOCAL, OUR_PORT), 0);
    struct flow_key key = key_of(0);
    assert_int_equal(tcp_connect(r->ends[0].layer, 0, &key, 0, r->now, &r->refs[0]), 0);
    run_to_the_end(r);
    assert_int_equal(r->isn[side].v, isn);
    assert_int_equal(r->got[0], STREAM_BYTES);
    assert_int_equal(r->got[1], STREAM_BYTES);
    for (unsigned i = 0; i < 2; i++)
        tcp_end_free(&r->ends[i]);
    return r;
}

static void tc_35_wherever_sequence_numbers_begin_all_segments_are_the_same(void **state)
{
    static const uint32_t isns[] = {12345,
                                    0xffffffff,
                                    0x7fffffff,
                                    0,
                                    1,
                                    0x80000000,
                                    0xffffffff - 1460,
                                    0x7fffffff - 1460,
                                    0xffffffff - 9,
                                    0x7fffffff - 9,
                                    0xffffffff - 99999,
                                    0x7fffffff - 99999};
    unsigned cases = 0;
    (void)state;
    profile.timestamps = false; /* they follow the clock, as CUBIC does, and the clock makes the first numbers */
    profile.congestion = TCP_NEWRENO;
    for (unsigned sack = 0; sack < 2; sack++)
        for (unsigned side = 0; side < 2; side++) {
            uint64_t digest = 0;
            uint32_t segments = 0;
            profile.sack = sack;
            for (size_t i = 0; i < ARRAY_SIZE(isns); i++, cases++) {
                struct run *r = run_with(side, isns[i]);
                digest = i == 0 ? r->digest : digest;
                segments = i == 0 ? r->segments : segments;
                assert_int_equal(r->segments, segments);
                assert_true(r->digest == digest);
                free(r);
            }
            print_message("%u segments, the same each time\n", segments);
        }
    print_cases("TC-35", cases);
}

/* ---- TC-36 ---- */

#define BINS 256u
#define CHI_SQUARE_MOST 390u /* of 255 degrees of freedom: mean 255, six standard deviations of 22.6 */

/* The chi-square sum of counts that should be equal, rounded up. */
static uint64_t chi_square(const uint32_t *counts, uint32_t n)
{
    uint64_t total = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        total += counts[i];
    for (uint32_t i = 0; i < n; i++)
        sum += (uint64_t)counts[i] * counts[i];
    return (sum * n + total - 1) / total - total;
}

static uint32_t isn_of(const struct tcp_layer *t, uint32_t n, int64_t now)
{
    struct flow_key key = {.local = 1,
                           .remote = ip_addr_from_v4(0x0b000000u + n / 50000),
                           .local_port = OUR_PORT,
                           .remote_port = (uint16_t)(1024 + n % 50000)};
    return tcp_initial_sequence(t, &key, now).v;
}

static void tc_36_initial_sequence_numbers_of_different_tuples_are_unrelated(void **state)
{
    enum { N = 1000000 };
    struct script s;
    static uint32_t high[BINS], low[BINS], step[BINS], pair[BINS], third[BINS];
    (void)state;
    script_begin_with(&s, &profile, &settings);
    uint32_t a = isn_of(s.end.layer, N, s.now), b = isn_of(s.end.layer, N + 1, s.now), close = 0;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t c = isn_of(s.end.layer, i, s.now); /* neighbouring ports, at one time */
        high[c >> 24]++;
        low[c & 255]++;
        step[(c - b) >> 24]++;
        pair[(b >> 28) << 4 | c >> 28]++;
        third[(c - 3 * b + 3 * a) >> 24]++;           /* as phase-space plots do */
        close += c - (b + (b - a)) + 65535 <= 131070; /* would the attacker's next guess be in a window? */
        a = b;
        b = c;
    }
    const uint32_t *all[] = {high, low, step, pair, third};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_true(chi_square(all[i], BINS) <= CHI_SQUARE_MOST);
    print_message("%u of %u guesses from two neighbours were within 65535 (%u expected by chance)\n", close, N, 30);
    assert_true(close <= 70);
    script_end(&s);
    print_cases("TC-36", N);
}

static void tc_36_of_one_tuple_they_only_grow_and_a_restart_begins_anew(void **state)
{
    enum { N = 1000000 };
    struct script s, after;
    static uint32_t difference[BINS];
    (void)state;
    script_begin_with(&s, &profile, &settings);
    for (uint32_t i = 0; i < N; i++) { /* RFC 6528: M, a clock of 4 microseconds, and F of the tuple */
        uint32_t first = isn_of(s.end.layer, 5, s.now), later = isn_of(s.end.layer, 5, s.now + INT64_C(4000) * i);
        assert_int_equal(later - first, i);
    }
    settings.secret.k0 ^= 1;
    script_begin_with(&after, &profile, &settings);
    for (uint32_t i = 0; i < N; i++)
        difference[(isn_of(after.end.layer, i, s.now) - isn_of(s.end.layer, i, s.now)) >> 24]++;
    assert_true(chi_square(difference, BINS) <= CHI_SQUARE_MOST);
    script_end(&s);
    script_end(&after);
    print_cases("TC-36 (one tuple, restart)", 2 * N);
}

/* ---- TC-37 ---- */

static uint16_t port_to(struct script *s, uint32_t destination)
{
    struct flow_key key = {.local = 1, .remote = ip_addr_from_v4(0x0b000000u + destination), .remote_port = PEER_PORT};
    struct tcp_ref ref;
    assert_int_equal(tcp_connect(s->end.layer, 0, &key, 0, s->now, &ref), 0);
    return tcp_key(tcp_get(s->end.layer, ref))->local_port;
}

static void abort_all(struct script *s)
{
    for (uint32_t i = 1; i <= s->end.layer->records.touched; i++)
        if (tcp_at(s->end.layer, i)->state != TCP_CLOSED)
            tcp_abort(s->end.layer, tcp_at(s->end.layer, i), s->now);
    while (script_drain(s) > 0)
        ;
}

static void tc_37_sixty_thousand_connects_find_their_ports(void **state)
{
    enum { N = 60000 };
    static uint8_t used[3][65536];
    struct script s;
    (void)state;
    settings.max_connections = N;
    settings.sent_records = 64;
    script_begin_with(&s, &profile, &settings);
    uint32_t range = settings.port_last - settings.port_first + 1u;
    for (uint32_t i = 0; i < N; i++) { /* to one destination as long as there are ports at all, but for the last */
        uint32_t destination = i / (range - 1);
        uint16_t port = port_to(&s, destination);
        assert_in_range(port, settings.port_first, settings.port_last);
        assert_int_equal(used[destination][port]++, 0);
    }
    abort_all(&s);
    script_end(&s);
    print_cases("TC-37", N);
}

static void tc_37_ports_to_one_destination_say_nothing_of_another(void **state)
{
    enum { N = 28232 };
    static uint32_t first[BINS], step[BINS];
    struct script s;
    uint32_t close = 0, last = 0;
    (void)state;
    settings.max_connections = N;
    settings.sent_records = 64;
    script_begin_with(&s, &profile, &settings);
    uint32_t range = settings.port_last - settings.port_first + 1u;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t offset = port_to(&s, 1000 + i) - settings.port_first;
        first[offset * BINS / range]++;
        step[(offset + range - last) % range * BINS / range]++;
        close += (offset + range - last) % range <= 16;
        last = offset;
    }
    assert_true(chi_square(first, BINS) <= CHI_SQUARE_MOST);
    assert_true(chi_square(step, BINS) <= CHI_SQUARE_MOST);
    print_message("%u of %u ports follow that of the destination before within 16 (%u expected by chance)\n", close, N,
                  17);
    assert_true(close <= 45);
    abort_all(&s);
    script_end(&s);
    print_cases("TC-37 (destinations)", N);
}

#define CASE(f) cmocka_unit_test_setup(f, defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tc_35_wherever_sequence_numbers_begin_all_segments_are_the_same),
        CASE(tc_36_initial_sequence_numbers_of_different_tuples_are_unrelated),
        CASE(tc_36_of_one_tuple_they_only_grow_and_a_restart_begins_anew),
        CASE(tc_37_sixty_thousand_connects_find_their_ports),
        CASE(tc_37_ports_to_one_destination_say_nothing_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
