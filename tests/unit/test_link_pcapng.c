/* SPDX-License-Identifier: MIT */
/*
 * link/pcapng: the reader on files put together here block by block, in both byte orders and every way of being wrong;
 * the writer against the reader. Captures by others are read in test_link_pcap; tests/cli shows the writer's files to
 * tshark.
 */
#define _GNU_SOURCE /* memmem */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "link/pcap.h"

enum order { LITTLE, BIG };

static enum order order;
static uint8_t bytes[600000];
static size_t length, block_at;
static char file_path[64];
static char message[256];

static int set_up(void **state)
{
    (void)state;
    snprintf(file_path, sizeof file_path, "/tmp/weir-pcapng-XXXXXX");
    int fd = mkstemp(file_path);
    assert_true(fd >= 0);
    close(fd);
    length = 0;
    order = LITTLE;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(file_path);
}

/* ---- files in the making */

static void put(uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        bytes[length++] = (uint8_t)(value >> 8 * (order == BIG ? n - 1 - i : i));
}

static void pad(void)
{
    while (length % 4)
        bytes[length++] = 0;
}

static void begin(uint32_t type)
{
    block_at = length;
    put(type, 4);
    put(0, 4);
}

static void end(void)
{
    pad();
    uint32_t total = (uint32_t)(length + 4 - block_at);
    put(total, 4);
    size_t after = length;
    length = block_at + 4;
    put(total, 4);
    length = after;
}

static void section(enum order o)
{
    order = o;
    begin(0x0a0d0d0a);
    put(0x1a2b3c4d, 4);
    put(1, 2);
    put(0, 2);
    put(UINT64_MAX, 8);
    end();
}

static void option(unsigned code, uint64_t value, unsigned n)
{
    put(code, 2);
    put(n, 2);
    put(value, n);
    pad();
}

static void interface(unsigned link_type, uint32_t snap_length)
{
    begin(1);
    put(link_type, 2);
    put(0, 2);
    put(snap_length, 4);
    end();
}

static void interface_with(unsigned code, uint64_t value, unsigned n)
{
    begin(1);
    put(1, 2);
    put(0, 2);
    put(0, 4);
    option(1, 0x65726568, 4);
    option(code, value, n);
    option(0, 0, 0);
    end();
}

static void data(uint32_t present)
{
    for (uint32_t i = 0; i < present; i++)
        bytes[length++] = (uint8_t)i;
}

static void packet(uint32_t number, uint64_t units, uint32_t captured, uint32_t original)
{
    begin(6);
    put(number, 4);
    put(units >> 32, 4);
    put(units & UINT32_MAX, 4);
    put(captured, 4);
    put(original, 4);
    data(captured);
    pad();
    option(2, 1, 4);
    option(0, 0, 0);
    end();
}

static void save(size_t n)
{
    FILE *f = fopen(file_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct pcap_reader *open_saved(void)
{
    struct pcap_reader *r = NULL;
    save(length);
    assert_int_equal(pcap_reader_open_any(file_path, &r, message), 0);
    return r;
}

static struct pcap_record next(struct pcap_reader *r)
{
    struct pcap_record record;
    assert_int_equal(pcap_reader_next(r, &record), 1);
    return record;
}

static void ends_with(struct pcap_reader *r, int expected)
{
    struct pcap_record record;
    assert_int_equal(pcap_reader_next(r, &record), expected);
    assert_int_equal(pcap_reader_next(r, &record), expected); /* and ever after */
    pcap_reader_close(r);
}

/* The file so far has `good` packets and then ends so. */
static void ends_after(unsigned good, int expected)
{
    struct pcap_reader *r = open_saved();
    for (unsigned i = 0; i < good; i++)
        next(r);
    ends_with(r, expected);
}

/* ---- reading */

static void packets_are_read_in_both_byte_orders(void **state)
{
    (void)state;
    for (enum order o = LITTLE; o <= BIG; o++) {
        length = 0;
        section(o);
        interface(1, 0);
        packet(0, UINT64_C(1700000000123456), 61, 1500);
        packet(0, 0, 0, 0);
        struct pcap_reader *r = open_saved();
        assert_int_equal(pcap_reader_link_type(r), 1);
        assert_int_equal(pcap_reader_records(r), 0);
        struct pcap_record record = next(r);
        assert_true(record.time_ns == INT64_C(1700000000123456000));
        assert_int_equal(record.captured, 61);
        assert_int_equal(record.original, 1500);
        for (unsigned i = 0; i < 61; i++)
            assert_int_equal(record.bytes[i], i);
        record = next(r);
        assert_int_equal(record.captured, 0);
        assert_int_equal(pcap_reader_records(r), 2);
        ends_with(r, 0);
    }
}

static void a_second_section_has_its_own_order_and_interfaces(void **state)
{
    (void)state;
    section(LITTLE);
    interface(1, 0);
    interface(113, 0);
    packet(1, 1, 8, 8);
    section(BIG);
    interface(1, 0);
    packet(0, 2, 9, 9);
    struct pcap_reader *r = open_saved();
    assert_int_equal(next(r).link_type, 113);
    struct pcap_record record = next(r);
    assert_int_equal(record.link_type, 1);
    assert_int_equal(record.captured, 9);
    assert_int_equal(record.time_ns, 2000);
    ends_with(r, 0);

    packet(1, 3, 9, 9); /* of an interface of the first section */
    ends_after(2, ERR_MALFORMED);
}

static void times_are_read_in_every_resolution(void **state)
{
    (void)state;
    static const struct {
        unsigned resolution;
        uint64_t units;
        int64_t ns;
    } cases[] = {{6, 1, 1000},
                 {0, 7, 7000000000},
                 {3, 1234, 1234000000},
                 {9, 1234567891, 1234567891},
                 {12, 1999, 1},
                 {28, UINT64_C(10000000000000000000), 1},
                 {29, UINT64_MAX, 0},
                 {127, UINT64_MAX, 0},
                 {0x80, 3, 3000000000},
                 {0x80 | 1, 3, 1500000000},
                 {0x80 | 30, 1 << 29, 500000000},
                 {0x80 | 127, UINT64_MAX, 0},
                 {0, UINT64_MAX, INT64_MAX},
                 {6, UINT64_MAX, INT64_MAX}};
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        length = 0;
        section(i & 1 ? BIG : LITTLE);
        interface_with(9, cases[i].resolution, 1);
        packet(0, cases[i].units, 4, 4);
        struct pcap_reader *r = open_saved();
        assert_int_equal(next(r).time_ns, cases[i].ns);
        ends_with(r, 0);
    }
}

static void a_time_offset_is_added_and_held_in_range(void **state)
{
    (void)state;
    static const struct {
        int64_t offset;
        int64_t ns;
    } cases[] = {{100, 100000001000}, {-1, 0}, {INT64_MAX, INT64_MAX}, {INT64_MIN, 0}};
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        length = 0;
        section(i & 1 ? LITTLE : BIG);
        interface_with(14, (uint64_t)cases[i].offset, 8);
        packet(0, 1, 4, 4);
        struct pcap_reader *r = open_saved();
        assert_int_equal(next(r).time_ns, cases[i].ns);
        ends_with(r, 0);
    }
}

static void a_captured_fcs_is_taken_off(void **state)
{
    (void)state;
    static const unsigned lengths[] = {32, 4}; /* bits, and what some write for them */
    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        length = 0;
        section(LITTLE);
        interface_with(13, lengths[i], 1);
        packet(0, 0, 64, 64);
        packet(0, 0, 50, 64);
        struct pcap_reader *r = open_saved();
        struct pcap_record record = next(r);
        assert_int_equal(record.captured, 60);
        assert_int_equal(record.original, 60);
        record = next(r);
        assert_int_equal(record.captured, 50);
        assert_int_equal(record.original, 60);
        ends_with(r, 0);
    }
}

static void simple_and_obsolete_packets_are_read(void **state)
{
    (void)state;
    section(BIG);
    interface(1, 20);
    interface(1, 0);
    begin(2); /* obsolete: interface and drops share a word */
    put(1, 2);
    put(65535, 2);
    put(0, 4);
    put(5, 4);
    put(7, 4);
    put(9, 4);
    data(7);
    end();
    begin(3);
    put(100, 4);
    data(20); /* the first interface's snap length */
    end();
    begin(3);
    put(13, 4);
    data(13);
    end();
    struct pcap_reader *r = open_saved();
    struct pcap_record record = next(r);
    assert_int_equal(record.captured, 7);
    assert_int_equal(record.original, 9);
    assert_int_equal(record.time_ns, 5000);
    record = next(r);
    assert_int_equal(record.captured, 20);
    assert_int_equal(record.original, 100);
    assert_int_equal(record.time_ns, 5000); /* has none: that of the packet before */
    assert_int_equal(next(r).captured, 13);
    ends_with(r, 0);
}

static void other_blocks_are_passed_over(void **state)
{
    (void)state;
    static const uint32_t types[] = {4, 5, 10, 0xbad, 0x40000bad, 0x7fffffff};
    section(LITTLE);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        begin(types[i]);
        data(i == 0 ? 300000 : 4 * i); /* longer than any packet may be, or empty */
        end();
    }
    interface(1, 0);
    packet(0, 0, 5, 5);
    ends_after(1, 0);
}

static void a_file_cut_anywhere_gives_its_whole_packets(void **state)
{
    (void)state;
    section(BIG);
    size_t whole[4], smallest = length;
    interface(1, 0);
    for (unsigned i = 0; i < 3; i++) {
        whole[i] = length;
        packet(0, i, 20 + i, 20 + i);
    }
    whole[3] = length;
    for (size_t n = smallest; n <= whole[3]; n++) {
        struct pcap_reader *r = NULL;
        save(n);
        assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
        unsigned expected = 0;
        while (expected < 3 && whole[expected + 1] <= n)
            expected++;
        for (unsigned i = 0; i < expected; i++)
            next(r);
        ends_with(r, n == smallest || n == whole[expected] ? 0 : ERR_TRUNCATED);
    }
    for (size_t n = 4; n < smallest; n++) {
        struct pcap_reader *r = NULL;
        save(n);
        assert_int_equal(pcap_reader_open(file_path, &r, message), ERR_MALFORMED);
        assert_non_null(strstr(message, "section header is truncated"));
    }
}

/* Overwrites a word at an offset from where the last block began. */
static void spoil(size_t offset, uint32_t value)
{
    size_t at = length;
    length = block_at + offset;
    put(value, 4);
    length = at;
}

static void a_block_that_contradicts_itself_ends_the_reading(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
    } wrong[] = {
        {4, 0},         {4, 8},           {4, 30}, {4, 0xfffffffd}, /* total length: none, short, odd, odd */
        {4, 40},                                                    /* under what the packet takes */
        {8, 1},         {8, UINT32_MAX},                            /* no such interface */
        {20, 262145},   {20, UINT32_MAX},                           /* captured: too much, and absurd */
        {20, 40},                                                   /* more than the block has */
        {52 + 12, 100},                                             /* the trailing length */
    };
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        length = 0;
        section(i & 1 ? BIG : LITTLE);
        interface(1, 0);
        packet(0, 0, 5, 5);
        packet(0, 0, 22, 22); /* 28 + 24 + 12 + 4 bytes */
        spoil(wrong[i].offset, wrong[i].value);
        ends_after(1, ERR_MALFORMED);
    }
}

static void a_section_header_that_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
        int error;
        const char *says;
    } wrong[] = {{8, 0x1a2b3c4e, ERR_MALFORMED, "malformed"},
                 {4, 24, ERR_MALFORMED, "malformed"},
                 {4, 29, ERR_MALFORMED, "malformed"},
                 {24, 32, ERR_MALFORMED, "malformed"},
                 {12, 2, ERR_UNSUPPORTED, "another version"}};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct pcap_reader *r = NULL;
        length = 0;
        section(LITTLE);
        spoil(wrong[i].offset, wrong[i].value);
        save(length);
        assert_int_equal(pcap_reader_open(file_path, &r, message), wrong[i].error);
        assert_non_null(strstr(message, wrong[i].says));
        assert_non_null(strstr(message, file_path));
    }
}

static void options_that_overrun_their_block_are_ignored(void **state)
{
    (void)state;
    section(LITTLE);
    begin(1);
    put(1, 2);
    put(0, 2);
    put(0, 4);
    option(9, 0, 1); /* seconds */
    put(14, 2);
    put(60000, 2);
    end();
    packet(0, 3, 4, 4);
    struct pcap_reader *r = open_saved();
    assert_int_equal(next(r).time_ns, INT64_C(3000000000));
    ends_with(r, 0);
}

static void interfaces_are_bounded(void **state)
{
    (void)state;
    section(LITTLE);
    for (unsigned i = 0; i < 1024; i++)
        interface(1, 0);
    packet(1023, 0, 4, 4);
    ends_after(1, 0);
    interface(1, 0);
    ends_after(1, ERR_MALFORMED);
}

static void only_ethernet_is_given_to_those_who_want_that(void **state)
{
    (void)state;
    struct pcap_reader *r = NULL;
    section(LITTLE);
    interface(113, 0);
    interface(1, 0);
    size_t start = length;
    packet(0, 0, 4, 4);
    save(length);
    assert_int_equal(pcap_reader_open(file_path, &r, message), ERR_UNSUPPORTED);
    assert_non_null(strstr(message, "link type 113; only Ethernet (1) can be read"));
    length = start;
    packet(1, 0, 4, 4);
    packet(0, 0, 4, 4);
    save(length);
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    next(r);
    ends_with(r, ERR_UNSUPPORTED);
}

/* ---- writing */

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 2, 3, 60, 1514, 65549, 262144, 300000};
    struct pcap_writer_settings s = {.path = file_path,
                                     .format = PCAP_FORMAT_PCAPNG,
                                     .interface = "packet:eth0",
                                     .filter = "tcp port 80",
                                     .comment = "a comment"};
    static uint8_t frame[300000];
    struct pcap_writer *w = NULL;
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)(i * 7);
    assert_int_equal(pcap_writer_open(&s, &w, message), 0);
    for (unsigned i = 0; i < 90; i++) {
        struct pcap_record record = {.time_ns = i * INT64_C(1000000007),
                                     .captured = lengths[i % 9],
                                     .original = lengths[i % 9],
                                     .direction = (enum pcap_direction)(i % 3),
                                     .bytes = frame};
        assert_int_equal(pcap_writer_put(w, &record), 0);
    }
    struct pcap_statistics statistics = {1, 2, 3, 4, UINT64_MAX, 6, 7};
    assert_int_equal(pcap_writer_put_statistics(w, &statistics), 0);
    assert_int_equal(pcap_writer_close(w), 0);

    struct pcap_reader *r = NULL;
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    for (unsigned i = 0; i < 90; i++) {
        struct pcap_record record = next(r);
        uint32_t captured = lengths[i % 9] < 262144 ? lengths[i % 9] : 262144;
        assert_true(record.time_ns == i * INT64_C(1000000007));
        assert_int_equal(record.captured, captured);
        assert_int_equal(record.original, lengths[i % 9]);
        assert_memory_equal(record.bytes, frame, captured);
    }
    ends_with(r, 0);
}

static uint32_t first_word(const char *path)
{
    uint32_t word = 0;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(&word, 1, 4, f), 4);
    fclose(f);
    return word;
}

static void the_ending_of_the_name_chooses_the_format(void **state)
{
    (void)state;
    static const struct {
        const char *ending;
        enum pcap_format format;
        uint32_t word;
    } cases[] = {{".pcapng", PCAP_FORMAT_BY_NAME, 0x0a0d0d0a},
                 {".pcap", PCAP_FORMAT_BY_NAME, 0xa1b23c4d},
                 {"", PCAP_FORMAT_BY_NAME, 0xa1b23c4d},
                 {".pcap", PCAP_FORMAT_PCAPNG, 0x0a0d0d0a},
                 {".pcapng", PCAP_FORMAT_CLASSIC, 0xa1b23c4d}};
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[80];
        struct pcap_writer *w = NULL;
        snprintf(path, sizeof path, "%s%s", file_path, cases[i].ending);
        struct pcap_writer_settings s = {.path = path, .format = cases[i].format};
        assert_int_equal(pcap_writer_open(&s, &w, message), 0);
        assert_int_equal(pcap_writer_close(w), 0);
        assert_int_equal(first_word(path), cases[i].word);
        if (cases[i].ending[0])
            unlink(path);
    }
}

static void texts_are_cut_at_their_bound(void **state)
{
    (void)state;
    static char text[100000];
    memset(text, 'x', sizeof text - 1);
    struct pcap_writer_settings s = {
        .path = file_path, .format = PCAP_FORMAT_PCAPNG, .interface = text, .filter = text, .comment = text};
    struct pcap_writer *w = NULL;
    assert_int_equal(pcap_writer_open(&s, &w, message), 0);
    assert_int_equal(pcap_writer_write(w, 5, (const uint8_t *)"abcd", 4), 0);
    assert_int_equal(pcap_writer_close(w), 0);
    struct pcap_reader *r = NULL;
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    assert_int_equal(next(r).captured, 4);
    ends_with(r, 0);
}

/* Blocks of the writer's file: how many of a type. */
static unsigned blocks_of(const uint8_t *file, size_t size, uint32_t type, const char *holds)
{
    unsigned n = 0;
    uint32_t block, total;
    for (size_t at = 0; at + 12 <= size; at += total) {
        memcpy(&block, file + at, 4);
        memcpy(&total, file + at + 4, 4);
        assert_true(total >= 12 && total % 4 == 0 && at + total <= size);
        n += block == type && (!holds || memmem(file + at, total, holds, strlen(holds)) != NULL);
    }
    return n;
}

static struct sunk {
    uint8_t bytes[1 << 20];
    size_t length;
    bool refuses;
} sunk;

static bool sink(void *context, const void *from, size_t n)
{
    struct sunk *s = context;
    if (s->refuses)
        return false;
    assert_true(s->length + n <= sizeof s->bytes);
    memcpy(s->bytes + s->length, from, n);
    s->length += n;
    return true;
}

static void two_interfaces_and_comments_go_to_a_sink(void **state)
{
    static const uint8_t frame[60] = {2};
    static char long_comment[1000];
    struct pcap_writer *w;
    const struct pcap_writer_settings s = {.path = "both.pcapng",
                                           .interface = "inside",
                                           .second_interface = "outside",
                                           .sink = sink,
                                           .sink_context = &sunk};
    struct pcap_record record = {.captured = sizeof frame, .original = sizeof frame, .bytes = frame, .interface = 1};
    (void)state;
    memset(long_comment, 'c', sizeof long_comment - 1);
    assert_int_equal(pcap_writer_open(&s, &w, message), 0);
    record.comment = "own";
    assert_int_equal(pcap_writer_put(w, &record), 0);
    record.comment = long_comment;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(pcap_writer_put(w, &record), 0);
    assert_int_equal(pcap_writer_flush(w), 0);
    sunk.refuses = true; /* for a while */
    assert_int_equal(pcap_writer_put(w, &record), 0);
    assert_int_equal(pcap_writer_flush(w), 0);
    assert_true(pcap_writer_lost(w) == 1);
    sunk.refuses = false;
    record.comment = "later";
    assert_int_equal(pcap_writer_put(w, &record), 0);
    assert_int_equal(pcap_writer_close(w), 0);
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 1, NULL), 2);
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 1, "outside"), 1);
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 6, NULL), 1002);
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 6, "own"), 1);
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 6, "later"), 1);
    long_comment[PCAP_COMMENT_MAX] = 0;
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 6, long_comment), 1000);
    long_comment[PCAP_COMMENT_MAX] = 'c';
    long_comment[PCAP_COMMENT_MAX + 1] = 0;
    assert_int_equal(blocks_of(sunk.bytes, sunk.length, 6, long_comment), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(packets_are_read_in_both_byte_orders),
        CASE(a_second_section_has_its_own_order_and_interfaces),
        CASE(times_are_read_in_every_resolution),
        CASE(a_time_offset_is_added_and_held_in_range),
        CASE(a_captured_fcs_is_taken_off),
        CASE(simple_and_obsolete_packets_are_read),
        CASE(other_blocks_are_passed_over),
        CASE(a_file_cut_anywhere_gives_its_whole_packets),
        CASE(a_block_that_contradicts_itself_ends_the_reading),
        CASE(a_section_header_that_is_none_is_refused),
        CASE(options_that_overrun_their_block_are_ignored),
        CASE(interfaces_are_bounded),
        CASE(two_interfaces_and_comments_go_to_a_sink),
        CASE(only_ethernet_is_given_to_those_who_want_that),
        CASE(what_is_written_is_read_again),
        CASE(the_ending_of_the_name_chooses_the_format),
        CASE(texts_are_cut_at_their_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
