/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's shortcut: segments of established connections that user space has published are translated and sent on where the driver hands
 * them up, and SYNs are answered (accel_answer.h). One program for each side of the box. The arithmetic is that of src/accel/translate.c, byte for byte (tests/interop/accel_shortcut.sh).
 *
 * Whatever is not a plain segment of a published connection goes to user space as if this program were not there, and untouched (XDP_PASS): nothing is
 * dropped here. Plain: Ethernet with one 802.1Q tag or none, IPv4 without options and fragments or IPv6 without extension headers, TCP with ACK and beside
 * it at most PSH and the bits of ECN, options as hosts write them (none; timestamps; SACK; timestamps and SACK; each behind two NOPs), no more bytes than the
 * receiver's MSS allows, and a checksum that was filled in. RFC 9293, 7323, 2018, 1624.
 */
#include "accel_answer.h"
#include "accel_segment.h"

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

/* Adds to a number; returns what that changes the sum by. */
ALWAYS_INLINE __u64 move(__be32 *number, __u32 by)
{
    const __u32 was = *number, is = bpf_htonl(bpf_ntohl(was) + by);
    *number = is;
    return (__u64)(__u32)~was + is;
}

/* ---- which segment ---- */

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

ALWAYS_INLINE int is_plain(struct segment *s, void *end)
{
    return (s->tcp->flags & (__u8) ~(PSH | ECE | CWR)) == ACK && find_options(s, end);
}

/* ---- what becomes of it ---- */

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

/* Not XDP_TX, where it came from either: a veth whose other end has no program keeps such frames until another one comes. */
ALWAYS_INLINE int leave_by(__u32 side) { return (int)bpf_redirect_map(&devices, side, 0); }

ALWAYS_INLINE int arrive(struct xdp_md *frame, __u32 side)
{
    void *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
    struct segment s = {0};
    if (!find_segment(&s, side, data, end))
        return XDP_PASS;
    if (side == CLIENTS && (s.tcp->flags & (__u8) ~(ECE | CWR)) == SYN)
        return answer(frame, &s) ? leave_by(CLIENTS) : XDP_PASS;
    if (!is_plain(&s, end))
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
    return leave_by(!side);
}

SEC("xdp")
int from_clients(struct xdp_md *frame) { return arrive(frame, CLIENTS); }

SEC("xdp")
int from_servers(struct xdp_md *frame) { return arrive(frame, SERVERS); }

char license_text[] SEC("license") = "MIT"; /* no helper it calls wants another */
