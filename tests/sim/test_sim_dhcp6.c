/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6 clients and a server on a network of virtual time that loses, repeats and reorders datagrams: ten thousand
 * clients get addresses and prefixes of their own, keep them for days, go on after the server was away, and give way
 * where somebody else has the address. Laws that are checked whenever something is configured: nobody else has it, and
 * the server's lease does not end before the client's. A failure replays from its seed.
 */
#include "lossy_net.h"

#include <stdlib.h>

#include "base/alloc_heap.h"
#include "service/dhcp6_client.h"
#include "service/dhcp6_server.h"
#include "support/cmocka_all.h"

#define FIRST 0x1000u /* of the addresses' last bytes */
#define HOUR (3600 * NS_PER_S)

struct net {
    uint64_t seed;
    struct lossy_net wire;
    struct dhcp6_client_settings client_settings;
    struct dhcp6_client_counters counters;
    struct dhcp6_server_settings server_settings;
    struct dhcp6_link_settings link;
    struct dhcp6_server *server;
    struct dhcp6_client *clients;
    uint32_t n;
    uint32_t *holder[2]; /* by address or prefix: client + 1 */
    uint32_t addresses;
    uint32_t configured;
    int64_t late_ns;
    bool server_away;
    uint32_t in_use_by_others; /* addresses from FIRST on that a probe finds in use */
};

/* ---- hosts ---- */

static uint32_t number_of(const struct net *n, const struct dhcp6_client *c) { return (uint32_t)(c - n->clients); }

static void client_sends(void *context, struct dhcp6_client *c, const uint8_t *bytes, size_t length)
{
    struct net *n = context;
    lossy_net_send(&n->wire, -1, number_of(n, c), bytes, length);
}

/* Clients' addresses end in their numbers. */
static struct ip_addr address_of(uint32_t client)
{
    struct ip_addr a = {{0xfe, 0x80}};
    store_be32(a.bytes + 12, client);
    return a;
}

static void server_sends(void *context, struct dhcp6_server *s, const struct ip_addr *to, uint16_t port,
                         const uint8_t *bytes, size_t length)
{
    struct net *n = context;
    (void)s;
    uint32_t client = load_be32(to->bytes + 12);
    assert_true(client < n->n && port == DHCP6_CLIENT_PORT);
    lossy_net_send(&n->wire, (int32_t)client, client, bytes, length);
}

static uint32_t *holder_of(struct net *n, enum dhcp6_client_what what, const struct dhcp6_held *h)
{
    uint32_t at = what == DHCP6_CLIENT_ADDRESS ? load_be32(h->addr.bytes + 12) - FIRST : load_be32(h->addr.bytes + 4);
    assert_true(at < n->addresses);
    assert_int_equal(h->prefix_length, what == DHCP6_CLIENT_ADDRESS ? 128 : 64);
    return &n->holder[what][at];
}

static void configure(void *context, struct dhcp6_client *c, enum dhcp6_client_what what, const struct dhcp6_held *h)
{
    struct net *n = context;
    uint32_t *holder = holder_of(n, what, h);
    if (*holder != 0 && *holder != number_of(n, c) + 1)
        fail_msg("seed %llu: two clients have one address", (unsigned long long)n->seed);
    n->configured += *holder == 0;
    *holder = number_of(n, c) + 1;
    const struct lease_binding *b = dhcp6_server_find(n->server, &h->addr, what == DHCP6_CLIENT_PREFIX);
    /* The client's lease begins with the answer (RFC 8415 18.2.10.1), the server's a delay earlier. */
    assert_true(n->server_away || (b && b->state == LEASE_BOUND && b->expires_ns + 2 * n->late_ns >= h->ends_ns));
}

static void unconfigure(void *context, struct dhcp6_client *c, enum dhcp6_client_what what, const struct dhcp6_held *h)
{
    struct net *n = context;
    uint32_t *holder = holder_of(n, what, h);
    assert_int_equal(*holder, number_of(n, c) + 1);
    *holder = 0;
    n->configured--;
}

/* Answered at once by the loop: callbacks do not call back. */
static void probe(void *context, struct dhcp6_client *c, const struct ip_addr *a) { (void)context, (void)c, (void)a; }

static struct net *net_new(uint32_t clients, uint32_t addresses, uint64_t seed)
{
    struct net *n = calloc(1, sizeof *n);
    n->seed = seed;
    lossy_net_init(&n->wire, seed);
    n->n = clients;
    n->addresses = addresses;
    n->clients = calloc(clients, sizeof *n->clients);
    for (unsigned i = 0; i < 2; i++)
        n->holder[i] = calloc(addresses, sizeof *n->holder[i]);
    n->late_ns = n->wire.delay_ns;
    n->link = (struct dhcp6_link_settings){.on_link = {{{0x20, 1, 0x0d, 0xb8}}, 64},
                                           .base = {{0x20, 1, 0x0d, 0xb8, [14] = FIRST >> 8}},
                                           .addresses = addresses,
                                           .prefix_base = {{0x30}},
                                           .prefix_length = 64,
                                           .prefixes = addresses,
                                           .preferred_s = 2 * 3600,
                                           .valid_s = 4 * 3600};
    dhcp6_server_settings_default(&n->server_settings);
    n->server_settings.duid = (const uint8_t *)"\0\3\0\1server";
    n->server_settings.duid_len = 10;
    n->server_settings.links = &n->link;
    n->server_settings.n_links = 1;
    n->server_settings.max_offers = 65536;
    n->server_settings.key = (struct hash_key){seed, ~seed};
    n->server_settings.send = server_sends;
    n->server_settings.context = n;
    assert_int_equal(dhcp6_server_new(&n->server_settings, alloc_heap(), n->wire.now, &n->server), 0);
    dhcp6_client_settings_default(&n->client_settings);
    n->client_settings.host = (struct dhcp6_client_host){
        .send = client_sends, .probe = probe, .configure = configure, .unconfigure = unconfigure, .context = n};
    n->client_settings.counters = &n->counters;
    n->client_settings.want_prefix = true;
    for (uint32_t i = 0; i < clients; i++) {
        uint8_t mac[6] = {2, 0};
        store_be32(mac + 2, i);
        dhcp6_client_init(&n->clients[i], &n->client_settings, mac, seed);
    }
    return n;
}

static void net_free(struct net *n)
{
    dhcp6_server_delete(n->server);
    lossy_net_free(&n->wire);
    free(n->clients);
    free(n->holder[0]);
    free(n->holder[1]);
    free(n);
}

static void start_all(struct net *n)
{
    for (uint32_t i = 0; i < n->n; i++)
        dhcp6_client_start(&n->clients[i], n->wire.now);
}

/* ---- time ---- */

static void answer_probe(struct net *n, struct dhcp6_client *c)
{
    uint32_t at = load_be32(c->held[DHCP6_CLIENT_ADDRESS].addr.bytes + 12) - FIRST;
    if (c->state == DHCP6_CLIENT_CHECKING)
        dhcp6_client_probed(c, at < n->in_use_by_others, n->wire.now);
}

static void deliver(struct net *n)
{
    struct lossy_datagram d = lossy_net_take(&n->wire);
    if (d.to < 0) {
        if (!n->server_away) {
            struct ip_addr from = address_of(d.client);
            dhcp6_server_input(n->server, &from, d.bytes, d.length, n->wire.now);
        }
        return;
    }
    dhcp6_client_input(&n->clients[d.to], d.bytes, d.length, n->wire.now);
    answer_probe(n, &n->clients[d.to]);
}

/* Clients' deadlines are looked at in steps: a client is at most one step late, as in a loop that has other work. */
static void run(struct net *n, int64_t duration, int64_t step)
{
    int64_t end = n->wire.now + duration;
    for (int64_t at = n->wire.now + step; n->wire.now < end; at += step) {
        while (lossy_net_next(&n->wire) <= at)
            deliver(n);
        n->wire.now = max_i64(n->wire.now, at);
        for (uint32_t i = 0; i < n->n; i++)
            if (dhcp6_client_deadline(&n->clients[i]) <= n->wire.now)
                dhcp6_client_tick(&n->clients[i], n->wire.now);
        if (!n->server_away)
            dhcp6_server_tick(n->server, n->wire.now);
    }
}

static uint32_t count_state(const struct net *n, enum dhcp6_client_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->n; i++)
        count += n->clients[i].state == state;
    return count;
}

/* ---- cases ---- */

static void ten_thousand_clients_get_addresses_and_prefixes_at_20_percent_loss(void **state)
{
    (void)state;
    struct net *n = net_new(10000, 10500, 1);
    n->wire.loss_ppb = 200000000;
    n->wire.repeat_ppb = 50000000;
    start_all(n);
    run(n, 3400 * NS_PER_S, NS_PER_S / 2); /* eleven of a Solicit's doubled waits */
    assert_int_equal(n->configured, 20000);
    assert_int_equal(count_state(n, DHCP6_CLIENT_BOUND), 10000);
    assert_int_equal(dhcp6_server_counters(n->server)->exhausted, 0);
    assert_true(n->counters.retransmissions > 1000 && n->counters.drop_malformed == 0);
    print_message("%llu datagrams for 10000 clients, %llu sent again\n", (unsigned long long)n->wire.sent,
                  (unsigned long long)n->counters.retransmissions);
    net_free(n);
}

static void leases_go_on_for_days_at_10_percent_loss(void **state)
{
    (void)state;
    struct net *n = net_new(500, 500, 2);
    n->wire.loss_ppb = 100000000;
    start_all(n);
    run(n, 600 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 1000);
    run(n, 7 * 24 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 1000);
    assert_int_equal(n->counters.bound, 1000); /* never a second time */
    assert_int_equal(n->counters.expired, 0);
    assert_true(n->counters.renewed >= 1000 * 7 * 24 / 2);
    net_free(n);
}

static void leases_go_when_the_server_is_away_and_come_back_with_it(void **state)
{
    (void)state;
    struct net *n = net_new(200, 400, 3);
    struct ip_addr *had = calloc(200, sizeof *had);
    start_all(n);
    run(n, 120 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 400);
    for (uint32_t i = 0; i < 200; i++)
        had[i] = n->clients[i].held[DHCP6_CLIENT_ADDRESS].addr;
    n->server_away = true;
    run(n, 3 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 400);
    assert_int_equal(count_state(n, DHCP6_CLIENT_REBINDING), 200);
    run(n, 2 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 0);
    assert_int_equal(count_state(n, DHCP6_CLIENT_SOLICITING), 200);
    n->server_away = false;
    run(n, 2 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 400);
    for (uint32_t i = 0; i < 200; i++)
        assert_true(ip_addr_equal(&n->clients[i].held[DHCP6_CLIENT_ADDRESS].addr, &had[i]));
    free(had);
    net_free(n);
}

static void addresses_that_others_use_are_declined_until_a_free_one_is_found(void **state)
{
    (void)state;
    struct net *n = net_new(50, 100, 4);
    n->in_use_by_others = 20;
    start_all(n);
    run(n, 300 * NS_PER_S, 100 * NS_PER_MS);
    assert_int_equal(n->configured, 100);
    assert_int_equal(n->counters.conflicts, 20);
    assert_int_equal(dhcp6_server_counters(n->server)->declined, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(n->holder[DHCP6_CLIENT_ADDRESS][i], 0);
    net_free(n);
}

static void released_leases_are_free_again(void **state)
{
    (void)state;
    struct net *n = net_new(100, 100, 5);
    n->wire.loss_ppb = 50000000;
    start_all(n);
    run(n, 200 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 200);
    for (uint32_t i = 0; i < n->n; i++)
        dhcp6_client_release(&n->clients[i], n->wire.now);
    assert_int_equal(n->configured, 0);
    run(n, 60 * NS_PER_S, NS_PER_S);
    assert_int_equal(count_state(n, DHCP6_CLIENT_STOPPED), 100);
    assert_int_equal(dhcp6_server_counters(n->server)->released, 200);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_clients_get_addresses_and_prefixes_at_20_percent_loss),
        cmocka_unit_test(leases_go_on_for_days_at_10_percent_loss),
        cmocka_unit_test(leases_go_when_the_server_is_away_and_come_back_with_it),
        cmocka_unit_test(addresses_that_others_use_are_declined_until_a_free_one_is_found),
        cmocka_unit_test(released_leases_are_free_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
