/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 clients and a server on a network of virtual time that loses, repeats and reorders datagrams: ten thousand
 * clients get addresses of their own, keep them for days, go on after the server was away, and give way where somebody
 * else has the address. Laws that are checked whenever an address is configured: nobody else has it, it is the pool's,
 * and the server's lease does not end before the client's. A failure replays from its seed.
 */
#include "lossy_net.h"

#include <stdlib.h>

#include "base/alloc_heap.h"
#include "service/dhcp4_client.h"
#include "service/dhcp4_server.h"
#include "support/cmocka_all.h"

#define SERVER 0x0a000001u
#define FIRST 0x0a000100u
#define HOUR (3600 * NS_PER_S)

struct net {
    uint64_t seed;
    struct lossy_net wire;
    struct dhcp4_client_settings client_settings;
    struct dhcp4_client_counters counters;
    struct dhcp4_server_settings server_settings;
    struct dhcp4_pool_settings pool;
    struct dhcp4_server *server;
    struct dhcp4_client *clients;
    uint32_t n;
    uint32_t *holder; /* by address: client + 1 */
    uint32_t addresses;
    uint32_t configured;
    bool server_away;
    uint32_t in_use_by_others; /* addresses from FIRST on that a probe finds in use */
};

/* ---- hosts ---- */

static uint32_t number_of(const struct net *n, const struct dhcp4_client *c) { return (uint32_t)(c - n->clients); }

static void client_sends(void *context, struct dhcp4_client *c, const struct dhcp4_client_datagram *d)
{
    struct net *n = context;
    assert_true(d->to == SERVER || d->to == 0xffffffff);
    lossy_net_send(&n->wire, -1, number_of(n, c), d->bytes, d->length);
}

static uint32_t client_of_mac(const uint8_t *chaddr) { return load_be32(chaddr + 2); }

static void server_sends(void *context, struct dhcp4_server *s, const struct dhcp4_server_datagram *d)
{
    struct net *n = context;
    (void)s;
    uint32_t client = client_of_mac(d->bytes + 28);
    assert_true(client < n->n);
    lossy_net_send(&n->wire, (int32_t)client, client, d->bytes, d->length);
}

static void configure(void *context, struct dhcp4_client *c, const struct dhcp4_lease *lease)
{
    struct net *n = context;
    uint32_t at = lease->address - FIRST;
    assert_in_range(lease->address, n->pool.first, n->pool.last);
    if (n->holder[at] != 0 && n->holder[at] != number_of(n, c) + 1)
        fail_msg("seed %llu: two clients have one address", (unsigned long long)n->seed);
    n->configured += n->holder[at] == 0;
    n->holder[at] = number_of(n, c) + 1;
    const struct lease_binding *b = dhcp4_server_find(n->server, lease->address);
    assert_true(n->server_away || (b && b->state == LEASE_BOUND && b->expires_ns >= c->expires_ns));
}

static void unconfigure(void *context, struct dhcp4_client *c, uint32_t address)
{
    struct net *n = context;
    assert_int_equal(n->holder[address - FIRST], number_of(n, c) + 1);
    n->holder[address - FIRST] = 0;
    n->configured--;
}

/* Answered at once by the loop: callbacks do not call back. */
static void probe(void *context, struct dhcp4_client *c, uint32_t address) { (void)context, (void)c, (void)address; }

static struct net *net_new(uint32_t clients, uint32_t addresses, uint64_t seed)
{
    struct net *n = calloc(1, sizeof *n);
    n->seed = seed;
    lossy_net_init(&n->wire, seed);
    n->n = clients;
    n->addresses = addresses;
    n->clients = calloc(clients, sizeof *n->clients);
    n->holder = calloc(addresses, sizeof *n->holder);
    n->pool = (struct dhcp4_pool_settings){.network = 0x0a000000,
                                           .prefix_length = 16,
                                           .first = FIRST,
                                           .last = FIRST + addresses - 1,
                                           .lease_s = 4 * 3600,
                                           .least_lease_s = 60,
                                           .most_lease_s = 86400};
    dhcp4_server_settings_default(&n->server_settings);
    n->server_settings.address = SERVER;
    n->server_settings.pools = &n->pool;
    n->server_settings.n_pools = 1;
    n->server_settings.key = (struct hash_key){seed, ~seed};
    n->server_settings.send = server_sends;
    n->server_settings.context = n;
    assert_int_equal(dhcp4_server_new(&n->server_settings, alloc_heap(), n->wire.now, &n->server), 0);
    dhcp4_client_settings_default(&n->client_settings);
    n->client_settings.host = (struct dhcp4_client_host){
        .send = client_sends, .probe = probe, .configure = configure, .unconfigure = unconfigure, .context = n};
    n->client_settings.counters = &n->counters;
    for (uint32_t i = 0; i < clients; i++) {
        uint8_t mac[6] = {2, 0};
        store_be32(mac + 2, i);
        dhcp4_client_init(&n->clients[i], &n->client_settings, mac, seed);
    }
    return n;
}

static void net_free(struct net *n)
{
    dhcp4_server_delete(n->server);
    lossy_net_free(&n->wire);
    free(n->clients);
    free(n->holder);
    free(n);
}

static void start_all(struct net *n)
{
    for (uint32_t i = 0; i < n->n; i++)
        dhcp4_client_start(&n->clients[i], 0, n->wire.now);
}

/* ---- time ---- */

static void answer_probe(struct net *n, struct dhcp4_client *c)
{
    if (c->state == DHCP4_CLIENT_CHECKING)
        dhcp4_client_probed(c, c->lease.address - FIRST < n->in_use_by_others, n->wire.now);
}

static void deliver(struct net *n)
{
    struct lossy_datagram d = lossy_net_take(&n->wire);
    if (d.to < 0) {
        if (!n->server_away)
            dhcp4_server_input(n->server, d.bytes, d.length, n->wire.now);
        return;
    }
    dhcp4_client_input(&n->clients[d.to], d.bytes, d.length, n->wire.now);
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
            if (dhcp4_client_deadline(&n->clients[i]) <= n->wire.now)
                dhcp4_client_tick(&n->clients[i], n->wire.now);
        if (!n->server_away)
            dhcp4_server_tick(n->server, n->wire.now);
    }
}

static uint32_t count_state(const struct net *n, enum dhcp4_client_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->n; i++)
        count += n->clients[i].state == state;
    return count;
}

/* ---- cases ---- */

static void ten_thousand_clients_get_addresses_of_their_own_at_20_percent_loss(void **state)
{
    (void)state;
    struct net *n = net_new(10000, 10500, 1);
    n->wire.loss_ppb = 200000000;
    n->wire.repeat_ppb = 50000000;
    start_all(n);
    run(n, 900 * NS_PER_S, 200 * NS_PER_MS);
    assert_int_equal(n->configured, 10000);
    assert_int_equal(count_state(n, DHCP4_CLIENT_BOUND), 10000);
    assert_int_equal(dhcp4_server_counters(n->server)->drop_exhausted, 0);
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
    assert_int_equal(n->configured, 500);
    run(n, 7 * 24 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 500);
    assert_int_equal(n->counters.bound, 500); /* never a second time */
    assert_int_equal(n->counters.expired, 0);
    assert_true(n->counters.renewed >= 500 * 7 * 24 / 2 / 2);
    assert_int_equal(dhcp4_server_leases(n->server)->leases_expired, 0);
    net_free(n);
}

static void addresses_go_when_the_server_is_away_and_come_back_with_it(void **state)
{
    (void)state;
    struct net *n = net_new(200, 400, 3);
    uint32_t *had = calloc(200, sizeof *had);
    start_all(n);
    run(n, 120 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 200);
    for (uint32_t i = 0; i < 200; i++)
        had[i] = n->clients[i].lease.address;
    n->server_away = true;
    run(n, 3 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 200);
    assert_true(count_state(n, DHCP4_CLIENT_RENEWING) > 0 || count_state(n, DHCP4_CLIENT_REBINDING) > 0);
    run(n, 2 * HOUR, 10 * NS_PER_S);
    assert_int_equal(n->configured, 0);
    assert_int_equal(n->counters.expired, 200);
    n->server_away = false;
    run(n, 300 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 200);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(n->clients[i].lease.address, had[i]);
    free(had);
    net_free(n);
}

static void addresses_that_others_use_are_declined_until_a_free_one_is_found(void **state)
{
    (void)state;
    struct net *n = net_new(50, 100, 4);
    n->in_use_by_others = 20;
    n->server_settings.decline_ns = 24 * HOUR;
    start_all(n);
    run(n, 300 * NS_PER_S, 100 * NS_PER_MS);
    assert_int_equal(n->configured, 50);
    assert_int_equal(n->counters.conflicts, 20);
    assert_int_equal(dhcp4_server_counters(n->server)->declines, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(n->holder[i], 0);
    net_free(n);
}

static void more_clients_than_addresses_take_turns_as_leases_are_released(void **state)
{
    (void)state;
    struct net *n = net_new(150, 100, 5);
    start_all(n);
    run(n, 200 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 100);
    assert_true(dhcp4_server_counters(n->server)->drop_exhausted > 0);
    unsigned released = 0;
    for (uint32_t i = 0; i < n->n && released < 50; i++)
        if (n->clients[i].state == DHCP4_CLIENT_BOUND) {
            dhcp4_client_release(&n->clients[i]);
            released++;
        }
    run(n, 200 * NS_PER_S, NS_PER_S);
    assert_int_equal(n->configured, 100);
    assert_int_equal(count_state(n, DHCP4_CLIENT_BOUND), 100);
    assert_int_equal(count_state(n, DHCP4_CLIENT_STOPPED), 50);
    assert_int_equal(dhcp4_server_counters(n->server)->releases, 50);
    net_free(n);
}

static void rebooting_clients_keep_their_addresses(void **state)
{
    (void)state;
    struct net *n = net_new(300, 300, 6);
    n->wire.loss_ppb = 100000000;
    start_all(n);
    run(n, 300 * NS_PER_S, NS_PER_S);
    uint64_t discovers = n->counters.discovers;
    for (uint32_t i = 0; i < n->n; i++)
        dhcp4_client_start(&n->clients[i], n->clients[i].lease.address, n->wire.now);
    run(n, 60 * NS_PER_S, NS_PER_S);
    assert_true(n->configured >= 299); /* one in 1300 loses four requests or their answers */
    assert_true(n->counters.discovers - discovers < 10);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_clients_get_addresses_of_their_own_at_20_percent_loss),
        cmocka_unit_test(leases_go_on_for_days_at_10_percent_loss),
        cmocka_unit_test(addresses_go_when_the_server_is_away_and_come_back_with_it),
        cmocka_unit_test(addresses_that_others_use_are_declined_until_a_free_one_is_found),
        cmocka_unit_test(more_clients_than_addresses_take_turns_as_leases_are_released),
        cmocka_unit_test(rebooting_clients_keep_their_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
