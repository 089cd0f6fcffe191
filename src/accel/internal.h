/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: the box, and openings. Each file's functions are below its name.
 *
 * An opening is what a flow needs until the server has the early data: how frames to both ends begin, the SYN to be
 * sent again, and the bytes that were acknowledged to the client in the server's name.
 *
 * Invariants (accel_check):
 *   1. a flow in ACCEL_OPENING has an opening; an opening belongs to one flow, which names it
 *   2. early bytes are [client_isn + 1, early_end); una <= next <= early_end; what is below una the server acknowledged,
 *      what is below acked the client was told is acknowledged; acked <= early_end
 *   3. before ACCEL_OPEN nothing was sent beyond the SYN and the early bytes in it: una = next = client_isn + 1; unless
 *      it goes ahead
 *   4. a far box has waiting packets only in ACCEL_OPENING
 *   5. at a near box, the flows of all sources together are those of the table (limits.h)
 *   6. the SYN is held only in ACCEL_OPENING, and was not sent then; a SYN with early data was sent with a cookie, and
 *      these are the first in_syn of the early bytes
 */
#ifndef WEIR_ACCEL_INTERNAL_H
#define WEIR_ACCEL_INTERNAL_H

#include "accel/answers.h"
#include "accel/fast_open.h"
#include "accel/limits.h"
#include "accel/pair.h"
#include "accel/servers.h"
#include "accel/shortcut.h"
#include "accel/watch.h"
#include "base/wheel.h"

#define ACCEL_EARLY_BYTES 65535u
#define ACCEL_EARLY_SEGMENTS                                                                                           \
    11u /* an initial window (RFC 6928) and the loss probe behind it: sent on without waiting */
#define ACCEL_HELD 16u
/* A mark takes room: a full segment of the client's goes ahead as two. */
#define ACCEL_WAITING (2 * ACCEL_EARLY_SEGMENTS)
#define ACCEL_LINK_HEADER_MAX 46u /* eight tags */

/* Early data that came in one segment: its end, and what is echoed when it is acknowledged. */
struct accel_held {
    struct seq end;
    uint32_t ts_val;
    int64_t at;
};

struct accel_opening {
    uint32_t flow;
    uint32_t buffer;                            /* of early bytes, or POOL_NONE */
    uint8_t link_header[ACCEL_LINK_HEADER_MAX]; /* of frames to the server, as the client wrote it */
    uint8_t link_header_length;
    bool vlan_stripped;
    uint16_t vlan_tci;
    uint8_t traffic_class; /* of the SYN */
    uint8_t syn_options_length;
    uint8_t syn_options[WIRE_TCP_MAX_OPTIONS];
    uint16_t syn_window;
    uint16_t client_window, server_window; /* the latest field, as sent */
    uint8_t syn_tries, syn_ack_tries, early_tries, duplicate_acks;
    uint8_t fast_open;     /* enum accel_fast_open */
    uint16_t in_syn;       /* early bytes that went with it */
    bool fin;              /* the byte before early_end is a FIN */
    struct seq early_end;  /* client's numbers */
    struct seq una, next;  /* of what goes to the server */
    struct seq client_ack; /* the latest of the client, in the server's numbers */
    struct seq acked;      /* to the client */
    struct accel_held held[ACCEL_HELD];
    uint8_t held_count, held_acked; /* of these the client was told */
    bool is_short;                  /* the latest is no full segment: the client has no more */
    bool repeated;                  /* some of what is not acknowledged came again */
    bool ahead;                     /* early data does not wait: a far box stands before the server */
    bool from_cookie;               /* the SYN that the server gets is what came back in a cookie */
    bool left;                      /* by a box that has ended: store.h */
    uint32_t epoch;                 /* of a pair's numbers */
    uint32_t told_ts;               /* the TSval of our SYN-ACK */
    uint32_t waiting_count;         /* at a far box, for the server's answer: */
    struct packet *waiting[ACCEL_WAITING];
    int64_t acked_at, client_srtt_ns;
    uint32_t cwnd;
    int64_t syn_at, syn_ack_at, early_at; /* sent last; a SYN that is held: came */
    int64_t began, rtt_ns;
};

/* Memory from which records are taken that outlive the process. */
struct accel_region {
    struct allocator allocator;
    uint8_t *at;
    size_t left;
};

struct accel {
    struct accel_settings settings;
    struct link *links[2]; /* by enum accel_side */
    struct accel_flows flows;
    struct accel_servers servers;
    struct accel_limits limits;
    int64_t cookies_until; /* some may come back */
    struct accel_fast_open_cookies cookies;
    struct pool openings, buffers;
    struct wheel wheel; /* a node for each flow */
    struct accel_region region;
    uint32_t answered;        /* SYNs that were answered nearer to the wire, and taken */
    uint32_t granted;         /* up to which they may be: room is kept for those to come */
    uint32_t shortcut_listed; /* to be published, or told that there were segments: */
    uint32_t shortcut_list[ACCEL_SHORTCUT_TURN];
    struct accel_counters counters;
    const struct allocator *allocator;
};

static inline struct accel_opening *accel_opening_of(const struct accel *a, const struct accel_flow *f)
{
    return f->opening == POOL_NONE ? NULL : pool_at(&a->openings, f->opening);
}
static inline struct seq accel_server_isn(const struct accel_flow *f) { return seq_add(f->our_isn, f->shift.sequence); }
static inline bool accel_told(const struct accel_flow *f, unsigned option) { return f->told.present & option; }
static inline bool accel_said(const struct accel_flow *f, unsigned option) { return f->said.present & option; }

/* ---- frame.c: segments of our own ---- */

struct accel_own {
    enum accel_side to;
    struct seq seq, ack; /* in the numbers of whom it goes to */
    uint16_t flags, window;
    const struct wire_tcp_options *options; /* or NULL */
    const uint32_t *mark;                   /* before them: of a pair (pair.h), or NULL */
    const uint8_t *raw_options;             /* instead of them, as they are */
    uint32_t raw_options_length;
    const uint8_t *payload;
    uint32_t payload_length;
};
/* False: the link has no room now (counted). */
bool accel_send_own(struct accel *a, const struct accel_flow *f, const struct accel_own *own, int64_t now);
/* The same; how it begins says an opening that is not the flow's. */
bool accel_send_framed(struct accel *a, const struct accel_flow *f, const struct accel_opening *frame,
                       const struct accel_own *own, int64_t now);
/* Our timestamps to a client, until the server's are known; RFC 7323 5.4: an offset of each connection's own. */
uint32_t accel_server_clock(const struct accel_flow *f, int64_t now);
/* The options of a segment to the server, or to the client: timestamps, where that end expects them. */
void accel_options_to_server(const struct accel_flow *f, struct wire_tcp_options *o, int64_t now);
void accel_options_to_client(const struct accel_flow *f, const struct accel_opening *opening,
                             struct wire_tcp_options *o, int64_t now);
/* RST to the server, where it stands if nothing was lost. False: there was no room. */
bool accel_reset_server(struct accel *a, const struct accel_flow *f, int64_t now);
/* RST to the client, in its window. */
void accel_reset_client(struct accel *a, struct accel_flow *f, int64_t now);

/* ---- near.c: the handshake ---- */

/* What becomes of a segment. */
enum accel_verdict {
    ACCEL_DROP,
    ACCEL_PASS, /* to the other side */
    ACCEL_KEPT, /* in an opening */
};

/* A segment that came in. */
struct accel_arrival {
    struct accel_segment segment;
    struct accel_key key;
    struct wire_tcp tcp;
    const uint8_t *payload;
    uint32_t payload_length;
    int64_t now;
};
/* Takes a packet apart; false: it is no segment. */
bool accel_arrival_of(struct packet *p, enum accel_side side, int64_t now, struct accel_arrival *out);
/* RFC 9293 3.7.1: every host takes it. */
uint16_t accel_least_mss(bool v6);
/* What is known of the server, as far as the client offers it too. */
struct accel_promise accel_promise_for(const struct accel *a, const struct accel_key *key,
                                       const struct accel_promise *offered, bool v6, int64_t now);
/* A flow and its opening, in no state yet; NULL: there is no room but what is kept for SYNs answered elsewhere. */
struct accel_flow *accel_flow_begin(struct accel *a, const struct accel_arrival *v, struct seq client_isn);
/* Each returns whether the segment goes on to the other side. */
bool accel_client_syn(struct accel *a, struct accel_arrival *v);
/* One that was answered nearer to the wire: a flow, and whether the SYN goes on. */
bool accel_client_answered(struct accel *a, struct accel_arrival *v, const struct accel_answered *answered);
/* The flows, and the openings for SYNs without an acknowledgement, that are left: some are kept (accel_answers_to_come). */
uint32_t accel_flows_left(const struct accel *a);
uint32_t accel_openings_left(const struct accel *a);
bool accel_opening_from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v);
bool accel_opening_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v);
void accel_send_syn(struct accel *a, struct accel_flow *f, int64_t now);
void accel_send_syn_ack(struct accel *a, struct accel_flow *f, int64_t now);
/* How frames of our own begin: as the client's SYN. */
void accel_remember_frame(struct accel_opening *o, const struct accel_arrival *v);
void accel_options_of(const struct accel_arrival *v, struct wire_tcp_options *o);
/* What a SYN or SYN-ACK with these options promises. */
struct accel_promise accel_promise_in(const struct wire_tcp_options *o, bool v6);
/* False: it is not right, and counted. */
bool accel_checksum_ok(struct accel *a, const struct accel_arrival *v);

/* ---- cookie.c: answers without state ---- */

#define ACCEL_COOKIE_LIFE (128 * NS_PER_S) /* the longest */

void accel_cookie_answer(struct accel *a, const struct accel_arrival *v, const struct wire_tcp_options *offered);
/* A segment of no flow: false: it is nothing that a cookie brought. */
bool accel_cookie_returns(struct accel *a, struct accel_arrival *v);
/* The first segment of a client whose flow has other numbers than its cookie: true: it has the cookie's now. */
bool accel_cookie_adopt(struct accel *a, struct accel_flow *f, const struct accel_arrival *v);

/* ---- early.c: data that came before the server's answer ---- */

/* Without the FIN. */
uint32_t accel_early_bytes(const struct accel_flow *f, const struct accel_opening *o);
/* What of the segment fits behind the early bytes is taken. */
void accel_early_take(struct accel *a, struct accel_flow *f, const struct accel_arrival *v);
/* What the client is promised in its SYN-ACK. */
uint16_t accel_early_window(const struct accel_flow *f);
/* Up to where the client may send. */
struct seq accel_early_edge(const struct accel_flow *f, const struct accel_opening *o);
/* The server is there: its SYN-ACK is acknowledged, with as much as its window and the path take. */
void accel_early_begin(struct accel *a, struct accel_flow *f, int64_t now);
void accel_early_from_server(struct accel *a, struct accel_flow *f, const struct accel_arrival *v);
void accel_early_timer(struct accel *a, struct accel_flow *f, int64_t now);
int64_t accel_early_deadline(const struct accel_flow *f, const struct accel_opening *o);
bool accel_early_pending(const struct accel_opening *o);
/* The opening is given back; undelivered bytes are counted. */
void accel_opening_end(struct accel *a, struct accel_flow *f);

/* As much of it as windows let pass, from what was not sent yet. */
void accel_early_send_on(struct accel *a, struct accel_flow *f, int64_t now);
/* It goes to the server at once, in the far box's numbers. */
void accel_early_ahead(struct accel *a, struct accel_flow *f);

/* ---- fast_open.c: the SYN to the server ---- */

/* A client's SYN that goes on to the server: whether it asks for a cookie, or is held. */
void accel_fast_open_begin(struct accel *a, struct accel_flow *f, struct accel_arrival *v);
/* The client is there, and perhaps early data. */
void accel_fast_open_data(struct accel *a, struct accel_flow *f, int64_t now);
/* When the SYN goes to the server, or goes again. */
int64_t accel_syn_deadline(const struct accel *a, const struct accel_opening *o);
void accel_syn_due(struct accel *a, struct accel_flow *f, int64_t now);
/* The SYN goes without from now on. */
void accel_fast_open_give_up(struct accel_opening *o);
/* Whether it can be an acknowledgement of the SYN that was sent. */
bool accel_fast_open_acknowledges(const struct accel_flow *f, const struct accel_opening *o, struct seq ack);
/* The server's SYN-ACK: what is learnt from it, and how much of the early data it acknowledges. */
void accel_fast_open_answered(struct accel *a, struct accel_flow *f, const struct accel_arrival *v);
/* The server's RST. False: it is meant. */
bool accel_fast_open_reset(struct accel *a, struct accel_flow *f, const struct accel_arrival *v);
/* ---- store.c: flows that outlive the process ---- */

/* Before anything else is made: the header is looked at, and written where there is none. */
MUST_CHECK int accel_store_begin(struct accel *a);
/* When all is made, and there are flows of an earlier box. */
void accel_store_take_over(struct accel *a, int64_t now);
/* Records were used that never were before. */
void accel_store_touched(struct accel *a);
/* Both ends of a flow that a box left in its opening; does nothing while there is no room to say so. */
void accel_store_reset(struct accel *a, struct accel_flow *f, int64_t now);
static inline bool accel_is_left(const struct accel *a, const struct accel_flow *f)
{
    return f->opening != POOL_NONE && accel_opening_of(a, f)->left;
}

/* ---- far.c: the other end of a pair ---- */

enum accel_verdict accel_far_from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v);
enum accel_verdict accel_far_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v);
/* Packets that wait in an opening go home. */
void accel_far_drop_waiting(struct accel_opening *o);

/* ---- hold.c: when it is acknowledged to the client ---- */

/* What was acknowledged so far, and the window. */
void accel_hold_tell(struct accel *a, struct accel_flow *f, int64_t now);
/* Early data grew up to early_end. */
void accel_hold_segment(struct accel_flow *f, struct accel_opening *o, bool is_short, int64_t now);
/* The client sent again what is there. */
void accel_hold_repeated(struct accel *a, struct accel_flow *f, int64_t now);
/* The client sees the server's own acknowledgement. */
void accel_hold_acknowledged(struct accel_opening *o, struct seq ack);
void accel_hold_timer(struct accel *a, struct accel_flow *f, int64_t now);
int64_t accel_hold_deadline(const struct accel_flow *f, const struct accel_opening *o);

/* ---- pass.c: a flow whose shift is known ---- */

bool accel_open_from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v);
bool accel_open_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v);

/* ---- shortcut.c: flows that are translated nearer to the wire ---- */

/* Whether a flow may be published. */
bool accel_shortcut_fits(const struct accel_flow *f);
void accel_shortcut_offer_it(struct accel *a, struct accel_flow *f);
void accel_shortcut_sync_it(const struct accel *a, struct accel_flow *f);
void accel_shortcut_take_it_back(struct accel *a, struct accel_flow *f);
/* Behind a turn. */
void accel_shortcut_turn(struct accel *a);
/* The box had a segment of a flow, or ended its opening: it goes there, where it is fit and is not there yet. */
static inline void accel_shortcut_offer(struct accel *a, struct accel_flow *f)
{
    if (unlikely(a->settings.shortcut) &&
        (f->shortcut == ACCEL_SHORTCUT_NONE || f->shortcut == ACCEL_SHORTCUT_PUBLISHED))
        accel_shortcut_offer_it(a, f);
}
/* What was seen of a flow there is seen of it here. */
static inline void accel_shortcut_sync(const struct accel *a, struct accel_flow *f)
{
    if (unlikely(f->shortcut >= ACCEL_SHORTCUT_PUBLISHED))
        accel_shortcut_sync_it(a, f);
}
/* The same, and it is not there any more. */
static inline void accel_shortcut_take_back(struct accel *a, struct accel_flow *f)
{
    if (unlikely(f->shortcut))
        accel_shortcut_take_it_back(a, f);
}

/* ---- answers.c: SYNs that are answered nearer to the wire. Each does nothing where there is nobody who does ---- */

/* Of a new box, with the flows that it has taken over. */
void accel_answers_begin(struct accel *a);
/* SYNs that were answered become flows, and go on to the server; how many. Behind a burst, before its frames. */
unsigned accel_answers_take_them(struct accel *a, int64_t now);
/* Behind a turn: how many more. */
void accel_answers_grant_them(struct accel *a, int64_t now);
/* How many may be answered that the box has not taken yet: so many flows and openings are kept for them. */
static inline uint32_t accel_answers_to_come(const struct accel *a)
{
    const int32_t n = (int32_t)(a->granted - a->answered);
    return n > 0 ? (uint32_t)n : 0;
}
/* A flow has come to be, or is about to end. */
void accel_answers_claim_it(struct accel *a, const struct accel_flow *f);
void accel_answers_release_it(struct accel *a, const struct accel_flow *f);
/* A server has answered, and a SYN of a source was counted. */
void accel_answers_learn_it(struct accel *a, const struct accel_key *key);
void accel_answers_count_it(struct accel *a, const struct accel_key *key, int64_t now);
/*
 * A client's segment of no flow. Its place is claimed until accel_answers_leave(); what was answered since the burst came is
 * taken: *f. False: its SYN was answered and is not here yet.
 */
bool accel_answers_enter(struct accel *a, const struct accel_arrival *v, struct accel_flow **f);
void accel_answers_leave(struct accel *a, const struct accel_arrival *v);
static inline unsigned accel_answers_take(struct accel *a, int64_t now)
{
    return unlikely(a->settings.answers) ? accel_answers_take_them(a, now) : 0;
}
static inline void accel_answers_grant(struct accel *a, int64_t now)
{
    if (unlikely(a->settings.answers))
        accel_answers_grant_them(a, now);
}
static inline void accel_answers_claim(struct accel *a, const struct accel_flow *f)
{
    if (unlikely(a->settings.answers))
        accel_answers_claim_it(a, f);
}
static inline void accel_answers_release(struct accel *a, const struct accel_flow *f)
{
    if (unlikely(a->settings.answers))
        accel_answers_release_it(a, f);
}
static inline void accel_answers_learn(struct accel *a, const struct accel_key *key)
{
    if (unlikely(a->settings.answers))
        accel_answers_learn_it(a, key);
}
static inline void accel_answers_count(struct accel *a, const struct accel_key *key, int64_t now)
{
    if (unlikely(a->settings.answers))
        accel_answers_count_it(a, key, now);
}

/* ---- icmp.c ---- */

/* A packet that is no segment: where it is an error about a translated one, what it quotes is translated back. */
void accel_icmp(struct accel *a, enum accel_side from, struct packet *p);

/* ---- watch.c ---- */

/* accel_arrive() before a watch. */
enum accel_verdict accel_watched(struct accel *a, enum accel_side by, struct packet *p, int64_t now);
/* A segment of ours, or one that was held, is about to leave, or does not. Nothing without a watch. */
void accel_watch_settles(struct accel *a, enum accel_fate fate, enum accel_side to, struct packet *p, int64_t now);

/* ---- accel.c ---- */

/* A frame came in by a side; ACCEL_PASS: it goes on. */
enum accel_verdict accel_arrive(struct accel *a, enum accel_side side, struct packet *p, int64_t now);

void accel_flow_state_set(struct accel *a, struct accel_flow *f, enum accel_flow_state state, int64_t now);
/* Its timer. */
void accel_flow_arm(struct accel *a, const struct accel_flow *f);
void accel_flow_touch(struct accel *a, struct accel_flow *f, int64_t now);
void accel_flow_end(struct accel *a, struct accel_flow *f);
/* Of a pair's numbers, now. */
uint32_t accel_epoch(const struct accel *a, int64_t now);
#define ACCEL_COUNT(a, name) ((a)->counters.name++)

#endif
