/* SPDX-License-Identifier: MIT */
/*
 * IPv4 options of applications: given with what leaves, told of what comes. RFC 791 3.1, RFC 1122 3.2.1.8, 3.4, 4.1.3.2 and 4.1.4.
 */
#include "unit/stack_rig.h"

#include "base/error.h"

#define STREAM_ID 0x88                                    /* copied into fragments */
static const uint8_t ROUTE[8] = {7, 7, 4, 0, 0, 0, 0, 0}; /* recorded; not copied */
static const uint8_t BOTH[12] = {STREAM_ID, 4, 0xab, 0xcd, 7, 7, 4, 0, 0, 0, 0, 0};
static uint8_t body[65536];

static struct ip_options taken(const uint8_t *bytes, size_t length)
{
    struct ip_options o;
    assert_int_equal(ip_options_take(bytes, length, &o), 0);
    return o;
}

/* The next frame, with its header's checksum right: the bytes of its header. */
static const struct rig_frame *expect_with(struct rig *r, uint8_t protocol, uint32_t options)
{
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    assert_int_equal(f->bytes[14], 0x45 + options / 4);
    assert_int_equal(f->bytes[14 + 9], protocol);
    assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 20 + options));
    assert_int_equal(load_be16(f->bytes + 16), f->length - 14);
    return f;
}

static struct rig *resolved(void)
{
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    return r;
}

static void test_what_may_be_given(void **state)
{
    (void)state;
    struct ip_options o;
    static const uint8_t loose[8] = {131, 7, 4, 192, 0, 2, 9, 0}, strict[8] = {137, 7, 4, 192, 0, 2, 9, 0};
    static const uint8_t stamp[8] = {68, 8, 5, 0, 0, 0, 0, 0}, torn[4] = {7, 40, 4, 0}, many[44] = {1};
    assert_int_equal(ip_options_take(loose, 8, &o), ERR_UNSUPPORTED);
    assert_int_equal(ip_options_take(strict, 8, &o), ERR_UNSUPPORTED);
    assert_int_equal(ip_options_take(stamp, 8, &o), ERR_UNSUPPORTED);
    assert_int_equal(ip_options_take(torn, 4, &o), ERR_INVALID);
    assert_int_equal(ip_options_take(many, sizeof many, &o), ERR_INVALID);
    assert_int_equal(o.length, 0);
    assert_int_equal(taken(many, 0).length, 0);
    o = taken(ROUTE, 7); /* filled up with END */
    assert_int_equal(o.length, 8);
    assert_memory_equal(o.bytes, ROUTE, 8);
}

static void test_a_datagram_leaves_with_the_options_given(void **state)
{
    (void)state;
    struct rig *r = resolved();
    const struct ip_options o = taken(ROUTE, sizeof ROUTE);
    struct udp_datagram d = {.local = r->us, .remote = v4(PEER), .local_port = 7, .remote_port = 9, .bytes = body};
    struct raw_datagram raw = {.local = r->us, .remote = v4(PEER), .protocol = 253, .bytes = body, .length = 5};
    struct icmp_echo echo = {.local = r->us, .remote = v4(PEER), .id = 1, .bytes = body, .length = 6, .options = &o};
    d.length = 4;
    d.departure.options = raw.departure.options = &o;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    assert_int_equal(raw_send(r->stack, &raw, r->now), 0);
    assert_int_equal(icmp_echo_send(r->stack, &echo, r->now), 0);
    rig_transmit(r);
    const struct rig_frame *f = expect_with(r, IP_PROTO_UDP, 8);
    assert_int_equal(f->length, 14 + 28 + 8 + 4);
    assert_memory_equal(f->bytes + 34, ROUTE, 8);
    assert_int_equal(f->l4_offset, 14 + 28);
    assert_int_equal(load_be16(f->bytes + 42), 7);
    const struct ip_addr us = v4(US), peer = v4(PEER);
    assert_true(wire_l4_checksum_ok(&us, &peer, IP_PROTO_UDP, f->bytes + 42, 12));
    assert_int_equal(expect_with(r, 253, 8)->length, 14 + 28 + 5);
    assert_int_equal(expect_with(r, IP_PROTO_ICMP, 8)->length, 14 + 28 + 8 + 6);
    expect_nothing(r);
    rig_free(r);
}

static void test_options_wait_with_their_datagram(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct wire_arp arp;
    uint8_t f[64];
    const struct ip_options o = taken(BOTH, sizeof BOTH);
    struct udp_datagram d = {.local = r->us, .remote = v4(PEER), .local_port = 7, .remote_port = 9, .bytes = body};
    d.departure.options = &o;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    rig_input(r, f, make_arp_reply(f, PEER, PEER_MAC));
    assert_memory_equal(expect_with(r, IP_PROTO_UDP, 12)->bytes + 34, BOTH, 12);
    rig_free(r);
}

/* RFC 791 3.1: the first fragment has all, the others those with the copied flag. */
static void test_fragments_have_the_options_that_are_copied(void **state)
{
    (void)state;
    struct rig *r = resolved();
    const struct ip_options o = taken(BOTH, sizeof BOTH);
    struct udp_datagram d = {.local = r->us, .remote = v4(PEER), .local_port = 7, .remote_port = 9, .bytes = body};
    d.length = 4000;
    d.departure.options = &o;
    for (uint32_t i = 0; i < 4000; i++)
        body[i] = (uint8_t)(i * 7 + i / 256);
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    const struct rig_frame *f = expect_with(r, IP_PROTO_UDP, 12);
    assert_memory_equal(f->bytes + 34, BOTH, 12);
    uint32_t got = f->length - 46;
    assert_memory_equal(f->bytes + 54, body, got - 8);
    while ((f = r->count ? expect_with(r, IP_PROTO_UDP, 4) : NULL) != NULL) {
        assert_memory_equal(f->bytes + 34, BOTH, 4);
        assert_int_equal((load_be16(f->bytes + 20) & 0x1fff) * 8, got);
        assert_in_range(f->length, 39, 1514);
        assert_memory_equal(f->bytes + 38, body + got - 8, f->length - 38);
        got += f->length - 38;
    }
    assert_int_equal(got, 4008);
    rig_free(r);
}

static void test_options_count_in_what_fits(void **state)
{
    (void)state;
    struct rig *r = resolved();
    const struct ip_options o = taken(ROUTE, sizeof ROUTE);
    struct udp_datagram d = {.local = r->us, .remote = v4(PEER), .local_port = 7, .remote_port = 9, .bytes = body};
    d.departure = (struct ip_departure){.discover = DISCOVER_DO, .options = &o};
    d.length = 1472 - 8;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    d.length++;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_SPACE);
    d.departure.discover = DISCOVER_DONT;
    d.length = 65507 - 8;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    d.length++;
    assert_int_equal(udp_send(r->stack, &d, r->now), ERR_NO_SPACE);
    rig_transmit(r);
    assert_int_equal(expect_with(r, IP_PROTO_UDP, 8)->length, 1514);
    rig_forget_frames(r);
    rig_free(r);
}

static void test_ipv6_has_no_such_options(void **state)
{
    (void)state;
    struct rig *r = rig_new6();
    const struct ip_options o = taken(ROUTE, sizeof ROUTE);
    struct wire_ipv6 ip;
    rig_resolve6(r, r->us, &PEER6, PEER_MAC);
    struct udp_datagram d = {.local = r->us, .remote = PEER6, .local_port = 7, .remote_port = 9, .bytes = body};
    d.departure.options = &o;
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
    expect_ipv6(r, IP_PROTO_UDP, &ip);
    rig_free(r);
}

/* ---- received ---- */

struct seen {
    unsigned n;
    uint8_t options[3][40];
    uint8_t lengths[3];
};

static void note(struct seen *x, const struct ip_arrival *a)
{
    x->lengths[x->n] = a->options_length;
    memcpy(x->options[x->n++], a->options, a->options_length);
}

static void on_udp(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    note(context, &d->arrival);
}

static void on_raw(void *context, const struct raw_datagram *d, int64_t now)
{
    (void)now;
    note(context, &d->arrival);
}

/* A datagram of UDP with options. */
static uint32_t make_with(uint8_t *f, const uint8_t *options, uint32_t n)
{
    uint8_t plain[128];
    uint32_t length = make_udp(plain, PEER, 1, US, 53, "text", 4);
    memcpy(f, plain, 34);
    memcpy(f + 34, options, n);
    memcpy(f + 34 + n, plain + 34, length - 34);
    f[14] = (uint8_t)(0x45 + n / 4);
    store_be16(f + 16, (uint16_t)(length + n - 14));
    store_be16(f + 24, 0);
    uint16_t sum = checksum_finish(checksum_add(0, f + 14, 20 + n));
    memcpy(f + 24, &sum, 2);
    return length + n;
}

static void test_received_options_are_passed_up(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct seen udp = {0}, raw = {0};
    uint8_t f[256];
    assert_int_equal(udp_bind(r->stack, 0, 53, on_udp, NULL, &udp), 0);
    assert_int_equal(raw_listen(r->stack, IP_PROTO_UDP, on_raw, NULL, &raw), 0);
    rig_input(r, f, make_with(f, BOTH, sizeof BOTH));
    rig_input(r, f, make_udp(f, PEER, 1, US, 53, "text", 4));
    assert_int_equal(udp.n, 2);
    assert_int_equal(raw.n, 2);
    assert_int_equal(udp.lengths[0], 12);
    assert_memory_equal(udp.options[0], BOTH, 12);
    assert_int_equal(udp.lengths[1], 0);
    assert_int_equal(raw.lengths[0], 12);
    assert_memory_equal(raw.options[0], BOTH, 12);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_be_given),
        cmocka_unit_test(test_a_datagram_leaves_with_the_options_given),
        cmocka_unit_test(test_options_wait_with_their_datagram),
        cmocka_unit_test(test_fragments_have_the_options_that_are_copied),
        cmocka_unit_test(test_options_count_in_what_fits),
        cmocka_unit_test(test_ipv6_has_no_such_options),
        cmocka_unit_test(test_received_options_are_passed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
