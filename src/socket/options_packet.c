/* SPDX-License-Identifier: MIT */
/*
 * Options of SOL_PACKET: packet(7). Memberships are counted but change nothing: a packet socket sees what its link delivers, and a link that filters has to be set
 * up otherwise. Rings in shared memory (PACKET_RX_RING and what belongs to them) are not there: -ENOPROTOOPT.
 */
#include "socket/datagram.h"
#include "socket/interfaces.h"
#include "socket/options.h"
#include "socket/packet.h"

#include <linux/if_packet.h>

static struct packet_state *state_of(const struct socket *s) { return &s->datagram->packet; }

/* ---- memberships ---- */

static bool same(const struct packet_mreq *a, const struct packet_mreq *b)
{
    return a->mr_ifindex == b->mr_ifindex && a->mr_type == b->mr_type && a->mr_alen == b->mr_alen &&
           memcmp(a->mr_address, b->mr_address, a->mr_alen) == 0;
}

static int read_membership(const struct socket *s, const void *value, socklen_t length, struct packet_mreq *out)
{
    struct interface_view v;
    if (length < sizeof *out)
        return -EINVAL;
    memcpy(out, value, sizeof *out);
    if (!interface_view(s->layer->stack, out->mr_ifindex, &v))
        return -ENODEV;
    if (out->mr_type > PACKET_MR_UNICAST || out->mr_alen > sizeof v.mac)
        return -EINVAL;
    return 0;
}

static int join(struct packet_state *p, const struct packet_mreq *m)
{
    for (unsigned i = 0; i < p->n_memberships; i++)
        if (same(&p->memberships[i].request, m)) {
            p->memberships[i].count++;
            return 0;
        }
    if (p->n_memberships == PACKET_MAX_MEMBERSHIPS)
        return -ENOBUFS;
    p->memberships[p->n_memberships++] = (struct packet_membership){.request = *m, .count = 1};
    return 0;
}

static int leave(struct packet_state *p, const struct packet_mreq *m)
{
    for (unsigned i = 0; i < p->n_memberships; i++) {
        if (!same(&p->memberships[i].request, m))
            continue;
        if (--p->memberships[i].count == 0)
            p->memberships[i] = p->memberships[--p->n_memberships];
        return 0;
    }
    return -EADDRNOTAVAIL;
}

static int set_membership(struct socket *s, int name, const void *value, socklen_t length)
{
    struct packet_mreq m;
    int e = read_membership(s, value, length, &m);
    if (e == -ENODEV && name == PACKET_DROP_MEMBERSHIP)
        e = -EADDRNOTAVAIL;
    if (e < 0)
        return e;
    return name == PACKET_ADD_MEMBERSHIP ? join(state_of(s), &m) : leave(state_of(s), &m);
}

/* ---- the rest ---- */

int option_packet_set(struct socket *s, int name, const void *value, socklen_t length)
{
    int n;
    if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
        return set_membership(s, name, value, length);
    if (name != PACKET_AUXDATA && name != PACKET_IGNORE_OUTGOING && name != PACKET_VERSION)
        return -ENOPROTOOPT;
    int e = option_int(value, length, &n);
    if (e < 0)
        return e;
    if (name == PACKET_VERSION)
        return n == TPACKET_V1 ? 0 : -EINVAL;
    if (name == PACKET_IGNORE_OUTGOING && (n < 0 || n > 1))
        return -EINVAL;
    *(name == PACKET_AUXDATA ? &state_of(s)->tell_facts : &state_of(s)->ignore_sent) = n != 0;
    return 0;
}

/* Since it was read last. */
static int give_statistics(struct packet_state *p, void *value, socklen_t *length)
{
    const struct tpacket_stats stats = {.tp_packets = p->received + p->dropped, .tp_drops = p->dropped};
    p->received = p->dropped = 0;
    return option_give(value, length, &stats, sizeof stats);
}

int option_packet_get(const struct socket *s, int name, void *value, socklen_t *length)
{
    switch (name) {
    case PACKET_STATISTICS:
        return give_statistics(state_of(s), value, length);
    case PACKET_AUXDATA:
        return option_give_int(value, length, state_of(s)->tell_facts);
    case PACKET_IGNORE_OUTGOING:
        return option_give_int(value, length, state_of(s)->ignore_sent);
    case PACKET_VERSION:
        return option_give_int(value, length, TPACKET_V1);
    default:
        return -ENOPROTOOPT;
    }
}
