/* SPDX-License-Identifier: MIT */
/*
 * Selective acknowledgement, both ways: see sack.h.
 */
#include "tcp/sack.h"

#include "tcp/reassembly.h"
#include "tcp/sent.h"

static bool contains(const struct wire_sack_block *b, struct seq x)
{
    return seq_le(b->left, x) && seq_lt(x, b->right);
}

/* The run that begins at p, with the FIN if that follows. */
static struct wire_sack_block run_at(const struct tcp_work *w, const struct packet *p)
{
    struct wire_sack_block b = {reassembly_start(p), reassembly_run_end(p)};
    if (w->ooo_fin && seq_eq(w->fin_seq, b.right))
        b.right = seq_add(b.right, 1);
    return b;
}

static bool among(const struct wire_sack_block *blocks, uint32_t n, struct seq x)
{
    for (uint32_t i = 0; i < n; i++)
        if (contains(&blocks[i], x))
            return true;
    return false;
}

/* The next ACK begins with a run that the n blocks of this one lack: the next behind the latest, or the lowest. */
static void rotate(struct tcp_work *w, const struct wire_sack_block *blocks, uint32_t n)
{
    bool found = false;
    struct seq next = w->ooo_latest;
    for (const struct packet *p = w->ooo; p; p = reassembly_next_run(p)) {
        struct wire_sack_block b = run_at(w, p);
        if (among(blocks, n, b.left))
            continue;
        bool behind = seq_gt(b.left, w->ooo_latest);
        if (!found || behind)
            next = b.left;
        if (behind)
            break;
        found = true;
    }
    w->ooo_latest = next;
}

uint32_t sack_blocks(struct tcp_work *w, struct wire_sack_block *blocks, uint32_t max)
{
    uint32_t n = 0;
    if (!seq_eq(w->dsack_left, w->dsack_right) && n < max)
        blocks[n++] = (struct wire_sack_block){w->dsack_left, w->dsack_right};
    uint32_t latest_at = n;
    bool found = false;
    for (const struct packet *p = w->ooo; p && (n < max || !found); p = reassembly_next_run(p)) {
        struct wire_sack_block b = run_at(w, p);
        bool is_latest = contains(&b, w->ooo_latest);
        if (is_latest && n > latest_at) { /* moves to the front, the last one gives way when there is no room */
            uint32_t last = n < max ? n++ : n - 1;
            for (uint32_t i = last; i > latest_at; i--)
                blocks[i] = blocks[i - 1];
            blocks[latest_at] = b;
        } else if (n < max) {
            blocks[n++] = b;
        }
        found = found || is_latest;
    }
    if (w->acks_owed > 0)
        rotate(w, blocks, n);
    return n;
}

uint32_t sack_block_count(const struct tcp_work *w, uint32_t max)
{
    uint32_t n = seq_eq(w->dsack_left, w->dsack_right) ? 0 : 1;
    return min_u32(n + w->ooo_runs, max);
}

/* RFC 2883 section 4: the first block lies below the ACK, or inside the second. */
static bool is_dsack(const struct wire_tcp_options *o, struct seq ack)
{
    const struct wire_sack_block *b = o->sack;
    if (seq_le(b[0].right, ack))
        return true;
    return o->sack_count > 1 && seq_ge(b[0].left, b[1].left) && seq_le(b[0].right, b[1].right);
}

/* The part of a block that the last ACK did not have. */
static struct wire_sack_block news(const struct tcp_work *w, struct wire_sack_block b)
{
    for (uint32_t i = 0; i < SACK_SEEN; i++) {
        const struct wire_sack_block *seen = &w->sack_seen[i];
        bool none = seq_eq(seen->left, seen->right); /* of no meaning half a circle away */
        if (!none && seq_le(seen->left, b.left) && seq_lt(b.left, seen->right))
            b.left = seq_min(seen->right, b.right);
    }
    return b;
}

static bool plausible(const struct tcp *c, const struct wire_sack_block *b, struct seq ack)
{
    return seq_lt(b->left, b->right) && seq_le(b->right, c->snd_nxt) && seq_ge(b->left, ack);
}

bool sack_apply(struct tcp_layer *t, struct tcp *c, struct tcp_work *w, const struct wire_tcp_options *o,
                struct seq ack, struct sent_delivery *d)
{
    struct wire_sack_block seen[SACK_SEEN] = {0};
    uint32_t n_seen = 0;
    bool dsack = o->sack_count > 0 && seq_lt(o->sack[0].left, o->sack[0].right) && is_dsack(o, ack);
    t->counters.dsack_received += dsack;
    for (uint32_t i = dsack ? 1 : 0; i < o->sack_count; i++) {
        const struct wire_sack_block *b = &o->sack[i];
        if (!plausible(c, b, ack))
            continue;
        if (w->sacked == 0)
            w->high_sacked = ack;
        struct wire_sack_block fresh = news(w, *b);
        bool complete = sent_sack(t, w, fresh.left, fresh.right, d);
        if (w->sacked > 0)
            w->high_sacked = seq_max(w->high_sacked, b->right);
        if (complete && n_seen < SACK_SEEN)
            seen[n_seen++] = *b;
    }
    memcpy(w->sack_seen, seen, sizeof seen);
    return dsack;
}
