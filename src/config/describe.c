/* SPDX-License-Identifier: MIT */
/*
 * What a field allows, in words: the second half of every message, and the column of the printed table.
 */
#include "config/text.h"
#include "config/type.h"

static void add_range(struct config_text *t, const char *lowest, const char *highest)
{
    if (lowest && highest)
        config_text_add(t, " from %s to %s", lowest, highest);
    else if (lowest)
        config_text_add(t, " of at least %s", lowest);
    else if (highest)
        config_text_add(t, " of at most %s", highest);
}

static void add_choices(struct config_text *t, const struct config_choice *choice)
{
    for (bool first = true; choice->name; choice++, first = false)
        config_text_add(t, "%s%s", first ? " " : ", ", choice->name);
}

static void add_text_limits(struct config_text *t, const struct config_field *field)
{
    if (field->min && field->max)
        config_text_add(t, " of %s to %s bytes", field->min, field->max);
    else if (field->min || field->max)
        config_text_add(t, " of at %s %s bytes", field->min ? "least" : "most", field->min ? field->min : field->max);
}

static void add_count(struct config_text *t, uint32_t least, uint32_t most)
{
    if (least && most)
        config_text_add(t, " of %u to %u items", least, most);
    else if (most)
        config_text_add(t, " of at most %u items", most);
    else if (least)
        config_text_add(t, " of at least %u items", least);
}

static void add_scalar(struct config_text *t, const struct config_field *field, enum config_type type)
{
    const struct config_type_row *row = config_type_row(type);
    config_text_add(t, "%s", row->phrase);
    if (type == CONFIG_TYPE_ENUM)
        add_choices(t, field->choices);
    else if (type == CONFIG_TYPE_STRING)
        add_text_limits(t, field);
    else
        add_range(t, field->min ? field->min : row->lowest, field->max ? field->max : row->highest);
}

size_t config_type_describe(const struct config_field *field, enum config_type type, char *text, size_t size)
{
    struct config_text t = config_text_into(text, size);
    if (type == CONFIG_TYPE_LIST) {
        config_text_add(&t, field->alone ? "one or a list" : "a list");
        add_count(&t, field->items_min, field->items_max);
        config_text_add(&t, ", each ");
        add_scalar(&t, field, field->item);
    } else {
        add_scalar(&t, field, type);
    }
    return t.length;
}

size_t config_type_explain(enum config_type type, enum config_misfit misfit, char *text, size_t size)
{
    struct config_text t = config_text_into(text, size);
    if (misfit == CONFIG_NO_UNIT)
        config_text_add(&t, " (the unit is missing)");
    else if (misfit == CONFIG_UNKNOWN_UNIT)
        config_text_add(&t, " (the unit is unknown)");
    else if (misfit == CONFIG_TOO_LONG)
        config_text_add(&t, " (it has too many digits)");
    else if (misfit == CONFIG_INEXACT)
        config_text_add(&t, " (it is not %s)", config_type_row(type)->grain);
    return t.length;
}
