/* SPDX-License-Identifier: MIT */
/*
 * Generic receive offload in software, for links that deliver every segment by itself (without LINK_CAP_GRO): merges
 * TCP segments of one burst that follow each other in one connection into one packet, so that what is above pays once
 * for its headers.
 *
 * A merged packet is the first segment's, its payload continued in `frags`, the fields as the kernel's GRO sets them:
 * gso and gso_size (the first segment's payload), IP length and header checksum of the whole, checksum PARTIAL with the
 * pseudo-header sum in the field (that is: verified, and to be filled in by whoever sends it on); packet_segment gives
 * the segments back. Each other segment's packet is released with its frag.
 *
 * A segment is looked at when it is whole and plain: IPv4 without options and fragments, or IPv6 without extension
 * headers, with the right IP and TCP checksums (or VERIFIED by the link), TCP with payload and no flag but ACK, PSH,
 * FIN, ECE, CWR. It joins the packet before it of its connection when these are equal: link header and tag, TOS or
 * traffic class, flow label, TTL, DF, TCP's acknowledgment, window, urgent pointer, ECE, options; and its sequence
 * number is the next; its payload is not longer than the first's; it has no CWR; without DF its IP identification is
 * the next. Options may differ by a later TSval in the layout NOP NOP timestamps: the first's stays, which is what RFC
 * 7323 4.3 takes. A shorter segment, PSH or FIN (both are kept) ends a packet, as do 65535 bytes of IP packet,
 * PACKET_MAX_FRAGS, and any other TCP segment of the connection. The order of packets within a connection never
 * changes.
 */
#ifndef WEIR_PACKET_GRO_H
#define WEIR_PACKET_GRO_H

#include "base/pool.h"
#include "packet/packet.h"

struct gro {
    struct pool lists;  /* of frags, one for each merged packet that lives */
    uint64_t merged;    /* segments that became a frag */
    uint64_t packets;   /* merged packets made */
    uint64_t exhausted; /* merges given up since all lists were in use */
};

/* lists: merged packets that may live at once, those that holders keep included. ERR_NO_MEMORY, ERR_INVALID (0). */
MUST_CHECK int gro_init(struct gro *g, const struct allocator *a, uint32_t lists);
/* All merged packets must have been released. */
void gro_free(struct gro *g);
/*
 * Merges within a burst of at most LINK_BURST packets as rx_burst gave them, closes the gaps, returns how many are
 * left. `frags` of a merged packet is valid until the packet is released. None of the packets may be held.
 */
unsigned gro_burst(struct gro *g, struct packet **packets, unsigned n);

#endif
