/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer: its exact output, its escapes, its numbers, its errors, and the law that what it writes is read back
 * as the same.
 */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "config/json.h"
#include "config/tree.h"

static void write_example(struct json_writer *w)
{
    json_begin_object(w);
    json_member_u64(w, "schema", 1);
    json_member_array(w, "loads");
    json_begin_object(w);
    json_member_string(w, "name", "web");
    json_member_bool(w, "ok", true);
    json_member_i64(w, "least", INT64_MIN);
    json_member_double(w, "rate", 0.1);
    json_member_object(w, "failed");
    json_end_object(w);
    json_end_object(w);
    json_begin_array(w);
    json_end_array(w);
    json_put_null(w);
    json_put_fixed(w, 2.0 / 3, 3);
    json_end_array(w);
    json_member_string(w, "none", NULL);
    json_end_object(w);
}

static void layout_is_compact_or_indented(void **state UNUSED)
{
    struct json_buffer buffer = {0};
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, &buffer, 0);
    write_example(&w);
    assert_int_equal(json_finish(&w), 0);
    assert_string_equal(buffer.bytes,
                        "{\"schema\":1,\"loads\":[{\"name\":\"web\",\"ok\":true,\"least\":-9223372036854775808,"
                        "\"rate\":0.1,\"failed\":{}},[],null,0.667],\"none\":null}");
    json_buffer_free(&buffer);
    json_writer_init(&w, json_buffer_sink, &buffer, 2);
    write_example(&w);
    assert_int_equal(json_finish(&w), 0);
    assert_string_equal(buffer.bytes, "{\n"
                                      "  \"schema\": 1,\n"
                                      "  \"loads\": [\n"
                                      "    {\n"
                                      "      \"name\": \"web\",\n"
                                      "      \"ok\": true,\n"
                                      "      \"least\": -9223372036854775808,\n"
                                      "      \"rate\": 0.1,\n"
                                      "      \"failed\": {}\n"
                                      "    },\n"
                                      "    [],\n"
                                      "    null,\n"
                                      "    0.667\n"
                                      "  ],\n"
                                      "  \"none\": null\n"
                                      "}\n");
    json_buffer_free(&buffer);
}

static void expect_text(const char *bytes, size_t length, const char *json)
{
    struct json_buffer buffer = {0};
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, &buffer, 0);
    json_put_text(&w, bytes, length);
    assert_int_equal(json_finish(&w), 0);
    assert_string_equal(buffer.bytes, json);
    json_buffer_free(&buffer);
}

#define TEXT(bytes, json) expect_text(bytes, sizeof(bytes) - 1, json)
#define BAD "\xef\xbf\xbd"

static void strings_are_escaped_where_json_or_yaml_need_it(void **state UNUSED)
{
    TEXT("", "\"\"");
    TEXT("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    TEXT("\b\t\n\f\r\v\a\0\x1f\x1b", "\"\\b\\t\\n\\f\\r\\u000b\\u0007\\u0000\\u001f\\u001b\"");
    TEXT("\x7f\xc2\x80\xc2\x9f\xc2\xa0", "\"\\u007f\\u0080\\u009f\xc2\xa0\"");
    TEXT("\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xef\xbf\xbf", "\"\\u2028\\u2029\\ufeff\\uffff\"");
    TEXT("\xc3\xa9 \xf0\x9f\x98\x80", "\"\xc3\xa9 \xf0\x9f\x98\x80\"");
}

/* The cases of Unicode 15.0 section 3.9, table 3-8 and others. */
static void what_is_not_utf8_is_replaced(void **state UNUSED)
{
    TEXT("a\xff"
         "b",
         "\"a" BAD "b\"");
    TEXT("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", "\"a" BAD BAD BAD "b" BAD "c" BAD BAD "d\"");
    TEXT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "\"" BAD BAD BAD BAD BAD BAD BAD BAD "A\"");
    TEXT("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "\"" BAD BAD BAD BAD BAD BAD BAD BAD "A\"");
    TEXT("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "\"" BAD BAD BAD BAD BAD "A" BAD BAD "B\"");
    TEXT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "\"" BAD BAD BAD BAD "A\"");
    TEXT("\xf0\x9f\x98", "\"" BAD "\"");
}

static char *double_text(double value, int decimals)
{
    struct json_buffer buffer = {0};
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, &buffer, 0);
    if (decimals < 0)
        json_put_double(&w, value);
    else
        json_put_fixed(&w, value, (unsigned)decimals);
    assert_int_equal(json_finish(&w), 0);
    return buffer.bytes;
}

static void expect_double(double value, int decimals, const char *expected)
{
    char *text = double_text(value, decimals);
    assert_string_equal(text, expected);
    free(text);
}

static void doubles_are_written_short_and_exact(void **state UNUSED)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100.0"},
        {123456789.125, "123456789.125"},
        {9007199254740993.0, "9007199254740992.0"},
        {1e16, "10000000000000000.0"},
        {1e17, "1.0e17"},
        {1e22, "1.0e22"},
        {1e23, "1.0e23"},
        {1.5e300, "1.5e300"},
        {0.0001, "0.0001"},
        {0.00001, "0.00001"},
        {0.000001, "1.0e-6"},
        {5e-324, "5.0e-324"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {(double)INFINITY, "null"},
        {-(double)INFINITY, "null"},
        {(double)NAN, "null"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_double(cases[i].value, -1, cases[i].text);
}

static void fixed_decimals_are_kept(void **state UNUSED)
{
    expect_double(1, 3, "1.000");
    expect_double(-0.0625, 3, "-0.062");
    expect_double(12345.678, 0, "12346");
    expect_double(1e21, 1, "1000000000000000000000.0");
    expect_double(0.1, 17, "0.10000000000000001");
    expect_double((double)NAN, 2, "null");
    char *text = double_text(-1.7976931348623157e308, 17);
    assert_int_equal(strlen(text), 1 + 309 + 1 + 17);
    free(text);
}

static void random_doubles_read_back_as_themselves(void **state UNUSED)
{
    struct random r;
    random_seed(&r, 7);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t bits = random_u64(&r);
        double value;
        memcpy(&value, &bits, sizeof value);
        char *text = double_text(value, -1), precise[40];
        if (isfinite(value)) {
            double back = strtod(text, NULL);
            assert_memory_equal(&back, &value, sizeof back);
            snprintf(precise, sizeof precise, "%.17g", value);
            assert_true(strlen(text) <= strlen(precise) + 2);
        } else {
            assert_string_equal(text, "null");
        }
        free(text);
    }
}

/* Sets a locale whose decimal point is a comma: an installed one, or one made for this test. */
static bool locale_with_comma_set(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (setlocale(LC_NUMERIC, names[i]))
            return true;
    char folder[] = "/tmp/weir-locale-XXXXXX", command[256];
    if (!mkdtemp(folder))
        return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", folder, folder);
    bool made = system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 && setlocale(LC_NUMERIC, "de_DE.UTF-8");
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 && made;
}

static void the_locale_does_not_matter(void **state UNUSED)
{
    char comma[8];
    if (!locale_with_comma_set()) {
        print_message("no locale with a decimal comma is installed, and localedef could not make one\n");
        skip();
    }
    snprintf(comma, sizeof comma, "%.1f", 0.5);
    assert_string_equal(comma, "0,5");
    expect_double(-0.25, -1, "-0.25");
    expect_double(-0.25, 3, "-0.250");
    struct config_tree *tree;
    struct config_error error;
    assert_int_equal(config_tree_parse("f", "-12.5e-1", 8, &tree, &error), 0);
    assert_true(config_tree_root(tree)->number == -1.25);
    config_tree_free(tree);
    setlocale(LC_NUMERIC, "C");
}

static int full_sink(void *context, const char *bytes UNUSED, size_t length)
{
    size_t *room = context;
    if (length > *room)
        return ERR_NO_SPACE;
    *room -= length;
    return 0;
}

static void errors_of_the_sink_stick(void **state UNUSED)
{
    struct json_writer w;
    size_t most = 1000, left = most;
    json_writer_init(&w, full_sink, &left, 0);
    write_example(&w);
    assert_int_equal(json_finish(&w), 0);
    size_t length = most - left;
    for (size_t room = 0; room <= length; room++) {
        left = room;
        json_writer_init(&w, full_sink, &left, 0);
        write_example(&w);
        assert_int_equal(json_finish(&w), room < length ? ERR_NO_SPACE : 0);
    }
}

static void unfinished_documents_are_errors(void **state UNUSED)
{
    size_t room = 1000;
    struct json_writer w;
    json_writer_init(&w, full_sink, &room, 0);
    assert_int_equal(json_finish(&w), ERR_INVALID);
    json_writer_init(&w, full_sink, &room, 0);
    json_begin_array(&w);
    assert_int_equal(json_finish(&w), ERR_INVALID);
}

static void value_without_key(struct json_writer *w)
{
    json_begin_object(w);
    json_put_null(w);
}
static void key_in_array(struct json_writer *w)
{
    json_begin_array(w);
    json_key(w, "a");
}
static void key_at_top(struct json_writer *w) { json_key(w, "a"); }
static void two_keys(struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "a");
    json_key(w, "b");
}
static void wrong_end(struct json_writer *w)
{
    json_begin_object(w);
    json_end_array(w);
}
static void end_behind_key(struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "a");
    json_end_object(w);
}
static void end_without_begin(struct json_writer *w) { json_end_object(w); }
static void two_values(struct json_writer *w)
{
    json_put_null(w);
    json_put_null(w);
}
static void too_deep(struct json_writer *w)
{
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        json_begin_array(w);
}

/* In another process, since it may end in an assertion. */
static bool is_refused(void (*misuse)(struct json_writer *w))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        size_t room = 1000;
        struct json_writer w;
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        json_writer_init(&w, full_sink, &room, 0);
        misuse(&w);
        _exit(json_finish(&w) == ERR_INVALID ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void misuse_is_an_assertion_or_an_error(void **state UNUSED)
{
    assert_true(is_refused(value_without_key));
    assert_true(is_refused(key_in_array));
    assert_true(is_refused(key_at_top));
    assert_true(is_refused(two_keys));
    assert_true(is_refused(wrong_end));
    assert_true(is_refused(end_behind_key));
    assert_true(is_refused(end_without_begin));
    assert_true(is_refused(two_values));
    assert_true(is_refused(too_deep));
}

static void all_levels_can_be_used(void **state UNUSED)
{
    struct json_buffer buffer = {0};
    struct json_writer w;
    json_writer_init(&w, json_buffer_sink, &buffer, 0);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_begin_array(&w);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_end_array(&w);
    assert_int_equal(json_finish(&w), 0);
    assert_int_equal(buffer.length, 2 * JSON_DEPTH_MAX);
    json_buffer_free(&buffer);
}

/* ---- the round trip ---- */

static size_t random_text(struct random *r, char *text, size_t size)
{
    size_t n = 0;
    for (uint64_t left = random_below(r, 20); left > 0 && n + 4 < size; left--) {
        uint32_t code;
        do
            code = (uint32_t)random_below(r, random_below(r, 2) ? 0x80 : 0x110000);
        while (code == 0 || (code >= 0xd800 && code <= 0xdfff));
        if (code < 0x80) {
            text[n++] = (char)code;
        } else if (code < 0x800) {
            text[n++] = (char)(0xc0 | code >> 6);
            text[n++] = (char)(0x80 | (code & 63));
        } else if (code < 0x10000) {
            text[n++] = (char)(0xe0 | code >> 12);
            text[n++] = (char)(0x80 | (code >> 6 & 63));
            text[n++] = (char)(0x80 | (code & 63));
        } else {
            text[n++] = (char)(0xf0 | code >> 18);
            text[n++] = (char)(0x80 | (code >> 12 & 63));
            text[n++] = (char)(0x80 | (code >> 6 & 63));
            text[n++] = (char)(0x80 | (code & 63));
        }
    }
    text[n] = '\0';
    return n;
}

static void put_random(struct random *r, struct json_writer *w, unsigned depth)
{
    char text[128];
    uint64_t bits = random_u64(r), members = random_below(r, 6);
    double value;
    switch (random_below(r, depth > 0 ? 10 : 6)) {
    case 0:
        json_put_null(w);
        break;
    case 1:
        json_put_bool(w, bits & 1);
        break;
    case 2:
        json_put_i64(w, (int64_t)(bits >> (bits & 63)));
        break;
    case 3:
        json_put_u64(w, bits);
        break;
    case 4:
        memcpy(&value, &bits, sizeof value);
        json_put_double(w, value);
        break;
    case 5:
        json_put_text(w, text, random_text(r, text, sizeof text));
        break;
    case 6:
    case 7:
        json_begin_array(w);
        for (; members > 0; members--)
            put_random(r, w, depth - 1);
        json_end_array(w);
        break;
    default:
        json_begin_object(w);
        for (; members > 0; members--) {
            text[0] = (char)('a' + members); /* so that keys differ */
            random_text(r, text + 1, sizeof text - 1);
            json_key(w, text);
            put_random(r, w, depth - 1);
        }
        json_end_object(w);
        break;
    }
}

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
        for (const struct config_node *child = node->first; child; child = child->next)
            put_node(w, child);
        json_end_array(w);
        break;
    case CONFIG_MAP:
        json_begin_object(w);
        for (const struct config_node *child = node->first; child; child = child->next) {
            json_key(w, child->key);
            put_node(w, child);
        }
        json_end_object(w);
        break;
    }
}

static void what_is_written_is_read_back_as_the_same(void **state UNUSED)
{
    struct random r;
    random_seed(&r, 99);
    size_t bytes = 0;
    for (unsigned i = 0; i < 3000; i++) {
        struct json_buffer first = {0}, second = {0};
        struct json_writer w;
        unsigned indent = (unsigned)random_below(&r, 3);
        json_writer_init(&w, json_buffer_sink, &first, indent);
        put_random(&r, &w, 5);
        assert_int_equal(json_finish(&w), 0);
        struct config_tree *tree;
        struct config_error error;
        if (config_tree_parse("f", first.bytes, first.length, &tree, &error))
            fail_msg("%s in %s", error.text, first.bytes);
        json_writer_init(&w, json_buffer_sink, &second, indent);
        put_node(&w, config_tree_root(tree));
        assert_int_equal(json_finish(&w), 0);
        assert_string_equal(second.bytes, first.bytes);
        bytes += first.length;
        config_tree_free(tree);
        json_buffer_free(&first);
        json_buffer_free(&second);
    }
    assert_true(bytes > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_compact_or_indented),
        cmocka_unit_test(strings_are_escaped_where_json_or_yaml_need_it),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
        cmocka_unit_test(doubles_are_written_short_and_exact),
        cmocka_unit_test(fixed_decimals_are_kept),
        cmocka_unit_test(random_doubles_read_back_as_themselves),
        cmocka_unit_test(the_locale_does_not_matter),
        cmocka_unit_test(errors_of_the_sink_stick),
        cmocka_unit_test(unfinished_documents_are_errors),
        cmocka_unit_test(misuse_is_an_assertion_or_an_error),
        cmocka_unit_test(all_levels_can_be_used),
        cmocka_unit_test(what_is_written_is_read_back_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
