/* SPDX-License-Identifier: MIT */
/*
 * The verdict: what a load was to reach, what it reached. Rates are judged over the last phase of the schedule, as
 * far as the run got; a phase of which only an instant was planned or ran gives no rate.
 */
#include <inttypes.h>
#include <stdio.h>

#include "traffic/results.h"

__extension__ typedef unsigned __int128 u128;

/* A phase ran when it ran for so long, or for all of the time that was written for it. */
#define MEANINGFUL_NS (100 * NS_PER_MS)

enum unit { UNIT_COUNT, UNIT_MILLI_PER_SECOND, UNIT_BITS_PER_SECOND, UNIT_NS };

static void print_value(char *text, size_t size, enum unit unit, uint64_t value)
{
    switch (unit) {
    case UNIT_MILLI_PER_SECOND:
        (void)snprintf(text, size, "%" PRIu64 ".%03" PRIu64 "/s", value / 1000, value % 1000);
        break;
    case UNIT_BITS_PER_SECOND:
        (void)snprintf(text, size, "%" PRIu64 " bit/s", value);
        break;
    case UNIT_NS:
        (void)snprintf(text, size, "%" PRIu64 ".%03" PRIu64 " ms", value / 1000000, value / 1000 % 1000);
        break;
    default:
        (void)snprintf(text, size, "%" PRIu64, value);
        break;
    }
}

static void judge(struct results_verdict *v, const char *name, bool at_most, enum unit unit, uint64_t limit,
                  uint64_t found)
{
    struct results_criterion *c = &v->list[v->count++];
    char found_text[40], limit_text[40];

    assert(v->count <= RESULTS_CRITERIA_MAX);
    *c = (struct results_criterion){
        .name = name, .limit = limit, .found = found, .met = at_most ? found <= limit : found >= limit};
    v->met = v->met && c->met;
    print_value(found_text, sizeof found_text, unit, found);
    print_value(limit_text, sizeof limit_text, unit, limit);
    (void)snprintf(c->text, sizeof c->text, "%s: found %s, allowed %s %s", name, found_text,
                   at_most ? "at most" : "at least", limit_text);
}

static bool is_meaningful(const struct schedule_phase *p, int64_t ran)
{
    return ran >= min_i64(p->written_ns, MEANINGFUL_NS);
}

/* The last phase, unless the plan's duration left next to nothing of it: then the one before. */
static uint32_t judged_phase(const struct schedule *s)
{
    uint32_t i = s->n_phases - 1;

    return i > 0 && !is_meaningful(&s->phases[i], s->phases[i].duration_ns) ? i - 1 : i;
}

/* How long a phase ran; 0: not at all, or too short a time to tell a rate. */
static int64_t time_ran(const struct results *r, const struct schedule_phase *p)
{
    int64_t ran = min_i64(p->duration_ns, r->load_ns - p->start_ns);

    return is_meaningful(p, ran) ? ran : 0;
}

/* What was counted in a phase that ran so long, as a rate. */
static void judge_rate(struct results_verdict *v, const char *name, enum unit unit, uint64_t limit, uint64_t counted,
                       int64_t ran)
{
    uint64_t a_second = unit == UNIT_MILLI_PER_SECOND ? UINT64_C(1000000000000) : UINT64_C(1000000000);

    if (limit == 0)
        return;
    judge(v, name, false, unit, limit, ran > 0 ? (uint64_t)((u128)counted * a_second / (uint64_t)ran) : 0);
    struct results_criterion *c = &v->list[v->count - 1];
    if (ran == 0)
        (void)snprintf(c->text, sizeof c->text, "%s: not met: the last phase did not run", name);
}

static void judge_counts(struct results_verdict *v, const struct plan_criteria *c, const struct load_stats *s)
{
    uint64_t failed = 0;

    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        failed += s->connections.failed[i];
    judge(v, "max_failed_connections", true, UNIT_COUNT, c->max_failed_connections, failed);
    judge(v, "max_failed_transactions", true, UNIT_COUNT, c->max_failed_transactions,
          cause_counts_total(&s->transactions.failed));
    if (c->max_late != UINT64_MAX)
        judge(v, "max_late", true, UNIT_COUNT, c->max_late, s->schedule.late);
    if (c->max_dropped != UINT64_MAX)
        judge(v, "max_dropped", true, UNIT_COUNT, c->max_dropped, s->schedule.dropped);
    if (c->min_completed_transactions > 0)
        judge(v, "min_completed_transactions", false, UNIT_COUNT, c->min_completed_transactions,
              s->transactions.completed);
}

static void judge_rates(struct results_verdict *v, const struct results *r, const struct plan_load *load,
                        const struct load_stats *s)
{
    const struct plan_criteria *c = &load->pass;
    uint32_t phase = judged_phase(&load->schedule);
    int64_t ran = time_ran(r, &load->schedule.phases[phase]);

    judge_rate(v, "min_connections_per_second", UNIT_MILLI_PER_SECOND, c->min_connections_per_second,
               s->phases[phase].established, ran);
    judge_rate(v, "min_transactions_per_second", UNIT_MILLI_PER_SECOND, c->min_transactions_per_second,
               s->phases[phase].completed_transactions, ran);
    judge_rate(v, "min_bits_per_second", UNIT_BITS_PER_SECOND, c->min_bits_per_second, s->phases[phase].bits, ran);
}

static void judge_latency(struct results_verdict *v, const char *name, int64_t limit, const struct histogram *h,
                          uint32_t ppm)
{
    if (limit > 0)
        judge(v, name, true, UNIT_NS, (uint64_t)limit, histogram_quantile(h, ppm));
}

void results_judge_load(const struct results *r, uint32_t number, struct results_verdict *out)
{
    const struct plan_load *load = &r->plan->loads[number];
    const struct load_stats *s = &r->stats->loads[number];

    out->count = 0;
    out->met = true;
    if (load->n_clients == 0)
        return;
    judge_counts(out, &load->pass, s);
    judge_rates(out, r, load, s);
    judge_latency(out, "max_connect_p99", load->pass.max_connect_p99_ns, &s->connect, 990000);
    judge_latency(out, "max_first_byte_p99", load->pass.max_first_byte_p99_ns, &s->first_byte, 990000);
    judge_latency(out, "max_transaction_p50", load->pass.max_transaction_p50_ns, &s->transaction, 500000);
    judge_latency(out, "max_transaction_p99", load->pass.max_transaction_p99_ns, &s->transaction, 990000);
}

bool results_passed(const struct results *r)
{
    struct results_verdict verdict;

    for (uint32_t i = 0; i < r->plan->n_loads; i++) {
        results_judge_load(r, i, &verdict);
        if (!verdict.met)
            return false;
    }
    return true;
}
