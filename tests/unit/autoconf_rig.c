/* SPDX-License-Identifier: MIT */
/*
 * A station that configures itself: see autoconf_rig.h.
 */
#include "unit/autoconf_rig.h"

#define STEP_NS (10 * NS_PER_MS)
#define PATIENCE_NS (20 * NS_PER_S)

const struct ip_addr AUTO_LL = {{0xfe, 0x80, [8] = 7, [15] = 1}};
const struct ip_addr AUTO_PREFIX = {{0x20, 1, 0x0d, 0xb8, 0, 7}}, AUTO_PREFIX2 = {{0x20, 1, 0x0d, 0xb8, 0, 8}};

struct rig *auto_rig(uint8_t dad)
{
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64, .autoconf = true, .dad_transmits = dad};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    r->us = (uint32_t)local;
    return r;
}

void auto_pass(struct rig *r, int64_t ns)
{
    for (; ns > 0; ns -= STEP_NS)
        rig_pass(r, ns < STEP_NS ? ns : STEP_NS);
    rig_forget_frames(r);
}

struct rig *auto_rig_quiet(void)
{
    struct rig *r = auto_rig(0);
    auto_pass(r, PATIENCE_NS);
    return r;
}

struct wire_nd auto_ra(const struct ip_addr *prefix, uint8_t flags, uint32_t valid_s, uint32_t preferred_s)
{
    return (struct wire_nd){
        .type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT,
        .router_lifetime_s = 60000,
        .prefix_count = 1,
        .prefix[0] = {.prefix = *prefix, .length = 64, .flags = flags, .valid_s = valid_s, .preferred_s = preferred_s}};
}

void auto_hear_from(struct rig *r, const struct ip_addr *router, const uint8_t *mac, const struct wire_nd *m)
{
    uint8_t f[RIG_FRAME_BYTES];
    uint32_t n = make_nd(f, router, &ALL_NODES, m);
    memcpy(f + 6, mac, 6);
    rig_input(r, f, n);
    rig_pass(r, 0);
}

void auto_hear(struct rig *r, const struct wire_nd *m) { auto_hear_from(r, &GATEWAY6, PEER_MAC, m); }

uint32_t auto_made(const struct rig *r, unsigned n)
{
    struct stack_address a;
    for (uint32_t i = stack_next_host(r->stack, 0); i; i = stack_next_host(r->stack, i))
        if (stack_view_address(r->stack, i, &a) && a.station == r->us && n-- == 0)
            return i;
    return 0;
}

enum stack_address_state auto_state(const struct rig *r, uint32_t local)
{
    struct stack_address a;
    assert_true(stack_view_address(r->stack, local, &a));
    return a.state;
}

struct ip_addr auto_address(const struct rig *r, uint32_t local)
{
    struct ip_addr a;
    assert_true(stack_local_address(r->stack, local, &a));
    return a;
}

const struct rig_frame *auto_await(struct rig *r, uint8_t type, struct wire_ipv6 *ip, struct wire_nd *m)
{
    for (int64_t waited = 0; r->count == 0 && waited < PATIENCE_NS; waited += STEP_NS)
        rig_pass(r, STEP_NS);
    return expect_nd(r, type, ip, m);
}

struct ip_addr auto_hop(const struct rig *r, uint32_t local, const struct ip_addr *to)
{
    struct ip_addr hop;
    return stack_next_hop(r->stack, local, to, &hop) ? hop : NONE6;
}
