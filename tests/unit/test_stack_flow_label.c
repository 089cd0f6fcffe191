/* SPDX-License-Identifier: MIT */
/*
 * Flow labels, RFC 6437: one a flow, on every datagram, fragment and answer of it; different flows differ and another
 * secret gives other labels; none where they are off or there are no ports.
 */
#include "unit/stack_rig.h"

#include <string.h>

#include "base/error.h"

static const uint8_t eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now) { (void)context, (void)d, (void)now; }

static struct rig *open_with(bool labels, uint64_t secret)
{
    struct stack_settings t;
    stack_settings_default(&t);
    t.flow_labels = labels;
    t.secret = (struct hash_key){secret, 7};
    struct rig *r = rig_new_empty(&t);
    rig_resolve6(r, rig_host6(r), &PEER6, PEER_MAC);
    assert_int_equal(udp_bind(r->stack, 0, 5000, on_datagram, NULL, NULL), 0);
    return r;
}

static void send_to(struct rig *r, uint16_t port, uint32_t length)
{
    static uint8_t bytes[5000];
    const struct udp_datagram d = {
        .local = 1, .remote = PEER6, .local_port = 5000, .remote_port = port, .bytes = bytes, .length = length};
    assert_int_equal(udp_send(r->stack, &d, r->now), 0);
    rig_transmit(r);
}

static uint32_t next_label(struct rig *r)
{
    struct wire_ipv6 ip;
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    assert_true(wire_ipv6_parse(f->bytes + 14, f->length - 14, &ip) > 0);
    return ip.flow_label;
}

static uint32_t label_to(struct rig *r, uint16_t port)
{
    send_to(r, port, 8);
    return next_label(r);
}

static void a_flow_keeps_its_label_and_others_differ(void **state)
{
    (void)state;
    struct rig *r = open_with(true, 1), *other = open_with(true, 2);
    unsigned equal_to_neighbour = 0, equal_with_other_secret = 0;
    uint32_t before = 0;
    for (uint16_t port = 1; port <= 2000; port++) {
        uint32_t label = label_to(r, port);
        assert_true(label != 0 && label < 1u << 20);
        assert_int_equal(label_to(r, port), label);
        equal_to_neighbour += label == before;
        equal_with_other_secret += label_to(other, port) == label;
        before = label;
    }
    assert_true(equal_to_neighbour <= 1 && equal_with_other_secret <= 1); /* expected 0.002 */
    rig_free(r);
    rig_free(other);
}

static void fragments_bear_the_label_of_their_flow(void **state)
{
    (void)state;
    struct rig *r = open_with(true, 1);
    uint32_t label = label_to(r, 9);
    send_to(r, 9, 4000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(next_label(r), label);
    expect_nothing(r);
    rig_free(r);
}

static uint32_t reset_label(struct rig *r, uint16_t from, bool *ok)
{
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    rig_input(r, f, make_tcp6(f, &PEER6, from, &US6, 80, TCP_SYN, 1, 0, NULL, 0));
    const uint8_t *l4 = expect_ipv6(r, IP_PROTO_TCP, &ip)->bytes + 14 + 40;
    *ok = (l4[13] & TCP_RST) != 0;
    return ip.flow_label;
}

/* Nothing is kept of a connection that was refused, and yet its resets are of one flow. */
static void stateless_answers_of_tcp_have_one_too(void **state)
{
    (void)state;
    struct rig *r = open_with(true, 1);
    bool ok;
    uint32_t first = reset_label(r, 4321, &ok);
    assert_true(ok && first != 0);
    assert_int_equal(reset_label(r, 4321, &ok), first);
    assert_int_not_equal(reset_label(r, 4322, &ok), first);
    rig_free(r);
}

static void echo_and_discovery_have_none(void **state)
{
    (void)state;
    struct rig *r = open_with(true, 1);
    uint8_t f[RIG_FRAME_BYTES];
    struct wire_ipv6 ip;
    rig_input(r, f, make_icmp6(f, &PEER6, &US6, WIRE_ICMPV6_ECHO_REQUEST, 0, 1, eight, 8));
    expect_icmp6(r, WIRE_ICMPV6_ECHO_REPLY, &ip);
    assert_int_equal(ip.flow_label, 0);
    rig_free(r);
}

static void switched_off_they_are_zero(void **state)
{
    (void)state;
    struct rig *r = open_with(false, 1);
    bool ok;
    assert_int_equal(label_to(r, 9), 0);
    assert_int_equal(reset_label(r, 4321, &ok), 0);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_keeps_its_label_and_others_differ),
        cmocka_unit_test(fragments_bear_the_label_of_their_flow),
        cmocka_unit_test(stateless_answers_of_tcp_have_one_too),
        cmocka_unit_test(echo_and_discovery_have_none),
        cmocka_unit_test(switched_off_they_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
