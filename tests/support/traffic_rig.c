/* SPDX-License-Identifier: MIT */
/*
 * See traffic_rig.h. The turn is that of a worker; between turns the clock jumps to the next deadline, in steps of
 * at least 2 microseconds.
 */
#include "support/traffic_rig.h"

#include <stdlib.h>
#include <string.h>

#include "link/memory.h"
#include "support/cmocka_all.h"
#include "torture/torture.h"

#define STEP_NS (2 * NS_PER_US)
#define BUDGET 256u

static void *rig_alloc(const struct allocator *self UNUSED, size_t size, size_t align)
{
    void *memory = NULL;
    if (torture_fails("alloc"))
        return NULL;
    if (align <= 16)
        return calloc(1, size);
    if (posix_memalign(&memory, align, size) != 0)
        return NULL;
    memset(memory, 0, size);
    return memory;
}
static void rig_free(const struct allocator *self UNUSED, void *memory, size_t size UNUSED) { free(memory); }
const struct allocator rig_allocator = {.alloc = rig_alloc, .free = rig_free};

struct plan *rig_compile(const char *yaml, struct config_tree **tree)
{
    struct config_error error;
    struct config_errors *errors = calloc(1, sizeof *errors);
    struct plan *plan;

    assert_non_null(errors);
    if (config_tree_parse("test.yaml", yaml, strlen(yaml), tree, &error) != 0)
        fail_msg("%s", error.text);
    if (plan_compile(*tree, NULL, &rig_allocator, &plan, errors) != 0)
        fail_msg("%s", errors->list[0].text);
    free(errors);
    return plan;
}

static void open_side(struct rig *r, unsigned side, bool bare)
{
    struct stack_settings settings;

    plan_stack_settings(r->plan, side, &settings);
    settings.secret = settings.tcp.secret = (struct hash_key){side + 1, 77};
    assert_int_equal(stack_new(&settings, &rig_allocator, r->now, &r->stacks[side]), 0);
    assert_int_equal(guard_init(&r->guards[side], &r->plan->ports[side].guard, NULL, r->now), 0);
    int interface = stack_add_interface(r->stacks[side], r->links[side], &r->guards[side]);
    assert_true(interface >= 0);
    assert_int_equal(traffic_setup_hosts(r->plan, side, (unsigned)interface, r->stacks[side]), 0);
    if (!bare)
        assert_int_equal(traffic_new(r->plan, side, r->stacks[side], &rig_allocator, r->now, &r->traffics[side]), 0);
}

/* The ports' impairments, as an engine puts them over the links. */
static void impair_links(struct rig *r)
{
    for (unsigned side = 0; side < RIG_SIDES; side++) {
        struct link *lower = r->links[side];
        if (r->plan->ports[side].impaired)
            assert_int_equal(impair_link_new(&r->plan->ports[side].impair, lower, &rig_allocator, &r->links[side]), 0);
    }
}

void rig_open(struct rig *r, const char *yaml, unsigned bare_side)
{
    struct memory_settings memory;

    *r = (struct rig){.start = NS_PER_S, .now = NS_PER_S, .check_each_turn = true};
    r->plan = rig_compile(yaml, &r->tree);
    assert_int_equal(r->plan->n_ports, RIG_SIDES);
    memory_settings_default(&memory);
    memory.frames = r->plan->ports[0].frames;
    memory.mtu = r->plan->ports[0].mtu;
    assert_int_equal(memory_link_new(&memory, &rig_allocator, "wire", r->links), 0);
    impair_links(r);
    for (unsigned side = 0; side < RIG_SIDES; side++)
        open_side(r, side, side == bare_side);
}

static int64_t next_deadline(const struct rig *r)
{
    int64_t at = TIME_NEVER;

    for (unsigned side = 0; side < RIG_SIDES; side++) {
        at = min_i64(at, stack_next_deadline(r->stacks[side]));
        at = min_i64(at, link_next_deadline(r->links[side]));
        if (r->traffics[side])
            at = min_i64(at, traffic_next_deadline(r->traffics[side]));
        if (stack_output_pending(r->stacks[side]))
            at = r->now;
    }
    return at;
}

void rig_turn(struct rig *r, int64_t until)
{
    unsigned frames = 0;

    for (unsigned side = 0; side < RIG_SIDES; side++) {
        frames += stack_receive(r->stacks[side], r->now);
        if (r->traffics[side])
            (void)traffic_run(r->traffics[side], r->now, BUDGET);
        frames += stack_transmit(r->stacks[side], r->now);
        if (r->check_each_turn && r->traffics[side]) {
            const char *wrong = traffic_check(r->traffics[side]);
            if (wrong)
                fail_msg("side %u, turn %llu: broken: %s", side, (unsigned long long)r->turns, wrong);
        }
    }
    r->turns++;
    int64_t next = frames > 0 ? r->now + STEP_NS : max_i64(r->now + STEP_NS, next_deadline(r));
    r->now = min_i64(next, until);
}

void rig_run_until(struct rig *r, int64_t until)
{
    while (r->now < until)
        rig_turn(r, until);
}

bool rig_drain(struct rig *r)
{
    int64_t until = r->now + r->plan->drain_ns;

    for (unsigned side = 0; side < RIG_SIDES; side++)
        if (r->traffics[side])
            traffic_drain(r->traffics[side], r->now);
    for (;;) {
        bool finished = true;
        for (unsigned side = 0; side < RIG_SIDES; side++)
            finished &= !r->traffics[side] || traffic_finished(r->traffics[side]);
        if (finished || r->now >= until)
            return finished;
        rig_turn(r, until);
    }
}

void rig_start(struct rig *r)
{
    r->start = r->now;
    for (unsigned side = 0; side < RIG_SIDES; side++)
        if (r->traffics[side])
            traffic_start(r->traffics[side], r->now);
}

void rig_run_plan(struct rig *r)
{
    rig_start(r);
    rig_run_until(r, r->start + r->plan->duration_ns);
    if (rig_drain(r))
        return;
    for (unsigned side = 0; side < RIG_SIDES; side++)
        if (r->traffics[side])
            traffic_stop(r->traffics[side], r->now);
    rig_turn(r, r->now + STEP_NS);
}

struct traffic_stats *rig_stats(const struct rig *r)
{
    struct traffic_stats *stats;

    assert_int_equal(traffic_stats_new(r->plan, &rig_allocator, &stats), 0);
    for (unsigned side = 0; side < RIG_SIDES; side++)
        if (r->traffics[side])
            traffic_read_stats(r->traffics[side], stats);
    return stats;
}

static void check_empty(const struct rig *r, unsigned side)
{
    struct traffic_occupancy o;
    struct tcp_occupancy tcp;

    traffic_get_occupancy(r->traffics[side], &o);
    assert_int_equal(o.client_connections, 0);
    assert_int_equal(o.server_connections, 0);
    assert_int_equal(o.activities, 0);
    assert_int_equal(o.spans, 0);
    assert_int_equal(o.chunks, 0);
    tcp_get_occupancy(stack_tcp(r->stacks[side]), &tcp);
    assert_int_equal(tcp.connections, 0);
    assert_int_equal(tcp.active, 0);
    assert_int_equal(tcp.time_wait, 0);
    assert_int_equal(tcp.sent_records, 0);
    assert_int_equal(tcp.out_of_order_frames, 0);
}

void rig_close(struct rig *r)
{
    bool whole = r->traffics[0] && r->traffics[1];

    r->check_each_turn = false;
    rig_run_until(r, r->now + 700 * NS_PER_S);
    rig_turn(r, TIME_NEVER);
    for (unsigned side = 0; whole && side < RIG_SIDES; side++)
        check_empty(r, side);
    for (unsigned side = 0; side < RIG_SIDES; side++)
        traffic_delete(r->traffics[side]);
    for (unsigned side = 0; side < RIG_SIDES; side++)
        stack_delete(r->stacks[side]);
    for (unsigned side = 0; side < RIG_SIDES; side++)
        link_close(r->links[side]);
    plan_free(r->plan);
    config_tree_free(r->tree);
}
