/* SPDX-License-Identifier: MIT */
/*
 * IPv4 reassembly: every order of up to six fragments, random ones against a simple model (an array of bytes and a list
 * of what came), the policy for overlaps, ECN, time, and the bounds of memory. RFC 791, RFC 1122 3.3.2, RFC 3168 5.3.
 */
#include "unit/stack_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "stack/stack_internal.h"

#define PORT 7000
#define MOST 65507u

/* ---- a receiver ---- */

struct sink {
    unsigned received;
    uint32_t length;
    uint8_t bytes[65536];
};

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct sink *k = context;
    k->received++;
    k->length = d->length;
    memcpy(k->bytes, d->bytes, d->length);
}

static struct sink *sink_new(struct rig *r)
{
    struct sink *k = calloc(1, sizeof *k);
    assert_non_null(k);
    assert_int_equal(udp_bind(r->stack, r->us, PORT, on_datagram, NULL, k), 0);
    return k;
}

/* A whole UDP datagram from PEER with payload 0, 1, 2, …; its length with the header. */
static uint32_t datagram(uint8_t *to, uint32_t payload, uint8_t salt)
{
    struct wire_udp h = {.src_port = 1234, .dst_port = PORT, .length = (uint16_t)(8 + payload)};
    wire_udp_build(to, &h);
    for (uint32_t i = 0; i < payload; i++)
        to[8 + i] = (uint8_t)(i * 7 + (i >> 8) + salt);
    uint16_t sum = wire_l4_checksum_v4(PEER, US, IP_PROTO_UDP, to, 8 + payload);
    memcpy(to + 6, &sum, sizeof sum);
    return 8 + payload;
}

static void send_piece(struct rig *r, uint16_t id, const uint8_t *whole, uint32_t from, uint32_t to, bool more)
{
    uint8_t f[FRAME_MAKE_BYTES];
    rig_input(r, f, make_fragment(f, PEER, id, IP_PROTO_UDP, from, more, whole + from, to - from));
}

static void expect_whole(const struct sink *k, unsigned received, const uint8_t *whole, uint32_t length)
{
    assert_int_equal(k->received, received);
    assert_int_equal(k->length, length - 8);
    assert_memory_equal(k->bytes, whole + 8, length - 8);
}

static void expect_nothing_held(const struct rig *r)
{
    const struct reassembly_set *set = &r->stack->fragments;
    assert_int_equal(set->bytes, 0);
    assert_int_equal(set->datagrams.used, 0);
    assert_int_equal(set->sources.used, 0);
    assert_int_equal(set->blocks.used, 0);
    assert_int_equal(set->table.used, 0);
    assert_int_equal(set->source_table.used, 0);
    assert_int_equal(reassembly_deadline(set), TIME_NEVER);
}

/* ---- orders ---- */

static bool next_permutation(unsigned *p, unsigned n)
{
    unsigned i = n - 1;
    while (i > 0 && p[i - 1] > p[i])
        i--;
    if (i == 0)
        return false;
    unsigned j = n - 1;
    while (p[j] < p[i - 1])
        j--;
    unsigned swap = p[i - 1];
    p[i - 1] = p[j];
    p[j] = swap;
    for (unsigned a = i, b = n - 1; a < b; a++, b--) {
        swap = p[a];
        p[a] = p[b];
        p[b] = swap;
    }
    return true;
}

static void test_every_order_of_up_to_six_fragments(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    uint8_t whole[8192];
    unsigned cases = 0;
    for (unsigned n = 2; n <= 6; n++) {
        unsigned order[6] = {0, 1, 2, 3, 4, 5};
        do {
            uint32_t step = cases % 2 ? 1000 : 8, length = datagram(whole, step * n - 8 - 3, (uint8_t)cases);
            for (unsigned i = 0; i < n; i++) {
                assert_int_equal(k->received, cases);
                uint32_t from = order[i] * step, to = min_u32(from + step, length);
                send_piece(r, (uint16_t)cases, whole, from, to, to < length);
            }
            cases++;
            expect_whole(k, cases, whole, length);
        } while (next_permutation(order, n));
    }
    print_message("%u orders\n", cases);
    assert_int_equal(cases, 2 + 6 + 24 + 120 + 720);
    assert_int_equal(rig_counters(r)->ipv4_reassembled, cases);
    expect_nothing_held(r);
    rig_free(r);
    free(k);
}

static void test_the_largest_datagram_arrives_and_one_byte_more_does_not(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    static uint8_t whole[65536];
    uint32_t length = datagram(whole, MOST, 5);
    for (unsigned pass = 0; pass < 2; pass++) /* forwards, backwards */
        for (uint32_t i = 0; i * 1480 < length; i++) {
            uint32_t at = pass ? (length - 1) / 1480 - i : i;
            uint32_t to = min_u32(at * 1480 + 1480, length);
            send_piece(r, (uint16_t)pass, whole, at * 1480, to, to < length);
        }
    expect_whole(k, 2, whole, length);
    for (uint32_t from = 0; from <= length; from += 1480) {
        uint32_t to = min_u32(from + 1480, length + 1);
        send_piece(r, 9, whole, from, to, to <= length);
    }
    assert_int_equal(k->received, 2);
    assert_int_equal(rig_counters(r)->frag_too_long, 1);
    rig_pass(r, 61 * NS_PER_S);
    expect_nothing_held(r);
    rig_free(r);
    free(k);
}

/* Options of the first fragment count too: 65,515 bytes behind a header of 24. */
static void test_a_datagram_that_only_its_options_make_too_long(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    static uint8_t whole[65536];
    uint32_t length = datagram(whole, MOST, 5);
    uint8_t f[FRAME_MAKE_BYTES];
    for (uint32_t from = 0; from < length; from += 1440) {
        uint32_t to = min_u32(from + 1440, length);
        uint32_t n = make_fragment(f, PEER, 3, IP_PROTO_UDP, from, to < length, whole + from, to - from);
        if (from == 0) {
            memmove(f + 38, f + 34, 1440);
            memset(f + 34, 1, 4); /* no operation */
            f[14] = 0x46;
            store_be16(f + 16, 1464);
            n += 4;
            fix_ip_checksum(f);
        }
        rig_input(r, f, n);
    }
    assert_int_equal(k->received, 0);
    assert_int_equal(rig_counters(r)->frag_too_long, 1);
    expect_nothing_held(r);
    rig_free(r);
    free(k);
}

/* ---- against a model ---- */

#define MODEL_UNITS 24u
struct model {
    bool alive;
    unsigned pieces;
    uint32_t from[64], to[64];
    bool last[64];
};

enum model_result { MODEL_HELD, MODEL_IGNORED, MODEL_DEAD, MODEL_WHOLE };

/* The policy in the plainest words: compare with every piece that came before. */
static enum model_result model_take(struct model *m, uint32_t from, uint32_t to, bool last)
{
    uint32_t end = 0, have = 0, total = 0;
    if (!m->alive)
        *m = (struct model){.alive = true};
    for (unsigned i = 0; i < m->pieces; i++) {
        end = max_u32(end, m->to[i]);
        total = m->last[i] ? m->to[i] : total;
        have += m->to[i] - m->from[i];
    }
    bool contradicts = total ? to > total || (last && to != total) : last && to < end;
    for (unsigned i = 0; i < m->pieces && !contradicts; i++) {
        if (from == m->from[i] && to == m->to[i] && last == m->last[i])
            return MODEL_IGNORED;
        contradicts = from < m->to[i] && m->from[i] < to;
    }
    if (contradicts) {
        m->alive = false;
        return MODEL_DEAD;
    }
    m->from[m->pieces] = from;
    m->to[m->pieces] = to;
    m->last[m->pieces++] = last;
    total = last ? to : total;
    if (total == 0 || have + to - from != total)
        return MODEL_HELD;
    m->alive = false;
    return MODEL_WHOLE;
}

static void test_random_fragments_do_what_a_simple_model_does(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    struct random random;
    random_seed(&random, 4711);
    static uint8_t whole[MODEL_UNITS * 8];
    struct model m = {0};
    unsigned results[4] = {0};
    r->stack->settings.fragment_max_distance = 0;
    for (unsigned n = 0; n < 200000; n++) {
        uint32_t from = (uint32_t)random_below(&random, 6), to = from + 1 + (uint32_t)random_below(&random, 6 - from);
        bool last = to == 6 && random_below(&random, 4) != 0;
        datagram(whole, 6 * 8 - 8, (uint8_t)n);
        if (random_below(&random, 50) == 0)
            last = !last;
        if (from == 0 && last)
            continue; /* no fragment */
        uint64_t dead = rig_counters(r)->frag_overlap + rig_counters(r)->frag_bad_end;
        uint64_t ignored = rig_counters(r)->frag_duplicate, whole_before = rig_counters(r)->ipv4_reassembled;
        uint8_t f[FRAME_MAKE_BYTES];
        rig_input(r, f, make_fragment(f, PEER, 77, IP_PROTO_UDP, from * 8, !last, whole + from * 8, (to - from) * 8));
        enum model_result expected = model_take(&m, from, to, last);
        results[expected]++;
        assert_int_equal(rig_counters(r)->frag_overlap + rig_counters(r)->frag_bad_end - dead, expected == MODEL_DEAD);
        assert_int_equal(rig_counters(r)->frag_duplicate - ignored, expected == MODEL_IGNORED);
        assert_int_equal(rig_counters(r)->ipv4_reassembled - whole_before, expected == MODEL_WHOLE);
        if (n % 1000 == 999) { /* what is held goes by age */
            rig_pass(r, 61 * NS_PER_S);
            rig_forget_frames(r);
            m.alive = false;
            expect_nothing_held(r);
        }
    }
    print_message("held %u, ignored %u, dead %u, whole %u\n", results[0], results[1], results[2], results[3]);
    for (unsigned i = 0; i < 4; i++)
        assert_true(results[i] > 100);
    rig_free(r);
    free(k);
}

/* Many datagrams at once, each cut at random places and mixed with the others: all arrive, byte for byte. */
static void test_interleaved_datagrams_keep_apart(void **state)
{
    (void)state;
    enum { DATAGRAMS = 20, PIECES = 12 };
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    struct random random;
    random_seed(&random, 99);
    r->stack->settings.fragment_max_distance = 0;
    for (unsigned round = 0; round < 50; round++) {
        static uint8_t whole[DATAGRAMS][PIECES * 1480];
        uint32_t length[DATAGRAMS], step[DATAGRAMS];
        struct {
            uint16_t id, piece;
        } todo[DATAGRAMS * PIECES], swap;
        unsigned n = 0, received = k->received;
        for (uint16_t id = 0; id < DATAGRAMS; id++) {
            step[id] = 8 + 8 * (uint32_t)random_below(&random, 184);
            length[id] = datagram(whole[id], 1 + (uint32_t)random_below(&random, PIECES * step[id] - 8), (uint8_t)id);
            for (uint16_t i = 0; i * step[id] < length[id]; i++, n++) {
                todo[n].id = id;
                todo[n].piece = i;
            }
        }
        for (unsigned i = n - 1; i > 0; i--) {
            unsigned j = (unsigned)random_below(&random, i + 1);
            swap = todo[i];
            todo[i] = todo[j];
            todo[j] = swap;
        }
        for (unsigned i = 0; i < n; i++) {
            uint16_t id = todo[i].id;
            uint32_t from = todo[i].piece * step[id], to = min_u32(from + step[id], length[id]);
            unsigned before = k->received;
            send_piece(r, id, whole[id], from, to, to < length[id]);
            if (k->received != before)
                expect_whole(k, before + 1, whole[id], length[id]);
        }
        assert_int_equal(k->received, received + DATAGRAMS);
        expect_nothing_held(r);
    }
    rig_free(r);
    free(k);
}

/* ---- what else a datagram is ---- */

/* RFC 3168 5.3; Linux decides alike. */
static void test_the_ecn_field_of_the_whole(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    uint8_t whole[64], f[256];
    uint32_t length = datagram(whole, 40, 1);
    unsigned delivered = 0, refused = 0;
    for (unsigned first = 0; first < 4; first++)
        for (unsigned second = 0; second < 4; second++)
            for (unsigned third = 0; third < 4; third++) {
                const unsigned tos[3] = {first, second, third};
                for (unsigned i = 0; i < 3; i++) {
                    uint32_t n = make_fragment(f, PEER, 1, IP_PROTO_UDP, 16 * i, i < 2, whole + 16 * i, 16);
                    f[15] = (uint8_t)(0xb8 | tos[i]);
                    fix_ip_checksum(f);
                    rig_input(r, f, n);
                }
                bool plain = !first || !second || !third, capable = first || second || third;
                if (plain && capable)
                    refused++;
                else
                    delivered++;
                assert_int_equal(k->received, delivered);
                assert_int_equal(rig_counters(r)->frag_bad_ecn, refused);
            }
    assert_int_equal(length, 48);
    print_message("%u combinations delivered, %u refused\n", delivered, refused);
    expect_nothing_held(r);
    rig_free(r);
    free(k);
}

static void test_a_fragmented_segment_is_one_segment(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[FRAME_MAKE_BYTES], segment[FRAME_MAKE_BYTES], data[200] = {0};
    uint32_t n = make_tcp(segment, PEER, 5000, US, 80, TCP_SYN, 0xffffff00, 0, data, 200);
    uint32_t length = n - 34;
    rig_input(r, f, make_fragment(f, PEER, 1, IP_PROTO_TCP, 104, false, segment + 34 + 104, length - 104));
    expect_nothing(r);
    rig_input(r, f, make_fragment(f, PEER, 1, IP_PROTO_TCP, 0, true, segment + 34, 104));
    struct wire_ipv4 ip;
    const struct rig_frame *reset = expect_ipv4(r, IP_PROTO_TCP, &ip); /* nobody listens: all of it is acknowledged */
    assert_int_equal(load_be32(reset->bytes + 34 + 8), 0xffffff00u + 201u);
    expect_dst_mac(reset, PEER_MAC);
    expect_nothing_held(r);
    rig_free(r);
}

static void test_an_error_about_a_fragmented_datagram_quotes_the_whole(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t whole[64];
    uint32_t length = datagram(whole, 40, 1);
    send_piece(r, 5, whole, 24, length, false);
    send_piece(r, 5, whole, 0, 24, true);
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(f->bytes[34], WIRE_ICMP_UNREACHABLE);
    struct wire_ipv4 quoted;
    assert_int_equal(wire_ipv4_parse(f->bytes + 42, f->length - 42, &quoted), 20);
    assert_int_equal(quoted.total_len, 20 + length);
    assert_false(wire_ipv4_is_fragment(&quoted));
    assert_true(wire_ipv4_checksum_ok(f->bytes + 42, 20));
    assert_memory_equal(f->bytes + 62, whole, length);
    rig_free(r);
}

/* ---- time ---- */

static void test_time_exceeded_is_said_when_the_first_fragment_came(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t whole[64];
    uint32_t length = datagram(whole, 40, 1);
    send_piece(r, 5, whole, 0, 24, true);
    assert_int_equal(stack_next_deadline(r->stack), r->now + 60 * NS_PER_S);
    rig_pass(r, NS_PER_S);
    send_piece(r, 6, whole, 24, length, false);
    rig_pass(r, 59 * NS_PER_S - 1);
    expect_nothing(r);
    rig_pass(r, 1);
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(f->bytes[34], WIRE_ICMP_TIME_EXCEEDED);
    assert_int_equal(f->bytes[35], WIRE_ICMP_REASSEMBLY_EXCEEDED);
    assert_int_equal(load_be16(f->bytes + 42 + 4), 5);
    assert_memory_equal(f->bytes + 62, whole, 24);
    rig_pass(r, NS_PER_S);
    expect_nothing(r); /* the second one's first fragment never came */
    assert_int_equal(rig_counters(r)->frag_timeout, 2);
    expect_nothing_held(r);
    rig_free(r);
}

static void test_nobody_hears_of_a_lost_broadcast(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256], whole[64];
    datagram(whole, 40, 1);
    uint32_t n = make_fragment(f, PEER, 1, IP_PROTO_UDP, 0, true, whole, 24);
    memcpy(f, BROADCAST_MAC, 6);
    store_be32(f + 30, 0xc00002ff);
    fix_ip_checksum(f);
    rig_input(r, f, n);
    rig_pass(r, 61 * NS_PER_S);
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->frag_timeout, 1);
    rig_free(r);
}

static void test_an_old_identification_begins_anew(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    uint8_t whole[64], other[64];
    uint32_t length = datagram(whole, 40, 1);
    datagram(other, 40, 2);
    send_piece(r, 0, other, 0, 24, true);
    for (uint16_t id = 1; id <= 64; id++)
        send_piece(r, id, whole, 0, 24, true);
    send_piece(r, 0, whole, 24, length, false); /* the 65th since: of another datagram */
    assert_int_equal(rig_counters(r)->frag_too_far, 1);
    assert_int_equal(k->received, 0);
    send_piece(r, 0, whole, 0, 24, true);
    expect_whole(k, 1, whole, length);
    rig_free(r);
    free(k);
}

/* ---- bounds ---- */

static void from(uint8_t *f, uint32_t source)
{
    store_be32(f + 26, source);
    fix_ip_checksum(f);
}

static void test_memory_stays_below_the_high_mark_and_the_oldest_go_first(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.fragment_bytes_high = 512u << 10;
    t.fragment_bytes_low = 384u << 10;
    struct rig *r = rig_new_with(&t);
    struct reassembly_set *set = &r->stack->fragments;
    uint8_t f[FRAME_MAKE_BYTES], whole[64];
    datagram(whole, 40, 1);
    uint32_t highest = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t n = make_fragment(f, PEER, (uint16_t)i, IP_PROTO_UDP, 0, true, whole, 24);
        from(f, 0x0a000000u + i);
        rig_input(r, f, n);
        assert_true(set->bytes <= t.fragment_bytes_high);
        highest = max_u32(highest, set->bytes);
    }
    uint64_t evicted = rig_counters(r)->frag_evicted;
    print_message("65536 sources: %u bytes at most, %llu evicted\n", highest, (unsigned long long)evicted);
    assert_int_equal(set->datagrams.used, 65536 - evicted);
    assert_true(set->bytes > t.fragment_bytes_low / 2);
    /* the youngest are there: their second half completes them */
    uint64_t whole_before = rig_counters(r)->ipv4_reassembled;
    for (uint32_t i = 65536 - 16; i < 65536; i++) {
        uint32_t n = make_fragment(f, PEER, (uint16_t)i, IP_PROTO_UDP, 24, false, whole + 24, 24);
        from(f, 0x0a000000u + i);
        rig_input(r, f, n);
    }
    assert_int_equal(rig_counters(r)->ipv4_reassembled - whole_before, 16);
    rig_pass(r, 61 * NS_PER_S);
    rig_pass(r, 0);
    for (unsigned i = 0; i < 64; i++)
        rig_pass(r, 0);
    expect_nothing_held(r);
    rig_free(r);
}

static void test_one_source_cannot_push_out_another(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct sink *k = sink_new(r);
    uint8_t f[FRAME_MAKE_BYTES], whole[64];
    uint32_t length = datagram(whole, 40, 1);
    send_piece(r, 1, whole, 0, 24, true);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t n = make_fragment(f, OTHER, (uint16_t)i, IP_PROTO_UDP, 0, true, whole, 24);
        rig_input(r, f, n);
        assert_true(r->stack->fragments.bytes <= (1u << 20) + 8192);
    }
    assert_true(rig_counters(r)->frag_source_limit > 10000);
    assert_int_equal(rig_counters(r)->frag_evicted, 0);
    send_piece(r, 1, whole, 24, length, false);
    expect_whole(k, 1, whole, length);
    rig_free(r);
    free(k);
}

static void test_settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct stack_settings good, t;
    struct stack *s = NULL;
    stack_settings_default(&good);
    for (unsigned i = 0; i < 5; i++) {
        t = good;
        if (i == 0)
            t.fragment_bytes_low = t.fragment_bytes_high + 1;
        else if (i == 1)
            t.fragment_bytes_low = 1000;
        else if (i == 2)
            t.fragment_source_bytes = 1000;
        else if (i == 3)
            t.fragment_timeout_ns = 0;
        else
            t.fragment_bytes_high = UINT32_MAX;
        assert_int_equal(stack_new(&t, NULL, 0, &s), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_of_up_to_six_fragments),
        cmocka_unit_test(test_the_largest_datagram_arrives_and_one_byte_more_does_not),
        cmocka_unit_test(test_a_datagram_that_only_its_options_make_too_long),
        cmocka_unit_test(test_random_fragments_do_what_a_simple_model_does),
        cmocka_unit_test(test_interleaved_datagrams_keep_apart),
        cmocka_unit_test(test_the_ecn_field_of_the_whole),
        cmocka_unit_test(test_a_fragmented_segment_is_one_segment),
        cmocka_unit_test(test_an_error_about_a_fragmented_datagram_quotes_the_whole),
        cmocka_unit_test(test_time_exceeded_is_said_when_the_first_fragment_came),
        cmocka_unit_test(test_nobody_hears_of_a_lost_broadcast),
        cmocka_unit_test(test_an_old_identification_begins_anew),
        cmocka_unit_test(test_memory_stays_below_the_high_mark_and_the_oldest_go_first),
        cmocka_unit_test(test_one_source_cannot_push_out_another),
        cmocka_unit_test(test_settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
