/* SPDX-License-Identifier: MIT */
/*
 * Text of YAML or JSON to nodes, by libyaml's events.
 */
#ifndef WEIR_CONFIG_LOAD_H
#define WEIR_CONFIG_LOAD_H

#include "config/tree_private.h"

/*
 * Parses one document into nodes of source's tree; *root has no parent. depth: levels above it that count towards the
 * limit. Errors as config_tree_parse; nodes made before an error stay in the tree's memory, unused.
 */
MUST_CHECK int config_load(struct config_source *source, const void *bytes, size_t length, unsigned depth,
                           struct config_node **root, struct config_error *error);

#endif
