/* SPDX-License-Identifier: MIT */
/*
 * weir bench host, rows about datagrams: reassembly of 10,000 at once, of which all beginnings come before all ends, and
 * small ones from and to a port.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/bench_host.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define DATAGRAMS 10000u
#define HALF 1448u /* of a datagram, a fragment of its own: the most that IPv6 gets into 1,500 bytes */
#define SMALL 26u  /* UDP header and payload of a frame of 60 bytes with IPv4 */

/* ---- reassembly ---- */

struct halves {
    uint8_t frames[2][1600];
    uint32_t length, sent;
};

static void make_half(const struct bench_host *b, struct halves *h, unsigned i, const uint8_t *whole)
{
    const struct wire_ipv6_fragment fragment = {
        .offset = (uint16_t)(i * HALF), .next_header = IP_PROTO_UDP, .more = i == 0};
    uint8_t *frame = h->frames[i];
    uint32_t at = bench_host_frame(b, frame, b->v6 ? IP_PROTO_FRAGMENT : IP_PROTO_UDP, HALF + (b->v6 ? 8 : 0));
    if (b->v6)
        at += (uint32_t)wire_ipv6_fragment_build(frame + at, &fragment);
    else
        store_be16(frame + 14 + 6, (uint16_t)(i == 0 ? WIRE_IPV4_MF << 13 : HALF / 8));
    memcpy(frame + at, whole + i * HALF, HALF);
    h->length = at + HALF;
}

static void make_halves(const struct bench_host *b, struct halves *h)
{
    uint8_t whole[2 * HALF] = {0};
    bench_host_udp_header(b, whole, sizeof whole);
    make_half(b, h, 0, whole);
    make_half(b, h, 1, whole);
    h->sent = 0;
}

static void set_id(const struct bench_host *b, uint8_t *ip, uint32_t id)
{
    if (b->v6) {
        store_be32(ip + WIRE_IPV6_LEN + 4, id);
        return;
    }
    store_be16(ip + 4, (uint16_t)id);
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t sum = checksum_finish(wire_ipv4_sum20(ip));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &sum, sizeof sum);
}

/* Fragments of 10,000 datagrams: their beginnings in order, then their ends, and so on. */
static unsigned fragment_burst(struct bench_host *b, void *context)
{
    struct halves *h = context;
    struct packet *burst[LINK_BURST];
    unsigned n = link_tx_alloc(b->outside, burst, LINK_BURST, LINK_ALLOC_DATA);
    for (unsigned i = 0; i < n; i++, h->sent = (h->sent + 1) % (2 * DATAGRAMS)) {
        memcpy(burst[i]->data, h->frames[h->sent / DATAGRAMS], h->length);
        burst[i]->len = h->length;
        set_id(b, burst[i]->data + 14, h->sent % DATAGRAMS);
    }
    link_tx_burst(b->outside, burst, n, b->now);
    bench_host_turn(b);
    return n;
}

static void reassembly_settings(struct stack_settings *s)
{
    stack_settings_default(s);
    s->fragment_bytes_high = 128u << 20;
    s->fragment_bytes_low = 96u << 20;
    s->fragment_source_bytes = 128u << 20;
    s->fragment_max_distance = 0;
}

/* Whatever did not arrive was not forgotten either, but is on its way. */
static bool all_arrived(const struct bench_host *b, uint64_t fragments)
{
    return b->received + 2 * DATAGRAMS >= fragments / 2 && stack_counters(b->stack)->frag_evicted == 0;
}

static int reassemble(bool v6, int64_t run_ns, struct bench_result *result)
{
    struct stack_settings s;
    struct bench_host b;
    struct halves *h = malloc(sizeof *h);
    if (!h)
        return ERR_NO_MEMORY;
    reassembly_settings(&s);
    int e = bench_host_open(&b, v6, &s);
    if (e == 0 && (e = bench_host_bind(&b, BENCH_HOST_PORT)) == 0) {
        make_halves(&b, h);
        double rate = bench_host_rate(&b, fragment_burst, h, run_ns);
        bench_record(result, v6 ? "reassembly_ipv6_10000_datagrams" : "reassembly_ipv4_10000_datagrams", "Mfragments/s",
                     rate);
        const struct stack_counters *c = stack_counters(b.stack);
        if (!all_arrived(&b, c->ipv4_fragments_received + c->ipv6_fragments_received))
            e = ERR_PROTOCOL;
    }
    bench_host_close(&b);
    free(h);
    return e;
}

int bench_host_reassembly(int64_t run_ns, struct bench_result *result)
{
    int e = reassemble(false, run_ns / 2, result);
    return e < 0 ? e : reassemble(true, run_ns / 2, result);
}

/* ---- UDP ---- */

struct small {
    uint8_t frame[128];
    uint32_t length;
};

static unsigned receive_burst(struct bench_host *b, void *context)
{
    const struct small *small = context;
    struct packet *burst[LINK_BURST];
    uint64_t before = b->received;
    unsigned n = link_tx_alloc(b->outside, burst, LINK_BURST, LINK_ALLOC_DATA);
    for (unsigned i = 0; i < n; i++) {
        memcpy(burst[i]->data, small->frame, small->length);
        burst[i]->len = small->length;
    }
    link_tx_burst(b->outside, burst, n, b->now);
    bench_host_turn(b);
    return (unsigned)(b->received - before);
}

static unsigned send_burst(struct bench_host *b, void *context)
{
    const struct udp_datagram *d = context;
    for (unsigned i = 0; i < LINK_BURST; i++)
        if (udp_send(b->stack, d, b->now) < 0)
            break;
    bench_host_turn(b);
    return bench_host_drain(b);
}

static int measure_udp(struct bench_host *b, int64_t run_ns, struct bench_result *result)
{
    static const uint8_t payload[SMALL - 8];
    struct small small;
    struct udp_datagram d = {.local = b->local,
                             .remote = bench_host_station(b, 0),
                             .local_port = BENCH_HOST_PORT,
                             .remote_port = 9,
                             .bytes = payload,
                             .length = sizeof payload};
    int e = bench_host_bind(b, BENCH_HOST_PORT);
    if (e < 0)
        return e;
    uint32_t at = bench_host_frame(b, small.frame, IP_PROTO_UDP, SMALL);
    memset(small.frame + at, 0, SMALL);
    bench_host_udp_header(b, small.frame + at, SMALL);
    small.length = at + SMALL;
    bench_record(result, b->v6 ? "udp_ipv6_received" : "udp_ipv4_received", "Mframes/s",
                 bench_host_rate(b, receive_burst, &small, run_ns / 2));
    bench_record(result, b->v6 ? "udp_ipv6_sent" : "udp_ipv4_sent", "Mframes/s",
                 bench_host_rate(b, send_burst, &d, run_ns / 2));
    return 0;
}

int bench_host_udp(int64_t run_ns, struct bench_result *result)
{
    int e = 0;
    for (unsigned v6 = 0; v6 < 2 && e == 0; v6++) {
        struct bench_host b;
        e = bench_host_open(&b, v6, NULL);
        if (e == 0)
            e = measure_udp(&b, run_ns / 2, result);
        bench_host_close(&b);
    }
    return e;
}
