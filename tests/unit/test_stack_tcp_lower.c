/* SPDX-License-Identifier: MIT */
/*
 * What the stack does for TCP: paths that stay valid, frames with the right headers, replies, and that segments, errors
 * and neighbours reach the TCP layer. The lower table is called as TCP calls it; the end of the file goes through the
 * real TCP layer.
 */
#include "unit/stack_rig.h"

#include "base/error.h"
#include "stack/stack_internal.h"

static int open_path(struct rig *r, uint32_t local, uint32_t remote, struct tcp_path *path)
{
    struct ip_addr a = v4(remote);
    return stack_tcp_lower.path_open(r->stack, local, &a, path);
}
static void close_path(struct rig *r, const struct tcp_path *path) { stack_tcp_lower.path_close(r->stack, path->id); }

static enum tcp_frame_result open_frame(struct rig *r, uint32_t local, uint32_t remote, const struct tcp_path *path,
                                        enum link_alloc kind, struct tcp_frame *f)
{
    struct flow_key key = {.local = local, .remote = v4(remote), .local_port = 1, .remote_port = 2};
    *f = (struct tcp_frame){0};
    return stack_tcp_lower.frame_open(r->stack, &key, path->id, kind, f);
}

/* Twenty bytes of a segment and a payload, with the checksum that the pseudo sum gives. */
static uint32_t write_segment(struct tcp_frame *f, uint32_t payload)
{
    memset(f->l4, 0x5a, 20 + payload);
    memset(f->l4 + 16, 0, 2);
    uint64_t sum = checksum_add_u32(f->pseudo_sum, 20 + payload);
    uint16_t checksum =
        f->partial_checksum ? checksum_fold(sum) : checksum_finish(checksum_add(sum, f->l4, 20 + payload));
    memcpy(f->l4 + 16, &checksum, 2);
    return 20 + payload;
}

static void reply(struct rig *r, uint32_t sender, const uint8_t *mac)
{
    uint8_t f[64];
    rig_input(r, f, make_arp_reply(f, sender, mac));
}

/* ---- paths ---- */

static void test_a_path_says_mtu_and_link(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct tcp_path path;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    assert_int_equal(path.mtu, 1500);
    assert_int_equal(path.link_mtu, 1500);
    assert_int_equal(path.link, 0);
    assert_int_not_equal(path.id, 0);
    struct tcp_path same;
    assert_int_equal(open_path(r, r->us, PEER, &same), 0);
    assert_int_equal(same.id, path.id);
    expect_nothing(r); /* nobody is asked before something is to be sent */
    close_path(r, &path);
    close_path(r, &same);
    rig_free(r);
}

static void test_there_is_no_path_to_addresses_of_no_station(void **state)
{
    (void)state;
    static const uint32_t nowhere[] = {0, 0x7f000001, 0xe0000001, 0xf0000001, 0xffffffff, 0xc00002ff};
    struct rig *r = rig_new_empty(NULL);
    r->us = rig_host(r, US, PREFIX, 0, NULL);
    struct tcp_path path;
    for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++)
        assert_int_equal(open_path(r, r->us, nowhere[i], &path), ERR_NO_ROUTE);
    assert_int_equal(open_path(r, r->us, FAR, &path), ERR_NO_ROUTE);
    assert_int_equal(open_path(r, 0, PEER, &path), ERR_NO_ROUTE);
    assert_int_equal(open_path(r, 2, PEER, &path), ERR_NO_ROUTE);
    struct ip_addr v6;
    memset(&v6, 0x20, sizeof v6);
    assert_int_equal(stack_tcp_lower.path_open(r->stack, r->us, &v6, &path), ERR_NO_ROUTE);
    assert_int_equal(rig_counters(r)->ip_no_route, 10);
    rig_free(r);
}

static void test_open_paths_are_not_evicted(void **state)
{
    (void)state;
    struct stack_settings t;
    stack_settings_default(&t);
    t.max_neighbours = 4;
    struct rig *r = rig_new_with(&t);
    struct tcp_path path[4], more;
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(open_path(r, r->us, US + 10 + i, &path[i]), 0);
    assert_int_equal(open_path(r, r->us, US + 20, &more), ERR_NO_MEMORY);
    assert_int_equal(rig_counters(r)->arp_table_full, 1);
    close_path(r, &path[2]);
    assert_int_equal(open_path(r, r->us, US + 20, &more), 0);
    assert_int_equal(rig_counters(r)->neighbours_evicted, 1);
    close_path(r, &more);
    for (unsigned i = 0; i < 4; i++)
        if (i != 2)
            close_path(r, &path[i]);
    rig_free(r);
}

/* ---- frames ---- */

static void test_frames_carry_the_right_headers(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    static const uint32_t payloads[] = {0, 1, 2, 3, 100, 1459, 1460};
    for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
        struct tcp_frame f;
        assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
        uint32_t n = write_segment(&f, payloads[i]);
        stack_tcp_lower.frame_send(r->stack, &f, n, (uint8_t)(60 + i), (uint8_t)(i * 4));
        rig_transmit(r);
        struct wire_ipv4 ip;
        const struct rig_frame *sent = expect_ipv4(r, IP_PROTO_TCP, &ip);
        expect_dst_mac(sent, PEER_MAC);
        expect_src_mac(sent, US_MAC);
        assert_int_equal(ip.src, US);
        assert_int_equal(ip.dst, PEER);
        assert_int_equal(ip.ttl, 60 + i);
        assert_int_equal(ip.tos, i * 4);
        assert_int_equal(ip.flags, WIRE_IPV4_DF);
        assert_int_equal(ip.total_len, 20 + n);
        assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_TCP, sent->bytes + 34, n));
        assert_int_equal(sent->checksum, PACKET_CHECKSUM_UNKNOWN);
    }
    close_path(r, &path);
    rig_free(r);
}

static void test_a_link_that_completes_checksums_is_told_where(void **state)
{
    (void)state;
    struct rig *r = rig_new_on(NULL, LINK_CAP_TX_CHECKSUM);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    struct tcp_frame f;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
    assert_true(f.partial_checksum);
    uint32_t n = write_segment(&f, 99);
    stack_tcp_lower.frame_send(r->stack, &f, n, 64, 0);
    rig_transmit(r);
    struct rig_frame *sent = &r->frames[r->head];
    assert_int_equal(sent->checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(sent->checksum_start, 34);
    assert_int_equal(sent->checksum_offset, 16);
    uint16_t checksum = checksum_finish(checksum_add(0, sent->bytes + 34, n));
    memcpy(sent->bytes + 34 + 16, &checksum, 2);
    assert_true(wire_l4_checksum_ok_v4(US, PEER, IP_PROTO_TCP, sent->bytes + 34, n));
    close_path(r, &path);
    rig_free(r);
}

static void test_a_large_frame_says_how_it_is_to_be_cut(void **state)
{
    (void)state;
    struct rig *r = rig_new_on(NULL, LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    struct tcp_frame f;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    assert_int_equal(path.gso_max, 65535);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_LARGE, &f), TCP_FRAME_OK);
    uint32_t n = write_segment(&f, 65535 - 20 - 20);
    f.gso_size = 1460;
    stack_tcp_lower.frame_send(r->stack, &f, n, 64, 0);
    rig_transmit(r);
    struct rig_frame *sent = &r->frames[r->head];
    assert_int_equal(sent->length, 14 + 65535);
    assert_int_equal(load_be16(sent->bytes + 16), 65535);
    assert_true(wire_ipv4_checksum_ok(sent->bytes + 14, 20));
    assert_int_equal(sent->gso, PACKET_GSO_TCP4);
    assert_int_equal(sent->gso_size, 1460);
    assert_int_equal(sent->checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(sent->l3_offset, 14);
    assert_int_equal(sent->l4_offset, 34);
    assert_int_equal(sent->checksum_start, 34);
    assert_int_equal(sent->checksum_offset, 16);
    uint64_t pseudo = checksum_add_u32(checksum_add_u32(0, US), PEER);
    uint16_t field = checksum_fold(checksum_add_u16(checksum_add_u16(pseudo, IP_PROTO_TCP), (uint16_t)n));
    assert_memory_equal(sent->bytes + 34 + 16, &field, 2);
    close_path(r, &path);
    rig_free(r);
}

static void test_a_large_frame_has_place_for_frags_where_the_link_takes_them(void **state)
{
    (void)state;
    static const uint8_t lent[50000];
    struct rig *r = rig_new_on(NULL, LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO | LINK_CAP_SCATTER);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    struct tcp_frame f = {.frags = NULL};
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
    assert_null(f.frags);
    stack_tcp_lower.frame_drop(r->stack, &f);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_LARGE, &f), TCP_FRAME_OK);
    const struct packet *p = f.packet;
    assert_true((const uint8_t *)f.frags > f.l4 + 60);
    assert_true((const uint8_t *)(f.frags + PACKET_MAX_FRAGS) <= p->start + p->size);
    uint32_t n = write_segment(&f, 0);
    f.frags[0] = (struct packet_frag){.bytes = lent, .length = sizeof lent};
    f.packet->frags = f.frags;
    f.packet->nfrags = 1;
    f.gso_size = 1460;
    stack_tcp_lower.frame_send(r->stack, &f, n + (uint32_t)sizeof lent, 64, 0);
    rig_transmit(r);
    struct rig_frame *sent = &r->frames[r->head];
    assert_int_equal(sent->length, 14 + 20 + n); /* the head alone */
    assert_int_equal(load_be16(sent->bytes + 16), 20 + n + sizeof lent);
    assert_true(wire_ipv4_checksum_ok(sent->bytes + 14, 20));
    close_path(r, &path);
    rig_free(r);
}

static void test_a_large_frame_that_is_not_wanted_goes_back(void **state)
{
    (void)state;
    struct rig *r = rig_new_on(NULL, LINK_CAP_TX_CHECKSUM | LINK_CAP_TSO);
    r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    struct tcp_frame f[5];
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_LARGE, &f[i]), TCP_FRAME_OK);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_LARGE, &f[4]), TCP_FRAME_NO_ROOM);
    for (unsigned i = 0; i < 4; i++)
        stack_tcp_lower.frame_drop(r->stack, &f[i]);
    rig_transmit(r);
    expect_nothing(r);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_LARGE, &f[0]), TCP_FRAME_OK);
    rig_transmit(r);
    stack_tcp_lower.frame_drop(r->stack, &f[0]);
    close_path(r, &path);
    rig_free(r);
}

static void test_a_link_that_cannot_cut_or_sum_gets_no_large_frame(void **state)
{
    static const uint32_t caps[] = {0, LINK_CAP_TX_CHECKSUM, LINK_CAP_TSO};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
        struct rig *r = rig_new_on(NULL, caps[i]);
        r->us = rig_host(r, US, PREFIX, GATEWAY, NULL);
        struct tcp_path path;
        assert_int_equal(open_path(r, r->us, PEER, &path), 0);
        assert_int_equal(path.gso_max, 0);
        close_path(r, &path);
        rig_free(r);
    }
}

static void test_without_room_only_control_gets_a_frame(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    r->room = 5;
    struct tcp_frame f[6], c;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f[i]), TCP_FRAME_OK);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f[5]), TCP_FRAME_NO_ROOM);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_CONTROL, &c), TCP_FRAME_OK);
    stack_tcp_lower.frame_drop(r->stack, &c);
    for (unsigned i = 0; i < 5; i++)
        stack_tcp_lower.frame_drop(r->stack, &f[i]);
    assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f[0]),
                     TCP_FRAME_OK); /* those given back serve again */
    stack_tcp_lower.frame_drop(r->stack, &f[0]);
    rig_transmit(r);
    expect_nothing(r);
    assert_int_equal(r->pool.free_count, r->pool.capacity); /* nothing is kept between turns */
    close_path(r, &path);
    rig_free(r);
}

static void test_more_frames_than_a_burst_leave_in_order(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    for (uint32_t i = 0; i < 200; i++) {
        struct tcp_frame f;
        assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
        stack_tcp_lower.frame_send(r->stack, &f, write_segment(&f, i), 64, 0);
    }
    assert_true(stack_output_pending(r->stack));
    rig_transmit(r);
    assert_false(stack_output_pending(r->stack));
    for (uint32_t i = 0; i < 200; i++) {
        struct wire_ipv4 ip;
        expect_ipv4(r, IP_PROTO_TCP, &ip);
        assert_int_equal(ip.total_len, 40 + i);
    }
    close_path(r, &path);
    rig_free(r);
}

static void test_an_unresolved_path_lends_no_frame_and_names_the_list(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct tcp_path path;
    struct tcp_frame f;
    assert_int_equal(open_path(r, r->us, FAR, &path), 0);
    assert_int_equal(open_frame(r, r->us, FAR, &path, LINK_ALLOC_CONTROL, &f), TCP_FRAME_UNRESOLVED);
    assert_non_null(f.waiters);
    rig_transmit(r);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    assert_int_equal(arp.tpa, GATEWAY);
    assert_int_equal(open_frame(r, r->us, FAR, &path, LINK_ALLOC_CONTROL, &f), TCP_FRAME_UNRESOLVED);
    rig_transmit(r);
    expect_nothing(r);
    reply(r, GATEWAY, GATEWAY_MAC);
    assert_int_equal(open_frame(r, r->us, FAR, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
    stack_tcp_lower.frame_send(r->stack, &f, write_segment(&f, 4), 64, 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    expect_dst_mac(expect_ipv4(r, IP_PROTO_TCP, &ip), GATEWAY_MAC);
    assert_int_equal(ip.dst, FAR);
    close_path(r, &path);
    rig_free(r);
}

static void test_a_path_to_a_stale_neighbour_never_stalls(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct tcp_path path;
    assert_int_equal(open_path(r, r->us, PEER, &path), 0);
    for (int minute = 0; minute < 10; minute++) {
        rig_pass(r, 60 * NS_PER_S);
        struct tcp_frame f;
        assert_int_equal(open_frame(r, r->us, PEER, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
        stack_tcp_lower.frame_send(r->stack, &f, write_segment(&f, 4), 64, 0);
        rig_transmit(r);
        struct wire_arp arp;
        struct wire_ipv4 ip;
        expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), PEER_MAC);
        expect_dst_mac(expect_ipv4(r, IP_PROTO_TCP, &ip), PEER_MAC);
        reply(r, PEER, PEER_MAC);
        expect_nothing(r);
    }
    assert_int_equal(rig_counters(r)->neighbours_failed, 0);
    close_path(r, &path);
    rig_free(r);
}

static void test_a_gateway_that_changes_its_mac_is_followed(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    rig_resolve(r, r->us, GATEWAY, GATEWAY_MAC);
    struct tcp_path path;
    struct tcp_frame f;
    assert_int_equal(open_path(r, r->us, FAR, &path), 0);
    rig_pass(r, 2 * NS_PER_S);
    reply(r, GATEWAY, OTHER_MAC);
    assert_int_equal(open_frame(r, r->us, FAR, &path, LINK_ALLOC_DATA, &f), TCP_FRAME_OK);
    stack_tcp_lower.frame_send(r->stack, &f, write_segment(&f, 4), 64, 0);
    rig_transmit(r);
    struct wire_arp arp;
    struct wire_ipv4 ip;
    expect_dst_mac(expect_arp(r, WIRE_ARP_REQUEST, &arp), OTHER_MAC);
    expect_dst_mac(expect_ipv4(r, IP_PROTO_TCP, &ip), OTHER_MAC);
    close_path(r, &path);
    rig_free(r);
}

static void test_replies_are_made_only_for_a_packet_of_the_burst(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct packet *p;
    struct tcp_frame f;
    assert_int_equal(packet_pool_get(&r->pool, &p, 1), 1);
    p->len = make_tcp(p->data, PEER, 1, US, 2, TCP_SYN, 1, 0, NULL, 0);
    p->l3_offset = 14;
    assert_int_equal(stack_tcp_lower.reply_open(r->stack, p, &f), TCP_FRAME_NO_ROOM); /* there is no burst */
    r->stack->input = &r->stack->interfaces[0];
    assert_int_equal(stack_tcp_lower.reply_open(r->stack, p, &f), TCP_FRAME_OK);
    stack_tcp_lower.frame_drop(r->stack, &f);
    store_be32(p->data + 30, OTHER); /* not ours */
    assert_int_equal(stack_tcp_lower.reply_open(r->stack, p, &f), TCP_FRAME_NO_ROOM);
    r->stack->input = NULL;
    packet_release(p);
    rig_transmit(r);
    rig_free(r);
}

/* ---- through the real TCP layer ---- */

struct user {
    unsigned connected, closed;
    enum tcp_close_reason reason;
};

static void on_connected(void *context, struct tcp *c, int64_t now)
{
    (void)c;
    (void)now;
    ((struct user *)context)->connected++;
}
static void on_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context;
    (void)c;
    (void)bytes;
    (void)length;
    (void)now;
}
static size_t on_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context;
    (void)c;
    (void)offset;
    memset(to, 0, length);
    (void)sum;
    return length;
}
static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)c;
    (void)now;
    struct user *u = context;
    u->closed++;
    u->reason = reason;
}
static const struct tcp_user user_calls = {
    .connected = on_connected, .received = on_received, .pull = on_pull, .closed = on_closed};

static unsigned register_user(struct rig *r, struct user *u)
{
    struct tcp_profile p;
    tcp_profile_default(&p);
    int n = tcp_register_user(stack_tcp(r->stack), &user_calls, u, &p);
    assert_true(n >= 0);
    return (unsigned)n;
}

static void connect_to(struct rig *r, unsigned user, uint32_t remote)
{
    struct flow_key key = {.local = r->us, .remote = v4(remote), .local_port = 5000, .remote_port = 80};
    struct tcp_ref ref;
    assert_int_equal(tcp_connect(stack_tcp(r->stack), user, &key, 0, r->now, &ref), 0);
}

static void test_a_syn_waits_for_its_neighbour(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct user u = {0};
    connect_to(r, register_user(r, &u), PEER);
    assert_true(stack_output_pending(r->stack));
    rig_transmit(r);
    struct wire_arp arp;
    expect_arp(r, WIRE_ARP_REQUEST, &arp);
    expect_nothing(r);
    assert_false(stack_output_pending(r->stack));
    reply(r, PEER, PEER_MAC);
    struct wire_ipv4 ip;
    struct wire_tcp tcp;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_TCP, &ip);
    assert_true(wire_tcp_parse(f->bytes + 34, f->length - 34, &tcp) > 0);
    assert_int_equal(tcp.flags & TCP_SYN, TCP_SYN);
    assert_int_equal(tcp.dst_port, 80);
    expect_nothing(r);

    uint8_t g[128];
    rig_input(r, g, make_tcp(g, PEER, 80, US, 5000, TCP_SYN | TCP_ACK, 0xffffff00, tcp.seq.v + 1, NULL, 0));
    assert_int_equal(u.connected, 1);
    rig_free(r);
}

static void test_a_connection_to_nobody_ends_unreachable(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct user u = {0};
    connect_to(r, register_user(r, &u), PEER);
    for (int i = 0; i < 4; i++)
        rig_pass(r, 1010 * NS_PER_MS);
    assert_int_equal(u.closed, 1);
    assert_int_equal(u.reason, TCP_CLOSE_UNREACHABLE);
    assert_int_equal(rig_counters(r)->neighbours_failed, 1);
    rig_free(r);
}

static void test_data_waits_for_a_neighbour_that_went_away_and_came_back(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct user u = {0};
    unsigned user = register_user(r, &u);
    rig_resolve(r, r->us, PEER, PEER_MAC);
    struct flow_key key = {.local = r->us, .remote = v4(PEER), .local_port = 5000, .remote_port = 80};
    struct tcp_ref ref;
    assert_int_equal(tcp_connect(stack_tcp(r->stack), user, &key, 0, r->now, &ref), 0);
    rig_transmit(r);
    struct wire_ipv4 ip;
    struct wire_tcp tcp;
    const struct rig_frame *f = expect_ipv4(r, IP_PROTO_TCP, &ip);
    assert_true(wire_tcp_parse(f->bytes + 34, f->length - 34, &tcp) > 0);
    uint8_t g[128];
    rig_input(r, g, make_tcp(g, PEER, 80, US, 5000, TCP_SYN | TCP_ACK, 0xffffff00, tcp.seq.v + 1, NULL, 0));
    assert_int_equal(u.connected, 1);
    rig_pass(r, 40 * NS_PER_S); /* stale */
    struct tcp *c = tcp_get(stack_tcp(r->stack), ref);
    assert_non_null(c);
    assert_int_equal(tcp_send(stack_tcp(r->stack), c, 100, r->now), 0);
    for (int i = 0; i < 80; i++)
        rig_pass(r, 100 * NS_PER_MS); /* the probe fails, what TCP sends again waits, and is asked for */
    assert_true(rig_counters(r)->neighbours_failed >= 1);
    assert_int_equal(u.closed, 0);
    rig_forget_frames(r);
    reply(r, PEER, PEER_MAC);
    bool sent = false;
    for (int i = 0; i < 50 && !sent; i++) {
        while ((f = rig_next(r)) != NULL)
            sent |= load_be16(f->bytes + 12) == ETHERTYPE_IPV4 && f->length > 100;
        rig_pass(r, 100 * NS_PER_MS);
    }
    assert_true(sent);
    rig_free(r);
}

static void test_a_hard_error_refuses_a_connection_attempt(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    struct user u = {0};
    rig_resolve(r, r->us, PEER, PEER_MAC);
    connect_to(r, register_user(r, &u), PEER);
    rig_transmit(r);
    struct wire_ipv4 ip;
    const struct rig_frame *syn = expect_ipv4(r, IP_PROTO_TCP, &ip);
    uint8_t quoted[28], f[256];
    memcpy(quoted, syn->bytes + 14, 28);
    uint8_t bogus[28];
    memcpy(bogus, quoted, 28);
    store_be32(bogus + 24, load_be32(quoted + 24) + 1000); /* IC-06: a sequence number that is not in flight */
    rig_input(r, f, make_icmp_error(f, 3, 3, 0, bogus, 28));
    assert_int_equal(u.closed, 0);
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    rig_input(r, f, make_icmp_error(f, 3, 3, 0, quoted, 28));
    assert_int_equal(u.closed, 1);
    assert_int_equal(u.reason, TCP_CLOSE_REFUSED);
    assert_int_equal(rig_counters(r)->icmp_unmatched, 1);
    rig_free(r);
}

static void test_a_closed_port_answers_with_a_reset_back_to_the_sender(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = v4(US), .prefix_length = PREFIX, .vlan_count = 1};
    h.vlan[0] = (struct host_vlan){.tpid = 0x8100, .tci = 9};
    assert_int_equal(stack_add_host(r->stack, &h), 1);
    rig_host(r, US, PREFIX, 0, NULL);
    uint8_t f[256];
    struct wire_ipv4 ip;
    struct wire_tcp tcp;
    uint32_t n = make_tcp(f, FAR, 4000, US, 81, TCP_SYN, 1234, 0, NULL, 0);
    rig_input(r, f, n);
    const struct rig_frame *a = expect_ipv4(r, IP_PROTO_TCP, &ip);
    expect_dst_mac(a, PEER_MAC); /* no route, no ARP: back to the station that sent it */
    expect_src_mac(a, US_MAC);
    assert_int_equal(a->l4_offset, 34);
    assert_true(wire_tcp_parse(a->bytes + a->l4_offset, a->length - a->l4_offset, &tcp) > 0);
    assert_int_equal(tcp.flags, TCP_RST | TCP_ACK);
    assert_int_equal(tcp.ack.v, 1235);
    assert_int_equal(ip.src, US);
    assert_int_equal(ip.dst, FAR);
    assert_true(wire_l4_checksum_ok_v4(US, FAR, IP_PROTO_TCP, a->bytes + a->l4_offset, 20));

    rig_input(r, f, insert_tag(f, n, 0x8100, 9));
    a = expect_ipv4(r, IP_PROTO_TCP, &ip);
    assert_int_equal(a->l4_offset, 38);
    assert_int_equal(load_be32(a->bytes + 12), 0x81000009);
    expect_nothing(r);
    rig_free(r);
}

static void test_segments_and_other_packets_are_handled_in_their_order(void **state)
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[4][256];
    uint32_t n[4];
    n[0] = make_tcp(f[0], PEER, 1, US, 81, TCP_SYN, 1, 0, NULL, 0);
    n[1] = make_echo_request(f[1], PEER, US, 1, 1, "x", 1);
    n[2] = make_tcp(f[2], PEER, 2, US, 81, TCP_SYN, 1, 0, NULL, 0);
    n[3] = make_arp_request(f[3], US);
    struct packet *p[4];
    assert_int_equal(packet_pool_get(&r->pool, p, 4), 4);
    for (unsigned i = 0; i < 4; i++) {
        memcpy(p[i]->data, f[i], n[i]);
        p[i]->len = n[i];
    }
    stack_input(r->stack, 0, p, 4, r->now);
    rig_transmit(r);
    struct wire_ipv4 ip;
    struct wire_arp arp;
    assert_int_equal(load_be16(expect_ipv4(r, IP_PROTO_TCP, &ip)->bytes + 36), 1);
    expect_ipv4(r, IP_PROTO_ICMP, &ip);
    assert_int_equal(load_be16(expect_ipv4(r, IP_PROTO_TCP, &ip)->bytes + 36), 2);
    expect_arp(r, WIRE_ARP_REPLY, &arp);
    rig_free(r);
}

static void test_bad_segments_do_not_reach_tcp(void **state) /* TC-01, TC-02 */
{
    (void)state;
    struct rig *r = rig_new();
    uint8_t f[256];
    for (uint8_t offset = 0; offset < 16; offset++) {
        uint32_t n = make_tcp(f, PEER, 1, US, 81, TCP_SYN, 1, 0, NULL, 0);
        f[34 + 12] = (uint8_t)(offset << 4);
        memset(f + 34 + 16, 0, 2);
        uint16_t sum = wire_l4_checksum_v4(PEER, US, IP_PROTO_TCP, f + 34, 20);
        memcpy(f + 34 + 16, &sum, 2);
        rig_input(r, f, n);
    }
    assert_int_equal(rig_counters(r)->tcp_short, 15);
    for (uint32_t length = 0; length < 20; length++)
        rig_input(r, f, make_ipv4(f, PEER, US, IP_PROTO_TCP, "01234567890123456789", length));
    assert_int_equal(rig_counters(r)->tcp_short, 35);
    uint32_t n = make_tcp(f, PEER, 1, US, 81, TCP_SYN, 1, 0, "abc", 3);
    uint16_t right = load_be16(f + 34 + 16);
    for (uint32_t sum = 0; sum < 65536; sum++) {
        store_be16(f + 34 + 16, (uint16_t)sum);
        rig_input(r, f, n);
    }
    (void)right;
    assert_int_equal(rig_counters(r)->tcp_bad_checksum, 65535);
    assert_int_equal(tcp_counters(stack_tcp(r->stack))->segments_received, 2);
    r->rx_checksum = PACKET_CHECKSUM_VERIFIED;
    rig_input(r, f, n);
    assert_int_equal(rig_counters(r)->tcp_bad_checksum, 65535);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_says_mtu_and_link),
        cmocka_unit_test(test_there_is_no_path_to_addresses_of_no_station),
        cmocka_unit_test(test_open_paths_are_not_evicted),
        cmocka_unit_test(test_frames_carry_the_right_headers),
        cmocka_unit_test(test_a_link_that_completes_checksums_is_told_where),
        cmocka_unit_test(test_a_large_frame_says_how_it_is_to_be_cut),
        cmocka_unit_test(test_a_large_frame_has_place_for_frags_where_the_link_takes_them),
        cmocka_unit_test(test_a_large_frame_that_is_not_wanted_goes_back),
        cmocka_unit_test(test_a_link_that_cannot_cut_or_sum_gets_no_large_frame),
        cmocka_unit_test(test_without_room_only_control_gets_a_frame),
        cmocka_unit_test(test_more_frames_than_a_burst_leave_in_order),
        cmocka_unit_test(test_an_unresolved_path_lends_no_frame_and_names_the_list),
        cmocka_unit_test(test_a_path_to_a_stale_neighbour_never_stalls),
        cmocka_unit_test(test_a_gateway_that_changes_its_mac_is_followed),
        cmocka_unit_test(test_replies_are_made_only_for_a_packet_of_the_burst),
        cmocka_unit_test(test_data_waits_for_a_neighbour_that_went_away_and_came_back),
        cmocka_unit_test(test_a_syn_waits_for_its_neighbour),
        cmocka_unit_test(test_a_connection_to_nobody_ends_unreachable),
        cmocka_unit_test(test_a_hard_error_refuses_a_connection_attempt),
        cmocka_unit_test(test_a_closed_port_answers_with_a_reset_back_to_the_sender),
        cmocka_unit_test(test_segments_and_other_packets_are_handled_in_their_order),
        cmocka_unit_test(test_bad_segments_do_not_reach_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
