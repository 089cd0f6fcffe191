/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 client of RFC 2131 4.4 as a state machine without I/O: messages and time come in, messages and calls of
 * the host go out. States have the RFC's names; CHECKING is its "the client SHOULD probe" before BOUND.
 *
 * Thousands of clients share one dhcp4_client_settings, which their owner keeps for as long as they live; each is a
 * record of its own, in the caller's memory, that holds nothing else and needs no clean-up. The caller calls
 * dhcp4_client_tick() when dhcp4_client_deadline() has come. Host callbacks must not call back into the client.
 *
 * Every message that is not acted upon is counted by its cause; a message that is malformed, of another transaction
 * or another hardware address changes nothing (THREATS DH-01, DH-02).
 */
#ifndef WEIR_SERVICE_DHCP4_CLIENT_H
#define WEIR_SERVICE_DHCP4_CLIENT_H

#include "base/time_ns.h"
#include "service/dhcp4_message.h"

#define DHCP4_CLIENT_DNS 3u
#define DHCP4_CLIENT_CONFLICT_WAIT_NS (10 * NS_PER_S) /* RFC 2131 3.1 5 */
#define DHCP4_CLIENT_MAX_CONFLICTS 10u                /* since the start; from this one on, RFC 5227 2.1.1: */
#define DHCP4_CLIENT_RATE_LIMIT_NS (60 * NS_PER_S)

// clang-format off
#define DHCP4_CLIENT_STATE_LIST(X) \
    X(STOPPED) X(INIT) X(SELECTING) X(REQUESTING) X(REBOOTING) X(CHECKING) X(BOUND) X(RENEWING) X(REBINDING)

#define DHCP4_CLIENT_COUNTER_LIST(X)                                                \
    X(discovers, "DISCOVER sent")                                                   \
    X(requests, "REQUEST sent, in any state")                                       \
    X(declines, "DECLINE sent")                                                     \
    X(releases, "RELEASE sent")                                                     \
    X(retransmissions, "DISCOVER or REQUEST sent again")                            \
    X(offers, "OFFER that could be taken")                                          \
    X(acks, "ACK acted upon")                                                       \
    X(naks, "NAK acted upon")                                                       \
    X(bound, "lease begun")                                                         \
    X(renewed, "lease extended")                                                    \
    X(expired, "lease run out")                                                     \
    X(conflicts, "address in use by somebody else")                                 \
    X(given_up, "REQUEST without an answer, from the beginning again")              \
    X(drop_malformed, "message rejected by the parser")                             \
    X(drop_xid, "message of another transaction")                                   \
    X(drop_hardware, "message for another hardware address")                        \
    X(drop_type, "message that is no reply, or not for this state")                 \
    X(drop_server, "no server identifier, or not the server that was asked")        \
    X(drop_address, "address that no host can have, or not the one asked for")      \
    X(drop_lease, "lease of no time, or none")
// clang-format on

enum dhcp4_client_state {
#define DHCP4_CLIENT_STATE_ENUM(name) DHCP4_CLIENT_##name,
    DHCP4_CLIENT_STATE_LIST(DHCP4_CLIENT_STATE_ENUM)
#undef DHCP4_CLIENT_STATE_ENUM
        DHCP4_CLIENT_STATES
};

struct dhcp4_client_counters {
#define DHCP4_CLIENT_COUNTER(name, text) uint64_t name;
    DHCP4_CLIENT_COUNTER_LIST(DHCP4_CLIENT_COUNTER)
#undef DHCP4_CLIENT_COUNTER
    uint64_t malformed[DHCP4_REJECTS]; /* drop_malformed by reason */
};

enum dhcp4_client_choice { DHCP4_CHOOSE_FIRST, DHCP4_CHOOSE_LONGEST };

/* What a lease gives; addresses in host order, 0: not given. */
struct dhcp4_lease {
    uint32_t address, mask, router, server;
    uint32_t dns[DHCP4_CLIENT_DNS];
    uint32_t lease_s, t1_s, t2_s; /* DHCP4_INFINITE: for ever */
    uint16_t mtu;
};

/* A message to be sent from the client's port to the server's. */
struct dhcp4_client_datagram {
    const uint8_t *bytes; /* until the callback returns */
    size_t length;
    uint32_t from; /* 0: no address yet */
    uint32_t to;   /* 0xffffffff: broadcast */
};

struct dhcp4_client;
struct dhcp4_client_host {
    void (*send)(void *context, struct dhcp4_client *c, const struct dhcp4_client_datagram *d);
    /* Probes the address (RFC 5227 2.1); dhcp4_client_probed() is the answer. NULL: addresses are taken unprobed. */
    void (*probe)(void *context, struct dhcp4_client *c, uint32_t address);
    /* The lease begins, or goes on with what may be other values. */
    void (*configure)(void *context, struct dhcp4_client *c, const struct dhcp4_lease *lease);
    /* The address must not be used from now on. Not called for an address that was never configured. */
    void (*unconfigure)(void *context, struct dhcp4_client *c, uint32_t address);
    /* May be NULL: the ACK itself, for options that the lease does not hold. */
    void (*acknowledged)(void *context, struct dhcp4_client *c, const struct dhcp4_message *m);
    void *context;
};

struct dhcp4_client_settings {
    struct dhcp4_client_host host;
    struct dhcp4_client_counters *counters;
    enum dhcp4_client_choice choice;
    int64_t collect_ns;        /* CHOOSE_LONGEST: offers that come so long after the first are compared */
    int64_t start_wait_ns;     /* the first DISCOVER goes after 1/10 to all of this at random; 0: at once */
    uint32_t request_lease_s;  /* 0: as the server likes */
    unsigned request_tries;    /* REQUESTs before all begins again, 1 to 16 */
    bool broadcast;            /* cannot receive unicast before it has an address */
    bool send_client_id;       /* hardware type and address as client identifier */
    const uint8_t *parameters; /* what is asked for */
    uint8_t n_parameters;
    const char *host_name, *class_id; /* NULL: not sent */
};

/* One client: 256 bytes at most. Set up by dhcp4_client_init(); the fields are the client's, to be read only. */
struct dhcp4_client {
    const struct dhcp4_client_settings *settings;
    void *user; /* the caller's */
    uint64_t random;
    int64_t deadline;      /* of the present state */
    int64_t begun_ns;      /* of this attempt: `secs` */
    int64_t discovered_ns; /* when the last DISCOVER was sent */
    int64_t asked_ns;      /* when the REQUEST was first sent: the lease counts from here */
    int64_t t1_ns, t2_ns, expires_ns;
    struct dhcp4_lease lease; /* offered or held */
    uint32_t xid;
    uint32_t wanted; /* the address of INIT-REBOOT, or of the last lease */
    uint8_t mac[6];
    uint8_t state;     /* enum dhcp4_client_state */
    uint8_t tries;     /* of the message that is being sent */
    uint8_t failures;  /* NAKs in a row */
    uint8_t conflicts; /* addresses that were somebody else's, up to DHCP4_CLIENT_MAX_CONFLICTS */
    bool configured;
};

static_assert(sizeof(struct dhcp4_client) <= 256, "thousands of clients in little memory");

void dhcp4_client_settings_default(struct dhcp4_client_settings *s);
/* ERR_INVALID: a callback is missing, request_tries out of range, texts or parameters too long. */
MUST_CHECK int dhcp4_client_settings_check(const struct dhcp4_client_settings *s);
/* STOPPED. The seed tells clients apart, also between runs. */
void dhcp4_client_init(struct dhcp4_client *c, const struct dhcp4_client_settings *s, const uint8_t mac[6],
                       uint64_t seed);
const char *dhcp4_client_state_name(enum dhcp4_client_state state);

/* INIT, or with the address of an earlier lease INIT-REBOOT. Gives up what it had. */
void dhcp4_client_start(struct dhcp4_client *c, uint32_t previous, int64_t now);
/* Gives the lease back; STOPPED. */
void dhcp4_client_release(struct dhcp4_client *c);
/* Stops without a word: the server keeps the lease until it runs out. */
void dhcp4_client_stop(struct dhcp4_client *c);
/* A UDP datagram to the client's port. */
void dhcp4_client_input(struct dhcp4_client *c, const uint8_t *bytes, size_t length, int64_t now);
/* The answer to probe(). Ignored in other states than CHECKING. */
void dhcp4_client_probed(struct dhcp4_client *c, bool in_use, int64_t now);
/* The address, in use here, is somebody else's too and could not be defended (RFC 5227 2.4). */
void dhcp4_client_conflict(struct dhcp4_client *c, int64_t now);
void dhcp4_client_tick(struct dhcp4_client *c, int64_t now);
static inline int64_t dhcp4_client_deadline(const struct dhcp4_client *c) { return c->deadline; }

#endif
