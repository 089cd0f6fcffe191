/* SPDX-License-Identifier: MIT */
/*
 * Ethernet headers: literal frames, round trips, hostile rows L2-01 and L2-03, addresses as text.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"

#define CASES 20000

static int print_eth(char *to, size_t size, const void *h) { return wire_eth_print(to, size, h); }

/* An ARP request as it is on a wire. */
static const uint8_t untagged[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x06, 0, 1};

static void untagged_frame_is_read(void **state)
{
    (void)state;
    struct wire_eth h = {0};
    assert_int_equal(wire_eth_parse(untagged, sizeof untagged, 0, &h), 14);
    assert_int_equal(h.ethertype, ETHERTYPE_ARP);
    assert_int_equal(h.header_len, 14);
    assert_int_equal(h.vlan_count, 0);
    assert_false(h.llc);
    assert_true(wire_eth_is_broadcast(h.dst));
    assert_true(wire_eth_is_multicast(h.dst));
    assert_false(wire_eth_is_multicast(h.src));
    assert_prints(print_eth, &h, "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x0806");
}

static void double_tagged_frame_is_read(void **state)
{
    (void)state;
    static const uint8_t frame[] = {2, 0,    0,    0,    0,    2,    2,    0,    0,    0,    0,
                                    1, 0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0xa0, 0x05, 0x86, 0xdd};
    struct wire_eth h = {0};
    assert_int_equal(wire_eth_parse(frame, sizeof frame, 2, &h), 22);
    assert_int_equal(h.ethertype, ETHERTYPE_IPV6);
    assert_int_equal(h.vlan_count, 2);
    assert_int_equal(h.vlan[0].tpid, ETHERTYPE_QINQ);
    assert_int_equal(wire_vlan_id(&h.vlan[0]), 100);
    assert_int_equal(wire_vlan_id(&h.vlan[1]), 5);
    assert_int_equal(wire_vlan_priority(&h.vlan[1]), 5);
    assert_int_equal(wire_eth_parse(frame, sizeof frame, 1, &h), ERR_UNSUPPORTED);
    assert_int_equal(wire_eth_parse(frame, sizeof frame, 2, &h), 22);
    assert_prints(print_eth, &h, "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan 100 vlan 5 priority 5 type 0x86dd");
}

/* A spanning tree BPDU header, and IPv4 in SNAP. */
static void llc_and_snap_frames_are_read(void **state)
{
    (void)state;
    static const uint8_t bpdu[60] = {1, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 38, 0x42, 0x42, 0x03};
    static const uint8_t snap[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45};
    static const uint8_t cdp[60] = {1, 0, 0x0c, 0xcc, 0xcc, 0xcc, 2, 0, 0,    0,    0,
                                    1, 0, 40,   0xaa, 0xaa, 3,    0, 0, 0x0c, 0x20, 0};
    struct wire_eth h = {0};
    assert_int_equal(wire_eth_parse(bpdu, sizeof bpdu, 2, &h), 17);
    assert_true(h.llc && !h.snap && h.ethertype == 0 && h.llc_length == 38);
    assert_prints(print_eth, &h, "02:00:00:00:00:01 > 01:80:c2:00:00:00 llc 42>42 control 0x03 len 38");
    assert_int_equal(wire_eth_parse(snap, sizeof snap, 2, &h), 22);
    assert_true(h.llc && h.snap && h.ethertype == ETHERTYPE_IPV4);
    assert_int_equal(wire_eth_parse(cdp, sizeof cdp, 2, &h), 22);
    assert_true(h.snap && h.ethertype == 0 && h.snap_protocol == 0x2000);
    assert_prints(print_eth, &h,
                  "02:00:00:00:00:01 > 01:00:0c:cc:cc:cc llc aa>aa control 0x03 len 40 snap 00-00-0c 0x2000");
}

static void length_field_is_checked(void **state)
{
    (void)state;
    uint8_t frame[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    struct wire_eth h = {0};
    for (unsigned type = 0; type < WIRE_ETH_MIN_ETHERTYPE; type++) {
        store_be16(frame + 12, (uint16_t)type);
        int expected = type > 46 ? ERR_TRUNCATED : 17;
        if (type < 3 || type > 1500)
            expected = ERR_MALFORMED;
        assert_int_equal(wire_eth_parse(frame, sizeof frame, 8, &h), expected);
    }
    store_be16(frame + 12, WIRE_ETH_MIN_ETHERTYPE);
    assert_int_equal(wire_eth_parse(frame, sizeof frame, 8, &h), 14);
    assert_int_equal(wire_eth_parse_general(frame, sizeof frame, 8, &h), 14);
}

static void snap_without_room_is_malformed(void **state)
{
    (void)state;
    uint8_t frame[60] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 7, 0xaa, 0xaa, 3};
    struct wire_eth h = {0};
    assert_int_equal(wire_eth_parse(frame, sizeof frame, 8, &h), ERR_MALFORMED);
    frame[13] = 8;
    assert_int_equal(wire_eth_parse(frame, sizeof frame, 8, &h), 22);
    for (unsigned at = 14; at < 17; at++) { /* only all three values together mean SNAP */
        frame[at] ^= 1;
        assert_int_equal(wire_eth_parse(frame, sizeof frame, 8, &h), 17);
        assert_false(h.snap);
        frame[at] ^= 1;
    }
}

/* L2-01 */
static void runts_are_truncated(void **state)
{
    (void)state;
    struct wire_eth h = {0};
    for (size_t n = 0; n < 14; n++)
        assert_int_equal(wire_eth_parse(at_end_of_memory(untagged, n), n, 8, &h), ERR_TRUNCATED);
    assert_int_equal(wire_eth_parse(at_end_of_memory(untagged, 14), 14, 8, &h), 14);
}

static size_t nested_tags(uint8_t *frame, unsigned tags)
{
    memset(frame, 2, 12);
    size_t at = 12;
    for (unsigned i = 0; i < tags; i++, at += 4) {
        store_be16(frame + at, i % 2 == 0 ? ETHERTYPE_VLAN : ETHERTYPE_QINQ);
        store_be16(frame + at + 2, (uint16_t)i);
    }
    store_be16(frame + at, ETHERTYPE_IPV4);
    return at + 2;
}

/* L2-03: every depth with every limit, and cut off at every byte. */
static void vlan_nest_1_to_64(void **state)
{
    (void)state;
    uint8_t frame[14 + 64 * 4];
    struct wire_eth h = {0};
    for (unsigned tags = 1; tags <= 64; tags++) {
        size_t length = nested_tags(frame, tags);
        for (unsigned max = 0; max <= 9; max++) {
            unsigned limit = max < WIRE_ETH_MAX_TAGS ? max : WIRE_ETH_MAX_TAGS;
            int expected = tags > limit ? ERR_UNSUPPORTED : (int)length;
            assert_int_equal(wire_eth_parse(at_end_of_memory(frame, length), length, max, &h), expected);
        }
        for (size_t n = 0; n < length; n++)
            assert_true(wire_eth_parse(at_end_of_memory(frame, n), n, 8, &h) < 0);
    }
}

static void truncated_tag_is_truncated(void **state)
{
    (void)state;
    uint8_t frame[14 + 8 * 4];
    struct wire_eth h = {0};
    size_t length = nested_tags(frame, 8);
    for (size_t n = 14; n < length; n++)
        assert_int_equal(wire_eth_parse(at_end_of_memory(frame, n), n, 8, &h), ERR_TRUNCATED);
}

static void random_llc(struct dice *d, struct wire_eth *h)
{
    h->llc = true;
    h->llc_length = (uint16_t)(8 + dice_below(d, 1400));
    h->dsap = dice_u8(d) & 0x7f;
    h->ssap = dice_u8(d);
    h->control = dice_u8(d);
    h->snap = dice_one_in(d, 2);
    if (!h->snap)
        return;
    h->dsap = h->ssap = 0xaa;
    h->control = 3;
    if (dice_one_in(d, 2))
        dice_bytes(d, h->oui, sizeof h->oui);
    h->snap_protocol = dice_u16(d);
    if (h->oui[0] == 0 && h->oui[1] == 0 && h->oui[2] == 0)
        h->ethertype = h->snap_protocol;
}

static void random_eth(struct dice *d, struct wire_eth *h)
{
    static const uint16_t tpids[] = {ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD, ETHERTYPE_QINQ_OLD2};
    memset(h, 0, sizeof *h);
    dice_bytes(d, h->dst, 12);
    h->vlan_count = (uint8_t)dice_below(d, WIRE_ETH_MAX_TAGS + 1);
    h->header_len = (uint8_t)(14 + 4 * h->vlan_count);
    for (unsigned i = 0; i < h->vlan_count; i++)
        h->vlan[i] = (struct wire_vlan){tpids[dice_below(d, 4)], dice_u16(d)};
    if (dice_one_in(d, 3)) {
        random_llc(d, h);
        h->header_len = (uint8_t)(h->header_len + (h->snap ? 8 : 3));
        return;
    }
    do
        h->ethertype = (uint16_t)(WIRE_ETH_MIN_ETHERTYPE + dice_below(d, 0x10000 - WIRE_ETH_MIN_ETHERTYPE));
    while (wire_eth_is_tpid(h->ethertype));
}

static void parse_after_build_is_the_identity(void **state)
{
    (void)state;
    struct dice d = {1};
    uint8_t frame[WIRE_ETH_MAX_HEADER + 1500], again[WIRE_ETH_MAX_HEADER];
    memset(frame, 0, sizeof frame);
    for (int i = 0; i < CASES; i++) {
        struct wire_eth h = {0}, parsed = {0};
        random_eth(&d, &h);
        int length = wire_eth_build(frame, &h);
        assert_int_equal(length, h.header_len);
        assert_int_equal(wire_eth_parse(frame, sizeof frame, 8, &parsed), length);
        assert_true(wire_eth_equal(&h, &parsed));
        assert_int_equal(wire_eth_build(again, &parsed), length);
        assert_memory_equal(frame, again, (size_t)length);
    }
}

static void short_builder_equals_the_general_one(void **state)
{
    (void)state;
    struct wire_eth h = {0};
    uint8_t a[14], b[WIRE_ETH_MAX_HEADER];
    assert_int_equal(wire_eth_parse(untagged, sizeof untagged, 0, &h), 14);
    wire_eth_build14(a, h.dst, h.src, h.ethertype);
    assert_int_equal(wire_eth_build(b, &h), 14);
    assert_memory_equal(a, b, 14);
    assert_memory_equal(a, untagged, 14);
}

static void what_would_read_back_differently_is_not_built(void **state)
{
    (void)state;
    uint8_t to[WIRE_ETH_MAX_HEADER];
    struct wire_eth good = {.ethertype = ETHERTYPE_IPV4}, h = good;
    h.vlan_count = 9;
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
    h = good;
    h.vlan_count = 1;
    h.vlan[0].tpid = ETHERTYPE_IPV4;
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
    h = good;
    h.ethertype = 1500;
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
    h.ethertype = ETHERTYPE_VLAN;
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
    h = (struct wire_eth){.llc = true, .llc_length = 2};
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
    h.llc_length = 1500;
    assert_int_equal(wire_eth_build(to, &h), 17);
    h.llc_length = 1501;
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
    h = (struct wire_eth){.llc = true, .snap = true, .llc_length = 100};
    assert_int_equal(wire_eth_build(to, &h), ERR_INVALID);
}

static void addresses_as_text(void **state)
{
    (void)state;
    static const uint8_t expected[6] = {0x02, 0xab, 0xCD, 0x00, 0x0f, 0xff};
    static const char *const bad[] = {"",
                                      "02:ab:cd:00:0f",
                                      "02:ab:cd:00:0f:f",
                                      "02:ab:cd:00:0f:fff",
                                      "02:ab-cd:00:0f:ff",
                                      "02.ab.cd.00.0f.ff",
                                      "0g:ab:cd:00:0f:ff",
                                      "02:ab:cd:00:0f:f "};
    uint8_t a[6];
    char text[WIRE_ETH_ADDR_TEXT];
    assert_int_equal(wire_eth_addr_parse("02:ab:CD:00:0f:ff", 17, a), 0);
    assert_memory_equal(a, expected, 6);
    assert_int_equal(wire_eth_addr_parse("02-AB-cd-00-0F-FF", 17, a), 0);
    assert_memory_equal(a, expected, 6);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(wire_eth_addr_parse(bad[i], strlen(bad[i]), a), ERR_MALFORMED);
    assert_int_equal(wire_eth_addr_print(text, sizeof text, expected), 17);
    assert_string_equal(text, "02:ab:cd:00:0f:ff");
}

static void predicates_and_group_addresses(void **state)
{
    (void)state;
    static const uint8_t zero[6] = {0}, almost[6] = {0, 0, 0, 0, 0, 1}, all[6] = {255, 255, 255, 255, 255, 255};
    static const uint8_t v4_group[6] = {1, 0, 0x5e, 0x7f, 1, 2}, v6_group[6] = {0x33, 0x33, 0xff, 0x01, 0x02, 0x03};
    static const uint8_t group[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 1, 2, 3};
    uint8_t a[6];
    assert_true(wire_eth_is_zero(zero) && !wire_eth_is_zero(almost) && !wire_eth_is_zero(all));
    assert_true(wire_eth_is_broadcast(all) && !wire_eth_is_broadcast(zero));
    for (unsigned i = 0; i < 6; i++) { /* every byte counts */
        memset(a, 0, sizeof a);
        a[i] = 2;
        assert_false(wire_eth_is_zero(a) || wire_eth_addr_equal(a, zero));
        memset(a, 255, sizeof a);
        a[i] = 253;
        assert_false(wire_eth_is_broadcast(a));
    }
    wire_eth_addr_from_ipv4_multicast(a, 0xefff0102u);
    assert_memory_equal(a, v4_group, 6);
    wire_eth_addr_from_ipv6_multicast(a, group);
    assert_memory_equal(a, v6_group, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untagged_frame_is_read),
        cmocka_unit_test(double_tagged_frame_is_read),
        cmocka_unit_test(llc_and_snap_frames_are_read),
        cmocka_unit_test(length_field_is_checked),
        cmocka_unit_test(snap_without_room_is_malformed),
        cmocka_unit_test(runts_are_truncated),
        cmocka_unit_test(vlan_nest_1_to_64),
        cmocka_unit_test(truncated_tag_is_truncated),
        cmocka_unit_test(parse_after_build_is_the_identity),
        cmocka_unit_test(short_builder_equals_the_general_one),
        cmocka_unit_test(what_would_read_back_differently_is_not_built),
        cmocka_unit_test(addresses_as_text),
        cmocka_unit_test(predicates_and_group_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
