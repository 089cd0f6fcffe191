/* SPDX-License-Identifier: MIT */
/*
 * Numbers for people: see format.h.
 */
#include "cli/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/time_ns.h"

struct format_text format_count(uint64_t n)
{
    char digits[24];
    struct format_text t;
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n), to = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            t.s[to++] = ',';
        t.s[to++] = digits[i];
    }
    t.s[to] = 0;
    return t;
}

/* How many decimals show three digits of a value below 1000. */
static int decimals_of(double value)
{
    double v = fabs(value);
    if (v < 9.995)
        return 2;
    return v < 99.95 ? 1 : 0;
}

/*
 * value in the largest of n units, each a thousand times the one before, in which it is at least 1; between: what
 * stands before the unit.
 */
static struct format_text scaled(double value, const char *between, const char *const *units, unsigned n)
{
    struct format_text t;
    unsigned i = 0;
    for (; i + 1 < n && fabs(value) >= 999.5; i++)
        value /= 1000;
    bool whole = i == 0 && value == floor(value);
    const char *space = units[i][0] ? between : "";
    snprintf(t.s, sizeof t.s, "%.*f%s%s", whole ? 0 : decimals_of(value), value, space, units[i]);
    return t;
}

struct format_text format_si(double value)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    return scaled(value, "", units, ARRAY_SIZE(units));
}

struct format_text format_bits(double per_second)
{
    static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
    return scaled(per_second, " ", units, ARRAY_SIZE(units));
}

struct format_text format_bytes(double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    return scaled(bytes, " ", units, ARRAY_SIZE(units));
}

struct format_text format_duration(uint64_t ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return scaled((double)ns, " ", units, ARRAY_SIZE(units));
}

struct format_text format_seconds(int64_t ns)
{
    struct format_text t;
    int64_t s = ns / NS_PER_S;
    if (s < 120)
        snprintf(t.s, sizeof t.s, "%.1f s", floor((double)ns / 1e8) / 10);
    else if (s < 7200)
        snprintf(t.s, sizeof t.s, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else
        snprintf(t.s, sizeof t.s, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    return t;
}

struct format_text format_thousandths(uint64_t n)
{
    struct format_text t = format_count(n / 1000);
    unsigned rest = (unsigned)(n % 1000);
    size_t length = strlen(t.s);
    if (rest == 0)
        return t;
    snprintf(t.s + length, sizeof t.s - length, ".%03u", rest);
    for (length = strlen(t.s); t.s[length - 1] == '0'; length--)
        t.s[length - 1] = 0;
    return t;
}

struct format_text format_share(double share)
{
    struct format_text t;
    double percent = share * 100;
    snprintf(t.s, sizeof t.s, "%.*f %%", percent > 0 && percent < 10 ? 2 : 1, percent);
    return t;
}
