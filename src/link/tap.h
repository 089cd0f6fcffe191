/* SPDX-License-Identifier: MIT */
/*
 * A TAP device: an interface of the kernel whose other end is this program. Needs CAP_NET_ADMIN; another network
 * namespace CAP_SYS_ADMIN.
 *
 * The device is made if there is none of that name (then it goes away with its last queue), or an existing TAP device
 * without a user is taken (ip tuntap add NAME mode tap). With each frame goes virtio-net's header (link/vnet.h):
 * checksums are left to whoever is last, TCP and UDP go both ways in packets of up to 64 KB (UDP from Linux 6.2 on; what
 * comes is cut into its datagrams, link/cutter.h). Each queue is a link of its own for a thread of its own; the kernel
 * sends a connection's frames to the queue that last sent frames of it.
 */
#ifndef WEIR_LINK_TAP_H
#define WEIR_LINK_TAP_H

#include "link/vnet.h"
#include "wire/ip_addr.h"

#define TAP_MAX_QUEUES 64u

struct tap_settings {
    const char *name;        /* such as "tap0"; at most 15 characters */
    const char *netns;       /* path of a network namespace to make it in, or NULL for the caller's */
    uint32_t mtu;            /* default 1500; 68 to 65521 */
    uint32_t queues;         /* default 1 */
    uint32_t frames;         /* rx and tx pool of each queue; default 4096 */
    uint32_t address;        /* IPv4 address of the kernel's side, host order; 0: none is set */
    uint8_t prefix;          /* its length */
    struct ip_addr address6; /* the same, of IPv6; unspecified: none is set */
    uint8_t prefix6;
    struct vnet_offload offload; /* default: all */
};

void tap_settings_default(struct tap_settings *s);
/*
 * Opens the device, sets MTU and address and brings it up; out[0, queues) are its links, whose MAC address differs from
 * the kernel's side's. 0, or ERR_NOT_FOUND (no /dev/net/tun, no such namespace), ERR_DENIED, ERR_IN_USE (somebody has
 * the device), ERR_UNSUPPORTED (an interface of that name that is no TAP device, or without multi_queue), ERR_SYSTEM,
 * ERR_NO_MEMORY, ERR_INVALID (a setting); message (256 bytes) then says what was found.
 */
MUST_CHECK int tap_links_new(const struct tap_settings *s, const struct allocator *a, struct link **out,
                             char message[256]);
/*
 * One link over a descriptor that somebody else opened and configured as the settings say (name, mtu, frames and
 * offload count). It is closed with the link, or when this fails.
 */
MUST_CHECK int tap_link_over(int fd, const uint8_t mac[6], const struct tap_settings *s, const struct allocator *a,
                             struct link **out, char message[256]);

#endif
