/* SPDX-License-Identifier: MIT */
/*
 * Memory from malloc. Sizes of zero are taken as one, so that NULL always means failure.
 */
#include "config/heap.h"

#include <stdlib.h>

void *config_heap_alloc(size_t size) { return calloc(1, size ? size : 1); }
void *config_heap_resize(void *old, size_t size) { return realloc(old, size ? size : 1); }
void config_heap_free(void *memory) { free(memory); }
