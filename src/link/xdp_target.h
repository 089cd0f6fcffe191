/* SPDX-License-Identifier: MIT */
/*
 * Whether an interface takes frames that an XDP program redirects to it. A driver may do so only under conditions, and drops them otherwise without a word
 * to whom sent them: veth wants that its other end merges segments (GRO) or runs an XDP program, some cards a program of their own. The kernel says since
 * Linux 6.3 (the generic netlink family "netdev").
 */
#ifndef WEIR_LINK_XDP_TARGET_H
#define WEIR_LINK_XDP_TARGET_H

#include "base/compiler.h"

/* Of an interface of the caller's namespace: 0, or ERR_UNSUPPORTED, ERR_SYSTEM with a message (256 bytes). */
MUST_CHECK int xdp_target_check(const char *interface, unsigned index, char message[256]);

#endif
