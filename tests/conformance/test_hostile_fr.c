/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows FR-01 to FR-16 for IPv4: fragments that mean harm. The policy (an overlap kills the datagram, an exact
 * duplicate does not) is Linux's; section 1.10 says what Linux does with each. RFC 791, RFC 1858, RFC 3128, RFC 4963.
 */
#include "support/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "stack/stack_internal.h"

#define PORT 7000

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

static struct sink *listen_on(struct hostile *h)
{
    struct sink *k = calloc(1, sizeof *k);
    assert_non_null(k);
    assert_int_equal(udp_bind(h->stack, h->us, PORT, on_datagram, NULL, k), 0);
    return k;
}

/* A UDP datagram of `length` bytes in all whose checksum is right. */
static void datagram(uint8_t *to, uint32_t length, uint8_t salt)
{
    struct wire_udp u = {.src_port = 1234, .dst_port = PORT, .length = (uint16_t)length};
    wire_udp_build(to, &u);
    for (uint32_t i = 8; i < length; i++)
        to[i] = (uint8_t)(i * 7 + salt);
    uint16_t sum = wire_l4_checksum_v4(PEER, US, IP_PROTO_UDP, to, length);
    memcpy(to + 6, &sum, sizeof sum);
}

static void give(struct hostile *h, uint16_t id, uint32_t from, uint32_t to, bool more, const uint8_t *whole)
{
    uint8_t f[FRAME_MAKE_BYTES];
    hostile_inject(h, f, make_fragment(f, PEER, id, IP_PROTO_UDP, from, more, whole + from, to - from));
}

static void expect_nothing_held(struct hostile *h)
{
    const struct reassembly_set *set = &h->stack->fragments;
    assert_int_equal(set->bytes, 0);
    assert_int_equal(set->datagrams.used + set->blocks.used + set->sources.used, 0);
}

static void end(struct hostile *h, const char *id)
{
    for (unsigned i = 0; i < 64 && h->stack->fragments.list.oldest; i++)
        hostile_pass(h, 61 * NS_PER_S);
    expect_nothing_held(h);
    hostile_end(h, id);
}

static void test_fr_01_teardrop(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t whole[128] = {0};
    for (uint32_t offset = 8; offset < 36; offset += 8)
        for (uint32_t length = 4; offset + length < 40; length += 4) {
            hostile_case(h);
            give(h, (uint16_t)h->cases, 0, 40, true, whole);
            give(h, (uint16_t)h->cases, offset, offset + length, false, whole);
            HOSTILE_DROPS(h, frag_bad_end, 1);
            hostile_expect_silence(h);
            expect_nothing_held(h);
        }
    end(h, "FR-01");
}

/* Two intervals in each of Allen's 13 relations, in units of 8 bytes within [0, 8). */
static const struct {
    const char *name;
    uint32_t a, b, c, d;
} allen[] = {
    {"before", 0, 2, 4, 6},   {"after", 4, 6, 0, 2},         {"meets", 0, 3, 3, 6},    {"met by", 3, 6, 0, 3},
    {"overlaps", 0, 4, 2, 6}, {"overlapped by", 2, 6, 0, 4}, {"starts", 0, 2, 0, 5},   {"started by", 0, 5, 0, 2},
    {"during", 2, 4, 0, 6},   {"contains", 0, 6, 2, 4},      {"finishes", 3, 6, 0, 6}, {"finished by", 0, 6, 3, 6},
    {"equals", 1, 5, 1, 5},
};

static bool disjoint(unsigned i) { return i < 4; }
static bool equal(unsigned i) { return i == 12; }

/* What is left open of [0, 64) by the two pieces is filled in; true when the datagram arrives. */
static bool fill_up(struct hostile *h, uint16_t id, unsigned relation, const uint8_t *whole, const struct sink *k)
{
    bool there[8] = {false};
    unsigned before = k->received;
    for (uint32_t u = 0; u < 8; u++)
        there[u] =
            (u >= allen[relation].a && u < allen[relation].b) || (u >= allen[relation].c && u < allen[relation].d);
    for (uint32_t u = 0; u < 8; u++)
        if (!there[u])
            give(h, id, u * 8, u * 8 + 8, u < 7, whole);
    return k->received != before;
}

static void test_fr_02_overlaps_in_every_relation(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    struct sink *k = listen_on(h);
    uint8_t first[64], second[64];
    for (unsigned i = 0; i < sizeof allen / sizeof allen[0]; i++)
        for (unsigned order = 0; order < 2; order++)
            for (unsigned same = 0; same < 2; same++) {
                datagram(first, 64, 1);
                datagram(second, 64, same ? 1 : 99);
                uint16_t id = (uint16_t)(h->cases + 1);
                hostile_case(h);
                if (order == 0)
                    give(h, id, allen[i].a * 8, allen[i].b * 8, true, first);
                give(h, id, allen[i].c * 8, allen[i].d * 8, true, order == 0 && !disjoint(i) ? second : first);
                if (order == 1)
                    give(h, id, allen[i].a * 8, allen[i].b * 8, true, disjoint(i) ? first : second);
                bool arrived = fill_up(h, id, i, first, k);
                if (disjoint(i))
                    HOSTILE_NO_DROPS(h);
                else if (equal(i))
                    HOSTILE_DROPS(h, frag_duplicate, 1);
                else
                    HOSTILE_DROPS(h, frag_overlap, 1);
                assert_int_equal(arrived, disjoint(i) || equal(i));
                if (arrived) /* of an exact duplicate the first one counts */
                    assert_memory_equal(k->bytes, first + 8, 56);
                hostile_expect_silence(h);
            }
    assert_true(h->cases >= 26);
    end(h, "FR-02");
    free(k);
}

static void test_fr_04_a_tcp_header_lies_in_one_fragment(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES], g[FRAME_MAKE_BYTES];
    uint32_t n = make_tcp(g, PEER, 1, US, HOSTILE_PORT, TCP_SYN, 1, 0, NULL, 0);
    for (uint32_t first = 8; first < 24; first += 8)
        for (uint32_t last = 0; last < 2; last++) {
            hostile_case(h);
            n = last ? make_fragment(f, PEER, 1, IP_PROTO_TCP, 8, first == 8, g + 42, first == 8 ? 8 : 12)
                     : make_fragment(f, PEER, 1, IP_PROTO_TCP, 0, true, g + 34, first);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, frag_tiny, 1);
            hostile_expect_silence(h);
            expect_nothing_held(h);
        }
    end(h, "FR-04");
}

static void test_fr_08_ping_of_death(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES];
    static uint8_t zeros[1480];
    for (uint32_t offset = 65528; offset > 64040; offset -= 8) {
        hostile_case(h);
        hostile_inject(h, f, make_fragment(f, PEER, 1, IP_PROTO_ICMP, offset, false, zeros, 1480));
        HOSTILE_DROPS(h, frag_too_long, 1);
        hostile_expect_silence(h);
        expect_nothing_held(h);
    }
    for (uint32_t offset = 0; offset < 64640; offset += 1480) { /* all of it, in order */
        if (offset == 0 || offset + 1480 > 65515)
            hostile_case(h);
        hostile_inject(h, f, make_fragment(f, PEER, 2, IP_PROTO_ICMP, offset, true, zeros, 1480));
    }
    hostile_inject(h, f, make_fragment(f, PEER, 2, IP_PROTO_ICMP, 65120, false, zeros, 1480));
    HOSTILE_DROPS(h, frag_too_long, 1);
    end(h, "FR-08");
}

static void test_fr_09_a_length_that_is_no_multiple_of_eight(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t whole[128] = {0};
    for (uint32_t length = 1; length < 64; length++) {
        if (length % 8 == 0)
            continue;
        hostile_case(h);
        give(h, 1, 8, 8 + length, true, whole);
        HOSTILE_DROPS(h, frag_bad_length, 1);
        hostile_expect_silence(h);
    }
    expect_nothing_held(h);
    end(h, "FR-09");
}

static void test_fr_10_fragments_without_payload(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    static const uint8_t nothing[65536];
    for (unsigned i = 0; i < 10000; i++) {
        hostile_case(h);
        give(h, 1, 8u * (i % 8000), 8u * (i % 8000), i % 2 == 0 || i % 8000 == 0, nothing);
        HOSTILE_DROPS(h, frag_empty, 1);
    }
    expect_nothing_held(h);
    end(h, "FR-10");
}

static void test_fr_11_two_ends(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t whole[256] = {0};
    for (uint32_t first = 8; first <= 96; first += 8)
        for (uint32_t second = 8; second <= 96; second += 8) {
            if (first == second)
                continue;
            hostile_case(h);
            give(h, (uint16_t)h->cases, first, first + 8, false, whole);
            give(h, (uint16_t)h->cases, second, second + 8, false, whole);
            HOSTILE_DROPS(h, frag_bad_end, 1);
            expect_nothing_held(h);
        }
    end(h, "FR-11");
}

/* 64 k sources and identifications: memory stays below the mark, and who sends whole datagrams meanwhile is heard. */
static void test_fr_12_fragmentsmack(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    struct sink *k = listen_on(h);
    uint8_t whole[64], f[FRAME_MAKE_BYTES];
    struct random random;
    unsigned arrived = 0;
    random_seed(&random, 1);
    datagram(whole, 64, 1);
    for (unsigned i = 0; i < 65536; i++) {
        hostile_case(h);
        uint32_t source = 0x0a000000u + (uint32_t)random_below(&random, 1u << 24);
        hostile_inject(h, f, make_fragment(f, source, (uint16_t)i, IP_PROTO_UDP, 0, true, whole, 32));
        assert_true(h->stack->fragments.bytes <= 4u << 20);
        if (i % 256 == 0) {
            give(h, (uint16_t)i, 32, 64, false, whole);
            give(h, (uint16_t)i, 0, 32, true, whole);
            arrived++;
            assert_int_equal(k->received, arrived);
        }
        hostile_pass(h, 100 * NS_PER_US); /* 10 kpps */
        h->count = 0;
    }
    print_message("%u datagrams got through\n", arrived);
    end(h, "FR-12");
    free(k);
}

static uint32_t reversed(uint32_t v, unsigned bits)
{
    uint32_t r = 0;
    for (unsigned i = 0; i < bits; i++)
        r |= ((v >> i) & 1u) << (bits - 1 - i);
    return r;
}

static void test_fr_13_a_comb_of_eight_byte_pieces(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    struct sink *k = listen_on(h);
    static uint8_t whole[65536];
    uint32_t length = 65512, pieces = length / 8, done = 0;
    h->stack->settings.fragment_max_distance = 0;
    datagram(whole, length, 3);
    for (uint32_t i = 0; i < 8192; i++) {
        uint32_t at = reversed(i, 13);
        if (at >= pieces)
            continue;
        hostile_case(h);
        if (i % 512 == 0)
            hostile_measure(h);
        give(h, 7, at * 8, at * 8 + 8, at < pieces - 1, whole);
        done++;
    }
    assert_int_equal(done, pieces);
    assert_int_equal(k->received, 1);
    assert_int_equal(k->length, length - 8);
    assert_memory_equal(k->bytes, whole + 8, length - 8);
    end(h, "FR-13");
    free(k);
}

static void test_fr_14_time_exceeded_only_when_the_first_fragment_came(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t whole[64];
    datagram(whole, 64, 1);
    for (unsigned first = 0; first < 2; first++) {
        hostile_case(h);
        give(h, 5, first ? 0 : 32, first ? 32 : 64, first != 0, whole);
        hostile_pass(h, 60 * NS_PER_S - NS_PER_MS);
        HOSTILE_NO_DROPS(h);
        hostile_pass(h, NS_PER_MS);
        HOSTILE_DROPS(h, frag_timeout, 1);
        if (first)
            hostile_expect_icmp(h, WIRE_ICMP_TIME_EXCEEDED, WIRE_ICMP_REASSEMBLY_EXCEEDED);
        hostile_expect_silence(h);
        expect_nothing_held(h);
    }
    end(h, "FR-14");
}

static void test_fr_15_two_flows_with_one_identification(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    struct sink *k = listen_on(h);
    uint8_t a[64], b[64];
    datagram(a, 64, 1);
    datagram(b, 64, 77);
    hostile_case(h); /* half of each: the checksum tells */
    give(h, 9, 0, 32, true, a);
    give(h, 9, 32, 64, false, b);
    HOSTILE_DROPS(h, udp_bad_checksum, 1);
    assert_int_equal(k->received, 0);
    hostile_case(h); /* another protocol, another source: other datagrams */
    uint8_t f[FRAME_MAKE_BYTES];
    give(h, 9, 0, 32, true, a);
    hostile_inject(h, f, make_fragment(f, PEER, 9, IP_PROTO_ICMP, 32, false, b + 32, 32));
    hostile_inject(h, f, make_fragment(f, OTHER, 9, IP_PROTO_UDP, 32, false, b + 32, 32));
    give(h, 9, 32, 64, false, a);
    HOSTILE_NO_DROPS(h);
    assert_int_equal(k->received, 1);
    assert_memory_equal(k->bytes, a + 8, 56);
    end(h, "FR-15");
    free(k);
}

/* RFC 6864, RFC 7739: from what one peer sees nobody can tell what another one will see. */
static void test_fr_16_identifications_tell_nothing(void **state)
{
    (void)state;
    enum { PEERS = 16, ROUNDS = 400 };
    struct hostile *h = hostile_new(NULL);
    static uint8_t bytes[2000];
    uint16_t last[PEERS] = {0};
    unsigned near = 0, atomic = 0;
    for (uint32_t i = 0; i < PEERS; i++) {
        struct ip_addr a = v4(US + 100 + i);
        assert_int_equal(stack_add_neighbour(h->stack, h->us, &a, PEER_MAC), 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < PEERS; i++) {
            struct udp_datagram d = {.local = h->us,
                                     .remote = v4(US + 100 + i),
                                     .local_port = 9,
                                     .remote_port = 9,
                                     .bytes = bytes,
                                     .length = round % 4 ? sizeof bytes : 100};
            hostile_case(h);
            assert_int_equal(udp_send(h->stack, &d, h->now), 0);
            hostile_pass(h, 0);
            struct wire_ipv4 ip;
            hostile_expect_ipv4(h, IP_PROTO_UDP, &ip);
            if (!wire_ipv4_is_fragment(&ip)) {
                assert_int_equal(ip.flags, WIRE_IPV4_DF);
                assert_int_equal(ip.id, 0);
                atomic++;
                continue;
            }
            near += i > 0 && (uint16_t)(ip.id - last[i - 1]) < 4;
            assert_true(ip.id != last[i] || round == 1);
            last[i] = ip.id;
        }
    assert_int_equal(atomic, ROUNDS / 4 * PEERS);
    assert_true(near <= 2 * ROUNDS); /* two pairs of neighbours by chance at most */
    end(h, "FR-16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fr_01_teardrop),
        cmocka_unit_test(test_fr_02_overlaps_in_every_relation),
        cmocka_unit_test(test_fr_04_a_tcp_header_lies_in_one_fragment),
        cmocka_unit_test(test_fr_08_ping_of_death),
        cmocka_unit_test(test_fr_09_a_length_that_is_no_multiple_of_eight),
        cmocka_unit_test(test_fr_10_fragments_without_payload),
        cmocka_unit_test(test_fr_11_two_ends),
        cmocka_unit_test(test_fr_12_fragmentsmack),
        cmocka_unit_test(test_fr_13_a_comb_of_eight_byte_pieces),
        cmocka_unit_test(test_fr_14_time_exceeded_only_when_the_first_fragment_came),
        cmocka_unit_test(test_fr_15_two_flows_with_one_identification),
        cmocka_unit_test(test_fr_16_identifications_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
