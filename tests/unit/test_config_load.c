/* SPDX-License-Identifier: MIT */
/*
 * The loader of config/: what texts mean, where nodes stand, and what is refused with which message. Messages are
 * compared whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "config/tree.h"
#include "unit/config_sample.h"

/* Parses a copy of exactly this length, so that reading beyond it is found by the address sanitizer. */
static int parse_bytes(const void *bytes, size_t length, struct config_tree **tree, struct config_error *error)
{
    void *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    int result = config_tree_parse("f.yaml", copy, length, tree, error);
    free(copy);
    assert_true((result == 0) == (*tree != NULL));
    return result;
}

static struct config_tree *parse(const char *text)
{
    struct config_tree *tree;
    struct config_error error;
    if (parse_bytes(text, strlen(text), &tree, &error))
        fail_msg("%s", error.text);
    return tree;
}

static void expect_error(const char *text, size_t length, int code, const char *message)
{
    struct config_tree *tree;
    struct config_error error;
    int result = parse_bytes(text, length, &tree, &error);
    if (result == 0)
        fail_msg("parsed without error, expected: %s", message);
    assert_string_equal(error.text, message);
    assert_int_equal(result, code);
}

#define MALFORMED(text, message) expect_error(text, sizeof(text) - 1, ERR_MALFORMED, "f.yaml:" message)

static bool nodes_equal(const struct config_node *a, const struct config_node *b)
{
    if (a->kind != b->kind || a->count != b->count || !a->key != !b->key || (a->key && strcmp(a->key, b->key) != 0))
        return false;
    if (a->kind == CONFIG_STRING && (a->length != b->length || memcmp(a->text, b->text, a->length) != 0))
        return false;
    if (a->kind == CONFIG_BOOL && a->boolean != b->boolean)
        return false;
    if (a->kind == CONFIG_INT && (a->magnitude != b->magnitude || a->negative != b->negative))
        return false;
    if (a->kind == CONFIG_FLOAT && (a->number < b->number || a->number > b->number))
        return false;
    for (a = a->first, b = b->first; a; a = a->next, b = b->next)
        if (!nodes_equal(a, b))
            return false;
    return true;
}

static void plain_scalars_mean_what_the_rules_say(void **state UNUSED)
{
    static const struct {
        const char *text;
        enum config_kind kind;
    } cases[] = {
        {"true", CONFIG_BOOL},
        {"false", CONFIG_BOOL},
        {"True", CONFIG_STRING},
        {"yes", CONFIG_STRING},
        {"no", CONFIG_STRING},
        {"on", CONFIG_STRING},
        {"y", CONFIG_STRING},
        {"null", CONFIG_NULL},
        {"~", CONFIG_NULL},
        {"", CONFIG_NULL},
        {"Null", CONFIG_STRING},
        {"0", CONFIG_INT},
        {"-7", CONFIG_INT},
        {"+7", CONFIG_STRING},
        {"0777", CONFIG_STRING},
        {"0o17", CONFIG_STRING},
        {"0x1F", CONFIG_INT},
        {"0x", CONFIG_STRING},
        {"0xg", CONFIG_STRING},
        {"-0x1", CONFIG_STRING},
        {"1_000", CONFIG_STRING},
        {"12:30:00", CONFIG_STRING},
        {"1.5", CONFIG_FLOAT},
        {"-1.5e-3", CONFIG_FLOAT},
        {"1e3", CONFIG_FLOAT},
        {"1E+3", CONFIG_FLOAT},
        {".5", CONFIG_STRING},
        {"5.", CONFIG_STRING},
        {"1e", CONFIG_STRING},
        {"1.2.3", CONFIG_STRING},
        {"-", CONFIG_LIST},
        {"--1", CONFIG_STRING},
        {"10k", CONFIG_STRING},
        {"10%", CONFIG_STRING},
        {"'5'", CONFIG_STRING},
        {"\"true\"", CONFIG_STRING},
        {"2001-01-01", CONFIG_STRING},
        {"NaN", CONFIG_STRING},
        {"inf", CONFIG_STRING},
        {"02:00:00:00:00:01", CONFIG_STRING},
        {"{}", CONFIG_MAP},
        {"[]", CONFIG_LIST},
        {"|\n  1", CONFIG_STRING},
        {"1.0", CONFIG_FLOAT},
        {"00", CONFIG_STRING},
        {"-0", CONFIG_INT},
        {"= 1", CONFIG_STRING},
        {"-01", CONFIG_STRING},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[64];
        snprintf(text, sizeof text, "a:\n  %s\n", cases[i].text);
        struct config_tree *tree = parse(text);
        const struct config_node *node = config_find(config_tree_root(tree), "a");
        if (node->kind != cases[i].kind)
            fail_msg("%s is of kind %d", cases[i].text, node->kind);
        config_tree_free(tree);
    }
}

static void integers_are_exact_to_the_edges_of_64_bits(void **state UNUSED)
{
    struct config_tree *tree =
        parse("[9007199254740993, 18446744073709551615, 9223372036854775807, -9223372036854775808, "
              "9223372036854775808, 0xffffffffffffffff, -1, -0]");
    const struct config_node *list = config_tree_root(tree);
    uint64_t u = 0;
    int64_t i = 0;
    assert_int_equal(config_node_u64(config_item(list, 0), &u), 0);
    assert_true(u == UINT64_C(9007199254740993));
    assert_int_equal(config_node_u64(config_item(list, 1), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(config_node_i64(config_item(list, 1), &i), ERR_NO_SPACE);
    assert_int_equal(config_node_i64(config_item(list, 2), &i), 0);
    assert_true(i == INT64_MAX);
    assert_int_equal(config_node_i64(config_item(list, 3), &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(config_node_u64(config_item(list, 3), &u), ERR_NO_SPACE);
    assert_int_equal(config_node_i64(config_item(list, 4), &i), ERR_NO_SPACE);
    assert_int_equal(config_node_u64(config_item(list, 5), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(config_node_i64(config_item(list, 6), &i), 0);
    assert_true(i == -1);
    assert_int_equal(config_node_u64(config_item(list, 7), &u), 0);
    assert_true(u == 0);
    assert_int_equal(config_node_u64(list, &u), ERR_INVALID);
    assert_int_equal(config_node_i64(list, &i), ERR_INVALID);
    config_tree_free(tree);
}

#define INTEGERS "allowed -9223372036854775808 to 18446744073709551615 (put it in quotes if it is a text)"
#define DOUBLES                                                                                                        \
    "allowed numbers up to 1.7976931348623157e308 that are not too small to differ from 0, of at most 512 characters"

static void numbers_that_cannot_be_held_are_refused(void **state UNUSED)
{
    MALFORMED("a: 18446744073709551616", "1:4: found the integer 18446744073709551616, " INTEGERS);
    MALFORMED("a: -9223372036854775809", "1:4: found the integer -9223372036854775809, " INTEGERS);
    MALFORMED("a: 0x10000000000000000", "1:4: found the integer 0x10000000000000000, " INTEGERS);
    MALFORMED("a: 1111111111222222222233333333334444444444555",
              "1:4: found the integer 1111111111222222222233333333334444444444…, " INTEGERS);
    MALFORMED("a: 1e309", "1:4: found the number 1e309, " DOUBLES);
    MALFORMED("a: -1e99999999999999999999", "1:4: found the number -1e99999999999999999999, " DOUBLES);
    MALFORMED("a: 1e-400", "1:4: found the number 1e-400, " DOUBLES);
    MALFORMED("a: .nan", "1:4: found the number .nan, allowed finite numbers (put it in quotes if it is a text)");
    MALFORMED("a: -.Inf", "1:4: found the number -.Inf, allowed finite numbers (put it in quotes if it is a text)");
    char text[600] = "1.";
    memset(text + 2, '3', 520);
    expect_error(text, strlen(text), ERR_MALFORMED,
                 "f.yaml:1:1: found the number 1.33333333333333333333333333333333333333…, " DOUBLES);
}

static void doubles_are_the_nearest_ones(void **state UNUSED)
{
    static const char *const texts[] = {
        "0.1",  "1.7976931348623157e308", "5e-324", "-2.2250738585072014e-308", "123456789.125e-3",
        "1e22", "9007199254740993.0",     "0.0",    "0e-999999999999999999",    "-0.0"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct config_tree *tree = parse(texts[i]);
        double expected = strtod(texts[i], NULL), got = config_tree_root(tree)->number;
        assert_int_equal(config_tree_root(tree)->kind, CONFIG_FLOAT);
        assert_memory_equal(&got, &expected, sizeof got);
        config_tree_free(tree);
    }
}

static void json_and_yaml_give_the_same_tree(void **state UNUSED)
{
    struct config_tree *yaml = parse(sample_yaml), *json = parse(sample_json);
    assert_true(nodes_equal(config_tree_root(yaml), config_tree_root(json)));
    assert_string_equal(config_find(config_item(config_find(config_tree_root(json), "loads"), 1), "name")->text,
                        "n\xc3\xa4me \xc3\xa9 \xf0\x9f\x98\x80 \"q\"");
    config_tree_free(yaml);
    config_tree_free(json);
}

static void expect_place(const struct config_node *node, const char *place, const char *path)
{
    char text[128];
    assert_non_null(node);
    assert_int_equal(config_node_place(node, text, sizeof text), strlen(place));
    assert_string_equal(text, place);
    assert_int_equal(config_node_path(node, text, sizeof text), strlen(path));
    assert_string_equal(text, path);
}

static void nodes_know_their_place_and_path(void **state UNUSED)
{
    struct config_tree *tree =
        parse("loads:\n- http: {method: get}\n  \"a b\":\n    - [1,\n       2]\n'q\"\\': é\n\"\": ü\n");
    const struct config_node *root = config_tree_root(tree), *load = config_item(config_find(root, "loads"), 0);
    expect_place(root, "f.yaml:1:1", "top level");
    expect_place(config_find(root, "loads"), "f.yaml:2:1", "loads");
    expect_place(load, "f.yaml:2:3", "loads[0]");
    expect_place(config_find(config_find(load, "http"), "method"), "f.yaml:2:18", "loads[0].http.method");
    expect_place(config_item(config_item(config_find(load, "a b"), 0), 1), "f.yaml:5:8", "loads[0][\"a b\"][0][1]");
    expect_place(config_find(root, "q\"\\"), "f.yaml:6:8", "[\"q\\\"\\\\\"]");
    expect_place(config_find(root, ""), "f.yaml:7:5", "[\"\"]");
    assert_int_equal(config_find(load, "a b")->key_line, 3);
    assert_int_equal(config_find(load, "a b")->key_column, 3);
    assert_null(config_find(root, "absent"));
    assert_null(config_find(NULL, "absent"));
    assert_null(config_find(config_find(root, "loads"), "x"));
    assert_null(config_item(root, 0));
    assert_null(config_item(config_find(root, "loads"), 1));
    assert_string_equal(config_tree_name(tree), "f.yaml");
    config_tree_free(tree);
}

static void surrogate_escapes_keep_columns_right(void **state UNUSED)
{
    struct config_tree *tree = parse("{\"a\\ud83d\\ude00\": \"\\uD83D\\uDE01x\\\\ud83d\", \"b\": 1,\r\n"
                                     "\"\\u00e9\": \"\\ud83d\\ude00\", \"d\": 1}");
    const struct config_node *root = config_tree_root(tree);
    expect_place(config_find(root, "a\xf0\x9f\x98\x80"), "f.yaml:1:19", "[\"a\xf0\x9f\x98\x80\"]");
    assert_string_equal(config_find(root, "a\xf0\x9f\x98\x80")->text, "\xf0\x9f\x98\x81x\\ud83d");
    expect_place(config_find(root, "b"), "f.yaml:1:48", "b");
    expect_place(config_find(root, "\xc3\xa9"), "f.yaml:2:11", "[\"\xc3\xa9\"]");
    expect_place(config_find(root, "d"), "f.yaml:2:32", "d");
    config_tree_free(tree);
}

static void a_backslash_outside_of_json_strings_is_left_alone(void **state UNUSED)
{
    struct config_tree *tree = parse("{'a': '\\ud83d\\ude00'}");
    assert_string_equal(config_find(config_tree_root(tree), "a")->text, "\\ud83d\\ude00");
    config_tree_free(tree);
    MALFORMED("{\"a\": \"\\ud83d\"}", "1:10: not valid YAML or JSON: found invalid Unicode character escape code while "
                                      "parsing a quoted scalar from line 1");
}

static void encodings_and_characters_are_checked(void **state UNUSED)
{
    struct config_tree *tree = parse("\xef\xbb\xbf"
                                     "a: 1");
    expect_place(config_find(config_tree_root(tree), "a"), "f.yaml:1:4", "a");
    config_tree_free(tree);
    MALFORMED("\xff\xfe"
              "a",
              "1:1: found UTF-16, allowed UTF-8 text");
    MALFORMED("\xfe\xff", "1:1: found UTF-16, allowed UTF-8 text");
    MALFORMED("a: \xff", "1:4: found the byte 0xff, which is not UTF-8, allowed UTF-8 text");
    MALFORMED("a: 1\r\nb: \xc3\xa4\xc3", "2:5: found the byte 0xc3, which is not UTF-8, allowed UTF-8 text");
    MALFORMED("\xc0\x80", "1:1: found the byte 0xc0, which is not UTF-8, allowed UTF-8 text");
    MALFORMED("\xed\xa0\x80", "1:1: found the byte 0xed, which is not UTF-8, allowed UTF-8 text");
    MALFORMED("\xf4\x90\x80\x80", "1:1: found the byte 0xf4, which is not UTF-8, allowed UTF-8 text");
    MALFORMED("a\0b", "1:2: found a NUL character (U+0000), allowed printable characters");
    MALFORMED("a: \"\\0\"", "1:4: found a text with a NUL character, allowed texts without");
#define ESCAPABLE ", allowed printable characters; it can be written escaped in double quotes"
    MALFORMED("a: \x1b[1m", "1:4: found the character U+001B" ESCAPABLE);
    MALFORMED("a: \x7f", "1:4: found the character U+007F" ESCAPABLE);
    MALFORMED("\"\xc2\x85\"", "1:2: found the character U+0085" ESCAPABLE);
    MALFORMED("\"\xe2\x80\xa8\"", "1:2: found the character U+2028" ESCAPABLE);
    MALFORMED("a\xef\xbb\xbf", "1:2: found the character U+FEFF" ESCAPABLE);
    tree = parse("\"\\u0085\\u2028\\ufeff\\u007f\"");
    assert_string_equal(config_tree_root(tree)->text, "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\x7f");
    config_tree_free(tree);
}

static void documents_without_or_with_several_values_are_refused(void **state UNUSED)
{
    MALFORMED("", "1:1: found no value, allowed a document with one");
    MALFORMED("# nothing\n", "2:1: found no value, allowed a document with one");
    MALFORMED("---\n", "2:1: found no value, allowed a document with one");
    MALFORMED("\xef\xbb\xbf", "1:1: found no value, allowed a document with one");
    MALFORMED("a: 1\n---\nb: 2\n", "2:1: found a second document, allowed one");
    MALFORMED("---\n1\n...\n---\n2\n", "4:1: found a second document, allowed one");
    MALFORMED("%TAG !x! tag:x,2000:\n---\na: 1\n", "1:1: found a %TAG directive, allowed values without tags");
    config_tree_free(parse("%YAML 1.1\n---\na: 1\n...\n"));
    struct config_tree *tree = parse("null");
    assert_int_equal(config_tree_root(tree)->kind, CONFIG_NULL);
    config_tree_free(tree);
}

static void duplicate_keys_are_refused(void **state UNUSED)
{
    MALFORMED("a: 1\nb: 2\na: 3\n", "3:1: found the key \"a\" a second time (first in line 1), allowed once");
    MALFORMED("{\"a\": 1, \"b\": {\"c\": 1, \"c\": 1}}",
              "1:24: found the key \"c\" a second time (first in line 1), allowed once");
    MALFORMED("z: 1\ny: 1\ny: 2\nz: 2\ny: 3\n",
              "3:1: found the key \"y\" a second time (first in line 2), allowed once");
    MALFORMED("a: 1\n\"\\x61\": 2\n", "2:1: found the key \"a\" a second time (first in line 1), allowed once");
    MALFORMED("\"\\e[1m\": 1\n\"\\e[1m\": 1\n",
              "2:1: found the key \"\\x1b[1m\" a second time (first in line 1), allowed once");
}

static void what_yaml_can_do_beyond_data_is_refused(void **state UNUSED)
{
    MALFORMED("a: &x 1", "1:4: found the anchor \"x\", allowed values without anchors and aliases");
    MALFORMED("a: &x [1]", "1:4: found the anchor \"x\", allowed values without anchors and aliases");
    MALFORMED("&k a: 1", "1:1: found the anchor \"k\", allowed values without anchors and aliases");
    MALFORMED("a: *x", "1:4: found the alias \"x\", allowed values without anchors and aliases");
    MALFORMED("*x : 1", "1:1: found the alias \"x\", allowed values without anchors and aliases");
#define NO_TAGS ", allowed values without tags (a text can be put in quotes)"
    MALFORMED("a: !!int 1", "1:4: found the tag \"tag:yaml.org,2002:int\"" NO_TAGS);
    MALFORMED("a: ! 1", "1:4: found the tag \"!\"" NO_TAGS);
    MALFORMED("a: !foo {b: 1}", "1:4: found the tag \"!foo\"" NO_TAGS);
    MALFORMED("<<: {a: 1}", "1:1: found the merge key <<, allowed keys of one map only");
    MALFORMED("[a]: 1", "1:1: found a list as key, allowed a text");
    MALFORMED("? {a: 1}\n: 2", "1:3: found a map as key, allowed a text");
    MALFORMED("?\n: 1\n", "1:2: found no key before the colon, allowed a text");
}

static void an_alias_bomb_ends_at_its_first_anchor(void **state UNUSED)
{
    char text[2048] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 20; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1);
    }
    expect_error(text, strlen(text), ERR_MALFORMED,
                 "f.yaml:1:5: found the anchor \"a0\", allowed values without anchors and aliases");
}

static void repeat(char *to, const char *what, size_t times)
{
    *to = '\0';
    for (size_t n = strlen(what); times > 0; times--, to += n)
        memcpy(to, what, n + 1);
}

#define TOO_DEEP "found lists and maps nested deeper than 64 levels, allowed at most so many"

static void depth_is_bounded(void **state UNUSED)
{
    static char text[1000001];
    repeat(text, "[", 64);
    repeat(text + 64, "]", 64);
    config_tree_free(parse(text));
    repeat(text, "[", 65);
    repeat(text + 65, "]", 65);
    expect_error(text, strlen(text), ERR_NO_SPACE, "f.yaml:1:65: " TOO_DEEP);
    repeat(text, "[", 1000000);
    expect_error(text, 1000000, ERR_NO_SPACE, "f.yaml:1:65: " TOO_DEEP);
    repeat(text, "{\"a\":", 200000);
    expect_error(text, 1000000, ERR_NO_SPACE, "f.yaml:1:321: " TOO_DEEP);
    repeat(text, "- ", 500000);
    expect_error(text, 1000000, ERR_NO_SPACE, "f.yaml:1:129: " TOO_DEEP);
}

static void texts_that_are_no_yaml_are_refused(void **state UNUSED)
{
#define BAD "not valid YAML or JSON: "
    MALFORMED("a: [1", "2:1: " BAD "did not find expected ',' or ']' while parsing a flow sequence from line 1");
    MALFORMED("a: \"x", "1:6: " BAD "found unexpected end of stream while scanning a quoted scalar from line 1");
    MALFORMED("a: b: c", "1:5: " BAD "mapping values are not allowed in this context");
    MALFORMED("a: 1\n\tb: 2", "2:1: " BAD "found a tab character that violates indentation while scanning a plain "
                              "scalar from line 1");
    MALFORMED("a: 1\n b: 2\n", "2:3: " BAD "mapping values are not allowed in this context");
    MALFORMED("{\"a\": 1,, \"b\": 2}",
              "1:9: " BAD "did not find expected node content while parsing a flow node from line 1");
}

static void limits_hold(void **state UNUSED)
{
    struct config_tree *tree;
    struct config_error error;
    struct config_limits limits = config_limits_default();
    limits.nodes = 3;
    assert_int_equal(config_tree_parse_limited("f", "[1, 2]", 6, &limits, &tree, &error), 0);
    config_tree_free(tree);
    assert_int_equal(config_tree_parse_limited("f", "[1, 2, 3]", 9, &limits, &tree, &error), ERR_NO_SPACE);
    assert_string_equal(error.text, "f:1:8: found more than 3 values, allowed at most so many");
    limits = config_limits_default();
    limits.input_bytes = 5;
    assert_int_equal(config_tree_parse_limited("f", "[1, 2]", 6, &limits, &tree, &error), ERR_NO_SPACE);
    assert_string_equal(error.text, "f:1:1: found 6 bytes, allowed at most 5");
    limits = config_limits_default();
    limits.depth = 65;
    assert_int_equal(config_tree_parse_limited("f", "[1, 2]", 6, &limits, &tree, &error), ERR_INVALID);
    assert_string_equal(error.text, "f: found a depth limit of 65, allowed at most 64");
    assert_null(tree);
}

static void lack_of_memory_is_a_clean_error_wherever_it_comes(void **state UNUSED)
{
    size_t failures = 0;
    struct config_limits limits = config_limits_default();
    for (limits.memory_bytes = 0;; limits.memory_bytes += 16, failures++) {
        struct config_tree *tree;
        struct config_error error = {0};
        int result = config_tree_parse_limited("f", sample_yaml, strlen(sample_yaml), &limits, &tree, &error);
        config_tree_free(tree);
        if (result == 0)
            break;
        assert_int_equal(result, ERR_NO_MEMORY);
        assert_non_null(strstr(error.text, "found no memory for"));
    }
    assert_true(failures > 100);
}

static void bind_and_free(struct config_tree *tree)
{
    static struct config_errors errors;
    struct sample settings = {0};
    errors.count = 0;
    int result = config_bind(config_tree_root(tree), &sample_schema, &settings, &errors);
    assert_true((result == 0) == (errors.count == 0));
    for (uint32_t i = 0; i < config_errors_listed(&errors); i++)
        assert_memory_equal(errors.list[i].text, "f.yaml:", 7);
    config_tree_free(tree);
}

static void truncate_everywhere(const char *text)
{
    for (size_t length = 0; length < strlen(text); length++) {
        struct config_tree *tree;
        struct config_error error = {0};
        int result = parse_bytes(text, length, &tree, &error);
        if (result) {
            assert_int_equal(result, ERR_MALFORMED);
            assert_memory_equal(error.text, "f.yaml:", 7);
            assert_true(error.line > 0 && error.column > 0);
        } else {
            bind_and_free(tree);
        }
    }
}

static void a_file_cut_anywhere_is_read_or_refused_cleanly(void **state UNUSED)
{
    truncate_everywhere(sample_yaml);
    truncate_everywhere(sample_json);
    for (size_t length = 2; length < strlen(sample_json) - 1; length++) { /* JSON that does not end is no JSON */
        struct config_tree *tree;
        struct config_error error;
        assert_int_equal(parse_bytes(sample_json, length, &tree, &error), ERR_MALFORMED);
    }
}

static const char *const fragments[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        ":",
                                        ",",
                                        "- ",
                                        "\n",
                                        "\"",
                                        "'",
                                        "&a ",
                                        "*a",
                                        "!!str ",
                                        "\\ud83d\\ude00",
                                        "|\n",
                                        ">\n",
                                        "? ",
                                        "%",
                                        "#",
                                        "0x",
                                        "1e999",
                                        "\xf0\x9f\x98\x80",
                                        "\xff",
                                        "\t",
                                        "---\n",
                                        "...\n",
                                        "~",
                                        "<<: ",
                                        "99999999999999999999",
                                        "\\",
                                        "\r",
                                        "loads",
                                        "  "};

/* One random change to a text of *length bytes in a buffer of `size`. */
static void mutate(struct random *r, char *text, size_t *length, size_t size)
{
    size_t at = random_below(r, *length + 1), n = random_below(r, 24);
    const char *fragment = fragments[random_below(r, ARRAY_SIZE(fragments))];
    switch (random_below(r, 4)) {
    case 0:
        if (at < *length)
            text[at] = (char)random_below(r, 256);
        break;
    case 1: /* take a part out */
        n = min_u64(n, *length - at);
        memmove(text + at, text + at + n, *length - at - n);
        *length -= n;
        break;
    case 2: /* put a fragment in */
        n = strlen(fragment);
        if (*length + n > size)
            break;
        memmove(text + at + n, text + at, *length - at);
        memcpy(text + at, fragment, n);
        *length += n;
        break;
    default: /* copy a part over another */
        n = min_u64(n, *length - at);
        memmove(text + random_below(r, *length - n + 1), text + at, n);
        break;
    }
}

static void random_changes_to_a_file_never_crash(void **state UNUSED)
{
    struct random r;
    random_seed(&r, 20240607);
    unsigned read = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char text[4096];
        const char *from = i % 2 ? sample_yaml : sample_json;
        size_t length = strlen(from);
        memcpy(text, from, length);
        for (uint64_t changes = 1 + random_below(&r, 4); changes > 0; changes--)
            mutate(&r, text, &length, sizeof text);
        struct config_tree *tree;
        struct config_error error;
        if (parse_bytes(text, length, &tree, &error) == 0) {
            read++;
            bind_and_free(tree);
        }
    }
    assert_true(read > 1000 && read < 19000); /* both ways were taken */
}

static void long_texts_in_messages_are_cut_between_characters(void **state UNUSED)
{
    char text[2000];
    repeat(text, "\xc3\xa9", 500);
    struct config_tree *tree = parse(text);
    char found[256], expected[256];
    repeat(expected, "\xc3\xa9", 48);
    size_t length = config_node_describe(config_tree_root(tree), found, sizeof found);
    assert_int_equal(length, strlen("the text \"\"") + 96 + strlen("…"));
    assert_memory_equal(found + strlen("the text \""), expected, 96);
    for (size_t size = 1; size < length; size++) {
        assert_int_equal(config_node_describe(config_tree_root(tree), found, size), length);
        assert_true(strlen(found) < size && strlen(found) + 3 >= size);
        assert_true(strlen(found) < 11 || ((uint8_t)found[strlen(found) - 1] & 0xc0) != 0xc0);
    }
    config_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_mean_what_the_rules_say),
        cmocka_unit_test(integers_are_exact_to_the_edges_of_64_bits),
        cmocka_unit_test(numbers_that_cannot_be_held_are_refused),
        cmocka_unit_test(doubles_are_the_nearest_ones),
        cmocka_unit_test(json_and_yaml_give_the_same_tree),
        cmocka_unit_test(nodes_know_their_place_and_path),
        cmocka_unit_test(surrogate_escapes_keep_columns_right),
        cmocka_unit_test(a_backslash_outside_of_json_strings_is_left_alone),
        cmocka_unit_test(encodings_and_characters_are_checked),
        cmocka_unit_test(documents_without_or_with_several_values_are_refused),
        cmocka_unit_test(duplicate_keys_are_refused),
        cmocka_unit_test(what_yaml_can_do_beyond_data_is_refused),
        cmocka_unit_test(an_alias_bomb_ends_at_its_first_anchor),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(texts_that_are_no_yaml_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(lack_of_memory_is_a_clean_error_wherever_it_comes),
        cmocka_unit_test(a_file_cut_anywhere_is_read_or_refused_cleanly),
        cmocka_unit_test(random_changes_to_a_file_never_crash),
        cmocka_unit_test(long_texts_in_messages_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
