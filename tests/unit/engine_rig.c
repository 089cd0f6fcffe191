/* SPDX-License-Identifier: MIT */
/*
 * See engine_rig.h.
 */
#include "engine_rig.h"

#include "base/alloc_heap.h"
#include "engine/clock.h"
#include "support/cmocka_all.h"
#include "support/traffic_rig.h"

#define LOOK_NS (3 * NS_PER_MS)

void engine_rig_compile(struct engine_rig *r, const char *yaml)
{
    *r = (struct engine_rig){.looks = 0};
    r->plan = rig_compile(yaml, &r->tree);
}

void engine_rig_make(struct engine_rig *r)
{
    struct engine_options options;
    char message[256];
    engine_options_default(&options);
    if (engine_new(r->plan, &options, &r->engine, message) < 0)
        fail_msg("%s", message);
}

void engine_rig_open(struct engine_rig *r, const char *yaml)
{
    engine_rig_compile(r, yaml);
    engine_rig_make(r);
}

void engine_rig_deny(struct engine_rig *r, uint32_t port)
{
    struct guard_rules *rules = &r->plan->ports[port].guard;
    rules->n_allowed = 1;
    rules->allowed[0] = (struct guard_prefix){
        .bytes = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1}, .length = 128};
}

int engine_rig_refused(const char *yaml, char message[256])
{
    struct config_tree *tree;
    struct plan *plan = rig_compile(yaml, &tree);
    struct engine_options options;
    struct engine *engine;
    engine_options_default(&options);
    int error = engine_new(plan, &options, &engine, message);
    if (error == 0)
        engine_delete(engine);
    else
        assert_null(engine);
    plan_free(plan);
    config_tree_free(tree);
    return error;
}

void engine_rig_start(struct engine_rig *r) { assert_int_equal(engine_start(r->engine), 0); }

void engine_rig_look(struct engine_rig *r)
{
    engine_read_results(r->engine, &r->results);
    r->looks++;
    const struct traffic_stats *s = r->results.stats;
    assert_int_equal(s->n_loads, r->plan->n_loads);
    assert_int_equal(s->n_servers, r->plan->n_servers);
    for (uint32_t i = 0; i < s->n_loads; i++) {
        const char *wrong = load_stats_check(&s->loads[i]);
        if (wrong)
            fail_msg("load %s, look %llu: %s", r->plan->loads[i].name, (unsigned long long)r->looks, wrong);
    }
    for (uint32_t i = 0; i < s->n_servers; i++) {
        const char *wrong = server_stats_check(&s->servers[i]);
        if (wrong)
            fail_msg("server %s, look %llu: %s", r->plan->servers[i].name, (unsigned long long)r->looks, wrong);
    }
    assert_true(r->results.load_ns <= r->results.duration_ns);
}

enum engine_phase engine_rig_follow(struct engine_rig *r, enum engine_phase until, uint64_t looks)
{
    enum engine_phase phase = engine_step(r->engine);
    while (phase < until && looks-- > 0) {
        engine_rig_look(r);
        clock_sleep(LOOK_NS);
        phase = engine_step(r->engine);
    }
    return phase;
}

static void check_nothing_left(const struct traffic_stats *s)
{
    for (uint32_t i = 0; i < s->n_loads; i++) {
        assert_int_equal(s->loads[i].connections.connecting, 0);
        assert_int_equal(s->loads[i].connections.live, 0);
        assert_int_equal(s->loads[i].transactions.active, 0);
    }
    for (uint32_t i = 0; i < s->n_servers; i++) {
        assert_int_equal(s->servers[i].connections.connecting, 0);
        assert_int_equal(s->servers[i].connections.live, 0);
    }
}

void engine_rig_finish(struct engine_rig *r)
{
    (void)engine_rig_follow(r, ENGINE_DONE, UINT64_MAX);
    engine_rig_look(r);
    check_nothing_left(r->results.stats);
}

void engine_rig_run(struct engine_rig *r)
{
    engine_rig_start(r);
    engine_rig_finish(r);
}

void engine_rig_close(struct engine_rig *r)
{
    engine_delete(r->engine);
    plan_free(r->plan);
    config_tree_free(r->tree);
    *r = (struct engine_rig){.looks = 0};
}

const struct load_stats *engine_rig_load(const struct engine_rig *r, uint32_t load)
{
    return &r->results.stats->loads[load];
}

uint64_t engine_rig_failed(const struct load_stats *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < CONNECT_FAILURE_COUNT; i++)
        n += s->connections.failed[i];
    return n;
}
