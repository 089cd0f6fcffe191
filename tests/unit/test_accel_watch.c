/* SPDX-License-Identifier: MIT */
/*
 * What others see of a box: each frame settles once, and why; the trace of a scripted connection is
 * tests/golden/accel_trace.txt, which WEIR_GOLDEN=1 writes anew; a flow's view counts its bytes beyond 2^32; connections
 * that the configuration bypasses pass, and a far box alone passes everything.
 */
#include "unit/accel_ends.h"

#include <stdio.h>
#include <stdlib.h>

#include "accel/trace.h"
#include "accel/view.h"

#define GOLDEN "tests/golden/accel_trace.txt"
#define TEXT_BYTES 16384u
#define CLIENT_ISN 0xffffff00u
#define SERVER_ISN 0xfffffff0u

static struct ends ends;
static struct accel_settings settings;

static int set_up(void **state)
{
    (void)state;
    accel_settings_default(&settings);
    settings.max_flows = settings.max_openings = 8;
    settings.max_servers = settings.early_buffers = 4;
    settings.secret = (struct hash_key){1, 2};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ends_close(&ends);
    return 0;
}

/* ---- a watch that writes lines ---- */

static struct watcher {
    struct accel_watch hook;
    struct accel_glance before;
    unsigned arrived, settled[ACCEL_FATES];
    bool is_segment;
    size_t length;
    char text[TEXT_BYTES], last[ACCEL_TRACE_LINE];
} watcher;

static void arrives(void *context, enum accel_side by, struct packet *p, int64_t now)
{
    struct watcher *w = context;
    assert_int_equal(now, ends.now);
    w->arrived++;
    w->is_segment = accel_glance_at(p, by, &w->before);
}

static void settles(void *context, const struct accel_sight *s)
{
    struct watcher *w = context;
    struct accel_glance after;
    const enum accel_side by = s->to == ACCEL_CLIENTS ? ACCEL_SERVERS : ACCEL_CLIENTS;
    w->settled[s->fate]++;
    if (!accel_glance_at(s->packet, by, &after))
        return;
    const bool own = s->fate == ACCEL_FATE_OWN;
    const int length = accel_trace_print(w->last, s, own ? NULL : &w->before, &after, 0);
    assert_true(length > 0 && length < (int)sizeof w->last);
    assert_true(w->length + (size_t)length < sizeof w->text);
    memcpy(w->text + w->length, w->last, (size_t)length + 1);
    w->length += (size_t)length;
}

static void watch(void)
{
    watcher = (struct watcher){.hook = {.arrives = arrives, .settles = settles, .context = &watcher}};
    settings.watch = &watcher.hook;
    ends_open(&ends, &settings);
}

static void client(uint16_t flags, uint32_t offset, uint32_t ack, const char *text)
{
    ends_send(
        &ends,
        &(struct ends_segment){
            .from = ACCEL_CLIENTS, .port = 1000, .flags = flags, .seq = CLIENT_ISN + offset, .ack = ack, .text = text});
}
static void server(uint16_t flags, uint32_t offset, uint32_t client_offset, const struct wire_tcp_options *o,
                   const char *text)
{
    ends_send(&ends, &(struct ends_segment){.from = ACCEL_SERVERS,
                                            .port = 1000,
                                            .flags = flags,
                                            .seq = SERVER_ISN + offset,
                                            .ack = CLIENT_ISN + client_offset,
                                            .options = o,
                                            .text = text});
}

static const struct wire_tcp_options offer = {
    .present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED, .mss = 1460, .wscale = 7};

/* The client's SYN; the number that the box answered with. */
static uint32_t ask(uint16_t port)
{
    ends_send(&ends, &(struct ends_segment){
                         .from = ACCEL_CLIENTS, .port = port, .flags = TCP_SYN, .seq = CLIENT_ISN, .options = &offer});
    return ends_isn(&ends);
}

/* ---- the trace ---- */

/* Returns how many frames left meanwhile; the others are still there. */
static unsigned play(void)
{
    const struct wire_tcp_options sack = {
        .present = TCP_OPT_SACK, .sack_count = 1, .sack = {{seq_of(CLIENT_ISN + 20), seq_of(CLIENT_ISN + 25)}}};
    const uint32_t isn = ask(1000);
    ends.now += NS_PER_MS;
    client(TCP_ACK, 1, isn + 1, NULL);
    client(TCP_PSH | TCP_ACK, 1, isn + 1, "hello");
    ends.now += 40 * NS_PER_MS;
    server(TCP_SYN | TCP_ACK, 0, 1, &offer, NULL);
    server(TCP_ACK, 1, 6, NULL, NULL);
    server(TCP_PSH | TCP_ACK, 1, 6, NULL, "world");
    client(TCP_ACK, 6, isn + 6, NULL);
    server(TCP_ACK, 6, 6, &sack, NULL);
    ends_send(&ends, &(struct ends_segment){.from = ACCEL_SERVERS,
                                            .port = 1000,
                                            .flags = TCP_FIN | TCP_ACK,
                                            .seq = SERVER_ISN + 6,
                                            .ack = CLIENT_ISN + 6,
                                            .spoilt = 0x1111});
    server(TCP_FIN | TCP_ACK, 6, 6, NULL, NULL);
    client(TCP_FIN | TCP_ACK, 6, isn + 7, NULL);
    server(TCP_ACK, 7, 7, NULL, NULL);
    client(TCP_RST, 7, 0, NULL);
    const unsigned drained = ends_drain(&ends);
    ask(1001);
    ends.now += NS_PER_S + NS_PER_MS; /* a SYN-ACK and a SYN again */
    accel_turn(ends.box, ends.now);
    return drained + 2; /* the SYN-ACKs of ask() */
}

static void compare_with_golden(const char *text, size_t length)
{
    static char golden[TEXT_BYTES];
    if (getenv("WEIR_GOLDEN")) {
        FILE *file = fopen(GOLDEN, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
    }
    FILE *file = fopen(GOLDEN, "r");
    assert_non_null(file);
    golden[fread(golden, 1, sizeof golden - 1, file)] = 0;
    fclose(file);
    assert_string_equal(text, golden);
}

static void the_trace_of_a_connection_is_the_golden_file(void **state)
{
    (void)state;
    watch();
    play();
    compare_with_golden(watcher.text, watcher.length);
    ends_drain(&ends);
}

static void each_frame_settles_once(void **state)
{
    unsigned settled = 0;
    (void)state;
    watch();
    const unsigned left = play();
    for (unsigned fate = 0; fate < ACCEL_FATE_OWN; fate++)
        settled += watcher.settled[fate];
    assert_int_equal(watcher.arrived, 14);
    assert_int_equal(settled, watcher.arrived);
    assert_int_equal(watcher.settled[ACCEL_FATE_DROPPED], 1); /* the wrong checksum */
    assert_int_equal(accel_counters(ends.box)->drop_bad_checksum, 1);
    /* what left is what passed and what is the box's */
    assert_int_equal(ends_drain(&ends) + left, watcher.settled[ACCEL_FATE_PASSED] + watcher.settled[ACCEL_FATE_OWN]);
}

static void without_a_watch_the_frames_are_the_same(void **state)
{
    uint64_t counts[2] = {0};
    unsigned frames[2] = {0};
    (void)state;
    for (unsigned watched = 0; watched < 2; watched++) {
        settings.watch = NULL;
        if (watched)
            watch();
        else
            ends_open(&ends, &settings);
        frames[watched] = play();
        frames[watched] += ends_drain(&ends);
        counts[watched] = accel_counters(ends.box)->flows_translated + accel_counters(ends.box)->early_bytes;
        if (!watched)
            ends_close(&ends);
    }
    assert_int_equal(frames[0], frames[1]);
    assert_int_equal(counts[0], counts[1]);
}

/* ---- the view ---- */

static void a_view_counts_bytes_beyond_32_bits(void **state)
{
    struct accel_view v;
    (void)state;
    ends_open(&ends, &settings);
    const uint32_t isn = ask(1000);
    assert_true(accel_view_at(ends.box, 1, ends.now, &v));
    assert_int_equal(v.state, ACCEL_OPENING);
    assert_true(v.saved_ns == -1);
    client(TCP_ACK, 1, isn + 1, NULL);
    client(TCP_ACK, 1, isn + 1, "early");
    ends.now += 50 * NS_PER_MS;
    server(TCP_SYN | TCP_ACK, 0, 1, &offer, NULL);
    server(TCP_ACK, 1, 6, NULL, NULL);
    for (unsigned i = 1; i <= 9; i++) { /* 9 GiB, as the segments that would carry them have ends */
        server(TCP_ACK, i * (1u << 30) - 9, 6, NULL, "tenbytes__");
        ends_drain(&ends);
    }
    ends.now += NS_PER_S;
    assert_true(accel_view_at(ends.box, 1, ends.now, &v));
    assert_int_equal(v.state, ACCEL_OPEN);
    assert_true(v.server_bytes == UINT64_C(9) << 30);
    assert_true(v.client_bytes == 5);
    assert_int_equal(v.early_bytes, 5);
    assert_true(v.saved_ns == 50 * NS_PER_MS);
    assert_true(v.age_ns == NS_PER_S + 50 * NS_PER_MS);
    assert_true(v.idle_ns == NS_PER_S);
    assert_int_equal(v.key.client_port, 1000);
    assert_int_equal(accel_view_end(ends.box), 2);
    assert_false(accel_view_at(ends.box, 2, ends.now, &v));
    assert_false(accel_view_at(ends.box, 0, ends.now, &v));
    server(TCP_FIN | TCP_ACK, 9u * (1u << 30) + 1, 6, NULL, NULL);
    assert_true(accel_view_at(ends.box, 1, ends.now, &v));
    assert_true(v.server_bytes == UINT64_C(9) << 30); /* a FIN is no byte */
    ends_drain(&ends);
}

/* ---- bypass ---- */

static struct ip_prefix prefix(const char *text)
{
    struct ip_prefix p;
    assert_int_equal(ip_prefix_parse(text, strlen(text), &p), 0);
    return p;
}

static void connections_of_the_list_pass_untouched(void **state)
{
    const struct accel_bypass list[] = {
        {.match = ACCEL_BYPASS_CLIENT_PORTS, .client_ports = {2000, 2001}},
        {.match = ACCEL_BYPASS_SERVER | ACCEL_BYPASS_CLIENT_PORTS,
         .server = prefix("198.18.0.0/24"),
         .client_ports = {3000, 3000}},
        {.match = ACCEL_BYPASS_CLIENT | ACCEL_BYPASS_SERVER_PORTS,
         .client = prefix("198.19.0.0/16"), /* not ours */
         .server_ports = {0, 65535}},
        {.match = ACCEL_BYPASS_SERVER, .server = prefix("::/0")}, /* nor IPv6 */
    };
    static const struct {
        uint16_t port;
        bool passes;
    } cases[] = {{1999, false}, {2000, true}, {2001, true}, {2002, false}, {3000, true}, {3001, false}};
    unsigned passed = 0;
    (void)state;
    settings.bypass = list;
    settings.bypass_count = ARRAY_SIZE(list);
    ends_open(&ends, &settings);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t sent[ENDS_FRAME], got[ENDS_FRAME];
        const struct ends_segment syn = {.from = ACCEL_CLIENTS,
                                         .port = cases[i].port,
                                         .flags = TCP_SYN | TCP_ECE | TCP_CWR,
                                         .seq = CLIENT_ISN,
                                         .options = &offer};
        const uint32_t length = ends_frame(sent, &syn);
        ends_give(&ends, ACCEL_CLIENTS, sent, length);
        passed += cases[i].passes;
        assert_int_equal(ends_take(&ends, ACCEL_SERVERS, got), length);
        assert_int_equal(memcmp(sent, got, length) == 0, cases[i].passes); /* the box clears ECN's bits */
        assert_int_equal(accel_counters(ends.box)->bypass_configured, passed);
        assert_int_equal(ends_drain(&ends), !cases[i].passes);
    }
    assert_int_equal(accel_counters(ends.box)->syn_answered, ARRAY_SIZE(cases) - passed);
}

/* ---- the far box alone ---- */

static void a_far_box_without_a_key_passes_every_frame_as_it_is(void **state)
{
    static const struct {
        enum accel_side from;
        uint16_t flags, spoilt;
    } cases[] = {{ACCEL_CLIENTS, TCP_SYN, 0}, {ACCEL_SERVERS, TCP_SYN | TCP_ACK, 0},
                 {ACCEL_CLIENTS, TCP_ACK, 0}, {ACCEL_CLIENTS, TCP_ACK, 77},
                 {ACCEL_SERVERS, TCP_RST, 0}, {ACCEL_CLIENTS, TCP_SYN | TCP_ECE | TCP_CWR, 0}};
    static const struct accel_counters none;
    (void)state;
    settings.role = ACCEL_FAR;
    watch();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t sent[ENDS_FRAME], got[ENDS_FRAME];
        const struct ends_segment s = {.from = cases[i].from,
                                       .port = 1000,
                                       .flags = cases[i].flags,
                                       .seq = CLIENT_ISN,
                                       .options = cases[i].flags & TCP_SYN ? &offer : NULL,
                                       .text = cases[i].flags & TCP_SYN ? NULL : "text",
                                       .spoilt = cases[i].spoilt};
        const uint32_t length = ends_frame(sent, &s);
        ends_give(&ends, cases[i].from, sent, length);
        assert_int_equal(ends_take(&ends, cases[i].from == ACCEL_CLIENTS ? ACCEL_SERVERS : ACCEL_CLIENTS, got), length);
        assert_memory_equal(sent, got, length);
        assert_int_equal(ends_drain(&ends), 0);
    }
    assert_memory_equal(accel_counters(ends.box), &none, sizeof none);
    assert_int_equal(watcher.settled[ACCEL_FATE_PASSED], ARRAY_SIZE(cases));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_trace_of_a_connection_is_the_golden_file), TEST(each_frame_settles_once),
        TEST(without_a_watch_the_frames_are_the_same),      TEST(a_view_counts_bytes_beyond_32_bits),
        TEST(connections_of_the_list_pass_untouched),       TEST(a_far_box_without_a_key_passes_every_frame_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
