/* SPDX-License-Identifier: MIT */
/*
 * link/pcap: the reader on files put together here byte by byte, in every format and every way of being wrong; the
 * writer against the reader, on a full disk; and the captures of WEIR_PCAPS, whose numbers of packets its README.md
 * gives as tshark counted them.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "link/pcap.h"

/* ---- files in the making */

enum order { LITTLE, BIG };

struct draft {
    enum order order;
    uint8_t bytes[600000];
    size_t length;
};

static char file_path[64];
static struct draft draft;
static char message[256];

static int set_up(void **state)
{
    (void)state;
    snprintf(file_path, sizeof file_path, "/tmp/weir-pcap-XXXXXX");
    int fd = mkstemp(file_path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(file_path);
}

static void put(struct draft *d, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        unsigned shift = d->order == BIG ? bytes - 1 - i : i;
        d->bytes[d->length++] = (uint8_t)(value >> 8 * shift);
    }
}

static void begin(struct draft *d, enum order order, uint32_t magic, uint32_t link_type)
{
    d->order = order;
    d->length = 0;
    put(d, magic, 4);
    put(d, 2, 2);
    put(d, 4, 2);
    put(d, 0, 4);
    put(d, 0, 4);
    put(d, 65535, 4);
    put(d, link_type, 4);
}

/* A record of `present` bytes 0, 1, 2 ... that says it has `captured` of `original`. */
static void add(struct draft *d, uint32_t s, uint32_t fraction, uint32_t captured, uint32_t original, uint32_t present)
{
    put(d, s, 4);
    put(d, fraction, 4);
    put(d, captured, 4);
    put(d, original, 4);
    for (uint32_t i = 0; i < present; i++)
        d->bytes[d->length++] = (uint8_t)i;
}

static void save(const struct draft *d, size_t length)
{
    FILE *f = fopen(file_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(d->bytes, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static struct pcap_reader *open_saved(const struct draft *d)
{
    struct pcap_reader *r = NULL;
    save(d, d->length);
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    return r;
}

static void refused(const char *path, int error, const char *says)
{
    struct pcap_reader *r = NULL;
    assert_int_equal(pcap_reader_open(path, &r, message), error);
    assert_null(r);
    if (!strstr(message, says))
        fail_msg("the message \"%s\" does not say \"%s\"", message, says);
}

static void saved_is_refused(int error, const char *says)
{
    save(&draft, draft.length);
    refused(file_path, error, says);
    assert_non_null(strstr(message, file_path));
}

/* Reads to the end; returns how many records and in *end how it ended. */
static unsigned count_records(struct pcap_reader *r, int *end)
{
    struct pcap_record record;
    unsigned n = 0;
    while ((*end = pcap_reader_next(r, &record)) == 1)
        n++;
    assert_int_equal(pcap_reader_records(r), n);
    assert_int_equal(pcap_reader_next(r, &record), *end); /* and ever after */
    return n;
}

/* ---- reading */

static void all_four_formats_are_read(void **state)
{
    (void)state;
    static const struct {
        enum order order;
        uint32_t magic;
        int64_t time_ns;
    } formats[] = {{LITTLE, 0xa1b2c3d4, 1700000000000123000},
                   {BIG, 0xa1b2c3d4, 1700000000000123000},
                   {LITTLE, 0xa1b23c4d, 1700000000000000123},
                   {BIG, 0xa1b23c4d, 1700000000000000123}};
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        begin(&draft, formats[i].order, formats[i].magic, 1);
        add(&draft, 1700000000, 123, 60, 1500, 60);
        add(&draft, 4294967295, 0, 0, 0, 0);
        struct pcap_reader *r = open_saved(&draft);
        assert_int_equal(pcap_reader_link_type(r), 1);
        struct pcap_record record;
        assert_int_equal(pcap_reader_next(r, &record), 1);
        assert_true(record.time_ns == formats[i].time_ns);
        assert_int_equal(record.captured, 60);
        assert_int_equal(record.original, 1500);
        for (unsigned k = 0; k < 60; k++)
            assert_int_equal(record.bytes[k], k);
        assert_int_equal(pcap_reader_next(r, &record), 1);
        assert_true(record.time_ns == INT64_C(4294967295) * 1000000000);
        assert_int_equal(record.captured, 0);
        assert_int_equal(pcap_reader_next(r, &record), 0);
        pcap_reader_close(r);
    }
}

static void a_file_without_packets_is_at_its_end(void **state)
{
    (void)state;
    begin(&draft, LITTLE, 0xa1b2c3d4, 1);
    struct pcap_reader *r = open_saved(&draft);
    int end;
    assert_int_equal(count_records(r, &end), 0);
    assert_int_equal(end, 0);
    pcap_reader_close(r);
}

static void a_file_cut_anywhere_gives_its_whole_records(void **state)
{
    (void)state;
    begin(&draft, BIG, 0xa1b2c3d4, 1);
    size_t whole[4] = {draft.length};
    for (uint32_t i = 0; i < 3; i++) {
        add(&draft, i, 0, 20 + i, 20 + i, 20 + i);
        whole[i + 1] = draft.length;
    }
    for (size_t length = 0; length <= draft.length; length++) {
        save(&draft, length);
        if (length < whole[0]) {
            refused(file_path, ERR_MALFORMED, "the header of a pcap file has 24");
            continue;
        }
        struct pcap_reader *r = NULL;
        assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
        unsigned expected = 0;
        while (expected < 3 && whole[expected + 1] <= length)
            expected++;
        int end;
        assert_int_equal(count_records(r, &end), expected);
        assert_int_equal(end, length == whole[expected] ? 0 : ERR_TRUNCATED);
        pcap_reader_close(r);
    }
}

static void impossible_lengths_end_the_reading(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {UINT32_MAX, 0x80000000, 262145};
    for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
        begin(&draft, i & 1 ? BIG : LITTLE, 0xa1b2c3d4, 1);
        add(&draft, 0, 0, 10, 10, 10);
        add(&draft, 0, 0, lengths[i], lengths[i], 300000);
        struct pcap_reader *r = open_saved(&draft);
        int end;
        assert_int_equal(count_records(r, &end), 1);
        assert_int_equal(end, ERR_MALFORMED);
        pcap_reader_close(r);
    }
}

static void the_longest_record_is_read(void **state)
{
    (void)state;
    begin(&draft, LITTLE, 0xa1b2c3d4, 1);
    add(&draft, 0, 0, 262144, 262144, 262144);
    struct pcap_reader *r = open_saved(&draft);
    int end;
    assert_int_equal(count_records(r, &end), 1);
    assert_int_equal(end, 0);
    pcap_reader_close(r);
}

static void more_captured_than_there_was_counts_as_there(void **state)
{
    (void)state;
    begin(&draft, LITTLE, 0xa1b2c3d4, 1);
    add(&draft, 0, 0, 100, 60, 100);
    struct pcap_reader *r = open_saved(&draft);
    struct pcap_record record;
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_int_equal(record.captured, 100);
    assert_int_equal(record.original, 100);
    pcap_reader_close(r);
}

static void a_captured_fcs_is_taken_off(void **state)
{
    (void)state;
    begin(&draft, LITTLE, 0xa1b2c3d4, 0x24000001); /* 2 words of FCS */
    add(&draft, 0, 0, 64, 64, 64);
    add(&draft, 0, 0, 50, 64, 50);
    add(&draft, 0, 0, 3, 3, 3);
    struct pcap_reader *r = open_saved(&draft);
    static const uint32_t expected[][2] = {{60, 60}, {50, 60}, {0, 0}};
    for (unsigned i = 0; i < 3; i++) {
        struct pcap_record record;
        assert_int_equal(pcap_reader_next(r, &record), 1);
        assert_int_equal(record.captured, expected[i][0]);
        assert_int_equal(record.original, expected[i][1]);
    }
    pcap_reader_close(r);
}

static void what_is_not_pcap_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int error;
        const char *says;
    } files[] = {{"\x0a\x0d\x0d\x0a", ERR_MALFORMED, "pcapng file whose section header is"},
                 {"\x1f\x8b\x08\x00", ERR_UNSUPPORTED, "gzip"},
                 {"\x28\xb5\x2f\xfd", ERR_UNSUPPORTED, "zstd"},
                 {"\xfd\x37zXZ", ERR_UNSUPPORTED, "xz"},
                 {"snoop", ERR_UNSUPPORTED, "snoop"},
                 {"\xa1\xb2\xcd\x34", ERR_UNSUPPORTED, "modified pcap"},
                 {"\x34\xcd\xb2\xa1", ERR_UNSUPPORTED, "modified pcap"},
                 {"GIF8", ERR_MALFORMED, "begins with 47 49 46 38"}};
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
        begin(&draft, LITTLE, 0, 1);
        memcpy(draft.bytes, files[i].bytes, 4);
        saved_is_refused(files[i].error, files[i].says);
    }
}

static void other_versions_and_link_types_are_refused_by_number(void **state)
{
    (void)state;
    begin(&draft, LITTLE, 0xa1b2c3d4, 113);
    saved_is_refused(ERR_UNSUPPORTED, "link type 113");
    begin(&draft, BIG, 0xa1b2c3d4, 1);
    draft.bytes[5] = 1;
    saved_is_refused(ERR_UNSUPPORTED, "version 1.4");
    begin(&draft, BIG, 0xa1b2c3d4, 1);
    draft.bytes[7] = 3;
    saved_is_refused(ERR_UNSUPPORTED, "version 2.3");
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    refused("/nonexistent/file.pcap", ERR_NOT_FOUND, "/nonexistent/file.pcap");
    refused("/etc/passwd/file.pcap", ERR_NOT_FOUND, "Not a directory");
    refused("/", ERR_SYSTEM, "Is a directory");
}

/* ---- writing */

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static uint8_t bytes[300000];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    static const uint32_t lengths[] = {0, 1, 60, 1514, 9014, 65549, 262144};
    const unsigned n = 200;
    struct pcap_writer *w = NULL;
    assert_int_equal(pcap_writer_open(&(struct pcap_writer_settings){.path = file_path}, &w, message), 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pcap_writer_write(w, i * INT64_C(1000000007), bytes + i, lengths[i % 7]), 0);
    assert_int_equal(pcap_writer_lost(w), 0);
    assert_int_equal(pcap_writer_close(w), 0);

    struct pcap_reader *r = NULL;
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    for (unsigned i = 0; i < n; i++) {
        struct pcap_record record;
        assert_int_equal(pcap_reader_next(r, &record), 1);
        assert_true(record.time_ns == i * INT64_C(1000000007));
        assert_int_equal(record.captured, lengths[i % 7]);
        assert_int_equal(record.original, lengths[i % 7]);
        assert_memory_equal(record.bytes, bytes + i, record.captured);
    }
    int end;
    struct pcap_record record;
    assert_int_equal(end = pcap_reader_next(r, &record), 0);
    pcap_reader_close(r);
}

static void frames_are_cut_at_the_snap_length(void **state)
{
    (void)state;
    static const uint8_t bytes[1000];
    struct pcap_writer *w = NULL;
    assert_int_equal(
        pcap_writer_open(&(struct pcap_writer_settings){.path = file_path, .snap_length = 96}, &w, message), 0);
    assert_int_equal(pcap_writer_write(w, 5, bytes, 1000), 0);
    assert_int_equal(pcap_writer_write(w, 5, bytes, 95), 0);
    assert_int_equal(pcap_writer_close(w), 0);
    struct pcap_reader *r = NULL;
    struct pcap_record record;
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_int_equal(record.captured, 96);
    assert_int_equal(record.original, 1000);
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_int_equal(record.captured, 95);
    pcap_reader_close(r);
}

static void a_flushed_file_can_be_read_while_it_grows(void **state)
{
    (void)state;
    static const uint8_t bytes[60];
    struct pcap_writer *w = NULL;
    struct pcap_reader *r = NULL;
    int end;
    assert_int_equal(pcap_writer_open(&(struct pcap_writer_settings){.path = file_path}, &w, message), 0);
    assert_int_equal(pcap_writer_write(w, 5, bytes, 60), 0);
    assert_int_equal(pcap_writer_flush(w), 0);
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    assert_int_equal(count_records(r, &end), 1);
    assert_int_equal(end, 0);
    pcap_reader_close(r);
    assert_int_equal(pcap_writer_close(w), 0);
}

static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct pcap_writer *w = NULL;
    assert_int_equal(pcap_writer_open(&(struct pcap_writer_settings){.path = "/nonexistent/file.pcap"}, &w, message),
                     ERR_SYSTEM);
    assert_non_null(strstr(message, "cannot write /nonexistent/file.pcap: No such file"));
    assert_int_equal(pcap_writer_open(&(struct pcap_writer_settings){.path = "/dev/full"}, &w, message), ERR_SYSTEM);
    assert_non_null(strstr(message, "No space left"));
    assert_null(w);
}

/* The file may grow to `limit` bytes, as on a disk that fills up. */
static void limit_file_size(rlim_t limit)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = limit < l.rlim_max ? limit : l.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_costs_whole_records_and_counts_them(void **state)
{
    (void)state;
    static const uint8_t bytes[1500];
    const unsigned n = 1000;
    struct pcap_writer *w = NULL;
    signal(SIGXFSZ, SIG_IGN);
    limit_file_size(1000000);
    assert_int_equal(pcap_writer_open(&(struct pcap_writer_settings){.path = file_path}, &w, message), 0);
    unsigned refusals = 0;
    for (unsigned i = 0; i < n; i++)
        refusals += pcap_writer_write(w, i, bytes, 1500) != 0;
    assert_true(refusals > 0);
    uint64_t lost = pcap_writer_lost(w);
    assert_true(lost >= refusals);
    assert_int_equal(pcap_writer_flush(w), ERR_SYSTEM);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(pcap_writer_write(w, n, bytes, 1500), ERR_SYSTEM); /* the gap stays visible: nothing follows it */
    assert_int_equal(pcap_writer_lost(w), lost + 1);
    assert_int_equal(pcap_writer_close(w), ERR_SYSTEM);

    struct pcap_reader *r = NULL;
    int end;
    assert_int_equal(pcap_reader_open(file_path, &r, message), 0);
    assert_int_equal(count_records(r, &end), n - lost);
    assert_int_equal(end, 0);
    pcap_reader_close(r);
}

/* ---- captures from elsewhere */

static const char *pcaps(void)
{
    const char *path = getenv("WEIR_PCAPS");
    return path ? path : "../shared/pcaps";
}

/*
 * Of what tshark lists as packets, these are Custom Blocks ("PCAPNG n Custom Block"); capinfos -c counts without them.
 */
static unsigned custom_blocks(const char *name)
{
    static const struct {
        const char *name;
        unsigned count;
    } files[] = {{"advanced_test102", 3}, {"basic_test017", 4}, {"basic_test018", 4}, {"difficult_test202", 3}};
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
        if (strstr(name, files[i].name))
            return files[i].count;
    return 0;
}

/* One file of the table: reads it, whatever its link type; false when it is neither pcap nor pcapng. */
static bool check_capture(const char *path, unsigned packets)
{
    struct pcap_reader *r = NULL;
    int error = pcap_reader_open_any(path, &r, message);
    if (error) {
        assert_int_equal(error, ERR_UNSUPPORTED);
        return false;
    }
    packets -= custom_blocks(path);
    int end;
    unsigned n = count_records(r, &end);
    if (end != 0 || n != packets)
        fail_msg("%s: %u records ending with %s, tshark counts %u", path, n, err_name(end), packets);
    pcap_reader_close(r);
    return true;
}

static void every_capture_has_as_many_packets_as_tshark_counts(void **state)
{
    (void)state;
    char path[512], line[4096], folder[64] = "", name[256], packets[16];
    snprintf(path, sizeof path, "%s/README.md", pcaps());
    FILE *table = fopen(path, "r");
    if (!table) {
        print_message("no captures: %s is absent (WEIR_PCAPS names their folder)\n", path);
        skip();
    }
    unsigned read = 0;
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, "### %63s", folder) == 1 ||
            sscanf(line, "| %255[^ |] | %*[^|] | %*[^|] | %*[0-9] | %15[0-9] |", name, packets) != 2)
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", pcaps(), folder, name);
        if (access(path, R_OK) == 0)
            read += check_capture(path, (unsigned)strtoul(packets, NULL, 10));
    }
    fclose(table);
    print_message("%u captures read\n", read);
    assert_true(read > 290);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(all_four_formats_are_read),
        CASE(a_file_without_packets_is_at_its_end),
        CASE(a_file_cut_anywhere_gives_its_whole_records),
        CASE(impossible_lengths_end_the_reading),
        CASE(the_longest_record_is_read),
        CASE(more_captured_than_there_was_counts_as_there),
        CASE(a_captured_fcs_is_taken_off),
        CASE(what_is_not_pcap_is_named),
        CASE(other_versions_and_link_types_are_refused_by_number),
        CASE(what_cannot_be_opened_is_named),
        CASE(what_is_written_is_read_again),
        CASE(frames_are_cut_at_the_snap_length),
        CASE(a_flushed_file_can_be_read_while_it_grows),
        CASE(what_cannot_be_written_is_said),
        CASE(a_full_disk_costs_whole_records_and_counts_them),
        cmocka_unit_test(every_capture_has_as_many_packets_as_tshark_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
