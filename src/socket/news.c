/* SPDX-License-Identifier: MIT */
/*
 * What the stack says of its changes, to the sockets that hear of them: netlink sockets, and packet sockets that are bound
 * to an interface. The stack speaks only while there is one of these.
 */
#include "socket/netlink.h"
#include "socket/packet.h"
#include "stack/control.h"

static void on_change(void *context, enum stack_change what, uint32_t number, int64_t now)
{
    struct socket_layer *l = context;
    if (what == STACK_INTERFACE_CHANGED)
        packets_hear(l, number);
    if (l->netlinks)
        netlinks_hear(l, what, number, now);
}

void news_listen(struct socket_layer *l) { stack_on_change(l->stack, on_change, l); }

void news_unlisten(struct socket_layer *l)
{
    if (!l->netlinks && !l->packets)
        stack_on_change(l->stack, NULL, NULL);
}
