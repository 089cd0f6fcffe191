/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6 clients: messages between their machines and the stack, by UDP from each one's link-local address to
 * ff02::1:2 (RFC 8415 7.1). One binding of the port serves all; whom a datagram is for, the MAC address inside of the
 * link-local address says.
 */
#include "base/error.h"
#include "dhcp/clients_private.h"
#include "wire/eth.h"

static const struct ip_addr all_servers = {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2}};

static struct dhcp_member *member_of(struct dhcp_clients *c, const struct dhcp6_client *machine)
{
    return &c->members[(uint32_t)((const struct dhcp_member *)(const void *)machine - c->members)];
}

static void client_sends(void *context, struct dhcp6_client *machine, const uint8_t *bytes, size_t length)
{
    struct dhcp_clients *c = context;
    const struct udp_datagram u = {.local = member_of(c, machine)->near,
                                   .remote = all_servers,
                                   .local_port = DHCP6_CLIENT_PORT,
                                   .remote_port = DHCP6_SERVER_PORT,
                                   .bytes = bytes,
                                   .length = (uint32_t)length};
    if (udp_send(c->stack, &u, c->now) < 0)
        c->counters.unsent++;
}

static void client_probes(void *context, struct dhcp6_client *machine, const struct ip_addr *address)
{
    struct dhcp_clients *c = context;
    dhcp_clients_probe(c, member_of(c, machine), address);
}

static void configured(void *context, struct dhcp6_client *machine, enum dhcp6_client_what what,
                       const struct dhcp6_held *held)
{
    struct dhcp_clients *c = context;
    struct dhcp_member *m = member_of(c, machine);
    (void)what, (void)held;
    m->fresh = true;
    dhcp_clients_changed(c, m);
}

static void unconfigured(void *context, struct dhcp6_client *machine, enum dhcp6_client_what what,
                         const struct dhcp6_held *held)
{
    struct dhcp_clients *c = context;
    (void)what, (void)held;
    dhcp_clients_changed(c, member_of(c, machine));
}

/* Name servers and search list are a link's, not a client's: what was told last counts for all. */
static void informed(void *context, struct dhcp6_client *machine, const struct dhcp6_message *m)
{
    struct dhcp_clients *c = context;
    (void)machine;
    for (unsigned i = 0; i < ARRAY_SIZE(c->dns6); i++)
        c->dns6[i] = 16 * (i + 1) <= m->dns.length ? ip_addr_from_v6(m->dns.bytes + 16 * i) : (struct ip_addr){{0}};
    (void)dhcp6_names_print(&m->domains, c->search6, sizeof c->search6);
}

/* ---- from the server ---- */

static void tell_progress(struct dhcp_clients *c, struct dhcp_member *m, uint8_t state, bool had_offer, int64_t sent,
                          uint64_t replies)
{
    if (!had_offer && m->v6.has_offer)
        dhcp_clients_tell(c, m, DHCP_EVENT_OFFER, c->now - sent);
    if (c->counters6.replies == replies)
        return;
    m->renewal_ns = c->now - sent;
    if (state == DHCP6_CLIENT_REQUESTING || state == DHCP6_CLIENT_SOLICITING)
        dhcp_clients_tell(c, m, DHCP_EVENT_ACK, c->now - sent);
}

/* The MAC address that a link-local address was made of: ip_addr_link_local() the other way round. */
static struct dhcp_member *member_at(struct dhcp_clients *c, const struct ip_addr *near)
{
    const uint8_t *b = near->bytes;
    const uint8_t mac[6] = {b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]};
    struct ip_addr made = ip_addr_link_local(mac);
    return ip_addr_equal(&made, near) ? dhcp_clients_of_mac(c, mac) : NULL;
}

static void port_received(void *context, const struct udp_datagram *d, int64_t now)
{
    struct dhcp_clients *first = context, *c = first;
    struct dhcp_member *m = member_at(c, &d->arrival.destination);
    while (!m && (c = c->next_beside) != NULL)
        m = member_at(c, &d->arrival.destination);
    if (!m || m->near == 0) {
        (c ? c : first)->counters.other_macs++;
        return;
    }
    c->now = now;
    uint8_t state = m->v6.state;
    bool had_offer = m->v6.has_offer;
    int64_t sent = m->v6.exchange.first_ns;
    uint64_t replies = c->counters6.replies;
    dhcp6_client_input(&m->v6, d->bytes, d->length, now);
    tell_progress(c, m, state, had_offer, sent, replies);
    dhcp_clients_arm(c, m);
}

/* ---- life ---- */

int dhcp_clients6_open(struct dhcp_clients *c)
{
    struct dhcp6_client_settings *s = &c->settings.v6_settings;
    s->counters = &c->counters6;
    s->host = (struct dhcp6_client_host){.send = client_sends,
                                         .probe = c->settings.probe.probes ? client_probes : NULL,
                                         .configure = configured,
                                         .unconfigure = unconfigured,
                                         .informed = informed,
                                         .context = c};
    int e = dhcp6_client_settings_check(s);
    if (e == 0)
        e = dhcp_clients_bind(c, DHCP6_CLIENT_PORT, port_received);
    for (uint32_t i = 0; e == 0 && i < c->settings.count; i++) {
        uint8_t mac[6];
        dhcp_clients_mac(c, i, mac);
        dhcp6_client_init(&c->members[i].v6, s, mac, random_u64(&c->random));
    }
    return e;
}

static uint32_t seconds_between(int64_t from, int64_t to)
{
    return to == TIME_NEVER ? DHCP6_INFINITE : (uint32_t)((to - from) / NS_PER_S);
}

static void view_prefix(const struct dhcp6_held *p, struct dhcp_view *out)
{
    if (!p->configured)
        return;
    out->delegated = (struct ip_prefix){.addr = p->addr, .length = p->prefix_length};
    out->lease_s = p->valid_s;
    out->expires_ns = p->ends_ns;
}

void dhcp_clients6_view(const struct dhcp_member *m, struct dhcp_view *out)
{
    const struct dhcp6_held *a = &m->v6.held[DHCP6_CLIENT_ADDRESS], *p = &m->v6.held[DHCP6_CLIENT_PREFIX];
    out->state = dhcp6_client_state_name((enum dhcp6_client_state)m->v6.state);
    out->bound = a->configured || p->configured;
    if (!out->bound)
        return;
    view_prefix(p, out);
    out->t1_s = seconds_between(m->held_ns, m->v6.t1_ns);
    out->t2_s = seconds_between(m->held_ns, m->v6.t2_ns);
    if (!a->configured)
        return;
    out->address = a->addr;
    out->lease_s = a->valid_s;
    out->expires_ns = a->ends_ns;
}
