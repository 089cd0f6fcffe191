/* SPDX-License-Identifier: MIT */
/*
 * Making tunnels. Everything is allocated here.
 */
#include "tunnel/internal.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/udp.h"

#define DEFAULT_TTL 64
#define QUEUE_MIN 64u
#define QUEUE_MAX 65536u
#define VNIS_MAX (UINT32_C(1) << 20)
#define DSCP_MAX 63

void tunnel_settings_default(struct tunnel_settings *t, enum tunnel_kind kind)
{
    *t = (struct tunnel_settings){.kind = kind,
                                  .name = "tunnel",
                                  .ttl = DEFAULT_TTL,
                                  .queue_frames = 256,
                                  .port = WIRE_VXLAN_PORT,
                                  .learn = true,
                                  .max_vnis = 1,
                                  .max_remotes = 64,
                                  .max_macs = 4096,
                                  .age_ns = 300 * NS_PER_S};
}

/* An error about what a tunnel sent: the stack has noted the MTU, if that is what it says. */
static void note_raw_error(void *context, const struct raw_datagram *quoted, const struct ip_error *e, int64_t now)
{
    struct tunnel_set *set = context;
    (void)quoted, (void)e, (void)now;
    set->counters.tunnel_errors_received++;
}

static void note_udp_error(void *context, const struct udp_datagram *quoted, const struct ip_error *e, int64_t now)
{
    struct tunnel *t = context;
    (void)quoted, (void)e, (void)now;
    TUNNEL_COUNT(t, tunnel_errors_received);
}

int tunnel_set_new(struct stack *outer, const struct hash_key *secret, const struct allocator *a,
                   struct tunnel_set **out)
{
    static const uint8_t protocols[] = {IP_PROTO_IPV4, IP_PROTO_IPV6, IP_PROTO_GRE};
    struct tunnel_set *set = alloc_zeroed(a, sizeof *set, alignof(struct tunnel_set));
    if (!set)
        return ERR_NO_MEMORY;
    *set = (struct tunnel_set){.outer = outer, .allocator = a, .secret = *secret};
    int error = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(protocols) && !error; i++)
        error = raw_listen(outer, protocols[i], tunnel_receive_raw, note_raw_error, set);
    if (error) {
        for (unsigned i = 0; i < ARRAY_SIZE(protocols); i++)
            (void)raw_unlisten(outer, protocols[i], tunnel_receive_raw, set);
        alloc_free(a, set, sizeof *set);
        return error;
    }
    *out = set;
    return 0;
}

static void tunnel_free(struct tunnel *t)
{
    tunnel_queue_release(&t->tx);
    tunnel_queue_release(&t->rx);
    packet_pool_free(&t->tx_pool);
    packet_pool_free(&t->rx_pool);
    tunnel_vtep_free(t);
    alloc_free(t->set->allocator, t, sizeof *t);
}

void tunnel_set_delete(struct tunnel_set *set)
{
    if (!set)
        return;
    for (unsigned i = 0; i < set->count; i++)
        tunnel_free(set->tunnels[i]);
    alloc_free(set->allocator, set, sizeof *set);
}

const struct tunnel_counters *tunnel_set_counters(const struct tunnel_set *set) { return &set->counters; }

/* ---- one tunnel ---- */

static bool peer_ok(const struct tunnel_settings *t, const struct ip_addr *local)
{
    if (t->kind == TUNNEL_VXLAN)
        return t->port != 0 && t->vni <= WIRE_VXLAN_MAX_VNI && t->max_vnis != 0 && t->max_vnis <= VNIS_MAX &&
               t->max_remotes != 0 && t->max_macs != 0 && t->age_ns > 0;
    return ip_addr_is_v4(&t->remote) == ip_addr_is_v4(local) && !ip_addr_is_unspecified(&t->remote) &&
           !ip_addr_is_multicast(&t->remote) && !ip_addr_is_broadcast(&t->remote);
}

static bool has_gre_fields(const struct tunnel_settings *t) { return t->has_key || t->checksum || t->sequence; }

static int check(const struct tunnel_set *set, const struct tunnel_settings *t, struct ip_addr *local)
{
    if ((unsigned)t->kind > TUNNEL_VXLAN || !stack_local_address(set->outer, t->local, local) || !peer_ok(t, local))
        return ERR_INVALID;
    if (t->ttl == 0 || t->dscp > DSCP_MAX || t->queue_frames < QUEUE_MIN || t->queue_frames > QUEUE_MAX || !t->name ||
        wire_eth_is_multicast(t->mac))
        return ERR_INVALID;
    if ((t->kind == TUNNEL_IPIP || t->kind == TUNNEL_VXLAN) && has_gre_fields(t))
        return ERR_INVALID;
    if (set->count == TUNNEL_MAX || link_nesting(stack_link_of(set->outer, t->local)) >= TUNNEL_MAX_NESTING)
        return ERR_NO_SPACE;
    return 0;
}

static bool is_gre(const struct tunnel_settings *t) { return t->kind == TUNNEL_GRE || t->kind == TUNNEL_GRETAP; }

/* Would a datagram belong to both? */
static bool same_ends(const struct tunnel_settings *a, const struct tunnel_settings *b)
{
    if (a->local != b->local || a->kind == TUNNEL_VXLAN || b->kind == TUNNEL_VXLAN || is_gre(a) != is_gre(b) ||
        !ip_addr_equal(&a->remote, &b->remote))
        return false;
    return a->has_key == b->has_key && (!a->has_key || a->key == b->key);
}

static bool is_taken(const struct tunnel_set *set, const struct tunnel_settings *t)
{
    for (unsigned i = 0; i < set->count; i++)
        if (same_ends(&set->tunnels[i]->settings, t))
            return true;
    return false;
}

static uint32_t overhead_of(const struct tunnel_settings *t, bool v6)
{
    const struct wire_gre gre = {.has_checksum = t->checksum, .has_key = t->has_key, .has_sequence = t->sequence};
    uint32_t ip = v6 ? WIRE_IPV6_LEN : WIRE_IPV4_MIN;
    switch (t->kind) {
    case TUNNEL_IPIP:
        return ip;
    case TUNNEL_GRE:
        return ip + wire_gre_length(&gre);
    case TUNNEL_GRETAP:
        return ip + wire_gre_length(&gre) + WIRE_ETH_LEN;
    case TUNNEL_VXLAN:
        break;
    }
    return ip + WIRE_UDP_LEN + WIRE_VXLAN_LEN + WIRE_ETH_LEN;
}

/* One of its own, and the same each time. */
static void make_mac(struct tunnel *t)
{
    const uint64_t from[3] = {load_be64(t->address.bytes), load_be64(t->address.bytes + 8),
                              (uint64_t)t->settings.kind << 32 | t->settings.key};
    static const struct hash_key plain;
    uint64_t hash = hash_sip13(&plain, from, sizeof from) + t->set->count;
    if (!wire_eth_is_zero(t->settings.mac)) {
        memcpy(t->link.mac, t->settings.mac, sizeof t->link.mac);
        return;
    }
    t->link.mac[0] = 0x02;
    t->link.mac[1] = 0x56;
    store_be32(t->link.mac + 2, (uint32_t)hash);
}

static int size_link(struct tunnel *t, int64_t now)
{
    struct stack *outer = t->set->outer;
    const struct ip_addr *to = t->settings.kind == TUNNEL_VXLAN ? &t->address : &t->settings.remote;
    uint32_t path = stack_path_mtu(outer, t->settings.local, to, now);
    t->overhead = overhead_of(&t->settings, tunnel_is_v6(t));
    uint32_t room = path > t->overhead ? path - t->overhead : 0;
    t->mtu_max = t->settings.mtu ? t->settings.mtu : room;
    if (!t->settings.fragment)
        t->mtu_max = min_u32(t->mtu_max, room);
    if (t->mtu_max < WIRE_IPV4_MIN_MTU || t->mtu_max > UINT16_MAX - t->overhead)
        return ERR_INVALID;
    t->link.mtu = t->mtu_max;
    return 0;
}

static int make_pools(struct tunnel *t)
{
    const struct allocator *a = t->set->allocator;
    uint32_t n = t->settings.queue_frames, head = PACKET_HEADROOM + TUNNEL_INNER_MAX_L2;
    int error = packet_pool_init(&t->tx_pool, a, n, head + max_u32(t->mtu_max, WIRE_IPV6_MIN_MTU), 0);
    /* Half may be kept by the stack: fragments, segments out of order. */
    return error ? error : packet_pool_init(&t->rx_pool, a, 2 * n, head + max_u32(t->mtu_max, TUNNEL_RX_BYTES_MIN), 0);
}

static void name_link(struct tunnel *t)
{
    size_t length = strnlen(t->settings.name, sizeof t->link.name - 1);
    memcpy(t->link.name, t->settings.name, length);
    t->link.name[length] = '\0';
    t->settings.name = t->link.name;
}

static int open_vtep(struct tunnel *t)
{
    const struct tunnel_settings *s = &t->settings;
    if (s->kind != TUNNEL_VXLAN)
        return 0;
    int error = tunnel_vtep_init(t);
    if (!error)
        error = tunnel_add_vni(&t->link, s->vni);
    if (!error)
        error = udp_bind(t->set->outer, s->local, s->port, tunnel_receive_udp, note_udp_error, t);
    return error ? error : udp_set_encapsulation(t->set->outer, s->local, s->port, s->zero_checksum6);
}

int tunnel_add(struct tunnel_set *set, const struct tunnel_settings *settings, int64_t now, struct link **out)
{
    struct ip_addr local;
    int error = check(set, settings, &local);
    if (!error && is_taken(set, settings))
        error = ERR_EXISTS;
    if (error)
        return error;
    struct tunnel *t = alloc_zeroed(set->allocator, sizeof *t, alignof(struct tunnel));
    if (!t)
        return ERR_NO_MEMORY;
    *t = (struct tunnel){
        .link = {.ops = &tunnel_link_ops, .fd = -1}, .set = set, .settings = *settings, .address = local, .now = now};
    t->link.nesting = link_nesting(stack_link_of(set->outer, settings->local)) + 1;
    t->link.caps = tunnel_is_l2(t) ? 0 : LINK_CAP_POINT_TO_POINT;
    tunnel_queue_init(&t->tx);
    tunnel_queue_init(&t->rx);
    name_link(t);
    make_mac(t);
    error = size_link(t, now);
    if (!error)
        error = make_pools(t);
    if (!error)
        error = open_vtep(t);
    if (error) {
        tunnel_free(t);
        return error;
    }
    set->tunnels[set->count++] = t;
    *out = &t->link;
    return 0;
}
