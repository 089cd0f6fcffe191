/* SPDX-License-Identifier: MIT */
/*
 * A box of the accelerator between two memory links whose far ends are a script's: for tests of what others see of it.
 */
#ifndef WEIR_TESTS_UNIT_ACCEL_ENDS_H
#define WEIR_TESTS_UNIT_ACCEL_ENDS_H

#include "accel/accel.h"
#include "link/memory.h"
#include "support/cmocka_all.h"
#include "support/counting_alloc.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"

#define ENDS_CLIENT 0xc6120001u
#define ENDS_SERVER 0xc6120002u
#define ENDS_SERVER_PORT 80
#define ENDS_FRAME 1514u

struct ends {
    struct counting_alloc counting;
    struct link *links[2][2]; /* by side: the box's, and the script's */
    struct accel *box;
    int64_t now;
};

static inline void ends_open(struct ends *e, const struct accel_settings *s)
{
    struct memory_settings m;
    *e = (struct ends){.now = NS_PER_S};
    counting_alloc_init(&e->counting);
    memory_settings_default(&m);
    for (unsigned side = 0; side < 2; side++)
        assert_int_equal(memory_link_new(&m, &e->counting.allocator, side ? "servers" : "clients", e->links[side]), 0);
    assert_int_equal(accel_new(s, &e->counting.allocator, e->links[0][0], e->links[1][0], e->now, &e->box), 0);
}

static inline void ends_close(struct ends *e)
{
    assert_null(accel_check(e->box));
    accel_delete(e->box);
    for (unsigned i = 0; i < 4; i++)
        link_flush(e->links[i / 2][i % 2]);
    for (unsigned i = 0; i < 4; i++)
        link_close(e->links[i / 2][i % 2]);
    assert_int_equal(e->counting.live_blocks, 0);
}

/* A segment: who sends it, and what. */
struct ends_segment {
    enum accel_side from;
    uint16_t port; /* the client's */
    uint16_t flags;
    uint32_t seq, ack;
    const struct wire_tcp_options *options;
    const char *text;
    uint16_t spoilt; /* what the checksum is wrong by */
};

static inline uint32_t ends_frame(uint8_t f[ENDS_FRAME], const struct ends_segment *s)
{
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const bool by_client = s->from == ACCEL_CLIENTS;
    const struct wire_tcp h = {.src_port = by_client ? s->port : ENDS_SERVER_PORT,
                               .dst_port = by_client ? ENDS_SERVER_PORT : s->port,
                               .seq = seq_of(s->seq),
                               .ack = seq_of(s->ack),
                               .flags = s->flags,
                               .window = 1000};
    uint8_t tcp[WIRE_TCP_MAX];
    const uint32_t header = (uint32_t)wire_tcp_build(tcp, &h, s->options);
    const uint32_t payload = s->text ? (uint32_t)strlen(s->text) : 0;
    const struct wire_ipv4 ip = {.src = by_client ? ENDS_CLIENT : ENDS_SERVER,
                                 .dst = by_client ? ENDS_SERVER : ENDS_CLIENT,
                                 .total_len = (uint16_t)(20 + header + payload),
                                 .ttl = 64,
                                 .protocol = IP_PROTO_TCP};
    wire_eth_build14(f, mac[by_client], mac[!by_client], ETHERTYPE_IPV4);
    const uint32_t at = 14 + (uint32_t)wire_ipv4_build20(f + 14, &ip);
    memcpy(f + at, tcp, header);
    if (payload)
        memcpy(f + at + header, s->text, payload);
    const uint16_t sum =
        wire_l4_checksum_v4(ENDS_CLIENT, ENDS_SERVER, IP_PROTO_TCP, f + at, header + payload) ^ s->spoilt;
    memcpy(f + at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    return at + header + payload;
}

/* A frame to the box, and a turn of it. */
static inline void ends_give(struct ends *e, enum accel_side from, const uint8_t *frame, uint32_t length)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(e->links[from][1], &p, 1, LINK_ALLOC_DATA), 1);
    memcpy(p->data, frame, length);
    p->len = length;
    link_tx_burst(e->links[from][1], &p, 1, e->now);
    accel_turn(e->box, e->now);
    assert_null(accel_check(e->box));
}

static inline void ends_send(struct ends *e, const struct ends_segment *s)
{
    uint8_t frame[ENDS_FRAME];
    const uint32_t length = ends_frame(frame, s);
    ends_give(e, s->from, frame, length);
}

/* The next frame that the box gave to a side; 0: none. */
static inline uint32_t ends_take(struct ends *e, enum accel_side at, uint8_t frame[ENDS_FRAME])
{
    struct packet *p;
    if (link_rx_burst(e->links[at][1], &p, 1, e->now) == 0)
        return 0;
    const uint32_t length = p->len;
    assert_true(length <= ENDS_FRAME);
    memcpy(frame, p->data, length);
    packet_release(p);
    return length;
}

/* Everything that the box gave to both sides; how many frames. */
static inline unsigned ends_drain(struct ends *e)
{
    uint8_t frame[ENDS_FRAME];
    unsigned n = 0;
    for (unsigned side = 0; side < 2; side++)
        while (ends_take(e, (enum accel_side)side, frame))
            n++;
    return n;
}

/* The sequence number of the box's SYN-ACK, which is the next frame for the clients. */
static inline uint32_t ends_isn(struct ends *e)
{
    uint8_t frame[ENDS_FRAME];
    struct wire_tcp tcp;
    const uint32_t length = ends_take(e, ACCEL_CLIENTS, frame);
    assert_true(length > 34);
    assert_true(wire_tcp_parse(frame + 34, length - 34, &tcp) > 0);
    assert_int_equal(tcp.flags, TCP_SYN | TCP_ACK);
    return tcp.seq.v;
}

#endif
