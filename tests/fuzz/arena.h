/* SPDX-License-Identifier: MIT */
/*
 * The allocator of the fuzz targets that make a whole world for each input: memory from one static area, in order, so
 * that an execution costs no mapping, and only the pages that the one before it wrote are cleaned. What is not handed
 * out is poisoned for AddressSanitizer, freed areas too; what is freed must be a block of just that size. One arena for
 * the process; begins empty with arena_begin(), and arena_end() aborts unless everything was given back. After
 * arena_fail_from(n) the allocations from the n-th on (0: the next) fail.
 *
 * A world that is the same for each input is made once: arena_keep() right after it notes it, and arena_again() gives
 * it back as it was, instead of arena_begin(). It must lie in the arena and in `outside`, which stays where it is.
 */
#ifndef WEIR_TESTS_FUZZ_ARENA_H
#define WEIR_TESTS_FUZZ_ARENA_H

#include "base/alloc.h"

/* Aborts unless the last world was given back. The allocator is valid until the process ends. */
const struct allocator *arena_begin(void);
void arena_fail_from(unsigned n);
/* Whether an allocation was refused since arena_begin. */
bool arena_failed(void);
void arena_end(void);

/* `which` of up to four worlds; each is kept once. `bytes`: at most 64 KiB, the same each time. */
void arena_keep(unsigned which, const void *outside, size_t bytes);
/* False where it was not kept yet: then nothing is done. */
bool arena_again(unsigned which, void *outside, size_t bytes);

#endif
