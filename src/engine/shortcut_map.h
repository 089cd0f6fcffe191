/* SPDX-License-Identifier: MIT */
/*
 * What the accelerator and its program on the XDP hook (bpf/accel.bpf.c) share: a map from a connection's numbers to
 * what it takes to translate it, and to what the program has seen of it. Included by both, so it knows the kernel's
 * types and nothing else. accel/shortcut.h says what the numbers mean and who may change which.
 */
#ifndef WEIR_ENGINE_SHORTCUT_MAP_H
#define WEIR_ENGINE_SHORTCUT_MAP_H

#include <linux/types.h>

#define SHORTCUT_SIDES 2 /* 0: of the clients; 1: of the servers */

/* As struct accel_key. */
struct shortcut_key {
    __u8 client[16], server[16]; /* an IPv4 address is mapped: ::ffff:a.b.c.d */
    __u16 client_port, server_port;
    __u16 vlan;
    __u16 zero;
};

struct shortcut_flow {
    /* The accelerator's, and constant: */
    __u32 sequence, timestamp;     /* struct accel_shift */
    __u32 isn[SHORTCUT_SIDES];     /* of who sends by a side, in its own numbers */
    __u16 most[SHORTCUT_SIDES];    /* options and payload of a segment that came in by a side: its receiver's MSS */
    __u32 gate;                    /* the number of a gate */
    __u64 handled[SHORTCUT_SIDES]; /* the extent when it was published */
    /* The program's: */
    __u32 open[SHORTCUT_SIDES];
    __u64 extent[SHORTCUT_SIDES]; /* behind the last byte that was sent by a side, from its ISN on; only grows */
    __u64 segments[SHORTCUT_SIDES];
    __u64 bytes[SHORTCUT_SIDES];
    __u64 seen_ns; /* CLOCK_MONOTONIC, to some milliseconds */
};

/*
 * What user space has handled and sent on of a connection since it published it. The program takes segments of a side from the
 * first one on that continues this: whatever came before has left. Gates are few; one that is another connection's by now
 * has another number, and then it is as when the connection was published. User space writes, in mapped memory.
 */
#define SHORTCUT_GATES 1024 /* number n is at n modulo that */
struct shortcut_gate {
    __u64 handled[SHORTCUT_SIDES];
    __u32 number; /* 0: it is being written */
    __u32 zero;
};

/* Of all connections, by side; one of each processor. */
struct shortcut_totals {
    __u64 segments, bytes;
};

/* ---- SYNs (accel/answers.h). User space maps all of it but the ring ---- */

struct shortcut_control {
    __u64 secret[2]; /* of SipHash */
    /* Constant: tables have a power of two places. */
    __u32 claims_mask, servers_mask, sources_mask;
    /* SYNs that may be answered and those that were, from the first one on, modulo 2^32: user space's and the program's. */
    __u32 most, answered;
    __u32 zero;
};

/* A claim: of how many flows; the upper half is of SYNs that were answered and not taken. A __u64 for each place. */
#define SHORTCUT_PENDING (1ull << 32)

/* Of one source, as in struct shortcut_control. */
struct shortcut_source {
    __u32 most, answered;
};

/* What a server is believed to say. User space writes; version is odd while it does. */
struct shortcut_server {
    __u32 version, zero;
    __u8 address[16];
    __u16 port, vlan;
    __u16 mss;
    __u8 wscale, present; /* as the bits of wire/tcp.h */
    __s64 until;          /* CLOCK_MONOTONIC; 0: there is none */
};

/* In the ring, for each SYN that was answered. */
#define SHORTCUT_SYN_BYTES 128
struct shortcut_answered {
    __u8 frame[SHORTCUT_SYN_BYTES];
    __s64 at; /* CLOCK_MONOTONIC */
    __u32 length, isn;
    __u16 mss;
    __u8 wscale, present;
    __u32 zero;
};

#endif
