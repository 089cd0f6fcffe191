/* SPDX-License-Identifier: MIT */
/*
 * A packet's checksum and GSO state as virtio-net's header, which TAP devices and packet sockets put before each frame;
 * and what a driver with that header offers. What comes from the kernel is checked before anybody uses an offset of it.
 */
#ifndef WEIR_LINK_VNET_H
#define WEIR_LINK_VNET_H

#include <linux/virtio_net.h>

#include "packet/link.h"

/* Each may be off, so that a fault can be looked for and a test can compare. */
struct vnet_offload {
    bool rx_checksum; /* take frames whose checksum is verified or not yet filled in */
    bool tx_checksum; /* leave checksums to the kernel */
    bool gro;         /* take packets of up to 64 KB; needs rx_checksum */
    bool tso;         /* give TCP in packets of up to 64 KB; needs tx_checksum */
    bool uso;         /* the same of UDP, where the kernel takes them (Linux 6.2) */
};

#define VNET_IP_MAX 65535u /* bytes of IP packet with gro, tso or uso */

#define VNET_OFFLOAD_LIST(X) X(rx_checksum) X(tx_checksum) X(gro) X(tso) X(uso)

void vnet_offload_default(struct vnet_offload *o); /* all */
/* Turns off those of a list, "gro,uso" (NULL: none). ERR_INVALID with a message: another name. */
MUST_CHECK int vnet_offload_leave_out(struct vnet_offload *o, const char *list, char message[256]);
/* 0, or ERR_INVALID with a message: one that needs another, which is off. */
MUST_CHECK int vnet_offload_check(const struct vnet_offload *o, const char *link, char message[256]);
/* caps and gso_max of a link; without LINK_CAP_USO where the kernel is too old for it. */
void vnet_offload_describe(const struct vnet_offload *o, struct link *l);

/*
 * What the header says of a received frame becomes the packet's state, as far as a link with these caps delivers it; a
 * checksum that is not filled in is completed without LINK_CAP_RX_CHECKSUM. ERR_MALFORMED: an offset outside the frame,
 * a kind that was not asked for, a GSO packet that packet_segment could not cut. One of a tunnel becomes
 * PACKET_GSO_TUNNEL, and a partial checksum may lie in a tunnel too; those around it are complete then.
 */
MUST_CHECK int vnet_read(struct packet *p, uint32_t caps, const struct virtio_net_hdr *h);
/*
 * Makes a packet ready for a link with these caps and writes its header: a stripped tag is put back, a checksum that
 * the link does not complete is. ERR_MALFORMED, ERR_NO_SPACE, as packet_finish says; also a GSO packet without a
 * partial checksum.
 */
MUST_CHECK int vnet_write(struct packet *p, uint32_t caps, struct virtio_net_hdr *h);

#endif
