/* SPDX-License-Identifier: MIT */
/*
 * Asking for echoes: see pinger.h. The last 65,536 requests are remembered, as many as there are sequence numbers on
 * the wire; the bytes of a request follow from its number, so that a reply can be checked.
 *
 * Owns links, guards and stacks of one or two stations; stations[0] asks.
 */
#define _GNU_SOURCE /* ppoll */
#include "engine/pinger.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "engine/clock.h"
#include "engine/cpu.h"
#include "engine/secret.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/mpls.h"

#define STATIONS 2u
#define WINDOW 65536u
#define LONGEST_SLEEP_NS (100 * NS_PER_MS)
#define SHORTEST_SLEEP_NS (20 * NS_PER_US)
#define EMPTY_TURNS_BEFORE_SLEEP 200u
#define FEW_CONNECTIONS 16u

struct station {
    struct link *link;
    struct guard guard;
    struct stack *stack;
    uint32_t local;
};

struct request {
    int64_t sent_ns;
    uint32_t bytes;
    bool settled; /* answered, or told that it will not be */
    bool answered;
};

struct pinger {
    struct pinger_settings settings;
    struct station stations[STATIONS];
    unsigned n_stations;
    uint16_t id;
    uint64_t sent, settled;
    int64_t next_ns, last_ns; /* when a request is due; when one was sent */
    unsigned empty_turns;
    pinger_event_fn *told;
    void *context;
    const struct allocator *allocator;
    uint8_t bytes[PINGER_MAX_BYTES];
    struct request window[WINDOW];
};

/* ---- what comes back ---- */

static void fill(uint8_t *bytes, uint32_t length, uint64_t sequence)
{
    for (uint32_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i + sequence);
}

static bool is_what_was_sent(const struct request *r, const struct icmp_echo *e, uint64_t sequence)
{
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < e->length; i++)
        wrong |= (uint32_t)(e->bytes[i] ^ (uint8_t)(i + sequence));
    return e->length == r->bytes && wrong == 0;
}

/* The request with this number on the wire; 0: there is none. */
static uint64_t whole_sequence(const struct pinger *p, uint16_t sequence)
{
    uint64_t back = (uint16_t)((uint16_t)p->sent - sequence);
    return p->sent > back ? p->sent - back : 0;
}

static struct request *request_at(struct pinger *p, uint64_t sequence) { return &p->window[sequence % WINDOW]; }

static void settle(struct pinger *p, struct request *r)
{
    p->settled += !r->settled;
    r->settled = true;
}

static enum pinger_kind kind_of(const struct request *r, const struct icmp_echo *e, int error, uint64_t sequence)
{
    if (error)
        return PINGER_ERROR;
    if (!is_what_was_sent(r, e, sequence))
        return PINGER_CORRUPTED;
    return r->answered ? PINGER_DUPLICATE : PINGER_REPLY;
}

static void answered(void *context, const struct icmp_echo *e, int error, int64_t turn_began)
{
    struct pinger *p = context;
    uint64_t sequence = whole_sequence(p, e->sequence);
    int64_t now = clock_now();
    (void)turn_began; /* a frame may have come since */
    if (sequence == 0 || !ip_addr_equal(&e->remote, &p->settings.destination))
        return;
    struct request *r = request_at(p, sequence);
    struct pinger_event event = {.kind = kind_of(r, e, error, sequence),
                                 .sequence = sequence,
                                 .rtt_ns = now - r->sent_ns,
                                 .error = error,
                                 .echo = e};
    r->answered |= event.kind == PINGER_REPLY;
    settle(p, r);
    p->told(p->context, &event);
}

/* ---- what goes out ---- */

static void send_request(struct pinger *p, uint32_t bytes, bool probe)
{
    const struct pinger_settings *s = &p->settings;
    uint64_t sequence = ++p->sent;
    struct request *r = request_at(p, sequence);
    struct icmp_echo e = {.local = p->stations[0].local,
                          .remote = s->destination,
                          .id = p->id,
                          .sequence = (uint16_t)sequence,
                          .bytes = p->bytes,
                          .length = bytes,
                          .ttl = s->ttl,
                          .dont_fragment = s->dont_fragment,
                          .probe = probe};
    fill(p->bytes, bytes, sequence);
    p->last_ns = clock_now();
    *r = (struct request){.sent_ns = p->last_ns, .bytes = bytes};
    int error = icmp_echo_send(p->stations[0].stack, &e, p->last_ns);
    if (error == 0)
        return;
    settle(p, r);
    struct pinger_event event = {.kind = PINGER_UNSENT, .sequence = sequence, .error = error};
    p->told(p->context, &event);
}

static bool has_more(const struct pinger *p) { return p->settings.count == 0 || p->sent < p->settings.count; }

/* One that is late moves those after it: never two at once. */
static unsigned send_due(struct pinger *p, int64_t now)
{
    if (!has_more(p) || now < p->next_ns)
        return 0;
    int64_t late = now - p->next_ns;
    p->next_ns = late < p->settings.interval_ns ? p->next_ns + p->settings.interval_ns : now + p->settings.interval_ns;
    send_request(p, p->settings.bytes, false);
    return 1;
}

/* ---- turns ---- */

static int64_t wanted_at(const struct pinger *p, int64_t at)
{
    for (unsigned i = 0; i < p->n_stations; i++) {
        at = min_i64(at, stack_next_deadline(p->stations[i].stack));
        at = min_i64(at, link_next_deadline(p->stations[i].link));
    }
    return at;
}

static void rest(const struct pinger *p, int64_t now, int64_t until)
{
    struct link *l = p->stations[0].link;
    int64_t left = min_i64(wanted_at(p, until) - now, LONGEST_SLEEP_NS);
    if (left < SHORTEST_SLEEP_NS)
        return;
    if (l->fd < 0 || !l->ops->arm) {
        clock_sleep(p->settled < p->sent ? SHORTEST_SLEEP_NS : left);
        return;
    }
    struct pollfd polled = {.fd = l->fd, .events = POLLIN};
    struct timespec t = {.tv_nsec = left};
    if (l->ops->arm(l))
        (void)ppoll(&polled, 1, &t, NULL);
}

/* n: what was done in this turn so far. */
static void move(struct pinger *p, unsigned n, int64_t now, int64_t until)
{
    for (unsigned i = 0; i < p->n_stations; i++)
        n += stack_transmit(p->stations[i].stack, now);
    for (unsigned i = p->n_stations; i-- > 0;) {
        n += stack_receive(p->stations[i].stack, now);
        n += stack_transmit(p->stations[i].stack, now);
    }
    p->empty_turns = n > 0 ? 0 : p->empty_turns + 1;
    if (p->empty_turns > 0)
        cpu_relax();
    if (p->empty_turns > EMPTY_TURNS_BEFORE_SLEEP)
        rest(p, now, until);
}

bool pinger_turn(struct pinger *p)
{
    int64_t now = clock_now();
    if (!has_more(p) && (p->settled == p->sent || now - p->last_ns >= p->settings.timeout_ns))
        return false;
    unsigned n = send_due(p, now);
    move(p, n, now, has_more(p) ? p->next_ns : p->last_ns + p->settings.timeout_ns);
    return true;
}

uint64_t pinger_probe(struct pinger *p, uint32_t bytes)
{
    uint64_t sequence = p->sent + 1;
    send_request(p, bytes, true);
    return sequence;
}

void pinger_serve(struct pinger *p, int64_t until) { move(p, 0, clock_now(), until); }

static uint32_t mtu_of(const struct pinger_settings *s, const struct link *l)
{
    return l->mtu - s->tags.mpls_count * WIRE_MPLS_LEN;
}

uint32_t pinger_mtu(const struct pinger *p) { return mtu_of(&p->settings, p->stations[0].link); }

uint64_t pinger_sent(const struct pinger *p) { return p->sent; }

/* ---- making it ---- */

static bool is_host(const struct ip_addr *a)
{
    if (ip_addr_is_unspecified(a) || ip_addr_is_loopback(a) || ip_addr_is_multicast(a))
        return false;
    uint32_t v4 = ip_addr_to_v4(a);
    return !ip_addr_is_v4(a) || (!ipv4_addr_is_this_network(v4) && !ipv4_addr_is_class_e(v4));
}

struct address_text {
    char text[IP_ADDR_TEXT];
};
static struct address_text text_of(const struct ip_addr *a)
{
    struct address_text t;
    ip_addr_print(t.text, sizeof t.text, a);
    return t;
}

static unsigned subnet_bits(const struct pinger_settings *s)
{
    return s->prefix_length + (ip_addr_is_v4(&s->address) ? 96u : 0);
}

static struct address_text subnet(const struct pinger_settings *s)
{
    const struct ip_addr network = ip_addr_first_bits(&s->address, subnet_bits(s));
    return text_of(&network);
}

/* Without a router. */
static bool is_near(const struct pinger_settings *s, const struct ip_addr *a)
{
    return ip_addr_same_bits(a, &s->address, subnet_bits(s)) || (!ip_addr_is_v4(a) && ip_addr_is_link_local(a));
}

/* Of a host in an IPv4 subnet that has room for hosts. */
static bool is_broadcast(const struct pinger_settings *s, const struct ip_addr *a)
{
    uint32_t mask = ipv4_addr_mask(s->prefix_length), v4 = ip_addr_to_v4(a);
    return ip_addr_is_v4(a) && s->prefix_length < 31 && is_near(s, a) &&
           ((v4 & ~mask) == 0 || (v4 | mask) == UINT32_MAX);
}

static bool is_gateway(const struct pinger_settings *s)
{
    return ip_addr_is_v4(&s->gateway) == ip_addr_is_v4(&s->address) && is_near(s, &s->gateway) &&
           !ip_addr_equal(&s->gateway, &s->address);
}

static int check_addresses(const struct pinger_settings *s, char message[256])
{
    bool reachable = is_near(s, &s->destination), has_gateway = !ip_addr_is_unspecified(&s->gateway);
    if (s->prefix_length == 0 || !is_host(&s->address) || is_broadcast(s, &s->address)) {
        snprintf(message, 256, "address: found %s/%u, allowed an address that a host can have",
                 text_of(&s->address).text, s->prefix_length);
    } else if (ip_addr_is_v4(&s->destination) != ip_addr_is_v4(&s->address)) {
        snprintf(message, 256, "destination: found %s, allowed an address of the family of %s",
                 text_of(&s->destination).text, text_of(&s->address).text);
    } else if (!is_host(&s->destination) || is_broadcast(s, &s->destination) ||
               ip_addr_equal(&s->destination, &s->address)) {
        snprintf(message, 256, "destination: found %s, allowed the address of one other host",
                 text_of(&s->destination).text);
    } else if (has_gateway && !is_gateway(s)) {
        snprintf(message, 256, "gateway: found %s, allowed another host of %s/%u", text_of(&s->gateway).text,
                 subnet(s).text, s->prefix_length);
    } else if (!reachable && !has_gateway) {
        snprintf(message, 256, "no route to %s: it is not in %s/%u, and there is no gateway",
                 text_of(&s->destination).text, subnet(s).text, s->prefix_length);
        return ERR_NO_ROUTE;
    } else if (!reachable && s->port->kind == PLAN_MEM) {
        snprintf(message, 256, "destination: found %s, allowed a host of %s/%u: nothing else is on a memory link",
                 text_of(&s->destination).text, subnet(s).text, s->prefix_length);
    } else {
        return 0;
    }
    return ERR_INVALID;
}

static int make_guard(struct station *t, const struct pinger_settings *s, bool asks)
{
    struct guard_rules rules;
    guard_rules_default(&rules);
    rules.n_allowed = asks; /* the other one is at the end of a memory link */
    memcpy(rules.allowed[0].bytes, s->destination.bytes, sizeof s->destination.bytes);
    rules.allowed[0].length = 128;
    rules.stop_at = TIME_NEVER;
    return guard_init(&t->guard, &rules, NULL, clock_now());
}

static int make_stack(struct station *t, const struct ip_addr *address, const struct pinger_settings *s, bool asks,
                      const struct allocator *a)
{
    struct stack_settings settings;
    struct host_settings host = s->tags;
    host.address = *address;
    host.prefix_length = s->prefix_length;
    host.gateway = s->gateway;
    if (!asks)
        host.gateway = (struct ip_addr){{0}};
    plan_address_mac(address, host.mac);
    stack_settings_default(&settings);
    settings.tcp.max_connections = FEW_CONNECTIONS;
    settings.min_path_mtu = WIRE_IPV4_MIN_MTU; /* what routers say is to be seen */
    int e = secret_fill(&settings);
    if (e < 0 || (e = make_guard(t, s, asks)) < 0 || (e = stack_new(&settings, a, clock_now(), &t->stack)) < 0 ||
        (e = stack_add_interface(t->stack, t->link, &t->guard)) < 0)
        return e;
    host.interface = (unsigned)e;
    int local = stack_add_host(t->stack, &host);
    if (local < 0)
        return local;
    t->local = (uint32_t)local;
    return 0;
}

static int check_length(const struct pinger_settings *s, const struct link *l, char message[256])
{
    uint32_t headers = WIRE_ICMP_LEN + (ip_addr_is_v4(&s->address) ? WIRE_IPV4_MIN : WIRE_IPV6_LEN);
    uint32_t length = s->bytes + headers, mtu = mtu_of(s, l);
    if (s->bytes <= PINGER_MAX_BYTES && (!s->dont_fragment || length <= mtu))
        return 0;
    snprintf(
        message, 256,
        "%u bytes make a datagram of %u, which may not be fragmented; allowed at most %u with the link's mtu of %u",
        s->bytes, length, mtu - headers, l->mtu);
    return ERR_INVALID;
}

static int make_stations(struct pinger *p, char message[256])
{
    const struct pinger_settings *s = &p->settings;
    struct link *ends[STATIONS];
    int e = links_open_alone(s->port, p->allocator, ends, message);
    if (e < 0)
        return e;
    p->n_stations = ends[1] ? 2 : 1;
    p->stations[0].link = ends[0];
    p->stations[1].link = ends[1];
    if ((e = check_length(s, ends[0], message)) < 0 ||
        (e = make_stack(&p->stations[0], &s->address, s, true, p->allocator)) < 0)
        return e;
    return ends[1] ? make_stack(&p->stations[1], &s->destination, s, false, p->allocator) : 0;
}

static int begin(struct pinger *p, char message[256])
{
    int e = check_addresses(&p->settings, message);
    if (e < 0 || (e = make_stations(p, message)) < 0)
        return e;
    p->settings.port = NULL;
    if (getrandom(&p->id, sizeof p->id, 0) != sizeof p->id)
        return ERR_SYSTEM;
    p->next_ns = clock_now();
    return icmp_echo_bind(p->stations[0].stack, p->id, answered, p);
}

int pinger_new(const struct pinger_settings *s, const struct allocator *a, pinger_event_fn *told, void *context,
               struct pinger **out, char message[256])
{
    message[0] = 0;
    struct pinger *p = alloc_zeroed(a, sizeof *p, alignof(struct pinger));
    int e = ERR_NO_MEMORY;
    if (p) {
        p->settings = *s;
        p->allocator = a;
        p->told = told;
        p->context = context;
        e = begin(p, message);
    }
    if (e == 0) {
        *out = p;
        return 0;
    }
    if (!message[0])
        snprintf(message, 256, "%s", err_text(e));
    pinger_delete(p);
    return e;
}

void pinger_delete(struct pinger *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < STATIONS; i++)
        stack_delete(p->stations[i].stack);
    for (unsigned i = 0; i < STATIONS; i++)
        link_close(p->stations[i].link);
    alloc_free(p->allocator, p, sizeof *p);
}
