/* SPDX-License-Identifier: MIT */
/*
 * See bypass.h.
 */
#include "accel/bypass.h"

#include "accel/flow.h"

static bool is_among(uint16_t port, const struct accel_ports *p) { return port >= p->first && port <= p->last; }

static bool is_of_server(const struct accel_bypass *b, const struct ip_addr *server, uint16_t port)
{
    return (!(b->match & ACCEL_BYPASS_SERVER) || ip_prefix_contains(&b->server, server)) &&
           (!(b->match & ACCEL_BYPASS_SERVER_PORTS) || is_among(port, &b->server_ports));
}

static bool matches(const struct accel_bypass *b, const struct accel_key *key)
{
    return (!(b->match & ACCEL_BYPASS_CLIENT) || ip_prefix_contains(&b->client, &key->client)) &&
           (!(b->match & ACCEL_BYPASS_CLIENT_PORTS) || is_among(key->client_port, &b->client_ports)) &&
           is_of_server(b, &key->server, key->server_port);
}

bool accel_is_bypass_of(const struct accel_bypass *list, uint32_t n, const struct ip_addr *server, uint16_t port)
{
    for (uint32_t i = 0; i < n; i++)
        if (is_of_server(&list[i], server, port))
            return true;
    return false;
}

bool accel_is_bypassed(const struct accel_bypass *list, uint32_t n, const struct accel_key *key)
{
    for (uint32_t i = 0; i < n; i++)
        if (matches(&list[i], key))
            return true;
    return false;
}
