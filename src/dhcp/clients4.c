/* SPDX-License-Identifier: MIT */
/*
 * DHCPv4 clients: messages between their machines and the stack. They hear whole frames, as servers may send to an
 * address that is not in use yet (RFC 2131 4.1), and send frames but for the renewal, which goes by UDP from the
 * address. The port is bound so that what came by frame is not answered by "port unreachable".
 */
#include "base/error.h"
#include "dhcp/clients_private.h"
#include "dhcp/frame.h"

#define CHADDR_AT 28u /* RFC 2131 2 */
/* More clients renew by frames, too: all at once, their datagrams would not find room to wait for one neighbour. */
#define MOST_BY_UDP 128u

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct dhcp_member *member_of(struct dhcp_clients *c, const struct dhcp4_client *machine)
{
    return &c->members[(uint32_t)((const struct dhcp_member *)(const void *)machine - c->members)];
}

/* ---- to the server ---- */

static int send_udp(struct dhcp_clients *c, const struct dhcp_member *m, const struct dhcp4_client_datagram *d)
{
    const struct udp_datagram u = {.local = m->host,
                                   .remote = ip_addr_from_v4(d->to),
                                   .local_port = DHCP4_CLIENT_PORT,
                                   .remote_port = DHCP4_SERVER_PORT,
                                   .bytes = d->bytes,
                                   .length = (uint32_t)d->length};
    return udp_send(c->stack, &u, c->now);
}

static int send_frame(struct dhcp_clients *c, const struct dhcp_member *m, const struct dhcp4_client_datagram *d)
{
    bool direct = d->to != UINT32_MAX && m->server_known;
    const struct dhcp_frame f = {.eth_src = m->v4.mac,
                                 .eth_dst = direct ? m->server_mac : everybody,
                                 .from = d->from,
                                 .to = d->to,
                                 .from_port = DHCP4_CLIENT_PORT,
                                 .to_port = DHCP4_SERVER_PORT,
                                 .bytes = d->bytes,
                                 .length = d->length};
    return dhcp_frame_send(c->stack, c->settings.interface, c->settings.vlan, &f, c->now);
}

static void client_sends(void *context, struct dhcp4_client *machine, const struct dhcp4_client_datagram *d)
{
    struct dhcp_clients *c = context;
    const struct dhcp_member *m = member_of(c, machine);
    bool by_udp = machine->state == DHCP4_CLIENT_RENEWING && m->host != 0 &&
                  (c->settings.count <= MOST_BY_UDP || !m->server_known);
    if ((by_udp ? send_udp(c, m, d) : send_frame(c, m, d)) < 0)
        c->counters.unsent++;
}

/* ---- what the machine decides ---- */

static void client_probes(void *context, struct dhcp4_client *machine, uint32_t address)
{
    struct dhcp_clients *c = context;
    struct ip_addr a = ip_addr_from_v4(address);
    dhcp_clients_probe(c, member_of(c, machine), &a);
}

static void configured(void *context, struct dhcp4_client *machine, const struct dhcp4_lease *lease)
{
    struct dhcp_clients *c = context;
    struct dhcp_member *m = member_of(c, machine);
    (void)lease;
    m->fresh = true;
    dhcp_clients_changed(c, m);
}

static void unconfigured(void *context, struct dhcp4_client *machine, uint32_t address)
{
    struct dhcp_clients *c = context;
    (void)address;
    dhcp_clients_changed(c, member_of(c, machine));
}

/* ---- from the server ---- */

static void tell_progress(struct dhcp_clients *c, struct dhcp_member *m, const struct dhcp4_client_counters *before,
                          const struct dhcp4_client *was)
{
    if (c->counters4.offers > before->offers)
        dhcp_clients_tell(c, m, DHCP_EVENT_OFFER, c->now - was->discovered_ns);
    if (c->counters4.acks == before->acks)
        return;
    m->renewal_ns = c->now - was->asked_ns;
    if (was->state == DHCP4_CLIENT_REQUESTING || was->state == DHCP4_CLIENT_REBOOTING)
        dhcp_clients_tell(c, m, DHCP_EVENT_ACK, c->now - was->asked_ns);
}

void dhcp_clients4_frame(struct dhcp_clients *c, const struct packet *p)
{
    struct dhcp_frame f;
    if (!dhcp_frame_read(p, c->settings.vlan, DHCP4_CLIENT_PORT, &f))
        return;
    if (f.length < DHCP4_HEADER_LEN) { /* it does not even say for whom it is */
        c->counters4.drop_malformed++;
        c->counters4.malformed[DHCP4_REJECT_SHORT]++;
        return;
    }
    struct dhcp_member *m = dhcp_clients_of_mac(c, f.bytes + CHADDR_AT);
    if (!m) {
        c->counters.other_macs++;
        return;
    }
    struct dhcp4_client was = m->v4;
    struct dhcp4_client_counters before = c->counters4;
    dhcp4_client_input(&m->v4, f.bytes, f.length, c->now);
    if (c->counters4.offers > before.offers || c->counters4.acks > before.acks) {
        memcpy(m->server_mac, f.eth_src, sizeof m->server_mac);
        m->server_known = true;
    }
    tell_progress(c, m, &before, &was);
    dhcp_clients_arm(c, m);
}

/* Everything was read as a frame already. */
static void port_received(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)context, (void)d, (void)now;
}

/* ---- life ---- */

int dhcp_clients4_open(struct dhcp_clients *c)
{
    struct dhcp4_client_settings *s = &c->settings.v4;
    s->counters = &c->counters4;
    s->host = (struct dhcp4_client_host){.send = client_sends,
                                         .probe = c->settings.probe.probes ? client_probes : NULL,
                                         .configure = configured,
                                         .unconfigure = unconfigured,
                                         .context = c};
    int e = dhcp4_client_settings_check(s);
    if (e == 0)
        e = dhcp_clients_bind(c, DHCP4_CLIENT_PORT, port_received);
    for (uint32_t i = 0; e == 0 && i < c->settings.count; i++) {
        uint8_t mac[6];
        dhcp_clients_mac(c, i, mac);
        dhcp4_client_init(&c->members[i].v4, s, mac, random_u64(&c->random));
    }
    return e;
}

/* Without a mask, that of the address's class (RFC 950). */
static uint8_t prefix_length_of(const struct dhcp4_lease *l)
{
    if (l->mask != 0)
        return (uint8_t)__builtin_popcount(l->mask);
    return l->address >> 31 == 0 ? 8 : l->address >> 30 == 2 ? 16 : 24;
}

void dhcp_clients4_view(const struct dhcp_member *m, struct dhcp_view *out)
{
    const struct dhcp4_lease *l = &m->v4.lease;
    out->state = dhcp4_client_state_name((enum dhcp4_client_state)m->v4.state);
    out->bound = m->v4.configured;
    if (!out->bound)
        return;
    out->address = ip_addr_from_v4(l->address);
    out->prefix_length = prefix_length_of(l);
    if (l->router)
        out->router = ip_addr_from_v4(l->router);
    out->server = ip_addr_from_v4(l->server);
    for (unsigned i = 0; i < DHCP4_CLIENT_DNS; i++)
        if (l->dns[i])
            out->dns[i] = ip_addr_from_v4(l->dns[i]);
    out->mtu = l->mtu;
    out->lease_s = l->lease_s;
    out->t1_s = l->t1_s;
    out->t2_s = l->t2_s;
    out->expires_ns = m->v4.expires_ns;
}
