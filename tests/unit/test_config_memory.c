/* SPDX-License-Identifier: MIT */
/*
 * Lack of memory at each allocation of config/ in turn: this program brings its own config_heap, which fails when told,
 * and sees whether all memory comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/heap.h"
#include "config/json.h"
#include "config/tree.h"
#include "unit/config_sample.h"

static unsigned calls_left; /* until one fails */
static int held;            /* pieces handed out and not given back */

static bool call_succeeds(void)
{
    if (calls_left == 0)
        return false;
    calls_left--;
    return true;
}

void *config_heap_alloc(size_t size)
{
    void *memory = call_succeeds() ? calloc(1, size + 1) : NULL;
    held += memory != NULL;
    return memory;
}

void *config_heap_resize(void *old, size_t size)
{
    void *memory = call_succeeds() ? realloc(old, size + 1) : NULL;
    held += memory && !old;
    return memory;
}

void config_heap_free(void *memory)
{
    held -= memory != NULL;
    free(memory);
}

/* Runs until nothing fails; returns how often something did. */
static unsigned fail_each_in_turn(int (*run)(void))
{
    unsigned failures = 0;
    for (;; failures++) {
        calls_left = failures;
        int result = run();
        assert_int_equal(held, 0);
        if (result == 0)
            return failures;
        assert_int_equal(result, ERR_NO_MEMORY);
    }
}

static int parse_json(void)
{
    struct config_tree *tree;
    struct config_error error = {0};
    int result = config_tree_parse("f", sample_json, strlen(sample_json), &tree, &error);
    assert_true(!result == (tree != NULL) && !result == (error.text[0] == '\0'));
    config_tree_free(tree);
    return result;
}

static int parse_and_bind(void)
{
    static struct config_errors errors;
    struct sample settings = {0};
    struct config_tree *tree;
    struct config_error error;
    char big[20000]; /* a chunk of its own */
    memset(big, 'x', sizeof big);
    int result = config_tree_parse("f", big, sizeof big, &tree, &error);
    config_tree_free(tree);
    if (!result)
        result = config_tree_parse("f", sample_yaml, strlen(sample_yaml), &tree, &error);
    if (result)
        return result;
    errors.count = 0;
    result = config_bind(config_tree_root(tree), &sample_schema, &settings, &errors);
    bool no_memory = result && strstr(errors.list[0].text, "found no memory");
    config_tree_free(tree);
    return no_memory ? ERR_NO_MEMORY : result;
}

static int write_json(void)
{
    struct json_buffer buffer = {0};
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, &buffer, 0);
    json_begin_array(&w);
    for (int i = 0; i < 2000; i++)
        json_put_i64(&w, i);
    json_end_array(&w);
    int result = json_finish(&w);
    json_buffer_free(&buffer);
    return result;
}

static void reading_fails_cleanly(void **state UNUSED) { assert_true(fail_each_in_turn(parse_json) >= 5); }
static void binding_fails_cleanly(void **state UNUSED) { assert_true(fail_each_in_turn(parse_and_bind) >= 5); }
static void writing_fails_cleanly(void **state UNUSED) { assert_true(fail_each_in_turn(write_json) >= 3); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_fails_cleanly),
        cmocka_unit_test(binding_fails_cleanly),
        cmocka_unit_test(writing_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
