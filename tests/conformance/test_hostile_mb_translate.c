/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's arithmetic on headers that anybody may send (THREATS MB-04, MB-05): an independent model, which
 * knows where it put each number and computes checksums in full, gives the same bytes; there and back is the identity.
 */
#include <stdlib.h>

#include "accel/translate.h"
#include "base/random.h"
#include "support/cmocka_all.h"
#include "wire/l4.h"

#define MOST_NUMBERS 16u
#define PAYLOAD 7u

/* A segment made up, and where its numbers of each kind stand. */
struct made {
    uint8_t bytes[WIRE_TCP_MAX + PAYLOAD];
    uint32_t header_length, length;
    uint64_t pseudo;
    uint32_t n_sack, n_ts_val, n_ts_ecr;
    uint32_t sack[MOST_NUMBERS], ts_val[MOST_NUMBERS], ts_ecr[MOST_NUMBERS];
};

/* The sanitizer builds set it: a hundredth. */
static uint64_t cases(uint64_t n) { return getenv("WEIR_SIM_CELLS") ? n / 100 : n; }

static void put_checksum(struct made *m)
{
    memset(m->bytes + WIRE_TCP_CHECKSUM_OFFSET, 0, 2);
    uint16_t sum = checksum_finish(checksum_add_scalar(m->pseudo, m->bytes, m->length));
    memcpy(m->bytes + WIRE_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
}

/* One option of `room` bytes at most, with any length that a sender could give it. Returns its bytes; 0: no more. */
static uint32_t make_option(struct made *m, uint32_t at, uint32_t room, struct random *r)
{
    uint8_t *o = m->bytes + at;
    uint64_t what = random_below(r, 16);
    if (what < 6) {
        o[0] = TCP_KIND_NOP;
        return 1;
    }
    if (what < 9 && room >= 10) {
        o[0] = TCP_KIND_TIMESTAMPS, o[1] = 10;
        m->ts_val[m->n_ts_val++] = at + 2;
        m->ts_ecr[m->n_ts_ecr++] = at + 6;
        return 10;
    }
    if (what < 13 && room >= 10) {
        uint32_t blocks = 1 + (uint32_t)random_below(r, (room - 2) / 8);
        o[0] = TCP_KIND_SACK, o[1] = (uint8_t)(2 + 8 * blocks);
        for (uint32_t i = 0; i < 2 * blocks; i++)
            m->sack[m->n_sack++] = at + 2 + 4 * i;
        return o[1];
    }
    if (what < 14 && room >= 2) {
        static const uint8_t kinds[] = {2, 3, 4, 8, 5, 19, 34, 254};
        o[0] = kinds[random_below(r, ARRAY_SIZE(kinds))];
        o[1] = (uint8_t)(2 + random_below(r, min_u32(7, room - 1))); /* timestamps and SACK of a wrong length too */
        return o[1];
    }
    if (what == 14) {
        o[0] = TCP_KIND_END;
        return 0;
    }
    if (room >= 2) { /* a length that leads nowhere */
        o[0] = TCP_KIND_TIMESTAMPS;
        o[1] = random_below(r, 2) ? (uint8_t)random_below(r, 2) : (uint8_t)(room + 1);
    }
    return 0;
}

static void make(struct made *m, struct random *r)
{
    m->n_sack = m->n_ts_val = m->n_ts_ecr = 0;
    m->header_length = WIRE_TCP_MIN + 4 * (uint32_t)random_below(r, 11);
    m->length = m->header_length + (uint32_t)random_below(r, PAYLOAD + 1);
    for (uint32_t i = 0; i < sizeof m->bytes; i += 4)
        store_be32(m->bytes + min_u32(i, sizeof m->bytes - 4), random_u32(r));
    m->bytes[12] = (uint8_t)(m->header_length / 4 << 4);
    if (random_below(r, 8))
        m->bytes[13] |= TCP_ACK;
    if (m->header_length == 32 && random_below(r, 2)) { /* as on most segments */
        store_be32(m->bytes + 20, WIRE_TCP_TS_PREFIX);
        m->ts_val[m->n_ts_val++] = 24;
        m->ts_ecr[m->n_ts_ecr++] = 28;
    } else {
        for (uint32_t at = WIRE_TCP_MIN, n; at < m->header_length; at += n)
            if ((n = make_option(m, at, m->header_length - at, r)) == 0)
                break;
    }
    m->pseudo = checksum_add_u32(random_u32(r), random_u32(r));
    put_checksum(m);
}

static void add_at(struct made *m, const uint32_t *at, uint32_t n, uint32_t by)
{
    for (uint32_t i = 0; i < n; i++)
        store_be32(m->bytes + at[i], load_be32(m->bytes + at[i]) + by);
}

/* What the header of translate.h says, number by number. */
static void model(struct made *m, enum accel_way way, const struct accel_shift *s)
{
    static const uint32_t sequence = 4, acknowledgement = 8;
    if (way == ACCEL_TO_CLIENT) {
        add_at(m, &sequence, 1, 0u - s->sequence);
        add_at(m, m->ts_val, m->n_ts_val, 0u - s->timestamp);
    } else if (m->bytes[13] & TCP_ACK) {
        add_at(m, &acknowledgement, 1, s->sequence);
        add_at(m, m->sack, m->n_sack, s->sequence);
        add_at(m, m->ts_ecr, m->n_ts_ecr, s->timestamp);
    }
    put_checksum(m);
}

static uint32_t any_shift(struct random *r)
{
    static const uint32_t edges[] = {0, 1, 0xffffffff, 0x80000000, 0xffff, 0x10000, 0xffff0000, 0x7fffffff};
    return random_below(r, 4) ? random_u32(r) : edges[random_below(r, ARRAY_SIZE(edges))];
}

static void mb_04_ten_million_headers_there_and_back(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 4);
    const uint64_t n = cases(10000000);
    for (uint64_t i = 0; i < n; i++) {
        struct made was, expected;
        make(&was, &r);
        const struct accel_shift shift = {any_shift(&r), any_shift(&r)};
        const enum accel_way way = i % 2 ? ACCEL_TO_CLIENT : ACCEL_TO_SERVER;
        expected = was;
        model(&expected, way, &shift);
        uint8_t is[sizeof was.bytes];
        memcpy(is, was.bytes, sizeof is);
        accel_translate(is, was.header_length, way, &shift, ACCEL_CHECKSUM_WHOLE);
        if (memcmp(is, expected.bytes, sizeof is) != 0)
            fail_msg("case %llu: a translation differs from the model", (unsigned long long)i);
        accel_translate_back(is, was.header_length, way, &shift, ACCEL_CHECKSUM_WHOLE);
        if (memcmp(is, was.bytes, sizeof is) != 0)
            fail_msg("case %llu: there and back is not the identity", (unsigned long long)i);
    }
    print_message("MB-04: %llu cases\n", (unsigned long long)n);
}

/* ICMP errors quote segments as they were on the other side, whole or the first 8 bytes and more. */
static void mb_04_a_million_quotes_are_translated_back(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 44);
    const uint64_t n = cases(1000000);
    for (uint64_t i = 0; i < n; i++) {
        struct made was, quoted;
        make(&was, &r);
        const struct accel_shift shift = {any_shift(&r), any_shift(&r)};
        const enum accel_way way = i % 2 ? ACCEL_TO_CLIENT : ACCEL_TO_SERVER;
        quoted = was;
        model(&quoted, way, &shift);
        const size_t present = 8 + random_below(&r, was.length - 7);
        const uint64_t rest = random_u32(&r); /* the message around it */
        uint16_t icmp = checksum_finish(checksum_add_scalar(rest, quoted.bytes, present));
        assert_int_equal(accel_translate_quote(quoted.bytes, present, way, &shift, &icmp), 0);
        assert_int_equal(icmp, checksum_finish(checksum_add_scalar(rest, quoted.bytes, present)));
        assert_memory_equal(quoted.bytes, was.bytes, 8); /* ports and sequence number, by which it is found */
        if (present == was.length)
            assert_memory_equal(quoted.bytes, was.bytes, present);
    }
    print_message("MB-04: %llu cases\n", (unsigned long long)n);
}

/* A checksum field after a number in its segment changed, against one computed over all: the words 0 and 0xffff often. */
static void mb_05_a_hundred_million_incremental_checksums(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 5);
    const uint64_t n = cases(100000000);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t a = random_u64(&r), b = random_u64(&r);
        uint16_t words[4] = {(uint16_t)a, (uint16_t)(a >> 16), (uint16_t)(a >> 32), (uint16_t)(a >> 48)};
        for (unsigned w = 0; w < 4; w++) { /* each of the words is an edge one time in four */
            const unsigned edge = (unsigned)(b >> 40 >> 4 * w) & 15;
            words[w] = edge < 2 ? 0 : edge < 4 ? 0xffff : words[w];
        }
        const uint64_t rest = b & 0xffffff;
        const uint16_t before = checksum_finish(rest + words[0] + words[1]);
        const uint16_t after = checksum_finish(rest + words[2] + words[3]);
        const uint32_t was = words[0] | (uint32_t)words[1] << 16, is = words[2] | (uint32_t)words[3] << 16;
        const bool nothing = rest + words[2] + words[3] == 0; /* no segment: its ports would be 0 too */
        if (checksum_update32(before, was, is) != after && !nothing)
            fail_msg("case %llu: 32 bits, %04x %08x %08x", (unsigned long long)i, before, was, is);
        const uint16_t one = checksum_update16(checksum_update16(before, words[0], words[2]), words[1], words[3]);
        if (one != after && !nothing)
            fail_msg("case %llu: 16 bits, %04x %08x %08x", (unsigned long long)i, before, was, is);
    }
    print_message("MB-05: %llu cases\n", (unsigned long long)n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mb_04_ten_million_headers_there_and_back),
        cmocka_unit_test(mb_04_a_million_quotes_are_translated_back),
        cmocka_unit_test(mb_05_a_hundred_million_incremental_checksums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
