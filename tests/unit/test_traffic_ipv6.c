/* SPDX-License-Identifier: MIT */
/*
 * IPv6 in configurations: what devices of one or both families compile to, the exact message for what can be wrong with
 * them, and loads that run over IPv6 as they do over IPv4.
 */
#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/traffic_rig.h"
#include "traffic/plan_private.h"

static const char good[] =
    "ports:\n"
    "  - {name: left, location: \"mem:wire\"}\n"
    "  - {name: right, location: \"mem:wire\"}\n"
    "  - {name: up, location: \"packet:eth7\", guard: {allowed: [2001:db8::/32]}}\n"
    "devices:\n"
    "  - {name: six, port: left, ipv6: {address: 2001:db8::1:0/64, more: [fe80::1:0/64]}, count: 250}\n"
    "  - {name: both, port: left, ipv4: {address: 10.0.1.1/16}, ipv6: {address: 2001:db8::2:1/64}}\n"
    "  - {name: web, port: right, ipv4: {address: 10.0.2.1/16}, ipv6: {address: 2001:db8::1/64}, count: 2}\n"
    "  - {name: far, port: up, ipv6: {address: 2001:db8:1::a/64, gateway: fe80::1}, count: 3, step: 16}\n"
    "loads:\n"
    "  - name: mixed\n"
    "    client: [six, both]\n"
    "    server: {device: web, http: {routes: [{path: /a, size: 1KiB}]}}\n"
    "    http: {urls: [{path: /a}]}\n"
    "    schedule: [{hold: 1s, transactions_per_second: 100}]\n"
    "  - name: outside\n"
    "    client: far\n"
    "    server: {address: \"2001:db8:2::1\", port: 8080}\n"
    "    http: {urls: [{path: /x}]}\n"
    "    schedule: [{hold: 1s, connections_per_second: 1}]\n"
    "  - name: four\n"
    "    client: both\n"
    "    server: {device: web}\n"
    "    http: {urls: [{path: /a}]}\n"
    "    schedule: [{hold: 1s, connections_per_second: 1}]\n"
    "  - name: chosen\n"
    "    client: both\n"
    "    server: {device: web, family: ipv6}\n"
    "    http: {urls: [{path: /a}]}\n"
    "    schedule: [{hold: 1s, connections_per_second: 1}]\n";

static void assert_address(const struct ip_addr *found, const char *expected)
{
    char text[IP_ADDR_TEXT];
    ip_addr_print(text, sizeof text, found);
    assert_string_equal(text, expected);
}

static void addresses_are_laid_out_by_family_and_range(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    const struct plan_device *six = &p->devices[0], *both = &p->devices[1], *web = &p->devices[2],
                             *far = &p->devices[3];

    assert_int_equal(p->ports[0].n_hosts, 251);
    assert_int_equal(p->ports[0].n_addresses, 502);
    assert_int_equal(six->n_ranges, 2);
    assert_int_equal(six->ranges[0].first_local, 1);
    assert_int_equal(six->ranges[1].first_local, 251);
    assert_int_equal(both->ranges[0].first_local, 501);
    assert_int_equal(web->ranges[1].first_local, 3);
    const struct ip_addr last = plan_range_address(six, &six->ranges[1], 249),
                         third = plan_range_address(far, &far->ranges[0], 2);
    assert_address(&last, "fe80::1:f9");
    assert_address(&third, "2001:db8:1::2a");
    assert_int_equal(far->ranges[0].n_gateways, 1);
    assert_address(&far->ranges[0].gateways[0], "fe80::1");
    plan_free(p);
    config_tree_free(tree);
}

static void a_device_may_have_several_gateways(void **state)
{
    (void)state;
    static const char yaml[] = "ports: [{name: a, location: \"mem:w\"}, {name: b, location: \"mem:w\"}]\n"
                               "devices:\n"
                               "  - {name: c, port: a, count: 200, ipv4: {address: 10.0.1.1/16, gateway: [10.0.9.1, "
                               "10.0.9.2, 10.0.9.3]},\n"
                               "     ipv6: {address: 2001:db8::1/64, gateway: [fe80::1, 2001:db8::ffff]}}\n"
                               "  - {name: s, port: b, ipv4: {address: 10.0.2.1/16}}\n"
                               "loads:\n"
                               "  - name: l\n"
                               "    client: c\n"
                               "    server: {device: s, http: {routes: [{path: /a, size: 1KiB}]}}\n"
                               "    http: {urls: [{path: /a}]}\n"
                               "    schedule: [{hold: 1s, connections_per_second: 1}]\n";
    struct config_tree *tree;
    struct plan *p = rig_compile(yaml, &tree);
    const struct plan_device *c = &p->devices[0];
    struct stack_settings s;

    assert_int_equal(c->ranges[0].n_gateways, 3);
    assert_address(&c->ranges[0].gateways[2], "10.0.9.3");
    assert_int_equal(c->ranges[1].n_gateways, 2);
    plan_stack_settings(p, 0, &s);
    assert_int_equal(s.max_routes, 200 * 3);
    plan_free(p);
    config_tree_free(tree);
}

/* An IPv4 address gives the MAC; without one a hash does, and hosts count up from there. */
static void macs_follow_the_first_address(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);
    uint8_t first[6], second[6], other[6];

    plan_device_mac(&p->devices[2], 1, first);
    assert_memory_equal(first, ((uint8_t[]){2, 0, 10, 0, 2, 2}), 6);
    plan_device_mac(&p->devices[0], 0, first);
    plan_device_mac(&p->devices[0], 1, second);
    plan_device_mac(&p->devices[3], 0, other);
    assert_int_equal(first[0], 6);
    assert_int_equal(load_be32(second + 2), load_be32(first + 2) + 1);
    assert_memory_not_equal(first, other, 6);
    plan_free(p);
    config_tree_free(tree);
}

static void a_load_uses_the_family_that_all_have(void **state)
{
    (void)state;
    struct config_tree *tree;
    struct plan *p = rig_compile(good, &tree);

    assert_address(&p->loads[0].server_address, "2001:db8::1");
    assert_address(&p->loads[1].server_address, "2001:db8:2::1");
    assert_address(&p->loads[2].server_address, "10.0.2.1");
    assert_address(&p->loads[3].server_address, "2001:db8::1");
    assert_ptr_equal(plan_load_source(&p->loads[0], &p->devices[0]), &p->devices[0].ranges[0]);
    assert_ptr_equal(plan_load_source(&p->loads[2], &p->devices[1]), &p->devices[1].ranges[0]);
    assert_ptr_equal(plan_load_source(&p->loads[3], &p->devices[1]), &p->devices[1].ranges[1]);
    assert_null(plan_load_source(&p->loads[2], &p->devices[0]));
    plan_free(p);
    config_tree_free(tree);
}

/* ---- faults ---- */

static const struct {
    const char *set[2];
    const char *message;
} faults[] = {
    {{"devices[0].ipv6.address=10.0.0.1/8"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found the text \"10.0.0.1/8\", allowed an IPv6 address "
     "with prefix length such as 2001:db8::1/64"},
    {{"devices[0].ipv6.address=ff02::1/64"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found ff02::1, allowed unicast IPv6 addresses"},
    {{"devices[0].ipv6.address=::1/64"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found ::1, allowed unicast IPv6 addresses"},
    {{"devices[0].ipv6.address=::ffff:10.0.0.1/120"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found 10.0.0.1, allowed unicast IPv6 addresses"},
    {{"devices[0].ipv6.address=2001:db8::1/0"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found prefix length 0, allowed 1 to 128"},
    {{"devices[0].ipv6.address=2001:db8::/64"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found 2001:db8:: as the address of host 1 of 250, "
     "allowed 2001:db8::1 to 2001:db8::ffff:ffff:ffff:ffff"},
    {{"devices[0].ipv6.address=2001:db8::10/121"},
     "--set devices[0].ipv6.address: devices[0].ipv6.address: found 2001:db8::109 as the address of host 250 of 250, "
     "allowed 2001:db8::1 to 2001:db8::7f"},
    {{"devices[0].ipv6.more=[fe80::ffff:ffff:ffff:ffff/64]"},
     "--set devices[0].ipv6.more: devices[0].ipv6.more: found fe80:0:0:1::f8 as the address of host 250 of 250, "
     "allowed "
     "fe80::1 to fe80::ffff:ffff:ffff:ffff"},
    {{"devices[0].ipv6.more=[2001:db8::1:9/64]"},
     "--set devices[0].ipv6.more: devices[0].ipv6.more: found 2001:db8::1:9, which device \"six\" has too, allowed "
     "only "
     "once"},
    {{"devices[1].ipv6.address=2001:db8::1:9/64"},
     "--set devices[1].ipv6.address: devices[1].ipv6.address: found 2001:db8::1:9, which device \"six\" has too, "
     "allowed only once"},
    {{"devices[3].ipv6.gateway=2001:db8:2::1"},
     "--set devices[3].ipv6.gateway: devices[3].ipv6.gateway: found 2001:db8:2::1, allowed addresses in "
     "2001:db8:1::/64 and link-local ones"},
    {{"devices[3].ipv6.gateway=2001:db8:1::1a"},
     "--set devices[3].ipv6.gateway: devices[3].ipv6.gateway: found 2001:db8:1::1a, which is one of the device's own "
     "addresses"},
    {{"devices[3]={name: far, port: up}"},
     "--set devices[3]: devices[3]: found neither ipv4 nor ipv6, allowed one of them or both"},
    {{"ports[2].mtu=1279"},
     "test.yaml:9:33: devices[3].ipv6: found on port \"up\" with mtu 1279, allowed with at least 1280"},
    {{"ports[2].address6=2001:db8::1/64"},
     "--set ports[2].address6: ports[2].address6: found on a port at \"packet:eth7\", allowed only on tap: ports"},
    {{"ports[2].location=\"tap:t\"", "ports[2].address6=ff02::1/64"},
     "--set ports[2].address6: ports[2].address6: found ff02::1, allowed unicast IPv6 addresses"},
    {{"devices[2]={name: web, port: right, ipv4: {address: 10.0.2.1/16}}"},
     "test.yaml:13:22: loads[0].server.device: found \"web\", which has no address of a family that all clients have"},
    {{"loads[0].server.family=ipv4"},
     "--set loads[0].server.family: loads[0].server.family: found ipv4, of which device \"web\" or a client has no "
     "address"},
    {{"loads[1].server.family=ipv6"},
     "--set loads[1].server.family: loads[1].server.family: found with address, allowed with device"},
    {{"loads[1].server.address=10.0.0.1"},
     "--set loads[1].server.address: loads[1].server.address: found 10.0.0.1, allowed addresses of a family that the "
     "client \"far\" has"},
    {{"loads[1].server.address=ff02::1"},
     "--set loads[1].server.address: loads[1].server.address: found ff02::1, allowed unicast addresses"},
    {{"loads[1].server.address=2001:db8:1::1a"},
     "--set loads[1].server.address: loads[1].server.address: found 2001:db8:1::1a, an address of device \"far\", "
     "allowed others' addresses (or device: far)"},
    {{"loads[1].server.address=2001:db9::1"},
     "test.yaml:18:13: loads[1].server: found 2001:db9::1 as destination of port \"up\", whose guard allows only "
     "2001:db8::/32"},
    {{"devices[3].ipv6.gateway=\"::\""},
     "test.yaml:18:13: loads[1].server: found 2001:db8:2::1, which device \"far\" cannot reach: it is not in "
     "2001:db8:1::/64, and the device has no gateway"},
    {{"devices[2].ipv6.address=2001:db8:9::1/64"},
     "test.yaml:13:13: loads[0].server: found 2001:db8:9::1, which device \"six\" cannot reach: it is not in "
     "2001:db8::/64, and a memory link has no routers"},
};

static void every_fault_is_named_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        struct config_tree *tree;
        struct config_error error;
        struct config_errors errors = {0};
        struct plan *p = NULL;
        assert_int_equal(config_tree_parse("test.yaml", good, sizeof good - 1, &tree, &error), 0);
        for (size_t k = 0; k < ARRAY_SIZE(faults[i].set) && faults[i].set[k]; k++)
            if (config_set(tree, faults[i].set[k], &error) != 0)
                fail_msg("%s", error.text);
        int result = plan_compile(tree, NULL, &rig_allocator, &p, &errors);
        if (result != ERR_INVALID || strcmp(errors.list[0].text, faults[i].message) != 0)
            fail_msg("--set %s:\n  found    %s\n  expected %s", faults[i].set[0], errors.list[0].text,
                     faults[i].message);
        plan_free(p);
        config_tree_free(tree);
    }
}

/* ---- runs ---- */

#define RUN(clients, servers)                                                                                          \
    "ports: [{name: a, location: \"mem:w\"}, {name: b, location: \"mem:w\"}]\n"                                        \
    "devices:\n"                                                                                                       \
    "  - {name: c, port: a, " clients ", count: 10}\n"                                                                 \
    "  - {name: s, port: b, " servers ", count: 3}\n"                                                                  \
    "loads:\n"                                                                                                         \
    "  - name: l\n"                                                                                                    \
    "    client: c\n"                                                                                                  \
    "    server: {device: s, http: {routes: [{path: /a, size: 10KiB}, {path: /e, echo: true, methods: [post]}]}}\n"    \
    "    http: {urls: [{path: /a}, {path: /e, method: post, body_size: 3KiB}], order: sequence}\n"                     \
    "    schedule: [{hold: 500ms, transactions_per_second: 400}]\n"                                                    \
    "    max_connections: 30\n"                                                                                        \
    "    requests_per_connection: 5\n"

static struct load_stats run(const char *yaml, struct stack_counters *client)
{
    struct rig r;
    rig_open(&r, yaml, RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    struct load_stats l = stats->loads[0];
    *client = *stack_counters(r.stacks[0]);
    traffic_stats_delete(stats);
    rig_close(&r);
    return l;
}

static void http_over_ipv6_counts_as_over_ipv4(void **state)
{
    (void)state;
    struct stack_counters c4, c6;
    const struct load_stats four = run(RUN("ipv4: {address: 10.0.1.1/16}", "ipv4: {address: 10.0.2.1/16}"), &c4);
    const struct load_stats six =
        run(RUN("ipv6: {address: 2001:db8::1:1/64}", "ipv6: {address: 2001:db8::2:1/64}"), &c6);

    assert_int_equal(four.transactions.completed, 200);
    assert_int_equal(six.transactions.completed, 200);
    assert_int_equal(six.transactions.started, four.transactions.started);
    assert_int_equal(six.connections.established, four.connections.established);
    assert_int_equal(six.connections.live, 0);
    assert_true(c6.ipv6_sent > 0 && c6.ipv4_sent == 0 && c6.arp_requests_sent == 0);
    assert_true(c4.ipv4_sent > 0 && c4.ipv6_sent == 0);
}

/* Each family of the same servers by its own load. */
static void a_server_answers_on_both_families_at_once(void **state)
{
    (void)state;
    struct stack_counters c;
    const struct load_stats l = run(
        RUN("ipv4: {address: 10.0.1.1/16}, ipv6: {address: 2001:db8::1:1/64}",
            "ipv4: {address: 10.0.2.1/16}, ipv6: {address: 2001:db8::2:1/64}") "  - name: six\n"
                                                                               "    client: c\n"
                                                                               "    server: {device: s, family: ipv6}\n"
                                                                               "    http: {urls: [{path: /a}]}\n"
                                                                               "    schedule: [{hold: 500ms, "
                                                                               "transactions_per_second: 400}]\n",
        &c);
    assert_int_equal(l.transactions.completed, 200);
    assert_true(c.ipv6_sent > 200 && c.ipv4_sent > 200);
}

/* Each host opens one connection by each family. */
static void ten_thousand_hosts_of_both_families_are_clients(void **state)
{
    (void)state;
    static const char yaml[] =
        "ports: [{name: a, location: \"mem:w\"}, {name: b, location: \"mem:w\"}]\n"
        "devices:\n"
        "  - {name: c, port: a, ipv4: {address: 10.0.0.1/8}, ipv6: {address: 2001:db8::1:0:1/64}, count: 10000}\n"
        "  - {name: s, port: b, ipv4: {address: 10.1.0.1/8}, ipv6: {address: 2001:db8::2:0:1/64}}\n"
        "loads:\n"
        "  - name: six\n"
        "    client: c\n"
        "    server: {device: s, family: ipv6, http: {routes: [{path: /a, size: 100B}]}}\n"
        "    http: {urls: [{path: /a}]}\n"
        "    schedule: [{hold: 1s, connections_per_second: 10000}]\n"
        "  - name: four\n"
        "    client: c\n"
        "    server: {device: s, family: ipv4}\n"
        "    http: {urls: [{path: /a}]}\n"
        "    schedule: [{hold: 1s, connections_per_second: 10000}]\n";
    struct rig r;
    rig_open(&r, yaml, RIG_SIDES);
    rig_run_plan(&r);
    struct traffic_stats *stats = rig_stats(&r);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(stats->loads[i].connections.established, 10000);
        assert_int_equal(stats->loads[i].transactions.completed, 10000);
    }
    struct plan_memory m;
    plan_memory_estimate(r.plan, 0, &m);
    print_message("20,000 addresses on one link: %llu bytes of the stack estimated for each\n",
                  (unsigned long long)(m.stack_bytes / 20000));
    traffic_stats_delete(stats);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_hosts_of_both_families_are_clients),
        cmocka_unit_test(addresses_are_laid_out_by_family_and_range),
        cmocka_unit_test(a_device_may_have_several_gateways),
        cmocka_unit_test(macs_follow_the_first_address),
        cmocka_unit_test(a_load_uses_the_family_that_all_have),
        cmocka_unit_test(every_fault_is_named_with_its_place),
        cmocka_unit_test(http_over_ipv6_counts_as_over_ipv4),
        cmocka_unit_test(a_server_answers_on_both_families_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
