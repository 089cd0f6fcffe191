/* SPDX-License-Identifier: MIT */
/*
 * What a near and a far box that share a key know of a connection without a word: the initial sequence number that the
 * near box answers with, and the marks by which they know each other.
 *
 * All follow from the key, the connection's addresses and ports, the client's initial sequence number, and the epoch, an
 * hour of the wall clock. So the near box can send early data on at once, in numbers that the far box understands.
 *
 * A mark is a TCP option in front of the others (RFC 6994: kind 254, ExID 0x5745, 4 bytes): of the SYN, that a near box
 * asks, and by another one that the server is to get the SYN twice (far.c); of the SYN-ACK, that a far box has answered.
 * A far box strikes the mark of a SYN out, so that servers never see one; a SYN-ACK's reaches no client behind a near box,
 * which takes it. Where there is no far box a server does not know the option and passes over it (RFC 9293 3.1).
 */
#ifndef WEIR_ACCEL_PAIR_H
#define WEIR_ACCEL_PAIR_H

#include "accel/flow.h"

#define ACCEL_MARK_BYTES 8u
#define ACCEL_EPOCH_NS (3600 * NS_PER_S)

struct accel_pairing {
    struct seq isn; /* in the server's name */
    uint32_t syn_mark, syn_twice_mark, syn_ack_mark;
};

/* VLANs do not count: they may differ at the two ends. */
void accel_pairing_of(const struct hash_key *key, const struct accel_key *flow, struct seq client_isn, uint32_t epoch,
                      struct accel_pairing *out);

/* The option. */
void accel_mark_write(uint8_t to[ACCEL_MARK_BYTES], uint32_t mark);
/* Into the headroom, the checksum updated. ERR_NO_SPACE: nothing is changed. */
MUST_CHECK int accel_mark_insert(struct accel_segment *s, uint32_t mark);
/* False: it has none. */
bool accel_mark_find(const struct accel_segment *s, uint32_t *mark);
/* The segment is as it was before accel_mark_insert; a mark elsewhere than in front becomes NOPs. */
void accel_mark_remove(struct accel_segment *s);

#endif
