/* SPDX-License-Identifier: MIT */
/*
 * RACK-TLP: see rack.h.
 */
#include "tcp/rack.h"

#include "tcp/segment.h"
#include "tcp/timers.h"

#define MIN_RTT_MS 60000u                 /* how long the smallest round-trip time is believed */
#define REO_PERSIST 16u                   /* RFC 8985 6.2: recoveries */
#define REO_MULT_MAX 63u                  /* 16 round trips; SRTT bounds it anyway */
#define PROBE_ACK_DELAY (200 * NS_PER_MS) /* TLP.max_ack_delay */

void rack_measured(struct tcp_work *w, int64_t rtt_ns, int64_t now)
{
    struct rack_state *k = &w->rack;
    uint32_t us = (uint32_t)min_i64(max_i64(rtt_ns / NS_PER_US, 1), INT32_MAX);
    if (k->min_us != 0 && us > k->min_us && tcp_ms(now) - k->min_ms < MIN_RTT_MS)
        return;
    k->min_us = us;
    k->min_ms = tcp_ms(now);
}

/* Step 2. */
static void update(struct rack_state *k, int64_t sent_at, struct seq end, int64_t now)
{
    if (sent_at == SENT_NEVER)
        return;
    k->rtt_us = (uint32_t)min_i64(max_i64(now - sent_at, 0) / NS_PER_US, INT32_MAX);
    if (!rack_sent_after(sent_at, end, k->xmit_at, k->end))
        return;
    k->xmit_at = sent_at;
    k->end = end;
}

/* Step 4, the part that adapts to D-SACKs. */
static void widen_window(const struct tcp *c, struct rack_state *k, bool dsack)
{
    if (k->in_dsack_round && seq_ge(c->snd_una, k->dsack_round))
        k->in_dsack_round = false;
    if (k->in_dsack_round || !dsack)
        return;
    k->in_dsack_round = true;
    k->dsack_round = c->snd_nxt;
    k->reo_mult = (uint8_t)min_u32(k->reo_mult + 1u, REO_MULT_MAX);
    k->reo_persist = REO_PERSIST;
}

void rack_delivered(const struct tcp *c, struct tcp_work *w, const struct sent_delivery *d, bool dsack, int64_t now)
{
    struct rack_state *k = &w->rack;
    bool again = d->again_at != SENT_NEVER && rack_sent_after(d->again_at, d->again_end, d->once_at, d->once_end);
    update(k, again ? d->again_at : d->once_at, again ? d->again_end : d->once_end, now);
    if (unlikely(d->displaced)) {
        k->reordered = true;
        uint32_t segments = (d->displaced + c->snd_mss - 1) / c->snd_mss;
        k->displaced = (uint8_t)max_u32(k->displaced, min_u32(segments, UINT8_MAX));
    }
    if (unlikely(dsack || k->in_dsack_round))
        widen_window(c, k, dsack);
}

/* RACK.reo_wnd in nanoseconds. */
static int64_t reordering_window(const struct tcp *c, const struct tcp_work *w)
{
    const struct rack_state *k = &w->rack;
    bool recovering = w->recovery == RECOVERY_FAST || w->recovery == RECOVERY_LOSS;
    if (!k->reordered && (recovering || w->sacked > (RACK_DUP_THRESHOLD - 1) * c->snd_mss))
        return 0;
    return min_i64((k->reo_mult + INT64_C(1)) * rack_min_us(c, w) / 4, c->srtt_us / 8) * NS_PER_US;
}

bool rack_detect_loss(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    const struct rack_state *k = &w->rack;
    bool found = false;
    int64_t allowed = k->rtt_us * NS_PER_US + reordering_window(c, w);
    now = max_i64(now, k->xmit_at); /* sent_at runs ahead where the clock stands still */
    while (w->oldest != SENT_NONE) {
        struct sent_record *r = sent_at(t, w, w->oldest);
        if (likely(!rack_sent_after(k->xmit_at, k->end, r->sent_at, r->end)))
            break;
        if (r->sent_at + allowed > now) {
            /* what was sent no later than the segment delivered is decided by then */
            timers_reordering(t, c, w, k->xmit_at + allowed);
            return found;
        }
        sent_give_up(t, w, r);
        t->counters.rack_lost += (sent_bytes(r) + c->snd_mss - 1) / c->snd_mss;
        found = true;
    }
    timers_reordering(t, c, w, TIME_NEVER);
    return found;
}

void rack_mark_on_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    uint32_t rtt_us = w->rack.rtt_us ? w->rack.rtt_us : c->srtt_us / 8; /* nothing was delivered since the work began */
    int64_t allowed = rtt_us * NS_PER_US + reordering_window(c, w);
    for (uint32_t i = w->oldest, newer; i != SENT_NONE; i = newer) {
        struct sent_record *r = sent_at(t, w, i);
        newer = r->newer;
        if (r->sent_at + allowed > now)
            break;
        sent_give_up(t, w, r);
    }
    if (sent_on_its_way(&w->first))
        sent_give_up(t, w, &w->first);
}

void rack_recovery_ended(struct tcp_work *w)
{
    struct rack_state *k = &w->rack;
    if (k->reo_persist > 0 && --k->reo_persist == 0)
        k->reo_mult = 0;
}

int64_t rack_probe_due(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w, int64_t now)
{
    bool wanted = w->recovery == RECOVERY_OPEN && w->sacked == 0 && !w->rack.probe_out && c->srtt_us != 0;
    const struct tcp_profile *p = tcp_profile_of(t, c);
    if (!wanted || !p->tlp)
        return TIME_NEVER;
    int64_t wait = max_i64(c->srtt_us * (NS_PER_US / 4), p->probe_min_ns); /* 2 SRTT, which is scaled by 8 */
    if (seq_len(c->snd_una, c->snd_nxt) <= c->snd_mss)
        wait += PROBE_ACK_DELAY;
    return min_i64(now + wait, w->retransmit_at);
}

struct sent_record *rack_probe_record(struct tcp_layer *t, struct tcp *c, struct tcp_work *w)
{
    struct sent_record *r = sent_last(t, w);
    uint32_t limit = segment_payload_limit(c, w);
    uint32_t fin = c->flags & TCPF_FIN_SENT ? 1 : 0;
    if (!sent_on_its_way(r) || sent_empty(w))
        return NULL;
    if (sent_bytes(r) <= limit + fin)
        return r;
    return sent_split(t, w, r, seq_sub(r->end, limit + fin)) ? sent_last(t, w) : NULL;
}

void rack_probe_sent(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, bool again)
{
    t->counters.tlp_probes++;
    w->want &= (uint8_t)~WANT_LOSS_PROBE;
    w->rack.probe_out = true;
    w->rack.probe_again = again;
    w->rack.probe_end = c->snd_nxt;
}

bool rack_probe_acked(struct tcp *c, struct tcp_work *w, bool dsack, bool pure_duplicate)
{
    struct rack_state *k = &w->rack;
    if (!k->probe_out || seq_lt(c->snd_una, k->probe_end))
        return false;
    bool repaired = false;
    if (k->probe_again && !dsack) {
        repaired = seq_gt(c->snd_una, k->probe_end);
        if (!repaired && !pure_duplicate) /* one more ACK tells whether the original came too */
            return false;
    }
    k->probe_out = false;
    return repaired;
}
