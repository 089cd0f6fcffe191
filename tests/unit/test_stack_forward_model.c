/* SPDX-License-Identifier: MIT */
/*
 * Forwarding is what a plain list of routes says: random tables of both families, changed while random datagrams pass,
 * against the longest prefix found by looking at all of them. Seeds are fixed.
 */
#include <stdlib.h>

#include "unit/forward_rig.h"

#include "base/error.h"
#include "base/random.h"

#define ROUTES 400u
#define STEPS 20000u

struct model {
    struct forward_rig *r;
    struct random random;
    bool six;
    unsigned n;
    struct ip_prefix prefixes[ROUTES];
    unsigned ports[ROUTES];
};

/* Few bits each, so that prefixes contain each other. */
static struct ip_addr random_address(struct model *m)
{
    uint32_t bits = random_u32(&m->random) & 0x7f1f0f07u;
    struct ip_addr a = {{0x20, 1, 0x0d, 0xb8, 0xff}};
    if (!m->six)
        return ip_addr_from_v4(0x80000000u | (bits & 0x3fffffffu));
    store_be32(a.bytes + 5, bits);
    return a;
}

static struct ip_prefix random_prefix(struct model *m)
{
    struct ip_prefix p = {.addr = random_address(m)};
    p.length = (uint8_t)(m->six ? 40 + random_below(&m->random, 33) : 2 + random_below(&m->random, 31));
    p.addr = ip_addr_first_bits(&p.addr, m->six ? p.length : p.length + 96u);
    return p;
}

static bool is_there(const struct model *m, const struct ip_prefix *p)
{
    for (unsigned i = 0; i < m->n; i++)
        if (m->prefixes[i].length == p->length && ip_addr_equal(&m->prefixes[i].addr, &p->addr))
            return true;
    return false;
}

static void add(struct model *m)
{
    unsigned port = 1 + (unsigned)random_below(&m->random, 2);
    const struct forward_route route = {
        .prefix = random_prefix(m), .local = m->r->local[port][m->six], .gateway = forward_station(port, m->six)};
    if (m->n == ROUTES)
        return;
    bool there = is_there(m, &route.prefix);
    assert_int_equal(forward_add_route(m->r->stack, 0, &route), there ? ERR_EXISTS : 0);
    if (there)
        return;
    m->prefixes[m->n] = route.prefix;
    m->ports[m->n++] = port;
}

static void drop(struct model *m)
{
    unsigned i = (unsigned)random_below(&m->random, m->n);
    assert_int_equal(forward_remove_route(m->r->stack, 0, &m->prefixes[i]), 0);
    m->n--;
    m->prefixes[i] = m->prefixes[m->n];
    m->ports[i] = m->ports[m->n];
}

/* 0: none, for routes leave by the other ports. */
static unsigned port_of(const struct model *m, const struct ip_addr *to)
{
    unsigned port = 0, longest = 0;
    for (unsigned i = 0; i < m->n; i++)
        if (ip_prefix_contains(&m->prefixes[i], to) && m->prefixes[i].length >= longest) {
            longest = m->prefixes[i].length;
            port = m->ports[i];
        }
    return port;
}

static void send(struct model *m)
{
    static uint8_t frame[FORWARD_FRAME_BYTES];
    const struct ip_addr from = forward_station(0, m->six), to = random_address(m);
    unsigned port = port_of(m, &to);
    uint64_t none = forward_counters(m->r)->forward_no_route;
    struct forward_route found;
    assert_int_equal(forward_find(m->r->stack, 0, &to, &found), port != 0);
    forward_input(m->r, 0, frame, forward_udp(frame, &from, &to));
    assert_int_equal(forward_counters(m->r)->forward_no_route - none, port == 0);
    m->r->ports[0].count = 0; /* errors */
    for (unsigned i = 1; i < FORWARD_PORTS; i++)
        assert_int_equal(forward_next(m->r, i) != NULL, i == port);
}

static void test_datagrams_leave_as_a_list_says(void **state)
{
    (void)state;
    for (unsigned six = 0; six < 2; six++) {
        struct model *m = calloc(1, sizeof *m);
        assert_non_null(m);
        m->r = forward_rig_new();
        m->six = six;
        random_seed(&m->random, 7 + six);
        uint32_t before = forward_route_count(m->r->stack, 0);
        for (unsigned i = 0; i < STEPS; i++) {
            if (random_below(&m->random, 8) == 0)
                add(m);
            else if (m->n && random_below(&m->random, 16) == 0)
                drop(m);
            else
                send(m);
        }
        while (m->n)
            drop(m);
        assert_int_equal(forward_route_count(m->r->stack, 0), before);
        const struct stack_counters *c = forward_counters(m->r);
        print_message("%llu passed, %llu without a route\n",
                      (unsigned long long)(c->ipv4_forwarded + c->ipv6_forwarded),
                      (unsigned long long)c->forward_no_route);
        assert_true(c->ipv4_forwarded + c->ipv6_forwarded > STEPS / 4);
        forward_rig_free(m->r);
        free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_datagrams_leave_as_a_list_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
