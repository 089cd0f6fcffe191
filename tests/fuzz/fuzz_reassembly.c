/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: IPv4 reassembly against a model, which keeps a list of what came of each datagram: what is wrong in itself
 * is left out, an equal piece again too; any other overlap, an end that contradicts another, and time kill the
 * datagram; what is whole is delivered, byte for byte. With bit 0 of the first byte set, instead: little memory, where
 * datagrams go when others come; then only bounds are checked, and that each byte delivered was sent for its place.
 *
 * Input: behind the first byte, operations of 5 bytes: bits 0-1 identification, 2 source, 3 last fragment, 4 salt of
 * the bytes, 5-6 ECN, 7 time passes first; from and length in units of 8, 8, 256 and 1480 bytes by identification; two
 * bytes for the UDP header's length. The world stays from input to input; each ends with everything given up by time.
 */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "stack/stack_internal.h"

#define OUR_ADDRESS 0xc0000201u
#define PEER_ADDRESS 0xc0000202u
#define PORT 7000
#define TIMEOUT (60 * NS_PER_S)
#define MOST_PIECES 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
    uint32_t from, to;
    bool last;
    uint8_t salt, ecn;
};

/* A datagram that is not whole; without pieces: none. */
struct model {
    struct piece pieces[MOST_PIECES];
    unsigned n;
    int64_t deadline;
};

struct world {
    struct link *ends[2];
    struct guard guard;
    struct stack *stack;
    int64_t now;
    bool little;
    struct model models[8];
    bool expected; /* a delivery */
    uint32_t expected_length;
    uint8_t *bytes; /* of the payload, as far as they are known */
    unsigned delivered;
};

static uint8_t byte_at(uint32_t i, uint8_t salt) { return (uint8_t)(i * 7 + (i >> 8) + salt); }

static void received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct world *w = context;
    w->delivered++;
    if (!w->little) {
        assert(w->expected && d->length == w->expected_length && memcmp(d->bytes, w->bytes + 8, d->length) == 0);
        return;
    }
    for (uint32_t i = 0; i < d->length; i++)
        assert(d->bytes[i] == byte_at(i + 8, 0) || d->bytes[i] == byte_at(i + 8, 1));
}

/* ---- the model ---- */

static uint32_t end_of(const struct model *m)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->pieces[i].last)
            return m->pieces[i].to;
    return 0;
}

static bool contradicts(const struct model *m, const struct piece *p)
{
    uint32_t end = end_of(m);
    if (end && (p->to > end || (p->last && p->to != end)))
        return true;
    for (unsigned i = 0; i < m->n; i++)
        if (p->last && m->pieces[i].to > p->to)
            return true;
    return false;
}

static bool overlaps(const struct model *m, const struct piece *p)
{
    for (unsigned i = 0; i < m->n; i++)
        if (p->from < m->pieces[i].to && m->pieces[i].from < p->to)
            return true;
    return false;
}

static bool is_duplicate(const struct model *m, const struct piece *p)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->pieces[i].from == p->from && m->pieces[i].to == p->to && m->pieces[i].last == p->last)
            return true;
    return false;
}

/* Pieces do not overlap, so that their lengths add up. */
static bool is_whole(const struct model *m)
{
    uint32_t there = 0, end = end_of(m);
    for (unsigned i = 0; i < m->n; i++)
        there += m->pieces[i].to - m->pieces[i].from;
    return end > 0 && there == end;
}

static bool ecn_contradicts(const struct model *m)
{
    unsigned capable = 0;
    for (unsigned i = 0; i < m->n; i++)
        capable += m->pieces[i].ecn != 0;
    return capable > 0 && capable < m->n;
}

/* What the whole datagram leads to. */
static void expect_delivery(struct world *w, const struct model *m, uint16_t udp_length)
{
    for (unsigned i = 0; i < m->n; i++)
        for (uint32_t at = m->pieces[i].from; at < m->pieces[i].to; at++)
            w->bytes[at] = byte_at(at, m->pieces[i].salt);
    w->expected = !ecn_contradicts(m) && udp_length >= 8 && udp_length <= end_of(m);
    w->expected_length = udp_length - 8u;
}

/* claimed: the UDP header's length, in the piece at 0. */
static void model_input(struct world *w, struct model *m, const struct piece *p, uint16_t *udp_length, uint16_t claimed)
{
    if (p->from == 0 && p->last) { /* no fragment */
        expect_delivery(w, &(struct model){.pieces = {*p}, .n = 1}, claimed);
        return;
    }
    if (p->from == p->to || (!p->last && (p->to - p->from) % 8) || p->to + 20 > 65535)
        return;
    if (m->n > 0 && is_duplicate(m, p))
        return;
    if (m->n > 0 && (contradicts(m, p) || overlaps(m, p))) {
        m->n = 0;
        return;
    }
    if (m->n == 0)
        m->deadline = w->now + TIMEOUT;
    m->pieces[m->n++] = *p;
    if (p->from == 0)
        *udp_length = claimed;
    if (is_whole(m)) {
        expect_delivery(w, m, *udp_length);
        m->n = 0;
    }
}

static void model_time(struct world *w)
{
    for (unsigned i = 0; i < ARRAY_SIZE(w->models); i++)
        if (w->models[i].n > 0 && w->models[i].deadline <= w->now)
            w->models[i].n = 0;
}

/* ---- the world ---- */

static void *heap_alloc(const struct allocator *self, size_t size, size_t align)
{
    (void)self;
    void *memory = aligned_alloc(align < 16 ? 16 : align, (size + 63) & ~(size_t)63);
    return memory ? memset(memory, 0, size) : NULL;
}

static void heap_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self, (void)size;
    free(memory);
}

static struct world *world_new(bool little)
{
    static const struct allocator heap = {.alloc = heap_alloc, .free = heap_free};
    struct world *w = calloc(1, sizeof *w);
    struct memory_settings m;
    struct guard_rules rules;
    struct stack_settings s;
    assert(w != NULL);
    w->now = NS_PER_S;
    w->little = little;
    w->bytes = calloc(1, 65536);
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 32;
    m.reserve = 16;
    assert(memory_link_new(&m, &heap, "fuzz", w->ends) == 0);
    guard_rules_default(&rules);
    assert(guard_init(&w->guard, &rules, NULL, w->now) == 0);
    stack_settings_default(&s);
    s.tcp.max_connections = s.tcp.max_time_wait = 8;
    s.tcp.max_listeners = 2;
    s.fragment_timeout_ns = TIMEOUT;
    s.fragment_max_distance = 0;
    if (little) {
        s.fragment_bytes_high = 160 << 10;
        s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
        s.fragment_max_distance = 5;
    }
    assert(stack_new(&s, &heap, w->now, &w->stack) == 0);
    assert(stack_add_interface(w->stack, w->ends[0], &w->guard) == 0);
    struct host_settings host = {
        .mac = {2, 0, 0, 0, 0, 1}, .address = ip_addr_from_v4(OUR_ADDRESS), .prefix_length = 24};
    assert(stack_add_host(w->stack, &host) == 1);
    assert(udp_bind(w->stack, 0, PORT, received, NULL, w) == 0);
    return w;
}

static void turn(struct world *w)
{
    struct packet *p[LINK_BURST];
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    for (unsigned n; (n = link_rx_burst(w->ends[1], p, LINK_BURST, w->now)) > 0;)
        packet_release_burst(p, n);
}

static void write_header(uint8_t *ip, const struct piece *p, unsigned source, uint16_t id)
{
    static const uint8_t head[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    memcpy(ip - 14, head, 14);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    ip[1] = p->ecn;
    store_be16(ip + 2, (uint16_t)(20 + p->to - p->from));
    store_be16(ip + 4, id);
    store_be16(ip + 6, (uint16_t)((p->last ? 0 : 0x2000u) | p->from / 8));
    ip[8] = 64;
    ip[9] = IP_PROTO_UDP;
    store_be32(ip + 12, PEER_ADDRESS + source);
    store_be32(ip + 16, OUR_ADDRESS);
    uint16_t sum = checksum_finish(checksum_add(0, ip, 20));
    memcpy(ip + 10, &sum, 2);
}

static void send_piece(struct world *w, const struct piece *p, unsigned source, uint16_t id, uint16_t udp_length)
{
    struct packet *f;
    assert(link_tx_alloc(w->ends[1], &f, 1, LINK_ALLOC_DATA) == 1);
    uint8_t *payload = f->data + 34;
    write_header(f->data + 14, p, source, id);
    for (uint32_t i = p->from; i < p->to; i++)
        payload[i - p->from] = byte_at(i, p->salt);
    if (p->from == 0 && p->to >= 8) {
        store_be16(payload, 1234);
        store_be16(payload + 2, PORT);
        store_be16(payload + 4, udp_length);
        store_be16(payload + 6, 0);
    }
    f->len = 34 + p->to - p->from;
    w->ends[1]->ops->tx_burst(w->ends[1], &f, 1, w->now);
    turn(w);
}

static void operate(struct world *w, const uint8_t *op, uint16_t *udp_lengths)
{
    static const uint32_t units[] = {8, 8, 256, 1480};
    unsigned id = op[0] & 3u, source = op[0] >> 2 & 1u, at = id + 4 * source;
    uint32_t unit = units[id];
    struct piece p = {
        .from = min_u32(op[1] * unit, 65528), .last = op[0] & 8, .salt = op[0] >> 4 & 1, .ecn = op[0] >> 5 & 3};
    p.to = p.from + min_u32((op[2] & 15u) * unit + (op[2] >> 4 & 7u), 1480);
    if (p.from == 0 && p.to < 8)
        p.to = 8; /* the UDP header lies in one fragment, so that its length is known */
    if (op[0] & 128) {
        w->now += op[3] * (NS_PER_S / 16);
        turn(w);
        model_time(w);
    }
    w->expected = false;
    w->delivered = 0;
    if (w->models[at].n == MOST_PIECES)
        return;
    if (!w->little)
        model_input(w, &w->models[at], &p, &udp_lengths[at], load_be16(op + 3));
    send_piece(w, &p, source, (uint16_t)id, load_be16(op + 3));
    assert(w->little || w->delivered == w->expected);
    assert(w->stack->fragments.bytes <= w->stack->settings.fragment_bytes_high);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world *worlds[2];
    uint16_t udp_lengths[8] = {0};
    if (size < 1)
        return 0;
    struct world **made = &worlds[data[0] & 1];
    if (!*made)
        *made = world_new(data[0] & 1);
    struct world *w = *made;
    for (size_t at = 1, n = 0; at + 5 <= size && n < 200; at += 5, n++)
        operate(w, data + at, udp_lengths);
    for (unsigned i = 0; i < 3; i++) {
        w->now += TIMEOUT;
        turn(w);
    }
    memset(w->models, 0, sizeof w->models);
    assert(w->stack->fragments.bytes == 0 && w->stack->fragments.sources.used == 0);
    assert(reassembly_deadline(&w->stack->fragments) == TIME_NEVER);
    return 0;
}
