/* SPDX-License-Identifier: MIT */
/*
 * What the tests of src/wire share: seeded random numbers, bytes that end where memory ends (so that a read past the
 * end crashes in every build, not only under AddressSanitizer), a reader of classic capture files, and a check that
 * holds for every print function.
 */
#ifndef WEIR_TESTS_UNIT_WIRE_SUPPORT_H
#define WEIR_TESTS_UNIT_WIRE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct dice {
    uint64_t state;
};
uint64_t dice_u64(struct dice *d);
/* Below n, n > 0. */
uint32_t dice_below(struct dice *d, uint32_t n);
bool dice_one_in(struct dice *d, uint32_t n);
void dice_bytes(struct dice *d, void *to, size_t n);
static inline uint8_t dice_u8(struct dice *d) { return (uint8_t)dice_u64(d); }
static inline uint16_t dice_u16(struct dice *d) { return (uint16_t)dice_u64(d); }
static inline uint32_t dice_u32(struct dice *d) { return (uint32_t)dice_u64(d); }

/* A copy of n bytes (at most 65536) right in front of a page that may not be touched. Valid until the next call. */
uint8_t *at_end_of_memory(const void *bytes, size_t n);

/* The folder WEIR_PCAPS names, default ../shared/pcaps; when it is not there, says so and skips the running test. */
const char *captures_folder_or_skip(void);

typedef void capture_frame_fn(void *user, const uint8_t *frame, size_t length);
/*
 * Calls fn for each frame of folder/name. Returns their number, or -1 for a file that is not a classic capture of
 * Ethernet frames. A frame cut off by the end of the file is left out.
 */
int capture_read(const char *folder, const char *name, capture_frame_fn *fn, void *user);
typedef void capture_file_fn(void *user, const char *folder, const char *name);
/* Calls fn for each "sub/file.pcap" of the folder. */
void capture_each_file(const char *folder, capture_file_fn *fn, void *user);

typedef int print_fn(char *to, size_t size, const void *h);
/* A print function gives `expected`, and in smaller buffers its beginning, terminated, with the same result. */
void assert_prints(print_fn *print, const void *h, const char *expected);

#endif
