/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP, RFC 8985: losses are found by time. A segment is lost when one that was sent later was delivered and as
 * much time passed as reordering may take; a tail loss probe makes the peer answer when the last segments of a flight
 * are silent.
 *
 * Its state lies in the work. Everything here looks only at records that are on their way, oldest first, and stops at
 * the first that may still arrive.
 */
#ifndef WEIR_TCP_RACK_H
#define WEIR_TCP_RACK_H

#include "tcp/sent.h"

#define RACK_DUP_THRESHOLD 3u

static inline bool rack_is_on(const struct tcp_layer *t, const struct tcp *c)
{
    return (c->flags & TCPF_SACK) && tcp_profile_of(t, c)->rack;
}
/* The smallest round-trip time of late; before this work measured one, the smoothed one, which outlives it. */
static inline uint32_t rack_min_us(const struct tcp *c, const struct tcp_work *w)
{
    return w->rack.min_us ? w->rack.min_us : c->srtt_us / 8;
}
/* A round-trip time was measured. */
void rack_measured(struct tcp_work *w, int64_t rtt_ns, int64_t now);
/* RFC 8985 6.2, steps 1 to 4, with what an ACK delivered; dsack: it reported a duplicate of something sent again. */
void rack_delivered(const struct tcp *c, struct tcp_work *w, const struct sent_delivery *d, bool dsack, int64_t now);
/* Step 5: marks what is lost, and sets the reordering timer for what may be soon. True: something was lost now. */
bool rack_detect_loss(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* RACK_sent_after() */
static inline bool rack_sent_after(int64_t at1, struct seq end1, int64_t at2, struct seq end2)
{
    return at1 > at2 || (at1 == at2 && seq_gt(end1, end2));
}
/*
 * Was something that is on its way sent before what was delivered, or is the reordering timer set? Otherwise there is
 * nothing to detect.
 */
static inline bool rack_has_candidates(const struct tcp_layer *t, struct tcp_work *w)
{
    if (unlikely(w->early_at != TIME_NEVER && !w->early_probes))
        return true;
    if (w->oldest == SENT_NONE)
        return false;
    const struct sent_record *r = sent_at(t, w, w->oldest);
    return rack_sent_after(w->rack.xmit_at, w->rack.end, r->sent_at, r->end);
}
/*
 * 6.3: the retransmission timer fired. The first segment is lost, and those sent too long ago; not what was sent
 * lately.
 */
void rack_mark_on_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now);
/* A recovery ended: a widened window lasts only so many of them. */
void rack_recovery_ended(struct tcp_work *w);

/* ---- tail loss probe: section 7 ---- */

/* 7.2: when the probe is due, or TIME_NEVER where there is to be none. */
int64_t rack_probe_due(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w, int64_t now);
/* 7.3: without new data, the last segment of what is in flight goes again; NULL: it cannot be cut out. */
struct sent_record *rack_probe_record(struct tcp_layer *t, struct tcp *c, struct tcp_work *w);
void rack_probe_sent(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool again);
/* 7.4. True: the probe repaired a loss, for which the window has to be reduced. */
bool rack_probe_acked(struct tcp *c, struct tcp_work *w, bool dsack, bool pure_duplicate);

#endif
