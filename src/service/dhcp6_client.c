/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv6 client's transitions: RFC 8415 18.2. See dhcp6_client.h. What is written into messages is
 * dhcp6_client_send.c's.
 */
#include "service/dhcp6_client.h"

#include "base/error.h"
#include "service/dhcp6_client_send.h"

#define CONFLICT_WAIT_NS (10 * NS_PER_S)
#define REFRESH_S 86400u /* IRT_DEFAULT, RFC 8415 7.6 */
#define LEAST_REFRESH_S 600u
#define LARGEST_PREFERENCE 255u

#define S(name) DHCP6_CLIENT_##name

static struct dhcp6_client_counters *counters(const struct dhcp6_client *c) { return c->settings->counters; }

void dhcp6_client_settings_default(struct dhcp6_client_settings *s)
{
    *s = (struct dhcp6_client_settings){.want_address = true, .start_delay = true};
}

int dhcp6_client_settings_check(const struct dhcp6_client_settings *s)
{
    const struct dhcp6_client_host *h = &s->host;
    return h->send && h->configure && h->unconfigure && s->counters && s->prefix_length <= 128 ? 0 : ERR_INVALID;
}

const char *dhcp6_client_state_name(enum dhcp6_client_state state)
{
    static const char *const names[DHCP6_CLIENT_STATES] = {
#define NAME(name) #name,
        DHCP6_CLIENT_STATE_LIST(NAME)
#undef NAME
    };
    return (unsigned)state < DHCP6_CLIENT_STATES ? names[state] : "unknown";
}

/* splitmix64, as in dhcp4_client.c: eight bytes a client. */
static uint64_t next_random(struct dhcp6_client *c)
{
    uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void dhcp6_client_init(struct dhcp6_client *c, const struct dhcp6_client_settings *s, const uint8_t mac[6],
                       uint64_t seed)
{
    *c = (struct dhcp6_client){.settings = s, .deadline = TIME_NEVER, .iaid = load_be32(mac + 2)};
    c->random = seed ^ (uint64_t)load_be32(mac) << 16 ^ load_be16(mac + 4);
    c->sol_max_rt_s = c->inf_max_rt_s = 3600;
    memcpy(c->mac, mac, sizeof c->mac);
}

void dhcp6_client_duid(const struct dhcp6_client *c, uint8_t *to)
{
    store_be32(to, 3u << 16 | 1); /* DUID-LL, Ethernet */
    memcpy(to + 4, c->mac, sizeof c->mac);
}

/* ---- time ---- */

static int64_t after_s(int64_t from, uint32_t s)
{
    int64_t sum;
    bool never = s == DHCP6_INFINITE || __builtin_add_overflow(from, (int64_t)s * NS_PER_S, &sum);
    return never ? TIME_NEVER : sum;
}

static bool has(const struct dhcp6_client *c, enum dhcp6_client_what what)
{
    return !ip_addr_is_unspecified(&c->held[what].addr);
}
static bool has_any(const struct dhcp6_client *c)
{
    return has(c, DHCP6_CLIENT_ADDRESS) || has(c, DHCP6_CLIENT_PREFIX);
}

/* The first end of what is configured. */
static int64_t first_end(const struct dhcp6_client *c)
{
    int64_t end = TIME_NEVER;
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++)
        if (c->held[i].configured)
            end = min_i64(end, c->held[i].ends_ns);
    return end;
}

static int64_t last_end(const struct dhcp6_client *c)
{
    int64_t end = 0;
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++)
        if (has(c, (enum dhcp6_client_what)i))
            end = max_i64(end, c->held[i].ends_ns);
    return end;
}

/* When the state itself is due, or before it something that is held ends. */
static void set_deadline(struct dhcp6_client *c)
{
    int64_t due = c->exchange.next_ns;
    if (c->state == S(STOPPED))
        due = TIME_NEVER;
    else if (c->state == S(CHECKING))
        due = last_end(c);
    else if (c->state == S(BOUND))
        due = c->t1_ns;
    else if (c->state == S(RENEWING))
        due = min_i64(due, c->t2_ns);
    c->deadline = min_i64(due, first_end(c));
}

/* ---- transitions ---- */

static const struct dhcp6_exchange_times times_of[DHCP6_CLIENT_STATES] = {
    [S(SOLICITING)] = {1, 3600, 0}, [S(REQUESTING)] = {1, 30, 10}, [S(CONFIRMING)] = {1, 4, 0},
    [S(RENEWING)] = {10, 600, 0},   [S(REBINDING)] = {10, 600, 0}, [S(RELEASING)] = {1, 0, 4},
    [S(DECLINING)] = {1, 0, 4},     [S(INFORMING)] = {1, 3600, 0},
};

static void send_now(struct dhcp6_client *c, int64_t now)
{
    counters(c)->sent++;
    counters(c)->retransmissions += c->exchange.count > 0;
    dhcp6_client_send(c, now);
    dhcp6_exchange_sent(&c->exchange, now, next_random(c), c->state == S(SOLICITING));
}

/* An exchange whose first message is due at `first`. */
static void begin(struct dhcp6_client *c, enum dhcp6_client_state state, int64_t first, int64_t end, int64_t now)
{
    struct dhcp6_exchange_times times = times_of[state];
    if (state == S(SOLICITING))
        times.mrt_s = c->sol_max_rt_s;
    if (state == S(INFORMING))
        times.mrt_s = c->inf_max_rt_s;
    c->state = (uint8_t)state;
    dhcp6_exchange_begin(&c->exchange, &times, first, end, next_random(c));
    if (first <= now)
        send_now(c, now);
    set_deadline(c);
}

static void forget(struct dhcp6_client *c, enum dhcp6_client_what what)
{
    const struct dhcp6_client_host *h = &c->settings->host;
    struct dhcp6_held was = c->held[what];
    c->held[what] = (struct dhcp6_held){.ends_ns = 0};
    if (was.configured)
        h->unconfigure(h->context, c, what, &was);
}

static void forget_all(struct dhcp6_client *c)
{
    forget(c, DHCP6_CLIENT_ADDRESS);
    forget(c, DHCP6_CLIENT_PREFIX);
    c->has_offer = false;
    c->t1_ns = c->t2_ns = TIME_NEVER;
}

static void solicit(struct dhcp6_client *c, int64_t first, int64_t now)
{
    forget_all(c);
    begin(c, S(SOLICITING), first, TIME_NEVER, now);
}

static void enter_bound(struct dhcp6_client *c)
{
    const struct dhcp6_client_host *h = &c->settings->host;
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++) {
        enum dhcp6_client_what what = (enum dhcp6_client_what)i;
        if (!has(c, what))
            continue;
        if (c->held[i].configured)
            counters(c)->renewed++;
        else
            counters(c)->bound++;
        c->held[i].configured = true;
        h->configure(h->context, c, what, &c->held[i]);
    }
    c->state = S(BOUND);
    set_deadline(c);
}

static void enter_checking(struct dhcp6_client *c)
{
    const struct dhcp6_client_host *h = &c->settings->host;
    const struct dhcp6_held *a = &c->held[DHCP6_CLIENT_ADDRESS];
    if (!h->probe || a->configured || !has(c, DHCP6_CLIENT_ADDRESS)) {
        enter_bound(c);
        return;
    }
    c->state = S(CHECKING);
    set_deadline(c);
    h->probe(h->context, c, &a->addr);
}

/* ---- what comes: leases ---- */

/* The association of ours in a message, or NULL. */
static const struct dhcp6_ia *ia_of(const struct dhcp6_client *c, const struct dhcp6_message *m,
                                    enum dhcp6_client_what what)
{
    uint16_t kind = what == DHCP6_CLIENT_ADDRESS ? DHCP6_OPT_IA_NA : DHCP6_OPT_IA_PD;
    for (unsigned i = 0; i < m->n_ias; i++)
        if (m->ia[i].kind == kind && m->ia[i].iaid == c->iaid)
            return &m->ia[i];
    return NULL;
}

/* What can be taken of an association: the lease that is held already, else the first that is valid. */
static const struct dhcp6_lease *lease_of(const struct dhcp6_client *c, const struct dhcp6_ia *ia,
                                          enum dhcp6_client_what what)
{
    const struct dhcp6_lease *found = NULL;
    if (!ia || ia->status != DHCP6_SUCCESS)
        return NULL;
    for (unsigned i = 0; i < ia->n; i++) {
        const struct dhcp6_lease *l = &ia->lease[i];
        if (l->valid_s == 0 || l->status != DHCP6_SUCCESS || ip_addr_is_unspecified(&l->addr))
            continue;
        if (ip_addr_equal(&l->addr, &c->held[what].addr))
            return l;
        if (!found)
            found = l;
    }
    return found;
}

static bool wants(const struct dhcp6_client *c, enum dhcp6_client_what what)
{
    return what == DHCP6_CLIENT_ADDRESS ? c->settings->want_address : c->settings->want_prefix;
}

static bool gives_something(const struct dhcp6_client *c, const struct dhcp6_message *m)
{
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++) {
        enum dhcp6_client_what what = (enum dhcp6_client_what)i;
        if (wants(c, what) && lease_of(c, ia_of(c, m, what), what))
            return true;
    }
    return false;
}

static void hold(struct dhcp6_client *c, enum dhcp6_client_what what, const struct dhcp6_lease *l, int64_t now)
{
    struct dhcp6_held *h = &c->held[what];
    if (h->configured && (!ip_addr_equal(&h->addr, &l->addr) || h->prefix_length != l->prefix_length))
        forget(c, what);
    *h = (struct dhcp6_held){.addr = l->addr,
                             .prefix_length = l->prefix_length,
                             .configured = h->configured,
                             .preferred_s = l->preferred_s,
                             .valid_s = l->valid_s,
                             .ends_ns = after_s(now, l->valid_s)};
}

/* RFC 8415 21.4: 0 leaves it to the client: half and eight tenths of the shortest preferred lifetime. */
static void add_times(struct dhcp6_client *c, const struct dhcp6_ia *ia, const struct dhcp6_lease *l, int64_t now)
{
    uint32_t base = l->preferred_s ? l->preferred_s : l->valid_s;
    uint32_t t1 = ia->t1_s, t2 = ia->t2_s;
    bool for_ever = base == DHCP6_INFINITE;
    if (t1 == 0)
        t1 = for_ever ? DHCP6_INFINITE : max_u32(base / 2, 1);
    if (t2 == 0)
        t2 = for_ever ? DHCP6_INFINITE : max_u32(base - base / 5, 1);
    c->t1_ns = min_i64(c->t1_ns, after_s(now, min_u32(t1, t2)));
    c->t2_ns = min_i64(c->t2_ns, after_s(now, t2));
}

/* Whether what is held is in the association, and not valid any more (18.2.10.1). */
static bool takes_back(const struct dhcp6_client *c, const struct dhcp6_ia *ia, enum dhcp6_client_what what)
{
    for (unsigned i = 0; i < ia->n; i++)
        if (ip_addr_equal(&ia->lease[i].addr, &c->held[what].addr) && ia->lease[i].valid_s == 0)
            return true;
    return false;
}

/* Takes what a REPLY gives, and gives up what it takes back; what was only offered goes when it is not given. */
static void take_leases(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
    c->t1_ns = c->t2_ns = TIME_NEVER;
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++) {
        enum dhcp6_client_what what = (enum dhcp6_client_what)i;
        const struct dhcp6_ia *ia = ia_of(c, m, what);
        const struct dhcp6_lease *l = wants(c, what) ? lease_of(c, ia, what) : NULL;
        if (l) {
            hold(c, what, l, now);
            add_times(c, ia, l, now);
        } else if (ia && (!c->held[what].configured || takes_back(c, ia, what))) {
            forget(c, what);
        }
    }
    /* What the answer does not speak of is asked for again while it lasts. */
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++)
        if (has(c, (enum dhcp6_client_what)i))
            c->t2_ns = min_i64(c->t2_ns, c->held[i].ends_ns);
    c->t1_ns = min_i64(c->t1_ns, c->t2_ns);
}

static void keep_server(struct dhcp6_client *c, const struct dhcp6_message *m)
{
    c->server_id_len = (uint8_t)m->server_id.length;
    memcpy(c->server_id, m->server_id.bytes, m->server_id.length);
}

/* ---- what comes: messages ---- */

/* RFC 8415 18.2.9: at once when the preference is 255 or the first wait is over, else the best when it is. */
static void advertise_arrives(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
    counters(c)->advertises++;
    if (!c->has_offer || m->preference > c->preference) {
        keep_server(c, m);
        c->preference = m->preference;
        for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++) {
            enum dhcp6_client_what what = (enum dhcp6_client_what)i;
            const struct dhcp6_lease *l = wants(c, what) ? lease_of(c, ia_of(c, m, what), what) : NULL;
            c->held[i] = (struct dhcp6_held){.ends_ns = TIME_NEVER};
            if (l)
                hold(c, what, l, now);
        }
        c->has_offer = true;
    }
    if (m->preference == LARGEST_PREFERENCE || c->exchange.count > 1)
        begin(c, S(REQUESTING), now, TIME_NEVER, now);
}

static bool lost_binding(const struct dhcp6_client *c, const struct dhcp6_message *m)
{
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++) {
        const struct dhcp6_ia *ia = ia_of(c, m, (enum dhcp6_client_what)i);
        if (ia && ia->status == DHCP6_NO_BINDING)
            return true;
    }
    return false;
}

static void lease_reply_arrives(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
    bool extending = c->state == S(RENEWING) || c->state == S(REBINDING);
    keep_server(c, m);
    if (extending && lost_binding(c, m)) { /* 18.2.10.1: a new binding, at this server */
        counters(c)->refused++;
        begin(c, S(REQUESTING), now, TIME_NEVER, now);
        return;
    }
    if (extending && m->n_ias == 0) { /* nothing is said about ours: asked again */
        counters(c)->drop_nothing++;
        return;
    }
    take_leases(c, m, now);
    if (!has_any(c)) {
        counters(c)->refused++;
        solicit(c, now + NS_PER_S, now);
        return;
    }
    if (c->settings->host.informed)
        c->settings->host.informed(c->settings->host.context, c, m);
    enter_checking(c);
}

static void informed(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
    const struct dhcp6_client_host *h = &c->settings->host;
    uint32_t refresh = m->refresh_s ? max_u32(m->refresh_s, LEAST_REFRESH_S) : REFRESH_S;
    if (h->informed)
        h->informed(h->context, c, m);
    c->state = S(INFORMED);
    c->exchange.next_ns = after_s(now, refresh);
    set_deadline(c);
}

/* 18.2.10.2 and 18.2.10.3. */
static void confirmed(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
    if (m->status == DHCP6_NOT_ON_LINK) {
        counters(c)->refused++;
        solicit(c, now, now);
        return;
    }
    c->state = S(BOUND);
    set_deadline(c);
}

static void exchange_over(struct dhcp6_client *c, int64_t now)
{
    if (c->state == S(DECLINING)) {
        solicit(c, now + CONFLICT_WAIT_NS, now);
        return;
    }
    forget_all(c);
    dhcp6_client_stop(c);
}

static void reply_arrives(struct dhcp6_client *c, const struct dhcp6_message *m, int64_t now)
{
    counters(c)->replies++;
    if (c->state == S(RELEASING) || c->state == S(DECLINING))
        exchange_over(c, now);
    else if (c->state == S(CONFIRMING))
        confirmed(c, m, now);
    else if (c->state == S(INFORMING))
        informed(c, m, now);
    else if (m->status == DHCP6_NOT_ON_LINK)
        counters(c)->refused++, solicit(c, now, now);
    else
        lease_reply_arrives(c, m, now);
}

static bool awaits_reply(const struct dhcp6_client *c, const struct dhcp6_message *m)
{
    if (c->state == S(SOLICITING))
        return c->settings->rapid_commit && m->rapid_commit;
    return c->state >= S(REQUESTING) && c->state <= S(INFORMING);
}

/* Those that name a server may only be answered by it. */
static bool from_wrong_server(const struct dhcp6_client *c, const struct dhcp6_message *m)
{
    bool asked_one =
        c->state == S(REQUESTING) || c->state == S(RENEWING) || c->state == S(RELEASING) || c->state == S(DECLINING);
    return !m->server_id.bytes || (asked_one && !dhcp6_value_equal(&m->server_id, c->server_id, c->server_id_len));
}

/* Whether a REPLY says that the server could not do it: it is asked again (18.2.10). */
static bool has_failed(const struct dhcp6_client *c, const struct dhcp6_message *m)
{
    bool ends = c->state == S(RELEASING) || c->state == S(DECLINING);
    return !ends && (m->status == DHCP6_UNSPEC_FAIL || m->status == DHCP6_USE_MULTICAST);
}

/* Why this message is nothing for this client now; NULL when it is (RFC 8415 16.3, 16.10). */
static uint64_t *fault_of(struct dhcp6_client *c, const struct dhcp6_message *m)
{
    uint8_t duid[DHCP6_CLIENT_DUID_LEN];
    bool advertise = m->type == DHCP6_ADVERTISE && c->state == S(SOLICITING);
    bool reply = m->type == DHCP6_REPLY && awaits_reply(c, m);
    dhcp6_client_duid(c, duid);
    if (!advertise && !reply)
        return &counters(c)->drop_type;
    if (m->xid != c->exchange.xid || c->exchange.count == 0)
        return &counters(c)->drop_xid;
    if (!dhcp6_value_equal(&m->client_id, duid, sizeof duid))
        return &counters(c)->drop_client;
    if (from_wrong_server(c, m))
        return &counters(c)->drop_server;
    if (has_failed(c, m))
        return &counters(c)->drop_failed;
    return advertise && !gives_something(c, m) ? &counters(c)->drop_nothing : NULL;
}

/* RFC 8415 18.2.9: also from an ADVERTISE that gives nothing. */
static void heed_max_rt(struct dhcp6_client *c, const struct dhcp6_message *m)
{
    if (m->sol_max_rt_s) {
        c->sol_max_rt_s = m->sol_max_rt_s;
        if (c->state == S(SOLICITING))
            c->exchange.times.mrt_s = m->sol_max_rt_s;
    }
    if (m->inf_max_rt_s)
        c->inf_max_rt_s = m->inf_max_rt_s;
}

void dhcp6_client_input(struct dhcp6_client *c, const uint8_t *bytes, size_t length, int64_t now)
{
    struct dhcp6_message m;
    enum dhcp6_reject reason = dhcp6_message_parse(bytes, length, &m);
    if (reason != DHCP6_ACCEPTED) {
        counters(c)->drop_malformed++;
        counters(c)->malformed[reason]++;
        return;
    }
    uint64_t *fault = fault_of(c, &m);
    if (!fault || fault == &counters(c)->drop_nothing)
        heed_max_rt(c, &m);
    if (fault)
        (*fault)++;
    else if (m.type == DHCP6_ADVERTISE)
        advertise_arrives(c, &m, now);
    else
        reply_arrives(c, &m, now);
}

/* ---- time ---- */

static void rebind(struct dhcp6_client *c, int64_t now) { begin(c, S(REBINDING), now, last_end(c), now); }

static void expire(struct dhcp6_client *c, int64_t now)
{
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++)
        if ((c->held[i].configured || (c->state == S(CHECKING) && has(c, (enum dhcp6_client_what)i))) &&
            c->held[i].ends_ns <= now) {
            counters(c)->expired++;
            forget(c, (enum dhcp6_client_what)i);
        }
}

/* The present exchange has no answer: again, or it failed. */
static void retransmit(struct dhcp6_client *c, int64_t now)
{
    if (!dhcp6_exchange_failed(&c->exchange, now)) {
        if (now >= c->exchange.next_ns)
            send_now(c, now);
        set_deadline(c);
        return;
    }
    counters(c)->given_up++;
    if (c->state == S(CONFIRMING)) { /* 18.2.3: nobody objects */
        c->state = S(BOUND);
        set_deadline(c);
    } else if (c->state == S(RELEASING) || c->state == S(DECLINING)) {
        exchange_over(c, now);
    } else {
        solicit(c, now, now);
    }
}

static void soliciting_due(struct dhcp6_client *c, int64_t now)
{
    if (c->has_offer)
        begin(c, S(REQUESTING), now, TIME_NEVER, now);
    else
        retransmit(c, now);
}

static void lease_due(struct dhcp6_client *c, int64_t now)
{
    if (now >= c->t2_ns && c->state != S(REBINDING))
        rebind(c, now);
    else if (c->state == S(BOUND) && now >= c->t1_ns)
        begin(c, S(RENEWING), now, c->t2_ns, now);
    else if (c->state == S(BOUND))
        set_deadline(c);
    else
        retransmit(c, now);
}

/* Whether something is held that can end. */
static bool keeps_leases(const struct dhcp6_client *c)
{
    return c->state == S(CHECKING) || c->held[DHCP6_CLIENT_ADDRESS].configured ||
           c->held[DHCP6_CLIENT_PREFIX].configured;
}

void dhcp6_client_tick(struct dhcp6_client *c, int64_t now)
{
    if (now < c->deadline)
        return;
    if (keeps_leases(c)) {
        expire(c, now);
        if (!has_any(c)) {
            solicit(c, now, now);
            return;
        }
    }
    if (c->state == S(SOLICITING))
        soliciting_due(c, now);
    else if (c->state == S(BOUND) || c->state == S(RENEWING) || c->state == S(REBINDING))
        lease_due(c, now);
    else if (c->state == S(INFORMED))
        begin(c, S(INFORMING), now, TIME_NEVER, now);
    else if (c->state == S(CHECKING) || c->state == S(STOPPED))
        set_deadline(c);
    else
        retransmit(c, now);
}

/* ---- what the user wants ---- */

void dhcp6_client_start(struct dhcp6_client *c, int64_t now)
{
    bool stateful = c->settings->want_address || c->settings->want_prefix;
    int64_t wait = c->settings->start_delay ? (int64_t)(next_random(c) % (uint64_t)NS_PER_S) : 0;
    forget_all(c);
    begin(c, stateful ? S(SOLICITING) : S(INFORMING), now + wait, TIME_NEVER, now);
}

void dhcp6_client_stop(struct dhcp6_client *c)
{
    forget_all(c);
    c->state = S(STOPPED);
    set_deadline(c);
}

/* The addresses themselves are no longer used, but the exchange names them (18.2.7, 18.2.8). */
static void give_up(struct dhcp6_client *c)
{
    const struct dhcp6_client_host *h = &c->settings->host;
    for (unsigned i = 0; i < DHCP6_CLIENT_WHATS; i++) {
        struct dhcp6_held was = c->held[i];
        c->held[i].configured = false;
        if (was.configured)
            h->unconfigure(h->context, c, (enum dhcp6_client_what)i, &was);
    }
}

void dhcp6_client_release(struct dhcp6_client *c, int64_t now)
{
    if (!keeps_leases(c)) {
        dhcp6_client_stop(c);
        return;
    }
    give_up(c);
    begin(c, S(RELEASING), now, TIME_NEVER, now);
}

void dhcp6_client_link_changed(struct dhcp6_client *c, int64_t now)
{
    int64_t wait = (int64_t)(next_random(c) % (uint64_t)NS_PER_S); /* CNF_MAX_DELAY */
    if (c->state != S(BOUND) && c->state != S(RENEWING) && c->state != S(REBINDING))
        return;
    if (has(c, DHCP6_CLIENT_PREFIX)) {
        begin(c, S(REBINDING), now, last_end(c), now);
        return;
    }
    begin(c, S(CONFIRMING), now + wait, now + wait + 10 * NS_PER_S, now); /* CNF_MAX_RD */
}

void dhcp6_client_probed(struct dhcp6_client *c, bool in_use, int64_t now)
{
    if (c->state != S(CHECKING))
        return;
    if (!in_use) {
        enter_bound(c);
        return;
    }
    counters(c)->conflicts++;
    give_up(c);
    begin(c, S(DECLINING), now, TIME_NEVER, now);
}
