/* SPDX-License-Identifier: MIT */
/*
 * THREATS TC-17: all 512 combinations of flags, in each of 11 states, at three places: the next number expected,
 * further on in the window, beyond it. The segment has no data and acknowledges all that was sent. What has to follow
 * is said by a model written from RFC 9293 3.10.7, RFC 5961 and RFC 1337, in its own words, which knows nothing of the
 * code.
 *
 * Where Linux differs from RFC 9293 the model follows Linux as THREATS 1.10 found it: a listener drops SYN with FIN.
 */
#include <string.h>

#include "attack_rig.h"

enum place { PLACE_NEXT, PLACE_INSIDE, PLACE_BEYOND, PLACES };
static const uint32_t distance[PLACES] = {0, 100, 70000};

enum reply { REPLY_NONE, REPLY_RST, REPLY_ACK, REPLY_SYN_ACK };

struct expected {
    enum reply reply;
    enum tcp_state state; /* of the connection attacked; CLOSED: there is none */
    size_t counter;       /* the drop counted, or NO_DROP */
};
#define NO_DROP ((size_t)-1)
#define DROP(name) ATTACK_COUNTER(drop_##name)

/* ---- the model ---- */

#define HAS(flag) ((flags & (flag)) != 0)

static struct expected in_closed(uint16_t flags) /* 3.10.7.1 */
{
    return (struct expected){HAS(TCP_RST) ? REPLY_NONE : REPLY_RST, TCP_CLOSED, DROP(no_connection)};
}

static struct expected in_listen(uint16_t flags) /* 3.10.7.2 */
{
    if (HAS(TCP_RST))
        return (struct expected){REPLY_NONE, TCP_CLOSED, DROP(no_connection)};
    if (HAS(TCP_ACK))
        return (struct expected){REPLY_RST, TCP_CLOSED, DROP(no_connection)};
    if (HAS(TCP_SYN) && !HAS(TCP_FIN))
        return (struct expected){REPLY_SYN_ACK, TCP_SYN_RCVD, NO_DROP};
    return (struct expected){REPLY_NONE, TCP_CLOSED, DROP(bad_flags)};
}

static struct expected in_syn_sent(
    uint16_t flags) /* 3.10.7.3; the place does not matter, the acknowledgement is good */
{
    if (HAS(TCP_RST))
        return HAS(TCP_ACK) ? (struct expected){REPLY_NONE, TCP_CLOSED, NO_DROP}
                            : (struct expected){REPLY_NONE, TCP_SYN_SENT, DROP(old_rst)};
    if (!HAS(TCP_SYN))
        return (struct expected){REPLY_NONE, TCP_SYN_SENT, DROP(bad_flags)};
    if (!HAS(TCP_ACK))
        return (struct expected){REPLY_SYN_ACK, TCP_SYN_RCVD, NO_DROP};
    return (struct expected){REPLY_ACK, HAS(TCP_FIN) ? TCP_CLOSE_WAIT : TCP_ESTABLISHED, NO_DROP};
}

static struct expected in_time_wait(uint16_t flags, enum place place)
{
    enum tcp_state gone = TCP_CLOSED; /* for its user */
    if (HAS(TCP_RST))                 /* RFC 1337 */
        return (struct expected){REPLY_NONE, gone, DROP(time_wait)};
    if (HAS(TCP_SYN) && !HAS(TCP_ACK) && !HAS(TCP_FIN) && place != PLACE_NEXT) /* newer: RFC 1122 4.2.2.13 */
        return (struct expected){REPLY_SYN_ACK, TCP_SYN_RCVD, NO_DROP};
    return (struct expected){HAS(TCP_SYN | TCP_FIN) ? REPLY_ACK : REPLY_NONE, gone, DROP(time_wait)};
}

/* The acknowledgement of everything arrives: fifth step. */
static enum tcp_state after_ack(enum tcp_state s)
{
    switch (s) {
    case TCP_SYN_RCVD:
        return TCP_ESTABLISHED;
    case TCP_FIN_WAIT_1:
        return TCP_FIN_WAIT_2;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return TCP_CLOSED; /* TIME-WAIT has no user either */
    default:
        return s;
    }
}

/* Eighth step, for a FIN that is next. */
static struct expected after_fin(enum tcp_state s)
{
    if (s == TCP_ESTABLISHED)
        return (struct expected){REPLY_ACK, TCP_CLOSE_WAIT, NO_DROP};
    if (s == TCP_FIN_WAIT_2)
        return (struct expected){REPLY_ACK, TCP_CLOSED, NO_DROP};
    return (struct expected){REPLY_NONE, s, NO_DROP};
}

static struct expected in_other_states(enum tcp_state s, uint16_t flags, enum place place) /* 3.10.7.4 */
{
    if (place == PLACE_BEYOND) /* first */
        return HAS(TCP_RST) ? (struct expected){REPLY_NONE, s, DROP(old_rst)}
                            : (struct expected){REPLY_ACK, s, DROP(out_of_window)};
    if (HAS(TCP_RST)) /* second; RFC 5961 3.2 */
        return place == PLACE_NEXT ? (struct expected){REPLY_NONE, TCP_CLOSED, NO_DROP}
                                   : (struct expected){REPLY_ACK, s, NO_DROP};
    if (HAS(TCP_SYN)) /* fourth; RFC 5961 4.2 */
        return (struct expected){REPLY_ACK, s, DROP(bad_flags)};
    if (!HAS(TCP_ACK)) /* fifth */
        return (struct expected){REPLY_NONE, s, DROP(no_ack_flag)};
    s = after_ack(s);
    bool receives = s == TCP_ESTABLISHED || s == TCP_FIN_WAIT_2;
    if (!HAS(TCP_FIN) || !receives)
        return (struct expected){REPLY_NONE, s, NO_DROP};
    return place == PLACE_NEXT ? after_fin(s) : (struct expected){REPLY_ACK, s, NO_DROP};
}

static struct expected model(enum tcp_state s, uint16_t flags, enum place place)
{
    switch (s) {
    case TCP_CLOSED:
        return in_closed(flags);
    case TCP_LISTEN:
        return in_listen(flags);
    case TCP_SYN_SENT:
        return in_syn_sent(flags);
    case TCP_TIME_WAIT:
        return in_time_wait(flags, place);
    default:
        return in_other_states(s, flags, place);
    }
}

/* ---- the trial ---- */

static void to_closed(struct script *s) { s->our_port = 81; }
static void to_listen(struct script *s) { (void)s; }

struct start {
    void (*way)(struct script *s);
    uint32_t next, sent; /* what the peer sends next, what we have sent, both relative */
};

static const struct start starts[TCP_STATE_COUNT] = {
    [TCP_CLOSED] = {to_closed, 1, 1},
    [TCP_LISTEN] = {to_listen, 1, 1},
    [TCP_SYN_SENT] = {script_to_syn_sent, 0, 1},
    [TCP_SYN_RCVD] = {script_to_syn_rcvd, 1, 1},
    [TCP_ESTABLISHED] = {script_to_established, 1, 1},
    [TCP_FIN_WAIT_1] = {script_to_fin_wait_1, 1, 2},
    [TCP_FIN_WAIT_2] = {script_to_fin_wait_2, 1, 2},
    [TCP_CLOSE_WAIT] = {script_to_close_wait, 2, 1},
    [TCP_CLOSING] = {script_to_closing, 2, 2},
    [TCP_LAST_ACK] = {script_to_last_ack, 2, 2},
    [TCP_TIME_WAIT] = {script_to_time_wait, 2, 2},
};

static enum reply reply_of(const struct wire_segment *w)
{
    if (!w)
        return REPLY_NONE;
    if (w->h.flags & TCP_RST)
        return REPLY_RST;
    return w->h.flags & TCP_SYN ? REPLY_SYN_ACK : REPLY_ACK;
}

/* The state of whatever connection the attacker's four-tuple has now. */
static enum tcp_state state_now(struct script *s)
{
    struct flow_key key = tcp_end_key(&s->end, s->our_port, PEER_ADDRESS, PEER_PORT);
    struct tcp_timewait *tw = NULL;
    struct tcp *c = tcp_lookup(s->end.layer, &key, tcp_flow_hash(s->end.layer, &key), &tw);
    s->ref = c ? tcp_ref_of(s->end.layer, c) : (struct tcp_ref){0};
    return c ? tcp_state_of(c) : TCP_CLOSED;
}

static bool trial(enum tcp_state from, uint16_t flags, enum place place)
{
    static struct attack h;
    attack_begin(&h, &profile, NULL);
    starts[from].way(&h.s);
    attack_note(&h);
    struct expected e = model(from, flags, place);
    script_give(&h.s, flags, starts[from].next + distance[place], starts[from].sent, 0);
    tcp_output(h.s.end.layer, 0, h.s.now);
    enum reply first = reply_of(tcp_end_take(&h.s.end));
    unsigned more = script_drain(&h.s);
    enum tcp_state now = state_now(&h.s);
    uint64_t drops = attack_drops(&h), counted = e.counter == NO_DROP ? 0 : attack_risen(&h, e.counter);
    bool good = first == e.reply && more == 0 && now == e.state && drops == (e.counter != NO_DROP) && counted == drops;
    if (!good)
        print_error("%s, flags %#x, place %d: reply %d and %u more, state %s, %llu drops; expected reply %d, state %s, "
                    "%d drop\n",
                    tcp_state_name(from), flags, (int)place, (int)first, more, tcp_state_name(now),
                    (unsigned long long)drops, (int)e.reply, tcp_state_name(e.state), e.counter != NO_DROP);
    attack_end(&h);
    return good;
}

static void tc_17_every_flag_in_every_state_does_what_the_rfcs_say(void **state)
{
    uint64_t cases = 0, wrong = 0;
    (void)state;
    for (enum tcp_state from = TCP_CLOSED; from < TCP_STATE_COUNT; from++)
        for (uint16_t flags = 0; flags < 512; flags++)
            for (enum place place = PLACE_NEXT; place < PLACES; place++, cases++)
                wrong += !trial(from, flags, place);
    attack_print("TC-17", cases);
    assert_int_equal(wrong, 0);
    assert_int_equal(cases, 16896);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tc_17_every_flag_in_every_state_does_what_the_rfcs_say, script_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
