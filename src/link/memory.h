/* SPDX-License-Identifier: MIT */
/*
 * Two link ends wired to each other in memory; frames are handed over without copying. On one thread, or each end on
 * its own thread (then a frame crosses by one ring and comes home by another as large as the pool).
 *
 * Each end owns the pool it transmits from. A frame received at one end goes back to the other end's pool when
 * released; with two threads up to 128 of them first serve that end's own transmissions. A packet of another home may
 * be transmitted too: on one thread it crosses like any other and must be home before its pool is freed, with two
 * threads it is copied. What describes a packet beyond its bytes crosses only as far as a wire or virtio would carry
 * it: the stripped VLAN tag, with trust_checksums the checksum state; not hash and flow mark. rx_ns is the `now` of
 * rx_burst. Frames longer than the receiver's MTU and two VLAN tags are dropped there.
 */
#ifndef WEIR_LINK_MEMORY_H
#define WEIR_LINK_MEMORY_H

#include "packet/link.h"

struct memory_settings {
    uint32_t frames;       /* in each end's pool; default 4096 */
    uint32_t queue;        /* frames that may wait in one direction; default 1024 */
    uint32_t buffer_bytes; /* default 2048, headroom included */
    uint32_t mtu;          /* default 1500 */
    uint32_t reserve;      /* frames kept back for control; default 256 */
    bool two_threads;      /* default false */
    bool trust_checksums;  /* declares RX_CHECKSUM and TX_CHECKSUM, so that nobody computes one; default false */
    uint32_t gso_max; /* carries GSO packets of up to so many bytes of IP packet whole (TSO, GRO); 0, the default: no */
    uint32_t large_frames; /* for these, in each end's second pool; default 64 */
};

void memory_settings_default(struct memory_settings *s);
/*
 * Makes both ends; MAC addresses are 02:00:00:00:00:01 and :02 unless set afterwards. Close each end with link_close();
 * the second frees all. What one end sent and the other has not received by then may be lost. ERR_NO_MEMORY;
 * ERR_INVALID (no frames, no queue, a reserve of all frames, an MTU under 68 or over 65535, or buffers too small for
 * it: PACKET_HEADROOM + mtu + 22; a gso_max over 65535, without trust_checksums or without large_frames).
 */
MUST_CHECK int memory_link_new(const struct memory_settings *s, const struct allocator *a, const char *name,
                               struct link *ends[2]);

#endif
