/* SPDX-License-Identifier: MIT */
/*
 * Socket options: how their values go in and out, and where those of each protocol are. tcp(7), ip(7), socket(7).
 */
#ifndef WEIR_SOCKET_OPTIONS_H
#define WEIR_SOCKET_OPTIONS_H

#include "socket/private.h"

#define SOCKET_MIN_RECEIVE 2304u /* SOCK_MIN_RCVBUF of Linux */
#define SOCKET_MIN_SEND 4608u    /* SOCK_MIN_SNDBUF */

/* An integer out of a value: -EINVAL (too short), -EFAULT. */
MUST_CHECK int option_int(const void *value, socklen_t length, int *out);
/* As much as fits; *length becomes what was given. -EINVAL: a negative length. */
int option_give(void *value, socklen_t *length, const void *from, size_t size);
int option_give_int(void *value, socklen_t *length, int from);

/* Of IPPROTO_IP, where one byte does for an integer, and none at all means 0. */
MUST_CHECK int option_int_or_byte(const void *value, socklen_t length, int *out);
int option_ip_give(void *value, socklen_t *length, int from);

int option_tcp_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_tcp_get(struct socket *s, int name, void *value, socklen_t *length, int64_t now);
/* SO_KEEPALIVE was changed. */
int option_tcp_keepalive(struct socket *s, int64_t now);
int option_ip_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_ip_get(struct socket *s, int name, void *value, socklen_t *length, int64_t now);
/* datagram_cork.c */
int option_udp_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_udp_get(const struct socket *s, int name, void *value, socklen_t *length);
int option_ip6_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_ip6_get(struct socket *s, int name, void *value, socklen_t *length, int64_t now);
/* options_group.c: groups of IPv6, and IPV6_MULTICAST_IF. -ENOPROTOOPT: another option. */
int option_group6_set(struct socket *s, int name, const void *value, socklen_t length, int64_t now);
int option_group6_get(const struct socket *s, int name, void *value, socklen_t *length);

/* tcp_info.c: struct tcp_info of linux/tcp.h. */
int option_tcp_info(struct socket *s, void *value, socklen_t *length, int64_t now);

#endif
