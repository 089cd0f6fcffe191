/* SPDX-License-Identifier: MIT */
/*
 * Ten thousand hosts of each family on one link: every one answers Neighbour Discovery, or ARP, and an echo, and none
 * of them is asked for anything else. Prints what a host takes of memory.
 */
#include "unit/stack_rig.h"

#include "stack/host.h"

#define HOSTS 10000u
#define FIRST4 0x0a010001u

static const uint8_t EVERYBODY[6] = {255, 255, 255, 255, 255, 255}, NOBODY[6];
static const uint8_t eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static struct ip_addr address6(uint32_t i)
{
    struct ip_addr first = v6("2001:db8::5:0:1");
    return ip_addr_add(&first, i);
}

static struct rig *populated(void)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = 2 * HOSTS + 1;
    struct rig *r = rig_new_empty(&t);
    for (uint32_t i = 0; i < HOSTS; i++) {
        const struct host_settings six = {.address = address6(i), .prefix_length = 64};
        assert_int_equal(stack_add_host(r->stack, &six), 2 * i + 1);
        assert_int_equal(rig_host(r, FIRST4 + i, 8, 0, NULL), 2 * i + 2);
    }
    rig_forget_frames(r);
    return r;
}

static void each_ipv6_host_answers_discovery_and_an_echo(void **state)
{
    (void)state;
    struct rig *r = populated();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    struct wire_nd message;
    for (uint32_t i = 0; i < HOSTS; i++) {
        const struct ip_addr a = address6(i);
        rig_input(r, f, make_solicitation(f, &a));
        expect_nd(r, WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT, &ip, &message);
        assert_true(ip_addr_equal(&ip.src, &a) && ip_addr_equal(&message.target, &a));
        rig_input(r, f, make_icmp6(f, &PEER6, &a, WIRE_ICMPV6_ECHO_REQUEST, 0, i, eight, 8));
        expect_icmp6(r, WIRE_ICMPV6_ECHO_REPLY, &ip);
        assert_true(ip_addr_equal(&ip.src, &a));
        expect_nothing(r);
    }
    assert_int_equal(rig_counters(r)->icmp_echo_replies_sent, HOSTS);
    assert_int_equal(rig_counters(r)->nd_advertisements_sent, HOSTS);
    print_message("%u hosts of each family; %zu bytes a host beside the tables that find it\n", HOSTS,
                  sizeof(struct host));
    rig_free(r);
}

static void each_ipv4_host_answers_arp(void **state)
{
    (void)state;
    struct rig *r = populated();
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_arp arp;
    for (uint32_t i = 0; i < HOSTS; i++) {
        rig_input(r, f, make_arp(f, EVERYBODY, PEER_MAC, WIRE_ARP_REQUEST, PEER_MAC, 0x0a000001u, NOBODY, FIRST4 + i));
        expect_arp(r, WIRE_ARP_REPLY, &arp);
        assert_int_equal(arp.spa, FIRST4 + i);
        expect_nothing(r);
    }
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ipv6_host_answers_discovery_and_an_echo),
        cmocka_unit_test(each_ipv4_host_answers_arp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
