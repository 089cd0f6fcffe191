/* SPDX-License-Identifier: MIT */
/*
 * packet/pool: what a pool hands out, in which order, what it keeps back, and that it gives all its memory back.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "packet/packet.h"
#include "support/counting_alloc.h"

#define FRAMES 32u
#define RESERVE 8u
#define BUFFER 512u

struct fixture {
    struct counting_alloc counting;
    struct packet_pool pool;
};

static int set_up(void **state)
{
    static struct fixture f;
    const struct allocator *a = counting_alloc_init(&f.counting);
    assert_int_equal(packet_pool_init(&f.pool, a, FRAMES, BUFFER, RESERVE), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    packet_pool_free(&f->pool);
    assert_int_equal(f->counting.live_blocks, 0);
    return 0;
}

static void frames_come_up_to_the_reserve_and_shortage_is_counted(void **state)
{
    struct packet_pool *pool = &((struct fixture *)*state)->pool;
    struct packet *p[FRAMES];
    assert_int_equal(packet_pool_get(pool, p, FRAMES), FRAMES - RESERVE);
    assert_int_equal(pool->exhausted, RESERVE);
    assert_int_equal(packet_pool_get(pool, p, 1), 0);
    assert_int_equal(pool->exhausted, RESERVE + 1);
    packet_release_burst(p, FRAMES - RESERVE);
    assert_int_equal(pool->free_count, FRAMES);
}

static void the_reserve_is_for_those_who_ask_for_it(void **state)
{
    struct packet_pool *pool = &((struct fixture *)*state)->pool;
    struct packet *p[FRAMES];
    unsigned n = packet_pool_get(pool, p, FRAMES);
    for (; n < FRAMES; n++) {
        p[n] = packet_pool_get_reserved(pool);
        assert_non_null(p[n]);
    }
    uint64_t before = pool->exhausted;
    assert_null(packet_pool_get_reserved(pool));
    assert_int_equal(pool->exhausted, before + 1);
    packet_release_burst(p, FRAMES);
    assert_int_equal(pool->free_count, FRAMES);
}

static void the_packet_released_last_is_used_first(void **state)
{
    struct packet_pool *pool = &((struct fixture *)*state)->pool;
    struct packet *p[3], *again[3];
    assert_int_equal(packet_pool_get(pool, p, 3), 3);
    packet_release(p[0]);
    packet_release(p[2]);
    packet_release(p[1]);
    assert_int_equal(packet_pool_get(pool, again, 3), 3);
    assert_ptr_equal(again[0], p[1]);
    assert_ptr_equal(again[1], p[2]);
    assert_ptr_equal(again[2], p[0]);
    packet_release_burst(again, 3);
}

static void a_used_packet_comes_back_empty(void **state)
{
    struct packet_pool *pool = &((struct fixture *)*state)->pool;
    struct packet *p;
    assert_int_equal(packet_pool_get(pool, &p, 1), 1);
    uint8_t *first_line = (uint8_t *)p;
    memset(first_line, 0xff, CACHE_LINE);
    p->home = &pool->home;
    p->nfrags = 0;
    p->held = false;
    packet_release(p);

    struct packet *q;
    assert_int_equal(packet_pool_get(pool, &q, 1), 1);
    assert_ptr_equal(p, q);
    assert_ptr_equal(q->data, q->start + PACKET_HEADROOM);
    assert_int_equal(q->len, 0);
    assert_int_equal(packet_headroom(q), PACKET_HEADROOM);
    assert_int_equal(packet_tailroom(q), BUFFER - PACKET_HEADROOM);
    assert_false(q->vlan_present || q->held || q->departure_set);
    assert_true(packet_is_plain(q));
    assert_int_equal(q->vlan_tci | q->nfrags | q->gso | q->gso_size, 0);
    assert_int_equal(q->hash | q->flow_mark | q->checksum, 0);
    assert_int_equal(q->checksum_start | q->checksum_offset | q->l3_offset | q->l4_offset, 0);
    assert_int_equal(q->rx_ns, 0);
    packet_release(q);
}

static void buffers_do_not_overlap(void **state)
{
    struct packet_pool *pool = &((struct fixture *)*state)->pool;
    struct packet *p[FRAMES];
    for (unsigned i = 0; i < FRAMES; i++) {
        p[i] = packet_pool_get_reserved(pool);
        assert_int_equal((uintptr_t)p[i] % CACHE_LINE, 0);
        memset(p[i]->start, (int)i, p[i]->size);
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        assert_ptr_equal(p[i]->home, &pool->home);
        assert_ptr_equal(p[i]->data, p[i]->start + PACKET_HEADROOM);
        for (unsigned k = 0; k < p[i]->size; k++)
            assert_int_equal(p[i]->start[k], i);
    }
    packet_release_burst(p, FRAMES);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct packet_pool pool;
    assert_int_equal(packet_pool_init(&pool, a, 0, 2048, 0), ERR_INVALID);
    assert_int_equal(packet_pool_init(&pool, a, 8, 2048, 8), ERR_INVALID);
    assert_int_equal(packet_pool_init(&pool, a, 8, PACKET_HEADROOM + 63, 0), ERR_INVALID);
    assert_int_equal(packet_pool_init(&pool, a, 8, PACKET_HEADROOM + 64, 7), 0);
    packet_pool_free(&pool);
    assert_int_equal(c.live_blocks, 0);
}

static void want_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    for (unsigned allocs = 0; allocs < 2; allocs++) {
        struct counting_alloc c;
        const struct allocator *a = counting_alloc_init(&c);
        c.allocs_left = allocs;
        struct packet_pool pool;
        assert_int_equal(packet_pool_init(&pool, a, 8, 2048, 0), ERR_NO_MEMORY);
        assert_int_equal(c.live_blocks, 0);
        packet_pool_free(&pool);
    }
}

static void a_pool_over_given_memory_uses_all_of_it_and_leaves_it_there(void **state)
{
    static CACHE_ALIGNED uint8_t memory[4 * 1024];
    struct fixture *f = *state;
    struct packet_pool over;
    struct packet *p[5];
    size_t before = f->counting.live_blocks;
    assert_int_equal(packet_pool_init_over(&over, &f->counting.allocator, memory, 1024, 4, 1), 0);
    assert_int_equal(packet_pool_get(&over, p, 4), 3);
    p[3] = packet_pool_get_reserved(&over);
    for (unsigned i = 0; i < 4; i++) {
        assert_ptr_equal(p[i], memory + 1024 * i);
        assert_int_equal(p[i]->size, 1024 - sizeof(struct packet));
        memset(p[i]->start, 0xff, p[i]->size);
    }
    packet_release_burst(p, 2);
    packet_pool_write_off(&over, 2);
    packet_pool_free(&over);
    assert_int_equal(f->counting.live_blocks, before);
}

static void memory_that_does_not_fit_packets_is_refused(void **state)
{
    static CACHE_ALIGNED uint8_t memory[4 * 1024];
    struct fixture *f = *state;
    struct packet_pool over;
    const struct {
        size_t offset, stride;
        uint32_t capacity, reserve;
    } wrong[] = {{8, 1024, 2, 0},      {0, 1000, 2, 0}, {0, 0, 2, 0},
                 {0, 128 + 128, 2, 0}, {0, 1024, 0, 0}, {0, 1024, 2, 2}};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(packet_pool_init_over(&over, &f->counting.allocator, memory + wrong[i].offset, wrong[i].stride,
                                               wrong[i].capacity, wrong[i].reserve),
                         ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_come_up_to_the_reserve_and_shortage_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_reserve_is_for_those_who_ask_for_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_packet_released_last_is_used_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_used_packet_comes_back_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buffers_do_not_overlap, set_up, tear_down),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(want_of_memory_leaves_nothing_behind),
        cmocka_unit_test_setup_teardown(a_pool_over_given_memory_uses_all_of_it_and_leaves_it_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_does_not_fit_packets_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
