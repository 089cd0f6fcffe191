/* SPDX-License-Identifier: MIT */
/*
 * "Did you mean": the nearest of some names to a mistyped one.
 */
#ifndef WEIR_CONFIG_SUGGEST_H
#define WEIR_CONFIG_SUGGEST_H

#include "base/compiler.h"

struct config_suggestion {
    const char *typed;
    const char *name; /* the nearest so far, or NULL */
    unsigned distance;
};

/* A search that accepts names up to a third of their letters wrong, at least one. */
struct config_suggestion config_suggest_begin(const char *typed);
void config_suggest_try(struct config_suggestion *s, const char *name);

#endif
