/* SPDX-License-Identifier: MIT */
/*
 * A network interface of the Linux kernel through AF_PACKET, in bursts. Needs CAP_NET_RAW; another network namespace CAP_SYS_ADMIN.
 *
 * With each frame goes virtio-net's header (link/vnet.h): a sender on this machine leaves its checksums unfilled and its segments uncut, up to 64 KB,
 * and so may we. Without gro such packets, and those that the kernel merged, are cut here (link/cutter.h). A stripped VLAN tag is beside the frame. The
 * kernel's own drops (a full socket) are counted as RX_NO_BUFFER, read ten times a second. For an interface that can cut (TSO) sending goes past the
 * queueing discipline (on veth it costs the same: 640 ns a frame). For any other the kernel cuts, as it does for its own TCP, but only on the way through the
 * discipline; what that refuses is TX_NO_ROOM. With segments cut here one flow to the kernel is half as fast (bench/flow: alone beside off). UDP in packets of
 * many datagrams (Linux 6.2) is sent whole where the device cuts it too, or where the kernel cuts anyway.
 *
 * Frames are received through a ring of slots (link/packet_ring.h): none costs a system call but those longer than a slot, and a turn without frames costs
 * nothing. Measured (bench/packet-receive, ns of the receiving thread and system calls a frame of 100 / 1500 bytes, then the time from sending a lone frame
 * to having it): recvmmsg 755 / 1040, 0.07, 2.2 us; this ring (TPACKET_V2) 520 / 750, 0.2 (those that wait), 2.0 us; a ring of blocks (V3) 73 / 246,
 * 0.001, 1050 us: V3 is ten times as cheap, but hands a block over when it is full or 1 ms old, which every handshake and every lone request would wait.
 */
#ifndef WEIR_LINK_AF_PACKET_H
#define WEIR_LINK_AF_PACKET_H

#include "link/vnet.h"

struct af_packet_settings {
    const char *interface; /* such as "veth0" */
    const char *netns;     /* path of a network namespace to open it in, or NULL for the caller's */
    uint32_t frames;       /* rx and tx pool each; default 4096 */
    uint32_t buffer_bytes; /* headroom included; 0: from the interface's MTU */
    bool promiscuous;      /* default true */
    uint16_t fanout; /* links with the same number share what comes to the interface, by flow; 0: none, each gets all */
    struct vnet_offload offload; /* default: all */
};

void af_packet_settings_default(struct af_packet_settings *s);
/*
 * 0, or ERR_NOT_FOUND (no such interface or namespace), ERR_DENIED, ERR_UNSUPPORTED (not Ethernet), ERR_SYSTEM (also: the interface is down),
 * ERR_NO_MEMORY, ERR_INVALID (frames, buffer_bytes); message (256 bytes) then says what was found.
 */
MUST_CHECK int af_packet_link_new(const struct af_packet_settings *s, const struct allocator *a, struct link **out,
                                  char message[256]);

#endif
