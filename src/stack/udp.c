/* SPDX-License-Identifier: MIT */
/*
 * UDP: RFC 768, RFC 1122 4.1, RFC 8200 8.1. Datagrams are handed up where they lie in the frame and written where they leave in the
 * frame; nothing is kept. A datagram sent to a broadcast or multicast address goes to the binding for any local
 * address, as with Linux.
 */
#include "stack/udp.h"

#include "stack/datagram.h"
#include "stack/ip_payload.h"
#include "stack/ip_quote.h"
#include "wire/udp.h"

int udp_set_init(struct udp_set *set, const struct allocator *a, uint32_t capacity)
{
    int error = pool_init(&set->pool, a, capacity, sizeof(struct udp_binding), alignof(struct udp_binding));
    return error ? error : table_init(&set->table, a, capacity);
}

void udp_set_free(struct udp_set *set)
{
    pool_free(&set->pool);
    table_free(&set->table);
}

/* ---- bindings ---- */

static uint32_t tag_of(uint32_t local, uint16_t port) { return host_tag(local, port); }

static uint32_t find(const struct udp_set *set, uint32_t local, uint16_t port)
{
    uint32_t tag = tag_of(local, port);
    for (uint32_t at = tag, i; (i = table_next(&set->table, tag, &at)) != 0;) {
        const struct udp_binding *b = pool_at(&set->pool, i);
        if (b->local == local && b->port == port)
            return i;
    }
    return 0;
}

static const struct udp_binding *receiver_of(const struct udp_set *set, uint32_t local, uint16_t port, bool broadcast)
{
    uint32_t i = broadcast ? 0 : find(set, local, port);
    if (!i)
        i = find(set, 0, port);
    return i ? pool_at(&set->pool, i) : NULL;
}

int udp_bind(struct stack *s, uint32_t local, uint16_t port, udp_received_fn *received, udp_error_fn *error,
             void *context)
{
    struct udp_set *set = &s->udp;
    if (port == 0 || !received || (local != 0 && !host_at(&s->hosts, local)))
        return ERR_INVALID;
    if (find(set, local, port))
        return ERR_IN_USE;
    uint32_t i = pool_get(&set->pool);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    struct udp_binding *b = pool_at(&set->pool, i);
    *b = (struct udp_binding){.local = local, .port = port, .received = received, .error = error, .context = context};
    return table_add(&set->table, tag_of(local, port), i);
}

int udp_unbind(struct stack *s, uint32_t local, uint16_t port)
{
    uint32_t i = find(&s->udp, local, port);
    if (!i)
        return ERR_NOT_FOUND;
    table_remove(&s->udp.table, tag_of(local, port), i);
    ((struct udp_binding *)pool_at(&s->udp.pool, i))->received = NULL;
    pool_put(&s->udp.pool, i);
    return 0;
}

int udp_set_encapsulation(struct stack *s, uint32_t local, uint16_t port, bool zero_checksum)
{
    uint32_t i = find(&s->udp, local, port);
    if (!i)
        return ERR_NOT_FOUND;
    struct udp_binding *b = pool_at(&s->udp.pool, i);
    b->encapsulates = true;
    b->zero_checksum = zero_checksum;
    return 0;
}

static struct udp_binding *bound_to(const struct udp_set *set, uint32_t index, uint32_t local)
{
    struct udp_binding *b = pool_at(&set->pool, index);
    return b->received && b->local == local ? b : NULL;
}

void udp_report_removed(struct stack *s, uint32_t local)
{
    const struct ip_error gone = {.error = ERR_CLOSED};
    for (uint32_t i = 1; i <= s->udp.pool.touched; i++) {
        const struct udp_binding *b = bound_to(&s->udp, i, local);
        struct udp_datagram none = {.local = local, .local_port = b ? b->port : 0};
        if (b && b->error)
            b->error(b->context, &none, &gone, s->now);
    }
}

bool udp_uses_local(const struct udp_set *set, uint32_t local)
{
    for (uint32_t i = 1; i <= set->pool.touched; i++)
        if (bound_to(set, i, local))
            return true;
    return false;
}

/* ---- in ---- */

static bool takes_zero_checksum(const struct stack *s, const struct datagram *d, const struct wire_udp *h)
{
    const struct udp_binding *b = receiver_of(&s->udp, d->host->index, h->dst_port, d->broadcast);
    return b && b->zero_checksum;
}

static bool checksum_right(const struct stack *s, const struct datagram *d, const struct wire_udp *h)
{
    if (h->checksum == 0) /* none; over IPv6 there must be one, RFC 6936 apart */
        return !d->host->v6 || takes_zero_checksum(s, d, h);
    return d->packet->checksum != PACKET_CHECKSUM_UNKNOWN ||
           wire_l4_checksum_ok(&d->source, &d->destination, IP_PROTO_UDP, d->l4, h->length);
}

static void nobody_listens(struct stack *s, const struct datagram *d)
{
    STACK_DROP(s, TRACE_UDP, udp_no_port);
    icmp_send_no_port(s, d);
}

void udp_input(struct stack *s, const struct datagram *d)
{
    struct wire_udp h;
    if (wire_udp_parse(d->l4, d->l4_len, &h) < 0) {
        STACK_DROP(s, TRACE_UDP, udp_bad_length);
        return;
    }
    if (!checksum_right(s, d, &h)) {
        STACK_DROP(s, TRACE_UDP, udp_bad_checksum);
        return;
    }
    if (h.dst_port == 0) {
        STACK_DROP(s, TRACE_UDP, udp_port_zero);
        return;
    }
    const struct udp_binding *b = receiver_of(&s->udp, d->host->index, h.dst_port, d->broadcast);
    if (!b) {
        nobody_listens(s, d);
        return;
    }
    s->counters.udp_received++;
    struct udp_datagram up = {.local = d->host->index,
                              .remote = d->source,
                              .local_port = h.dst_port,
                              .remote_port = h.src_port,
                              .bytes = d->l4 + WIRE_UDP_LEN,
                              .length = h.length - WIRE_UDP_LEN,
                              .arrival = datagram_arrival(d)};
    s->udp.refused = false;
    b->received(b->context, &up, s->now);
    if (s->udp.refused)
        icmp_send_no_port(s, d);
}

void udp_refuse(struct stack *s) { s->udp.refused = true; }

bool udp_report(struct stack *s, const struct host *h, const struct ip_quote *quote, const struct ip_error *e)
{
    const struct udp_binding *b = receiver_of(&s->udp, h->index, quote->source_port, false);
    if (!b) {
        b = receiver_of(&s->udp, h->index, quote->destination_port, false);
        if (!b || !b->encapsulates)
            return false;
    }
    if (e->error == ERR_NO_SPACE)
        pmtu_lower(s, h, &quote->destination, e->mtu);
    struct udp_datagram sent = {.local = h->index,
                                .remote = quote->destination,
                                .local_port = quote->source_port,
                                .remote_port = quote->destination_port,
                                .bytes = quote->l4 + WIRE_UDP_LEN,
                                .length = quote->l4_len - WIRE_UDP_LEN};
    if (b->error)
        b->error(b->context, &sent, e, s->now);
    return true;
}

/* ---- out ---- */

/* Header and payload; one pass copies and sums. With a partial checksum the link sums the rest. */
static void write_datagram(const struct ip_output *out, const struct udp_datagram *d, const struct ip_payload *body)
{
    uint32_t length = WIRE_UDP_LEN + d->length;
    struct wire_udp h = {.src_port = d->local_port, .dst_port = d->remote_port, .length = (uint16_t)length};
    uint64_t sum = ip_output_pseudo(out, IP_PROTO_UDP, length);
    uint8_t *payload = out->l4 + WIRE_UDP_LEN;
    if (out->partial_checksum) {
        ip_payload_copy(body, payload);
        h.checksum = checksum_fold(sum);
    } else {
        sum = checksum_add_u16(sum, h.src_port);
        sum = checksum_add_u16(sum, h.dst_port);
        sum = checksum_add_u16(sum, h.length);
        h.checksum = wire_l4_finish(sum + ip_payload_copy_sum(body, payload), IP_PROTO_UDP);
    }
    wire_udp_build(out->l4, &h);
}

/* Its link, or packet/fit for it, completes the checksum, of each datagram when it is cut. */
static void leave_checksum(struct packet *p)
{
    p->checksum = PACKET_CHECKSUM_PARTIAL;
    p->checksum_start = p->l4_offset;
    p->checksum_offset = WIRE_UDP_CHECKSUM_OFFSET;
}

static void set_segments(struct ip_output *out)
{
    out->packet->gso = PACKET_GSO_UDP;
    out->packet->gso_size = (uint16_t)out->segment;
    out->partial_checksum = true;
}

int udp_send(struct stack *s, const struct udp_datagram *d, int64_t now)
{
    s->now = now;
    const struct ip_piece one = {.bytes = d->bytes, .length = d->length};
    const struct ip_payload body = ip_payload_of(d->pieces, d->n_pieces, &one);
    if (d->local_port == 0 || d->remote_port == 0 || !ip_payload_ok(&body, d->length))
        return ERR_INVALID;
    struct ip_output out = {.departure = d->departure, .segment = d->segment < d->length ? d->segment : 0};
    int error = d->length > UINT16_MAX - WIRE_UDP_LEN
                    ? ERR_NO_SPACE
                    : ip_output_open(s, d->local, &d->remote, WIRE_UDP_LEN + d->length, &out);
    if (unlikely(error)) {
        if (error == ERR_NO_SPACE)
            STACK_DROP(s, TRACE_UDP, udp_too_long);
        return error;
    }
    if (out.segment)
        set_segments(&out);
    write_datagram(&out, d, &body);
    if (out.partial_checksum)
        leave_checksum(out.packet);
    s->counters.udp_sent += out.segment ? (d->length + out.segment - 1) / out.segment : 1;
    ip_output_send(s, &out, WIRE_UDP_LEN + d->length, IP_PROTO_UDP);
    return 0;
}
