/* SPDX-License-Identifier: MIT */
/*
 * Whether the tables of a schema are sound, so that a slip in one is a failed unit test and not a wrong setting.
 */
#include <string.h>

#include "config/text.h"
#include "config/type.h"

#define NESTING_MAX 16

static int schema_check(const struct config_schema *schema, unsigned nesting, struct config_error *error);

static void check_begin(struct config_error *error, const struct config_schema *schema,
                        const struct config_field *field)
{
    char name[128];
    struct config_text t = config_text_into(name, sizeof name);
    config_text_add(&t, "schema %s", schema->name ? schema->name : "(unnamed)");
    if (field)
        config_text_add(&t, ", field %s", field->name ? field->name : "(unnamed)");
    config_error_set(error, name, 0, 0, "%s", "");
}

/* field may be NULL. */
static int check_fail(struct config_error *error, const struct config_schema *schema, const struct config_field *field,
                      const char *format, ...) PRINTF_LIKE(4, 5);
static int check_fail(struct config_error *error, const struct config_schema *schema, const struct config_field *field,
                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    check_begin(error, schema, field);
    config_error_add_list(error, format, arguments);
    va_end(arguments);
    return ERR_INVALID;
}

static bool name_is_snake_case(const char *name)
{
    return name && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static bool is_scalar(enum config_type type) { return config_type_row(type)->read != NULL; }

static int name_check(const struct config_schema *schema, const struct config_field *field, struct config_error *error)
{
    if (!name_is_snake_case(field->name))
        return check_fail(error, schema, field, "the name is not snake_case");
    for (const struct config_field *other = schema->fields; other < field; other++)
        if (strcmp(other->name, field->name) == 0)
            return check_fail(error, schema, field, "the name is there twice");
    if (!field->doc || !*field->doc || strchr(field->doc, '\n'))
        return check_fail(error, schema, field, "its doc is not one line");
    return 0;
}

static int place_check(const struct config_schema *schema, const struct config_field *field, struct config_error *error)
{
    bool list = field->type == CONFIG_TYPE_LIST;
    enum config_type type = list ? field->item : field->type;
    size_t size = type == CONFIG_TYPE_MAP ? field->schema->size : config_type_row(type)->size;
    if (field->size != size)
        return check_fail(error, schema, field, "its member has %zu bytes, its type %zu", field->size, size);
    size_t extent = list ? sizeof(void *) : size;
    if (field->offset > schema->size || extent > schema->size - field->offset)
        return check_fail(error, schema, field, "its member lies outside of the settings");
    if (list && (field->count_offset > schema->size - sizeof(uint32_t) || field->count_offset == field->offset))
        return check_fail(error, schema, field, "its count lies outside of the settings");
    return 0;
}

static int choices_check(const struct config_schema *schema, const struct config_field *field,
                         struct config_error *error)
{
    if (!field->choices || !field->choices->name)
        return check_fail(error, schema, field, "it has no choices");
    for (const struct config_choice *choice = field->choices; choice->name; choice++)
        for (const struct config_choice *other = field->choices; other < choice; other++)
            if (strcmp(other->name, choice->name) == 0)
                return check_fail(error, schema, field, "the choice %s is there twice", choice->name);
    return 0;
}

static int limits_check(const struct config_schema *schema, const struct config_field *field, enum config_type type,
                        struct config_error *error)
{
    struct config_value value;
    if ((field->min || field->max) && config_type_row(type)->order == CONFIG_UNORDERED)
        return check_fail(error, schema, field, "its type has no min and max");
    if (field->min && config_type_read_limit(field, type, field->min, &value))
        return check_fail(error, schema, field, "its min cannot be read");
    struct config_field only_max = *field;
    only_max.min = NULL;
    if (field->min && !config_type_in_limits(&only_max, type, &value))
        return check_fail(error, schema, field, "its max is below its min, or cannot be read");
    if (field->max && config_type_read_limit(field, type, field->max, &value))
        return check_fail(error, schema, field, "its max cannot be read");
    return 0;
}

static int fallback_check(const struct config_schema *schema, const struct config_field *field,
                          struct config_error *error)
{
    struct config_value value;
    if (!field->fallback)
        return 0;
    if (field->required || !is_scalar(field->type))
        return check_fail(error, schema, field, "it has a fallback although it is %s",
                          field->required ? "required" : "no scalar");
    if (config_type_read_text(field, field->type, field->fallback, &value))
        return check_fail(error, schema, field, "its fallback cannot be read");
    if (!config_type_in_limits(field, field->type, &value))
        return check_fail(error, schema, field, "its fallback is not between its min and max");
    return 0;
}

static int type_check(const struct config_schema *schema, const struct config_field *field, unsigned nesting,
                      struct config_error *error)
{
    enum config_type type = field->type == CONFIG_TYPE_LIST ? field->item : field->type;
    bool nested = type == CONFIG_TYPE_MAP || type == CONFIG_TYPE_OPTIONAL;
    if (field->type == CONFIG_TYPE_LIST && (type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_OPTIONAL))
        return check_fail(error, schema, field, "its items cannot be of this type");
    if (nested && !field->schema)
        return check_fail(error, schema, field, "it has no schema");
    if (field->alone && (field->type != CONFIG_TYPE_LIST || nested || type == CONFIG_TYPE_NODE))
        return check_fail(error, schema, field, "only a list of scalars can be given as one of them");
    if (field->items_max && field->items_min > field->items_max)
        return check_fail(error, schema, field, "its items_max is below its items_min");
    int result = nested || field->schema ? schema_check(field->schema, nesting + 1, error) : 0;
    if (!result && type == CONFIG_TYPE_ENUM)
        result = choices_check(schema, field, error);
    return result ? result : limits_check(schema, field, type, error);
}

static int field_check(const struct config_schema *schema, const struct config_field *field, unsigned nesting,
                       struct config_error *error)
{
    if (field->type >= CONFIG_TYPE_COUNT || field->item >= CONFIG_TYPE_COUNT)
        return check_fail(error, schema, field, "its type does not exist");
    int result = name_check(schema, field, error);
    if (!result)
        result = type_check(schema, field, nesting, error);
    if (!result)
        result = place_check(schema, field, error);
    return result ? result : fallback_check(schema, field, error);
}

static int schema_check(const struct config_schema *schema, unsigned nesting, struct config_error *error)
{
    if (nesting > NESTING_MAX)
        return check_fail(error, schema, NULL, "it is nested more than %d levels deep", NESTING_MAX);
    if (!schema->name || !schema->doc)
        return check_fail(error, schema, NULL, "it has no name or no doc");
    for (size_t i = 0; i < schema->count; i++) {
        int result = field_check(schema, &schema->fields[i], nesting, error);
        if (result)
            return result;
    }
    return 0;
}

int config_schema_check(const struct config_schema *schema, struct config_error *error)
{
    return schema_check(schema, 0, error);
}
