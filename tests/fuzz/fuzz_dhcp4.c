/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a DHCPv4 client and a server, and an attacker who sees everything. Laws: ticks get on; messages that are
 * sent can be read; the client's address is configured exactly in BOUND, RENEWING and REBINDING, and its times are in
 * order; the server's records, bits and offers agree. Frames on the way may be changed, lost, kept and sent again.
 *
 * Input: operations of 4 bytes: what (bits 0-3), and three bytes that say how.
 */
#undef NDEBUG
#include <assert.h>

#include "fuzz/arena.h"
#include "service/dhcp4_client.h"
#include "service/dhcp4_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SERVER 0x0a000001u
#define SLOTS 4u

struct slot {
    size_t length;
    uint8_t bytes[DHCP4_MOST_ROOM];
};

struct world {
    struct dhcp4_client_settings client_settings;
    struct dhcp4_client_counters counters;
    struct dhcp4_client client;
    struct dhcp4_server_settings server_settings;
    struct dhcp4_server *server;
    bool configured;
    int64_t now;
    struct slot slots[SLOTS]; /* messages sent last, by either */
    unsigned next;
};

static void keep(struct world *w, const uint8_t *bytes, size_t length)
{
    struct dhcp4_message m;
    struct slot *s = &w->slots[w->next++ % SLOTS];
    assert(dhcp4_message_parse(bytes, length, &m) == DHCP4_ACCEPTED);
    assert(length <= sizeof s->bytes);
    memcpy(s->bytes, bytes, length);
    s->length = length;
}

static void client_sends(void *context, struct dhcp4_client *c, const struct dhcp4_client_datagram *d)
{
    (void)c;
    keep(context, d->bytes, d->length);
}

static void server_sends(void *context, struct dhcp4_server *s, const struct dhcp4_server_datagram *d)
{
    (void)s;
    keep(context, d->bytes, d->length);
}

static void probe(void *context, struct dhcp4_client *c, uint32_t address)
{
    (void)context;
    assert(c->lease.address == address && address != 0);
}

static void configure(void *context, struct dhcp4_client *c, const struct dhcp4_lease *lease)
{
    struct world *w = context;
    (void)c;
    assert(lease->address != 0 && lease->lease_s != 0);
    w->configured = true;
}

static void unconfigure(void *context, struct dhcp4_client *c, uint32_t address)
{
    struct world *w = context;
    (void)c;
    assert(w->configured && address != 0);
    w->configured = false;
}

static const struct dhcp4_pool_settings pools[2] = {
    {.network = 0x0a000000,
     .prefix_length = 24,
     .first = 0x0a000064,
     .last = 0x0a000069,
     .router = 0x0a000066,
     .dns = {0x0a000035},
     .domain = "example.net",
     .lease_s = 600,
     .least_lease_s = 2,
     .most_lease_s = DHCP4_INFINITE},
    {.network = 0x0a010000,
     .prefix_length = 24,
     .first = 0x0a010001,
     .last = 0x0a010046,
     .lease_s = 100,
     .least_lease_s = 100,
     .most_lease_s = 100},
};
static const struct dhcp4_reservation reservation = {.address = 0x0a000065, .mac = {2, 0, 0, 0, 0, 3}};

static void world_make(struct world *w)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    const struct allocator *a = arena_begin();
    *w = (struct world){.now = NS_PER_S};
    dhcp4_server_settings_default(&w->server_settings);
    w->server_settings.address = SERVER;
    w->server_settings.pools = pools;
    w->server_settings.n_pools = 2;
    w->server_settings.reservations = &reservation;
    w->server_settings.n_reservations = 1;
    w->server_settings.max_leases = 8;
    w->server_settings.max_offers = 6;
    w->server_settings.send = server_sends;
    w->server_settings.context = w;
    dhcp4_client_settings_default(&w->client_settings);
    w->client_settings.host = (struct dhcp4_client_host){
        .send = client_sends, .probe = probe, .configure = configure, .unconfigure = unconfigure, .context = w};
    w->client_settings.counters = &w->counters;
    w->client_settings.host_name = "host";
    dhcp4_client_init(&w->client, &w->client_settings, mac, 7);
    int e = dhcp4_server_new(&w->server_settings, a, w->now, &w->server);
    assert(e == 0);
}

static void world_begin(struct world *w)
{
    if (arena_again(0, w, sizeof *w))
        return;
    world_make(w);
    arena_keep(0, w, sizeof *w);
}

static void check_client(const struct world *w)
{
    const struct dhcp4_client *c = &w->client;
    assert(c->state < DHCP4_CLIENT_STATES && c->configured == w->configured);
    assert(w->configured == (c->state >= DHCP4_CLIENT_BOUND));
    assert((c->state == DHCP4_CLIENT_STOPPED) <= (c->deadline == TIME_NEVER));
    if (c->state >= DHCP4_CLIENT_CHECKING)
        assert(c->lease.address != 0 && c->t1_ns <= c->t2_ns && c->t2_ns <= c->expires_ns);
    else if (c->state != DHCP4_CLIENT_STOPPED)
        assert(c->deadline != TIME_NEVER);
}

static void check_server(const struct world *w)
{
    struct lease_table *l = (struct lease_table *)(uintptr_t)dhcp4_server_leases(w->server);
    uint32_t offered = 0, used = 0, bits = 0, taken = 0;
    for (uint32_t i = 1; i <= l->records.touched; i++) {
        struct lease_binding *b = pool_at(&l->records, i);
        if (b->state == LEASE_FREE)
            continue;
        used++;
        offered += b->state == LEASE_OFFERED;
        assert(lease_table_of_address(l, b->address) == b);
        assert(lease_table_of_client(l, &b->client, b->pool) == b);
        if (b->state != LEASE_REMEMBERED)
            assert(!lease_table_is_free(l, b->pool, b->address));
    }
    for (unsigned i = 0; i < l->n_ranges; i++) {
        taken += l->ranges[i].taken;
        for (uint32_t at = 0; at < l->ranges[i].size; at++)
            bits += l->ranges[i].bits[at / 64] >> (at % 64) & 1;
    }
    assert(offered == l->offered && used == l->records.used && bits == taken);
}

static void say(struct world *w, const uint8_t *op)
{
    uint8_t bytes[DHCP4_LEAST_ROOM];
    struct dhcp4_writer wr;
    struct dhcp4_header h = {.op = op[0] & 0x10 ? 2 : 1,
                             .htype = 1,
                             .hlen = 6,
                             .xid = w->client.xid,
                             .yiaddr = 0x0a000060u + op[2] % 16,
                             .giaddr = op[3] & 1 ? 0x0a010001u : 0,
                             .ciaddr = op[3] & 2 ? 0x0a000060u + op[2] % 16 : 0,
                             .chaddr = {2, 0, 0, 0, 0, op[2] >> 4}};
    dhcp4_writer_begin(&wr, bytes, sizeof bytes, &h, (enum dhcp4_type)(1 + op[1] % 8));
    if (op[3] & 4)
        dhcp4_writer_u32(&wr, DHCP4_CODE_REQUESTED_ADDRESS, 0x0a000060u + op[2] % 16);
    if (op[3] & 8)
        dhcp4_writer_u32(&wr, DHCP4_CODE_SERVER_ID, SERVER);
    if (op[3] & 16)
        dhcp4_writer_u32(&wr, DHCP4_CODE_LEASE_TIME, op[3] & 32 ? 0xffffffffu : (uint32_t)op[1] * 7);
    if (op[3] & 64)
        dhcp4_writer_u32(&wr, DHCP4_CODE_T1, op[1]);
    if (op[3] & 128)
        dhcp4_writer_u32(&wr, DHCP4_CODE_T2, op[2]);
    int length = dhcp4_writer_end(&wr);
    assert(length > 0);
    if (op[0] & 0x10)
        dhcp4_client_input(&w->client, bytes, (size_t)length, w->now);
    else
        dhcp4_server_input(w->server, bytes, (size_t)length, w->now);
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
    dhcp4_server_input(w->server, s.bytes, s.length, w->now);
    dhcp4_client_input(&w->client, s.bytes, s.length, w->now);
}

static void operate(struct world *w, const uint8_t *op)
{
    switch (op[0] & 15) {
    case 0:
        dhcp4_client_start(&w->client, op[1] & 1 ? 0x0a000060u + op[2] % 16 : 0, w->now);
        break;
    case 1:
        w->now += (int64_t)op[1] * op[2] * (NS_PER_S / 4);
        break;
    case 2:
        if (w->client.deadline != TIME_NEVER)
            w->now = max_i64(w->now, w->client.deadline);
        break;
    case 3:
        dhcp4_client_probed(&w->client, op[1] & 1, w->now);
        break;
    case 4:
        dhcp4_client_conflict(&w->client, w->now);
        break;
    case 5:
        dhcp4_client_release(&w->client);
        break;
    case 6:
        w->client_settings.choice = op[1] & 1 ? DHCP4_CHOOSE_LONGEST : DHCP4_CHOOSE_FIRST;
        break;
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
    dhcp4_server_tick(w->server, w->now);
    for (unsigned n = 0; dhcp4_client_deadline(&w->client) <= w->now; n++) {
        assert(n < 8); /* ticks get on */
        dhcp4_client_tick(&w->client, w->now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    world_begin(&w);
    for (size_t at = 0, n = 0; at + 4 <= size && n < 200; at += 4, n++) {
        operate(&w, data + at);
        check_client(&w);
        check_server(&w);
    }
    dhcp4_client_stop(&w.client);
    assert(!w.configured);
    dhcp4_server_delete(w.server);
    arena_end();
    return 0;
}
