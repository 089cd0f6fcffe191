/* SPDX-License-Identifier: MIT */
/*
 * The rig of forward_rig.h.
 */
#include "unit/forward_rig.h"

#include "base/alloc_heap.h"

static struct forward_port *port_of(struct link *link) { return container_of(link, struct forward_port, link); }

/* ---- the links ---- */

static unsigned port_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    (void)link, (void)packets, (void)n, (void)now;
    return 0;
}

static unsigned port_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct forward_port *p = port_of(link);
    return packet_pool_get(kind == LINK_ALLOC_LARGE ? &p->large : &p->pool, packets, n);
}

static void capture(struct forward_port *to, struct packet *p)
{
    assert_true(to->count < FORWARD_FRAMES);
    struct forward_frame *f = &to->frames[(to->head + to->count++) % FORWARD_FRAMES];
    f->same = p->start == to->rig->came_at;
    if (!(to->link.caps & LINK_CAP_TX_CHECKSUM) || p->nfrags)
        assert_int_equal(packet_finish(p), 0);
    assert_true(p->len <= FORWARD_FRAME_BYTES);
    memcpy(f->bytes, p->data, p->len);
    f->length = p->len;
    f->checksum = p->checksum;
    f->checksum_start = p->checksum_start;
    f->checksum_offset = p->checksum_offset;
    f->gso = p->gso;
    f->gso_size = p->gso_size;
}

static void port_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    (void)now;
    for (unsigned i = 0; i < n; i++)
        capture(port_of(link), packets[i]);
    packet_release_burst(packets, n);
}

static uint32_t port_tx_room(struct link *link) { return port_of(link)->room; }

static const struct link_ops port_ops = {
    .rx_burst = port_rx_burst, .tx_alloc = port_tx_alloc, .tx_burst = port_tx_burst, .tx_room = port_tx_room};

/* ---- names ---- */

struct ip_addr forward_ours(unsigned port, bool v6)
{
    struct ip_addr a = {{0x20, 1, 0x0d, 0xb8, 0, (uint8_t)port, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    return v6 ? a : ip_addr_from_v4(0x0a000001u + (port << 8));
}
struct ip_addr forward_station(unsigned port, bool v6)
{
    const struct ip_addr a = forward_ours(port, v6);
    return ip_addr_add(&a, 1);
}
static void mac_of(unsigned port, uint8_t last, uint8_t mac[6])
{
    memcpy(mac, (const uint8_t[6]){2, 0, 0, 0, (uint8_t)port, last}, 6);
}
void forward_our_mac(unsigned port, uint8_t mac[6]) { mac_of(port, 1, mac); }
void forward_station_mac(unsigned port, uint8_t mac[6]) { mac_of(port, 2, mac); }

/* ---- life ---- */

void forward_rig_options_default(struct forward_rig_options *o)
{
    *o = (struct forward_rig_options){.no_router = false};
    stack_settings_default(&o->stack);
    o->stack.secret = (struct hash_key){1, 2};
    o->stack.tcp.max_connections = o->stack.tcp.max_time_wait = o->stack.tcp.max_out_of_order_frames = 64;
    o->stack.max_addresses = 64;
    o->stack.tcp.links = FORWARD_PORTS;
    forward_settings_default(&o->forward);
}

static void open_port(struct forward_rig *r, unsigned number, uint32_t caps)
{
    struct forward_port *p = &r->ports[number];
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    p->rig = r;
    p->room = UINT32_MAX;
    p->link = (struct link){.ops = &port_ops, .name = "port", .mtu = 1500, .caps = caps, .fd = -1};
    p->link.gso_max = caps & LINK_CAP_TSO ? UINT16_MAX : 0;
    forward_our_mac(number, p->link.mac);
    assert_int_equal(packet_pool_init(&p->pool, alloc_heap(), 512, 2048 + PACKET_HEADROOM, 0), 0);
    assert_int_equal(packet_pool_init(&p->large, alloc_heap(), 4, PACKET_HEADROOM + FORWARD_FRAME_BYTES, 0), 0);
    assert_int_equal(guard_init(&p->guard, &rules, NULL, r->now), 0);
    assert_int_equal(stack_add_interface(r->stack, &p->link, &p->guard), (int)number);
}

static void open_hosts(struct forward_rig *r, unsigned port, const struct forward_rig_options *o)
{
    uint8_t mac[6];
    forward_station_mac(port, mac);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct host_settings h = {.interface = port,
                                  .vlan_count = o->vlan[port] != 0,
                                  .vlan = {{.tpid = 0x8100, .tci = o->vlan[port]}},
                                  .mpls_count = o->label[port] != 0,
                                  .mpls = {{.label = o->label[port]}},
                                  .address = forward_ours(port, v6),
                                  .prefix_length = v6 ? 64 : 24};
        int local = stack_add_host(r->stack, &h);
        assert_true(local > 0);
        r->local[port][v6] = (uint32_t)local;
        const struct ip_addr station = forward_station(port, v6);
        if (!o->no_stations)
            assert_int_equal(stack_add_neighbour(r->stack, (uint32_t)local, &station, mac), 0);
    }
}

struct forward_rig *forward_rig_new_with(const struct forward_rig_options *o)
{
    struct forward_rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->now = 1000 * NS_PER_S;
    assert_int_equal(stack_new(&o->stack, alloc_heap(), r->now, &r->stack), 0);
    for (unsigned i = 0; i < FORWARD_PORTS; i++)
        open_port(r, i, o->caps[i]);
    if (!o->no_router)
        assert_int_equal(forward_start(r->stack, 0, &o->forward), 0);
    for (unsigned i = 0; i < FORWARD_PORTS; i++)
        open_hosts(r, i, o);
    return r;
}

struct forward_rig *forward_rig_new(void)
{
    struct forward_rig_options o;
    forward_rig_options_default(&o);
    return forward_rig_new_with(&o);
}

void forward_rig_free(struct forward_rig *r)
{
    stack_delete(r->stack);
    for (unsigned i = 0; i < FORWARD_PORTS; i++) {
        struct forward_port *p = &r->ports[i];
        assert_int_equal(p->pool.free_count, p->pool.capacity);
        assert_int_equal(p->pool.home.held, 0);
        assert_int_equal(p->large.free_count, p->large.capacity);
        packet_pool_free(&p->pool);
        packet_pool_free(&p->large);
    }
    free(r);
}

static struct ip_addr address_of(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ip_addr_parse(text, strlen(text), &a), 0);
    return a;
}

uint32_t forward_add_host(struct forward_rig *r, unsigned port, const char *address, uint8_t length, uint32_t vrf,
                          const uint8_t *mac)
{
    struct host_settings h = {.interface = port, .address = address_of(address), .prefix_length = length, .vrf = vrf};
    if (mac)
        memcpy(h.mac, mac, 6);
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

void forward_add(struct forward_rig *r, uint32_t vrf, const char *prefix, uint32_t local, const char *gateway)
{
    struct forward_route route = {.local = local};
    assert_int_equal(ip_prefix_parse(prefix, strlen(prefix), &route.prefix), 0);
    if (gateway)
        route.gateway = address_of(gateway);
    assert_int_equal(forward_add_route(r->stack, vrf, &route), 0);
}

/* ---- frames ---- */

void forward_address(uint8_t *frame, unsigned port)
{
    forward_our_mac(port, frame);
    forward_station_mac(port, frame + 6);
}

struct packet *forward_packet(struct forward_rig *r, unsigned port, const uint8_t *frame, uint32_t length)
{
    struct forward_port *from = &r->ports[port];
    struct packet *p;
    assert_int_equal(packet_pool_get(length > 2000 ? &from->large : &from->pool, &p, 1), 1);
    memcpy(p->data, frame, length);
    memset(p->data + length, 0xa5, min_u32(packet_tailroom(p) - length, 64));
    p->len = length;
    return p;
}

void forward_input_packet(struct forward_rig *r, unsigned port, struct packet *p)
{
    r->came_at = p->start;
    stack_input(r->stack, port, &p, 1, r->now);
    stack_transmit(r->stack, r->now);
}

void forward_input(struct forward_rig *r, unsigned port, uint8_t *frame, uint32_t length)
{
    forward_address(frame, port);
    forward_input_packet(r, port, forward_packet(r, port, frame, length));
}

void forward_pass(struct forward_rig *r, int64_t ns)
{
    r->now += ns;
    stack_receive(r->stack, r->now);
    stack_transmit(r->stack, r->now);
}

const struct forward_frame *forward_next(struct forward_rig *r, unsigned port)
{
    struct forward_port *p = &r->ports[port];
    if (p->count == 0)
        return NULL;
    const struct forward_frame *f = &p->frames[p->head];
    p->head = (p->head + 1) % FORWARD_FRAMES;
    p->count--;
    return f;
}

void forward_expect_nothing(struct forward_rig *r)
{
    for (unsigned i = 0; i < FORWARD_PORTS; i++)
        assert_null(forward_next(r, i));
}

const struct stack_counters *forward_counters(const struct forward_rig *r) { return stack_counters(r->stack); }

uint32_t forward_udp(uint8_t *frame, const struct ip_addr *from, const struct ip_addr *to)
{
    static const uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    if (!ip_addr_is_v4(from))
        return make_udp6(frame, from, 4000, to, 5000, payload, sizeof payload);
    return make_udp(frame, ip_addr_to_v4(from), 4000, ip_addr_to_v4(to), 5000, payload, sizeof payload);
}
