/* SPDX-License-Identifier: MIT */
/*
 * link/cutter: received GSO packets become the frames they stand for, in order, a few at a time.
 */
#include "support/cmocka_all.h"

#include "base/bytes.h"
#include "link/cutter.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"

#define CAPS LINK_CAP_RX_CHECKSUM

static struct counting_alloc counting;
static struct packet_pool large, frames;
static struct cutter cutter;
static uint64_t too_long;

static int make_pools(void **state)
{
    (void)state;
    counting_alloc_init(&counting);
    if (packet_pool_init(&large, &counting.allocator, 8, PACKET_HEADROOM + 66000, 0) != 0)
        return -1;
    return packet_pool_init(&frames, &counting.allocator, 16, PACKET_HEADROOM + OFFLOAD_HEADERS + 1000, 0);
}

static int free_pools(void **state)
{
    (void)state;
    packet_pool_free(&large);
    packet_pool_free(&frames);
    assert_int_equal(counting.live_blocks, 0);
    return 0;
}

static void receive(uint32_t payload, uint16_t gso_size)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&large, &p, 1), 1);
    offload_fill(p, payload, gso_size);
    cutter_push(&cutter, p);
}

static unsigned take(struct packet **packets, unsigned n, uint32_t caps)
{
    return cutter_take(&cutter, &frames, caps, packets, n, &too_long);
}

static uint32_t sequence(const struct packet *p) { return load_be32(p->data + 38) - 0xffffff00u; }

static void packets_are_cut_a_few_segments_at_a_time_in_order(void **state)
{
    (void)state;
    struct packet *p[8];
    receive(10, 1000);
    receive(4500, 1000);
    receive(20, 1000);
    assert_int_equal(take(p, 3, CAPS), 3);
    assert_int_equal(p[0]->len, OFFLOAD_HEADERS + 10);
    assert_int_equal(sequence(p[1]), 0);
    assert_int_equal(sequence(p[2]), 1000);
    assert_int_equal(p[1]->checksum, PACKET_CHECKSUM_PARTIAL);
    packet_release_burst(p, 3);
    assert_int_equal(take(p, 8, CAPS), 4);
    assert_int_equal(sequence(p[0]), 2000);
    assert_int_equal(p[2]->len, OFFLOAD_HEADERS + 500);
    assert_int_equal(p[3]->len, OFFLOAD_HEADERS + 20);
    packet_release_burst(p, 4);
    assert_true(cutter_is_empty(&cutter));
    assert_int_equal(large.free_count, 8);
}

static void where_frames_run_short_cutting_goes_on_later(void **state)
{
    (void)state;
    struct packet *held[16], *p[8];
    assert_int_equal(packet_pool_get(&frames, held, 16), 16);
    receive(3000, 1000);
    assert_int_equal(take(p, 8, CAPS), 0);
    packet_release_burst(held, 2);
    assert_int_equal(take(p, 8, CAPS), 2);
    assert_false(cutter_is_empty(&cutter));
    packet_release_burst(p, 2);
    assert_int_equal(take(p, 8, CAPS), 1);
    assert_int_equal(sequence(p[0]), 2000);
    packet_release(p[0]);
    packet_release_burst(held + 2, 14);
    assert_true(cutter_is_empty(&cutter));
}

static void segments_too_long_for_a_frame_are_counted(void **state)
{
    (void)state;
    struct packet *p[8];
    too_long = 0;
    receive(3000, 1400);
    receive(20, 1000);
    assert_int_equal(take(p, 8, CAPS), 1);
    assert_int_equal(p[0]->len, OFFLOAD_HEADERS + 20);
    assert_int_equal(too_long, 3);
    packet_release(p[0]);
}

static void only_what_the_link_does_not_deliver_is_cut(void **state)
{
    (void)state;
    struct packet *p[8];
    receive(3000, 1000);
    assert_int_equal(take(p, 8, CAPS | LINK_CAP_GRO), 1);
    assert_int_equal(p[0]->gso, PACKET_GSO_TCP4);
    assert_true(cutter_wants(p[0], 0));
    assert_false(cutter_wants(p[0], LINK_CAP_GRO));
    p[0]->gso = PACKET_GSO_UDP;
    assert_true(cutter_wants(p[0], LINK_CAP_GRO));
    packet_release(p[0]);
}

static void what_waits_is_released_at_the_end(void **state)
{
    (void)state;
    struct packet *p[1];
    receive(3000, 1000);
    receive(3000, 1000);
    assert_int_equal(take(p, 1, 0), 1);
    assert_int_equal(p[0]->checksum, PACKET_CHECKSUM_UNKNOWN);
    packet_release(p[0]);
    cutter_clear(&cutter);
    assert_int_equal(large.free_count, 8);
    assert_int_equal(frames.free_count, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_cut_a_few_segments_at_a_time_in_order),
        cmocka_unit_test(where_frames_run_short_cutting_goes_on_later),
        cmocka_unit_test(segments_too_long_for_a_frame_are_counted),
        cmocka_unit_test(only_what_the_link_does_not_deliver_is_cut),
        cmocka_unit_test(what_waits_is_released_at_the_end),
    };
    return cmocka_run_group_tests_name("link/cutter", tests, make_pools, free_pools);
}
