/* SPDX-License-Identifier: MIT */
/*
 * The scalar Internet checksum (RFC 1071) and the choice of the fastest version.
 *
 * Headers are short: below VECTOR_LENGTH the scalar loop runs in the called function itself, and nothing is looked up.
 * Above, the processor's features, which the compiler's runtime keeps as read-mostly bits, are tested on each call: one
 * load and one predictable branch, no indirect call and no state of our own.
 */
#include "base/checksum.h"

#include "base/checksum_scalar.h"
#include "base/checksum_simd.h"

/* From here on a vector version is faster, measured on both. */
#define VECTOR_LENGTH 128

uint64_t checksum_add_scalar(uint64_t sum, const void *bytes, size_t length)
{
    return checksum_add_words(sum, bytes, length);
}

uint64_t checksum_copy_scalar(uint64_t sum, void *to, const void *from, size_t length)
{
    return checksum_copy_words(sum, to, from, length);
}

#if defined(WEIR_FREESTANDING) || !defined(__x86_64__)

uint64_t checksum_add(uint64_t sum, const void *bytes, size_t length) { return checksum_add_words(sum, bytes, length); }

uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t length)
{
    return checksum_copy_words(sum, to, from, length);
}

#else

/* Every processor with BW known has VL and DQ too; the compiler may use them in the AVX-512 file. */
static ALWAYS_INLINE bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}

uint64_t checksum_add(uint64_t sum, const void *bytes, size_t length)
{
    if (length >= VECTOR_LENGTH) {
        if (has_avx512())
            return checksum_add_avx512(sum, bytes, length);
        if (__builtin_cpu_supports("avx2"))
            return checksum_add_avx2(sum, bytes, length);
    }
    return checksum_add_words(sum, bytes, length);
}

uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t length)
{
    if (length >= VECTOR_LENGTH) {
        if (has_avx512())
            return checksum_copy_avx512(sum, to, from, length);
        if (__builtin_cpu_supports("avx2"))
            return checksum_copy_avx2(sum, to, from, length);
    }
    return checksum_copy_words(sum, to, from, length);
}

#endif
