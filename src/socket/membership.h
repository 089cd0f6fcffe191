/* SPDX-License-Identifier: MIT */
/*
 * Groups that a socket has joined, each with its source filter: RFC 3376 section 2 and 3.1, RFC 3678. What the stack is
 * told is one listener for each membership (stack_listen).
 *
 * Memberships lie in their datagram socket; a list of sources is taken from the layer's pool when there is the first
 * one. Invariant: the stack knows of a membership exactly what it says.
 */
#ifndef WEIR_SOCKET_MEMBERSHIP_H
#define WEIR_SOCKET_MEMBERSHIP_H

#include "socket/private.h"

#define MEMBERSHIP_MAX_SOURCES 64u    /* mld_max_msf of Linux */
#define MEMBERSHIP_MAX_SOURCES_V4 10u /* igmp_max_msf */

struct membership {
    struct ip_addr group;
    uint32_t local;
    uint32_t list; /* of sources, in the layer's pool; 0: there was none yet */
    uint32_t n;
    bool exclude;
};

MUST_CHECK int memberships_init(struct socket_layer *l);
void memberships_free(struct socket_layer *l);

struct membership *membership_find(const struct socket *s, const struct ip_addr *group, uint32_t local);
/* A negative errno as of setsockopt: -ENODEV (local 0), -EADDRINUSE, -ENOBUFS. */
int membership_join(struct socket *s, const struct ip_addr *group, uint32_t local, bool exclude, int64_t now);
/* -EADDRNOTAVAIL. */
int membership_leave(struct socket *s, const struct ip_addr *group, uint32_t local, int64_t now);
void membership_leave_all(struct socket *s, int64_t now);

/* One source more or less of a filter of that mode. -EINVAL, -EADDRNOTAVAIL, -ENOBUFS. */
struct membership_change {
    struct ip_addr group, source;
    uint32_t local;
    bool exclude, add;
};
int membership_change(struct socket *s, const struct membership_change *c, int64_t now);
/* A whole filter; including nothing is leaving. */
int membership_set(struct socket *s, const struct membership_change *c, const struct ip_addr *sources, uint32_t n,
                   int64_t now);
const struct ip_addr *membership_sources(const struct socket_layer *l, const struct membership *m);

/* Is a datagram to a group, which came to a local address from a source, one for this socket? */
bool membership_allows(const struct socket *s, const struct ip_addr *group, uint32_t local,
                       const struct ip_addr *source);

#endif
