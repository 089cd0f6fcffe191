/* SPDX-License-Identifier: MIT */
/*
 * See vnet.h. Virtio 1.2 section 5.1.6, legacy layout: fields in the machine's byte order, offsets from the Ethernet
 * header.
 */
#include "link/vnet.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/bytes.h"
#include "base/error.h"
#include "packet/segment.h"
#include "wire/tcp.h"

#define ETHERNET_HEADER 14u
#define TCP_FLAGS_AT 13u
#define GSO_UDP_L4 5u /* VIRTIO_NET_HDR_GSO_UDP_L4, which the headers of Linux 6.1 do not have yet */

void vnet_offload_default(struct vnet_offload *o)
{
    *o = (struct vnet_offload){.rx_checksum = true, .tx_checksum = true, .gro = true, .tso = true, .uso = true};
}

static bool *offload_named(struct vnet_offload *o, const char *name, size_t length)
{
    const struct {
        const char *name;
        bool *on;
    } all[] = {
#define NAMED(member) {#member, &o->member},
        VNET_OFFLOAD_LIST(NAMED)
#undef NAMED
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strlen(all[i].name) == length && memcmp(all[i].name, name, length) == 0)
            return all[i].on;
    return NULL;
}

int vnet_offload_leave_out(struct vnet_offload *o, const char *list, char message[256])
{
    for (size_t length; list; list = list[length] ? list + length + 1 : NULL) {
        length = strcspn(list, ",");
        bool *on = offload_named(o, list, length);
        if (!on) {
            snprintf(message, 256, "without: found \"%.60s\", allowed, with commas between: %s", list,
#define TEXT(member) " " #member
                     &VNET_OFFLOAD_LIST(TEXT)[1]);
#undef TEXT
            return ERR_INVALID;
        }
        *on = false;
    }
    return 0;
}

int vnet_offload_check(const struct vnet_offload *o, const char *link, char message[256])
{
    const struct {
        const char *name, *needed;
        bool on, needed_on;
    } pairs[] = {{"gro", "rx_checksum", o->gro, o->rx_checksum},
                 {"tso", "tx_checksum", o->tso, o->tx_checksum},
                 {"uso", "tx_checksum", o->uso, o->tx_checksum}};
    for (unsigned i = 0; i < ARRAY_SIZE(pairs); i++) {
        if (!pairs[i].on || pairs[i].needed_on)
            continue;
        snprintf(message, 256, "%.100s: found %s on and %s off, allowed both or only %s", link, pairs[i].name,
                 pairs[i].needed, pairs[i].needed);
        return ERR_INVALID;
    }
    return 0;
}

/* virtio_net_hdr_to_skb() of Linux refuses GSO_UDP_L4 before 6.2, and nothing else tells. */
static bool kernel_takes_udp(void)
{
    struct utsname system;
    unsigned major, minor;
    return uname(&system) == 0 && sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 2));
}

void vnet_offload_describe(const struct vnet_offload *o, struct link *l)
{
    l->caps |= o->rx_checksum ? LINK_CAP_RX_CHECKSUM : 0u;
    l->caps |= o->tx_checksum ? LINK_CAP_TX_CHECKSUM | LINK_CAP_SCATTER : 0u;
    l->caps |= o->gro ? LINK_CAP_GRO : 0u;
    l->caps |= o->tso ? LINK_CAP_TSO : 0u;
    l->caps |= o->uso && kernel_takes_udp() ? LINK_CAP_USO : 0u;
    l->gso_max = l->caps & (LINK_CAP_TSO | LINK_CAP_USO) ? VNET_IP_MAX : 0;
}

/* ---- received ---- */

static int read_checksum(struct packet *p, uint32_t caps, const struct virtio_net_hdr *h)
{
    bool wanted = caps & LINK_CAP_RX_CHECKSUM;
    if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        if (h->csum_start < ETHERNET_HEADER || (uint32_t)h->csum_start + h->csum_offset + 2 > p->len)
            return ERR_MALFORMED;
        p->checksum = PACKET_CHECKSUM_PARTIAL;
        p->checksum_start = h->csum_start;
        p->checksum_offset = h->csum_offset;
        return wanted ? 0 : packet_finish(p);
    }
    if (wanted && (h->flags & VIRTIO_NET_HDR_F_DATA_VALID))
        p->checksum = PACKET_CHECKSUM_VERIFIED;
    return 0;
}

/* Where the kind is not what the outer headers say, the kernel's VXLAN device gave it: it is of what is inside. */
static bool can_cut(struct packet *p)
{
    struct packet_segmenter cut;
    if (likely(packet_segment_begin(&cut, p, true) > 0))
        return true;
    const uint8_t kind = p->gso;
    p->gso = PACKET_GSO_TUNNEL;
    if (packet_segment_begin(&cut, p, true) < 0 || cut.around.count == 0)
        return false;
    const bool tcp = cut.headers.protocol == IP_PROTO_TCP;
    return kind == (tcp ? (cut.headers.v6 ? PACKET_GSO_TCP6 : PACKET_GSO_TCP4) : PACKET_GSO_UDP);
}

static int read_gso(struct packet *p, const struct virtio_net_hdr *h)
{
    switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        p->gso = PACKET_GSO_TCP4;
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        p->gso = PACKET_GSO_TCP6;
        break;
    case GSO_UDP_L4:
        p->gso = PACKET_GSO_UDP;
        break;
    default:
        return ERR_MALFORMED;
    }
    p->gso_size = h->gso_size;
    return can_cut(p) ? 0 : ERR_MALFORMED;
}

int vnet_read(struct packet *p, uint32_t caps, const struct virtio_net_hdr *h)
{
    int e = read_checksum(p, caps, h);
    if (e || h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return e;
    return caps & LINK_CAP_GRO ? read_gso(p, h) : ERR_MALFORMED;
}

/* ---- to be sent ---- */

static uint8_t tcp_type(const struct packet *p, const struct packet_headers *at)
{
    bool cwr = p->data[at->l4 + TCP_FLAGS_AT] & TCP_CWR;
    return (at->v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4) | (cwr ? VIRTIO_NET_HDR_GSO_ECN : 0);
}

static int write_gso(const struct packet *p, struct virtio_net_hdr *h)
{
    struct packet_headers at;
    uint8_t protocol = p->gso == PACKET_GSO_UDP ? IP_PROTO_UDP : IP_PROTO_TCP;
    if (p->checksum != PACKET_CHECKSUM_PARTIAL || p->gso_size == 0 || packet_headers_find(p, &at) < 0 ||
        at.protocol != protocol)
        return ERR_MALFORMED;
    h->gso_type = protocol == IP_PROTO_UDP ? GSO_UDP_L4 : tcp_type(p, &at);
    h->gso_size = p->gso_size;
    h->hdr_len = (uint16_t)at.payload;
    return 0;
}

int vnet_write(struct packet *p, uint32_t caps, struct virtio_net_hdr *h)
{
    int e = 0;
    *h = (struct virtio_net_hdr){.flags = 0};
    if (p->gso != PACKET_GSO_NONE && !(caps & link_cap_to_cut(p)))
        return ERR_MALFORMED;
    if (!(caps & LINK_CAP_TX_CHECKSUM))
        e = packet_finish(p);
    else if (p->vlan_present)
        e = packet_insert_vlan(p);
    if (!e && p->gso != PACKET_GSO_NONE)
        e = write_gso(p, h);
    if (!e && p->checksum == PACKET_CHECKSUM_PARTIAL) {
        h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h->csum_start = p->checksum_start;
        h->csum_offset = p->checksum_offset;
    }
    return e;
}
