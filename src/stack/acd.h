/* SPDX-License-Identifier: MIT */
/*
 * IPv4 address conflict detection: RFC 5227. Before an address is used it is probed for (2.1), then announced (2.3); as
 * long as it is used, conflicts are answered by its host's policy (2.4). The states, the record and the clock are those
 * of IPv6's duplicate address detection (autoconf.h).
 */
#ifndef WEIR_STACK_ACD_H
#define WEIR_STACK_ACD_H

#include "stack/host.h"

/* An address begins to be tested. */
void acd_begin(struct stack *s, struct host *h);
/* The next probe, the end of waiting, or an announcement. */
void acd_due(struct stack *s, struct host *h);
/* Somebody else uses a host's address, or probes for it while we do. */
void acd_conflict(struct stack *s, struct host *h);

#endif
