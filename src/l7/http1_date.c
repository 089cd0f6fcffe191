/* SPDX-License-Identifier: MIT */
/*
 * Dates: RFC 9110 5.6.7. One is written, three are read: IMF-fixdate, RFC 850's, and asctime's. The calendar is the
 * proleptic Gregorian one; years are counted from March, so that the leap day is the last.
 */
#include <stdio.h>
#include <string.h>

#include "l7/http1_condition.h"

#define DAY_S INT64_C(86400)
#define DAYS_400_YEARS INT64_C(146097)
/* From the first of March of year 0 to the first of January 1970. */
#define DAYS_TO_1970 INT64_C(719468)

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
static const char *const long_days[7] = {"Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"};

struct civil {
    int64_t year;
    unsigned month, day, hour, minute, second;
};

/* month 1 to 12. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = year - (month <= 2);
    int64_t from_march = (month + 9) % 12;
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - DAYS_TO_1970;
}

static struct civil civil_of(int64_t seconds)
{
    int64_t day = seconds >= 0 ? seconds / DAY_S : -((-seconds + DAY_S - 1) / DAY_S);
    int64_t in_day = seconds - day * DAY_S;
    int64_t since = day + DAYS_TO_1970;
    int64_t cycle = since / DAYS_400_YEARS, in_cycle = since % DAYS_400_YEARS;
    int64_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    int64_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
    int64_t from_march = (5 * in_year + 2) / 153;
    unsigned month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    return (struct civil){
        .year = year + cycle * 400 + (month <= 2),
        .month = month,
        .day = (unsigned)(in_year - (153 * from_march + 2) / 5 + 1),
        .hour = (unsigned)(in_day / 3600),
        .minute = (unsigned)(in_day / 60 % 60),
        .second = (unsigned)(in_day % 60),
    };
}

void http1_date_write(char to[HTTP1_DATE_BYTES], int64_t seconds)
{
    int64_t first = days_of(1, 1, 1) * DAY_S, last = days_of(10000, 1, 1) * DAY_S - 1;
    seconds = seconds < first ? first : seconds > last ? last : seconds;
    struct civil c = civil_of(seconds);
    int64_t day = days_of(c.year, c.month, c.day);
    snprintf(to, HTTP1_DATE_BYTES, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[((day % 7) + 7) % 7], c.day % 100,
             months[c.month - 1], (unsigned)c.year % 10000, c.hour % 100, c.minute % 100, c.second % 100);
}

/* A cursor whose error sticks. */
struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static void expect(struct reader *r, const char *text)
{
    size_t n = strlen(text);
    if (r->bad || (size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
        r->bad = true;
    else
        r->at += n;
}

static unsigned number(struct reader *r, unsigned digits)
{
    unsigned value = 0;
    for (; digits > 0 && !r->bad; digits--) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9')
            r->bad = true;
        else
            value = value * 10 + (unsigned)(*r->at++ - '0');
    }
    return value;
}

static unsigned month_name(struct reader *r)
{
    for (unsigned i = 0; i < 12 && !r->bad && r->end - r->at >= 3; i++)
        if (memcmp(r->at, months[i], 3) == 0) {
            r->at += 3;
            return i + 1;
        }
    r->bad = true;
    return 1;
}

/* Returns whether it was a long one. Which day it is does not matter. */
static bool day_name(struct reader *r)
{
    for (unsigned i = 0; i < 7; i++) {
        size_t n = strlen(long_days[i]);
        bool is_long = (size_t)(r->end - r->at) >= n && memcmp(r->at, long_days[i], n) == 0;
        if (is_long || (r->end - r->at >= 3 && memcmp(r->at, days[i], 3) == 0)) {
            r->at += is_long ? n : 3;
            return is_long;
        }
    }
    r->bad = true;
    return false;
}

static void time_of_day(struct reader *r, struct civil *c)
{
    c->hour = number(r, 2);
    expect(r, ":");
    c->minute = number(r, 2);
    expect(r, ":");
    c->second = number(r, 2);
}

/* "Nov  6 08:49:37 1994" behind the day. */
static void asctime_rest(struct reader *r, struct civil *c)
{
    c->month = month_name(r);
    expect(r, " ");
    if (r->at < r->end && *r->at == ' ')
        expect(r, " ");
    else
        c->day = number(r, 1) * 10;
    c->day += number(r, 1);
    expect(r, " ");
    time_of_day(r, c);
    expect(r, " ");
    c->year = number(r, 4);
}

/*
 * "06 Nov 1994 08:49:37 GMT", or with '-' and a year of two digits. Those are read as 1970 to 2069: no clock is
 * looked at.
 */
static void dated_rest(struct reader *r, struct civil *c, bool rfc850)
{
    const char *separator = rfc850 ? "-" : " ";
    c->day = number(r, 2);
    expect(r, separator);
    c->month = month_name(r);
    expect(r, separator);
    c->year = number(r, rfc850 ? 2 : 4);
    if (rfc850)
        c->year += c->year < 70 ? 2000 : 1900;
    expect(r, " ");
    time_of_day(r, c);
    expect(r, " GMT");
}

bool http1_date_read(const uint8_t *text, size_t length, int64_t *seconds)
{
    struct reader r = {.at = text, .end = text + length};
    struct civil c = {0};
    bool is_long = day_name(&r);
    if (!r.bad && r.at < r.end && *r.at == ',') {
        expect(&r, ", ");
        dated_rest(&r, &c, is_long);
    } else {
        expect(&r, " ");
        asctime_rest(&r, &c);
    }
    if (r.bad || r.at != r.end || c.day < 1 || c.day > 31 || c.hour > 23 || c.minute > 59 || c.second > 60)
        return false;
    int64_t day = days_of(c.year, c.month, c.day);
    struct civil back = civil_of(day * DAY_S);
    *seconds = day * DAY_S + c.hour * 3600 + c.minute * 60 + c.second;
    return back.day == c.day; /* not the 30th of February */
}
