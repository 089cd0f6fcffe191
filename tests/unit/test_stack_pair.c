/* SPDX-License-Identifier: MIT */
/*
 * Two stacks wired by a memory link on one thread, in virtual time: echo, UDP and TCP both ways, many hosts, many
 * interfaces. The link's close checks that every frame came home.
 */
#include "support/cmocka_all.h"

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "link/memory.h"
#include "stack/stack.h"

#define LEFT 0x0a000001u
#define RIGHT 0x0a000002u

struct pair {
    struct link *ends[2];
    struct guard guards[2];
    struct stack *stacks[2];
    int64_t now;
};

/* Every test runs with IPv4 and with IPv6, whose addresses end with the bytes of the IPv4 ones. */
static bool v6;

static struct ip_addr ip(uint32_t host_order)
{
    struct ip_addr a = {{0x20, 1, 0x0d, 0xb8}};
    if (!v6)
        return ip_addr_from_v4(host_order);
    store_be32(a.bytes + 12, host_order);
    return a;
}
static uint8_t prefix(uint8_t length) { return v6 ? (uint8_t)(length + 96) : length; }

static uint64_t requests_sent(const struct stack *s)
{
    const struct stack_counters *c = stack_counters(s);
    return v6 ? c->nd_solicitations_sent : c->arp_requests_sent;
}

static int with_ipv4(void **state)
{
    (void)state;
    v6 = false;
    return 0;
}
static int with_ipv6(void **state)
{
    (void)state;
    v6 = true;
    return 0;
}

/* The stacks keep pointers into the pair. */
static struct pair *pair_new_merging(const struct memory_settings *memory, uint32_t addresses, bool merge)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->now = 5 * NS_PER_S;
    assert_int_equal(memory_link_new(memory, alloc_heap(), "pair", p->ends), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct guard_rules rules = {.allow_multicast = true, .stop_at = TIME_NEVER};
        assert_int_equal(guard_init(&p->guards[i], &rules, NULL, p->now), 0);
        struct stack_settings t;
        stack_settings_default(&t);
        t.max_addresses = addresses;
        t.max_neighbours = addresses + 16;
        t.merge_received = merge;
        t.secret = (struct hash_key){i + 1, 99};
        t.tcp.max_connections = 4096;
        t.tcp.secret = (struct hash_key){i + 11, 77};
        assert_int_equal(stack_new(&t, alloc_heap(), p->now, &p->stacks[i]), 0);
        assert_int_equal(stack_add_interface(p->stacks[i], p->ends[i], &p->guards[i]), 0);
    }
    return p;
}

static struct pair *pair_new(const struct memory_settings *memory, uint32_t addresses)
{
    return pair_new_merging(memory, addresses, false);
}

static uint32_t add_host(struct stack *s, uint32_t address, uint16_t vlan)
{
    struct host_settings h = {.address = ip(address), .prefix_length = prefix(8), .vlan_count = vlan != 0};
    h.vlan[0] = (struct host_vlan){.tpid = 0x8100, .tci = vlan};
    int local = stack_add_host(s, &h);
    assert_true(local > 0);
    return (uint32_t)local;
}

static struct pair *pair_default(void)
{
    struct memory_settings m;
    memory_settings_default(&m);
    struct pair *p = pair_new(&m, 64);
    add_host(p->stacks[0], LEFT, 0);
    add_host(p->stacks[1], RIGHT, 0);
    return p;
}

static void pair_free(struct pair *p)
{
    for (unsigned i = 0; i < 2; i++)
        stack_delete(p->stacks[i]);
    for (unsigned i = 0; i < 2; i++)
        link_close(p->ends[i]);
    free(p);
}

/* Turns of both until nothing moves any more. */
static void settle(struct pair *p)
{
    for (unsigned moved = 1; moved;) {
        moved = 0;
        for (unsigned i = 0; i < 2; i++) {
            moved += stack_receive(p->stacks[i], p->now);
            moved += stack_transmit(p->stacks[i], p->now);
        }
        p->now += NS_PER_US;
    }
}

/* ---- echo ---- */

struct pings {
    unsigned replies;
    uint32_t sum;
};

static void ponged(void *context, const struct icmp_echo *e, int error, int64_t now)
{
    (void)now;
    struct pings *x = context;
    assert_int_equal(error, 0);
    x->replies++;
    x->sum += e->sequence;
    assert_int_equal(e->length, 56);
    for (uint32_t i = 0; i < e->length; i++)
        assert_int_equal(e->bytes[i], i);
}

static void test_pings_both_ways(void **state)
{
    (void)state;
    struct pair *p = pair_default();
    struct pings x[2] = {{0}};
    uint8_t body[56];
    for (uint8_t i = 0; i < sizeof body; i++)
        body[i] = i;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(icmp_echo_bind(p->stacks[i], 42, ponged, &x[i]), 0);
    for (uint16_t n = 1; n <= 100; n++) {
        for (unsigned i = 0; i < 2; i++) {
            struct icmp_echo e = {.local = 1,
                                  .remote = ip(i ? LEFT : RIGHT),
                                  .id = 42,
                                  .sequence = n,
                                  .bytes = body,
                                  .length = sizeof body};
            assert_int_equal(icmp_echo_send(p->stacks[i], &e, p->now), 0);
        }
        settle(p);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(x[i].replies, 100);
        assert_int_equal(x[i].sum, 5050);
        assert_int_equal(stack_counters(p->stacks[i])->neighbours_resolved, 1);
    }
    pair_free(p);
}

/* ---- UDP ---- */

struct talker {
    struct stack *stack;
    unsigned received, errors;
    uint64_t bytes;
    int error;
};

/* A responder: the same bytes back, from where they were sent to. */
static void echo_back(void *context, const struct udp_datagram *d, int64_t now)
{
    struct talker *x = context;
    x->received++;
    assert_int_equal(udp_send(x->stack, d, now), 0);
}
static void take(void *context, const struct udp_datagram *d, int64_t now)
{
    (void)now;
    struct talker *x = context;
    x->received++;
    x->bytes += d->length;
    for (uint32_t i = 0; i < d->length; i++)
        assert_int_equal(d->bytes[i], (uint8_t)(d->length + i));
}
static void note_error(void *context, const struct udp_datagram *d, const struct ip_error *e, int64_t now)
{
    (void)d;
    (void)now;
    struct talker *x = context;
    x->errors++;
    x->error = e->error;
}

static void send_patterned(struct pair *p, uint32_t local, uint32_t remote, uint16_t remote_port, uint32_t length)
{
    uint8_t body[1472];
    for (uint32_t i = 0; i < length; i++)
        body[i] = (uint8_t)(length + i);
    struct udp_datagram d = {.local = local,
                             .remote = ip(remote),
                             .local_port = 5000,
                             .remote_port = remote_port,
                             .bytes = body,
                             .length = length};
    assert_int_equal(udp_send(p->stacks[0], &d, p->now), 0);
}

static void udp_echo_of_every_length(bool trust_checksums)
{
    struct memory_settings m;
    memory_settings_default(&m);
    m.trust_checksums = trust_checksums;
    struct pair *p = pair_new(&m, 64);
    add_host(p->stacks[0], LEFT, 0);
    add_host(p->stacks[1], RIGHT, 0);
    struct talker client = {.stack = p->stacks[0]}, server = {.stack = p->stacks[1]};
    assert_int_equal(udp_bind(p->stacks[0], 1, 5000, take, note_error, &client), 0);
    assert_int_equal(udp_bind(p->stacks[1], 1, 7, echo_back, NULL, &server), 0);
    uint64_t bytes = 0;
    for (uint32_t length = 0; length <= 1472; length++, bytes += length - 1) {
        send_patterned(p, 1, RIGHT, 7, length);
        settle(p);
    }
    assert_int_equal(server.received, 1473);
    assert_int_equal(client.received, 1473);
    assert_int_equal(client.bytes, bytes);
    pair_free(p);
}

static void test_udp_echo_of_every_length(void **state)
{
    (void)state;
    udp_echo_of_every_length(false);
    udp_echo_of_every_length(true);
}

static void test_datagrams_sent_while_resolving_arrive(void **state)
{
    (void)state;
    struct pair *p = pair_default();
    struct talker client = {.stack = p->stacks[0]}, server = {.stack = p->stacks[1]};
    assert_int_equal(udp_bind(p->stacks[0], 1, 5000, take, note_error, &client), 0);
    assert_int_equal(udp_bind(p->stacks[1], 1, 7, echo_back, NULL, &server), 0);
    for (uint32_t i = 0; i < 3; i++)
        send_patterned(p, 1, RIGHT, 7, 100 + i);
    settle(p);
    assert_int_equal(client.received, 3);
    assert_int_equal(client.bytes, 303);
    pair_free(p);
}

static void test_a_closed_port_is_reported_to_the_sender(void **state)
{
    (void)state;
    struct pair *p = pair_default();
    struct talker client = {.stack = p->stacks[0]};
    assert_int_equal(udp_bind(p->stacks[0], 1, 5000, take, note_error, &client), 0);
    send_patterned(p, 1, RIGHT, 9, 40);
    settle(p);
    assert_int_equal(client.errors, 1);
    assert_int_equal(client.error, ERR_REFUSED);
    assert_int_equal(stack_counters(p->stacks[1])->icmp_errors_sent, 1);
    pair_free(p);
}

static void test_a_thousand_hosts_on_each_side_talk(void **state)
{
    (void)state;
    enum { HOSTS = 1000 };
    struct memory_settings m;
    memory_settings_default(&m);
    struct pair *p = pair_new(&m, HOSTS);
    struct talker client = {.stack = p->stacks[0]}, server = {.stack = p->stacks[1]};
    for (uint32_t i = 0; i < HOSTS; i++) {
        uint16_t vlan = (uint16_t)(i % 3 ? 0 : 1 + i % 100);
        add_host(p->stacks[0], 0x0a010001 + i, vlan);
        add_host(p->stacks[1], 0x0a020001 + i, vlan);
    }
    assert_int_equal(udp_bind(p->stacks[0], 0, 5000, take, note_error, &client), 0);
    assert_int_equal(udp_bind(p->stacks[1], 0, 7, echo_back, NULL, &server), 0);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < HOSTS; i++) {
            send_patterned(p, i + 1, 0x0a020001 + i, 7, 64);
            settle(p);
        }
    }
    assert_int_equal(client.received, 2 * HOSTS);
    assert_int_equal(stack_counters(p->stacks[0])->neighbours_resolved, HOSTS);
    pair_free(p);
}

/* ---- TCP ---- */

struct side {
    struct stack *stack;
    unsigned user, connected, closed, normal;
    uint64_t received;
    bool server;
};

static int admit(void *context, const struct flow_key *key, uint64_t *word)
{
    (void)context;
    (void)key;
    *word = 0;
    return 0;
}
static void connected(void *context, struct tcp *c, int64_t now)
{
    struct side *x = context;
    x->connected++;
    if (!x->server) {
        assert_int_equal(tcp_send(stack_tcp(x->stack), c, 3000, now), 0);
        tcp_close(stack_tcp(x->stack), c, now);
    }
}
static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct side *x = context;
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], 0x42);
    x->received += length;
    if (length == 0)
        tcp_close(stack_tcp(x->stack), c, now);
    else
        tcp_consumed(stack_tcp(x->stack), c, length, now);
}
static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context;
    (void)c;
    (void)offset;
    memset(to, 0x42, length);
    *sum = checksum_add(*sum, to, length);
    return length;
}
static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)c;
    (void)now;
    struct side *x = context;
    x->closed++;
    x->normal += reason == TCP_CLOSE_NORMAL;
}
static const struct tcp_user calls = {
    .admit = admit, .connected = connected, .received = received, .pull = pull, .closed = closed};

static void tcp_from_many_hosts(bool trust_checksums, bool large, bool merge)
{
    enum { HOSTS = 300 };
    struct memory_settings m;
    memory_settings_default(&m);
    m.trust_checksums = trust_checksums;
    m.gso_max = large ? 65535 : 0;
    struct pair *p = pair_new_merging(&m, HOSTS, merge);
    struct side x[2] = {{.stack = p->stacks[0]}, {.stack = p->stacks[1], .server = true}};
    for (uint32_t i = 0; i < HOSTS; i++)
        add_host(p->stacks[0], 0x0a010001 + i, 0);
    add_host(p->stacks[1], RIGHT, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_profile t;
        tcp_profile_default(&t);
        t.time_wait_ns = 0;
        int user = tcp_register_user(stack_tcp(p->stacks[i]), &calls, &x[i], &t);
        assert_true(user >= 0);
        x[i].user = (unsigned)user;
    }
    assert_int_equal(tcp_listen(stack_tcp(p->stacks[1]), x[1].user, TCP_ANY_LOCAL, 80), 0);
    for (uint32_t i = 0; i < HOSTS; i++) {
        struct flow_key key = {.local = i + 1, .remote = ip(RIGHT), .remote_port = 80};
        struct tcp_ref ref;
        assert_int_equal(tcp_connect(stack_tcp(p->stacks[0]), x[0].user, &key, 0, p->now, &ref), 0);
    }
    for (int i = 0; i < 200; i++) {
        settle(p);
        p->now += NS_PER_MS;
    }
    assert_int_equal(x[0].connected, HOSTS);
    assert_int_equal(x[1].connected, HOSTS);
    assert_int_equal(x[1].received, 3000u * HOSTS);
    assert_int_equal(x[0].normal, HOSTS);
    assert_int_equal(x[1].normal, HOSTS);
    assert_int_equal(requests_sent(p->stacks[0]), 1); /* one domain, one neighbour */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(stack_counters(p->stacks[i])->tcp_bad_checksum, 0);
        struct tcp_occupancy used;
        tcp_get_occupancy(stack_tcp(p->stacks[i]), &used);
        assert_int_equal(used.connections, 0);
    }
    pair_free(p);
}

static void test_tcp_from_many_hosts(void **state)
{
    (void)state;
    tcp_from_many_hosts(false, false, false);
    tcp_from_many_hosts(true, false, false);
    tcp_from_many_hosts(false, false, true);
    tcp_from_many_hosts(true, false, true);
    tcp_from_many_hosts(true, true, false);
}

/* ---- one stream, however it is cut and merged ---- */

enum { STREAM = 3000001 };

struct stream {
    struct stack *stack;
    uint64_t received, digest;
    unsigned calls;
    bool fin;
};

static uint8_t stream_byte(uint64_t offset) { return (uint8_t)(offset * 31 + (offset >> 8) * 7 + (offset >> 16)); }

/* FNV-1a */
static uint64_t digest_add(uint64_t digest, uint8_t byte) { return (digest ^ byte) * UINT64_C(1099511628211); }

static uint64_t plain_digest(void)
{
    uint64_t digest = 0;
    for (uint64_t i = 0; i < STREAM; i++)
        digest = digest_add(digest, stream_byte(i));
    return digest;
}

static void stream_connected(void *context, struct tcp *c, int64_t now)
{
    struct stream *x = context;
    assert_int_equal(tcp_send(stack_tcp(x->stack), c, STREAM, now), 0);
    tcp_close(stack_tcp(x->stack), c, now);
}
static void stream_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct stream *x = context;
    for (uint32_t i = 0; i < length; i++)
        x->digest = digest_add(x->digest, bytes[i]);
    x->received += length;
    x->calls++;
    x->fin |= length == 0;
    tcp_consumed(stack_tcp(x->stack), c, length, now);
    if (length == 0)
        tcp_close(stack_tcp(x->stack), c, now);
}
static size_t stream_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = stream_byte(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}
static void stream_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)context, (void)c, (void)now;
    assert_int_equal(reason, TCP_CLOSE_NORMAL);
}
static void stream_got_nothing(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    (void)context, (void)c, (void)bytes, (void)now;
    assert_int_equal(length, 0);
}

static void stream_through(const struct memory_settings *m, bool merge, struct tcp_counters *sender,
                           struct tcp_counters *receiver, struct stream *server)
{
    static const struct tcp_user sends = {
        .connected = stream_connected, .received = stream_got_nothing, .pull = stream_pull, .closed = stream_closed};
    static const struct tcp_user receives = {
        .admit = admit, .received = stream_received, .pull = stream_pull, .closed = stream_closed};
    struct pair *p = pair_new_merging(m, 64, merge);
    add_host(p->stacks[0], LEFT, 0);
    add_host(p->stacks[1], RIGHT, 0);
    struct stream client = {.stack = p->stacks[0]};
    *server = (struct stream){.stack = p->stacks[1]};
    struct tcp_profile t;
    tcp_profile_default(&t);
    t.time_wait_ns = 0;
    assert_int_equal(tcp_register_user(stack_tcp(p->stacks[0]), &sends, &client, &t), 0);
    assert_int_equal(tcp_register_user(stack_tcp(p->stacks[1]), &receives, server, &t), 0);
    assert_int_equal(tcp_listen(stack_tcp(p->stacks[1]), 0, TCP_ANY_LOCAL, 80), 0);
    struct flow_key key = {.local = 1, .remote = ip(RIGHT), .remote_port = 80};
    struct tcp_ref ref;
    assert_int_equal(tcp_connect(stack_tcp(p->stacks[0]), 0, &key, 0, p->now, &ref), 0);
    for (int i = 0; i < 200; i++) {
        settle(p);
        p->now += NS_PER_MS;
    }
    *sender = *tcp_counters(stack_tcp(p->stacks[0]));
    *receiver = *tcp_counters(stack_tcp(p->stacks[1]));
    assert_true(server->fin);
    assert_int_equal(server->received, STREAM);
    assert_int_equal(sender->retransmitted_segments, 0);
    assert_int_equal(receiver->segments_received, sender->segments_sent);
    pair_free(p);
}

/* Checksums computed or trusted, large frames carried or not, segments merged or not. */
static void test_a_stream_is_the_same_with_every_offload_on_or_off(void **state)
{
    struct tcp_counters sender, receiver, plain = {0};
    (void)state;
    for (unsigned k = 0; k < 8; k++) {
        struct stream x;
        struct memory_settings m;
        memory_settings_default(&m);
        bool large = k & 1, trust = (k & 2) || large, merge = k & 4;
        m.trust_checksums = trust;
        m.gso_max = large ? 65535 : 0;
        stream_through(&m, merge, &sender, &receiver, &x);
        if (k == 0)
            plain = sender;
        assert_int_equal(sender.segments_sent, plain.segments_sent);
        assert_true(x.digest == plain_digest());
        if (large)
            assert_true(x.calls < STREAM / 1448 / 10);
        if (large || merge)
            assert_true(receiver.fast_path < plain.segments_sent / 2);
    }
}

/* ---- a router's two sides ---- */

static void test_a_stack_with_two_interfaces_keeps_them_apart(void **state)
{
    (void)state;
    struct memory_settings m;
    memory_settings_default(&m);
    struct pair p = {.now = NS_PER_S};
    assert_int_equal(memory_link_new(&m, alloc_heap(), "loop", p.ends), 0);
    struct guard_rules rules = {.allow_multicast = true, .stop_at = TIME_NEVER};
    struct stack_settings t;
    stack_settings_default(&t);
    t.tcp.links = 2;
    struct stack *s;
    assert_int_equal(stack_new(&t, alloc_heap(), p.now, &s), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(guard_init(&p.guards[i], &rules, NULL, p.now), 0);
        assert_int_equal(stack_add_interface(s, p.ends[i], &p.guards[i]), i);
        struct host_settings h = {.interface = i, .address = ip(i ? RIGHT : LEFT), .prefix_length = prefix(24)};
        assert_int_equal(stack_add_host(s, &h), i + 1);
    }
    struct talker client = {.stack = s}, server = {.stack = s};
    assert_int_equal(udp_bind(s, 1, 5000, take, note_error, &client), 0);
    assert_int_equal(udp_bind(s, 2, 7, echo_back, NULL, &server), 0);
    p.stacks[0] = s;
    send_patterned(&p, 1, RIGHT, 7, 100);
    for (unsigned i = 0; i < 10; i++) {
        stack_receive(s, p.now);
        stack_transmit(s, p.now);
    }
    assert_int_equal(client.received, 1);
    stack_delete(s);
    for (unsigned i = 0; i < 2; i++)
        link_close(p.ends[i]);
}

static void test_hosts_of_one_link_do_not_shortcut_and_do_no_harm(void **state)
{
    (void)state;
    struct pair *p = pair_default();
    struct talker x = {.stack = p->stacks[0]};
    add_host(p->stacks[0], LEFT + 10, 0);
    assert_int_equal(udp_bind(p->stacks[0], 1, 5000, take, note_error, &x), 0);
    send_patterned(p, 1, LEFT + 10, 7, 10);
    send_patterned(p, 1, LEFT, 7, 10);
    for (int i = 0; i < 40; i++) {
        settle(p);
        p->now += 100 * NS_PER_MS;
    }
    assert_int_equal(x.errors, 2);
    assert_int_equal(x.error, ERR_UNREACHABLE);
    pair_free(p);
}

#define BOTH(name)                                                                                                     \
    {#name " over IPv4", name, with_ipv4, NULL, NULL}, { #name " over IPv6", name, with_ipv6, NULL, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_pings_both_ways),
        BOTH(test_udp_echo_of_every_length),
        BOTH(test_datagrams_sent_while_resolving_arrive),
        BOTH(test_a_closed_port_is_reported_to_the_sender),
        BOTH(test_a_thousand_hosts_on_each_side_talk),
        BOTH(test_tcp_from_many_hosts),
        BOTH(test_a_stream_is_the_same_with_every_offload_on_or_off),
        BOTH(test_a_stack_with_two_interfaces_keeps_them_apart),
        BOTH(test_hosts_of_one_link_do_not_shortcut_and_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
