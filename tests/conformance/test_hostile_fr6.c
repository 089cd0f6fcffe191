/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows FR over IPv6: fragments that mean harm. RFC 8200 4.5, RFC 5722 (overlaps), RFC 6946 (atomic fragments), RFC 7112 (the header chain), RFC 7739
 * (identification), RFC 8021 (no atomic fragments by Packet Too Big). FR-04, the tiny first fragment, is FR-05 here: no first fragment without its whole
 * header chain. FR-12 floods both families in sim/test_sim_floods; IPv4 is in test_hostile_fr.
 */
#include "support/hostile6.h"

#include <stdlib.h>

#include "stack/stack_internal.h"

#define PORT 7000
#define PARAMETER_PROBLEM WIRE_ICMPV6_PARAMETER_PROBLEM

struct sink {
    unsigned received;
    uint32_t length;
    uint8_t bytes[65536];
};

static uint8_t f[FRAME_MAKE_BYTES];
static uint32_t us6;

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
    assert_int_equal(udp_bind(h->stack, us6, PORT, on_datagram, NULL, k), 0);
    return k;
}

/* A UDP datagram of `length` bytes in all whose checksum is right. */
static void datagram(uint8_t *to, uint32_t length, uint8_t salt)
{
    struct wire_udp u = {.src_port = 1234, .dst_port = PORT, .length = (uint16_t)length};
    wire_udp_build(to, &u);
    for (uint32_t i = 8; i < length; i++)
        to[i] = (uint8_t)(i * 7 + salt);
    uint16_t sum = wire_l4_checksum_v6(&PEER6, &US6, IP_PROTO_UDP, to, length);
    memcpy(to + 6, &sum, sizeof sum);
}

static void give(struct hostile *h, uint32_t id, uint32_t from, uint32_t to, bool more, const uint8_t *whole)
{
    hostile_inject(h, f, make_fragment6(f, &PEER6, id, IP_PROTO_UDP, from, more, whole + from, to - from));
}

static void expect_nothing_held(struct hostile *h)
{
    const struct reassembly_set *set = &h->stack->fragments;
    assert_int_equal(set->bytes, 0);
    assert_int_equal(set->datagrams.used + set->blocks.used + set->sources.used, 0);
}

static void expect_problem(struct hostile *h, uint8_t code, uint32_t pointer)
{
    hostile6_expect_icmp(h, PARAMETER_PROBLEM, code, pointer);
    hostile_expect_silence(h);
    hostile_pass(h, NS_PER_MS); /* errors are limited */
}

static void end(struct hostile *h, const char *id)
{
    for (unsigned i = 0; i < 64 && h->stack->fragments.list.oldest; i++)
        hostile_pass(h, 61 * NS_PER_S);
    expect_nothing_held(h);
    hostile_end(h, id);
}

static void fr_01_teardrop_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    uint8_t whole[128] = {0};
    for (uint32_t offset = 8; offset < 36; offset += 8)
        for (uint32_t length = 4; offset + length < 40; length += 4) {
            hostile_case(h);
            give(h, h->cases, 0, 40, true, whole);
            give(h, h->cases, offset, offset + length, false, whole);
            HOSTILE_DROPS(h, frag_bad_end, 1);
            hostile_expect_silence(h);
            expect_nothing_held(h);
        }
    end(h, "FR-01 (IPv6)");
}

/* ---- overlaps ---- */

/* Two intervals in each of Allen's 13 relations, in units of 8 bytes within [0, 8). */
static const struct {
    uint32_t a, b, c, d;
} allen[] = {
    {0, 2, 4, 6}, {4, 6, 0, 2}, {0, 3, 3, 6}, {3, 6, 0, 3}, /* apart */
    {0, 4, 2, 6}, {2, 6, 0, 4}, {0, 2, 0, 5}, {0, 5, 0, 2}, {2, 4, 0, 6},
    {0, 6, 2, 4}, {3, 6, 0, 6}, {0, 6, 3, 6}, {1, 5, 1, 5}, /* the same */
};
#define APART 4u
#define SAME (ARRAY_SIZE(allen) - 1)

/* What is left open of [0, 64) by the two pieces is filled in; true when the datagram arrives. */
static bool fill_up(struct hostile *h, unsigned relation, const uint8_t *whole, const struct sink *k)
{
    unsigned before = k->received;
    for (uint32_t u = 0; u < 8; u++) {
        bool there =
            (u >= allen[relation].a && u < allen[relation].b) || (u >= allen[relation].c && u < allen[relation].d);
        if (!there)
            give(h, h->cases, u * 8, u * 8 + 8, u < 7, whole);
    }
    return k->received != before;
}

/* RFC 8200 4.5: all of the datagram goes, what came and what comes; an exact duplicate may be let pass. */
static void fr_03_overlaps_in_every_relation(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct sink *k = listen_on(h);
    uint8_t first[64], second[64];
    for (unsigned i = 0; i < ARRAY_SIZE(allen); i++)
        for (unsigned order = 0; order < 2; order++)
            for (unsigned same = 0; same < 2; same++) {
                datagram(first, 64, 1);
                datagram(second, 64, same || i < APART ? 1 : 99);
                hostile_case(h);
                if (order == 0)
                    give(h, h->cases, allen[i].a * 8, allen[i].b * 8, true, first);
                give(h, h->cases, allen[i].c * 8, allen[i].d * 8, true, order == 0 ? second : first);
                if (order == 1)
                    give(h, h->cases, allen[i].a * 8, allen[i].b * 8, true, second);
                bool arrived = fill_up(h, i, first, k);
                if (i < APART)
                    HOSTILE_NO_DROPS(h);
                else if (i == SAME)
                    HOSTILE_DROPS(h, frag_duplicate, 1);
                else
                    HOSTILE_DROPS(h, frag_overlap, 1);
                assert_int_equal(arrived, i < APART || i == SAME);
                if (arrived) /* of an exact duplicate the first one counts */
                    assert_memory_equal(k->bytes, first + 8, 56);
                hostile_expect_silence(h);
            }
    assert_int_equal(h->cases, 52);
    end(h, "FR-03");
    free(k);
}

/* ---- first fragments ---- */

/* The most that a first fragment of `headers` options headers and that protocol may have and still lack a part of them. */
static uint32_t lacking(uint8_t protocol, uint32_t headers)
{
    uint32_t upper = protocol == IP_PROTO_TCP ? 20 : protocol == 253 ? 1 : 8;
    return (8 * headers + upper - 1) / 8 * 8;
}

static void fr_05_a_first_fragment_has_the_whole_chain(void **state) /* RFC 7112 */
{
    (void)state;
    static const uint8_t protocols[] = {IP_PROTO_TCP, IP_PROTO_UDP, IP_PROTO_ICMPV6, 253};
    struct hostile *h = hostile6_new(&us6);
    for (unsigned i = 0; i < ARRAY_SIZE(protocols); i++)
        for (uint32_t headers = 0; headers < WIRE_IPV6_MAX_HEADERS; headers++)
            for (uint32_t length = 8; length <= lacking(protocols[i], headers); length += 8) {
                uint8_t chain[128] = {0};
                uint32_t n = 0;
                while (n < 8 * headers)
                    n += make_options6(chain + n, n + 8 < 8 * headers ? IP_PROTO_DESTINATION_OPTIONS : protocols[i],
                                       NULL, 0);
                chain[n] = WIRE_ICMPV6_ECHO_REQUEST;
                hostile_case(h);
                hostile_inject(h, f,
                               make_fragment6(f, &PEER6, h->cases,
                                              headers ? IP_PROTO_DESTINATION_OPTIONS : protocols[i], 0, true, chain,
                                              length));
                HOSTILE_DROPS(h, frag_headers_missing, 1);
                expect_problem(h, WIRE_ICMPV6_PROBLEM_CHAIN, 0);
                expect_nothing_held(h);
            }
    for (unsigned units = 2; units < 256; units++) { /* a header that goes on in another fragment */
        uint8_t chain[16];
        (void)make_options6(chain, IP_PROTO_UDP, NULL, 0);
        (void)make_options6(chain + 8, IP_PROTO_UDP, NULL, 0);
        chain[1] = (uint8_t)units;
        hostile_case(h);
        hostile_inject(h, f, make_fragment6(f, &PEER6, h->cases, IP_PROTO_DESTINATION_OPTIONS, 0, true, chain, 16));
        HOSTILE_DROPS(h, frag_headers_missing, 1);
        expect_problem(h, WIRE_ICMPV6_PROBLEM_CHAIN, 0);
        expect_nothing_held(h);
    }
    end(h, "FR-05");
}

static void fr_06_atomic_fragments_stand_alone(void **state) /* RFC 6946 */
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct sink *k = listen_on(h);
    uint8_t pending[64], atomic[24];
    datagram(pending, 64, 1);
    datagram(atomic, 24, 50);
    for (uint32_t id = 0; id < 200; id++) {
        bool first = id % 2;
        hostile_case(h);
        give(h, id, first ? 0 : 32, first ? 32 : 64, first, pending);
        hostile_inject(h, f, make_fragment6(f, &PEER6, id, IP_PROTO_UDP, 0, false, atomic, 24));
        assert_int_equal(k->received, 2 * id + 1);
        assert_int_equal(k->length, 16);
        assert_memory_equal(k->bytes, atomic + 8, 16);
        give(h, id, first ? 32 : 0, first ? 64 : 32, !first, pending);
        assert_int_equal(k->received, 2 * id + 2);
        assert_memory_equal(k->bytes, pending + 8, 56);
        HOSTILE_NO_DROPS(h);
        hostile_expect_silence(h);
        expect_nothing_held(h);
    }
    end(h, "FR-06");
    free(k);
}

/* ---- what we send ---- */

static void send(struct hostile *h, const struct ip_addr *to, uint32_t length)
{
    static const uint8_t bytes[2000];
    struct udp_datagram d = {
        .local = us6, .remote = *to, .local_port = PORT, .remote_port = 9, .bytes = bytes, .length = length};
    assert_int_equal(udp_send(h->stack, &d, h->now), 0);
    hostile_pass(h, 0);
}

/* Packet Too Big from PEER6 about a datagram of ours to it that filled the link. */
static void too_big(struct hostile *h, uint32_t mtu)
{
    uint8_t q[FRAME_MAKE_BYTES], nothing[1452] = {0};
    make_udp6(q, &US6, PORT, &PEER6, 9, nothing, sizeof nothing);
    hostile_inject(h, f, make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_PACKET_TOO_BIG, 0, mtu, q + 14, 100));
}

static void fr_07_nobody_makes_us_send_atomic_fragments(void **state) /* RFC 8021 */
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct sink *k = listen_on(h);
    struct wire_ipv6 ip;
    assert_int_equal(stack_add_neighbour(h->stack, us6, &PEER6, PEER_MAC), 0);
    for (uint32_t mtu = 0; mtu < WIRE_IPV6_MIN_MTU; mtu++) {
        hostile_case(h);
        too_big(h, mtu);
        HOSTILE_DROPS(h, icmp_bad_mtu, 1);
        send(h, &PEER6, mtu);
        hostile6_expect(h, IP_PROTO_UDP, &ip);
        send(h, &PEER6, 1452);
        hostile6_expect(h, IP_PROTO_UDP, &ip);
        hostile_expect_silence(h);
    }
    end(h, "FR-07");
    free(k);
}

/* RFC 7739: from what one peer sees nobody can tell what another one will see. */
static void fr_16_identifications_of_ipv6_tell_nothing(void **state)
{
    (void)state;
    enum { PEERS = 16, ROUNDS = 400 };
    struct hostile *h = hostile6_new(&us6);
    uint32_t last[PEERS] = {0};
    unsigned near = 0;
    for (uint32_t i = 0; i < PEERS; i++) {
        struct ip_addr a = ip_addr_add(&US6, 100 + i);
        assert_int_equal(stack_add_neighbour(h->stack, us6, &a, PEER_MAC), 0);
    }
    for (unsigned round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < PEERS; i++) {
            struct ip_addr a = ip_addr_add(&US6, 100 + i);
            struct wire_ipv6_fragment header, second;
            hostile_case(h);
            send(h, &a, 2000);
            assert_int_equal(h->count, 2);
            assert_int_equal(wire_ipv6_fragment_parse(hostile_next(h)->bytes + 54, 8, &header), 8);
            assert_int_equal(wire_ipv6_fragment_parse(hostile_next(h)->bytes + 54, 8, &second), 8);
            assert_int_equal(header.id, second.id);
            near += i > 0 && header.id - last[i - 1] < 65536;
            assert_true(round == 0 || header.id != last[i]);
            last[i] = header.id;
        }
    assert_true(near <= ROUNDS); /* one pair of neighbours by chance at most */
    end(h, "FR-16 (IPv6)");
}

/* ---- lengths ---- */

static void fr_08_ping_of_death_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    static uint8_t zeros[1232];
    for (uint32_t offset = 65528; offset > 65535 - sizeof zeros; offset -= 8)
        for (unsigned more = 0; more < 2; more++) {
            hostile_case(h);
            hostile_inject(h, f,
                           make_fragment6(f, &PEER6, 1, IP_PROTO_UDP, offset, more, zeros, (uint32_t)sizeof zeros));
            HOSTILE_DROPS(h, frag_too_long, 1);
            expect_problem(h, WIRE_ICMPV6_PROBLEM_FIELD, 42);
            expect_nothing_held(h);
        }
    uint32_t offset = 0;
    for (; offset + sizeof zeros < 65535; offset += sizeof zeros) /* all of it, in order */
        hostile_inject(h, f, make_fragment6(f, &PEER6, 2, IP_PROTO_UDP, offset, true, zeros, (uint32_t)sizeof zeros));
    hostile_case(h);
    hostile_inject(h, f, make_fragment6(f, &PEER6, 2, IP_PROTO_UDP, offset, false, zeros, (uint32_t)sizeof zeros));
    HOSTILE_DROPS(h, frag_too_long, 1);
    expect_problem(h, WIRE_ICMPV6_PROBLEM_FIELD, 42);
    end(h, "FR-08 (IPv6)");
}

static void fr_09_a_length_that_is_no_multiple_of_eight_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    uint8_t whole[1024] = {0};
    for (uint32_t offset = 0; offset < 64; offset += 8)
        for (uint32_t length = 1; length < 64; length++) {
            if (length % 8 == 0)
                continue;
            hostile_case(h);
            give(h, 1, offset, offset + length, true, whole);
            HOSTILE_DROPS(h, frag_bad_length, 1);
            expect_problem(h, WIRE_ICMPV6_PROBLEM_FIELD, 4);
            expect_nothing_held(h);
        }
    end(h, "FR-09 (IPv6)");
}

static void fr_10_fragments_without_payload_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    static const uint8_t nothing[65536];
    for (unsigned i = 0; i < 10000; i++) {
        hostile_case(h);
        give(h, 1, 8u * (i % 8000), 8u * (i % 8000), i % 2 == 0 || i % 8000 == 0, nothing);
        HOSTILE_DROPS(h, frag_empty, 1);
        hostile_expect_silence(h);
    }
    expect_nothing_held(h);
    end(h, "FR-10 (IPv6)");
}

static void fr_11_two_ends_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    uint8_t whole[256] = {0};
    for (uint32_t first = 8; first <= 96; first += 8)
        for (uint32_t second = 8; second <= 96; second += 8) {
            if (first == second)
                continue;
            hostile_case(h);
            give(h, h->cases, first, first + 8, false, whole);
            give(h, h->cases, second, second + 8, false, whole);
            HOSTILE_DROPS(h, frag_bad_end, 1);
            hostile_expect_silence(h);
            expect_nothing_held(h);
        }
    end(h, "FR-11 (IPv6)");
}

static uint32_t reversed(uint32_t v, unsigned bits)
{
    uint32_t r = 0;
    for (unsigned i = 0; i < bits; i++)
        r |= ((v >> i) & 1u) << (bits - 1 - i);
    return r;
}

static void fr_13_a_comb_of_eight_byte_pieces_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct sink *k = listen_on(h);
    static uint8_t whole[65536];
    uint32_t length = 65528, pieces = length / 8;
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
    }
    assert_int_equal(k->received, 1);
    assert_int_equal(k->length, length - 8);
    assert_memory_equal(k->bytes, whole + 8, length - 8);
    end(h, "FR-13 (IPv6)");
    free(k);
}

/* ---- time, identity, depth ---- */

static void fr_14_time_exceeded_only_when_the_first_fragment_came_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    uint8_t whole[64];
    datagram(whole, 64, 1);
    for (unsigned first = 0; first < 2; first++) {
        hostile_case(h);
        give(h, 5, first ? 0 : 32, first ? 32 : 64, first != 0, whole);
        hostile_pass(h, 60 * NS_PER_S - NS_PER_MS);
        HOSTILE_NO_DROPS(h);
        hostile_expect_silence(h);
        hostile_pass(h, NS_PER_MS);
        HOSTILE_DROPS(h, frag_timeout, 1);
        if (first)
            hostile6_expect_icmp(h, WIRE_ICMPV6_TIME_EXCEEDED, WIRE_ICMPV6_REASSEMBLY_EXCEEDED, 0);
        hostile_expect_silence(h);
        expect_nothing_held(h);
    }
    end(h, "FR-14 (IPv6)");
}

static void fr_15_two_flows_with_one_identification_over_ipv6(void **state)
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    struct sink *k = listen_on(h);
    uint8_t a[64], b[64];
    datagram(a, 64, 1);
    datagram(b, 64, 77);
    hostile_case(h); /* half of each: the checksum tells */
    give(h, 9, 0, 32, true, a);
    give(h, 9, 32, 64, false, b);
    HOSTILE_DROPS(h, udp_bad_checksum, 1);
    assert_int_equal(k->received, 0);
    hostile_case(h); /* another source: another datagram */
    give(h, 9, 0, 32, true, a);
    hostile_inject(h, f, make_fragment6(f, &OTHER6, 9, IP_PROTO_UDP, 32, false, b + 32, 32));
    give(h, 9, 32, 64, false, a);
    HOSTILE_NO_DROPS(h);
    assert_int_equal(k->received, 1);
    assert_memory_equal(k->bytes, a + 8, 56);
    end(h, "FR-15 (IPv6)");
    free(k);
}

static void fr_17_headers_without_end_around_fragments(void **state) /* CVE-2021-24086, CVE-2024-38063 */
{
    (void)state;
    struct hostile *h = hostile6_new(&us6);
    for (unsigned real = 0; real < 2; real++) /* the first one atomic, or one of several */
        for (uint32_t depth = 2; depth <= 40; depth++)
            for (uint32_t inner = 0; inner < 2; inner++) {
                uint8_t chain[40 * 8 + 8] = {0};
                for (uint32_t i = 0; i + 1 < depth; i++) {
                    struct wire_ipv6_fragment header = {
                        .next_header = i + 2 < depth ? IP_PROTO_FRAGMENT : IP_PROTO_UDP, .id = i, .more = inner};
                    wire_ipv6_fragment_build(chain + 8 * i, &header);
                }
                hostile_case(h);
                hostile_inject(h, f, make_fragment6(f, &PEER6, h->cases, IP_PROTO_FRAGMENT, 0, real, chain, 8 * depth));
                HOSTILE_DROPS(h, frag_nested, 1);
                hostile_expect_silence(h);
                expect_nothing_held(h);
            }
    for (uint32_t headers = WIRE_IPV6_MAX_HEADERS; headers < 100; headers++) { /* options headers within and before */
        uint8_t chain[FRAME_MAKE_BYTES];
        uint32_t n = 0;
        for (uint32_t i = 0; i < headers; i++)
            n += make_options6(chain + n, i + 1 < headers ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_UDP, NULL, 0);
        datagram(chain + n, 24, 1);
        hostile_case(h);
        hostile_inject(h, f, make_fragment6(f, &PEER6, h->cases, IP_PROTO_DESTINATION_OPTIONS, 0, true, chain, n + 24));
        HOSTILE_DROPS(h, ipv6_too_many_headers, 1);
        chain[n - 8] = IP_PROTO_FRAGMENT;
        struct wire_ipv6_fragment header = {.next_header = IP_PROTO_UDP, .id = 1, .more = true};
        wire_ipv6_fragment_build(chain + n, &header);
        hostile_case(h);
        hostile_inject(h, f, make_ipv6(f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, chain, n + 32));
        HOSTILE_DROPS(h, ipv6_too_many_headers, 1);
        hostile_expect_silence(h);
        expect_nothing_held(h);
    }
    end(h, "FR-17");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fr_01_teardrop_over_ipv6),
        cmocka_unit_test(fr_03_overlaps_in_every_relation),
        cmocka_unit_test(fr_05_a_first_fragment_has_the_whole_chain),
        cmocka_unit_test(fr_06_atomic_fragments_stand_alone),
        cmocka_unit_test(fr_07_nobody_makes_us_send_atomic_fragments),
        cmocka_unit_test(fr_08_ping_of_death_over_ipv6),
        cmocka_unit_test(fr_09_a_length_that_is_no_multiple_of_eight_over_ipv6),
        cmocka_unit_test(fr_10_fragments_without_payload_over_ipv6),
        cmocka_unit_test(fr_11_two_ends_over_ipv6),
        cmocka_unit_test(fr_13_a_comb_of_eight_byte_pieces_over_ipv6),
        cmocka_unit_test(fr_14_time_exceeded_only_when_the_first_fragment_came_over_ipv6),
        cmocka_unit_test(fr_15_two_flows_with_one_identification_over_ipv6),
        cmocka_unit_test(fr_16_identifications_of_ipv6_tell_nothing),
        cmocka_unit_test(fr_17_headers_without_end_around_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
