/* SPDX-License-Identifier: MIT */
/*
 * The override `--set path=value`. The path is read step by step along the tree as far as the tree reaches; what is
 * missing is built apart and hung in as the last act, so that an error leaves the tree as it was.
 */
#include <string.h>

#include "config/load.h"
#include "config/text.h"
#include "config/utf8.h"

#define KEY_BYTES 256

struct step {
    bool is_item;
    uint32_t index;
    char key[KEY_BYTES];
};

struct setter {
    struct config_tree *tree;
    const char *path;  /* as given */
    const char *value; /* behind its `=` */
    const char *at;    /* how far the path was read */
    unsigned read;     /* steps read so far */
    unsigned steps;    /* of the whole path */
    struct config_error *error;
};

/* "--set PATH: " as the beginning of the message; what follows is added by config_error_add. */
static void fail_begin(struct setter *s)
{
    char name[CONFIG_ERROR_TEXT / 2];
    struct config_text t = config_text_into(name, sizeof name);
    size_t length = s->value ? (size_t)(s->value - 1 - s->path) : strlen(s->path);
    config_text_add(&t, "--set %.*s", (int)min_u64(length, sizeof name), s->path);
    config_error_set(s->error, name, 0, 0, "%s", "");
}

static int set_fail(struct setter *s, int code, const char *format, ...) PRINTF_LIKE(3, 4);
static int set_fail(struct setter *s, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_begin(s);
    config_error_add_list(s->error, format, arguments);
    va_end(arguments);
    return code;
}

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_step_end(char c) { return c == '.' || c == '[' || c == '='; }

static int fail_syntax(struct setter *s)
{
    char rest[256];
    struct config_text t = config_text_into(rest, sizeof rest);
    config_text_add_quoted(&t, s->at, strlen(s->at));
    return set_fail(s, ERR_MALFORMED, "found %s, allowed PATH=VALUE with a path such as loads[0].http.requests", rest);
}

static int read_plain_key(struct setter *s, struct step *step)
{
    size_t n = 0;
    while (is_key_byte(s->at[n]))
        n++;
    if (n == 0 || n >= KEY_BYTES || !is_step_end(s->at[n]))
        return fail_syntax(s);
    memcpy(step->key, s->at, n);
    step->key[n] = '\0';
    s->at += n;
    return 0;
}

static bool is_utf8(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        struct config_utf8 character = config_utf8_decode((const uint8_t *)text + at, length - at);
        if (!character.valid)
            return false;
        at += character.length;
    }
    return true;
}

/* ["…"], the bracket taken */
static int read_quoted_key(struct setter *s, struct step *step)
{
    const char *p = s->at + 1;
    size_t n = 0;
    for (; *p && *p != '"' && n + 1 < KEY_BYTES; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        step->key[n++] = *p;
    }
    if (p[0] != '"' || p[1] != ']' || !is_step_end(p[2]) || !is_utf8(step->key, n))
        return fail_syntax(s);
    step->key[n] = '\0';
    s->at = p + 2;
    return 0;
}

/* [0], the bracket taken */
static int read_index(struct setter *s, struct step *step)
{
    uint32_t index = 0;
    size_t n = 0;
    for (; s->at[n] >= '0' && s->at[n] <= '9' && n < 9; n++)
        index = index * 10 + (uint32_t)(s->at[n] - '0');
    if (n == 0 || s->at[n] != ']' || !is_step_end(s->at[n + 1]))
        return fail_syntax(s);
    step->is_item = true;
    step->index = index;
    s->at += n + 1;
    return 0;
}

static bool path_ended(const struct setter *s) { return *s->at == '='; }

static int step_read(struct setter *s, struct step *step)
{
    step->is_item = false;
    s->read++;
    if (*s->at == '[') {
        s->at++;
        return *s->at == '"' ? read_quoted_key(s, step) : read_index(s, step);
    }
    if (s->read > 1 && *s->at == '.')
        s->at++;
    return read_plain_key(s, step);
}

/* Reads the path to its `=`, so that the value is known; starts over behind it. */
static int path_scan(struct setter *s)
{
    struct step step;
    int error = 0;
    do
        error = step_read(s, &step);
    while (!error && !path_ended(s));
    if (error)
        return error;
    s->value = s->at + 1;
    s->at = s->path;
    s->steps = s->read;
    s->read = 0;
    if (s->steps > s->tree->limits.depth)
        return set_fail(s, ERR_NO_SPACE, "found a path of %u steps, allowed at most %u", s->steps,
                        s->tree->limits.depth);
    return 0;
}

static int fail_kind(struct setter *s, const struct config_node *node, const char *allowed)
{
    char path[128], place[128], found[128];
    config_node_path(node, path, sizeof path);
    config_node_place(node, place, sizeof place);
    config_node_describe(node, found, sizeof found);
    return set_fail(s, ERR_INVALID, "found %s at %s (%s), allowed %s", found, path, place, allowed);
}

static int step_item(struct setter *s, struct config_node *list, const struct step *step, struct config_node **child)
{
    if (list->kind != CONFIG_LIST)
        return fail_kind(s, list, "a list");
    struct config_node *item = list->first;
    for (uint32_t i = 0; i < step->index && item; i++)
        item = item->next;
    if (!item)
        return set_fail(s, ERR_NOT_FOUND,
                        "found the item number %u, allowed one of the %u that the list has, counted from 0",
                        step->index, list->count);
    *child = item;
    return 0;
}

/* *child is NULL where the key is missing. */
static int step_key(struct setter *s, struct config_node *map, const struct step *step, struct config_node **child)
{
    *child = NULL;
    if (map->kind == CONFIG_NULL)
        return 0;
    if (map->kind != CONFIG_MAP)
        return fail_kind(s, map, "a map");
    struct config_node *node = map->first;
    while (node && strcmp(node->key, step->key) != 0)
        node = node->next;
    *child = node;
    return 0;
}

/*
 * Walks as far as the tree has the path: *node is the last one there, and *missing tells whether *step is a key to be
 * added to it.
 */
static int path_walk(struct setter *s, struct config_node **node, struct step *step, bool *missing)
{
    *node = s->tree->root;
    *missing = false;
    while (!path_ended(s)) {
        struct config_node *child = NULL;
        int error = step_read(s, step);
        if (!error)
            error = step->is_item ? step_item(s, *node, step, &child) : step_key(s, *node, step, &child);
        if (error)
            return error;
        *missing = !child;
        if (!child)
            return 0;
        *node = child;
    }
    return 0;
}

static int fail_memory(struct setter *s, int code)
{
    return set_fail(s, code, "found no room for more values, allowed %u values and %zu bytes", s->tree->limits.nodes,
                    s->tree->limits.memory_bytes);
}

/*
 * Builds the maps for the rest of the path behind the first missing key: *top gets that key and leads down to *hole,
 * the node whose value is still to be filled in.
 */
static int missing_build(struct setter *s, struct config_source *source, struct step *step, struct config_node **top,
                         struct config_node **hole)
{
    struct config_node *parent = NULL;
    int error = 0;
    for (;;) {
        struct config_node *node = config_node_new(source, CONFIG_NULL, &error);
        if (!node)
            return fail_memory(s, error);
        node->key = config_arena_text(&s->tree->arena, step->key, strlen(step->key));
        if (!node->key)
            return fail_memory(s, ERR_NO_MEMORY);
        if (parent) {
            parent->kind = CONFIG_MAP;
            config_node_append(parent, node);
        } else {
            *top = node;
        }
        *hole = parent = node;
        if (path_ended(s))
            return 0;
        error = step_read(s, step);
        if (error)
            return error;
        if (step->is_item)
            return set_fail(s, ERR_NOT_FOUND,
                            "found the item number %u of a list that is not there, allowed items of existing lists",
                            step->index);
    }
}

/* The node takes the value's contents and keeps its place in the tree. */
static void node_replace(struct config_node *node, const struct config_node *value)
{
    struct config_node old = *node;
    *node = *value;
    node->key = old.key;
    node->key_line = old.key_line;
    node->key_column = old.key_column;
    node->parent = old.parent;
    node->next = old.next;
    for (struct config_node *child = node->first; child; child = child->next)
        child->parent = node;
}

static struct config_source *source_new(struct setter *s)
{
    struct config_source *source = config_arena_alloc(&s->tree->arena, sizeof *source);
    if (!source)
        return NULL;
    source->tree = s->tree;
    source->assigned = true;
    source->name = config_arena_text(&s->tree->arena, s->path, (size_t)(s->value - 1 - s->path));
    return source->name ? source : NULL;
}

static int value_load(struct setter *s, struct config_source *source, struct config_node **value)
{
    if (strspn(s->value, " \t") == strlen(s->value))
        return set_fail(s, ERR_MALFORMED, "found no value behind =, allowed one ('' is the empty text)");
    if (s->value[strcspn(s->value, "\r\n")])
        return set_fail(s, ERR_MALFORMED, "found a value of several lines, allowed one line");
    return config_load(source, s->value, strlen(s->value), s->steps, value, s->error);
}

static void missing_attach(struct config_node *parent, struct config_node *top)
{
    if (parent->kind == CONFIG_NULL) {
        parent->kind = CONFIG_MAP;
        parent->text = NULL;
        parent->length = 0;
    }
    config_node_append(parent, top);
}

/* The path is known to be well formed. */
static int path_set(struct setter *s)
{
    struct step step;
    struct config_node *node = NULL, *top = NULL, *hole = NULL, *value = NULL;
    bool missing = false;
    int error = path_walk(s, &node, &step, &missing);
    if (error)
        return error;
    struct config_source *source = source_new(s);
    if (!source)
        return fail_memory(s, ERR_NO_MEMORY);
    error = missing ? missing_build(s, source, &step, &top, &hole) : 0;
    if (!error)
        error = value_load(s, source, &value);
    if (error)
        return error;
    assert(value && (hole || !missing));
    node_replace(missing ? hole : node, value);
    if (missing)
        missing_attach(node, top);
    return 0;
}

int config_set(struct config_tree *tree, const char *assignment, struct config_error *error)
{
    struct setter s = {.tree = tree, .path = assignment, .at = assignment, .error = error};
    int result = path_scan(&s);
    return result ? result : path_set(&s);
}
