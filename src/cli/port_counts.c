/* SPDX-License-Identifier: MIT */
/*
 * See port_counts.h.
 */
#include "cli/port_counts.h"

#include <stdio.h>

#include "impair/impair.h"

struct impair_count {
    const char *name;
    uint64_t value;
};
#define IMPAIR_COUNTS 6

static void read_impairment(const struct port_link *l, struct impair_count out[IMPAIR_COUNTS])
{
    static const struct impair_counters none;
    const struct impair_counters *c = l->impair ? impair_link_counters(l->impair) : &none;
    const struct impair_count all[IMPAIR_COUNTS] = {{"lost", c->lost},           {"duplicated", c->duplicated},
                                                    {"corrupted", c->corrupted}, {"reordered", c->reordered},
                                                    {"delayed", c->delayed},     {"queue_full", c->queue_full}};
    for (unsigned i = 0; i < IMPAIR_COUNTS; i++)
        out[i] = all[i];
}

void port_counts_print(const struct plan_port *port, const struct port_link *l)
{
    struct link_counters c;
    struct impair_count impaired[IMPAIR_COUNTS];
    links_read_counters(l->top, &c);
    read_impairment(l, impaired);
    printf("%-12s received %llu frames, %llu bytes   sent %llu frames, %llu bytes\n", port->name,
           (unsigned long long)c.frames_rx, (unsigned long long)c.bytes_rx, (unsigned long long)c.frames_tx,
           (unsigned long long)c.bytes_tx);
    if (links_note(l->top)[0])
        printf("  opened as  %s\n", links_note(l->top));
    for (unsigned i = 0; i < IMPAIR_COUNTS; i++)
        if (impaired[i].value > 0)
            printf("  impaired   %s %llu\n", impaired[i].name, (unsigned long long)impaired[i].value);
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        if (c.drops[i] > 0)
            printf("  dropped    %s %llu\n", link_drop_name((enum link_drop)i), (unsigned long long)c.drops[i]);
}

void port_counts_put(struct json_writer *w, const struct plan_port *port, const struct port_link *l)
{
    struct link_counters c;
    struct impair_count impaired[IMPAIR_COUNTS];
    links_read_counters(l->top, &c);
    read_impairment(l, impaired);
    json_begin_object(w);
    json_member_string(w, "name", port->name);
    if (links_note(l->top)[0])
        json_member_string(w, "opened_as", links_note(l->top));
    json_member_u64(w, "frames_rx", c.frames_rx);
    json_member_u64(w, "bytes_rx", c.bytes_rx);
    json_member_u64(w, "frames_tx", c.frames_tx);
    json_member_u64(w, "bytes_tx", c.bytes_tx);
    json_member_object(w, "drops");
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        if (c.drops[i] > 0)
            json_member_u64(w, link_drop_name((enum link_drop)i), c.drops[i]);
    json_end_object(w);
    json_member_object(w, "impaired");
    for (unsigned i = 0; i < IMPAIR_COUNTS; i++)
        json_member_u64(w, impaired[i].name, impaired[i].value);
    json_end_object(w);
    json_end_object(w);
}
