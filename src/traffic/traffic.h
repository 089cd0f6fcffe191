/* SPDX-License-Identifier: MIT */
/*
 * One port's share of a plan: its hosts, the clients of the loads whose devices lie on it, its embedded servers.
 * Sans I/O; one owner, the worker of that port, who calls in each turn
 *
 *     stack_receive(now) -> traffic_run(now, budget) -> stack_transmit(now)
 *
 * Life of a run, for all ports of a plan together:
 *     plan_stack_settings, stack_new, stack_add_interface, traffic_setup_hosts, traffic_new: servers listen now
 *     traffic_set_leased            as addresses come by DHCP, and go
 *     traffic_start(at)             the same `at` for all; loads begin then
 *     traffic_drain(now)            at at + plan->duration_ns, or when the user asks
 *     until traffic_finished() for all     a server's traffic ends only when its clients have: ask all, then stop all
 *     traffic_stop(now)             after plan->drain_ns at the latest; then one more stack_transmit for the RSTs
 *     traffic_read_stats, traffic_delete   before stack_delete
 *
 * Borrows plan and stack. Pools are made at the start from the plan; nothing is allocated afterwards:
 *     connections   one of 32 bytes for each connection open at once: plan_share_connections(), or max_connections
 *     activities    one for each connection with a transaction begun or bytes unacknowledged; as many as connections,
 *                   touched only as far as used
 *     outq spans    (2 * pipeline + 8) for each activity, chunks 2 for each activity, both at most 2^22
 * An idle keep-alive connection holds its connection object only, once more than 1024 activities are in use.
 */
#ifndef WEIR_TRAFFIC_TRAFFIC_H
#define WEIR_TRAFFIC_TRAFFIC_H

#include "traffic/plan.h"
#include "traffic/stats.h"

struct traffic;

/*
 * Adds the hosts of a plan's port to a fresh stack (one without hosts). ERR_INVALID (the stack has hosts),
 * ERR_EXISTS, ERR_NO_SPACE.
 */
MUST_CHECK int traffic_setup_hosts(const struct plan *p, uint32_t port, unsigned interface, struct stack *s);

/*
 * Makes the pools and lets the embedded servers listen. ERR_NO_MEMORY, ERR_NO_SPACE (too many TCP users),
 * ERR_IN_USE.
 */
MUST_CHECK int traffic_new(const struct plan *p, uint32_t port, struct stack *s, const struct allocator *a, int64_t now,
                           struct traffic **out);
/* Aborts what is left, without counting it. The stack must still be there. */
void traffic_delete(struct traffic *t);

/*
 * A host of the port got its address by DHCP: `number` is plan_lease.first + host, local the stack's index; 0: it has
 * none any more. What a load begins from a host without fails as no_lease. Returns what it was.
 */
uint32_t traffic_set_leased(struct traffic *t, uint32_t number, uint32_t local);

/* Schedules begin at `at` (not before now). */
void traffic_start(struct traffic *t, int64_t at);
/*
 * Launches what is due, at most `budget` launches of each load, and fewer while earlier ones find no room on the
 * link: those are late then. Closes what the level or a drain wants closed, 64 at most. Returns how many launches and
 * closes, while draining 0.
 */
unsigned traffic_run(struct traffic *t, int64_t now, unsigned budget);
/* When traffic_run wants to be called at the latest, stack events apart; TIME_NEVER: only events matter. */
int64_t traffic_next_deadline(const struct traffic *t);

/*
 * Each load here has begun as many transactions as it may (max_transactions), and all have ended; true without loads.
 */
bool traffic_is_spent(const struct traffic *t);

/*
 * Launches no more; what is begun finishes: transactions complete, a connection that is still connecting sends its
 * first request (unless the level was its only purpose), then they close; traffic_run closes idle ones, some at a
 * time. What is due but not sent is counted dropped.
 */
void traffic_drain(struct traffic *t, int64_t now);
/* After traffic_drain: no client connection and no server connection is left. */
bool traffic_finished(const struct traffic *t);
/*
 * Aborts what is left: what was connecting counts as failed.stopped, what was begun as a transaction failed with
 * "stopped".
 */
void traffic_stop(struct traffic *t, int64_t now);

/* ---- statistics ---- */

/* A copy of all that one traffic (or, merged, a whole plan) counted. */
struct traffic_stats {
    struct load_stats *loads;                /* plan->n_loads; zero for loads without clients on this port */
    struct server_stats *servers;            /* plan->n_servers */
    struct lease_stats *leases;              /* plan->n_leases; filled by who holds the DHCP clients */
    struct tcp_counters tcp[PLAN_MAX_PORTS]; /* of each port's stack */
    struct stack_counters stack[PLAN_MAX_PORTS];
    uint32_t n_loads, n_servers, n_leases;
    const struct allocator *allocator;
};
/* ERR_NO_MEMORY. About 115 KB for each load, 40 KB for each lease. */
MUST_CHECK int traffic_stats_new(const struct plan *p, const struct allocator *a, struct traffic_stats **out);
void traffic_stats_delete(struct traffic_stats *s);
void traffic_stats_reset(struct traffic_stats *s);
void traffic_stats_merge(struct traffic_stats *into, const struct traffic_stats *from);
/*
 * Adds this traffic's present counts to *into (reset it first for a plain copy). Called by the owner between two
 * turns: consistent.
 */
void traffic_read_stats(const struct traffic *t, struct traffic_stats *into);
/* The live block of a load, for the owner; NULL when it has no client on this port. */
const struct load_stats *traffic_load_stats(const struct traffic *t, uint32_t load);
/*
 * NULL, or which invariant of stats.h does not hold, or which connection object disagrees with the counts. For
 * tests.
 */
const char *traffic_check(const struct traffic *t);

/* What the pools hold now: all zero when everything ended. */
struct traffic_occupancy {
    uint32_t client_connections, server_connections, activities, spans, chunks;
};
void traffic_get_occupancy(const struct traffic *t, struct traffic_occupancy *out);

#endif
