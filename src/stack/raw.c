/* SPDX-License-Identifier: MIT */
/*
 * Raw IP, in and out. A datagram is handed up where it lies, in pieces when its packet has frags, and gathered into its
 * frame when it leaves. With a header of its user, what Linux fills in is filled in: lengths and checksum always,
 * source and identification where they are 0 (raw(7)); the other fields, and a header of IPv6, leave as they are.
 */
#include "stack/raw.h"

#include "stack/datagram.h"
#include "stack/ip_payload.h"
#include "stack/ip_quote.h"

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
                              .remote = d->source,
                              .protocol = d->protocol,
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

bool raw_report(struct stack *s, const struct host *h, const struct ip_quote *quote, const struct ip_error *e)
{
    struct raw_datagram sent = {.local = h->index,
                                .remote = quote->destination,
                                .protocol = quote->protocol,
                                .bytes = quote->bytes,
                                .length = quote->header_len + quote->l4_len,
                                .header_length = quote->header_len};
    bool taken = false;
    for (unsigned i = 0; i < RAW_MAX_LISTENERS; i++) {
        const struct raw_listener *l = &s->raw.listeners[i];
        if (!wants(l, sent.protocol) || !l->error)
            continue;
        taken = true;
        l->error(l->context, &sent, e, s->now);
    }
    if (taken && e->error == ERR_NO_SPACE)
        pmtu_lower(s, h, &quote->destination, e->mtu);
    return taken;
}

/* ---- out ---- */

/* RFC 3542 3.1: whoever sends ICMPv6 leaves its checksum to us. */
static void complete_icmpv6(const struct ip_output *out, const struct raw_datagram *d)
{
    if (out->host->v6 && d->protocol == IP_PROTO_ICMPV6 && d->length >= WIRE_ICMPV6_LEN)
        wire_icmpv6_checksum_set(&out->host->ip, &out->destination, out->l4, d->length);
}

static int send_payload(struct stack *s, const struct raw_datagram *d, const struct ip_payload *body)
{
    struct ip_output out = {.departure = d->departure};
    int error = ip_output_open(s, d->local, &d->remote, d->length, &out);
    if (error)
        return error;
    ip_payload_copy(body, out.l4);
    complete_icmpv6(&out, d);
    s->counters.raw_sent++;
    ip_output_send(s, &out, d->length, d->protocol);
    return 0;
}

/* What the user has written as a header: its length, or ERR_INVALID; and where it goes. */
static int read_users_header(const struct raw_datagram *d, const struct ip_payload *whole, struct ip_addr *to)
{
    uint8_t begin[WIRE_IPV6_LEN] = {0};
    ip_payload_peek(whole, begin, sizeof begin);
    bool v6 = begin[0] >> 4 == 6;
    uint32_t header = v6 ? WIRE_IPV6_LEN : (begin[0] & 15u) * 4u;
    if ((!v6 && begin[0] >> 4 != 4) || header < WIRE_IPV4_MIN || header > d->length)
        return ERR_INVALID;
    *to = d->remote;
    if (ip_addr_is_unspecified(to))
        *to = v6 ? ip_addr_from_v6(begin + 24) : ip_addr_from_v4(load_be32(begin + 16));
    return (int)header;
}

static uint16_t next_id(struct stack *s, const uint8_t *ip)
{
    const struct ip_addr source = ip_addr_from_v4(load_be32(ip + 12));
    const struct ip_addr destination = ip_addr_from_v4(load_be32(ip + 16));
    return (uint16_t)ip_next_id(s, &source, &destination);
}

static void complete_users_header(struct stack *s, const struct host *h, uint8_t *ip, uint32_t header, uint32_t length)
{
    store_be16(ip + 2, (uint16_t)length);
    if (load_be32(ip + 12) == 0)
        store_be32(ip + 12, h->address);
    if (load_be16(ip + 4) == 0)
        store_be16(ip + 4, next_id(s, ip));
    store_be16(ip + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, ip, header));
    memcpy(ip + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static int send_with_header(struct stack *s, const struct raw_datagram *d, const struct ip_payload *whole)
{
    struct ip_addr to;
    int header = read_users_header(d, whole, &to);
    if (header < 0)
        return header;
    uint32_t own = ip_addr_is_v4(&to) ? WIRE_IPV4_MIN : WIRE_IPV6_LEN;
    struct ip_output out = {.departure.discover = DISCOVER_PROBE}; /* never in fragments: they would need options */
    int error = (uint32_t)header < own ? ERR_INVALID : ip_output_open(s, d->local, &to, d->length - own, &out);
    if (error)
        return error;
    struct packet *p = out.packet;
    uint8_t *ip = p->data + p->l3_offset;
    ip_payload_copy(whole, ip);
    if (!out.host->v6)
        complete_users_header(s, out.host, ip, (uint32_t)header, d->length);
    p->l4_offset = (uint16_t)(p->l3_offset + header);
    p->len = p->l3_offset + d->length;
    p->hash = 0;
    s->counters.raw_sent++;
    ip_output_dispatch(s, &out);
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
