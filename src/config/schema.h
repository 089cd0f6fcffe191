/* SPDX-License-Identifier: MIT */
/*
 * Table-driven checking: a module describes its part of the configuration in constant tables, and config_bind fills its
 * plain C struct from a tree node, reporting all problems it finds. Nothing is ignored or rounded: an unknown key, a
 * wrong type, a value that the field cannot hold exactly are errors.
 *
 *     struct http_settings {
 *         uint32_t requests;
 *         enum http_method method;
 *         int64_t think_ns;
 *         const uint16_t *ports;
 *         uint32_t ports_count;
 *     };
 *     #define HTTP struct http_settings
 *     static const struct config_choice methods[] = {{"get", HTTP_GET, "…"}, {"post", HTTP_POST, "…"}, {.name = NULL}};
 *     static const struct config_field fields[] = {
 *         {CONFIG_MEMBER(HTTP, requests), .type = CONFIG_TYPE_U32, .fallback = "1", .min = "1", .doc = "…"},
 *         {CONFIG_MEMBER(HTTP, method), .type = CONFIG_TYPE_ENUM, .choices = methods, .required = true, .doc = "…"},
 *         {CONFIG_NAMED("think_time", HTTP, think_ns), .type = CONFIG_TYPE_DURATION, .fallback = "0", .doc = "…"},
 *         {CONFIG_ITEMS(HTTP, ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16, .items_max = 16, .doc = "…"},
 *     };
 *     const struct config_schema http_schema = CONFIG_SCHEMA("http", struct http_settings, fields, "…");
 *
 * Texts in tables (fallback, min, max) are written as in a configuration file and read by the same code, in the units
 * of the type. Settings may point into the tree (texts, arrays, nodes) and into the tables (fallback texts): they live
 * as long as the tree.
 */
#ifndef WEIR_CONFIG_SCHEMA_H
#define WEIR_CONFIG_SCHEMA_H

#include "config/json.h"
#include "config/tree.h"

struct config_schema;

/* The C type of the member is given in brackets. */
enum config_type {
    CONFIG_TYPE_BOOL,   /* [bool] true or false */
    CONFIG_TYPE_I64,    /* [int64_t] */
    CONFIG_TYPE_U64,    /* [uint64_t] */
    CONFIG_TYPE_U32,    /* [uint32_t] */
    CONFIG_TYPE_U16,    /* [uint16_t] */
    CONFIG_TYPE_U8,     /* [uint8_t] */
    CONFIG_TYPE_DOUBLE, /* [double] the nearest one to a decimal fraction; integers only where it holds them exactly */
    CONFIG_TYPE_STRING, /* [const char *] in the tree; min and max limit its length in bytes */
    CONFIG_TYPE_ENUM,   /* [an enum or int] a name from choices */
    CONFIG_TYPE_DURATION, /* [int64_t, nanoseconds] 10s, 1.5ms, units ns us ms s m h; 0 needs no unit */
    CONFIG_TYPE_QUANTITY, /* [uint64_t] 10000, 10k, 2.5M, suffixes k M G T (powers of 1000) */
    CONFIG_TYPE_MILLI,    /* [uint64_t, thousandths] a quantity with up to three decimals: 0.5 is 500; for slow rates */
    CONFIG_TYPE_SIZE,     /* [uint64_t, bytes] 64, 64B, 1KiB, 100MB; units B kB MB GB TB KiB MiB GiB TiB */
    CONFIG_TYPE_PROBABILITY, /* [uint32_t, parts per billion] 1% or 0.01; from 0 to 1 */
    CONFIG_TYPE_IPV4,        /* [uint32_t, host byte order] 192.0.2.1 */
    CONFIG_TYPE_IPV6,        /* [uint8_t[16]] 2001:db8::1 */
    CONFIG_TYPE_ADDRESS,     /* [uint8_t[16]] either, IPv4 as ::ffff:a.b.c.d */
    CONFIG_TYPE_IPV4_PREFIX, /* [struct config_ipv4_prefix] 192.0.2.1/24: the host bits stay as written */
    CONFIG_TYPE_IPV6_PREFIX, /* [struct config_prefix] 2001:db8::1/64 */
    CONFIG_TYPE_PREFIX,      /* [struct config_prefix] either, IPv4 mapped with 96 added to the length */
    CONFIG_TYPE_MAC,         /* [uint8_t[6]] 02:00:00:00:00:01 or with - */
    CONFIG_TYPE_MAP,         /* [struct of schema] embedded; when it is not given, its fields take their fallbacks */
    CONFIG_TYPE_OPTIONAL,    /* [const struct of schema *] a map allocated in the tree; not given: untouched (NULL) */
    CONFIG_TYPE_LIST,        /* [const T * and uint32_t] array in the tree: of scalars, maps or nodes, as item tells */
    CONFIG_TYPE_NODE, /* [const struct config_node *] anything, unchecked: the module that owns it binds it later */
    CONFIG_TYPE_COUNT
};

struct config_ipv4_prefix {
    uint32_t address; /* host byte order */
    uint8_t length;
};

struct config_prefix {
    uint8_t address[16];
    uint8_t length;
};

/* An array of these ends with one whose name is NULL. */
struct config_choice {
    const char *name;
    int value;
    const char *doc;
};

struct config_field {
    const char *name;            /* the key: snake_case */
    enum config_type type, item; /* item: of CONFIG_TYPE_LIST, any type but LIST, OPTIONAL */
    size_t offset, size;         /* of the member; CONFIG_TYPE_LIST: the pointer's offset and the size of an item */
    size_t count_offset;         /* CONFIG_TYPE_LIST: of the uint32_t number of items */
    size_t given_offset;         /* CONFIG_GIVEN of a bool that is set to whether the key was given; 0: none */
    const char *fallback;        /* scalars: the value when not given; NULL: the member is left as it was */
    const char *min, *max;       /* inclusive; numbers and texts (length); NULL: what the type holds */
    const struct config_choice *choices; /* CONFIG_TYPE_ENUM, also as item */
    const struct config_schema *schema;  /* maps, also as item; CONFIG_TYPE_NODE: for documentation only, may be NULL */
    const char *doc;                     /* one line: what it means */
    uint32_t items_min, items_max;       /* CONFIG_TYPE_LIST; items_max 0: no limit but the tree's */
    bool required;                       /* then there is no fallback */
    bool alone;                          /* CONFIG_TYPE_LIST of scalars: one that is no list stands for a list of it */
};

struct config_schema {
    const char *name;
    const struct config_field *fields;
    size_t count;
    size_t size; /* of the settings struct */
    /* CONFIG_GIVEN of a `const struct config_node *` that is set to the map itself, for later messages; 0: none. */
    size_t self_offset;
    const char *doc;
};

#define CONFIG_SIZEOF(what_) sizeof(what_) /* NOLINT(bugprone-sizeof-expression): that of pointers, too, is meant */
/* The beginning of a field: key and member of the same name, or a key of another name. */
#define CONFIG_MEMBER(type_, member_) CONFIG_NAMED(#member_, type_, member_)
#define CONFIG_NAMED(key_, type_, member_)                                                                             \
    .name = (key_), .offset = offsetof(type_, member_), .size = CONFIG_SIZEOF(((type_ *)0)->member_)
/* The same for CONFIG_TYPE_LIST: array `member` with its number of items in `member_count`. */
#define CONFIG_ITEMS(type_, member_) CONFIG_NAMED_ITEMS(#member_, type_, member_)
#define CONFIG_NAMED_ITEMS(key_, type_, member_)                                                                       \
    .name = (key_), .offset = offsetof(type_, member_), .size = CONFIG_SIZEOF(*((type_ *)0)->member_),                 \
    .count_offset = offsetof(type_, member_##_count)
#define CONFIG_GIVEN(type_, member_) (offsetof(type_, member_) + 1)
#define CONFIG_SCHEMA(name_, type_, fields_, doc_)                                                                     \
    {                                                                                                                  \
        .name = (name_), .fields = (fields_), .count = ARRAY_SIZE(fields_), .size = sizeof(type_), .doc = (doc_)       \
    }

/* The same for settings with a `const struct config_node *self_`. */
#define CONFIG_SCHEMA_SELF(name_, type_, fields_, self_, doc_)                                                         \
    {                                                                                                                  \
        .name = (name_), .fields = (fields_), .count = ARRAY_SIZE(fields_), .size = sizeof(type_),                     \
        .self_offset = CONFIG_GIVEN(type_, self_), .doc = (doc_)                                                       \
    }

#define CONFIG_ERRORS_MAX 20

/* Collects problems; zero it first. */
struct config_errors {
    uint32_t count; /* all that were found; the first CONFIG_ERRORS_MAX of them are in list */
    struct config_error list[CONFIG_ERRORS_MAX];
};

/* How many lie in list. */
static inline uint32_t config_errors_listed(const struct config_errors *errors)
{
    return min_u32(errors->count, CONFIG_ERRORS_MAX);
}

/*
 * Fills *settings from a map node. Members without a key in the map take their fallback, or stay as they were; in
 * arrays and optional maps, which are made here, they start as zero. Adds every problem to *errors; only when there is
 * none is *settings fit for use. ERR_INVALID: problems were added, of which a lack of memory can be one.
 */
MUST_CHECK int config_bind(const struct config_node *node, const struct config_schema *schema, void *settings,
                           struct config_errors *errors);

/* Sets all members that have a fallback, as if no key was given. */
void config_defaults(const struct config_schema *schema, void *settings);

/*
 * For checks a table cannot express: adds "PLACE: PATH: text". key, which may be NULL, names a child of node: its place
 * is used where it exists, else that of node. Write the text as "found X, allowed Y".
 */
void config_errors_add(struct config_errors *errors, const struct config_node *node, const char *key,
                       const char *format, ...) PRINTF_LIKE(4, 5);

/*
 * Whether the tables themselves are sound: sizes fit types, texts can be read and lie within their limits, keys are
 * snake_case and differ, everything is documented. For unit tests: each module checks its own. ERR_INVALID with *error.
 */
MUST_CHECK int config_schema_check(const struct config_schema *schema, struct config_error *error);

/* The schema as a Markdown table with aligned columns, one row a key, nested keys as paths. Errors of the sink. */
MUST_CHECK int config_schema_print_table(const struct config_schema *schema, json_sink_fn *sink, void *context);
/* The schema as a JSON Schema (draft 2020-12), indented, with a newline at its end. Errors of the sink. */
MUST_CHECK int config_schema_print_json(const struct config_schema *schema, json_sink_fn *sink, void *context);

#endif
