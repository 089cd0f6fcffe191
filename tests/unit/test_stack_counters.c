/* SPDX-License-Identifier: MIT */
/*
 * Every drop has a name: for each counter of STACK_DROP_LIST one input that must count exactly there, once, and nowhere
 * else. A counter without a case here does not compile.
 */
#include "support/frame_group.h"
#include "unit/stack_rig.h"

#include "base/alloc_heap.h"
#include "base/error.h"
#include "stack/control.h"
#include "stack/filter.h"
#include "stack/forward.h"
#include "stack/stack_internal.h"

/* Each cause makes its rig, calls begin() when all is prepared, and then provokes the drop. */
struct run {
    struct rig *r;
    struct stack_counters before;
    uint8_t f[RIG_FRAME_BYTES];
};

static void begin_with(struct run *x, struct rig *r)
{
    x->r = r;
    x->before = *rig_counters(r);
}
static void begin(struct run *x) { begin_with(x, rig_new()); }
/* The same rig, from here on. */
static void from_here(struct run *x) { x->before = *rig_counters(x->r); }

static void input(struct run *x, uint32_t length) { rig_input(x->r, x->f, length); }

static int send_to(struct run *x, uint32_t remote, uint32_t length)
{
    static const uint8_t zeros[65536];
    struct udp_datagram d = {
        .local = x->r->us, .remote = v4(remote), .local_port = 7, .remote_port = 7, .bytes = zeros, .length = length};
    int error = udp_send(x->r->stack, &d, x->r->now);
    rig_transmit(x->r);
    return error;
}

static const uint8_t eight[8] = {8, 7, 6, 5, 4, 3, 2, 1};

/* A good echo request; patch(byte) counts from the IP header; the header checksum is made right again. */
static uint32_t echo(struct run *x) { return make_echo_request(x->f, PEER, US, 1, 1, eight, 8); }
static void patched_ip(struct run *x, unsigned byte, uint8_t value)
{
    begin(x);
    uint32_t n = echo(x);
    x->f[14 + byte] = value;
    fix_ip_checksum(x->f);
    input(x, n);
}

/* ---- link layer ---- */

static void cause_l2_runt(struct run *x)
{
    begin(x);
    make_eth(x->f, US_MAC, PEER_MAC, ETHERTYPE_IPV4);
    input(x, 13);
}
static void cause_l2_not_for_us(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    memcpy(x->f, OTHER_MAC, 6);
    input(x, n);
}
static void cause_l2_bad_source(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    memcpy(x->f + 6, US_MAC, 6);
    input(x, n);
}
static void cause_l2_too_many_tags(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    for (int i = 0; i < 3; i++)
        n = insert_tag(x->f, n, 0x8100, 5);
    input(x, n);
}
static void cause_l2_unknown_ethertype(struct run *x)
{
    begin(x);
    make_eth(x->f, US_MAC, PEER_MAC, ETHERTYPE_LLDP);
    input(x, 60);
}
static void cause_l2_unknown_vlan(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    input(x, insert_tag(x->f, n, 0x8100, 5));
}

/* ---- MPLS: US has label 100 ---- */

static void begin_labelled(struct run *x)
{
    struct host_settings h = {.address = v4(US), .prefix_length = PREFIX, .mpls_count = 1, .mpls = {{.label = 100}}};
    memcpy(h.mac, US_MAC, sizeof h.mac);
    struct rig *r = rig_new_empty(NULL);
    r->us = (uint32_t)stack_add_host(r->stack, &h);
    assert_int_equal(r->us, 1);
    begin_with(x, r);
}
static void input_labelled(struct run *x, const uint32_t *entries, uint32_t n)
{
    begin_labelled(x);
    uint32_t length = echo(x);
    input(x, insert_labels(x->f, length, entries, n));
}
static void cause_mpls_no_bottom(struct run *x)
{
    begin_labelled(x);
    make_eth(x->f, US_MAC, PEER_MAC, ETHERTYPE_MPLS);
    store_be32(x->f + 14, mpls_entry(100, false, 64));
    input(x, 18);
}
static void cause_mpls_too_deep(struct run *x)
{
    const uint32_t deep[5] = {mpls_entry(0, false, 64), mpls_entry(0, false, 64), mpls_entry(0, false, 64),
                              mpls_entry(0, false, 64), mpls_entry(100, true, 64)};
    input_labelled(x, deep, 5);
}
static void cause_mpls_ttl_exceeded(struct run *x)
{
    const uint32_t old = mpls_entry(100, true, 1);
    input_labelled(x, &old, 1);
}
static void cause_mpls_reserved_label(struct run *x)
{
    const uint32_t implicit_null = mpls_entry(3, true, 64);
    input_labelled(x, &implicit_null, 1);
}
static void cause_mpls_unknown_label(struct run *x)
{
    const uint32_t other = mpls_entry(101, true, 64);
    input_labelled(x, &other, 1);
}
static void cause_mpls_bad_payload(struct run *x)
{
    const uint32_t null6 = mpls_entry(2, true, 64);
    input_labelled(x, &null6, 1);
}
static void cause_mpls_multicast(struct run *x)
{
    begin_labelled(x);
    const uint32_t entry = mpls_entry(100, true, 64);
    uint32_t length = echo(x);
    memcpy(x->f, BROADCAST_MAC, 6);
    input(x, insert_labels(x->f, length, &entry, 1));
}

static void cause_l2_interface_down(struct run *x)
{
    begin(x);
    assert_int_equal(stack_set_up(x->r->stack, 0, false, x->r->now), 0);
    input(x, echo(x));
}
static void cause_tx_interface_down(struct run *x)
{
    begin(x);
    assert_int_equal(stack_set_up(x->r->stack, 0, false, x->r->now), 0);
    stack_announce(x->r->stack, x->r->us, x->r->now);
    rig_transmit(x->r);
    expect_nothing(x->r);
}

/* ---- ARP ---- */

static void cause_arp_malformed(struct run *x)
{
    begin(x);
    make_arp_request(x->f, US);
    input(x, 41);
}
static void cause_arp_bad_sender(struct run *x)
{
    begin(x);
    input(x, make_arp(x->f, US_MAC, PEER_MAC, 1, OTHER_MAC, PEER, ZERO_MAC, US));
}
static void cause_arp_unsolicited(struct run *x)
{
    begin(x);
    input(x, make_arp_reply(x->f, PEER, PEER_MAC));
}
static void cause_arp_own_address(struct run *x)
{
    begin(x);
    input(x, make_arp(x->f, BROADCAST_MAC, PEER_MAC, 1, PEER_MAC, US, ZERO_MAC, US));
}
static void cause_arp_tentative(struct run *x)
{
    struct host_settings h = {.address = v4(OTHER), .prefix_length = PREFIX, .dad_transmits = 1};
    begin(x);
    assert_true(stack_add_host(x->r->stack, &h) > 0);
    input(x, make_arp_request(x->f, OTHER));
}
static void cause_arp_table_full(struct run *x)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_neighbours = 1;
    begin_with(x, rig_new_with(&t));
    rig_resolve(x->r, x->r->us, OTHER, OTHER_MAC);
    from_here(x);
    input(x, make_arp_request(x->f, US));
}

/* ---- IPv4 ---- */

static void cause_ip_short(struct run *x)
{
    begin(x);
    echo(x);
    input(x, 14 + 19);
}
static void cause_ip_bad_version(struct run *x) { patched_ip(x, 0, 0x65); }
static void cause_ip_bad_header_length(struct run *x) { patched_ip(x, 0, 0x44); }
static void cause_ip_bad_total_length(struct run *x) { patched_ip(x, 3, 19); }
static void cause_ip_bad_checksum(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    x->f[14 + 8]++;
    input(x, n);
}
static void with_options(struct run *x, const uint8_t *options, uint32_t length)
{
    uint32_t n = echo(x);
    memmove(x->f + 34 + length, x->f + 34, n - 34);
    memcpy(x->f + 34, options, length);
    x->f[14] = (uint8_t)(0x45 + length / 4);
    store_be16(x->f + 16, (uint16_t)(n - 14 + length));
    fix_ip_checksum(x->f);
    input(x, n + length);
}
static void cause_ip_bad_options(struct run *x)
{
    begin(x);
    with_options(x, (const uint8_t[]){68, 0, 0, 0}, 4);
}
static void cause_ip_source_route(struct run *x)
{
    begin(x);
    with_options(x, (const uint8_t[]){131, 7, 4, 192, 0, 2, 9, 0}, 8);
}
static void cause_ip_bad_source(struct run *x) { patched_ip(x, 12, 127); }
static void cause_ip_bad_destination(struct run *x)
{
    begin(x);
    uint32_t n = make_echo_request(x->f, PEER, 0x7f000001, 1, 1, eight, 8);
    input(x, n);
}
static void cause_ip_not_for_us(struct run *x)
{
    begin(x);
    uint32_t n = make_echo_request(x->f, PEER, OTHER, 1, 1, eight, 8);
    input(x, n);
}
static void cause_ip_l2_mismatch(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    memcpy(x->f, BROADCAST_MAC, 6);
    input(x, n);
}

/* ---- fragments ---- */

static uint8_t frag_bytes[1480];
static void fragment(struct run *x, uint16_t id, uint32_t offset, bool more, uint32_t length)
{
    input(x, make_fragment(x->f, PEER, id, IP_PROTO_UDP, offset, more, frag_bytes, length));
}
static void cause_frag_empty(struct run *x)
{
    begin(x);
    fragment(x, 1, 8, true, 0);
}
static void cause_frag_bad_length(struct run *x)
{
    begin(x);
    fragment(x, 1, 0, true, 13);
}
static void cause_frag_too_long(struct run *x)
{
    begin(x);
    fragment(x, 1, 65528, false, 9);
}
static void cause_frag_tiny(struct run *x)
{
    begin(x);
    input(x, make_fragment(x->f, PEER, 1, IP_PROTO_TCP, 0, true, frag_bytes, 8));
}
static void cause_frag_duplicate(struct run *x)
{
    begin(x);
    fragment(x, 1, 0, true, 16);
    fragment(x, 1, 0, true, 16);
}
static void cause_frag_overlap(struct run *x)
{
    begin(x);
    fragment(x, 1, 0, true, 16);
    fragment(x, 1, 8, true, 16);
}
static void cause_frag_bad_end(struct run *x)
{
    begin(x);
    fragment(x, 1, 16, false, 8);
    fragment(x, 1, 32, true, 8);
}
static void cause_frag_bad_ecn(struct run *x)
{
    begin(x);
    fragment(x, 1, 0, true, 16);
    uint32_t n = make_fragment(x->f, PEER, 1, IP_PROTO_UDP, 16, false, frag_bytes, 8);
    x->f[15] = 3;
    fix_ip_checksum(x->f);
    input(x, n);
}
static void cause_frag_too_far(struct run *x)
{
    begin(x);
    for (uint16_t id = 0; id < 65; id++)
        fragment(x, id, 0, true, 8);
    fragment(x, 0, 8, true, 8);
}
static void cause_frag_evicted(struct run *x)
{
    begin(x);
    fragment(x, 1, 0, true, 8);
    x->r->stack->settings.fragment_bytes_high = x->r->stack->fragments.bytes;
    x->r->stack->settings.fragment_bytes_low = x->r->stack->fragments.bytes;
    fragment(x, 2, 0, true, 8);
}
static void cause_frag_source_limit(struct run *x)
{
    begin(x);
    fragment(x, 1, 0, true, 8);
    x->r->stack->settings.fragment_source_bytes = x->r->stack->fragments.bytes;
    from_here(x);
    fragment(x, 2, 0, true, 8);
}
static void cause_frag_timeout(struct run *x)
{
    begin(x);
    fragment(x, 1, 8, true, 8);
    rig_pass(x->r, 60 * NS_PER_S);
}

static void cause_ip_unknown_protocol(struct run *x) { patched_ip(x, 9, 253); }
static void cause_ip_no_route(struct run *x)
{
    begin_with(x, rig_new_empty(NULL));
    x->r->us = rig_host(x->r, US, PREFIX, 0, NULL);
    assert_int_equal(send_to(x, FAR, 8), ERR_NO_ROUTE);
}
/* ---- IPv6 ---- */

static void begin6(struct run *x) { begin_with(x, rig_new6()); }
/* A UDP datagram to US6 behind one extension header of 8 bytes. */
static void extended(struct run *x, uint8_t type, const uint8_t header[8])
{
    uint8_t p[24] = {0};
    memcpy(p, header, 8);
    begin6(x);
    input(x, make_ipv6(x->f, &PEER6, &US6, type, p, sizeof p));
}
static void cause_ipv6_too_many_headers(struct run *x)
{
    uint8_t p[80] = {0};
    begin6(x);
    for (unsigned i = 0; i < 9; i++)
        memcpy(p + 8 * i, (const uint8_t[8]){i < 8 ? IP_PROTO_DESTINATION_OPTIONS : IP_PROTO_NONE, 0, 1, 4}, 8);
    input(x, make_ipv6(x->f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, 72));
}
static void cause_ipv6_too_many_options(struct run *x)
{
    uint8_t p[24] = {IP_PROTO_NONE, 2};
    begin6(x);
    for (unsigned i = 0; i < 9; i++)
        p[2 + 2 * i] = 0x1e; /* an option of no bytes that may be skipped */
    p[20] = 1;
    p[21] = 2;
    input(x, make_ipv6(x->f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, sizeof p));
}
static void cause_ipv6_bad_option(struct run *x)
{
    extended(x, IP_PROTO_DESTINATION_OPTIONS, (const uint8_t[8]){IP_PROTO_UDP, 0, 1, 200});
}
static void cause_ipv6_unknown_option(struct run *x)
{
    extended(x, IP_PROTO_DESTINATION_OPTIONS, (const uint8_t[8]){IP_PROTO_UDP, 0, 0x5e, 4});
}
static void cause_ipv6_misplaced_header(struct run *x)
{
    extended(x, IP_PROTO_DESTINATION_OPTIONS, (const uint8_t[8]){IP_PROTO_HOP_BY_HOP, 0, 1, 4});
}
static void cause_ipv6_routing_header(struct run *x)
{
    extended(x, IP_PROTO_ROUTING, (const uint8_t[8]){IP_PROTO_UDP, 0, 0, 1});
}
static void cause_ipv6_jumbo(struct run *x)
{
    extended(x, IP_PROTO_HOP_BY_HOP, (const uint8_t[8]){IP_PROTO_UDP, 0, 0xc2, 4, 0, 1, 0, 0});
}
static void cause_frag_nested(struct run *x)
{
    begin6(x);
    input(x,
          make_fragment6(x->f, &PEER6, 1, IP_PROTO_FRAGMENT, 0, true, (const uint8_t[16]){IP_PROTO_UDP, 0, 0, 1}, 16));
}
static void cause_frag_headers_missing(struct run *x)
{
    begin6(x);
    input(x, make_fragment6(x->f, &PEER6, 1, IP_PROTO_TCP, 0, true, eight, 8));
}
static void cause_frag_long_head(struct run *x)
{
    uint8_t p[256 + 16] = {IP_PROTO_FRAGMENT, 31, 0x1e, 252};
    begin6(x);
    wire_ipv6_fragment_build(p + 256, &(struct wire_ipv6_fragment){.id = 1, .offset = 8, .next_header = IP_PROTO_UDP});
    input(x, make_ipv6(x->f, &PEER6, &US6, IP_PROTO_DESTINATION_OPTIONS, p, sizeof p));
}

/* ---- Neighbour Discovery ---- */

static void cause_nd_malformed(struct run *x)
{
    begin6(x);
    input(x, make_icmp6(x->f, &PEER6, &US6, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, 0, 0, eight, 8));
}
static void cause_nd_bad_message(struct run *x)
{
    begin6(x);
    uint32_t n = make_solicitation(x->f, &US6);
    x->f[14 + 7] = 254; /* it crossed a router */
    input(x, n);
}
static void cause_nd_fragmented(struct run *x)
{
    uint8_t p[64];
    begin6(x);
    uint32_t n = make_advertisement(x->f, &PEER6, PEER_MAC, WIRE_ND_NA_OVERRIDE) - 54;
    memcpy(p, x->f + 54, n);
    n = make_fragment6(x->f, &PEER6, 1, IP_PROTO_ICMPV6, 0, false, p, n);
    x->f[14 + 7] = WIRE_ND_HOP_LIMIT;
    input(x, n);
}
static void cause_nd_not_for_us(struct run *x)
{
    const struct ip_addr same_group = v6("2001:db8:1::1");
    begin6(x);
    input(x, make_solicitation(x->f, &same_group));
}
static void cause_nd_unsolicited(struct run *x)
{
    begin6(x);
    input(x, make_advertisement(x->f, &OTHER6, OTHER_MAC, WIRE_ND_NA_OVERRIDE));
}
static void cause_nd_own_address(struct run *x)
{
    struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT,
                        .flags = WIRE_ND_NA_OVERRIDE,
                        .has = WIRE_ND_HAS_TARGET_LL,
                        .target = US6};
    memcpy(m.target_ll, PEER_MAC, 6);
    begin6(x);
    input(x, make_nd(x->f, &PEER6, &ALL_NODES, &m));
}
static void cause_nd_ignored(struct run *x)
{
    const struct wire_nd m = {.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT};
    begin6(x);
    input(x, make_nd(x->f, &GATEWAY6, &ALL_NODES, &m));
}

/* ---- autoconfiguration ---- */

/* A station that listens to routers, or (dad) asks for its own address first. */
static const struct ip_addr station = {{0xfe, 0x80, [15] = 1}};
static void begin_auto(struct run *x, uint32_t addresses, uint8_t dad)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_addresses = addresses;
    struct host_settings h = {.address = station, .prefix_length = 64, .autoconf = true, .dad_transmits = dad};
    begin_with(x, rig_new_empty(&t));
    x->r->us = (uint32_t)stack_add_host(x->r->stack, &h);
    from_here(x);
}
/* An advertisement without anything in it. */
static struct wire_nd plain_ra(void) { return (struct wire_nd){.type = WIRE_ICMPV6_ROUTER_ADVERTISEMENT}; }
static void hear(struct run *x, const struct wire_nd *m) { input(x, make_nd(x->f, &GATEWAY6, &ALL_NODES, m)); }
static void add_prefix(struct wire_nd *m, uint64_t n, uint8_t flags)
{
    m->prefix[m->prefix_count] =
        (struct wire_nd_prefix){.prefix = US6, .length = 64, .flags = flags, .valid_s = 9, .preferred_s = 9};
    store_be64(m->prefix[m->prefix_count++].prefix.bytes, n << 32 | UINT64_C(0x2001) << 48);
}
static uint32_t ask_for_station(struct run *x)
{
    const struct ip_addr group = ip_addr_solicited_node(&station);
    const struct wire_nd m = {.type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION, .target = station};
    return make_nd(x->f, &NONE6, &group, &m);
}
static void cause_nd_tentative(struct run *x)
{
    begin_auto(x, 4, 1);
    input(x, make_icmp6(x->f, &PEER6, &station, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, NULL, 0));
}
static void cause_tx_tentative(struct run *x)
{
    begin_auto(x, 4, 1);
    stack_announce(x->r->stack, x->r->us, x->r->now);
}
static void cause_dad_duplicate(struct run *x)
{
    begin_auto(x, 4, 1);
    input(x, ask_for_station(x));
}
static void cause_dad_looped(struct run *x)
{
    begin_auto(x, 4, 1);
    rig_pass(x->r, NS_PER_S + NS_PER_MS * 10);
    const struct rig_frame *f = rig_next(x->r);
    assert_non_null(f);
    memcpy(x->f, f->bytes, f->length);
    input(x, f->length);
}
static void cause_slaac_no_room(struct run *x)
{
    struct wire_nd m = plain_ra();
    add_prefix(&m, 1, WIRE_ND_PREFIX_AUTONOMOUS);
    begin_auto(x, 1, 0);
    hear(x, &m);
    rig_pass(x->r, 0);
}
static void cause_ra_bad_option(struct run *x)
{
    struct wire_nd m = plain_ra();
    m.dns_count = 1;
    begin_auto(x, 4, 0);
    uint32_t n = make_nd(x->f, &GATEWAY6, &ALL_NODES, &m);
    uint8_t *message = x->f + 54;
    message[16 + 1] = 2; /* CVE-2020-16898: an even length leaves half an address */
    n -= 8;
    store_be16(x->f + 14 + 4, (uint16_t)(n - 54));
    wire_icmpv6_checksum_set(&GATEWAY6, &ALL_NODES, message, n - 54);
    input(x, n);
}
static void cause_ra_bad_value(struct run *x)
{
    struct wire_nd m = plain_ra();
    m.hop_limit = 1;
    begin_auto(x, 4, 0);
    hear(x, &m);
}
static void cause_ra_bad_prefix(struct run *x)
{
    struct wire_nd m = plain_ra();
    add_prefix(&m, 1, WIRE_ND_PREFIX_AUTONOMOUS);
    m.prefix[0].length = 65;
    begin_auto(x, 4, 0);
    hear(x, &m);
}
static void cause_ra_list_full(struct run *x)
{
    begin_auto(x, 4, 0);
    for (unsigned i = 0; i < 17;) {
        struct wire_nd m = plain_ra();
        for (; i < 17 && m.prefix_count < WIRE_ND_MAX_PREFIXES; i++)
            add_prefix(&m, i, WIRE_ND_PREFIX_ON_LINK);
        hear(x, &m);
    }
}

/* Of the router of US6, to FAR6. */
static void redirected_to(struct run *x, const struct ip_addr *from, const struct ip_addr *target)
{
    const struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6, .redirects = true};
    const struct wire_nd m = {.type = WIRE_ICMPV6_REDIRECT, .target = *target, .destination = FAR6};
    begin_with(x, rig_new_empty(NULL));
    assert_true(stack_add_host(x->r->stack, &h) > 0);
    from_here(x);
    input(x, make_nd(x->f, from, &US6, &m));
}
static void cause_redirect_bad_target(struct run *x) { redirected_to(x, &GATEWAY6, &PEER6); }
static void cause_redirect_not_first_hop(struct run *x) { redirected_to(x, &station, &FAR6); }

/* ---- ICMP ---- */

static void icmp_message(struct run *x, const uint8_t *message, uint32_t length)
{
    input(x, make_ipv4(x->f, PEER, US, IP_PROTO_ICMP, message, length));
}
static void icmp_of_type(struct run *x, uint8_t type)
{
    uint8_t m[16] = {type};
    wire_icmp_checksum_set(m, sizeof m);
    begin(x);
    icmp_message(x, m, sizeof m);
}
static void cause_icmp_short(struct run *x)
{
    begin(x);
    icmp_message(x, eight, 7);
}
static void cause_icmp_bad_checksum(struct run *x)
{
    begin(x);
    uint32_t n = echo(x);
    x->f[n - 1] ^= 1;
    input(x, n);
}
static void cause_icmp_broadcast_echo(struct run *x)
{
    begin(x);
    uint32_t n = make_echo_request(x->f, PEER, 0xc00002ff, 1, 1, eight, 8);
    memcpy(x->f, BROADCAST_MAC, 6);
    input(x, n);
}
static void cause_icmp_echo_ignored(struct run *x)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.answer_echo = false;
    begin_with(x, rig_new_with(&t));
    uint32_t n = echo(x);
    input(x, n);
}
static void cause_icmp_unknown_type(struct run *x) { icmp_of_type(x, 42); }
static void cause_icmp_source_quench(struct run *x) { icmp_of_type(x, WIRE_ICMP_SOURCE_QUENCH); }
static void cause_icmp_quote_short(struct run *x) { icmp_of_type(x, WIRE_ICMP_UNREACHABLE); }
static void cause_icmp_bad_mtu(struct run *x)
{
    begin(x);
    uint8_t sent[128];
    make_udp(sent, US, 7, FAR, 7, eight, 8);
    input(x, make_icmp_error(x->f, 3, 4, 1400, sent + 14, 36)); /* may be fragmented: nobody complains of that */
}
static void cause_icmp_unmatched(struct run *x)
{
    begin(x);
    uint8_t sent[64];
    make_udp(sent, US, 9, PEER, 9, eight, 8);
    input(x, make_icmp_error(x->f, WIRE_ICMP_UNREACHABLE, 3, 0, sent + 14, 28));
}
static void cause_icmp_rate_limited(struct run *x)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.icmp_errors_burst = 0;
    begin_with(x, rig_new_with(&t));
    uint32_t n = make_udp(x->f, PEER, 9, US, 9, eight, 8);
    input(x, n);
}

/* ---- UDP, TCP ---- */

static void cause_udp_bad_length(struct run *x)
{
    begin(x);
    uint32_t n = make_udp(x->f, PEER, 9, US, 9, eight, 8);
    store_be16(x->f + 38, 7);
    input(x, n);
}
static void cause_udp_bad_checksum(struct run *x)
{
    begin(x);
    uint32_t n = make_udp(x->f, PEER, 9, US, 9, eight, 8);
    x->f[n - 1] ^= 1;
    input(x, n);
}
static void cause_udp_port_zero(struct run *x)
{
    begin(x);
    input(x, make_udp(x->f, PEER, 9, US, 0, eight, 8));
}
static void cause_udp_no_port(struct run *x)
{
    begin(x);
    input(x, make_udp(x->f, PEER, 9, US, 9, eight, 8));
}
static void cause_udp_too_long(struct run *x)
{
    begin(x);
    assert_int_equal(send_to(x, PEER, 65508), ERR_NO_SPACE);
}
static void cause_tcp_short(struct run *x)
{
    begin(x);
    make_tcp(x->f, PEER, 1, US, 2, TCP_SYN, 1, 0, NULL, 0);
    store_be16(x->f + 16, 39);
    fix_ip_checksum(x->f);
    input(x, 53);
}
static void cause_tcp_bad_checksum(struct run *x)
{
    begin(x);
    uint32_t n = make_tcp(x->f, PEER, 1, US, 2, TCP_SYN, 1, 0, NULL, 0);
    x->f[14 + 20 + 16] ^= 1;
    input(x, n);
}

/* ---- sending ---- */

static void cause_resolve_queue_full(struct run *x)
{
    begin(x);
    for (int i = 0; i < 4; i++)
        assert_int_equal(send_to(x, PEER, 8), 0);
}
static void cause_resolve_failed(struct run *x)
{
    begin(x);
    assert_int_equal(send_to(x, PEER, 8), 0);
    for (int i = 0; i < 3; i++)
        rig_pass(x->r, 1010 * NS_PER_MS);
}
static void cause_tx_no_room(struct run *x)
{
    begin(x);
    rig_resolve(x->r, x->r->us, PEER, PEER_MAC);
    from_here(x);
    x->r->room = 0;
    assert_int_equal(send_to(x, PEER, 8), ERR_AGAIN);
}

/* ---- forwarding: US on a router of this one subnet ---- */

static void begin_router(struct run *x, bool fill_options)
{
    struct forward_settings t;
    forward_settings_default(&t);
    t.fill_options = fill_options;
    begin_with(x, rig_new());
    assert_int_equal(forward_start(x->r->stack, 0, &t), 0);
}
/* To OTHER, whose neighbour is not known. */
static uint32_t passing(struct run *x) { return make_udp(x->f, PEER, 7, OTHER, 7, eight, 8); }
static void passing_with(struct run *x, unsigned byte, uint8_t value)
{
    begin_router(x, true);
    uint32_t n = passing(x);
    x->f[14 + byte] = value;
    fix_ip_checksum(x->f);
    input(x, n);
}
static void cause_forward_no_route(struct run *x)
{
    begin_router(x, true);
    input(x, make_udp(x->f, PEER, 7, FAR, 7, eight, 8));
}
static void cause_forward_ttl_exceeded(struct run *x) { passing_with(x, 8, 1); }
static void cause_forward_too_big(struct run *x)
{
    static const uint8_t zeros[300];
    begin_router(x, true);
    assert_int_equal(stack_set_mtu(x->r->stack, 0, 200, x->r->now), 0);
    uint32_t n = make_udp(x->f, PEER, 7, OTHER, 7, zeros, sizeof zeros);
    x->f[20] = 0x40;
    fix_ip_checksum(x->f);
    input(x, n);
}
static void cause_forward_scope(struct run *x)
{
    begin_router(x, true);
    input(x, make_udp(x->f, 0xa9fe0001u, 7, OTHER, 7, eight, 8));
}
static void cause_forward_broadcast(struct run *x)
{
    begin_router(x, true);
    input(x, make_udp(x->f, PEER, 7, 0xc0000200u, 7, eight, 8));
}
static void cause_forward_options(struct run *x)
{
    begin_router(x, false);
    make_ipv4(x->f, PEER, OTHER, IP_PROTO_UDP, (const uint8_t[16]){WIRE_IPV4_OPT_RECORD_ROUTE, 7, 4}, 16);
    x->f[14] = 0x47;
    store_be16(x->f + 24, 0);
    uint16_t sum = checksum_finish(checksum_add(0, x->f + 14, 28));
    memcpy(x->f + 24, &sum, sizeof sum);
    input(x, 50);
}

/* ---- filters: one that drops all in one direction ---- */

static struct ip_filter *filter;
static struct ip_filter_rules *filter_rules;

static void begin_filtered(struct run *x, enum ip_filter_direction dropped)
{
    struct ip_filter_settings t;
    struct ip_filter_policy policy = {.track = false};
    policy.verdicts[dropped] = IP_FILTER_DROP;
    ip_filter_settings_default(&t);
    t.connections = 16;
    begin_router(x, true);
    assert_int_equal(ip_filter_new(&t, alloc_heap(), &filter), 0);
    assert_int_equal(ip_filter_rules_new(NULL, 0, &policy, alloc_heap(), &filter_rules, NULL), 0);
    (void)ip_filter_swap(filter, filter_rules);
    assert_int_equal(stack_set_filter(x->r->stack, 0, filter), 0);
}
static void end_filtered(struct run *x)
{
    assert_int_equal(stack_set_filter(x->r->stack, 0, NULL), 0);
    ip_filter_delete(filter);
    ip_filter_rules_delete(filter_rules);
}
static void cause_filter_input(struct run *x)
{
    begin_filtered(x, IP_FILTER_IN);
    input(x, echo(x));
    end_filtered(x);
}
static void cause_filter_output(struct run *x)
{
    begin_filtered(x, IP_FILTER_OUT);
    input(x, echo(x));
    expect_nothing(x->r);
    end_filtered(x);
}
static void cause_filter_forward(struct run *x)
{
    begin_filtered(x, IP_FILTER_FORWARD);
    input(x, passing(x));
    expect_nothing(x->r);
    end_filtered(x);
}

/* ---- the table ---- */

/* ---- groups ---- */

static void igmp_frame(struct run *x, const uint8_t *bytes, uint32_t length, uint8_t ttl)
{
    uint8_t message[64];
    const struct group_envelope e = {
        .source = v4(GATEWAY), .destination = v4(0xe0000001), .ttl = ttl, .router_alert = true};
    memcpy(message, bytes, length);
    input(x, make_group_bytes(x->f, &e, message, length));
}
static void cause_igmp_malformed(struct run *x)
{
    begin(x);
    igmp_frame(x, (const uint8_t[10]){0x11}, 10, 1);
}
static void cause_igmp_bad_checksum(struct run *x)
{
    const struct wire_group_message m = {.kind = WIRE_GROUP_QUERY, .version = 3, .group = v4(0)};
    const struct group_envelope e = group_envelope_for(false, &m);
    begin(x);
    uint32_t n = make_group(x->f, &e, &m);
    x->f[n - 1] ^= 1;
    input(x, n);
}
static void cause_igmp_bad_message(struct run *x)
{
    begin(x);
    igmp_frame(x, (const uint8_t[8]){0x11, 100}, 8, 2);
}
static void cause_group_ignored(struct run *x)
{
    begin(x);
    igmp_frame(x, (const uint8_t[8]){0x22}, 8, 1);
}
static void mld_frame(struct run *x, uint32_t length, const struct ip_addr *source)
{
    uint8_t message[64] = {WIRE_ICMPV6_MLD_QUERY};
    const struct group_envelope e = {.source = *source, .destination = ALL_NODES, .ttl = 1, .router_alert = true};
    begin_with(x, rig_new6());
    input(x, make_group_bytes(x->f, &e, message, length));
}
static void cause_mld_malformed(struct run *x) { mld_frame(x, 26, &GATEWAY6); }
static void cause_mld_bad_message(struct run *x) { mld_frame(x, 28, &PEER6); }
static void cause_group_filtered(struct run *x)
{
    const struct ip_addr group = v4(0xef010203), source = v4(PEER);
    const struct ip_source_filter f = {.exclude = true, .n = 1, .sources = &source};
    begin(x);
    assert_int_equal(stack_listen(x->r->stack, x->r->us, &group, NULL, &f, x->r->now), 0);
    uint32_t n = make_udp(x->f, PEER, 1, 0xef010203, 9, eight, 8);
    wire_eth_addr_from_ipv4_multicast(x->f, 0xef010203);
    input(x, n);
}
static void cause_group_table_full(struct run *x)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.group_reports = GROUP_REPORTS_ALL;
    t.max_addresses = 2;
    t.max_groups = 1;
    begin_with(x, rig_new_empty(&t));
    x->r->us = rig_host6(x->r);
    for (uint32_t i = 0; i < 2; i++) {
        const struct ip_addr group = ip_addr_add(&(struct ip_addr){{0xff, 5}}, i);
        assert_int_equal(stack_join(x->r->stack, x->r->us, &group, x->r->now), 0);
    }
    struct host_settings h = {.address = OTHER6, .prefix_length = PREFIX6};
    assert_true(stack_add_host(x->r->stack, &h) > 0);
}

static const struct {
    const char *name;
    size_t offset;
    void (*cause)(struct run *x);
} drops[] = {
#define DROP_CASE(name) {#name, offsetof(struct stack_counters, name), cause_##name},
    STACK_DROP_LIST(DROP_CASE)
#undef DROP_CASE
};

static uint64_t rise(const struct run *x, size_t offset)
{
    uint64_t before, after;
    memcpy(&before, (const uint8_t *)&x->before + offset, sizeof before);
    memcpy(&after, (const uint8_t *)rig_counters(x->r) + offset, sizeof after);
    return after - before;
}

/* What goes with it: an error that may not be sent was about a drop of its own. */
static bool companion(const char *cause, const char *name)
{
    return strcmp(cause, "icmp_rate_limited") == 0 && strcmp(name, "udp_no_port") == 0;
}

static void test_each_cause_counts_once_and_only_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
        struct run x = {0};
        drops[i].cause(&x);
        for (size_t j = 0; j < ARRAY_SIZE(drops); j++) {
            uint64_t expected = i == j || companion(drops[i].name, drops[j].name);
            if (rise(&x, drops[j].offset) != expected)
                fail_msg("cause %s: %s rose by %llu", drops[i].name, drops[j].name,
                         (unsigned long long)rise(&x, drops[j].offset));
        }
        rig_free(x.r);
    }
    print_message("%zu causes\n", ARRAY_SIZE(drops));
}

static void test_good_frames_drop_nothing(void **state)
{
    (void)state;
    struct run x = {0};
    begin(&x);
    uint32_t n = echo(&x);
    input(&x, n);
    input(&x, make_arp_request(x.f, US));
    for (size_t j = 0; j < ARRAY_SIZE(drops); j++)
        assert_int_equal(rise(&x, drops[j].offset), 0);
    assert_int_equal(rig_counters(x.r)->frames_received, 2);
    assert_int_equal(rig_counters(x.r)->frames_sent, 2);
    assert_int_equal(rig_counters(x.r)->ipv4_received, 1);
    assert_int_equal(rig_counters(x.r)->ipv4_sent, 1);
    rig_free(x.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_cause_counts_once_and_only_there),
        cmocka_unit_test(test_good_frames_drop_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
