/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: the packet filter with random rules, packets, time and exchanged rule sets. What its rules say without
 * states is what a plain reading of them says; each packet is counted once, with whom it should; connections are as
 * many as were opened and not forgotten; the table's invariants hold; an accepted packet of a stranger was new, or a
 * rule lets the invalid through; without memory a rule set is refused; nothing is left at the end.
 *
 * Input: operations of 12 bytes. The first byte, modulo 16: 0 compiles a new set from the rules so far, 1 adds a
 * rule, 2 forgets the rules, 3 lets time pass, 4 expires, all else is a packet. Fields are few bits each, so that
 * packets and rules meet.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz/arena.h"
#include "stack/ip_filter.h"

#define OPERATION 12u
#define MOST_RULES 16u
#define CONNECTIONS 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    const struct allocator *allocator;
    struct ip_filter *filter;
    struct ip_filter_rules *rules; /* in use */
    struct ip_filter_rule list[MOST_RULES], loaded[MOST_RULES];
    uint32_t n, n_loaded;
    struct ip_filter_policy policy; /* of those loaded */
    int64_t now;
    uint64_t judged;
};

static struct ip_addr read_address(uint8_t b)
{
    struct ip_addr a = ip_addr_from_v4(0x0a000000u + (b & 3));
    if (b & 4)
        a = (struct ip_addr){{0x20, [15] = b & 3}};
    return a;
}

static uint8_t read_protocol(uint8_t b)
{
    static const uint8_t protocols[] = {IP_PROTO_TCP,    IP_PROTO_TCP,  IP_PROTO_UDP, IP_PROTO_ICMP,
                                        IP_PROTO_ICMPV6, IP_PROTO_SCTP, IP_PROTO_GRE, 255};
    return protocols[b & 7];
}

static uint8_t read_icmp_type(uint8_t b)
{
    static const uint8_t types[] = {0, 8, 3, 11, 128, 129, 1, 135};
    return types[b & 7];
}

static struct ip_prefix read_prefix(uint8_t b)
{
    struct ip_prefix p = {.addr = read_address(b)};
    p.length = (uint8_t)(ip_addr_bits(&p.addr) - (b >> 4 & 3));
    if ((b & 0xc0) == 0xc0)
        p.length = (uint8_t)(p.length + 2); /* may be too long */
    return p;
}

static struct ip_filter_rule read_rule(const uint8_t *at)
{
    return (struct ip_filter_rule){.match = (uint16_t)(at[1] | (at[2] & 7) << 8),
                                   .directions = at[2] >> 3 & 15,
                                   .verdict = at[3] & 3,
                                   .protocol = read_protocol(at[3] >> 2),
                                   .source = read_prefix(at[4]),
                                   .destination = read_prefix(at[5]),
                                   .states = at[6] & 31,
                                   .icmp_type = read_icmp_type(at[7]),
                                   .icmp_code = at[7] >> 3 & 1,
                                   .tcp_flags_mask = at[8] & 31,
                                   .tcp_flags_value = at[9] & 31,
                                   .source_ports = {at[10] & 3, at[10] >> 2 & 3},
                                   .destination_ports = {at[11] & 3, at[11] >> 2 & 3},
                                   .interface = at[11] >> 4 & 1};
}

static struct ip_filter_flow read_flow(const uint8_t *at)
{
    return (struct ip_filter_flow){.source = read_address(at[0] & 7),
                                   .destination = read_address((at[0] >> 3 & 3) | (at[0] & 4)),
                                   .protocol = read_protocol(at[0] >> 5),
                                   .source_port = at[1] & 3,
                                   .destination_port = at[1] >> 2 & 3,
                                   .icmp_type = read_icmp_type(at[1]),
                                   .icmp_code = at[1] >> 3 & 1,
                                   .icmp_id = at[1] >> 4 & 1,
                                   .headerless = at[1] >> 5 == 7};
}

static struct ip_filter_packet read_packet(const uint8_t *at)
{
    struct ip_filter_packet p = {.flow = read_flow(at + 1),
                                 .direction = (uint8_t)(at[3] % IP_FILTER_DIRECTIONS),
                                 .interface = at[3] >> 4 & 1,
                                 .tcp_window_shift = at[3] >> 5 ? (uint8_t)(at[3] >> 5 << 2) : 0,
                                 .tcp_flags = at[4],
                                 .tcp_window = (uint16_t)(at[5] << (at[5] & 8)),
                                 .tcp_sequence = (uint32_t)(int32_t)(int8_t)at[6],
                                 .tcp_acknowledgement = (uint32_t)(int32_t)(int8_t)at[7],
                                 .tcp_payload = at[8] & 15,
                                 .quotes = at[8] >> 7,
                                 .quoted = read_flow(at + 9),
                                 .quoted_sequence = (uint32_t)(int32_t)(int8_t)at[11],
                                 .length = 40u + at[8]};
    return p;
}

static void load(struct world *w, const uint8_t *at)
{
    struct ip_filter_policy policy = {{at[1] & 3, at[1] >> 2 & 3, at[1] >> 4 & 3}, at[1] >> 7};
    struct ip_filter_rules *rules;
    uint32_t wrong;
    if (at[2] & 0x80)
        arena_fail_from(at[2] & 3);
    int error = ip_filter_rules_new(w->list, w->n, &policy, w->allocator, &rules, &wrong);
    arena_fail_from(UINT32_MAX);
    assert(error == 0 || !rules);
    if (error == ERR_INVALID) {
        assert(wrong <= w->n);
        if (wrong < w->n) /* go on without it */
            w->list[wrong] = w->list[--w->n];
        return;
    }
    assert(error == 0 || (error == ERR_NO_MEMORY && arena_failed()));
    if (error < 0)
        return;
    assert(ip_filter_swap(w->filter, rules) == w->rules);
    ip_filter_rules_delete(w->rules);
    w->rules = rules;
    w->policy = policy;
    memcpy(w->loaded, w->list, sizeof w->loaded);
    w->n_loaded = w->n;
}

static bool in_ports(const struct ip_filter_ports *ports, uint16_t port)
{
    return ports->first <= port && port <= ports->last;
}

/* States apart. */
static bool reads_as(const struct ip_filter_rule *r, const struct ip_filter_packet *p)
{
    const struct ip_filter_flow *f = &p->flow;
    unsigned m = r->match;
    bool transport = m & 0xf8 ? !f->headerless : true;
    return transport && (r->directions >> p->direction & 1) &&
           (!(m & IP_FILTER_MATCH_SOURCE) || ip_prefix_contains(&r->source, &f->source)) &&
           (!(m & IP_FILTER_MATCH_DESTINATION) || ip_prefix_contains(&r->destination, &f->destination)) &&
           (!(m & IP_FILTER_MATCH_PROTOCOL) || r->protocol == f->protocol) &&
           (!(m & IP_FILTER_MATCH_SOURCE_PORTS) || in_ports(&r->source_ports, f->source_port)) &&
           (!(m & IP_FILTER_MATCH_DESTINATION_PORTS) || in_ports(&r->destination_ports, f->destination_port)) &&
           (!(m & IP_FILTER_MATCH_TCP_FLAGS) || (p->tcp_flags & r->tcp_flags_mask) == r->tcp_flags_value) &&
           (!(m & IP_FILTER_MATCH_ICMP_TYPE) || r->icmp_type == f->icmp_type) &&
           (!(m & IP_FILTER_MATCH_ICMP_CODE) || r->icmp_code == f->icmp_code) &&
           (!(m & IP_FILTER_MATCH_INTERFACE) || r->interface == p->interface);
}

/* Who counted the packet: a rule, or n for the default; there is exactly one. */
static uint32_t counted_by(const struct world *w, const struct ip_filter_packet *p, uint64_t *before)
{
    uint32_t by = UINT32_MAX;
    for (uint32_t i = 0; i <= w->n_loaded; i++) {
        uint64_t now = i < w->n_loaded ? ip_filter_rules_count(w->rules, i).packets
                                       : ip_filter_rules_default_count(w->rules, p->direction).packets;
        if (now != before[i]) {
            assert(by == UINT32_MAX && now == before[i] + 1);
            by = i;
        }
    }
    assert(by != UINT32_MAX);
    return by;
}

static uint64_t invalid(const struct ip_filter_counters *c)
{
    return c->invalid_headerless + c->invalid_no_connection + c->invalid_quote + c->invalid_tcp_flags +
           c->invalid_window;
}

/* What the decision says of the packet's state must be one state, and those before must not have met it. */
static void check_decision(const struct world *w, const struct ip_filter_packet *p, uint32_t by, bool is_invalid)
{
    unsigned possible = is_invalid ? IP_FILTER_INVALID : IP_FILTER_NEW | IP_FILTER_ESTABLISHED | IP_FILTER_RELATED;
    for (uint32_t i = 0; i < by; i++) {
        if (!reads_as(&w->loaded[i], p))
            continue;
        assert(w->loaded[i].match & IP_FILTER_MATCH_STATE);
        possible &= ~w->loaded[i].states;
    }
    if (by < w->n_loaded) {
        assert(reads_as(&w->loaded[by], p));
        if (w->loaded[by].match & IP_FILTER_MATCH_STATE)
            possible &= w->loaded[by].states;
    }
    assert(possible);
}

static void judge(struct world *w, const struct ip_filter_packet *p)
{
    const struct ip_filter_counters *c = ip_filter_counters(w->filter);
    uint64_t before[MOST_RULES + 1], invalid_before = invalid(c), accepted = c->accepted, full = c->drop_table_full;
    for (uint32_t i = 0; w->rules && i < w->n_loaded; i++)
        before[i] = ip_filter_rules_count(w->rules, i).packets;
    if (w->rules)
        before[w->n_loaded] = ip_filter_rules_default_count(w->rules, p->direction).packets;
    enum ip_filter_verdict verdict = ip_filter_judge(w->filter, p, w->now);
    w->judged++;
    assert(c->accepted == accepted + (verdict == IP_FILTER_ACCEPT));
    if (!w->rules) {
        assert(verdict == IP_FILTER_ACCEPT);
        return;
    }
    uint32_t by = counted_by(w, p, before);
    uint8_t said = by < w->n_loaded ? w->loaded[by].verdict : w->policy.verdicts[p->direction];
    assert(verdict == said ||
           (c->drop_table_full == full + 1 && verdict == IP_FILTER_DROP && said == IP_FILTER_ACCEPT));
    assert(invalid(c) - invalid_before <= 1);
    check_decision(w, p, by, invalid(c) != invalid_before);
}

static void check(const struct world *w)
{
    const struct ip_filter_counters *c = ip_filter_counters(w->filter);
    assert(ip_filter_check(w->filter));
    assert(c->accepted + c->drop_rule + c->drop_default + c->reject_rule + c->reject_default + c->drop_table_full ==
           w->judged);
    assert(c->opened - c->expired - c->evicted_unconfirmed - c->evicted_closed - c->reopened ==
           ip_filter_connections(w->filter));
    assert(ip_filter_connections(w->filter) <= CONNECTIONS);
}

static void operation(struct world *w, const uint8_t *at)
{
    struct ip_filter_packet p;
    switch (at[0] & 15) {
    case 0:
        load(w, at);
        return;
    case 1:
        if (w->n < MOST_RULES)
            w->list[w->n++] = read_rule(at);
        return;
    case 2:
        w->n = 0;
        return;
    case 3:
        if (w->now < INT64_MAX / 2)
            w->now += (int64_t)at[1] << (at[2] % 48);
        return;
    case 4:
        (void)ip_filter_expire(w->filter, w->now, at[1]);
        if (at[1] > CONNECTIONS)
            assert(ip_filter_next_deadline(w->filter) > w->now);
        return;
    default:
        p = read_packet(at);
        judge(w, &p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct ip_filter_settings s;
    w = (struct world){.allocator = arena_begin(), .now = NS_PER_S};
    ip_filter_settings_default(&s);
    s.connections = CONNECTIONS;
    assert(ip_filter_new(&s, w.allocator, &w.filter) == 0);
    for (; size >= OPERATION; data += OPERATION, size -= OPERATION) {
        operation(&w, data);
        check(&w);
    }
    ip_filter_delete(w.filter);
    ip_filter_rules_delete(w.rules);
    arena_end();
    return 0;
}
