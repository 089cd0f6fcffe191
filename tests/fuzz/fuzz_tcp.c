/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: TCP alone, stateful. Operations decoded from the input drive one layer with tiny pools, its users and its
 * peers: segments, calls, time, what runs short. After each operation every connection is checked; at the end all is
 * run out and everything must have been given back.
 *
 * Input: a byte of profile (bits 0-1 congestion control, 2 no SACK, 3 no timestamps, 4 Nagle, 5 fast path off, 6
 * keep-alive, 7 active open); a byte of scarcity (bits 0-3 which allocation fails first, 4 one work, 5 one frame out of
 * order, 6 one send record); then operations of 6 bytes: {kind and connection, a, b, c, d, e}. Kind: low nibble of the
 * first byte, as in enum operation; the connection is the high nibble, modulo PEERS. Bytes a to e mean what the
 * function of the operation says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "fuzz/arena.h"
#include "tcp/layer.h"

#define PEERS 4u
#define LISTEN_PORT 80
#define PEER_PORT 4000
#define MTU 600u
#define FRAMES 64u
#define OP_BYTES 6u

enum operation {
    OP_SEGMENT,
    OP_ACK_ALL,
    OP_DATA_NEXT,
    OP_SYN,
    OP_SACK,
    OP_RAW,
    OP_SEND,
    OP_CLOSE,
    OP_ABORT,
    OP_CONNECT,
    OP_TIME,
    OP_ROOM,
    OP_RESOLVE,
    OP_DEADLINE,
    OP_LISTEN,
    OP_ICMP
};

struct peer {
    uint16_t local_port; /* ours, of the connection to it */
    struct seq isn;
    uint32_t ts_val;
};

struct world {
    const struct allocator *memory;
    struct tcp_layer *tcp;
    struct packet_pool pool;
    struct tcp_list waiters;
    struct peer peers[PEERS];
    uint32_t room, paths, open_users;
    uint32_t n_held;
    struct packet *held[FRAMES];  /* taken from everybody else */
    uint8_t mutate_at, mutate_by; /* of the next segment; by 0: not */
    bool resolved;
    int64_t now;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* ---- the layer below ---- */

static int path_open(void *context, uint32_t local, const struct ip_addr *remote, struct tcp_path *out)
{
    struct world *w = context;
    (void)local, (void)remote;
    w->paths++;
    *out = (struct tcp_path){.id = 1, .mtu = MTU, .link_mtu = MTU};
    return 0;
}

static void path_close(void *context, uint32_t path)
{
    struct world *w = context;
    (void)path;
    require(w->paths > 0);
    w->paths--;
}

static enum tcp_frame_result take_frame(struct world *w, struct tcp_frame *out)
{
    if (w->room == 0 || packet_pool_get(&w->pool, &out->packet, 1) == 0)
        return TCP_FRAME_NO_ROOM;
    out->l4 = out->packet->data;
    out->pseudo_sum = 0;
    out->partial_checksum = false;
    return TCP_FRAME_OK;
}

static enum tcp_frame_result frame_open(void *context, const struct flow_key *key, uint32_t path, enum link_alloc kind,
                                        struct tcp_frame *out)
{
    struct world *w = context;
    (void)key, (void)path, (void)kind;
    if (!w->resolved) {
        out->waiters = &w->waiters;
        return TCP_FRAME_UNRESOLVED;
    }
    return take_frame(w, out);
}

static enum tcp_frame_result reply_open(void *context, const struct packet *to, struct tcp_frame *out)
{
    (void)to;
    out->mtu = MTU;
    return take_frame(context, out);
}

/* What goes out must be well-formed and fit. */
static void frame_send(void *context, struct tcp_frame *f, uint32_t l4_bytes, uint8_t ttl, uint8_t tos)
{
    struct world *w = context;
    struct wire_tcp h;
    struct wire_tcp_options o;
    (void)ttl, (void)tos;
    require(l4_bytes <= MTU - 20);
    int header = wire_tcp_parse(f->l4, l4_bytes, &h);
    require(header > 0);
    require(wire_tcp_options_parse(f->l4 + WIRE_TCP_MIN, (size_t)header - WIRE_TCP_MIN, &o) == 0);
    require(h.src_port != 0);
    w->room--;
    packet_release(f->packet);
}

static void frame_drop(void *context, struct tcp_frame *f)
{
    (void)context;
    packet_release(f->packet);
}

static const struct tcp_lower lower = {.path_open = path_open,
                                       .path_close = path_close,
                                       .frame_open = frame_open,
                                       .frame_send = frame_send,
                                       .frame_drop = frame_drop,
                                       .reply_open = reply_open};

/* ---- the user ---- */

static int admit(void *context, const struct flow_key *key, uint64_t *word)
{
    struct world *w = context;
    (void)key;
    *word = 7;
    if (w->now % 32 == 31)
        return -1;
    w->open_users++;
    return 0;
}

static void received(void *context, struct tcp *c, const uint8_t *bytes, uint32_t length, int64_t now)
{
    struct world *w = context;
    uint8_t first = length > 0 ? bytes[0] : 0;
    if (first != 'k') /* keeps its window shut */
        tcp_consumed(w->tcp, c, length, now);
    if (first == 'x')
        tcp_abort(w->tcp, c, now);
    else if (first == 'c')
        (void)tcp_close(w->tcp, c, now);
    else if (first == 's')
        (void)!tcp_send(w->tcp, c, 5000, now);
}

static uint8_t byte_at(uint64_t offset) { return (uint8_t)(offset * 31); }

static size_t pull(void *context, struct tcp *c, uint64_t offset, uint8_t *to, size_t length, uint64_t *sum)
{
    struct world *w = context;
    require(offset >= tcp_acked_offset(c) && offset + length <= tcp_promised_offset(w->tcp, c));
    for (size_t i = 0; i < length; i++)
        to[i] = byte_at(offset + i);
    *sum = checksum_add(*sum, to, length);
    return length;
}

static void acked(void *context, struct tcp *c, uint64_t offset, int64_t now)
{
    struct world *w = context;
    require(offset == tcp_acked_offset(c));
    if (offset % 61 == 60)
        (void)tcp_close(w->tcp, c, now);
    else if (offset % 61 == 59)
        tcp_abort(w->tcp, c, now);
}

static void deadline(void *context, struct tcp *c, int64_t now)
{
    struct world *w = context;
    (void)!tcp_send(w->tcp, c, 1, now);
}

static void closed(void *context, struct tcp *c, enum tcp_close_reason reason, int64_t now)
{
    struct world *w = context;
    (void)c, (void)now;
    require(reason < TCP_CLOSE_REASON_COUNT && w->open_users > 0);
    w->open_users--;
}

static const struct tcp_user user = {
    .admit = admit, .received = received, .pull = pull, .acked = acked, .deadline = deadline, .closed = closed};

/* ---- operations ---- */

static struct flow_key key_of(const struct world *w, unsigned peer)
{
    return (struct flow_key){.local = 1,
                             .remote = ip_addr_from_v4(0x0a000010u + peer),
                             .local_port = w->peers[peer].local_port,
                             .remote_port = PEER_PORT};
}

static struct tcp *connection(struct world *w, unsigned peer)
{
    struct flow_key key = key_of(w, peer);
    struct tcp_timewait *tw = NULL;
    return tcp_lookup(w->tcp, &key, tcp_flow_hash(w->tcp, &key), &tw);
}

static void give(struct world *w, unsigned peer, struct wire_tcp *h, struct wire_tcp_options *o, const uint8_t *raw,
                 uint32_t raw_len, uint32_t payload, uint8_t fill)
{
    struct packet *p;
    struct tcp_segment s = {.key = key_of(w, peer)};
    if (packet_pool_get(&w->pool, &p, 1) == 0)
        return;
    h->src_port = PEER_PORT;
    h->dst_port = w->peers[peer].local_port;
    int header = wire_tcp_build(p->data, h, o);
    require(header > 0);
    if (raw_len > 0) {
        memcpy(p->data + WIRE_TCP_MIN, raw, raw_len);
        header = (int)(WIRE_TCP_MIN + raw_len);
        store_be16(p->data + 12, (uint16_t)(((uint32_t)header << 10) | h->flags));
    }
    memset(p->data + header, fill, payload);
    p->len = (uint32_t)header + payload;
    p->data[w->mutate_at % p->len] ^= w->mutate_by;
    bool mutated = w->mutate_by != 0;
    w->mutate_by = 0;
    int parsed = wire_tcp_parse(p->data, p->len, &s.h);
    require(parsed == header || mutated);
    if (parsed < 0 || s.h.src_port != PEER_PORT || s.h.dst_port != w->peers[peer].local_port) {
        packet_release_burst(&p, 1); /* for nobody here */
        return;
    }
    header = parsed;
    payload = p->len - (uint32_t)header;
    s.packet = p;
    s.hash = tcp_flow_hash(w->tcp, &s.key);
    s.options = p->data + WIRE_TCP_MIN;
    s.payload = p->data + header;
    s.payload_len = payload;
    tcp_input(w->tcp, &s, 1, w->now);
    packet_release_burst(&p, 1);
}

/* Numbers relative to what a connection expects; without one, to the peer's ISN. */
static void anchors(struct world *w, unsigned peer, struct wire_tcp *h)
{
    const struct tcp *c = connection(w, peer);
    h->seq = c && c->state != TCP_SYN_SENT ? c->rcv_nxt : seq_add(w->peers[peer].isn, 1);
    h->ack = c ? c->snd_una : seq_of(1);
}

static void stamp(struct world *w, unsigned peer, struct wire_tcp_options *o)
{
    o->present |= TCP_OPT_TIMESTAMPS;
    o->ts_val = w->peers[peer].ts_val;
    o->ts_ecr = tcp_ts_now(w->tcp, w->now) - 5;
}

/* A distance: small ones in steps of 1, then of 256. */
static uint32_t distance(uint8_t x) { return x < 128 ? (uint32_t)(x - 16) : (uint32_t)((x - 192) * 256); }

/* a: flags; b: sequence number; c: ACK; d: payload / 4; e: window / 256, its low bit: without timestamps. */
static void op_segment(struct world *w, unsigned peer, const uint8_t *a)
{
    struct wire_tcp h = {.flags = a[0], .window = (uint16_t)(a[4] * 256)};
    struct wire_tcp_options o = {0};
    anchors(w, peer, &h);
    h.seq = seq_add(h.seq, distance(a[1]));
    h.ack = seq_add(h.ack, distance(a[2]));
    if (!(a[4] & 1))
        stamp(w, peer, &o);
    give(w, peer, &h, &o, NULL, 0, min_u32(a[3] * 4u, 512), a[1]);
}

/* a bit 0: with FIN, bit 1: all but one byte. */
static void op_ack_all(struct world *w, unsigned peer, const uint8_t *a)
{
    const struct tcp *c = connection(w, peer);
    struct wire_tcp h = {.flags = (uint16_t)(TCP_ACK | (a[0] & 1)), .window = 65535};
    struct wire_tcp_options o = {0};
    anchors(w, peer, &h);
    if (c)
        h.ack = a[0] & 2 ? seq_sub(c->snd_nxt, 1) : c->snd_nxt;
    stamp(w, peer, &o);
    give(w, peer, &h, &o, NULL, 0, 0, 0);
}

/* a: bytes; b: fill; c: how far ahead in units of 16; d: FIN. */
static void op_data_next(struct world *w, unsigned peer, const uint8_t *a)
{
    struct wire_tcp h = {.flags = (uint16_t)(TCP_ACK | TCP_PSH | (a[3] & 1)), .window = 65535};
    struct wire_tcp_options o = {0};
    anchors(w, peer, &h);
    h.seq = seq_add(h.seq, a[2] * 16u);
    stamp(w, peer, &o);
    give(w, peer, &h, &o, NULL, 0, a[0], a[1]);
}

/* a: bit 0 with ACK, bits 1-4 options; b: MSS / 8; c: window scale; d: window / 256; e: ISN. */
static void op_syn(struct world *w, unsigned peer, const uint8_t *a)
{
    const struct tcp *c = connection(w, peer);
    struct wire_tcp h = {.flags = TCP_SYN, .window = (uint16_t)(a[3] * 256), .seq = w->peers[peer].isn};
    struct wire_tcp_options o = {.mss = (uint16_t)(a[1] * 8), .wscale = a[2]};
    if (!c)
        h.seq = w->peers[peer].isn = seq_of(0xffffff00u + a[4]);
    h.flags |= a[0] & 1 ? TCP_ACK : 0;
    h.ack = c ? c->snd_nxt : seq_of(0);
    o.present = (uint16_t)((a[0] & 2 ? TCP_OPT_MSS : 0) | (a[0] & 4 ? TCP_OPT_SACK_PERMITTED : 0) |
                           (a[0] & 8 ? TCP_OPT_WSCALE : 0));
    if (a[0] & 16)
        stamp(w, peer, &o);
    give(w, peer, &h, &o, NULL, 0, 0, 0);
}

/* a: ACK; b to e: edges of two blocks, in units of 64 bytes from snd_una. */
static void op_sack(struct world *w, unsigned peer, const uint8_t *a)
{
    const struct tcp *c = connection(w, peer);
    struct wire_tcp h = {.flags = TCP_ACK, .window = 65535};
    struct wire_tcp_options o = {.present = TCP_OPT_SACK, .sack_count = 2};
    if (!c)
        return;
    anchors(w, peer, &h);
    for (unsigned i = 0; i < 2; i++) {
        o.sack[i].left = seq_add(c->snd_una, a[1 + 2 * i] * 64u);
        o.sack[i].right = seq_min(seq_add(c->snd_una, a[2 + 2 * i] * 64u), seq_add(c->snd_nxt, 1));
    }
    h.ack = seq_add(h.ack, a[0] * 64u);
    stamp(w, peer, &o);
    give(w, peer, &h, &o, NULL, 0, 0, 0);
}

/* a to d are repeated as options of 4 to 40 bytes, by e. */
static void op_raw(struct world *w, unsigned peer, const uint8_t *a)
{
    struct wire_tcp h = {.flags = TCP_ACK, .window = 65535};
    uint8_t raw[40];
    anchors(w, peer, &h);
    for (unsigned i = 0; i < sizeof raw; i++)
        raw[i] = a[i % 4];
    give(w, peer, &h, NULL, raw, 4u + a[4] % 10 * 4, a[4] / 10, 'r');
}

static void op_connect(struct world *w, unsigned peer)
{
    struct flow_key key = key_of(w, peer);
    struct tcp_ref ref;
    if (connection(w, peer))
        return;
    key.local_port = 0;
    if (tcp_connect(w->tcp, 0, &key, 1, w->now, &ref) < 0)
        return;
    w->open_users++;
    w->peers[peer].local_port = tcp_key(tcp_get(w->tcp, ref))->local_port;
}

static void op_user(struct world *w, unsigned peer, enum operation op, const uint8_t *a)
{
    struct tcp *c = connection(w, peer);
    if (!c || c->state == TCP_SYN_RCVD) /* which its user does not know */
        return;
    if (op == OP_SEND)
        (void)!tcp_send(w->tcp, c, a[0] * 64u + a[1], w->now);
    else if (op == OP_CLOSE)
        (void)tcp_close(w->tcp, c, w->now);
    else if (op == OP_ABORT)
        tcp_abort(w->tcp, c, w->now);
    else
        tcp_set_deadline(w->tcp, c, a[0] == 255 ? TIME_NEVER : w->now + a[0] * NS_PER_MS, w->now);
    if (op == OP_SEND && a[2] & 1 && c->unconsumed > 0 && c->state != TCP_CLOSED)
        tcp_consumed(w->tcp, c, c->unconsumed, w->now);
}

static void give_back_held(struct world *w)
{
    packet_release_burst(w->held, w->n_held);
    w->n_held = 0;
}

/* a: how many ms, or with b bit 0 until the next timer; the peers' clocks too. */
static void op_time(struct world *w, const uint8_t *a)
{
    int64_t next = tcp_next_deadline(w->tcp);
    int64_t to = a[1] & 1 && next != TIME_NEVER ? max_i64(next, w->now) : w->now + a[0] * NS_PER_MS;
    for (unsigned i = 0; i < PEERS; i++)
        w->peers[i].ts_val += (uint32_t)((to - w->now) / NS_PER_MS);
    w->now = to;
}

/*
 * a: frames that the link still takes; b bit 0: c and d change a byte of the next segment; bit 1: e frames are kept
 * from all, bit 2: given back.
 */
static void op_room(struct world *w, const uint8_t *a)
{
    w->room = a[0] < 128 ? a[0] : UINT32_MAX;
    if (a[1] & 1) {
        w->mutate_at = a[2];
        w->mutate_by = a[3];
    }
    if (a[1] & 2)
        w->n_held += packet_pool_get(&w->pool, w->held + w->n_held, min_u32(a[4], FRAMES - w->n_held));
    if (a[1] & 4)
        give_back_held(w);
}

static void op_listen(struct world *w, const uint8_t *a)
{
    if (a[0] & 1)
        (void)!tcp_listen(w->tcp, 0, TCP_ANY_LOCAL, LISTEN_PORT);
    else
        (void)tcp_unlisten(w->tcp, TCP_ANY_LOCAL, LISTEN_PORT, w->now);
}

static void op_icmp(struct world *w, unsigned peer, const uint8_t *a)
{
    const struct tcp *c = connection(w, peer);
    struct flow_key key = key_of(w, peer);
    if (c)
        (void)tcp_icmp_error(w->tcp, &key, seq_add(c->snd_una, distance(a[0])), a[1] % 3, a[2] * 4u, w->now);
}

static void check_all(struct world *w)
{
    for (uint32_t i = 1; i <= w->tcp->records.touched; i++)
        tcp_check(w->tcp, tcp_at(w->tcp, i));
}

static void turn(struct world *w)
{
    tcp_output(w->tcp, 0, w->now);
    check_all(w);
    tcp_tick(w->tcp, w->now, 100);
    tcp_output(w->tcp, 0, w->now);
    check_all(w);
}

static void operate(struct world *w, const uint8_t *op)
{
    unsigned peer = (op[0] >> 4) % PEERS;
    const uint8_t *a = op + 1;
    switch ((enum operation)(op[0] & 15)) {
    case OP_SEGMENT:
        op_segment(w, peer, a);
        break;
    case OP_ACK_ALL:
        op_ack_all(w, peer, a);
        break;
    case OP_DATA_NEXT:
        op_data_next(w, peer, a);
        break;
    case OP_SYN:
        op_syn(w, peer, a);
        break;
    case OP_SACK:
        op_sack(w, peer, a);
        break;
    case OP_RAW:
        op_raw(w, peer, a);
        break;
    case OP_CONNECT:
        op_connect(w, peer);
        break;
    case OP_TIME:
        op_time(w, a);
        break;
    case OP_ROOM:
        op_room(w, a);
        break;
    case OP_RESOLVE:
        w->resolved = a[0] & 1;
        if (a[0] & 2)
            tcp_path_ready(w->tcp, &w->waiters, w->resolved, w->now);
        break;
    case OP_LISTEN:
        op_listen(w, a);
        break;
    case OP_ICMP:
        op_icmp(w, peer, a);
        break;
    default:
        op_user(w, peer, (enum operation)(op[0] & 15), a);
        break;
    }
    check_all(w);
    turn(w);
}

/* ---- beginning and end ---- */

static void settings_of(uint8_t bits, uint8_t scarcity, struct tcp_settings *out)
{
    struct tcp_settings s;
    tcp_settings_default(&s);
    s.max_connections = 6;
    s.max_active = scarcity & 16 ? 1 : 4;
    s.max_time_wait = 2;
    s.max_listeners = 2;
    s.max_out_of_order_frames = scarcity & 32 ? 1 : 6;
    s.frame_bytes = 1024;
    s.sent_records = scarcity & 64 ? 1 : 8;
    s.fast_path = !(bits & 32);
    s.secret = (struct hash_key){1, 2};
    *out = s;
}

static void profile_of(uint8_t bits, struct tcp_profile *out)
{
    struct tcp_profile p;
    tcp_profile_default(&p);
    p.congestion = (enum tcp_congestion)((bits & 3) % TCP_CONGESTION_COUNT);
    p.sack = !(bits & 4);
    p.timestamps = !(bits & 8);
    p.nagle = bits & 16;
    p.keepalive_idle_ns = bits & 64 ? NS_PER_S : 0;
    p.keepalive_interval_ns = NS_PER_S / 4;
    p.receive_buffer = 8192;
    p.max_in_flight = 32768;
    p.syn_queue = 3;
    p.syn_retries = p.syn_ack_retries = 3;
    p.data_retries = 4;
    p.time_wait_ns = NS_PER_S;
    p.fin_wait_2_ns = 2 * NS_PER_S;
    p.user_timeout_ns = bits & 64 ? 20 * NS_PER_S : 0;
    *out = p;
}

/* False when memory ran out: then nothing is left of it. */
static bool begin(struct world *w, uint8_t bits, uint8_t scarcity)
{
    struct tcp_settings s;
    struct tcp_profile p;
    *w = (struct world){.memory = arena_begin(), .now = 100 * NS_PER_S, .resolved = true, .room = UINT32_MAX};
    settings_of(bits, scarcity, &s);
    profile_of(bits, &p);
    require(packet_pool_init(&w->pool, w->memory, FRAMES, 1024, 0) == 0);
    if (scarcity & 15)
        arena_fail_from((scarcity & 15u) - 1);
    int result = tcp_layer_new(&s, &lower, w, w->memory, w->now, &w->tcp);
    require(arena_failed() ? result == ERR_NO_MEMORY && !w->tcp : result == 0);
    if (result < 0) {
        packet_pool_free(&w->pool);
        arena_end();
        return false;
    }
    require(tcp_register_user(w->tcp, &user, w, &p) == 0);
    require(tcp_listen(w->tcp, 0, TCP_ANY_LOCAL, LISTEN_PORT) == 0);
    for (unsigned i = 0; i < PEERS; i++)
        w->peers[i] = (struct peer){.local_port = LISTEN_PORT, .isn = seq_of(0xffffff00u), .ts_val = 0xfffffff0u};
    if (bits & 128)
        op_connect(w, 0);
    turn(w);
    return true;
}

/* Every user ends its connections; then time runs until nothing is left. */
static void end(struct world *w)
{
    give_back_held(w);
    w->room = UINT32_MAX;
    w->resolved = true;
    tcp_path_ready(w->tcp, &w->waiters, true, w->now);
    (void)tcp_unlisten(w->tcp, TCP_ANY_LOCAL, LISTEN_PORT, w->now);
    for (uint32_t i = 1; i <= w->tcp->records.touched; i++) {
        struct tcp *c = tcp_at(w->tcp, i);
        if (c->state != TCP_CLOSED && i % 2)
            tcp_abort(w->tcp, c, w->now);
        else if (c->state != TCP_CLOSED)
            (void)tcp_close(w->tcp, c, w->now);
    }
    for (unsigned n = 0; n < 2000; n++) {
        int64_t next = tcp_next_deadline(w->tcp);
        turn(w);
        if (next == TIME_NEVER)
            break;
        w->now = max_i64(w->now + 1, next);
    }
    for (uint32_t i = 1; i <= w->tcp->records.touched; i++) /* half-closed, with a peer that never closes */
        if (tcp_at(w->tcp, i)->state != TCP_CLOSED)
            tcp_abort(w->tcp, tcp_at(w->tcp, i), w->now);
    turn(w);
    w->now += 10 * NS_PER_S;
    turn(w);
    struct tcp_occupancy o;
    tcp_get_occupancy(w->tcp, &o);
    require(o.connections + o.active + o.time_wait + o.sent_records + o.out_of_order_frames == 0);
    require(w->open_users == 0 && w->paths == 0 && w->pool.free_count == w->pool.capacity);
    tcp_layer_delete(w->tcp);
    packet_pool_free(&w->pool);
    arena_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    if (size < 2 || !begin(&w, data[0], data[1]))
        return 0;
    for (size_t at = 2, n = 0; at + OP_BYTES <= size && n < 400; at += OP_BYTES, n++)
        operate(&w, data + at);
    end(&w);
    return 0;
}
