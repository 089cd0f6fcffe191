/* SPDX-License-Identifier: MIT */
/*
 * An IPv6 address for the kernel's side of a TAP device, in this thread's namespace: by netlink (rtnetlink(7)), since
 * only that can leave duplicate address detection out, for which a device made a moment ago would wait a second.
 * Nothing is kept.
 */
#ifndef WEIR_LINK_TAP_ADDRESS6_H
#define WEIR_LINK_TAP_ADDRESS6_H

#include "wire/ip_addr.h"

/* 0 (also when it is there already), or the errno of what failed. */
MUST_CHECK int tap_address6_add(const char *name, const struct ip_addr *address, uint8_t prefix);

#endif
