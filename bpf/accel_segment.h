/* SPDX-License-Identifier: MIT */
/*
 * Where a TCP segment lies in a frame on the XDP hook, and sums over it. Ethernet with one 802.1Q tag or none, IPv4 without
 * options and fragments or IPv6 without extension headers; all else is nobody's here.
 */
#ifndef WEIR_BPF_ACCEL_SEGMENT_H
#define WEIR_BPF_ACCEL_SEGMENT_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "engine/shortcut_map.h"

#define CLIENTS 0
#define SERVERS 1
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define TCP_MIN 20
#define LINK_HEADERS_MAX 58u /* and those of IP */
#define SEGMENT_MAX 4096u
#define TRIES 4

enum { SYN = 0x02, PSH = 0x08, ACK = 0x10, ECE = 0x40, CWR = 0x80 };

struct tag {
    __be16 tci, type;
};

struct tcp {
    __be16 source, destination;
    __be32 sequence, acknowledgement;
    __u8 offset, flags;
    __be16 window;
    __u16 checksum;
    __be16 urgent;
};

/* A plain segment: where it lies, and what is needed of it. */
struct segment {
    struct tcp *tcp;
    struct shortcut_key key;
    __u64 pseudo;                  /* sum of the pseudo header */
    __u32 length, header, payload; /* of TCP */
    __be32 *timestamps, *edges;    /* TSval, and the first edge of SACK; NULL: none */
    __u32 edge_count;
};

/* ---- sums, as base/checksum.h ---- */

ALWAYS_INLINE __u16 fold(__u64 sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)sum;
}

/* ---- which segment ---- */

ALWAYS_INLINE void put_ends(struct segment *s, __u32 side, const __u32 *source, const __u32 *destination)
{
    __u32 *client = (__u32 *)s->key.client, *server = (__u32 *)s->key.server;
    for (int i = 0; i < 4; i++) {
        client[i] = side == CLIENTS ? source[i] : destination[i];
        server[i] = side == CLIENTS ? destination[i] : source[i];
        s->pseudo += (__u64)source[i] + destination[i];
    }
}

ALWAYS_INLINE void *find_in_v4(struct segment *s, __u32 side, void *at, void *end)
{
    struct iphdr *ip = at;
    if ((void *)(ip + 1) > end || *(__u8 *)at != 0x45 || ip->protocol != IPPROTO_TCP ||
        ip->frag_off & bpf_htons(0xbfff)) /* all but DF */
        return 0;
    const __u32 source[4] = {0, 0, 0, ip->saddr}, destination[4] = {0, 0, 0, ip->daddr};
    const __u32 length = bpf_ntohs(ip->tot_len);
    if (length < sizeof *ip)
        return 0;
    s->length = length - sizeof *ip;
    put_ends(s, side, source, destination);
    *(__u32 *)(s->key.client + 8) = *(__u32 *)(s->key.server + 8) = bpf_htonl(0xffff);
    return ip + 1;
}

ALWAYS_INLINE void *find_in_v6(struct segment *s, __u32 side, void *at, void *end)
{
    struct ipv6hdr *ip = at;
    if ((void *)(ip + 1) > end || *(__u8 *)at >> 4 != 6 || ip->nexthdr != IPPROTO_TCP)
        return 0;
    s->length = bpf_ntohs(ip->payload_len);
    put_ends(s, side, ip->saddr.in6_u.u6_addr32, ip->daddr.in6_u.u6_addr32);
    return ip + 1;
}

ALWAYS_INLINE void *find_tcp(struct segment *s, __u32 side, void *data, void *end)
{
    struct ethhdr *frame = data;
    struct tag *tag = (struct tag *)(frame + 1);
    void *ip = tag;
    if ((void *)(frame + 1) > end)
        return 0;
    __be16 type = frame->h_proto;
    if (type == bpf_htons(ETH_P_8021Q)) {
        if ((void *)(tag + 1) > end)
            return 0;
        s->key.vlan = bpf_ntohs(tag->tci) & 0xfff;
        type = tag->type;
        ip = tag + 1;
    }
    return type == bpf_htons(ETH_P_IP)     ? find_in_v4(s, side, ip, end)
           : type == bpf_htons(ETH_P_IPV6) ? find_in_v6(s, side, ip, end)
                                           : 0;
}

/* All headers but the options are there, and the segment is whole; options and payload are not looked at. */
ALWAYS_INLINE int find_segment(struct segment *s, __u32 side, void *data, void *end)
{
    struct tcp *tcp = s->tcp = find_tcp(s, side, data, end);
    if (!tcp || (void *)(tcp + 1) > end)
        return 0;
    s->header = (__u32)(tcp->offset >> 4) * 4;
    if (s->header < TCP_MIN || s->header > s->length || (void *)tcp + s->length > end)
        return 0;
    s->payload = s->length - s->header;
    s->pseudo += bpf_htons((__u16)s->length) + bpf_htons(IPPROTO_TCP);
    s->key.client_port = bpf_ntohs(side == CLIENTS ? tcp->source : tcp->destination);
    s->key.server_port = bpf_ntohs(side == CLIENTS ? tcp->destination : tcp->source);
    return 1;
}

/* ---- sums over it ---- */

/*
 * The sum over a segment `at` bytes into the frame, its pseudo header's sum given; 0: it is not all there. Not inlined: the kernel's verifier walks the loop
 * once.
 */
__attribute__((noinline)) int sum_of(struct xdp_md *frame, __u32 at, __u32 length, __u32 pseudo)
{
    const __u8 *end = (void *)(long)frame->data_end, *from = (void *)(long)frame->data;
    __u64 sum = pseudo;
    if (at > LINK_HEADERS_MAX || length > SEGMENT_MAX)
        return 0;
    from += at;
    for (__u32 i = 0; i < SEGMENT_MAX / 2; i++) {
        const __u8 *here = from + 2 * i;
        if (2 * i + 1 >= length)
            break;
        if (here + 2 > end)
            return 0;
        sum += *(const __u16 *)here;
    }
    from += length & ~1u;
    if (length & 1 && from + 1 <= end)
        sum += *from;
    return fold(sum);
}

/*
 * A checksum that a sender on this machine has left to the card is the sum of the pseudo header, and this hook cannot see whether it is. Of right ones it is
 * so in one of 65,535.
 */
ALWAYS_INLINE int is_filled(struct xdp_md *frame, const struct segment *s)
{
    const __u16 pseudo = fold(s->pseudo);
    const __u32 at = (__u32)((long)s->tcp - (long)frame->data);
    return s->tcp->checksum != pseudo || sum_of(frame, at, s->length, pseudo) == 0xffff;
}

#endif
