/* SPDX-License-Identifier: MIT */
/*
 * Writing DHCPv6 messages. See dhcp6_message.h.
 */
#include "base/error.h"
#include "service/dhcp6_message.h"

void dhcp6_writer_begin(struct dhcp6_writer *w, uint8_t *to, size_t room)
{
    *w = (struct dhcp6_writer){.message = to, .room = room};
}

static uint8_t *take(struct dhcp6_writer *w, size_t length)
{
    if (w->failed || length > w->room - w->at) {
        w->failed = true;
        return NULL;
    }
    w->at += length;
    return w->message + w->at - length;
}

void dhcp6_writer_put(struct dhcp6_writer *w, const void *bytes, size_t length)
{
    uint8_t *to = take(w, length);
    if (to && length > 0)
        memcpy(to, bytes, length);
}

void dhcp6_writer_header(struct dhcp6_writer *w, enum dhcp6_type type, uint32_t xid)
{
    uint8_t *to = take(w, 4);
    if (to)
        store_be32(to, (uint32_t)type << 24 | (xid & 0xffffffu));
}

size_t dhcp6_writer_open(struct dhcp6_writer *w, uint16_t code)
{
    uint8_t *to = take(w, 4);
    if (!to)
        return 0;
    store_be16(to, code);
    return w->at;
}

void dhcp6_writer_close(struct dhcp6_writer *w, size_t opened)
{
    if (w->failed)
        return;
    assert(opened >= 4 && opened <= w->at);
    w->failed = w->at - opened > UINT16_MAX;
    store_be16(w->message + opened - 2, (uint16_t)(w->at - opened));
}

void dhcp6_writer_bytes(struct dhcp6_writer *w, uint16_t code, const void *bytes, size_t length)
{
    size_t opened = dhcp6_writer_open(w, code);
    dhcp6_writer_put(w, bytes, length);
    dhcp6_writer_close(w, opened);
}

void dhcp6_writer_u16(struct dhcp6_writer *w, uint16_t code, uint16_t value)
{
    uint8_t bytes[2];
    store_be16(bytes, value);
    dhcp6_writer_bytes(w, code, bytes, sizeof bytes);
}

void dhcp6_writer_u32(struct dhcp6_writer *w, uint16_t code, uint32_t value)
{
    uint8_t bytes[4];
    store_be32(bytes, value);
    dhcp6_writer_bytes(w, code, bytes, sizeof bytes);
}

void dhcp6_writer_status(struct dhcp6_writer *w, enum dhcp6_status status)
{
    dhcp6_writer_u16(w, DHCP6_OPT_STATUS, (uint16_t)status);
}

static void write_lease(struct dhcp6_writer *w, uint16_t kind, const struct dhcp6_lease *l)
{
    uint8_t times[8];
    store_be32(times, l->preferred_s);
    store_be32(times + 4, l->valid_s);
    size_t opened = dhcp6_writer_open(w, kind == DHCP6_OPT_IA_NA ? DHCP6_OPT_IA_ADDRESS : DHCP6_OPT_IA_PREFIX);
    if (kind == DHCP6_OPT_IA_NA) {
        dhcp6_writer_put(w, l->addr.bytes, 16);
        dhcp6_writer_put(w, times, 8);
    } else {
        dhcp6_writer_put(w, times, 8);
        dhcp6_writer_put(w, &l->prefix_length, 1);
        dhcp6_writer_put(w, l->addr.bytes, 16);
    }
    if (l->status != DHCP6_SUCCESS)
        dhcp6_writer_status(w, (enum dhcp6_status)l->status);
    dhcp6_writer_close(w, opened);
}

void dhcp6_writer_ia(struct dhcp6_writer *w, const struct dhcp6_ia *ia)
{
    uint8_t head[12];
    store_be32(head, ia->iaid);
    store_be32(head + 4, ia->t1_s);
    store_be32(head + 8, ia->t2_s);
    size_t opened = dhcp6_writer_open(w, ia->kind);
    dhcp6_writer_put(w, head, sizeof head);
    for (unsigned i = 0; i < ia->n; i++)
        write_lease(w, ia->kind, &ia->lease[i]);
    if (ia->status != DHCP6_SUCCESS)
        dhcp6_writer_status(w, (enum dhcp6_status)ia->status);
    dhcp6_writer_close(w, opened);
}

size_t dhcp6_writer_relay(struct dhcp6_writer *w, const struct dhcp6_relay *r)
{
    uint8_t head[2] = {r->type, r->hops};
    dhcp6_writer_put(w, head, sizeof head);
    dhcp6_writer_put(w, r->link.bytes, 16);
    dhcp6_writer_put(w, r->peer.bytes, 16);
    if (r->interface_id.bytes)
        dhcp6_writer_bytes(w, DHCP6_OPT_INTERFACE_ID, r->interface_id.bytes, r->interface_id.length);
    return dhcp6_writer_open(w, DHCP6_OPT_RELAY_MESSAGE);
}

int dhcp6_writer_end(struct dhcp6_writer *w) { return w->failed ? ERR_NO_SPACE : (int)w->at; }
