/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows L2-01 to L2-04: Ethernet frames that mean harm. RFC 894, IEEE 802.1Q.
 */
#include "support/hostile.h"

static void test_l2_01_runts_are_dropped(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[64] = {0};
    make_eth(f, US_MAC, PEER_MAC, ETHERTYPE_IPV4);
    f[14] = 0x45;
    for (uint32_t length = 0; length < 14; length++) {
        hostile_case(h);
        hostile_inject(h, f, length);
        HOSTILE_DROPS(h, l2_runt, 1);
        hostile_expect_silence(h);
    }
    for (uint32_t length = 14; length < 34; length++) {
        hostile_case(h);
        hostile_inject(h, f, length);
        HOSTILE_DROPS(h, ip_short, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "L2-01");
}

static void test_l2_02_padding_is_not_payload_and_never_old_memory(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[256], g[FRAME_MAKE_BYTES];
    for (uint32_t payload = 0; payload <= 18; payload++) {
        uint32_t n = make_echo_request(f, PEER, US, 1, 1, "0123456789abcdefgh", payload);
        for (uint32_t padded = max_u32(n, 60); padded <= 200; padded += 35) {
            memset(g, 0xff, sizeof g);
            memcpy(g, f, n);
            hostile_case(h);
            hostile_inject(h, g, padded);
            struct wire_ipv4 ip;
            const struct hostile_frame *reply = &h->frames[h->head];
            const uint8_t *m = hostile_expect_ipv4(h, IP_PROTO_ICMP, &ip);
            assert_int_equal(wire_ipv4_payload_len(&ip), 8 + payload);
            assert_memory_equal(m + 8, f + 42, payload);
            for (uint32_t i = 14u + ip.total_len; i < reply->length; i++)
                assert_int_equal(reply->bytes[i], 0);
            HOSTILE_NO_DROPS(h);
        }
    }
    uint32_t n = make_tcp(f, PEER, 1, US, 2, TCP_SYN, 1, 0, NULL, 0);
    memset(g, 0xff, sizeof g);
    memcpy(g, f, n);
    hostile_case(h);
    hostile_inject(h, g, 60);
    struct wire_ipv4 ip;
    const uint8_t *reset = hostile_expect_ipv4(h, IP_PROTO_TCP, &ip);
    assert_int_equal(load_be32(reset + 8), 2); /* the SYN alone, no byte of padding */
    hostile_end(h, "L2-02");
}

static void test_l2_03_tags_are_read_to_a_fixed_depth(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (uint16_t tpid = 0x8100;; tpid = 0x88a8) {
        uint8_t f[512];
        uint32_t n = make_echo_request(f, PEER, US, 1, 1, NULL, 0);
        for (unsigned tags = 1; tags <= 64; tags++) {
            n = insert_tag(f, n, tpid, 5);
            hostile_case(h);
            hostile_inject(h, f, n);
            if (tags <= 2)
                HOSTILE_DROPS(h, l2_unknown_vlan, 1);
            else
                HOSTILE_DROPS(h, l2_too_many_tags, 1);
            hostile_expect_silence(h);
        }
        if (tpid == 0x88a8)
            break;
    }
    uint8_t f[64];
    for (unsigned tags = 1; tags <= 2; tags++) /* cut off within the last tag */
        for (uint32_t cut = 1; cut <= 4; cut++) {
            make_eth(f, US_MAC, PEER_MAC, 0x8100);
            store_be32(f + 14, 0x00058100);
            store_be32(f + 18, 0x00050800);
            hostile_case(h);
            hostile_inject(h, f, 14 + 4 * tags - cut);
            HOSTILE_DROPS(h, l2_runt, 1);
        }
    hostile_end(h, "L2-03");
}

/* An echo request to a host with label 100 below n entries; the last is the bottom. Its length; *f has room. */
static uint32_t below_labels(uint8_t *f, const uint32_t *entries, unsigned n)
{
    uint32_t length = make_echo_request(f, PEER, OTHER, 1, 1, NULL, 0);
    return insert_labels(f, length, entries, n);
}

static struct hostile *hostile_labelled(void)
{
    struct hostile *h = hostile_new(NULL);
    struct host_settings other = {
        .address = v4(OTHER), .prefix_length = PREFIX, .mpls_count = 1, .mpls = {{.label = 100}}};
    memcpy(other.mac, US_MAC, sizeof other.mac);
    assert_true(stack_add_host(h->stack, &other) > 0);
    return h;
}

/* RFC 3032 2.1, 2.4.1: the depth of a label stack, its end, its TTLs, labels that nobody gave. */
static void test_l2_03_labels_are_read_to_a_fixed_depth(void **state)
{
    (void)state;
    struct hostile *h = hostile_labelled();
    uint8_t f[512];
    uint32_t entries[64];
    for (unsigned n = 1; n <= 64; n++) {
        for (unsigned i = 0; i < n; i++)
            entries[i] = mpls_entry(101, i + 1 == n, 64);
        hostile_case(h);
        hostile_inject(h, f, below_labels(f, entries, n));
        if (n <= 4)
            HOSTILE_DROPS(h, mpls_unknown_label, 1);
        else
            HOSTILE_DROPS(h, mpls_too_deep, 1);
        hostile_expect_silence(h);
    }
    for (unsigned n = 1; n <= 4; n++) { /* cut off within the last entry, and no bottom at all */
        for (unsigned i = 0; i < n; i++)
            entries[i] = mpls_entry(100, false, 64);
        (void)below_labels(f, entries, n);
        for (uint32_t cut = 0; cut <= 4; cut++) {
            hostile_case(h);
            hostile_inject(h, f, 14 + 4 * n - cut);
            if (n == 4 && cut == 0)
                HOSTILE_DROPS(h, mpls_too_deep, 1);
            else
                HOSTILE_DROPS(h, mpls_no_bottom, 1);
        }
    }
    hostile_end(h, "L2-03 (labels)");
}

static void test_l2_03_every_label_but_the_own_is_refused(void **state)
{
    (void)state;
    struct hostile *h = hostile_labelled();
    uint8_t f[512];
    for (uint32_t label = 0; label < 1u << 20; label = label < 256 ? label + 1 : label * 2 + 1)
        for (unsigned ttl = 0; ttl < 256; ttl += ttl < 3 ? 1 : 84) {
            const uint32_t entry = mpls_entry(label, true, (uint8_t)ttl);
            hostile_case(h);
            hostile_inject(h, f, below_labels(f, &entry, 1));
            if (ttl <= 1)
                HOSTILE_DROPS(h, mpls_ttl_exceeded, 1);
            else if (label == 0 || label == 100)
                HOSTILE_NO_DROPS(h);
            else if (label == 2)
                HOSTILE_DROPS(h, mpls_bad_payload, 1);
            else if (label < 16)
                HOSTILE_DROPS(h, mpls_reserved_label, 1);
            else
                HOSTILE_DROPS(h, mpls_unknown_label, 1);
        }
    hostile_end(h, "L2-03 (label)");
}

/* IEEE 802.1Q 6.9: VID 0 says nothing of a VLAN, only a priority; the frame belongs where untagged ones do. */
static void test_l2_03_a_priority_tag_is_no_vlan(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    for (unsigned priority = 0; priority < 8; priority++) {
        uint8_t f[128];
        uint32_t n = make_echo_request(f, PEER, US, 1, 1, NULL, 0);
        n = insert_tag(f, n, 0x8100, (uint16_t)(priority << 13));
        hostile_case(h);
        hostile_inject(h, f, n);
        struct wire_ipv4 ip;
        hostile_expect_ipv4(h, IP_PROTO_ICMP, &ip);
        HOSTILE_NO_DROPS(h);
    }
    hostile_end(h, "L2-03 (priority)");
}

static void test_l2_04_a_frame_from_nobody_is_dropped_and_teaches_nothing(void **state)
{
    (void)state;
    static const uint8_t sources[][6] = {
        {1, 0, 0x5e, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0}, {2, 0, 0, 0, 0, 1}, {3, 1, 2, 3, 4, 5}};
    struct hostile *h = hostile_new(NULL);
    for (unsigned i = 0; i < sizeof sources / sizeof sources[0]; i++)
        for (unsigned kind = 0; kind < 4; kind++) {
            uint8_t f[256];
            uint32_t n = kind == 0   ? make_echo_request(f, PEER, US, 1, 1, NULL, 0)
                         : kind == 1 ? make_arp(f, BROADCAST_MAC, sources[i], 1, sources[i], PEER, ZERO_MAC, US)
                         : kind == 2 ? make_tcp(f, PEER, 1, US, HOSTILE_PORT, TCP_SYN, 1, 0, NULL, 0)
                                     : make_udp(f, PEER, 1, US, 9, "x", 1);
            memcpy(f + 6, sources[i], 6);
            hostile_case(h);
            hostile_inject(h, f, n);
            HOSTILE_DROPS(h, l2_bad_source, 1);
            hostile_expect_silence(h);
        }
    hostile_end(h, "L2-04");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_l2_01_runts_are_dropped),
        cmocka_unit_test(test_l2_02_padding_is_not_payload_and_never_old_memory),
        cmocka_unit_test(test_l2_03_tags_are_read_to_a_fixed_depth),
        cmocka_unit_test(test_l2_03_labels_are_read_to_a_fixed_depth),
        cmocka_unit_test(test_l2_03_every_label_but_the_own_is_refused),
        cmocka_unit_test(test_l2_03_a_priority_tag_is_no_vlan),
        cmocka_unit_test(test_l2_04_a_frame_from_nobody_is_dropped_and_teaches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
