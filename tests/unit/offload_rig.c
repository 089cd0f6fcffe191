/* SPDX-License-Identifier: MIT */
/*
 * See offload_rig.h. Addresses are of TEST-NET-2 (RFC 5737).
 */
#include "offload_rig.h"

#include <string.h>

#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define SOURCE 0xc6336401u
#define DESTINATION 0xc6336402u
#define PORT 4711u

/* Ethernet and IPv4 before l4_bytes. */
static void build_lower(struct packet *p, uint8_t protocol, uint32_t l4_bytes)
{
    static const uint8_t macs[12] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0xa, 9};
    struct wire_ipv4 ip = {.src = SOURCE,
                           .dst = DESTINATION,
                           .total_len = (uint16_t)(WIRE_IPV4_MIN + l4_bytes),
                           .id = 0xfffe,
                           .flags = WIRE_IPV4_DF,
                           .ttl = 64,
                           .protocol = protocol};
    wire_eth_build14(p->data, macs, macs + 6, ETHERTYPE_IPV4);
    wire_ipv4_build20(p->data + 14, &ip);
}

static void finish(struct packet *p, uint32_t headers, uint32_t payload, uint16_t gso_size, uint8_t gso)
{
    for (uint32_t i = 0; i < payload; i++)
        p->data[headers + i] = offload_byte(i);
    p->len = headers + payload;
    p->gso = payload > gso_size ? gso : (uint8_t)PACKET_GSO_NONE;
    p->gso_size = gso_size;
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = 34;
}

void offload_fill_udp(struct packet *p, uint32_t payload, uint16_t gso_size)
{
    uint32_t length = WIRE_UDP_LEN + payload;
    struct wire_udp udp = {.src_port = PORT, .dst_port = PORT, .length = (uint16_t)length};
    udp.checksum = checksum_fold(wire_l4_pseudo_v4(SOURCE, DESTINATION, IP_PROTO_UDP, length));
    build_lower(p, IP_PROTO_UDP, length);
    wire_udp_build(p->data + 34, &udp);
    finish(p, OFFLOAD_UDP_HEADERS, payload, gso_size, PACKET_GSO_UDP);
    p->checksum_offset = WIRE_UDP_CHECKSUM_OFFSET;
}

void offload_fill(struct packet *p, uint32_t payload, uint16_t gso_size)
{
    struct wire_tcp_options o = {.present = TCP_OPT_TIMESTAMPS, .ts_val = 5, .ts_ecr = 6};
    struct wire_tcp tcp = {.src_port = PORT,
                           .dst_port = 80,
                           .seq = seq_of(0xffffff00u),
                           .ack = seq_of(1),
                           .flags = TCP_ACK | TCP_PSH,
                           .window = 100};
    tcp.checksum = checksum_fold(wire_l4_pseudo_v4(SOURCE, DESTINATION, IP_PROTO_TCP, 32 + payload));
    build_lower(p, IP_PROTO_TCP, 32 + payload);
    int header = wire_tcp_build(p->data + 34, &tcp, &o);
    assert(header == 32);
    (void)header;
    finish(p, OFFLOAD_HEADERS, payload, gso_size, PACKET_GSO_TCP4);
    p->checksum_offset = WIRE_TCP_CHECKSUM_OFFSET;
}

void offload_scatter(struct packet *p, uint32_t keep, unsigned n, uint8_t *memory, struct packet_frag *frags)
{
    uint32_t left = p->len - OFFLOAD_HEADERS - keep;
    memcpy(memory, p->data + OFFLOAD_HEADERS + keep, left);
    memset(p->data + OFFLOAD_HEADERS + keep, 0, left);
    p->len -= left;
    p->frags = frags;
    for (; p->nfrags < n; p->nfrags++) {
        uint32_t length = p->nfrags + 1u == n ? left : left / 2;
        frags[p->nfrags] = (struct packet_frag){.bytes = memory, .length = length};
        memory += length;
        left -= length;
    }
}

bool offload_is_ours(const struct packet *p)
{
    return p->len >= OFFLOAD_HEADERS && load_be16(p->data + 12) == ETHERTYPE_IPV4 &&
           (p->data[23] == IP_PROTO_TCP || p->data[23] == IP_PROTO_UDP) && load_be16(p->data + 34) == PORT;
}
