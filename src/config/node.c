/* SPDX-License-Identifier: MIT */
/*
 * Nodes: making, finding, and describing them in messages.
 */
#include <string.h>

#include "config/text.h"
#include "config/tree_private.h"

struct config_node *config_node_new(struct config_source *source, enum config_kind kind, int *error)
{
    struct config_tree *tree = source->tree;
    if (tree->nodes >= tree->limits.nodes) {
        *error = ERR_NO_SPACE;
        return NULL;
    }
    struct config_node *node = config_arena_alloc(&tree->arena, sizeof *node);
    if (!node) {
        *error = ERR_NO_MEMORY;
        return NULL;
    }
    tree->nodes++;
    node->kind = kind;
    node->source = source;
    return node;
}

void config_node_append(struct config_node *parent, struct config_node *child)
{
    child->parent = parent;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

const struct config_node *config_find(const struct config_node *node, const char *key)
{
    if (!node || node->kind != CONFIG_MAP)
        return NULL;
    for (const struct config_node *child = node->first; child; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

const struct config_node *config_item(const struct config_node *node, uint32_t index)
{
    if (!node || node->kind != CONFIG_LIST || index >= node->count)
        return NULL;
    const struct config_node *item = node->first;
    for (; index > 0; index--)
        item = item->next;
    return item;
}

int config_node_i64(const struct config_node *node, int64_t *value)
{
    if (node->kind != CONFIG_INT)
        return ERR_INVALID;
    uint64_t most = (uint64_t)INT64_MAX + (node->negative ? 1 : 0);
    if (node->magnitude > most)
        return ERR_NO_SPACE;
    *value = node->negative ? (int64_t)(0 - node->magnitude) : (int64_t)node->magnitude;
    return 0;
}

int config_node_u64(const struct config_node *node, uint64_t *value)
{
    if (node->kind != CONFIG_INT)
        return ERR_INVALID;
    if (node->negative)
        return ERR_NO_SPACE;
    *value = node->magnitude;
    return 0;
}

static bool key_is_plain(const char *key)
{
    if (!*key)
        return false;
    for (; *key; key++)
        if (!((*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z') || (*key >= '0' && *key <= '9') ||
              *key == '_' || *key == '-'))
            return false;
    return true;
}

static uint32_t item_index(const struct config_node *item)
{
    uint32_t index = 0;
    for (const struct config_node *other = item->parent->first; other != item; other = other->next)
        index++;
    return index;
}

static void path_add_step(struct config_text *t, const struct config_node *node, bool first)
{
    if (!node->key) {
        config_text_add(t, "[%u]", item_index(node));
    } else if (key_is_plain(node->key)) {
        config_text_add(t, "%s%s", first ? "" : ".", node->key);
    } else {
        config_text_add(t, "[");
        config_text_add_quoted(t, node->key, strlen(node->key));
        config_text_add(t, "]");
    }
}

size_t config_node_path(const struct config_node *node, char *text, size_t size)
{
    const struct config_node *steps[CONFIG_DEPTH_MAX + 1];
    unsigned n = 0;
    for (; node->parent && n < ARRAY_SIZE(steps); node = node->parent)
        steps[n++] = node;
    struct config_text t = config_text_into(text, size);
    if (n == 0)
        config_text_add(&t, "top level");
    for (unsigned i = n; i > 0; i--)
        path_add_step(&t, steps[i - 1], i == n);
    return t.length;
}

size_t config_node_place(const struct config_node *node, char *text, size_t size)
{
    struct config_text t = config_text_into(text, size);
    const char *name = node->source->name;
    if (node->source->assigned)
        config_text_add(&t, "--set ");
    config_text_add_escaped(&t, name, strlen(name));
    if (!node->source->assigned)
        config_text_add(&t, ":%u:%u", node->line, node->column);
    return t.length;
}

/* The text of a number or boolean, which is ASCII; long ones are cut. */
static void describe_text(struct config_text *t, const char *what, const struct config_node *node)
{
    bool cut = node->length > 40;
    config_text_add(t, "the %s %.*s%s", what, cut ? 40 : (int)node->length, node->text, cut ? "…" : "");
}

size_t config_node_describe(const struct config_node *node, char *text, size_t size)
{
    struct config_text t = config_text_into(text, size);
    switch (node->kind) {
    case CONFIG_NULL:
        config_text_add(&t, "nothing (null)");
        break;
    case CONFIG_BOOL:
        describe_text(&t, "boolean", node);
        break;
    case CONFIG_INT:
        describe_text(&t, "integer", node);
        break;
    case CONFIG_FLOAT:
        describe_text(&t, "number", node);
        break;
    case CONFIG_STRING:
        config_text_add(&t, "the text ");
        config_text_add_quoted(&t, node->text, node->length);
        break;
    case CONFIG_LIST:
        config_text_add(&t, node->count ? "a list of %u" : "an empty list", node->count);
        break;
    case CONFIG_MAP:
        config_text_add(&t, node->count ? "a map" : "an empty map");
        break;
    }
    return t.length;
}
