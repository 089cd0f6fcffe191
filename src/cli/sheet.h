/* SPDX-License-Identifier: MIT */
/*
 * A result sheet: headings, lines of named values, small tables, judgements. What stands in it is said once (facts.c)
 * and written by one of two renderers: text for people at a terminal (sheet_text.c), HTML for the report
 * (sheet_html.c).
 */
#ifndef WEIR_CLI_SHEET_H
#define WEIR_CLI_SHEET_H

#include <stdio.h>

#include "base/compiler.h"

#define SHEET_COLUMNS_MAX 8

struct sheet_ops {
    void (*heading)(void *to, const char *kind, const char *name);
    void (*begin_line)(void *to, const char *label);
    void (*value)(void *to, const char *name, const char *text, bool alarming);
    void (*end_line)(void *to);
    void (*begin_table)(void *to, const char *label, const char *const *columns, unsigned n);
    void (*row)(void *to, const char *label, const char *const *cells, unsigned n);
    void (*end_table)(void *to);
    void (*judgement)(void *to, bool met, const char *text);
};

struct sheet {
    const struct sheet_ops *ops;
    void *to;
};

/* Parts of a line, between begin_line and end_line. */
void sheet_count(const struct sheet *s, const char *name, uint64_t n);
/* A count that should be 0: set apart when it is not. */
void sheet_trouble(const struct sheet *s, const char *name, uint64_t n);
void sheet_say(const struct sheet *s, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);

/* Renders text, lines up to `width` characters. */
struct sheet_text {
    FILE *file;
    unsigned width, column;
    bool judged; /* the last thing was a judgement */
};
struct sheet sheet_text_begin(struct sheet_text *t, FILE *file, unsigned width);

/* Renders HTML sections. */
struct sheet_html {
    FILE *file;
    bool in_section, in_list, judging;
};
struct sheet sheet_html_begin(struct sheet_html *h, FILE *file);
void sheet_html_end(struct sheet_html *h);

#endif
