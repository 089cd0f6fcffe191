/* SPDX-License-Identifier: MIT */
/*
 * Single requirements of RFC 2131 that no other test of the DHCPv4 client, server or messages shows;
 * tests/conformance/requirements/rfc2131.tsv names these. A client and a server talk to each other directly: everything
 * that either says is kept in the order of the exchange. Time is virtual.
 */
#include "base/error.h"
#include "service/dhcp4_client.h"
#include "service/dhcp4_server.h"
#include "support/counting_alloc.h"
#include "unit/wire_support.h"

#define SERVER 0x0a000001u
#define FIRST 0x0a000064u
#define EVERYBODY 0xffffffffu
#define MESSAGES 64u

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
static const struct dhcp4_pool_settings pool = {.network = 0x0a000000,
                                                .prefix_length = 24,
                                                .first = FIRST,
                                                .last = FIRST + 3,
                                                .lease_s = 3600,
                                                .least_lease_s = 60,
                                                .most_lease_s = 7200};

struct said {
    uint8_t bytes[DHCP4_MOST_ROOM];
    size_t length;
    uint32_t to;
    bool answered; /* the server is let hear it */
};

struct rig {
    struct counting_alloc memory;
    struct dhcp4_client_settings client_settings;
    struct dhcp4_client client;
    struct dhcp4_client_counters counters;
    struct dhcp4_server_settings server_settings;
    struct dhcp4_server *server;
    int64_t now;
    bool deaf; /* the server */
    uint32_t configured, unconfigured;
    unsigned count, replies;
    struct said said[MESSAGES], reply;
};
static struct rig rig;
static struct dhcp4_message message, reply;

static void on_client_send(void *context, struct dhcp4_client *c, const struct dhcp4_client_datagram *d)
{
    struct rig *r = context;
    (void)c;
    assert_true(r->count < MESSAGES);
    struct said *x = &r->said[r->count++];
    memcpy(x->bytes, d->bytes, d->length);
    x->length = d->length;
    x->to = d->to;
}

static void on_server_send(void *context, struct dhcp4_server *s, const struct dhcp4_server_datagram *d)
{
    struct rig *r = context;
    (void)s;
    r->replies++;
    memcpy(r->reply.bytes, d->bytes, d->length);
    r->reply.length = d->length;
    r->reply.to = d->to;
    assert_int_equal(dhcp4_message_parse(r->reply.bytes, d->length, &reply), DHCP4_ACCEPTED);
}

static void on_configure(void *context, struct dhcp4_client *c, const struct dhcp4_lease *lease)
{
    (void)c;
    ((struct rig *)context)->configured = lease->address;
}

static void on_unconfigure(void *context, struct dhcp4_client *c, uint32_t address)
{
    (void)c;
    ((struct rig *)context)->unconfigured = address;
}

static struct rig *begin(void)
{
    struct rig *r = &rig;
    memset(r, 0, sizeof *r);
    counting_alloc_init(&r->memory);
    r->now = 1000 * NS_PER_S;
    dhcp4_server_settings_default(&r->server_settings);
    r->server_settings.address = SERVER;
    r->server_settings.pools = &pool;
    r->server_settings.n_pools = 1;
    r->server_settings.max_leases = 64;
    r->server_settings.max_offers = 32;
    r->server_settings.send = on_server_send;
    r->server_settings.context = r;
    int e = dhcp4_server_new(&r->server_settings, &r->memory.allocator, r->now, &r->server);
    if (e == ERR_NO_MEMORY) /* torture */
        skip();
    assert_int_equal(e, 0);
    dhcp4_client_settings_default(&r->client_settings);
    r->client_settings.host = (struct dhcp4_client_host){
        .send = on_client_send, .configure = on_configure, .unconfigure = on_unconfigure, .context = r};
    r->client_settings.counters = &r->counters;
    r->client_settings.start_wait_ns = 0;
    dhcp4_client_init(&r->client, &r->client_settings, mac, 1);
    return r;
}

static void end(struct rig *r)
{
    dhcp4_server_delete(r->server);
    assert_int_equal(r->memory.live_blocks, 0);
}

/* Everything that the client has said and the server has not heard; answers come at once. */
static void exchange(struct rig *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        unsigned before = r->replies;
        if (r->deaf || r->said[i].answered)
            continue;
        r->said[i].answered = true;
        dhcp4_server_input(r->server, r->said[i].bytes, r->said[i].length, r->now);
        if (r->replies > before)
            dhcp4_client_input(&r->client, r->reply.bytes, r->reply.length, r->now);
    }
}

static void until(struct rig *r, enum dhcp4_client_state state)
{
    for (unsigned i = 0; i < 60 && r->client.state != state; i++) {
        r->now = r->client.deadline;
        dhcp4_client_tick(&r->client, r->now);
        exchange(r);
    }
    assert_int_equal(r->client.state, state);
}

/* A client's whole life: an address, its renewal by one server, by any, its end, a reboot, and the release. */
static struct rig *live(void)
{
    struct rig *r = begin();
    dhcp4_client_start(&r->client, 0, r->now);
    exchange(r);
    until(r, DHCP4_CLIENT_BOUND);
    r->deaf = true;
    until(r, DHCP4_CLIENT_RENEWING);
    until(r, DHCP4_CLIENT_REBINDING);
    until(r, DHCP4_CLIENT_SELECTING);
    r->deaf = false;
    dhcp4_client_start(&r->client, FIRST, r->now);
    exchange(r);
    until(r, DHCP4_CLIENT_BOUND);
    dhcp4_client_conflict(&r->client, r->now);
    until(r, DHCP4_CLIENT_BOUND);
    dhcp4_client_release(&r->client);
    return r;
}

static void every_message_has_the_same_client_identifier(void **state) /* RFC 2131 2, 4.2, 4.4.1 */
{
    (void)state;
    struct rig *r = live();
    unsigned types = 0;
    for (unsigned i = 0; i < r->count; i++) {
        assert_int_equal(dhcp4_message_parse(r->said[i].bytes, r->said[i].length, &message), DHCP4_ACCEPTED);
        assert_int_equal(message.option[DHCP4_CLIENT_ID].length, 7);
        assert_int_equal(message.option[DHCP4_CLIENT_ID].bytes[0], 1); /* Ethernet */
        assert_memory_equal(message.option[DHCP4_CLIENT_ID].bytes + 1, mac, 6);
        assert_memory_equal(message.header.chaddr, mac, 6);
        assert_int_equal(message.header.flags & 0x7fff, 0);
        types |= 1u << message.type;
    }
    assert_int_equal(types, 1u << DHCP4_DISCOVER | 1u << DHCP4_REQUEST | 1u << DHCP4_DECLINE | 1u << DHCP4_RELEASE);
    end(r);
}

static void every_request_has_the_parameter_list_of_the_discover(void **state) /* RFC 2131 3.5 */
{
    (void)state;
    struct rig *r = live();
    uint8_t list[64];
    size_t length = 0;
    for (unsigned i = 0; i < r->count; i++) {
        assert_int_equal(dhcp4_message_parse(r->said[i].bytes, r->said[i].length, &message), DHCP4_ACCEPTED);
        const struct dhcp4_value *v = &message.option[DHCP4_PARAMETER_LIST];
        if (message.type != DHCP4_DISCOVER && message.type != DHCP4_REQUEST)
            continue;
        if (length == 0)
            memcpy(list, v->bytes, length = v->length);
        assert_int_equal(v->length, length);
        assert_memory_equal(v->bytes, list, length);
    }
    assert_true(length > 0);
    end(r);
}

/* What a server says that has this address to give. */
static void give(struct rig *r, enum dhcp4_type type, uint32_t address)
{
    uint8_t bytes[DHCP4_MOST_ROOM];
    struct dhcp4_writer w;
    struct dhcp4_header h = {.op = 2, .htype = 1, .hlen = 6, .xid = r->client.xid, .yiaddr = address};
    memcpy(h.chaddr, mac, 6);
    dhcp4_writer_begin(&w, bytes, sizeof bytes, &h, type);
    dhcp4_writer_u32(&w, DHCP4_CODE_SERVER_ID, SERVER);
    dhcp4_writer_u32(&w, DHCP4_CODE_LEASE_TIME, 3600);
    int n = dhcp4_writer_end(&w);
    assert_true(n > 0);
    dhcp4_client_input(&r->client, bytes, (size_t)n, r->now);
}

static void another_address_takes_the_place_of_the_old_one(void **state) /* RFC 2131 4.4.5 */
{
    (void)state;
    struct rig *r = begin();
    dhcp4_client_start(&r->client, 0, r->now);
    exchange(r);
    until(r, DHCP4_CLIENT_BOUND);
    const uint32_t old = r->configured;
    r->deaf = true;
    until(r, DHCP4_CLIENT_SELECTING); /* the lease is over */
    assert_int_equal(r->unconfigured, old);
    r->configured = 0;
    give(r, DHCP4_OFFER, old + 1);
    for (unsigned i = 0; i < 3 && r->client.state == DHCP4_CLIENT_SELECTING; i++) {
        r->now = r->client.deadline;
        dhcp4_client_tick(&r->client, r->now);
    }
    give(r, DHCP4_ACK, old + 1);
    assert_int_equal(r->client.state, DHCP4_CLIENT_BOUND);
    assert_int_equal(r->configured, old + 1);
    end(r);
}

static void transaction_numbers_differ_between_clients(void **state) /* RFC 2131 4.1 */
{
    (void)state;
    struct rig *r = begin();
    uint32_t seen[60];
    for (unsigned i = 0; i < 60; i++) {
        dhcp4_client_init(&r->client, &r->client_settings, mac, i + 1);
        r->count = 0;
        dhcp4_client_start(&r->client, 0, r->now);
        assert_int_equal(r->count, 1);
        assert_int_equal(dhcp4_message_parse(r->said[0].bytes, r->said[0].length, &message), DHCP4_ACCEPTED);
        seen[i] = message.header.xid;
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(seen[k], seen[i]);
    }
    end(r);
}

/* A client's message by hand to the server; how many answers. */
static unsigned ask(struct rig *r, enum dhcp4_type type, uint16_t flags, uint32_t requested)
{
    uint8_t bytes[DHCP4_MOST_ROOM];
    struct dhcp4_writer w;
    struct dhcp4_header h = {.op = 1, .htype = 1, .hlen = 6, .xid = 77, .flags = flags};
    unsigned before = r->replies;
    memcpy(h.chaddr, mac, 6);
    dhcp4_writer_begin(&w, bytes, sizeof bytes, &h, type);
    if (requested)
        dhcp4_writer_u32(&w, DHCP4_CODE_REQUESTED_ADDRESS, requested);
    int n = dhcp4_writer_end(&w);
    assert_true(n > 0);
    dhcp4_server_input(r->server, bytes, (size_t)n, r->now);
    return r->replies - before;
}

static void a_server_ignores_reserved_flags(void **state) /* RFC 2131 2 */
{
    (void)state;
    struct rig *r = begin();
    for (unsigned flags = 0; flags < 0x10000; flags += 0x111) {
        assert_int_equal(ask(r, DHCP4_DISCOVER, (uint16_t)flags, 0), 1);
        assert_int_equal(reply.type, DHCP4_OFFER);
        assert_int_equal(reply.header.yiaddr, FIRST);
        assert_int_equal(r->reply.to, flags & DHCP4_BROADCAST ? EVERYBODY : FIRST);
    }
    end(r);
}

static void a_refusal_is_broadcast(void **state) /* RFC 2131 3.2, 4.3.2, table 3 */
{
    (void)state;
    struct rig *r = begin();
    assert_int_equal(ask(r, DHCP4_REQUEST, 0, 0xc0a80105), 1); /* of no subnet here */
    assert_int_equal(reply.type, DHCP4_NAK);
    assert_int_equal(r->reply.to, EVERYBODY);
    assert_int_equal(reply.header.yiaddr | reply.header.ciaddr | reply.header.siaddr, 0);
    assert_int_equal(dhcp4_message_u32(&reply, DHCP4_SERVER_ID, 0), SERVER);
    assert_false(dhcp4_message_has(&reply, DHCP4_LEASE_TIME) || dhcp4_message_has(&reply, DHCP4_SUBNET_MASK) ||
                 dhcp4_message_has(&reply, DHCP4_REQUESTED_ADDRESS) || dhcp4_message_has(&reply, DHCP4_OVERLOAD));
    end(r);
}

/* Options, the end option, then nothing but padding. */
static void expect_ended_and_padded(const uint8_t *field, size_t size)
{
    size_t at = 0;
    while (at < size && field[at] != 255)
        at += field[at] == 0 ? 1 : 2u + field[at + 1];
    assert_true(at < size);
    for (at++; at < size; at++)
        assert_int_equal(field[at], 0);
}

static void overloaded_fields_are_ended_and_padded(void **state) /* RFC 2131 4.1 */
{
    (void)state;
    uint8_t to[DHCP4_LEAST_ROOM], value[200] = {'v'};
    struct dhcp4_writer w;
    const struct dhcp4_header h = {.op = 2, .htype = 1, .hlen = 6};
    memset(to, 0xee, sizeof to);
    dhcp4_writer_begin(&w, to, sizeof to, &h, DHCP4_ACK);
    dhcp4_writer_bytes(&w, 60, value, 200);
    dhcp4_writer_bytes(&w, 12, value, 100);
    dhcp4_writer_bytes(&w, 15, value, 50);
    int n = dhcp4_writer_end(&w);
    assert_true(n > 240);
    expect_ended_and_padded(to + 44, 64);
    expect_ended_and_padded(to + 108, 128);
    expect_ended_and_padded(to + 240, (size_t)n - 240);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_has_the_same_client_identifier),
        cmocka_unit_test(every_request_has_the_parameter_list_of_the_discover),
        cmocka_unit_test(another_address_takes_the_place_of_the_old_one),
        cmocka_unit_test(transaction_numbers_differ_between_clients),
        cmocka_unit_test(a_server_ignores_reserved_flags),
        cmocka_unit_test(a_refusal_is_broadcast),
        cmocka_unit_test(overloaded_fields_are_ended_and_padded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
