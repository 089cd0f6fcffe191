/* SPDX-License-Identifier: MIT */
/*
 * SHA-256: see sha256.h. OpenSSL's low-level interface, since its state is plain memory that needs no end: a
 * connection that ends in the middle of a body has nothing to free. It is deprecated in favour of one that allocates.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "cli/sha256.h"

#include <openssl/sha.h>

static_assert(sizeof(SHA256_CTX) <= HTTP1_HASH_STATE_MAX, "a session lends so much");

static void begin(void *state) { (void)SHA256_Init(state); }
static void add(void *state, const uint8_t *bytes, size_t length) { (void)SHA256_Update(state, bytes, length); }
static void end(void *state, uint8_t *digest) { (void)SHA256_Final(digest, state); }

const struct http1_hash sha256_hash = {
    .name = "sha256",
    .state_bytes = sizeof(SHA256_CTX),
    .digest_bytes = SHA256_DIGEST_LENGTH,
    .begin = begin,
    .add = add,
    .end = end,
};
