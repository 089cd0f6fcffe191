/* SPDX-License-Identifier: MIT */
/*
 * The stack's interfaces as programs see them: by a number from 1 on and a name of at most 15 characters. The name is that of the link without its driver
 * ("tap:t0" is t0), or weirN where that is too long or another interface has it already. There is no loopback interface.
 * A VLAN is a link of its own on the one below: t0.42; below an 802.1ad tag t0.s100 and t0.s100.42; vlanN where that is
 * too long, and for other tag protocols.
 */
#ifndef WEIR_SOCKET_INTERFACES_H
#define WEIR_SOCKET_INTERFACES_H

#include "socket/private.h"
#include "stack/control.h"

#include <net/if.h>

struct interface_view {
    int index;
    char name[IFNAMSIZ];
    uint8_t mac[6]; /* of its first host, which may differ from the link's */
    uint32_t mtu, mtu_max;
    unsigned flags; /* IFF_... */
    int below;      /* of a VLAN; 0: it is none */
    struct host_vlan tag;
    const struct link_counters *counters; /* NULL of a VLAN: nobody counts them */
};
/* False: there is none of that index. */
bool interface_view(const struct stack *stack, int index, struct interface_view *out);
/* The index of a name, or 0. */
int interface_find(const struct stack *stack, const char *name);
/* Where a host lives; 0: there is no such host. */
static inline int interface_of(const struct stack *stack, uint32_t local)
{
    return (int)stack_link_number(stack, local);
}
/* A host as stack_view_host shows it, when it is one of IPv4. */
bool host_view_v4(const struct stack *stack, uint32_t local, struct host_settings *out);
/* The first host on an interface, of IPv4, or of any family, 0: none; and the one whose subnet an address belongs to. */
uint32_t interface_host(const struct stack *stack, int index);
uint32_t interface_any_host(const struct stack *stack, int index);
uint32_t interface_host_near(const struct stack *stack, int index, const struct ip_addr *address);
/* On its subnet, or as a link-local address on its link. */
bool host_is_near(const struct host_settings *h, const struct ip_addr *address);

/* interface_ioctl.c: SIOCGIF... and SIOCSIF... of netdevice(7). -ENOTTY: it is none of them. */
int interface_ioctl(struct socket_layer *l, unsigned long request, void *argument, int64_t now);

#endif
