/* SPDX-License-Identifier: MIT */
/*
 * The allocator of the fuzz targets that make a whole world for each input: memory from one static area, in order, so
 * that an execution costs no mapping and no page faults. What is not handed out is poisoned for AddressSanitizer,
 * freed areas too. One arena for the process; begins empty with arena_begin(), and arena_end() aborts unless
 * everything was given back. After arena_fail_from(n) the allocations from the n-th on (0: the next) fail.
 */
#ifndef WEIR_TESTS_FUZZ_ARENA_H
#define WEIR_TESTS_FUZZ_ARENA_H

#include "base/alloc.h"

/* Poisons again what the last world used. The allocator is valid until the process ends. */
const struct allocator *arena_begin(void);
void arena_fail_from(unsigned n);
/* Whether an allocation was refused since arena_begin. */
bool arena_failed(void);
void arena_end(void);

#endif
