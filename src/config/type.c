/* SPDX-License-Identifier: MIT */
/*
 * Reading scalars as values of a type. Exactness is the rule: what the type cannot hold exactly is a misfit. Types with
 * units read the text as it was written, so that no value passes through floating point.
 */
#include "config/type.h"

#include <string.h>

#include "config/address.h"
#include "config/exact.h"
#include "config/scalar.h"

typedef enum config_misfit read_fn(const struct config_field *field, const struct config_node *node,
                                   struct config_value *value);

static enum config_misfit read_bool(const struct config_field *field UNUSED, const struct config_node *node,
                                    struct config_value *value)
{
    value->as.boolean = node->boolean;
    return node->kind == CONFIG_BOOL ? CONFIG_FITS : CONFIG_WRONG;
}

static enum config_misfit read_i64(const struct config_field *field UNUSED, const struct config_node *node,
                                   struct config_value *value)
{
    if (node->kind != CONFIG_INT)
        return CONFIG_WRONG;
    int error = config_node_i64(node, &value->as.i64);
    value->order.i64 = value->as.i64;
    return error ? CONFIG_OUT_OF_RANGE : CONFIG_FITS;
}

static enum config_misfit read_unsigned(const struct config_node *node, uint64_t most, struct config_value *value)
{
    if (node->kind != CONFIG_INT)
        return CONFIG_WRONG;
    uint64_t v;
    if (config_node_u64(node, &v) || v > most)
        return CONFIG_OUT_OF_RANGE;
    value->order.u64 = v;
    return CONFIG_FITS;
}

static enum config_misfit read_u64(const struct config_field *field UNUSED, const struct config_node *node,
                                   struct config_value *value)
{
    enum config_misfit misfit = read_unsigned(node, UINT64_MAX, value);
    value->as.u64 = value->order.u64;
    return misfit;
}

static enum config_misfit read_u32(const struct config_field *field UNUSED, const struct config_node *node,
                                   struct config_value *value)
{
    enum config_misfit misfit = read_unsigned(node, UINT32_MAX, value);
    value->as.u32 = (uint32_t)value->order.u64;
    return misfit;
}

static enum config_misfit read_u16(const struct config_field *field UNUSED, const struct config_node *node,
                                   struct config_value *value)
{
    enum config_misfit misfit = read_unsigned(node, UINT16_MAX, value);
    value->as.u16 = (uint16_t)value->order.u64;
    return misfit;
}

static enum config_misfit read_u8(const struct config_field *field UNUSED, const struct config_node *node,
                                  struct config_value *value)
{
    enum config_misfit misfit = read_unsigned(node, UINT8_MAX, value);
    value->as.u8 = (uint8_t)value->order.u64;
    return misfit;
}

static enum config_misfit read_double(const struct config_field *field UNUSED, const struct config_node *node,
                                      struct config_value *value)
{
    if (node->kind == CONFIG_FLOAT) {
        value->as.number = value->order.number = node->number;
        return CONFIG_FITS;
    }
    if (node->kind != CONFIG_INT)
        return CONFIG_WRONG;
    double magnitude = (double)node->magnitude;
    if (magnitude >= 0x1p64 || (uint64_t)magnitude != node->magnitude)
        return CONFIG_INEXACT;
    value->as.number = value->order.number = node->negative ? -magnitude : magnitude;
    return CONFIG_FITS;
}

static enum config_misfit read_string(const struct config_field *field UNUSED, const struct config_node *node,
                                      struct config_value *value)
{
    value->as.text = node->text;
    value->order.u64 = node->length;
    return node->kind == CONFIG_STRING ? CONFIG_FITS : CONFIG_WRONG;
}

static enum config_misfit read_enum(const struct config_field *field, const struct config_node *node,
                                    struct config_value *value)
{
    if (node->kind != CONFIG_STRING)
        return CONFIG_WRONG;
    for (const struct config_choice *choice = field->choices; choice->name; choice++) {
        if (strcmp(choice->name, node->text) == 0) {
            value->as.choice = choice->value;
            return CONFIG_FITS;
        }
    }
    return CONFIG_WRONG;
}

static bool is_negative_number(const struct config_node *node)
{
    return (node->kind == CONFIG_INT && node->negative) || (node->kind == CONFIG_FLOAT && node->number < 0);
}

/* A number alone or with a unit, up to `most`. */
static enum config_misfit read_exact(const struct config_node *node, const struct config_unit *units, uint64_t most,
                                     uint64_t *value)
{
    if (node->kind != CONFIG_INT && node->kind != CONFIG_FLOAT && node->kind != CONFIG_STRING)
        return CONFIG_WRONG;
    if (is_negative_number(node))
        return CONFIG_OUT_OF_RANGE;
    switch (config_exact_parse(node->text, units, value)) {
    case CONFIG_EXACT_OK:
        return *value > most ? CONFIG_OUT_OF_RANGE : CONFIG_FITS;
    case CONFIG_EXACT_NO_UNIT:
        return CONFIG_NO_UNIT;
    case CONFIG_EXACT_UNKNOWN_UNIT:
        return CONFIG_UNKNOWN_UNIT;
    case CONFIG_EXACT_FRACTION:
        return CONFIG_INEXACT;
    case CONFIG_EXACT_TOO_LONG:
        return CONFIG_TOO_LONG;
    case CONFIG_EXACT_TOO_LARGE:
        return CONFIG_OUT_OF_RANGE;
    case CONFIG_EXACT_NO_NUMBER:
        break;
    }
    return CONFIG_WRONG;
}

static enum config_misfit read_duration(const struct config_field *field UNUSED, const struct config_node *node,
                                        struct config_value *value)
{
    uint64_t ns = 0;
    enum config_misfit misfit = read_exact(node, config_duration_units, INT64_MAX, &ns);
    value->as.i64 = value->order.i64 = (int64_t)ns;
    return misfit;
}

static enum config_misfit read_quantity(const struct config_field *field UNUSED, const struct config_node *node,
                                        struct config_value *value)
{
    static const struct config_unit units[] = {
        {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"T", UINT64_C(1000000000000)}, {.name = NULL},
    };
    enum config_misfit misfit = read_exact(node, units, UINT64_MAX, &value->order.u64);
    value->as.u64 = value->order.u64;
    return misfit;
}

static enum config_misfit read_milli(const struct config_field *field UNUSED, const struct config_node *node,
                                     struct config_value *value)
{
    static const struct config_unit units[] = {
        {"", 1000},
        {"k", 1000000},
        {"M", 1000000000},
        {"G", UINT64_C(1000000000000)},
        {"T", UINT64_C(1000000000000000)},
        {.name = NULL},
    };
    enum config_misfit misfit = read_exact(node, units, UINT64_MAX, &value->order.u64);
    value->as.u64 = value->order.u64;
    return misfit;
}

static enum config_misfit read_size(const struct config_field *field UNUSED, const struct config_node *node,
                                    struct config_value *value)
{
    static const struct config_unit units[] = {
        {"", 1},
        {"B", 1},
        {"kB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", UINT64_C(1000000000000)},
        {"KiB", UINT64_C(1) << 10},
        {"MiB", UINT64_C(1) << 20},
        {"GiB", UINT64_C(1) << 30},
        {"TiB", UINT64_C(1) << 40},
        {.name = NULL},
    };
    enum config_misfit misfit = read_exact(node, units, UINT64_MAX, &value->order.u64);
    value->as.u64 = value->order.u64;
    return misfit;
}

static enum config_misfit read_probability(const struct config_field *field UNUSED, const struct config_node *node,
                                           struct config_value *value)
{
    static const struct config_unit units[] = {{"", 1000000000}, {"%", 10000000}, {.name = NULL}};
    enum config_misfit misfit = read_exact(node, units, 1000000000, &value->order.u64);
    value->as.u32 = (uint32_t)value->order.u64;
    return misfit;
}

/* Addresses are texts in whole. */
#define FITS_IF(node, condition) ((node)->kind == CONFIG_STRING && (condition) ? CONFIG_FITS : CONFIG_WRONG)

static enum config_misfit read_ipv4(const struct config_field *field UNUSED, const struct config_node *node,
                                    struct config_value *value)
{
    enum config_misfit misfit = FITS_IF(node, config_address_ipv4(node->text, node->length, &value->as.u32));
    value->order.u64 = value->as.u32;
    return misfit;
}

static enum config_misfit read_ipv6(const struct config_field *field UNUSED, const struct config_node *node,
                                    struct config_value *value)
{
    return FITS_IF(node, config_address_ipv6(node->text, node->length, value->as.bytes));
}

static enum config_misfit read_address(const struct config_field *field UNUSED, const struct config_node *node,
                                       struct config_value *value)
{
    return FITS_IF(node, config_address_any(node->text, node->length, value->as.bytes));
}

static bool ipv4_prefix_parse(const char *text, struct config_ipv4_prefix *prefix)
{
    size_t n;
    return config_address_split(text, 32, &n, &prefix->length) && config_address_ipv4(text, n, &prefix->address);
}

static bool ipv6_prefix_parse(const char *text, struct config_prefix *prefix)
{
    size_t n;
    return config_address_split(text, 128, &n, &prefix->length) && config_address_ipv6(text, n, prefix->address);
}

static bool prefix_parse(const char *text, struct config_prefix *prefix)
{
    size_t n;
    if (ipv6_prefix_parse(text, prefix))
        return true;
    if (!config_address_split(text, 32, &n, &prefix->length) || !config_address_any(text, n, prefix->address))
        return false;
    prefix->length = (uint8_t)(prefix->length + 96);
    return true;
}

static enum config_misfit read_ipv4_prefix(const struct config_field *field UNUSED, const struct config_node *node,
                                           struct config_value *value)
{
    return FITS_IF(node, ipv4_prefix_parse(node->text, &value->as.ipv4_prefix));
}

static enum config_misfit read_ipv6_prefix(const struct config_field *field UNUSED, const struct config_node *node,
                                           struct config_value *value)
{
    return FITS_IF(node, ipv6_prefix_parse(node->text, &value->as.prefix));
}

static enum config_misfit read_prefix(const struct config_field *field UNUSED, const struct config_node *node,
                                      struct config_value *value)
{
    return FITS_IF(node, prefix_parse(node->text, &value->as.prefix));
}

static enum config_misfit read_mac(const struct config_field *field UNUSED, const struct config_node *node,
                                   struct config_value *value)
{
    return FITS_IF(node, config_address_mac(node->text, node->length, value->as.bytes));
}

static const struct config_type_row rows[CONFIG_TYPE_COUNT] = {
    [CONFIG_TYPE_BOOL] = {"true or false", .size = sizeof(bool), .read = read_bool, .json_type = "boolean"},
    [CONFIG_TYPE_I64] = {"an integer", "-9223372036854775808", "9223372036854775807", .size = 8, .order = CONFIG_SIGNED,
                         .read = read_i64, .json_type = "integer"},
    [CONFIG_TYPE_U64] = {"an integer", "0", "18446744073709551615", .size = 8, .order = CONFIG_UNSIGNED,
                         .read = read_u64, .json_type = "integer"},
    [CONFIG_TYPE_U32] = {"an integer", "0", "4294967295", .size = 4, .order = CONFIG_UNSIGNED, .read = read_u32,
                         .json_type = "integer"},
    [CONFIG_TYPE_U16] = {"an integer", "0", "65535", .size = 2, .order = CONFIG_UNSIGNED, .read = read_u16,
                         .json_type = "integer"},
    [CONFIG_TYPE_U8] = {"an integer", "0", "255", .size = 1, .order = CONFIG_UNSIGNED, .read = read_u8,
                        .json_type = "integer"},
    [CONFIG_TYPE_DOUBLE] = {"a number", .grain = "an integer that a double holds exactly", .size = sizeof(double),
                            .order = CONFIG_REAL, .read = read_double, .json_type = "number"},
    [CONFIG_TYPE_STRING] = {"a text", .size = sizeof(char *), .order = CONFIG_UNSIGNED, .read = read_string,
                            .json_type = "string"},
    [CONFIG_TYPE_ENUM] = {"one of", .size = sizeof(int), .read = read_enum},
    [CONFIG_TYPE_DURATION] = {"a duration such as 10s, 250ms or 1.5us (units ns us ms s m h)",
                              .grain = "a whole number of nanoseconds", .size = 8, .order = CONFIG_SIGNED,
                              .read = read_duration},
    [CONFIG_TYPE_QUANTITY] = {"a whole number such as 500, 10k or 2.5M (k M G T)", .grain = "a whole number", .size = 8,
                              .order = CONFIG_UNSIGNED, .read = read_quantity},
    [CONFIG_TYPE_MILLI] = {"a number such as 0.5, 10k or 2.5M (k M G T)", .grain = "a whole number of thousandths",
                           .size = 8, .order = CONFIG_UNSIGNED, .read = read_milli},
    [CONFIG_TYPE_SIZE] = {"a size such as 64, 1KiB or 100MB (units B kB MB GB TB KiB MiB GiB TiB)",
                          .grain = "a whole number of bytes", .size = 8, .order = CONFIG_UNSIGNED, .read = read_size},
    [CONFIG_TYPE_PROBABILITY] = {"a probability such as 1% or 0.01,", "0", "1", "a whole number of parts per billion",
                                 .size = 4, .order = CONFIG_UNSIGNED, .read = read_probability},
    [CONFIG_TYPE_IPV4] = {"an IPv4 address such as 192.0.2.1", .size = 4, .order = CONFIG_UNSIGNED, .read = read_ipv4,
                          .json_type = "string", .json_format = "ipv4"},
    [CONFIG_TYPE_IPV6] = {"an IPv6 address such as 2001:db8::1", .size = 16, .read = read_ipv6, .json_type = "string",
                          .json_format = "ipv6"},
    [CONFIG_TYPE_ADDRESS] = {"an address such as 192.0.2.1 or 2001:db8::1", .size = 16, .read = read_address,
                             .json_type = "string"},
    [CONFIG_TYPE_IPV4_PREFIX] = {"an IPv4 address with prefix length such as 192.0.2.1/24",
                                 .size = sizeof(struct config_ipv4_prefix), .read = read_ipv4_prefix,
                                 .json_type = "string"},
    [CONFIG_TYPE_IPV6_PREFIX] = {"an IPv6 address with prefix length such as 2001:db8::1/64",
                                 .size = sizeof(struct config_prefix), .read = read_ipv6_prefix, .json_type = "string"},
    [CONFIG_TYPE_PREFIX] = {"an address with prefix length such as 192.0.2.1/24 or 2001:db8::1/64",
                            .size = sizeof(struct config_prefix), .read = read_prefix, .json_type = "string"},
    [CONFIG_TYPE_MAC] = {"a MAC address such as 02:00:00:00:00:01", .size = 6, .read = read_mac, .json_type = "string"},
    [CONFIG_TYPE_MAP] = {"a map", .json_type = "object"},
    [CONFIG_TYPE_OPTIONAL] = {"a map", .size = sizeof(void *), .json_type = "object"},
    [CONFIG_TYPE_LIST] = {"a list", .json_type = "array"},
    [CONFIG_TYPE_NODE] = {"any value", .size = sizeof(void *)},
};

const struct config_type_row *config_type_row(enum config_type type)
{
    assert(type < CONFIG_TYPE_COUNT);
    return &rows[type];
}

enum config_misfit config_type_read(const struct config_field *field, enum config_type type,
                                    const struct config_node *node, struct config_value *value)
{
    *value = (struct config_value){.order.u64 = 0};
    return rows[type].read(field, node, value);
}

enum config_misfit config_type_read_text(const struct config_field *field, enum config_type type, const char *text,
                                         struct config_value *value)
{
    struct config_node node = {.kind = CONFIG_STRING, .text = text, .length = strlen(text)};
    bool is_text = type == CONFIG_TYPE_STRING || type == CONFIG_TYPE_ENUM;
    if (!is_text && config_scalar_resolve(&node))
        return CONFIG_OUT_OF_RANGE;
    return config_type_read(field, type, &node, value);
}

enum config_misfit config_type_read_limit(const struct config_field *field, enum config_type type, const char *text,
                                          struct config_value *value)
{
    return config_type_read_text(field, type == CONFIG_TYPE_STRING ? CONFIG_TYPE_U64 : type, text, value);
}

static int compare(enum config_order order, const struct config_value *a, const struct config_value *b)
{
    switch (order) {
    case CONFIG_SIGNED:
        return (a->order.i64 > b->order.i64) - (a->order.i64 < b->order.i64);
    case CONFIG_UNSIGNED:
        return (a->order.u64 > b->order.u64) - (a->order.u64 < b->order.u64);
    case CONFIG_REAL:
        return (a->order.number > b->order.number) - (a->order.number < b->order.number);
    case CONFIG_UNORDERED:
        break;
    }
    return 0;
}

bool config_type_in_limits(const struct config_field *field, enum config_type type, const struct config_value *value)
{
    struct config_value limit;
    enum config_order order = rows[type].order;
    if (field->min && (config_type_read_limit(field, type, field->min, &limit) || compare(order, value, &limit) < 0))
        return false;
    return !field->max ||
           (!config_type_read_limit(field, type, field->max, &limit) && compare(order, value, &limit) <= 0);
}
