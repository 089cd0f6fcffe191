/* SPDX-License-Identifier: MIT */
/*
 * What a driver has to know of the kernel's interface that it opens.
 */
#ifndef WEIR_LINK_DEVICE_H
#define WEIR_LINK_DEVICE_H

#include "packet/link.h"

/*
 * Asks, by a socket of the interface's network namespace, for its index, and for the MAC address and MTU of `l`. 0, or
 * ERR_NOT_FOUND, ERR_DENIED, ERR_UNSUPPORTED (not Ethernet), ERR_SYSTEM (also: it is down); message (256 bytes) then
 * says what was found, and `needs` where rights were missing.
 */
MUST_CHECK int device_describe(int fd, const char *name, const char *needs, struct link *l, int *index,
                               char message[256]);
/* Its index alone, also when it is down, and whether it is the loopback interface. Errors as of device_describe. */
MUST_CHECK int device_find(int fd, const char *name, const char *needs, int *index, bool *loopback, char message[256]);
/* Its receive queues; 1 when its driver does not say. */
uint32_t device_rx_queues(int fd, const char *name);

#endif
