/* SPDX-License-Identifier: MIT */
/*
 * The C library's own functions, found once: before the first call, whoever makes it, since constructors of other libraries may run before ours.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>

#include "preload/preload.h"

struct kernel_calls kernel_calls;
atomic_bool kernel_ready;

/* Several threads may do this at once: all write the same. */
void kernel_resolve(void)
{
#define RESOLVE(name) *(void **)(void *)&kernel_calls.name = dlsym(RTLD_NEXT, #name);
    KERNEL_CALL_LIST(RESOLVE)
#undef RESOLVE
    atomic_store_explicit(&kernel_ready, true, memory_order_release);
}
