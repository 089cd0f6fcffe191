/* SPDX-License-Identifier: MIT */
/*
 * What the files of a simulated network share (sim.h).
 */
#ifndef WEIR_TESTS_SIM_INTERNAL_H
#define WEIR_TESTS_SIM_INTERNAL_H

#include "digest_link.h"
#include "sim.h"

#define SIM_TIME_WAIT (3600 * NS_PER_S)             /* so long that no FIN, however often lost, comes after it */
#define SIM_SETTLE (SIM_TIME_WAIT + 400 * NS_PER_S) /* longer than TIME_WAIT and any leftover timer */
#define SIM_PORT 80

struct side {
    struct sim *sim;
    struct link *wire; /* a link over the memory end that digests what is sent; what impair sends into */
    struct link *top;
    struct guard guard;
    struct stack *stack;
    struct tcp_ref ref;
    uint64_t to_send, to_receive, received;
    int64_t first_at;
    uint64_t stream;
    uint64_t salt, peer_salt;
    uint8_t *lent; /* all bytes to send, where they are lent */
    bool fin, closed;
    enum tcp_close_reason reason;
};

struct sim {
    const struct sim_cell *cell;
    struct side side[2];
    int64_t now;
    struct digest digest;
    const char *failure;
    struct accel *box[2];   /* the near one, the far one */
    struct link *middle[4]; /* their links, impaired */
    struct accel_settings settings[2];
    struct shortcut_model *shortcut;
    int64_t kill_at;
    uint64_t kills, kept, restarts_reset;
};

/* The first of these is told. */
void sim_fail(struct sim *s, const char *why);
struct ip_addr sim_address(const struct sim *s, unsigned side);
bool sim_has_far(const struct sim *s);
/* What is sent on a hop: 0 between side 0 and the near box, 1 the network, 2 between the far box and side 1. */
struct impair_settings sim_impairment(const struct sim *s, unsigned hop, uint64_t salt);
/* A piece of cable. */
void sim_wire(struct sim *s, struct link *ends[2]);

/* ---- sim_boxes.c ---- */

/* A box at the end of what there is so far; its other side becomes the end. */
void sim_append_box(struct sim *s, enum accel_role role, struct link **end);
/* The near one twice: for what the far one's link let go. */
unsigned sim_turn_boxes(struct sim *s);
/* Boxes whose time has come are killed and started again on the tables they left. */
void sim_maybe_kill(struct sim *s);
void sim_end_boxes(struct sim *s, struct sim_result *out);

#endif
