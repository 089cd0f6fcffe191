/* SPDX-License-Identifier: MIT */
/*
 * Readable trace, per layer: a sink injected by the caller, free when off (one predictable branch). Messages are one
 * line without newline. Layers write only through TRACE(); formatting happens only when the layer's bit is set.
 */
#ifndef WEIR_BASE_TRACE_H
#define WEIR_BASE_TRACE_H

#include "base/compiler.h"

enum trace_layer {
    TRACE_LINK = 1,
    TRACE_ARP = 2,
    TRACE_IP = 4,
    TRACE_ICMP = 8,
    TRACE_UDP = 16,
    TRACE_TCP = 32,
    TRACE_L7 = 64,
    TRACE_SOCKET = 128, /* what programs call */
    TRACE_ALL = 255
};
#define TRACE_LAYERS_ALLOWED "link, arp, ip, icmp, udp, tcp, l7 and socket, with commas between"

const char *trace_layer_name(enum trace_layer layer);
/* "arp,tcp": the layers of a list. False: it is none; *out stays. */
bool trace_layers_read(const char *list, unsigned *out);

struct trace {
    unsigned layers; /* bits of enum trace_layer that are on */
    void (*write)(void *context, enum trace_layer layer, int64_t now, const char *format, ...) PRINTF_LIKE(4, 5);
    void *context;
};

#define TRACE(sink, layer, now, ...)                                                                                   \
    do {                                                                                                               \
        const struct trace *trace_ = (sink);                                                                           \
        if (unlikely(trace_ && (trace_->layers & (unsigned)(layer))))                                                  \
            trace_->write(trace_->context, (layer), (now), __VA_ARGS__);                                               \
    } while (0)

#endif
