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
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define US 0xc0000201u
#define PEER 0xc0000202u
#define OTHER 0xc0000203u
#define GATEWAY 0xc00002feu
#define FAR 0xc6336401u /* 198.51.100.1 */
#define PREFIX 24

extern const uint8_t US_MAC[6], PEER_MAC[6], OTHER_MAC[6], GATEWAY_MAC[6], BROADCAST_MAC[6], ZERO_MAC[6];

#define RIG_FRAME_BYTES 2048u
#define RIG_FRAMES 512u

/* A frame on the wire; `packet` fields that matter to a link. */
struct rig_frame {
    uint8_t bytes[RIG_FRAME_BYTES];
    uint32_t length;
    uint8_t checksum; /* enum packet_checksum */
    uint16_t checksum_start, checksum_offset;
    uint16_t l3_offset, l4_offset;
};

struct rig {
    struct link link;
    struct packet_pool pool;
    struct guard guard;
    struct stack *stack;
    uint32_t us; /* local index of US */
    int64_t now;
    unsigned room;       /* frames that tx_alloc still gives without `control` */
    uint8_t rx_checksum; /* what injected frames say of their checksum */
    bool stripped;       /* injected frames carry stripped_tci as a tag that the link took off */
    uint16_t stripped_tci;
    unsigned head,
        count; /* frames[] sent and not yet taken by rig_next, oldest first; the oldest are lost when it overflows */
    uint64_t sent;
    struct rig_frame frames[RIG_FRAMES];
};

/* Settings may be NULL. The rig has no host. */
struct rig *rig_new_empty(const struct stack_settings *settings);
/* The same on a link with these capabilities (enum link_cap). */
struct rig *rig_new_on(const struct stack_settings *settings, uint32_t caps);
/* With US as its host. */
struct rig *rig_new(void);
struct rig *rig_new_with(const struct stack_settings *settings);
/* Ends it, and checks that nothing leaked. */
void rig_free(struct rig *r);

struct ip_addr v4(uint32_t host_order);
/* A host on interface 0; its local index. */
uint32_t rig_host(struct rig *r, uint32_t address, uint8_t prefix, uint32_t gateway, const uint8_t *mac);

/* One frame arrives; what the stack has to send goes out. */
void rig_input(struct rig *r, const uint8_t *frame, uint32_t length);
/* Lets time pass: one turn at now + ns. */
void rig_pass(struct rig *r, int64_t ns);
void rig_transmit(struct rig *r);
/* The oldest frame not yet taken, or NULL. */
const struct rig_frame *rig_next(struct rig *r);
void rig_forget_frames(struct rig *r);
const struct stack_counters *rig_counters(const struct rig *r);

/* ---- frames; each returns the length ---- */

uint32_t make_eth(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t ethertype);
uint32_t make_arp(uint8_t *to, const uint8_t *dst, const uint8_t *src, uint16_t op, const uint8_t *sha, uint32_t spa,
                  const uint8_t *tha, uint32_t tpa);
/* From PEER: who has target? */
uint32_t make_arp_request(uint8_t *to, uint32_t target);
/* To US: sender is at mac. */
uint32_t make_arp_reply(uint8_t *to, uint32_t sender, const uint8_t *mac);
/* payload behind an IPv4 header, framed for US from PEER's MAC. */
uint32_t make_ipv4(uint8_t *to, uint32_t src, uint32_t dst, uint8_t protocol, const void *payload, uint32_t length);
uint32_t make_udp(uint8_t *to, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port, const void *payload,
                  uint32_t length);
uint32_t make_echo_request(uint8_t *to, uint32_t src, uint32_t dst, uint16_t id, uint16_t sequence, const void *payload,
                           uint32_t length);
uint32_t make_tcp(uint8_t *to, uint32_t src, uint16_t src_port, uint32_t dst, uint16_t dst_port, uint16_t flags,
                  uint32_t seq, uint32_t ack, const void *payload, uint32_t length);
/* An ICMP error from PEER to US quoting `quoted` (an IPv4 packet). */
uint32_t make_icmp_error(uint8_t *to, uint8_t type, uint8_t code, uint32_t rest, const uint8_t *quoted,
                         uint32_t length);
/* Inserts a tag behind the MAC addresses. */
uint32_t insert_tag(uint8_t *frame, uint32_t length, uint16_t tpid, uint16_t tci);
/* Makes the IP header's checksum right again; header at offset 14. */
void fix_ip_checksum(uint8_t *frame);

/* ---- what is expected of frames that come out ---- */

/* The next frame is an ARP of that kind; fills *arp. */
const struct rig_frame *expect_arp(struct rig *r, uint16_t op, struct wire_arp *arp);
/* The next frame is IPv4 without options, its checksum right. */
const struct rig_frame *expect_ipv4(struct rig *r, uint8_t protocol, struct wire_ipv4 *ip);
void expect_nothing(struct rig *r);
void expect_dst_mac(const struct rig_frame *f, const uint8_t *mac);
void expect_src_mac(const struct rig_frame *f, const uint8_t *mac);
/* PEER becomes a confirmed neighbour of US (by asking and answering). Nothing is left in the way. */
void rig_resolve(struct rig *r, uint32_t local, uint32_t address, const uint8_t *mac);

#endif
