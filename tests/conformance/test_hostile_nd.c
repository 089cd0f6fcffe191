/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows ND-01 to ND-05 and ND-07 to ND-09: what stations and routers of the link say, and what must not be believed. RFC 4861, 4862, 6980, 7527,
 * 8106; RFC 3756 names the attacks. US6 is a configured address beside US; a station that listens to routers is added where a row is about them.
 */
#include "support/hostile.h"

#include "stack/stack_internal.h"
#include "support/frame_make6.h"

#define HOUR 3600u
#define NS WIRE_ICMPV6_NEIGHBOR_SOLICITATION
#define NA WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT
#define RS WIRE_ICMPV6_ROUTER_SOLICITATION
#define RA WIRE_ICMPV6_ROUTER_ADVERTISEMENT
#define MESSAGE 54u /* where an ICMPv6 message begins in a frame */

static const struct ip_addr station = {{0xfe, 0x80, [8] = 7, [15] = 1}};
static const struct ip_addr prefix = {{0x20, 1, 0x0d, 0xb8, 0, 7}};

static uint8_t f[FRAME_MAKE_BYTES];

struct bed {
    struct hostile *h;
    uint32_t us6, station; /* local addresses; station 0: nobody listens */
};

static uint32_t add_host(struct bed *b, const struct ip_addr *address, bool autoconf, uint8_t dad)
{
    struct host_settings t = {
        .address = *address, .prefix_length = PREFIX6, .autoconf = autoconf, .dad_transmits = dad};
    memcpy(t.mac, US_MAC, 6);
    int local = stack_add_host(b->h->stack, &t);
    assert_true(local > 0);
    return (uint32_t)local;
}

static struct bed begin(bool listens)
{
    struct bed b = {.h = hostile_new(NULL)};
    b.us6 = add_host(&b, &US6, false, 0);
    if (listens)
        b.station = add_host(&b, &station, true, 0);
    for (unsigned i = 0; i < 10; i++) /* routers are asked in vain */
        hostile_pass(b.h, 2 * NS_PER_S);
    hostile_case(b.h);
    b.h->cases = 0;
    return b;
}

static void pass(struct bed *b, int64_t ns)
{
    for (; ns > 0; ns -= NS_PER_S / 4)
        hostile_pass(b->h, NS_PER_S / 4);
}

static uint32_t entries(const struct bed *b) { return b->h->stack->neighbours.pool.used; }

static const struct ra_view *view(const struct bed *b) { return host_at(&b->h->stack->hosts, b->station)->ra; }

static struct wire_nd advertisement(void) { return (struct wire_nd){.type = RA, .router_lifetime_s = 1800}; }

static void add_prefix(struct wire_nd *m, uint64_t n, uint8_t flags, uint32_t valid_s, uint32_t preferred_s)
{
    struct wire_nd_prefix *p = &m->prefix[m->prefix_count++];
    *p = (struct wire_nd_prefix){
        .prefix = prefix, .length = 64, .flags = flags, .valid_s = valid_s, .preferred_s = preferred_s};
    store_be16(p->prefix.bytes + 6, (uint16_t)n);
}

static void hear(struct bed *b, const struct wire_nd *m)
{
    hostile_inject(b->h, f, make_nd(f, &GATEWAY6, &ALL_NODES, m));
}

/* A message of each type that would be believed as it is. */
static uint32_t good(uint8_t type)
{
    struct wire_nd m = {.type = type, .router_lifetime_s = 1800, .target = US6, .destination = FAR6};
    const struct ip_addr group = ip_addr_solicited_node(&US6), routers = v6("ff02::2");
    if (type == NS)
        return make_nd(f, &PEER6, &group, &m);
    if (type == NA)
        m.target = PEER6;
    if (type == WIRE_ICMPV6_REDIRECT)
        m.target = PEER6;
    return make_nd(f, type == RA || type == WIRE_ICMPV6_REDIRECT ? &GATEWAY6 : &PEER6, type == RS ? &routers : &US6,
                   &m);
}

/* ---- ND-01 ---- */

static void nd_01_a_message_from_behind_a_router_is_discarded(void **state)
{
    (void)state;
    struct bed b = begin(true);
    uint32_t known = entries(&b);
    for (unsigned hops = 0; hops < WIRE_ND_HOP_LIMIT; hops++) {
        for (uint8_t type = RA; type <= WIRE_ICMPV6_REDIRECT;
             type++) { /* solicitations of routers: none of us hears them */
            uint32_t n = good(type);
            f[14 + 7] = (uint8_t)hops;
            hostile_case(b.h);
            hostile_inject(b.h, f, n);
            HOSTILE_DROPS(b.h, nd_bad_message, 1);
            hostile_expect_silence(b.h);
        }
    }
    assert_int_equal(entries(&b), known);
    assert_int_equal(view(&b)->n_routers, 0);
    hostile_end(b.h, "ND-01");
}

/* ---- ND-02 ---- */

/* A good message and behind it an option of that length field, of which `present` bytes are there. */
static void expect_malformed(struct bed *b, uint8_t type, uint8_t option, uint8_t length, uint32_t present)
{
    uint32_t n = good(type);
    const struct ip_addr src = ip_addr_from_v6(f + 14 + 8), dst = ip_addr_from_v6(f + 14 + 24);
    memset(f + n, 0, present);
    f[n] = option;
    if (present > 1)
        f[n + 1] = length;
    store_be16(f + 14 + 4, (uint16_t)(n - MESSAGE + present));
    wire_icmpv6_checksum_set(&src, &dst, f + MESSAGE, n - MESSAGE + present);
    hostile_case(b->h);
    hostile_inject(b->h, f, n + present);
    HOSTILE_DROPS(b->h, nd_malformed, 1);
    hostile_expect_silence(b->h);
}

static void nd_02_options_without_length_or_past_the_end_discard_the_message(void **state)
{
    (void)state;
    static const uint8_t types[] = {NS, NA, RA, WIRE_ICMPV6_REDIRECT};
    struct bed b = begin(true);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        for (unsigned option = 0; option < 256; option++) {
            expect_malformed(&b, types[i], (uint8_t)option, 0, 8);
            expect_malformed(&b, types[i], (uint8_t)option, 2, 8);
            expect_malformed(&b, types[i], (uint8_t)option, 255, 16);
        }
        for (uint32_t present = 1; present < 8; present++)
            expect_malformed(&b, types[i], WIRE_ND_OPT_SOURCE_LL, 1, present);
    }
    assert_int_equal(view(&b)->n_routers, 0);
    hostile_end(b.h, "ND-02");
}

/* ---- ND-03 ---- */

static void nd_03_messages_in_fragments_are_ignored(void **state) /* RFC 6980 */
{
    (void)state;
    struct bed b = begin(true);
    for (uint8_t type = RA; type <= WIRE_ICMPV6_REDIRECT; type++) {
        uint8_t message[512];
        uint32_t n = good(type) - MESSAGE;
        const struct ip_addr src = ip_addr_from_v6(f + 14 + 8);
        memcpy(message, f + MESSAGE, n);
        wire_icmpv6_checksum_set(&src, &US6, message, n);
        n = make_fragment6(f, &src, type, IP_PROTO_ICMPV6, 0, false, message, n); /* an atomic one: RFC 6946 */
        f[14 + 7] = WIRE_ND_HOP_LIMIT;
        hostile_case(b.h);
        hostile_inject(b.h, f, n);
        HOSTILE_DROPS(b.h, nd_fragmented, 1);
        hostile_expect_silence(b.h);
        uint32_t rest = make_fragment6(f, &src, 100u + type, IP_PROTO_ICMPV6, 8, false, message + 8, n - MESSAGE - 16);
        f[14 + 7] = WIRE_ND_HOP_LIMIT;
        hostile_case(b.h);
        hostile_inject(b.h, f, rest);
        rest = make_fragment6(f, &src, 100u + type, IP_PROTO_ICMPV6, 0, true, message, 8);
        f[14 + 7] = WIRE_ND_HOP_LIMIT;
        hostile_inject(b.h, f, rest);
        HOSTILE_DROPS(b.h, nd_fragmented, 1);
        hostile_expect_silence(b.h);
    }
    assert_int_equal(view(&b)->n_routers, 0);
    hostile_end(b.h, "ND-03");
}

/* ---- ND-04 ---- */

static void nd_04_a_router_speaks_from_its_link_local_address(void **state)
{
    (void)state;
    struct bed b = begin(true);
    const struct ip_addr sources[] = {PEER6, v6("fec0::1"), v6("fc00::1"), v6("::2"), v6("fe00::1")};
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
        struct wire_nd m = advertisement();
        add_prefix(&m, i, WIRE_ND_PREFIX_AUTONOMOUS | WIRE_ND_PREFIX_ON_LINK, HOUR, HOUR);
        hostile_case(b.h);
        hostile_inject(b.h, f, make_nd(f, &sources[i], &ALL_NODES, &m));
        HOSTILE_DROPS(b.h, nd_bad_message, 1);
    }
    assert_int_equal(view(&b)->n_routers, 0);
    hostile_end(b.h, "ND-04 source");
}

static unsigned prefixes(const struct bed *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < RA_MAX_PREFIXES; i++)
        n += view(b)->prefixes[i].on_link;
    return n;
}

static void nd_04_a_thousand_prefixes_and_routers_fill_lists_of_16_and_8(void **state)
{
    (void)state;
    struct bed b = begin(true);
    for (unsigned n = 0; n < 1000;) {
        struct wire_nd m = advertisement();
        struct ip_addr router = GATEWAY6;
        unsigned first = n;
        m.router_lifetime_s = 0;
        while (m.prefix_count < WIRE_ND_MAX_PREFIXES)
            add_prefix(&m, n++, WIRE_ND_PREFIX_ON_LINK, WIRE_ND_INFINITE, HOUR);
        hostile_case(b.h);
        hear(&b, &m);
        HOSTILE_DROPS(b.h, ra_list_full, first < RA_MAX_PREFIXES ? 0 : WIRE_ND_MAX_PREFIXES);
        m = advertisement();
        store_be16(router.bytes + 8, (uint16_t)n);
        hostile_case(b.h);
        hostile_inject(b.h, f, make_nd(f, &router, &ALL_NODES, &m));
        HOSTILE_DROPS(b.h, ra_list_full, n <= RA_MAX_ROUTERS * WIRE_ND_MAX_PREFIXES ? 0 : 1);
    }
    assert_int_equal(prefixes(&b), RA_MAX_PREFIXES);
    assert_int_equal(view(&b)->n_routers, RA_MAX_ROUTERS);
    hostile_end(b.h, "ND-04 lists");
}

static void nd_04_prefixes_of_all_lengths_and_lifetimes(void **state)
{
    (void)state;
    static const uint32_t lifetimes[] = {0, 1, 7200, INT32_MAX, WIRE_ND_INFINITE - 1, WIRE_ND_INFINITE};
    struct bed b = begin(true);
    for (unsigned length = 0; length < 256; length++) {
        for (unsigned i = 0; i < ARRAY_SIZE(lifetimes); i++) {
            struct wire_nd m = advertisement();
            add_prefix(&m, 1, WIRE_ND_PREFIX_AUTONOMOUS, lifetimes[i], lifetimes[i]);
            uint32_t n = make_nd(f, &GATEWAY6, &ALL_NODES, &m);
            f[MESSAGE + 16 + 2] = (uint8_t)length;
            wire_icmpv6_checksum_set(&GATEWAY6, &ALL_NODES, f + MESSAGE, n - MESSAGE);
            hostile_case(b.h);
            hostile_inject(b.h, f, n);
            if (length > 128)
                HOSTILE_DROPS(b.h, ra_bad_option, 1);
            else
                HOSTILE_DROPS(b.h, ra_bad_prefix, length != 64);
        }
    }
    assert_int_equal(HOSTILE_COUNT(b.h, slaac_addresses), 0);
    pass(&b, 5 * NS_PER_S);
    assert_int_equal(stack_counters(b.h->stack)->slaac_addresses, 1);
    hostile_pass(b.h, INT64_C(90) * 365 * 86400 * NS_PER_S); /* no lifetime overflowed */
    assert_true(view(&b)->prefixes[0].autonomous);
    hostile_end(b.h, "ND-04 lengths");
}

static void nd_04_name_servers_beyond_the_list_and_in_odd_options(void **state) /* CVE-2020-16898 */
{
    (void)state;
    struct bed b = begin(true);
    for (unsigned units = 1; units < 36;
         units++) { /* one option of that length, 3 being one server, 17 eight, 35 seventeen */
        struct wire_nd m = advertisement();
        uint32_t n = make_nd(f, &GATEWAY6, &ALL_NODES, &m);
        memset(f + n, 0x20, units * 8);
        f[n] = WIRE_ND_OPT_RDNSS;
        f[n + 1] = (uint8_t)units;
        for (unsigned i = 0; i < units / 2; i++)
            f[n + 8 + 16 * i + 15] = (uint8_t)i;
        n += units * 8;
        store_be16(f + 14 + 4, (uint16_t)(n - MESSAGE));
        wire_icmpv6_checksum_set(&GATEWAY6, &ALL_NODES, f + MESSAGE, n - MESSAGE);
        hostile_case(b.h);
        hostile_inject(b.h, f, n);
        HOSTILE_DROPS(b.h, ra_bad_option, units % 2 == 0 || units == 1 || units > 17);
        assert_int_equal(HOSTILE_COUNT(b.h, ra_received), 1); /* the option is ignored, not the message */
    }
    assert_int_equal(view(&b)->n_dns, RA_MAX_DNS);
    hostile_end(b.h, "ND-04 RDNSS");
}

/* ---- ND-05 ---- */

static struct neighbour *peer(struct bed *b)
{
    uint32_t index = neighbour_find(b->h->stack, host_at(&b->h->stack->hosts, b->us6)->domain, &PEER6);
    return index ? neighbour_at(&b->h->stack->neighbours, index) : NULL;
}

static void resolve_peer(struct bed *b)
{
    struct udp_datagram d = {.local = b->us6, .remote = PEER6, .local_port = 9, .remote_port = 9};
    assert_int_equal(udp_send(b->h->stack, &d, b->h->now), 0);
    hostile_pass(b->h, 0);
    hostile_inject(b->h, f, make_advertisement(f, &PEER6, PEER_MAC, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE));
    assert_int_equal(peer(b)->state, NEIGHBOUR_REACHABLE);
}

static void nd_05_a_solicited_advertisement_to_a_group_and_one_that_may_not_override(void **state)
{
    (void)state;
    struct bed b = begin(false);
    for (unsigned flags = 0; flags < 256; flags++) {
        struct wire_nd m = {.type = NA, .flags = (uint8_t)flags, .has = WIRE_ND_HAS_TARGET_LL, .target = PEER6};
        memcpy(m.target_ll, OTHER_MAC, 6);
        resolve_peer(&b);
        hostile_case(b.h);
        hostile_inject(b.h, f, make_nd(f, &PEER6, &ALL_NODES, &m));
        bool solicited = flags & WIRE_ND_NA_SOLICITED, override = flags & WIRE_ND_NA_OVERRIDE;
        if (solicited) {
            HOSTILE_DROPS(b.h, nd_bad_message, 1);
            assert_int_equal(peer(&b)->state, NEIGHBOUR_REACHABLE);
        } else {
            HOSTILE_DROPS(b.h, nd_unsolicited, !override);
            assert_int_equal(peer(&b)->state, NEIGHBOUR_STALE);
        }
        assert_memory_equal(peer(&b)->mac, !solicited && override ? OTHER_MAC : PEER_MAC, 6);
        assert_int_equal(stack_remove_neighbour(b.h->stack, b.us6, &PEER6, b.h->now), 0);
        hostile_pass(b.h, 2 * NS_PER_S);
    }
    hostile_end(b.h, "ND-05");
}

/* ---- ND-07 ---- */

static void claim(struct bed *b, const struct ip_addr *address, bool by_asking)
{
    const struct ip_addr group = ip_addr_solicited_node(address);
    struct wire_nd m = {.type = by_asking ? NS : NA, .target = *address};
    hostile_inject(b->h, f, make_nd(f, by_asking ? &NONE6 : address, by_asking ? &group : &ALL_NODES, &m));
}

static void nd_07_an_address_that_others_claim_is_not_used(void **state)
{
    (void)state;
    struct bed b = begin(false);
    for (unsigned by_asking = 0; by_asking < 2; by_asking++) {
        const struct ip_addr mine = ip_addr_add(&US6, 100 + by_asking);
        uint32_t local = add_host(&b, &mine, false, 3);
        hostile_case(b.h);
        claim(&b, &mine, by_asking);
        HOSTILE_DROPS(b.h, dad_duplicate, 1);
        pass(&b, 10 * NS_PER_S);
        hostile_expect_silence(b.h);
        hostile_case(b.h);
        hostile_inject(b.h, f, make_solicitation(f, &mine));
        HOSTILE_DROPS(b.h, nd_tentative, 1);
        hostile_expect_silence(b.h);
        assert_int_equal(host_at(&b.h->stack->hosts, local)->state, HOST_DUPLICATE);
        assert_int_equal(stack_remove_host(b.h->stack, local, b.h->now), 0);
    }
    hostile_end(b.h, "ND-07 claimed");
}

/* The target of the next solicitation that was sent; false: there is none. */
static bool next_tentative(struct bed *b, struct ip_addr *out)
{
    const struct hostile_frame *sent;
    while ((sent = hostile_next(b->h)) != NULL) {
        if (load_be16(sent->bytes + 12) != ETHERTYPE_IPV6 || sent->bytes[MESSAGE] != NS)
            continue;
        *out = ip_addr_from_v6(sent->bytes + MESSAGE + 8);
        return true;
    }
    return false;
}

static void nd_07_endless_collisions_end_after_four_addresses(void **state)
{
    (void)state;
    struct bed b = begin(true);
    struct wire_nd m = advertisement();
    struct ip_addr tried;
    add_prefix(&m, 1, WIRE_ND_PREFIX_AUTONOMOUS, HOUR * 24, HOUR * 24);
    unsigned claimed = 0;
    hear(&b, &m);
    for (unsigned i = 0; i < 200; i++) {
        hostile_case(b.h);
        hostile_pass(b.h, NS_PER_S / 4);
        if (!next_tentative(&b, &tried))
            continue;
        claim(&b, &tried, claimed++ % 2);
        HOSTILE_DROPS(b.h, dad_duplicate, 1);
    }
    assert_int_equal(claimed, 1 + AUTOCONF_TRIES);
    hostile_case(b.h);
    hear(&b, &m); /* the router goes on advertising it */
    pass(&b, 10 * NS_PER_S);
    assert_false(next_tentative(&b, &tried));
    HOSTILE_NO_DROPS(b.h);
    hostile_end(b.h, "ND-07 collisions");
}

static void nd_07_an_own_solicitation_that_comes_back_is_no_duplicate(void **state)
{
    (void)state;
    struct bed b = begin(false);
    const struct ip_addr mine = ip_addr_add(&US6, 100);
    uint32_t local = add_host(&b, &mine, false, 1);
    unsigned looped = 0;
    for (unsigned i = 0; i < 100; i++) {
        hostile_case(b.h);
        hostile_pass(b.h, NS_PER_S / 4);
        const struct hostile_frame *sent = hostile_next(b.h);
        if (!sent || i >= 50)
            continue;
        memcpy(f, sent->bytes, sent->length);
        hostile_inject(b.h, f, sent->length);
        HOSTILE_DROPS(b.h, dad_looped, 1);
        looped++;
    }
    assert_true(looped > 4);
    assert_int_equal(host_at(&b.h->stack->hosts, local)->state, HOST_USABLE);
    hostile_end(b.h, "ND-07 loop");
}

/* ---- ND-08 ---- */

/* Where a datagram of US6 to FAR6 goes. */
static struct ip_addr hop_of(struct bed *b, uint32_t local)
{
    uint32_t neighbour;
    struct stack *s = b->h->stack;
    assert_int_equal(ip_next_hop(s, host_at(&s->hosts, local), &FAR6, NEIGHBOUR_PATH, &neighbour), 0);
    return neighbour_at(&s->neighbours, neighbour)->address;
}

static void expect_hop(struct bed *b, uint32_t local, const struct ip_addr *expected)
{
    const struct ip_addr hop = hop_of(b, local);
    assert_memory_equal(&hop, expected, 16);
}

static uint32_t make_redirect(const struct ip_addr *from, const struct ip_addr *to, const struct ip_addr *target)
{
    const struct wire_nd m = {.type = WIRE_ICMPV6_REDIRECT, .target = *target, .destination = FAR6};
    return make_nd(f, from, to, &m);
}

static void nd_08_redirects_are_believed_of_the_first_hop_alone_and_only_when_asked_for(void **state)
{
    (void)state;
    struct bed b = begin(false);
    struct stack *s = b.h->stack;
    struct host_settings t = {
        .address = ip_addr_add(&US6, 100), .prefix_length = PREFIX6, .gateway = GATEWAY6, .redirects = true};
    memcpy(t.mac, US_MAC, 6);
    uint32_t local = (uint32_t)stack_add_host(s, &t);
    assert_int_equal(stack_set_gateway(s, b.us6, &GATEWAY6, b.h->now), 0);
    const struct ip_addr other = v6("fe80::2:fe"), targets[] = {PEER6, OTHER6, US6, NONE6, v6("fec0::1"), v6("::1")};
    for (unsigned low = 0; low < 256; low++) { /* who is not the first hop */
        const struct ip_addr from = ip_addr_add(&other, low);
        hostile_case(b.h);
        hostile_inject(b.h, f, make_redirect(&from, &t.address, &FAR6));
        HOSTILE_DROPS(b.h, redirect_not_first_hop, 1);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) { /* neither a router's address nor the destination's */
        hostile_case(b.h);
        hostile_inject(b.h, f, make_redirect(&GATEWAY6, &t.address, &targets[i]));
        HOSTILE_DROPS(b.h, redirect_bad_target, 1);
    }
    hostile_case(b.h);
    hostile_inject(b.h, f, make_redirect(&GATEWAY6, &US6, &FAR6)); /* US6 has them off */
    HOSTILE_DROPS(b.h, nd_ignored, 1);
    expect_hop(&b, b.us6, &GATEWAY6);
    expect_hop(&b, local, &GATEWAY6);
    for (unsigned n = 0; n < 5000; n++) { /* however many there are, they fill a cache */
        struct wire_nd m = {.type = WIRE_ICMPV6_REDIRECT, .target = other, .destination = ip_addr_add(&FAR6, n)};
        hostile_case(b.h);
        hostile_inject(b.h, f, make_nd(f, &GATEWAY6, &t.address, &m));
        HOSTILE_NO_DROPS(b.h);
    }
    assert_int_equal(stack_counters(s)->redirects_received, 5000);
    expect_hop(&b, b.us6, &GATEWAY6);
    hostile_end(b.h, "ND-08");
}

/* ---- ND-09 ---- */

static void nd_09_a_router_may_end_its_own_service_and_nothing_else(void **state)
{
    (void)state;
    struct bed b = begin(true);
    struct wire_nd m = advertisement();
    struct ip_addr hop;
    hear(&b, &m);
    assert_true(stack_next_hop(b.h->stack, b.station, &FAR6, &hop));
    for (unsigned limit = 0; limit < 256; limit++) {
        m.hop_limit = (uint8_t)limit;
        hostile_case(b.h);
        hear(&b, &m);
        HOSTILE_DROPS(b.h, ra_bad_value, limit != 0 && limit < RA_MIN_HOP_LIMIT);
        assert_true(view(&b)->hop_limit == 0 || view(&b)->hop_limit >= RA_MIN_HOP_LIMIT);
    }
    static const uint32_t mtus[] = {0, 1, 68, 1279, 1280, 1499, 1500, 1501, 65535, 65536, 0x7fffffff, 0xffffffff};
    m = advertisement();
    m.has = WIRE_ND_HAS_MTU;
    for (unsigned i = 0; i < ARRAY_SIZE(mtus); i++) {
        bool fine = mtus[i] >= 1280 && mtus[i] <= 1500;
        m.mtu = mtus[i];
        hostile_case(b.h);
        hear(&b, &m);
        HOSTILE_DROPS(b.h, ra_bad_value, !fine);
        if (fine)
            assert_int_equal(stack_path_mtu(b.h->stack, b.station, &FAR6, b.h->now), mtus[i]);
    }
    m = (struct wire_nd){.type = RA};
    hostile_case(b.h);
    hear(&b, &m);
    HOSTILE_NO_DROPS(b.h);
    assert_false(stack_next_hop(b.h->stack, b.station, &FAR6, &hop));
    hostile_end(b.h, "ND-09");
}

static void nd_09_nobody_listens_to_routers_by_default(void **state)
{
    (void)state;
    struct bed b = begin(false);
    for (unsigned lifetime = 0; lifetime <= UINT16_MAX; lifetime += 257) {
        struct wire_nd m = advertisement();
        m.router_lifetime_s = (uint16_t)lifetime;
        add_prefix(&m, lifetime, WIRE_ND_PREFIX_AUTONOMOUS | WIRE_ND_PREFIX_ON_LINK, HOUR, HOUR);
        hostile_case(b.h);
        hear(&b, &m);
        HOSTILE_DROPS(b.h, nd_ignored, 1);
    }
    struct ip_addr hop;
    assert_false(stack_next_hop(b.h->stack, b.us6, &FAR6, &hop));
    assert_int_equal(stack_counters(b.h->stack)->slaac_addresses, 0);
    hostile_end(b.h, "ND-09 off");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nd_01_a_message_from_behind_a_router_is_discarded),
        cmocka_unit_test(nd_02_options_without_length_or_past_the_end_discard_the_message),
        cmocka_unit_test(nd_03_messages_in_fragments_are_ignored),
        cmocka_unit_test(nd_04_a_router_speaks_from_its_link_local_address),
        cmocka_unit_test(nd_04_a_thousand_prefixes_and_routers_fill_lists_of_16_and_8),
        cmocka_unit_test(nd_04_prefixes_of_all_lengths_and_lifetimes),
        cmocka_unit_test(nd_04_name_servers_beyond_the_list_and_in_odd_options),
        cmocka_unit_test(nd_05_a_solicited_advertisement_to_a_group_and_one_that_may_not_override),
        cmocka_unit_test(nd_07_an_address_that_others_claim_is_not_used),
        cmocka_unit_test(nd_07_endless_collisions_end_after_four_addresses),
        cmocka_unit_test(nd_07_an_own_solicitation_that_comes_back_is_no_duplicate),
        cmocka_unit_test(nd_08_redirects_are_believed_of_the_first_hop_alone_and_only_when_asked_for),
        cmocka_unit_test(nd_09_a_router_may_end_its_own_service_and_nothing_else),
        cmocka_unit_test(nd_09_nobody_listens_to_routers_by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
