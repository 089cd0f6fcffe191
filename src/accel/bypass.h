/* SPDX-License-Identifier: MIT */
/*
 * Connections that the box is told to leave alone: by addresses and ports of either end. Looked up by SYNs only, in
 * order, so that a list of some hundred costs a new connection a microsecond and a known one nothing. Values; whoever
 * makes a list owns it.
 */
#ifndef WEIR_ACCEL_BYPASS_H
#define WEIR_ACCEL_BYPASS_H

#include "wire/ip_addr.h"

/* What an entry looks at. */
enum accel_bypass_match {
    ACCEL_BYPASS_CLIENT = 1,
    ACCEL_BYPASS_SERVER = 2,
    ACCEL_BYPASS_CLIENT_PORTS = 4,
    ACCEL_BYPASS_SERVER_PORTS = 8,
};

struct accel_ports {
    uint16_t first, last;
};

/* All that `match` names has to hold; fields that it does not name do not count. */
struct accel_bypass {
    uint8_t match; /* enum accel_bypass_match; 0 is every connection */
    struct ip_prefix client, server;
    struct accel_ports client_ports, server_ports;
};

struct accel_key;
/* Whether one of the n entries is about this connection. */
bool accel_is_bypassed(const struct accel_bypass *list, uint32_t n, const struct accel_key *key);

/* Whether one of them may be about a connection to this server, whoever the client is. */
bool accel_is_bypass_of(const struct accel_bypass *list, uint32_t n, const struct ip_addr *server, uint16_t port);

#endif
