/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the configuration loader. The input is a text, and, behind a NUL character where there is one, an override for
 * config_set. What was read is bound against a schema with every type, and written as JSON, which must be read back as
 * the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/json.h"
#include "config/schema.h"
#include "unit/config_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void put_children(struct json_writer *w, const struct config_node *node);

static void put_node(struct json_writer *w, const struct config_node *node)
{
    int64_t i;
    switch (node->kind) {
    case CONFIG_NULL:
        json_put_null(w);
        break;
    case CONFIG_BOOL:
        json_put_bool(w, node->boolean);
        break;
    case CONFIG_INT:
        if (config_node_i64(node, &i) == 0)
            json_put_i64(w, i);
        else
            json_put_u64(w, node->magnitude);
        break;
    case CONFIG_FLOAT:
        json_put_double(w, node->number);
        break;
    case CONFIG_STRING:
        json_put_text(w, node->text, node->length);
        break;
    case CONFIG_LIST:
        json_begin_array(w);
        put_children(w, node);
        json_end_array(w);
        break;
    case CONFIG_MAP:
        json_begin_object(w);
        put_children(w, node);
        json_end_object(w);
        break;
    }
}

static void put_children(struct json_writer *w, const struct config_node *node)
{
    uint32_t count = 0;
    for (const struct config_node *child = node->first; child; child = child->next, count++) {
        require(child->parent == node && !child->key == (node->kind == CONFIG_LIST));
        if (child->key)
            json_key(w, child->key);
        put_node(w, child);
    }
    require(count == node->count);
}

static void write_tree(const struct config_tree *tree, struct json_buffer *buffer)
{
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, buffer, 0);
    put_node(&w, config_tree_root(tree));
    require(json_finish(&w) == 0);
}

static bool has_long_key(const struct config_node *node)
{
    if (node->key &&
        strlen(node->key) > 150) /* six times as long when all is escaped, and libyaml reads 1024 characters */
        return true;
    for (const struct config_node *child = node->first; child; child = child->next)
        if (has_long_key(child))
            return true;
    return false;
}

static void round_trip(const struct config_tree *tree)
{
    struct json_buffer first = {0}, second = {0};
    struct config_tree *again;
    struct config_error error;
    write_tree(tree, &first);
    if (!has_long_key(config_tree_root(tree))) {
        require(config_tree_parse("again", first.bytes, first.length, &again, &error) == 0);
        write_tree(again, &second);
        require(strcmp(first.bytes, second.bytes) == 0);
        config_tree_free(again);
    }
    json_buffer_free(&first);
    json_buffer_free(&second);
}

static void bind(const struct config_tree *tree)
{
    static struct config_errors errors;
    struct sample settings = {0};
    errors.count = 0;
    int result = config_bind(config_tree_root(tree), &sample_schema, &settings, &errors);
    require((result == 0) == (errors.count == 0));
    for (uint32_t i = 0; i < config_errors_listed(&errors); i++)
        require(strlen(errors.list[i].text) > 0);
}

static void override(struct config_tree *tree, const uint8_t *bytes, size_t length)
{
    struct config_error error;
    char *assignment = calloc(1, length + 1);
    require(assignment != NULL);
    memcpy(assignment, bytes, length);
    if (config_set(tree, assignment, &error))
        require(strncmp(error.text, "--set ", 6) == 0);
    free(assignment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *split = size ? memchr(data, 0, size) : NULL;
    size_t length = split ? (size_t)(split - data) : size;
    struct config_tree *tree;
    struct config_error error;
    if (config_tree_parse("fuzz", data, length, &tree, &error)) {
        require(tree == NULL && strncmp(error.text, "fuzz:", 5) == 0);
        return 0;
    }
    if (split)
        override(tree, split + 1, size - length - 1);
    bind(tree);
    round_trip(tree);
    config_tree_free(tree);
    return 0;
}
