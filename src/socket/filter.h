/* SPDX-License-Identifier: MIT */
/*
 * The filter of a datagram, raw or packet socket: SO_ATTACH_FILTER and the like. The program is the socket's, a copy of what was given.
 */
#ifndef WEIR_SOCKET_FILTER_H
#define WEIR_SOCKET_FILTER_H

#include "socket/cbpf.h"
#include "socket/datagram.h"

/* -ENOPROTOOPT: it is none of these options. */
int option_filter_set(struct socket *s, int name, const void *value, socklen_t length);
int option_filter_get(const struct socket *s, int name, void *value, socklen_t *length);
/* How many bytes of a packet (from its data on) the socket wants; all of them without a filter. */
uint32_t filter_pass(const struct socket *s, const struct cbpf_packet *p);
void filter_remove(struct socket *s);
/*
 * Queues a datagram of an IP socket as far as the filter lets it pass, and says so; false: it is dropped, and counted. The filter sees all pieces, of which the
 * first `hidden` (a header) are not for the reader and always pass; network: where the IP header is, or CBPF_NOWHERE.
 */
bool filter_record(struct socket *s, const struct record *r, struct ip_piece *pieces, uint32_t n, uint32_t hidden,
                   uint32_t network);
/* Leaves out of the pieces what is beyond `keep` bytes; how many pieces are left. */
uint32_t pieces_trim(struct ip_piece *pieces, uint32_t n, size_t keep);

#endif
