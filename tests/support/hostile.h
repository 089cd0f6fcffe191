/* SPDX-License-Identifier: MIT */
/*
 * What the tests of hostile input (THREATS) share: a stack at US on a memory link, whose other end is the test itself
 * (PEER and whoever else it says it is) and a healthy neighbour: a second stack with one TCP connection to the first,
 * over which bytes go both ways while the attack lasts, each of them verified.
 *
 * Each test: hostile_new; for each case hostile_case, hostile_inject…, HOSTILE_DROPS (or _TCP_DROPS); hostile_end,
 * which checks that the healthy connection lost no byte, that nothing was allocated since the start, that every frame
 * came home and all memory was given back, and that no frame cost more than HOSTILE_MAX_STEPS instructions; and prints
 * how many cases there were.
 *
 * Work is counted in instructions by single-stepping the turn that takes a frame in (x86-64 without sanitizers;
 * elsewhere nothing is measured): of every test the first frames, those whose number is a power of two, and those a
 * test asks for.
 */
#ifndef WEIR_TESTS_SUPPORT_HOSTILE_H
#define WEIR_TESTS_SUPPORT_HOSTILE_H

#include "stack/stack.h"
#include "support/frame_make.h"

#define HEALTHY 0xc000024du /* 192.0.2.77 */
#define HOSTILE_PORT 7777   /* US listens there for the healthy neighbour */
#define HOSTILE_MAX_STEPS 20000u
#define HOSTILE_FRAMES 256u

/* A frame that US sent to somebody else than the healthy neighbour. */
struct hostile_frame {
    uint8_t bytes[FRAME_MAKE_BYTES];
    uint32_t length;
};

struct hostile_memory {
    struct allocator allocator;
    uint64_t calls;
    size_t live_bytes;
};

struct hostile_side {
    struct hostile *rig;
    struct link *link;
    struct guard guard;
    struct stack *stack;
    struct tcp_ref ref;
    uint64_t received, sent; /* bytes of the healthy connection */
};

struct hostile {
    struct hostile_memory memory;
    struct hostile_side us_side, healthy;
    struct stack *stack; /* the one under attack */
    uint32_t us;         /* local index of US */
    int64_t now;
    struct stack_counters before; /* as of the last hostile_case */
    struct tcp_counters tcp_before;
    uint64_t calls_at_start;
    unsigned cases;
    uint64_t injected;
    bool measure_next;
    unsigned measured;
    uint64_t steps_total, steps_max;
    uint32_t path_takes;  /* longer frames of US are lost on their way to the healthy neighbour; 0: none are */
    uint64_t lost_frames; /* sent and pushed out of frames[] before the test took them */
    unsigned head, count; /* frames[] not yet taken, oldest first */
    struct hostile_frame frames[HOSTILE_FRAMES];
};

/* The stack's settings for such a test: defaults with small tables; change them before hostile_new. */
void hostile_settings(struct stack_settings *t);
/* NULL: hostile_settings as they are. The healthy connection is open and bytes have passed both ways. */
struct hostile *hostile_new(const struct stack_settings *settings);
/* The checks above; prints "ID: N cases, …"; frees the rig. */
void hostile_end(struct hostile *h, const char *id);

/* A new case: counters are compared with what they are now; frames not taken are forgotten. */
void hostile_case(struct hostile *h);
/* One frame to US, and what it answers; every 64th time the healthy connection gets something to do. */
void hostile_inject(struct hostile *h, const uint8_t *frame, uint32_t length);
/* One frame to US enters the link; it is taken in when time passes. Hundreds may wait. */
void hostile_queue(struct hostile *h, const uint8_t *frame, uint32_t length);
/* The next frame's work is measured. */
void hostile_measure(struct hostile *h);
/* Time passes: one turn of both stacks at now + ns. */
void hostile_pass(struct hostile *h, int64_t ns);
/* Some bytes both ways over the healthy connection; fails the test when they do not arrive. */
void hostile_pulse(struct hostile *h);
/* So many bytes more both ways over the healthy connection, while time passes. */
void hostile_send(struct hostile *h, uint32_t bytes);
/*
 * US sends bytes over the healthy connection; they stay unacknowledged until the next frame is injected or time passes.
 */
struct tcp *hostile_in_flight(struct hostile *h, uint32_t bytes);
/* The oldest frame not yet taken, or NULL. */
const struct hostile_frame *hostile_next(struct hostile *h);
/* The next frame is IPv4 with a right header checksum, to PEER_MAC; its payload, or fails the test. */
const uint8_t *hostile_expect_ipv4(struct hostile *h, uint8_t protocol, struct wire_ipv4 *ip);
/* Fails the test when US sent anything (to others than the healthy neighbour). */
void hostile_expect_silence(struct hostile *h);
/* The next frame is an ICMP error of that type and code. */
void hostile_expect_icmp(struct hostile *h, uint8_t type, uint8_t code);

/* Since the last hostile_case this drop went up by n, and no other drop of the stack or of TCP went up. */
#define HOSTILE_DROPS(h, name, n)                                                                                      \
    hostile_drops((h), ((void)sizeof(((struct stack_counters *)0)->name), #name), (n), __FILE__, __LINE__)
#define HOSTILE_TCP_DROPS(h, name, n)                                                                                  \
    hostile_tcp_drops((h), ((void)sizeof(((struct tcp_counters *)0)->name), #name), (n), __FILE__, __LINE__)
#define HOSTILE_NO_DROPS(h) hostile_drops((h), NULL, 0, __FILE__, __LINE__)
/* By how much a counter went up since the last hostile_case. */
#define HOSTILE_COUNT(h, name) (stack_counters((h)->stack)->name - (h)->before.name)
#define HOSTILE_TCP_COUNT(h, name) (tcp_counters(stack_tcp((h)->stack))->name - (h)->tcp_before.name)

void hostile_drops(struct hostile *h, const char *name, uint64_t n, const char *file, int line);
void hostile_tcp_drops(struct hostile *h, const char *name, uint64_t n, const char *file, int line);

/* steps.c: instructions that run between the two calls; false: cannot be counted here. */
bool steps_begin(void);
uint64_t steps_end(void);

#endif
