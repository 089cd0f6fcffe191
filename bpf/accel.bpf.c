/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's shortcut: segments of established connections that user space has published are translated and sent on where the driver hands
 * them up. One program for each side of the box. The arithmetic is that of src/accel/translate.c, byte for byte (tests/interop/accel_shortcut.sh).
 *
 * Whatever is not a plain segment of a published connection goes to user space as if this program were not there, and untouched (XDP_PASS): nothing is
 * dropped here. Plain: Ethernet with one 802.1Q tag or none, IPv4 without options and fragments or IPv6 without extension headers, TCP with ACK and beside
 * it at most PSH and the bits of ECN, options as hosts write them (none; timestamps; SACK; timestamps and SACK; each behind two NOPs), no more bytes than the
 * receiver's MSS allows, and a checksum that was filled in. RFC 9293, 7323, 2018, 1624.
 */
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

enum { PSH = 0x08, ACK = 0x10, ECE = 0x40, CWR = 0x80 };

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536); /* user space says how many */
    __type(key, struct shortcut_key);
    __type(value, struct shortcut_flow);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, SHORTCUT_SIDES);
    __type(key, __u32);
    __type(value, struct shortcut_totals);
} totals SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHORTCUT_GATES);
    __type(key, __u32);
    __type(value, struct shortcut_gate);
} gates SEC(".maps");

/* By the side that a frame leaves by. */
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, SHORTCUT_SIDES);
    __type(key, __u32);
    __type(value, __u32);
} devices SEC(".maps");

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

/* Adds to a number; returns what that changes the sum by. */
ALWAYS_INLINE __u64 move(__be32 *number, __u32 by)
{
    const __u32 was = *number, is = bpf_htonl(bpf_ntohl(was) + by);
    *number = is;
    return (__u64)(__u32)~was + is;
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

/* The shapes of options that hosts write. */
ALWAYS_INLINE int find_options(struct segment *s, void *end)
{
    __be32 *at = (__be32 *)(s->tcp + 1);
    __u32 left = s->header - TCP_MIN;
    if (left == 0)
        return 1;
    if ((void *)(at + 1) > end)
        return 0;
    if (*at == bpf_htonl(0x0101080a)) {
        if (left < 12 || (void *)(at + 3) > end)
            return 0;
        s->timestamps = at + 1;
        at += 3;
        left -= 12;
    }
    if (left == 0)
        return 1;
    if ((void *)(at + 1) > end)
        return 0;
    const __u32 prefix = bpf_ntohl(*at), bytes = left - 2; /* of the option */
    s->edges = at + 1;
    s->edge_count = left / 4 - 1;
    return prefix >> 8 == 0x010105 && (prefix & 0xff) == bytes && left % 8 == 4 && left > 4;
}

ALWAYS_INLINE int find(struct segment *s, __u32 side, void *data, void *end)
{
    struct tcp *tcp = s->tcp = find_tcp(s, side, data, end);
    if (!tcp || (void *)(tcp + 1) > end)
        return 0;
    s->header = (__u32)(tcp->offset >> 4) * 4;
    if (s->header < TCP_MIN || s->header > s->length || (void *)tcp + s->length > end)
        return 0;
    if ((tcp->flags & (__u8) ~(PSH | ECE | CWR)) != ACK)
        return 0;
    s->payload = s->length - s->header;
    s->pseudo += bpf_htons((__u16)s->length) + bpf_htons(IPPROTO_TCP);
    s->key.client_port = bpf_ntohs(side == CLIENTS ? tcp->source : tcp->destination);
    s->key.server_port = bpf_ntohs(side == CLIENTS ? tcp->destination : tcp->source);
    return find_options(s, end);
}

/* ---- what becomes of it ---- */

/*
 * Whether the sum over a segment `at` bytes into the frame is right, its pseudo header's sum given. Not inlined: the kernel's verifier walks the loop once.
 */
__attribute__((noinline)) int is_right(struct xdp_md *frame, __u32 at, __u32 length, __u32 pseudo)
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
    return fold(sum) == 0xffff;
}

/*
 * A checksum that a sender on this machine has left to the card is the sum of the pseudo header, and this hook cannot see whether it is. Of right ones it is
 * so in one of 65,535.
 */
ALWAYS_INLINE int is_filled(struct xdp_md *frame, const struct segment *s)
{
    const __u16 pseudo = fold(s->pseudo);
    const __u32 at = (__u32)((long)s->tcp - (long)frame->data);
    return s->tcp->checksum != pseudo || is_right(frame, at, s->length, pseudo);
}

/* Whether nothing of this side that came before is in user space still. */
ALWAYS_INLINE int is_open(struct shortcut_flow *f, __u32 side, __u32 sequence)
{
    if (f->open[side])
        return 1;
    const __u32 slot = f->gate % SHORTCUT_GATES;
    const struct shortcut_gate *gate = bpf_map_lookup_elem(&gates, &slot);
    const __u64 handled = gate && gate->number == f->gate ? gate->handled[side] : f->handled[side];
    f->open[side] = sequence == f->isn[side] + (__u32)handled;
    return f->open[side];
}

/* As note_end() of src/accel/pass.c. False: other processors were faster, and it is for user space. */
ALWAYS_INLINE int note_end(struct shortcut_flow *f, __u32 side, __u32 end)
{
    for (int i = 0; i < TRIES; i++) {
        const __u64 was = *(volatile __u64 *)&f->extent[side];
        const __s32 more = (__s32)(end - (f->isn[side] + (__u32)was));
        if (more <= 0 || __sync_val_compare_and_swap(&f->extent[side], was, was + (__u32)more) == was)
            return 1;
    }
    return 0;
}

ALWAYS_INLINE __u64 move_edges(__be32 *at, __u32 count, __u32 by, void *end)
{
    __u64 change = 0;
    for (__u32 i = 0; i < 8; i++)
        if (i < count && (void *)(at + i + 1) <= end)
            change += move(at + i, by);
    return change;
}

ALWAYS_INLINE void rewrite(struct segment *s, const struct shortcut_flow *f, __u32 side, void *end)
{
    __u64 change = 0;
    if (side == CLIENTS) {
        if (f->sequence)
            change += move(&s->tcp->acknowledgement, f->sequence);
        if (s->timestamps && (void *)(s->timestamps + 2) <= end && f->timestamp)
            change += move(s->timestamps + 1, f->timestamp);
        if (s->edges && f->sequence)
            change += move_edges(s->edges, s->edge_count, f->sequence, end);
    } else {
        if (f->sequence)
            change += move(&s->tcp->sequence, -f->sequence);
        if (s->timestamps && (void *)(s->timestamps + 2) <= end && f->timestamp)
            change += move(s->timestamps, -f->timestamp);
    }
    if (change)
        s->tcp->checksum = (__u16)~fold((__u16)~s->tcp->checksum + change);
}

ALWAYS_INLINE void count(struct shortcut_flow *f, __u32 side, __u32 bytes)
{
    const __u32 number = side;
    struct shortcut_totals *t = bpf_map_lookup_elem(&totals, &number);
    __sync_fetch_and_add(&f->segments[side], 1);
    __sync_fetch_and_add(&f->bytes[side], bytes);
    f->seen_ns = bpf_ktime_get_coarse_ns();
    if (t) {
        t->segments++;
        t->bytes += bytes;
    }
}

ALWAYS_INLINE int arrive(struct xdp_md *frame, __u32 side)
{
    void *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    struct segment s = {0};
    if (!find(&s, side, data, end))
        return XDP_PASS;
    struct shortcut_flow *f = bpf_map_lookup_elem(&flows, &s.key);
    if (!f || !is_filled(frame, &s))
        return XDP_PASS;
    if (s.payload && s.payload + s.header - TCP_MIN > f->most[side])
        return XDP_PASS;
    const __u32 sequence = bpf_ntohl(s.tcp->sequence);
    if (!is_open(f, side, sequence) || !note_end(f, side, sequence + s.payload))
        return XDP_PASS;
    rewrite(&s, f, side, end);
    count(f, side, (__u32)(end - data));
    return (int)bpf_redirect_map(&devices, !side, 0);
}

SEC("xdp")
int from_clients(struct xdp_md *frame) { return arrive(frame, CLIENTS); }

SEC("xdp")
int from_servers(struct xdp_md *frame) { return arrive(frame, SERVERS); }

char license_text[] SEC("license") = "MIT"; /* no helper it calls wants another */
