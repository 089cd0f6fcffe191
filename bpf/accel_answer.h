/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's SYNs (src/accel/answers.h): one to a server whose promise user space has written down is answered where
 * the driver hands it up, with the bytes that user space would send, and goes to user space by a ring. Whatever it does not
 * answer is untouched, and claims nothing.
 *
 * Answered: no flag beside SYN but those of ECN, no data, MSS and beside it at most window scale, SACK permitted and timestamps, each
 * once and in any order, and a right checksum. The answer is never longer. RFC 9293, 7323, 2018, 6528.
 */
#ifndef WEIR_BPF_ACCEL_ANSWER_H
#define WEIR_BPF_ACCEL_ANSWER_H

#include "accel_segment.h"

#define MAPPED(name, type_of_value, entries)                                                                           \
    struct {                                                                                                           \
        __uint(type, BPF_MAP_TYPE_ARRAY);                                                                              \
        __uint(map_flags, BPF_F_MMAPABLE);                                                                             \
        __uint(max_entries, entries);                                                                                  \
        __type(key, __u32);                                                                                            \
        __type(value, type_of_value);                                                                                  \
    } name SEC(".maps")

/* User space says how many. */
MAPPED(control, struct shortcut_control, 1);
MAPPED(claims, __u64, 65536);
MAPPED(servers, struct shortcut_server, 4096);
MAPPED(sources, struct shortcut_source, 65536);

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 65536);
} answered SEC(".maps");

#define OPTIONS_MAX 40u
#define OPTIONS_ROOM 80 /* whatever the length of the last one says */
#define OPTIONS_COUNT 20
#define EARLY_SEGMENTS 11u
#define EARLY_BYTES 65535u
#define TTL 64
#define SYN_ACK (SYN | ACK)

enum { KIND_END, KIND_NOP, KIND_MSS, KIND_WSCALE, KIND_SACK_PERMITTED, KIND_TIMESTAMPS = 8 };
enum { HAS_MSS = 1, HAS_WSCALE = 2, HAS_SACK_PERMITTED = 4, HAS_TIMESTAMPS = 8 }; /* wire/tcp.h */

/* What there is to say. */
struct answer {
    __u64 hash;
    __s64 at;
    __u32 isn, acknowledgement;
    __u32 mss, wscale, present; /* we */
    __be32 echo;                /* the client's TSval */
    __u32 length;               /* of TCP */
};

/* ---- SipHash, as src/base/hash.c ---- */

struct sip {
    __u64 v0, v1, v2, v3;
};

ALWAYS_INLINE __u64 rotate_left(__u64 x, __u32 n) { return x << n | x >> (64 - n); }

ALWAYS_INLINE void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

ALWAYS_INLINE struct sip sip_start(const struct shortcut_control *c)
{
    return (struct sip){c->secret[0] ^ 0x736f6d6570736575ull, c->secret[1] ^ 0x646f72616e646f6dull,
                        c->secret[0] ^ 0x6c7967656e657261ull, c->secret[1] ^ 0x7465646279746573ull};
}

ALWAYS_INLINE void sip_word(struct sip *s, __u64 word, int rounds)
{
    s->v3 ^= word;
    sip_round(s);
    if (rounds == 2)
        sip_round(s);
    s->v0 ^= word;
}

ALWAYS_INLINE __u64 sip_end(struct sip *s, int rounds)
{
    s->v2 ^= 0xff;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    if (rounds == 4)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

ALWAYS_INLINE __u64 hash_of(const struct shortcut_control *c, const struct shortcut_key *key)
{
    const __u64 *words = (const __u64 *)key;
    struct sip s = sip_start(c);
    for (int i = 0; i < 5; i++)
        sip_word(&s, words[i], 2);
    sip_word(&s, (__u64)sizeof *key << 56, 2);
    return sip_end(&s, 4);
}

/* Two words and what is left. */
ALWAYS_INLINE __u32 place_of(const struct shortcut_control *c, __u64 one, __u64 other, __u64 last)
{
    struct sip s = sip_start(c);
    sip_word(&s, one, 1);
    sip_word(&s, other, 1);
    sip_word(&s, last, 1);
    return (__u32)sip_end(&s, 3);
}

/* The two bytes of a number in network order, as the first ones of a word. */
ALWAYS_INLINE __u64 two_bytes(__u16 number) { return (__u64)(number >> 8 | (number & 0xff) << 8); }

ALWAYS_INLINE int is_v4(const struct segment *s)
{
    const __u64 *client = (const __u64 *)s->key.client;
    return client[0] == 0 && *(const __u32 *)(s->key.client + 8) == bpf_htonl(0xffff);
}

/* ---- the client's options ---- */

struct offered {
    __u8 options[OPTIONS_ROOM];
    __u32 at, length, present, is_odd;
    __be32 ts_val;
};

ALWAYS_INLINE __u32 bit_of(__u32 kind, __u32 size)
{
    return kind == KIND_MSS && size == 4              ? HAS_MSS
           : kind == KIND_WSCALE && size == 3         ? HAS_WSCALE
           : kind == KIND_SACK_PERMITTED && size == 2 ? HAS_SACK_PERMITTED
           : kind == KIND_TIMESTAMPS && size == 10    ? HAS_TIMESTAMPS
                                                      : 0;
}

/* The next option; 1: there is none any more. */
static long read_option(__u32 i, struct offered *o)
{
    const __u32 at = o->at & 63;
    (void)i;
    if (at >= o->length || o->options[at] == KIND_END)
        return 1;
    if (o->options[at] == KIND_NOP) {
        o->at = at + 1;
        return 0;
    }
    const __u32 size = o->options[at + 1], bit = bit_of(o->options[at], size);
    if (at + size > o->length || !bit || o->present & bit) {
        o->is_odd = 1;
        return 1;
    }
    if (bit == HAS_TIMESTAMPS)
        o->ts_val =
            o->options[at + 2] | o->options[at + 3] << 8 | o->options[at + 4] << 16 | (__u32)o->options[at + 5] << 24;
    o->present |= bit;
    o->at = at + size;
    return 0;
}

ALWAYS_INLINE int read_options(struct xdp_md *frame, const struct segment *s, struct offered *o)
{
    const __u32 at = (__u32)((long)s->tcp - (long)frame->data) + TCP_MIN, length = s->header - TCP_MIN;
    if (length == 0 || length > OPTIONS_MAX || bpf_xdp_load_bytes(frame, at, o->options, length) < 0)
        return 0;
    o->length = length;
    bpf_loop(OPTIONS_COUNT, read_option, o, 0);
    return !o->is_odd && o->present & HAS_MSS && (o->at >= length || o->options[o->at & 63] == KIND_END);
}

/* ---- what is promised ---- */

/* What user space has written down of this server; 0: nothing, or it is writing. */
ALWAYS_INLINE int find_promise(const struct shortcut_control *c, const struct segment *s, struct answer *a)
{
    const __u64 *server = (const __u64 *)s->key.server;
    const __u64 last = 20ull << 56 | two_bytes(s->key.server_port) | two_bytes(s->key.vlan) << 16;
    const __u32 place = place_of(c, server[0], server[1], last) & c->servers_mask;
    struct shortcut_server *known = bpf_map_lookup_elem(&servers, &place);
    if (!known)
        return 0;
    const __u32 version = __sync_fetch_and_add(&known->version, 0);
    const __u64 *address = (const __u64 *)known->address;
    const int is_it = address[0] == server[0] && address[1] == server[1] && known->port == s->key.server_port &&
                      known->vlan == s->key.vlan && a->at < known->until && known->mss != 0;
    a->mss = known->mss;
    a->wscale = known->wscale;
    a->present = known->present;
    return is_it && !(version & 1) && __sync_fetch_and_add(&known->version, 0) == version;
}

ALWAYS_INLINE int make_answer(struct xdp_md *frame, const struct shortcut_control *c, const struct segment *s,
                              struct answer *a)
{
    struct offered o = {0};
    a->at = (__s64)bpf_ktime_get_ns();
    if (!find_promise(c, s, a) || !read_options(frame, s, &o))
        return 0;
    a->present = (a->present & o.present & (HAS_WSCALE | HAS_SACK_PERMITTED | HAS_TIMESTAMPS)) | HAS_MSS;
    if (!(a->present & HAS_WSCALE))
        a->wscale = 0;
    a->echo = o.ts_val;
    a->length = TCP_MIN + 4;
    a->length += a->present & HAS_TIMESTAMPS ? 12 : a->present & HAS_SACK_PERMITTED ? 4 : 0;
    a->length += a->present & HAS_WSCALE ? 4 : 0;
    a->isn = (__u32)((__u64)a->at / 4000) + (__u32)(a->hash >> 32); /* a clock of 4 microseconds: RFC 6528 */
    a->acknowledgement = bpf_ntohl(s->tcp->sequence) + 1;
    return a->length <= s->header;
}

/* ---- credit ---- */

/* One more of those that may be answered. */
ALWAYS_INLINE int take_one(const __u32 *most, __u32 *answered_so_far)
{
    for (int i = 0; i < TRIES; i++) {
        const __u32 was = *(volatile __u32 *)answered_so_far;
        if ((__s32)(*(const volatile __u32 *)most - was) <= 0)
            return 0;
        if (__sync_val_compare_and_swap(answered_so_far, was, was + 1) == was)
            return 1;
    }
    return 0;
}

ALWAYS_INLINE struct shortcut_source *find_source(const struct shortcut_control *c, const struct segment *s)
{
    const __u64 *client = (const __u64 *)s->key.client;
    const __u64 last = 18ull << 56 | two_bytes(s->key.vlan);
    const __u32 place = place_of(c, client[0], is_v4(s) ? client[1] : 0, last) & c->sources_mask;
    return bpf_map_lookup_elem(&sources, &place);
}

/* The event, in the ring; NULL: there is no credit, or no room, and none was taken. */
ALWAYS_INLINE struct shortcut_answered *take_credit(struct shortcut_control *c, const struct segment *s)
{
    struct shortcut_source *source = find_source(c, s);
    if (!source || !take_one(&c->most, &c->answered))
        return 0;
    if (take_one(&source->most, &source->answered)) {
        struct shortcut_answered *event = bpf_ringbuf_reserve(&answered, sizeof *event, 0);
        if (event)
            return event;
        __sync_fetch_and_sub(&source->answered, 1);
    }
    __sync_fetch_and_sub(&c->answered, 1);
    return 0;
}

/* ---- the answer, in the place of the SYN ---- */

ALWAYS_INLINE void turn_round(struct ethhdr *frame)
{
    __u8 mac[ETH_ALEN];
    __builtin_memcpy(mac, frame->h_source, ETH_ALEN);
    __builtin_memcpy(frame->h_source, frame->h_dest, ETH_ALEN);
    __builtin_memcpy(frame->h_dest, mac, ETH_ALEN);
}

ALWAYS_INLINE void *put_v4(struct iphdr *ip, const struct answer *a)
{
    const __be32 client = ip->saddr;
    __u32 sum = 0;
    *(__u8 *)ip = 0x45;
    ip->tos &= 0xfc; /* SYNs are not ECN-capable transport */
    ip->tot_len = bpf_htons((__u16)(sizeof *ip + a->length));
    ip->id = 0;
    ip->frag_off = bpf_htons(0x4000);
    ip->ttl = TTL;
    ip->protocol = IPPROTO_TCP;
    ip->check = 0;
    ip->saddr = ip->daddr;
    ip->daddr = client;
    for (int i = 0; i < 10; i++)
        sum += ((const __u16 *)ip)[i];
    ip->check = (__u16)~fold(sum);
    return ip + 1;
}

ALWAYS_INLINE void *put_v6(struct ipv6hdr *ip, const struct answer *a)
{
    const struct in6_addr client = ip->saddr;
    __be32 *first = (__be32 *)ip;
    *first &= bpf_htonl(0xffc00000); /* no flow label */
    ip->payload_len = bpf_htons((__u16)a->length);
    ip->nexthdr = IPPROTO_TCP;
    ip->hop_limit = TTL;
    ip->saddr = ip->daddr;
    ip->daddr = client;
    return ip + 1;
}

ALWAYS_INLINE __be32 *put_option(__be32 *to, void *end, __be32 word)
{
    if (to && (void *)(to + 1) <= end) {
        *to = word;
        return to + 1;
    }
    return 0;
}

/* In the order that src/wire/tcp.c has. */
ALWAYS_INLINE void put_options(__be32 *to, void *end, const struct answer *a)
{
    to = put_option(to, end, bpf_htonl(0x02040000 | (a->mss & 0xffff)));
    if (a->present & HAS_TIMESTAMPS) {
        to = put_option(to, end, bpf_htonl(a->present & HAS_SACK_PERMITTED ? 0x0402080a : 0x0101080a));
        to = put_option(to, end, bpf_htonl((__u32)((__u64)a->at / 1000000) + a->isn)); /* milliseconds */
        to = put_option(to, end, a->echo);
    } else if (a->present & HAS_SACK_PERMITTED) {
        to = put_option(to, end, bpf_htonl(0x01010402));
    }
    if (a->present & HAS_WSCALE)
        (void)put_option(to, end, bpf_htonl(0x01030300 | (a->wscale & 0xff)));
}

ALWAYS_INLINE void put_tcp(struct tcp *tcp, void *end, const struct answer *a)
{
    const __be16 client = tcp->source;
    const __u32 window = EARLY_SEGMENTS * a->mss;
    tcp->source = tcp->destination;
    tcp->destination = client;
    tcp->sequence = bpf_htonl(a->isn);
    tcp->acknowledgement = bpf_htonl(a->acknowledgement);
    tcp->offset = (__u8)(a->length / 4 << 4);
    tcp->flags = SYN_ACK;
    tcp->window = bpf_htons((__u16)(window < EARLY_BYTES ? window : EARLY_BYTES));
    tcp->checksum = 0;
    tcp->urgent = 0;
    put_options((__be32 *)(tcp + 1), end, a);
}

/* False: what was found before is not there. */
ALWAYS_INLINE int put_headers(struct xdp_md *frame, const struct answer *a, __u32 l3, int v4)
{
    void *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end, *ip = data + l3, *tcp;
    if (l3 > LINK_HEADERS_MAX || data + sizeof(struct ethhdr) > end || ip + sizeof(struct ipv6hdr) > end)
        return 0;
    turn_round(data);
    tcp = v4 ? put_v4(ip, a) : put_v6(ip, a);
    if (tcp + sizeof(struct tcp) > end)
        return 0;
    put_tcp(tcp, end, a);
    return 1;
}

/* The last step of all, in what the frame has become. */
ALWAYS_INLINE int put_checksum(struct xdp_md *frame, __u32 at, __u32 length, __u32 pseudo)
{
    const __u16 sum = (__u16)sum_of(frame, at, length, pseudo);
    struct tcp *tcp = (void *)(long)frame->data + (at & 63);
    if (at > LINK_HEADERS_MAX || (void *)(tcp + 1) > (void *)(long)frame->data_end)
        return 0;
    tcp->checksum = (__u16)~sum;
    return 1;
}

ALWAYS_INLINE int put_answer(struct xdp_md *frame, const struct segment *s, const struct answer *a, __u32 at)
{
    const int v4 = is_v4(s);
    const __u32 l3 = at - (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
    const __u32 bytes = (__u32)bpf_xdp_get_buff_len(frame);
    const __u64 pseudo = s->pseudo - bpf_htons((__u16)s->length) + bpf_htons((__u16)a->length);
    return bpf_xdp_adjust_tail(frame, (int)(at + a->length) - (int)bytes) == 0 && put_headers(frame, a, l3, v4) &&
           put_checksum(frame, at, a->length, fold(pseudo));
}

/* ---- the SYN ---- */

ALWAYS_INLINE int hand_over(struct xdp_md *frame, struct shortcut_answered *event, const struct answer *a)
{
    const __u32 bytes = (__u32)bpf_xdp_get_buff_len(frame);
    if (bytes == 0 || bytes > SHORTCUT_SYN_BYTES || bpf_xdp_load_bytes(frame, 0, event->frame, bytes) < 0)
        return 0;
    event->at = a->at;
    event->length = bytes;
    event->isn = a->isn;
    event->mss = (__u16)a->mss;
    event->wscale = (__u8)a->wscale;
    event->present = (__u8)a->present;
    event->zero = 0;
    return 1;
}

/* With its place claimed, and credit. False: it is as it was. */
ALWAYS_INLINE int answer_it(struct xdp_md *frame, struct shortcut_control *c, const struct segment *s,
                            const struct answer *a, __u32 at)
{
    struct shortcut_answered *event = take_credit(c, s);
    if (!event)
        return 0;
    if (!hand_over(frame, event, a) || !put_answer(frame, s, a, at)) {
        bpf_ringbuf_discard(event, 0); /* cannot be: all of it was looked at; credit is then lost, not made */
        return 0;
    }
    bpf_ringbuf_submit(event, 0);
    return 1;
}

/* Whether the frame is an answer now. */
ALWAYS_INLINE int answer(struct xdp_md *frame, const struct segment *s)
{
    const __u32 zero = 0, at = (__u32)((long)s->tcp - (long)frame->data);
    struct shortcut_control *c = bpf_map_lookup_elem(&control, &zero);
    struct answer a = {0};
    if (!c || s->payload || (long)frame->data_end - (long)frame->data > SHORTCUT_SYN_BYTES ||
        (__s32)(*(volatile __u32 *)&c->most - *(volatile __u32 *)&c->answered) <= 0)
        return 0;
    a.hash = hash_of(c, &s->key);
    const __u32 place = (__u32)a.hash & c->claims_mask;
    __u64 *claim = bpf_map_lookup_elem(&claims, &place);
    if (!claim || *(volatile __u64 *)claim || !make_answer(frame, c, s, &a))
        return 0;
    const __u16 pseudo = fold(s->pseudo);
    if (s->tcp->checksum == pseudo || sum_of(frame, at, s->length, pseudo) != 0xffff)
        return 0; /* not filled in, or wrong: user space says which */
    if (__sync_val_compare_and_swap(claim, 0, SHORTCUT_PENDING + 1))
        return 0;
    if (answer_it(frame, c, s, &a, at))
        return 1;
    __sync_fetch_and_sub(claim, SHORTCUT_PENDING + 1);
    return 0;
}

#endif
