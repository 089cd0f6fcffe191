/* SPDX-License-Identifier: MIT */
/*
 * Routes by netlink: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE. The stack's routes belong to a host (an address) each, which RTA_PREFSRC names; one that is added
 * without it is added for all addresses on whose subnet its gateway is. Subnets and own addresses are shown as routes of the protocol "kernel", a host's
 * gateway as its default route.
 */
#include "socket/netlink_private.h"

#include "stack/ra.h"

#include <linux/lwtunnel.h>
#include <linux/mpls_iptunnel.h>

#define HOST_ROUTES 4u

/* ---- showing ---- */

/* RFC 4191 2.1. */
static uint8_t wire_preference(uint8_t preference)
{
    static const uint8_t of[] = {[RA_PREFERENCE_LOW] = 3, [RA_PREFERENCE_MEDIUM] = 0, [RA_PREFERENCE_HIGH] = 1};
    return of[preference];
}

static void put_heard(struct netlink_writer *w, const struct netlink_route *r)
{
    const struct rta_cacheinfo times = {.rta_expires = r->expires_ticks};
    netlink_put(w, RTA_CACHEINFO, &times, sizeof times);
    netlink_put_u8(w, RTA_PREF, wire_preference(r->preference));
}

/* What a host's unicast datagrams leave below. */
static void put_labels(struct netlink_writer *w, const struct host_settings *h)
{
    const uint16_t type = LWTUNNEL_ENCAP_MPLS;
    uint8_t stack[ARRAY_SIZE(h->mpls) * 4];
    for (unsigned i = 0; i < h->mpls_count; i++)
        store_be32(stack + 4 * i, h->mpls[i].label << 12 | (uint32_t)(i + 1 == h->mpls_count) << 8);
    uint32_t encapsulation = netlink_nest(w, RTA_ENCAP);
    netlink_put(w, MPLS_IPTUNNEL_DST, stack, 4u * h->mpls_count);
    netlink_unnest(w, encapsulation);
    netlink_put(w, RTA_ENCAP_TYPE, &type, sizeof type);
}

bool netlink_write_route(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                         const struct netlink_route *r)
{
    struct host_settings host;
    struct interface_view v;
    if (!stack_view_host(stack, r->local, &host) || !interface_view(stack, interface_of(stack, r->local), &v))
        return true;
    const struct rtmsg fixed = {.rtm_family = netlink_family(&host.address),
                                .rtm_dst_len = r->length,
                                .rtm_table = r->table,
                                .rtm_protocol = r->protocol,
                                .rtm_scope = r->scope,
                                .rtm_type = r->type,
                                .rtm_flags = (r->cloned ? RTM_F_CLONED : 0u) |
                                             (v.flags & IFF_UP ? 0u : RTNH_F_DEAD | RTNH_F_LINKDOWN)};
    netlink_begin(w, h, &fixed, sizeof fixed);
    netlink_put_u32(w, RTA_TABLE, r->table);
    if (r->length)
        netlink_put_ip(w, RTA_DST, &r->destination);
    if (!ip_addr_is_unspecified(&r->gateway))
        netlink_put_ip(w, RTA_GATEWAY, &r->gateway);
    if (!r->heard)
        netlink_put_ip(w, RTA_PREFSRC, &host.address);
    netlink_put_u32(w, RTA_OIF, (uint32_t)v.index);
    if (r->heard)
        put_heard(w, r);
    if (host.mpls_count && r->type == RTN_UNICAST)
        put_labels(w, &host);
    return netlink_end(w);
}

static struct ip_addr masked(const struct ip_addr *ip, unsigned length)
{
    return ip_addr_first_bits(ip, ip_addr_is_v4(ip) ? length + 96 : length);
}

/* The broadcast address is IPv4's alone, and scopes are. */
static void put_broadcast(const struct host_settings *h, struct netlink_route *r)
{
    r->scope = RT_SCOPE_LINK;
    r->type = RTN_BROADCAST;
    r->destination = ip_addr_from_v4(ip_addr_to_v4(&h->address) | (UINT32_MAX >> (h->prefix_length & 31)));
}

static int32_t ticks_left(int64_t until, int64_t now)
{
    const int64_t tick_ns = NS_PER_S / 100; /* USER_HZ */
    return until == TIME_NEVER ? 0 : (int32_t)min_i64(max_i64((until - now) / tick_ns, 1), INT32_MAX);
}

/* As Linux shows what routers say: default routes of the protocol "ra", prefixes of "kernel", neither with a source. */
void netlink_heard_route(const struct stack_route *from, int64_t now, struct netlink_route *out)
{
    *out = (struct netlink_route){.table = RT_TABLE_MAIN,
                                  .protocol = from->length ? RTPROT_KERNEL : RTPROT_RA,
                                  .type = RTN_UNICAST,
                                  .length = from->length,
                                  .destination = from->prefix,
                                  .gateway = from->gateway,
                                  .local = from->local,
                                  .heard = true,
                                  .preference = from->preference,
                                  .expires_ticks = ticks_left(from->until, now)};
}

bool netlink_host_route(const struct stack *stack, uint32_t local, unsigned number, struct netlink_route *out)
{
    struct host_settings h;
    struct netlink_route all[HOST_ROUTES];
    unsigned n = 0;
    if (!stack_view_host(stack, local, &h))
        return false;
    bool v4 = ip_addr_is_v4(&h.address);
    struct netlink_route own = {.table = RT_TABLE_LOCAL, .protocol = RTPROT_KERNEL, .local = local};
    own.type = RTN_LOCAL;
    own.scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    own.length = (uint8_t)ip_addr_bits(&h.address);
    own.destination = h.address;
    all[n++] = own;
    if (v4)
        put_broadcast(&h, &own);
    if (v4 && h.prefix_length < 31)
        all[n++] = own;
    own.table = RT_TABLE_MAIN;
    own.type = RTN_UNICAST;
    own.length = h.prefix_length;
    own.destination = masked(&h.address, h.prefix_length);
    if (h.prefix_length < ip_addr_bits(&h.address))
        all[n++] = own;
    if (!ip_addr_is_unspecified(&h.gateway))
        all[n++] = (struct netlink_route){
            .table = RT_TABLE_MAIN, .protocol = RTPROT_BOOT, .type = RTN_UNICAST, .gateway = h.gateway, .local = local};
    if (number < n)
        *out = all[number];
    return number < n;
}

void netlink_own_route(const struct stack_route *from, struct netlink_route *out)
{
    *out = (struct netlink_route){.table = RT_TABLE_MAIN,
                                  .protocol = RTPROT_BOOT,
                                  .type = RTN_UNICAST,
                                  .length = from->length,
                                  .destination = from->prefix,
                                  .gateway = from->gateway,
                                  .local = from->local};
}

static bool is_wanted(const struct socket_layer *l, const struct netlink_dump *d, const struct netlink_route *r)
{
    struct host_settings h;
    if ((d->table && d->table != r->table) || !stack_view_host(l->stack, r->local, &h))
        return false;
    return netlink_shows(d, &h.address) && (d->ifindex == 0 || interface_of(l->stack, r->local) == d->ifindex);
}

static bool dump_host_routes(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w,
                             const struct netlink_head *h)
{
    struct netlink_route r;
    for (uint32_t i; (i = stack_next_host(l->stack, d->at)) != 0; d->at = i, d->item = 0)
        for (; netlink_host_route(l->stack, i, d->item, &r); d->item++)
            if (is_wanted(l, d, &r) && !netlink_write_route(w, h, l->stack, &r))
                return false;
    return true;
}

static bool dump_own_routes(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w,
                            const struct netlink_head *h)
{
    struct stack_route from;
    struct netlink_route r;
    for (uint32_t i; (i = stack_next_route(l->stack, d->at, &from)) != 0; d->at = i) {
        netlink_own_route(&from, &r);
        if (is_wanted(l, d, &r) && !netlink_write_route(w, h, l->stack, &r))
            return false;
    }
    return true;
}

static bool dump_heard_routes(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w,
                              const struct netlink_head *h)
{
    struct stack_route from;
    struct netlink_route r;
    for (uint32_t i; (i = stack_next_heard_route(l->stack, d->at, &from)) != 0; d->at = i) {
        netlink_heard_route(&from, d->now, &r);
        if (is_wanted(l, d, &r) && !netlink_write_route(w, h, l->stack, &r))
            return false;
    }
    return true;
}

typedef bool dump_kind(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w,
                       const struct netlink_head *h);

static bool dump_routes(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w)
{
    static dump_kind *const kinds[] = {dump_host_routes, dump_heard_routes, dump_own_routes};
    const struct netlink_head h = {.type = RTM_NEWROUTE, .flags = d->flags, .sequence = d->sequence, .port = d->port};
    for (; d->kind < ARRAY_SIZE(kinds); d->kind++, d->at = 0)
        if (!kinds[d->kind](l, d, w, &h))
            return false;
    return true;
}

static int filter_routes(struct netlink_request *r, struct netlink_dump *d)
{
    struct rtmsg fixed;
    struct netlink_attribute a[RTA_MAX + 1];
    uint32_t index = 0;
    int e = netlink_read(r, &fixed, sizeof fixed, a, RTA_MAX + 1);
    if (e < 0)
        return e;
    d->table = fixed.rtm_table;
    e = netlink_get_u32(&a[RTA_TABLE], &d->table);
    if (e == 0)
        e = netlink_get_u32(&a[RTA_OIF], &index);
    d->ifindex = (int)index;
    d->flags |= index || d->table ? NLM_F_DUMP_FILTERED : 0;
    return e;
}

/* ---- requests ---- */

struct route_request {
    struct rtmsg fixed;
    struct ip_addr destination, gateway, source;
    uint32_t ifindex;
    bool unsupported; /* an attribute that the stack has nothing for */
};

static int read_route(struct netlink_request *r, struct route_request *out)
{
    struct netlink_attribute a[RTA_MAX + 1];
    int e = netlink_read(r, &out->fixed, sizeof out->fixed, a, RTA_MAX + 1);
    uint32_t table = out->fixed.rtm_table, priority = 0;
    if (e < 0)
        return e;
    uint8_t family = out->fixed.rtm_family;
    if (!netlink_is_family(family))
        return netlink_refuse(r, -EAFNOSUPPORT, "only routes of IPv4 and IPv6 are there");
    out->destination = family == AF_INET ? ip_addr_from_v4(0) : (struct ip_addr){{0}};
    if (netlink_get_ip(&a[RTA_DST], family, &out->destination) < 0 ||
        netlink_get_ip(&a[RTA_GATEWAY], family, &out->gateway) < 0 ||
        netlink_get_ip(&a[RTA_PREFSRC], family, &out->source) < 0 || netlink_get_u32(&a[RTA_OIF], &out->ifindex) < 0 ||
        netlink_get_u32(&a[RTA_TABLE], &table) < 0 || netlink_get_u32(&a[RTA_PRIORITY], &priority) < 0)
        return netlink_refuse(r, -EINVAL, "an attribute has a wrong length");
    if (out->fixed.rtm_dst_len > ip_addr_bits(&out->destination))
        return netlink_refuse(r, -EINVAL, "a prefix of IPv4 has at most 32 bits, one of IPv6 128");
    out->unsupported = (table != RT_TABLE_UNSPEC && table != RT_TABLE_MAIN) || priority || a[RTA_MULTIPATH].bytes ||
                       a[RTA_VIA].bytes || a[RTA_METRICS].bytes || a[RTA_NH_ID].bytes || a[RTA_ENCAP].bytes;
    return 0;
}

/* ---- ip route get ---- */

static uint32_t local_to(const struct stack *stack, const struct route_request *x)
{
    struct ip_addr hop;
    if (!ip_addr_is_unspecified(&x->source))
        return stack_find_local(stack, &x->source);
    uint32_t best = stack_local_for(stack, &x->destination);
    if (!x->ifindex || interface_of(stack, best) == (int)x->ifindex)
        return best;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (interface_of(stack, i) == (int)x->ifindex && stack_next_hop(stack, i, &x->destination, &hop))
            return i;
    return 0;
}

static int find_way(const struct stack *stack, const struct route_request *x, struct netlink_route *out)
{
    struct ip_addr hop;
    *out = (struct netlink_route){.table = RT_TABLE_MAIN,
                                  .type = RTN_UNICAST,
                                  .length = (uint8_t)ip_addr_bits(&x->destination),
                                  .destination = x->destination,
                                  .local = stack_find_local(stack, &x->destination),
                                  .cloned = true};
    if (out->local) {
        out->table = RT_TABLE_LOCAL;
        out->type = RTN_LOCAL;
        return 0;
    }
    out->local = local_to(stack, x);
    if (!out->local || !stack_next_hop(stack, out->local, &x->destination, &hop))
        return -ENETUNREACH;
    if (!ip_addr_equal(&hop, &x->destination))
        out->gateway = hop;
    return 0;
}

static int get_route(struct netlink_request *r)
{
    struct route_request x = {.ifindex = 0};
    struct netlink_attribute a[RTA_MAX + 1];
    struct netlink_route route;
    uint8_t bytes[256];
    struct netlink_writer w = {.bytes = bytes, .room = sizeof bytes};
    int e = read_route(r, &x);
    if (e == 0)
        e = netlink_read(r, &x.fixed, sizeof x.fixed, a, RTA_MAX + 1);
    if (e < 0)
        return e;
    if (!a[RTA_DST].bytes || netlink_get_ip(&a[RTA_SRC], x.fixed.rtm_family, &x.source) < 0)
        return netlink_refuse(r, -EINVAL, "a destination is needed");
    if (a[RTA_IIF].bytes)
        return netlink_refuse(r, -EOPNOTSUPP, "Weir does not forward");
    e = find_way(r->layer->stack, &x, &route);
    if (e < 0)
        return e;
    const struct netlink_head h = netlink_answer(r, RTM_NEWROUTE);
    (void)netlink_write_route(&w, &h, r->layer->stack, &route);
    return netlink_reply(r, &w);
}

/* ---- changing ---- */

static int check_change(struct netlink_request *r, const struct route_request *x)
{
    if (x->unsupported)
        return netlink_refuse(r, -EOPNOTSUPP, "a route has a prefix, a gateway, a device and a source; table main");
    if (x->fixed.rtm_type != RTN_UNICAST && x->fixed.rtm_type != RTN_UNSPEC)
        return netlink_refuse(r, -EOPNOTSUPP, "only unicast routes can be changed");
    struct ip_addr prefix = masked(&x->destination, x->fixed.rtm_dst_len);
    if (!ip_addr_equal(&prefix, &x->destination))
        return netlink_refuse(r, -EINVAL, "the destination has bits beyond its prefix");
    return 0;
}

static bool fits(const struct stack *stack, uint32_t local, const struct route_request *x)
{
    struct host_settings h;
    if (!stack_view_host(stack, local, &h) || (x->ifindex && interface_of(stack, local) != (int)x->ifindex) ||
        netlink_family(&h.address) != x->fixed.rtm_family)
        return false;
    if (!ip_addr_is_unspecified(&x->source) && !ip_addr_equal(&h.address, &x->source))
        return false;
    return ip_addr_is_unspecified(&x->gateway) || host_is_near(&h, &x->gateway);
}

/* The gateway of a host's route of that prefix; false: it has none. */
static bool present(const struct stack *stack, uint32_t local, const struct route_request *x, struct ip_addr *gateway)
{
    struct host_settings h;
    struct stack_route r;
    struct ip_addr prefix = masked(&x->destination, x->fixed.rtm_dst_len);
    for (uint32_t i = stack_next_route(stack, 0, &r); i; i = stack_next_route(stack, i, &r))
        if (r.local == local && r.length == x->fixed.rtm_dst_len && ip_addr_equal(&r.prefix, &prefix)) {
            *gateway = r.gateway;
            return true;
        }
    if (x->fixed.rtm_dst_len || !stack_view_host(stack, local, &h))
        return false;
    *gateway = h.gateway;
    return !ip_addr_is_unspecified(&h.gateway);
}

static int remove_from(struct netlink_request *r, uint32_t local, const struct route_request *x)
{
    struct stack *stack = r->layer->stack;
    const struct ip_addr none = {0}, prefix = masked(&x->destination, x->fixed.rtm_dst_len);
    int e = stack_remove_route(stack, local, &prefix, x->fixed.rtm_dst_len, r->now);
    if (e == ERR_NOT_FOUND && x->fixed.rtm_dst_len == 0)
        e = stack_set_gateway(stack, local, &none, r->now);
    return e;
}

static int add_to(struct netlink_request *r, uint32_t local, const struct route_request *x)
{
    struct stack *stack = r->layer->stack;
    struct ip_addr before;
    if (present(stack, local, x, &before)) {
        if (ip_addr_equal(&before, &x->gateway))
            return 0;
        (void)remove_from(r, local, x);
    }
    if (x->fixed.rtm_dst_len == 0)
        return stack_set_gateway(stack, local, &x->gateway, r->now);
    const struct ip_addr prefix = masked(&x->destination, x->fixed.rtm_dst_len);
    return stack_add_route(stack, local, &prefix, x->fixed.rtm_dst_len, &x->gateway);
}

static int check_flags(const struct netlink_request *r, bool there)
{
    uint16_t flags = r->header.nlmsg_flags;
    if (there)
        return (flags & NLM_F_REPLACE) && !(flags & NLM_F_EXCL) ? 0 : -EEXIST;
    return flags & NLM_F_CREATE ? 0 : -ENOENT;
}

static int new_route(struct netlink_request *r)
{
    struct route_request x = {.ifindex = 0};
    const struct stack *stack = r->layer->stack;
    struct ip_addr gateway;
    bool there = false, any = false;
    int e = read_route(r, &x);
    if (e == 0)
        e = check_change(r, &x);
    if (e < 0)
        return e;
    if (ip_addr_is_unspecified(&x.gateway))
        return netlink_refuse(r, -EOPNOTSUPP, "a route needs a gateway; subnets come with their addresses");
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i)) {
        any |= fits(stack, i, &x);
        there |= fits(stack, i, &x) && present(stack, i, &x, &gateway);
    }
    if (!any)
        return netlink_refuse(r, -ENETUNREACH, "no address of this device is on the gateway's subnet");
    e = check_flags(r, there);
    for (uint32_t i = stack_next_host(stack, 0); i && e == 0; i = stack_next_host(stack, i))
        if (fits(stack, i, &x))
            e = socket_errno(add_to(r, i, &x));
    return e;
}

static int delete_route(struct netlink_request *r)
{
    struct route_request x = {.ifindex = 0};
    const struct stack *stack = r->layer->stack;
    struct ip_addr gateway;
    unsigned n = 0;
    int e = read_route(r, &x);
    if (e == 0)
        e = check_change(r, &x);
    if (e < 0)
        return e;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i)) {
        if (!fits(stack, i, &x) || !present(stack, i, &x, &gateway))
            continue;
        if (ip_addr_is_unspecified(&x.gateway) || ip_addr_equal(&gateway, &x.gateway))
            n += remove_from(r, i, &x) == 0;
    }
    return n ? 0 : -ESRCH;
}

const struct netlink_object netlink_routes = {
    .make = new_route, .remove = delete_route, .get = get_route, .filter = filter_routes, .dump = dump_routes};
