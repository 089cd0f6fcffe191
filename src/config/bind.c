/* SPDX-License-Identifier: MIT */
/*
 * Binding: a map node against a schema, into a settings struct. Problems are collected, and binding goes on behind
 * each, in the order of the file; missing keys come at the end of their map. Members are written through memcpy at the
 * offsets of the tables. The depth of the tree bounds the recursion.
 */
#include <string.h>

#include "config/schema.h"
#include "config/suggest.h"
#include "config/text.h"
#include "config/tree_private.h"
#include "config/type.h"

static void map_bind(const struct config_node *node, const struct config_schema *schema, void *settings,
                     struct config_errors *errors);

static void *member(void *settings, size_t offset) { return (char *)settings + offset; }

static void member_store(void *settings, size_t offset, const void *value, size_t size)
{
    memcpy(member(settings, offset), value, size);
}

static const struct config_field *field_find(const struct config_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->count; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return &schema->fields[i];
    return NULL;
}

/* Memory in the node's tree; NULL with a problem added. */
static void *bind_alloc(const struct config_node *node, size_t count, size_t size, struct config_errors *errors)
{
    struct config_tree *tree = node->source->tree;
    void *memory = config_arena_array(&tree->arena, count, size);
    if (!memory)
        config_errors_add(errors, node, NULL, "found no memory for %zu times %zu bytes, allowed %zu bytes for the tree",
                          count, size, tree->limits.memory_bytes);
    return memory;
}

/* ---- messages ---- */

/* Counts a problem that will not be told; false when it will be. */
static bool report_skip(struct config_errors *errors)
{
    bool full = errors->count >= CONFIG_ERRORS_MAX;
    errors->count += full;
    return full;
}

static void add_suggestion(struct config_text *t, const struct config_suggestion *s)
{
    if (s->name)
        config_text_add(t, " (did you mean %s?)", s->name);
}

/* What helps beyond what is allowed, or "". */
static const char *report_hint(enum config_type type, const struct config_node *node)
{
    bool is_map = type == CONFIG_TYPE_MAP || type == CONFIG_TYPE_OPTIONAL;
    if (is_map && node->kind == CONFIG_NULL)
        return " ({} takes all defaults)";
    if (type == CONFIG_TYPE_STRING &&
        (node->kind == CONFIG_BOOL || node->kind == CONFIG_INT || node->kind == CONFIG_FLOAT))
        return " (in quotes it is a text)";
    return "";
}

static void add_choice_suggestion(struct config_text *t, const struct config_field *field,
                                  const struct config_node *node)
{
    struct config_suggestion s = config_suggest_begin(node->text);
    for (const struct config_choice *choice = field->choices; choice->name; choice++)
        config_suggest_try(&s, choice->name);
    add_suggestion(t, &s);
}

static void report_misfit(const struct config_field *field, enum config_type type, const struct config_node *node,
                          enum config_misfit misfit, struct config_errors *errors)
{
    char found[160], allowed[320], more[128];
    if (report_skip(errors))
        return;
    config_node_describe(node, found, sizeof found);
    config_type_describe(field, type, allowed, sizeof allowed);
    size_t length = config_type_explain(type, misfit, more, sizeof more);
    struct config_text t = {.bytes = more, .size = sizeof more, .length = length};
    if (type == CONFIG_TYPE_ENUM && node->kind == CONFIG_STRING)
        add_choice_suggestion(&t, field, node);
    config_errors_add(errors, node, NULL, "found %s%s, allowed %s%s", found, more, allowed, report_hint(type, node));
}

/* The message stands at the key, not at its value. */
static void report_unknown_key(const struct config_schema *schema, const struct config_node *node,
                               struct config_errors *errors)
{
    char found[256], allowed[240];
    if (report_skip(errors))
        return;
    struct config_text f = config_text_into(found, sizeof found), a = config_text_into(allowed, sizeof allowed);
    struct config_suggestion s = config_suggest_begin(node->key);
    for (size_t i = 0; i < schema->count; i++) {
        config_suggest_try(&s, schema->fields[i].name);
        config_text_add(&a, "%s%s", i ? ", " : " ", schema->fields[i].name);
    }
    config_text_add_quoted(&f, node->key, strlen(node->key));
    add_suggestion(&f, &s);
    struct config_node at_key = *node;
    if (!node->source->assigned) {
        at_key.line = node->key_line;
        at_key.column = node->key_column;
    }
    config_errors_add(errors, &at_key, NULL, "found the unknown key %s, allowed%s", found,
                      schema->count ? allowed : " none");
}

/* ---- values ---- */

static void scalar_bind(const struct config_field *field, enum config_type type, const struct config_node *node,
                        void *to, struct config_errors *errors)
{
    struct config_value value;
    enum config_misfit misfit = config_type_read(field, type, node, &value);
    if (misfit == CONFIG_FITS && !config_type_in_limits(field, type, &value))
        misfit = CONFIG_OUT_OF_RANGE;
    if (misfit == CONFIG_FITS)
        memcpy(to, &value.as, config_type_row(type)->size);
    else
        report_misfit(field, type, node, misfit, errors);
}

static void embedded_bind(const struct config_field *field, enum config_type type, const struct config_node *node,
                          void *to, struct config_errors *errors)
{
    if (node->kind == CONFIG_MAP)
        map_bind(node, field->schema, to, errors);
    else
        report_misfit(field, type, node, CONFIG_WRONG, errors);
}

static void optional_bind(const struct config_field *field, const struct config_node *node, void *to,
                          struct config_errors *errors)
{
    void *settings = node->kind == CONFIG_MAP ? bind_alloc(node, 1, field->schema->size, errors) : NULL;
    if (settings) {
        map_bind(node, field->schema, settings, errors);
        memcpy(to, &settings, sizeof settings);
    } else if (node->kind != CONFIG_MAP) {
        report_misfit(field, CONFIG_TYPE_OPTIONAL, node, CONFIG_WRONG, errors);
    }
}

static void node_bind(const struct config_node *node, void *to)
{
    memcpy(to, &node, sizeof(const struct config_node *));
}

static void item_bind(const struct config_field *field, const struct config_node *node, void *to,
                      struct config_errors *errors)
{
    if (field->item == CONFIG_TYPE_MAP)
        embedded_bind(field, field->item, node, to, errors);
    else if (field->item == CONFIG_TYPE_NODE)
        node_bind(node, to);
    else
        scalar_bind(field, field->item, node, to, errors);
}

/* One that stands for a list. */
static void alone_bind(const struct config_field *field, const struct config_node *node, void *settings,
                       struct config_errors *errors)
{
    char *item = bind_alloc(node, 1, field->size, errors);
    const uint32_t count = item ? 1 : 0;
    if (item)
        item_bind(field, node, item, errors);
    member_store(settings, field->offset, &item, sizeof item);
    member_store(settings, field->count_offset, &count, sizeof count);
}

static void list_bind(const struct config_field *field, const struct config_node *node, void *settings,
                      struct config_errors *errors)
{
    if (field->alone && node->kind != CONFIG_LIST && node->kind != CONFIG_MAP) {
        alone_bind(field, node, settings, errors);
        return;
    }
    bool most_kept = field->items_max == 0 || node->count <= field->items_max;
    if (node->kind != CONFIG_LIST || node->count < field->items_min || !most_kept) {
        report_misfit(field, CONFIG_TYPE_LIST, node, CONFIG_WRONG, errors);
        return;
    }
    char *items = node->count ? bind_alloc(node, node->count, field->size, errors) : NULL;
    uint32_t count = items ? node->count : 0, i = 0;
    for (const struct config_node *item = node->first; item && i < count; item = item->next, i++)
        item_bind(field, item, items + (size_t)i * field->size, errors);
    member_store(settings, field->offset, &items, sizeof items);
    member_store(settings, field->count_offset, &count, sizeof count);
}

static void field_bind(const struct config_field *field, const struct config_node *node, void *settings,
                       struct config_errors *errors)
{
    void *to = member(settings, field->offset);
    switch (field->type) {
    case CONFIG_TYPE_MAP:
        embedded_bind(field, field->type, node, to, errors);
        break;
    case CONFIG_TYPE_OPTIONAL:
        optional_bind(field, node, to, errors);
        break;
    case CONFIG_TYPE_LIST:
        list_bind(field, node, settings, errors);
        break;
    case CONFIG_TYPE_NODE:
        node_bind(node, to);
        break;
    default:
        scalar_bind(field, field->type, node, to, errors);
        break;
    }
    if (field->given_offset)
        member_store(settings, field->given_offset - 1, &(bool){true}, sizeof(bool));
}

/* ---- maps ---- */

static void field_default(const struct config_field *field, void *settings)
{
    if (field->type == CONFIG_TYPE_MAP)
        config_defaults(field->schema, member(settings, field->offset));
    if (field->given_offset)
        member_store(settings, field->given_offset - 1, &(bool){false}, sizeof(bool));
    if (!field->fallback)
        return;
    struct config_value value;
    enum config_misfit misfit = config_type_read_text(field, field->type, field->fallback, &value);
    assert(misfit == CONFIG_FITS); /* config_schema_check finds it */
    if (misfit == CONFIG_FITS)
        member_store(settings, field->offset, &value.as, config_type_row(field->type)->size);
}

void config_defaults(const struct config_schema *schema, void *settings)
{
    for (size_t i = 0; i < schema->count; i++)
        field_default(&schema->fields[i], settings);
}

static void missing_report(const struct config_node *node, const struct config_schema *schema,
                           struct config_errors *errors)
{
    char allowed[320];
    for (size_t i = 0; i < schema->count; i++) {
        const struct config_field *field = &schema->fields[i];
        if (!field->required || config_find(node, field->name))
            continue;
        config_type_describe(field, field->type, allowed, sizeof allowed);
        config_errors_add(errors, node, field->name, "found no such key, required: %s", allowed);
    }
}

static void map_bind(const struct config_node *node, const struct config_schema *schema, void *settings,
                     struct config_errors *errors)
{
    config_defaults(schema, settings);
    if (schema->self_offset)
        member_store(settings, schema->self_offset - 1, &node, sizeof(const struct config_node *));
    for (const struct config_node *child = node->first; child; child = child->next) {
        const struct config_field *field = field_find(schema, child->key);
        if (field)
            field_bind(field, child, settings, errors);
        else
            report_unknown_key(schema, child, errors);
    }
    missing_report(node, schema, errors);
}

int config_bind(const struct config_node *node, const struct config_schema *schema, void *settings,
                struct config_errors *errors)
{
    const struct config_field whole = {.name = schema->name, .type = CONFIG_TYPE_MAP, .schema = schema};
    uint32_t before = errors->count;
    embedded_bind(&whole, CONFIG_TYPE_MAP, node, settings, errors);
    return errors->count == before ? 0 : ERR_INVALID;
}
