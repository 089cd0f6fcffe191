/* SPDX-License-Identifier: MIT */
/*
 * A box's counters as a file for Prometheus (the text exposition format 0.0.4, as node_exporter's textfile collector reads
 * it): written each second and at the end beside its place, and then renamed, so that a reader finds a whole one. A
 * thread of its own writes it; the data path only prints the text.
 */
#ifndef WEIR_ENGINE_BOX_METRICS_H
#define WEIR_ENGINE_BOX_METRICS_H

#include <pthread.h>
#include <stdatomic.h>

#include "accel/accel.h"

#define BOX_METRICS_TEXT 32768u

/*
 * How long clients waited for the answer to their SYNs: from the moment the box took them off the link to the end of
 * that turn. Bounds in microseconds.
 */
#define BOX_ANSWER_BOUNDS                                                                                              \
    {                                                                                                                  \
        10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000                                                             \
    }
#define BOX_ANSWER_BUCKETS 11u /* the last without bound */
struct box_answers {
    uint64_t count[BOX_ANSWER_BUCKETS]; /* not cumulative */
    uint64_t sum_ns;
};
void box_answers_add(struct box_answers *h, uint64_t answers, int64_t took_ns);

struct box_facts {
    const struct accel_counters *counters;
    uint32_t flows, openings, max_flows, max_openings;
    const struct box_answers *answers;
    uint64_t lost_lines, lost_frames; /* of the log and trace; of the capture */
    const char *names[2];             /* of the ports, by side */
    struct link_counters ports[2];
};
/* The text; returns its length, which may be larger than the room: then it is cut. */
size_t box_metrics_print(char *to, size_t size, const struct box_facts *f);

struct box_metrics {
    const char *path; /* NULL: not wanted */
    int64_t due_at;
    atomic_bool full, ends; /* there is a text to write; no more will come */
    atomic_int failed;      /* errno, of the last attempt */
    bool runs;
    pthread_t thread;
    size_t length;
    char text[BOX_METRICS_TEXT];
};

/* path NULL: not wanted; else a first file is written. ERR_SYSTEM, ERR_NO_MEMORY with a message. */
MUST_CHECK int box_metrics_open(struct box_metrics *m, const char *path, const struct box_facts *f, int64_t now,
                                char message[256]);
/* Whether a new text is wanted: a second has gone by, and the last one is written. */
static inline bool box_metrics_due(const struct box_metrics *m, int64_t now) { return m->path && now >= m->due_at; }
void box_metrics_put(struct box_metrics *m, const struct box_facts *f, int64_t now);
/* Writes the last one. ERR_SYSTEM with a message. */
int box_metrics_close(struct box_metrics *m, const struct box_facts *f, char message[256]);

#endif
