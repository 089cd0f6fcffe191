/* SPDX-License-Identifier: MIT */
/*
 * Addresses from text: IPv4 in four decimal parts without leading zeros, IPv6 by RFC 4291 section 2.2 without zone, MAC
 * as six hexadecimal pairs with colons or hyphens. The whole text must be the address.
 */
#ifndef WEIR_CONFIG_ADDRESS_H
#define WEIR_CONFIG_ADDRESS_H

#include "base/compiler.h"

MUST_CHECK bool config_address_ipv4(const char *text, size_t length, uint32_t *address);
MUST_CHECK bool config_address_ipv6(const char *text, size_t length, uint8_t address[16]);
/* Either; IPv4 as ::ffff:a.b.c.d. */
MUST_CHECK bool config_address_any(const char *text, size_t length, uint8_t address[16]);
MUST_CHECK bool config_address_mac(const char *text, size_t length, uint8_t address[6]);
/* Splits `address/length` at its slash: a decimal length of at most `most`, without leading zeros. */
MUST_CHECK bool config_address_split(const char *text, unsigned most, size_t *address_length, uint8_t *prefix_length);

#endif
