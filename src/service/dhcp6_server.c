/* SPDX-License-Identifier: MIT */
/*
 * What the DHCPv6 server does with each message: RFC 8415 18.3. See dhcp6_server.h. A reply is written while the
 * request's associations are gone through: each gives one association of the reply.
 */
#include "service/dhcp6_server.h"

#include "base/error.h"
#include "service/dhcp6_server_private.h"

#define NO_LINK UINT16_MAX

/* A message under way. */
struct request {
    struct dhcp6_message message;
    struct dhcp6_relay relays[DHCP6_HOPS + 1]; /* outermost first */
    unsigned n_relays;
    uint16_t link;
    bool said; /* an association was written, or the status of the whole */
    struct dhcp6_writer writer;
};

const struct dhcp6_server_counters *dhcp6_server_counters(const struct dhcp6_server *s) { return &s->counters; }
const struct lease_table *dhcp6_server_leases(const struct dhcp6_server *s) { return &s->leases; }
int64_t dhcp6_server_deadline(const struct dhcp6_server *s) { return wheel_next(&s->leases.wheel); }
void dhcp6_server_tick(struct dhcp6_server *s, int64_t now) { lease_table_tick(&s->leases, now); }

const struct lease_binding *dhcp6_server_find(struct dhcp6_server *s, const struct ip_addr *addr, bool prefix)
{
    for (unsigned i = 0; i < s->settings.n_links; i++) {
        uint32_t number = dhcp6_server_number(s, (uint16_t)(2 * i + prefix), addr);
        if (number)
            return lease_table_of_address(&s->leases, number);
    }
    return NULL;
}

/* ---- leases ---- */

static const struct dhcp6_link_settings *link_of(const struct dhcp6_server *s, const struct request *r)
{
    return &s->settings.links[r->link];
}

static uint16_t pool_of(const struct request *r, const struct dhcp6_ia *ia)
{
    return (uint16_t)(2 * r->link + (ia->kind == DHCP6_OPT_IA_PD));
}

static struct lease_client client_of(const struct dhcp6_server *s, const struct request *r, const struct dhcp6_ia *ia)
{
    uint8_t bytes[4 + DHCP6_DUID_MAX];
    const struct dhcp6_value *id = &r->message.client_id;
    store_be32(bytes, ia->iaid);
    memcpy(bytes + 4, id->bytes, id->length);
    return lease_client_of(&s->settings.key, bytes, 4u + id->length);
}

static struct lease_binding *binding_of(struct dhcp6_server *s, const struct request *r, const struct dhcp6_ia *ia)
{
    struct lease_client client = client_of(s, r, ia);
    return lease_table_of_client(&s->leases, &client, pool_of(r, ia));
}

static bool is_held(const struct lease_binding *b)
{
    return b && (b->state == LEASE_OFFERED || b->state == LEASE_BOUND);
}

/* What the client asks for when that is free, else any. 0: none is left. */
static uint32_t choose(struct dhcp6_server *s, const struct request *r, const struct dhcp6_ia *ia)
{
    uint16_t pool = pool_of(r, ia);
    for (unsigned i = 0; i < ia->n; i++) {
        uint32_t number = dhcp6_server_number(s, pool, &ia->lease[i].addr);
        if (number && lease_table_is_free(&s->leases, pool, number))
            return number;
    }
    return lease_table_search(&s->leases, pool);
}

/* The association's record, made when there is none; NULL, counted, when that cannot be. */
static struct lease_binding *need_binding(struct dhcp6_server *s, const struct request *r, const struct dhcp6_ia *ia)
{
    struct lease_binding *b = binding_of(s, r, ia);
    if (!is_held(b) && s->leases.offered >= s->settings.max_offers) {
        s->counters.offer_limit++;
        return NULL;
    }
    if (b)
        return b;
    uint32_t number = choose(s, r, ia);
    if (number == 0) {
        s->counters.exhausted++;
        return NULL;
    }
    struct lease_client client = client_of(s, r, ia);
    b = lease_table_add(&s->leases, &client, pool_of(r, ia), number);
    s->counters.no_record += b == NULL;
    return b;
}

static int64_t end_of(uint32_t valid_s, int64_t now)
{
    int64_t end;
    bool never = valid_s == DHCP6_INFINITE || __builtin_add_overflow(now, (int64_t)valid_s * NS_PER_S, &end);
    return never ? TIME_NEVER : end;
}

static void bind(struct dhcp6_server *s, const struct request *r, struct lease_binding *b, int64_t now)
{
    b->lease_s = link_of(s, r)->valid_s;
    lease_table_set(&s->leases, b, LEASE_BOUND, end_of(b->lease_s, now));
    s->counters.bound++;
}

static void offer(struct dhcp6_server *s, struct lease_binding *b, int64_t now)
{
    if (b->state != LEASE_BOUND)
        lease_table_set(&s->leases, b, LEASE_OFFERED, now + s->settings.offer_ns);
}

/* ---- associations of a reply ---- */

static struct dhcp6_ia answer_to(const struct dhcp6_ia *ia)
{
    return (struct dhcp6_ia){.kind = ia->kind, .iaid = ia->iaid};
}

static void say_ia(struct request *r, const struct dhcp6_ia *answer)
{
    dhcp6_writer_ia(&r->writer, answer);
    r->said = true;
}

static void say_status(struct request *r, const struct dhcp6_ia *ia, enum dhcp6_status status)
{
    struct dhcp6_ia answer = answer_to(ia);
    answer.status = (uint16_t)status;
    say_ia(r, &answer);
}

static void add_lease(const struct dhcp6_server *s, const struct request *r, struct dhcp6_ia *answer,
                      const struct lease_binding *b)
{
    const struct dhcp6_link_settings *l = link_of(s, r);
    bool for_ever = l->preferred_s == DHCP6_INFINITE;
    answer->t1_s = for_ever ? DHCP6_INFINITE : l->preferred_s / 2;
    answer->t2_s = for_ever ? DHCP6_INFINITE : l->preferred_s - l->preferred_s / 5;
    answer->lease[answer->n++] = (struct dhcp6_lease){
        .addr = dhcp6_server_addr(s, b->pool, b->address),
        .prefix_length = b->pool & 1 ? l->prefix_length : 128,
        .preferred_s = l->preferred_s,
        .valid_s = l->valid_s,
    };
}

static void say_lease(struct dhcp6_server *s, struct request *r, const struct dhcp6_ia *ia,
                      const struct lease_binding *b)
{
    struct dhcp6_ia answer = answer_to(ia);
    add_lease(s, r, &answer, b);
    say_ia(r, &answer);
}

static enum dhcp6_status nothing_left(const struct dhcp6_ia *ia)
{
    return ia->kind == DHCP6_OPT_IA_NA ? DHCP6_NO_ADDRS_AVAIL : DHCP6_NO_PREFIX_AVAIL;
}

/* Whether all addresses of an association are of the link. */
static bool is_on_link(const struct dhcp6_server *s, const struct request *r, const struct dhcp6_ia *ia)
{
    bool on_link = true;
    for (unsigned i = 0; i < ia->n && ia->kind == DHCP6_OPT_IA_NA; i++)
        on_link &= ip_prefix_contains(&link_of(s, r)->on_link, &ia->lease[i].addr);
    return on_link;
}

/* SOLICIT and REQUEST: 18.3.1, 18.3.2, 18.3.9. */
static void give(struct dhcp6_server *s, struct request *r, const struct dhcp6_ia *ia, bool commit, int64_t now)
{
    if (r->message.type == DHCP6_REQUEST && !is_on_link(s, r, ia)) {
        s->counters.not_on_link++;
        say_status(r, ia, DHCP6_NOT_ON_LINK);
        return;
    }
    struct lease_binding *b = need_binding(s, r, ia);
    if (!b) {
        say_status(r, ia, nothing_left(ia));
        return;
    }
    if (commit)
        bind(s, r, b, now);
    else
        offer(s, b, now);
    say_lease(s, r, ia, b);
}

/* RENEW and REBIND: what the client has and we have not is taken back by lifetimes of 0 (18.3.4, 18.3.5). */
static void extend(struct dhcp6_server *s, struct request *r, const struct dhcp6_ia *ia, int64_t now)
{
    struct lease_binding *b = binding_of(s, r, ia);
    struct dhcp6_ia answer = answer_to(ia);
    if (!b || b->state == LEASE_OFFERED) {
        if (r->message.type == DHCP6_RENEW) {
            s->counters.no_binding++;
            say_status(r, ia, DHCP6_NO_BINDING);
        }
        return;
    }
    bind(s, r, b, now);
    add_lease(s, r, &answer, b);
    for (unsigned i = 0; i < ia->n && answer.n < DHCP6_LEASES; i++)
        if (!ip_addr_equal(&ia->lease[i].addr, &answer.lease[0].addr))
            answer.lease[answer.n++] =
                (struct dhcp6_lease){.addr = ia->lease[i].addr, .prefix_length = ia->lease[i].prefix_length};
    say_ia(r, &answer);
}

/* Nobody's, so that its client can get another one. */
static void quarantine(struct dhcp6_server *s, struct lease_binding *b, int64_t now)
{
    uint32_t number = b->address;
    uint16_t pool = b->pool;
    struct lease_client nobody = lease_client_of(&s->settings.key, &number, sizeof number);
    nobody.b = 0;
    lease_table_remove(&s->leases, b);
    b = lease_table_add(&s->leases, &nobody, pool, number);
    assert(b != NULL); /* the record that was just given back */
    lease_table_set(&s->leases, b, LEASE_DECLINED, now + s->settings.decline_ns);
    s->counters.declined++;
}

static bool names(const struct dhcp6_server *s, const struct dhcp6_ia *ia, const struct lease_binding *b)
{
    for (unsigned i = 0; i < ia->n; i++)
        if (dhcp6_server_number(s, b->pool, &ia->lease[i].addr) == b->address)
            return true;
    return false;
}

/* RELEASE and DECLINE: 18.3.7, 18.3.8. */
static void take_back(struct dhcp6_server *s, struct request *r, const struct dhcp6_ia *ia, int64_t now)
{
    struct lease_binding *b = binding_of(s, r, ia);
    if (!is_held(b)) {
        s->counters.no_binding++;
        say_status(r, ia, DHCP6_NO_BINDING);
        return;
    }
    if (!names(s, ia, b))
        return;
    if (r->message.type == DHCP6_DECLINE) {
        quarantine(s, b, now);
        return;
    }
    s->counters.released++;
    lease_table_set(&s->leases, b, LEASE_REMEMBERED, TIME_NEVER);
}

/* ---- messages ---- */

/* CONFIRM: 18.3.3. Without an address there is nothing to say. */
static void confirm(struct dhcp6_server *s, struct request *r)
{
    bool on_link = true, any = false;
    for (unsigned i = 0; i < r->message.n_ias; i++) {
        const struct dhcp6_ia *ia = &r->message.ia[i];
        any |= ia->kind == DHCP6_OPT_IA_NA && ia->n > 0;
        on_link &= is_on_link(s, r, ia);
    }
    if (!any)
        return;
    s->counters.not_on_link += !on_link;
    dhcp6_writer_status(&r->writer, on_link ? DHCP6_SUCCESS : DHCP6_NOT_ON_LINK);
    r->said = true;
}

static void add_information(const struct dhcp6_server *s, struct request *r)
{
    const struct dhcp6_link_settings *l = link_of(s, r);
    uint8_t bytes[16 * DHCP6_LINK_DNS];
    unsigned n = 0;
    for (; n < DHCP6_LINK_DNS && !ip_addr_is_unspecified(&l->dns[n]); n++)
        memcpy(bytes + 16 * (size_t)n, l->dns[n].bytes, 16);
    if (n > 0 && dhcp6_message_asks(&r->message, DHCP6_OPT_DNS))
        dhcp6_writer_bytes(&r->writer, DHCP6_OPT_DNS, bytes, 16 * (size_t)n);
    if (l->domains && dhcp6_message_asks(&r->message, DHCP6_OPT_DOMAINS))
        dhcp6_writer_bytes(&r->writer, DHCP6_OPT_DOMAINS, l->domains, l->domains_len);
    if (s->settings.sol_max_rt_s && dhcp6_message_asks(&r->message, DHCP6_OPT_SOL_MAX_RT))
        dhcp6_writer_u32(&r->writer, DHCP6_OPT_SOL_MAX_RT, s->settings.sol_max_rt_s);
}

static bool commits_rapidly(const struct dhcp6_server *s, const struct request *r)
{
    return r->message.type == DHCP6_SOLICIT && s->settings.rapid_commit && r->message.rapid_commit;
}

static void each_ia(struct dhcp6_server *s, struct request *r, int64_t now)
{
    bool commit = r->message.type == DHCP6_REQUEST || commits_rapidly(s, r);
    for (unsigned i = 0; i < r->message.n_ias; i++) {
        const struct dhcp6_ia *ia = &r->message.ia[i];
        if (r->message.type == DHCP6_SOLICIT || r->message.type == DHCP6_REQUEST)
            give(s, r, ia, commit, now);
        else if (r->message.type == DHCP6_RENEW || r->message.type == DHCP6_REBIND)
            extend(s, r, ia, now);
        else
            take_back(s, r, ia, now);
    }
}

static void answer_body(struct dhcp6_server *s, struct request *r, int64_t now)
{
    switch (r->message.type) {
    case DHCP6_CONFIRM:
        confirm(s, r);
        break;
    case DHCP6_INFORMATION_REQUEST:
        r->said = true;
        add_information(s, r);
        break;
    case DHCP6_RELEASE:
    case DHCP6_DECLINE:
        each_ia(s, r, now);
        dhcp6_writer_status(&r->writer, DHCP6_SUCCESS);
        r->said = true;
        break;
    default:
        each_ia(s, r, now);
        if (commits_rapidly(s, r))
            dhcp6_writer_bytes(&r->writer, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
        add_information(s, r);
    }
}

/* The client's and the server's identifiers, and in an ADVERTISE how much we would like to be chosen. */
static void begin_message(struct dhcp6_server *s, struct request *r, enum dhcp6_type type)
{
    const struct dhcp6_value *id = &r->message.client_id;
    dhcp6_writer_header(&r->writer, type, r->message.xid);
    if (id->bytes)
        dhcp6_writer_bytes(&r->writer, DHCP6_OPT_CLIENT_ID, id->bytes, id->length);
    dhcp6_writer_bytes(&r->writer, DHCP6_OPT_SERVER_ID, s->settings.duid, s->settings.duid_len);
    if (type == DHCP6_ADVERTISE && s->settings.preference)
        dhcp6_writer_bytes(&r->writer, DHCP6_OPT_PREFERENCE, &s->settings.preference, 1);
}

static void answer(struct dhcp6_server *s, struct request *r, const struct ip_addr *from, int64_t now)
{
    size_t opened[DHCP6_HOPS + 1];
    bool advertise = r->message.type == DHCP6_SOLICIT && !commits_rapidly(s, r);
    dhcp6_writer_begin(&r->writer, s->reply, sizeof s->reply);
    for (unsigned i = 0; i < r->n_relays; i++) {
        r->relays[i].type = DHCP6_RELAY_REPLY;
        opened[i] = dhcp6_writer_relay(&r->writer, &r->relays[i]);
    }
    begin_message(s, r, advertise ? DHCP6_ADVERTISE : DHCP6_REPLY);
    answer_body(s, r, now);
    for (unsigned i = r->n_relays; i-- > 0;)
        dhcp6_writer_close(&r->writer, opened[i]);
    int length = dhcp6_writer_end(&r->writer);
    if (!r->said) {
        s->counters.drop_unknown++;
    } else if (length < 0) {
        s->counters.drop_write++;
    } else {
        s->counters.advertises += advertise;
        s->counters.replies += !advertise;
        s->settings.send(s->settings.context, s, from, r->n_relays ? DHCP6_SERVER_PORT : DHCP6_CLIENT_PORT, s->reply,
                         (size_t)length);
    }
}

/* ---- what is answered at all ---- */

/* RFC 8415 16: which identifiers a message has. NULL: it may be answered. */
static uint64_t *fault_of(struct dhcp6_server *s, const struct dhcp6_message *m)
{
    bool inform = m->type == DHCP6_INFORMATION_REQUEST;
    bool for_one =
        m->type == DHCP6_REQUEST || m->type == DHCP6_RENEW || m->type == DHCP6_RELEASE || m->type == DHCP6_DECLINE;
    if (m->type == DHCP6_ADVERTISE || m->type == DHCP6_REPLY || m->type == DHCP6_RECONFIGURE)
        return &s->counters.drop_type;
    if ((!m->client_id.bytes && !inform) || (for_one && !m->server_id.bytes) ||
        (!for_one && !inform && m->server_id.bytes) || (inform && m->n_ias > 0))
        return &s->counters.drop_ids;
    if (m->server_id.bytes && !dhcp6_value_equal(&m->server_id, s->settings.duid, s->settings.duid_len))
        return &s->counters.drop_other_server;
    return NULL;
}

/* The envelopes of relay agents, and the message in them. */
static enum dhcp6_reject open_all(struct request *r, const uint8_t *bytes, size_t length)
{
    while (length > 0 && bytes[0] == DHCP6_RELAY_FORWARD) {
        if (r->n_relays == DHCP6_HOPS + 1)
            return DHCP6_REJECT_RELAY;
        struct dhcp6_relay *relay = &r->relays[r->n_relays++];
        enum dhcp6_reject reason = dhcp6_relay_parse(bytes, length, relay);
        if (reason != DHCP6_ACCEPTED)
            return reason;
        bytes = relay->message.bytes;
        length = relay->message.length;
    }
    return dhcp6_message_parse(bytes, length, &r->message);
}

/* RFC 8415 13.1: the relay agent nearest to the client that names its link. */
static uint16_t find_link(const struct dhcp6_server *s, const struct request *r)
{
    const struct ip_addr *named = NULL;
    for (unsigned i = r->n_relays; i-- > 0 && !named;)
        if (!ip_addr_is_unspecified(&r->relays[i].link))
            named = &r->relays[i].link;
    if (!named)
        return r->n_relays ? NO_LINK : 0;
    for (unsigned i = 0; i < s->settings.n_links; i++)
        if (ip_prefix_contains(&s->settings.links[i].on_link, named))
            return (uint16_t)i;
    return NO_LINK;
}

void dhcp6_server_input(struct dhcp6_server *s, const struct ip_addr *from, const uint8_t *bytes, size_t length,
                        int64_t now)
{
    struct request r = {.n_relays = 0};
    enum dhcp6_reject reason = open_all(&r, bytes, length);
    dhcp6_server_tick(s, now);
    if (reason != DHCP6_ACCEPTED) {
        s->counters.drop_malformed++;
        s->counters.malformed[reason]++;
        return;
    }
    uint64_t *fault = fault_of(s, &r.message);
    r.link = find_link(s, &r);
    if (!fault && r.link == NO_LINK)
        fault = &s->counters.drop_no_link;
    if (fault)
        (*fault)++;
    else
        answer(s, &r, from, now);
}
