/* SPDX-License-Identifier: MIT */
/*
 * What the drivers of interfaces offer to XDP, as the kernel tells by generic netlink's family "netdev" (Linux 6.3).
 */
#ifndef WEIR_LINK_XDP_OFFER_H
#define WEIR_LINK_XDP_OFFER_H

#include "link/interfaces.h"

/* Fills `xdp` of each interface of the list; those that the kernel does not tell of stay unknown. */
void xdp_offers_read(struct interface_list *list);

#endif
