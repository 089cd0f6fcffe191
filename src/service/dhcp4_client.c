/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 client's transitions: RFC 2131 3.1, 3.2, 4.4, figure 5. See dhcp4_client.h.
 * enter_… functions make the transitions; what is written into messages is dhcp4_client_send.c's.
 */
#include "service/dhcp4_client.h"

#include "base/error.h"
#include "service/dhcp4_client_send.h"

#define FIRST_RETRY_S 4u /* RFC 2131 4.1 */
#define LAST_RETRY_S 64u
#define LEAST_RENEW_WAIT_NS (60 * NS_PER_S) /* RFC 2131 4.4.5 */
#define MOST_NAK_DOUBLINGS 6u

static struct dhcp4_client_counters *counters(const struct dhcp4_client *c) { return c->settings->counters; }

void dhcp4_client_settings_default(struct dhcp4_client_settings *s)
{
    static const uint8_t parameters[] = {DHCP4_CODE_SUBNET_MASK, DHCP4_CODE_ROUTER, DHCP4_CODE_DNS,
                                         DHCP4_CODE_DOMAIN_NAME, DHCP4_CODE_MTU,    DHCP4_CODE_BROADCAST_ADDRESS,
                                         DHCP4_CODE_T1,          DHCP4_CODE_T2};
    *s = (struct dhcp4_client_settings){.choice = DHCP4_CHOOSE_FIRST,
                                        .collect_ns = NS_PER_S,
                                        .start_wait_ns = 10 * NS_PER_S,
                                        .request_tries = 4,
                                        .broadcast = true,
                                        .send_client_id = true,
                                        .parameters = parameters,
                                        .n_parameters = sizeof parameters};
}

static bool text_fits(const char *text) { return !text || (text[0] != '\0' && strlen(text) < 64); }

int dhcp4_client_settings_check(const struct dhcp4_client_settings *s)
{
    const struct dhcp4_client_host *h = &s->host;
    if (!h->send || !h->configure || !h->unconfigure || !s->counters)
        return ERR_INVALID;
    if (s->request_tries < 1 || s->request_tries > 16 || s->n_parameters > 64 || (s->n_parameters && !s->parameters))
        return ERR_INVALID;
    if (s->collect_ns < 0 || s->start_wait_ns < 0)
        return ERR_INVALID;
    return text_fits(s->host_name) && text_fits(s->class_id) ? 0 : ERR_INVALID;
}

const char *dhcp4_client_state_name(enum dhcp4_client_state state)
{
    static const char *const names[DHCP4_CLIENT_STATES] = {
#define NAME(name) #name,
        DHCP4_CLIENT_STATE_LIST(NAME)
#undef NAME
    };
    return (unsigned)state < DHCP4_CLIENT_STATES ? names[state] : "unknown";
}

/* ---- random numbers: splitmix64, eight bytes a client ---- */

static uint64_t next_random(struct dhcp4_client *c)
{
    uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* In [low, high]. */
static int64_t random_between(struct dhcp4_client *c, int64_t low, int64_t high)
{
    return low + (int64_t)(next_random(c) % ((uint64_t)(high - low) + 1));
}

static void new_xid(struct dhcp4_client *c) { c->xid = (uint32_t)next_random(c); }

void dhcp4_client_init(struct dhcp4_client *c, const struct dhcp4_client_settings *s, const uint8_t mac[6],
                       uint64_t seed)
{
    *c = (struct dhcp4_client){.settings = s, .random = seed, .deadline = TIME_NEVER};
    memcpy(c->mac, mac, sizeof c->mac);
    c->random ^= (uint64_t)load_be32(mac) << 16 | load_be16(mac + 4);
}

/* ---- time ---- */

/* Added to a time; what does not fit is never. */
static int64_t after(int64_t from, int64_t ns)
{
    int64_t sum;
    return __builtin_add_overflow(from, ns, &sum) ? TIME_NEVER : sum;
}

static int64_t after_s(int64_t from, uint32_t s)
{
    return s == DHCP4_INFINITE ? TIME_NEVER : after(from, (int64_t)s * NS_PER_S);
}

/* 4, 8, 16, 32, 64 s, each plus or minus one (RFC 2131 4.1). */
static int64_t backoff_ns(struct dhcp4_client *c, unsigned sent_before)
{
    uint32_t s = sent_before > 4 ? LAST_RETRY_S : FIRST_RETRY_S << sent_before;
    return (int64_t)s * NS_PER_S + random_between(c, -NS_PER_S, NS_PER_S);
}

/* Half of what is left, but not under a minute (RFC 2131 4.4.5), and never past the end itself. */
static int64_t renew_deadline(int64_t now, int64_t end)
{
    if (end == TIME_NEVER)
        return TIME_NEVER;
    return min_i64(end, after(now, max_i64((end - now) / 2, LEAST_RENEW_WAIT_NS)));
}

/* ---- transitions ---- */

static void set_state(struct dhcp4_client *c, enum dhcp4_client_state state, int64_t deadline)
{
    c->state = (uint8_t)state;
    c->deadline = deadline;
}

static void forget_lease(struct dhcp4_client *c)
{
    const struct dhcp4_client_host *h = &c->settings->host;
    if (c->configured)
        h->unconfigure(h->context, c, c->lease.address);
    c->configured = false;
    c->lease = (struct dhcp4_lease){.address = 0};
    c->t1_ns = c->t2_ns = c->expires_ns = TIME_NEVER;
}

static void enter_init(struct dhcp4_client *c, int64_t when)
{
    forget_lease(c);
    c->tries = 0;
    set_state(c, DHCP4_CLIENT_INIT, when);
}

static uint8_t one_more(uint8_t n, uint8_t most) { return (uint8_t)(n < most ? n + 1 : most); }

static void send_discover(struct dhcp4_client *c, int64_t now)
{
    c->discovered_ns = now;
    counters(c)->discovers++;
    counters(c)->retransmissions += c->tries > 0;
    dhcp4_client_send_discover(c, now);
    c->deadline = after(now, backoff_ns(c, c->tries));
    c->tries = one_more(c->tries, UINT8_MAX);
}

static void enter_selecting(struct dhcp4_client *c, int64_t now)
{
    new_xid(c);
    c->begun_ns = now;
    c->tries = 0;
    set_state(c, DHCP4_CLIENT_SELECTING, TIME_NEVER);
    send_discover(c, now);
}

static void send_request(struct dhcp4_client *c, int64_t now)
{
    counters(c)->requests++;
    counters(c)->retransmissions += c->tries > 0;
    dhcp4_client_send_request(c, now);
    c->tries = one_more(c->tries, UINT8_MAX);
}

/* REQUESTING or REBOOTING. */
static void ask(struct dhcp4_client *c, int64_t now)
{
    unsigned before = c->tries;
    send_request(c, now);
    c->deadline = after(now, backoff_ns(c, before));
}

static void enter_requesting(struct dhcp4_client *c, int64_t now)
{
    c->tries = 0;
    c->asked_ns = now;
    set_state(c, DHCP4_CLIENT_REQUESTING, TIME_NEVER);
    ask(c, now);
}

static void enter_rebooting(struct dhcp4_client *c, int64_t now)
{
    new_xid(c);
    c->begun_ns = c->asked_ns = now;
    c->tries = 0;
    set_state(c, DHCP4_CLIENT_REBOOTING, TIME_NEVER);
    ask(c, now);
}

/* RENEWING or REBINDING, again and again: each REQUEST is a transaction, so that the lease counts from its own. */
static void renew(struct dhcp4_client *c, enum dhcp4_client_state state, int64_t now)
{
    if (c->state != state) {
        c->tries = 0;
        if (state == DHCP4_CLIENT_RENEWING)
            c->begun_ns = now;
    }
    new_xid(c);
    c->asked_ns = now;
    set_state(c, state, renew_deadline(now, state == DHCP4_CLIENT_RENEWING ? c->t2_ns : c->expires_ns));
    send_request(c, now);
}

static void enter_bound(struct dhcp4_client *c)
{
    const struct dhcp4_client_host *h = &c->settings->host;
    if (c->configured)
        counters(c)->renewed++;
    else
        counters(c)->bound++;
    c->configured = true;
    c->failures = 0;
    c->wanted = c->lease.address;
    set_state(c, DHCP4_CLIENT_BOUND, c->t1_ns);
    h->configure(h->context, c, &c->lease);
}

static void enter_checking(struct dhcp4_client *c)
{
    const struct dhcp4_client_host *h = &c->settings->host;
    if (!h->probe) {
        enter_bound(c);
        return;
    }
    set_state(c, DHCP4_CLIENT_CHECKING, c->expires_ns);
    h->probe(h->context, c, c->lease.address);
}

static int64_t conflict_wait(struct dhcp4_client *c)
{
    if (c->conflicts < DHCP4_CLIENT_MAX_CONFLICTS)
        c->conflicts++;
    return c->conflicts < DHCP4_CLIENT_MAX_CONFLICTS ? DHCP4_CLIENT_CONFLICT_WAIT_NS : DHCP4_CLIENT_RATE_LIMIT_NS;
}

/* RFC 2131 3.1 5: DECLINE, and at least ten seconds until all begins again. */
static void decline(struct dhcp4_client *c, int64_t now)
{
    counters(c)->conflicts++;
    counters(c)->declines++;
    new_xid(c);
    dhcp4_client_send_decline(c);
    c->wanted = 0;
    enter_init(c, after(now, conflict_wait(c)));
}

static void expire(struct dhcp4_client *c, int64_t now)
{
    counters(c)->expired++;
    enter_init(c, now);
    enter_selecting(c, now);
}

/* ---- what comes ---- */

static bool address_is_usable(uint32_t a) { return a >> 24 != 0 && a >> 24 != 127 && a >> 28 < 0xe; }

/* The server's times where they are in order, else half and seven eighths of the lease, less up to a 32nd (4.4.5). */
static void set_times(struct dhcp4_client *c, const struct dhcp4_message *m)
{
    struct dhcp4_lease *l = &c->lease;
    uint32_t t1 = dhcp4_message_u32(m, DHCP4_T1, 0), t2 = dhcp4_message_u32(m, DHCP4_T2, 0);
    bool given = t1 > 0 && t1 < t2 && t2 < l->lease_s;
    if (l->lease_s == DHCP4_INFINITE) {
        l->t1_s = l->t2_s = DHCP4_INFINITE;
        c->t1_ns = c->t2_ns = c->expires_ns = TIME_NEVER;
        return;
    }
    int64_t lease_ns = (int64_t)l->lease_s * NS_PER_S;
    int64_t t1_ns = (int64_t)t1 * NS_PER_S, t2_ns = (int64_t)t2 * NS_PER_S;
    if (!given) {
        t1_ns = lease_ns / 2 - random_between(c, 0, lease_ns / 32);
        t2_ns = lease_ns / 8 * 7 - random_between(c, 0, lease_ns / 32);
    }
    l->t1_s = (uint32_t)(t1_ns / NS_PER_S);
    l->t2_s = (uint32_t)(t2_ns / NS_PER_S);
    c->t1_ns = after(c->asked_ns, t1_ns);
    c->t2_ns = after(c->asked_ns, t2_ns);
    c->expires_ns = after_s(c->asked_ns, l->lease_s);
}

static void read_lease(struct dhcp4_lease *l, const struct dhcp4_message *m)
{
    const struct dhcp4_value *dns = &m->option[DHCP4_DNS];
    *l = (struct dhcp4_lease){
        .address = m->header.yiaddr,
        .mask = dhcp4_message_u32(m, DHCP4_SUBNET_MASK, 0),
        .router = dhcp4_message_u32(m, DHCP4_ROUTER, 0),
        .server = dhcp4_message_u32(m, DHCP4_SERVER_ID, 0),
        .lease_s = dhcp4_message_u32(m, DHCP4_LEASE_TIME, 0),
        .mtu = dhcp4_message_u16(m, DHCP4_MTU, 0),
    };
    for (unsigned i = 0; i < DHCP4_CLIENT_DNS && i < dns->length / 4u; i++)
        l->dns[i] = load_be32(dns->bytes + 4 * i);
}

/* What an OFFER and an ACK must have (RFC 2131 table 3). */
static uint64_t *fault_of_lease(struct dhcp4_client *c, const struct dhcp4_message *m)
{
    if (!address_is_usable(m->header.yiaddr))
        return &counters(c)->drop_address;
    return dhcp4_message_u32(m, DHCP4_LEASE_TIME, 0) == 0 ? &counters(c)->drop_lease : NULL;
}

static void offer_arrives(struct dhcp4_client *c, const struct dhcp4_message *m, int64_t now)
{
    bool first = c->lease.address == 0;
    counters(c)->offers++;
    if (first || dhcp4_message_u32(m, DHCP4_LEASE_TIME, 0) > c->lease.lease_s)
        read_lease(&c->lease, m);
    if (c->settings->choice == DHCP4_CHOOSE_FIRST || c->settings->collect_ns == 0)
        enter_requesting(c, now);
    else if (first)
        c->deadline = after(now, c->settings->collect_ns);
}

static void ack_arrives(struct dhcp4_client *c, const struct dhcp4_message *m, int64_t now)
{
    const struct dhcp4_client_host *h = &c->settings->host;
    counters(c)->acks++;
    read_lease(&c->lease, m);
    set_times(c, m);
    if (h->acknowledged)
        h->acknowledged(h->context, c, m);
    if (c->expires_ns <= now)
        expire(c, now);
    else if (c->configured)
        enter_bound(c);
    else
        enter_checking(c);
}

/* From the beginning; a server that goes on saying no is asked less and less often. */
static void nak_arrives(struct dhcp4_client *c, int64_t now)
{
    counters(c)->naks++;
    c->wanted = 0;
    unsigned before = c->failures;
    c->failures = one_more(c->failures, MOST_NAK_DOUBLINGS);
    enter_init(c, now);
    if (before == 0)
        enter_selecting(c, now);
    else
        c->deadline = after(now, backoff_ns(c, before - 1));
}

/* Whether an ACK or NAK can answer what was asked: from the server that was asked, for the address asked for. */
static uint64_t *fault_of_answer(struct dhcp4_client *c, const struct dhcp4_message *m)
{
    bool asked_one = c->state == DHCP4_CLIENT_REQUESTING || c->state == DHCP4_CLIENT_RENEWING;
    uint32_t server = dhcp4_message_u32(m, DHCP4_SERVER_ID, 0);
    uint32_t address = c->state == DHCP4_CLIENT_REBOOTING ? c->wanted : c->lease.address;
    if (asked_one && server != c->lease.server)
        return &counters(c)->drop_server;
    if (m->type == DHCP4_NAK)
        return NULL;
    return m->header.yiaddr != address ? &counters(c)->drop_address : fault_of_lease(c, m);
}

static bool awaits_answer(const struct dhcp4_client *c)
{
    return c->state == DHCP4_CLIENT_REQUESTING || c->state == DHCP4_CLIENT_REBOOTING ||
           c->state == DHCP4_CLIENT_RENEWING || c->state == DHCP4_CLIENT_REBINDING;
}

/* Why this message is nothing for this client now; NULL when it is. */
static uint64_t *fault_of(struct dhcp4_client *c, const struct dhcp4_message *m)
{
    const struct dhcp4_header *h = &m->header;
    bool offer = m->type == DHCP4_OFFER, answer = m->type == DHCP4_ACK || m->type == DHCP4_NAK;
    if (h->op != DHCP4_BOOTREPLY)
        return &counters(c)->drop_type;
    if (h->htype != DHCP4_ETHERNET || memcmp(h->chaddr, c->mac, sizeof c->mac) != 0)
        return &counters(c)->drop_hardware;
    if (h->xid != c->xid)
        return &counters(c)->drop_xid;
    if (!(offer && c->state == DHCP4_CLIENT_SELECTING) && !(answer && awaits_answer(c)))
        return &counters(c)->drop_type;
    if (dhcp4_message_u32(m, DHCP4_SERVER_ID, 0) == 0)
        return &counters(c)->drop_server;
    return offer ? fault_of_lease(c, m) : fault_of_answer(c, m);
}

void dhcp4_client_input(struct dhcp4_client *c, const uint8_t *bytes, size_t length, int64_t now)
{
    struct dhcp4_message m;
    enum dhcp4_reject reason = dhcp4_message_parse(bytes, length, &m);
    if (reason != DHCP4_ACCEPTED) {
        counters(c)->drop_malformed++;
        counters(c)->malformed[reason]++;
        return;
    }
    uint64_t *fault = fault_of(c, &m);
    if (fault) {
        (*fault)++;
        return;
    }
    if (m.type == DHCP4_OFFER)
        offer_arrives(c, &m, now);
    else if (m.type == DHCP4_ACK)
        ack_arrives(c, &m, now);
    else
        nak_arrives(c, now);
}

/* ---- time ---- */

static void selecting_due(struct dhcp4_client *c, int64_t now)
{
    if (c->lease.address != 0)
        enter_requesting(c, now);
    else
        send_discover(c, now);
}

static void answer_overdue(struct dhcp4_client *c, int64_t now)
{
    if (c->tries < c->settings->request_tries) {
        ask(c, now);
        return;
    }
    counters(c)->given_up++;
    enter_init(c, now);
    enter_selecting(c, now);
}

/* A host that slept may find a later time come, too. */
static void lease_due(struct dhcp4_client *c, int64_t now)
{
    if (now >= c->expires_ns)
        expire(c, now);
    else if (now >= c->t2_ns)
        renew(c, DHCP4_CLIENT_REBINDING, now);
    else
        renew(c, DHCP4_CLIENT_RENEWING, now);
}

void dhcp4_client_tick(struct dhcp4_client *c, int64_t now)
{
    if (now < c->deadline)
        return;
    switch ((enum dhcp4_client_state)c->state) {
    case DHCP4_CLIENT_INIT:
        enter_selecting(c, now);
        break;
    case DHCP4_CLIENT_SELECTING:
        selecting_due(c, now);
        break;
    case DHCP4_CLIENT_REQUESTING:
    case DHCP4_CLIENT_REBOOTING:
        answer_overdue(c, now);
        break;
    case DHCP4_CLIENT_CHECKING:
    case DHCP4_CLIENT_BOUND:
    case DHCP4_CLIENT_RENEWING:
    case DHCP4_CLIENT_REBINDING:
        lease_due(c, now);
        break;
    case DHCP4_CLIENT_STOPPED:
    case DHCP4_CLIENT_STATES:
        c->deadline = TIME_NEVER;
        break;
    }
}

/* ---- what the user wants ---- */

void dhcp4_client_start(struct dhcp4_client *c, uint32_t previous, int64_t now)
{
    int64_t wait = c->settings->start_wait_ns;
    enter_init(c, now);
    c->wanted = previous;
    c->failures = 0;
    c->conflicts = 0;
    if (previous != 0)
        enter_rebooting(c, now);
    else if (wait > 0)
        c->deadline = after(now, random_between(c, wait / 10, wait));
    else
        enter_selecting(c, now);
}

static bool has_lease(const struct dhcp4_client *c) { return c->configured || c->state == DHCP4_CLIENT_CHECKING; }

void dhcp4_client_stop(struct dhcp4_client *c)
{
    forget_lease(c);
    set_state(c, DHCP4_CLIENT_STOPPED, TIME_NEVER);
}

void dhcp4_client_release(struct dhcp4_client *c)
{
    if (has_lease(c)) {
        counters(c)->releases++;
        new_xid(c);
        dhcp4_client_send_release(c);
    }
    dhcp4_client_stop(c);
}

void dhcp4_client_probed(struct dhcp4_client *c, bool in_use, int64_t now)
{
    if (c->state != DHCP4_CLIENT_CHECKING)
        return;
    if (in_use)
        decline(c, now);
    else
        enter_bound(c);
}

void dhcp4_client_conflict(struct dhcp4_client *c, int64_t now)
{
    if (c->configured)
        decline(c, now);
}
