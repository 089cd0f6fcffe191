/* SPDX-License-Identifier: MIT */
/*
 * Floods of datagrams and of address resolution (THREATS FR-12, ARP-04, ARP-05, ND-06, IC-05, UD-04) at a million frames a second of virtual time, beside
 * the healthy TCP connection of support/hostile.h, which carries 16 MB a second each way, every byte of it checked. Memory stays flat, tables stay within
 * their bounds, live entries survive, other receivers get what is theirs, and ICMP errors keep to their limit.
 *
 * Time goes in steps of 250 microseconds: a step's flood waits on the link, then both stacks run until they are silent. A second of each flood, or as many
 * as WEIR_FLOOD_SECONDS says; with WEIR_SIM_CELLS, which the sanitizer builds set, a fiftieth of one.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/frame_make6.h"
#include "support/hostile.h"

#include "base/random.h"
#include "socket/socket.h"
#include "stack/forward.h"
#include "stack/stack_internal.h"

#define STEP_NS (250 * NS_PER_US)
#define FRAMES_PER_STEP 250u
#define TRANSFER_PER_STEP 4096u
#define MEASURED 8u         /* frames, spread over the flood */
#define WIDE 0x0a000001u    /* 10.0.0.1/8: a second address of ours */
#define STRANGERS 0xfffffdu /* a prime */
#define PORT 7000
#define QUIET_PORT 7001
#define ICMP_PER_SECOND 1000u
#define ICMP_BURST 50u

struct flood {
    const struct flood_kind *kind;
    struct hostile *h;
    struct random random;
    uint32_t us6;
    int64_t virtual_ns;
    uint64_t sent;            /* by the flood */
    uint64_t beside, arrived; /* datagrams that it must not harm */
    uint32_t most;            /* entries or bytes that the table in question ever had */
    struct socket_layer *layer;
    struct socket *quiet, *read;
};

/* Either make (a frame to us) or send (a datagram of our own) is one of the flood. The rest may be NULL. */
struct flood_kind {
    const char *id;
    uint32_t (*make)(struct flood *f, uint8_t *to);
    void (*send)(struct flood *f);
    void (*beside)(struct flood *f); /* before each step */
    void (*check)(struct flood *f);  /* after it */
};

static uint8_t frame[FRAME_MAKE_BYTES];

/* ---- any of them ---- */

static int64_t length_of_flood(void)
{
    const char *seconds = getenv("WEIR_FLOOD_SECONDS");
    if (seconds)
        return (int64_t)strtoul(seconds, NULL, 10) * NS_PER_S;
    return getenv("WEIR_SIM_CELLS") ? NS_PER_S / 50 : NS_PER_S;
}

static void begin(struct flood *f, const struct flood_kind *kind)
{
    struct stack_settings t;
    hostile_settings(&t);
    t.max_neighbours = 1024;
    t.icmp_errors_per_second = ICMP_PER_SECOND;
    t.icmp_errors_burst = ICMP_BURST;
    *f = (struct flood){.kind = kind, .h = hostile_new(&t), .virtual_ns = length_of_flood()};
    random_seed(&f->random, 11);
}

static void add_us6(struct flood *f)
{
    struct host_settings h = {.address = US6, .prefix_length = PREFIX6};
    memcpy(h.mac, US_MAC, sizeof h.mac);
    int local = stack_add_host(f->h->stack, &h);
    assert_true(local > 0);
    f->us6 = (uint32_t)local;
}

static void one(struct flood *f)
{
    if (f->kind->make)
        hostile_queue(f->h, frame, f->kind->make(f, frame));
    else
        f->kind->send(f);
    f->sent++;
}

static void one_measured(struct flood *f)
{
    if (f->kind->make) {
        hostile_measure(f->h);
        hostile_inject(f->h, frame, f->kind->make(f, frame));
    } else if (steps_begin()) {
        f->kind->send(f);
        f->h->steps_max = max_u64(f->h->steps_max, steps_end());
        f->h->measured++;
    } else {
        f->kind->send(f);
    }
    f->sent++;
}

static void step(struct flood *f, bool measure)
{
    if (measure) /* while nothing else is under way */
        one_measured(f);
    hostile_send(f->h, TRANSFER_PER_STEP);
    if (f->kind->beside)
        f->kind->beside(f);
    for (unsigned i = measure; i < FRAMES_PER_STEP; i++)
        one(f);
    hostile_pass(f->h, STEP_NS);
    f->h->count = 0;
    if (f->kind->check)
        f->kind->check(f);
}

static double wall_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_drops(const struct hostile *h)
{
    const struct stack_counters *now = stack_counters(h->stack);
#define PRINT(name)                                                                                                    \
    if (now->name > h->before.name)                                                                                    \
        print_message("    %s %llu\n", #name, (unsigned long long)(now->name - h->before.name));
    STACK_DROP_LIST(PRINT)
#undef PRINT
}

static void run(struct flood *f)
{
    struct hostile *h = f->h;
    hostile_case(h);
    h->calls_at_start = h->memory.calls;
    size_t before = h->memory.live_bytes;
    uint64_t bytes = h->us_side.sent;
    int64_t steps = f->virtual_ns / STEP_NS;
    double wall = wall_seconds();
    for (int64_t i = 0; i < steps; i++)
        step(f, i % (steps / MEASURED) == steps / MEASURED - 1);
    wall = wall_seconds() - wall;
    print_message(
        "%s: %llu in %.2f s, %.2f M a second of wall time, beside %.1f MB each way; at most %u in the table; %zu "
        "bytes allocated before, %zu after; drops:\n",
        f->kind->id, (unsigned long long)f->sent, (double)f->virtual_ns / 1e9, (double)f->sent / wall / 1e6,
        (double)(h->us_side.sent - bytes) / 1e6, f->most, before, h->memory.live_bytes);
    print_drops(h);
    assert_int_equal(h->memory.live_bytes, before);
    assert_int_equal(f->arrived, f->beside);
    assert_true(HOSTILE_COUNT(h, icmp_errors_sent) <=
                ICMP_BURST + (uint64_t)(f->virtual_ns * ICMP_PER_SECOND / NS_PER_S) + 1);
}

static void end(struct flood *f)
{
    for (unsigned i = 0; i < 10; i++)
        hostile_pass(f->h, NS_PER_S / 10);
    f->h->cases = (unsigned)f->sent;
    hostile_end(f->h, f->kind->id);
}

/* ---- neighbours ---- */

static const struct neighbour *known(const struct flood *f, uint32_t local, const struct ip_addr *a)
{
    uint32_t index = neighbour_find(f->h->stack, host_at(&f->h->stack->hosts, local)->domain, a);
    return index ? neighbour_at(&f->h->stack->neighbours, index) : NULL;
}

static int datagram_to(const struct flood *f, uint32_t local, const struct ip_addr *remote)
{
    struct udp_datagram d = {.local = local, .remote = *remote, .local_port = 9, .remote_port = 9};
    return udp_send(f->h->stack, &d, f->h->now);
}

/* PEER or PEER6, asked by us, answers: a live entry. */
static void resolve_peer(struct flood *f, uint32_t local, const struct ip_addr *peer)
{
    assert_int_equal(datagram_to(f, local, peer), 0);
    hostile_pass(f->h, 0);
    if (ip_addr_is_v4(peer))
        hostile_inject(f->h, frame, make_arp_reply(frame, PEER, PEER_MAC));
    else
        hostile_inject(f->h, frame,
                       make_advertisement(frame, peer, PEER_MAC, WIRE_ND_NA_SOLICITED | WIRE_ND_NA_OVERRIDE));
    assert_int_equal(known(f, local, peer)->state, NEIGHBOUR_REACHABLE);
}

/* The live entry is as it was, and what is sent to it leaves at once. */
static void expect_peer_live(struct flood *f, uint32_t local, const struct ip_addr *peer)
{
    const struct neighbour *n = known(f, local, peer);
    assert_non_null(n);
    assert_memory_equal(n->mac, PEER_MAC, 6);
    f->h->count = 0;
    assert_int_equal(datagram_to(f, local, peer), 0);
    hostile_pass(f->h, 0);
    const struct hostile_frame *left = hostile_next(f->h);
    assert_non_null(left);
    assert_memory_equal(left->bytes, PEER_MAC, 6);
}

static void check_neighbours(struct flood *f)
{
    const struct stack *s = f->h->stack;
    f->most = max_u32(f->most, s->neighbours.pool.used);
    assert_true(s->neighbours.pool.used <= s->settings.max_neighbours);
    assert_true(s->neighbours.waiting <= s->settings.resolve_queue_total);
}

static uint32_t make_stranger(struct flood *f, uint8_t *to)
{
    uint8_t mac[6] = {2, 9};
    uint32_t n = (uint32_t)(f->sent * 12345701u % STRANGERS);
    store_be32(mac + 2, n);
    return make_arp(to, BROADCAST_MAC, mac, WIRE_ARP_REQUEST, mac, WIDE + 1 + n, ZERO_MAC, WIDE);
}

static void arp_04_a_million_strangers_a_second(void **state)
{
    static const struct flood_kind kind = {.id = "ARP-04", .make = make_stranger, .check = check_neighbours};
    const struct ip_addr peer = v4(PEER);
    struct host_settings wide = {.address = v4(WIDE), .prefix_length = 8};
    struct flood f;
    (void)state;
    begin(&f, &kind);
    memcpy(wide.mac, US_MAC, sizeof wide.mac);
    assert_true(stack_add_host(f.h->stack, &wide) > 0);
    resolve_peer(&f, f.h->us, &peer);
    run(&f);
    assert_int_equal(HOSTILE_COUNT(f.h, arp_replies_sent), f.sent);
    assert_true(HOSTILE_COUNT(f.h, neighbours_evicted) + f.h->stack->settings.max_neighbours >= f.sent);
    expect_peer_live(&f, f.h->us, &peer);
    end(&f);
}

static void send_to_nobody(struct flood *f)
{
    const struct ip_addr nobody = v4(OTHER);
    int e = datagram_to(f, f->h->us, &nobody);
    assert_true(e == 0 || e == ERR_UNREACHABLE);
}

static void check_queue(struct flood *f)
{
    const struct ip_addr nobody = v4(OTHER);
    const struct neighbour *n = known(f, f->h->us, &nobody);
    assert_non_null(n);
    f->most = max_u32(f->most, n->queued);
    assert_true(n->queued <= f->h->stack->settings.resolve_queue_frames);
}

static void arp_05_a_million_datagrams_a_second_to_nobody(void **state)
{
    static const struct flood_kind kind = {.id = "ARP-05", .send = send_to_nobody, .check = check_queue};
    const struct ip_addr nobody = v4(OTHER);
    struct flood f;
    (void)state;
    begin(&f, &kind);
    run(&f);
    uint64_t requests = HOSTILE_COUNT(f.h, arp_requests_sent);
    print_message("    %llu requests\n", (unsigned long long)requests);
    assert_in_range(requests, 1, (uint64_t)(f.virtual_ns / NS_PER_S) + 1);
    assert_int_equal(HOSTILE_COUNT(f.h, resolve_queue_full) + HOSTILE_COUNT(f.h, resolve_failed) +
                         known(&f, f.h->us, &nobody)->queued,
                     f.sent);
    end(&f);
}

static struct ip_addr anybody6(struct flood *f)
{
    struct ip_addr a = US6;
    store_be32(a.bytes + 8, random_u32(&f->random));
    store_be32(a.bytes + 12, random_u32(&f->random));
    return a;
}

static uint32_t make_scan(struct flood *f, uint8_t *to)
{
    const struct ip_addr target = anybody6(f);
    return make_udp6(to, &FAR6, 9, &target, 9, "?", 1);
}

/* Through us to a station that answers. */
static void pass_to_peer(struct flood *f)
{
    hostile_queue(f->h, frame, make_udp6(frame, &FAR6, 9, &PEER6, 9, "!", 1));
    f->beside++;
}

static void check_scan(struct flood *f)
{
    check_neighbours(f);
    f->arrived = HOSTILE_COUNT(f->h, ipv6_forwarded);
}

static void nd_06_a_scan_of_a_subnet_behind_a_router(void **state)
{
    static const struct flood_kind kind = {
        .id = "ND-06", .make = make_scan, .beside = pass_to_peer, .check = check_scan};
    struct forward_settings forward;
    struct flood f;
    (void)state;
    begin(&f, &kind);
    add_us6(&f);
    forward_settings_default(&forward);
    assert_int_equal(forward_start(f.h->stack, 0, &forward), 0);
    resolve_peer(&f, f.us6, &PEER6);
    run(&f);
    uint64_t asked = HOSTILE_COUNT(f.h, nd_solicitations_sent);
    print_message("    %llu solicitations\n", (unsigned long long)asked);
    assert_in_range(asked, 1, f.h->stack->settings.resolve_queue_total / 2 * ((uint64_t)(f.virtual_ns / NS_PER_S) + 1));
    expect_peer_live(&f, f.us6, &PEER6);
    end(&f);
}

/* What we send ourselves: as many stations are asked at a time as datagrams may wait, and live entries stay. */
static void send_scan(struct flood *f)
{
    const struct ip_addr target = anybody6(f);
    int e = datagram_to(f, f->us6, &target);
    assert_true(e == 0 || e == ERR_AGAIN);
}

static void nd_06_a_scan_of_a_subnet_by_a_user_of_ours(void **state)
{
    static const struct flood_kind kind = {.id = "ND-06", .send = send_scan, .check = check_neighbours};
    struct flood f;
    (void)state;
    begin(&f, &kind);
    add_us6(&f);
    resolve_peer(&f, f.us6, &PEER6);
    run(&f);
    uint64_t asked = HOSTILE_COUNT(f.h, nd_solicitations_sent);
    print_message("    %llu solicitations\n", (unsigned long long)asked);
    assert_in_range(asked, 1, f.h->stack->settings.resolve_queue_total * ((uint64_t)(f.virtual_ns / NS_PER_S) + 1));
    assert_int_equal(HOSTILE_COUNT(f.h, resolve_queue_full) + HOSTILE_COUNT(f.h, arp_table_full) +
                         HOSTILE_COUNT(f.h, resolve_failed) + f.h->stack->neighbours.waiting,
                     f.sent);
    expect_peer_live(&f, f.us6, &PEER6);
    end(&f);
}

/* ---- errors ---- */

static uint32_t make_to_closed_port(struct flood *f, uint8_t *to)
{
    uint16_t port = (uint16_t)(1 + f->sent % 60000);
    if (f->sent % 2 == 0)
        return make_udp(to, (US & ~255u) + 3 + (uint32_t)random_below(&f->random, 60), 9, US, port, "x", 1);
    const struct ip_addr source = anybody6(f);
    return make_udp6(to, &source, 9, &US6, port, "x", 1);
}

static void ic_05_a_million_datagrams_a_second_to_closed_ports(void **state)
{
    static const struct flood_kind kind = {.id = "IC-05", .make = make_to_closed_port};
    struct flood f;
    (void)state;
    begin(&f, &kind);
    add_us6(&f);
    run(&f);
    uint64_t errors = HOSTILE_COUNT(f.h, icmp_errors_sent);
    print_message("    %llu errors\n", (unsigned long long)errors);
    assert_int_equal(HOSTILE_COUNT(f.h, udp_no_port), f.sent);
    assert_int_equal(errors + HOSTILE_COUNT(f.h, icmp_rate_limited), f.sent);
    assert_true(errors > 0);
    end(&f);
}

/* ---- sockets ---- */

static struct socket *open_socket(struct flood *f, uint16_t port)
{
    struct socket *s;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(socket_open(f->layer, AF_INET, SOCK_DGRAM, 0, &s), 0);
    assert_int_equal(socket_bind(s, (const struct sockaddr *)(const void *)&a, sizeof a, f->h->now), 0);
    return s;
}

static uint32_t make_unread(struct flood *f, uint8_t *to)
{
    return make_udp(to, PEER, 9, US, QUIET_PORT, &f->sent, sizeof f->sent);
}

static void send_to_reader(struct flood *f)
{
    hostile_queue(f->h, frame, make_udp(frame, PEER, 9, US, PORT, &f->beside, sizeof f->beside));
    f->beside++;
}

static bool take(const struct flood *f, struct socket *s, uint64_t *number)
{
    struct iovec v = {.iov_base = number, .iov_len = sizeof *number};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return socket_receive(s, &m, 0, f->h->now) == (ssize_t)sizeof *number;
}

static void read_reader(struct flood *f)
{
    for (uint64_t number; take(f, f->read, &number); f->arrived++)
        assert_int_equal(number, f->arrived);
}

static void ud_04_a_million_datagrams_a_second_that_nobody_reads(void **state)
{
    static const struct flood_kind kind = {
        .id = "UD-04", .make = make_unread, .beside = send_to_reader, .check = read_reader};
    struct socket_settings s;
    struct flood f;
    (void)state;
    begin(&f, &kind);
    socket_settings_default(&s);
    s.max_sockets = 8;
    s.buffer_bytes = 8u << 20;
    assert_int_equal(socket_layer_new(&s, f.h->stack, &f.h->memory.allocator, &f.layer), 0);
    f.quiet = open_socket(&f, QUIET_PORT);
    f.read = open_socket(&f, PORT);
    run(&f);
    uint64_t kept = 0, number;
    for (; take(&f, f.quiet, &number); kept++)
        assert_int_equal(number, kept); /* the oldest ones, in order */
    print_message("    %llu kept, drop_receive_buffer %llu\n", (unsigned long long)kept,
                  (unsigned long long)socket_counters(f.layer)->drop_receive_buffer);
    assert_in_range(kept, 1, s.receive_buffer);
    assert_int_equal(kept + socket_counters(f.layer)->drop_receive_buffer, f.sent);
    assert_int_equal(socket_close(f.quiet, f.h->now), 0);
    assert_int_equal(socket_close(f.read, f.h->now), 0);
    assert_int_equal(f.h->memory.calls, f.h->calls_at_start);
    socket_layer_delete(f.layer);
    end(&f);
}

/* ---- fragments ---- */

#define WHOLE 64u
#define HALF 32u

/* One source with ever new identifications, and ever new sources of both families. */
static uint32_t make_first_fragment(struct flood *f, uint8_t *to)
{
    static const uint8_t bytes[HALF];
    uint32_t source = (uint32_t)random_below(&f->random, 1u << 24);
    if (f->sent % 4 == 0)
        return make_fragment(to, OTHER, (uint16_t)(f->sent / 4), IP_PROTO_UDP, 0, true, bytes, HALF);
    if (f->sent % 4 == 1)
        return make_fragment(to, 0x0a000000u + source, (uint16_t)random_u32(&f->random), IP_PROTO_UDP, 0, true, bytes,
                             HALF);
    const struct ip_addr anybody = anybody6(f);
    return make_fragment6(to, &anybody, random_u32(&f->random), IP_PROTO_UDP, 0, true, bytes, HALF);
}

static void make_datagram(uint8_t *to, uint64_t number)
{
    struct wire_udp u = {.src_port = 9, .dst_port = PORT, .length = WHOLE};
    memset(to, 0, WHOLE);
    wire_udp_build(to, &u);
    memcpy(to + 8, &number, sizeof number);
    uint16_t sum = wire_l4_checksum_v4(PEER, US, IP_PROTO_UDP, to, WHOLE);
    memcpy(to + 6, &sum, sizeof sum);
}

static void give_half(struct flood *f, uint64_t number, uint32_t from)
{
    uint8_t whole[WHOLE];
    make_datagram(whole, number);
    hostile_queue(f->h, frame,
                  make_fragment(frame, PEER, (uint16_t)number, IP_PROTO_UDP, from, from == 0, whole + from, HALF));
}

/* The rest of a datagram whose beginning came before the last step's flood, and the beginning of the next. */
static void finish_and_begin(struct flood *f)
{
    if (f->sent > 0) {
        give_half(f, f->beside, HALF);
        f->beside++;
    }
    give_half(f, f->beside, 0);
}

static void on_datagram(void *context, const struct udp_datagram *d, int64_t now)
{
    struct flood *f = context;
    uint64_t number;
    (void)now;
    assert_int_equal(d->length, WHOLE - 8);
    memcpy(&number, d->bytes, sizeof number);
    assert_int_equal(number, f->arrived);
    f->arrived++;
}

static void check_fragments(struct flood *f)
{
    f->most = max_u32(f->most, f->h->stack->fragments.bytes);
    assert_true(f->h->stack->fragments.bytes <= f->h->stack->settings.fragment_bytes_high);
}

static void fr_12_a_million_first_fragments_a_second(void **state)
{
    static const struct flood_kind kind = {
        .id = "FR-12", .make = make_first_fragment, .beside = finish_and_begin, .check = check_fragments};
    struct flood f;
    (void)state;
    begin(&f, &kind);
    add_us6(&f);
    assert_int_equal(udp_bind(f.h->stack, f.h->us, PORT, on_datagram, NULL, &f), 0);
    run(&f);
    uint64_t held = f.h->stack->fragments.datagrams.used - 1; /* one of them is begun and none of the flood */
    print_message("    %llu held, %llu whole ones beside\n", (unsigned long long)held, (unsigned long long)f.arrived);
    assert_int_equal(HOSTILE_COUNT(f.h, frag_evicted) + HOSTILE_COUNT(f.h, frag_source_limit) + held, f.sent);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arp_04_a_million_strangers_a_second),
        cmocka_unit_test(arp_05_a_million_datagrams_a_second_to_nobody),
        cmocka_unit_test(nd_06_a_scan_of_a_subnet_behind_a_router),
        cmocka_unit_test(nd_06_a_scan_of_a_subnet_by_a_user_of_ours),
        cmocka_unit_test(ic_05_a_million_datagrams_a_second_to_closed_ports),
        cmocka_unit_test(ud_04_a_million_datagrams_a_second_that_nobody_reads),
        cmocka_unit_test(fr_12_a_million_first_fragments_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
