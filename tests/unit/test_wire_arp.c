/* SPDX-License-Identifier: MIT */
/*
 * ARP packets and MPLS label stack entries: literal bytes, round trips, hostile row ARP-01.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000

static int print_arp(char *to, size_t size, const void *h) { return wire_arp_print(to, size, h); }
static int print_mpls(char *to, size_t size, const void *h) { return wire_mpls_print(to, size, h); }

static const uint8_t request[WIRE_ARP_LEN] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
                                              10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};

static void request_is_read(void **state)
{
    (void)state;
    struct wire_arp h;
    assert_int_equal(wire_arp_parse(request, sizeof request, &h), 28);
    assert_int_equal(h.op, WIRE_ARP_REQUEST);
    assert_int_equal(h.spa, 0x0a000001);
    assert_int_equal(h.tpa, 0x0a000002);
    assert_int_equal(h.sha[0], 2);
    assert_prints(print_arp, &h, "arp request who has 10.0.0.2 tell 10.0.0.1 (02:00:00:00:00:01 to 00:00:00:00:00:00)");
    h.op = WIRE_ARP_REPLY;
    assert_prints(print_arp, &h, "arp reply sender 10.0.0.1 target 10.0.0.2 (02:00:00:00:00:01 to 00:00:00:00:00:00)");
    h.op = 65535;
    assert_prints(print_arp, &h,
                  "arp op 65535 sender 10.0.0.1 target 10.0.0.2 (02:00:00:00:00:01 to 00:00:00:00:00:00)");
}

/* ARP-01 */
static void every_wrong_type_and_length_is_refused(void **state)
{
    (void)state;
    struct wire_arp h;
    for (size_t n = 0; n < WIRE_ARP_LEN; n++)
        assert_int_equal(wire_arp_parse(at_end_of_memory(request, n), n, &h), ERR_TRUNCATED);
    static const int expected[6] = {ERR_UNSUPPORTED, ERR_UNSUPPORTED, ERR_UNSUPPORTED,
                                    ERR_UNSUPPORTED, ERR_MALFORMED,   ERR_MALFORMED};
    for (unsigned at = 0; at < 6; at++) {
        for (unsigned v = 0; v < 256; v++) {
            uint8_t packet[WIRE_ARP_LEN];
            memcpy(packet, request, sizeof packet);
            packet[at] = (uint8_t)v;
            int right = v == request[at] ? 28 : expected[at];
            assert_int_equal(wire_arp_parse(packet, sizeof packet, &h), right);
        }
    }
}

static void reply_is_told_from_request(void **state)
{
    (void)state;
    uint8_t packet[WIRE_ARP_LEN];
    struct wire_arp h;
    memcpy(packet, request, sizeof packet);
    packet[7] = 2;
    assert_int_equal(wire_arp_parse(packet, sizeof packet, &h), 28);
    assert_int_equal(h.op, WIRE_ARP_REPLY);
}

static void build_after_parse_is_the_identity(void **state)
{
    (void)state;
    struct dice d = {2};
    for (int i = 0; i < CASES; i++) {
        uint8_t bytes[WIRE_ARP_LEN], again[WIRE_ARP_LEN];
        memcpy(bytes, request, sizeof bytes);
        dice_bytes(&d, bytes + 6, 22);
        struct wire_arp h, parsed;
        assert_int_equal(wire_arp_parse(bytes, sizeof bytes, &h), 28);
        assert_int_equal(wire_arp_build(again, &h), 28);
        assert_memory_equal(bytes, again, sizeof bytes);
        assert_int_equal(wire_arp_parse(again, sizeof again, &parsed), 28);
        assert_true(wire_arp_equal(&h, &parsed));
    }
}

static void label_stack_entry_is_read(void **state)
{
    (void)state;
    static const uint8_t entry[4] = {0x00, 0x01, 0x0b, 0x40}; /* label 16, TC 5, bottom, TTL 64 */
    struct wire_mpls h;
    assert_int_equal(wire_mpls_parse(entry, 4, &h), 4);
    assert_true(h.label == 16 && h.tc == 5 && h.bottom && h.ttl == 64);
    assert_prints(print_mpls, &h, "mpls label 16 tc 5 ttl 64 bottom");
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(wire_mpls_parse(at_end_of_memory(entry, n), n, &h), ERR_TRUNCATED);
}

static void label_stack_ends_at_its_bottom_or_fails(void **state)
{
    (void)state;
    uint8_t bytes[64 * 4];
    struct wire_mpls stack[8];
    unsigned count;
    for (unsigned depth = 1; depth <= 64; depth++) {
        for (unsigned i = 0; i < depth; i++)
            wire_mpls_build(bytes + (size_t)4 * i, &(struct wire_mpls){.label = i, .bottom = i + 1 == depth});
        size_t length = (size_t)4 * depth;
        int expected = depth <= 8 ? (int)length : ERR_UNSUPPORTED;
        assert_int_equal(wire_mpls_parse_stack(at_end_of_memory(bytes, length), length, 8, stack, &count), expected);
        assert_int_equal(count, depth <= 8 ? depth : 8);
        for (size_t n = 0; n < length && depth <= 8; n++)
            assert_int_equal(wire_mpls_parse_stack(at_end_of_memory(bytes, n), n, 8, stack, &count), ERR_TRUNCATED);
    }
}

static void every_label_stack_entry_round_trips(void **state)
{
    (void)state;
    struct dice d = {3};
    for (int i = 0; i < CASES; i++) {
        uint8_t bytes[4], again[4];
        struct wire_mpls h, parsed;
        dice_bytes(&d, bytes, sizeof bytes);
        assert_int_equal(wire_mpls_parse(bytes, 4, &h), 4);
        assert_int_equal(wire_mpls_build(again, &h), 4);
        assert_memory_equal(bytes, again, 4);
        assert_int_equal(wire_mpls_parse(again, 4, &parsed), 4);
        assert_true(wire_mpls_equal(&h, &parsed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_read),
        cmocka_unit_test(reply_is_told_from_request),
        cmocka_unit_test(every_wrong_type_and_length_is_refused),
        cmocka_unit_test(build_after_parse_is_the_identity),
        cmocka_unit_test(label_stack_entry_is_read),
        cmocka_unit_test(label_stack_ends_at_its_bottom_or_fails),
        cmocka_unit_test(every_label_stack_entry_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
