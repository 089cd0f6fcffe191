/* SPDX-License-Identifier: MIT */
/*
 * Resolving plain scalars. Numbers follow the grammar of RFC 8259 section 6; hexadecimal integers are those of YAML 1.2
 * (10.3.2).
 */
#include "config/scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/exact.h"

#define NUMBER_CHARACTERS 512

static const char integers_allowed[] =
    "-9223372036854775808 to 18446744073709551615 (put it in quotes if it is a text)";
static const char doubles_allowed[] =
    "numbers up to 1.7976931348623157e308 that are not too small to differ from 0, of at most 512 characters";
static const char finite_allowed[] = "finite numbers (put it in quotes if it is a text)";

/* The length of "." or "e" parts behind the integer part; 0 when there is none or it is malformed. */
static size_t fraction_length(const char *text)
{
    size_t digits = text[0] == '.' ? config_exact_digits(text + 1) : 0;
    return digits ? digits + 1 : 0;
}

static size_t exponent_length(const char *text)
{
    if (text[0] != 'e' && text[0] != 'E')
        return 0;
    size_t sign = text[1] == '-' || text[1] == '+';
    size_t digits = config_exact_digits(text + 1 + sign);
    return digits ? 1 + sign + digits : 0;
}

/* CONFIG_INT or CONFIG_FLOAT for a number of JSON's grammar, else CONFIG_STRING. */
static enum config_kind number_kind(const char *text)
{
    text += *text == '-';
    size_t digits = config_exact_digits(text);
    if (digits == 0 || (digits > 1 && text[0] == '0'))
        return CONFIG_STRING;
    text += digits;
    if (!*text)
        return CONFIG_INT;
    text += fraction_length(text);
    text += exponent_length(text);
    return *text ? CONFIG_STRING : CONFIG_FLOAT;
}

static bool is_hexadecimal(const char *text)
{
    return text[0] == '0' && text[1] == 'x' && text[2] &&
           strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2);
}

static unsigned digit_value(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

/* False beyond 64 bits. */
static bool digits_to_u64(const char *text, unsigned base, uint64_t *value)
{
    *value = 0;
    for (; *text; text++)
        if (__builtin_mul_overflow(*value, (uint64_t)base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit_value(*text), value))
            return false;
    return true;
}

static bool is_not_finite(const char *text)
{
    static const char *const names[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
    text += *text == '-' || *text == '+';
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(text, names[i]) == 0)
            return true;
    return false;
}

/* The exponent at text, kept within what can matter. */
static long exponent_value(const char *text)
{
    long value = text[0] ? strtol(text + 1, NULL, 10) : 0;
    return value > 100000 ? 100000 : value < -100000 ? -100000 : value;
}

bool config_number_to_double(const char *text, size_t length, double *value)
{
    /* The point, for which strtod looks in the locale, is moved to the end of the digits. */
    char moved[NUMBER_CHARACTERS + 16];
    size_t n = 0, decimals = 0;
    bool nonzero = false, behind_point = false;
    if (length > NUMBER_CHARACTERS)
        return false;
    for (; *text && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.') {
            behind_point = true;
            continue;
        }
        moved[n++] = *text;
        decimals += behind_point;
        nonzero |= *text >= '1' && *text <= '9';
    }
    snprintf(moved + n, sizeof moved - n, "e%ld", exponent_value(text) - (long)decimals);
    *value = strtod(moved, NULL);
    return isfinite(*value) && (*value != 0 || !nonzero);
}

static const char *integer_resolve(struct config_node *node, const char *digits, unsigned base)
{
    node->kind = CONFIG_INT;
    if (!digits_to_u64(digits, base, &node->magnitude) || (node->negative && node->magnitude > (uint64_t)1 << 63))
        return integers_allowed;
    if (node->magnitude == 0)
        node->negative = false;
    return NULL;
}

static const char *number_resolve(struct config_node *node)
{
    if (is_hexadecimal(node->text))
        return integer_resolve(node, node->text + 2, 16);
    node->kind = number_kind(node->text);
    if (node->kind == CONFIG_INT) {
        node->negative = node->text[0] == '-';
        return integer_resolve(node, node->text + node->negative, 10);
    }
    if (node->kind == CONFIG_FLOAT && !config_number_to_double(node->text, node->length, &node->number))
        return doubles_allowed;
    if (node->kind == CONFIG_STRING && is_not_finite(node->text)) {
        node->kind = CONFIG_FLOAT;
        return finite_allowed;
    }
    return NULL;
}

const char *config_scalar_resolve(struct config_node *node)
{
    const char *text = node->text;
    bool is_true = strcmp(text, "true") == 0;
    if (is_true || strcmp(text, "false") == 0) {
        node->kind = CONFIG_BOOL;
        node->boolean = is_true;
        return NULL;
    }
    if (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0) {
        node->kind = CONFIG_NULL;
        return NULL;
    }
    return number_resolve(node);
}
