/* SPDX-License-Identifier: MIT */
/*
 * See hostile6.h.
 */
#include "support/hostile6.h"

#define ECHO_REST 0x004d0001u
#define SKIPPED_OPTION 0x1eu

struct hostile *hostile6_new(uint32_t *us6)
{
    struct hostile *h = hostile_new(NULL);
    struct host_settings t = {.address = US6, .prefix_length = PREFIX6, .gateway = GATEWAY6};
    memcpy(t.mac, US_MAC, 6);
    int local = stack_add_host(h->stack, &t);
    assert_true(local > 0);
    *us6 = (uint32_t)local;
    for (unsigned i = 0; i < 10; i++)
        hostile_pass(h, 2 * NS_PER_S);
    hostile_case(h);
    h->cases = 0;
    return h;
}

const uint8_t *hostile6_expect(struct hostile *h, uint8_t protocol, struct wire_ipv6 *ip)
{
    const struct hostile_frame *f = hostile_next(h);
    assert_non_null(f);
    assert_memory_equal(f->bytes, PEER_MAC, 6);
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_IPV6);
    assert_int_equal(wire_ipv6_parse(f->bytes + 14, f->length - 14, ip), WIRE_IPV6_LEN);
    assert_int_equal(ip->next_header, protocol);
    assert_memory_equal(&ip->src, &US6, 16);
    assert_memory_equal(&ip->dst, &PEER6, 16);
    return f->bytes + 54;
}

void hostile6_expect_icmp(struct hostile *h, uint8_t type, uint8_t code, uint32_t rest)
{
    struct wire_ipv6 ip;
    const uint8_t *m = hostile6_expect(h, IP_PROTO_ICMPV6, &ip);
    assert_int_equal(m[0], type);
    assert_int_equal(m[1], code);
    assert_int_equal(load_be32(m + 4), rest);
    assert_true(wire_icmpv6_checksum_ok(&ip.src, &ip.dst, m, ip.payload_len));
}

uint32_t make_echo6(uint8_t *message, const struct ip_addr *to, uint32_t length)
{
    struct wire_icmpv6 e = {.type = WIRE_ICMPV6_ECHO_REQUEST, .rest = ECHO_REST};
    wire_icmpv6_build(message, &e);
    for (uint32_t i = 0; i < length; i++)
        message[8 + i] = (uint8_t)(i * 7 + 1);
    wire_icmpv6_checksum_set(&PEER6, to, message, 8 + length);
    return 8 + length;
}

void hostile6_expect_reply(struct hostile *h, uint32_t length)
{
    struct wire_ipv6 ip;
    const uint8_t *m = hostile6_expect(h, IP_PROTO_ICMPV6, &ip);
    assert_int_equal(m[0], WIRE_ICMPV6_ECHO_REPLY);
    assert_int_equal(load_be32(m + 4), ECHO_REST);
    assert_int_equal(ip.payload_len, 8 + length);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(m[8 + i], (uint8_t)(i * 7 + 1));
    assert_true(wire_icmpv6_checksum_ok(&ip.src, &ip.dst, m, ip.payload_len));
}

uint32_t make_options6(uint8_t *header, uint8_t next, const uint8_t *options, uint32_t length)
{
    uint32_t fill = (8 - (2 + length) % 8) % 8;
    fill += fill == 1 ? 8 : 0;
    header[0] = next;
    header[1] = (uint8_t)((2 + length + fill) / 8 - 1);
    if (length)
        memcpy(header + 2, options, length);
    memset(header + 2 + length, 0, fill);
    if (fill) {
        header[2 + length] = SKIPPED_OPTION;
        header[3 + length] = (uint8_t)(fill - 2);
    }
    return 2 + length + fill;
}
