/* SPDX-License-Identifier: MIT */
/*
 * Inside of the TCP layer: all of TCP on one core, and how its parts find each other. Not for users: they see tcp.h.
 */
#ifndef WEIR_TCP_LAYER_H
#define WEIR_TCP_LAYER_H

#include "base/error.h"
#include "base/pool.h"
#include "base/table.h"
#include "base/wheel.h"
#include "tcp/limit.h"
#include "tcp/tcb.h"

#define TCP_MAX_USERS 4096u /* struct tcp.user has 12 bits */
#define TCP_MAX_LINKS 16    /* struct tcp.link has 4 bits */
#define TCP_MAX_MTU_SEARCHES 65536u
#define TCP_PORT_COUNTERS 1024        /* RFC 6056 algorithm 4 */
#define TCP_MAX_WINDOW_SCALE 14u      /* RFC 7323 section 2.3 */
#define TCP_TIMER_SHIFT 20            /* wheel tick: 1.05 ms */
#define TCP_TIME_WAIT_BIT 0x80000000u /* in a table index: a TIME_WAIT record */

struct tcp_listener {
    uint32_t local;
    uint16_t port;
    uint16_t user;
    uint32_t embryos;
    int64_t cookies_until; /* SYN cookies that went out may come back until then */
};

/* TIME_WAIT: 48 bytes in a FIFO, oldest recycled. */
struct tcp_timewait {
    uint32_t next : 30;                     /* towards younger; must be first (free list) */
    uint32_t timestamps : 1, restarted : 1; /* ts_recent is valid; a repeated FIN came */
    struct flow_key key;
    struct seq rcv_nxt, snd_nxt;
    uint32_t ts_recent;
    uint32_t expires_16ms : 20, user : 12; /* on the circle of tcp_ms() / 16, rounded up */
    uint32_t tag;                          /* of the table; 0 with key.local 0: already taken off */
};
_Static_assert(sizeof(struct tcp_timewait) == 48, "DESIGN section 3: 48 bytes");

struct tcp_registered {
    const struct tcp_user *calls; /* NULL: the number is free */
    void *context;
    struct tcp_profile profile;
    uint32_t accepted;    /* established connections of its listeners */
    uint32_t connections; /* records with this number */
    bool retired;         /* unregistered; free with its last connection */
};

struct tcp_layer {
    struct pool records; /* struct tcp */
    struct pool works;   /* struct tcp_work */
    struct table table;  /* flow hash -> record, or TIME_WAIT record with TCP_TIME_WAIT_BIT */
    const struct tcp_lower *lower;
    void *lower_context;
    struct tcp_counters counters;
    struct tcp_settings settings;
    uint32_t ts_offset; /* added to the millisecond clock in TSval */
    uint32_t dead;      /* records that ended, linked through their word */
    struct tcp_list fifo[TCP_MAX_LINKS];
    struct tcp_list pushed;          /* whose ACK of a PSH segment waits for data: WANT_PUSHED_ACK */
    uint32_t gso_max[TCP_MAX_LINKS]; /* of each link, as its paths say */
    struct wheel wheel;              /* node = record index */
    struct pool sent;                /* struct sent_record */
    struct pool mtu_searches;        /* struct mtu_search */
    struct packet_pool ooo_pool;
    uint32_t ooo_frames;
    struct packet *arriving;      /* during received(): see tcp_received_packet */
    struct packet *to_release;    /* frames out of the queues, linked by next; may still be part of the burst at hand */
    struct tcp_registered *users; /* settings.max_users of them */
    struct pool listeners;        /* struct tcp_listener */
    struct table listen_table;
    struct pool timewaits; /* struct tcp_timewait */
    uint32_t timewait_oldest, timewait_youngest;
    struct limit reset_limit;
    uint32_t port_counters[TCP_PORT_COUNTERS];
    uint32_t pressure;   /* records and works that were not there: reclaim.h */
    bool any_pairs;      /* some user has had TCP_PUSH_PAIRS */
    uint32_t reclaim_at; /* record looked at last */
    const struct allocator *allocator;
};

static ALWAYS_INLINE struct tcp *tcp_at(const struct tcp_layer *t, uint32_t index)
{
    return pool_at(&t->records, index);
}
static ALWAYS_INLINE uint32_t tcp_index(const struct tcp_layer *t, const struct tcp *c)
{
    return (uint32_t)(c - (const struct tcp *)(const void *)t->records.objects);
}
static ALWAYS_INLINE struct tcp_work *tcp_work_of(const struct tcp_layer *t, const struct tcp *c)
{
    return c->work ? (struct tcp_work *)pool_at(&t->works, c->work) : NULL;
}
static inline uint32_t tcp_hash_of(const struct tcp_layer *t, const struct tcp *c)
{
    const struct tcp_work *w = tcp_work_of(t, c);
    return w && w->hash ? w->hash : tcp_flow_hash(t, &c->key);
}
static inline bool tcp_user_known(const struct tcp_layer *t, unsigned user)
{
    return user < t->settings.max_users && t->users[user].calls && !t->users[user].retired;
}
static ALWAYS_INLINE const struct tcp_profile *tcp_profile_of(const struct tcp_layer *t, const struct tcp *c)
{
    return &t->users[c->user].profile;
}
/* Something of ours was acknowledged, or new data came: what we send arrives. */
static ALWAYS_INLINE void tcp_got_further(const struct tcp_layer *t, const struct tcp *c, int64_t now)
{
    if (likely(t->settings.progress != NULL))
        t->settings.progress[c->path] = (uint32_t)((uint64_t)now >> TCP_PROGRESS_SHIFT);
}
/* Bytes of IP and TCP header without options. */
static inline uint32_t tcp_fixed_headers(const struct ip_addr *remote) { return ip_addr_is_v4(remote) ? 40 : 60; }
/* The window scale that a receive buffer needs, or more. */
static inline uint8_t tcp_receive_wscale(const struct tcp_profile *p)
{
    uint8_t scale = p->window_scale;
    while ((p->receive_buffer >> scale) > 65535)
        scale++;
    return scale;
}
/* Milliseconds on a 32-bit circle, never 0 so that 0 can mean "none". */
static ALWAYS_INLINE uint32_t tcp_ms(int64_t now) { return (uint32_t)((uint64_t)now / 1000000u) | 1u; }
/* RFC 7323 section 4.1: our timestamp clock, 1 ms. */
static ALWAYS_INLINE uint32_t tcp_ts_now(const struct tcp_layer *t, int64_t now)
{
    return (uint32_t)((uint64_t)now / 1000000u) + t->ts_offset;
}

/* lookup.c */
struct tcp *tcp_lookup(const struct tcp_layer *t, const struct flow_key *key, uint32_t hash,
                       struct tcp_timewait **timewait);
static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
    return __builtin_memcmp(a, b, sizeof *a) == 0;
}

/* ports.c: a free local port by RFC 6056 algorithm 4; 0 when none was found. key->local_port is ignored. */
uint16_t tcp_choose_port(struct tcp_layer *t, const struct flow_key *key, int64_t now);
/* RFC 6528: an initial sequence number. */
struct seq tcp_initial_sequence(const struct tcp_layer *t, const struct flow_key *key, int64_t now);

/* listen.c */
/* True, and counted, when this user's listeners have as many established connections as they may. */
bool tcp_accept_full(struct tcp_layer *t, unsigned user);
struct tcp_listener *tcp_find_listener(const struct tcp_layer *t, const struct flow_key *key);
void tcp_listen_input(struct tcp_layer *t, struct tcp_listener *l, struct tcp_segment *s, int64_t now);

/* timewait.c */
/* The connection ends well for its user; a TIME_WAIT record takes its place. */
void tcp_timewait_finish(struct tcp_layer *t, struct tcp *c, int64_t now);
static inline bool tcp_timewait_expired(const struct tcp_timewait *tw, int64_t now)
{
    return (int32_t)(((uint32_t)tw->expires_16ms - (tcp_ms(now) >> 4)) << 12) <= 0; /* the circle has 20 bits */
}
/* Takes it off the table: its four-tuple is free. */
void tcp_timewait_forget(struct tcp_layer *t, struct tcp_timewait *tw);
/* True when the segment was dealt with; false: the old connection is gone and the SYN may open a new one (RFC 6191). */
bool tcp_timewait_input(struct tcp_layer *t, struct tcp_timewait *tw, const struct tcp_segment *s, int64_t now);
void tcp_timewait_expire(struct tcp_layer *t, int64_t now);

/* list.c: works on doubly linked lists */
void tcp_list_push(struct tcp_layer *t, struct tcp_list *list, struct tcp_work *w);
void tcp_list_remove(struct tcp_layer *t, struct tcp_work *w);
/* Marks a connection for output. */
void tcp_mark(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);

/* input.c */
void tcp_segment_arrives(struct tcp_layer *t, struct tcp *c, struct tcp_segment *s, int64_t now);

#endif
