/* SPDX-License-Identifier: MIT */
/*
 * Links as their administrator sees them (control.h): the interfaces, and each VLAN that hosts live in as a link on the
 * one below. Numbers: an interface's is one more than its own; each segment has two behind those of all interfaces, for
 * the VLAN of its outer tag, where no other segment stands for that, and for itself.
 */
#include "stack/control.h"
#include "stack/stack_internal.h"

static uint32_t number_of(uint32_t segment) { return STACK_MAX_INTERFACES + 2 * segment; }
static uint32_t outer_number_of(uint32_t segment) { return number_of(segment) - 1; }

/* A VTEP's networks are named by tags that are not on the wire. */
static bool is_vlan(const struct segment *g) { return g->vlan_count != 0 && g->vni == 0; }

static bool has_outer(const struct segment *g, const struct segment *of)
{
    return is_vlan(g) && g->interface == of->interface && memcmp(&g->vlan[0], &of->vlan[0], sizeof g->vlan[0]) == 0;
}

/* The link of the outer tag of one with two: the segment with that one alone, else it stands at the first that has it. */
static uint32_t outer_link(const struct stack *s, const struct segment *of)
{
    uint32_t alone = host_find_segment(&s->hosts, of->interface, of->vlan, 1);
    if (alone && is_vlan(host_segment(&s->hosts, alone)))
        return number_of(alone);
    uint32_t i = 1;
    while (!has_outer(host_segment(&s->hosts, i), of))
        i++;
    return outer_number_of(i);
}

uint32_t stack_link_number(const struct stack *s, uint32_t local)
{
    const struct host *h = host_at(&s->hosts, local);
    if (!h)
        return 0;
    return is_vlan(host_segment(&s->hosts, h->segment)) ? number_of(h->segment) : h->interface + 1u;
}

uint32_t stack_neighbour_link(const struct stack *s, const struct stack_neighbour *n)
{
    return n->segment && is_vlan(host_segment(&s->hosts, n->segment)) ? number_of(n->segment) : n->interface + 1u;
}

/* Of the bytes of the MTU, what the tags of a segment's hosts take. */
static uint32_t tags_in_mtu(const struct stack *s, const struct segment *g)
{
    const struct host *h = host_at(&s->hosts, g->first[0]);
    if (!h)
        h = host_at(&s->hosts, g->first[1]);
    return h ? (uint32_t)h->overhead - h->label_bytes : 0;
}

static bool view_vlan(const struct stack *s, const struct segment *g, unsigned tags, uint32_t below,
                      struct stack_link *out)
{
    *out = (struct stack_link){.interface = g->interface, .below = below, .vlan_count = tags};
    for (unsigned i = 0; i < tags; i++)
        out->vlan[i] = (struct host_vlan){.tpid = g->vlan[i].tpid, .tci = g->vlan[i].tci};
    out->overhead = tags == g->vlan_count ? tags_in_mtu(s, g) : 0;
    return true;
}

bool stack_view_link(const struct stack *s, uint32_t link, struct stack_link *out)
{
    if (link == 0)
        return false;
    if (link <= STACK_MAX_INTERFACES) {
        *out = (struct stack_link){.interface = link - 1};
        return link <= s->n_interfaces;
    }
    uint32_t segment = (link - STACK_MAX_INTERFACES + 1) / 2;
    const struct segment *g = segment <= s->hosts.segments.touched ? host_segment(&s->hosts, segment) : NULL;
    if (!g || !is_vlan(g))
        return false;
    bool itself = link == number_of(segment);
    if (g->vlan_count == 1)
        return itself && view_vlan(s, g, 1, g->interface + 1u, out);
    uint32_t outer = outer_link(s, g);
    if (itself)
        return view_vlan(s, g, 2, outer, out);
    return link == outer && view_vlan(s, g, 1, g->interface + 1u, out);
}

uint32_t stack_next_link(const struct stack *s, uint32_t after, struct stack_link *out)
{
    uint32_t last = number_of(s->hosts.segments.touched);
    for (uint32_t i = after; i < last;)
        if (stack_view_link(s, ++i, out))
            return i;
    return 0;
}

void link_tell_added(struct stack *s, uint32_t segment)
{
    const struct segment *g = host_segment(&s->hosts, segment);
    if (!s->changed || !is_vlan(g))
        return;
    if (g->vlan_count == 2 && outer_link(s, g) == outer_number_of(segment))
        stack_tell(s, STACK_LINK_ADDED, outer_number_of(segment));
    stack_tell(s, STACK_LINK_ADDED, number_of(segment));
}
