/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF programs (McCanne and Jacobson 1993), as Linux's socket filters have them: linux/filter.h, Documentation/networking/filter.rst. A program
 * that passed cbpf_check ends, and reads nothing but its packet, its 16 words and the facts given here.
 */
#ifndef WEIR_SOCKET_CBPF_H
#define WEIR_SOCKET_CBPF_H

#include "base/random.h"
#include "stack/stack.h"

#include <linux/filter.h>

#define CBPF_MAX_INSTRUCTIONS 4096u

/* What a filter is asked about. Offsets count from the first byte of the pieces. */
struct cbpf_packet {
    const struct ip_piece *pieces;
    uint32_t n_pieces;
    uint32_t length;  /* of all pieces */
    uint32_t data;    /* where the program's offset 0 is: behind the link header for SOCK_DGRAM */
    uint32_t link;    /* SKF_LL_OFF; CBPF_NOWHERE: it has no link header */
    uint32_t network; /* SKF_NET_OFF */
    /* SKF_AD_OFF */
    uint16_t protocol;
    uint8_t packet_type;
    int ifindex;
    uint16_t hardware_type;
    uint16_t vlan_tci;
    bool vlan_present;
    uint32_t hash;
    struct random *random; /* SKF_AD_RANDOM */
};
#define CBPF_NOWHERE UINT32_MAX

/* What bpf_check_classic() of Linux checks. */
bool cbpf_check(const struct sock_filter *program, size_t n);
/* How many bytes from packet->data on the filter lets pass; 0: none. */
uint32_t cbpf_run(const struct sock_filter *program, const struct cbpf_packet *packet);

#endif
