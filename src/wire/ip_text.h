/* SPDX-License-Identifier: MIT */
/*
 * Addresses in the texts of this folder's print functions.
 */
#ifndef WEIR_WIRE_IP_TEXT_H
#define WEIR_WIRE_IP_TEXT_H

#include "wire/ip_addr.h"
#include "wire/text.h"

static inline void text_ipv4_addr(struct text *t, uint32_t host_order)
{
    char buffer[IP_ADDR_TEXT];
    ipv4_addr_print(buffer, sizeof buffer, host_order);
    text_string(t, buffer);
}
static inline void text_ip_addr(struct text *t, const struct ip_addr *a)
{
    char buffer[IP_ADDR_TEXT];
    ip_addr_print(buffer, sizeof buffer, a);
    text_string(t, buffer);
}

#endif
