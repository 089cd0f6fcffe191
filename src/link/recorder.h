/* SPDX-License-Identifier: MIT */
/*
 * Packets into a capture file as the frames they are on a wire: one that is not plain (partial checksum, stripped VLAN
 * tag, frags) is made so in a scratch packet, a GSO packet is cut into its segments. The packet itself stays as it is.
 * Borrows the writer.
 */
#ifndef WEIR_LINK_RECORDER_H
#define WEIR_LINK_RECORDER_H

#include "link/pcap.h"

struct recorder {
    struct pcap_writer *writer;
    struct packet *scratch;
    struct packet_home nowhere;
    const struct allocator *allocator;
};

/* ERR_NO_MEMORY. */
MUST_CHECK int recorder_init(struct recorder *r, struct pcap_writer *w, const struct allocator *a);
void recorder_free(struct recorder *r);
/* `as`: all but the bytes and their lengths. What cannot be completed is not written. */
void recorder_put(struct recorder *r, const struct packet *p, const struct pcap_record *as);

#endif
