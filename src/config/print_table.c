/* SPDX-License-Identifier: MIT */
/*
 * A schema as a Markdown table that also reads well on a terminal. The fields are walked twice: to measure the columns,
 * and to write.
 */
#include <string.h>

#include "config/text.h"
#include "config/type.h"

#define NESTING_MAX 16
#define PATH_BYTES 256
#define CELL_BYTES 1024
#define COLUMNS 4

struct printer {
    json_sink_fn *sink;
    void *context;
    bool measuring;
    size_t widths[COLUMNS - 1]; /* in characters; the last column is not padded */
    int error;
};

static void put(struct printer *p, const char *bytes, size_t length)
{
    if (!p->error && length)
        p->error = p->sink(p->context, bytes, length);
}

static void put_text(struct printer *p, const char *text) { put(p, text, strlen(text)); }

/* Characters of a cell, with the backslash that a bar gets. */
static size_t cell_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((uint8_t)*text & 0xc0) == 0x80 ? 0 : *text == '|' ? 2 : 1;
    return width;
}

static void put_cell(struct printer *p, const char *text, size_t width)
{
    size_t used = cell_width(text);
    put_text(p, "| ");
    for (; *text; text++) {
        if (*text == '|')
            put_text(p, "\\");
        put(p, text, 1);
    }
    for (; used < width; used++)
        put_text(p, " ");
    put_text(p, " ");
}

static void row_put(struct printer *p, const char *const cells[COLUMNS])
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        size_t width = cell_width(cells[i]);
        bool last = i == COLUMNS - 1;
        if (!p->measuring)
            put_cell(p, cells[i], last ? width : p->widths[i]);
        else if (!last && width > p->widths[i])
            p->widths[i] = width;
    }
    if (!p->measuring)
        put_text(p, "|\n");
}

static void rule_put(struct printer *p)
{
    if (p->measuring)
        return;
    for (unsigned i = 0; i < COLUMNS; i++) {
        put_text(p, "|");
        for (size_t n = i < COLUMNS - 1 ? p->widths[i] + 2 : 3; n > 0; n--)
            put_text(p, "-");
    }
    put_text(p, "|\n");
}

static void add_choice_docs(struct config_text *t, const struct config_choice *choice)
{
    for (; choice->name; choice++)
        if (choice->doc)
            config_text_add(t, " %s: %s;", choice->name, choice->doc);
}

static void field_put(struct printer *p, const struct config_field *field, const char *path)
{
    char allowed[CELL_BYTES], meaning[CELL_BYTES];
    config_type_describe(field, field->type, allowed, sizeof allowed);
    struct config_text t = config_text_into(meaning, sizeof meaning);
    config_text_add(&t, "%s", field->doc);
    if (field->type == CONFIG_TYPE_ENUM || (field->type == CONFIG_TYPE_LIST && field->item == CONFIG_TYPE_ENUM))
        add_choice_docs(&t, field->choices);
    size_t end = strlen(meaning);
    if (end && meaning[end - 1] == ';')
        meaning[end - 1] = '.';
    const char *fallback = field->required                        ? "required"
                           : field->fallback && !*field->fallback ? "\"\""
                                                                  : field->fallback;
    row_put(p, (const char *const[COLUMNS]){path, allowed, fallback ? fallback : "-", meaning});
}

static void schema_put(struct printer *p, const struct config_schema *schema, const char *prefix, unsigned nesting)
{
    if (nesting > NESTING_MAX)
        return;
    for (size_t i = 0; i < schema->count && !p->error; i++) {
        const struct config_field *field = &schema->fields[i];
        char path[PATH_BYTES];
        struct config_text t = config_text_into(path, sizeof path);
        config_text_add(&t, "%s%s%s", prefix, *prefix ? "." : "", field->name);
        field_put(p, field, path);
        if (field->type == CONFIG_TYPE_LIST)
            config_text_add(&t, "[]");
        if (field->schema)
            schema_put(p, field->schema, path, nesting + 1);
    }
}

static void table_put(struct printer *p, const struct config_schema *schema)
{
    row_put(p, (const char *const[COLUMNS]){"Key", "Value", "Default", "Meaning"});
    rule_put(p);
    schema_put(p, schema, "", 0);
}

int config_schema_print_table(const struct config_schema *schema, json_sink_fn *sink, void *context)
{
    struct printer p = {.sink = sink, .context = context, .measuring = true};
    table_put(&p, schema);
    p.measuring = false;
    table_put(&p, schema);
    return p.error;
}
