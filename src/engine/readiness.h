/* SPDX-License-Identifier: MIT */
/*
 * What the hosts of a port need before loads begin, and afterwards: addresses by DHCP, renewed and given back, and the end
 * of the tests whether somebody has an address that is probed for (RFC 5227 2.1). The worker's, as its stack.
 *
 * Owns the DHCP clients; borrows plan, stack and traffic, which outlive it, and tells the traffic of each address that
 * comes or goes. Invariant: an address counts as held exactly while the traffic was told of it.
 */
#ifndef WEIR_ENGINE_READINESS_H
#define WEIR_ENGINE_READINESS_H

#include "traffic/traffic.h"

struct readiness;

enum readiness_state { READINESS_WAITS, READINESS_READY, READINESS_FAILED };

/* ERR_NO_MEMORY, ERR_SYSTEM (no random bytes), errors of dhcp_clients_new(). */
MUST_CHECK int readiness_new(const struct plan *p, uint32_t port, unsigned interface, struct stack *s,
                             struct traffic *t, const struct allocator *a, int64_t now, struct readiness **out);
/* NULL is allowed. */
void readiness_delete(struct readiness *r);
/* Clients begin; the time that they have runs from here. */
void readiness_start(struct readiness *r, int64_t now);
/* Once a turn of the stack. Ready stays ready, whatever is lost afterwards. */
enum readiness_state readiness_turn(struct readiness *r, int64_t now);
int64_t readiness_deadline(const struct readiness *r);
/* Of a failure: which device, what was found, what was waited for. */
void readiness_explain(const struct readiness *r, char message[256]);
/* Instead of readiness_turn() at the end: gives back some of the addresses. False: all are, and servers have heard. */
bool readiness_release(struct readiness *r, int64_t now);
/* Adds what the leases count. */
void readiness_read_stats(const struct readiness *r, struct traffic_stats *into);

#endif
