/* SPDX-License-Identifier: MIT */
/*
 * What a packet's holder does with it: let go, hold on, copy, make plain.
 *
 * A packet has one holder; whoever gives it away no longer touches it. Counting of held packets lives in the packet's
 * home, which belongs to the thread that holds them. Checksums: RFC 1071; UDP's zero: RFC 768; the VLAN tag: IEEE
 * 802.1Q.
 */
#include "packet/packet.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/error.h"

#define ETHERNET_ADDRESSES 12u
#define VLAN_TAG 4u
#define ETHERTYPE_8021Q 0x8100u
#define UDP_CHECKSUM_OFFSET 6u

static void release_frags(struct packet *p)
{
    for (unsigned i = 0; i < p->nfrags; i++)
        if (p->frags[i].release)
            p->frags[i].release(p->frags[i].context, p->frags[i].bytes);
    p->nfrags = 0;
}

void packet_release(struct packet *p)
{
    if (unlikely(p->nfrags))
        release_frags(p);
    packet_unhold(p);
    p->home->release(p->home, &p, 1);
}

void packet_release_burst(struct packet **packets, unsigned n)
{
    unsigned first = 0; /* packets[first, i) go back to one home */
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packets[i];
        if (unlikely(p->held) || unlikely(p->home != packets[first]->home)) {
            if (i > first)
                packets[first]->home->release(packets[first]->home, packets + first, i - first);
            first = p->held ? i + 1 : i;
        }
        if (unlikely(p->nfrags) && !p->held)
            release_frags(p);
    }
    if (n > first)
        packets[first]->home->release(packets[first]->home, packets + first, n - first);
}

static void clear_header_state(struct packet *p)
{
    p->vlan_present = false;
    p->checksum = PACKET_CHECKSUM_UNKNOWN;
    p->gso = PACKET_GSO_NONE;
    p->l3_offset = 0;
    p->l4_offset = 0;
}

void packet_copy_state(struct packet *to, const struct packet *from)
{
    to->vlan_tci = from->vlan_tci;
    to->vlan_present = from->vlan_present;
    to->hash = from->hash;
    to->checksum = from->checksum;
    to->gso = from->gso;
    to->gso_size = from->gso_size;
    to->checksum_start = from->checksum_start;
    to->checksum_offset = from->checksum_offset;
    to->l3_offset = from->l3_offset;
    to->l4_offset = from->l4_offset;
    to->flow_mark = from->flow_mark;
    to->rx_ns = from->rx_ns;
    to->departure_set = from->departure_set;
    if (from->departure_set)
        to->departure_ns = from->departure_ns;
}

/* A packet of `pool` with room for length bytes, or NULL. */
static struct packet *get_for(struct packet_pool *pool, size_t length)
{
    struct packet *p;
    if (length > pool->buffer_bytes - PACKET_HEADROOM || packet_pool_get(pool, &p, 1) == 0)
        return NULL;
    return p;
}

struct packet *packet_keep(struct packet *p, uint32_t from, uint32_t length, struct packet_pool *own)
{
    assert(!p->held && from <= p->len && length <= p->len - from);
    struct packet *kept = p;
    if (likely(p->home->held < p->home->held_max)) {
        p->home->held++;
        p->held = true;
        p->data += from;
    } else {
        kept = get_for(own, length);
        if (!kept)
            return NULL;
        memcpy(kept->data, p->data + from, length);
        packet_copy_state(kept, p);
    }
    kept->len = length;
    if (from)
        clear_header_state(kept);
    return kept;
}

static uint8_t *append_frags(uint8_t *to, const struct packet *p)
{
    for (unsigned i = 0; i < p->nfrags; i++) {
        memcpy(to, p->frags[i].bytes, p->frags[i].length);
        to += p->frags[i].length;
    }
    return to;
}

bool packet_copy_to(struct packet *to, const struct packet *from)
{
    if (packet_total_length(from) > packet_tailroom(to))
        return false;
    memcpy(to->data, from->data, from->len);
    uint8_t *end = append_frags(to->data + from->len, from);
    to->len = (uint32_t)(end - to->data);
    packet_copy_state(to, from);
    return true;
}

struct packet *packet_copy(const struct packet *p, struct packet_pool *pool)
{
    struct packet *copy = get_for(pool, packet_total_length(p));
    return copy && packet_copy_to(copy, p) ? copy : NULL;
}

static int make_linear(struct packet *p)
{
    size_t total = packet_total_length(p);
    if (total - p->len > packet_tailroom(p))
        return ERR_NO_SPACE;
    append_frags(p->data + p->len, p);
    p->len = (uint32_t)total;
    release_frags(p);
    return 0;
}

int packet_complete_checksum(struct packet *p)
{
    uint32_t field = (uint32_t)p->checksum_start + p->checksum_offset;
    if (field + 2 > p->len)
        return ERR_MALFORMED;
    uint64_t sum = checksum_add(0, p->data + p->checksum_start, p->len - p->checksum_start);
    uint16_t value = checksum_finish(sum);
    if (value == 0 && p->checksum_offset == UDP_CHECKSUM_OFFSET)
        value = 0xffff; /* RFC 768: zero says that there is none */
    memcpy(p->data + field, &value, sizeof value);
    p->checksum = PACKET_CHECKSUM_UNKNOWN;
    return 0;
}

int packet_insert_vlan(struct packet *p)
{
    if (p->len < ETHERNET_ADDRESSES + 2)
        return ERR_MALFORMED;
    if (packet_headroom(p) < VLAN_TAG)
        return ERR_NO_SPACE;
    memmove(p->data - VLAN_TAG, p->data, ETHERNET_ADDRESSES);
    p->data -= VLAN_TAG;
    p->len += VLAN_TAG;
    store_be16(p->data + ETHERNET_ADDRESSES, ETHERTYPE_8021Q);
    store_be16(p->data + ETHERNET_ADDRESSES + 2, p->vlan_tci);
    p->vlan_present = false;
    p->checksum_start = (uint16_t)(p->checksum_start + VLAN_TAG);
    p->l3_offset = (uint16_t)(p->l3_offset + VLAN_TAG);
    p->l4_offset = (uint16_t)(p->l4_offset + VLAN_TAG);
    return 0;
}

int packet_finish(struct packet *p)
{
    if (p->gso != PACKET_GSO_NONE)
        return ERR_MALFORMED;
    int error = p->nfrags ? make_linear(p) : 0;
    if (!error && p->checksum == PACKET_CHECKSUM_PARTIAL)
        error = packet_complete_checksum(p);
    if (!error && p->vlan_present)
        error = packet_insert_vlan(p);
    return error;
}
