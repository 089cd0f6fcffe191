/* SPDX-License-Identifier: MIT */
/*
 * Addresses by netlink: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR. An address is a host of the stack. One that is added takes MAC, tags and VRF of the first host of
 * its interface, and the gateway of one whose subnet it is in.
 */
#include "socket/netlink_private.h"

#include <linux/if_addr.h>

/* ---- showing ---- */

bool netlink_write_address(struct netlink_writer *w, const struct netlink_head *h, const struct stack *stack,
                           uint32_t local)
{
    struct host_settings host;
    struct interface_view v;
    if (!host_view_v4(stack, local, &host) || !interface_view(stack, (int)host.interface + 1, &v))
        return true;
    const struct ifaddrmsg fixed = {.ifa_family = AF_INET,
                                    .ifa_prefixlen = host.prefix_length,
                                    .ifa_flags = IFA_F_PERMANENT,
                                    .ifa_scope = RT_SCOPE_UNIVERSE,
                                    .ifa_index = (uint32_t)v.index};
    const struct ifa_cacheinfo forever = {.ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX};
    netlink_begin(w, h, &fixed, sizeof fixed);
    netlink_put_ip(w, IFA_ADDRESS, &host.address);
    netlink_put_ip(w, IFA_LOCAL, &host.address);
    if (host.prefix_length < 31) {
        struct ip_addr all = ip_addr_from_v4(ip_addr_to_v4(&host.address) | (UINT32_MAX >> host.prefix_length));
        netlink_put_ip(w, IFA_BROADCAST, &all);
    }
    netlink_put_text(w, IFA_LABEL, v.name);
    netlink_put_u32(w, IFA_FLAGS, IFA_F_PERMANENT);
    netlink_put(w, IFA_CACHEINFO, &forever, sizeof forever);
    return netlink_end(w);
}

static bool dump_addresses(const struct socket_layer *l, struct netlink_dump *d, struct netlink_writer *w)
{
    const struct netlink_head h = {.type = RTM_NEWADDR, .flags = d->flags, .sequence = d->sequence, .port = d->port};
    struct host_settings host;
    for (uint32_t i; (i = stack_next_host(l->stack, d->at)) != 0; d->at = i) {
        bool wanted = d->ifindex == 0 || (host_view_v4(l->stack, i, &host) && (int)host.interface + 1 == d->ifindex);
        if (wanted && !netlink_write_address(w, &h, l->stack, i))
            return false;
    }
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
    bool named;  /* IFA_LOCAL or IFA_ADDRESS was there */
    bool prefix; /* IFA_ADDRESS was there: the prefix length counts */
};

static int read_address(struct netlink_request *r, struct address *out)
{
    struct netlink_attribute a[IFA_MAX + 1];
    int e = netlink_read(r, &out->fixed, sizeof out->fixed, a, IFA_MAX + 1);
    if (e < 0)
        return e;
    if (out->fixed.ifa_family != AF_INET)
        return netlink_refuse(r, -EAFNOSUPPORT, "only IPv4 addresses can be changed");
    if (netlink_get_ip(&a[IFA_ADDRESS], &out->ip) < 0 || netlink_get_ip(&a[IFA_LOCAL], &out->ip) < 0)
        return netlink_refuse(r, -EINVAL, "an IPv4 address has 4 bytes");
    out->prefix = a[IFA_ADDRESS].bytes != NULL;
    out->named = out->prefix || a[IFA_LOCAL].bytes;
    return 0;
}

static uint32_t host_of(const struct stack *stack, const struct address *x)
{
    struct host_settings h;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i)) {
        if (!host_view_v4(stack, i, &h) || h.interface + 1 != x->fixed.ifa_index)
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
    struct host_settings h = {.interface = x->fixed.ifa_index - 1}, near;
    (void)host_view_v4(stack, interface_host(stack, (int)x->fixed.ifa_index), &h);
    h.address = x->ip;
    h.prefix_length = x->fixed.ifa_prefixlen;
    h.gateway = (struct ip_addr){0};
    uint32_t other = interface_host_near(stack, (int)x->fixed.ifa_index, &x->ip);
    if (host_view_v4(stack, other, &near) && near.prefix_length == h.prefix_length)
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
    if (!x.named || x.fixed.ifa_prefixlen > 32)
        return netlink_refuse(r, -EINVAL, "an IPv4 address and a prefix length of at most 32 are needed");
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
