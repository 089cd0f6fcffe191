/* SPDX-License-Identifier: MIT */
/*
 * Between the two files of HTTP/1.1 as a load's protocol: protocol_http1.c (requests and what to expect of them) and
 * protocol_http1_server.c (what the embedded server answers).
 */
#ifndef WEIR_TRAFFIC_PROTOCOL_HTTP1_H
#define WEIR_TRAFFIC_PROTOCOL_HTTP1_H

#include "l7/http1.h"
#include "traffic/protocol.h"

/* Appends the entries of a map "Name: value" to list, which has room for as many more as counted. */
uint32_t protocol_http1_read_headers(struct compiling *c, const struct config_node *node, struct http1_header *list,
                                     uint32_t used);
uint32_t protocol_http1_count_headers(const struct config_node *node);

void protocol_http1_compile_server(struct compiling *c, uint32_t number);
void protocol_http1_free_server(struct plan_server *server);

#endif
