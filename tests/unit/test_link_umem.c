/* SPDX-License-Identifier: MIT */
/*
 * link/umem: frames as the kernel sees them and as packets; link/unfilled: which checksums nobody filled in. Needs no
 * rights.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/umem.h"
#include "link/unfilled.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"

#define FRAMES 32u

static struct counting_alloc counting;
static struct umem u;

static void begin(uint32_t frame_bytes)
{
    assert_int_equal(umem_init(&u, counting_alloc_init(&counting), FRAMES, frame_bytes), 0);
}

static void end(void)
{
    umem_free(&u);
    assert_int_equal(counting.live_blocks, 0);
}

static void chunks_hold_what_was_asked_for_and_no_more_memory_than_that(void **state)
{
    (void)state;
    static const struct {
        uint32_t frame, chunk;
    } cases[] = {{1, 2048}, {1522, 2048}, {2048 - 128 - 256, 2048}, {2048 - 128 - 255, 4096}, {UMEM_FRAME_MAX, 4096}};
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(cases[i].frame);
        assert_int_equal(u.chunk_bytes, cases[i].chunk);
        assert_int_equal(u.bytes, 2 * FRAMES * cases[i].chunk);
        assert_int_equal((uintptr_t)u.memory % 4096, 0);
        assert_true(u.rx.buffer_bytes - UMEM_HEADROOM >= cases[i].frame);
        end();
    }
    assert_int_equal(umem_init(&u, counting_alloc_init(&counting), FRAMES, UMEM_FRAME_MAX + 1), ERR_INVALID);
    end();
    assert_int_equal(umem_init(&u, counting_alloc_init(&counting), 0, 100), ERR_INVALID);
    end();
}

static void without_memory_nothing_is_left(void **state)
{
    (void)state;
    for (unsigned allocs = 0; allocs < 3; allocs++) {
        counting_alloc_init(&counting);
        counting.allocs_left = allocs;
        assert_int_equal(umem_init(&u, &counting.allocator, FRAMES, 1522), ERR_NO_MEMORY);
        end();
    }
}

/* As the kernel does: any address of the chunk is filled at its headroom, and the packet is there. */
static void what_the_kernel_received_is_a_packet_where_it_lies(void **state)
{
    (void)state;
    struct packet *p[FRAMES];
    begin(1522);
    assert_int_equal(packet_pool_get(&u.rx, p, FRAMES), FRAMES);
    for (unsigned i = 0; i < FRAMES; i++) {
        uint64_t chunk = umem_lend(&u, p[i]) & ~(uint64_t)(u.chunk_bytes - 1);
        assert_int_equal(u.memory + chunk, p[i]);
        uint64_t at = chunk + sizeof(struct packet) + UMEM_HEADROOM;
        memset(u.memory + at, (int)i, 1522);
        struct packet *q = umem_receive(&u, at, 1522);
        assert_ptr_equal(q, p[i]);
        assert_int_equal(q->len, 1522);
        assert_int_equal(packet_headroom(q), UMEM_HEADROOM);
        assert_true(packet_tailroom(q) < u.chunk_bytes);
        assert_int_equal(q->data[1521], i);
        assert_true(umem_has(&u, q));
    }
    assert_int_equal(u.rx_lent, 0);
    packet_release_burst(p, FRAMES);
    assert_int_equal(u.rx.free_count, FRAMES);
    end();
}

static void frames_of_both_pools_come_back_to_where_they_belong(void **state)
{
    (void)state;
    struct packet *rx, *tx;
    begin(1522);
    assert_int_equal(packet_pool_get(&u.rx, &rx, 1), 1);
    assert_int_equal(packet_pool_get(&u.tx, &tx, 1), 1);
    uint64_t a = umem_lend(&u, rx), b = umem_lend(&u, tx);
    assert_int_equal(a, rx->data - u.memory);
    assert_int_equal(u.rx_lent, 1);
    assert_int_equal(u.tx_lent, 1);
    assert_ptr_equal(umem_reclaim(&u, b + 77), tx);
    assert_ptr_equal(umem_reclaim(&u, a), rx);
    packet_release(tx);
    packet_release(rx);
    assert_int_equal(u.rx.free_count, FRAMES);
    assert_int_equal(u.tx.free_count, FRAMES);
    end();
}

static void what_the_kernel_never_gave_back_does_not_hold_up_the_end(void **state)
{
    (void)state;
    struct packet *p[3];
    begin(1522);
    assert_int_equal(packet_pool_get(&u.rx, p, 2), 2);
    assert_int_equal(packet_pool_get(&u.tx, p + 2, 1), 1);
    for (unsigned i = 0; i < 3; i++)
        (void)umem_lend(&u, p[i]);
    end();
}

static void packets_from_elsewhere_are_known_as_such(void **state)
{
    (void)state;
    struct packet_pool other;
    struct packet *p;
    begin(1522);
    assert_int_equal(packet_pool_init(&other, &counting.allocator, 1, 2048, 0), 0);
    assert_int_equal(packet_pool_get(&other, &p, 1), 1);
    assert_false(umem_has(&u, p));
    packet_release(p);
    packet_pool_free(&other);
    end();
}

/* ---- unfilled ---- */

static struct packet *segment(bool udp, uint32_t payload)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(&u.tx, &p, 1), 1);
    if (udp)
        offload_fill_udp(p, payload, 1448);
    else
        offload_fill(p, payload, 1448);
    return p;
}

static void a_checksum_that_is_left_to_a_card_is_told_from_right_and_wrong_ones(void **state)
{
    (void)state;
    begin(1522);
    for (unsigned udp = 0; udp < 2; udp++) {
        for (uint32_t payload = 24; payload < 1400; payload += 13) {
            struct packet *p = segment(udp, payload);
            assert_true(checksum_is_unfilled(p));
            p->data[p->len - 1] ^= 0x55;
            assert_true(checksum_is_unfilled(p)); /* what was done to it, nobody can know */
            p->data[p->len - 1] ^= 0x55;
            assert_int_equal(packet_finish(p), 0);
            assert_false(checksum_is_unfilled(p));
            p->data[p->len - 1] ^= 0x55;
            assert_false(checksum_is_unfilled(p)); /* wrong: the stack's to count */
            packet_release(p);
        }
    }
    end();
}

/* One payload in 65,536 has the pseudo-header's sum for its checksum. */
static void a_right_checksum_that_looks_unfilled_is_right(void **state)
{
    (void)state;
    begin(1522);
    struct packet *p = segment(false, 100);
    unsigned alike = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t left;
        memcpy(&left, p->data + 50, 2); /* the pseudo-header's sum */
        store_be16(p->data + p->len - 2, (uint16_t)i);
        struct packet *q = packet_copy(p, &u.tx);
        assert_int_equal(packet_finish(q), 0);
        alike += memcmp(q->data + 50, &left, 2) == 0;
        assert_false(checksum_is_unfilled(q));
        packet_release(q);
    }
    assert_in_range(alike, 1, 2);
    packet_release(p);
    end();
}

static void what_is_no_whole_segment_is_not_unfilled(void **state)
{
    (void)state;
    begin(1522);
    struct packet *p = segment(false, 100);
    for (uint32_t length = 0; length < OFFLOAD_HEADERS + 100; length++) {
        p->len = length;
        assert_false(checksum_is_unfilled(p));
    }
    p->len = OFFLOAD_HEADERS + 100;
    assert_true(checksum_is_unfilled(p));
    store_be16(p->data + 12, 0x0806);
    assert_false(checksum_is_unfilled(p));
    packet_release(p);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_hold_what_was_asked_for_and_no_more_memory_than_that),
        cmocka_unit_test(without_memory_nothing_is_left),
        cmocka_unit_test(what_the_kernel_received_is_a_packet_where_it_lies),
        cmocka_unit_test(frames_of_both_pools_come_back_to_where_they_belong),
        cmocka_unit_test(what_the_kernel_never_gave_back_does_not_hold_up_the_end),
        cmocka_unit_test(packets_from_elsewhere_are_known_as_such),
        cmocka_unit_test(a_checksum_that_is_left_to_a_card_is_told_from_right_and_wrong_ones),
        cmocka_unit_test(a_right_checksum_that_looks_unfilled_is_right),
        cmocka_unit_test(what_is_no_whole_segment_is_not_unfilled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
