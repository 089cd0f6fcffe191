/* SPDX-License-Identifier: MIT */
/*
 * Raw IP: what listeners see and when, errors, what is sent with our header and with the user's. RFC 791, raw(7);
 * THREATS rows of IP4 hold before a listener sees anything.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

#include <stdlib.h>

#define OSPF 89
#define IP_AT 14u

static uint8_t body[65536];

struct listener {
    struct rig *rig;
    unsigned received, errors;
    uint8_t bytes[8192];
    struct raw_datagram last;
    struct ip_error error;
};

static void remember(struct listener *x, const struct raw_datagram *d)
{
    x->last = *d;
    assert_true(d->length <= sizeof x->bytes);
    uint32_t at = 0;
    for (uint32_t i = 0; i < d->n_pieces; at += (uint32_t)d->pieces[i++].length)
        memcpy(x->bytes + at, d->pieces[i].bytes, d->pieces[i].length);
    if (d->n_pieces == 0)
        memcpy(x->bytes, d->bytes, d->length);
    else
        assert_int_equal(at, d->length);
}
static void on_received(void *context, const struct raw_datagram *d, int64_t now)
{
    struct listener *x = context;
    assert_int_equal(now, x->rig->now);
    x->received++;
    remember(x, d);
}
static void on_error(void *context, const struct raw_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)now;
    struct listener *x = context;
    x->errors++;
    x->error = *e;
    remember(x, d);
}

static struct listener *listen_to(struct rig *r, uint8_t protocol)
{
    struct listener *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->rig = r;
    assert_int_equal(raw_listen(r->stack, protocol, on_received, on_error, x), 0);
    return x;
}

static struct raw_datagram to(const struct rig *r, uint32_t remote, uint8_t protocol, uint32_t length)
{
    return (struct raw_datagram){
        .local = r->us, .remote = v4(remote), .protocol = protocol, .bytes = body, .length = length};
}

/* ---- listening ---- */

static void test_each_listener_sees_its_protocol_whole(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct listener *all = listen_to(r, 0), *icmp = listen_to(r, IP_PROTO_ICMP), *ospf = listen_to(r, OSPF);
    uint8_t f[256];
    uint32_t n = make_ipv4(f, PEER, US, OSPF, "hello", 5);
    f[IP_AT + 1] = 0xc0;
    f[IP_AT + 8] = 1;
    fix_ip_checksum(f);
    memset(f + n, 0x77, 40); /* the link's padding is no part of it */
    rig_input(r, f, n + 40);
    assert_int_equal(all->received, 1);
    assert_int_equal(ospf->received, 1);
    assert_int_equal(icmp->received, 0);
    assert_int_equal(ospf->last.length, 25);
    assert_int_equal(ospf->last.header_length, 20);
    assert_memory_equal(ospf->bytes, f + IP_AT, 25);
    assert_int_equal(ospf->last.protocol, OSPF);
    assert_int_equal(ospf->last.local, r->us);
    assert_int_equal(ip_addr_to_v4(&ospf->last.remote), PEER);
    assert_int_equal(ip_addr_to_v4(&ospf->last.arrival.destination), US);
    assert_int_equal(ospf->last.arrival.ttl, 1);
    assert_int_equal(ospf->last.arrival.tos, 0xc0);
    rig_input(r, f, make_echo_request(f, PEER, US, 1, 1, "12345678", 8));
    rig_input(r, f, make_udp(f, PEER, 1, US, 9, "x", 1));
    rig_input(r, f, make_tcp(f, PEER, 1, US, 80, TCP_SYN, 1, 0, NULL, 0));
    assert_int_equal(all->received, 4);
    assert_int_equal(icmp->received, 1);
    assert_int_equal(rig_counters(r)->raw_received, 4);
    /* and the protocols saw theirs all the same */
    assert_int_equal(rig_counters(r)->icmp_echo_replies_sent, 1);
    assert_int_equal(rig_counters(r)->udp_no_port, 1);
    assert_int_equal(tcp_counters(stack_tcp(r->stack))->resets_sent, 1);
    rig_free(r);
    free(all);
    free(icmp);
    free(ospf);
}

static void test_a_protocol_somebody_listens_to_is_not_unknown(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    uint32_t n = make_ipv4(f, PEER, US, OSPF, "hello", 5);
    struct listener *x = listen_to(r, OSPF);
    rig_input(r, f, n);
    expect_nothing(r);
    assert_int_equal(raw_unlisten(r->stack, OSPF, on_received, x), 0);
    assert_int_equal(raw_unlisten(r->stack, OSPF, on_received, x), ERR_NOT_FOUND);
    rig_input(r, f, n);
    assert_int_equal(x->received, 1);
    assert_int_equal(rig_counters(r)->ip_unknown_protocol, 1);
    struct wire_ipv4 ip;
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    rig_free(r);
    free(x);
}

static void test_a_datagram_in_fragments_is_seen_once(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct listener *x = listen_to(r, OSPF);
    uint8_t f[FRAME_MAKE_BYTES];
    for (uint32_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 7 + i / 256);
    static const uint32_t offsets[] = {2000, 0, 1000};
    for (unsigned i = 0; i < 3; i++)
        rig_input(r, f, make_fragment(f, PEER, 5, OSPF, offsets[i], offsets[i] != 2000, body + offsets[i], 1000));
    assert_int_equal(x->received, 1);
    assert_int_equal(x->last.length, 3020);
    assert_int_equal(load_be16(x->bytes + 2), 3020);
    assert_int_equal(load_be16(x->bytes + 6), 0);
    assert_memory_equal(x->bytes + 20, body, 3000);
    rig_free(r);
    free(x);
}

static void test_a_packet_with_frags_comes_in_pieces(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct listener *x = listen_to(r, IP_PROTO_TCP);
    uint8_t f[FRAME_MAKE_BYTES], whole[FRAME_MAKE_BYTES];
    uint32_t n = make_tcp(f, PEER, 1, US, 80, TCP_ACK, 1, 1, body, 1000);
    memcpy(whole, f, n);
    struct packet *p;
    assert_int_equal(packet_pool_get(&r->pool, &p, 1), 1);
    struct packet_frag frags[2] = {{.bytes = f + 100, .length = 500}, {.bytes = f + 600, .length = n - 600}};
    memcpy(p->data, f, 100);
    p->len = 100;
    p->frags = frags;
    p->nfrags = 2;
    stack_input(r->stack, 0, &p, 1, r->now);
    assert_int_equal(x->received, 1);
    assert_int_equal(x->last.n_pieces, 3);
    assert_int_equal(x->last.length, n - IP_AT);
    assert_memory_equal(x->bytes, whole + IP_AT, n - IP_AT);
    rig_free(r);
    free(x);
}

static void test_what_is_wrong_is_not_seen(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct listener *x = listen_to(r, 0);
    uint8_t f[256];
    uint32_t n = make_ipv4(f, PEER, US, OSPF, "hello", 5);
    f[IP_AT + 10] ^= 1;
    rig_input(r, f, n);
    rig_input(r, f, make_ipv4(f, PEER, OTHER, OSPF, "hello", 5));
    rig_input(r, f, make_ipv4(f, 0x7f000001, US, OSPF, "hello", 5));
    rig_input(r, f, make_fragment(f, PEER, 5, OSPF, 0, true, body, 8));
    assert_int_equal(x->received, 0);
    assert_int_equal(rig_counters(r)->raw_received, 0);
    rig_free(r);
    free(x);
}

static void on_received_unlisten(void *context, const struct raw_datagram *d, int64_t now)
{
    struct listener *x = context;
    on_received(context, d, now);
    assert_int_equal(raw_unlisten(x->rig->stack, d->protocol, on_received_unlisten, x), 0);
}

static void test_listeners_are_few_and_may_go_while_called(void **state)
{
    (void)state;
    enum { MOST = 16 };
    struct rig *r = rig_new();
    static struct listener x[MOST + 1];
    for (unsigned i = 0; i <= MOST; i++) {
        x[i].rig = r;
        assert_int_equal(raw_listen(r->stack, OSPF, on_received_unlisten, NULL, &x[i]), i < MOST ? 0 : ERR_NO_SPACE);
    }
    assert_int_equal(raw_listen(r->stack, 1, NULL, NULL, NULL), ERR_INVALID);
    uint8_t f[128];
    uint32_t n = make_ipv4(f, PEER, US, OSPF, "hello", 5);
    rig_input(r, f, n);
    rig_input(r, f, n);
    for (unsigned i = 0; i < MOST; i++)
        assert_int_equal(x[i].received, 1);
    assert_int_equal(rig_counters(r)->ip_unknown_protocol, 1);
    rig_free(r);
}

static void test_errors_reach_the_listener_of_the_protocol(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct listener *x = listen_to(r, OSPF);
    uint8_t f[256], sent[128];
    make_ipv4(sent, US, FAR, OSPF, "sixteen bytes...", 16);
    rig_input(r, f, make_icmp_error(f, 3, 2, 0, sent + IP_AT, 36));
    assert_int_equal(x->errors, 1);
    assert_int_equal(x->error.error, ERR_REFUSED);
    assert_int_equal(x->error.code, 2);
    assert_int_equal(x->last.length, 36);
    assert_memory_equal(x->bytes, sent + IP_AT, 36);
    make_ipv4(sent, US, FAR, OSPF + 1, "sixteen bytes...", 16);
    rig_input(r, f, make_icmp_error(f, 3, 2, 0, sent + IP_AT, 36));
    assert_int_equal(x->errors, 1);
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    store_be16(sent + IP_AT + 2, 1500);
    store_be16(sent + IP_AT + 6, 0x4000);
    sent[IP_AT + 9] = OSPF;
    rig_input(r, f, make_icmp_error(f, 3, 4, 1300, sent + IP_AT, 36));
    struct ip_addr far = v4(FAR);
    assert_int_equal(x->error.mtu, 1300);
    assert_int_equal(stack_path_mtu(r->stack, r->us, &far, r->now), 1300);
    rig_free(r);
    free(x);
}

/* ---- sending ---- */

static void test_a_payload_leaves_with_the_header_that_was_asked_for(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct raw_datagram d = to(r, PEER, OSPF, 100);
    d.departure = (struct ip_departure){.ttl = 1, .tos = 0xc0, .discover = DISCOVER_DONT};
    struct ip_piece pieces[2] = {{body, 33}, {body + 33, 67}};
    d.pieces = pieces;
    d.n_pieces = 2;
    assert_int_equal(raw_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *f = expect_ipv4(r, OSPF, &ip);
    assert_int_equal(ip.total_len, 120);
    assert_int_equal(ip.ttl, 1);
    assert_int_equal(ip.tos, 0xc0);
    assert_int_equal(ip.flags, 0);
    assert_int_equal(ip.src, US);
    assert_int_equal(ip.dst, PEER);
    assert_memory_equal(f->bytes + 34, body, 100);
    d = to(r, PEER, OSPF, 3000); /* in fragments */
    assert_int_equal(raw_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    for (unsigned i = 0; i < 3; i++)
        expect_ipv4(r, OSPF, &ip);
    assert_int_equal(ip.flags, 0);
    assert_int_equal(rig_counters(r)->raw_sent, 2);
    d = to(r, 0xe0000005, OSPF, 44); /* 224.0.0.5: no neighbour is asked */
    assert_int_equal(raw_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_dst_mac(expect_ipv4(r, OSPF, &ip), (const uint8_t[]){1, 0, 0x5e, 0, 0, 5});
    rig_free(r);
}

static void test_what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct raw_datagram d = to(r, PEER, OSPF, 65516);
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_NO_SPACE);
    d.length = UINT32_MAX;
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_NO_SPACE);
    d = to(r, PEER, OSPF, 1481);
    d.departure.discover = DISCOVER_DO;
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_NO_SPACE);
    d = to(r, PEER, OSPF, 8);
    d.local = 9;
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_INVALID);
    d = to(r, 0x7f000001, OSPF, 8);
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_NO_ROUTE);
    rig_transmit(r);
    expect_nothing(r);
    rig_free(r);
}

/* A datagram with its own header, `header` bytes long, in `whole`; options are NOPs. */
static uint32_t users_datagram(uint8_t *whole, uint32_t header, uint32_t payload)
{
    memset(whole, 1, header);
    whole[0] = (uint8_t)(0x40 | header / 4);
    whole[1] = 0x28;
    store_be16(whole + 2, 0xffff); /* filled in */
    store_be16(whole + 4, 0x1234);
    store_be16(whole + 6, 0x2001); /* a fragment at 8, if the user likes */
    whole[8] = 3;
    whole[9] = OSPF;
    store_be16(whole + 10, 0xffff); /* filled in */
    store_be32(whole + 12, 0x0a000001);
    store_be32(whole + 16, PEER);
    memcpy(whole + header, body, payload);
    return header + payload;
}

static struct raw_datagram with_header(const struct rig *r, const uint8_t *whole, uint32_t length)
{
    return (struct raw_datagram){.local = r->us, .bytes = whole, .length = length, .header_included = true};
}

static void test_the_users_header_is_kept_but_for_what_is_filled_in(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    static uint8_t whole[2000];
    for (uint32_t header = 20; header <= 60; header += 4) {
        uint32_t n = users_datagram(whole, header, header == 20 ? 1480 : 50);
        struct raw_datagram d = with_header(r, whole, n);
        struct ip_piece pieces[3] = {{whole, 7}, {whole + 7, 20}, {whole + 27, n - 27}};
        if (header % 8 == 0) {
            d.bytes = NULL;
            d.pieces = pieces;
            d.n_pieces = 3;
        }
        assert_int_equal(raw_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        const struct rig_frame *f = rig_next(r);
        assert_non_null(f);
        expect_dst_mac(f, PEER_MAC);
        assert_int_equal(f->length, IP_AT + n);
        const uint8_t *ip = f->bytes + IP_AT;
        assert_int_equal(load_be16(ip + 2), n);
        assert_true(wire_ipv4_checksum_ok(ip, header));
        store_be16(whole + 2, (uint16_t)n);
        memcpy(whole + 10, ip + 10, 2);
        assert_memory_equal(ip, whole, n); /* everything else is the user's */
    }
    uint32_t n = users_datagram(whole, 20, 8);
    store_be16(whole + 4, 0);
    store_be32(whole + 12, 0);
    struct raw_datagram d = with_header(r, whole, n);
    uint16_t last = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(raw_send(r->stack, &d, r->now), 0);
        rig_transmit(r);
        const struct rig_frame *f = rig_next(r);
        assert_int_equal(load_be32(f->bytes + IP_AT + 12), US);
        assert_int_not_equal(load_be16(f->bytes + IP_AT + 4), last);
        assert_true(wire_ipv4_checksum_ok(f->bytes + IP_AT, 20));
        last = load_be16(f->bytes + IP_AT + 4);
    }
    rig_free(r);
}

static void test_it_is_sent_where_the_call_says(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    static uint8_t whole[128];
    uint32_t n = users_datagram(whole, 20, 20);
    struct raw_datagram d = with_header(r, whole, n);
    d.remote = v4(OTHER);
    assert_int_equal(raw_send(r->stack, &d, r->now), 0); /* waits for its neighbour */
    rig_transmit(r);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, OTHER);
    uint8_t f[64];
    rig_input(r, f, make_arp_reply(f, OTHER, OTHER_MAC));
    const struct rig_frame *out = rig_next(r);
    expect_dst_mac(out, OTHER_MAC);
    assert_int_equal(load_be32(out->bytes + IP_AT + 16), PEER);
    assert_int_equal(out->length, IP_AT + n);
    rig_free(r);
}

static void test_a_header_that_is_none_is_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    static uint8_t whole[2000];
    static const uint8_t first[] = {0x44, 0x40, 0x65, 0x35, 0x05, 0x4f};
    for (size_t i = 0; i < ARRAY_SIZE(first); i++) { /* 0x4f: 60 bytes, of which 59 are there */
        users_datagram(whole, 20, 100);
        whole[0] = first[i];
        struct raw_datagram d = with_header(r, whole, 59);
        assert_int_equal(raw_send(r->stack, &d, r->now), ERR_INVALID);
    }
    for (uint32_t n = 0; n < 20; n++) {
        users_datagram(whole, 20, 100);
        struct raw_datagram d = with_header(r, whole, n);
        assert_int_equal(raw_send(r->stack, &d, r->now), ERR_INVALID);
    }
    struct raw_datagram d = with_header(r, whole, users_datagram(whole, 20, 1481));
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_NO_SPACE);
    store_be32(whole + 16, 0);
    d.length = 100;
    assert_int_equal(raw_send(r->stack, &d, r->now), ERR_NO_ROUTE);
    rig_transmit(r);
    expect_nothing(r);
    rig_free(r);
}

static void test_a_neighbour_that_never_answers(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct listener *x = listen_to(r, OSPF);
    struct raw_datagram d = to(r, FAR, OSPF, 8);
    assert_int_equal(raw_send(r->stack, &d, r->now), 0);
    d = to(r, FAR, OSPF, 7); /* too short for an error to quote it */
    assert_int_equal(raw_send(r->stack, &d, r->now), 0);
    for (int i = 0; i < 3; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(rig_counters(r)->resolve_failed, 2);
    assert_int_equal(x->errors, 1);
    assert_int_equal(x->error.error, ERR_UNREACHABLE);
    rig_free(r);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_listener_sees_its_protocol_whole),
        cmocka_unit_test(test_a_protocol_somebody_listens_to_is_not_unknown),
        cmocka_unit_test(test_a_datagram_in_fragments_is_seen_once),
        cmocka_unit_test(test_a_packet_with_frags_comes_in_pieces),
        cmocka_unit_test(test_what_is_wrong_is_not_seen),
        cmocka_unit_test(test_listeners_are_few_and_may_go_while_called),
        cmocka_unit_test(test_errors_reach_the_listener_of_the_protocol),
        cmocka_unit_test(test_a_payload_leaves_with_the_header_that_was_asked_for),
        cmocka_unit_test(test_what_cannot_be_sent_is_refused),
        cmocka_unit_test(test_the_users_header_is_kept_but_for_what_is_filled_in),
        cmocka_unit_test(test_it_is_sent_where_the_call_says),
        cmocka_unit_test(test_a_header_that_is_none_is_refused),
        cmocka_unit_test(test_a_neighbour_that_never_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
