/* SPDX-License-Identifier: MIT */
/*
 * packet/guard: every rule with its cause and counters, what always passes, and that nothing is sent or leaked when
 * something is denied.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "packet/guard.h"
#include "support/counting_alloc.h"

#define FRAMES 256u

struct fixture {
    struct counting_alloc counting;
    struct packet_pool pool;
    struct link link;
    uint64_t sent; /* by the link */
    struct packet *order[FRAMES];
    struct guard_rules rules;
    struct guard guard;
    int64_t now;
};

static void count_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct fixture *f = container_of(l, struct fixture, link);
    assert_true(n > 0 && now == f->now);
    for (unsigned i = 0; i < n; i++)
        f->order[f->sent++ % FRAMES] = packets[i];
    packet_release_burst(packets, n);
}

static const struct link_ops counting_ops = {.tx_burst = count_tx_burst};

static int set_up(void **state)
{
    static struct fixture f;
    assert_int_equal(packet_pool_init(&f.pool, counting_alloc_init(&f.counting), FRAMES, 2048, 0), 0);
    f.link = (struct link){.ops = &counting_ops};
    f.sent = 0;
    f.now = 1000 * NS_PER_S;
    guard_rules_default(&f.rules);
    assert_int_equal(guard_init(&f.guard, &f.rules, NULL, f.now), 0);
    *state = &f;
    return 0;
}

/* Freeing asserts that every packet is home. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    packet_pool_free(&f->pool);
    return 0;
}

static void use_rules(struct fixture *f) { assert_int_equal(guard_init(&f->guard, &f->rules, NULL, f->now), 0); }

/* ---- frames */

static const uint8_t unicast[6] = {2, 0, 0, 0, 0, 1}, broadcast[6] = {255, 255, 255, 255, 255, 255};

static struct packet *frame(struct fixture *f, const uint8_t dst[6], unsigned tags, uint16_t type, uint32_t l3_bytes)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&f->pool, &p, 1), 1);
    memset(p->data, 0, 200);
    memcpy(p->data, dst, 6);
    for (unsigned i = 0; i < tags; i++)
        store_be32(p->data + 12 + 4 * i, i + 1 < tags ? 0x88a80007 : 0x81000005);
    store_be16(p->data + 12 + 4 * tags, type);
    p->len = 14 + 4 * tags + l3_bytes;
    return p;
}

static struct packet *ipv4(struct fixture *f, const uint8_t dst[6], unsigned tags, uint32_t address)
{
    struct packet *p = frame(f, dst, tags, 0x0800, 50);
    store_be32(p->data + 14 + 4 * tags + 16, address);
    return p;
}

static struct packet *ipv6(struct fixture *f, const uint8_t dst[6], uint64_t high, uint64_t low)
{
    struct packet *p = frame(f, dst, 0, 0x86dd, 60);
    store_be64(p->data + 14 + 24, high);
    store_be64(p->data + 14 + 32, low);
    return p;
}

static struct packet *neighbour_discovery(struct fixture *f, uint8_t type, uint8_t hop_limit)
{
    static const uint8_t group[6] = {0x33, 0x33, 0xff, 0, 0, 1};
    struct packet *p = ipv6(f, group, UINT64_C(0xff02000000000000), UINT64_C(0x00000001ff000001));
    p->data[14 + 6] = 58;
    p->data[14 + 7] = hop_limit;
    p->data[14 + 40] = type;
    return p;
}

/* Gives one frame to the guard, which has to let it pass. */
static void passes(struct fixture *f, struct packet *p)
{
    uint64_t before = f->sent, drops = f->link.counters.drops[LINK_DROP_TX_GUARD];
    guard_tx_burst(&f->guard, &f->link, &p, 1, f->now);
    assert_int_equal(f->sent, before + 1);
    assert_int_equal(f->link.counters.drops[LINK_DROP_TX_GUARD], drops);
}

/* Gives one frame to the guard, which has to drop it and count exactly this cause. */
static void is_denied(struct fixture *f, struct packet *p, enum guard_cause cause)
{
    struct guard before = f->guard;
    uint64_t sent = f->sent, drops = f->link.counters.drops[LINK_DROP_TX_GUARD];
    guard_tx_burst(&f->guard, &f->link, &p, 1, f->now);
    assert_int_equal(f->sent, sent);
    assert_int_equal(f->link.counters.drops[LINK_DROP_TX_GUARD], drops + 1);
    for (unsigned i = 0; i < GUARD_CAUSE_COUNT; i++)
        assert_int_equal(f->guard.denied[i], before.denied[i] + (i == cause));
    assert_int_equal(f->pool.free_count, FRAMES);
}

/* ---- destinations */

static void test_networks_pass_by_default_and_others_do_not(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint32_t first, last;
    } v4[] = {{0x0a000000, 0x0affffff}, {0xac100000, 0xac1fffff}, {0xc0a80000, 0xc0a8ffff}, {0xc6120000, 0xc613ffff},
              {0xc0000200, 0xc00002ff}, {0xc6336400, 0xc63364ff}, {0xcb007100, 0xcb0071ff}, {0x7f000000, 0x7fffffff}};
    for (unsigned i = 0; i < ARRAY_SIZE(v4); i++) {
        passes(f, ipv4(f, unicast, 0, v4[i].first));
        passes(f, ipv4(f, unicast, 0, v4[i].last));
        is_denied(f, ipv4(f, unicast, 0, v4[i].first - 1), GUARD_DESTINATION);
        is_denied(f, ipv4(f, unicast, 0, v4[i].last + 1), GUARD_DESTINATION);
    }
    is_denied(f, ipv4(f, unicast, 0, 0), GUARD_DESTINATION);
    is_denied(f, ipv4(f, unicast, 0, 0xf0000000), GUARD_DESTINATION);
    static const struct {
        uint64_t first, last;
    } v6[] = {{0xfc00000000000000, 0xfdffffffffffffff},
              {0xfe80000000000000, 0xfebfffffffffffff},
              {0x2001000200000000, 0x200100020000ffff},
              {0x20010db800000000, 0x20010db8ffffffff}};
    for (unsigned i = 0; i < ARRAY_SIZE(v6); i++) {
        passes(f, ipv6(f, unicast, v6[i].first, 0));
        passes(f, ipv6(f, unicast, v6[i].last, UINT64_MAX));
        is_denied(f, ipv6(f, unicast, v6[i].first - 1, UINT64_MAX), GUARD_DESTINATION);
        is_denied(f, ipv6(f, unicast, v6[i].last + 1, 0), GUARD_DESTINATION);
    }
    is_denied(f, ipv6(f, unicast, 0, 0), GUARD_DESTINATION);
}

static void an_allowed_destination_does_not_let_its_neighbours_pass(void **state)
{
    struct fixture *f = *state;
    f->rules.n_allowed = 1;
    f->rules.allowed[0] = (struct guard_prefix){.bytes = {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3}, .length = 128};
    use_rules(f);
    for (unsigned i = 0; i < 3; i++) {
        passes(f, ipv4(f, unicast, 0, 0x0a010203));
        is_denied(f, ipv4(f, unicast, 0, 0x0a010202), GUARD_DESTINATION);
        is_denied(f, ipv6(f, unicast, 0x20010db800000000, 1), GUARD_DESTINATION);
    }
}

static void prefixes_of_every_length_compare_that_many_bits(void **state)
{
    struct fixture *f = *state;
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, 0xa5, 0x5a, 0x12, 0x34,
                                        0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x0f, 0xed};
    f->rules.n_allowed = 1;
    for (unsigned length = 0; length <= 128; length++) {
        memcpy(f->rules.allowed[0].bytes, address, 16);
        f->rules.allowed[0].length = (uint8_t)length;
        use_rules(f);
        assert_true(guard_allows_destination(&f->guard, address));
        for (unsigned bit = 0; bit < 128; bit++) {
            uint8_t other[16];
            memcpy(other, address, 16);
            other[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
            assert_int_equal(guard_allows_destination(&f->guard, other), bit >= length);
        }
    }
}

static void a_prefix_around_the_mapped_addresses_allows_ipv4(void **state)
{
    struct fixture *f = *state;
    f->rules.n_allowed = 1;
    f->rules.allowed[0] = (struct guard_prefix){.length = 80};
    use_rules(f);
    passes(f, ipv4(f, unicast, 0, 0x08080808));
    passes(f, ipv6(f, unicast, 0, 1));
    is_denied(f, ipv6(f, unicast, 1, 0), GUARD_DESTINATION);
}

static void without_prefixes_every_destination_passes(void **state)
{
    struct fixture *f = *state;
    f->rules.n_allowed = 0;
    use_rules(f);
    passes(f, ipv4(f, unicast, 0, 0x08080808));
    passes(f, ipv4(f, unicast, 2, 0));
    passes(f, ipv6(f, unicast, 0x2a00000000000000, 1));
    is_denied(f, ipv4(f, broadcast, 0, 0x0a000001), GUARD_MULTICAST);
    is_denied(f, ipv4(f, unicast, 0, 0xe0000001), GUARD_MULTICAST);
}

static void tags_are_looked_through(void **state)
{
    struct fixture *f = *state;
    for (unsigned tags = 0; tags <= 6; tags++) {
        passes(f, ipv4(f, unicast, tags, 0x0a000001));
        is_denied(f, ipv4(f, unicast, tags, 0x08080808), GUARD_DESTINATION);
        is_denied(f, ipv4(f, broadcast, tags, 0x0a000001), GUARD_MULTICAST);
        passes(f, frame(f, broadcast, tags, 0x0806, 28));
        is_denied(f, frame(f, unicast, tags, 0x88cc, 28), GUARD_ETHERTYPE);
    }
}

/* Puts n labels behind the link header of a frame that has these tags. */
static struct packet *labelled(struct packet *p, unsigned tags, unsigned n)
{
    uint32_t link = 14 + 4 * tags;
    memmove(p->data + link + 4 * n, p->data + link, p->len - link);
    store_be16(p->data + link - 2, 0x8847);
    for (unsigned i = 0; i < n; i++)
        store_be32(p->data + link + 4 * i, 100u << 12 | (i + 1 == n ? 1u : 0) << 8 | 64u);
    p->len += 4 * n;
    return p;
}

static void labels_are_looked_through(void **state)
{
    struct fixture *f = *state;
    struct packet *p;
    for (unsigned tags = 0; tags <= 2; tags++)
        for (unsigned n = 1; n <= 10; n++) {
            p = ipv4(f, unicast, tags, 0x0a000001);
            p->data[14 + 4 * tags] = 0x45;
            passes(f, labelled(p, tags, n));
            p = ipv4(f, unicast, tags, 0x08080808);
            p->data[14 + 4 * tags] = 0x45;
            is_denied(f, labelled(p, tags, n), GUARD_DESTINATION);
            p = ipv4(f, broadcast, tags, 0x0a000001);
            p->data[14 + 4 * tags] = 0x45;
            is_denied(f, labelled(p, tags, n), GUARD_MULTICAST);
            /* Neither version, and no bottom: not to be told. */
            is_denied(f, labelled(ipv4(f, unicast, tags, 0x0a000001), tags, n), GUARD_ETHERTYPE);
            p = frame(f, unicast, tags, 0x8847, 4 * n);
            is_denied(f, p, GUARD_ETHERTYPE);
        }
    p = ipv6(f, unicast, 0x2600000000000000, 1);
    p->data[14] = 0x60;
    is_denied(f, labelled(p, 0, 1), GUARD_DESTINATION);
    p = ipv6(f, unicast, 0xfd00000000000000, 1);
    p->data[14] = 0x60;
    passes(f, labelled(p, 0, 1));
}

static void a_header_cut_off_is_denied(void **state)
{
    struct fixture *f = *state;
    struct packet *p;
    for (uint32_t length = 0; length < 34; length++) {
        p = ipv4(f, unicast, 0, 0x0a000001);
        p->len = length;
        is_denied(f, p, length < 14 ? GUARD_ETHERTYPE : GUARD_DESTINATION);
    }
    p = ipv4(f, unicast, 0, 0x0a000001);
    p->len = 34;
    passes(f, p);
    for (uint32_t length = 14; length < 54; length++) {
        p = ipv6(f, unicast, 0x20010db800000000, 1);
        p->len = length;
        is_denied(f, p, GUARD_DESTINATION);
    }
    for (uint32_t length = 14; length < 18; length++) { /* a tag cut off */
        p = ipv4(f, unicast, 1, 0x0a000001);
        p->len = length;
        is_denied(f, p, GUARD_ETHERTYPE);
    }
}

/* ---- groups and types */

static void arp_and_neighbour_discovery_always_pass(void **state)
{
    struct fixture *f = *state;
    passes(f, frame(f, broadcast, 0, 0x0806, 28));
    passes(f, frame(f, unicast, 0, 0x0806, 46));
    for (uint8_t type = 133; type <= 137; type++)
        passes(f, neighbour_discovery(f, type, 255));
    is_denied(f, neighbour_discovery(f, 132, 255), GUARD_MULTICAST);
    is_denied(f, neighbour_discovery(f, 138, 255), GUARD_MULTICAST);
    is_denied(f, neighbour_discovery(f, 135, 254), GUARD_MULTICAST); /* somebody may forward it */
    struct packet *p = neighbour_discovery(f, 135, 255);
    p->len = 54;
    is_denied(f, p, GUARD_MULTICAST);
}

static void groups_need_the_flag(void **state)
{
    struct fixture *f = *state;
    static const uint8_t group4[6] = {1, 0, 0x5e, 0, 0, 1}, group6[6] = {0x33, 0x33, 0, 0, 0, 1};
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        f->rules.allow_multicast = allowed != 0;
        use_rules(f);
        struct packet *frames[] = {ipv4(f, broadcast, 0, 0x0a0000ff), ipv4(f, unicast, 0, UINT32_MAX),
                                   ipv4(f, broadcast, 0, UINT32_MAX), ipv4(f, group4, 0, 0xe0000001),
                                   ipv4(f, unicast, 0, 0xefffffff),   ipv6(f, group6, 0xff02000000000000, 1)};
        for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
            if (allowed) {
                passes(f, frames[i]);
                continue;
            }
            guard_tx_burst(&f->guard, &f->link, &frames[i], 1, f->now);
            assert_int_equal(f->guard.denied[GUARD_MULTICAST], i + 1);
        }
    }
    assert_int_equal(f->sent, 6);
    is_denied(f, ipv4(f, broadcast, 0, 0x08080808), GUARD_DESTINATION); /* the flag is no pass for other networks */
}

/* What a DHCP client sends to all servers: bytes of UDP ports behind the header. */
static struct packet *dhcp4(struct fixture *f, unsigned tags, uint32_t ports)
{
    struct packet *p = ipv4(f, broadcast, tags, UINT32_MAX);
    p->data[14 + 4 * tags] = 0x45;
    p->data[14 + 4 * tags + 9] = 17;
    store_be32(p->data + 14 + 4 * tags + 20, ports);
    return p;
}

static struct packet *dhcp6(struct fixture *f, uint64_t low, uint32_t ports)
{
    static const uint8_t group[6] = {0x33, 0x33, 0, 1, 0, 2};
    struct packet *p = ipv6(f, group, UINT64_C(0xff02000000000000), low);
    p->data[14 + 6] = 17;
    store_be32(p->data + 14 + 40, ports);
    return p;
}

static void dhcp_clients_need_their_flag_and_nothing_else_passes_by_it(void **state)
{
    struct fixture *f = *state;
    const uint32_t v4 = 68u << 16 | 67, v6 = 546u << 16 | 547;
    is_denied(f, dhcp4(f, 0, v4), GUARD_MULTICAST);
    is_denied(f, dhcp6(f, 0x10002, v6), GUARD_MULTICAST);
    f->rules.allow_dhcp = true;
    use_rules(f);
    for (unsigned tags = 0; tags < 3; tags++)
        passes(f, dhcp4(f, tags, v4));
    passes(f, dhcp6(f, 0x10002, v6));
    is_denied(f, dhcp4(f, 0, 67u << 16 | 68), GUARD_MULTICAST);
    is_denied(f, dhcp6(f, 0x10002, 547u << 16 | 546), GUARD_MULTICAST);
    is_denied(f, dhcp6(f, 0x10003, v6), GUARD_MULTICAST);
    is_denied(f, ipv4(f, broadcast, 0, 0x0a0000ff), GUARD_MULTICAST);
    struct packet *p = dhcp4(f, 0, v4);
    p->data[14 + 9] = 6;
    is_denied(f, p, GUARD_MULTICAST);
    p = dhcp4(f, 0, v4);
    store_be16(p->data + 14 + 6, 0x2000); /* a fragment */
    is_denied(f, p, GUARD_MULTICAST);
    p = dhcp4(f, 0, v4);
    p->len = 14 + 20 + 3;
    is_denied(f, p, GUARD_MULTICAST);
    p = dhcp4(f, 0, v4);
    p->data[14] = 0x44;
    is_denied(f, p, GUARD_MULTICAST);
    p = dhcp6(f, 0x10002, v6);
    p->len = 14 + 40 + 3;
    is_denied(f, p, GUARD_MULTICAST);
}

static void other_types_need_the_flag(void **state)
{
    struct fixture *f = *state;
    static const uint8_t lldp[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e}, cisco[6] = {0x01, 0, 0x0c, 0xcc, 0xcc, 0xcc};
    is_denied(f, frame(f, lldp, 0, 0x88cc, 46), GUARD_ETHERTYPE);
    is_denied(f, frame(f, lldp, 0, 46, 46), GUARD_ETHERTYPE); /* 802.3 length: STP */
    f->rules.allow_ethertypes = true;
    use_rules(f);
    passes(f, frame(f, lldp, 0, 0x88cc, 46));
    passes(f, frame(f, lldp, 0, 46, 46));
    passes(f, frame(f, unicast, 0, 0x1234, 46));
    is_denied(f, frame(f, cisco, 0, 46, 46), GUARD_MULTICAST);
    is_denied(f, frame(f, broadcast, 0, 0x1234, 46), GUARD_MULTICAST);
    is_denied(f, ipv4(f, unicast, 0, 0x08080808), GUARD_DESTINATION);
}

/* ---- stopping and caps */

static void the_emergency_stop_silences_everything_until_it_is_lifted(void **state)
{
    struct fixture *f = *state;
    atomic_bool stop = false;
    assert_int_equal(guard_init(&f->guard, &f->rules, &stop, f->now), 0);
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
    atomic_store(&stop, true);
    is_denied(f, ipv4(f, unicast, 0, 0x0a000001), GUARD_STOPPED);
    is_denied(f, frame(f, broadcast, 0, 0x0806, 28), GUARD_STOPPED);
    atomic_store(&stop, false);
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
}

static void traffic_ends_at_its_time(void **state)
{
    struct fixture *f = *state;
    f->rules.stop_at = f->now + 10;
    use_rules(f);
    f->now += 9;
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
    f->now += 1;
    is_denied(f, ipv4(f, unicast, 0, 0x0a000001), GUARD_STOPPED);
}

static void traffic_ends_when_the_heartbeat_is_lost(void **state)
{
    struct fixture *f = *state;
    f->rules.heartbeat_ns = 100;
    use_rules(f);
    f->now += 100;
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
    f->now += 1;
    is_denied(f, ipv4(f, unicast, 0, 0x0a000001), GUARD_STOPPED);
    guard_heartbeat(&f->guard, f->now);
    f->now += 100;
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
}

static void the_frame_total_is_kept_to(void **state)
{
    struct fixture *f = *state;
    f->rules.max_frames = 3;
    use_rules(f);
    is_denied(f, ipv4(f, unicast, 0, 0x08080808), GUARD_DESTINATION); /* does not count */
    for (unsigned i = 0; i < 3; i++)
        passes(f, ipv4(f, unicast, 0, 0x0a000001));
    is_denied(f, ipv4(f, unicast, 0, 0x0a000001), GUARD_VOLUME);
    is_denied(f, frame(f, broadcast, 0, 0x0806, 28), GUARD_VOLUME);
}

static void the_byte_total_is_kept_to(void **state)
{
    struct fixture *f = *state;
    f->rules.max_bytes = 64 + 64 + 42;
    use_rules(f);
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
    passes(f, ipv4(f, unicast, 0, 0x0a000001));
    is_denied(f, ipv4(f, unicast, 0, 0x0a000001), GUARD_VOLUME);
    passes(f, frame(f, broadcast, 0, 0x0806, 28));
    assert_int_equal(f->guard.bytes, 64 + 64 + 42);
}

static void a_gso_packet_counts_as_the_frames_it_becomes(void **state)
{
    struct fixture *f = *state;
    f->rules.max_frames = 10;
    use_rules(f);
    f->link.caps = LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO | LINK_CAP_SCATTER;
    f->link.gso_max = 65535;
    static const uint8_t body[9 * 1000 - 64];
    struct packet_frag frag = {body, sizeof body, NULL, NULL};
    for (unsigned i = 0; i < 2; i++) {
        struct packet *p = ipv4(f, unicast, 0, 0x0a000001);
        p->gso = PACKET_GSO_TCP4;
        p->gso_size = 1000;
        p->checksum = PACKET_CHECKSUM_PARTIAL;
        p->frags = &frag;
        p->nfrags = 1;
        if (i == 0)
            passes(f, p);
        else
            is_denied(f, p, GUARD_VOLUME);
    }
    assert_int_equal(f->guard.frames, 9);
    assert_int_equal(f->guard.bytes, 9000);
}

/* Offers a frame of 76 bytes (100 on a wire) each `step_ns` for a second; returns how many passed. */
static uint64_t offer_for_a_second(struct fixture *f, int64_t step_ns)
{
    uint64_t before = f->sent;
    for (int64_t end = f->now + NS_PER_S; f->now < end; f->now += step_ns) {
        struct packet *p = ipv4(f, unicast, 0, 0x0a000001);
        p->len = 76;
        guard_tx_burst(&f->guard, &f->link, &p, 1, f->now);
    }
    return f->sent - before;
}

static void the_bit_rate_is_capped_exactly_with_a_burst_of_10_ms(void **state)
{
    struct fixture *f = *state;
    f->rules.max_bits_per_second = 7777777; /* 9722.2 frames */
    use_rules(f);
    assert_in_range(offer_for_a_second(f, 10007), 9722 + 97, 9722 + 99); /* the burst, and the frame that ends it */
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(offer_for_a_second(f, 10007), 9721, 9723);
    assert_true(f->guard.denied[GUARD_RATE] > 0);
    assert_in_range(offer_for_a_second(f, 125000), 7999,
                    8000); /* below the cap all pass but one that still pays for before */
}

static void the_frame_rate_is_capped(void **state)
{
    struct fixture *f = *state;
    f->rules.max_frames_per_second = 1000;
    use_rules(f);
    assert_in_range(offer_for_a_second(f, 10007), 1010, 1012);
    assert_in_range(offer_for_a_second(f, 10007), 999, 1001);
}

/* ---- bursts */

static void a_mixed_burst_keeps_the_order_of_what_passes(void **state)
{
    struct fixture *f = *state;
    struct packet *burst[100], *expected[100];
    unsigned n = 0;
    for (unsigned i = 0; i < 100; i++) {
        bool good = i % 3 != 0;
        burst[i] = ipv4(f, unicast, i % 2, good ? 0x0a000000 + i : 0x08000000 + i);
        if (good)
            expected[n++] = burst[i];
    }
    guard_tx_burst(&f->guard, &f->link, burst, 100, f->now);
    assert_int_equal(f->sent, n);
    assert_memory_equal(f->order, expected, n * sizeof(struct packet *));
    assert_int_equal(f->guard.denied[GUARD_DESTINATION], 100 - n);
    assert_int_equal(f->pool.free_count, FRAMES);
    guard_tx_burst(&f->guard, &f->link, burst, 0, f->now); /* nothing is no burst */
}

static void impossible_rules_are_refused(void **state)
{
    struct fixture *f = *state;
    struct guard_rules r;
#define REFUSED(member, value)                                                                                         \
    guard_rules_default(&r);                                                                                           \
    r.member = (value);                                                                                                \
    assert_int_equal(guard_init(&f->guard, &r, NULL, 0), ERR_INVALID)
    REFUSED(n_allowed, GUARD_MAX_PREFIXES + 1);
    REFUSED(allowed[0].length, 129);
    REFUSED(heartbeat_ns, -1);
    REFUSED(max_bits_per_second, UINT64_MAX);
    REFUSED(max_frames_per_second, UINT64_MAX);
}

static void every_cause_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(guard_cause_name(GUARD_STOPPED), "stopped");
    assert_string_equal(guard_cause_name(GUARD_VOLUME), "volume");
    assert_string_equal(guard_cause_name(GUARD_CAUSE_COUNT), "unknown");
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(link_drop_name((enum link_drop)i), link_drop_name((enum link_drop)k));
    assert_string_equal(link_drop_name(LINK_DROP_TX_GUARD), "tx_guard");
    assert_string_equal(link_drop_name(LINK_DROP_COUNT), "unknown");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_networks_pass_by_default_and_others_do_not),
        CASE(an_allowed_destination_does_not_let_its_neighbours_pass),
        CASE(prefixes_of_every_length_compare_that_many_bits),
        CASE(a_prefix_around_the_mapped_addresses_allows_ipv4),
        CASE(without_prefixes_every_destination_passes),
        CASE(tags_are_looked_through),
        CASE(labels_are_looked_through),
        CASE(a_header_cut_off_is_denied),
        CASE(arp_and_neighbour_discovery_always_pass),
        CASE(groups_need_the_flag),
        CASE(dhcp_clients_need_their_flag_and_nothing_else_passes_by_it),
        CASE(other_types_need_the_flag),
        CASE(the_emergency_stop_silences_everything_until_it_is_lifted),
        CASE(traffic_ends_at_its_time),
        CASE(traffic_ends_when_the_heartbeat_is_lost),
        CASE(the_frame_total_is_kept_to),
        CASE(the_byte_total_is_kept_to),
        CASE(a_gso_packet_counts_as_the_frames_it_becomes),
        CASE(the_bit_rate_is_capped_exactly_with_a_burst_of_10_ms),
        CASE(the_frame_rate_is_capped),
        CASE(a_mixed_burst_keeps_the_order_of_what_passes),
        CASE(impossible_rules_are_refused),
        CASE(every_cause_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
