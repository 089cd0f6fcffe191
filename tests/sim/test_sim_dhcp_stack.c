/* SPDX-License-Identifier: MIT */
/*
 * DHCP clients and servers on two stacks that a memory link connects, in virtual time: leases become hosts, are renewed
 * by UDP from their addresses, end, are given back, and are declined when somebody on the link has the address.
 */
#include "support/cmocka_all.h"

#include "base/alloc_heap.h"
#include "dhcp/clients.h"
#include "dhcp/servers.h"
#include "link/memory.h"
#include "stack/control.h"

#define SERVER 0x0a000001u
#define FIRST 0x0a000064u
#define KINDS (DHCP_EVENT_REFUSED + 1)

static const uint8_t server_mac[6] = {2, 0, 0, 0, 0xff, 1};
static const uint8_t first_mac[6] = {2, 0, 0, 1, 0, 0};
static const uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0xff, 1};

struct net {
    struct link *ends[2];
    struct guard guards[2];
    struct stack *stacks[2]; /* of the server, of the clients */
    struct dhcp_clients *clients;
    struct dhcp4_serving *serving4;
    struct dhcp6_serving *serving6;
    struct dhcp4_pool_settings pool;
    struct dhcp6_link_settings link6;
    uint32_t server_host, server_near;
    unsigned events[KINDS];
    int64_t now;
};

static void told(void *context, const struct dhcp_event *e)
{
    struct net *n = context;
    n->events[e->kind]++;
    assert_true(e->latency_ns >= 0);
}

static uint32_t add_host(struct stack *s, const uint8_t *mac, struct ip_addr address, uint8_t length)
{
    struct host_settings h = {.address = address, .prefix_length = length};
    memcpy(h.mac, mac, sizeof h.mac);
    int local = stack_add_host(s, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static struct net *net_new(void)
{
    struct net *n = test_calloc(1, sizeof *n);
    struct memory_settings m;
    struct guard_rules rules;
    struct stack_settings t;
    n->now = NS_PER_S;
    memory_settings_default(&m);
    assert_int_equal(memory_link_new(&m, alloc_heap(), "wire", n->ends), 0);
    guard_rules_default(&rules);
    rules.allow_multicast = true;
    stack_settings_default(&t);
    t.tcp.max_connections = 16;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(guard_init(&n->guards[i], &rules, NULL, n->now), 0);
        assert_int_equal(stack_new(&t, alloc_heap(), n->now, &n->stacks[i]), 0);
        assert_int_equal(stack_add_interface(n->stacks[i], n->ends[i], &n->guards[i]), 0);
    }
    n->server_host = add_host(n->stacks[0], server_mac, ip_addr_from_v4(SERVER), 24);
    n->server_near = add_host(n->stacks[0], server_mac, ip_addr_link_local(server_mac), 64);
    return n;
}

static void net_free(struct net *n)
{
    dhcp_clients_delete(n->clients);
    dhcp4_serving_delete(n->serving4);
    dhcp6_serving_delete(n->serving6);
    for (unsigned i = 0; i < 2; i++)
        stack_delete(n->stacks[i]);
    for (unsigned i = 0; i < 2; i++)
        link_close(n->ends[i]);
    test_free(n);
}

static void serve4(struct net *n, uint32_t addresses, uint32_t lease_s)
{
    struct dhcp4_server_settings s;
    static const uint8_t mtu[2] = {1400 >> 8, 1400 & 0xff};
    static const struct dhcp4_server_option options[] = {{.code = DHCP4_CODE_MTU, .length = 2, .bytes = mtu}};
    n->pool = (struct dhcp4_pool_settings){.network = SERVER & ~255u,
                                           .prefix_length = 24,
                                           .first = FIRST,
                                           .last = FIRST + addresses - 1,
                                           .router = SERVER,
                                           .dns = {SERVER},
                                           .lease_s = lease_s,
                                           .least_lease_s = 1,
                                           .most_lease_s = 86400,
                                           .options = options,
                                           .n_options = 1};
    dhcp4_server_settings_default(&s);
    s.address = SERVER;
    s.pools = &n->pool;
    s.n_pools = 1;
    const struct dhcp_server_place place = {.stack = n->stacks[0], .local = n->server_host};
    assert_int_equal(dhcp4_serving_new(&place, &s, alloc_heap(), n->now, &n->serving4), 0);
}

static void serve6(struct net *n, uint32_t addresses, uint32_t prefixes)
{
    struct dhcp6_server_settings s;
    const char *on_link = "2001:db8:1::/64", *delegated = "2001:db8:100::/40";
    struct ip_prefix p;
    assert_int_equal(ip_prefix_parse(on_link, strlen(on_link), &n->link6.on_link), 0);
    assert_int_equal(ip_prefix_parse(delegated, strlen(delegated), &p), 0);
    n->link6.base = ip_addr_add(&n->link6.on_link.addr, 0x100);
    n->link6.addresses = addresses;
    n->link6.prefix_base = p.addr;
    n->link6.prefix_length = 56;
    n->link6.prefixes = prefixes;
    n->link6.preferred_s = 60;
    n->link6.valid_s = 100;
    dhcp6_server_settings_default(&s);
    s.duid = duid;
    s.duid_len = sizeof duid;
    s.links = &n->link6;
    s.n_links = 1;
    const struct dhcp_server_place place = {.stack = n->stacks[0], .local = n->server_near};
    assert_int_equal(dhcp6_serving_new(&place, &s, alloc_heap(), n->now, &n->serving6), 0);
}

static struct dhcp_clients_settings settings_for(struct net *n, bool v6, uint32_t count)
{
    struct dhcp_clients_settings s;
    dhcp_clients_settings_default(&s, v6);
    s.count = count;
    memcpy(s.mac, first_mac, sizeof s.mac);
    s.told = told;
    s.context = n;
    return s;
}

static void begin(struct net *n, const struct dhcp_clients_settings *s)
{
    assert_int_equal(dhcp_clients_new(s, n->stacks[1], alloc_heap(), n->now, &n->clients), 0);
    dhcp_clients_start(n->clients, n->now);
}

static void turn(struct net *n)
{
    dhcp_clients_turn(n->clients, n->now);
    if (n->serving4)
        dhcp4_serving_turn(n->serving4, n->now);
    if (n->serving6)
        dhcp6_serving_turn(n->serving6, n->now);
    for (unsigned i = 0; i < 2; i++) {
        stack_receive(n->stacks[i], n->now);
        stack_transmit(n->stacks[i], n->now);
    }
}

static void pass(struct net *n, int64_t ns)
{
    for (int64_t end = n->now + ns; n->now < end; n->now += 5 * NS_PER_MS)
        turn(n);
}

static struct dhcp_view view_of(const struct net *n, uint32_t client)
{
    struct dhcp_view v;
    dhcp_clients_view(n->clients, client, &v);
    return v;
}

/* ---- IPv4 ---- */

static void a_hundred_clients_become_hosts_of_the_stack(void **state)
{
    (void)state;
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, false, 100);
    s.interval_ns = 10 * NS_PER_MS;
    serve4(n, 150, 3600);
    begin(n, &s);
    pass(n, 15 * NS_PER_S);
    assert_int_equal(dhcp_clients_bound(n->clients), 100);
    assert_int_equal(dhcp_clients_busy(n->clients), 0);
    assert_int_equal(n->events[DHCP_EVENT_OFFER], 100);
    assert_int_equal(n->events[DHCP_EVENT_ACK], 100);
    assert_int_equal(n->events[DHCP_EVENT_BOUND], 100);
    for (uint32_t i = 0; i < 100; i++) {
        struct dhcp_view v = view_of(n, i);
        struct host_settings h;
        assert_true(v.local != 0 && stack_view_host(n->stacks[1], v.local, &h));
        assert_true(ip_addr_equal(&h.address, &v.address));
        assert_memory_equal(h.mac, v.mac, 6);
        assert_int_equal(h.prefix_length, 24);
        assert_int_equal(ip_addr_to_v4(&h.gateway), SERVER);
        assert_int_equal(ip_addr_to_v4(&v.dns[0]), SERVER);
        const struct lease_binding *b = dhcp4_server_find(dhcp4_serving_server(n->serving4), ip_addr_to_v4(&v.address));
        assert_true(b && b->state == LEASE_BOUND);
    }
    struct stack_interface itf;
    assert_true(stack_view_interface(n->stacks[1], 0, &itf));
    assert_int_equal(itf.mtu, 1400);
    assert_int_equal(dhcp_clients_counters(n->clients)->unsent, 0);
    net_free(n);
}

static void leases_are_renewed_by_udp_and_given_back(void **state)
{
    (void)state;
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, false, 3);
    serve4(n, 10, 200);
    begin(n, &s);
    pass(n, 15 * NS_PER_S);
    assert_int_equal(dhcp_clients_bound(n->clients), 3);
    pass(n, 300 * NS_PER_S);
    assert_int_equal(dhcp_clients_bound(n->clients), 3);
    assert_in_range(n->events[DHCP_EVENT_RENEWED], 6, 12);
    assert_int_equal(n->events[DHCP_EVENT_LOST], 0);
    assert_true(stack_counters(n->stacks[1])->udp_sent >= 6);
    assert_int_equal(stack_counters(n->stacks[1])->icmp_errors_sent, 0);
    struct ip_addr had = view_of(n, 0).address;
    dhcp_clients_release(n->clients, n->now);
    pass(n, NS_PER_S);
    assert_int_equal(n->events[DHCP_EVENT_LOST], 3);
    assert_int_equal(dhcp4_server_counters(dhcp4_serving_server(n->serving4))->releases, 3);
    assert_int_equal(stack_find_local(n->stacks[1], &had), 0);
    assert_int_equal(dhcp_clients_busy(n->clients), 0);
    net_free(n);
}

static void an_address_that_somebody_has_is_declined_and_another_one_taken(void **state)
{
    (void)state;
    struct net *n = net_new();
    static const uint8_t mac[6] = {2, 0, 0, 0, 0xff, 9};
    struct dhcp_clients_settings s = settings_for(n, false, 1);
    add_host(n->stacks[0], mac, ip_addr_from_v4(FIRST), 24);
    serve4(n, 10, 3600);
    begin(n, &s);
    pass(n, 40 * NS_PER_S);
    assert_int_equal(n->events[DHCP_EVENT_CONFLICT], 1);
    assert_int_equal(dhcp_clients_counters4(n->clients)->declines, 1);
    assert_int_equal(dhcp4_server_counters(dhcp4_serving_server(n->serving4))->declines, 1);
    struct dhcp_view v = view_of(n, 0);
    assert_true(v.bound && ip_addr_to_v4(&v.address) != FIRST);
    net_free(n);
}

static void without_its_server_a_lease_ends_and_its_host_goes(void **state)
{
    (void)state;
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, false, 1);
    serve4(n, 10, 60);
    begin(n, &s);
    pass(n, 15 * NS_PER_S);
    struct dhcp_view v = view_of(n, 0);
    assert_true(v.bound && v.local != 0);
    dhcp4_serving_delete(n->serving4);
    n->serving4 = NULL;
    pass(n, 70 * NS_PER_S);
    assert_int_equal(n->events[DHCP_EVENT_LOST], 1);
    assert_int_equal(stack_find_local(n->stacks[1], &v.address), 0);
    assert_false(view_of(n, 0).bound);
    serve4(n, 10, 60);
    pass(n, 80 * NS_PER_S);
    assert_true(view_of(n, 0).bound);
    net_free(n);
}

static void a_vlan_has_its_own_server(void **state)
{
    (void)state;
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, false, 1);
    s.vlan = 7;
    serve4(n, 10, 60);
    begin(n, &s);
    pass(n, 10 * NS_PER_S);
    assert_false(view_of(n, 0).bound);
    assert_int_equal(dhcp4_serving_counters(n->serving4)->received, 0);
    net_free(n);
}

static void settings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, false, 0);
    assert_int_equal(dhcp_clients_new(&s, n->stacks[1], alloc_heap(), n->now, &n->clients), ERR_INVALID);
    s.count = 1;
    s.mac[0] = 1;
    assert_int_equal(dhcp_clients_new(&s, n->stacks[1], alloc_heap(), n->now, &n->clients), ERR_INVALID);
    s = settings_for(n, false, 2);
    s.mac[3] = s.mac[4] = s.mac[5] = 0xff;
    assert_int_equal(dhcp_clients_new(&s, n->stacks[1], alloc_heap(), n->now, &n->clients), ERR_INVALID);
    net_free(n);
}

/* ---- IPv6 ---- */

static void name_servers_and_the_search_list_are_told(void **state)
{
    (void)state;
    static const uint8_t names[] = "\7example\3net\0\4weir\4test"; /* the last one ends in the text's own 0 */
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, true, 2);
    s.prefix_length6 = 64;
    for (unsigned i = 0; i < 2; i++)
        n->link6.dns[i] = (struct ip_addr){{0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(0x53 + i)}};
    n->link6.domains = names;
    n->link6.domains_len = sizeof names;
    serve6(n, 50, 50);
    begin(n, &s);
    assert_string_equal(dhcp_clients_search(n->clients), "");
    pass(n, 10 * NS_PER_S);
    for (uint32_t i = 0; i < 2; i++) {
        struct dhcp_view v = view_of(n, i);
        assert_int_equal(v.prefix_length, 64);
        assert_true(ip_addr_equal(&v.dns[0], &n->link6.dns[0]) && ip_addr_equal(&v.dns[1], &n->link6.dns[1]));
        assert_true(ip_addr_is_unspecified(&v.dns[2]));
    }
    assert_string_equal(dhcp_clients_search(n->clients), "example.net weir.test");
    net_free(n);
}

static void an_address_and_a_prefix_are_leased_renewed_and_given_back(void **state)
{
    (void)state;
    struct net *n = net_new();
    struct dhcp_clients_settings s = settings_for(n, true, 20);
    s.v6_settings.want_prefix = true;
    serve6(n, 50, 50);
    begin(n, &s);
    pass(n, 10 * NS_PER_S);
    assert_int_equal(dhcp_clients_bound(n->clients), 20);
    assert_int_equal(n->events[DHCP_EVENT_BOUND], 20);
    for (uint32_t i = 0; i < 20; i++) {
        struct dhcp_view v = view_of(n, i);
        assert_true(v.local != 0 && ip_prefix_contains(&n->link6.on_link, &v.address));
        assert_int_equal(v.delegated.length, 56);
    }
    pass(n, 200 * NS_PER_S);
    assert_int_equal(dhcp_clients_bound(n->clients), 20);
    assert_in_range(n->events[DHCP_EVENT_RENEWED], 60, 140);
    dhcp_clients_release(n->clients, n->now);
    pass(n, 3 * NS_PER_S);
    assert_int_equal(dhcp_clients_busy(n->clients), 0);
    assert_true(dhcp6_server_counters(dhcp6_serving_server(n->serving6))->released >= 20);
    assert_int_equal(n->events[DHCP_EVENT_LOST], 20);
    net_free(n);
}

static void an_ipv6_address_that_somebody_has_is_declined(void **state)
{
    (void)state;
    struct net *n = net_new();
    static const uint8_t mac[6] = {2, 0, 0, 0, 0xff, 9};
    struct dhcp_clients_settings s = settings_for(n, true, 1);
    serve6(n, 10, 0);
    for (unsigned i = 0; i < 5; i++)
        add_host(n->stacks[0], mac, ip_addr_add(&n->link6.base, i), 64);
    begin(n, &s);
    pass(n, 120 * NS_PER_S);
    struct dhcp_view v = view_of(n, 0);
    assert_true(v.bound);
    assert_int_equal(n->events[DHCP_EVENT_CONFLICT], dhcp_clients_counters6(n->clients)->conflicts);
    for (unsigned i = 0; i < 5; i++) {
        struct ip_addr taken = ip_addr_add(&n->link6.base, i);
        assert_false(ip_addr_equal(&taken, &v.address));
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_clients_become_hosts_of_the_stack),
        cmocka_unit_test(leases_are_renewed_by_udp_and_given_back),
        cmocka_unit_test(an_address_that_somebody_has_is_declined_and_another_one_taken),
        cmocka_unit_test(without_its_server_a_lease_ends_and_its_host_goes),
        cmocka_unit_test(a_vlan_has_its_own_server),
        cmocka_unit_test(settings_that_cannot_be_are_refused),
        cmocka_unit_test(name_servers_and_the_search_list_are_told),
        cmocka_unit_test(an_address_and_a_prefix_are_leased_renewed_and_given_back),
        cmocka_unit_test(an_ipv6_address_that_somebody_has_is_declined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
