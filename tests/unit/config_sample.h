/* SPDX-License-Identifier: MIT */
/*
 * A schema with a field of every type, and a realistic configuration for it as YAML and as JSON: for the tests and the
 * fuzzer of config/. Both texts stand for the same tree.
 */
#ifndef WEIR_TESTS_CONFIG_SAMPLE_H
#define WEIR_TESTS_CONFIG_SAMPLE_H

#include "config/schema.h"

enum sample_method { SAMPLE_GET = 3, SAMPLE_POST = 7, SAMPLE_DELETE = -2 };

struct sample_http {
    const struct config_node *self;
    enum sample_method method;
    const char *path;
    uint32_t requests;
    int64_t think_ns;
    uint64_t body_bytes;
};

struct sample_step {
    uint64_t rate_milli;
    int64_t hold_ns;
    bool ramp;
};

struct sample_load {
    const char *name;
    bool enabled;
    const struct sample_http *http;
    const struct sample_step *schedule;
    uint32_t schedule_count;
    const uint16_t *ports;
    uint32_t ports_count;
    const struct config_node *extra;
    bool extra_given;
};

struct sample_impairment {
    uint32_t loss_ppb;
    int64_t delay_ns;
    double weight;
};

struct sample {
    const struct sample_load *loads;
    uint32_t loads_count;
    struct sample_impairment impairment;
    bool impairment_given;
    int64_t offset;
    uint64_t seed;
    uint32_t hosts;
    uint16_t vlan;
    uint8_t dscp;
    uint64_t bandwidth;
    uint32_t ipv4;
    uint8_t ipv6[16];
    uint8_t gateway[16];
    struct config_ipv4_prefix network;
    struct config_prefix network6;
    struct config_prefix allowed;
    uint8_t mac[6];
    const char **tags;
    uint32_t tags_count;
    const enum sample_method *methods;
    uint32_t methods_count;
    const struct config_node **notes;
    uint32_t notes_count;
};

static const struct config_choice sample_methods[] = {
    {"get", SAMPLE_GET, "asks for a resource"},
    {"post", SAMPLE_POST, "sends a body"},
    {"delete", SAMPLE_DELETE, NULL},
    {.name = NULL},
};

static const struct config_field sample_http_fields[] = {
    {CONFIG_MEMBER(struct sample_http, method), .type = CONFIG_TYPE_ENUM, .choices = sample_methods, .fallback = "get",
     .doc = "The method of each request."},
    {CONFIG_MEMBER(struct sample_http, path), .type = CONFIG_TYPE_STRING, .fallback = "/", .min = "1", .max = "64",
     .doc = "The resource asked for."},
    {CONFIG_MEMBER(struct sample_http, requests), .type = CONFIG_TYPE_U32, .required = true, .min = "1",
     .max = "1000000", .doc = "Requests on each connection."},
    {CONFIG_NAMED("think_time", struct sample_http, think_ns), .type = CONFIG_TYPE_DURATION, .fallback = "0",
     .max = "1h", .doc = "The pause between a response and the next request."},
    {CONFIG_NAMED("body", struct sample_http, body_bytes), .type = CONFIG_TYPE_SIZE, .fallback = "1KiB", .max = "1GiB",
     .doc = "The length of a body."},
};
static const struct config_schema sample_http_schema =
    CONFIG_SCHEMA_SELF("http", struct sample_http, sample_http_fields, self, "An HTTP load.");

static const struct config_field sample_step_fields[] = {
    {CONFIG_NAMED("rate", struct sample_step, rate_milli), .type = CONFIG_TYPE_MILLI, .required = true, .max = "10M",
     .doc = "Connections per second."},
    {CONFIG_NAMED("hold", struct sample_step, hold_ns), .type = CONFIG_TYPE_DURATION, .fallback = "1s", .min = "1ms",
     .doc = "For how long."},
    {CONFIG_MEMBER(struct sample_step, ramp), .type = CONFIG_TYPE_BOOL,
     .doc = "Whether the rate is reached gradually."},
};
static const struct config_schema sample_step_schema =
    CONFIG_SCHEMA("step", struct sample_step, sample_step_fields, "A step of a schedule.");

static const struct config_field sample_load_fields[] = {
    {CONFIG_MEMBER(struct sample_load, name), .type = CONFIG_TYPE_STRING, .required = true, .doc = "For reports."},
    {CONFIG_MEMBER(struct sample_load, enabled), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Whether it runs."},
    {CONFIG_MEMBER(struct sample_load, http), .type = CONFIG_TYPE_OPTIONAL, .schema = &sample_http_schema,
     .doc = "Makes it an HTTP load."},
    {CONFIG_ITEMS(struct sample_load, schedule), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &sample_step_schema, .items_max = 3, .doc = "What is aimed at, step by step."},
    {CONFIG_ITEMS(struct sample_load, ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16, .min = "1",
     .items_min = 1, .items_max = 8, .doc = "Server ports, in turn."},
    {CONFIG_MEMBER(struct sample_load, extra), .type = CONFIG_TYPE_NODE,
     .given_offset = CONFIG_GIVEN(struct sample_load, extra_given), .doc = "For another module."},
};
static const struct config_schema sample_load_schema =
    CONFIG_SCHEMA("load", struct sample_load, sample_load_fields, "A load.");

static const struct config_field sample_impairment_fields[] = {
    {CONFIG_NAMED("loss", struct sample_impairment, loss_ppb), .type = CONFIG_TYPE_PROBABILITY, .fallback = "0",
     .max = "50%", .doc = "The share of frames that is dropped."},
    {CONFIG_NAMED("delay", struct sample_impairment, delay_ns), .type = CONFIG_TYPE_DURATION, .fallback = "5ms",
     .doc = "Added to each frame."},
    {CONFIG_MEMBER(struct sample_impairment, weight), .type = CONFIG_TYPE_DOUBLE, .fallback = "0.5", .min = "0",
     .max = "1.5", .doc = "A number."},
};
static const struct config_schema sample_impairment_schema =
    CONFIG_SCHEMA("impairment", struct sample_impairment, sample_impairment_fields, "What a link does to frames.");

static const struct config_field sample_fields[] = {
    {CONFIG_ITEMS(struct sample, loads), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &sample_load_schema, .required = true, .doc = "The loads | what runs."},
    {CONFIG_MEMBER(struct sample, impairment), .type = CONFIG_TYPE_MAP, .schema = &sample_impairment_schema,
     .given_offset = CONFIG_GIVEN(struct sample, impairment_given), .doc = "On all links."},
    {CONFIG_MEMBER(struct sample, offset), .type = CONFIG_TYPE_I64, .fallback = "-5", .doc = "Signed."},
    {CONFIG_MEMBER(struct sample, seed), .type = CONFIG_TYPE_U64, .fallback = "18446744073709551615",
     .doc = "Unsigned."},
    {CONFIG_MEMBER(struct sample, hosts), .type = CONFIG_TYPE_U32, .fallback = "1", .doc = "Emulated hosts."},
    {CONFIG_MEMBER(struct sample, vlan), .type = CONFIG_TYPE_U16, .min = "1", .max = "4094", .doc = "VLAN tag."},
    {CONFIG_MEMBER(struct sample, dscp), .type = CONFIG_TYPE_U8, .max = "63", .fallback = "0", .doc = "Traffic class."},
    {CONFIG_MEMBER(struct sample, bandwidth), .type = CONFIG_TYPE_QUANTITY, .fallback = "10G", .min = "1k",
     .doc = "Bits per second."},
    {CONFIG_MEMBER(struct sample, ipv4), .type = CONFIG_TYPE_IPV4, .fallback = "198.18.0.1", .doc = "An address."},
    {CONFIG_MEMBER(struct sample, ipv6), .type = CONFIG_TYPE_IPV6, .fallback = "2001:2::1", .doc = "An address."},
    {CONFIG_MEMBER(struct sample, gateway), .type = CONFIG_TYPE_ADDRESS, .doc = "The next hop."},
    {CONFIG_MEMBER(struct sample, network), .type = CONFIG_TYPE_IPV4_PREFIX, .doc = "A network."},
    {CONFIG_MEMBER(struct sample, network6), .type = CONFIG_TYPE_IPV6_PREFIX, .doc = "A network."},
    {CONFIG_MEMBER(struct sample, allowed), .type = CONFIG_TYPE_PREFIX, .doc = "Where frames may go."},
    {CONFIG_MEMBER(struct sample, mac), .type = CONFIG_TYPE_MAC, .fallback = "02:00:00:00:00:01", .doc = "An address."},
    {CONFIG_ITEMS(struct sample, tags), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_STRING, .doc = "Words."},
    {CONFIG_ITEMS(struct sample, methods), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_ENUM,
     .choices = sample_methods, .doc = "Several methods."},
    {CONFIG_ITEMS(struct sample, notes), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_NODE, .doc = "Anything."},
};
static const struct config_schema sample_schema =
    CONFIG_SCHEMA("sample", struct sample, sample_fields, "A sample configuration.");

static const char sample_yaml[] = "# A realistic file.\n"
                                  "loads:\n"
                                  "  - name: web\n"
                                  "    http:\n"
                                  "      method: post\n"
                                  "      path: /index.html\n"
                                  "      requests: 10\n"
                                  "      think_time: 1.5ms\n"
                                  "      body: 100kB\n"
                                  "    schedule:\n"
                                  "      - {rate: 0.5, hold: 10s}\n"
                                  "      - rate: 2.5k # and then\n"
                                  "        hold: 1m\n"
                                  "        ramp: true\n"
                                  "    ports: [80, 8080]\n"
                                  "  - name: \"näme \\u00e9 \\U0001F600 \\\"q\\\"\"\n"
                                  "    enabled: false\n"
                                  "    extra:\n"
                                  "      any: [1, 2.5, ~, 'single ''quoted''']\n"
                                  "      when: 12:30:00\n"
                                  "impairment:\n"
                                  "  loss: 0.1%\n"
                                  "  delay: 250us\n"
                                  "  weight: 1.25\n"
                                  "offset: -9223372036854775808\n"
                                  "seed: 9007199254740993\n"
                                  "hosts: 1000\n"
                                  "vlan: 100\n"
                                  "dscp: 46\n"
                                  "bandwidth: 2.5G\n"
                                  "ipv4: 198.18.0.9\n"
                                  "ipv6: 2001:2::9\n"
                                  "gateway: 198.18.0.254\n"
                                  "network: 198.18.0.1/15\n"
                                  "network6: 2001:2::1/48\n"
                                  "allowed: 198.18.0.0/15\n"
                                  "mac: 02:00:00:00:00:0a\n"
                                  "tags:\n"
                                  "- one\n"
                                  "- yes\n"
                                  "- 0777\n"
                                  "methods: [get, delete]\n"
                                  "notes: [{a: b}, c]\n";

static const char sample_json[] =
    "{\n"
    "  \"loads\": [\n"
    "    {\"name\": \"web\",\n"
    "     \"http\": {\"method\": \"post\", \"path\": \"\\/index.html\", \"requests\": 10, \"think_time\": \"1.5ms\",\n"
    "              \"body\": \"100kB\"},\n"
    "     \"schedule\": [{\"rate\": 0.5, \"hold\": \"10s\"}, {\"rate\": \"2.5k\", \"hold\": \"1m\", \"ramp\": true}],\n"
    "     \"ports\": [80, 8080]},\n"
    "\t{\"name\":\"n\xc3\xa4me \\u00e9 \\ud83d\\ude00 \\\"q\\\"\",\"enabled\":false,\n"
    "     \"extra\":{\"any\":[1,2.5,null,\"single 'quoted'\"],\"when\":\"12:30:00\"}}\n"
    "  ],\n"
    "  \"impairment\": {\"loss\": \"0.1%\", \"delay\": \"250us\", \"weight\": 1.25},\n"
    "  \"offset\": -9223372036854775808, \"seed\": 9007199254740993, \"hosts\": 1000, \"vlan\": 100, \"dscp\": 46,\n"
    "  \"bandwidth\": \"2.5G\", \"ipv4\": \"198.18.0.9\", \"ipv6\": \"2001:2::9\", \"gateway\": \"198.18.0.254\",\n"
    "  \"network\": \"198.18.0.1/15\", \"network6\": \"2001:2::1/48\", \"allowed\": \"198.18.0.0/15\",\n"
    "  \"mac\": \"02:00:00:00:00:0a\", \"tags\": [\"one\", \"yes\", \"0777\"], \"methods\": [\"get\", \"delete\"],\n"
    "  \"notes\": [{\"a\": \"b\"}, \"c\"]\n"
    "}\n";

#endif
