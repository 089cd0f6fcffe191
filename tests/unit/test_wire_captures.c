/* SPDX-License-Identifier: MIT */
/*
 * Every frame of the captures: decoded layer by layer, printed, rebuilt. The table's numbers of headers and of good
 * and bad checksums were read from tshark 4.0.17 (reassembly off, all checksum checks on), an independent decoder;
 * captures with tunnels and quoted packets, where it goes on decoding inside, are not in the table.
 */
#include "unit/wire_support.h"

#include "unit/wire_equal.h"
#include "wire/l4.h"

/* What was met. A frame whose IP header is no good counts no further. */
struct census {
    unsigned frames, arp, ipv4, ipv4_bad, ipv6;
    unsigned tcp, tcp_bad, udp, udp_bad, icmp, icmp_bad, icmpv6, icmpv6_bad;
};

/* Sums modulo 2^32 of what TCP headers and their options say. */
struct sums {
    uint32_t mss, wscale, ts_val, ts_ecr, sack_left, sack_right, seq, window;
};

struct tally {
    struct census count;
    struct sums sum;
};

/* Bytes that a parsed header refers to, for a layer further in. */
struct payload {
    struct ip_addr src, dst;
    uint8_t protocol;
    const uint8_t *bytes;
    size_t length;
    bool whole; /* not a fragment */
};

static char line[512];

static void rebuild_tcp(const uint8_t *bytes, const struct wire_tcp *h, const struct wire_tcp_options *o, unsigned bad)
{
    uint8_t again[WIRE_TCP_MAX];
    struct wire_tcp parsed = {.flags = 0};
    struct wire_tcp_options options;
    struct wire_tcp_options ours = *o;
    ours.present &= (uint16_t)~TCP_OPT_MPTCP;
    int n = wire_tcp_build(again, h, &ours);
    assert_true(n >= 20);
    assert_int_equal(wire_tcp_parse(again, (size_t)n, &parsed), n);
    assert_true(wire_tcp_equal(h, &parsed));
    assert_int_equal(wire_tcp_options_parse(again + 20, (size_t)n - 20, &options), 0);
    assert_true(wire_tcp_options_equal(&ours, &options));
    if (bad == 0 && h->header_len == 20 && (bytes[12] & 0x0e) == 0)
        assert_memory_equal(again, bytes, 20);
}

/* Options that are absent are zero in `o`. */
static void add_tcp(struct sums *s, const struct wire_tcp *h, const struct wire_tcp_options *o)
{
    s->seq += h->seq.v;
    s->window += h->window;
    s->mss += o->mss;
    s->wscale += o->wscale;
    s->ts_val += o->ts_val;
    s->ts_ecr += o->ts_ecr;
    for (unsigned i = 0; i < o->sack_count; i++) {
        s->sack_left += o->sack[i].left.v;
        s->sack_right += o->sack[i].right.v;
    }
}

static void take_tcp(const struct payload *p, struct tally *t)
{
    struct wire_tcp h = {0};
    struct wire_tcp_options o;
    int n = wire_tcp_parse(p->bytes, p->length, &h);
    if (n < 0)
        return;
    unsigned bad = wire_tcp_options_parse(p->bytes + 20, (size_t)n - 20, &o);
    assert_true(wire_tcp_print(line, sizeof line, &h, &o) > 20);
    rebuild_tcp(p->bytes, &h, &o, bad);
    add_tcp(&t->sum, &h, &o);
    t->count.tcp++;
    t->count.tcp_bad += p->whole && !wire_l4_checksum_ok(&p->src, &p->dst, IP_PROTO_TCP, p->bytes, p->length);
}

static void take_udp(const struct payload *p, struct tally *t)
{
    struct wire_udp h = {0};
    uint8_t again[WIRE_UDP_LEN];
    if (wire_udp_parse(p->bytes, p->length, &h) < 0)
        return;
    assert_true(wire_udp_print(line, sizeof line, &h) > 10);
    wire_udp_build(again, &h);
    assert_memory_equal(again, p->bytes, WIRE_UDP_LEN);
    t->count.udp++;
    t->count.udp_bad +=
        p->whole && h.checksum != 0 && !wire_l4_checksum_ok(&p->src, &p->dst, IP_PROTO_UDP, p->bytes, h.length);
}

static void take_icmp(const struct payload *p, struct tally *t)
{
    struct wire_icmp h;
    struct wire_icmp_quote q;
    uint8_t again[WIRE_ICMP_LEN];
    if (wire_icmp_parse(p->bytes, p->length, &h) < 0)
        return;
    assert_true(wire_icmp_print(line, sizeof line, &h) > 4);
    wire_icmp_build(again, &h);
    assert_memory_equal(again, p->bytes, WIRE_ICMP_LEN);
    t->count.icmp++;
    t->count.icmp_bad += !wire_icmp_checksum_ok(p->bytes, p->length);
    if (wire_icmp_is_error(h.type) && wire_icmp_quote_parse(p->bytes + 8, p->length - 8, &q) > 0)
        assert_true(wire_ipv4_print(line, sizeof line, &q.ip) > 20);
}

static void take_nd(const struct payload *p)
{
    struct wire_nd h, parsed;
    static uint8_t again[65536];
    if (wire_nd_parse(p->bytes, p->length, &h) < 0)
        return;
    assert_true(wire_nd_print(line, sizeof line, &h) > 10);
    int n = wire_nd_build(again, sizeof again, &h);
    assert_true(n > 0);
    assert_int_equal(wire_nd_parse(again, (size_t)n, &parsed), n);
    assert_true(wire_nd_equal(&h, &parsed));
}

static void take_icmpv6(const struct payload *p, struct tally *t)
{
    struct wire_icmpv6 h;
    struct wire_icmpv6_quote q;
    uint8_t again[WIRE_ICMPV6_LEN];
    if (wire_icmpv6_parse(p->bytes, p->length, &h) < 0)
        return;
    assert_true(wire_icmpv6_print(line, sizeof line, &h) > 5);
    wire_icmpv6_build(again, &h);
    assert_memory_equal(again, p->bytes, WIRE_ICMPV6_LEN);
    t->count.icmpv6++;
    t->count.icmpv6_bad += p->whole && !wire_icmpv6_checksum_ok(&p->src, &p->dst, p->bytes, p->length);
    if (wire_icmpv6_is_error(h.type) && wire_icmpv6_quote_parse(p->bytes + 8, p->length - 8, &q) > 0)
        assert_true(wire_ipv6_print(line, sizeof line, &q.ip) > 10);
    if (wire_nd_is_nd(h.type))
        take_nd(p);
}

static void take_l4(const struct payload *p, struct tally *t)
{
    switch (p->protocol) {
    case IP_PROTO_TCP:
        take_tcp(p, t);
        break;
    case IP_PROTO_UDP:
        take_udp(p, t);
        break;
    case IP_PROTO_ICMP:
        if (ip_addr_is_v4(&p->dst) && p->whole)
            take_icmp(p, t);
        break;
    case IP_PROTO_ICMPV6:
        if (!ip_addr_is_v4(&p->dst))
            take_icmpv6(p, t);
        break;
    default:
        break;
    }
}

static void take_ipv4(const uint8_t *packet, size_t length, struct tally *t)
{
    struct wire_ipv4 h = {0};
    struct wire_ipv4_options o;
    uint8_t again[WIRE_IPV4_MAX];
    int n = wire_ipv4_parse(packet, length, &h);
    if (n < 0)
        return;
    bool good = wire_ipv4_checksum_ok(packet, (size_t)n);
    t->count.ipv4++;
    t->count.ipv4_bad += !good;
    assert_true(wire_ipv4_print(line, sizeof line, &h) > 20);
    wire_ipv4_options_check(h.options, h.options_len, &o);
    assert_int_equal(wire_ipv4_build(again, &h), n);
    if (good && h.checksum != 0xffff)
        assert_memory_equal(again, packet, (size_t)n);
    struct payload p = {.src = ip_addr_from_v4(h.src),
                        .dst = ip_addr_from_v4(h.dst),
                        .protocol = h.protocol,
                        .bytes = packet + n,
                        .length = wire_ipv4_payload_len(&h),
                        .whole = !wire_ipv4_is_fragment(&h)};
    if (h.fragment_offset == 0)
        take_l4(&p, t);
}

static void take_ipv6(const uint8_t *packet, size_t length, struct tally *t)
{
    struct wire_ipv6 h = {0};
    struct wire_ipv6_walk w;
    uint8_t again[WIRE_IPV6_LEN];
    if (wire_ipv6_parse(packet, length, &h) < 0)
        return;
    t->count.ipv6++;
    assert_true(wire_ipv6_print(line, sizeof line, &h) > 10);
    wire_ipv6_build(again, &h);
    assert_memory_equal(again, packet, WIRE_IPV6_LEN);
    if (wire_ipv6_walk(packet, length, &w) != WIRE_IPV6_ACCEPT || (w.fragment && w.frag.offset != 0))
        return;
    struct payload p = {.src = h.src,
                        .dst = h.dst,
                        .protocol = w.protocol,
                        .bytes = packet + w.offset,
                        .length = w.end - w.offset,
                        .whole = !w.fragment};
    take_l4(&p, t);
}

static void take_arp(const uint8_t *packet, size_t length, struct tally *t)
{
    struct wire_arp h;
    uint8_t again[WIRE_ARP_LEN];
    if (wire_arp_parse(packet, length, &h) < 0)
        return;
    assert_true(wire_arp_print(line, sizeof line, &h) > 20);
    wire_arp_build(again, &h);
    assert_memory_equal(again, packet, WIRE_ARP_LEN);
    t->count.arp++;
}

static void take_frame(void *user, const uint8_t *frame, size_t length)
{
    struct tally *t = user;
    struct wire_eth h = {0};
    uint8_t again[WIRE_ETH_MAX_HEADER];
    t->count.frames++;
    int n = wire_eth_parse(frame, length, WIRE_ETH_MAX_TAGS, &h);
    if (n < 0)
        return;
    assert_true(wire_eth_print(line, sizeof line, &h) > 30);
    assert_int_equal(wire_eth_build(again, &h), n);
    assert_memory_equal(again, frame, (size_t)n);
    if (h.ethertype == ETHERTYPE_IPV4)
        take_ipv4(frame + n, length - (size_t)n, t);
    else if (h.ethertype == ETHERTYPE_IPV6)
        take_ipv6(frame + n, length - (size_t)n, t);
    else if (h.ethertype == ETHERTYPE_ARP)
        take_arp(frame + n, length - (size_t)n, t);
}

struct row {
    const char *name;
    struct census expected;
};

static const struct row rows[] = {
    {"arp/ArpRequestWithVlan.pcap", {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"chksums/ip4-bad-chksum.pcap", {1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0}},
    {"chksums/ip4-icmp-bad-chksum.pcap", {1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0}},
    {"chksums/ip4-tcp-bad-chksum.pcap", {1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}},
    {"chksums/ip4-tcp-good-chksum.pcap", {1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
    {"chksums/ip4-udp-bad-chksum.pcap", {1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0}},
    {"chksums/ip4-udp-good-chksum.pcap", {1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}},
    {"chksums/ip6-icmp6-bad-chksum.pcap", {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1}},
    {"chksums/ip6-icmp6-good-chksum.pcap", {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0}},
    {"chksums/ip6-tcp-bad-chksum.pcap", {1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}},
    {"chksums/localhost-bad-chksum.pcap", {10, 0, 10, 0, 0, 10, 6, 0, 0, 0, 0, 0, 0}},
    {"chksums/mip6-good-mh-chksum.pcap", {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"dns/DnsPackets.pcap", {464, 0, 449, 0, 15, 0, 0, 464, 0, 0, 0, 0, 0}},
    {"dns/dns-svcb-rdlength-mismatch.pcap", {1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0}},
    {"dns/edns-opts.pcap", {42, 0, 42, 0, 0, 0, 0, 42, 21, 0, 0, 0, 0}},
    {"dns/dnso1tcp-bighole.pcap", {200, 0, 200, 0, 0, 200, 82, 0, 0, 0, 0, 0, 0}},
    {"encap/802.1ad_QinQ.pcap", {2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"encap/VlanPackets.pcap", {26, 0, 20, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0}},
    {"encap/gso-ipv6.pcap", {1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}},
    {"encap/macsec-encrypted.pcap", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"encap/twovlan.pcap", {6, 0, 6, 6, 0, 6, 6, 0, 0, 0, 0, 0, 0}},
    {"fileformat/bigendian.pcap", {2, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0}},
    {"fileformat/empty.pcap", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"fileformat/nanosecs_big_endian.pcap", {10, 0, 10, 0, 0, 10, 10, 0, 0, 0, 0, 0, 0}},
    {"http/nginx.pcap", {35, 0, 35, 0, 0, 35, 8, 0, 0, 0, 0, 0, 0}},
    {"http/one_tcp_stream_max_seq.pcap", {36, 0, 36, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0}},
    {"http/v6-http.pcap", {55, 0, 0, 0, 55, 10, 0, 8, 0, 0, 0, 37, 0}},
    {"icmp/ICMPv6_echos.pcap", {10, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 10, 0}},
    {"icmp/icmp6-nd-short-options.pcap", {16, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 16, 0}},
    {"icmp/icmp6-router-advert.pcap", {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0}},
    {"icmp/icmp_ext_oob_poc.pcap", {1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}},
    {"icmp/igmp-many-groups.pcap", {450, 0, 450, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"ip/covert_send6.pcap", {37, 0, 0, 0, 37, 0, 0, 0, 0, 0, 0, 37, 0}},
    {"ip/decode-too-many-layers.pcap", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"ip/ether_padd.pcap", {1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0}},
    {"ip/frag_http_req.pcap", {11, 0, 11, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
    {"ip/fragmented-4.pcap", {6, 0, 6, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}},
    {"ip/ipv6-bad-version.pcap", {4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0}},
    {"ip/ipv6-with-ethernet-padding.pcap", {1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0}},
    {"ip/toobig.pcap", {5, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 5, 0}},
    {"ip6frag/frag-15.pcap", {64, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 11, 0}},
    {"ip6frag/frag-9.pcap", {11, 0, 0, 0, 11, 0, 0, 2, 0, 0, 0, 9, 0}},
    {"l2/190_packet.pcap", {190, 0, 190, 21, 0, 190, 21, 0, 0, 0, 0, 0, 0}},
    {"l2/EthDot3.pcap", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"l2/llc_vlan.pcap", {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"l2/packet_trailer.pcap", {4, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0}},
    {"routing/bgp-4byte-asn.pcap", {91, 12, 79, 0, 0, 79, 0, 0, 0, 0, 0, 0, 0}},
    {"routing/vrrp.pcap", {165, 0, 101, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"apps/smtp.pcap", {110, 0, 110, 0, 0, 110, 0, 0, 0, 0, 0, 0, 0}},
    {"apps/ntp.pcap", {32, 0, 32, 0, 0, 0, 0, 32, 16, 0, 0, 0, 0}},
    {"tcp/http-tcp-seq-issue.pcap", {7, 0, 7, 7, 0, 7, 7, 0, 0, 0, 0, 0, 0}},
    {"tcp/options.pcap", {4, 0, 4, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}},
    {"tcp/ssh-dups.pcap", {377, 0, 377, 0, 0, 377, 152, 0, 0, 0, 0, 0, 0}},
    {"tcp/syn-bad.pcap", {1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}},
    {"tcp/tcp-session-syn-flood-drop-precedence.pcap", {200, 0, 200, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0}},
    {"tcp/tcp-urgent1.pcap", {16, 0, 16, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0}},
    {"tcp/tcp_handshake_synthetic.pcap", {50, 0, 50, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0}},
    {"tls/dtls13-wolfssl.pcap", {15, 0, 15, 0, 0, 0, 0, 15, 15, 0, 0, 0, 0}},
    {"tls/heartbleed.pcap", {23, 0, 23, 0, 0, 23, 12, 0, 0, 0, 0, 0, 0}},
    {"tls/https.pcap", {96, 0, 96, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0}},
    {"tls/tls1_3.pcap", {4, 0, 2, 0, 2, 4, 1, 0, 0, 0, 0, 0, 0}},
    {"voip/rtsp_short.pcap", {20, 0, 20, 6, 0, 11, 6, 9, 0, 0, 0, 0, 0}},
    {"voip/sip_resp.pcap", {7, 0, 7, 0, 0, 1, 1, 6, 3, 0, 0, 0, 0}},
    {"voip/stun-ice-testcall.pcap", {108, 0, 108, 0, 0, 0, 0, 108, 0, 0, 0, 0, 0}},
};

static void assert_row(const char *name, const void *found, const void *expected, size_t size)
{
    const uint32_t *a = found, *b = expected;
    for (size_t i = 0; i < size / sizeof *a; i++)
        if (a[i] != b[i])
            fail_msg("%s: column %zu is %u, tshark says %u", name, i + 1, a[i], b[i]);
}

static void headers_and_checksums_agree_with_tshark(void **state)
{
    (void)state;
    const char *folder = captures_folder_or_skip();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tally t = {.count.frames = 0};
        assert_true(capture_read(folder, rows[i].name, take_frame, &t) >= 0);
        assert_row(rows[i].name, &t.count, &rows[i].expected, sizeof t.count);
    }
}

struct sums_row {
    const char *name;
    struct sums expected;
};

static const struct sums_row sums_rows[] = {
    {"http/http-100-continue.pcap", {2586, 15, 3588948209, 3342808829, 2062095279, 2062095291, 2769571945, 106419}},
    {"http/one_tcp_stream_max_seq.pcap", {2880, 16, 0, 0, 3431597739, 3431600580, 96728, 25224}},
    {"tcp/qi_internet_SYNACK_curl_jsonip.pcap",
     {2920, 7, 1496310915, 267483839, 658013301, 658013302, 1427531700, 120012}},
    {"tls/hrr.pcap", {2840, 14, 3232215290, 1153475609, 241793478, 241793523, 3157908874, 149696}},
    {"tcp/options.pcap", {2840, 13, 419314610, 838848023, 0, 0, 3386774015, 11816}},
    {"tcp/ssh-dups.pcap", {2920, 13, 2999277678, 2745312537, 0, 0, 182250859, 597586}},
    {"tcp/tcp-session-syn-flood-drop-precedence.pcap", {0, 0, 0, 0, 0, 0, 219900, 1638400}},
    {"tcp/tcp_handshake_synthetic.pcap", {0, 0, 0, 0, 0, 0, 9339589, 1499117}},
    {"tcp/tcp-reassembly-synthetic.pcap", {0, 0, 0, 0, 0, 0, 964249, 5513135}},
    {"tcp/with_evasion_windows.pcap", {2920, 16, 200, 200, 0, 0, 1711450989, 34048}},
    {"tcp/mptcp-dss-oobr.pcap", {16396, 0, 597120308, 0, 0, 0, 1736820995, 32792}},
    {"tcp/split-handshake-4whs.pcap", {0, 0, 0, 0, 0, 0, 13008, 57344}},
    {"http/v6-http.pcap", {2872, 5, 664232, 0, 0, 0, 207021563, 310924}},
    {"tls/https.pcap", {2920, 0, 0, 0, 0, 0, 3315980605, 3145728}},
    {"apps/smtp.pcap", {2920, 0, 0, 0, 0, 0, 140945869, 3604480}},
    {"tcp/tcp-opt-invalid-warning.pcap", {1452, 8, 2541451044, 115897761, 0, 0, 3644391762, 64980}},
    {"apps/single-conn.pcap", {2920, 2, 2819334478, 2030527479, 0, 0, 3229472975, 3505253}},
};

static void tcp_fields_and_options_agree_with_tshark(void **state)
{
    (void)state;
    const char *folder = captures_folder_or_skip();
    for (size_t i = 0; i < ARRAY_SIZE(sums_rows); i++) {
        struct tally t = {.count.frames = 0};
        assert_true(capture_read(folder, sums_rows[i].name, take_frame, &t) >= 0);
        assert_row(sums_rows[i].name, &t.sum, &sums_rows[i].expected, sizeof t.sum);
    }
}

/* Extension headers that this host refuses, by the bytes of each capture's last packet. */
static const struct walk_row {
    const char *name;
    enum wire_ipv6_verdict verdict;
    enum wire_ipv6_reason reason;
    uint8_t code;
    uint8_t pointer;
} walk_rows[] = {
    {"chksums/ip6-hoa-tcp-good-chksum.pcap", WIRE_IPV6_PARAMETER_PROBLEM, WIRE_IPV6_UNKNOWN_OPTION, 2, 46},
    {"chksums/ip6-hoa-udp-bad-chksum.pcap", WIRE_IPV6_PARAMETER_PROBLEM, WIRE_IPV6_UNKNOWN_OPTION, 2, 46},
    {"chksums/ip6-route0-tcp-good-chksum.pcap", WIRE_IPV6_PARAMETER_PROBLEM, WIRE_IPV6_ROUTING, 0, 42},
    {"ip/ipv6-hbh-routing0.pcap", WIRE_IPV6_PARAMETER_PROBLEM, WIRE_IPV6_ROUTING, 0, 50},
    {"ip/ipv6-too-long-jumbo.pcap", WIRE_IPV6_DROP, WIRE_IPV6_BAD_OPTION, 0, 0},
    {"ip/ipv6_39_byte_header.pcap", WIRE_IPV6_DROP, WIRE_IPV6_TRUNCATED, 0, 0},
    {"ip/ipv6_frag6_negative_len.pcap", WIRE_IPV6_DROP, WIRE_IPV6_TRUNCATED, 0, 0},
    {"chksums/ip6-tcp-bad-chksum.pcap", WIRE_IPV6_ACCEPT, WIRE_IPV6_GOOD, 0, 0},
};

static void walk_frame(void *user, const uint8_t *frame, size_t length)
{
    wire_ipv6_walk(frame + WIRE_ETH_LEN, length - WIRE_ETH_LEN, user);
}

static void refused_extension_headers(void **state)
{
    (void)state;
    const char *folder = captures_folder_or_skip();
    for (size_t i = 0; i < ARRAY_SIZE(walk_rows); i++) {
        const struct walk_row *row = &walk_rows[i];
        struct wire_ipv6_walk w = {.end = 0};
        assert_true(capture_read(folder, row->name, walk_frame, &w) > 0);
        if (w.verdict != row->verdict || w.reason != row->reason || w.problem_code != row->code ||
            w.problem_pointer != row->pointer)
            fail_msg("%s: verdict %d, %s, code %d, pointer %u", row->name, (int)w.verdict,
                     wire_ipv6_reason_text(w.reason), w.problem_code, w.problem_pointer);
    }
}

static void take_file(void *user, const char *folder, const char *name)
{
    struct tally t = {.count.frames = 0};
    unsigned *files = user;
    if (capture_read(folder, name, take_frame, &t) >= 0)
        ++*files;
}

static void every_frame_is_printed_and_rebuilt(void **state)
{
    (void)state;
    const char *folder = captures_folder_or_skip();
    unsigned files = 0;
    capture_each_file(folder, take_file, &files);
    assert_true(files > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_and_checksums_agree_with_tshark),
        cmocka_unit_test(tcp_fields_and_options_agree_with_tshark),
        cmocka_unit_test(refused_extension_headers),
        cmocka_unit_test(every_frame_is_printed_and_rebuilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
