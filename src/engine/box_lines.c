/* SPDX-License-Identifier: MIT */
/*
 * See box_lines.h.
 */
#include "engine/box_lines.h"

#include <inttypes.h>
#include <stdio.h>

#define RING_BYTES ((size_t)4 << 20)
#define NOTICE_ROOM 65536u /* and for some lines behind it */

int box_lines_open(struct box_lines *l, const char *path, const struct allocator *a, char message[256])
{
    *l = (struct box_lines){0};
    return path ? spool_open(path, RING_BYTES, a, &l->spool, message) : 0;
}

/* There is room: the notice itself is not lost. */
static void tell_of_lost(struct box_lines *l)
{
    char text[64];
    const uint64_t lost = box_lines_lost(l);
    const int length = snprintf(text, sizeof text, "# lines lost: %" PRIu64 "\n", lost - l->told);
    (void)spool_put(l->spool, text, (size_t)length);
    l->told = lost;
}

void box_lines_put(struct box_lines *l, const char *line, size_t length)
{
    if (box_lines_lost(l) != l->told && spool_room(l->spool) >= NOTICE_ROOM)
        tell_of_lost(l);
    (void)spool_put(l->spool, line, length);
}

uint64_t box_lines_lost(const struct box_lines *l) { return l->spool ? spool_lost(l->spool) : 0; }

int box_lines_close(struct box_lines *l)
{
    const int error = spool_close(l->spool);
    l->spool = NULL;
    return error;
}
