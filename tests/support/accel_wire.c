/* SPDX-License-Identifier: MIT */
/*
 * See accel_wire.h.
 */
#include "support/accel_wire.h"

#include "link/memory.h"
#include "support/cmocka_all.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define CLIENT_PORT 1000
#define SERVER_PORT 80

struct accel_wire accel_wire;

void accel_wire_open(void)
{
    struct memory_settings m;
    struct accel_wire *w = &accel_wire;
    *w = (struct accel_wire){.now = 1000 * NS_PER_S};
    counting_alloc_init(&w->counting);
    memory_settings_default(&m);
    m.frames = 512;
    for (unsigned side = 0; side < 2; side++)
        assert_int_equal(memory_link_new(&m, &w->counting.allocator, side ? "servers" : "clients", w->ends[side]), 0);
    accel_settings_default(&w->settings);
    w->settings.max_flows = w->settings.max_openings = w->settings.max_servers = w->settings.early_buffers = 8;
    w->settings.max_sources = 8;
    w->settings.secret = (struct hash_key){1, 2};
}

void accel_wire_box(void)
{
    struct accel_wire *w = &accel_wire;
    assert_int_equal(accel_new(&w->settings, &w->counting.allocator, w->ends[0][0], w->ends[1][0], w->now, &w->box), 0);
}

void accel_wire_kill(void)
{
    accel_delete(accel_wire.box);
    accel_wire.box = NULL;
}

void accel_wire_close(void)
{
    struct accel_wire *w = &accel_wire;
    if (w->box)
        assert_null(accel_check(w->box));
    accel_wire_kill();
    for (unsigned i = 0; i < 4; i++)
        link_flush(w->ends[i / 2][i % 2]);
    for (unsigned i = 0; i < 4; i++)
        link_close(w->ends[i / 2][i % 2]);
    assert_int_equal(w->counting.live_blocks, 0);
}

/* ---- frames ---- */

static struct ip_addr address(uint32_t a, bool v6)
{
    if (!v6)
        return ip_addr_from_v4(a);
    uint8_t bytes[16] = {0x20, 0x01, 0, 2};
    store_be32(bytes + 4, a); /* a /64 of its own */
    store_be32(bytes + 12, a);
    return ip_addr_from_v6(bytes);
}

static uint32_t put_ip(uint8_t *f, const struct accel_shot *s, uint32_t bytes)
{
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const bool by_client = s->from == ACCEL_CLIENTS;
    const uint32_t client = s->client ? s->client : WIRE_CLIENT;
    const uint32_t from = by_client ? client : WIRE_SERVER, to = by_client ? WIRE_SERVER : client;
    wire_eth_build14(f, mac[by_client], mac[!by_client], s->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    if (s->v6) {
        const struct wire_ipv6 h = {.src = address(from, true),
                                    .dst = address(to, true),
                                    .payload_len = (uint16_t)bytes,
                                    .next_header = IP_PROTO_TCP,
                                    .hop_limit = 64};
        return 14 + (uint32_t)wire_ipv6_build(f + 14, &h);
    }
    const struct wire_ipv4 h = {
        .src = from, .dst = to, .total_len = (uint16_t)(20 + bytes), .ttl = 64, .protocol = IP_PROTO_TCP};
    return 14 + (uint32_t)wire_ipv4_build20(f + 14, &h);
}

uint32_t accel_wire_build(const struct accel_shot *s, uint8_t *f)
{
    uint8_t tcp[WIRE_TCP_MAX];
    const bool by_client = s->from == ACCEL_CLIENTS;
    const uint16_t port = s->port ? s->port : CLIENT_PORT;
    const struct wire_tcp h = {.src_port = by_client ? port : SERVER_PORT,
                               .dst_port = by_client ? SERVER_PORT : port,
                               .seq = seq_of(s->seq),
                               .ack = seq_of(s->ack),
                               .flags = s->flags,
                               .window = s->window ? s->window : 1000};
    uint32_t header = (uint32_t)wire_tcp_build(tcp, &h, s->raw_options ? NULL : s->options);
    if (s->raw_options) {
        memcpy(tcp + WIRE_TCP_MIN, s->raw_options, s->raw_length);
        header = WIRE_TCP_MIN + s->raw_length;
        tcp[12] = (uint8_t)(header / 4 << 4);
    }
    const uint32_t at = put_ip(f, s, header + s->length);
    memcpy(f + at, tcp, header);
    if (s->length)
        memcpy(f + at + header, s->payload, s->length);
    const uint32_t client = s->client ? s->client : WIRE_CLIENT;
    const struct ip_addr one = address(client, s->v6), other = address(WIRE_SERVER, s->v6);
    const uint16_t sum = wire_l4_checksum(&one, &other, IP_PROTO_TCP, f + at, header + s->length) ^ s->spoilt;
    memcpy(f + at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    return at + header + s->length;
}

void accel_wire_frame(enum accel_side from, const uint8_t *frame, uint32_t bytes)
{
    struct packet *p;
    struct link *l = accel_wire.ends[from][1];
    assert_int_equal(link_tx_alloc(l, &p, 1, LINK_ALLOC_DATA), 1);
    memcpy(p->data, frame, bytes);
    p->len = bytes;
    link_tx_burst(l, &p, 1, accel_wire.now);
    accel_turn(accel_wire.box, accel_wire.now);
}

void accel_wire_send(const struct accel_shot *shot)
{
    uint8_t f[WIRE_FRAME];
    accel_wire_frame(shot->from, f, accel_wire_build(shot, f));
    assert_null(accel_check(accel_wire.box));
}

static void look_at(struct accel_caught *c)
{
    const bool v6 = load_be16(c->frame + 12) == ETHERTYPE_IPV6;
    const uint8_t *ip = c->frame + 14;
    const uint32_t at = v6 ? 54 : 34, bytes = v6 ? load_be16(ip + 4) : load_be16(ip + 2) - 20u;
    const struct ip_addr from = v6 ? ip_addr_from_v6(ip + 8) : ip_addr_from_v4(load_be32(ip + 12));
    const struct ip_addr to = v6 ? ip_addr_from_v6(ip + 24) : ip_addr_from_v4(load_be32(ip + 16));
    if ((v6 ? ip[6] : ip[9]) != IP_PROTO_TCP)
        return;
    assert_true(v6 || wire_ipv4_checksum_ok20(ip));
    const uint16_t sum = wire_l4_checksum(&from, &to, IP_PROTO_TCP, c->frame + at, bytes);
    assert_true(sum == 0 || sum == 0xffff);
    const int header = wire_tcp_parse(c->frame + at, bytes, &c->tcp);
    assert_true(header > 0);
    wire_tcp_options_parse(c->frame + at + WIRE_TCP_MIN, (size_t)header - WIRE_TCP_MIN, &c->options);
    c->payload = at + (uint32_t)header;
    c->payload_length = bytes - (uint32_t)header;
}

bool accel_wire_catch(enum accel_side at, struct accel_caught *c)
{
    struct packet *p;
    if (link_rx_burst(accel_wire.ends[at][1], &p, 1, accel_wire.now) == 0)
        return false;
    assert_true(p->len <= sizeof c->frame);
    memcpy(c->frame, p->data, p->len);
    c->bytes = p->len;
    packet_release(p);
    look_at(c);
    return true;
}

struct accel_caught accel_wire_expect(enum accel_side at, uint16_t flags)
{
    struct accel_caught c;
    assert_true(accel_wire_catch(at, &c));
    assert_int_equal(c.tcp.flags, flags);
    return c;
}

void accel_wire_expect_nothing(void)
{
    struct accel_caught c;
    assert_false(accel_wire_catch(ACCEL_CLIENTS, &c));
    assert_false(accel_wire_catch(ACCEL_SERVERS, &c));
}

void accel_wire_wait(int64_t ms)
{
    for (int64_t end = accel_wire.now + ms * NS_PER_MS; accel_wire.now < end;) {
        accel_wire.now += NS_PER_MS;
        accel_turn(accel_wire.box, accel_wire.now);
    }
}

uint64_t accel_wire_drops(void)
{
    const struct accel_counters *c = accel_counters(accel_wire.box);
    return c->drop_bad_checksum + c->drop_bad_ack + c->drop_bad_reset + c->drop_out_of_order + c->drop_unexpected +
           c->drop_no_buffer + c->drop_no_room + c->drop_cannot_rewrite;
}

/* ---- connections ---- */

uint32_t accel_wire_ask(uint16_t port, const struct wire_tcp_options *offer)
{
    accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_SYN, .seq = WIRE_CLIENT_ISN, .options = offer});
    const struct accel_caught c = accel_wire_expect(ACCEL_CLIENTS, TCP_SYN | TCP_ACK);
    assert_int_equal(c.tcp.ack.v, WIRE_CLIENT_ISN + 1);
    assert_int_equal(accel_wire_expect(ACCEL_SERVERS, TCP_SYN).tcp.seq.v, WIRE_CLIENT_ISN);
    return c.tcp.seq.v;
}

void accel_wire_answer(uint16_t port, const struct wire_tcp_options *says)
{
    accel_wire_send(&(struct accel_shot){.from = ACCEL_SERVERS,
                                         .port = port,
                                         .flags = TCP_SYN | TCP_ACK,
                                         .seq = WIRE_SERVER_ISN,
                                         .ack = WIRE_CLIENT_ISN + 1,
                                         .options = says});
}

uint32_t accel_wire_join(uint16_t port, const struct wire_tcp_options *offer, const struct wire_tcp_options *says)
{
    const uint32_t isn = accel_wire_ask(port, offer);
    accel_wire_send(&(struct accel_shot){.port = port, .flags = TCP_ACK, .seq = WIRE_CLIENT_ISN + 1, .ack = isn + 1});
    accel_wire_answer(port, says);
    assert_int_equal(accel_wire_expect(ACCEL_SERVERS, TCP_ACK).tcp.ack.v, WIRE_SERVER_ISN + 1);
    accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
    accel_wire_expect_nothing();
    return isn;
}

void accel_wire_talk(uint16_t port, uint32_t isn, uint32_t at, uint32_t bytes)
{
    uint8_t text[1400];
    assert_true(bytes <= sizeof text);
    memset(text, (int)port, bytes);
    struct accel_shot s = {.from = ACCEL_SERVERS,
                           .port = port,
                           .flags = TCP_ACK,
                           .seq = WIRE_SERVER_ISN + 1 + at,
                           .ack = WIRE_CLIENT_ISN + 1 + at,
                           .payload = text,
                           .length = bytes};
    accel_wire_send(&s);
    struct accel_caught c = accel_wire_expect(ACCEL_CLIENTS, TCP_ACK);
    assert_true(c.tcp.seq.v == isn + 1 + at && c.tcp.ack.v == WIRE_CLIENT_ISN + 1 + at);
    assert_int_equal(c.payload_length, bytes);
    assert_memory_equal(c.frame + c.payload, text, bytes);
    s.from = ACCEL_CLIENTS;
    s.seq = WIRE_CLIENT_ISN + 1 + at;
    s.ack = isn + 1 + at + bytes;
    accel_wire_send(&s);
    c = accel_wire_expect(ACCEL_SERVERS, TCP_ACK);
    assert_true(c.tcp.seq.v == WIRE_CLIENT_ISN + 1 + at && c.tcp.ack.v == WIRE_SERVER_ISN + 1 + at + bytes);
    assert_memory_equal(c.frame + c.payload, text, bytes);
    accel_wire_expect_nothing();
}

/* ---- what tests do ---- */

const struct wire_tcp_options accel_wire_offer = {
    .present = WIRE_ALL_OPTIONS, .mss = 1460, .wscale = 7, .ts_val = 1000};
const struct wire_tcp_options accel_wire_plain = {.present = TCP_OPT_MSS, .mss = 1460};

int accel_wire_set_up(void **state)
{
    (void)state;
    accel_wire_open();
    accel_wire_box();
    return 0;
}

int accel_wire_tear_down(void **state)
{
    (void)state;
    accel_wire_close();
    return 0;
}

void accel_wire_take_all(void)
{
    struct accel_caught c;
    while (accel_wire_catch(ACCEL_CLIENTS, &c) || accel_wire_catch(ACCEL_SERVERS, &c))
        ;
}

void accel_wire_client(uint16_t port, uint32_t our_isn, uint16_t flags, uint32_t at, const void *bytes, uint32_t n)
{
    accel_wire_send(&(struct accel_shot){.port = port,
                                         .flags = flags,
                                         .seq = WIRE_CLIENT_ISN + 1 + at,
                                         .ack = our_isn + 1,
                                         .payload = bytes,
                                         .length = n});
}
