/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing a pool; taking and giving back are inline in pool.h.
 * The free list is empty at first and `touched` counts up, so that nothing is written to the array before it is used.
 */
#include "base/pool.h"

#include "base/error.h"

static bool is_power_of_two(uint32_t x) { return x != 0 && (x & (x - 1)) == 0; }

int pool_init(struct pool *p, const struct allocator *a, uint32_t capacity, uint32_t size, uint32_t align)
{
    *p = (struct pool){.allocator = a};
    if (size < sizeof p->free_head || !is_power_of_two(align) || capacity == 0 || capacity == UINT32_MAX)
        return ERR_INVALID;
    if (size > UINT32_MAX - (align - 1))
        return ERR_INVALID;
    size = (size + align - 1) & ~(align - 1);
    p->objects = alloc_array(a, (size_t)capacity + 1, size, align);
    if (!p->objects)
        return ERR_NO_MEMORY;
    p->size = size;
    p->capacity = capacity;
    return ERR_OK;
}

void pool_free(struct pool *p)
{
    if (p->objects)
        alloc_free(p->allocator, p->objects, ((size_t)p->capacity + 1) * p->size);
    *p = (struct pool){0};
}
