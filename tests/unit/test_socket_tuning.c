/* SPDX-License-Identifier: MIT */
/*
 * socket/tuning: buffers that nobody set grow with what a long line carries, others do not. In virtual time over a line of 100 ms there and back: what a
 * window of w bytes lets through is at most w in each round trip.
 */
#include "support/socket_rig.h"

#include "impair/impair.h"
#include "support/cmocka_all.h"

#include <errno.h>

#define ONE_WAY_NS (50 * NS_PER_MS)
#define ROUND_TRIPS_PER_S 10
#define MOST (1u << 20)
#define FIRST (256u << 10)

struct flow {
    struct socket *writer, *reader;
    uint64_t written, read;
};

static int begin(void **state)
{
    struct socket_settings s;
    (void)state;
    socket_settings_default(&s);
    s.send_buffer_max = s.receive_buffer_max = MOST;
    socket_rig_begin_delayed(&rig, &s, ONE_WAY_NS);
    return 0;
}

/* receive and send: SO_RCVBUF of the reader and SO_SNDBUF of the writer; 0: not set. */
static struct flow connect_flow(int receive, int send)
{
    struct flow f = {.writer = sock_socket(&rig, 0, SOCK_STREAM)};
    struct socket *listener = sock_listener(&rig, 1, 80, 1);
    if (receive)
        assert_int_equal(sock_set(&rig, listener, SOL_SOCKET, SO_RCVBUF, receive), 0);
    if (send)
        assert_int_equal(sock_set(&rig, f.writer, SOL_SOCKET, SO_SNDBUF, send), 0);
    assert_int_equal(sock_connect(&rig, f.writer, RIG_ADDRESS(1), 80), -EINPROGRESS);
    socket_rig_pass(&rig, 500 * NS_PER_MS);
    f.reader = sock_accept(listener);
    assert_non_null(f.reader);
    sock_close(&rig, listener);
    return f;
}

static void disconnect(struct flow *f)
{
    sock_close(&rig, f->writer);
    sock_close(&rig, f->reader);
}

static uint8_t byte_at(uint64_t offset) { return (uint8_t)(offset * 7 + (offset >> 8)); }

static void write_all(struct flow *f)
{
    uint8_t b[4096];
    for (ssize_t n = 1; n > 0; f->written += n > 0 ? (uint64_t)n : 0) {
        for (size_t i = 0; i < sizeof b; i++)
            b[i] = byte_at(f->written + i);
        n = sock_send(&rig, f->writer, b, sizeof b, 0);
    }
}

static void read_some(struct flow *f, size_t at_most)
{
    uint8_t b[4096];
    ssize_t n;
    while (at_most > 0 && (n = sock_receive(&rig, f->reader, b, min_size(sizeof b, at_most), 0)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(b[i], byte_at(f->read + (uint64_t)i));
        f->read += (uint64_t)n;
        at_most -= (size_t)n;
    }
}

/* Bytes read in so many milliseconds, every byte verified. */
static uint64_t run(struct flow *f, unsigned ms, size_t a_millisecond)
{
    uint64_t before = f->read;
    for (unsigned i = 0; i < ms; i++) {
        write_all(f);
        socket_rig_pass(&rig, NS_PER_MS);
        read_some(f, a_millisecond);
    }
    return f->read - before;
}

static void both_buffers_grow_to_what_the_line_carries(void **state)
{
    (void)state;
    struct flow f = connect_flow(0, 0);
    assert_int_equal(sock_get(&rig, f.reader, SOL_SOCKET, SO_RCVBUF), FIRST);
    assert_int_equal(sock_get(&rig, f.writer, SOL_SOCKET, SO_SNDBUF), FIRST);
    run(&f, 4000, SIZE_MAX);
    uint64_t a_second = run(&f, 1000, SIZE_MAX);
    assert_int_equal(sock_get(&rig, f.reader, SOL_SOCKET, SO_RCVBUF), MOST);
    assert_int_equal(sock_get(&rig, f.writer, SOL_SOCKET, SO_SNDBUF), MOST);
    assert_in_range(a_second, (ROUND_TRIPS_PER_S + 1) * (uint64_t)FIRST + 1, UINT64_MAX); /* FIRST bytes do less */
    disconnect(&f);
}

static void a_receive_buffer_that_was_set_stays(void **state)
{
    (void)state;
    struct flow f = connect_flow(50000, 0);
    run(&f, 2000, SIZE_MAX);
    assert_true(run(&f, 1000, SIZE_MAX) <= (ROUND_TRIPS_PER_S + 1) * (uint64_t)100000);
    assert_int_equal(sock_get(&rig, f.reader, SOL_SOCKET, SO_RCVBUF), 100000);
    disconnect(&f);
}

static void a_send_buffer_that_was_set_stays(void **state)
{
    (void)state;
    struct flow f = connect_flow(0, 50000);
    run(&f, 2000, SIZE_MAX);
    assert_true(run(&f, 1000, SIZE_MAX) <= (ROUND_TRIPS_PER_S + 1) * (uint64_t)100000);
    assert_int_equal(sock_get(&rig, f.writer, SOL_SOCKET, SO_SNDBUF), 100000);
    disconnect(&f);
}

/* 100 KB in a round trip need a window of 200 KB. */
static void a_slow_reader_keeps_the_buffer_it_has(void **state)
{
    (void)state;
    struct flow f = connect_flow(0, 0);
    run(&f, 3000, 1000);
    assert_int_equal(sock_get(&rig, f.reader, SOL_SOCKET, SO_RCVBUF), FIRST);
    run(&f, 2000, SIZE_MAX);
    disconnect(&f);
}

/* 30 KB a millisecond: of 100 ms, the handshake's, that is 3 MB, of what the line then takes a few KB. A full buffer that is read so fast lasts 9 ms. */
static void a_handshake_that_was_slower_than_the_line_does_not_count(void **state)
{
    struct impair_settings i;
    (void)state;
    struct flow f = connect_flow(0, 0);
    impair_settings_default(&i);
    i.delay_ns = NS_PER_MS;
    assert_int_equal(impair_link_set(rig.ends[0], &i), 0);
    assert_int_equal(impair_link_set(rig.ends[1], &i), 0);
    assert_in_range(run(&f, 2000, 30000), 50000000, 60000000);
    assert_in_range(sock_get(&rig, f.reader, SOL_SOCKET, SO_RCVBUF), FIRST, 2 * FIRST);
    run(&f, 1000, SIZE_MAX);
    disconnect(&f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(both_buffers_grow_to_what_the_line_carries),
        T(a_receive_buffer_that_was_set_stays),
        T(a_send_buffer_that_was_set_stays),
        T(a_slow_reader_keeps_the_buffer_it_has),
        T(a_handshake_that_was_slower_than_the_line_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
