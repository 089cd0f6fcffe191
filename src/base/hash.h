/* SPDX-License-Identifier: MIT */
/*
 * Keyed hashing: SipHash-1-3 (tables, which peers can feed) and SipHash-2-4 (ISNs, ports, cookies: RFC 6528, RFC 6056).
 * Aumasson and Bernstein, "SipHash: a fast short-input PRF".
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include "base/bytes.h"

struct hash_key {
    uint64_t k0, k1;
};

uint64_t hash_sip13(const struct hash_key *key, const void *bytes, size_t length);
uint64_t hash_sip24(const struct hash_key *key, const void *bytes, size_t length);
/* hash_sip13 of exactly 24 bytes (a flow key), unrolled. Equal to hash_sip13(key, bytes, 24). */
uint64_t hash_sip13_24bytes(const struct hash_key *key, const void *bytes);

#endif
