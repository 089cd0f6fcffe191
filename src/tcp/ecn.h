/* SPDX-License-Identifier: MIT */
/*
 * Explicit congestion notification, RFC 3168: what is agreed in the handshake, what a receiver echoes and what a sender
 * says. What ECE does to cwnd is recovery's. State: struct tcp.ecn, which outlives the work.
 *
 * Only data that goes for the first time is ECT(0): no SYN, bare ACK, FIN alone, retransmission or window probe (6.1.4
 * to 6.1.6).
 */
#ifndef WEIR_TCP_ECN_H
#define WEIR_TCP_ECN_H

#include "tcp/layer.h"

#define ECN_MASK 3u /* of the type-of-service byte */
#define ECN_ECT0 2u
#define ECN_CE 3u

/* struct tcp.ecn */
enum ecn_flag {
    ECN_ON = 1,   /* both sides agreed */
    ECN_ECHO = 2, /* CE came: every segment carries ECE until the peer says CWR */
    ECN_CWR = 4,  /* cwnd was reduced: the next new data says so */
};

/* An ECN-setup SYN: section 6.1.1. */
static inline bool ecn_setup_syn(uint16_t flags)
{
    return (flags & (TCP_SYN | TCP_ACK | TCP_ECE | TCP_CWR)) == (TCP_SYN | TCP_ECE | TCP_CWR);
}
/* Flags of a SYN of ours: a repeated one does not ask, as something on the way may drop those that do (6.1.1.1). */
static inline uint16_t ecn_syn_flags(const struct tcp_profile *p, const struct tcp *c, const struct tcp_work *w)
{
    if (c->state == TCP_SYN_RCVD)
        return c->ecn & ECN_ON ? TCP_ECE : 0;
    return p->ecn == TCP_ECN_ON && w->retries == 0 ? TCP_ECE | TCP_CWR : 0;
}
/* The peer's SYN or SYN-ACK arrived: is ECN agreed now? */
void ecn_take_syn(struct tcp_layer *t, struct tcp *c, const struct tcp_work *w, uint16_t flags);
/* What in-window data, in order or not, says of congestion on its way here. True: it is to be acknowledged at once. */
bool ecn_take_mark(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s);
static inline bool ecn_data_arrived(struct tcp_layer *t, struct tcp *c, const struct tcp_segment *s)
{
    return (c->ecn & ECN_ON) && ((s->tos & ECN_MASK) == ECN_CE || (s->h.flags & TCP_CWR)) && ecn_take_mark(t, c, s);
}
/* cwnd was reduced, for whatever reason (6.1.2), and the reduction was taken back. */
static inline void ecn_reduced(struct tcp *c)
{
    if (c->ecn & ECN_ON)
        c->ecn |= ECN_CWR;
}
static inline void ecn_reduction_undone(struct tcp *c) { c->ecn &= ECN_ON | ECN_ECHO; }

/* Does this acknowledgement report congestion? */
static inline bool ecn_echoed(const struct tcp *c, uint16_t flags)
{
    return unlikely(flags & TCP_ECE) && (c->ecn & ECN_ON) && !(flags & TCP_SYN);
}
/* Flags that a segment gets; fresh: with data that goes for the first time. */
static inline uint16_t ecn_flags(struct tcp *c, bool fresh)
{
    uint16_t flags = c->ecn & ECN_ECHO ? TCP_ECE : 0;
    if (fresh && (c->ecn & ECN_CWR)) {
        flags |= TCP_CWR;
        ecn_reduction_undone(c);
    }
    return flags;
}
static inline uint8_t ecn_tos(const struct tcp *c, uint8_t tos, bool fresh)
{
    if (!(c->ecn & ECN_ON))
        return tos;
    return (uint8_t)((tos & ~ECN_MASK) | (fresh ? ECN_ECT0 : 0));
}

#endif
