/* SPDX-License-Identifier: MIT */
/*
 * What the tests of src/stack share: a stack on a link whose other end is the test itself. Frames are made byte by
 * byte, put in by rig_input() and taken out by rig_next(); time is rig.now. rig_free() checks that every frame came
 * home.
 *
 * Unless a test says otherwise: our host is US (192.0.2.1/24, MAC US_MAC, gateway GATEWAY), the station on the wire is
 * PEER (192.0.2.2, PEER_MAC).
 */
#ifndef WEIR_TESTS_UNIT_STACK_RIG_H
#define WEIR_TESTS_UNIT_STACK_RIG_H

#include "support/cmocka_all.h"

#include "stack/stack.h"
#include "support/frame_make6.h"

#define RIG_FRAME_BYTES FRAME_MAKE_BYTES
#define RIG_FRAMES 512u

/* A frame on the wire; `packet` fields that matter to a link. */
struct rig_frame {
    uint8_t bytes[RIG_FRAME_BYTES];
    uint32_t length;
    uint8_t checksum; /* enum packet_checksum */
    uint16_t checksum_start, checksum_offset;
    uint16_t l3_offset, l4_offset;
    uint8_t gso; /* enum packet_gso: then `bytes` are the first of `length` */
    uint16_t gso_size;
};

struct rig {
    struct link link;
    struct packet_pool pool, large_pool;
    struct guard guard;
    struct stack *stack;
    uint32_t us; /* local index of US */
    int64_t now;
    unsigned room;        /* frames that tx_alloc still gives without `control` */
    unsigned large_given; /* large ones that it gave */
    uint8_t rx_checksum;  /* what injected frames say of their checksum */
    uint16_t rx_checksum_start, rx_checksum_offset;
    bool stripped; /* injected frames carry stripped_tci as a tag that the link took off */
    uint16_t stripped_tci;
    unsigned head,
        count; /* frames[] sent and not yet taken by rig_next, oldest first; the oldest are lost when it overflows */
    uint64_t sent;
    struct rig_frame frames[RIG_FRAMES];
};

/* Settings may be NULL. The rig has no host. */
struct rig *rig_new_empty(const struct stack_settings *settings);
/* The same on a link with these capabilities (enum link_cap); gso_max is 65535 with TSO or USO. */
struct rig *rig_new_on(const struct stack_settings *settings, uint32_t caps);
/* With US as its host. */
struct rig *rig_new(void);
struct rig *rig_new_with(const struct stack_settings *settings);
/* Ends it, and checks that nothing leaked. */
void rig_free(struct rig *r);

/* A host on interface 0; its local index. */
uint32_t rig_host(struct rig *r, uint32_t address, uint8_t prefix, uint32_t gateway, const uint8_t *mac);

/* US6 on interface 0, beside the IPv4 host; its local index. */
uint32_t rig_host6(struct rig *r);
/* A rig whose only host is US6, with GATEWAY6 as its router. */
struct rig *rig_new6(void);

/* One frame arrives; what the stack has to send goes out. */
void rig_input(struct rig *r, const uint8_t *frame, uint32_t length);
/* Lets time pass: one turn at now + ns. */
void rig_pass(struct rig *r, int64_t ns);
void rig_transmit(struct rig *r);
/* The oldest frame not yet taken, or NULL. */
const struct rig_frame *rig_next(struct rig *r);
void rig_forget_frames(struct rig *r);
const struct stack_counters *rig_counters(const struct rig *r);

/* ---- what is expected of frames that come out ---- */

/* The next frame is an ARP of that kind; fills *arp. */
const struct rig_frame *expect_arp(struct rig *r, uint16_t op, struct wire_arp *arp);
/* The next frame is IPv4 without options, its checksum right. */
const struct rig_frame *expect_ipv4(struct rig *r, uint8_t protocol, struct wire_ipv4 *ip);
/* The next frame is IPv6 without extension headers. */
const struct rig_frame *expect_ipv6(struct rig *r, uint8_t next_header, struct wire_ipv6 *ip);
/* The next frame is a Neighbour Discovery message, its checksum right and its hop limit 255. */
const struct rig_frame *expect_nd(struct rig *r, uint8_t type, struct wire_ipv6 *ip, struct wire_nd *message);
/* The next frame is another ICMPv6 message, its checksum right. */
const uint8_t *expect_icmp6(struct rig *r, uint8_t type, struct wire_ipv6 *ip);
/* The station of an IPv6 address becomes a confirmed neighbour of a local one. */
void rig_resolve6(struct rig *r, uint32_t local, const struct ip_addr *address, const uint8_t *mac);
void expect_nothing(struct rig *r);
void expect_dst_mac(const struct rig_frame *f, const uint8_t *mac);
void expect_src_mac(const struct rig_frame *f, const uint8_t *mac);
/* PEER becomes a confirmed neighbour of US (by asking and answering). Nothing is left in the way. */
void rig_resolve(struct rig *r, uint32_t local, uint32_t address, const uint8_t *mac);

#endif
