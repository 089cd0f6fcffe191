/* SPDX-License-Identifier: MIT */
/*
 * A result sheet as HTML: a heading opens a section; its lines and tables are rows of named values, its judgements a
 * list.
 */
#include "cli/html.h"
#include "cli/sheet.h"

static void end_list(struct sheet_html *h)
{
    if (h->in_list)
        fputs("</dl>\n", h->file);
    if (h->judging)
        fputs("</ul>\n", h->file);
    h->in_list = h->judging = false;
}

static void end_section(struct sheet_html *h)
{
    end_list(h);
    if (h->in_section)
        fputs("</section>\n", h->file);
    h->in_section = false;
}

static void heading(void *to, const char *kind, const char *name)
{
    struct sheet_html *h = to;
    end_section(h);
    fputs("<section class=\"sheet\"><h3>", h->file);
    html_text(h->file, kind);
    fputs(" <b>", h->file);
    html_text(h->file, name);
    fputs("</b></h3>\n", h->file);
    h->in_section = true;
}

static void begin_line(void *to, const char *label)
{
    struct sheet_html *h = to;
    if (h->judging)
        end_list(h);
    if (!h->in_list)
        fputs("<dl>\n", h->file);
    h->in_list = true;
    fputs("<dt>", h->file);
    html_text(h->file, label);
    fputs("</dt><dd>", h->file);
}

static void value(void *to, const char *name, const char *text, bool alarming)
{
    struct sheet_html *h = to;
    fputs(alarming ? "<span class=\"alarm\">" : "<span>", h->file);
    html_text(h->file, name);
    fputs(*name ? " <b>" : "<b>", h->file);
    html_text(h->file, text);
    fputs("</b></span> ", h->file);
}

static void end_line(void *to)
{
    struct sheet_html *h = to;
    fputs("</dd>\n", h->file);
}

static void begin_table(void *to, const char *label, const char *const *columns, unsigned n)
{
    struct sheet_html *h = to;
    end_list(h);
    fputs("<div class=\"scroll\"><table><thead><tr><th>", h->file);
    html_text(h->file, label);
    fputs("</th>", h->file);
    for (unsigned i = 0; i < n; i++) {
        fputs("<th>", h->file);
        html_text(h->file, columns[i]);
        fputs("</th>", h->file);
    }
    fputs("</tr></thead><tbody>\n", h->file);
}

static void row(void *to, const char *label, const char *const *cells, unsigned n)
{
    struct sheet_html *h = to;
    fputs("<tr><th>", h->file);
    html_text(h->file, label);
    fputs("</th>", h->file);
    for (unsigned i = 0; i < n; i++) {
        fputs("<td>", h->file);
        html_text(h->file, cells[i]);
        fputs("</td>", h->file);
    }
    fputs("</tr>\n", h->file);
}

static void end_table(void *to)
{
    struct sheet_html *h = to;
    fputs("</tbody></table></div>\n", h->file);
}

static void judgement(void *to, bool met, const char *text)
{
    struct sheet_html *h = to;
    if (!h->judging) {
        end_list(h);
        fputs("<ul class=\"criteria\">\n", h->file);
    }
    h->judging = true;
    fprintf(h->file, "<li><span class=\"badge %s\">%s</span> ", met ? "met" : "unmet", met ? "met" : "not met");
    html_text(h->file, text);
    fputs("</li>\n", h->file);
}

static const struct sheet_ops html_ops = {
    .heading = heading,
    .begin_line = begin_line,
    .value = value,
    .end_line = end_line,
    .begin_table = begin_table,
    .row = row,
    .end_table = end_table,
    .judgement = judgement,
};

struct sheet sheet_html_begin(struct sheet_html *h, FILE *file)
{
    *h = (struct sheet_html){.file = file};
    return (struct sheet){.ops = &html_ops, .to = h};
}

void sheet_html_end(struct sheet_html *h) { end_section(h); }
