/* SPDX-License-Identifier: MIT */
/*
 * The packet filter's rules: every field by itself, order, defaults, counters, what is refused, and exchanging rule
 * sets. The rules' verdicts are also compared with those of a plain reading of them, over random rules and packets.
 */
#include "support/cmocka_all.h"

#include "base/error.h"
#include "base/random.h"
#include "ip_filter_rig.h"
#include "wire/icmp.h"

/* One rule that drops; the rest is accepted. */
static void drop_only(struct filter_rig *r, struct ip_filter_rule rule)
{
    if (rule.directions == 0)
        rule.directions = IP_FILTER_ALL_DIRECTIONS;
    rule.verdict = IP_FILTER_DROP;
    filter_load(r, &rule, 1, IP_FILTER_ACCEPT);
}

static struct ip_filter_packet udp(const char *source, uint16_t source_port, const char *destination, uint16_t port)
{
    return filter_packet(IP_PROTO_UDP, source, source_port, destination, port);
}

static void test_without_rules_everything_passes_and_nothing_is_followed(void **state)
{
    (void)state;
    struct filter_rig r;
    filter_init(&r, 16);
    struct ip_filter_packet p = udp(INSIDE, 1, OUTSIDE, 2);
    filter_passes(&r, &p);
    assert_int_equal(ip_filter_connections(r.filter), 0);
    assert_int_equal(ip_filter_counters(r.filter)->accepted, 1);
    filter_free(&r);
}

static void test_a_rule_meets_source_and_destination_prefixes_of_its_family_only(void **state)
{
    (void)state;
    struct filter_rig r;
    static const struct {
        const char *prefix, *address;
        enum ip_filter_verdict verdict;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.255", IP_FILTER_DROP},
        {"192.0.2.0/24", "192.0.3.0", IP_FILTER_ACCEPT},
        {"0.0.0.0/0", "203.0.113.7", IP_FILTER_DROP},
        {"0.0.0.0/0", "2001:db8::1", IP_FILTER_ACCEPT},
        {"::/0", "2001:db8::1", IP_FILTER_DROP},
        {"::/0", "203.0.113.7", IP_FILTER_ACCEPT},
        {"2001:db8::/33", "2001:db8:7fff::", IP_FILTER_DROP},
        {"2001:db8::/33", "2001:db8:8000::", IP_FILTER_ACCEPT},
        {"2001:db8::/64", "2001:db8::1", IP_FILTER_DROP},
        {"2001:db8::/64", "2001:db8:0:1::1", IP_FILTER_ACCEPT},
        {"2001:db8::1/128", "2001:db8::1", IP_FILTER_DROP},
        {"2001:db8::1/128", "2001:db8::2", IP_FILTER_ACCEPT},
        {"192.0.2.77/24", "192.0.2.1", IP_FILTER_DROP},
    };
    filter_init(&r, 16);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *other = strchr(cases[i].address, '.') ? "10.9.9.9" : "fd00::9";
        struct ip_filter_packet from = udp(cases[i].address, 1, other, 2), to = udp(other, 1, cases[i].address, 2);
        drop_only(&r,
                  (struct ip_filter_rule){.match = IP_FILTER_MATCH_SOURCE, .source = filter_prefix(cases[i].prefix)});
        assert_int_equal(filter_judge(&r, &from), cases[i].verdict);
        drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_DESTINATION,
                                              .destination = filter_prefix(cases[i].prefix)});
        assert_int_equal(filter_judge(&r, &to), cases[i].verdict);
    }
    filter_free(&r);
}

static void test_a_rule_meets_protocol_and_port_ranges(void **state)
{
    (void)state;
    struct filter_rig r;
    filter_init(&r, 16);
    struct ip_filter_packet p = udp(INSIDE, 1000, OUTSIDE, 53),
                            t = filter_packet(IP_PROTO_TCP, INSIDE, 1000, OUTSIDE, 53);
    drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_PROTOCOL, .protocol = IP_PROTO_UDP});
    assert_int_equal(filter_judge(&r, &p), IP_FILTER_DROP);
    filter_passes(&r, &t);
    static const struct {
        struct ip_filter_ports ports;
        bool meets_1000, meets_53;
    } cases[] = {{{53, 53}, false, true},
                 {{0, 65535}, true, true},
                 {{54, 999}, false, false},
                 {{53, 1000}, true, true},
                 {{1000, 2000}, true, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned match = IP_FILTER_MATCH_PROTOCOL;
        drop_only(&r, (struct ip_filter_rule){.match = (uint16_t)(match | IP_FILTER_MATCH_SOURCE_PORTS),
                                              .protocol = IP_PROTO_UDP,
                                              .source_ports = cases[i].ports});
        assert_int_equal(filter_judge(&r, &p), cases[i].meets_1000 ? IP_FILTER_DROP : IP_FILTER_ACCEPT);
        filter_passes(&r, &t);
        drop_only(&r, (struct ip_filter_rule){.match = (uint16_t)(match | IP_FILTER_MATCH_DESTINATION_PORTS),
                                              .protocol = IP_PROTO_UDP,
                                              .destination_ports = cases[i].ports});
        assert_int_equal(filter_judge(&r, &p), cases[i].meets_53 ? IP_FILTER_DROP : IP_FILTER_ACCEPT);
    }
    filter_free(&r);
}

static void test_a_rule_meets_tcp_flags_under_its_mask(void **state)
{
    (void)state;
    struct filter_rig r;
    filter_init(&r, 16);
    drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_TCP_FLAGS,
                                          .protocol = IP_PROTO_TCP,
                                          .tcp_flags_mask = TCP_SYN | TCP_ACK,
                                          .tcp_flags_value = TCP_SYN});
    struct ip_filter_packet p = filter_packet(IP_PROTO_TCP, INSIDE, 1, OUTSIDE, 2);
    for (uint16_t flags = 0; flags < 0x200; flags++) {
        p.tcp_flags = flags;
        bool meets = (flags & TCP_SYN) && !(flags & TCP_ACK);
        assert_int_equal(filter_judge(&r, &p), meets ? IP_FILTER_DROP : IP_FILTER_ACCEPT);
    }
    filter_free(&r);
}

static void test_a_rule_meets_icmp_type_and_code(void **state)
{
    (void)state;
    struct filter_rig r;
    filter_init(&r, 16);
    struct ip_filter_packet p = filter_packet(IP_PROTO_ICMP, OUTSIDE, 0, INSIDE, 0);
    p.flow.icmp_type = WIRE_ICMP_UNREACHABLE;
    p.flow.icmp_code = WIRE_ICMP_FRAGMENTATION_NEEDED;
    struct ip_filter_rule rule = {.match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_ICMP_TYPE,
                                  .protocol = IP_PROTO_ICMP,
                                  .icmp_type = WIRE_ICMP_UNREACHABLE};
    drop_only(&r, rule);
    assert_int_equal(filter_judge(&r, &p), IP_FILTER_DROP);
    rule.match |= IP_FILTER_MATCH_ICMP_CODE;
    drop_only(&r, rule);
    filter_passes(&r, &p);
    rule.icmp_code = WIRE_ICMP_FRAGMENTATION_NEEDED;
    drop_only(&r, rule);
    assert_int_equal(filter_judge(&r, &p), IP_FILTER_DROP);
    p.flow.icmp_type = WIRE_ICMP_TIME_EXCEEDED;
    filter_passes(&r, &p);
    filter_free(&r);
}

static void test_a_rule_meets_its_interface_and_its_directions(void **state)
{
    (void)state;
    struct filter_rig r;
    filter_init(&r, 16);
    struct ip_filter_packet p = udp(INSIDE, 1, OUTSIDE, 2);
    drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_INTERFACE, .interface = 3});
    filter_passes(&r, &p);
    p.interface = 3;
    assert_int_equal(filter_judge(&r, &p), IP_FILTER_DROP);
    for (uint8_t directions = 1; directions <= IP_FILTER_ALL_DIRECTIONS; directions++) {
        drop_only(&r, (struct ip_filter_rule){.directions = directions});
        for (unsigned d = 0; d < IP_FILTER_DIRECTIONS; d++) {
            p.direction = (uint8_t)d;
            assert_int_equal(filter_judge(&r, &p), directions >> d & 1 ? IP_FILTER_DROP : IP_FILTER_ACCEPT);
        }
    }
    filter_free(&r);
}

static void test_what_has_no_transport_header_meets_no_rule_that_looks_there(void **state)
{
    (void)state;
    struct filter_rig r;
    filter_init(&r, 16);
    struct ip_filter_packet p = udp(INSIDE, 0, OUTSIDE, 0);
    p.flow.headerless = true;
    drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_DESTINATION_PORTS,
                                          .protocol = IP_PROTO_UDP,
                                          .destination_ports = {0, 65535}});
    filter_passes(&r, &p);
    drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_PROTOCOL, .protocol = IP_PROTO_UDP});
    assert_int_equal(filter_judge(&r, &p), IP_FILTER_DROP);
    drop_only(&r, (struct ip_filter_rule){.match = IP_FILTER_MATCH_STATE, .states = IP_FILTER_INVALID});
    assert_int_equal(filter_judge(&r, &p), IP_FILTER_DROP);
    assert_int_equal(ip_filter_counters(r.filter)->invalid_headerless, 1);
    filter_free(&r);
}

static void test_the_first_rule_decides_and_counts_packets_and_bytes(void **state)
{
    (void)state;
    struct filter_rig r;
    struct ip_filter_policy policy = {.verdicts = {IP_FILTER_ACCEPT, IP_FILTER_REJECT, IP_FILTER_DROP}};
    struct ip_filter_rule rules[] = {
        {.match = IP_FILTER_MATCH_SOURCE,
         .directions = 7,
         .verdict = IP_FILTER_REJECT,
         .source = filter_prefix("10.0.0.1")},
        {.match = IP_FILTER_MATCH_SOURCE,
         .directions = 7,
         .verdict = IP_FILTER_ACCEPT,
         .source = filter_prefix("10.0.0.0/24")},
        {.match = IP_FILTER_MATCH_SOURCE,
         .directions = 7,
         .verdict = IP_FILTER_DROP,
         .source = filter_prefix("10.0.0.0/8")},
    };
    filter_init(&r, 16);
    assert_int_equal(ip_filter_rules_new(rules, 3, &policy, &r.memory.allocator, &r.rules, NULL), 0);
    assert_null(ip_filter_swap(r.filter, r.rules));
    static const struct {
        const char *source;
        enum ip_filter_verdict verdicts[IP_FILTER_DIRECTIONS];
    } cases[] = {
        {"10.0.0.1", {IP_FILTER_REJECT, IP_FILTER_REJECT, IP_FILTER_REJECT}},
        {"10.0.0.2", {IP_FILTER_ACCEPT, IP_FILTER_ACCEPT, IP_FILTER_ACCEPT}},
        {"10.1.0.1", {IP_FILTER_DROP, IP_FILTER_DROP, IP_FILTER_DROP}},
        {"11.0.0.1", {IP_FILTER_ACCEPT, IP_FILTER_REJECT, IP_FILTER_DROP}},
    };
    for (uint32_t i = 0; i < 4; i++) {
        for (unsigned d = 0; d < IP_FILTER_DIRECTIONS; d++) {
            struct ip_filter_packet p = udp(cases[i].source, 1, OUTSIDE, 2);
            p.direction = (uint8_t)d;
            p.length = 100 + i;
            assert_int_equal(filter_judge(&r, &p), cases[i].verdicts[d]);
            if (i == 3)
                assert_int_equal(ip_filter_rules_default_count(r.rules, d).bytes, 103);
        }
        if (i < 3) {
            assert_int_equal(ip_filter_rules_count(r.rules, i).packets, 3);
            assert_int_equal(ip_filter_rules_count(r.rules, i).bytes, 3 * (100 + i));
        }
    }
    const struct ip_filter_counters *c = ip_filter_counters(r.filter);
    assert_int_equal(c->accepted, 4);
    assert_int_equal(c->drop_rule, 3);
    assert_int_equal(c->reject_rule, 3);
    assert_int_equal(c->drop_default, 1);
    assert_int_equal(c->reject_default, 1);
    filter_free(&r);
}

static void test_wrong_rules_are_refused_by_their_number(void **state)
{
    (void)state;
    struct filter_rig r;
    struct ip_filter_rules *out;
    struct ip_filter_policy policy = {.verdicts = {0}};
    uint32_t wrong = 99;
    struct ip_prefix long_v4 = filter_prefix("10.0.0.0"), v6 = filter_prefix("fd00::/8"),
                     v4 = filter_prefix("10.0.0.0/8");
    long_v4.length = 33;
    const struct ip_filter_rule bad[] = {
        {.directions = 0},
        {.directions = 8},
        {.directions = 1, .verdict = 3},
        {.directions = 1, .match = 0x400},
        {.directions = 1, .match = IP_FILTER_MATCH_STATE},
        {.directions = 1, .match = IP_FILTER_MATCH_STATE, .states = 16},
        {.directions = 1, .match = IP_FILTER_MATCH_SOURCE, .source = long_v4},
        {.directions = 1, .match = IP_FILTER_MATCH_DESTINATION, .destination = long_v4},
        {.directions = 1,
         .match = IP_FILTER_MATCH_SOURCE | IP_FILTER_MATCH_DESTINATION,
         .source = v4,
         .destination = v6},
        {.directions = 1, .match = IP_FILTER_MATCH_SOURCE_PORTS, .source_ports = {1, 2}},
        {.directions = 1, .match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_SOURCE_PORTS, .protocol = IP_PROTO_ICMP},
        {.directions = 1,
         .match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_DESTINATION_PORTS,
         .protocol = IP_PROTO_UDP,
         .destination_ports = {2, 1}},
        {.directions = 1, .match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_TCP_FLAGS, .protocol = IP_PROTO_UDP},
        {.directions = 1,
         .match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_TCP_FLAGS,
         .protocol = IP_PROTO_TCP,
         .tcp_flags_mask = TCP_SYN,
         .tcp_flags_value = TCP_ACK},
        {.directions = 1, .match = IP_FILTER_MATCH_ICMP_TYPE},
        {.directions = 1, .match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_ICMP_CODE, .protocol = IP_PROTO_ICMP},
        {.directions = 1,
         .match = IP_FILTER_MATCH_PROTOCOL | IP_FILTER_MATCH_ICMP_TYPE | IP_FILTER_MATCH_SOURCE,
         .protocol = IP_PROTO_ICMP,
         .source = v6},
    };
    filter_init(&r, 16);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ip_filter_rule rules[2] = {{.directions = 1}, bad[i]};
        assert_int_equal(ip_filter_rules_new(rules, 2, &policy, &r.memory.allocator, &out, &wrong), ERR_INVALID);
        assert_int_equal(wrong, 1);
        assert_null(out);
    }
    policy.verdicts[2] = 7;
    assert_int_equal(ip_filter_rules_new(NULL, 0, &policy, &r.memory.allocator, &out, &wrong), ERR_INVALID);
    assert_int_equal(wrong, 0);
    filter_free(&r);
}

static void test_failing_memory_and_wrong_settings_leave_nothing(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct ip_filter_policy policy = {.verdicts = {0}};
    struct ip_filter_rule rule = {.directions = 1};
    struct ip_filter_settings s;
    struct ip_filter_rules *rules;
    struct ip_filter *filter;
    for (unsigned n = 0; n < 3; n++) {
        c.allocs_left = n;
        assert_int_equal(ip_filter_rules_new(&rule, 1, &policy, a, &rules, NULL), ERR_NO_MEMORY);
        ip_filter_settings_default(&s);
        c.allocs_left = n;
        assert_int_equal(ip_filter_new(&s, a, &filter), ERR_NO_MEMORY);
        assert_int_equal(c.live_blocks, 0);
    }
    c.allocs_left = UINT32_MAX;
    s.connections = 0;
    assert_int_equal(ip_filter_new(&s, a, &filter), ERR_INVALID);
    s.connections = 1;
    s.timeouts_ns[0] = -1;
    assert_int_equal(ip_filter_new(&s, a, &filter), ERR_INVALID);
    assert_int_equal(c.live_blocks, 0);
}

static void test_rule_sets_exchanged_under_load_keep_connections(void **state)
{
    (void)state;
    struct filter_rig r;
    struct talk t = talk_of(40000);
    filter_init(&r, 64);
    filter_load_stateful(&r);
    talk_open(&r, &t);
    for (unsigned i = 0; i < 1000; i++) {
        struct ip_filter_packet p = talk_send(&t, i & 1, TCP_ACK, 100), stranger = udp(OUTSIDE, 5, INSIDE, 6);
        filter_passes(&r, &p);
        filter_drops(&r, &stranger);
        filter_load_stateful(&r);
        assert_int_equal(ip_filter_rules_count(r.rules, 0).packets, 0);
    }
    assert_int_equal(ip_filter_connections(r.filter), 1);
    struct ip_filter_rules *before = ip_filter_swap(r.filter, NULL);
    assert_ptr_equal(before, r.rules);
    struct ip_filter_packet stranger = udp(OUTSIDE, 5, INSIDE, 6);
    filter_passes(&r, &stranger);
    filter_free(&r);
}

/* ---- a plain reading of the rules ---- */

static bool reads_as(const struct ip_filter_rule *r, const struct ip_filter_packet *p)
{
    const struct ip_filter_flow *f = &p->flow;
    unsigned m = r->match;
    return (r->directions & (1u << p->direction)) &&
           (!(m & IP_FILTER_MATCH_SOURCE) || ip_prefix_contains(&r->source, &f->source)) &&
           (!(m & IP_FILTER_MATCH_DESTINATION) || ip_prefix_contains(&r->destination, &f->destination)) &&
           (!(m & IP_FILTER_MATCH_PROTOCOL) || r->protocol == f->protocol) &&
           (!(m & IP_FILTER_MATCH_SOURCE_PORTS) ||
            (f->source_port >= r->source_ports.first && f->source_port <= r->source_ports.last)) &&
           (!(m & IP_FILTER_MATCH_INTERFACE) || r->interface == p->interface);
}

static struct ip_addr random_address(struct random *r, bool v4)
{
    struct ip_addr a = v4 ? filter_address("10.0.0.0") : filter_address("2001:db8::");
    return ip_addr_add(&a, random_below(r, 16));
}

static struct ip_filter_rule random_rule(struct random *r)
{
    bool v4 = random_below(r, 2);
    unsigned bits = v4 ? 32 : 128;
    uint16_t port = (uint16_t)random_below(r, 8);
    struct ip_filter_rule rule = {.match = (uint16_t)(random_below(r, 8) | (random_below(r, 2) ? 0 : 0x200)),
                                  .directions = (uint8_t)(1 + random_below(r, 7)),
                                  .verdict = (uint8_t)random_below(r, 3),
                                  .source = {random_address(r, v4), (uint8_t)(bits - random_below(r, 5))},
                                  .destination = {random_address(r, v4), (uint8_t)(bits - random_below(r, 5))},
                                  .protocol = random_below(r, 2) ? IP_PROTO_UDP : IP_PROTO_TCP,
                                  .source_ports = {port, (uint16_t)(port + random_below(r, 4))},
                                  .interface = (uint32_t)random_below(r, 3)};
    if ((rule.match & IP_FILTER_MATCH_PROTOCOL) && random_below(r, 2))
        rule.match |= IP_FILTER_MATCH_SOURCE_PORTS;
    return rule;
}

static void test_random_rules_decide_as_they_read(void **state)
{
    (void)state;
    struct filter_rig r;
    struct random random;
    random_seed(&random, 4);
    filter_init(&r, 16);
    for (unsigned round = 0; round < 300; round++) {
        struct ip_filter_rule rules[12];
        for (unsigned i = 0; i < 12; i++)
            rules[i] = random_rule(&random);
        filter_load(&r, rules, 12, IP_FILTER_REJECT);
        for (unsigned i = 0; i < 200; i++) {
            bool v4 = random_below(&random, 2);
            struct ip_filter_packet p = {.flow = {.source = random_address(&random, v4),
                                                  .destination = random_address(&random, v4),
                                                  .protocol = random_below(&random, 2) ? IP_PROTO_UDP : IP_PROTO_TCP,
                                                  .source_port = (uint16_t)random_below(&random, 12)},
                                         .direction = (uint8_t)random_below(&random, 3),
                                         .interface = (uint32_t)random_below(&random, 3)};
            unsigned first = 0;
            while (first < 12 && !reads_as(&rules[first], &p))
                first++;
            assert_int_equal(filter_judge(&r, &p), first < 12 ? rules[first].verdict : IP_FILTER_REJECT);
        }
    }
    filter_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_rules_everything_passes_and_nothing_is_followed),
        cmocka_unit_test(test_a_rule_meets_source_and_destination_prefixes_of_its_family_only),
        cmocka_unit_test(test_a_rule_meets_protocol_and_port_ranges),
        cmocka_unit_test(test_a_rule_meets_tcp_flags_under_its_mask),
        cmocka_unit_test(test_a_rule_meets_icmp_type_and_code),
        cmocka_unit_test(test_a_rule_meets_its_interface_and_its_directions),
        cmocka_unit_test(test_what_has_no_transport_header_meets_no_rule_that_looks_there),
        cmocka_unit_test(test_the_first_rule_decides_and_counts_packets_and_bytes),
        cmocka_unit_test(test_wrong_rules_are_refused_by_their_number),
        cmocka_unit_test(test_failing_memory_and_wrong_settings_leave_nothing),
        cmocka_unit_test(test_rule_sets_exchanged_under_load_keep_connections),
        cmocka_unit_test(test_random_rules_decide_as_they_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
