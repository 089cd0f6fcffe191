/* SPDX-License-Identifier: MIT */
/*
 * The types a field can have: one row of a table each, with its size, its words for messages, and the function that
 * reads a scalar.
 */
#ifndef WEIR_CONFIG_TYPE_H
#define WEIR_CONFIG_TYPE_H

#include "config/schema.h"

/* By what min and max of a field are compared. */
enum config_order { CONFIG_UNORDERED, CONFIG_SIGNED, CONFIG_UNSIGNED, CONFIG_REAL };

struct config_value {
    union {
        bool boolean;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        int64_t i64;
        double number;
        int choice;
        const char *text;
        uint8_t bytes[16];
        struct config_ipv4_prefix ipv4_prefix;
        struct config_prefix prefix;
    } as; /* what is stored in the member: the first `size` bytes */
    union {
        int64_t i64;
        uint64_t u64;
        double number;
    } order;
};

enum config_misfit {
    CONFIG_FITS,
    CONFIG_WRONG,        /* another kind, or not of the type's form */
    CONFIG_OUT_OF_RANGE, /* of the type or of the field's min and max */
    CONFIG_NO_UNIT,
    CONFIG_UNKNOWN_UNIT,
    CONFIG_TOO_LONG, /* more digits than can be read */
    CONFIG_INEXACT
};

struct config_type_row {
    const char *phrase;           /* "a duration such as …" */
    const char *lowest, *highest; /* of the type; NULL: not worth telling */
    const char *grain;            /* what an inexact value is not */
    size_t size;                  /* of the member; 0: told by the schema */
    enum config_order order;      /* of min and max */
    enum config_misfit (*read)(const struct config_field *field, const struct config_node *node,
                               struct config_value *value);
    const char *json_type, *json_format; /* JSON Schema: type; format */
};

/* The row of a type below CONFIG_TYPE_COUNT; read is NULL for lists, maps and nodes. */
const struct config_type_row *config_type_row(enum config_type type);

/* Reads a scalar of the type, not looking at the field's limits. */
MUST_CHECK enum config_misfit config_type_read(const struct config_field *field, enum config_type type,
                                               const struct config_node *node, struct config_value *value);
/* The same from a text of a table: "10ms". The text must outlive the value. */
MUST_CHECK enum config_misfit config_type_read_text(const struct config_field *field, enum config_type type,
                                                    const char *text, struct config_value *value);
/* Whether a value lies within the field's min and max. */
bool config_type_in_limits(const struct config_field *field, enum config_type type, const struct config_value *value);
/* Reads min, max; they are of the type itself, but of the length for texts. */
MUST_CHECK enum config_misfit config_type_read_limit(const struct config_field *field, enum config_type type,
                                                     const char *text, struct config_value *value);

/* What the field allows, for messages and documents: "an integer from 1 to 16". Like snprintf. */
size_t config_type_describe(const struct config_field *field, enum config_type type, char *text, size_t size);
/* What is the matter beyond "not allowed": " (the unit is missing)", or "". Like snprintf. */
size_t config_type_explain(enum config_type type, enum config_misfit misfit, char *text, size_t size);

#endif
