/* SPDX-License-Identifier: MIT */
/*
 * The connection: a 128-byte record that never moves, and a work of at most 384 bytes that it has only while something
 * is in flight, buffered or timed. RFC 9293 section 3.3.1, with its names.
 *
 * Numbered invariants, asserted by tcp_check():
 *   I1  snd_una <= snd_nxt, and both are within 2^31 of each other.
 *   I2  without a work: snd_una == snd_nxt, nothing is promised beyond it, no ACK is owed, no out-of-order data,
 *       not embryonic.
 *   I3  the send records cover [snd_una, snd_nxt) exactly, in order, without gaps or overlap (SYNs have none).
 *   I4  sacked, lost and retrans are the sums over the records; a sacked record is neither lost nor retransmitted.
 *       Those neither sacked nor waiting to be sent again are linked in order of sending.
 *   I5  runs of out-of-order frames lie beyond rcv_nxt, ordered, with gaps between them; frames of a run adjoin; both
 *       are counted.
 *   I6  FIN_SENT implies CLOSE, and snd_nxt is then one beyond the promised end.
 *   I7  a work is on at most one list.
 *   I8  rcv_adv never moves back: rcv_nxt <= rcv_adv.
 */
#ifndef WEIR_TCP_TCB_H
#define WEIR_TCP_TCB_H

#include "tcp/fsm.h"

struct tcp {
    /* first cache line: what an in-order segment touches */
    struct flow_key key;
    uint32_t generation;
    uint16_t state : 4, user : 12; /* enum tcp_state; tcp_register_user's number */
    uint8_t flags;                 /* enum tcp_record_flag */
    uint8_t send_wscale : 4, receive_wscale : 4;
    struct seq rcv_nxt;
    struct seq snd_una;
    struct seq snd_nxt; /* behind the highest byte sent; never goes back */
    uint32_t snd_wnd;   /* bytes, scaled */
    struct seq rcv_adv; /* right edge of the window we have advertised */
    uint32_t work;      /* POOL_NONE: parked */
    uint64_t word;
    /* second cache line */
    uint64_t acked;    /* stream offset of snd_una */
    uint64_t received; /* stream offset of rcv_nxt */
    uint32_t ts_recent;
    uint32_t heard_ms;       /* when the last acceptable segment came: PAWS age, keep-alive */
    uint32_t srtt_us;        /* scaled by 8; 0: no sample yet */
    uint32_t rttvar_us;      /* scaled by 4; without a sample: the initial RTO where it is not the profile's, or 0 */
    uint32_t cwnd, ssthresh; /* bytes */
    uint32_t path;
    uint32_t max_snd_wnd;
    uint32_t unconsumed;  /* bytes handed up and not consumed yet */
    uint32_t deadline_ms; /* the user's; 0: none */
    uint16_t snd_mss;     /* payload bytes of a full segment without SACK options */
    uint16_t rcv_mss;     /* largest payload seen, for delayed ACK */
    uint16_t retransmits;
    uint8_t link : 4, ecn : 3; /* ecn: enum ecn_flag */
    /* A full segment's bytes were acknowledged at once: who says that it cannot arrive is doubted */
    uint8_t full_arrived : 1;
    /* Doublings of the RTO: kept until there is a round-trip time of something sent once (RFC 6298 section 5) */
    uint8_t backoff : 6;
    /* A PSH segment came and no data was sent since; the one before was answered with data (ack_push_waits) */
    uint8_t asked : 1, answers : 1;
};
_Static_assert(sizeof(struct flow_key) == 24, "a flow key is hashed as 24 bytes");
_Static_assert(sizeof(struct tcp) == 128, "DESIGN section 3: a 128-byte record");

enum sent_flag { SENT_SACKED = 1, SENT_LOST = 2, SENT_RETRANS = 4 };

/* A run of sequence space that was sent together. */
struct sent_record {
    uint32_t next; /* pool index; must be first (free list) */
    struct seq start, end;
    uint8_t flags;         /* enum sent_flag */
    uint8_t transmissions; /* saturates at 255 */
    bool pair, pushed;     /* TCP_PUSH_PAIRS: it ends a pair, and nothing joins it; its user pushed the last byte */
    int64_t sent_at;       /* the last time */
    uint32_t older, newer; /* in order of sending, while on its way: 0 is the first record, SENT_NONE the end */
};
#define SENT_NONE UINT32_MAX

/* struct tcp_work.want: what output shall do besides sending data that may go */
enum tcp_want {
    WANT_ACK = 0x01,         /* an ACK at once */
    WANT_DELAYED_ACK = 0x02, /* an ACK within the delay, by piggyback if possible */
    WANT_SYN = 0x04,         /* SYN or SYN-ACK, first or again */
    WANT_RST = 0x08,
    WANT_PROBE = 0x10, /* zero-window probe */
    WANT_KEEPALIVE = 0x20,
    WANT_LOSS_PROBE = 0x40, /* tail loss probe, RFC 8985 */
    WANT_PUSHED_ACK = 0x80, /* beside a delayed one: at tcp_acknowledge() at the latest */
};

/* CWR: cwnd is being reduced without a loss (RFC 3168). */
enum recovery_phase { RECOVERY_OPEN, RECOVERY_CWR, RECOVERY_FAST, RECOVERY_LOSS };

/*
 * What congestion control remembers. Until the first ssthresh is set a flow is in its first slow start, which HyStart++
 * watches; the state of its congestion avoidance comes in its place, zeroed.
 */
struct growth_state {
    union {
        struct {               /* RFC 9438 */
            uint32_t epoch_ms; /* 0: begins with the next ACK */
            uint32_t w_max;    /* bytes, as all windows */
            uint32_t k_ms;
            uint32_t w_est;
            uint32_t est_rest; /* what w_est is larger by, in parts of cwnd bytes */
            uint32_t cwnd_prior;
        };
        uint32_t reno_acked;      /* bytes acknowledged in congestion avoidance since the last increase: RFC 5681 */
        struct {                  /* RFC 9406 */
            struct seq round_end; /* windowEnd; valid with round_open */
            uint32_t last_us;     /* smallest round-trip time of the last round; 0: none */
            uint32_t now_us;      /* and of this one */
            uint32_t baseline_us; /* cssBaselineMinRtt; 0: not in conservative slow start */
            uint8_t samples, css_rounds;
            bool round_open;
        };
    };
};

/* RFC 8985; its names. */
struct rack_state {
    int64_t xmit_at; /* of the most recently sent segment among those delivered */
    struct seq end;  /* and its end */
    uint32_t rtt_us; /* of that segment */
    uint32_t min_us; /* smallest round-trip time of late; 0: none */
    uint32_t min_ms; /* when it was measured */
    struct seq dsack_round;
    struct seq probe_end; /* snd_nxt when a tail loss probe was sent */
    uint8_t reo_mult;     /* quarters of the smallest round-trip time, less one: zeroed memory is the start */
    uint8_t reo_persist;  /* recoveries until it is one again */
    uint8_t displaced;    /* segments: how far one was overtaken at most */
    bool reordered : 1, in_dsack_round : 1, probe_out : 1, probe_again : 1;
};

/* What is needed to take a reduction back. */
struct undo_state {
    struct seq una;          /* of the reduction; valid with `possible` */
    uint32_t cwnd, ssthresh; /* before it */
    uint32_t again;          /* bytes sent again and not reported as duplicates */
    uint32_t first_ts;       /* TSval of the first retransmission; valid with `sent` */
    struct growth_state growth;
    bool possible : 1, sent : 1, by_timeout : 1;
};

#define TCP_SSTHRESH_NONE (UINT32_MAX / 2) /* before the first is set */
#define SACK_SEEN 3                        /* as many as fit beside timestamps */

struct tcp_work {
    uint32_t next, prev;      /* on a tcp_list; next must be first (free list) */
    uint32_t owner;           /* record index */
    uint32_t hash;            /* tcp_flow_hash of the key, when the work has been there from the start; else 0 */
    uint32_t mtu_search;      /* plpmtud.h; POOL_NONE: segments are as large as the handshake allowed */
    uint8_t want;             /* enum tcp_want */
    uint8_t acks_owed;        /* duplicate ACKs, one for each out-of-order or duplicate segment */
    uint8_t segments_unacked; /* full segments received since the last ACK */
    uint8_t dup_acks;         /* in SYN-RECEIVED: how often the peer's SYN came again */
    uint32_t listener;        /* of an embryo; POOL_NONE otherwise */
    uint32_t sent_count;      /* records in the pool */
    struct packet *ooo;       /* out of order: reassembly.h */
    struct tcp_list *on;      /* the list it is on, or NULL */
    uint64_t promised;        /* stream offset behind what the user promised */
    struct seq snd_wl1, snd_wl2;
    struct seq last_ack_sent;
    struct seq recover; /* RFC 6582: snd_nxt when recovery began; without SACK, a later one begins only beyond it */
    /* timers: absolute, TIME_NEVER when off */
    int64_t retransmit_at; /* retransmission, zero-window probe or handshake */
    int64_t ack_at;
    int64_t fin_wait_at;
    int64_t early_at;        /* reordering timer or tail loss probe: before the retransmission timer */
    int64_t challenge_until; /* no further challenge ACK before; 0: none went out lately */
    int64_t pace_at;         /* when pacing.h would let the next byte go */
    int64_t stalled_since;   /* since when snd_una waits; valid while something is in flight or persist is on */
    /* what was sent */
    struct sent_record first;
    uint32_t sent_last;             /* pool index of the last record; POOL_NONE: `first` is the only one */
    uint32_t sacked, lost, retrans; /* bytes */
    uint32_t oldest, newest;        /* records on their way in order of sending; SENT_NONE: none */
    uint32_t lost_from;             /* no record before it waits to be sent again; SENT_NONE: none does */
    uint32_t sack_from;             /* where the last block was found: search begins here */
    struct seq high_sacked;         /* end of the highest sacked byte; valid when sacked > 0 */
    uint8_t probe_backoff;          /* doublings of the time between zero-window probes */
    uint8_t retries;                /* RTOs, probes or SYNs in a row without an answer */
    bool persist : 1, probed : 1, cwnd_limited : 1, retransmit_first : 1, keepalive : 1;
    bool early_probes : 1;       /* early_at is a tail loss probe's */
    bool frto : 1, frto_new : 1; /* RFC 5682: the timeout may have been spurious; new data goes first */
    bool ooo_fin : 1;            /* a FIN waits at fin_seq */
    bool peer_wscale : 1;        /* window scaling was in the peer's SYN: our SYN-ACK may carry it */
    bool paced : 1;              /* data waits for pace_at */
    bool more : 1;               /* the user has more than it promised */
    bool rescued : 1;            /* RFC 6675's rescue retransmission of this recovery was sent */
    bool small : 1;              /* less than a full segment was sent since nothing was in flight */
    uint8_t recovery : 2;        /* enum recovery_phase */
    uint16_t ooo_runs, ooo_frames;
    struct seq ooo_latest; /* a sequence number in the block that changed last: first SACK block (RFC 2018 section 4) */
    struct seq dsack_left, dsack_right; /* to report in the next ACK when they differ (RFC 2883) */
    struct seq fin_seq;
    struct growth_state growth;
    uint32_t prr_delivered, prr_out, prr_flight; /* RFC 9937; the last is RecoverFS */
    struct rack_state rack;
    struct undo_state undo;
    struct wire_sack_block sack_seen[SACK_SEEN]; /* blocks of the last ACK: all of it is marked */
    uint64_t urgent_sent, urgent_received; /* marks, as stream offsets of their direction; of no meaning once passed */
};
_Static_assert(sizeof(struct tcp_work) <= 384, "DESIGN section 3: a work of at most 384 bytes");

struct tcp_layer;

static inline bool tcp_parked(const struct tcp *c) { return c->work == 0; }

/* The only place where a state changes: counts, traces. */
void tcp_set_state(struct tcp_layer *t, struct tcp *c, enum tcp_state state, int64_t now, const char *cause);
/* The connection's work, attached now if it has none; NULL when the pool is empty (counted drop_no_work). */
struct tcp_work *tcp_attach(struct tcp_layer *t, struct tcp *c);
/* Parks the connection when nothing needs the work any more. */
void tcp_park_if_idle(struct tcp_layer *t, struct tcp *c);
/* Gives the work back with everything it holds. */
void tcp_detach(struct tcp_layer *t, struct tcp *c);
/* A fresh record in the table with its path open, or NULL and *error. */
struct tcp *tcp_record_new(struct tcp_layer *t, unsigned user, const struct flow_key *key, uint32_t hash, int *error);
/* The record counts for another user than before, or for none (TCP_MAX_USERS). */
void tcp_count_user(struct tcp_layer *t, const struct tcp *c, unsigned user);
/* Takes back a fresh record that its user never saw. */
void tcp_record_discard(struct tcp_layer *t, struct tcp *c, uint32_t hash);
/* The connection ends for its user: closed(), off the table; memory goes back with tcp_bury_dead(). */
void tcp_finish(struct tcp_layer *t, struct tcp *c, enum tcp_close_reason reason, int64_t now);
/* Ends it with an RST to the peer. */
void tcp_finish_with_reset(struct tcp_layer *t, struct tcp *c, enum tcp_close_reason reason, int64_t now);
/* Nothing more is wanted of a dead connection: its memory goes back with the next tcp_bury_dead(). */
void tcp_bury(struct tcp_layer *t, struct tcp *c);
/* Gives back the records that ended since the last time. */
void tcp_bury_dead(struct tcp_layer *t);
/* Asserts the invariants of one connection. */
void tcp_check(const struct tcp_layer *t, const struct tcp *c);

#endif
