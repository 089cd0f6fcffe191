/* SPDX-License-Identifier: MIT */
/*
 * See answers_model.h.
 */
#include "answers_model.h"

#include "base/alloc_heap.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/l4.h"

#define CLAIMS 64u
#define WAITING 16u
#define USUAL (TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS)

struct answers_model {
    struct accel_answers hook;
    struct hash_key secret;
    struct {
        uint32_t flows, pending;
    } claims[CLAIMS];
    struct accel_server server;
    int64_t until;
    uint32_t most, answered, source_most;
    struct {
        uint8_t frame[ACCEL_ANSWERED_BYTES];
        struct accel_answered event;
    } ring[WAITING];
    uint32_t written, read;
};

/* ---- what the box asks ---- */

static void begin(void *context, const struct hash_key *secret) { ((struct answers_model *)context)->secret = *secret; }

static void set_server(void *context, uint32_t place, const struct accel_server *s, int64_t until)
{
    struct answers_model *m = context;
    (void)place;
    m->until = s ? until : 0;
    if (s)
        m->server = *s;
}

static void set_source(void *context, uint32_t place, uint32_t most)
{
    (void)place;
    ((struct answers_model *)context)->source_most = most;
}

static void grant(void *context, uint32_t most) { ((struct answers_model *)context)->most = most; }

static bool claim(void *context, uint32_t hash)
{
    struct answers_model *m = context;
    m->claims[hash % CLAIMS].flows++;
    return m->claims[hash % CLAIMS].pending > 0;
}

static void release(void *context, uint32_t hash)
{
    struct answers_model *m = context;
    assert(m->claims[hash % CLAIMS].flows > 0);
    m->claims[hash % CLAIMS].flows--;
}

static bool next(void *context, struct accel_answered *out)
{
    struct answers_model *m = context;
    if (m->read == m->written)
        return false;
    *out = m->ring[m->read % WAITING].event;
    out->frame = m->ring[m->read++ % WAITING].frame;
    return true;
}

static void settle(void *context, uint32_t hash)
{
    struct answers_model *m = context;
    release(context, hash);
    assert(m->claims[hash % CLAIMS].pending > 0);
    m->claims[hash % CLAIMS].pending--;
}

/* ---- frames ---- */

struct syn {
    struct accel_segment segment;
    struct accel_key key;
    struct wire_tcp tcp;
    struct wire_tcp_options options;
    uint32_t hash;
};

static bool find(const struct answers_model *m, struct packet *p, struct syn *s)
{
    if (accel_segment_find(p, &s->segment) < 0)
        return false;
    const struct packet_headers *h = &s->segment.headers;
    if (p->nfrags || wire_tcp_parse(p->data + h->l4, h->end - h->l4, &s->tcp) < 0)
        return false;
    accel_key_of(&s->segment, ACCEL_CLIENTS, &s->key);
    const unsigned options =
        wire_tcp_options_parse(p->data + h->l4 + WIRE_TCP_MIN, s->tcp.header_len - WIRE_TCP_MIN, &s->options);
    s->hash = (uint32_t)hash_sip24(&m->secret, &s->key, sizeof s->key);
    return (s->tcp.flags & ~(unsigned)(TCP_ECE | TCP_CWR | TCP_AE)) == TCP_SYN && h->payload == h->end &&
           options == 0 && s->options.present & TCP_OPT_MSS && !(s->options.present & ~USUAL) &&
           p->len <= ACCEL_ANSWERED_BYTES && p->checksum != PACKET_CHECKSUM_PARTIAL &&
           accel_segment_checksum_ok(&s->segment);
}

static bool has_credit(const struct answers_model *m)
{
    return (int32_t)(m->most - m->answered) > 0 && (int32_t)(m->source_most - m->answered) > 0 &&
           m->written - m->read < WAITING;
}

static bool is_known(const struct answers_model *m, const struct syn *s, int64_t now)
{
    return now < m->until && ip_addr_equal(&m->server.address, &s->key.server) &&
           m->server.port == s->key.server_port && m->server.vlan == s->key.vlan;
}

static uint32_t put_ip(uint8_t *to, const struct syn *s, const uint8_t *ip, uint32_t bytes)
{
    if (s->segment.headers.v6) {
        const struct wire_ipv6 h = {.src = s->key.server,
                                    .dst = s->key.client,
                                    .payload_len = (uint16_t)bytes,
                                    .traffic_class = (uint8_t)(load_be16(ip) >> 4) & 0xfc,
                                    .next_header = IP_PROTO_TCP,
                                    .hop_limit = 64};
        return (uint32_t)wire_ipv6_build(to, &h);
    }
    const struct wire_ipv4 h = {.src = ip_addr_to_v4(&s->key.server),
                                .dst = ip_addr_to_v4(&s->key.client),
                                .total_len = (uint16_t)(WIRE_IPV4_MIN + bytes),
                                .tos = ip[1] & 0xfc,
                                .flags = WIRE_IPV4_DF,
                                .ttl = 64,
                                .protocol = IP_PROTO_TCP};
    return (uint32_t)wire_ipv4_build20(to, &h);
}

/* The SYN-ACK; what was told is in the event. */
static void put_answer(const struct syn *s, const struct accel_answered *e, struct packet *p)
{
    const uint8_t *frame = s->segment.packet->data;
    const uint32_t l3 = s->segment.headers.l3;
    const struct wire_tcp_options o = {.present = e->told.present,
                                       .mss = e->told.mss,
                                       .wscale = e->told.wscale,
                                       .ts_val = (uint32_t)(e->at / NS_PER_MS) + e->isn.v,
                                       .ts_ecr = s->options.ts_val};
    const struct wire_tcp h = {.src_port = s->key.server_port,
                               .dst_port = s->key.client_port,
                               .seq = e->isn,
                               .ack = seq_add(s->tcp.seq, 1),
                               .flags = TCP_SYN | TCP_ACK,
                               .window = (uint16_t)min_u32(11u * e->told.mss, UINT16_MAX)};
    uint8_t tcp[WIRE_TCP_MAX];
    const int bytes = wire_tcp_build(tcp, &h, &o);
    assert(bytes > 0);
    memcpy(p->data, frame, l3);
    memcpy(p->data, frame + 6, 6);
    memcpy(p->data + 6, frame, 6);
    const uint32_t at = l3 + put_ip(p->data + l3, s, frame + l3, (uint32_t)bytes);
    memcpy(p->data + at, tcp, (size_t)bytes);
    const uint16_t sum = wire_l4_checksum(&s->key.server, &s->key.client, IP_PROTO_TCP, p->data + at, (uint32_t)bytes);
    memcpy(p->data + at + WIRE_TCP_CHECKSUM_OFFSET, &sum, 2);
    p->len = at + (uint32_t)bytes;
    p->vlan_present = s->segment.packet->vlan_present;
    p->vlan_tci = s->segment.packet->vlan_tci;
}

static void hand_over(struct answers_model *m, const struct syn *s, struct accel_answered *e)
{
    uint8_t *copy = m->ring[m->written % WAITING].frame;
    memcpy(copy, s->segment.packet->data, e->length);
    m->ring[m->written++ % WAITING].event = *e;
    m->claims[s->hash % CLAIMS].flows++;
    m->claims[s->hash % CLAIMS].pending++;
    m->answered++;
}

bool answers_model_takes(struct answers_model *m, struct packet *p, struct link *clients, int64_t now)
{
    struct syn s;
    struct packet *answer;
    if (p->vlan_present || !find(m, p, &s) || !has_credit(m) || !is_known(m, &s, now) ||
        m->claims[s.hash % CLAIMS].flows || link_tx_alloc(clients, &answer, 1, LINK_ALLOC_DATA) == 0)
        return false;
    const uint64_t h = hash_sip24(&m->secret, &s.key, sizeof s.key);
    struct accel_answered e = {.length = p->len,
                               .isn = seq_of((uint32_t)(now / (4 * NS_PER_US)) + (uint32_t)(h >> 32)),
                               .at = now,
                               .told = m->server.said};
    e.told.present = (uint8_t)((e.told.present & s.options.present) | TCP_OPT_MSS);
    if (!(e.told.present & TCP_OPT_WSCALE))
        e.told.wscale = 0;
    put_answer(&s, &e, answer);
    hand_over(m, &s, &e);
    packet_release(p);
    link_tx_burst(clients, &answer, 1, now);
    return true;
}

/* ---- the model ---- */

void answers_model_clear(struct answers_model *m)
{
    *m = (struct answers_model){.hook = {.begin = begin,
                                         .server = set_server,
                                         .source = set_source,
                                         .grant = grant,
                                         .claim = claim,
                                         .release = release,
                                         .next = next,
                                         .settle = settle,
                                         .context = m},
                                .source_most = 1};
}

struct answers_model *answers_model_new(void)
{
    struct answers_model *m = alloc_zeroed(alloc_heap(), sizeof *m, CACHE_LINE);
    assert(m);
    answers_model_clear(m);
    return m;
}

void answers_model_delete(struct answers_model *m) { alloc_free(alloc_heap(), m, m ? sizeof *m : 0); }
const struct accel_answers *answers_model_hook(struct answers_model *m) { return &m->hook; }
