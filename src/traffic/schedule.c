/* SPDX-License-Identifier: MIT */
/*
 * Due times from integers. Everything is compared exactly in 128 bits; a floating-point square root only guesses
 * where in a ramp to look, and the guess is then corrected by comparison, so that every machine finds the same
 * nanosecond.
 *
 * With rate r in units of 1/D launches a nanosecond, a hold has area r t / D. A ramp from r0 to r1 over T has area
 * (2 T r0 t + (r1 - r0) t^2) / (2 T D); both sides are multiplied by 2 T D before they are compared.
 */
#include "traffic/schedule.h"

#include <math.h>

__extension__ typedef unsigned __int128 u128;

static const struct {
    const char *name, *unit;
    uint64_t denominator; /* nanoseconds of the rate 1 for a launch */
} targets[SCHEDULE_TARGET_COUNT] = {
    [SCHEDULE_CONNECTIONS] = {"connections_per_second", "connections", 1000 * UINT64_C(1000000000)},
    [SCHEDULE_TRANSACTIONS] = {"transactions_per_second", "transactions", 1000 * UINT64_C(1000000000)},
    [SCHEDULE_CONCURRENT] = {"concurrent", "connections", 1},
    [SCHEDULE_BITS] = {"bits_per_second", "bits", UINT64_C(1000000000)},
};

const char *schedule_target_name(enum schedule_target target) { return targets[target].name; }
const char *schedule_target_unit(enum schedule_target target) { return targets[target].unit; }

static bool is_hold(const struct schedule_phase *p) { return p->from == p->written_to; }

/* Area times 2 T D of a ramp; T is its duration as it was written. */
static u128 ramp_area(const struct schedule_phase *p, int64_t at)
{
    u128 t = (u128)(uint64_t)at;
    u128 straight = 2 * (u128)(uint64_t)p->written_ns * p->from * t;

    if (p->written_to > p->from)
        return straight + (p->written_to - p->from) * t * t;
    return straight - (p->from - p->written_to) * t * t;
}

/* Launches due in [0, at) of a phase: the area, rounded up. at <= duration_ns. */
static uint64_t phase_due_until(const struct schedule_phase *p, uint64_t denominator, int64_t at)
{
    u128 area, unit;

    if (is_hold(p)) {
        area = (u128)p->from * (uint64_t)at;
        unit = denominator;
    } else {
        area = ramp_area(p, at);
        unit = 2 * (u128)(uint64_t)p->written_ns * denominator;
    }
    return (uint64_t)((area + unit - 1) / unit);
}

static bool phase_valid(const struct schedule_phase *p)
{
    int64_t longest = p->from == p->to ? SCHEDULE_MAX_HOLD_NS : SCHEDULE_MAX_RAMP_NS;

    return p->duration_ns > 0 && p->duration_ns <= longest && p->from <= SCHEDULE_MAX_RATE &&
           p->to <= SCHEDULE_MAX_RATE;
}

/* All that follows from the phases. */
static void add_up(struct schedule *s)
{
    uint64_t denominator = targets[s->target].denominator;

    s->duration_ns = 0;
    s->count = 0;
    s->peak = 0;
    for (uint32_t i = 0; i < s->n_phases; i++) {
        struct schedule_phase *p = &s->phases[i];
        p->start_ns = s->duration_ns;
        p->count = s->target == SCHEDULE_CONCURRENT ? 0 : phase_due_until(p, denominator, p->duration_ns);
        s->duration_ns += p->duration_ns;
        s->count += p->count;
        s->peak = max_u64(s->peak, max_u64(p->from, p->to));
    }
}

int schedule_compile(struct schedule *s)
{
    if (s->n_phases == 0 || s->n_phases > SCHEDULE_MAX_PHASES)
        return ERR_INVALID;
    for (uint32_t i = 0; i < s->n_phases; i++) {
        struct schedule_phase *p = &s->phases[i];
        if (!phase_valid(p))
            return ERR_INVALID;
        p->written_to = p->to;
        p->written_ns = p->duration_ns;
    }
    add_up(s);
    return 0;
}

uint32_t schedule_phase_at(const struct schedule *s, int64_t at)
{
    for (uint32_t i = 0; i < s->n_phases; i++)
        if (at < s->phases[i].start_ns + s->phases[i].duration_ns)
            return i;
    return s->n_phases;
}

static uint64_t phase_level(const struct schedule_phase *p, int64_t within)
{
    u128 t = (u128)(uint64_t)within, duration = (u128)(uint64_t)p->written_ns;

    if (p->written_to >= p->from)
        return p->from + (uint64_t)((p->written_to - p->from) * t / duration);
    return p->from - (uint64_t)(((p->from - p->written_to) * t + duration - 1) / duration);
}

uint64_t schedule_level(const struct schedule *s, int64_t at)
{
    uint32_t i = schedule_phase_at(s, at);
    if (at < 0 || i == s->n_phases)
        return 0;

    return phase_level(&s->phases[i], at - s->phases[i].start_ns);
}

void schedule_cut(struct schedule *s, int64_t at)
{
    if (at >= s->duration_ns)
        return;
    uint32_t last = schedule_phase_at(s, at - 1);
    struct schedule_phase *p = &s->phases[last];
    s->n_phases = last + 1;
    p->duration_ns = at - p->start_ns;
    p->to = phase_level(p, p->duration_ns);
    add_up(s);
}

uint64_t schedule_due_until(const struct schedule *s, int64_t at)
{
    uint64_t due = 0;

    for (uint32_t i = 0; i < s->n_phases; i++) {
        const struct schedule_phase *p = &s->phases[i];
        int64_t within = at - p->start_ns;
        if (within <= 0)
            break;
        due += within >= p->duration_ns ? p->count : phase_due_until(p, targets[s->target].denominator, within);
    }
    return due;
}

/* Roughly where a ramp's area reaches k: the solution of the quadratic, in its form without cancellation. */
static int64_t guess_in_ramp(const struct schedule_phase *p, uint64_t k, uint64_t denominator)
{
    double c = (double)k * (double)denominator;
    double b = (double)p->from;
    double a = ((double)p->written_to - b) / (2.0 * (double)p->written_ns);
    double root = b * b + 4.0 * a * c;
    double divisor = b + (root > 0.0 ? sqrt(root) : 0.0);
    double t = divisor > 0.0 ? 2.0 * c / divisor : 0.0;

    return t >= (double)p->duration_ns ? p->duration_ns - 1 : (int64_t)t;
}

/*
 * The last nanosecond of the ramp at which its area does not exceed `area`: grows a bracket around the guess, then
 * halves it.
 */
static int64_t search_ramp(const struct schedule_phase *p, u128 area, int64_t guess)
{
    int64_t low = guess, high = guess + 1, step = 1; /* wanted: area(low) <= area < area(high) */

    while (low > 0 && ramp_area(p, low) > area) {
        high = low;
        low = max_i64(0, low - step);
        step *= 2;
    }
    while (high < p->duration_ns && ramp_area(p, high) <= area) {
        low = high;
        high = min_i64(p->duration_ns, high + step);
        step *= 2;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (ramp_area(p, middle) <= area)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t schedule_due_in_phase(const struct schedule *s, uint32_t phase, uint64_t k)
{
    const struct schedule_phase *p = &s->phases[phase];
    uint64_t denominator = targets[s->target].denominator;

    assert(k < p->count);
    if (is_hold(p))
        return (int64_t)((u128)k * denominator / p->from);
    return search_ramp(p, (u128)k * 2 * (uint64_t)p->written_ns * denominator, guess_in_ramp(p, k, denominator));
}

/* Puts the cursor on the first launch of its share in `phase` or the next phase that has one. */
static void enter_phase(struct schedule_cursor *c, uint32_t phase)
{
    const struct schedule *s = c->schedule;
    uint64_t denominator = targets[s->target].denominator;

    while (phase < s->n_phases && s->phases[phase].count <= c->share)
        phase++;
    c->phase = phase;
    c->k = c->share;
    if (phase == s->n_phases) {
        c->due = TIME_NEVER;
        return;
    }
    const struct schedule_phase *p = &s->phases[phase];
    if (is_hold(p)) {
        c->quotient = c->k * denominator / p->from;
        c->remainder = c->k * denominator % p->from;
        c->quotient_step = c->shares * denominator / p->from;
        c->remainder_step = c->shares * denominator % p->from;
    }
    c->due = p->start_ns + schedule_due_in_phase(s, phase, c->k);
}

void schedule_cursor_init(struct schedule_cursor *c, const struct schedule *s, uint32_t share, uint32_t shares)
{
    assert(share < shares);
    *c = (struct schedule_cursor){.schedule = s, .share = share, .shares = shares};
    enter_phase(c, 0);
}

void schedule_cursor_next(struct schedule_cursor *c)
{
    if (c->due == TIME_NEVER)
        return;
    const struct schedule_phase *p = &c->schedule->phases[c->phase];
    c->k += c->shares;
    if (c->k >= p->count) {
        enter_phase(c, c->phase + 1);
        return;
    }
    if (!is_hold(p)) {
        c->due = p->start_ns + schedule_due_in_phase(c->schedule, c->phase, c->k);
        return;
    }
    c->quotient += c->quotient_step;
    c->remainder += c->remainder_step;
    if (c->remainder >= p->from) {
        c->remainder -= p->from;
        c->quotient++;
    }
    c->due = p->start_ns + (int64_t)c->quotient;
}
