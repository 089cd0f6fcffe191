/* SPDX-License-Identifier: MIT */
/*
 * See box_watch.h.
 */
#include "engine/box_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "wire/frame_text.h"

#define LOG_LINE 600u

bool box_watch_wanted(const struct box_watch_settings *s) { return s->log || s->trace || s->pcap; }

/* ---- which are shown ---- */

static bool is_shown(const struct box_watch_settings *s, const struct accel_glance *g)
{
    if (!s->by_host && !s->port)
        return true;
    return g && (!s->port || g->key.client_port == s->port || g->key.server_port == s->port) &&
           (!s->by_host || ip_prefix_contains(&s->host, &g->key.client) ||
            ip_prefix_contains(&s->host, &g->key.server));
}

/* ---- the log ---- */

static void log_frame(struct box_watch *w, enum accel_side side, char way, const struct packet *p, int64_t now)
{
    char line[LOG_LINE];
    const int64_t at = now + w->settings.epoch_ns;
    int n = snprintf(line, sizeof line, "%lld.%09lld %.64s %c %zu ", (long long)(at / NS_PER_S),
                     (long long)(at % NS_PER_S), w->settings.names[side], way, packet_total_length(p));
    if (p->vlan_present)
        n += snprintf(line + n, sizeof line - (size_t)n, "vlan %u ", p->vlan_tci & 0xfffu);
    const size_t room = sizeof line - (size_t)n - 1; /* the newline's */
    const size_t text = (size_t)wire_frame_print(line + n, room, p->data, p->len, true);
    n += (int)(text < room ? text : room - 1);
    line[n++] = '\n';
    box_lines_put(&w->log, line, (size_t)n);
}

/* ---- the trace ---- */

static void end_held_lines(struct box_watch *w)
{
    if (w->held)
        box_lines_put(&w->trace, w->lines, w->held);
    w->held = 0;
}

/* Segments that the box sends on account of a frame come behind it. */
static void trace_line(struct box_watch *w, const struct accel_sight *s, const char *line, size_t length)
{
    if (s->fate != ACCEL_FATE_OWN || !w->is_open) {
        box_lines_put(&w->trace, line, length);
        return;
    }
    if (w->held + length > sizeof w->lines)
        end_held_lines(w);
    memcpy(w->lines + w->held, line, length);
    w->held += (uint32_t)length;
}

static void trace_segment(struct box_watch *w, const struct accel_sight *s, const struct accel_glance *before,
                          const struct accel_glance *after)
{
    char line[ACCEL_TRACE_LINE];
    const int length = accel_trace_print(line, s, before, after, w->settings.epoch_ns);
    trace_line(w, s, line, min_u32((uint32_t)length, sizeof line - 1));
}

/* ---- the hook ---- */

static void arrives(void *context, enum accel_side by, struct packet *p, int64_t now)
{
    struct box_watch *w = context;
    w->is_segment = accel_glance_at(p, by, &w->before);
    w->is_shown = is_shown(&w->settings, w->is_segment ? &w->before : NULL);
    w->is_open = true;
    if (!w->is_shown)
        return;
    if (box_lines_wanted(&w->log))
        log_frame(w, by, '<', p, now);
    if (box_pcap_wanted(&w->pcap))
        box_pcap_arrives(&w->pcap, by, p, now);
}

static bool leaves(enum accel_fate fate)
{
    return fate == ACCEL_FATE_PASSED || fate == ACCEL_FATE_RELEASED || fate == ACCEL_FATE_OWN;
}

static void show(struct box_watch *w, const struct accel_sight *s, const struct accel_glance *before,
                 const struct accel_glance *after)
{
    char change[ACCEL_TRACE_LINE] = "";
    if (box_lines_wanted(&w->trace) && (before || after))
        trace_segment(w, s, before, after ? after : before);
    if (box_lines_wanted(&w->log) && leaves(s->fate))
        log_frame(w, s->to, '>', s->packet, s->now);
    if (!box_pcap_wanted(&w->pcap))
        return;
    if (before && after && s->fate == ACCEL_FATE_PASSED)
        (void)accel_trace_changes(change, before, after);
    box_pcap_settles(&w->pcap, s, change);
}

static void settles(void *context, const struct accel_sight *s)
{
    struct box_watch *w = context;
    const enum accel_side by = s->to == ACCEL_CLIENTS ? ACCEL_SERVERS : ACCEL_CLIENTS;
    const bool arrived = s->fate != ACCEL_FATE_OWN && s->fate != ACCEL_FATE_RELEASED && w->is_open;
    struct accel_glance after;
    const bool is_segment = accel_glance_at(s->packet, by, &after);
    if (arrived ? w->is_shown : is_shown(&w->settings, is_segment ? &after : NULL))
        show(w, s, arrived && w->is_segment ? &w->before : NULL, is_segment ? &after : NULL);
    if (!arrived)
        return;
    end_held_lines(w);
    w->is_open = false;
}

/* ---- open and close ---- */

int box_watch_open(struct box_watch *w, const struct box_watch_settings *s, const struct allocator *a,
                   char message[256])
{
    *w = (struct box_watch){.settings = *s, .hook = {.arrives = arrives, .settles = settles, .context = w}};
    int error = box_lines_open(&w->log, s->log, a, message);
    if (!error)
        error = box_lines_open(&w->trace, s->trace, a, message);
    if (!error)
        error = box_pcap_open(&w->pcap, s->pcap, s->names, s->epoch_ns, a, message);
    if (error) {
        char ignored[256];
        (void)box_watch_close(w, ignored);
    }
    return error;
}

void box_watch_turn(struct box_watch *w) { box_pcap_flush(&w->pcap); }

struct box_watch_lost box_watch_lost(const struct box_watch *w)
{
    return (struct box_watch_lost){
        .log = box_lines_lost(&w->log), .trace = box_lines_lost(&w->trace), .pcap = box_pcap_lost(&w->pcap)};
}

static int note(int error, const char *path, int before, char message[256])
{
    if (error && path)
        (void)snprintf(message, 256, "cannot write %.120s: %s", path, strerror(errno));
    return before ? before : error;
}

int box_watch_close(struct box_watch *w, char message[256])
{
    int error = note(box_lines_close(&w->log), w->settings.log, 0, message);
    error = note(box_lines_close(&w->trace), w->settings.trace, error, message);
    return note(box_pcap_close(&w->pcap), w->settings.pcap, error, message);
}
