/* SPDX-License-Identifier: MIT */
/*
 * The queue of frames out of order: see reassembly.h.
 */
#include "tcp/reassembly.h"

#include "tcp/receive.h"

/* Where in the queue the next byte of a segment belongs. */
struct gap {
    struct packet *before; /* the run in front of it, or NULL */
    struct packet **link;  /* what points to the run behind it */
    struct seq start, end;
};

/* Moves on to the first part of [start, stop) that is not held. False: all of it is. */
static bool find_gap(struct gap *g, struct seq stop)
{
    struct packet *run;
    for (; (run = *g->link) && seq_le(reassembly_start(run), g->start); g->link = &run->holder_link->next) {
        g->start = seq_max(g->start, reassembly_run_end(run));
        g->before = run;
    }
    g->end = run ? seq_min(stop, reassembly_start(run)) : stop;
    return seq_lt(g->start, g->end);
}

static bool adjoins_before(const struct gap *g) { return g->before && seq_eq(reassembly_run_end(g->before), g->start); }

static bool adjoins_behind(const struct gap *g, struct seq end)
{
    return *g->link && seq_eq(reassembly_start(*g->link), end);
}

/* May one frame more be held there? */
static bool has_room(struct tcp_layer *t, const struct tcp *c, const struct tcp_work *w, const struct gap *g)
{
    uint32_t most = max_u32(tcp_profile_of(t, c)->receive_buffer / REASSEMBLY_FRAME_BYTES, REASSEMBLY_FRAMES);
    most = min_u32(most, UINT16_MAX);
    if (t->ooo_frames >= t->settings.max_out_of_order_frames || w->ooo_frames >= most) {
        t->counters.drop_ooo_full++;
        return false;
    }
    if (w->ooo_runs >= REASSEMBLY_RUNS && !adjoins_before(g) && !adjoins_behind(g, g->end)) {
        t->counters.drop_ooo_runs++;
        return false;
    }
    return true;
}

static void copy_payload(const struct tcp_segment *s, uint32_t offset, uint8_t *to, uint32_t n)
{
    for (uint32_t length; n > 0; offset += length, to += length, n -= length) {
        const uint8_t *bytes = receive_piece(s, offset, &length);
        length = min_u32(length, n);
        memcpy(to, bytes, length);
    }
}

/* A copy of the payload at `offset`, of n bytes or as many as a frame takes. NULL when there is no room. */
static struct packet *copy_part(struct tcp_layer *t, const struct tcp_segment *s, uint32_t offset, uint32_t n)
{
    struct packet *p;
    if (packet_pool_get(&t->ooo_pool, &p, 1) == 0) {
        t->counters.drop_ooo_full++;
        return NULL;
    }
    p->len = min_u32(n, packet_tailroom(p));
    copy_payload(s, offset, p->data, p->len);
    return p;
}

/* The frame itself, or one copy. NULL when its bytes are not all in one piece, or are too many to be copied at once. */
static struct packet *keep_frame(struct tcp_layer *t, const struct tcp_segment *s, uint32_t offset, uint32_t n)
{
    if (s->packet->nfrags > 0)
        return NULL;
    return packet_keep(s->packet, (uint32_t)(s->payload - s->packet->data) + s->skip + offset, n, &t->ooo_pool);
}

/* Puts a frame at the start of its gap: a run of its own, or the part of those that it adjoins. */
static void link_frame(struct tcp_layer *t, struct tcp_work *w, struct gap *g, struct packet *p)
{
    p->holder_word = g->start.v;
    struct packet *behind = adjoins_behind(g, reassembly_end(p)) ? *g->link : NULL;
    bool grows = adjoins_before(g);
    p->next = *g->link;
    *g->link = p;
    p->holder_link = behind ? behind->holder_link : p;
    if (grows)
        g->before->holder_link = p->holder_link;
    else
        g->before = p;
    w->ooo_runs = (uint16_t)(w->ooo_runs + 1 - grows - (behind != NULL));
    w->ooo_latest = g->start;
    w->ooo_frames++;
    t->ooo_frames++;
    g->link = &g->before->holder_link->next;
    g->start = reassembly_run_end(g->before);
}

/* Holds what fills the gap; the last part of the segment, unless `more`. False: no room. */
static bool fill(struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, const struct tcp_segment *s,
                 struct gap *g)
{
    bool more = seq_lt(g->end, seq_add(s->h.seq, s->payload_len));
    while (seq_lt(g->start, g->end)) {
        uint32_t offset = seq_len(s->h.seq, g->start), n = seq_len(g->start, g->end);
        if (!has_room(t, c, w, g))
            return false;
        struct packet *p = more ? NULL : keep_frame(t, s, offset, n);
        if (!p)
            p = copy_part(t, s, offset, n);
        if (!p)
            return false;
        link_frame(t, w, g, p);
    }
    return true;
}

bool reassembly_hold(struct tcp_layer *t, const struct tcp *c, struct tcp_work *w, const struct tcp_segment *s)
{
    struct seq stop = seq_add(s->h.seq, s->payload_len);
    struct gap g = {.link = &w->ooo, .start = s->h.seq};
    uint32_t parts = 0;
    while (find_gap(&g, stop)) {
        if (parts++ == REASSEMBLY_PARTS) {
            t->counters.drop_ooo_runs++;
            break;
        }
        if (!fill(t, c, w, s, &g))
            break;
    }
    return parts > 0;
}

struct packet *reassembly_pop(struct tcp_layer *t, struct tcp_work *w)
{
    struct packet *p = w->ooo;
    if (p->holder_link == p)
        w->ooo_runs--;
    else
        p->next->holder_link = p->holder_link;
    w->ooo = p->next;
    w->ooo_frames--;
    t->ooo_frames--;
    return p;
}

/* The frames of a run, which begins behind *at. */
static uint32_t check_run(const struct packet *run, struct seq *at)
{
    uint32_t frames = 1;
    assert(seq_gt(reassembly_start(run), *at));
    for (const struct packet *p = run; p != run->holder_link; p = p->next, frames++)
        assert(seq_eq(reassembly_end(p), reassembly_start(p->next)));
    *at = reassembly_run_end(run);
    return frames;
}

void reassembly_check(const struct tcp *c, const struct tcp_work *w)
{
    uint32_t runs = 0, frames = 0;
    struct seq at = c->rcv_nxt;
    for (const struct packet *p = w->ooo; p; p = reassembly_next_run(p), runs++)
        frames += check_run(p, &at);
    assert(runs == w->ooo_runs && frames == w->ooo_frames);
    (void)runs, (void)frames;
}
