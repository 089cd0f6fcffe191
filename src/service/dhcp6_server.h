/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv6 server without I/O: RFC 8415 18.3 for IA_NA and IA_PD, through relay agents (19) and without. Messages and
 * time come in, replies go out by the host's send(). Who asks is its DUID and the association's number.
 *
 * A link is what a relay agent's link-address names, or the first one without a relay agent. Its addresses are base + 0
 * … count - 1; its delegated prefixes lie one after the other from prefix_base on. The server keeps its settings'
 * pointers. Memory is taken at the beginning only; what runs out is counted, and said by a status to the client.
 */
#ifndef WEIR_SERVICE_DHCP6_SERVER_H
#define WEIR_SERVICE_DHCP6_SERVER_H

#include "service/dhcp6_message.h"
#include "service/lease_table.h"

#define DHCP6_LINKS_MAX 1024u
#define DHCP6_LINK_DNS 3u

// clang-format off
#define DHCP6_SERVER_COUNTER_LIST(X)                                                \
    X(advertises, "ADVERTISE sent")                                                 \
    X(replies, "REPLY sent")                                                        \
    X(bound, "lease begun or extended")                                             \
    X(released, "lease given back")                                                 \
    X(declined, "address declined: kept from everybody for a while")                \
    X(no_binding, "association that is not known, said so")                         \
    X(exhausted, "no address or prefix left, said so")                              \
    X(no_record, "no record left for a lease, said so")                             \
    X(offer_limit, "too many offers that were not answered, said so")               \
    X(not_on_link, "addresses of another link, said so")                            \
    X(drop_malformed, "message rejected by the parser")                             \
    X(drop_type, "message that is no client's")                                     \
    X(drop_ids, "identifiers that the message must have and has not, or the other way round") \
    X(drop_other_server, "the client chose another server")                         \
    X(drop_no_link, "no link for the relay agent's address")                        \
    X(drop_unknown, "nothing that can be said about it")                            \
    X(drop_write, "reply longer than the room for it")
// clang-format on

struct dhcp6_server_counters {
#define DHCP6_SERVER_COUNTER(name, text) uint64_t name;
    DHCP6_SERVER_COUNTER_LIST(DHCP6_SERVER_COUNTER)
#undef DHCP6_SERVER_COUNTER
    uint64_t malformed[DHCP6_REJECTS]; /* drop_malformed by reason */
};

struct dhcp6_link_settings {
    struct ip_prefix on_link; /* of the link's addresses */
    struct ip_addr base;      /* the first that is given out */
    uint32_t addresses;       /* 0: none */
    struct ip_addr prefix_base;
    uint8_t prefix_length; /* of each delegated prefix: at most 64 */
    uint32_t prefixes;     /* 0: none */
    uint32_t preferred_s, valid_s;
    struct ip_addr dns[DHCP6_LINK_DNS]; /* unspecified: no more */
    const uint8_t *domains;             /* as on the wire (RFC 1035); NULL: none */
    uint16_t domains_len;
};

struct dhcp6_server;
struct dhcp6_server_settings {
    const uint8_t *duid;
    uint8_t duid_len;
    uint8_t preference;
    bool rapid_commit;
    const struct dhcp6_link_settings *links;
    unsigned n_links;
    uint32_t max_leases, max_offers;
    int64_t offer_ns, decline_ns;
    uint32_t sol_max_rt_s; /* 0: not said */
    struct hash_key key;   /* secret */
    /* To where the message came from, from the server's port. */
    void (*send)(void *context, struct dhcp6_server *s, const struct ip_addr *to, uint16_t port, const uint8_t *bytes,
                 size_t length);
    void *context;
};

void dhcp6_server_settings_default(struct dhcp6_server_settings *s);
/*
 * ERR_INVALID: no link, one with addresses outside of its prefix, too many, lifetimes of 0 or in the wrong order,
 * prefixes that are longer than 64 bits or whose base has more bits than they; a DUID of wrong length; ERR_NO_MEMORY.
 */
MUST_CHECK int dhcp6_server_new(const struct dhcp6_server_settings *settings, const struct allocator *a, int64_t now,
                                struct dhcp6_server **out);
void dhcp6_server_delete(struct dhcp6_server *s);
/* A UDP datagram to the server's port. */
void dhcp6_server_input(struct dhcp6_server *s, const struct ip_addr *from, const uint8_t *bytes, size_t length,
                        int64_t now);
void dhcp6_server_tick(struct dhcp6_server *s, int64_t now);
int64_t dhcp6_server_deadline(const struct dhcp6_server *s);
const struct dhcp6_server_counters *dhcp6_server_counters(const struct dhcp6_server *s);
const struct lease_table *dhcp6_server_leases(const struct dhcp6_server *s);
/* What is known of an address or delegated prefix; NULL: nothing. Valid until the next call. */
const struct lease_binding *dhcp6_server_find(struct dhcp6_server *s, const struct ip_addr *addr, bool prefix);
/* What a record of its lease table stands for: an address (length 128) or a delegated prefix. */
struct ip_prefix dhcp6_server_leased(const struct dhcp6_server *s, const struct lease_binding *b);

#endif
