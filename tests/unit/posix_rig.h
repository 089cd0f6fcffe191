/* SPDX-License-Identifier: MIT */
/*
 * Two stacks of this process over a memory link, each in its thread, for tests of the blocking front.
 */
#ifndef WEIR_TESTS_POSIX_RIG_H
#define WEIR_TESTS_POSIX_RIG_H

#include <netinet/in.h>
#include <stdint.h>

#include "weir/socket.h"

#define CLIENT "10.1.0.1"
#define SERVER "10.1.0.2"

extern struct weir_stack *client, *server;

/* Set-up and tear-down of a test: makes and deletes both. */
int front_begin(void **state);
int front_end(void **state);

/* One more, with one interface; `address` is a.b.c.d/n. */
struct weir_stack *front_stack(const char *link, const char *address, bool embedded);
struct sockaddr_in front_address(const char *text, uint16_t port);

int front_listener(uint16_t port);   /* of the server, on all addresses, with a backlog of 1,000 */
int front_connection(uint16_t port); /* of the client, to the server; from any thread: -1 with errno when it fails */
void front_pair(int *c, int *s);     /* the two ends of a connection, and no listener */

#endif
