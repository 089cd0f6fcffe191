/* SPDX-License-Identifier: MIT */
/*
 * The AF_XDP sockets of an interface: one for each receive queue, over one memory (link/umem.h), and the program that
 * gives them their frames (bpf/sockets.bpf.c). The first also sends. Opening and closing; who moves frames is af_xdp.c.
 *
 * Each queue's frames for the kernel are `share` at most, which its rings have room for, and the ring to send has room
 * for all frames there are: no ring is ever full.
 */
#ifndef WEIR_LINK_XDP_SOCKETS_H
#define WEIR_LINK_XDP_SOCKETS_H

#include <xdp/xsk.h>

#include "link/af_xdp.h"
#include "link/umem.h"
#include "link/xdp.h"

#define XDP_SOCKETS_MAX 64u /* as in bpf/sockets.bpf.c */

struct xdp_queue {
    struct xsk_socket *socket;
    struct xsk_ring_prod fill;
    struct xsk_ring_cons completed, rx;
    uint32_t lent;              /* frames that the kernel has to receive into, or that wait in `rx` */
    struct xdp_statistics seen; /* when it was last asked */
};

struct sockets_bpf;

struct xdp_sockets {
    struct umem umem;
    struct xsk_umem *registered; /* the same at the kernel */
    struct xsk_ring_prod tx;     /* of queue 0 */
    struct xdp_queue queues[XDP_SOCKETS_MAX];
    uint32_t n_queues, share;
    struct sockets_bpf *program;
    struct xdp_attachment attachment;
    int promiscuous; /* a packet socket that keeps the interface so, or -1 */
    bool zero_copy;
};

/*
 * Opens all of them, in the calling thread's namespace after a visit to the settings'; of `l`, MAC address, MTU and the
 * pollable descriptor are set. Errors as af_xdp_link_new; then, too, xdp_sockets_close is to be called.
 */
MUST_CHECK int xdp_sockets_open(struct xdp_sockets *x, const struct af_xdp_settings *s, const struct allocator *a,
                                struct link *l, char message[256]);
/* All packets must be home or with the kernel. */
void xdp_sockets_close(struct xdp_sockets *x, struct link *l);
/* Frames that came by a queue without a socket, since the program was loaded. */
uint64_t xdp_sockets_passed_by(const struct xdp_sockets *x);

#endif
