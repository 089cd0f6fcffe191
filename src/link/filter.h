/* SPDX-License-Identifier: MIT */
/*
 * Capture filters in the language of pcap-filter(7): "tcp port 80 and host 10.0.0.1". libpcap compiles them to BPF,
 * which the kernel runs on a socket, or we on bytes. Ethernet only. Names of hosts and ports are looked up when a
 * filter is compiled.
 */
#ifndef WEIR_LINK_FILTER_H
#define WEIR_LINK_FILTER_H

#include "base/compiler.h"

struct filter;
/*
 * snap_length: how much of a matching frame a socket gives. ERR_INVALID (message says what libpcap found wrong),
 * ERR_NO_MEMORY. An empty text matches everything.
 */
MUST_CHECK int filter_new(const char *text, uint32_t snap_length, struct filter **out, char message[256]);
void filter_delete(struct filter *f);
const char *filter_text(const struct filter *f);
bool filter_matches(const struct filter *f, const uint8_t *bytes, uint32_t captured, uint32_t original);
/*
 * On a packet socket the kernel takes VLAN tags off before it looks: a filter that asks for them must be run on the
 * frame as it was, by us.
 */
bool filter_asks_for_vlan(const struct filter *f);
/* ERR_SYSTEM, with errno. */
MUST_CHECK int filter_attach(const struct filter *f, int fd);

#endif
