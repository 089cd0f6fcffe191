/* SPDX-License-Identifier: MIT */
/*
 * base/table against a model (a plain list of pairs): adding, walking, removing with backward shift, runs that wrap
 * round the array's end, and the limit.
 */
#include "support/cmocka_all.h"

#include "base/error.h"
#include "base/random.h"
#include "base/table.h"
#include "support/counting_alloc.h"

#define MODEL_MAX 2000

struct model {
    struct table_slot pairs[MODEL_MAX];
    uint32_t count;
};

static uint32_t model_count_tag(const struct model *m, uint32_t tag)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->count; i++)
        n += m->pairs[i].tag == tag;
    return n;
}

static bool table_has(const struct table *t, uint32_t tag, uint32_t index)
{
    for (uint32_t at = tag, i; (i = table_next(t, tag, &at)) != 0;)
        if (i == index)
            return true;
    return false;
}

static uint32_t table_count_tag(const struct table *t, uint32_t tag)
{
    uint32_t n = 0;
    for (uint32_t at = tag; table_next(t, tag, &at) != 0;)
        n++;
    return n;
}

static void check_equal(const struct table *t, const struct model *m)
{
    assert_int_equal(t->used, m->count);
    uint32_t filled = 0;
    for (uint32_t i = 0; i <= t->mask; i++)
        filled += t->slots[i].index != 0;
    assert_int_equal(filled, m->count);
    for (uint32_t i = 0; i < m->count; i++)
        assert_true(table_has(t, m->pairs[i].tag, m->pairs[i].index));
}

static void test_wrong_sizes_and_a_failing_allocator_are_refused(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    struct table t;
    assert_int_equal(table_init(&t, a, 0), ERR_INVALID);
    assert_int_equal(table_init(&t, a, (1u << 30) + 1), ERR_INVALID);
    c.allocs_left = 0;
    assert_int_equal(table_init(&t, a, 10), ERR_NO_MEMORY);
    table_free(&t);
    assert_int_equal(c.live_blocks, 0);
}

static void test_room_is_as_asked_at_a_load_of_at_most_seven_eighths(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    for (uint32_t entries = 1; entries < 300; entries++) {
        struct table t;
        assert_int_equal(table_init(&t, a, entries), ERR_OK);
        assert_true(t.limit >= entries);
        assert_true(t.limit <= (t.mask + 1) / 8 * 7);
        for (uint32_t i = 0; i < t.limit; i++)
            assert_int_equal(table_add(&t, i * 77, i + 1), ERR_OK);
        assert_int_equal(table_add(&t, 5, 1), ERR_NO_SPACE);
        assert_int_equal(table_count_tag(&t, 5), 0);
        assert_true(table_remove(&t, 0, 1));
        assert_int_equal(table_add(&t, 5, 1), ERR_OK);
        table_free(&t);
    }
    assert_int_equal(c.live_bytes, 0);
}

static void test_one_tag_may_have_many_indices(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct table t;
    assert_int_equal(table_init(&t, counting_alloc_init(&c), 12), ERR_OK);
    for (uint32_t i = 1; i <= 5; i++)
        assert_int_equal(table_add(&t, 0xffffffff, i), ERR_OK);
    uint32_t at = 0xffffffff;
    for (uint32_t i = 1; i <= 5; i++)
        assert_int_equal(table_next(&t, 0xffffffff, &at), i);
    assert_int_equal(table_next(&t, 0xffffffff, &at), 0);
    assert_true(table_remove(&t, 0xffffffff, 3));
    assert_false(table_remove(&t, 0xffffffff, 3));
    assert_false(table_remove(&t, 0xfffffffe, 2));
    assert_int_equal(table_count_tag(&t, 0xffffffff), 4);
    table_free(&t);
}

/* Entries whose homes are the last slots run round the end; removing each in turn must leave the others findable. */
static void test_removal_shifts_back_across_the_end_of_the_array(void **state)
{
    (void)state;
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    static const uint32_t homes[] = {14, 15, 15, 14, 0, 1, 15, 0, 2, 14};
    for (uint32_t first = 0; first < ARRAY_SIZE(homes); first++) {
        struct table t;
        assert_int_equal(table_init(&t, a, 14), ERR_OK);
        assert_int_equal(t.mask, 15);
        struct model m = {.count = 0};
        for (uint32_t i = 0; i < ARRAY_SIZE(homes); i++) {
            m.pairs[m.count++] = (struct table_slot){homes[i] + 16 * i, i + 1};
            assert_int_equal(table_add(&t, homes[i] + 16 * i, i + 1), ERR_OK);
        }
        for (uint32_t k = 0; k < ARRAY_SIZE(homes); k++) {
            uint32_t victim = (first + k * 3) % ARRAY_SIZE(homes);
            assert_true(table_remove(&t, homes[victim] + 16 * victim, victim + 1));
            for (uint32_t i = 0; i < m.count; i++)
                if (m.pairs[i].index == victim + 1)
                    m.pairs[i] = m.pairs[--m.count];
            check_equal(&t, &m);
        }
        table_free(&t);
    }
}

/* How tags are drawn decides how entries crowd. */
static uint32_t draw_tag(struct random *r, uint32_t mask, unsigned style)
{
    switch (style) {
    case 0: /* few homes, at the end of the array, many equal tags */
        return mask - (uint32_t)random_below(r, 4);
    case 1: /* few homes, different tags */
        return (uint32_t)random_below(r, 1000) * (mask + 1) + mask - (uint32_t)random_below(r, 8);
    default:
        return random_u32(r);
    }
}

static void model_step(struct table *t, struct model *m, struct random *r, unsigned style, uint32_t *next_index)
{
    if (random_chance(r, 520000000)) {
        struct table_slot pair = {draw_tag(r, t->mask, style), ++*next_index};
        int error = table_add(t, pair.tag, pair.index);
        assert_int_equal(error, m->count == t->limit ? ERR_NO_SPACE : ERR_OK);
        if (!error)
            m->pairs[m->count++] = pair;
        assert_int_equal(table_count_tag(t, pair.tag), model_count_tag(m, pair.tag));
    } else if (m->count > 0) {
        uint32_t i = (uint32_t)random_below(r, m->count);
        struct table_slot pair = m->pairs[i];
        assert_true(table_remove(t, pair.tag, pair.index));
        m->pairs[i] = m->pairs[--m->count];
        assert_false(table_has(t, pair.tag, pair.index));
        assert_int_equal(table_count_tag(t, pair.tag), model_count_tag(m, pair.tag));
    }
}

static void test_random_operations_agree_with_a_model(void **state)
{
    (void)state;
    static const struct {
        uint32_t entries, operations, check_every;
    } sizes[] = {{7, 20000, 1}, {14, 20000, 1}, {50, 20000, 10}, {1700, 40000, 500}};
    struct counting_alloc c;
    const struct allocator *a = counting_alloc_init(&c);
    static struct model m;
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        for (unsigned style = s == 3 ? 2 : 0; style < 3; style++) {
            struct table t;
            struct random r;
            uint32_t next_index = 0;
            random_seed(&r, s * 3 + style);
            m.count = 0;
            assert_int_equal(table_init(&t, a, sizes[s].entries), ERR_OK);
            for (uint32_t i = 0; i < sizes[s].operations; i++) {
                model_step(&t, &m, &r, style, &next_index);
                if (i % sizes[s].check_every == 0)
                    check_equal(&t, &m);
            }
            table_free(&t);
        }
    }
    assert_int_equal(c.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_sizes_and_a_failing_allocator_are_refused),
        cmocka_unit_test(test_room_is_as_asked_at_a_load_of_at_most_seven_eighths),
        cmocka_unit_test(test_one_tag_may_have_many_indices),
        cmocka_unit_test(test_removal_shifts_back_across_the_end_of_the_array),
        cmocka_unit_test(test_random_operations_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
