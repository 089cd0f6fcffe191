/* SPDX-License-Identifier: MIT */
/*
 * Congestion control: a table of functions, separate from loss recovery, which decides when they are called. RFC 5681.
 * cwnd and ssthresh (bytes) live in the record and survive parking; an algorithm's further state lives in the work.
 */
#ifndef WEIR_TCP_CONGESTION_H
#define WEIR_TCP_CONGESTION_H

#include "tcp/layer.h"

struct congestion {
    const char *name;
    /* The handshake is complete: cwnd from profile->initial_window. */
    void (*start)(const struct tcp_profile *p, struct tcp *c);
    /* `bytes` were acknowledged while cwnd was in full use (outside fast recovery). */
    void (*acked)(const struct tcp_profile *p, struct tcp *c, struct tcp_work *w, uint32_t bytes, int64_t now);
    /* Loss: returns the new ssthresh. Called once a recovery, or at the first RTO of a row. */
    uint32_t (*lost)(struct tcp *c, struct tcp_work *w, uint32_t flight_size);
    /* May cwnd be cut and grown by recovery at all? */
    bool adapts;
};

const struct congestion *congestion_of(const struct tcp_profile *p);
/*
 * Slow start by byte counting: grows cwnd while below ssthresh; returns the bytes beyond ssthresh, which are congestion
 * avoidance's. RFC 5681 (2), at most the profile's slow_start_segments an ACK, but 1 SMSS while an RTO is being repaired
 * (RFC 3465 section 2.3). Split ACKs gain nothing.
 */
uint32_t congestion_slow_start(const struct tcp_profile *p, struct tcp *c, const struct tcp_work *w, uint32_t bytes);
/*
 * RFC 5681 section 4.1, as RFC 2861 and Linux do it: with each RTO's time without traffic cwnd says less about the
 * network and is halved, down to the initial window; ssthresh remembers most of it.
 */
void congestion_restart_after_idle(const struct tcp_layer *t, struct tcp *c, int64_t now);
void congestion_start(const struct tcp_profile *p, struct tcp *c);

extern const struct congestion congestion_newreno, congestion_cubic, congestion_fixed;

#endif
