/* SPDX-License-Identifier: MIT */
/*
 * See unfilled.h. One in 65,536 right checksums equals the sum of its pseudo-header, which is why both are looked at.
 */
#include "link/unfilled.h"

#include <string.h>

#include "base/checksum.h"
#include "packet/headers.h"

#define TCP_CHECKSUM_AT 16u
#define UDP_CHECKSUM_AT 6u

bool checksum_is_unfilled(const struct packet *p)
{
    struct packet_headers h;
    uint16_t field;
    if (packet_headers_find(p, &h) < 0)
        return false;
    uint32_t length = h.end - h.l4;
    uint64_t pseudo = packet_headers_pseudo(&h, p->data, length);
    memcpy(&field, p->data + h.l4 + (h.protocol == IP_PROTO_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT), sizeof field);
    return field == checksum_fold(pseudo) && !checksum_ok(checksum_add(pseudo, p->data + h.l4, length));
}
