/* SPDX-License-Identifier: MIT */
/*
 * Rules of the packet filter: checking and compiling them, and finding the first that matches.
 */
#include "stack/ip_filter_rules.h"

#include "base/error.h"
#include "wire/tcp.h"

#define ALL_STATES (IP_FILTER_NEW | IP_FILTER_ESTABLISHED | IP_FILTER_RELATED | IP_FILTER_INVALID)

/* ---- checking ---- */

static bool asks(const struct ip_filter_rule *r, unsigned match) { return r->match & match; }

static bool has_ports(uint8_t protocol)
{
    return protocol == IP_PROTO_TCP || protocol == IP_PROTO_UDP || protocol == IP_PROTO_UDPLITE ||
           protocol == IP_PROTO_SCTP;
}

static bool is_icmp(uint8_t protocol) { return protocol == IP_PROTO_ICMP || protocol == IP_PROTO_ICMPV6; }

/* Whether it names an address of that family. */
static bool names_family(const struct ip_filter_rule *r, bool v4)
{
    return (asks(r, IP_FILTER_MATCH_SOURCE) && ip_addr_is_v4(&r->source.addr) == v4) ||
           (asks(r, IP_FILTER_MATCH_DESTINATION) && ip_addr_is_v4(&r->destination.addr) == v4);
}

static bool addresses_valid(const struct ip_filter_rule *r)
{
    if (asks(r, IP_FILTER_MATCH_SOURCE) && r->source.length > ip_addr_bits(&r->source.addr))
        return false;
    if (asks(r, IP_FILTER_MATCH_DESTINATION) && r->destination.length > ip_addr_bits(&r->destination.addr))
        return false;
    return !(names_family(r, true) && names_family(r, false));
}

static bool ports_valid(const struct ip_filter_rule *r)
{
    if (asks(r, IP_FILTER_MATCH_SOURCE_PORTS) && r->source_ports.first > r->source_ports.last)
        return false;
    if (asks(r, IP_FILTER_MATCH_DESTINATION_PORTS) && r->destination_ports.first > r->destination_ports.last)
        return false;
    return !asks(r, IP_FILTER_MATCH_SOURCE_PORTS | IP_FILTER_MATCH_DESTINATION_PORTS) ||
           (asks(r, IP_FILTER_MATCH_PROTOCOL) && has_ports(r->protocol));
}

static bool tcp_flags_valid(const struct ip_filter_rule *r)
{
    return !asks(r, IP_FILTER_MATCH_TCP_FLAGS) || (asks(r, IP_FILTER_MATCH_PROTOCOL) && r->protocol == IP_PROTO_TCP &&
                                                   (r->tcp_flags_value & ~r->tcp_flags_mask) == 0);
}

static bool icmp_valid(const struct ip_filter_rule *r)
{
    if (asks(r, IP_FILTER_MATCH_ICMP_CODE) && !asks(r, IP_FILTER_MATCH_ICMP_TYPE))
        return false;
    if (!asks(r, IP_FILTER_MATCH_ICMP_TYPE))
        return true;
    if (!asks(r, IP_FILTER_MATCH_PROTOCOL) || !is_icmp(r->protocol))
        return false;
    return !names_family(r, r->protocol == IP_PROTO_ICMPV6);
}

static bool rule_valid(const struct ip_filter_rule *r)
{
    if (r->directions == 0 || r->directions > IP_FILTER_ALL_DIRECTIONS || r->verdict > IP_FILTER_REJECT ||
        (r->match & ~IP_FILTER_MATCH_ALL))
        return false;
    if (asks(r, IP_FILTER_MATCH_STATE) && (r->states == 0 || (r->states & ~ALL_STATES)))
        return false;
    return addresses_valid(r) && ports_valid(r) && tcp_flags_valid(r) && icmp_valid(r);
}

/* Which is wrong: n for what is not a rule's. */
static int check(const struct ip_filter_rule *rules, uint32_t n, const struct ip_filter_policy *policy, uint32_t *wrong)
{
    *wrong = n;
    for (unsigned i = 0; i < IP_FILTER_DIRECTIONS; i++)
        if (policy->verdicts[i] > IP_FILTER_REJECT)
            return ERR_INVALID;
    if (n > IP_FILTER_RULES_MAX)
        return ERR_INVALID;
    for (uint32_t i = 0; i < n; i++) {
        if (!rule_valid(&rules[i])) {
            *wrong = i;
            return ERR_INVALID;
        }
    }
    return 0;
}

/* ---- compiling ---- */

static struct compiled_prefix compile_prefix(const struct ip_prefix *p)
{
    unsigned bits = p->length + (ip_addr_is_v4(&p->addr) ? 96u : 0);
    struct compiled_prefix c;
    for (unsigned i = 0; i<2; i++, bits = bits> 64 ? bits - 64 : 0) {
        c.mask[i] = bits == 0 ? 0 : ~(uint64_t)0 << (64 - min_u32(bits, 64));
        c.value[i] = load_be64(p->addr.bytes + 8 * (size_t)i) & c.mask[i];
    }
    return c;
}

static struct compiled_rule compile_rule(const struct ip_filter_rule *r, uint32_t count)
{
    struct compiled_rule c = {.match = r->match,
                              .family = names_family(r, true)    ? 4
                                        : names_family(r, false) ? 6
                                                                 : 0,
                              .verdict = r->verdict,
                              .protocol = r->protocol,
                              .icmp_type = r->icmp_type,
                              .icmp_code = r->icmp_code,
                              .states = r->states,
                              .tcp_flags_mask = r->tcp_flags_mask,
                              .tcp_flags_value = r->tcp_flags_value,
                              .source_ports = r->source_ports,
                              .destination_ports = r->destination_ports,
                              .interface = r->interface,
                              .count = count};
    if (asks(r, IP_FILTER_MATCH_SOURCE))
        c.source = compile_prefix(&r->source);
    if (asks(r, IP_FILTER_MATCH_DESTINATION))
        c.destination = compile_prefix(&r->destination);
    return c;
}

static void compile(struct ip_filter_rules *to, const struct ip_filter_rule *rules, uint32_t n)
{
    uint32_t at = 0;
    for (unsigned d = 0; d < IP_FILTER_DIRECTIONS; d++) {
        to->first[d] = at;
        for (uint32_t i = 0; i < n; i++)
            if (rules[i].directions >> d & 1)
                to->compiled[at++] = compile_rule(&rules[i], i);
        to->n[d] = at - to->first[d];
    }
}

static uint32_t compiled_rules(const struct ip_filter_rule *rules, uint32_t n)
{
    uint32_t compiled = 0;
    for (uint32_t i = 0; i < n; i++)
        compiled += (uint32_t)__builtin_popcount(rules[i].directions);
    return compiled;
}

static bool asks_for_state(const struct ip_filter_rule *rules, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (asks(&rules[i], IP_FILTER_MATCH_STATE))
            return true;
    return false;
}

int ip_filter_rules_new(const struct ip_filter_rule *rules, uint32_t n, const struct ip_filter_policy *policy,
                        const struct allocator *a, struct ip_filter_rules **out, uint32_t *wrong)
{
    uint32_t ignored;
    *out = NULL;
    if (check(rules, n, policy, wrong ? wrong : &ignored) < 0)
        return ERR_INVALID;
    struct ip_filter_rules *r = alloc_zeroed(a, sizeof *r, CACHE_LINE);
    if (!r)
        return ERR_NO_MEMORY;
    *r = (struct ip_filter_rules){.policy = *policy,
                                  .stateful = policy->track || asks_for_state(rules, n),
                                  .n_compiled = compiled_rules(rules, n),
                                  .n_counts = n + IP_FILTER_DIRECTIONS,
                                  .allocator = a};
    r->compiled = alloc_array(a, max_u32(r->n_compiled, 1), sizeof *r->compiled, CACHE_LINE);
    r->counts = alloc_array(a, r->n_counts, sizeof *r->counts, CACHE_LINE);
    if (!r->compiled || !r->counts) {
        ip_filter_rules_delete(r);
        return ERR_NO_MEMORY;
    }
    compile(r, rules, n);
    *out = r;
    return 0;
}

void ip_filter_rules_delete(struct ip_filter_rules *r)
{
    if (!r)
        return;
    const struct allocator *a = r->allocator;
    alloc_free(a, r->compiled, max_u32(r->n_compiled, 1) * sizeof *r->compiled);
    alloc_free(a, r->counts, r->n_counts * sizeof *r->counts);
    alloc_free(a, r, sizeof *r);
}

struct ip_filter_count ip_filter_rules_count(const struct ip_filter_rules *rules, uint32_t i)
{
    assert(i < rules->n_counts - IP_FILTER_DIRECTIONS);
    return rules->counts[i];
}

void ip_filter_rules_set_count(struct ip_filter_rules *rules, uint32_t i, struct ip_filter_count count)
{
    assert(i < rules->n_counts - IP_FILTER_DIRECTIONS);
    rules->counts[i] = count;
}

static struct ip_filter_count *default_count(const struct ip_filter_rules *rules, enum ip_filter_direction direction)
{
    return &rules->counts[rules->n_counts - IP_FILTER_DIRECTIONS + direction];
}

void ip_filter_rules_set_default_count(struct ip_filter_rules *rules, enum ip_filter_direction direction,
                                       struct ip_filter_count count)
{
    *default_count(rules, direction) = count;
}

struct ip_filter_count ip_filter_rules_default_count(const struct ip_filter_rules *rules,
                                                     enum ip_filter_direction direction)
{
    return *default_count(rules, direction);
}

/* ---- matching ---- */

static bool in_prefix(const struct compiled_prefix *c, const struct ip_addr *a)
{
    return (((load_be64(a->bytes) ^ c->value[0]) & c->mask[0]) |
            ((load_be64(a->bytes + 8) ^ c->value[1]) & c->mask[1])) == 0;
}

static bool in_ports(const struct ip_filter_ports *ports, uint16_t port)
{
    return port >= ports->first && port <= ports->last;
}

static bool addresses_match(const struct compiled_rule *r, const struct ip_filter_flow *f)
{
    if ((r->match & IP_FILTER_MATCH_SOURCE) && !in_prefix(&r->source, &f->source))
        return false;
    return !(r->match & IP_FILTER_MATCH_DESTINATION) || in_prefix(&r->destination, &f->destination);
}

/* What stands in the transport header; where there is none, no rule that looks at it matches. */
static bool transport_matches(const struct compiled_rule *r, const struct ip_filter_packet *p)
{
    const struct ip_filter_flow *f = &p->flow;
    unsigned looks = r->match & (IP_FILTER_MATCH_SOURCE_PORTS | IP_FILTER_MATCH_DESTINATION_PORTS |
                                 IP_FILTER_MATCH_TCP_FLAGS | IP_FILTER_MATCH_ICMP_TYPE | IP_FILTER_MATCH_ICMP_CODE);
    if (!looks)
        return true;
    if (f->headerless)
        return false;
    if ((looks & IP_FILTER_MATCH_SOURCE_PORTS) && !in_ports(&r->source_ports, f->source_port))
        return false;
    if ((looks & IP_FILTER_MATCH_DESTINATION_PORTS) && !in_ports(&r->destination_ports, f->destination_port))
        return false;
    if ((looks & IP_FILTER_MATCH_TCP_FLAGS) && (p->tcp_flags & r->tcp_flags_mask) != r->tcp_flags_value)
        return false;
    if ((looks & IP_FILTER_MATCH_ICMP_TYPE) && f->icmp_type != r->icmp_type)
        return false;
    return !(looks & IP_FILTER_MATCH_ICMP_CODE) || f->icmp_code == r->icmp_code;
}

/* The family is asked for by itself, since ::/0 contains the form that IPv4 addresses have here. */
static bool matches(const struct compiled_rule *r, const struct ip_filter_packet *p, enum ip_filter_state state,
                    uint8_t family)
{
    if (r->family && r->family != family)
        return false;
    if ((r->match & IP_FILTER_MATCH_PROTOCOL) && p->flow.protocol != r->protocol)
        return false;
    if ((r->match & IP_FILTER_MATCH_STATE) && !(r->states & state))
        return false;
    if ((r->match & IP_FILTER_MATCH_INTERFACE) && p->interface != r->interface)
        return false;
    return addresses_match(r, &p->flow) && transport_matches(r, p);
}

const struct compiled_rule *ip_filter_rules_find(const struct ip_filter_rules *rules, const struct ip_filter_packet *p,
                                                 enum ip_filter_state state)
{
    const struct compiled_rule *r = &rules->compiled[rules->first[p->direction]];
    const struct compiled_rule *end = r + rules->n[p->direction];
    uint8_t family = ip_addr_is_v4(&p->flow.source) ? 4 : 6;
    for (; r < end; r++)
        if (matches(r, p, state, family))
            return r;
    return NULL;
}
