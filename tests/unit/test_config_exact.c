/* SPDX-License-Identifier: MIT */
/*
 * Values with units, probabilities and addresses: every unit, the edges, and the C library as the second opinion on
 * addresses.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "config/address.h"
#include "config/suggest.h"
#include "config/type.h"

struct expectation {
    enum config_type type;
    enum config_misfit misfit;
    const char *text;
    uint64_t value;
};

static const struct expectation expectations[] = {
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "0", 0},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "0.0", 0},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "0s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "1ns", 1},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "100us", 100000},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "250ms", 250000000},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "1.5s", 1500000000},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "0.000000001s", 1},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "1.500000000000000000000000s", 1500000000},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "2m", UINT64_C(120000000000)},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "0.5h", UINT64_C(1800000000000)},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "9223372036854775807ns", INT64_MAX},
    {CONFIG_TYPE_DURATION, CONFIG_FITS, "9223372036.854775807s", INT64_MAX},
    {CONFIG_TYPE_DURATION, CONFIG_OUT_OF_RANGE, "9223372036854775808ns", 0},
    {CONFIG_TYPE_DURATION, CONFIG_OUT_OF_RANGE, "9223372036.854775808s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_OUT_OF_RANGE, "9999999999999999999h", 0},
    {CONFIG_TYPE_DURATION, CONFIG_TOO_LONG, "99999999999999999999h", 0},
    {CONFIG_TYPE_DURATION, CONFIG_TOO_LONG, "0.1234567890123456789012s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_INEXACT, "0.1ns", 0},
    {CONFIG_TYPE_DURATION, CONFIG_INEXACT, "1.0000000001s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_INEXACT, "0.000000000000000000001h", 0},
    {CONFIG_TYPE_DURATION, CONFIG_NO_UNIT, "10", 0},
    {CONFIG_TYPE_DURATION, CONFIG_NO_UNIT, "1.5", 0},
    {CONFIG_TYPE_DURATION, CONFIG_NO_UNIT, "1e3", 0},
    {CONFIG_TYPE_DURATION, CONFIG_UNKNOWN_UNIT, "10S", 0},
    {CONFIG_TYPE_DURATION, CONFIG_UNKNOWN_UNIT, "10 s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_UNKNOWN_UNIT, "1m30s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_UNKNOWN_UNIT, "1e3s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_UNKNOWN_UNIT, "1.s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, "s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, "", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, ".5s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, "010s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, "+1s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, "-1s", 0},
    {CONFIG_TYPE_DURATION, CONFIG_OUT_OF_RANGE, "-1", 0},
    {CONFIG_TYPE_DURATION, CONFIG_OUT_OF_RANGE, "-0.5", 0},
    {CONFIG_TYPE_DURATION, CONFIG_WRONG, "true", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "10k", 10000},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "2.5M", 2500000},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "1G", 1000000000},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "1T", UINT64_C(1000000000000)},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "1e6", 1000000},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "1.25E+2", 125},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "1000000.0", 1000000},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "5000e-3", 5},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "18446744073709551615", UINT64_MAX},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "18446744.073709551615T", UINT64_MAX},
    {CONFIG_TYPE_QUANTITY, CONFIG_TOO_LONG, "18446744.073709551616T", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_OUT_OF_RANGE, "18446744.07371T", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_OUT_OF_RANGE, "1e20", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_OUT_OF_RANGE, "1e300", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_FITS, "0e300", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_INEXACT, "1.5", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_INEXACT, "1e-300", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_INEXACT, "1.0005k", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_UNKNOWN_UNIT, "1K", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_UNKNOWN_UNIT, "1kk", 0},
    {CONFIG_TYPE_QUANTITY, CONFIG_UNKNOWN_UNIT, "0x10", 0},
    {CONFIG_TYPE_MILLI, CONFIG_FITS, "0.5", 500},
    {CONFIG_TYPE_MILLI, CONFIG_FITS, "0.001", 1},
    {CONFIG_TYPE_MILLI, CONFIG_INEXACT, "0.0005", 0},
    {CONFIG_TYPE_MILLI, CONFIG_FITS, "2.5M", UINT64_C(2500000000)},
    {CONFIG_TYPE_MILLI, CONFIG_FITS, "1T", UINT64_C(1000000000000000)},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "64", 64},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "64B", 64},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1KiB", 1024},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1.5KiB", 1536},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "0.0009765625KiB", 1},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "0.00000095367431640625TiB", 1048576},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "0.000000476837158203125TiB", 524288},
    {CONFIG_TYPE_SIZE, CONFIG_INEXACT, "0.001KiB", 0},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1kB", 1000},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "100MB", 100000000},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1MiB", 1048576},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1GB", 1000000000},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1GiB", 1073741824},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "1TB", UINT64_C(1000000000000)},
    {CONFIG_TYPE_SIZE, CONFIG_FITS, "16777215TiB", UINT64_C(0xffffff0000000000)},
    {CONFIG_TYPE_SIZE, CONFIG_OUT_OF_RANGE, "16777216TiB", 0},
    {CONFIG_TYPE_SIZE, CONFIG_UNKNOWN_UNIT, "1KB", 0},
    {CONFIG_TYPE_SIZE, CONFIG_UNKNOWN_UNIT, "1M", 0},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "1%", 10000000},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "0.01", 10000000},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "1e-9", 1},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "0.0000001%", 1},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "100%", 1000000000},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "1", 1000000000},
    {CONFIG_TYPE_PROBABILITY, CONFIG_FITS, "0", 0},
    {CONFIG_TYPE_PROBABILITY, CONFIG_OUT_OF_RANGE, "1.000000001", 0},
    {CONFIG_TYPE_PROBABILITY, CONFIG_OUT_OF_RANGE, "101%", 0},
    {CONFIG_TYPE_PROBABILITY, CONFIG_INEXACT, "1e-10", 0},
    {CONFIG_TYPE_PROBABILITY, CONFIG_UNKNOWN_UNIT, "1 %", 0},
    {CONFIG_TYPE_U16, CONFIG_FITS, "65535", 65535},
    {CONFIG_TYPE_U16, CONFIG_OUT_OF_RANGE, "65536", 0},
    {CONFIG_TYPE_U16, CONFIG_FITS, "0xffff", 65535},
    {CONFIG_TYPE_U8, CONFIG_OUT_OF_RANGE, "256", 0},
    {CONFIG_TYPE_U32, CONFIG_WRONG, "1e3", 0},
};

static void values_with_units_are_exact_or_refused(void **state UNUSED)
{
    const struct config_field field = {.name = "x"};
    for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
        const struct expectation *e = &expectations[i];
        struct config_value value;
        enum config_misfit misfit = config_type_read_text(&field, e->type, e->text, &value);
        if (misfit != e->misfit || (misfit == CONFIG_FITS && value.order.u64 != e->value))
            fail_msg("%s of type %d: misfit %d, value %llu", e->text, e->type, misfit,
                     (unsigned long long)value.order.u64);
    }
}

static void doubles_take_only_the_integers_they_hold(void **state UNUSED)
{
    const struct config_field field = {.name = "x"};
    static const struct {
        const char *text;
        enum config_misfit misfit;
        double value;
    } cases[] = {
        {"5", CONFIG_FITS, 5},
        {"-5", CONFIG_FITS, -5},
        {"9007199254740992", CONFIG_FITS, 9007199254740992.0},
        {"9007199254740993", CONFIG_INEXACT, 0},
        {"-9007199254740993", CONFIG_INEXACT, 0},
        {"18446744073709551615", CONFIG_INEXACT, 0},
        {"18446744073709549568", CONFIG_FITS, 18446744073709549568.0},
        {"0.1", CONFIG_FITS, 0.1},
        {"1e400", CONFIG_OUT_OF_RANGE, 0},
        {"x", CONFIG_WRONG, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct config_value value;
        assert_int_equal(config_type_read_text(&field, CONFIG_TYPE_DOUBLE, cases[i].text, &value), cases[i].misfit);
        assert_true(cases[i].misfit != CONFIG_FITS || value.as.number == cases[i].value);
    }
}

/* Ours and inet_pton agree, on the text and on the bytes. */
static void expect_same_address(const char *text)
{
    struct in_addr in;
    struct in6_addr in6;
    uint32_t ipv4;
    uint8_t ipv6[16];
    size_t length = strlen(text);
    bool is4 = inet_pton(AF_INET, text, &in) == 1, is6 = inet_pton(AF_INET6, text, &in6) == 1;
    if (config_address_ipv4(text, length, &ipv4) != is4 || (is4 && ipv4 != ntohl(in.s_addr)))
        fail_msg("IPv4: %s", text);
    if (config_address_ipv6(text, length, ipv6) != is6 || (is6 && memcmp(ipv6, &in6, 16) != 0))
        fail_msg("IPv6: %s", text);
    if (config_address_any(text, length, ipv6) != (is4 || is6))
        fail_msg("either: %s", text);
}

static void addresses_are_read_as_the_c_library_does(void **state UNUSED)
{
    static const char *const texts[] = {
        "0.0.0.0",
        "255.255.255.255",
        "1.2.3.4",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.04",
        "1..2.3",
        ".1.2.3.4",
        "1.2.3.4.",
        "1.2.3.4 ",
        "0x1.2.3.4",
        "1000.1.1.1",
        "",
        ".",
        "::",
        "::1",
        "1::",
        ":",
        ":::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6::8",
        "1::3::5",
        "12345::",
        "g::",
        "::ffff:1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "::01.2.3.4",
        "fe80::1%eth0",
        "ABCD:ef01::",
        "2001:db8:::1",
        "1:2:3:4:5:6:7:",
        "::1:",
        "0000:0000::0000",
        "00001::",
        "1:2:3:4::5:6:7:8",
        "::256.1.1.1",
        "::1.2.3.4 ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        expect_same_address(texts[i]);
    struct random r;
    random_seed(&r, 3);
    for (unsigned i = 0; i < 200000; i++) {
        static const char letters[] = "0123456789abcdefF::::....1112 g";
        char text[48];
        size_t n = random_below(&r, 20);
        for (size_t k = 0; k < n; k++)
            text[k] = letters[random_below(&r, sizeof letters - 1)];
        text[n] = '\0';
        expect_same_address(text);
    }
}

static void random_addresses_survive_the_way_to_text_and_back(void **state UNUSED)
{
    struct random r;
    random_seed(&r, 4);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[16], back[16];
        char text[INET6_ADDRSTRLEN];
        for (unsigned k = 0; k < 16; k++)
            bytes[k] = random_below(&r, 3) ? 0 : (uint8_t)random_u32(&r);
        assert_non_null(inet_ntop(AF_INET6, bytes, text, sizeof text));
        assert_true(config_address_ipv6(text, strlen(text), back));
        assert_memory_equal(back, bytes, 16);
    }
}

static void mac_addresses_and_prefixes_are_read_whole(void **state UNUSED)
{
    static const uint8_t expected[6] = {0x02, 0xab, 0xCD, 0, 0, 0xff};
    uint8_t mac[6], prefix_length;
    size_t n;
    assert_true(config_address_mac("02:ab:CD:00:00:ff", 17, mac));
    assert_memory_equal(mac, expected, 6);
    assert_true(config_address_mac("02-ab-CD-00-00-ff", 17, mac));
    assert_false(config_address_mac("02:ab-CD:00:00:ff", 17, mac));
    assert_false(config_address_mac("02ab.cd00.00ff...", 17, mac));
    assert_false(config_address_mac("02:ab:CD:00:00:f", 16, mac));
    assert_false(config_address_mac("02:ab:CD:00:00:fg", 17, mac));
    assert_true(config_address_split("a/24", 32, &n, &prefix_length) && n == 1 && prefix_length == 24);
    assert_true(config_address_split("/0", 32, &n, &prefix_length) && n == 0 && prefix_length == 0);
    assert_false(config_address_split("a/33", 32, &n, &prefix_length));
    assert_false(config_address_split("a/024", 32, &n, &prefix_length));
    assert_false(config_address_split("a/", 32, &n, &prefix_length));
    assert_false(config_address_split("a/2 ", 32, &n, &prefix_length));
    assert_false(config_address_split("a/1/2", 32, &n, &prefix_length));
    assert_false(config_address_split("a", 32, &n, &prefix_length));
}

static const char *suggested(const char *typed)
{
    static const char *const names[] = {"requests", "response", "rate", "think_time", "ip"};
    struct config_suggestion s = config_suggest_begin(typed);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        config_suggest_try(&s, names[i]);
    return s.name ? s.name : "";
}

static void the_nearest_name_is_suggested(void **state UNUSED)
{
    char longest[200];
    assert_string_equal(suggested("reqests"), "requests");
    assert_string_equal(suggested("erquests"), "requests");
    assert_string_equal(suggested("respones"), "response");
    assert_string_equal(suggested("RATE"), "rate");
    assert_string_equal(suggested("rat"), "rate");
    assert_string_equal(suggested("ra"), "");
    assert_string_equal(suggested("thinkTime"), "think_time");
    assert_string_equal(suggested("think-time"), "think_time");
    assert_string_equal(suggested("ipp"), "ip");
    assert_string_equal(suggested("xyz"), "");
    assert_string_equal(suggested(""), "");
    memset(longest, 'r', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(suggested(longest), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_with_units_are_exact_or_refused),
        cmocka_unit_test(doubles_take_only_the_integers_they_hold),
        cmocka_unit_test(addresses_are_read_as_the_c_library_does),
        cmocka_unit_test(random_addresses_survive_the_way_to_text_and_back),
        cmocka_unit_test(mac_addresses_and_prefixes_are_read_whole),
        cmocka_unit_test(the_nearest_name_is_suggested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
