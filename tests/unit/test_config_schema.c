/* SPDX-License-Identifier: MIT */
/*
 * Schemas about themselves: the check that finds slips in tables, and the two forms of documentation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/json.h"
#include "config/schema.h"
#include "unit/config_sample.h"

struct small {
    uint32_t count;
    int64_t hold_ns;
    int mode;
    const char *name;
    const uint16_t *ports;
    uint32_t ports_count;
};

static const struct config_choice modes[] = {{"on", 1, "it runs"}, {"off", 0, "it rests"}, {.name = NULL}};
static const struct config_choice twice[] = {{"on", 1, NULL}, {"on", 0, NULL}, {.name = NULL}};
static const struct config_choice none[] = {{.name = NULL}};

static const struct config_field small_fields[] = {
    {CONFIG_MEMBER(struct small, count), .type = CONFIG_TYPE_U32, .required = true, .max = "9", .doc = "How many."},
    {CONFIG_NAMED("hold", struct small, hold_ns), .type = CONFIG_TYPE_DURATION, .fallback = "1s", .doc = "How | long."},
    {CONFIG_MEMBER(struct small, mode), .type = CONFIG_TYPE_ENUM, .choices = modes, .fallback = "on",
     .doc = "Whether."},
    {CONFIG_MEMBER(struct small, name), .type = CONFIG_TYPE_STRING, .fallback = "", .doc = "A \"näme\"."},
    {CONFIG_ITEMS(struct small, ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16, .items_max = 2,
     .doc = "Ports."},
};
static const struct config_schema small_schema = CONFIG_SCHEMA("small", struct small, small_fields, "A small schema.");

static void the_table_is_aligned_markdown(void **state UNUSED)
{
    struct json_buffer buffer = {0};
    assert_int_equal(config_schema_print_table(&small_schema, json_buffer_sink, &buffer), 0);
    assert_string_equal(
        buffer.bytes,
        "| Key   | Value                                                         | Default  | Meaning |\n"
        "|-------|---------------------------------------------------------------|----------|---|\n"
        "| count | an integer from 0 to 9                                        | required | How many. |\n"
        "| hold  | a duration such as 10s, 250ms or 1.5us (units ns us ms s m h) | 1s       | How \\| long. |\n"
        "| mode  | one of on, off                                                | on       | Whether. on: it runs; "
        "off: it "
        "rests. |\n"
        "| name  | a text                                                        | \"\"       | A \"näme\". |\n"
        "| ports | a list of at most 2 items, each an integer from 0 to 65535    | -        | Ports. |\n");
    json_buffer_free(&buffer);
}

static void the_json_schema_says_what_the_tables_say(void **state UNUSED)
{
    struct json_buffer buffer = {0};
    assert_int_equal(config_schema_print_json(&small_schema, json_buffer_sink, &buffer), 0);
    assert_string_equal(
        buffer.bytes,
        "{\n"
        "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
        "  \"title\": \"small\",\n"
        "  \"description\": \"A small schema.\",\n"
        "  \"type\": \"object\",\n"
        "  \"properties\": {\n"
        "    \"count\": {\n"
        "      \"description\": \"How many. (an integer from 0 to 9)\",\n"
        "      \"type\": \"integer\",\n"
        "      \"minimum\": 0,\n"
        "      \"maximum\": 9\n"
        "    },\n"
        "    \"hold\": {\n"
        "      \"description\": \"How | long. (a duration such as 10s, 250ms or 1.5us (units ns us ms s m h))\",\n"
        "      \"type\": [\n"
        "        \"string\",\n"
        "        \"number\"\n"
        "      ],\n"
        "      \"default\": \"1s\"\n"
        "    },\n"
        "    \"mode\": {\n"
        "      \"description\": \"Whether. (one of on, off)\",\n"
        "      \"enum\": [\n"
        "        \"on\",\n"
        "        \"off\"\n"
        "      ],\n"
        "      \"default\": \"on\"\n"
        "    },\n"
        "    \"name\": {\n"
        "      \"description\": \"A \\\"näme\\\". (a text)\",\n"
        "      \"type\": \"string\",\n"
        "      \"default\": \"\"\n"
        "    },\n"
        "    \"ports\": {\n"
        "      \"description\": \"Ports. (a list of at most 2 items, each an integer from 0 to 65535)\",\n"
        "      \"type\": \"array\",\n"
        "      \"maxItems\": 2,\n"
        "      \"items\": {\n"
        "        \"type\": \"integer\",\n"
        "        \"minimum\": 0,\n"
        "        \"maximum\": 65535\n"
        "      }\n"
        "    }\n"
        "  },\n"
        "  \"required\": [\n"
        "    \"count\"\n"
        "  ],\n"
        "  \"additionalProperties\": false\n"
        "}\n");
    json_buffer_free(&buffer);
}

static void nested_schemas_are_printed_whole(void **state UNUSED)
{
    struct json_buffer buffer = {0};
    struct config_tree *tree;
    struct config_error error;
    assert_int_equal(config_schema_print_json(&sample_schema, json_buffer_sink, &buffer), 0);
    assert_int_equal(config_tree_parse("schema", buffer.bytes, buffer.length, &tree, &error), 0);
    const struct config_node *node = config_find(config_tree_root(tree), "properties");
    assert_int_equal(node->count, ARRAY_SIZE(sample_fields));
    node = config_find(config_find(config_find(config_find(node, "loads"), "items"), "properties"), "http");
    assert_string_equal(config_find(config_find(config_find(node, "properties"), "path"), "default")->text, "/");
    config_tree_free(tree);
    json_buffer_free(&buffer);
    assert_int_equal(config_schema_print_table(&sample_schema, json_buffer_sink, &buffer), 0);
    assert_non_null(strstr(buffer.bytes, "\n| loads[].schedule[].hold | "));
    assert_non_null(strstr(buffer.bytes, "\n| loads[].http.think_time | "));
    json_buffer_free(&buffer);
}

static int full_sink(void *context UNUSED, const char *bytes UNUSED, size_t length UNUSED) { return ERR_NO_SPACE; }

static void errors_of_the_sink_come_back(void **state UNUSED)
{
    assert_int_equal(config_schema_print_table(&small_schema, full_sink, NULL), ERR_NO_SPACE);
    assert_int_equal(config_schema_print_json(&small_schema, full_sink, NULL), ERR_NO_SPACE);
}

static void sound_tables_pass(void **state UNUSED)
{
    struct config_error error;
    if (config_schema_check(&sample_schema, &error))
        fail_msg("%s", error.text);
    assert_int_equal(config_schema_check(&small_schema, &error), 0);
}

static void expect_slip(struct config_field field, const char *message)
{
    struct config_error error = {0};
    const struct config_schema schema = {
        .name = "s", .fields = &field, .count = 1, .size = sizeof(struct small), .doc = "x"};
    assert_int_equal(config_schema_check(&schema, &error), ERR_INVALID);
    assert_string_equal(error.text, message);
}

#define COUNT CONFIG_MEMBER(struct small, count), .type = CONFIG_TYPE_U32, .doc = "x"
#define HOLD CONFIG_MEMBER(struct small, hold_ns), .type = CONFIG_TYPE_DURATION, .doc = "x"
#define MODE CONFIG_MEMBER(struct small, mode), .type = CONFIG_TYPE_ENUM, .doc = "x"
#define PORTS CONFIG_ITEMS(struct small, ports), .type = CONFIG_TYPE_LIST, .doc = "x"

static void slips_in_tables_are_found(void **state UNUSED)
{
    expect_slip((struct config_field){CONFIG_NAMED("Count", struct small, count), .type = CONFIG_TYPE_U32, .doc = "x"},
                "schema s, field Count: the name is not snake_case");
    expect_slip((struct config_field){CONFIG_MEMBER(struct small, count), .type = CONFIG_TYPE_U32},
                "schema s, field count: its doc is not one line");
    expect_slip((struct config_field){CONFIG_MEMBER(struct small, count), .type = CONFIG_TYPE_U16, .doc = "x"},
                "schema s, field count: its member has 4 bytes, its type 2");
    expect_slip((struct config_field){CONFIG_MEMBER(struct small, count), .type = CONFIG_TYPE_COUNT, .doc = "x"},
                "schema s, field count: its type does not exist");
    expect_slip(
        (struct config_field){
            .name = "x", .offset = sizeof(struct small), .size = 4, .type = CONFIG_TYPE_U32, .doc = "x"},
        "schema s, field x: its member lies outside of the settings");
    expect_slip((struct config_field){COUNT, .fallback = "many"}, "schema s, field count: its fallback cannot be read");
    expect_slip((struct config_field){COUNT, .fallback = "1", .required = true},
                "schema s, field count: it has a fallback although it is required");
    expect_slip((struct config_field){COUNT, .fallback = "10", .max = "9"},
                "schema s, field count: its fallback is not between its min and max");
    expect_slip((struct config_field){COUNT, .min = "-1"}, "schema s, field count: its min cannot be read");
    expect_slip((struct config_field){COUNT, .max = "4294967296"}, "schema s, field count: its max cannot be read");
    expect_slip((struct config_field){HOLD, .min = "2s", .max = "1s"},
                "schema s, field hold_ns: its max is below its min, or cannot be read");
    expect_slip((struct config_field){MODE}, "schema s, field mode: it has no choices");
    expect_slip((struct config_field){MODE, .choices = none}, "schema s, field mode: it has no choices");
    expect_slip((struct config_field){MODE, .choices = twice}, "schema s, field mode: the choice on is there twice");
    expect_slip((struct config_field){MODE, .choices = modes, .min = "1"},
                "schema s, field mode: its type has no min and max");
    expect_slip((struct config_field){MODE, .choices = modes, .fallback = "of"},
                "schema s, field mode: its fallback cannot be read");
    expect_slip((struct config_field){PORTS, .item = CONFIG_TYPE_U32},
                "schema s, field ports: its member has 2 bytes, its type 4");
    expect_slip((struct config_field){PORTS, .item = CONFIG_TYPE_LIST},
                "schema s, field ports: its items cannot be of this type");
    expect_slip((struct config_field){PORTS, .item = CONFIG_TYPE_MAP}, "schema s, field ports: it has no schema");
    expect_slip((struct config_field){PORTS, .item = CONFIG_TYPE_U16, .items_min = 3, .items_max = 2},
                "schema s, field ports: its items_max is below its items_min");
    expect_slip((struct config_field){PORTS, .item = CONFIG_TYPE_U16, .fallback = "[]"},
                "schema s, field ports: it has a fallback although it is no scalar");
    expect_slip((struct config_field){CONFIG_MEMBER(struct small, count), .type = CONFIG_TYPE_MAP,
                                      .schema = &small_schema, .doc = "x"},
                "schema s, field count: its member has 4 bytes, its type 48");
}

static void slips_in_schemas_are_found(void **state UNUSED)
{
    struct config_error error;
    const struct config_field fields[] = {{COUNT}, {COUNT}};
    struct config_schema schema = CONFIG_SCHEMA("s", struct small, fields, "x");
    assert_int_equal(config_schema_check(&schema, &error), ERR_INVALID);
    assert_string_equal(error.text, "schema s, field count: the name is there twice");
    schema.doc = NULL;
    assert_int_equal(config_schema_check(&schema, &error), ERR_INVALID);
    assert_string_equal(error.text, "schema s: it has no name or no doc");

    struct config_schema endless;
    const struct config_field inner = {
        .name = "in", .type = CONFIG_TYPE_MAP, .schema = &endless, .size = 8, .doc = "x"};
    endless = (struct config_schema){.name = "endless", .fields = &inner, .count = 1, .size = 8, .doc = "x"};
    assert_int_equal(config_schema_check(&endless, &error), ERR_INVALID);
    assert_string_equal(error.text, "schema endless: it is nested more than 16 levels deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_aligned_markdown),
        cmocka_unit_test(the_json_schema_says_what_the_tables_say),
        cmocka_unit_test(nested_schemas_are_printed_whole),
        cmocka_unit_test(errors_of_the_sink_come_back),
        cmocka_unit_test(sound_tables_pass),
        cmocka_unit_test(slips_in_tables_are_found),
        cmocka_unit_test(slips_in_schemas_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
