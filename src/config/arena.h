/* SPDX-License-Identifier: MIT */
/*
 * The memory of one tree: taken in chunks, given back all at once, bounded.
 */
#ifndef WEIR_CONFIG_ARENA_H
#define WEIR_CONFIG_ARENA_H

#include "base/compiler.h"

struct config_arena_chunk;

struct config_arena {
    struct config_arena_chunk *chunks; /* the newest first */
    size_t used;                       /* bytes handed out, each piece rounded up */
    size_t limit;
};

/* Zeroed memory, aligned for any object; NULL beyond the limit or without memory. */
MUST_CHECK void *config_arena_alloc(struct config_arena *arena, size_t size);
/* count objects of size bytes, NULL also when the product overflows. */
MUST_CHECK void *config_arena_array(struct config_arena *arena, size_t count, size_t size);
/* A copy of the bytes with a NUL behind them. */
MUST_CHECK char *config_arena_text(struct config_arena *arena, const void *bytes, size_t length);
void config_arena_free(struct config_arena *arena);

#endif
