/* SPDX-License-Identifier: MIT */
/*
 * From a frame of the inner stack to datagrams of the outer one: RFC 2003, RFC 2473, RFC 4213, RFC 2784, RFC 2890,
 * RFC 7348 section 5.
 */
#include "base/checksum.h"
#include "tunnel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

#define FIRST_SOURCE_PORT 49152u /* RFC 7348 section 5: the dynamic ports */
#define N_SOURCE_PORTS 16384u
#define ECN_MASK 3u
#define IPV4_DF 0x4000u

/* What is sent, and how. */
struct departure {
    const struct packet *frame;
    const uint8_t *inner; /* what follows our headers */
    uint32_t inner_len;
    uint32_t ip;     /* offset of the IP packet in the frame; 0: there is none */
    uint32_t ip_len; /* its bytes, padding included */
    uint8_t tos, protocol;
    struct ip_addr to;
    int64_t now;
    uint8_t header[TUNNEL_HEADER_MAX];
    uint32_t header_len;
    uint8_t shim[WIRE_ETH_LEN]; /* the addresses of a frame whose tags stay behind */
    bool has_shim;
};

static uint32_t shim_len(const struct departure *d) { return d->has_shim ? 2 * WIRE_ETH_ADDR_LEN : 0; }
static uint32_t payload_len(const struct departure *d) { return d->header_len + shim_len(d) + d->inner_len; }

/* ---- size ---- */

static bool may_be_cut(const struct departure *d)
{
    const uint8_t *ip = d->frame->data + d->ip;
    return ip[0] >> 4 == 4 ? !(load_be16(ip + 6) & IPV4_DF) : d->ip_len <= WIRE_IPV6_MIN_MTU;
}

/* How the outer datagram leaves, or ERR_NO_SPACE (answered and counted). */
static int discover_of(struct tunnel *t, const struct departure *d)
{
    uint32_t path = stack_path_mtu(t->set->outer, t->settings.local, &d->to, d->now);
    uint32_t outer = payload_len(d) + (tunnel_is_v6(t) ? WIRE_IPV6_LEN : WIRE_IPV4_MIN);
    if (t->settings.fragment)
        return DISCOVER_DONT;
    if (outer <= path || path == 0)
        return DISCOVER_DO;
    if (!tunnel_is_l2(t) && may_be_cut(d))
        return DISCOVER_DONT;
    TUNNEL_COUNT(t, tunnel_too_big);
    uint32_t fits = d->ip_len - min_u32(d->ip_len, outer - path);
    if (d->ip && d->frame->data[d->ip] >> 4 == 6)
        fits = max_u32(fits, WIRE_IPV6_MIN_MTU);
    if (d->ip && fits < d->ip_len)
        tunnel_answer_too_big(t, d->frame, d->ip, fits);
    return ERR_NO_SPACE;
}

/* ---- the outer datagram ---- */

/* Invariant 3 of tunnel.h. */
static bool goes_down(struct tunnel *t)
{
    const struct link *outer = stack_link_of(t->set->outer, t->settings.local);
    return !outer || link_nesting(outer) < t->link.nesting;
}

static void count_failure(struct tunnel *t, int error)
{
    if (error == ERR_AGAIN)
        TUNNEL_COUNT(t, tunnel_no_room);
    else if (error == ERR_NO_SPACE)
        TUNNEL_COUNT(t, tunnel_too_big);
    else
        TUNNEL_COUNT(t, tunnel_no_route);
}

static void send_datagram(struct tunnel *t, const struct departure *d)
{
    const struct ip_piece pieces[] = {{.bytes = d->header, .length = d->header_len},
                                      {.bytes = d->shim, .length = shim_len(d)},
                                      {.bytes = d->inner, .length = d->inner_len}};
    int discover = discover_of(t, d);
    if (discover < 0)
        return;
    const struct raw_datagram out = {
        .local = t->settings.local,
        .remote = d->to,
        .protocol = d->protocol,
        .length = payload_len(d),
        .n_pieces = ARRAY_SIZE(pieces),
        .pieces = pieces,
        .departure = {.ttl = t->settings.ttl,
                      .tos = (uint8_t)((unsigned)t->settings.dscp << 2 | (d->tos & ECN_MASK)),
                      .discover = (uint8_t)discover}};
    int error = raw_send(t->set->outer, &out, d->now);
    if (error)
        count_failure(t, error);
    else
        TUNNEL_COUNT(t, tunnel_sent);
}

/* ---- IP in IP, GRE ---- */

static uint64_t sum_payload(const struct departure *d)
{
    uint64_t sum = checksum_add(0, d->header, d->header_len);
    sum = checksum_add(sum, d->shim, shim_len(d));
    return checksum_add(sum, d->inner, d->inner_len);
}

static void put_gre(struct tunnel *t, struct departure *d, uint16_t protocol)
{
    const struct wire_gre h = {.protocol = protocol,
                               .has_checksum = t->settings.checksum,
                               .has_key = t->settings.has_key,
                               .has_sequence = t->settings.sequence,
                               .key = t->settings.key,
                               .sequence = t->settings.sequence ? t->sequence_sent++ : 0};
    d->header_len = wire_gre_build(d->header, &h);
    if (!h.has_checksum)
        return;
    uint16_t checksum = checksum_finish(sum_payload(d));
    memcpy(d->header + WIRE_GRE_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static bool is_ip(const struct departure *d) { return d->ip == WIRE_ETH_LEN; }

/* The IP packet alone, without padding. */
static void send_ip(struct tunnel *t, struct departure *d)
{
    if (!is_ip(d)) {
        TUNNEL_COUNT(t, tunnel_not_ip);
        return;
    }
    bool v6 = d->frame->data[d->ip] >> 4 == 6;
    d->inner = d->frame->data + d->ip;
    d->inner_len = d->ip_len;
    d->protocol = v6 ? IP_PROTO_IPV6 : IP_PROTO_IPV4;
    if (t->settings.kind == TUNNEL_GRE) {
        d->protocol = IP_PROTO_GRE;
        put_gre(t, d, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    }
    send_datagram(t, d);
}

/* ---- VXLAN ---- */

/* The same for all frames of a flow: RFC 7348 section 5. */
static uint16_t source_port(const struct tunnel *t, const struct departure *d)
{
    const uint8_t *frame = d->frame->data, *ip = frame + d->ip;
    uint8_t key[12 + 32 + 5] = {0};
    memcpy(key, frame, 12);
    if (d->ip && ip[0] >> 4 == 4) {
        uint32_t header = (ip[0] & 15u) * 4u;
        memcpy(key + 12, ip + 12, 8);
        key[44] = ip[9];
        if (!(load_be16(ip + 6) & 0x3fffu) && d->ip_len >= header + 4) /* fragments have no ports */
            memcpy(key + 45, ip + header, 4);
    } else if (d->ip) {
        memcpy(key + 12, ip + 8, 32);
        key[44] = ip[6];
        if (d->ip_len >= WIRE_IPV6_LEN + 4 && (ip[6] == IP_PROTO_TCP || ip[6] == IP_PROTO_UDP))
            memcpy(key + 45, ip + WIRE_IPV6_LEN, 4);
    }
    return (uint16_t)(FIRST_SOURCE_PORT + hash_sip13(&t->set->secret, key, sizeof key) % N_SOURCE_PORTS);
}

static bool sums_udp(const struct tunnel *t)
{
    return tunnel_is_v6(t) ? !t->settings.zero_checksum6 : t->settings.udp_checksum;
}

static void put_udp_checksum(const struct tunnel *t, struct departure *d)
{
    uint64_t sum = tunnel_is_v6(t) ? wire_l4_pseudo_v6(&t->address, &d->to, IP_PROTO_UDP, payload_len(d))
                                   : wire_l4_pseudo_v4(ip_addr_to_v4(&t->address), ip_addr_to_v4(&d->to), IP_PROTO_UDP,
                                                       payload_len(d));
    memset(d->header + WIRE_UDP_CHECKSUM_OFFSET, 0, 2);
    uint16_t checksum = wire_l4_finish(sum + sum_payload(d), IP_PROTO_UDP);
    memcpy(d->header + WIRE_UDP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static void send_vxlan_to(struct tunnel *t, struct departure *d, const struct ip_addr *vtep)
{
    d->to = *vtep;
    if (sums_udp(t))
        put_udp_checksum(t, d);
    send_datagram(t, d);
}

static void flood(struct tunnel *t, struct departure *d, const struct tunnel_vni *v)
{
    if (!v->remotes)
        TUNNEL_COUNT(t, tunnel_no_remote);
    else
        TUNNEL_COUNT(t, tunnel_flooded);
    for (uint32_t i = v->remotes; i;) {
        const struct tunnel_remote *r = pool_at(&t->vtep.remotes, i);
        i = r->next;
        send_vxlan_to(t, d, &r->address);
    }
}

static void put_vxlan(struct tunnel *t, struct departure *d, uint32_t vni)
{
    struct wire_udp h = {.src_port = source_port(t, d), .dst_port = t->settings.port};
    d->header_len = WIRE_UDP_LEN + wire_vxlan_build(d->header + WIRE_UDP_LEN, vni);
    h.length = (uint16_t)payload_len(d);
    (void)wire_udp_build(d->header, &h);
    d->protocol = IP_PROTO_UDP;
}

static void send_vxlan(struct tunnel *t, struct departure *d)
{
    uint32_t vni;
    int tags = tunnel_vni_of(t, d->frame, &vni);
    const struct tunnel_vni *v = tags < 0 ? NULL : tunnel_find_vni(t, vni);
    if (!v) {
        TUNNEL_COUNT(t, tunnel_unknown_vni);
        return;
    }
    if (tags > 0) { /* addresses, then what follows the tags */
        memcpy(d->shim, d->frame->data, 2 * WIRE_ETH_ADDR_LEN);
        d->has_shim = true;
        d->inner += 2 * WIRE_ETH_ADDR_LEN + (unsigned)tags;
        d->inner_len -= 2 * WIRE_ETH_ADDR_LEN + (unsigned)tags;
    }
    put_vxlan(t, d, vni);
    const struct ip_addr *vtep =
        wire_eth_is_multicast(d->frame->data) ? NULL : tunnel_find_mac(t, vni, d->frame->data, d->now);
    if (vtep)
        send_vxlan_to(t, d, vtep);
    else
        flood(t, d, v);
}

/* ---- all ---- */

/* Bytes of the IP packet at `ip` of which `present` are there: what its header says, padding left out. */
static uint32_t ip_length(const uint8_t *ip, uint32_t present)
{
    uint32_t said = ip[0] >> 4 == 4 ? load_be16(ip + 2) : WIRE_IPV6_LEN + (uint32_t)load_be16(ip + 4);
    return min_u32(said, present);
}

void tunnel_send(struct tunnel *t, const struct packet *p, int64_t now)
{
    struct departure d = {.frame = p, .inner = p->data, .inner_len = p->len, .to = t->settings.remote, .now = now};
    if (p->len < WIRE_ETH_LEN) {
        TUNNEL_COUNT(t, tunnel_short);
        return;
    }
    if (!goes_down(t)) {
        TUNNEL_COUNT(t, tunnel_recursion);
        return;
    }
    d.ip = tunnel_ip_offset(p->data, p->len);
    if (d.ip) {
        d.ip_len = ip_length(p->data + d.ip, p->len - d.ip);
        d.tos = tunnel_ip_tos(p->data + d.ip);
    }
    if (t->settings.kind == TUNNEL_VXLAN) {
        send_vxlan(t, &d);
    } else if (t->settings.kind == TUNNEL_GRETAP) {
        d.protocol = IP_PROTO_GRE;
        put_gre(t, &d, WIRE_GRE_ETHERNET);
        send_datagram(t, &d);
    } else {
        send_ip(t, &d);
    }
}
