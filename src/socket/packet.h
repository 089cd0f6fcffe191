/* SPDX-License-Identifier: MIT */
/*
 * Packet sockets (packet.c): what the calls and addresses of all kinds need of them, since their addresses are struct sockaddr_ll.
 */
#ifndef WEIR_SOCKET_PACKET_H
#define WEIR_SOCKET_PACKET_H

#include "socket/private.h"

extern const struct socket_kind packet_kind;

#define PACKET_NAME_BYTES 18u /* struct sockaddr_ll with a MAC address */

/* -EFAULT, -EINVAL, -ENODEV. */
int packet_bind_address(struct socket *s, const struct sockaddr *address, socklen_t length);
socklen_t packet_address_write(const struct endpoint *e, struct sockaddr_storage *to);
/* SOL_PACKET, options_packet.c. */
int option_packet_set(struct socket *s, int name, const void *value, socklen_t length);
int option_packet_get(const struct socket *s, int name, void *value, socklen_t *length);
/* Reads a frame with what PACKET_AUXDATA says of it. */
ssize_t packet_receive(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now);
/* An interface changed: it may be down. */
void packets_hear(struct socket_layer *l, unsigned interface);
/* The stack shows frames to the layer no more. */
void packets_free(struct socket_layer *l);

#endif
