/* SPDX-License-Identifier: MIT */
/*
 * The packet filter: what state a packet has, which rule decides, and what an accepted packet does to its connection.
 * Judging changes no connection, so that what the rules drop leaves no trace.
 */
#include "stack/ip_filter.h"

#include "base/error.h"
#include "stack/ip_filter_rules.h"
#include "stack/ip_filter_state.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/tcp.h"

struct ip_filter {
    struct ip_filter_rules *rules; /* the caller's */
    struct connections connections;
    struct ip_filter_counters counters;
    const struct allocator *allocator;
};

/* What is known of a packet before the rules are asked. */
struct judged {
    enum ip_filter_state state;
    struct connection *connection; /* it is of, or NULL */
    enum connection_side side;
};

void ip_filter_settings_default(struct ip_filter_settings *s)
{
    *s = (struct ip_filter_settings){.connections = 65536,
                                     .timeouts_ns = {
#define TIMEOUT(name, seconds, gives_way) (seconds) * NS_PER_S,
                                         IP_FILTER_CLASS_LIST(TIMEOUT)
#undef TIMEOUT
                                     }};
}

int ip_filter_new(const struct ip_filter_settings *s, const struct allocator *a, struct ip_filter **out)
{
    *out = NULL;
    struct ip_filter *f = alloc_zeroed(a, sizeof *f, CACHE_LINE);
    if (!f)
        return ERR_NO_MEMORY;
    f->allocator = a;
    int error = connections_init(&f->connections, s, a, &f->counters);
    if (error < 0) {
        alloc_free(a, f, sizeof *f);
        return error;
    }
    *out = f;
    return 0;
}

void ip_filter_delete(struct ip_filter *f)
{
    if (!f)
        return;
    connections_free(&f->connections);
    alloc_free(f->allocator, f, sizeof *f);
}

struct ip_filter_rules *ip_filter_swap(struct ip_filter *f, struct ip_filter_rules *rules)
{
    struct ip_filter_rules *before = f->rules;
    f->rules = rules;
    return before;
}

/* ---- the state of a packet ---- */

enum icmp_kind { ICMP_ERROR, ICMP_REQUEST, ICMP_REPLY, ICMP_OTHER, NOT_ICMP };

static enum icmp_kind icmp_kind_of(const struct ip_filter_flow *f)
{
    if (f->protocol == IP_PROTO_ICMP) {
        if (wire_icmp_is_error(f->icmp_type))
            return ICMP_ERROR;
        return f->icmp_type == WIRE_ICMP_ECHO_REQUEST ? ICMP_REQUEST
               : f->icmp_type == WIRE_ICMP_ECHO_REPLY ? ICMP_REPLY
                                                      : ICMP_OTHER;
    }
    if (f->protocol != IP_PROTO_ICMPV6)
        return NOT_ICMP;
    if (f->icmp_type < WIRE_ICMPV6_ECHO_REQUEST) /* RFC 4443 2.1 */
        return ICMP_ERROR;
    return f->icmp_type == WIRE_ICMPV6_ECHO_REQUEST ? ICMP_REQUEST
           : f->icmp_type == WIRE_ICMPV6_ECHO_REPLY ? ICMP_REPLY
                                                    : ICMP_OTHER;
}

/* Whether what an error quotes was sent by the error's receiver within a known connection. */
static bool quotes_connection(struct ip_filter *f, const struct ip_filter_packet *p, int64_t now)
{
    const struct ip_filter_flow *quoted = &p->quoted;
    enum icmp_kind kind = icmp_kind_of(quoted);
    if (!p->quotes || quoted->headerless || kind == ICMP_ERROR || kind == ICMP_OTHER)
        return false;
    if (!ip_addr_equal(&quoted->source, &p->flow.destination))
        return false;
    enum connection_side side;
    const struct connection *c = connections_find(&f->connections, quoted, now, &side);
    if (!c || (side == CONNECTION_ANSWERER && !c->answered))
        return false;
    return quoted->protocol != IP_PROTO_TCP || connection_tcp_quotes(c, side, p->quoted_sequence);
}

static enum ip_filter_state judge_error(struct ip_filter *f, const struct ip_filter_packet *p, int64_t now)
{
    if (quotes_connection(f, p, now))
        return IP_FILTER_RELATED;
    f->counters.invalid_quote++;
    return IP_FILTER_INVALID;
}

/* UDP, echo and protocols without connections. */
static enum ip_filter_state judge_pseudo(struct ip_filter *f, const struct judged *j, enum icmp_kind kind)
{
    if (!j->connection && kind == ICMP_REPLY) {
        f->counters.invalid_no_connection++;
        return IP_FILTER_INVALID;
    }
    if (!j->connection)
        return IP_FILTER_NEW;
    return j->connection->answered || j->side == CONNECTION_ANSWERER ? IP_FILTER_ESTABLISHED : IP_FILTER_NEW;
}

static struct judged judge_state(struct ip_filter *f, const struct ip_filter_packet *p, int64_t now)
{
    struct judged j = {.state = IP_FILTER_INVALID, .connection = NULL, .side = CONNECTION_OPENER};
    enum icmp_kind kind = icmp_kind_of(&p->flow);
    if (p->flow.headerless) {
        f->counters.invalid_headerless++;
        return j;
    }
    if (kind == ICMP_OTHER) { /* neighbour discovery and such: nothing to follow */
        j.state = IP_FILTER_NEW;
        return j;
    }
    if (kind == ICMP_ERROR) {
        j.state = judge_error(f, p, now);
        return j;
    }
    j.connection = connections_find(&f->connections, &p->flow, now, &j.side);
    if (p->flow.protocol == IP_PROTO_TCP)
        j.state = connection_tcp_judge(j.connection, j.side, p, &f->counters);
    else
        j.state = judge_pseudo(f, &j, kind);
    return j;
}

/* ---- what an accepted packet does ---- */

static enum ip_filter_class opening_class(uint8_t protocol)
{
    switch (protocol) {
    case IP_PROTO_TCP:
        return IP_FILTER_CLASS_SYN_SENT;
    case IP_PROTO_UDP:
    case IP_PROTO_UDPLITE:
        return IP_FILTER_CLASS_UDP_OPENING;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        return IP_FILTER_CLASS_ECHO_OPENING;
    default:
        return IP_FILTER_CLASS_OTHER_OPENING;
    }
}

/* What a connection without TCP's states is once it is confirmed: the class behind its opening one. */
static enum ip_filter_class confirmed_class(const struct connection *c)
{
    switch (c->class) {
    case IP_FILTER_CLASS_UDP_OPENING:
        return IP_FILTER_CLASS_UDP;
    case IP_FILTER_CLASS_ECHO_OPENING:
        return IP_FILTER_CLASS_ECHO;
    case IP_FILTER_CLASS_OTHER_OPENING:
        return IP_FILTER_CLASS_OTHER;
    default:
        return c->class;
    }
}

static void accept_pseudo(struct ip_filter *f, const struct judged *j, int64_t now)
{
    struct connection *c = j->connection;
    if (j->side == CONNECTION_ANSWERER && !c->answered) {
        c->answered = true;
        connections_set_class(&f->connections, c, c->class, now);
        return;
    }
    if (!c->answered)
        return;
    enum ip_filter_class confirmed = confirmed_class(c);
    if (j->side == CONNECTION_OPENER || confirmed == c->class)
        connections_set_class(&f->connections, c, confirmed, now);
}

/* False: there is no room. */
static bool open_connection(struct ip_filter *f, const struct ip_filter_packet *p, int64_t now)
{
    struct connection *c = connections_open(&f->connections, &p->flow, opening_class(p->flow.protocol), now);
    if (c && p->flow.protocol == IP_PROTO_TCP)
        connection_tcp_open(c, p);
    return c != NULL;
}

static bool accept_new(struct ip_filter *f, const struct ip_filter_packet *p, const struct judged *j, int64_t now)
{
    if (icmp_kind_of(&p->flow) == ICMP_OTHER)
        return true;
    if (!j->connection)
        return open_connection(f, p, now);
    if (p->flow.protocol != IP_PROTO_TCP)
        return true;
    if (connection_tcp_reopens(j->connection, j->side, p)) {
        f->counters.reopened++;
        connections_remove(&f->connections, j->connection);
        return open_connection(f, p, now);
    }
    if (p->tcp_flags & TCP_RST)
        connection_tcp_accept(&f->connections, j->connection, j->side, p, now);
    return true;
}

static bool accept(struct ip_filter *f, const struct ip_filter_packet *p, const struct judged *j, int64_t now)
{
    if (j->state == IP_FILTER_NEW)
        return accept_new(f, p, j, now);
    if (j->state != IP_FILTER_ESTABLISHED)
        return true;
    if (p->flow.protocol == IP_PROTO_TCP)
        connection_tcp_accept(&f->connections, j->connection, j->side, p, now);
    else
        accept_pseudo(f, j, now);
    return true;
}

/* ---- the verdict ---- */

static void count(struct ip_filter_count *c, const struct ip_filter_packet *p)
{
    c->packets++;
    c->bytes += p->length;
}

/* The rules' verdict, counted with who gave it. */
static enum ip_filter_verdict decide(struct ip_filter *f, const struct ip_filter_packet *p, enum ip_filter_state state)
{
    struct ip_filter_rules *rules = f->rules;
    const struct compiled_rule *r = ip_filter_rules_find(rules, p, state);
    count(&rules->counts[r ? r->count : rules->n_counts - IP_FILTER_DIRECTIONS + p->direction], p);
    enum ip_filter_verdict verdict = r ? r->verdict : rules->policy.verdicts[p->direction];
    if (verdict == IP_FILTER_ACCEPT)
        return verdict;
    f->counters.drop_rule += verdict == IP_FILTER_DROP && r;
    f->counters.drop_default += verdict == IP_FILTER_DROP && !r;
    f->counters.reject_rule += verdict == IP_FILTER_REJECT && r;
    f->counters.reject_default += verdict == IP_FILTER_REJECT && !r;
    return verdict;
}

enum ip_filter_verdict ip_filter_judge(struct ip_filter *f, const struct ip_filter_packet *p, int64_t now)
{
    struct judged j = {.state = IP_FILTER_NEW};
    assert(p->direction < IP_FILTER_DIRECTIONS);
    if (f->rules && f->rules->stateful)
        j = judge_state(f, p, now);
    enum ip_filter_verdict verdict = f->rules ? decide(f, p, j.state) : IP_FILTER_ACCEPT;
    if (verdict != IP_FILTER_ACCEPT)
        return verdict;
    if (f->rules && f->rules->stateful && !accept(f, p, &j, now)) {
        f->counters.drop_table_full++;
        return IP_FILTER_DROP;
    }
    f->counters.accepted++;
    return IP_FILTER_ACCEPT;
}

/* ---- time and views ---- */

uint32_t ip_filter_expire(struct ip_filter *f, int64_t now, uint32_t budget)
{
    return connections_expire(&f->connections, now, budget);
}

int64_t ip_filter_next_deadline(const struct ip_filter *f) { return connections_next_deadline(&f->connections); }

const struct ip_filter_counters *ip_filter_counters(const struct ip_filter *f) { return &f->counters; }

uint32_t ip_filter_connections(const struct ip_filter *f) { return f->connections.used; }

int ip_filter_connection_class(struct ip_filter *f, const struct ip_filter_flow *flow, int64_t now)
{
    enum connection_side side;
    const struct connection *c = connections_find(&f->connections, flow, now, &side);
    return c ? (int)c->class : ERR_NOT_FOUND;
}

const char *ip_filter_class_name(enum ip_filter_class class)
{
    static const char *const names[IP_FILTER_CLASSES] = {
#define CLASS_NAME(name, seconds, gives_way) #name,
        IP_FILTER_CLASS_LIST(CLASS_NAME)
#undef CLASS_NAME
    };
    return class < IP_FILTER_CLASSES ? names[class] : "?";
}

bool ip_filter_check(const struct ip_filter *f) { return connections_check(&f->connections); }
