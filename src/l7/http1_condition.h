/* SPDX-License-Identifier: MIT */
/*
 * Whether and which part of a file a request wants: the preconditions and ranges of RFC 9110 sections 13 and 14, and
 * the dates of section 5.6.7. Pure functions of text.
 *
 * A request's fields are notes: entries "\0" field text, one for each field line, in the order of the lines.
 */
#ifndef WEIR_L7_HTTP1_CONDITION_H
#define WEIR_L7_HTTP1_CONDITION_H

#include "l7/http1_field.h"

struct http1_notes {
    const uint8_t *text;
    uint32_t length;
};

/* What the present representation is. */
struct http1_validators {
    const char *etag; /* with its quotes; strong */
    int64_t modified_s;
    uint64_t length;
};

struct http1_range {
    uint64_t first, last; /* both are sent */
};

/*
 * The status of the answer to GET or HEAD: 200, 206 with *range (GET only), 304, 412, 416. Several ranges, other units
 * and fields that cannot be read count as if they were not there (14.2).
 */
uint16_t http1_condition_evaluate(const struct http1_notes *notes, bool is_get, const struct http1_validators *v,
                                  struct http1_range *range);

#define HTTP1_DATE_BYTES 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and its end */
/* Seconds since 1970 as a date; years 1 to 9999. */
void http1_date_write(char to[HTTP1_DATE_BYTES], int64_t seconds);
/* Any of the three forms of a date. False: none of them. */
bool http1_date_read(const uint8_t *text, size_t length, int64_t *seconds);

#endif
