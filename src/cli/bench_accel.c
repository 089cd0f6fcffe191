/* SPDX-License-Identifier: MIT */
/*
 * weir bench accel: one core between a client's and a server's end of memory links, which are this function. A million
 * connections are opened, one after the other in bursts (SYN, SYN-ACK, the client's ACK, the server's first data); then
 * data and acknowledgements of all of them in random order are translated, both ways. Only the box's own time counts.
 */
#include <string.h>

#include "accel/accel.h"
#include "base/alloc_heap.h"
#include "base/error.h"
#include "base/random.h"
#include "base/seq.h"
#include "cli/bench.h"
#include "engine/clock.h"
#include "link/memory.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

#define FLOWS 1000000u
#define BURST LINK_BURST
#define CLIENT_NET 0x0a000000u
#define SERVER 0xc6120001u
#define PAYLOAD 512u
#define CLIENT_ISN 1000u
#define SERVER_ISN 77000u

struct counted {
    struct allocator allocator;
    uint64_t bytes;
};

struct bed {
    struct counted memory;
    struct link *client[2], *server[2]; /* this function's end, the box's */
    struct accel *box;
    int64_t now, spent; /* virtual; in the box */
    uint64_t frames;    /* that the box took */
    uint32_t *our_isn;  /* of each connection, as the box told the client */
};

static void *count_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct counted *c = self->context;
    c->bytes += size;
    return alloc_heap()->alloc(alloc_heap(), size, align);
}

static void count_free(const struct allocator *self, void *memory, size_t size)
{
    (void)self;
    alloc_heap()->free(alloc_heap(), memory, size);
}

/* ---- segments ---- */

struct segment {
    uint32_t flow;
    bool from_client;
    uint16_t flags;
    struct seq seq, ack;
    uint32_t payload;
};

static const struct wire_tcp_options of_syn = {.present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED |
                                                          TCP_OPT_TIMESTAMPS,
                                               .mss = 1460,
                                               .wscale = 7,
                                               .ts_val = 1};
static const struct wire_tcp_options of_data = {.present = TCP_OPT_TIMESTAMPS, .ts_val = 2, .ts_ecr = 1};

static void fill(struct packet *p, const struct segment *s)
{
    static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const uint32_t client = CLIENT_NET + s->flow / 50000, port = 1024 + s->flow % 50000;
    const struct wire_tcp tcp = {.src_port = (uint16_t)(s->from_client ? port : 80),
                                 .dst_port = (uint16_t)(s->from_client ? 80 : port),
                                 .seq = s->seq,
                                 .ack = s->ack,
                                 .flags = s->flags,
                                 .window = 500};
    wire_eth_build14(p->data, macs[!s->from_client], macs[s->from_client], ETHERTYPE_IPV4);
    const int header = wire_tcp_build(p->data + 34, &tcp, s->flags & TCP_SYN ? &of_syn : &of_data);
    const uint32_t bytes = (uint32_t)header + s->payload;
    const struct wire_ipv4 ip = {.src = s->from_client ? client : SERVER,
                                 .dst = s->from_client ? SERVER : client,
                                 .total_len = (uint16_t)(WIRE_IPV4_MIN + bytes),
                                 .flags = WIRE_IPV4_DF,
                                 .ttl = 64,
                                 .protocol = IP_PROTO_TCP};
    wire_ipv4_build20(p->data + 14, &ip);
    p->len = 34 + bytes;
    p->checksum = PACKET_CHECKSUM_VERIFIED; /* the field says nothing: it is updated all the same */
}

static void send(struct bed *b, const struct segment *segments, unsigned n)
{
    struct packet *p[BURST];
    struct link *l = segments[0].from_client ? b->client[0] : b->server[0];
    if (link_tx_alloc(l, p, n, LINK_ALLOC_DATA) != n)
        return; /* counted by its not arriving */
    for (unsigned i = 0; i < n; i++)
        fill(p[i], &segments[i]);
    link_tx_burst(l, p, n, b->now);
}

static void turn(struct bed *b)
{
    const int64_t begin = clock_now();
    b->frames += accel_turn(b->box, b->now);
    b->spent += clock_now() - begin;
}

/* What came to an end. The box's numbers are learnt from its SYN-ACKs. */
static unsigned take(struct bed *b, struct link *l, uint32_t first)
{
    struct packet *p[BURST];
    unsigned all = 0;
    for (unsigned n; (n = link_rx_burst(l, p, BURST, b->now)) > 0; all += n) {
        for (unsigned i = 0; i < n; i++)
            if (l == b->client[0] && p[i]->data[47] == (TCP_SYN | TCP_ACK))
                b->our_isn[first + i] = load_be32(p[i]->data + 38);
        packet_release_burst(p, n);
    }
    return all;
}

/* ---- measurements ---- */

static void step(struct bed *b, uint32_t first, bool from_client, uint16_t flags, uint32_t payload)
{
    struct segment s[BURST];
    const struct seq client = seq_of(CLIENT_ISN), server = seq_of(SERVER_ISN);
    const bool syn = flags & TCP_SYN;
    for (unsigned i = 0; i < BURST; i++)
        s[i] = (struct segment){.flow = first + i,
                                .from_client = from_client,
                                .flags = flags,
                                .seq = seq_add(from_client ? client : server, !syn),
                                .ack = from_client ? seq_of(b->our_isn[first + i] + 1) : seq_add(client, 1),
                                .payload = payload};
    send(b, s, BURST);
    turn(b);
}

static int open_flows(struct bed *b, struct bench_result *r)
{
    for (uint32_t first = 0; first < FLOWS; first += BURST) {
        step(b, first, true, TCP_SYN, 0);
        (void)take(b, b->client[0], first);
        step(b, first, false, TCP_SYN | TCP_ACK, 0);
        step(b, first, true, TCP_ACK, 0);
        step(b, first, false, TCP_ACK | TCP_PSH, 1);
        (void)take(b, b->client[0], first);
        (void)take(b, b->server[0], first);
        b->now += NS_PER_MS / 4;
    }
    const struct accel_counters *c = accel_counters(b->box);
    if (c->flows_translated != FLOWS)
        return bench_fail(r, ERR_SYSTEM, "%llu of %u connections were translated",
                          (unsigned long long)c->flows_translated, FLOWS);
    bench_record(r, "new_flows_per_second", "1/s", FLOWS * 1e9 / (double)b->spent);
    return 0;
}

static void data_burst(struct bed *b, struct random *random, bool from_client)
{
    struct segment s[BURST];
    for (unsigned i = 0; i < BURST; i++) {
        const uint32_t flow = (uint32_t)random_below(random, FLOWS);
        s[i] = (struct segment){.flow = flow,
                                .from_client = from_client,
                                .flags = TCP_ACK,
                                .seq = seq_of((from_client ? CLIENT_ISN : SERVER_ISN) + 1),
                                .ack = seq_of((from_client ? b->our_isn[flow] : CLIENT_ISN) + 1),
                                .payload = from_client ? 0 : PAYLOAD};
    }
    send(b, s, BURST);
}

static void translate(struct bed *b, int64_t run_ns, struct bench_result *r)
{
    struct random random;
    random_seed(&random, 1);
    b->spent = 0;
    b->frames = 0;
    while (b->spent < run_ns) {
        data_burst(b, &random, true);
        data_burst(b, &random, false);
        turn(b);
        (void)take(b, b->client[0], 0);
        (void)take(b, b->server[0], 0);
    }
    bench_record(r, "segments_per_second", "1/s", (double)b->frames * 1e9 / (double)b->spent);
}

/* ---- the bed ---- */

static int make(struct bed *b)
{
    struct memory_settings m;
    memory_settings_default(&m);
    m.trust_checksums = true;
    int e = memory_link_new(&m, alloc_heap(), "clients", b->client);
    if (e == 0)
        e = memory_link_new(&m, alloc_heap(), "servers", b->server);
    struct accel_settings s;
    accel_settings_default(&s);
    s.max_flows = FLOWS;
    s.source_flows = s.source_syn_rate = s.syn_rate = 0;
    s.secret = (struct hash_key){1, 2};
    b->memory.allocator = (struct allocator){.alloc = count_alloc, .free = count_free, .context = &b->memory};
    b->our_isn = alloc_array(alloc_heap(), FLOWS, sizeof *b->our_isn, alignof(uint32_t));
    if (e == 0)
        e = b->our_isn ? 0 : ERR_NO_MEMORY;
    return e < 0 ? e : accel_new(&s, &b->memory.allocator, b->client[1], b->server[1], b->now, &b->box);
}

static void unmake(struct bed *b)
{
    accel_delete(b->box);
    alloc_free(alloc_heap(), b->our_isn, FLOWS * sizeof *b->our_isn);
    struct link *all[] = {b->client[0], b->client[1], b->server[0], b->server[1]};
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i])
            link_flush(all[i]);
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
        link_close(all[i]);
}

int bench_accel(const struct bench_options *o, struct bench_result *r)
{
    struct bed b = {.now = 1000 * NS_PER_S};
    int error = make(&b);
    if (error == 0) {
        bench_record(r, "bytes_per_flow", "B", (double)b.memory.bytes / FLOWS);
        error = open_flows(&b, r);
        if (error == 0)
            translate(&b, o->run_ns, r);
    } else {
        error = bench_fail(r, error, "a table of %u connections: %s", FLOWS, err_text(error));
    }
    unmake(&b);
    return error;
}
