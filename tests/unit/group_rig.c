/* SPDX-License-Identifier: MIT */
/*
 * The words of group_rig.h.
 */
#include "unit/group_rig.h"

#include <stdlib.h>

#define PORT 5353
#define MAX_NAMES 70u

/* ---- names ---- */

struct ip_addr group_named(const struct group_rig *x, char name)
{
    uint32_t low = (uint8_t)name;
    if (name >= 'A' && name <= 'Z')
        return x->v6 ? (struct ip_addr){{0xff, 5, [15] = (uint8_t)low}} : v4(0xef010200u | low);
    return x->v6 ? (struct ip_addr){{0x20, 1, 0x0d, 0xb8, 0, 9, [15] = (uint8_t)low}} : v4(0xc6336400u | low);
}

static char name_of(const struct group_rig *x, const struct ip_addr *ip)
{
    char name = (char)ip->bytes[15];
    struct ip_addr known = group_named(x, name);
    return ip_addr_equal(&known, ip) ? name : '?';
}

/* ---- life ---- */

void group_rig_settings(struct stack_settings *t)
{
    stack_settings_default(t);
    t->secret = (struct hash_key){1, 2};
}

static uint32_t link_local_host(struct rig *r, const uint8_t *mac)
{
    struct host_settings h = {.address = ip_addr_link_local(mac), .prefix_length = 64};
    memcpy(h.mac, mac, 6);
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static void on_received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)d, (void)now;
    (*(unsigned *)context)++;
}

void group_rig_open(struct group_rig *x, bool v6, const struct stack_settings *t)
{
    struct stack_settings own;
    group_rig_settings(&own);
    *x = (struct group_rig){.r = rig_new_empty(t ? t : &own), .v6 = v6};
    x->us = v6 ? link_local_host(x->r, US_MAC) : rig_host(x->r, US, PREFIX, GATEWAY, NULL);
}

void group_rig_close(struct group_rig *x) { rig_free(x->r); }

/* ---- listening ---- */

static const struct ip_source_filter *filter_of(const struct group_rig *x, const char *text, struct ip_addr *sources,
                                                struct ip_source_filter *f)
{
    if (strcmp(text, "-") == 0)
        return NULL;
    *f = (struct ip_source_filter){.exclude = text[0] == '!' || text[0] == 0, .sources = sources};
    for (const char *at = text + (text[0] == '!'); *at; at++)
        sources[f->n++] = group_named(x, *at);
    return f;
}

int group_listen_at(struct group_rig *x, uint32_t local, char group, const char *was, const char *is)
{
    struct ip_addr old[MAX_NAMES], new[MAX_NAMES], g = group_named(x, group);
    struct ip_source_filter from, to;
    return stack_listen(x->r->stack, local, &g, filter_of(x, was, old, &from), filter_of(x, is, new, &to), x->r->now);
}

int group_listen(struct group_rig *x, char group, const char *was, const char *is)
{
    return group_listen_at(x, x->us, group, was, is);
}

/* ---- others ---- */

static void arrives(struct group_rig *x, const struct wire_group_message *m)
{
    uint8_t f[RIG_FRAME_BYTES];
    const struct group_envelope e = group_envelope_for(x->v6, m);
    rig_input(x->r, f, make_group(f, &e, m));
}

static struct ip_addr group_or_none(const struct group_rig *x, char group)
{
    if (group)
        return group_named(x, group);
    return x->v6 ? NONE6 : v4(0);
}

void group_query(struct group_rig *x, unsigned version, char group, const char *sources, uint32_t max_response_ms)
{
    uint8_t list[16 * MAX_NAMES];
    struct wire_group_message m = {.kind = WIRE_GROUP_QUERY,
                                   .version = (uint8_t)version,
                                   .group = group_or_none(x, group),
                                   .max_response_ms = max_response_ms,
                                   .bytes = list};
    for (; sources[m.count]; m.count++) {
        struct ip_addr source = group_named(x, sources[m.count]);
        wire_group_address_put(list, x->v6, m.count, &source);
    }
    m.bytes_length = m.count * wire_group_address_bytes(x->v6);
    arrives(x, &m);
}

void group_query_saying(struct group_rig *x, uint32_t max_response_ms, uint8_t robustness, uint32_t interval_s)
{
    const struct wire_group_message m = {.kind = WIRE_GROUP_QUERY,
                                         .version = WIRE_GROUP_V3,
                                         .group = group_or_none(x, 0),
                                         .max_response_ms = max_response_ms,
                                         .robustness = robustness,
                                         .interval_s = interval_s};
    arrives(x, &m);
}

void group_other_reports(struct group_rig *x, unsigned version, char group)
{
    const struct wire_group_message m = {
        .kind = WIRE_GROUP_REPORT, .version = (uint8_t)version, .group = group_named(x, group)};
    arrives(x, &m);
}

bool group_hears(struct group_rig *x, char group, char source)
{
    uint8_t f[RIG_FRAME_BYTES];
    unsigned received = 0;
    struct ip_addr to = group_named(x, group), from = group_named(x, source);
    uint32_t n = x->v6 ? make_udp6(f, &from, 1, &to, PORT, "x", 1)
                       : make_udp(f, ip_addr_to_v4(&from), 1, ip_addr_to_v4(&to), PORT, "x", 1);
    if (!x->v6)
        wire_eth_addr_from_ipv4_multicast(f, ip_addr_to_v4(&to));
    assert_int_equal(udp_bind(x->r->stack, 0, PORT, on_received, NULL, &received), 0);
    rig_input(x->r, f, n);
    assert_int_equal(udp_unbind(x->r->stack, 0, PORT), 0);
    return received == 1;
}

/* ---- what is said ---- */

static void say(struct group_rig *x, const char *text)
{
    assert_true(strlen(x->text) + strlen(text) + 1 < sizeof x->text);
    strcat(x->text, text);
}
static void say_name(struct group_rig *x, const struct ip_addr *ip)
{
    const char text[3] = {' ', name_of(x, ip), 0};
    say(x, text);
}

static int by_address(const void *a, const void *b) { return ip_addr_compare(a, b); }

static void say_record(struct group_rig *x, const struct wire_group_record *r)
{
    static const char *const names[] = {"?", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"};
    struct ip_addr sources[2 * MAX_NAMES];
    assert_in_range(r->type, 1, 6);
    assert_true(r->count <= ARRAY_SIZE(sources));
    say(x, names[r->type]);
    say_name(x, &r->group);
    for (uint32_t i = 0; i < r->count; i++)
        sources[i] = wire_group_address(r->sources, x->v6, i);
    qsort(sources, r->count, sizeof sources[0], by_address);
    for (uint32_t i = 0; i < r->count; i++)
        say_name(x, &sources[i]);
}

static void say_records(struct group_rig *x, const struct wire_group_message *m)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        struct wire_group_record r;
        int length = wire_group_record_parse(m->bytes + at, m->bytes_length - at, x->v6, &r);
        assert_true(length > 0);
        at += (uint32_t)length;
        say(x, i ? ", " : "");
        say_record(x, &r);
    }
    assert_int_equal(at, m->bytes_length);
}

/* Where a message of its kind goes. */
static struct ip_addr destination_of(const struct group_rig *x, const struct wire_group_message *m)
{
    if (m->kind == WIRE_GROUP_REPORT)
        return m->group;
    if (m->kind == WIRE_GROUP_LEAVE)
        return x->v6 ? v6("ff02::2") : v4(0xe0000002);
    return x->v6 ? v6("ff02::16") : v4(0xe0000016);
}

static void say_message(struct group_rig *x, const struct wire_group_message *m, const struct ip_addr *destination)
{
    struct ip_addr expected = destination_of(x, m);
    assert_true(ip_addr_equal(destination, &expected));
    if (x->text[0])
        say(x, "; ");
    if (m->kind == WIRE_GROUP_RECORDS) {
        say_records(x, m);
        return;
    }
    say(x, m->kind == WIRE_GROUP_LEAVE ? "leave" : m->version == WIRE_GROUP_V1 ? "report1" : "report");
    say_name(x, &m->group);
}

static void read_v4(struct group_rig *x, const struct rig_frame *f)
{
    const uint8_t *ip = f->bytes + 14;
    struct wire_ipv4 h;
    struct wire_group_message m;
    static const uint8_t alert[4] = {0x94, 4, 0, 0};
    uint8_t mac[6];
    assert_int_equal(wire_ipv4_parse(ip, f->length - 14, &h), 24);
    assert_true(wire_ipv4_checksum_ok(ip, 24));
    assert_memory_equal(h.options, alert, 4);
    assert_int_equal(h.protocol, IP_PROTO_IGMP);
    assert_int_equal(h.ttl, 1);
    assert_int_equal(h.src, US);
    assert_int_equal(f->length, 14u + h.total_len);
    wire_eth_addr_from_ipv4_multicast(mac, h.dst);
    expect_dst_mac(f, mac);
    assert_true(wire_igmp_parse(ip + 24, h.total_len - 24u, &m) > 0);
    if (m.version == WIRE_GROUP_V3)
        assert_int_equal(h.tos, 0xc0);
    const struct ip_addr destination = v4(h.dst);
    say_message(x, &m, &destination);
}

static void read_v6(struct group_rig *x, const struct rig_frame *f)
{
    const uint8_t *ip = f->bytes + 14;
    struct wire_ipv6_walk w;
    struct wire_ipv6 h;
    struct wire_group_message m;
    uint8_t mac[6];
    assert_int_equal(wire_ipv6_parse(ip, f->length - 14, &h), 40);
    assert_int_equal(wire_ipv6_walk(ip, f->length - 14, &w), WIRE_IPV6_ACCEPT);
    assert_true(w.router_alert);
    assert_int_equal(w.router_alert_value, 0);
    assert_int_equal(w.protocol, IP_PROTO_ICMPV6);
    assert_int_equal(h.hop_limit, 1);
    assert_true(ip_addr_is_link_local(&h.src));
    wire_eth_addr_from_ipv6_multicast(mac, h.dst.bytes);
    expect_dst_mac(f, mac);
    assert_true(wire_icmpv6_checksum_ok(&h.src, &h.dst, ip + w.offset, w.end - w.offset));
    assert_true(wire_mld_parse(ip + w.offset, w.end - w.offset, &m) > 0);
    say_message(x, &m, &h.dst);
}

const char *group_said(struct group_rig *x)
{
    x->text[0] = 0;
    for (const struct rig_frame *f; (f = rig_next(x->r)) != NULL;) {
        expect_src_mac(f, US_MAC);
        if (x->v6)
            read_v6(x, f);
        else
            read_v4(x, f);
    }
    return x->text;
}

const char *group_said_within(struct group_rig *x, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 2)
        rig_pass(x->r, 2 * NS_PER_MS);
    return group_said(x);
}

int64_t group_wait(struct group_rig *x, int64_t most_ms)
{
    for (int64_t ms = 0; ms <= most_ms; ms += 2) {
        if (x->r->count)
            return ms;
        rig_pass(x->r, 2 * NS_PER_MS);
    }
    return x->r->count ? most_ms : -1;
}
