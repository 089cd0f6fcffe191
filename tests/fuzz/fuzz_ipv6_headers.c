/* SPDX-License-Identifier: MIT */
/*
 * IPv6 extension headers: the walk of wire/ipv6, beside a plain reading of RFC 8200, 5095, 7112 and 2675, then the same packet to a host.
 *
 * Input: one byte that says where it goes (bit 0: to a group) and what its payload length says (bits 1 and 2: what is there, 0, the next two bytes), the first next
 * header, and what follows the fixed header. The walk and the plain reading agree in every field that counts. The host answers with at most one frame; a Parameter
 * Problem that it sends about headers is the one that was read; what is refused is counted exactly once; what it holds of fragments is gone a minute later.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "link/memory.h"
#include "stack/stack_internal.h"

#define MOST_BYTES 1400u

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- a plain reading ---- */

struct reading {
    enum wire_ipv6_verdict verdict;
    uint8_t code, protocol;
    uint32_t pointer, offset, at, end, next_at, headers;
    bool to_group, no_length, fragment, fragment_header;
};

static void refuse(struct reading *r) { r->verdict = WIRE_IPV6_DROP; }

static void complain(struct reading *r, uint8_t code, uint32_t pointer, bool to_groups_too)
{
    if (r->to_group && !to_groups_too) {
        refuse(r);
        return;
    }
    r->verdict = WIRE_IPV6_PARAMETER_PROBLEM;
    r->code = code;
    r->pointer = pointer;
}

static bool extends(uint8_t next) { return next == 0 || next == 43 || next == 44 || next == 60; }

/* Of an option that is no padding: true to go on. */
static bool read_option(struct reading *r, const uint8_t *p, uint32_t at, bool first)
{
    uint8_t type = p[at], length = p[at + 1];
    if (first && type == 5) {
        if (length != 2)
            refuse(r);
    } else if (first && type == 0xc2) {
        if (length != 4 || at % 4 != 2)
            refuse(r);
        else if (!r->no_length)
            complain(r, 0, at, false);
        else if (load_be32(p + at + 2) < 65536)
            complain(r, 0, at + 2, false);
        else
            refuse(r);
    } else if (type >= 0xc0) {
        complain(r, 2, at, false);
    } else if (type >= 0x80) {
        complain(r, 2, at, true);
    } else if (type >= 0x40) {
        refuse(r);
    }
    return r->verdict == WIRE_IPV6_ACCEPT;
}

static void read_options(struct reading *r, const uint8_t *p, uint32_t at, uint32_t stop, bool first)
{
    uint32_t options = 0, padding = 0;
    while (at < stop && r->verdict == WIRE_IPV6_ACCEPT) {
        uint32_t size = p[at] == 0 ? 1 : at + 1 < stop ? 2u + p[at + 1] : stop;
        if (size > stop - at) {
            refuse(r);
        } else if (p[at] > 1) {
            padding = 0;
            if (++options > 8)
                refuse(r);
            else
                (void)read_option(r, p, at, first);
        } else {
            padding += size;
            for (uint32_t i = 2; i < size; i++)
                if (p[at + i])
                    refuse(r);
            if (padding > 7)
                refuse(r);
        }
        at += size;
    }
}

/* Of the header at `at`, or 0. */
static uint32_t size_there(const uint8_t *p, uint32_t at, uint32_t end)
{
    uint32_t size = end - at >= 8 ? 8u + 8u * p[at + 1] : 0;
    return size <= end - at ? size : 0;
}

/* RFC 7112: what of the chain a first fragment lacks. */
static void read_chain(struct reading *r, const uint8_t *p, uint32_t at, uint8_t next)
{
    uint32_t headers = r->headers;
    for (uint32_t size; extends(next); at += size) {
        size = size_there(p, at, r->end);
        if (next == 44 || ++headers > 8) {
            refuse(r);
            return;
        }
        if (size == 0) {
            complain(r, 3, 0, false);
            return;
        }
        next = p[at];
    }
    uint32_t least = next == 6 ? 20 : next == 17 || next == 58 ? 8 : next == 59 ? 0 : 1;
    if (r->end - at < least)
        complain(r, 3, 0, false);
}

static uint32_t read_fragment(struct reading *r, const uint8_t *p)
{
    uint32_t there = r->end - r->at;
    if (r->fragment_header || there < 8) {
        refuse(r);
        return 0;
    }
    uint32_t bits = load_be16(p + r->at + 2), offset = bits & 0xfff8u;
    r->fragment_header = true;
    r->fragment = offset || (bits & 1);
    if (!r->fragment)
        return 8;
    if (there == 8)
        refuse(r);
    else if ((bits & 1) && there % 8)
        complain(r, 0, 4, false);
    else if (r->at - 40 + offset + there - 8 > 65535)
        complain(r, 0, r->at + 2, false);
    else if (offset == 0)
        read_chain(r, p, r->at + 8, p[r->at]);
    return 8;
}

static uint32_t read_header(struct reading *r, const uint8_t *p)
{
    if (r->protocol == 0 && r->at != 40) {
        complain(r, 1, r->next_at, false);
        return 0;
    }
    if (r->protocol == 44)
        return read_fragment(r, p);
    uint32_t size = size_there(p, r->at, r->end);
    if (size == 0) {
        refuse(r);
        return 0;
    }
    if (r->protocol != 43)
        read_options(r, p, r->at + 2, r->at + size, r->protocol == 0);
    else if (p[r->at + 3])
        complain(r, 0, r->at + 2, false);
    if (r->verdict == WIRE_IPV6_ACCEPT && r->protocol != 43 && r->no_length)
        complain(r, 0, 4, false);
    return size;
}

static struct reading read_plainly(const uint8_t *p, uint32_t length)
{
    uint32_t said = load_be16(p + 4);
    struct reading r = {.at = 40, .next_at = 6, .protocol = p[6], .to_group = p[24] == 0xff};
    r.no_length = said == 0 && p[6] == 0;
    r.end = r.no_length ? length : 40 + said;
    if (r.end > length)
        refuse(&r);
    while (r.verdict == WIRE_IPV6_ACCEPT && extends(r.protocol) && !r.fragment) {
        uint32_t size = 0;
        if (++r.headers > 8)
            refuse(&r);
        else
            size = read_header(&r, p);
        if (r.verdict == WIRE_IPV6_ACCEPT) {
            r.next_at = r.at;
            r.protocol = p[r.at];
            r.at += size;
        }
    }
    return r;
}

static void compare(const uint8_t *p, uint32_t length, const struct reading *r)
{
    struct wire_ipv6_walk w;
    must(wire_ipv6_walk(p, length, &w) == r->verdict);
    must((w.reason == WIRE_IPV6_GOOD) == (w.verdict == WIRE_IPV6_ACCEPT) && wire_ipv6_reason_text(w.reason)[0]);
    if (r->verdict == WIRE_IPV6_PARAMETER_PROBLEM)
        must(w.problem_code == r->code && w.problem_pointer == r->pointer);
    if (r->verdict == WIRE_IPV6_ACCEPT)
        must(w.protocol == r->protocol && w.offset == r->at && w.end == r->end && w.next_header_at == r->next_at &&
             w.fragment == r->fragment && w.fragment_header == r->fragment_header && w.header_count == r->headers);
}

/* ---- the host ---- */

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 2};
static const struct ip_addr us = {{0x20, 1, 0x0d, 0xb8, [15] = 1}}, peer = {{0x20, 1, 0x0d, 0xb8, [15] = 2}};
static const struct ip_addr all_nodes = {{0xff, 2, [15] = 1}};

static struct {
    struct link *ends[2];
    struct guard guard;
    struct stack *stack;
    int64_t now;
} world;

static void make_world(void)
{
    struct memory_settings m;
    struct stack_settings s;
    struct guard_rules rules = {.allow_multicast = true, .allow_ethertypes = true, .stop_at = TIME_NEVER};
    struct host_settings h = {.address = us, .prefix_length = 64};
    memory_settings_default(&m);
    must(memory_link_new(&m, alloc_heap(), "fuzz", world.ends) == 0);
    world.now = NS_PER_S;
    must(guard_init(&world.guard, &rules, NULL, world.now) == 0);
    stack_settings_default(&s);
    s.max_addresses = 4;
    s.max_neighbours = 16;
    s.tcp.max_connections = s.tcp.max_time_wait = 8;
    s.tcp.max_out_of_order_frames = 32;
    s.fragment_bytes_high = s.fragment_bytes_low = s.fragment_source_bytes = 128 << 10;
    must(stack_new(&s, alloc_heap(), world.now, &world.stack) == 0);
    must(stack_add_interface(world.stack, world.ends[0], &world.guard) == 0);
    memcpy(h.mac, our_mac, 6);
    must(stack_add_host(world.stack, &h) == 1);
}

static uint64_t drops(void)
{
    const struct stack_counters *c = stack_counters(world.stack);
    uint64_t sum = 0;
#define ADD(name) sum += c->name;
    STACK_DROP_LIST(ADD)
#undef ADD
    return sum;
}

/* What comes back: the only frame, or NULL. It is the link's until the next call. */
static struct packet *turn(int64_t ns)
{
    struct packet *p[LINK_BURST];
    world.now += ns;
    stack_receive(world.stack, world.now);
    stack_transmit(world.stack, world.now);
    unsigned n = link_rx_burst(world.ends[1], p, LINK_BURST, world.now);
    must(n <= 1);
    return n ? p[0] : NULL;
}

static void settle(int64_t ns)
{
    struct packet *p = turn(ns);
    if (p)
        packet_release(p);
}

/* About headers, or about a protocol nobody knows. */
static void check_problem(const struct packet *answer, const struct reading *r)
{
    const uint8_t *m = answer->data + 54;
    if (answer->data[20] != IP_PROTO_ICMPV6 || m[0] != WIRE_ICMPV6_PARAMETER_PROBLEM)
        return;
    must(answer->len >= 54 + 8 + 40); /* it quotes a header at least */
    if (r->verdict == WIRE_IPV6_PARAMETER_PROBLEM)
        must(m[1] == r->code && load_be32(m + 4) == r->pointer);
    else
        must(r->verdict == WIRE_IPV6_ACCEPT && m[1] == WIRE_ICMPV6_PROBLEM_NEXT_HEADER);
}

static void give(const uint8_t *packet, uint32_t length, const struct reading *r)
{
    struct packet *p;
    uint64_t before = drops();
    must(link_tx_alloc(world.ends[1], &p, 1, LINK_ALLOC_DATA) == 1);
    memcpy(p->data, our_mac, 6);
    if (r->to_group)
        wire_eth_addr_from_ipv6_multicast(p->data, packet + 24);
    memcpy(p->data + 6, peer_mac, 6);
    store_be16(p->data + 12, ETHERTYPE_IPV6);
    memcpy(p->data + 14, packet, length);
    p->len = 14 + length;
    world.ends[1]->ops->tx_burst(world.ends[1], &p, 1, world.now);
    struct packet *answer = turn(0);
    if (r->verdict != WIRE_IPV6_ACCEPT)
        must(drops() == before + 1);
    if (r->verdict == WIRE_IPV6_DROP)
        must(!answer);
    if (answer) {
        check_problem(answer, r);
        packet_release(answer);
    }
    for (unsigned i = 0; i < 2; i++)
        settle(31 * NS_PER_S);
    must(world.stack->fragments.bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t p[40 + MOST_BYTES];
    if (size < 4 || size > MOST_BYTES)
        return 0;
    if (!world.stack)
        make_world();
    uint32_t there = (uint32_t)size - 4;
    memset(p, 0, 40);
    p[0] = 0x60;
    store_be16(p + 4, (uint16_t)there);
    if (bytes[0] & 2)
        memset(p + 4, 0, 2);
    else if (bytes[0] & 4)
        memcpy(p + 4, bytes + 2, 2);
    p[6] = bytes[1];
    p[7] = 64;
    memcpy(p + 8, peer.bytes, 16);
    memcpy(p + 24, bytes[0] & 1 ? all_nodes.bytes : us.bytes, 16);
    memcpy(p + 40, bytes + 4, there);
    const struct reading r = read_plainly(p, 40 + there);
    compare(p, 40 + there, &r);
    give(p, 40 + there, &r);
    return 0;
}
