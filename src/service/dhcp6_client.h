/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv6 client of RFC 8415 18.2 as a state machine without I/O: one address (IA_NA), one delegated prefix (IA_PD),
 * or only other configuration (Information-request). Messages and time come in; messages and calls of the host go out.
 *
 * A state is the exchange that is under way, retransmitted by section 15 (dhcp6_exchange.h), or that there is none. The
 * client's identifier is a DUID-LL of its hardware address. Messages always go to ff02::1:2. Thousands of clients share
 * one dhcp6_client_settings, which their owner keeps; each is a record in the caller's memory that holds nothing else.
 * Host callbacks must not call back into the client. What is not acted upon is counted by its cause.
 */
#ifndef WEIR_SERVICE_DHCP6_CLIENT_H
#define WEIR_SERVICE_DHCP6_CLIENT_H

#include "service/dhcp6_exchange.h"
#include "service/dhcp6_message.h"

#define DHCP6_CLIENT_DUID_LEN 10u

// clang-format off
#define DHCP6_CLIENT_STATE_LIST(X)                                                                              \
    X(STOPPED) X(SOLICITING) X(REQUESTING) X(CONFIRMING) X(RENEWING) X(REBINDING) X(RELEASING) X(DECLINING)     \
    X(INFORMING) X(CHECKING) X(BOUND) X(INFORMED)

#define DHCP6_CLIENT_COUNTER_LIST(X)                                                \
    X(sent, "messages sent")                                                        \
    X(retransmissions, "messages sent again")                                       \
    X(advertises, "ADVERTISE that could be taken")                                  \
    X(replies, "REPLY acted upon")                                                  \
    X(bound, "lease begun")                                                         \
    X(renewed, "lease extended")                                                    \
    X(expired, "lease run out")                                                     \
    X(conflicts, "address in use by somebody else")                                 \
    X(given_up, "exchange without an answer")                                       \
    X(refused, "REPLY that gives nothing, or takes back what there was")            \
    X(drop_malformed, "message rejected by the parser")                             \
    X(drop_xid, "message of another transaction")                                   \
    X(drop_client, "message for another client")                                    \
    X(drop_server, "no server identifier, or not the server that was asked")        \
    X(drop_type, "message that is no answer to this exchange")                      \
    X(drop_nothing, "ADVERTISE without an address or prefix")                       \
    X(drop_failed, "REPLY of a server that could not")
// clang-format on

enum dhcp6_client_state {
#define DHCP6_CLIENT_STATE_ENUM(name) DHCP6_CLIENT_##name,
    DHCP6_CLIENT_STATE_LIST(DHCP6_CLIENT_STATE_ENUM)
#undef DHCP6_CLIENT_STATE_ENUM
        DHCP6_CLIENT_STATES
};

struct dhcp6_client_counters {
#define DHCP6_CLIENT_COUNTER(name, text) uint64_t name;
    DHCP6_CLIENT_COUNTER_LIST(DHCP6_CLIENT_COUNTER)
#undef DHCP6_CLIENT_COUNTER
    uint64_t malformed[DHCP6_REJECTS]; /* drop_malformed by reason */
};

/* The two things that a client can have. */
enum dhcp6_client_what { DHCP6_CLIENT_ADDRESS, DHCP6_CLIENT_PREFIX, DHCP6_CLIENT_WHATS };

struct dhcp6_held {
    struct ip_addr addr; /* unspecified: none */
    uint8_t prefix_length;
    bool configured;
    uint32_t preferred_s, valid_s;
    int64_t ends_ns;
};

struct dhcp6_client;
struct dhcp6_client_host {
    /* A message from the client's port to ff02::1:2, port 547. */
    void (*send)(void *context, struct dhcp6_client *c, const uint8_t *bytes, size_t length);
    /* Duplicate address detection; dhcp6_client_probed() is the answer. NULL: addresses are taken unprobed. */
    void (*probe)(void *context, struct dhcp6_client *c, const struct ip_addr *addr);
    void (*configure)(void *context, struct dhcp6_client *c, enum dhcp6_client_what what,
                      const struct dhcp6_held *held);
    void (*unconfigure)(void *context, struct dhcp6_client *c, enum dhcp6_client_what what,
                        const struct dhcp6_held *held);
    /* May be NULL: a REPLY with other configuration. */
    void (*informed)(void *context, struct dhcp6_client *c, const struct dhcp6_message *m);
    void *context;
};

struct dhcp6_client_settings {
    struct dhcp6_client_host host;
    struct dhcp6_client_counters *counters;
    bool want_address, want_prefix; /* neither: Information-request */
    bool rapid_commit;
    bool start_delay;      /* up to a second at random before the first message (RFC 8415 18.2.1) */
    uint8_t prefix_length; /* wished for; 0: as the server likes */
};

struct dhcp6_client {
    const struct dhcp6_client_settings *settings;
    void *user; /* the caller's */
    uint64_t random;
    int64_t deadline;
    int64_t t1_ns, t2_ns;
    struct dhcp6_exchange exchange;
    struct dhcp6_held held[DHCP6_CLIENT_WHATS];
    uint32_t iaid;
    uint32_t sol_max_rt_s, inf_max_rt_s; /* servers may change them (RFC 8415 21.24, 21.25) */
    uint8_t mac[6];
    uint8_t state; /* enum dhcp6_client_state */
    bool has_offer;
    uint8_t preference; /* of the offer */
    uint8_t server_id_len;
    uint8_t server_id[DHCP6_DUID_MAX];
};

static_assert(sizeof(struct dhcp6_client) <= 448, "thousands of clients in little memory");

void dhcp6_client_settings_default(struct dhcp6_client_settings *s);
/* ERR_INVALID: a callback is missing, a prefix length over 128. */
MUST_CHECK int dhcp6_client_settings_check(const struct dhcp6_client_settings *s);
/* STOPPED. The hardware address's last four bytes are the association's number. */
void dhcp6_client_init(struct dhcp6_client *c, const struct dhcp6_client_settings *s, const uint8_t mac[6],
                       uint64_t seed);
const char *dhcp6_client_state_name(enum dhcp6_client_state state);
/* DHCP6_CLIENT_DUID_LEN bytes. */
void dhcp6_client_duid(const struct dhcp6_client *c, uint8_t *to);

/* SOLICITING or INFORMING. Gives up what it had. */
void dhcp6_client_start(struct dhcp6_client *c, int64_t now);
/* Gives up at once what it has, and tells the server until it has heard. */
void dhcp6_client_release(struct dhcp6_client *c, int64_t now);
void dhcp6_client_stop(struct dhcp6_client *c);
/* The link was away and may be another one: CONFIRMING, or with a prefix REBINDING (RFC 8415 18.2.12). */
void dhcp6_client_link_changed(struct dhcp6_client *c, int64_t now);
/* A UDP datagram to the client's port. */
void dhcp6_client_input(struct dhcp6_client *c, const uint8_t *bytes, size_t length, int64_t now);
/* The answer to probe(). Ignored in other states than CHECKING. */
void dhcp6_client_probed(struct dhcp6_client *c, bool in_use, int64_t now);
void dhcp6_client_tick(struct dhcp6_client *c, int64_t now);
static inline int64_t dhcp6_client_deadline(const struct dhcp6_client *c) { return c->deadline; }

#endif
