/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's shortcut (accel/shortcut.h, accel/answers.h) on the kernel's XDP hook: bpf/accel.bpf.c on both devices
 * of the box, and its maps. Native XDP alone: the generic hook stands where the kernel has made a packet of every frame already, and
 * would gain nothing. Programs and maps are gone when the process ends, however that comes about.
 *
 * Where it cannot be, the box is as without it, and the reason is told.
 */
#ifndef WEIR_ENGINE_SHORTCUT_H
#define WEIR_ENGINE_SHORTCUT_H

#include "accel/shortcut.h"
#include "engine/shortcut_answers.h"
#include "link/xdp.h"
#include "traffic/plan.h"

struct accel_bpf;
struct shortcut_gate;

struct shortcut {
    struct accel_shortcut hook; /* of the box, while it is open */
    struct shortcut_answers answers;
    struct accel_bpf *program;   /* NULL: it is not there */
    int flows, totals;           /* maps */
    struct shortcut_gate *gates; /* in memory of the kernel's */
    uint32_t number;             /* of the last gate that was given */
    struct xdp_attachment attached[2];
    struct shortcut_totals *by_cpu;
    uint32_t cpus;
    const struct allocator *allocator;
};

/*
 * For a plan with an accelerator, whose ports are open; is_watched: somebody wants to see every segment. ERR_UNSUPPORTED
 * (also: what the plan says does not go with it), ERR_NOT_FOUND, ERR_DENIED, ERR_IN_USE, ERR_SYSTEM, ERR_NO_MEMORY, and
 * a message. `s` does not move while it is open.
 */
MUST_CHECK int shortcut_open(struct shortcut *s, const struct plan *p, bool is_watched, const struct allocator *a,
                             char message[256]);
/* Also after it failed, or of zeroed memory. The box is gone. */
void shortcut_close(struct shortcut *s);
static inline bool shortcut_is_open(const struct shortcut *s) { return s->program != NULL; }
/* For the box: who answers SYNs too; NULL: it does that alone. */
const struct accel_answers *shortcut_answerer(const struct shortcut *s, const struct plan_accelerator *p);
/* Becomes readable when a SYN was answered; -1: there is none. */
static inline int shortcut_descriptor(const struct shortcut *s) { return shortcut_is_open(s) ? s->answers.ring : -1; }

#endif
