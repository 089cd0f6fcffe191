/* SPDX-License-Identifier: MIT */
/*
 * A number is kept as mantissa * 10^-decimals. Multiplied by the unit's factor it must be whole: a two and a five for
 * each decimal are taken out of the two before they are multiplied, so that nothing overflows that need not.
 */
#include "config/exact.h"

#include <string.h>

#define EXPONENT_MAX 1000

struct decimal {
    uint64_t mantissa;
    int decimals;      /* may be negative: zeros behind the mantissa */
    bool has_exponent; /* was written with one */
};

const struct config_unit config_duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
    {.name = NULL},
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

size_t config_exact_digits(const char *text)
{
    size_t n = 0;
    while (is_digit(text[n]))
        n++;
    return n;
}

/* Appends digits to the mantissa; false beyond 64 bits. */
static bool mantissa_add(struct decimal *d, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(d->mantissa, UINT64_C(10), &d->mantissa) ||
            __builtin_add_overflow(d->mantissa, (uint64_t)(digits[i] - '0'), &d->mantissa))
            return false;
    return true;
}

/* Reads ".digits" if it is there; zeros at its end count for nothing. */
static bool fraction_read(struct decimal *d, const char **text)
{
    size_t n = **text == '.' ? config_exact_digits(*text + 1) : 0, used = n;
    if (n == 0)
        return true;
    const char *digits = *text + 1;
    *text += n + 1;
    while (used > 0 && digits[used - 1] == '0')
        used--;
    if (!mantissa_add(d, digits, used))
        return false;
    d->decimals += (int)used;
    return true;
}

/* Reads "e±digits" if it is there. */
static void exponent_read(struct decimal *d, const char **text)
{
    const char *p = *text;
    if (*p != 'e' && *p != 'E')
        return;
    p++;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (!is_digit(*p))
        return;
    int exponent = 0;
    for (; is_digit(*p); p++)
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*p - '0') : exponent;
    d->decimals += negative ? exponent : -exponent;
    d->has_exponent = true;
    *text = p;
}

static enum config_exact decimal_read(struct decimal *d, const char **text)
{
    size_t digits = config_exact_digits(*text);
    if (digits == 0 || (digits > 1 && **text == '0'))
        return CONFIG_EXACT_NO_NUMBER;
    bool fits = mantissa_add(d, *text, digits);
    *text += digits;
    fits = fits && fraction_read(d, text);
    if (!fits)
        return CONFIG_EXACT_TOO_LONG;
    exponent_read(d, text);
    return CONFIG_EXACT_OK;
}

/* Takes a prime factor out of one of the two; false when neither has it. */
static bool factor_take(uint64_t *a, uint64_t *b, uint64_t prime)
{
    uint64_t *holder = *a % prime == 0 ? a : b;
    if (*holder % prime)
        return false;
    *holder /= prime;
    return true;
}

static enum config_exact decimal_times(const struct decimal *d, uint64_t factor, uint64_t *value)
{
    uint64_t mantissa = d->mantissa;
    *value = 0;
    if (mantissa == 0)
        return CONFIG_EXACT_OK;
    for (int i = 0; i < d->decimals; i++)
        if (!factor_take(&factor, &mantissa, 2) || !factor_take(&factor, &mantissa, 5))
            return CONFIG_EXACT_FRACTION;
    for (int i = d->decimals; i < 0; i++)
        if (__builtin_mul_overflow(mantissa, UINT64_C(10), &mantissa))
            return CONFIG_EXACT_TOO_LARGE;
    return __builtin_mul_overflow(mantissa, factor, value) ? CONFIG_EXACT_TOO_LARGE : CONFIG_EXACT_OK;
}

enum config_exact config_exact_parse(const char *text, const struct config_unit *units, uint64_t *value)
{
    struct decimal d = {0};
    enum config_exact result = decimal_read(&d, &text);
    if (result != CONFIG_EXACT_OK)
        return result;
    const struct config_unit *unit = units;
    while (unit->name && strcmp(unit->name, text) != 0)
        unit++;
    *value = 0;
    if (!unit->name && !*text)
        return d.mantissa ? CONFIG_EXACT_NO_UNIT : CONFIG_EXACT_OK;
    if (!unit->name || (d.has_exponent && *text))
        return CONFIG_EXACT_UNKNOWN_UNIT;
    return decimal_times(&d, unit->factor, value);
}
