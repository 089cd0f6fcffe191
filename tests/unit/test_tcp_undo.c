/* SPDX-License-Identifier: MIT */
/*
 * Reductions that were made for no loss and are taken back: by D-SACK (RFC 3708), by timestamps (RFC 3522), by F-RTO
 * (RFC 5682); and proportional rate reduction (RFC 9937), against its pseudo code. Ten segments are in flight, the
 * round-trip time is 40 ms; S(n) is where segment n begins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp/prr.h"
#include "tcp_script.h"

#define MS NS_PER_MS
#define RTT (40 * MS)

static int defaults(void **state)
{
    script_newreno(state);
    profile.tlp = false;
    return 0;
}

static void begin(struct script *s, uint16_t options)
{
    script_begin(s, &profile);
    s->peer_options.present |= options;
    s->peer_options.ts_val = 1000;
    script_to_established_after(s, RTT);
    script_send(s, 10 * MSS);
}

static void a_dsack_of_all_that_was_sent_again_brings_the_window_back(void **state)
{
    struct script s;
    (void)state;
    for (unsigned late = 0; late < 2; late++) { /* while the recovery lasts, and after it */
        begin(&s, TCP_OPT_SACK_PERMITTED);
        assert_int_equal(script_drain(&s), 10);
        script_pass(&s, RTT);
        script_sack(&s, 1, S(1), S(4));
        script_expect(&s, TCP_ACK, S(0), 1, MSS);
        assert_true(script_info(&s).recovering);
        assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
        script_send(&s, 1); /* what rests forgets */
        script_drain(&s);
        script_give(&s, TCP_ACK, 1, late ? S(10) : S(4), 0); /* the first was only late */
        assert_int_equal(script_info(&s).recovering, !late);
        script_sack(&s, late ? S(10) : S(4), S(0), S(1));
        assert_false(script_info(&s).recovering);
        assert_true(script_info(&s).cwnd_bytes >= 10 * MSS);
        assert_true(script_info(&s).ssthresh_bytes > 1000000);
        assert_int_equal(script_counters(&s)->spurious_recoveries, 1);
        assert_int_equal(script_counters(&s)->spurious_rto, 0);
        script_end(&s);
    }
}

static void a_dsack_of_a_part_brings_nothing_back(void **state)
{
    struct script s;
    (void)state;
    begin(&s, TCP_OPT_SACK_PERMITTED);
    script_drain(&s);
    script_pass(&s, RTT);
    script_sack(&s, 1, S(2), S(10)); /* two are lost */
    script_drain(&s);
    script_give(&s, TCP_ACK, 1, S(10), 0);
    assert_int_equal(script_counters(&s)->retransmitted_segments, 2);
    script_sack(&s, S(10), S(0), S(1)); /* one of them came twice */
    assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
    assert_int_equal(script_counters(&s)->spurious_recoveries, 0);
    script_end(&s);
}

static void an_echo_older_than_the_retransmission_brings_the_window_back(void **state) /* RFC 3522 */
{
    struct script s;
    (void)state;
    for (unsigned real = 0; real < 2; real++) {
        begin(&s, TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS);
        uint32_t first = script_expect(&s, TCP_ACK, S(0), 1, MSS - 12)->o.ts_val, segment = MSS - 12;
        script_drain(&s);
        script_pass(&s, RTT);
        s.peer_options.ts_ecr = first;
        script_sack(&s, 1, 1 + segment, 1 + 4 * segment);
        uint32_t again = script_expect(&s, TCP_ACK, S(0), 1, segment)->o.ts_val;
        assert_true(again - first >= 40);
        s.peer_options.ts_ecr = real ? again : first;
        script_give(&s, TCP_ACK, 1, 1 + 4 * segment, 0);
        assert_int_equal(script_info(&s).recovering, real);
        assert_int_equal(script_counters(&s)->spurious_recoveries, !real);
        assert_int_equal(script_info(&s).ssthresh_bytes < 1000000, real);
        script_end(&s);
    }
}

/*
 * Segment 10 was lost and sent again while a recovery lasted, of which it was no part; the next begins before it is
 * acknowledged.
 */
static void the_echo_of_what_the_recovery_before_sent_again_brings_nothing_back(void **state)
{
    const uint32_t segment = MSS - 12;
#define P(n) (1u + (n)*segment)
    struct script s;
    (void)state;
    begin(&s, TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS);
    script_send(&s, 90 * MSS);
    assert_int_equal(script_drain(&s), 10);
    script_pass(&s, RTT);
    script_sack(&s, P(0), P(1), P(10));
    script_expect(&s, TCP_ACK, P(0), 1, segment);
    for (uint32_t n = 10; n < 14; n++)
        script_expect(&s, TCP_ACK, P(n), 1, segment);
    script_pass(&s, RTT);
    const uint32_t blocks[] = {P(11), P(12), P(1), P(10)}, more[] = {P(13), P(14), P(11), P(12)};
    script_give_sack(&s, 1, P(0), 2, blocks);
    script_expect(&s, TCP_ACK, P(0), 1, segment); /* RACK: what was sent again is lost too */
    uint32_t again = script_expect(&s, TCP_ACK, P(10), 1, segment)->o.ts_val;
    script_drain(&s);
    script_pass(&s, RTT + MS);     /* the clock stands still while much is sent */
    s.peer_options.ts_ecr = again; /* of both: they went at the same time */
    script_sack(&s, P(10), P(11), P(12));
    assert_false(script_info(&s).recovering);
    script_drain(&s);
    script_pass(&s, 10 * MS);
    script_give_sack(&s, 1, P(10), 2, more);
    script_drain(&s);
    script_wait(&s); /* as long as reordering may take */
    assert_int_equal(script_counters(&s)->fast_retransmits, 2);
    assert_true(script_expect(&s, TCP_ACK, P(12), 1, segment)->o.ts_val - again >= 50);
    script_sack(&s, P(12), P(13), P(14)); /* the second of segment 10 arrived */
    assert_true(script_info(&s).recovering);
    assert_int_equal(script_counters(&s)->spurious_recoveries, 0);
    script_end(&s);
#undef P
}

static void after_a_timeout(struct script *s, uint16_t options)
{
    begin(s, options);
    script_drain(s);
    script_send(s, 6 * MSS);
    script_wait(s);
    script_expect(s, TCP_ACK, S(0), 1, MSS);
    script_expect_nothing(s);
    assert_int_equal(script_info(s).cwnd_bytes, MSS);
}

static void a_spurious_timeout_sends_new_data_and_is_taken_back(void **state) /* RFC 5682 2.1 and 3.1 */
{
    struct script s;
    (void)state;
    for (unsigned with_sack = 0; with_sack < 2; with_sack++) {
        after_a_timeout(&s, with_sack ? TCP_OPT_SACK_PERMITTED : 0);
        script_give(&s, TCP_ACK, 1, S(1), 0);      /* for the original or for the second: nobody knows */
        script_expect(&s, TCP_ACK, S(10), 1, MSS); /* 2 (b) */
        script_expect(&s, TCP_ACK, S(11), 1, MSS);
        script_expect_nothing(&s);
        script_give(&s, TCP_ACK, 1, S(2), 0); /* was sent once: 3 (b) */
        assert_int_equal(script_counters(&s)->spurious_rto, 1);
        assert_int_equal(script_counters(&s)->spurious_recoveries, 0);
        assert_true(script_info(&s).cwnd_bytes >= 10 * MSS);
        assert_true(script_info(&s).ssthresh_bytes > 1000000);
        script_drain(&s);
        assert_int_equal(script_counters(&s)->retransmitted_segments, 1);
        script_end(&s);
    }
}

static void a_real_timeout_goes_on_after_a_duplicate_ack(void **state) /* 3 (a) */
{
    struct script s;
    (void)state;
    for (unsigned with_sack = 0; with_sack < 2; with_sack++) {
        after_a_timeout(&s, with_sack ? TCP_OPT_SACK_PERMITTED : 0);
        script_give(&s, TCP_ACK, 1, S(1), 0);
        assert_int_equal(script_drain(&s), 2);
        if (with_sack)
            script_sack(&s, S(1), S(10), S(11));
        else
            script_give(&s, TCP_ACK, 1, S(1), 0);
        if (with_sack)
            script_expect(&s, TCP_ACK, S(1), 1, MSS);
        script_give(&s, TCP_ACK, 1, S(2), 0);
        script_drain(&s);
        assert_int_equal(script_counters(&s)->spurious_rto, 0);
        assert_true(script_counters(&s)->retransmitted_segments >= 2);
        assert_int_equal(script_info(&s).ssthresh_bytes, 5 * MSS);
        script_end(&s);
    }
}

static void without_f_rto_the_lost_goes_first(void **state)
{
    struct script s;
    (void)state;
    profile.f_rto = false;
    after_a_timeout(&s, TCP_OPT_SACK_PERMITTED);
    script_give(&s, TCP_ACK, 1, S(1), 0);
    script_expect(&s, TCP_ACK, S(1), 1, MSS);
    script_expect(&s, TCP_ACK, S(2), 1, MSS);
    script_end(&s);
}

/* ---- PRR by itself ---- */

struct prr_model {
    uint64_t delivered, out, flight;
};

/* RFC 9937 section 6, in bytes. */
static uint32_t model_send(struct prr_model *m, uint32_t in_flight, uint32_t ssthresh, uint32_t delivered, bool safe)
{
    uint64_t send;
    m->delivered += delivered;
    if (in_flight > ssthresh) {
        uint64_t due = (m->delivered * ssthresh + m->flight - 1) / m->flight;
        send = due > m->out ? due - m->out : 0;
    } else {
        uint64_t more = m->delivered > m->out ? m->delivered - m->out : 0;
        send = (more > delivered ? more : delivered) + (safe ? MSS : 0);
        send = send < ssthresh - in_flight ? send : ssthresh - in_flight;
    }
    if (m->out == 0 && send < MSS)
        send = MSS;
    return (uint32_t)send;
}

static void rate_reduction_follows_the_rfc_in_every_step(void **state)
{
    uint64_t seed = 1;
    unsigned steps = 0;
    (void)state;
    for (unsigned run = 0; run < 2000; run++) {
        struct tcp c = {.snd_mss = MSS, .snd_una = seq_of(0xffffff00u)};
        struct tcp_work w = {0};
        uint32_t flight = (2 + run % 100) * MSS, left = flight;
        c.snd_nxt = seq_add(c.snd_una, flight);
        c.ssthresh = max_u32(flight / (1 + run % 3), 2 * MSS);
        prr_begin(&c, &w, 0);
        struct prr_model m = {.flight = flight};
        while (left > 0) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            uint32_t n = min_u32(left, (uint32_t)(seed >> 40) % (3 * MSS) + 1);
            bool safe = (seed >> 33) & 1;
            left -= n;
            w.sacked += n;
            uint32_t in_flight = sent_in_flight(&c, &w);
            uint32_t send = model_send(&m, in_flight, c.ssthresh, n, safe);
            prr_acked(&c, &w, n, safe);
            assert_int_equal(c.cwnd, max_u32(in_flight + send, MSS));
            uint32_t sent = c.cwnd > in_flight ? (c.cwnd - in_flight) / MSS * MSS : 0;
            w.prr_out += sent;
            m.out += sent;
            c.snd_nxt = seq_add(c.snd_nxt, sent);
            steps++;
        }
        assert_true(sent_in_flight(&c, &w) <= c.ssthresh + MSS);
    }
    print_message("%u steps\n", steps);
}

#define T(name) cmocka_unit_test_setup(name, defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_dsack_of_all_that_was_sent_again_brings_the_window_back),
        T(a_dsack_of_a_part_brings_nothing_back),
        T(an_echo_older_than_the_retransmission_brings_the_window_back),
        T(the_echo_of_what_the_recovery_before_sent_again_brings_nothing_back),
        T(a_spurious_timeout_sends_new_data_and_is_taken_back),
        T(a_real_timeout_goes_on_after_a_duplicate_ack),
        T(without_f_rto_the_lost_goes_first),
        T(rate_reduction_follows_the_rfc_in_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
