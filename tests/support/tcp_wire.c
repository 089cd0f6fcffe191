/* SPDX-License-Identifier: MIT */
/*
 * See tcp_wire.h.
 */
#include "tcp_wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hostile.h"

static int path_open(void *context, uint32_t local, const struct ip_addr *remote, struct tcp_path *out)
{
    struct tcp_end *e = context;
    (void)local, (void)remote;
    e->paths++;
    *out = (struct tcp_path){.id = 1, .mtu = e->mtu, .link_mtu = e->mtu, .link = 0, .gso_max = e->gso_max};
    return 0;
}

static void path_close(void *context, uint32_t path)
{
    struct tcp_end *e = context;
    (void)path;
    assert(e->paths > 0);
    e->paths--;
}

static enum tcp_frame_result open_any(struct tcp_end *e, struct packet_pool *pool, struct tcp_frame *out)
{
    if (e->room == 0 || e->count == WIRE_SEGMENTS || packet_pool_get(pool, &out->packet, 1) == 0)
        return TCP_FRAME_NO_ROOM;
    out->l4 = out->packet->data;
    out->pseudo_sum = 0;
    out->partial_checksum = false;
    return TCP_FRAME_OK;
}

static enum tcp_frame_result open_large(struct tcp_end *e, struct tcp_frame *out)
{
    assert(e->gso_max > 0);
    if (e->large_room == 0 || WIRE_SEGMENTS - e->count < UINT16_MAX / 48)
        return TCP_FRAME_NO_ROOM;
    return open_any(e, &e->large_pool, out);
}

static enum tcp_frame_result frame_open(void *context, const struct flow_key *key, uint32_t path, enum link_alloc kind,
                                        struct tcp_frame *out)
{
    struct tcp_end *e = context;
    (void)key, (void)path;
    if (!e->resolved) {
        out->waiters = &e->waiters;
        return TCP_FRAME_UNRESOLVED;
    }
    return kind == LINK_ALLOC_LARGE ? open_large(e, out) : open_any(e, &e->pool, out);
}

static enum tcp_frame_result reply_open(void *context, const struct packet *to, struct tcp_frame *out)
{
    struct tcp_end *e = context;
    (void)to;
    out->mtu = e->mtu;
    return open_any(e, &e->pool, out);
}

static void put_on_wire(struct tcp_end *e, const uint8_t *header, uint32_t header_len, const uint8_t *payload,
                        uint32_t length)
{
    struct wire_segment *s = &e->sent[(e->first + e->count++) % WIRE_SEGMENTS];
    assert(header_len + length <= sizeof s->bytes && e->count <= WIRE_SEGMENTS);
    memcpy(s->bytes, header, header_len);
    memcpy(s->bytes + header_len, payload, length);
    s->length = header_len + length;
    s->gso_size = 0;
    s->tos = e->tos;
}

/* As a link does it: sequence numbers go on, PSH and FIN belong to the last segment. */
static void cut_on_wire(struct tcp_end *e, const uint8_t *l4, uint32_t l4_bytes, uint32_t gso_size)
{
    uint32_t header_len = (uint32_t)(l4[12] >> 4) * 4, payload = l4_bytes - header_len, n;
    uint32_t seq = load_be32(l4 + 4);
    uint8_t header[WIRE_TCP_MAX];
    assert(payload > gso_size && 20 + l4_bytes <= e->gso_max);
    for (uint32_t at = 0; at < payload; at += n) {
        n = min_u32(gso_size, payload - at);
        memcpy(header, l4, header_len);
        store_be32(header + 4, seq + at);
        if (at + n < payload)
            header[13] &= (uint8_t) ~(TCP_PSH | TCP_FIN);
        put_on_wire(e, header, header_len, l4 + header_len + at, n);
    }
    e->large_room--;
    e->large_frames++;
}

static void frame_send(void *context, struct tcp_frame *f, uint32_t l4_bytes, uint8_t ttl, uint8_t tos)
{
    struct tcp_end *e = context;
    (void)ttl;
    e->tos = tos;
    if (f->gso_size > 0 && e->carries) {
        put_on_wire(e, f->l4, l4_bytes, f->l4, 0);
        e->sent[(e->first + e->count - 1) % WIRE_SEGMENTS].gso_size = f->gso_size;
        e->large_frames++;
    } else if (f->gso_size > 0)
        cut_on_wire(e, f->l4, l4_bytes, f->gso_size);
    else
        put_on_wire(e, f->l4, l4_bytes, f->l4, 0);
    e->room--;
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

int tcp_end_init(struct tcp_end *e, uint8_t address, const struct tcp_settings *s, int64_t now)
{
    memset(e, 0, sizeof *e);
    e->address = address;
    e->resolved = true;
    e->room = e->large_room = UINT32_MAX;
    e->mtu = WIRE_MTU;
    /* of the 40 MB few pages are used; calloc would have AddressSanitizer write its 5 MB of shadow for every end */
    e->sent = mmap(NULL, WIRE_SEGMENTS * sizeof *e->sent, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int error = packet_pool_init(&e->pool, alloc_heap(), 1024, 2048, 0);
    if (!error)
        error = packet_pool_init(&e->large_pool, alloc_heap(), 8, PACKET_HEADROOM + UINT16_MAX, 0);
    if (error < 0 || e->sent == MAP_FAILED)
        return ERR_NO_MEMORY;
    return tcp_layer_new(s, &lower, e, alloc_heap(), now, &e->layer);
}

void tcp_end_free(struct tcp_end *e)
{
    tcp_layer_delete(e->layer);
    packet_pool_free(&e->pool);
    packet_pool_free(&e->large_pool);
    munmap(e->sent, WIRE_SEGMENTS * sizeof *e->sent);
}

static bool parse(struct wire_segment *s)
{
    int header = wire_tcp_parse(s->bytes, s->length, &s->h);
    if (header < 0)
        return false;
    wire_tcp_options_parse(s->bytes + WIRE_TCP_MIN, (size_t)header - WIRE_TCP_MIN, &s->o);
    s->payload = s->bytes + header;
    s->payload_len = s->length - (uint32_t)header;
    return true;
}

const struct wire_segment *tcp_end_take(struct tcp_end *e)
{
    if (e->count == 0)
        return NULL;
    struct wire_segment *s = &e->sent[e->first];
    e->first = (e->first + 1) % WIRE_SEGMENTS;
    e->count--;
    bool good = parse(s);
    assert(good);
    (void)good;
    return s;
}

struct flow_key tcp_end_key(const struct tcp_end *e, uint16_t local_port, uint8_t peer, uint16_t peer_port)
{
    return (struct flow_key){.local = e->address,
                             .remote = ip_addr_from_v4(0x0a000000u + peer),
                             .local_port = local_port,
                             .remote_port = peer_port};
}

static void take_in(struct tcp_end *e, struct tcp_segment *s, int64_t now)
{
    uint64_t n = ++e->gives;
    bool measure = (e->measure_next || (e->measured && (n & (n - 1)) == 0)) && steps_begin();
    tcp_input(e->layer, s, 1, now);
    if (!measure)
        return;
    uint64_t steps = steps_end();
    e->steps_max = max_u64(e->steps_max, steps);
    e->measure_next = false;
}

static void frag_released(void *context, const uint8_t *bytes)
{
    unsigned *frags = context;
    (void)bytes;
    assert(*frags > 0);
    --*frags;
}

/* Puts what is behind `head` bytes of payload into frags; their bytes, to be freed. Counts them. */
static uint8_t *scatter(struct packet *p, uint32_t header, const struct wire_delivery *d, struct packet_frag *frags,
                        unsigned *live)
{
    uint32_t kept = header + d->head;
    if (d->piece == 0 || p->len <= kept)
        return NULL;
    uint32_t length = p->len - kept;
    uint8_t *bytes = malloc(length);
    assert(bytes);
    memcpy(bytes, p->data + kept, length);
    memset(p->data + kept, 0xee, length);
    p->len = kept;
    p->frags = frags;
    for (uint32_t at = 0, n; at < length; at += n) {
        bool last = p->nfrags == PACKET_MAX_FRAGS - 1;
        n = last ? length - at : min_u32(d->piece, length - at);
        frags[p->nfrags++] =
            (struct packet_frag){.bytes = bytes + at, .length = n, .release = frag_released, .context = live};
    }
    *live = p->nfrags;
    return bytes;
}

void tcp_end_give_as(struct tcp_end *e, uint8_t from, const uint8_t *bytes, uint32_t length,
                     const struct wire_delivery *d, int64_t now)
{
    struct packet *p;
    struct tcp_segment s = {0};
    struct packet_frag frags[PACKET_MAX_FRAGS];
    unsigned live = 0;
    if (packet_pool_get(length > WIRE_MTU ? &e->large_pool : &e->pool, &p, 1) == 0)
        return;
    memcpy(p->data, bytes, length);
    p->len = length;
    int header = wire_tcp_parse(p->data, length, &s.h);
    uint8_t *scattered = NULL;
    if (header > 0) {
        s.packet = p;
        s.key = tcp_end_key(e, s.h.dst_port, from, s.h.src_port);
        s.hash = tcp_flow_hash(e->layer, &s.key);
        s.options = p->data + WIRE_TCP_MIN;
        s.payload = p->data + header;
        s.payload_len = length - (uint32_t)header;
        s.tos = d->tos;
        p->gso = d->gso_size ? PACKET_GSO_TCP4 : PACKET_GSO_NONE;
        p->gso_size = d->gso_size;
        scattered = scatter(p, (uint32_t)header, d, frags, &live);
        take_in(e, &s, now);
    }
    packet_release_burst(&p, 1);
    assert(live == 0);
    free(scattered);
}

void tcp_end_give(struct tcp_end *e, uint8_t from, const uint8_t *bytes, uint32_t length, int64_t now)
{
    tcp_end_give_as(e, from, bytes, length, &(struct wire_delivery){0}, now);
}

static unsigned move(struct tcp_end *from, struct tcp_end *to, bool (*drop)(void *, const struct wire_segment *),
                     void *context, int64_t now)
{
    unsigned n = 0;
    const struct wire_segment *s;
    tcp_output(from->layer, 0, now);
    for (; (s = tcp_end_take(from)) != NULL; n++)
        if (!drop || !drop(context, s))
            tcp_end_give_as(to, from->address, s->bytes, s->length,
                            &(struct wire_delivery){.gso_size = s->gso_size, .tos = s->tos}, now);
    return n;
}

unsigned tcp_ends_exchange(struct tcp_end *a, struct tcp_end *b,
                           bool (*drop)(void *context, const struct wire_segment *s), void *context, int64_t now)
{
    unsigned total = 0, n;
    do {
        n = move(a, b, drop, context, now);
        n += move(b, a, drop, context, now);
        tcp_end_check(a);
        tcp_end_check(b);
        total += n;
    } while (n > 0);
    return total;
}

void tcp_end_check(const struct tcp_end *e)
{
    for (uint32_t i = 1; i <= e->layer->records.touched; i++)
        tcp_check(e->layer, tcp_at(e->layer, i));
}
