/* SPDX-License-Identifier: MIT */
/*
 * ICMP messages in, and echo both ways. RFC 792, RFC 1122 3.2.2. An echo request is answered by a frame straight back
 * to the station it came from: its bytes with another type, the checksum changed as RFC 1624 says. IP options of the
 * request are not followed (THREATS IP4-08).
 */
#include "stack/icmp.h"

#include "stack/ip_payload.h"
#include "stack/ipv4_input.h"
#include "stack/stack_internal.h"

int icmp_init(struct icmp_state *icmp, const struct stack_settings *t, const struct allocator *a, int64_t now)
{
    icmp_limit_init(&icmp->limit, t, now);
    int error = pool_init(&icmp->bindings, a, t->max_echo_bindings, sizeof(struct icmp_echo_binding),
                          alignof(struct icmp_echo_binding));
    return error ? error : table_init(&icmp->by_id, a, t->max_echo_bindings);
}

void icmp_free(struct icmp_state *icmp)
{
    pool_free(&icmp->bindings);
    table_free(&icmp->by_id);
}

/* ---- echo requests to us ---- */

static void answer_echo(struct stack *s, const struct datagram *d)
{
    struct ipv4_output out;
    if (!ipv4_reply_open(s, d, d->l4_len, &out))
        return;
    memcpy(out.l4, d->l4, d->l4_len);
    out.l4[0] = WIRE_ICMP_ECHO_REPLY;
    uint16_t checksum, asked, answered; /* the latter: type and code as one word */
    memcpy(&asked, d->l4, sizeof asked);
    memcpy(&answered, out.l4, sizeof answered);
    memcpy(&checksum, d->l4 + WIRE_ICMP_CHECKSUM_OFFSET, sizeof checksum);
    checksum = checksum_update16(checksum, asked, answered);
    memcpy(out.l4 + WIRE_ICMP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    ipv4_output_send(s, &out, d->l4_len, IP_PROTO_ICMP);
    s->counters.icmp_echo_replies_sent++;
}

static void echo_request_input(struct stack *s, const struct datagram *d)
{
    if ((d->broadcast || d->group) && !s->settings.answer_broadcast_echo)
        STACK_DROP(s, TRACE_ICMP, icmp_broadcast_echo);
    else if (!s->settings.answer_echo)
        STACK_DROP(s, TRACE_ICMP, icmp_echo_ignored);
    else
        answer_echo(s, d);
}

/* ---- echo requests of ours ---- */

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

int icmp_echo_send(struct stack *s, const struct icmp_echo *e, int64_t now)
{
    s->now = now;
    uint32_t length = WIRE_ICMP_LEN + e->length;
    const struct ip_piece one = {.bytes = e->bytes, .length = e->length};
    const struct ip_payload body = ip_payload_of(e->pieces, e->n_pieces, &one);
    if (!ip_payload_ok(&body, e->length))
        return ERR_INVALID;
    if (e->length > WIRE_IPV4_MAX_TOTAL - WIRE_IPV4_MIN - WIRE_ICMP_LEN)
        return ERR_NO_SPACE;
    struct ipv4_output out = {
        .departure = {.ttl = e->ttl, .tos = e->tos, .discover = e->dont_fragment ? DISCOVER_DO : DISCOVER_DONT}};
    int error = ipv4_output_open(s, e->local, &e->remote, length, &out);
    if (error)
        return error;
    struct wire_icmp h = {.type = WIRE_ICMP_ECHO_REQUEST, .rest = wire_icmp_rest_echo(e->id, e->sequence)};
    wire_icmp_build(out.l4, &h);
    ip_payload_copy(&body, out.l4 + WIRE_ICMP_LEN);
    wire_icmp_checksum_set(out.l4, length);
    ipv4_output_send(s, &out, length, IP_PROTO_ICMP);
    return 0;
}

static void echo_reply_input(struct stack *s, const struct datagram *d, const struct wire_icmp *h)
{
    const struct icmp_echo_binding *b = echo_binding(&s->icmp, wire_icmp_echo_id(h));
    if (!b || d->broadcast) {
        STACK_DROP(s, TRACE_ICMP, icmp_unmatched);
        return;
    }
    s->counters.icmp_echo_replies_received++;
    struct icmp_echo reply = {.local = d->host->index,
                              .remote = ip_addr_from_v4(d->source),
                              .id = wire_icmp_echo_id(h),
                              .sequence = wire_icmp_echo_sequence(h),
                              .bytes = d->l4 + WIRE_ICMP_LEN,
                              .length = d->l4_len - WIRE_ICMP_LEN,
                              .ttl = datagram_ttl(d),
                              .arrival = datagram_arrival(d)};
    b->received(b->context, &reply, 0, s->now);
}

bool icmp_echo_report(struct stack *s, uint32_t local, const struct wire_icmp_quote *quote, const struct ip_error *e)
{
    struct wire_icmp h;
    if (wire_icmp_parse(quote->l4, quote->l4_len, &h) < 0 || h.type != WIRE_ICMP_ECHO_REQUEST)
        return false;
    const struct icmp_echo_binding *b = echo_binding(&s->icmp, wire_icmp_echo_id(&h));
    if (!b)
        return false;
    struct icmp_echo sent = {.local = local,
                             .remote = ip_addr_from_v4(quote->ip.dst),
                             .id = wire_icmp_echo_id(&h),
                             .sequence = wire_icmp_echo_sequence(&h),
                             .bytes = quote->l4 + WIRE_ICMP_LEN,
                             .length = (uint32_t)(quote->l4_len - WIRE_ICMP_LEN),
                             .reporter = e->reporter,
                             .error_type = e->type,
                             .error_code = e->code,
                             .mtu = e->mtu};
    b->received(b->context, &sent, e->error, s->now);
    return true;
}

/* ---- any message ---- */

void icmp_input(struct stack *s, const struct datagram *d)
{
    struct wire_icmp h;
    if (wire_icmp_parse(d->l4, d->l4_len, &h) < 0) {
        STACK_DROP(s, TRACE_ICMP, icmp_short);
        return;
    }
    if (!wire_icmp_checksum_ok(d->l4, d->l4_len)) {
        STACK_DROP(s, TRACE_ICMP, icmp_bad_checksum);
        return;
    }
    switch (h.type) {
    case WIRE_ICMP_ECHO_REQUEST:
        echo_request_input(s, d);
        break;
    case WIRE_ICMP_ECHO_REPLY:
        echo_reply_input(s, d, &h);
        break;
    case WIRE_ICMP_UNREACHABLE:
    case WIRE_ICMP_TIME_EXCEEDED:
    case WIRE_ICMP_PARAMETER_PROBLEM:
        icmp_error_input(s, d, &h);
        break;
    case WIRE_ICMP_SOURCE_QUENCH: /* RFC 6633: silently discarded */
        STACK_DROP(s, TRACE_ICMP, icmp_source_quench);
        break;
    default: /* RFC 1122 3.2.2: unknown types are silently discarded; redirects are not followed */
        STACK_DROP(s, TRACE_ICMP, icmp_unknown_type);
    }
}
