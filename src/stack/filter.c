/* SPDX-License-Identifier: MIT */
/*
 * Asking a filter: see filter.h. A datagram is described from its bytes alone, so that what comes, what leaves and what
 * passes are read in one way.
 */
#include "stack/filter.h"

#include "stack/datagram.h"
#include "stack/icmpv6.h"
#include "stack/ip_quote.h"
#include "wire/l4.h"

#define EXPIRE_BUDGET 256u
#define FRAGMENT_OFFSET 0x1fffu
#define MORE_FRAGMENTS 0x2000u
#define ND_FIRST WIRE_ICMPV6_ROUTER_SOLICITATION
#define ND_LAST WIRE_ICMPV6_REDIRECT

/* ---- whose filter ---- */

static struct ip_filter *filter_of_vrf(const struct stack *s, uint32_t vrf)
{
    for (unsigned i = 0; i < FILTER_MAX && s->filters.count; i++)
        if (s->filters.list[i].filter && s->filters.list[i].vrf == vrf)
            return s->filters.list[i].filter;
    return NULL;
}

static struct filter_binding *binding_for(struct stack *s, uint32_t vrf)
{
    struct filter_binding *unused = NULL;
    for (unsigned i = 0; i < FILTER_MAX; i++) {
        struct filter_binding *b = &s->filters.list[i];
        if (b->filter && b->vrf == vrf)
            return b;
        if (!b->filter && !unused)
            unused = b;
    }
    return unused;
}

int stack_set_filter(struct stack *s, uint32_t vrf, struct ip_filter *filter)
{
    struct filter_binding *b = binding_for(s, vrf);
    if (!b)
        return filter ? ERR_NO_SPACE : 0;
    s->filters.count -= b->filter != NULL;
    s->filters.count += filter != NULL;
    *b = (struct filter_binding){.vrf = vrf, .filter = filter};
    for (uint32_t i = 1; i <= s->hosts.domains.touched; i++)
        if (host_domain(&s->hosts, i)->vrf == vrf)
            host_domain(&s->hosts, i)->filter = filter;
    return 0;
}

void filter_host_added(struct stack *s, const struct host *h)
{
    struct domain *d = host_domain(&s->hosts, h->domain);
    d->filter = filter_of_vrf(s, d->vrf);
}

void filter_tick(struct stack *s, int64_t now)
{
    for (unsigned i = 0; i < FILTER_MAX; i++)
        if (s->filters.list[i].filter)
            (void)ip_filter_expire(s->filters.list[i].filter, now, EXPIRE_BUDGET);
}

int64_t filter_deadline(const struct stack *s)
{
    int64_t next = TIME_NEVER;
    for (unsigned i = 0; i < FILTER_MAX; i++)
        if (s->filters.list[i].filter)
            next = min_i64(next, ip_filter_next_deadline(s->filters.list[i].filter));
    return next;
}

/* ---- describing ---- */

/* Where a datagram's transport header lies, and which fragment it is. */
struct layout {
    const uint8_t *l4;
    uint32_t length, present; /* of it: bytes there should be, and are here */
    uint32_t id;
    bool fragment, later;
};

static void lay_out_v4(const uint8_t *ip, uint32_t present, struct ip_filter_packet *out, struct layout *l)
{
    uint32_t header = (ip[0] & 15u) * 4u;
    uint16_t fragment = load_be16(ip + 6);
    out->flow.source = ip_addr_from_v4(load_be32(ip + 12));
    out->flow.destination = ip_addr_from_v4(load_be32(ip + 16));
    out->flow.protocol = ip[9];
    out->length = load_be16(ip + 2);
    l->l4 = ip + header;
    l->length = out->length - header;
    l->present = min_u32(l->length, present - header);
    l->id = load_be16(ip + 4);
    l->later = (fragment & FRAGMENT_OFFSET) != 0;
    l->fragment = l->later || (fragment & MORE_FRAGMENTS);
}

static void lay_out_v6(const uint8_t *ip, uint32_t present, struct ip_filter_packet *out, struct layout *l)
{
    struct wire_ipv6_walk w = {.offset = WIRE_IPV6_LEN, .protocol = ip[6]};
    out->flow.source = ip_addr_from_v6(ip + 8);
    out->flow.destination = ip_addr_from_v6(ip + 24);
    out->length = WIRE_IPV6_LEN + load_be16(ip + 4);
    if (wire_ipv6_is_extension(ip[6]))
        (void)wire_ipv6_walk(ip, present, &w);
    out->flow.protocol = w.protocol;
    l->l4 = ip + w.offset;
    l->length = out->length - w.offset;
    l->present = min_u32(l->length, present - w.offset);
    l->id = w.frag.id;
    l->fragment = w.fragment;
    l->later = w.fragment && w.frag.offset != 0;
}

static void describe_tcp(const struct layout *l, struct ip_filter_packet *out)
{
    struct wire_tcp h;
    struct wire_tcp_options o = {.present = 0};
    int header = wire_tcp_parse(l->l4, l->present, &h);
    out->flow.headerless = header < 0;
    if (header < 0)
        return;
    out->flow.source_port = h.src_port;
    out->flow.destination_port = h.dst_port;
    out->tcp_flags = h.flags;
    out->tcp_window = h.window;
    out->tcp_sequence = h.seq.v;
    out->tcp_acknowledgement = h.ack.v;
    out->tcp_payload = l->length - (uint32_t)header;
    if (h.flags & TCP_SYN)
        (void)wire_tcp_options_parse(l->l4 + WIRE_TCP_MIN, (uint32_t)header - WIRE_TCP_MIN, &o);
    if (o.present & TCP_OPT_WSCALE)
        out->tcp_window_shift = (uint8_t)(min_u32(o.wscale, 14) + 1);
}

static bool is_echo(const struct ip_filter_flow *f)
{
    if (f->protocol == IP_PROTO_ICMP)
        return f->icmp_type == WIRE_ICMP_ECHO_REQUEST || f->icmp_type == WIRE_ICMP_ECHO_REPLY;
    return f->icmp_type == WIRE_ICMPV6_ECHO_REQUEST || f->icmp_type == WIRE_ICMPV6_ECHO_REPLY;
}

static void describe_icmp_header(const uint8_t *l4, struct ip_filter_flow *f)
{
    f->icmp_type = l4[0];
    f->icmp_code = l4[1];
    if (is_echo(f))
        f->icmp_id = load_be16(l4 + 4);
}

static void describe_quote(const struct layout *l, struct ip_filter_packet *out)
{
    bool v4 = out->flow.protocol == IP_PROTO_ICMP;
    struct ip_quote q;
    if (!(v4 ? wire_icmp_is_error(l->l4[0]) : wire_icmpv6_is_error(l->l4[0])))
        return;
    int parsed = v4 ? ip_quote_v4(l->l4 + WIRE_ICMP_LEN, l->present - WIRE_ICMP_LEN, &q)
                    : ip_quote_v6(l->l4 + WIRE_ICMPV6_LEN, l->present - WIRE_ICMPV6_LEN, &q);
    if (parsed < 0)
        return;
    out->quotes = true;
    out->quoted = (struct ip_filter_flow){.source = q.source,
                                          .destination = q.destination,
                                          .protocol = q.protocol,
                                          .headerless = q.middle,
                                          .source_port = q.source_port,
                                          .destination_port = q.destination_port};
    out->quoted_sequence = q.tcp_seq;
    if (q.protocol == out->flow.protocol && !q.middle)
        describe_icmp_header(q.l4, &out->quoted);
}

static void describe_l4(const struct layout *l, struct ip_filter_packet *out)
{
    struct ip_filter_flow *f = &out->flow;
    f->headerless = l->later;
    if (l->later)
        return;
    switch (f->protocol) {
    case IP_PROTO_TCP:
        describe_tcp(l, out);
        break;
    case IP_PROTO_UDP:
    case IP_PROTO_UDPLITE:
    case IP_PROTO_SCTP:
        f->headerless = l->present < 8;
        f->source_port = f->headerless ? 0 : load_be16(l->l4);
        f->destination_port = f->headerless ? 0 : load_be16(l->l4 + 2);
        break;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        f->headerless = l->present < 8;
        if (f->headerless)
            break;
        describe_icmp_header(l->l4, f);
        describe_quote(l, out);
        break;
    default:
        break;
    }
}

/* An IP datagram whose header is in order, of which `present` bytes lie here. */
static void describe(const uint8_t *ip, uint32_t present, enum ip_filter_direction direction, unsigned interface,
                     struct ip_filter_packet *out, struct layout *l)
{
    *out = (struct ip_filter_packet){.direction = (uint8_t)direction, .interface = interface};
    *l = (struct layout){.fragment = false};
    if (ip[0] >> 4 == 6)
        lay_out_v6(ip, present, out, l);
    else
        lay_out_v4(ip, present, out, l);
    describe_l4(l, out);
}

/* RFC 4890 4.4: without it nothing works. */
static bool is_nd(const struct ip_filter_packet *p)
{
    const struct ip_filter_flow *f = &p->flow;
    return f->protocol == IP_PROTO_ICMPV6 && !f->headerless && f->icmp_type >= ND_FIRST && f->icmp_type <= ND_LAST;
}

/* ---- fragments that pass ---- */

static struct filter_fragment *fragment_slot(struct stack *s, const struct ip_filter_packet *p, const struct layout *l,
                                             uint64_t *key)
{
    struct {
        struct ip_addr source, destination;
        uint32_t id, protocol;
    } what = {p->flow.source, p->flow.destination, l->id, p->flow.protocol};
    *key = hash_sip13(&s->settings.secret, &what, sizeof what);
    return &s->filters.fragments[*key % FILTER_FRAGMENTS];
}

static bool first_passed(struct stack *s, const struct ip_filter_packet *p, const struct layout *l)
{
    uint64_t key;
    const struct filter_fragment *f = fragment_slot(s, p, l, &key);
    return f->key == key && s->now < f->until;
}

static void remember_first(struct stack *s, const struct ip_filter_packet *p, const struct layout *l)
{
    uint64_t key;
    struct filter_fragment *f = fragment_slot(s, p, l, &key);
    *f = (struct filter_fragment){.key = key, .until = s->now + FILTER_FRAGMENT_NS};
}

/* ---- refusing ---- */

/* RFC 9293 3.10.7.1. */
static void send_reset(struct stack *s, const struct datagram *d, const struct ip_filter_packet *p)
{
    struct ip_output out;
    if ((p->tcp_flags & TCP_RST) || d->broadcast || d->group || !icmp_limit_allows(s) ||
        !ip_reply_open(s, d, WIRE_TCP_MIN, &out))
        return;
    bool ack = p->tcp_flags & TCP_ACK;
    uint32_t next =
        p->tcp_sequence + p->tcp_payload + ((p->tcp_flags & TCP_SYN) != 0) + ((p->tcp_flags & TCP_FIN) != 0);
    const struct wire_tcp h = {.src_port = p->flow.destination_port,
                               .dst_port = p->flow.source_port,
                               .seq = seq_of(ack ? p->tcp_acknowledgement : 0),
                               .ack = seq_of(ack ? 0 : next),
                               .flags = ack ? TCP_RST : TCP_RST | TCP_ACK};
    int length = wire_tcp_build(out.l4, &h, NULL);
    assert(length == WIRE_TCP_MIN);
    uint64_t sum = ip_output_pseudo(&out, IP_PROTO_TCP, (uint32_t)length);
    uint16_t checksum = checksum_finish(checksum_add(sum, out.l4, (size_t)length));
    memcpy(out.l4 + WIRE_TCP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
    ip_output_send(s, &out, (uint32_t)length, IP_PROTO_TCP);
}

static void refuse(struct stack *s, const struct datagram *d, const struct ip_filter_packet *p)
{
    struct datagram as = *d;
    if (p->flow.protocol == IP_PROTO_TCP && !p->flow.headerless) {
        as.host = forward_speak_as(s, d->host, &d->destination);
        send_reset(s, &as, p);
    } else if (d->host->v6) {
        icmpv6_send_error(s, d, WIRE_ICMPV6_UNREACHABLE, WIRE_ICMPV6_ADMIN_PROHIBITED, 0);
    } else {
        icmp_send_error(s, d, WIRE_ICMP_UNREACHABLE, WIRE_ICMP_ADMIN_PROHIBITED, 0);
    }
}

/* ---- asking ---- */

/* The bytes of a datagram that lie in the head of its packet. */
static uint32_t bytes_here(const struct packet *p, const uint8_t *ip) { return (uint32_t)(p->data + p->len - ip); }

bool filter_allows_input(struct stack *s, const struct datagram *d)
{
    struct ip_filter *f = host_domain(&s->hosts, d->host->domain)->filter;
    struct ip_filter_packet p;
    struct layout l;
    if (!f || !s->input || s->input->number == STACK_LOOP)
        return true;
    describe(d->bytes, bytes_here(d->packet, d->bytes), IP_FILTER_IN, s->input->number, &p, &l);
    enum ip_filter_verdict v = is_nd(&p) ? IP_FILTER_ACCEPT : ip_filter_judge(f, &p, s->now);
    if (v == IP_FILTER_ACCEPT)
        return true;
    STACK_DROP(s, TRACE_IP, filter_input);
    if (v == IP_FILTER_REJECT)
        refuse(s, d, &p);
    return false;
}

bool filter_allows_output(struct stack *s, const struct host *h, unsigned interface, const struct packet *packet)
{
    struct ip_filter *f = host_domain(&s->hosts, h->domain)->filter;
    const uint8_t *ip = packet->data + packet->l3_offset;
    struct ip_filter_packet p;
    struct layout l;
    if (!f || interface == STACK_LOOP)
        return true;
    describe(ip, bytes_here(packet, ip), IP_FILTER_OUT, interface, &p, &l);
    if (is_nd(&p) || ip_filter_judge(f, &p, s->now) == IP_FILTER_ACCEPT)
        return true;
    STACK_DROP(s, TRACE_IP, filter_output);
    return false;
}

bool filter_allows_forward(struct stack *s, const struct datagram *d, unsigned interface)
{
    struct ip_filter *f = host_domain(&s->hosts, d->host->domain)->filter;
    struct ip_filter_packet p;
    struct layout l;
    if (!f)
        return true;
    describe(d->bytes, bytes_here(d->packet, d->bytes), IP_FILTER_FORWARD, interface, &p, &l);
    if (l.later && first_passed(s, &p, &l))
        return true;
    enum ip_filter_verdict v = ip_filter_judge(f, &p, s->now);
    if (v == IP_FILTER_ACCEPT) {
        if (unlikely(l.fragment) && !l.later)
            remember_first(s, &p, &l);
        return true;
    }
    STACK_DROP(s, TRACE_IP, filter_forward);
    if (v == IP_FILTER_REJECT)
        refuse(s, d, &p);
    return false;
}
