/* SPDX-License-Identifier: MIT */
/*
 * Filters of a router, and how they are exchanged: see router_filter.h.
 */
#include "engine/router_filter.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/router.h"
#include "engine/secret.h"

static int new_rules(const struct plan_filter *f, const struct allocator *a, struct ip_filter_rules **out)
{
    return ip_filter_rules_new(f->rules, f->n_rules, &f->policy, a, out, NULL);
}

/* A filter that lets everything pass, for rules to come. */
static int new_filter(const struct plan_filter *f, const struct allocator *a, struct ip_filter **out)
{
    struct ip_filter_settings t;
    struct stack_settings secrets;
    ip_filter_settings_default(&t);
    t.connections = f->connections;
    int e = secret_fill(&secrets);
    t.key = secrets.secret;
    return e < 0 ? e : ip_filter_new(&t, a, out);
}

static int start_filter(struct router_run *r, const struct plan_vrf *vrf, struct router_filter *to)
{
    int e = new_filter(vrf->filter, r->allocator, &to->filter);
    if (e < 0 || (e = new_rules(vrf->filter, r->allocator, &to->rules)) < 0)
        return e;
    to->plan = vrf->filter;
    to->connections = vrf->filter->connections;
    (void)ip_filter_swap(to->filter, to->rules);
    return stack_set_filter(r->stack, vrf->number, to->filter);
}

int router_filters_start(struct router_run *r)
{
    const struct plan_router *from = r->plan->router;
    int e = 0;
    for (uint32_t i = 0; i < from->n_vrfs && e == 0; i++)
        if (from->vrfs[i].filter)
            e = start_filter(r, &from->vrfs[i], &r->filters[i]);
    return e;
}

static void delete_rules(struct ip_filter_rules *rules)
{
    if (rules)
        ip_filter_rules_delete(rules);
}

void router_filters_stop(struct router_run *r)
{
    for (uint32_t i = 0; i < PLAN_MAX_VRFS; i++) {
        ip_filter_delete(r->filters[i].filter);
        delete_rules(r->filters[i].rules);
        r->filters[i] = (struct router_filter){.filter = NULL};
    }
}

/* ---- may they be exchanged? ---- */

static bool same_ports(const struct plan *old, const struct plan *fresh)
{
    bool same = old->n_ports == fresh->n_ports;
    for (uint32_t i = 0; same && i < old->n_ports; i++)
        same = strcmp(old->ports[i].name, fresh->ports[i].name) == 0;
    return same;
}

static bool same_vrfs(const struct plan_router *old, const struct plan_router *fresh)
{
    bool same = old->n_vrfs == fresh->n_vrfs;
    for (uint32_t i = 0; same && i < old->n_vrfs; i++)
        same = old->vrfs[i].number == fresh->vrfs[i].number;
    return same;
}

/* The table was made for what the filter had when it began. */
static bool same_table(const struct router_filter *old, const struct plan_filter *fresh)
{
    return !old->filter || !fresh || old->connections == fresh->connections;
}

static int check(const struct router_run *r, const struct plan *fresh, char message[256])
{
    const struct plan_router *to = fresh->router;
    if (!to) {
        snprintf(message, 256, "found no router, required: the one that runs");
        return ERR_INVALID;
    }
    if (!same_ports(r->plan, fresh)) {
        snprintf(message, 256, "ports: found other names or another order, allowed: those of the router that runs");
        return ERR_INVALID;
    }
    if (!same_vrfs(r->plan->router, to)) {
        snprintf(message, 256, "router: found other VRFs or another order, allowed: those of the router that runs");
        return ERR_INVALID;
    }
    for (uint32_t i = 0; i < to->n_vrfs; i++)
        if (!same_table(&r->filters[i], to->vrfs[i].filter)) {
            snprintf(message, 256,
                     "filter.connections of VRF %" PRIu32 ": found %" PRIu32 ", allowed: %" PRIu32
                     " as long as the router runs",
                     to->vrfs[i].number, to->vrfs[i].filter->connections, r->filters[i].connections);
            return ERR_INVALID;
        }
    return 0;
}

/* ---- exchanging them ---- */

struct named_rule {
    const char *name;
    uint32_t index;
};

static int compare_names(const void *a, const void *b)
{
    const struct named_rule *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static struct named_rule *sorted_names(const struct plan_filter *f, const struct allocator *a)
{
    struct named_rule *names = alloc_array(a, f->n_rules + 1, sizeof *names, alignof(struct named_rule));
    for (uint32_t i = 0; names && i < f->n_rules; i++)
        names[i] = (struct named_rule){.name = f->names[i], .index = i};
    if (names)
        qsort(names, f->n_rules, sizeof *names, compare_names);
    return names;
}

static void free_names(struct named_rule *names, const struct plan_filter *f, const struct allocator *a)
{
    if (names)
        alloc_free(a, names, (f->n_rules + 1) * sizeof *names);
}

/* Both are sorted. Of several with one name the first takes over from the first. */
static void keep_rule_counts(const struct router_filter *old, const struct router_filter *fresh,
                             const struct named_rule *from, const struct named_rule *to)
{
    for (uint32_t i = 0, k = 0; i < old->plan->n_rules && k < fresh->plan->n_rules;) {
        int order = strcmp(from[i].name, to[k].name);
        if (order == 0)
            ip_filter_rules_set_count(fresh->rules, to[k].index, ip_filter_rules_count(old->rules, from[i].index));
        i += order <= 0;
        k += order >= 0;
    }
}

/* At the exchange, since rules count until then. Without memory for it they begin at 0. */
static void keep_counts(const struct router_filter *old, const struct router_filter *fresh, const struct allocator *a)
{
    if (!old->rules || !fresh->rules)
        return;
    struct named_rule *from = sorted_names(old->plan, a), *to = sorted_names(fresh->plan, a);
    if (from && to)
        keep_rule_counts(old, fresh, from, to);
    free_names(from, old->plan, a);
    free_names(to, fresh->plan, a);
    for (unsigned d = 0; d < IP_FILTER_DIRECTIONS; d++)
        ip_filter_rules_set_default_count(fresh->rules, (enum ip_filter_direction)d,
                                          ip_filter_rules_default_count(old->rules, (enum ip_filter_direction)d));
}

/* What is new of a VRF's: its rules, and where there was none a filter. */
static int prepare(const struct router_run *r, const struct plan_filter *f, const struct router_filter *old,
                   struct router_filter *fresh)
{
    *fresh = (struct router_filter){.filter = old->filter, .plan = f, .connections = old->connections};
    if (f && !old->filter)
        fresh->connections = f->connections;
    int e = f && !old->filter ? new_filter(f, r->allocator, &fresh->filter) : 0;
    return e < 0 || !f ? e : new_rules(f, r->allocator, &fresh->rules);
}

static void discard(const struct router_run *r, struct router_filter *fresh, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        delete_rules(fresh[i].rules);
        if (fresh[i].filter != r->filters[i].filter)
            ip_filter_delete(fresh[i].filter);
    }
}

static void exchange(struct router_run *r, uint32_t i, const struct router_filter *fresh)
{
    struct router_filter *f = &r->filters[i];
    bool is_new = fresh->filter != f->filter;
    keep_counts(f, fresh, r->allocator);
    if (fresh->filter)
        delete_rules(ip_filter_swap(fresh->filter, fresh->rules));
    *f = *fresh;
    if (!is_new)
        return;
    int e = stack_set_filter(r->stack, r->plan->router->vrfs[i].number, f->filter);
    assert(e == 0); /* the VRF is there */
    (void)e;
}

int router_filters_reload(struct router_run *r, const struct plan *fresh, char message[256])
{
    struct router_filter filters[PLAN_MAX_VRFS];
    int e = check(r, fresh, message);
    if (e < 0)
        return e;
    for (uint32_t i = 0; i < fresh->router->n_vrfs; i++) {
        e = prepare(r, fresh->router->vrfs[i].filter, &r->filters[i], &filters[i]);
        if (e < 0) {
            snprintf(message, 256, "%s", err_text(e));
            discard(r, filters, i + 1);
            return e;
        }
    }
    for (uint32_t i = 0; i < fresh->router->n_vrfs; i++)
        exchange(r, i, &filters[i]);
    return 0;
}
