/* SPDX-License-Identifier: MIT */
/*
 * THREATS rows about datagrams, at the sockets that get them: raw, ping and packet sockets, and multicast groups. What is malformed never reaches them, and
 * is counted where it was found; what nobody reads is bounded by SO_RCVBUF, each datagram too much counted once; other sockets, and the healthy neighbour
 * of the rig, lose nothing; at the end nothing is left in the socket layer's pools.
 */
#include <time.h>

#include "support/hostile.h"

#include "socket/datagram.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <string.h>

#define OSPF 89
#define EXPERIMENT 0x88b5u /* IEEE 802: local experiments */
#define PING_ID 77
#define PORT 7000
#define GROUP 0xefc00001u /* 239.192.0.1 */
#define FLOOD 4000u
#define IP 14u /* where the IPv4 header begins in a frame */
#define L4 34u

struct bed {
    struct hostile *h;
    struct socket_layer *l;
    struct socket_counters before;
    struct socket *raw, *ping, *packet, *cooked, *udp;
};

static uint8_t f[FRAME_MAKE_BYTES], got[FRAME_MAKE_BYTES];

/* ---- sockets ---- */

static struct socket *open_socket(struct bed *b, int domain, int type, int protocol)
{
    struct socket *s;
    int bytes = 10000; /* twice that counts, and 512 bytes for each datagram */
    assert_int_equal(socket_open(b->l, domain, type, protocol, &s), 0);
    assert_int_equal(socket_set_option(s, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes, b->h->now), 0);
    return s;
}

static void bind_socket(struct bed *b, struct socket *s, uint32_t address, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    assert_int_equal(socket_bind(s, (const struct sockaddr *)(const void *)&a, sizeof a, b->h->now), 0);
}

static ssize_t take(struct bed *b, struct socket *s)
{
    struct iovec v = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return socket_receive(s, &m, 0, b->h->now);
}

static struct bed *begin(void)
{
    static struct bed bed;
    struct bed *b = &bed;
    struct stack_settings t;
    struct socket_settings s;
    hostile_settings(&t);
    t.max_groups = 40;
    *b = (struct bed){.h = hostile_new(&t)};
    socket_settings_default(&s);
    s.max_sockets = 64;
    s.buffer_bytes = 8u << 20;
    assert_int_equal(socket_layer_new(&s, b->h->stack, &b->h->memory.allocator, &b->l), 0);
    b->raw = open_socket(b, AF_INET, SOCK_RAW, OSPF);
    b->ping = open_socket(b, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    b->packet = open_socket(b, AF_PACKET, SOCK_RAW, htons(EXPERIMENT));
    b->cooked = open_socket(b, AF_PACKET, SOCK_DGRAM, htons(EXPERIMENT + 1));
    b->udp = open_socket(b, AF_INET, SOCK_DGRAM, 0);
    bind_socket(b, b->ping, 0, PING_ID);
    bind_socket(b, b->udp, 0, PORT);
    b->h->calls_at_start = b->h->memory.calls;
    return b;
}

static void expect_silence_of_sockets(struct bed *b)
{
    struct socket *all[] = {b->raw, b->ping, b->packet, b->cooked, b->udp};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(take(b, all[i]), -EAGAIN);
}

static void end(struct bed *b, const char *id)
{
    struct socket *all[] = {b->raw, b->ping, b->packet, b->cooked, b->udp};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(socket_close(all[i], b->h->now), 0);
    assert_int_equal(b->l->sockets.used, 0);
    assert_int_equal(b->l->datagrams.used, 0);
    assert_int_equal(b->l->records.used, 0);
    assert_int_equal(b->l->buffers.spans.used, 0);
    assert_int_equal(b->l->buffers.chunks.used, 0);
    assert_int_equal(b->h->memory.calls, b->h->calls_at_start);
    socket_layer_delete(b->l);
    hostile_end(b->h, id);
}

static void begin_case(struct bed *b)
{
    hostile_case(b->h);
    b->before = *socket_counters(b->l);
}

/* Of the layer's drops only this one rose, by n. */
#define SOCKET_DROPS(b, name, n)                                                                                       \
    do {                                                                                                               \
        const struct socket_counters *now_ = socket_counters((b)->l);                                                  \
        assert_int_equal(now_->name - (b)->before.name, (n));                                                          \
        assert_int_equal(all_drops(now_) - all_drops(&(b)->before), (n));                                              \
    } while (0)

static uint64_t all_drops(const struct socket_counters *c)
{
    return c->drop_backlog_full + c->drop_filter + c->drop_receive_buffer + c->drop_no_receiver + c->drop_no_room +
           c->drop_no_memory + c->drop_no_socket;
}

/* ---- frames ---- */

static uint32_t make_frame(uint16_t ethertype, uint32_t bytes)
{
    uint32_t at = make_eth(f, US_MAC, PEER_MAC, ethertype);
    memset(f + at, 'f', bytes);
    return at + bytes;
}

static uint32_t make_echo_reply(uint16_t id, uint32_t bytes)
{
    uint32_t n = make_echo_request(f, PEER, US, id, 1, got, bytes);
    f[L4] = WIRE_ICMP_ECHO_REPLY;
    wire_icmp_checksum_set(f + L4, n - L4);
    return n;
}

static uint32_t to_group(uint32_t n, uint32_t group)
{
    wire_eth_addr_from_ipv4_multicast(f, group);
    return n;
}

/* ---- floods ---- */

enum kind { RAW, PING, PACKET, UDP, KINDS };

static uint32_t make_of(enum kind k)
{
    switch (k) {
    case RAW:
        return make_ipv4(f, PEER, US, OSPF, got, 200);
    case PING:
        return make_echo_reply(PING_ID, 200);
    case PACKET:
        return make_frame(EXPERIMENT, 200);
    case UDP:
    case KINDS:
        break;
    }
    return make_udp(f, PEER, 9, US, PORT, got, 200);
}

static struct socket *socket_of(struct bed *b, enum kind k)
{
    struct socket *all[] = {b->raw, b->ping, b->packet, b->udp};
    return all[k];
}

static void count_one(struct bed *b, enum kind k)
{
    if (k == PACKET) /* the stack itself has no use for it */
        HOSTILE_DROPS(b->h, l2_unknown_ethertype, 1);
    else
        HOSTILE_NO_DROPS(b->h);
}

/* Each is kept, or dropped and counted once; and another socket gets what is for it meanwhile. Returns how many were kept. */
static unsigned flood(struct bed *b, enum kind k)
{
    enum kind other = k == UDP ? RAW : UDP;
    unsigned kept = 0;
    for (unsigned i = 0; i < FLOOD; i++) {
        begin_case(b);
        hostile_inject(b->h, f, make_of(k));
        count_one(b, k);
        uint64_t dropped = socket_counters(b->l)->drop_receive_buffer - b->before.drop_receive_buffer;
        SOCKET_DROPS(b, drop_receive_buffer, dropped);
        assert_true(dropped <= 1 && dropped >= (kept < i)); /* once it is full it stays full */
        kept += !dropped;
        hostile_expect_silence(b->h);
        if (i % 50 == 0) {
            hostile_inject(b->h, f, make_of(other));
            assert_true(take(b, socket_of(b, other)) >= 200);
        }
    }
    return kept;
}

static void test_ud_04_a_flood_that_raw_ping_and_packet_sockets_do_not_read(void **state)
{
    (void)state;
    struct bed *b = begin();
    for (enum kind k = RAW; k < KINDS; k++) {
        struct socket *s = socket_of(b, k);
        unsigned kept = flood(b, k), n = 0;
        assert_in_range(kept, 20000 / (DATAGRAM_CHARGE + 300), 20000 / (DATAGRAM_CHARGE + 200) + 1);
        assert_int_equal(b->l->records.used, kept);
        while (take(b, s) >= 200)
            n++;
        assert_int_equal(n, kept);
        assert_int_equal(b->l->records.used, 0);
        begin_case(b); /* there is room again */
        hostile_inject(b->h, f, make_of(k));
        count_one(b, k);
        SOCKET_DROPS(b, drop_receive_buffer, 0);
        assert_true(take(b, s) >= 200);
    }
    end(b, "UD-04 (raw, ping, packet)");
}

static int join(struct bed *b, struct socket *s, uint32_t group)
{
    struct ip_mreqn r = {.imr_multiaddr.s_addr = htonl(group), .imr_address.s_addr = htonl(US)};
    return socket_set_option(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &r, sizeof r, b->h->now);
}

static void flood_group(struct bed *b, struct socket *member)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < FLOOD; i++) {
        begin_case(b);
        hostile_inject(b->h, f, to_group(make_udp(f, PEER, 9, GROUP, PORT + 1, got, 200), GROUP));
        HOSTILE_NO_DROPS(b->h);
        uint64_t dropped = socket_counters(b->l)->drop_receive_buffer - b->before.drop_receive_buffer;
        SOCKET_DROPS(b, drop_receive_buffer, dropped);
        assert_true(dropped <= 1 && dropped >= (kept < i));
        kept += !dropped;
        hostile_expect_silence(b->h);
        begin_case(b); /* a group that nobody joined */
        hostile_inject(b->h, f, to_group(make_udp(f, PEER, 9, GROUP + 1, PORT + 1, got, 200), GROUP + 1));
        HOSTILE_DROPS(b->h, ip_not_for_us, 1);
        SOCKET_DROPS(b, drop_receive_buffer, 0);
        hostile_expect_silence(b->h);
    }
    for (unsigned n = 0; n < kept; n++)
        assert_int_equal(take(b, member), 200);
    assert_int_equal(take(b, member), -EAGAIN);
}

static void test_ud_04_a_flood_at_a_multicast_group(void **state)
{
    (void)state;
    struct bed *b = begin();
    int no = 0, yes = 1;
    struct socket *member = open_socket(b, AF_INET, SOCK_DGRAM, 0), *other = open_socket(b, AF_INET, SOCK_DGRAM, 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(socket_set_option(i ? member : other, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes, b->h->now),
                         0);
    assert_int_equal(socket_set_option(other, IPPROTO_IP, IP_MULTICAST_ALL, &no, sizeof no, b->h->now), 0);
    bind_socket(b, member, 0, PORT + 1);
    bind_socket(b, other, 0, PORT + 1);
    assert_int_equal(join(b, member, GROUP), 0);
    flood_group(b, member);
    assert_int_equal(take(b, other), -EAGAIN); /* it is no member */
    assert_int_equal(socket_close(member, b->h->now), 0);
    begin_case(b); /* and its membership ended with it */
    hostile_inject(b->h, f, to_group(make_udp(f, PEER, 9, GROUP, PORT + 1, got, 200), GROUP));
    HOSTILE_DROPS(b->h, ip_not_for_us, 1);
    assert_int_equal(socket_close(other, b->h->now), 0);
    end(b, "UD-04 (groups)");
}

/* RFC 1122 3.2.2: nothing that was sent to a group is answered by an error. */
static void test_ud_01_02_03_malformed_to_a_group_is_counted_and_never_answered(void **state)
{
    (void)state;
    struct bed *b = begin();
    assert_int_equal(join(b, b->udp, GROUP), 0);
    for (unsigned round = 0; round < 200; round++) {
        uint32_t n = to_group(make_udp(f, PEER, 9, GROUP, PORT, got, round), GROUP);
        f[L4 + 6] ^= (uint8_t)(1 + round % 255);
        begin_case(b);
        hostile_inject(b->h, f, n);
        HOSTILE_DROPS(b->h, udp_bad_checksum, 1);
        hostile_expect_silence(b->h);
        n = to_group(make_udp(f, PEER, 9, GROUP, PORT, got, round), GROUP);
        store_be16(f + L4 + 4, (uint16_t)(round % 2 ? round % 8 : n));
        begin_case(b);
        hostile_inject(b->h, f, n);
        HOSTILE_DROPS(b->h, udp_bad_length, 1);
        hostile_expect_silence(b->h);
        begin_case(b);
        hostile_inject(b->h, f, to_group(make_udp(f, PEER, 9, GROUP, 0, got, round), GROUP));
        HOSTILE_DROPS(b->h, udp_port_zero, 1);
        hostile_expect_silence(b->h);
        begin_case(b);
        hostile_inject(b->h, f, to_group(make_udp(f, PEER, 9, GROUP, PORT + 5, got, round), GROUP));
        HOSTILE_DROPS(b->h, udp_no_port, 1);
        hostile_expect_silence(b->h);
        begin_case(b);
        hostile_inject(b->h, f, to_group(make_ipv4(f, PEER, GROUP, 253, got, round), GROUP));
        HOSTILE_DROPS(b->h, ip_unknown_protocol, 1);
        hostile_expect_silence(b->h);
        begin_case(b);
        hostile_inject(b->h, f, to_group(make_udp(f, GROUP, 9, GROUP, PORT, got, round), GROUP));
        HOSTILE_DROPS(b->h, ip_bad_source, 1);
        hostile_expect_silence(b->h);
    }
    expect_silence_of_sockets(b);
    end(b, "UD-01 to UD-03 (groups)");
}

static void memberships_are_bounded(void **state)
{
    (void)state;
    struct bed *b = begin();
    struct socket *more = open_socket(b, AF_INET, SOCK_DGRAM, 0), *last = open_socket(b, AF_INET, SOCK_DGRAM, 0);
    for (uint32_t i = 0; i < DATAGRAM_MAX_GROUPS; i++) {
        begin_case(b);
        assert_int_equal(join(b, b->udp, GROUP + i), 0);
        assert_int_equal(join(b, more, GROUP + 100 + i), 0);
    }
    assert_int_equal(join(b, b->udp, GROUP + 99), -ENOBUFS); /* of a socket */
    assert_int_equal(join(b, last, GROUP + 99), -ENOBUFS);   /* of the stack */
    assert_int_equal(join(b, last, GROUP), 0);               /* which counts a group once */
    assert_int_equal(socket_close(more, b->h->now), 0);
    assert_int_equal(join(b, last, GROUP + 99), 0);
    assert_int_equal(socket_close(last, b->h->now), 0);
    end(b, "memberships");
}

/* ---- what is malformed ---- */

/* Nobody hears of it. */
static void inject_in_vain(struct bed *b, uint32_t n)
{
    begin_case(b);
    hostile_inject(b->h, f, n);
    SOCKET_DROPS(b, drop_receive_buffer, 0);
    hostile_expect_silence(b->h);
    expect_silence_of_sockets(b);
}

static uint32_t make_raw(uint32_t bytes) { return make_ipv4(f, PEER, US, OSPF, got, bytes); }

static void test_ip4_01_02_03_04_malformed_headers_never_reach_raw_sockets(void **state)
{
    (void)state;
    struct bed *b = begin();
    for (unsigned v = 0; v < 16; v++) {
        uint32_t n = make_raw(v);
        f[IP] = (uint8_t)(v << 4 | 5);
        fix_ip_checksum(f);
        if (v != 4) {
            inject_in_vain(b, n);
            HOSTILE_DROPS(b->h, ip_bad_version, 1);
        }
        n = make_raw(v);
        f[IP] = (uint8_t)(0x40 | v);
        if (v < 5 || 4 * v > 20 + v) {
            inject_in_vain(b, n);
            HOSTILE_DROPS(b->h, ip_bad_header_length, 1);
        }
    }
    for (unsigned total = 0; total < 65536; total += total < 40 ? 1 : 4093) {
        uint32_t n = make_raw(0);
        if (total == 20)
            continue;
        store_be16(f + IP + 2, (uint16_t)total);
        fix_ip_checksum(f);
        inject_in_vain(b, n);
        HOSTILE_DROPS(b->h, ip_bad_total_length, 1);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        uint32_t n = make_raw(50);
        f[IP + WIRE_IPV4_CHECKSUM_OFFSET + bit / 8] ^= (uint8_t)(1 << bit % 8);
        inject_in_vain(b, n);
        HOSTILE_DROPS(b->h, ip_bad_checksum, 1);
    }
    begin_case(b);
    hostile_inject(b->h, f, make_raw(50)); /* nothing is wrong with this one */
    assert_int_equal(take(b, b->raw), 70);
    end(b, "IP4-01 to IP4-04 (raw)");
}

static void test_ip4_09_bad_addresses_never_reach_raw_sockets(void **state)
{
    static const uint32_t sources[] = {0, 0x7f000001u, 0xe0000001u, 0xf0000001u, 0xffffffffu, US, US | 255u};
    static const uint32_t destinations[] = {0, 0x7f000001u, 0xf0000001u};
    (void)state;
    struct bed *b = begin();
    for (unsigned i = 0; i < sizeof sources / sizeof *sources; i++) {
        inject_in_vain(b, make_ipv4(f, sources[i], US, OSPF, got, i));
        HOSTILE_DROPS(b->h, ip_bad_source, 1);
    }
    for (unsigned i = 0; i < sizeof destinations / sizeof *destinations; i++) {
        inject_in_vain(b, make_ipv4(f, PEER, destinations[i], OSPF, got, i));
        HOSTILE_DROPS(b->h, ip_bad_destination, 1);
    }
    inject_in_vain(b, make_ipv4(f, PEER, OTHER, OSPF, got, 9));
    HOSTILE_DROPS(b->h, ip_not_for_us, 1);
    end(b, "IP4-09 (raw)");
}

/* RFC 815: a raw socket has datagrams, not fragments. */
static void test_fr_01_raw_sockets_get_whole_datagrams_only(void **state)
{
    (void)state;
    struct bed *b = begin();
    for (uint16_t id = 1; id <= 100; id++) {
        inject_in_vain(b, make_fragment(f, PEER, id, OSPF, 0, true, got, 64));
        HOSTILE_NO_DROPS(b->h);
        if (id % 2) {
            begin_case(b);
            hostile_inject(b->h, f, make_fragment(f, PEER, id, OSPF, 64, false, got, 36));
            HOSTILE_NO_DROPS(b->h);
            assert_int_equal(take(b, b->raw), 120);
        } else { /* it ends inside of the first */
            inject_in_vain(b, make_fragment(f, PEER, id, OSPF, 24, false, got, 16));
            HOSTILE_DROPS(b->h, frag_bad_end, 1);
        }
    }
    expect_silence_of_sockets(b);
    end(b, "FR-01 (raw)");
}

/* An error of a router about our echo request of an identifier; what it quotes is cut to `quoted` bytes. */
static uint32_t make_error_about_ping(uint16_t id, uint32_t quoted)
{
    uint8_t ping[FRAME_MAKE_BYTES];
    uint32_t n = make_echo_request(ping, US, PEER, id, 1, "12345678", 8);
    return make_icmp_error(f, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_HOST_UNREACHABLE, 0, ping + IP, min_u32(quoted, n - IP));
}

static void test_ic_01_03_14_what_no_ping_of_ours_provoked_never_reaches_a_ping_socket(void **state)
{
    (void)state;
    struct bed *b = begin();
    for (uint32_t length = 0; length < 8; length++) {
        make_echo_reply(PING_ID, 0);
        memcpy(got, f + L4, 8);
        inject_in_vain(b, make_ipv4(f, PEER, US, IP_PROTO_ICMP, got, length));
        HOSTILE_DROPS(b->h, icmp_short, 1);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        uint32_t n = make_echo_reply(PING_ID, 30);
        f[L4 + 2 + bit / 8] ^= (uint8_t)(1 << bit % 8);
        inject_in_vain(b, n);
        HOSTILE_DROPS(b->h, icmp_bad_checksum, 1);
    }
    for (unsigned id = 0; id < 65536; id += id == PING_ID - 1 ? 2 : 101) {
        if (id == PING_ID)
            continue;
        inject_in_vain(b, make_echo_reply((uint16_t)id, 8));
        HOSTILE_DROPS(b->h, icmp_unmatched, 1);
        inject_in_vain(b, make_error_about_ping((uint16_t)id, 36));
        HOSTILE_DROPS(b->h, icmp_unmatched, 1);
    }
    for (uint32_t quoted = 0; quoted < 28; quoted++) {
        inject_in_vain(b, make_error_about_ping(PING_ID, quoted));
        HOSTILE_DROPS(b->h, icmp_quote_short, 1);
    }
    uint32_t n = make_echo_reply(PING_ID, 8); /* to everybody */
    store_be32(f + IP + 16, US | 255u);
    memcpy(f, BROADCAST_MAC, 6);
    fix_ip_checksum(f);
    inject_in_vain(b, n);
    HOSTILE_DROPS(b->h, icmp_unmatched, 1);
    begin_case(b);
    hostile_inject(b->h, f, make_echo_reply(PING_ID, 8));
    HOSTILE_NO_DROPS(b->h);
    assert_int_equal(take(b, b->ping), 16);
    end(b, "IC-01, IC-03, IC-14 (ping)");
}

static void attach(struct bed *b, struct socket *s, struct sock_filter *code, unsigned short n)
{
    struct sock_fprog program = {.len = n, .filter = code};
    assert_int_equal(socket_set_option(s, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program, b->h->now), 0);
}

static void test_l2_01_03_frames_of_every_length_at_packet_sockets(void **state)
{
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 999), BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
    (void)state;
    struct bed *b = begin();
    for (uint32_t length = 0; length < 14; length++) {
        make_frame(EXPERIMENT, 0);
        inject_in_vain(b, length);
        HOSTILE_DROPS(b->h, l2_runt, 1);
    }
    for (uint32_t bytes = 0; bytes <= 1500; bytes += 1 + bytes / 50) {
        for (unsigned i = 0; i < 2; i++) {
            begin_case(b);
            hostile_inject(b->h, f, make_frame((uint16_t)(EXPERIMENT + i), bytes));
            HOSTILE_DROPS(b->h, l2_unknown_ethertype, 1);
            assert_int_equal(take(b, i ? b->cooked : b->packet), i ? bytes : 14 + bytes);
            expect_silence_of_sockets(b);
        }
    }
    attach(b, b->packet, code, 2); /* a filter that reads beyond the end lets nothing pass */
    b->h->calls_at_start = b->h->memory.calls;
    for (uint32_t bytes = 0; bytes <= 1500; bytes += 100) {
        begin_case(b);
        hostile_inject(b->h, f, make_frame(EXPERIMENT, bytes));
        HOSTILE_DROPS(b->h, l2_unknown_ethertype, 1);
        bool whole = 14 + bytes > 999;
        SOCKET_DROPS(b, drop_filter, (uint64_t)!whole);
        assert_int_equal(take(b, b->packet), whole ? 14 + (int)bytes : -EAGAIN);
    }
    for (unsigned tags = 1; tags < 20; tags++) { /* a packet socket tells frames apart by their first ethertype */
        uint32_t n = make_frame(EXPERIMENT, 100);
        for (unsigned i = 0; i < tags; i++)
            n = insert_tag(f, n, ETHERTYPE_VLAN, 7);
        inject_in_vain(b, n);
    }
    end(b, "L2-01, L2-03 (packet)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ud_04_a_flood_that_raw_ping_and_packet_sockets_do_not_read),
        cmocka_unit_test(test_ud_04_a_flood_at_a_multicast_group),
        cmocka_unit_test(test_ud_01_02_03_malformed_to_a_group_is_counted_and_never_answered),
        cmocka_unit_test(memberships_are_bounded),
        cmocka_unit_test(test_ip4_01_02_03_04_malformed_headers_never_reach_raw_sockets),
        cmocka_unit_test(test_ip4_09_bad_addresses_never_reach_raw_sockets),
        cmocka_unit_test(test_fr_01_raw_sockets_get_whole_datagrams_only),
        cmocka_unit_test(test_ic_01_03_14_what_no_ping_of_ours_provoked_never_reaches_a_ping_socket),
        cmocka_unit_test(test_l2_01_03_frames_of_every_length_at_packet_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
