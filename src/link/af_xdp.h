/* SPDX-License-Identifier: MIT */
/*
 * A network interface of the Linux kernel through AF_XDP sockets, in bursts. Needs CAP_NET_ADMIN, CAP_NET_RAW and
 * CAP_BPF (Linux 5.11); another network namespace CAP_SYS_ADMIN.
 *
 * What comes to the interface, on all of its queues, goes to the link before the kernel's stack sees it: the kernel
 * has no part in the interface while the link is open, unlike with af_packet. The program that does so is attached in
 * the driver where that can, else in the kernel (generic); frames are the driver's (zero copy) where that can, else
 * copied by the kernel. link.note says which. Between the kernel's rings and the link's packets nothing is copied
 * (link/umem.h) but what tx_burst gets from other links' pools.
 *
 * The kernel's offloads do not reach here: checksums are filled in before they leave, frames are at most the MTU, and
 * what a sender on this machine left to fill in (a veth pair's other end with tx checksums on) is dropped as
 * RX_UNFILLED, since what it should be nobody can know: turn that off there, `ethtool -K PEER tx off`. VLAN tags that
 * the other end leaves beside its frames are lost before XDP: `ethtool -K PEER txvlan off`, and `rxvlan off` of a card.
 *
 * Drops of the kernel are read ten times a second: RX_NO_BUFFER (no frame to receive into), RX_TOO_LONG, TX_ERROR
 * (a descriptor it did not take), RX_NO_SOCKET (by a queue that the interface got since: the kernel's stack has it; veth
 * has such a queue run the program only when it is set up again). A frame that the device had no room for is
 * TX_NO_ROOM. While the interface is down, or gone, what is sent is TX_ERROR; what was handed over just before waits,
 * and goes when it is up again.
 */
#ifndef WEIR_LINK_AF_XDP_H
#define WEIR_LINK_AF_XDP_H

#include "packet/link.h"

struct af_xdp_settings {
    const char *interface; /* such as "veth0" */
    const char *netns;     /* path of a network namespace to open it in, or NULL for the caller's */
    uint32_t frames;       /* to receive into, and as many to send from; default 4096 */
    bool promiscuous;      /* default true */
};

void af_xdp_settings_default(struct af_xdp_settings *s);
/*
 * 0, or ERR_NOT_FOUND (no such interface or namespace), ERR_DENIED, ERR_IN_USE (an XDP program or socket has it),
 * ERR_UNSUPPORTED (not Ethernet, an MTU over a page, no AF_XDP in the kernel or in this build), ERR_SYSTEM (also: the
 * interface is down), ERR_NO_MEMORY, ERR_INVALID (frames); message (256 bytes) then says what was found.
 */
MUST_CHECK int af_xdp_link_new(const struct af_xdp_settings *s, const struct allocator *a, struct link **out,
                               char message[256]);

#endif
