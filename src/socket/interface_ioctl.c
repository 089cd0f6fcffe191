/* SPDX-License-Identifier: MIT */
/*
 * Interfaces by ioctl: netdevice(7). SIOCGIFCONF lists names with addresses; the others take a struct ifreq that names an interface, SIOCGIFNAME one with
 * its index. Of an interface with several addresses the first is given. Up, down and the MTU can be set.
 */
#include "socket/interfaces.h"

#include <linux/sockios.h>
#include <net/if_arp.h>

static void put_address(struct sockaddr *to, uint32_t address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    store_be32(&in.sin_addr, address);
    memcpy(to, &in, sizeof in);
}

/* ---- the list ---- */

static int list(const struct stack *stack, struct ifconf *c)
{
    struct host_settings h;
    struct interface_view v;
    size_t done = 0, room = c->ifc_buf && c->ifc_len > 0 ? (size_t)c->ifc_len : 0;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i)) {
        struct ifreq r = {.ifr_ifindex = 0};
        if (!host_view_v4(stack, i, &h) || !interface_view(stack, interface_of(stack, i), &v))
            continue;
        if (c->ifc_buf && sizeof r > room - done)
            break;
        memcpy(r.ifr_name, v.name, IFNAMSIZ);
        put_address(&r.ifr_addr, ip_addr_to_v4(&h.address));
        if (c->ifc_buf)
            memcpy(c->ifc_buf + done, &r, sizeof r);
        done += sizeof r;
    }
    c->ifc_len = (int)done;
    return 0;
}

/* ---- one of them ---- */

static int get_address(const struct stack *stack, unsigned long request, const struct interface_view *v,
                       struct ifreq *r)
{
    struct host_settings h;
    if (!host_view_v4(stack, interface_host(stack, v->index), &h))
        return -EADDRNOTAVAIL;
    uint32_t address = ip_addr_to_v4(&h.address);
    uint32_t mask = h.prefix_length ? UINT32_MAX << (32 - h.prefix_length) : 0;
    switch (request) {
    case SIOCGIFNETMASK:
        put_address(&r->ifr_addr, mask);
        return 0;
    case SIOCGIFBRDADDR:
        put_address(&r->ifr_addr, h.prefix_length < 31 ? address | ~mask : 0);
        return 0;
    default: /* SIOCGIFADDR; SIOCGIFDSTADDR of one that is not point to point */
        put_address(&r->ifr_addr, address);
        return 0;
    }
}

static int get(const struct stack *stack, unsigned long request, const struct interface_view *v, struct ifreq *r)
{
    switch (request) {
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
        return get_address(stack, request, v, r);
    case SIOCGIFFLAGS:
        r->ifr_flags = (short)v->flags;
        return 0;
    case SIOCGIFINDEX:
        r->ifr_ifindex = v->index;
        return 0;
    case SIOCGIFMTU:
        r->ifr_mtu = (int)v->mtu;
        return 0;
    case SIOCGIFMETRIC:
        r->ifr_metric = 0;
        return 0;
    case SIOCGIFTXQLEN:
        r->ifr_qlen = 1000;
        return 0;
    case SIOCGIFHWADDR:
        r->ifr_hwaddr = (struct sockaddr){.sa_family = ARPHRD_ETHER};
        memcpy(r->ifr_hwaddr.sa_data, v->mac, sizeof v->mac);
        return 0;
    default:
        return -ENOTTY;
    }
}

static int set(struct stack *stack, unsigned long request, const struct interface_view *v, const struct ifreq *r,
               int64_t now)
{
    unsigned interface = (unsigned)v->index - 1;
    if (v->below) /* it goes with what it is on */
        return -EOPNOTSUPP;
    if (request == SIOCSIFMTU)
        return r->ifr_mtu > 0 ? socket_errno(stack_set_mtu(stack, interface, (uint32_t)r->ifr_mtu, now)) : -EINVAL;
    return socket_errno(stack_set_up(stack, interface, r->ifr_flags & IFF_UP, now));
}

static bool is_known(unsigned long request)
{
    switch (request) {
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFBRDADDR:
    case SIOCGIFFLAGS:
    case SIOCGIFINDEX:
    case SIOCGIFMTU:
    case SIOCGIFMETRIC:
    case SIOCGIFTXQLEN:
    case SIOCGIFHWADDR:
    case SIOCSIFMTU:
    case SIOCSIFFLAGS:
        return true;
    default:
        return false;
    }
}

static int give_name(const struct stack *stack, struct ifreq *r)
{
    struct interface_view v;
    if (!interface_view(stack, r->ifr_ifindex, &v))
        return -ENODEV;
    memcpy(r->ifr_name, v.name, IFNAMSIZ);
    return 0;
}

static int of_interface(struct stack *stack, unsigned long request, struct ifreq *r, int64_t now)
{
    struct interface_view v;
    if (request == SIOCGIFNAME)
        return give_name(stack, r);
    r->ifr_name[IFNAMSIZ - 1] = 0;
    if (!interface_view(stack, interface_find(stack, r->ifr_name), &v))
        return -ENODEV;
    bool changes = request == SIOCSIFMTU || request == SIOCSIFFLAGS;
    return changes ? set(stack, request, &v, r, now) : get(stack, request, &v, r);
}

int interface_ioctl(struct socket_layer *l, unsigned long request, void *argument, int64_t now)
{
    struct ifconf c;
    struct ifreq r;
    bool lists = request == SIOCGIFCONF;
    if (!lists && request != SIOCGIFNAME && !is_known(request))
        return -ENOTTY;
    if (!argument)
        return -EFAULT;
    if (lists) {
        memcpy(&c, argument, sizeof c);
        int e = list(l->stack, &c);
        memcpy(argument, &c, sizeof c);
        return e;
    }
    memcpy(&r, argument, sizeof r);
    int e = of_interface(l->stack, request, &r, now);
    if (e == 0)
        memcpy(argument, &r, sizeof r);
    return e;
}
