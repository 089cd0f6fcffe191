/* SPDX-License-Identifier: MIT */
/*
 * The size of segments that the path takes: see plpmtud.h. All sizes here are MSS, payload without SACK options.
 */
#include "tcp/plpmtud.h"

#include "tcp/recovery.h"
#include "tcp/segment.h"
#include "tcp/timers.h"

#define BASE_MSS 1024u          /* RFC 4821 7.2: works almost everywhere */
#define FLOOR_MSS 216u          /* an IP packet of 256 bytes */
#define BLACK_HOLE_TIMEOUTS 2u  /* in a row; one more where full segments arrived: they may be lost by chance */
#define SEARCH_STEP 32u         /* nearer to the limit is not worth a probe */
#define AGE_NS (600 * NS_PER_S) /* RFC 1191 6.3, RFC 4821 7.3 */

/* ---- a search ---- */

static struct mtu_search *open_search(struct tcp_layer *t, struct tcp_work *w)
{
    if (!w->mtu_search) {
        w->mtu_search = pool_get(&t->mtu_searches);
        if (!w->mtu_search)
            return NULL;
        *plpmtud_search(t, w) = (struct mtu_search){.raise_at = TIME_NEVER};
    }
    return plpmtud_search(t, w);
}

void plpmtud_release(struct tcp_layer *t, struct tcp_work *w)
{
    if (w->mtu_search)
        pool_put(&t->mtu_searches, w->mtu_search);
    w->mtu_search = POOL_NONE;
}

/* Asks for more after a while. */
static void rest(struct tcp_layer *t, const struct tcp *c, struct mtu_search *m, int64_t now)
{
    m->wanted = false;
    m->raise_at = now + AGE_NS;
    timers_mtu_search(t, c, m->raise_at);
}

/* On with the search, or enough of it for now. */
static void step(struct tcp_layer *t, const struct tcp *c, struct mtu_search *m, int64_t now)
{
    rest(t, c, m, now);
    m->wanted = m->high >= c->snd_mss + SEARCH_STEP || (m->told && m->high > c->snd_mss);
}

/* Segments get smaller. Without a search in the pool they stay so. */
static struct mtu_search *lower(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t mss)
{
    struct mtu_search *m = open_search(t, w);
    if (m && m->ceiling == 0)
        m->ceiling = m->high = c->snd_mss;
    if (m) {
        m->probe = m->pending = 0;
        m->told = false;
    }
    c->snd_mss = (uint16_t)mss;
    c->full_arrived = false;
    t->counters.mss_lowered++;
    return m;
}

void plpmtud_begin(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    if (tcp_profile_of(t, c)->mtu_probing != TCP_MTU_PROBING_ALWAYS || c->snd_mss <= BASE_MSS)
        return;
    struct mtu_search *m = lower(t, c, w, BASE_MSS);
    if (m)
        step(t, c, m, now);
}

/* ---- what routers say ---- */

static uint32_t mss_of(const struct tcp *c, uint32_t mtu)
{
    uint32_t headers = tcp_fixed_headers(&c->key.remote) + (c->flags & TCPF_TIMESTAMPS ? 12u : 0u);
    return mtu > headers ? mtu - headers : 0;
}

static void told(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, uint32_t mss, int64_t now)
{
    struct mtu_search *m = lower(t, c, w, mss);
    if (m) {
        m->high = (uint16_t)mss;
        rest(t, c, m, now);
    }
    recovery_resize(t, c, w);
}

static struct seq probe_end(const struct mtu_search *m) { return seq_add(m->probe_start, m->probe); }

/* The probe in flight was too large; nothing above `high` will be tried for now. */
static void probe_failed(struct tcp_layer *t, const struct tcp *c, struct mtu_search *m, uint32_t high, int64_t now)
{
    t->counters.mtu_probes_failed++;
    m->lost = m->probe;
    m->probe = 0;
    m->high = (uint16_t)max_u32(high, c->snd_mss);
    step(t, c, m, now);
}

/* What the router takes instead is tried next. */
static void probe_told(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct mtu_search *m, uint32_t mss,
                       int64_t now)
{
    recovery_probe_lost(t, c, w, probe_end(m), false);
    m->told = true;
    probe_failed(t, c, m, mss, now);
}

enum tcp_icmp_verdict plpmtud_too_big(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct seq quoted,
                                      uint32_t mtu, int64_t now)
{
    uint32_t mss = mss_of(c, mtu);
    struct mtu_search *m = plpmtud_search(t, w);
    if (mss < tcp_profile_of(t, c)->min_mss)
        return TCP_ICMP_IGNORED;
    if (m && m->probe > mss && seq_in_window(quoted, m->probe_start, m->probe)) {
        probe_told(t, c, w, m, mss, now);
        return TCP_ICMP_BELIEVED;
    }
    if (mss >= c->snd_mss)
        return TCP_ICMP_IGNORED;
    if (!c->full_arrived) {
        told(t, c, w, mss, now);
        return TCP_ICMP_BELIEVED;
    }
    if (!(m = open_search(t, w))) /* RFC 5927 7.2: such segments did arrive */
        return TCP_ICMP_IGNORED;
    m->pending = (uint16_t)mss;
    m->pending_seq = quoted;
    return TCP_ICMP_NOTED;
}

/* ---- timeouts ---- */

static uint32_t next_smaller(const struct tcp *c)
{
    return c->snd_mss > BASE_MSS ? BASE_MSS : max_u32(c->snd_mss / 2u, FLOOR_MSS);
}

/* RFC 4821 7.7: full segments do not arrive, and nobody says why. */
static bool black_hole(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w)
{
    uint32_t enough = BLACK_HOLE_TIMEOUTS + (c->full_arrived ? 1u : 0u);
    return tcp_profile_of(t, c)->mtu_probing != TCP_MTU_PROBING_OFF && w->retries >= enough &&
           seq_len(c->snd_una, c->snd_nxt) >= c->snd_mss && next_smaller(c) < c->snd_mss;
}

bool plpmtud_timeout(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    struct mtu_search *m = plpmtud_search(t, w);
    if (m && m->pending && m->pending < c->snd_mss) {
        told(t, c, w, m->pending, now);
        return true;
    }
    if (m && m->probe) {
        m->told = false;
        probe_failed(t, c, m, m->probe - 1u, now);
    } else if (black_hole(t, c, w)) {
        m = lower(t, c, w, next_smaller(c));
        if (m) {
            m->high = m->ceiling;
            step(t, c, m, now);
        }
    }
    return false;
}

/* ---- acknowledgements ---- */

static void probe_arrived(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, struct mtu_search *m, int64_t now)
{
    c->snd_mss = m->probe;
    m->probe = 0;
    m->told = false;
    if (c->snd_mss >= m->ceiling)
        plpmtud_release(t, w);
    else
        step(t, c, m, now);
}

void plpmtud_search_acked(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    struct mtu_search *m = plpmtud_search(t, w);
    if (seq_in_window(c->snd_una, m->probe_start, m->lost) && !(c->flags & TCPF_SACK))
        w->retransmit_first = true; /* a partial acknowledgement: what duplicates told is not in cwnd */
    if (m->pending && seq_gt(c->snd_una, m->pending_seq)) /* what was too big arrived: somebody lied */
        m->pending = 0;
    if (m->probe && seq_ge(c->snd_una, probe_end(m)))
        probe_arrived(t, c, w, m, now);
    else if (m->ceiling == 0 && m->pending == 0)
        plpmtud_release(t, w);
}

static bool is_lost(const struct tcp_layer *t, const struct tcp_work *w, struct seq at)
{
    for (const struct sent_record *r = &w->first; r; r = sent_next(t, r))
        if (seq_in_window(at, r->start, sent_bytes(r)))
            return (r->flags & SENT_LOST) != 0;
    return false;
}

void plpmtud_after_recovery(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    struct mtu_search *m = plpmtud_search(t, w);
    if (!m || !m->probe)
        return;
    if (w->lost == 0 || !is_lost(t, w, m->probe_start)) {
        m->other_loss |= w->recovery != RECOVERY_OPEN;
        return;
    }
    if (!m->other_loss && w->lost <= m->probe)
        recovery_probe_lost(t, c, w, probe_end(m), true);
    m->told = false;
    probe_failed(t, c, m, m->probe - 1u, now);
}

/* ---- probes ---- */

uint32_t plpmtud_probe_size(const struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w)
{
    const struct mtu_search *m = plpmtud_search(t, w);
    if (!m || !m->wanted || m->probe || w->recovery != RECOVERY_OPEN || w->lost > 0)
        return 0;
    if (!(c->flags & TCPF_SACK) && seq_le(c->snd_una, w->recover)) /* RFC 6582: duplicate ACKs would tell nothing */
        return 0;
    uint32_t options = c->snd_mss - segment_payload_limit(c, w);
    bool at_once = m->told || m->high == m->ceiling;
    uint32_t size = at_once ? m->high : (c->snd_mss + m->high + 1u) / 2;
    return options == 0 && size > c->snd_mss ? size : 0;
}

void plpmtud_probe_sent(struct tcp_layer *t, const struct tcp_work *w, struct seq start, uint32_t payload)
{
    struct mtu_search *m = plpmtud_search(t, w);
    t->counters.mtu_probes++;
    m->probe = (uint16_t)payload;
    m->lost = 0;
    m->probe_start = start;
    m->wanted = m->other_loss = false;
}

/* ---- time ---- */

int64_t plpmtud_deadline(const struct tcp_layer *t, const struct tcp_work *w)
{
    const struct mtu_search *m = plpmtud_search(t, w);
    return m ? m->raise_at : TIME_NEVER;
}

void plpmtud_due(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, int64_t now)
{
    struct mtu_search *m = plpmtud_search(t, w);
    if (!m || now < m->raise_at)
        return;
    rest(t, c, m, now);
    if (seq_eq(c->snd_una, c->snd_nxt) && w->promised == c->acked) { /* idle: what was known is too old */
        c->snd_mss = m->ceiling;
        c->full_arrived = false;
        plpmtud_release(t, w);
        return;
    }
    m->high = m->ceiling;
    m->told = false;
    m->wanted = true;
    tcp_mark(t, c, w);
}
