/* SPDX-License-Identifier: MIT */
/*
 * What the DHCPv4 server says: RFC 2131 4.1 (where to) and 4.3 table 3 (what), RFC 6842 (client identifier), RFC 3046
 * 2.2 (relay agent information, last). Parameters go in the order in which the client asks for them; those that do not
 * fit are left out.
 */
#include "service/dhcp4_server_private.h"
#include "wire/ip_addr.h"

#define IP_AND_UDP 28u
#define EVERYBODY 0xffffffffu

static size_t room_of(const struct dhcp4_message *m)
{
    uint16_t most = dhcp4_message_u16(m, DHCP4_MAX_SIZE, DHCP4_LEAST_ROOM + IP_AND_UDP);
    return min_size(most - IP_AND_UDP, DHCP4_MOST_ROOM);
}

static struct dhcp4_header header_of(const struct dhcp4_message *m)
{
    struct dhcp4_header h = m->header;
    h.op = DHCP4_BOOTREPLY;
    h.hops = 0;
    h.secs = 0;
    h.yiaddr = h.siaddr = 0;
    return h;
}

static void copy_option(struct dhcp4_writer *w, const struct dhcp4_message *m, enum dhcp4_option o, uint8_t code)
{
    if (dhcp4_message_has(m, o))
        dhcp4_writer_bytes(w, code, m->option[o].bytes, m->option[o].length);
}

static void begin(struct dhcp4_server *s, struct dhcp4_writer *w, const struct dhcp4_request *r,
                  const struct dhcp4_header *h, enum dhcp4_type type)
{
    dhcp4_writer_begin(w, s->reply, room_of(&r->message), h, type);
    dhcp4_writer_u32(w, DHCP4_CODE_SERVER_ID, s->settings.address);
    copy_option(w, &r->message, DHCP4_CLIENT_ID, DHCP4_CODE_CLIENT_ID);
}

/* RFC 2131 4.1. An unicast to an address that the client does not have yet goes by its hardware address. */
static void finish(struct dhcp4_server *s, struct dhcp4_writer *w, const struct dhcp4_request *r,
                   const struct dhcp4_header *h, enum dhcp4_type type)
{
    copy_option(w, &r->message, DHCP4_RELAY_AGENT, DHCP4_CODE_RELAY_AGENT);
    int length = dhcp4_writer_end(w);
    if (length < 0) {
        s->counters.drop_write++;
        return;
    }
    struct dhcp4_server_datagram d = {
        .bytes = s->reply, .length = (size_t)length, .to = EVERYBODY, .port = DHCP4_CLIENT_PORT};
    if (h->giaddr) {
        d.to = h->giaddr;
        d.port = DHCP4_SERVER_PORT;
    } else if (type != DHCP4_NAK && h->ciaddr) {
        d.to = h->ciaddr;
    } else if (type != DHCP4_NAK && !(h->flags & DHCP4_BROADCAST) && h->htype == DHCP4_ETHERNET) {
        d.to = h->yiaddr;
        d.mac = r->message.header.chaddr;
    }
    s->settings.send(s->settings.context, s, &d);
}

/* ---- parameters ---- */

/* Writes a parameter where there is room left for the relay agent information too. */
static void add_parameter(struct dhcp4_writer *w, const struct dhcp4_request *r, uint8_t code, const void *bytes,
                          size_t length)
{
    const struct dhcp4_value *relay = &r->message.option[DHCP4_RELAY_AGENT];
    size_t kept = relay->bytes ? relay->length + 2u : 0;
    if (length > 0 && dhcp4_writer_fits(w, length + kept))
        dhcp4_writer_bytes(w, code, bytes, length);
}

static void add_addresses(struct dhcp4_writer *w, const struct dhcp4_request *r, uint8_t code, const uint32_t *from,
                          unsigned most)
{
    uint8_t bytes[4 * DHCP4_POOL_DNS];
    unsigned n = 0;
    for (; n < most && from[n]; n++)
        store_be32(bytes + 4 * (size_t)n, from[n]);
    add_parameter(w, r, code, bytes, 4 * (size_t)n);
}

static void add_other(struct dhcp4_writer *w, const struct dhcp4_request *r, const struct dhcp4_pool_settings *p,
                      uint8_t code)
{
    for (unsigned i = 0; i < p->n_options; i++)
        if (p->options[i].code == code)
            add_parameter(w, r, code, p->options[i].bytes, p->options[i].length);
}

static void add_asked(struct dhcp4_writer *w, const struct dhcp4_request *r, const struct dhcp4_pool_settings *p,
                      uint8_t code)
{
    uint32_t mask = ipv4_addr_mask(p->prefix_length);
    switch (code) {
    case DHCP4_CODE_SUBNET_MASK:
        add_addresses(w, r, code, &mask, 1);
        break;
    case DHCP4_CODE_ROUTER:
        add_addresses(w, r, code, &p->router, 1);
        break;
    case DHCP4_CODE_DNS:
        add_addresses(w, r, code, p->dns, DHCP4_POOL_DNS);
        break;
    case DHCP4_CODE_BROADCAST_ADDRESS:
        add_addresses(w, r, code, &(uint32_t){p->network | ~mask}, 1);
        break;
    case DHCP4_CODE_DOMAIN_NAME:
        add_parameter(w, r, code, p->domain, p->domain ? strlen(p->domain) : 0);
        break;
    default:
        add_other(w, r, p, code);
    }
}

/* Each once, whatever the client's list repeats. */
static void add_parameters(struct dhcp4_writer *w, const struct dhcp4_request *r, const struct dhcp4_pool_settings *p)
{
    static const uint8_t usual[] = {DHCP4_CODE_SUBNET_MASK, DHCP4_CODE_ROUTER, DHCP4_CODE_DNS, DHCP4_CODE_DOMAIN_NAME};
    struct dhcp4_value list = r->message.option[DHCP4_PARAMETER_LIST];
    uint64_t done[4] = {0};
    if (!list.bytes)
        list = (struct dhcp4_value){.bytes = usual, .length = sizeof usual};
    for (unsigned i = 0; i < list.length; i++) {
        uint8_t code = list.bytes[i];
        if (done[code / 64] >> (code % 64) & 1)
            continue;
        done[code / 64] |= UINT64_C(1) << (code % 64);
        add_asked(w, r, p, code);
    }
}

/* ---- replies ---- */

static void add_times(struct dhcp4_writer *w, uint32_t lease_s)
{
    dhcp4_writer_u32(w, DHCP4_CODE_LEASE_TIME, lease_s);
    if (lease_s == DHCP4_INFINITE)
        return;
    dhcp4_writer_u32(w, DHCP4_CODE_T1, lease_s / 2);
    dhcp4_writer_u32(w, DHCP4_CODE_T2, lease_s - lease_s / 8);
}

void dhcp4_server_reply_lease(struct dhcp4_server *s, const struct dhcp4_request *r, enum dhcp4_type type,
                              uint32_t address, uint32_t lease_s)
{
    struct dhcp4_writer w;
    struct dhcp4_header h = header_of(&r->message);
    if (type == DHCP4_OFFER)
        h.ciaddr = 0;
    h.yiaddr = address;
    begin(s, &w, r, &h, type);
    add_times(&w, lease_s);
    add_parameters(&w, r, &s->settings.pools[r->pool]);
    finish(s, &w, r, &h, type);
}

/* RFC 2131 4.3.2: with a relay agent the client is to hear it by broadcast. */
void dhcp4_server_reply_nak(struct dhcp4_server *s, const struct dhcp4_request *r)
{
    struct dhcp4_writer w;
    struct dhcp4_header h = header_of(&r->message);
    h.ciaddr = 0;
    if (h.giaddr)
        h.flags |= DHCP4_BROADCAST;
    s->counters.naks++;
    begin(s, &w, r, &h, DHCP4_NAK);
    finish(s, &w, r, &h, DHCP4_NAK);
}

void dhcp4_server_reply_inform(struct dhcp4_server *s, const struct dhcp4_request *r)
{
    struct dhcp4_writer w;
    struct dhcp4_header h = header_of(&r->message);
    s->counters.informs++;
    begin(s, &w, r, &h, DHCP4_ACK);
    add_parameters(&w, r, &s->settings.pools[r->pool]);
    finish(s, &w, r, &h, DHCP4_ACK);
}
