/* SPDX-License-Identifier: MIT */
/*
 * `weir ping --path-mtu`: the largest IP packet that reaches the destination in one piece, by echo requests and the
 * search of RFC 8899, with and without help of routers.
 */
#ifndef WEIR_CLI_PING_PATH_H
#define WEIR_CLI_PING_PATH_H

#include "cli/output.h"
#include "engine/pinger.h"

struct ping_path {
    const char *location, *source, *destination;
    bool quiet; /* no line for each probe */
    struct output *json;
};

/* Searches, and reports. s->timeout_ns is how long each probe is waited for. EXIT_MET: found. */
int ping_path_find(const struct ping_path *path, const struct pinger_settings *s);

#endif
