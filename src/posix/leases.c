/* SPDX-License-Identifier: MIT */
/*
 * Addresses of interfaces by DHCP: one client an interface and family, which lives as long as the stack. Whoever adds the interface waits for the first
 * lease; afterwards it is renewed as the stack moves, and given back when the stack ends. The owner's, as the stack.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "engine/clock.h"
#include "engine/secret.h"
#include "posix/private.h"

#define LOOK_NS (10 * NS_PER_MS)
#define DEFAULT_TIMEOUT_NS (30 * NS_PER_S)

/* One probe of a third of a second: a program waits for it. */
static const struct address_probe_times probe = {
    .probes = 1, .least_ns = NS_PER_S, .most_ns = NS_PER_S, .answer_ns = 300 * NS_PER_MS};

static int start_one(struct weir_stack *w, unsigned interface, bool v6, const struct wanted_leases *wanted,
                     const uint8_t mac[6], int64_t now)
{
    struct interface_slot *slot = &w->interfaces[interface];
    struct dhcp_clients_settings s;
    dhcp_clients_settings_default(&s, v6);
    s.interface = interface;
    s.gateway6 = wanted->gateway6;
    s.vlan = wanted->vlan;
    s.probe = probe;
    memcpy(s.mac, mac, sizeof s.mac);
    if (getrandom(&s.key, sizeof s.key, 0) != sizeof s.key)
        return ERR_SYSTEM;
    int e = dhcp_clients_new(&s, w->stack, alloc_heap(), now, &slot->leases[v6]);
    if (e == 0)
        dhcp_clients_start(slot->leases[v6], now);
    return e;
}

int leases_start(struct weir_stack *w, unsigned interface, const struct wanted_leases *wanted, int64_t now)
{
    static const uint8_t none[6];
    const uint8_t *mac = memcmp(wanted->mac, none, sizeof none) == 0 ? w->interfaces[interface].link->mac : wanted->mac;
    int e = wanted->v4 ? start_one(w, interface, false, wanted, mac, now) : 0;
    return e == 0 && wanted->v6 ? start_one(w, interface, true, wanted, mac, now) : e;
}

/* The address is a host of the stack. */
static bool has_lease(const struct dhcp_clients *c)
{
    struct dhcp_view v;
    if (!c)
        return true;
    dhcp_clients_view(c, 0, &v);
    return v.local != 0;
}

bool leases_are_there(const struct weir_stack *w, unsigned interface)
{
    return has_lease(w->interfaces[interface].leases[0]) && has_lease(w->interfaces[interface].leases[1]);
}

unsigned leases_name_servers(const struct weir_stack *w, struct ip_addr *out, unsigned n)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 2 * w->n_interfaces; i++) {
        const struct dhcp_clients *c = w->interfaces[i / 2].leases[i % 2];
        struct dhcp_view v = {0};
        if (c)
            dhcp_clients_view(c, 0, &v);
        for (unsigned k = 0; k < DHCP4_CLIENT_DNS && count < n; k++)
            if (!ip_addr_is_unspecified(&v.dns[k]))
                out[count++] = v.dns[k];
    }
    return count;
}

const char *leases_search(const struct weir_stack *w)
{
    for (unsigned i = 0; i < w->n_interfaces; i++)
        if (w->interfaces[i].leases[1] && dhcp_clients_search(w->interfaces[i].leases[1])[0])
            return dhcp_clients_search(w->interfaces[i].leases[1]);
    return "";
}

int64_t leases_look_again(int64_t now) { return now + LOOK_NS; }

int64_t leases_patience(uint32_t timeout_ms)
{
    return timeout_ms ? (int64_t)timeout_ms * NS_PER_MS : DEFAULT_TIMEOUT_NS;
}

void leases_turn(struct weir_stack *w, int64_t now)
{
    for (unsigned i = 0; i < w->n_interfaces; i++)
        for (unsigned k = 0; k < 2; k++)
            if (w->interfaces[i].leases[k])
                dhcp_clients_turn(w->interfaces[i].leases[k], now);
}

int64_t leases_next_deadline(const struct weir_stack *w)
{
    int64_t at = TIME_NEVER;
    for (unsigned i = 0; i < w->n_interfaces; i++)
        for (unsigned k = 0; k < 2; k++)
            if (w->interfaces[i].leases[k])
                at = min_i64(at, dhcp_clients_deadline(w->interfaces[i].leases[k]));
    return at;
}

/* Each is told once; nobody waits for answers. */
void leases_end(struct weir_stack *w, int64_t now)
{
    for (unsigned i = 0; i < w->n_interfaces; i++)
        for (unsigned k = 0; k < 2; k++)
            if (w->interfaces[i].leases[k])
                dhcp_clients_release(w->interfaces[i].leases[k], now);
    if (w->stack)
        (void)stack_transmit(w->stack, now);
    for (unsigned i = 0; i < w->n_interfaces; i++)
        for (unsigned k = 0; k < 2; k++)
            dhcp_clients_delete(w->interfaces[i].leases[k]);
}
