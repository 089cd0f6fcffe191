/* SPDX-License-Identifier: MIT */
/*
 * All 4,094 VLANs on one interface: in each the same two addresses and MACs, a VRF, and a TCP connection of its own. What one
 * of them sends arrives at no other. QinQ the same, with 64 VLANs in each of 64.
 */
#include "support/cmocka_all.h"

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/error.h"
#include "link/memory.h"
#include "stack/stack.h"
#include "wire/eth.h"

#define LEFT 0x0a000001u
#define RIGHT 0x0a000002u
#define VLANS 4094u
#define PORT 80

struct end {
    struct stack *stack;
    struct link *link;
    struct guard guard;
    uint32_t connected, received, closed, wrong; /* connections; bytes that were another one's */
    uint32_t frames, tagged;                     /* sent; with the tags of a host */
};

static struct wires {
    struct end end[2];
    int64_t now;
    bool qinq;
} * net;

/* ---- users: each connection sends its local index four times ---- */

static int admit(void *context, const struct flow_key *key, uint64_t *word)
{
    (void)context;
    *word = key->local;
    return 0;
}
static void connected(void *context, struct tcp *c, int64_t now)
{
    struct end *e = context;
    e->connected++;
    if (e == &net->end[1])
        return;
    assert_int_equal(tcp_send(stack_tcp(e->stack), c, 16, now), 0);
    tcp_close(stack_tcp(e->stack), c, now);
}
static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct end *e = context;
    uint32_t own = (uint32_t)tcp_word(c);
    assert_true(length == 0 || length == 16);
    for (uint32_t i = 0; i < length; i += 4)
        e->wrong += load_be32(bytes + i) != own;
    e->received += length;
    if (length)
        tcp_consumed(stack_tcp(e->stack), c, length, now);
    else
        tcp_close(stack_tcp(e->stack), c, now);
}
static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context;
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)(tcp_word(c) >> (24 - (offset + i) % 4 * 8));
    *sum = checksum_add(*sum, to, length);
    return length;
}
static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct end *e = context;
    (void)c, (void)now;
    e->closed += reason == TCP_CLOSE_NORMAL;
}
static const struct tcp_user user = {
    .admit = admit, .connected = connected, .received = received, .pull = pull, .closed = closed};

/* ---- two stacks ---- */

static struct host_settings host_of(uint32_t number, bool right)
{
    struct host_settings h = {.address = ip_addr_from_v4(right ? RIGHT : LEFT), .prefix_length = 24, .vrf = number};
    h.mac[0] = 2;
    h.mac[5] = right ? 2 : 1;
    h.vlan_count = net->qinq ? 2 : 1;
    uint16_t priority = (uint16_t)(number % 8 << 13);
    h.vlan[0] = (struct host_vlan){.tpid = ETHERTYPE_VLAN, .tci = (uint16_t)(number | priority)};
    if (net->qinq) {
        h.vlan[0] = (struct host_vlan){.tpid = ETHERTYPE_QINQ, .tci = (uint16_t)((number / 64 + 1) | priority)};
        h.vlan[1] = (struct host_vlan){.tpid = ETHERTYPE_VLAN, .tci = (uint16_t)(number % 64 + 1)};
    }
    return h;
}

static void seen(void *context, unsigned interface, const struct packet *p, bool sent, int64_t now)
{
    struct end *e = context;
    struct wire_eth eth;
    (void)interface, (void)now;
    if (!sent)
        return;
    assert_true(wire_eth_parse(p->data, p->len, 2, &eth) > 0);
    e->frames++;
    e->tagged += eth.vlan_count == (net->qinq ? 2 : 1);
    uint32_t number = eth.vlan[0].tci & 0xfff;
    if (net->qinq)
        number = (number - 1) * 64 + (eth.vlan[1].tci & 0xfff) - 1;
    assert_int_equal(eth.vlan[0].tci >> 13, number % 8);
    assert_int_equal(eth.vlan[0].tpid, net->qinq ? ETHERTYPE_QINQ : ETHERTYPE_VLAN);
}

static void add_end(unsigned i, struct link *link)
{
    struct end *e = &net->end[i];
    struct guard_rules rules = {.stop_at = TIME_NEVER};
    struct stack_settings t;
    struct tcp_profile profile;
    e->link = link;
    assert_int_equal(guard_init(&e->guard, &rules, NULL, net->now), 0);
    stack_settings_default(&t);
    t.max_addresses = VLANS;
    t.max_neighbours = VLANS;
    t.resolve_queue_total = VLANS;
    t.secret = (struct hash_key){i + 1, 99};
    t.tcp.max_connections = VLANS + 2;
    t.tcp.secret = (struct hash_key){i + 11, 77};
    assert_int_equal(stack_new(&t, alloc_heap(), net->now, &e->stack), 0);
    assert_int_equal(stack_add_interface(e->stack, link, &e->guard), 0);
    for (uint32_t n = 1; n <= VLANS; n++) {
        struct host_settings h = host_of(n, i == 1);
        assert_int_equal(stack_add_host(e->stack, &h), n);
    }
    assert_int_equal(stack_frame_listen(e->stack, 0, seen, e), 0);
    tcp_profile_default(&profile);
    profile.time_wait_ns = 0;
    assert_int_equal(tcp_register_user(stack_tcp(e->stack), &user, e, &profile), 0);
}

static void settle(void)
{
    for (unsigned moved = 1; moved; net->now += NS_PER_US) {
        moved = 0;
        for (unsigned i = 0; i < 2; i++) {
            moved += stack_receive(net->end[i].stack, net->now);
            moved += stack_transmit(net->end[i].stack, net->now);
        }
    }
}

static void one_connection_in_each(bool qinq)
{
    struct memory_settings m;
    struct link *links[2];
    net = calloc(1, sizeof *net);
    assert_non_null(net);
    net->now = NS_PER_S;
    net->qinq = qinq;
    memory_settings_default(&m);
    assert_int_equal(memory_link_new(&m, alloc_heap(), "vlans", links), 0);
    for (unsigned i = 0; i < 2; i++)
        add_end(i, links[i]);
    struct stack *left = net->end[0].stack;
    assert_int_equal(tcp_listen(stack_tcp(net->end[1].stack), 0, TCP_ANY_LOCAL, PORT), 0);
    for (uint32_t n = 1; n <= VLANS; n++) {
        struct flow_key key = {.local = n, .remote = ip_addr_from_v4(RIGHT), .remote_port = PORT};
        struct tcp_ref ref;
        assert_int_equal(tcp_connect(stack_tcp(left), 0, &key, n, net->now, &ref), 0);
        if (n % 64 == 0)
            settle();
    }
    for (unsigned i = 0; i < 100 && net->end[1].closed < VLANS; i++, net->now += 10 * NS_PER_MS)
        settle();
    for (unsigned i = 0; i < 2; i++) {
        const struct end *e = &net->end[i];
        const struct stack_counters *c = stack_counters(e->stack);
        assert_int_equal(e->connected, VLANS);
        assert_int_equal(e->closed, VLANS);
        assert_int_equal(e->wrong, 0);
        assert_int_equal(e->frames, e->tagged);
        assert_int_equal(c->arp_requests_sent, VLANS); /* each asks once: no VLAN knows what another one does */
        assert_int_equal(c->l2_unknown_vlan + c->l2_too_many_tags + c->arp_table_full + c->ip_not_for_us, 0);
        stack_delete(e->stack);
    }
    assert_int_equal(net->end[1].received, VLANS * 16);
    for (unsigned i = 0; i < 2; i++)
        link_close(links[i]);
    free(net);
}

static void test_a_connection_in_each_of_4094_vlans(void **state)
{
    (void)state;
    one_connection_in_each(false);
}

static void test_a_connection_in_each_of_4094_pairs_of_tags(void **state)
{
    (void)state;
    one_connection_in_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_in_each_of_4094_vlans),
        cmocka_unit_test(test_a_connection_in_each_of_4094_pairs_of_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
