/* SPDX-License-Identifier: MIT */
/*
 * A schema as a JSON Schema (draft 2020-12) for editors. It says what JSON Schema can express; limits of values with
 * units stand in the descriptions, and config_bind has the last word.
 */
#include <string.h>

#include "config/text.h"
#include "config/type.h"

#define NESTING_MAX 16

static void map_put(struct json_writer *w, const struct config_schema *schema, unsigned nesting);

/* A value that config_type_read_text has read, as JSON. */
static void scalar_put(struct json_writer *w, enum config_type type, const char *text, const struct config_value *value)
{
    switch (type) {
    case CONFIG_TYPE_BOOL:
        json_put_bool(w, value->as.boolean);
        break;
    case CONFIG_TYPE_I64:
        json_put_i64(w, value->order.i64);
        break;
    case CONFIG_TYPE_U64:
    case CONFIG_TYPE_U32:
    case CONFIG_TYPE_U16:
    case CONFIG_TYPE_U8:
        json_put_u64(w, value->order.u64);
        break;
    case CONFIG_TYPE_DOUBLE:
        json_put_double(w, value->order.number);
        break;
    default:
        json_put_string(w, text);
        break;
    }
}

static void limit_put(struct json_writer *w, const char *key, const struct config_field *field, enum config_type type,
                      const char *text)
{
    struct config_value value;
    if (!text || config_type_read_limit(field, type, text, &value))
        return;
    json_key(w, key);
    scalar_put(w, type == CONFIG_TYPE_STRING ? CONFIG_TYPE_U64 : type, text, &value);
}

static void limits_put(struct json_writer *w, const struct config_field *field, enum config_type type)
{
    const struct config_type_row *row = config_type_row(type);
    if (!row->json_type)
        return;
    if (strcmp(row->json_type, "integer") == 0 || strcmp(row->json_type, "number") == 0) {
        limit_put(w, "minimum", field, type, field->min ? field->min : row->lowest);
        limit_put(w, "maximum", field, type, field->max ? field->max : row->highest);
    } else if (type == CONFIG_TYPE_STRING) {
        limit_put(w, "maxLength", field, type, field->max); /* characters; no text within the limit of bytes has more */
    }
}

static void choices_put(struct json_writer *w, const struct config_choice *choice)
{
    json_member_array(w, "enum");
    for (; choice->name; choice++)
        json_put_string(w, choice->name);
    json_end_array(w);
}

static void type_put(struct json_writer *w, const struct config_type_row *row)
{
    if (row->json_type) {
        json_member_string(w, "type", row->json_type);
    } else if (row->read) { /* a number alone or a text with a unit */
        json_member_array(w, "type");
        json_put_string(w, "string");
        json_put_string(w, "number");
        json_end_array(w);
    }
    if (row->json_format)
        json_member_string(w, "format", row->json_format);
}

static void items_put(struct json_writer *w, const struct config_field *field, unsigned nesting);

/* The members that describe a value of the type. */
static void value_put(struct json_writer *w, const struct config_field *field, enum config_type type, unsigned nesting)
{
    if (type == CONFIG_TYPE_ENUM)
        choices_put(w, field->choices);
    else if (type == CONFIG_TYPE_LIST)
        items_put(w, field, nesting);
    else if (field->schema)
        map_put(w, field->schema, nesting + 1);
    else
        type_put(w, config_type_row(type));
    limits_put(w, field, type);
}

static void array_put(struct json_writer *w, const struct config_field *field, unsigned nesting)
{
    json_member_string(w, "type", "array");
    if (field->items_min)
        json_member_u64(w, "minItems", field->items_min);
    if (field->items_max)
        json_member_u64(w, "maxItems", field->items_max);
    json_member_object(w, "items");
    value_put(w, field, field->item, nesting);
    json_end_object(w);
}

static void items_put(struct json_writer *w, const struct config_field *field, unsigned nesting)
{
    if (!field->alone) {
        array_put(w, field, nesting);
        return;
    }
    json_member_array(w, "anyOf");
    json_begin_object(w);
    value_put(w, field, field->item, nesting);
    json_end_object(w);
    json_begin_object(w);
    array_put(w, field, nesting);
    json_end_object(w);
    json_end_array(w);
}

static void description_put(struct json_writer *w, const struct config_field *field)
{
    char text[1024];
    struct config_text t = config_text_into(text, sizeof text);
    char allowed[640];
    config_type_describe(field, field->type, allowed, sizeof allowed);
    config_text_add(&t, "%s (%s)", field->doc, allowed);
    json_member_string(w, "description", text);
}

static void field_put(struct json_writer *w, const struct config_field *field, unsigned nesting)
{
    struct config_value value;
    json_member_object(w, field->name);
    description_put(w, field);
    value_put(w, field, field->type, nesting);
    if (field->fallback && !config_type_read_text(field, field->type, field->fallback, &value)) {
        json_key(w, "default");
        scalar_put(w, field->type, field->fallback, &value);
    }
    json_end_object(w);
}

static void required_put(struct json_writer *w, const struct config_schema *schema)
{
    bool any = false;
    for (size_t i = 0; i < schema->count; i++) {
        if (!schema->fields[i].required)
            continue;
        if (!any)
            json_member_array(w, "required");
        any = true;
        json_put_string(w, schema->fields[i].name);
    }
    if (any)
        json_end_array(w);
}

static void map_put(struct json_writer *w, const struct config_schema *schema, unsigned nesting)
{
    json_member_string(w, "type", "object");
    if (nesting > NESTING_MAX)
        return;
    json_member_object(w, "properties");
    for (size_t i = 0; i < schema->count; i++)
        field_put(w, &schema->fields[i], nesting);
    json_end_object(w);
    required_put(w, schema);
    json_member_bool(w, "additionalProperties", false);
}

int config_schema_print_json(const struct config_schema *schema, json_sink_fn *sink, void *context)
{
    struct json_writer w;
    json_writer_init(&w, sink, context, 2);
    json_begin_object(&w);
    json_member_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_member_string(&w, "title", schema->name);
    json_member_string(&w, "description", schema->doc);
    map_put(&w, schema, 0);
    json_end_object(&w);
    return json_finish(&w);
}
