/* SPDX-License-Identifier: MIT */
/*
 * One link with one stack, turned by the thread that made it: what commands run on that are no load (weir dhcp, lldp,
 * traceroute). No host is on it at first; its owner adds them. Broadcast, multicast and frames other than IP may leave.
 */
#ifndef WEIR_ENGINE_SOLO_H
#define WEIR_ENGINE_SOLO_H

#include "engine/links.h"

struct solo {
    struct link *link;
    struct guard guard;
    struct stack *stack; /* interface 0 is the link */
    unsigned empty_turns;
};

struct solo_needs {
    uint32_t addresses;   /* hosts; 0: the stack's default */
    uint32_t udp_ports;   /* the same */
    uint32_t connections; /* of TCP; at least a few */
    uint32_t waiting;     /* datagrams that may wait for one neighbour, at most 255; 0: the stack's default */
};

/*
 * Opens packet:, xdp: and tap: locations. Errors as links_open_alone(), and ERR_INVALID for other locations; message (256
 * bytes) then says what was found. On failure nothing stays open.
 */
MUST_CHECK int solo_open(struct solo *o, const struct plan_port *port, const struct solo_needs *needs,
                         char message[256]);
void solo_close(struct solo *o);
/* Receives and sends. How many frames moved. */
unsigned solo_turn(struct solo *o, int64_t now);
/* Sleeps until frames come, the stack wants a turn, or `until`; at most a tenth of a second. After busy turns: not. */
void solo_rest(struct solo *o, unsigned moved, int64_t until);

#endif
