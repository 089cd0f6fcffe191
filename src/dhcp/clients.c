/* SPDX-License-Identifier: MIT */
/*
 * What DHCP clients of both families share: see clients.h. A client's wheel node stands at the earliest of its start,
 * its machine's deadline and its probe's.
 */
#include "dhcp/clients_private.h"

#include "base/error.h"
#include "dhcp/frame.h"
#include "stack/control.h"

#define WHEEL_SHIFT 20u /* ticks of a millisecond */
#define MOST_DUE 64u    /* a turn: what is sent must find room in a burst */
#define MOST_CHANGED 256u
#define DEFEND_NS (10 * NS_PER_S) /* RFC 5227 2.4: DEFEND_INTERVAL */
#define LEAST_MTU 576u

/* ---- settings ---- */

void dhcp_clients_settings_default(struct dhcp_clients_settings *s, bool v6)
{
    *s = (struct dhcp_clients_settings){.v6 = v6,
                                        .count = 1,
                                        .make_hosts = true,
                                        .take_mtu = true,
                                        .prefix_length6 = 128,
                                        .probe = v6 ? address_probe_ipv6 : address_probe_ipv4};
    dhcp4_client_settings_default(&s->v4);
    dhcp6_client_settings_default(&s->v6_settings);
    s->v4.start_wait_ns = 0;
    s->v6_settings.start_delay = false;
}

static bool settings_fine(const struct dhcp_clients_settings *s)
{
    uint32_t low = (uint32_t)(s->mac[3] << 16 | s->mac[4] << 8 | s->mac[5]);
    return s->count > 0 && s->count <= DHCP_CLIENTS_MAX && !wire_eth_is_multicast(s->mac) &&
           !wire_eth_is_zero(s->mac) && low + s->count <= 1u << 24 && s->interval_ns >= 0;
}

/* ---- finding ---- */

void dhcp_clients_mac(const struct dhcp_clients *c, uint32_t client, uint8_t mac[6])
{
    uint32_t low = (uint32_t)(c->settings.mac[3] << 16 | c->settings.mac[4] << 8 | c->settings.mac[5]) + client;
    memcpy(mac, c->settings.mac, 3);
    mac[3] = (uint8_t)(low >> 16);
    mac[4] = (uint8_t)(low >> 8);
    mac[5] = (uint8_t)low;
}

struct dhcp_member *dhcp_clients_of_mac(const struct dhcp_clients *c, const uint8_t mac[6])
{
    const uint8_t *first = c->settings.mac;
    if (memcmp(mac, first, 3) != 0)
        return NULL;
    uint32_t n =
        (uint32_t)(mac[3] << 16 | mac[4] << 8 | mac[5]) - (uint32_t)(first[3] << 16 | first[4] << 8 | first[5]);
    return n < c->settings.count ? &c->members[n] : NULL;
}

static const uint8_t *mac_of(const struct dhcp_clients *c, const struct dhcp_member *m)
{
    return c->settings.v6 ? m->v6.mac : m->v4.mac;
}

static uint32_t tag_of(const struct dhcp_clients *c, const struct ip_addr *a)
{
    return (uint32_t)hash_sip13(&c->settings.key, a->bytes, sizeof a->bytes);
}

static void unlist(struct dhcp_clients *c, struct dhcp_member *m)
{
    if (m->listed)
        (void)table_remove(&c->claims, m->tag, dhcp_clients_number(c, m) + 1);
    m->listed = false;
}

/* Claims of this address are its affair from now on. */
static void list(struct dhcp_clients *c, struct dhcp_member *m, const struct ip_addr *a)
{
    unlist(c, m);
    m->listed_address = *a;
    m->tag = tag_of(c, a);
    m->listed = table_add(&c->claims, m->tag, dhcp_clients_number(c, m) + 1) == 0;
}

static struct dhcp_member *find_listed(struct dhcp_clients *c, const struct ip_addr *a)
{
    uint32_t tag = tag_of(c, a);
    for (uint32_t at = tag, i; (i = table_next(&c->claims, tag, &at)) != 0;)
        if (ip_addr_equal(&c->members[i - 1].listed_address, a))
            return &c->members[i - 1];
    return NULL;
}

/* ---- news ---- */

void dhcp_clients_tell(struct dhcp_clients *c, const struct dhcp_member *m, enum dhcp_event_kind kind,
                       int64_t latency_ns)
{
    const struct dhcp_event e = {
        .kind = kind, .client = dhcp_clients_number(c, m), .now = c->now, .latency_ns = latency_ns};
    if (c->settings.told)
        c->settings.told(c->settings.context, &e);
}

void dhcp_clients_changed(struct dhcp_clients *c, struct dhcp_member *m)
{
    if (m->changed)
        return;
    m->changed = true;
    m->next_changed = c->changed;
    c->changed = dhcp_clients_number(c, m) + 1;
}

static void tell_change(struct dhcp_clients *c, struct dhcp_member *m, bool bound)
{
    bool was = m->bound, fresh = m->fresh;
    m->bound = bound;
    m->fresh = false;
    if (bound && !was)
        m->bound_ns = c->now;
    if (fresh)
        m->held_ns = c->now;
    if (bound && !was)
        dhcp_clients_tell(c, m, DHCP_EVENT_BOUND, c->now - m->began_ns);
    else if (bound && fresh)
        dhcp_clients_tell(c, m, DHCP_EVENT_RENEWED, m->renewal_ns);
    else if (was && !bound)
        dhcp_clients_tell(c, m, DHCP_EVENT_LOST, 0);
}

/* ---- time ---- */

static int64_t machine_deadline(const struct dhcp_clients *c, const struct dhcp_member *m)
{
    return c->settings.v6 ? dhcp6_client_deadline(&m->v6) : dhcp4_client_deadline(&m->v4);
}

void dhcp_clients_arm(struct dhcp_clients *c, struct dhcp_member *m)
{
    int64_t at = min_i64(min_i64(m->start_at, m->probe.at), machine_deadline(c, m));
    if (at != TIME_NEVER)
        wheel_arm(&c->wheel, dhcp_clients_number(c, m) + 1, at);
}

void dhcp_clients_probe(struct dhcp_clients *c, struct dhcp_member *m, const struct ip_addr *address)
{
    list(c, m, address);
    address_probe_start(&m->probe, address, &c->settings.probe, &c->random, c->now);
}

/* IPv6: its link-local address is its own. It may be there already. */
static void near_is_ours(struct dhcp_clients *c, struct dhcp_member *m)
{
    struct host_settings h = {.interface = c->settings.interface,
                              .address = ip_addr_link_local(mac_of(c, m)),
                              .prefix_length = 64,
                              .vlan_count = c->settings.vlan > 0,
                              .vlan = {{.tpid = ETHERTYPE_VLAN, .tci = c->settings.vlan}}};
    memcpy(h.mac, mac_of(c, m), sizeof h.mac);
    int local = stack_add_host(c->stack, &h);
    m->near = local > 0 ? (uint32_t)local : local == ERR_EXISTS ? stack_find_local(c->stack, &h.address) : 0;
    if (m->near == 0) {
        c->counters.refused++;
        dhcp_clients_tell(c, m, DHCP_EVENT_REFUSED, 0);
        return;
    }
    m->began_ns = c->now;
    dhcp6_client_start(&m->v6, c->now);
}

static void probed(struct dhcp_clients *c, struct dhcp_member *m, bool in_use)
{
    address_probe_stop(&m->probe);
    if (in_use)
        dhcp_clients_tell(c, m, DHCP_EVENT_CONFLICT, 0);
    if (!c->settings.v6) {
        dhcp4_client_probed(&m->v4, in_use, c->now);
    } else if (m->near != 0) {
        dhcp6_client_probed(&m->v6, in_use, c->now);
    } else if (in_use) {
        c->counters.near_in_use++;
        unlist(c, m);
    } else {
        near_is_ours(c, m);
    }
}

static void start_member(struct dhcp_clients *c, struct dhcp_member *m)
{
    m->start_at = TIME_NEVER;
    m->began_ns = c->now;
    if (!c->settings.v6) {
        dhcp4_client_start(&m->v4, 0, c->now);
        return;
    }
    struct ip_addr near = ip_addr_link_local(m->v6.mac);
    if (stack_find_local(c->stack, &near) != 0)
        near_is_ours(c, m);
    else
        dhcp_clients_probe(c, m, &near);
}

static void member_due(void *context, uint32_t node, int64_t now)
{
    struct dhcp_clients *c = context;
    struct dhcp_member *m = &c->members[node - 1];
    if (m->start_at <= now)
        start_member(c, m);
    if (m->probe.at <= now && address_probe_due(&m->probe, &c->settings.probe, c->stack, c->settings.interface,
                                                c->settings.vlan, mac_of(c, m), &c->random, now))
        probed(c, m, false);
    if (c->settings.v6)
        dhcp6_client_tick(&m->v6, now);
    else
        dhcp4_client_tick(&m->v4, now);
    dhcp_clients_arm(c, m);
}

/* ---- hosts follow leases ---- */

static void remove_host(struct dhcp_clients *c, struct dhcp_member *m)
{
    if (m->host != 0)
        (void)stack_remove_host(c->stack, m->host, c->now);
    m->host = 0;
}

static void take_mtu(struct dhcp_clients *c, uint32_t mtu)
{
    struct stack_interface i;
    if (c->settings.take_mtu && mtu >= LEAST_MTU && stack_view_interface(c->stack, c->settings.interface, &i) &&
        mtu < i.mtu)
        (void)stack_set_mtu(c->stack, c->settings.interface, mtu, c->now);
}

static struct host_settings host_of(const struct dhcp_clients *c, const struct dhcp_member *m,
                                    const struct dhcp_view *v)
{
    struct host_settings h = {.interface = c->settings.interface,
                              .address = v->address,
                              .prefix_length = v->prefix_length,
                              .gateway = v->router,
                              .vlan_count = c->settings.vlan > 0,
                              .vlan = {{.tpid = ETHERTYPE_VLAN, .tci = c->settings.vlan}}};
    memcpy(h.mac, mac_of(c, m), sizeof h.mac);
    return h;
}

/* A router that the stack does not take is left out: the subnet works without. */
static int add_host(struct dhcp_clients *c, struct dhcp_member *m, const struct dhcp_view *v)
{
    struct host_settings h = host_of(c, m, v);
    int local = stack_add_host(c->stack, &h);
    if (local == ERR_INVALID && !ip_addr_is_unspecified(&h.gateway)) {
        c->counters.no_gateway++;
        h.gateway = (struct ip_addr){{0}};
        local = stack_add_host(c->stack, &h);
    }
    if (local > 0) {
        m->host = (uint32_t)local;
        stack_announce(c->stack, m->host, c->now);
    }
    return local;
}

/* Another host of the stack has the address: a conflict like any other. */
static void host_refused(struct dhcp_clients *c, struct dhcp_member *m, int error)
{
    c->counters.refused++;
    dhcp_clients_tell(c, m, DHCP_EVENT_REFUSED, 0);
    if (error == ERR_EXISTS && !c->settings.v6)
        dhcp4_client_conflict(&m->v4, c->now);
}

static bool host_is(const struct dhcp_clients *c, const struct dhcp_member *m, const struct dhcp_view *v)
{
    struct host_settings h;
    return m->host != 0 && stack_view_host(c->stack, m->host, &h) && ip_addr_equal(&h.address, &v->address) &&
           h.prefix_length == v->prefix_length;
}

static void keep_host(struct dhcp_clients *c, struct dhcp_member *m, const struct dhcp_view *v)
{
    take_mtu(c, v->mtu);
    if (m->host != 0) {
        if (stack_set_gateway(c->stack, m->host, &v->router, c->now) < 0)
            c->counters.no_gateway++;
        return;
    }
    int local = add_host(c, m, v);
    if (local < 0)
        host_refused(c, m, local);
}

static void host_follows(struct dhcp_clients *c, struct dhcp_member *m)
{
    struct dhcp_view v;
    dhcp_clients_view(c, dhcp_clients_number(c, m), &v);
    bool wanted = v.bound && !ip_addr_is_unspecified(&v.address);
    if (wanted)
        list(c, m, &v.address);
    else if (!address_probe_running(&m->probe))
        unlist(c, m);
    if (!wanted || !host_is(c, m, &v))
        remove_host(c, m);
    if (wanted && c->settings.make_hosts)
        keep_host(c, m, &v);
    tell_change(c, m, v.bound);
}

static void conflict_told(struct dhcp_clients *c, struct dhcp_member *m)
{
    m->conflict = false;
    if (address_probe_running(&m->probe)) {
        probed(c, m, true);
        return;
    }
    dhcp_clients_tell(c, m, DHCP_EVENT_CONFLICT, 0);
    if (!c->settings.v6)
        dhcp4_client_conflict(&m->v4, c->now);
}

static void follow_changes(struct dhcp_clients *c)
{
    for (unsigned i = 0; i < MOST_CHANGED && c->changed != 0; i++) {
        struct dhcp_member *m = &c->members[c->changed - 1];
        c->changed = m->next_changed;
        m->changed = false;
        if (m->conflict)
            conflict_told(c, m);
        host_follows(c, m);
        dhcp_clients_arm(c, m);
    }
}

/* ---- frames ---- */

/* Somebody has, or probes, an address of ours: while it is probed that decides; afterwards we defend it once. */
static void claimed(struct dhcp_clients *c, const struct address_claim *claim)
{
    struct dhcp_member *m = find_listed(c, &claim->address);
    if (!m || memcmp(claim->mac, mac_of(c, m), sizeof claim->mac) == 0)
        return;
    bool probing = address_probe_running(&m->probe);
    if (!probing && (claim->probes || !m->bound || c->settings.v6))
        return;
    if (!probing && c->now - m->contradicted_ns >= DEFEND_NS) {
        m->contradicted_ns = c->now;
        return;
    }
    m->conflict = true;
    dhcp_clients_changed(c, m);
}

static void frame_seen(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    struct dhcp_clients *c = context;
    struct address_claim claim;
    (void)interface;
    if (sent)
        return;
    c->now = now;
    if (address_claim_read(p, c->settings.vlan, &claim))
        claimed(c, &claim);
    else if (!c->settings.v6)
        dhcp_clients4_frame(c, p);
}

/* ---- the port ---- */

/* Among c and those beside it, NULL: none. */
static struct dhcp_clients *port_owner(struct dhcp_clients *c)
{
    while (c && !c->bound_port)
        c = c->settings.beside;
    return c;
}

int dhcp_clients_bind(struct dhcp_clients *c, uint16_t port, udp_received_fn *received)
{
    struct dhcp_clients *owner = port_owner(c->settings.beside);
    if (!owner) {
        int e = udp_bind(c->stack, 0, port, received, NULL, c);
        c->bound_port = e == 0;
        return e;
    }
    c->next_beside = owner->next_beside;
    owner->next_beside = c;
    return 0;
}

static void leave_port(struct dhcp_clients *c)
{
    struct dhcp_clients *at = port_owner(c);
    if (at == c)
        (void)udp_unbind(c->stack, 0, c->settings.v6 ? DHCP6_CLIENT_PORT : DHCP4_CLIENT_PORT);
    while (at && at->next_beside != c)
        at = at->next_beside;
    if (at)
        at->next_beside = c->next_beside;
}

/* ---- life ---- */

static void free_all(struct dhcp_clients *c)
{
    wheel_free(&c->wheel);
    table_free(&c->claims);
    alloc_free(c->allocator, c->members, (size_t)c->settings.count * sizeof *c->members);
    alloc_free(c->allocator, c, sizeof *c);
}

static int make(struct dhcp_clients *c, int64_t now)
{
    uint32_t n = c->settings.count;
    c->members = alloc_array(c->allocator, n, sizeof *c->members, alignof(struct dhcp_member));
    int e = c->members ? wheel_init(&c->wheel, c->allocator, n, WHEEL_SHIFT, now) : ERR_NO_MEMORY;
    if (e == 0)
        e = table_init(&c->claims, c->allocator, n);
    if (e == 0)
        e = c->settings.v6 ? dhcp_clients6_open(c) : dhcp_clients4_open(c);
    if (e == 0)
        e = stack_frame_listen(c->stack, c->settings.interface, frame_seen, c);
    c->watching = e == 0;
    return e;
}

int dhcp_clients_new(const struct dhcp_clients_settings *settings, struct stack *s, const struct allocator *a,
                     int64_t now, struct dhcp_clients **out)
{
    if (!settings_fine(settings))
        return ERR_INVALID;
    struct dhcp_clients *c = alloc_zeroed(a, sizeof *c, alignof(struct dhcp_clients));
    if (!c)
        return ERR_NO_MEMORY;
    c->settings = *settings;
    c->stack = s;
    c->allocator = a;
    c->now = now;
    random_seed(&c->random, settings->key.k0 ^ settings->key.k1);
    int e = make(c, now);
    if (e < 0) {
        dhcp_clients_delete(c);
        return e;
    }
    for (uint32_t i = 0; i < c->settings.count; i++) {
        c->members[i].start_at = c->members[i].probe.at = TIME_NEVER;
        c->members[i].contradicted_ns = now - DEFEND_NS;
    }
    *out = c;
    return 0;
}

void dhcp_clients_delete(struct dhcp_clients *c)
{
    if (!c)
        return;
    if (c->watching)
        (void)stack_frame_unlisten(c->stack, c->settings.interface, frame_seen, c);
    leave_port(c);
    free_all(c);
}

void dhcp_clients_start(struct dhcp_clients *c, int64_t now)
{
    c->now = now;
    c->released = 0;
    for (uint32_t i = 0; i < c->settings.count; i++) {
        c->members[i].start_at = now + (int64_t)i * c->settings.interval_ns;
        dhcp_clients_arm(c, &c->members[i]);
    }
}

static void release_member(struct dhcp_clients *c, struct dhcp_member *m)
{
    m->start_at = TIME_NEVER;
    address_probe_stop(&m->probe);
    if (c->settings.v6)
        dhcp6_client_release(&m->v6, c->now);
    else
        dhcp4_client_release(&m->v4);
    dhcp_clients_arm(c, m);
}

uint32_t dhcp_clients_release_some(struct dhcp_clients *c, uint32_t most, int64_t now)
{
    c->now = now;
    for (; most > 0 && c->released < c->settings.count; most--)
        release_member(c, &c->members[c->released++]);
    return c->settings.count - c->released;
}

void dhcp_clients_release(struct dhcp_clients *c, int64_t now)
{
    c->released = 0;
    (void)dhcp_clients_release_some(c, c->settings.count, now);
}

void dhcp_clients_turn(struct dhcp_clients *c, int64_t now)
{
    c->now = now;
    (void)wheel_advance(&c->wheel, now, MOST_DUE, member_due, c);
    follow_changes(c);
}

int64_t dhcp_clients_deadline(const struct dhcp_clients *c) { return c->changed ? c->now : wheel_next(&c->wheel); }

/* ---- looking ---- */

uint32_t dhcp_clients_bound(const struct dhcp_clients *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->settings.count; i++)
        n += c->members[i].bound;
    return n;
}

static bool is_busy(const struct dhcp_clients *c, const struct dhcp_member *m)
{
    if (m->start_at != TIME_NEVER || address_probe_running(&m->probe) || m->changed)
        return true;
    if (c->settings.v6)
        return m->v6.state != DHCP6_CLIENT_STOPPED && m->v6.state != DHCP6_CLIENT_BOUND &&
               m->v6.state != DHCP6_CLIENT_INFORMED;
    return m->v4.state != DHCP4_CLIENT_STOPPED && m->v4.state != DHCP4_CLIENT_BOUND;
}

uint32_t dhcp_clients_busy(const struct dhcp_clients *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->settings.count; i++)
        n += is_busy(c, &c->members[i]);
    return n;
}

void dhcp_clients_view(const struct dhcp_clients *c, uint32_t client, struct dhcp_view *out)
{
    const struct dhcp_member *m = &c->members[client];
    *out = (struct dhcp_view){.local = m->host, .bound_ns = m->bound_ns};
    dhcp_clients_mac(c, client, out->mac);
    if (c->settings.v6) {
        out->router = c->settings.gateway6;
        dhcp_clients6_view(m, out);
        if (out->bound)
            memcpy(out->dns, c->dns6, sizeof out->dns);
        if (!ip_addr_is_unspecified(&out->address))
            out->prefix_length = c->settings.prefix_length6;
    } else {
        dhcp_clients4_view(m, out);
    }
}

const char *dhcp_clients_search(const struct dhcp_clients *c) { return c->search6; }
const struct dhcp_clients_counters *dhcp_clients_counters(const struct dhcp_clients *c) { return &c->counters; }
const struct dhcp4_client_counters *dhcp_clients_counters4(const struct dhcp_clients *c) { return &c->counters4; }
const struct dhcp6_client_counters *dhcp_clients_counters6(const struct dhcp_clients *c) { return &c->counters6; }
