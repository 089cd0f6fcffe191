/* SPDX-License-Identifier: MIT */
/*
 * Plans of devices whose addresses come by DHCP: how leases are laid out, sized and described, and what is refused.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "support/traffic_rig.h"

#define PORTS "ports: [{name: a, location: 'packet:x'}, {name: b, location: 'tap:y'}]\n"
#define LOAD(client, address)                                                                                          \
    "loads: [{name: l, client: " client ", server: {address: '" address "'}, http: {urls: [{path: /}]}, "              \
    "schedule: [{hold: 1s, concurrent: 1}]}]\n"

/* ---- good plans ---- */

static void leases_are_numbered_by_port_and_family(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p =
        rig_compile(PORTS "devices:\n"
                          "  - {name: one, port: b, dhcp: ipv4, lease: {timeout: 5s, rate: 20, probe: "
                          "true, release: false}}\n"
                          "  - {name: own, port: a, ipv4: {address: 10.0.0.9/24}, count: 3, dhcp: ipv6}\n"
                          "  - {name: many, port: a, count: 1000, mac: '02:00:00:01:00:00', dhcp: both,\n"
                          "     lease: {gateway6: 'fe80::1', prefix_length6: 48}}\n" LOAD("[own, many]", "2001:db8::1"),
                    &tree);
    static const struct {
        const char *device;
        bool v6;
        uint32_t first;
    } expected[] = {{"own", true, 0}, {"many", false, 3}, {"many", true, 1003}, {"one", false, 0}};

    assert_int_equal(p->n_leases, ARRAY_SIZE(expected));
    for (uint32_t i = 0; i < p->n_leases; i++) {
        const struct plan_lease *l = &p->leases[i];
        assert_string_equal(p->devices[l->device].name, expected[i].device);
        assert_int_equal(l->v6, expected[i].v6);
        assert_int_equal(l->first, expected[i].first);
        assert_int_equal(p->devices[l->device].leases[l->v6], i);
    }
    assert_int_equal(p->ports[0].n_leased, 2003);
    assert_int_equal(p->ports[1].n_leased, 1);
    assert_true(p->ports[0].guard.allow_dhcp && p->ports[1].guard.allow_dhcp);
    assert_true(plan_has_to_prepare(p));
    assert_int_equal(plan_leased_addresses(p, 0), 3 * 2 + 1000 + 2000); /* IPv6: a link-local one beside */

    const struct plan_lease *one = &p->leases[3], *many = &p->leases[2];
    assert_true(one->timeout_ns == 5 * NS_PER_S && one->rate == 20 && one->probe && !one->release);
    assert_true(many->timeout_ns == 30 * NS_PER_S && many->rate == 1000 && !many->probe && many->release);
    assert_int_equal(many->prefix_length6, 48);
    assert_true(ip_addr_is_link_local(&many->gateway6));
    assert_ptr_equal(plan_load_lease(p, &p->loads[0], &p->devices[0]), &p->leases[0]);
    struct stack_settings s;
    plan_stack_settings(p, 0, &s);
    assert_true(s.max_addresses >= 3 + 3006);
    plan_free(p);
    config_tree_free(tree);
}

static void mac_addresses_stay_the_same_and_differ_by_device(void **state)
{
    (void)state;
    struct config_tree *tree;
    const char *text = PORTS
        "devices: [{name: c, port: a, count: 70000, dhcp: ipv4}, {name: d, port: a, dhcp: ipv4}]\n" LOAD("c",
                                                                                                         "10.0.0.1");
    uint8_t first[2][6];
    for (unsigned i = 0; i < 2; i++) {
        struct plan *p = rig_compile(text, &tree);
        assert_memory_not_equal(p->devices[0].mac, p->devices[1].mac, 3);
        plan_device_mac(&p->devices[0], 0, first[i]);
        plan_free(p);
        config_tree_free(tree);
    }
    assert_memory_equal(first[0], first[1], 6);
    assert_int_equal(first[0][0], 2);
}

static int take(void *context, const char *bytes, size_t length)
{
    char *text = context;
    strncat(text, bytes, length);
    return 0;
}

static void the_description_says_where_addresses_come_from(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(
        PORTS "devices: [{name: c, port: a, count: 9, dhcp: both, lease: {probe: true}}]\n" LOAD("c", "10.0.0.1"),
        &tree);
    static char text[16384];
    text[0] = 0;
    assert_int_equal(plan_describe(p, take, text), 0);
    if (!strstr(text, "c  on a, 9 hosts, addresses by DHCPv4 and probed, at most 30s; addresses by DHCPv6 and probed"))
        fail_msg("%s", text);
    plan_free(p);
    config_tree_free(tree);
}

/* ---- faults ---- */

static void refuses(const char *yaml, const char *message)
{
    struct config_error error;
    struct config_errors errors = {0};
    struct config_tree *tree;
    struct plan *plan;
    assert_int_equal(config_tree_parse("test.yaml", yaml, strlen(yaml), &tree, &error), 0);
    assert_true(plan_compile(tree, NULL, &rig_allocator, &plan, &errors) < 0);
    if (!strstr(errors.list[0].text, message))
        fail_msg("\"%s\" does not hold \"%s\"", errors.list[0].text, message);
    config_tree_free(tree);
}

static void what_cannot_be_is_refused_with_its_place(void **state)
{
    (void)state;
    refuses("ports: [{name: a, location: 'mem:w'}, {name: b, location: 'mem:w'}]\n"
            "devices: [{name: c, port: a, dhcp: ipv4}]\n" LOAD("c", "10.0.0.1"),
            "devices[0].dhcp: found it on port \"a\" (mem:w), allowed where a DHCP server can be");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv4, vlans: [{id: 5}, {id: 6}]}]\n" LOAD("c", "10.0.0.1"),
            "devices[0].dhcp: found it with other tags or labels, allowed with one 802.1Q tag without priority");
    refuses(PORTS
            "devices: [{name: c, port: a, dhcp: ipv4, count: 3, mac: '02:00:00:ff:ff:fe'}]\n" LOAD("c", "10.0.0.1"),
            "devices[0].mac: found one behind which 3 hosts have no room, allowed at most 2");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv4, count: 9, mac: '02:00:00:00:00:00'},\n"
                  "  {name: d, port: a, dhcp: ipv6, mac: '02:00:00:00:00:08'}]\n" LOAD("c", "10.0.0.1"),
            "devices[1].mac: found MAC addresses that device \"c\" has too");
    refuses(PORTS
            "devices: [{name: c, port: a, ipv4: {address: 10.0.0.2/24}, lease: {rate: 5}}]\n" LOAD("c", "10.0.0.1"),
            "devices[0].lease: found without dhcp, allowed with dhcp: ipv4, ipv6 or both");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv4, lease: {gateway6: 'fe80::1'}}]\n" LOAD("c", "10.0.0.1"),
            "devices[0].lease.gateway6: found without DHCPv6, allowed with dhcp: ipv6 or both");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv6, lease: {gateway6: 'ff02::1'}}]\n" LOAD("c", "2001:db8::1"),
            "devices[0].lease.gateway6: found no address of a router");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv4, ipv4: {address: 10.0.0.2/24}}]\n" LOAD("c", "10.0.0.1"),
            "devices[0].dhcp: found addresses of the same family beside it, allowed one");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv6, ipv4: {address: 10.0.0.2/24}, count: 4, step: 2}]\n" LOAD(
                "c", "10.0.0.1"),
            "devices[0].step: found 2 with dhcp and MAC addresses made of the others, allowed 1, or with mac");
    refuses(PORTS "devices: [{name: c, port: a, dhcp: ipv4}]\n" LOAD("c", "2001:db8::1"),
            "found 2001:db8::1, allowed addresses of a family that the client \"c\" has");
    refuses(PORTS
            "devices: [{name: c, port: a, dhcp: ipv4}, {name: s, port: b, dhcp: ipv4}]\n"
            "loads: [{name: l, client: c, server: {device: s, http: {routes: [{path: /, size: 1}]}}, http: {urls: "
            "[{path: /}]}, schedule: [{hold: 1s, concurrent: 1}]}]\n",
            "loads[0].server.device: found \"s\", whose addresses come by DHCP, allowed devices with addresses of "
            "their own");
}

static void a_port_has_room_for_eight_leases(void **state)
{
    (void)state;
    char text[4096] = PORTS "devices:\n", line[128];
    for (unsigned i = 0; i < 5; i++) {
        snprintf(line, sizeof line, "  - {name: d%u, port: a, dhcp: both}\n", i);
        strcat(text, line);
    }
    strcat(text, LOAD("d0", "10.0.0.1"));
    refuses(text, "devices[4].dhcp: found it 10 times on port \"a\", each family counted, allowed 8 times");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_are_numbered_by_port_and_family),
        cmocka_unit_test(mac_addresses_stay_the_same_and_differ_by_device),
        cmocka_unit_test(the_description_says_where_addresses_come_from),
        cmocka_unit_test(what_cannot_be_is_refused_with_its_place),
        cmocka_unit_test(a_port_has_room_for_eight_leases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
