/* SPDX-License-Identifier: MIT */
/*
 * link/memory on one thread, in both of its modes: order, room, homes of frames, checksum state, closing.
 * test_link_memory_threads.c runs it between two threads.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/memory.h"
#include "support/counting_alloc.h"

#define NOW INT64_C(1000)

struct fixture {
    struct counting_alloc counting;
    const struct allocator *a;
    struct memory_settings settings;
    struct packet_pool elsewhere;
    struct link *ends[2];
};

static void open_links(struct fixture *f) { assert_int_equal(memory_link_new(&f->settings, f->a, "pair", f->ends), 0); }

static void close_links(struct fixture *f)
{
    link_close(f->ends[0]);
    link_close(f->ends[1]);
}

static int set_up(void **state)
{
    static struct fixture f;
    f.a = counting_alloc_init(&f.counting);
    memory_settings_default(&f.settings);
    f.settings.frames = 64;
    f.settings.reserve = 16;
    f.settings.queue = 32;
    assert_int_equal(packet_pool_init(&f.elsewhere, f.a, 64, 2048, 0), 0);
    *state = &f;
    return 0;
}

/* Freeing pools asserts that every packet is home. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    packet_pool_free(&f->elsewhere);
    assert_int_equal(f->counting.live_blocks, 0);
    return 0;
}

/* Runs a test in one-thread mode and in two-thread mode. */
static void in_both_modes(struct fixture *f, void (*test)(struct fixture *f))
{
    for (int two_threads = 0; two_threads < 2; two_threads++) {
        f->settings.two_threads = two_threads != 0;
        open_links(f);
        test(f);
        close_links(f);
    }
}

static void fill(struct packet *p, uint32_t number, uint32_t length)
{
    p->len = length;
    memset(p->data, 0xa5, length);
    store_be32(p->data + 20, number);
}

static uint32_t number_of(const struct packet *p) { return load_be32(p->data + 20); }

/* Sends n numbered frames of 64 bytes as far as there is room; returns how many. */
static unsigned send_numbered(struct link *l, unsigned n, uint32_t first)
{
    struct packet *p[64];
    n = link_tx_alloc(l, p, n, LINK_ALLOC_DATA);
    for (unsigned i = 0; i < n; i++)
        fill(p[i], first + i, 64);
    l->ops->tx_burst(l, p, n, NOW);
    return n;
}

static unsigned receive_and_release(struct link *l)
{
    struct packet *p[64];
    unsigned n = link_rx_burst(l, p, 64, NOW);
    packet_release_burst(p, n);
    return n;
}

static void check_crossing(struct fixture *f)
{
    for (unsigned from = 0; from < 2; from++) {
        struct link *tx = f->ends[from], *rx = f->ends[!from];
        assert_int_equal(send_numbered(tx, 10, 100), 10);
        struct packet *p[64];
        assert_int_equal(link_rx_burst(rx, p, 7, NOW), 7);
        assert_int_equal(link_rx_burst(rx, p + 7, 64, NOW + 1), 3);
        for (unsigned i = 0; i < 10; i++) {
            assert_int_equal(number_of(p[i]), 100 + i);
            assert_int_equal(p[i]->len, 64);
            assert_int_equal(p[i]->rx_ns, i < 7 ? NOW : NOW + 1);
        }
        packet_release_burst(p, 10);
        assert_int_equal(link_rx_burst(rx, p, 64, NOW), 0);
        assert_int_equal(tx->counters.frames_tx, 10);
        assert_int_equal(tx->counters.bytes_tx, 640);
        assert_int_equal(rx->counters.frames_rx, 10);
        assert_int_equal(rx->counters.bytes_rx, 640);
    }
}

static void frames_cross_in_order_and_are_counted(void **state) { in_both_modes(*state, check_crossing); }

static void check_endurance(struct fixture *f)
{
    for (uint32_t i = 0; i < 20000; i++) {
        unsigned n = 1 + i % 32;
        assert_int_equal(send_numbered(f->ends[0], n, i), n);
        assert_int_equal(receive_and_release(f->ends[1]), n);
        if (i % 7 == 0) {
            assert_int_equal(send_numbered(f->ends[1], n, i), n);
            assert_int_equal(receive_and_release(f->ends[0]), n);
        }
    }
}

static void frames_come_home_again_and_again(void **state) { in_both_modes(*state, check_endurance); }

static void check_room(struct fixture *f)
{
    struct link *tx = f->ends[0];
    struct packet *p[64];
    assert_int_equal(link_tx_alloc(tx, p, 64, LINK_ALLOC_DATA), 32);
    tx->ops->tx_burst(tx, p, 20, NOW);
    assert_int_equal(link_tx_alloc(tx, p + 32, 64, LINK_ALLOC_DATA), 0); /* 12 are promised, 20 wait */
    tx->ops->tx_burst(tx, p + 20, 12, NOW);
    assert_int_equal(link_rx_burst(f->ends[1], p, 5, NOW), 5);
    packet_release_burst(p, 5);
    assert_int_equal(send_numbered(tx, 64, 0), 5);
    assert_int_equal(receive_and_release(f->ends[1]), 32);
    for (unsigned i = 0; i < LINK_DROP_COUNT; i++)
        assert_int_equal(tx->counters.drops[i], 0);
}

static void frames_are_given_only_while_there_is_room(void **state) { in_both_modes(*state, check_room); }

static void check_unsent(struct fixture *f)
{
    struct link *tx = f->ends[0];
    for (unsigned i = 0; i < 10; i++) {
        struct packet *p[64];
        assert_int_equal(link_tx_alloc(tx, p, 32, LINK_ALLOC_DATA), 32);
        packet_release_burst(p, 32);
        assert_int_equal(receive_and_release(tx), 0); /* the turn ends */
    }
}

static void frames_given_back_unsent_do_not_block_the_link(void **state) { in_both_modes(*state, check_unsent); }

static void a_queue_of_any_size_is_kept_to_exactly(void **state)
{
    struct fixture *f = *state;
    f->settings.queue = 5;
    open_links(f);
    assert_int_equal(send_numbered(f->ends[0], 32, 0), 5);
    assert_int_equal(send_numbered(f->ends[0], 32, 0), 0);
    close_links(f);
}

static void check_reserve(struct fixture *f)
{
    struct link *tx = f->ends[0];
    struct packet *p[128];
    unsigned n = 0, got;
    while ((got = link_tx_alloc(tx, p + n, 8, LINK_ALLOC_DATA)) != 0) {
        n += got;
        link_rx_burst(tx, p + n, 1, NOW); /* forgets what was promised: the queue is not what limits here */
    }
    assert_int_equal(n, 48);
    while ((got = link_tx_alloc(tx, p + n, 8, LINK_ALLOC_CONTROL)) != 0) {
        n += got;
        link_rx_burst(tx, p + n, 1, NOW);
    }
    assert_int_equal(n, 64);
    packet_release_burst(p, n);
}

static void only_control_gets_the_reserve(void **state) { in_both_modes(*state, check_reserve); }

static void check_too_much(struct fixture *f)
{
    struct link *tx = f->ends[0];
    struct packet *p[64];
    assert_int_equal(packet_pool_get(&f->elsewhere, p, 40), 40);
    for (unsigned i = 0; i < 40; i++)
        fill(p[i], i, 64);
    tx->ops->tx_burst(tx, p, 40, NOW);
    assert_int_equal(tx->counters.frames_tx, 32);
    assert_int_equal(tx->counters.drops[LINK_DROP_TX_NO_ROOM], 8);
    assert_int_equal(link_rx_burst(f->ends[1], p, 64, NOW), 32);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(number_of(p[i]), i);
    packet_release_burst(p, 32);
    assert_int_equal(f->elsewhere.free_count, 64);
}

static void frames_from_elsewhere_cross_and_what_has_no_room_is_counted(void **state)
{
    in_both_modes(*state, check_too_much);
}

static void check_turning_round(struct fixture *f)
{
    struct packet *p[64];
    for (unsigned round = 0; round < 1000; round++) {
        assert_int_equal(send_numbered(f->ends[0], 30, round), 30);
        for (unsigned hop = 0; hop < 5; hop++) {
            struct link *l = f->ends[!(hop & 1)];
            assert_int_equal(link_rx_burst(l, p, 64, NOW), 30);
            l->ops->tx_burst(l, p, 30, NOW);
        }
        assert_int_equal(link_rx_burst(f->ends[0], p, 64, NOW), 30);
        for (unsigned i = 0; i < 30; i++)
            assert_int_equal(number_of(p[i]), round + i);
        packet_release_burst(p, 30);
    }
}

static void frames_turned_round_on_the_wire_come_home(void **state) { in_both_modes(*state, check_turning_round); }

static void check_keeping(struct fixture *f)
{
    struct packet *p[64], *kept[64];
    unsigned n = 0;
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(send_numbered(f->ends[0], 2, i), 2);
        assert_int_equal(link_rx_burst(f->ends[1], p, 64, NOW), 2);
        kept[n++] = packet_keep(p[0], 0, 64, &f->elsewhere);
        packet_release_burst(p, 2);
    }
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(number_of(kept[i]), i);
    for (unsigned i = 0; i < n; i++)
        packet_release(kept[i]);
}

static void a_receiver_that_keeps_frames_does_not_starve_the_sender(void **state)
{
    in_both_modes(*state, check_keeping);
}

/* Ethernet, IPv4, UDP with a partial checksum as in test_packet_holder.c; the right one is 0xa92a. */
static struct packet *partial_datagram(struct link *l)
{
    static const uint8_t bytes[46] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0,    0,
                                      0x08, 0x00, 0x45, 0x00, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11,
                                      0x7c, 0xca, 0x7f, 0x00, 0x00, 0x01, 0x7f, 0x00, 0x00, 0x01, 0x75, 0x30,
                                      0x32, 0xc8, 0x00, 0x0c, 0xfe, 0x1f, 0x58, 0x58, 0x58, 0x58};
    struct packet *p;
    assert_int_equal(link_tx_alloc(l, &p, 1, LINK_ALLOC_DATA), 1);
    memcpy(p->data, bytes, sizeof bytes);
    p->len = sizeof bytes;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = 34;
    p->checksum_offset = 6;
    return p;
}

static struct packet *cross(struct fixture *f, struct packet *p)
{
    struct packet *received;
    f->ends[0]->ops->tx_burst(f->ends[0], &p, 1, NOW);
    return link_rx_burst(f->ends[1], &received, 1, NOW) ? received : NULL;
}

static void check_untrusted(struct fixture *f)
{
    assert_int_equal(f->ends[0]->caps, 0);
    struct packet *p = cross(f, partial_datagram(f->ends[0]));
    assert_int_equal(p->checksum, PACKET_CHECKSUM_UNKNOWN);
    assert_int_equal(load_be16(p->data + 40), 0xa92a);
    p->checksum = PACKET_CHECKSUM_VERIFIED;
    f->ends[1]->ops->tx_burst(f->ends[1], &p, 1, NOW);
    assert_int_equal(link_rx_burst(f->ends[0], &p, 1, NOW), 1);
    assert_int_equal(p->checksum, PACKET_CHECKSUM_UNKNOWN);
    packet_release(p);

    p = partial_datagram(f->ends[0]);
    p->checksum_start = 2000;
    assert_null(cross(f, p));
    assert_int_equal(f->ends[0]->counters.drops[LINK_DROP_TX_MALFORMED], 1);
}

static void without_trust_partial_checksums_are_completed(void **state) { in_both_modes(*state, check_untrusted); }

static void check_trusted(struct fixture *f)
{
    assert_int_equal(f->ends[0]->caps, LINK_CAP_RX_CHECKSUM | LINK_CAP_TX_CHECKSUM);
    struct packet *p = cross(f, partial_datagram(f->ends[0]));
    assert_int_equal(p->checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(load_be16(p->data + 40), 0xfe1f);
    packet_release(p);
}

static void with_trust_nobody_computes_checksums(void **state)
{
    struct fixture *f = *state;
    f->settings.trust_checksums = true;
    in_both_modes(f, check_trusted);
}

static void check_what_crosses(struct fixture *f)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(f->ends[0], &p, 1, LINK_ALLOC_DATA), 1);
    fill(p, 1, 60);
    p->vlan_present = true;
    p->vlan_tci = 0x2fff;
    p->hash = 5;
    p->flow_mark = 6;
    p->departure_set = true;
    p = cross(f, p);
    assert_true(p->vlan_present && p->vlan_tci == 0x2fff);
    assert_int_equal(p->hash | p->flow_mark, 0);
    assert_false(p->departure_set);
    packet_release(p);

    static const uint8_t tail[100] = "tail";
    struct packet_frag frag = {tail, sizeof tail, NULL, NULL};
    assert_int_equal(link_tx_alloc(f->ends[0], &p, 1, LINK_ALLOC_DATA), 1);
    fill(p, 1, 60);
    p->frags = &frag;
    p->nfrags = 1;
    p = cross(f, p);
    assert_int_equal(p->len, 160);
    assert_memory_equal(p->data + 60, tail, sizeof tail);
    packet_release(p);
}

static void only_what_a_wire_carries_crosses(void **state) { in_both_modes(*state, check_what_crosses); }

static void check_length(struct fixture *f)
{
    for (uint32_t length = 1522; length <= 1523; length++) {
        struct packet *p;
        assert_int_equal(link_tx_alloc(f->ends[0], &p, 1, LINK_ALLOC_DATA), 1);
        fill(p, 1, length);
        p = cross(f, p);
        assert_int_equal(p != NULL, length == 1522);
        if (p)
            packet_release(p);
    }
    assert_int_equal(f->ends[1]->counters.drops[LINK_DROP_RX_TOO_LONG], 1);
}

static void frames_over_the_mtu_are_dropped_on_arrival(void **state) { in_both_modes(*state, check_length); }

/* A GSO packet of `length` bytes in a frame of link l, or NULL. */
static struct packet *gso_packet(struct link *l, uint32_t number, uint32_t length)
{
    struct packet *p;
    if (link_tx_alloc(l, &p, 1, LINK_ALLOC_LARGE) == 0)
        return NULL;
    fill(p, number, length);
    p->gso = PACKET_GSO_TCP4;
    p->gso_size = 1460;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = 34;
    p->checksum_offset = 16;
    return p;
}

static void check_large(struct fixture *f)
{
    for (uint32_t i = 0; i < 100; i++) {
        struct link *from = f->ends[i % 2], *to = f->ends[1 - i % 2];
        struct packet *p = gso_packet(from, i, 14 + 65535), *got[4];
        assert_non_null(p);
        from->ops->tx_burst(from, &p, 1, NOW);
        assert_int_equal(link_rx_burst(to, got, 4, NOW), 1);
        assert_int_equal(number_of(got[0]), i);
        assert_int_equal(got[0]->len, 14 + 65535);
        assert_int_equal(got[0]->gso, PACKET_GSO_TCP4);
        assert_int_equal(got[0]->gso_size, 1460);
        assert_int_equal(got[0]->checksum, PACKET_CHECKSUM_PARTIAL);
        assert_int_equal(got[0]->checksum_start, 34);
        packet_release_burst(got, 1);
    }
    assert_int_equal(f->ends[0]->counters.bytes_tx, 50 * (14 + 65535));
}

static void settings_for_large(struct fixture *f)
{
    f->settings.trust_checksums = true;
    f->settings.gso_max = 65535;
    f->settings.large_frames = 8;
}

static void large_frames_cross_whole_and_come_home(void **state)
{
    settings_for_large(*state);
    in_both_modes(*state, check_large);
}

static void check_large_room(struct fixture *f)
{
    struct packet *p[64];
    unsigned n = link_tx_alloc(f->ends[0], p, 64, LINK_ALLOC_LARGE);
    assert_int_equal(n, 8);
    assert_int_equal(link_tx_alloc(f->ends[0], p + n, 64 - n, LINK_ALLOC_LARGE), 0);
    assert_int_equal(link_tx_alloc(f->ends[0], p + n, 64 - n, LINK_ALLOC_DATA), f->settings.queue - 8);
    packet_release_burst(p, f->settings.queue);
}

static void large_frames_run_out_by_themselves_and_share_the_queue(void **state)
{
    settings_for_large(*state);
    in_both_modes(*state, check_large_room);
}

static void check_large_from_elsewhere(struct fixture *f)
{
    struct packet_pool pool;
    struct packet *p, *got[4];
    assert_int_equal(packet_pool_init(&pool, f->a, 1, PACKET_HEADROOM + 40000, 0), 0);
    assert_int_equal(packet_pool_get(&pool, &p, 1), 1);
    fill(p, 5, 30000);
    p->gso = PACKET_GSO_TCP4;
    p->gso_size = 1460;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    f->ends[0]->ops->tx_burst(f->ends[0], &p, 1, NOW);
    assert_int_equal(link_rx_burst(f->ends[1], got, 4, NOW), 1);
    assert_int_equal(got[0]->len, 30000);
    assert_int_equal(got[0]->gso_size, 1460);
    packet_release_burst(got, 1);
    packet_pool_free(&pool);
}

static void large_frames_from_elsewhere_cross(void **state)
{
    settings_for_large(*state);
    in_both_modes(*state, check_large_from_elsewhere);
}

static void check_none_large(struct fixture *f)
{
    assert_int_equal(f->ends[0]->caps & (LINK_CAP_TSO | LINK_CAP_GRO), 0);
    assert_int_equal(f->ends[0]->gso_max, 0);
    assert_null(gso_packet(f->ends[0], 1, 100));
}

static void large_frames_are_given_only_when_asked_for(void **state)
{
    struct fixture *f = *state;
    f->settings.trust_checksums = true;
    in_both_modes(f, check_none_large);
}

static void frames_in_flight_at_closing_are_not_leaked(void **state)
{
    struct fixture *f = *state;
    for (unsigned way = 0; way < 8; way++) {
        f->settings.two_threads = way & 1;
        open_links(f);
        send_numbered(f->ends[0], 9, 0);
        send_numbered(f->ends[1], 7, 0);
        receive_and_release(f->ends[0]);
        struct packet *p[3];
        assert_int_equal(packet_pool_get(&f->elsewhere, p, 3), 3);
        f->ends[1]->ops->tx_burst(f->ends[1], p, 3, NOW);
        unsigned first = way >> 1 & 1;
        link_close(f->ends[first]);
        if (way & 4)
            send_numbered(f->ends[!first], 5, 0);
        link_close(f->ends[!first]);
        assert_int_equal(f->elsewhere.free_count, 64);
    }
}

static void both_ends_are_described(void **state)
{
    struct fixture *f = *state;
    open_links(f);
    assert_string_equal(f->ends[0]->name, "pair:1");
    assert_string_equal(f->ends[1]->name, "pair:2");
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    for (unsigned i = 0; i < 2; i++) {
        assert_memory_equal(f->ends[i]->mac, mac[i], 6);
        assert_int_equal(f->ends[i]->mtu, 1500);
        assert_int_equal(f->ends[i]->fd, -1);
        assert_true(link_next_deadline(f->ends[i]) == TIME_NEVER);
    }
    close_links(f);
}

static void impossible_settings_are_refused(void **state)
{
    struct fixture *f = *state;
    struct memory_settings s = f->settings;
#define REFUSED(member, value)                                                                                         \
    s = f->settings;                                                                                                   \
    s.member = (value);                                                                                                \
    assert_int_equal(memory_link_new(&s, f->a, "x", f->ends), ERR_INVALID)
    REFUSED(frames, 0);
    REFUSED(reserve, 64);
    REFUSED(queue, 0);
    REFUSED(gso_max, 65535); /* without trust_checksums */
    f->settings.trust_checksums = true;
    REFUSED(gso_max, 65536);
    f->settings.gso_max = 65535;
    REFUSED(large_frames, 0);
    f->settings.gso_max = 0;
    f->settings.trust_checksums = false;
    REFUSED(queue, UINT32_MAX);
    REFUSED(mtu, 67);
    REFUSED(mtu, 65536);
    REFUSED(mtu, 9000);
    REFUSED(buffer_bytes, PACKET_HEADROOM + 1521);
    s.buffer_bytes = PACKET_HEADROOM + 1522;
    assert_int_equal(memory_link_new(&s, f->a, "x", f->ends), 0);
    close_links(f);
}

static void want_of_memory_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    f->settings.two_threads = true;
    settings_for_large(f);
    int error = ERR_NO_MEMORY;
    size_t before = f->counting.live_blocks;
    for (unsigned allocs = 0; error; allocs++) {
        assert_true(allocs <= 15);
        f->counting.allocs_left = allocs;
        error = memory_link_new(&f->settings, f->a, "pair", f->ends);
        assert_true(error == ERR_NO_MEMORY || (error == 0 && allocs == 15));
        assert_true(!error || f->counting.live_blocks == before);
    }
    close_links(f);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(frames_cross_in_order_and_are_counted),
        CASE(frames_come_home_again_and_again),
        CASE(frames_are_given_only_while_there_is_room),
        CASE(frames_given_back_unsent_do_not_block_the_link),
        CASE(a_queue_of_any_size_is_kept_to_exactly),
        CASE(only_control_gets_the_reserve),
        CASE(frames_from_elsewhere_cross_and_what_has_no_room_is_counted),
        CASE(frames_turned_round_on_the_wire_come_home),
        CASE(a_receiver_that_keeps_frames_does_not_starve_the_sender),
        CASE(without_trust_partial_checksums_are_completed),
        CASE(with_trust_nobody_computes_checksums),
        CASE(only_what_a_wire_carries_crosses),
        CASE(frames_over_the_mtu_are_dropped_on_arrival),
        CASE(large_frames_cross_whole_and_come_home),
        CASE(large_frames_run_out_by_themselves_and_share_the_queue),
        CASE(large_frames_from_elsewhere_cross),
        CASE(large_frames_are_given_only_when_asked_for),
        CASE(frames_in_flight_at_closing_are_not_leaked),
        CASE(both_ends_are_described),
        CASE(impossible_settings_are_refused),
        CASE(want_of_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
