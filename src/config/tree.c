/* SPDX-License-Identifier: MIT */
/*
 * The tree as a whole: made from bytes, freed at once.
 */
#include "config/tree.h"

#include <string.h>

#include "config/heap.h"
#include "config/load.h"
#include "config/text.h"

struct config_limits config_limits_default(void)
{
    return (struct config_limits){
        .input_bytes = (size_t)64 << 20, .memory_bytes = (size_t)1 << 30, .nodes = 1000000, .depth = CONFIG_DEPTH_MAX};
}

static struct config_tree *tree_new(const char *name, const struct config_limits *limits)
{
    struct config_tree *tree = config_heap_alloc(sizeof *tree);
    if (!tree)
        return NULL;
    tree->limits = *limits;
    tree->arena.limit = limits->memory_bytes;
    tree->file.tree = tree;
    tree->file.name = config_arena_text(&tree->arena, name, strlen(name));
    if (tree->file.name)
        return tree;
    config_tree_free(tree);
    return NULL;
}

int config_tree_parse_limited(const char *name, const void *bytes, size_t length, const struct config_limits *limits,
                              struct config_tree **tree, struct config_error *error)
{
    *tree = NULL;
    if (limits->depth > CONFIG_DEPTH_MAX) {
        config_error_set(error, name, 0, 0, "found a depth limit of %u, allowed at most %u", limits->depth,
                         CONFIG_DEPTH_MAX);
        return ERR_INVALID;
    }
    struct config_tree *made = tree_new(name, limits);
    if (!made) {
        config_error_set(error, name, 0, 0, "found no memory for the tree, allowed %zu bytes", limits->memory_bytes);
        return ERR_NO_MEMORY;
    }
    int result = config_load(&made->file, bytes, length, 0, &made->root, error);
    if (result)
        config_tree_free(made);
    else
        *tree = made;
    return result;
}

int config_tree_parse(const char *name, const void *bytes, size_t length, struct config_tree **tree,
                      struct config_error *error)
{
    struct config_limits limits = config_limits_default();
    return config_tree_parse_limited(name, bytes, length, &limits, tree, error);
}

void config_tree_free(struct config_tree *tree)
{
    if (!tree)
        return;
    config_arena_free(&tree->arena);
    config_heap_free(tree);
}

const struct config_node *config_tree_root(const struct config_tree *tree) { return tree->root; }
const char *config_tree_name(const struct config_tree *tree) { return tree->file.name; }
