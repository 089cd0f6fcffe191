/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of http1_digest (http1.h), for computing the digest of a long repeating body without reading it: the
 * digest of words appended to h is h * B^words + digest of the words alone from 0, modulo HTTP1_DIGEST_PRIME.
 */
#ifndef WEIR_L7_HTTP1_DIGEST_H
#define WEIR_L7_HTTP1_DIGEST_H

#include "l7/http1.h"

#define HTTP1_DIGEST_PRIME ((UINT64_C(1) << 61) - 1)
#define HTTP1_DIGEST_WORD_BYTES 7

/* B^exponent. */
uint64_t http1_digest_power(uint64_t exponent);
/* a * b + c, all below the prime. */
uint64_t http1_digest_multiply_add(uint64_t a, uint64_t b, uint64_t c);

#endif
