/* SPDX-License-Identifier: MIT */
/*
 * Inside of tunnel/: a set, its tunnels, and what they call of each other. tunnel.h has the design and the invariants.
 */
#ifndef WEIR_TUNNEL_INTERNAL_H
#define WEIR_TUNNEL_INTERNAL_H

#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/table.h"
#include "packet/link.h"
#include "tunnel/tunnel.h"
#include "wire/eth.h"
#include "wire/gre.h"
#include "wire/ip_proto.h"
#include "wire/vxlan.h"

#define TUNNEL_VNI_TAGS 8u        /* bytes that name a network in a frame */
#define TUNNEL_HEADER_MAX 16u     /* UDP and VXLAN, or all of GRE */
#define TUNNEL_INNER_MAX_L2 22u   /* Ethernet and two tags */
#define TUNNEL_RX_BYTES_MIN 1600u /* IP packets up to this long are taken, whatever our own MTU */

/* Frames that wait, oldest first, through packet.next. */
struct tunnel_queue {
    struct packet *first, **end;
    uint32_t count;
};

struct tunnel_vni {
    uint32_t vni; /* while free, the pool's */
    uint32_t remotes, n_remotes;
    bool open; /* heard from anybody */
};
struct tunnel_remote {
    uint32_t next; /* while free, the pool's */
    struct ip_addr address;
};
/* A MAC behind a VTEP. All live equally long, so that the list by age is the list by expiry. */
struct tunnel_mac {
    uint32_t older, younger; /* the first: while free, the pool's */
    uint32_t vni, tag;
    uint8_t mac[6];
    struct ip_addr vtep;
    int64_t seen;
};

/* What a VTEP knows; learn.c, vni.c. */
struct tunnel_vtep {
    struct pool vnis, remotes, macs;
    struct table by_vni, by_mac;
    uint32_t oldest, youngest; /* of macs */
};

struct tunnel {
    struct link link;
    struct tunnel_set *set;
    struct tunnel_settings settings;
    struct ip_addr address; /* of settings.local */
    int64_t now;            /* of the last call */
    bool blocked;           /* the outer link had no room for what waits */
    uint32_t overhead; /* bytes of the outer datagram before the inner IP packet, or before its Ethernet header's end */
    uint32_t mtu_max;
    uint32_t sequence_sent, sequence_seen;
    bool sequence_known;
    struct packet_pool tx_pool, rx_pool;
    struct tunnel_queue tx, rx;
    struct tunnel_vtep vtep;
};

struct tunnel_set {
    struct stack *outer;
    const struct allocator *allocator;
    struct hash_key secret;
    struct tunnel_counters counters;
    unsigned count;
    struct tunnel *tunnels[TUNNEL_MAX];
    struct tunnel *hears_groups; /* the VTEP whose port is bound for multicast, or NULL */
};

#define TUNNEL_COUNT(t, name) ((t)->set->counters.name++)

static inline bool tunnel_is_l2(const struct tunnel *t) { return t->settings.kind >= TUNNEL_GRETAP; }
static inline bool tunnel_is_v6(const struct tunnel *t) { return !ip_addr_is_v4(&t->address); }

/* ---- queue.c ---- */
void tunnel_queue_init(struct tunnel_queue *q);
void tunnel_queue_put(struct tunnel_queue *q, struct packet *p);
struct packet *tunnel_queue_take(struct tunnel_queue *q);
void tunnel_queue_release(struct tunnel_queue *q);

/* ---- link.c ---- */
extern const struct link_ops tunnel_link_ops;
/*
 * An empty frame for the inner stack with room for `bytes`, or NULL (counted at the link).
 */
struct packet *tunnel_rx_frame(struct tunnel *t, uint32_t bytes);
/* The link's MTU after the path to the peer. */
void tunnel_follow_path(struct tunnel *t, int64_t now);

/* ---- send.c ---- */
/* Encapsulates a frame and sends it. */
void tunnel_send(struct tunnel *t, const struct packet *p, int64_t now);

/* ---- receive.c ---- */
void tunnel_receive_raw(void *context, const struct raw_datagram *d, int64_t now);
void tunnel_receive_udp(void *context, const struct udp_datagram *d, int64_t now);

/* ---- too_big.c ---- */
/* Answers a frame of the inner stack whose IP packet, at l3, its path does not take: mtu of it does. */
void tunnel_answer_too_big(struct tunnel *t, const struct packet *p, uint32_t l3, uint32_t mtu);

/* ---- ecn.c ---- */
/* RFC 6040 4.2: the ECN field that an inner packet gets, or ERR_MALFORMED: it is dropped. */
MUST_CHECK int tunnel_ecn_combine(unsigned inner, unsigned outer);
/* The TOS or traffic class of an IP packet of at least 20 bytes. */
uint8_t tunnel_ip_tos(const uint8_t *ip);
/* Gives a packet what its outer one says; false: it is dropped. *marked: it changed. */
bool tunnel_ecn_apply(uint8_t *ip, uint8_t outer_tos, bool *marked);
/* The offset of the IP packet in an Ethernet frame with up to two tags, or 0: there is none. */
uint32_t tunnel_ip_offset(const uint8_t *frame, uint32_t length);

/* ---- vni.c ---- */
MUST_CHECK int tunnel_vtep_init(struct tunnel *t);
void tunnel_vtep_free(struct tunnel *t);
struct tunnel_vni *tunnel_find_vni(const struct tunnel *t, uint32_t vni);
bool tunnel_hears(const struct tunnel *t, const struct tunnel_vni *v, const struct ip_addr *vtep);
/* The network that a frame of the inner stack is for, and the bytes of tags that say so; ERR_NOT_FOUND. */
MUST_CHECK int tunnel_vni_of(const struct tunnel *t, const struct packet *p, uint32_t *vni);
/* Writes the tags of a network; returns their bytes. */
unsigned tunnel_put_vni(const struct tunnel *t, uint8_t *to, uint32_t vni);

/* ---- learn.c ---- */
MUST_CHECK int tunnel_macs_init(struct tunnel *t);
void tunnel_macs_free(struct tunnel *t);
void tunnel_learn(struct tunnel *t, uint32_t vni, const uint8_t *mac, const struct ip_addr *vtep, int64_t now);
/* Or NULL. */
const struct ip_addr *tunnel_find_mac(struct tunnel *t, uint32_t vni, const uint8_t *mac, int64_t now);

#endif
