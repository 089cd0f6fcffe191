/* SPDX-License-Identifier: MIT */
/*
 * Preconditions in the order of RFC 9110 13.2.2, then the range.
 */
#include "l7/http1_condition.h"

#include <string.h>

#include "l7/http1_scan.h"

struct text {
    const uint8_t *at, *end;
};

static bool is_space(uint8_t c) { return c == ' ' || c == '\t'; }

static struct text trimmed(struct text t)
{
    while (t.at < t.end && is_space(*t.at))
        t.at++;
    while (t.at < t.end && is_space(t.end[-1]))
        t.end--;
    return t;
}

/* The next line of that field behind `from` (NULL: the first), without white space around it. */
static bool next_line(const struct http1_notes *n, enum http1_field field, const uint8_t **from, struct text *out)
{
    const uint8_t *end = n->text + n->length;
    const uint8_t *at = *from ? *from : n->text;
    while (at + 2 <= end) {
        const uint8_t *text = at + 2, *stop = text;
        while (stop < end && *stop != 0)
            stop++;
        if (at[1] == (uint8_t)field) {
            *out = trimmed((struct text){text, stop});
            *from = stop;
            return true;
        }
        at = stop;
    }
    return false;
}

/* The only line of that field. */
static bool single_line(const struct http1_notes *n, enum http1_field field, struct text *out)
{
    const uint8_t *from = NULL;
    struct text second;
    return next_line(n, field, &from, out) && !next_line(n, field, &from, &second);
}

static bool equals(struct text t, const char *s)
{
    size_t n = strlen(s);
    return (size_t)(t.end - t.at) == n && memcmp(t.at, s, n) == 0;
}

/*
 * The next entity tag of a list (8.8.3), whose opaque part may hold commas; `weak` says W/. False: none is left, or
 * what follows is none.
 */
static bool next_tag(struct text *list, struct text *tag, bool *weak)
{
    while (list->at < list->end && (*list->at == ',' || is_space(*list->at)))
        list->at++;
    *weak = list->end - list->at > 2 && list->at[0] == 'W' && list->at[1] == '/';
    if (*weak)
        list->at += 2;
    if (list->at == list->end || *list->at != '"')
        return false;
    const uint8_t *close = memchr(list->at + 1, '"', (size_t)(list->end - list->at - 1));
    if (!close)
        return false;
    *tag = (struct text){list->at, close + 1};
    list->at = close + 1;
    return true;
}

/* Whether a list names the tag, or is "*". Strong comparison leaves weak tags out: 8.8.3.2. */
static bool names_tag(struct text list, const char *etag, bool strong)
{
    struct text tag;
    bool weak;
    if (equals(list, "*"))
        return true;
    while (next_tag(&list, &tag, &weak))
        if (equals(tag, etag) && !(strong && weak))
            return true;
    return false;
}

/* Any line of the field; *given: there is one. */
static bool field_names_tag(const struct http1_notes *n, enum http1_field field, const char *etag, bool strong,
                            bool *given)
{
    const uint8_t *from = NULL;
    struct text line;
    bool found = false;
    *given = false;
    while (next_line(n, field, &from, &line)) {
        *given = true;
        found = found || names_tag(line, etag, strong);
    }
    return found;
}

static bool field_date(const struct http1_notes *n, enum http1_field field, int64_t *seconds)
{
    struct text line;
    return single_line(n, field, &line) && http1_date_read(line.at, (size_t)(line.end - line.at), seconds);
}

/* 13.2.2, steps 1 to 4: 0, 304 or 412. */
static uint16_t check_preconditions(const struct http1_notes *n, const struct http1_validators *v)
{
    bool given;
    int64_t date;
    bool named = field_names_tag(n, HTTP1_FIELD_IF_MATCH, v->etag, true, &given);
    if (given ? !named : field_date(n, HTTP1_FIELD_IF_UNMODIFIED_SINCE, &date) && v->modified_s > date)
        return 412;
    named = field_names_tag(n, HTTP1_FIELD_IF_NONE_MATCH, v->etag, false, &given);
    if (given ? named : field_date(n, HTTP1_FIELD_IF_MODIFIED_SINCE, &date) && v->modified_s <= date)
        return 304;
    return 0;
}

/* 13.1.5: a tag is compared strongly, a date exactly. */
static bool range_applies(const struct http1_notes *n, const struct http1_validators *v)
{
    const uint8_t *from = NULL;
    struct text line;
    int64_t date;
    if (!next_line(n, HTTP1_FIELD_IF_RANGE, &from, &line))
        return true;
    if (line.at < line.end && (*line.at == '"' || *line.at == 'W'))
        return equals(line, v->etag);
    return field_date(n, HTTP1_FIELD_IF_RANGE, &date) && date == v->modified_s;
}

/* Digits to a number that stays at UINT64_MAX when it is larger. False: there is none. */
static bool read_number(struct text *t, uint64_t *value)
{
    const uint8_t *from = t->at;
    *value = 0;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*t->at - '0'), value))
            *value = UINT64_MAX;
    return t->at > from;
}

static bool take_unit(struct text *t)
{
    static const char unit[] = "bytes=";
    for (size_t i = 0; i < sizeof unit - 1; i++, t->at++)
        if (t->at == t->end || scan_lower(*t->at) != (uint8_t)unit[i])
            return false;
    return true;
}

/* "-n": the last n bytes. */
static uint16_t read_suffix(struct text t, uint64_t length, struct http1_range *range)
{
    uint64_t n;
    t.at++;
    if (!read_number(&t, &n) || t.at != t.end)
        return 200;
    if (n == 0 || length == 0)
        return 416;
    *range = (struct http1_range){length - min_u64(n, length), length - 1};
    return 206;
}

/* 14.1.2: 206, 416, or 200 where it is to be ignored. */
static uint16_t read_range(struct text t, uint64_t length, struct http1_range *range)
{
    uint64_t first, last = UINT64_MAX;
    if (!take_unit(&t))
        return 200;
    t = trimmed(t);
    if (t.at < t.end && *t.at == '-')
        return read_suffix(t, length, range);
    if (!read_number(&t, &first) || t.at == t.end || *t.at++ != '-')
        return 200;
    bool open_ended = t.at == t.end;
    if (!open_ended && (!read_number(&t, &last) || t.at != t.end || last < first))
        return 200;
    if (first >= length)
        return 416;
    *range = (struct http1_range){first, min_u64(last, length - 1)};
    return 206;
}

uint16_t http1_condition_evaluate(const struct http1_notes *notes, bool is_get, const struct http1_validators *v,
                                  struct http1_range *range)
{
    struct text line;
    uint16_t status = check_preconditions(notes, v);
    if (status)
        return status;
    if (!is_get || !single_line(notes, HTTP1_FIELD_RANGE, &line) || !range_applies(notes, v))
        return 200;
    return read_range(line, v->length, range);
}
