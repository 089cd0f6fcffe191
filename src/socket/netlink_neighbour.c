/* SPDX-License-Identifier: MIT */
/*
 * Neighbours by netlink: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH. Those that are added are permanent; all others the stack finds by itself.
 */
#include "socket/netlink_private.h"

#include <linux/neighbour.h>

#define TICKS_PER_S 100 /* USER_HZ */

static uint16_t state_of(enum neighbour_state state)
{
    switch (state) {
    case NEIGHBOUR_INCOMPLETE:
        return NUD_INCOMPLETE;
    case NEIGHBOUR_FAILED:
        return NUD_FAILED;
    case NEIGHBOUR_STALE:
        return NUD_STALE;
    case NEIGHBOUR_PROBE:
        return NUD_PROBE;
    case NEIGHBOUR_DELAY:
        return NUD_DELAY;
    case NEIGHBOUR_REACHABLE:
        return NUD_REACHABLE;
    case NEIGHBOUR_PERMANENT:
        return NUD_PERMANENT;
    default:
        return NUD_NONE;
    }
}

bool netlink_write_neighbour(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                             const struct stack_neighbour *n, int64_t now)
{
    const struct ndmsg fixed = {.ndm_family = netlink_family(&n->address),
                                .ndm_ifindex = (int)stack_neighbour_link(stack, n),
                                .ndm_state = state_of(n->state),
                                .ndm_type = RTN_UNICAST};
    uint32_t age = (uint32_t)(max_i64(now - n->since, 0) / (NS_PER_S / TICKS_PER_S));
    const struct nda_cacheinfo times = {.ndm_confirmed = age, .ndm_used = age, .ndm_updated = age};
    netlink_begin(w, h, &fixed, sizeof fixed);
    netlink_put_ip(w, NDA_DST, &n->address);
    if (n->state >= NEIGHBOUR_STALE)
        netlink_put(w, NDA_LLADDR, n->mac, sizeof n->mac);
    netlink_put(w, NDA_CACHEINFO, &times, sizeof times);
    return netlink_end(w);
}

static bool dump_neighbours(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w)
{
    const struct netlink_head h = {.type = RTM_NEWNEIGH, .flags = d->flags, .sequence = d->sequence, .port = d->port};
    struct stack_neighbour n;
    for (uint32_t i; (i = stack_next_neighbour(l->stack, d->at, &n)) != 0; d->at = i)
        if (netlink_shows(d, &n.address) &&
            (d->ifindex == 0 || (int)stack_neighbour_link(l->stack, &n) == d->ifindex) &&
            !netlink_write_neighbour(w, &h, l->stack, &n, d->now))
            return false;
    return true;
}

static int filter_neighbours(struct netlink_request *r, struct netlink_dump *d)
{
    struct ndmsg fixed;
    struct netlink_attribute a[NDA_MAX + 1];
    uint32_t index = 0;
    int e = netlink_read(r, &fixed, sizeof fixed, a, NDA_MAX + 1);
    if (e == 0)
        e = netlink_get_u32(&a[NDA_IFINDEX], &index);
    d->ifindex = (int)index;
    d->flags |= index ? NLM_F_DUMP_FILTERED : 0;
    return e;
}

/* ---- one of them ---- */

struct neighbour_request {
    struct ndmsg fixed;
    struct ip_addr address;
    struct netlink_attribute mac;
    uint32_t local; /* a host that may ask for it */
};

static uint32_t host_of_family(const struct stack *stack, int index, uint8_t family)
{
    struct host_settings h;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (interface_of(stack, i) == index && stack_view_host(stack, i, &h) && netlink_family(&h.address) == family)
            return i;
    return 0;
}

static int read_neighbour(struct netlink_request *r, struct neighbour_request *out)
{
    struct netlink_attribute a[NDA_MAX + 1];
    struct interface_view v;
    int e = netlink_read(r, &out->fixed, sizeof out->fixed, a, NDA_MAX + 1);
    if (e < 0)
        return e;
    if (!netlink_is_family(out->fixed.ndm_family))
        return netlink_refuse(r, -EAFNOSUPPORT, "only IPv4 and IPv6 neighbours can be changed");
    if (!a[NDA_DST].bytes || netlink_get_ip(&a[NDA_DST], out->fixed.ndm_family, &out->address) < 0)
        return netlink_refuse(r, -EINVAL, "an address of 4 bytes, or of IPv6 16, is needed");
    if (!interface_view(r->layer->stack, out->fixed.ndm_ifindex, &v))
        return -ENODEV;
    out->mac = a[NDA_LLADDR];
    out->local = interface_host_near(r->layer->stack, out->fixed.ndm_ifindex, &out->address);
    if (!out->local)
        out->local = host_of_family(r->layer->stack, out->fixed.ndm_ifindex, out->fixed.ndm_family);
    return 0;
}

static uint32_t find(const struct socket_layer *l, const struct neighbour_request *x, struct stack_neighbour *n)
{
    for (uint32_t i = stack_next_neighbour(l->stack, 0, n); i; i = stack_next_neighbour(l->stack, i, n))
        if ((int)stack_neighbour_link(l->stack, n) == x->fixed.ndm_ifindex && ip_addr_equal(&n->address, &x->address))
            return i;
    return 0;
}

static int new_neighbour(struct netlink_request *r)
{
    struct neighbour_request x;
    struct stack_neighbour n;
    uint16_t flags = r->header.nlmsg_flags;
    int e = read_neighbour(r, &x);
    if (e < 0)
        return e;
    if (!(x.fixed.ndm_state & NUD_PERMANENT))
        return netlink_refuse(r, -EOPNOTSUPP, "neighbours that are added are permanent");
    if (x.mac.length != 6)
        return netlink_refuse(r, -EINVAL, "a link-layer address of 6 bytes is needed");
    bool there = find(r->layer, &x, &n) != 0;
    if (there && (flags & NLM_F_EXCL))
        return -EEXIST;
    if (!there && !(flags & NLM_F_CREATE))
        return -ENOENT;
    e = stack_add_neighbour(r->layer->stack, x.local, &x.address, x.mac.bytes);
    return e == ERR_INVALID ? netlink_refuse(r, -EINVAL, "no neighbour can have these addresses") : socket_errno(e);
}

static int delete_neighbour(struct netlink_request *r)
{
    struct neighbour_request x;
    struct stack_neighbour n;
    int e = read_neighbour(r, &x);
    if (e < 0)
        return e;
    return find(r->layer, &x, &n) ? socket_errno(stack_remove_neighbour(r->layer->stack, n.local, &x.address, r->now))
                                  : -ENOENT;
}

static int get_neighbour(struct netlink_request *r)
{
    struct neighbour_request x;
    struct stack_neighbour n;
    uint8_t bytes[256];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    int e = read_neighbour(r, &x);
    if (e < 0)
        return e;
    if (!find(r->layer, &x, &n))
        return -ENOENT;
    const struct netlink_head h = netlink_answer(r, RTM_NEWNEIGH);
    (void)netlink_write_neighbour(&w, &h, r->layer->stack, &n, r->now);
    return netlink_reply(r, &w);
}

const struct netlink_object netlink_neighbours = {.make = new_neighbour,
                                                  .remove = delete_neighbour,
                                                  .get = get_neighbour,
                                                  .filter = filter_neighbours,
                                                  .dump = dump_neighbours};
