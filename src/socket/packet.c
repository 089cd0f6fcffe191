/* SPDX-License-Identifier: MIT */
/*
 * Packet sockets: packet(7). One receives the frames of an interface, or of all, that carry its protocol; with ETH_P_ALL also those that leave, its own
 * among them. SOCK_RAW has them with their Ethernet header, SOCK_DGRAM without. What is sent passes the guard like all frames.
 *
 * Packet sockets stand in one list of the layer, which watches every interface while there is one. An endpoint of theirs holds what struct sockaddr_ll says.
 */
#include "socket/packet.h"

#include "socket/filter.h"
#include "stack/control.h"
#include "wire/eth.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <net/if_arp.h>

/* ---- addresses ---- */

enum { AT_MAC = 0, AT_TYPE = 6, AT_IFINDEX = 7 }; /* in endpoint.ip; the port is the protocol */

socklen_t packet_address_write(const struct endpoint *e, struct sockaddr_storage *to)
{
    struct sockaddr_ll ll = {.sll_family = AF_PACKET,
                             .sll_ifindex = e->ip.bytes[AT_IFINDEX],
                             .sll_hatype = ARPHRD_ETHER,
                             .sll_pkttype = e->ip.bytes[AT_TYPE],
                             .sll_halen = WIRE_ETH_ADDR_LEN};
    store_be16(&ll.sll_protocol, e->port);
    memcpy(ll.sll_addr, e->ip.bytes + AT_MAC, WIRE_ETH_ADDR_LEN);
    memcpy(to, &ll, sizeof ll);
    return sizeof ll;
}

static int read_address(const struct socket *s, const void *address, socklen_t length, struct sockaddr_ll *out)
{
    if (!address)
        return -EFAULT;
    if (length < sizeof *out)
        return -EINVAL;
    memcpy(out, address, sizeof *out);
    if (out->sll_family != AF_PACKET)
        return -EINVAL;
    bool known = out->sll_ifindex >= 0 && (unsigned)out->sll_ifindex <= stack_interface_count(s->layer->stack);
    return known ? 0 : -ENODEV;
}

/* ---- receiving ---- */

static bool wants(const struct socket *s, unsigned ifindex, uint16_t ethertype, bool sent)
{
    unsigned bound = s->local.ip.bytes[AT_IFINDEX];
    if ((bound && bound != ifindex) || (sent && s->datagram->packet.ignore_sent))
        return false;
    return s->local.port == ETH_P_ALL || (!sent && s->local.port == ethertype);
}

static uint8_t type_of(const struct packet *p, const struct stack_interface *itf, bool sent)
{
    if (sent)
        return PACKET_OUTGOING;
    if (wire_eth_is_multicast(p->data))
        return wire_eth_is_broadcast(p->data) ? PACKET_BROADCAST : PACKET_MULTICAST;
    return wire_eth_addr_equal(p->data, itf->mac) ? PACKET_HOST : PACKET_OTHERHOST;
}

static uint32_t pass(const struct socket *s, const struct packet *p, const struct record *r,
                     const struct ip_piece *pieces)
{
    const struct cbpf_packet c = {.pieces = pieces,
                                  .n_pieces = p->nfrags + 1u,
                                  .length = r->frame.length,
                                  .data = s->type == SOCK_DGRAM ? WIRE_ETH_LEN : 0,
                                  .network = WIRE_ETH_LEN,
                                  .protocol = r->peer.port,
                                  .packet_type = r->peer.ip.bytes[AT_TYPE],
                                  .ifindex = r->peer.ip.bytes[AT_IFINDEX],
                                  .hardware_type = ARPHRD_ETHER,
                                  .vlan_tci = p->vlan_present ? p->vlan_tci : 0,
                                  .vlan_present = p->vlan_present,
                                  .hash = p->hash,
                                  .random = &s->layer->random};
    return filter_pass(s, &c);
}

static void put(struct socket *s, const struct packet *p, const struct record *r)
{
    struct ip_piece pieces[PACKET_MAX_FRAGS + 1] = {{.bytes = p->data, .length = p->len}};
    uint32_t n = 1;
    for (; n <= p->nfrags; n++)
        pieces[n] = (struct ip_piece){.bytes = p->frags[n - 1].bytes, .length = p->frags[n - 1].length};
    uint32_t keep = s->datagram->filter ? pass(s, p, r, pieces) : UINT32_MAX;
    if (keep == 0) {
        s->layer->counters.drop_filter++;
        return;
    }
    if (s->type == SOCK_DGRAM)
        pieces[0] = (struct ip_piece){.bytes = p->data + WIRE_ETH_LEN, .length = p->len - WIRE_ETH_LEN};
    n = pieces_trim(pieces, n, keep);
    bool there = record_add(s, &s->datagram->received, r, pieces, n);
    s->datagram->packet.received += there;
    s->datagram->packet.dropped += !there;
    if (there)
        socket_notify(s, POLLIN | POLLRDNORM);
}

static void on_frame(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    (void)now;
    struct socket_layer *l = context;
    struct stack_interface itf;
    if (p->len < WIRE_ETH_LEN || !stack_view_interface(l->stack, interface, &itf))
        return;
    struct record r = {.peer.port = load_be16(p->data + 12),
                       .frame = {.length = (uint32_t)packet_total_length(p),
                                 .vlan_present = p->vlan_present,
                                 .vlan_tci = p->vlan_present ? p->vlan_tci : 0,
                                 .checksum = p->checksum}};
    memcpy(r.peer.ip.bytes + AT_MAC, p->data + WIRE_ETH_ADDR_LEN, WIRE_ETH_ADDR_LEN);
    r.peer.ip.bytes[AT_TYPE] = type_of(p, &itf, sent);
    r.peer.ip.bytes[AT_IFINDEX] = (uint8_t)(interface + 1);
    for (struct socket *s = l->packets; s; s = s->port_next)
        if (wants(s, interface + 1, r.peer.port, sent))
            put(s, p, &r);
}

/* PACKET_AUXDATA. */
static struct tpacket_auxdata facts_of(const struct socket *s, const struct record *r)
{
    uint32_t skip = s->type == SOCK_DGRAM ? WIRE_ETH_LEN : 0;
    struct tpacket_auxdata a = {.tp_status = TP_STATUS_USER,
                                .tp_len = r->frame.length - skip,
                                .tp_snaplen = (uint32_t)outq_length(&r->bytes),
                                .tp_net = (uint16_t)(WIRE_ETH_LEN - skip)};
    if (r->frame.checksum == PACKET_CHECKSUM_PARTIAL)
        a.tp_status |= TP_STATUS_CSUMNOTREADY;
    if (r->frame.checksum == PACKET_CHECKSUM_VERIFIED)
        a.tp_status |= TP_STATUS_CSUM_VALID;
    if (r->frame.vlan_present) {
        a.tp_status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
        a.tp_vlan_tci = r->frame.vlan_tci;
        a.tp_vlan_tpid = ETH_P_8021Q;
    }
    return a;
}

ssize_t packet_receive(struct socket *s, struct msghdr *m, size_t length, int flags, int64_t now)
{
    uint32_t first = s->datagram->received.first;
    size_t room = m->msg_controllen;
    struct tpacket_auxdata facts = {.tp_status = 0};
    if (first)
        facts = facts_of(s, record_at(s->layer, first));
    ssize_t n = datagram_receive(s, m, length, flags, now);
    if (n >= 0 && first && s->datagram->packet.tell_facts && !(flags & MSG_ERRQUEUE))
        message_control(m, room, SOL_PACKET, PACKET_AUXDATA, &facts, sizeof facts);
    return n;
}

/* ---- life ---- */

static void watch_none(struct socket_layer *l)
{
    for (unsigned i = 0; i < stack_interface_count(l->stack); i++)
        (void)stack_frame_unlisten(l->stack, i, on_frame, l);
}

static int watch_all(struct socket_layer *l)
{
    for (unsigned i = 0; i < stack_interface_count(l->stack); i++) {
        if (stack_frame_listen(l->stack, i, on_frame, l) == 0)
            continue;
        watch_none(l);
        return -ENOBUFS;
    }
    return 0;
}

/* The last one is gone. */
static void packets_forget(struct socket_layer *l)
{
    if (!l->packets)
        watch_none(l);
    news_unlisten(l);
}

static int packet_open(struct socket *s)
{
    struct socket_layer *l = s->layer;
    int e = l->packets ? 0 : watch_all(l);
    if (e < 0)
        return e;
    e = datagram_open_any(s);
    if (e < 0) {
        packets_forget(l);
        return e;
    }
    s->local.port = load_be16(&(uint16_t){(uint16_t)s->protocol});
    s->port_next = l->packets;
    s->port_link = &l->packets;
    if (s->port_next)
        s->port_next->port_link = &s->port_next;
    l->packets = s;
    news_listen(l);
    return 0;
}

static void packet_close(struct socket *s, int64_t now)
{
    struct socket_layer *l = s->layer;
    datagram_close_any(s, now);
    packets_forget(l);
}

void packets_free(struct socket_layer *l)
{
    if (l->packets)
        watch_none(l);
}

static bool is_down(const struct socket_layer *l, unsigned ifindex)
{
    struct stack_interface itf;
    return stack_view_interface(l->stack, ifindex - 1, &itf) && !itf.up;
}

int packet_bind_address(struct socket *s, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_ll ll;
    struct stack_interface itf;
    int e = read_address(s, address, length, &ll);
    if (e < 0)
        return e;
    s->local.ip.bytes[AT_IFINDEX] = (uint8_t)ll.sll_ifindex;
    if (ll.sll_protocol)
        s->local.port = load_be16(&ll.sll_protocol);
    if (ll.sll_ifindex && stack_view_interface(s->layer->stack, (unsigned)ll.sll_ifindex - 1, &itf))
        memcpy(s->local.ip.bytes + AT_MAC, itf.mac, WIRE_ETH_ADDR_LEN);
    if (ll.sll_ifindex && is_down(s->layer, (unsigned)ll.sll_ifindex))
        socket_fail(s, ENETDOWN);
    return 0;
}

/* As Linux: who is bound to one that goes down hears of it. */
void packets_hear(struct socket_layer *l, unsigned interface)
{
    bool down = l->packets && is_down(l, interface + 1);
    for (struct socket *s = down ? l->packets : NULL; s; s = s->port_next)
        if (s->local.ip.bytes[AT_IFINDEX] == interface + 1)
            socket_fail(s, ENETDOWN);
}

static int packet_connect(struct socket *s, const struct endpoint *to, int64_t now)
{
    (void)s, (void)to, (void)now;
    return -EOPNOTSUPP;
}

static int packet_disconnect(struct socket *s, int64_t now) { return packet_connect(s, NULL, now); }

/* ---- sending ---- */

/* Of SOCK_DGRAM: the header that the name describes. */
static int build_header(const struct socket *s, const struct sockaddr_ll *to, uint8_t *header)
{
    struct stack_interface itf;
    if (to->sll_halen < WIRE_ETH_ADDR_LEN)
        return -EINVAL;
    if (!stack_view_interface(s->layer->stack, (unsigned)to->sll_ifindex - 1, &itf))
        return -ENXIO;
    wire_eth_build14(header, to->sll_addr, itf.mac, load_be16(&to->sll_protocol));
    return 0;
}

static int frame_errno(int error)
{
    if (error == ERR_NO_SPACE)
        return -EMSGSIZE;
    return error == ERR_AGAIN ? -ENOBUFS : socket_errno(error);
}

static ssize_t packet_send(struct socket *s, const struct msghdr *m, size_t length, int flags, int64_t now)
{
    struct ip_piece pieces[DATAGRAM_MAX_PIECES + 1];
    uint8_t header[WIRE_ETH_LEN];
    struct sockaddr_ll to = {.sll_ifindex = s->local.ip.bytes[AT_IFINDEX]};
    bool cooked = s->type == SOCK_DGRAM;
    if (flags & MSG_OOB)
        return -EOPNOTSUPP;
    int e = m->msg_name ? read_address(s, m->msg_name, m->msg_namelen, &to) : 0;
    if (e == -ENODEV || (e == 0 && to.sll_ifindex == 0))
        e = -ENXIO;
    if (e == 0 && is_down(s->layer, (unsigned)to.sll_ifindex))
        e = -ENETDOWN;
    if (e == 0 && cooked)
        e = build_header(s, &to, header);
    if (e < 0)
        return e;
    pieces[0] = (struct ip_piece){.bytes = header, .length = cooked ? sizeof header : 0};
    uint32_t n = 1 + datagram_pieces(m, pieces + 1);
    e = frame_errno(stack_frame_send(s->layer->stack, (unsigned)to.sll_ifindex - 1, pieces, n, now));
    if (e < 0)
        return e;
    s->layer->counters.datagrams_sent++;
    s->layer->counters.bytes_sent += length;
    return (ssize_t)length;
}

const struct socket_kind packet_kind = {.open = packet_open,
                                        .close = packet_close,
                                        .connect = packet_connect,
                                        .disconnect = packet_disconnect,
                                        .send = packet_send,
                                        .receive = packet_receive,
                                        .shutdown = datagram_shutdown,
                                        .ready = datagram_ready,
                                        .ioctl = datagram_ioctl};
