/* SPDX-License-Identifier: MIT */
/*
 * The rules of a router's filters are exchanged while it runs: which counts are kept, what is refused, and that a
 * refusal and a lack of memory change nothing.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "engine/router.h"
#include "support/traffic_rig.h"

#define PLANS 4

static const char head[] = "ports:\n"
                           "  - {name: a, location: 'mem:wire'}\n"
                           "  - {name: b, location: 'mem:wire'}\n"
                           "router:\n"
                           "  addresses:\n"
                           "    - {port: a, address: 10.1.0.1/24}\n"
                           "    - {port: b, address: 10.2.0.1/24}\n";

/* A router, and the plans that it knew. */
struct routed {
    struct router_run run;
    struct config_tree *trees[PLANS];
    struct plan *plans[PLANS];
    unsigned n;
    struct allocator memory;
    unsigned allocs_left;
    char message[256];
};

static void *take(const struct allocator *self, size_t size, size_t align)
{
    struct routed *t = self->context;
    if (t->allocs_left == 0)
        return NULL;
    t->allocs_left--;
    return alloc_heap()->alloc(alloc_heap(), size, align);
}

static void give_back(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    alloc_heap()->free(alloc_heap(), memory, size);
}

static struct plan *compile_more(struct routed *t, const char *yaml)
{
    assert_true(t->n < PLANS);
    t->plans[t->n] = rig_compile(yaml, &t->trees[t->n]);
    return t->plans[t->n++];
}

static struct plan *with_filter(struct routed *t, const char *filter)
{
    char yaml[2048];
    snprintf(yaml, sizeof yaml, "%s%s", head, filter);
    return compile_more(t, yaml);
}

static void open_with(struct routed *t, const char *filter)
{
    *t = (struct routed){.allocs_left = UINT32_MAX};
    t->memory = (struct allocator){.alloc = take, .free = give_back, .context = t};
    assert_int_equal(router_open(&t->run, with_filter(t, filter), &t->memory, t->message), 0);
}

static void close_all(struct routed *t)
{
    router_close(&t->run);
    for (unsigned i = 0; i < t->n; i++) {
        plan_free(t->plans[i]);
        config_tree_free(t->trees[i]);
    }
}

/* The i-th rule has decided i + 1 packets, the defaults 100 and more. */
static void count_up(struct routed *t)
{
    struct router_filter *f = &t->run.filters[0];
    for (uint32_t i = 0; i < f->plan->n_rules; i++)
        ip_filter_rules_set_count(f->rules, i, (struct ip_filter_count){i + 1, 10 * (i + 1)});
    for (unsigned d = 0; d < IP_FILTER_DIRECTIONS; d++)
        ip_filter_rules_set_default_count(f->rules, (enum ip_filter_direction)d, (struct ip_filter_count){100 + d, 0});
}

static uint64_t counted(const struct routed *t, uint32_t rule)
{
    return ip_filter_rules_count(t->run.filters[0].rules, rule).packets;
}

static int reload(struct routed *t, const struct plan *p) { return router_filters_reload(&t->run, p, t->message); }

static const char three[] = "  filter:\n    policy: {forward: drop}\n    rules:\n"
                            "      - {name: one, verdict: accept, protocol: udp}\n"
                            "      - {name: two, verdict: accept, protocol: tcp}\n"
                            "      - {verdict: drop, protocol: icmp}\n";

static void rules_keep_their_counts_by_name(void **state)
{
    (void)state;
    struct routed t;
    open_with(&t, three);
    const struct ip_filter *before = t.run.filters[0].filter;
    count_up(&t);
    assert_int_equal(reload(&t, with_filter(&t, "  filter:\n    policy: {forward: accept}\n    rules:\n"
                                                "      - {name: new, verdict: drop, protocol: sctp}\n"
                                                "      - {name: two, verdict: reject, protocol: tcp}\n"
                                                "      - {verdict: drop, protocol: icmp}\n"
                                                "      - {name: one, verdict: accept, protocol: udp}\n"
                                                "      - {name: one, verdict: accept, protocol: icmp}\n")),
                     0);
    const uint64_t expected[] = {0, 2, 3, 1, 0};
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(counted(&t, i), expected[i]);
    for (unsigned d = 0; d < IP_FILTER_DIRECTIONS; d++)
        assert_int_equal(ip_filter_rules_default_count(t.run.filters[0].rules, (enum ip_filter_direction)d).packets,
                         100 + d);
    assert_ptr_equal(t.run.filters[0].filter, before); /* and so its connections */
    assert_string_equal(t.run.filters[0].plan->names[0], "new");
    close_all(&t);
}

static void a_filter_comes_and_goes(void **state)
{
    (void)state;
    struct routed t;
    open_with(&t, "");
    assert_null(t.run.filters[0].filter);
    assert_int_equal(reload(&t, with_filter(&t, three)), 0);
    assert_non_null(t.run.filters[0].filter);
    count_up(&t);
    assert_int_equal(reload(&t, t.plans[0]), 0);
    assert_non_null(t.run.filters[0].filter);
    assert_null(t.run.filters[0].rules);
    assert_null(t.run.filters[0].plan);
    assert_int_equal(reload(&t, t.plans[1]), 0);
    assert_int_equal(counted(&t, 0), 0);
    close_all(&t);
}

static void refused(struct routed *t, const struct plan *p, const char *message)
{
    const struct router_filter before = t->run.filters[0];
    assert_int_equal(reload(t, p), ERR_INVALID);
    assert_string_equal(t->message, message);
    assert_memory_equal(&t->run.filters[0], &before, sizeof before);
    assert_int_equal(counted(t, 1), 2);
}

static void another_router_is_refused(void **state)
{
    (void)state;
    struct routed t;
    open_with(&t, three);
    count_up(&t);
    refused(&t, with_filter(&t, "  filter: {connections: 99}\n"),
            "filter.connections of VRF 0: found 99, allowed: 65536 as long as the router runs");
    refused(&t,
            compile_more(&t, "ports:\n"
                             "  - {name: b, location: 'mem:wire'}\n"
                             "  - {name: a, location: 'mem:wire'}\n"
                             "router:\n"
                             "  addresses:\n"
                             "    - {port: a, address: 10.1.0.1/24}\n"),
            "ports: found other names or another order, allowed: those of the router that runs");
    refused(&t,
            compile_more(&t, "ports:\n"
                             "  - {name: a, location: 'mem:wire'}\n"
                             "  - {name: b, location: 'mem:wire'}\n"
                             "router:\n"
                             "  addresses:\n"
                             "    - {port: a, address: 10.1.0.1/24, vrf: 3}\n"),
            "router: found other VRFs or another order, allowed: those of the router that runs");
    close_all(&t);
}

static void without_memory_the_old_rules_stay(void **state)
{
    (void)state;
    struct routed t;
    open_with(&t, three);
    count_up(&t);
    const struct plan *fresh = with_filter(&t, "  filter:\n    rules:\n      - {name: two, verdict: drop}\n");
    const struct router_filter before = t.run.filters[0];
    unsigned failures = 0;
    for (;; failures++) {
        t.allocs_left = failures;
        int e = reload(&t, fresh);
        t.allocs_left = UINT32_MAX;
        if (e == 0)
            break;
        assert_int_equal(e, ERR_NO_MEMORY);
        assert_memory_equal(&t.run.filters[0], &before, sizeof before);
        assert_int_equal(counted(&t, 1), 2);
    }
    assert_int_equal(failures, 3);
    assert_int_equal(counted(&t, 0), 0); /* nor was there any to match names */
    assert_int_equal(reload(&t, t.plans[0]), 0);
    close_all(&t);
    open_with(&t, "");
    fresh = with_filter(&t, three);
    failures = 0;
    for (t.allocs_left = 0; reload(&t, fresh) == ERR_NO_MEMORY; t.allocs_left = ++failures)
        assert_null(t.run.filters[0].filter);
    t.allocs_left = UINT32_MAX;
    assert_non_null(t.run.filters[0].rules);
    close_all(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_keep_their_counts_by_name),
        cmocka_unit_test(a_filter_comes_and_goes),
        cmocka_unit_test(another_router_is_refused),
        cmocka_unit_test(without_memory_the_old_rules_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
