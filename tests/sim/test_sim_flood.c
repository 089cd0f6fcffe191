/* SPDX-License-Identifier: MIT */
/*
 * Floods (THREATS TC-24, TC-27) on a simulated link: segments from spoofed random sources at a million a second of
 * virtual time, beside clients that open 200 connections a second, ask for 100 bytes and get 1000. Memory stays flat
 * (nothing is allocated, pools stay bounded), replies stay limited, each dropped segment is in its counter, and the
 * clients do not notice.
 *
 * Time goes in steps of 256 microseconds: a step's flood enters the link, then both stacks run until they are silent.
 * WEIR_SIM_CELLS, which the sanitizer builds set, makes the floods a fiftieth as long or shorter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/counting_alloc.h"

#include "base/alloc_heap.h"
#include "base/checksum.h"
#include "base/random.h"
#include "link/memory.h"
#include "stack/stack.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"

#define START (100 * NS_PER_S)
#define STEP_NS (256 * NS_PER_US)
#define FLOOD_PER_STEP 256u
#define STEPS_PER_CONNECT 20u /* 195 a second */
#define SERVER 0x0a000001u
#define CLIENT 0x0a000002u
#define OPEN_PORT 80
#define CLOSED_PORT 81
#define BACKLOG 128u
#define REQUEST 100u
#define RESPONSE 1000u
#define MAX_CLIENTS 4096u
#define RESETS_PER_SECOND 1000u
#define ALLOCS 1000000u

struct flood_kind {
    const char *name;
    uint16_t flags; /* FLAGS_RANDOM: anything but SYN, with FIN */
    uint16_t port;
    uint32_t payload;
    size_t counter; /* offset in struct tcp_counters: the one that counts each segment */
    bool answered;  /* with an RST, as far as the limit goes */
    bool whole;     /* ten seconds of it, as of the SYNs */
};
#define FLAGS_RANDOM 0xffffu
#define COUNTER(name) offsetof(struct tcp_counters, name)

struct flood {
    struct counting_alloc alloc[2];
    struct link *ends[2];
    struct guard guard[2];
    struct stack *stack[2]; /* 0: server, 1: clients */
    struct random random;
    int64_t now;
    uint64_t steps, injected;
    unsigned attempted, succeeded, failed, with_options;
    uint32_t got[MAX_CLIENTS]; /* bytes, by client number */
    uint32_t most_connections, most_time_wait;
    const struct flood_kind *kind;
};

/* ---- both ends of the legitimate exchange ---- */

static void server_connected(void *context, struct tcp *c, int64_t now)
{
    struct flood *f = context;
    struct tcp_info i;
    (void)now;
    tcp_get_info(stack_tcp(f->stack[0]), c, &i);
    f->with_options += i.sack && i.timestamps && i.send_wscale == 3 && i.mss == 1448;
}

static void server_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct flood *f = context;
    struct tcp_layer *t = stack_tcp(f->stack[0]);
    (void)bytes;
    tcp_consumed(t, c, length, now);
    if (length > 0 && tcp_received_offset(c) == REQUEST) {
        assert_int_equal(tcp_send(t, c, RESPONSE, now), 0);
        tcp_close(t, c, now);
    }
}

static void client_connected(void *context, struct tcp *c, int64_t now)
{
    struct flood *f = context;
    assert_int_equal(tcp_send(stack_tcp(f->stack[1]), c, REQUEST, now), 0);
}

static void client_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct flood *f = context;
    struct tcp_layer *t = stack_tcp(f->stack[1]);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], (uint8_t)(tcp_received_offset(c) - length + i));
    f->got[tcp_word(c)] += length;
    tcp_consumed(t, c, length, now);
    if (length == 0)
        tcp_close(t, c, now);
}

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context, (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = (uint8_t)(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void server_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)context, (void)c, (void)reason, (void)now;
}

static void client_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct flood *f = context;
    bool good = reason == TCP_CLOSE_NORMAL && f->got[tcp_word(c)] == RESPONSE;
    (void)now;
    f->succeeded += good;
    f->failed += !good;
}

static const struct tcp_user server_user = {
    .connected = server_connected, .received = server_received, .pull = pull, .closed = server_closed};
static const struct tcp_user client_user = {
    .connected = client_connected, .received = client_received, .pull = pull, .closed = client_closed};

/* ---- the network ---- */

static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

/* The other side is the gateway, so that spoofed sources have a route back. */
static void add_host(struct flood *f, unsigned side)
{
    struct ip_addr peer = ip_addr_from_v4(side ? SERVER : CLIENT);
    struct host_settings host = {
        .address = ip_addr_from_v4(side ? CLIENT : SERVER), .prefix_length = 30, .gateway = peer};
    assert_int_equal(stack_add_interface(f->stack[side], f->ends[side], &f->guard[side]), 0);
    assert_int_equal(stack_add_host(f->stack[side], &host), 1);
    assert_int_equal(stack_add_neighbour(f->stack[side], 1, &peer, macs[!side]), 0);
}

static void make_side(struct flood *f, unsigned side)
{
    struct stack_settings settings;
    struct guard_rules rules;
    struct tcp_profile profile;
    guard_rules_default(&rules);
    assert_int_equal(guard_init(&f->guard[side], &rules, NULL, f->now), 0);
    stack_settings_default(&settings);
    settings.secret = (struct hash_key){side, 5};
    settings.tcp.secret = (struct hash_key){9 + side, 6};
    settings.tcp.max_connections = 1024;
    settings.tcp.max_time_wait = MAX_CLIENTS;
    settings.tcp.resets_per_second = RESETS_PER_SECOND;
    assert_int_equal(stack_new(&settings, counting_alloc_init(&f->alloc[side]), f->now, &f->stack[side]), 0);
    add_host(f, side);
    tcp_profile_default(&profile);
    profile.syn_queue = BACKLOG;
    profile.receive_buffer = 262144;
    assert_int_equal(tcp_register_user(stack_tcp(f->stack[side]), side ? &client_user : &server_user, f, &profile), 0);
}

static void begin(struct flood *f, const struct flood_kind *kind)
{
    struct memory_settings m;
    memset(f, 0, sizeof *f);
    f->now = START;
    f->kind = kind;
    random_seed(&f->random, 7);
    memory_settings_default(&m);
    assert_int_equal(memory_link_new(&m, alloc_heap(), "flood", f->ends), 0);
    make_side(f, 0);
    make_side(f, 1);
    assert_int_equal(tcp_listen(stack_tcp(f->stack[0]), 0, TCP_ANY_LOCAL, OPEN_PORT), 0);
    f->alloc[0].allocs_left = f->alloc[1].allocs_left = ALLOCS;
}

static void end(struct flood *f)
{
    for (unsigned i = 0; i < 2; i++) {
        stack_delete(f->stack[i]);
        assert_int_equal(f->alloc[i].live_blocks, 0);
    }
    for (unsigned i = 0; i < 2; i++)
        link_close(f->ends[i]);
}

/* ---- the flood ---- */

static uint16_t flags_of(struct flood *f)
{
    if (f->kind->flags != FLAGS_RANDOM)
        return f->kind->flags;
    return (uint16_t)((random_u32(&f->random) & 0x1f8u & ~(unsigned)TCP_ACK) | TCP_FIN);
}

/* One segment as an attacker sends it: everything random but where it goes to. */
static void fill(struct flood *f, struct packet *p)
{
    uint32_t source = 0x0b000000u + (uint32_t)random_below(&f->random, 0x73000000u);
    struct wire_tcp h = {.src_port = (uint16_t)(1 + random_below(&f->random, 65535)),
                         .dst_port = f->kind->port,
                         .seq = seq_of(random_u32(&f->random)),
                         .ack = seq_of(random_u32(&f->random)),
                         .flags = flags_of(f),
                         .window = 1024};
    struct wire_tcp_options o = {.present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE,
                                 .mss = 1460,
                                 .wscale = 7,
                                 .ts_val = random_u32(&f->random)};
    uint8_t *ip_at = p->data + 14, *tcp_at = ip_at + 20;
    uint32_t length = (uint32_t)wire_tcp_build(tcp_at, &h, h.flags & TCP_SYN ? &o : NULL) + f->kind->payload;
    memset(tcp_at + length - f->kind->payload, 'x', f->kind->payload);
    uint16_t sum = wire_l4_checksum_v4(source, SERVER, 6, tcp_at, length);
    memcpy(tcp_at + WIRE_TCP_CHECKSUM_OFFSET, &sum, sizeof sum);
    struct wire_ipv4 ip = {
        .total_len = (uint16_t)(20 + length), .ttl = 60, .protocol = 6, .src = source, .dst = SERVER};
    wire_eth_build14(p->data, macs[0], macs[1], 0x0800);
    wire_ipv4_build20(ip_at, &ip);
    p->len = 34 + length;
}

static void inject(struct flood *f)
{
    struct packet *p[LINK_BURST];
    for (unsigned left = FLOOD_PER_STEP; left > 0;) {
        unsigned n = link_tx_alloc(f->ends[1], p, min_u32(left, LINK_BURST), LINK_ALLOC_DATA);
        assert_true(n > 0);
        for (unsigned i = 0; i < n; i++)
            fill(f, p[i]);
        f->ends[1]->ops->tx_burst(f->ends[1], p, n, f->now);
        left -= n;
    }
    f->injected += FLOOD_PER_STEP;
}

static void connect_one(struct flood *f)
{
    struct flow_key key = {.local = 1, .remote = ip_addr_from_v4(SERVER), .remote_port = OPEN_PORT};
    struct tcp_ref ref;
    assert_true(f->attempted < MAX_CLIENTS);
    assert_int_equal(tcp_connect(stack_tcp(f->stack[1]), 0, &key, f->attempted++, f->now, &ref), 0);
}

static void run_until_silent(struct flood *f)
{
    unsigned n;
    do {
        n = stack_receive(f->stack[0], f->now) + stack_transmit(f->stack[0], f->now);
        n += stack_receive(f->stack[1], f->now) + stack_transmit(f->stack[1], f->now);
    } while (n > 0);
}

static void step(struct flood *f, bool flooding)
{
    struct tcp_occupancy o;
    f->now += STEP_NS;
    if (flooding)
        inject(f);
    if (flooding && f->steps++ % STEPS_PER_CONNECT == 0)
        connect_one(f);
    run_until_silent(f);
    tcp_get_occupancy(stack_tcp(f->stack[0]), &o);
    f->most_connections = max_u32(f->most_connections, o.connections);
    f->most_time_wait = max_u32(f->most_time_wait, o.time_wait);
}

static unsigned allocations(const struct flood *f)
{
    return 2 * ALLOCS - f->alloc[0].allocs_left - f->alloc[1].allocs_left;
}

static const struct tcp_counters *server_counters(const struct flood *f)
{
    return tcp_counters(stack_tcp(f->stack[0]));
}

static bool shortened(void) { return getenv("WEIR_SIM_CELLS") != NULL; }

static void print_cases(const char *id, uint64_t n) { print_message("%s: %llu cases\n", id, (unsigned long long)n); }

static void run(struct flood *f, int64_t virtual_ns)
{
    for (int64_t until = f->now + virtual_ns; f->now < until;)
        step(f, true);
    for (unsigned i = 0; i < 1000; i++) /* what is under way ends */
        step(f, false);
}

/* What holds in every flood. */
static void check_clients(const struct flood *f)
{
    assert_int_equal(allocations(f), 0);
    assert_int_equal(f->succeeded + f->failed, f->attempted);
    assert_true((uint64_t)f->succeeded * 100 >= (uint64_t)f->attempted * 99);
    assert_true(f->most_connections <= BACKLOG + 64);
    assert_true(f->most_time_wait <= f->attempted);
}

static void tc_24_a_syn_flood_of_a_million_a_second_leaves_connects_alone(void **state)
{
    static const struct flood_kind kind = {.name = "SYN", .flags = TCP_SYN, .port = OPEN_PORT};
    static struct flood f;
    (void)state;
    begin(&f, &kind);
    run(&f, shortened() ? NS_PER_S / 5 : 10 * NS_PER_S);
    const struct tcp_counters *c = server_counters(&f);
    print_message(
        "%llu SYNs in %.2f s: %llu cookies sent, %llu received, %llu failed; most connections %u of a backlog "
        "of %u; %u of %u connects succeeded, %u with all options; %u allocations\n",
        (unsigned long long)f.injected, (double)(f.now - START) / 1e9, (unsigned long long)c->syncookies_sent,
        (unsigned long long)c->syncookies_received, (unsigned long long)c->syncookies_failed, f.most_connections,
        BACKLOG, f.succeeded, f.attempted, f.with_options, allocations(&f));
    check_clients(&f);
    assert_int_equal(f.with_options, f.attempted);
    assert_int_equal(c->syncookies_sent + c->passive_opens - c->syncookies_received, f.injected + f.attempted);
    assert_true(c->syncookies_received >= f.attempted - 1);
    assert_int_equal(c->syncookies_failed, 0);
    print_cases("TC-24", f.injected);
    end(&f);
}

static const struct flood_kind kinds[] = {
    {"SYN to a closed port", TCP_SYN, CLOSED_PORT, 0, COUNTER(drop_no_connection), true, false},
    {"ACK", TCP_ACK, OPEN_PORT, 0, COUNTER(drop_no_connection), true, true},
    {"ACK to a closed port", TCP_ACK, CLOSED_PORT, 0, COUNTER(drop_no_connection), true, false},
    {"ACK with data", TCP_ACK | TCP_PSH, OPEN_PORT, 100, COUNTER(drop_no_connection), true, false},
    {"RST", TCP_RST, OPEN_PORT, 0, COUNTER(drop_no_connection), false, true},
    {"RST to a closed port", TCP_RST | TCP_ACK, CLOSED_PORT, 0, COUNTER(drop_no_connection), false, false},
    {"FIN", TCP_FIN, OPEN_PORT, 0, COUNTER(drop_bad_flags), false, true},
    {"FIN to a closed port", TCP_FIN, CLOSED_PORT, 0, COUNTER(drop_no_connection), true, false},
    {"SYN-ACK", TCP_SYN | TCP_ACK, OPEN_PORT, 0, COUNTER(drop_no_connection), true, false},
    {"SYN-ACK to a closed port", TCP_SYN | TCP_ACK, CLOSED_PORT, 0, COUNTER(drop_no_connection), true, false},
    {"FIN and random", FLAGS_RANDOM, OPEN_PORT, 20, COUNTER(drop_bad_flags), false, false},
};

static void check_flood(const struct flood *f)
{
    const struct tcp_counters *c = server_counters(f);
    uint64_t counted;
    memcpy(&counted, (const uint8_t *)c + f->kind->counter, sizeof counted);
    uint64_t seconds = (uint64_t)((f->now - START) / NS_PER_S + 1);
    print_message("%s: %llu segments in %.2f s, %llu RSTs, %llu not sent; most connections %u; %u of %u connects "
                  "succeeded; %u allocations\n",
                  f->kind->name, (unsigned long long)f->injected, (double)(f->now - START) / 1e9,
                  (unsigned long long)c->resets_sent, (unsigned long long)c->reset_limited, f->most_connections,
                  f->succeeded, f->attempted, allocations(f));
    check_clients(f);
    assert_int_equal(counted, f->injected);
    assert_int_equal(c->resets_sent + c->reset_limited, f->kind->answered ? f->injected : 0);
    assert_true(c->resets_sent <= seconds * RESETS_PER_SECOND);
    assert_int_equal(f->most_connections <= 8, true);
}

static void tc_27_floods_of_other_segments_are_counted_and_hardly_answered(void **state)
{
    static struct flood f;
    uint64_t segments = 0;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        begin(&f, &kinds[i]);
        run(&f, shortened() ? NS_PER_S / 50 : kinds[i].whole ? 10 * NS_PER_S : NS_PER_S / 5);
        check_flood(&f);
        segments += f.injected;
        end(&f);
    }
    print_cases("TC-27", segments);
}

/* In cookie mode every stray ACK is examined; none may pass, and the clients of that listener do. */
static void tc_26_27_an_ack_flood_in_cookie_mode_makes_no_connection(void **state)
{
    static const struct flood_kind syn = {.name = "SYN", .flags = TCP_SYN, .port = OPEN_PORT};
    static const struct flood_kind ack = {.name = "ACK", .flags = TCP_ACK, .port = OPEN_PORT};
    static struct flood f;
    (void)state;
    begin(&f, &syn);
    run(&f, NS_PER_S / 50);
    uint64_t before = f.injected;
    f.kind = &ack;
    run(&f, shortened() ? NS_PER_S / 50 : NS_PER_S / 5);
    const struct tcp_counters *c = server_counters(&f);
    print_message("%llu ACKs: %llu refused as cookies, %llu RSTs\n", (unsigned long long)(f.injected - before),
                  (unsigned long long)c->syncookies_failed, (unsigned long long)c->resets_sent);
    check_clients(&f);
    assert_int_equal(c->syncookies_failed, f.injected - before);
    print_cases("TC-26, TC-27", f.injected - before);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tc_24_a_syn_flood_of_a_million_a_second_leaves_connects_alone),
        cmocka_unit_test(tc_27_floods_of_other_segments_are_counted_and_hardly_answered),
        cmocka_unit_test(tc_26_27_an_ack_flood_in_cookie_mode_makes_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
