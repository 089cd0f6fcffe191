/* SPDX-License-Identifier: MIT */
/*
 * Finite doubles as JSON numbers (RFC 8259 section 6), whatever the locale's decimal point.
 */
#ifndef WEIR_CONFIG_JSON_NUMBER_H
#define WEIR_CONFIG_JSON_NUMBER_H

#include "base/compiler.h"

#define JSON_DOUBLE_BYTES 48
#define JSON_FIXED_BYTES 360
#define JSON_DECIMALS_MAX 17

/* The shortest decimal that reads back as the same double; always with a point or an exponent. */
void json_format_double(double value, char text[JSON_DOUBLE_BYTES]);
/* With exactly `decimals`, at most JSON_DECIMALS_MAX. */
void json_format_fixed(double value, unsigned decimals, char text[JSON_FIXED_BYTES]);

#endif
