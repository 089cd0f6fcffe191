/* SPDX-License-Identifier: MIT */
/*
 * Addresses by netlink: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR. An address is a host of the stack. One that is added takes MAC, labels and VRF of the first host of
 * its link, and the gateway of one whose subnet it is in.
 */
#include "socket/netlink_private.h"

#include <linux/if_addr.h>

/* ---- showing ---- */

/* As Linux has them of an address that it made of a router's prefix. */
static uint32_t origin_of(const struct stack_address *a, const struct host_settings *h)
{
    if (a->temporary)
        return IFA_F_TEMPORARY;
    if (a->station == 0)
        return 0;
    return IFA_F_MANAGETEMPADDR | (h->eui64 ? 0 : IFA_F_STABLE_PRIVACY);
}

static uint32_t flags_of(const struct stack_address *a, const struct host_settings *h)
{
    uint32_t flags = a->valid_until == TIME_NEVER ? IFA_F_PERMANENT : 0;
    flags |= origin_of(a, h);
    switch (a->state) {
    case STACK_ADDRESS_DEPRECATED:
        return flags | IFA_F_DEPRECATED;
    case STACK_ADDRESS_TENTATIVE:
        return flags | IFA_F_TENTATIVE;
    case STACK_ADDRESS_DUPLICATE:
        return flags | IFA_F_TENTATIVE | IFA_F_DADFAILED;
    default:
        return flags;
    }
}

static uint32_t seconds_left(int64_t until, int64_t now)
{
    return until == TIME_NEVER ? UINT32_MAX : (uint32_t)(max_i64(until - now, 0) / NS_PER_S);
}

static void put_v4_address(struct netlink_writer *w, const struct host_settings *host, const char *label)
{
    netlink_put_ip(w, IFA_LOCAL, &host->address);
    if (host->prefix_length < 31) {
        struct ip_addr all = ip_addr_from_v4(ip_addr_to_v4(&host->address) | (UINT32_MAX >> host->prefix_length));
        netlink_put_ip(w, IFA_BROADCAST, &all);
    }
    netlink_put_text(w, IFA_LABEL, label);
}

bool netlink_write_address(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                           uint32_t local, int64_t now)
{
    struct host_settings host;
    struct stack_address state;
    struct interface_view v;
    if (!stack_view_host(stack, local, &host) || !stack_view_address(stack, local, &state) ||
        !interface_view(stack, interface_of(stack, local), &v))
        return true;
    uint32_t flags = flags_of(&state, &host);
    bool v6 = !ip_addr_is_v4(&host.address), near = v6 && ip_addr_is_link_local(&host.address);
    const struct ifaddrmsg fixed = {.ifa_family = netlink_family(&host.address),
                                    .ifa_prefixlen = host.prefix_length,
                                    .ifa_flags = (uint8_t)flags,
                                    .ifa_scope = near ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                                    .ifa_index = (uint32_t)v.index};
    const struct ifa_cacheinfo times = {.ifa_prefered = seconds_left(state.preferred_until, now),
                                        .ifa_valid = seconds_left(state.valid_until, now)};
    netlink_begin(w, h, &fixed, sizeof fixed);
    netlink_put_ip(w, IFA_ADDRESS, &host.address);
    if (!v6)
        put_v4_address(w, &host, v.name);
    netlink_put_u32(w, IFA_FLAGS, flags);
    netlink_put(w, IFA_CACHEINFO, &times, sizeof times);
    if (state.station != 0)
        netlink_put_u8(w, IFA_PROTO, IFAPROT_KERNEL_RA);
    return netlink_end(w);
}

static bool is_wanted(const struct stack *stack, const struct netlink_dump *d, uint32_t local)
{
    struct host_settings h;
    return stack_view_host(stack, local, &h) && netlink_shows(d, &h.address) &&
           (d->ifindex == 0 || interface_of(stack, local) == d->ifindex);
}

static bool dump_addresses(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w)
{
    const struct netlink_head h = {.type = RTM_NEWADDR, .flags = d->flags, .sequence = d->sequence, .port = d->port};
    for (uint32_t i; (i = stack_next_host(l->stack, d->at)) != 0; d->at = i)
        if (is_wanted(l->stack, d, i) && !netlink_write_address(w, &h, l->stack, i, d->now))
            return false;
    return true;
}

static int filter_addresses(struct netlink_request *r, struct netlink_dump *d)
{
    struct ifaddrmsg fixed;
    struct netlink_attribute a[IFA_MAX + 1];
    int e = netlink_read(r, &fixed, sizeof fixed, a, IFA_MAX + 1);
    if (e < 0)
        return e;
    d->ifindex = (int)fixed.ifa_index;
    d->flags |= d->ifindex ? NLM_F_DUMP_FILTERED : 0;
    return 0;
}

/* ---- changing ---- */

struct address {
    struct ifaddrmsg fixed;
    struct ip_addr ip;
    uint32_t flags;
    bool named;  /* IFA_LOCAL or IFA_ADDRESS was there */
    bool prefix; /* IFA_ADDRESS was there: the prefix length counts */
};

static int read_address(struct netlink_request *r, struct address *out)
{
    struct netlink_attribute a[IFA_MAX + 1];
    int e = netlink_read(r, &out->fixed, sizeof out->fixed, a, IFA_MAX + 1);
    if (e < 0)
        return e;
    uint8_t family = out->fixed.ifa_family;
    if (!netlink_is_family(family))
        return netlink_refuse(r, -EAFNOSUPPORT, "only IPv4 and IPv6 addresses can be changed");
    if (netlink_get_ip(&a[IFA_ADDRESS], family, &out->ip) < 0 || netlink_get_ip(&a[IFA_LOCAL], family, &out->ip) < 0)
        return netlink_refuse(r, -EINVAL, "an IPv4 address has 4 bytes, an IPv6 address 16");
    out->flags = out->fixed.ifa_flags;
    if (netlink_get_u32(&a[IFA_FLAGS], &out->flags) < 0)
        return netlink_refuse(r, -EINVAL, "flags have 4 bytes");
    out->prefix = a[IFA_ADDRESS].bytes != NULL;
    out->named = out->prefix || a[IFA_LOCAL].bytes;
    return 0;
}

static uint32_t host_of(const struct stack *stack, const struct address *x)
{
    struct host_settings h;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i)) {
        if (!stack_view_host(stack, i, &h) || interface_of(stack, i) != (int)x->fixed.ifa_index ||
            netlink_family(&h.address) != x->fixed.ifa_family)
            continue;
        if (x->named && !ip_addr_equal(&h.address, &x->ip))
            continue;
        if (!x->prefix || h.prefix_length == x->fixed.ifa_prefixlen)
            return i;
    }
    return 0;
}

/* Like its neighbours. */
static struct host_settings host_like_others(const struct stack *stack, const struct address *x)
{
    struct stack_link link = {.interface = 0};
    struct host_settings h = {.interface = 0}, near;
    (void)stack_view_link(stack, x->fixed.ifa_index, &link);
    h.interface = link.interface;
    h.vlan_count = (uint8_t)link.vlan_count;
    memcpy(h.vlan, link.vlan, sizeof link.vlan);
    (void)stack_view_host(stack, interface_any_host(stack, (int)x->fixed.ifa_index), &h);
    h.autoconf = h.eui64 = h.temporary = false;
    h.redirects &= x->fixed.ifa_family == AF_INET6;
    h.dad_transmits = x->fixed.ifa_family == AF_INET6 && !(x->flags & IFA_F_NODAD);
    h.address = x->ip;
    h.prefix_length = x->fixed.ifa_prefixlen;
    h.gateway = (struct ip_addr){0};
    uint32_t other = interface_host_near(stack, (int)x->fixed.ifa_index, &x->ip);
    if (stack_view_host(stack, other, &near) && near.prefix_length == h.prefix_length)
        h.gateway = near.gateway;
    if (ip_addr_equal(&h.gateway, &h.address))
        h.gateway = (struct ip_addr){0};
    return h;
}

static int add_address(struct netlink_request *r, const struct address *x)
{
    struct host_settings h = host_like_others(r->layer->stack, x);
    int local = stack_add_host(r->layer->stack, &h);
    switch (local) {
    case ERR_INVALID:
        return netlink_refuse(r, -EINVAL, "no host can have this address and prefix length");
    case ERR_EXISTS:
        return -EEXIST;
    default:
        break;
    }
    if (local < 0)
        return socket_errno(local);
    stack_announce(r->layer->stack, (uint32_t)local, r->now);
    return 0;
}

static int new_address(struct netlink_request *r)
{
    struct address x = {.named = false};
    struct interface_view v;
    int e = read_address(r, &x);
    if (e < 0)
        return e;
    if (!x.named || x.fixed.ifa_prefixlen > ip_addr_bits(&x.ip))
        return netlink_refuse(r, -EINVAL, "an address and a prefix length of at most 32, of IPv6 128, are needed");
    if (!interface_view(r->layer->stack, (int)x.fixed.ifa_index, &v))
        return -ENODEV;
    if (!host_of(r->layer->stack, &x))
        return add_address(r, &x);
    return (r->header.nlmsg_flags & NLM_F_EXCL) || !(r->header.nlmsg_flags & NLM_F_REPLACE) ? -EEXIST : 0;
}

static int delete_address(struct netlink_request *r)
{
    struct address x = {.named = false};
    int e = read_address(r, &x);
    uint32_t local = e < 0 ? 0 : host_of(r->layer->stack, &x);
    if (e < 0)
        return e;
    return local ? socket_errno(stack_remove_host(r->layer->stack, local, r->now)) : -EADDRNOTAVAIL;
}

const struct netlink_object netlink_addresses = {
    .make = new_address, .remove = delete_address, .filter = filter_addresses, .dump = dump_addresses};
