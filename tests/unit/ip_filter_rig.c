/* SPDX-License-Identifier: MIT */
/*
 * See ip_filter_rig.h.
 */
#include "ip_filter_rig.h"

#include "support/cmocka_all.h"
#include "wire/icmp.h"

void filter_init(struct filter_rig *r, uint32_t connections)
{
    struct ip_filter_settings s;
    *r = (struct filter_rig){.now = 1000 * NS_PER_S};
    counting_alloc_init(&r->memory);
    ip_filter_settings_default(&s);
    s.connections = connections;
    s.key = (struct hash_key){1, 2};
    assert_int_equal(ip_filter_new(&s, &r->memory.allocator, &r->filter), 0);
}

void filter_free(struct filter_rig *r)
{
    if (r->filter)
        assert_true(ip_filter_check(r->filter));
    ip_filter_delete(r->filter);
    ip_filter_rules_delete(r->rules);
    assert_int_equal(r->memory.live_blocks, 0);
}

void filter_load(struct filter_rig *r, const struct ip_filter_rule *rules, uint32_t n, enum ip_filter_verdict otherwise)
{
    uint8_t v = (uint8_t)otherwise;
    struct ip_filter_policy policy = {.verdicts = {v, v, v}};
    struct ip_filter_rules *compiled;
    uint32_t wrong;
    assert_int_equal(ip_filter_rules_new(rules, n, &policy, &r->memory.allocator, &compiled, &wrong), 0);
    assert_ptr_equal(ip_filter_swap(r->filter, compiled), r->rules);
    ip_filter_rules_delete(r->rules);
    r->rules = compiled;
}

void filter_load_stateful(struct filter_rig *r)
{
    struct ip_filter_rule rules[] = {
        {.match = IP_FILTER_MATCH_STATE,
         .directions = IP_FILTER_ALL_DIRECTIONS,
         .states = IP_FILTER_ESTABLISHED | IP_FILTER_RELATED},
        {.match = IP_FILTER_MATCH_STATE | IP_FILTER_MATCH_SOURCE,
         .directions = IP_FILTER_ALL_DIRECTIONS,
         .states = IP_FILTER_NEW,
         .source = filter_prefix("10.0.0.0/8")},
        {.match = IP_FILTER_MATCH_STATE | IP_FILTER_MATCH_DESTINATION | IP_FILTER_MATCH_PROTOCOL |
                  IP_FILTER_MATCH_DESTINATION_PORTS,
         .directions = IP_FILTER_ALL_DIRECTIONS,
         .states = IP_FILTER_NEW,
         .destination = filter_prefix(INSIDE),
         .protocol = IP_PROTO_TCP,
         .destination_ports = {80, 80}},
    };
    filter_load(r, rules, ARRAY_SIZE(rules), IP_FILTER_DROP);
}

enum ip_filter_verdict filter_judge(struct filter_rig *r, const struct ip_filter_packet *p)
{
    return ip_filter_judge(r->filter, p, r->now);
}

void filter_passes(struct filter_rig *r, const struct ip_filter_packet *p)
{
    assert_int_equal(filter_judge(r, p), IP_FILTER_ACCEPT);
}

void filter_drops(struct filter_rig *r, const struct ip_filter_packet *p)
{
    uint64_t before = ip_filter_counters(r->filter)->drop_default;
    assert_int_equal(filter_judge(r, p), IP_FILTER_DROP);
    assert_int_equal(ip_filter_counters(r->filter)->drop_default, before + 1);
}

int filter_class(struct filter_rig *r, const struct ip_filter_packet *p)
{
    int class = ip_filter_connection_class(r->filter, &p->flow, r->now);
    return class < 0 ? -1 : class;
}

struct ip_addr filter_address(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

struct ip_prefix filter_prefix(const char *text)
{
    struct ip_prefix p;
    assert_int_equal(ip_prefix_parse(text, strlen(text), &p), 0);
    return p;
}

struct ip_filter_packet filter_packet(uint8_t protocol, const char *source, uint16_t source_port,
                                      const char *destination, uint16_t destination_port)
{
    return (struct ip_filter_packet){.flow = {.source = filter_address(source),
                                              .destination = filter_address(destination),
                                              .protocol = protocol,
                                              .source_port = source_port,
                                              .destination_port = destination_port},
                                     .direction = IP_FILTER_FORWARD,
                                     .length = 100};
}

struct ip_filter_packet filter_echo(const char *source, const char *destination, uint16_t id, bool request)
{
    struct ip_filter_packet p = filter_packet(IP_PROTO_ICMP, source, 0, destination, 0);
    p.flow.icmp_type = request ? WIRE_ICMP_ECHO_REQUEST : WIRE_ICMP_ECHO_REPLY;
    p.flow.icmp_id = id;
    return p;
}

struct ip_filter_packet filter_error(const char *router, const struct ip_filter_packet *p)
{
    struct ip_filter_packet error = filter_packet(IP_PROTO_ICMP, router, 0, router, 0);
    error.flow.destination = p->flow.source;
    error.flow.icmp_type = WIRE_ICMP_UNREACHABLE;
    error.quotes = true;
    error.quoted = p->flow;
    error.quoted_sequence = p->tcp_sequence;
    return error;
}

struct talk talk_of(uint16_t port)
{
    return (struct talk){{{INSIDE, port, 65535, 8, 0xffffff00u}, {OUTSIDE, 80, 65535, 8, 0xfffffe00u}}};
}

struct ip_filter_packet talk_send(struct talk *t, unsigned from, uint16_t flags, uint32_t payload)
{
    struct talker *s = &t->ends[from];
    const struct talker *o = &t->ends[!from];
    struct ip_filter_packet p = filter_packet(IP_PROTO_TCP, s->address, s->port, o->address, o->port);
    p.tcp_flags = flags;
    p.tcp_sequence = s->next;
    p.tcp_acknowledgement = flags & TCP_ACK ? o->next : 0;
    p.tcp_window = s->window;
    p.tcp_window_shift = flags & TCP_SYN ? s->shift : 0;
    p.tcp_payload = payload;
    s->next += payload + (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
    return p;
}

void talk_open(struct filter_rig *r, struct talk *t)
{
    struct ip_filter_packet p = talk_send(t, 0, TCP_SYN, 0);
    filter_passes(r, &p);
    p = talk_send(t, 1, TCP_SYN | TCP_ACK, 0);
    filter_passes(r, &p);
    p = talk_send(t, 0, TCP_ACK, 0);
    filter_passes(r, &p);
    assert_int_equal(filter_class(r, &p), IP_FILTER_CLASS_ESTABLISHED);
}
