/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery of a host, frame by frame: RFC 4861 section 7 (solicitations, advertisements and what each does
 * to an entry, unreachability detection), RFC 4862 5.4.3 (answers to those who check an address), RFC 6583.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "stack/control.h"

#define S_FLAG WIRE_ND_NA_SOLICITED
#define O_FLAG WIRE_ND_NA_OVERRIDE

static int send_to(struct rig *r, const struct ip_addr *to)
{
    struct udp_datagram d = {.local = r->us, .remote = *to, .local_port = 9, .remote_port = 9};
    int error = udp_send(r->stack, &d, r->now);
    rig_transmit(r);
    return error;
}

static bool look_up(const struct rig *r, const struct ip_addr *address, struct stack_neighbour *n)
{
    for (uint32_t i = stack_next_neighbour(r->stack, 0, n); i; i = stack_next_neighbour(r->stack, i, n))
        if (ip_addr_equal(&n->address, address))
            return true;
    return false;
}

static enum neighbour_state state_of(const struct rig *r, const struct ip_addr *address)
{
    struct stack_neighbour n;
    return look_up(r, address, &n) ? n.state : NEIGHBOUR_FREE;
}

static void advertise(struct rig *r, const struct ip_addr *sender, const uint8_t *mac, uint8_t flags)
{
    uint8_t f[RIG_FRAME_BYTES];
    rig_input(r, f, make_advertisement(f, sender, mac, flags));
}

/* ---- asked ---- */

static void a_solicitation_is_answered_and_its_sender_remembered(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd m;
    rig_input(r, f, make_solicitation(f, &US6));
    const struct rig_frame *answer = expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
    expect_dst_mac(answer, PEER_MAC);
    assert_memory_equal(&ip.src, &US6, 16);
    assert_memory_equal(&ip.dst, &PEER6, 16);
    assert_int_equal(m.flags, S_FLAG | O_FLAG);
    assert_memory_equal(&m.target, &US6, 16);
    assert_memory_equal(m.target_ll, US_MAC, 6);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_STALE);
    rig_free(r);
}

static void whoever_checks_our_address_is_told_with_all_others(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .target = US6};
    const struct ip_addr group = ip_addr_solicited_node(&US6);
    rig_input(r, f, make_nd(f, &NONE6, &group, &m));
    const struct rig_frame *answer = expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
    expect_dst_mac(answer, (const uint8_t[6]){0x33, 0x33, 0, 0, 0, 1});
    assert_memory_equal(&ip.dst, &ALL_NODES, 16);
    assert_int_equal(m.flags, O_FLAG);
    rig_free(r);
}

static void strangers_are_not_remembered(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .has = WIRE_ND_HAS_SOURCE_LL, .target = US6};
    memcpy(m.source_ll, PEER_MAC, 6);
    advertise(r, &OTHER6, OTHER_MAC, O_FLAG);
    assert_int_equal(state_of(r, &OTHER6), NEIGHBOUR_FREE);
    rig_input(r, f, make_nd(f, &FAR6, &US6, &m)); /* not of our subnet: answered, that is all */
    assert_int_equal(rig_counters(r)->nd_advertisements_sent, 1);
    assert_int_equal(state_of(r, &FAR6), NEIGHBOUR_FREE);
    memcpy(m.source_ll, BROADCAST_MAC, 6);
    rig_input(r, f, make_nd(f, &PEER6, &US6, &m));
    assert_int_equal(rig_counters(r)->nd_bad_message, 1);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_FREE);
    rig_free(r);
}

static void a_conflict_is_defended_once_in_ten_seconds(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t f[RIG_FRAME_BYTES];
        m = (struct wire_nd){
            .type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .flags = O_FLAG, .has = WIRE_ND_HAS_TARGET_LL, .target = US6};
        memcpy(m.target_ll, PEER_MAC, 6);
        rig_input(r, f, make_nd(f, &PEER6, &ALL_NODES, &m));
        if (i != 1) {
            expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
            assert_memory_equal(m.target_ll, US_MAC, 6);
        }
        expect_nothing(r);
        rig_pass(r, i == 0 ? 9 * NS_PER_S : 2 * NS_PER_S);
    }
    assert_int_equal(rig_counters(r)->nd_conflicts, 3);
    rig_free(r);
}

/* ---- asking ---- */

static void an_unknown_address_is_asked_for_three_times(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m;
    const struct ip_addr group = ip_addr_solicited_node(&PEER6);
    assert_int_equal(send_to(r, &PEER6), 0);
    for (unsigned i = 0; i < 3; i++) {
        const struct rig_frame *f = expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        expect_dst_mac(f, (const uint8_t[6]){0x33, 0x33, 0xff, 0, 0, 2});
        assert_memory_equal(&ip.src, &US6, 16);
        assert_memory_equal(&ip.dst, &group, 16);
        assert_memory_equal(&m.target, &PEER6, 16);
        assert_memory_equal(m.source_ll, US_MAC, 6);
        expect_nothing(r);
        rig_pass(r, 1002 * NS_PER_MS);
    }
    expect_nothing(r);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_FAILED);
    assert_int_equal(rig_counters(r)->resolve_failed, 1);
    assert_int_equal(send_to(r, &PEER6), ERR_UNREACHABLE);
    rig_free(r);
}

static void a_stale_neighbour_is_used_then_probed_then_looked_for(void **state) /* 7.3 */
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m;
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_REACHABLE);
    rig_pass(r, 30100 * NS_PER_MS);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_STALE);
    assert_int_equal(send_to(r, &PEER6), 0);
    expect_ipv6(r, IP_PROTO_UDP, &ip);
    expect_nothing(r);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_DELAY);
    rig_pass(r, 4900 * NS_PER_MS);
    expect_nothing(r);
    rig_pass(r, 200 * NS_PER_MS);
    for (unsigned i = 0; i < 3; i++) { /* three times the station itself is asked, */
        const struct rig_frame *f = expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        expect_dst_mac(f, PEER_MAC);
        assert_memory_equal(&ip.dst, &PEER6, 16);
        assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_PROBE);
        rig_pass(r, 1002 * NS_PER_MS);
    }
    for (unsigned i = 0; i < 3; i++) { /* then its group, and datagrams wait */
        const struct rig_frame *f = expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        expect_dst_mac(f, (const uint8_t[6]){0x33, 0x33, 0xff, 0, 0, 2});
        assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_INCOMPLETE);
        rig_pass(r, 1002 * NS_PER_MS);
    }
    expect_nothing(r);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_FAILED);
    rig_free(r);
}

static void a_probe_that_is_answered_confirms(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd m;
    rig_input(r, f, make_solicitation(f, &US6));
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
    assert_int_equal(send_to(r, &PEER6), 0);
    expect_ipv6(r, IP_PROTO_UDP, &ip);
    rig_pass(r, 5100 * NS_PER_MS);
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    advertise(r, &PEER6, PEER_MAC, S_FLAG);
    assert_int_equal(state_of(r, &PEER6), NEIGHBOUR_REACHABLE);
    expect_nothing(r);
    rig_free(r);
}

/* ---- what advertisements do: the table of RFC 4861 appendix C ---- */

static void advertisements_do_to_an_entry_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        enum neighbour_state before;
        bool other_mac;
        uint8_t flags;
        enum neighbour_state after;
        bool changed;
    } table[] = {
        {NEIGHBOUR_INCOMPLETE, true, 0, NEIGHBOUR_STALE, true},
        {NEIGHBOUR_INCOMPLETE, true, O_FLAG, NEIGHBOUR_STALE, true},
        {NEIGHBOUR_INCOMPLETE, true, S_FLAG, NEIGHBOUR_REACHABLE, true},
        {NEIGHBOUR_INCOMPLETE, true, S_FLAG | O_FLAG, NEIGHBOUR_REACHABLE, true},
        {NEIGHBOUR_REACHABLE, false, S_FLAG, NEIGHBOUR_REACHABLE, false},
        {NEIGHBOUR_REACHABLE, true, S_FLAG, NEIGHBOUR_STALE, false},
        {NEIGHBOUR_REACHABLE, true, 0, NEIGHBOUR_STALE, false},
        {NEIGHBOUR_REACHABLE, false, 0, NEIGHBOUR_REACHABLE, false},
        {NEIGHBOUR_REACHABLE, true, S_FLAG | O_FLAG, NEIGHBOUR_REACHABLE, true},
        {NEIGHBOUR_REACHABLE, true, O_FLAG, NEIGHBOUR_STALE, true},
        {NEIGHBOUR_REACHABLE, false, O_FLAG, NEIGHBOUR_REACHABLE, false},
        {NEIGHBOUR_STALE, true, S_FLAG, NEIGHBOUR_STALE, false},
        {NEIGHBOUR_STALE, false, S_FLAG, NEIGHBOUR_REACHABLE, false},
        {NEIGHBOUR_STALE, true, S_FLAG | O_FLAG, NEIGHBOUR_REACHABLE, true},
        {NEIGHBOUR_STALE, true, O_FLAG, NEIGHBOUR_STALE, true},
        {NEIGHBOUR_STALE, false, 0, NEIGHBOUR_STALE, false},
        {NEIGHBOUR_DELAY, true, 0, NEIGHBOUR_DELAY, false},
        {NEIGHBOUR_DELAY, false, S_FLAG, NEIGHBOUR_REACHABLE, false},
        {NEIGHBOUR_DELAY, true, O_FLAG, NEIGHBOUR_STALE, true},
        {NEIGHBOUR_PROBE, true, S_FLAG, NEIGHBOUR_PROBE, false},
        {NEIGHBOUR_PROBE, true, S_FLAG | O_FLAG, NEIGHBOUR_REACHABLE, true},
        {NEIGHBOUR_PROBE, true, O_FLAG, NEIGHBOUR_STALE, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        struct rig *r = rig_new6();
        struct stack_neighbour n;
        if (table[i].before == NEIGHBOUR_INCOMPLETE)
            assert_int_equal(send_to(r, &PEER6), 0);
        else
            rig_resolve6(r, r->us, &PEER6, PEER_MAC);
        if (table[i].before != NEIGHBOUR_INCOMPLETE && table[i].before != NEIGHBOUR_REACHABLE)
            rig_pass(r, 30100 * NS_PER_MS);
        if (table[i].before == NEIGHBOUR_DELAY || table[i].before == NEIGHBOUR_PROBE)
            assert_int_equal(send_to(r, &PEER6), 0);
        if (table[i].before == NEIGHBOUR_PROBE)
            rig_pass(r, 5100 * NS_PER_MS);
        assert_int_equal(state_of(r, &PEER6), table[i].before);
        advertise(r, &PEER6, table[i].other_mac ? OTHER_MAC : PEER_MAC, table[i].flags);
        assert_true(look_up(r, &PEER6, &n));
        if (n.state != table[i].after)
            fail_msg("row %u: state %u, expected %u", i, (unsigned)n.state, (unsigned)table[i].after);
        assert_memory_equal(n.mac, table[i].changed ? OTHER_MAC : PEER_MAC, 6);
        rig_free(r);
    }
}

/* ---- by hand ---- */

static void a_permanent_neighbour_stays_as_it_is(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    struct stack_neighbour n;
    struct wire_ipv6 ip;
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &PEER6, PEER_MAC), 0);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &US6, PEER_MAC), ERR_INVALID);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &ALL_NODES, PEER_MAC), ERR_INVALID);
    advertise(r, &PEER6, OTHER_MAC, S_FLAG | O_FLAG);
    assert_true(look_up(r, &PEER6, &n));
    assert_memory_equal(n.mac, PEER_MAC, 6);
    assert_int_equal(send_to(r, &PEER6), 0);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), PEER_MAC);
    rig_free(r);
}

static void an_address_is_announced_to_all_nodes(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    struct wire_nd m;
    stack_announce(r->stack, r->us, r->now);
    rig_transmit(r);
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &m);
    assert_memory_equal(&ip.dst, &ALL_NODES, 16);
    assert_int_equal(m.flags, O_FLAG);
    rig_free(r);
}

#define T(name) cmocka_unit_test(name)

/* RFC 6583: what a user sends to nobody keeps neither the link busy nor others from their neighbours. */
static void a_scan_asks_for_as_many_at_a_time_as_may_wait(void **state)
{
    (void)state;
    enum { STRANGERS = 1000, WAIT = 512 }; /* resolve_queue_total */
    struct rig *r = rig_new6();
    struct wire_ipv6 ip;
    unsigned taken = 0;
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    uint64_t asked = rig_counters(r)->nd_solicitations_sent;
    for (uint32_t i = 0; i < STRANGERS; i++) {
        const struct ip_addr stranger = ip_addr_add(&US6, 1000 + i);
        int sent = send_to(r, &stranger);
        assert_true(sent == 0 || sent == ERR_AGAIN);
        taken += sent == 0;
        rig_forget_frames(r);
    }
    assert_int_equal(taken, WAIT);
    assert_int_equal(rig_counters(r)->resolve_queue_full, STRANGERS - WAIT);
    assert_int_equal(rig_counters(r)->nd_solicitations_sent - asked, WAIT);
    assert_int_equal(send_to(r, &PEER6), 0);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), PEER_MAC);
    assert_int_equal(stack_add_neighbour(r->stack, r->us, &OTHER6, OTHER_MAC), 0);
    assert_int_equal(send_to(r, &OTHER6), 0);
    for (unsigned i = 0; i < 3; i++) { /* until nobody answered */
        rig_pass(r, 1010 * NS_PER_MS);
        rig_forget_frames(r);
    }
    const struct ip_addr next = ip_addr_add(&US6, 5000);
    assert_int_equal(rig_counters(r)->resolve_failed, WAIT);
    assert_int_equal(send_to(r, &next), 0);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_solicitation_is_answered_and_its_sender_remembered),
        T(whoever_checks_our_address_is_told_with_all_others),
        T(strangers_are_not_remembered),
        T(a_conflict_is_defended_once_in_ten_seconds),
        T(an_unknown_address_is_asked_for_three_times),
        T(a_stale_neighbour_is_used_then_probed_then_looked_for),
        T(a_probe_that_is_answered_confirms),
        T(advertisements_do_to_an_entry_what_the_table_says),
        T(a_permanent_neighbour_stays_as_it_is),
        T(an_address_is_announced_to_all_nodes),
        T(a_scan_asks_for_as_many_at_a_time_as_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
