/* SPDX-License-Identifier: MIT */
/*
 * Frames as a kernel's VXLAN device gives them with checksum and segmentation offload: up to 64 KB of TCP or UDP in
 * Ethernet in VXLAN in UDP, the inner checksum partial, the outer lengths those of the whole. Also a check of what one
 * segment of such a frame has to be, by the wire codecs.
 */
#ifndef WEIR_TESTS_UNIT_VXLAN_FRAMES_H
#define WEIR_TESTS_UNIT_VXLAN_FRAMES_H

#include "packet/packet.h"

#define VXLAN_FRAMES_SEQ 0xffffff00u
#define VXLAN_FRAMES_ID 0xfffeu
#define VXLAN_FRAMES_MAX_LAYERS 5u

struct vxlan_frame {
    unsigned tunnels;    /* in each other; 1 .. VXLAN_FRAMES_MAX_LAYERS */
    bool v6_out, v6_in;  /* families of what is around, and of what is inside */
    bool udp;            /* inside, instead of TCP */
    bool outer_checksum; /* the outer UDP checksums are in use */
    bool tagged_out, tagged_in;
    uint32_t payload, gso_size;
};

/* Offsets of a frame's headers; the last ones are the inner. */
struct vxlan_frame_at {
    uint32_t l3[VXLAN_FRAMES_MAX_LAYERS + 1], l4[VXLAN_FRAMES_MAX_LAYERS + 1], payload;
};

/*
 * Fills the empty packet: bytes, gso (PACKET_GSO_TUNNEL, with gso_size 0 PACKET_GSO_NONE and the outer checksums
 * right), partial checksum.
 */
struct vxlan_frame_at vxlan_frame_fill(struct packet *p, const struct vxlan_frame *f);
/* Byte `at` of the payload. */
static inline uint8_t vxlan_frame_byte(uint32_t at) { return (uint8_t)(at * 11 + at / 253); }
/*
 * Asserts that a finished packet is segment `index`, with the payload from `at` on: all lengths, identifications and
 * checksums of all layers, sequence number, flags. Returns its bytes of payload.
 */
uint32_t vxlan_frame_check(const struct packet *p, const struct vxlan_frame *f, uint32_t index, uint32_t at);

#endif
