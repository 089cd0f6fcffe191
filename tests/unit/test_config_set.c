/* SPDX-License-Identifier: MIT */
/*
 * The override `--set path=value`: what it changes, what it makes, what it refuses with which message, and that a
 * refusal changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/json.h"
#include "config/tree.h"
#include "unit/config_sample.h"

static const char base_text[] = "loads:\n"
                                "- name: web\n"
                                "  http: {requests: 1, method: get}\n"
                                "- name: dns\n"
                                "empty:\n"
                                "list: [1, 2]\n"
                                "\"a b\": x\n";

static struct config_tree *parse(const char *text)
{
    struct config_tree *tree;
    struct config_error error;
    if (config_tree_parse("f.yaml", text, strlen(text), &tree, &error))
        fail_msg("%s", error.text);
    return tree;
}

static void emit(struct json_writer *w, const struct config_node *node)
{
    if (node->kind == CONFIG_MAP) {
        json_begin_object(w);
        for (const struct config_node *child = node->first; child; child = child->next) {
            assert_ptr_equal(child->parent, node);
            json_key(w, child->key);
            emit(w, child);
        }
        json_end_object(w);
    } else if (node->kind == CONFIG_LIST) {
        json_begin_array(w);
        for (const struct config_node *child = node->first; child; child = child->next) {
            assert_ptr_equal(child->parent, node);
            emit(w, child);
        }
        json_end_array(w);
    } else if (node->kind == CONFIG_INT) {
        json_put_u64(w, node->magnitude);
    } else {
        json_put_string(w, node->kind == CONFIG_NULL ? NULL : node->text);
    }
}

static void expect_tree(const struct config_tree *tree, const char *json)
{
    struct json_buffer buffer = {0};
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, &buffer, 0);
    emit(&w, config_tree_root(tree));
    assert_int_equal(json_finish(&w), 0);
    assert_string_equal(buffer.bytes, json);
    json_buffer_free(&buffer);
}

#define LOADS(http) "{\"loads\":[{\"name\":\"web\",\"http\":" http "},{\"name\":\"dns\"}],"
#define REST "\"empty\":null,\"list\":[1,2],\"a b\":\"x\""
#define HTTP "{\"requests\":1,\"method\":\"get\"}"

static void expect_set(const char *assignment, const char *json)
{
    struct config_tree *tree = parse(base_text);
    struct config_error error;
    if (config_set(tree, assignment, &error))
        fail_msg("%s", error.text);
    expect_tree(tree, json);
    config_tree_free(tree);
}

static void values_are_replaced_and_keys_are_made(void **state UNUSED)
{
    expect_set("loads[0].http.requests=5", LOADS("{\"requests\":5,\"method\":\"get\"}") REST "}");
    expect_set("loads[0].http.new=a=b", LOADS("{\"requests\":1,\"method\":\"get\",\"new\":\"a=b\"}") REST "}");
    expect_set("loads[0].http={x: [1, {y: 2}]}", LOADS("{\"x\":[1,{\"y\":2}]}") REST "}");
    expect_set("loads[0].http=text", LOADS("\"text\"") REST "}");
    expect_set("loads=7", "{\"loads\":7," REST "}");
    expect_set("new.deep-er.key_2=''", LOADS(HTTP) REST ",\"new\":{\"deep-er\":{\"key_2\":\"\"}}}");
    expect_set("empty.key=1", LOADS(HTTP) "\"empty\":{\"key\":1},\"list\":[1,2],\"a b\":\"x\"}");
    expect_set("list[1]=[8, 9]", LOADS(HTTP) "\"empty\":null,\"list\":[1,[8,9]],\"a b\":\"x\"}");
    expect_set("[\"a b\"]={c: 1}", LOADS(HTTP) "\"empty\":null,\"list\":[1,2],\"a b\":{\"c\":1}}");
    expect_set("[\"q\\\"\\\\=.\"][\"\"]=1", LOADS(HTTP) REST ",\"q\\\"\\\\=.\":{\"\":1}}");
    expect_set("list= 12:30:00 ", LOADS(HTTP) "\"empty\":null,\"list\":\"12:30:00\",\"a b\":\"x\"}");
    expect_set("list=~", LOADS(HTTP) "\"empty\":null,\"list\":null,\"a b\":\"x\"}");
}

static void later_overrides_build_on_earlier_ones(void **state UNUSED)
{
    struct config_tree *tree = parse("a: {}");
    struct config_error error;
    assert_int_equal(config_set(tree, "a.b.c=1", &error), 0);
    assert_int_equal(config_set(tree, "a.b.d=[1, 2]", &error), 0);
    assert_int_equal(config_set(tree, "a.b.d[0]={e: 3}", &error), 0);
    assert_int_equal(config_set(tree, "a.b.d[0].e=4", &error), 0);
    assert_int_equal(config_set(tree, "a.b.c=2", &error), 0);
    expect_tree(tree, "{\"a\":{\"b\":{\"c\":2,\"d\":[{\"e\":4},2]}}}");
    char text[64];
    config_node_place(config_find(config_find(config_find(config_tree_root(tree), "a"), "b"), "d"), text, sizeof text);
    assert_string_equal(text, "--set a.b.d");
    config_tree_free(tree);
}

static void expect_refused(const char *assignment, int code, const char *message)
{
    struct config_tree *tree = parse(base_text);
    struct config_error error;
    assert_int_equal(config_set(tree, assignment, &error), code);
    assert_string_equal(error.text, message);
    expect_tree(tree, LOADS(HTTP) REST "}");
    config_tree_free(tree);
}

#define PATHS "allowed PATH=VALUE with a path such as loads[0].http.requests"

static void malformed_overrides_are_refused(void **state UNUSED)
{
    expect_refused("", ERR_MALFORMED, "--set : found \"\", " PATHS);
    expect_refused("x", ERR_MALFORMED, "--set x: found \"x\", " PATHS);
    expect_refused("=1", ERR_MALFORMED, "--set =1: found \"=1\", " PATHS);
    expect_refused(".a=1", ERR_MALFORMED, "--set .a=1: found \".a=1\", " PATHS);
    expect_refused("a..b=1", ERR_MALFORMED, "--set a..b=1: found \".b=1\", " PATHS);
    expect_refused("a.=1", ERR_MALFORMED, "--set a.=1: found \"=1\", " PATHS);
    expect_refused("a b=1", ERR_MALFORMED, "--set a b=1: found \"a b=1\", " PATHS);
    expect_refused("list[x]=1", ERR_MALFORMED, "--set list[x]=1: found \"x]=1\", " PATHS);
    expect_refused("list[-1]=1", ERR_MALFORMED, "--set list[-1]=1: found \"-1]=1\", " PATHS);
    expect_refused("list[0=1", ERR_MALFORMED, "--set list[0=1: found \"0=1\", " PATHS);
    expect_refused("list[0]x=1", ERR_MALFORMED, "--set list[0]x=1: found \"0]x=1\", " PATHS);
    expect_refused("list[9999999999]=1", ERR_MALFORMED, "--set list[9999999999]=1: found \"9999999999]=1\", " PATHS);
    expect_refused("[\"a]=1", ERR_MALFORMED, "--set [\"a]=1: found \"\\\"a]=1\", " PATHS);
    expect_refused("[\"\xff\"]=1", ERR_MALFORMED, "--set [\"\\xff\"]=1: found \"\\\"\\xff\\\"]=1\", " PATHS);
    expect_refused("\x1b[0m\xff=1", ERR_MALFORMED, "--set \\x1b[0m\\xff=1: found \"\\x1b[0m\\xff=1\", " PATHS);
}

static void values_that_cannot_be_read_are_refused(void **state UNUSED)
{
    expect_refused("x=", ERR_MALFORMED, "--set x: found no value behind =, allowed one ('' is the empty text)");
    expect_refused("x=  ", ERR_MALFORMED, "--set x: found no value behind =, allowed one ('' is the empty text)");
    expect_refused("x=# c", ERR_MALFORMED, "--set x: found no value, allowed a document with one");
    expect_refused("x=1\ny: 2", ERR_MALFORMED, "--set x: found a value of several lines, allowed one line");
    expect_refused(
        "x=[1", ERR_MALFORMED,
        "--set x: not valid YAML or JSON: did not find expected ',' or ']' while parsing a flow sequence from line 1");
    expect_refused("x={a: 1, a: 2}", ERR_MALFORMED, "--set x: found the key \"a\" a second time, allowed once");
    expect_refused("x=*a", ERR_MALFORMED, "--set x: found the alias \"a\", allowed values without anchors and aliases");
    expect_refused("x=\xff", ERR_MALFORMED, "--set x: found the byte 0xff, which is not UTF-8, allowed UTF-8 text");
    expect_refused("x=18446744073709551616", ERR_MALFORMED,
                   "--set x: found the integer 18446744073709551616, allowed -9223372036854775808 to "
                   "18446744073709551615 (put it in "
                   "quotes if it is a text)");
}

static void paths_that_lead_nowhere_are_refused(void **state UNUSED)
{
    expect_refused("loads[2].x=1", ERR_NOT_FOUND,
                   "--set loads[2].x: found the item number 2, allowed one of the 2 that the list has, counted from 0");
    expect_refused(
        "new[0]=1", ERR_NOT_FOUND,
        "--set new[0]: found the item number 0 of a list that is not there, allowed items of existing lists");
    expect_refused(
        "loads[0].http.a.b[3].c=1", ERR_NOT_FOUND,
        "--set loads[0].http.a.b[3].c: found the item number 3 of a list that is not there, allowed items of "
        "existing lists");
    expect_refused("loads.x=1", ERR_INVALID, "--set loads.x: found a list of 2 at loads (f.yaml:2:1), allowed a map");
    expect_refused("loads[0].name.x=1", ERR_INVALID,
                   "--set loads[0].name.x: found the text \"web\" at loads[0].name (f.yaml:2:9), allowed a map");
    expect_refused("loads[0].name[1]=1", ERR_INVALID,
                   "--set loads[0].name[1]: found the text \"web\" at loads[0].name (f.yaml:2:9), allowed a list");
    expect_refused("[0]=1", ERR_INVALID, "--set [0]: found a map at top level (f.yaml:1:1), allowed a list");
    expect_refused("empty[0]=1", ERR_INVALID,
                   "--set empty[0]: found nothing (null) at empty (f.yaml:5:7), allowed a list");
}

static void depth_is_bounded_for_paths_and_values_together(void **state UNUSED)
{
    char path[256] = "a", text[512];
    for (size_t i = 1; i < 63; i++)
        memcpy(path + 2 * i - 1, ".a", 3);
    struct config_tree *tree = parse("{}");
    struct config_error error;
    snprintf(text, sizeof text, "%s=[1]", path); /* 63 maps and a list */
    assert_int_equal(config_set(tree, text, &error), 0);
    config_tree_free(tree);
    tree = parse("{}");
    snprintf(text, sizeof text, "%s=[[1]]", path);
    assert_int_equal(config_set(tree, text, &error), ERR_NO_SPACE);
    assert_non_null(strstr(error.text, "found lists and maps nested deeper than 64 levels, allowed at most so many"));
    snprintf(text, sizeof text, "%s.a.a=1", path);
    assert_int_equal(config_set(tree, text, &error), ERR_NO_SPACE);
    assert_non_null(strstr(error.text, "found a path of 65 steps, allowed at most 64"));
    expect_tree(tree, "{}");
    config_tree_free(tree);
}

static void limits_of_the_tree_hold_for_overrides(void **state UNUSED)
{
    struct config_tree *tree;
    struct config_error error;
    struct config_limits limits = config_limits_default();
    limits.nodes = 4;
    assert_int_equal(config_tree_parse_limited("f", "a: 1", 4, &limits, &tree, &error), 0);
    assert_int_equal(config_set(tree, "b.c.d=1", &error), ERR_NO_SPACE);
    assert_string_equal(error.text,
                        "--set b.c.d: found no room for more values, allowed 4 values and 1073741824 bytes");
    expect_tree(tree, "{\"a\":1}");
    config_tree_free(tree);
    unsigned failures = 0;
    for (limits = config_limits_default(), limits.memory_bytes = 256;; limits.memory_bytes += 16) {
        int result = config_tree_parse_limited("f", "a: 1", 4, &limits, &tree, &error);
        if (result)
            continue;
        result = config_set(tree, "b.c.d=[1, text]", &error);
        expect_tree(tree, result ? "{\"a\":1}" : "{\"a\":1,\"b\":{\"c\":{\"d\":[1,\"text\"]}}}");
        config_tree_free(tree);
        if (!result)
            break;
        assert_int_equal(result, ERR_NO_MEMORY);
        failures++;
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_replaced_and_keys_are_made),
        cmocka_unit_test(later_overrides_build_on_earlier_ones),
        cmocka_unit_test(malformed_overrides_are_refused),
        cmocka_unit_test(values_that_cannot_be_read_are_refused),
        cmocka_unit_test(paths_that_lead_nowhere_are_refused),
        cmocka_unit_test(depth_is_bounded_for_paths_and_values_together),
        cmocka_unit_test(limits_of_the_tree_hold_for_overrides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
