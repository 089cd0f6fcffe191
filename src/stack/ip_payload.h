/* SPDX-License-Identifier: MIT */
/*
 * The payload of a datagram that leaves, in pieces that lie where its sender has them: gathered straight into the
 * frame. Values; the bytes are the sender's and only used during the call.
 */
#ifndef WEIR_STACK_IP_PAYLOAD_H
#define WEIR_STACK_IP_PAYLOAD_H

#include "base/checksum.h"
#include "stack/stack.h"

struct ip_payload {
    const struct ip_piece *pieces;
    uint32_t n;
};

/* n pieces, or with n 0 the one that its sender has instead. */
static ALWAYS_INLINE struct ip_payload ip_payload_of(const struct ip_piece *pieces, uint32_t n,
                                                     const struct ip_piece *one)
{
    return n ? (struct ip_payload){.pieces = pieces, .n = n} : (struct ip_payload){.pieces = one, .n = 1};
}

/* Bytes in all; SIZE_MAX when there are more. */
static inline size_t ip_payload_length(const struct ip_payload *p)
{
    size_t length = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->pieces[i].length > SIZE_MAX - length)
            return SIZE_MAX;
        length += p->pieces[i].length;
    }
    return length;
}

/* Whether the pieces are `length` bytes in all. */
static ALWAYS_INLINE bool ip_payload_ok(const struct ip_payload *p, uint32_t length)
{
    size_t rest = length;
    for (uint32_t i = 0; i < p->n; i++) {
        if (unlikely(p->pieces[i].length > rest))
            return false;
        rest -= p->pieces[i].length;
    }
    return rest == 0;
}

static inline void ip_payload_copy(const struct ip_payload *p, uint8_t *to)
{
    for (uint32_t i = 0; i < p->n; to += p->pieces[i++].length)
        if (p->pieces[i].length)
            memcpy(to, p->pieces[i].bytes, p->pieces[i].length);
}

/* The first bytes, as many as there are. */
static inline void ip_payload_peek(const struct ip_payload *p, uint8_t *to, size_t length)
{
    for (uint32_t i = 0; i < p->n && length; i++) {
        size_t n = p->pieces[i].length < length ? p->pieces[i].length : length;
        if (n)
            memcpy(to, p->pieces[i].bytes, n);
        to += n;
        length -= n;
    }
}

/*
 * All of it; returns the sum of the bytes. RFC 1071 section 2 (B): a piece at an odd offset counts with its bytes
 * swapped.
 */
static inline uint64_t ip_payload_copy_sum(const struct ip_payload *p, uint8_t *to)
{
    uint64_t sum = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < p->n; at += p->pieces[i++].length) {
        if (p->pieces[i].length == 0)
            continue;
        uint64_t piece = checksum_copy(0, to + at, p->pieces[i].bytes, p->pieces[i].length);
        sum += at % 2 ? checksum_shift(piece) : piece;
    }
    return sum;
}

#endif
