/* SPDX-License-Identifier: MIT */
/*
 * Carrying out schedules. Two cursors walk a rate's launches: `arrivals` counts what is due, `launches` what is
 * sent; between them waits the backlog, whose bound drops the oldest. Levels and bits are compared with what is
 * open and what has moved.
 */
#include "traffic/traffic_private.h"

/* How often levels and bits are looked at while nothing else happens. */
#define LOOK_NS NS_PER_MS

/* This share's part of a whole number. */
static uint64_t part_of(const struct load_run *run, uint64_t whole)
{
    return (whole + run->shares - 1 - run->share) / run->shares;
}

void launch_init(struct load_run *run)
{
    const struct plan_load *load = run->load;

    pause_init(&run->pause, load->retry_pause_ns);
    run->max_transactions = load->max_transactions == UINT64_MAX ? UINT64_MAX : part_of(run, load->max_transactions);
    if (load->schedule.target == SCHEDULE_CONNECTIONS || load->schedule.target == SCHEDULE_TRANSACTIONS) {
        schedule_cursor_init(&run->arrivals, &load->schedule, run->share, run->shares);
        run->launches = run->arrivals;
    }
}

static void enter_phases(struct load_run *run, int64_t at)
{
    const struct schedule *s = &run->load->schedule;

    while (run->phase < s->n_phases && at >= s->phases[run->phase].start_ns + s->phases[run->phase].duration_ns) {
        run->stats->phases[run->phase].bits += 8 * (run_bytes(run) - run->phase_bytes);
        run->phase_bytes = run_bytes(run);
        run->phase++;
    }
}

/* ---- rates of connections and transactions ---- */

static void take_arrivals(struct load_run *run, int64_t at)
{
    while (run->arrivals.due <= at) {
        run->stats->schedule.requested++;
        run->waiting++;
        schedule_cursor_next(&run->arrivals);
    }
}

static void drop_oldest(struct load_run *run, uint64_t keep)
{
    while (run->waiting > keep) {
        run->stats->schedule.dropped++;
        run->waiting--;
        schedule_cursor_next(&run->launches);
    }
}

/* Not all transactions of the load are begun, or will be by connections on their way. */
static bool may_begin(const struct load_run *run)
{
    bool counted = run->load->schedule.target == SCHEDULE_TRANSACTIONS || run->load->schedule.target == SCHEDULE_BITS;

    return run->stats->transactions.started + (counted ? 0 : run->stats->connections.connecting) <
           run->max_transactions;
}

static bool can_connect(const struct load_run *run) { return run->open < run->limit && may_begin(run); }

static bool can_launch(const struct load_run *run)
{
    if (launch_is_spent(run))
        return false;
    return can_connect(run) || (run->load->schedule.target == SCHEDULE_TRANSACTIONS && run->list_head != POOL_NONE);
}

/* One launch that was due at `due_at`. False when it cannot be carried out now. */
static bool launch_one(struct traffic *t, struct load_run *run, int64_t due_at, int64_t now)
{
    bool for_transaction = run->load->schedule.target != SCHEDULE_CONNECTIONS;

    if (launch_is_spent(run))
        return false;
    while (for_transaction && run->list_head != POOL_NONE)
        if (client_launch(t, run, due_at, now))
            return true;
    if (!can_connect(run))
        return false;
    client_connect(t, run, due_at, for_transaction, now);
    return true;
}

static unsigned run_rate(struct traffic *t, struct load_run *run, int64_t now, unsigned budget)
{
    unsigned n = 0;

    take_arrivals(run, now - t->start_at);
    while (n < budget && run->waiting > 0) {
        int64_t due_at = t->start_at + run->launches.due;
        if (!launch_one(t, run, run->load->closed_loop ? now : due_at, now))
            break;
        run->stats->schedule.sent++;
        run->stats->phases[run->launches.phase].sent++;
        run->stats->schedule.late += now - due_at > run->load->late_after_ns;
        run->waiting--;
        schedule_cursor_next(&run->launches);
        n++;
    }
    if (!run->load->closed_loop || !can_launch(run))
        drop_oldest(run, run->load->backlog);
    return n;
}

/* ---- a level of connections ---- */

static uint32_t in_use(const struct load_run *run) { return run->open - run->closing; }

bool launch_has_surplus(const struct load_run *run)
{
    return run->load->schedule.target == SCHEDULE_CONCURRENT && in_use(run) > run->level;
}

/* So many may wait for one neighbour or another before the first of them has left; then they would go all at once. */
#define SILENT_CONNECTING 256u

/* More connections are wanted, and can be opened. */
static bool level_wants(const struct traffic *t, const struct load_run *run)
{
    if (t->silent && run->stats->connections.connecting >= SILENT_CONNECTING)
        return false;
    return in_use(run) + run->pause.count < run->level && can_connect(run);
}

static unsigned run_level(struct traffic *t, struct load_run *run, int64_t now, unsigned budget)
{
    unsigned n = 0;

    pause_advance(&run->pause, now);
    run->level = part_of(run, schedule_level(&run->load->schedule, now - t->start_at));
    while (n < budget && level_wants(t, run)) {
        run->stats->schedule.requested++;
        run->stats->schedule.sent++;
        run->stats->phases[run->phase].sent++;
        client_connect(t, run, now, false, now);
        n++;
    }
    budget = min_u32(budget, CLOSE_BUDGET);
    while (n < budget && launch_has_surplus(run) && client_close_listed(t, run, now))
        n++;
    return n;
}

/* ---- bits ---- */

/* What the transactions that ended have moved, and those that have not will. */
static uint64_t planned_bits(const struct load_run *run)
{
    uint64_t mean = run->ended ? run->ended_bytes / run->ended : run->load->expected_bytes;

    return 8 * (run->ended_bytes + run->stats->transactions.active * max_u64(1, mean));
}

static uint64_t due_bits(const struct traffic *t, const struct load_run *run, int64_t now)
{
    return part_of(run, schedule_due_until(&run->load->schedule, now - t->start_at));
}

static unsigned run_bits(struct traffic *t, struct load_run *run, int64_t now, unsigned budget)
{
    unsigned n = 0;

    run->stats->schedule.requested = due_bits(t, run, now);
    while (n < budget && planned_bits(run) < run->stats->schedule.requested && launch_one(t, run, now, now)) {
        run->stats->phases[run->phase].sent++;
        n++;
    }
    run->stats->schedule.sent = min_u64(8 * run_bytes(run), run->stats->schedule.requested);
    return n;
}

/* ---- all ---- */

/* The load has begun all its transactions: what is due beyond them was never asked for. */
static void end_load(struct load_run *run)
{
    run->draining = true;
    run->level = 0;
    run->stats->schedule.requested -= run->waiting;
    run->waiting = 0;
    if (run->load->schedule.target == SCHEDULE_BITS)
        run->stats->schedule.requested = run->stats->schedule.sent;
}

unsigned launch_run(struct traffic *t, struct load_run *run, int64_t now, unsigned budget)
{
    enter_phases(run, now - t->start_at);
    if (launch_is_spent(run)) {
        end_load(run);
        return 0;
    }
    switch (run->load->schedule.target) {
    case SCHEDULE_CONCURRENT:
        return run_level(t, run, now, budget);
    case SCHEDULE_BITS:
        return run_bits(t, run, now, budget);
    default:
        return run_rate(t, run, now, budget);
    }
}

/* When the schedule moves by itself: levels and bits change all the time in a ramp, else at the end of the phase. */
static int64_t next_look(const struct traffic *t, const struct load_run *run)
{
    const struct schedule *s = &run->load->schedule;

    if (run->phase == s->n_phases)
        return TIME_NEVER;
    const struct schedule_phase *p = &s->phases[run->phase];
    if (s->target == SCHEDULE_BITS || p->from != p->to)
        return t->now + LOOK_NS;
    return t->start_at + p->start_ns + p->duration_ns;
}

static int64_t next_level_deadline(const struct traffic *t, const struct load_run *run)
{
    bool surplus = launch_has_surplus(run) && run->list_head != POOL_NONE;

    return surplus || level_wants(t, run) ? t->now : min_i64(next_look(t, run), pause_next(&run->pause));
}

int64_t launch_next_deadline(const struct traffic *t, const struct load_run *run)
{
    if (run->draining)
        return run->list_head != POOL_NONE ? t->now : TIME_NEVER;
    if (launch_is_spent(run))
        return t->now;
    switch (run->load->schedule.target) {
    case SCHEDULE_CONCURRENT:
        return next_level_deadline(t, run);
    case SCHEDULE_BITS:
        return next_look(t, run);
    default:
        if (run->waiting > 0 && can_launch(run))
            return t->now;
        return run->arrivals.due == TIME_NEVER ? TIME_NEVER : t->start_at + run->arrivals.due;
    }
}

void launch_stop(struct traffic *t, struct load_run *run, int64_t now)
{
    bool ended = run->draining;

    run->draining = true;
    run->level = 0;
    if (ended || !t->started || now < t->start_at)
        return;
    enter_phases(run, now - t->start_at);
    switch (run->load->schedule.target) {
    case SCHEDULE_CONCURRENT:
        break;
    case SCHEDULE_BITS:
        run->stats->schedule.requested = due_bits(t, run, now);
        run->stats->schedule.sent = min_u64(8 * run_bytes(run), run->stats->schedule.requested);
        break;
    default:
        take_arrivals(run, now - t->start_at - 1); /* due before the drain */
        drop_oldest(run, 0);
        break;
    }
}
