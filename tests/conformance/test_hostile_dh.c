/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows DH on the stack: DHCP clients whose servers lie, beside a healthy connection. RFC 2131, RFC 2132, RFC 3396, RFC 8415. What each message may be is
 * judged in unit/test_service_dhcp4_message and dhcp6_message, the servers' side in unit/test_service_dhcp4_server and dhcp6_server.
 */
#include "support/hostile6.h"

#include "dhcp/clients.h"

#define OFFERED (US + 40)
#define LEASE_S 3600u
#define OPTIONS_AT DHCP4_HEADER_LEN
#define CLIENT_UDP 42u /* where a UDP header's payload begins in a frame */

static const uint8_t client_mac[6] = {2, 0, 0, 0, 9, 9};

struct bed {
    struct hostile *h;
    struct dhcp_clients *clients;
    struct dhcp4_client_counters before;
    uint64_t others_before;
    uint32_t xid;
};

static uint8_t f[FRAME_MAKE_BYTES], message[DHCP4_MOST_ROOM];

/* ---- the client ---- */

static void turn(struct bed *b, int64_t ns)
{
    b->h->now += ns;
    dhcp_clients_turn(b->clients, b->h->now);
    hostile_pass(b->h, 0);
}

static void new_case(struct bed *b)
{
    hostile_case(b->h);
    b->before = *dhcp_clients_counters4(b->clients);
    b->others_before = dhcp_clients_counters(b->clients)->other_macs;
}

/* The transaction of the message that the client sent last. */
static uint32_t sent_xid(struct bed *b)
{
    uint32_t xid = 0;
    for (const struct hostile_frame *s; (s = hostile_next(b->h));)
        if (load_be16(s->bytes + 12) == ETHERTYPE_IPV4 && s->bytes[23] == IP_PROTO_UDP &&
            load_be16(s->bytes + 36) == DHCP4_SERVER_PORT)
            xid = load_be32(s->bytes + CLIENT_UDP + 4);
    assert_true(xid != 0);
    return xid;
}

static struct bed begin(void)
{
    struct bed b = {.h = hostile_new(NULL)};
    struct dhcp_clients_settings s;
    dhcp_clients_settings_default(&s, false);
    memcpy(s.mac, client_mac, sizeof s.mac);
    s.probe.probes = 0;
    s.key = (struct hash_key){1, 2};
    assert_int_equal(dhcp_clients_new(&s, b.h->stack, &b.h->memory.allocator, b.h->now, &b.clients), 0);
    b.h->calls_at_start = b.h->memory.calls;
    dhcp_clients_start(b.clients, b.h->now);
    turn(&b, 0);
    b.xid = sent_xid(&b);
    new_case(&b);
    b.h->cases = 0;
    return b;
}

static void end(struct bed *b, const char *id)
{
    assert_int_equal(b->h->memory.calls, b->h->calls_at_start);
    dhcp_clients_delete(b->clients);
    hostile_end(b->h, id);
}

static struct dhcp_view view(const struct bed *b)
{
    struct dhcp_view v;
    dhcp_clients_view(b->clients, 0, &v);
    return v;
}

/* ---- the server ---- */

static uint32_t reply(const struct bed *b, enum dhcp4_type type, uint32_t xid, const uint8_t *mac)
{
    struct dhcp4_writer w;
    struct dhcp4_header header = {.op = DHCP4_BOOTREPLY, .htype = DHCP4_ETHERNET, .hlen = 6, .xid = xid};
    (void)b;
    header.yiaddr = OFFERED;
    memcpy(header.chaddr, mac, 6);
    dhcp4_writer_begin(&w, message, sizeof message, &header, type);
    dhcp4_writer_u32(&w, DHCP4_CODE_SERVER_ID, PEER);
    dhcp4_writer_u32(&w, DHCP4_CODE_LEASE_TIME, LEASE_S);
    dhcp4_writer_u32(&w, DHCP4_CODE_SUBNET_MASK, 0xffffff00u);
    int length = dhcp4_writer_end(&w);
    assert_true(length > 0);
    return (uint32_t)length;
}

static void give(struct bed *b, uint32_t length)
{
    uint32_t n = make_udp(f, PEER, DHCP4_SERVER_PORT, 0xffffffffu, DHCP4_CLIENT_PORT, message, length);
    memcpy(f, BROADCAST_MAC, 6);
    hostile_inject(b->h, f, n);
}

/* To the state in which messages are judged: 0 none was offered, 1 one was requested, 2 the lease is there. */
static void advance(struct bed *b, unsigned to)
{
    if (to >= 1) {
        give(b, reply(b, DHCP4_OFFER, b->xid, client_mac));
        turn(b, 0);
        b->xid = sent_xid(b);
    }
    if (to >= 2) {
        give(b, reply(b, DHCP4_ACK, b->xid, client_mac));
        turn(b, 0);
        assert_true(view(b).bound && view(b).local != 0);
    }
}

static uint64_t drops(const struct bed *b)
{
    const struct dhcp4_client_counters *now = dhcp_clients_counters4(b->clients);
    uint64_t sum = 0;
#define ADD(name, text)                                                                                                \
    if (strncmp(#name, "drop_", 5) == 0)                                                                               \
        sum += now->name - b->before.name;
    DHCP4_CLIENT_COUNTER_LIST(ADD)
#undef ADD
    return sum;
}

#define EXPECT_DROP(b, name)                                                                                           \
    do {                                                                                                               \
        assert_int_equal(dhcp_clients_counters4((b)->clients)->name - (b)->before.name, 1);                            \
        expect_nothing_else(b, 1);                                                                                     \
    } while (0)

/* The stack has nothing to complain of, the client said nothing and has what it had. */
static void expect_nothing_else(struct bed *b, uint64_t dropped)
{
    struct dhcp_view was = view(b);
    assert_int_equal(drops(b), dropped);
    HOSTILE_NO_DROPS(b->h);
    dhcp_clients_turn(b->clients, b->h->now);
    hostile_pass(b->h, 0);
    hostile_expect_silence(b->h);
    struct dhcp_view is = view(b);
    assert_true(ip_addr_equal(&was.address, &is.address));
    assert_int_equal(was.bound, is.bound);
    assert_int_equal(was.expires_ns, is.expires_ns);
}

/* ---- DH-01 ---- */

/* What no message may have, behind the options that a good one has; one that is there twice is one in pieces: RFC 3396. */
static const struct {
    uint8_t length, bytes[12];
} bad_options[] = {
    {2, {1, 4}},                            /* past the end, at the very end */
    {3, {15, 200, 'x'}},                    /* past the end */
    {1, {53}},                              /* without a length */
    {4, {52, 1, 0, 255}},                   /* an overload of nothing */
    {4, {52, 1, 4, 255}},                   /* of what there is not */
    {5, {52, 2, 1, 1, 255}},                /* of a wrong length */
    {7, {1, 4, 255, 255, 255, 0, 255}},     /* a mask of eight bytes */
    {4, {51, 1, 0, 255}},                   /* a lease of five */
    {4, {53, 1, 2, 255}},                   /* two types */
    {4, {54, 1, 0, 255}},                   /* a server of five bytes */
    {5, {3, 2, 10, 0, 255}},                /* half of a router */
    {5, {119, 2, 0xc0, 0, 255}},            /* a compression pointer to itself */
    {5, {119, 2, 0xc0, 9, 255}},            /* forward */
    {5, {119, 2, 63, 'x', 255}},            /* a label past the end */
    {6, {119, 3, 1, 'x', 0x80, 255}},       /* a label of no kind */
    {9, {121, 6, 33, 10, 0, 0, 0, 0, 255}}, /* a route of 33 bits */
    {8, {121, 5, 24, 10, 0, 0, 0, 255}},    /* cut off */
    {5, {57, 2, 0, 1, 255}},                /* a largest size of one byte */
    {6, {82, 3, 1, 9, 'x', 255}},           /* a sub-option past the end */
};

/* Of a good message: where its end option stands. */
static uint32_t end_at(void)
{
    uint32_t at = OPTIONS_AT;
    while (message[at] != DHCP4_CODE_END)
        at += message[at] == DHCP4_CODE_PAD ? 1 : 2u + message[at + 1];
    return at;
}

static void give_malformed(struct bed *b, uint32_t length)
{
    new_case(b);
    give(b, length);
    EXPECT_DROP(b, drop_malformed);
}

static void malform(struct bed *b, enum dhcp4_type type)
{
    (void)reply(b, type, b->xid, client_mac);
    uint32_t at = end_at();
    for (uint32_t length = 0; length <= at; length++) /* cut off anywhere */
        give_malformed(b, length);
    for (unsigned i = 0; i < ARRAY_SIZE(bad_options); i++) {
        (void)reply(b, type, b->xid, client_mac);
        memcpy(message + at, bad_options[i].bytes, bad_options[i].length);
        give_malformed(b, at + bad_options[i].length);
    }
    for (unsigned field = 1; field < 4; field++) { /* fields overloaded, and saying so again */
        (void)reply(b, type, b->xid, client_mac);
        memcpy(message + at, (const uint8_t[]){52, 1, (uint8_t)field, 255}, 4);
        memcpy(message + 44, (const uint8_t[]){52, 1, 3, 255}, 4);
        memcpy(message + 108, (const uint8_t[]){52, 1, 3, 255}, 4);
        give_malformed(b, at + 4);
    }
    for (unsigned length = 7; length < 256; length++) { /* of an address that is too long */
        (void)reply(b, type, b->xid, client_mac);
        message[2] = (uint8_t)length;
        give_malformed(b, at + 1);
    }
}

static void dh_01_malformed_answers_change_nothing_on_the_stack(void **state)
{
    (void)state;
    static const enum dhcp4_type types[] = {DHCP4_OFFER, DHCP4_ACK, DHCP4_ACK};
    for (unsigned to = 0; to < 3; to++) {
        struct bed b = begin();
        advance(&b, to);
        malform(&b, types[to]);
        malform(&b, DHCP4_NAK);
        if (to < 2) /* it goes on from where it was */
            advance(&b, to == 0 ? 2 : 0);
        end(&b, "DH-01 (stack)");
    }
}

/* ---- DH-02 ---- */

static void dh_02_answers_to_others_on_the_stack(void **state)
{
    (void)state;
    struct bed b = begin();
    for (unsigned to = 0; to < 2; to++) {
        enum dhcp4_type type = to ? DHCP4_ACK : DHCP4_OFFER;
        advance(&b, to);
        for (uint32_t i = 1; i <= 1000; i++) {
            new_case(&b);
            give(&b, reply(&b, type, b.xid + i * 4294967u, client_mac));
            EXPECT_DROP(&b, drop_xid);
            uint8_t other[6] = {2, 0, 0, 1};
            store_be16(other + 4, (uint16_t)i);
            new_case(&b);
            give(&b, reply(&b, type, b.xid, other));
            assert_int_equal(dhcp_clients_counters(b.clients)->other_macs, b.others_before + 1);
            expect_nothing_else(&b, 0);
        }
    }
    for (uint32_t i = 0; i < 1000; i++) { /* one was asked for; the others come too late */
        new_case(&b);
        give(&b, reply(&b, DHCP4_OFFER, b.xid, client_mac));
        EXPECT_DROP(&b, drop_type);
    }
    assert_int_equal(dhcp_clients_counters4(b.clients)->requests, 1);
    end(&b, "DH-02 (stack)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dh_01_malformed_answers_change_nothing_on_the_stack),
        cmocka_unit_test(dh_02_answers_to_others_on_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
