/* SPDX-License-Identifier: MIT */
/*
 * A network interface of the Linux kernel through AF_PACKET, in bursts. Needs CAP_NET_RAW; another network namespace CAP_SYS_ADMIN.
 *
 * Received frames carry the VLAN tag that the kernel stripped beside them; those whose checksum the kernel has verified, or not yet filled in because
 * their sender is on this machine (a veth pair), are PACKET_CHECKSUM_VERIFIED. Frames larger than the MTU, which local senders make unless their
 * segmentation offload is off (ethtool -K IF tso off gso off), are dropped as RX_TOO_LONG; so are those that GRO merged.
 * The kernel's own drops (a full socket) are counted as RX_NO_BUFFER, read ten times a second.
 */
#ifndef WEIR_LINK_AF_PACKET_H
#define WEIR_LINK_AF_PACKET_H

#include "packet/link.h"

struct af_packet_settings {
    const char *interface; /* such as "veth0" */
    const char *netns;     /* path of a network namespace to open it in, or NULL for the caller's */
    uint32_t frames;       /* rx and tx pool each; default 4096 */
    uint32_t buffer_bytes; /* headroom included; 0: from the interface's MTU */
    bool promiscuous;      /* default true */
};

void af_packet_settings_default(struct af_packet_settings *s);
/*
 * 0, or ERR_NOT_FOUND (no such interface or namespace), ERR_DENIED, ERR_UNSUPPORTED (not Ethernet), ERR_SYSTEM (also: the interface is down),
 * ERR_NO_MEMORY, ERR_INVALID (frames, buffer_bytes); message (256 bytes) then says what was found.
 */
MUST_CHECK int af_packet_link_new(const struct af_packet_settings *s, const struct allocator *a, struct link **out,
                                  char message[256]);

#endif
