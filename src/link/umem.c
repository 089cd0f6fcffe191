/* SPDX-License-Identifier: MIT */
/*
 * See umem.h. Chunks of the pool rx come first in the memory.
 */
#include "link/umem.h"

#include "base/error.h"

#define CHUNK_MIN 2048u
#define PAGE 4096u

int umem_init(struct umem *u, const struct allocator *a, uint32_t frames, uint32_t frame_bytes)
{
    *u = (struct umem){.allocator = a};
    if (frame_bytes > UMEM_FRAME_MAX || frames == 0)
        return ERR_INVALID;
    u->chunk_bytes = frame_bytes <= CHUNK_MIN - sizeof(struct packet) - UMEM_HEADROOM ? CHUNK_MIN : UMEM_CHUNK_MAX;
    uint64_t half = (uint64_t)frames * u->chunk_bytes;
    u->bytes = 2 * half;
    u->memory = alloc_zeroed(a, u->bytes, PAGE);
    if (!u->memory)
        return ERR_NO_MEMORY;
    int e = packet_pool_init_over(&u->rx, a, u->memory, u->chunk_bytes, frames, 0);
    return e ? e : packet_pool_init_over(&u->tx, a, u->memory + half, u->chunk_bytes, frames, frames / 16);
}

void umem_free(struct umem *u)
{
    if (u->rx.memory)
        packet_pool_write_off(&u->rx, u->rx_lent);
    if (u->tx.memory)
        packet_pool_write_off(&u->tx, u->tx_lent);
    packet_pool_free(&u->rx);
    packet_pool_free(&u->tx);
    alloc_free(u->allocator, u->memory, u->bytes);
    *u = (struct umem){.memory = NULL};
}

/* Which pool's count of lent frames a chunk belongs to. */
static uint32_t *lent_of(struct umem *u, const struct packet *p)
{
    return (const uint8_t *)p < u->memory + u->bytes / 2 ? &u->rx_lent : &u->tx_lent;
}

static struct packet *packet_at(const struct umem *u, uint64_t address)
{
    assert(address < u->bytes);
    return (struct packet *)(void *)(u->memory + (address & ~(uint64_t)(u->chunk_bytes - 1)));
}

uint64_t umem_lend(struct umem *u, const struct packet *p)
{
    assert(umem_has(u, p));
    ++*lent_of(u, p);
    return (uint64_t)(p->data - u->memory);
}

struct packet *umem_reclaim(struct umem *u, uint64_t address)
{
    struct packet *p = packet_at(u, address);
    uint32_t *lent = lent_of(u, p);
    assert(*lent > 0);
    --*lent;
    return p;
}

struct packet *umem_receive(struct umem *u, uint64_t address, uint32_t length)
{
    struct packet *p = umem_reclaim(u, address);
    uint8_t *start = (uint8_t *)(p + 1), *data = u->memory + address;
    assert(data >= start && length <= u->rx.buffer_bytes - (uint32_t)(data - start));
    packet_init(p, &u->rx.home, start, u->rx.buffer_bytes, (uint32_t)(data - start));
    p->len = length;
    return p;
}
