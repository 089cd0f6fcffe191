/* SPDX-License-Identifier: MIT */
/*
 * Collecting problems: each with the place and the path of the node it is about.
 */
#include "config/schema.h"
#include "config/text.h"

static void error_begin(struct config_error *error, const struct config_node *node, const char *key)
{
    char place[256], path[256];
    const struct config_node *child = key ? config_find(node, key) : NULL;
    const struct config_node *about = child ? child : node;
    config_node_place(about, place, sizeof place);
    config_node_path(about, path, sizeof path);
    *error = (struct config_error){.line = about->line, .column = about->column};
    struct config_text t = config_text_into(error->text, sizeof error->text);
    if (child || !key)
        config_text_add(&t, "%s: %s: ", place, path);
    else
        config_text_add(&t, "%s: %s%s%s: ", place, node->parent ? path : "", node->parent ? "." : "", key);
}

void config_errors_add(struct config_errors *errors, const struct config_node *node, const char *key,
                       const char *format, ...)
{
    if (errors->count++ >= CONFIG_ERRORS_MAX)
        return;
    struct config_error *error = &errors->list[errors->count - 1];
    error_begin(error, node, key);
    va_list arguments;
    va_start(arguments, format);
    config_error_add_list(error, format, arguments);
    va_end(arguments);
}
