/* SPDX-License-Identifier: MIT */
/*
 * Redirects that a host believes: RFC 4861 8.3, and 7.3.3 (a hop that does not answer is given up). What it does not
 * believe is in conformance/test_hostile_nd, ND-08.
 */
#include "unit/stack_rig.h"

static const struct ip_addr better = {{0xfe, 0x80, [15] = 0x77}};

static struct rig *redirectable(void)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6, .redirects = true};
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    return r;
}

/* `from` says that FAR6 is reached by `target`, whose MAC it knows. */
static void redirect(struct rig *r, const struct ip_addr *from, const struct ip_addr *target, const uint8_t *mac)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = {.type = WIRE_ICMPV6_REDIRECT, .target = *target, .destination = FAR6};
    if (mac) {
        m.has = WIRE_ND_HAS_TARGET_LL;
        memcpy(m.target_ll, mac, 6);
    }
    rig_input(r, f, make_nd(f, from, &US6, &m));
}

static void send_far(struct rig *r)
{
    struct udp_datagram d = {.local = r->us, .remote = FAR6, .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
}

/* The next datagram to FAR6 goes to that MAC at once. */
static void expect_way(struct rig *r, const uint8_t *mac)
{
    struct wire_ipv6 ip;
    rig_forget_frames(r);
    send_far(r);
    expect_dst_mac(expect_ipv6(r, IP_PROTO_UDP, &ip), mac);
}

/* Somebody is asked for. */
static void expect_question(struct rig *r, const struct ip_addr *target)
{
    struct wire_ipv6 ip;
    struct wire_nd m;
    rig_forget_frames(r);
    send_far(r);
    expect_nd(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
    assert_memory_equal(&m.target, target, 16);
}

static void datagrams_take_the_better_router_at_once(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    rig_resolve6(r, r->us, &GATEWAY6, PEER_MAC);
    expect_way(r, PEER_MAC);
    redirect(r, &GATEWAY6, &better, OTHER_MAC);
    expect_way(r, OTHER_MAC);
    redirect(r, &better, &GATEWAY6, NULL); /* who is the first hop now may redirect again */
    expect_way(r, PEER_MAC);
    assert_int_equal(rig_counters(r)->redirects_received, 2);
    rig_free(r);
}

static void a_target_that_is_the_destination_is_on_link(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    redirect(r, &GATEWAY6, &FAR6, NULL);
    expect_question(r, &FAR6);
    rig_free(r);
}

static void a_redirect_is_believed_for_ten_minutes(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    rig_resolve6(r, r->us, &GATEWAY6, PEER_MAC);
    redirect(r, &GATEWAY6, &better, OTHER_MAC);
    rig_pass(r, 599 * NS_PER_S);
    expect_way(r, OTHER_MAC);
    rig_pass(r, 2 * NS_PER_S);
    expect_way(r, PEER_MAC);
    rig_free(r);
}

static void a_hop_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    rig_resolve6(r, r->us, &GATEWAY6, PEER_MAC);
    redirect(r, &GATEWAY6, &better, NULL);
    expect_question(r, &better);
    for (unsigned i = 0; i < 3; i++)
        rig_pass(r, 1002 * NS_PER_MS);
    expect_way(r, PEER_MAC);
    rig_free(r);
}

static void advertise(struct rig *r, const struct ip_addr *who, const uint8_t *mac, uint8_t flags)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_nd m = {
        .type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, .has = WIRE_ND_HAS_TARGET_LL, .flags = flags, .target = *who};
    memcpy(m.target_ll, mac, 6);
    rig_input(r, f, make_nd(f, who, &ALL_NODES, &m));
}

static void a_hop_that_says_it_is_no_router_is_given_up(void **state) /* 7.2.5 */
{
    (void)state;
    struct rig *r = redirectable();
    rig_resolve6(r, r->us, &GATEWAY6, PEER_MAC);
    redirect(r, &GATEWAY6, &better, OTHER_MAC);
    advertise(r, &better, OTHER_MAC, WIRE_ND_NA_ROUTER | WIRE_ND_NA_OVERRIDE);
    expect_way(r, OTHER_MAC);
    advertise(r, &better, PEER_MAC, 0); /* may not override: nothing it says counts */
    expect_way(r, OTHER_MAC);
    advertise(r, &better, OTHER_MAC, WIRE_ND_NA_OVERRIDE);
    expect_way(r, PEER_MAC);
    advertise(r, &better, OTHER_MAC, WIRE_ND_NA_ROUTER | WIRE_ND_NA_OVERRIDE); /* over is over */
    expect_way(r, PEER_MAC);
    advertise(r, &better, OTHER_MAC, WIRE_ND_NA_OVERRIDE);
    redirect(r, &GATEWAY6, &better, OTHER_MAC); /* 8.3: and now it is one again */
    expect_way(r, OTHER_MAC);
    rig_free(r);
}

static void a_destination_on_link_need_not_be_a_router(void **state)
{
    (void)state;
    struct rig *r = redirectable();
    rig_resolve6(r, r->us, &GATEWAY6, PEER_MAC);
    redirect(r, &GATEWAY6, &FAR6, OTHER_MAC);
    advertise(r, &FAR6, OTHER_MAC, WIRE_ND_NA_OVERRIDE);
    expect_way(r, OTHER_MAC);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_take_the_better_router_at_once),
        cmocka_unit_test(a_target_that_is_the_destination_is_on_link),
        cmocka_unit_test(a_redirect_is_believed_for_ten_minutes),
        cmocka_unit_test(a_hop_that_does_not_answer_is_given_up),
        cmocka_unit_test(a_hop_that_says_it_is_no_router_is_given_up),
        cmocka_unit_test(a_destination_on_link_need_not_be_a_router),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
