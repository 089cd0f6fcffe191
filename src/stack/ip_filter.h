/* SPDX-License-Identifier: MIT */
/*
 * The packet filter: rules in order, the first that matches decides, else the direction's default; and the table of
 * connections by whose state rules may ask. It knows no frames: the caller describes a packet and acts on the verdict
 * (on REJECT it answers a TCP segment with RST, all else with an ICMP error).
 *
 * States: `new` may open a connection; `established` belongs to one that was answered, or is the answer; `related` is
 * an ICMP error whose quotation is of a connection and goes to the one who sent what is quoted; `invalid` is none of
 * these: segments without connection or outside its window, flags no TCP sends, echo replies nobody asked for, what has
 * no transport header. Only an accepted packet changes the table (ip_filter_state.h).
 *
 * Rule sets are compiled once, immutable but for their counters, and exchanged between two packets; connections stay.
 * One owner, no locks, no memory taken after ip_filter_new. A segment of a known connection costs 660 instructions
 * (callgrind) and 27 for each rule that does not match; nothing else grows. A peer with addresses of its own can fill
 * the table with confirmed connections; then no more begin (drop_table_full).
 */
#ifndef WEIR_STACK_IP_FILTER_H
#define WEIR_STACK_IP_FILTER_H

#include "base/alloc.h"
#include "base/hash.h"
#include "base/time_ns.h"
#include "wire/ip_addr.h"
#include "wire/ip_proto.h"

enum ip_filter_verdict { IP_FILTER_ACCEPT, IP_FILTER_DROP, IP_FILTER_REJECT };
enum ip_filter_direction { IP_FILTER_IN, IP_FILTER_OUT, IP_FILTER_FORWARD, IP_FILTER_DIRECTIONS };
#define IP_FILTER_ALL_DIRECTIONS 7u

/* Bits, so that a rule can name several. */
enum ip_filter_state {
    IP_FILTER_NEW = 1,
    IP_FILTER_ESTABLISHED = 2,
    IP_FILTER_RELATED = 4,
    IP_FILTER_INVALID = 8,
};

/* ---- packets ---- */

/* Who talks to whom; of an ICMP error's quotation too. */
struct ip_filter_flow {
    struct ip_addr source, destination;
    uint8_t protocol;             /* enum ip_proto: behind extension headers */
    uint8_t icmp_type, icmp_code; /* ICMP, ICMPv6 */
    bool headerless;              /* the transport header is not there (a later fragment): nothing below counts */
    uint16_t source_port, destination_port; /* TCP, UDP, UDP-Lite, SCTP */
    uint16_t icmp_id;                       /* of an echo */
};

struct ip_filter_packet {
    struct ip_filter_flow flow;
    uint8_t direction;                                       /* enum ip_filter_direction */
    uint8_t tcp_window_shift;                                /* of a SYN: the option's shift + 1, 0: no option */
    bool quotes;                                             /* an ICMP error with a quotation that parsed */
    uint16_t tcp_flags;                                      /* enum wire_tcp_flag */
    uint16_t tcp_window;                                     /* as sent */
    uint32_t tcp_sequence, tcp_acknowledgement, tcp_payload; /* the payload in bytes */
    uint32_t interface;                                      /* it came by; for OUT, it leaves by */
    uint32_t length;                                         /* bytes, from the IP header on */
    struct ip_filter_flow quoted;
    uint32_t quoted_sequence; /* of a quoted TCP segment */
};

/* ---- rules ---- */

/* What a rule looks at. */
enum ip_filter_match {
    IP_FILTER_MATCH_SOURCE = 0x001,
    IP_FILTER_MATCH_DESTINATION = 0x002,
    IP_FILTER_MATCH_PROTOCOL = 0x004,
    IP_FILTER_MATCH_SOURCE_PORTS = 0x008,
    IP_FILTER_MATCH_DESTINATION_PORTS = 0x010,
    IP_FILTER_MATCH_TCP_FLAGS = 0x020,
    IP_FILTER_MATCH_ICMP_TYPE = 0x040,
    IP_FILTER_MATCH_ICMP_CODE = 0x080,
    IP_FILTER_MATCH_STATE = 0x100,
    IP_FILTER_MATCH_INTERFACE = 0x200,
    IP_FILTER_MATCH_ALL = 0x3ff,
};

struct ip_filter_ports {
    uint16_t first, last;
};

/* Fields that `match` does not name do not count. */
struct ip_filter_rule {
    uint16_t match;
    uint8_t directions; /* bits 1 << enum ip_filter_direction, at least one */
    uint8_t verdict;
    struct ip_prefix source, destination;
    uint8_t protocol;
    uint8_t icmp_type, icmp_code;
    uint8_t states; /* enum ip_filter_state, at least one */
    uint16_t tcp_flags_mask, tcp_flags_value;
    struct ip_filter_ports source_ports, destination_ports;
    uint32_t interface;
};

struct ip_filter_policy {
    uint8_t verdicts[IP_FILTER_DIRECTIONS]; /* where no rule matches */
    bool track; /* follow connections even if no rule asks for a state; what began while none was followed is invalid */
};

struct ip_filter_count {
    uint64_t packets, bytes;
};

#define IP_FILTER_RULES_MAX 65536u

struct ip_filter_rules;
/*
 * Compiles n rules; nothing of them is kept. ERR_INVALID, and in *wrong (may be NULL) which rule is: no direction, an
 * unknown verdict, match or state, a prefix length over the family's, source and destination of different families,
 * ports without a protocol that has them or last < first, TCP flags without TCP or a value outside the mask, ICMP
 * type without ICMP or of the other family, a code without a type; n in *wrong: too many rules or a wrong policy.
 * ERR_NO_MEMORY.
 */
MUST_CHECK int ip_filter_rules_new(const struct ip_filter_rule *rules, uint32_t n,
                                   const struct ip_filter_policy *policy, const struct allocator *a,
                                   struct ip_filter_rules **out, uint32_t *wrong);
void ip_filter_rules_delete(struct ip_filter_rules *rules);
/* What the i-th rule decided, and what a direction's default did. */
struct ip_filter_count ip_filter_rules_count(const struct ip_filter_rules *rules, uint32_t i);
struct ip_filter_count ip_filter_rules_default_count(const struct ip_filter_rules *rules,
                                                     enum ip_filter_direction direction);
/* They go on from there: of a rule, or a default, that another rule set had before. */
void ip_filter_rules_set_count(struct ip_filter_rules *rules, uint32_t i, struct ip_filter_count count);
void ip_filter_rules_set_default_count(struct ip_filter_rules *rules, enum ip_filter_direction direction,
                                       struct ip_filter_count count);

/* ---- the filter ---- */

/* clang-format off */
/* Each packet is one of the first six. */
#define IP_FILTER_COUNTER_LIST(X)                                                                     \
    X(accepted, "packets accepted")                                                                   \
    X(drop_rule, "packets dropped by a rule")                                                         \
    X(drop_default, "packets dropped by a default")                                                   \
    X(reject_rule, "packets rejected by a rule")                                                      \
    X(reject_default, "packets rejected by a default")                                                \
    X(drop_table_full, "packets accepted by the rules that found no room for their connection")       \
    X(invalid_headerless, "invalid: no transport header")                                             \
    X(invalid_tcp_flags, "invalid: flags that no TCP sends")                                          \
    X(invalid_no_connection, "invalid: a segment or echo reply of no known connection")               \
    X(invalid_window, "invalid: a segment that its connection does not allow")                        \
    X(invalid_quote, "invalid: an ICMP error about nothing known")                                    \
    X(opened, "connections begun")                                                                    \
    X(confirmed, "connections whose opener answered the answer")                                      \
    X(expired, "connections forgotten after their time")                                              \
    X(evicted_unconfirmed, "connections that were not confirmed, forgotten for new ones")             \
    X(evicted_closed, "connections that were closed, forgotten for new ones")                         \
    X(reopened, "closed connections replaced by a new one of the same addresses and ports")
/* clang-format on */

struct ip_filter_counters {
#define IP_FILTER_COUNTER_FIELD(name, text) uint64_t name;
    IP_FILTER_COUNTER_LIST(IP_FILTER_COUNTER_FIELD)
#undef IP_FILTER_COUNTER_FIELD
};

/* clang-format off */
/*
 * What a connection can be: name, seconds after which it is forgotten (RFC 5382 5, RFC 4787 4.3, RFC 5508 3.2; Linux's
 * where they leave it open), whether it gives way to new ones when the table is full.
 */
#define IP_FILTER_CLASS_LIST(X)                       \
    X(SYN_SENT, 120, UNCONFIRMED)                     \
    X(SYN_RECEIVED, 60, UNCONFIRMED)                  \
    X(ESTABLISHED, 432000, STAYS)                     \
    X(FIN_WAIT, 240, STAYS)                           \
    X(TIME_WAIT, 120, IS_CLOSED)                      \
    X(CLOSED, 10, IS_CLOSED)                          \
    X(UDP_OPENING, 30, UNCONFIRMED)                   \
    X(UDP, 180, STAYS)                                \
    X(ECHO_OPENING, 30, UNCONFIRMED)                  \
    X(ECHO, 60, STAYS)                                \
    X(OTHER_OPENING, 60, UNCONFIRMED)                 \
    X(OTHER, 600, STAYS)
/* clang-format on */

enum ip_filter_class {
#define IP_FILTER_CLASS_ENUM(name, seconds, gives_way) IP_FILTER_CLASS_##name,
    IP_FILTER_CLASS_LIST(IP_FILTER_CLASS_ENUM)
#undef IP_FILTER_CLASS_ENUM
        IP_FILTER_CLASSES
};

struct ip_filter_settings {
    uint32_t connections; /* at most; 138 to 144 bytes each, all taken at the start */
    int64_t timeouts_ns[IP_FILTER_CLASSES];
    struct hash_key key; /* the stack's secret */
};
/* 65,536 connections, the times of the list, no secret. */
void ip_filter_settings_default(struct ip_filter_settings *s);

struct ip_filter;
/*
 * Accepts everything until it has rules. ERR_INVALID (0 or more than 2^28 connections, a timeout under 0 or over 36
 * years), ERR_NO_MEMORY.
 */
MUST_CHECK int ip_filter_new(const struct ip_filter_settings *s, const struct allocator *a, struct ip_filter **out);
/* The rules stay the caller's. */
void ip_filter_delete(struct ip_filter *f);
/*
 * From the next packet on these rules hold (NULL: none, all is accepted); returns those before, which the caller may
 * delete.
 */
struct ip_filter_rules *ip_filter_swap(struct ip_filter *f, struct ip_filter_rules *rules);

enum ip_filter_verdict ip_filter_judge(struct ip_filter *f, const struct ip_filter_packet *p, int64_t now);

/* Forgets at most `budget` connections whose time is over; returns how many. Without it they go when others come. */
uint32_t ip_filter_expire(struct ip_filter *f, int64_t now, uint32_t budget);
/* When ip_filter_expire has something to do, or TIME_NEVER. */
int64_t ip_filter_next_deadline(const struct ip_filter *f);

const struct ip_filter_counters *ip_filter_counters(const struct ip_filter *f);
uint32_t ip_filter_connections(const struct ip_filter *f);
/* The class of the connection that a flow is of, in either direction; ERR_NOT_FOUND. */
int ip_filter_connection_class(struct ip_filter *f, const struct ip_filter_flow *flow, int64_t now);
const char *ip_filter_class_name(enum ip_filter_class class);
/* For tests: whether the invariants of the table hold. */
bool ip_filter_check(const struct ip_filter *f);

#endif
