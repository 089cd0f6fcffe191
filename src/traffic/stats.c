/* SPDX-License-Identifier: MIT */
/*
 * Counting, merging and checking of load and server statistics. Merging is addition throughout: any number of
 * blocks in any order gives the same sum.
 */
#include "traffic/stats.h"

#include <string.h>

#define OTHER_CAUSES "other"

const char *connect_failure_name(enum connect_failure cause)
{
    static const char *const names[CONNECT_FAILURE_COUNT] = {
#define CONNECT_FAILURE_NAME(name, text) [CONNECT_FAILED_##name] = #text,
        CONNECT_FAILURE_LIST(CONNECT_FAILURE_NAME)
#undef CONNECT_FAILURE_NAME
    };
    return (unsigned)cause < CONNECT_FAILURE_COUNT ? names[cause] : "unknown";
}

/* The entry of a name, or where it goes. */
static uint32_t cause_slot(const struct cause_counts *c, const char *name)
{
    for (uint32_t i = 0; i < c->used; i++)
        if (c->list[i].name == name || strcmp(c->list[i].name, name) == 0)
            return i;
    return min_u32(c->used, CAUSE_COUNTS_MAX - 1);
}

void cause_counts_add(struct cause_counts *c, const char *name, uint64_t n)
{
    uint32_t i = cause_slot(c, name);

    if (i == c->used) {
        c->used++;
        c->list[i].name = i == CAUSE_COUNTS_MAX - 1 ? OTHER_CAUSES : name;
    }
    c->list[i].count += n;
}

uint64_t cause_counts_total(const struct cause_counts *c)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < c->used; i++)
        total += c->list[i].count;
    return total;
}

uint64_t cause_counts_of(const struct cause_counts *c, const char *name)
{
    for (uint32_t i = 0; i < c->used; i++)
        if (strcmp(c->list[i].name, name) == 0)
            return c->list[i].count;
    return 0;
}

void cause_counts_merge(struct cause_counts *into, const struct cause_counts *from)
{
    for (uint32_t i = 0; i < from->used; i++)
        cause_counts_add(into, from->list[i].name, from->list[i].count);
}

void lease_stats_merge(struct lease_stats *into, const struct lease_stats *from)
{
    into->held += from->held;
    into->gained += from->gained;
    into->renewed += from->renewed;
    into->lost += from->lost;
    into->conflicts += from->conflicts;
    into->refused += from->refused;
    into->released += from->released;
    histogram_merge(&into->took, &from->took);
    histogram_merge(&into->renew, &from->renew);
}

static void add_all(uint64_t *into, const uint64_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        into[i] += from[i];
}

/* For objects whose members are all uint64_t. */
#define ADD_COUNTERS(into, from)                                                                                       \
    do {                                                                                                               \
        _Static_assert(sizeof(*(into)) % sizeof(uint64_t) == 0, "counters only");                                      \
        add_counters(into, from, sizeof(*(into)));                                                                     \
    } while (0)

static void add_counters(void *into, const void *from, size_t bytes) { add_all(into, from, bytes / sizeof(uint64_t)); }

void load_stats_reset(struct load_stats *s) { memset(s, 0, sizeof *s); }

void load_stats_merge(struct load_stats *into, const struct load_stats *from)
{
    ADD_COUNTERS(&into->connections, &from->connections);
    into->transactions.started += from->transactions.started;
    into->transactions.completed += from->transactions.completed;
    into->transactions.active += from->transactions.active;
    into->transactions.body_bytes += from->transactions.body_bytes;
    cause_counts_merge(&into->transactions.failed, &from->transactions.failed);
    add_all(into->transactions.by_status, from->transactions.by_status, STATUS_COUNTS);
    ADD_COUNTERS(&into->bytes, &from->bytes);
    ADD_COUNTERS(&into->schedule, &from->schedule);
    ADD_COUNTERS(&into->phases, &from->phases);
    histogram_merge(&into->connect, &from->connect);
    histogram_merge(&into->first_byte, &from->first_byte);
    histogram_merge(&into->transaction, &from->transaction);
}

static uint64_t sum(const uint64_t *list, size_t n)
{
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++)
        total += list[i];
    return total;
}

const char *load_stats_check(const struct load_stats *s)
{
    if (s->connections.attempted !=
        s->connections.connecting + s->connections.established + sum(s->connections.failed, CONNECT_FAILURE_COUNT))
        return "attempted = connecting + established + sum(failed)";
    if (s->connections.established != s->connections.closed + s->connections.live)
        return "established = closed + live";
    if (s->connections.closed != sum(s->connections.closed_by, TCP_CLOSE_REASON_COUNT))
        return "closed = sum(closed_by)";
    if (s->transactions.started !=
        s->transactions.completed + cause_counts_total(&s->transactions.failed) + s->transactions.active)
        return "started = completed + sum(failed) + active";
    if (s->schedule.requested < s->schedule.sent + s->schedule.dropped)
        return "requested >= sent + dropped";
    if (s->schedule.sent < s->schedule.late)
        return "sent >= late";
    if (s->transaction.count != s->transactions.completed)
        return "one transaction time for each completed transaction";
    if (s->connect.count != s->connections.established)
        return "one connect time for each established connection";
    return NULL;
}

void server_stats_merge(struct server_stats *into, const struct server_stats *from)
{
    ADD_COUNTERS(&into->connections, &from->connections);
    into->requests.served += from->requests.served;
    into->requests.body_bytes += from->requests.body_bytes;
    cause_counts_merge(&into->requests.failed, &from->requests.failed);
    add_all(into->requests.by_status, from->requests.by_status, STATUS_COUNTS);
    ADD_COUNTERS(&into->bytes, &from->bytes);
}

const char *server_stats_check(const struct server_stats *s)
{
    if (s->connections.accepted != s->connections.connecting + s->connections.established + s->connections.failed)
        return "accepted = connecting + established + failed";
    if (s->connections.established != s->connections.closed + s->connections.live)
        return "established = closed + live";
    if (s->connections.closed != sum(s->connections.closed_by, TCP_CLOSE_REASON_COUNT))
        return "closed = sum(closed_by)";
    return NULL;
}

void tcp_counters_merge(struct tcp_counters *into, const struct tcp_counters *from) { ADD_COUNTERS(into, from); }

void stack_counters_merge(struct stack_counters *into, const struct stack_counters *from) { ADD_COUNTERS(into, from); }
