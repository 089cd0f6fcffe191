/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv4 server without I/O: RFC 2131 4.3, relay agents RFC 3046 and 3527, client identifiers RFC 6842. Messages and
 * time come in, replies go out by the host's send().
 *
 * A pool belongs to a subnet, which the relay agent's address names, or its link selection; without a relay agent it is
 * the client's own address, or the server's. A reservation keeps an address for a client identifier or a hardware
 * address. The server keeps its settings' pointers: their owner keeps what they point to. Memory is taken at the
 * beginning only; when it is used up, clients get no answer, and a counter says so.
 */
#ifndef WEIR_SERVICE_DHCP4_SERVER_H
#define WEIR_SERVICE_DHCP4_SERVER_H

#include "service/dhcp4_message.h"
#include "service/lease_table.h"

#define DHCP4_POOLS_MAX 1024u
#define DHCP4_POOL_DNS 3u

// clang-format off
#define DHCP4_SERVER_COUNTER_LIST(X)                                                \
    X(discovers, "DISCOVER received")                                               \
    X(requests, "REQUEST received")                                                 \
    X(declines, "address declined: kept from everybody for a while")                \
    X(releases, "lease given back")                                                 \
    X(informs, "INFORM answered")                                                   \
    X(offers, "OFFER sent")                                                         \
    X(acks, "ACK of a lease sent")                                                  \
    X(naks, "NAK sent")                                                             \
    X(drop_malformed, "message rejected by the parser")                             \
    X(drop_type, "message that is no client's")                                     \
    X(drop_no_pool, "no pool for the client's subnet")                              \
    X(drop_other_server, "the client chose another server")                         \
    X(drop_unknown, "client without a lease here that claims one")                  \
    X(drop_fields, "fields that contradict each other or the message's type")       \
    X(drop_exhausted, "no address left in the pool")                                \
    X(drop_no_record, "no record left for a lease")                                 \
    X(drop_offer_limit, "too many offers that were not answered")                   \
    X(drop_write, "reply longer than the client takes")
// clang-format on

struct dhcp4_server_counters {
#define DHCP4_SERVER_COUNTER(name, text) uint64_t name;
    DHCP4_SERVER_COUNTER_LIST(DHCP4_SERVER_COUNTER)
#undef DHCP4_SERVER_COUNTER
    uint64_t malformed[DHCP4_REJECTS]; /* drop_malformed by reason */
};

/* Another option to give out. */
struct dhcp4_server_option {
    uint8_t code;
    uint8_t length;
    const void *bytes;
};

struct dhcp4_pool_settings {
    uint32_t network;
    uint8_t prefix_length;
    uint32_t first, last; /* the addresses that are given out */
    uint32_t router;      /* 0: none */
    uint32_t dns[DHCP4_POOL_DNS];
    const char *domain; /* NULL: none */
    uint32_t lease_s, least_lease_s, most_lease_s;
    const struct dhcp4_server_option *options;
    uint16_t n_options;
};

struct dhcp4_reservation {
    uint32_t address;
    uint8_t mac[6];
    const uint8_t *client_id; /* NULL: by mac */
    uint8_t client_id_len;
};

/* A reply, from the server's port. */
struct dhcp4_server_datagram {
    const uint8_t *bytes; /* until the callback returns */
    size_t length;
    uint32_t to; /* 0xffffffff: broadcast */
    uint16_t port;
    const uint8_t *mac; /* not NULL: where the frame goes; the client cannot be asked yet who has `to` */
};

struct dhcp4_server;
struct dhcp4_server_settings {
    uint32_t address; /* the server's: its identifier */
    const struct dhcp4_pool_settings *pools;
    unsigned n_pools;
    const struct dhcp4_reservation *reservations;
    unsigned n_reservations;
    uint32_t max_leases, max_offers;
    int64_t offer_ns;    /* how long an offer holds */
    int64_t decline_ns;  /* how long a declined address is kept from everybody */
    bool authoritative;  /* says NAK to clients it does not know, too (RFC 2131 4.3.2 has others in mind, too) */
    struct hash_key key; /* secret */
    void (*send)(void *context, struct dhcp4_server *s, const struct dhcp4_server_datagram *d);
    void *context;
};

void dhcp4_server_settings_default(struct dhcp4_server_settings *s);
/*
 * ERR_INVALID: no pool, one without its router, addresses or range in its subnet, two pools of one subnet, a lease time
 * of 0 or out of its bounds, a reservation outside of all subnets; ERR_EXISTS: two reservations of one address or
 * client; ERR_NO_MEMORY.
 */
MUST_CHECK int dhcp4_server_new(const struct dhcp4_server_settings *settings, const struct allocator *a, int64_t now,
                                struct dhcp4_server **out);
void dhcp4_server_delete(struct dhcp4_server *s);
/* A UDP datagram to the server's port. */
void dhcp4_server_input(struct dhcp4_server *s, const uint8_t *bytes, size_t length, int64_t now);
void dhcp4_server_tick(struct dhcp4_server *s, int64_t now);
int64_t dhcp4_server_deadline(const struct dhcp4_server *s);
const struct dhcp4_server_counters *dhcp4_server_counters(const struct dhcp4_server *s);
const struct lease_table *dhcp4_server_leases(const struct dhcp4_server *s);
/* What is known of an address; NULL: nothing. Valid until the next call. */
const struct lease_binding *dhcp4_server_find(struct dhcp4_server *s, uint32_t address);

#endif
