/* SPDX-License-Identifier: MIT */
/*
 * The links that stand on capture files: pcap_link replays one by its times and writes another; capture_link writes
 * what passes another link.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/memory.h"
#include "link/pcap.h"
#include "offload_rig.h"
#include "support/counting_alloc.h"

struct fixture {
    struct counting_alloc counting;
    char in[32], out[32];
    struct link *link;
};

static char message[256];

static void make_file(char path[32])
{
    snprintf(path, 32, "/tmp/weir-replay-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static int set_up(void **state)
{
    static struct fixture f;
    counting_alloc_init(&f.counting);
    make_file(f.in);
    make_file(f.out);
    f.link = NULL;
    *state = &f;
    return 0;
}

/* Closing asserts that every packet is home. */
static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->in);
    unlink(f->out);
    link_close(f->link);
    assert_int_equal(f->counting.live_blocks, 0);
    return 0;
}

/* A file of n frames of `lengths`, at `times`. */
static void write_file(const char *path, unsigned n, const int64_t *times, const uint32_t *lengths)
{
    static uint8_t bytes[20000];
    struct pcap_writer *w = NULL;
    assert_int_equal(pcap_writer_open(&(struct pcap_writer_settings){.path = path}, &w, message), 0);
    for (unsigned i = 0; i < n; i++) {
        memset(bytes, (int)i, sizeof bytes);
        assert_int_equal(pcap_writer_write(w, times[i], bytes, lengths[i]), 0);
    }
    assert_int_equal(pcap_writer_close(w), 0);
}

static struct link *open_replay(struct fixture *f, const char *in, const char *out, uint32_t frames, bool loop)
{
    struct pcap_link_settings s;
    pcap_link_settings_default(&s);
    s.read_path = in;
    s.write_path = out;
    s.frames = frames;
    s.loop = loop;
    assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &f->link, message), 0);
    return f->link;
}

static const int64_t times[] = {5 * NS_PER_S, 5 * NS_PER_S + 1000, 5 * NS_PER_S + 500, 7 * NS_PER_S};
static const uint32_t lengths[] = {60, 61, 62, 63};

static void frames_arrive_as_far_apart_as_in_the_file(void **state)
{
    struct fixture *f = *state;
    write_file(f->in, 4, times, lengths);
    struct link *l = open_replay(f, f->in, NULL, 16, false);
    const int64_t start = 123456789;
    /* The third comes no earlier than the second, whatever its time says; the fourth is 2 s less 500 ns later. */
    const int64_t due[] = {start, start + 1000, start + 1000, start + 1000 + 2 * NS_PER_S - 500};
    assert_true(link_next_deadline(l) <= start);
    unsigned got = 0;
    for (int64_t now = start; got < 4; now = link_next_deadline(l)) {
        struct packet *p[4];
        unsigned n = link_rx_burst(l, p, 4, now);
        assert_true(n >= 1);
        for (unsigned i = 0; i < n; i++, got++) {
            assert_true(now == due[got]);
            assert_int_equal(p[i]->len, lengths[got]);
            assert_int_equal(p[i]->data[59], got);
            assert_true(p[i]->rx_ns == now);
        }
        packet_release_burst(p, n);
    }
    assert_true(link_next_deadline(l) == TIME_NEVER);
    assert_int_equal(l->counters.frames_rx, 4);
    assert_int_equal(l->counters.bytes_rx, 60 + 61 + 62 + 63);
}

static void a_looped_file_begins_again_with_its_last_frame(void **state)
{
    struct fixture *f = *state;
    write_file(f->in, 4, times, lengths);
    struct link *l = open_replay(f, f->in, NULL, 16, true);
    struct packet *p[64];
    unsigned n = link_rx_burst(l, p, 64, 0);
    assert_int_equal(n, 1);
    packet_release_burst(p, n);
    int64_t round = 2 * NS_PER_S + 500;
    for (unsigned i = 1; i <= 10; i++) {
        n = link_rx_burst(l, p, 64, i * round);
        assert_int_equal(n, 4);
        assert_int_equal(p[2]->len, 63);
        assert_int_equal(p[3]->len, 60);
        packet_release_burst(p, n);
    }
}

static void a_looped_file_of_nothing_useful_ends_each_call(void **state)
{
    struct fixture *f = *state;
    static const uint32_t too_long[] = {20000};
    write_file(f->in, 1, times, too_long);
    struct link *l = open_replay(f, f->in, NULL, 16, true);
    struct packet *p[8];
    assert_int_equal(link_rx_burst(l, p, 8, 0), 0);
    assert_int_equal(l->counters.drops[LINK_DROP_RX_TOO_LONG], 8);
    link_close(l);
    write_file(f->in, 0, times, lengths);
    l = open_replay(f, f->in, NULL, 16, true);
    assert_int_equal(link_rx_burst(l, p, 8, 0), 0);
    assert_true(link_next_deadline(l) == TIME_NEVER);
}

static void without_free_frames_the_file_waits(void **state)
{
    struct fixture *f = *state;
    static const int64_t together[4];
    write_file(f->in, 4, together, lengths);
    struct link *l = open_replay(f, f->in, NULL, 3, false);
    struct packet *p[4];
    assert_int_equal(link_rx_burst(l, p, 4, 0), 3);
    assert_int_equal(link_rx_burst(l, p + 3, 1, 0), 0);
    packet_release(p[0]);
    assert_int_equal(link_rx_burst(l, p, 4, 0), 1);
    assert_int_equal(p[0]->len, 63);
    packet_release_burst(p, 3);
}

static void a_bad_record_ends_the_replay_and_is_counted(void **state)
{
    struct fixture *f = *state;
    static const int64_t together[4];
    write_file(f->in, 4, together, lengths);
    assert_int_equal(truncate(f->in, 24 + 16 + 60 + 16 + 61 + 16 + 10), 0);
    struct link *l = open_replay(f, f->in, NULL, 16, true);
    struct packet *p[8];
    unsigned n = link_rx_burst(l, p, 8, 0);
    packet_release_burst(p, n);
    assert_int_equal(n, 8); /* in a loop, the good ones again */
    assert_int_equal(l->counters.drops[LINK_DROP_RX_MALFORMED], 4);
}

static void what_is_transmitted_is_written_as_on_a_wire(void **state)
{
    struct fixture *f = *state;
    struct link *l = open_replay(f, NULL, f->out, 16, false);
    struct packet *p[3];
    assert_int_equal(link_tx_alloc(l, p, 3, LINK_ALLOC_DATA), 3);
    for (unsigned i = 0; i < 3; i++) {
        memset(p[i]->data, (int)i + 1, 60);
        p[i]->len = 60;
    }
    p[1]->vlan_present = true;
    p[1]->vlan_tci = 5;
    p[2]->checksum = PACKET_CHECKSUM_PARTIAL;
    p[2]->checksum_start = 100;
    l->ops->tx_burst(l, p, 3, 42);
    assert_int_equal(l->counters.frames_tx, 2);
    assert_int_equal(l->counters.bytes_tx, 124);
    assert_int_equal(l->counters.drops[LINK_DROP_TX_MALFORMED], 1);
    link_close(l);
    f->link = NULL;

    struct pcap_reader *r = NULL;
    struct pcap_record record;
    assert_int_equal(pcap_reader_open(f->out, &r, message), 0);
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_true(record.captured == 60 && record.time_ns == 42 && record.bytes[59] == 1);
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_true(record.captured == 64 && load_be32(record.bytes + 12) == 0x81000005);
    assert_int_equal(pcap_reader_next(r, &record), 0);
    pcap_reader_close(r);
}

static void files_that_cannot_be_used_are_refused(void **state)
{
    struct fixture *f = *state;
    struct pcap_link_settings s;
    struct link *none = NULL;
    pcap_link_settings_default(&s);
    s.read_path = "/nonexistent";
    assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &none, message), ERR_NOT_FOUND);
    assert_non_null(strstr(message, "/nonexistent"));
    s.read_path = f->in; /* empty */
    assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &none, message), ERR_MALFORMED);
    s.read_path = NULL;
    s.write_path = "/nonexistent/out";
    assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &none, message), ERR_SYSTEM);
    for (unsigned allocs = 0; allocs < 5; allocs++) {
        f->counting.allocs_left = allocs;
        s.write_path = NULL;
        assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &none, message), ERR_NO_MEMORY);
    }
    assert_null(none);
    assert_int_equal(f->counting.live_blocks, 0);
}

/* ---- capture */

static void capture_writes_both_directions_and_leaves_frames_alone(void **state)
{
    struct fixture *f = *state;
    struct memory_settings m;
    struct link *ends[2], *top = NULL;
    memory_settings_default(&m);
    m.trust_checksums = true;
    m.frames = 64;
    m.reserve = 8;
    assert_int_equal(memory_link_new(&m, &f->counting.allocator, "m", ends), 0);
    assert_int_equal(capture_link_new(ends[0], f->out, &f->counting.allocator, &top, message), 0);
    assert_string_equal(top->name, "m:1");
    assert_int_equal(top->caps, ends[0]->caps);
    assert_ptr_equal(top->lower, ends[0]);
    capture_link_set_epoch(top, 1000);

    struct packet *p, *q;
    assert_int_equal(link_tx_alloc(top, &p, 1, LINK_ALLOC_CONTROL), 1);
    memset(p->data, 0, 60);
    p->len = 60;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = 34;
    p->checksum_offset = 6;
    p->vlan_present = true;
    p->vlan_tci = 7;
    top->ops->tx_burst(top, &p, 1, 1);
    assert_int_equal(link_rx_burst(ends[1], &q, 1, 2), 1);
    assert_true(q->checksum == PACKET_CHECKSUM_PARTIAL && q->vlan_present && q->len == 60);
    assert_int_equal(load_be16(q->data + 40), 0);
    q->checksum = PACKET_CHECKSUM_UNKNOWN;
    q->vlan_present = false;
    ends[1]->ops->tx_burst(ends[1], &q, 1, 3);
    assert_int_equal(link_rx_burst(top, &p, 1, 4), 1);
    packet_release(p);
    assert_int_equal(top->counters.frames_tx, 1);
    assert_int_equal(top->counters.bytes_tx, 60);
    assert_int_equal(top->counters.frames_rx, 1);
    assert_int_equal(top->counters.bytes_rx, 60);
    assert_int_equal(capture_link_lost(top), 0);
    assert_true(link_next_deadline(top) == TIME_NEVER);
    link_close(top);
    link_close(ends[1]);

    struct pcap_reader *r = NULL;
    struct pcap_record record;
    assert_int_equal(pcap_reader_open(f->out, &r, message), 0);
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_true(record.time_ns == 1001 && record.captured == 64);
    assert_int_equal(load_be32(record.bytes + 12), 0x81000007);
    assert_int_equal(load_be16(record.bytes + 44), 0xffff); /* UDP over zeros */
    assert_int_equal(pcap_reader_next(r, &record), 1);
    assert_true(record.time_ns == 1004 && record.captured == 60);
    assert_int_equal(pcap_reader_next(r, &record), 0);
    pcap_reader_close(r);
}

static void a_gso_packet_is_captured_as_its_segments(void **state)
{
    struct fixture *f = *state;
    struct pcap_link_settings s;
    struct link *lower = NULL, *top = NULL;
    static uint8_t memory[4000];
    struct packet_frag frags[3];
    struct packet *p, *segment;
    struct packet_segmenter cut;
    pcap_link_settings_default(&s);
    assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &lower, message), 0);
    lower->caps = LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO | LINK_CAP_SCATTER;
    lower->gso_max = 65535;
    assert_int_equal(capture_link_new(lower, f->out, &f->counting.allocator, &top, message), 0);
    assert_int_equal(top->caps, LINK_CAP_TX_CHECKSUM);
    assert_int_equal(top->gso_max, 0);
    assert_int_equal(link_tx_alloc(top, &p, 1, LINK_ALLOC_DATA), 1);
    offload_fill(p, 4000, 1460);
    offload_scatter(p, 500, 3, memory, frags);
    p->vlan_present = true;
    top->ops->tx_burst(top, &p, 1, 1);
    assert_int_equal(top->counters.bytes_tx, OFFLOAD_HEADERS + 4000);
    assert_int_equal(lower->counters.drops[LINK_DROP_TX_MALFORMED], 1); /* this one cannot segment */

    link_close(top);

    struct packet_pool pool;
    struct pcap_reader *r = NULL;
    struct pcap_record record;
    assert_int_equal(packet_pool_init(&pool, &f->counting.allocator, 2, 8192, 0), 0);
    assert_int_equal(packet_pool_get(&pool, &p, 1), 1);
    offload_fill(p, 4000, 1460);
    p->vlan_present = true;
    assert_int_equal(packet_segment_begin(&cut, p, false), 3);
    assert_int_equal(pcap_reader_open(f->out, &r, message), 0);
    while (packet_segment_left(&cut)) {
        assert_int_equal(packet_pool_get(&pool, &segment, 1), 1);
        assert_int_equal(packet_segment_next(&cut, segment), 0);
        assert_int_equal(packet_finish(segment), 0);
        assert_int_equal(pcap_reader_next(r, &record), 1);
        assert_int_equal(record.captured, segment->len);
        assert_memory_equal(record.bytes, segment->data, segment->len);
        packet_release(segment);
    }
    assert_int_equal(pcap_reader_next(r, &record), 0);
    pcap_reader_close(r);
    packet_release(p);
    packet_pool_free(&pool);
}

static void a_capture_that_cannot_begin_leaves_the_lower_link_open(void **state)
{
    struct fixture *f = *state;
    struct pcap_link_settings s;
    struct link *top = NULL;
    pcap_link_settings_default(&s);
    assert_int_equal(pcap_link_new(&s, &f->counting.allocator, &f->link, message), 0);
    size_t before = f->counting.live_blocks;
    assert_int_equal(capture_link_new(f->link, "/nonexistent/x", &f->counting.allocator, &top, message), ERR_SYSTEM);
    assert_non_null(strstr(message, "/nonexistent/x"));
    for (unsigned allocs = 0; allocs < 2; allocs++) {
        f->counting.allocs_left = allocs;
        assert_int_equal(capture_link_new(f->link, f->out, &f->counting.allocator, &top, message), ERR_NO_MEMORY);
    }
    assert_null(top);
    assert_int_equal(f->counting.live_blocks, before);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(frames_arrive_as_far_apart_as_in_the_file),
        CASE(a_looped_file_begins_again_with_its_last_frame),
        CASE(a_looped_file_of_nothing_useful_ends_each_call),
        CASE(without_free_frames_the_file_waits),
        CASE(a_bad_record_ends_the_replay_and_is_counted),
        CASE(what_is_transmitted_is_written_as_on_a_wire),
        CASE(files_that_cannot_be_used_are_refused),
        CASE(capture_writes_both_directions_and_leaves_frames_alone),
        CASE(a_gso_packet_is_captured_as_its_segments),
        CASE(a_capture_that_cannot_begin_leaves_the_lower_link_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
