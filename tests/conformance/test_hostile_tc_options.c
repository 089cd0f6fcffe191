/* SPDX-License-Identifier: MIT */
/*
 * THREATS TC-03 to TC-16, TC-18, TC-45 to TC-47: options and header fields that are malformed, doubled, tiny, or not
 * for us. Oracle: table 1.10 of THREATS.md, what Linux does.
 */
#include <string.h>

#include "attack_rig.h"
#include "base/random.h"

static struct attack h;

/* Options as bytes, padded with zeros to a multiple of 4. */
static struct script_segment raw(uint16_t flags, uint32_t seq, const void *options, uint32_t n)
{
    struct script_segment g = {.flags = flags, .seq = seq, .ack = 1, .window = 65535, .raw_len = (n + 3) & ~3u};
    memcpy(g.raw_options, options, n);
    return g;
}

/* A SYN with these options is answered and ends up ESTABLISHED; returns its information. */
static struct tcp_info connect_with(const void *options, uint32_t n)
{
    struct script_segment g = raw(TCP_SYN, 0, options, n);
    script_give_segment(&h.s, &g);
    script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
    script_give(&h.s, TCP_ACK, 1, 1, 0);
    assert_int_equal(script_state(&h.s), TCP_ESTABLISHED);
    return script_info(&h.s);
}

static void tc_03_bad_option_lengths_end_the_parse_and_the_syn_is_answered(void **state)
{
    static const struct {
        uint8_t bytes[12];
        uint32_t n, mss;
    } cases[] = {
        {{2, 3, 5, 1}, 4, 536},
        {{2, 5, 1, 2, 3, 0}, 6, 536},
        {{2, 0}, 2, 536},
        {{2, 1}, 2, 536},
        {{99, 0, 2, 4, 2, 0}, 6, 536}, /* what follows is not looked at */
        {{99, 1, 2, 4, 2, 0}, 6, 536},
        {{2, 4, 2, 0, 99, 0, 0, 0}, 8, 512}, /* what was before holds */
        {{2, 4, 2, 0, 8, 40}, 6, 512},       /* runs past the header */
        {{2, 40, 2, 0}, 4, 536},
        {{99, 4, 7, 7, 2, 4, 2, 0}, 8, 512}, /* unknown but well-formed: skipped */
        {{3, 2, 1, 1, 2, 4, 2, 0}, 8, 512},
        {{4, 3, 0, 1, 2, 4, 2, 0}, 8, 512},
        {{1, 1, 1, 2}, 4, 536}, /* no room for a length */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        attack_begin(&h, &profile, NULL);
        assert_int_equal(connect_with(cases[i].bytes, cases[i].n).mss, cases[i].mss);
        attack_expect_drops(&h, ATTACK_COUNTER(drop_bad_flags), 0);
        attack_end(&h);
    }
    attack_print("TC-03", ARRAY_SIZE(cases));
}

static void tc_03_random_options_never_keep_a_syn_from_its_answer(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 3);
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t bytes[WIRE_TCP_MAX_OPTIONS];
        uint32_t n = (uint32_t)random_below(&r, 41);
        for (uint32_t k = 0; k < n; k++) { /* mostly kinds and lengths that mean something */
            bytes[k] = (uint8_t)random_below(&r, random_below(&r, 4) ? 11 : 256);
            bytes[k] = bytes[k] == 19 || bytes[k] == 29 ? 0 : bytes[k]; /* TC-46 */
        }
        attack_begin(&h, &profile, NULL);
        struct script_segment g = raw(TCP_SYN, 0, bytes, n);
        script_give_segment(&h.s, &g);
        script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
        assert_int_equal(attack_drops(&h), 0);
        attack_end(&h);
    }
    attack_print("TC-03 (random)", 2000);
}

static void tc_04_options_mean_the_same_at_every_offset(void **state)
{
    static const uint8_t options[][10] = {{2, 4, 2, 0}, {3, 3, 5}, {4, 2}, {8, 10, 0, 0, 0, 9, 0, 0, 0, 0}};
    unsigned cases = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        for (uint32_t at = 0; at + options[i][1] <= WIRE_TCP_MAX_OPTIONS; at++, cases++) {
            uint8_t bytes[WIRE_TCP_MAX_OPTIONS];
            memset(bytes, 1, sizeof bytes);
            memcpy(bytes + at, options[i], options[i][1]);
            if (at + options[i][1] + 2u < sizeof bytes) { /* END, then garbage */
                memset(bytes + at + options[i][1], 0xff, sizeof bytes - at - options[i][1]);
                bytes[at + options[i][1]] = 0;
            }
            attack_begin(&h, &profile, NULL);
            struct script_segment g = raw(TCP_SYN, 0, bytes, sizeof bytes);
            script_give_segment(&h.s, &g);
            uint16_t got = script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0)->o.present;
            static const uint16_t bits[] = {TCP_OPT_MSS, TCP_OPT_MSS | TCP_OPT_WSCALE,
                                            TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED, TCP_OPT_MSS | TCP_OPT_TIMESTAMPS};
            assert_int_equal(got, bits[i]);
            attack_end(&h);
        }
    }
    attack_print("TC-04", cases);
}

static void tc_05_the_first_of_two_wins_and_syn_options_mean_nothing_later(void **state)
{
    static const uint8_t twice[] = {2, 4, 2, 0, 2, 4, 4, 0, 3, 3, 2, 3, 3, 9};
    (void)state;
    attack_begin(&h, &profile, NULL);
    struct tcp_info i = connect_with(twice, sizeof twice);
    assert_int_equal(i.mss, 512);
    assert_int_equal(i.send_wscale, 2);
    struct script_segment g = raw(TCP_ACK, 1, "\x02\x04\x00\x40\x03\x03\x0e\x01", 8);
    g.payload = 10;
    script_give_segment(&h.s, &g);
    assert_int_equal(h.s.received, 10);
    i = script_info(&h.s);
    assert_int_equal(i.mss, 512);
    assert_int_equal(i.send_wscale, 2);
    script_drain(&h.s);
    attack_end(&h);
    attack_begin(&h, &profile, NULL);
    static const uint8_t times[] = {8, 10, 0, 0, 0, 5, 0, 0, 0, 0, 8, 10, 0, 0, 0, 6, 0, 0, 0, 0};
    g = raw(TCP_SYN, 0, times, sizeof times);
    script_give_segment(&h.s, &g);
    assert_int_equal(script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0)->o.ts_ecr, 5);
    attack_end(&h);
    attack_print("TC-05", 3);
}

static void tc_06_a_tiny_mss_is_raised_to_the_floor(void **state)
{
    static const uint16_t offered[] = {0, 1, 8, 47, 48, 49, 536, 1460, 65535};
    static const uint16_t floors[] = {48, 216, 536};
    unsigned cases = 0;
    (void)state;
    for (size_t f = 0; f < ARRAY_SIZE(floors); f++) {
        for (size_t i = 0; i < ARRAY_SIZE(offered); i++, cases++) {
            uint8_t bytes[] = {2, 4, (uint8_t)(offered[i] >> 8), (uint8_t)offered[i]};
            profile.min_mss = floors[f];
            attack_begin(&h, &profile, NULL);
            uint32_t mss = min_u32(max_u32(offered[i], floors[f]), 1460);
            assert_int_equal(connect_with(bytes, sizeof bytes).mss, mss);
            script_send(&h.s, 3 * mss);
            for (uint32_t k = 0; k < 3; k++)
                script_expect(&h.s, TCP_ACK, 1 + k * mss, 1, mss);
            attack_end(&h);
        }
    }
    attack_print("TC-06", cases);
}

static const uint8_t sack_syn[] = {2, 4, 0, 48, 4, 2, 3, 3, 7};

static void tc_07_sack_panic_sends_and_holes_stay_within_their_counters(void **state)
{
    (void)state;
    profile.congestion = TCP_FIXED;
    profile.fixed_window = 60000;
    attack_begin(&h, &profile, NULL);
    assert_int_equal(connect_with(sack_syn, sizeof sack_syn).mss, 48);
    script_send(&h.s, 48000);
    assert_int_equal(script_drain(&h.s), 1000);
    unsigned cases = 0;
    for (uint32_t hole = 0; hole + 2 < 1000; hole += 2, cases++) { /* every second segment is missing */
        uint32_t left = 1 + (hole + 1) * 48;
        script_give_sack(&h.s, 1, 1, 1, (uint32_t[]){left, left + 48});
        script_drain(&h.s);
    }
    script_give(&h.s, TCP_ACK, 1, 48001, 0); /* then all at once */
    assert_int_equal(h.s.acked, 48000);
    assert_int_equal(script_info(&h.s).in_flight_bytes, 0);
    assert_int_equal(script_occupancy(&h.s).sent_records, 0);
    attack_end(&h);
    attack_print("TC-07", cases);
}

static void tc_09_bad_sack_blocks_are_skipped_and_good_ones_honoured(void **state)
{
    static const uint32_t bad[][2] = {{201, 201},      {301, 201},        {201, 0x80000201}, {4001, 5001},
                                      {0xfffff001, 1}, {0xffffff00, 101}, {0, 0xffffffff},   {3001, 3002}};
    (void)state;
    profile.congestion = TCP_FIXED;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        attack_begin(&h, &profile, NULL);
        connect_with(sack_syn, sizeof sack_syn);
        script_send(&h.s, 3000);
        script_drain(&h.s);
        uint32_t blocks[] = {101, 201, bad[i][0], bad[i][1], 301, 401};
        script_give_sack(&h.s, 1, 1, 3, blocks);
        const struct tcp_work *w = tcp_work_of(h.s.end.layer, script_connection(&h.s));
        assert_int_equal(w->sacked, 200);
        script_drain(&h.s);
        script_give(&h.s, TCP_ACK, 1, 3001, 0);
        assert_int_equal(h.s.acked, 3000);
        attack_end(&h);
    }
    attack_print("TC-09", ARRAY_SIZE(bad));
}

static void tc_09_sack_of_wrong_length_or_without_permission_is_nothing(void **state)
{
    unsigned cases = 0;
    (void)state;
    profile.congestion = TCP_FIXED;
    for (uint8_t length = 2; length <= 36; length++, cases++) {
        bool permitted = length % 2 == 0;
        attack_begin(&h, &profile, NULL);
        connect_with(sack_syn, permitted ? sizeof sack_syn : 4);
        script_send(&h.s, 3000);
        script_drain(&h.s);
        uint8_t bytes[WIRE_TCP_MAX_OPTIONS] = {5, length};
        for (unsigned at = 2; at + 8 <= sizeof bytes; at += 8) {
            store_be32(bytes + at, h.s.our_isn.v + 101 + 20 * at);
            store_be32(bytes + at + 4, h.s.our_isn.v + 111 + 20 * at);
        }
        struct script_segment g = raw(TCP_ACK, 1, bytes, length);
        script_give_segment(&h.s, &g);
        bool good = permitted && (length - 2) % 8 == 0 && length > 2;
        const struct tcp_work *w = tcp_work_of(h.s.end.layer, script_connection(&h.s));
        assert_int_equal(w->sacked, good ? (length - 2u) / 8 * 10 : 0);
        script_drain(&h.s);
        attack_end(&h);
    }
    attack_print("TC-09 (form)", cases);
}

static void tc_10_a_reneging_peer_gets_its_data_again(void **state)
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    connect_with("\x02\x04\x02\x00\x04\x02\x01\x01", 8);
    script_send(&h.s, 1536);
    script_drain(&h.s);
    script_give_sack(&h.s, 1, 1, 1, (uint32_t[]){513, 1537});
    script_drain(&h.s);
    bool again[3] = {false};
    for (unsigned tries = 0; tries < 12 && !(again[0] && again[1] && again[2]); tries++) {
        script_wait(&h.s);
        const struct wire_segment *w = tcp_end_take(&h.s.end);
        uint32_t at = seq_len(h.s.our_isn, w->h.seq) - 1;
        again[at / 512] = true;
        assert_true(at < 1536);
        script_give(&h.s, TCP_ACK, 1, at + 513, 0); /* this, and nothing of what it said it had beyond */
    }
    assert_true(again[0] && again[1] && again[2]);
    script_drain(&h.s);
    attack_end(&h);
    attack_print("TC-10", 1);
}

static void tc_11_a_window_scale_beyond_14_is_14(void **state)
{
    (void)state;
    for (unsigned scale = 0; scale <= 255; scale++) {
        uint8_t bytes[] = {3, 3, (uint8_t)scale, 0};
        attack_begin(&h, &profile, NULL);
        assert_int_equal(connect_with(bytes, sizeof bytes).send_wscale, min_u32(scale, 14));
        attack_end(&h);
    }
    attack_print("TC-11", 256);
}

static void with_timestamps(uint32_t ts_val)
{
    attack_begin(&h, &profile, NULL);
    h.s.peer_options =
        (struct wire_tcp_options){.present = TCP_OPT_MSS | TCP_OPT_TIMESTAMPS, .mss = 1460, .ts_val = ts_val};
    script_to_established(&h.s);
    attack_note(&h);
}

static void tc_12_old_timestamps_are_dropped_and_acknowledged(void **state)
{
    static const uint32_t start[] = {0, 1000, 0x7fffffff, 0x80000000, 0xffffffff};
    static const uint32_t older[] = {1, 2, 1000, 0x7fffffff, 0x80000000};
    unsigned cases = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(start); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(older); k++, cases++) {
            with_timestamps(start[i]);
            h.s.peer_options.ts_val = start[i] - older[k];
            script_give(&h.s, TCP_ACK, 1, 1, 10);
            script_expect(&h.s, TCP_ACK, 1, 1, 0);
            attack_expect_drops(&h, ATTACK_COUNTER(drop_paws), 1);
            assert_int_equal(h.s.received, 0);
            script_pass(&h.s, 25 * 86400 * NS_PER_S); /* RFC 7323 section 5.5: idle for 24 days, then anything goes */
            script_give(&h.s, TCP_ACK, 1, 1, 10);
            assert_int_equal(h.s.received, 10);
            script_drain(&h.s);
            attack_end(&h);
        }
    }
    attack_print("TC-12", cases);
}

static void tc_13_a_missing_timestamp_drops_and_a_strange_echo_is_ignored(void **state)
{
    static const uint32_t echoes[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    (void)state;
    with_timestamps(1000);
    struct script_segment g = {.flags = TCP_ACK, .seq = 1, .ack = 1, .payload = 10, .without_timestamps = true};
    script_give_segment(&h.s, &g);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_no_timestamp), 1);
    assert_int_equal(h.s.received, 0);
    attack_end(&h);
    for (size_t i = 0; i < ARRAY_SIZE(echoes); i++) {
        with_timestamps(1000);
        script_send(&h.s, 10);
        script_drain(&h.s);
        script_pass(&h.s, 50 * NS_PER_MS);
        h.s.peer_options.ts_ecr = echoes[i];
        script_give(&h.s, TCP_ACK, 1, 11, 0);
        struct tcp_info info = script_info(&h.s);
        assert_in_range(info.rto_ns, 200 * NS_PER_MS, 1100 * NS_PER_MS);
        assert_int_equal(h.s.acked, 10);
        attack_end(&h);
    }
    attack_print("TC-13", 1 + ARRAY_SIZE(echoes));
}

static void tc_14_15_urgent_pointers_mark_and_change_no_byte(void **state)
{
    static const uint16_t pointers[] = {0, 1, 2, 999, 1000, 1001, 65535};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
        attack_begin(&h, &profile, NULL);
        script_to_established(&h.s);
        struct script_segment g = {
            .flags = TCP_ACK | TCP_URG, .seq = 1, .ack = 1, .payload = 1, .window = 65535, .urgent = pointers[i]};
        script_give_segment(&h.s, &g);
        g = (struct script_segment){.flags = TCP_ACK, .seq = 2, .ack = 1, .payload = 1400, .window = 65535};
        script_give_segment(&h.s, &g); /* reading across the mark */
        assert_int_equal(h.s.received, 1401);
        for (unsigned k = 0; k < 1401; k++)
            assert_int_equal(h.s.stream[k], 'a' + k % 26);
        assert_int_equal(attack_risen(&h, ATTACK_COUNTER(urgent_marks)), 1);
        assert_int_equal(attack_drops(&h), 0);
        script_drain(&h.s);
        attack_end(&h);
    }
    attack_print("TC-14, TC-15", ARRAY_SIZE(pointers));
}

static void tc_16_urgent_means_nothing_while_connecting(void **state)
{
    static const uint16_t flags[] = {TCP_SYN | TCP_URG, TCP_SYN | TCP_ACK | TCP_URG};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        attack_begin(&h, &profile, NULL);
        script_to_syn_sent(&h.s); /* a malicious server, or a simultaneous open */
        struct script_segment g = {.flags = flags[i], .ack = 1, .payload = 20, .window = 65535, .urgent = 9};
        script_give_segment(&h.s, &g);
        assert_int_equal(h.s.urgents, 0);
        assert_int_equal(h.s.received, flags[i] & TCP_ACK ? 20 : 0);
        script_drain(&h.s);
        attack_end(&h);
    }
    attack_begin(&h, &profile, NULL);
    struct script_segment g = {.flags = TCP_SYN | TCP_URG, .window = 65535, .urgent = 0};
    script_give_segment(&h.s, &g);
    script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
    attack_end(&h);
    attack_print("TC-16", ARRAY_SIZE(flags) + 1);
}

static void tc_18_a_syn_with_data_is_taken_and_with_fin_or_rst_dropped(void **state)
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_give(&h.s, TCP_SYN, 0, 0, 8);
    script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0); /* its data is not acknowledged */
    script_give(&h.s, TCP_ACK, 1, 1, 8);
    assert_int_equal(h.s.received, 8);
    assert_int_equal(attack_drops(&h), 0);
    script_drain(&h.s);
    attack_end(&h);
    attack_begin(&h, &profile, NULL);
    script_give(&h.s, TCP_SYN | TCP_FIN, 0, 0, 0);
    script_expect_nothing(&h.s);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_bad_flags), 1);
    attack_note(&h);
    script_give(&h.s, TCP_SYN | TCP_RST, 0, 0, 0);
    script_expect_nothing(&h.s);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_no_connection), 1);
    attack_end(&h);
    attack_print("TC-18", 3);
}

static void tc_45_fast_open_falls_back_to_three_ways(void **state)
{
    (void)state;
    for (uint8_t length = 2; length <= 24; length++) {
        uint8_t bytes[28] = {2, 4, 2, 0, 34, length};
        attack_begin(&h, &profile, NULL);
        struct script_segment g = raw(TCP_SYN, 0, bytes, 4u + length);
        g.payload = 1400;
        script_give_segment(&h.s, &g);
        const struct wire_segment *w = script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
        assert_false(w->o.present & TCP_OPT_FAST_OPEN);
        assert_int_equal(h.s.received, 0);
        script_give(&h.s, TCP_ACK, 1, 1, 1400);
        assert_int_equal(h.s.received, 1400);
        script_drain(&h.s);
        attack_end(&h);
    }
    attack_print("TC-45", 23);
}

/* Drops a signed segment with these flags in whatever state the connection is. */
static void drops_signed(uint16_t flags, uint8_t kind, uint8_t length, bool twice)
{
    uint8_t bytes[WIRE_TCP_MAX_OPTIONS] = {kind, length};
    if (twice)
        memcpy(bytes + length, bytes, length);
    enum tcp_state before = script_state(&h.s);
    struct script_segment g = raw(flags, flags & TCP_SYN ? 0 : 1, bytes, twice ? 2u * length : length);
    g.payload = flags & (TCP_SYN | TCP_RST) ? 0 : 10;
    attack_note(&h);
    script_give_segment(&h.s, &g);
    script_expect_nothing(&h.s);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_signature), 1);
    assert_int_equal(script_state(&h.s), before);
    assert_int_equal(h.s.received, 0);
}

static void tc_46_signed_segments_are_dropped_silently(void **state) /* we have no keys */
{
    static void (*const ways[])(struct script *) = {NULL, script_to_syn_sent, script_to_syn_rcvd,
                                                    script_to_established};
    static const uint16_t flags[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK | TCP_PSH, TCP_RST | TCP_ACK};
    static const uint8_t options[][2] = {{19, 18}, {29, 4}, {29, 16}, {29, 20}};
    unsigned cases = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        for (size_t k = 0; k < 2 * ARRAY_SIZE(options); k++, cases++) {
            attack_begin(&h, &profile, NULL);
            if (ways[i])
                ways[i](&h.s);
            drops_signed(i == 0   ? TCP_SYN
                         : i == 1 ? TCP_SYN | TCP_ACK
                                  : flags[2 + k % 2],
                         options[k / 2][0], options[k / 2][1], k % 2 == 1);
            attack_end(&h);
        }
    }
    attack_print("TC-46", cases);
}

static void tc_47_ecn_bits_of_any_kind_never_stall(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++, cases++) {
        uint16_t ecn = (uint16_t)((bits & 1 ? TCP_ECE : 0) | (bits & 2 ? TCP_CWR : 0) | (bits & 4 ? TCP_AE : 0));
        attack_begin(&h, &profile, NULL);
        script_give(&h.s, TCP_SYN | ecn, 0, 0, 0);
        script_drain(&h.s);
        script_give(&h.s, TCP_SYN | ecn, 0, 0, 0); /* once more, as if the answer was lost */
        const struct wire_segment *w = tcp_end_take(&h.s.end);
        assert_non_null(w);
        assert_int_equal(w->h.flags & (TCP_SYN | TCP_ACK), TCP_SYN | TCP_ACK);
        h.s.our_isn = w->h.seq;
        script_give(&h.s, TCP_ACK, 1, 1, 0);
        assert_int_equal(script_state(&h.s), TCP_ESTABLISHED);
        script_send(&h.s, 20000);
        for (uint32_t at = 1, end = 1; at < 20001;) {
            script_wait(&h.s);
            while ((w = tcp_end_take(&h.s.end)) != NULL)
                end = max_u32(end, seq_len(h.s.our_isn, w->h.seq) + w->payload_len);
            at = end;
            script_give(&h.s, TCP_ACK | ecn, 1, at, 0);
        }
        assert_int_equal(h.s.acked, 20000);
        script_drain(&h.s);
        attack_end(&h);
    }
    attack_print("TC-47", cases);
}

#define CASE(f) cmocka_unit_test_setup(f, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tc_03_bad_option_lengths_end_the_parse_and_the_syn_is_answered),
        CASE(tc_03_random_options_never_keep_a_syn_from_its_answer),
        CASE(tc_04_options_mean_the_same_at_every_offset),
        CASE(tc_05_the_first_of_two_wins_and_syn_options_mean_nothing_later),
        CASE(tc_06_a_tiny_mss_is_raised_to_the_floor),
        CASE(tc_07_sack_panic_sends_and_holes_stay_within_their_counters),
        CASE(tc_09_bad_sack_blocks_are_skipped_and_good_ones_honoured),
        CASE(tc_09_sack_of_wrong_length_or_without_permission_is_nothing),
        CASE(tc_10_a_reneging_peer_gets_its_data_again),
        CASE(tc_11_a_window_scale_beyond_14_is_14),
        CASE(tc_12_old_timestamps_are_dropped_and_acknowledged),
        CASE(tc_13_a_missing_timestamp_drops_and_a_strange_echo_is_ignored),
        CASE(tc_14_15_urgent_pointers_mark_and_change_no_byte),
        CASE(tc_16_urgent_means_nothing_while_connecting),
        CASE(tc_18_a_syn_with_data_is_taken_and_with_fin_or_rst_dropped),
        CASE(tc_45_fast_open_falls_back_to_three_ways),
        CASE(tc_46_signed_segments_are_dropped_silently),
        CASE(tc_47_ecn_bits_of_any_kind_never_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
