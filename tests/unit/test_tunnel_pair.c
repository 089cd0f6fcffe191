/* SPDX-License-Identifier: MIT */
/*
 * Tunnels between two stacks: pings of all sizes and connections with loss through each kind over each family, nested
 * ones, and thousands of networks of one VTEP. Outer and inner stack are one.
 */
#include "unit/tunnel_rig.h"

#include "base/error.h"

#define LOSS_PPB 10000000u /* 1 % each way */
#define STREAM 300000u

static const char *const INSIDE4[2] = {"192.168.9.1", "192.168.9.2"};
static const char *const INSIDE6[2] = {"2001:db8:9::1", "2001:db8:9::2"};

static struct tunnel_settings settings_of(enum tunnel_kind kind)
{
    struct tunnel_settings t;
    tunnel_settings_default(&t, kind);
    memcpy(t.mac, (const uint8_t[]){2, 0, 0, 9, (uint8_t)kind, 0}, 6);
    if (kind == TUNNEL_VXLAN)
        t.vni = 42;
    return t;
}

static void kind_works(enum tunnel_kind kind, bool outer6, bool inner6, uint32_t loss)
{
    const struct tunnel_rig_options o = {.loss_ppb = loss, .mtu = 1500, .addresses = 64};
    struct tunnel_rig *r = tunnel_rig_new_with(&o);
    struct tunnel_settings t = settings_of(kind);
    if (kind == TUNNEL_GRE || kind == TUNNEL_GRETAP)
        t.has_key = t.checksum = true, t.key = 77;
    const uint32_t under[2] = {outer6 ? r->side[0].v6 : r->side[0].v4, outer6 ? r->side[1].v6 : r->side[1].v4};
    const char *const *inside = inner6 ? INSIDE6 : INSIDE4;
    uint32_t local[2];
    tunnel_rig_pipe(r, &t, under, inside, local);
    if (loss == 0) {
        assert_true(tunnel_rig_ping(r, local[0], inside[1], 0));
        assert_true(tunnel_rig_ping(r, local[0], inside[1], 1472));
        assert_true(tunnel_rig_ping(r, local[0], inside[1], 60000));
    }
    assert_true(tunnel_rig_transfer(r, local[0], inside[1], STREAM));
    const struct stack_counters *c = stack_counters(r->side[1].stack);
    assert_int_equal(c->tcp_bad_checksum + c->ip_bad_checksum + c->udp_bad_checksum, 0);
    assert_int_equal(c->ip_unknown_protocol, 0);
    assert_true(tunnel_set_counters(r->side[0].set)->tunnel_sent > 200);
    assert_int_equal(tunnel_set_counters(r->side[0].set)->tunnel_too_big, 0);
    tunnel_rig_free(r);
}

static void each_kind_over_each_family(void **state)
{
    (void)state;
    for (int kind = TUNNEL_IPIP; kind <= TUNNEL_VXLAN; kind++)
        for (unsigned families = 0; families < 4; families++)
            kind_works((enum tunnel_kind)kind, families & 1, families & 2, 0);
}

static void each_kind_with_loss(void **state)
{
    (void)state;
    for (int kind = TUNNEL_IPIP; kind <= TUNNEL_VXLAN; kind++)
        for (unsigned families = 0; families < 4; families++)
            kind_works((enum tunnel_kind)kind, families & 1, families & 2, LOSS_PPB);
}

/* VXLAN in GRE in 6in4 in GRE with Ethernet, on a wire that loses. */
static void four_nested(uint32_t loss)
{
    const struct tunnel_rig_options o = {.loss_ppb = loss, .mtu = 1500, .addresses = 64};
    static const enum tunnel_kind kinds[TUNNEL_MAX_NESTING] = {TUNNEL_GRETAP, TUNNEL_IPIP, TUNNEL_GRE, TUNNEL_VXLAN};
    static const char *const addresses[TUNNEL_MAX_NESTING][2] = {{"10.1.0.1", "10.1.0.2"},
                                                                 {"2001:db8:2::1", "2001:db8:2::2"},
                                                                 {"10.3.0.1", "10.3.0.2"},
                                                                 {"10.4.0.1", "10.4.0.2"}};
    struct tunnel_rig *r = tunnel_rig_new_with(&o);
    uint32_t under[2] = {r->side[0].v4, r->side[1].v4}, inside[2];
    for (unsigned i = 0; i < TUNNEL_MAX_NESTING; i++) {
        struct tunnel_settings t = settings_of(kinds[i]);
        tunnel_rig_pipe(r, &t, under, addresses[i], inside);
        memcpy(under, inside, sizeof under);
        if (loss == 0)
            assert_true(tunnel_rig_ping(r, inside[0], addresses[i][1], 60000));
    }
    assert_true(tunnel_rig_transfer(r, inside[0], addresses[TUNNEL_MAX_NESTING - 1][1], STREAM));
    struct tunnel_settings fifth = settings_of(TUNNEL_IPIP);
    struct link *link;
    fifth.local = inside[0];
    fifth.remote = tunnel_rig_ip("10.4.0.2");
    assert_int_equal(tunnel_add(r->side[0].set, &fifth, r->now, &link), ERR_NO_SPACE);
    assert_int_equal(tunnel_set_counters(r->side[0].set)->tunnel_recursion, 0);
    tunnel_rig_free(r);
}

static void nested_as_deep_as_may_be(void **state)
{
    (void)state;
    four_nested(0);
    four_nested(LOSS_PPB);
}

/* ---- thousands of networks ---- */

enum { VNIS = 4096 };

static int trunk(struct tunnel_rig *r, unsigned side)
{
    struct tunnel_settings t = settings_of(TUNNEL_VXLAN);
    struct link *link;
    t.local = side ? r->side[1].v6 : r->side[0].v6;
    t.vni = 0;
    t.trunk = true;
    t.max_vnis = VNIS + 1;
    t.max_remotes = VNIS;
    t.max_macs = 2 * VNIS;
    t.mac[5] = (uint8_t)side;
    int interface = tunnel_rig_add(r, side, &t, &link);
    const struct ip_addr other = tunnel_rig_ip(side ? "2001:db8::1" : "2001:db8::2");
    for (uint32_t i = 0; i < VNIS; i++) {
        assert_int_equal(tunnel_add_vni(link, 4000 + i * 4093), 0);
        assert_int_equal(tunnel_add_remote(link, 4000 + i * 4093, &other, r->now), 0);
    }
    return interface;
}

/* The same address in each of them: only the network tells them apart. */
static void thousands_of_networks_of_one_vtep(void **state)
{
    (void)state;
    const struct tunnel_rig_options o = {.mtu = 1500, .addresses = VNIS + 8};
    struct tunnel_rig *r = tunnel_rig_new_with(&o);
    uint32_t first[2] = {0};
    for (unsigned side = 0; side < 2; side++) {
        int interface = trunk(r, side);
        for (uint32_t i = 0; i < VNIS; i++) {
            uint32_t local =
                tunnel_rig_host(r, side, interface, side ? "192.168.0.2" : "192.168.0.1", 24, 4000 + i * 4093);
            first[side] = i ? first[side] : local;
        }
    }
    for (uint32_t i = 0; i < VNIS; i++)
        assert_true(tunnel_rig_ping(r, first[0] + i, "192.168.0.2", 56));
    assert_int_equal(stack_counters(r->side[1].stack)->icmp_echo_replies_sent, VNIS);
    assert_int_equal(tunnel_set_counters(r->side[0].set)->tunnel_learned, VNIS);
    assert_int_equal(tunnel_set_counters(r->side[0].set)->tunnel_flooded, VNIS); /* a question each, never the echo */
    assert_true(tunnel_rig_transfer(r, first[0] + VNIS - 1, "192.168.0.2", STREAM));
    tunnel_rig_free(r);
}

/* A frame waits for no other one: all that is due says so. */
static void nothing_waits_for_the_next_frame(void **state)
{
    (void)state;
    struct tunnel_rig *r = tunnel_rig_new();
    struct tunnel_settings t = settings_of(TUNNEL_GRE);
    const uint32_t under[2] = {r->side[0].v4, r->side[1].v4};
    uint32_t local[2];
    tunnel_rig_pipe(r, &t, under, INSIDE4, local);
    assert_true(tunnel_rig_ping(r, local[0], INSIDE4[1], 8));
    int64_t before = r->now;
    assert_true(tunnel_rig_ping(r, local[0], INSIDE4[1], 8));
    assert_true(r->now - before < NS_PER_MS);
    tunnel_rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_over_each_family),       cmocka_unit_test(each_kind_with_loss),
        cmocka_unit_test(nested_as_deep_as_may_be),         cmocka_unit_test(thousands_of_networks_of_one_vtep),
        cmocka_unit_test(nothing_waits_for_the_next_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
