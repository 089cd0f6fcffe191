/* SPDX-License-Identifier: MIT */
/*
 * THREATS TC-08, TC-28, TC-29, TC-31, TC-48 to TC-50: work and memory that a peer could use up. The numbers it could
 * guess are in test_hostile_tc_numbers.c, the floods (TC-24, TC-27) in sim/test_sim_flood.c.
 */
#include <stdlib.h>
#include <string.h>

#include "attack_rig.h"
#include "base/random.h"
#include "hostile.h"
#include "tcp/reassembly.h"
#include "tcp/reclaim.h"
#include "tcp/sent.h"

static struct tcp_settings settings;
static struct attack h;

static int defaults(void **state)
{
    script_defaults(state);
    script_settings(&settings);
    settings.max_time_wait = 64;
    return 0;
}

/* Set by the sanitizer builds. */
static bool shortened(void) { return getenv("WEIR_SIM_CELLS") != NULL; }

static void give_measured(const struct script_segment *g)
{
    h.s.end.measure_next = true;
    script_give_segment(&h.s, g);
}

/* One of many: some are measured. */
static void give_numbered(const struct script_segment *g, uint32_t number)
{
    if (number % 500 == 499)
        give_measured(g);
    else
        script_give_segment(&h.s, g);
    script_drain(&h.s);
}

static void offer_sack(void)
{
    h.s.peer_options = (struct wire_tcp_options){
        .present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_WSCALE, .mss = 1460, .wscale = 8};
}

static void begin_with_sack(void)
{
    attack_begin(&h, &profile, &settings);
    offer_sack();
    script_to_established(&h.s);
}

/* ---- TC-08 ---- */

static void drain_all(void)
{
    while (script_drain(&h.s) > 0)
        ;
}

/* Four ranges of one segment each, from the i-th odd one down. */
static struct script_segment sack_comb(uint32_t i)
{
    struct script_segment g = {.flags = TCP_ACK, .seq = 1, .ack = 1, .window = 65535, .sacks = 4};
    for (uint32_t k = 0; k < 4; k++) {
        g.sack[2 * k] = 1 + 1460 * (2 * (i - k) - 1);
        g.sack[2 * k + 1] = g.sack[2 * k] + 1460;
    }
    return g;
}

static void tc_08_sacks_of_every_second_range_cost_a_bounded_walk(void **state)
{
    enum { ODD = 5000, BYTES = 15 << 20 };
    uint32_t cases = 0;
    (void)state;
    settings.sent_records = 100000;
    profile.congestion = TCP_FIXED;
    profile.fixed_window = BYTES;
    begin_with_sack();
    script_give(&h.s, TCP_ACK, 1, 1, 0);
    script_send(&h.s, BYTES);
    drain_all();
    for (unsigned round = 0; round < 2; round++) /* far end first; then all of it once more */
        for (uint32_t i = ODD; i >= 4; i -= 4, cases++) {
            struct script_segment g = sack_comb(i);
            if (cases % 200 == 0)
                give_measured(&g);
            else
                script_give_segment(&h.s, &g);
            drain_all();
        }
    assert_true(script_occupancy(&h.s).sent_records <= 2 * ODD + 2);
    script_give(&h.s, TCP_ACK, 1, 1 + BYTES, 0);
    assert_int_equal(h.s.acked, BYTES);
    assert_int_equal(script_occupancy(&h.s).sent_records, 0);
    attack_end(&h);
    attack_print("TC-08", cases);
}

static void tc_08_one_connection_does_not_take_all_records(void **state)
{
    enum { BYTES = 15 << 20 };
    uint32_t cases = 0;
    (void)state;
    settings.sent_records = 20000; /* a quarter is 5000 */
    profile.congestion = TCP_FIXED;
    profile.fixed_window = BYTES;
    begin_with_sack();
    script_give(&h.s, TCP_ACK, 1, 1, 0);
    script_send(&h.s, BYTES);
    drain_all();
    for (uint32_t at = 3; at < 40000; at += 8, cases++) { /* every second byte */
        struct script_segment g = {.flags = TCP_ACK, .seq = 1, .ack = 1, .window = 65535, .sacks = 4};
        for (uint32_t k = 0; k < 8; k++)
            g.sack[k] = at + k;
        script_give_segment(&h.s, &g);
        drain_all();
        assert_true(script_occupancy(&h.s).sent_records <= 5000);
    }
    assert_int_equal(script_occupancy(&h.s).sent_records, 5000);
    script_give(&h.s, TCP_ACK, 1, 1 + BYTES, 0);
    assert_int_equal(h.s.acked, BYTES);
    attack_end(&h);
    attack_print("TC-08 (share)", cases);
}

/* ---- TC-28 ---- */

#define COLLIDING_BITS 0x1ffu

static struct flow_key stranger(uint32_t n)
{
    return (struct flow_key){.local = 1,
                             .remote = ip_addr_from_v4(0x0b000000u + n / 60000),
                             .local_port = OUR_PORT,
                             .remote_port = (uint16_t)(1024 + n % 60000)};
}

/* Four-tuples whose hashes end alike where the key is known: n of them. */
static uint32_t *colliding(uint32_t n, const struct hash_key *known)
{
    uint32_t *found = calloc(n, sizeof *found);
    assert_non_null(found);
    for (uint32_t i = 0, candidate = 0; i < n; candidate++) {
        struct flow_key key = stranger(candidate);
        if (((uint32_t)hash_sip13_24bytes(known, &key) & COLLIDING_BITS) == 0)
            found[i++] = candidate;
    }
    return found;
}

static uint32_t longest_search(const struct table *t)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i <= t->mask; i++)
        if (t->slots[i].index != 0)
            longest = max_u32(longest, (i - t->slots[i].tag) & t->mask);
    return longest;
}

/* How the same four-tuples fare in a table whose key is known. */
static uint32_t search_with_known_key(const uint32_t *tuples, uint32_t n, uint32_t entries,
                                      const struct hash_key *known)
{
    struct table table;
    assert_int_equal(table_init(&table, alloc_heap(), entries), 0);
    for (uint32_t i = 0; i < n; i++) {
        struct flow_key key = stranger(tuples[i]);
        assert_int_equal(table_add(&table, (uint32_t)hash_sip13_24bytes(known, &key), i + 1), 0);
    }
    uint32_t longest = longest_search(&table);
    table_free(&table);
    return longest;
}

static void syn_from(const struct flow_key *key, struct packet *p, bool measured)
{
    struct tcp_layer *t = h.s.end.layer;
    struct tcp_segment g = {
        .key = *key,
        .packet = p,
        .hash = tcp_flow_hash(t, key),
        .h = {.src_port = key->remote_port, .dst_port = OUR_PORT, .flags = TCP_SYN, .header_len = 20, .window = 1000}};
    bool counting = measured && steps_begin();
    tcp_input(t, &g, 1, h.s.now);
    if (counting)
        h.s.end.steps_max = max_u64(h.s.end.steps_max, steps_end());
}

static void tc_28_chosen_four_tuples_do_not_meet_in_the_table(void **state)
{
    static const struct hash_key known = {0, 0};
    uint32_t n = shortened() ? 5000 : 100000;
    struct packet *p;
    (void)state;
    settings.max_connections = n + 64;
    settings.sent_records = 64;
    profile.syn_queue = n;
    attack_begin(&h, &profile, &settings);
    uint32_t *tuples = colliding(n, &known);
    attack_note(&h);
    assert_int_equal(packet_pool_get(&h.s.end.pool, &p, 1), 1);
    for (uint32_t i = 0; i < n; i++) {
        struct flow_key key = stranger(tuples[i]);
        syn_from(&key, p, i % (n / 16) == 0);
        if (i % 1000 == 999)
            drain_all();
    }
    for (uint32_t i = 0; i < n; i += n / 16) { /* each is found again: a repeated SYN */
        struct flow_key key = stranger(tuples[i]);
        syn_from(&key, p, true);
    }
    drain_all();
    packet_release_burst(&p, 1);
    uint32_t longest = longest_search(&h.s.end.layer->table);
    uint32_t without = search_with_known_key(tuples, n, n + 64 + settings.max_time_wait, &known);
    print_message("longest search: %u slots; with a known key: %u\n", longest, without);
    assert_int_equal(attack_risen(&h, ATTACK_COUNTER(passive_opens)), n);
    assert_true(longest <= 200); /* as with four-tuples that nobody chose */
    assert_true(shortened() || without >= 2 * longest);
    free(tuples);
    attack_exchange(&h);
    assert_int_equal(tcp_unlisten(h.s.end.layer, TCP_ANY_LOCAL, OUR_PORT, h.s.now), 0);
    drain_all();
    attack_end(&h);
    attack_print("TC-28", n);
}

/* ---- TC-29: many peers, all at PEER_ADDRESS, told apart by their ports from MANY_PORT on ---- */

#define MANY_PORT 10000u
#define MANY_MOST 10000u

static struct many {
    struct seq isn[MANY_MOST + 512]; /* ours, by the peer's port */
    uint32_t synacks, resets;
    uint16_t window; /* that the peers offer */
    bool answers;    /* each segment with an ACK */
} many;

static void give_many(uint32_t i, uint16_t flags, uint32_t seq, struct seq ack)
{
    uint8_t bytes[WIRE_TCP_MIN];
    struct wire_tcp t = {.src_port = (uint16_t)(MANY_PORT + i),
                         .dst_port = OUR_PORT,
                         .seq = seq_of(PEER_ISN + seq),
                         .ack = ack,
                         .flags = flags,
                         .window = many.window};
    assert_int_equal(wire_tcp_build(bytes, &t, NULL), WIRE_TCP_MIN);
    tcp_end_give(&h.s.end, PEER_ADDRESS, bytes, WIRE_TCP_MIN, h.s.now);
}

static void take_many(const struct wire_segment *w)
{
    uint32_t i = w->h.dst_port - MANY_PORT;
    assert_true(i < ARRAY_SIZE(many.isn));
    if (w->h.flags & TCP_SYN) {
        many.isn[i] = w->h.seq;
        many.synacks++;
    } else if (w->h.flags & TCP_RST) {
        many.resets++;
    } else if (many.answers) {
        struct seq end = many.window > 0 ? seq_add(w->h.seq, w->payload_len) : seq_add(many.isn[i], 1);
        give_many(i, TCP_ACK, 1, end);
    }
}

/*
 * Time passes, and every peer does what it does. Segments to the neighbour are lost. Returns how many segments went to
 * the peers.
 */
static uint32_t run_many(int64_t ns, int64_t step)
{
    uint32_t taken = 0;
    for (int64_t until = h.s.now + ns; h.s.now < until;) {
        h.s.now += step;
        tcp_tick(h.s.end.layer, h.s.now, UINT32_MAX);
        const struct wire_segment *w;
        while (tcp_output(h.s.end.layer, 0, h.s.now) > 0 || h.s.end.count > 0)
            while ((w = tcp_end_take(&h.s.end)) != NULL)
                if (w->h.src_port == OUR_PORT) {
                    take_many(w);
                    taken++;
                }
    }
    return taken;
}

/* Connects the i-th peer; false: no SYN-ACK came. */
static bool connect_many(uint32_t i)
{
    uint32_t before = many.synacks;
    give_many(i, TCP_SYN, 0, seq_of(0));
    run_many(1, 1);
    if (many.synacks == before)
        return false;
    h.s.connected = false;
    give_many(i, TCP_ACK, 1, seq_add(many.isn[i], 1));
    assert_true(h.s.connected);
    return true;
}

/* A layer that is full of peers that ask for much and take nothing. */
static void begin_many(uint32_t n)
{
    memset(&many, 0, sizeof many);
    many.answers = true;
    if (settings.max_active == 0)
        settings.max_connections = n + 1; /* and the neighbour */
    attack_begin(&h, &profile, &settings);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(connect_many(i));
        script_send(&h.s, 1 << 20);
    }
}

static void end_many(uint32_t n)
{
    many.answers = false;
    for (uint32_t i = 0; i < n; i++) {
        struct flow_key key = tcp_end_key(&h.s.end, OUR_PORT, PEER_ADDRESS, (uint16_t)(MANY_PORT + i));
        struct tcp_timewait *tw = NULL;
        struct tcp *c = tcp_lookup(h.s.end.layer, &key, tcp_flow_hash(h.s.end.layer, &key), &tw);
        if (c)
            tcp_abort(h.s.end.layer, c, h.s.now);
        if (i % 1000 == 0)
            run_many(1, 1);
    }
    run_many(1, 1);
    attack_end(&h);
}

static void tc_29_shut_windows_last_until_others_need_the_room(void **state)
{
    enum { NEWCOMERS = 200 };
    uint32_t n = shortened() ? 500 : MANY_MOST;
    (void)state;
    begin_many(n);
    run_many(300 * NS_PER_S, 100 * NS_PER_MS);
    assert_int_equal(h.s.closings, 0); /* MUST-37: for ever, as long as probes are answered */
    assert_int_equal(script_occupancy(&h.s).connections, n + 1);
    for (uint32_t i = 0; i < NEWCOMERS; i++) {
        attack_note(&h);
        assert_false(connect_many(n + i)); /* full; room is made, and its SYN comes again */
        attack_expect_drops(&h, ATTACK_COUNTER(drop_no_record), 1);
        assert_int_equal(attack_risen(&h, ATTACK_COUNTER(stalled_aborted)), 1);
        assert_true(connect_many(n + i));
        if (i % 20 == 0)
            attack_exchange(&h);
    }
    assert_int_equal(many.resets, NEWCOMERS);
    assert_int_equal(h.s.closings, NEWCOMERS);
    assert_int_equal(h.s.reason, TCP_CLOSE_NO_MEMORY);
    end_many(n + NEWCOMERS);
    attack_print("TC-29", n + NEWCOMERS);
}

static void tc_29_works_that_run_out_make_room_too(void **state)
{
    enum { N = 100, NEWCOMERS = 20 };
    (void)state;
    settings.max_connections = 2 * N;
    settings.max_active = N;
    begin_many(N);
    run_many(60 * NS_PER_S, 100 * NS_PER_MS);
    for (uint32_t i = 0; i < NEWCOMERS; i++) {
        attack_note(&h);
        assert_false(connect_many(N + i));
        attack_expect_drops(&h, ATTACK_COUNTER(drop_no_work), 1);
        assert_int_equal(attack_risen(&h, ATTACK_COUNTER(stalled_aborted)), 1);
        attack_exchange(&h);
        assert_true(connect_many(N + i));
        script_send(&h.s, 1 << 20); /* and takes nothing either */
    }
    end_many(N + NEWCOMERS);
    attack_print("TC-29 (works)", N + NEWCOMERS);
}

static void tc_29_connections_that_we_opened_are_left_alone(void **state)
{
    (void)state;
    memset(&many, 0, sizeof many);
    settings.max_connections = 2;
    attack_begin(&h, &profile, &settings);
    script_to_syn_sent(&h.s);
    script_give_window(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0, 0);
    script_send(&h.s, 1000);
    script_drain(&h.s);
    for (unsigned i = 0; i < 60; i++) { /* probes, answered */
        script_pass(&h.s, NS_PER_S);
        script_drain(&h.s);
        script_give_window(&h.s, TCP_ACK, 1, 1, 0, 0);
    }
    attack_note(&h);
    assert_false(connect_many(0));
    attack_expect_drops(&h, ATTACK_COUNTER(drop_no_record), 1);
    assert_int_equal(attack_risen(&h, ATTACK_COUNTER(stalled_aborted)), 0);
    assert_int_equal(script_state(&h.s), TCP_ESTABLISHED);
    tcp_abort(h.s.end.layer, script_connection(&h.s), h.s.now);
    script_drain(&h.s);
    attack_end(&h);
    attack_print("TC-29 (ours)", 1);
}

static void tc_29_the_user_timeout_ends_shut_windows(void **state)
{
    uint32_t n = shortened() ? 100 : 1000;
    (void)state;
    profile.user_timeout_ns = 30 * NS_PER_S;
    begin_many(n);
    run_many(20 * NS_PER_S, 100 * NS_PER_MS);
    assert_int_equal(h.s.closings, 0);
    run_many(60 * NS_PER_S, 100 * NS_PER_MS);
    assert_int_equal(h.s.closings, n);
    assert_int_equal(h.s.reason, TCP_CLOSE_TIMEOUT);
    end_many(n);
    attack_print("TC-29 (user timeout)", n);
}

static void tc_29_a_window_of_one_byte_gets_few_segments(void **state)
{
    enum { N = 100 };
    (void)state;
    begin_many(N);
    many.window = 1;
    uint32_t segments = run_many(60 * NS_PER_S, 10 * NS_PER_MS);
    print_message("%u segments a second and connection\n", segments / (60 * N));
    assert_true(segments <= 60 * N * 6); /* the shortest retransmission timeout is 200 ms */
    end_many(N);
    attack_print("TC-29 (shrew)", N);
}

static void tc_29_nobody_who_reads_is_reset_for_newcomers(void **state)
{
    enum { N = 100 };
    (void)state;
    begin_many(N);
    run_many(RECLAIM_STALLED_NS - NS_PER_S, 100 * NS_PER_MS);
    attack_note(&h);
    assert_false(connect_many(N)); /* windows shut for less than RECLAIM_STALLED_NS */
    attack_expect_drops(&h, ATTACK_COUNTER(drop_no_record), 1);
    assert_int_equal(attack_risen(&h, ATTACK_COUNTER(stalled_aborted)), 0);
    end_many(N);
    attack_print("TC-29 (short)", N + 1);
}

/* ---- TC-31 ---- */

static struct script_segment one_byte_at(uint32_t seq)
{
    return (struct script_segment){.flags = TCP_ACK, .seq = seq, .ack = 1, .payload = 1, .window = 65535};
}

/* The stream arrives after all, in segments of 1000 bytes. */
static void fill_in(uint32_t bytes)
{
    for (uint32_t at = 1; at <= bytes; at += 1000) {
        script_give(&h.s, TCP_ACK, at, 1, 1000);
        drain_all();
    }
    assert_true(h.s.received >= bytes);
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(h.s.stream[i], 'a' + i % 26);
}

static void tc_31_scattered_bytes_cost_bounded_work_and_memory(void **state)
{
    enum { N = 20000 };
    struct random r;
    (void)state;
    random_seed(&r, 31);
    settings.max_out_of_order_frames = 65536;
    profile.receive_buffer = 16 << 20;
    begin_with_sack();
    attack_note(&h);
    for (uint32_t i = 0; i < N; i++) {
        struct script_segment g = one_byte_at(3 + 2 * (uint32_t)random_below(&r, 30000));
        give_numbered(&g, i);
    }
    uint32_t held = script_occupancy(&h.s).out_of_order_frames;
    assert_int_equal(held, REASSEMBLY_RUNS); /* nothing adjoins */
    assert_int_equal(attack_risen(&h, ATTACK_COUNTER(out_of_order_segments)), N);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_ooo_runs),
                        N - held - attack_risen(&h, ATTACK_COUNTER(duplicate_segments)));
    fill_in(60000);
    attack_end(&h);
    attack_print("TC-31", N);
}

static void tc_31_bytes_in_reverse_order_are_bounded_by_their_frames(void **state)
{
    enum { N = 5000 };
    (void)state;
    begin_with_sack();
    attack_note(&h);
    for (uint32_t i = 0; i < N; i++) {
        struct script_segment g = one_byte_at(20000 - i);
        give_numbered(&g, i);
    }
    uint32_t held = script_occupancy(&h.s).out_of_order_frames;
    assert_int_equal(held, profile.receive_buffer / REASSEMBLY_FRAME_BYTES);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_ooo_full), N - held);
    fill_in(20000);
    attack_end(&h);
    attack_print("TC-31 (reverse)", N);
}

static void tc_31_a_segment_over_a_comb_fills_a_bounded_number_of_gaps(void **state)
{
    enum { TEETH = 200 };
    (void)state;
    begin_with_sack();
    for (uint32_t i = 0; i < TEETH; i++) {
        struct script_segment g = one_byte_at(1001 + 2 * i);
        script_give_segment(&h.s, &g);
        script_drain(&h.s);
    }
    attack_note(&h);
    struct script_segment over = {.flags = TCP_ACK, .seq = 1000, .ack = 1, .payload = 1000, .window = 65535};
    unsigned cases = 0;
    for (uint32_t gaps = TEETH + 1; gaps > 0; cases++) { /* each time so many gaps less */
        attack_note(&h);
        give_measured(&over);
        script_drain(&h.s);
        bool all = gaps <= REASSEMBLY_PARTS;
        attack_expect_drops(&h, ATTACK_COUNTER(drop_ooo_runs), !all);
        gaps -= min_u32(gaps, REASSEMBLY_PARTS);
    }
    assert_int_equal(script_occupancy(&h.s).out_of_order_frames, 2 * TEETH + 1);
    fill_in(2000);
    attack_end(&h);
    attack_print("TC-31 (comb)", cases);
}

/* ---- TC-48 ---- */

static void tc_48_no_round_trip_time_leaves_the_bounds_of_the_timeout(void **state)
{
    static const int64_t rtts[] = {0, 1, NS_PER_US, NS_PER_MS, NS_PER_S, 59 * NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S};
    unsigned cases = 0;
    (void)state;
    profile.data_retries = 100;
    profile.user_timeout_ns = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rtts); i++)
        for (size_t k = 0; k < ARRAY_SIZE(rtts); k++, cases++) { /* one after the other */
            attack_begin(&h, &profile, &settings);
            script_to_established(&h.s);
            for (unsigned n = 0; n < 6; n++) {
                script_send(&h.s, 10);
                script_drain(&h.s);
                h.s.now += n % 2 ? rtts[i] : rtts[k]; /* without ticks: what is measured is an RTT */
                script_give(&h.s, TCP_ACK, 1, 1 + 10 * (n + 1), 0);
                struct tcp_info info = script_info(&h.s);
                assert_in_range(info.rto_ns, profile.rto_min_ns, profile.rto_max_ns);
                assert_true(info.srtt_ns >= 0 && info.rttvar_ns >= 0);
            }
            script_pass(&h.s, 1);
            script_drain(&h.s);
            attack_end(&h);
        }
    attack_print("TC-48", cases);
}

static void tc_48_strange_echoes_make_no_strange_timeouts(void **state)
{
    static const uint32_t off[] = {0, 0u - 1, 1, 0x7fffffff, 0x80000000, 1000, 0u - 1000};
    int64_t srtt_ns = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
        attack_begin(&h, &profile, &settings);
        h.s.peer_options.present |= TCP_OPT_TIMESTAMPS;
        script_to_established(&h.s);
        script_send(&h.s, 10);
        const struct wire_segment *w = script_expect(&h.s, TCP_ACK, 1, 1, 10);
        h.s.peer_options.ts_ecr = w->o.ts_val + off[i];
        h.s.now += 10 * NS_PER_MS;
        script_give(&h.s, TCP_ACK, 1, 11, 0);
        struct tcp_info info = script_info(&h.s);
        assert_in_range(info.rto_ns, profile.rto_min_ns, profile.rto_max_ns);
        srtt_ns = i == 0 ? info.srtt_ns : srtt_ns;
        assert_int_equal(info.srtt_ns, srtt_ns); /* by our own clock, as it was sent once */
        attack_end(&h);
    }
    attack_print("TC-48 (echoes)", ARRAY_SIZE(off));
}

/* A machine that slept: all timers are long due at once, and nobody is to blame. */
static void tc_48_a_jump_of_the_clock_ends_no_connection(void **state)
{
    static const int64_t jumps[] = {3600 * NS_PER_S, -3600 * NS_PER_S, 86400 * NS_PER_S};
    unsigned cases = 0;
    (void)state;
    profile.keepalive_idle_ns = 60 * NS_PER_S;
    profile.keepalive_interval_ns = 10 * NS_PER_S;
    profile.keepalive_probes = 3;
    profile.user_timeout_ns = 30 * NS_PER_S;
    for (size_t i = 0; i < ARRAY_SIZE(jumps); i++)
        for (unsigned sending = 0; sending < 2; sending++, cases++) {
            attack_begin(&h, &profile, &settings);
            h.s.now += 8000 * NS_PER_S;
            script_to_established(&h.s);
            if (sending)
                script_send(&h.s, 100);
            script_drain(&h.s);
            h.s.now += jumps[i];
            script_pass(&h.s, 100 * NS_PER_MS);
            assert_false(h.s.closed);
            if (script_drain(&h.s) > 0) /* a probe, or the data again: answered */
                script_give(&h.s, TCP_ACK, 1, 1 + 100 * sending, 0);
            h.s.now = max_i64(h.s.now, 8000 * NS_PER_S);
            for (unsigned s = 0; s < 100; s++) {
                script_pass(&h.s, NS_PER_S);
                if (script_drain(&h.s) > 0)
                    script_give(&h.s, TCP_ACK, 1, 1 + 100 * sending, 0);
                assert_false(h.s.closed);
            }
            script_send(&h.s, 100);
            script_expect(&h.s, TCP_ACK, 1 + 100 * sending, 1, 100);
            script_give(&h.s, TCP_ACK, 1, 101 + 100 * sending, 0);
            assert_int_equal(h.s.acked, 100 + 100 * sending);
            h.healthy.closed = false;
            tcp_abort(h.s.end.layer, script_connection(&h.s), h.s.now);
            script_drain(&h.s);
            attack_end(&h);
        }
    attack_print("TC-48 (clock)", cases);
}

/* ---- TC-49 ---- */

static void tc_49_a_listener_that_is_full_and_then_closed_resets_every_embryo(void **state)
{
    enum { EMBRYOS = 1000, ACCEPTED = 10 };
    (void)state;
    profile.accept_limit = ACCEPTED;
    settings.max_connections = 2000;
    memset(&many, 0, sizeof many);
    many.window = 1000;
    attack_begin(&h, &profile, &settings);
    for (uint32_t i = 0; i < ACCEPTED; i++)
        assert_true(connect_many(i));
    attack_note(&h);
    assert_false(connect_many(ACCEPTED)); /* full */
    attack_expect_drops(&h, ATTACK_COUNTER(drop_accept_full), 1);
    assert_int_equal(tcp_unlisten(h.s.end.layer, TCP_ANY_LOCAL, OUR_PORT, h.s.now), 0);
    assert_int_equal(many.resets, 0);
    end_many(ACCEPTED);

    profile.accept_limit = 0;
    memset(&many, 0, sizeof many);
    attack_begin(&h, &profile, &settings);
    for (uint32_t i = 0; i < EMBRYOS; i++)
        give_many(i, TCP_SYN, 0, seq_of(0));
    run_many(1, 1);
    assert_int_equal(many.synacks, EMBRYOS);
    assert_int_equal(tcp_unlisten(h.s.end.layer, TCP_ANY_LOCAL, OUR_PORT, h.s.now), 0);
    run_many(1, 1);
    assert_int_equal(many.resets, EMBRYOS);
    assert_int_equal(script_occupancy(&h.s).connections, 1);
    attack_note(&h);
    give_many(0, TCP_ACK, 1, seq_add(many.isn[0], 1)); /* too late */
    attack_expect_drops(&h, ATTACK_COUNTER(drop_no_connection), 1);
    run_many(1, 1);
    assert_int_equal(many.resets, EMBRYOS + 1);
    attack_end(&h);
    attack_print("TC-49", EMBRYOS + ACCEPTED + 2);
}

/* ---- TC-50 ---- */

/* The whole life of a connection; before its k-th step the link has no room for a while. */
static void live_with_a_stuck_link(unsigned k)
{
    attack_begin(&h, &profile, &settings);
    unsigned step = 0;
#define STUCK_BEFORE_STEP() h.s.end.room = step++ == k ? 0 : UINT32_MAX
#define FREE_AGAIN()                                                                                                   \
    do {                                                                                                               \
        script_pass(&h.s, 10 * NS_PER_MS);                                                                             \
        h.s.end.room = UINT32_MAX;                                                                                     \
    } while (0)
    STUCK_BEFORE_STEP();
    struct flow_key key = tcp_end_key(&h.s.end, 0, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(h.s.end.layer, 0, &key, 0, h.s.now, &h.s.ref), 0);
    h.s.our_port = tcp_key(script_connection(&h.s))->local_port;
    FREE_AGAIN();
    script_expect(&h.s, TCP_SYN, 0, 0, 0);
    STUCK_BEFORE_STEP();
    script_give(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
    FREE_AGAIN();
    script_expect(&h.s, TCP_ACK, 1, 1, 0);
    STUCK_BEFORE_STEP();
    script_send(&h.s, 3000);
    FREE_AGAIN();
    assert_int_equal(script_drain(&h.s), 3);
    script_give(&h.s, TCP_ACK, 1, 3001, 0);
    STUCK_BEFORE_STEP();
    script_give(&h.s, TCP_ACK, 1, 3001, 1000);
    script_give(&h.s, TCP_ACK, 1001, 3001, 1000);
    FREE_AGAIN();
    script_expect(&h.s, TCP_ACK, 3001, 2001, 0);
    STUCK_BEFORE_STEP();
    tcp_close(h.s.end.layer, script_connection(&h.s), h.s.now);
    FREE_AGAIN();
    script_expect(&h.s, TCP_ACK | TCP_FIN, 3001, 2001, 0);
    script_give(&h.s, TCP_ACK, 2001, 3002, 0);
    STUCK_BEFORE_STEP();
    script_give(&h.s, TCP_ACK | TCP_FIN, 2001, 3002, 0);
    FREE_AGAIN();
    script_expect(&h.s, TCP_ACK, 3002, 2002, 0);
    assert_int_equal(h.s.reason, TCP_CLOSE_NORMAL);
    assert_int_equal(h.s.received, 2000);
    attack_end(&h);
#undef STUCK_BEFORE_STEP
#undef FREE_AGAIN
}

static void tc_50_without_frames_every_step_waits_and_goes_on(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 7; k++)
        live_with_a_stuck_link(k);
    attack_print("TC-50 (frames)", 7);
}

/* Connects until it fails, then once more after one connection ended. */
static unsigned connect_until_it_fails(int expected)
{
    struct tcp_ref refs[64];
    struct flow_key key = tcp_end_key(&h.s.end, 0, PEER_ADDRESS, PEER_PORT);
    unsigned n = 0;
    int error;
    while ((error = tcp_connect(h.s.end.layer, 0, &key, 0, h.s.now, &refs[n])) == 0)
        assert_true(++n < ARRAY_SIZE(refs));
    assert_int_equal(error, expected);
    assert_int_equal(tcp_connect(h.s.end.layer, 0, &key, 0, h.s.now, &refs[n]), expected);
    tcp_abort(h.s.end.layer, tcp_get(h.s.end.layer, refs[0]), h.s.now);
    script_drain(&h.s);
    assert_int_equal(tcp_connect(h.s.end.layer, 0, &key, 0, h.s.now, &refs[0]), 0);
    for (unsigned i = 0; i < n; i++)
        tcp_abort(h.s.end.layer, tcp_get(h.s.end.layer, refs[i]), h.s.now);
    script_drain(&h.s);
    return n;
}

static void tc_50_without_ports_records_or_works_connect_says_so_and_works_later(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (unsigned what = 0; what < 3; what++) {
        defaults(state);
        settings.port_last = (uint16_t)(settings.port_first + (what == 0 ? 9 : 99));
        settings.max_connections = what == 1 ? 11 : 64; /* one is the neighbour's */
        settings.max_active = what == 2 ? 10 : 0;
        attack_begin(&h, &profile, &settings);
        unsigned n = connect_until_it_fails(what == 0 ? ERR_NO_PORTS : ERR_NO_MEMORY);
        assert_int_equal(n, 10);
        cases += n + 3;
        attack_end(&h);
    }
    attack_print("TC-50", cases);
}

#define CASE(f) cmocka_unit_test_setup(f, defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tc_08_sacks_of_every_second_range_cost_a_bounded_walk),
        CASE(tc_08_one_connection_does_not_take_all_records),
        CASE(tc_28_chosen_four_tuples_do_not_meet_in_the_table),
        CASE(tc_29_shut_windows_last_until_others_need_the_room),
        CASE(tc_29_works_that_run_out_make_room_too),
        CASE(tc_29_connections_that_we_opened_are_left_alone),
        CASE(tc_29_the_user_timeout_ends_shut_windows),
        CASE(tc_29_a_window_of_one_byte_gets_few_segments),
        CASE(tc_29_nobody_who_reads_is_reset_for_newcomers),
        CASE(tc_31_scattered_bytes_cost_bounded_work_and_memory),
        CASE(tc_31_bytes_in_reverse_order_are_bounded_by_their_frames),
        CASE(tc_31_a_segment_over_a_comb_fills_a_bounded_number_of_gaps),
        CASE(tc_48_no_round_trip_time_leaves_the_bounds_of_the_timeout),
        CASE(tc_48_strange_echoes_make_no_strange_timeouts),
        CASE(tc_48_a_jump_of_the_clock_ends_no_connection),
        CASE(tc_49_a_listener_that_is_full_and_then_closed_resets_every_embryo),
        CASE(tc_50_without_frames_every_step_waits_and_goes_on),
        CASE(tc_50_without_ports_records_or_works_connect_says_so_and_works_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
