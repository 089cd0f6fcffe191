/* SPDX-License-Identifier: MIT */
/*
 * Digests of bodies against vectors computed elsewhere and a naive implementation; the generated pattern; bodies
 * queued a bounded amount at a time, whose bytes are compared with a naive encoding.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "l7/http1_body.h"
#include "l7/http1_digest.h"
#include "unit/http1_rig.h"

/* ---- the digest ---- */

static uint64_t digest(const void *bytes, size_t length) { return http1_digest(HTTP1_DIGEST_START, bytes, length); }

/* The vectors were computed with Python's integers from the definition in http1_digest.c. */
static void digest_vectors(void **state)
{
    (void)state;
    uint8_t counting[256], zeros[14] = {0}, ones[57];
    for (unsigned i = 0; i < sizeof counting; i++)
        counting[i] = (uint8_t)i;
    memset(ones, 0xff, sizeof ones);
    assert_int_equal(digest("", 0), UINT64_C(0x1));
    assert_int_equal(digest("a", 1), UINT64_C(0x243f6a8885a30934));
    assert_int_equal(digest("hello", 5), UINT64_C(0xa43f6af7f20f6e3b));
    assert_int_equal(digest("1234567", 7), UINT64_C(0x0476a0bdb9d63b04));
    assert_int_equal(digest("12345678", 8), UINT64_C(0x31f8b8dfb0fad126));
    assert_int_equal(digest(counting, 256), UINT64_C(0x9a93623a0321f7ff));
    assert_int_equal(digest(zeros, 7), UINT64_C(0x043f6a8885a308d3));
    assert_int_equal(digest(zeros, 14), UINT64_C(0x16b5437e78a18dda));
    assert_int_equal(digest(ones, 56), UINT64_C(0x0934f29d112d9162));
    assert_int_equal(digest(ones, 57), UINT64_C(0x20e629d20301c5b2));
}

/* a * b modulo 2^61 - 1 by doubling and adding, bit by bit. */
static uint64_t slow_multiply(uint64_t a, uint64_t b)
{
    const uint64_t p = (UINT64_C(1) << 61) - 1;
    uint64_t sum = 0;
    for (; b; b >>= 1) {
        if (b & 1)
            sum = (sum + a) % p;
        a = (a + a) % p;
    }
    return sum;
}

static uint64_t naive_digest(const uint8_t *bytes, size_t length)
{
    const uint64_t p = (UINT64_C(1) << 61) - 1;
    uint64_t h = 1;
    for (size_t at = 0; at < length; at += 7) {
        uint64_t word = 0;
        for (size_t i = 0; i < 7 && at + i < length; i++)
            word += (uint64_t)bytes[at + i] << (8 * i);
        h = (slow_multiply(h, UINT64_C(0x043f6a8885a308d3)) + word) % p;
    }
    return h + ((uint64_t)(length % 7) << 61);
}

static void digest_equals_the_naive_one(void **state)
{
    (void)state;
    struct dice d = {61};
    uint8_t bytes[700];
    for (unsigned round = 0; round < 300; round++) {
        size_t length = dice_below(&d, sizeof bytes + 1);
        dice_bytes(&d, bytes, length);
        if (dice_one_in(&d, 4))
            memset(bytes, 0xff, length);
        assert_int_equal(digest(at_end_of_memory(bytes, length), length), naive_digest(bytes, length));
    }
}

static void digest_does_not_depend_on_the_cuts(void **state)
{
    (void)state;
    struct dice d = {7};
    uint8_t bytes[300];
    dice_bytes(&d, bytes, sizeof bytes);
    for (size_t i = 0; i <= sizeof bytes; i++) {
        uint64_t h = http1_digest(digest(bytes, i), bytes + i, sizeof bytes - i);
        assert_int_equal(h, digest(bytes, sizeof bytes));
    }
    for (unsigned round = 0; round < 1000; round++) {
        uint64_t h = HTTP1_DIGEST_START;
        for (size_t at = 0; at < sizeof bytes;) {
            size_t n = dice_below(&d, dice_one_in(&d, 2) ? 9 : 150);
            n = n < sizeof bytes - at ? n : sizeof bytes - at;
            h = http1_digest(h, bytes + at, n);
            at += n;
        }
        assert_int_equal(h, digest(bytes, sizeof bytes));
    }
}

static void digest_sees_every_bit(void **state)
{
    (void)state;
    uint8_t bytes[130] = {0};
    uint64_t before = digest(bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(digest(bytes, sizeof bytes), before);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

/* Vectors from the same Python script. */
static void generated_bodies(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes, digest;
    } vectors[] = {
        {0, UINT64_C(0x1)},
        {1, UINT64_C(0x243f6a8885a308f4)},
        {100, UINT64_C(0x59a2d7f5747cb3bb)},
        {65536, UINT64_C(0x5d02f323e04fcae8)},
        {65537, UINT64_C(0x7d02f323e070cae8)},
        {458752, UINT64_C(0x1d5b4be40be22fc5)},
        {458753, UINT64_C(0x2a504ac834cd27e5)},
        {1000000, UINT64_C(0x2bc1a38ee1ec7f68)},
        {10000000, UINT64_C(0x678a1e4c3e858d94)},
    };
    uint8_t *bytes = malloc(10000000);
    assert_non_null(bytes);
    http1_pattern_fill(bytes, 0, 10000000);
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        assert_int_equal(http1_generated_digest(vectors[i].bytes), vectors[i].digest);
        assert_int_equal(digest(bytes, vectors[i].bytes), vectors[i].digest);
    }
    free(bytes);
}

/* No cost by size: 2^60 bytes, against the sum of its halves by the law that the digest is a polynomial. */
static void generated_digest_of_an_exabyte(void **state)
{
    (void)state;
    const uint64_t half = UINT64_C(7) * 65536 * 1000000007;
    uint64_t first = http1_generated_digest(half) - http1_digest_power(half / 7);
    if ((int64_t)first < 0)
        first += HTTP1_DIGEST_PRIME;
    /* digest(2n) = digest(n) * B^words + (digest(n) without its start) */
    uint64_t whole = http1_digest_multiply_add(http1_generated_digest(half), http1_digest_power(half / 7), first);
    assert_int_equal(http1_generated_digest(2 * half), whole);
}

/* ---- bodies ---- */

static const uint64_t lengths[] = {0, 1, 2, 6, 7, 100, 511, 512, 513, 4096, 65535, 65536, 65537, 200000};
static const uint32_t chunk_sizes[] = {0, 1, 7, 100, 511, 512, 513, 4096, 65536, 100000, UINT32_MAX};

static size_t naive_encode(char *to, const uint8_t *bytes, uint64_t length, uint32_t chunk)
{
    size_t n = 0;
    if (!chunk) {
        memcpy(to, bytes, length);
        return length;
    }
    for (uint64_t at = 0; at < length;) {
        uint64_t size = length - at < chunk ? length - at : chunk;
        n += (size_t)sprintf(to + n, "%llx\r\n", (unsigned long long)size);
        memcpy(to + n, bytes + at, size);
        n += size;
        n += (size_t)sprintf(to + n, "\r\n");
        at += size;
    }
    return n + (size_t)sprintf(to + n, "0\r\n\r\n");
}

#define WIRE_MAX (200000 * 7)

struct scratch {
    uint8_t bytes[200000];
    uint8_t pattern[HTTP1_PATTERN_BYTES];
    char expected[WIRE_MAX];
    uint8_t found[WIRE_MAX];
};

static int make_scratch(void **state)
{
    struct scratch *s = malloc(sizeof *s);
    struct dice d = {1};
    if (!s)
        return -1;
    dice_bytes(&d, s->bytes, sizeof s->bytes);
    http1_pattern_fill(s->pattern, 0, sizeof s->pattern);
    *state = s;
    return 0;
}

static int drop_scratch(void **state)
{
    free(*state);
    return 0;
}

static void encoded_whole(void **state)
{
    struct scratch *s = *state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        for (size_t j = 0; j < ARRAY_SIZE(chunk_sizes); j++) {
            struct http1_body b;
            http1_body_init(&b, s->bytes, NULL, lengths[i], chunk_sizes[j]);
            size_t n = naive_encode(s->expected, s->bytes, lengths[i], chunk_sizes[j]);
            assert_int_equal(http1_body_wire_bytes(&b), n);
            http1_body_encode(&b, s->found);
            assert_memory_equal(s->found, s->expected, n);
        }
}

/* Writes into a queue that is trimmed now and then, from a pool that is often empty. */
static size_t write_through(const struct http1_body *b, struct dice *d, uint32_t spans, uint32_t chunks, uint8_t *to)
{
    struct outq_pool pool;
    struct outq q = {0};
    struct http1_writer w = {0};
    size_t n = 0;
    int error = ERR_AGAIN;
    assert_int_equal(outq_pool_init(&pool, &bench_allocator, spans, chunks), ERR_OK);
    while (error || outq_length(&q)) {
        if (error)
            error = http1_body_write(b, &w, &q, &pool);
        assert_true(error == ERR_OK || error == ERR_AGAIN || error == ERR_NO_MEMORY);
        size_t got = outq_read(&q, &pool, q.base, to + n, 1 + dice_below(d, 20000), NULL);
        outq_trim(&q, &pool, q.base + got);
        n += got;
    }
    assert_true(w.done);
    assert_int_equal(pool.spans.used, 0);
    assert_int_equal(pool.chunks.used, 0);
    outq_pool_free(&pool);
    return n;
}

static void queued_piece_by_piece(void **state)
{
    struct scratch *s = *state;
    struct dice d = {2};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
        for (size_t j = 0; j < ARRAY_SIZE(chunk_sizes); j++) {
            struct http1_body b;
            bool generated = dice_one_in(&d, 2);
            http1_body_init(&b, generated ? NULL : s->bytes, s->pattern, lengths[i], chunk_sizes[j]);
            uint8_t *bytes = s->bytes;
            uint8_t *copy = NULL;
            if (generated) {
                bytes = copy = malloc(lengths[i] + 1);
                assert_non_null(copy);
                http1_pattern_fill(copy, 0, lengths[i]);
            }
            size_t n = naive_encode(s->expected, bytes, lengths[i], chunk_sizes[j]);
            size_t found = write_through(&b, &d, dice_one_in(&d, 2) ? 3 : 400, dice_one_in(&d, 2) ? 2 : 400, s->found);
            assert_int_equal(found, n);
            assert_memory_equal(s->found, s->expected, n);
            free(copy);
        }
}

static unsigned spans_of(const struct outq_pool *p) { return p->spans.used; }

/* A body of a terabyte: how much lies in the queue at once. */
static void few_spans_for_bodies_of_any_size(void **state)
{
    struct scratch *s = *state;
    static const uint32_t sizes[] = {0, 1, 16, 100, 511, 512, 1000, 1460, 4096, 16384, 65536, 1000000};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct outq_pool pool;
        struct outq q = {0};
        struct http1_writer w = {0};
        struct http1_body b;
        assert_int_equal(outq_pool_init(&pool, &bench_allocator, 100000, 100000), ERR_OK);
        http1_body_init(&b, NULL, s->pattern, UINT64_C(1) << 40, sizes[i]);
        for (unsigned round = 0; round < 100; round++) {
            assert_int_equal(http1_body_write(&b, &w, &q, &pool), ERR_AGAIN);
            assert_true(outq_length(&q) >= 65536);
            assert_true(spans_of(&pool) <= 300);
            outq_trim(&q, &pool, q.base + outq_length(&q) / 3);
        }
        outq_clear(&q, &pool);
        outq_pool_free(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_vectors),
        cmocka_unit_test(digest_equals_the_naive_one),
        cmocka_unit_test(digest_does_not_depend_on_the_cuts),
        cmocka_unit_test(digest_sees_every_bit),
        cmocka_unit_test(generated_bodies),
        cmocka_unit_test(generated_digest_of_an_exabyte),
        cmocka_unit_test(encoded_whole),
        cmocka_unit_test(queued_piece_by_piece),
        cmocka_unit_test(few_spans_for_bodies_of_any_size),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}
