/* SPDX-License-Identifier: MIT */
/*
 * The transmit wrapper: every frame leaves through guard_tx_burst(), which holds the safety interlock (THREATS section
 * 3, SI rows): what is not allowed is dropped and counted as LINK_DROP_TX_GUARD with its cause, whatever produced it.
 * Checked again at plan compilation by guard_allows_destination().
 *
 * The rules are fixed before traffic starts, except `stop`, which any thread may set. Unless everything is stopped or a
 * cap is reached, ARP and neighbour discovery (RFC 4861, hop limit 255) always pass. The destination looked at is that
 * of the outermost IP header.
 */
#ifndef WEIR_PACKET_GUARD_H
#define WEIR_PACKET_GUARD_H

#include <stdatomic.h>

#include "packet/link.h"

#define GUARD_MAX_PREFIXES 32

#define GUARD_CAUSE_LIST(X)                                                                                            \
    X(STOPPED, stopped)         /* emergency stop, time cap over or heartbeat lost */                                  \
    X(DESTINATION, destination) /* IP destination outside the allowed prefixes, or cut off */                          \
    X(MULTICAST, multicast)     /* broadcast or multicast other than ARP and ND without the flag */                    \
    X(ETHERTYPE, ethertype)     /* neither IP nor ARP without the flag; no Ethernet header */                          \
    X(RATE, rate)               /* over the frames or bits per second cap */                                           \
    X(VOLUME, volume)           /* over the frame or byte total */

enum guard_cause {
#define GUARD_CAUSE_ENUM(name, text) GUARD_##name,
    GUARD_CAUSE_LIST(GUARD_CAUSE_ENUM) GUARD_CAUSE_COUNT
#undef GUARD_CAUSE_ENUM
};

struct guard_prefix {
    uint8_t bytes[16]; /* IPv6, or IPv4 mapped (::ffff:0:0/96 + length) */
    uint8_t length;    /* bits of the 128 */
};

struct guard_rules {
    /* Destinations; n_allowed 0: every destination (memory links only). */
    struct guard_prefix allowed[GUARD_MAX_PREFIXES];
    uint32_t n_allowed;
    bool allow_dhcp;                /* what DHCP clients send to all servers, as if it were ARP */
    bool allow_multicast;           /* broadcast and multicast floods; multicast addresses need no prefix then */
    bool allow_ethertypes;          /* LLDP, STP, anything; group addresses not of bridges need allow_multicast too */
    uint64_t max_bits_per_second;   /* 0: no cap; counts frame bytes + 24 (preamble, FCS, gap); at most 2^48 */
    uint64_t max_frames_per_second; /* 0: no cap; at most 2^48 */
    uint64_t max_frames;            /* 0: no cap */
    uint64_t max_bytes;             /* 0: no cap; frame bytes */
    int64_t stop_at;                /* TIME_NEVER: no cap */
    int64_t heartbeat_ns;           /* 0: none; else traffic stops when guard_heartbeat is older */
};

/* Destinations as the data path compares them; the one that held last comes first. */
struct guard_v4 {
    uint32_t mask, value;
};
struct guard_v6 {
    uint64_t mask[2], value[2];
};

/* A rate cap: `at` is when all that was sent would have left at the capped rate; remainder in 1/per_second ns. */
struct guard_rate {
    uint64_t per_second;
    int64_t at;
    uint64_t remainder;
};

struct guard {
    struct guard_rules rules;
    atomic_bool *stop; /* shared by all guards of a process; may be NULL */
    int64_t heartbeat_at;
    struct guard_v4 v4[GUARD_MAX_PREFIXES];
    struct guard_v6 v6[GUARD_MAX_PREFIXES];
    uint32_t n_v4, n_v6;
    bool capped; /* any of rate and volume */
    struct guard_rate bits, pps;
    uint64_t frames, bytes; /* allowed so far, counted when capped; each segment of a GSO packet is a frame */
    uint64_t denied[GUARD_CAUSE_COUNT];
};

const char *guard_cause_name(enum guard_cause cause);
/*
 * ERR_INVALID with too many prefixes, a length over 128, a rate over 2^48 or a negative heartbeat_ns. The heartbeat
 * begins with now.
 */
MUST_CHECK int guard_init(struct guard *g, const struct guard_rules *rules, atomic_bool *stop, int64_t now);
/*
 * Private, RFC 2544 and documentation ranges: 10/8, 172.16/12, 192.168/16, 198.18/15, 192.0.2/24, 198.51.100/24,
 * 203.0.113/24, 127/8, fc00::/7, fe80::/10, 2001:2::/48, 2001:db8::/32; no caps.
 */
void guard_rules_default(struct guard_rules *rules);
/* addr: 16 bytes, IPv4 mapped. */
bool guard_allows_destination(const struct guard *g, const uint8_t addr[16]);
static inline void guard_heartbeat(struct guard *g, int64_t now) { g->heartbeat_at = now; }
/*
 * Sends what the rules allow; releases, counts and drops the rest. The only caller of link_tx_burst for frames of our
 * own making. The array is consumed (its order may change).
 */
void guard_tx_burst(struct guard *g, struct link *link, struct packet **packets, unsigned n, int64_t now);

#endif
