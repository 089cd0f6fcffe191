/* SPDX-License-Identifier: MIT */
/*
 * An LLDP agent on one port, without I/O: IEEE 802.1AB-2016 9. LLDPDUs and time come in; LLDPDUs and news of neighbours
 * go out by callbacks, which must not call back.
 *
 * Neighbours are told apart by chassis and port identifier and live for as long as they say. The table is bounded: who
 * finds it full is counted and not taken, so that a flood displaces nobody (9.2.7.7.5 leaves it open); a search is
 * linear in its bound. Identifiers and texts are copied. Memory is taken at the beginning only.
 */
#ifndef WEIR_SERVICE_LLDP_H
#define WEIR_SERVICE_LLDP_H

#include "base/alloc.h"
#include "base/time_ns.h"
#include "wire/ip_addr.h"
#include "wire/lldp.h"

#define LLDP_NEIGHBOURS_MAX 4096u

// clang-format off
#define LLDP_COUNTER_LIST(X)                                                \
    X(sent, "LLDPDU sent")                                                  \
    X(received, "LLDPDU acted upon")                                        \
    X(added, "neighbour that is new")                                       \
    X(left, "neighbour that said that it goes")                             \
    X(aged, "neighbour whose time ran out")                                 \
    X(tlvs_ignored, "TLV of a length that it cannot have, or repeated")     \
    X(drop_malformed, "LLDPDU rejected by the parser")                      \
    X(drop_own, "LLDPDU with our own chassis and port")                     \
    X(drop_full, "neighbour for whom there is no room")                     \
    X(drop_unknown, "farewell of nobody who is known")
// clang-format on

struct lldp_counters {
#define LLDP_COUNTER(name, text) uint64_t name;
    LLDP_COUNTER_LIST(LLDP_COUNTER)
#undef LLDP_COUNTER
    uint64_t malformed[WIRE_LLDP_REJECTS]; /* drop_malformed by reason */
};

struct lldp_neighbour {
    int64_t since_ns, ends_ns; /* ends_ns TIME_NEVER: the record is free */
    uint8_t mac[6];            /* of the last frame */
    uint8_t chassis_subtype, port_subtype, chassis_len, port_len;
    bool has_capabilities;
    uint8_t management_family, management_len;
    uint16_t ttl_s, capabilities, enabled;
    uint8_t chassis[WIRE_LLDP_ID_MAX], port[WIRE_LLDP_ID_MAX], management[WIRE_LLDP_ADDRESS_MAX];
    char port_description[WIRE_LLDP_TEXT_MAX + 1], system_name[WIRE_LLDP_TEXT_MAX + 1],
        system_description[WIRE_LLDP_TEXT_MAX + 1];
};

enum lldp_change { LLDP_ADDED, LLDP_CHANGED, LLDP_LEFT, LLDP_AGED };

struct lldp_settings {
    struct wire_lldp sent; /* ttl_s is set by the agent; what it refers to is the owner's and stays */
    bool sends;
    int64_t interval_ns; /* msgTxInterval; default 30 s */
    uint8_t hold;        /* msgTxHold: times to live are so many intervals, and a second; default 4 */
    uint8_t fast;        /* txFastInit: so many a second apart at the beginning and for a new neighbour; default 4 */
    uint32_t max_neighbours;
    void (*send)(void *context, const uint8_t *bytes, size_t length);                      /* to 01:80:c2:00:00:0e */
    void (*changed)(void *context, enum lldp_change what, const struct lldp_neighbour *n); /* or NULL */
    void *context;
};

struct lldp_agent;

void lldp_settings_default(struct lldp_settings *s);
/* ERR_INVALID: no send(), an interval under a second, no hold, too many neighbours, an LLDPDU that cannot be; ERR_NO_MEMORY. */
MUST_CHECK int lldp_agent_new(const struct lldp_settings *s, const struct allocator *a, int64_t now,
                              struct lldp_agent **out);
void lldp_agent_delete(struct lldp_agent *g);
/* An LLDPDU from a station: what is behind the Ethernet header. */
void lldp_agent_input(struct lldp_agent *g, const uint8_t mac[6], const uint8_t *bytes, size_t length, int64_t now);
void lldp_agent_tick(struct lldp_agent *g, int64_t now);
int64_t lldp_agent_deadline(const struct lldp_agent *g);
/* Says that it goes (a shutdown LLDPDU), if it ever sent. It sends no more. */
void lldp_agent_stop(struct lldp_agent *g);
/* The neighbours one after the other: *at begins with 0. NULL at the end. */
const struct lldp_neighbour *lldp_agent_next(const struct lldp_agent *g, uint32_t *at);
const struct lldp_counters *lldp_agent_counters(const struct lldp_agent *g);
/* An identifier as text: a MAC or IP address, or what is printable of its bytes. */
void lldp_id_print(char *to, size_t size, bool is_mac, bool is_address, const uint8_t *id, uint8_t length);

#endif
