/* SPDX-License-Identifier: MIT */
/*
 * The keys of a stack's tables and sequence numbers, from the system's random source.
 */
#ifndef WEIR_ENGINE_SECRET_H
#define WEIR_ENGINE_SECRET_H

#include <sys/random.h>

#include "base/error.h"
#include "stack/stack.h"

/* ERR_SYSTEM, with errno. */
MUST_CHECK static inline int secret_fill(struct stack_settings *s)
{
    bool filled = getrandom(&s->secret, sizeof s->secret, 0) == sizeof s->secret &&
                  getrandom(&s->tcp.secret, sizeof s->tcp.secret, 0) == sizeof s->tcp.secret;
    return filled ? 0 : ERR_SYSTEM;
}

#endif
