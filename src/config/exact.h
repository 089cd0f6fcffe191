/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers with a unit, exactly: `1.5ms` is 1500000 of a nanosecond or an error, never something near.
 */
#ifndef WEIR_CONFIG_EXACT_H
#define WEIR_CONFIG_EXACT_H

#include "base/compiler.h"

/* A unit and how many of the result it stands for; the name "" is the number alone. An array ends with name NULL. */
struct config_unit {
    const char *name;
    uint64_t factor;
};

enum config_exact {
    CONFIG_EXACT_OK,
    CONFIG_EXACT_NO_NUMBER,    /* does not start with one: digits, then a fraction, an exponent; no sign, no spaces */
    CONFIG_EXACT_NO_UNIT,      /* a number alone, other than zero, where the units have no "" */
    CONFIG_EXACT_UNKNOWN_UNIT, /* or an exponent and a unit together */
    CONFIG_EXACT_TOO_LONG,     /* the digits alone make a number beyond 64 bits */
    CONFIG_EXACT_FRACTION,     /* not a whole number of the result */
    CONFIG_EXACT_TOO_LARGE     /* beyond 64 bits */
};

/* "ns" to "h", of a nanosecond. */
extern const struct config_unit config_duration_units[];

/* How many decimal digits a text begins with. */
size_t config_exact_digits(const char *text);

MUST_CHECK enum config_exact config_exact_parse(const char *text, const struct config_unit *units, uint64_t *value);

#endif
