/* SPDX-License-Identifier: MIT */
/*
 * The accelerator's program on the XDP hook (bpf/accel.bpf.c) against src/accel/translate.c: the kernel runs it on random segments of both families, both ways, with and without a
 * tag, with the options that hosts write, right, wrong and unfilled checksums. What is plain leaves with the bytes that translate.c makes; what is not passes
 * untouched; and the ends that it has noted are those of the segments that it took.
 *
 *     accel_shortcut_equal PROGRAM.bpf.o SEGMENTS SEED
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/flow.h"
#include "base/checksum.h"
#include "base/random.h"
#include "engine/shortcut_map.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define FRAME 2048u
#define MOST 1460u
#define PAYLOAD_MAX 1400u
#define LOOPBACK 1u

struct bed {
    struct bpf_object *object;
    int programs[2], flows;
    struct random random;
    struct accel_key key;
    struct shortcut_flow flow;
};

/* A segment, and whether the program has to take it. */
struct segment {
    uint8_t frame[FRAME];
    unsigned side;
    bool v6, tagged, is_plain;
    uint32_t at, header, payload, length; /* of TCP, and the frame */
    const char *why;                      /* it is not plain */
};

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static uint32_t below(struct bed *b, uint32_t n) { return (uint32_t)random_below(&b->random, n); }

static void load(struct bed *b, const char *path)
{
    static const char *const names[2] = {"from_clients", "from_servers"};
    b->object = bpf_object__open_file(path, NULL);
    if (!b->object || bpf_object__load(b->object) < 0)
        fail(path);
    const int devices = bpf_object__find_map_fd_by_name(b->object, "devices");
    for (uint32_t side = 0; side < 2; side++) {
        const uint32_t index = LOOPBACK;
        b->programs[side] = bpf_program__fd(bpf_object__find_program_by_name(b->object, names[side]));
        if (bpf_map_update_elem(devices, &side, &index, BPF_ANY) < 0)
            fail("devices");
    }
    b->flows = bpf_object__find_map_fd_by_name(b->object, "flows");
}

/* ---- segments ---- */

static void refuse(struct segment *s, const char *why)
{
    s->is_plain = false;
    s->why = why;
}

static uint32_t put_sack(struct bed *b, uint8_t *to, uint32_t blocks)
{
    memcpy(to, (const uint8_t[]){1, 1, 5, (uint8_t)(2 + 8 * blocks)}, 4);
    for (uint32_t i = 0; i < 2 * blocks; i++)
        store_be32(to + 4 + 4 * i, random_u32(&b->random));
    return 4 + 8 * blocks;
}

static uint32_t put_timestamps(struct bed *b, uint8_t *to)
{
    store_be32(to, WIRE_TCP_TS_PREFIX);
    store_be32(to + 4, random_u32(&b->random));
    store_be32(to + 8, random_u32(&b->random));
    return 12;
}

/* As hosts write them; now and then otherwise. */
static uint32_t put_options(struct bed *b, struct segment *s, uint8_t *to)
{
    uint32_t at = below(b, 2) ? put_timestamps(b, to) : 0;
    if (below(b, 3) == 0)
        at += put_sack(b, to + at, 1 + below(b, at ? 3 : 4));
    if (below(b, 20))
        return at;
    refuse(s, "options of another shape");
    switch (below(b, 4)) {
    case 0: /* nothing but no operations */
        memset(to, TCP_KIND_NOP, 4);
        return 4;
    case 1: /* timestamps behind the option, not before it */
        memcpy(to, (const uint8_t[]){8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1}, 12);
        return 12;
    case 2: /* a length that is not SACK's */
        memcpy(to, (const uint8_t[]){1, 1, 5, 6, 0, 0, 0, 1}, 8);
        return 8;
    default: /* cut off */
        memcpy(to, (const uint8_t[]){1, 1, 8, 10, 0, 0, 0, 1}, 8);
        return 8;
    }
}

static uint16_t flags_of(struct bed *b, struct segment *s)
{
    static const uint16_t odd[] = {0, TCP_PSH, TCP_SYN | TCP_ACK, TCP_ACK | TCP_FIN, TCP_RST, TCP_ACK | TCP_URG};
    if (below(b, 20) == 0) {
        refuse(s, "flags");
        return odd[below(b, 6)];
    }
    static const uint16_t added[] = {0, TCP_PSH, TCP_ECE, TCP_CWR, TCP_AE, TCP_PSH | TCP_ECE | TCP_CWR};
    return (uint16_t)(TCP_ACK | added[below(b, 6)]);
}

static void put_tcp(struct bed *b, struct segment *s)
{
    uint8_t *tcp = s->frame + s->at;
    const bool by_client = s->side == ACCEL_CLIENTS;
    const uint64_t end = b->flow.isn[s->side] + b->flow.extent[s->side];
    const struct wire_tcp h = {.src_port = by_client ? b->key.client_port : b->key.server_port,
                               .dst_port = by_client ? b->key.server_port : b->key.client_port,
                               .seq = seq_of((uint32_t)end + below(b, 400000) - 200000),
                               .ack = seq_of(random_u32(&b->random)),
                               .flags = flags_of(b, s),
                               .window = (uint16_t)random_u32(&b->random)};
    if (wire_tcp_build(tcp, &h, NULL) != WIRE_TCP_MIN)
        fail("header");
    s->header = WIRE_TCP_MIN + put_options(b, s, tcp + WIRE_TCP_MIN);
    tcp[12] = (uint8_t)((s->header / 4) << 4 | (tcp[12] & 1));
    s->payload = below(b, 4) ? below(b, PAYLOAD_MAX) : 0;
    for (uint32_t i = 0; i < s->payload; i++)
        tcp[s->header + i] = (uint8_t)random_u32(&b->random);
    s->length = s->at + s->header + s->payload;
}

static void put_ends(struct bed *b, struct segment *s)
{
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const uint16_t type = s->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    const bool by_client = s->side == ACCEL_CLIENTS;
    const uint32_t bytes = s->header + s->payload;
    const struct ip_addr *from = by_client ? &b->key.client : &b->key.server;
    const struct ip_addr *to = by_client ? &b->key.server : &b->key.client;
    uint8_t *ip = s->frame + 14 + 4 * s->tagged;
    wire_eth_build14(s->frame, mac[0], mac[1], type);
    if (s->tagged) {
        store_be16(s->frame + 12, 0x8100);
        store_be16(s->frame + 14, b->key.vlan);
        store_be16(s->frame + 16, type);
    }
    if (s->v6) {
        const struct wire_ipv6 h = {
            .src = *from, .dst = *to, .payload_len = (uint16_t)bytes, .next_header = IP_PROTO_TCP, .hop_limit = 64};
        (void)wire_ipv6_build(ip, &h);
        return;
    }
    const struct wire_ipv4 h = {.src = ip_addr_to_v4(from),
                                .dst = ip_addr_to_v4(to),
                                .total_len = (uint16_t)(20 + bytes),
                                .flags = below(b, 2) ? WIRE_IPV4_DF : 0,
                                .ttl = 64,
                                .protocol = IP_PROTO_TCP};
    (void)wire_ipv4_build20(ip, &h);
    if (below(b, 50) == 0) {
        store_be16(ip + 6, 0x2000);
        refuse(s, "a fragment");
    }
}

/* Right; wrong, which stays wrong; not filled in yet; or right and the same as not filled in. */
static void put_checksum(struct bed *b, struct segment *s)
{
    uint8_t *tcp = s->frame + s->at;
    const uint32_t bytes = s->header + s->payload;
    const uint16_t pseudo = checksum_fold(wire_l4_pseudo(&b->key.client, &b->key.server, IP_PROTO_TCP, bytes));
    const uint32_t kind = below(b, 10);
    uint16_t sum;
    memset(tcp + WIRE_TCP_CHECKSUM_OFFSET, 0, 2);
    if (kind == 0 && s->payload >= 2) {
        uint8_t *word = tcp + s->header;
        memset(word, 0, 2);
        sum = checksum_finish((uint64_t)checksum_fold(checksum_add(pseudo, tcp, bytes)) + pseudo);
        memcpy(word, &sum, 2);
    }
    sum = wire_l4_checksum(&b->key.client, &b->key.server, IP_PROTO_TCP, tcp, bytes);
    if (kind == 1)
        sum = (uint16_t)(sum ^ 0x1234);
    if (kind == 2) {
        sum = pseudo;
        refuse(s, "a checksum that is not filled in");
    }
    memcpy(tcp + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    if (kind == 1 && sum == pseudo)
        refuse(s, "a wrong checksum that looks so");
}

static void make(struct bed *b, struct segment *s)
{
    s->is_plain = true;
    s->side = below(b, 2);
    s->v6 = !ip_addr_is_v4(&b->key.client);
    s->tagged = b->key.vlan != 0;
    s->at = 14 + 4 * s->tagged + (s->v6 ? WIRE_IPV6_LEN : WIRE_IPV4_MIN);
    put_tcp(b, s);
    put_ends(b, s);
    put_checksum(b, s);
    if (s->payload && s->payload + s->header - WIRE_TCP_MIN > b->flow.most[s->side])
        refuse(s, "more than the receiver's MSS");
    if (s->length < 60 && below(b, 2)) { /* Ethernet's padding */
        memset(s->frame + s->length, 0, 60 - s->length);
        s->length = 60;
    }
}

/* ---- connections ---- */

static void publish(struct bed *b)
{
    const bool v6 = below(b, 2);
    struct accel_key *k = &b->key;
    *k = (struct accel_key){.client_port = (uint16_t)random_u32(&b->random),
                            .server_port = (uint16_t)random_u32(&b->random),
                            .vlan = below(b, 2) ? (uint16_t)(1 + below(b, 4094)) : 0};
    k->client = ip_addr_from_v4(random_u32(&b->random));
    k->server = ip_addr_from_v4(random_u32(&b->random));
    for (unsigned i = 0; v6 && i < 16; i++) {
        k->client.bytes[i] = (uint8_t)random_u32(&b->random);
        k->server.bytes[i] = (uint8_t)random_u32(&b->random);
    }
    b->flow = (struct shortcut_flow){.sequence = below(b, 10) ? random_u32(&b->random) : 0,
                                     .timestamp = below(b, 2) ? random_u32(&b->random) : 0,
                                     .isn = {random_u32(&b->random), 0xffffff00},
                                     .most = {MOST, (uint16_t)(100 + below(b, 1400))},
                                     .extent = {UINT32_MAX - 5000, 1},
                                     .open = {1, 1}};
    if (bpf_map_update_elem(b->flows, k, &b->flow, BPF_NOEXIST) < 0)
        fail("publish");
}

static void note(struct bed *b, const struct segment *s)
{
    struct shortcut_flow *f = &b->flow;
    const uint32_t end = load_be32(s->frame + s->at + 4) + s->payload;
    const int32_t more = (int32_t)(end - (f->isn[s->side] + (uint32_t)f->extent[s->side]));
    f->extent[s->side] += more > 0 ? (uint32_t)more : 0;
    f->segments[s->side]++;
    f->bytes[s->side] += s->length;
}

static void check_numbers(struct bed *b)
{
    struct shortcut_flow f;
    if (bpf_map_lookup_and_delete_elem(b->flows, &b->key, &f) < 0)
        fail("take back");
    for (unsigned side = 0; side < 2; side++)
        if (f.extent[side] != b->flow.extent[side] || f.segments[side] != b->flow.segments[side] ||
            f.bytes[side] != b->flow.bytes[side]) {
            fprintf(stderr, "side %u: extent %llu, segments %llu, bytes %llu; expected %llu, %llu, %llu\n", side,
                    f.extent[side], f.segments[side], f.bytes[side], b->flow.extent[side], b->flow.segments[side],
                    b->flow.bytes[side]);
            exit(1);
        }
}

/* Whether the program took it. */
static bool run(struct bed *b, struct segment *s)
{
    uint8_t out[FRAME];
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = s->frame, .data_size_in = s->length, .data_out = out,
                .data_size_out = sizeof out);
    if (bpf_prog_test_run_opts(b->programs[s->side], &o) < 0)
        fail("BPF_PROG_TEST_RUN");
    const struct accel_shift shift = {b->flow.sequence, b->flow.timestamp};
    if (s->is_plain)
        note(b, s);
    if (s->is_plain)
        accel_translate(s->frame + s->at, s->header, s->side == ACCEL_CLIENTS ? ACCEL_TO_SERVER : ACCEL_TO_CLIENT,
                        &shift, ACCEL_CHECKSUM_WHOLE);
    if (o.retval == (s->is_plain ? XDP_REDIRECT : XDP_PASS) && o.data_size_out == s->length &&
        memcmp(out, s->frame, s->length) == 0)
        return s->is_plain;
    fprintf(stderr, "%s from side %u, %s, header %u, payload %u: found %u and %u bytes%s\n", s->v6 ? "IPv6" : "IPv4",
            s->side, s->is_plain ? "plain" : s->why, s->header, s->payload, o.retval, o.data_size_out,
            memcmp(out, s->frame, s->length) ? ", others" : "");
    for (uint32_t i = s->at; i < s->at + s->header; i++)
        fprintf(stderr, "%02x/%02x ", out[i], s->frame[i]);
    exit(1);
}

/* ---- the first segment that it takes ---- */

static bool takes(struct bed *b, unsigned side, uint32_t offset)
{
    static struct segment s;
    uint8_t out[FRAME];
    do {
        memset(&s, 0, sizeof s);
        make(b, &s);
    } while (!s.is_plain || s.side != side || s.payload == 0);
    store_be32(s.frame + s.at + 4, b->flow.isn[side] + offset);
    const uint16_t sum = (uint16_t)~checksum_fold(
        wire_l4_pseudo(&b->key.client, &b->key.server, IP_PROTO_TCP, s.header + s.payload)); /* wrong, but filled in */
    memcpy(s.frame + s.at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = s.frame, .data_size_in = s.length, .data_out = out,
                .data_size_out = sizeof out);
    if (bpf_prog_test_run_opts(b->programs[side], &o) < 0)
        fail("BPF_PROG_TEST_RUN");
    return o.retval == XDP_REDIRECT;
}

static void expect(bool found, bool expected, const char *what)
{
    if (found == expected)
        return;
    fprintf(stderr, "%s: found %d\n", what, found);
    exit(1);
}

static void set_gate(struct bed *b, uint32_t slot, struct shortcut_gate gate)
{
    if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(b->object, "gates"), &slot, &gate, BPF_ANY) < 0)
        fail("gates");
}

/* Each side begins with what continues that which user space has sent on, as its gate says, or else as when it was published. */
static void check_gates(struct bed *b)
{
    publish(b);
    struct shortcut_flow f = b->flow;
    f.gate = SHORTCUT_GATES + 5;
    f.extent[0] = f.handled[0] = f.extent[1] = f.handled[1] = 1000;
    f.open[0] = f.open[1] = 0;
    f.most[1] = MOST;
    b->flow = f;
    if (bpf_map_update_elem(b->flows, &b->key, &f, BPF_ANY) < 0)
        fail("publish");
    expect(takes(b, 0, 2000), false, "a segment that others come before");
    expect(takes(b, 0, 999), false, "one that was there already");
    set_gate(b, 5, (struct shortcut_gate){.handled = {2000, 1000}, .number = SHORTCUT_GATES + 5});
    expect(takes(b, 0, 1000), false, "one that was there already, by the gate");
    expect(takes(b, 0, 2000), true, "the next one by the gate");
    expect(takes(b, 0, 70000), true, "any one from then on");
    expect(takes(b, 1, 2000), false, "the other side is by itself");
    set_gate(b, 5, (struct shortcut_gate){.handled = {5000, 5000}, .number = 5});
    expect(takes(b, 1, 5000), false, "the gate is another connection's");
    expect(takes(b, 1, 1000), true, "the next one since it was published");
}

int main(int argc, char **argv)
{
    static struct bed b;
    static struct segment s;
    if (argc != 4)
        return 2;
    const unsigned long segments = strtoul(argv[2], NULL, 10);
    unsigned long taken = 0;
    random_seed(&b.random, strtoull(argv[3], NULL, 10));
    load(&b, argv[1]);
    for (unsigned long i = 0; i < segments; i++) {
        if (i % 100 == 0)
            publish(&b);
        make(&b, &s);
        taken += run(&b, &s);
        if (i % 100 == 99)
            check_numbers(&b);
    }
    check_gates(&b);
    bpf_object__close(b.object);
    printf("%lu segments: %lu translated as user space does, %lu passed untouched\n", segments, taken,
           segments - taken);
    return 0;
}
