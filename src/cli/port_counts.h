/* SPDX-License-Identifier: MIT */
/*
 * What passed a port of a command that moves frames between ports (`weir bridge`, `weir router`), as text and as JSON.
 */
#ifndef WEIR_CLI_PORT_COUNTS_H
#define WEIR_CLI_PORT_COUNTS_H

#include "config/json.h"
#include "engine/links.h"

/* Some lines on standard output. */
void port_counts_print(const struct plan_port *port, const struct port_link *l);
/* An object of the array that is being written. */
void port_counts_put(struct json_writer *w, const struct plan_port *port, const struct port_link *l);

#endif
