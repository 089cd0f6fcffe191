/* SPDX-License-Identifier: MIT */
/*
 * Finding the route of a request target that arrives in pieces, without keeping its bytes: the paths lie sorted, and
 * those that still agree with what was read are a range [low, high) of them, which each byte narrows.
 *
 * The target's path counts, up to '?' or '#'; of the absolute form ("http://host/path", RFC 9112 3.2.2) scheme and
 * authority are skipped. "%41" is 'A' (RFC 3986 2.1), also for "%2f"; a target with a broken escape matches nothing.
 * "." and ".." are names like others. Of several routes that match, the one given first wins.
 */
#ifndef WEIR_L7_HTTP1_MATCH_H
#define WEIR_L7_HTTP1_MATCH_H

#include "l7/http1.h"

#define HTTP1_MATCH_NONE 0xffffu

struct http1_match_entry {
    const char *path; /* decoded; owned by the table's maker */
    uint16_t length;  /* without a final '*' */
    uint16_t route;   /* its number in the order given */
    bool prefix;
};

struct http1_match {
    uint16_t low, high; /* entries that agree so far and are longer than what was read */
    uint16_t depth;     /* path bytes read */
    uint16_t prefix;    /* the first route whose prefix was met */
    uint16_t exact;     /* the first route that ends exactly here */
    uint8_t part;
    uint8_t high_digit; /* of an escape */
};

/* Sorted by path, shorter first. Constant. */
struct http1_match_table {
    struct http1_match_entry *entries;
    uint16_t count;
    struct http1_match begin; /* nothing is read */
};

/* Makes a table of entries that are filled in, by sorting them. */
void http1_match_sort(struct http1_match_table *t);

/* Nothing was said of scheme, authority or path: "*". */
bool http1_match_is_asterisk(const struct http1_match *m);
/*
 * Decodes escapes into `to`, as long as path and its end at most. False: an escape is broken, or means NUL.
 */
MUST_CHECK bool http1_match_decode(char *to, const char *path);

static inline void http1_match_begin(struct http1_match *m, const struct http1_match_table *t) { *m = t->begin; }
void http1_match_feed(struct http1_match *m, const struct http1_match_table *t, const uint8_t *bytes, uint32_t length);
/* The route's number, or HTTP1_MATCH_NONE. */
uint16_t http1_match_end(struct http1_match *m, const struct http1_match_table *t);

#endif
