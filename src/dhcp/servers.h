/* SPDX-License-Identifier: MIT */
/*
 * The DHCP servers of service/ on a stack: RFC 2131 for IPv4, RFC 8415 for IPv6, each on one interface.
 *
 * The IPv4 server hears its port on its own address and what is broadcast; requests from 0.0.0.0 are no datagrams for a
 * stack and are read from frames. Replies to clients that cannot be asked for their address yet go as frames to the MAC
 * address that the server names; others, relay agents among them, get datagrams. The IPv6 server hears ff02::1:2 and its
 * own addresses. Both own their machine and borrow the stack.
 */
#ifndef WEIR_DHCP_SERVERS_H
#define WEIR_DHCP_SERVERS_H

#include "service/dhcp4_server.h"
#include "service/dhcp6_server.h"
#include "stack/stack.h"

struct dhcp_server_place {
    struct stack *stack;
    unsigned interface;
    uint32_t local; /* the host that serves; of IPv6 a link-local one */
    uint16_t vlan;  /* 0: untagged */
};

struct dhcp_server_counters {
    uint64_t received; /* messages */
    uint64_t unsent;   /* replies for which there was no room or no way */
};

struct dhcp4_serving;
struct dhcp6_serving;

/* Settings without send and context. As dhcp4_server_new(), and ERR_IN_USE, ERR_NO_SPACE of binding. */
MUST_CHECK int dhcp4_serving_new(const struct dhcp_server_place *place, const struct dhcp4_server_settings *settings,
                                 const struct allocator *a, int64_t now, struct dhcp4_serving **out);
void dhcp4_serving_delete(struct dhcp4_serving *v);
/* To be called once a turn of the stack, and at the deadline at the latest. */
void dhcp4_serving_turn(struct dhcp4_serving *v, int64_t now);
int64_t dhcp4_serving_deadline(const struct dhcp4_serving *v);
struct dhcp4_server *dhcp4_serving_server(struct dhcp4_serving *v);
const struct dhcp_server_counters *dhcp4_serving_counters(const struct dhcp4_serving *v);

MUST_CHECK int dhcp6_serving_new(const struct dhcp_server_place *place, const struct dhcp6_server_settings *settings,
                                 const struct allocator *a, int64_t now, struct dhcp6_serving **out);
void dhcp6_serving_delete(struct dhcp6_serving *v);
void dhcp6_serving_turn(struct dhcp6_serving *v, int64_t now);
int64_t dhcp6_serving_deadline(const struct dhcp6_serving *v);
struct dhcp6_server *dhcp6_serving_server(struct dhcp6_serving *v);
const struct dhcp_server_counters *dhcp6_serving_counters(const struct dhcp6_serving *v);

#endif
