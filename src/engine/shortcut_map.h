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

#endif
