/* SPDX-License-Identifier: MIT */
/*
 * TCP Fast Open (RFC 7413) for a host that does not speak it, as a link over its link, for the first connection that comes:
 * SYNs reach the host without option and data; its SYN-ACK gets the cookie that was asked for, or acknowledges the data of
 * a SYN with the right one, which the host then gets at once, with an acknowledgement in the client's name. What the SYN-ACK
 * said is said again to a SYN that comes again. The host takes this for a handshake of no time, and may send a loss probe.
 */
#ifndef WEIR_TESTS_SIM_FAST_OPEN_SERVER_H
#define WEIR_TESTS_SIM_FAST_OPEN_SERVER_H

#include "packet/link.h"

#define FAST_OPEN_SERVER_COOKIE_BYTES 8u

enum fast_open_path {
    FAST_OPEN_PATH_CLEAR,
    FAST_OPEN_PATH_EATS_DATA,    /* drops SYNs with data */
    FAST_OPEN_PATH_EATS_OPTIONS, /* drops SYNs with the option */
};

extern const uint8_t fast_open_server_cookie[FAST_OPEN_SERVER_COOKIE_BYTES];

/* Takes over lower. */
struct link *fast_open_server_new(struct link *lower, enum fast_open_path path);

#endif
