/* SPDX-License-Identifier: MIT */
/*
 * A network interface of the Linux kernel through AF_PACKET, in bursts. Needs CAP_NET_RAW.
 */
#ifndef WEIR_LINK_AF_PACKET_H
#define WEIR_LINK_AF_PACKET_H

#include "packet/link.h"

struct af_packet_settings {
    const char *interface; /* such as "veth0" */
    const char *netns;     /* path of a network namespace to open it in, or NULL for the caller's */
    uint32_t frames;       /* rx and tx pool each; default 4096 */
    uint32_t buffer_bytes; /* 0: from the interface's MTU */
    bool promiscuous;      /* default true */
};

void af_packet_settings_default(struct af_packet_settings *s);
/*
 * 0, or ERR_NOT_FOUND (no such interface), ERR_DENIED, ERR_SYSTEM, ERR_NO_MEMORY; message (256 bytes) then says what was found.
 */
MUST_CHECK int af_packet_link_new(const struct af_packet_settings *s, const struct allocator *a, struct link **out, char message[256]);

#endif
