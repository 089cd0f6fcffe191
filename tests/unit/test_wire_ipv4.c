/* SPDX-License-Identifier: MIT */
/*
 * IPv4 headers and options: the example of RFC 1071's literature and hand-checked literals, round trips, hostile rows
 * IP4-01 to IP4-07.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000
#define AT(i) (WIRE_IPV4_MIN + (i))

static int print_ipv4(char *to, size_t size, const void *h) { return wire_ipv4_print(to, size, h); }

/* A header whose checksum, b861, is worked out by hand in textbooks. */
static const uint8_t textbook[20] = {0x45, 0,    0,    0x73, 0, 0, 0x40, 0,    0x40, 0x11,
                                     0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0,    0xc7};

static void literal_header_is_read_and_rebuilt(void **state)
{
    (void)state;
    uint8_t packet[115] = {0}, again[20];
    struct wire_ipv4 h = {0};
    memcpy(packet, textbook, sizeof textbook);
    assert_int_equal(wire_ipv4_parse(packet, sizeof packet, &h), 20);
    assert_int_equal(h.total_len, 115);
    assert_int_equal(h.flags, WIRE_IPV4_DF);
    assert_int_equal(h.protocol, IP_PROTO_UDP);
    assert_int_equal(h.src, 0xc0a80001);
    assert_int_equal(h.dst, 0xc0a800c7);
    assert_int_equal(wire_ipv4_payload_len(&h), 95);
    assert_false(wire_ipv4_is_fragment(&h));
    assert_true(wire_ipv4_checksum_ok20(packet));
    assert_true(wire_ipv4_checksum_ok(packet, 20));
    assert_int_equal(wire_ipv4_build20(again, &h), 20);
    assert_memory_equal(again, textbook, 20);
    assert_prints(print_ipv4, &h, "192.168.0.1 > 192.168.0.199 proto 17 ttl 64 len 115 id 0 DF");
    h.flags = WIRE_IPV4_MF;
    h.fragment_offset = 1480;
    h.tos = 46;
    h.options_len = 4;
    assert_prints(print_ipv4, &h,
                  "192.168.0.1 > 192.168.0.199 proto 17 ttl 64 len 115 id 0 tos 46 MF offset 1480 options 4");
}

/* IP4-01, IP4-02, IP4-04: all version, IHL and total length values against all numbers of bytes present. */
static void lengths_are_believed_only_when_bytes_are_there(void **state)
{
    (void)state;
    uint8_t packet[80] = {0};
    struct wire_ipv4 h = {0};
    memcpy(packet, textbook, sizeof textbook);
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned total = 0; total <= 90; total++) {
            packet[0] = (uint8_t)first;
            store_be16(packet + 2, (uint16_t)(total == 90 ? 65535 : total));
            for (size_t n = 0; n <= sizeof packet; n += n < 24 ? 1 : 7) {
                unsigned header_len = (first & 15) * 4;
                int expected = (int)header_len;
                if (n < 20)
                    expected = ERR_TRUNCATED;
                else if (first >> 4 != 4)
                    expected = ERR_UNSUPPORTED;
                else if (header_len < 20 || total < header_len)
                    expected = ERR_MALFORMED;
                else if (total > n)
                    expected = ERR_TRUNCATED;
                assert_int_equal(wire_ipv4_parse(at_end_of_memory(packet, n), n, &h), expected);
            }
        }
    }
}

/* IP4-03: of all values of a field exactly one checks, apart from the two forms of zero. */
static void only_the_right_checksum_is_right(void **state)
{
    (void)state;
    uint8_t header[60];
    unsigned right = 0;
    memcpy(header, textbook, sizeof textbook);
    for (unsigned id = 0; id < 65536; id++) {
        store_be16(header + 4, (uint16_t)id);
        bool expected = id == 0 || id == 65535;
        assert_int_equal(wire_ipv4_checksum_ok20(header), expected);
        right += wire_ipv4_checksum_ok(header, 20);
    }
    assert_int_equal(right, 2);
}

/* RFC 1071's definition, byte by byte. */
static uint16_t model_checksum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void random_ipv4(struct dice *d, struct wire_ipv4 *h, uint8_t options[WIRE_IPV4_MAX_OPTIONS])
{
    dice_bytes(d, options, WIRE_IPV4_MAX_OPTIONS);
    *h = (struct wire_ipv4){.src = dice_u32(d), .dst = dice_u32(d), .id = dice_u16(d), .options = options};
    h->options_len = (uint8_t)(dice_one_in(d, 2) ? 0 : 4 * dice_below(d, 11));
    h->header_len = (uint8_t)(WIRE_IPV4_MIN + h->options_len);
    h->total_len = (uint16_t)(h->header_len + dice_below(d, 1440));
    h->fragment_offset = dice_u16(d) & 0xfff8u;
    h->flags = dice_u8(d) & 7;
    h->tos = dice_u8(d);
    h->ttl = dice_u8(d);
    h->protocol = dice_u8(d);
}

static void parse_after_build_is_the_identity(void **state)
{
    (void)state;
    struct dice d = {7};
    uint8_t options[WIRE_IPV4_MAX_OPTIONS], packet[1500] = {0}, again[WIRE_IPV4_MAX];
    for (int i = 0; i < CASES; i++) {
        struct wire_ipv4 h = {0}, parsed = {0};
        random_ipv4(&d, &h, options);
        int length = wire_ipv4_build(packet, &h);
        assert_int_equal(length, h.header_len);
        assert_int_equal(model_checksum(packet, (size_t)length), 0);
        assert_true(wire_ipv4_checksum_ok(packet, (size_t)length));
        assert_int_equal(wire_ipv4_parse(packet, h.total_len, &parsed), length);
        assert_true(wire_ipv4_equal(&h, &parsed));
        assert_int_equal(wire_ipv4_is_fragment(&h), (h.flags & 1) != 0 || h.fragment_offset != 0);
        assert_int_equal(wire_ipv4_build(again, &parsed), length);
        assert_memory_equal(packet, again, (size_t)length);
        if (h.options_len == 0) {
            assert_int_equal(wire_ipv4_build20(again, &h), 20);
            assert_memory_equal(packet, again, 20);
        }
    }
}

static void what_does_not_fit_is_not_built(void **state)
{
    (void)state;
    uint8_t to[WIRE_IPV4_MAX], options[44] = {0};
    const struct wire_ipv4 good = {.total_len = 100, .options = options, .options_len = 40};
    assert_int_equal(wire_ipv4_build(to, &good), 60);
    struct wire_ipv4 h = good;
    h.options_len = 44;
    assert_int_equal(wire_ipv4_build(to, &h), ERR_INVALID);
    h.options_len = 3;
    assert_int_equal(wire_ipv4_build(to, &h), ERR_INVALID);
    h = good;
    h.total_len = 59;
    assert_int_equal(wire_ipv4_build(to, &h), ERR_INVALID);
    h = good;
    h.fragment_offset = 4;
    assert_int_equal(wire_ipv4_build(to, &h), ERR_INVALID);
    h = good;
    h.flags = 8;
    assert_int_equal(wire_ipv4_build(to, &h), ERR_INVALID);
}

struct option_row {
    const char *what;
    uint8_t bytes[12];
    uint8_t length;
    enum wire_ipv4_options_verdict verdict;
    uint8_t pointer;
};

static const struct option_row option_rows[] = {
    {"nothing", {0}, 0, WIRE_IPV4_OPTIONS_OK, 0},
    {"end, then garbage", {0, 7, 0, 0}, 4, WIRE_IPV4_OPTIONS_OK, 0},
    {"NOPs", {1, 1, 1, 1}, 4, WIRE_IPV4_OPTIONS_OK, 0},
    {"unknown option", {0x99, 4, 0, 0}, 4, WIRE_IPV4_OPTIONS_OK, 0},
    {"unknown option without data at the end", {1, 1, 0x99, 2}, 4, WIRE_IPV4_OPTIONS_OK, 0},
    {"unknown option of length 0", {0x99, 0, 0, 0}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(0)},
    {"unknown option of length 1", {1, 0x99, 1, 0}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(1)},
    {"unknown option past the end", {1, 0x99, 4, 0}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(1)},
    {"kind without length", {1, 1, 1, 0x99}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(3)},
    {"router alert", {148, 4, 0, 0}, 4, WIRE_IPV4_OPTIONS_OK, 0},
    {"router alert of length 3", {148, 3, 0, 0}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(1)},
    {"record route", {7, 7, 4, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_OK, 0},
    {"full record route", {7, 7, 8, 1, 2, 3, 4, 0}, 8, WIRE_IPV4_OPTIONS_OK, 0},
    {"record route, pointer far behind", {7, 7, 255, 1, 2, 3, 4, 0}, 8, WIRE_IPV4_OPTIONS_OK, 0},
    {"record route, pointer 3", {7, 7, 3, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"record route, no room at the pointer", {7, 7, 5, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"record route, pointer at its last byte", {7, 7, 7, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"record route of length 2", {7, 2, 4, 0}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(1)},
    {"two record routes", {7, 3, 4, 7, 3, 4, 0, 0}, 8, WIRE_IPV4_OPTIONS_DUPLICATE, AT(3)},
    {"timestamps", {68, 8, 5, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_OK, 0},
    {"timestamps and addresses", {68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 12, WIRE_IPV4_OPTIONS_OK, 0},
    {"timestamps, no room for an address", {68, 8, 5, 1, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"timestamps, pointer 4", {68, 8, 4, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"timestamps, pointer 1", {68, 8, 1, 0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"timestamps, flag 2", {68, 8, 5, 2, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(3)},
    {"full timestamps, overflow 14", {68, 8, 9, 0xe0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_OK, 0},
    {"full timestamps, overflow 15", {68, 8, 9, 0xf0, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(3)},
    {"timestamps of length 3", {68, 3, 5, 0}, 4, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(1)},
    {"loose source route", {131, 7, 4, 10, 0, 0, 1, 0}, 8, WIRE_IPV4_OPTIONS_SOURCE_ROUTE, 0},
    {"strict source route, used up", {1, 137, 7, 8, 10, 0, 0, 1}, 8, WIRE_IPV4_OPTIONS_SOURCE_ROUTE, 0},
    {"source route, pointer 0", {131, 7, 0, 10, 0, 0, 1, 0}, 8, WIRE_IPV4_OPTIONS_BAD_POINTER, AT(2)},
    {"loose and strict", {131, 3, 4, 137, 3, 4, 0, 0}, 8, WIRE_IPV4_OPTIONS_DUPLICATE, AT(3)},
    {"source route, then a bad length", {131, 3, 4, 0x99, 0, 0, 0, 0}, 8, WIRE_IPV4_OPTIONS_BAD_LENGTH, AT(3)},
};

/* IP4-05 to IP4-07. */
static void options_are_judged_by_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        struct wire_ipv4_options out;
        const uint8_t *bytes = at_end_of_memory(row->bytes, row->length);
        enum wire_ipv4_options_verdict verdict = wire_ipv4_options_check(bytes, row->length, &out);
        if (verdict != row->verdict || out.pointer != row->pointer)
            fail_msg("%s: verdict %d pointer %d, expected %d and %d", row->what, (int)verdict, out.pointer,
                     (int)row->verdict, row->pointer);
    }
}

/* IP4-06: whatever pointer and length, a source route is never just accepted. */
static void no_source_route_is_ever_accepted(void **state)
{
    (void)state;
    for (unsigned kind = 131; kind <= 137; kind += 6) {
        for (unsigned length = 0; length <= 40; length++) {
            for (unsigned pointer = 0; pointer < 256; pointer++) {
                uint8_t options[40] = {(uint8_t)kind, (uint8_t)length, (uint8_t)pointer};
                struct wire_ipv4_options out;
                assert_int_not_equal(wire_ipv4_options_check(options, sizeof options, &out), WIRE_IPV4_OPTIONS_OK);
            }
        }
    }
}

static void option_flags_are_reported(void **state)
{
    (void)state;
    static const uint8_t options[] = {148, 4, 0, 0, 7, 3, 4, 68, 4, 5, 0, 131, 3, 4, 1, 1};
    struct wire_ipv4_options out;
    assert_int_equal(wire_ipv4_options_check(options, sizeof options, &out), WIRE_IPV4_OPTIONS_SOURCE_ROUTE);
    assert_true(out.router_alert && out.record_route && out.timestamp && out.source_route);
    assert_int_equal(wire_ipv4_options_check(options, 4, &out), WIRE_IPV4_OPTIONS_OK);
    assert_true(out.router_alert && !out.record_route && !out.timestamp && !out.source_route);
}

static void random_options_end_within_the_bytes(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {0, 1, 7, 68, 130, 131, 137, 148, 0x99};
    struct dice d = {8};
    for (int i = 0; i < 200000; i++) {
        uint8_t options[40];
        for (size_t at = 0; at < sizeof options; at++)
            options[at] = dice_one_in(&d, 2) ? kinds[dice_below(&d, sizeof kinds)] : (uint8_t)dice_below(&d, 12);
        size_t n = dice_below(&d, 41);
        struct wire_ipv4_options out;
        wire_ipv4_options_check(at_end_of_memory(options, n), n, &out);
        assert_true(out.pointer == 0 || (out.pointer >= AT(0) && out.pointer < AT(n)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_header_is_read_and_rebuilt),
        cmocka_unit_test(lengths_are_believed_only_when_bytes_are_there),
        cmocka_unit_test(only_the_right_checksum_is_right),
        cmocka_unit_test(parse_after_build_is_the_identity),
        cmocka_unit_test(what_does_not_fit_is_not_built),
        cmocka_unit_test(options_are_judged_by_the_table),
        cmocka_unit_test(no_source_route_is_ever_accepted),
        cmocka_unit_test(option_flags_are_reported),
        cmocka_unit_test(random_options_end_within_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
