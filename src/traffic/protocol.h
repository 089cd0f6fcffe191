/* SPDX-License-Identifier: MIT */
/*
 * What the load client and the embedded server need of an L7 protocol beyond its two engines: how a request is
 * queued, and how a plan's part of the configuration becomes requests and engine configurations. To add a
 * protocol: one file like protocol_http1.c and one row in plan_compile_protocols.
 */
#ifndef WEIR_TRAFFIC_PROTOCOL_H
#define WEIR_TRAFFIC_PROTOCOL_H

#include "l7/l7.h"
#include "traffic/plan_private.h"

struct traffic_protocol {
    const char *name;
    const struct l7_engine *client, *server;
    /*
     * Queues a request on a client session: 0, ERR_AGAIN (pipeline full), ERR_CLOSED (the peer announced its
     * close), ERR_NO_MEMORY.
     */
    int (*send)(void *session, struct l7_carrier *carrier, const void *request, int64_t due_at, int64_t now);
    /* Fills plan->loads[load] with requests and client_config; plan->servers[server] with config. Adds errors. */
    void (*compile_client)(struct compiling *c, uint32_t load);
    void (*compile_server)(struct compiling *c, uint32_t server);
    void (*free_client)(struct plan_load *load);
    void (*free_server)(struct plan_server *server);
};

extern const struct traffic_protocol traffic_http1;

#endif
