/* SPDX-License-Identifier: MIT */
/*
 * The TCP layer as its users see it: what settings and profiles are refused, how many users there are, references and
 * generations, every verb inside every callback, listeners, initial sequence numbers (RFC 6528), counters of what was
 * not accepted, and that nothing is left at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

#define DAY (INT64_C(86400) * NS_PER_S)

static int try_profile(const struct tcp_profile *p)
{
    struct tcp_end e;
    struct tcp_settings settings;
    script_settings(&settings);
    assert_int_equal(tcp_end_init(&e, 1, &settings, 0), 0);
    int result = tcp_register_user(e.layer, &script_user, NULL, p);
    tcp_end_free(&e);
    return result;
}

#define REFUSED(assignment)                                                                                            \
    do {                                                                                                               \
        struct tcp_profile p = profile;                                                                                \
        p.assignment;                                                                                                  \
        if (try_profile(&p) != ERR_INVALID)                                                                            \
            fail_msg("accepted: %s", #assignment);                                                                     \
    } while (0)

static void profiles_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_int_equal(try_profile(&profile), 0);
    REFUSED(min_mss = 47);
    REFUSED(receive_buffer = 0);
    REFUSED(receive_buffer = (1u << 30) + 1);
    REFUSED(max_in_flight = 0);
    REFUSED(congestion = TCP_CONGESTION_COUNT);
    REFUSED(initial_window = 0);
    REFUSED(delayed_ack_ns = -1);
    REFUSED(delayed_ack_ns = 500 * NS_PER_MS);
    REFUSED(rto_min_ns = 0);
    REFUSED(rto_initial_ns = 0);
    REFUSED(rto_initial_ns = 25 * DAY);
    REFUSED(rto_max_ns = profile.rto_min_ns - 1);
    REFUSED(syn_retries = 255);
    REFUSED(data_retries = 255);
    REFUSED(time_wait_ns = -1);
    REFUSED(time_wait_ns = 24 * DAY + 1);
    REFUSED(user_timeout_ns = -1);
    REFUSED(user_timeout_ns = 24 * DAY + 1);
    REFUSED(fin_wait_2_ns = -1);
    REFUSED(fin_wait_2_ns = 24 * DAY + 1);
    REFUSED(keepalive_idle_ns = -1);
    REFUSED(keepalive_idle_ns = 24 * DAY + 1);
    REFUSED(ttl = 0);
    REFUSED(push = TCP_PUSH_COUNT);
    REFUSED(window_scale = 15);
    REFUSED(slow_start_segments = 0);
    REFUSED(slow_start_segments = 65536);
    REFUSED(probe_min_ns = -1);
    REFUSED(probe_min_ns = NS_PER_S + 1);
    profile.keepalive_idle_ns = NS_PER_S;
    assert_int_equal(try_profile(&profile), 0);
    REFUSED(keepalive_interval_ns = 0);
    REFUSED(keepalive_interval_ns = -NS_PER_S);
    REFUSED(keepalive_interval_ns = 24 * DAY + 1);
    REFUSED(keepalive_interval_ns = 3 * DAY); /* nine of them */
    profile.keepalive_idle_ns = 0;
    profile.keepalive_interval_ns = 0; /* without meaning then */
    assert_int_equal(try_profile(&profile), 0);
}

#undef REFUSED
#define REFUSED(assignment)                                                                                            \
    do {                                                                                                               \
        struct tcp_settings s;                                                                                         \
        struct tcp_end e;                                                                                              \
        script_settings(&s);                                                                                           \
        s.assignment;                                                                                                  \
        if (tcp_end_init(&e, 1, &s, 0) != ERR_INVALID || e.layer)                                                      \
            fail_msg("accepted: %s", #assignment);                                                                     \
        tcp_end_free(&e);                                                                                              \
    } while (0)

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    REFUSED(max_connections = 0);
    REFUSED(max_connections = 1u << 30);
    REFUSED(max_time_wait = 0);
    REFUSED(max_time_wait = 1u << 30);
    REFUSED(port_first = 0);
    REFUSED(port_first = 61000);
    REFUSED(links = 0);
    REFUSED(links = TCP_MAX_LINKS + 1);
    REFUSED(max_out_of_order_frames = 0);
    REFUSED(max_listeners = 0);
    REFUSED(max_listeners = 65537);
}

static void listeners_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    struct tcp_end e;
    struct tcp_settings settings;
    script_settings(&settings);
    settings.max_listeners = 9;
    assert_int_equal(tcp_end_init(&e, 1, &settings, 0), 0);
    assert_int_equal(tcp_register_user(e.layer, &script_user, NULL, &profile), 0);
    for (uint16_t port = 1; port <= 9; port++)
        assert_int_equal(tcp_listen(e.layer, 0, TCP_ANY_LOCAL, port), 0);
    assert_int_equal(tcp_listen(e.layer, 0, TCP_ANY_LOCAL, 10), ERR_NO_SPACE);
    assert_int_equal(tcp_unlisten(e.layer, TCP_ANY_LOCAL, 5, 0), 0);
    assert_int_equal(tcp_listen(e.layer, 0, TCP_ANY_LOCAL, 10), 0);
    tcp_end_free(&e);
}

static void users_up_to_the_limit_and_their_numbers_again(void **state)
{
    struct tcp_end e;
    struct tcp_settings settings;
    struct tcp_user lacking = script_user;
    (void)state;
    script_settings(&settings);
    assert_int_equal(tcp_end_init(&e, 1, &settings, 0), 0);
    lacking.received = NULL;
    assert_int_equal(tcp_register_user(e.layer, &lacking, NULL, &profile), ERR_INVALID);
    for (int i = 0; i < (int)settings.max_users; i++)
        assert_int_equal(tcp_register_user(e.layer, &script_user, NULL, &profile), i);
    assert_int_equal(tcp_register_user(e.layer, &script_user, NULL, &profile), ERR_NO_SPACE);
    tcp_unregister_user(e.layer, 7);
    assert_int_equal(tcp_listen(e.layer, 7, TCP_ANY_LOCAL, 80), ERR_INVALID);
    assert_int_equal(tcp_register_user(e.layer, &script_user, NULL, &profile), 7);
    tcp_end_free(&e);
}

static int another_profile(struct script *s)
{
    int user = tcp_register_user(s->end.layer, &script_user, s, &profile);
    assert_true(user > 0);
    return user;
}

static void a_connection_takes_another_profile(void **state)
{
    struct script s;
    (void)state;
    profile.nagle = true;
    script_begin(&s, &profile);
    script_to_established(&s);
    script_send(&s, 10);
    script_expect(&s, TCP_ACK, 1, 1, 10);
    script_send(&s, 10);
    script_expect_nothing(&s);
    profile.nagle = false;
    profile.keepalive_idle_ns = 5 * NS_PER_S;
    tcp_set_user(s.end.layer, script_connection(&s), (unsigned)another_profile(&s), s.now);
    script_pass(&s, 0);
    script_expect(&s, TCP_ACK, 11, 1, 10);
    script_give(&s, TCP_ACK, 1, 21, 0);
    script_pass(&s, 6 * NS_PER_S);
    script_expect(&s, TCP_ACK, 20, 1, 0); /* keep-alive */
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    script_end(&s);
}

static void a_listener_gives_another_profile_to_those_who_come_later(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    profile.nagle = true;
    int user = another_profile(&s);
    assert_int_equal(tcp_listener_set_user(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, (unsigned)user), 0);
    assert_int_equal(tcp_listener_set_user(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, 15), ERR_INVALID);
    assert_int_equal(tcp_listener_set_user(s.end.layer, TCP_ANY_LOCAL, OUR_PORT + 1, (unsigned)user), ERR_NOT_FOUND);
    script_to_established(&s);
    script_send(&s, 10);
    script_expect(&s, TCP_ACK, 1, 1, 10);
    script_send(&s, 10); /* Nagle holds it back */
    script_expect_nothing(&s);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    script_end(&s);
}

static void a_number_is_free_when_its_last_connection_has_gone(void **state)
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_established(&s);
    int user = another_profile(&s);
    tcp_set_user(s.end.layer, script_connection(&s), (unsigned)user, s.now);
    assert_int_equal(tcp_user_of(script_connection(&s)), user);
    tcp_unregister_user(s.end.layer, (unsigned)user);
    assert_int_equal(another_profile(&s), user + 1);
    tcp_abort(s.end.layer, script_connection(&s), s.now);
    script_drain(&s);
    script_pass(&s, NS_PER_S);
    assert_int_equal(another_profile(&s), user);
    script_end(&s);
}

static void time_wait_goes_on_without_its_users_number(void **state)
{
    struct script s;
    (void)state;
    profile.time_wait_ns = 20 * NS_PER_S;
    script_begin(&s, &profile);
    script_to_fin_wait_2(&s);
    int user = another_profile(&s);
    tcp_set_user(s.end.layer, script_connection(&s), (unsigned)user, s.now);
    tcp_unregister_user(s.end.layer, (unsigned)user); /* it has a connection still */
    script_give(&s, TCP_ACK | TCP_FIN, 1, 2, 0);
    script_expect(&s, TCP_ACK, 2, 2, 0);
    script_pass(&s, 10 * NS_PER_S);
    script_give(&s, TCP_ACK | TCP_FIN, 1, 2, 0); /* 2MSL begin again: RFC 9293 3.10.7.4 */
    script_expect(&s, TCP_ACK, 2, 2, 0);
    script_pass(&s, 15 * NS_PER_S);
    assert_int_equal(script_occupancy(&s).time_wait, 1);
    script_pass(&s, 6 * NS_PER_S);
    assert_int_equal(script_occupancy(&s).time_wait, 0);
    script_end(&s);
}

static void half_closed_for_ever_until_told_otherwise(void **state)
{
    struct script s;
    (void)state;
    profile.fin_wait_2_ns = 0;
    script_begin(&s, &profile);
    script_to_fin_wait_2(&s);
    script_pass(&s, 3600 * NS_PER_S);
    assert_int_equal(script_state(&s), TCP_FIN_WAIT_2);
    profile.fin_wait_2_ns = NS_PER_S;
    tcp_set_user(s.end.layer, script_connection(&s), (unsigned)another_profile(&s), s.now);
    script_pass(&s, 2 * NS_PER_S);
    assert_true(s.closed);
    script_end(&s);
}

static void verbs_refuse_what_cannot_be(void **state)
{
    struct script s;
    struct tcp_ref ref;
    (void)state;
    script_begin(&s, &profile);
    struct flow_key key = tcp_end_key(&s.end, 1000, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s.end.layer, 1, &key, 0, s.now, &ref), ERR_INVALID); /* no such user */
    key.remote_port = 0;
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), ERR_INVALID);
    key.remote_port = PEER_PORT;
    key.local = TCP_ANY_LOCAL;
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), ERR_INVALID);
    assert_int_equal(ref.index, 0);
    assert_int_equal(tcp_listen(s.end.layer, 0, 1, 0), ERR_INVALID);
    assert_int_equal(tcp_listen(s.end.layer, 1, 1, 81), ERR_INVALID);
    assert_int_equal(tcp_listen(s.end.layer, 0, TCP_ANY_LOCAL, OUR_PORT), ERR_IN_USE);
    assert_int_equal(tcp_unlisten(s.end.layer, 1, OUR_PORT, s.now),
                     ERR_NOT_FOUND); /* it is a listener on any address */
    script_end(&s);
}

static void a_reference_ends_with_its_connection(void **state)
{
    struct script s;
    struct tcp_ref old[50];
    (void)state;
    profile.time_wait_ns = 0;
    script_begin(&s, &profile);
    for (unsigned i = 0; i < ARRAY_SIZE(old); i++) {
        script_to_established(&s);
        old[i] = s.ref;
        struct tcp *c = script_connection(&s);
        assert_non_null(c);
        tcp_set_word(c, i);
        assert_int_equal(tcp_word(tcp_get(s.end.layer, old[i])), i);
        tcp_abort(s.end.layer, c, s.now);
        script_drain(&s);
        for (unsigned j = 0; j <= i; j++) /* the record is used again, its old references stay dead */
            assert_null(tcp_get(s.end.layer, old[j]));
    }
    assert_int_equal(old[0].index, old[49].index);
    assert_null(tcp_get(s.end.layer, (struct tcp_ref){0, 0}));
    assert_null(tcp_get(s.end.layer, (struct tcp_ref){UINT32_MAX, 1}));
    script_end(&s);
}

/* ---- verbs inside callbacks ---- */

enum where { IN_CONNECTED, IN_RECEIVED, IN_ACKED, IN_FIN, IN_DEADLINE, IN_CLOSED, WHERE_COUNT };
enum verb { DO_CLOSE, DO_ABORT, DO_SEND, DO_CONNECT, DO_ABORT_OTHER, DO_DEADLINE, DO_UNLISTEN, VERB_COUNT };

struct meddler {
    struct script s; /* first: script_user takes it as its context */
    enum where where;
    enum verb verb;
    struct tcp_ref other;
    unsigned done;
};

static void meddle(struct meddler *m, struct tcp *c, enum where where, int64_t now)
{
    struct tcp_layer *t = m->s.end.layer;
    struct flow_key key = tcp_end_key(&m->s.end, 0, PEER_ADDRESS, 7000);
    struct tcp_ref ref;
    if (where != m->where || m->done++ > 0)
        return;
    switch (m->verb) {
    case DO_CLOSE:
        (void)tcp_close(t, c, now);
        break;
    case DO_ABORT:
        tcp_abort(t, c, now);
        break;
    case DO_SEND:
        assert_int_equal(tcp_send(t, c, 3000, now), where == IN_CLOSED ? ERR_CLOSED : 0);
        break;
    case DO_CONNECT:
        assert_int_equal(tcp_connect(t, 0, &key, 0, now, &ref), 0);
        tcp_abort(t, tcp_get(t, ref), now);
        break;
    case DO_ABORT_OTHER:
        if (tcp_get(t, m->other))
            tcp_abort(t, tcp_get(t, m->other), now);
        break;
    case DO_DEADLINE:
        tcp_set_deadline(t, c, now + NS_PER_S, now);
        break;
    default:
        assert_int_equal(tcp_unlisten(t, TCP_ANY_LOCAL, OUR_PORT, now), 0);
        break;
    }
}

static void m_connected(void *context, struct tcp *c, int64_t now)
{
    script_user.connected(context, c, now);
    meddle(context, c, IN_CONNECTED, now);
}

static void m_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    script_user.received(context, c, bytes, length, now);
    meddle(context, c, length > 0 ? IN_RECEIVED : IN_FIN, now);
}

static void m_acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    script_user.acked(context, c, offset, now);
    meddle(context, c, IN_ACKED, now);
}

static void m_deadline(void *context, struct tcp *c, int64_t now)
{
    script_user.deadline(context, c, now);
    meddle(context, c, IN_DEADLINE, now);
}

static void m_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    script_user.closed(context, c, reason, now);
    meddle(context, c, IN_CLOSED, now);
}

static void meddler_begin(struct meddler *m, enum where where, enum verb verb)
{
    static struct tcp_user user;
    user = script_user;
    user.connected = m_connected;
    user.received = m_received;
    user.acked = m_acked;
    user.deadline = m_deadline;
    user.closed = m_closed;
    memset(m, 0, sizeof *m);
    script_begin(&m->s, &profile);
    m->s.end.layer->users[0].calls = &user;
    m->s.end.layer->users[0].context = m;
    m->where = where;
    m->verb = verb;
}

/* A life with an event of each kind; what the verb makes of it does not matter as long as everything ends. */
static void meddler_live(struct meddler *m)
{
    struct script *s = &m->s;
    struct flow_key key = tcp_end_key(&s->end, 0, PEER_ADDRESS, 6000);
    assert_int_equal(tcp_connect(s->end.layer, 0, &key, 0, s->now, &m->other), 0);
    script_drain(s);
    script_give(s, TCP_SYN, 0, 0, 0);
    s->our_isn = tcp_end_take(&s->end)->h.seq;
    script_give(s, TCP_ACK, 1, 1, 0);
    struct tcp *c = tcp_get(s->end.layer, s->ref);
    if (c) {
        tcp_set_deadline(s->end.layer, c, s->now + 10 * NS_PER_MS, s->now);
        (void)!tcp_send(s->end.layer, c, 100, s->now);
    }
    script_drain(s);
    script_give(s, TCP_ACK, 1, 51, 10);
    script_pass(s, 20 * NS_PER_MS);
    script_give(s, TCP_ACK | TCP_FIN, 11, 101, 10);
    script_drain(s);
    c = tcp_get(s->end.layer, s->ref);
    if (c)
        (void)tcp_close(s->end.layer, c, s->now);
    script_drain(s);
    script_give(s, TCP_ACK, 22, 102, 0);
    script_give(s, TCP_RST, 22, 0, 0);
    script_pass(s, 200 * NS_PER_S);
    script_drain(s);
}

static void every_verb_may_be_called_in_every_callback(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (enum where where = 0; where < WHERE_COUNT; where++)
        for (enum verb verb = 0; verb < VERB_COUNT; verb++, cases++) {
            struct meddler m;
            meddler_begin(&m, where, verb);
            meddler_live(&m);
            assert_true(m.done > 0);
            script_end(&m.s);
        }
    print_message("%u cases\n", cases);
}

/* ---- listeners ---- */

static int refuse(void *context, const struct flow_key *key, uint64_t *word)
{
    (void)context, (void)key, (void)word;
    return -1;
}

static void a_listener_on_one_address_goes_before_any_address(void **state)
{
    struct script s;
    struct tcp_user refusing = script_user;
    (void)state;
    refusing.admit = refuse;
    script_begin(&s, &profile);
    assert_int_equal(tcp_register_user(s.end.layer, &refusing, &s, &profile), 1);
    assert_int_equal(tcp_listen(s.end.layer, 1, 1, OUR_PORT), 0);
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_not_admitted, 1);
    assert_int_equal(tcp_unlisten(s.end.layer, 1, OUR_PORT, s.now), 0);
    assert_int_equal(tcp_listen(s.end.layer, 1, 2, OUR_PORT), 0); /* another address */
    script_to_established(&s);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), 0);
    assert_false(s.closed); /* what is established stays */
    script_end(&s);
}

static int admit_and_unlisten(void *context, const struct flow_key *key, uint64_t *word)
{
    struct script *s = context;
    (void)key, (void)word;
    assert_int_equal(tcp_unlisten(s->end.layer, TCP_ANY_LOCAL, OUR_PORT, s->now), 0);
    return s->refuse ? -1 : 0;
}

static void a_listener_closed_by_its_own_admission_takes_the_embryo_with_it(void **state)
{
    for (unsigned refused = 0; refused < 2; refused++) {
        struct script s;
        struct tcp_user user = script_user;
        (void)state;
        user.admit = admit_and_unlisten;
        script_begin(&s, &profile);
        s.end.layer->users[0].calls = &user;
        s.refuse = refused;
        script_give(&s, TCP_SYN, 0, 0, 0);
        assert_int_equal(s.closings, !refused);
        if (!refused) {
            assert_int_equal(s.reason, TCP_CLOSE_ABORTED);
            const struct wire_segment *w = tcp_end_take(&s.end);
            assert_non_null(w);
            assert_true(w->h.flags & TCP_RST);
        }
        script_expect_nothing(&s);
        script_give(&s, TCP_SYN, 0, 0, 0);
        assert_true(tcp_end_take(&s.end)->h.flags & TCP_RST); /* nobody listens */
        assert_int_equal(script_occupancy(&s).connections, 0);
        script_end(&s);
    }
}

static void a_closed_listener_resets_its_embryos(void **state) /* TC-49 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    script_to_syn_rcvd(&s);
    assert_int_equal(tcp_unlisten(s.end.layer, TCP_ANY_LOCAL, OUR_PORT, s.now), 0);
    assert_true(s.closed);
    assert_int_equal(s.reason, TCP_CLOSE_ABORTED);
    script_expect(&s, TCP_RST | TCP_ACK, 1, 1, 0);
    script_end(&s);
}

static int no_path(void *context, uint32_t local, const struct ip_addr *remote, struct tcp_path *out)
{
    (void)context, (void)local, (void)remote, (void)out;
    return ERR_NO_ROUTE;
}

static void a_missing_path_is_counted(void **state)
{
    struct script s;
    struct tcp_ref ref;
    (void)state;
    script_begin(&s, &profile);
    struct tcp_lower without = *s.end.layer->lower;
    without.path_open = no_path;
    s.end.layer->lower = &without;
    script_give(&s, TCP_SYN, 0, 0, 0);
    script_expect_nothing(&s);
    assert_int_equal(script_counters(&s)->drop_no_path, 1);
    struct flow_key key = tcp_end_key(&s.end, 0, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s.end.layer, 0, &key, 0, s.now, &ref), ERR_NO_ROUTE);
    assert_int_equal(script_occupancy(&s).connections, 0);
    script_end(&s);
}

/* ---- initial sequence numbers ---- */

static uint32_t isn(struct script *s, uint16_t local_port, uint16_t remote_port)
{
    struct flow_key key = tcp_end_key(&s->end, local_port, PEER_ADDRESS, remote_port);
    return tcp_initial_sequence(s->end.layer, &key, s->now).v;
}

static void initial_sequence_numbers_advance_with_a_clock_of_4_us_for_one_connection(
    void **state) /* RFC 6528 section 3, TC-36 */
{
    struct script s;
    (void)state;
    script_begin(&s, &profile);
    uint32_t first = isn(&s, 1, 2), last = first;
    for (unsigned i = 1; i < 1000; i++) {
        s.now += 40 * NS_PER_US;
        assert_int_equal(isn(&s, 1, 2) - first, 10 * i);
        assert_true((int32_t)(isn(&s, 1, 2) - last) > 0);
        last = isn(&s, 1, 2);
    }
    script_end(&s);
}

static void initial_sequence_numbers_of_different_connections_tell_nothing(void **state)
{
    struct script s, other;
    struct tcp_settings settings;
    unsigned bits[32] = {0}, equal = 0;
    (void)state;
    script_begin(&s, &profile);
    script_settings(&settings);
    settings.secret.k1++;
    script_begin_with(&other, &profile, &settings);
    for (uint16_t p = 1; p <= 4096; p++) {
        uint32_t difference = isn(&s, 1, p) - isn(&s, 1, (uint16_t)(p + 1));
        for (unsigned b = 0; b < 32; b++)
            bits[b] += (difference >> b) & 1;
        equal += isn(&s, 1, p) == isn(&other, 1, p);
    }
    for (unsigned b = 0; b < 32; b++)
        assert_true(bits[b] > 1850 && bits[b] < 2250); /* 2048 and more than 6 standard deviations */
    assert_true(equal < 3);
    script_end(&s);
    script_end(&other);
}

#define T(name) cmocka_unit_test_setup(name, script_defaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(profiles_out_of_range_are_refused),
        T(settings_out_of_range_are_refused),
        T(listeners_beyond_the_limit_are_refused),
        T(users_up_to_the_limit_and_their_numbers_again),
        T(a_connection_takes_another_profile),
        T(a_number_is_free_when_its_last_connection_has_gone),
        T(time_wait_goes_on_without_its_users_number),
        T(half_closed_for_ever_until_told_otherwise),
        T(a_listener_gives_another_profile_to_those_who_come_later),
        T(verbs_refuse_what_cannot_be),
        T(a_reference_ends_with_its_connection),
        T(every_verb_may_be_called_in_every_callback),
        T(a_listener_on_one_address_goes_before_any_address),
        T(a_listener_closed_by_its_own_admission_takes_the_embryo_with_it),
        T(a_closed_listener_resets_its_embryos),
        T(a_missing_path_is_counted),
        T(initial_sequence_numbers_advance_with_a_clock_of_4_us_for_one_connection),
        T(initial_sequence_numbers_of_different_connections_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
