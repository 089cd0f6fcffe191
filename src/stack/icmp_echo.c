/* SPDX-License-Identifier: MIT */
/*
 * Echo both ways, in both families: RFC 792, RFC 4443 section 4; their messages differ in their types and checksums. A
 * request is answered by a frame straight back to the station it came from: its bytes with another type, the checksum
 * changed as RFC 1624 says.
 */
#include "stack/datagram.h"
#include "stack/icmp.h"
#include "stack/ip_payload.h"

static_assert(WIRE_ICMP_LEN == WIRE_ICMPV6_LEN && WIRE_ICMP_CHECKSUM_OFFSET == WIRE_ICMPV6_CHECKSUM_OFFSET,
              "echo messages have one form");

static uint8_t protocol_of(const struct host *h) { return h->v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP; }
static uint8_t request_of(const struct host *h) { return h->v6 ? WIRE_ICMPV6_ECHO_REQUEST : WIRE_ICMP_ECHO_REQUEST; }
static uint8_t reply_of(const struct host *h) { return h->v6 ? WIRE_ICMPV6_ECHO_REPLY : WIRE_ICMP_ECHO_REPLY; }

static void set_checksum(const struct ip_output *out, uint32_t length)
{
    if (out->host->v6)
        wire_icmpv6_checksum_set(&out->host->ip, &out->destination, out->l4, length);
    else
        wire_icmp_checksum_set(out->l4, length);
}

/* ---- requests to us ---- */

static void change_type(uint8_t *message, uint8_t type)
{
    uint16_t checksum, asked, answered; /* the latter: type and code as one word */
    memcpy(&asked, message, sizeof asked);
    message[0] = type;
    memcpy(&answered, message, sizeof answered);
    memcpy(&checksum, message + WIRE_ICMP_CHECKSUM_OFFSET, sizeof checksum);
    checksum = checksum_update16(checksum, asked, answered);
    memcpy(message + WIRE_ICMP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

static void answer(struct stack *s, const struct datagram *d)
{
    struct ip_output out;
    if (!ip_reply_open(s, d, d->l4_len, &out))
        return;
    memcpy(out.l4, d->l4, d->l4_len);
    change_type(out.l4, reply_of(d->host));
    if (unlikely(d->broadcast)) /* the reply comes from another address than the request went to */
        set_checksum(&out, d->l4_len);
    ip_output_send(s, &out, d->l4_len, protocol_of(d->host));
    s->counters.icmp_echo_replies_sent++;
}

void icmp_echo_request_input(struct stack *s, const struct datagram *d)
{
    if ((d->broadcast || d->group) && !s->settings.answer_broadcast_echo)
        STACK_DROP(s, TRACE_ICMP, icmp_broadcast_echo);
    else if (!s->settings.answer_echo)
        STACK_DROP(s, TRACE_ICMP, icmp_echo_ignored);
    else
        answer(s, d);
}

/* ---- requests of ours ---- */

static uint32_t find_binding(const struct icmp_state *icmp, uint16_t id)
{
    uint32_t tag = host_tag(0, id);
    for (uint32_t at = tag, i; (i = table_next(&icmp->by_id, tag, &at)) != 0;) {
        const struct icmp_echo_binding *b = pool_at(&icmp->bindings, i);
        if (b->id == id)
            return i;
    }
    return 0;
}

static const struct icmp_echo_binding *echo_binding(const struct icmp_state *icmp, uint16_t id)
{
    uint32_t i = find_binding(icmp, id);
    return i ? pool_at(&icmp->bindings, i) : NULL;
}

static int echo_unbind(struct icmp_state *icmp, uint16_t id)
{
    uint32_t i = find_binding(icmp, id);
    if (!i)
        return ERR_NOT_FOUND;
    table_remove(&icmp->by_id, host_tag(0, id), i);
    pool_put(&icmp->bindings, i);
    return 0;
}

int icmp_echo_bind(struct stack *s, uint16_t id, icmp_echo_fn *received, void *context)
{
    struct icmp_state *icmp = &s->icmp;
    if (!received)
        return echo_unbind(icmp, id);
    if (find_binding(icmp, id))
        return ERR_IN_USE;
    uint32_t i = pool_get(&icmp->bindings);
    if (i == POOL_NONE)
        return ERR_NO_SPACE;
    *(struct icmp_echo_binding *)pool_at(&icmp->bindings, i) =
        (struct icmp_echo_binding){.id = id, .received = received, .context = context};
    return table_add(&icmp->by_id, host_tag(0, id), i);
}

static uint8_t discover_of(const struct icmp_echo *e)
{
    if (e->probe)
        return DISCOVER_PROBE;
    return e->dont_fragment ? DISCOVER_DO : DISCOVER_DONT;
}

int icmp_echo_send(struct stack *s, const struct icmp_echo *e, int64_t now)
{
    s->now = now;
    uint32_t length = WIRE_ICMP_LEN + e->length;
    const struct ip_piece one = {.bytes = e->bytes, .length = e->length};
    const struct ip_payload body = ip_payload_of(e->pieces, e->n_pieces, &one);
    if (!ip_payload_ok(&body, e->length))
        return ERR_INVALID;
    if (e->length > UINT16_MAX)
        return ERR_NO_SPACE;
    struct ip_output out = {
        .departure = {.ttl = e->ttl, .tos = e->tos, .discover = discover_of(e), .options = e->options}};
    int error = ip_output_open(s, e->local, &e->remote, length, &out);
    if (error)
        return error;
    struct wire_icmp h = {.type = request_of(out.host), .rest = wire_icmp_rest_echo(e->id, e->sequence)};
    wire_icmp_build(out.l4, &h);
    ip_payload_copy(&body, out.l4 + WIRE_ICMP_LEN);
    set_checksum(&out, length);
    ip_output_send(s, &out, length, protocol_of(out.host));
    return 0;
}

void icmp_echo_reply_input(struct stack *s, const struct datagram *d)
{
    struct wire_icmp h;
    int header = wire_icmp_parse(d->l4, d->l4_len, &h);
    const struct icmp_echo_binding *b = header < 0 ? NULL : echo_binding(&s->icmp, wire_icmp_echo_id(&h));
    if (!b || d->broadcast) {
        STACK_DROP(s, TRACE_ICMP, icmp_unmatched);
        return;
    }
    s->counters.icmp_echo_replies_received++;
    struct icmp_echo reply = {.local = d->host->index,
                              .remote = d->source,
                              .id = wire_icmp_echo_id(&h),
                              .sequence = wire_icmp_echo_sequence(&h),
                              .bytes = d->l4 + WIRE_ICMP_LEN,
                              .length = d->l4_len - WIRE_ICMP_LEN,
                              .ttl = d->ttl,
                              .arrival = datagram_arrival(d)};
    b->received(b->context, &reply, 0, s->now);
}

bool icmp_echo_report(struct stack *s, uint32_t local, const struct ip_quote *quote, const struct ip_error *e)
{
    struct wire_icmp h;
    if (wire_icmp_parse(quote->l4, quote->l4_len, &h) < 0 || h.type != request_of(&s->hosts.hosts[local]))
        return false;
    const struct icmp_echo_binding *b = echo_binding(&s->icmp, wire_icmp_echo_id(&h));
    if (!b)
        return false;
    struct icmp_echo sent = {.local = local,
                             .remote = quote->destination,
                             .id = wire_icmp_echo_id(&h),
                             .sequence = wire_icmp_echo_sequence(&h),
                             .bytes = quote->l4 + WIRE_ICMP_LEN,
                             .length = quote->l4_len - WIRE_ICMP_LEN,
                             .reporter = e->reporter,
                             .error_type = e->type,
                             .error_code = e->code,
                             .mtu = e->mtu};
    b->received(b->context, &sent, e->error, s->now);
    return true;
}
