/* SPDX-License-Identifier: MIT */
/*
 * The vector versions of checksum_add and checksum_copy, for the dispatch in checksum.c and for tests. Each lives in
 * its own file, compiled with the instruction set it names, and may only be called where the processor has it.
 */
#ifndef WEIR_BASE_CHECKSUM_SIMD_H
#define WEIR_BASE_CHECKSUM_SIMD_H

#include "base/compiler.h"

/*
 * Has a vector loaded once: gcc would rather read memory again for each use, which costs a quarter more where it is
 * unaligned.
 */
#define KEEP_IN_VECTOR_REGISTER(x) __asm__("" : "+v"(x))

uint64_t checksum_add_avx2(uint64_t sum, const void *bytes, size_t length);
uint64_t checksum_copy_avx2(uint64_t sum, void *to, const void *from, size_t length);
/* Needs AVX-512 F, BW, VL and DQ. */
uint64_t checksum_add_avx512(uint64_t sum, const void *bytes, size_t length);
uint64_t checksum_copy_avx512(uint64_t sum, void *to, const void *from, size_t length);

#endif
