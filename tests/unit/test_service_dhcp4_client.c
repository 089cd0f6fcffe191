/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 client: RFC 2131 figure 5 as a table of states and events, what tables 4 and 5 say of its messages, times,
 * and what it must not be led astray by (THREATS DH-01, DH-02). The server is played by hand; time is virtual.
 */
#include "base/error.h"
#include "service/dhcp4_client.h"
#include "unit/wire_support.h"

#define SERVER 0x0a000001u
#define OTHER 0x0a000002u
#define ADDRESS 0x0a000064u
#define EVERYBODY 0xffffffffu
#define LEASE 3600u

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};

struct rig {
    struct dhcp4_client_settings settings;
    struct dhcp4_client_counters counters;
    struct dhcp4_client client;
    int64_t now;
    unsigned sent, probes, configured, unconfigured, acknowledged;
    uint32_t from, to;
    struct dhcp4_lease lease;
    uint8_t bytes[DHCP4_MOST_ROOM];
    struct dhcp4_message message; /* the one sent last */
};

static void on_send(void *context, struct dhcp4_client *c, const struct dhcp4_client_datagram *d)
{
    struct rig *r = context;
    assert_ptr_equal(c, &r->client);
    r->sent++;
    r->from = d->from;
    r->to = d->to;
    memcpy(r->bytes, d->bytes, d->length);
    assert_int_equal(dhcp4_message_parse(r->bytes, d->length, &r->message), DHCP4_ACCEPTED);
    assert_memory_equal(r->message.header.chaddr, mac, 6);
    assert_int_equal(r->message.header.op, 1);
}

static void on_probe(void *context, struct dhcp4_client *c, uint32_t address)
{
    struct rig *r = context;
    assert_int_equal(address, c->lease.address);
    r->probes++;
}

static void on_configure(void *context, struct dhcp4_client *c, const struct dhcp4_lease *lease)
{
    struct rig *r = context;
    (void)c;
    r->configured++;
    r->lease = *lease;
}

static void on_unconfigure(void *context, struct dhcp4_client *c, uint32_t address)
{
    struct rig *r = context;
    (void)c;
    assert_int_equal(address, r->lease.address);
    r->unconfigured++;
}

static void on_acknowledged(void *context, struct dhcp4_client *c, const struct dhcp4_message *m)
{
    struct rig *r = context;
    (void)c;
    assert_int_equal(m->type, DHCP4_ACK);
    r->acknowledged++;
}

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    dhcp4_client_settings_default(&r->settings);
    r->settings.host = (struct dhcp4_client_host){.send = on_send,
                                                  .probe = on_probe,
                                                  .configure = on_configure,
                                                  .unconfigure = on_unconfigure,
                                                  .acknowledged = on_acknowledged,
                                                  .context = r};
    r->settings.counters = &r->counters;
    r->settings.start_wait_ns = 0;
    assert_int_equal(dhcp4_client_settings_check(&r->settings), 0);
    dhcp4_client_init(&r->client, &r->settings, mac, 1);
    r->now = 1000 * NS_PER_S;
}

/* What the server says; changed by a test before it is given to the client. */
struct answer {
    enum dhcp4_type type;
    uint32_t xid, yiaddr, server, lease_s, t1_s, t2_s;
    uint8_t op, mac[6];
};

static struct answer answer_of(const struct rig *r, enum dhcp4_type type)
{
    struct answer a = {.type = type,
                       .xid = r->client.xid,
                       .yiaddr = type == DHCP4_NAK ? 0 : ADDRESS,
                       .server = SERVER,
                       .lease_s = LEASE,
                       .op = 2};
    memcpy(a.mac, mac, 6);
    return a;
}

static void give(struct rig *r, const struct answer *a)
{
    uint8_t bytes[DHCP4_LEAST_ROOM];
    struct dhcp4_writer w;
    struct dhcp4_header h = {.op = a->op, .htype = 1, .hlen = 6, .xid = a->xid, .yiaddr = a->yiaddr};
    memcpy(h.chaddr, a->mac, 6);
    dhcp4_writer_begin(&w, bytes, sizeof bytes, &h, a->type);
    if (a->server)
        dhcp4_writer_u32(&w, DHCP4_CODE_SERVER_ID, a->server);
    if (a->type != DHCP4_NAK && a->lease_s != 1)
        dhcp4_writer_u32(&w, DHCP4_CODE_LEASE_TIME, a->lease_s);
    if (a->t1_s)
        dhcp4_writer_u32(&w, DHCP4_CODE_T1, a->t1_s);
    if (a->t2_s)
        dhcp4_writer_u32(&w, DHCP4_CODE_T2, a->t2_s);
    dhcp4_writer_u32(&w, DHCP4_CODE_SUBNET_MASK, 0xffffff00);
    dhcp4_writer_bytes(&w, DHCP4_CODE_ROUTER, (const uint8_t[]){10, 0, 0, 254, 10, 0, 0, 253}, 8);
    dhcp4_writer_bytes(&w, DHCP4_CODE_DNS, (const uint8_t[]){10, 0, 0, 53, 10, 0, 0, 54}, 8);
    int length = dhcp4_writer_end(&w);
    assert_true(length > 0);
    dhcp4_client_input(&r->client, at_end_of_memory(bytes, (size_t)length), (size_t)length, r->now);
}

static void give_type(struct rig *r, enum dhcp4_type type)
{
    struct answer a = answer_of(r, type);
    give(r, &a);
}

static void tick_at_deadline(struct rig *r)
{
    assert_true(r->client.deadline != TIME_NEVER);
    r->now = r->client.deadline;
    dhcp4_client_tick(&r->client, r->now - 1); /* too early: nothing */
    dhcp4_client_tick(&r->client, r->now);
}

static void tick_until(struct rig *r, enum dhcp4_client_state state)
{
    for (unsigned i = 0; i < 100 && r->client.state != state; i++)
        tick_at_deadline(r);
    assert_int_equal(r->client.state, state);
}

/* Brings a new client into a state. */
static void reach(struct rig *r, enum dhcp4_client_state state)
{
    rig_init(r);
    if (state == DHCP4_CLIENT_STOPPED)
        return;
    if (state == DHCP4_CLIENT_INIT)
        r->settings.start_wait_ns = 10 * NS_PER_S;
    dhcp4_client_start(&r->client, state == DHCP4_CLIENT_REBOOTING ? ADDRESS : 0, r->now);
    if (state >= DHCP4_CLIENT_CHECKING || state == DHCP4_CLIENT_REQUESTING)
        give_type(r, DHCP4_OFFER);
    if (state >= DHCP4_CLIENT_CHECKING)
        give_type(r, DHCP4_ACK);
    if (state >= DHCP4_CLIENT_BOUND)
        dhcp4_client_probed(&r->client, false, r->now);
    if (state > DHCP4_CLIENT_BOUND)
        tick_until(r, state);
    assert_int_equal(r->client.state, state);
}

/* ---- the table ---- */

enum event { OFFER, ACK, NAK, DUE, FREE, IN_USE, CONFLICT, RELEASE, STOP, START, REBOOT, EVENTS };
static const char *const event_names[EVENTS] = {"OFFER",    "ACK",     "NAK",  "time",  "probe: free", "probe: in use",
                                                "conflict", "release", "stop", "start", "reboot"};

static void happen(struct rig *r, enum event e)
{
    struct dhcp4_client *c = &r->client;
    switch (e) {
    case OFFER:
        give_type(r, DHCP4_OFFER);
        break;
    case ACK:
        give_type(r, DHCP4_ACK);
        break;
    case NAK:
        give_type(r, DHCP4_NAK);
        break;
    case DUE:
        if (c->deadline != TIME_NEVER)
            tick_at_deadline(r);
        break;
    case FREE:
    case IN_USE:
        dhcp4_client_probed(c, e == IN_USE, r->now);
        break;
    case CONFLICT:
        dhcp4_client_conflict(c, r->now);
        break;
    case RELEASE:
        dhcp4_client_release(c);
        break;
    case STOP:
        dhcp4_client_stop(c);
        break;
    case START:
        dhcp4_client_start(c, 0, r->now);
        break;
    case REBOOT:
        dhcp4_client_start(c, OTHER, r->now);
        break;
    case EVENTS:
        break;
    }
}

/* Where an event leads to and what is sent. What is not in the table changes nothing and sends nothing. */
struct row {
    enum dhcp4_client_state state;
    enum event event;
    enum dhcp4_client_state to;
    unsigned sends; /* enum dhcp4_type, 0: nothing */
};

#define S(name) DHCP4_CLIENT_##name
static const struct row table[] = {
    {S(INIT), DUE, S(SELECTING), DHCP4_DISCOVER},
    {S(INIT), RELEASE, S(STOPPED), 0},
    {S(SELECTING), OFFER, S(REQUESTING), DHCP4_REQUEST},
    {S(SELECTING), DUE, S(SELECTING), DHCP4_DISCOVER},
    {S(SELECTING), RELEASE, S(STOPPED), 0},
    {S(REQUESTING), ACK, S(CHECKING), 0},
    {S(REQUESTING), NAK, S(SELECTING), DHCP4_DISCOVER},
    {S(REQUESTING), DUE, S(REQUESTING), DHCP4_REQUEST},
    {S(REQUESTING), RELEASE, S(STOPPED), 0},
    {S(REBOOTING), ACK, S(CHECKING), 0},
    {S(REBOOTING), NAK, S(SELECTING), DHCP4_DISCOVER},
    {S(REBOOTING), DUE, S(REBOOTING), DHCP4_REQUEST},
    {S(REBOOTING), RELEASE, S(STOPPED), 0},
    {S(CHECKING), FREE, S(BOUND), 0},
    {S(CHECKING), IN_USE, S(INIT), DHCP4_DECLINE},
    {S(CHECKING), DUE, S(SELECTING), DHCP4_DISCOVER},
    {S(CHECKING), RELEASE, S(STOPPED), DHCP4_RELEASE},
    {S(BOUND), DUE, S(RENEWING), DHCP4_REQUEST},
    {S(BOUND), CONFLICT, S(INIT), DHCP4_DECLINE},
    {S(BOUND), RELEASE, S(STOPPED), DHCP4_RELEASE},
    {S(RENEWING), ACK, S(BOUND), 0},
    {S(RENEWING), NAK, S(SELECTING), DHCP4_DISCOVER},
    {S(RENEWING), DUE, S(RENEWING), DHCP4_REQUEST},
    {S(RENEWING), CONFLICT, S(INIT), DHCP4_DECLINE},
    {S(RENEWING), RELEASE, S(STOPPED), DHCP4_RELEASE},
    {S(REBINDING), ACK, S(BOUND), 0},
    {S(REBINDING), NAK, S(SELECTING), DHCP4_DISCOVER},
    {S(REBINDING), DUE, S(REBINDING), DHCP4_REQUEST},
    {S(REBINDING), CONFLICT, S(INIT), DHCP4_DECLINE},
    {S(REBINDING), RELEASE, S(STOPPED), DHCP4_RELEASE},
};

static struct row row_of(enum dhcp4_client_state state, enum event event)
{
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].state == state && table[i].event == event)
            return table[i];
    struct row same = {.state = state, .event = event, .to = state};
    if (event == STOP)
        same.to = S(STOPPED);
    if (event == START) { /* at once, or after the wait that INIT is */
        same.to = state == S(INIT) ? S(INIT) : S(SELECTING);
        same.sends = state == S(INIT) ? 0 : DHCP4_DISCOVER;
    }
    if (event == REBOOT) {
        same.to = S(REBOOTING);
        same.sends = DHCP4_REQUEST;
    }
    return same;
}

static void every_event_in_every_state_does_what_the_table_says(void **state)
{
    (void)state;
    for (enum dhcp4_client_state s = 0; s < DHCP4_CLIENT_STATES; s++)
        for (enum event e = 0; e < EVENTS; e++) {
            struct rig r;
            reach(&r, s);
            unsigned sent = r.sent;
            bool had = r.client.configured;
            struct row row = row_of(s, e);
            happen(&r, e);
            bool keeps = row.to >= S(BOUND);
            if (r.client.state != row.to || r.sent - sent != (row.sends != 0) ||
                (row.sends && r.message.type != row.sends) || r.client.configured != keeps ||
                r.unconfigured != (had && !keeps))
                fail_msg("%s in %s: %s, %u sent, last of type %u", event_names[e], dhcp4_client_state_name(s),
                         dhcp4_client_state_name(r.client.state), r.sent - sent, r.message.type);
        }
}

/* ---- what messages hold: RFC 2131 tables 4 and 5 ---- */

static bool has(const struct rig *r, enum dhcp4_option o) { return dhcp4_message_has(&r->message, o); }

static void each_kind_of_request_has_the_fields_of_rfc_2131(void **state)
{
    (void)state;
    static const struct {
        enum dhcp4_client_state state;
        bool unicast, server_id, requested, ciaddr;
    } rows[] = {{S(REQUESTING), false, true, true, false},
                {S(REBOOTING), false, false, true, false},
                {S(RENEWING), true, false, false, true},
                {S(REBINDING), false, false, false, true}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rig r;
        reach(&r, rows[i].state);
        assert_int_equal(r.message.type, DHCP4_REQUEST);
        assert_int_equal(r.to, rows[i].unicast ? SERVER : EVERYBODY);
        assert_int_equal(r.from, rows[i].ciaddr ? ADDRESS : 0);
        assert_int_equal(r.message.header.ciaddr, rows[i].ciaddr ? ADDRESS : 0);
        assert_int_equal(has(&r, DHCP4_SERVER_ID), rows[i].server_id);
        assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_REQUESTED_ADDRESS, 0), rows[i].requested ? ADDRESS : 0);
        assert_int_equal(r.message.header.flags, rows[i].ciaddr ? 0 : DHCP4_BROADCAST);
        assert_true(has(&r, DHCP4_CLIENT_ID) && has(&r, DHCP4_PARAMETER_LIST));
    }
}

static void decline_and_release_have_only_their_own_options(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(CHECKING));
    dhcp4_client_probed(&r.client, true, r.now);
    assert_int_equal(r.message.type, DHCP4_DECLINE);
    assert_int_equal(r.to, EVERYBODY);
    assert_int_equal(r.message.header.ciaddr, 0);
    assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_REQUESTED_ADDRESS, 0), ADDRESS);
    assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_SERVER_ID, 0), SERVER);
    assert_false(has(&r, DHCP4_PARAMETER_LIST) || has(&r, DHCP4_LEASE_TIME) || has(&r, DHCP4_MAX_SIZE));
    reach(&r, S(BOUND));
    dhcp4_client_release(&r.client);
    assert_int_equal(r.message.type, DHCP4_RELEASE);
    assert_int_equal(r.to, SERVER);
    assert_int_equal(r.message.header.ciaddr, ADDRESS);
    assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_SERVER_ID, 0), SERVER);
    assert_false(has(&r, DHCP4_PARAMETER_LIST) || has(&r, DHCP4_REQUESTED_ADDRESS));
}

static void the_request_keeps_the_offers_xid_and_secs(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SELECTING));
    tick_at_deadline(&r);
    tick_at_deadline(&r);
    uint16_t secs = r.message.header.secs;
    uint32_t xid = r.message.header.xid;
    assert_true(secs >= 10 && secs <= 14);
    r.now += 3 * NS_PER_S;
    give_type(&r, DHCP4_OFFER);
    assert_int_equal(r.message.header.secs, secs);
    assert_int_equal(r.message.header.xid, xid);
}

/* ---- time ---- */

static void retransmissions_wait_4_8_16_32_64_seconds_give_or_take_one(void **state)
{
    (void)state;
    struct rig r;
    unsigned whole = 0;
    reach(&r, S(SELECTING));
    for (unsigned i = 0; i < 8; i++) {
        static const int64_t want[] = {4, 8, 16, 32, 64, 64, 64, 64};
        int64_t before = r.now;
        tick_at_deadline(&r);
        int64_t off = r.now - before - want[i] * NS_PER_S;
        assert_true(off >= -NS_PER_S && off <= NS_PER_S);
        whole += off % NS_PER_MS == 0;
    }
    assert_true(whole < 4); /* random */
    assert_int_equal(r.counters.discovers, 9);
    assert_int_equal(r.counters.retransmissions, 8);
}

static void four_requests_without_an_answer_begin_again(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(REQUESTING));
    int64_t begun = r.now;
    tick_until(&r, S(SELECTING));
    assert_int_equal(r.counters.requests, 4);
    assert_int_equal(r.counters.given_up, 1);
    assert_true(r.now - begun >= 56 * NS_PER_S && r.now - begun <= 64 * NS_PER_S); /* 60 s, RFC 2131 3.1 5 */
}

static void the_first_discover_waits_one_to_ten_seconds(void **state)
{
    (void)state;
    int64_t least = TIME_NEVER, most = 0;
    for (unsigned seed = 0; seed < 500; seed++) {
        struct rig r;
        rig_init(&r);
        r.settings.start_wait_ns = 10 * NS_PER_S;
        dhcp4_client_init(&r.client, &r.settings, mac, seed);
        dhcp4_client_start(&r.client, 0, r.now);
        least = min_i64(least, r.client.deadline - r.now);
        most = max_i64(most, r.client.deadline - r.now);
        assert_int_equal(r.sent, 0);
    }
    assert_true(least >= NS_PER_S && least < 2 * NS_PER_S && most <= 10 * NS_PER_S && most > 9 * NS_PER_S);
}

static void times_that_the_server_leaves_out_are_half_and_seven_eighths(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(BOUND));
    assert_in_range(r.lease.t1_s, LEASE / 2 - LEASE / 32 - 1, LEASE / 2);
    assert_in_range(r.lease.t2_s, LEASE / 8 * 7 - LEASE / 32 - 1, LEASE / 8 * 7);
    assert_int_equal(r.client.expires_ns - r.client.asked_ns, LEASE * NS_PER_S);
    assert_int_equal(r.client.deadline, r.client.t1_ns);
}

static void times_that_the_server_gives_are_kept_when_they_are_in_order(void **state)
{
    (void)state;
    static const struct {
        uint32_t t1, t2;
        bool kept;
    } rows[] = {{100, 200, true}, {200, 100, false}, {100, LEASE, false}, {100, 0, false}, {100, 100, false}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rig r;
        reach(&r, S(REQUESTING));
        struct answer a = answer_of(&r, DHCP4_ACK);
        a.t1_s = rows[i].t1;
        a.t2_s = rows[i].t2;
        give(&r, &a);
        assert_int_equal(r.client.lease.t1_s == rows[i].t1, rows[i].kept);
        assert_true(r.client.t1_ns < r.client.t2_ns && r.client.t2_ns < r.client.expires_ns);
    }
}

/* RFC 2131 4.4.5: half of what is left, at least a minute; T2, then the end of the lease. */
static void a_lease_that_nobody_extends_ends_in_time(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(RENEWING));
    int64_t t2 = r.client.t2_ns, end = r.client.expires_ns, before = r.now;
    unsigned renewals = 0;
    while (r.client.state == S(RENEWING)) {
        int64_t wait = r.client.deadline - before;
        assert_true(wait >= 60 * NS_PER_S || r.client.deadline == t2);
        assert_true(wait <= max_i64((t2 - before) / 2, 60 * NS_PER_S));
        tick_at_deadline(&r);
        before = r.now;
        renewals++;
    }
    assert_int_equal(r.client.state, S(REBINDING));
    assert_true(r.now == t2 && renewals > 3);
    tick_until(&r, S(SELECTING));
    assert_int_equal(r.now, end);
    assert_int_equal(r.counters.expired, 1);
    assert_int_equal(r.unconfigured, 1);
    assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_REQUESTED_ADDRESS, 0), ADDRESS); /* would like it again */
}

static void a_lease_counts_from_its_request(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(REQUESTING));
    int64_t asked = r.now;
    r.now += 3 * NS_PER_S;
    give_type(&r, DHCP4_ACK);
    assert_int_equal(r.client.expires_ns, asked + LEASE * NS_PER_S);
    reach(&r, S(RENEWING));
    asked = r.now;
    r.now += 2 * NS_PER_S;
    give_type(&r, DHCP4_ACK);
    assert_int_equal(r.client.expires_ns, asked + LEASE * NS_PER_S);
    assert_int_equal(r.counters.renewed, 1);
}

static void a_lease_for_ever_has_no_deadline(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(REQUESTING));
    struct answer a = answer_of(&r, DHCP4_ACK);
    a.lease_s = DHCP4_INFINITE;
    a.t1_s = 5;
    a.t2_s = 6;
    give(&r, &a);
    dhcp4_client_probed(&r.client, false, r.now);
    assert_int_equal(r.client.state, S(BOUND));
    assert_true(dhcp4_client_deadline(&r.client) == TIME_NEVER);
    dhcp4_client_tick(&r.client, TIME_NEVER - 1);
    assert_int_equal(r.client.state, S(BOUND));
}

/* A machine that slept over T1, T2 or the end does what is due now. */
static void late_ticks_skip_what_is_over(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(BOUND));
    dhcp4_client_tick(&r.client, r.client.t2_ns + 1);
    assert_int_equal(r.client.state, S(REBINDING));
    reach(&r, S(BOUND));
    dhcp4_client_tick(&r.client, r.client.expires_ns);
    assert_int_equal(r.client.state, S(SELECTING));
    assert_int_equal(r.unconfigured, 1);
}

static void after_a_conflict_ten_seconds_pass(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(CHECKING));
    dhcp4_client_probed(&r.client, true, r.now);
    assert_int_equal(r.client.deadline, r.now + 10 * NS_PER_S);
    assert_int_equal(r.counters.conflicts, 1);
    assert_int_equal(r.configured, 0);
    tick_at_deadline(&r);
    assert_int_equal(r.client.state, S(SELECTING));
    assert_false(has(&r, DHCP4_REQUESTED_ADDRESS));
}

/* RFC 5227 2.1.1: MAX_CONFLICTS and RATE_LIMIT_INTERVAL. */
static void from_the_tenth_conflict_on_a_minute_passes(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(CHECKING));
    for (unsigned i = 1; i <= 300; i++) {
        bool later = i % 3 == 0; /* conflicts of an address in use (2.4) count as those of the probes do */
        dhcp4_client_probed(&r.client, !later, r.now);
        if (later)
            dhcp4_client_conflict(&r.client, r.now);
        assert_int_equal(r.client.deadline - r.now, (i < 10 ? 10 : 60) * NS_PER_S);
        tick_at_deadline(&r);
        give_type(&r, DHCP4_OFFER);
        give_type(&r, DHCP4_ACK);
        assert_int_equal(r.client.state, S(CHECKING));
    }
}

static void a_server_that_goes_on_refusing_is_asked_less_and_less(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SELECTING));
    for (unsigned i = 0; i < 8; i++) {
        static const int64_t want[] = {0, 4, 8, 16, 32, 64, 64, 64};
        give_type(&r, DHCP4_OFFER);
        give_type(&r, DHCP4_NAK);
        if (want[i] > 0) {
            assert_int_equal(r.client.state, S(INIT));
            int64_t off = r.client.deadline - r.now - want[i] * NS_PER_S;
            assert_true(off >= -NS_PER_S && off <= NS_PER_S);
            tick_at_deadline(&r);
        }
        assert_int_equal(r.client.state, S(SELECTING));
    }
    assert_int_equal(r.counters.naks, 8);
}

/* ---- offers ---- */

static void of_several_offers_the_longest_lease_is_taken(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    r.settings.choice = DHCP4_CHOOSE_LONGEST;
    dhcp4_client_start(&r.client, 0, r.now);
    struct answer a = answer_of(&r, DHCP4_OFFER);
    give(&r, &a);
    a.server = OTHER;
    a.yiaddr = ADDRESS + 1;
    a.lease_s = 2 * LEASE;
    give(&r, &a);
    a.server = SERVER;
    a.lease_s = LEASE;
    give(&r, &a);
    assert_int_equal(r.client.state, S(SELECTING));
    assert_int_equal(r.client.deadline, r.now + NS_PER_S);
    tick_at_deadline(&r);
    assert_int_equal(r.client.state, S(REQUESTING));
    assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_SERVER_ID, 0), OTHER);
    assert_int_equal(dhcp4_message_u32(&r.message, DHCP4_REQUESTED_ADDRESS, 0), ADDRESS + 1);
}

static void what_the_lease_gives_reaches_the_host(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(BOUND));
    assert_int_equal(r.lease.address, ADDRESS);
    assert_int_equal(r.lease.mask, 0xffffff00);
    assert_int_equal(r.lease.router, 0x0a0000fe);
    assert_int_equal(r.lease.server, SERVER);
    assert_int_equal(r.lease.dns[0], 0x0a000035);
    assert_int_equal(r.lease.dns[1], 0x0a000036);
    assert_int_equal(r.lease.dns[2], 0);
    assert_int_equal(r.lease.lease_s, LEASE);
    assert_int_equal(r.acknowledged, 1);
    assert_int_equal(r.probes, 1);
}

static void without_a_probe_the_address_is_taken_at_once(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(REQUESTING));
    r.settings.host.probe = NULL;
    give_type(&r, DHCP4_ACK);
    assert_int_equal(r.client.state, S(BOUND));
}

/* ---- what leads nowhere ---- */

/* A changed answer adds exactly one to its counter, and the client stays as it was. */
static void dh_02_answers_that_are_not_ours_are_counted_and_ignored(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 12; kind++) {
        struct rig r;
        bool offer = kind < 8;
        reach(&r, offer ? S(SELECTING) : S(REQUESTING));
        struct answer a = answer_of(&r, offer ? DHCP4_OFFER : DHCP4_ACK);
        uint64_t *counter = &r.counters.drop_xid;
        switch (kind) {
        case 0:
            a.xid++;
            break;
        case 1:
            a.mac[5]++, counter = &r.counters.drop_hardware;
            break;
        case 2:
            a.op = 1, counter = &r.counters.drop_type;
            break;
        case 3:
            a.server = 0, counter = &r.counters.drop_server;
            break;
        case 4:
            a.yiaddr = 0, counter = &r.counters.drop_address;
            break;
        case 5:
            a.yiaddr = 0xe0000001, counter = &r.counters.drop_address;
            break;
        case 6:
            a.lease_s = 0, counter = &r.counters.drop_lease;
            break;
        case 7:
            a.lease_s = 1, counter = &r.counters.drop_lease; /* left out */
            break;
        case 8:
            a.server = OTHER, counter = &r.counters.drop_server;
            break;
        case 9:
            a.yiaddr++, counter = &r.counters.drop_address;
            break;
        case 10:
            a.type = DHCP4_NAK, a.server = OTHER, counter = &r.counters.drop_server;
            break;
        default:
            a.type = DHCP4_REQUEST, counter = &r.counters.drop_type;
        }
        struct dhcp4_client before = r.client;
        struct dhcp4_client_counters counters = r.counters;
        unsigned sent = r.sent;
        give(&r, &a);
        assert_int_equal(*counter, 1);
        *counter = 0;
        assert_memory_equal(&counters, &r.counters, sizeof counters);
        assert_memory_equal(&before, &r.client, sizeof before);
        assert_int_equal(r.sent, sent);
    }
    print_message("DH-02: %u cases\n", 12u);
}

static void dh_02_a_thousand_offers_make_one_request(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SELECTING));
    struct answer a = answer_of(&r, DHCP4_OFFER);
    for (unsigned i = 0; i < 1000; i++) {
        a.yiaddr = ADDRESS + i;
        give(&r, &a);
    }
    assert_int_equal(r.sent, 2);
    assert_int_equal(r.client.lease.address, ADDRESS);
    assert_int_equal(r.counters.drop_type, 999);
    r.settings.choice = DHCP4_CHOOSE_LONGEST;
    dhcp4_client_start(&r.client, 0, r.now);
    int64_t begun = r.now;
    for (unsigned i = 0; i < 1000; i++) {
        a = answer_of(&r, DHCP4_OFFER);
        a.lease_s = LEASE + i;
        r.now += NS_PER_MS / 2;
        give(&r, &a);
    }
    assert_true(r.client.deadline <= begun + 2 * NS_PER_S); /* offers do not put the choice off */
    tick_at_deadline(&r);
    assert_int_equal(r.client.lease.lease_s, LEASE + 999);
    print_message("DH-02: %u cases\n", 2000u);
}

static void dh_01_malformed_answers_leave_the_lease_as_it_is(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(RENEWING));
    struct dhcp4_client before = r.client;
    uint8_t bytes[300] = {2, 1, 6};
    store_be32(bytes + 4, r.client.xid);
    memcpy(bytes + 28, mac, 6);
    store_be32(bytes + 236, 0x63825363);
    static const uint8_t lists[][12] = {
        {53, 1, 6, 54, 4, 10, 0, 0, 1, 12, 250, 'x'}, /* past the end */
        {53, 1, 5, 51, 0, 255},                       /* a lease of no bytes */
        {53, 1, 5, 1, 4, 0, 0, 0, 0, 255},            /* a mask of no bits */
        {53, 1, 5, 52, 1, 9, 255},                    /* overload */
        {53, 1, 5},                                   /* no end */
    };
    static const enum dhcp4_reject reasons[] = {DHCP4_REJECT_OPTION_PAST_END, DHCP4_REJECT_OPTION_LENGTH,
                                                DHCP4_REJECT_MASK, DHCP4_REJECT_OVERLOAD, DHCP4_REJECT_NO_END};
    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
        memcpy(bytes + 240, lists[i], sizeof lists[i]);
        dhcp4_client_input(&r.client, at_end_of_memory(bytes, sizeof bytes), sizeof bytes, r.now);
        assert_int_equal(r.counters.drop_malformed, i + 1);
        assert_int_equal(r.counters.malformed[reasons[i]], 1);
        assert_memory_equal(&before, &r.client, sizeof before);
    }
    print_message("DH-01: %u cases\n", (unsigned)ARRAY_SIZE(lists));
}

static void the_longest_settings_fit_into_a_message(void **state)
{
    (void)state;
    static const char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
    uint8_t parameters[64];
    struct rig r;
    rig_init(&r);
    for (unsigned i = 0; i < sizeof parameters; i++)
        parameters[i] = (uint8_t)(1 + i);
    r.settings.host_name = r.settings.class_id = longest;
    r.settings.parameters = parameters;
    r.settings.n_parameters = sizeof parameters;
    r.settings.request_lease_s = 60;
    assert_int_equal(dhcp4_client_settings_check(&r.settings), 0);
    dhcp4_client_start(&r.client, 0, r.now);
    give_type(&r, DHCP4_OFFER);
    assert_int_equal(r.message.type, DHCP4_REQUEST);
    assert_int_equal(r.message.option[DHCP4_HOST_NAME].length, 63);
    assert_int_equal(r.message.option[DHCP4_CLASS_ID].length, 63);
    assert_int_equal(r.message.option[DHCP4_PARAMETER_LIST].length, 64);
}

static void settings_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    struct dhcp4_client_settings s = r.settings;
    s.host.send = NULL;
    assert_int_equal(dhcp4_client_settings_check(&s), ERR_INVALID);
    s = r.settings;
    s.counters = NULL;
    assert_int_equal(dhcp4_client_settings_check(&s), ERR_INVALID);
    s = r.settings;
    s.request_tries = 17;
    assert_int_equal(dhcp4_client_settings_check(&s), ERR_INVALID);
    s = r.settings;
    s.host_name = "";
    assert_int_equal(dhcp4_client_settings_check(&s), ERR_INVALID);
    s = r.settings;
    s.collect_ns = -1;
    assert_int_equal(dhcp4_client_settings_check(&s), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_does_what_the_table_says),
        cmocka_unit_test(each_kind_of_request_has_the_fields_of_rfc_2131),
        cmocka_unit_test(decline_and_release_have_only_their_own_options),
        cmocka_unit_test(the_request_keeps_the_offers_xid_and_secs),
        cmocka_unit_test(retransmissions_wait_4_8_16_32_64_seconds_give_or_take_one),
        cmocka_unit_test(four_requests_without_an_answer_begin_again),
        cmocka_unit_test(the_first_discover_waits_one_to_ten_seconds),
        cmocka_unit_test(times_that_the_server_leaves_out_are_half_and_seven_eighths),
        cmocka_unit_test(times_that_the_server_gives_are_kept_when_they_are_in_order),
        cmocka_unit_test(a_lease_that_nobody_extends_ends_in_time),
        cmocka_unit_test(a_lease_counts_from_its_request),
        cmocka_unit_test(a_lease_for_ever_has_no_deadline),
        cmocka_unit_test(late_ticks_skip_what_is_over),
        cmocka_unit_test(after_a_conflict_ten_seconds_pass),
        cmocka_unit_test(from_the_tenth_conflict_on_a_minute_passes),
        cmocka_unit_test(a_server_that_goes_on_refusing_is_asked_less_and_less),
        cmocka_unit_test(of_several_offers_the_longest_lease_is_taken),
        cmocka_unit_test(what_the_lease_gives_reaches_the_host),
        cmocka_unit_test(without_a_probe_the_address_is_taken_at_once),
        cmocka_unit_test(dh_02_answers_that_are_not_ours_are_counted_and_ignored),
        cmocka_unit_test(dh_02_a_thousand_offers_make_one_request),
        cmocka_unit_test(dh_01_malformed_answers_leave_the_lease_as_it_is),
        cmocka_unit_test(the_longest_settings_fit_into_a_message),
        cmocka_unit_test(settings_that_cannot_work_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
