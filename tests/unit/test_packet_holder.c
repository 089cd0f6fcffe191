/* SPDX-License-Identifier: MIT */
/*
 * packet/packet: what a holder does with packets: release, keep past the burst, copy, make plain. The expected frame of
 * the checksum tests is a datagram whose checksum tshark and the RFC 768 sum done by hand below agree on.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/error.h"
#include "packet/packet.h"
#include "support/counting_alloc.h"

#define FRAMES 16u
#define BUFFER 512u

struct fixture {
    struct counting_alloc counting;
    struct packet_pool a, b, tiny;
};

static int set_up(void **state)
{
    static struct fixture f;
    const struct allocator *alloc = counting_alloc_init(&f.counting);
    assert_int_equal(packet_pool_init(&f.a, alloc, FRAMES, BUFFER, 0), 0);
    assert_int_equal(packet_pool_init(&f.b, alloc, FRAMES, BUFFER, 0), 0);
    assert_int_equal(packet_pool_init(&f.tiny, alloc, 2, PACKET_HEADROOM + 64, 0), 0);
    *state = &f;
    return 0;
}

/* Freeing asserts that every packet is home. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->a.home.held + f->b.home.held + f->tiny.home.held, 0);
    packet_pool_free(&f->a);
    packet_pool_free(&f->b);
    packet_pool_free(&f->tiny);
    assert_int_equal(f->counting.live_blocks, 0);
    return 0;
}

static struct packet *get(struct packet_pool *pool)
{
    struct packet *p;
    assert_int_equal(packet_pool_get(pool, &p, 1), 1);
    return p;
}

/* `length` bytes counting up from `first`. */
static struct packet *get_filled(struct packet_pool *pool, uint32_t length, uint8_t first)
{
    struct packet *p = get(pool);
    p->len = length;
    for (uint32_t i = 0; i < length; i++)
        p->data[i] = (uint8_t)(first + i);
    return p;
}

/* Ethernet, IPv4 127.0.0.1 to 127.0.0.1, UDP 30000 to 13000, "XXXX". */
static const uint8_t datagram[46] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0,    0,
                                     0x08, 0x00, 0x45, 0x00, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11,
                                     0x7c, 0xca, 0x7f, 0x00, 0x00, 0x01, 0x7f, 0x00, 0x00, 0x01, 0x75, 0x30,
                                     0x32, 0xc8, 0x00, 0x0c, 0xa9, 0x2a, 0x58, 0x58, 0x58, 0x58};
#define UDP_AT 34u
#define UDP_CHECKSUM_AT 40u

/* The datagram as a sender with checksum offload leaves it: the field holds the sum of the pseudo header. */
static struct packet *get_partial_datagram(struct packet_pool *pool)
{
    struct packet *p = get(pool);
    p->len = sizeof datagram;
    memcpy(p->data, datagram, sizeof datagram);
    uint32_t pseudo = 0x7f00 + 0x0001 + 0x7f00 + 0x0001 + 17 + 12;
    p->data[UDP_CHECKSUM_AT] = (uint8_t)(pseudo >> 8);
    p->data[UDP_CHECKSUM_AT + 1] = (uint8_t)pseudo;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = UDP_AT;
    p->checksum_offset = 6;
    p->l3_offset = 14;
    p->l4_offset = UDP_AT;
    return p;
}

static void a_burst_of_several_homes_goes_back_to_each(void **state)
{
    struct fixture *f = *state;
    struct packet *p[7];
    struct packet_pool *const pools[7] = {&f->a, &f->a, &f->b, &f->a, &f->b, &f->b, &f->b};
    for (unsigned i = 0; i < 7; i++)
        p[i] = get(pools[i]);
    packet_release_burst(p, 7);
    assert_int_equal(f->a.free_count, FRAMES);
    assert_int_equal(f->b.free_count, FRAMES);
    packet_release_burst(p, 0);
}

static void a_burst_leaves_kept_packets_alone(void **state)
{
    struct fixture *f = *state;
    for (unsigned kept = 0; kept < 1u << 5; kept++) {
        struct packet *p[5];
        assert_int_equal(packet_pool_get(&f->a, p, 5), 5);
        for (unsigned i = 0; i < 5; i++)
            if (kept >> i & 1)
                assert_ptr_equal(packet_keep(p[i], 0, 0, &f->b), p[i]);
        unsigned held = (unsigned)__builtin_popcount(kept);
        packet_release_burst(p, 5);
        assert_int_equal(f->a.free_count, FRAMES - held);
        assert_int_equal(f->a.home.held, held);
        for (unsigned i = 0; i < 5; i++)
            if (kept >> i & 1)
                packet_release(p[i]);
        assert_int_equal(f->a.free_count, FRAMES);
        assert_int_equal(f->a.home.held, 0);
    }
}

struct released {
    unsigned count;
    const uint8_t *last;
};

static void note_release(void *context, const uint8_t *bytes)
{
    struct released *r = context;
    r->count++;
    r->last = bytes;
}

static void frags_are_released_with_their_packet(void **state)
{
    struct fixture *f = *state;
    static const uint8_t bytes[2][4] = {"abc", "def"};
    struct released r = {0};
    struct packet_frag frags[2] = {{bytes[0], 4, note_release, &r}, {bytes[1], 4, note_release, &r}};
    struct packet *p = get(&f->a);
    p->frags = frags;
    p->nfrags = 2;
    packet_release(p);
    assert_int_equal(r.count, 2);
    assert_ptr_equal(r.last, bytes[1]);

    struct packet *burst[2] = {get(&f->a), get(&f->a)};
    struct packet_frag constant = {bytes[0], 4, NULL, NULL};
    burst[0]->frags = &constant;
    burst[0]->nfrags = 1;
    burst[1]->frags = frags;
    burst[1]->nfrags = 1;
    packet_release_burst(burst, 2);
    assert_int_equal(r.count, 3);
    assert_int_equal(f->a.free_count, FRAMES);
}

static void below_the_limit_the_frame_itself_is_kept(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_filled(&f->a, 100, 0);
    p->l3_offset = 14;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    struct packet *kept = packet_keep(p, 54, 46, &f->b);
    assert_ptr_equal(kept, p);
    assert_true(kept->held);
    assert_int_equal(kept->len, 46);
    assert_int_equal(kept->data[0], 54);
    assert_int_equal(kept->l3_offset, 0);
    assert_int_equal(kept->checksum, PACKET_CHECKSUM_UNKNOWN);
    assert_int_equal(f->a.home.held, 1);
    assert_int_equal(f->b.free_count, FRAMES);
    packet_release(kept);
}

static void above_the_limit_a_copy_is_kept(void **state)
{
    struct fixture *f = *state;
    f->a.home.held_max = 1;
    struct packet *first = get_filled(&f->a, 10, 0), *second = get_filled(&f->a, 100, 7);
    second->rx_ns = 12345;
    second->hash = 99;
    second->l3_offset = 14;
    assert_ptr_equal(packet_keep(first, 0, 10, &f->b), first);
    struct packet *whole = packet_keep(second, 0, 100, &f->b);
    struct packet *part = packet_keep(second, 60, 40, &f->b);
    assert_ptr_not_equal(whole, second);
    assert_false(second->held);
    assert_ptr_equal(whole->home, &f->b.home);
    assert_int_equal(whole->len, 100);
    assert_memory_equal(whole->data, second->data, 100);
    assert_int_equal(whole->rx_ns, 12345);
    assert_int_equal(whole->hash, 99);
    assert_int_equal(whole->l3_offset, 14);
    assert_int_equal(part->len, 40);
    assert_memory_equal(part->data, second->data + 60, 40);
    assert_int_equal(part->l3_offset, 0);
    struct packet *burst[] = {first, second};
    packet_release_burst(burst, 2);
    assert_int_equal(f->a.free_count, FRAMES - 1);
    packet_release(first);
    packet_release(whole);
    packet_release(part);
}

static void keeping_fails_when_a_copy_has_no_place(void **state)
{
    struct fixture *f = *state;
    f->a.home.held_max = 0;
    struct packet *p = get_filled(&f->a, 65, 0);
    assert_null(packet_keep(p, 0, 65, &f->tiny));
    assert_int_equal(f->tiny.exhausted, 0);
    struct packet *one = packet_keep(p, 1, 64, &f->tiny), *two = packet_keep(p, 0, 64, &f->tiny);
    assert_non_null(one);
    assert_non_null(two);
    assert_null(packet_keep(p, 0, 64, &f->tiny));
    assert_int_equal(f->tiny.exhausted, 1);
    assert_false(p->held);
    packet_release(one);
    packet_release(two);
    packet_release(p);
}

static void an_unheld_packet_goes_on_like_any_other(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get(&f->a);
    assert_ptr_equal(packet_keep(p, 0, 0, &f->b), p);
    packet_unhold(p);
    assert_int_equal(f->a.home.held, 0);
    packet_unhold(p);
    assert_int_equal(f->a.home.held, 0);
    packet_release_burst(&p, 1);
    assert_int_equal(f->a.free_count, FRAMES);
}

static void a_copy_has_the_bytes_of_head_and_frags(void **state)
{
    struct fixture *f = *state;
    static const uint8_t tail[] = "tail of user memory";
    struct released r = {0};
    struct packet_frag frag = {tail, sizeof tail, note_release, &r};
    struct packet *p = get_filled(&f->a, 20, 0);
    p->frags = &frag;
    p->nfrags = 1;
    p->vlan_present = true;
    p->vlan_tci = 0x2064;
    p->departure_set = true;
    p->departure_ns = 77;
    struct packet *copy = packet_copy(p, &f->b);
    assert_non_null(copy);
    assert_int_equal(copy->len, 20 + sizeof tail);
    assert_memory_equal(copy->data, p->data, 20);
    assert_memory_equal(copy->data + 20, tail, sizeof tail);
    assert_int_equal(copy->nfrags, 0);
    assert_true(copy->vlan_present && copy->vlan_tci == 0x2064);
    assert_true(copy->departure_set && copy->departure_ns == 77);
    assert_int_equal(r.count, 0);
    packet_release(copy);
    packet_release(p);
    assert_int_equal(r.count, 1);
}

static void finish_leaves_a_plain_packet_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_filled(&f->a, 60, 1);
    assert_true(packet_is_plain(p));
    assert_int_equal(packet_finish(p), 0);
    assert_int_equal(p->len, 60);
    assert_int_equal(p->data[59], 60);
    packet_release(p);
}

static void finish_completes_a_partial_checksum(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_partial_datagram(&f->a);
    assert_false(packet_is_plain(p));
    assert_int_equal(packet_finish(p), 0);
    assert_true(packet_is_plain(p));
    assert_int_equal(p->len, sizeof datagram);
    assert_memory_equal(p->data, datagram, sizeof datagram);
    packet_release(p);
}

static void a_udp_checksum_of_zero_is_sent_as_ones(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_partial_datagram(&f->a);
    /*
     * Adding the right checksum 0xa92a to the payload's last word, ones' complement, makes the sum 0xffff, its
     * complement 0.
     */
    p->data[44] = 0x01;
    p->data[45] = 0x83;
    assert_int_equal(packet_finish(p), 0);
    assert_int_equal(p->data[UDP_CHECKSUM_AT], 0xff);
    assert_int_equal(p->data[UDP_CHECKSUM_AT + 1], 0xff);
    packet_release(p);
}

static void finish_inserts_the_vlan_tag_and_moves_offsets(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_partial_datagram(&f->a);
    p->vlan_present = true;
    p->vlan_tci = 0x6123;
    assert_int_equal(packet_finish(p), 0);
    assert_false(p->vlan_present);
    assert_int_equal(p->len, sizeof datagram + 4);
    assert_memory_equal(p->data, datagram, 12);
    static const uint8_t tag[] = {0x81, 0x00, 0x61, 0x23};
    assert_memory_equal(p->data + 12, tag, 4);
    assert_memory_equal(p->data + 16, datagram + 12, sizeof datagram - 12);
    assert_int_equal(p->l3_offset, 18);
    assert_int_equal(p->l4_offset, UDP_AT + 4);
    packet_release(p);
}

static void finish_makes_frags_linear_before_it_sums(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_partial_datagram(&f->a);
    struct released r = {0};
    struct packet_frag frag = {datagram + 43, 3, note_release, &r};
    p->len -= 3;
    memset(p->data + p->len, 0xee, 3);
    p->frags = &frag;
    p->nfrags = 1;
    assert_int_equal(packet_finish(p), 0);
    assert_int_equal(r.count, 1);
    assert_int_equal(p->len, sizeof datagram);
    assert_memory_equal(p->data, datagram, sizeof datagram);
    packet_release(p);
}

static void finish_refuses_what_cannot_be_done(void **state)
{
    struct fixture *f = *state;
    struct packet *p = get_partial_datagram(&f->a);
    p->checksum_offset = (uint16_t)(p->len - 1 - UDP_AT); /* one byte of the field is outside */
    assert_int_equal(packet_finish(p), ERR_MALFORMED);
    p->checksum_start = UINT16_MAX;
    p->checksum_offset = UINT16_MAX;
    assert_int_equal(packet_finish(p), ERR_MALFORMED);
    p->checksum = PACKET_CHECKSUM_UNKNOWN;

    p->vlan_present = true;
    p->data = p->start + 3;
    assert_int_equal(packet_finish(p), ERR_NO_SPACE);
    p->data = p->start + 4;
    p->len = 13;
    assert_int_equal(packet_finish(p), ERR_MALFORMED);
    p->len = 14;
    assert_int_equal(packet_finish(p), 0);

    static const uint8_t bytes[BUFFER];
    struct packet_frag frag = {bytes, p->size - 17, NULL, NULL};
    p->frags = &frag;
    p->nfrags = 1;
    assert_ptr_equal(p->data, p->start);
    assert_int_equal(packet_finish(p), ERR_NO_SPACE);
    frag.length--;
    assert_int_equal(packet_finish(p), 0);
    assert_int_equal(p->len, p->size);
    p->gso = PACKET_GSO_TCP4;
    assert_int_equal(packet_finish(p), ERR_MALFORMED);
    packet_release(p);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_burst_of_several_homes_goes_back_to_each),
        CASE(a_burst_leaves_kept_packets_alone),
        CASE(frags_are_released_with_their_packet),
        CASE(below_the_limit_the_frame_itself_is_kept),
        CASE(above_the_limit_a_copy_is_kept),
        CASE(keeping_fails_when_a_copy_has_no_place),
        CASE(an_unheld_packet_goes_on_like_any_other),
        CASE(a_copy_has_the_bytes_of_head_and_frags),
        CASE(finish_leaves_a_plain_packet_as_it_is),
        CASE(finish_completes_a_partial_checksum),
        CASE(a_udp_checksum_of_zero_is_sent_as_ones),
        CASE(finish_inserts_the_vlan_tag_and_moves_offsets),
        CASE(finish_makes_frags_linear_before_it_sums),
        CASE(finish_refuses_what_cannot_be_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
