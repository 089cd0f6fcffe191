/* SPDX-License-Identifier: MIT */
/*
 * Inside the packet filter: compiled rules, for each direction those that name it, in their order. Immutable but for
 * the counters, which a rule that names several directions has once.
 */
#ifndef WEIR_STACK_IP_FILTER_RULES_H
#define WEIR_STACK_IP_FILTER_RULES_H

#include "stack/ip_filter.h"

struct compiled_prefix {
    uint64_t value[2], mask[2];
};

struct compiled_rule {
    uint16_t match;
    uint8_t family; /* 4 or 6 when it names an address, else 0 */
    uint8_t verdict, protocol, icmp_type, icmp_code, states;
    uint16_t tcp_flags_mask, tcp_flags_value;
    struct ip_filter_ports source_ports, destination_ports;
    uint32_t interface;
    uint32_t count; /* index of its counters */
    struct compiled_prefix source, destination;
};

struct ip_filter_rules {
    struct ip_filter_policy policy;
    bool stateful; /* states have to be known */
    uint32_t n_compiled, n_counts;
    uint32_t first[IP_FILTER_DIRECTIONS], n[IP_FILTER_DIRECTIONS]; /* in compiled */
    struct compiled_rule *compiled;
    struct ip_filter_count *counts; /* of the rules, then of the defaults */
    const struct allocator *allocator;
};

/* The first rule that matches, or NULL. */
const struct compiled_rule *ip_filter_rules_find(const struct ip_filter_rules *rules, const struct ip_filter_packet *p,
                                                 enum ip_filter_state state);

#endif
