/* SPDX-License-Identifier: MIT */
/*
 * Numbers as people read them. Counts are exact with commas; all else is rounded to three digits with its unit.
 * Results are values: format_count(n).s is good until the end of the full expression.
 */
#ifndef WEIR_CLI_FORMAT_H
#define WEIR_CLI_FORMAT_H

#include "base/compiler.h"

struct format_text {
    char s[48];
};

struct format_text format_count(uint64_t n);       /* 1,234,567 */
struct format_text format_si(double value);        /* 1.23M; 0.5; 999 */
struct format_text format_bits(double per_second); /* 1.23 Gbit/s */
struct format_text format_bytes(double bytes);     /* 1.23 MB */
struct format_text format_duration(uint64_t ns);   /* 523 ns, 12.3 us, 4.56 ms, 1.23 s, 123 s */
struct format_text format_seconds(int64_t ns);     /* 10.0 s, 2 min 05 s, 3 h 02 min */
struct format_text format_thousandths(uint64_t n); /* of a rate: 0.5, 50,000 */
struct format_text format_share(double share);     /* of 1: 12.3 % */

#endif
