/* SPDX-License-Identifier: MIT */
/*
 * SYNs on the XDP hook (bpf/accel_answer.h) against the box: the kernel runs the program on random SYNs of both families, with and without a tag, to servers that have
 * said this or that, with the options of the handshake in any order. What it answers is what a box without it answers at that time, byte for byte; what the box
 * beside it then sends to the server is what that box sends; and whatever else there is passes untouched.
 *
 *     accel_answers_equal PROGRAM.bpf.o SYNS SEED
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accel/accel.h"
#include "base/alloc_heap.h"
#include "base/random.h"
#include "engine/shortcut_answers.h"
#include "link/memory.h"
#include "wire/eth.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define FRAME 512u
#define SERVERS 8u
#define RELEARN 100u
#define LOOPBACK 1u
#define MAX_FLOWS 16384u

static const struct hash_key secret = {.k0 = 0x0123456789abcdef, .k1 = 0xfedcba9876543210};

struct box {
    struct accel *accel;
    struct link *ends[2][2]; /* by side: the box's, and ours */
};

struct bed {
    struct bpf_object *object;
    int program;
    struct random random;
    struct shortcut_answers answers;
    struct accel_answers hook; /* the same, and looks at what comes */
    int64_t answered_at;
    struct box beside, alone; /* the program; and in its place */
    struct accel_key servers[SERVERS];
    int64_t began;
    uint32_t port;
};

struct syn {
    uint8_t frame[FRAME];
    struct accel_key key;
    uint32_t at, header, length; /* of TCP, and the frame */
    const char *why;             /* it is not to be answered; NULL: it is */
};

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void expect(bool right, const char *what)
{
    if (right)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static uint32_t below(struct bed *b, uint32_t n) { return (uint32_t)random_below(&b->random, n); }

static int64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- boxes ---- */

static bool next(void *context, struct accel_answered *out)
{
    struct bed *b = context;
    const bool is_there = b->answers.hook.next(b->answers.hook.context, out);
    if (is_there)
        b->answered_at = out->at;
    return is_there;
}
static void begin(void *c, const struct hash_key *k)
{
    ((struct bed *)c)->answers.hook.begin(&((struct bed *)c)->answers, k);
}
static void server(void *c, uint32_t place, const struct accel_server *s, int64_t until)
{
    ((struct bed *)c)->answers.hook.server(&((struct bed *)c)->answers, place, s, until);
}
static void source(void *c, uint32_t place, uint32_t most)
{
    ((struct bed *)c)->answers.hook.source(&((struct bed *)c)->answers, place, most);
}
static void grant(void *c, uint32_t most) { ((struct bed *)c)->answers.hook.grant(&((struct bed *)c)->answers, most); }
static bool claim(void *c, uint32_t hash)
{
    return ((struct bed *)c)->answers.hook.claim(&((struct bed *)c)->answers, hash);
}
static void release(void *c, uint32_t hash)
{
    ((struct bed *)c)->answers.hook.release(&((struct bed *)c)->answers, hash);
}
static void settle(void *c, uint32_t hash)
{
    ((struct bed *)c)->answers.hook.settle(&((struct bed *)c)->answers, hash);
}

static void make_box(struct bed *b, struct box *box, const struct accel_answers *answers)
{
    struct memory_settings m;
    struct accel_settings s;
    accel_settings_default(&s);
    s.max_flows = MAX_FLOWS;
    s.max_openings = 2 * MAX_FLOWS;
    s.source_flows = s.source_syn_rate = s.syn_rate = 0;
    s.secret = secret;
    s.answers = answers;
    memory_settings_default(&m);
    for (unsigned side = 0; side < 2; side++)
        if (memory_link_new(&m, alloc_heap(), side ? "servers" : "clients", box->ends[side]) < 0)
            fail("link");
    if (accel_new(&s, alloc_heap(), box->ends[0][0], box->ends[1][0], b->began, &box->accel) < 0)
        fail("box");
}

static void load(struct bed *b, const char *path)
{
    struct shortcut_maps maps;
    const char *const names[] = {"control", "claims", "servers", "sources", "answered"};
    int *const descriptors[] = {&maps.control, &maps.claims, &maps.servers, &maps.sources, &maps.ring};
    const struct shortcut_sizes sizes = shortcut_sizes_for(MAX_FLOWS, 4096, 65536);
    b->object = bpf_object__open_file(path, NULL);
    if (!b->object || bpf_object__load(b->object) < 0)
        fail(path);
    const uint32_t side = ACCEL_CLIENTS, index = LOOPBACK;
    if (bpf_map_update_elem(bpf_object__find_map_fd_by_name(b->object, "devices"), &side, &index, BPF_ANY) < 0)
        fail("devices");
    b->program = bpf_program__fd(bpf_object__find_program_by_name(b->object, "from_clients"));
    for (unsigned i = 0; i < 5; i++)
        *descriptors[i] = bpf_object__find_map_fd_by_name(b->object, names[i]);
    if (shortcut_answers_open(&b->answers, &maps, &sizes) < 0)
        fail("maps");
    b->hook = (struct accel_answers){.begin = begin,
                                     .server = server,
                                     .source = source,
                                     .grant = grant,
                                     .claim = claim,
                                     .release = release,
                                     .next = next,
                                     .settle = settle,
                                     .context = b};
}

static void give(struct box *box, unsigned side, const uint8_t *frame, uint32_t length, int64_t now)
{
    struct packet *p;
    if (link_tx_alloc(box->ends[side][1], &p, 1, LINK_ALLOC_DATA) == 0)
        fail("no frame");
    memcpy(p->data, frame, length);
    p->len = length;
    link_tx_burst(box->ends[side][1], &p, 1, now);
}

/* The frame with this sequence or acknowledgement number that the box gave to a side, of all that it did; 0: none. */
static uint32_t take(struct box *box, unsigned side, uint32_t tcp_at, uint32_t number_at, uint32_t number,
                     uint8_t out[FRAME])
{
    struct packet *p;
    uint32_t length = 0;
    while (link_rx_burst(box->ends[side][1], &p, 1, 0)) {
        if (p->len <= FRAME && p->len > tcp_at + 20 && load_be32(p->data + tcp_at + number_at) == number) {
            length = p->len;
            memcpy(out, p->data, length);
        }
        packet_release(p);
    }
    return length;
}

/* ---- frames ---- */

static void refuse(struct syn *s, const char *why) { s->why = s->why ? s->why : why; }

static uint32_t put_option(struct bed *b, uint8_t *to, uint32_t kind)
{
    switch (kind) {
    case 0:
        memcpy(to, (const uint8_t[]){TCP_KIND_MSS, 4}, 2);
        store_be16(to + 2, (uint16_t)(200 + below(b, 9000)));
        return 4;
    case 1:
        memcpy(to, (const uint8_t[]){TCP_KIND_WSCALE, 3, (uint8_t)below(b, 15)}, 3);
        return 3;
    case 2:
        memcpy(to, (const uint8_t[]){TCP_KIND_SACK_PERMITTED, 2}, 2);
        return 2;
    default:
        memcpy(to, (const uint8_t[]){TCP_KIND_TIMESTAMPS, 10}, 2);
        store_be32(to + 2, random_u32(&b->random));
        store_be32(to + 6, 0);
        return 10;
    }
}

/* In any order, with NOPs between them that make room; now and then otherwise. */
static uint32_t put_options(struct bed *b, struct syn *s, uint8_t *to)
{
    uint32_t kinds[] = {0, 1, 2, 3}, at = 0, present = 1 | below(b, 16);
    for (uint32_t i = 3; i > 0; i--) {
        const uint32_t j = below(b, i + 1), kept = kinds[i];
        kinds[i] = kinds[j];
        kinds[j] = kept;
    }
    if (below(b, 20) == 0) {
        present &= ~1u;
        refuse(s, "no MSS");
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (!(present >> kinds[i] & 1))
            continue;
        for (uint32_t nops = below(b, 3); nops > 0; nops--)
            to[at++] = TCP_KIND_NOP;
        at += put_option(b, to + at, kinds[i]);
    }
    if (below(b, 30) == 0) {
        memcpy(to + at, (const uint8_t[]){TCP_KIND_FAST_OPEN, 2}, 2);
        at += 2;
        refuse(s, "another option");
    } else if (below(b, 30) == 0 && present >> kinds[0] & 1) {
        at += put_option(b, to + at, kinds[0]);
        refuse(s, "an option twice");
    } else if (below(b, 30) == 0) {
        memcpy(to + at, (const uint8_t[]){TCP_KIND_SACK_PERMITTED, 9}, 2);
        at += 2;
        refuse(s, "an option that is cut off");
    }
    const bool ended = below(b, 2);
    while (at % 4)
        to[at++] = ended ? TCP_KIND_END : TCP_KIND_NOP;
    return at;
}

/* What the answer's options take. */
static uint32_t answer_bytes(const struct wire_tcp_options *offered, uint32_t said)
{
    const uint32_t both = offered->present & said;
    return 4 +
           (both & TCP_OPT_TIMESTAMPS       ? 12
            : both & TCP_OPT_SACK_PERMITTED ? 4
                                            : 0) +
           (both & TCP_OPT_WSCALE ? 4 : 0);
}

static void put_ends(struct bed *b, struct syn *s, bool by_client, uint32_t bytes)
{
    static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const bool v6 = !ip_addr_is_v4(&s->key.client);
    const uint16_t type = v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
    const struct ip_addr *from = by_client ? &s->key.client : &s->key.server;
    const struct ip_addr *to = by_client ? &s->key.server : &s->key.client;
    uint8_t *ip = s->frame + 14 + 4 * (s->key.vlan != 0);
    wire_eth_build14(s->frame, mac[by_client], mac[!by_client], type);
    if (s->key.vlan) {
        store_be16(s->frame + 12, 0x8100);
        store_be16(s->frame + 14, (uint16_t)(s->key.vlan | below(b, 8) << 13));
        store_be16(s->frame + 16, type);
    }
    if (v6) {
        const struct wire_ipv6 h = {.src = *from,
                                    .dst = *to,
                                    .payload_len = (uint16_t)bytes,
                                    .traffic_class = (uint8_t)below(b, 256),
                                    .flow_label = below(b, 1 << 20),
                                    .next_header = IP_PROTO_TCP,
                                    .hop_limit = 64};
        (void)wire_ipv6_build(ip, &h);
        return;
    }
    const struct wire_ipv4 h = {.src = ip_addr_to_v4(from),
                                .dst = ip_addr_to_v4(to),
                                .total_len = (uint16_t)(20 + bytes),
                                .id = (uint16_t)random_u32(&b->random),
                                .tos = (uint8_t)below(b, 256),
                                .flags = below(b, 2) ? WIRE_IPV4_DF : 0,
                                .ttl = 64,
                                .protocol = IP_PROTO_TCP};
    (void)wire_ipv4_build20(ip, &h);
    if (by_client && below(b, 50) == 0) {
        store_be16(ip + 6, 0x2000);
        refuse(s, "a fragment");
    }
}

static uint32_t tcp_at(const struct syn *s)
{
    return 14 + 4 * (s->key.vlan != 0) + (ip_addr_is_v4(&s->key.client) ? 20u : 40u);
}

/* Right; wrong; or not filled in. */
static void put_checksum(struct bed *b, struct syn *s, uint32_t bytes)
{
    uint8_t *tcp = s->frame + s->at;
    const uint16_t pseudo = checksum_fold(wire_l4_pseudo(&s->key.client, &s->key.server, IP_PROTO_TCP, bytes));
    memset(tcp + WIRE_TCP_CHECKSUM_OFFSET, 0, 2);
    uint16_t sum = wire_l4_checksum(&s->key.client, &s->key.server, IP_PROTO_TCP, tcp, bytes);
    const uint32_t kind = below(b, 20);
    if (kind == 0) {
        sum ^= 0x1234;
        refuse(s, "a wrong checksum");
    } else if (kind == 1 || sum == pseudo) {
        sum = pseudo;
        refuse(s, "a checksum that is not filled in");
    }
    memcpy(tcp + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
}

static uint16_t flags_of(struct bed *b, struct syn *s)
{
    static const uint16_t odd[] = {TCP_SYN | TCP_PSH, TCP_SYN | TCP_URG};
    if (below(b, 20) == 0) {
        refuse(s, "flags");
        return odd[below(b, 2)];
    }
    static const uint16_t usual[] = {TCP_SYN, TCP_SYN | TCP_ECE | TCP_CWR, TCP_SYN | TCP_ECE | TCP_CWR | TCP_AE};
    return usual[below(b, 3)];
}

/* Others may fall on the same place. */
static bool is_told(const struct bed *b, const struct accel_key *k)
{
    for (uint32_t i = 0; i < b->answers.sizes.servers; i++) {
        const struct shortcut_server *s = &b->answers.servers[i];
        if (memcmp(s->address, k->server.bytes, 16) == 0 && s->port == k->server_port && s->vlan == k->vlan)
            return true;
    }
    return false;
}

static bool is_claimed(const struct bed *b, const struct accel_key *k)
{
    return b->answers.claims[(uint32_t)hash_sip24(&secret, k, sizeof *k) & (b->answers.sizes.claims - 1)] != 0;
}

static void make(struct bed *b, struct syn *s, const struct accel_key *to, uint32_t said)
{
    struct wire_tcp_options offered;
    memset(s, 0, sizeof *s);
    s->key = *to;
    s->key.client_port = (uint16_t)(1024 + b->port++ % 60000);
    s->at = tcp_at(s);
    if (is_claimed(b, &s->key))
        refuse(s, "another connection's place");
    const struct wire_tcp h = {.src_port = s->key.client_port,
                               .dst_port = s->key.server_port,
                               .seq = seq_of(random_u32(&b->random)),
                               .flags = flags_of(b, s),
                               .window = (uint16_t)random_u32(&b->random)};
    uint8_t *tcp = s->frame + s->at;
    expect(wire_tcp_build(tcp, &h, NULL) == 20, "header");
    uint8_t options[64] = {0};
    uint32_t length = put_options(b, s, options);
    if (length > 40) {
        length = 40;
        refuse(s, "more options than there is room for");
    }
    memcpy(tcp + 20, options, length);
    s->header = 20 + length;
    tcp[12] = (uint8_t)((s->header / 4) << 4 | (tcp[12] & 1));
    uint32_t payload = 0;
    if (below(b, 30) == 0) {
        payload = 5;
        refuse(s, "data");
    }
    wire_tcp_options_parse(options, length, &offered);
    if (answer_bytes(&offered, said) > length)
        refuse(s, "an answer that would be longer");
    s->length = s->at + s->header + payload;
    put_ends(b, s, true, s->header + payload);
    put_checksum(b, s, s->header + payload);
    if (s->length < 60 && below(b, 2)) /* Ethernet's padding */
        s->length = 60;
}

/* ---- servers ---- */

/* The box's SYN-ACK is looked for no further. */
static void server_says(struct bed *b, struct box *box, const struct syn *syn, const struct wire_tcp_options *o,
                        int64_t now)
{
    struct syn s = {.key = syn->key, .at = syn->at};
    const struct wire_tcp h = {.src_port = s.key.server_port,
                               .dst_port = s.key.client_port,
                               .seq = seq_of(1),
                               .ack = seq_of(load_be32(syn->frame + syn->at + 4) + 1),
                               .flags = TCP_SYN | TCP_ACK,
                               .window = 1000};
    const uint32_t bytes = (uint32_t)wire_tcp_build(s.frame + s.at, &h, o);
    put_ends(b, &s, false, bytes);
    const uint16_t sum = wire_l4_checksum(&s.key.client, &s.key.server, IP_PROTO_TCP, s.frame + s.at, bytes);
    memcpy(s.frame + s.at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    give(box, ACCEL_CLIENTS, syn->frame, syn->length, now);
    accel_turn(box->accel, now);
    give(box, ACCEL_SERVERS, s.frame, s.at + bytes, now);
    accel_turn(box->accel, now);
    uint8_t ignored[FRAME];
    (void)take(box, ACCEL_CLIENTS, 0, 0, 0, ignored);
    (void)take(box, ACCEL_SERVERS, 0, 0, 0, ignored);
}

static uint32_t learn(struct bed *b, struct accel_key *k)
{
    const bool v6 = below(b, 2);
    struct syn s;
    *k = (struct accel_key){.server_port = (uint16_t)random_u32(&b->random),
                            .vlan = below(b, 2) ? (uint16_t)(1 + below(b, 4094)) : 0};
    k->client = ip_addr_from_v4(random_u32(&b->random));
    k->server = ip_addr_from_v4(random_u32(&b->random));
    for (unsigned i = 0; v6 && i < 16; i++) {
        k->client.bytes[i] = (uint8_t)random_u32(&b->random);
        k->server.bytes[i] = (uint8_t)random_u32(&b->random);
    }
    const struct wire_tcp_options said = {.present = (uint16_t)(TCP_OPT_MSS | below(b, 16)),
                                          .mss = (uint16_t)(536 + below(b, 8500)),
                                          .wscale = (uint8_t)below(b, 15),
                                          .ts_val = 1};
    do
        make(b, &s, k, 0xf);
    while (s.why);
    server_says(b, &b->beside, &s, &said, b->began);
    server_says(b, &b->alone, &s, &said, clock_now());
    return said.present;
}

/* ---- the comparison ---- */

static uint32_t run(struct bed *b, struct syn *s, uint8_t out[FRAME], uint32_t *length)
{
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = s->frame, .data_size_in = s->length, .data_out = out,
                .data_size_out = FRAME);
    if (bpf_prog_test_run_opts(b->program, &o) < 0)
        fail("BPF_PROG_TEST_RUN");
    *length = o.data_size_out;
    return o.retval;
}

static void show(const char *what, const uint8_t *frame, uint32_t length)
{
    fprintf(stderr, "%-8s %3u:", what, length);
    for (uint32_t i = 0; i < length; i++)
        fprintf(stderr, " %02x", frame[i]);
    fprintf(stderr, "\n");
}

static void compare(const char *what, const uint8_t *found, uint32_t n, const uint8_t *expected, uint32_t m)
{
    if (n && n == m && memcmp(found, expected, n) == 0)
        return;
    fprintf(stderr, "%s\n", what);
    show("found", found, n);
    show("expected", expected, m);
    exit(1);
}

/* Whether the program answered it. */
static bool try_one(struct bed *b, struct syn *s)
{
    uint8_t out[FRAME], expected[FRAME], on[FRAME];
    const uint32_t number = load_be32(s->frame + s->at + 4);
    uint32_t n, m;
    const uint32_t verdict = run(b, s, out, &n);
    if (verdict != (s->why ? XDP_PASS : XDP_REDIRECT)) {
        fprintf(stderr, "%s: found %u\n", s->why ? s->why : "to be answered", verdict);
        show("SYN", s->frame, s->length);
        exit(1);
    }
    if (s->why) {
        compare("what passes is untouched", out, n, s->frame, s->length);
        return false;
    }
    accel_turn(b->beside.accel, b->began);
    give(&b->alone, ACCEL_CLIENTS, s->frame, s->length, b->answered_at);
    accel_turn(b->alone.accel, b->answered_at);
    m = take(&b->alone, ACCEL_CLIENTS, s->at, 8, number + 1, expected);
    compare("the answer", out, n, expected, m);
    m = take(&b->alone, ACCEL_SERVERS, s->at, 4, number, expected);
    n = take(&b->beside, ACCEL_SERVERS, s->at, 4, number, on);
    compare("the SYN for the server", on, n, expected, m);
    expect(take(&b->beside, ACCEL_CLIENTS, s->at, 8, number + 1, on) == 0, "the box beside it has answered too");
    expect(run(b, s, out, &n) == XDP_PASS, "the same SYN again is not the box's");
    return true;
}

/* ---- credit ---- */

static void make_plain(struct bed *b, struct syn *s, const struct accel_key *to)
{
    do
        make(b, s, to, 0xf);
    while (s->why);
}

/* Of one source, while the box does not turn; then of many, while it does not. */
static void check_credit(struct bed *b)
{
    struct syn s;
    uint8_t out[FRAME];
    uint32_t length, n = 0;
    struct accel_key k = b->servers[0];
    make_plain(b, &s, &k); /* the box sees this source */
    give(&b->beside, ACCEL_CLIENTS, s.frame, s.length, b->began);
    accel_turn(b->beside.accel, b->began);
    do
        make_plain(b, &s, &k);
    while (run(b, &s, out, &length) == XDP_REDIRECT && ++n < 1000);
    expect(n == ACCEL_ANSWERS_OF_SOURCE, "a box that does not turn answers so many of a source");
    struct accel_counters before = *accel_counters(b->beside.accel);
    accel_turn(b->beside.accel, b->began);
    expect(accel_counters(b->beside.accel)->shortcut_answered == before.shortcut_answered + n, "all of them come");
    expect(accel_check(b->beside.accel) == NULL, "invariants of the box");
    make_plain(b, &s, &k);
    expect(run(b, &s, out, &length) == XDP_REDIRECT, "it turned, and there is credit");
    accel_turn(b->beside.accel, b->began);
    b->answers.hook.grant(&b->answers, b->answers.control->answered + 2); /* what it grants is what there is */
    for (n = 0; n < 3; n++) {
        make_plain(b, &s, &k);
        expect((run(b, &s, out, &length) == XDP_REDIRECT) == (n < 2), "credit in all");
    }
    accel_turn(b->beside.accel, b->began);
}

static void check_servers(struct bed *b)
{
    struct syn s;
    uint8_t out[FRAME];
    uint32_t length;
    struct accel_key k = b->servers[1];
    k.server_port++;
    make_plain(b, &s, &k);
    expect(run(b, &s, out, &length) == XDP_PASS, "a server that nobody knows");
    for (uint32_t i = 0; i < b->answers.sizes.servers; i++)
        b->answers.servers[i].version++;
    make_plain(b, &s, &b->servers[1]);
    expect(run(b, &s, out, &length) == XDP_PASS, "servers that are being written");
    for (uint32_t i = 0; i < b->answers.sizes.servers; i++) {
        b->answers.servers[i].version++;
        b->answers.servers[i].until = clock_now() - 1;
    }
    expect(run(b, &s, out, &length) == XDP_PASS, "servers that are believed no longer");
}

int main(int argc, char **argv)
{
    static struct bed b;
    static struct syn s;
    uint32_t said[SERVERS];
    unsigned long answered = 0;
    if (argc != 4)
        return 2;
    const unsigned long syns = strtoul(argv[2], NULL, 10);
    random_seed(&b.random, strtoull(argv[3], NULL, 10));
    b.began = clock_now();
    load(&b, argv[1]);
    make_box(&b, &b.beside, &b.hook);
    make_box(&b, &b.alone, NULL);
    for (unsigned long i = 0; i < syns; i++) {
        if (i % RELEARN == 0)
            for (unsigned j = 0; j < SERVERS; j++)
                said[j] = learn(&b, &b.servers[j]);
        const uint32_t j = below(&b, SERVERS);
        make(&b, &s, &b.servers[j], said[j]);
        if (!is_told(&b, &b.servers[j]))
            refuse(&s, "a server whose place is another's");
        answered += try_one(&b, &s);
    }
    check_credit(&b);
    check_servers(&b);
    shortcut_answers_close(&b.answers);
    bpf_object__close(b.object);
    printf("%lu SYNs: %lu answered as the box does, %lu passed untouched\n", syns, answered, syns - answered);
    return 0;
}
