/* SPDX-License-Identifier: MIT */
/*
 * THREATS TC-01 and TC-02: segments whose header or checksum is wrong, as frames on a wire. RFC 9293 3.1, MUST-2,
 * MUST-3.
 */
#include "support/hostile.h"

#define CLOSED_PORT 999

/* An ACK to a port where nobody listens: it gets an RST, unless it is dropped before. */
static uint32_t make_ack(uint8_t *f, uint32_t seq, const void *payload, uint32_t length)
{
    return make_tcp(f, PEER, 40000, US, CLOSED_PORT, TCP_ACK, seq, 77, payload, length);
}

static void fix_tcp_checksum(uint8_t *f, uint32_t length)
{
    memset(f + 34 + WIRE_TCP_CHECKSUM_OFFSET, 0, 2);
    uint16_t sum = wire_l4_checksum_v4(PEER, US, IP_PROTO_TCP, f + 34, length - 34);
    memcpy(f + 34 + WIRE_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
}

static void expect_reset(struct hostile *h)
{
    struct wire_ipv4 ip;
    const uint8_t *m = hostile_expect_ipv4(h, IP_PROTO_TCP, &ip);
    assert_int_equal(load_be16(m + 12) & 0x1ff, TCP_RST);
}

static void test_tc_01_the_data_offset_is_compared_with_what_is_there(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (uint32_t bytes = 20; bytes <= 60; bytes++)
        for (uint32_t offset = 0; offset < 16; offset++) {
            uint8_t f[FRAME_MAKE_BYTES];
            uint32_t n = make_ack(f, 1, nops, bytes - 20);
            f[46] = (uint8_t)(offset << 4);
            fix_tcp_checksum(f, n);
            hostile_case(h);
            hostile_inject(h, f, n);
            if (offset < 5 || offset * 4 > bytes) {
                HOSTILE_DROPS(h, tcp_short, 1);
                hostile_expect_silence(h);
            } else {
                HOSTILE_TCP_DROPS(h, drop_no_connection, 1);
                expect_reset(h);
            }
        }
    for (uint32_t bytes = 0; bytes < 20; bytes++) {
        uint8_t f[FRAME_MAKE_BYTES], g[FRAME_MAKE_BYTES];
        make_ack(g, 1, NULL, 0);
        uint32_t n = make_ipv4(f, PEER, US, IP_PROTO_TCP, g + 34, bytes);
        hostile_case(h);
        hostile_inject(h, f, n);
        HOSTILE_DROPS(h, tcp_short, 1);
        hostile_expect_silence(h);
    }
    hostile_end(h, "TC-01");
}

/* All values of the field; returns how many were taken. */
static unsigned try_all_checksums(struct hostile *h, uint8_t *f, uint32_t n)
{
    unsigned taken = 0;
    for (uint32_t sum = 0; sum < 65536; sum++) {
        store_be16(f + 34 + WIRE_TCP_CHECKSUM_OFFSET, (uint16_t)sum);
        hostile_case(h);
        hostile_inject(h, f, n);
        if (HOSTILE_COUNT(h, tcp_bad_checksum) == 1) {
            HOSTILE_DROPS(h, tcp_bad_checksum, 1);
            hostile_expect_silence(h);
        } else {
            HOSTILE_TCP_DROPS(h, drop_no_connection, 1);
            expect_reset(h);
            taken++;
        }
    }
    return taken;
}

static void test_tc_02_only_the_right_checksum_is_taken(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES];
    uint32_t n = make_ack(f, 1, "odd", 3);
    assert_int_equal(try_all_checksums(h, f, n), 1);
    uint32_t seq = 0; /* one whose sum comes out as zero: then 0 and 0xffff are the same number */
    do
        n = make_ack(f, ++seq, NULL, 0);
    while (load_be16(f + 34 + WIRE_TCP_CHECKSUM_OFFSET) != 0 && load_be16(f + 34 + WIRE_TCP_CHECKSUM_OFFSET) != 0xffff);
    assert_int_equal(try_all_checksums(h, f, n), 2);
    hostile_end(h, "TC-02");
}

/* Words swapped, a word moved: what a sum cannot see is taken; every single bit that flips is seen. */
static void test_tc_02_every_flipped_bit_is_seen(void **state)
{
    (void)state;
    struct hostile *h = hostile_new(NULL);
    uint8_t f[FRAME_MAKE_BYTES];
    uint32_t n = make_ack(f, 1, "0123456789", 10);
    for (uint32_t bit = 34 * 8; bit < n * 8; bit++) {
        f[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        hostile_case(h);
        hostile_inject(h, f, n);
        bool offset = bit / 8 == 46 && bit % 8 >= 4; /* of the data: looked at first */
        assert_int_equal(HOSTILE_COUNT(h, tcp_bad_checksum) + (offset ? HOSTILE_COUNT(h, tcp_short) : 0), 1);
        hostile_expect_silence(h);
        f[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    hostile_end(h, "TC-02 (bits)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tc_01_the_data_offset_is_compared_with_what_is_there),
        cmocka_unit_test(test_tc_02_only_the_right_checksum_is_taken),
        cmocka_unit_test(test_tc_02_every_flipped_bit_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
