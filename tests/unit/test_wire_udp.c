/* SPDX-License-Identifier: MIT */
/*
 * UDP headers (rows UD-01 and UD-02) and the checksums of TCP, UDP and ICMPv6 with their pseudo-headers, against a
 * byte-wise model.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000

static int print_udp(char *to, size_t size, const void *h) { return wire_udp_print(to, size, h); }

/* UD-01: every length field against every number of bytes present. */
static void length_rules(void **state)
{
    (void)state;
    uint8_t datagram[64] = {0x03, 0xe8, 0, 53};
    struct wire_udp h = {0};
    for (unsigned length = 0; length <= 66; length++) {
        store_be16(datagram + 4, (uint16_t)(length == 66 ? 65535 : length));
        for (size_t n = 0; n <= sizeof datagram; n++) {
            int expected = 8;
            if (n < 8 || (length >= 8 && length > n))
                expected = ERR_TRUNCATED;
            else if (length < 8)
                expected = ERR_MALFORMED;
            assert_int_equal(wire_udp_parse(at_end_of_memory(datagram, n), n, &h), expected);
        }
    }
}

static void every_header_round_trips(void **state)
{
    (void)state;
    struct dice d = {12};
    for (int i = 0; i < CASES; i++) {
        static uint8_t datagram[65535];
        uint8_t again[8];
        struct wire_udp h = {0}, parsed = {0};
        dice_bytes(&d, datagram, 8);
        datagram[4] |= 1;
        assert_int_equal(wire_udp_parse(datagram, sizeof datagram, &h), 8);
        assert_int_equal(wire_udp_build(again, &h), 8);
        assert_memory_equal(datagram, again, 8);
        assert_int_equal(wire_udp_parse(datagram, h.length, &parsed), 8);
        assert_true(wire_udp_equal(&h, &parsed));
    }
    const struct wire_udp h = {.src_port = 1000, .dst_port = 53, .length = 40, .checksum = 1};
    assert_prints(print_udp, &h, "1000 > 53 udp len 40");
    assert_prints(print_udp, &((struct wire_udp){.src_port = 1, .dst_port = 2, .length = 8}),
                  "1 > 2 udp len 8 no checksum");
}

/* The ones' complement sum of a pseudo-header written out and the bytes, one by one. */
static uint16_t model(const uint8_t *pseudo, size_t pseudo_len, const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < pseudo_len; i++)
        sum += (uint64_t)pseudo[i] << (i % 2 == 0 ? 8 : 0);
    for (size_t i = 0; i < length; i++)
        sum += (uint64_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* A native checksum value as the number on the wire. */
static uint16_t on_wire(uint16_t native)
{
    uint8_t bytes[2];
    memcpy(bytes, &native, 2);
    return load_be16(bytes);
}

static void v4_checksum_equals_the_model(void **state)
{
    (void)state;
    struct dice d = {13};
    uint8_t bytes[2000], pseudo[12];
    for (int i = 0; i < CASES; i++) {
        size_t n = dice_below(&d, sizeof bytes);
        uint8_t protocol = dice_one_in(&d, 2) ? IP_PROTO_UDP : IP_PROTO_TCP;
        uint32_t src = dice_u32(&d), dst = dice_u32(&d);
        dice_bytes(&d, bytes, n);
        store_be32(pseudo, src);
        store_be32(pseudo + 4, dst);
        store_be16(pseudo + 8, protocol);
        store_be16(pseudo + 10, (uint16_t)n);
        uint16_t expected = model(pseudo, sizeof pseudo, bytes, n);
        if (expected == 0 && protocol == IP_PROTO_UDP)
            expected = 0xffff;
        assert_int_equal(on_wire(wire_l4_checksum_v4(src, dst, protocol, bytes, n)), expected);
        struct ip_addr a = ip_addr_from_v4(src), b = ip_addr_from_v4(dst);
        assert_int_equal(on_wire(wire_l4_checksum(&a, &b, protocol, bytes, n)), expected);
    }
}

static void v6_checksum_equals_the_model(void **state)
{
    (void)state;
    struct dice d = {14};
    uint8_t bytes[2000], pseudo[40] = {0};
    for (int i = 0; i < CASES; i++) {
        size_t n = dice_below(&d, sizeof bytes);
        dice_bytes(&d, bytes, n);
        dice_bytes(&d, pseudo, 32);
        store_be32(pseudo + 32, (uint32_t)n);
        pseudo[39] = IP_PROTO_ICMPV6;
        struct ip_addr src = ip_addr_from_v6(pseudo), dst = ip_addr_from_v6(pseudo + 16);
        uint16_t expected = model(pseudo, sizeof pseudo, bytes, n);
        assert_int_equal(on_wire(wire_l4_checksum_v6(&src, &dst, IP_PROTO_ICMPV6, bytes, n)), expected);
        assert_int_equal(on_wire(wire_l4_checksum(&src, &dst, IP_PROTO_ICMPV6, bytes, n)), expected);
    }
}

/* What was made checks; with any one bit turned it does not. */
static void made_checksums_check(void **state)
{
    (void)state;
    struct dice d = {15};
    uint8_t bytes[64];
    for (int i = 0; i < CASES; i++) {
        size_t n = 8 + dice_below(&d, 56);
        struct ip_addr src, dst;
        dice_bytes(&d, &src, 16);
        dice_bytes(&d, &dst, 16);
        dice_bytes(&d, bytes, n);
        store_be16(bytes + 6, 0);
        uint16_t v6 = wire_l4_checksum_v6(&src, &dst, IP_PROTO_UDP, bytes, n);
        memcpy(bytes + 6, &v6, 2);
        assert_true(wire_l4_checksum_ok_v6(&src, &dst, IP_PROTO_UDP, bytes, n));
        assert_true(wire_l4_checksum_ok(&src, &dst, IP_PROTO_UDP, bytes, n));
        bytes[dice_below(&d, (uint32_t)n)] ^= (uint8_t)(1u << dice_below(&d, 8));
        assert_false(wire_l4_checksum_ok_v6(&src, &dst, IP_PROTO_UDP, bytes, n));
        store_be16(bytes + 6, 0);
        uint16_t v4 = wire_l4_checksum_v4(1, 2, IP_PROTO_UDP, bytes, n);
        memcpy(bytes + 6, &v4, 2);
        assert_true(wire_l4_checksum_ok_v4(1, 2, IP_PROTO_UDP, bytes, n));
        bytes[dice_below(&d, (uint32_t)n)] ^= (uint8_t)(1u << dice_below(&d, 8));
        assert_false(wire_l4_checksum_ok_v4(1, 2, IP_PROTO_UDP, bytes, n));
    }
}

/* UD-02: over all values of a word, UDP's checksum is never zero and TCP's is zero once. */
static void udp_sends_ffff_for_zero(void **state)
{
    (void)state;
    uint8_t datagram[10] = {0x03, 0xe8, 0, 53, 0, 10};
    unsigned zeros = 0, ones = 0;
    for (unsigned word = 0; word < 65536; word++) {
        store_be16(datagram + 8, (uint16_t)word);
        uint16_t udp = wire_l4_checksum_v4(0x0a000001, 0x0a000002, IP_PROTO_UDP, datagram, sizeof datagram);
        uint16_t tcp = wire_l4_checksum_v4(0x0a000001, 0x0a000002, IP_PROTO_TCP, datagram, sizeof datagram);
        assert_int_not_equal(udp, 0);
        zeros += tcp == 0;
        ones += udp == 0xffff;
    }
    assert_int_equal(zeros, 1);
    assert_int_equal(ones, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_rules),
        cmocka_unit_test(every_header_round_trips),
        cmocka_unit_test(v4_checksum_equals_the_model),
        cmocka_unit_test(v6_checksum_equals_the_model),
        cmocka_unit_test(made_checksums_check),
        cmocka_unit_test(udp_sends_ffff_for_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
