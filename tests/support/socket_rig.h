/* SPDX-License-Identifier: MIT */
/*
 * Two stacks with a socket layer each, wired by a memory link on one thread, in virtual time. Side 0 is 10.0.0.1, side 1 is 10.0.0.2.
 */
#ifndef WEIR_TESTS_SOCKET_RIG_H
#define WEIR_TESTS_SOCKET_RIG_H

#include "impair/impair.h"
#include "socket/socket.h"

#define RIG_ADDRESS(side) (0x0a000001u + (side))
#define RIG_NOBODY 0x0a000063u  /* on the subnet */
#define RIG_OUTSIDE 0xc0000201u /* no route */
#define RIG_LOOP_FRAMES 16u

struct socket_rig {
    struct link *ends[2];
    struct guard guards[2];
    struct stack *stacks[2];
    struct socket_layer *layers[2];
    struct socket_settings settings; /* of both layers */
    bool cut;                        /* frames are lost */
    int64_t now;
};

/* The rig of a test's cases: begun anew with default settings for each, and ended. */
extern struct socket_rig rig;
int socket_rig_setup(void **state);
int socket_rig_teardown(void **state);

void socket_rig_begin(struct socket_rig *r, const struct socket_settings *settings); /* NULL: default */
/* The same over a line that delays each way. */
void socket_rig_begin_delayed(struct socket_rig *r, const struct socket_settings *settings, int64_t delay_ns);
/* The same over a line that harms each way. */
void socket_rig_begin_impaired(struct socket_rig *r, const struct socket_settings *settings,
                               const struct impair_settings *line);
/* The same over links that take packets of 64 KB in pieces; and a connection (sock_pair) whose packets they cut and checksum themselves. */
void socket_rig_begin_large(struct socket_rig *r);
void sock_pair_large(struct socket_rig *r, struct socket *out[2]);
/* Checks that no socket is left, and that every frame came home. */
void socket_rig_end(struct socket_rig *r);
/* Turns of both until nothing moves. */
void socket_rig_settle(struct socket_rig *r);
/* Lets time pass with all timers that are due. */
void socket_rig_pass(struct socket_rig *r, int64_t ns);

struct sockaddr_in sock_address(uint32_t address, uint16_t port);
/* A socket of a side; bound to {address of its side, or any (0), port} when port is not negative. */
struct socket *sock_socket(struct socket_rig *r, unsigned side, int type);
int sock_bind(struct socket_rig *r, struct socket *s, uint32_t address, uint16_t port);
int sock_connect(struct socket_rig *r, struct socket *s, uint32_t address, uint16_t port);
struct socket *sock_listener(struct socket_rig *r, unsigned side, uint16_t port, int backlog);
struct socket *sock_accept(struct socket *listener); /* NULL: -EAGAIN; anything else fails the test */
/* A connection from side 0 to a listener at side 1: out[0] and out[1]. The listener is closed. */
void sock_pair(struct socket_rig *r, struct socket *out[2]);
ssize_t sock_send(struct socket_rig *r, struct socket *s, const void *bytes, size_t length, int flags);
ssize_t sock_receive(struct socket_rig *r, struct socket *s, void *bytes, size_t length, int flags);
int sock_set(struct socket_rig *r, struct socket *s, int level, int name, int value);
int sock_get(const struct socket_rig *r, struct socket *s, int level,
             int name); /* the value; fails the test when there is none */
void sock_close(struct socket_rig *r, struct socket *s);

#endif
