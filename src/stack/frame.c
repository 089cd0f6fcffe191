/* SPDX-License-Identifier: MIT */
/*
 * Whole frames: see frame.h. A frame is shown as the link has it or gets it: with a stripped VLAN tag, a partial
 * checksum, frags or several segments at once where the link can do so; packet_copy and packet_finish make it plain.
 */
#include "stack/frame.h"

#include "stack/ip_payload.h"
#include "stack/stack_internal.h"

static struct frame_watchers *watchers_of(struct stack *s, unsigned interface)
{
    return interface < s->n_interfaces ? &s->interfaces[interface].watchers : NULL;
}

int stack_frame_listen(struct stack *s, unsigned interface, frame_seen_fn *seen, void *context)
{
    struct frame_watchers *w = watchers_of(s, interface);
    if (!w || !seen)
        return ERR_INVALID;
    for (unsigned i = 0; i < FRAME_MAX_WATCHERS; i++) {
        if (w->slots[i].seen)
            continue;
        w->slots[i] = (struct frame_watcher){.seen = seen, .context = context};
        w->count++;
        return 0;
    }
    return ERR_NO_SPACE;
}

int stack_frame_unlisten(struct stack *s, unsigned interface, frame_seen_fn *seen, const void *context)
{
    struct frame_watchers *w = watchers_of(s, interface);
    for (unsigned i = 0; w && i < FRAME_MAX_WATCHERS; i++) {
        if (!w->slots[i].seen || w->slots[i].seen != seen || w->slots[i].context != context)
            continue;
        w->slots[i] = (struct frame_watcher){0};
        w->count--;
        return 0;
    }
    return ERR_NOT_FOUND;
}

void frame_show(struct stack *s, const struct interface *itf, struct packet *const *packets, unsigned n, bool sent)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < FRAME_MAX_WATCHERS; k++) {
            const struct frame_watcher *w = &itf->watchers.slots[k];
            if (w->seen)
                w->seen(w->context, itf->number, packets[i], sent, s->now);
        }
}

/* Bytes of the longest frame that begins like this. */
static size_t longest(const struct interface *itf, const uint8_t *header)
{
    unsigned tags = 0;
    while (tags < HOST_MAX_TAGS && wire_eth_is_tpid(load_be16(header + 12 + tags * WIRE_ETH_TAG_LEN)))
        tags++;
    return interface_mtu(itf) + WIRE_ETH_LEN + tags * WIRE_ETH_TAG_LEN;
}

int stack_frame_send(struct stack *s, unsigned interface, const struct ip_piece *pieces, uint32_t n_pieces, int64_t now)
{
    s->now = now;
    const struct ip_payload body = {.pieces = pieces, .n = n_pieces};
    size_t length = ip_payload_length(&body);
    if (interface >= s->n_interfaces || length < WIRE_ETH_LEN)
        return ERR_INVALID;
    struct interface *itf = &s->interfaces[interface];
    uint8_t header[WIRE_ETH_LEN + WIRE_ETH_TAG_LEN] = {0};
    ip_payload_peek(&body, header, min_u32((uint32_t)length, sizeof header));
    if (length > longest(itf, header))
        return ERR_NO_SPACE;
    struct packet *p = interface_take(itf, LINK_ALLOC_DATA);
    if (!p) {
        STACK_DROP(s, TRACE_LINK, tx_no_room);
        return ERR_AGAIN;
    }
    ip_payload_copy(&body, p->data);
    p->len = (uint32_t)length;
    p->l3_offset = WIRE_ETH_LEN;
    interface_send(s, itf, p);
    return 0;
}
