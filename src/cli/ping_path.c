/* SPDX-License-Identifier: MIT */
/*
 * The path MTU to a host: see ping_path.h. The numbers of the pinger's requests are the ids of the search.
 */
#include "cli/ping_path.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "config/json.h"
#include "engine/clock.h"
#include "stack/dplpmtud.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define JSON_INDENT 2u

struct search {
    const struct ping_path *path;
    struct dplpmtud mtu;
    uint32_t headers, link_mtu;
    bool silent;           /* standard output is for JSON */
    uint32_t asked;        /* the size of the last probe */
    struct ip_addr router; /* that was believed last */
    uint32_t router_mtu;
    int unsent;       /* why the last one could not leave, that could not */
    bool unreachable; /* somebody said so of the destination, or the next hop does not answer */
    int64_t duration_ns;
};

/* What bounds a path; names as in the JSON. */
#define BOUND_LIST(X)                                                                                                  \
    X(NOTHING, nothing)       /* no probe was answered */                                                              \
    X(LINK, link)             /* the own link */                                                                       \
    X(ROUTER, router)         /* one told its MTU */                                                                   \
    X(BLACK_HOLE, black_hole) /* larger ones get lost, and nobody tells */                                             \
    X(INTERRUPT, interrupt)   /* Ctrl-C: larger ones may be possible */
enum bound {
#define BOUND_ENUM(name, text) BOUND_##name,
    BOUND_LIST(BOUND_ENUM)
#undef BOUND_ENUM
};
static const char *const bound_names[] = {
#define BOUND_NAME(name, text) #text,
    BOUND_LIST(BOUND_NAME)
#undef BOUND_NAME
};

static enum bound bound_of(const struct search *s)
{
    uint32_t size = dplpmtud_size(&s->mtu);
    if (s->mtu.counters.confirmed == 0 || dplpmtud_state(&s->mtu) == DPLPMTUD_DISABLED)
        return BOUND_NOTHING;
    if (!dplpmtud_at_rest(&s->mtu))
        return BOUND_INTERRUPT;
    if (size == s->link_mtu)
        return BOUND_LINK;
    return size == s->router_mtu ? BOUND_ROUTER : BOUND_BLACK_HOLE;
}

/* ---- what becomes of probes ---- */

static bool talks(const struct search *s) { return !s->path->quiet && !s->silent; }

static void too_big(struct search *s, const struct pinger_event *event, int64_t now)
{
    const struct icmp_echo *e = event->echo;
    char text[IP_ADDR_TEXT];
    bool believed = dplpmtud_probe_too_big(&s->mtu, (uint32_t)event->sequence, e->mtu, now);
    ip_addr_print(text, sizeof text, &e->reporter);
    if (talks(s))
        printf("%5" PRIu32 " bytes: too big for %s, which takes %" PRIu32 "%s\n", s->asked, text, e->mtu,
               believed ? "" : " (ignored)");
    if (!believed)
        return;
    s->router = e->reporter;
    s->router_mtu = e->mtu;
}

static void replied(struct search *s, const struct pinger_event *event, int64_t now)
{
    if (dplpmtud_answered(&s->mtu, (uint32_t)event->sequence, now) && talks(s))
        printf("%5" PRIu32 " bytes: answered after %.6f ms\n", s->asked, (double)event->rtt_ns / (double)NS_PER_MS);
}

static void failed_to_leave(struct search *s, const struct pinger_event *event, int64_t now)
{
    if (event->kind == PINGER_UNSENT && event->error == ERR_NO_SPACE)
        dplpmtud_refused(&s->mtu, (uint32_t)event->sequence, now);
    else if (event->kind == PINGER_UNSENT)
        s->unsent = event->error;
    else
        s->unreachable |= event->error == ERR_UNREACHABLE;
}

static void told(void *context, const struct pinger_event *event)
{
    struct search *s = context;
    int64_t now = clock_now();
    if (event->kind == PINGER_REPLY)
        replied(s, event, now);
    else if (event->kind == PINGER_ERROR && event->error == ERR_NO_SPACE && event->echo)
        too_big(s, event, now);
    else
        failed_to_leave(s, event, now);
    fflush(stdout);
}

/* ---- the search ---- */

static int begin(struct search *s, const struct pinger_settings *from, const struct pinger *p)
{
    struct dplpmtud_settings t;
    bool v4 = ip_addr_is_v4(&from->destination);
    s->link_mtu = pinger_mtu(p);
    s->headers = WIRE_ICMP_LEN + (v4 ? WIRE_IPV4_MIN : WIRE_IPV6_LEN);
    dplpmtud_settings_default(&t, v4, s->link_mtu);
    t.probe_ns = from->timeout_ns;
    t.confirm_ns = 0;
    t.first_id = 1;
    int e = dplpmtud_init(&s->mtu, &t);
    if (e == 0)
        dplpmtud_connected(&s->mtu, clock_now());
    return e;
}

static void ask(struct search *s, struct pinger *p)
{
    uint32_t id, failed = s->mtu.counters.failed;
    uint32_t size = dplpmtud_probe(&s->mtu, clock_now(), &id);
    if (s->mtu.counters.failed > failed && talks(s)) {
        printf("%5" PRIu32 " bytes: no answer to %" PRIu32 " probes\n", s->asked, s->mtu.settings.max_probes);
        fflush(stdout);
    }
    if (size == 0)
        return;
    s->asked = size;
    uint64_t sequence = pinger_probe(p, size - s->headers);
    assert((uint32_t)sequence == id);
    (void)sequence;
}

static void run(struct search *s, struct pinger *p)
{
    int64_t began = clock_now();
    interrupt_install(-1);
    while (interrupt_count() == 0 && !dplpmtud_at_rest(&s->mtu)) {
        ask(s, p);
        pinger_serve(p, dplpmtud_deadline(&s->mtu));
    }
    s->duration_ns = clock_now() - began;
}

/* ---- the report ---- */

static void print_bound(const struct search *s, enum bound bound)
{
    char text[IP_ADDR_TEXT];
    switch (bound) {
    case BOUND_LINK:
        puts("confirmed by echo, all that the link takes");
        break;
    case BOUND_ROUTER:
        ip_addr_print(text, sizeof text, &s->router);
        printf("confirmed by echo, told by %s\n", text);
        break;
    case BOUND_BLACK_HOLE:
        puts("confirmed by echo; longer ones are lost in a black hole: nobody says that they are too big");
        break;
    default:
        puts("confirmed by echo; interrupted, there may be more");
    }
}

static void print_nothing(const struct search *s)
{
    printf("path MTU to %s: unknown, no answer to any size%s%s\n", s->path->destination,
           s->unreachable ? ": it or the next hop is unreachable" : "", s->unsent ? ": probes could not be sent" : "");
}

static void print_result(const struct search *s, enum bound bound)
{
    const struct dplpmtud_counters *c = &s->mtu.counters;
    if (bound == BOUND_NOTHING) {
        print_nothing(s);
    } else {
        printf("path MTU to %s: %" PRIu32 " bytes, ", s->path->destination, dplpmtud_size(&s->mtu));
        print_bound(s, bound);
    }
    printf("%" PRIu32 " probes, %" PRIu32 " answered, %" PRIu32 " too big for a router, %" PRIu32 " lost, time %" PRId64
           "ms\n",
           c->probes, c->confirmed, c->hints, c->lost, s->duration_ns / NS_PER_MS);
}

static void put_result(struct json_writer *w, const struct search *s, enum bound bound)
{
    const struct dplpmtud_counters *c = &s->mtu.counters;
    char text[IP_ADDR_TEXT];
    json_begin_object(w);
    json_member_u64(w, "schema", 1);
    json_member_string(w, "location", s->path->location);
    json_member_string(w, "source", s->path->source);
    json_member_string(w, "destination", s->path->destination);
    json_member_u64(w, "link_mtu", s->link_mtu);
    json_member_u64(w, "path_mtu", bound == BOUND_NOTHING ? 0 : dplpmtud_size(&s->mtu));
    json_member_string(w, "bound", bound_names[bound]);
    if (bound == BOUND_ROUTER) {
        ip_addr_print(text, sizeof text, &s->router);
        json_member_string(w, "router", text);
    }
    json_member_u64(w, "probes", c->probes);
    json_member_u64(w, "answered", c->confirmed);
    json_member_u64(w, "too_big", c->hints);
    json_member_u64(w, "lost", c->lost);
    json_member_double(w, "duration_s", (double)s->duration_ns / (double)NS_PER_S);
    json_end_object(w);
}

static int write_json(const struct search *s, enum bound bound)
{
    struct json_writer w;
    output_begin(s->path->json);
    json_writer_init(&w, output_sink, s->path->json, JSON_INDENT);
    put_result(&w, s, bound);
    if (json_finish(&w) < 0)
        s->path->json->failed = true;
    return output_finish(s->path->json);
}

static int conclude(const struct search *s)
{
    enum bound bound = bound_of(s);
    if (!s->silent)
        print_result(s, bound);
    if (s->path->json->file && write_json(s, bound) != EXIT_MET)
        return EXIT_REFUSED;
    int result = flush_standard_output();
    if (result != EXIT_MET)
        return result;
    return bound == BOUND_NOTHING || bound == BOUND_INTERRUPT ? EXIT_NOT_MET : EXIT_MET;
}

int ping_path_find(const struct ping_path *path, const struct pinger_settings *from)
{
    struct search s = {.path = path, .silent = path->json->file == stdout};
    struct pinger *pinger;
    char message[256];
    int e = pinger_new(from, alloc_heap(), told, &s, &pinger, message);
    if (e < 0) {
        complain("ping: %s", message);
        return e == ERR_NO_ROUTE ? EXIT_USAGE : exit_code_of(e);
    }
    if ((e = begin(&s, from, pinger)) < 0) {
        complain("ping: --path-mtu: found a link with an mtu of %" PRIu32 ", allowed: from 68, or 1280 over IPv6",
                 s.link_mtu);
        pinger_delete(pinger);
        return exit_code_of(e);
    }
    if (!s.silent)
        printf("PATH MTU to %s from %s over %s, which takes %" PRIu32 " bytes\n", path->destination, path->source,
               path->location, s.link_mtu);
    run(&s, pinger);
    pinger_delete(pinger);
    return conclude(&s);
}
