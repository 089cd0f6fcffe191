/* SPDX-License-Identifier: MIT */
/*
 * Links "mem:NAME" of one process: the first who opens a name gets one end, the second the other.
 */
#ifndef WEIR_POSIX_MEMORY_PAIRS_H
#define WEIR_POSIX_MEMORY_PAIRS_H

#include "packet/link.h"

/* mtu 0: 1500; both ends have that of the first. ERR_NO_MEMORY, ERR_NO_SPACE (too many that wait), ERR_INVALID. Any thread. */
MUST_CHECK int memory_pair_open(const char *name, uint32_t mtu, struct link **out);

#endif
