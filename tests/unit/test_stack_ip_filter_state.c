/* SPDX-License-Identifier: MIT */
/*
 * The packet filter's connections: every way a TCP connection goes, what its window forbids, UDP, echo, other
 * protocols, ICMP errors, time, and floods. The rules are filter_load_stateful's: what is not accepted is dropped by the
 * default.
 */
#include "support/cmocka_all.h"

#include "base/random.h"
#include "ip_filter_rig.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"

#define CLASS(name) IP_FILTER_CLASS_##name

#define COUNTS(r, name) (ip_filter_counters((r)->filter)->name)
/* Dropped, and for exactly this reason. */
#define DROPS_AS(r, p, name)                                                                                           \
    do {                                                                                                               \
        uint64_t before_ = COUNTS(r, name);                                                                            \
        filter_drops(r, p);                                                                                            \
        assert_int_equal(COUNTS(r, name), before_ + 1);                                                                \
    } while (0)

static struct filter_rig rig;

static int set_up(void **state)
{
    (void)state;
    filter_init(&rig, 64);
    filter_load_stateful(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    filter_free(&rig);
    return 0;
}

/* The segment passes; the class it leaves its connection in. */
static int pass(struct talk *t, unsigned from, uint16_t flags, uint32_t payload)
{
    struct ip_filter_packet p = talk_send(t, from, flags, payload);
    filter_passes(&rig, &p);
    return filter_class(&rig, &p);
}

static int class_of(struct talk *t)
{
    struct ip_filter_packet p = talk_send(t, 0, TCP_ACK, 0);
    return filter_class(&rig, &p);
}

/* ---- TCP: its ways ---- */

static void test_a_connection_opens_carries_and_closes(void **state)
{
    (void)state;
    struct talk t = talk_of(40000);
    assert_int_equal(pass(&t, 0, TCP_SYN, 0), CLASS(SYN_SENT));
    assert_int_equal(pass(&t, 1, TCP_SYN | TCP_ACK, 0), CLASS(SYN_RECEIVED));
    assert_int_equal(pass(&t, 1, TCP_ACK, 10), CLASS(SYN_RECEIVED)); /* data before the handshake is over */
    assert_int_equal(pass(&t, 0, TCP_ACK, 0), CLASS(ESTABLISHED));
    assert_int_equal(COUNTS(&rig, confirmed), 1);
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(pass(&t, i % 3 == 0, TCP_ACK | TCP_PSH, 1460), CLASS(ESTABLISHED));
    assert_int_equal(pass(&t, 0, TCP_FIN | TCP_ACK, 5), CLASS(FIN_WAIT));
    assert_int_equal(pass(&t, 1, TCP_ACK, 1460), CLASS(FIN_WAIT)); /* half closed */
    assert_int_equal(pass(&t, 1, TCP_FIN | TCP_ACK, 0), CLASS(TIME_WAIT));
    assert_int_equal(pass(&t, 0, TCP_ACK, 0), CLASS(TIME_WAIT));
    struct talk again = talk_of(40000);
    again.ends[0].next += 5000000;
    assert_int_equal(pass(&again, 0, TCP_SYN, 0), CLASS(SYN_SENT));
    assert_int_equal(COUNTS(&rig, reopened), 1);
    assert_int_equal(ip_filter_connections(rig.filter), 1);
}

static void test_the_outside_opens_only_what_the_rules_let_in(void **state)
{
    (void)state;
    struct talk t = {{{OUTSIDE, 50000, 8000, 0, 77}, {INSIDE, 80, 8000, 0, 0xffffffffu}}};
    talk_open(&rig, &t);
    t.ends[1].port = 81;
    struct ip_filter_packet p = talk_send(&t, 0, TCP_SYN, 0);
    filter_drops(&rig, &p);
    assert_int_equal(filter_class(&rig, &p), -1);
    p = talk_send(&t, 0, TCP_ACK, 10);
    DROPS_AS(&rig, &p, invalid_no_connection);
}

static void test_ways_out_of_syn_sent(void **state)
{
    (void)state;
    struct talk t = talk_of(1), u = talk_of(2), v = talk_of(3), w = talk_of(4);
    struct ip_filter_packet syn = talk_send(&t, 0, TCP_SYN, 0), p = syn;
    filter_passes(&rig, &syn);
    filter_passes(&rig, &syn); /* sent again */
    assert_int_equal(COUNTS(&rig, opened), 1);
    p.tcp_sequence += 99; /* another attempt */
    filter_passes(&rig, &p);
    assert_int_equal(COUNTS(&rig, reopened), 1);
    p = talk_send(&t, 0, TCP_ACK, 0);
    DROPS_AS(&rig, &p, invalid_window);
    p = talk_send(&t, 1, TCP_SYN | TCP_ACK, 0);
    DROPS_AS(&rig, &p, invalid_window); /* it acknowledges the first attempt */
    p = talk_send(&t, 1, TCP_ACK, 0);
    DROPS_AS(&rig, &p, invalid_window);
    p = talk_send(&t, 1, TCP_RST, 0);
    DROPS_AS(&rig, &p, invalid_window);

    pass(&u, 0, TCP_SYN, 0);
    p = talk_send(&u, 1, TCP_RST | TCP_ACK, 0);
    p.tcp_acknowledgement++;
    DROPS_AS(&rig, &p, invalid_window);
    assert_int_equal(pass(&u, 1, TCP_RST | TCP_ACK, 0), CLASS(CLOSED)); /* refused */
    pass(&v, 0, TCP_SYN, 0);
    assert_int_equal(pass(&v, 0, TCP_RST, 0), CLASS(CLOSED)); /* given up */

    pass(&w, 0, TCP_SYN, 0);
    assert_int_equal(pass(&w, 1, TCP_SYN, 0), CLASS(SYN_RECEIVED)); /* both open */
    w.ends[0].next--, w.ends[1].next--;
    struct ip_filter_packet first = talk_send(&w, 0, TCP_SYN | TCP_ACK, 0);
    first.tcp_acknowledgement++;
    filter_passes(&rig, &first);
    assert_int_equal(pass(&w, 1, TCP_SYN | TCP_ACK, 0), CLASS(ESTABLISHED));
}

static void test_ways_out_of_syn_received(void **state)
{
    (void)state;
    struct talk t = talk_of(1), u = talk_of(2);
    struct ip_filter_packet syn = talk_send(&t, 0, TCP_SYN, 0);
    filter_passes(&rig, &syn);
    struct ip_filter_packet answer = talk_send(&t, 1, TCP_SYN | TCP_ACK, 0), p;
    filter_passes(&rig, &answer);
    filter_passes(&rig, &answer);
    filter_passes(&rig, &syn);
    assert_int_equal(filter_class(&rig, &syn), CLASS(SYN_RECEIVED));
    p = talk_send(&t, 0, TCP_ACK, 0);
    p.tcp_acknowledgement--; /* passes, but is no answer to the answer */
    filter_passes(&rig, &p);
    assert_int_equal(filter_class(&rig, &p), CLASS(SYN_RECEIVED));
    p.tcp_acknowledgement += 2;
    DROPS_AS(&rig, &p, invalid_window);
    assert_int_equal(pass(&t, 0, TCP_FIN | TCP_ACK, 100), CLASS(FIN_WAIT)); /* ACK, data and FIN in one */

    pass(&u, 0, TCP_SYN, 0);
    pass(&u, 1, TCP_SYN | TCP_ACK, 0);
    assert_int_equal(pass(&u, 1, TCP_RST, 0), CLASS(CLOSED));
    struct talk v = talk_of(3);
    pass(&v, 0, TCP_SYN, 0);
    pass(&v, 1, TCP_SYN | TCP_ACK, 0);
    assert_int_equal(pass(&v, 0, TCP_RST | TCP_ACK, 0), CLASS(CLOSED));
}

static void test_flags_that_no_tcp_sends_are_invalid(void **state)
{
    (void)state;
    struct talk t = talk_of(1);
    unsigned allowed = 0;
    talk_open(&rig, &t);
    for (uint16_t flags = 0; flags < 0x200; flags++) {
        struct talk copy = t;
        struct ip_filter_packet p = talk_send(&copy, 0, flags, 0);
        uint64_t before = COUNTS(&rig, invalid_tcp_flags);
        unsigned kind = flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
        bool good = kind == TCP_SYN || kind == TCP_ACK || kind == TCP_RST || kind == (TCP_SYN | TCP_ACK) ||
                    kind == (TCP_FIN | TCP_ACK) || kind == (TCP_RST | TCP_ACK);
        allowed += good;
        (void)filter_judge(&rig, &p);
        assert_int_equal(COUNTS(&rig, invalid_tcp_flags), before + !good);
    }
    assert_int_equal(allowed, 6 * 32);
}

/* ---- TCP: its window ---- */

static void changed(struct talk *t, unsigned from, int64_t sequence, int64_t acknowledgement, bool passes)
{
    struct talk copy = *t;
    struct ip_filter_packet p = talk_send(&copy, from, TCP_ACK, 100);
    p.tcp_sequence += (uint32_t)sequence;
    p.tcp_acknowledgement += (uint32_t)acknowledgement;
    if (passes)
        filter_passes(&rig, &p);
    else
        DROPS_AS(&rig, &p, invalid_window);
}

static void test_what_the_window_does_not_allow_is_invalid(void **state)
{
    (void)state;
    struct talk t = talk_of(1);
    for (unsigned i = 0; i < 2; i++)
        t.ends[i].window = 1000, t.ends[i].shift = 0;
    talk_open(&rig, &t);
    pass(&t, 0, TCP_ACK, 500);
    pass(&t, 1, TCP_ACK, 500);
    pass(&t, 0, TCP_ACK, 0);
    changed(&t, 0, 1001, 0, false);   /* beyond the window */
    changed(&t, 0, -1101, 0, false);  /* older than any window was wide */
    changed(&t, 0, -1100, 0, true);   /* a retransmission */
    changed(&t, 0, 0, 1, false);      /* acknowledges what was never sent */
    changed(&t, 0, 0, -66000, true);  /* an old acknowledgement */
    changed(&t, 0, 0, -66001, false); /* too old */
    changed(&t, 0, INT32_MAX, 0, false);
    changed(&t, 0, INT32_MIN, 0, false);
    changed(&t, 0, 1000, 0, true); /* a probe beyond a window that is full */
    assert_int_equal(class_of(&t), CLASS(ESTABLISHED));
}

static void test_windows_are_scaled_when_both_offer_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct talk t = talk_of((uint16_t)(100 + i));
        t.ends[0].shift = i & 1 ? 8 : 0;
        t.ends[1].shift = i & 2 ? 15 + 100 : 0; /* over RFC 7323's 14 counts as 14 */
        t.ends[0].window = t.ends[1].window = 1000;
        talk_open(&rig, &t);
        pass(&t, 0, TCP_ACK, 0);
        pass(&t, 1, TCP_ACK, 0);
        uint32_t to_0 = i == 3 ? 1000u << 7 : 1000, to_1 = i == 3 ? 1000u << 14 : 1000;
        changed(&t, 0, to_1 + 1, 0, false);
        changed(&t, 1, to_0 + 1, 0, false);
        changed(&t, 0, to_1, 0, true);
    }
}

static void test_a_reset_closes_only_by_its_exact_number(void **state)
{
    (void)state;
    struct talk t = talk_of(1);
    talk_open(&rig, &t);
    pass(&t, 1, TCP_ACK, 100);
    struct ip_filter_packet p = talk_send(&t, 1, TCP_RST, 0);
    p.tcp_sequence += 200; /* passes: the receiver challenges it (RFC 5961) */
    filter_passes(&rig, &p);
    assert_int_equal(class_of(&t), CLASS(ESTABLISHED));
    p.tcp_sequence += 1u << 30;
    DROPS_AS(&rig, &p, invalid_window);
    p = talk_send(&t, 1, TCP_RST, 0);
    p.tcp_sequence -= 100; /* what the other end acknowledged last */
    filter_passes(&rig, &p);
    assert_int_equal(class_of(&t), CLASS(CLOSED));
    struct talk u = talk_of(2);
    talk_open(&rig, &u);
    assert_int_equal(pass(&u, 0, TCP_RST | TCP_ACK, 0), CLASS(CLOSED));
    assert_int_equal(pass(&u, 0, TCP_RST | TCP_ACK, 0), CLASS(CLOSED));
}

static void test_a_syn_within_a_connection_is_new_and_changes_nothing(void **state)
{
    (void)state;
    struct talk t = talk_of(1), stranger;
    talk_open(&rig, &t);
    stranger = t;
    stranger.ends[1].next += 1u << 30;
    struct ip_filter_packet p = talk_send(&stranger, 1, TCP_SYN, 0);
    filter_drops(&rig, &p); /* no rule lets it in */
    stranger.ends[0].next += 1u << 30;
    p = talk_send(&stranger, 0, TCP_SYN, 0);
    filter_passes(&rig, &p); /* the inside may open */
    assert_int_equal(pass(&t, 0, TCP_ACK, 100), CLASS(ESTABLISHED));
    assert_int_equal(pass(&t, 1, TCP_ACK, 100), CLASS(ESTABLISHED));
}

static void test_what_is_dropped_leaves_no_trace(void **state)
{
    (void)state;
    struct talk t = {{{OUTSIDE, 50000, 8000, 0, 77}, {INSIDE, 22, 8000, 0, 99}}}, u = talk_of(1);
    struct ip_filter_packet p = talk_send(&t, 0, TCP_SYN, 0);
    filter_drops(&rig, &p);
    assert_int_equal(ip_filter_connections(rig.filter), 0);
    talk_open(&rig, &u);
    const struct ip_filter_rule none = {.match = IP_FILTER_MATCH_STATE, .directions = 7, .states = IP_FILTER_RELATED};
    filter_load(&rig, &none, 1, IP_FILTER_DROP);
    struct ip_filter_packet fin = talk_send(&u, 0, TCP_FIN | TCP_ACK, 0), reset = talk_send(&u, 0, TCP_RST, 0);
    filter_drops(&rig, &fin);
    filter_drops(&rig, &reset);
    assert_int_equal(class_of(&u), CLASS(ESTABLISHED));
}

/* ---- UDP, echo, others ---- */

static void test_udp_is_new_until_it_is_answered_and_lasts_when_it_goes_on(void **state)
{
    (void)state;
    struct ip_filter_packet there = filter_packet(IP_PROTO_UDP, INSIDE, 5000, OUTSIDE, 53);
    struct ip_filter_packet back = filter_packet(IP_PROTO_UDP, OUTSIDE, 53, INSIDE, 5000);
    filter_drops(&rig, &back);
    filter_passes(&rig, &there);
    filter_passes(&rig, &there);
    assert_int_equal(ip_filter_rules_count(rig.rules, 1).packets, 2); /* both new */
    filter_passes(&rig, &back);
    assert_int_equal(filter_class(&rig, &there), CLASS(UDP_OPENING));
    filter_passes(&rig, &there);
    assert_int_equal(ip_filter_rules_count(rig.rules, 0).packets, 2);
    assert_int_equal(filter_class(&rig, &there), CLASS(UDP));
    rig.now += 179 * NS_PER_S;
    filter_passes(&rig, &back); /* goes on from here */
    rig.now += 180 * NS_PER_S - 1;
    assert_int_equal(filter_class(&rig, &there), CLASS(UDP));
    rig.now++;
    filter_drops(&rig, &back);
    assert_int_equal(COUNTS(&rig, expired), 1);
    back.flow.source_port = 54;
    filter_drops(&rig, &back);
}

static void test_an_echo_reply_needs_its_request(void **state)
{
    (void)state;
    struct ip_filter_packet request = filter_echo(INSIDE, OUTSIDE, 7, true),
                            reply = filter_echo(OUTSIDE, INSIDE, 7, false);
    struct ip_filter_packet theirs = filter_echo(OUTSIDE, INSIDE, 7, true),
                            other = filter_echo(OUTSIDE, INSIDE, 8, false);
    DROPS_AS(&rig, &reply, invalid_no_connection);
    filter_passes(&rig, &request);
    filter_passes(&rig, &reply);
    filter_passes(&rig, &request);
    assert_int_equal(filter_class(&rig, &request), CLASS(ECHO));
    DROPS_AS(&rig, &other, invalid_no_connection);
    filter_drops(&rig, &theirs); /* one with the same id the other way is another one */
    assert_int_equal(ip_filter_connections(rig.filter), 1);
    rig.now += 60 * NS_PER_S;
    DROPS_AS(&rig, &reply, invalid_no_connection);
}

static void test_other_protocols_are_followed_by_their_addresses(void **state)
{
    (void)state;
    struct ip_filter_packet there = filter_packet(IP_PROTO_GRE, INSIDE, 0, OUTSIDE, 0);
    struct ip_filter_packet back = filter_packet(IP_PROTO_GRE, OUTSIDE, 0, INSIDE, 0);
    struct ip_filter_packet esp = filter_packet(IP_PROTO_ESP, OUTSIDE, 0, INSIDE, 0);
    filter_drops(&rig, &back);
    filter_passes(&rig, &there);
    filter_drops(&rig, &esp);
    filter_passes(&rig, &back);
    assert_int_equal(filter_class(&rig, &back), CLASS(OTHER_OPENING));
    filter_passes(&rig, &there);
    assert_int_equal(filter_class(&rig, &back), CLASS(OTHER));
}

static void test_messages_without_connection_are_new(void **state)
{
    (void)state;
    struct ip_filter_packet p = filter_packet(IP_PROTO_ICMPV6, "fe80::1", 0, "ff02::1", 0);
    const struct ip_filter_rule fresh = {.match = IP_FILTER_MATCH_STATE, .directions = 7, .states = IP_FILTER_NEW};
    filter_load(&rig, &fresh, 1, IP_FILTER_DROP);
    p.flow.icmp_type = WIRE_ICMPV6_NEIGHBOR_SOLICITATION;
    filter_passes(&rig, &p);
    assert_int_equal(ip_filter_connections(rig.filter), 0);
    p.flow.icmp_type = WIRE_ICMPV6_ECHO_REPLY;
    DROPS_AS(&rig, &p, invalid_no_connection);
}

/* ---- ICMP errors ---- */

static void test_an_error_about_a_known_connection_is_related(void **state)
{
    (void)state;
    struct talk t = talk_of(1);
    struct ip_filter_packet udp = filter_packet(IP_PROTO_UDP, INSIDE, 5000, OUTSIDE, 53);
    struct ip_filter_packet echo = filter_echo(INSIDE, OUTSIDE, 3, true);
    struct ip_filter_packet error = filter_error("203.0.113.1", &udp);
    DROPS_AS(&rig, &error, invalid_quote);
    filter_passes(&rig, &udp);
    filter_passes(&rig, &echo);
    filter_passes(&rig, &error);
    error = filter_error("203.0.113.1", &echo);
    filter_passes(&rig, &error);
    talk_open(&rig, &t);
    struct ip_filter_packet segment = talk_send(&t, 0, TCP_ACK, 100);
    filter_passes(&rig, &segment);
    error = filter_error("203.0.113.1", &segment);
    filter_passes(&rig, &error);
    assert_int_equal(class_of(&t), CLASS(ESTABLISHED));
    error.flow.icmp_type = WIRE_ICMP_TIME_EXCEEDED;
    filter_passes(&rig, &error);
    assert_int_equal(ip_filter_connections(rig.filter), 3);
}

static void test_an_error_that_lies_is_invalid(void **state)
{
    (void)state;
    struct talk t = talk_of(1);
    talk_open(&rig, &t);
    struct ip_filter_packet segment = talk_send(&t, 0, TCP_ACK, 100);
    filter_passes(&rig, &segment);
    const struct ip_filter_packet good = filter_error("203.0.113.1", &segment);
    struct ip_filter_packet p = good;
    p.flow.destination = filter_address("10.0.0.2"); /* not to who sent it */
    DROPS_AS(&rig, &p, invalid_quote);
    p = good;
    p.quoted_sequence += 101; /* never sent */
    DROPS_AS(&rig, &p, invalid_quote);
    p.quoted_sequence -= 1u << 30;
    DROPS_AS(&rig, &p, invalid_quote);
    p = good;
    p.quoted.source_port++;
    DROPS_AS(&rig, &p, invalid_quote);
    p = good;
    p.quoted.headerless = true;
    DROPS_AS(&rig, &p, invalid_quote);
    p = good;
    p.quotes = false;
    DROPS_AS(&rig, &p, invalid_quote);
    p = filter_error("203.0.113.1", &good); /* about an error */
    DROPS_AS(&rig, &p, invalid_quote);
    struct talk u = talk_of(2);
    pass(&u, 0, TCP_SYN, 0);
    segment = talk_send(&u, 1, TCP_SYN | TCP_ACK, 0); /* about an answer that was never seen */
    p = filter_error(INSIDE, &segment);
    DROPS_AS(&rig, &p, invalid_quote);
    p = good;
    filter_passes(&rig, &p);
}

static void test_an_icmpv6_error_is_related_too(void **state)
{
    (void)state;
    struct ip_filter_packet p = filter_packet(IP_PROTO_UDP, "2001:db8::1", 5000, "2001:db8:1::1", 53);
    const struct ip_filter_rule rules[] = {
        {.match = IP_FILTER_MATCH_STATE, .directions = 7, .states = IP_FILTER_RELATED, .verdict = IP_FILTER_ACCEPT},
        {.match = IP_FILTER_MATCH_PROTOCOL, .directions = 7, .protocol = IP_PROTO_UDP, .verdict = IP_FILTER_ACCEPT}};
    filter_load(&rig, rules, 2, IP_FILTER_DROP);
    filter_passes(&rig, &p);
    struct ip_filter_packet error = filter_packet(IP_PROTO_ICMPV6, "2001:db8:2::1", 0, "2001:db8::1", 0);
    error.flow.icmp_type = WIRE_ICMPV6_PACKET_TOO_BIG;
    error.quotes = true;
    error.quoted = p.flow;
    filter_passes(&rig, &error);
    error.quoted.destination_port = 54;
    DROPS_AS(&rig, &error, invalid_quote);
}

/* ---- time ---- */

static void test_each_class_lasts_its_time_and_no_longer(void **state)
{
    (void)state;
    static const int64_t seconds[] = {
#define SECONDS(name, seconds, gives_way) seconds,
        IP_FILTER_CLASS_LIST(SECONDS)
#undef SECONDS
    };
    for (unsigned want = CLASS(SYN_SENT); want <= CLASS(CLOSED); want++) {
        struct talk t = talk_of((uint16_t)(1000 + want));
        static const uint16_t steps[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK};
        unsigned n = want == CLASS(CLOSED) ? 3 : want + 1;
        for (unsigned i = 0; i < n; i++)
            pass(&t, i == 1 || i == 4, steps[i], 0);
        if (want == CLASS(CLOSED))
            pass(&t, 0, TCP_RST, 0);
        assert_int_equal(class_of(&t), (int)want);
        int64_t over = rig.now + seconds[want] * NS_PER_S;
        bool stays = want == CLASS(ESTABLISHED) || want == CLASS(FIN_WAIT); /* its record, an eighth longer */
        int64_t forgotten = over + (stays ? seconds[want] * NS_PER_S / 8 : 0);
        assert_int_equal(ip_filter_next_deadline(rig.filter), forgotten);
        assert_int_equal(ip_filter_expire(rig.filter, forgotten - 1, 100), 0);
        rig.now = over - 1;
        assert_int_equal(class_of(&t), (int)want);
        rig.now = stays ? over : over - 1;
        assert_int_equal(ip_filter_expire(rig.filter, forgotten, 100), 1);
        assert_int_equal(class_of(&t), -1);
        assert_int_equal(ip_filter_next_deadline(rig.filter), TIME_NEVER);
    }
}

static void test_a_connection_in_use_is_not_forgotten(void **state)
{
    (void)state;
    struct talk busy = talk_of(1), idle = talk_of(2);
    talk_open(&rig, &idle);
    talk_open(&rig, &busy);
    pass(&busy, 0, TCP_FIN | TCP_ACK, 0);
    pass(&idle, 0, TCP_FIN | TCP_ACK, 0);
    int64_t start = rig.now;
    for (unsigned i = 1; i <= 600; i++) { /* FIN_WAIT lasts 240 s */
        rig.now = start + i * NS_PER_S;
        pass(&busy, 1, TCP_ACK, 10);
        ip_filter_expire(rig.filter, rig.now, 10);
        assert_int_equal(class_of(&idle), i < 240 ? CLASS(FIN_WAIT) : -1);
        assert_int_equal(ip_filter_connections(rig.filter), i < 240 ? 2 : 1);
    }
    rig.now += 240 * NS_PER_S - 1;
    assert_int_equal(class_of(&busy), CLASS(FIN_WAIT));
    rig.now++;
    struct ip_filter_packet p = talk_send(&busy, 1, TCP_ACK, 10);
    DROPS_AS(&rig, &p, invalid_no_connection);
}

static void test_expiry_keeps_to_its_budget(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 10; i++) {
        struct ip_filter_packet p = filter_packet(IP_PROTO_UDP, INSIDE, i, OUTSIDE, 53);
        filter_passes(&rig, &p);
    }
    assert_int_equal(ip_filter_expire(rig.filter, rig.now + 30 * NS_PER_S, 4), 4);
    assert_int_equal(ip_filter_connections(rig.filter), 6);
    assert_int_equal(ip_filter_expire(rig.filter, rig.now + 30 * NS_PER_S, 100), 6);
    assert_int_equal(COUNTS(&rig, expired), 10);
}

/* ---- full tables and floods ---- */

static void test_a_full_table_gives_up_the_oldest_unconfirmed_then_the_oldest_closed_then_none(void **state)
{
    (void)state;
    struct talk first = talk_of(1), second = talk_of(2), closed = talk_of(3);
    struct ip_filter_packet udp = filter_packet(IP_PROTO_UDP, INSIDE, 5000, OUTSIDE, 53);
    pass(&first, 0, TCP_SYN, 0);
    rig.now += NS_PER_S;
    filter_passes(&rig, &udp);
    rig.now += NS_PER_S;
    pass(&second, 0, TCP_SYN, 0);
    talk_open(&rig, &closed);
    pass(&closed, 0, TCP_RST, 0);
    for (uint16_t i = 0; i < 60; i++) {
        struct talk t = talk_of((uint16_t)(100 + i));
        talk_open(&rig, &t);
    }
    struct talk more[5] = {talk_of(4), talk_of(5), talk_of(6), talk_of(7), talk_of(8)};
    talk_open(&rig, &more[0]);
    assert_int_equal(class_of(&first), -1);
    talk_open(&rig, &more[1]);
    assert_int_equal(filter_class(&rig, &udp), -1);
    assert_int_equal(class_of(&second), CLASS(SYN_SENT));
    talk_open(&rig, &more[2]);
    assert_int_equal(class_of(&second), -1);
    assert_int_equal(COUNTS(&rig, evicted_unconfirmed), 3);
    talk_open(&rig, &more[3]);
    assert_int_equal(class_of(&closed), -1);
    assert_int_equal(COUNTS(&rig, evicted_closed), 1);
    struct ip_filter_packet p = talk_send(&more[4], 0, TCP_SYN, 0);
    assert_int_equal(filter_judge(&rig, &p), IP_FILTER_DROP);
    assert_int_equal(COUNTS(&rig, drop_table_full), 1);
    assert_int_equal(ip_filter_connections(rig.filter), 64);
}

/* A million SYNs from everywhere to port 80, 1 us apart; a server may answer each. Connections go on beside it. */
static void flood(bool answered)
{
    static struct talk talks[100];
    struct random r;
    random_seed(&r, 8);
    filter_free(&rig);
    filter_init(&rig, 4096);
    filter_load_stateful(&rig);
    for (uint16_t i = 0; i < 100; i++) {
        talks[i] = talk_of((uint16_t)(1000 + i));
        talk_open(&rig, &talks[i]);
    }
    size_t memory = rig.memory.live_bytes;
    unsigned opened = 0;
    for (unsigned i = 0; i < 1000000; i++) {
        struct ip_filter_packet p = filter_packet(IP_PROTO_TCP, OUTSIDE, (uint16_t)random_u32(&r), INSIDE, 80);
        p.flow.source = ip_addr_from_v4(0x2d000000u | (uint32_t)random_below(&r, 1u << 24));
        p.tcp_flags = TCP_SYN;
        p.tcp_sequence = random_u32(&r);
        p.tcp_window = 1000;
        rig.now += 1000;
        filter_passes(&rig, &p);
        if (answered) {
            struct ip_filter_packet answer = p;
            answer.flow.source = p.flow.destination, answer.flow.destination = p.flow.source;
            answer.flow.source_port = 80, answer.flow.destination_port = p.flow.source_port;
            answer.tcp_flags = TCP_SYN | TCP_ACK;
            answer.tcp_acknowledgement = p.tcp_sequence + 1;
            (void)filter_judge(&rig, &answer);
        }
        if (i % 1000 == 0)
            assert_int_equal(pass(&talks[i / 1000 % 100], i / 1000 & 1, TCP_ACK, 1000), CLASS(ESTABLISHED));
        if (i % 50000 == 0) { /* a new one gets in too, and is confirmed from then on */
            struct talk t = talk_of((uint16_t)(2000 + i / 50000));
            talk_open(&rig, &t);
            opened++;
        }
    }
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(class_of(&talks[i]), CLASS(ESTABLISHED));
    assert_int_equal(ip_filter_connections(rig.filter), 4096);
    assert_int_equal(COUNTS(&rig, evicted_unconfirmed), 1000000 + 100 + opened - 4096);
    assert_int_equal(COUNTS(&rig, drop_table_full), 0);
    assert_int_equal(rig.memory.live_bytes, memory);
}

static void test_a_flood_of_a_million_syns_leaves_established_connections_alone(void **state)
{
    (void)state;
    flood(false);
}

static void test_a_flood_whose_syns_are_answered_is_no_better(void **state)
{
    (void)state;
    flood(true);
}

/* Anything at all, in any order: invariants hold, packets are counted once, and nothing grows. */
static void test_random_packets_keep_the_invariants(void **state)
{
    (void)state;
    static const uint8_t protocols[] = {IP_PROTO_TCP, IP_PROTO_UDP, IP_PROTO_ICMP, IP_PROTO_ICMPV6, IP_PROTO_GRE};
    struct random r;
    random_seed(&r, 21);
    size_t memory = rig.memory.live_bytes;
    for (unsigned i = 0; i < 200000; i++) {
        bool inside = random_below(&r, 2);
        struct ip_filter_packet p =
            filter_packet(protocols[random_below(&r, 5)], inside ? INSIDE : OUTSIDE, (uint16_t)random_below(&r, 12),
                          inside ? OUTSIDE : INSIDE, (uint16_t)random_below(&r, 12));
        p.tcp_flags = (uint16_t)random_below(&r, 32);
        p.tcp_sequence = (uint32_t)random_below(&r, 4);
        p.tcp_acknowledgement = (uint32_t)random_below(&r, 4);
        p.tcp_window = (uint16_t)random_below(&r, 3);
        p.flow.icmp_type = (uint8_t)random_u32(&r);
        p.flow.headerless = random_below(&r, 16) == 0;
        p.quotes = random_below(&r, 2);
        p.quoted = p.flow;
        p.quoted.protocol = protocols[random_below(&r, 5)];
        rig.now += (int64_t)random_below(&r, NS_PER_S);
        (void)filter_judge(&rig, &p);
        if (i % 1000 == 0)
            assert_true(ip_filter_check(rig.filter));
    }
    const struct ip_filter_counters *c = ip_filter_counters(rig.filter);
    assert_int_equal(
        c->accepted + c->drop_rule + c->drop_default + c->reject_rule + c->reject_default + c->drop_table_full, 200000);
    assert_int_equal(c->opened - c->expired - c->evicted_unconfirmed - c->evicted_closed - c->reopened,
                     ip_filter_connections(rig.filter));
    assert_int_equal(rig.memory.live_bytes, memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_connection_opens_carries_and_closes),
        TEST(test_the_outside_opens_only_what_the_rules_let_in),
        TEST(test_ways_out_of_syn_sent),
        TEST(test_ways_out_of_syn_received),
        TEST(test_flags_that_no_tcp_sends_are_invalid),
        TEST(test_what_the_window_does_not_allow_is_invalid),
        TEST(test_windows_are_scaled_when_both_offer_it),
        TEST(test_a_reset_closes_only_by_its_exact_number),
        TEST(test_a_syn_within_a_connection_is_new_and_changes_nothing),
        TEST(test_what_is_dropped_leaves_no_trace),
        TEST(test_udp_is_new_until_it_is_answered_and_lasts_when_it_goes_on),
        TEST(test_an_echo_reply_needs_its_request),
        TEST(test_other_protocols_are_followed_by_their_addresses),
        TEST(test_messages_without_connection_are_new),
        TEST(test_an_error_about_a_known_connection_is_related),
        TEST(test_an_error_that_lies_is_invalid),
        TEST(test_an_icmpv6_error_is_related_too),
        TEST(test_each_class_lasts_its_time_and_no_longer),
        TEST(test_a_connection_in_use_is_not_forgotten),
        TEST(test_expiry_keeps_to_its_budget),
        TEST(test_a_full_table_gives_up_the_oldest_unconfirmed_then_the_oldest_closed_then_none),
        TEST(test_a_flood_of_a_million_syns_leaves_established_connections_alone),
        TEST(test_a_flood_whose_syns_are_answered_is_no_better),
        TEST(test_random_packets_keep_the_invariants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
