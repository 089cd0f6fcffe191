/* SPDX-License-Identifier: MIT */
/*
 * Prints what the capture reader and the decoders of src/wire find in capture files, for decode_compare.py, which asks
 * tshark the same.
 *
 * Usage: decode_dump FILE...
 * For each file a line "file PATH"; for each frame "frame NAME=VALUE...", the names being tshark's; then "end ERROR" as
 * the reader ended, or "refused MESSAGE". Only the outermost headers are decoded: no tunnels, no quoted packets. A
 * checksum that cannot be verified (fragment, none sent) has no status.
 */
#include <stdio.h>

#include "base/error.h"
#include "link/pcap.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"
#include "wire/mpls.h"
#include "wire/nd.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define MPLS_DEPTH 16u

struct payload {
    struct ip_addr src, dst;
    const uint8_t *bytes;
    size_t length;
    bool whole; /* not a fragment */
};

static void put(const char *name, uint64_t value) { printf(" %s=%llu", name, (unsigned long long)value); }

/* A value as it was loaded natively. */
static void put_checksum(const char *name, uint16_t field) { put(name, __builtin_bswap16(field)); }

static void put_mac(const char *name, const uint8_t *mac)
{
    char text[WIRE_ETH_ADDR_TEXT];
    wire_eth_addr_print(text, sizeof text, mac);
    printf(" %s=%s", name, text);
}

static void put_ip(const char *name, const struct ip_addr *a)
{
    char text[IP_ADDR_TEXT];
    ip_addr_print(text, sizeof text, a);
    printf(" %s=%s", name, text);
}

static void put_tcp_options(const struct wire_tcp_options *o)
{
    if (o->present & TCP_OPT_MSS)
        put("tcp.options.mss_val", o->mss);
    if (o->present & TCP_OPT_WSCALE)
        put("tcp.options.wscale.shift", o->wscale);
    if (o->present & TCP_OPT_TIMESTAMPS) {
        put("tcp.options.timestamp.tsval", o->ts_val);
        put("tcp.options.timestamp.tsecr", o->ts_ecr);
    }
    for (unsigned i = 0; o->present & TCP_OPT_SACK && i < o->sack_count; i++) {
        put("tcp.options.sack_le", o->sack[i].left.v);
        put("tcp.options.sack_re", o->sack[i].right.v);
    }
}

static void dump_tcp(const struct payload *p)
{
    struct wire_tcp h;
    struct wire_tcp_options o;
    int n = wire_tcp_parse(p->bytes, p->length, &h);
    if (n < 0)
        return;
    put("layer.tcp", 1);
    put("tcp.srcport", h.src_port);
    put("tcp.dstport", h.dst_port);
    put("tcp.seq_raw", h.seq.v);
    put("tcp.ack_raw", h.ack.v);
    put("tcp.hdr_len", h.header_len);
    put("tcp.flags", h.flags);
    put("tcp.window_size_value", h.window);
    put_checksum("tcp.checksum", h.checksum);
    put("tcp.urgent_pointer", h.urgent);
    put("tcp.len", p->length - (size_t)n);
    if (!p->whole)
        put("fragment", 1);
    else
        put("tcp.checksum.status", wire_l4_checksum_ok(&p->src, &p->dst, IP_PROTO_TCP, p->bytes, p->length));
    if (wire_tcp_options_parse(p->bytes + WIRE_TCP_MIN, (size_t)n - WIRE_TCP_MIN, &o) > 0)
        put("bad_options", 1);
    put_tcp_options(&o);
}

static void dump_udp(const struct payload *p)
{
    struct wire_udp h;
    if (wire_udp_parse(p->bytes, p->length, &h) < 0)
        return;
    put("layer.udp", 1);
    put("udp.srcport", h.src_port);
    put("udp.dstport", h.dst_port);
    put("udp.length", h.length);
    put_checksum("udp.checksum", h.checksum);
    if (p->whole && h.checksum != 0)
        put("udp.checksum.status", wire_l4_checksum_ok(&p->src, &p->dst, IP_PROTO_UDP, p->bytes, h.length));
}

static void dump_icmp(const struct payload *p)
{
    struct wire_icmp h;
    if (wire_icmp_parse(p->bytes, p->length, &h) < 0)
        return;
    put("layer.icmp", 1);
    put("icmp.type", h.type);
    put("icmp.code", h.code);
    put_checksum("icmp.checksum", h.checksum);
    if (p->whole)
        put("icmp.checksum.status", wire_icmp_checksum_ok(p->bytes, p->length));
    if (h.type == WIRE_ICMP_ECHO_REQUEST || h.type == WIRE_ICMP_ECHO_REPLY) {
        put("icmp.ident", wire_icmp_echo_id(&h));
        put("icmp.seq", wire_icmp_echo_sequence(&h));
    }
    if (h.type == WIRE_ICMP_UNREACHABLE && h.code == WIRE_ICMP_FRAGMENTATION_NEEDED)
        put("icmp.mtu", wire_icmp_mtu(&h));
}

static void dump_nd(const struct payload *p)
{
    struct wire_nd h;
    if (wire_nd_parse(p->bytes, p->length, &h) < 0)
        return;
    if (h.type == WIRE_ICMPV6_NEIGHBOR_SOLICITATION)
        put_ip("icmpv6.nd.ns.target_address", &h.target);
    if (h.type == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT) {
        put_ip("icmpv6.nd.na.target_address", &h.target);
        put("icmpv6.nd.na.flag.o", (h.flags & WIRE_ND_NA_OVERRIDE) != 0);
    }
    if (h.type == WIRE_ICMPV6_ROUTER_ADVERTISEMENT) {
        put("icmpv6.nd.ra.cur_hop_limit", h.hop_limit);
        put("icmpv6.nd.ra.router_lifetime", h.router_lifetime_s);
        put("icmpv6.nd.ra.reachable_time", h.reachable_ms);
        put("icmpv6.nd.ra.retrans_timer", h.retrans_ms);
    }
}

static void dump_icmpv6(const struct payload *p)
{
    struct wire_icmpv6 h;
    if (wire_icmpv6_parse(p->bytes, p->length, &h) < 0)
        return;
    put("layer.icmpv6", 1);
    put("icmpv6.type", h.type);
    put("icmpv6.code", h.code);
    put_checksum("icmpv6.checksum", h.checksum);
    if (p->whole)
        put("icmpv6.checksum.status", wire_icmpv6_checksum_ok(&p->src, &p->dst, p->bytes, p->length));
    if (wire_nd_is_nd(h.type))
        dump_nd(p);
}

static void dump_l4(uint8_t protocol, const struct payload *p)
{
    if (protocol == IP_PROTO_TCP)
        dump_tcp(p);
    else if (protocol == IP_PROTO_UDP)
        dump_udp(p);
    else if (protocol == IP_PROTO_ICMP && ip_addr_is_v4(&p->dst))
        dump_icmp(p);
    else if (protocol == IP_PROTO_ICMPV6 && !ip_addr_is_v4(&p->dst))
        dump_icmpv6(p);
}

static void dump_ipv4(const uint8_t *packet, size_t length)
{
    struct wire_ipv4 h;
    int n = wire_ipv4_parse(packet, length, &h);
    if (n < 0)
        return;
    struct payload p = {.src = ip_addr_from_v4(h.src),
                        .dst = ip_addr_from_v4(h.dst),
                        .bytes = packet + n,
                        .length = wire_ipv4_payload_len(&h),
                        .whole = !wire_ipv4_is_fragment(&h)};
    put("layer.ip", 1);
    put("ip.hdr_len", h.header_len);
    put("ip.dsfield", h.tos);
    put("ip.len", h.total_len);
    put("ip.id", h.id);
    put("ip.flags.mf", (h.flags & WIRE_IPV4_MF) != 0);
    put("ip.flags.df", (h.flags & WIRE_IPV4_DF) != 0);
    put("ip.frag_offset", h.fragment_offset / 8u);
    put("ip.ttl", h.ttl);
    put("ip.proto", h.protocol);
    put_checksum("ip.checksum", h.checksum);
    put("ip.checksum.status", wire_ipv4_checksum_ok(packet, (size_t)n));
    put_ip("ip.src", &p.src);
    put_ip("ip.dst", &p.dst);
    if (h.fragment_offset == 0)
        dump_l4(h.protocol, &p);
}

static void dump_ipv6(const uint8_t *packet, size_t length)
{
    struct wire_ipv6 h;
    struct wire_ipv6_walk w;
    if (wire_ipv6_parse(packet, length, &h) < 0)
        return;
    put("layer.ipv6", 1);
    put("ipv6.tclass", h.traffic_class);
    put("ipv6.flow", h.flow_label);
    put("ipv6.plen", h.payload_len);
    put("ipv6.nxt", h.next_header);
    put("ipv6.hlim", h.hop_limit);
    put_ip("ipv6.src", &h.src);
    put_ip("ipv6.dst", &h.dst);
    if (wire_ipv6_walk(packet, length, &w) != WIRE_IPV6_ACCEPT) {
        put("refused", (uint64_t)w.reason);
        return;
    }
    if (w.fragment_header) {
        put("ipv6.fraghdr.offset", w.frag.offset / 8u);
        put("ipv6.fraghdr.more", w.frag.more);
        put("ipv6.fraghdr.ident", w.frag.id);
    }
    struct payload p = {
        .src = h.src, .dst = h.dst, .bytes = packet + w.offset, .length = w.end - w.offset, .whole = !w.fragment};
    if (!w.fragment || w.frag.offset == 0)
        dump_l4(w.protocol, &p);
}

static void dump_arp(const uint8_t *packet, size_t length)
{
    struct wire_arp h;
    if (wire_arp_parse(packet, length, &h) < 0)
        return;
    struct ip_addr spa = ip_addr_from_v4(h.spa), tpa = ip_addr_from_v4(h.tpa);
    put("layer.arp", 1);
    put("arp.opcode", h.op);
    put_mac("arp.src.hw_mac", h.sha);
    put_mac("arp.dst.hw_mac", h.tha);
    put_ip("arp.src.proto_ipv4", &spa);
    put_ip("arp.dst.proto_ipv4", &tpa);
}

static void dump_network(uint16_t ethertype, const uint8_t *packet, size_t length);

static void dump_mpls(const uint8_t *packet, size_t length)
{
    struct wire_mpls stack[MPLS_DEPTH];
    unsigned count = 0;
    int n = wire_mpls_parse_stack(packet, length, MPLS_DEPTH, stack, &count);
    if (n < 0)
        return;
    put("layer.mpls", 1);
    for (unsigned i = 0; i < count; i++) {
        put("mpls.label", stack[i].label);
        put("mpls.exp", stack[i].tc);
        put("mpls.bottom", stack[i].bottom);
        put("mpls.ttl", stack[i].ttl);
    }
    unsigned version = (size_t)n < length ? packet[n] >> 4 : 0;
    if (version == 4 || version == 6)
        dump_network(version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, packet + n, length - (size_t)n);
}

static void dump_network(uint16_t ethertype, const uint8_t *packet, size_t length)
{
    if (ethertype == ETHERTYPE_IPV4)
        dump_ipv4(packet, length);
    else if (ethertype == ETHERTYPE_IPV6)
        dump_ipv6(packet, length);
    else if (ethertype == ETHERTYPE_ARP)
        dump_arp(packet, length);
    else if (ethertype == ETHERTYPE_MPLS || ethertype == ETHERTYPE_MPLS_MULTICAST)
        dump_mpls(packet, length);
}

static void dump_frame(const struct pcap_record *r)
{
    struct wire_eth h;
    printf("frame frame.cap_len=%u frame.len=%u frame.time_epoch=%lld.%09lld", r->captured, r->original,
           (long long)(r->time_ns / NS_PER_S), (long long)(r->time_ns % NS_PER_S));
    int n = wire_eth_parse(r->bytes, r->captured, WIRE_ETH_MAX_TAGS, &h);
    if (n > 0) {
        put("layer.eth", 1);
        put_mac("eth.dst", h.dst);
        put_mac("eth.src", h.src);
        if (h.llc && h.vlan_count == 0)
            put("eth.len", h.llc_length);
        for (unsigned i = 0; i < h.vlan_count; i++) {
            put("tag.id", wire_vlan_id(&h.vlan[i]));
            put("tag.priority", wire_vlan_priority(&h.vlan[i]));
        }
        dump_network(h.ethertype, r->bytes + n, r->captured - (size_t)n);
    }
    putchar('\n');
}

static void dump_file(const char *path)
{
    struct pcap_reader *r;
    struct pcap_record record;
    char message[256];
    int end;
    printf("file %s\n", path);
    if (pcap_reader_open(path, &r, message) < 0) {
        printf("refused %s\n", message);
        return;
    }
    while ((end = pcap_reader_next(r, &record)) == 1)
        dump_frame(&record);
    printf("end %s\n", end == 0 ? "0" : err_name(end));
    pcap_reader_close(r);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        dump_file(argv[i]);
    return 0;
}
