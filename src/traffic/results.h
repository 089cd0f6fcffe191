/* SPDX-License-Identifier: MIT */
/*
 * The results of a run as JSON in the schema of DESIGN section 5, and the verdict over the criteria of the plan.
 *
 * Everything is computed from a merged copy of the statistics; nothing here measures.
 */
#ifndef WEIR_TRAFFIC_RESULTS_H
#define WEIR_TRAFFIC_RESULTS_H

#include "config/json.h"
#include "traffic/traffic.h"

#define RESULTS_SCHEMA 1

struct results_port {
    struct link_counters link;
    char note[LINK_NOTE_BYTES]; /* its driver's link.note */
    uint64_t guard_denied[GUARD_CAUSE_COUNT];
    struct impair_counters impair;
};

struct results {
    const struct plan *plan;
    const struct traffic_stats *stats; /* merged over all workers */
    struct results_port ports[PLAN_MAX_PORTS];
    int64_t duration_ns; /* from the start to the end of the drain */
    int64_t load_ns;     /* from the start to the drain */
    int64_t prepare_ns;  /* before the start: until all hosts had their addresses */
    bool interrupted;    /* the user asked for the drain before the schedules ended */
};

#define RESULTS_CRITERIA_MAX 16
#define RESULTS_CRITERION_TEXT 160

/* One criterion of one load: "failed transactions: 3, allowed at most 0". */
struct results_criterion {
    const char *name; /* as in the configuration: "max_failed_transactions" */
    uint64_t limit, found;
    bool met;
    char text[RESULTS_CRITERION_TEXT];
};
struct results_verdict {
    uint32_t count;
    bool met; /* all of them */
    struct results_criterion list[RESULTS_CRITERIA_MAX];
};

/* Judges one load. */
void results_judge_load(const struct results *r, uint32_t number, struct results_verdict *out);
/* True when every load meets its criteria: exit code 0, else 1. */
bool results_passed(const struct results *r);

/*
 * One object: {"schema": 1, "duration_s", "passed", "loads": […], "leases": […], "servers": […], "ports": […]}. The caller
 * finishes the writer.
 */
void results_write_json(struct json_writer *w, const struct results *r);

#endif
