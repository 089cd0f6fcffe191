/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the near box share: a box between two memory links, at whose far ends a client and a server are
 * scripts.
 */
#ifndef WEIR_TESTS_UNIT_ACCEL_RIG_H
#define WEIR_TESTS_UNIT_ACCEL_RIG_H

#include "accel/accel.h"
#include "link/memory.h"
#include "support/cmocka_all.h"
#include "support/counting_alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"

#define CLIENT 0xc6120001u
#define SERVER 0xc6120002u
#define CLIENT_ISN 0xffffff00u
#define SERVER_ISN 0xfffffff0u
#define SERVER_PORT 80

/* A segment that came out of the box. */
struct seen {
    struct wire_tcp tcp;
    struct wire_tcp_options options;
    uint8_t frame[1514];
    uint32_t length, payload, payload_length;
};

static struct rig {
    struct counting_alloc counting;
    struct link *ends[2][2]; /* by side: the box's, and the script's */
    struct accel *box;
    int64_t now;
    uint32_t client; /* its address */
    struct seq our_isn;
} r;

static inline void make_box(const struct accel_settings *s)
{
    assert_int_equal(accel_new(s, &r.counting.allocator, r.ends[0][0], r.ends[1][0], r.now, &r.box), 0);
}

static inline void settings_default(struct accel_settings *s)
{
    accel_settings_default(s);
    s->max_flows = s->max_openings = 2;
    s->max_servers = s->early_buffers = s->max_sources = 4;
}

static inline void make_rig(const struct accel_settings *s)
{
    struct memory_settings m;
    r = (struct rig){.now = NS_PER_S, .client = CLIENT};
    counting_alloc_init(&r.counting);
    memory_settings_default(&m);
    m.frames = 512;
    for (unsigned side = 0; side < 2; side++)
        assert_int_equal(memory_link_new(&m, &r.counting.allocator, side ? "servers" : "clients", r.ends[side]), 0);
    make_box(s);
}

static inline int set_up(void **state)
{
    (void)state;
    struct accel_settings s;
    settings_default(&s);
    make_rig(&s);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    assert_null(accel_check(r.box));
    accel_delete(r.box);
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < 2; i++)
            link_flush(r.ends[side][i]); /* frames of the other link wait in it */
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < 2; i++)
            link_close(r.ends[side][i]);
    return r.counting.live_blocks != 0;
}

/* ---- frames ---- */

static inline uint32_t put_headers(uint8_t *f, enum accel_side from, uint8_t protocol, uint32_t bytes)
{
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const struct wire_ipv4 h = {.src = from == ACCEL_CLIENTS ? r.client : SERVER,
                                .dst = from == ACCEL_CLIENTS ? SERVER : r.client,
                                .total_len = (uint16_t)(20 + bytes),
                                .ttl = 64,
                                .protocol = protocol};
    wire_eth_build14(f, mac[from == ACCEL_CLIENTS], mac[from == ACCEL_SERVERS], ETHERTYPE_IPV4);
    return 14 + (uint32_t)wire_ipv4_build20(f + 14, &h);
}

static inline void give(enum accel_side from, const uint8_t *frame, uint32_t length)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(r.ends[from][1], &p, 1, LINK_ALLOC_DATA), 1);
    memcpy(p->data, frame, length);
    p->len = length;
    link_tx_burst(r.ends[from][1], &p, 1, r.now);
    accel_turn(r.box, r.now);
    assert_null(accel_check(r.box));
}

static uint16_t spoilt; /* what the checksum of the next segments is wrong by */

/* A segment to the box. `port` is the client's. */
static inline void send_segment(enum accel_side from, uint16_t port, uint16_t flags, uint32_t seq, uint32_t ack,
                                const struct wire_tcp_options *o, const char *text)
{
    uint8_t f[1514], tcp[WIRE_TCP_MAX];
    const struct wire_tcp h = {.src_port = from == ACCEL_CLIENTS ? port : SERVER_PORT,
                               .dst_port = from == ACCEL_CLIENTS ? SERVER_PORT : port,
                               .seq = seq_of(seq),
                               .ack = seq_of(ack),
                               .flags = flags,
                               .window = 1000};
    const uint32_t header = (uint32_t)wire_tcp_build(tcp, &h, o), payload = (uint32_t)strlen(text);
    const uint32_t at = put_headers(f, from, IP_PROTO_TCP, header + payload);
    memcpy(f + at, tcp, header);
    memcpy(f + at + header, text, payload);
    const uint16_t sum = wire_l4_checksum_v4(r.client, SERVER, IP_PROTO_TCP, f + at, header + payload) ^ spoilt;
    memcpy(f + at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    give(from, f, at + header + payload);
}

static inline bool take_frame(enum accel_side at, struct seen *s)
{
    struct packet *p;
    if (link_rx_burst(r.ends[at][1], &p, 1, r.now) == 0)
        return false;
    assert_true(p->len <= sizeof s->frame);
    memcpy(s->frame, p->data, p->len);
    s->length = p->len;
    packet_release(p);
    return true;
}

/* The next segment that the box gave to a side, right in all its checksums. */
static inline struct seen expect(enum accel_side at, uint16_t flags)
{
    struct seen s;
    assert_true(take_frame(at, &s));
    assert_true(wire_ipv4_checksum_ok20(s.frame + 14));
    const uint32_t bytes = load_be16(s.frame + 16) - 20u;
    assert_true(wire_l4_checksum_ok_v4(r.client, SERVER, IP_PROTO_TCP, s.frame + 34, bytes));
    const int header = wire_tcp_parse(s.frame + 34, bytes, &s.tcp);
    assert_true(header > 0);
    wire_tcp_options_parse(s.frame + 54, (size_t)header - 20, &s.options);
    s.payload = 34 + (uint32_t)header;
    s.payload_length = bytes - (uint32_t)header;
    assert_int_equal(s.tcp.flags, flags);
    return s;
}

static inline void expect_nothing(void)
{
    struct seen s;
    assert_false(take_frame(ACCEL_CLIENTS, &s));
    assert_false(take_frame(ACCEL_SERVERS, &s));
}

static inline void expect_text(const struct seen *s, const char *text)
{
    assert_int_equal(s->payload_length, strlen(text));
    assert_memory_equal(s->frame + s->payload, text, strlen(text));
}

static const struct wire_tcp_options offer = {
    .present = TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED, .mss = 1460, .wscale = 7};
static const struct wire_tcp_options plain = {.present = TCP_OPT_MSS, .mss = 1460};

/* The client's SYN and our answer. */
static inline void ask(uint16_t port)
{
    send_segment(ACCEL_CLIENTS, port, TCP_SYN | TCP_ECE | TCP_CWR, CLIENT_ISN, 0, &offer, "");
    struct seen s = expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    r.our_isn = s.tcp.seq;
    assert_int_equal(s.tcp.ack.v, CLIENT_ISN + 1);
    s = expect(ACCEL_SERVERS, TCP_SYN); /* without ECN */
    assert_int_equal(s.tcp.seq.v, CLIENT_ISN);
    assert_int_equal(s.options.present, offer.present);
}
static inline void client_sends(uint16_t port, uint16_t flags, uint32_t offset, const char *text)
{
    send_segment(ACCEL_CLIENTS, port, flags, CLIENT_ISN + 1 + offset, r.our_isn.v + 1, NULL, text);
}
static inline void server_answers(uint16_t port)
{
    send_segment(ACCEL_SERVERS, port, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, &plain, "");
}
static inline void open_flow(uint16_t port)
{
    ask(port);
    client_sends(port, TCP_ACK, 0, "");
    server_answers(port);
    const struct seen s = expect(ACCEL_SERVERS, TCP_ACK);
    assert_int_equal(s.tcp.ack.v, SERVER_ISN + 1);
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_ACK).tcp.window,
                     1000); /* the server's, in the place of what was promised */
    expect_nothing();
}
static inline void wait_ms(int64_t ms)
{
    for (int64_t end = r.now + ms * NS_PER_MS; r.now < end;) {
        r.now += NS_PER_MS;
        accel_turn(r.box, r.now);
    }
}
static inline void expect_acknowledged(uint32_t offset)
{
    assert_int_equal(expect(ACCEL_CLIENTS, TCP_ACK).tcp.ack.v, CLIENT_ISN + 1 + offset);
}

static inline uint64_t counter(size_t offset)
{
    uint64_t value;
    memcpy(&value, (const uint8_t *)accel_counters(r.box) + offset, sizeof value);
    return value;
}
#define COUNTED(name) counter(offsetof(struct accel_counters, name))

#endif
