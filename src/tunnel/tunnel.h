/* SPDX-License-Identifier: MIT */
/*
 * Tunnels: links whose frames travel inside datagrams of a stack, the outer one. IP in IP of either family (RFC 2003,
 * 2473, 4213), GRE with IP or Ethernet inside (RFC 2784, 2890) and VXLAN (RFC 7348). The inner stack, to which the link
 * is added as an interface, may be the outer one itself. Sans I/O, no globals.
 *
 *   out: link_tx_burst keeps frames (bounded), link push sends them as datagrams of the outer stack
 *   in:  the outer stack's callbacks decapsulate into frames (bounded), link_rx_burst gives them to the inner stack
 *
 * Invariants:
 *  1. tx_burst never calls a stack. push does, and rx_burst, which pushes too: both only run while no stack is within a
 *     call of its own (stack_transmit and stack_receive between two interfaces). So nothing is re-entered.
 *  2. Frames that wait make next_deadline due at once, or, while the outer link has no room, a moment later.
 *  3. A tunnel sends only by links of a smaller nesting than its own, checked at each frame (a local address may have
 *     got another interface since): no frame goes round, and none through more than TUNNEL_MAX_NESTING tunnels. What
 *     would is dropped as tunnel_recursion.
 *  4. Every drop is counted once, here or in the link's counters.
 *
 * A set owns its tunnels and outlives the stacks that use their links; link_close on one of them does nothing.
 *
 * Tunnels of IP have one peer (LINK_CAP_POINT_TO_POINT). Their MTU, and that of GRE with Ethernet, follows the path to
 * the peer; a frame that is longer than its path takes is answered with the ICMP message that says so (RFC 2003 5,
 * RFC 4459), as are those of VXLAN. The outer datagram has DF. Only where the inner one may be fragmented, or is one of
 * IPv6 up to 1280 bytes (RFC 4213 3.2.2), does an IP tunnel let the outer one be fragmented instead.
 *
 * TTL: the tunnel's own. ECN: RFC 6040, normal mode, also of Ethernet frames with IP inside. DSCP: the tunnel's own.
 *
 * VXLAN: a VTEP has up to a million networks. Frames of its link name theirs by tags that are not on the wire
 * (host_settings.vni makes them; wireshark reads them): an S-tag of the upper 12 bits and a C-tag of the lower ones,
 * each only if it is not 0. That costs the path of other frames nothing, and whoever writes a frame cannot forget it.
 * Without `trunk` there is one network, and tags are the user's and travel. With it, a received frame with a tag of its
 * own is refused (RFC 7348 6.1).
 *
 * A frame to one MAC goes to the VTEP behind which it was last seen; else, and to a group, to all of the network's
 * remotes: VTEPs (head-end replication), a multicast group (RFC 7348 4.2), or both. Only VTEPs in a network's list are
 * heard, unless accept_unknown or a multicast group is among its remotes: then all are, as RFC 7348 has it, and anybody
 * who reaches the port speaks in the network. What is learnt is bounded (the one not seen for longest goes) and ages.
 */
#ifndef WEIR_TUNNEL_TUNNEL_H
#define WEIR_TUNNEL_TUNNEL_H

#include "stack/stack.h"

#define TUNNEL_MAX 16u /* of one set */
#define TUNNEL_MAX_NESTING 4u
#define TUNNEL_MAX_REMOTES 64u /* of one network */

/* clang-format off */
#define TUNNEL_EVENT_LIST(X)                                                                                           \
    X(tunnel_sent) X(tunnel_received) X(tunnel_flooded) X(tunnel_learned) X(tunnel_moved) X(tunnel_aged)               \
    X(tunnel_evicted) X(tunnel_too_big_sent) X(tunnel_errors_received) X(tunnel_marked)
#define TUNNEL_DROP_LIST(X)                                                                                            \
    X(tunnel_short)            /* a header is cut off */                                                               \
    X(tunnel_bad_header)       /* GRE's version or reserved bits; no I flag in VXLAN */                                \
    X(tunnel_bad_checksum)     /* GRE's is wrong, or missing where the tunnel has one */                               \
    X(tunnel_unknown_protocol) /* GRE carries what the tunnel does not */                                              \
    X(tunnel_unknown_key)      /* GRE: no tunnel of this peer has it */                                                \
    X(tunnel_unknown_peer)     /* nobody we have a tunnel or a network with */                                         \
    X(tunnel_unknown_vni)      /* no network of the VTEP, sent or received */                                          \
    X(tunnel_out_of_order)     /* GRE: a sequence number that is not newer, or none */                                 \
    X(tunnel_inner_tag)        /* VXLAN: a tag inside, on a trunk */                                                   \
    X(tunnel_bad_inner)        /* what is inside is no such packet */                                                  \
    X(tunnel_ecn)              /* RFC 6040 4.2: congestion was marked where the inner packet cannot say so */          \
    X(tunnel_not_ip)           /* sent into a tunnel of IP */                                                          \
    X(tunnel_no_remote)        /* VXLAN: the network has no remotes */                                                 \
    X(tunnel_too_big)          /* longer than its path, and not to be fragmented */                                    \
    X(tunnel_no_route)         /* the outer stack has no way to the peer */                                            \
    X(tunnel_no_room)          /* or no room */                                                                        \
    X(tunnel_recursion)        /* it would go through the tunnel itself, or one as deep */
#define TUNNEL_COUNTER_LIST(X) TUNNEL_EVENT_LIST(X) TUNNEL_DROP_LIST(X)
/* clang-format on */

struct tunnel_counters {
#define TUNNEL_COUNTER_FIELD(name) uint64_t name;
    TUNNEL_COUNTER_LIST(TUNNEL_COUNTER_FIELD)
#undef TUNNEL_COUNTER_FIELD
};

enum tunnel_kind {
    TUNNEL_IPIP,   /* protocols 4 and 41, over either family */
    TUNNEL_GRE,    /* IP of either family inside */
    TUNNEL_GRETAP, /* Ethernet inside */
    TUNNEL_VXLAN,
};

struct tunnel_settings {
    enum tunnel_kind kind;
    const char *name;      /* of the link */
    uint32_t local;        /* the local address of the outer stack from which it sends */
    struct ip_addr remote; /* the peer; not of VXLAN */
    uint8_t mac[6];        /* of the link; all zero: made of kind and local address */
    uint32_t mtu;          /* at most; default 0: what the path takes */
    uint8_t ttl;           /* default 64 */
    uint8_t dscp;          /* 0 to 63; default 0 */
    bool fragment;         /* the outer datagram has no DF, and goes in fragments where it must */
    uint32_t queue_frames; /* that wait each way; default 256, at least 64 */
    /* GRE */
    bool has_key, checksum, sequence;
    uint32_t key;
    /* VXLAN */
    uint32_t vni;         /* the network of frames without tags */
    bool trunk;           /* others by their tags */
    uint16_t port;        /* default 4789 */
    bool udp_checksum;    /* over IPv4; over IPv6 there is one unless zero_checksum6 */
    bool zero_checksum6;  /* none is sent over IPv6, and none is asked of others: RFC 6936 section 5 */
    bool accept_unknown;  /* VTEPs that are in no list */
    bool learn;           /* default true */
    uint32_t max_vnis;    /* default 1; at most 2^20 */
    uint32_t max_remotes; /* of all networks; default 64 */
    uint32_t max_macs;    /* learnt; default 4096 */
    int64_t age_ns;       /* a MAC that was not seen for that long is forgotten; default 300 s */
};
void tunnel_settings_default(struct tunnel_settings *t, enum tunnel_kind kind);

struct tunnel_set;
/* Tunnels over one outer stack. ERR_NO_MEMORY, ERR_NO_SPACE (raw_listen). */
MUST_CHECK int tunnel_set_new(struct stack *outer, const struct hash_key *secret, const struct allocator *a,
                              struct tunnel_set **out);
/* After the stacks that use its links. */
void tunnel_set_delete(struct tunnel_set *set);
const struct tunnel_counters *tunnel_set_counters(const struct tunnel_set *set);
/*
 * One more tunnel; its link is the set's. ERR_INVALID (a local address or peer that there cannot be, of two families; a
 * value out of its range; a path under 68 bytes), ERR_EXISTS (another tunnel has the same ends and key), ERR_IN_USE (the
 * port of a VTEP), ERR_NO_SPACE (of tunnels, bindings; nested too deep), ERR_NO_MEMORY.
 */
MUST_CHECK int tunnel_add(struct tunnel_set *set, const struct tunnel_settings *t, int64_t now, struct link **out);
/*
 * One more network of a VTEP, 1 to 2^24-1; settings.vni, which may be 0, is one from the beginning. ERR_INVALID (another
 * number, no trunk, not a VTEP), ERR_EXISTS, ERR_NO_SPACE.
 */
MUST_CHECK int tunnel_add_vni(struct link *vtep, uint32_t vni);
/*
 * One more VTEP, or a multicast group, that a network's frames are flooded to. ERR_NOT_FOUND (no such network),
 * ERR_INVALID (another family, an address that is none), ERR_EXISTS, ERR_NO_SPACE, ERR_IN_USE (another VTEP of the set
 * has groups).
 */
MUST_CHECK int tunnel_add_remote(struct link *vtep, uint32_t vni, const struct ip_addr *remote, int64_t now);
/* Where a MAC of a network was last seen. False: it is not known, or no more. */
bool tunnel_where(struct link *vtep, uint32_t vni, const uint8_t mac[6], int64_t now, struct ip_addr *out);

#endif
