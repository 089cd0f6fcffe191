/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's answers (accel/answers.h) in the maps of bpf/accel.bpf.c: tables that both see, and the ring by which
 * SYNs that were answered come here. No call of the system after it is open: user space writes and reads memory.
 *
 * It maps what belongs to the descriptors, and does not own these.
 */
#ifndef WEIR_ENGINE_SHORTCUT_ANSWERS_H
#define WEIR_ENGINE_SHORTCUT_ANSWERS_H

#include "accel/answers.h"
#include "engine/shortcut_map.h"

/* Places of each table: powers of two. The box's own numbers of servers and sources are those of accel_settings. */
struct shortcut_sizes {
    uint32_t claims, servers, sources;
};

struct shortcut_maps {
    int control, claims, servers, sources, ring; /* descriptors */
};

struct shortcut_answers {
    struct accel_answers hook; /* of the box, while it is open */
    struct shortcut_sizes sizes;
    struct shortcut_control *control;
    uint64_t *claims;
    struct shortcut_server *servers;
    struct shortcut_source *sources;
    int ring;                  /* becomes readable when there is a SYN */
    unsigned long *consumed;   /* of the ring, in bytes: ours, */
    const unsigned long *made; /* and the kernel's */
    const uint8_t *records;
    uint32_t record; /* bytes of the one that next() gave last */
};

#define SHORTCUT_RING_BYTES 65536u /* ACCEL_ANSWERS_MOST of them; a power of two and whole pages */

/* For a box of so many flows, servers and sources. */
struct shortcut_sizes shortcut_sizes_for(uint32_t max_flows, uint32_t max_servers, uint32_t max_sources);
/* ERR_SYSTEM (errno says why): nothing is open. */
MUST_CHECK int shortcut_answers_open(struct shortcut_answers *s, const struct shortcut_maps *maps,
                                     const struct shortcut_sizes *sizes);
/* Also of zeroed memory. */
void shortcut_answers_close(struct shortcut_answers *s);

#endif
