/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv6 server: RFC 8415 18.3 message by message, what it does not answer (16), relay agents (19), what runs out.
 * Clients are played by hand; time is virtual.
 */
#include "base/error.h"
#include "service/dhcp6_server.h"
#include "support/counting_alloc.h"
#include "unit/wire_support.h"

static const uint8_t server_id[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};

static struct ip_addr addr(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

struct rig {
    struct counting_alloc memory;
    struct dhcp6_link_settings links[2];
    struct dhcp6_server_settings settings;
    struct dhcp6_server *server;
    int64_t now;
    unsigned replies;
    uint16_t port;
    size_t length;
    uint8_t bytes[DHCP6_MOST_ROOM];
    struct dhcp6_message reply;
};

static void on_send(void *context, struct dhcp6_server *s, const struct ip_addr *to, uint16_t port,
                    const uint8_t *bytes, size_t length)
{
    struct rig *r = context;
    (void)s, (void)to;
    r->replies++;
    r->port = port;
    r->length = length;
    memcpy(r->bytes, bytes, length);
    if (bytes[0] == DHCP6_RELAY_REPLY)
        return;
    assert_int_equal(dhcp6_message_parse(r->bytes, length, &r->reply), DHCP6_ACCEPTED);
    assert_true(dhcp6_value_equal(&r->reply.server_id, server_id, sizeof server_id));
}

static void rig_settings(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->links[0] = (struct dhcp6_link_settings){.on_link = {addr("2001:db8::"), 64},
                                               .base = addr("2001:db8::100"),
                                               .addresses = 4,
                                               .prefix_base = addr("2001:db8:8000::"),
                                               .prefix_length = 56,
                                               .prefixes = 2,
                                               .preferred_s = 1000,
                                               .valid_s = 2000,
                                               .dns = {addr("2001:db8::53")},
                                               .domains = (const uint8_t *)"\1a",
                                               .domains_len = 3};
    r->links[1] = (struct dhcp6_link_settings){.on_link = {addr("2001:db8:1::"), 64},
                                               .base = addr("2001:db8:1::100"),
                                               .addresses = 50,
                                               .preferred_s = 1000,
                                               .valid_s = 2000};
    dhcp6_server_settings_default(&r->settings);
    r->settings.duid = server_id;
    r->settings.duid_len = sizeof server_id;
    r->settings.links = r->links;
    r->settings.n_links = 2;
    r->settings.max_leases = 64;
    r->settings.max_offers = 32;
    r->settings.key = (struct hash_key){3, 4};
    r->settings.send = on_send;
    r->settings.context = r;
    r->now = 1000 * NS_PER_S;
    counting_alloc_init(&r->memory);
}

static void rig_start(struct rig *r)
{
    int e = dhcp6_server_new(&r->settings, &r->memory.allocator, r->now, &r->server);
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
    dhcp6_server_delete(r->server);
    assert_int_equal(r->memory.live_blocks, 0);
}

/* A client's message. */
struct ask {
    enum dhcp6_type type;
    uint8_t who; /* last byte of the DUID */
    bool na, pd, to_server, to_other, anonymous, rapid_commit, oro;
    const char *address, *prefix, *link; /* link: through a relay agent there */
};

static void write_ask(struct dhcp6_writer *w, const struct ask *a)
{
    uint8_t duid[10] = {0, 3, 0, 1, 6, [9] = a->who};
    struct dhcp6_ia na = {.kind = DHCP6_OPT_IA_NA, .iaid = 1}, pd = {.kind = DHCP6_OPT_IA_PD, .iaid = 1};
    dhcp6_writer_header(w, a->type, 0x112200u + a->who);
    if (!a->anonymous)
        dhcp6_writer_bytes(w, DHCP6_OPT_CLIENT_ID, duid, sizeof duid);
    if (a->to_server || a->to_other)
        dhcp6_writer_bytes(w, DHCP6_OPT_SERVER_ID, server_id, a->to_other ? 9 : 10);
    if (a->address)
        na.lease[na.n++] = (struct dhcp6_lease){.addr = addr(a->address), .prefix_length = 128};
    if (a->prefix)
        pd.lease[pd.n++] = (struct dhcp6_lease){.addr = addr(a->prefix), .prefix_length = 56};
    if (a->na)
        dhcp6_writer_ia(w, &na);
    if (a->pd)
        dhcp6_writer_ia(w, &pd);
    if (a->rapid_commit)
        dhcp6_writer_bytes(w, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
    if (a->oro)
        dhcp6_writer_bytes(w, DHCP6_OPT_ORO, "\0\x17\0\x18\0\x52", 6);
}

static unsigned say(struct rig *r, struct ask a)
{
    uint8_t bytes[512];
    struct dhcp6_writer w;
    struct ip_addr from = addr("fe80::9");
    unsigned before = r->replies;
    dhcp6_writer_begin(&w, bytes, sizeof bytes);
    size_t opened = 0;
    if (a.link) {
        struct dhcp6_relay relay = {
            .type = DHCP6_RELAY_FORWARD, .link = addr(a.link), .peer = from, .interface_id = {server_id, 3}};
        opened = dhcp6_writer_relay(&w, &relay);
    }
    write_ask(&w, &a);
    if (a.link)
        dhcp6_writer_close(&w, opened);
    int n = dhcp6_writer_end(&w);
    assert_true(n > 0);
    dhcp6_server_input(r->server, &from, at_end_of_memory(bytes, (size_t)n), (size_t)n, r->now);
    if (r->replies > before && !a.link)
        assert_int_equal(r->reply.xid, 0x112200u + a.who);
    return r->replies - before;
}
#define SAY(r, ...) say(r, (struct ask){__VA_ARGS__})

static const struct dhcp6_server_counters *counters(const struct rig *r) { return dhcp6_server_counters(r->server); }

static enum lease_state state_of(struct rig *r, const char *text, bool prefix)
{
    struct ip_addr a = addr(text);
    const struct lease_binding *b = dhcp6_server_find(r->server, &a, prefix);
    return b ? b->state : LEASE_FREE;
}

static void assert_gives(const struct rig *r, unsigned ia, const char *text)
{
    struct ip_addr a = addr(text);
    assert_true(r->reply.n_ias > ia && r->reply.ia[ia].n > 0 && r->reply.ia[ia].status == DHCP6_SUCCESS);
    assert_true(ip_addr_equal(&r->reply.ia[ia].lease[0].addr, &a));
    assert_int_equal(r->reply.ia[ia].lease[0].valid_s, 2000);
}

static void advance(struct rig *r, int64_t ns)
{
    int64_t until = r->now + ns;
    for (int64_t next; (next = dhcp6_server_deadline(r->server)) <= until;) {
        r->now = max_i64(r->now, next);
        dhcp6_server_tick(r->server, r->now);
    }
    r->now = until;
}

/* ---- leases ---- */

static void a_solicit_gets_an_advertise_and_a_request_the_lease(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .pd = true, .oro = true), 1);
    assert_int_equal(r.reply.type, DHCP6_ADVERTISE);
    assert_gives(&r, 0, "2001:db8::100");
    assert_gives(&r, 1, "2001:db8:8000::");
    assert_true(r.reply.ia[0].t1_s == 500 && r.reply.ia[0].t2_s == 800);
    assert_int_equal(r.reply.ia[1].lease[0].prefix_length, 56);
    assert_true(r.reply.dns.length == 16 && r.reply.domains.length == 3);
    assert_int_equal(r.port, DHCP6_CLIENT_PORT);
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_OFFERED);
    assert_int_equal(SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .pd = true, .to_server = true), 1);
    assert_int_equal(r.reply.type, DHCP6_REPLY);
    assert_gives(&r, 0, "2001:db8::100");
    assert_gives(&r, 1, "2001:db8:8000::");
    assert_int_equal(r.reply.dns.length, 0); /* not asked for */
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_BOUND);
    assert_int_equal(state_of(&r, "2001:db8:8000::", true), LEASE_BOUND);
    assert_int_equal(counters(&r)->bound, 2);
    rig_free(&r);
}

static void rapid_commit_binds_where_it_is_allowed(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .rapid_commit = true);
    assert_int_equal(r.reply.type, DHCP6_ADVERTISE);
    rig_free(&r);
    rig_settings(&r);
    r.settings.rapid_commit = true;
    r.settings.preference = 7;
    rig_start(&r);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .rapid_commit = true);
    assert_true(r.reply.type == DHCP6_REPLY && r.reply.rapid_commit);
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_BOUND);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 2, .na = true);
    assert_true(r.reply.type == DHCP6_ADVERTISE && r.reply.preference == 7);
    rig_free(&r);
}

static void what_the_client_asks_for_is_given_when_it_is_free(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .address = "2001:db8::102");
    assert_gives(&r, 0, "2001:db8::102");
    SAY(&r, .type = DHCP6_SOLICIT, .who = 2, .na = true, .address = "2001:db8::102");
    assert_gives(&r, 0, "2001:db8::100");
    SAY(&r, .type = DHCP6_SOLICIT, .who = 3, .pd = true, .prefix = "2001:db8:8000:100::");
    assert_gives(&r, 0, "2001:db8:8000:100::");
    rig_free(&r);
}

static void renew_and_rebind_extend_and_take_back_what_is_not_known(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_server = true);
    advance(&r, 1500 * NS_PER_S);
    SAY(&r, .type = DHCP6_RENEW, .who = 1, .na = true, .to_server = true, .address = "2001:db8::100");
    assert_gives(&r, 0, "2001:db8::100");
    advance(&r, 1500 * NS_PER_S);
    SAY(&r, .type = DHCP6_REBIND, .who = 1, .na = true, .address = "2001:db8::77");
    assert_gives(&r, 0, "2001:db8::100");
    assert_int_equal(r.reply.ia[0].n, 2);
    assert_int_equal(r.reply.ia[0].lease[1].valid_s, 0);
    SAY(&r, .type = DHCP6_RENEW, .who = 2, .na = true, .to_server = true);
    assert_int_equal(r.reply.ia[0].status, DHCP6_NO_BINDING);
    assert_int_equal(counters(&r)->no_binding, 1);
    assert_int_equal(SAY(&r, .type = DHCP6_REBIND, .who = 2, .na = true), 0); /* another server may know it */
    assert_int_equal(counters(&r)->drop_unknown, 1);
    advance(&r, 2001 * NS_PER_S);
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_REMEMBERED);
    rig_free(&r);
}

static void confirm_says_whether_addresses_are_of_the_link(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP6_CONFIRM, .who = 1, .na = true, .address = "2001:db8::5"), 1);
    assert_int_equal(r.reply.status, DHCP6_SUCCESS);
    assert_int_equal(SAY(&r, .type = DHCP6_CONFIRM, .who = 1, .na = true, .address = "2001:db8:9::5"), 1);
    assert_int_equal(r.reply.status, DHCP6_NOT_ON_LINK);
    assert_int_equal(SAY(&r, .type = DHCP6_CONFIRM, .who = 1, .na = true), 0);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_server = true, .address = "2001:db8:9::5");
    assert_int_equal(r.reply.ia[0].status, DHCP6_NOT_ON_LINK);
    assert_int_equal(counters(&r)->not_on_link, 2);
    rig_free(&r);
}

static void release_and_decline_are_confirmed(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_server = true);
    SAY(&r, .type = DHCP6_RELEASE, .who = 1, .na = true, .to_server = true, .address = "2001:db8::101");
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_BOUND); /* another address than it has */
    SAY(&r, .type = DHCP6_RELEASE, .who = 1, .na = true, .to_server = true, .address = "2001:db8::100");
    assert_true(r.reply.type == DHCP6_REPLY && r.reply.status == DHCP6_SUCCESS && r.reply.n_ias == 0);
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_REMEMBERED);
    SAY(&r, .type = DHCP6_RELEASE, .who = 1, .na = true, .to_server = true, .address = "2001:db8::100");
    assert_int_equal(r.reply.ia[0].status, DHCP6_NO_BINDING);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_server = true); /* the same again */
    assert_gives(&r, 0, "2001:db8::100");
    SAY(&r, .type = DHCP6_DECLINE, .who = 1, .na = true, .to_server = true, .address = "2001:db8::100");
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_DECLINED);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_server = true, .address = "2001:db8::100");
    assert_gives(&r, 0, "2001:db8::101");
    advance(&r, 601 * NS_PER_S);
    assert_int_equal(state_of(&r, "2001:db8::100", false), LEASE_FREE);
    assert_true(counters(&r)->declined == 1 && counters(&r)->released == 1);
    rig_free(&r);
}

static void an_information_request_needs_no_identifier(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP6_INFORMATION_REQUEST, .who = 1, .anonymous = true, .oro = true), 1);
    assert_true(r.reply.type == DHCP6_REPLY && !r.reply.client_id.bytes && r.reply.dns.length == 16);
    rig_free(&r);
}

/* ---- relay agents ---- */

static void a_relay_agents_link_chooses_and_its_envelope_comes_back(void **state)
{
    (void)state;
    struct rig r;
    struct dhcp6_relay relay;
    struct ip_addr peer = addr("fe80::9");
    rig_init(&r);
    assert_int_equal(SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .link = "2001:db8:1::1"), 1);
    assert_int_equal(r.port, DHCP6_SERVER_PORT);
    assert_int_equal(dhcp6_relay_parse(r.bytes, r.length, &relay), DHCP6_ACCEPTED);
    assert_true(relay.type == DHCP6_RELAY_REPLY && ip_addr_equal(&relay.peer, &peer));
    assert_true(dhcp6_value_equal(&relay.interface_id, server_id, 3));
    assert_int_equal(dhcp6_message_parse(relay.message.bytes, relay.message.length, &r.reply), DHCP6_ACCEPTED);
    assert_gives(&r, 0, "2001:db8:1::100");
    assert_int_equal(SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .link = "2001:db8:7::1"), 0);
    assert_int_equal(SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .link = "::"), 0);
    assert_int_equal(counters(&r)->drop_no_link, 2);
    rig_free(&r);
}

static void dh_01_more_envelopes_than_hops_are_rejected(void **state)
{
    (void)state;
    struct rig r;
    uint8_t bytes[1200];
    struct dhcp6_relay relay = {.type = DHCP6_RELAY_FORWARD};
    struct ip_addr from = addr("fe80::9");
    rig_init(&r);
    for (unsigned n = 9; n <= 10; n++) {
        struct dhcp6_writer w;
        size_t opened[10];
        dhcp6_writer_begin(&w, bytes, sizeof bytes);
        for (unsigned i = 0; i < n; i++) {
            relay.link = i == n - 1 ? addr("2001:db8::1") : addr("::");
            opened[i] = dhcp6_writer_relay(&w, &relay);
        }
        write_ask(&w, &(struct ask){.type = DHCP6_SOLICIT, .who = 1, .na = true});
        for (unsigned i = n; i-- > 0;)
            dhcp6_writer_close(&w, opened[i]);
        int length = dhcp6_writer_end(&w);
        assert_true(length > 0);
        dhcp6_server_input(r.server, &from, at_end_of_memory(bytes, (size_t)length), (size_t)length, r.now);
    }
    assert_int_equal(r.replies, 1);
    assert_int_equal(counters(&r)->malformed[DHCP6_REJECT_RELAY], 1);
    rig_free(&r);
    print_message("DH-01: %u cases\n", 2u);
}

/* ---- what is not answered, what runs out ---- */

static void messages_without_the_right_identifiers_get_no_answer(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .anonymous = true);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true, .to_server = true);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true);
    SAY(&r, .type = DHCP6_RENEW, .who = 1, .na = true);
    SAY(&r, .type = DHCP6_REBIND, .who = 1, .na = true, .to_server = true);
    SAY(&r, .type = DHCP6_CONFIRM, .who = 1, .na = true, .to_server = true);
    SAY(&r, .type = DHCP6_INFORMATION_REQUEST, .who = 1, .na = true);
    assert_int_equal(counters(&r)->drop_ids, 7);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_other = true);
    SAY(&r, .type = DHCP6_RELEASE, .who = 1, .na = true, .to_other = true);
    assert_int_equal(counters(&r)->drop_other_server, 2);
    SAY(&r, .type = DHCP6_ADVERTISE, .who = 1, .to_server = true);
    SAY(&r, .type = DHCP6_REPLY, .who = 1, .to_server = true);
    SAY(&r, .type = DHCP6_RECONFIGURE, .who = 1, .to_server = true);
    assert_int_equal(counters(&r)->drop_type, 3);
    assert_int_equal(r.replies, 0);
    rig_free(&r);
}

static void dh_02_what_runs_out_is_said_by_a_status(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    SAY(&r, .type = DHCP6_REQUEST, .who = 1, .na = true, .to_server = true);
    for (unsigned i = 2; i < 100; i++)
        SAY(&r, .type = DHCP6_SOLICIT, .who = (uint8_t)i, .na = true, .pd = true);
    assert_int_equal(counters(&r)->exhausted, 95 + 96);
    assert_int_equal(r.reply.ia[0].status, DHCP6_NO_ADDRS_AVAIL);
    assert_int_equal(r.reply.ia[1].status, DHCP6_NO_PREFIX_AVAIL);
    SAY(&r, .type = DHCP6_RENEW, .who = 1, .na = true, .to_server = true); /* who has a lease keeps it */
    assert_gives(&r, 0, "2001:db8::100");
    advance(&r, 61 * NS_PER_S);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 200, .na = true);
    assert_int_equal(r.reply.ia[0].status, DHCP6_SUCCESS);
    rig_free(&r);
    rig_settings(&r);
    r.settings.max_offers = 1;
    rig_start(&r);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 2, .na = true);
    assert_int_equal(counters(&r)->offer_limit, 1);
    rig_free(&r);
    rig_settings(&r);
    r.settings.max_leases = 1;
    rig_start(&r);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 1, .na = true);
    SAY(&r, .type = DHCP6_SOLICIT, .who = 2, .na = true);
    assert_int_equal(counters(&r)->no_record, 1);
    rig_free(&r);
    print_message("DH-02: %u cases\n", 102u);
}

static void a_reply_that_does_not_fit_is_counted(void **state)
{
    (void)state;
    static uint8_t bytes[1300], id[1140];
    struct rig r;
    struct dhcp6_writer w;
    struct ip_addr from = addr("fe80::9");
    struct dhcp6_relay relay = {
        .type = DHCP6_RELAY_FORWARD, .link = addr("2001:db8::1"), .interface_id = {id, sizeof id}};
    rig_init(&r);
    dhcp6_writer_begin(&w, bytes, sizeof bytes);
    size_t opened = dhcp6_writer_relay(&w, &relay);
    write_ask(&w, &(struct ask){.type = DHCP6_SOLICIT, .who = 1, .na = true});
    dhcp6_writer_close(&w, opened);
    int n = dhcp6_writer_end(&w);
    assert_true(n > 0);
    dhcp6_server_input(r.server, &from, at_end_of_memory(bytes, (size_t)n), (size_t)n, r.now);
    assert_int_equal(counters(&r)->drop_write, 1);
    assert_int_equal(r.replies, 0);
    rig_free(&r);
}

static void settings_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct rig r;
    for (unsigned kind = 0; kind < 9; kind++) {
        rig_settings(&r);
        switch (kind) {
        case 0:
            r.settings.n_links = 0;
            break;
        case 1:
            r.settings.duid_len = 2;
            break;
        case 2:
            r.settings.send = NULL;
            break;
        case 3:
            r.links[0].base = addr("2001:db8:9::100");
            break;
        case 4:
            r.links[0].preferred_s = 2001;
            break;
        case 5:
            r.links[0].valid_s = 0;
            break;
        case 6:
            r.links[0].prefix_length = 65;
            break;
        case 7:
            r.links[0].prefix_base = addr("2001:db8:8000:1::");
            break;
        default:
            r.links[0].addresses = LEASE_RANGE_MAX;
        }
        assert_int_equal(dhcp6_server_new(&r.settings, &r.memory.allocator, r.now, &r.server), ERR_INVALID);
        assert_int_equal(r.memory.live_blocks, 0);
    }
}

static void memory_that_fails_gives_no_server_and_leaks_nothing(void **state)
{
    (void)state;
    struct rig r;
    for (unsigned n = 0;; n++) {
        rig_settings(&r);
        r.memory.allocs_left = n;
        int e = dhcp6_server_new(&r.settings, &r.memory.allocator, r.now, &r.server);
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
        cmocka_unit_test(a_solicit_gets_an_advertise_and_a_request_the_lease),
        cmocka_unit_test(rapid_commit_binds_where_it_is_allowed),
        cmocka_unit_test(what_the_client_asks_for_is_given_when_it_is_free),
        cmocka_unit_test(renew_and_rebind_extend_and_take_back_what_is_not_known),
        cmocka_unit_test(confirm_says_whether_addresses_are_of_the_link),
        cmocka_unit_test(release_and_decline_are_confirmed),
        cmocka_unit_test(an_information_request_needs_no_identifier),
        cmocka_unit_test(a_relay_agents_link_chooses_and_its_envelope_comes_back),
        cmocka_unit_test(dh_01_more_envelopes_than_hops_are_rejected),
        cmocka_unit_test(messages_without_the_right_identifiers_get_no_answer),
        cmocka_unit_test(dh_02_what_runs_out_is_said_by_a_status),
        cmocka_unit_test(a_reply_that_does_not_fit_is_counted),
        cmocka_unit_test(settings_that_cannot_work_are_refused),
        cmocka_unit_test(memory_that_fails_gives_no_server_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
