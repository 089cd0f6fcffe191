/* SPDX-License-Identifier: MIT */
/*
 * The memory that the kernel shares with AF_XDP sockets (UMEM), as two pools of packets: one to receive into, one to
 * send from. An address is an offset in it, as the kernel's rings name frames.
 *
 * Each chunk is one frame, with its struct packet in front:
 *
 *     chunk: [struct packet][UMEM_HEADROOM ...][data ...]
 *
 * The kernel writes what it receives behind the struct (`frame_headroom` of the UMEM) and the 256 bytes that it keeps
 * free for XDP programs: where the data of a packet with UMEM_HEADROOM lies. So nothing is copied between the rings and
 * whoever uses the packets. Invariant: each frame is at home in its pool, in somebody's hands, or lent to the kernel
 * (umem_lend until umem_reclaim).
 */
#ifndef WEIR_LINK_UMEM_H
#define WEIR_LINK_UMEM_H

#include "packet/packet.h"

#define UMEM_HEADROOM 256u   /* XDP_PACKET_HEADROOM of Linux */
#define UMEM_CHUNK_MAX 4096u /* a page: the kernel takes no larger ones */
#define UMEM_FRAME_MAX (UMEM_CHUNK_MAX - (uint32_t)sizeof(struct packet) - UMEM_HEADROOM)

struct umem {
    struct packet_pool rx, tx;
    uint8_t *memory; /* page-aligned */
    uint64_t bytes;
    uint32_t chunk_bytes;      /* a power of two */
    uint32_t rx_lent, tx_lent; /* frames of each pool that the kernel has */
    const struct allocator *allocator;
};

/*
 * `frames` to receive into and as many to send from, each for `frame_bytes`. ERR_NO_MEMORY, ERR_INVALID (no frames, or
 * frame_bytes over UMEM_FRAME_MAX).
 */
MUST_CHECK int umem_init(struct umem *u, const struct allocator *a, uint32_t frames, uint32_t frame_bytes);
/*
 * The kernel has let go of the memory; all packets must be home or lent. Also a zeroed struct, and after a failed init.
 */
void umem_free(struct umem *u);

/* Whether a packet lies in this memory. */
static inline bool umem_has(const struct umem *u, const struct packet *p)
{
    uintptr_t at = (uintptr_t)p, start = (uintptr_t)u->memory;
    return at >= start && at - start < u->bytes;
}
/* Lends a packet of umem_has to the kernel: the address of its first byte. */
uint64_t umem_lend(struct umem *u, const struct packet *p);
/* The packet whose frame the kernel gives back by any address in it; its fields are as when it was lent. */
struct packet *umem_reclaim(struct umem *u, uint64_t address);
/* The same of a frame with `length` bytes at `address` that the kernel received: a new packet of the pool rx. */
struct packet *umem_receive(struct umem *u, uint64_t address, uint32_t length);

#endif
