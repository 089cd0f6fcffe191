/* SPDX-License-Identifier: MIT */
/*
 * See box.h.
 */
#include "engine/box.h"

#include <stdio.h>

#include "base/error.h"
#include "engine/clock.h"

static void read_facts(const struct box *b, struct box_facts *out)
{
    const struct plan_accelerator *p = b->plan->accelerator;
    const struct box_watch_lost lost = box_watch_lost(&b->watch);
    const uint32_t ports[2] = {p->clients, p->servers};
    accel_shortcut_count(b->accel);
    *out = (struct box_facts){.counters = accel_counters(b->accel),
                              .max_flows = p->max_flows,
                              .max_openings = p->max_openings,
                              .answers = &b->answers,
                              .lost_lines = lost.log + lost.trace,
                              .lost_frames = lost.pcap};
    accel_occupancy(b->accel, &out->flows, &out->openings);
    for (unsigned i = 0; i < 2; i++) {
        out->names[i] = b->plan->ports[ports[i]].name;
        links_read_counters(b->links[ports[i]].top, &out->ports[i]);
    }
}

int box_open(struct box *b, const struct plan *p, const struct port_link *links, const struct box_options *o,
             const struct allocator *a, char message[256])
{
    const struct plan_accelerator *said = p->accelerator;
    const struct box_watch_settings s = {
        .log = o->log ? o->log : said->log,
        .trace = o->trace,
        .pcap = o->pcap,
        .names = {p->ports[said->clients].name, p->ports[said->servers].name},
        .by_host = o->by_host,
        .host = o->host,
        .port = o->port,
        .epoch_ns = clock_epoch(),
    };
    *b = (struct box){.plan = p, .links = links, .control = {.listening = -1, .asker = -1}};
    if (!box_watch_wanted(&s))
        return 0;
    const int error = box_watch_open(&b->watch, &s, a, message);
    b->is_watched = error == 0;
    return error;
}

static int begin_control(struct box *b, const struct box_options *o, char message[256])
{
    const int error = box_control_open(&b->control, o->control, b->accel, message);
    if (!error || o->control)
        return error;
    (void)snprintf(b->warning, sizeof b->warning, "%s; this box cannot be asked", message);
    message[0] = 0;
    return 0;
}

int box_begin(struct box *b, struct accel *a, const struct box_options *o, int64_t now, char message[256])
{
    struct box_facts facts;
    b->accel = a;
    int error = begin_control(b, o, message);
    if (error)
        return error;
    read_facts(b, &facts);
    return box_metrics_open(&b->metrics, o->prometheus ? o->prometheus : b->plan->accelerator->prometheus, &facts, now,
                            message);
}

void box_turn(struct box *b, int64_t now, uint64_t answers)
{
    if (unlikely(answers))
        box_answers_add(&b->answers, answers, clock_now() - now);
    if (unlikely(b->is_watched))
        box_watch_turn(&b->watch);
    box_control_turn(&b->control, now);
    if (unlikely(box_metrics_due(&b->metrics, now))) {
        struct box_facts facts;
        read_facts(b, &facts);
        box_metrics_put(&b->metrics, &facts, now);
    }
}

int64_t box_deadline(const struct box *b)
{
    return min_i64(box_control_deadline(&b->control), b->metrics.path ? b->metrics.due_at : TIME_NEVER);
}

int box_close(struct box *b, char message[256])
{
    struct box_facts facts;
    int error = 0;
    message[0] = 0;
    box_control_close(&b->control);
    if (b->is_watched)
        box_watch_turn(&b->watch);
    if (b->accel) {
        read_facts(b, &facts);
        error = box_metrics_close(&b->metrics, &facts, message);
    }
    const int of_files = b->is_watched ? box_watch_close(&b->watch, message) : 0;
    b->is_watched = false;
    b->accel = NULL;
    return error ? error : of_files;
}
