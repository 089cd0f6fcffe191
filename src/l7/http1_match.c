/* SPDX-License-Identifier: MIT */
/*
 * Matching targets against sorted paths. Invariant: the entries in [low, high) agree with the first `depth` bytes of
 * the path and are longer than that; as they are sorted, those that agree with one byte more lie together.
 */
#include "l7/http1_match.h"

#include <string.h>

#include "base/compiler.h"

/* PART_SCHEME to PART_AUTHORITY count the slashes of "http://host/". */
enum { PART_SCHEME, PART_SLASH, PART_AUTHORITY, PART_PATH, PART_HIGH_DIGIT, PART_LOW_DIGIT, PART_REST, PART_BEGIN };

static int compare(const struct http1_match_entry *a, const struct http1_match_entry *b)
{
    uint16_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->path, b->path, shorter);
    return order ? order : (int)a->length - (int)b->length;
}

/* Takes the entries that end at this depth, which come first, out of the range. */
static void settle(struct http1_match *m, const struct http1_match_table *t)
{
    for (; m->low < m->high && t->entries[m->low].length == m->depth; m->low++) {
        const struct http1_match_entry *e = &t->entries[m->low];
        uint16_t *best = e->prefix ? &m->prefix : &m->exact;
        if (e->route < *best)
            *best = e->route;
    }
}

void http1_match_sort(struct http1_match_table *t)
{
    for (uint16_t i = 1; i < t->count; i++) {
        struct http1_match_entry entry = t->entries[i];
        uint16_t at = i;
        for (; at > 0 && compare(&entry, &t->entries[at - 1]) < 0; at--)
            t->entries[at] = t->entries[at - 1];
        t->entries[at] = entry;
    }
    t->begin = (struct http1_match){
        .high = t->count, .prefix = HTTP1_MATCH_NONE, .exact = HTTP1_MATCH_NONE, .part = PART_BEGIN};
    settle(&t->begin, t);
}

static uint8_t next_byte(const struct http1_match *m, const struct http1_match_table *t, uint16_t entry)
{
    return (uint8_t)t->entries[entry].path[m->depth];
}

/* The first entry of the range whose next byte is not less than c. */
static uint16_t not_less(const struct http1_match *m, const struct http1_match_table *t, unsigned c)
{
    uint16_t low = m->low, high = m->high;

    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (next_byte(m, t, middle) < c)
            low = (uint16_t)(middle + 1);
        else
            high = middle;
    }
    return low;
}

static void path_byte(struct http1_match *m, const struct http1_match_table *t, uint8_t c)
{
    m->exact = HTTP1_MATCH_NONE;
    if (m->low < m->high && next_byte(m, t, m->low) != c)
        m->low = not_less(m, t, c);
    if (m->low < m->high && next_byte(m, t, (uint16_t)(m->high - 1)) != c)
        m->high = not_less(m, t, c + 1u);
    if (m->low < m->high) {
        m->depth++;
        settle(m, t);
    }
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* No route: what follows does not count. */
static void match_nothing(struct http1_match *m)
{
    m->low = m->high;
    m->exact = m->prefix = HTTP1_MATCH_NONE;
    m->part = PART_REST;
}

/* A byte behind '%'. RFC 3986 2.1. */
static void escaped_byte(struct http1_match *m, const struct http1_match_table *t, uint8_t c)
{
    int digit = hex_digit(c);
    if (digit < 0) {
        match_nothing(m);
    } else if (m->part == PART_HIGH_DIGIT) {
        m->high_digit = (uint8_t)digit;
        m->part = PART_LOW_DIGIT;
    } else {
        m->part = PART_PATH;
        path_byte(m, t, (uint8_t)(m->high_digit << 4 | digit));
    }
}

static bool is_plain(uint8_t c) { return c != '?' && c != '#' && c != '%'; }

/* Bytes that meet the only entry left, short of its last. */
static const uint8_t *follow_only(struct http1_match *m, const struct http1_match_table *t, const uint8_t *at,
                                  const uint8_t *end)
{
    const struct http1_match_entry *e = &t->entries[m->low];
    const uint8_t *path = (const uint8_t *)e->path + m->depth, *last = (const uint8_t *)e->path + e->length - 1;

    m->exact = HTTP1_MATCH_NONE;
    while (path < last && at < end && *at == *path && is_plain(*at)) {
        path++;
        at++;
    }
    m->depth = (uint16_t)(path - (const uint8_t *)e->path);
    return at;
}

/* No entry is left: nothing but an escape, or the end of the path, still counts. */
static const uint8_t *skip_plain(struct http1_match *m, const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_plain(*at)) {
        m->exact = HTTP1_MATCH_NONE;
        at++;
    }
    return at;
}

static void feed_path(struct http1_match *m, const struct http1_match_table *t, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        if (likely(m->part == PART_PATH)) {
            if (m->low == m->high)
                at = skip_plain(m, at, end);
            else if (m->low + 1 == m->high)
                at = follow_only(m, t, at, end);
            if (at == end)
                return;
        }
        if (unlikely(m->part != PART_PATH)) {
            if (m->part == PART_REST)
                return;
            escaped_byte(m, t, *at);
        } else if (likely(is_plain(*at))) {
            path_byte(m, t, *at);
        } else {
            m->part = *at == '%' ? PART_HIGH_DIGIT : PART_REST;
        }
        at++;
    }
}

bool http1_match_decode(char *to, const char *path)
{
    for (; *path; path++) {
        if (*path == '%') {
            int high = hex_digit((uint8_t)path[1]), low = high < 0 ? -1 : hex_digit((uint8_t)path[2]);
            if (low < 0 || high + low == 0)
                return false;
            *to++ = (char)(high << 4 | low);
            path += 2;
        } else {
            *to++ = *path;
        }
    }
    *to = '\0';
    return true;
}

/* An empty path is "/". */
static void end_authority(struct http1_match *m, const struct http1_match_table *t)
{
    path_byte(m, t, '/');
    m->part = PART_REST;
}

/* A byte before the path. Returns 0 when it is the path's first, else 1. */
static unsigned skip_byte(struct http1_match *m, const struct http1_match_table *t, uint8_t c)
{
    if (m->part == PART_AUTHORITY && c == '?')
        end_authority(m, t);
    else if (c == '/')
        m->part++;
    return m->part != PART_PATH;
}

void http1_match_feed(struct http1_match *m, const struct http1_match_table *t, const uint8_t *bytes, uint32_t length)
{
    const uint8_t *at = bytes, *end = bytes + length;
    if (m->part == PART_BEGIN && at < end)
        m->part = *at == '/' ? PART_PATH : PART_SCHEME;
    while (m->part < PART_PATH && at < end)
        at += skip_byte(m, t, *at);
    if (m->part >= PART_PATH && m->part <= PART_LOW_DIGIT)
        feed_path(m, t, at, end);
}

uint16_t http1_match_end(struct http1_match *m, const struct http1_match_table *t)
{
    if (m->part == PART_AUTHORITY)
        end_authority(m, t);
    if (unlikely(m->part == PART_HIGH_DIGIT || m->part == PART_LOW_DIGIT))
        match_nothing(m);
    return m->exact < m->prefix ? m->exact : m->prefix;
}

bool http1_match_is_asterisk(const struct http1_match *m) { return m->part == PART_SCHEME; }
