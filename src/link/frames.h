/* SPDX-License-Identifier: MIT */
/*
 * The frames of a driver of the kernel's interfaces: pools of normal ones each way, and of 64 KB ones where it takes or
 * gives GSO packets.
 *
 * With large frames everything lands in one of them; what is no longer than a normal frame is then copied into such a
 * one, and the large one is used again: so 64 KB are in use only for what needs them, and the copy is of bytes that
 * were just written.
 */
#ifndef WEIR_LINK_FRAMES_H
#define WEIR_LINK_FRAMES_H

#include "packet/link.h"

/* A burst in the user's hands, one landing, and as many again that holders may keep. */
#define LINK_FRAMES_LARGE (4 * LINK_BURST)

/*
 * Received bytes after which a burst ends, so that they are still in the processor's cache when they are looked at, and
 * the first is acknowledged soon.
 */
#define LINK_FRAMES_BURST_BYTES (256u << 10)

struct link_frames {
    struct packet_pool rx, tx;
    struct packet_pool rx_large, tx_large; /* empty (no memory) where they are not used */
};

/* `frames` normal ones each way, of buffer_bytes (headroom included). ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int link_frames_init(struct link_frames *f, const struct allocator *a, uint32_t frames,
                                uint32_t buffer_bytes, bool rx_large, bool tx_large);
/* All must be home; also after a failed or missing init. */
void link_frames_free(struct link_frames *f);
/* As link_ops.tx_alloc. */
unsigned link_frames_tx_alloc(struct link_frames *f, struct packet **packets, unsigned n, enum link_alloc kind);
/* Up to n empty packets to receive into. */
unsigned link_frames_land(struct link_frames *f, struct packet **packets, unsigned n);
/*
 * `length` bytes came into *landing: the packet that has them. When it is a copy, *landing stays empty and can be used
 * again, else it is NULL.
 */
struct packet *link_frames_take(struct link_frames *f, struct packet **landing, uint32_t length);

#endif
