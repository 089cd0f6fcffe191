/* SPDX-License-Identifier: MIT */
/*
 * Sending from registered memory: every byte arrives, whatever the line loses; each token comes back once, and only when its bytes are not needed any more.
 */
#include <time.h>

#include "support/cmocka_all.h"
#include "support/socket_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#define BYTES (1u << 20)

static uint8_t memory[BYTES], got[BYTES];
static int number;
static struct socket *ends[2]; /* ends[0] sends from memory */

static void register_memory(void)
{
    for (size_t i = 0; i < BYTES; i++)
        memory[i] = (uint8_t)(i * 31 + i / 509);
    number = socket_memory_register(rig.layers[0], memory, BYTES);
    assert_true(number >= 0);
}

static int setup(void **state)
{
    socket_rig_setup(state);
    register_memory();
    sock_pair(&rig, ends);
    return 0;
}

static int setup_lossy(void **state)
{
    struct impair_settings line;
    (void)state;
    impair_settings_default(&line);
    line.seed = 7;
    line.loss_ppb = 20000000;
    line.reorder_ppb = 20000000;
    line.duplicate_ppb = 10000000;
    line.corrupt_ppb = 10000000;
    line.delay_ns = 2 * NS_PER_MS;
    socket_rig_begin_impaired(&rig, NULL, &line);
    register_memory();
    struct socket *listener = sock_listener(&rig, 1, 80, 5);
    ends[0] = sock_socket(&rig, 0, SOCK_STREAM);
    assert_int_equal(sock_connect(&rig, ends[0], RIG_ADDRESS(1), 80), -EINPROGRESS);
    while (!(ends[1] = sock_accept(listener)))
        socket_rig_pass(&rig, 100 * NS_PER_MS);
    sock_close(&rig, listener);
    return 0;
}

static int setup_large(void **state)
{
    (void)state;
    socket_rig_begin_large(&rig);
    register_memory();
    sock_pair_large(&rig, ends);
    return 0;
}

static ssize_t send_part(size_t offset, size_t length, uint64_t token)
{
    return socket_send_registered(ends[0], number, offset, length, token, rig.now);
}

static int take(struct socket_completion *c) { return socket_take_completion(rig.layers[0], number, c); }

static void expect_completion(uint64_t token, bool acknowledged)
{
    struct socket_completion c;
    assert_int_equal(take(&c), 1);
    assert_int_equal(c.token, token);
    assert_int_equal(c.acknowledged, acknowledged);
}

static void expect_none(int why)
{
    struct socket_completion c;
    assert_int_equal(take(&c), why);
}

static int unregister(void) { return socket_memory_unregister(rig.layers[0], number); }

static void close_both(void)
{
    sock_close(&rig, ends[0]);
    sock_close(&rig, ends[1]);
    socket_rig_settle(&rig);
}

/* ---- bytes ---- */

/* Sends all of it in parts of different length, copied bytes among them, and compares what arrives. */
static void carry_all(void)
{
    size_t sent = 0, received = 0;
    uint64_t token = 0, told = 0;
    struct socket_completion c;
    while (received < BYTES || told < token) {
        size_t part = sent < BYTES ? 1 + (sent * 7 + 40000) % 90001 : 0;
        part = part < BYTES - sent ? part : BYTES - sent;
        ssize_t n = 0;
        if (part % 3 == 1)
            n = sock_send(&rig, ends[0], memory + sent, part < 3000 ? part : 3000, 0);
        else if (part > 0 && (n = send_part(sent, part, token)) > 0)
            token++;
        assert_true(n >= 0 || n == -EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        socket_rig_pass(&rig, 5 * NS_PER_MS);
        n = sock_receive(&rig, ends[1], got + received, BYTES - received, 0);
        assert_true(n >= 0 || n == -EAGAIN);
        received += n > 0 ? (size_t)n : 0;
        while (take(&c) == 1) {
            assert_int_equal(c.token, told++);
            assert_true(c.acknowledged);
        }
    }
    assert_memory_equal(got, memory, BYTES);
    assert_int_equal(received, BYTES);
    expect_none(0);
}

static void every_byte_arrives(void **state)
{
    (void)state;
    carry_all();
    close_both();
    assert_int_equal(unregister(), 0);
}

static void every_byte_arrives_over_a_line_that_loses_and_harms(void **state)
{
    (void)state;
    carry_all();
    assert_true(impair_link_counters(rig.ends[0])->lost > 0);
    assert_true(impair_link_counters(rig.ends[0])->corrupted > 0);
    close_both();
    assert_int_equal(unregister(), 0);
}

static uint64_t lent, others;

static void watch_frames(void *context, unsigned interface, const struct packet *p, bool is_sent, int64_t now)
{
    (void)context, (void)interface, (void)now;
    for (unsigned i = 0; is_sent && i < p->nfrags; i++) {
        bool ours = p->frags[i].bytes >= memory && p->frags[i].bytes + p->frags[i].length <= memory + BYTES;
        *(ours ? &lent : &others) += p->frags[i].length;
    }
}

static void a_link_that_takes_pieces_gets_the_memory_itself(void **state)
{
    (void)state;
    lent = others = 0;
    assert_int_equal(stack_frame_listen(rig.stacks[0], 0, watch_frames, NULL), 0);
    carry_all();
    assert_true(lent > BYTES / 2);
    assert_int_equal(stack_counters(rig.stacks[1])->tcp_bad_checksum, 0);
    close_both();
    assert_int_equal(stack_frame_unlisten(rig.stacks[0], 0, watch_frames, NULL), 0);
    assert_int_equal(unregister(), 0);
}

static void pieces_that_are_lost_are_sent_again_from_the_memory(void **state)
{
    size_t sent = 0, received = 0;
    (void)state;
    for (unsigned i = 0; received < BYTES; i++) {
        if (sent < BYTES && send_part(sent, 65536, sent) > 0)
            sent += 65536;
        rig.cut = i % 3 == 1;
        socket_rig_settle(&rig);
        rig.cut = false;
        socket_rig_pass(&rig, 300 * NS_PER_MS);
        ssize_t n = sock_receive(&rig, ends[1], got + received, BYTES - received, 0);
        received += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(got, memory, BYTES);
    for (size_t at = 0; at < BYTES; at += 65536)
        expect_completion(at, true);
    close_both();
    assert_int_equal(unregister(), 0);
}

/* ---- completions ---- */

static void a_token_comes_back_with_the_last_byte_acknowledged(void **state)
{
    (void)state;
    expect_none(0); /* nothing is sent */
    assert_int_equal(send_part(0, 10, 77), 10);
    assert_int_equal(send_part(5, 5, 77), 5); /* tokens and parts are the user's matter */
    expect_none(-EAGAIN);
    rig.cut = true;
    socket_rig_settle(&rig);
    expect_none(-EAGAIN);
    assert_int_equal(unregister(), -EBUSY);
    rig.cut = false;
    socket_rig_pass(&rig, NS_PER_S);
    expect_completion(77, true);
    expect_completion(77, true);
    expect_none(0);
    close_both();
    assert_int_equal(unregister(), 0);
}

static void what_is_sent_after_the_close_completes_too(void **state)
{
    (void)state;
    assert_int_equal(send_part(0, 100000, 1), 100000);
    sock_close(&rig, ends[0]);
    expect_none(-EAGAIN);
    size_t received = 0;
    for (ssize_t n = 1; n != 0;) {
        socket_rig_pass(&rig, 10 * NS_PER_MS);
        n = sock_receive(&rig, ends[1], got + received, BYTES - received, 0);
        assert_true(n >= 0 || n == -EAGAIN);
        received += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(received, 100000);
    assert_memory_equal(got, memory, received);
    expect_completion(1, true);
    expect_none(0);
    sock_close(&rig, ends[1]);
    assert_int_equal(unregister(), 0);
}

static void send_three_unacknowledged(void)
{
    rig.cut = true;
    for (uint64_t token = 1; token <= 3; token++)
        assert_int_equal(send_part(0, 50000, token), 50000);
    socket_rig_settle(&rig);
    expect_none(-EAGAIN);
}

static void expect_three_lost(void)
{
    for (uint64_t token = 1; token <= 3; token++)
        expect_completion(token, false);
    expect_none(0);
}

static void a_reset_of_our_own_completes_each_token_once(void **state)
{
    struct linger hard = {.l_onoff = 1};
    (void)state;
    assert_int_equal(socket_set_option(ends[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard, rig.now), 0);
    send_three_unacknowledged();
    sock_close(&rig, ends[0]);
    socket_rig_settle(&rig);
    expect_three_lost();
    assert_int_equal(unregister(), 0);
    rig.cut = false;
    sock_close(&rig, ends[1]);
}

static void a_reset_of_the_peers_completes_before_the_socket_is_closed(void **state)
{
    struct linger hard = {.l_onoff = 1};
    (void)state;
    assert_int_equal(socket_set_option(ends[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard, rig.now), 0);
    send_three_unacknowledged();
    rig.cut = false;
    sock_close(&rig, ends[1]);
    socket_rig_settle(&rig);
    expect_three_lost();
    assert_int_equal(send_part(0, 1, 4), -ECONNRESET);
    assert_int_equal(send_part(0, 1, 4), -EPIPE);
    expect_none(0);
    assert_int_equal(unregister(), 0);
    sock_close(&rig, ends[0]);
}

static void a_connection_that_times_out_completes(void **state)
{
    (void)state;
    assert_int_equal(sock_set(&rig, ends[0], IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */, 2000), 0);
    send_three_unacknowledged();
    socket_rig_pass(&rig, 20 * NS_PER_S);
    expect_three_lost();
    rig.cut = false;
    close_both();
    assert_int_equal(unregister(), 0);
}

static void disconnecting_completes(void **state)
{
    const struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)state;
    send_three_unacknowledged();
    assert_int_equal(socket_connect(ends[0], &none, sizeof none, rig.now), 0);
    expect_three_lost();
    rig.cut = false;
    close_both();
    assert_int_equal(unregister(), 0);
}

struct bell {
    struct socket_watch watch;
    unsigned rung;
};

static void ring_bell(struct socket_watch *w, unsigned events)
{
    struct bell *b = container_of(w, struct bell, watch);
    b->rung += (events & POLLIN) != 0;
}

static void who_watches_hears_of_each(void **state)
{
    struct bell bell = {.watch.notify = ring_bell};
    (void)state;
    socket_memory_watch(rig.layers[0], number, &bell.watch);
    assert_int_equal(send_part(0, 10, 1), 10);
    assert_int_equal(send_part(0, 10, 2), 10);
    assert_int_equal(bell.rung, 0);
    socket_rig_settle(&rig);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(bell.rung, 2);
    socket_watch_remove(&bell.watch);
    close_both();
    assert_int_equal(unregister(), 0); /* with what nobody read */
}

/* ---- errors and bounds ---- */

static void what_is_wrong_is_refused(void **state)
{
    struct socket *listener = sock_listener(&rig, 0, 81, 5), *udp = sock_socket(&rig, 0, SOCK_DGRAM),
                  *fresh = sock_socket(&rig, 0, SOCK_STREAM);
    struct socket_layer *l = rig.layers[0];
    struct socket_completion c;
    (void)state;
    assert_int_equal(socket_memory_register(l, NULL, 1), -EINVAL);
    assert_int_equal(socket_memory_register(l, memory, 0), -EINVAL);
    assert_int_equal(socket_memory_register(l, memory, SIZE_MAX), -EINVAL);
    assert_int_equal(send_part(0, 0, 1), -EINVAL);
    assert_int_equal(send_part(0, BYTES + 1, 1), -EINVAL);
    assert_int_equal(send_part(BYTES, 1, 1), -EINVAL);
    assert_int_equal(send_part(BYTES + 1, 1, 1), -EINVAL);
    assert_int_equal(send_part(2, SIZE_MAX - 1, 1), -EINVAL);
    assert_int_equal(send_part(BYTES - 1, 1, 1), 1);
    const int wrong[] = {-1, 0, number + 1, number + (1 << 16), 1 << 30};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(socket_send_registered(ends[0], wrong[i], 0, 1, 1, rig.now), -EINVAL);
        assert_int_equal(socket_take_completion(l, wrong[i], &c), -EINVAL);
        assert_int_equal(socket_memory_unregister(l, wrong[i]), -EINVAL);
    }
    assert_int_equal(socket_send_registered(udp, number, 0, 1, 1, rig.now), -EOPNOTSUPP);
    assert_int_equal(socket_send_registered(listener, number, 0, 1, 1, rig.now), -EPIPE);
    assert_int_equal(socket_send_registered(fresh, number, 0, 1, 1, rig.now), -EPIPE);
    socket_rig_settle(&rig);
    expect_completion(1, true);
    expect_none(0);
    sock_close(&rig, listener);
    sock_close(&rig, udp);
    sock_close(&rig, fresh);
    close_both();
    assert_int_equal(unregister(), 0);
    assert_int_equal(unregister(), -EINVAL);
    int again = socket_memory_register(l, memory, 1); /* another number, though it has the same place */
    assert_int_not_equal(again, number);
    assert_int_equal(socket_take_completion(l, number, &c), -EINVAL);
    assert_int_equal(socket_memory_unregister(l, again), 0);
}

static void memories_and_sends_are_bounded(void **state)
{
    struct socket_layer *l = rig.layers[0];
    int more[64], n = 0;
    (void)state;
    while (n < 64 && (more[n] = socket_memory_register(l, memory, 1)) >= 0)
        n++;
    assert_int_equal(n, rig.settings.max_memories - 1);
    assert_int_equal(more[n], -ENOBUFS);
    for (unsigned i = 0; i < rig.settings.max_registered_sends; i++)
        assert_int_equal(send_part(i, 1, i), 1);
    assert_int_equal(send_part(0, 1, 0), -ENOBUFS);
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(send_part(0, 1, 0), -ENOBUFS); /* as nobody has read the completions */
    expect_completion(0, true);
    assert_int_equal(send_part(0, 1, 9999), 1);
    while (n > 0)
        assert_int_equal(socket_memory_unregister(l, more[--n]), 0);
    socket_rig_pass(&rig, NS_PER_S);
    close_both();
    assert_int_equal(unregister(), 0);
}

static void a_full_send_buffer_asks_to_wait(void **state)
{
    (void)state;
    assert_int_equal(sock_set(&rig, ends[0], SOL_SOCKET, SO_SNDBUF, 10000), 0);
    assert_int_equal(send_part(0, 500000, 1), 500000); /* whole, as there was room */
    assert_int_equal(send_part(0, 1, 2), -EAGAIN);
    assert_int_equal(socket_ready(ends[0]) & POLLOUT, 0);
    for (size_t n = 0; n < 500000;) {
        socket_rig_pass(&rig, 5 * NS_PER_MS);
        ssize_t part = sock_receive(&rig, ends[1], got, BYTES, 0);
        n += part > 0 ? (size_t)part : 0;
    }
    socket_rig_pass(&rig, NS_PER_S);
    assert_int_equal(socket_ready(ends[0]) & POLLOUT, POLLOUT);
    assert_int_equal(send_part(0, 1, 2), 1);
    socket_rig_pass(&rig, NS_PER_S);
    expect_completion(1, true);
    expect_completion(2, true);
    sock_receive(&rig, ends[1], got, BYTES, 0);
    close_both();
    assert_int_equal(unregister(), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, socket_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_byte_arrives),
        cmocka_unit_test_setup_teardown(every_byte_arrives_over_a_line_that_loses_and_harms, setup_lossy,
                                        socket_rig_teardown),
        cmocka_unit_test_setup_teardown(a_link_that_takes_pieces_gets_the_memory_itself, setup_large,
                                        socket_rig_teardown),
        cmocka_unit_test_setup_teardown(pieces_that_are_lost_are_sent_again_from_the_memory, setup_large,
                                        socket_rig_teardown),
        CASE(a_token_comes_back_with_the_last_byte_acknowledged),
        CASE(what_is_sent_after_the_close_completes_too),
        CASE(a_reset_of_our_own_completes_each_token_once),
        CASE(a_reset_of_the_peers_completes_before_the_socket_is_closed),
        CASE(a_connection_that_times_out_completes),
        CASE(disconnecting_completes),
        CASE(who_watches_hears_of_each),
        CASE(what_is_wrong_is_refused),
        CASE(memories_and_sends_are_bounded),
        CASE(a_full_send_buffer_asks_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
