/* SPDX-License-Identifier: MIT */
/*
 * Longest-prefix tables against a naive list: every answer of both is compared while prefixes that nest are added,
 * replaced and removed, with and without the direct array; then a million routes, failing memory, and the corners.
 */
#include <stdio.h>

#include "support/cmocka_all.h"

#include "base/alloc_heap.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/bench_routes.h"
#include "stack/lpm.h"
#include "support/counting_alloc.h"

#define MODEL_MAX 600u
#define MANY 1000000u

static struct ip_prefix prefix(const char *text)
{
    struct ip_prefix p;
    assert_int_equal(ip_prefix_parse(text, strlen(text), &p), 0);
    return p;
}

static struct ip_addr address(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

static void add(struct lpm *t, const char *text, uint32_t value)
{
    struct ip_prefix p = prefix(text);
    assert_int_equal(lpm_add(t, &p, value), 0);
}

static uint32_t lookup(const struct lpm *t, const char *text)
{
    struct ip_addr a = address(text);
    return lpm_lookup(t, &a);
}

/* ---- the model ---- */

struct model {
    struct lpm_route routes[MODEL_MAX];
    unsigned n;
};

/* The prefix's address without the bits behind its length, one bit after the other. */
static struct ip_addr cut(const struct ip_prefix *p)
{
    struct ip_addr a = p->addr;
    unsigned length = ip_addr_is_v4(&a) ? 96u + p->length : p->length;
    for (unsigned i = length; i < 128; i++)
        a.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
    return a;
}

static int model_find(const struct model *m, const struct ip_prefix *p)
{
    struct ip_addr a = cut(p);
    for (unsigned i = 0; i < m->n; i++)
        if (m->routes[i].prefix.length == p->length && ip_addr_equal(&m->routes[i].prefix.addr, &a))
            return (int)i;
    return -1;
}

static uint32_t model_lookup(const struct model *m, const struct ip_addr *a)
{
    int best = -1;
    for (unsigned i = 0; i < m->n; i++)
        if (ip_prefix_contains(&m->routes[i].prefix, a) && (best < 0 || m->routes[i].prefix.length > best)) {
            best = m->routes[i].prefix.length;
        }
    for (unsigned i = 0; i < m->n; i++)
        if (ip_prefix_contains(&m->routes[i].prefix, a) && m->routes[i].prefix.length == best)
            return m->routes[i].value;
    return 0;
}

static int model_add(struct model *m, const struct ip_prefix *p, uint32_t value)
{
    if (model_find(m, p) >= 0)
        return ERR_EXISTS;
    m->routes[m->n++] = (struct lpm_route){{cut(p), p->length}, value};
    return 0;
}

static int model_replace(struct model *m, const struct ip_prefix *p, uint32_t value)
{
    int i = model_find(m, p);
    if (i < 0)
        return ERR_NOT_FOUND;
    m->routes[i].value = value;
    return 0;
}

static int model_remove(struct model *m, const struct ip_prefix *p)
{
    int i = model_find(m, p);
    if (i < 0)
        return ERR_NOT_FOUND;
    m->routes[i] = m->routes[--m->n];
    return 0;
}

/* Family, address, length. */
static int compare_routes(const void *left, const void *right)
{
    const struct ip_prefix *a = &((const struct lpm_route *)left)->prefix;
    const struct ip_prefix *b = &((const struct lpm_route *)right)->prefix;
    if (ip_addr_is_v4(&a->addr) != ip_addr_is_v4(&b->addr))
        return ip_addr_is_v4(&a->addr) ? -1 : 1;
    int order = ip_addr_compare(&a->addr, &b->addr);
    return order ? order : a->length - b->length;
}

static void check_walk(const struct lpm *t, struct model *m)
{
    qsort(m->routes, m->n, sizeof m->routes[0], compare_routes);
    unsigned i = 0;
    for (struct lpm_route r = {.value = 0}; lpm_next(t, &r); i++) {
        assert_true(i < m->n);
        assert_int_equal(compare_routes(&r, &m->routes[i]), 0);
        assert_int_equal(r.value, m->routes[i].value);
    }
    assert_int_equal(i, m->n);
}

/* ---- random prefixes that nest ---- */

/* Few different addresses, so that prefixes contain each other; bits behind the length are left as they come. */
static struct ip_prefix random_prefix(struct random *r)
{
    struct ip_prefix p = {.length = (uint8_t)random_below(r, 33)};
    if (random_below(r, 2)) {
        p.addr = ip_addr_from_v4(0x0a000000u ^ (uint32_t)(random_below(r, 4) << random_below(r, 31)) ^
                                 (uint32_t)(random_below(r, 4) << random_below(r, 31)));
        return p;
    }
    p.length = (uint8_t)random_below(r, 129);
    p.addr = address("2001:db8::");
    for (unsigned i = 0; i < 2; i++) {
        unsigned bit = (unsigned)random_below(r, 128);
        p.addr.bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    return p;
}

static struct ip_addr random_address(struct random *r)
{
    struct ip_addr a = random_prefix(r).addr;
    if (random_below(r, 2))
        a = ip_addr_add(&a, random_u64(r) >> random_below(r, 64));
    return a;
}

static void random_change(struct lpm *t, struct model *m, struct random *r, unsigned target)
{
    struct ip_prefix p = random_prefix(r);
    uint32_t value = 1 + (uint32_t)random_below(r, 1000);
    if (m->n > 0 && random_below(r, 2))
        p = m->routes[random_below(r, m->n)].prefix;
    if (random_below(r, 4) == 0)
        assert_int_equal(lpm_replace(t, &p, value), model_replace(m, &p, value));
    else if (m->n < target)
        assert_int_equal(lpm_add(t, &p, value), model_add(m, &p, value));
    else
        assert_int_equal(lpm_remove(t, &p), model_remove(m, &p));
    int i = model_find(m, &p);
    assert_int_equal(lpm_find(t, &p), i < 0 ? 0 : m->routes[i].value);
}

static void compare_lookups(const struct lpm *t, const struct model *m, struct random *r)
{
    struct ip_addr addresses[37];
    uint32_t v4[37], values_v4[37], values_v6[37];
    for (unsigned i = 0; i < 37; i++) {
        addresses[i] = random_address(r);
        v4[i] = ip_addr_to_v4(&addresses[i]);
    }
    lpm_lookup_burst_v6(t, addresses, 37, values_v6);
    lpm_lookup_burst_v4(t, v4, 37, values_v4);
    for (unsigned i = 0; i < 37; i++) {
        uint32_t expected = model_lookup(m, &addresses[i]);
        assert_int_equal(lpm_lookup(t, &addresses[i]), expected);
        assert_int_equal(lpm_lookup_v4(t, v4[i]), values_v4[i]);
        assert_int_equal(ip_addr_is_v4(&addresses[i]) ? values_v4[i] : values_v6[i], expected);
    }
}

static void differ(const struct allocator *a, struct lpm *t, struct model *m, uint64_t seed, unsigned rounds)
{
    struct random r;
    (void)a;
    random_seed(&r, seed);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned target = (unsigned)random_below(&r, MODEL_MAX);
        for (unsigned i = 0; i < 150; i++)
            random_change(t, m, &r, target);
        compare_lookups(t, m, &r);
        if (round % 8 == 0) {
            assert_true(lpm_check(t));
            check_walk(t, m);
        }
    }
}

static void test_a_table_answers_as_a_list_does(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct lpm t;
    static struct model m;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        m.n = 0;
        lpm_init(&t, counting_alloc_init(&c));
        differ(&c.allocator, &t, &m, seed, 100);
        assert_int_equal(lpm_count(&t), m.n);
        while (m.n > 0) {
            assert_int_equal(lpm_remove(&t, &m.routes[m.n - 1].prefix), 0);
            m.n--;
        }
        assert_int_equal(lpm_count(&t), 0);
        assert_true(lpm_check(&t));
        lpm_free(&t);
        assert_int_equal(c.live_blocks, 0);
    }
}

/* Host routes far from the model's prefixes make the array; what the model sees stays the same. */
static void fill_until_direct(struct lpm *t)
{
    for (uint32_t i = 0; i < LPM_DIRECT_ROUTES; i++) {
        struct ip_prefix v4 = {ip_addr_from_v4(0xf0000000u + i * 64), 32}, v6 = {address("fd00::"), 128};
        v6.addr = ip_addr_add(&v6.addr, i * 64);
        assert_int_equal(lpm_add(t, &v4, 7), 0);
        assert_int_equal(lpm_add(t, &v6, 7), 0);
    }
    assert_non_null(t->v4.direct);
    assert_non_null(t->v6.direct);
}

static void test_with_the_direct_array_the_answers_are_the_same(void **state)
{
    (void)state;
    struct random r;
    struct lpm t;
    static struct model m;
    m.n = 0;
    lpm_init(&t, alloc_heap());
    fill_until_direct(&t);
    random_seed(&r, 77);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 100; i++)
            random_change(&t, &m, &r, (unsigned)random_below(&r, MODEL_MAX));
        for (unsigned i = 0; i < 50; i++) {
            struct ip_addr a = random_address(&r);
            if ((ip_addr_is_v4(&a) && ip_addr_to_v4(&a) >> 28 == 0xf) || a.bytes[0] == 0xfd)
                continue;
            assert_int_equal(lpm_lookup(&t, &a), model_lookup(&m, &a));
        }
        if (round % 20 == 0)
            assert_true(lpm_check(&t));
    }
    assert_true(lpm_check(&t));
    lpm_free(&t);
}

/* ---- corners ---- */

static void test_the_longest_of_nested_prefixes_wins_and_the_next_one_after_its_removal(void **state)
{
    (void)state;
    struct lpm t;
    char text[IP_ADDR_PREFIX_TEXT];
    lpm_init(&t, alloc_heap());
    for (uint32_t length = 0; length <= 128; length++) {
        struct ip_prefix p = {address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), (uint8_t)length};
        assert_int_equal(lpm_add(&t, &p, 1000 + length), 0);
        if (length <= 32) {
            snprintf(text, sizeof text, "10.255.255.255/%u", length);
            add(&t, text, 100 + length);
        }
    }
    assert_true(lpm_check(&t));
    for (uint32_t length = 128; length < 129; length--) {
        struct ip_prefix p = {address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), (uint8_t)length};
        assert_int_equal(lpm_lookup(&t, &p.addr), 1000 + length);
        assert_int_equal(lpm_remove(&t, &p), 0);
    }
    for (uint32_t length = 32; length < 33; length--) {
        assert_int_equal(lookup(&t, "10.255.255.255"), 100 + length);
        struct ip_prefix p = {address("10.255.255.255"), (uint8_t)length};
        assert_int_equal(lpm_remove(&t, &p), 0);
    }
    assert_int_equal(lookup(&t, "10.255.255.255"), 0);
    assert_int_equal(lookup(&t, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
    assert_true(lpm_check(&t));
    lpm_free(&t);
}

static void test_default_and_host_routes_meet_only_their_own(void **state)
{
    (void)state;
    struct lpm t;
    lpm_init(&t, alloc_heap());
    assert_int_equal(lookup(&t, "192.0.2.1"), 0);
    assert_int_equal(lookup(&t, "::1"), 0);
    add(&t, "0.0.0.0/0", 1);
    assert_int_equal(lookup(&t, "2001:db8::1"), 0);
    add(&t, "::/0", 2);
    add(&t, "255.255.255.255/32", 3);
    add(&t, "0.0.0.0/32", 4);
    add(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 5);
    add(&t, "::/128", 6);
    assert_int_equal(lookup(&t, "255.255.255.254"), 1);
    assert_int_equal(lookup(&t, "255.255.255.255"), 3);
    assert_int_equal(lookup(&t, "0.0.0.0"), 4);
    assert_int_equal(lookup(&t, "0.0.0.1"), 1);
    assert_int_equal(lookup(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 5);
    assert_int_equal(lookup(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 2);
    assert_int_equal(lookup(&t, "::"), 6);
    assert_int_equal(lookup(&t, "::1"), 2);
    lpm_free(&t);
}

static void test_what_is_no_prefix_is_refused(void **state)
{
    (void)state;
    struct lpm t;
    lpm_init(&t, alloc_heap());
    struct ip_prefix v4 = {address("192.0.2.0"), 33}, v6 = {address("2001:db8::"), 129}, good = prefix("192.0.2.0/24");
    assert_int_equal(lpm_add(&t, &v4, 1), ERR_INVALID);
    assert_int_equal(lpm_add(&t, &v6, 1), ERR_INVALID);
    assert_int_equal(lpm_remove(&t, &v6), ERR_INVALID);
    assert_int_equal(lpm_replace(&t, &v4, 1), ERR_INVALID);
    assert_int_equal(lpm_find(&t, &v4), 0);
    assert_int_equal(lpm_add(&t, &good, 0), ERR_INVALID);
    assert_int_equal(lpm_add(&t, &good, 9), 0);
    assert_int_equal(lpm_add(&t, &good, 8), ERR_EXISTS);
    assert_int_equal(lpm_replace(&t, &good, 0), ERR_INVALID);
    assert_int_equal(lpm_find(&t, &good), 9);
    lpm_free(&t);
}

static void test_an_add_without_memory_changes_nothing(void **state)
{
    (void)state;
    struct counting_alloc c;
    struct lpm t;
    struct random r;
    static struct model m;
    unsigned refused = 0;
    m.n = 0;
    random_seed(&r, 5);
    lpm_init(&t, counting_alloc_init(&c));
    for (unsigned i = 0; i < 3000 && m.n < MODEL_MAX; i++) {
        struct ip_prefix p = random_prefix(&r);
        c.allocs_left = (unsigned)random_below(&r, 2);
        size_t live = c.live_bytes;
        int error = lpm_add(&t, &p, i + 1);
        if (error == ERR_NO_MEMORY) {
            refused++;
            assert_int_equal(c.live_bytes, live);
            assert_int_equal(lpm_find(&t, &p), 0);
            assert_true(lpm_check(&t));
            c.allocs_left = 2;
            error = lpm_add(&t, &p, i + 1);
        }
        assert_int_equal(error, model_add(&m, &p, i + 1));
    }
    assert_true(refused > 20);
    check_walk(&t, &m);
    lpm_free(&t);
    assert_int_equal(c.live_blocks, 0);
}

static void test_a_walk_goes_on_while_what_it_stood_at_is_removed(void **state)
{
    (void)state;
    struct lpm t;
    struct random r;
    unsigned added = 0, walked = 0;
    random_seed(&r, 9);
    lpm_init(&t, alloc_heap());
    for (unsigned i = 0; i < 5000; i++) {
        struct ip_prefix p = random_prefix(&r);
        added += lpm_add(&t, &p, 1) == 0;
    }
    for (struct lpm_route at = {.value = 0}; lpm_next(&t, &at); walked++)
        assert_int_equal(lpm_remove(&t, &at.prefix), 0);
    assert_int_equal(walked, added);
    assert_int_equal(lpm_count(&t), 0);
    assert_true(lpm_check(&t));
    lpm_free(&t);
}

static void test_a_small_table_is_small_and_churn_leaves_it_so(void **state)
{
    (void)state;
    struct lpm t;
    struct random r;
    size_t most = 0;
    random_seed(&r, 3);
    lpm_init(&t, alloc_heap());
    for (uint32_t i = 0; i < 10; i++) {
        struct ip_prefix p = {ip_addr_from_v4(0x0a000000u + (i << 8)), 24};
        assert_int_equal(lpm_add(&t, &p, 1), 0);
    }
    assert_true(lpm_memory(&t) < 1500);
    for (unsigned i = 0; i < 200000; i++) {
        struct ip_prefix p = bench_route_v4(&r);
        if (lpm_add(&t, &p, 2) == 0)
            assert_int_equal(lpm_remove(&t, &p), 0);
        if (lpm_memory(&t) > most)
            most = lpm_memory(&t);
    }
    assert_true(most < 6000);
    lpm_free(&t);
}

/* ---- a full table ---- */

/* What to look up, so that most is found. */
static struct ip_prefix nth_route(struct random *r, unsigned i)
{
    return i % 5 == 4 ? bench_route_v6(r) : bench_route_v4(r);
}

static void test_a_million_routes(void **state)
{
    (void)state;
    struct lpm t;
    struct random r;
    unsigned n = 0;
    lpm_init(&t, alloc_heap());
    random_seed(&r, 1);
    for (unsigned i = 0; n < MANY; i++) {
        struct ip_prefix p = nth_route(&r, i);
        int error = lpm_add(&t, &p, i + 1);
        assert_true(error == 0 || error == ERR_EXISTS);
        n += error == 0;
    }
    assert_int_equal(lpm_count(&t), MANY);
    assert_true(lpm_check(&t));
    print_message("%u routes in IPv4, %u in IPv6: %zu bytes\n", t.v4.n_routes, t.v6.n_routes, lpm_memory(&t));

    /* The longest by 128 times find is what lookup says. */
    for (unsigned i = 0; i < 20000; i++) {
        struct ip_prefix p = nth_route(&r, i);
        struct ip_addr a = bench_route_address(&r, &p);
        uint32_t expected = 0;
        for (unsigned length = ip_addr_bits(&a); length <= 128 && !expected; length--)
            expected = lpm_find(&t, &(struct ip_prefix){a, (uint8_t)length});
        assert_int_equal(lpm_lookup(&t, &a), expected);
    }
    struct lpm_route before = {.value = 0}, at = before;
    for (n = 0; lpm_next(&t, &at); n++, before = at)
        assert_true(n == 0 || compare_routes(&before, &at) < 0);
    assert_int_equal(n, MANY);

    random_seed(&r, 1);
    for (unsigned i = 0; lpm_count(&t) > 0; i++) {
        struct ip_prefix p = nth_route(&r, i);
        (void)!lpm_remove(&t, &p);
        if (lpm_count(&t) == MANY / 2)
            assert_true(lpm_check(&t));
    }
    assert_true(lpm_check(&t));
    lpm_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_answers_as_a_list_does),
        cmocka_unit_test(test_with_the_direct_array_the_answers_are_the_same),
        cmocka_unit_test(test_the_longest_of_nested_prefixes_wins_and_the_next_one_after_its_removal),
        cmocka_unit_test(test_default_and_host_routes_meet_only_their_own),
        cmocka_unit_test(test_what_is_no_prefix_is_refused),
        cmocka_unit_test(test_an_add_without_memory_changes_nothing),
        cmocka_unit_test(test_a_walk_goes_on_while_what_it_stood_at_is_removed),
        cmocka_unit_test(test_a_small_table_is_small_and_churn_leaves_it_so),
        cmocka_unit_test(test_a_million_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
