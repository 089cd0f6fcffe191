/* SPDX-License-Identifier: MIT */
/*
 * engine/shortcut_answers over files of memory in the place of the kernel's maps: what the program finds in the tables, and
 * what the ring brings, also across its end. The program itself is tests/interop/accel_answers.sh.
 */
#define _GNU_SOURCE /* memfd_create */
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/shortcut_answers.h"
#include "support/cmocka_all.h"

#define HEADER 8u
#define BUSY (1u << 31)
#define DISCARDED (1u << 30)
#define RECORD (HEADER + (uint32_t)sizeof(struct shortcut_answered))
#define SERVERS 4u
#define SOURCES 8u

static struct {
    struct shortcut_maps maps;
    struct shortcut_answers answers;
    uint8_t *ring; /* all of it, to write */
    size_t page;
} t;

static int memory_of(size_t bytes)
{
    const int descriptor = memfd_create("map", 0);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, (off_t)bytes), 0);
    return descriptor;
}

static int set_up(void **state)
{
    (void)state;
    const struct shortcut_sizes sizes = shortcut_sizes_for(10, SERVERS, SOURCES);
    t.page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t ring = 2 * t.page + 2 * SHORTCUT_RING_BYTES;
    t.maps = (struct shortcut_maps){.control = memory_of(t.page),
                                    .claims = memory_of(sizes.claims * sizeof(uint64_t)),
                                    .servers = memory_of(t.page),
                                    .sources = memory_of(t.page),
                                    .ring = memory_of(ring)};
    t.ring = mmap(NULL, ring, PROT_READ | PROT_WRITE, MAP_SHARED, t.maps.ring, 0);
    assert_true(t.ring != MAP_FAILED);
    return shortcut_answers_open(&t.answers, &t.maps, &sizes);
}

static int tear_down(void **state)
{
    (void)state;
    shortcut_answers_close(&t.answers);
    shortcut_answers_close(&t.answers); /* nothing is open any more */
    (void)munmap(t.ring, 2 * t.page + 2 * SHORTCUT_RING_BYTES);
    const int descriptors[] = {t.maps.control, t.maps.claims, t.maps.servers, t.maps.sources, t.maps.ring};
    for (unsigned i = 0; i < ARRAY_SIZE(descriptors); i++)
        (void)close(descriptors[i]);
    return 0;
}

/* ---- as the kernel does: both images of the pages have it ---- */

static unsigned long *made(void) { return (unsigned long *)(void *)(t.ring + t.page); }

static void write_at(unsigned long at, const void *bytes, size_t n)
{
    uint8_t *data = t.ring + 2 * t.page;
    for (size_t i = 0; i < n; i++) {
        const size_t place = (at + i) % SHORTCUT_RING_BYTES;
        data[place] = data[place + SHORTCUT_RING_BYTES] = ((const uint8_t *)bytes)[i];
    }
}

static void set_header(unsigned long at, uint32_t flags)
{
    const uint32_t header = (uint32_t)sizeof(struct shortcut_answered) | flags;
    write_at(at, &header, sizeof header);
}

static unsigned long add(uint32_t isn, uint32_t flags)
{
    const struct shortcut_answered a = {
        .frame = {(uint8_t)isn}, .at = isn + 1, .length = 60, .isn = isn, .mss = 1000, .wscale = 3, .present = 9};
    const unsigned long at = *made();
    write_at(at + HEADER, &a, sizeof a);
    set_header(at, flags);
    *made() = at + RECORD;
    return at;
}

static void expect_next(uint32_t isn)
{
    struct accel_answered a;
    assert_true(t.answers.hook.next(&t.answers, &a));
    assert_int_equal(a.isn.v, isn);
    assert_int_equal(a.at, isn + 1);
    assert_int_equal(a.length, 60);
    assert_int_equal(a.frame[0], (uint8_t)isn);
    assert_int_equal(a.told.mss, 1000);
    assert_int_equal(a.told.wscale, 3);
    assert_int_equal(a.told.present, 9);
}

static void expect_no_more(void)
{
    struct accel_answered a;
    assert_false(t.answers.hook.next(&t.answers, &a));
}

/* ---- tests ---- */

static void syns_come_in_order(void **state)
{
    (void)state;
    expect_no_more();
    add(1, 0);
    add(2, 0);
    expect_next(1);
    expect_next(2);
    expect_no_more();
    expect_no_more();
    add(3, 0);
    expect_next(3);
}

static void one_that_is_being_written_is_waited_for(void **state)
{
    (void)state;
    const unsigned long at = add(1, BUSY);
    add(2, 0);
    expect_no_more();
    set_header(at, 0);
    expect_next(1);
    expect_next(2);
}

static void one_that_was_discarded_is_passed_over(void **state)
{
    (void)state;
    add(1, DISCARDED);
    add(2, 0);
    add(3, DISCARDED);
    expect_next(2);
    expect_no_more();
    assert_int_equal(*t.answers.consumed, *made());
}

static void the_ring_goes_round(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5 * SHORTCUT_RING_BYTES / RECORD; i++) {
        add(i, 0);
        expect_next(i);
    }
    expect_no_more();
    assert_true(*made() > 4 * SHORTCUT_RING_BYTES);
}

static void what_was_given_stays_until_the_next_is_asked_for(void **state)
{
    (void)state;
    add(1, 0);
    expect_next(1);
    assert_int_equal(*t.answers.consumed, 0);
    expect_no_more();
    assert_int_equal(*t.answers.consumed, RECORD);
}

static void claims_are_counted_and_tell_what_is_pending(void **state)
{
    (void)state;
    const struct accel_answers *h = &t.answers.hook;
    const uint32_t hash = 0x80000007, place = hash & (t.answers.sizes.claims - 1);
    assert_false(h->claim(h->context, hash));
    assert_int_equal(t.answers.claims[place], 1);
    h->release(h->context, hash);
    t.answers.claims[place] = SHORTCUT_PENDING + 1; /* the program */
    assert_true(h->claim(h->context, hash));
    h->settle(h->context, hash);
    assert_int_equal(t.answers.claims[place], 1);
    assert_false(h->claim(h->context, hash));
}

static void tables_have_what_the_box_says(void **state)
{
    (void)state;
    const struct accel_answers *h = &t.answers.hook;
    const struct hash_key secret = {.k0 = 1, .k1 = 2};
    const struct accel_server server = {.address = ip_addr_from_v4(0xc6120002),
                                        .port = 80,
                                        .vlan = 7,
                                        .said = {.mss = 1460, .wscale = 5, .present = TCP_OPT_WSCALE}};
    h->begin(h->context, &secret);
    assert_int_equal(t.answers.control->secret[1], 2);
    assert_int_equal(t.answers.control->servers_mask, SERVERS - 1);
    assert_int_equal(t.answers.control->sources_mask, SOURCES - 1);
    h->server(h->context, 3, &server, 99);
    const struct shortcut_server *s = &t.answers.servers[3];
    assert_memory_equal(s->address, server.address.bytes, 16);
    assert_int_equal(s->port, 80);
    assert_int_equal(s->vlan, 7);
    assert_int_equal(s->mss, 1460);
    assert_int_equal(s->wscale, 5);
    assert_int_equal(s->present, TCP_OPT_WSCALE);
    assert_int_equal(s->until, 99);
    assert_int_equal(s->version % 2, 0);
    h->server(h->context, 3, NULL, 99);
    assert_int_equal(s->until, 0);
    assert_int_equal(s->version, 4);
    h->source(h->context, 5, 64);
    assert_int_equal(t.answers.sources[5].most, 64);
    h->grant(h->context, 256);
    assert_int_equal(t.answers.control->most, 256);
    assert_int_equal(t.answers.control->answered, 0);
}

static void a_box_has_four_places_a_flow(void **state)
{
    (void)state;
    const struct shortcut_sizes s = shortcut_sizes_for(65536, 4096, 65535);
    assert_int_equal(s.claims, 262144);
    assert_int_equal(s.servers, 4096);
    assert_int_equal(s.sources, 65536);
    assert_int_equal(shortcut_sizes_for(1, 1, 1).claims, 65536);
}

static void maps_that_are_none_are_an_error(void **state)
{
    struct shortcut_answers a;
    struct shortcut_maps maps = t.maps;
    (void)state;
    maps.sources = -1;
    assert_int_equal(shortcut_answers_open(&a, &maps, &t.answers.sizes), ERR_SYSTEM);
    assert_null(a.control);
    assert_int_equal(a.ring, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(syns_come_in_order),
        TEST(one_that_is_being_written_is_waited_for),
        TEST(one_that_was_discarded_is_passed_over),
        TEST(the_ring_goes_round),
        TEST(what_was_given_stays_until_the_next_is_asked_for),
        TEST(claims_are_counted_and_tell_what_is_pending),
        TEST(tables_have_what_the_box_says),
        TEST(a_box_has_four_places_a_flow),
        TEST(maps_that_are_none_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
