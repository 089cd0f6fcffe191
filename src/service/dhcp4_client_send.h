/* SPDX-License-Identifier: MIT */
/*
 * What a DHCPv4 client writes into its messages: RFC 2131 4.4 table 5, and 4.3.6 for the kinds of REQUEST. Inside of
 * dhcp4_client. These only read the client's state, and hand the message to its host.
 */
#ifndef WEIR_SERVICE_DHCP4_CLIENT_SEND_H
#define WEIR_SERVICE_DHCP4_CLIENT_SEND_H

#include "service/dhcp4_client.h"

void dhcp4_client_send_discover(struct dhcp4_client *c, int64_t now);
/* As the state says: REQUESTING, REBOOTING, RENEWING or REBINDING. */
void dhcp4_client_send_request(struct dhcp4_client *c, int64_t now);
void dhcp4_client_send_decline(struct dhcp4_client *c);
void dhcp4_client_send_release(struct dhcp4_client *c);

#endif
