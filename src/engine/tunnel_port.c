/* SPDX-License-Identifier: MIT */
/*
 * See tunnel_port.h. The stack below runs when its link is asked for frames or given some: it is never within a call of
 * its own then, so that what was given can go out at once.
 */
#include "engine/tunnel_port.h"

#include <stdio.h>

#include "base/error.h"
#include "engine/clock.h"
#include "engine/secret.h"
#include "stack/host.h"

#define FEW_CONNECTIONS 16u
#define MACS 65536u

struct tunnel_port {
    struct link link; /* its `lower` is the tunnel, which the set owns */
    struct link *under, *tunnel;
    struct guard guard;
    struct stack *stack;
    struct tunnel_set *set;
    uint32_t most; /* the MTU; 0: not looked yet */
    const struct allocator *allocator;
};

static struct tunnel_port *port_of(struct link *link) { return container_of(link, struct tunnel_port, link); }

/* ---- the link ---- */

static unsigned port_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct tunnel_port *p = port_of(link);
    (void)stack_receive(p->stack, now);
    unsigned got = link_rx_burst(p->tunnel, packets, n, now);
    (void)stack_transmit(p->stack, now);
    if (p->most == 0)
        p->most = link->mtu; /* what its port was given */
    link->mtu = min_u32(p->most, p->tunnel->mtu);
    return got;
}

static unsigned port_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    return link_tx_alloc(port_of(link)->tunnel, packets, n, kind);
}

static void port_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct tunnel_port *p = port_of(link);
    p->tunnel->ops->tx_burst(p->tunnel, packets, n, now);
    p->tunnel->ops->push(p->tunnel, now);
    (void)stack_transmit(p->stack, now);
}

static uint32_t port_tx_room(struct link *link) { return link_tx_room(port_of(link)->tunnel); }

static int64_t port_next_deadline(struct link *link)
{
    struct tunnel_port *p = port_of(link);
    return min_i64(stack_next_deadline(p->stack), link_next_deadline(p->tunnel));
}

static bool port_arm(struct link *link)
{
    struct tunnel_port *p = port_of(link);
    return p->under->ops->arm(p->under);
}

static void port_close(struct link *link)
{
    struct tunnel_port *p = port_of(link);
    stack_delete(p->stack);
    tunnel_set_delete(p->set);
    link_close(p->under);
    alloc_free(p->allocator, p, sizeof *p);
}

static const struct link_ops polled_ops = {.rx_burst = port_rx_burst,
                                           .tx_alloc = port_tx_alloc,
                                           .tx_burst = port_tx_burst,
                                           .tx_room = port_tx_room,
                                           .next_deadline = port_next_deadline,
                                           .close = port_close};
static const struct link_ops armed_ops = {.rx_burst = port_rx_burst,
                                          .tx_alloc = port_tx_alloc,
                                          .tx_burst = port_tx_burst,
                                          .tx_room = port_tx_room,
                                          .next_deadline = port_next_deadline,
                                          .arm = port_arm,
                                          .close = port_close};

static const struct tunnel_port *find(const struct link *top)
{
    for (; top; top = top->lower)
        if (top->ops == &polled_ops || top->ops == &armed_ops)
            return (const struct tunnel_port *)(const void *)top;
    return NULL;
}

const struct tunnel_counters *tunnel_port_counters(const struct link *top)
{
    const struct tunnel_port *p = find(top);
    return p ? tunnel_set_counters(p->set) : NULL;
}

const struct link *tunnel_port_under(const struct link *top)
{
    const struct tunnel_port *p = find(top);
    return p ? p->under : NULL;
}

/* ---- making it ---- */

static int make_guard(struct tunnel_port *p, const struct plan_tunnel *t)
{
    struct guard_rules rules = {.stop_at = TIME_NEVER};
    for (uint32_t i = 0; i < t->n_remotes; i++) {
        rules.allow_multicast |= ip_addr_is_multicast(&t->remotes[i]);
        memcpy(rules.allowed[i].bytes, t->remotes[i].bytes, sizeof rules.allowed[i].bytes);
        rules.allowed[i].length = 128;
    }
    rules.n_allowed = t->n_remotes;
    return guard_init(&p->guard, &rules, NULL, clock_now());
}

static int make_stack(struct tunnel_port *p, const struct plan_tunnel *t, struct hash_key *secret)
{
    struct stack_settings s;
    struct host_settings host = {.address = t->local, .prefix_length = t->prefix_length, .gateway = t->gateway};
    stack_settings_default(&s);
    s.tcp.max_connections = FEW_CONNECTIONS;
    plan_address_mac(&t->local, host.mac);
    int e = secret_fill(&s);
    if (e < 0 || (e = make_guard(p, t)) < 0 || (e = stack_new(&s, p->allocator, clock_now(), &p->stack)) < 0 ||
        (e = stack_add_interface(p->stack, p->under, &p->guard)) < 0)
        return e;
    *secret = s.secret;
    return stack_add_host(p->stack, &host);
}

static struct tunnel_settings settings_of(const struct plan_tunnel *t, const char *name, uint32_t local)
{
    static const enum tunnel_kind kinds[] = {TUNNEL_IPIP, TUNNEL_GRE, TUNNEL_GRETAP, TUNNEL_VXLAN};
    struct tunnel_settings s;
    uint32_t n = t->first_vni ? t->last_vni - t->first_vni + 1 : 0;
    tunnel_settings_default(&s, kinds[t->kind]);
    s.name = name;
    s.local = local;
    s.remote = t->remotes[0];
    s.ttl = t->ttl ? (uint8_t)t->ttl : s.ttl;
    s.dscp = (uint8_t)t->dscp;
    s.fragment = t->fragment;
    s.has_key = t->has_key;
    s.key = t->key;
    s.checksum = t->checksum;
    s.sequence = t->sequence;
    s.vni = t->vni;
    s.trunk = n != 0;
    s.max_vnis = n + 1;
    s.max_remotes = (n + 1) * t->n_remotes;
    s.max_macs = MACS;
    s.port = t->udp_port ? (uint16_t)t->udp_port : s.port;
    s.age_ns = t->age_s ? t->age_s * NS_PER_S : s.age_ns;
    s.learn = !t->no_learn;
    s.accept_unknown = t->accept_unknown;
    s.udp_checksum = t->udp_checksum;
    s.zero_checksum6 = t->zero_checksum6;
    return s;
}

static int add_remotes(struct tunnel_port *p, const struct plan_tunnel *t, uint32_t vni)
{
    int e = 0;
    for (uint32_t i = 0; i < t->n_remotes && e == 0; i++)
        e = tunnel_add_remote(p->tunnel, vni, &t->remotes[i], clock_now());
    return e;
}

/* The network of frames without tags, if one was given, and a trunk's. */
static int add_networks(struct tunnel_port *p, const struct plan_tunnel *t)
{
    if (t->kind != PLAN_TUNNEL_VXLAN)
        return 0;
    int e = t->has_vni ? add_remotes(p, t, t->vni) : 0;
    for (uint32_t vni = t->first_vni; vni != 0 && vni <= t->last_vni && e == 0; vni++) {
        if (t->has_vni && vni == t->vni)
            continue;
        e = tunnel_add_vni(p->tunnel, vni);
        if (e == 0)
            e = add_remotes(p, t, vni);
    }
    return e;
}

static void describe(struct tunnel_port *p)
{
    p->link = (struct link){.ops = p->under->ops->arm && p->under->fd >= 0 ? &armed_ops : &polled_ops,
                            .mtu = p->tunnel->mtu,
                            .caps = p->tunnel->caps,
                            .lower = p->tunnel,
                            .fd = p->under->fd};
    memcpy(p->link.mac, p->tunnel->mac, sizeof p->link.mac);
    memcpy(p->link.name, p->tunnel->name, sizeof p->link.name);
}

static int make(struct tunnel_port *p, const struct plan_tunnel *t, const char *name, char message[256])
{
    char text[IP_ADDR_TEXT];
    struct hash_key secret;
    (void)ip_addr_print(text, sizeof text, &t->local);
    int e = make_stack(p, t, &secret);
    if (e < 0) {
        snprintf(message, 256, "tunnel: local: found %s/%u: %s", text, t->prefix_length, err_text(e));
        return e;
    }
    const struct tunnel_settings s = settings_of(t, name, (uint32_t)e);
    e = tunnel_set_new(p->stack, &secret, p->allocator, &p->set);
    if (e == 0)
        e = tunnel_add(p->set, &s, clock_now(), &p->tunnel);
    if (e == 0)
        e = add_networks(p, t);
    if (e < 0)
        snprintf(message, 256, "tunnel from %s: %s", text, e == ERR_NO_SPACE ? "nested too deep" : err_text(e));
    return e;
}

int tunnel_port_new(const struct plan_tunnel *t, const char *name, struct link *under, const struct allocator *a,
                    struct link **out, char message[256])
{
    struct tunnel_port *p = alloc_zeroed(a, sizeof *p, alignof(struct tunnel_port));
    if (!p)
        return ERR_NO_MEMORY;
    p->allocator = a;
    p->under = under;
    int e = make(p, t, name, message);
    if (e < 0) {
        stack_delete(p->stack);
        tunnel_set_delete(p->set);
        alloc_free(a, p, sizeof *p);
        return e;
    }
    describe(p);
    stack_announce(p->stack, 1, clock_now());
    *out = &p->link;
    return 0;
}
