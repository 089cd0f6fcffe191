/* SPDX-License-Identifier: MIT */
/*
 * The links of a plan's ports: driver, then impairment, then capture on top.
 */
#ifndef WEIR_ENGINE_LINKS_H
#define WEIR_ENGINE_LINKS_H

#include "packet/link.h"
#include "traffic/plan.h"

struct port_link {
    struct link *top;    /* what the stack uses; closing it closes all below */
    struct link *impair; /* the impairment in it, or NULL */
};

/*
 * Opens all ports' links. On failure nothing stays open and message (256 bytes) says which port, what was found and
 * what is needed. ERR_NOT_FOUND, ERR_DENIED, ERR_SYSTEM, ERR_NO_MEMORY, ERR_INVALID, as the drivers say.
 */
MUST_CHECK int links_open(const struct plan *p, const struct allocator *a, struct port_link links[PLAN_MAX_PORTS],
                          char message[256]);
/*
 * The link of one port outside of a plan (see plan_port_default); a memory link has both its ends here, any other only
 * ends[0]. message as above, never empty. The caller closes them.
 */
MUST_CHECK int links_open_alone(const struct plan_port *q, const struct allocator *a, struct link *ends[2],
                                char message[256]);
void links_close(const struct plan *p, struct port_link links[PLAN_MAX_PORTS]);
/*
 * What the driver below sent and received, and what it and the links over it dropped. Of a port that is a tunnel: the
 * tunnel's frames, and what it and all links below it dropped.
 */
void links_read_counters(const struct link *top, struct link_counters *out);
/* How the driver below could open it, or "" (link.note). */
const char *links_note(const struct link *top);

#endif
