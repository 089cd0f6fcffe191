/* SPDX-License-Identifier: MIT */
/*
 * Raw IP, in and out. A datagram is handed up where it lies, in pieces when its packet has frags, and gathered into its
 * frame when it leaves. With a header of its user, what Linux fills in is filled in: lengths and checksum always,
 * source and identification where they are 0 (raw(7)); the other fields leave as they are.
 */
#include "stack/raw.h"

#include "stack/ip_payload.h"
#include "stack/ipv4_input.h"
#include "stack/stack_internal.h"

/* ---- listeners ---- */

int raw_listen(struct stack *s, uint8_t protocol, raw_received_fn *received, raw_error_fn *error, void *context)
{
    if (!received)
        return ERR_INVALID;
    for (unsigned i = 0; i < RAW_MAX_LISTENERS; i++) {
        if (s->raw.listeners[i].received)
            continue;
        s->raw.listeners[i] =
            (struct raw_listener){.received = received, .error = error, .context = context, .protocol = protocol};
        s->raw.count++;
        return 0;
    }
    return ERR_NO_SPACE;
}

int raw_unlisten(struct stack *s, uint8_t protocol, raw_received_fn *received, const void *context)
{
    for (unsigned i = 0; i < RAW_MAX_LISTENERS; i++) {
        struct raw_listener *l = &s->raw.listeners[i];
        if (!l->received || l->received != received || l->context != context || l->protocol != protocol)
            continue;
        *l = (struct raw_listener){0};
        s->raw.count--;
        return 0;
    }
    return ERR_NOT_FOUND;
}

static bool wants(const struct raw_listener *l, uint8_t protocol)
{
    return l->received && (l->protocol == 0 || l->protocol == protocol);
}

/* ---- in ---- */

/* A datagram that goes on in its packet's frags, as pieces; returns how many. */
static uint32_t scattered(const struct datagram *d, struct ip_piece *pieces)
{
    const struct packet *p = d->packet;
    uint32_t total = datagram_length(d), head = (uint32_t)(p->data + p->len - d->bytes), n = 1;
    if (head >= total)
        return 0;
    pieces[0] = (struct ip_piece){.bytes = d->bytes, .length = head};
    for (uint32_t done = head; n <= p->nfrags && done < total; n++) {
        uint32_t length = min_u32(p->frags[n - 1].length, total - done);
        pieces[n] = (struct ip_piece){.bytes = p->frags[n - 1].bytes, .length = length};
        done += length;
    }
    return n;
}

bool raw_input(struct stack *s, const struct datagram *d)
{
    struct ip_piece pieces[PACKET_MAX_FRAGS + 1];
    struct raw_datagram up = {.local = d->host->index,
                              .remote = ip_addr_from_v4(d->source),
                              .protocol = datagram_protocol(d),
                              .bytes = d->bytes,
                              .length = datagram_length(d),
                              .header_length = (uint32_t)(d->l4 - d->bytes),
                              .n_pieces = scattered(d, pieces),
                              .pieces = pieces,
                              .arrival = datagram_arrival(d)};
    bool taken = false;
    tcp_flush(s); /* segments that came before are handled before */
    for (unsigned i = 0; i < RAW_MAX_LISTENERS; i++) {
        const struct raw_listener *l = &s->raw.listeners[i];
        if (!wants(l, up.protocol))
            continue;
        taken = true;
        l->received(l->context, &up, s->now);
    }
    s->counters.raw_received += taken;
    return taken;
}

bool raw_report(struct stack *s, const struct host *h, const struct wire_icmp_quote *quote, const struct ip_error *e)
{
    struct raw_datagram sent = {.local = h->index,
                                .remote = ip_addr_from_v4(quote->ip.dst),
                                .protocol = quote->ip.protocol,
                                .bytes = quote->l4 - quote->ip.header_len,
                                .length = quote->ip.header_len + (uint32_t)quote->l4_len,
                                .header_length = quote->ip.header_len};
    bool taken = false;
    for (unsigned i = 0; i < RAW_MAX_LISTENERS; i++) {
        const struct raw_listener *l = &s->raw.listeners[i];
        if (!wants(l, sent.protocol) || !l->error)
            continue;
        taken = true;
        l->error(l->context, &sent, e, s->now);
    }
    if (taken && e->error == ERR_NO_SPACE)
        pmtu_lower(s, h, quote->ip.dst, e->mtu);
    return taken;
}

/* ---- out ---- */

static int send_payload(struct stack *s, const struct raw_datagram *d, const struct ip_payload *body)
{
    struct ipv4_output out = {.departure = d->departure};
    int error = ipv4_output_open(s, d->local, &d->remote, d->length, &out);
    if (error)
        return error;
    ip_payload_copy(body, out.l4);
    s->counters.raw_sent++;
    ipv4_output_send(s, &out, d->length, d->protocol);
    return 0;
}

/* Bytes of the header that the user has written, or ERR_INVALID. `begin` has the payload's first bytes. */
static int header_length_of(const struct raw_datagram *d, const uint8_t *begin)
{
    uint32_t header = (begin[0] & 15u) * 4u;
    bool good = d->length >= WIRE_IPV4_MIN && begin[0] >> 4 == 4 && header >= WIRE_IPV4_MIN && header <= d->length;
    return good ? (int)header : ERR_INVALID;
}

static void complete_users_header(struct stack *s, const struct host *h, uint8_t *ip, uint32_t header, uint32_t length)
{
    store_be16(ip + 2, (uint16_t)length);
    if (load_be32(ip + 12) == 0)
        store_be32(ip + 12, h->address);
    if (load_be16(ip + 4) == 0)
        store_be16(ip + 4, ipv4_next_id(s, load_be32(ip + 12), load_be32(ip + 16)));
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, ip, header));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static int send_with_header(struct stack *s, const struct raw_datagram *d, const struct ip_payload *whole)
{
    uint8_t begin[WIRE_IPV4_MIN] = {0};
    ip_payload_peek(whole, begin, sizeof begin);
    int header = header_length_of(d, begin);
    if (header < 0)
        return header;
    struct ip_addr to = ip_addr_is_unspecified(&d->remote) ? ip_addr_from_v4(load_be32(begin + 16)) : d->remote;
    struct ipv4_output out = {.departure.discover = DISCOVER_PROBE}; /* never in fragments: they would need options */
    int error = ipv4_output_open(s, d->local, &to, d->length - WIRE_IPV4_MIN, &out);
    if (error)
        return error;
    struct packet *p = out.packet;
    uint8_t *ip = p->data + p->l3_offset;
    ip_payload_copy(whole, ip);
    complete_users_header(s, out.host, ip, (uint32_t)header, d->length);
    p->l4_offset = (uint16_t)(p->l3_offset + header);
    p->len = p->l3_offset + d->length;
    p->hash = 0;
    s->counters.raw_sent++;
    ipv4_output_dispatch(s, &out);
    return 0;
}

int raw_send(struct stack *s, const struct raw_datagram *d, int64_t now)
{
    s->now = now;
    const struct ip_piece one = {.bytes = d->bytes, .length = d->length};
    const struct ip_payload body = ip_payload_of(d->pieces, d->n_pieces, &one);
    if (!ip_payload_ok(&body, d->length))
        return ERR_INVALID;
    return d->header_included ? send_with_header(s, d, &body) : send_payload(s, d, &body);
}
