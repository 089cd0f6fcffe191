/* SPDX-License-Identifier: MIT */
/*
 * base/outq against a model that keeps the whole stream in one array: copying, references, trimming anywhere, reading
 * anywhere with and without checksum, running out of spans and chunks, several queues on one pool.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/outq.h"
#include "base/random.h"
#include "support/counting_alloc.h"

#define STREAM_BYTES ((size_t)1 << 22)
#define QUEUES 3

static uint8_t body[5000]; /* what references point into */

struct model {
    struct outq q;
    uint8_t *stream;
};

static int make_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 31 + i / 256);
    return 0;
}

static void test_pool_refuses_wrong_sizes_and_gives_back_on_failure(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct outq_pool p;
    assert_int_equal(outq_pool_init(&p, a, 0, 1), ERR_INVALID);
    assert_int_equal(outq_pool_init(&p, a, 1, 0), ERR_INVALID);
    assert_int_equal(c.live_blocks, 0);
    for (unsigned allowed = 0; allowed < 2; allowed++) {
        c.allocs_left = allowed;
        assert_int_equal(outq_pool_init(&p, a, 10, 10), ERR_NO_MEMORY);
        assert_int_equal(c.live_blocks, 0);
    }
    outq_pool_free(&p);
}

static void test_queue_is_40_bytes_and_zeroed_memory_is_an_empty_one(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct outq), 40);
    assert_int_equal(sizeof(struct outq_span), 32);
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {0};
    uint8_t to[4];
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 4, 4), ERR_OK);
    assert_int_equal(outq_length(&q), 0);
    assert_int_equal(outq_read(&q, &p, 0, to, sizeof to, NULL), 0);
    outq_trim(&q, &p, 0);
    outq_clear(&q, &p);
    assert_int_equal(outq_copy(&q, &p, body, 0), ERR_OK);
    assert_int_equal(outq_reference(&q, &p, body, 0), ERR_OK);
    assert_int_equal(p.spans.used, 0);
    assert_int_equal(outq_length(&q), 0);
    outq_pool_free(&p);
    assert_int_equal(c.live_blocks, 0);
}

static void test_small_copies_share_a_chunk(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {0};
    uint8_t to[OUTQ_CHUNK_BYTES];
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 4, 4), ERR_OK);
    for (uint32_t i = 0; i < OUTQ_CHUNK_BYTES; i++)
        assert_int_equal(outq_copy(&q, &p, body + i, 1), ERR_OK);
    assert_int_equal(p.chunks.used, 1);
    assert_int_equal(p.spans.used, 1);
    assert_int_equal(outq_read(&q, &p, 0, to, sizeof to, NULL), sizeof to);
    assert_memory_equal(to, body, sizeof to);
    outq_clear(&q, &p);
    assert_int_equal(p.chunks.used, 0);
    assert_int_equal(q.base, OUTQ_CHUNK_BYTES);
    assert_int_equal(q.end, OUTQ_CHUNK_BYTES);
    outq_pool_free(&p);
}

static void test_a_copy_is_all_or_nothing_and_running_out_is_counted(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {0};
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 3, 2), ERR_OK);
    assert_int_equal(outq_copy(&q, &p, body, 2 * OUTQ_CHUNK_BYTES + 1), ERR_NO_MEMORY);
    assert_int_equal(p.chunks.exhausted, 1);
    assert_int_equal(outq_length(&q), 0);
    assert_int_equal(p.chunks.used + p.spans.used, 0);
    assert_int_equal(outq_copy(&q, &p, body, 2 * OUTQ_CHUNK_BYTES), ERR_OK);
    assert_int_equal(outq_reference(&q, &p, body, 10), ERR_OK);
    assert_int_equal(outq_reference(&q, &p, body, 10), ERR_NO_MEMORY);
    assert_int_equal(p.spans.exhausted, 1);
    assert_int_equal(outq_length(&q), 2 * OUTQ_CHUNK_BYTES + 10);
    outq_clear(&q, &p);
    for (int i = 0; i < 2; i++)
        assert_int_equal(outq_reference(&q, &p, body, 1), ERR_OK);
    assert_int_equal(outq_copy(&q, &p, body, OUTQ_CHUNK_BYTES + 1), ERR_NO_MEMORY);
    assert_int_equal(p.spans.exhausted, 2);
    outq_clear(&q, &p);
    outq_pool_free(&p);
    assert_int_equal(c.live_blocks, 0);
}

static void test_a_copy_after_a_reference_does_not_write_into_it(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {0};
    uint8_t to[30];
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 8, 8), ERR_OK);
    assert_int_equal(outq_copy(&q, &p, body, 10), ERR_OK);
    assert_int_equal(outq_reference(&q, &p, body + 10, 10), ERR_OK);
    assert_int_equal(outq_copy(&q, &p, body + 20, 10), ERR_OK);
    assert_int_equal(p.chunks.used, 2);
    assert_int_equal(outq_read(&q, &p, 0, to, sizeof to, NULL), 30);
    assert_memory_equal(to, body, 30);
    outq_clear(&q, &p);
    outq_pool_free(&p);
}

static void test_reading_goes_on_where_it_was_without_a_walk_from_the_head(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {.base = 1000, .end = 1000};
    uint8_t to[10];
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 20, 1), ERR_OK);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(outq_reference(&q, &p, body + 10 * i, 10), ERR_OK);
    for (uint32_t at = 0; at < 190; at += 7) {
        size_t n = outq_read(&q, &p, 1000 + at, to, 7, NULL);
        assert_memory_equal(to, body + at, n);
        assert_int_equal(q.near_base, 1000 + at / 10 * 10);
    }
    assert_int_equal(outq_read(&q, &p, 1005, to, 10, NULL), 10); /* again from the front */
    assert_memory_equal(to, body + 5, 10);
    outq_trim(&q, &p, 1007); /* into the span that was read last */
    assert_int_equal(outq_read(&q, &p, 1007, to, 10, NULL), 10);
    assert_memory_equal(to, body + 7, 10);
    outq_trim(&q, &p, 1103); /* past it */
    assert_int_equal(q.near, POOL_NONE);
    assert_int_equal(outq_read(&q, &p, 1103, to, 10, NULL), 10);
    assert_memory_equal(to, body + 103, 10);
    outq_clear(&q, &p);
    outq_pool_free(&p);
}

static void test_constant_bytes_are_lent_where_they_lie(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {0};
    struct outq_piece pieces[4];
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 8, 8), ERR_OK);
    assert_int_equal(outq_copy(&q, &p, body, 10), ERR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(outq_reference(&q, &p, body + 100 * i, 100), ERR_OK);
    assert_int_equal(outq_constant_pieces(&q, &p, 60, 200, pieces, 4), 3);
    assert_ptr_equal(pieces[0].bytes, body + 50);
    assert_int_equal(pieces[0].length, 50);
    assert_ptr_equal(pieces[1].bytes, body + 100);
    assert_int_equal(pieces[1].length, 100);
    assert_ptr_equal(pieces[2].bytes, body + 200);
    assert_int_equal(pieces[2].length, 50);
    assert_int_equal(outq_constant_pieces(&q, &p, 10, 300, pieces, 3), 3);
    assert_int_equal(outq_constant_pieces(&q, &p, 10, 300, pieces, 2), 0); /* too many */
    assert_int_equal(outq_constant_pieces(&q, &p, 9, 20, pieces, 4), 0);   /* the first is a copy of the queue's own */
    assert_int_equal(outq_pieces(&q, &p, 9, 20, pieces, 4), 2);
    assert_int_equal(pieces[0].length, 1);
    assert_int_equal(outq_constant_pieces(&q, &p, 300, 11, pieces, 4), 0); /* past the end */
    assert_int_equal(outq_constant_pieces(&q, &p, 310, 1, pieces, 4), 0);
    assert_int_equal(outq_constant_pieces(&q, &p, 300, 0, pieces, 4), 0);
    outq_clear(&q, &p);
    outq_pool_free(&p);
}

static void count_release(void *context, void *owner)
{
    unsigned *counts = context;
    counts[*(const unsigned *)owner]++;
}

static void test_owners_are_told_once_when_their_bytes_are_let_go_of(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct outq_pool p;
    struct outq q = {0}, other = {0};
    unsigned counts[3] = {0}, names[3] = {0, 1, 2};
    uint8_t read[120];
    assert_int_equal(outq_pool_init(&p, counting_alloc_init(&c), 8, 8), ERR_OK);
    p.release = count_release;
    p.context = counts;
    assert_int_equal(outq_copy(&q, &p, body, 10), ERR_OK);
    assert_int_equal(outq_attach(&q, &p, body + 10, 50, &names[0]), ERR_OK);
    assert_int_equal(outq_copy(&q, &p, body + 60, 10), ERR_OK);
    assert_int_equal(outq_attach(&q, &p, body + 70, 50, &names[1]), ERR_OK);
    assert_int_equal(outq_attach(&other, &p, body, 5, &names[2]), ERR_OK);
    assert_int_equal(outq_read(&q, &p, 0, read, sizeof read, NULL), sizeof read);
    assert_memory_equal(read, body, sizeof read);
    outq_trim(&q, &p, 59);
    assert_int_equal(counts[0], 0);
    outq_trim(&q, &p, 60);
    assert_int_equal(counts[0], 1);
    outq_clear(&q, &p);
    assert_int_equal(counts[1], 1);
    outq_pool_free(&p); /* what is still held is let go of with the pool */
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 1);
}

/* What is lent is what would be read, and all of it. */
static void compare_pieces(struct model *m, const struct outq_pool *p, uint64_t offset, size_t length, bool copies)
{
    struct outq_piece pieces[5];
    size_t done = 0;
    unsigned n = copies ? outq_pieces(&m->q, p, offset, length, pieces, 5)
                        : outq_constant_pieces(&m->q, p, offset, length, pieces, 5);
    for (unsigned i = 0; i < n; done += pieces[i++].length)
        assert_memory_equal(pieces[i].bytes, m->stream + offset + done, pieces[i].length);
    assert_int_equal(done, n ? length : 0);
}

static void append(struct model *m, struct outq_pool *p, struct random *r)
{
    uint32_t at = (uint32_t)random_below(r, sizeof body);
    uint32_t length = (uint32_t)random_below(r, min_u64(sizeof body - at, random_chance(r, 500000000) ? 20 : 3000) + 1);
    uint64_t before = m->q.end;
    if (before + length > STREAM_BYTES)
        return;
    int error;
    if (random_chance(r, 500000000)) {
        error = outq_reference(&m->q, p, body + at, length);
    } else {
        /* From a buffer of exactly its size that is gone afterwards. */
        uint8_t *bytes = malloc(length + 1);
        assert_non_null(bytes);
        memcpy(bytes, body + at, length);
        error = outq_copy(&m->q, p, bytes, length);
        free(bytes);
    }
    assert_true(error == ERR_OK || error == ERR_NO_MEMORY);
    if (error == ERR_OK)
        memcpy(m->stream + before, body + at, length);
    assert_int_equal(m->q.end, error ? before : before + length);
}

static void read_and_compare(struct model *m, const struct outq_pool *p, struct random *r)
{
    static uint8_t to[8192];
    uint64_t held = outq_length(&m->q);
    uint64_t offset = m->q.base + random_below(r, held + 10);
    size_t length = random_below(r, sizeof to);
    size_t expect = offset < m->q.end ? (size_t)min_u64(length, m->q.end - offset) : 0;
    uint64_t first_sum = random_u64(r) >> 32, sum = first_sum;
    bool summed = random_chance(r, 500000000);
    assert_int_equal(outq_read(&m->q, p, offset, to, length, summed ? &sum : NULL), expect);
    if (expect)
        assert_memory_equal(to, m->stream + offset, expect);
    if (summed)
        assert_int_equal(checksum_fold(sum), checksum_fold(checksum_add_scalar(first_sum, to, expect)));
    compare_pieces(m, p, offset, length, false);
    compare_pieces(m, p, offset, length, true);
}

static void trim(struct model *m, struct outq_pool *p, struct random *r)
{
    uint64_t offset = m->q.base + random_below(r, outq_length(&m->q) + 1);
    if (random_chance(r, 100000000))
        offset -= random_below(r, offset + 1); /* an old acknowledgement */
    uint64_t base = max_u64(m->q.base, offset);
    outq_trim(&m->q, p, offset);
    assert_int_equal(m->q.base, base);
}

/* The invariants that outq.c states; returns how many spans and chunks the queue holds. */
static void check_queue(const struct outq *q, const struct outq_pool *p, uint32_t *spans, uint32_t *chunks)
{
    uint64_t bytes = 0;
    assert_int_equal(q->head == POOL_NONE, q->base == q->end);
    assert_int_equal(q->head == POOL_NONE, q->tail == POOL_NONE);
    for (uint32_t i = q->head; i != POOL_NONE;) {
        const struct outq_span *s = pool_at(&p->spans, i);
        assert_true(s->length > 0);
        assert_true(s->room == 0 || (i == q->tail && s->chunk != POOL_NONE));
        assert_int_equal(s->next == POOL_NONE, i == q->tail);
        bytes += s->length;
        *spans += 1;
        *chunks += s->chunk != POOL_NONE;
        i = s->next;
    }
    assert_int_equal(bytes, outq_length(q));
}

static void check_all(const struct model *models, const struct outq_pool *p)
{
    uint32_t spans = 0, chunks = 0;
    for (unsigned i = 0; i < QUEUES; i++)
        check_queue(&models[i].q, p, &spans, &chunks);
    assert_int_equal(spans, p->spans.used);
    assert_int_equal(chunks, p->chunks.used);
}

static void random_step(struct model *models, struct outq_pool *p, struct random *r)
{
    struct model *m = &models[random_below(r, QUEUES)];
    uint64_t what = random_below(r, 1000);
    if (what < 400)
        append(m, p, r);
    else if (what < 800)
        read_and_compare(m, p, r);
    else if (what < 995)
        trim(m, p, r);
    else
        outq_clear(&m->q, p);
}

static void test_random_operations_agree_with_a_model(void **state)
{
    (void)state;
    static const struct {
        uint32_t spans, chunks;
    } sizes[] = {{100, 100}, {100, 12}, {12, 100}};
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    uint8_t *streams = malloc(QUEUES * STREAM_BYTES);
    assert_non_null(streams);
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct model models[QUEUES] = {0};
        struct outq_pool p;
        struct random r;
        random_seed(&r, s);
        assert_int_equal(outq_pool_init(&p, a, sizes[s].spans, sizes[s].chunks), ERR_OK);
        for (unsigned i = 0; i < QUEUES; i++)
            models[i].stream = streams + i * STREAM_BYTES;
        for (int i = 0; i < 15000; i++) {
            random_step(models, &p, &r);
            check_all(models, &p);
        }
        assert_int_equal(p.chunks.exhausted > 0, sizes[s].chunks < 100);
        assert_int_equal(p.spans.exhausted > 0, sizes[s].spans < 100);
        assert_true(models[0].q.end > 300000);
        for (unsigned i = 0; i < QUEUES; i++)
            outq_clear(&models[i].q, &p);
        assert_int_equal(p.spans.used + p.chunks.used, 0);
        outq_pool_free(&p);
    }
    free(streams);
    assert_int_equal(c.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_refuses_wrong_sizes_and_gives_back_on_failure),
        cmocka_unit_test(test_queue_is_40_bytes_and_zeroed_memory_is_an_empty_one),
        cmocka_unit_test(test_small_copies_share_a_chunk),
        cmocka_unit_test(test_a_copy_is_all_or_nothing_and_running_out_is_counted),
        cmocka_unit_test(test_a_copy_after_a_reference_does_not_write_into_it),
        cmocka_unit_test(test_reading_goes_on_where_it_was_without_a_walk_from_the_head),
        cmocka_unit_test(test_constant_bytes_are_lent_where_they_lie),
        cmocka_unit_test(test_owners_are_told_once_when_their_bytes_are_let_go_of),
        cmocka_unit_test(test_random_operations_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, make_body, NULL);
}
