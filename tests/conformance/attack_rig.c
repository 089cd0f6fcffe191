/* SPDX-License-Identifier: MIT */
/*
 * See attack_rig.h.
 */
#include "attack_rig.h"

#include <string.h>

#define ROUND_BYTES 100u

/* ---- the neighbour's user ---- */

static uint8_t pattern(uint64_t offset) { return (uint8_t)(offset * 7 + 3); }

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct healthy *n = context;
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], pattern(n->received + i));
    n->received += length;
    tcp_consumed(n->layer, c, length, now);
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void connected(void *context, struct tcp *c, int64_t now)
{
    struct healthy *n = context;
    (void)now;
    n->ref = tcp_ref_of(n->layer, c);
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct healthy *n = context;
    (void)c, (void)reason, (void)now;
    n->closed = true;
}

static const struct tcp_user healthy_user = {
    .connected = connected, .received = received, .pull = pull, .closed = closed};

/* ---- its peer ---- */

static void give(struct attack *h, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t payload)
{
    uint8_t bytes[WIRE_TCP_MIN + ROUND_BYTES];
    struct wire_tcp t = {.src_port = PEER_PORT,
                         .dst_port = HEALTHY_PORT,
                         .seq = seq_of(seq),
                         .ack = seq_add(h->healthy.our_isn, ack),
                         .flags = flags,
                         .window = 65535};
    assert_int_equal(wire_tcp_build(bytes, &t, NULL), WIRE_TCP_MIN);
    for (uint32_t i = 0; i < payload; i++)
        bytes[WIRE_TCP_MIN + i] = pattern(seq - 1 + i);
    tcp_end_give(&h->s.end, HEALTHY_ADDRESS, bytes, WIRE_TCP_MIN + payload, h->s.now);
    tcp_output(h->s.end.layer, 0, h->s.now);
}

/* The next segment that goes to the neighbour. */
static const struct wire_segment *take(struct attack *h)
{
    const struct wire_segment *w;
    tcp_output(h->s.end.layer, 0, h->s.now);
    do
        w = tcp_end_take(&h->s.end);
    while (w && w->h.src_port != HEALTHY_PORT);
    return w;
}

static void connect_healthy(struct attack *h)
{
    give(h, TCP_SYN, 0, 0, 0);
    const struct wire_segment *w = take(h);
    assert_non_null(w);
    h->healthy.our_isn = w->h.seq;
    give(h, TCP_ACK, 1, 1, 0);
    assert_non_null(tcp_get(h->s.end.layer, h->healthy.ref));
}

void attack_exchange(struct attack *h)
{
    struct healthy *n = &h->healthy;
    uint32_t at = 1 + n->rounds++ * ROUND_BYTES;
    struct tcp *c = tcp_get(h->s.end.layer, n->ref);
    assert_non_null(c);
    assert_int_equal(tcp_send(h->s.end.layer, c, ROUND_BYTES, h->s.now), 0);
    const struct wire_segment *w;
    while ((w = take(h)) != NULL && w->payload_len == 0)
        ;
    assert_non_null(w);
    assert_int_equal(w->payload_len, ROUND_BYTES);
    assert_int_equal(seq_len(n->our_isn, w->h.seq), at);
    for (uint32_t i = 0; i < ROUND_BYTES; i++)
        assert_int_equal(w->payload[i], pattern(at - 1 + i));
    give(h, TCP_ACK | TCP_PSH, at, at + ROUND_BYTES, ROUND_BYTES);
    assert_int_equal(n->received, n->rounds * ROUND_BYTES);
}

/* ---- the whole ---- */

static unsigned begun;     /* layers */
static uint64_t steps_max; /* since the last print */

void attack_begin(struct attack *h, const struct tcp_profile *p, const struct tcp_settings *settings)
{
    struct tcp_settings defaults;
    struct tcp_profile quick;
    script_settings(&defaults);
    defaults.max_time_wait = 64; /* thousands of layers are made */
    memset(&h->healthy, 0, sizeof h->healthy);
    script_begin_with(&h->s, p, settings ? settings : &defaults);
    h->healthy.layer = h->s.end.layer;
    h->s.end.measured = begun < 16 || begun % 64 == 0;
    begun++;
    tcp_profile_default(&quick);
    quick.quick_ack_bytes = TCP_QUICK_ACK_ALWAYS; /* so that nothing of it comes later */
    assert_int_equal(tcp_register_user(h->s.end.layer, &healthy_user, &h->healthy, &quick), 1);
    assert_int_equal(tcp_listen(h->s.end.layer, 1, TCP_ANY_LOCAL, HEALTHY_PORT), 0);
    connect_healthy(h);
    attack_exchange(h);
    script_drain(&h->s);
    attack_note(h);
}

void attack_end(struct attack *h)
{
    attack_exchange(h);
    assert_false(h->healthy.closed);
    tcp_abort(h->s.end.layer, tcp_get(h->s.end.layer, h->healthy.ref), h->s.now);
    if (h->s.end.steps_max > ATTACK_MAX_STEPS)
        print_message("%llu instructions\n", (unsigned long long)h->s.end.steps_max);
    assert_true(h->s.end.steps_max <= ATTACK_MAX_STEPS);
    steps_max = max_u64(steps_max, h->s.end.steps_max);
    script_end(&h->s);
}

void attack_note(struct attack *h) { h->before = *script_counters(&h->s); }

static uint64_t value(const struct tcp_counters *c, size_t counter)
{
    uint64_t v;
    memcpy(&v, (const uint8_t *)c + counter, sizeof v);
    return v;
}

uint64_t attack_risen(const struct attack *h, size_t counter)
{
    return value(script_counters(&h->s), counter) - value(&h->before, counter);
}

uint64_t attack_drops(const struct attack *h)
{
    uint64_t sum = attack_risen(h, ATTACK_COUNTER(syncookies_failed));
#define ADD(name)                                                                                                      \
    if (strncmp(#name, "drop_", 5) == 0)                                                                               \
        sum += attack_risen(h, ATTACK_COUNTER(name));
    TCP_COUNTER_LIST(ADD)
#undef ADD
    return sum;
}

void attack_expect_drops(const struct attack *h, size_t counter, uint64_t n)
{
    assert_int_equal(attack_risen(h, counter), n);
    assert_int_equal(attack_drops(h), n);
}

void attack_print(const char *id, uint64_t cases)
{
    print_message("%s: %llu cases, at most %llu instructions a segment\n", id, (unsigned long long)cases,
                  (unsigned long long)steps_max);
    steps_max = 0;
    begun = 0;
}
