/* SPDX-License-Identifier: MIT */
/*
 * The packet filter of a router: its keys, and the rules they make. What rules must not combine is ip_filter_rules_new's
 * to say, which is asked here once, so that the engine finds no fault.
 */
#include "traffic/plan_private.h"

#define MAX_RULES 4096u

/* ---- keys ---- */

static const struct config_choice verdicts[] = {
    {"accept", IP_FILTER_ACCEPT, "let pass"},
    {"drop", IP_FILTER_DROP, "without a word"},
    {"reject", IP_FILTER_REJECT, "answered by a TCP reset or by ICMP"},
    {0},
};
static const struct config_choice directions[] = {
    {"input", IP_FILTER_IN, "to the router itself"},
    {"output", IP_FILTER_OUT, "from the router itself"},
    {"forward", IP_FILTER_FORWARD, "through it"},
    {0},
};
static const struct config_choice protocols[] = {
    {"icmp", IP_PROTO_ICMP, "of IPv4"},
    {"icmpv6", IP_PROTO_ICMPV6, "of IPv6"},
    {"tcp", IP_PROTO_TCP, "TCP"},
    {"udp", IP_PROTO_UDP, "UDP"},
    {"udplite", IP_PROTO_UDPLITE, "UDP-Lite"},
    {"sctp", IP_PROTO_SCTP, "SCTP"},
    {"gre", IP_PROTO_GRE, "GRE"},
    {"esp", IP_PROTO_ESP, "ESP"},
    {0},
};
static const struct config_choice states[] = {
    {"new", IP_FILTER_NEW, "may open a connection"},
    {"established", IP_FILTER_ESTABLISHED, "is of one that was answered, or the answer"},
    {"related", IP_FILTER_RELATED, "is an ICMP error about one"},
    {"invalid", IP_FILTER_INVALID, "is none of these"},
    {0},
};

static const struct config_field policy_fields[] = {
    {CONFIG_MEMBER(struct filter_policy_config, input), .type = CONFIG_TYPE_ENUM, .choices = verdicts,
     .fallback = "accept", .doc = "What goes to the router itself and meets no rule"},
    {CONFIG_MEMBER(struct filter_policy_config, output), .type = CONFIG_TYPE_ENUM, .choices = verdicts,
     .fallback = "accept", .doc = "What it sends itself; reject is drop here"},
    {CONFIG_MEMBER(struct filter_policy_config, forward), .type = CONFIG_TYPE_ENUM, .choices = verdicts,
     .fallback = "accept", .doc = "What passes through it"},
};
static const struct config_schema policy_schema =
    CONFIG_SCHEMA("filter_policy", struct filter_policy_config, policy_fields, "What happens where no rule matches");

static const struct config_field rule_fields[] = {
    {CONFIG_MEMBER(struct filter_rule_config, name), .type = CONFIG_TYPE_STRING, .min = "1", .max = "32",
     .doc = "Name in the results; otherwise its number"},
    {CONFIG_MEMBER(struct filter_rule_config, verdict), .type = CONFIG_TYPE_ENUM, .choices = verdicts, .required = true,
     .doc = "What happens to a datagram for which all of the following holds"},
    {CONFIG_ITEMS(struct filter_rule_config, directions), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_ENUM,
     .choices = directions, .items_min = 1, .items_max = IP_FILTER_DIRECTIONS, .doc = "Otherwise all"},
    {CONFIG_MEMBER(struct filter_rule_config, port), .type = CONFIG_TYPE_STRING, .min = "1",
     .doc = "Name of the port it came by; of output, it leaves by"},
    {CONFIG_MEMBER(struct filter_rule_config, source), .type = CONFIG_TYPE_PREFIX,
     .given_offset = CONFIG_GIVEN(struct filter_rule_config, source_given), .doc = "Source addresses"},
    {CONFIG_MEMBER(struct filter_rule_config, destination), .type = CONFIG_TYPE_PREFIX,
     .given_offset = CONFIG_GIVEN(struct filter_rule_config, destination_given), .doc = "Destination addresses"},
    {CONFIG_MEMBER(struct filter_rule_config, protocol), .type = CONFIG_TYPE_ENUM, .choices = protocols,
     .given_offset = CONFIG_GIVEN(struct filter_rule_config, protocol_given), .doc = "Protocol"},
    {CONFIG_ITEMS(struct filter_rule_config, source_ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16,
     .items_min = 1, .items_max = 2, .doc = "Source port, or the first and the last of several"},
    {CONFIG_ITEMS(struct filter_rule_config, destination_ports), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_U16,
     .items_min = 1, .items_max = 2, .doc = "Destination port, or the first and the last of several"},
    {CONFIG_MEMBER(struct filter_rule_config, icmp_type), .type = CONFIG_TYPE_U8,
     .given_offset = CONFIG_GIVEN(struct filter_rule_config, icmp_type_given), .doc = "Type of icmp and icmpv6"},
    {CONFIG_ITEMS(struct filter_rule_config, states), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_ENUM,
     .choices = states, .items_min = 1, .items_max = 4, .doc = "What it is to the connections known"},
};
static const struct config_schema rule_schema = CONFIG_SCHEMA_SELF(
    "filter_rule", struct filter_rule_config, rule_fields, node, "One rule; the first that matches decides");

static const struct config_field filter_fields[] = {
    {CONFIG_MEMBER(struct filter_config, policy), .type = CONFIG_TYPE_MAP, .schema = &policy_schema,
     .doc = "What happens where no rule matches"},
    {CONFIG_ITEMS(struct filter_config, rules), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &rule_schema, .items_max = MAX_RULES, .doc = "Rules in order; the first that matches decides"},
    {CONFIG_MEMBER(struct filter_config, connections), .type = CONFIG_TYPE_U32, .fallback = "65536", .min = "1",
     .max = "16777216", .doc = "Connections that can be known at once"},
};
const struct config_schema plan_filter_schema =
    CONFIG_SCHEMA_SELF("filter", struct filter_config, filter_fields, node, "The packet filter of the router");

/* ---- rules ---- */

static struct ip_filter_ports ports_of(const uint16_t *list, uint32_t count)
{
    return (struct ip_filter_ports){.first = list[0], .last = list[count - 1]};
}

static void match_addresses(const struct filter_rule_config *from, struct ip_filter_rule *to)
{
    if (from->source_given) {
        to->match |= IP_FILTER_MATCH_SOURCE;
        to->source = plan_prefix_of(&from->source);
    }
    if (from->destination_given) {
        to->match |= IP_FILTER_MATCH_DESTINATION;
        to->destination = plan_prefix_of(&from->destination);
    }
}

static void match_protocol(const struct filter_rule_config *from, struct ip_filter_rule *to)
{
    if (from->protocol_given) {
        to->match |= IP_FILTER_MATCH_PROTOCOL;
        to->protocol = (uint8_t)from->protocol;
    }
    if (from->source_ports_count) {
        to->match |= IP_FILTER_MATCH_SOURCE_PORTS;
        to->source_ports = ports_of(from->source_ports, from->source_ports_count);
    }
    if (from->destination_ports_count) {
        to->match |= IP_FILTER_MATCH_DESTINATION_PORTS;
        to->destination_ports = ports_of(from->destination_ports, from->destination_ports_count);
    }
    if (from->icmp_type_given) {
        to->match |= IP_FILTER_MATCH_ICMP_TYPE;
        to->icmp_type = from->icmp_type;
    }
}

static void compile_rule(struct compiling *c, const struct filter_rule_config *from, struct ip_filter_rule *to)
{
    to->verdict = (uint8_t)from->verdict;
    for (uint32_t i = 0; i < from->directions_count; i++)
        to->directions |= (uint8_t)(1u << from->directions[i]);
    if (from->directions_count == 0)
        to->directions = IP_FILTER_ALL_DIRECTIONS;
    match_addresses(from, to);
    match_protocol(from, to);
    for (uint32_t i = 0; i < from->states_count; i++)
        to->states |= (uint8_t)from->states[i];
    if (from->states_count)
        to->match |= IP_FILTER_MATCH_STATE;
    if (from->port) {
        to->match |= IP_FILTER_MATCH_INTERFACE;
        to->interface = plan_need_port(c, from->node, from->port);
    }
}

static void check_rules(struct compiling *c, const struct filter_config *from, const struct plan_filter *f)
{
    struct ip_filter_rules *rules;
    uint32_t wrong;
    int error = ip_filter_rules_new(f->rules, f->n_rules, &f->policy, c->plan->allocator, &rules, &wrong);
    if (error == 0)
        ip_filter_rules_delete(rules);
    else if (error == ERR_INVALID && wrong < f->n_rules)
        config_errors_add(c->errors, from->rules[wrong].node, NULL,
                          "found what cannot go together, allowed addresses of one family, ports (the first not behind "
                          "the last) of tcp, udp, udplite and sctp, an icmp_type of icmp or icmpv6 and their family");
    else
        config_errors_add(c->errors, from->node, NULL, "%s", err_text(error));
}

struct plan_filter *plan_compile_filter(struct compiling *c, const struct filter_config *from)
{
    struct plan_filter *f = plan_alloc(c, 1, sizeof *f);
    struct ip_filter_rule *rules = plan_alloc(c, from->rules_count, sizeof *rules);
    const char **names = plan_alloc(c, from->rules_count, sizeof *names);
    if (!f || !rules || !names)
        return NULL;
    *f = (struct plan_filter){.rules = rules, .names = names, .connections = from->connections};
    f->policy.verdicts[IP_FILTER_IN] = (uint8_t)from->policy.input;
    f->policy.verdicts[IP_FILTER_OUT] = (uint8_t)from->policy.output;
    f->policy.verdicts[IP_FILTER_FORWARD] = (uint8_t)from->policy.forward;
    for (; f->n_rules < from->rules_count; f->n_rules++) {
        compile_rule(c, &from->rules[f->n_rules], &rules[f->n_rules]);
        names[f->n_rules] = from->rules[f->n_rules].name;
        if (!names[f->n_rules])
            names[f->n_rules] = plan_print(c, "%u", f->n_rules);
    }
    if (c->errors->count == 0)
        check_rules(c, from, f);
    return f;
}
