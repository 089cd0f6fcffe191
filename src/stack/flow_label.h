/* SPDX-License-Identifier: MIT */
/*
 * Flow labels of what leaves: RFC 6437. A hash of addresses, ports and protocol keyed by the stack's secret: one label
 * for all of a flow (retransmissions, fragments and stateless answers too), nothing kept, not to be guessed by others.
 * What has no ports has no label.
 */
#ifndef WEIR_STACK_FLOW_LABEL_H
#define WEIR_STACK_FLOW_LABEL_H

#include "base/hash.h"
#include "stack/stack_internal.h"

#define FLOW_LABEL_BITS 20u

/* remote: 16 bytes in wire order; l4: the transport header, which begins with its two ports. */
static inline uint32_t flow_label(const struct stack *s, uint32_t local, const uint8_t *remote, const uint8_t *l4,
                                  uint8_t protocol)
{
    uint8_t flow[24];
    if (!s->settings.flow_labels)
        return 0;
    store_be32(flow, local ^ (uint32_t)protocol << 24);
    memcpy(flow + 4, remote, 16);
    memcpy(flow + 20, l4, 4);
    uint32_t label = (uint32_t)(hash_sip13_24bytes(&s->settings.secret, flow) >> (64 - FLOW_LABEL_BITS));
    return label ? label : 1; /* 0 is for flows without one */
}

#endif
