/* SPDX-License-Identifier: MIT */
/*
 * Reassembly: RFC 791, RFC 815's aim, RFC 1122 3.3.2, RFC 1858 (tiny fragments), RFC 8200 4.5, RFC 5722, RFC 3168 5.3
 * (ECN), and the bounds of THREATS section 4. Both families have one table and one set of bounds.
 *
 * Fragments are copied into blocks of a fixed pool, each at its place in the datagram, in any order; one that completes
 * its datagram delivers it as one frame. Policy: a fragment equal in range to an earlier one is a duplicate and
 * ignored; any other overlap, or an end that contradicts an earlier one, kills the datagram. What is wrong in itself is
 * dropped alone.
 *
 * Bounds: memory (from the high mark on, the oldest datagrams go until the low mark is reached), memory of one source
 * (its own oldest go), age, and the number of fragments a source may send between two of one datagram.
 * Invariants: datagrams stand in one list by age, and in one of their source; a source is known only while it has some.
 */
#ifndef WEIR_STACK_REASSEMBLY_H
#define WEIR_STACK_REASSEMBLY_H

#include "base/pool.h"
#include "base/table.h"
#include "stack/stack.h"
#include "wire/ip_addr.h"

#define REASSEMBLY_BLOCK 1024u
#define REASSEMBLY_BLOCKS 64u /* of the largest datagram */
#define REASSEMBLY_WORDS 128u /* a bit for each 8 bytes of it */
#define REASSEMBLY_HEAD 256u /* link header with 8 tags and LLC, IPv4 with options; IPv6 with 166 bytes of extensions */

struct reassembly_key {
    struct ip_addr source, destination;
    uint32_t host, id;
    uint8_t protocol; /* IPv4: it tells datagrams apart */
    uint8_t zero[3];
};

/* Links of a list by age; 0: none. */
struct reassembly_links {
    uint32_t older, younger;
};
struct reassembly_list {
    uint32_t oldest, youngest;
};

struct reassembly {
    uint32_t source; /* of reassembly_set.sources. While free, the pool's */
    uint32_t tag;
    struct reassembly_links links[2]; /* enum reassembly_order */
    struct reassembly_key key;
    int64_t deadline;
    uint32_t received; /* bytes of payload present */
    uint32_t end;      /* of what is present or promised by the last fragment */
    uint32_t first;    /* payload bytes of the fragment at offset 0; 0: not there yet */
    uint32_t serial;   /* the source's when the last fragment came */
    uint16_t blocks;
    uint16_t vlan_tci;
    uint16_t head_len, fragment_header; /* of head[], from the fragment at offset 0; IPv6: where its last 8 bytes are */
    uint16_t next_header_at;            /* IPv6: of head[], what named the fragment header */
    uint8_t l3_offset;
    uint8_t ecn; /* bit n: a fragment with codepoint n */
    bool has_last, vlan_present, broadcast, group;
    uint8_t head[REASSEMBLY_HEAD];
    uint32_t block[REASSEMBLY_BLOCKS]; /* 0: none */
    uint64_t present[REASSEMBLY_WORDS], begins[REASSEMBLY_WORDS];
};

enum reassembly_order { REASSEMBLY_OF_ALL, REASSEMBLY_OF_SOURCE };

struct reassembly_source {
    struct ip_addr address; /* while free, the pool's */
    uint32_t tag;
    uint32_t serial; /* fragments that came from it */
    uint32_t bytes;
    struct reassembly_list list;
};

struct reassembly_set {
    struct pool datagrams, sources, blocks;
    struct table table, source_table;
    struct packet_pool whole; /* one frame: a datagram being delivered */
    struct reassembly_list list;
    uint32_t bytes;
    bool draining; /* the high mark was reached, and not yet the low one */
};

/* ERR_NO_MEMORY. */
MUST_CHECK int reassembly_init(struct reassembly_set *set, const struct stack_settings *t, const struct allocator *a);
void reassembly_free(struct reassembly_set *set);

struct datagram;
struct wire_ipv4;
struct wire_ipv6_walk;
/* A fragment whose header is in order came; d describes it alone, with its part of the payload at l4. */
void reassembly_input_v4(struct stack *s, const struct datagram *d, const struct wire_ipv4 *ip);
void reassembly_input_v6(struct stack *s, const struct datagram *d, const struct wire_ipv6_walk *w);
/* Gives up what is on its way to a local address, which is gone. */
void reassembly_forget_host(struct stack *s, uint32_t local);
/* Gives up what is too old. */
void reassembly_tick(struct stack *s, int64_t now);
/* When the oldest is too old, or TIME_NEVER. */
int64_t reassembly_deadline(const struct reassembly_set *set);

#endif
