/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows IP6-01 to IP6-10: IPv6 headers and extension headers that mean harm. RFC 8200, RFC 5095 (routing header 0), RFC 2675 (jumbograms), RFC 4291
 * (addresses), RFC 8504 5.3 (limits). Section 1.10 says what Linux does with each. Fragments are in test_hostile_fr6.
 */
#include "support/hostile6.h"

#define ECHO_BYTES 16u
#define NEXT_HEADER_AT 6u
#define FIRST 40u /* where the first extension header begins */

#define PARAMETER_PROBLEM WIRE_ICMPV6_PARAMETER_PROBLEM
#define BAD_FIELD 0u
#define BAD_NEXT_HEADER 1u
#define BAD_OPTION 2u

static uint8_t f[FRAME_MAKE_BYTES], payload[FRAME_MAKE_BYTES];

static struct hostile *begin(void)
{
    uint32_t us6;
    return hostile6_new(&us6);
}

/* `length` bytes of headers are at the beginning of payload; an echo request to `to` follows. */
static void inject(struct hostile *h, uint8_t next, uint32_t length, const struct ip_addr *to)
{
    length += make_echo6(payload + length, to, ECHO_BYTES);
    hostile_inject(h, f, make_ipv6(f, &PEER6, to, next, payload, length));
}

static void expect_problem(struct hostile *h, uint8_t code, uint32_t pointer)
{
    hostile6_expect_icmp(h, PARAMETER_PROBLEM, code, pointer);
    hostile_expect_silence(h);
    hostile_pass(h, NS_PER_MS); /* errors are limited */
}

static void expect_reply(struct hostile *h)
{
    HOSTILE_NO_DROPS(h);
    hostile6_expect_reply(h, ECHO_BYTES);
    hostile_expect_silence(h);
}

/* ---- the fixed header ---- */

static void ip6_01_payload_lengths(void **state)
{
    (void)state;
    struct hostile *h = begin();
    uint32_t there = make_echo6(payload, &US6, ECHO_BYTES);
    for (uint32_t said = 0; said < 65536; said += said < 2000 || said > 65000 ? 1 : 13) {
        if (said == there)
            continue;
        uint32_t n = make_ipv6(f, &PEER6, &US6, IP_PROTO_ICMPV6, payload, there);
        store_be16(f + 18, (uint16_t)said);
        hostile_case(h);
        hostile_inject(h, f, n);
        if (said > there)
            HOSTILE_DROPS(h, ip_bad_total_length, 1);
        else if (said < 8)
            HOSTILE_DROPS(h, icmp_short, 1);
        else
            HOSTILE_DROPS(h, icmp_bad_checksum, 1);
        hostile_expect_silence(h);
    }
    for (uint32_t said = 0; said < 8; said++) {
        uint32_t n = make_udp6(f, &PEER6, 9, &US6, 9, "question", 8);
        store_be16(f + 18, (uint16_t)said);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, udp_bad_length, 1);
        hostile_expect_silence(h);
    }
    for (uint32_t said = 0; said < 20; said++) {
        uint32_t n = make_tcp6(f, &PEER6, 9, &US6, HOSTILE_PORT, TCP_SYN, 1, 0, "question", 8);
        store_be16(f + 18, (uint16_t)said);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, tcp_short, 1);
        hostile_expect_silence(h);
    }
    for (uint32_t present = 0; present < FIRST; present++) {
        (void)make_ipv6(f, &PEER6, &US6, IP_PROTO_ICMPV6, payload, there);
        hostile_case(h);
        hostile_inject(h, f, 14 + present);
        HOSTILE_DROPS(h, ip_short, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IP6-01");
}

static void ip6_08_sources_that_no_host_has(void **state)
{
    (void)state;
    static const uint8_t protocols[] = {IP_PROTO_ICMPV6, IP_PROTO_UDP, IP_PROTO_TCP, 253};
    struct hostile *h = begin();
    struct ip_addr sources[16 + 5] = {v6("::"), v6("::1"), v6("::ffff:192.0.2.9"), v6("::ffff:0.0.0.0"), US6};
    for (unsigned scope = 0; scope < 16; scope++)
        sources[5 + scope] = (struct ip_addr){{0xff, (uint8_t)scope, [15] = 1}};
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
        for (unsigned p = 0; p < ARRAY_SIZE(protocols); p++) {
            uint32_t n = 0;
            if (protocols[p] == IP_PROTO_UDP)
                n = make_udp6(f, &sources[i], 9, &US6, 9, "question", 8);
            else if (protocols[p] == IP_PROTO_TCP)
                n = make_tcp6(f, &sources[i], 9, &US6, HOSTILE_PORT, TCP_SYN, 1, 0, NULL, 0);
            else if (protocols[p] == IP_PROTO_ICMPV6)
                n = make_icmp6(f, &sources[i], &US6, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, "question", 8);
            else
                n = make_ipv6(f, &sources[i], &US6, protocols[p], "question", 8);
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, ip_bad_source, 1);
            hostile_expect_silence(h);
        }
    hostile_end(h, "IP6-08");
}

/* ---- lengths within extension headers ---- */

static void ip6_02_lengths_of_headers_and_options(void **state)
{
    (void)state;
    static const uint8_t headers[] = {IP_PROTO_HOP_BY_HOP, IP_PROTO_DESTINATION_OPTIONS, IP_PROTO_ROUTING};
    struct hostile *h = begin();
    for (unsigned i = 0; i < ARRAY_SIZE(headers); i++) /* 32 bytes are there */
        for (unsigned units = 4; units < 256; units++) {
            uint32_t n = make_options6(payload, IP_PROTO_ICMPV6, NULL, 0);
            payload[1] = (uint8_t)units;
            hostile_case(h);
            inject(h, headers[i], n, &US6);
            HOSTILE_DROPS(h, ip_short, 1);
            hostile_expect_silence(h);
        }
    for (unsigned i = 0; i < 2; i++)
        for (unsigned type = 1; type < 256; type++)
            for (unsigned length = 5; length < 256; length += length < 20 ? 1 : 47) { /* 4 are there */
                uint8_t option[6] = {(uint8_t)type, (uint8_t)length};
                hostile_case(h);
                inject(h, headers[i], make_options6(payload, IP_PROTO_ICMPV6, option, 6), &US6);
                HOSTILE_DROPS(h, ipv6_bad_option, 1);
                hostile_expect_silence(h);
            }
    for (unsigned i = 0; i < 2; i++)
        for (unsigned type = 1; type < 256; type++) { /* one byte left for it */
            uint8_t options[6] = {0x1e, 3, 0, 0, 0, (uint8_t)type};
            hostile_case(h);
            inject(h, headers[i], make_options6(payload, IP_PROTO_ICMPV6, options, 6), &US6);
            HOSTILE_DROPS(h, ipv6_bad_option, 1);
            hostile_expect_silence(h);
        }
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t n = 1; n <= 8; n++) { /* of length 0, one behind the other */
            uint8_t options[16];
            for (uint32_t at = 0; at < 2 * n; at += 2)
                options[at] = 0x1e, options[at + 1] = 0;
            hostile_case(h);
            inject(h, headers[i], make_options6(payload, IP_PROTO_ICMPV6, options, 2 * n), &US6);
            if (2 * n % 8 != 6 && n == 8) /* what fills up is a ninth */
                HOSTILE_DROPS(h, ipv6_too_many_options, 1);
            else
                expect_reply(h);
        }
    hostile_end(h, "IP6-02");
}

/* ---- options ---- */

static bool is_known(uint8_t header, unsigned type)
{
    return type <= WIRE_IPV6_OPT_PADN ||
           (header == IP_PROTO_HOP_BY_HOP && (type == WIRE_IPV6_OPT_ROUTER_ALERT || type == WIRE_IPV6_OPT_JUMBO));
}

static void ip6_03_unknown_options_say_what_to_do(void **state) /* RFC 8200 4.2 */
{
    (void)state;
    static const uint8_t headers[] = {IP_PROTO_HOP_BY_HOP, IP_PROTO_DESTINATION_OPTIONS};
    struct hostile *h = begin();
    for (unsigned i = 0; i < 2; i++)
        for (unsigned type = 0; type < 256; type++)
            for (unsigned to_many = 0; to_many < 2; to_many++) {
                uint8_t option[6] = {(uint8_t)type, 4};
                if (is_known(headers[i], type))
                    continue;
                hostile_case(h);
                inject(h, headers[i], make_options6(payload, IP_PROTO_ICMPV6, option, 6), to_many ? &ALL_NODES : &US6);
                if (type >> 6 == 0 && to_many)
                    HOSTILE_DROPS(h, icmp_broadcast_echo, 1);
                else if (type >> 6 == 0)
                    expect_reply(h);
                else
                    HOSTILE_DROPS(h, ipv6_unknown_option, 1);
                if (type >> 6 == 2 || (type >> 6 == 3 && !to_many))
                    expect_problem(h, BAD_OPTION, FIRST + 2);
                hostile_expect_silence(h);
            }
    hostile_end(h, "IP6-03");
}

static void expect_many(struct hostile *h, uint8_t header, uint32_t n)
{
    uint8_t options[128];
    for (uint32_t at = 0; at < 2 * n; at += 2)
        options[at] = 0x1e, options[at + 1] = 0;
    hostile_case(h);
    inject(h, header, make_options6(payload, IP_PROTO_ICMPV6, options, 2 * n), &US6);
    HOSTILE_DROPS(h, ipv6_too_many_options, 1);
    hostile_expect_silence(h);
}

static void ip6_04_hop_by_hop_comes_first_and_options_are_eight(void **state)
{
    (void)state;
    static const uint8_t headers[] = {IP_PROTO_HOP_BY_HOP, IP_PROTO_DESTINATION_OPTIONS, IP_PROTO_ROUTING,
                                      IP_PROTO_FRAGMENT};
    struct hostile *h = begin();
    for (unsigned i = 0; i < ARRAY_SIZE(headers); i++)
        for (uint32_t before = 1; before < 8; before++) { /* headers before the one that is out of place */
            uint32_t n = 0;
            if (headers[i] == IP_PROTO_HOP_BY_HOP ? before > 1 : headers[i] == IP_PROTO_FRAGMENT && before > 1)
                continue; /* the second one is already out of place, or nested */
            for (uint32_t k = 0; k < before; k++) {
                memset(payload + n, 0, 8);
                payload[n] = k + 1 < before ? headers[i] : IP_PROTO_HOP_BY_HOP;
                if (headers[i] != IP_PROTO_FRAGMENT && headers[i] != IP_PROTO_ROUTING)
                    (void)make_options6(payload + n, payload[n], NULL, 0);
                n += 8;
            }
            uint32_t named_at = FIRST + n - 8;
            n += make_options6(payload + n, IP_PROTO_ICMPV6, NULL, 0);
            hostile_case(h);
            inject(h, headers[i], n, &US6);
            HOSTILE_DROPS(h, ipv6_misplaced_header, 1);
            expect_problem(h, BAD_NEXT_HEADER, named_at);
        }
    for (uint32_t n = 9; n < 64; n++) {
        expect_many(h, IP_PROTO_HOP_BY_HOP, n);
        expect_many(h, IP_PROTO_DESTINATION_OPTIONS, n);
    }
    for (uint32_t count = 1; count < 64; count++) { /* headers: eight are enough for anybody */
        uint32_t n = 0;
        for (uint32_t k = 0; k < count; k++)
            n += make_options6(payload + n, k + 1 < count ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_ICMPV6, NULL, 0);
        hostile_case(h);
        inject(h, IP_PROTO_DESTINATION_OPTIONS, n, &US6);
        if (count <= WIRE_IPV6_MAX_HEADERS)
            expect_reply(h);
        else
            HOSTILE_DROPS(h, ipv6_too_many_headers, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "IP6-04");
}

static void ip6_05_routing_headers(void **state) /* RFC 5095, RFC 8200 4.4 */
{
    (void)state;
    struct hostile *h = begin();
    for (unsigned type = 0; type < 256; type++)
        for (unsigned left = 0; left < 256; left += type == 0 || left < 2 ? 1 : 127) {
            memset(payload, 0, 24);
            payload[0] = IP_PROTO_ICMPV6;
            payload[1] = 2;
            payload[2] = (uint8_t)type;
            payload[3] = (uint8_t)left;
            memcpy(payload + 8, OTHER6.bytes, 16);
            hostile_case(h);
            inject(h, IP_PROTO_ROUTING, 24, &US6);
            if (left == 0) {
                expect_reply(h);
            } else {
                HOSTILE_DROPS(h, ipv6_routing_header, 1);
                expect_problem(h, BAD_FIELD, FIRST + 2);
            }
        }
    hostile_end(h, "IP6-05");
}

/* A jumbo payload option that says so many bytes, in a packet whose header says `said`. */
static void inject_jumbo(struct hostile *h, uint32_t jumbo, bool zero_length, bool fragment)
{
    uint8_t option[6] = {WIRE_IPV6_OPT_JUMBO, 4};
    store_be32(option + 2, jumbo);
    uint32_t n = make_options6(payload, fragment ? IP_PROTO_FRAGMENT : IP_PROTO_ICMPV6, option, 6);
    if (fragment) {
        struct wire_ipv6_fragment header = {.id = 1, .next_header = IP_PROTO_ICMPV6, .more = true};
        n += (uint32_t)wire_ipv6_fragment_build(payload + n, &header);
    }
    n += make_echo6(payload + n, &US6, ECHO_BYTES);
    n = make_ipv6(f, &PEER6, &US6, IP_PROTO_HOP_BY_HOP, payload, n);
    if (zero_length)
        store_be16(f + 18, 0);
    hostile_case(h);
    hostile_inject(h, f, n);
    HOSTILE_DROPS(h, ipv6_jumbo, 1);
}

static void ip6_06_jumbograms(void **state) /* RFC 2675 section 3 */
{
    (void)state;
    struct hostile *h = begin();
    for (unsigned fragment = 0; fragment < 2; fragment++) {
        for (uint32_t jumbo = 0; jumbo < 65536; jumbo += jumbo < 64 ? 1 : 997) { /* no jumbogram */
            inject_jumbo(h, jumbo, true, fragment);
            expect_problem(h, BAD_FIELD, FIRST + 4);
        }
        for (uint32_t jumbo = 1; jumbo; jumbo *= 2) { /* and a length in the header as well */
            inject_jumbo(h, jumbo, false, fragment);
            expect_problem(h, BAD_FIELD, FIRST + 2);
        }
        for (uint32_t jumbo = 65536; jumbo; jumbo *= 2) { /* more than any frame has: truncated */
            inject_jumbo(h, jumbo, true, fragment);
            hostile_expect_silence(h);
        }
    }
    for (uint32_t length = 0; length < 8; length++) { /* of another length, or out of alignment */
        uint8_t option[16] = {WIRE_IPV6_OPT_JUMBO, (uint8_t)length};
        if (length == 4)
            continue;
        hostile_case(h);
        inject(h, IP_PROTO_HOP_BY_HOP, make_options6(payload, IP_PROTO_ICMPV6, option, 2 + length), &US6);
        HOSTILE_DROPS(h, ipv6_bad_option, 1);
        hostile_expect_silence(h);
    }
    uint32_t n = make_options6(payload, IP_PROTO_ICMPV6, NULL, 0);
    n += make_echo6(payload + n, &US6, ECHO_BYTES);
    n = make_ipv6(f, &PEER6, &US6, IP_PROTO_HOP_BY_HOP, payload, n);
    store_be16(f + 18, 0);
    hostile_case(h); /* no length at all */
    hostile_inject(h, f, n);
    HOSTILE_DROPS(h, ipv6_jumbo, 1);
    expect_problem(h, BAD_FIELD, 4);
    hostile_end(h, "IP6-06");
}

static void ip6_07_padding_carries_nothing(void **state)
{
    (void)state;
    static const uint8_t headers[] = {IP_PROTO_HOP_BY_HOP, IP_PROTO_DESTINATION_OPTIONS};
    struct hostile *h = begin();
    for (unsigned i = 0; i < 2; i++) {
        for (uint32_t ones = 0; ones < 16; ones++) /* Pad1, then PadN */
            for (uint32_t length = 0; length < 40; length++) {
                uint8_t options[64] = {0};
                options[ones] = WIRE_IPV6_OPT_PADN;
                options[ones + 1] = (uint8_t)length;
                hostile_case(h);
                inject(h, headers[i], make_options6(payload, IP_PROTO_ICMPV6, options, ones + 2 + length), &US6);
                if (ones + 2 + length <= WIRE_IPV6_MAX_PADDING)
                    expect_reply(h);
                else
                    HOSTILE_DROPS(h, ipv6_bad_option, 1);
                hostile_expect_silence(h);
            }
        for (uint32_t length = 1; length < 6; length++)
            for (uint32_t at = 0; at < length; at++)
                for (unsigned bit = 0; bit < 8; bit++) { /* a covert channel */
                    uint8_t options[8] = {WIRE_IPV6_OPT_PADN, (uint8_t)length};
                    options[2 + at] = (uint8_t)(1u << bit);
                    hostile_case(h);
                    inject(h, headers[i], make_options6(payload, IP_PROTO_ICMPV6, options, 2 + length), &US6);
                    HOSTILE_DROPS(h, ipv6_bad_option, 1);
                    hostile_expect_silence(h);
                }
    }
    hostile_end(h, "IP6-07");
}

/* ---- what ends the headers ---- */

/* `length` bytes of nonsense behind so many options headers; the problem is where the last one names `protocol`. */
static void expect_unknown(struct hostile *h, uint8_t protocol, uint32_t headers, uint8_t units, uint32_t length)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < headers; k++)
        n += make_options6(payload + n, k + 1 < headers ? IP_PROTO_DESTINATION_OPTIONS : protocol, NULL, 0);
    memset(payload + n, 0, length);
    if (length > 1)
        payload[n + 1] = units;
    hostile_case(h);
    hostile_inject(h, f,
                   make_ipv6(f, &PEER6, &US6, headers ? IP_PROTO_DESTINATION_OPTIONS : protocol, payload, n + length));
    HOSTILE_DROPS(h, ip_unknown_protocol, 1);
    expect_problem(h, BAD_NEXT_HEADER, headers ? FIRST + n - 8 : NEXT_HEADER_AT);
}

static void ip6_09_ah_and_esp_are_unknown(void **state)
{
    (void)state;
    static const uint8_t protocols[] = {IP_PROTO_AH, IP_PROTO_ESP};
    struct hostile *h = begin();
    for (unsigned i = 0; i < ARRAY_SIZE(protocols); i++)
        for (uint32_t headers = 0; headers < 8; headers++) {
            for (uint32_t length = 0; length < 40; length++)
                expect_unknown(h, protocols[i], headers, 0, length);
            for (unsigned units = 0; units < 256; units++)
                expect_unknown(h, protocols[i], headers, (uint8_t)units, 24);
        }
    hostile_end(h, "IP6-09");
}

static void ip6_10_nothing_is_meant_behind_no_next_header(void **state) /* RFC 8200 4.7 */
{
    (void)state;
    struct hostile *h = begin();
    for (uint32_t headers = 0; headers < 8; headers++)
        for (uint32_t length = 0; length < 256; length++) {
            uint32_t n = 0;
            for (uint32_t k = 0; k < headers; k++)
                n +=
                    make_options6(payload + n, k + 1 < headers ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_NONE, NULL, 0);
            memset(payload + n, 0xff, length);
            hostile_case(h);
            hostile_inject(h, f,
                           make_ipv6(f, &PEER6, &US6, headers ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_NONE, payload,
                                     n + length));
            HOSTILE_NO_DROPS(h);
            hostile_expect_silence(h);
        }
    hostile_end(h, "IP6-10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip6_01_payload_lengths),
        cmocka_unit_test(ip6_02_lengths_of_headers_and_options),
        cmocka_unit_test(ip6_03_unknown_options_say_what_to_do),
        cmocka_unit_test(ip6_04_hop_by_hop_comes_first_and_options_are_eight),
        cmocka_unit_test(ip6_05_routing_headers),
        cmocka_unit_test(ip6_06_jumbograms),
        cmocka_unit_test(ip6_07_padding_carries_nothing),
        cmocka_unit_test(ip6_08_sources_that_no_host_has),
        cmocka_unit_test(ip6_09_ah_and_esp_are_unknown),
        cmocka_unit_test(ip6_10_nothing_is_meant_behind_no_next_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
