/* SPDX-License-Identifier: MIT */
/*
 * What the DHCPv4 server does with each message: RFC 2131 4.3. See dhcp4_server.h.
 */
#include "service/dhcp4_server.h"

#include "base/error.h"
#include "service/dhcp4_server_private.h"

#define LINK_SELECTION 5u /* sub-option, RFC 3527 */

const struct dhcp4_server_counters *dhcp4_server_counters(const struct dhcp4_server *s) { return &s->counters; }
const struct lease_table *dhcp4_server_leases(const struct dhcp4_server *s) { return &s->leases; }
int64_t dhcp4_server_deadline(const struct dhcp4_server *s) { return wheel_next(&s->leases.wheel); }
void dhcp4_server_tick(struct dhcp4_server *s, int64_t now) { lease_table_tick(&s->leases, now); }

const struct lease_binding *dhcp4_server_find(struct dhcp4_server *s, uint32_t address)
{
    return lease_table_of_address(&s->leases, address);
}

/* ---- whose message, of which subnet ---- */

/* The subnet that a relay agent names, or 0. The sub-options were checked. */
static uint32_t selected_link(const struct dhcp4_message *m)
{
    const struct dhcp4_value *v = &m->option[DHCP4_RELAY_AGENT];
    struct cursor c = dhcp4_value_cursor(v);
    while (cursor_left(&c) > 0) {
        uint8_t code = cursor_u8(&c), length = cursor_u8(&c);
        const uint8_t *bytes = cursor_take(&c, length);
        if (bytes && code == LINK_SELECTION && length == 4)
            return load_be32(bytes);
    }
    return 0;
}

static uint16_t pool_for(const struct dhcp4_server *s, const struct dhcp4_message *m)
{
    const struct dhcp4_header *h = &m->header;
    if (h->giaddr) {
        uint32_t link = selected_link(m);
        return dhcp4_server_pool_of(s, link ? link : h->giaddr);
    }
    return dhcp4_server_pool_of(s, h->ciaddr ? h->ciaddr : s->settings.address);
}

static struct lease_client client_of(const struct dhcp4_server *s, const struct dhcp4_message *m)
{
    const struct dhcp4_value *id = &m->option[DHCP4_CLIENT_ID];
    return id->bytes ? dhcp4_server_key_of_id(s, id->bytes, id->length) : dhcp4_server_key_of_mac(s, m->header.chaddr);
}

/* ---- times ---- */

static int64_t end_of(uint32_t lease_s, int64_t now)
{
    int64_t end;
    bool never = lease_s == DHCP4_INFINITE || __builtin_add_overflow(now, (int64_t)lease_s * NS_PER_S, &end);
    return never ? TIME_NEVER : end;
}

/* RFC 2131 4.3.1: what the client asks for within our bounds, else what it had, else what is usual. */
static uint32_t lease_time(const struct dhcp4_server *s, const struct dhcp4_request *r, const struct lease_binding *b)
{
    const struct dhcp4_pool_settings *p = &s->settings.pools[r->pool];
    uint32_t had = b->lease_s ? b->lease_s : p->lease_s;
    uint32_t asked = dhcp4_message_u32(&r->message, DHCP4_LEASE_TIME, had);
    return max_u32(p->least_lease_s, min_u32(asked, p->most_lease_s));
}

/* ---- DISCOVER ---- */

/* RFC 2131 4.3.1: reserved, else as asked for, else any. 0: none is left. */
static uint32_t choose_address(struct dhcp4_server *s, const struct dhcp4_request *r)
{
    uint32_t reserved = dhcp4_server_reserved(s, r);
    const struct lease_binding *has = reserved ? lease_table_of_address(&s->leases, reserved) : NULL;
    if (reserved && (!has || has->state == LEASE_REMEMBERED))
        return reserved;
    uint32_t asked = dhcp4_message_u32(&r->message, DHCP4_REQUESTED_ADDRESS, 0);
    if (lease_table_is_free(&s->leases, r->pool, asked))
        return asked;
    return lease_table_search(&s->leases, r->pool);
}

static struct lease_binding *new_binding(struct dhcp4_server *s, const struct dhcp4_request *r)
{
    uint32_t address = choose_address(s, r);
    if (address == 0) {
        s->counters.drop_exhausted++;
        return NULL;
    }
    struct lease_binding *b = lease_table_add(&s->leases, &r->client, r->pool, address);
    if (b)
        memcpy(b->mac, r->message.header.chaddr, sizeof b->mac);
    else
        s->counters.drop_no_record++;
    return b;
}

static bool is_held(const struct lease_binding *b)
{
    return b && (b->state == LEASE_OFFERED || b->state == LEASE_BOUND);
}

static void discover(struct dhcp4_server *s, const struct dhcp4_request *r, int64_t now)
{
    struct lease_binding *b = lease_table_of_client(&s->leases, &r->client, r->pool);
    s->counters.discovers++;
    if (!is_held(b) && s->leases.offered >= s->settings.max_offers) {
        s->counters.drop_offer_limit++;
        return;
    }
    if (!b)
        b = new_binding(s, r);
    if (!b)
        return;
    if (b->state != LEASE_BOUND)
        lease_table_set(&s->leases, b, LEASE_OFFERED, now + s->settings.offer_ns);
    s->counters.offers++;
    dhcp4_server_reply_lease(s, r, DHCP4_OFFER, b->address, lease_time(s, r, b));
}

/* ---- REQUEST ---- */

static void acknowledge(struct dhcp4_server *s, const struct dhcp4_request *r, struct lease_binding *b, int64_t now)
{
    b->lease_s = lease_time(s, r, b);
    lease_table_set(&s->leases, b, LEASE_BOUND, end_of(b->lease_s, now));
    s->counters.acks++;
    dhcp4_server_reply_lease(s, r, DHCP4_ACK, b->address, b->lease_s);
}

/* The client chose an offer: ours or another's (RFC 2131 4.3.2, "generated during SELECTING"). */
static void request_selecting(struct dhcp4_server *s, const struct dhcp4_request *r, uint32_t server, uint32_t address,
                              int64_t now)
{
    struct lease_binding *b = lease_table_of_client(&s->leases, &r->client, r->pool);
    if (server != s->settings.address) {
        s->counters.drop_other_server++;
        if (b && b->state == LEASE_OFFERED)
            lease_table_remove(&s->leases, b);
        return;
    }
    if (is_held(b) && b->address == address)
        acknowledge(s, r, b, now);
    else
        dhcp4_server_reply_nak(s, r);
}

/* A lease that ended may go on while nobody else has the address. */
static void request_known(struct dhcp4_server *s, const struct dhcp4_request *r, uint32_t address, int64_t now)
{
    struct lease_binding *b = lease_table_of_client(&s->leases, &r->client, r->pool);
    bool known = b && b->state != LEASE_OFFERED;
    if (known && b->address == address)
        acknowledge(s, r, b, now);
    else if (known || s->settings.authoritative)
        dhcp4_server_reply_nak(s, r);
    else
        s->counters.drop_unknown++;
}

/* INIT-REBOOT: an address of another subnet is refused, also to clients we do not know (RFC 2131 4.3.2). */
static void request_rebooting(struct dhcp4_server *s, const struct dhcp4_request *r, uint32_t address, int64_t now)
{
    if (dhcp4_server_pool_of(s, address) != r->pool)
        dhcp4_server_reply_nak(s, r);
    else
        request_known(s, r, address, now);
}

static void request(struct dhcp4_server *s, const struct dhcp4_request *r, int64_t now)
{
    const struct dhcp4_message *m = &r->message;
    uint32_t address = dhcp4_message_u32(m, DHCP4_REQUESTED_ADDRESS, 0);
    uint32_t server = dhcp4_message_u32(m, DHCP4_SERVER_ID, 0);
    s->counters.requests++;
    if ((address != 0) == (m->header.ciaddr != 0) || (server && m->header.ciaddr))
        s->counters.drop_fields++;
    else if (server)
        request_selecting(s, r, server, address, now);
    else if (address)
        request_rebooting(s, r, address, now);
    else
        request_known(s, r, m->header.ciaddr, now);
}

/* ---- DECLINE, RELEASE, INFORM ---- */

/* The client's own record of the address, or NULL, counted. */
static struct lease_binding *own_binding(struct dhcp4_server *s, const struct dhcp4_request *r, uint32_t address)
{
    uint32_t server = dhcp4_message_u32(&r->message, DHCP4_SERVER_ID, 0);
    struct lease_binding *b = lease_table_of_client(&s->leases, &r->client, r->pool);
    if (server != s->settings.address) {
        s->counters.drop_other_server++;
        return NULL;
    }
    if (!is_held(b) || b->address != address) {
        s->counters.drop_unknown++;
        return NULL;
    }
    return b;
}

/* RFC 2131 4.3.3. The record is nobody's any more, so that its client can get another address. */
static void decline(struct dhcp4_server *s, const struct dhcp4_request *r, int64_t now)
{
    struct lease_binding *b = own_binding(s, r, dhcp4_message_u32(&r->message, DHCP4_REQUESTED_ADDRESS, 0));
    if (!b)
        return;
    uint32_t address = b->address;
    struct lease_client nobody = lease_client_of(&s->settings.key, &address, sizeof address);
    nobody.b = 0;
    s->counters.declines++;
    lease_table_remove(&s->leases, b);
    b = lease_table_add(&s->leases, &nobody, r->pool, address);
    assert(b != NULL); /* the record that was just given back */
    lease_table_set(&s->leases, b, LEASE_DECLINED, now + s->settings.decline_ns);
}

/* RFC 2131 4.3.4: what the client had is remembered. */
static void release(struct dhcp4_server *s, const struct dhcp4_request *r)
{
    struct lease_binding *b = own_binding(s, r, r->message.header.ciaddr);
    if (!b)
        return;
    s->counters.releases++;
    lease_table_set(&s->leases, b, LEASE_REMEMBERED, TIME_NEVER);
}

static void inform(struct dhcp4_server *s, const struct dhcp4_request *r)
{
    if (r->message.header.ciaddr == 0)
        s->counters.drop_fields++;
    else
        dhcp4_server_reply_inform(s, r);
}

static void dispatch(struct dhcp4_server *s, const struct dhcp4_request *r, int64_t now)
{
    switch ((enum dhcp4_type)r->message.type) {
    case DHCP4_DISCOVER:
        discover(s, r, now);
        break;
    case DHCP4_REQUEST:
        request(s, r, now);
        break;
    case DHCP4_DECLINE:
        decline(s, r, now);
        break;
    case DHCP4_RELEASE:
        release(s, r);
        break;
    case DHCP4_INFORM:
        inform(s, r);
        break;
    case DHCP4_OFFER:
    case DHCP4_ACK:
    case DHCP4_NAK:
        s->counters.drop_type++;
        break;
    }
}

void dhcp4_server_input(struct dhcp4_server *s, const uint8_t *bytes, size_t length, int64_t now)
{
    struct dhcp4_request r;
    enum dhcp4_reject reason = dhcp4_message_parse(bytes, length, &r.message);
    dhcp4_server_tick(s, now);
    if (reason != DHCP4_ACCEPTED) {
        s->counters.drop_malformed++;
        s->counters.malformed[reason]++;
        return;
    }
    if (r.message.header.op != DHCP4_BOOTREQUEST || r.message.header.htype != DHCP4_ETHERNET) {
        s->counters.drop_type++;
        return;
    }
    r.pool = pool_for(s, &r.message);
    r.client = client_of(s, &r.message);
    if (r.pool == DHCP4_NO_POOL)
        s->counters.drop_no_pool++;
    else
        dispatch(s, &r, now);
}
