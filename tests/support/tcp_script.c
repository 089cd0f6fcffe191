/* SPDX-License-Identifier: MIT */
/*
 * See tcp_script.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_script.h"

static int admit(void *context, const struct flow_key *key, uint64_t *word)
{
    struct script *s = context;
    (void)key, (void)word;
    return s->refuse ? -1 : 0;
}

static void connected(void *context, struct tcp *c, int64_t now)
{
    struct script *s = context;
    (void)now;
    s->connected = true;
    s->ref = tcp_ref_of(s->end.layer, c);
}

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct script *s = context;
    if (length > 0 && s->received + length <= sizeof s->stream)
        memcpy(s->stream + s->received, bytes, length);
    s->received += length;
    s->fin = s->fin || length == 0;
    if (length > 0)
        s->last_byte = bytes[length - 1];
    if (s->consume)
        tcp_consumed(s->end.layer, c, length, now);
}

static void urgent(void *context, struct tcp *c, uint64_t mark, int64_t now)
{
    struct script *s = context;
    (void)c, (void)now;
    s->urgents++;
    s->urgent_mark = mark;
    s->urgent_received = s->received;
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)('a' + (offset + i) % 26);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    struct script *s = context;
    (void)c, (void)now;
    s->acked = offset;
}

static void deadline(void *context, struct tcp *c, int64_t now)
{
    struct script *s = context;
    (void)c, (void)now;
    s->deadlines++;
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct script *s = context;
    (void)c, (void)now;
    s->closed = true;
    s->closings++;
    s->reason = reason;
}

const struct tcp_user script_user = {.admit = admit,
                                     .connected = connected,
                                     .received = received,
                                     .urgent = urgent,
                                     .pull = pull,
                                     .acked = acked,
                                     .deadline = deadline,
                                     .closed = closed};

struct tcp_profile profile;

int script_defaults(void **state)
{
    (void)state;
    tcp_profile_default(&profile);
    return 0;
}

int script_newreno(void **state)
{
    script_defaults(state);
    profile.congestion = TCP_NEWRENO;
    return 0;
}

void script_settings(struct tcp_settings *settings)
{
    tcp_settings_default(settings);
    settings->max_connections = 32;
    settings->secret = (struct hash_key){3, 4};
}

void script_begin_with(struct script *s, const struct tcp_profile *p, const struct tcp_settings *settings)
{
    memset(s, 0, sizeof *s);
    s->now = 5 * NS_PER_S;
    s->consume = true;
    s->our_port = OUR_PORT;
    s->peer_options = (struct wire_tcp_options){.present = TCP_OPT_MSS, .mss = MSS};
    assert_int_equal(tcp_end_init(&s->end, 1, settings, s->now), 0);
    assert_int_equal(tcp_register_user(s->end.layer, &script_user, s, p), 0);
    assert_int_equal(tcp_listen(s->end.layer, 0, TCP_ANY_LOCAL, OUR_PORT), 0);
}

void script_begin(struct script *s, const struct tcp_profile *p)
{
    struct tcp_settings settings;
    script_settings(&settings);
    script_begin_with(s, p, &settings);
}

void script_end(struct script *s)
{
    struct tcp_occupancy o;
    struct tcp *c = script_connection(s);
    if (c)
        tcp_abort(s->end.layer, c, s->now);
    script_pass(s, 130 * NS_PER_S);
    while (tcp_end_take(&s->end))
        ;
    tcp_get_occupancy(s->end.layer, &o);
    assert_int_equal(o.connections + o.active + o.time_wait + o.sent_records + o.out_of_order_frames, 0);
    assert_int_equal(s->end.paths, 0);
    assert_int_equal(s->end.pool.free_count, s->end.pool.capacity);
    tcp_end_free(&s->end);
}

static void take_sacks(struct script *s, const struct script_segment *g, struct wire_tcp_options *o)
{
    o->present = (uint16_t)(o->present | (g->sacks > 0 ? TCP_OPT_SACK : 0));
    o->sack_count = (uint8_t)g->sacks;
    for (uint32_t i = 0; i < g->sacks; i++)
        o->sack[i] =
            (struct wire_sack_block){seq_add(s->our_isn, g->sack[2 * i]), seq_add(s->our_isn, g->sack[2 * i + 1])};
}

/* The header with its options; returns its length. */
static uint32_t build_header(struct script *s, const struct script_segment *g, uint8_t *bytes)
{
    struct wire_tcp h = {.src_port = PEER_PORT,
                         .dst_port = s->our_port,
                         .seq = seq_of(PEER_ISN + g->seq),
                         .ack = g->flags & TCP_ACK ? seq_add(s->our_isn, g->ack) : seq_of(0),
                         .flags = g->flags,
                         .window = g->window,
                         .urgent = g->urgent};
    struct wire_tcp_options o = s->peer_options;
    if (!(g->flags & TCP_SYN))
        o.present &= g->without_timestamps ? 0 : TCP_OPT_TIMESTAMPS;
    take_sacks(s, g, &o);
    int header = wire_tcp_build(bytes, &h, g->raw_len > 0 ? NULL : &o);
    assert_true(header > 0);
    if (g->raw_len == 0)
        return (uint32_t)header;
    memcpy(bytes + WIRE_TCP_MIN, g->raw_options, g->raw_len);
    store_be16(bytes + 12, (uint16_t)(((WIRE_TCP_MIN + g->raw_len) << 10) | g->flags));
    return WIRE_TCP_MIN + g->raw_len;
}

void script_give_segment(struct script *s, const struct script_segment *g)
{
    uint8_t bytes[WIRE_LARGE] = {0};
    uint32_t header = build_header(s, g, bytes);
    assert_true(header + g->payload <= sizeof bytes);
    for (uint32_t i = 0; i < g->payload; i++)
        bytes[header + i] = g->fill ? g->fill : (uint8_t)('a' + (g->seq - 1 + i) % 26);
    tcp_end_give_as(&s->end, PEER_ADDRESS, bytes, header + g->payload, &g->as, s->now);
    tcp_output(s->end.layer, 0, s->now);
    tcp_end_check(&s->end);
}

void script_give_window(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload, uint16_t window)
{
    struct script_segment g = {.flags = flags, .seq = seq, .ack = ack, .payload = payload, .window = window};
    script_give_segment(s, &g);
}

void script_give_sack(struct script *s, uint32_t seq, uint32_t ack, uint32_t n, const uint32_t *blocks)
{
    struct script_segment g = {.flags = TCP_ACK, .seq = seq, .ack = ack, .window = 65535, .sacks = n};
    memcpy(g.sack, blocks, 2 * n * sizeof *blocks);
    script_give_segment(s, &g);
}

void script_sack(struct script *s, uint32_t ack, uint32_t left, uint32_t right)
{
    const uint32_t blocks[] = {left, right};
    script_give_sack(s, 1, ack, 1, blocks);
}

void script_give(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
    script_give_window(s, flags, seq, ack, payload, 65535);
}

const struct wire_segment *script_expect(struct script *s, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
    tcp_output(s->end.layer, 0, s->now);
    const struct wire_segment *w = tcp_end_take(&s->end);
    assert_non_null(w);
    if (flags & TCP_SYN)
        s->our_isn = w->h.seq;
    assert_int_equal(w->h.flags & ~TCP_PSH, flags);
    assert_int_equal(w->h.seq.v - s->our_isn.v, seq);
    if (flags & TCP_ACK)
        assert_int_equal(w->h.ack.v - PEER_ISN, ack);
    assert_int_equal(w->payload_len, payload);
    return w;
}

void script_expect_nothing(struct script *s)
{
    tcp_output(s->end.layer, 0, s->now);
    assert_null(tcp_end_take(&s->end));
}

unsigned script_drain(struct script *s)
{
    unsigned n = 0;
    tcp_output(s->end.layer, 0, s->now);
    while (tcp_end_take(&s->end))
        n++;
    return n;
}

void script_pass(struct script *s, int64_t ns)
{
    int64_t until = s->now + ns;
    for (;;) {
        int64_t next = tcp_next_deadline(s->end.layer);
        if (next > until)
            break;
        s->now = max_i64(next, s->now + 1);
        tcp_tick(s->end.layer, s->now, 1000);
        tcp_output(s->end.layer, 0, s->now);
        tcp_end_check(&s->end);
    }
    s->now = until;
    tcp_tick(s->end.layer, s->now, 1000);
    tcp_output(s->end.layer, 0, s->now);
}

int64_t script_wait(struct script *s)
{
    int64_t from = s->now;
    while (s->end.count == 0) {
        assert_true(tcp_next_deadline(s->end.layer) != TIME_NEVER);
        script_pass(s, max_i64(tcp_next_deadline(s->end.layer) - s->now, 1));
    }
    return s->now - from;
}

void script_to_syn_sent(struct script *s)
{
    struct flow_key key = tcp_end_key(&s->end, 0, PEER_ADDRESS, PEER_PORT);
    assert_int_equal(tcp_connect(s->end.layer, 0, &key, 0, s->now, &s->ref), 0);
    s->our_port = tcp_key(tcp_get(s->end.layer, s->ref))->local_port;
    tcp_output(s->end.layer, 0, s->now);
    const struct wire_segment *w = tcp_end_take(&s->end);
    assert_non_null(w);
    assert_int_equal(w->h.flags, TCP_SYN);
    s->our_isn = w->h.seq;
}

void script_to_syn_rcvd(struct script *s)
{
    script_give(s, TCP_SYN, 0, 0, 0);
    script_expect(s, TCP_SYN | TCP_ACK, 0, 1, 0);
    for (uint32_t i = 1; i <= s->end.layer->records.touched;
         i++) /* the user learns of it only when it is established */
        if (tcp_at(s->end.layer, i)->state == TCP_SYN_RCVD)
            s->ref = tcp_ref_of(s->end.layer, tcp_at(s->end.layer, i));
}

void script_to_established_after(struct script *s, int64_t rtt)
{
    script_to_syn_rcvd(s);
    script_pass(s, rtt);
    script_give(s, TCP_ACK, 1, 1, 0);
    script_expect_nothing(s);
    assert_true(s->connected);
    assert_int_equal(script_state(s), TCP_ESTABLISHED);
}

void script_to_established(struct script *s) { script_to_established_after(s, 0); }

void script_to_fin_wait_1(struct script *s)
{
    script_to_established(s);
    tcp_close(s->end.layer, script_connection(s), s->now);
    script_expect(s, TCP_FIN | TCP_ACK, 1, 1, 0);
    assert_int_equal(script_state(s), TCP_FIN_WAIT_1);
}

void script_to_fin_wait_2(struct script *s)
{
    script_to_fin_wait_1(s);
    script_give(s, TCP_ACK, 1, 2, 0);
    assert_int_equal(script_state(s), TCP_FIN_WAIT_2);
}

void script_to_close_wait(struct script *s)
{
    script_to_established(s);
    script_give(s, TCP_FIN | TCP_ACK, 1, 1, 0);
    script_expect(s, TCP_ACK, 1, 2, 0);
    assert_int_equal(script_state(s), TCP_CLOSE_WAIT);
}

void script_to_closing(struct script *s)
{
    script_to_fin_wait_1(s);
    script_give(s, TCP_FIN | TCP_ACK, 1, 1, 0);
    script_expect(s, TCP_ACK, 2, 2, 0);
    assert_int_equal(script_state(s), TCP_CLOSING);
}

void script_to_last_ack(struct script *s)
{
    script_to_close_wait(s);
    tcp_close(s->end.layer, script_connection(s), s->now);
    script_expect(s, TCP_FIN | TCP_ACK, 1, 2, 0);
    assert_int_equal(script_state(s), TCP_LAST_ACK);
}

void script_to_time_wait(struct script *s)
{
    script_to_fin_wait_2(s);
    script_give(s, TCP_FIN | TCP_ACK, 1, 2, 0);
    script_expect(s, TCP_ACK, 2, 2, 0);
    assert_true(s->closed);
    assert_int_equal(s->reason, TCP_CLOSE_NORMAL);
}

struct tcp *script_connection(struct script *s) { return tcp_get(s->end.layer, s->ref); }

void script_send(struct script *s, uint64_t bytes)
{
    assert_int_equal(tcp_send(s->end.layer, script_connection(s), bytes, s->now), 0);
}

void script_send_segments(struct script *s, unsigned n)
{
    script_send(s, n * MSS);
    assert_int_equal(script_drain(s), n);
}

enum tcp_state script_state(struct script *s)
{
    const struct tcp *c = script_connection(s);
    return c ? tcp_state_of(c) : TCP_CLOSED;
}

const struct tcp_counters *script_counters(const struct script *s) { return tcp_counters(s->end.layer); }

struct tcp_info script_info(struct script *s)
{
    struct tcp_info i;
    tcp_get_info(s->end.layer, script_connection(s), &i);
    return i;
}

struct tcp_occupancy script_occupancy(const struct script *s)
{
    struct tcp_occupancy o;
    tcp_get_occupancy(s->end.layer, &o);
    return o;
}
