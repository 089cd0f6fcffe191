/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv4 server on a stack: see servers.h.
 */
#include "base/error.h"
#include "dhcp/frame.h"
#include "dhcp/servers.h"
#include "stack/control.h"

struct dhcp4_serving {
    struct dhcp_server_place place;
    struct dhcp_server_counters counters;
    struct dhcp4_server *server;
    const struct allocator *allocator;
    uint32_t address;
    uint8_t mac[6];
    int64_t now;
    bool watching, bound;
};

/* ---- replies ---- */

static int reply_by_frame(struct dhcp4_serving *v, const struct dhcp4_server_datagram *d, const uint8_t *to)
{
    const struct dhcp_frame f = {.eth_src = v->mac,
                                 .eth_dst = to,
                                 .from = v->address,
                                 .to = d->to,
                                 .from_port = DHCP4_SERVER_PORT,
                                 .to_port = d->port,
                                 .bytes = d->bytes,
                                 .length = d->length};
    return dhcp_frame_send(v->place.stack, v->place.interface, v->place.vlan, &f, v->now);
}

static int reply_by_udp(struct dhcp4_serving *v, const struct dhcp4_server_datagram *d)
{
    const struct udp_datagram u = {.local = v->place.local,
                                   .remote = ip_addr_from_v4(d->to),
                                   .local_port = DHCP4_SERVER_PORT,
                                   .remote_port = d->port,
                                   .bytes = d->bytes,
                                   .length = (uint32_t)d->length};
    return udp_send(v->place.stack, &u, v->now);
}

static void server_sends(void *context, struct dhcp4_server *s, const struct dhcp4_server_datagram *d)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct dhcp4_serving *v = context;
    (void)s;
    const uint8_t *mac = d->to == UINT32_MAX ? everybody : d->mac;
    if ((mac ? reply_by_frame(v, d, mac) : reply_by_udp(v, d)) < 0)
        v->counters.unsent++;
}

/* ---- requests ---- */

static void input(struct dhcp4_serving *v, const uint8_t *bytes, size_t length, int64_t now)
{
    v->now = now;
    v->counters.received++;
    dhcp4_server_input(v->server, bytes, length, now);
}

/* Only what the stack does not take: from nobody's address. */
static void frame_seen(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    struct dhcp4_serving *v = context;
    struct dhcp_frame f;
    (void)interface;
    if (!sent && dhcp_frame_read(p, v->place.vlan, DHCP4_SERVER_PORT, &f) && f.from == 0)
        input(v, f.bytes, f.length, now);
}

static void received(void *context, const struct udp_datagram *d, int64_t now)
{
    input(context, d->bytes, d->length, now);
}

/* ---- life ---- */

static int listen_all(struct dhcp4_serving *v)
{
    int e = udp_bind(v->place.stack, 0, DHCP4_SERVER_PORT, received, NULL, v);
    v->bound = e == 0;
    if (e == 0)
        e = stack_frame_listen(v->place.stack, v->place.interface, frame_seen, v);
    v->watching = e == 0;
    return e;
}

int dhcp4_serving_new(const struct dhcp_server_place *place, const struct dhcp4_server_settings *settings,
                      const struct allocator *a, int64_t now, struct dhcp4_serving **out)
{
    struct host_settings h;
    struct dhcp4_server_settings s = *settings;
    if (!stack_view_host(place->stack, place->local, &h) || !ip_addr_is_v4(&h.address))
        return ERR_INVALID;
    struct dhcp4_serving *v = alloc_zeroed(a, sizeof *v, alignof(struct dhcp4_serving));
    if (!v)
        return ERR_NO_MEMORY;
    *v = (struct dhcp4_serving){.place = *place, .allocator = a, .address = ip_addr_to_v4(&h.address), .now = now};
    memcpy(v->mac, h.mac, sizeof v->mac);
    s.send = server_sends;
    s.context = v;
    int e = dhcp4_server_new(&s, a, now, &v->server);
    if (e == 0)
        e = listen_all(v);
    if (e < 0)
        dhcp4_serving_delete(v);
    else
        *out = v;
    return e;
}

void dhcp4_serving_delete(struct dhcp4_serving *v)
{
    if (!v)
        return;
    if (v->watching)
        (void)stack_frame_unlisten(v->place.stack, v->place.interface, frame_seen, v);
    if (v->bound)
        (void)udp_unbind(v->place.stack, 0, DHCP4_SERVER_PORT);
    dhcp4_server_delete(v->server);
    alloc_free(v->allocator, v, sizeof *v);
}

void dhcp4_serving_turn(struct dhcp4_serving *v, int64_t now)
{
    v->now = now;
    dhcp4_server_tick(v->server, now);
}

int64_t dhcp4_serving_deadline(const struct dhcp4_serving *v) { return dhcp4_server_deadline(v->server); }
struct dhcp4_server *dhcp4_serving_server(struct dhcp4_serving *v) { return v->server; }
const struct dhcp_server_counters *dhcp4_serving_counters(const struct dhcp4_serving *v) { return &v->counters; }
