/* SPDX-License-Identifier: MIT */
/*
 * What loads and embedded servers count. One worker owns a block and writes it without locks; others get copies
 * (traffic_read_stats), which are merged by addition.
 *
 * At every moment: attempted = connecting + established + sum(failed); established = closed + live; started =
 * completed + sum(failed) + active; requested = sent + dropped + what still waits. load_stats_check() says whether
 * they hold.
 */
#ifndef WEIR_TRAFFIC_STATS_H
#define WEIR_TRAFFIC_STATS_H

#include "base/histogram.h"
#include "stack/stack.h"
#include "tcp/tcp.h"
#include "traffic/schedule.h"

/* Why a connection was never established; names as in the results. */
#define CONNECT_FAILURE_LIST(X)                                                                                        \
    X(REFUSED, connect_refused)         /* RST in answer to the SYN */                                                 \
    X(TIMEOUT, connect_timeout)         /* no answer within connect_timeout or the SYN retries */                      \
    X(UNREACHABLE, connect_unreachable) /* no route, or the neighbour does not answer */                               \
    X(NO_PORTS, no_ports)               /* every local port towards the server is in use */                            \
    X(NO_LEASE, no_lease)               /* the host has no address: DHCP gave none, or took it back */                 \
    X(NO_MEMORY, no_memory)             /* a pool sized from the plan ran out */                                       \
    X(RESET, reset)                     /* reset during the handshake */                                               \
    X(STOPPED, stopped)                 /* still connecting when the run ended */

enum connect_failure {
#define CONNECT_FAILURE_ENUM(name, text) CONNECT_FAILED_##name,
    CONNECT_FAILURE_LIST(CONNECT_FAILURE_ENUM)
#undef CONNECT_FAILURE_ENUM
        CONNECT_FAILURE_COUNT
};
const char *connect_failure_name(enum connect_failure cause);

/*
 * Causes by name: the L7 engine's, and those of the carrier: the connect failures above, reset, timeout,
 * peer_closed, stopped, no_memory.
 */
#define CAUSE_COUNTS_MAX 32
struct cause_counts {
    uint32_t used;
    struct {
        const char *name; /* constant text */
        uint64_t count;
    } list[CAUSE_COUNTS_MAX]; /* the last one takes what has no place: "other" */
};
void cause_counts_add(struct cause_counts *c, const char *name, uint64_t n);
uint64_t cause_counts_total(const struct cause_counts *c);
/* 0 for a name that was never counted. */
uint64_t cause_counts_of(const struct cause_counts *c, const char *name);
void cause_counts_merge(struct cause_counts *into, const struct cause_counts *from);

/* Status codes 0 (none or out of range) and 100 to 599. */
#define STATUS_COUNTS 600

struct load_stats {
    struct {
        uint64_t attempted, connecting, established, closed, live;
        uint64_t failed[CONNECT_FAILURE_COUNT];
        uint64_t closed_by[TCP_CLOSE_REASON_COUNT]; /* how established ones ended: sums to closed */
    } connections;
    struct {
        uint64_t started, completed, active;
        struct cause_counts failed;
        uint64_t by_status[STATUS_COUNTS]; /* completed and failed ones that had a status */
        uint64_t body_bytes;               /* of completed ones */
    } transactions;
    struct {
        uint64_t sent, received; /* bytes of TCP stream */
    } bytes;
    /* In the target's unit. concurrent: a launch is requested when the level asks for it. */
    struct {
        uint64_t requested, sent;
        uint64_t late;    /* sent more than late_after behind due time */
        uint64_t dropped; /* never sent: backlog full, or the run ended */
    } schedule;
    struct {
        uint64_t sent, completed_transactions, established; /* by the phase in which it happened */
        uint64_t bits;                 /* application bits both ways; of the present phase only in copies */
    } phases[SCHEDULE_MAX_PHASES + 1]; /* the last used one: after the schedule's end */
    struct histogram connect, first_byte, transaction; /* open loop: from due time */
};

/* Addresses of a device by DHCP: plan_lease. held and released change, or are set, once a copy; the rest counts up. */
struct lease_stats {
    uint64_t held;                /* hosts that have one now */
    uint64_t gained, renewed;     /* leases begun and extended */
    uint64_t lost;                /* run out, taken back or given back */
    uint64_t conflicts;           /* somebody else had the address */
    uint64_t refused;             /* the stack did not take it */
    uint64_t released;            /* given back at the end */
    struct histogram took, renew; /* from a host's start to its lease; from asking for more time to getting it */
};
void lease_stats_merge(struct lease_stats *into, const struct lease_stats *from);

void load_stats_reset(struct load_stats *s);
void load_stats_merge(struct load_stats *into, const struct load_stats *from);
/* NULL, or the first invariant that does not hold, in words. */
const char *load_stats_check(const struct load_stats *s);

struct server_stats {
    struct {
        uint64_t accepted; /* SYNs that got a connection object: connecting + established + failed */
        uint64_t connecting, established, closed, live;
        uint64_t failed;     /* handshakes that never completed */
        uint64_t refused;    /* SYNs dropped because max_connections, and the spare ones, were open */
        uint64_t overloaded; /* accepted beyond max_connections, to be answered 503 */
        uint64_t idle;       /* ended by idle_timeout: nothing was begun */
        uint64_t stuck;      /* ended by idle_timeout: the client took no more, or sent no more of a request */
        uint64_t closed_by[TCP_CLOSE_REASON_COUNT];
    } connections;
    struct {
        uint64_t served;
        struct cause_counts failed;
        uint64_t by_status[STATUS_COUNTS];
        uint64_t body_bytes; /* received with requests */
    } requests;
    struct {
        uint64_t sent, received;
    } bytes;
};

void server_stats_merge(struct server_stats *into, const struct server_stats *from);
const char *server_stats_check(const struct server_stats *s);
void tcp_counters_merge(struct tcp_counters *into, const struct tcp_counters *from);
void stack_counters_merge(struct stack_counters *into, const struct stack_counters *from);

#endif
