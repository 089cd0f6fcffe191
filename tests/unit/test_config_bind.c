/* SPDX-License-Identifier: MIT */
/*
 * Binding: a tree against tables into a struct. Values of every type, defaults, and each kind of problem with its whole
 * message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/schema.h"
#include "unit/config_sample.h"

static struct config_tree *parse(const char *text)
{
    struct config_tree *tree;
    struct config_error error;
    if (config_tree_parse("f.yaml", text, strlen(text), &tree, &error))
        fail_msg("%s", error.text);
    return tree;
}

static struct config_errors problems;

static int bind(const struct config_tree *tree, struct sample *settings)
{
    *settings = (struct sample){0};
    problems.count = 0;
    int result = config_bind(config_tree_root(tree), &sample_schema, settings, &problems);
    assert_true((result == 0) == (problems.count == 0));
    return result;
}

static void check_loads(const struct sample *s)
{
    assert_int_equal(s->loads_count, 2);
    const struct sample_load *web = &s->loads[0], *other = &s->loads[1];
    assert_string_equal(web->name, "web");
    assert_true(web->enabled && !web->extra && !web->extra_given);
    assert_non_null(web->http);
    assert_int_equal(web->http->method, SAMPLE_POST);
    assert_string_equal(web->http->path, "/index.html");
    assert_int_equal(web->http->requests, 10);
    assert_int_equal(web->http->think_ns, 1500000);
    assert_int_equal(web->http->body_bytes, 100000);
    assert_string_equal(web->http->self->key, "http");
    assert_int_equal(web->schedule_count, 2);
    assert_true(web->schedule[0].rate_milli == 500 && web->schedule[0].hold_ns == INT64_C(10000000000) &&
                !web->schedule[0].ramp);
    assert_true(web->schedule[1].rate_milli == 2500000 && web->schedule[1].hold_ns == INT64_C(60000000000) &&
                web->schedule[1].ramp);
    assert_true(web->ports_count == 2 && web->ports[0] == 80 && web->ports[1] == 8080);
    assert_true(!other->enabled && !other->http && other->schedule_count == 0 && other->ports_count == 0);
    assert_true(other->extra_given && other->extra->kind == CONFIG_MAP && other->extra->count == 2);
}

static void check_rest(const struct sample *s)
{
    static const uint8_t ipv6[16] = {0x20, 0x01, 0, 2, [15] = 9};
    static const uint8_t gateway[16] = {[10] = 0xff, 0xff, 198, 18, 0, 254};
    static const uint8_t network6[16] = {0x20, 0x01, 0, 2, [15] = 1};
    static const uint8_t allowed[16] = {[10] = 0xff, 0xff, 198, 18, 0, 0};
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 10};
    assert_true(s->impairment_given && s->impairment.loss_ppb == 1000000 && s->impairment.delay_ns == 250000);
    assert_true(s->impairment.weight == 1.25);
    assert_true(s->offset == INT64_MIN && s->seed == UINT64_C(9007199254740993));
    assert_true(s->hosts == 1000 && s->vlan == 100 && s->dscp == 46 && s->bandwidth == UINT64_C(2500000000));
    assert_true(s->ipv4 == 0xc6120009);
    assert_memory_equal(s->ipv6, ipv6, 16);
    assert_memory_equal(s->gateway, gateway, 16);
    assert_true(s->network.address == 0xc6120001 && s->network.length == 15);
    assert_memory_equal(s->network6.address, network6, 16);
    assert_int_equal(s->network6.length, 48);
    assert_memory_equal(s->allowed.address, allowed, 16);
    assert_int_equal(s->allowed.length, 96 + 15);
    assert_memory_equal(s->mac, mac, 6);
    assert_int_equal(s->tags_count, 3);
    assert_string_equal(s->tags[1], "yes");
    assert_string_equal(s->tags[2], "0777");
    assert_true(s->methods_count == 2 && s->methods[0] == SAMPLE_GET && s->methods[1] == SAMPLE_DELETE);
    assert_true(s->notes_count == 2 && s->notes[0]->kind == CONFIG_MAP && s->notes[1]->kind == CONFIG_STRING);
}

static void yaml_and_json_fill_every_type(void **state UNUSED)
{
    static const char *const texts[] = {sample_yaml, sample_json};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct sample s;
        struct config_tree *tree = parse(texts[i]);
        if (bind(tree, &s))
            fail_msg("%s", problems.list[0].text);
        check_loads(&s);
        check_rest(&s);
        config_tree_free(tree);
    }
}

static void what_is_not_given_takes_its_fallback(void **state UNUSED)
{
    static const uint8_t ipv6[16] = {0x20, 0x01, 0, 2, [15] = 1}, mac[6] = {2, 0, 0, 0, 0, 1};
    struct sample s = {.vlan = 77, .hosts = 5};
    struct config_tree *tree = parse("loads: [{name: a, http: {requests: 1}, schedule: [{rate: 0}]}]");
    problems.count = 0;
    assert_int_equal(config_bind(config_tree_root(tree), &sample_schema, &s, &problems), 0);
    assert_int_equal(s.vlan, 77); /* has no fallback: untouched */
    assert_int_equal(s.hosts, 1);
    assert_true(!s.impairment_given && s.impairment.loss_ppb == 0 && s.impairment.delay_ns == 5000000);
    assert_true(s.impairment.weight == 0.5);
    assert_true(s.offset == -5 && s.seed == UINT64_MAX && s.bandwidth == UINT64_C(10000000000) && s.ipv4 == 0xc6120001);
    assert_memory_equal(s.ipv6, ipv6, 16);
    assert_memory_equal(s.mac, mac, 6);
    assert_true(s.loads[0].enabled && s.loads[0].http->method == SAMPLE_GET && s.loads[0].http->body_bytes == 1024);
    assert_string_equal(s.loads[0].http->path, "/");
    assert_true(s.loads[0].schedule[0].hold_ns == 1000000000);
    config_tree_free(tree);
    struct sample_impairment alone = {.delay_ns = 1};
    config_defaults(&sample_impairment_schema, &alone);
    assert_true(alone.delay_ns == 5000000 && alone.weight == 0.5);
}

/* Binds a text that has exactly these problems; each is one line. */
static void expect_problems(const char *text, const char *lines)
{
    char found[CONFIG_ERRORS_MAX * CONFIG_ERROR_TEXT] = "";
    size_t n = 0;
    struct sample s;
    struct config_tree *tree = parse(text);
    assert_int_equal(bind(tree, &s), ERR_INVALID);
    for (uint32_t i = 0; i < config_errors_listed(&problems); i++)
        n += (size_t)snprintf(found + n, sizeof found - n, "%s\n", problems.list[i].text);
    assert_string_equal(found, lines);
    config_tree_free(tree);
}

#define LOADS "loads: []\n"

static void unknown_keys_are_refused_with_the_nearest_known_one(void **state UNUSED)
{
    expect_problems("loads:\n- name: a\n  http:\n    requests: 1\n    methd: get\n    colour: red\n",
                    "f.yaml:5:5: loads[0].http.methd: found the unknown key \"methd\" (did you mean method?), allowed "
                    "method, path, "
                    "requests, think_time, body\n"
                    "f.yaml:6:5: loads[0].http.colour: found the unknown key \"colour\", allowed method, path, "
                    "requests, think_time, "
                    "body\n");
    expect_problems(
        "loads: [{name: a, http: {requests: 1, thinkTime: 1s, \"Body\": 1, a b: 2}}]",
        "f.yaml:1:39: loads[0].http.thinkTime: found the unknown key \"thinkTime\" (did you mean think_time?), allowed "
        "method, path, requests, think_time, body\n"
        "f.yaml:1:54: loads[0].http.Body: found the unknown key \"Body\" (did you mean body?), allowed method, path, "
        "requests, think_time, body\n"
        "f.yaml:1:65: loads[0].http[\"a b\"]: found the unknown key \"a b\", allowed method, path, requests, "
        "think_time, "
        "body\n");
}

static void wrong_kinds_are_refused(void **state UNUSED)
{
    expect_problems(LOADS "offset: yes\nhosts: 1.0\nseed: '5'\nvlan: [1]\ndscp: {}\n",
                    "f.yaml:2:9: offset: found the text \"yes\", allowed an integer from -9223372036854775808 to "
                    "9223372036854775807\n"
                    "f.yaml:3:8: hosts: found the number 1.0, allowed an integer from 0 to 4294967295\n"
                    "f.yaml:4:7: seed: found the text \"5\", allowed an integer from 0 to 18446744073709551615\n"
                    "f.yaml:5:7: vlan: found a list of 1, allowed an integer from 1 to 4094\n"
                    "f.yaml:6:7: dscp: found an empty map, allowed an integer from 0 to 63\n");
    expect_problems(
        "loads: [{name: 5, enabled: on, http: , schedule: 7, ports: [80, x, ~]}, 3]\nimpairment: []\n",
        "f.yaml:1:16: loads[0].name: found the integer 5, allowed a text (in quotes it is a text)\n"
        "f.yaml:1:28: loads[0].enabled: found the text \"on\", allowed true or false\n"
        "f.yaml:1:38: loads[0].http: found nothing (null), allowed a map ({} takes all defaults)\n"
        "f.yaml:1:50: loads[0].schedule: found the integer 7, allowed a list of at most 3 items, each a map\n"
        "f.yaml:1:65: loads[0].ports[1]: found the text \"x\", allowed an integer from 1 to 65535\n"
        "f.yaml:1:68: loads[0].ports[2]: found nothing (null), allowed an integer from 1 to 65535\n"
        "f.yaml:1:73: loads[1]: found the integer 3, allowed a map\n"
        "f.yaml:2:13: impairment: found an empty list, allowed a map\n");
    expect_problems("[1]", "f.yaml:1:1: top level: found a list of 1, allowed a map\n");
}

static void values_out_of_range_are_refused(void **state UNUSED)
{
    expect_problems(
        LOADS
        "offset: 9223372036854775808\nhosts: 4294967296\nvlan: 4095\ndscp: -1\nbandwidth: 999\nimpairment: {loss: "
        "51%, weight: 1.6, delay: -1s}\n",
        "f.yaml:2:9: offset: found the integer 9223372036854775808, allowed an integer from -9223372036854775808 to "
        "9223372036854775807\n"
        "f.yaml:3:8: hosts: found the integer 4294967296, allowed an integer from 0 to 4294967295\n"
        "f.yaml:4:7: vlan: found the integer 4095, allowed an integer from 1 to 4094\n"
        "f.yaml:5:7: dscp: found the integer -1, allowed an integer from 0 to 63\n"
        "f.yaml:6:12: bandwidth: found the integer 999, allowed a whole number such as 500, 10k or 2.5M (k M G T) of "
        "at "
        "least 1k\n"
        "f.yaml:7:20: impairment.loss: found the text \"51%\", allowed a probability such as 1% or 0.01, from 0 to "
        "50%\n"
        "f.yaml:7:33: impairment.weight: found the number 1.6, allowed a number from 0 to 1.5\n"
        "f.yaml:7:45: impairment.delay: found the text \"-1s\", allowed a duration such as 10s, 250ms or 1.5us (units "
        "ns "
        "us ms s m h)\n");
    expect_problems(
        "loads: [{name: a, ports: [], schedule: [{rate: 1}, {rate: 1}, {rate: 1}, {rate: 1}],\n  http: {requests: 0, "
        "path: '', think_time: 61m}}]",
        "f.yaml:1:26: loads[0].ports: found an empty list, allowed a list of 1 to 8 items, each an integer from 1 to "
        "65535\n"
        "f.yaml:1:40: loads[0].schedule: found a list of 4, allowed a list of at most 3 items, each a map\n"
        "f.yaml:2:20: loads[0].http.requests: found the integer 0, allowed an integer from 1 to 1000000\n"
        "f.yaml:2:29: loads[0].http.path: found the text \"\", allowed a text of 1 to 64 bytes\n"
        "f.yaml:2:45: loads[0].http.think_time: found the text \"61m\", allowed a duration such as 10s, 250ms or 1.5us "
        "(units ns us ms s m h) of at most 1h\n");
}

static void values_that_are_not_exact_or_lack_their_unit_are_refused(void **state UNUSED)
{
    expect_problems(
        LOADS "impairment: {delay: 0.1ns, loss: 0.00000000001}\nbandwidth: 1000.5\n",
        "f.yaml:2:21: impairment.delay: found the text \"0.1ns\" (it is not a whole number of nanoseconds), allowed a "
        "duration such as 10s, 250ms or 1.5us (units ns us ms s m h)\n"
        "f.yaml:2:34: impairment.loss: found the number 0.00000000001 (it is not a whole number of parts per billion), "
        "allowed a probability such as 1% or 0.01, from 0 to 50%\n"
        "f.yaml:3:12: bandwidth: found the number 1000.5 (it is not a whole number), allowed a whole number such as "
        "500, "
        "10k or 2.5M (k M G T) of at least 1k\n");
    expect_problems(LOADS "impairment: {delay: 5}\n", "f.yaml:2:21: impairment.delay: found the integer 5 (the unit is "
                                                      "missing), allowed a duration such as 10s, 250ms "
                                                      "or 1.5us (units ns us ms s m h)\n");
    expect_problems(
        LOADS "impairment: {delay: 5 s, weight: 9007199254740993}\nbandwidth: 10K\n",
        "f.yaml:2:21: impairment.delay: found the text \"5 s\" (the unit is unknown), allowed a duration such as 10s, "
        "250ms or 1.5us (units ns us ms s m h)\n"
        "f.yaml:2:34: impairment.weight: found the integer 9007199254740993 (it is not an integer that a double holds "
        "exactly), allowed a number from 0 to 1.5\n"
        "f.yaml:3:12: bandwidth: found the text \"10K\" (the unit is unknown), allowed a whole number such as 500, 10k "
        "or "
        "2.5M (k M G T) of at least 1k\n");
}

static void choices_and_addresses_are_checked(void **state UNUSED)
{
    expect_problems(
        "loads: [{name: a, http: {requests: 1, method: pst}}]\nmethods: [GET, 5]\n",
        "f.yaml:1:47: loads[0].http.method: found the text \"pst\" (did you mean post?), allowed one of get, post, "
        "delete\n"
        "f.yaml:2:11: methods[0]: found the text \"GET\" (did you mean get?), allowed one of get, post, delete\n"
        "f.yaml:2:16: methods[1]: found the integer 5, allowed one of get, post, delete\n");
    expect_problems(
        LOADS "ipv4: 198.18.0\nipv6: 2001::2::9\ngateway: host\nnetwork: 198.18.0.1/33\nnetwork6: 2001:2::1\n"
              "allowed: 198.18.0.0/\nmac: 2:0:0:0:0:1\n",
        "f.yaml:2:7: ipv4: found the text \"198.18.0\", allowed an IPv4 address such as 192.0.2.1\n"
        "f.yaml:3:7: ipv6: found the text \"2001::2::9\", allowed an IPv6 address such as 2001:db8::1\n"
        "f.yaml:4:10: gateway: found the text \"host\", allowed an address such as 192.0.2.1 or 2001:db8::1\n"
        "f.yaml:5:10: network: found the text \"198.18.0.1/33\", allowed an IPv4 address with prefix length such as "
        "192.0.2.1/24\n"
        "f.yaml:6:11: network6: found the text \"2001:2::1\", allowed an IPv6 address with prefix length such as "
        "2001:db8::1/64\n"
        "f.yaml:7:10: allowed: found the text \"198.18.0.0/\", allowed an address with prefix length such as "
        "192.0.2.1/24 "
        "or 2001:db8::1/64\n"
        "f.yaml:8:6: mac: found the text \"2:0:0:0:0:1\", allowed a MAC address such as 02:00:00:00:00:01\n");
}

static void prefixes_of_either_family_are_taken(void **state UNUSED)
{
    struct sample s;
    struct config_tree *tree = parse("loads: []\nallowed: 2001:2::/48\n");
    assert_int_equal(bind(tree, &s), 0);
    assert_int_equal(s.allowed.length, 48);
    assert_int_equal(s.allowed.address[1], 1);
    config_tree_free(tree);
}

static void one_value_stands_for_a_list_where_that_is_allowed(void **state UNUSED)
{
    static const struct config_field fields[] = {
        {CONFIG_ITEMS(struct sample_load, ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16, .alone = true,
         .items_max = 2, .doc = "x"},
    };
    static const struct config_schema schema = CONFIG_SCHEMA("load", struct sample_load, fields, "x");
    static const struct {
        const char *text;
        uint32_t count;
    } good[] = {{"{ports: 80}", 1}, {"{ports: [80]}", 1}, {"{ports: [80, 81]}", 2}, {"{ports: []}", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct sample_load settings = {0};
        struct config_tree *tree = parse(good[i].text);
        problems.count = 0;
        assert_int_equal(config_bind(config_tree_root(tree), &schema, &settings, &problems), 0);
        assert_int_equal(settings.ports_count, good[i].count);
        if (good[i].count)
            assert_int_equal(settings.ports[0], 80);
        config_tree_free(tree);
    }
    static const struct {
        const char *text, *problem;
    } bad[] = {{"{ports: 65536}", "f.yaml:1:9: ports: found the integer 65536, allowed an integer from 0 to 65535"},
               {"{ports: {a: 1}}", "f.yaml:1:9: ports: found a map, allowed one or a list of at most 2 items, each an "
                                   "integer from 0 to 65535"}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct sample_load settings = {0};
        struct config_tree *tree = parse(bad[i].text);
        problems.count = 0;
        assert_int_equal(config_bind(config_tree_root(tree), &schema, &settings, &problems), ERR_INVALID);
        assert_string_equal(problems.list[0].text, bad[i].problem);
        config_tree_free(tree);
    }
}

static void limits_on_one_side_are_told_as_such(void **state UNUSED)
{
    static const struct config_field fields[] = {
        {CONFIG_MEMBER(struct sample_load, name), .type = CONFIG_TYPE_STRING, .max = "2", .doc = "x"},
        {CONFIG_ITEMS(struct sample_load, ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16, .items_min = 2,
         .doc = "x"},
    };
    static const struct config_schema schema = CONFIG_SCHEMA("load", struct sample_load, fields, "x");
    struct sample_load settings = {0};
    struct config_tree *tree = parse("{name: abc, ports: [1]}");
    problems.count = 0;
    assert_int_equal(config_bind(config_tree_root(tree), &schema, &settings, &problems), ERR_INVALID);
    assert_string_equal(problems.list[0].text,
                        "f.yaml:1:8: name: found the text \"abc\", allowed a text of at most 2 bytes");
    assert_string_equal(problems.list[1].text,
                        "f.yaml:1:20: ports: found a list of 1, allowed a list of at least 2 items, each an "
                        "integer from 0 to 65535");
    config_tree_free(tree);
}

static void missing_keys_are_named_with_what_they_take(void **state UNUSED)
{
    expect_problems("hosts: 2\n", "f.yaml:1:1: loads: found no such key, required: a list, each a map\n");
    expect_problems(
        "loads:\n  - http: {}\n    schedule: [{}]\n",
        "f.yaml:2:11: loads[0].http.requests: found no such key, required: an integer from 1 to 1000000\n"
        "f.yaml:3:16: loads[0].schedule[0].rate: found no such key, required: a number such as 0.5, 10k or 2.5M (k M G "
        "T) of at most 10M\n"
        "f.yaml:2:5: loads[0].name: found no such key, required: a text\n");
}

static void all_problems_are_counted_and_the_first_twenty_told(void **state UNUSED)
{
    char text[1024];
    size_t n = (size_t)snprintf(text, sizeof text, "loads:\n");
    for (int i = 0; i < 30; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "- {name: 1}\n");
    struct config_tree *tree = parse(text);
    struct sample s;
    assert_int_equal(bind(tree, &s), ERR_INVALID);
    assert_int_equal(problems.count, 30);
    assert_int_equal(config_errors_listed(&problems), 20);
    assert_int_equal(problems.list[19].line, 21);
    assert_int_equal(problems.list[19].column, 10);
    config_tree_free(tree);
}

static void overrides_are_bound_like_the_file(void **state UNUSED)
{
    struct config_tree *tree = parse(sample_yaml);
    struct config_error error;
    struct sample s;
    assert_int_equal(config_set(tree, "loads[0].http.requests=5", &error), 0);
    assert_int_equal(config_set(tree, "loads[1].http={requests: 3}", &error), 0);
    assert_int_equal(bind(tree, &s), 0);
    assert_int_equal(s.loads[0].http->requests, 5);
    assert_int_equal(s.loads[1].http->requests, 3);
    assert_int_equal(config_set(tree, "loads[0].http.requests=many", &error), 0);
    assert_int_equal(config_set(tree, "loads[0].nam.x={y: 1}", &error), 0);
    assert_int_equal(bind(tree, &s), ERR_INVALID);
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.list[0].text,
                        "--set loads[0].http.requests: loads[0].http.requests: found the text \"many\", "
                        "allowed an integer from 1 to 1000000");
    assert_string_equal(problems.list[1].text,
                        "--set loads[0].nam.x: loads[0].nam: found the unknown key \"nam\" (did you mean "
                        "name?), allowed name, enabled, http, schedule, ports, extra");
    config_tree_free(tree);
}

static void modules_can_bind_their_part_later_and_add_problems(void **state UNUSED)
{
    struct config_tree *tree = parse("loads:\n- name: a\n  extra: {requests: 9, body: 2MiB}\n");
    struct sample s;
    struct sample_http http = {0};
    assert_int_equal(bind(tree, &s), 0);
    assert_int_equal(config_bind(s.loads[0].extra, &sample_http_schema, &http, &problems), 0);
    assert_true(http.requests == 9 && http.body_bytes == 2097152 && http.self == s.loads[0].extra);
    config_errors_add(&problems, http.self, "body", "found %d, allowed %d", 2, 1);
    config_errors_add(&problems, http.self, "path", "found none, allowed one");
    config_errors_add(&problems, http.self, NULL, "found %s", "it");
    config_errors_add(&problems, config_tree_root(tree), "more", "found none");
    assert_int_equal(problems.count, 4);
    assert_string_equal(problems.list[0].text, "f.yaml:3:30: loads[0].extra.body: found 2, allowed 1");
    assert_string_equal(problems.list[1].text, "f.yaml:3:10: loads[0].extra.path: found none, allowed one");
    assert_string_equal(problems.list[2].text, "f.yaml:3:10: loads[0].extra: found it");
    assert_string_equal(problems.list[3].text, "f.yaml:1:1: more: found none");
    config_tree_free(tree);
}

static void terminals_are_safe_from_what_files_hold(void **state UNUSED)
{
    expect_problems(
        "loads: [{name: a, \"\\e[31m\": 1, enabled: \"\\e[0m\\u202e\\u0085\\n\"}]",
        "f.yaml:1:19: loads[0][\"\\x1b[31m\"]: found the unknown key \"\\x1b[31m\", allowed name, enabled, http, "
        "schedule, "
        "ports, extra\n"
        "f.yaml:1:41: loads[0].enabled: found the text \"\\x1b[0m\\u202e\\u0085\\n\", allowed true or false\n");
}

static void lack_of_memory_is_a_problem_like_others(void **state UNUSED)
{
    struct config_limits limits = config_limits_default();
    unsigned failures = 0;
    for (limits.memory_bytes = 512;; limits.memory_bytes += 16) {
        struct config_tree *tree;
        struct config_error error;
        struct sample s = {0};
        if (config_tree_parse_limited("f", sample_yaml, strlen(sample_yaml), &limits, &tree, &error))
            continue;
        problems.count = 0;
        int result = config_bind(config_tree_root(tree), &sample_schema, &s, &problems);
        config_tree_free(tree);
        if (result == 0)
            break;
        assert_non_null(strstr(problems.list[0].text, ": found no memory for "));
        failures++;
    }
    assert_true(failures > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_and_json_fill_every_type),
        cmocka_unit_test(what_is_not_given_takes_its_fallback),
        cmocka_unit_test(unknown_keys_are_refused_with_the_nearest_known_one),
        cmocka_unit_test(wrong_kinds_are_refused),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(values_that_are_not_exact_or_lack_their_unit_are_refused),
        cmocka_unit_test(choices_and_addresses_are_checked),
        cmocka_unit_test(prefixes_of_either_family_are_taken),
        cmocka_unit_test(one_value_stands_for_a_list_where_that_is_allowed),
        cmocka_unit_test(limits_on_one_side_are_told_as_such),
        cmocka_unit_test(missing_keys_are_named_with_what_they_take),
        cmocka_unit_test(all_problems_are_counted_and_the_first_twenty_told),
        cmocka_unit_test(overrides_are_bound_like_the_file),
        cmocka_unit_test(modules_can_bind_their_part_later_and_add_problems),
        cmocka_unit_test(terminals_are_safe_from_what_files_hold),
        cmocka_unit_test(lack_of_memory_is_a_problem_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
