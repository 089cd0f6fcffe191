/* SPDX-License-Identifier: MIT */
/*
 * Bytes of YAML or JSON to a checked tree with positions. One loader reads both: JSON is taken as the subset of YAML
 * that it is.
 *
 * The tree owns everything: nodes, texts, names, and what config_bind allocates. All pointers into it are valid until
 * config_tree_free. The bytes parsed need not outlive the call. Nothing here opens files, and no tree shares anything
 * with another.
 *
 * What is read, and what is refused instead of guessed:
 * - plain `true` and `false` are the only booleans, plain `null`, `~` and nothing at all the only nulls;
 * - plain numbers follow JSON's grammar, and 0x with hexadecimal digits; integers reach from -2^63 to 2^64-1 exactly,
 *   beyond is an error, as are NaN, infinity, and decimal fractions that a double would hold as infinity or zero;
 * - any other plain scalar is a text: `yes`, `on`, `0777`, `1_000`, `12:30:00`, `+1`, `.5`;
 * - refused: duplicate keys, anchors and aliases, merge keys, tags, keys that are no texts, more than one document, no
 *   document, NUL characters, other encodings than UTF-8 (a byte order mark is skipped), characters that YAML 1.1
 *   forbids or takes for line ends.
 */
#ifndef WEIR_CONFIG_TREE_H
#define WEIR_CONFIG_TREE_H

#include "base/compiler.h"
#include "base/error.h"

struct config_tree; /* opaque */
struct config_source;

enum config_kind { CONFIG_NULL, CONFIG_BOOL, CONFIG_INT, CONFIG_FLOAT, CONFIG_STRING, CONFIG_LIST, CONFIG_MAP };

/* Read-only for users. */
struct config_node {
    enum config_kind kind;
    uint32_t line, column; /* where the value starts, from 1, columns in characters; 0 for a node made by config_set */
    uint32_t key_line, key_column;
    uint32_t count;  /* children of a list or map */
    const char *key; /* in a map, else NULL */
    /* Scalars: as written, without quotes and escapes; holds no NUL character but the last; else NULL */
    const char *text;
    size_t length; /* of text */
    bool boolean;  /* CONFIG_BOOL */
    bool negative; /* CONFIG_INT: the value is -magnitude */
    union {
        uint64_t magnitude; /* CONFIG_INT */
        double number;      /* CONFIG_FLOAT */
    };
    struct config_node *parent, *next; /* NULL at the root; next is the following child of the same parent */
    struct config_node *first, *last;  /* children in the order of the file */
    struct config_source *source;
};

#define CONFIG_ERROR_TEXT 480

/*
 * One problem in a line without newline: "FILE:LINE:COLUMN: PATH: found X, allowed Y". Control characters are escaped.
 */
struct config_error {
    uint32_t line, column; /* 0 where there is none */
    char text[CONFIG_ERROR_TEXT];
};

/* All are upper bounds; going beyond one is an error. */
struct config_limits {
    size_t input_bytes;  /* length of the input, and of one --set value */
    size_t memory_bytes; /* of the tree, with what config_bind allocates in it, without libyaml's buffers */
    uint32_t nodes;
    uint32_t depth; /* levels of lists and maps, at most CONFIG_DEPTH_MAX */
};

#define CONFIG_DEPTH_MAX 64

/* 64 MiB of input, 1 GiB of memory, 1,000,000 nodes, depth 64. */
struct config_limits config_limits_default(void);

/*
 * Parses `length` bytes. `name` (copied) stands for the input in messages, usually the file's name. On success *tree is
 * the caller's, to be freed by config_tree_free; on failure *tree is NULL and *error says why. ERR_MALFORMED (not what
 * is described above), ERR_NO_SPACE (a limit), ERR_NO_MEMORY.
 */
MUST_CHECK int config_tree_parse(const char *name, const void *bytes, size_t length, struct config_tree **tree,
                                 struct config_error *error);
/* The same with limits other than the default. ERR_INVALID also: depth above CONFIG_DEPTH_MAX. */
MUST_CHECK int config_tree_parse_limited(const char *name, const void *bytes, size_t length,
                                         const struct config_limits *limits, struct config_tree **tree,
                                         struct config_error *error);
/* NULL is allowed. */
void config_tree_free(struct config_tree *tree);

/* Never NULL. */
const struct config_node *config_tree_root(const struct config_tree *tree);
const char *config_tree_name(const struct config_tree *tree);

/*
 * The override `--set path=value`, meant before binding: `loads[0].http.requests=5`. Keys are joined by dots; keys with
 * other characters than letters, digits, _ and - are written `["like this"]`, with \" and \\ inside. The value is YAML
 * on one line: a scalar, or a list or map in flow style; an empty one is an error ('' is the empty text). It replaces
 * the value at the path, of whatever kind, or is added under a new key: missing maps on the way are made (and a null
 * becomes a map), list items must exist. On an error the tree is as before.
 * ERR_MALFORMED (no path, no `=`, bad value), ERR_NOT_FOUND (no such list item), ERR_INVALID (a step into something
 * that is no map or list), ERR_NO_SPACE (a limit), ERR_NO_MEMORY.
 */
MUST_CHECK int config_set(struct config_tree *tree, const char *assignment, struct config_error *error);

/* The child of a map under key; NULL when there is none, or node is NULL or no map. */
const struct config_node *config_find(const struct config_node *node, const char *key);
/*
 * The item of a list; NULL when there is none, or node is NULL or no list. Walks the list: to see all, loop over next.
 */
const struct config_node *config_item(const struct config_node *node, uint32_t index);
/* The value of a CONFIG_INT; ERR_INVALID for other kinds, ERR_NO_SPACE when it does not fit. */
MUST_CHECK int config_node_i64(const struct config_node *node, int64_t *value);
MUST_CHECK int config_node_u64(const struct config_node *node, uint64_t *value);

/*
 * These three write a text like snprintf: always closed, cut to size, and the result is the length it would have uncut.
 * size > 0.
 * path: `loads[0].http.method`, "top level" for the root.
 * place: `FILE:LINE:COLUMN`, or `--set PATH` for nodes made by config_set.
 * describe: what was found, for messages: `the integer 5`, `the text "abc"`, `a list of 3`.
 */
size_t config_node_path(const struct config_node *node, char *text, size_t size);
size_t config_node_place(const struct config_node *node, char *text, size_t size);
size_t config_node_describe(const struct config_node *node, char *text, size_t size);

#endif
