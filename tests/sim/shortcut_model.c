/* SPDX-License-Identifier: MIT */
/*
 * See shortcut_model.h. One flow at a time is enough: a cell has one connection.
 */
#include "shortcut_model.h"

#include "answers_model.h"
#include "base/alloc_heap.h"
#include "base/random.h"

struct hook_link {
    struct link link;
    struct link *lower;
    struct shortcut_model *model;
    unsigned side;
};

struct shortcut_model {
    struct accel_shortcut hook;
    struct answers_model *answers;
    struct hook_link links[2];
    struct random random;
    uint32_t left_ppb;
    bool used, open[2];
    struct accel_key key;
    struct accel_shortcut_flow flow;
    uint64_t handled[2];
    struct accel_shortcut_numbers numbers;
    struct accel_shortcut_totals totals;
    uint32_t number;
};

/* ---- what the box asks ---- */

static bool publish(void *context, const struct accel_key *key, const struct accel_shortcut_flow *flow,
                    uint32_t *number)
{
    struct shortcut_model *m = context;
    if (m->used)
        return false;
    *number = ++m->number;
    m->used = true;
    m->key = *key;
    m->flow = *flow;
    m->numbers = (struct accel_shortcut_numbers){.seen_at = 0};
    for (unsigned side = 0; side < 2; side++) {
        m->open[side] = false;
        m->handled[side] = m->numbers.extent[side] = flow->extent[side];
    }
    return true;
}

static void handled(void *context, uint32_t number, const uint64_t extent[2])
{
    struct shortcut_model *m = context;
    if (number == m->number)
        memcpy(m->handled, extent, sizeof m->handled);
}

static bool look(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out)
{
    const struct shortcut_model *m = context;
    if (!m->used || memcmp(&m->key, key, sizeof *key) != 0)
        return false;
    *out = m->numbers;
    return true;
}

static bool take_back(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out)
{
    struct shortcut_model *m = context;
    const bool there = look(context, key, out);
    m->used = m->used && !there;
    return there;
}

static void count(void *context, struct accel_shortcut_totals *out)
{
    *out = ((const struct shortcut_model *)context)->totals;
}

/* ---- frames ---- */

static bool is_plain(const struct shortcut_model *m, unsigned side, const struct accel_segment *s,
                     const struct wire_tcp *tcp)
{
    const unsigned plain = TCP_ACK | TCP_PSH | TCP_ECE | TCP_CWR | TCP_AE;
    const uint32_t payload = s->headers.end - s->headers.payload;
    return (tcp->flags & TCP_ACK) && !(tcp->flags & ~plain) && s->packet->gso == PACKET_GSO_NONE &&
           !s->packet->nfrags && s->packet->checksum != PACKET_CHECKSUM_PARTIAL &&
           (payload == 0 || payload + tcp->header_len - WIRE_TCP_MIN <= m->flow.most[side]);
}

static bool is_open(struct shortcut_model *m, unsigned side, struct seq sequence)
{
    if (!m->open[side])
        m->open[side] = seq_eq(sequence, seq_add(m->flow.isn[side], (uint32_t)m->handled[side]));
    return m->open[side];
}

static void note(struct shortcut_model *m, unsigned side, struct seq end, uint32_t bytes, int64_t now)
{
    const uint32_t extent = (uint32_t)m->numbers.extent[side];
    const int32_t more = (int32_t)(seq_len(m->flow.isn[side], end) - extent);
    m->numbers.extent[side] += more > 0 ? (uint32_t)more : 0;
    m->numbers.segments[side]++;
    m->numbers.bytes[side] += bytes;
    m->numbers.seen_at = now;
    m->totals.segments[side]++;
    m->totals.bytes[side] += bytes;
}

/* True: it is translated, and leaves by the other link. */
static bool takes(struct shortcut_model *m, unsigned side, struct packet *p, int64_t now)
{
    struct accel_segment s;
    struct accel_key key;
    struct wire_tcp tcp;
    if (!m->used || accel_segment_find(p, &s) < 0 ||
        wire_tcp_parse(p->data + s.headers.l4, s.headers.end - s.headers.l4, &tcp) < 0)
        return false;
    accel_key_of(&s, (enum accel_side)side, &key);
    if (memcmp(&key, &m->key, sizeof key) != 0 || !is_plain(m, side, &s, &tcp) ||
        random_chance(&m->random, m->left_ppb) || !is_open(m, side, tcp.seq))
        return false;
    note(m, side, seq_add(tcp.seq, s.headers.end - s.headers.payload), p->len, now);
    accel_translate(accel_segment_tcp(&s), tcp.header_len, side == ACCEL_CLIENTS ? ACCEL_TO_SERVER : ACCEL_TO_CLIENT,
                    &m->flow.shift, ACCEL_CHECKSUM_WHOLE);
    return true;
}

/* ---- the links ---- */

static struct hook_link *hook_link_of(struct link *l) { return container_of(l, struct hook_link, link); }

static unsigned hook_rx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    struct hook_link *h = hook_link_of(l);
    const unsigned got = link_rx_burst(h->lower, packets, n, now);
    unsigned left = 0;
    for (unsigned i = 0; i < got; i++) {
        if (h->side == ACCEL_CLIENTS && answers_model_takes(h->model->answers, packets[i], h->lower, now))
            continue;
        if (takes(h->model, h->side, packets[i], now))
            link_tx_burst(h->model->links[!h->side].lower, &packets[i], 1, now);
        else
            packets[left++] = packets[i];
    }
    return left;
}

static unsigned hook_tx_alloc(struct link *l, struct packet **packets, unsigned n, enum link_alloc kind)
{
    return link_tx_alloc(hook_link_of(l)->lower, packets, n, kind);
}
static void hook_tx_burst(struct link *l, struct packet **packets, unsigned n, int64_t now)
{
    link_tx_burst(hook_link_of(l)->lower, packets, n, now);
}
static uint32_t hook_tx_room(struct link *l) { return link_tx_room(hook_link_of(l)->lower); }
static int64_t hook_next_deadline(struct link *l) { return link_next_deadline(hook_link_of(l)->lower); }
static void hook_flush(struct link *l) { link_flush(hook_link_of(l)->lower); }
static void hook_close(struct link *l) { link_close(hook_link_of(l)->lower); }

static const struct link_ops hook_ops = {.rx_burst = hook_rx_burst,
                                         .tx_alloc = hook_tx_alloc,
                                         .tx_burst = hook_tx_burst,
                                         .tx_room = hook_tx_room,
                                         .next_deadline = hook_next_deadline,
                                         .flush = hook_flush,
                                         .close = hook_close};

struct shortcut_model *shortcut_model_new(struct link *links[2], uint64_t seed, uint32_t left_ppb)
{
    struct shortcut_model *m = alloc_zeroed(alloc_heap(), sizeof *m, CACHE_LINE);
    assert(m);
    m->hook = (struct accel_shortcut){
        .publish = publish, .handled = handled, .look = look, .take_back = take_back, .count = count, .context = m};
    m->answers = answers_model_new();
    m->left_ppb = left_ppb;
    random_seed(&m->random, seed);
    for (unsigned side = 0; side < 2; side++) {
        m->links[side] = (struct hook_link){.link = *links[side], .lower = links[side], .model = m, .side = side};
        m->links[side].link.ops = &hook_ops;
        links[side] = &m->links[side].link;
    }
    return m;
}

void shortcut_model_delete(struct shortcut_model *m)
{
    if (m)
        answers_model_delete(m->answers);
    alloc_free(alloc_heap(), m, m ? sizeof *m : 0);
}
const struct accel_shortcut *shortcut_model_hook(struct shortcut_model *m) { return &m->hook; }
const struct accel_answers *shortcut_model_answers(struct shortcut_model *m) { return answers_model_hook(m->answers); }
void shortcut_model_clear(struct shortcut_model *m)
{
    m->used = false;
    answers_model_clear(m->answers);
}
