/* SPDX-License-Identifier: MIT */
/*
 * IGMP and MLD messages: literal bytes, codes with an exponent against the RFCs' formula, round trips, every length of
 * every kind, records.
 */
#include "unit/wire_support.h"

#include "base/error.h"
#include "wire/igmp.h"
#include "wire/mld.h"

static int print_igmp(char *to, size_t size, const void *m) { return wire_igmp_print(to, size, m); }
static int print_mld(char *to, size_t size, const void *m) { return wire_mld_print(to, size, m); }

/* A query of IGMPv3 about 239.1.2.3 and a source, response time 1 s, QRV 2, QQI 125. Its words 0x110a, 0xef01, 0x0203,
 * 0x027d, 0x0001, 0x0a00 and 0x0001 add up to 0x10e8d, which is 0x0e8e. */
static const uint8_t v3_query[] = {0x11, 10, 0xf1, 0x71, 239, 1, 2, 3, 0x02, 125, 0, 1, 10, 0, 0, 1};

static void literal_messages_are_read(void **state)
{
    (void)state;
    struct wire_group_message m;
    assert_int_equal(wire_igmp_parse(v3_query, sizeof v3_query, &m), sizeof v3_query);
    assert_int_equal(m.kind, WIRE_GROUP_QUERY);
    assert_int_equal(m.version, WIRE_GROUP_V3);
    assert_int_equal(m.max_response_ms, 1000);
    assert_int_equal(m.robustness, 2);
    assert_int_equal(m.interval_s, 125);
    assert_int_equal(m.count, 1);
    assert_false(m.suppress);
    assert_prints(print_igmp, &m, "igmp v3 query 239.1.2.3 sources 1");
    uint8_t report[8] = {0x16, 0, 0x07, 0xfb, 225, 1, 1, 3}; /* 0x1600 + 0xe101 + 0x0103 = 0xf804 */
    assert_int_equal(wire_igmp_parse(report, 8, &m), 8);
    assert_int_equal(m.kind, WIRE_GROUP_REPORT);
    assert_prints(print_igmp, &m, "igmp v2 report 225.1.1.3");
    report[3] ^= 1;
    assert_int_equal(wire_igmp_parse(report, 8, &m), ERR_CHECKSUM);
    static const uint8_t done[24] = {132, [8] = 0xff, [9] = 5, [23] = 1};
    assert_int_equal(wire_mld_parse(done, sizeof done, &m), 24);
    assert_prints(print_mld, &m, "mld v1 done ff05::1");
    static const uint8_t query[28] = {130, 0, 0, 0, 0x80, 0, [24] = 0x0a, [25] = 0x80};
    assert_int_equal(wire_mld_parse(query, sizeof query, &m), 28);
    assert_true(m.suppress);
    assert_int_equal(m.max_response_ms, 32768);
    assert_int_equal(m.interval_s, 128);
    assert_prints(print_mld, &m, "mld v2 query :: sources 0");
    static const uint8_t report2[8] = {143, [7] = 3};
    assert_int_equal(wire_mld_parse(report2, sizeof report2, &m), 8);
    assert_prints(print_mld, &m, "mld v2 report records 3");
}

/* RFC 3376 4.1.1: (mant | 0x10) << (exp + 3); RFC 3810 5.1.3: (mant | 0x1000) << (exp + 3). */
static void codes_are_those_of_the_formula(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        uint32_t expected = code < 128 ? code : ((code & 15u) | 0x10u) << (((code >> 4) & 7u) + 3);
        assert_int_equal(wire_group_code8((uint8_t)code), expected);
        assert_int_equal(wire_group_code8_of(expected), code);
    }
    for (unsigned code = 0; code < 65536; code++) {
        uint32_t expected = code < 32768 ? code : ((code & 0xfffu) | 0x1000u) << (((code >> 12) & 7u) + 3);
        assert_int_equal(wire_group_code16((uint16_t)code), expected);
        assert_int_equal(wire_group_code16_of(expected), code);
    }
    for (uint32_t v = 0; v < 40000; v++) { /* rounds down */
        assert_true(wire_group_code8(wire_group_code8_of(v)) <= v);
        assert_true(wire_group_code16(wire_group_code16_of(v)) <= v);
    }
    assert_int_equal(wire_group_code8(wire_group_code8_of(UINT32_MAX)), 31744);
}

static int build(uint8_t *to, bool v6, const struct wire_group_message *m)
{
    int n = v6 ? wire_mld_build(to, m) : wire_igmp_build(to, m);
    if (!v6)
        wire_igmp_checksum_set(to, (size_t)n);
    return n;
}
static int parse(const uint8_t *bytes, size_t n, bool v6, struct wire_group_message *m)
{
    return v6 ? wire_mld_parse(bytes, n, m) : wire_igmp_parse(bytes, n, m);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct dice d = {7};
    for (unsigned i = 0; i < 20000; i++) {
        bool v6 = dice_one_in(&d, 2);
        struct wire_group_message in = {.kind = (uint8_t)dice_below(&d, 4), .version = WIRE_GROUP_V3}, out;
        uint8_t bytes[64];
        in.group = v6 ? (struct ip_addr){{0xff, 5, [15] = dice_u8(&d)}} : ip_addr_from_v4(0xe1000000u | dice_u8(&d));
        if (in.kind == WIRE_GROUP_REPORT || in.kind == WIRE_GROUP_LEAVE)
            in.version = WIRE_GROUP_V2;
        else if (in.kind == WIRE_GROUP_QUERY)
            in.version = (uint8_t)(WIRE_GROUP_V2 + dice_below(&d, 2));
        if (in.kind == WIRE_GROUP_QUERY) {
            in.max_response_ms = 100u * (1 + dice_below(&d, 127));
            in.robustness = in.version == WIRE_GROUP_V3 ? (uint8_t)dice_below(&d, 8) : 0;
            in.interval_s = in.version == WIRE_GROUP_V3 ? dice_below(&d, 128) : 0;
            in.suppress = in.version == WIRE_GROUP_V3 && dice_one_in(&d, 2);
        }
        int n = build(bytes, v6, &in);
        assert_int_equal(parse(bytes, (size_t)n, v6, &out), n);
        assert_int_equal(out.kind, in.kind);
        assert_int_equal(out.version, in.version);
        assert_int_equal(out.max_response_ms, in.max_response_ms);
        assert_int_equal(out.robustness, in.robustness);
        assert_int_equal(out.interval_s, in.interval_s);
        assert_int_equal(out.suppress, in.suppress);
        if (in.kind != WIRE_GROUP_RECORDS)
            assert_true(ip_addr_equal(&out.group, &in.group));
    }
}

/* RFC 3376 7.1, RFC 3810 8.1: what is between the versions' lengths is none. */
static void every_length_of_a_query_is_judged(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (uint16_t sources = 0; sources < 3; sources++)
            for (size_t n = 0; n < 80; n++) {
                uint8_t bytes[80] = {v6 ? 130 : 0x11, v6 ? 0 : 100};
                struct wire_group_message m;
                size_t old = v6 ? 24 : 8, head = v6 ? 28 : 12, whole = head + sources * (v6 ? 16u : 4u);
                store_be16(bytes + head - 2, sources);
                if (!v6 && n >= 8)
                    wire_igmp_checksum_set(bytes, n);
                int got = parse(at_end_of_memory(bytes, n), n, v6, &m);
                if (n < old || (n >= head && n < whole))
                    assert_int_equal(got, ERR_TRUNCATED);
                else if (n > old && n < head)
                    assert_int_equal(got, ERR_MALFORMED);
                else
                    assert_int_equal(got, n);
            }
}

static void groups_are_multicast_addresses(void **state)
{
    (void)state;
    static const uint8_t types[] = {0x11, 0x12, 0x16, 0x17};
    struct wire_group_message m;
    for (size_t i = 0; i < sizeof types; i++) {
        uint8_t bytes[8] = {types[i], 1, 0, 0, 192, 0, 2, 1};
        wire_igmp_checksum_set(bytes, 8);
        assert_int_equal(wire_igmp_parse(bytes, 8, &m), ERR_MALFORMED);
        bytes[4] = 0;
        bytes[6] = bytes[7] = 0;
        wire_igmp_checksum_set(bytes, 8);
        assert_int_equal(wire_igmp_parse(bytes, 8, &m), i ? ERR_MALFORMED : 8);
    }
    for (uint8_t type = 130; type <= 132; type++) {
        uint8_t bytes[24] = {type, [8] = 0x20};
        assert_int_equal(wire_mld_parse(bytes, 24, &m), ERR_MALFORMED);
        bytes[8] = 0;
        assert_int_equal(wire_mld_parse(bytes, 24, &m), type == 130 ? 24 : ERR_MALFORMED);
    }
    uint8_t other[8] = {0x13};
    wire_igmp_checksum_set(other, 8);
    assert_int_equal(wire_igmp_parse(other, 8, &m), ERR_UNSUPPORTED);
    assert_int_equal(wire_mld_parse(other, 8, &m), ERR_UNSUPPORTED);
}

static void records_are_read_as_far_as_they_are_there(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        const struct ip_addr source = v6 ? (struct ip_addr){{0x20, 1, [15] = 9}} : ip_addr_from_v4(0x0a000009);
        struct wire_group_record in = {.type = WIRE_GROUP_BLOCK_OLD, .count = 2}, out;
        in.group = v6 ? (struct ip_addr){{0xff, 5, [15] = 1}} : ip_addr_from_v4(0xef000001);
        uint8_t bytes[80];
        size_t n = (size_t)wire_group_record_build(bytes, v6, &in);
        for (uint32_t i = 0; i < 2; i++)
            wire_group_address_put(bytes + n, v6, i, &source);
        bytes[1] = 1; /* auxiliary data, which is skipped */
        size_t whole = wire_group_record_bytes(v6, 2) + 4;
        for (size_t k = 0; k < whole; k++)
            assert_int_equal(wire_group_record_parse(at_end_of_memory(bytes, k), k, v6, &out), ERR_TRUNCATED);
        assert_int_equal(wire_group_record_parse(bytes, sizeof bytes, v6, &out), whole);
        assert_int_equal(out.type, WIRE_GROUP_BLOCK_OLD);
        assert_int_equal(out.count, 2);
        struct ip_addr got = wire_group_address(out.sources, v6, 1);
        assert_true(ip_addr_equal(&got, &source) && ip_addr_equal(&out.group, &in.group));
        bytes[4] = 1;
        assert_int_equal(wire_group_record_parse(bytes, sizeof bytes, v6, &out), ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_messages_are_read),      cmocka_unit_test(codes_are_those_of_the_formula),
        cmocka_unit_test(what_is_written_is_read),        cmocka_unit_test(every_length_of_a_query_is_judged),
        cmocka_unit_test(groups_are_multicast_addresses), cmocka_unit_test(records_are_read_as_far_as_they_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
