/* SPDX-License-Identifier: MIT */
/*
 * From datagrams of the outer stack to frames for the inner one. The callbacks only copy and queue. The header of the
 * outer datagram was checked by the stack, as was its UDP checksum.
 */
#include "base/checksum.h"
#include "stack/host.h"
#include "tunnel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

#define PEER_MAC_BYTE 1u

/* ---- the frame ---- */

static void give(struct tunnel *t, struct packet *p, uint32_t ip, uint8_t outer_tos)
{
    bool marked = false;
    if (ip && !tunnel_ecn_apply(p->data + ip, outer_tos, &marked)) {
        TUNNEL_COUNT(t, tunnel_ecn);
        packet_release(p);
        return;
    }
    t->set->counters.tunnel_marked += marked;
    TUNNEL_COUNT(t, tunnel_received);
    tunnel_queue_put(&t->rx, p);
}

/* The header of a frame that never was one: to us, or to the group that the packet is for. */
static void put_link_header(const struct tunnel *t, uint8_t *to, const uint8_t *ip)
{
    bool v6 = ip[0] >> 4 == 6;
    uint8_t peer[WIRE_ETH_ADDR_LEN] = {[WIRE_ETH_ADDR_LEN - 1] = PEER_MAC_BYTE};
    wire_eth_build14(to, t->link.mac, peer, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    if (v6 && ip[24] == 0xff)
        wire_eth_addr_from_ipv6_multicast(to, ip + 24);
    else if (!v6 && ipv4_addr_is_multicast(load_be32(ip + 16)))
        wire_eth_addr_from_ipv4_multicast(to, load_be32(ip + 16));
    else if (!v6 && ipv4_addr_is_broadcast(load_be32(ip + 16)))
        memset(to, 0xff, WIRE_ETH_ADDR_LEN);
}

/* The length of a whole IP packet of this version; ERR_MALFORMED. */
static int inner_length(const uint8_t *ip, uint32_t length, bool v6)
{
    struct wire_ipv4 h4;
    struct wire_ipv6 h6;
    if (v6)
        return wire_ipv6_parse(ip, length, &h6) < 0 ? ERR_MALFORMED : (int)(WIRE_IPV6_LEN + h6.payload_len);
    return wire_ipv4_parse(ip, length, &h4) < 0 ? ERR_MALFORMED : h4.total_len;
}

static void receive_ip(struct tunnel *t, const uint8_t *ip, uint32_t length, bool v6, uint8_t tos)
{
    int whole = inner_length(ip, length, v6);
    if (whole < 0) {
        TUNNEL_COUNT(t, tunnel_bad_inner);
        return;
    }
    struct packet *p = tunnel_rx_frame(t, WIRE_ETH_LEN + (uint32_t)whole);
    if (!p)
        return;
    put_link_header(t, p->data, ip);
    memcpy(p->data + WIRE_ETH_LEN, ip, (size_t)whole);
    p->len = WIRE_ETH_LEN + (uint32_t)whole;
    give(t, p, WIRE_ETH_LEN, tos);
}

/* A frame, with the tags that name its network put in. */
static void receive_frame(struct tunnel *t, const uint8_t *frame, uint32_t length, const uint8_t *tags,
                          unsigned n_tag_bytes, uint8_t tos)
{
    struct packet *p = tunnel_rx_frame(t, length + n_tag_bytes);
    if (!p)
        return;
    uint32_t addresses = 2 * WIRE_ETH_ADDR_LEN;
    memcpy(p->data, frame, addresses);
    if (n_tag_bytes != 0)
        memcpy(p->data + addresses, tags, n_tag_bytes);
    memcpy(p->data + addresses + n_tag_bytes, frame + addresses, length - addresses);
    p->len = length + n_tag_bytes;
    give(t, p, tunnel_ip_offset(p->data, p->len), tos);
}

/* ---- whose it is ---- */

static bool has_peer(const struct tunnel *t, const struct raw_datagram *d, bool gre)
{
    bool kind_ok =
        gre ? t->settings.kind == TUNNEL_GRE || t->settings.kind == TUNNEL_GRETAP : t->settings.kind == TUNNEL_IPIP;
    return kind_ok && t->settings.local == d->local && ip_addr_equal(&t->settings.remote, &d->remote);
}

static bool has_key(const struct tunnel *t, const struct wire_gre *h)
{
    return t->settings.has_key == h->has_key && (!h->has_key || t->settings.key == h->key);
}

/* ---- GRE ---- */

/* RFC 2890 2.2: newer by less than 2^31. */
static bool sequence_ok(struct tunnel *t, const struct wire_gre *h)
{
    if (!t->settings.sequence)
        return true;
    if (!h->has_sequence || (t->sequence_known && (int32_t)(h->sequence - t->sequence_seen) <= 0))
        return false;
    t->sequence_known = true;
    t->sequence_seen = h->sequence;
    return true;
}

static bool checksum_fits(const struct tunnel *t, const struct wire_gre *h, const uint8_t *gre, uint32_t length)
{
    if (!h->has_checksum)
        return !t->settings.checksum;
    return checksum_ok(checksum_add(0, gre, length));
}

static void gre_payload(struct tunnel *t, const struct wire_gre *h, const uint8_t *bytes, uint32_t length, uint8_t tos)
{
    bool ethernet = h->protocol == WIRE_GRE_ETHERNET, v6 = h->protocol == ETHERTYPE_IPV6;
    bool taken = tunnel_is_l2(t) ? ethernet : v6 || h->protocol == ETHERTYPE_IPV4;
    if (!taken)
        TUNNEL_COUNT(t, tunnel_unknown_protocol);
    else if (!ethernet)
        receive_ip(t, bytes, length, v6, tos);
    else if (length < WIRE_ETH_LEN)
        TUNNEL_COUNT(t, tunnel_bad_inner);
    else
        receive_frame(t, bytes, length, NULL, 0, tos);
}

static void gre_for(struct tunnel *t, const struct wire_gre *h, unsigned header, const uint8_t *gre, uint32_t length,
                    uint8_t tos)
{
    if (!checksum_fits(t, h, gre, length))
        TUNNEL_COUNT(t, tunnel_bad_checksum);
    else if (!sequence_ok(t, h))
        TUNNEL_COUNT(t, tunnel_out_of_order);
    else
        gre_payload(t, h, gre + header, length - header, tos);
}

static void receive_gre(struct tunnel_set *set, const struct raw_datagram *d, const uint8_t *gre, uint32_t length)
{
    struct wire_gre h;
    int header = wire_gre_parse(gre, length, &h);
    bool peer = false;
    if (header < 0) {
        (*(header == ERR_TRUNCATED ? &set->counters.tunnel_short : &set->counters.tunnel_bad_header))++;
        return;
    }
    for (unsigned i = 0; i < set->count; i++) {
        struct tunnel *t = set->tunnels[i];
        if (!has_peer(t, d, true))
            continue;
        peer = true;
        if (has_key(t, &h)) {
            gre_for(t, &h, (unsigned)header, gre, length, d->arrival.tos);
            return;
        }
    }
    (*(peer ? &set->counters.tunnel_unknown_key : &set->counters.tunnel_unknown_peer))++;
}

static void receive_ipip(struct tunnel_set *set, const struct raw_datagram *d, const uint8_t *ip, uint32_t length)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (!has_peer(set->tunnels[i], d, false))
            continue;
        receive_ip(set->tunnels[i], ip, length, d->protocol == IP_PROTO_IPV6, d->arrival.tos);
        return;
    }
    set->counters.tunnel_unknown_peer++;
}

void tunnel_receive_raw(void *context, const struct raw_datagram *d, int64_t now)
{
    struct tunnel_set *set = context;
    const uint8_t *payload = d->bytes + d->header_length;
    uint32_t length = d->length - d->header_length;
    for (unsigned i = 0; i < set->count; i++)
        set->tunnels[i]->now = now;
    if (d->n_pieces != 0) /* only segments of TCP are scattered */
        set->counters.tunnel_short++;
    else if (d->protocol == IP_PROTO_GRE)
        receive_gre(set, d, payload, length);
    else
        receive_ipip(set, d, payload, length);
}

/* ---- VXLAN ---- */

static void receive_in(struct tunnel *t, uint32_t vni, const struct udp_datagram *d, const uint8_t *frame,
                       uint32_t length, int64_t now)
{
    uint8_t tags[TUNNEL_VNI_TAGS];
    const uint8_t *source = frame + WIRE_ETH_ADDR_LEN;
    if (length < WIRE_ETH_LEN || wire_eth_is_multicast(source) || wire_eth_is_zero(source)) {
        TUNNEL_COUNT(t, tunnel_bad_inner);
        return;
    }
    if (t->settings.trunk && wire_eth_is_tpid(load_be16(frame + 2 * WIRE_ETH_ADDR_LEN))) {
        TUNNEL_COUNT(t, tunnel_inner_tag);
        return;
    }
    if (t->settings.learn)
        tunnel_learn(t, vni, source, &d->remote, now);
    receive_frame(t, frame, length, tags, tunnel_put_vni(t, tags, vni), d->arrival.tos);
}

void tunnel_receive_udp(void *context, const struct udp_datagram *d, int64_t now)
{
    struct tunnel *t = context;
    uint32_t vni;
    t->now = now;
    int header = wire_vxlan_parse(d->bytes, d->length, &vni);
    if (header < 0) {
        (*(header == ERR_TRUNCATED ? &t->set->counters.tunnel_short : &t->set->counters.tunnel_bad_header))++;
        return;
    }
    const struct tunnel_vni *v = tunnel_find_vni(t, vni);
    if (!v)
        TUNNEL_COUNT(t, tunnel_unknown_vni);
    else if (!tunnel_hears(t, v, &d->remote))
        TUNNEL_COUNT(t, tunnel_unknown_peer);
    else
        receive_in(t, vni, d, d->bytes + header, d->length - (uint32_t)header, now);
}
