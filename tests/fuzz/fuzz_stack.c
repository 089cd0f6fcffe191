/* SPDX-License-Identifier: MIT */
/*
 * The whole stack fed with frames: a host with a TCP listener, an open connection, a UDP port and an echo client, and beside
 * it hosts with VLAN tags, MPLS labels and both.
 *
 * Input: records of one control byte and a frame. Control: bits 0-5 the frame length in units of 4 bytes, bit 6 let 100
 * ms pass first, bit 7 mend the checksums, so that the fuzzer gets behind them. Afterwards everything must be released.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "fuzz/arena.h"
#include "link/memory.h"
#include "stack/stack.h"
#include "wire/eth.h"

#define OUR_ADDRESS 0x0a000001u
#define PEER_ADDRESS 0x0a000002u
#define OUR_GROUP 0xe00000fbu
#define LABELLED_ADDRESS 0x0a000003u /* below 100, 200; untagged */
#define TAGGED_ADDRESS 0x0a000101u   /* in VLAN 5 */
#define DEEP_ADDRESS 0x0a000201u     /* in VLAN 5 of 7, below 300 */
static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};

struct world {
    const struct allocator *memory;
    struct link *ends[2];
    struct guard guard;
    struct stack *stack;
    int64_t now;
};

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct world *w = context;
    struct tcp_layer *t = stack_tcp(w->stack);
    tcp_consumed(t, c, length, now);
    if (length == 0)
        tcp_close(t, c, now);
    else if (bytes[0] == 'x')
        tcp_abort(t, c, now);
    else
        (void)!tcp_send(t, c, length, now);
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    memset(to, (int)offset & 255, length);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)context, (void)c, (void)reason, (void)now;
}

static void datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    struct world *w = context;
    struct udp_datagram back = *d;
    (void)!udp_send(w->stack, &back, now);
}

static void raw_datagram(void *context, const struct raw_datagram *d, int64_t now)
{
    struct world *w = context;
    struct raw_datagram back = {.local = d->local,
                                .bytes = d->bytes,
                                .length = d->length,
                                .n_pieces = d->n_pieces,
                                .pieces = d->pieces,
                                .header_included = true};
    back.remote = d->remote;
    (void)!raw_send(w->stack, &back, now);
}

static void raw_error(void *context, const struct raw_datagram *d, const struct ip_error *e, int64_t now)
{
    struct world *w = context;
    struct raw_datagram again = {.local = d->local, .protocol = d->protocol, .length = d->length, .bytes = d->bytes};
    again.remote = e->reporter;
    (void)!raw_send(w->stack, &again, now);
}

static void frame_seen(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    struct world *w = context;
    struct ip_piece piece = {.bytes = p->data, .length = p->len};
    if (!sent)
        (void)!stack_frame_send(w->stack, interface, &piece, 1, now);
}

static const struct tcp_user user = {.received = received, .pull = pull, .closed = closed};

static void must(int result)
{
    if (result < 0)
        abort();
}

static const struct host_settings others[] = {
    {.address = {{[10] = 0xff, 0xff, 10, 0, 0, 3}}, .mpls_count = 2, .mpls = {{.label = 100}, {.label = 200}}},
    {.address = {{[10] = 0xff, 0xff, 10, 0, 1, 1}}, .vlan_count = 1, .vlan = {{ETHERTYPE_VLAN, 5}}},
    {.address = {{[10] = 0xff, 0xff, 10, 0, 2, 1}},
     .vlan_count = 2,
     .vlan = {{ETHERTYPE_QINQ, 7}, {ETHERTYPE_VLAN, 5}},
     .mpls_count = 1,
     .mpls = {{.label = 300}}},
    {.address = {{0xfd, [15] = 3}}, .mpls_count = 2, .mpls = {{.label = 100}, {.label = 200}}},
};

static void add_others(struct world *w)
{
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct host_settings h = others[i];
        struct ip_addr peer = h.address;
        peer.bytes[15] ^= 8; /* of the same subnet */
        h.prefix_length = ip_addr_is_v4(&h.address) ? 24 : 64;
        memcpy(h.mac, our_mac, 6);
        int local = stack_add_host(w->stack, &h);
        must(local);
        must(stack_add_neighbour(w->stack, (uint32_t)local, &peer, peer_mac));
    }
}

static void begin(struct world *w)
{
    struct memory_settings m;
    struct stack_settings s;
    struct guard_rules rules;
    struct tcp_profile profile;
    struct tcp_ref ref;
    *w = (struct world){.memory = arena_begin(), .now = NS_PER_S};
    memory_settings_default(&m);
    m.frames = 64;
    m.queue = 32;
    m.reserve = 16;
    must(memory_link_new(&m, w->memory, "fuzz", w->ends));
    guard_rules_default(&rules);
    must(guard_init(&w->guard, &rules, NULL, w->now));
    stack_settings_default(&s);
    s.max_addresses = 16;
    s.max_neighbours = 16;
    s.max_udp_bindings = 4;
    s.max_routes = s.max_path_mtus = 8;
    s.resolve_queue_total = 16;
    s.fragment_bytes_high = s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
    s.large_datagrams = 1;
    s.tcp.max_connections = 32;
    s.tcp.max_time_wait = 8;
    s.tcp.max_listeners = 2;
    s.tcp.max_out_of_order_frames = 32;
    must(stack_new(&s, w->memory, w->now, &w->stack));
    must(stack_add_interface(w->stack, w->ends[0], &w->guard));
    struct host_settings host = {.address = ip_addr_from_v4(OUR_ADDRESS), .prefix_length = 24};
    memcpy(host.mac, our_mac, 6);
    must(stack_add_host(w->stack, &host));
    struct ip_addr peer = ip_addr_from_v4(PEER_ADDRESS);
    must(stack_add_neighbour(w->stack, 1, &peer, peer_mac));
    add_others(w);
    tcp_profile_default(&profile);
    profile.syn_queue = 8;
    profile.syn_retries = profile.syn_ack_retries = 2;
    profile.data_retries = 3;
    profile.keepalive_idle_ns = profile.keepalive_interval_ns =
        NS_PER_S; /* so that all connections end by themselves */
    profile.keepalive_probes = 2;
    profile.time_wait_ns = profile.fin_wait_2_ns = 5 * NS_PER_S;
    profile.user_timeout_ns = 30 * NS_PER_S; /* even with a window shut for ever */
    must(tcp_register_user(stack_tcp(w->stack), &user, w, &profile));
    must(tcp_listen(stack_tcp(w->stack), 0, TCP_ANY_LOCAL, 80));
    must(udp_bind(w->stack, 0, 7, datagram, NULL, w));
    const struct ip_addr group = ip_addr_from_v4(OUR_GROUP);
    must(stack_join(w->stack, 1, &group, w->now));
    must(raw_listen(w->stack, 0, raw_datagram, raw_error, w));
    must(stack_frame_listen(w->stack, 0, frame_seen, w));
    struct flow_key key = {.local = 1, .remote = peer, .local_port = 1000, .remote_port = 2000};
    must(tcp_connect(stack_tcp(w->stack), 0, &key, 0, w->now, &ref));
}

static void drain_peer(struct world *w)
{
    struct packet *p[LINK_BURST];
    for (unsigned n; (n = link_rx_burst(w->ends[1], p, LINK_BURST, w->now)) > 0;)
        packet_release_burst(p, n);
}

/*
 * Right checksums for IPv4 and what it carries, where the lengths allow; and our addresses, so that frames are for us.
 */
static void mend_ipv4(uint8_t *ip, uint32_t length, uint32_t address)
{
    uint32_t ihl = (ip[0] & 15u) * 4, total = load_be16(ip + 2);
    store_be32(ip + 12, address == OUR_ADDRESS ? PEER_ADDRESS : address ^ 8);
    store_be32(ip + 16, address);
    if (ihl < 20 || ihl > length || total < ihl || total > length)
        return;
    store_be16(ip + 10, 0);
    uint16_t sum = checksum_finish(checksum_add(0, ip, ihl));
    memcpy(ip + 10, &sum, 2);
    uint8_t *l4 = ip + ihl;
    uint32_t n = total - ihl, at = ip[9] == 6 ? 16 : ip[9] == 17 ? 6 : ip[9] == 1 ? 2 : 0;
    if (at == 0 || n < at + 2)
        return;
    store_be16(l4 + at, 0);
    uint64_t pseudo = ip[9] == 1 ? 0 : checksum_pseudo_v4(ip + 12, ip + 16, ip[9], n);
    sum = checksum_finish(checksum_add(pseudo, l4, n));
    memcpy(l4 + at, &sum, 2);
}

static void mend(uint8_t *f, uint32_t length)
{
    unsigned tags = 0;
    bool labels = false;
    uint32_t l3 = 14;
    for (; l3 + 4 <= length && wire_eth_is_tpid(load_be16(f + l3 - 2)); l3 += 4)
        tags++;
    if (l3 <= length && load_be16(f + l3 - 2) == ETHERTYPE_MPLS)
        for (; l3 + 4 <= length && !labels; l3 += 4)
            labels = f[l3 + 2] & 1;
    if (length < l3 + 20 || (!labels && load_be16(f + l3 - 2) != ETHERTYPE_IPV4))
        return;
    memcpy(f, our_mac, 6);
    memcpy(f + 6, peer_mac, 6);
    mend_ipv4(f + l3, length - l3,
              tags > 1    ? DEEP_ADDRESS
              : tags == 1 ? TAGGED_ADDRESS
              : labels    ? LABELLED_ADDRESS
                          : OUR_ADDRESS);
}

static void feed(struct world *w, const uint8_t *bytes, uint32_t length, bool mended)
{
    struct packet *p;
    if (link_tx_alloc(w->ends[1], &p, 1, LINK_ALLOC_DATA) == 0)
        return;
    memcpy(p->data, bytes, length);
    p->len = length;
    if (mended)
        mend(p->data, length);
    w->ends[1]->ops->tx_burst(w->ends[1], &p, 1, w->now);
    stack_receive(w->stack, w->now);
    stack_transmit(w->stack, w->now);
    drain_peer(w);
}

static bool tcp_in_use(struct world *w)
{
    struct tcp_occupancy o;
    tcp_get_occupancy(stack_tcp(w->stack), &o);
    return o.connections + o.active + o.time_wait + o.sent_records + o.out_of_order_frames > 0;
}

static void end(struct world *w)
{
    for (unsigned i = 0; i < 3000 && tcp_in_use(w);
         i++) { /* everything runs out: retransmissions, keep-alive, TIME_WAIT */
        int64_t next = stack_next_deadline(w->stack);
        w->now = next == TIME_NEVER ? w->now + NS_PER_S : next > w->now ? next : w->now + NS_PER_MS;
        stack_receive(w->stack, w->now);
        stack_transmit(w->stack, w->now);
        drain_peer(w);
    }
    if (tcp_in_use(w))
        abort();
    stack_delete(w->stack);
    link_close(w->ends[0]);
    link_close(w->ends[1]); /* asserts that all frames are home */
    arena_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    begin(&w);
    stack_transmit(w.stack, w.now);
    while (size > 1) {
        uint8_t control = *data++;
        size--;
        uint32_t length = (uint32_t)min_u64((control & 63u) * 4u, size);
        if (control & 64)
            w.now += 100 * NS_PER_MS;
        feed(&w, data, length, (control & 128) != 0);
        data += length;
        size -= length;
    }
    end(&w);
    return 0;
}
