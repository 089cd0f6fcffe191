/* SPDX-License-Identifier: MIT */
/*
 * Routers in configurations: what a good one compiles to, and the exact message for what can be wrong with one.
 */
#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/traffic_rig.h"
#include "traffic/plan_private.h"

static const char good[] =
    "ports:\n"
    "  - {name: in, location: \"packet:eth1\"}\n"
    "  - {name: out, location: \"packet:eth2\", mtu: 1400}\n"
    "router:\n"
    "  addresses:\n"
    "    - {port: in, address: 10.1.0.1/24, mac: \"02:00:00:00:00:07\", vlans: [{id: 5}]}\n"
    "    - {port: out, address: 10.2.0.1/31}\n"
    "    - {port: out, address: \"2001:db8:2::1/64\"}\n"
    "  routes:\n"
    "    - {prefix: 0.0.0.0/0, gateway: 10.2.0.0}\n"
    "    - {prefix: \"2001:db8::/32\", gateway: \"fe80::1\", port: out}\n"
    "    - {prefix: 10.3.0.0/16, port: in}\n"
    "  filter:\n"
    "    policy: {forward: reject}\n"
    "    rules:\n"
    "      - {verdict: accept, states: [established, related]}\n"
    "      - {name: web, verdict: accept, directions: [forward], port: out, protocol: tcp, destination: 10.1.0.80/32, "
    "destination_ports: [80, 81], states: [new]}\n"
    "  advertise:\n"
    "    - {address: \"2001:db8:2::1\", interval: 60s, lifetime: 90s, mtu: 1280, preference: low, dns: "
    "\"2001:db8::53\"}\n";

static void addresses_and_routes_are_taken_over(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    const struct plan_router *r = p->router;
    assert_non_null(r);
    assert_false(plan_is_bridge(p));
    assert_int_equal(r->n_addresses, 3);
    assert_int_equal(r->n_routes, 3);
    assert_true(r->fill_options);
    assert_int_equal(r->addresses[0].port, 0);
    assert_int_equal(ip_addr_to_v4(&r->addresses[0].address), 0x0a010001);
    assert_int_equal(r->addresses[0].prefix_length, 24);
    assert_int_equal(r->addresses[0].mac[5], 7);
    assert_int_equal(r->addresses[0].vlan_count, 1);
    assert_int_equal(r->addresses[0].vlan[0].tci, 5);
    assert_int_equal(r->addresses[2].prefix_length, 64);
    assert_int_equal(r->routes[0].address, 1);
    assert_int_equal(r->routes[0].prefix.length, 0);
    assert_int_equal(r->routes[1].address, 2);
    assert_int_equal(r->routes[1].prefix.length, 32);
    assert_int_equal(r->routes[2].address, 0);
    assert_true(ip_addr_is_unspecified(&r->routes[2].gateway));
    plan_free(p);
    config_tree_free(tree);
}

static void a_filter_is_taken_over(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    assert_int_equal(p->router->n_vrfs, 1);
    const struct plan_filter *f = p->router->vrfs[0].filter;
    assert_non_null(f);
    assert_int_equal(f->n_rules, 2);
    assert_int_equal(f->connections, 65536);
    assert_int_equal(f->policy.verdicts[IP_FILTER_IN], IP_FILTER_ACCEPT);
    assert_int_equal(f->policy.verdicts[IP_FILTER_FORWARD], IP_FILTER_REJECT);
    assert_string_equal(f->names[0], "0");
    assert_string_equal(f->names[1], "web");
    assert_int_equal(f->rules[0].directions, IP_FILTER_ALL_DIRECTIONS);
    assert_int_equal(f->rules[0].states, IP_FILTER_ESTABLISHED | IP_FILTER_RELATED);
    assert_int_equal(f->rules[1].directions, 1 << IP_FILTER_FORWARD);
    assert_int_equal(f->rules[1].interface, 1);
    assert_int_equal(f->rules[1].protocol, IP_PROTO_TCP);
    assert_int_equal(f->rules[1].destination.length, 32);
    assert_int_equal(f->rules[1].destination_ports.first, 80);
    assert_int_equal(f->rules[1].destination_ports.last, 81);
    plan_free(p);
    config_tree_free(tree);
}

static void advertisements_are_taken_over(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    const struct stack_router_settings *t = &p->router->advertise[0].settings;
    assert_int_equal(p->router->n_advertise, 1);
    assert_int_equal(p->router->advertise[0].address, 2);
    assert_int_equal(t->max_interval_ns, 60 * NS_PER_S);
    assert_int_equal(t->min_interval_ns, 20 * NS_PER_S);
    assert_int_equal(t->lifetime_s, 90);
    assert_int_equal(t->mtu, 1280);
    assert_int_equal(t->preference, 3);
    assert_int_equal(t->n_prefixes, 1); /* none is named: that of the address */
    assert_int_equal(t->prefix[0].length, 64);
    assert_int_equal(t->prefix[0].flags, WIRE_ND_PREFIX_ON_LINK | WIRE_ND_PREFIX_AUTONOMOUS);
    assert_int_equal(t->n_dns, 1);
    assert_int_equal(t->dns[0].lifetime_s, 180);
    plan_free(p);
    config_tree_free(tree);
}

static const char two_vrfs[] = "ports:\n"
                               "  - {name: in, location: \"packet:eth1\"}\n"
                               "  - {name: out, location: \"packet:eth2\"}\n"
                               "router:\n"
                               "  addresses:\n"
                               "    - {port: in, address: 10.1.0.1/24, vrf: 9}\n"
                               "    - {port: out, address: 10.1.0.1/24}\n"
                               "  routes:\n"
                               "    - {prefix: 10.3.0.0/16, gateway: 10.1.0.2}\n"
                               "    - {prefix: 10.3.0.0/16, gateway: 10.1.0.2, vrf: 9}\n"
                               "  vrfs:\n"
                               "    - {vrf: 9, filter: {policy: {forward: drop}}}\n";

static void vrfs_are_told_apart(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(two_vrfs, &tree);
    const struct plan_router *r = p->router;
    assert_int_equal(r->n_vrfs, 2);
    assert_int_equal(r->vrfs[0].number, 9);
    assert_int_equal(r->vrfs[0].filter->policy.verdicts[IP_FILTER_FORWARD], IP_FILTER_DROP);
    assert_int_equal(r->vrfs[1].number, 0);
    assert_null(r->vrfs[1].filter);
    assert_int_equal(r->routes[0].address, 1);
    assert_int_equal(r->routes[1].address, 0);
    plan_free(p);
    config_tree_free(tree);
}

static const struct {
    const char *set, *message;
} faults[] = {
    {"router.routes[0].vrf=3", "good:10:36: router.routes[0].gateway: found 10.2.0.0, allowed a subnet "
                               "of the router's addresses in that VRF"},
    {"router.vrfs=[{vrf: 3}]",
     "--set router.vrfs: router.vrfs[0].vrf: found one of VRF 3, allowed those that an address has"},
    {"router.advertise[0].address=\"2001:db8:2::2\"",
     "--set router.advertise[0].address: router.advertise[0].address: found 2001:db8:2::2, allowed one of "
     "router.addresses"},
    {"router.advertise[0].lifetime=30s",
     "--set router.advertise[0].lifetime: router.advertise[0].lifetime: found 30 s, allowed 0 and from interval on: "
     "60 s"},
    {"router.advertise[0].mtu=1401",
     "--set router.advertise[0].mtu: router.advertise[0].mtu: found 1401, allowed 0 and from 1280 to the port's 1400"},
    {"router.advertise[0].prefixes=[{prefix: \"fe80::/64\"}]",
     "--set router.advertise[0].prefixes: router.advertise[0].prefixes[0].prefix: found fe80::, allowed prefixes that "
     "can be routed"},
    {"router.advertise[0].prefixes=[{prefix: \"2001:db8::/64\", valid: 60s}]",
     "--set router.advertise[0].prefixes: router.advertise[0].prefixes[0].preferred: found 604800 s, allowed at most "
     "valid: 60 s"},
    {"router.advertise=[{address: \"2001:db8:2::1\"}, {address: \"2001:db8:2::1\"}]",
     "--set router.advertise: router.advertise[1].address: found the address of router.advertise[0], allowed each "
     "once"},
    {"devices=[{name: d, port: in, ipv4: {address: 10.1.0.9/24}}]",
     "good:5:3: router: found a router and devices, allowed one of them"},
    {"router.addresses[0].port=up",
     "--set router.addresses[0].port: router.addresses[0].port: found \"up\", which is no port, allowed in, out"},
    {"router.addresses[0].address=10.1.0.255/24", "--set router.addresses[0].address: router.addresses[0].address: "
                                                  "found 10.1.0.255/24, allowed an address that a host can have"},
    {"router.addresses[0].address=224.0.0.1/24",
     "--set router.addresses[0].address: router.addresses[0].address: found "
     "224.0.0.1/24, allowed an address that a host can have"},
    {"router.addresses[0].mac=\"01:00:00:00:00:00\"", "--set router.addresses[0].mac: router.addresses[0].mac: found a "
                                                      "group's, allowed unicast addresses"},
    {"router.routes[0].gateway=10.9.0.1", "--set router.routes[0].gateway: router.routes[0].gateway: found 10.9.0.1, "
                                          "allowed a subnet of the router's addresses"},
    {"router.routes[0].gateway=10.2.0.1",
     "--set router.routes[0].gateway: router.routes[0].gateway: found 10.2.0.1, which is the router's own"},
    {"router.routes[0].gateway=\"2001:db8:2::2\"", "--set router.routes[0].gateway: router.routes[0].gateway: found "
                                                   "another family than prefix has, allowed the same"},
    {"router.routes[2]={prefix: 10.3.0.0/16}",
     "--set router.routes[2]: router.routes[2].gateway: found neither gateway "
     "nor port, required: one of them"},
    {"router.routes[2]={prefix: \"2001:db8:9::/48\", port: in}",
     "--set router.routes[2]: router.routes[2].port: found a port without an address of that family, allowed a subnet "
     "of the router's addresses on that port"},
    {"router.filter.rules[1].protocol=icmp",
     "good:17:9: router.filter.rules[1]: found what cannot go together, allowed addresses of one family, ports (the "
     "first not behind the last) of tcp, udp, udplite and sctp, an icmp_type of icmp or icmpv6 and their family"},
    {"router.filter.rules[1].port=up", "--set router.filter.rules[1].port: router.filter.rules[1].port: found \"up\", "
                                       "which is no port, allowed in, out"},
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct config_tree *tree;
        struct config_error error;
        struct config_errors errors = {0};
        struct plan *p = NULL;
        assert_int_equal(config_tree_parse("good", (const uint8_t *)good, strlen(good), &tree, &error), 0);
        assert_int_equal(config_set(tree, faults[i].set, &error), 0);
        assert_int_equal(plan_compile(tree, NULL, &rig_allocator, &p, &errors), ERR_INVALID);
        if (strcmp(errors.list[0].text, faults[i].message) != 0)
            fail_msg("--set %s: %s", faults[i].set, errors.list[0].text);
        config_tree_free(tree);
    }
    print_message("%zu faults\n", ARRAY_SIZE(faults));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_routes_are_taken_over),
        cmocka_unit_test(a_filter_is_taken_over),
        cmocka_unit_test(vrfs_are_told_apart),
        cmocka_unit_test(advertisements_are_taken_over),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
