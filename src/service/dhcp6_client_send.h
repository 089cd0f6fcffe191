/* SPDX-License-Identifier: MIT */
/*
 * What a DHCPv6 client writes into the message of its present exchange: RFC 8415 18.2.1 to 18.2.8. Inside of
 * dhcp6_client.
 */
#ifndef WEIR_SERVICE_DHCP6_CLIENT_SEND_H
#define WEIR_SERVICE_DHCP6_CLIENT_SEND_H

#include "service/dhcp6_client.h"

/* The state says which message. */
void dhcp6_client_send(struct dhcp6_client *c, int64_t now);

#endif
