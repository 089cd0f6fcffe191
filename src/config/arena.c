/* SPDX-License-Identifier: MIT */
/*
 * Chunks in a list; pieces are cut from the newest one. A piece that is larger than a chunk gets one of its own.
 */
#include "config/arena.h"

#include <string.h>

#include "config/heap.h"

#define CHUNK_BYTES ((size_t)16384)

struct config_arena_chunk {
    struct config_arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) uint8_t bytes[];
};

static struct config_arena_chunk *chunk_new(struct config_arena *arena, size_t least)
{
    size_t size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
    struct config_arena_chunk *chunk = config_heap_alloc(sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *config_arena_alloc(struct config_arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > arena->limit || arena->limit - size < align) /* the rounding below cannot overflow */
        return NULL;
    size = (size + align - 1) / align * align;
    if (size > arena->limit - arena->used)
        return NULL;
    struct config_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = chunk_new(arena, size);
    if (!chunk)
        return NULL;
    void *piece = chunk->bytes + chunk->used;
    chunk->used += size;
    arena->used += size;
    return piece;
}

void *config_arena_array(struct config_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return config_arena_alloc(arena, total);
}

char *config_arena_text(struct config_arena *arena, const void *bytes, size_t length)
{
    char *text = length < SIZE_MAX ? config_arena_alloc(arena, length + 1) : NULL;
    if (text && length)
        memcpy(text, bytes, length);
    return text;
}

void config_arena_free(struct config_arena *arena)
{
    while (arena->chunks) {
        struct config_arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        config_heap_free(chunk);
    }
    arena->used = 0;
}
