/* SPDX-License-Identifier: MIT */
/*
 * TCP as the packet filter follows it: loosely (RFC 9293 3.3.2 seen from between the ends), but no segment counts that
 * its receiver's window, as far as it was seen, does not allow.
 *
 * Only a SYN opens. A RST closes where its number is what its receiver acknowledged last, or what its sender would send
 * next (RFC 5961 3.2: one of these is RCV.NXT); another in the window passes, for the receiver to judge. A SYN within a
 * connection that lives is `new`: rules that let connections in let it through, and its receiver answers with a
 * challenge (RFC 5961 4.2), which here too changes nothing.
 */
#include "stack/ip_filter_state.h"
#include "wire/tcp.h"

#define LEAST_ACK_WINDOW 66000u /* how far an acknowledgement may be behind what was sent, at least */
#define MOST_SHIFT 14u          /* RFC 7323 2.3 */

struct segment {
    struct seq seq, end, ack;
    uint32_t window; /* in bytes, at least 1: room for a probe */
    bool has_ack;
};

/* What matters of the flags; what no TCP sends is none of these. */
static unsigned kind_of(const struct ip_filter_packet *p)
{
    return p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK);
}

static bool is_kind(unsigned kind)
{
    return kind == TCP_SYN || kind == (TCP_SYN | TCP_ACK) || kind == TCP_ACK || kind == (TCP_FIN | TCP_ACK) ||
           kind == TCP_RST || kind == (TCP_RST | TCP_ACK);
}

static struct segment read_segment(const struct ip_filter_packet *p, const struct connection_end *sender)
{
    unsigned kind = kind_of(p);
    uint32_t length = p->tcp_payload + (kind & TCP_SYN ? 1 : 0) + (kind & TCP_FIN ? 1 : 0);
    return (struct segment){.seq = seq_of(p->tcp_sequence),
                            .end = seq_of(p->tcp_sequence + length),
                            .ack = seq_of(p->tcp_acknowledgement),
                            .window = max_u32((uint32_t)p->tcp_window << (kind & TCP_SYN ? 0 : sender->shift), 1),
                            .has_ack = kind & TCP_ACK};
}

static bool acknowledges_plausibly(const struct connection_end *s, const struct connection_end *r, struct seq ack)
{
    return seq_le(ack, r->end) && seq_ge(ack, seq_sub(r->end, max_u32(s->max_window, LEAST_ACK_WINDOW)));
}

/* Sender and receiver are both known. */
static bool fits(const struct connection_end *s, const struct connection_end *r, const struct segment *g)
{
    if (seq_gt(g->seq, s->limit) || seq_lt(g->end, seq_sub(s->end, r->max_window)))
        return false;
    return !g->has_ack || acknowledges_plausibly(s, r, g->ack);
}

/* ---- judging ---- */

/* The answer to a SYN acknowledges it, and not more than was sent with it. */
static bool answers_syn(const struct connection *c, const struct segment *g)
{
    return g->has_ack && seq_gt(g->ack, c->ends[CONNECTION_ANSWERER].acked) &&
           seq_le(g->ack, c->ends[CONNECTION_OPENER].end);
}

static enum ip_filter_state judge_syn_sent(const struct connection *c, enum connection_side side, unsigned kind,
                                           const struct segment *g)
{
    if (side == CONNECTION_OPENER) {
        bool gives_up = (kind & TCP_RST) && seq_eq(g->seq, c->ends[side].end);
        return kind == TCP_SYN || gives_up ? IP_FILTER_NEW : IP_FILTER_INVALID;
    }
    if (kind == TCP_SYN) /* both open: RFC 9293 3.5, figure 7 */
        return IP_FILTER_ESTABLISHED;
    bool answer = kind == (TCP_SYN | TCP_ACK) || kind == (TCP_RST | TCP_ACK);
    return answer && answers_syn(c, g) ? IP_FILTER_ESTABLISHED : IP_FILTER_INVALID;
}

static enum ip_filter_state judge_known(const struct connection *c, enum connection_side side, unsigned kind,
                                        const struct segment *g)
{
    if (c->class == IP_FILTER_CLASS_SYN_SENT)
        return judge_syn_sent(c, side, kind, g);
    bool is_closed = c->class == IP_FILTER_CLASS_TIME_WAIT || c->class == IP_FILTER_CLASS_CLOSED;
    if (!(kind == TCP_SYN && is_closed) && fits(&c->ends[side], &c->ends[!side], g))
        return IP_FILTER_ESTABLISHED;
    return kind == TCP_SYN ? IP_FILTER_NEW : IP_FILTER_INVALID;
}

enum ip_filter_state connection_tcp_judge(const struct connection *c, enum connection_side side,
                                          const struct ip_filter_packet *p, struct ip_filter_counters *counters)
{
    unsigned kind = kind_of(p);
    if (!is_kind(kind)) {
        counters->invalid_tcp_flags++;
        return IP_FILTER_INVALID;
    }
    if (!c) {
        counters->invalid_no_connection += kind != TCP_SYN;
        return kind == TCP_SYN ? IP_FILTER_NEW : IP_FILTER_INVALID;
    }
    struct segment g = read_segment(p, &c->ends[side]);
    enum ip_filter_state state = judge_known(c, side, kind, &g);
    counters->invalid_window += state == IP_FILTER_INVALID;
    return state;
}

bool connection_tcp_reopens(const struct connection *c, enum connection_side side, const struct ip_filter_packet *p)
{
    if (kind_of(p) != TCP_SYN)
        return false;
    if (c->class == IP_FILTER_CLASS_TIME_WAIT || c->class == IP_FILTER_CLASS_CLOSED)
        return true;
    /* Given up and tried again with another number, before an answer came */
    return c->class == IP_FILTER_CLASS_SYN_SENT && side == CONNECTION_OPENER &&
           c->ends[CONNECTION_ANSWERER].acked.v != p->tcp_sequence;
}

bool connection_tcp_quotes(const struct connection *c, enum connection_side side, uint32_t sequence)
{
    const struct connection_end *s = &c->ends[side], *r = &c->ends[!side];
    if (side == CONNECTION_ANSWERER && c->class == IP_FILTER_CLASS_SYN_SENT)
        return false;
    struct seq seq = seq_of(sequence);
    return seq_le(seq, s->end) && seq_ge(seq, seq_sub(s->end, max_u32(r->max_window, LEAST_ACK_WINDOW)));
}

/* ---- what accepted segments change ---- */

void connection_tcp_open(struct connection *c, const struct ip_filter_packet *p)
{
    struct segment g = read_segment(p, &c->ends[CONNECTION_OPENER]);
    c->ends[CONNECTION_OPENER] =
        (struct connection_end){.end = g.end, .limit = g.end, .max_window = g.window, .offered = p->tcp_window_shift};
    c->ends[CONNECTION_ANSWERER] = (struct connection_end){.acked = g.seq, .max_window = 1};
}

/* Both have to offer window scaling. */
static void agree_on_shifts(struct connection *c)
{
    bool both = c->ends[0].offered && c->ends[1].offered;
    for (unsigned i = 0; both && i < 2; i++)
        c->ends[i].shift = (uint8_t)min_u32(c->ends[i].offered - 1u, MOST_SHIFT);
}

/* SYN-ACK, or the SYN of an end that opens too. */
static void answer(struct connections *t, struct connection *c, const struct ip_filter_packet *p,
                   const struct segment *g, int64_t now)
{
    struct connection_end *o = &c->ends[CONNECTION_OPENER], *a = &c->ends[CONNECTION_ANSWERER];
    struct seq syn = a->acked;
    *a = (struct connection_end){.end = g->end,
                                 .limit = seq_add(g->end, o->max_window),
                                 .acked = g->has_ack ? g->ack : syn,
                                 .max_window = g->window,
                                 .offered = p->tcp_window_shift};
    o->limit = seq_max(o->limit, seq_add(a->acked, g->window));
    o->acked = g->seq;
    agree_on_shifts(c);
    c->answered = true;
    connections_set_class(t, c, IP_FILTER_CLASS_SYN_RECEIVED, now);
}

static void note_numbers(struct connection_end *s, struct connection_end *r, const struct segment *g)
{
    s->end = seq_max(s->end, g->end);
    s->max_window = max_u32(s->max_window, g->window);
    if (!g->has_ack)
        return;
    s->acked = seq_max(s->acked, g->ack);
    r->limit = seq_max(r->limit, seq_add(g->ack, g->window));
}

static enum ip_filter_class next_class(const struct connection *c, bool confirms)
{
    if (c->class == IP_FILTER_CLASS_TIME_WAIT || c->class == IP_FILTER_CLASS_CLOSED)
        return c->class;
    if (c->class == IP_FILTER_CLASS_SYN_RECEIVED && !confirms)
        return c->class;
    if (c->ends[0].finished && c->ends[1].finished)
        return IP_FILTER_CLASS_TIME_WAIT;
    return c->ends[0].finished || c->ends[1].finished ? IP_FILTER_CLASS_FIN_WAIT : IP_FILTER_CLASS_ESTABLISHED;
}

static void accept_known(struct connections *t, struct connection *c, enum connection_side side, unsigned kind,
                         const struct segment *g, int64_t now)
{
    struct connection_end *s = &c->ends[side], *r = &c->ends[!side];
    if (kind & TCP_RST) {
        bool exact = seq_eq(g->seq, r->acked) || seq_eq(g->seq, s->end);
        if (exact && c->class != IP_FILTER_CLASS_CLOSED)
            connections_set_class(t, c, IP_FILTER_CLASS_CLOSED, now);
        return;
    }
    /* Who only pretends to be the opener does not know what there is to acknowledge. */
    bool confirms = side == CONNECTION_OPENER && g->has_ack && seq_gt(g->ack, s->acked);
    note_numbers(s, r, g);
    s->finished |= (kind & TCP_FIN) != 0;
    enum ip_filter_class class = next_class(c, confirms);
    bool rests = class == c->class && class != IP_FILTER_CLASS_ESTABLISHED && class != IP_FILTER_CLASS_FIN_WAIT;
    if (!rests)
        connections_set_class(t, c, class, now);
}

void connection_tcp_accept(struct connections *t, struct connection *c, enum connection_side side,
                           const struct ip_filter_packet *p, int64_t now)
{
    unsigned kind = kind_of(p);
    struct segment g = read_segment(p, &c->ends[side]);
    if (c->class != IP_FILTER_CLASS_SYN_SENT)
        accept_known(t, c, side, kind, &g, now);
    else if (kind & TCP_RST)
        connections_set_class(t, c, IP_FILTER_CLASS_CLOSED, now);
    else if (side == CONNECTION_ANSWERER)
        answer(t, c, p, &g, now);
}
