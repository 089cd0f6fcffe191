/* SPDX-License-Identifier: MIT */
/*
 * Between the files of a running traffic: connections, activities, loads and servers of one port.
 *
 * A connection object is all that an idle connection costs here. While a transaction is begun, or bytes it queued
 * are not acknowledged, it has an activity: the L7 session with its carrier. TCP's user word of a connection is
 * the address of its connection object, which never moves.
 *
 * A TCP verb that can end a connection (tcp_abort, tcp_close) calls closed(), which frees the connection object:
 * such a verb is the last thing a function does with a connection.
 */
#ifndef WEIR_TRAFFIC_TRAFFIC_PRIVATE_H
#define WEIR_TRAFFIC_TRAFFIC_PRIVATE_H

#include "base/outq.h"
#include "base/pool.h"
#include "base/random.h"
#include "traffic/protocol.h"
#include "traffic/traffic.h"

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_CONNECTING,
    CONNECTION_READY,
    CONNECTION_WAITING, /* client: the server shall close */
    CONNECTION_CLOSING, /* our FIN is on its way; what still arrives is taken in and forgotten */
};

enum connection_flag {
    CONNECTION_LISTED = 1, /* on the load's list */
    CONNECTION_DUE = 2,    /* connecting for a transaction that is counted as started already */
    CONNECTION_THINKING = 4,
    CONNECTION_PEER_CLOSES = 8, /* the server announced its close, or was asked for it */
    CONNECTION_PEER_FIN = 16,   /* server: the client will send no more */
    CONNECTION_OVERLOADED = 32, /* server: beyond max_connections */
    CONNECTION_TIMED = 64,      /* server: a deadline is set, no later than due_at */
};

struct connection {
    struct tcp_ref ref; /* zero while a server's connection is not established; overwritten by the free list */
    union {
        struct {
            uint32_t next, prev; /* established: on the load's list */
        };
        int64_t due_at; /* client: connecting; server: idle_timeout is over then */
    };
    uint32_t activity; /* POOL_NONE: none */
    uint32_t requests; /* begun */
    uint16_t owner;    /* number in traffic->loads or traffic->servers */
    uint8_t state;     /* enum connection_state */
    uint8_t flags;     /* enum connection_flag */
};
_Static_assert(sizeof(struct connection) <= 40,
               "DESIGN: an idle connection costs at most 256 bytes an end, 40 of them here");

struct activity {
    struct l7_carrier carrier; /* context: this activity */
    struct traffic *traffic;
    struct connection *connection;
    uint64_t promised;  /* end of what TCP was told of */
    uint64_t moved;     /* bytes sent and received since the last transaction ended */
    int64_t timeout_at; /* client: the transaction at the head fails then; TIME_NEVER: not */
    uint32_t held;      /* bytes received and not given back to the window */
    uint32_t pending;   /* client: transactions begun */
    alignas(16) uint8_t session[];
};

/* What the carrier needs to know of a load or server. */
struct endpoint {
    const struct l7_engine *engine;
    const void *config;
    const struct l7_events *events;
    uint64_t *bytes_sent, *bytes_received; /* counters */
};

/* Addresses of one device, as the stack numbers them. */
struct host_range {
    uint32_t first_local, count;
    const uint32_t *leased; /* by host: the number, or 0 without a lease; NULL: they count up from first_local */
};

/* Places of connections that failed, given back after a pause: how many in each of a ring of short spans. */
#define PAUSE_SLOTS 32u
struct pause {
    int64_t span_ns; /* of a slot */
    int64_t tick;    /* slots before it are empty */
    uint32_t count;
    uint32_t slots[2 * PAUSE_SLOTS];
};
void pause_init(struct pause *p, int64_t pause_ns);
void pause_add(struct pause *p, int64_t now);
/* Forgets those whose pause is over. */
void pause_advance(struct pause *p, int64_t now);
/* When the next one is over, or TIME_NEVER. */
int64_t pause_next(const struct pause *p);

/* A load on this port. */
struct load_run {
    const struct plan_load *load;
    struct load_stats *stats;
    struct endpoint endpoint;
    unsigned user; /* of TCP */
    uint32_t share, shares;
    uint32_t limit;   /* connections at once */
    uint32_t open;    /* connection objects in use */
    uint32_t closing; /* of those, waiting or closing */
    uint32_t listed;  /* available (rates of transactions) or thinking (others) */
    uint32_t list_head;
    uint32_t phase;                  /* of the schedule, in which events are counted */
    struct schedule_cursor arrivals; /* the next launch that is not due yet */
    struct schedule_cursor launches; /* the next launch to carry out */
    uint64_t waiting;                /* launches between the two */
    uint64_t level;                  /* concurrent: this share's part of the present level */
    uint64_t max_transactions;       /* this share's part; UINT64_MAX: no limit */
    uint64_t ended, ended_bytes;     /* transactions that ended, and what they moved: bits_per_second */
    uint64_t phase_bytes;            /* moved before the present phase */
    struct pause pause;
    struct host_range *hosts;
    uint32_t n_hosts;
    uint32_t range, host; /* round robin over client hosts */
    uint32_t server_host; /* the same over server addresses */
    uint64_t sequence;    /* URLs in order */
    struct random random;
    bool draining; /* nothing is launched any more: the load, or the run, has ended */
};

struct server_run {
    const struct plan_server *server;
    struct server_stats *stats;
    struct endpoint endpoint;
    unsigned user;
    uint32_t first_local, n_hosts;
    uint32_t open;
    bool listening;
};

/* Bytes of one activity on a port: with the largest session of the engines that run there. */
uint32_t traffic_activity_bytes(const struct plan *p, uint32_t port);
/* Which of the load's ports this is; n_client_ports: it has no client there. */
uint32_t traffic_find_share(const struct plan_load *load, uint32_t port);

struct traffic {
    const struct plan *plan;
    struct stack *stack;
    struct tcp_layer *tcp;
    const struct allocator *allocator;
    uint32_t port;
    struct pool client_connections, server_connections, activities;
    struct outq_pool outq;
    struct load_run *loads; /* those with clients on this port */
    uint32_t n_loads;
    struct server_run *servers; /* those on this port */
    uint32_t n_servers;
    uint32_t *load_numbers, *server_numbers; /* in the plan */
    uint32_t *leased;                        /* of the port's hosts with addresses by DHCP: see host_range */
    struct load_stats *load_stats;
    struct server_stats *server_stats;
    uint64_t serial;
    int64_t start_at, now;
    bool started, draining;
    uint32_t drain_scan;    /* server connections up to here have been asked to end */
    uint64_t segments_sent; /* TCP's count when `unsent` was last looked at */
    unsigned unsent;        /* launches and closes of which so many at most still wait for room on a link */
    bool acted;             /* the last turn launched or closed something */
    bool silent;            /* no segment has left since something was launched: neighbours are being looked for */
    /* Why we abort a connection, while tcp_abort runs. */
    const char *abort_cause;
    enum err abort_error;
    enum connect_failure abort_failure;
};

static inline struct connection *connection_of(const struct tcp *c)
{
    return (struct connection *)(uintptr_t)tcp_word(c);
}
static inline uint64_t connection_word(const struct connection *connection) { return (uint64_t)(uintptr_t)connection; }
static inline struct activity *activity_of(const struct traffic *t, const struct connection *connection)
{
    return connection->activity == POOL_NONE ? NULL : pool_at(&t->activities, connection->activity);
}

/* ---- carrier.c: TCP and L7 engines, for clients and servers alike ---- */

/* The connection's activity, made now if there is none; NULL when the pool is empty. */
struct activity *carrier_attach(struct traffic *t, struct connection *connection, const struct endpoint *e,
                                const struct tcp *c, int64_t now);
/* Ends the session (error 0: quietly) and gives the activity back. */
void carrier_detach(struct traffic *t, struct connection *connection, const struct endpoint *e, int error,
                    const char *cause, int64_t now);
/* The same when nothing is begun, queued, unacknowledged or held, and many activities are in use. */
void carrier_detach_if_idle(struct traffic *t, struct connection *connection, const struct endpoint *e, int64_t now);
/* Hands bytes to the engine and opens the window. Negative: the engine found an error; abort with carrier.cause. */
int carrier_input(struct traffic *t, struct activity *a, const struct endpoint *e, struct tcp *c, const uint8_t *bytes,
                  uint32_t length, int64_t now);
/* Tells TCP of what the engine queued. ERR_NO_MEMORY: TCP cannot send now; abort. */
int carrier_flush(struct traffic *t, struct activity *a, const struct endpoint *e, struct tcp *c, int64_t now);
/* Gives back what the engine held, if it lets go. */
void carrier_release_input(struct traffic *t, struct activity *a, struct tcp *c, int64_t now);
/* Lets the engine queue more after `out` was trimmed or its deadline passed. */
void carrier_resume(struct activity *a, const struct endpoint *e, int64_t now);
/* For tcp_user.pull. */
size_t carrier_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum);
unsigned carrier_lend(void *context, struct tcp *c, uint64_t offset, size_t length, struct packet_frag *pieces,
                      unsigned max);
/* Aborts the connection; what is counted because of it gets these causes. */
void carrier_abort(struct traffic *t, struct tcp *c, enum connect_failure failure, enum err error, const char *cause,
                   int64_t now);
/* What a connection that ended so counts as for transactions it had begun. */
const char *carrier_close_cause(const struct traffic *t, enum tcp_close_reason reason, int *error);

/* ---- client.c: what a load's connections do ---- */

extern const struct tcp_user client_user;
extern const struct l7_events client_events;
/*
 * Opens a connection; due_at: when it should have been opened; for_transaction: it is to carry a transaction
 * counted as started.
 */
void client_connect(struct traffic *t, struct load_run *run, int64_t due_at, bool for_transaction, int64_t now);
/*
 * Begins a transaction on the listed connection at the head. False when it could not take one: it is not listed
 * any more.
 */
bool client_launch(struct traffic *t, struct load_run *run, int64_t due_at, int64_t now);
/* Ends the listed connection at the head of the list; false when the list is empty. */
bool client_close_listed(struct traffic *t, struct load_run *run, int64_t now);

/* ---- launch.c: schedules ---- */

void launch_init(struct load_run *run);
/* So many connections a turn at most are closed because the plan wants fewer or none, so that FINs do not crowd out. */
#define CLOSE_BUDGET 64u
/* Carries out what is due. Returns launches and closes. */
unsigned launch_run(struct traffic *t, struct load_run *run, int64_t now, unsigned budget);
int64_t launch_next_deadline(const struct traffic *t, const struct load_run *run);
/* Nothing more is launched; what waits is dropped. */
void launch_stop(struct traffic *t, struct load_run *run, int64_t now);
/* All transactions of the load are begun. */
static inline bool launch_is_spent(const struct load_run *run)
{
    return run->stats->transactions.started >= run->max_transactions;
}
/* concurrent: more connections are open than the level asks for. */
bool launch_has_surplus(const struct load_run *run);
/* Application bytes, both ways. */
static inline uint64_t run_bytes(const struct load_run *run)
{
    return run->stats->bytes.sent + run->stats->bytes.received;
}

/* ---- server.c ---- */

extern const struct tcp_user server_user;
extern const struct l7_events server_events;
MUST_CHECK int server_listen(struct traffic *t, struct server_run *run);
void server_unlisten(struct traffic *t, struct server_run *run, int64_t now);
/* Closes idle connections of servers without clients of the plan, at most `budget`. Returns how many. */
unsigned server_drain(struct traffic *t, int64_t now, unsigned budget);

/* ---- traffic.c ---- */

/* Ends all connections and embryos; what had begun is counted as stopped. */
void traffic_abort_everything(struct traffic *t, int64_t now);

#endif
