/* SPDX-License-Identifier: MIT */
/*
 * What an operator needs of a running box of the accelerator: its log, trace and capture (box_watch.h), a socket to look
 * into it (box_control.h), counters for Prometheus (box_metrics.h). None is on the data path when it is not asked for.
 */
#ifndef WEIR_ENGINE_BOX_H
#define WEIR_ENGINE_BOX_H

#include "engine/box_control.h"
#include "engine/box_metrics.h"
#include "engine/box_watch.h"
#include "engine/links.h"

/* Paths; NULL: not wanted, of `log` and `prometheus` what the plan says. */
struct box_options {
    const char *log, *trace, *pcap, *prometheus;
    const char *control; /* NULL: by the process id, and a box goes on without it where that cannot be */
    bool by_host;        /* what is logged, traced and captured: see box_watch.h */
    struct ip_prefix host;
    uint16_t port;
};

struct box {
    const struct plan *plan;
    const struct port_link *links;
    struct accel *accel; /* from box_begin on */
    struct box_watch watch;
    struct box_control control;
    struct box_metrics metrics;
    struct box_answers answers;
    bool is_watched;
    char warning[256]; /* "": nothing is wrong */
};

/*
 * Before there is a box: opens the files. `box` does not move until it is closed. ERR_SYSTEM, ERR_NO_MEMORY with a
 * message.
 */
MUST_CHECK int box_open(struct box *b, const struct plan *p, const struct port_link *links, const struct box_options *o,
                        const struct allocator *a, char message[256]);
/* Who watches, for accel_settings; NULL: nobody. */
static inline struct accel_watch *box_watcher(struct box *b) { return b->is_watched ? &b->watch.hook : NULL; }
/* There is a box now. Errors as above. */
MUST_CHECK int box_begin(struct box *b, struct accel *a, const struct box_options *o, int64_t now, char message[256]);
/* Behind a turn that began at `now` and answered so many SYNs. */
void box_turn(struct box *b, int64_t now, uint64_t answers);
/* As box_control_deadline(), and when the next counters are due. */
int64_t box_deadline(const struct box *b);
/* Everything is written. 0, or ERR_SYSTEM with a message: a file has not all of it. Before the box is deleted. */
int box_close(struct box *b, char message[256]);

#endif
