/* SPDX-License-Identifier: MIT */
/*
 * See location.h.
 */
#include "engine/location.h"

#include <stdio.h>

#include "base/error.h"
#include "engine/links.h"

int location_open_tunnel(const char *location, const char *netns, const struct allocator *a, struct link **out,
                         char message[256])
{
    struct plan_port port;
    struct link *ends[2];
    int e = plan_port_default(location, &port, message);
    if (e == 0 && port.kind != PLAN_TUNNEL) {
        snprintf(message, 256, "location: found \"%.60s\", allowed tunnel:KIND,...", location);
        e = ERR_INVALID;
    }
    if (e < 0)
        return e;
    port.netns = netns;
    e = links_open_alone(&port, a, ends, message);
    if (e == 0)
        *out = ends[0];
    return e;
}
