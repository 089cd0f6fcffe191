/* SPDX-License-Identifier: MIT */
/*
 * See ip_filter_state.h. Records come from one array and are linked by their numbers.
 */
#include "stack/ip_filter_state.h"

#include "base/error.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"

#define MOST_CONNECTIONS (UINT32_C(1) << 28)
#define LONGEST_TIMEOUT (INT64_MAX / 8)
#define EXPIRE_AT_OPEN 4u

enum gives_way { STAYS, UNCONFIRMED, IS_CLOSED };

static const uint8_t gives_way[IP_FILTER_CLASSES] = {
#define GIVES_WAY(name, seconds, how) how,
    IP_FILTER_CLASS_LIST(GIVES_WAY)
#undef GIVES_WAY
};

int connections_init(struct connections *t, const struct ip_filter_settings *s, const struct allocator *a,
                     struct ip_filter_counters *counters)
{
    *t = (struct connections){.hash_key = s->key, .counters = counters, .allocator = a};
    if (s->connections == 0 || s->connections > MOST_CONNECTIONS)
        return ERR_INVALID;
    for (unsigned i = 0; i < IP_FILTER_CLASSES; i++) {
        if (s->timeouts_ns[i] < 0 || s->timeouts_ns[i] > LONGEST_TIMEOUT)
            return ERR_INVALID;
        t->timeouts[i] = s->timeouts_ns[i];
        t->slacks[i] = gives_way[i] == STAYS ? s->timeouts_ns[i] / 8 : 0;
    }
    t->records = alloc_array(a, (size_t)s->connections + 1, sizeof *t->records, CACHE_LINE);
    if (!t->records)
        return ERR_NO_MEMORY;
    t->capacity = s->connections;
    int error = table_init(&t->table, a, s->connections);
    if (error < 0)
        connections_free(t);
    return error;
}

void connections_free(struct connections *t)
{
    table_free(&t->table);
    alloc_free(t->allocator, t->records, ((size_t)t->capacity + 1) * sizeof *t->records);
    t->records = NULL;
}

/* ---- keys ---- */

/*
 * An echo's request goes from port `id` to 0 and its reply back, so that two hosts that ask each other with one id have
 * two connections. Protocols without ports have 0.
 */
static void ports_of(const struct ip_filter_flow *flow, uint16_t *source, uint16_t *destination)
{
    *source = *destination = 0;
    switch (flow->protocol) {
    case IP_PROTO_ICMP:
        *(flow->icmp_type == WIRE_ICMP_ECHO_REQUEST ? source : destination) = flow->icmp_id;
        return;
    case IP_PROTO_ICMPV6:
        *(flow->icmp_type == WIRE_ICMPV6_ECHO_REQUEST ? source : destination) = flow->icmp_id;
        return;
    case IP_PROTO_TCP:
    case IP_PROTO_UDP:
    case IP_PROTO_UDPLITE:
    case IP_PROTO_SCTP:
        *source = flow->source_port;
        *destination = flow->destination_port;
        return;
    default:
        return;
    }
}

/* Returns whether the source is the high end. */
static bool key_of(const struct ip_filter_flow *flow, struct connection_key *key)
{
    uint16_t source, destination;
    ports_of(flow, &source, &destination);
    int order = ip_addr_compare(&flow->source, &flow->destination);
    bool high = order > 0 || (order == 0 && source > destination);
    *key = (struct connection_key){.low = high ? flow->destination : flow->source,
                                   .high = high ? flow->source : flow->destination,
                                   .low_port = high ? destination : source,
                                   .high_port = high ? source : destination,
                                   .protocol = flow->protocol};
    return high;
}

static uint32_t tag_of(const struct connections *t, const struct connection_key *key)
{
    return (uint32_t)hash_sip13(&t->hash_key, key, sizeof *key);
}

/* ---- lists ---- */

static uint32_t number_of(const struct connections *t, const struct connection *c)
{
    return (uint32_t)(c - t->records);
}

static void list_add(struct connections *t, struct connection *c)
{
    struct connection_list *l = &t->lists[c->class];
    uint32_t number = number_of(t, c);
    c->next = 0;
    c->previous = l->last;
    *(l->last ? &t->records[l->last].next : &l->first) = number;
    l->last = number;
}

static void list_remove(struct connections *t, struct connection *c)
{
    struct connection_list *l = &t->lists[c->class];
    *(c->previous ? &t->records[c->previous].next : &l->first) = c->next;
    *(c->next ? &t->records[c->next].previous : &l->last) = c->previous;
}

void connections_set_class(struct connections *t, struct connection *c, enum ip_filter_class class, int64_t now)
{
    c->seen = now;
    if (class == c->class && now - c->since < t->slacks[class])
        return;
    if (gives_way[c->class] == UNCONFIRMED && gives_way[class] == STAYS)
        t->counters->confirmed++;
    list_remove(t, c);
    c->class = (uint8_t) class;
    c->since = now;
    list_add(t, c);
}

/* ---- coming and going ---- */

void connections_remove(struct connections *t, struct connection *c)
{
    list_remove(t, c);
    bool was_there = table_remove(&t->table, c->tag, number_of(t, c));
    assert(was_there);
    (void)was_there;
    c->next = t->free;
    t->free = number_of(t, c);
    t->used--;
}

static bool is_over(const struct connections *t, const struct connection *c, int64_t now)
{
    return now - c->seen >= t->timeouts[c->class];
}

struct connection *connections_find(struct connections *t, const struct ip_filter_flow *flow, int64_t now,
                                    enum connection_side *side)
{
    struct connection_key key;
    bool high = key_of(flow, &key);
    uint32_t tag = tag_of(t, &key);
    for (uint32_t at = tag, i; (i = table_next(&t->table, tag, &at)) != 0;) {
        struct connection *c = &t->records[i];
        if (memcmp(&c->key, &key, sizeof key) != 0)
            continue;
        if (is_over(t, c, now)) {
            connections_remove(t, c);
            t->counters->expired++;
            return NULL;
        }
        *side = high == c->opener_is_high ? CONNECTION_OPENER : CONNECTION_ANSWERER;
        return c;
    }
    return NULL;
}

/* The one that is longest in a list of this kind, or NULL. */
static struct connection *oldest(const struct connections *t, enum gives_way how)
{
    struct connection *best = NULL;
    for (unsigned i = 0; i < IP_FILTER_CLASSES; i++) {
        struct connection *c = &t->records[t->lists[i].first];
        if (gives_way[i] == how && t->lists[i].first && (!best || c->since < best->since))
            best = c;
    }
    return best;
}

/* Makes room in a full table; false: there is nobody who has to give way. */
static bool evict(struct connections *t)
{
    struct connection *c = oldest(t, UNCONFIRMED);
    if (c) {
        t->counters->evicted_unconfirmed++;
    } else {
        c = oldest(t, IS_CLOSED);
        if (!c)
            return false;
        t->counters->evicted_closed++;
    }
    connections_remove(t, c);
    return true;
}

/* A free record, or NULL. */
static struct connection *take(struct connections *t)
{
    if (t->used == t->capacity && !evict(t))
        return NULL;
    uint32_t number = t->free;
    if (number)
        t->free = t->records[number].next;
    else
        number = t->used + 1; /* without free ones, the first `used` are in use */
    t->used++;
    return &t->records[number];
}

struct connection *connections_open(struct connections *t, const struct ip_filter_flow *flow,
                                    enum ip_filter_class class, int64_t now)
{
    connections_expire(t, now, EXPIRE_AT_OPEN);
    struct connection *c = take(t);
    if (!c)
        return NULL;
    *c = (struct connection){.class = (uint8_t) class, .since = now, .seen = now};
    c->opener_is_high = key_of(flow, &c->key);
    c->tag = tag_of(t, &c->key);
    int error = table_add(&t->table, c->tag, number_of(t, c));
    assert(error == 0); /* the table has room for as many as there are records */
    (void)error;
    list_add(t, c);
    t->counters->opened++;
    return c;
}

/* ---- time ---- */

/* When the first of a list is over for certain, or TIME_NEVER. */
static int64_t list_deadline(const struct connections *t, unsigned class)
{
    uint32_t first = t->lists[class].first;
    return first ? t->records[first].since + t->timeouts[class] + t->slacks[class] : TIME_NEVER;
}

uint32_t connections_expire(struct connections *t, int64_t now, uint32_t budget)
{
    uint32_t expired = 0;
    for (unsigned i = 0; i < IP_FILTER_CLASSES; i++) {
        while (expired < budget && list_deadline(t, i) <= now) {
            connections_remove(t, &t->records[t->lists[i].first]);
            expired++;
        }
    }
    t->counters->expired += expired;
    return expired;
}

int64_t connections_next_deadline(const struct connections *t)
{
    int64_t next = TIME_NEVER;
    for (unsigned i = 0; i < IP_FILTER_CLASSES; i++)
        next = min_i64(next, list_deadline(t, i));
    return next;
}

/* ---- checking ---- */

/* How many are in the list, or UINT32_MAX: it is wrong. */
static uint32_t check_list(const struct connections *t, unsigned class)
{
    uint32_t n = 0, previous = 0;
    for (uint32_t i = t->lists[class].first; i; previous = i, i = t->records[i].next) {
        const struct connection *c = &t->records[i];
        if (c->class != class || c->previous != previous || ++n > t->used)
            return UINT32_MAX;
        if (previous && t->records[previous].since > c->since)
            return UINT32_MAX;
        if (c->seen < c->since || c->seen - c->since > t->slacks[class])
            return UINT32_MAX;
        uint32_t at = c->tag, found;
        while ((found = table_next(&t->table, c->tag, &at)) != 0 && found != i)
            ;
        if (found != i)
            return UINT32_MAX;
    }
    return t->lists[class].last == previous ? n : UINT32_MAX;
}

bool connections_check(const struct connections *t)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < IP_FILTER_CLASSES; i++)
        n += check_list(t, i);
    uint64_t unused = 0;
    for (uint32_t i = t->free; i && unused <= t->capacity; i = t->records[i].next)
        unused++;
    return n == t->used && t->table.used == t->used && n + unused <= t->capacity;
}
