/* SPDX-License-Identifier: MIT */
/*
 * base/checksum: every version (scalar, AVX2, AVX-512, dispatch; adding and copying) against a naive sum of byte pairs,
 * published examples, and RFC 1624 updates against a full recompute.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/checksum_simd.h"
#include "base/random.h"

typedef uint64_t add_fn(uint64_t sum, const void *bytes, size_t length);
typedef uint64_t copy_fn(uint64_t sum, void *to, const void *from, size_t length);

struct version {
    const char *name;
    add_fn *add;
    copy_fn *copy;
};

static struct version versions[4];
static size_t version_count;

static void add_version(const char *name, add_fn *add, copy_fn *copy)
{
    versions[version_count++] = (struct version){name, add, copy};
}

static int find_versions(void **state)
{
    (void)state;
    add_version("scalar", checksum_add_scalar, checksum_copy_scalar);
    add_version("dispatch", checksum_add, checksum_copy);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        add_version("avx2", checksum_add_avx2, checksum_copy_avx2);
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        add_version("avx512", checksum_add_avx512, checksum_copy_avx512);
#endif
    return 0;
}

/* RFC 1071 section 1, word by word: the folded sum as a number in wire order. */
static uint16_t naive(const uint8_t *p, size_t length)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static uint16_t native(uint16_t wire) { return __builtin_bswap16(wire); }

static uint16_t ones_add(uint16_t a, uint16_t b)
{
    uint32_t sum = (uint32_t)a + b;
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The folded native sum of `before` and the bytes. */
static uint16_t expected_fold(uint64_t before, const uint8_t *p, size_t length)
{
    uint16_t fold = native(naive(p, length));
    for (unsigned shift = 0; shift < 64; shift += 16)
        fold = ones_add(fold, (uint16_t)(before >> shift));
    return fold;
}

static void fill(uint8_t *p, size_t length, uint64_t seed)
{
    struct random r;
    random_seed(&r, seed);
    for (size_t i = 0; i < length; i++)
        p[i] = (uint8_t)random_u64(&r);
}

static void check_add(const uint8_t *p, size_t length, uint64_t before)
{
    uint16_t want = expected_fold(before, p, length);
    for (size_t v = 0; v < version_count; v++) {
        uint64_t sum = versions[v].add(before, p, length);
        if (checksum_fold(sum) != want || sum >> 34 != 0)
            fail_msg("%s: length %zu: fold %04x, want %04x", versions[v].name, length, checksum_fold(sum), want);
    }
}

static void check_copy(const uint8_t *p, size_t length, uint64_t before, uint8_t *to, size_t room)
{
    uint16_t want = expected_fold(before, p, length);
    for (size_t v = 0; v < version_count; v++) {
        memset(to - 64, 0xa5, room + 64);
        uint64_t sum = versions[v].copy(before, to, p, length);
        if (checksum_fold(sum) != want || sum >> 34 != 0)
            fail_msg("%s: length %zu: fold %04x, want %04x", versions[v].name, length, checksum_fold(sum), want);
        if (length)
            assert_memory_equal(to, p, length);
        for (size_t i = 0; i < 64; i++)
            assert_true(to[(ptrdiff_t)i - 64] == 0xa5);
        for (size_t i = length; i < room; i++)
            assert_true(to[i] == 0xa5);
    }
}

static void test_all_short_lengths_at_all_alignments(void **state)
{
    (void)state;
    static alignas(64) uint8_t bytes[64 + 300];
    fill(bytes, sizeof bytes, 1);
    struct random r;
    random_seed(&r, 2);
    for (size_t at = 0; at < 64; at++)
        for (size_t length = 0; length <= 300; length++)
            check_add(bytes + at, length, length % 3 ? random_u64(&r) : 0);
}

static void test_copies_of_all_short_lengths_at_all_alignments(void **state)
{
    (void)state;
    static alignas(64) uint8_t bytes[64 + 300];
    static alignas(64) uint8_t to[128 + 400];
    fill(bytes, sizeof bytes, 3);
    struct random r;
    random_seed(&r, 4);
    for (size_t at = 0; at < 64; at++)
        for (size_t length = 0; length <= 300; length++)
            check_copy(bytes + at, length, random_u64(&r), to + 64 + random_below(&r, 64), 336);
}

static void test_random_long_lengths(void **state)
{
    (void)state;
    size_t size = 300000;
    uint8_t *bytes = malloc(size), *to = malloc(size + 192);
    assert_non_null(bytes);
    assert_non_null(to);
    fill(bytes, size, 5);
    struct random r;
    random_seed(&r, 6);
    for (int i = 0; i < 300; i++) {
        size_t length = random_below(&r, random_chance(&r, 100000000) ? size - 64 : 10000);
        size_t at = random_below(&r, 64);
        check_add(bytes + at, length, random_u64(&r));
        check_copy(bytes + at, length, random_u64(&r), to + 64 + random_below(&r, 64), length + 64);
    }
    free(bytes);
    free(to);
}

/* Carries at every addition, and any sum to begin with. */
static void test_all_ones_never_lose_a_carry(void **state)
{
    (void)state;
    size_t size = (size_t)1 << 20;
    uint8_t *bytes = malloc(size + 64);
    assert_non_null(bytes);
    memset(bytes, 0xff, size + 64);
    static const uint64_t before[] = {0, 1, 0xffff, UINT64_MAX, UINT64_MAX - 1, UINT64_C(0xffffffff00000000)};
    static const size_t lengths[] = {2, 7, 8, 20, 40, 63, 64, 65, 127, 128, 1460, 9001, 65535, (size_t)1 << 20};
    for (size_t b = 0; b < ARRAY_SIZE(before); b++)
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
            check_add(bytes + i, lengths[i], before[b]);
    free(bytes);
}

static void test_zero_bytes_sum_to_zero_only(void **state)
{
    (void)state;
    static const uint8_t zeros[4096];
    for (size_t v = 0; v < version_count; v++)
        for (size_t length = 0; length <= sizeof zeros; length += 37)
            assert_int_equal(checksum_fold(versions[v].add(0, zeros, length)), 0);
}

/* The bytes end where a page that may not be touched begins, and begin where one ends. */
static void test_nothing_outside_the_bytes_is_touched(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *area = mmap(NULL, 7 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(area != MAP_FAILED);
    uint8_t *from = area + page, *to = area + 4 * page;
    assert_int_equal(mprotect(from, page, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(mprotect(to, page, PROT_READ | PROT_WRITE), 0);
    fill(from, page, 7);
    for (size_t length = 0; length <= 600; length++) {
        for (size_t v = 0; v < version_count; v++) {
            uint16_t want = expected_fold(0, from + page - length, length);
            assert_int_equal(checksum_fold(versions[v].add(0, from + page - length, length)), want);
            assert_int_equal(checksum_fold(versions[v].copy(0, to + page - length, from + page - length, length)),
                             want);
            want = expected_fold(0, from, length);
            assert_int_equal(checksum_fold(versions[v].add(0, from, length)), want);
            assert_int_equal(checksum_fold(versions[v].copy(0, to, from, length)), want);
        }
    }
    munmap(area, 7 * page);
}

/* RFC 1071 section 3: 0001 f203 f4f5 f6f7 adds up to ddf2. */
static void test_rfc1071_example(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    for (size_t v = 0; v < version_count; v++) {
        uint16_t fold = checksum_fold(versions[v].add(0, bytes, sizeof bytes));
        assert_int_equal(native(fold), 0xddf2);
        assert_int_equal(native(checksum_finish(versions[v].add(0, bytes, sizeof bytes))), 0x220d);
    }
}

static void test_ipv4_header_verifies_and_its_field_is_found_again(void **state)
{
    (void)state;
    uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                        0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    assert_true(checksum_ok(checksum_add(0, header, sizeof header)));
    header[10] = header[11] = 0;
    uint16_t field = checksum_finish(checksum_add(0, header, sizeof header));
    memcpy(header + 10, &field, 2);
    assert_int_equal(header[10], 0xb8);
    assert_int_equal(header[11], 0x61);
    header[3] ^= 1;
    assert_false(checksum_ok(checksum_add(0, header, sizeof header)));
}

static void test_a_sum_of_parts_is_the_sum_of_the_whole(void **state)
{
    (void)state;
    static uint8_t bytes[2000];
    fill(bytes, sizeof bytes, 8);
    struct random r;
    random_seed(&r, 9);
    for (int i = 0; i < 3000; i++) {
        size_t length = random_below(&r, sizeof bytes), at = 0;
        uint64_t sum = 0;
        while (at < length) {
            size_t n = 1 + random_below(&r, length - at);
            uint64_t part = checksum_add(0, bytes + at, n);
            sum += at % 2 ? checksum_shift(part) : part;
            at += n;
        }
        assert_int_equal(checksum_fold(sum), expected_fold(0, bytes, length));
    }
}

static void test_pseudo_headers_are_those_of_the_rfcs(void **state)
{
    (void)state;
    uint8_t v4[12], v6[40];
    for (uint64_t seed = 0; seed < 200; seed++) {
        /* RFC 9293 section 3.1: source, destination, zero, protocol, length. */
        fill(v4, sizeof v4, seed);
        v4[8] = 0;
        uint64_t sum = checksum_pseudo_v4(v4, v4 + 4, v4[9], load_be16(v4 + 10));
        assert_int_equal(native(checksum_fold(sum)), naive(v4, sizeof v4));
        /* RFC 8200 section 8.1: source, destination, length 32 bits, three zeros, next header. */
        fill(v6, sizeof v6, seed);
        v6[36] = v6[37] = v6[38] = 0;
        sum = checksum_pseudo_v6(v6, v6 + 16, v6[39], load_be32(v6 + 32));
        assert_int_equal(native(checksum_fold(sum)), naive(v6, sizeof v6));
    }
}

static void test_host_values_are_added_as_on_the_wire(void **state)
{
    (void)state;
    uint8_t bytes[6];
    store_be16(bytes, 0x1234);
    store_be32(bytes + 2, 0x89abcdef);
    uint64_t sum = checksum_add_u32(checksum_add_u16(0, 0x1234), 0x89abcdef);
    assert_int_equal(native(checksum_fold(sum)), naive(bytes, sizeof bytes));
}

/* RFC 1624 section 4: DD2F with 5555 -> 3285 gives 0000. The arithmetic is the same in either byte order. */
static void test_rfc1624_example(void **state)
{
    (void)state;
    assert_int_equal(checksum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
    assert_int_equal(checksum_update16(native(0xdd2f), native(0x5555), native(0x3285)), 0x0000);
}

static uint32_t awkward_word(struct random *r)
{
    static const uint32_t words[] = {0, 0xffff, 0xffff0000, 0xffffffff, 1, 0x10000};
    return random_chance(r, 500000000) ? words[random_below(r, ARRAY_SIZE(words))] : random_u32(r);
}

/*
 * The data is never all zero, as no packet with its pseudo-header is: only there do the two ways differ (RFC 1624
 * section 3).
 */
static void test_updates_equal_a_full_recompute(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 10);
    for (int i = 0; i < 200000; i++) {
        uint32_t data[3] = {awkward_word(&r), awkward_word(&r), 1 + random_u32(&r) / 2};
        uint16_t field = checksum_finish(checksum_add(0, data, sizeof data));
        uint32_t old_word = data[0], new_word = awkward_word(&r);
        data[0] = new_word;
        field = checksum_update32(field, old_word, new_word);
        assert_int_equal(field, checksum_finish(checksum_add(0, data, sizeof data)));

        uint16_t new_half = (uint16_t)awkward_word(&r), old_half;
        memcpy(&old_half, data + 1, 2);
        memcpy(data + 1, &new_half, 2);
        field = checksum_update16(field, old_half, new_half);
        assert_int_equal(field, checksum_finish(checksum_add(0, data, sizeof data)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_short_lengths_at_all_alignments),
        cmocka_unit_test(test_copies_of_all_short_lengths_at_all_alignments),
        cmocka_unit_test(test_random_long_lengths),
        cmocka_unit_test(test_all_ones_never_lose_a_carry),
        cmocka_unit_test(test_zero_bytes_sum_to_zero_only),
        cmocka_unit_test(test_nothing_outside_the_bytes_is_touched),
        cmocka_unit_test(test_rfc1071_example),
        cmocka_unit_test(test_ipv4_header_verifies_and_its_field_is_found_again),
        cmocka_unit_test(test_a_sum_of_parts_is_the_sum_of_the_whole),
        cmocka_unit_test(test_pseudo_headers_are_those_of_the_rfcs),
        cmocka_unit_test(test_host_values_are_added_as_on_the_wire),
        cmocka_unit_test(test_rfc1624_example),
        cmocka_unit_test(test_updates_equal_a_full_recompute),
    };
    return cmocka_run_group_tests(tests, find_versions, NULL);
}
