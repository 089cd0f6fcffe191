/* SPDX-License-Identifier: MIT */
/*
 * Optimal string alignment distance: insert, delete, replace, and swap of neighbours cost one each. Case, and hyphen
 * for underscore, cost nothing. Names beyond NAME_MAX_BYTES are not compared.
 */
#include "config/suggest.h"

#include <string.h>

#define NAME_MAX_BYTES 63

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c == '-' ? '_' : c;
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* The next row of the table: row[j] is the distance of a's first i letters to b's first j. */
static void distance_row(const char *a, unsigned i, const char *b, unsigned length, const unsigned *before2,
                         const unsigned *before, unsigned *row)
{
    row[0] = i;
    for (unsigned j = 1; j <= length; j++) {
        unsigned replace = before[j - 1] + (folded(a[i - 1]) != folded(b[j - 1]));
        row[j] = least(replace, least(before[j], row[j - 1]) + 1);
        bool swapped = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]);
        if (swapped)
            row[j] = least(row[j], before2[j - 2] + 1);
    }
}

static unsigned distance(const char *a, unsigned a_length, const char *b, unsigned b_length)
{
    unsigned rows[3][NAME_MAX_BYTES + 1];
    for (unsigned j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_length; i++)
        distance_row(a, i, b, b_length, rows[(i + 1) % 3], rows[(i - 1) % 3], rows[i % 3]);
    return rows[a_length % 3][b_length];
}

struct config_suggestion config_suggest_begin(const char *typed)
{
    return (struct config_suggestion){.typed = typed, .name = NULL, .distance = ~0u};
}

void config_suggest_try(struct config_suggestion *s, const char *name)
{
    size_t a = strlen(s->typed), b = strlen(name);
    if (a > NAME_MAX_BYTES || b > NAME_MAX_BYTES)
        return;
    unsigned d = distance(s->typed, (unsigned)a, name, (unsigned)b);
    unsigned most = b < 6 ? 1 : (unsigned)b / 3;
    if (d > most || d >= s->distance)
        return;
    s->name = name;
    s->distance = d;
}
