/* SPDX-License-Identifier: MIT */
/*
 * epoll(7) over sockets: an interest list and a list of those that are ready, so that waiting costs what is ready, not what is watched. It never waits itself:
 * epoll_collect returns 0 when nothing is ready, and `wake` says when that changes.
 *
 * Level, edge (EPOLLET) and one-shot (EPOLLONESHOT); with EPOLLEXCLUSIVE all are woken, as ever. Entries are named by socket and the user's key (its descriptor),
 * as Linux does it. Before socket_close comes epoll_forget.
 */
#ifndef WEIR_SOCKET_EPOLL_H
#define WEIR_SOCKET_EPOLL_H

#include "socket/socket.h"

#include <sys/epoll.h>

struct epoll;

/* -ENOMEM, -EINVAL. wake is called when the first of a socket becomes ready, and may be NULL. */
MUST_CHECK int epoll_new(const struct allocator *a, uint32_t max_entries, void (*wake)(void *context), void *context,
                         struct epoll **out);
void epoll_delete(struct epoll *e);
/* EPOLL_CTL_ADD, _MOD, _DEL. -EEXIST, -ENOENT, -ENOSPC, -EINVAL. */
int epoll_control(struct epoll *e, int operation, struct socket *s, int key, const struct epoll_event *event);
/* Takes the socket off all epolls, whatever its keys. */
void epoll_forget(struct socket *s);
/* What is ready, at most `max`, in the order in which it became so; how many. */
int epoll_collect(struct epoll *e, struct epoll_event *events, int max);
/* Something may be ready: cheaper than asking for it. */
bool epoll_is_ready(const struct epoll *e);

#endif
