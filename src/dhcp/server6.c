/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv6 server on a stack: see servers.h.
 */
#include "base/error.h"
#include "dhcp/servers.h"

static const struct ip_addr all_servers = {{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2}};

struct dhcp6_serving {
    struct dhcp_server_place place;
    struct dhcp_server_counters counters;
    struct dhcp6_server *server;
    const struct allocator *allocator;
    uint32_t asked; /* the local address that a request came to, when it was one's own */
    int64_t now;
    bool bound, joined;
};

/* From the address that was asked; to a group's question, from the link-local one. */
static void server_sends(void *context, struct dhcp6_server *s, const struct ip_addr *to, uint16_t port,
                         const uint8_t *bytes, size_t length)
{
    struct dhcp6_serving *v = context;
    const struct udp_datagram u = {.local = v->asked,
                                   .remote = *to,
                                   .local_port = DHCP6_SERVER_PORT,
                                   .remote_port = port,
                                   .bytes = bytes,
                                   .length = (uint32_t)length};
    (void)s;
    if (udp_send(v->place.stack, &u, v->now) < 0)
        v->counters.unsent++;
}

static void received(void *context, const struct udp_datagram *d, int64_t now)
{
    struct dhcp6_serving *v = context;
    v->now = now;
    v->counters.received++;
    v->asked = d->arrival.broadcast ? v->place.local : d->local;
    dhcp6_server_input(v->server, &d->remote, d->bytes, d->length, now);
}

static int listen_all(struct dhcp6_serving *v)
{
    int e = udp_bind(v->place.stack, 0, DHCP6_SERVER_PORT, received, NULL, v);
    v->bound = e == 0;
    if (e == 0)
        e = stack_join(v->place.stack, v->place.local, &all_servers, v->now);
    v->joined = e == 0;
    return e;
}

int dhcp6_serving_new(const struct dhcp_server_place *place, const struct dhcp6_server_settings *settings,
                      const struct allocator *a, int64_t now, struct dhcp6_serving **out)
{
    struct ip_addr near;
    struct dhcp6_server_settings s = *settings;
    if (!stack_local_address(place->stack, place->local, &near) || !ip_addr_is_link_local(&near) ||
        ip_addr_is_v4(&near))
        return ERR_INVALID;
    struct dhcp6_serving *v = alloc_zeroed(a, sizeof *v, alignof(struct dhcp6_serving));
    if (!v)
        return ERR_NO_MEMORY;
    *v = (struct dhcp6_serving){.place = *place, .allocator = a, .asked = place->local, .now = now};
    s.send = server_sends;
    s.context = v;
    int e = dhcp6_server_new(&s, a, now, &v->server);
    if (e == 0)
        e = listen_all(v);
    if (e < 0)
        dhcp6_serving_delete(v);
    else
        *out = v;
    return e;
}

void dhcp6_serving_delete(struct dhcp6_serving *v)
{
    if (!v)
        return;
    if (v->joined)
        (void)stack_leave(v->place.stack, v->place.local, &all_servers, v->now);
    if (v->bound)
        (void)udp_unbind(v->place.stack, 0, DHCP6_SERVER_PORT);
    dhcp6_server_delete(v->server);
    alloc_free(v->allocator, v, sizeof *v);
}

void dhcp6_serving_turn(struct dhcp6_serving *v, int64_t now)
{
    v->now = now;
    dhcp6_server_tick(v->server, now);
}

int64_t dhcp6_serving_deadline(const struct dhcp6_serving *v) { return dhcp6_server_deadline(v->server); }
struct dhcp6_server *dhcp6_serving_server(struct dhcp6_serving *v) { return v->server; }
const struct dhcp_server_counters *dhcp6_serving_counters(const struct dhcp6_serving *v) { return &v->counters; }
