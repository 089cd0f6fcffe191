/* SPDX-License-Identifier: MIT */
/*
 * Finding the routers on a path: see tracer.h. Probe n carries its number in its destination port (UDP), its sequence
 * number (ICMP) or its source port (TCP), so that an error, which quotes little of it, can be told.
 */
#include "engine/tracer.h"

#include <sys/random.h>

#include "base/error.h"
#include "engine/clock.h"
#include "wire/icmp.h"
#include "wire/icmpv6.h"
#include "wire/ipv4.h"
#include "wire/l4.h"
#include "wire/tcp.h"

#define MOST_BYTES 1400u
#define SOURCE_PORTS 32768u
#define SYN_BYTES 20u
#define FLAG_SYN 0x02u
#define FLAG_RST 0x04u
#define FLAG_ACK 0x10u

struct tracer {
    struct tracer_settings settings;
    struct stack *stack;
    const struct allocator *allocator;
    struct tracer_probe *probes;
    struct ip_addr source;
    uint32_t count, sent, waiting;
    unsigned end; /* the hop at which the path ends, as far as is known */
    uint16_t id;  /* of echo requests; of UDP the source port; of TCP the first source port */
    bool v6, bound;
    uint8_t bytes[MOST_BYTES];
};

static unsigned hop_of(const struct tracer *t, uint32_t n) { return t->settings.first_hop + n / t->settings.queries; }

/* ---- answers ---- */

static bool is_time_exceeded(const struct tracer *t, uint8_t type)
{
    return type == (t->v6 ? WIRE_ICMPV6_TIME_EXCEEDED : WIRE_ICMP_TIME_EXCEEDED);
}

static bool is_port_unreachable(const struct tracer *t, const struct ip_error *e)
{
    return t->v6 ? e->type == WIRE_ICMPV6_UNREACHABLE && e->code == WIRE_ICMPV6_PORT_UNREACHABLE
                 : e->type == WIRE_ICMP_UNREACHABLE && e->code == WIRE_ICMP_PORT_UNREACHABLE;
}

/* Under way and not yet answered. */
static struct tracer_probe *probe_under_way(struct tracer *t, uint32_t n)
{
    struct tracer_probe *p = n < t->sent ? &t->probes[n] : NULL;
    return p && p->result == TRACER_WAITING ? p : NULL;
}

static void settle(struct tracer *t, uint32_t n, enum tracer_result result, const struct ip_addr *from)
{
    struct tracer_probe *p = &t->probes[n];
    p->result = (uint8_t)result;
    p->from = *from;
    p->rtt_ns = clock_now() - p->sent_ns; /* frames may have come since the turn began */
    t->waiting--;
    if (result != TRACER_HOP && result != TRACER_SILENT && hop_of(t, n) < t->end)
        t->end = hop_of(t, n);
}

static void answered(struct tracer *t, uint32_t n, const struct ip_addr *from)
{
    if (probe_under_way(t, n))
        settle(t, n, TRACER_ARRIVED, from);
}

static void failed(struct tracer *t, uint32_t n, const struct ip_error *e)
{
    struct tracer_probe *p = probe_under_way(t, n);
    if (!p)
        return;
    p->type = e->type;
    p->code = e->code;
    p->mtu = (uint16_t)min_u32(e->mtu, UINT16_MAX);
    bool arrived = is_port_unreachable(t, e) && ip_addr_equal(&e->reporter, &t->settings.destination);
    settle(t, n, is_time_exceeded(t, e->type) ? TRACER_HOP : arrived ? TRACER_ARRIVED : TRACER_ERROR, &e->reporter);
}

static void udp_answered(void *context, const struct udp_datagram *d, int64_t now)
{
    struct tracer *t = context;
    (void)now;
    if (ip_addr_equal(&d->remote, &t->settings.destination))
        answered(t, (uint16_t)(d->remote_port - t->settings.port), &d->remote);
}

static void udp_failed(void *context, const struct udp_datagram *quoted, const struct ip_error *e, int64_t now)
{
    struct tracer *t = context;
    (void)now;
    if (quoted && ip_addr_equal(&quoted->remote, &t->settings.destination))
        failed(t, (uint16_t)(quoted->remote_port - t->settings.port), e);
}

static void echo_answered(void *context, const struct icmp_echo *e, int error, int64_t now)
{
    struct tracer *t = context;
    (void)now;
    if (!ip_addr_equal(&e->remote, &t->settings.destination))
        return;
    const struct ip_error said = {
        .error = error, .mtu = e->mtu, .reporter = e->reporter, .type = e->error_type, .code = e->error_code};
    if (error)
        failed(t, e->sequence, &said);
    else
        answered(t, e->sequence, &e->remote);
}

/* The number of the probe from this source port; UINT32_MAX: it is none of ours. */
static uint32_t probe_of_port(const struct tracer *t, uint16_t port)
{
    uint16_t n = (uint16_t)(port - t->id);
    return n < t->count ? n : UINT32_MAX;
}

static void segment_received(void *context, const struct raw_datagram *d, int64_t now)
{
    struct tracer *t = context;
    const uint8_t *tcp = d->bytes + d->header_length;
    (void)now;
    if (d->length < d->header_length + SYN_BYTES || !ip_addr_equal(&d->remote, &t->settings.destination) ||
        load_be16(tcp) != t->settings.port)
        return;
    bool answer = (tcp[13] & FLAG_RST) || (tcp[13] & (FLAG_SYN | FLAG_ACK)) == (FLAG_SYN | FLAG_ACK);
    if (answer)
        answered(t, probe_of_port(t, load_be16(tcp + 2)), &d->remote);
}

static void segment_failed(void *context, const struct raw_datagram *quoted, const struct ip_error *e, int64_t now)
{
    struct tracer *t = context;
    (void)now;
    if (!quoted || quoted->length < quoted->header_length + 4 ||
        !ip_addr_equal(&quoted->remote, &t->settings.destination))
        return;
    const uint8_t *tcp = quoted->bytes + quoted->header_length;
    if (load_be16(tcp + 2) == t->settings.port)
        failed(t, probe_of_port(t, load_be16(tcp)), e);
}

/* ---- probes ---- */

static struct ip_departure departure_of(const struct tracer *t, uint32_t n)
{
    return (struct ip_departure){.ttl = (uint8_t)hop_of(t, n),
                                 .discover = t->settings.dont_fragment ? DISCOVER_PROBE : DISCOVER_DONT};
}

static int send_udp(struct tracer *t, uint32_t n, int64_t now)
{
    const struct udp_datagram d = {.local = t->settings.local,
                                   .remote = t->settings.destination,
                                   .local_port = t->id,
                                   .remote_port = (uint16_t)(t->settings.port + n),
                                   .bytes = t->bytes,
                                   .length = t->settings.bytes,
                                   .departure = departure_of(t, n)};
    return udp_send(t->stack, &d, now);
}

static int send_echo(struct tracer *t, uint32_t n, int64_t now)
{
    const struct icmp_echo e = {.local = t->settings.local,
                                .remote = t->settings.destination,
                                .id = t->id,
                                .sequence = (uint16_t)n,
                                .bytes = t->bytes,
                                .length = t->settings.bytes,
                                .ttl = (uint8_t)hop_of(t, n),
                                .dont_fragment = t->settings.dont_fragment};
    return icmp_echo_send(t->stack, &e, now);
}

static int send_syn(struct tracer *t, uint32_t n, int64_t now)
{
    uint8_t syn[SYN_BYTES] = {0};
    store_be16(syn, (uint16_t)(t->id + n));
    store_be16(syn + 2, t->settings.port);
    store_be32(syn + 4, 0x57656972u + n);
    syn[12] = SYN_BYTES / 4 << 4;
    syn[13] = FLAG_SYN;
    store_be16(syn + 14, UINT16_MAX);
    uint16_t checksum = wire_l4_checksum(&t->source, &t->settings.destination, IP_PROTO_TCP, syn, sizeof syn);
    memcpy(syn + 16, &checksum, sizeof checksum);
    const struct raw_datagram d = {.local = t->settings.local,
                                   .remote = t->settings.destination,
                                   .protocol = IP_PROTO_TCP,
                                   .bytes = syn,
                                   .length = sizeof syn,
                                   .departure = departure_of(t, n)};
    return raw_send(t->stack, &d, now);
}

static void send_probe(struct tracer *t, int64_t now)
{
    static int (*const sends[])(struct tracer *, uint32_t, int64_t) = {send_udp, send_echo, send_syn};
    uint32_t n = t->sent++;
    t->waiting++;
    t->probes[n].sent_ns = clock_now();
    int e = sends[t->settings.method](t, n, now);
    struct ip_addr nobody = {{0}};
    if (e < 0 && e != ERR_AGAIN && probe_under_way(t, n))
        settle(t, n, TRACER_ERROR, &nobody);
}

static void give_up_late(struct tracer *t, int64_t now)
{
    struct ip_addr nobody = {{0}};
    for (uint32_t n = 0; n < t->sent; n++)
        if (t->probes[n].result == TRACER_WAITING && now - t->probes[n].sent_ns >= t->settings.timeout_ns)
            settle(t, n, TRACER_SILENT, &nobody);
}

static bool has_more(const struct tracer *t) { return t->sent < t->count && hop_of(t, t->sent) <= t->end; }

/* What is under way beyond the end is not waited for. */
static bool waits(const struct tracer *t)
{
    for (uint32_t n = 0; n < t->sent && hop_of(t, n) <= t->end; n++)
        if (t->probes[n].result == TRACER_WAITING)
            return true;
    return false;
}

bool tracer_turn(struct tracer *t, int64_t now)
{
    give_up_late(t, now);
    while (has_more(t) && t->waiting < t->settings.parallel)
        send_probe(t, now);
    return has_more(t) || waits(t);
}

int64_t tracer_deadline(const struct tracer *t)
{
    int64_t at = TIME_NEVER;
    for (uint32_t n = 0; n < t->sent; n++)
        if (t->probes[n].result == TRACER_WAITING)
            at = min_i64(at, t->probes[n].sent_ns + t->settings.timeout_ns);
    return at;
}

/* ---- looking ---- */

unsigned tracer_last_hop(const struct tracer *t)
{
    unsigned sent = t->sent ? hop_of(t, t->sent - 1) : 0;
    return sent < t->end ? sent : t->end;
}

const struct tracer_probe *tracer_probe_at(const struct tracer *t, unsigned hop, unsigned query)
{
    return &t->probes[(hop - t->settings.first_hop) * t->settings.queries + query];
}

bool tracer_hop_done(const struct tracer *t, unsigned hop)
{
    for (unsigned q = 0; q < t->settings.queries; q++)
        if (tracer_probe_at(t, hop, q)->result == TRACER_WAITING)
            return false;
    return true;
}

/* ---- life ---- */

static bool settings_fine(const struct tracer_settings *s)
{
    return s->first_hop >= 1 && s->last_hop >= s->first_hop && s->queries >= 1 && s->queries <= TRACER_MAX_QUERIES &&
           s->parallel >= 1 && s->parallel <= TRACER_MAX_PARALLEL && s->bytes <= MOST_BYTES && s->timeout_ns > 0 &&
           (s->method == TRACER_ICMP || s->port > 0);
}

static int bind_method(struct tracer *t)
{
    const struct tracer_settings *s = &t->settings;
    if (s->method == TRACER_UDP)
        return udp_bind(t->stack, s->local, t->id, udp_answered, udp_failed, t);
    if (s->method == TRACER_ICMP)
        return icmp_echo_bind(t->stack, t->id, echo_answered, t);
    return raw_listen(t->stack, IP_PROTO_TCP, segment_received, segment_failed, t);
}

static int begin(struct tracer *t)
{
    const struct tracer_settings *s = &t->settings;
    t->count = (uint32_t)(s->last_hop - s->first_hop + 1) * s->queries;
    t->end = s->last_hop;
    t->v6 = !ip_addr_is_v4(&s->destination);
    if (!stack_local_address(t->stack, s->local, &t->source) || ip_addr_is_v4(&t->source) == t->v6 ||
        (s->method == TRACER_UDP && s->port + t->count > UINT16_MAX))
        return ERR_INVALID;
    t->probes = alloc_array(t->allocator, t->count, sizeof *t->probes, alignof(struct tracer_probe));
    if (!t->probes)
        return ERR_NO_MEMORY;
    if (getrandom(&t->id, sizeof t->id, 0) != sizeof t->id)
        return ERR_SYSTEM;
    t->id = (uint16_t)(SOURCE_PORTS + t->id % (SOURCE_PORTS - TRACER_MAX_HOPS * TRACER_MAX_QUERIES));
    for (unsigned i = 0; i < sizeof t->bytes; i++)
        t->bytes[i] = (uint8_t)('@' + i % 64);
    int e = bind_method(t);
    t->bound = e == 0;
    return e;
}

int tracer_new(const struct tracer_settings *s, struct stack *stack, const struct allocator *a, struct tracer **out)
{
    if (!settings_fine(s))
        return ERR_INVALID;
    struct tracer *t = alloc_zeroed(a, sizeof *t, alignof(struct tracer));
    if (!t)
        return ERR_NO_MEMORY;
    t->settings = *s;
    t->stack = stack;
    t->allocator = a;
    int e = begin(t);
    if (e < 0)
        tracer_delete(t);
    else
        *out = t;
    return e;
}

static void unbind_method(struct tracer *t)
{
    if (t->settings.method == TRACER_UDP)
        (void)udp_unbind(t->stack, t->settings.local, t->id);
    else if (t->settings.method == TRACER_ICMP && icmp_echo_bind(t->stack, t->id, NULL, NULL) < 0)
        return;
    else if (t->settings.method == TRACER_TCP)
        (void)raw_unlisten(t->stack, IP_PROTO_TCP, segment_received, t);
}

void tracer_delete(struct tracer *t)
{
    if (!t)
        return;
    if (t->bound)
        unbind_method(t);
    alloc_free(t->allocator, t->probes, t->count * sizeof *t->probes);
    alloc_free(t->allocator, t, sizeof *t);
}
