/* SPDX-License-Identifier: MIT */
/*
 * Decides which fallible call fails: torture.c, in builds with WEIR_TORTURE. In others none does.
 */
#ifndef WEIR_TESTS_TORTURE_TORTURE_H
#define WEIR_TESTS_TORTURE_TORTURE_H

#include <stdbool.h>

#ifdef WEIR_TORTURE
/* Counts a call; true: it has to fail. */
bool torture_fails(const char *call);
#else
static inline bool torture_fails(const char *call)
{
    (void)call;
    return false;
}
#endif

#endif
