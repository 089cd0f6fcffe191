/* SPDX-License-Identifier: MIT */
/*
 * Frames and IPv4 datagrams coming in: link addresses, tags, header checks, addresses, options. RFC 894, RFC 791, RFC
 * 1122 3.2.1; THREATS rows L2-01 to L2-04, IP4-01 to IP4-14. An echo request that is answered shows that a datagram was
 * accepted.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "base/random.h"

static const uint8_t payload[12] = "hello, world";

static uint32_t echo(uint8_t *f) { return make_echo_request(f, PEER, US, 77, 3, payload, sizeof payload); }

/* The frame is accepted: an echo reply comes back to where it came from. */
static const struct rig_frame *expect_reply(struct rig *r)
{
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(f->bytes[f->l4_offset], WIRE_ICMP_ECHO_REPLY);
    expect_nothing(r);
    return f;
}

static uint64_t all_drops(const struct rig *r)
{
    const struct stack_counters *c = rig_counters(r);
    uint64_t sum = 0;
#define ADD(name) sum += c->name;
    STACK_DROP_LIST(ADD)
#undef ADD
    return sum;
}

/* ---- frames ---- */

static void test_runts_of_every_length_are_dropped(void **state) /* L2-01 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t whole = echo(f);
    for (uint32_t n = 0; n < whole; n++) {
        rig_input(r, f, n);
        expect_nothing(r);
        assert_int_equal(all_drops(r), n + 1);
    }
    assert_int_equal(rig_counters(r)->l2_runt, 14);
    assert_int_equal(rig_counters(r)->ip_short, 20);
    assert_int_equal(rig_counters(r)->ip_bad_total_length, whole - 34);
    rig_free(r);
}

static void test_padding_and_trailers_are_ignored(void **state) /* L2-02 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = echo(f);
    memset(f + n, 0xff, 60);
    rig_input(r, f, n + 60);
    const struct rig_frame *a = expect_reply(r);
    assert_int_equal(a->length, n);
    assert_memory_equal(a->bytes + a->l4_offset + 8, payload, sizeof payload);
    rig_free(r);
}

/* RFC 1042: 802.3 with LLC and SNAP. RFC 1122 2.3.3: answers go in Ethernet II. */
static void test_a_datagram_in_an_802_3_frame_is_one_too(void **state)
{
    (void)state;
    static const uint8_t snap[8] = {0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, bridge[8] = {0x42, 0x42, 3};
    struct rig *r = rig_new();
    uint8_t f[256], g[256];
    uint32_t n = echo(f);
    memcpy(g, f, 12);
    store_be16(g + 12, (uint16_t)(n - 14 + sizeof snap));
    memcpy(g + 14, snap, sizeof snap);
    memcpy(g + 22, f + 14, n - 14);
    rig_input(r, g, n + 8);
    const struct rig_frame *a = expect_reply(r);
    assert_int_equal(a->length, n);
    assert_int_equal(load_be16(a->bytes + 12), 0x0800);
    assert_memory_equal(a->bytes + a->l4_offset + 8, payload, sizeof payload);
    memcpy(g + 14, bridge, sizeof bridge); /* nobody here is one */
    rig_input(r, g, n + 8);
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->l2_unknown_ethertype, 1);
    rig_free(r);
}

static void test_frames_for_others_or_from_nobody_are_dropped(void **state) /* L2-04 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = echo(f);
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    const uint8_t *bad[] = {BROADCAST_MAC, group, ZERO_MAC, US_MAC};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        memcpy(f + 6, bad[i], 6);
        rig_input(r, f, n);
        assert_int_equal(rig_counters(r)->l2_bad_source, i + 1);
    }
    memcpy(f + 6, PEER_MAC, 6);
    memcpy(f, OTHER_MAC, 6);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->l2_not_for_us, 1);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_frame_from_another_host_of_ours_is_not_believed(void **state) /* L2-04 */
{
    (void)state;
    struct rig *r = rig_new();
    rig_host(r, OTHER, PREFIX, 0, OTHER_MAC);
    uint8_t f[64];
    rig_input(r, f, make_arp(f, BROADCAST_MAC, OTHER_MAC, 1, OTHER_MAC, OTHER, ZERO_MAC, US));
    assert_int_equal(rig_counters(r)->l2_bad_source, 1);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_hosts_mac_does_not_receive_for_another_host(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_host(r, OTHER, PREFIX, 0, OTHER_MAC);
    uint8_t f[256];
    uint32_t n = echo(f);
    memcpy(f, OTHER_MAC, 6);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->ip_l2_mismatch, 1);
    expect_nothing(r);
    rig_free(r);
}

/* ---- tags ---- */

static void test_tags_are_read_to_a_fixed_depth(void **state) /* L2-03 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[512];
    for (unsigned tags = 1; tags <= 64; tags++) {
        uint32_t n = echo(f);
        for (unsigned i = 0; i < tags; i++)
            n = insert_tag(f, n, i & 1 ? 0x88a8 : 0x8100, (uint16_t)(i + 1));
        rig_input(r, f, n);
    }
    assert_int_equal(rig_counters(r)->l2_unknown_vlan, 2);
    assert_int_equal(rig_counters(r)->l2_too_many_tags, 62);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_tag_cut_off_is_a_runt(void **state) /* L2-03 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = echo(f);
    insert_tag(f, n, 0x8100, 5);
    for (uint32_t length = 14; length < 18; length++)
        rig_input(r, f, length);
    assert_int_equal(rig_counters(r)->l2_runt, 4);
    rig_free(r);
}

static void test_no_tag_at_all_is_read_where_none_is_allowed(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_vlan_tags = 0;
    struct rig *r = rig_new_with(&t);
    uint8_t f[256];
    uint32_t n = insert_tag(f, echo(f), 0x8100, 0);
    rig_input(r, f, n);
    n = echo(f);
    r->stripped = true;
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->l2_too_many_tags, 2);
    rig_free(r);
}

static void test_frames_of_other_kinds_are_dropped(void **state)
{
    (void)state;
    static const uint16_t types[] = {ETHERTYPE_LLDP, 0x1234, 1501, 1535, 38 /* 802.3 */};
    struct rig *r = rig_new();
    uint8_t f[256];
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        uint32_t n = echo(f);
        store_be16(f + 12, types[i]);
        rig_input(r, f, n);
        assert_int_equal(rig_counters(r)->l2_unknown_ethertype, i + 1);
    }
    rig_free(r);
}

static void test_a_priority_tag_belongs_to_no_vlan(void **state) /* L2-03 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = echo(f);
    rig_input(r, f, insert_tag(f, n, 0x8100, 5u << 13));
    assert_int_equal(expect_reply(r)->l3_offset, 14);
    rig_free(r);
}

static uint32_t tagged_host(struct rig *r, uint32_t address, unsigned count, uint16_t tpid0, uint16_t tci0,
                            uint16_t tpid1, uint16_t tci1)
{
    struct host_settings h = {.address = v4(address), .prefix_length = PREFIX, .vlan_count = (uint8_t)count};
    h.vlan[0] = (struct host_vlan){.tpid = tpid0, .tci = tci0};
    h.vlan[1] = (struct host_vlan){.tpid = tpid1, .tci = tci1};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static void test_tagged_hosts_live_in_their_vlan_only(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    tagged_host(r, US, 1, 0x8100, 0x6005, 0, 0);
    tagged_host(r, US, 2, 0x88a8, 100, 0x8100, 5);
    uint8_t f[256];
    uint32_t n = echo(f);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->l2_unknown_vlan, 1);

    n = insert_tag(f, echo(f), 0x8100, 5);
    rig_input(r, f, n);
    const struct rig_frame *a = expect_reply(r);
    assert_int_equal(a->l3_offset, 18);
    assert_int_equal(load_be32(a->bytes + 12), 0x81006005); /* the host's own priority */

    n = insert_tag(f, n, 0x88a8, 100);
    rig_input(r, f, n);
    a = expect_reply(r);
    assert_int_equal(a->l3_offset, 22);
    assert_int_equal(load_be32(a->bytes + 12), 0x88a80064);
    assert_int_equal(load_be32(a->bytes + 16), 0x81000005);

    n = insert_tag(f, insert_tag(f, echo(f), 0x8100, 5), 0x8100, 100); /* another kind of outer tag */
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->l2_unknown_vlan, 2);
    rig_free(r);
}

static void test_where_no_host_is_untagged_no_untagged_frame_is_taken(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    uint8_t f[256];
    uint32_t n = make_echo_request(f, PEER, 0, 1, 1, payload, 4);
    memset(f, 0, 6);
    rig_input(r, f, n); /* no host at all */
    tagged_host(r, US, 1, 0x8100, 5, 0, 0);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->l2_unknown_vlan, 2);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_tag_that_the_link_stripped_counts_as_the_outermost(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    tagged_host(r, US, 1, 0x8100, 5, 0, 0);
    tagged_host(r, US, 2, 0x8100, 100, 0x8100, 5);
    uint8_t f[256];
    uint32_t n = echo(f);
    r->stripped = true;
    r->stripped_tci = 5;
    rig_input(r, f, n);
    assert_int_equal(expect_reply(r)->l3_offset, 18);
    r->stripped_tci = 100;
    n = insert_tag(f, n, 0x8100, 5);
    rig_input(r, f, n);
    assert_int_equal(expect_reply(r)->l3_offset, 22);
    n = insert_tag(f, n, 0x8100, 5);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->l2_too_many_tags, 1);
    rig_free(r);
}

static void test_the_same_address_in_two_vrfs_is_told_apart_by_its_mac(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = v4(US), .prefix_length = PREFIX};
    for (uint32_t vrf = 0; vrf < 2; vrf++) {
        h.vrf = vrf;
        memcpy(h.mac, vrf ? OTHER_MAC : US_MAC, 6);
        assert_int_equal(stack_add_host(r->stack, &h), vrf + 1);
        assert_int_equal(stack_add_host(r->stack, &h), ERR_EXISTS);
    }
    h.vrf = 2; /* nothing would tell it from the second one */
    assert_int_equal(stack_add_host(r->stack, &h), ERR_EXISTS);
    uint8_t f[256];
    uint32_t n = echo(f);
    rig_input(r, f, n);
    expect_src_mac(expect_reply(r), US_MAC);
    memcpy(f, OTHER_MAC, 6);
    rig_input(r, f, n);
    expect_src_mac(expect_reply(r), OTHER_MAC);
    rig_free(r);
}

/* ---- header ---- */

static void test_bad_header_lengths_are_dropped(void **state) /* IP4-01 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    for (uint8_t ihl = 0; ihl < 5; ihl++) {
        uint32_t n = echo(f);
        f[14] = (uint8_t)(0x40 | ihl);
        rig_input(r, f, n);
    }
    uint32_t n = echo(f); /* 40 bytes in all: IHL 15 is past the total length and past the frame */
    f[14] = 0x4f;
    rig_input(r, f, n);
    n = echo(f);
    memset(f + n, 0, 60); /* inside the frame, past the total length */
    f[14] = 0x4f;
    rig_input(r, f, n + 60);
    assert_int_equal(rig_counters(r)->ip_bad_header_length, 7);
    expect_nothing(r);
    rig_free(r);
}

static void test_bad_total_lengths_are_dropped(void **state) /* IP4-02 */
{
    (void)state;
    static const uint16_t bad[] = {0, 1, 19, 41, 1500, 65535};
    struct rig *r = rig_new();
    uint8_t f[256];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint32_t n = echo(f);
        store_be16(f + 16, bad[i]);
        fix_ip_checksum(f);
        rig_input(r, f, n);
        assert_int_equal(rig_counters(r)->ip_bad_total_length, i + 1);
    }
    expect_nothing(r);
    rig_free(r);
}

static void test_exactly_the_wrong_header_checksums_are_dropped(void **state) /* IP4-03 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = echo(f), accepted = 0;
    uint16_t right = load_be16(f + 24);
    for (uint32_t sum = 0; sum < 65536; sum++) {
        store_be16(f + 24, (uint16_t)sum);
        rig_input(r, f, n);
        if (rig_next(r)) {
            assert_int_equal(sum, right);
            accepted++;
        }
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(rig_counters(r)->ip_bad_checksum, 65535);
    rig_free(r);
}

static void test_other_versions_are_dropped(void **state) /* IP4-04 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    for (unsigned version = 0; version < 16; version++) {
        if (version == 4)
            continue;
        uint32_t n = echo(f);
        f[14] = (uint8_t)(version << 4 | 5);
        fix_ip_checksum(f);
        rig_input(r, f, n);
    }
    uint32_t n = echo(f); /* IPv4 in the other's EtherType */
    store_be16(f + 12, ETHERTYPE_IPV6);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->ip_bad_version, 16);
    expect_nothing(r);
    rig_free(r);
}

static uint32_t echo_with_options(uint8_t *f, const uint8_t *options, uint32_t length)
{
    uint32_t n = echo(f);
    memmove(f + 34 + length, f + 34, n - 34);
    memcpy(f + 34, options, length);
    f[14] = (uint8_t)(0x45 + length / 4);
    store_be16(f + 16, (uint16_t)(n - 14 + length));
    fix_ip_checksum(f);
    return n + length;
}

static void test_options_are_accepted_checked_and_not_echoed(void **state) /* IP4-05 to IP4-08 */
{
    (void)state;
    static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const struct {
        uint8_t bytes[8], length;
    } good[] = {{{0, 9, 9, 9}, 4}, {{7, 7, 4, 0, 0, 0, 0, 0}, 8}, {{148, 4, 0, 0}, 4}, {{99, 4, 1, 2}, 4}},
      routed[] = {{{131, 7, 4, 192, 0, 2, 9, 0}, 8}, {{137, 7, 8, 192, 0, 2, 9, 0}, 8}};
    static const struct {
        uint8_t bytes[8], length, octet; /* the octet of the header that is wrong */
    } bad[] = {{{7, 0, 0, 0}, 4, 20},
               {{7, 1, 0, 0}, 4, 20},
               {{1, 1, 1, 7}, 4, 23},
               {{7, 40, 4, 0}, 4, 20},
               {{7, 7, 3, 0, 0, 0, 0, 0}, 8, 22}};
    struct rig *r = rig_new();
    uint8_t f[256];
    rig_input(r, f, echo_with_options(f, nops, 40));
    expect_reply(r);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        rig_input(r, f, echo_with_options(f, good[i].bytes, good[i].length));
        assert_int_equal(expect_reply(r)->length, 14 + 20 + 8 + sizeof payload);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) { /* RFC 1122 3.2.2.5 */
        rig_input(r, f, echo_with_options(f, bad[i].bytes, bad[i].length));
        struct wire_ipv4 ip;
        const struct rig_frame *a = expect_ipv4(r, IP_PROTO_ICMP, &ip);
        assert_int_equal(a->bytes[a->l4_offset], WIRE_ICMP_PARAMETER_PROBLEM);
        assert_int_equal(load_be32(a->bytes + a->l4_offset + 4), (uint32_t)bad[i].octet << 24);
    }
    for (unsigned i = 0; i < 3; i++) { /* for somebody else, for all, from nobody: no answer */
        static const uint32_t addresses[3][2] = {{PEER, OTHER}, {PEER, 0xffffffff}, {0x7f000001, US}};
        uint32_t n = echo_with_options(f, bad[0].bytes, bad[0].length);
        store_be32(f + 14 + 12, addresses[i][0]);
        store_be32(f + 14 + 16, addresses[i][1]);
        fix_ip_checksum(f);
        rig_input(r, f, n);
        expect_nothing(r);
    }
    for (size_t i = 0; i < ARRAY_SIZE(routed); i++)
        rig_input(r, f, echo_with_options(f, routed[i].bytes, routed[i].length));
    expect_nothing(r);
    assert_int_equal(rig_counters(r)->ip_bad_options, ARRAY_SIZE(bad) + 3);
    assert_int_equal(rig_counters(r)->ip_source_route, ARRAY_SIZE(routed));
    rig_free(r);
}

static void test_a_host_accepts_any_ttl(void **state) /* IP4-12 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    for (unsigned ttl = 0; ttl < 256; ttl++) {
        uint32_t n = echo(f);
        f[22] = (uint8_t)ttl;
        fix_ip_checksum(f);
        rig_input(r, f, n);
        expect_reply(r);
    }
    rig_free(r);
}

static void test_df_and_the_reserved_bit_make_no_fragment(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = echo(f);
    store_be16(f + 20, 0xc000);
    fix_ip_checksum(f);
    rig_input(r, f, n);
    expect_reply(r);
    rig_free(r);
}

/* ---- addresses ---- */

static void test_impossible_sources_are_dropped_silently(void **state) /* IP4-09, IP4-10 */
{
    (void)state;
    static const uint32_t bad[] = {0x00000000, 0x00000001, 0x7f000001, 0xe0000001, 0xefffffff,
                                   0xf0000001, 0xffffffff, 0xc00002ff, US};
    struct rig *r = rig_new();
    uint8_t f[256];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        rig_input(r, f, make_echo_request(f, bad[i], US, 1, 1, payload, sizeof payload));
        assert_int_equal(rig_counters(r)->ip_bad_source, i + 1);
    }
    rig_input(r, f, make_tcp(f, US, 80, US, 80, TCP_SYN, 1, 0, NULL, 0)); /* LAND */
    assert_int_equal(rig_counters(r)->ip_bad_source, ARRAY_SIZE(bad) + 1);
    rig_input(r, f, make_udp(f, 0xc00002ff, 9, US, 9, payload, 4)); /* UD-03: no error to a broadcast */
    expect_nothing(r);
    rig_free(r);
}

static void test_impossible_destinations_are_dropped(void **state) /* IP4-09 */
{
    (void)state;
    static const struct {
        uint32_t address;
        bool impossible;
    } destinations[] = {
        {0x00000001, true}, {0x7f000001, true}, {0xf0000001, true}, {OTHER, false}, {0xe0000002, false}};
    struct rig *r = rig_new();
    uint8_t f[256];
    for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
        uint64_t before = rig_counters(r)->ip_bad_destination;
        rig_input(r, f, make_echo_request(f, PEER, destinations[i].address, 1, 1, payload, 4));
        assert_int_equal(rig_counters(r)->ip_bad_destination - before, destinations[i].impossible);
    }
    assert_int_equal(rig_counters(r)->ip_not_for_us, 2);
    expect_nothing(r);
    rig_free(r);
}

static void test_unicast_datagrams_in_broadcast_frames_are_dropped(void **state) /* IP4-11 */
{
    (void)state;
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    struct rig *r = rig_new();
    uint8_t f[256];
    const uint8_t *to[] = {BROADCAST_MAC, group};
    for (size_t i = 0; i < 2; i++) {
        uint32_t n = echo(f);
        memcpy(f, to[i], 6);
        rig_input(r, f, n);
        n = make_tcp(f, PEER, 1, US, 2, TCP_SYN, 1, 0, NULL, 0);
        memcpy(f, to[i], 6);
        rig_input(r, f, n);
        n = make_udp(f, PEER, 1, US, 2, payload, 4);
        memcpy(f, to[i], 6);
        rig_input(r, f, n);
    }
    assert_int_equal(rig_counters(r)->ip_l2_mismatch, 6);
    expect_nothing(r);
    rig_free(r);
}

static void test_tcp_to_a_broadcast_address_is_dropped(void **state)
{
    (void)state;
    static const uint32_t to[] = {0xffffffff, 0xc00002ff, 0xe0000001};
    struct rig *r = rig_new();
    uint8_t f[256];
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        uint32_t n = make_tcp(f, PEER, 1, to[i], 2, TCP_SYN, 1, 0, NULL, 0);
        memcpy(f, BROADCAST_MAC, 6);
        rig_input(r, f, n);
    }
    assert_int_equal(rig_counters(r)->ip_bad_destination, 3);
    expect_nothing(r);
    rig_free(r);
}

static void test_tunnels_are_an_unknown_protocol(void **state) /* IP4-13, IP4-14 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t inner[256], f[512];
    uint32_t n = echo(inner);
    n = make_ipv4(f, PEER, US, IP_PROTO_IPV4, inner + 14, n - 14);
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->ip_unknown_protocol, 1);
    struct wire_ipv4 ip;
    const struct rig_frame *a = expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(a->bytes[a->l4_offset], WIRE_ICMP_UNREACHABLE);
    assert_int_equal(a->bytes[a->l4_offset + 1], WIRE_ICMP_PROTOCOL_UNREACHABLE);
    expect_nothing(r);
    rig_free(r);
}

static void test_each_of_ten_thousand_addresses_receives(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = 10000;
    struct rig *r = rig_new_empty(&t);
    const uint32_t first = 0x0a010001u;
    for (uint32_t i = 0; i < 10000; i++)
        rig_host(r, first + i, 16, 0, NULL);
    struct host_settings more = {.address = v4(first + 10000), .prefix_length = 16};
    assert_int_equal(stack_add_host(r->stack, &more), ERR_NO_SPACE);
    uint8_t f[256];
    for (uint32_t i = 0; i < 10000; i++) {
        struct wire_ipv4 ip;
        uint32_t to = first + i * 7919u % 10000u;
        rig_input(r, f, make_echo_request(f, PEER, to, 1, 1, payload, 4));
        expect_ipv4(r, IP_PROTO_ICMP, &ip);
        assert_int_equal(ip.src, to);
        assert_int_equal(ip.dst, PEER);
        struct ip_addr a;
        assert_true(stack_local_address(r->stack, i + 1, &a));
        assert_int_equal(ip_addr_to_v4(&a), first + i);
    }
    struct ip_addr a;
    assert_false(stack_local_address(r->stack, 0, &a));
    assert_false(stack_local_address(r->stack, 10001, &a));
    rig_free(r);
}

/* ---- the two ways ---- */

/* A frame of some kind, spoilt in up to three places. */
static uint32_t random_frame(struct random *dice, uint8_t *f)
{
    uint32_t n;
    switch (random_below(dice, 4)) {
    case 0:
        n = echo(f);
        break;
    case 1:
        n = make_udp(f, PEER, 9, US, 9, payload, sizeof payload);
        break;
    case 2:
        n = make_tcp(f, PEER, 9, US, 9, (uint16_t)random_below(dice, 512), random_u32(dice), random_u32(dice), payload,
                     4);
        break;
    default:
        n = make_ipv4(f, PEER, US, (uint8_t)random_u64(dice), payload, sizeof payload);
    }
    bool right = random_below(dice, 2);
    for (uint64_t i = random_below(dice, 4); i; i--) {
        uint64_t at = random_below(dice, 40);
        if (at != 12 && at != 13) /* the EtherType makes no difference between the two */
            f[at] = (uint8_t)random_u64(dice);
    }
    if (right)
        fix_ip_checksum(f);
    uint32_t cut = (uint32_t)random_below(dice, 8);
    return random_below(dice, 2) ? n - cut : n;
}

static void test_the_short_way_decides_as_the_long_way(void **state)
{
    (void)state;
    struct random dice;
    random_seed(&dice, 20240607);
    struct rig *plain = rig_new(), *tagged = rig_new();
    rig_host(plain, OTHER, PREFIX, 0, OTHER_MAC);
    rig_host(tagged, OTHER, PREFIX, 0, OTHER_MAC);
    uint64_t accepted = 0, frames = 200000;
    for (uint64_t i = 0; i < frames; i++) {
        uint8_t f[256];
        uint32_t n = random_frame(&dice, f);
        plain->now += NS_PER_MS;
        tagged->now += NS_PER_MS;
        rig_input(plain, f, n);
        rig_input(tagged, f, insert_tag(f, n, 0x8100, 0)); /* a priority tag takes the long way */
        assert_memory_equal(rig_counters(plain), rig_counters(tagged), sizeof(struct stack_counters));
        const struct rig_frame *a;
        while ((a = rig_next(plain)) != NULL) {
            const struct rig_frame *b = rig_next(tagged);
            assert_non_null(b);
            assert_int_equal(a->length, b->length);
            assert_memory_equal(a->bytes, b->bytes, a->length);
            accepted++;
        }
        expect_nothing(tagged);
    }
    print_message("%llu frames, %llu answered\n", (unsigned long long)frames, (unsigned long long)accepted);
    assert_true(accepted > frames / 100);
    rig_free(plain);
    rig_free(tagged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runts_of_every_length_are_dropped),
        cmocka_unit_test(test_padding_and_trailers_are_ignored),
        cmocka_unit_test(test_a_datagram_in_an_802_3_frame_is_one_too),
        cmocka_unit_test(test_frames_for_others_or_from_nobody_are_dropped),
        cmocka_unit_test(test_a_frame_from_another_host_of_ours_is_not_believed),
        cmocka_unit_test(test_a_hosts_mac_does_not_receive_for_another_host),
        cmocka_unit_test(test_tags_are_read_to_a_fixed_depth),
        cmocka_unit_test(test_a_tag_cut_off_is_a_runt),
        cmocka_unit_test(test_no_tag_at_all_is_read_where_none_is_allowed),
        cmocka_unit_test(test_frames_of_other_kinds_are_dropped),
        cmocka_unit_test(test_a_priority_tag_belongs_to_no_vlan),
        cmocka_unit_test(test_tagged_hosts_live_in_their_vlan_only),
        cmocka_unit_test(test_where_no_host_is_untagged_no_untagged_frame_is_taken),
        cmocka_unit_test(test_a_tag_that_the_link_stripped_counts_as_the_outermost),
        cmocka_unit_test(test_the_same_address_in_two_vrfs_is_told_apart_by_its_mac),
        cmocka_unit_test(test_bad_header_lengths_are_dropped),
        cmocka_unit_test(test_bad_total_lengths_are_dropped),
        cmocka_unit_test(test_exactly_the_wrong_header_checksums_are_dropped),
        cmocka_unit_test(test_other_versions_are_dropped),
        cmocka_unit_test(test_options_are_accepted_checked_and_not_echoed),
        cmocka_unit_test(test_a_host_accepts_any_ttl),
        cmocka_unit_test(test_df_and_the_reserved_bit_make_no_fragment),
        cmocka_unit_test(test_impossible_sources_are_dropped_silently),
        cmocka_unit_test(test_impossible_destinations_are_dropped),
        cmocka_unit_test(test_unicast_datagrams_in_broadcast_frames_are_dropped),
        cmocka_unit_test(test_tcp_to_a_broadcast_address_is_dropped),
        cmocka_unit_test(test_tunnels_are_an_unknown_protocol),
        cmocka_unit_test(test_each_of_ten_thousand_addresses_receives),
        cmocka_unit_test(test_the_short_way_decides_as_the_long_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
