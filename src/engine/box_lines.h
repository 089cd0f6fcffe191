/* SPDX-License-Identifier: MIT */
/*
 * A text file of lines that is written behind the data path's back (spool.h). Where lines found no room, the file says
 * how many, as soon as there is room again.
 */
#ifndef WEIR_ENGINE_BOX_LINES_H
#define WEIR_ENGINE_BOX_LINES_H

#include "engine/spool.h"

struct box_lines {
    struct spool *spool; /* NULL: not wanted */
    uint64_t told;       /* of what was lost */
};

/* path NULL: not wanted. Errors and message as spool_open(). */
MUST_CHECK int box_lines_open(struct box_lines *l, const char *path, const struct allocator *a, char message[256]);
static inline bool box_lines_wanted(const struct box_lines *l) { return l->spool != NULL; }
void box_lines_put(struct box_lines *l, const char *line, size_t length);
uint64_t box_lines_lost(const struct box_lines *l);
/* As spool_close(). */
int box_lines_close(struct box_lines *l);

#endif
