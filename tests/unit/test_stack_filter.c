/* SPDX-License-Identifier: MIT */
/*
 * A filter in the path of packets: what its rules see of frames in each direction, what a rejection is answered by, states
 * across a router, fragments, rules exchanged while datagrams pass, and VRFs that do not share one. That rules and
 * connections are right is test_stack_ip_filter's to show.
 */
#include "unit/forward_rig.h"

#include "base/alloc_heap.h"
#include "base/error.h"
#include "stack/filter.h"
#include "wire/l4.h"

static uint8_t frame[FORWARD_FRAME_BYTES];

struct world {
    struct forward_rig *r;
    struct ip_filter *filter;
    struct ip_filter_rules *rules;
};

static void load(struct world *w, const struct ip_filter_rule *rules, uint32_t n, enum ip_filter_verdict forward)
{
    struct ip_filter_policy policy = {.verdicts[IP_FILTER_FORWARD] = (uint8_t)forward};
    struct ip_filter_rules *made, *before;
    assert_int_equal(ip_filter_rules_new(rules, n, &policy, alloc_heap(), &made, NULL), 0);
    before = ip_filter_swap(w->filter, made);
    if (before)
        ip_filter_rules_delete(before);
    w->rules = made;
}

static void begin(struct world *w, const struct ip_filter_rule *rules, uint32_t n, enum ip_filter_verdict forward)
{
    struct ip_filter_settings t;
    ip_filter_settings_default(&t);
    t.connections = 64;
    w->r = forward_rig_new();
    assert_int_equal(ip_filter_new(&t, alloc_heap(), &w->filter), 0);
    load(w, rules, n, forward);
    assert_int_equal(stack_set_filter(w->r->stack, 0, w->filter), 0);
}

static void end(struct world *w)
{
    assert_true(ip_filter_check(w->filter));
    forward_rig_free(w->r);
    ip_filter_delete(w->filter);
    ip_filter_rules_delete(w->rules);
}

/* Connections from port 0 pass, and what belongs to them. */
static const struct ip_filter_rule from_inside[2] = {
    {.match = IP_FILTER_MATCH_STATE,
     .directions = IP_FILTER_ALL_DIRECTIONS,
     .verdict = IP_FILTER_ACCEPT,
     .states = IP_FILTER_ESTABLISHED | IP_FILTER_RELATED},
    {.match = IP_FILTER_MATCH_STATE | IP_FILTER_MATCH_INTERFACE,
     .directions = IP_FILTER_ALL_DIRECTIONS,
     .verdict = IP_FILTER_ACCEPT,
     .states = IP_FILTER_NEW,
     .interface = 0},
};

static uint32_t udp(bool six, unsigned from, uint16_t from_port, unsigned to, uint16_t to_port)
{
    const struct ip_addr a = forward_station(from, six), b = forward_station(to, six);
    static const uint8_t payload[32] = {7};
    if (six)
        return make_udp6(frame, &a, from_port, &b, to_port, payload, sizeof payload);
    return make_udp(frame, ip_addr_to_v4(&a), from_port, ip_addr_to_v4(&b), to_port, payload, sizeof payload);
}

static uint32_t tcp(bool six, unsigned from, unsigned to, uint16_t flags, uint32_t seq, uint32_t ack)
{
    const struct ip_addr a = forward_station(from, six), b = forward_station(to, six);
    uint16_t port = from < to ? 1000 : 80, other = from < to ? 80 : 1000;
    if (six)
        return make_tcp6(frame, &a, port, &b, other, flags, seq, ack, NULL, 0);
    return make_tcp(frame, ip_addr_to_v4(&a), port, ip_addr_to_v4(&b), other, flags, seq, ack, NULL, 0);
}

static bool passes(struct world *w, unsigned from, unsigned to, uint32_t length)
{
    forward_input(w->r, from, frame, length);
    return forward_next(w->r, to) != NULL;
}

static void test_answers_come_back_and_others_do_not(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct world w;
        begin(&w, from_inside, 2, IP_FILTER_DROP);
        assert_false(passes(&w, 1, 0, udp(six, 1, 53, 0, 999)));
        assert_int_equal(forward_counters(w.r)->filter_forward, 1);
        assert_true(passes(&w, 0, 1, udp(six, 0, 999, 1, 53)));
        assert_true(passes(&w, 1, 0, udp(six, 1, 53, 0, 999)));
        assert_false(passes(&w, 1, 0, udp(six, 1, 54, 0, 999)));
        assert_int_equal(ip_filter_connections(w.filter), 1);
        assert_int_equal(ip_filter_rules_count(w.rules, 0).packets, 1);
        assert_int_equal(ip_filter_rules_count(w.rules, 1).packets, 1);
        assert_int_equal(ip_filter_rules_count(w.rules, 1).bytes, (six ? 40 : 20) + 40);
        forward_expect_nothing(w.r);
        forward_pass(w.r, 200 * NS_PER_S); /* it is forgotten by the stack's own turns */
        assert_int_equal(ip_filter_connections(w.filter), 0);
        end(&w);
    }
}

static void test_a_handshake_and_its_reset_pass(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct world w;
        begin(&w, from_inside, 2, IP_FILTER_DROP);
        assert_false(passes(&w, 1, 0, tcp(six, 1, 0, TCP_SYN, 5, 0)));
        assert_true(passes(&w, 0, 1, tcp(six, 0, 1, TCP_SYN, 0xffffff00u, 0)));
        assert_true(passes(&w, 1, 0, tcp(six, 1, 0, TCP_SYN | TCP_ACK, 77, 0xffffff01u)));
        assert_true(passes(&w, 0, 1, tcp(six, 0, 1, TCP_ACK, 0xffffff01u, 78)));
        assert_false(passes(&w, 1, 0, tcp(six, 1, 0, TCP_RST, 0x40000000u, 0))); /* outside of the window */
        assert_true(passes(&w, 1, 0, tcp(six, 1, 0, TCP_RST, 78, 0)));
        end(&w);
    }
}

/* An error about what passed comes back through us, with whatever source; one about nothing does not. */
static void test_errors_about_what_passed_are_related(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct world w;
        uint8_t quoted[128];
        const struct ip_addr router = forward_station(2, six), to = forward_station(0, six);
        begin(&w, from_inside, 2, IP_FILTER_DROP);
        for (unsigned known = 0; known < 2; known++) {
            uint32_t n = udp(six, 0, 999, 1, 53);
            memcpy(quoted, frame + 14, n - 14);
            if (known)
                assert_true(passes(&w, 0, 1, n));
            if (six) {
                n = make_icmp6(frame, &router, &to, WIRE_ICMPV6_PACKET_TOO_BIG, 0, 1280, quoted, n - 14);
            } else {
                n = make_icmp_error(frame, WIRE_ICMP_UNREACHABLE, 1, 0, quoted, n - 14);
                store_be32(frame + 26, ip_addr_to_v4(&router));
                store_be32(frame + 30, ip_addr_to_v4(&to));
                fix_ip_checksum(frame);
            }
            assert_int_equal(passes(&w, 2, 0, n), known);
        }
        end(&w);
    }
}

static void test_what_is_rejected_is_answered(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct world w;
        begin(&w, NULL, 0, IP_FILTER_REJECT);
        const struct ip_addr there = forward_station(1, six), here = forward_station(0, six);
        uint32_t at = 14 + (six ? 40u : 20u);
        forward_input(w.r, 0, frame, tcp(six, 0, 1, TCP_SYN, 0xffffffffu, 0));
        const struct forward_frame *f = forward_next(w.r, 0);
        assert_non_null(f);
        struct wire_tcp h;
        assert_int_equal(wire_tcp_parse(f->bytes + at, 20, &h), 20);
        assert_int_equal(h.flags, TCP_RST | TCP_ACK);
        assert_int_equal(h.ack.v, 0); /* the SYN, modulo 2^32 */
        assert_memory_equal(f->bytes + 14 + (six ? 8 : 12), six ? there.bytes : there.bytes + 12, six ? 16 : 4);
        assert_true(wire_l4_checksum_ok(&there, &here, IP_PROTO_TCP, f->bytes + at, 20));
        forward_input(w.r, 0, frame, tcp(six, 0, 1, TCP_ACK, 9, 4711));
        f = forward_next(w.r, 0);
        assert_non_null(f);
        assert_int_equal(wire_tcp_parse(f->bytes + at, 20, &h), 20);
        assert_int_equal(h.flags, TCP_RST);
        assert_int_equal(h.seq.v, 4711);
        forward_input(w.r, 0, frame, tcp(six, 0, 1, TCP_RST, 9, 0)); /* never answered */
        forward_input(w.r, 0, frame, udp(six, 0, 1, 1, 2));
        f = forward_next(w.r, 0);
        assert_non_null(f);
        assert_int_equal(f->bytes[at], six ? WIRE_ICMPV6_UNREACHABLE : WIRE_ICMP_UNREACHABLE);
        assert_int_equal(f->bytes[at + 1], six ? WIRE_ICMPV6_ADMIN_PROHIBITED : WIRE_ICMP_ADMIN_PROHIBITED);
        assert_int_equal(forward_counters(w.r)->filter_forward, 4);
        forward_expect_nothing(w.r);
        end(&w);
    }
}

/* A UDP datagram of 2 fragments: the second bears no ports. */
static uint32_t fragment(bool six, unsigned number)
{
    uint8_t payload[64] = {0x03, 0xe7, 0, 53, 0, 64};
    const struct ip_addr a = forward_station(0, six), b = forward_station(1, six);
    if (!six) {
        make_fragment(frame, ip_addr_to_v4(&a), 9, IP_PROTO_UDP, number * 32, number == 0, payload, 32);
        store_be32(frame + 30, ip_addr_to_v4(&b));
        fix_ip_checksum(frame);
        return 14 + 20 + 32;
    }
    uint32_t n = make_fragment6(frame, &a, 9, IP_PROTO_UDP, number * 32, number == 0, payload, 32);
    memcpy(frame + 14 + 24, b.bytes, 16);
    return n;
}

static void test_later_fragments_follow_the_first(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct world w;
        begin(&w, from_inside, 2, IP_FILTER_DROP);
        assert_false(passes(&w, 0, 1, fragment(six, 1)));
        assert_true(passes(&w, 0, 1, fragment(six, 0)));
        assert_true(passes(&w, 0, 1, fragment(six, 1)));
        w.r->now += FILTER_FRAGMENT_NS;
        assert_false(passes(&w, 0, 1, fragment(six, 1)));
        end(&w);
    }
}

static void test_rules_are_exchanged_between_two_datagrams(void **state)
{
    (void)state;
    struct world w;
    begin(&w, from_inside, 2, IP_FILTER_DROP);
    assert_true(passes(&w, 0, 1, udp(false, 0, 999, 1, 53)));
    load(&w, NULL, 0, IP_FILTER_DROP);
    assert_false(passes(&w, 0, 1, udp(false, 0, 999, 1, 53)));
    load(&w, from_inside, 1, IP_FILTER_DROP); /* the connection is still known */
    assert_true(passes(&w, 1, 0, udp(false, 1, 53, 0, 999)));
    assert_int_equal(stack_set_filter(w.r->stack, 0, NULL), 0);
    assert_true(passes(&w, 1, 0, udp(false, 1, 5, 0, 9)));
    end(&w);
}

static void test_our_own_traffic_and_neighbour_discovery(void **state)
{
    (void)state;
    static const struct ip_filter_rule nothing_in = {.directions = 1u << IP_FILTER_IN | 1u << IP_FILTER_OUT,
                                                     .verdict = IP_FILTER_REJECT};
    struct world w;
    begin(&w, &nothing_in, 1, IP_FILTER_ACCEPT);
    const struct ip_addr station = forward_station(0, true), us = forward_ours(0, true);
    assert_true(passes(&w, 0, 1, udp(true, 0, 1, 1, 2)));
    uint32_t n = make_icmp6(frame, &station, &us, WIRE_ICMPV6_ECHO_REQUEST, 0, 7, "12345678", 8);
    forward_input(w.r, 0, frame, n); /* the error is output, and dropped too */
    assert_int_equal(forward_counters(w.r)->filter_input, 1);
    assert_int_equal(forward_counters(w.r)->filter_output, 1);
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .has = WIRE_ND_HAS_SOURCE_LL, .target = us};
    forward_station_mac(0, m.source_ll);
    forward_input(w.r, 0, frame, make_nd(frame, &station, &us, &m));
    const struct forward_frame *f = forward_next(w.r, 0);
    assert_non_null(f);
    assert_int_equal(f->bytes[54], WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT);
    assert_int_equal(forward_counters(w.r)->filter_input, 1);
    forward_expect_nothing(w.r);
    end(&w);
}

static void test_a_filter_is_one_vrf_s(void **state)
{
    (void)state;
    struct world w;
    begin(&w, NULL, 0, IP_FILTER_DROP);
    assert_int_equal(stack_set_filter(w.r->stack, 0, NULL), 0);
    assert_int_equal(stack_set_filter(w.r->stack, 7, w.filter), 0);
    assert_true(passes(&w, 0, 1, udp(false, 0, 1, 1, 2)));
    for (uint32_t vrf = 100; vrf < 100 + FILTER_MAX - 1; vrf++)
        assert_int_equal(stack_set_filter(w.r->stack, vrf, w.filter), 0);
    assert_int_equal(stack_set_filter(w.r->stack, 1, w.filter), ERR_NO_SPACE);
    assert_int_equal(stack_set_filter(w.r->stack, 1, NULL), 0);
    assert_int_equal(stack_set_filter(w.r->stack, 7, NULL), 0);
    assert_int_equal(stack_set_filter(w.r->stack, 1, w.filter), 0);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_come_back_and_others_do_not),
        cmocka_unit_test(test_a_handshake_and_its_reset_pass),
        cmocka_unit_test(test_errors_about_what_passed_are_related),
        cmocka_unit_test(test_what_is_rejected_is_answered),
        cmocka_unit_test(test_later_fragments_follow_the_first),
        cmocka_unit_test(test_rules_are_exchanged_between_two_datagrams),
        cmocka_unit_test(test_our_own_traffic_and_neighbour_discovery),
        cmocka_unit_test(test_a_filter_is_one_vrf_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
