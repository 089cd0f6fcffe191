/* SPDX-License-Identifier: MIT */
/*
 * A file written by a thread of its own, so that who writes never waits: records go into a ring of bytes, whole or not
 * at all, and what finds no room is counted. One writer.
 */
#ifndef WEIR_ENGINE_SPOOL_H
#define WEIR_ENGINE_SPOOL_H

#include "base/alloc.h"

struct spool;
/*
 * path "-": standard output. The ring's bytes are a power of two. ERR_SYSTEM, ERR_NO_MEMORY, with a message that says
 * what was found.
 */
MUST_CHECK int spool_open(const char *path, size_t bytes, const struct allocator *a, struct spool **out,
                          char message[256]);
/* False: there is no room, or the file takes no more; counted. */
bool spool_put(struct spool *s, const void *bytes, size_t length);
/* Bytes that there is room for; none when the file takes no more. */
size_t spool_room(const struct spool *s);
/* Records that found no room. */
uint64_t spool_lost(const struct spool *s);
/* Writes what is there, and ends the thread. ERR_SYSTEM: not everything reached the file; errno says why. NULL is fine. */
int spool_close(struct spool *s);

#endif
