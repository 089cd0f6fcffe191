/* SPDX-License-Identifier: MIT */
/*
 * The rig of hostile.h: two stacks on a memory link. The test takes every frame at the healthy neighbour's end, gives
 * it what is addressed to it, and keeps the rest for itself; the frames it injects leave from the same end.
 */
#include "support/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "link/memory.h"

#define PULSE_BYTES 3000u
#define PULSE_EVERY 64u
#define FIRST_MEASURED 8u
#define STEP_BUDGET 150000u /* instructions of a test that are stepped through, apart from those asked for */
#define SETTLE_TURNS 2000u

static const uint8_t HEALTHY_MAC[6] = {2, 0, 0, 0, 0, 77};

/* ---- memory ---- */

static void *counted_alloc(const struct allocator *self, size_t size, size_t align)
{
    struct hostile_memory *m = self->context;
    m->calls++;
    m->live_bytes += size;
    return alloc_zeroed(alloc_heap(), size, align);
}

static void counted_free(const struct allocator *self, void *memory, size_t size)
{
    struct hostile_memory *m = self->context;
    m->live_bytes -= size;
    alloc_free(alloc_heap(), memory, size);
}

/* ---- the healthy connection ---- */

static uint8_t pattern(uint64_t offset) { return (uint8_t)((offset * 0x9e3779b1u) >> 13); }

static void on_received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct hostile_side *side = context;
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], pattern(side->received + i));
    side->received += length;
    tcp_consumed(stack_tcp(side->stack), c, length, now);
}

static size_t on_pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    (void)context;
    (void)c;
    for (size_t i = 0; i < length; i++)
        to[i] = pattern(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static int on_admit(void *context, const struct flow_key *key, uint64_t *word)
{
    (void)context;
    (void)word;
    return ip_addr_to_v4(&key->remote) == HEALTHY ? 0 : ERR_REFUSED;
}

static void on_connected(void *context, struct tcp *c, int64_t now)
{
    struct hostile_side *side = context;
    (void)now;
    side->ref = tcp_ref_of(stack_tcp(side->stack), c);
}

static void on_closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    (void)now;
    struct hostile_side *side = context;
    if (tcp_get(stack_tcp(side->stack), side->ref) != c)
        return;
    side->ref = (struct tcp_ref){0};
    print_message("the healthy connection ended: %s\n", tcp_close_reason_name(reason));
}

static const struct tcp_user healthy_calls = {
    .admit = on_admit, .connected = on_connected, .received = on_received, .pull = on_pull, .closed = on_closed};

/* ---- frames ---- */

static void keep_frame(struct hostile *h, const struct packet *p)
{
    if (h->count == HOSTILE_FRAMES) {
        h->head = (h->head + 1) % HOSTILE_FRAMES;
        h->count--;
        h->lost_frames++;
    }
    struct hostile_frame *f = &h->frames[(h->head + h->count++) % HOSTILE_FRAMES];
    assert_true(p->len <= sizeof f->bytes);
    memcpy(f->bytes, p->data, p->len);
    f->length = p->len;
}

/* Takes what US sent; returns how many frames there were. */
static unsigned drain(struct hostile *h)
{
    struct packet *burst[LINK_BURST];
    unsigned n = link_rx_burst(h->healthy.link, burst, LINK_BURST, h->now);
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = burst[i];
        bool theirs = memcmp(p->data, HEALTHY_MAC, 6) == 0, lost = h->path_takes && p->len > h->path_takes;
        if (!theirs)
            keep_frame(h, p);
        if ((theirs && !lost) || (p->data[0] & 1))
            stack_input(h->healthy.stack, 0, &p, 1, h->now);
        else
            packet_release(p);
    }
    return n;
}

static unsigned turn(struct hostile_side *side, int64_t now)
{
    uint64_t before = stack_counters(side->stack)->frames_sent;
    unsigned n = stack_receive(side->stack, now);
    stack_transmit(side->stack, now);
    return n + (unsigned)(stack_counters(side->stack)->frames_sent - before);
}

static void settle(struct hostile *h)
{
    for (unsigned turns = 0, moved = 1; moved; turns++) {
        assert_true(turns < SETTLE_TURNS);
        moved = drain(h);
        moved += turn(&h->healthy, h->now);
        moved += turn(&h->us_side, h->now);
    }
}

const struct hostile_frame *hostile_next(struct hostile *h)
{
    if (h->count == 0)
        return NULL;
    const struct hostile_frame *f = &h->frames[h->head];
    h->head = (h->head + 1) % HOSTILE_FRAMES;
    h->count--;
    return f;
}

/* ---- life ---- */

void hostile_settings(struct stack_settings *t)
{
    stack_settings_default(t);
    t->max_addresses = 16;
    t->max_neighbours = 256;
    t->secret = (struct hash_key){0x5eed, 0xfeed};
    t->tcp.secret = (struct hash_key){0xdeed, 0xbeed};
    t->tcp.max_connections = 256;
    t->tcp.max_time_wait = 256;
    t->tcp.max_out_of_order_frames = 256;
}

static void side_init(struct hostile *h, struct hostile_side *side, const struct stack_settings *t, uint32_t address,
                      const uint8_t *mac)
{
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    side->rig = h;
    assert_int_equal(guard_init(&side->guard, &rules, NULL, h->now), 0);
    assert_int_equal(stack_new(t, &h->memory.allocator, h->now, &side->stack), 0);
    assert_int_equal(stack_add_interface(side->stack, side->link, &side->guard), 0);
    struct host_settings host = {.address = v4(address), .prefix_length = PREFIX, .gateway = v4(GATEWAY)};
    memcpy(host.mac, mac, sizeof host.mac);
    assert_int_equal(stack_add_host(side->stack, &host), 1);
    struct tcp_profile profile;
    tcp_profile_default(&profile);
    assert_int_equal(tcp_register_user(stack_tcp(side->stack), &healthy_calls, side, &profile), 0);
}

static void open_connection(struct hostile *h)
{
    struct ip_addr us = v4(US), healthy = v4(HEALTHY);
    assert_int_equal(stack_add_neighbour(h->stack, 1, &healthy, HEALTHY_MAC), 0);
    assert_int_equal(stack_add_neighbour(h->healthy.stack, 1, &us, US_MAC), 0);
    assert_int_equal(tcp_listen(stack_tcp(h->stack), 0, 1, HOSTILE_PORT), 0);
    struct flow_key key = {.local = 1, .remote = us, .remote_port = HOSTILE_PORT};
    assert_int_equal(tcp_connect(stack_tcp(h->healthy.stack), 0, &key, 0, h->now, &h->healthy.ref), 0);
    settle(h);
    hostile_pulse(h);
}

struct hostile *hostile_new(const struct stack_settings *settings)
{
    struct hostile *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->now = 1000 * NS_PER_S;
    h->memory.allocator = (struct allocator){.alloc = counted_alloc, .free = counted_free, .context = &h->memory};
    struct memory_settings m;
    struct link *ends[2];
    memory_settings_default(&m);
    assert_int_equal(memory_link_new(&m, &h->memory.allocator, "hostile", ends), 0);
    h->us_side.link = ends[0];
    h->healthy.link = ends[1];
    struct stack_settings t;
    hostile_settings(&t);
    side_init(h, &h->healthy, &t, HEALTHY, HEALTHY_MAC);
    side_init(h, &h->us_side, settings ? settings : &t, US, US_MAC);
    h->stack = h->us_side.stack;
    h->us = 1;
    open_connection(h);
    h->calls_at_start = h->memory.calls;
    hostile_case(h);
    h->cases = 0;
    return h;
}

/* What one side was promised has arrived at the other. */
static void check_stream(const struct hostile_side *from, const struct hostile_side *to)
{
    assert_int_equal(to->received, from->sent);
    struct tcp *c = tcp_get(stack_tcp(from->stack), from->ref);
    assert_non_null(c);
    assert_int_equal(tcp_state_of(c), TCP_ESTABLISHED);
}

void hostile_send(struct hostile *h, uint32_t bytes)
{
    struct hostile_side *sides[2] = {&h->us_side, &h->healthy};
    for (unsigned i = 0; i < 2; i++) {
        struct tcp *c = tcp_get(stack_tcp(sides[i]->stack), sides[i]->ref);
        assert_non_null(c);
        assert_int_equal(tcp_send(stack_tcp(sides[i]->stack), c, bytes, h->now), 0);
        sides[i]->sent += bytes;
    }
}

void hostile_pulse(struct hostile *h)
{
    hostile_send(h, PULSE_BYTES);
    settle(h);
    check_stream(&h->us_side, &h->healthy);
    check_stream(&h->healthy, &h->us_side);
}

struct tcp *hostile_in_flight(struct hostile *h, uint32_t bytes)
{
    struct tcp *c = tcp_get(stack_tcp(h->stack), h->us_side.ref);
    assert_non_null(c);
    assert_int_equal(tcp_send(stack_tcp(h->stack), c, bytes, h->now), 0);
    h->us_side.sent += bytes;
    turn(&h->us_side, h->now);
    return c;
}

void hostile_end(struct hostile *h, const char *id)
{
    hostile_pulse(h);
    assert_int_equal(h->memory.calls, h->calls_at_start);
    print_message("%s: %u cases, %llu frames, at most %llu instructions a frame (%u measured)\n", id, h->cases,
                  (unsigned long long)h->injected, (unsigned long long)h->steps_max, h->measured);
    assert_true(h->cases > 0);
    assert_true(h->steps_max <= HOSTILE_MAX_STEPS);
    stack_delete(h->us_side.stack);
    stack_delete(h->healthy.stack);
    link_close(h->us_side.link); /* asserts that every frame is home */
    link_close(h->healthy.link);
    assert_int_equal(h->memory.live_bytes, 0);
    free(h);
}

/* ---- the attack ---- */

void hostile_case(struct hostile *h)
{
    h->cases++;
    h->count = 0;
    h->before = *stack_counters(h->stack);
    h->tcp_before = *tcp_counters(stack_tcp(h->stack));
}

void hostile_measure(struct hostile *h) { h->measure_next = true; }

static bool worth_measuring(const struct hostile *h)
{
    bool chosen = h->injected <= FIRST_MEASURED || (h->injected & (h->injected - 1)) == 0;
    return h->measure_next || (chosen && h->steps_total < STEP_BUDGET);
}

static void measured_turn(struct hostile *h)
{
    if (!steps_begin()) {
        turn(&h->us_side, h->now);
        return;
    }
    turn(&h->us_side, h->now);
    uint64_t steps = steps_end();
    h->measured++;
    h->measure_next = false;
    h->steps_total += steps;
    if (steps > h->steps_max)
        h->steps_max = steps;
}

void hostile_queue(struct hostile *h, const uint8_t *frame, uint32_t length)
{
    struct packet *p;
    assert_int_equal(link_tx_alloc(h->healthy.link, &p, 1, LINK_ALLOC_CONTROL), 1);
    memcpy(p->data, frame, length);
    p->len = length;
    h->healthy.link->ops->tx_burst(h->healthy.link, &p, 1, h->now);
    h->injected++;
}

void hostile_inject(struct hostile *h, const uint8_t *frame, uint32_t length)
{
    hostile_queue(h, frame, length);
    if (worth_measuring(h))
        measured_turn(h);
    else
        turn(&h->us_side, h->now);
    settle(h);
    if (h->injected % PULSE_EVERY == 0)
        hostile_pulse(h);
}

void hostile_pass(struct hostile *h, int64_t ns)
{
    h->now += ns;
    settle(h);
}

/* ---- expecting ---- */

const uint8_t *hostile_expect_ipv4(struct hostile *h, uint8_t protocol, struct wire_ipv4 *ip)
{
    const struct hostile_frame *f = hostile_next(h);
    assert_non_null(f);
    assert_memory_equal(f->bytes, PEER_MAC, 6);
    assert_int_equal(load_be16(f->bytes + 12), ETHERTYPE_IPV4);
    assert_int_equal(wire_ipv4_parse(f->bytes + 14, f->length - 14, ip), 20);
    assert_true(wire_ipv4_checksum_ok(f->bytes + 14, 20));
    assert_int_equal(ip->protocol, protocol);
    assert_int_equal(ip->src, US);
    return f->bytes + 34;
}

void hostile_expect_silence(struct hostile *h) { assert_int_equal(h->count, 0); }

void hostile_expect_icmp(struct hostile *h, uint8_t type, uint8_t code)
{
    struct wire_ipv4 ip;
    const uint8_t *m = hostile_expect_ipv4(h, IP_PROTO_ICMP, &ip);
    assert_int_equal(m[0], type);
    assert_int_equal(m[1], code);
    assert_true(wire_icmp_checksum_ok(m, wire_ipv4_payload_len(&ip)));
}

/* ---- counters ---- */

struct counter_name {
    const char *name;
    size_t offset;
};

static const struct counter_name stack_drops[] = {
#define DROP(name) {#name, offsetof(struct stack_counters, name)},
    STACK_DROP_LIST(DROP)
#undef DROP
};

static const struct counter_name tcp_names[] = {
#define COUNTER(name) {#name, offsetof(struct tcp_counters, name)},
    TCP_COUNTER_LIST(COUNTER)
#undef COUNTER
};

static uint64_t went_up(const void *now, const void *before, size_t offset)
{
    uint64_t a, b;
    memcpy(&a, (const uint8_t *)now + offset, sizeof a);
    memcpy(&b, (const uint8_t *)before + offset, sizeof b);
    return a - b;
}

static void expect_count(const char *name, uint64_t expected, uint64_t found, const char *file, int line)
{
    if (expected == found)
        return;
    print_message("%s went up by %llu instead of %llu\n", name, (unsigned long long)found,
                  (unsigned long long)expected);
    _fail(file, line);
}

static void check_all(struct hostile *h, const char *name, uint64_t n, const char *tcp_name, uint64_t tcp_n,
                      const char *file, int line)
{
    const struct stack_counters *s = stack_counters(h->stack);
    const struct tcp_counters *t = tcp_counters(stack_tcp(h->stack));
    for (unsigned i = 0; i < sizeof stack_drops / sizeof stack_drops[0]; i++) {
        const struct counter_name *c = &stack_drops[i];
        uint64_t expected = name && strcmp(c->name, name) == 0 ? n : 0;
        expect_count(c->name, expected, went_up(s, &h->before, c->offset), file, line);
    }
    for (unsigned i = 0; i < sizeof tcp_names / sizeof tcp_names[0]; i++) {
        const struct counter_name *c = &tcp_names[i];
        bool asked = tcp_name && strcmp(c->name, tcp_name) == 0;
        if (asked || strncmp(c->name, "drop_", 5) == 0)
            expect_count(c->name, asked ? tcp_n : 0, went_up(t, &h->tcp_before, c->offset), file, line);
    }
}

void hostile_drops(struct hostile *h, const char *name, uint64_t n, const char *file, int line)
{
    check_all(h, name, n, NULL, 0, file, line);
}

void hostile_tcp_drops(struct hostile *h, const char *name, uint64_t n, const char *file, int line)
{
    check_all(h, NULL, 0, name, n, file, line);
}
