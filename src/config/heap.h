/* SPDX-License-Identifier: MIT */
/*
 * The one place where config/ takes memory from the C library. Configuration is read and results are written outside of
 * the packet path.
 */
#ifndef WEIR_CONFIG_HEAP_H
#define WEIR_CONFIG_HEAP_H

#include "base/compiler.h"

/* Zeroed memory, aligned for any object, or NULL. */
MUST_CHECK void *config_heap_alloc(size_t size);
/* The memory with a new size, its contents kept; NULL leaves it as it was. old may be NULL. */
MUST_CHECK void *config_heap_resize(void *old, size_t size);
/* NULL is allowed. */
void config_heap_free(void *memory);

#endif
