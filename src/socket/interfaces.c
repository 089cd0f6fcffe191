/* SPDX-License-Identifier: MIT */
/*
 * See interfaces.h. Nothing is kept here: all of it is read from the stack when it is asked for.
 */
#include "socket/interfaces.h"

#include "wire/eth.h"

#include <stdio.h>

/* Without the driver's "tap:" or "packet:" before it, and what a memory link has behind it; false: it is no name for an interface. */
static bool bare_name(const char *link, char out[IFNAMSIZ])
{
    static const char *const drivers[] = {"tap:", "packet:", "xdp:", "pcap:"};
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
        if (strncmp(link, drivers[i], strlen(drivers[i])) == 0)
            link += strlen(drivers[i]);
    const char *colon = strchr(link, ':');
    size_t length = colon ? (size_t)(colon - link) : strlen(link);
    if (length == 0 || length >= IFNAMSIZ || memchr(link, '/', length) || memchr(link, ' ', length))
        return false;
    memcpy(out, link, length);
    out[length] = 0;
    return true;
}

static bool is_taken(const struct stack *stack, unsigned before, const char *name)
{
    struct stack_interface i;
    char other[IFNAMSIZ];
    for (unsigned k = 0; k < before; k++)
        if (stack_view_interface(stack, k, &i) && bare_name(i.name, other) && strcmp(other, name) == 0)
            return true;
    return false;
}

static void write_name(const struct stack *stack, unsigned interface, const char *link, char out[IFNAMSIZ])
{
    if (!bare_name(link, out) || is_taken(stack, interface, out))
        snprintf(out, IFNAMSIZ, "weir%u", interface);
}

/* Different tags have different names: only 802.1Q, below at most one tag of 802.1ad, has one of this kind. */
static bool vlan_name(const char *interface, const struct stack_link *l, char out[IFNAMSIZ])
{
    const struct host_vlan *v = l->vlan;
    bool service = v[0].tpid == ETHERTYPE_QINQ;
    char name[IFNAMSIZ + 16];
    if ((!service && (v[0].tpid != ETHERTYPE_VLAN || l->vlan_count > 1)) ||
        (l->vlan_count > 1 && v[1].tpid != ETHERTYPE_VLAN))
        return false;
    int n = snprintf(name, sizeof name, "%s.%s%u", interface, service ? "s" : "", v[0].tci);
    if (l->vlan_count > 1)
        n += snprintf(name + n, sizeof name - (size_t)n, ".%u", v[1].tci);
    if (n >= IFNAMSIZ)
        return false;
    memcpy(out, name, (size_t)n + 1);
    return true;
}

static void view_vlan(const struct stack *stack, const struct stack_link *l, struct interface_view *v)
{
    char name[IFNAMSIZ];
    memcpy(name, v->name, sizeof name);
    if (!vlan_name(name, l, v->name) || is_taken(stack, stack_interface_count(stack), v->name))
        snprintf(v->name, sizeof v->name, "vlan%d", v->index);
    v->below = (int)l->below;
    v->tag = l->vlan[l->vlan_count - 1];
    v->mtu -= l->overhead;
    v->mtu_max -= l->overhead;
    v->counters = NULL;
}

bool host_view_v4(const struct stack *stack, uint32_t local, struct host_settings *out)
{
    return stack_view_host(stack, local, out) && ip_addr_is_v4(&out->address);
}

uint32_t interface_host(const struct stack *stack, int index)
{
    struct host_settings h;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (interface_of(stack, i) == index && host_view_v4(stack, i, &h))
            return i;
    return 0;
}

uint32_t interface_any_host(const struct stack *stack, int index)
{
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (interface_of(stack, i) == index)
            return i;
    return 0;
}

static bool is_on_subnet(const struct host_settings *h, const struct ip_addr *address)
{
    bool v4 = ip_addr_is_v4(&h->address);
    return ip_addr_is_v4(address) == v4 && ip_addr_same_bits(&h->address, address, h->prefix_length + (v4 ? 96u : 0));
}

bool host_is_near(const struct host_settings *h, const struct ip_addr *address)
{
    bool both_v6 = !ip_addr_is_v4(&h->address) && !ip_addr_is_v4(address);
    return is_on_subnet(h, address) || (both_v6 && ip_addr_is_link_local(address));
}

uint32_t interface_host_near(const struct stack *stack, int index, const struct ip_addr *address)
{
    struct host_settings h;
    for (uint32_t i = stack_next_host(stack, 0); i; i = stack_next_host(stack, i))
        if (stack_view_host(stack, i, &h) && (index == 0 || interface_of(stack, i) == index) &&
            is_on_subnet(&h, address))
            return i;
    return 0;
}

bool interface_view(const struct stack *stack, int index, struct interface_view *out)
{
    struct stack_interface i;
    struct stack_link l;
    struct host_settings h;
    if (index < 1 || !stack_view_link(stack, (uint32_t)index, &l) || !stack_view_interface(stack, l.interface, &i))
        return false;
    *out = (struct interface_view){.index = index, .mtu = i.mtu, .mtu_max = i.mtu_max, .counters = i.counters};
    write_name(stack, l.interface, i.name, out->name);
    bool owned = stack_view_host(stack, interface_any_host(stack, index), &h);
    memcpy(out->mac, owned ? h.mac : i.mac, sizeof out->mac);
    out->flags = IFF_BROADCAST | IFF_MULTICAST | (i.up ? IFF_UP | IFF_RUNNING : 0);
    if (l.below)
        view_vlan(stack, &l, out);
    return true;
}

int interface_find(const struct stack *stack, const char *name)
{
    struct interface_view v;
    struct stack_link l;
    for (uint32_t i = 0; (i = stack_next_link(stack, i, &l)) != 0;)
        if (interface_view(stack, (int)i, &v) && strncmp(v.name, name, IFNAMSIZ) == 0)
            return (int)i;
    return 0;
}
