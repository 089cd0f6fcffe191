/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors, sent and received. Sent: only where RFC 1122 3.2.2 allows, within a limit for all destinations together,
 * whose fill is blurred at random so that nobody can count the traffic of others with it (CVE-2020-25705). Received, in
 * both families: the quoted datagram says whom it concerns; TCP decides itself whether to believe it (RFC 5927).
 */
#include "stack/datagram.h"
#include "stack/icmpv6.h"

#define FRAGMENT_OFFSET 0x1fffu
#define LIMIT_BLUR 3u /* tokens, at most, that a full bucket may lack */

/* ---- the limit ---- */

/* What a full bucket holds, less a few tokens nobody can predict. */
static int64_t full_credit(struct icmp_limit *l)
{
    uint64_t tokens = (uint64_t)(l->full_ns / l->cost_ns);
    uint64_t blur = min_u64(LIMIT_BLUR, tokens / 2);
    return l->full_ns - (int64_t)random_below(&l->random, blur + 1) * l->cost_ns;
}

void icmp_limit_init(struct icmp_limit *l, const struct stack_settings *settings, int64_t now)
{
    random_seed(&l->random, hash_sip24(&settings->secret, "icmp limit", 10));
    l->at = now;
    if (settings->icmp_errors_per_second == 0)
        return;
    l->cost_ns = NS_PER_S / settings->icmp_errors_per_second;
    l->full_ns = l->cost_ns * settings->icmp_errors_burst;
    l->credit_ns = full_credit(l);
}

static bool take_token(struct icmp_limit *l, int64_t now)
{
    if (l->cost_ns == 0)
        return false;
    if (now - l->at >= l->full_ns - l->credit_ns)
        l->credit_ns = full_credit(l);
    else
        l->credit_ns += now - l->at;
    l->at = now;
    if (l->credit_ns < l->cost_ns)
        return false;
    l->credit_ns -= l->cost_ns;
    return true;
}

bool icmp_limit_allows(struct stack *s)
{
    if (take_token(&s->icmp.limit, s->now))
        return true;
    STACK_DROP(s, TRACE_ICMP, icmp_rate_limited);
    return false;
}

/* ---- sent ---- */

/* RFC 1122 3.2.2: never about what went to many, later fragments and errors. */
static bool may_answer(const struct datagram *about)
{
    if (about->broadcast || about->group || (load_be16(about->bytes + 6) & FRAGMENT_OFFSET))
        return false;
    return about->bytes[9] != IP_PROTO_ICMP || about->l4_len == 0 || !wire_icmp_is_error(about->l4[0]);
}

void icmp_send_error(struct stack *s, const struct datagram *about, enum wire_icmp_type type, uint8_t code,
                     uint32_t rest)
{
    if (!may_answer(about) || !icmp_limit_allows(s))
        return;
    uint32_t quoted = datagram_length(about);
    uint32_t length = WIRE_ICMP_LEN + min_u32(quoted, WIRE_ICMP_QUOTE_MAX);
    struct ip_output out;
    if (!ip_reply_open(s, about, length, &out))
        return;
    int built = wire_icmp_error_build(out.l4, length, (uint8_t)type, code, rest, about->bytes, quoted);
    assert(built > 0); /* its header was checked when it came */
    ip_output_send(s, &out, (uint32_t)built, IP_PROTO_ICMP);
    s->counters.icmp_errors_sent++;
}

void icmp_send_no_port(struct stack *s, const struct datagram *about)
{
    if (about->host->v6)
        icmpv6_send_error(s, about, WIRE_ICMPV6_UNREACHABLE, WIRE_ICMPV6_PORT_UNREACHABLE, 0);
    else
        icmp_send_error(s, about, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_PORT_UNREACHABLE, 0);
}

/* ---- received ---- */

/* RFC 1122 3.2.2.1 and 4.2.3.9, RFC 1191. */
static struct icmp_verdict verdict_of(const struct wire_icmp *h, const struct ip_addr *reporter)
{
    struct icmp_verdict v = {.e = {.error = ERR_UNREACHABLE, .type = h->type, .code = h->code, .reporter = *reporter},
                             .kind = TCP_ICMP_SOFT};
    if (h->type != WIRE_ICMP_UNREACHABLE)
        return v;
    if (h->code == WIRE_ICMP_PROTOCOL_UNREACHABLE || h->code == WIRE_ICMP_PORT_UNREACHABLE) {
        v.e.error = ERR_REFUSED;
        v.kind = TCP_ICMP_HARD;
    } else if (h->code == WIRE_ICMP_FRAGMENTATION_NEEDED) {
        v.e.error = ERR_NO_SPACE;
        v.kind = TCP_ICMP_TOO_BIG;
        v.e.mtu = wire_icmp_mtu(h);
    }
    return v;
}

/* TCP knows whether it sent what is quoted, and whether it believes it now (RFC 5927). */
static bool tell_tcp(struct stack *s, const struct host *h, const struct ip_quote *quote, const struct icmp_verdict *v)
{
    const struct flow_key key = {.local = h->index,
                                 .remote = quote->destination,
                                 .local_port = quote->source_port,
                                 .remote_port = quote->destination_port};
    enum tcp_icmp_verdict said = tcp_icmp_error(s->tcp, &key, seq_of(quote->tcp_seq), v->kind, v->e.mtu, s->now);
    if (said == TCP_ICMP_BELIEVED && v->kind == TCP_ICMP_TOO_BIG)
        pmtu_lower(s, h, &quote->destination, v->e.mtu);
    return said != TCP_ICMP_IGNORED;
}

/* True when somebody of ours sent what is quoted, and took notice. */
static bool tell(struct stack *s, const struct host *h, const struct ip_quote *quote, const struct icmp_verdict *v)
{
    bool raw = unlikely(s->raw.count != 0) && raw_report(s, h, quote, &v->e);
    if (quote->protocol == IP_PROTO_TCP)
        return tell_tcp(s, h, quote, v) || raw;
    if (quote->protocol == IP_PROTO_UDP)
        return udp_report(s, h, quote, &v->e) || raw;
    if (quote->protocol == (h->v6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP))
        return icmp_echo_report(s, h->index, quote, &v->e) || raw;
    return raw;
}

/*
 * RFC 1191 section 5, RFC 8201 section 4: what "too big" means, or 0 for what no honest router says: about a datagram
 * that may be fragmented or that was not larger, or a path smaller than any we accept. An old router says 0: the next
 * plateau is tried. RFC 8021: no IPv6 path is smaller than 1280.
 */
static uint32_t believable_mtu(const struct stack *s, const struct host *h, const struct ip_quote *quote, uint32_t said)
{
    uint32_t mtu = said || h->v6 ? said : pmtu_plateau_below(quote->total);
    uint32_t least = h->v6 ? WIRE_IPV6_MIN_MTU : s->settings.min_path_mtu;
    return quote->dont_fragment && mtu < quote->total && mtu >= least ? mtu : 0;
}

static bool too_big_ok(struct stack *s, const struct host *h, const struct ip_quote *quote, struct icmp_verdict *v)
{
    if (v->kind != TCP_ICMP_TOO_BIG)
        return true;
    v->e.mtu = believable_mtu(s, h, quote, v->e.mtu);
    if (v->e.mtu == 0)
        STACK_DROP(s, TRACE_ICMP, icmp_bad_mtu);
    return v->e.mtu != 0;
}

void icmp_error_dispatch(struct stack *s, const struct datagram *d, const struct ip_quote *quote,
                         struct icmp_verdict *v)
{
    bool ours = !d->broadcast && ip_addr_equal(&quote->source, &d->host->ip) && !quote->middle;
    if (ours && !too_big_ok(s, d->host, quote, v))
        return;
    if (!ours || !tell(s, d->host, quote, v))
        STACK_DROP(s, TRACE_ICMP, icmp_unmatched);
}

void icmp_error_input(struct stack *s, const struct datagram *d, const struct wire_icmp *h)
{
    struct ip_quote quote;
    struct icmp_verdict v = verdict_of(h, &d->source);
    s->counters.icmp_errors_received++;
    if (ip_quote_v4(d->l4 + WIRE_ICMP_LEN, d->l4_len - WIRE_ICMP_LEN, &quote) < 0)
        STACK_DROP(s, TRACE_ICMP, icmp_quote_short);
    else
        icmp_error_dispatch(s, d, &quote, &v);
}

/* As if a router had said that the host does not answer. */
static struct icmp_verdict no_answer(const struct host *h)
{
    struct icmp_verdict v = {.e = {.error = ERR_UNREACHABLE, .reporter = h->ip}, .kind = TCP_ICMP_SOFT};
    v.e.type = h->v6 ? WIRE_ICMPV6_UNREACHABLE : WIRE_ICMP_UNREACHABLE;
    v.e.code = h->v6 ? WIRE_ICMPV6_ADDRESS_UNREACHABLE : WIRE_ICMP_HOST_UNREACHABLE;
    return v;
}

void icmp_report_unsent(struct stack *s, const struct packet *frame)
{
    if (frame->holder_word & FORWARD_WAITS) {
        forward_report_unsent(s, frame);
        return;
    }
    const struct host *h = &s->hosts.hosts[frame->holder_word];
    const uint8_t *ip = frame->data + frame->l3_offset;
    uint32_t length = frame->len - frame->l3_offset;
    struct ip_quote quote;
    int parsed = h->v6 ? ip_quote_v6(ip, length, &quote) : ip_quote_v4(ip, length, &quote);
    if (parsed < 0)
        return; /* a raw datagram without 8 bytes of payload */
    const struct icmp_verdict v = no_answer(h);
    tell(s, h, &quote, &v);
}
