/* SPDX-License-Identifier: MIT */
/*
 * A result sheet as text:
 *
 *     load web
 *       connections    attempted 5,000   established 5,000   failed 0
 *       latency               min      mean       p50
 *         connect         12.3 us   15.0 us   14.2 us
 */
#include <string.h>

#include "cli/sheet.h"

#define LABEL_COLUMN 2
#define VALUE_COLUMN 18
#define CELL_WIDTH 10

static void heading(void *to, const char *kind, const char *name)
{
    struct sheet_text *t = to;
    fprintf(t->file, "\n%s%s%s\n", kind, *name ? " " : "", name);
    t->judged = false;
}

static void begin_line(void *to, const char *label)
{
    struct sheet_text *t = to;
    fprintf(t->file, "%*s%-*s", LABEL_COLUMN, "", VALUE_COLUMN - LABEL_COLUMN, label);
    t->column = VALUE_COLUMN;
    t->judged = false;
}

static void value(void *to, const char *name, const char *text, bool alarming)
{
    struct sheet_text *t = to;
    unsigned length = (unsigned)(strlen(name) + strlen(text) + (*name ? 1 : 0));
    (void)alarming;
    if (t->column > VALUE_COLUMN && t->column + 3 + length > t->width) {
        fprintf(t->file, "\n%*s", VALUE_COLUMN, "");
        t->column = VALUE_COLUMN;
    }
    fprintf(t->file, "%s%s%s%s", t->column > VALUE_COLUMN ? "   " : "", name, *name ? " " : "", text);
    t->column += length + (t->column > VALUE_COLUMN ? 3 : 0);
}

static void end_line(void *to)
{
    struct sheet_text *t = to;
    fputc('\n', t->file);
}

static void begin_table(void *to, const char *label, const char *const *columns, unsigned n)
{
    struct sheet_text *t = to;
    fprintf(t->file, "%*s%-*s", LABEL_COLUMN, "", VALUE_COLUMN - LABEL_COLUMN, label);
    for (unsigned i = 0; i < n; i++)
        fprintf(t->file, "%*s", CELL_WIDTH, columns[i]);
    fputc('\n', t->file);
    t->judged = false;
}

static void row(void *to, const char *label, const char *const *cells, unsigned n)
{
    struct sheet_text *t = to;
    fprintf(t->file, "%*s%-*s", LABEL_COLUMN + 2, "", VALUE_COLUMN - LABEL_COLUMN - 2, label);
    for (unsigned i = 0; i < n; i++)
        fprintf(t->file, "%*s", CELL_WIDTH, cells[i]);
    fputc('\n', t->file);
}

static void end_table(void *to) { (void)to; }

static void judgement(void *to, bool met, const char *text)
{
    struct sheet_text *t = to;
    fprintf(t->file, "%*s%-*s%-8s %s\n", LABEL_COLUMN, "", VALUE_COLUMN - LABEL_COLUMN, t->judged ? "" : "criteria",
            met ? "met" : "NOT MET", text);
    t->judged = true;
}

static const struct sheet_ops text_ops = {
    .heading = heading,
    .begin_line = begin_line,
    .value = value,
    .end_line = end_line,
    .begin_table = begin_table,
    .row = row,
    .end_table = end_table,
    .judgement = judgement,
};

struct sheet sheet_text_begin(struct sheet_text *t, FILE *file, unsigned width)
{
    *t = (struct sheet_text){.file = file, .width = width};
    return (struct sheet){.ops = &text_ops, .to = t};
}
