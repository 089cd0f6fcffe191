/* SPDX-License-Identifier: MIT */
/*
 * THREATS TC-19 to TC-23, TC-25, TC-26, TC-30, TC-32 to TC-34, TC-38 to TC-44: attackers who guess, and peers who play
 * games with sequence numbers, FINs and handshakes. RFC 9293, 5961, 1337, 6191.
 */
#include <stdlib.h>
#include <string.h>

#include "attack_rig.h"
#include "base/random.h"

static struct attack h;

typedef void way(struct script *s);

/*
 * The states where both sides know each other's numbers; `next` is what the peer sends next, `sent` what we have sent.
 */
static const struct {
    way *to;
    uint32_t next, sent;
} synchronized[] = {
    {script_to_established, 1, 1}, {script_to_fin_wait_1, 1, 2}, {script_to_fin_wait_2, 1, 2},
    {script_to_close_wait, 2, 1},  {script_to_closing, 2, 2},    {script_to_last_ack, 2, 2},
};

static void tc_19_only_the_exact_rst_resets(void **state)
{
    static const uint32_t inside[] = {1, 2, 1000, 60000},
                          outside[] = {0u - 1, 0u - 60000, 65536, 0x7fffffff, 0x80000000};
    unsigned cases = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(synchronized); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(inside) + ARRAY_SIZE(outside) + 1; k++, cases++) {
            attack_begin(&h, &profile, NULL);
            synchronized[i].to(&h.s);
            attack_note(&h);
            bool exact = k == 0, in = k <= ARRAY_SIZE(inside);
            uint32_t d = exact ? 0 : in ? inside[k - 1] : outside[k - 1 - ARRAY_SIZE(inside)];
            script_give_window(&h.s, TCP_RST, synchronized[i].next + d, 0, 0, 0);
            assert_int_equal(script_state(&h.s) == TCP_CLOSED, exact);
            assert_int_equal(script_drain(&h.s), in && !exact);
            assert_int_equal(attack_risen(&h, ATTACK_COUNTER(challenge_acks)), in && !exact);
            assert_int_equal(attack_risen(&h, ATTACK_COUNTER(resets_received)), exact);
            attack_expect_drops(&h, ATTACK_COUNTER(drop_old_rst), !in);
            attack_end(&h);
        }
    }
    attack_print("TC-19", cases);
}

static void tc_20_a_blind_syn_is_challenged_and_changes_nothing(void **state)
{
    static const uint32_t numbers[] = {0, 1, 2, 65535, 65536, 0x7fffffff, 0x80000001, 0xffffffff};
    unsigned cases = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(synchronized); i++) {
        for (size_t k = 0; k < 2 * ARRAY_SIZE(numbers); k++, cases++) {
            attack_begin(&h, &profile, NULL);
            synchronized[i].to(&h.s);
            enum tcp_state before = script_state(&h.s);
            attack_note(&h);
            script_give(&h.s, k % 2 ? TCP_SYN : TCP_SYN | TCP_ACK, numbers[k / 2], 1, 0);
            const struct wire_segment *w = tcp_end_take(&h.s.end);
            assert_non_null(w);
            assert_int_equal(w->h.flags, TCP_ACK);
            assert_int_equal(w->h.ack.v - PEER_ISN, synchronized[i].next);
            assert_int_equal(script_state(&h.s), before);
            assert_true(attack_drops(&h) <= 1);
            attack_end(&h);
        }
    }
    attack_print("TC-20", cases);
}

static void tc_21_data_with_an_impossible_acknowledgement_is_dropped(void **state)
{
    static const uint32_t impossible[] = {2, 1000, 0x7fffffff, 1u - 65536, 0x80000002};
    static const uint32_t possible[] = {1, 0, 1u - 65535};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(impossible) + ARRAY_SIZE(possible); i++) {
        bool bad = i < ARRAY_SIZE(impossible);
        attack_begin(&h, &profile, NULL);
        script_to_established(&h.s);
        attack_note(&h);
        struct script_segment g = {.flags = TCP_ACK,
                                   .seq = 1,
                                   .ack = bad ? impossible[i] : possible[i - ARRAY_SIZE(impossible)],
                                   .payload = 10,
                                   .window = 65535};
        script_give_segment(&h.s, &g);
        assert_int_equal(h.s.received, bad ? 0 : 10);
        assert_int_equal(script_drain(&h.s), bad);
        attack_expect_drops(&h, ATTACK_COUNTER(drop_bad_ack), bad);
        assert_int_equal(attack_risen(&h, ATTACK_COUNTER(challenge_acks)), bad);
        attack_end(&h);
    }
    attack_print("TC-21", ARRAY_SIZE(impossible) + ARRAY_SIZE(possible));
}

static void tc_22_challenges_of_one_connection_say_nothing_of_another(void **state)
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    assert_int_equal(tcp_listen(h.s.end.layer, 0, TCP_ANY_LOCAL, 81), 0);
    script_to_established(&h.s);
    struct tcp_ref own = h.s.ref;
    struct seq own_isn = h.s.our_isn;
    h.s.our_port = 81;
    script_to_established(&h.s);
    struct tcp_ref victim = h.s.ref;
    struct seq victim_isn = h.s.our_isn;
    for (unsigned i = 0; i < 20; i++) {
        h.s.our_port = OUR_PORT; /* the attacker's own: 100 challenges provoked */
        h.s.our_isn = own_isn;
        for (unsigned k = 0; k < 100; k++)
            script_give_window(&h.s, TCP_RST, 5, 0, 0, 0);
        assert_int_equal(script_drain(&h.s), 1);
        h.s.our_port = 81; /* and a probe of the other is answered all the same */
        h.s.our_isn = victim_isn;
        script_give_window(&h.s, TCP_RST, 5, 0, 0, 0);
        assert_int_equal(script_drain(&h.s), 1);
        script_pass(&h.s, 500 * NS_PER_MS);
    }
    tcp_abort(h.s.end.layer, tcp_get(h.s.end.layer, own), h.s.now);
    tcp_abort(h.s.end.layer, tcp_get(h.s.end.layer, victim), h.s.now);
    script_drain(&h.s);
    attack_end(&h);
    attack_print("TC-22", 20 * 101);
}

/* Two ends of one connection whose numbers do not fit any more: what each says is a challenge to the other. */
static void tc_23_two_ends_that_challenge_each_other_fall_silent(void **state)
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    unsigned sent = 0;
    script_give(&h.s, TCP_ACK, 500000, 700000, 0);
    for (unsigned ms = 0; ms < 5000; ms++) {
        unsigned n = script_drain(&h.s);
        sent += n;
        for (unsigned i = 0; i < n + 1; i++) /* the other end answers each, and more */
            script_give(&h.s, TCP_ACK, 500000, 700000, 0);
        script_pass(&h.s, NS_PER_MS);
    }
    script_drain(&h.s);
    assert_true(sent <= 11); /* two a second: RFC 5961 section 7 with 500 ms */
    attack_end(&h);
    attack_print("TC-23", 5000);
}

static void tc_25_a_syn_never_completed_gets_six_answers_and_no_more(void **state)
{
    (void)state;
    for (uint32_t retries = 0; retries <= 5; retries++) {
        profile.syn_ack_retries = retries;
        attack_begin(&h, &profile, NULL);
        script_give(&h.s, TCP_SYN, 0, 0, 0);
        unsigned answers = script_drain(&h.s);
        for (unsigned s = 0; s < 200; s++) {
            script_pass(&h.s, NS_PER_S);
            answers += script_drain(&h.s);
        }
        assert_int_equal(answers, 1 + retries);
        assert_int_equal(script_occupancy(&h.s).connections, 1); /* the neighbour */
        attack_end(&h);
    }
    attack_print("TC-25", 6);
}

static void tc_26_ten_million_random_acks_find_no_cookie(void **state)
{
    const char *share = getenv("WEIR_SIM_CELLS"); /* set by the sanitizer builds: a hundredth */
    uint64_t n = share ? 100000 : 10000000;
    struct random r;
    (void)state;
    random_seed(&r, 26);
    profile.syn_cookies = TCP_COOKIES_ALWAYS;
    struct tcp_settings settings;
    script_settings(&settings);
    settings.resets_per_second = 1;
    attack_begin(&h, &profile, &settings);
    script_give(&h.s, TCP_SYN, 0, 0, 0);
    script_drain(&h.s);
    attack_note(&h);
    struct tcp_segment g = {.key = tcp_end_key(&h.s.end, OUR_PORT, PEER_ADDRESS, PEER_PORT),
                            .h = {.dst_port = OUR_PORT, .src_port = PEER_PORT, .flags = TCP_ACK, .header_len = 20}};
    struct packet *p;
    assert_int_equal(packet_pool_get(&h.s.end.pool, &p, 1), 1);
    g.packet = p;
    g.hash = tcp_flow_hash(h.s.end.layer, &g.key);
    for (uint64_t i = 0; i < n; i++) {
        struct tcp_segment s = g;
        s.h.seq = seq_of(random_u32(&r));
        s.h.ack = seq_of(random_u32(&r));
        tcp_input(h.s.end.layer, &s, 1, h.s.now);
        if (h.s.connected)
            break;
    }
    packet_release_burst(&p, 1);
    script_drain(&h.s);
    assert_false(h.s.connected); /* 2^-28 each: 4 % for one in ten million, and the seed is fixed */
    attack_expect_drops(&h, ATTACK_COUNTER(syncookies_failed), n);
    attack_end(&h);
    attack_print("TC-26", n);
}

static void tc_30_a_window_that_opens_byte_by_byte_gets_no_tinygrams(void **state)
{
    unsigned small = 0, sent = 0;
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    script_give_window(&h.s, TCP_ACK, 1, 1, 0, 0);
    script_send(&h.s, 100000);
    uint32_t at = 1;
    for (uint16_t window = 1; window < 3000; window++) {
        script_give_window(&h.s, TCP_ACK, 1, at, 0, window);
        tcp_output(h.s.end.layer, 0, h.s.now);
        for (const struct wire_segment *w; (w = tcp_end_take(&h.s.end)) != NULL; sent++) {
            small += w->payload_len < 1460;
            at = seq_len(h.s.our_isn, w->h.seq) + w->payload_len;
            window = 0; /* what came fills the window again */
        }
        if (sent >= 5)
            break;
    }
    assert_int_equal(sent, 5);
    assert_int_equal(small, 0);
    script_drain(&h.s);
    attack_end(&h);
    attack_print("TC-30", 5 * 1460);
}

/* Gives [from, to) filled with one letter. */
static void give_range(uint32_t from, uint32_t to, uint8_t fill)
{
    struct script_segment g = {
        .flags = TCP_ACK, .seq = 1 + from, .ack = 1, .payload = to - from, .fill = fill, .window = 65535};
    script_give_segment(&h.s, &g);
}

static void tc_32_the_bytes_that_came_first_are_kept_in_all_13_relations(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (uint32_t from = 10; from <= 40; from += 5) { /* against [20, 30): Allen's relations and more */
        for (uint32_t to = from + 5; to <= 45; to += 5, cases += 2) {
            for (unsigned order = 0; order < 2; order++) {
                attack_begin(&h, &profile, NULL);
                script_to_established(&h.s);
                uint8_t model[45];
                memset(model, 'z', sizeof model);
                memset(model + (order ? 20 : from), order ? 'a' : 'b', order ? 10 : to - from);
                for (uint32_t i = order ? from : 20; i < (order ? to : 30); i++)
                    if (model[i] == 'z')
                        model[i] = order ? 'b' : 'a';
                give_range(order ? 20 : from, order ? 30 : to, order ? 'a' : 'b');
                give_range(order ? from : 20, order ? to : 30, order ? 'b' : 'a');
                give_range(0, 45, 'z');
                assert_int_equal(h.s.received, 45);
                assert_memory_equal(h.s.stream, model, 45);
                assert_int_equal(script_occupancy(&h.s).out_of_order_frames, 0);
                script_drain(&h.s);
                attack_end(&h);
            }
        }
    }
    attack_print("TC-32 (overlaps)", cases);
}

static bool next_permutation(unsigned *p, unsigned n)
{
    unsigned i = n - 1, j = n - 1;
    while (i > 0 && p[i - 1] >= p[i])
        i--;
    if (i == 0)
        return false;
    while (p[j] <= p[i - 1])
        j--;
    unsigned t = p[i - 1];
    p[i - 1] = p[j];
    p[j] = t;
    for (j = n - 1; i < j; i++, j--) {
        t = p[i];
        p[i] = p[j];
        p[j] = t;
    }
    return true;
}

static void tc_32_five_segments_in_all_120_orders(void **state)
{
    unsigned order[5] = {0, 1, 2, 3, 4}, cases = 0;
    (void)state;
    do {
        attack_begin(&h, &profile, NULL);
        script_to_established(&h.s);
        for (unsigned i = 0; i < 5; i++)
            script_give(&h.s, TCP_ACK, 1 + 100 * order[i], 1, 100);
        assert_int_equal(h.s.received, 500);
        for (unsigned i = 0; i < 500; i++)
            assert_int_equal(h.s.stream[i], 'a' + i % 26);
        script_drain(&h.s);
        attack_end(&h);
        cases++;
    } while (next_permutation(order, 5));
    attack_print("TC-32 (orders)", cases);
    assert_int_equal(cases, 120);
}

static void tc_33_data_beyond_the_window_is_cut_or_dropped(void **state)
{
    (void)state;
    profile.receive_buffer = 1000;
    attack_begin(&h, &profile, NULL);
    h.s.consume = false;
    script_to_established(&h.s);
    attack_note(&h);
    script_give(&h.s, TCP_ACK, 1, 1, 1400);
    assert_int_equal(h.s.received, 1000);
    script_drain(&h.s);
    script_give(&h.s, TCP_ACK, 1001, 1, 10); /* the window is shut */
    assert_int_equal(h.s.received, 1000);
    script_expect(&h.s, TCP_ACK, 1, 1001, 0);
    script_give(&h.s, TCP_ACK, 1101, 1, 10);
    script_expect(&h.s, TCP_ACK, 1, 1001, 0);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_out_of_window), 1);
    attack_end(&h);
    attack_print("TC-33", 3);
}

static void tc_34_optimistic_and_split_acks_gain_nothing(void **state)
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    script_send(&h.s, 14600);
    script_drain(&h.s);
    attack_note(&h);
    script_give(&h.s, TCP_ACK, 1, 14602, 0); /* more than was sent */
    script_expect(&h.s, TCP_ACK, 14601, 1, 0);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_bad_ack), 1);
    uint32_t before = script_info(&h.s).cwnd_bytes;
    for (uint32_t at = 2; at <= 1461; at++) /* one segment acknowledged byte by byte */
        script_give(&h.s, TCP_ACK, 1, at, 0);
    assert_true(script_info(&h.s).cwnd_bytes <= before + 1460);
    for (unsigned i = 0; i < 1000; i++) /* spoofed duplicates: the window of a recovery, not more */
        script_give(&h.s, TCP_ACK, 1, 1461, 0);
    assert_true(script_info(&h.s).in_flight_bytes <= before + 1460 + 14600);
    script_drain(&h.s);
    attack_end(&h);
    attack_print("TC-34", 1 + 1460 + 1000);
}

static void tc_38_time_wait_survives_resets_and_yields_to_newer_syns(void **state)
{
    static const struct {
        uint16_t flags;
        uint32_t seq, payload;
        bool reopens, answered;
    } cases[] = {
        {TCP_RST, 2, 0, false, false},
        {TCP_RST | TCP_ACK, 2, 0, false, false},
        {TCP_RST, 1000, 0, false, false},
        {TCP_ACK, 1, 10, false, true},
        {TCP_ACK, 0x80000000, 10, false, true},
        {TCP_FIN | TCP_ACK, 1, 0, false, true},
        {TCP_SYN, 2, 0, false, true},
        {TCP_SYN, 0, 0, false, true},
        {TCP_SYN, 0x80000002, 0, false, true},
        {TCP_SYN, 3, 0, true, true},
        {TCP_SYN, 0x7fffffff, 0, true, true},
        {TCP_SYN | TCP_ACK, 1000, 0, false, true},
        {TCP_SYN | TCP_FIN, 1000, 0, false, true},
        {TCP_ACK, 2, 0, false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        attack_begin(&h, &profile, NULL);
        script_to_time_wait(&h.s);
        attack_note(&h);
        script_give(&h.s, cases[i].flags, cases[i].seq, 2, cases[i].payload);
        assert_int_equal(script_drain(&h.s), cases[i].answered);
        assert_int_equal(script_occupancy(&h.s).connections, 1 + cases[i].reopens);
        assert_int_equal(attack_risen(&h, ATTACK_COUNTER(time_wait_reused)), cases[i].reopens);
        attack_expect_drops(&h, ATTACK_COUNTER(drop_time_wait), !cases[i].reopens);
        attack_end(&h);
    }
    attack_print("TC-38", ARRAY_SIZE(cases));
}

static void tc_38_with_timestamps_the_newer_timestamp_decides(void **state) /* RFC 6191 section 2 */
{
    static const int32_t later[] = {-1000, -1, 0, 1, 1000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
        attack_begin(&h, &profile, NULL);
        h.s.peer_options =
            (struct wire_tcp_options){.present = TCP_OPT_MSS | TCP_OPT_TIMESTAMPS, .mss = 1460, .ts_val = 5000};
        script_to_time_wait(&h.s);
        h.s.peer_options.ts_val = (uint32_t)(5000 + later[i]);
        script_give(&h.s, TCP_SYN, 0u - 5000, 0, 0); /* an older sequence number does not matter then */
        assert_int_equal(script_drain(&h.s), 1);
        assert_int_equal(script_occupancy(&h.s).connections, later[i] > 0 ? 2 : 1);
        attack_end(&h);
    }
    attack_print("TC-38 (RFC 6191)", ARRAY_SIZE(later));
}

static void tc_39_a_rebooted_peer_is_found_out(void **state) /* RFC 9293 3.5.1, figures 9 to 11 */
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    script_give(&h.s, TCP_SYN, 400000, 0, 0); /* it knows nothing any more */
    script_expect(&h.s, TCP_ACK, 1, 1, 0);
    script_give_window(&h.s, TCP_RST, 1, 0, 0, 0); /* and resets what our challenge names */
    assert_true(h.s.closed);
    assert_int_equal(h.s.reason, TCP_CLOSE_RESET);
    script_give(&h.s, TCP_SYN, 400000, 0, 0);
    const struct wire_segment *w = tcp_end_take(&h.s.end);
    assert_non_null(w);
    assert_int_equal(w->h.flags, TCP_SYN | TCP_ACK);
    attack_end(&h);
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    script_send(&h.s, 10); /* we speak first */
    script_expect(&h.s, TCP_ACK, 1, 1, 10);
    script_give_window(&h.s, TCP_RST, 1, 0, 0, 0);
    assert_int_equal(h.s.reason, TCP_CLOSE_RESET);
    attack_end(&h);
    attack_print("TC-39", 2);
}

static void tc_40_simultaneous_open_and_close_get_there_whatever_is_lost(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (unsigned lost = 0; lost < 4; lost++, cases++) { /* which of the peer's segments is lost the first time */
        attack_begin(&h, &profile, NULL);
        script_to_syn_sent(&h.s);
        if (lost != 0)
            script_give(&h.s, TCP_SYN, 0, 0, 0);
        script_pass(&h.s, 1200 * NS_PER_MS);
        script_drain(&h.s);
        if (lost != 1) /* our SYN-ACK came, and the peer's */
            script_give(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
        script_pass(&h.s, 3 * NS_PER_S);
        script_give(&h.s, lost == 2 ? TCP_SYN | TCP_ACK : TCP_ACK, lost == 2 ? 0 : 1, 1, 0);
        if (lost == 1)
            script_give(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
        assert_int_equal(script_state(&h.s), TCP_ESTABLISHED);
        script_drain(&h.s);
        tcp_close(h.s.end.layer, script_connection(&h.s), h.s.now);
        script_expect(&h.s, TCP_FIN | TCP_ACK, 1, 1, 0);
        if (lost != 2)
            script_give(&h.s, TCP_FIN | TCP_ACK, 1, 1, 0); /* crosses ours */
        script_pass(&h.s, 2 * NS_PER_S);
        script_drain(&h.s);
        if (lost != 3)
            script_give(&h.s, TCP_FIN | TCP_ACK, 1, 1, 0);
        script_give(&h.s, TCP_ACK, 2, 2, 0);
        assert_true(h.s.closed);
        assert_int_equal(h.s.reason, TCP_CLOSE_NORMAL);
        script_drain(&h.s);
        attack_end(&h);
    }
    attack_print("TC-40", cases);
}

static void tc_41_a_split_handshake_ends_established_as_a_simultaneous_open(void **state)
{
    (void)state;
    for (unsigned ways = 4; ways <= 5; ways++) {
        attack_begin(&h, &profile, NULL);
        script_to_syn_sent(&h.s);
        if (ways == 5)
            script_give(&h.s, TCP_ACK, 0, 1, 0); /* an ACK alone: 3.10.7.3 drops it */
        script_expect_nothing(&h.s);
        script_give(&h.s, TCP_SYN, 0, 0, 0); /* the server's SYN in a segment of its own */
        script_expect(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
        script_give(&h.s, TCP_ACK, 1, 1, 0);
        assert_int_equal(script_state(&h.s), TCP_ESTABLISHED);
        attack_expect_drops(&h, ATTACK_COUNTER(drop_bad_flags), ways == 5);
        attack_end(&h);
    }
    attack_print("TC-41", 2);
}

static void tc_42_strange_syn_acks_do_no_harm(void **state)
{
    static const uint32_t wrong[] = {0, 2, 0x7fffffff, 0x80000001};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) { /* a wrong acknowledgement */
        attack_begin(&h, &profile, NULL);
        script_to_syn_sent(&h.s);
        script_give(&h.s, TCP_SYN | TCP_ACK, 0, wrong[i], 0);
        const struct wire_segment *w = tcp_end_take(&h.s.end);
        assert_non_null(w);
        assert_int_equal(w->h.flags, TCP_RST);
        assert_int_equal(seq_len(h.s.our_isn, w->h.seq), wrong[i]);
        assert_int_equal(script_state(&h.s), TCP_SYN_SENT);
        attack_expect_drops(&h, ATTACK_COUNTER(drop_bad_ack), 1);
        attack_end(&h);
    }
    attack_begin(&h, &profile, NULL); /* with data; then a second with another ISN */
    script_to_syn_sent(&h.s);
    script_give(&h.s, TCP_SYN | TCP_ACK, 0, 1, 100);
    assert_int_equal(h.s.received, 100);
    script_drain(&h.s);
    attack_note(&h);
    script_give(&h.s, TCP_SYN | TCP_ACK, 99999, 1, 0);
    script_expect(&h.s, TCP_ACK, 1, 101, 0);
    assert_int_equal(script_state(&h.s), TCP_ESTABLISHED);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_out_of_window), 1);
    attack_end(&h);
    attack_begin(&h, &profile, NULL); /* from a port that nobody asked */
    script_to_syn_sent(&h.s);
    uint16_t port = h.s.our_port;
    h.s.our_port = (uint16_t)(port + 1);
    script_give(&h.s, TCP_SYN | TCP_ACK, 0, 1, 0);
    assert_int_equal(script_drain(&h.s), 1);
    assert_int_equal(script_state(&h.s), TCP_SYN_SENT);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_no_connection), 1);
    attack_end(&h);
    attack_print("TC-42", ARRAY_SIZE(wrong) + 3);
}

static void tc_43_fins_out_of_place_and_data_behind_them(void **state)
{
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    attack_note(&h);
    script_give(&h.s, TCP_FIN | TCP_ACK, 70000, 1, 10); /* beyond the window */
    script_expect(&h.s, TCP_ACK, 1, 1, 0);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_out_of_window), 1);
    script_give(&h.s, TCP_FIN | TCP_ACK, 1, 1, 10);
    assert_true(h.s.fin);
    assert_int_equal(h.s.received, 10);
    script_drain(&h.s);
    attack_note(&h);
    script_give(&h.s, TCP_FIN | TCP_ACK, 1, 1, 10); /* again */
    script_expect(&h.s, TCP_ACK, 1, 12, 0);
    assert_int_equal(attack_risen(&h, ATTACK_COUNTER(duplicate_segments)), 1);
    script_give(&h.s, TCP_ACK, 12, 1, 10); /* data behind it */
    assert_int_equal(h.s.received, 10);
    attack_expect_drops(&h, ATTACK_COUNTER(drop_after_close), 1);
    script_drain(&h.s);
    attack_end(&h);
    attack_print("TC-43", 4);
}

static void tc_44_keep_alive_probes_are_answered_twice_a_second(void **state)
{
    unsigned sent = 0;
    (void)state;
    attack_begin(&h, &profile, NULL);
    script_to_established(&h.s);
    for (unsigned i = 0; i < 100000; i++) { /* 100,000 a second */
        script_give(&h.s, TCP_ACK, 0, 1, i % 2);
        sent += script_drain(&h.s);
        if (i % 100 == 0)
            script_pass(&h.s, NS_PER_MS);
    }
    assert_in_range(sent, 1, 3);
    attack_end(&h);
    attack_print("TC-44", 100000);
}

#define CASE(f) cmocka_unit_test_setup(f, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tc_19_only_the_exact_rst_resets),
        CASE(tc_20_a_blind_syn_is_challenged_and_changes_nothing),
        CASE(tc_21_data_with_an_impossible_acknowledgement_is_dropped),
        CASE(tc_22_challenges_of_one_connection_say_nothing_of_another),
        CASE(tc_23_two_ends_that_challenge_each_other_fall_silent),
        CASE(tc_25_a_syn_never_completed_gets_six_answers_and_no_more),
        CASE(tc_26_ten_million_random_acks_find_no_cookie),
        CASE(tc_30_a_window_that_opens_byte_by_byte_gets_no_tinygrams),
        CASE(tc_32_the_bytes_that_came_first_are_kept_in_all_13_relations),
        CASE(tc_32_five_segments_in_all_120_orders),
        CASE(tc_33_data_beyond_the_window_is_cut_or_dropped),
        CASE(tc_34_optimistic_and_split_acks_gain_nothing),
        CASE(tc_38_time_wait_survives_resets_and_yields_to_newer_syns),
        CASE(tc_38_with_timestamps_the_newer_timestamp_decides),
        CASE(tc_39_a_rebooted_peer_is_found_out),
        CASE(tc_40_simultaneous_open_and_close_get_there_whatever_is_lost),
        CASE(tc_41_a_split_handshake_ends_established_as_a_simultaneous_open),
        CASE(tc_42_strange_syn_acks_do_no_harm),
        CASE(tc_43_fins_out_of_place_and_data_behind_them),
        CASE(tc_44_keep_alive_probes_are_answered_twice_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
