/* SPDX-License-Identifier: MIT */
/*
 * See vxlan_frames.h. Headers are written from the outside to the inside, lengths being known beforehand; the outer
 * checksums of a frame with gso_size 0 are those of the frame with the inner one filled in, as Linux makes them.
 */
#include "vxlan_frames.h"

#include "base/checksum.h"
#include "support/cmocka_all.h"
#include "wire/eth.h"
#include "wire/ip_proto.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

#define VNI 0x123456u

static const struct ip_addr source6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
static const struct ip_addr destination6 = {.bytes = {0x20, 1, 0xd, 0xb8, [15] = 2}};

static uint32_t ip_bytes(bool v6) { return v6 ? WIRE_IPV6_LEN : WIRE_IPV4_MIN; }
static uint32_t eth_bytes(bool tagged) { return tagged ? 18 : 14; }
static uint32_t l4_bytes(const struct vxlan_frame *f) { return f->udp ? WIRE_UDP_LEN : WIRE_TCP_MIN + 12; }

/* From the transport header of a layer on; `layer` counts from the outside, that of the inside is `tunnels`. */
static uint32_t bytes_of(const struct vxlan_frame *f, unsigned layer, uint32_t payload)
{
    uint32_t bytes = l4_bytes(f) + payload;
    for (unsigned i = f->tunnels; i-- > layer;)
        bytes += WIRE_UDP_LEN + WIRE_VXLAN_LEN + eth_bytes(i + 1 == f->tunnels && f->tagged_in) +
                 ip_bytes(i + 1 == f->tunnels ? f->v6_in : f->v6_out);
    return bytes;
}

static uint32_t put_eth(uint8_t *to, bool tagged, bool v6)
{
    const struct wire_eth eth = {.dst = {2, 0, 0, 0, 0, 1},
                                 .src = {2, 0, 0, 0, 0, 2},
                                 .ethertype = v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4,
                                 .vlan_count = tagged,
                                 .vlan = {{.tpid = ETHERTYPE_VLAN, .tci = 5}}};
    return (uint32_t)wire_eth_build(to, &eth);
}

static uint32_t put_ip(uint8_t *to, bool v6, uint8_t protocol, uint32_t l4)
{
    if (v6) {
        const struct wire_ipv6 h = {
            .src = source6, .dst = destination6, .payload_len = (uint16_t)l4, .next_header = protocol, .hop_limit = 64};
        return (uint32_t)wire_ipv6_build(to, &h);
    }
    const struct wire_ipv4 h = {.src = 0xc0000201,
                                .dst = 0xc6336407,
                                .total_len = (uint16_t)(WIRE_IPV4_MIN + l4),
                                .id = VXLAN_FRAMES_ID,
                                .flags = WIRE_IPV4_DF,
                                .ttl = 64,
                                .protocol = protocol};
    return (uint32_t)wire_ipv4_build(to, &h);
}

static uint64_t pseudo_of(bool v6, uint8_t protocol, uint32_t length)
{
    return v6 ? wire_l4_pseudo_v6(&source6, &destination6, protocol, length)
              : wire_l4_pseudo_v4(0xc0000201, 0xc6336407, protocol, length);
}

static uint32_t put_l4(uint8_t *to, const struct vxlan_frame *f)
{
    if (f->udp) {
        const struct wire_udp h = {.src_port = 4000, .dst_port = 53, .length = (uint16_t)(WIRE_UDP_LEN + f->payload)};
        return (uint32_t)wire_udp_build(to, &h);
    }
    const struct wire_tcp_options o = {.present = TCP_OPT_TIMESTAMPS, .ts_val = 5, .ts_ecr = 6};
    const struct wire_tcp h = {.src_port = 4000,
                               .dst_port = 80,
                               .seq = seq_of(VXLAN_FRAMES_SEQ),
                               .ack = seq_of(77),
                               .flags = TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR,
                               .window = 500};
    return (uint32_t)wire_tcp_build(to, &h, &o);
}

static void put_u16(uint8_t *to, uint16_t value) { memcpy(to, &value, sizeof value); }

static void fill_inside(struct packet *p, const struct vxlan_frame *f, struct vxlan_frame_at *at)
{
    const uint8_t protocol = f->udp ? IP_PROTO_UDP : IP_PROTO_TCP;
    const uint32_t l4 = at->l4[f->tunnels];
    p->len = l4 + put_l4(p->data + l4, f);
    at->payload = p->len;
    for (uint32_t i = 0; i < f->payload; i++)
        p->data[p->len++] = vxlan_frame_byte(i);
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = (uint16_t)l4;
    p->checksum_offset = f->udp ? WIRE_UDP_CHECKSUM_OFFSET : WIRE_TCP_CHECKSUM_OFFSET;
    put_u16(p->data + l4 + p->checksum_offset, checksum_fold(pseudo_of(f->v6_in, protocol, p->len - l4)));
}

/* What a segment's sum is once its checksum is filled in: the complement of its pseudo-header. */
static void fill_outer_checksums(struct packet *p, const struct vxlan_frame *f, const struct vxlan_frame_at *at)
{
    const uint8_t protocol = f->udp ? IP_PROTO_UDP : IP_PROTO_TCP;
    const uint32_t inner = at->l4[f->tunnels];
    for (unsigned i = f->tunnels; i-- > 0;) {
        uint64_t sum = pseudo_of(f->v6_out, IP_PROTO_UDP, p->len - at->l4[i]);
        if (f->gso_size == 0) {
            sum = checksum_add(sum, p->data + at->l4[i], inner - at->l4[i]);
            sum += (uint16_t)~checksum_fold(pseudo_of(f->v6_in, protocol, p->len - inner));
        }
        put_u16(p->data + at->l4[i] + WIRE_UDP_CHECKSUM_OFFSET,
                f->gso_size ? checksum_fold(sum) : wire_l4_finish(sum, IP_PROTO_UDP));
    }
}

struct vxlan_frame_at vxlan_frame_fill(struct packet *p, const struct vxlan_frame *f)
{
    struct vxlan_frame_at at = {.payload = 0};
    uint32_t n = 0;
    for (unsigned i = 0; i <= f->tunnels; i++) {
        const bool inside = i == f->tunnels, v6 = inside ? f->v6_in : f->v6_out;
        n += put_eth(p->data + n, inside ? f->tagged_in : i == 0 && f->tagged_out, v6);
        at.l3[i] = n;
        n += put_ip(p->data + n, v6, inside && !f->udp ? IP_PROTO_TCP : IP_PROTO_UDP, bytes_of(f, i, f->payload));
        at.l4[i] = n;
        if (inside)
            break;
        const struct wire_udp h = {.src_port = 50000, .dst_port = 8472, .length = (uint16_t)bytes_of(f, i, f->payload)};
        n += (uint32_t)wire_udp_build(p->data + n, &h);
        n += wire_vxlan_build(p->data + n, VNI);
    }
    fill_inside(p, f, &at);
    if (f->outer_checksum)
        fill_outer_checksums(p, f, &at);
    p->gso = f->gso_size ? PACKET_GSO_TUNNEL : PACKET_GSO_NONE;
    p->gso_size = (uint16_t)f->gso_size;
    return at;
}

/* ---- a segment ---- */

/* The transport header's offset and the sum of its pseudo-header. */
static uint32_t check_ip(const struct packet *p, uint32_t l3, bool v6, uint8_t protocol, uint32_t index,
                         uint64_t *pseudo)
{
    if (v6) {
        struct wire_ipv6 h;
        assert_int_equal(wire_ipv6_parse(p->data + l3, p->len - l3, &h), WIRE_IPV6_LEN);
        assert_int_equal(h.next_header, protocol);
        assert_int_equal(l3 + WIRE_IPV6_LEN + h.payload_len, p->len);
    } else {
        struct wire_ipv4 h;
        assert_int_equal(wire_ipv4_parse(p->data + l3, p->len - l3, &h), WIRE_IPV4_MIN);
        assert_int_equal(h.protocol, protocol);
        assert_int_equal(l3 + h.total_len, p->len);
        assert_int_equal(h.id, (uint16_t)(VXLAN_FRAMES_ID + index));
        assert_true(wire_ipv4_checksum_ok(p->data + l3, WIRE_IPV4_MIN));
    }
    *pseudo = pseudo_of(v6, protocol, p->len - l3 - ip_bytes(v6));
    return l3 + ip_bytes(v6);
}

static void check_udp(const struct packet *p, uint32_t l4, bool checksum, uint64_t pseudo)
{
    struct wire_udp h;
    assert_int_equal(wire_udp_parse(p->data + l4, p->len - l4, &h), WIRE_UDP_LEN);
    assert_int_equal(l4 + h.length, p->len);
    assert_int_equal(h.checksum != 0, checksum);
    if (checksum)
        assert_true(checksum_ok(checksum_add(pseudo, p->data + l4, p->len - l4)));
}

static uint32_t check_tcp(const struct packet *p, uint32_t l4, uint64_t pseudo, const struct vxlan_frame *f,
                          uint32_t at)
{
    struct wire_tcp h;
    const int header = wire_tcp_parse(p->data + l4, p->len - l4, &h);
    assert_int_equal(header, WIRE_TCP_MIN + 12);
    const bool last = at + p->len - l4 - (uint32_t)header == f->payload;
    assert_int_equal(h.seq.v, (uint32_t)(VXLAN_FRAMES_SEQ + at));
    assert_int_equal(h.flags, TCP_ACK | (last ? TCP_PSH | TCP_FIN : 0) | (at == 0 ? TCP_CWR : 0));
    assert_true(checksum_ok(checksum_add(pseudo, p->data + l4, p->len - l4)));
    return l4 + (uint32_t)header;
}

uint32_t vxlan_frame_check(const struct packet *p, const struct vxlan_frame *f, uint32_t index, uint32_t at)
{
    uint64_t pseudo = 0;
    uint32_t n = 0;
    assert_true(packet_is_plain(p));
    for (unsigned i = 0; i < f->tunnels; i++) {
        n += eth_bytes(i == 0 && f->tagged_out);
        n = check_ip(p, n, f->v6_out, IP_PROTO_UDP, index, &pseudo);
        check_udp(p, n, f->outer_checksum, pseudo);
        n += WIRE_UDP_LEN + WIRE_VXLAN_LEN;
    }
    n += eth_bytes(f->tagged_in);
    n = check_ip(p, n, f->v6_in, f->udp ? IP_PROTO_UDP : IP_PROTO_TCP, index, &pseudo);
    if (f->udp)
        check_udp(p, n, true, pseudo);
    n = f->udp ? n + WIRE_UDP_LEN : check_tcp(p, n, pseudo, f, at);
    for (uint32_t i = n; i < p->len; i++)
        if (p->data[i] != vxlan_frame_byte(at + i - n))
            fail_msg("payload byte %u of segment %u", i - n, index);
    return p->len - n;
}
