/* SPDX-License-Identifier: MIT */
/*
 * Multicast groups: who hears what, counts of members, the bound; 224.0.0.1 without joining. RFC 1112 sections 4, 6 and
 * 7.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

#define GROUP 0xefff0001u
#define OTHER_GROUP 0xefff0002u
#define SAME_MAC 0xef7f0001u /* 23 bits are on the wire: RFC 1112 6.4 */

static const uint8_t body[64] = "to all who listen";

struct receiver {
    unsigned received;
    struct udp_datagram last;
};

static void on_received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct receiver *x = context;
    x->received++;
    x->last = *d;
}

/* How many of a frame to a group are handed up. */
static unsigned heard(struct rig *r, struct receiver *x, uint32_t group)
{
    uint8_t f[128];
    uint32_t n = make_udp(f, PEER, 1, group, 5353, body, 20);
    wire_eth_addr_from_ipv4_multicast(f, group);
    unsigned before = x->received;
    rig_input(r, f, n);
    expect_nothing(r); /* RFC 1122 3.2.2: no error about what was sent to a group */
    return x->received - before;
}

static struct rig *begin(struct receiver *x)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.group_reports = GROUP_REPORTS_NONE;
    struct rig *r = rig_new_with(&t);
    *x = (struct receiver){0};
    assert_int_equal(udp_bind(r->stack, 0, 5353, on_received, NULL, x), 0);
    return r;
}

static void test_a_joined_group_is_heard_until_it_is_left(void **state)
{
    (void)state;
    struct receiver x;
    struct rig *r = begin(&x);
    struct ip_addr group = v4(GROUP);
    assert_int_equal(heard(r, &x, GROUP), 0);
    assert_int_equal(rig_counters(r)->ip_not_for_us, 1);
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    assert_int_equal(heard(r, &x, GROUP), 1);
    assert_int_equal(x.last.local, r->us);
    assert_int_equal(ip_addr_to_v4(&x.last.arrival.destination), GROUP);
    assert_int_equal(heard(r, &x, OTHER_GROUP), 0);
    assert_int_equal(heard(r, &x, SAME_MAC), 0); /* the same frame address, another group */
    assert_int_equal(stack_leave(r->stack, r->us, &group, r->now), 0);
    assert_int_equal(heard(r, &x, GROUP), 0);
    assert_int_equal(rig_counters(r)->ip_not_for_us, 4);
    rig_free(r);
}

static void test_each_join_wants_its_leave(void **state)
{
    (void)state;
    struct receiver x;
    struct rig *r = begin(&x);
    struct ip_addr group = v4(GROUP);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(heard(r, &x, GROUP), 1);
        assert_int_equal(stack_leave(r->stack, r->us, &group, r->now), 0);
    }
    assert_int_equal(heard(r, &x, GROUP), 0);
    assert_int_equal(stack_leave(r->stack, r->us, &group, r->now), ERR_NOT_FOUND);
    rig_free(r);
}

static void test_all_hosts_is_always_heard(void **state)
{
    (void)state;
    struct receiver x;
    struct rig *r = begin(&x);
    struct ip_addr all = v4(0xe0000001);
    assert_int_equal(heard(r, &x, 0xe0000001), 1);
    assert_int_equal(stack_join(r->stack, r->us, &all, r->now), 0);
    assert_int_equal(heard(r, &x, 0xe0000001), 1);
    assert_int_equal(stack_leave(r->stack, r->us, &all, r->now), 0);
    assert_int_equal(heard(r, &x, 0xe0000001), 1);
    rig_free(r);
}

static void test_two_hosts_of_a_segment_hear_once(void **state)
{
    (void)state;
    struct receiver x;
    struct rig *r = begin(&x);
    uint32_t other = rig_host(r, OTHER, PREFIX, 0, NULL);
    struct ip_addr group = v4(GROUP);
    assert_int_equal(stack_join(r->stack, other, &group, r->now), 0);
    assert_int_equal(heard(r, &x, GROUP), 1);
    assert_int_equal(x.last.local, other);
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    assert_int_equal(heard(r, &x, GROUP), 1);
    assert_int_equal(stack_leave(r->stack, other, &group, r->now), 0);
    assert_int_equal(heard(r, &x, GROUP), 1);
    assert_int_equal(x.last.local, r->us);
    rig_free(r);
}

static void test_a_group_is_joined_on_its_own_vlan_only(void **state)
{
    (void)state;
    struct receiver x;
    struct rig *r = begin(&x);
    struct host_settings h = {.address = v4(OTHER), .prefix_length = 24, .vlan_count = 1, .vlan = {{0x8100, 7}}};
    int tagged = stack_add_host(r->stack, &h);
    assert_true(tagged > 0);
    struct ip_addr group = v4(GROUP);
    assert_int_equal(stack_join(r->stack, (uint32_t)tagged, &group, r->now), 0);
    assert_int_equal(heard(r, &x, GROUP), 0);
    r->stripped = true;
    r->stripped_tci = 7;
    assert_int_equal(heard(r, &x, GROUP), 1);
    assert_int_equal(x.last.local, (uint32_t)tagged);
    rig_free(r);
}

static void test_what_is_no_group_is_refused_and_the_set_is_bounded(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_groups = 3;
    struct rig *r = rig_new_with(&t);
    static const uint32_t no_group[] = {0, PEER, 0xdfffffff, 0xf0000000, 0xffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(no_group); i++) {
        struct ip_addr a = v4(no_group[i]);
        assert_int_equal(stack_join(r->stack, r->us, &a, r->now), ERR_INVALID);
        assert_int_equal(stack_leave(r->stack, r->us, &a, r->now), ERR_INVALID);
    }
    struct ip_addr a = v4(GROUP), v6 = {{0xff, 2}};
    assert_int_equal(stack_join(r->stack, 0, &a, r->now), ERR_INVALID);
    assert_int_equal(stack_join(r->stack, 99, &a, r->now), ERR_INVALID);
    assert_int_equal(stack_join(r->stack, r->us, &v6, r->now), ERR_INVALID);
    for (uint32_t i = 0; i < 4; i++) {
        a = v4(GROUP + i);
        assert_int_equal(stack_join(r->stack, r->us, &a, r->now), i < 3 ? 0 : ERR_NO_SPACE);
    }
    a = v4(GROUP + 1);
    assert_int_equal(stack_join(r->stack, r->us, &a, r->now), 0); /* one more member takes no room */
    a = v4(GROUP + 2);
    assert_int_equal(stack_leave(r->stack, r->us, &a, r->now), 0);
    a = v4(GROUP + 3);
    assert_int_equal(stack_join(r->stack, r->us, &a, r->now), 0);
    rig_free(r);
}

static void test_a_group_is_no_connection(void **state) /* RFC 9293 MUST-57, RFC 1122 3.2.2.6 */
{
    (void)state;
    struct receiver x;
    struct rig *r = begin(&x);
    struct ip_addr group = v4(GROUP);
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    uint8_t f[128];
    rig_input(r, f, make_tcp(f, PEER, 1, GROUP, 80, TCP_SYN, 1, 0, NULL, 0));
    assert_int_equal(rig_counters(r)->ip_bad_destination, 1);
    rig_input(r, f, make_echo_request(f, PEER, GROUP, 1, 1, body, 8));
    assert_int_equal(rig_counters(r)->icmp_broadcast_echo, 1);
    rig_input(r, f, make_ipv4(f, PEER, GROUP, 200, body, 8));
    assert_int_equal(rig_counters(r)->ip_unknown_protocol, 1);
    expect_nothing(r);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_joined_group_is_heard_until_it_is_left),
        cmocka_unit_test(test_each_join_wants_its_leave),
        cmocka_unit_test(test_all_hosts_is_always_heard),
        cmocka_unit_test(test_two_hosts_of_a_segment_hear_once),
        cmocka_unit_test(test_a_group_is_joined_on_its_own_vlan_only),
        cmocka_unit_test(test_what_is_no_group_is_refused_and_the_set_is_bounded),
        cmocka_unit_test(test_a_group_is_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
