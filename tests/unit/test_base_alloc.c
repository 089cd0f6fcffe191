/* SPDX-License-Identifier: MIT */
/*
 * base/alloc and base/alloc_heap: zeroed memory at the alignment asked for, sizes small and large; products that
 * overflow are refused; a huge area costs address space only; memory that is to be resident is.
 */
#include "support/cmocka_all.h"

#include "base/alloc_heap.h"

static bool is_zero(const uint8_t *p, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void test_memory_is_zeroed_and_aligned_at_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 64, 4096, 100000, 1u << 20, (1u << 20) + 1, (2u << 20) + 1, 5000001};
    static const size_t aligns[] = {1, 2, 8, 16, 64, 4096, 1u << 16, 2u << 20, 4u << 20};
    const struct allocator *a = alloc_heap();
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        for (size_t i = 0; i < ARRAY_SIZE(aligns); i++) {
            for (int again = 0; again < 2; again++) {
                uint8_t *p = alloc_zeroed(a, sizes[s], aligns[i]);
                assert_non_null(p);
                assert_int_equal((uintptr_t)p % aligns[i], 0);
                assert_true(is_zero(p, sizes[s]));
                memset(p, 0xff, sizes[s]);
                alloc_free(a, p, sizes[s]);
            }
        }
    }
}

static void test_products_that_overflow_and_sizes_beyond_memory_are_refused(void **state)
{
    (void)state;
    const struct allocator *a = alloc_heap();
    assert_null(alloc_array(a, SIZE_MAX / 2, 3, 8));
    assert_null(alloc_zeroed(a, SIZE_MAX, 8));
    assert_null(alloc_zeroed(a, SIZE_MAX - 5000, 8));
    assert_null(alloc_zeroed(a, SIZE_MAX / 2, 4u << 20));
    alloc_free(a, NULL, 10);
}

/* 64 GiB: more than the machines that run this have to spare; only the ends are touched. */
static void test_a_huge_area_costs_address_space_only(void **state)
{
    (void)state;
    const struct allocator *a = alloc_heap();
    size_t size = (size_t)64 << 30;
    uint8_t *p = alloc_array(a, size / 64, 64, 64);
    assert_non_null(p);
    p[0] = 1;
    p[size - 1] = 2;
    assert_int_equal(p[size / 2], 0);
    alloc_free(a, p, size);
}

static size_t resident_pages(void *memory, size_t pages)
{
    unsigned char there[4096];
    size_t n = 0;
    assert_true(pages <= sizeof there);
    assert_int_equal(mincore(memory, pages * alloc_heap_page(), there), 0);
    for (size_t i = 0; i < pages; i++)
        n += there[i] & 1;
    return n;
}

static void test_resident_memory_is_there_before_it_is_touched(void **state)
{
    (void)state;
    const struct allocator *a = alloc_heap_resident();
    const size_t pages = 1000, size = pages * alloc_heap_page() - 100;
    uint8_t *lazy = alloc_zeroed(alloc_heap(), size, 64), *p = alloc_zeroed(a, size, 64);
    assert_non_null(lazy);
    assert_non_null(p);
    assert_int_equal(resident_pages(lazy, pages), 0);
    assert_int_equal(resident_pages(p, pages), pages);
    assert_true(is_zero(p, size));
    alloc_free(a, p, size);
    alloc_free(alloc_heap(), lazy, size);
    p = alloc_zeroed(a, (size_t)64 << 30, 64); /* more than there is */
    assert_non_null(p);
    assert_int_equal(resident_pages(p, pages), 0);
    alloc_free(a, p, (size_t)64 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned_at_every_size),
        cmocka_unit_test(test_products_that_overflow_and_sizes_beyond_memory_are_refused),
        cmocka_unit_test(test_a_huge_area_costs_address_space_only),
        cmocka_unit_test(test_resident_memory_is_there_before_it_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
