/* SPDX-License-Identifier: MIT */
/*
 * What the tests of tunnels share: two stacks on a wire in memory, in virtual time, that can lose frames; each has a
 * host of either family on it (10.0.0.1 and .2, 2001:db8::1 and ::2), and a set of tunnels. A pipe is a tunnel at both
 * sides, with an interface and hosts of its own. tunnel_rig_free() checks that every frame came home.
 */
#ifndef WEIR_TESTS_UNIT_TUNNEL_RIG_H
#define WEIR_TESTS_UNIT_TUNNEL_RIG_H

#include "support/cmocka_all.h"

#include "impair/impair.h"
#include "tunnel/tunnel.h"

struct tunnel_side {
    struct link *link;
    struct guard guard;
    struct stack *stack;
    struct tunnel_set *set;
    uint32_t v4, v6; /* local indexes of the wire's hosts */
    /* what arrived */
    unsigned replies, connected, closed, normal;
    uint64_t received, wrong, to_send;
    unsigned user;
};

struct tunnel_rig {
    int64_t now;
    struct tunnel_side side[2];
};

struct tunnel_rig_options {
    uint32_t loss_ppb, mtu, addresses;
};

struct tunnel_rig *tunnel_rig_new(void);
struct tunnel_rig *tunnel_rig_new_with(const struct tunnel_rig_options *o);
void tunnel_rig_free(struct tunnel_rig *r);
/* Turns of both until nothing moves, without time. */
void tunnel_rig_settle(struct tunnel_rig *r);
/* Lets time pass from one deadline to the next, at most so much; stops when `done` (or NULL) says so. */
void tunnel_rig_run(struct tunnel_rig *r, int64_t ns, bool (*done)(const struct tunnel_rig *r));

struct ip_addr tunnel_rig_ip(const char *text);
/* A tunnel of one side as an interface of its stack: its number. remote is not asked of VXLAN. */
int tunnel_rig_add(struct tunnel_rig *r, unsigned side, const struct tunnel_settings *t, struct link **link);
/* A host on it: its local index. */
uint32_t tunnel_rig_host(struct tunnel_rig *r, unsigned side, int interface, const char *address, uint8_t length,
                         uint32_t vni);
/*
 * A tunnel at both sides between locals of both (side 0's, side 1's), with hosts "prefix" .1 and .2 (or ::1 and ::2) in
 * it, whose local indexes are given.
 */
void tunnel_rig_pipe(struct tunnel_rig *r, const struct tunnel_settings *t, const uint32_t under[2],
                     const char *const address[2], uint32_t inside[2]);

/* An echo of so many bytes from side 0 to an address; true when its answer came. */
bool tunnel_rig_ping(struct tunnel_rig *r, uint32_t local, const char *remote, uint32_t bytes);
/* Bytes both ways over one connection from side 0's local to side 1's address; all arrived as they were sent. */
bool tunnel_rig_transfer(struct tunnel_rig *r, uint32_t local, const char *remote, uint64_t bytes);

#endif
