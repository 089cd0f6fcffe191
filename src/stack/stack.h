/* SPDX-License-Identifier: MIT */
/*
 * The stack of one core: thousands of emulated hosts on one or more interfaces, with ARP and Neighbour Discovery, IPv4
 * and IPv6, ICMP and ICMPv6, UDP and the TCP layer on top. RFC 826, 894, 1122, 791, 792, 768, 5227, 2464, 8200, 4443,
 * 4861.
 *
 * A host has one address, of either family; a station with several has several hosts with one MAC. An IPv6 one reaches
 * its own prefix, and link-local addresses, without a router.
 *
 * Owns: hosts, local addresses, neighbours, routes, UDP bindings, the tcp_layer. Borrows: links and guards (they
 * outlive it). Sans I/O: `now` is an argument; frames come from and go to links.
 *
 * One turn of a worker:   stack_receive(now)  ->  [users: traffic]  ->  stack_transmit(now)
 * Frames that a turn took from a link and did not fill go back at its end: nothing is held between turns.
 *
 * Local addresses are interned: index 1.. names {host, address}; a flow key begins with it.
 */
#ifndef WEIR_STACK_STACK_H
#define WEIR_STACK_STACK_H

#include "packet/guard.h"
#include "tcp/tcp.h"
#include "wire/ip_addr.h"

/* Every event and every drop by name; names as in the results. */
/* clang-format off */
#define STACK_EVENT_LIST(X)                                                                                            \
    X(frames_received) X(frames_sent) X(arp_requests_sent) X(arp_replies_sent) X(arp_received) X(arp_conflicts)        \
    X(neighbours_resolved) X(neighbours_failed) X(neighbours_evicted) X(gateways_changed) X(ipv4_received) X(ipv4_sent) X(ipv6_received)   \
    X(icmp_echo_replies_sent) X(icmp_errors_sent) X(icmp_errors_received) X(icmp_echo_replies_received)                \
    X(udp_received) X(udp_sent) X(raw_received) X(raw_sent) X(ipv4_fragments_received) X(ipv4_reassembled)     \
    X(ipv4_fragmented) X(ipv4_fragments_sent) X(path_mtus_lowered) X(frames_looped)                                    \
    X(ipv6_sent) X(ipv6_fragments_received) X(ipv6_reassembled) X(ipv6_fragmented) X(ipv6_fragments_sent)              \
    X(nd_solicitations_sent) X(nd_advertisements_sent) X(nd_received) X(nd_conflicts)                                  \
    X(ra_received) X(ra_sent) X(rs_received) X(rs_sent) X(slaac_addresses) X(redirects_received)                                             \
    X(group_queries_received) X(group_reports_received) X(group_reports_sent)                                          \
    X(ipv4_forwarded) X(ipv6_forwarded) X(forward_bytes_copied)
#define STACK_DROP_LIST(X)                                                                                             \
    X(l2_runt) X(l2_not_for_us) X(l2_bad_source) X(l2_too_many_tags) X(l2_unknown_ethertype) X(l2_unknown_vlan)        \
    X(l2_interface_down)        \
    X(mpls_no_bottom) X(mpls_too_deep) X(mpls_ttl_exceeded) X(mpls_reserved_label) X(mpls_unknown_label)               \
    X(mpls_bad_payload) X(mpls_multicast)                                                                              \
    X(arp_malformed) X(arp_bad_sender) X(arp_unsolicited) X(arp_own_address) X(arp_table_full) X(arp_tentative)                         \
    X(ip_short) X(ip_bad_version) X(ip_bad_header_length) X(ip_bad_total_length) X(ip_bad_checksum) X(ip_bad_options)  \
    X(ip_source_route) X(ip_bad_source) X(ip_bad_destination) X(ip_not_for_us) X(ip_l2_mismatch)                       \
    X(frag_empty) X(frag_bad_length) X(frag_too_long) X(frag_tiny) X(frag_duplicate) X(frag_overlap) X(frag_bad_end)   \
    X(frag_bad_ecn) X(frag_too_far) X(frag_evicted) X(frag_source_limit) X(frag_timeout)                               \
    X(frag_nested) X(frag_headers_missing) X(frag_long_head)                                                           \
    X(ip_unknown_protocol) X(ip_no_route)                                                          \
    X(icmp_short) X(icmp_bad_checksum) X(icmp_broadcast_echo) X(icmp_echo_ignored) X(icmp_unknown_type)                \
    X(icmp_source_quench) X(icmp_quote_short) X(icmp_bad_mtu) X(icmp_unmatched) X(icmp_rate_limited)                                   \
    X(udp_bad_length) X(udp_bad_checksum) X(udp_port_zero) X(udp_no_port) X(udp_too_long)                              \
    X(ipv6_too_many_headers) X(ipv6_too_many_options) X(ipv6_bad_option) X(ipv6_unknown_option)                        \
    X(ipv6_misplaced_header) X(ipv6_routing_header) X(ipv6_jumbo)                                                      \
    X(nd_malformed) X(nd_bad_message) X(nd_fragmented) X(nd_not_for_us) X(nd_unsolicited) X(nd_own_address)            \
    X(nd_ignored) X(nd_tentative) X(tx_tentative) X(dad_duplicate) X(dad_looped) X(slaac_no_room)                      \
    X(ra_bad_option) X(ra_bad_value) X(ra_bad_prefix) X(ra_list_full) X(redirect_bad_target) X(redirect_not_first_hop)                                                  \
    X(igmp_malformed) X(igmp_bad_checksum) X(igmp_bad_message) X(mld_malformed) X(mld_bad_message)                     \
    X(group_ignored) X(group_filtered) X(group_table_full)                                                             \
    X(tcp_short) X(tcp_bad_checksum) X(resolve_queue_full) X(resolve_failed) X(tx_no_room) X(tx_interface_down)        \
    X(forward_no_route) X(forward_ttl_exceeded) X(forward_too_big) X(forward_scope) X(forward_broadcast)               \
    X(forward_options) X(filter_input) X(filter_output) X(filter_forward)
#define STACK_COUNTER_LIST(X) STACK_EVENT_LIST(X) STACK_DROP_LIST(X)
/* clang-format on */

struct stack_counters {
#define STACK_COUNTER_FIELD(name) uint64_t name;
    STACK_COUNTER_LIST(STACK_COUNTER_FIELD)
#undef STACK_COUNTER_FIELD
};

/* Which memberships routers and switches are told of by IGMP and MLD. */
enum group_reports {
    GROUP_REPORTS_NONE,
    GROUP_REPORTS_JOINED, /* groups that users join */
    GROUP_REPORTS_ALL,    /* solicited-node groups too, one for each IPv6 address (RFC 4861 7.2.1) */
};

struct stack_settings {
    uint32_t max_addresses;  /* local addresses; default 4096 */
    uint32_t max_neighbours; /* default 4096; live and pinned ones survive, unconfirmed oldest go first */
    uint32_t max_routes;     /* by stack_add_route, of all hosts; default 256 */
    uint32_t max_ra_domains; /* {interface, tags, VRF} with hosts that listen to routers; default 16 */
    uint32_t max_routers;    /* that advertise themselves: nd_router.h; default 16, at most 256 */
    uint32_t max_redirects;  /* destinations with another first hop, RFC 4861 8.3; default 256 */
    int64_t redirect_ns;     /* believed that long; default 10 min */
    /*
     * RFC 8981 3.8, of host_settings.temporary: TEMP_VALID_LIFETIME, default 2 days, and TEMP_PREFERRED_LIFETIME, default
     * a day, at least a minute and not longer. Whether they are taken for what is sent (RFC 6724 rule 7), or the stable
     * ones; default true.
     */
    int64_t temporary_valid_ns, temporary_preferred_ns;
    bool prefer_temporary;
    uint32_t max_udp_bindings;     /* default 256 */
    uint32_t max_groups;           /* multicast groups joined, each by each station; default 256 */
    uint32_t max_group_sources;    /* that users name, of all groups; default 1024 */
    uint32_t group_sources;        /* that one user names of one group; default 64, which is also the most */
    uint8_t group_reports;         /* enum group_reports; default GROUP_REPORTS_JOINED */
    uint8_t igmp_version;          /* the newest that is spoken: 1, 2 or 3; default 3 */
    uint8_t mld_version;           /* 1 or 2; default 2 */
    uint32_t max_echo_bindings;    /* identifiers of echo requests; default 256 */
    uint32_t resolve_queue_frames; /* datagrams that wait for one neighbour; default 3 */
    uint32_t resolve_queue_total;  /* for all; default 512 */
    int64_t arp_retry_ns;          /* default 1 s; RFC 1122 2.3.2.1: at most one request a second to one destination */
    uint32_t arp_tries;            /* default 3 */
    int64_t arp_reachable_ns;      /* confirmed that long; then stale, refreshed on use; default 30 s */
    int64_t arp_failed_ns;         /* a failed entry answers ERR_UNREACHABLE that long; default 1 s */
    uint32_t icmp_errors_per_second, icmp_errors_burst; /* default 1000, 50 */
    bool answer_echo;                                   /* default true */
    bool answer_broadcast_echo;                         /* default false */
    uint32_t max_vlan_tags;                             /* default 2, at most 8 */
    uint32_t max_mpls_labels;                           /* of one frame that comes; default 4, at most 8 */
    /*
     * Fragments: from the high mark on the oldest go until the low one is reached; default 4 and 3 MiB, at least 128
     * KiB
     */
    uint32_t fragment_bytes_high, fragment_bytes_low;
    uint32_t fragment_source_bytes; /* of one source; default 1 MiB, at least 128 KiB */
    uint32_t fragment_max_distance; /* fragments of its source between two of a datagram; default 64; 0: any number */
    int64_t fragment_timeout_ns;    /* default 60 s: RFC 1122 3.3.2, RFC 8200 4.5 */
    uint32_t large_datagrams;       /* that may be built or wait at once to leave in fragments; default 4 */
    /*
     * Frames of 64 KB on their way from a host to itself or to another one of its domain; then there are at most 15
     * interfaces. Default 0: none get there.
     */
    uint32_t loop_frames;
    uint32_t max_path_mtus; /* destinations whose path MTU is known to be small; default 1024 */
    uint32_t min_path_mtu;  /* what a router says below that is not believed; default 552, at least 68 */
    int64_t path_mtu_ns;    /* believed that long; default 10 min */
    bool flow_labels;       /* of TCP and UDP over IPv6, RFC 6437; default true */
    bool merge_received;    /* TCP segments of a burst, by packet/gro, where the link does not; default false */
    struct tcp_settings tcp;
    struct hash_key secret;    /* from the system: neighbour table, identifications, blur of the ICMP limit */
    const struct trace *trace; /* or NULL */
};
void stack_settings_default(struct stack_settings *s);

struct stack;
/* ERR_NO_MEMORY, ERR_INVALID. */
MUST_CHECK int stack_new(const struct stack_settings *s, const struct allocator *a, int64_t now, struct stack **out);
void stack_delete(struct stack *s);

/*
 * The interface's number (0 to 15), ERR_NO_SPACE (tcp.links of the settings must cover it; see loop_frames), ERR_INVALID (no guard, MTU
 * under 68), ERR_NO_MEMORY. A larger MTU of the link has no effect later; a smaller one has.
 */
MUST_CHECK int stack_add_interface(struct stack *s, struct link *link, struct guard *guard);

/* What a host does when somebody else uses its IPv4 address: RFC 5227 2.4. */
enum host_conflict {
    HOST_CONFLICT_DEFEND,      /* (c): for ever, by one announcement in 10 s */
    HOST_CONFLICT_DEFEND_ONCE, /* (b): when there was no other conflict for 10 s */
    HOST_CONFLICT_GIVE_UP,     /* (a) */
};

struct host_vlan {
    uint16_t tpid; /* 0x8100, 0x88a8 */
    uint16_t tci;
};
struct host_label {
    uint32_t label; /* 16 to 1048575: the others mean something by themselves, RFC 3032 2.1 */
    uint8_t tc;     /* traffic class, RFC 5462; 0 to 7 */
    uint8_t ttl;    /* 0: 255 */
};
/*
 * MPLS. The unicast datagrams of a host with labels leave as Ethernet [tags] 0x8847 labels IP. Labels are a matter of
 * the way to the next hop alone: segments, VRFs and neighbours know nothing of them, and what is about the link itself
 * or goes to many (ARP, Neighbour Discovery, IGMP, MLD, multicast, broadcast) has none. A label's TTL is its own, and
 * IP's is left alone both ways: RFC 3443's pipe model. Labels take their bytes from the MTU of the interface, tags only
 * where link.tags_in_mtu says so.
 *
 * What comes labelled to an address has to have the end of its host's own label stack: hops before us may have taken
 * labels off (RFC 3031 3.16, implicit null), all of them even, or have put explicit nulls in their place (RFC 3032 2.1,
 * RFC 4182). A Router Alert label is passed over; other reserved ones are refused. Where no host of a segment was ever
 * given labels, labelled frames are of an unknown EtherType.
 */
#define HOST_MAX_LABELS 4u
struct host_settings {
    unsigned interface;
    uint8_t mac[6]; /* all zero: the link's */
    uint8_t vlan_count;
    struct host_vlan vlan[2]; /* outermost first */
    uint8_t mpls_count;
    struct host_label mpls[HOST_MAX_LABELS]; /* outermost first */
    uint32_t vni; /* on the link of a VTEP, instead of tags: its network, under 2^24; 0: the VTEP's own */
    struct ip_addr address;
    uint8_t prefix_length;  /* of the IPv4 or IPv6 address itself, e.g. 24 */
    struct ip_addr gateway; /* unspecified: none */
    uint32_t vrf;           /* 0 unless addresses repeat */
    /*
     * Only of a link-local IPv6 address: its station listens to routers (RFC 4861 6.3, RFC 4862), and gets one more
     * host for each prefix that they advertise for that. Identifiers are opaque (RFC 7217) or, eui64, made of the MAC.
     */
    bool autoconf, eui64;
    bool temporary; /* with autoconf: temporary addresses beside these, RFC 8981 */
    bool redirects; /* of an IPv6 address: it believes the Redirects of its first hops, RFC 4861 8 */
    /*
     * How often the address is asked for before it is used: RFC 4862 5.4, of IPv4 RFC 5227 2.1 (PROBE_NUM is 3; it is
     * announced twice then). 0: it stands at once; those that autoconf makes are asked for once at least. Meanwhile,
     * and when somebody else has it, nothing leaves from it: stack_view_address tells.
     */
    uint8_t dad_transmits;
    uint8_t conflict; /* enum host_conflict; of an IPv4 address */
};
/*
 * The local address index (from 1). ERR_INVALID (an address, prefix, MAC, tag or autoconf no host can have; a gateway not on its
 * subnet; IPv6 on an interface that leaves it an MTU under 1280, IPv4 under 68), ERR_EXISTS (same address in that domain), ERR_NO_SPACE (also: max_ra_domains). Hosts that differ in
 * interface, tags or VRF share no neighbours. The same address in two VRFs of one segment is told apart by the MAC;
 * with equal MACs it is ERR_EXISTS. At most 16 VRFs a segment.
 */
MUST_CHECK int stack_add_host(struct stack *s, const struct host_settings *h);
/*
 * The local address index of a loopback address, ::1 or one of 127.0.0.0/8, which stands from the first time that it is asked for. What goes to one
 * comes from one, and neither is ever seen on a link (RFC 1122 3.2.1.3 (g), RFC 4291 2.5.3); views do not show it. ERR_INVALID (no loopback address, or
 * settings without loop_frames), ERR_NO_SPACE.
 */
MUST_CHECK int stack_add_loopback(struct stack *s, const struct ip_addr *address);
/*
 * A route for one host besides its subnet and gateway. Of length 0 it is one more default gateway (at most 16), taken
 * when those before it do not answer: RFC 1122 3.3.1.4. ERR_INVALID (gateway not on the host's subnet), ERR_NO_SPACE.
 */
MUST_CHECK int stack_add_route(struct stack *s, uint32_t local, const struct ip_addr *prefix, uint8_t length,
                               const struct ip_addr *gateway);
/* A permanent neighbour. ERR_NO_SPACE, ERR_INVALID. */
MUST_CHECK int stack_add_neighbour(struct stack *s, uint32_t local, const struct ip_addr *address,
                                   const uint8_t mac[6]);
/* Sends a gratuitous ARP (RFC 5227 announcement) for an address. */
void stack_announce(struct stack *s, uint32_t local, int64_t now);
bool stack_local_address(const struct stack *s, uint32_t local, struct ip_addr *out);
/* The link by which the datagrams of a local address leave, loop apart; NULL: there is no such address. */
struct link *stack_link_of(const struct stack *s, uint32_t local);
/* Does that link take one more frame? */
bool stack_has_room(const struct stack *s, uint32_t local);
/*
 * The index of a local address, the first of several in different domains; 0: there is none. Linear in the hosts, as
 * the next.
 */
uint32_t stack_find_local(const struct stack *s, const struct ip_addr *address);
/*
 * The index of the local address from which a destination is reached best, by RFC 6724 section 5: of its scope, not
 * deprecated, by the longest route, with its label, with the longest common prefix, the first of equals. 0: none
 * reaches it.
 */
uint32_t stack_local_for(const struct stack *s, const struct ip_addr *destination);

struct ip_destination;
/*
 * Destinations in the order in which to try them, best first: RFC 6724 section 6, with the source that stack_local_for
 * gives each. Of the list only the addresses are read. Linear in the hosts and quadratic in n: for those of a name.
 */
void stack_sort_destinations(const struct stack *s, struct ip_destination *list, size_t n);

/* Takes bursts from every interface and processes them, then runs timers. Returns the frames taken. */
unsigned stack_receive(struct stack *s, int64_t now);
/*
 * The same for frames that somebody else received on an interface (tests, fuzzers, other cores): n <= LINK_BURST.
 * Releases them.
 */
void stack_input(struct stack *s, unsigned interface, struct packet **packets, unsigned n, int64_t now);
/* Lets TCP and queued replies fill frames while links have room. Returns the frames sent. */
unsigned stack_transmit(struct stack *s, int64_t now);
/* When stack_receive wants to be called at the latest, frames apart. */
int64_t stack_next_deadline(struct stack *s);
bool stack_output_pending(const struct stack *s);
/* Datagrams that wait for their neighbours; those who do not answer lose theirs after some seconds. */
uint32_t stack_datagrams_waiting(const struct stack *s);
/* That of the last call that was given one. */
int64_t stack_time(const struct stack *s);

struct tcp_layer *stack_tcp(struct stack *s);
const struct stack_counters *stack_counters(const struct stack *s);

/* ---- datagrams of all protocols ---- */

/* How a datagram came. */
struct ip_arrival {
    struct ip_addr destination; /* a local address, a broadcast or a multicast one */
    bool broadcast;             /* one of the latter two */
    uint8_t interface;
    uint8_t ttl, tos;
    uint8_t options_length; /* bytes of IPv4 options, 0 to 40; */
    const uint8_t *options; /* as they came, and valid during the call */
};

/* Options of an IPv4 header that leaves: ip_options_take makes them. */
struct ip_options {
    uint8_t length; /* a multiple of 4, at most 40; 0: none */
    uint8_t bytes[40];
};

/* RFC 1191 for a datagram that leaves: whether it may be fragmented, here and on its way. */
enum ip_discover {
    DISCOVER_WANT,  /* DF where it fits into what is known of its path, else fragments */
    DISCOVER_DONT,  /* never DF */
    DISCOVER_DO,    /* DF; one that is too long is refused */
    DISCOVER_PROBE, /* the same, but only the link's MTU counts */
};

/* How a datagram shall leave; all zero: as usual. */
struct ip_departure {
    uint8_t ttl; /* 0: 64, to a multicast address 1 */
    uint8_t tos;
    uint8_t discover;                 /* enum ip_discover */
    const struct ip_options *options; /* of IPv4; NULL: none. Used during the call */
};

/*
 * Options as an application gives them (at most 40 bytes) become some that a datagram can carry, filled up with END. ERR_INVALID:
 * too many, or malformed. ERR_UNSUPPORTED: a source route (RFC 7126 4.3) or a timestamp, which a stack without a clock
 * of the day cannot fill in (RFC 1122 3.2.1.8 e). Others go as they are: a recorded route begins with the first router.
 */
MUST_CHECK int ip_options_take(const uint8_t *bytes, size_t length, struct ip_options *out);

/* A payload may lie in several pieces. */
struct ip_piece {
    const void *bytes;
    size_t length;
};

/* An ICMP error about something of ours, or what we found out ourselves: that a neighbour does not answer. */
struct ip_error {
    int error;               /* ERR_REFUSED, ERR_UNREACHABLE, ERR_NO_SPACE (too big for its path) */
    uint32_t mtu;            /* with ERR_NO_SPACE, of the path */
    struct ip_addr reporter; /* who says so; the local address when it was us */
    uint8_t type, code;      /* of the ICMP message, or of the one we would have sent */
};

/*
 * 255.255.255.255, or the directed broadcast address of a local address's subnet; of local 0, of any. That is linear in
 * hosts.
 */
bool stack_is_broadcast(const struct stack *s, uint32_t local, const struct ip_addr *ip);
/*
 * Bytes of IP datagram that get from a local address to a destination in one piece, as far as is known; 0: no such
 * local address.
 */
uint32_t stack_path_mtu(struct stack *s, uint32_t local, const struct ip_addr *remote, int64_t now);

/* What somebody wants to hear of a group: everything but these sources, or these alone. RFC 3376 section 2. */
struct ip_source_filter {
    bool exclude;
    uint32_t n;
    const struct ip_addr *sources; /* used during the call */
};
/*
 * What one listener at a local address, on its interface and VLAN, wants to hear of a multicast group changes: from
 * `was`, which it must be known with, to `is`; NULL: nothing. Routers are told (stack_settings.group_reports); a link
 * that filters has to be set up for it. 224.0.0.1 and ff02::1 are heard in any case. ERR_INVALID (no such local address,
 * not a multicast address, a source of another family), ERR_NO_SPACE (of groups or sources; nothing changed),
 * ERR_NOT_FOUND (there is no listener with `was`).
 */
MUST_CHECK int stack_listen(struct stack *s, uint32_t local, const struct ip_addr *group,
                            const struct ip_source_filter *was, const struct ip_source_filter *is, int64_t now);
/* One listener more for all sources; each wants its leave. */
MUST_CHECK int stack_join(struct stack *s, uint32_t local, const struct ip_addr *group, int64_t now);
int stack_leave(struct stack *s, uint32_t local, const struct ip_addr *group, int64_t now);
/* Do two local addresses live on one interface and VLAN? */
bool stack_on_one_segment(const struct stack *s, uint32_t a, uint32_t b);
/* Is the group heard, at least of some source, where this address lives? */
bool stack_has_joined(const struct stack *s, uint32_t local, const struct ip_addr *group);

/* ---- UDP ---- */
struct udp_datagram {
    uint32_t local; /* address index it came to, or leaves from */
    struct ip_addr remote;
    uint16_t local_port, remote_port;
    const uint8_t *bytes; /* valid during the call */
    uint32_t length;
    uint32_t n_pieces; /* of one to be sent: 0, or the payload lies in these, not at `bytes` */
    const struct ip_piece *pieces;
    uint32_t segment; /* of one to be sent: 0, or it leaves as datagrams of so many bytes, the last with what is left */
    struct ip_arrival arrival;     /* of one received */
    struct ip_departure departure; /* of one to be sent */
};
typedef void udp_received_fn(void *context, const struct udp_datagram *d, int64_t now);
/*
 * An error came for something sent from the binding, of which some bytes may be known. What was too big goes in
 * fragments the next time, unless DF says no.
 */
typedef void udp_error_fn(void *context, const struct udp_datagram *quoted, const struct ip_error *e, int64_t now);
/*
 * local 0: any, and what is sent to broadcast addresses. ERR_IN_USE, ERR_INVALID (port 0), ERR_NO_SPACE. error may be
 * NULL.
 */
MUST_CHECK int udp_bind(struct stack *s, uint32_t local, uint16_t port, udp_received_fn *received, udp_error_fn *error,
                        void *context);
int udp_unbind(struct stack *s, uint32_t local, uint16_t port);
/*
 * The binding is one of an encapsulation that is known by its port at both ends: errors about what was sent to that port
 * from any port are its own. zero_checksum: one of 0 is taken over IPv6 too (RFC 6936 section 5). ERR_NOT_FOUND.
 */
MUST_CHECK int udp_set_encapsulation(struct stack *s, uint32_t local, uint16_t port, bool zero_checksum);
/* Of a udp_received_fn: nobody wants this datagram after all, and it is answered as if nobody had its port. */
void udp_refuse(struct stack *s);
/*
 * Sends one datagram, in fragments where the path asks for it; it waits (bounded) while its neighbour is resolved. 0,
 * ERR_NO_ROUTE, ERR_UNREACHABLE, ERR_NO_SPACE (longer than 65,507 bytes, or than its departure.discover lets pass; a
 * `segment` longer than its path),
 * ERR_AGAIN (no room now), ERR_INVALID (a port 0, no such local address, another family, pieces that are not `length` bytes
 * in all).
 */
MUST_CHECK int udp_send(struct stack *s, const struct udp_datagram *d, int64_t now);

/* ---- raw IP ---- */
struct raw_datagram {
    uint32_t local; /* address index it came to, or leaves from */
    struct ip_addr remote;
    uint8_t protocol;
    /*
     * Of one received: header and payload, as it came; of fragments, as if it had come in one. Segments that the link
     * merged are one datagram, and where the link vouches for a transport checksum it may be incomplete. Of one to be
     * sent: the payload, with header_included the header before it.
     */
    const uint8_t *bytes; /* valid during the call */
    uint32_t length;
    uint32_t header_length; /* of one received */
    uint32_t n_pieces;      /* 0, or the `length` bytes lie in these; the header is at `bytes` in any case */
    const struct ip_piece *pieces;
    bool header_included;          /* of one to be sent: IP_HDRINCL */
    struct ip_arrival arrival;     /* of one received */
    struct ip_departure departure; /* of one to be sent, without header_included */
};
typedef void raw_received_fn(void *context, const struct raw_datagram *d, int64_t now);
/* An error came about a datagram of the protocol, whoever sent it; `quoted` has its header and some bytes more. */
typedef void raw_error_fn(void *context, const struct raw_datagram *quoted, const struct ip_error *e, int64_t now);
/*
 * Every datagram for us whose header is in order, whole, before its protocol sees it; protocol 0: of all protocols.
 * While somebody listens to a protocol, nobody is told that we do not know it. At most 16 listeners: ERR_NO_SPACE.
 * ERR_INVALID (no callback). error may be NULL.
 */
MUST_CHECK int raw_listen(struct stack *s, uint8_t protocol, raw_received_fn *received, raw_error_fn *error,
                          void *context);
/* Takes off what was registered with the same values. ERR_NOT_FOUND. */
int raw_unlisten(struct stack *s, uint8_t protocol, raw_received_fn *received, const void *context);
/*
 * As udp_send, for any protocol. With header_included: total length and checksum are filled in, source and
 * identification where they are 0; `remote` says where it is sent, the header's destination when that is unspecified;
 * ERR_NO_SPACE when it is longer than the link's MTU, and ERR_INVALID when the header is not one of IPv4 with a length
 * of 20 bytes to all of it.
 */
MUST_CHECK int raw_send(struct stack *s, const struct raw_datagram *d, int64_t now);

/* ---- whole frames ---- */

/*
 * A frame came from a link or is about to leave by it (and the guard may still forbid it). The packet is as the link
 * has it or gets it: with a stripped VLAN tag, a partial checksum, frags or several segments at once where the link can
 * do so. It is valid during the call and stays its owner's.
 */
typedef void frame_seen_fn(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now);
/*
 * Each frame of an interface from now on, before anything else is done with it; what the stack would merge is not
 * merged. At most 8 an interface: ERR_NO_SPACE. ERR_INVALID (no such interface, no callback).
 */
MUST_CHECK int stack_frame_listen(struct stack *s, unsigned interface, frame_seen_fn *seen, void *context);
/* Takes off what was registered with the same values. ERR_NOT_FOUND. */
int stack_frame_unlisten(struct stack *s, unsigned interface, frame_seen_fn *seen, const void *context);
/*
 * Sends one frame as it is, gathered from its pieces, with the next burst and through the guard. ERR_INVALID (no such
 * interface, less than a link header), ERR_NO_SPACE (longer than MTU, link header and its tags, of which there are at most two), ERR_AGAIN (no room
 * now).
 */
MUST_CHECK int stack_frame_send(struct stack *s, unsigned interface, const struct ip_piece *pieces, uint32_t n_pieces,
                                int64_t now);

/* ---- ICMP echo ---- */
struct icmp_echo {
    uint32_t local;
    struct ip_addr remote;
    uint16_t id, sequence;
    const uint8_t *bytes;
    uint32_t length;
    uint8_t ttl;       /* of a reply; of a request, 0: 64 */
    uint8_t tos;       /* of a request */
    uint32_t n_pieces; /* of a request: 0, or the `length` bytes lie in these */
    const struct ip_piece *pieces;
    bool dont_fragment;               /* of a request: DF; one that is longer than the path's MTU is then not sent */
    bool probe;                       /* of a request: DF, and only the link's MTU counts */
    const struct ip_options *options; /* of a request, over IPv4; or NULL */
    /*
     * Of an error: who says so (we ourselves, when the neighbour did not answer), its type and code; mtu of "too big".
     */
    struct ip_addr reporter;
    uint8_t error_type, error_code;
    uint32_t mtu;
    struct ip_arrival arrival; /* of a reply */
};
/*
 * An echo reply with this identifier arrived, or (error != 0) an ICMP error quoting one of ours, of which some bytes
 * may be known.
 */
typedef void icmp_echo_fn(void *context, const struct icmp_echo *reply, int error, int64_t now);
/* One receiver for an identifier. ERR_IN_USE, ERR_NO_SPACE. NULL takes it off (ERR_NOT_FOUND). */
MUST_CHECK int icmp_echo_bind(struct stack *s, uint16_t id, icmp_echo_fn *received, void *context);
/* As udp_send; ERR_NO_SPACE also when it may not be fragmented and would have to be. */
MUST_CHECK int icmp_echo_send(struct stack *s, const struct icmp_echo *e, int64_t now);

#endif
