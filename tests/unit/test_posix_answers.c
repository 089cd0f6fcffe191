/* SPDX-License-Identifier: MIT */
/*
 * Acknowledgements of what a program answers: two embedded stacks over a memory link, moved by hand.
 */
#define _GNU_SOURCE
#include "support/cmocka_all.h"

#include "posix_rig.h"

#include "engine/clock.h"
#include "posix/private.h"
#include "stack/stack.h"
#include "tcp/tcp.h"

#define ROUNDS 100u

static int near, far; /* of the client, of the server */

static const struct tcp_counters *counters_of(const struct weir_stack *w) { return tcp_counters(stack_tcp(w->stack)); }

static void move_both(void)
{
    while (weir_turn(client, 0) + weir_turn(server, 0) > 0)
        ;
}

static int stream(struct weir_stack *w) { return weir_socket(w, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); }

static int begin(void **state)
{
    struct sockaddr_in any = front_address("0.0.0.0", 80), to = front_address(SERVER, 80);
    (void)state;
    client = front_stack("mem:answers", CLIENT "/24", true);
    server = front_stack("mem:answers", SERVER "/24", true);
    int listener = stream(server);
    near = stream(client);
    assert_int_equal(weir_bind(server, listener, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(weir_listen(server, listener, 1), 0);
    assert_int_equal(weir_connect(client, near, (struct sockaddr *)&to, sizeof to), -1);
    do
        move_both();
    while ((far = weir_accept4(server, listener, NULL, NULL, SOCK_NONBLOCK)) < 0);
    move_both();
    return weir_close(server, listener);
}

/* The client's stack moves, after whatever time as if at once. */
static int turn_at_once(void)
{
    client->acknowledged = clock_now() + NS_PER_S;
    return weir_turn(client, 0);
}

/* A byte comes to the client, whose program has not waited since. */
static void byte_comes(void)
{
    char c;
    assert_int_equal(weir_send(server, far, "x", 1, 0), 1);
    while (weir_recv(client, near, &c, 1, 0) != 1) {
        (void)weir_turn(server, 0);
        (void)turn_at_once();
    }
}

/* The program has answered once: until then nothing waits for it. */
static void answer_once(void)
{
    byte_comes();
    assert_int_equal(weir_send(client, near, "y", 1, 0), 1);
    (void)turn_at_once();
}

static void an_answer_brings_the_acknowledgement(void **state)
{
    (void)state;
    answer_once();
    uint64_t alone = counters_of(client)->acks_sent, late = counters_of(client)->delayed_acks;
    for (unsigned i = 0; i < ROUNDS; i++) {
        byte_comes();
        assert_int_equal(weir_send(client, near, "y", 1, 0), 1);
        (void)turn_at_once();
    }
    assert_int_equal(counters_of(client)->acks_sent, alone);
    assert_int_equal(counters_of(client)->delayed_acks, late);
}

/* Who waits has answered what it had to. */
static void without_an_answer_it_goes_when_the_program_waits(void **state)
{
    (void)state;
    uint64_t alone = counters_of(client)->acks_sent, late = counters_of(client)->delayed_acks;
    for (unsigned i = 0; i < ROUNDS; i++) {
        byte_comes();
        while (turn_at_once() > 0)
            ;
        assert_int_equal(counters_of(client)->acks_sent, ++alone);
    }
    assert_int_equal(counters_of(client)->delayed_acks, late);
}

/* Nor does one that never waits keep it from the peer: after a millisecond it goes with the next turn. */
static void a_busy_program_keeps_it_no_longer_than_a_millisecond(void **state)
{
    char c;
    (void)state;
    answer_once();
    uint64_t alone = counters_of(client)->acks_sent, late = counters_of(client)->delayed_acks;
    byte_comes();
    client->acknowledged = clock_now() - 2 * NS_PER_MS;
    for (unsigned i = 0; i < POSIX_CALLS_PER_TURN; i++)
        assert_int_equal(weir_recv(client, near, &c, 1, 0), -1);
    assert_int_equal(counters_of(client)->acks_sent, alone + 1);
    assert_int_equal(counters_of(client)->delayed_acks, late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_brings_the_acknowledgement, begin, front_end),
        cmocka_unit_test_setup_teardown(without_an_answer_it_goes_when_the_program_waits, begin, front_end),
        cmocka_unit_test_setup_teardown(a_busy_program_keeps_it_no_longer_than_a_millisecond, begin, front_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
