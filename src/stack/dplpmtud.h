/* SPDX-License-Identifier: MIT */
/*
 * The largest datagram that a path takes, found by probes that the other end answers: RFC 8899. For whatever sends
 * datagrams with DF and hears of their arrival: an application over UDP, echo requests, a transport of its own.
 *
 * It sends nothing and knows no clock: dplpmtud_probe says how long a probe is to leave now, and under which number;
 * the user sends it as DISCOVER_PROBE or IP_PMTUDISC_PROBE, in one piece and with nothing in it that its loss would
 * cost, and tells of its answer or of what became of it. All sizes are those of IP packets, headers included, so that
 * what routers say needs no conversion.
 *
 * Routers are believed only as a hint of what to try next (4.6.2). The user has validated that the message quotes a
 * packet of its own; here it has to fit the probe in flight as well. Once something larger arrived than a router said
 * was possible, routers are not heard until the next search.
 *
 * A search tries the largest size first, then what a router said, then well-known MTUs from their middle, then halves;
 * a size that was not answered `max_probes` times is out. Then the present size is asked for again, so that what is
 * lost on a dead path is not taken for a matter of size. Below `base` the state stays ERROR, and the search goes on
 * between `min` and `base`.
 *
 * Owner: the caller's memory, nothing to free. Invariants (dplpmtud_check):
 *   1. min <= plpmtu <= max; below base exactly in ERROR.
 *   2. Only an answered probe raises plpmtu. Only a lost probe of plpmtu's size or below, what a router said, and
 *      dplpmtud_black_hole lower it: to base, and from base, when that fails, to min.
 *   3. At most one probe is in flight; between two probes lies the longest round trip seen.
 *   4. high is the ceiling or one below the smallest size that failed in this search.
 */
#ifndef WEIR_STACK_DPLPMTUD_H
#define WEIR_STACK_DPLPMTUD_H

#include "base/compiler.h"
#include "base/time_ns.h"

#include <stdbool.h>
#include <stdint.h>

#define DPLPMTUD_STATE_LIST(X)                                                                                         \
    X(DISABLED)  /* no probes: before dplpmtud_connected, and when not even `min` is answered */                       \
    X(BASE)      /* base is to be confirmed */                                                                         \
    X(SEARCHING) /* between plpmtu, which was confirmed, and what is possible */                                       \
    X(SEARCH_COMPLETE)                                                                                                 \
    X(ERROR) /* base is not answered, less may be */
enum dplpmtud_state {
#define DPLPMTUD_STATE_ENUM(name) DPLPMTUD_##name,
    DPLPMTUD_STATE_LIST(DPLPMTUD_STATE_ENUM)
#undef DPLPMTUD_STATE_ENUM
};
const char *dplpmtud_state_name(enum dplpmtud_state state);

#define DPLPMTUD_LEAST_PROBE_NS NS_PER_S /* RFC 8899 5.1.1 */

struct dplpmtud_settings {
    uint32_t min, base, max; /* MIN_PLPMTU, BASE_PLPMTU, MAX_PLPMTU: 68 <= min <= base <= max <= 65,535 */
    uint32_t headers;        /* of each packet, all that is not the user's: less than min */
    uint32_t step;           /* what would be gained less is not tried; 1: to the byte */
    uint32_t max_probes;     /* MAX_PROBES: so often is a size asked for */
    int64_t probe_ns;        /* PROBE_TIMER, at least 1 s: the longest that an answer takes */
    int64_t raise_ns;        /* PMTU_RAISE_TIMER: after that it is searched again */
    int64_t confirm_ns;      /* CONFIRMATION_TIMER, less than raise_ns; 0: the user notices lost packets itself */
    uint32_t first_id;       /* of the first probe: random, where ids are all that tells an answer from a forged one */
};
/*
 * RFC 8899 5.1: min 68 or, over IPv6, 1280; base 1200 or 1280; max the link's MTU, which base and min do not exceed; step 1,
 * 3 probes, 16 s, 600 s and 60 s.
 */
void dplpmtud_settings_default(struct dplpmtud_settings *s, bool v4, uint32_t link_mtu);

#define DPLPMTUD_COUNTER_LIST(X)                                                                                       \
    X(probes)          /* that left */                                                                                 \
    X(confirmed)       /* probes that were answered */                                                                 \
    X(lost)            /* probes that were not, in their time */                                                       \
    X(failed)          /* sizes that were given up */                                                                  \
    X(black_holes)     /* times that a size which was confirmed did not arrive any more */                             \
    X(hints)           /* messages of routers that told what to try, or that nothing is left to try */                 \
    X(hints_ignored)   /* those that were too small, no smaller than what they quote, or of a router that was wrong */ \
    X(answers_ignored) /* to no probe of the size in question */
struct dplpmtud_counters {
#define DPLPMTUD_COUNTER_FIELD(name) uint32_t name;
    DPLPMTUD_COUNTER_LIST(DPLPMTUD_COUNTER_FIELD)
#undef DPLPMTUD_COUNTER_FIELD
};

struct dplpmtud {
    struct dplpmtud_settings settings;
    struct dplpmtud_counters counters;
    uint8_t state; /* enum dplpmtud_state */
    bool in_flight;
    bool searching; /* there may be something larger to try */
    bool doubt;     /* plpmtu is asked for before anything else */
    bool exact;     /* plpmtu is what a router said: the next step tells whether it is all */
    bool routers_wrong;
    uint32_t plpmtu;
    uint32_t high;              /* nothing larger is tried in this search */
    uint32_t size;              /* that is asked for; 0: none */
    uint32_t hint;              /* what a router said and was not tried yet; 0: nothing */
    uint32_t told;              /* the last that a router said in this search */
    uint32_t count;             /* PROBE_COUNT: probes of this size that were lost */
    uint32_t id_first, id_next; /* ids of the probes of this size: from, to before */
    int64_t sent_at, rtt_ns;
    int64_t raise_at, confirm_at;
};

/* ERR_INVALID: settings outside of what is said there. The state is DISABLED. */
MUST_CHECK int dplpmtud_init(struct dplpmtud *m, const struct dplpmtud_settings *s);
/* The other end is there (again), or it is not. */
void dplpmtud_connected(struct dplpmtud *m, int64_t now);
void dplpmtud_disconnected(struct dplpmtud *m);

/* Runs the timers. The size of a probe that leaves now, under *id, and counts as sent; or 0. */
uint32_t dplpmtud_probe(struct dplpmtud *m, int64_t now, uint32_t *id);
/* When dplpmtud_probe has something to do, or TIME_NEVER. */
int64_t dplpmtud_deadline(const struct dplpmtud *m);

/* The other end answered a probe. False: it is none of those in question, and changes nothing. */
bool dplpmtud_answered(struct dplpmtud *m, uint32_t id, int64_t now);
/* The own link or stack did not take a probe because of its size. */
void dplpmtud_refused(struct dplpmtud *m, uint32_t id, int64_t now);
/* A router told that this probe is too big, and what it takes. True: it will be tried. */
bool dplpmtud_probe_too_big(struct dplpmtud *m, uint32_t id, uint32_t mtu, int64_t now);
/* The same of a packet that was none of the probes. */
bool dplpmtud_packet_too_big(struct dplpmtud *m, uint32_t mtu, int64_t now);
/* Packets of the present size do not arrive any more (4.3). */
void dplpmtud_black_hole(struct dplpmtud *m, int64_t now);

static inline enum dplpmtud_state dplpmtud_state(const struct dplpmtud *m) { return (enum dplpmtud_state)m->state; }
/* Whether it rests: DISABLED, or a search ended and nothing is asked for. */
bool dplpmtud_at_rest(const struct dplpmtud *m);
/* No packet but probes may be larger: PLPMTU. */
static inline uint32_t dplpmtud_size(const struct dplpmtud *m) { return m->plpmtu; }
/* How much of the user's fits into one: MPS (4.4). */
static inline uint32_t dplpmtud_payload(const struct dplpmtud *m) { return m->plpmtu - m->settings.headers; }

/* For tests: whether the invariants hold. */
bool dplpmtud_check(const struct dplpmtud *m);

#endif
