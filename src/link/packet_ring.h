/* SPDX-License-Identifier: MIT */
/*
 * The receive ring of a packet socket (TPACKET_V2): slots of the kernel's memory, mapped here, which it fills in turn
 * and gets back one by one. A frame in it costs no system call, and seeing that there is none costs nothing.
 *
 * A frame longer than a slot waits whole in the socket for recvmsg; its slot, marked TP_STATUS_COPY, keeps its place in
 * the order. With PACKET_VNET_HDR, which has to be set before the ring is opened, virtio-net's header stands before the
 * frame in the slot.
 */
#ifndef WEIR_LINK_PACKET_RING_H
#define WEIR_LINK_PACKET_RING_H

#include <linux/if_packet.h>

#include "base/compiler.h"

struct packet_ring {
    uint8_t *memory;
    size_t bytes;
    uint32_t slot_bytes, slots;
    uint32_t first; /* the slot to be filled, or taken, next */
};

/*
 * Of slots that hold a frame of `frame_bytes`, or 16 KB; 8 MB in all. 0, or ERR_SYSTEM with errno; then there is
 * nothing to close.
 */
MUST_CHECK int packet_ring_open(struct packet_ring *r, int fd, uint32_t frame_bytes);
/* Before the socket is closed; also a zeroed ring. */
void packet_ring_close(struct packet_ring *r);
/* The oldest frame, valid until it is given back; NULL when there is none. */
const struct tpacket2_hdr *packet_ring_first(const struct packet_ring *r);
/* Gives the oldest frame's slot back to the kernel. */
void packet_ring_give_back(struct packet_ring *r);

#endif
