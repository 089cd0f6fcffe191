/* SPDX-License-Identifier: MIT */
/*
 * The connections that the box translates, by their four numbers and VLAN, and what each end was told.
 *
 * A record is at most 128 bytes and never moves. What is needed only until the server has the early data lies in an
 * opening (opening.h). Owned by one thread.
 */
#ifndef WEIR_ACCEL_FLOW_H
#define WEIR_ACCEL_FLOW_H

#include <stdatomic.h>

#include "accel/accel.h"
#include "accel/rewrite.h"
#include "accel/translate.h"
#include "base/pool.h"
#include "base/table.h"
#include "wire/ip_addr.h"

struct accel_key {
    struct ip_addr client, server;
    uint16_t client_port, server_port;
    uint16_t vlan; /* the outermost VID; 0: none */
    uint16_t zero;
};

enum accel_flow_state {
    ACCEL_FREE,
    ACCEL_OPENING, /* the client's SYN was answered; the server has said nothing yet */
    ACCEL_OPEN,    /* the shift is known */
    ACCEL_CLOSED,  /* both FINs were acknowledged; stragglers are still translated */
    ACCEL_RESET,   /* RST went to whom it concerned; the same */
};

enum accel_flow_flag {
    ACCEL_CLIENT_THERE = 1, /* the client has acknowledged our SYN-ACK */
    ACCEL_SERVER_THERE = 2, /* the server has sent something beyond its SYN-ACK */
    ACCEL_CLIENT_FIN = 4,   /* client_fin is valid; and so on */
    ACCEL_SERVER_FIN = 8,
    ACCEL_CLIENT_FIN_ACKED = 16,
    ACCEL_SERVER_FIN_ACKED = 32,
    ACCEL_RST_TO_CLIENT = 64, /* in ACCEL_RESET: whom it concerned */
    ACCEL_RST_TO_SERVER = 128,
};

/* What one end says in the SYN-ACK. */
struct accel_promise {
    uint16_t mss;
    uint8_t wscale;
    uint8_t present; /* TCP_OPT_WSCALE, TCP_OPT_SACK_PERMITTED, TCP_OPT_TIMESTAMPS */
};

struct accel_flow {
    struct accel_key key;
    struct accel_shift shift; /* from ACCEL_OPEN on */
    struct seq client_isn, our_isn;
    struct seq client_end, server_end; /* behind the last byte that was seen, in the sender's own numbers */
    struct seq client_fin, server_fin; /* behind the FIN, the same */
    uint32_t client_ts, server_ts;     /* the latest TSval, as sent */
    uint32_t client_clock;             /* the TSval of the client's SYN less the milliseconds of that time */
    uint32_t opening;                  /* or POOL_NONE */
    struct accel_promise told, said;   /* the client by us; us by the server, from ACCEL_OPEN on */
    uint16_t client_mss;
    uint8_t client_wscale;
    uint8_t state;           /* enum accel_flow_state */
    uint8_t flags;           /* enum accel_flow_flag */
    uint8_t shortcut;        /* enum accel_shortcut_state; of this process */
    uint16_t syn_ack_window; /* at a far box: the server's */
    /* For those who look on: */
    uint32_t began_ms;                   /* of the box's time, modulo 2^32 */
    uint16_t client_wraps, server_wraps; /* how often 2^32 bytes were passed */
    uint16_t early_bytes;                /* when the opening is over */
    uint16_t waited_100us; /* from the SYN to the server's answer; UINT16_MAX: so long or longer; 0: not yet */
    uint32_t shortcut_number;
    int64_t seen_at;
};
static_assert(sizeof(struct accel_flow) <= 128, "a flow takes at most 128 bytes");

/*
 * The only way to another state. Whoever finds the record after the process has ended between two stores (store.h) sees
 * what belongs to the state written, and nothing of what comes after it.
 */
static inline void accel_flow_publish(struct accel_flow *f, enum accel_flow_state state)
{
    atomic_signal_fence(memory_order_seq_cst);
    f->state = (uint8_t)state;
    atomic_signal_fence(memory_order_seq_cst);
}

struct accel_flows {
    struct pool pool;
    struct table by_key;
    struct hash_key secret;
};

/* Records of their own allocator: they may outlive the process (store.h). ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int accel_flows_init(struct accel_flows *f, const struct allocator *records, const struct allocator *a,
                                uint32_t max, const struct hash_key *secret);
void accel_flows_free(struct accel_flows *f);
/* The VID of a frame's outermost tag, stripped or not; 0: none. */
uint16_t accel_outer_vid(const struct packet *p);
/* The key of a segment that came in on a side. */
void accel_key_of(const struct accel_segment *s, enum accel_side from, struct accel_key *out);
static inline struct accel_flow *accel_flow_at(const struct accel_flows *f, uint32_t i) { return pool_at(&f->pool, i); }
/* The flow's number, or POOL_NONE. */
uint32_t accel_flow_find(const struct accel_flows *f, const struct accel_key *key);
/* A flow with this key and nothing else; POOL_NONE: the table is full. There is none yet. */
uint32_t accel_flow_add(struct accel_flows *f, const struct accel_key *key);
void accel_flow_remove(struct accel_flows *f, uint32_t i);
/* The record that is there already becomes found by its key. */
MUST_CHECK int accel_flow_index(struct accel_flows *f, uint32_t i);

#endif
