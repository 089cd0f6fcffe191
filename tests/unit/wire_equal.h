/* SPDX-License-Identifier: MIT */
/*
 * Field by field comparison of parsed headers, for round-trip tests and fuzz targets. Pointers into the caller's
 * bytes are compared by what they point to.
 */
#ifndef WEIR_TESTS_UNIT_WIRE_EQUAL_H
#define WEIR_TESTS_UNIT_WIRE_EQUAL_H

#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"
#include "wire/nd.h"
#include "wire/tcp.h"
#include "wire/udp.h"

static inline bool same_bytes(const void *a, const void *b, size_t n) { return n == 0 || memcmp(a, b, n) == 0; }

static inline bool wire_eth_llc_equal(const struct wire_eth *a, const struct wire_eth *b)
{
    if (a->llc != b->llc || a->snap != b->snap)
        return false;
    if (a->llc &&
        (a->dsap != b->dsap || a->ssap != b->ssap || a->control != b->control || a->llc_length != b->llc_length))
        return false;
    return !a->snap || (same_bytes(a->oui, b->oui, 3) && a->snap_protocol == b->snap_protocol);
}
static inline bool wire_eth_equal(const struct wire_eth *a, const struct wire_eth *b)
{
    if (!wire_eth_addr_equal(a->dst, b->dst) || !wire_eth_addr_equal(a->src, b->src) || a->ethertype != b->ethertype ||
        a->vlan_count != b->vlan_count || a->header_len != b->header_len)
        return false;
    for (unsigned i = 0; i < a->vlan_count; i++)
        if (a->vlan[i].tpid != b->vlan[i].tpid || a->vlan[i].tci != b->vlan[i].tci)
            return false;
    return wire_eth_llc_equal(a, b);
}
static inline bool wire_arp_equal(const struct wire_arp *a, const struct wire_arp *b)
{
    return a->op == b->op && wire_eth_addr_equal(a->sha, b->sha) && wire_eth_addr_equal(a->tha, b->tha) &&
           a->spa == b->spa && a->tpa == b->tpa;
}
static inline bool wire_mpls_equal(const struct wire_mpls *a, const struct wire_mpls *b)
{
    return a->label == b->label && a->tc == b->tc && a->ttl == b->ttl && a->bottom == b->bottom;
}
/* The checksum apart, which building computes. */
static inline bool wire_ipv4_equal(const struct wire_ipv4 *a, const struct wire_ipv4 *b)
{
    return a->src == b->src && a->dst == b->dst && a->total_len == b->total_len && a->id == b->id &&
           a->fragment_offset == b->fragment_offset && a->tos == b->tos && a->flags == b->flags && a->ttl == b->ttl &&
           a->protocol == b->protocol && a->header_len == b->header_len && a->options_len == b->options_len &&
           same_bytes(a->options, b->options, a->options_len);
}
static inline bool wire_ipv6_equal(const struct wire_ipv6 *a, const struct wire_ipv6 *b)
{
    return ip_addr_equal(&a->src, &b->src) && ip_addr_equal(&a->dst, &b->dst) && a->flow_label == b->flow_label &&
           a->payload_len == b->payload_len && a->traffic_class == b->traffic_class &&
           a->next_header == b->next_header && a->hop_limit == b->hop_limit;
}
static inline bool wire_ipv6_fragment_equal(const struct wire_ipv6_fragment *a, const struct wire_ipv6_fragment *b)
{
    return a->id == b->id && a->offset == b->offset && a->next_header == b->next_header && a->more == b->more;
}
static inline bool wire_udp_equal(const struct wire_udp *a, const struct wire_udp *b)
{
    return a->src_port == b->src_port && a->dst_port == b->dst_port && a->length == b->length &&
           a->checksum == b->checksum;
}
static inline bool wire_icmp_equal(const struct wire_icmp *a, const struct wire_icmp *b)
{
    return a->type == b->type && a->code == b->code && a->checksum == b->checksum && a->rest == b->rest;
}
static inline bool wire_icmpv6_equal(const struct wire_icmpv6 *a, const struct wire_icmpv6 *b)
{
    return a->type == b->type && a->code == b->code && a->checksum == b->checksum && a->rest == b->rest;
}
static inline bool wire_nd_singles_equal(const struct wire_nd *a, const struct wire_nd *b)
{
    if (a->has != b->has)
        return false;
    if ((a->has & WIRE_ND_HAS_SOURCE_LL) && !wire_eth_addr_equal(a->source_ll, b->source_ll))
        return false;
    if ((a->has & WIRE_ND_HAS_TARGET_LL) && !wire_eth_addr_equal(a->target_ll, b->target_ll))
        return false;
    if ((a->has & WIRE_ND_HAS_MTU) && a->mtu != b->mtu)
        return false;
    if ((a->has & WIRE_ND_HAS_NONCE) && (a->nonce_len != b->nonce_len || !same_bytes(a->nonce, b->nonce, a->nonce_len)))
        return false;
    return !(a->has & WIRE_ND_HAS_REDIRECTED) ||
           (a->redirected_len == b->redirected_len && same_bytes(a->redirected, b->redirected, a->redirected_len));
}
static inline bool wire_nd_lists_equal(const struct wire_nd *a, const struct wire_nd *b)
{
    if (a->prefix_count != b->prefix_count || a->dns_count != b->dns_count)
        return false;
    for (unsigned i = 0; i < a->prefix_count; i++) {
        const struct wire_nd_prefix *p = &a->prefix[i], *q = &b->prefix[i];
        if (!ip_addr_equal(&p->prefix, &q->prefix) || p->valid_s != q->valid_s || p->preferred_s != q->preferred_s ||
            p->length != q->length || p->flags != q->flags)
            return false;
    }
    for (unsigned i = 0; i < a->dns_count; i++)
        if (!ip_addr_equal(&a->dns[i].server, &b->dns[i].server) || a->dns[i].lifetime_s != b->dns[i].lifetime_s)
            return false;
    return true;
}
/* `ignored` apart: building writes only what is good. */
static inline bool wire_nd_equal(const struct wire_nd *a, const struct wire_nd *b)
{
    return a->type == b->type && a->flags == b->flags && a->hop_limit == b->hop_limit &&
           a->router_lifetime_s == b->router_lifetime_s && a->reachable_ms == b->reachable_ms &&
           a->retrans_ms == b->retrans_ms && ip_addr_equal(&a->target, &b->target) &&
           ip_addr_equal(&a->destination, &b->destination) && wire_nd_singles_equal(a, b) && wire_nd_lists_equal(a, b);
}
/* header_len apart, which depends on the options. */
static inline bool wire_tcp_equal(const struct wire_tcp *a, const struct wire_tcp *b)
{
    return a->src_port == b->src_port && a->dst_port == b->dst_port && seq_eq(a->seq, b->seq) &&
           seq_eq(a->ack, b->ack) && a->flags == b->flags && a->window == b->window && a->checksum == b->checksum &&
           a->urgent == b->urgent;
}
static inline bool wire_tcp_sack_equal(const struct wire_tcp_options *a, const struct wire_tcp_options *b)
{
    if (a->sack_count != b->sack_count)
        return false;
    for (unsigned i = 0; i < a->sack_count; i++)
        if (!seq_eq(a->sack[i].left, b->sack[i].left) || !seq_eq(a->sack[i].right, b->sack[i].right))
            return false;
    return true;
}
static inline bool wire_tcp_options_equal(const struct wire_tcp_options *a, const struct wire_tcp_options *b)
{
    return a->present == b->present && a->mss == b->mss && a->wscale == b->wscale && a->ts_val == b->ts_val &&
           a->ts_ecr == b->ts_ecr && a->fast_open_len == b->fast_open_len && a->signature_len == b->signature_len &&
           same_bytes(a->fast_open, b->fast_open, a->fast_open_len) &&
           same_bytes(a->signature, b->signature, a->signature_len) && wire_tcp_sack_equal(a, b);
}

#endif
