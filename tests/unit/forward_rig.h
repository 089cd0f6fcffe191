/* SPDX-License-Identifier: MIT */
/*
 * What the tests of forwarding share: a stack with three ports, each with a host of either family, whose VRF 0 forwards.
 * Port i: our address 10.0.i.1/24 and 2001:db8:i::1/64, our MAC 02:00:00:00:i:01; the station there has .2 and ::2, the MAC
 * 02:00:00:00:i:02, and is a permanent neighbour. Frames that leave are copied into the port's list; whose buffer they
 * lay in is noted. forward_rig_free() checks that every frame came home.
 */
#ifndef WEIR_TESTS_UNIT_FORWARD_RIG_H
#define WEIR_TESTS_UNIT_FORWARD_RIG_H

#include "stack/forward.h"
#include "unit/stack_rig.h"

#define FORWARD_PORTS 3u
#define FORWARD_FRAMES 64u
#define FORWARD_FRAME_BYTES 66000u

struct forward_frame {
    uint8_t bytes[FORWARD_FRAME_BYTES];
    uint32_t length;
    uint8_t checksum, gso;
    uint16_t checksum_start, checksum_offset, gso_size;
    bool same; /* lies where the last frame that came in lay */
};

struct forward_port {
    struct link link;
    struct packet_pool pool, large;
    struct guard guard;
    struct forward_rig *rig;
    uint32_t room; /* what the link says */
    unsigned head, count;
    struct forward_frame frames[FORWARD_FRAMES];
};

struct forward_rig {
    struct stack *stack;
    int64_t now;
    const uint8_t *came_at; /* start of the last frame's buffer */
    uint32_t local[FORWARD_PORTS][2];
    struct forward_port ports[FORWARD_PORTS];
};

struct forward_rig_options {
    uint32_t caps[FORWARD_PORTS];
    uint16_t vlan[FORWARD_PORTS];  /* 0: none */
    uint32_t label[FORWARD_PORTS]; /* 0: none */
    struct stack_settings stack;
    struct forward_settings forward;
    bool no_stations, no_router;
};
void forward_rig_options_default(struct forward_rig_options *o);
struct forward_rig *forward_rig_new_with(const struct forward_rig_options *o);
struct forward_rig *forward_rig_new(void);
void forward_rig_free(struct forward_rig *r);

struct ip_addr forward_ours(unsigned port, bool v6);
struct ip_addr forward_station(unsigned port, bool v6);
void forward_our_mac(unsigned port, uint8_t mac[6]);
void forward_station_mac(unsigned port, uint8_t mac[6]);
uint32_t forward_add_host(struct forward_rig *r, unsigned port, const char *address, uint8_t length, uint32_t vrf,
                          const uint8_t *mac);
void forward_add(struct forward_rig *r, uint32_t vrf, const char *prefix, uint32_t local, const char *gateway);

/* A frame of frame_make.h gets the MACs of a port's station and of us there. */
void forward_address(uint8_t *frame, unsigned port);
/* The same, and it arrives there; what the stack has to send goes out. */
void forward_input(struct forward_rig *r, unsigned port, uint8_t *frame, uint32_t length);
/* A packet that the test made. */
struct packet *forward_packet(struct forward_rig *r, unsigned port, const uint8_t *frame, uint32_t length);
void forward_input_packet(struct forward_rig *r, unsigned port, struct packet *p);
void forward_pass(struct forward_rig *r, int64_t ns);
/* The oldest frame that left there and was not taken yet, or NULL. */
const struct forward_frame *forward_next(struct forward_rig *r, unsigned port);
void forward_expect_nothing(struct forward_rig *r);
const struct stack_counters *forward_counters(const struct forward_rig *r);
/* A datagram with 8 bytes of UDP payload between stations, of the family of its addresses; hop limit 64. */
uint32_t forward_udp(uint8_t *frame, const struct ip_addr *from, const struct ip_addr *to);

#endif
