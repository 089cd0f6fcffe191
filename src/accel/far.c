/* SPDX-License-Identifier: MIT */
/*
 * The far box of a pair: before the servers, with a near box of the same key beyond the network. It knows the number that
 * the near box answered the client with, so that early data need not wait for it:
 *
 *     near box                far box             server
 *        |--- SYN, mark -------->|------ SYN -------->|      the mark is struck out
 *        |--- early data, mark ->| waits              |      in the numbers of the pair
 *        |                       |<----- SYN-ACK -----|      the shift is known
 *        |<-- SYN-ACK, mark -----|--- ACK, data ----->|      in the numbers of the pair, and of the server
 *        |<====================->|<= translated =====>|
 *
 * It promises nobody anything, and what is lost the near box or the client sends again. But for the server's SYN-ACK: a
 * server that has the early data does not send it again, so the far box does when the SYN comes again.
 *
 * What the server measures is its own handshake, of microseconds: until it has measured data it may send the end of its
 * first answer again as a loss probe (RFC 8985), and where the round trip is longer than its least timeout, by that. So a
 * near box that is far away asks by its mark that the server gets the SYN twice. A SYN-ACK that was asked for twice is sent
 * twice, and what was sent twice is no measurement (RFC 6298 3). The second SYN-ACK ends here, and early data echoes no
 * timestamp that would be one instead.
 *
 * What it does not know passes as it is, so that without a near box it is a bridge. A SYN whose mark is not right, and
 * each one while the table is full, passes with its mark: the near box sees that nobody confirms it.
 */
#include "accel/internal.h"

#define TWIN_MS 500u

static bool is_syn(const struct accel_arrival *v)
{
    return (v->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

struct request {
    struct accel_pairing pairing;
    uint32_t epoch;
    bool twice;
};

/* The epochs that a near box may have taken: this one, the previous, and the next where its clock is ahead of ours. */
static bool recognise(struct accel *a, const struct accel_arrival *v, struct request *out)
{
    const uint32_t ours = accel_epoch(a, v->now), epochs[] = {ours, ours - 1, ours + 1};
    uint32_t mark;
    if (!accel_mark_find(&v->segment, &mark))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(epochs); i++) {
        out->epoch = epochs[i];
        accel_pairing_of(&a->settings.pair_key, &v->key, v->tcp.seq, out->epoch, &out->pairing);
        out->twice = mark == out->pairing.syn_twice_mark;
        if (out->twice || mark == out->pairing.syn_mark)
            return true;
    }
    ACCEL_COUNT(a, far_bad_mark);
    return false;
}

/* ---- from the near box ---- */

static struct accel_flow *add_flow(struct accel *a, const struct accel_arrival *v, const struct request *request)
{
    const uint32_t opening = pool_get(&a->openings);
    const uint32_t i = opening == POOL_NONE ? POOL_NONE : accel_flow_add(&a->flows, &v->key);
    if (i == POOL_NONE) {
        if (opening != POOL_NONE)
            pool_put(&a->openings, opening);
        ACCEL_COUNT(a, bypass_full);
        return NULL;
    }
    struct accel_flow *f = accel_flow_at(&a->flows, i);
    *(struct accel_opening *)pool_at(&a->openings, opening) =
        (struct accel_opening){.flow = i, .began = v->now, .epoch = request->epoch};
    f->opening = opening;
    f->client_isn = v->tcp.seq;
    f->client_end = seq_add(v->tcp.seq, 1);
    f->our_isn = request->pairing.isn;
    f->client_mss = UINT16_MAX; /* the near box sees to it */
    ACCEL_COUNT(a, far_flows);
    accel_flow_state_set(a, f, ACCEL_OPENING, v->now);
    return f;
}

/* The server's SYN-ACK once more, in the numbers of the pair. */
static void answer_again(struct accel *a, const struct accel_flow *f, const struct accel_arrival *v, uint32_t mark)
{
    const uint32_t opening = pool_get(&a->openings);
    if (opening == POOL_NONE)
        return;
    struct accel_flow as = *f; /* with an opening, for how frames begin */
    struct wire_tcp_options of_syn, o = {.present = (uint16_t)(f->said.present | TCP_OPT_MSS),
                                         .mss = f->said.mss,
                                         .wscale = f->said.wscale,
                                         .ts_val = f->server_ts};
    accel_options_of(v, &of_syn);
    o.ts_ecr = of_syn.ts_val;
    as.opening = opening;
    accel_remember_frame(accel_opening_of(a, &as), v);
    const struct accel_own own = {.to = ACCEL_CLIENTS,
                                  .seq = f->our_isn,
                                  .ack = seq_add(f->client_isn, 1),
                                  .flags = TCP_SYN | TCP_ACK,
                                  .window = f->syn_ack_window,
                                  .options = &o,
                                  .mark = &mark};
    accel_send_own(a, &as, &own, v->now);
    pool_put(&a->openings, opening);
    ACCEL_COUNT(a, syn_answered_again);
}

/* The SYN, without its mark, once more: it leaves before the one that came. */
static void send_twin(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (o->syn_tries || !accel_arrival_of(v->segment.packet, ACCEL_CLIENTS, v->now, v))
        return;
    accel_remember_frame(o, v);
    accel_send_syn(a, f, v->now);
    ACCEL_COUNT(a, far_syn_twice);
}

/* What the server sends again of itself, it does not send so soon (RFC 6298 2.1). */
static bool answers_twin(const struct accel_flow *f, const struct accel_arrival *v)
{
    const uint16_t syn_ack = TCP_SYN | TCP_ACK;
    const uint32_t age_ms = (uint32_t)(v->now / NS_PER_MS) - f->began_ms;
    return (v->tcp.flags & syn_ack) == syn_ack && age_ms < TWIN_MS;
}

/* One of an old connection gives way to a new one: RFC 9293 3.6.1, RFC 6191. */
static enum accel_verdict from_near_syn(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct request request;
    if (!recognise(a, v, &request))
        return ACCEL_PASS;
    if (!accel_checksum_ok(a, v))
        return ACCEL_DROP;
    if (f && f->state != ACCEL_OPEN && !seq_eq(f->client_isn, v->tcp.seq)) {
        accel_flow_end(a, f);
        f = NULL;
    }
    if (f && f->state == ACCEL_OPEN && seq_eq(f->client_isn, v->tcp.seq)) {
        answer_again(a, f, v, request.pairing.syn_ack_mark);
        return ACCEL_DROP;
    }
    if (!f)
        f = add_flow(a, v, &request);
    if (!f)
        return ACCEL_PASS;
    accel_mark_remove(&v->segment);
    if (request.twice && f->state == ACCEL_OPENING)
        send_twin(a, f, v);
    return ACCEL_PASS;
}

/* Of an older connection it has the number that the server wants to hear: it is no business of this one. */
static bool is_of_older(const struct accel_flow *f, struct seq reset)
{
    return seq_lt(reset, f->client_isn) || seq_gt(reset, seq_add(f->client_isn, 1 + ACCEL_EARLY_BYTES));
}

/* A segment waits for the server's answer. The client's RST does not: the server understands it. */
static enum accel_verdict wait_for_server(struct accel *a, struct accel_flow *f, const struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    if (v->tcp.flags & TCP_RST) {
        if (is_of_older(f, v->tcp.seq))
            return ACCEL_PASS;
        accel_opening_end(a, f);
        accel_flow_state_set(a, f, ACCEL_RESET, v->now);
        return ACCEL_PASS;
    }
    if (o->waiting_count == ACCEL_WAITING) {
        ACCEL_COUNT(a, drop_no_buffer);
        return ACCEL_DROP;
    }
    o->waiting[o->waiting_count++] = v->segment.packet;
    ACCEL_COUNT(a, far_held);
    return ACCEL_KEPT;
}

/*
 * Early data has the mark as well. What overtook its SYN must not reach the server, whose reset would come back, perhaps
 * behind its SYN-ACK: the near box sends it again.
 */
static bool take_mark(struct accel *a, const struct accel_flow *f, struct accel_arrival *v)
{
    uint32_t mark;
    if (!accel_mark_find(&v->segment, &mark))
        return true;
    if (!f) {
        ACCEL_COUNT(a, far_early);
        return false;
    }
    accel_mark_remove(&v->segment);
    return accel_arrival_of(v->segment.packet, ACCEL_CLIENTS, v->now, v);
}

enum accel_verdict accel_far_from_client(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (is_syn(v))
        return from_near_syn(a, f, v);
    if (!take_mark(a, f, v))
        return ACCEL_DROP;
    if (!f)
        return ACCEL_PASS;
    if (f->state == ACCEL_OPENING)
        return wait_for_server(a, f, v);
    return accel_open_from_client(a, f, v) ? ACCEL_PASS : ACCEL_DROP;
}

/* ---- from the server ---- */

/* The near box cannot know what the server's SYN-ACK has to be echoed as. */
static void release(struct accel *a, struct accel_flow *f, struct accel_opening *o, uint32_t server_ts, int64_t now)
{
    struct packet *out[ACCEL_WAITING];
    unsigned n = 0;
    for (uint32_t i = 0; i < o->waiting_count; i++) {
        struct accel_arrival v;
        struct packet *p = o->waiting[i];
        if (accel_arrival_of(p, ACCEL_CLIENTS, now, &v)) {
            accel_set_echo(&v.segment, server_ts);
            if (accel_open_from_client(a, f, &v)) {
                accel_watch_settles(a, ACCEL_FATE_RELEASED, ACCEL_SERVERS, p, now);
                out[n++] = p;
                continue;
            }
        }
        accel_watch_settles(a, ACCEL_FATE_DROPPED, ACCEL_SERVERS, p, now);
        packet_release(p);
    }
    o->waiting_count = 0;
    if (n)
        link_tx_burst(a->links[ACCEL_SERVERS], out, n, now);
}

/* Tells the near box that this is the far box's answer; without room for that it takes it for the server's own. */
static void confirm(const struct accel *a, const struct accel_flow *f, struct accel_arrival *v, uint32_t epoch)
{
    struct accel_pairing pairing;
    accel_pairing_of(&a->settings.pair_key, &f->key, f->client_isn, epoch, &pairing);
    (void)!accel_mark_insert(&v->segment, pairing.syn_ack_mark);
}

static enum accel_verdict answered(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    struct accel_opening *o = accel_opening_of(a, f);
    struct wire_tcp_options options;
    accel_options_of(v, &options);
    f->said = f->told = accel_promise_in(&options, v->segment.headers.v6);
    f->shift.sequence = v->tcp.seq.v - f->our_isn.v;
    f->server_end = seq_add(v->tcp.seq, 1);
    f->syn_ack_window = v->tcp.window;
    f->server_ts = options.present & TCP_OPT_TIMESTAMPS ? options.ts_val : 0;
    accel_translate(accel_segment_tcp(&v->segment), v->tcp.header_len, ACCEL_TO_CLIENT, &f->shift,
                    v->segment.packet->checksum == PACKET_CHECKSUM_PARTIAL ? ACCEL_CHECKSUM_PARTIAL
                                                                           : ACCEL_CHECKSUM_WHOLE);
    confirm(a, f, v, o->epoch);
    f->opening = POOL_NONE;
    ACCEL_COUNT(a, flows_translated);
    accel_flow_state_set(a, f, ACCEL_OPEN, v->now);
    const bool twice = o->syn_tries;
    release(a, f, o, twice ? 0 : f->server_ts, v->now);
    pool_put(&a->openings, pool_index(&a->openings, o));
    return ACCEL_PASS;
}

static enum accel_verdict opening_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!(v->tcp.flags & TCP_ACK) || !seq_eq(v->tcp.ack, seq_add(f->client_isn, 1)))
        return ACCEL_PASS; /* about an older connection: the client's answer to it is right */
    if (!accel_checksum_ok(a, v))
        return ACCEL_DROP;
    if (v->tcp.flags & TCP_RST) {
        ACCEL_COUNT(a, server_refused);
        accel_opening_end(a, f);
        accel_flow_state_set(a, f, ACCEL_RESET, v->now);
        return ACCEL_PASS;
    }
    return v->tcp.flags & TCP_SYN ? answered(a, f, v) : ACCEL_PASS;
}

enum accel_verdict accel_far_from_server(struct accel *a, struct accel_flow *f, struct accel_arrival *v)
{
    if (!f)
        return ACCEL_PASS;
    if (f->state == ACCEL_OPENING)
        return opening_from_server(a, f, v);
    if (answers_twin(f, v)) {
        ACCEL_COUNT(a, far_answered_twice);
        return ACCEL_DROP;
    }
    const bool on = accel_open_from_server(a, f, v);
    if (on && v->tcp.flags & TCP_SYN)
        confirm(a, f, v, accel_epoch(a, v->now)); /* its SYN-ACK again */
    return on ? ACCEL_PASS : ACCEL_DROP;
}

void accel_far_drop_waiting(struct accel_opening *o)
{
    packet_release_burst(o->waiting, o->waiting_count);
    o->waiting_count = 0;
}
