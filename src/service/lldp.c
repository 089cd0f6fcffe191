/* SPDX-License-Identifier: MIT */
/*
 * An LLDP agent: see lldp.h.
 */
#include "service/lldp.h"

#include "base/error.h"
#include "wire/eth.h"
#include "wire/ip_text.h"

#define FAST_NS NS_PER_S
#define FAMILY_IPV4 1u
#define FAMILY_IPV6 2u

struct lldp_agent {
    struct lldp_settings settings;
    struct lldp_counters counters;
    struct lldp_neighbour *neighbours;
    const struct allocator *allocator;
    int64_t send_at;
    uint8_t fast; /* left */
    bool spoke;
};

void lldp_settings_default(struct lldp_settings *s)
{
    *s = (struct lldp_settings){.interval_ns = 30 * NS_PER_S, .hold = 4, .fast = 4, .max_neighbours = 256};
}

static uint16_t ttl_of(const struct lldp_settings *s)
{
    return (uint16_t)min_i64(s->interval_ns / NS_PER_S * s->hold + 1, UINT16_MAX);
}

static int check(const struct lldp_settings *s)
{
    uint8_t bytes[WIRE_LLDP_MOST];
    struct wire_lldp h = s->sent;
    if (!s->send || s->interval_ns < NS_PER_S || s->interval_ns > 3600 * NS_PER_S || s->hold == 0 ||
        s->max_neighbours == 0 || s->max_neighbours > LLDP_NEIGHBOURS_MAX)
        return ERR_INVALID;
    h.ttl_s = ttl_of(s);
    return s->sends && wire_lldp_build(bytes, sizeof bytes, &h) < 0 ? ERR_INVALID : 0;
}

int lldp_agent_new(const struct lldp_settings *s, const struct allocator *a, int64_t now, struct lldp_agent **out)
{
    int e = check(s);
    if (e < 0)
        return e;
    struct lldp_agent *g = alloc_zeroed(a, sizeof *g, alignof(struct lldp_agent));
    if (!g)
        return ERR_NO_MEMORY;
    *g = (struct lldp_agent){.settings = *s, .allocator = a, .send_at = s->sends ? now : TIME_NEVER, .fast = s->fast};
    g->neighbours = alloc_array(a, s->max_neighbours, sizeof *g->neighbours, alignof(struct lldp_neighbour));
    if (!g->neighbours) {
        lldp_agent_delete(g);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < s->max_neighbours; i++)
        g->neighbours[i].ends_ns = TIME_NEVER;
    *out = g;
    return 0;
}

void lldp_agent_delete(struct lldp_agent *g)
{
    if (!g)
        return;
    alloc_free(g->allocator, g->neighbours, g->settings.max_neighbours * sizeof *g->neighbours);
    alloc_free(g->allocator, g, sizeof *g);
}

/* ---- sending ---- */

static void send(struct lldp_agent *g, uint16_t ttl_s)
{
    uint8_t bytes[WIRE_LLDP_MOST];
    struct wire_lldp h = g->settings.sent;
    h.ttl_s = ttl_s;
    int length = wire_lldp_build(bytes, sizeof bytes, &h);
    if (length < 0)
        return;
    g->counters.sent++;
    g->spoke = ttl_s != 0;
    g->settings.send(g->settings.context, bytes, (size_t)length);
}

static void send_due(struct lldp_agent *g, int64_t now)
{
    if (now < g->send_at)
        return;
    send(g, ttl_of(&g->settings));
    g->fast = g->fast > 0 ? (uint8_t)(g->fast - 1) : 0;
    g->send_at = now + (g->fast > 0 ? FAST_NS : g->settings.interval_ns);
}

void lldp_agent_stop(struct lldp_agent *g)
{
    if (g->spoke)
        send(g, 0);
    g->send_at = TIME_NEVER;
}

/* ---- neighbours ---- */

static bool is_free(const struct lldp_neighbour *n) { return n->ends_ns == TIME_NEVER; }

static bool id_is(uint8_t subtype, const uint8_t *id, uint8_t length, uint8_t other, const struct wire_lldp_value *v)
{
    return subtype == other && length == v->length && memcmp(id, v->bytes, length) == 0;
}

static bool is_neighbour(const struct lldp_neighbour *n, const struct wire_lldp *h)
{
    return !is_free(n) && id_is(n->chassis_subtype, n->chassis, n->chassis_len, h->chassis_subtype, &h->chassis) &&
           id_is(n->port_subtype, n->port, n->port_len, h->port_subtype, &h->port);
}

/* That neighbour, else a free record, else NULL. */
static struct lldp_neighbour *find(struct lldp_agent *g, const struct wire_lldp *h)
{
    struct lldp_neighbour *unused = NULL;
    for (uint32_t i = 0; i < g->settings.max_neighbours; i++) {
        struct lldp_neighbour *n = &g->neighbours[i];
        if (is_neighbour(n, h))
            return n;
        if (!unused && is_free(n))
            unused = n;
    }
    return unused;
}

static void tell(struct lldp_agent *g, enum lldp_change what, const struct lldp_neighbour *n)
{
    if (g->settings.changed)
        g->settings.changed(g->settings.context, what, n);
}

static void forget(struct lldp_agent *g, struct lldp_neighbour *n, enum lldp_change why)
{
    tell(g, why, n);
    n->ends_ns = TIME_NEVER;
}

static uint8_t copy_bytes(uint8_t *to, size_t room, const struct wire_lldp_value *v)
{
    size_t n = min_size(v->length, room);
    if (n > 0)
        memcpy(to, v->bytes, n);
    return (uint8_t)n;
}

static void copy_text(char to[WIRE_LLDP_TEXT_MAX + 1], const struct wire_lldp_value *v)
{
    to[copy_bytes((uint8_t *)to, WIRE_LLDP_TEXT_MAX, v)] = '\0';
}

static struct lldp_neighbour made_of(const struct wire_lldp *h, const uint8_t mac[6], int64_t since, int64_t now)
{
    struct lldp_neighbour n = {.since_ns = since,
                               .ends_ns = now + h->ttl_s * NS_PER_S,
                               .chassis_subtype = h->chassis_subtype,
                               .port_subtype = h->port_subtype,
                               .has_capabilities = h->has_capabilities,
                               .management_family = h->management_family,
                               .ttl_s = h->ttl_s,
                               .capabilities = h->capabilities,
                               .enabled = h->enabled};
    memcpy(n.mac, mac, sizeof n.mac);
    n.chassis_len = copy_bytes(n.chassis, sizeof n.chassis, &h->chassis);
    n.port_len = copy_bytes(n.port, sizeof n.port, &h->port);
    n.management_len = copy_bytes(n.management, sizeof n.management, &h->management);
    copy_text(n.port_description, &h->port_description);
    copy_text(n.system_name, &h->system_name);
    copy_text(n.system_description, &h->system_description);
    return n;
}

/* Times apart. */
static bool says_the_same(const struct lldp_neighbour *a, const struct lldp_neighbour *b)
{
    return memcmp(a->mac, b->mac, sizeof a->mac) == 0 && a->has_capabilities == b->has_capabilities &&
           a->capabilities == b->capabilities && a->enabled == b->enabled &&
           a->management_family == b->management_family && a->management_len == b->management_len &&
           memcmp(a->management, b->management, a->management_len) == 0 &&
           strcmp(a->port_description, b->port_description) == 0 && strcmp(a->system_name, b->system_name) == 0 &&
           strcmp(a->system_description, b->system_description) == 0;
}

static void farewell(struct lldp_agent *g, struct lldp_neighbour *n)
{
    if (!n || is_free(n)) {
        g->counters.drop_unknown++;
        return;
    }
    g->counters.left++;
    forget(g, n, LLDP_LEFT);
}

/* A new one is told soon who we are (9.2.5.22). */
static void hurry(struct lldp_agent *g, int64_t now)
{
    if (!g->settings.sends || g->send_at == TIME_NEVER)
        return;
    g->fast = g->settings.fast;
    g->send_at = min_i64(g->send_at, now + FAST_NS);
}

static void keep(struct lldp_agent *g, struct lldp_neighbour *n, const struct wire_lldp *h, const uint8_t mac[6],
                 int64_t now)
{
    bool is_new = is_free(n);
    struct lldp_neighbour made = made_of(h, mac, is_new ? now : n->since_ns, now);
    bool differs = is_new || !says_the_same(n, &made);
    *n = made;
    if (is_new) {
        g->counters.added++;
        hurry(g, now);
    }
    if (differs)
        tell(g, is_new ? LLDP_ADDED : LLDP_CHANGED, n);
}

static bool is_own(const struct lldp_agent *g, const struct wire_lldp *h)
{
    const struct wire_lldp *own = &g->settings.sent;
    return g->settings.sends && own->chassis_subtype == h->chassis_subtype && own->port_subtype == h->port_subtype &&
           own->chassis.length == h->chassis.length && own->port.length == h->port.length &&
           memcmp(own->chassis.bytes, h->chassis.bytes, h->chassis.length) == 0 &&
           memcmp(own->port.bytes, h->port.bytes, h->port.length) == 0;
}

void lldp_agent_input(struct lldp_agent *g, const uint8_t mac[6], const uint8_t *bytes, size_t length, int64_t now)
{
    struct wire_lldp h;
    enum wire_lldp_reject reason = wire_lldp_parse(bytes, length, &h);
    if (reason != WIRE_LLDP_ACCEPTED) {
        g->counters.drop_malformed++;
        g->counters.malformed[reason]++;
        return;
    }
    if (is_own(g, &h)) {
        g->counters.drop_own++;
        return;
    }
    struct lldp_neighbour *n = find(g, &h);
    if (h.ttl_s != 0 && !n) {
        g->counters.drop_full++;
        return;
    }
    g->counters.tlvs_ignored += h.ignored;
    if (h.ttl_s == 0) {
        farewell(g, n);
        return;
    }
    g->counters.received++;
    keep(g, n, &h, mac, now);
}

/* ---- time ---- */

void lldp_agent_tick(struct lldp_agent *g, int64_t now)
{
    send_due(g, now);
    for (uint32_t i = 0; i < g->settings.max_neighbours; i++) {
        struct lldp_neighbour *n = &g->neighbours[i];
        if (is_free(n) || now < n->ends_ns)
            continue;
        g->counters.aged++;
        forget(g, n, LLDP_AGED);
    }
}

int64_t lldp_agent_deadline(const struct lldp_agent *g)
{
    int64_t at = g->send_at;
    for (uint32_t i = 0; i < g->settings.max_neighbours; i++)
        at = min_i64(at, g->neighbours[i].ends_ns);
    return at;
}

/* ---- looking ---- */

const struct lldp_neighbour *lldp_agent_next(const struct lldp_agent *g, uint32_t *at)
{
    while (*at < g->settings.max_neighbours) {
        const struct lldp_neighbour *n = &g->neighbours[(*at)++];
        if (!is_free(n))
            return n;
    }
    return NULL;
}

const struct lldp_counters *lldp_agent_counters(const struct lldp_agent *g) { return &g->counters; }

static bool print_address(char *to, size_t size, const uint8_t *id, uint8_t length)
{
    struct ip_addr a;
    if (length == 5 && id[0] == FAMILY_IPV4)
        a = ip_addr_from_v4(load_be32(id + 1));
    else if (length == 17 && id[0] == FAMILY_IPV6)
        a = ip_addr_from_v6(id + 1);
    else
        return false;
    ip_addr_print(to, size, &a);
    return true;
}

void lldp_id_print(char *to, size_t size, bool is_mac, bool is_address, const uint8_t *id, uint8_t length)
{
    if (is_mac && length == 6) {
        wire_eth_addr_print(to, size, id);
        return;
    }
    if (is_address && print_address(to, size, id, length))
        return;
    struct text t = text_into(to, size);
    for (unsigned i = 0; i < length; i++)
        text_char(&t, id[i] >= ' ' && id[i] < 0x7f ? (char)id[i] : '.');
}
