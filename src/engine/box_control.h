/* SPDX-License-Identifier: MIT */
/*
 * A local socket by which another process of this machine looks into a running box; it can change nothing. Served by the
 * loop between its turns, a bounded piece at a time, so that a million flows hold nobody up; one asker at a time, the
 * others wait.
 *
 *     asker: "flows\n"     box: struct box_control_head, struct accel_view for each flow, one more of state ACCEL_FREE
 *
 * In this machine's byte order and layout: both ends are this program, and the version says whether the same one.
 */
#ifndef WEIR_ENGINE_BOX_CONTROL_H
#define WEIR_ENGINE_BOX_CONTROL_H

#include "accel/view.h"

#define BOX_CONTROL_PATH 108u
#define BOX_CONTROL_VERSION 1u
#define BOX_CONTROL_PIECE 32u /* flows a turn */

struct box_control_head {
    char magic[8]; /* "weirflow" */
    uint32_t version, view_bytes;
    uint32_t flows, openings;
};

struct box_control {
    const struct accel *accel;
    char path[BOX_CONTROL_PATH];
    int listening, asker; /* descriptors, or -1 */
    bool asked;
    uint32_t next; /* flow */
    bool ended;
    int64_t look_at, progress_at;
    uint32_t begin, end; /* of what is not sent of the piece */
    uint8_t piece[(BOX_CONTROL_PIECE + 1) * sizeof(struct accel_view)];
};

/*
 * path NULL: accel-PID.sock in /run/weir, or where that cannot be written in $TMPDIR or /tmp. ERR_SYSTEM, ERR_INVALID (the
 * path is too long) with a message.
 */
MUST_CHECK int box_control_open(struct box_control *c, const char *path, const struct accel *a, char message[256]);
/* Between turns. */
void box_control_turn(struct box_control *c, int64_t now);
/* When box_control_turn wants to be called; and the descriptor that becomes readable when somebody comes. */
int64_t box_control_deadline(const struct box_control *c);
static inline int box_control_descriptor(const struct box_control *c) { return c->asker < 0 ? c->listening : -1; }
void box_control_wake(struct box_control *c);
/* Removes the path. */
void box_control_close(struct box_control *c);

/* ---- the asker's side ---- */

/*
 * The only box's path in the folders where boxes put it. ERR_NOT_FOUND: none, or several; message says which.
 */
MUST_CHECK int box_control_find(char path[BOX_CONTROL_PATH], char message[256]);
/* A connection, after the head; it may wait. Its descriptor, or ERR_SYSTEM, ERR_UNSUPPORTED with a message. */
MUST_CHECK int box_control_ask(const char *path, struct box_control_head *head, char message[256]);
/* The next flow: 1; 0: there are no more. ERR_SYSTEM: the box went away. */
MUST_CHECK int box_control_next(int fd, struct accel_view *out);

#endif
