/* SPDX-License-Identifier: MIT */
/*
 * Loads whose hosts get their addresses by DHCP, in virtual time: a port's hosts with their readiness on one end of a
 * memory link; our servers of both families, and the load's, on a host at the other.
 */
#include "support/cmocka_all.h"

#include "base/alloc_heap.h"
#include "dhcp/servers.h"
#include "engine/readiness.h"
#include "link/memory.h"
#include "stack/control.h"
#include "support/traffic_rig.h"

#define SERVER 0x0a000001u
#define FIRST 0x0a001000u
#define CLIENTS 0u /* ends of the link, and ports of the plan */
#define WEB 1u

struct net {
    struct config_tree *tree;
    struct plan *plan;
    struct link *ends[2];
    struct guard guards[2];
    struct stack *stacks[2];
    struct traffic *traffics[2];
    struct readiness *readiness;
    struct dhcp4_serving *serving4;
    struct dhcp6_serving *serving6;
    struct dhcp4_pool_settings pool;
    struct dhcp6_link_settings link6;
    enum readiness_state state;
    bool releasing;
    int64_t now;
};

#define HOSTS(count, keys)                                                                                             \
    "ports: [{name: p, location: 'packet:x'}, {name: q, location: 'packet:y'}]\n"                                      \
    "devices:\n"                                                                                                       \
    "  - {name: web, port: q, ipv4: {address: 10.0.0.1/16}, ipv6: {address: '2001:db8:1::1/64', "                      \
    "more: ['fe80::1/64']}}\n"                                                                                         \
    "  - {name: clients, port: p, count: " count ", mac: '02:00:00:01:00:00', " keys "}\n"
#define LOAD_AT(port, name, family, n)                                                                                 \
    "  - {name: " name ", client: clients, server: {device: web, port: " port ", family: " family                      \
    ", http: {routes: [{path: /, "                                                                                     \
    "size: 10}]}}, http: {urls: [{path: /}]}, requests_per_connection: 1, max_transactions: " n ",\n"                  \
    "     schedule: [{hold: 10s, transactions_per_second: 500}]}\n"

#define LOAD(name, family, n) LOAD_AT("80", name, family, n)

static void open_side(struct net *n, unsigned i)
{
    struct stack_settings t;
    plan_stack_settings(n->plan, i, &t);
    assert_int_equal(guard_init(&n->guards[i], &n->plan->ports[i].guard, NULL, n->now), 0);
    if (i == WEB)
        n->guards[i].rules.allow_multicast = true; /* its servers answer by broadcast */
    assert_int_equal(stack_new(&t, alloc_heap(), n->now, &n->stacks[i]), 0);
    assert_int_equal(stack_add_interface(n->stacks[i], n->ends[i], &n->guards[i]), 0);
    assert_int_equal(traffic_setup_hosts(n->plan, i, 0, n->stacks[i]), 0);
    assert_int_equal(traffic_new(n->plan, i, n->stacks[i], alloc_heap(), n->now, &n->traffics[i]), 0);
}

static struct net *net_new(const char *yaml)
{
    struct net *n = test_calloc(1, sizeof *n);
    struct memory_settings m;
    n->now = NS_PER_S;
    n->plan = rig_compile(yaml, &n->tree);
    memory_settings_default(&m);
    assert_int_equal(memory_link_new(&m, alloc_heap(), "wire", n->ends), 0);
    for (unsigned i = 0; i < 2; i++)
        open_side(n, i);
    assert_int_equal(readiness_new(n->plan, CLIENTS, 0, n->stacks[CLIENTS], n->traffics[CLIENTS], alloc_heap(), n->now,
                                   &n->readiness),
                     0);
    readiness_start(n->readiness, n->now);
    return n;
}

static void net_free(struct net *n)
{
    readiness_delete(n->readiness);
    dhcp4_serving_delete(n->serving4);
    dhcp6_serving_delete(n->serving6);
    for (unsigned i = 0; i < 2; i++) {
        traffic_delete(n->traffics[i]);
        stack_delete(n->stacks[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        link_close(n->ends[i]);
    plan_free(n->plan);
    config_tree_free(n->tree);
    test_free(n);
}

static void serve4(struct net *n, uint32_t addresses, uint32_t lease_s)
{
    struct dhcp4_server_settings s;
    n->pool = (struct dhcp4_pool_settings){.network = SERVER & ~0xffffu,
                                           .prefix_length = 16,
                                           .first = FIRST,
                                           .last = FIRST + addresses - 1,
                                           .lease_s = lease_s,
                                           .least_lease_s = 1,
                                           .most_lease_s = 86400};
    dhcp4_server_settings_default(&s);
    s.address = SERVER;
    s.pools = &n->pool;
    s.n_pools = 1;
    const struct dhcp_server_place place = {.stack = n->stacks[WEB], .local = 1};
    assert_int_equal(dhcp4_serving_new(&place, &s, alloc_heap(), n->now, &n->serving4), 0);
}

static void serve6(struct net *n, uint32_t addresses)
{
    static const uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0xff, 1};
    struct dhcp6_server_settings s;
    const char *on_link = "2001:db8:1::/64", *near = "fe80::1";
    struct ip_addr local;
    assert_int_equal(ip_prefix_parse(on_link, strlen(on_link), &n->link6.on_link), 0);
    assert_int_equal(ip_addr_parse(near, strlen(near), &local), 0);
    n->link6.base = ip_addr_add(&n->link6.on_link.addr, 0x1000);
    n->link6.addresses = addresses;
    n->link6.preferred_s = 600;
    n->link6.valid_s = 1000;
    dhcp6_server_settings_default(&s);
    s.duid = duid;
    s.duid_len = sizeof duid;
    s.links = &n->link6;
    s.n_links = 1;
    const struct dhcp_server_place place = {.stack = n->stacks[WEB], .local = stack_find_local(n->stacks[WEB], &local)};
    assert_int_not_equal(place.local, 0);
    assert_int_equal(dhcp6_serving_new(&place, &s, alloc_heap(), n->now, &n->serving6), 0);
}

static void turn(struct net *n)
{
    for (unsigned i = 0; i < 2; i++) {
        stack_receive(n->stacks[i], n->now);
        if (i == CLIENTS && n->releasing)
            n->releasing = readiness_release(n->readiness, n->now);
        else if (i == CLIENTS)
            n->state = readiness_turn(n->readiness, n->now);
        (void)traffic_run(n->traffics[i], n->now, 64);
        stack_transmit(n->stacks[i], n->now);
    }
    if (n->serving4)
        dhcp4_serving_turn(n->serving4, n->now);
    if (n->serving6)
        dhcp6_serving_turn(n->serving6, n->now);
    assert_null(traffic_check(n->traffics[CLIENTS]));
}

static void pass(struct net *n, int64_t ns)
{
    for (int64_t end = n->now + ns; n->now < end; n->now += NS_PER_MS / 2)
        turn(n);
}

static void run_loads(struct net *n, int64_t ns)
{
    for (unsigned i = 0; i < 2; i++)
        traffic_start(n->traffics[i], n->now);
    pass(n, ns);
}

/* As a worker at the end. */
static void give_back(struct net *n, int64_t ns)
{
    for (unsigned i = 0; i < 2; i++)
        traffic_stop(n->traffics[i], n->now);
    n->releasing = true;
    pass(n, ns);
    assert_false(n->releasing);
}

static struct lease_stats leases_of(const struct net *n, uint32_t number)
{
    struct traffic_stats *s;
    assert_int_equal(traffic_stats_new(n->plan, alloc_heap(), &s), 0);
    readiness_read_stats(n->readiness, s);
    struct lease_stats found = s->leases[number];
    traffic_stats_delete(s);
    return found;
}

static void explains(const struct net *n, const char *text)
{
    char message[256];
    readiness_explain(n->readiness, message);
    assert_string_equal(message, text);
}

/* ---- addresses come, are used and go back ---- */

static void a_load_goes_out_from_every_leased_host(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("200", "dhcp: ipv4, lease: {rate: 1000}") "loads:\n" LOAD("l", "ipv4", "400"));
    serve4(n, 300, 3600);
    pass(n, 100 * NS_PER_MS);
    assert_int_equal(n->state, READINESS_WAITS); /* not all have begun */
    pass(n, 400 * NS_PER_MS);
    assert_int_equal(n->state, READINESS_READY);
    run_loads(n, 2 * NS_PER_S);
    const struct load_stats *s = traffic_load_stats(n->traffics[CLIENTS], 0);
    assert_int_equal(s->transactions.completed, 400);
    assert_int_equal(s->connections.established, 400);
    const struct stack_counters *web = stack_counters(n->stacks[WEB]);
    assert_in_range(web->neighbours_resolved + web->arp_received, 200, 4000); /* they are 200 stations */
    give_back(n, NS_PER_S);
    const struct lease_stats l = leases_of(n, 0);
    assert_int_equal(l.gained, 200);
    assert_int_equal(l.released, 200);
    assert_int_equal(l.held, 0);
    assert_int_equal(l.lost, 0);
    assert_int_equal(l.took.count, 200);
    assert_true(l.took.max < (uint64_t)(NS_PER_S / 10));
    assert_int_equal(dhcp4_server_counters(dhcp4_serving_server(n->serving4))->releases, 200);
    net_free(n);
}

static void loads_of_both_families_have_their_own_leases(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS(
        "20", "dhcp: both, lease: {gateway6: 'fe80::1', prefix_length6: 128}") "  - {name: others, port: p, count: 5, "
                                                                               "mac: '02:00:00:02:00:00', dhcp: ipv6}\n"
                                                                               "loads:\n" LOAD("four", "ipv4", "40")
                                                                                   LOAD_AT("81", "six", "ipv6", "60"));
    serve4(n, 30, 3600);
    serve6(n, 100);
    pass(n, 2 * NS_PER_S);
    assert_int_equal(n->state, READINESS_READY);
    run_loads(n, 2 * NS_PER_S);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(traffic_load_stats(n->traffics[CLIENTS], i)->transactions.completed, i ? 60 : 40);
    give_back(n, 3 * NS_PER_S);
    assert_int_equal(n->plan->n_leases, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct lease_stats l = leases_of(n, i);
        assert_int_equal(l.gained, i < 2 ? 20 : 5);
        assert_int_equal(l.released, l.gained);
    }
    assert_int_equal(dhcp6_server_counters(dhcp6_serving_server(n->serving6))->released, 25);
    net_free(n);
}

static void leases_are_renewed_while_the_load_goes_on(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("3", "dhcp: ipv4") "loads:\n" LOAD("l", "ipv4", "6000"));
    serve4(n, 10, 4);
    pass(n, NS_PER_S);
    assert_int_equal(n->state, READINESS_READY);
    run_loads(n, 9 * NS_PER_S);
    const struct lease_stats l = leases_of(n, 0);
    assert_in_range(l.renewed, 9, 24);
    assert_int_equal(l.renew.count, l.renewed);
    assert_int_equal(l.lost, 0);
    assert_int_equal(l.held, 3);
    assert_int_equal(cause_counts_total(&traffic_load_stats(n->traffics[CLIENTS], 0)->transactions.failed), 0);
    net_free(n);
}

static void without_its_lease_a_host_begins_nothing(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("1", "dhcp: ipv4") "loads:\n" LOAD("l", "ipv4", "6000"));
    serve4(n, 10, 3);
    pass(n, NS_PER_S);
    assert_int_equal(n->state, READINESS_READY);
    dhcp4_serving_delete(n->serving4);
    n->serving4 = NULL;
    run_loads(n, 4 * NS_PER_S);
    const struct load_stats *s = traffic_load_stats(n->traffics[CLIENTS], 0);
    const struct lease_stats l = leases_of(n, 0);
    assert_int_equal(l.lost, 1);
    assert_int_equal(l.held, 0);
    assert_true(s->transactions.completed > 500);
    assert_true(s->connections.failed[CONNECT_FAILED_NO_LEASE] > 500);
    assert_int_equal(cause_counts_of(&s->transactions.failed, "no_lease"),
                     s->connections.failed[CONNECT_FAILED_NO_LEASE]);
    serve4(n, 10, 60);
    uint64_t before = s->transactions.completed;
    pass(n, 5 * NS_PER_S); /* the load has ended its schedule, or goes on from the new lease */
    assert_int_equal(leases_of(n, 0).held, 1);
    assert_true(s->transactions.completed >= before);
    net_free(n);
}

static void kept_leases_are_not_given_back(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("5", "dhcp: ipv4, lease: {release: false}") "loads:\n" LOAD("l", "ipv4", "10"));
    serve4(n, 10, 3600);
    pass(n, NS_PER_S);
    run_loads(n, NS_PER_S);
    give_back(n, NS_PER_S);
    assert_int_equal(leases_of(n, 0).released, 0);
    assert_int_equal(leases_of(n, 0).held, 5);
    assert_int_equal(dhcp4_server_counters(dhcp4_serving_server(n->serving4))->releases, 0);
    net_free(n);
}

/* ---- what goes wrong is said ---- */

static void without_a_server_the_device_is_named(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("4", "dhcp: ipv4, lease: {timeout: 2s, rate: 4}") "loads:\n" LOAD("l", "ipv4", "10"));
    pass(n, 2900 * NS_PER_MS); /* the last host begins within a second, and has two */
    assert_int_equal(n->state, READINESS_WAITS);
    pass(n, 200 * NS_PER_MS);
    assert_int_equal(n->state, READINESS_FAILED);
    explains(n, "device \"clients\": 0 of 4 hosts got an IPv4 address by DHCP on packet:x within 2.000 s "
                "(lease.timeout): no server answered");
    net_free(n);
}

static void a_server_with_too_few_addresses_is_told_from_none(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("5", "dhcp: ipv4, lease: {timeout: 3s}") "loads:\n" LOAD("l", "ipv4", "10"));
    serve4(n, 3, 3600);
    pass(n, 4 * NS_PER_S);
    assert_int_equal(n->state, READINESS_FAILED);
    explains(n, "device \"clients\": 3 of 5 hosts got an IPv4 address by DHCP on packet:x within 3.000 s "
                "(lease.timeout): 0 in use by others, 0 not taken");
    net_free(n);
}

static void an_address_that_another_station_has_is_found_before_the_load(void **state)
{
    (void)state;
    struct net *n = net_new(HOSTS("1", "ipv4: {address: 10.0.0.9/16, probe: true}") "loads:\n" LOAD("l", "ipv4", "10"));
    pass(n, 2 * NS_PER_S);
    assert_int_equal(n->state, READINESS_WAITS);
    pass(n, 6 * NS_PER_S);
    assert_int_equal(n->state, READINESS_READY);
    run_loads(n, NS_PER_S);
    assert_int_equal(traffic_load_stats(n->traffics[CLIENTS], 0)->transactions.completed, 10);
    net_free(n);

    n = net_new(HOSTS("3", "ipv4: {address: 10.0.0.9/16, probe: true}") "loads:\n" LOAD("l", "ipv4", "10"));
    struct host_settings h = {
        .address = ip_addr_from_v4(0x0a00000b), .prefix_length = 16, .mac = {2, 0, 0, 0, 0xee, 1}};
    assert_true(stack_add_host(n->stacks[WEB], &h) > 0);
    pass(n, 8 * NS_PER_S);
    assert_int_equal(n->state, READINESS_FAILED);
    explains(n, "device \"clients\": found 10.0.0.11, which another station on packet:x has");
    net_free(n);
}

static void a_leased_address_that_somebody_has_is_declined(void **state)
{
    (void)state;
    struct net *n =
        net_new(HOSTS("2", "dhcp: ipv4, lease: {probe: true, timeout: 60s}") "loads:\n" LOAD("l", "ipv4", "10"));
    struct host_settings h = {.address = ip_addr_from_v4(FIRST), .prefix_length = 16, .mac = {2, 0, 0, 0, 0xee, 1}};
    assert_true(stack_add_host(n->stacks[WEB], &h) > 0);
    serve4(n, 10, 3600);
    pass(n, 40 * NS_PER_S);
    assert_int_equal(n->state, READINESS_READY);
    assert_int_equal(leases_of(n, 0).conflicts, 1);
    assert_int_equal(leases_of(n, 0).held, 2);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_goes_out_from_every_leased_host),
        cmocka_unit_test(loads_of_both_families_have_their_own_leases),
        cmocka_unit_test(leases_are_renewed_while_the_load_goes_on),
        cmocka_unit_test(without_its_lease_a_host_begins_nothing),
        cmocka_unit_test(kept_leases_are_not_given_back),
        cmocka_unit_test(without_a_server_the_device_is_named),
        cmocka_unit_test(a_server_with_too_few_addresses_is_told_from_none),
        cmocka_unit_test(an_address_that_another_station_has_is_found_before_the_load),
        cmocka_unit_test(a_leased_address_that_somebody_has_is_declined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
