/* SPDX-License-Identifier: MIT */
/*
 * What a plain scalar stands for: tree.h gives the rules.
 */
#ifndef WEIR_CONFIG_SCALAR_H
#define WEIR_CONFIG_SCALAR_H

#include "config/tree.h"

/*
 * Sets kind and value of a node from its text, as a plain (unquoted) scalar. NULL, or what is allowed where the text is
 * a number that cannot be held.
 */
MUST_CHECK const char *config_scalar_resolve(struct config_node *node);

/*
 * The nearest double to a number of JSON's grammar, whatever the locale. False when it is too large, or too small to
 * differ from zero.
 */
MUST_CHECK bool config_number_to_double(const char *text, size_t length, double *value);

#endif
