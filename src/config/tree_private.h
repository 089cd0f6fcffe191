/* SPDX-License-Identifier: MIT */
/*
 * What the files of config/ share about a tree. Invariants: every node's source leads to its tree; a map's children
 * have different keys; depth and number of nodes are within the limits.
 */
#ifndef WEIR_CONFIG_TREE_PRIVATE_H
#define WEIR_CONFIG_TREE_PRIVATE_H

#include "config/arena.h"
#include "config/tree.h"

/* Where nodes come from: the file, or one call of config_set. */
struct config_source {
    struct config_tree *tree;
    const char *name; /* of the file, or the path that was set */
    bool assigned;    /* by config_set: nodes have no line and column */
};

struct config_tree {
    struct config_limits limits;
    struct config_arena arena;
    uint32_t nodes;
    struct config_source file;
    struct config_node *root;
};

/* A node without parent, or NULL: the limits of memory or nodes (*error tells which: ERR_NO_MEMORY, ERR_NO_SPACE). */
MUST_CHECK struct config_node *config_node_new(struct config_source *source, enum config_kind kind, int *error);
void config_node_append(struct config_node *parent, struct config_node *child);

#endif
