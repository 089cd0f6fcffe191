/* SPDX-License-Identifier: MIT */
/*
 * Deciding to send: RFC 9293 3.8.6 and 3.8.6.2.1 (window, sender silly-window avoidance), 3.7.4 (Nagle), RFC 5681 and
 * RFC 6675 (what congestion control lets out).
 *
 * Marked connections of a link stand in a FIFO; each sends at most one quantum a turn. Pure: everything a segment needs
 * is decided here, segment.c writes it. A decision is made before the frame is asked for and carried out only when
 * there is one.
 *
 * On a path that cuts segments itself, new data goes out in large frames: see large_limit() for how large. What is sent
 * again goes segment by segment.
 */
#include "tcp/layer.h"
#include "tcp/pacing.h"
#include "tcp/plpmtud.h"
#include "tcp/rack.h"
#include "tcp/receive.h"
#include "tcp/recovery.h"
#include "tcp/segment.h"
#include "tcp/timers.h"
#include "tcp/undo.h"

#define QUANTUM 16         /* segments */
#define LARGEST_HEADER 60u /* of TCP, with all options */
#define PUSHED_WINDOW 16u  /* segments: of a larger window a delayed ACK holds up little */
#define PROBE_FOLLOWERS 3u /* segments behind an MTU probe, so that duplicate ACKs tell of its loss */

enum output_kind {
    OUTPUT_NOTHING,
    OUTPUT_RESET,
    OUTPUT_SYN,
    OUTPUT_ACK,
    OUTPUT_AGAIN,
    OUTPUT_NEW,
    OUTPUT_PROBE,
    OUTPUT_KEEPALIVE
};

struct output_choice {
    enum output_kind kind;
    struct segment_spec spec;
    struct sent_record *record; /* OUTPUT_AGAIN */
    bool probe;                 /* a tail loss probe */
    bool small;                 /* OUTPUT_NEW: it ends with less than a full segment */
    bool rescue;                /* RFC 6675 NextSeg() rule 4 */
};

/* Promised bytes that were never sent. */
static uint64_t unsent(const struct tcp *c, const struct tcp_work *w)
{
    if (c->flags & TCPF_FIN_SENT)
        return 0;
    return w->promised - c->acked - seq_len(c->snd_una, c->snd_nxt);
}

static bool fin_pending(const struct tcp *c) { return (c->flags & (TCPF_CLOSE | TCPF_FIN_SENT)) == TCPF_CLOSE; }

static uint64_t offset_of(const struct tcp *c, struct seq s) { return c->acked + seq_len(c->snd_una, s); }

static inline bool pushes_pairs(const struct tcp_layer *t, const struct tcp *c)
{
    return t->any_pairs && tcp_profile_of(t, c)->push == TCP_PUSH_PAIRS;
}

/* What its user pushed is pushed again; and a pair whose halves go again at once is one again. */
static bool pushed_again(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w,
                         const struct sent_record *r, int64_t now)
{
    if (!pushes_pairs(t, c) || r->pushed)
        return true;
    if (!r->pair || w->newest == SENT_NONE)
        return false;
    const struct sent_record *half = sent_at(t, w, w->newest);
    return seq_eq(half->end, r->start) && !half->pair && half->transmissions > 1 && half->sent_at >= now;
}

static bool choose_again(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, struct sent_record *r,
                         struct output_choice *o, int64_t now)
{
    uint32_t n = sent_bytes(r), limit = segment_payload_limit(c, w);
    bool ends_stream = (c->flags & TCPF_FIN_SENT) && seq_eq(r->end, c->snd_nxt);
    uint32_t payload = ends_stream ? n - 1 : n;
    bool fin = ends_stream && payload <= limit; /* a record that could not be split may be longer than a segment */
    o->kind = OUTPUT_AGAIN;
    o->record = r;
    o->spec.seq = r->start;
    o->spec.offset = offset_of(c, r->start);
    o->spec.payload = min_u32(payload, limit);
    bool push = payload > 0 && pushed_again(t, c, w, r, now);
    o->spec.flags = (uint16_t)((fin ? TCP_FIN : 0) | (push ? TCP_PSH : 0));
    return true;
}

/* May a lost segment go again? The first of a recovery goes whatever cwnd says: RFC 6675 section 5 (4.3). */
static bool may_send_again(struct tcp *c, struct tcp_work *w, const struct sent_record *r)
{
    uint32_t in_flight = sent_in_flight(c, w);
    if (w->retransmit_first || in_flight == 0 || in_flight + sent_bytes(r) <= c->cwnd)
        return true;
    w->cwnd_limited = true;
    return false;
}

static bool choose_hole(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct output_choice *o, int64_t now)
{
    if (likely(w->recovery != RECOVERY_FAST))
        return false;
    struct sent_record *r = recovery_next_hole(t, c, w);
    if (!r) {
        r = recovery_rescue(t, c, w);
        o->rescue = r != NULL;
    }
    return r && sent_in_flight(c, w) + sent_bytes(r) <= c->cwnd && choose_again(t, c, w, r, o, now);
}

/*
 * RFC 9293 3.7.4, in Minshall's form as Linux has it: less than a full segment waits while another such one is in
 * flight, here with what was sent behind it. The odd end of what was written at once goes with it, and does not wait
 * for a delayed ACK.
 */
static bool nagle_holds(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w)
{
    return tcp_profile_of(t, c)->nagle && !(c->flags & TCPF_CLOSE) && w->small && !seq_eq(c->snd_una, c->snd_nxt);
}

/* May `length` of `available` unsent bytes go, seen from Nagle and silly-window avoidance? */
static bool worth_sending(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w, uint32_t length,
                          uint64_t available, uint32_t full)
{
    if (length == full)
        return true;
    if (length == available)
        return !nagle_holds(t, c, w);
    /*
     * RFC 9293 3.8.6.2.1 (3); who never offers a window of min_mss gets its bytes when the override timer says so, as
     * with an MSS below it
     */
    return length >= max_u32(c->max_snd_wnd / 2, tcp_profile_of(t, c)->min_mss);
}

/* Bytes that congestion control lets out now. */
static uint32_t cwnd_room(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w)
{
    uint32_t in_flight = sent_in_flight(c, w);
    uint32_t cwnd = c->cwnd;
    if (unlikely(w->dup_acks > 0) && w->recovery == RECOVERY_OPEN && !(c->flags & TCPF_SACK))
        cwnd += min_u32(w->dup_acks, 2) * c->snd_mss; /* RFC 3042; with SACK in_flight says it */
    uint32_t limit = min_u32(cwnd, tcp_profile_of(t, c)->max_in_flight);
    return limit > in_flight ? limit - in_flight : 0;
}

static bool cwnd_allows(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, uint32_t length)
{
    if (sent_in_flight(c, w) == 0 || length <= cwnd_room(t, c, w))
        return true;
    w->cwnd_limited = true;
    return false;
}

/*
 * What may go to the link at once when it cuts segments itself: whole segments, as many as a frame takes, but no more
 * than half of cwnd. With two frames in flight at least, the ACKs of one let the next go while the other is still on
 * its way: ACK clocking goes on however large they are.
 */
static uint32_t large_limit(const struct tcp_layer *t, const struct tcp *c, uint32_t full)
{
    uint32_t headers = (ip_addr_is_v4(&c->key.remote) ? 20u : 40u) + LARGEST_HEADER;
    uint32_t gso_max = t->gso_max[c->link];
    if (gso_max < headers + 2 * full)
        return full;
    uint32_t limit = min_u32(min_u32(gso_max - headers, c->cwnd / 2), pacing_quantum(t, c));
    return max_u32(limit - limit % full, full);
}

/*
 * A full segment may go: makes a large frame of it when there is more of which `room` bytes may go. A probe is one
 * segment; and one urgent pointer does not fit many segments.
 */
static void enlarge(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w, uint32_t full,
                    uint32_t room, uint64_t available, struct output_choice *o)
{
    if (o->probe || w->urgent_sent > o->spec.offset)
        return;
    uint32_t length = min_u32(large_limit(t, c, full), room);
    if (length >= available) {
        length = (uint32_t)available;
        uint32_t tail = length % full;
        if (tail && nagle_holds(t, c, w))
            length -= tail;
    } else {
        length -= length % full;
    }
    if (length <= full)
        return;
    o->spec.payload = length;
    o->spec.gso_size = (uint16_t)full;
}

/*
 * Is a segment the last that cwnd lets out, `next` with the one behind it? Where the window is small, PSH says so to
 * the receiver, as RFC 9293 3.9.1.2 leaves us free to: Linux's then does not keep back the ACK that we wait for.
 */
static inline bool is_last_of_window(const struct tcp *c, const struct tcp_work *w, uint32_t next)
{
    return c->cwnd <= PUSHED_WINDOW * c->snd_mss && sent_in_flight(c, w) + next > c->cwnd;
}

/* PSH although there is more to send. */
static inline bool pushed_early(const struct tcp_layer *t, const struct tcp *c, struct tcp_work *w,
                                const struct output_choice *o, uint32_t full, int64_t now)
{
    if (unlikely(pushes_pairs(t, c)))
        return !sent_empty(w) && sent_joins(t, w, now);
    return is_last_of_window(c, w, o->spec.payload + full);
}

static ALWAYS_INLINE bool choose_new(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct output_choice *o,
                                     int64_t now)
{
    uint64_t available = unsent(c, w);
    bool fin = fin_pending(c);
    if (available == 0 && !fin)
        return false;
    uint32_t flight = seq_len(c->snd_una, c->snd_nxt);
    uint32_t window = c->snd_wnd > flight ? c->snd_wnd - flight : 0;
    uint32_t full = segment_payload_limit(c, w);
    uint32_t length = (uint32_t)min_u64(available, min_u32(full, window));
    if (available > 0 && (length == 0 || !worth_sending(t, c, w, length, available, full)))
        return false;
    if (!o->probe && !cwnd_allows(t, c, w, length))
        return false;
    o->kind = OUTPUT_NEW;
    o->spec.seq = c->snd_nxt;
    o->spec.offset = offset_of(c, c->snd_nxt);
    o->spec.payload = length;
    o->spec.fresh = true;
    if (length == full && length < available)
        enlarge(t, c, w, full, min_u32(window, cwnd_room(t, c, w)), available, o);
    o->small = o->spec.payload % full != 0;
    bool all = o->spec.payload == available;
    bool push = all ? available > 0 && !w->more : pushed_early(t, c, w, o, full, now);
    o->spec.flags = (uint16_t)((push ? TCP_PSH : 0) | (fin && all ? TCP_FIN : 0));
    return true;
}

/* RFC 4821 7.4: new data in one larger segment, when there is enough of it, of window and of cwnd. */
static bool choose_mtu_probe(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct output_choice *o)
{
    uint32_t size = likely(!w->mtu_search) ? 0 : plpmtud_probe_size(t, c, w);
    if (size == 0)
        return false;
    uint32_t flight = seq_len(c->snd_una, c->snd_nxt), needed = size + PROBE_FOLLOWERS * c->snd_mss;
    if (unsent(c, w) < needed || c->snd_wnd < flight + needed || c->cwnd < needed ||
        sent_in_flight(c, w) + size > c->cwnd)
        return false;
    o->kind = OUTPUT_NEW;
    o->small = false;
    o->spec.seq = c->snd_nxt;
    o->spec.offset = offset_of(c, c->snd_nxt);
    o->spec.payload = size;
    o->spec.flags = 0;
    o->spec.mtu_probe = o->spec.fresh = true;
    return true;
}

/*
 * RFC 9293 3.8.6.1: one byte beyond the shut window; it counts as sent only when the peer takes it. When the window is
 * only too small to be worth it, what it takes: 3.8.6.2.1 (4).
 */
static bool choose_probe(struct tcp *c, struct tcp_work *w, struct output_choice *o)
{
    if (!(w->want & WANT_PROBE))
        return false;
    if (!w->persist || unsent(c, w) == 0) {
        w->want &= (uint8_t)~WANT_PROBE;
        return false;
    }
    const uint32_t full = segment_payload_limit(c, w), takes = min_u32(c->snd_wnd, full);
    o->kind = takes > 0 ? OUTPUT_NEW : OUTPUT_PROBE;
    o->spec.seq = c->snd_nxt;
    o->spec.offset = offset_of(c, c->snd_nxt);
    o->spec.payload = takes > 0 ? (uint32_t)min_u64(unsent(c, w), takes) : 1;
    o->small = o->spec.payload < full;
    o->spec.fresh = takes > 0;
    o->spec.flags = 0;
    return true;
}

static bool choose_ack(struct tcp *c, struct tcp_work *w, struct output_choice *o)
{
    if (w->want & WANT_KEEPALIVE)
        o->kind = OUTPUT_KEEPALIVE;
    else if (w->acks_owed > 0 || (w->want & WANT_ACK))
        o->kind = OUTPUT_ACK;
    else
        return false;
    /* Keep-alive: a sequence number below the window makes the peer answer (RFC 9293 3.8.4). */
    o->spec.seq = o->kind == OUTPUT_KEEPALIVE ? seq_sub(c->snd_nxt, 1) : c->snd_nxt;
    o->spec.payload = 0;
    o->spec.flags = 0;
    return true;
}

/*
 * New data shall find out what is lost: F-RTO, and tail loss probes (RFC 8985 7.3), whatever cwnd says; or the last
 * segment again.
 */
static NOINLINE bool choose_to_find_out(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct output_choice *o,
                                        int64_t now)
{
    struct sent_record *r;
    o->probe = (w->want & WANT_LOSS_PROBE) != 0;
    if (choose_new(t, c, w, o, now) ||
        (o->probe && (r = rack_probe_record(t, c, w)) && choose_again(t, c, w, r, o, now)))
        return true;
    w->want &= (uint8_t)~WANT_LOSS_PROBE;
    o->probe = false;
    return false;
}

/* What is lost goes before what is new. */
static bool choose_data(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct output_choice *o, int64_t now)
{
    w->paced = pacing_holds(w, now) && !w->retransmit_first;
    w->cwnd_limited = w->paced; /* whose rate is cwnd's */
    if (unlikely((w->want & WANT_LOSS_PROBE) || w->frto_new) && choose_to_find_out(t, c, w, o, now))
        return true;
    if (w->paced)
        return false;
    struct sent_record *lost = recovery_next_lost(t, c, w);
    if (lost)
        return may_send_again(c, w, lost) && choose_again(t, c, w, lost, o, now);
    return choose_mtu_probe(t, c, w, o) || choose_new(t, c, w, o, now) || choose_hole(t, c, w, o, now) ||
           choose_probe(c, w, o);
}

/* A peer believes an RST only at its RCV.NXT (RFC 5961 3.2): SND.NXT (RFC 9293 3.10.5), unless what is in flight timed out. */
static struct seq reset_seq(const struct tcp *c)
{
    return c->backoff > 0 && (c->flags & TCPF_CONNECTED) ? c->snd_una : c->snd_nxt;
}

static void choose(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct output_choice *o, int64_t now)
{
    o->kind = OUTPUT_NOTHING;
    o->probe = o->rescue = false;
    o->spec.gso_size = 0;
    o->spec.mtu_probe = false;
    o->spec.fresh = false;
    if (unlikely(w->want & WANT_RST)) {
        o->kind = OUTPUT_RESET;
        o->spec = (struct segment_spec){.flags = TCP_RST, .seq = reset_seq(c)};
        return;
    }
    if (unlikely(state_embryonic(c->state))) {
        if (w->want & WANT_SYN)
            o->kind = OUTPUT_SYN;
        else if (c->state == TCP_SYN_RCVD)
            (void)choose_ack(c, w, o);
        return;
    }
    if (w->acks_owed > 0 && choose_ack(c, w, o))
        return;
    if (!state_sends(c->state) || !choose_data(t, c, w, o, now))
        (void)choose_ack(c, w, o);
}

static void send_new(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *f,
                     const struct output_choice *o, int64_t now)
{
    const struct segment_spec *s = &o->spec;
    bool fin = (s->flags & TCP_FIN) != 0;
    segment_send(t, c, w, f, s, now);
    struct seq end = seq_add(s->seq, s->payload + (fin ? 1 : 0));
    sent_append(t, w, s->seq, end, now);
    if (unlikely(s->mtu_probe))
        plpmtud_probe_sent(t, w, s->seq, s->payload);
    w->small = o->small || (w->small && !seq_eq(c->snd_una, c->snd_nxt));
    c->snd_nxt = end;
    w->prr_out += s->payload;
    pacing_sent(t, c, w, s->offset, s->payload, now);
    if (unlikely(pushes_pairs(t, c)) && (s->flags & TCP_PSH))
        sent_note_push(t, c, w);
    if (w->persist)
        w->retries = w->probe_backoff = 0; /* those of the probes */
    w->persist = false;
    w->probed = false;
    w->want &= (uint8_t)~WANT_PROBE;
    if (fin) {
        c->flags |= TCPF_FIN_SENT;
        tcp_set_state(t, c, c->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1, now, "FIN sent");
    }
    timers_sent(t, c, w, now);
    if (unlikely(o->probe)) {
        rack_probe_sent(t, c, w, false);
        timers_probe_sent(t, c, w, now);
    }
}

/* The segment of a tail loss probe is no retransmission of something lost. */
static void sent_probe_again(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct sent_record *r, int64_t now)
{
    sent_probed(t, w, r, now);
    rack_probe_sent(t, c, w, true);
    timers_probe_sent(t, c, w, now);
}

static void send_again(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *f,
                       const struct output_choice *o, int64_t now)
{
    t->counters.retransmitted_segments++;
    t->counters.retransmitted_bytes += o->spec.payload;
    if (c->retransmits < UINT16_MAX)
        c->retransmits++;
    segment_send(t, c, w, f, &o->spec, now);
    if (o->probe) {
        sent_probe_again(t, c, w, o->record, now);
        return;
    }
    w->retransmit_first = false;
    w->prr_out += o->spec.payload;
    pacing_sent(t, c, w, o->spec.offset, o->spec.payload, now);
    undo_sent_again(t, w, o->spec.payload, now);
    if (o->rescue) {
        w->rescued = true;
        t->counters.rescue_retransmits++;
    }
    bool first = o->record == &w->first;
    sent_again(t, w, o->record, now);
    if (first && w->recovery == RECOVERY_FAST)
        timers_first_sent_again(t, c, w, now);
    else
        timers_sent(t, c, w, now);
}

static void send_syn(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *f, int64_t now)
{
    segment_send_syn(t, c, w, f, now);
    if (w->retries > 0 || w->dup_acks > 0)
        t->counters.retransmitted_segments++;
    w->want &= (uint8_t)~WANT_SYN;
    c->snd_nxt = seq_add(c->snd_una, 1);
    timers_sent(t, c, w, now);
}

static void carry_out(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct tcp_frame *f,
                      const struct output_choice *o, int64_t now)
{
    switch (o->kind) {
    case OUTPUT_NEW:
        send_new(t, c, w, f, o, now);
        break;
    case OUTPUT_AGAIN:
        send_again(t, c, w, f, o, now);
        break;
    case OUTPUT_SYN:
        send_syn(t, c, w, f, now);
        break;
    case OUTPUT_RESET:
        t->counters.resets_sent++;
        segment_send(t, c, w, f, &o->spec, now);
        w->want = 0;
        break;
    case OUTPUT_PROBE:
        t->counters.zero_window_probes++;
        segment_send(t, c, w, f, &o->spec, now);
        w->want &= (uint8_t)~WANT_PROBE;
        w->probed = true;
        break;
    case OUTPUT_KEEPALIVE:
        t->counters.keepalive_probes++;
        w->want &= (uint8_t)~WANT_KEEPALIVE;
        segment_send(t, c, w, f, &o->spec, now);
        break;
    default:
        if (w->acks_owed > 0)
            w->acks_owed--;
        segment_send(t, c, w, f, &o->spec, now);
        break;
    }
}

/* Nothing more can go now: see to it that somebody wakes the connection. */
static void settle(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool sent_new, int64_t now)
{
    if (sent_new)
        timers_probe(t, c, w, now);
    if (w->want & WANT_DELAYED_ACK)
        timers_ack_delayed(t, c, w, now);
    if (unlikely(w->paced))
        timers_paced(t, c, w);
    else if (state_sends(c->state) && seq_eq(c->snd_una, c->snd_nxt) && unsent(c, w) > 0)
        timers_window_shut(t, c, w, now);
}

enum output_result { OUTPUT_DONE, OUTPUT_MORE, OUTPUT_BLOCKED, OUTPUT_WAITS };

static enum tcp_frame_result open_frame(struct tcp_layer *t, const struct tcp *c, enum link_alloc kind,
                                        struct tcp_frame *f)
{
    f->frags = NULL;
    return t->lower->frame_open(t->lower_context, &c->key, c->path, kind, f);
}

/* A frame for what was chosen; where there is no large one, for its first segment. */
static enum tcp_frame_result open_for(struct tcp_layer *t, const struct tcp *c, struct output_choice *o,
                                      struct tcp_frame *f)
{
    if (o->kind != OUTPUT_NEW && o->kind != OUTPUT_AGAIN)
        return open_frame(t, c, LINK_ALLOC_CONTROL, f);
    if (o->spec.gso_size > 0) {
        enum tcp_frame_result r = open_frame(t, c, LINK_ALLOC_LARGE, f);
        if (r != TCP_FRAME_NO_ROOM)
            return r;
        o->spec.payload = o->spec.gso_size;
        o->spec.gso_size = 0;
        o->spec.flags = 0;
    }
    return open_frame(t, c, LINK_ALLOC_DATA, f);
}

static enum output_result output_connection(struct tcp_layer *t, struct tcp *c, struct tcp_work *w,
                                            struct tcp_list **waiters, unsigned *sent, int64_t now)
{
    bool sent_new = false;
    for (unsigned n = 0, segments; n < QUANTUM; n += segments) {
        struct output_choice o;
        struct tcp_frame frame;
        choose(t, c, w, &o, now);
        if (o.kind == OUTPUT_NOTHING) {
            settle(t, c, w, sent_new, now);
            return OUTPUT_DONE;
        }
        switch (open_for(t, c, &o, &frame)) {
        case TCP_FRAME_OK:
            break;
        case TCP_FRAME_NO_ROOM:
            return OUTPUT_BLOCKED;
        default:
            *waiters = frame.waiters;
            return OUTPUT_WAITS;
        }
        segments = o.spec.gso_size ? segment_count(o.spec.payload, o.spec.gso_size) : 1;
        carry_out(t, c, w, &frame, &o, now);
        sent_new |= o.kind == OUTPUT_NEW && !o.probe;
        *sent += segments;
    }
    if (sent_new)
        timers_probe(t, c, w, now);
    return OUTPUT_MORE;
}

unsigned tcp_output(struct tcp_layer *t, uint8_t link, int64_t now)
{
    struct tcp_list *fifo = &t->fifo[link];
    unsigned sent = 0;
    receive_release_drained(t);
    while (fifo->head != POOL_NONE) {
        struct tcp_work *w = pool_at(&t->works, fifo->head);
        struct tcp *c = tcp_at(t, w->owner);
        struct tcp_list *waiters = NULL;
        enum output_result r = output_connection(t, c, w, &waiters, &sent, now);
        if (r == OUTPUT_BLOCKED)
            break;
        tcp_list_remove(t, w);
        if (r == OUTPUT_MORE)
            tcp_list_push(t, fifo, w);
        else if (r == OUTPUT_WAITS)
            tcp_list_push(t, waiters, w);
        else if (c->flags & TCPF_LINGERS)
            tcp_bury(t, c);
        else if (c->state == TCP_TIME_WAIT)
            tcp_timewait_finish(t, c, now);
        else if (w->want & WANT_PUSHED_ACK)
            tcp_list_push(t, &t->pushed, w);
        else
            tcp_park_if_idle(t, c);
    }
    tcp_bury_dead(t);
    return sent;
}

bool tcp_acknowledge(struct tcp_layer *t)
{
    bool any = t->pushed.head != POOL_NONE;
    while (t->pushed.head != POOL_NONE) {
        struct tcp_work *w = pool_at(&t->works, t->pushed.head);
        w->want |= WANT_ACK;
        tcp_mark(t, tcp_at(t, w->owner), w);
    }
    return any;
}

void tcp_path_ready(struct tcp_layer *t, struct tcp_list *waiters, bool reachable, int64_t now)
{
    for (uint32_t left = t->works.used; waiters->head != POOL_NONE && left > 0; left--) {
        struct tcp_work *w = pool_at(&t->works, waiters->head);
        struct tcp *c = tcp_at(t, w->owner);
        tcp_list_remove(t, w);
        if (reachable)
            tcp_mark(t, c, w);
        else if (c->flags & TCPF_LINGERS)
            tcp_bury(t, c);
        else if (state_embryonic(c->state))
            tcp_finish(t, c, TCP_CLOSE_UNREACHABLE, now);
        else
            timers_sent(t, c, w, now); /* tried again with the retransmission timer */
    }
    tcp_bury_dead(t);
}
