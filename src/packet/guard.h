/* SPDX-License-Identifier: MIT */
/*
 * The transmit wrapper: every frame leaves through guard_tx_burst(), which holds the safety interlock (THREATS section 3, SI rows): what is not
 * allowed is dropped and counted as LINK_DROP_TX_GUARD with its cause, whatever produced it. Checked again at plan compilation by
 * guard_allows_destination().
 *
 * The rules are fixed before traffic starts, except `stop`, which any thread may set.
 */
#ifndef WEIR_PACKET_GUARD_H
#define WEIR_PACKET_GUARD_H

#include <stdatomic.h>

#include "packet/link.h"

#define GUARD_MAX_PREFIXES 32

#define GUARD_CAUSE_LIST(X)                                                                                            \
    X(STOPPED, stopped)                 /* emergency stop, time cap over or heartbeat lost */                          \
    X(DESTINATION, destination)         /* IP destination outside the allowed prefixes */                              \
    X(MULTICAST, multicast)             /* broadcast or multicast other than ARP and ND without the flag */            \
    X(ETHERTYPE, ethertype)             /* neither IP nor ARP without the flag */                                      \
    X(RATE, rate)                       /* over the frames or bits per second cap */                                   \
    X(VOLUME, volume)                   /* over the frame or byte total */

enum guard_cause {
#define GUARD_CAUSE_ENUM(name, text) GUARD_##name,
    GUARD_CAUSE_LIST(GUARD_CAUSE_ENUM)
#undef GUARD_CAUSE_ENUM
    GUARD_CAUSE_COUNT
};

struct guard_prefix {
    uint8_t bytes[16]; /* IPv6, or IPv4 mapped (::ffff:0:0/96 + length) */
    uint8_t length;    /* bits of the 128 */
};

struct guard_rules {
    struct guard_prefix allowed[GUARD_MAX_PREFIXES]; /* destinations; n_allowed 0: every destination (memory links only) */
    uint32_t n_allowed;
    bool allow_multicast;  /* broadcast and multicast floods */
    bool allow_ethertypes; /* LLDP, STP, anything */
    uint64_t max_bits_per_second; /* 0: no cap */
    uint64_t max_frames;          /* 0: no cap */
    int64_t stop_at;              /* TIME_NEVER: no cap */
    int64_t heartbeat_ns;         /* 0: none; else traffic stops when guard_heartbeat is older */
};

struct guard {
    struct guard_rules rules;
    atomic_bool *stop; /* shared by all guards of a process; may be NULL */
    int64_t heartbeat_at;
    int64_t bucket_at;
    uint64_t bucket_bytes;
    uint64_t frames;
    uint32_t last_v4; /* destination allowed last, host order; 0: none */
    uint64_t denied[GUARD_CAUSE_COUNT];
};

const char *guard_cause_name(enum guard_cause cause);
/* ERR_INVALID with too many prefixes or a length over 128. Prefixes are private, RFC 2544 and documentation ranges by guard_rules_default(). */
MUST_CHECK int guard_init(struct guard *g, const struct guard_rules *rules, atomic_bool *stop, int64_t now);
/* 10/8, 172.16/12, 192.168/16, 198.18/15, 192.0.2/24, 198.51.100/24, 203.0.113/24, 127/8, fc00::/7, fe80::/10, 2001:2::/48, 2001:db8::/32; no caps. */
void guard_rules_default(struct guard_rules *rules);
/* addr: 16 bytes, IPv4 mapped. */
bool guard_allows_destination(const struct guard *g, const uint8_t addr[16]);
static inline void guard_heartbeat(struct guard *g, int64_t now) { g->heartbeat_at = now; }
/* Sends what the rules allow; releases, counts and drops the rest. The only caller of ops->tx_burst for frames of our own making. */
void guard_tx_burst(struct guard *g, struct link *link, struct packet **packets, unsigned n, int64_t now);

#endif
