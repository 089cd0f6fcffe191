/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv6 client: states and events as a table, the retransmission of RFC 8415 15 with the parameters of 7.6, what
 * each message holds, times, and what it must not be led astray by (THREATS DH-01, DH-02). The server is played by
 * hand; time is virtual.
 */
#include "base/error.h"
#include "service/dhcp6_client.h"
#include "unit/wire_support.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 7};
static const uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 7};
static const uint8_t server_id[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};

struct rig {
    struct dhcp6_client_settings settings;
    struct dhcp6_client_counters counters;
    struct dhcp6_client client;
    int64_t now;
    unsigned sent, probes, informed;
    unsigned configured[2], unconfigured[2];
    uint8_t bytes[512];
    struct dhcp6_message message; /* sent last */
};

static void on_send(void *context, struct dhcp6_client *c, const uint8_t *bytes, size_t length)
{
    struct rig *r = context;
    (void)c;
    r->sent++;
    memcpy(r->bytes, bytes, length);
    assert_int_equal(dhcp6_message_parse(r->bytes, length, &r->message), DHCP6_ACCEPTED);
    assert_true(dhcp6_value_equal(&r->message.client_id, duid, sizeof duid));
}

static void on_probe(void *context, struct dhcp6_client *c, const struct ip_addr *a)
{
    struct rig *r = context;
    assert_true(ip_addr_equal(a, &c->held[0].addr));
    r->probes++;
}

static void on_configure(void *context, struct dhcp6_client *c, enum dhcp6_client_what what,
                         const struct dhcp6_held *held)
{
    struct rig *r = context;
    (void)c;
    assert_false(ip_addr_is_unspecified(&held->addr));
    r->configured[what]++;
}

static void on_unconfigure(void *context, struct dhcp6_client *c, enum dhcp6_client_what what,
                           const struct dhcp6_held *held)
{
    struct rig *r = context;
    (void)c;
    assert_false(ip_addr_is_unspecified(&held->addr));
    r->unconfigured[what]++;
}

static void on_informed(void *context, struct dhcp6_client *c, const struct dhcp6_message *m)
{
    struct rig *r = context;
    (void)c;
    assert_int_equal(m->type, DHCP6_REPLY);
    r->informed++;
}

static void rig_init(struct rig *r, bool address, bool prefix)
{
    memset(r, 0, sizeof *r);
    dhcp6_client_settings_default(&r->settings);
    r->settings.host = (struct dhcp6_client_host){.send = on_send,
                                                  .probe = on_probe,
                                                  .configure = on_configure,
                                                  .unconfigure = on_unconfigure,
                                                  .informed = on_informed,
                                                  .context = r};
    r->settings.counters = &r->counters;
    r->settings.start_delay = false;
    r->settings.want_address = address;
    r->settings.want_prefix = prefix;
    assert_int_equal(dhcp6_client_settings_check(&r->settings), 0);
    dhcp6_client_init(&r->client, &r->settings, mac, 1);
    r->now = 1000 * NS_PER_S;
}

/* What the server says; changed by a test before it is given to the client. */
struct answer {
    enum dhcp6_type type;
    uint32_t xid, iaid, t1_s, t2_s, preferred_s, valid_s, sol_max_rt_s, refresh_s;
    int status, ia_status, preference;
    bool rapid_commit, no_ia, other_address, other_client, other_server, no_server, no_lease;
};

static struct answer answer_of(const struct rig *r, enum dhcp6_type type)
{
    return (struct answer){.type = type,
                           .xid = r->client.exchange.xid,
                           .iaid = r->client.iaid,
                           .t1_s = 1000,
                           .t2_s = 1600,
                           .preferred_s = 2000,
                           .valid_s = 3000};
}

static void put_id(struct dhcp6_writer *w, enum dhcp6_option code, const uint8_t *id, bool other)
{
    uint8_t bytes[10];
    memcpy(bytes, id, 10);
    bytes[9] = (uint8_t)(bytes[9] + other);
    dhcp6_writer_bytes(w, (uint16_t)code, bytes, 10);
}

static void put_ia(struct dhcp6_writer *w, const struct answer *a, uint16_t kind)
{
    struct dhcp6_ia ia = {
        .kind = kind, .status = (uint16_t)a->ia_status, .iaid = a->iaid, .t1_s = a->t1_s, .t2_s = a->t2_s};
    ia.n = !a->no_lease && a->ia_status == 0;
    ia.lease[0] = (struct dhcp6_lease){.addr = {{0x20, 1, 0x0d, 0xb8, [15] = kind == DHCP6_OPT_IA_NA ? 5 : 0}},
                                       .prefix_length = kind == DHCP6_OPT_IA_NA ? 128 : 56,
                                       .preferred_s = a->preferred_s,
                                       .valid_s = a->valid_s};
    ia.lease[0].addr.bytes[14] = a->other_address;
    dhcp6_writer_ia(w, &ia);
}

static void give(struct rig *r, const struct answer *a)
{
    uint8_t bytes[512];
    struct dhcp6_writer w;
    dhcp6_writer_begin(&w, bytes, sizeof bytes);
    dhcp6_writer_header(&w, a->type, a->xid);
    put_id(&w, DHCP6_OPT_CLIENT_ID, duid, a->other_client);
    if (!a->no_server)
        put_id(&w, DHCP6_OPT_SERVER_ID, server_id, a->other_server);
    if (a->status)
        dhcp6_writer_status(&w, (enum dhcp6_status)a->status);
    if (r->settings.want_address && !a->no_ia)
        put_ia(&w, a, DHCP6_OPT_IA_NA);
    if (r->settings.want_prefix && !a->no_ia)
        put_ia(&w, a, DHCP6_OPT_IA_PD);
    if (a->preference)
        dhcp6_writer_bytes(&w, DHCP6_OPT_PREFERENCE, &(uint8_t){(uint8_t)a->preference}, 1);
    if (a->rapid_commit)
        dhcp6_writer_bytes(&w, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
    if (a->sol_max_rt_s)
        dhcp6_writer_u32(&w, DHCP6_OPT_SOL_MAX_RT, a->sol_max_rt_s);
    if (a->refresh_s)
        dhcp6_writer_u32(&w, DHCP6_OPT_REFRESH, a->refresh_s);
    int n = dhcp6_writer_end(&w);
    assert_true(n > 0);
    dhcp6_client_input(&r->client, at_end_of_memory(bytes, (size_t)n), (size_t)n, r->now);
}

static void give_type(struct rig *r, enum dhcp6_type type)
{
    struct answer a = answer_of(r, type);
    give(r, &a);
}

static void tick_at_deadline(struct rig *r)
{
    assert_true(r->client.deadline != TIME_NEVER && r->client.deadline >= r->now);
    r->now = r->client.deadline;
    dhcp6_client_tick(&r->client, r->now - 1); /* too early: nothing */
    dhcp6_client_tick(&r->client, r->now);
}

static void tick_until(struct rig *r, enum dhcp6_client_state state)
{
    for (unsigned i = 0; i < 200 && r->client.state != state; i++)
        tick_at_deadline(r);
    assert_int_equal(r->client.state, state);
}

#define S(name) DHCP6_CLIENT_##name

/* Brings a new client into a state. */
static void reach(struct rig *r, enum dhcp6_client_state state)
{
    bool inform = state == S(INFORMING) || state == S(INFORMED);
    rig_init(r, !inform, false);
    if (state == S(STOPPED))
        return;
    dhcp6_client_start(&r->client, r->now);
    if (state == S(INFORMED))
        give_type(r, DHCP6_REPLY);
    if (state == S(SOLICITING) || inform)
        return;
    give_type(r, DHCP6_ADVERTISE);
    tick_at_deadline(r); /* the end of the first wait */
    if (state != S(REQUESTING))
        give_type(r, DHCP6_REPLY);
    if (state == S(DECLINING))
        dhcp6_client_probed(&r->client, true, r->now);
    else if (state != S(CHECKING))
        dhcp6_client_probed(&r->client, false, r->now);
    if (state == S(RENEWING) || state == S(REBINDING))
        tick_until(r, state);
    if (state == S(RELEASING))
        dhcp6_client_release(&r->client, r->now);
    if (state == S(CONFIRMING)) {
        dhcp6_client_link_changed(&r->client, r->now);
        tick_at_deadline(r); /* the first message */
    }
    assert_int_equal(r->client.state, state);
}

/* ---- the table ---- */

enum event { ADVERTISE, REPLY, NO_BINDING, NOT_ON_LINK, DUE, FREE, IN_USE, RELEASE, STOP, LINK, EVENTS };
static const char *const event_names[EVENTS] = {"ADVERTISE",   "REPLY",         "NoBinding", "NotOnLink", "time",
                                                "probe: free", "probe: in use", "release",   "stop",      "link"};

static void happen(struct rig *r, enum event e)
{
    struct dhcp6_client *c = &r->client;
    struct answer a = answer_of(r, e == ADVERTISE ? DHCP6_ADVERTISE : DHCP6_REPLY);
    switch (e) {
    case ADVERTISE:
        a.preference = 255;
        give(r, &a);
        break;
    case NO_BINDING:
        a.ia_status = DHCP6_NO_BINDING;
        give(r, &a);
        break;
    case NOT_ON_LINK:
        a.status = DHCP6_NOT_ON_LINK;
        give(r, &a);
        break;
    case REPLY:
        give(r, &a);
        break;
    case DUE:
        if (c->deadline != TIME_NEVER)
            tick_at_deadline(r);
        break;
    case FREE:
    case IN_USE:
        dhcp6_client_probed(c, e == IN_USE, r->now);
        break;
    case RELEASE:
        dhcp6_client_release(c, r->now);
        break;
    case STOP:
        dhcp6_client_stop(c);
        break;
    case LINK:
        dhcp6_client_link_changed(c, r->now);
        break;
    case EVENTS:
        break;
    }
}

/* Where an event leads to and what is sent at once. What is not in the table changes nothing and sends nothing. */
struct row {
    enum dhcp6_client_state state;
    enum event event;
    enum dhcp6_client_state to;
    unsigned sends; /* enum dhcp6_type, 0: nothing */
};

static const struct row table[] = {
    {S(SOLICITING), ADVERTISE, S(REQUESTING), DHCP6_REQUEST},
    {S(SOLICITING), DUE, S(SOLICITING), DHCP6_SOLICIT},
    {S(SOLICITING), RELEASE, S(STOPPED), 0},
    {S(REQUESTING), REPLY, S(CHECKING), 0},
    {S(REQUESTING), NO_BINDING, S(SOLICITING), 0},
    {S(REQUESTING), NOT_ON_LINK, S(SOLICITING), DHCP6_SOLICIT},
    {S(REQUESTING), DUE, S(REQUESTING), DHCP6_REQUEST},
    {S(REQUESTING), RELEASE, S(STOPPED), 0},
    {S(CONFIRMING), REPLY, S(BOUND), 0},
    {S(CONFIRMING), NO_BINDING, S(BOUND), 0},
    {S(CONFIRMING), NOT_ON_LINK, S(SOLICITING), DHCP6_SOLICIT},
    {S(CONFIRMING), DUE, S(CONFIRMING), DHCP6_CONFIRM},
    {S(CONFIRMING), RELEASE, S(RELEASING), DHCP6_RELEASE},
    {S(RENEWING), REPLY, S(BOUND), 0},
    {S(RENEWING), NO_BINDING, S(REQUESTING), DHCP6_REQUEST},
    {S(RENEWING), NOT_ON_LINK, S(SOLICITING), DHCP6_SOLICIT},
    {S(RENEWING), DUE, S(RENEWING), DHCP6_RENEW},
    {S(RENEWING), RELEASE, S(RELEASING), DHCP6_RELEASE},
    {S(RENEWING), LINK, S(CONFIRMING), 0},
    {S(REBINDING), REPLY, S(BOUND), 0},
    {S(REBINDING), NO_BINDING, S(REQUESTING), DHCP6_REQUEST},
    {S(REBINDING), NOT_ON_LINK, S(SOLICITING), DHCP6_SOLICIT},
    {S(REBINDING), DUE, S(REBINDING), DHCP6_REBIND},
    {S(REBINDING), RELEASE, S(RELEASING), DHCP6_RELEASE},
    {S(REBINDING), LINK, S(CONFIRMING), 0},
    {S(RELEASING), REPLY, S(STOPPED), 0},
    {S(RELEASING), NO_BINDING, S(STOPPED), 0},
    {S(RELEASING), NOT_ON_LINK, S(STOPPED), 0},
    {S(RELEASING), DUE, S(RELEASING), DHCP6_RELEASE},
    {S(RELEASING), RELEASE, S(STOPPED), 0},
    {S(DECLINING), REPLY, S(SOLICITING), 0},
    {S(DECLINING), NO_BINDING, S(SOLICITING), 0},
    {S(DECLINING), NOT_ON_LINK, S(SOLICITING), 0},
    {S(DECLINING), DUE, S(DECLINING), DHCP6_DECLINE},
    {S(DECLINING), RELEASE, S(STOPPED), 0},
    {S(INFORMING), REPLY, S(INFORMED), 0},
    {S(INFORMING), NO_BINDING, S(INFORMED), 0},
    {S(INFORMING), NOT_ON_LINK, S(INFORMED), 0},
    {S(INFORMING), DUE, S(INFORMING), DHCP6_INFORMATION_REQUEST},
    {S(INFORMING), RELEASE, S(STOPPED), 0},
    {S(INFORMED), DUE, S(INFORMING), DHCP6_INFORMATION_REQUEST},
    {S(INFORMED), RELEASE, S(STOPPED), 0},
    {S(CHECKING), FREE, S(BOUND), 0},
    {S(CHECKING), IN_USE, S(DECLINING), DHCP6_DECLINE},
    {S(CHECKING), DUE, S(SOLICITING), DHCP6_SOLICIT},
    {S(CHECKING), RELEASE, S(RELEASING), DHCP6_RELEASE},
    {S(BOUND), DUE, S(RENEWING), DHCP6_RENEW},
    {S(BOUND), RELEASE, S(RELEASING), DHCP6_RELEASE},
    {S(BOUND), LINK, S(CONFIRMING), 0},
};

static struct row row_of(enum dhcp6_client_state state, enum event event)
{
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].state == state && table[i].event == event)
            return table[i];
    return (struct row){.state = state, .event = event, .to = event == STOP ? S(STOPPED) : state};
}

static bool keeps(enum dhcp6_client_state from, enum dhcp6_client_state to)
{
    bool has = from == S(BOUND) || from == S(RENEWING) || from == S(REBINDING) || from == S(CONFIRMING);
    bool keeps =
        to == S(BOUND) || to == S(RENEWING) || to == S(REBINDING) || to == S(CONFIRMING) || to == S(REQUESTING);
    return !has || keeps;
}

static void every_event_in_every_state_does_what_the_table_says(void **state)
{
    (void)state;
    for (enum dhcp6_client_state s = 0; s < DHCP6_CLIENT_STATES; s++)
        for (enum event e = 0; e < EVENTS; e++) {
            struct rig r;
            reach(&r, s);
            unsigned sent = r.sent, lost = r.unconfigured[0];
            struct row row = row_of(s, e);
            happen(&r, e);
            if (r.client.state != row.to || r.sent - sent != (row.sends != 0) ||
                (row.sends && r.message.type != row.sends) || r.unconfigured[0] - lost != !keeps(s, row.to))
                fail_msg("%s in %s: %s, %u sent, last of type %u", event_names[e], dhcp6_client_state_name(s),
                         dhcp6_client_state_name(r.client.state), r.sent - sent, r.message.type);
        }
}

/* ---- section 15 ---- */

static bool about(int64_t ns, int64_t s) { return ns >= s * NS_PER_S / 10 * 9 && ns <= s * NS_PER_S / 10 * 11; }

/* RT doubles, give or take a tenth each time, up to MRT; the first of a Solicit is over its IRT. */
static void retransmissions_follow_section_15(void **state)
{
    (void)state;
    static const struct {
        enum dhcp6_client_state state;
        int64_t irt_s, mrt_s;
    } rows[] = {{S(SOLICITING), 1, 3600}, {S(REQUESTING), 1, 30}, {S(RENEWING), 10, 600},
                {S(CONFIRMING), 1, 4},    {S(RELEASING), 1, 0},   {S(INFORMING), 1, 3600}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rig r;
        int64_t before = 0;
        reach(&r, rows[i].state);
        for (unsigned n = 0; r.client.state == rows[i].state && n < 15; n++) {
            int64_t rt = r.client.exchange.rt_ns;
            if (n == 0)
                assert_true(about(rt, rows[i].irt_s));
            else if (rt <= rows[i].mrt_s * NS_PER_S / 10 * 9 || rows[i].mrt_s == 0)
                assert_true(rt >= before / 10 * 19 && rt <= before / 10 * 21 + 10);
            else
                assert_true(about(rt, rows[i].mrt_s) || rt <= before / 10 * 21);
            if (n == 0 && rows[i].state == S(SOLICITING))
                assert_true(rt > NS_PER_S);
            before = rt;
            tick_at_deadline(&r);
        }
        if (rows[i].mrt_s && rows[i].state != S(REQUESTING) && rows[i].state != S(RENEWING))
            assert_true(rows[i].state == S(CONFIRMING) || about(before, rows[i].mrt_s));
    }
}

static void exchanges_end_by_their_count_or_duration(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(REQUESTING));
    unsigned sent = r.sent - 1;
    tick_until(&r, S(SOLICITING));
    assert_int_equal(r.sent - sent, 10 + 1); /* REQ_MAX_RC, then a Solicit */
    assert_int_equal(r.counters.given_up, 1);
    reach(&r, S(RELEASING));
    sent = r.sent - 1;
    tick_until(&r, S(STOPPED));
    assert_int_equal(r.sent - sent, 4); /* REL_MAX_RC */
    reach(&r, S(DECLINING));
    sent = r.sent - 1;
    tick_until(&r, S(SOLICITING));
    assert_int_equal(r.sent - sent, 4); /* DEC_MAX_RC */
    reach(&r, S(CONFIRMING));
    int64_t begun = r.now;
    tick_until(&r, S(BOUND));
    assert_int_equal(r.now - begun, 10 * NS_PER_S); /* CNF_MAX_RD */
    assert_int_equal(r.unconfigured[0], 0);
}

static void renewing_goes_on_until_t2_and_rebinding_until_the_end(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(RENEWING));
    int64_t t2 = r.client.t2_ns, end = r.client.held[0].ends_ns;
    assert_int_equal(end - t2, 1400 * NS_PER_S);
    tick_until(&r, S(REBINDING));
    assert_int_equal(r.now, t2);
    tick_until(&r, S(SOLICITING));
    assert_int_equal(r.now, end);
    assert_int_equal(r.unconfigured[0], 1);
    assert_int_equal(r.counters.expired, 1);
}

static void the_elapsed_time_counts_from_the_first_message(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SOLICITING));
    int64_t begun = r.now;
    assert_int_equal(r.message.elapsed_cs, 0);
    tick_at_deadline(&r);
    assert_int_equal(r.message.elapsed_cs, (r.now - begun) / (10 * NS_PER_MS));
    for (unsigned i = 0; i < 20; i++)
        tick_at_deadline(&r);
    assert_int_equal(r.message.elapsed_cs, 65535);
}

/* ---- what messages hold ---- */

static void each_message_names_what_rfc_8415_asks_for(void **state)
{
    (void)state;
    static const struct {
        enum dhcp6_client_state state;
        bool server, ia, lease, oro;
    } rows[] = {{S(SOLICITING), false, true, false, true}, {S(REQUESTING), true, true, true, true},
                {S(CONFIRMING), false, true, true, false}, {S(RENEWING), true, true, true, true},
                {S(REBINDING), false, true, true, true},   {S(RELEASING), true, true, true, false},
                {S(DECLINING), true, true, true, false},   {S(INFORMING), false, false, false, true}};
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rig r;
        reach(&r, rows[i].state);
        assert_int_equal(r.message.server_id.bytes != NULL, rows[i].server);
        assert_int_equal(r.message.n_ias, rows[i].ia);
        assert_int_equal(r.message.ia[0].n, rows[i].lease);
        assert_int_equal(dhcp6_message_asks(&r.message, 23), rows[i].oro);
        if (rows[i].lease)
            assert_true(r.message.ia[0].lease[0].valid_s == 0 && r.message.ia[0].t1_s == 0);
    }
}

static void an_address_and_a_prefix_are_asked_for_together(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, true, true);
    r.settings.prefix_length = 60;
    r.settings.host.probe = NULL;
    dhcp6_client_start(&r.client, r.now);
    assert_int_equal(r.message.n_ias, 2);
    assert_true(r.message.ia[1].kind == DHCP6_OPT_IA_PD && r.message.ia[1].lease[0].prefix_length == 60);
    give_type(&r, DHCP6_ADVERTISE);
    tick_at_deadline(&r);
    give_type(&r, DHCP6_REPLY);
    assert_int_equal(r.client.state, S(BOUND));
    assert_true(r.configured[0] == 1 && r.configured[1] == 1);
    assert_int_equal(r.client.held[1].prefix_length, 56);
    dhcp6_client_link_changed(&r.client, r.now); /* with a prefix: RFC 8415 18.2.12 */
    assert_int_equal(r.client.state, S(REBINDING));
}

/* ---- offers ---- */

static void the_best_preference_is_taken_when_the_first_wait_ends(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SOLICITING));
    struct answer a = answer_of(&r, DHCP6_ADVERTISE);
    a.preference = 5;
    give(&r, &a);
    a.preference = 9;
    a.other_server = a.other_address = true;
    give(&r, &a);
    a.preference = 7;
    a.other_server = a.other_address = false;
    give(&r, &a);
    assert_int_equal(r.client.state, S(SOLICITING));
    tick_at_deadline(&r);
    assert_int_equal(r.client.state, S(REQUESTING));
    assert_int_equal(r.message.server_id.bytes[9], server_id[9] + 1);
    assert_int_equal(r.message.ia[0].lease[0].addr.bytes[14], 1);
}

static void after_the_first_wait_any_offer_is_taken_at_once(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SOLICITING));
    tick_at_deadline(&r);
    give_type(&r, DHCP6_ADVERTISE);
    assert_int_equal(r.client.state, S(REQUESTING));
}

static void rapid_commit_needs_one_answer(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SOLICITING));
    struct answer a = answer_of(&r, DHCP6_REPLY);
    a.rapid_commit = true;
    give(&r, &a); /* not asked for */
    assert_int_equal(r.counters.drop_type, 1);
    r.settings.rapid_commit = true;
    dhcp6_client_start(&r.client, r.now);
    assert_true(r.message.rapid_commit);
    a.xid = r.client.exchange.xid;
    a.rapid_commit = false;
    give(&r, &a);
    assert_int_equal(r.counters.drop_type, 2);
    a.rapid_commit = true;
    give(&r, &a);
    assert_int_equal(r.client.state, S(CHECKING));
}

/* ---- times ---- */

static void times_of_zero_are_half_and_four_fifths_of_the_preferred_lifetime(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(REQUESTING));
    struct answer a = answer_of(&r, DHCP6_REPLY);
    a.t1_s = a.t2_s = 0;
    give(&r, &a);
    assert_int_equal(r.client.t1_ns, r.now + 1000 * NS_PER_S);
    assert_int_equal(r.client.t2_ns, r.now + 1600 * NS_PER_S);
    reach(&r, S(REQUESTING));
    a = answer_of(&r, DHCP6_REPLY);
    a.t1_s = a.t2_s = 0;
    a.preferred_s = a.valid_s = DHCP6_INFINITE;
    give(&r, &a);
    dhcp6_client_probed(&r.client, false, r.now);
    assert_true(r.client.state == S(BOUND) && r.client.deadline == TIME_NEVER);
}

static void an_address_taken_back_is_given_up(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(RENEWING));
    struct answer a = answer_of(&r, DHCP6_REPLY);
    a.valid_s = a.preferred_s = 0;
    give(&r, &a);
    assert_int_equal(r.client.state, S(SOLICITING));
    assert_int_equal(r.unconfigured[0], 1);
    assert_int_equal(r.counters.refused, 1);
}

static void servers_set_how_often_they_are_asked(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SOLICITING));
    struct answer a = answer_of(&r, DHCP6_ADVERTISE);
    a.sol_max_rt_s = 60;
    a.ia_status = DHCP6_NO_ADDRS_AVAIL;
    give(&r, &a);
    assert_int_equal(r.counters.drop_nothing, 1);
    for (unsigned i = 0; i < 12; i++)
        tick_at_deadline(&r);
    assert_true(about(r.client.exchange.rt_ns, 60));
}

static void information_is_refreshed_when_the_server_says(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(INFORMING));
    struct answer a = answer_of(&r, DHCP6_REPLY);
    a.refresh_s = 1200;
    give(&r, &a);
    assert_int_equal(r.client.deadline, r.now + 1200 * NS_PER_S);
    assert_int_equal(r.informed, 1);
    tick_at_deadline(&r);
    a = answer_of(&r, DHCP6_REPLY);
    a.refresh_s = 5; /* IRT_MINIMUM */
    give(&r, &a);
    assert_int_equal(r.client.deadline, r.now + 600 * NS_PER_S);
    tick_at_deadline(&r);
    give_type(&r, DHCP6_REPLY);
    assert_int_equal(r.client.deadline, r.now + 86400 * NS_PER_S);
}

/* ---- what leads nowhere ---- */

static void dh_02_dhcpv6_answers_that_are_not_ours_are_counted_and_ignored(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 9; kind++) {
        struct rig r;
        bool advertise = kind < 5;
        reach(&r, advertise ? S(SOLICITING) : S(REQUESTING));
        struct answer a = answer_of(&r, advertise ? DHCP6_ADVERTISE : DHCP6_REPLY);
        uint64_t *counter = &r.counters.drop_xid;
        switch (kind) {
        case 0:
        case 5:
            a.xid ^= 1;
            break;
        case 1:
        case 6:
            a.other_client = true, counter = &r.counters.drop_client;
            break;
        case 2:
            a.no_server = true, counter = &r.counters.drop_server;
            break;
        case 3:
            a.iaid++, counter = &r.counters.drop_nothing;
            break;
        case 4:
            a.type = DHCP6_RENEW, counter = &r.counters.drop_type;
            break;
        case 7:
            a.other_server = true, counter = &r.counters.drop_server;
            break;
        default:
            a.status = DHCP6_UNSPEC_FAIL, counter = &r.counters.drop_failed;
        }
        struct dhcp6_client before = r.client;
        struct dhcp6_client_counters counters = r.counters;
        unsigned sent = r.sent;
        give(&r, &a);
        assert_int_equal(*counter, 1);
        *counter = 0;
        assert_memory_equal(&counters, &r.counters, sizeof counters);
        assert_memory_equal(&before, &r.client, sizeof before);
        assert_int_equal(r.sent, sent);
    }
    print_message("DH-02: %u cases\n", 9u);
}

static void dh_02_a_thousand_advertises_make_one_request(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(SOLICITING));
    for (unsigned i = 0; i < 1000; i++) {
        struct answer a = answer_of(&r, DHCP6_ADVERTISE);
        a.preference = (int)(i % 200);
        give(&r, &a);
    }
    assert_int_equal(r.sent, 1);
    tick_at_deadline(&r);
    assert_int_equal(r.sent, 2);
    assert_int_equal(r.client.preference, 199);
    print_message("DH-02: %u cases\n", 1000u);
}

static void dh_01_malformed_dhcpv6_answers_leave_the_lease_as_it_is(void **state)
{
    (void)state;
    struct rig r;
    reach(&r, S(RENEWING));
    struct dhcp6_client before = r.client;
    uint8_t bytes[] = {7, 0, 0, 0, 0, 1, 0, 99, 1};
    dhcp6_client_input(&r.client, at_end_of_memory(bytes, sizeof bytes), sizeof bytes, r.now);
    assert_int_equal(r.counters.drop_malformed, 1);
    assert_int_equal(r.counters.malformed[DHCP6_REJECT_OPTION_PAST_END], 1);
    assert_memory_equal(&before, &r.client, sizeof before);
    print_message("DH-01: %u cases\n", 1u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_does_what_the_table_says),
        cmocka_unit_test(retransmissions_follow_section_15),
        cmocka_unit_test(exchanges_end_by_their_count_or_duration),
        cmocka_unit_test(renewing_goes_on_until_t2_and_rebinding_until_the_end),
        cmocka_unit_test(the_elapsed_time_counts_from_the_first_message),
        cmocka_unit_test(each_message_names_what_rfc_8415_asks_for),
        cmocka_unit_test(an_address_and_a_prefix_are_asked_for_together),
        cmocka_unit_test(the_best_preference_is_taken_when_the_first_wait_ends),
        cmocka_unit_test(after_the_first_wait_any_offer_is_taken_at_once),
        cmocka_unit_test(rapid_commit_needs_one_answer),
        cmocka_unit_test(times_of_zero_are_half_and_four_fifths_of_the_preferred_lifetime),
        cmocka_unit_test(an_address_taken_back_is_given_up),
        cmocka_unit_test(servers_set_how_often_they_are_asked),
        cmocka_unit_test(information_is_refreshed_when_the_server_says),
        cmocka_unit_test(dh_02_dhcpv6_answers_that_are_not_ours_are_counted_and_ignored),
        cmocka_unit_test(dh_02_a_thousand_advertises_make_one_request),
        cmocka_unit_test(dh_01_malformed_dhcpv6_answers_leave_the_lease_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
