/* SPDX-License-Identifier: MIT */
/*
 * ICMP of both families: literal messages, round trips, errors made and the quotations in errors received (rows IC-01
 * and IC-04's input).
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000

static int print_icmp(char *to, size_t size, const void *h) { return wire_icmp_print(to, size, h); }
static int print_icmpv6(char *to, size_t size, const void *h) { return wire_icmpv6_print(to, size, h); }

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

static void echo_and_errors_as_text(void **state)
{
    (void)state;
    struct wire_icmp h = {.type = WIRE_ICMP_ECHO_REQUEST, .rest = wire_icmp_rest_echo(7, 8)};
    assert_prints(print_icmp, &h, "icmp echo request id 7 seq 8");
    h = (struct wire_icmp){.type = 3, .code = 4, .rest = wire_icmp_rest_mtu(1400)};
    assert_prints(print_icmp, &h, "icmp unreachable type 3 code 4 mtu 1400");
    h = (struct wire_icmp){.type = 12, .code = 0, .rest = wire_icmp_rest_pointer(20)};
    assert_prints(print_icmp, &h, "icmp parameter problem type 12 code 0 pointer 20");
    h = (struct wire_icmp){.type = 42, .code = 1};
    assert_prints(print_icmp, &h, "icmp type 42 code 1");
    struct wire_icmpv6 v6 = {.type = WIRE_ICMPV6_ECHO_REPLY, .rest = wire_icmpv6_rest_echo(7, 8)};
    assert_prints(print_icmpv6, &v6, "icmp6 echo reply id 7 seq 8");
    v6 = (struct wire_icmpv6){.type = 2, .rest = 1280};
    assert_prints(print_icmpv6, &v6, "icmp6 packet too big type 2 code 0 mtu 1280");
    v6 = (struct wire_icmpv6){.type = 4, .code = 2, .rest = 42};
    assert_prints(print_icmpv6, &v6, "icmp6 parameter problem type 4 code 2 pointer 42");
}

static void fields_of_rest_are_where_the_rfcs_put_them(void **state)
{
    (void)state;
    static const uint8_t needed[8] = {3, 4, 0, 0, 0, 0, 0x05, 0x78}; /* RFC 1191: low 16 bits */
    static const uint8_t problem[8] = {12, 0, 0, 0, 20, 0, 0, 0};    /* RFC 792: first byte */
    static const uint8_t redirect[8] = {5, 1, 0, 0, 10, 0, 0, 1};
    static const uint8_t echo[8] = {8, 0, 0, 0, 0x12, 0x34, 0x56, 0x78};
    struct wire_icmp h;
    assert_int_equal(wire_icmp_parse(needed, 8, &h), 8);
    assert_int_equal(wire_icmp_mtu(&h), 1400);
    assert_int_equal(wire_icmp_parse(problem, 8, &h), 8);
    assert_int_equal(wire_icmp_pointer(&h), 20);
    assert_int_equal(wire_icmp_parse(redirect, 8, &h), 8);
    assert_int_equal(wire_icmp_gateway(&h), 0x0a000001);
    assert_int_equal(wire_icmp_parse(echo, 8, &h), 8);
    assert_int_equal(wire_icmp_echo_id(&h), 0x1234);
    assert_int_equal(wire_icmp_echo_sequence(&h), 0x5678);
    assert_int_equal(wire_icmp_rest_echo(0x1234, 0x5678), h.rest);
    for (size_t n = 0; n < 8; n++) /* IC-01 */
        assert_int_equal(wire_icmp_parse(at_end_of_memory(echo, n), n, &h), ERR_TRUNCATED);
}

static void errors_are_told_from_questions(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        bool v4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        assert_int_equal(wire_icmp_is_error((uint8_t)type), v4);
        assert_int_equal(wire_icmpv6_is_error((uint8_t)type), type < 128);
    }
}

static void every_header_round_trips(void **state)
{
    (void)state;
    struct dice d = {16};
    for (int i = 0; i < CASES; i++) {
        uint8_t bytes[8], again[8] = {0};
        struct wire_icmp a, a2;
        struct wire_icmpv6 b, b2;
        dice_bytes(&d, bytes, sizeof bytes);
        assert_int_equal(wire_icmp_parse(bytes, 8, &a), 8);
        assert_int_equal(wire_icmp_build(again, &a), 8);
        assert_memory_equal(bytes, again, 8);
        assert_int_equal(wire_icmp_parse(again, 8, &a2), 8);
        assert_true(wire_icmp_equal(&a, &a2));
        memset(again, 0, sizeof again);
        assert_int_equal(wire_icmpv6_parse(bytes, 8, &b), 8);
        assert_int_equal(wire_icmpv6_build(again, &b), 8);
        assert_memory_equal(bytes, again, 8);
        assert_int_equal(wire_icmpv6_parse(again, 8, &b2), 8);
        assert_true(wire_icmpv6_equal(&b, &b2));
        size_t n = dice_below(&d, 8);
        assert_int_equal(wire_icmpv6_parse(at_end_of_memory(bytes, n), n, &b), ERR_TRUNCATED);
    }
}

static void checksum_is_set_and_tested(void **state)
{
    (void)state;
    /* Echo request, id 1, sequence 1, "abcd": f7fd - (6162 + 6364) = 3337. */
    uint8_t message[12] = {8, 0, 0xee, 0xee, 0, 1, 0, 1, 'a', 'b', 'c', 'd'};
    struct dice d = {17};
    wire_icmp_checksum_set(message, sizeof message);
    assert_int_equal(load_be16(message + 2), 0x3337);
    assert_true(wire_icmp_checksum_ok(message, sizeof message));
    message[11] ^= 1;
    assert_false(wire_icmp_checksum_ok(message, sizeof message));
    struct ip_addr a = addr("2001:db8::1"), b = addr("2001:db8::2");
    for (int i = 0; i < 1000; i++) {
        uint8_t bytes[64];
        size_t n = 8 + dice_below(&d, 56);
        dice_bytes(&d, bytes, n);
        wire_icmpv6_checksum_set(&a, &b, bytes, n);
        assert_true(wire_icmpv6_checksum_ok(&a, &b, bytes, n));
        bytes[dice_below(&d, (uint32_t)n)] ^= 0x10;
        assert_false(wire_icmpv6_checksum_ok(&a, &b, bytes, n));
    }
}

/* An IPv4 datagram of total_len bytes with TCP ports 1000 and 80, sequence 0xffffff00. */
static void make_v4(uint8_t *to, uint16_t total_len, uint8_t options_len, uint16_t fragment_offset)
{
    static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct wire_ipv4 h = {
        .src = 0x0a000001, .dst = 0x0a000002, .ttl = 64, .protocol = IP_PROTO_TCP, .total_len = total_len};
    h.options = nops;
    h.options_len = options_len;
    h.fragment_offset = fragment_offset;
    int n = wire_ipv4_build(to, &h);
    assert_int_equal(n, 20 + options_len);
    memset(to + n, 0, total_len - (size_t)n);
    store_be16(to + n, 1000);
    store_be16(to + n + 2, 80);
    store_be32(to + n + 4, 0xffffff00);
}

static void v4_errors_quote_as_much_as_fits(void **state)
{
    (void)state;
    uint8_t datagram[1500], to[1500];
    make_v4(datagram, 1500, 0, 0);
    int n = wire_icmp_error_build(to, sizeof to, 3, 4, wire_icmp_rest_mtu(1400), datagram, sizeof datagram);
    assert_int_equal(n, 556);
    assert_true(wire_icmp_checksum_ok(to, 556));
    assert_memory_equal(to + 8, datagram, 548);
    assert_int_equal(wire_icmp_error_build(to, 100, 3, 3, 0, datagram, sizeof datagram), 100);
    assert_int_equal(wire_icmp_error_build(to, 36, 3, 3, 0, datagram, sizeof datagram), 36);
    assert_int_equal(wire_icmp_error_build(to, 35, 3, 3, 0, datagram, sizeof datagram), ERR_NO_SPACE);
    assert_int_equal(wire_icmp_error_build(to, sizeof to, 3, 3, 0, datagram, 19), ERR_INVALID);
    make_v4(datagram, 28, 0, 0);
    assert_int_equal(wire_icmp_error_build(to, sizeof to, 3, 3, 0, datagram, 60),
                     36); /* a link's padding is not quoted */
}

static void v4_quotation_reads_back(void **state)
{
    (void)state;
    uint8_t datagram[1500], to[600];
    struct wire_icmp h;
    struct wire_icmp_quote q;
    for (unsigned options = 0; options <= 40; options += 4) {
        make_v4(datagram, 1500, (uint8_t)options, 0);
        int n = wire_icmp_error_build(to, sizeof to, 11, 0, 0, datagram, sizeof datagram);
        assert_int_equal(wire_icmp_parse(to, (size_t)n, &h), 8);
        assert_int_equal(wire_icmp_quote_parse(to + 8, (size_t)n - 8, &q), 20 + options);
        assert_int_equal(q.ip.total_len, 1500);
        assert_int_equal(q.ip.options_len, options);
        assert_int_equal(q.src_port, 1000);
        assert_int_equal(q.dst_port, 80);
        assert_int_equal(q.tcp_seq, 0xffffff00);
        assert_int_equal(q.l4_len, 548 - 20 - options);
        for (size_t cut = 0; cut < 20u + options + 8; cut++) /* IC-01 */
            assert_int_equal(wire_icmp_quote_parse(at_end_of_memory(to + 8, cut), cut, &q), ERR_TRUNCATED);
        assert_int_equal(wire_icmp_quote_parse(at_end_of_memory(to + 8, 28 + options), 28 + options, &q), 20 + options);
        assert_int_equal(q.l4_len, 8);
    }
}

static void v4_quotation_of_a_later_fragment_has_no_ports(void **state)
{
    (void)state;
    uint8_t datagram[100];
    struct wire_icmp_quote q;
    make_v4(datagram, 100, 0, 1480);
    assert_int_equal(wire_icmp_quote_parse(datagram, sizeof datagram, &q), 20);
    assert_int_equal(q.ip.fragment_offset, 1480);
    assert_true(q.src_port == 0 && q.dst_port == 0 && q.tcp_seq == 0);
}

static void bad_v4_quotations(void **state)
{
    (void)state;
    uint8_t datagram[100];
    struct wire_icmp_quote q;
    for (unsigned first = 0; first < 256; first++) {
        make_v4(datagram, 100, 0, 0);
        datagram[0] = (uint8_t)first;
        int expected = (int)(first & 15) * 4;
        if (first >> 4 != 4)
            expected = ERR_UNSUPPORTED;
        else if (expected < 20)
            expected = ERR_MALFORMED;
        assert_int_equal(wire_icmp_quote_parse(datagram, sizeof datagram, &q), expected);
    }
    for (unsigned total = 0; total < 28; total++) {
        make_v4(datagram, 100, 0, 0);
        store_be16(datagram + 2, (uint16_t)total);
        assert_int_equal(wire_icmp_quote_parse(datagram, sizeof datagram, &q), ERR_MALFORMED);
    }
}

/* An IPv6 packet with `extensions` destination option headers and a TCP header. */
static size_t make_v6(uint8_t *to, unsigned extensions, size_t payload)
{
    struct wire_ipv6 h = {.src = addr("2001:db8::1"), .dst = addr("2001:db8::2"), .hop_limit = 64};
    size_t at = 40;
    h.next_header = extensions > 0 ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_TCP;
    h.payload_len = (uint16_t)(8 * extensions + payload);
    wire_ipv6_build(to, &h);
    for (unsigned i = 0; i < extensions; i++, at += 8) {
        static const uint8_t padding[8] = {0, 0, 1, 4, 0, 0, 0, 0};
        memcpy(to + at, padding, 8);
        to[at] = i + 1 < extensions ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_TCP;
    }
    memset(to + at, 0, payload);
    store_be16(to + at, 1000);
    store_be16(to + at + 2, 80);
    store_be32(to + at + 4, 0xffffff00);
    return at + payload;
}

static void v6_quotation_reads_back(void **state)
{
    (void)state;
    uint8_t packet[2000], to[2000];
    struct ip_addr src = addr("2001:db8::2"), dst = addr("2001:db8::1");
    struct wire_icmpv6_quote q;
    for (unsigned extensions = 0; extensions <= 12; extensions++) {
        size_t length = make_v6(packet, extensions, 1400);
        int n = wire_icmpv6_error_build(to, sizeof to, &src, &dst, 2, 0, 1280, packet, length);
        assert_int_equal(n, 8 + WIRE_ICMPV6_QUOTE_MAX);
        assert_int_equal(n, 1240);
        assert_true(wire_icmpv6_checksum_ok(&src, &dst, to, (size_t)n));
        size_t l4 = 40 + 8 * (size_t)extensions;
        int expected = extensions <= WIRE_IPV6_MAX_HEADERS ? (int)l4 : ERR_MALFORMED;
        assert_int_equal(wire_icmpv6_quote_parse(to + 8, (size_t)n - 8, &q), expected);
        if (expected < 0)
            continue;
        assert_int_equal(q.protocol, IP_PROTO_TCP);
        assert_true(q.src_port == 1000 && q.dst_port == 80 && q.tcp_seq == 0xffffff00);
        assert_int_equal(q.l4_len, 1232 - l4);
        for (size_t cut = 0; cut < l4 + 8; cut++) /* IC-01 */
            assert_int_equal(wire_icmpv6_quote_parse(at_end_of_memory(to + 8, cut), cut, &q), ERR_TRUNCATED);
        assert_int_equal(wire_icmpv6_quote_parse(at_end_of_memory(to + 8, l4 + 8), l4 + 8, &q), l4);
    }
}

static void only_tcp_and_udp_have_ports_in_a_quotation(void **state)
{
    (void)state;
    uint8_t v4[100], v6[200];
    struct wire_icmp_quote q4;
    struct wire_icmpv6_quote q6;
    make_v4(v4, 100, 0, 0);
    size_t length = make_v6(v6, 0, 100);
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        bool tcp = protocol == IP_PROTO_TCP, ports = tcp || protocol == IP_PROTO_UDP;
        v4[9] = v6[6] = (uint8_t)protocol;
        assert_int_equal(wire_icmp_quote_parse(v4, sizeof v4, &q4), 20);
        assert_int_equal(q4.src_port, ports ? 1000 : 0);
        assert_int_equal(q4.tcp_seq, tcp ? 0xffffff00 : 0);
        if (wire_ipv6_is_extension((uint8_t)protocol))
            continue;
        assert_int_equal(wire_icmpv6_quote_parse(v6, length, &q6), 40);
        assert_int_equal(q6.dst_port, ports ? 80 : 0);
        assert_int_equal(q6.tcp_seq, tcp ? 0xffffff00 : 0);
    }
}

static void v6_errors_need_room_for_the_least_quotation(void **state)
{
    (void)state;
    uint8_t packet[200], to[200];
    struct ip_addr a = addr("2001:db8::2");
    size_t length = make_v6(packet, 0, 100);
    assert_int_equal(wire_icmpv6_error_build(to, 55, &a, &a, 1, 4, 0, packet, length), ERR_NO_SPACE);
    assert_int_equal(wire_icmpv6_error_build(to, 56, &a, &a, 1, 4, 0, packet, length), 56);
    assert_int_equal(wire_icmpv6_error_build(to, 200, &a, &a, 1, 4, 0, packet, length), 148);
    assert_int_equal(wire_icmpv6_error_build(to, 200, &a, &a, 1, 4, 0, packet, 40), 48);
    assert_int_equal(wire_icmpv6_error_build(to, 200, &a, &a, 1, 4, 0, packet, 39), ERR_INVALID);
}

static void v6_quotation_of_fragments(void **state)
{
    (void)state;
    uint8_t packet[200];
    struct wire_icmpv6_quote q;
    for (unsigned offset = 0; offset <= 1448; offset += 1448) {
        size_t length = make_v6(packet, 1, 100);
        packet[6] = IP_PROTO_FRAGMENT;
        wire_ipv6_fragment_build(
            packet + 40, &(struct wire_ipv6_fragment){.offset = (uint16_t)offset, .next_header = 6, .more = true});
        assert_int_equal(wire_icmpv6_quote_parse(packet, length, &q), 48);
        assert_int_equal(q.fragment_offset, offset);
        assert_int_equal(q.src_port, offset == 0 ? 1000 : 0);
    }
}

static void bad_v6_quotations(void **state)
{
    (void)state;
    uint8_t packet[200];
    struct wire_icmpv6_quote q;
    size_t length = make_v6(packet, 1, 100);
    store_be16(packet + 4, 15); /* a whole packet without 8 bytes of TCP */
    assert_int_equal(wire_icmpv6_quote_parse(packet, length, &q), ERR_MALFORMED);
    assert_int_equal(wire_icmpv6_quote_parse(packet, 55, &q), ERR_MALFORMED);
    assert_int_equal(wire_icmpv6_quote_parse(packet, 54, &q), ERR_TRUNCATED);
    store_be16(packet + 4, 16);
    assert_int_equal(wire_icmpv6_quote_parse(packet, length, &q), 48);
    packet[41] = 255;
    assert_int_equal(wire_icmpv6_quote_parse(packet, length, &q), ERR_MALFORMED);
    store_be16(packet + 4, 60000);
    assert_int_equal(wire_icmpv6_quote_parse(packet, length, &q), ERR_TRUNCATED);
    packet[0] = 0x45;
    assert_int_equal(wire_icmpv6_quote_parse(packet, length, &q), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_and_errors_as_text),
        cmocka_unit_test(fields_of_rest_are_where_the_rfcs_put_them),
        cmocka_unit_test(errors_are_told_from_questions),
        cmocka_unit_test(every_header_round_trips),
        cmocka_unit_test(checksum_is_set_and_tested),
        cmocka_unit_test(v4_errors_quote_as_much_as_fits),
        cmocka_unit_test(v4_quotation_reads_back),
        cmocka_unit_test(v4_quotation_of_a_later_fragment_has_no_ports),
        cmocka_unit_test(bad_v4_quotations),
        cmocka_unit_test(v6_quotation_reads_back),
        cmocka_unit_test(only_tcp_and_udp_have_ports_in_a_quotation),
        cmocka_unit_test(v6_errors_need_room_for_the_least_quotation),
        cmocka_unit_test(v6_quotation_of_fragments),
        cmocka_unit_test(bad_v6_quotations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
