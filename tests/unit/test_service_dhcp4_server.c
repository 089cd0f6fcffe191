/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 server: RFC 2131 4.3 message by message, where replies go (4.1), relay agents, reservations, what happens
 * when addresses, records or offers run out. Clients are played by hand; time is virtual. Each drop adds one to its
 * counter.
 */
#include <stdio.h>

#include "base/error.h"
#include "service/dhcp4_server.h"
#include "support/counting_alloc.h"
#include "unit/wire_support.h"

#define SERVER 0x0a000001u
#define FIRST 0x0a000064u
#define RELAY 0x0a010001u
#define RELAYED 0x0a010064u
#define EVERYBODY 0xffffffffu

static const struct dhcp4_server_option ntp = {.code = 42, .length = 4, .bytes = "\x0a\0\0\x7b"};

static const struct dhcp4_pool_settings pools[] = {
    {.network = 0x0a000000,
     .prefix_length = 24,
     .first = FIRST,
     .last = FIRST + 3,
     .router = 0x0a0000fe,
     .dns = {0x0a000035, 0x0a000036},
     .domain = "example.net",
     .lease_s = 3600,
     .least_lease_s = 60,
     .most_lease_s = 7200,
     .options = &ntp,
     .n_options = 1},
    {.network = 0x0a010000,
     .prefix_length = 24,
     .first = RELAYED,
     .last = RELAYED + 99,
     .lease_s = 600,
     .least_lease_s = 60,
     .most_lease_s = 7200},
};

static const struct dhcp4_reservation reservations[] = {
    {.address = FIRST + 1, .mac = {2, 0, 0, 0, 1, 1}},
    {.address = 0x0a0000c8, .client_id = (const uint8_t *)"\0printer", .client_id_len = 8},
};

struct rig {
    struct counting_alloc memory;
    struct dhcp4_server_settings settings;
    struct dhcp4_server *server;
    int64_t now;
    unsigned replies;
    struct dhcp4_server_datagram sent;
    uint8_t mac[6];
    uint8_t bytes[DHCP4_MOST_ROOM];
    struct dhcp4_message reply;
};

static void on_send(void *context, struct dhcp4_server *s, const struct dhcp4_server_datagram *d)
{
    struct rig *r = context;
    (void)s;
    r->replies++;
    r->sent = *d;
    if (d->mac)
        memcpy(r->mac, d->mac, 6);
    memcpy(r->bytes, d->bytes, d->length);
    assert_int_equal(dhcp4_message_parse(r->bytes, d->length, &r->reply), DHCP4_ACCEPTED);
    assert_int_equal(r->reply.header.op, DHCP4_BOOTREPLY);
    assert_int_equal(dhcp4_message_u32(&r->reply, DHCP4_SERVER_ID, 0), SERVER);
}

static void rig_settings(struct rig *r)
{
    memset(r, 0, sizeof *r);
    dhcp4_server_settings_default(&r->settings);
    r->settings.address = SERVER;
    r->settings.pools = pools;
    r->settings.n_pools = ARRAY_SIZE(pools);
    r->settings.max_leases = 64;
    r->settings.max_offers = 32;
    r->settings.key = (struct hash_key){1, 2};
    r->settings.send = on_send;
    r->settings.context = r;
    r->now = 1000 * NS_PER_S;
    counting_alloc_init(&r->memory);
}

static void rig_start(struct rig *r)
{
    int e = dhcp4_server_new(&r->settings, &r->memory.allocator, r->now, &r->server);
    if (e == ERR_NO_MEMORY) /* torture */
        skip();
    assert_int_equal(e, 0);
}

static void rig_init(struct rig *r)
{
    rig_settings(r);
    rig_start(r);
}

static void rig_free(struct rig *r)
{
    dhcp4_server_delete(r->server);
    assert_int_equal(r->memory.live_blocks, 0);
}

/* A client's message. */
struct ask {
    enum dhcp4_type type;
    uint8_t who; /* last byte of the hardware address */
    uint16_t flags;
    uint32_t ciaddr, giaddr, requested, server, lease_s;
    uint16_t max_size;
    const char *client_id, *parameters, *relay_agent;
    uint8_t relay_agent_len;
};

static unsigned say(struct rig *r, struct ask a)
{
    uint8_t bytes[DHCP4_MOST_ROOM];
    struct dhcp4_writer w;
    struct dhcp4_header h = {.op = 1,
                             .htype = 1,
                             .hlen = 6,
                             .hops = a.giaddr ? 1 : 0,
                             .xid = 0xabcd0000u + a.who,
                             .secs = 9,
                             .flags = a.flags,
                             .ciaddr = a.ciaddr,
                             .giaddr = a.giaddr,
                             .chaddr = {2, 0, 0, 0, 0, a.who}};
    unsigned before = r->replies;
    if (a.who >= 200) {
        h.chaddr[4] = 1;
        h.chaddr[5] = (uint8_t)(a.who - 199);
    }
    dhcp4_writer_begin(&w, bytes, sizeof bytes, &h, a.type);
    if (a.requested)
        dhcp4_writer_u32(&w, DHCP4_CODE_REQUESTED_ADDRESS, a.requested);
    if (a.server)
        dhcp4_writer_u32(&w, DHCP4_CODE_SERVER_ID, a.server);
    if (a.lease_s)
        dhcp4_writer_u32(&w, DHCP4_CODE_LEASE_TIME, a.lease_s);
    if (a.max_size)
        dhcp4_writer_u16(&w, DHCP4_CODE_MAX_SIZE, a.max_size);
    if (a.client_id)
        dhcp4_writer_bytes(&w, DHCP4_CODE_CLIENT_ID, a.client_id, 8);
    if (a.parameters)
        dhcp4_writer_bytes(&w, DHCP4_CODE_PARAMETER_LIST, a.parameters, strlen(a.parameters));
    if (a.relay_agent)
        dhcp4_writer_bytes(&w, DHCP4_CODE_RELAY_AGENT, a.relay_agent, a.relay_agent_len);
    int length = dhcp4_writer_end(&w);
    assert_true(length > 0);
    dhcp4_server_input(r->server, at_end_of_memory(bytes, (size_t)length), (size_t)length, r->now);
    if (r->replies > before) {
        assert_int_equal(r->reply.header.xid, h.xid);
        assert_memory_equal(r->reply.header.chaddr, h.chaddr, 16);
        assert_int_equal(r->reply.header.giaddr, h.giaddr);
    }
    return r->replies - before;
}
#define SAY(r, ...) say(r, (struct ask){__VA_ARGS__})

static uint32_t yiaddr(const struct rig *r) { return r->reply.header.yiaddr; }
static const struct dhcp4_server_counters *counters(const struct rig *r) { return dhcp4_server_counters(r->server); }

static enum lease_state state_of(struct rig *r, uint32_t address)
{
    const struct lease_binding *b = dhcp4_server_find(r->server, address);
    return b ? b->state : LEASE_FREE;
}

/* DISCOVER and REQUEST; the address, or 0. */
static uint32_t take_lease(struct rig *r, uint8_t who)
{
    if (!SAY(r, .type = DHCP4_DISCOVER, .who = who))
        return 0;
    uint32_t address = yiaddr(r);
    assert_int_equal(r->reply.type, DHCP4_OFFER);
    assert_int_equal(SAY(r, .type = DHCP4_REQUEST, .who = who, .requested = address, .server = SERVER), 1);
    assert_int_equal(r->reply.type, DHCP4_ACK);
    assert_int_equal(yiaddr(r), address);
    return address;
}

static void advance(struct rig *r, int64_t ns)
{
    int64_t until = r->now + ns;
    for (int64_t next; (next = dhcp4_server_deadline(r->server)) <= until;) {
        r->now = max_i64(r->now, next);
        dhcp4_server_tick(r->server, r->now);
    }
    r->now = until;
}

/* ---- leases ---- */

static void an_offer_has_all_that_rfc_2131_table_3_asks_for(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .flags = DHCP4_BROADCAST), 1);
    const struct dhcp4_message *m = &r.reply;
    assert_int_equal(m->type, DHCP4_OFFER);
    assert_int_equal(yiaddr(&r), FIRST);
    assert_int_equal(m->header.hops, 0);
    assert_int_equal(m->header.secs, 0);
    assert_int_equal(m->header.ciaddr, 0);
    assert_int_equal(m->header.flags, DHCP4_BROADCAST);
    assert_int_equal(dhcp4_message_u32(m, DHCP4_LEASE_TIME, 0), 3600);
    assert_int_equal(dhcp4_message_u32(m, DHCP4_T1, 0), 1800);
    assert_int_equal(dhcp4_message_u32(m, DHCP4_T2, 0), 3150);
    assert_int_equal(dhcp4_message_u32(m, DHCP4_SUBNET_MASK, 0), 0xffffff00);
    assert_int_equal(dhcp4_message_u32(m, DHCP4_ROUTER, 0), 0x0a0000fe);
    assert_int_equal(m->option[DHCP4_DNS].length, 8);
    assert_memory_equal(m->option[DHCP4_DOMAIN_NAME].bytes, "example.net", 11);
    assert_false(dhcp4_message_has(m, DHCP4_NTP) || dhcp4_message_has(m, DHCP4_REQUESTED_ADDRESS) ||
                 dhcp4_message_has(m, DHCP4_CLIENT_ID) || dhcp4_message_has(m, DHCP4_PARAMETER_LIST));
    assert_int_equal(state_of(&r, FIRST), LEASE_OFFERED);
    rig_free(&r);
}

static void parameters_are_those_that_are_asked_for(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .parameters = "\x2a\x1c\x2a\xc8");
    assert_int_equal(dhcp4_message_u32(&r.reply, DHCP4_NTP, 0), 0x0a00007b);
    assert_int_equal(r.reply.option[DHCP4_NTP].length, 4);
    assert_int_equal(dhcp4_message_u32(&r.reply, DHCP4_BROADCAST_ADDRESS, 0), 0x0a0000ff);
    assert_false(dhcp4_message_has(&r.reply, DHCP4_ROUTER) || dhcp4_message_has(&r.reply, DHCP4_SUBNET_MASK));
    rig_free(&r);
}

static void a_lease_ends_and_its_client_gets_the_address_again(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    uint32_t address = take_lease(&r, 1);
    assert_int_equal(state_of(&r, address), LEASE_BOUND);
    advance(&r, 3599 * NS_PER_S);
    assert_int_equal(state_of(&r, address), LEASE_BOUND);
    advance(&r, 2 * NS_PER_S);
    assert_int_equal(state_of(&r, address), LEASE_REMEMBERED);
    assert_int_equal(dhcp4_server_leases(r.server)->leases_expired, 1);
    assert_int_not_equal(take_lease(&r, 2), address);
    assert_int_equal(take_lease(&r, 1), address);
    rig_free(&r);
}

static void what_is_remembered_goes_to_others_when_nothing_else_is_left(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    for (uint8_t who = 1; who <= 4; who++)
        assert_true(take_lease(&r, who) != 0);
    advance(&r, 3601 * NS_PER_S);
    uint32_t address = take_lease(&r, 9);
    assert_true(address >= FIRST && address <= FIRST + 3);
    assert_int_equal(state_of(&r, address), LEASE_BOUND);
    rig_free(&r);
}

static void an_offer_that_is_not_taken_is_free_again(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1);
    uint32_t address = yiaddr(&r);
    advance(&r, 29 * NS_PER_S);
    assert_int_equal(state_of(&r, address), LEASE_OFFERED);
    advance(&r, 2 * NS_PER_S);
    assert_int_equal(state_of(&r, address), LEASE_FREE);
    assert_int_equal(dhcp4_server_leases(r.server)->offers_expired, 1);
    rig_free(&r);
}

static void a_repeated_discover_gets_the_same_offer(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1);
    uint32_t address = yiaddr(&r);
    for (unsigned i = 0; i < 10; i++) {
        SAY(&r, .type = DHCP4_DISCOVER, .who = 1);
        assert_int_equal(yiaddr(&r), address);
    }
    assert_int_equal(dhcp4_server_leases(r.server)->offered, 1);
    rig_free(&r);
}

static void the_address_asked_for_is_offered_when_it_is_free(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .requested = FIRST + 2);
    assert_int_equal(yiaddr(&r), FIRST + 2);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 2, .requested = FIRST + 2);
    assert_int_not_equal(yiaddr(&r), FIRST + 2);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 3, .requested = 0x0a0000f0);
    assert_in_range(yiaddr(&r), FIRST, FIRST + 3);
    rig_free(&r);
}

static void lease_times_stay_within_the_pools_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked, given;
    } rows[] = {{1, 60}, {60, 60}, {1000, 1000}, {7201, 7200}, {DHCP4_INFINITE, 7200}};
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .lease_s = rows[i].asked);
        assert_int_equal(dhcp4_message_u32(&r.reply, DHCP4_LEASE_TIME, 0), rows[i].given);
    }
    rig_free(&r);
}

/* ---- REQUEST ---- */

static void renewing_extends_the_lease(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    uint32_t address = take_lease(&r, 1);
    advance(&r, 3000 * NS_PER_S);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .ciaddr = address), 1);
    assert_int_equal(r.reply.type, DHCP4_ACK);
    assert_int_equal(r.reply.header.ciaddr, address);
    assert_int_equal(r.sent.to, address);
    advance(&r, 3500 * NS_PER_S);
    assert_int_equal(state_of(&r, address), LEASE_BOUND);
    rig_free(&r);
}

static void a_request_for_another_address_than_the_offered_is_refused(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .requested = FIRST + 3, .server = SERVER), 1);
    assert_int_equal(r.reply.type, DHCP4_NAK);
    assert_int_equal(yiaddr(&r), 0);
    assert_int_equal(r.sent.to, EVERYBODY);
    assert_false(dhcp4_message_has(&r.reply, DHCP4_LEASE_TIME));
    assert_int_equal(counters(&r)->naks, 1);
    rig_free(&r);
}

static void a_client_that_chooses_another_server_frees_the_offer(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1);
    uint32_t address = yiaddr(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .requested = 0x0a000077, .server = 0x0a000002), 0);
    assert_int_equal(counters(&r)->drop_other_server, 1);
    assert_int_equal(state_of(&r, address), LEASE_FREE);
    rig_free(&r);
}

static void a_rebooting_client_is_confirmed_refused_or_not_known(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    uint32_t address = take_lease(&r, 1);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .requested = address), 1);
    assert_int_equal(r.reply.type, DHCP4_ACK);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .requested = address + 1), 1); /* not its address */
    assert_int_equal(r.reply.type, DHCP4_NAK);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 7, .requested = 0xc0a80105), 1); /* not its subnet */
    assert_int_equal(r.reply.type, DHCP4_NAK);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 7, .requested = FIRST), 0); /* MUST remain silent */
    assert_int_equal(counters(&r)->drop_unknown, 1);
    rig_free(&r);
}

static void an_authoritative_server_refuses_whom_it_does_not_know(void **state)
{
    (void)state;
    struct rig r;
    rig_settings(&r);
    r.settings.authoritative = true;
    rig_start(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 7, .requested = FIRST), 1);
    assert_int_equal(r.reply.type, DHCP4_NAK);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 7, .ciaddr = FIRST), 1);
    assert_int_equal(r.reply.type, DHCP4_NAK);
    assert_int_equal(r.sent.to, EVERYBODY);
    rig_free(&r);
}

static void fields_that_contradict_each_other_get_no_answer(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .requested = FIRST, .ciaddr = FIRST), 0);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1), 0);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .ciaddr = FIRST, .server = SERVER), 0);
    assert_int_equal(SAY(&r, .type = DHCP4_INFORM, .who = 1), 0);
    assert_int_equal(counters(&r)->drop_fields, 4);
    rig_free(&r);
}

/* ---- DECLINE, RELEASE, INFORM ---- */

static void a_declined_address_is_nobodys_for_a_while(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    uint32_t address = take_lease(&r, 1);
    SAY(&r, .type = DHCP4_DECLINE, .who = 1, .requested = address, .server = SERVER);
    assert_int_equal(counters(&r)->declines, 1);
    assert_int_equal(state_of(&r, address), LEASE_DECLINED);
    for (uint8_t who = 1; who <= 3; who++)
        assert_int_not_equal(take_lease(&r, who), address);
    assert_int_equal(take_lease(&r, 4), 0);
    assert_int_equal(counters(&r)->drop_exhausted, 1);
    advance(&r, 601 * NS_PER_S);
    assert_int_equal(take_lease(&r, 4), address);
    rig_free(&r);
}

static void only_the_holder_declines_and_releases(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    uint32_t address = take_lease(&r, 1);
    SAY(&r, .type = DHCP4_DECLINE, .who = 2, .requested = address, .server = SERVER);
    SAY(&r, .type = DHCP4_RELEASE, .who = 2, .ciaddr = address, .server = SERVER);
    SAY(&r, .type = DHCP4_RELEASE, .who = 1, .ciaddr = address + 1, .server = SERVER);
    assert_int_equal(counters(&r)->drop_unknown, 3);
    SAY(&r, .type = DHCP4_RELEASE, .who = 1, .ciaddr = address, .server = 0x0a000002);
    assert_int_equal(counters(&r)->drop_other_server, 1);
    assert_int_equal(state_of(&r, address), LEASE_BOUND);
    assert_int_equal(SAY(&r, .type = DHCP4_RELEASE, .who = 1, .ciaddr = address, .server = SERVER), 0);
    assert_int_equal(counters(&r)->releases, 1);
    assert_int_equal(state_of(&r, address), LEASE_REMEMBERED);
    rig_free(&r);
}

static void an_inform_gets_parameters_but_no_lease(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_INFORM, .who = 1, .ciaddr = 0x0a000042), 1);
    assert_int_equal(r.reply.type, DHCP4_ACK);
    assert_int_equal(r.sent.to, 0x0a000042);
    assert_int_equal(r.sent.port, DHCP4_CLIENT_PORT);
    assert_int_equal(yiaddr(&r), 0);
    assert_false(dhcp4_message_has(&r.reply, DHCP4_LEASE_TIME) || dhcp4_message_has(&r.reply, DHCP4_T1));
    assert_int_equal(dhcp4_message_u32(&r.reply, DHCP4_ROUTER, 0), 0x0a0000fe);
    assert_int_equal(counters(&r)->informs, 1);
    rig_free(&r);
}

/* ---- where to, relay agents ---- */

static void replies_go_where_rfc_2131_4_1_says(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .flags = DHCP4_BROADCAST);
    assert_true(r.sent.to == EVERYBODY && r.sent.port == 68 && !r.sent.mac);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1);
    assert_true(r.sent.to == yiaddr(&r) && r.sent.port == 68 && r.sent.mac);
    assert_memory_equal(r.mac, ((const uint8_t[]){2, 0, 0, 0, 0, 1}), 6);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .giaddr = RELAY, .flags = DHCP4_BROADCAST);
    assert_true(r.sent.to == RELAY && r.sent.port == 67 && !r.sent.mac);
    SAY(&r, .type = DHCP4_REQUEST, .who = 1, .giaddr = RELAY, .requested = FIRST, .server = SERVER);
    assert_int_equal(r.reply.type, DHCP4_NAK);
    assert_true(r.sent.to == RELAY && r.reply.header.flags == DHCP4_BROADCAST);
    rig_free(&r);
}

static void the_relay_agent_chooses_the_pool_and_gets_its_information_back(void **state)
{
    (void)state;
    static const char info[] = "\1\4port\2\3abc";
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .giaddr = RELAY, .relay_agent = info, .relay_agent_len = 11);
    assert_int_equal(yiaddr(&r), RELAYED);
    assert_int_equal(r.reply.option[DHCP4_RELAY_AGENT].length, 11);
    assert_memory_equal(r.reply.option[DHCP4_RELAY_AGENT].bytes, info, 11);
    assert_int_equal(r.reply.option[DHCP4_RELAY_AGENT].bytes[11], 255); /* the last option: RFC 3046 2.2 */
    /* RFC 3527: the relay agent's own address is elsewhere */
    SAY(&r, .type = DHCP4_DISCOVER, .who = 2, .giaddr = 0xc0a80001, .relay_agent = "\5\4\x0a\1\0\0",
        .relay_agent_len = 6);
    assert_int_equal(yiaddr(&r), RELAYED + 1);
    assert_int_equal(r.sent.to, 0xc0a80001);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 3, .giaddr = 0xc0a80001), 0);
    assert_int_equal(counters(&r)->drop_no_pool, 1);
    rig_free(&r);
}

static void the_client_identifier_comes_before_the_hardware_address(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .client_id = "\1abcdefg");
    uint32_t address = yiaddr(&r);
    assert_memory_equal(r.reply.option[DHCP4_CLIENT_ID].bytes, "\1abcdefg", 8); /* RFC 6842 */
    SAY(&r, .type = DHCP4_DISCOVER, .who = 2, .client_id = "\1abcdefg");
    assert_int_equal(yiaddr(&r), address);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 1, .client_id = "\1abcdefh");
    assert_int_not_equal(yiaddr(&r), address);
    rig_free(&r);
}

static void reservations_by_identifier_and_hardware_address_are_kept(void **state)
{
    (void)state;
    struct rig r;
    rig_settings(&r);
    r.settings.reservations = reservations;
    r.settings.n_reservations = ARRAY_SIZE(reservations);
    rig_start(&r);
    for (uint8_t who = 1; who <= 3; who++)
        assert_int_not_equal(take_lease(&r, who), FIRST + 1);
    assert_int_equal(take_lease(&r, 4), 0); /* the fourth is kept */
    assert_int_equal(take_lease(&r, 200), FIRST + 1);
    SAY(&r, .type = DHCP4_DISCOVER, .who = 9, .client_id = "\0printer");
    assert_int_equal(yiaddr(&r), 0x0a0000c8);                              /* outside of the range */
    SAY(&r, .type = DHCP4_DISCOVER, .who = 200, .client_id = "\1another"); /* the reserved address is in use */
    assert_int_equal(counters(&r)->drop_exhausted, 2);
    rig_free(&r);
}

/* ---- what runs out ---- */

static void offers_addresses_and_records_are_bounded(void **state)
{
    (void)state;
    struct rig r;
    rig_settings(&r);
    r.settings.max_offers = 2;
    rig_start(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 1), 1);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 2), 1);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 3), 0);
    assert_int_equal(counters(&r)->drop_offer_limit, 1);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 1), 1); /* who has one may ask again */
    advance(&r, 31 * NS_PER_S);
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 3), 1);
    rig_free(&r);
    rig_settings(&r);
    r.settings.max_leases = 2;
    rig_start(&r);
    assert_true(take_lease(&r, 1) && take_lease(&r, 2));
    assert_int_equal(SAY(&r, .type = DHCP4_DISCOVER, .who = 3), 0);
    assert_int_equal(counters(&r)->drop_no_record, 1);
    advance(&r, 3601 * NS_PER_S); /* what is remembered makes room */
    assert_true(take_lease(&r, 3) != 0);
    assert_int_equal(dhcp4_server_leases(r.server)->evicted, 1);
    rig_free(&r);
}

/* DH-02 at the server: a thousand clients that do not exist. */
static void dh_02_starvation_ends_with_the_offers(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(take_lease(&r, 1), FIRST);
    for (unsigned i = 0; i < 1000; i++) {
        char id[9];
        snprintf(id, sizeof id, "%08u", i);
        SAY(&r, .type = DHCP4_DISCOVER, .who = 2, .client_id = id);
    }
    assert_int_equal(counters(&r)->offers, 4);
    assert_int_equal(counters(&r)->drop_exhausted, 997);
    assert_int_equal(SAY(&r, .type = DHCP4_REQUEST, .who = 1, .ciaddr = FIRST), 1); /* who has a lease keeps it */
    assert_int_equal(r.reply.type, DHCP4_ACK);
    advance(&r, 31 * NS_PER_S);
    assert_int_equal(dhcp4_server_leases(r.server)->offers_expired, 3);
    assert_true(take_lease(&r, 5) != 0);
    rig_free(&r);
    print_message("DH-02: %u cases\n", 1000u);
}

static void what_is_no_clients_message_is_counted(void **state)
{
    (void)state;
    struct rig r;
    uint8_t bytes[244] = {1, 1, 6, [236] = 99, 130, 83, 99, 53, 1, 1, 255};
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP4_OFFER, .who = 1), 0);
    assert_int_equal(SAY(&r, .type = DHCP4_ACK, .who = 1), 0);
    assert_int_equal(SAY(&r, .type = DHCP4_NAK, .who = 1), 0);
    assert_int_equal(counters(&r)->drop_type, 3);
    bytes[0] = 2;
    dhcp4_server_input(r.server, bytes, sizeof bytes, r.now);
    assert_int_equal(counters(&r)->drop_type, 4);
    bytes[0] = 1;
    bytes[236] = 98;
    dhcp4_server_input(r.server, bytes, sizeof bytes, r.now);
    assert_int_equal(counters(&r)->drop_malformed, 1);
    assert_int_equal(counters(&r)->malformed[DHCP4_REJECT_COOKIE], 1);
    assert_int_equal(r.replies, 0);
    rig_free(&r);
}

static void a_reply_that_does_not_fit_is_counted(void **state)
{
    (void)state;
    char info[252] = "\1\xfa";
    struct rig r;
    rig_init(&r);
    uint8_t bytes[DHCP4_MOST_ROOM];
    struct dhcp4_writer w;
    struct dhcp4_header h = {.op = 1, .htype = 1, .hlen = 6, .giaddr = RELAY};
    dhcp4_writer_begin(&w, bytes, sizeof bytes, &h, DHCP4_DISCOVER);
    uint8_t id[255] = {9};
    dhcp4_writer_bytes(&w, DHCP4_CODE_CLIENT_ID, id, sizeof id);
    dhcp4_writer_bytes(&w, DHCP4_CODE_RELAY_AGENT, info, sizeof info);
    int length = dhcp4_writer_end(&w);
    dhcp4_server_input(r.server, bytes, (size_t)length, r.now);
    assert_int_equal(counters(&r)->drop_write, 1);
    assert_int_equal(r.replies, 0);
    rig_free(&r);
}

/* ---- settings ---- */

static void settings_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct dhcp4_pool_settings p[2];
    struct rig r;
    for (unsigned kind = 0; kind < 12; kind++) {
        rig_settings(&r);
        memcpy(p, pools, sizeof p);
        r.settings.pools = p;
        switch (kind) {
        case 0:
            r.settings.n_pools = 0;
            break;
        case 1:
            r.settings.send = NULL;
            break;
        case 2:
            p[0].last = 0x0a0000ff; /* broadcast */
            break;
        case 3:
            p[0].first = 0x0a000000;
            break;
        case 4:
            p[0].last = FIRST - 1;
            break;
        case 5:
            p[0].lease_s = 0;
            break;
        case 6:
            p[0].lease_s = 59;
            break;
        case 7:
            p[0].router = 0x0a0100fe;
            break;
        case 8:
            p[1].network = 0x0a000000;
            p[1].first = p[1].last = FIRST + 9;
            break;
        case 9:
            p[0].network = 0x0a000001;
            break;
        case 10:
            p[0].prefix_length = 31;
            break;
        default:
            r.settings.address = 0;
        }
        assert_int_equal(dhcp4_server_new(&r.settings, &r.memory.allocator, r.now, &r.server), ERR_INVALID);
        assert_int_equal(r.memory.live_blocks, 0);
    }
    struct dhcp4_reservation twice[2] = {reservations[0], reservations[0]};
    rig_settings(&r);
    r.settings.reservations = twice;
    r.settings.n_reservations = 2;
    assert_int_equal(dhcp4_server_new(&r.settings, &r.memory.allocator, r.now, &r.server), ERR_EXISTS);
    twice[1].mac[0] = 6;
    assert_int_equal(dhcp4_server_new(&r.settings, &r.memory.allocator, r.now, &r.server), ERR_EXISTS);
    twice[1].address = 0xc0a80001;
    assert_int_equal(dhcp4_server_new(&r.settings, &r.memory.allocator, r.now, &r.server), ERR_INVALID);
    assert_int_equal(r.memory.live_blocks, 0);
}

static void memory_that_fails_gives_no_server_and_leaks_nothing(void **state)
{
    (void)state;
    struct rig r;
    for (unsigned n = 0;; n++) {
        rig_settings(&r);
        r.settings.reservations = reservations;
        r.settings.n_reservations = ARRAY_SIZE(reservations);
        r.memory.allocs_left = n;
        int e = dhcp4_server_new(&r.settings, &r.memory.allocator, r.now, &r.server);
        if (e == 0)
            break;
        assert_int_equal(e, ERR_NO_MEMORY);
        assert_int_equal(r.memory.live_blocks, 0);
        assert_true(n < 30);
    }
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_has_all_that_rfc_2131_table_3_asks_for),
        cmocka_unit_test(parameters_are_those_that_are_asked_for),
        cmocka_unit_test(a_lease_ends_and_its_client_gets_the_address_again),
        cmocka_unit_test(what_is_remembered_goes_to_others_when_nothing_else_is_left),
        cmocka_unit_test(an_offer_that_is_not_taken_is_free_again),
        cmocka_unit_test(a_repeated_discover_gets_the_same_offer),
        cmocka_unit_test(the_address_asked_for_is_offered_when_it_is_free),
        cmocka_unit_test(lease_times_stay_within_the_pools_bounds),
        cmocka_unit_test(renewing_extends_the_lease),
        cmocka_unit_test(a_request_for_another_address_than_the_offered_is_refused),
        cmocka_unit_test(a_client_that_chooses_another_server_frees_the_offer),
        cmocka_unit_test(a_rebooting_client_is_confirmed_refused_or_not_known),
        cmocka_unit_test(an_authoritative_server_refuses_whom_it_does_not_know),
        cmocka_unit_test(fields_that_contradict_each_other_get_no_answer),
        cmocka_unit_test(a_declined_address_is_nobodys_for_a_while),
        cmocka_unit_test(only_the_holder_declines_and_releases),
        cmocka_unit_test(an_inform_gets_parameters_but_no_lease),
        cmocka_unit_test(replies_go_where_rfc_2131_4_1_says),
        cmocka_unit_test(the_relay_agent_chooses_the_pool_and_gets_its_information_back),
        cmocka_unit_test(the_client_identifier_comes_before_the_hardware_address),
        cmocka_unit_test(reservations_by_identifier_and_hardware_address_are_kept),
        cmocka_unit_test(offers_addresses_and_records_are_bounded),
        cmocka_unit_test(dh_02_starvation_ends_with_the_offers),
        cmocka_unit_test(what_is_no_clients_message_is_counted),
        cmocka_unit_test(a_reply_that_does_not_fit_is_counted),
        cmocka_unit_test(settings_that_cannot_work_are_refused),
        cmocka_unit_test(memory_that_fails_gives_no_server_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
