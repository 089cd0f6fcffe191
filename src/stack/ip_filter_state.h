/* SPDX-License-Identifier: MIT */
/*
 * Inside the packet filter: its connections. Each is in the hash table (keyed, since peers choose what is hashed) under
 * its key, whose ends are in the order of their addresses and not of their roles, and in the list of its class, the
 * one longest in it first. A list's timeout is the same for all, so that expiry looks at heads only. Confirmed
 * connections go to the end not with each packet, which would touch their neighbours, but an eighth of the timeout
 * later at the latest (slack); so much later they may be forgotten, and from their timeout on no packet finds them.
 *
 * Unconfirmed connections, whose opener has not yet answered the answer, are not moved back when more of their packets
 * come: a flood cannot keep its own, and the oldest of all of them gives way when the table is full, then the oldest
 * closed one. What a real peer confirmed never does. Answered ones are no better than the others: a server answers
 * every SYN of a flood, and while a table is full of these a new one must not be the first to go.
 *
 * Invariants (connections_check): lists, table and free list share out all records; lists are in the order of `since`.
 */
#ifndef WEIR_STACK_IP_FILTER_STATE_H
#define WEIR_STACK_IP_FILTER_STATE_H

#include "base/seq.h"
#include "base/table.h"
#include "stack/ip_filter.h"

/* Hashed as it is: nothing in it may be padding. */
struct connection_key {
    struct ip_addr low, high;
    uint16_t low_port, high_port;
    uint32_t protocol;
};
_Static_assert(sizeof(struct connection_key) == 40, "hashed as 40 bytes");

/* What is known of one end of a TCP connection (van Rooij, "Real Stateful TCP Packet Filtering in IP Filter"). */
struct connection_end {
    struct seq end;      /* behind the last byte it sent */
    struct seq limit;    /* behind the last that the other end ever had a window for */
    struct seq acked;    /* the highest number it acknowledged; before it answers: the SYN's */
    uint32_t max_window; /* it advertised, in bytes, at least 1 */
    uint8_t shift;       /* of its window */
    uint8_t offered;     /* of its SYN: shift + 1, 0: no option */
    bool finished;       /* a FIN of it was seen */
};

enum connection_side { CONNECTION_OPENER, CONNECTION_ANSWERER };

/* Two cache lines: the second is what a packet of it changes. */
struct connection {
    struct connection_key key;
    uint32_t tag;
    uint32_t next, previous; /* of the class or of the free ones */
    uint8_t class;
    bool opener_is_high;
    bool answered;
    int64_t since; /* its place in the list */
    int64_t seen;  /* the last packet from which its timeout counts, at most the class's slack behind `since` */
    struct connection_end ends[2]; /* TCP, by side */
} CACHE_ALIGNED;
_Static_assert(sizeof(struct connection) == 128, "ip_filter.h says what a connection takes");

struct connection_list {
    uint32_t first, last;
};

struct connections {
    struct connection *records; /* 1 to capacity; 0 is none */
    uint32_t capacity, used, free;
    struct table table;
    struct connection_list lists[IP_FILTER_CLASSES];
    int64_t timeouts[IP_FILTER_CLASSES], slacks[IP_FILTER_CLASSES];
    struct hash_key hash_key;
    struct ip_filter_counters *counters;
    const struct allocator *allocator;
};

MUST_CHECK int connections_init(struct connections *t, const struct ip_filter_settings *s, const struct allocator *a,
                                struct ip_filter_counters *counters);
void connections_free(struct connections *t);

/*
 * The connection a flow is of, and which end sent it; NULL: there is none. One whose time is over is forgotten first.
 */
struct connection *connections_find(struct connections *t, const struct ip_filter_flow *flow, int64_t now,
                                    enum connection_side *side);
/* A new one that the flow opens; NULL: the table is full of confirmed ones. */
struct connection *connections_open(struct connections *t, const struct ip_filter_flow *flow,
                                    enum ip_filter_class class, int64_t now);
/* Into a class, or a packet that prolongs its time in the same one. */
void connections_set_class(struct connections *t, struct connection *c, enum ip_filter_class class, int64_t now);
void connections_remove(struct connections *t, struct connection *c);
uint32_t connections_expire(struct connections *t, int64_t now, uint32_t budget);
int64_t connections_next_deadline(const struct connections *t);
bool connections_check(const struct connections *t);

/* ---- TCP, in ip_filter_tcp.c ---- */

/* What a segment is to its connection (NULL: it has none). Changes nothing but a counter of why it is invalid. */
enum ip_filter_state connection_tcp_judge(const struct connection *c, enum connection_side side,
                                          const struct ip_filter_packet *p, struct ip_filter_counters *counters);
/* The segment that opens a connection. */
void connection_tcp_open(struct connection *c, const struct ip_filter_packet *p);
/* A segment of the connection that was judged established and accepted. */
void connection_tcp_accept(struct connections *t, struct connection *c, enum connection_side side,
                           const struct ip_filter_packet *p, int64_t now);
/* Whether a SYN judged new opens the connection once more, in the place of this one. */
bool connection_tcp_reopens(const struct connection *c, enum connection_side side, const struct ip_filter_packet *p);
/* Whether an ICMP error can be about a segment that this end sent with that sequence number. */
bool connection_tcp_quotes(const struct connection *c, enum connection_side side, uint32_t sequence);

#endif
