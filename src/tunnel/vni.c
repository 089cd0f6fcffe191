/* SPDX-License-Identifier: MIT */
/*
 * The networks of a VTEP, their remotes, and how frames of its link name them. Lookup tables are not keyed where only
 * the configuration adds to them.
 */
#include "stack/host.h"
#include "tunnel/internal.h"

static uint32_t vni_tag(uint32_t vni) { return vni * 0x9e3779b1u; }

int tunnel_vtep_init(struct tunnel *t)
{
    struct tunnel_vtep *v = &t->vtep;
    const struct allocator *a = t->set->allocator;
    int error = pool_init(&v->vnis, a, t->settings.max_vnis, sizeof(struct tunnel_vni), alignof(struct tunnel_vni));
    if (!error)
        error = table_init(&v->by_vni, a, t->settings.max_vnis);
    if (!error)
        error = pool_init(&v->remotes, a, t->settings.max_remotes, sizeof(struct tunnel_remote),
                          alignof(struct tunnel_remote));
    return error ? error : tunnel_macs_init(t);
}

void tunnel_vtep_free(struct tunnel *t)
{
    pool_free(&t->vtep.vnis);
    pool_free(&t->vtep.remotes);
    table_free(&t->vtep.by_vni);
    tunnel_macs_free(t);
}

struct tunnel_vni *tunnel_find_vni(const struct tunnel *t, uint32_t vni)
{
    uint32_t tag = vni_tag(vni);
    for (uint32_t at = tag, i; (i = table_next(&t->vtep.by_vni, tag, &at)) != 0;) {
        struct tunnel_vni *v = pool_at(&t->vtep.vnis, i);
        if (v->vni == vni)
            return v;
    }
    return NULL;
}

static struct tunnel *vtep_of(struct link *link)
{
    if (link->ops != &tunnel_link_ops)
        return NULL;
    struct tunnel *t = container_of(link, struct tunnel, link);
    return t->settings.kind == TUNNEL_VXLAN ? t : NULL;
}

int tunnel_add_vni(struct link *vtep, uint32_t vni)
{
    struct tunnel *t = vtep_of(vtep);
    if (!t || vni > WIRE_VXLAN_MAX_VNI)
        return ERR_INVALID;
    if (vni != t->settings.vni && (vni == 0 || !t->settings.trunk))
        return ERR_INVALID; /* no tags say it */
    if (tunnel_find_vni(t, vni))
        return ERR_EXISTS;
    uint32_t i = pool_get(&t->vtep.vnis);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    *(struct tunnel_vni *)pool_at(&t->vtep.vnis, i) =
        (struct tunnel_vni){.vni = vni, .open = t->settings.accept_unknown};
    return table_add(&t->vtep.by_vni, vni_tag(vni), i);
}

static const struct tunnel_remote *remote_of(const struct tunnel *t, const struct tunnel_vni *v,
                                             const struct ip_addr *address)
{
    for (uint32_t i = v->remotes; i;) {
        const struct tunnel_remote *r = pool_at(&t->vtep.remotes, i);
        if (ip_addr_equal(&r->address, address))
            return r;
        i = r->next;
    }
    return NULL;
}

bool tunnel_hears(const struct tunnel *t, const struct tunnel_vni *v, const struct ip_addr *vtep)
{
    return v->open || remote_of(t, v, vtep) != NULL;
}

/* What is sent to a group comes to the binding for any local address. */
static int hear_group(struct tunnel *t, const struct ip_addr *group, int64_t now)
{
    struct stack *s = t->set->outer;
    if (t->set->hears_groups && t->set->hears_groups != t)
        return ERR_IN_USE;
    if (!t->set->hears_groups) {
        int error = udp_bind(s, 0, t->settings.port, tunnel_receive_udp, NULL, t);
        if (!error)
            error = udp_set_encapsulation(s, 0, t->settings.port, t->settings.zero_checksum6);
        if (error)
            return error;
    }
    t->set->hears_groups = t;
    return stack_has_joined(s, t->settings.local, group) ? 0 : stack_join(s, t->settings.local, group, now);
}

int tunnel_add_remote(struct link *vtep, uint32_t vni, const struct ip_addr *remote, int64_t now)
{
    struct tunnel *t = vtep_of(vtep);
    struct tunnel_vni *v = t ? tunnel_find_vni(t, vni) : NULL;
    if (!v)
        return ERR_NOT_FOUND;
    if (ip_addr_is_v4(remote) == tunnel_is_v6(t) || ip_addr_is_unspecified(remote) || ip_addr_is_broadcast(remote))
        return ERR_INVALID;
    if (remote_of(t, v, remote))
        return ERR_EXISTS;
    uint32_t i = v->n_remotes == TUNNEL_MAX_REMOTES ? POOL_NONE : pool_get(&t->vtep.remotes);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    int error = ip_addr_is_multicast(remote) ? hear_group(t, remote, now) : 0;
    if (error) {
        pool_put(&t->vtep.remotes, i);
        return error;
    }
    *(struct tunnel_remote *)pool_at(&t->vtep.remotes, i) =
        (struct tunnel_remote){.next = v->remotes, .address = *remote};
    v->remotes = i;
    v->n_remotes++;
    v->open |= ip_addr_is_multicast(remote);
    return 0;
}

bool tunnel_where(struct link *vtep, uint32_t vni, const uint8_t mac[6], int64_t now, struct ip_addr *out)
{
    struct tunnel *t = vtep_of(vtep);
    const struct ip_addr *found = t ? tunnel_find_mac(t, vni, mac, now) : NULL;
    if (found)
        *out = *found;
    return found != NULL;
}

/* ---- tags ---- */

int tunnel_vni_of(const struct tunnel *t, const struct packet *p, uint32_t *vni)
{
    *vni = t->settings.vni;
    if (!t->settings.trunk)
        return 0;
    const uint8_t *at = p->data + WIRE_ETH_LEN - 2;
    uint32_t named = 0;
    unsigned bytes = 0;
    if (load_be16(at) == ETHERTYPE_QINQ && p->len >= WIRE_ETH_LEN + WIRE_ETH_TAG_LEN) {
        named = (load_be16(at + 2) & 0xfffu) << 12;
        bytes = WIRE_ETH_TAG_LEN;
    }
    if (load_be16(at + bytes) == ETHERTYPE_VLAN && p->len >= WIRE_ETH_LEN + bytes + WIRE_ETH_TAG_LEN) {
        named |= load_be16(at + bytes + 2) & 0xfffu;
        bytes += WIRE_ETH_TAG_LEN;
    }
    if (wire_eth_is_tpid(load_be16(at + bytes)))
        return ERR_NOT_FOUND;
    if (bytes != 0)
        *vni = named;
    return (int)bytes;
}

unsigned tunnel_put_vni(const struct tunnel *t, uint8_t *to, uint32_t vni)
{
    struct host_vlan tags[HOST_MAX_TAGS];
    if (!t->settings.trunk || vni == t->settings.vni)
        return 0;
    unsigned n = host_vni_tags(vni, tags);
    for (unsigned i = 0; i < n; i++) {
        store_be16(to + i * WIRE_ETH_TAG_LEN, tags[i].tpid);
        store_be16(to + i * WIRE_ETH_TAG_LEN + 2, tags[i].tci);
    }
    return n * WIRE_ETH_TAG_LEN;
}
