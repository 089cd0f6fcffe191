/* SPDX-License-Identifier: MIT */
/*
 * See encapsulation.h. Checksums: RFC 1071 section 2.
 */
#include "packet/encapsulation.h"

#include "base/checksum.h"
#include "base/error.h"
#include "wire/l4.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

/* Behind the VXLAN header: the frame that fills the datagram. */
static int find_inside(const struct packet *p, const struct packet_headers *udp, struct packet_headers *inside)
{
    uint32_t vni;
    if (load_be16(p->data + udp->l4 + 4) != udp->end - udp->l4)
        return ERR_MALFORMED;
    int header = wire_vxlan_parse(p->data + udp->payload, p->len - udp->payload, &vni);
    if (header < 0 || packet_headers_find_at(p, udp->payload + (uint32_t)header, inside) < 0)
        return ERR_MALFORMED;
    return inside->end == udp->end ? 0 : ERR_MALFORMED;
}

int packet_encapsulation_find(const struct packet *p, struct packet_encapsulation *around, struct packet_headers *inner)
{
    around->count = 0;
    if (packet_headers_find(p, inner) < 0)
        return ERR_MALFORMED;
    while (inner->l4 != p->checksum_start) {
        if (inner->protocol != IP_PROTO_UDP || around->count == PACKET_MAX_ENCAPSULATIONS)
            return ERR_MALFORMED;
        const struct packet_headers *udp = &around->headers[around->count];
        around->headers[around->count++] = *inner;
        if (find_inside(p, udp, inner) < 0)
            return ERR_MALFORMED;
    }
    return 0;
}

void packet_encapsulation_set_checksum(struct packet *p, const struct packet_headers *udp,
                                       const struct packet_headers *inner)
{
    uint8_t *field = p->data + udp->l4 + WIRE_UDP_CHECKSUM_OFFSET;
    if (load_be16(field) == 0) /* none: RFC 768, RFC 6935 */
        return;
    store_be16(field, 0);
    uint64_t sum = packet_headers_pseudo(udp, p->data, p->len - udp->l4);
    sum = checksum_add(sum, p->data + udp->l4, inner->l4 - udp->l4);
    sum += (uint16_t)~checksum_fold(packet_headers_pseudo(inner, p->data, p->len - inner->l4));
    uint16_t value = wire_l4_finish(sum, IP_PROTO_UDP);
    memcpy(field, &value, sizeof value);
}
