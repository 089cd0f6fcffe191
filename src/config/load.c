/* SPDX-License-Identifier: MIT */
/*
 * The loader: one function for each event of libyaml, and the tree grows at `open`, the innermost list or map that has
 * not ended. No recursion; the first problem ends it. libyaml's memory is released whatever happens.
 */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/heap.h"
#include "config/input.h"
#include "config/scalar.h"
#include "config/text.h"

struct loader {
    yaml_parser_t yaml;
    struct config_input input;
    struct config_source *source;
    struct config_node *root, *open;
    const char *key; /* of the next node, in a map; NULL: a key comes next */
    struct config_position key_at;
    unsigned depth;
    bool ended; /* the document */
    struct config_error *error;
};

static void fail_at(struct loader *l, yaml_mark_t mark)
{
    const struct config_source *source = l->source;
    if (source->assigned) {
        char name[256];
        struct config_text t = config_text_into(name, sizeof name);
        config_text_add(&t, "--set %s", source->name);
        config_error_set(l->error, name, 0, 0, "%s", "");
    } else {
        struct config_position at = config_input_position(&l->input, mark.line, mark.column);
        config_error_set(l->error, source->name, at.line, at.column, "%s", "");
    }
}

/* Reports a problem at a mark of libyaml and gives back its code. */
static int load_fail(struct loader *l, int code, yaml_mark_t mark, const char *format, ...) PRINTF_LIKE(4, 5);
static int load_fail(struct loader *l, int code, yaml_mark_t mark, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_at(l, mark);
    config_error_add_list(l->error, format, arguments);
    va_end(arguments);
    return code;
}

static yaml_mark_t mark_of(struct config_position at) { return (yaml_mark_t){.line = at.line, .column = at.column}; }

static int fail_no_room(struct loader *l, yaml_mark_t at, int code)
{
    const struct config_limits *limits = &l->source->tree->limits;
    if (code == ERR_NO_SPACE)
        return load_fail(l, code, at, "found more than %u values, allowed at most so many", limits->nodes);
    return load_fail(l, code, at, "found no memory for more values, allowed %zu bytes", limits->memory_bytes);
}

static int fail_yaml(struct loader *l)
{
    const yaml_parser_t *y = &l->yaml;
    if (y->error == YAML_MEMORY_ERROR)
        return load_fail(l, ERR_NO_MEMORY, y->mark, "found no memory to parse it");
    const char *problem = y->problem ? y->problem : "unreadable";
    int code = load_fail(l, ERR_MALFORMED, y->problem_mark, "not valid YAML or JSON: %s", problem);
    if (y->context)
        config_error_add(l->error, " %s from line %zu", y->context, y->context_mark.line + 1);
    return code;
}

static int fail_input(struct loader *l, int code, const struct config_input_fault *fault)
{
    yaml_mark_t at = mark_of(fault->at);
    return code == ERR_MALFORMED ? load_fail(l, code, at, "%s", fault->what) : fail_no_room(l, at, code);
}

/* Puts a node where the document is being built. */
static void node_attach(struct loader *l, struct config_node *node)
{
    if (!l->open) {
        l->root = node;
        return;
    }
    if (l->open->kind == CONFIG_MAP) {
        node->key = l->key;
        node->key_line = l->key_at.line;
        node->key_column = l->key_at.column;
        l->key = NULL;
    }
    config_node_append(l->open, node);
}

static int node_add(struct loader *l, enum config_kind kind, yaml_mark_t at, struct config_node **node)
{
    int code = 0;
    *node = config_node_new(l->source, kind, &code);
    if (!*node)
        return fail_no_room(l, at, code);
    if (!l->source->assigned) {
        struct config_position position = config_input_position(&l->input, at.line, at.column);
        (*node)->line = position.line;
        (*node)->column = position.column;
    }
    node_attach(l, *node);
    return 0;
}

static int fail_quoted(struct loader *l, yaml_mark_t at, const char *before, const void *text, size_t length,
                       const char *behind)
{
    char quoted[256];
    struct config_text t = config_text_into(quoted, sizeof quoted);
    config_text_add_quoted(&t, text, length);
    return load_fail(l, ERR_MALFORMED, at, "found %s%s%s", before, quoted, behind);
}

/* What may stand before any node. */
static int properties_check(struct loader *l, const yaml_char_t *anchor, const yaml_char_t *tag, yaml_mark_t at)
{
    if (anchor)
        return fail_quoted(l, at, "the anchor ", anchor, strlen((const char *)anchor),
                           ", allowed values without anchors and aliases");
    if (tag)
        return fail_quoted(l, at, "the tag ", tag, strlen((const char *)tag),
                           ", allowed values without tags (a text can be put in quotes)");
    return 0;
}

static bool key_expected(const struct loader *l) { return l->open && l->open->kind == CONFIG_MAP && !l->key; }

static int on_key(struct loader *l, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    yaml_mark_t at = event->start_mark;
    if (plain && !*text)
        return load_fail(l, ERR_MALFORMED, at, "found no key before the colon, allowed a text");
    if (plain && strcmp(text, "<<") == 0)
        return load_fail(l, ERR_MALFORMED, at, "found the merge key <<, allowed keys of one map only");
    l->key = config_arena_text(&l->source->tree->arena, text, event->data.scalar.length);
    l->key_at =
        l->source->assigned ? (struct config_position){0} : config_input_position(&l->input, at.line, at.column);
    return l->key ? 0 : fail_no_room(l, at, ERR_NO_MEMORY);
}

static int on_value(struct loader *l, const yaml_event_t *event)
{
    struct config_node *node;
    yaml_mark_t at = event->start_mark;
    size_t length = event->data.scalar.length;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!l->open && plain && length == 0)
        return load_fail(l, ERR_MALFORMED, at, "found no value, allowed a document with one");
    int error = node_add(l, CONFIG_STRING, at, &node);
    if (error)
        return error;
    node->length = length;
    node->text = config_arena_text(&l->source->tree->arena, event->data.scalar.value, length);
    if (!node->text)
        return fail_no_room(l, at, ERR_NO_MEMORY);
    const char *allowed = plain ? config_scalar_resolve(node) : NULL;
    if (!allowed)
        return 0;
    char found[128];
    config_node_describe(node, found, sizeof found);
    return load_fail(l, ERR_MALFORMED, at, "found %s, allowed %s", found, allowed);
}

static int on_scalar(struct loader *l, const yaml_event_t *event)
{
    int error = properties_check(l, event->data.scalar.anchor, event->data.scalar.tag, event->start_mark);
    if (error)
        return error;
    if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
        return load_fail(l, ERR_MALFORMED, event->start_mark,
                         "found a text with a NUL character, allowed texts without");
    return key_expected(l) ? on_key(l, event) : on_value(l, event);
}

static int on_start(struct loader *l, enum config_kind kind, const yaml_char_t *anchor, const yaml_char_t *tag,
                    yaml_mark_t at)
{
    int error = properties_check(l, anchor, tag, at);
    if (error)
        return error;
    if (key_expected(l))
        return load_fail(l, ERR_MALFORMED, at, "found a %s as key, allowed a text",
                         kind == CONFIG_MAP ? "map" : "list");
    unsigned most = l->source->tree->limits.depth;
    if (l->depth >= most)
        return load_fail(l, ERR_NO_SPACE, at,
                         "found lists and maps nested deeper than %u levels, allowed at most so many", most);
    struct config_node *node;
    error = node_add(l, kind, at, &node);
    if (error)
        return error;
    l->depth++;
    l->open = node;
    return 0;
}

struct keyed {
    const struct config_node *node;
};

static bool key_is_before(const struct config_node *a, const struct config_node *b)
{
    return a->key_line < b->key_line || (a->key_line == b->key_line && a->key_column < b->key_column);
}

/* Equal keys in the order of the file. */
static int by_key(const void *a, const void *b)
{
    const struct config_node *x = ((const struct keyed *)a)->node, *y = ((const struct keyed *)b)->node;
    int order = strcmp(x->key, y->key);
    return order ? order : key_is_before(y, x) - key_is_before(x, y);
}

/* The first node in the file whose key was there before; *earlier is the one before it. */
static const struct config_node *duplicate_find(const struct keyed *sorted, size_t n,
                                                const struct config_node **earlier)
{
    const struct config_node *found = NULL;
    for (size_t i = 1; i < n; i++) {
        const struct config_node *node = sorted[i].node;
        if (strcmp(sorted[i - 1].node->key, node->key) != 0 || (found && !key_is_before(node, found)))
            continue;
        found = node;
        *earlier = sorted[i - 1].node;
    }
    return found;
}

static int fail_duplicate(struct loader *l, const struct config_node *node, const struct config_node *earlier)
{
    char quoted[256], where[64] = "";
    struct config_text t = config_text_into(quoted, sizeof quoted), w = config_text_into(where, sizeof where);
    config_text_add_quoted(&t, node->key, strlen(node->key));
    if (l->source->assigned) {
        fail_at(l, (yaml_mark_t){0});
    } else {
        config_error_set(l->error, l->source->name, node->key_line, node->key_column, "%s", "");
        config_text_add(&w, " (first in line %u)", earlier->key_line);
    }
    config_error_add(l->error, "found the key %s a second time%s, allowed once", quoted, where);
    return ERR_MALFORMED;
}

static int keys_check(struct loader *l, const struct config_node *map, yaml_mark_t at)
{
    if (map->count < 2)
        return 0;
    struct keyed *sorted = config_heap_alloc(map->count * sizeof *sorted);
    if (!sorted)
        return fail_no_room(l, at, ERR_NO_MEMORY);
    size_t n = 0;
    for (const struct config_node *child = map->first; child; child = child->next)
        sorted[n++].node = child;
    qsort(sorted, n, sizeof *sorted, by_key);
    const struct config_node *earlier = NULL, *duplicate = duplicate_find(sorted, n, &earlier);
    config_heap_free(sorted);
    return duplicate ? fail_duplicate(l, duplicate, earlier) : 0;
}

static int on_end(struct loader *l, yaml_mark_t at)
{
    struct config_node *node = l->open;
    l->open = node->parent;
    l->depth--;
    return node->kind == CONFIG_MAP ? keys_check(l, node, at) : 0;
}

static int on_document(struct loader *l, const yaml_event_t *event)
{
    return l->root ? load_fail(l, ERR_MALFORMED, event->start_mark, "found a second document, allowed one") : 0;
}

static int on_stream_end(struct loader *l, const yaml_event_t *event)
{
    l->ended = true;
    return l->root ? 0 : load_fail(l, ERR_MALFORMED, event->start_mark, "found no value, allowed a document with one");
}

static int on_event(struct loader *l, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(l, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(l, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(l, CONFIG_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag,
                        event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return on_start(l, CONFIG_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag,
                        event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(l, event->start_mark);
    case YAML_ALIAS_EVENT: {
        const char *name = (const char *)event->data.alias.anchor;
        return fail_quoted(l, event->start_mark, "the alias ", name, strlen(name),
                           ", allowed values without anchors and aliases");
    }
    case YAML_STREAM_END_EVENT:
        return on_stream_end(l, event);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return 0;
}

static int events_run(struct loader *l)
{
    yaml_parser_set_encoding(&l->yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l->yaml, l->input.bytes, l->input.length);
    int error = 0;
    while (!error && !l->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&l->yaml, &event))
            return fail_yaml(l);
        error = on_event(l, &event);
        yaml_event_delete(&event);
    }
    return error;
}

static int input_run(struct loader *l, const void *bytes, size_t length)
{
    struct config_input_fault fault = {0};
    int error = config_input_open(&l->input, bytes, length, &fault);
    if (error) {
        error = fail_input(l, error, &fault);
    } else if (!yaml_parser_initialize(&l->yaml)) {
        error = fail_no_room(l, (yaml_mark_t){0}, ERR_NO_MEMORY);
    } else {
        error = events_run(l);
        yaml_parser_delete(&l->yaml);
    }
    config_input_close(&l->input);
    return error;
}

int config_load(struct config_source *source, const void *bytes, size_t length, unsigned depth,
                struct config_node **root, struct config_error *error)
{
    struct loader l = {.source = source, .depth = depth, .error = error};
    size_t most = source->tree->limits.input_bytes;
    *root = NULL;
    if (length > most)
        return load_fail(&l, ERR_NO_SPACE, (yaml_mark_t){0}, "found %zu bytes, allowed at most %zu", length, most);
    int result = input_run(&l, bytes, length);
    if (!result)
        *root = l.root;
    return result;
}
