/* SPDX-License-Identifier: MIT */
/*
 * The filters of a router: one a VRF that has one. Rules are exchanged between two turns, all VRFs' or none; tables of
 * connections stay. Rules keep their counts by their names, policies by their directions.
 */
#ifndef WEIR_ENGINE_ROUTER_FILTER_H
#define WEIR_ENGINE_ROUTER_FILTER_H

#include "stack/filter.h"
#include "traffic/plan.h"

struct router_run;
struct router_filter {
    struct ip_filter *filter; /* NULL: none */
    struct ip_filter_rules *rules;
    const struct plan_filter *plan; /* what `rules` are made of; NULL: there are none */
    uint32_t connections;           /* how large the filter's table is */
};

MUST_CHECK int router_filters_start(struct router_run *r);
/*
 * The rules of another plan of the same router, which is borrowed from now on in place of the one before: as far as
 * filters go. ERR_INVALID, with a message, when ports, VRFs, or the size of a table are others; nothing has changed
 * then, nor after ERR_NO_MEMORY. A VRF whose filter is gone lets everything pass.
 */
MUST_CHECK int router_filters_reload(struct router_run *r, const struct plan *fresh, char message[256]);
void router_filters_stop(struct router_run *r);

#endif
