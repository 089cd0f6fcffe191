/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv4 client's messages: RFC 2131 4.4 table 5. See dhcp4_client_send.h.
 */
#include "service/dhcp4_client_send.h"

#define EVERYBODY 0xffffffffu

struct draft {
    uint8_t bytes[DHCP4_LEAST_ROOM];
    struct dhcp4_writer writer;
};

static uint16_t secs(const struct dhcp4_client *c, int64_t now)
{
    return (uint16_t)min_i64((now - c->begun_ns) / NS_PER_S, UINT16_MAX);
}

static struct dhcp4_header header_of(const struct dhcp4_client *c)
{
    struct dhcp4_header h = {.op = DHCP4_BOOTREQUEST, .htype = DHCP4_ETHERNET, .hlen = 6, .xid = c->xid};
    memcpy(h.chaddr, c->mac, sizeof c->mac);
    return h;
}

static void begin(struct draft *d, const struct dhcp4_client *c, const struct dhcp4_header *h, enum dhcp4_type type)
{
    dhcp4_writer_begin(&d->writer, d->bytes, sizeof d->bytes, h, type);
    if (c->settings->send_client_id) {
        uint8_t id[7] = {DHCP4_ETHERNET};
        memcpy(id + 1, c->mac, sizeof c->mac);
        dhcp4_writer_bytes(&d->writer, DHCP4_CODE_CLIENT_ID, id, sizeof id);
    }
}

static void add_text(struct dhcp4_writer *w, uint8_t code, const char *text)
{
    if (text)
        dhcp4_writer_bytes(w, code, text, strlen(text));
}

/* What DISCOVER and REQUEST say of the client and its wishes. */
static void add_wishes(struct dhcp4_writer *w, const struct dhcp4_client_settings *s)
{
    if (s->request_lease_s)
        dhcp4_writer_u32(w, DHCP4_CODE_LEASE_TIME, s->request_lease_s);
    dhcp4_writer_u16(w, DHCP4_CODE_MAX_SIZE, DHCP4_MOST_ROOM + 28);
    add_text(w, DHCP4_CODE_HOST_NAME, s->host_name);
    add_text(w, DHCP4_CODE_CLASS_ID, s->class_id);
    if (s->n_parameters)
        dhcp4_writer_bytes(w, DHCP4_CODE_PARAMETER_LIST, s->parameters, s->n_parameters);
}

static void finish(struct dhcp4_client *c, struct draft *d, uint32_t from, uint32_t to)
{
    const struct dhcp4_client_host *host = &c->settings->host;
    int length = dhcp4_writer_end(&d->writer);
    assert(length > 0); /* dhcp4_client_settings_check() */
    host->send(host->context, c,
               &(struct dhcp4_client_datagram){.bytes = d->bytes, .length = (size_t)length, .from = from, .to = to});
}

void dhcp4_client_send_discover(struct dhcp4_client *c, int64_t now)
{
    struct draft d;
    struct dhcp4_header h = header_of(c);
    h.secs = secs(c, now);
    h.flags = c->settings->broadcast ? DHCP4_BROADCAST : 0;
    begin(&d, c, &h, DHCP4_DISCOVER);
    if (c->wanted)
        dhcp4_writer_u32(&d.writer, DHCP4_CODE_REQUESTED_ADDRESS, c->wanted);
    add_wishes(&d.writer, c->settings);
    finish(c, &d, 0, EVERYBODY);
}

/*
 * RFC 2131 4.3.6: the server's identifier in REQUESTING only; the address as an option in REQUESTING and REBOOTING, as
 * ciaddr in the others; unicast in RENEWING only. `secs` of REQUESTING is the DISCOVER's (4.4.1).
 */
void dhcp4_client_send_request(struct dhcp4_client *c, int64_t now)
{
    struct draft d;
    struct dhcp4_header h = header_of(c);
    bool held = c->state == DHCP4_CLIENT_RENEWING || c->state == DHCP4_CLIENT_REBINDING;
    bool renewing = c->state == DHCP4_CLIENT_RENEWING;
    h.secs = secs(c, c->state == DHCP4_CLIENT_REQUESTING ? c->discovered_ns : now);
    h.ciaddr = held ? c->lease.address : 0;
    h.flags = c->settings->broadcast && !held ? DHCP4_BROADCAST : 0;
    begin(&d, c, &h, DHCP4_REQUEST);
    if (!held)
        dhcp4_writer_u32(&d.writer, DHCP4_CODE_REQUESTED_ADDRESS,
                         c->state == DHCP4_CLIENT_REQUESTING ? c->lease.address : c->wanted);
    if (c->state == DHCP4_CLIENT_REQUESTING)
        dhcp4_writer_u32(&d.writer, DHCP4_CODE_SERVER_ID, c->lease.server);
    add_wishes(&d.writer, c->settings);
    finish(c, &d, h.ciaddr, renewing ? c->lease.server : EVERYBODY);
}

void dhcp4_client_send_decline(struct dhcp4_client *c)
{
    struct draft d;
    struct dhcp4_header h = header_of(c);
    begin(&d, c, &h, DHCP4_DECLINE);
    dhcp4_writer_u32(&d.writer, DHCP4_CODE_REQUESTED_ADDRESS, c->lease.address);
    dhcp4_writer_u32(&d.writer, DHCP4_CODE_SERVER_ID, c->lease.server);
    add_text(&d.writer, DHCP4_CODE_ERROR_TEXT, "address in use");
    finish(c, &d, 0, EVERYBODY);
}

void dhcp4_client_send_release(struct dhcp4_client *c)
{
    struct draft d;
    struct dhcp4_header h = header_of(c);
    h.ciaddr = c->lease.address;
    begin(&d, c, &h, DHCP4_RELEASE);
    dhcp4_writer_u32(&d.writer, DHCP4_CODE_SERVER_ID, c->lease.server);
    finish(c, &d, h.ciaddr, c->lease.server);
}
