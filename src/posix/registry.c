/* SPDX-License-Identifier: MIT */
/*
 * The stacks of a process by number, so that one number names a descriptor and its stack. Written when a stack is made or ends; read without a lock.
 */
#include "posix/private.h"

static _Atomic(struct weir_stack *) stacks[POSIX_MAX_STACKS];

int registry_add(struct weir_stack *w)
{
    for (unsigned i = 0; i < POSIX_MAX_STACKS; i++) {
        struct weir_stack *none = NULL;
        if (atomic_compare_exchange_strong(&stacks[i], &none, w)) {
            w->number = (int)i;
            return 0;
        }
    }
    return -EMFILE;
}

void registry_remove(struct weir_stack *w)
{
    if (w->number >= 0)
        atomic_store(&stacks[w->number], NULL);
    w->number = -1;
}

int weir_descriptor(const struct weir_stack *w, int fd)
{
    return fd < 0 ? fd : (int)((unsigned)w->number * POSIX_MAX_DESCRIPTORS + (unsigned)fd);
}

struct weir_stack *weir_stack_of(int descriptor, int *fd)
{
    unsigned number = (unsigned)descriptor / POSIX_MAX_DESCRIPTORS;
    *fd = (int)((unsigned)descriptor % POSIX_MAX_DESCRIPTORS);
    return descriptor >= 0 && number < POSIX_MAX_STACKS ? atomic_load(&stacks[number]) : NULL;
}
