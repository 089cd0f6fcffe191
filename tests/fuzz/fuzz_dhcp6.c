/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a DHCPv6 client and a server, and an attacker who sees everything. Laws: ticks get on; messages that are
 * sent can be read; what the host has configured is what the client holds, and it has a deadline before it ends; the
 * server's records, bits and offers agree. Messages on the way may be changed, lost, kept, sent again, put into
 * envelopes.
 *
 * Input: a byte of settings, then operations of 4 bytes: what (bits 0-3), and three bytes that say how.
 */
#undef NDEBUG
#include <assert.h>

#include "fuzz/arena.h"
#include "service/dhcp6_client.h"
#include "service/dhcp6_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SLOTS 4u
static const uint8_t server_id[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
static const struct ip_addr client_addr = {{0xfe, 0x80, [15] = 9}};

struct slot {
    size_t length;
    uint8_t bytes[DHCP6_MOST_ROOM];
};

struct world {
    struct dhcp6_client_settings client_settings;
    struct dhcp6_client_counters counters;
    struct dhcp6_client client;
    struct dhcp6_server_settings server_settings;
    struct dhcp6_server *server;
    struct dhcp6_held configured[2]; /* unspecified: none */
    int64_t now;
    struct slot slots[SLOTS]; /* messages sent last, by either */
    unsigned next;
};

static void keep(struct world *w, const uint8_t *bytes, size_t length)
{
    struct slot *s = &w->slots[w->next++ % SLOTS];
    assert(length <= sizeof s->bytes);
    memcpy(s->bytes, bytes, length);
    s->length = length;
}

static void client_sends(void *context, struct dhcp6_client *c, const uint8_t *bytes, size_t length)
{
    struct dhcp6_message m;
    (void)c;
    assert(dhcp6_message_parse(bytes, length, &m) == DHCP6_ACCEPTED && m.client_id.bytes && m.ignored == 0);
    keep(context, bytes, length);
}

static void server_sends(void *context, struct dhcp6_server *s, const struct ip_addr *to, uint16_t port,
                         const uint8_t *bytes, size_t length)
{
    struct dhcp6_message m;
    struct dhcp6_relay r;
    (void)s, (void)to;
    if (port == DHCP6_CLIENT_PORT)
        assert(dhcp6_message_parse(bytes, length, &m) == DHCP6_ACCEPTED && m.server_id.bytes);
    else
        assert(dhcp6_relay_parse(bytes, length, &r) == DHCP6_ACCEPTED);
    keep(context, bytes, length);
}

static void probe(void *context, struct dhcp6_client *c, const struct ip_addr *a)
{
    (void)context;
    assert(ip_addr_equal(a, &c->held[DHCP6_CLIENT_ADDRESS].addr) && !ip_addr_is_unspecified(a));
}

static void configure(void *context, struct dhcp6_client *c, enum dhcp6_client_what what, const struct dhcp6_held *h)
{
    struct world *w = context;
    (void)c;
    assert(!ip_addr_is_unspecified(&h->addr) && h->valid_s > 0);
    w->configured[what] = *h;
}

static void unconfigure(void *context, struct dhcp6_client *c, enum dhcp6_client_what what, const struct dhcp6_held *h)
{
    struct world *w = context;
    (void)c;
    assert(ip_addr_equal(&w->configured[what].addr, &h->addr));
    w->configured[what] = (struct dhcp6_held){.ends_ns = 0};
}

static const struct dhcp6_link_settings links[2] = {
    {.on_link = {{{0x20, 1, 0x0d, 0xb8}}, 64},
     .base = {{0x20, 1, 0x0d, 0xb8, [14] = 1}},
     .addresses = 6,
     .prefix_base = {{0x30}},
     .prefix_length = 56,
     .prefixes = 3,
     .preferred_s = 50,
     .valid_s = 90,
     .dns = {{{0x20, [15] = 1}}},
     .domains = (const uint8_t *)"\1a",
     .domains_len = 3},
    {.on_link = {{{0x20, 2}}, 64},
     .base = {{0x20, 2, [15] = 1}},
     .addresses = 70,
     .preferred_s = DHCP6_INFINITE,
     .valid_s = DHCP6_INFINITE},
};

static void world_make(struct world *w, uint8_t how)
{
    const struct allocator *a = arena_begin();
    *w = (struct world){.now = NS_PER_S};
    dhcp6_server_settings_default(&w->server_settings);
    w->server_settings.duid = server_id;
    w->server_settings.duid_len = sizeof server_id;
    w->server_settings.links = links;
    w->server_settings.n_links = 2;
    w->server_settings.max_leases = 8;
    w->server_settings.max_offers = 6;
    w->server_settings.rapid_commit = how & 1;
    w->server_settings.sol_max_rt_s = how & 2 ? 100 : 0;
    w->server_settings.send = server_sends;
    w->server_settings.context = w;
    int e = dhcp6_server_new(&w->server_settings, a, w->now, &w->server);
    assert(e == 0);
}

/* There is one server for each of its settings. */
static void world_begin(struct world *w, uint8_t how)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    if (!arena_again(how & 3, w, sizeof *w)) {
        world_make(w, how);
        arena_keep(how & 3, w, sizeof *w);
    }
    dhcp6_client_settings_default(&w->client_settings);
    w->client_settings.host = (struct dhcp6_client_host){
        .send = client_sends, .configure = configure, .unconfigure = unconfigure, .context = w};
    if (how & 4)
        w->client_settings.host.probe = probe;
    w->client_settings.counters = &w->counters;
    w->client_settings.want_address = how & 8;
    w->client_settings.want_prefix = how & 16;
    w->client_settings.rapid_commit = how & 32;
    w->client_settings.prefix_length = how & 64 ? 56 : 0;
    dhcp6_client_init(&w->client, &w->client_settings, mac, 7);
}

static void check_client(const struct world *w)
{
    const struct dhcp6_client *c = &w->client;
    assert(c->state < DHCP6_CLIENT_STATES);
    for (unsigned i = 0; i < 2; i++) {
        bool there = !ip_addr_is_unspecified(&w->configured[i].addr);
        assert(there == c->held[i].configured);
        if (there)
            assert(ip_addr_equal(&w->configured[i].addr, &c->held[i].addr) && c->deadline <= c->held[i].ends_ns);
    }
    if (c->state != DHCP6_CLIENT_STOPPED && c->state < DHCP6_CLIENT_CHECKING)
        assert(c->deadline != TIME_NEVER);
    if (c->state == DHCP6_CLIENT_BOUND)
        assert(c->held[0].configured || c->held[1].configured);
}

static void check_server(const struct world *w)
{
    struct lease_table *l = (struct lease_table *)(uintptr_t)dhcp6_server_leases(w->server);
    uint32_t offered = 0, used = 0, bits = 0, taken = 0;
    for (uint32_t i = 1; i <= l->records.touched; i++) {
        struct lease_binding *b = pool_at(&l->records, i);
        if (b->state == LEASE_FREE)
            continue;
        used++;
        offered += b->state == LEASE_OFFERED;
        assert(lease_table_of_address(l, b->address) == b);
        assert(lease_table_of_client(l, &b->client, b->pool) == b);
        assert((b->state == LEASE_REMEMBERED) == lease_table_is_free(l, b->pool, b->address));
    }
    for (unsigned i = 0; i < l->n_ranges; i++) {
        taken += l->ranges[i].taken;
        for (uint32_t at = 0; at < l->ranges[i].size; at++)
            bits += l->ranges[i].bits[at / 64] >> (at % 64) & 1;
    }
    assert(offered == l->offered && used == l->records.used && bits == taken);
}

static void write_ias(struct dhcp6_writer *w, const uint8_t *op)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct dhcp6_ia ia = {.kind = kind ? DHCP6_OPT_IA_PD : DHCP6_OPT_IA_NA, .iaid = 1};
        if (!(op[3] >> kind & 1))
            continue;
        ia.status = op[1] & 0x80 ? op[2] % 8 : 0;
        ia.t1_s = op[2] >> 2;
        ia.t2_s = op[1] >> 2 & 31;
        ia.n = op[3] >> 2 & 1;
        ia.lease[0] = (struct dhcp6_lease){.addr = {{0x20, 1, 0x0d, 0xb8, [14] = 1}}, .prefix_length = 128};
        if (kind)
            ia.lease[0] = (struct dhcp6_lease){.addr = {{0x30}}, .prefix_length = 56};
        ia.lease[0].addr.bytes[kind ? 6 : 15] = op[2] % 8;
        ia.lease[0].preferred_s = op[1] % 32;
        ia.lease[0].valid_s = op[1] % 32 * (op[3] >> 3 & 1u);
        dhcp6_writer_ia(w, &ia);
    }
}

static void say(struct world *w, const uint8_t *op)
{
    uint8_t bytes[512], id[10];
    struct dhcp6_writer wr;
    struct dhcp6_relay relay = {.type = DHCP6_RELAY_FORWARD, .link = links[op[1] & 1].base};
    bool to_client = op[0] & 0x10, relayed = op[0] & 0x20;
    size_t opened = 0;
    dhcp6_client_duid(&w->client, id);
    id[9] = (uint8_t)(id[9] + (to_client ? 0 : op[0] >> 6));
    dhcp6_writer_begin(&wr, bytes, sizeof bytes);
    if (relayed)
        opened = dhcp6_writer_relay(&wr, &relay);
    dhcp6_writer_header(&wr, (enum dhcp6_type)(1 + op[1] % 11), w->client.exchange.xid);
    dhcp6_writer_bytes(&wr, DHCP6_OPT_CLIENT_ID, id, sizeof id);
    if (op[3] & 0x80)
        dhcp6_writer_bytes(&wr, DHCP6_OPT_SERVER_ID, server_id, sizeof server_id);
    if (op[3] & 0x40)
        dhcp6_writer_bytes(&wr, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
    if (op[3] & 0x20)
        dhcp6_writer_status(&wr, (enum dhcp6_status)(op[2] % 8));
    write_ias(&wr, op);
    if (relayed)
        dhcp6_writer_close(&wr, opened);
    int length = dhcp6_writer_end(&wr);
    assert(length > 0);
    if (to_client)
        dhcp6_client_input(&w->client, bytes, (size_t)length, w->now);
    else
        dhcp6_server_input(w->server, &client_addr, bytes, (size_t)length, w->now);
}

static void pass_on(struct world *w, const uint8_t *op)
{
    struct slot s = w->slots[op[1] % SLOTS];
    if (s.length == 0)
        return;
    if (op[0] & 0x20)
        s.bytes[(op[2] | (op[1] & 0x40u) << 2) % s.length] ^= op[3];
    if (op[0] & 0x40)
        s.length -= op[3] % s.length;
    dhcp6_server_input(w->server, &client_addr, s.bytes, s.length, w->now);
    dhcp6_client_input(&w->client, s.bytes, s.length, w->now);
}

static void operate(struct world *w, const uint8_t *op)
{
    switch (op[0] & 15) {
    case 0:
        dhcp6_client_start(&w->client, w->now);
        break;
    case 1:
        w->now += (int64_t)op[1] * op[2] * (NS_PER_S / 4);
        break;
    case 2:
        if (w->client.deadline != TIME_NEVER)
            w->now = max_i64(w->now, w->client.deadline);
        break;
    case 3:
        dhcp6_client_probed(&w->client, op[1] & 1, w->now);
        break;
    case 4:
        dhcp6_client_link_changed(&w->client, w->now);
        break;
    case 5:
        dhcp6_client_release(&w->client, w->now);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        say(w, op);
        break;
    default:
        pass_on(w, op);
    }
    if (w->now >= INT64_MAX / 4)
        return;
    dhcp6_server_tick(w->server, w->now);
    for (unsigned n = 0; dhcp6_client_deadline(&w->client) <= w->now; n++) {
        assert(n < 8); /* ticks get on */
        dhcp6_client_tick(&w->client, w->now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    if (size < 1)
        return 0;
    world_begin(&w, data[0]);
    for (size_t at = 1, n = 0; at + 4 <= size && n < 200; at += 4, n++) {
        operate(&w, data + at);
        check_client(&w);
        check_server(&w);
    }
    dhcp6_client_stop(&w.client);
    check_client(&w);
    dhcp6_server_delete(w.server);
    arena_end();
    return 0;
}
