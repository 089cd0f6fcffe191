/* SPDX-License-Identifier: MIT */
/*
 * The names of the layers: see trace.h.
 */
#include "base/trace.h"

#include <string.h>

static const struct {
    enum trace_layer layer;
    const char *name;
} layers[] = {
    {TRACE_LINK, "link"}, {TRACE_ARP, "arp"}, {TRACE_IP, "ip"}, {TRACE_ICMP, "icmp"},
    {TRACE_UDP, "udp"},   {TRACE_TCP, "tcp"}, {TRACE_L7, "l7"}, {TRACE_SOCKET, "socket"},
};

const char *trace_layer_name(enum trace_layer layer)
{
    for (size_t i = 0; i < ARRAY_SIZE(layers); i++)
        if (layers[i].layer == layer)
            return layers[i].name;
    return "?";
}

static unsigned layer_of(const char *name, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(layers); i++)
        if (strlen(layers[i].name) == length && memcmp(layers[i].name, name, length) == 0)
            return layers[i].layer;
    return 0;
}

bool trace_layers_read(const char *list, unsigned *out)
{
    unsigned all = 0;
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, ",");
        unsigned layer = layer_of(at, length);
        if (!layer)
            return false;
        all |= layer;
        at += length;
        if (!*at)
            break;
    }
    *out = all;
    return true;
}
