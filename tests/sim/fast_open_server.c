/* SPDX-License-Identifier: MIT */
/*
 * See fast_open_server.h.
 */
#include "fast_open_server.h"

#include "accel/rewrite.h"
#include "base/alloc_heap.h"
#include "base/checksum.h"

#define OPTION_BYTES 12u
#define MOST_FRAME 1600u

const uint8_t fast_open_server_cookie[FAST_OPEN_SERVER_COOKIE_BYTES] = {'b', 'i', 's', 'c', 'u', 'i', 't', '.'};

struct frame {
    uint8_t bytes[MOST_FRAME];
    uint32_t length;
};

struct server {
    struct link link;
    struct link *lower;
    enum fast_open_path path;
    bool known, asks;    /* a SYN came; it gets a cookie */
    bool taken;          /* its data went to the host */
    struct frame syn;    /* as it came */
    struct frame answer; /* the SYN-ACK, from taken on */
    struct packet *data; /* for the host */
};

static struct server *server_of(struct link *l) { return container_of(l, struct server, link); }

/* A segment, its header and options. */
struct part {
    struct accel_segment segment;
    struct wire_tcp tcp;
    struct wire_tcp_options options;
    uint32_t payload_length;
};

static bool part_of(struct packet *p, struct part *out)
{
    const struct packet_headers *h = &out->segment.headers;
    if (accel_segment_find(p, &out->segment) < 0 || wire_tcp_parse(p->data + h->l4, h->end - h->l4, &out->tcp) < 0 ||
        !accel_segment_checksum_ok(&out->segment))
        return false;
    wire_tcp_options_parse(accel_segment_tcp(&out->segment) + WIRE_TCP_MIN, out->tcp.header_len - WIRE_TCP_MIN,
                           &out->options);
    out->payload_length = h->end - h->payload;
    return true;
}

static void keep(struct frame *f, const struct packet *p)
{
    assert(p->len <= sizeof f->bytes);
    memcpy(f->bytes, p->data, p->len);
    f->length = p->len;
}

/* Header and payload as they are, in a frame that ends here. */
static void finish(struct part *s, uint32_t end)
{
    struct packet *p = s->segment.packet;
    const uint32_t l3 = s->segment.headers.l3, l4 = s->segment.headers.l4;
    p->len = end;
    if (s->segment.headers.v6) {
        store_be16(p->data + l3 + 4, (uint16_t)(end - l4));
    } else {
        store_be16(p->data + l3 + 2, (uint16_t)(end - l3));
        memset(p->data + l3 + 10, 0, 2);
        const uint16_t sum = checksum_finish(checksum_add(0, p->data + l3, l4 - l3));
        memcpy(p->data + l3 + 10, &sum, sizeof sum);
    }
    uint8_t *field = p->data + l4 + WIRE_TCP_CHECKSUM_OFFSET;
    memset(field, 0, 2);
    const uint64_t pseudo = packet_headers_pseudo(&s->segment.headers, p->data, end - l4);
    const uint16_t sum = checksum_finish(checksum_add(pseudo, p->data + l4, end - l4));
    memcpy(field, &sum, sizeof sum);
}

static struct packet *copy_of(struct server *s, const struct frame *f)
{
    struct packet *p;
    if (link_tx_alloc(s->lower, &p, 1, LINK_ALLOC_CONTROL) == 0)
        return NULL;
    memcpy(p->data, f->bytes, f->length);
    p->len = f->length;
    return p;
}

/* ---- to the host ---- */

static bool has_right_cookie(const struct part *syn)
{
    return syn->options.fast_open_len == FAST_OPEN_SERVER_COOKIE_BYTES &&
           memcmp(syn->options.fast_open, fast_open_server_cookie, FAST_OPEN_SERVER_COOKIE_BYTES) == 0;
}

static bool is_eaten(const struct server *s, const struct part *syn)
{
    return (s->path == FAST_OPEN_PATH_EATS_DATA && syn->payload_length) ||
           (s->path == FAST_OPEN_PATH_EATS_OPTIONS && syn->options.present & TCP_OPT_FAST_OPEN);
}

/* False: it goes no further. */
static bool syn_comes(struct server *s, struct part *syn, int64_t now)
{
    struct packet *again;
    if (is_eaten(s, syn))
        return false;
    if (s->taken) {
        if ((again = copy_of(s, &s->answer)) != NULL)
            link_tx_burst(s->lower, &again, 1, now);
        return false;
    }
    if (syn->options.present & TCP_OPT_FAST_OPEN) {
        s->asks = !has_right_cookie(syn);
        if (!s->known && !s->asks && syn->payload_length)
            keep(&s->syn, syn->segment.packet);
    }
    s->known = true; /* of two different ones the first counts, as at any host */
    accel_strip_options(&syn->segment, TCP_OPT_FAST_OPEN);
    finish(syn, syn->segment.headers.payload);
    return true;
}

static unsigned rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct server *s = server_of(link);
    unsigned kept = 0;
    if (s->data && n) {
        packets[kept++] = s->data;
        s->data = NULL;
    }
    const unsigned end = kept + link_rx_burst(s->lower, packets + kept, n - kept, now);
    for (unsigned i = kept; i < end; i++) {
        struct part syn;
        if (part_of(packets[i], &syn) && (syn.tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
            !syn_comes(s, &syn, now))
            packet_release(packets[i]);
        else
            packets[kept++] = packets[i];
    }
    return kept;
}

/* ---- from the host ---- */

/* The data of the SYN as a segment behind it, with the acknowledgement of the host's SYN-ACK. */
static struct packet *data_behind(struct server *s, const struct part *syn_ack)
{
    struct packet *p = s->syn.length ? copy_of(s, &s->syn) : NULL;
    struct part syn;
    if (!p || !part_of(p, &syn))
        return p;
    uint8_t header[WIRE_TCP_MAX], payload[MOST_FRAME];
    const struct wire_tcp_options o = {.present = syn_ack->options.present & TCP_OPT_TIMESTAMPS,
                                       .ts_val = syn.options.ts_val,
                                       .ts_ecr = syn_ack->options.ts_val};
    const unsigned scale = syn_ack->options.present & TCP_OPT_WSCALE ? syn.options.wscale : 0;
    const struct wire_tcp h = {.src_port = syn.tcp.src_port,
                               .dst_port = syn.tcp.dst_port,
                               .seq = seq_add(syn.tcp.seq, 1),
                               .ack = seq_add(syn_ack->tcp.seq, 1),
                               .flags = TCP_ACK | TCP_PSH,
                               .window = (uint16_t)(syn.tcp.window >> scale)};
    const int length = wire_tcp_build(header, &h, &o);
    const uint32_t l4 = syn.segment.headers.l4;
    assert(length > 0);
    memcpy(payload, p->data + syn.segment.headers.payload, syn.payload_length);
    memcpy(p->data + l4, header, (size_t)length);
    memcpy(p->data + l4 + length, payload, syn.payload_length);
    finish(&syn, l4 + (uint32_t)length + syn.payload_length);
    s->syn.length = syn.payload_length;
    return p;
}

static void answer(struct server *s, struct part *syn_ack)
{
    uint8_t option[OPTION_BYTES] = {TCP_KIND_NOP, TCP_KIND_NOP, TCP_KIND_FAST_OPEN, OPTION_BYTES - 2};
    struct packet *p = syn_ack->segment.packet;
    if (s->asks) {
        memcpy(option + 4, fast_open_server_cookie, FAST_OPEN_SERVER_COOKIE_BYTES);
        const int error = accel_insert_option(&syn_ack->segment, option, sizeof option);
        assert(error == 0);
        (void)error;
    }
    if (s->taken || (s->data = data_behind(s, syn_ack)) == NULL)
        return;
    store_be32(accel_segment_tcp(&syn_ack->segment) + 8, seq_add(syn_ack->tcp.ack, s->syn.length).v);
    finish(syn_ack, syn_ack->segment.headers.end);
    s->taken = true;
    keep(&s->answer, p);
}

static void tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct server *s = server_of(link);
    for (unsigned i = 0; i < n; i++) {
        struct part p;
        if (part_of(packets[i], &p) && (p.tcp.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
            answer(s, &p);
    }
    link_tx_burst(s->lower, packets, n, now);
}

/* ---- the link ---- */

static unsigned tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    return link_tx_alloc(server_of(link)->lower, packets, n, kind);
}
static uint32_t tx_room(struct link *link) { return link_tx_room(server_of(link)->lower); }
static int64_t next_deadline(struct link *link) { return link_next_deadline(server_of(link)->lower); }

static void close_link(struct link *link)
{
    struct server *s = server_of(link);
    if (s->data)
        packet_release(s->data);
    link_close(s->lower);
    alloc_free(alloc_heap(), s, sizeof *s);
}

static const struct link_ops ops = {.rx_burst = rx_burst,
                                    .tx_alloc = tx_alloc,
                                    .tx_burst = tx_burst,
                                    .tx_room = tx_room,
                                    .next_deadline = next_deadline,
                                    .close = close_link};

struct link *fast_open_server_new(struct link *lower, enum fast_open_path path)
{
    struct server *s = alloc_zeroed(alloc_heap(), sizeof *s, 64);
    assert(s);
    s->link = *lower;
    s->link.ops = &ops;
    s->link.lower = lower;
    s->lower = lower;
    s->path = path;
    return &s->link;
}
