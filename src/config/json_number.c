/* SPDX-License-Identifier: MIT */
/*
 * snprintf gives the digits, correctly rounded; the point is put here. The shortest form is found by trying.
 */
#include "config/json_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/scalar.h"

#define DIGITS_MAX 17 /* enough for every double to read back as itself */

/* 0.d1d2d3… * 10^point, with the sign apart. */
struct digits {
    char text[DIGITS_MAX + 1];
    int count;
    int point;
};

/* The first `count` digits of a positive value, correctly rounded. */
static void digits_of(double value, int count, struct digits *d)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    d->count = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            d->text[d->count++] = *p;
    d->text[d->count] = '\0';
    d->point = (int)strtol(p + 1, NULL, 10) + 1;
}

static bool digits_read_back(const struct digits *d, double value)
{
    char text[40];
    double back;
    int n = snprintf(text, sizeof text, "%se%d", d->text, d->point - d->count);
    return config_number_to_double(text, (size_t)n, &back) && back == value;
}

static void digits_shortest(double value, struct digits *d)
{
    for (int count = 1; count <= DIGITS_MAX; count++) {
        digits_of(value, count, d);
        if (digits_read_back(d, value))
            return;
    }
}

/* Digits with a point among them, or with an exponent where that would need many zeros. */
static void digits_format(const struct digits *d, bool negative, char *text, size_t size)
{
    const char *sign = negative ? "-" : "";
    const char *zeros = "00000000000000000000";
    if (d->point > 17 || d->point < -4)
        snprintf(text, size, "%s%c.%se%d", sign, d->text[0], d->count > 1 ? d->text + 1 : "0", d->point - 1);
    else if (d->point <= 0)
        snprintf(text, size, "%s0.%.*s%s", sign, -d->point, zeros, d->text);
    else if (d->point >= d->count)
        snprintf(text, size, "%s%s%.*s.0", sign, d->text, d->point - d->count, zeros);
    else
        snprintf(text, size, "%s%.*s.%s", sign, d->point, d->text, d->text + d->point);
}

void json_format_double(double value, char text[JSON_DOUBLE_BYTES])
{
    struct digits d = {.text = "0", .count = 1, .point = 1};
    assert(isfinite(value));
    if (value != 0)
        digits_shortest(fabs(value), &d);
    digits_format(&d, signbit(value), text, JSON_DOUBLE_BYTES);
}

void json_format_fixed(double value, unsigned decimals, char text[JSON_FIXED_BYTES])
{
    assert(isfinite(value) && decimals <= JSON_DECIMALS_MAX);
    size_t length = (size_t)snprintf(text, JSON_FIXED_BYTES, "%.*f", (int)decimals, value);
    if (decimals == 0)
        return;
    char *tail = text + length - decimals, *head = text + (text[0] == '-');
    while (*head >= '0' && *head <= '9')
        head++;
    *head++ = '.'; /* the locale's point may be another, and longer */
    memmove(head, tail, decimals + 1);
}
