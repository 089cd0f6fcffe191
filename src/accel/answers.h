/* SPDX-License-Identifier: MIT */
/*
 * SYNs that somebody else answers on the box's behalf, nearer to the wire: the program on the kernel's XDP hook
 * (engine/shortcut_answers.h). It answers as the box would, byte for byte, with the number that the box would choose at that
 * time, and hands over the SYN; the box then does what it does on a SYN, but for answering. Whatever it does not answer comes
 * to the box, which is complete without it.
 *
 * It answers a SYN to a server whose promise the box has told it, without data, with options of the handshake alone, and with
 * a right checksum, while the box and the source have credit. It is for a near box that is not paired, asks for no Fast Open
 * and has nobody who looks on; servers that an entry of the bypass may be about are not told.
 *
 * A claim is a place by keyed hash of the four numbers and VLAN, and how many flows of the box have it. The hook answers only
 * where a place has none, and takes it in the same step; from then until the box has the SYN the place is said to be pending.
 *
 * Invariants:
 *   1. each flow of the box has claimed its place: a SYN of a connection that the box knows is never
 *      answered there
 *   2. nothing of a client whose SYN was answered there is judged before that SYN: the box takes SYNs behind the burst
 *      of frames and before it looks at these, and a frame of no flow whose place is still pending is dropped, and counted
 *   3. SYNs that were answered and are not taken yet are at most ACCEL_ANSWERS_MOST in all and ACCEL_ANSWERS_OF_SOURCE from a
 *      source, and at most what the limits (limits.h) and half of what the flows and the openings had left when they were
 *      granted: a box that does not turn answers so many and no more
 *   4. each is answered once, and never again there: the same SYN again finds the place claimed
 *   5. there is a flow and an opening for each that was granted: what else comes leaves them alone (accel_check)
 */
#ifndef WEIR_ACCEL_ANSWERS_H
#define WEIR_ACCEL_ANSWERS_H

#include "accel/servers.h"

#define ACCEL_ANSWERS_MOST 256u
#define ACCEL_ANSWERS_OF_SOURCE 64u
#define ACCEL_ANSWERED_BYTES                                                                                           \
    128u /* of a SYN at most: Ethernet with a tag, IPv6, TCP with 40 bytes of options, padding */

/* A SYN that was answered. */
struct accel_answered {
    const uint8_t *frame; /* as it came; until the next one is asked for */
    uint32_t length;
    struct seq isn; /* ours */
    int64_t at;     /* when: the answer's TSval follows from it */
    struct accel_promise told;
};

/* Numbers of places are those of the box's tables; `most` is of all SYNs so far that were answered, modulo 2^32. */
struct accel_answers {
    /* Before anything else: what initial sequence numbers and places are hashed with. */
    void (*begin)(void *context, const struct hash_key *secret);
    /* The server at a place, and until when it is believed; NULL: there is none. */
    void (*server)(void *context, uint32_t place, const struct accel_server *server, int64_t until);
    /* Up to how many SYNs may be answered of a source, and in all. */
    void (*source)(void *context, uint32_t place, uint32_t most);
    void (*grant)(void *context, uint32_t most);
    /* One more flow has this place, or one less; claim: whether the place is pending. */
    bool (*claim)(void *context, uint32_t hash);
    void (*release)(void *context, uint32_t hash);
    /* The next SYN, if there is one; when the box has it, its place is no longer pending nor taken by that. */
    bool (*next)(void *context, struct accel_answered *out);
    void (*settle)(void *context, uint32_t hash);
    void *context;
};

#endif
