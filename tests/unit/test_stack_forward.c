/* SPDX-License-Identifier: MIT */
/*
 * Forwarding of both families: what passes and how it leaves, what does not and who hears of it (RFC 1812 section 5,
 * RFC 8200, RFC 4443), VRFs, hosts and routes that come and go. Each drop is counted exactly once.
 */
#include "unit/forward_rig.h"

#include "base/error.h"
#include "stack/control.h"

static bool six;
static uint8_t frame[FORWARD_FRAME_BYTES];

static int with_ipv4(void **state)
{
    (void)state;
    six = false;
    return 0;
}
static int with_ipv6(void **state)
{
    (void)state;
    six = true;
    return 0;
}

static uint32_t between(unsigned from, unsigned to)
{
    const struct ip_addr a = forward_station(from, six), b = forward_station(to, six);
    return forward_udp(frame, &a, &b);
}
static uint32_t to_text(unsigned from, const char *v4_text, const char *v6_text)
{
    const struct ip_addr a = forward_station(from, six);
    struct ip_addr b;
    const char *text = six ? v6_text : v4_text;
    assert_int_equal(ip_addr_parse(text, strlen(text), &b), 0);
    return forward_udp(frame, &a, &b);
}
static void set_ttl(uint8_t *f, uint8_t ttl)
{
    f[14 + (six ? 7 : 8)] = ttl;
    if (!six)
        fix_ip_checksum(f);
}

/* What left is what came but for MACs, hop limit and the checksum that goes with it. */
static void expect_passed(const struct forward_frame *f, const uint8_t *sent, uint32_t length, unsigned to)
{
    uint8_t expected[FORWARD_FRAME_BYTES];
    assert_non_null(f);
    memcpy(expected, sent, length);
    forward_station_mac(to, expected);
    forward_our_mac(to, expected + 6);
    set_ttl(expected, (uint8_t)(sent[14 + (six ? 7 : 8)] - 1));
    assert_int_equal(f->length, length);
    assert_memory_equal(f->bytes, expected, length);
}

static uint64_t forwarded(const struct forward_rig *r)
{
    return six ? forward_counters(r)->ipv6_forwarded : forward_counters(r)->ipv4_forwarded;
}

/* The next frame at a port is an ICMP error of ours to its station about the frame that was sent. */
static const uint8_t *expect_error(struct forward_rig *r, unsigned port, uint8_t type, uint8_t code,
                                   const uint8_t *about, uint32_t about_length)
{
    const struct forward_frame *f = forward_next(r, port);
    const struct ip_addr ours = forward_ours(port, six), station = forward_station(port, six);
    const uint8_t *ip = f ? f->bytes + 14 : NULL, *message = ip + (six ? 40 : 20);
    assert_non_null(f);
    const struct ip_addr src = six ? ip_addr_from_v6(ip + 8) : ip_addr_from_v4(load_be32(ip + 12));
    const struct ip_addr dst = six ? ip_addr_from_v6(ip + 24) : ip_addr_from_v4(load_be32(ip + 16));
    uint32_t length = f->length - 14 - (six ? 40 : 20);
    assert_true(ip_addr_equal(&src, &ours) && ip_addr_equal(&dst, &station));
    assert_true(six ? wire_icmpv6_checksum_ok(&src, &dst, message, length) : wire_icmp_checksum_ok(message, length));
    assert_int_equal(message[0], type);
    assert_int_equal(message[1], code);
    uint32_t quoted = min_u32(about_length - 14, six ? WIRE_ICMPV6_QUOTE_MAX : WIRE_ICMP_QUOTE_MAX);
    assert_int_equal(length, 8 + quoted);
    assert_memory_equal(message + 8, about + 14, quoted);
    return message;
}

/* ---- passing ---- */

static void test_a_datagram_passes_without_a_copy(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    uint32_t n = between(0, 1);
    forward_input(r, 0, frame, n);
    const struct forward_frame *f = forward_next(r, 1);
    expect_passed(f, frame, n, 1);
    assert_true(f->same);
    assert_int_equal(forwarded(r), 1);
    assert_int_equal(forward_counters(r)->forward_bytes_copied, 0);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_padding_stays_behind(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    uint32_t n = between(0, 1);
    memset(frame + n, 0x5a, 30);
    forward_address(frame, 0);
    forward_input_packet(r, 0, forward_packet(r, 0, frame, n + 30));
    expect_passed(forward_next(r, 1), frame, n, 1);
    forward_rig_free(r);
}

static void test_every_hop_limit_and_sum_is_right(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    unsigned cases = 0;
    for (uint32_t ttl = 2; ttl <= 255; ttl++)
        for (uint32_t id = 0; id < 65536; id += 4369, cases++) {
            uint32_t n = between(0, 2);
            if (!six)
                store_be16(frame + 18, (uint16_t)id);
            set_ttl(frame, (uint8_t)ttl);
            forward_input(r, 0, frame, n);
            expect_passed(forward_next(r, 2), frame, n, 2);
        }
    print_message("%u cases\n", cases);
    forward_rig_free(r);
}

static void test_tags_are_taken_off_and_put_on(void **state)
{
    (void)state;
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.vlan[1] = 77;
    struct forward_rig *r = forward_rig_new_with(&o);
    uint8_t tagged[256];
    uint32_t n = between(0, 1);
    forward_input(r, 0, frame, n);
    const struct forward_frame *f = forward_next(r, 1);
    assert_non_null(f);
    assert_int_equal(f->length, n + 4);
    assert_int_equal(load_be32(f->bytes + 12), 0x8100u << 16 | 77);
    assert_memory_equal(f->bytes + 16 + 2 + 12, frame + 14 + 12, n - 14 - 12);
    n = between(1, 0); /* and the other way round */
    forward_address(frame, 1);
    memcpy(tagged, frame, n);
    uint32_t longer = insert_tag(tagged, n, 0x8100, 77);
    forward_input_packet(r, 1, forward_packet(r, 1, tagged, longer));
    expect_passed(forward_next(r, 0), frame, n, 0);
    struct packet *p = forward_packet(r, 1, frame, n); /* the link took the tag off */
    p->vlan_present = true;
    p->vlan_tci = 77;
    forward_input_packet(r, 1, p);
    expect_passed(forward_next(r, 0), frame, n, 0);
    assert_int_equal(forward_counters(r)->forward_bytes_copied, 0);
    forward_rig_free(r);
}

/* The edge of a labelled network: RFC 3031 3.10, RFC 3443 (pipe): the hop counts once, in the IP header. */
static void test_labels_are_taken_off_and_put_on(void **state)
{
    (void)state;
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.label[1] = 100;
    struct forward_rig *r = forward_rig_new_with(&o);
    uint32_t n = between(0, 1);
    forward_input(r, 0, frame, n);
    const struct forward_frame *f = forward_next(r, 1);
    assert_non_null(f);
    assert_int_equal(f->length, n + 4);
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_MPLS);
    assert_int_equal(load_be32(f->bytes + 14), mpls_entry(100, true, 255));
    assert_memory_equal(f->bytes + 18 + 12, frame + 14 + 12, n - 14 - 12);
    uint8_t labelled[256];
    const uint32_t own = mpls_entry(100, true, 64), other = mpls_entry(101, true, 64);
    n = between(1, 0); /* and the other way round */
    forward_address(frame, 1);
    memcpy(labelled, frame, n);
    uint32_t longer = insert_labels(labelled, n, &own, 1);
    forward_input_packet(r, 1, forward_packet(r, 1, labelled, longer));
    expect_passed(forward_next(r, 0), frame, n, 0);
    memcpy(labelled, frame, n);
    longer = insert_labels(labelled, n, &other, 1);
    forward_input_packet(r, 1, forward_packet(r, 1, labelled, longer));
    forward_expect_nothing(r);
    assert_int_equal(forward_counters(r)->mpls_unknown_label, 1);
    assert_int_equal(forward_counters(r)->forward_bytes_copied, 0);
    forward_rig_free(r);
}

static void test_without_headroom_it_is_copied_and_counted(void **state)
{
    (void)state;
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.vlan[1] = 77;
    struct forward_rig *r = forward_rig_new_with(&o);
    uint32_t n = between(0, 1);
    forward_address(frame, 0);
    struct packet *p = forward_packet(r, 0, frame, n);
    memmove(p->start, p->data, n);
    p->data = p->start;
    forward_input_packet(r, 0, p);
    const struct forward_frame *f = forward_next(r, 1);
    assert_non_null(f);
    assert_false(f->same);
    assert_int_equal(f->length, n + 4);
    assert_int_equal(forward_counters(r)->forward_bytes_copied, n);
    forward_rig_free(r);
}

static void test_a_route_by_gateway(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    forward_add(r, 0, six ? "2001:db8:ff00::/40" : "198.51.0.0/16", r->local[1][six],
                six ? "2001:db8:1::2" : "10.0.1.2");
    forward_add(r, 0, six ? "2001:db8:ffff::/48" : "198.51.100.0/24", r->local[2][six],
                six ? "2001:db8:2::2" : "10.0.2.2");
    uint32_t n = to_text(0, "198.51.7.9", "2001:db8:ff00::9");
    forward_input(r, 0, frame, n);
    expect_passed(forward_next(r, 1), frame, n, 1);
    n = to_text(0, "198.51.100.9", "2001:db8:ffff::9");
    forward_input(r, 0, frame, n);
    expect_passed(forward_next(r, 2), frame, n, 2);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_it_may_leave_where_it_came(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    forward_add(r, 0, six ? "2001:db8:ff00::/40" : "198.51.0.0/16", r->local[0][six], six ? "2001:db8::2" : "10.0.0.2");
    uint32_t n = to_text(0, "198.51.7.9", "2001:db8:ff00::9");
    forward_input(r, 0, frame, n);
    expect_passed(forward_next(r, 0), frame, n, 0);
    forward_expect_nothing(r); /* no redirect */
    forward_rig_free(r);
}

static void test_what_is_ours_elsewhere_is_delivered_and_answered(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    const struct ip_addr station = forward_station(0, six), ours = forward_ours(1, six);
    uint32_t n = six ? make_icmp6(frame, &station, &ours, WIRE_ICMPV6_ECHO_REQUEST, 0, 7, "12345678", 8)
                     : make_echo_request(frame, ip_addr_to_v4(&station), ip_addr_to_v4(&ours), 7, 1, "12345678", 8);
    set_ttl(frame, 1);
    forward_input(r, 0, frame, n);
    const struct forward_frame *f = forward_next(r, 0);
    uint8_t mac[6];
    assert_non_null(f);
    forward_our_mac(0, mac);
    assert_memory_equal(f->bytes + 6, mac, 6);
    assert_memory_equal(f->bytes + 14 + (six ? 8 : 12), six ? ours.bytes : ours.bytes + 12, six ? 16 : 4);
    assert_int_equal(f->bytes[14 + (six ? 40 : 20)], six ? WIRE_ICMPV6_ECHO_REPLY : WIRE_ICMP_ECHO_REPLY);
    assert_int_equal(forward_counters(r)->icmp_echo_replies_sent, 1);
    n = forward_udp(frame, &station, &ours);
    forward_input(r, 0, frame, n);
    f = forward_next(r, 0);
    assert_non_null(f);
    assert_int_equal(f->bytes[14 + (six ? 40 : 20)], six ? WIRE_ICMPV6_UNREACHABLE : WIRE_ICMP_UNREACHABLE);
    assert_memory_equal(f->bytes + 14 + (six ? 8 : 12), six ? ours.bytes : ours.bytes + 12, six ? 16 : 4);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

/* ---- not passing ---- */

static void test_an_old_datagram_ends_here(void **state)
{
    (void)state;
    for (uint8_t ttl = 0; ttl < 2; ttl++) {
        struct forward_rig *r = forward_rig_new();
        uint32_t n = between(0, 1);
        set_ttl(frame, ttl);
        forward_input(r, 0, frame, n);
        expect_error(r, 0, six ? WIRE_ICMPV6_TIME_EXCEEDED : WIRE_ICMP_TIME_EXCEEDED, 0, frame, n);
        assert_int_equal(forward_counters(r)->forward_ttl_exceeded, 1);
        forward_expect_nothing(r);
        forward_rig_free(r);
    }
}

static void test_no_route_is_said(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    uint32_t n = to_text(0, "198.51.100.1", "2001:db8:99::1");
    forward_input(r, 0, frame, n);
    expect_error(r, 0, six ? WIRE_ICMPV6_UNREACHABLE : WIRE_ICMP_UNREACHABLE, 0, frame, n);
    assert_int_equal(forward_counters(r)->forward_no_route, 1);
    n = between(0, 1);
    assert_int_equal(stack_set_up(r->stack, 1, false, r->now), 0);
    forward_input(r, 0, frame, n);
    expect_error(r, 0, six ? WIRE_ICMPV6_UNREACHABLE : WIRE_ICMP_UNREACHABLE, 0, frame, n);
    assert_int_equal(forward_counters(r)->forward_no_route, 2);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

/* A UDP datagram of so many bytes from port 0 to port 1; IPv4: with DF. */
static uint32_t long_datagram(uint32_t bytes, bool dont_fragment)
{
    static uint8_t payload[2000];
    const struct ip_addr a = forward_station(0, six), b = forward_station(1, six);
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + i / 256);
    if (six)
        return make_udp6(frame, &a, 1, &b, 2, payload, bytes - 48);
    uint32_t n = make_udp(frame, ip_addr_to_v4(&a), 1, ip_addr_to_v4(&b), 2, payload, bytes - 28);
    store_be16(frame + 20, dont_fragment ? 0x4000 : 0);
    fix_ip_checksum(frame);
    return n;
}

static void test_too_big_is_said_with_the_next_mtu(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    assert_int_equal(stack_set_mtu(r->stack, 1, 1400, r->now), 0);
    uint32_t n = long_datagram(1400, true);
    forward_input(r, 0, frame, n);
    expect_passed(forward_next(r, 1), frame, n, 1);
    n = long_datagram(1401, true);
    forward_input(r, 0, frame, n);
    const uint8_t *m =
        expect_error(r, 0, six ? WIRE_ICMPV6_PACKET_TOO_BIG : WIRE_ICMP_UNREACHABLE, six ? 0 : 4, frame, n);
    assert_int_equal(load_be32(m + 4), 1400);
    assert_int_equal(forward_counters(r)->forward_too_big, 1);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_what_is_of_a_link_stays_there(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    const struct ip_addr there = forward_station(1, six),
                         from = six ? (struct ip_addr){{0xfe, 0x80, [15] = 2}} : ip_addr_from_v4(0xa9fe0002u);
    uint32_t n = forward_udp(frame, &from, &there);
    forward_input(r, 0, frame, n);
    if (six) { /* RFC 4443 3.1: beyond scope of source address */
        const struct forward_frame *f = forward_next(r, 0);
        assert_non_null(f);
        assert_int_equal(f->bytes[54], WIRE_ICMPV6_UNREACHABLE);
        assert_int_equal(f->bytes[55], WIRE_ICMPV6_BEYOND_SCOPE);
    }
    n = to_text(0, "169.254.7.7", "fe80::7");
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->forward_scope, 2);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_impossible_addresses_do_not_pass(void **state)
{
    (void)state;
    static const char *const sources[2][5] = {{"0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255"},
                                              {"::", "::1", "ff02::1", "::ffff:10.0.0.9", "2001:db8::1"}};
    static const char *const destinations[2][3] = {{"0.0.0.9", "127.0.0.9", "240.0.0.1"},
                                                   {"::1", "::", "::ffff:1.2.3.4"}};
    struct forward_rig *r = forward_rig_new();
    const struct ip_addr there = forward_station(1, six), here = forward_station(0, six);
    for (unsigned i = 0; i < 5; i++) {
        struct ip_addr a;
        uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 9};
        assert_int_equal(ip_addr_parse(sources[six][i], strlen(sources[six][i]), &a), 0);
        uint32_t n = forward_udp(frame, &here, &there);
        if (six) {
            memcpy(frame + 14 + 8, i == 3 ? mapped : a.bytes, 16);
        } else {
            store_be32(frame + 26, ip_addr_to_v4(&a));
            fix_ip_checksum(frame);
        }
        forward_input(r, 0, frame, n);
        assert_int_equal(forward_counters(r)->ip_bad_source, i + 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct ip_addr a;
        assert_int_equal(ip_addr_parse(destinations[six][i], strlen(destinations[six][i]), &a), 0);
        uint32_t n = forward_udp(frame, &here, &there);
        if (six) {
            memcpy(frame + 14 + 24, a.bytes, 16);
        } else {
            store_be32(frame + 30, ip_addr_to_v4(&a));
            fix_ip_checksum(frame);
        }
        forward_input(r, 0, frame, n);
        assert_int_equal(forward_counters(r)->ip_bad_destination, i + 1);
    }
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_what_goes_to_many_does_not_pass(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    uint32_t n = between(0, 1);
    forward_address(frame, 0);
    memcpy(frame, everybody, 6);
    forward_input_packet(r, 0, forward_packet(r, 0, frame, n)); /* unicast in a broadcast frame: RFC 1812 5.3.4 */
    n = to_text(0, "239.1.1.1", "ff0e::1");
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->ip_not_for_us, 2);
    for (unsigned i = 0; !six && i < 2; i++) { /* RFC 2644 */
        n = to_text(0, i ? "10.0.1.0" : "10.0.1.255", NULL);
        forward_input(r, 0, frame, n);
        assert_int_equal(forward_counters(r)->forward_broadcast, i + 1);
    }
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_errors_are_not_answered(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    const struct ip_addr a = forward_station(0, six), b = six ? (struct ip_addr){{0x20, 1, [15] = 9}} : v4(FAR);
    uint8_t quoted[64];
    uint32_t n = between(0, 1);
    memcpy(quoted, frame + 14, n - 14);
    if (six) {
        n = make_icmp6(frame, &a, &b, WIRE_ICMPV6_TIME_EXCEEDED, 0, 0, quoted, n - 14);
    } else {
        n = make_icmp_error(frame, WIRE_ICMP_TIME_EXCEEDED, 0, 0, quoted, n - 14);
        store_be32(frame + 26, ip_addr_to_v4(&a));
        store_be32(frame + 30, ip_addr_to_v4(&b));
        fix_ip_checksum(frame);
    }
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->forward_no_route, 1);
    if (!six) { /* nor are later fragments */
        n = make_fragment(frame, ip_addr_to_v4(&a), 1, IP_PROTO_UDP, 800, false, quoted, 32);
        store_be32(frame + 30, ip_addr_to_v4(&b));
        fix_ip_checksum(frame);
        forward_input(r, 0, frame, n);
        assert_int_equal(forward_counters(r)->forward_no_route, 2);
    }
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_errors_have_the_limit(void **state)
{
    (void)state;
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.stack.icmp_errors_burst = 10;
    struct forward_rig *r = forward_rig_new_with(&o);
    for (unsigned i = 0; i < 50; i++) {
        uint32_t n = between(0, 1);
        set_ttl(frame, 1);
        forward_input(r, 0, frame, n);
    }
    const struct stack_counters *c = forward_counters(r);
    assert_int_equal(c->forward_ttl_exceeded, 50);
    assert_true(c->icmp_errors_sent <= 10 && c->icmp_errors_sent >= 5);
    assert_int_equal(c->icmp_rate_limited, 50 - c->icmp_errors_sent);
    forward_rig_free(r);
}

static void test_a_link_without_room_loses_it_by_name(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    r->ports[1].room = 0;
    uint32_t n = between(0, 1);
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->tx_no_room, 1);
    assert_int_equal(forwarded(r), 0);
    forward_expect_nothing(r);
    forward_rig_free(r);
}

static void test_a_host_that_is_no_router_forwards_nothing(void **state)
{
    (void)state;
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.no_router = true;
    struct forward_rig *r = forward_rig_new_with(&o);
    uint32_t n = between(0, 1);
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->ip_not_for_us, 1);
    forward_expect_nothing(r);
    assert_int_equal(forward_start(r->stack, 0, &o.forward), 0); /* from now on it does */
    n = between(0, 1);
    forward_input(r, 0, frame, n);
    expect_passed(forward_next(r, 1), frame, n, 1);
    forward_rig_free(r);
}

/* ---- VRFs, hosts and routes that come and go ---- */

static void test_vrfs_do_not_leak(void **state)
{
    (void)state;
    static const uint8_t other[6] = {2, 0, 0, 0, 9, 9};
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    struct forward_rig *r = forward_rig_new_with(&o);
    assert_int_equal(forward_start(r->stack, 5, &o.forward), 0);
    (void)forward_add_host(r, 0, six ? "2001:db8::9" : "10.0.0.9", six ? 64 : 24, 5, other);
    uint32_t out = forward_add_host(r, 2, six ? "2001:db8:2::9" : "10.0.2.9", six ? 64 : 24, 5, other);
    uint32_t n = between(0, 1); /* VRF 5 knows nothing of port 1 */
    forward_address(frame, 0);
    memcpy(frame, other, 6);
    forward_input_packet(r, 0, forward_packet(r, 0, frame, n));
    assert_int_equal(forward_counters(r)->forward_no_route, 1);
    assert_null(forward_next(r, 1));
    forward_add(r, 5, six ? "::/0" : "0.0.0.0/0", out, six ? "2001:db8:2::2" : "10.0.2.2");
    const struct ip_addr gateway = forward_station(2, six);
    uint8_t mac[6];
    forward_station_mac(2, mac);
    assert_int_equal(stack_add_neighbour(r->stack, out, &gateway, mac), 0);
    n = between(0, 1);
    forward_address(frame, 0);
    memcpy(frame, other, 6);
    forward_input_packet(r, 0, forward_packet(r, 0, frame, n));
    assert_null(forward_next(r, 1));
    const struct forward_frame *f = forward_next(r, 2);
    assert_non_null(f);
    assert_memory_equal(f->bytes + 6, other, 6);
    n = to_text(0, "198.51.100.1", "2001:db8:99::1"); /* and VRF 0 nothing of its default route */
    forward_input(r, 0, frame, n);
    assert_int_equal(forward_counters(r)->forward_no_route, 2);
    assert_null(forward_next(r, 2));
    forward_rig_free(r);
}

static void test_subnets_follow_their_hosts(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    struct forward_route at;
    const struct ip_addr there = forward_station(1, six), ours = forward_ours(1, six);
    uint32_t second = forward_add_host(r, 1, six ? "2001:db8:1::7" : "10.0.1.7", six ? 64 : 24, 0, NULL);
    uint32_t before = forward_route_count(r->stack, 0);
    assert_int_equal(stack_remove_host(r->stack, r->local[1][six], r->now), 0);
    assert_true(forward_find(r->stack, 0, &there, &at)); /* the other host of the subnet has it now */
    assert_int_equal(at.local, second);
    assert_int_equal(forward_route_count(r->stack, 0), before - 1);
    assert_true(forward_find(r->stack, 0, &ours, &at));
    assert_int_equal(at.local, second);
    forward_add(r, 0, six ? "2001:db8:ff00::/40" : "198.51.0.0/16", second, six ? "2001:db8:1::2" : "10.0.1.2");
    assert_int_equal(stack_remove_host(r->stack, second, r->now), 0);
    assert_false(forward_find(r->stack, 0, &there, &at));
    assert_int_equal(forward_route_count(r->stack, 0), before - 3); /* its route went with it */
    forward_rig_free(r);
}

static void test_a_subnet_takes_the_place_of_a_route(void **state)
{
    (void)state;
    struct forward_rig *r = forward_rig_new();
    struct forward_route at;
    const char *subnet = six ? "2001:db8:7::/64" : "10.0.7.0/24";
    struct ip_addr there;
    assert_int_equal(ip_addr_parse(six ? "2001:db8:7::5" : "10.0.7.5", six ? 13 : 8, &there), 0);
    forward_add(r, 0, subnet, r->local[1][six], six ? "2001:db8:1::2" : "10.0.1.2");
    uint32_t host = forward_add_host(r, 2, six ? "2001:db8:7::1" : "10.0.7.1", six ? 64 : 24, 0, NULL);
    assert_true(forward_find(r->stack, 0, &there, &at));
    assert_int_equal(at.local, host);
    struct forward_route again = {.local = r->local[1][six], .gateway = forward_station(1, six)};
    assert_int_equal(ip_prefix_parse(subnet, strlen(subnet), &again.prefix), 0);
    assert_int_equal(forward_add_route(r->stack, 0, &again), ERR_EXISTS);
    assert_int_equal(forward_remove_route(r->stack, 0, &again.prefix), ERR_NOT_FOUND);
    forward_rig_free(r);
}

static void test_routes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    o.forward.max_next_hops = 1;
    struct forward_rig *r = forward_rig_new_with(&o);
    struct forward_route good = {.local = r->local[1][six], .gateway = forward_station(1, six)}, bad;
    const char *prefix = six ? "2001:db8:ff00::/40" : "198.51.0.0/16";
    assert_int_equal(ip_prefix_parse(prefix, strlen(prefix), &good.prefix), 0);
    bad = good;
    bad.local = r->local[1][!six];
    assert_int_equal(forward_add_route(r->stack, 0, &bad), ERR_INVALID);
    bad.local = 99;
    assert_int_equal(forward_add_route(r->stack, 0, &bad), ERR_INVALID);
    bad = good;
    bad.gateway = forward_station(2, six);
    assert_int_equal(forward_add_route(r->stack, 0, &bad), ERR_INVALID);
    bad = good;
    bad.prefix.length = six ? 129 : 33;
    assert_int_equal(forward_add_route(r->stack, 0, &bad), ERR_INVALID);
    assert_int_equal(forward_remove_route(r->stack, 0, &bad.prefix), ERR_NOT_FOUND);
    assert_int_equal(forward_add_route(r->stack, 1, &good), ERR_NOT_FOUND);
    assert_int_equal(forward_add_route(r->stack, 0, &good), 0);
    assert_int_equal(forward_add_route(r->stack, 0, &good), ERR_EXISTS);
    bad = good;
    bad.prefix.length--;
    bad.gateway = (struct ip_addr){{0}};
    assert_int_equal(forward_add_route(r->stack, 0, &bad), ERR_NO_SPACE); /* one next hop */
    assert_int_equal(forward_remove_route(r->stack, 0, &good.prefix), 0);
    assert_int_equal(forward_remove_route(r->stack, 0, &good.prefix), ERR_NOT_FOUND);
    assert_int_equal(forward_add_route(r->stack, 0, &bad), 0);
    assert_int_equal(forward_start(r->stack, 0, &o.forward), ERR_EXISTS);
    forward_rig_free(r);
}

#define BOTH(test)                                                                                                     \
    {.name = #test "_ipv4", .test_func = test, .setup_func = with_ipv4},                                               \
    {                                                                                                                  \
        .name = #test "_ipv6", .test_func = test, .setup_func = with_ipv6                                              \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_a_datagram_passes_without_a_copy),
        BOTH(test_padding_stays_behind),
        BOTH(test_every_hop_limit_and_sum_is_right),
        BOTH(test_tags_are_taken_off_and_put_on),
        BOTH(test_labels_are_taken_off_and_put_on),
        BOTH(test_without_headroom_it_is_copied_and_counted),
        BOTH(test_a_route_by_gateway),
        BOTH(test_it_may_leave_where_it_came),
        BOTH(test_what_is_ours_elsewhere_is_delivered_and_answered),
        BOTH(test_an_old_datagram_ends_here),
        BOTH(test_no_route_is_said),
        BOTH(test_too_big_is_said_with_the_next_mtu),
        BOTH(test_what_is_of_a_link_stays_there),
        BOTH(test_impossible_addresses_do_not_pass),
        BOTH(test_what_goes_to_many_does_not_pass),
        BOTH(test_errors_are_not_answered),
        BOTH(test_errors_have_the_limit),
        BOTH(test_a_link_without_room_loses_it_by_name),
        BOTH(test_a_host_that_is_no_router_forwards_nothing),
        BOTH(test_vrfs_do_not_leak),
        BOTH(test_subnets_follow_their_hosts),
        BOTH(test_a_subnet_takes_the_place_of_a_route),
        BOTH(test_routes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
