/* SPDX-License-Identifier: MIT */
/*
 * A simulated network of two hosts: two whole stacks, each behind an impaired link, on one thread in virtual time. One
 * seed decides everything.
 *
 * Each side sends `bytes` of a pattern and verifies what it gets; side 0 connects. The digest covers every frame that
 * entered a wire, with its time.
 */
#ifndef WEIR_TESTS_SIM_H
#define WEIR_TESTS_SIM_H

#include "accel/accel.h"
#include "impair/impair.h"
#include "stack/stack.h"

enum sim_accel {
    SIM_NO_ACCEL,
    SIM_ACCEL,         /* it does not know the server */
    SIM_ACCEL_KNOWS,   /* what the server says it knows */
    SIM_ACCEL_MISTAKES /* it believes of the server the opposite of what that says */
};

/* A far box of the accelerator before side 1. */
enum sim_pair {
    SIM_NO_PAIR,
    SIM_PAIR, /* one that the near box does not know yet */
    SIM_PAIR_KNOWN,
    SIM_PAIR_GONE /* none, but the near box believes in it */
};

/* How the near box answers SYNs. */
enum sim_cookies {
    SIM_NO_COOKIES,
    SIM_COOKIES,         /* always so */
    SIM_COOKIES_AT_FIRST /* for a second: what comes later gets a flow */
};

/* A near box with Fast Open, towards a side 1 that speaks it (fast_open_server.h). */
enum sim_fast_open {
    SIM_NO_FAST_OPEN,
    SIM_FAST_OPEN,         /* the box has no cookie yet */
    SIM_FAST_OPEN_KNOWN,   /* it has */
    SIM_FAST_OPEN_STALE,   /* it has a wrong one */
    SIM_FAST_OPEN_NOBODY,  /* it has one, and side 1 does not speak Fast Open */
    SIM_FAST_OPEN_DATA,    /* it has one, and SYNs with data get lost */
    SIM_FAST_OPEN_OPTIONS, /* it has none, and SYNs with the option get lost */
};

struct sim_cell {
    uint64_t seed;
    struct impair_settings impair; /* of both directions; seeds are set from seed */
    struct tcp_profile profile;
    uint64_t bytes[2];
    bool reset_at_end; /* side 0 aborts instead of closing */
    uint32_t mtu;
    bool v6;
    struct host_settings tags; /* of which tags and labels are used, at both sides */
    uint32_t
        gso_max[2];  /* this side's card cuts segments (TSO), of so many bytes of IP packet at once; 0: it does not */
    bool lends[2];   /* this side's user lends its bytes for large frames, instead of writing them into the frame */
    bool merge[2];   /* this side merges received segments (GRO) */
    uint32_t frames; /* of the wire's pool, and that may be held out of order; 0: enough for a small window */
    enum sim_accel accel; /* a near box of the accelerator in the middle, impaired on all four ways */
    enum sim_pair pair;
    bool syn_twice; /* from the far box to the server, whatever the round trip */
    enum sim_cookies cookies;
    int64_t kill_every_ns; /* boxes are killed and started again on the table they left; 0: never */
    enum sim_fast_open fast_open;
    bool shortcut;         /* a model of it takes established flows past the near box */
    bool near;             /* boxes are beside their sides: what is between these is not impaired */
    int64_t stop_after_ns; /* 0: until both sides ended; otherwise only what was received by then is looked at */
};

void sim_cell_default(struct sim_cell *c);
/* One line that says what the cell is, for failure messages. */
void sim_cell_print(const struct sim_cell *c, char *text, size_t size);

struct sim_result {
    const char *failure; /* NULL: all bytes arrived as they were sent, both sides ended, nothing leaked */
    uint64_t digest;     /* of all frames and their times */
    uint64_t frames;
    int64_t virtual_ns;
    uint64_t received[2];
    uint64_t stream[2]; /* digests of the bytes that arrived, however they were cut */
    uint64_t large_frames[2], lent_frames[2];
    struct tcp_counters tcp[2];
    struct accel_counters accel, far;     /* of the last that was started */
    uint64_t kills, kept, restarts_reset; /* of flows at starts of the near box */
    int64_t first_byte_ns[2];             /* when the first byte of the other side was there */
};
void sim_run(const struct sim_cell *c, struct sim_result *out);
/* The same; false when it failed, and then all about it is printed, with the seed by which WEIR_SIM_SEED repeats it. */
bool sim_cell_passes(const struct sim_cell *c, struct sim_result *out);
/* A number from the environment. */
uint64_t sim_setting(const char *name, uint64_t fallback);

#endif
