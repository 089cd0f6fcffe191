/* SPDX-License-Identifier: MIT */
/*
 * Netlink route sockets: what the calls of all kinds need of them. Addresses are struct sockaddr_nl; an endpoint holds port id and groups.
 */
#ifndef WEIR_SOCKET_NETLINK_H
#define WEIR_SOCKET_NETLINK_H

#include "socket/private.h"
#include "stack/control.h"

extern const struct socket_kind netlink_kind;

/* -EFAULT, -EINVAL, -EADDRINUSE. */
int netlink_bind_address(struct socket *s, const struct sockaddr *address, socklen_t length);
MUST_CHECK int netlink_address_parse(const struct sockaddr *address, socklen_t length, struct endpoint *out);
socklen_t netlink_address_write(const struct endpoint *e, struct sockaddr_storage *to);
/* SOL_NETLINK. */
int option_netlink_set(struct socket *s, int name, const void *value, socklen_t length);
int option_netlink_get(const struct socket *s, int name, void *value, socklen_t *length);
/* A change of the stack goes to the groups: netlink_notify.c. */
void netlinks_hear(struct socket_layer *l, enum stack_change what, uint32_t number, int64_t now);

#endif
