/* SPDX-License-Identifier: MIT */
/*
 * A pool of frames: one block of memory and a stack of the free ones, so that the frame used last, still in the cache,
 * is used next.
 *
 * The pool owns the memory, or borrows it (packet_pool_init_over). Packets lie at equal strides of an odd number of cache lines, so that the hot lines of
 * successive packets fall into different cache sets. A packet is written only when it is taken: memory never used is
 * never touched. Invariant: free[0, free_count) are the packets at home, each once.
 */
#include "base/error.h"
#include "packet/packet.h"

static void release_to_pool(struct packet_home *home, struct packet **packets, unsigned n)
{
    struct packet_pool *pool = container_of(home, struct packet_pool, home);
    assert(n <= pool->capacity - pool->free_count);
    struct packet **top = pool->free + pool->free_count;
    for (unsigned i = 0; i < n; i++)
        top[i] = packets[i];
    pool->free_count += n;
}

static size_t stride_of(uint32_t buffer_bytes)
{
    size_t lines = (sizeof(struct packet) + buffer_bytes + CACHE_LINE - 1) / CACHE_LINE;
    return (lines | 1) * CACHE_LINE;
}

static void free_memory(struct packet_pool *pool)
{
    alloc_free(pool->allocator, pool->free, pool->capacity * sizeof(struct packet *));
    if (!pool->borrows_memory)
        alloc_free(pool->allocator, pool->memory, pool->capacity * pool->stride);
    pool->free = NULL;
    pool->memory = NULL;
}

static void describe(struct packet_pool *pool, const struct allocator *a, uint32_t capacity, uint32_t buffer_bytes,
                     uint32_t reserve)
{
    *pool = (struct packet_pool){.home = {.release = release_to_pool, .held_max = (capacity - reserve) / 2},
                                 .capacity = capacity,
                                 .reserve = reserve,
                                 .buffer_bytes = buffer_bytes,
                                 .stride = stride_of(buffer_bytes),
                                 .allocator = a};
}

/* Lays the packets into the pool's memory, all free. */
static int fill(struct packet_pool *pool)
{
    pool->free = alloc_array(pool->allocator, pool->capacity, sizeof(struct packet *), CACHE_LINE);
    if (!pool->free || !pool->memory) {
        free_memory(pool);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < pool->capacity; i++) /* the first packet lies on top */
        pool->free[i] = (struct packet *)(void *)(pool->memory + (pool->capacity - 1 - i) * pool->stride);
    pool->free_count = pool->capacity;
    return 0;
}

static bool is_valid(uint32_t capacity, uint32_t buffer_bytes, uint32_t reserve)
{
    return capacity != 0 && reserve < capacity && buffer_bytes >= PACKET_HEADROOM + 64;
}

int packet_pool_init(struct packet_pool *pool, const struct allocator *a, uint32_t capacity, uint32_t buffer_bytes,
                     uint32_t reserve)
{
    if (!is_valid(capacity, buffer_bytes, reserve))
        return ERR_INVALID;
    describe(pool, a, capacity, buffer_bytes, reserve);
    pool->memory = alloc_array(a, capacity, pool->stride, CACHE_LINE);
    return fill(pool);
}

int packet_pool_init_over(struct packet_pool *pool, const struct allocator *a, void *memory, size_t stride,
                          uint32_t capacity, uint32_t reserve)
{
    if (stride <= sizeof(struct packet) || stride > UINT32_MAX || stride % CACHE_LINE != 0 ||
        (uintptr_t)memory % CACHE_LINE != 0 || !is_valid(capacity, (uint32_t)(stride - sizeof(struct packet)), reserve))
        return ERR_INVALID;
    describe(pool, a, capacity, (uint32_t)(stride - sizeof(struct packet)), reserve);
    pool->stride = stride;
    pool->memory = memory;
    pool->borrows_memory = true;
    return fill(pool);
}

void packet_pool_write_off(struct packet_pool *pool, uint32_t n)
{
    assert(n <= pool->capacity - pool->free_count);
    pool->free_count += n;
}

void packet_pool_free(struct packet_pool *pool)
{
    if (!pool->memory)
        return;
    assert(pool->free_count == pool->capacity);
    free_memory(pool);
}

static ALWAYS_INLINE struct packet *take(struct packet_pool *pool, uint32_t at)
{
    struct packet *p = pool->free[at];
    packet_init(p, &pool->home, (uint8_t *)(p + 1), pool->buffer_bytes, PACKET_HEADROOM);
    return p;
}

unsigned packet_pool_get(struct packet_pool *pool, struct packet **packets, unsigned n)
{
    uint32_t available = pool->free_count > pool->reserve ? pool->free_count - pool->reserve : 0;
    if (unlikely(n > available)) {
        pool->exhausted += n - available;
        n = available;
    }
    uint32_t top = pool->free_count;
    for (unsigned i = 0; i < n; i++)
        packets[i] = take(pool, --top);
    pool->free_count = top;
    return n;
}

struct packet *packet_pool_get_reserved(struct packet_pool *pool)
{
    if (unlikely(pool->free_count == 0)) {
        pool->exhausted++;
        return NULL;
    }
    return take(pool, --pool->free_count);
}
