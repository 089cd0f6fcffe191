/* SPDX-License-Identifier: MIT */
/*
 * The DHCPv6 client's messages: RFC 8415 18.2.1 to 18.2.8. See dhcp6_client_send.h.
 */
#include "service/dhcp6_client_send.h"

#define S(name) DHCP6_CLIENT_##name

static enum dhcp6_type type_of(const struct dhcp6_client *c)
{
    static const uint8_t types[DHCP6_CLIENT_STATES] = {
        [S(SOLICITING)] = DHCP6_SOLICIT, [S(REQUESTING)] = DHCP6_REQUEST,
        [S(CONFIRMING)] = DHCP6_CONFIRM, [S(RENEWING)] = DHCP6_RENEW,
        [S(REBINDING)] = DHCP6_REBIND,   [S(RELEASING)] = DHCP6_RELEASE,
        [S(DECLINING)] = DHCP6_DECLINE,  [S(INFORMING)] = DHCP6_INFORMATION_REQUEST,
    };
    return (enum dhcp6_type)types[c->state];
}

static bool names_server(const struct dhcp6_client *c)
{
    return c->state == S(REQUESTING) || c->state == S(RENEWING) || c->state == S(RELEASING) || c->state == S(DECLINING);
}

/* An association with what is held of it. Lifetimes and times are 0: the server decides (18.2.1, 18.2.4). */
static void add_ia(struct dhcp6_writer *w, const struct dhcp6_client *c, enum dhcp6_client_what what)
{
    const struct dhcp6_held *h = &c->held[what];
    struct dhcp6_ia ia = {.kind = what == DHCP6_CLIENT_ADDRESS ? DHCP6_OPT_IA_NA : DHCP6_OPT_IA_PD, .iaid = c->iaid};
    bool held = !ip_addr_is_unspecified(&h->addr);
    if (held)
        ia.lease[ia.n++] = (struct dhcp6_lease){.addr = h->addr, .prefix_length = h->prefix_length};
    else if (what == DHCP6_CLIENT_PREFIX && c->settings->prefix_length)
        ia.lease[ia.n++] = (struct dhcp6_lease){.prefix_length = c->settings->prefix_length};
    dhcp6_writer_ia(w, &ia);
}

/* Which associations a message has: all that are wanted, or only what it is about. */
static void add_ias(struct dhcp6_writer *w, const struct dhcp6_client *c)
{
    bool address = !ip_addr_is_unspecified(&c->held[DHCP6_CLIENT_ADDRESS].addr);
    bool prefix = !ip_addr_is_unspecified(&c->held[DHCP6_CLIENT_PREFIX].addr);
    bool asks =
        c->state == S(SOLICITING) || c->state == S(REQUESTING) || c->state == S(RENEWING) || c->state == S(REBINDING);
    bool about_addresses = c->state == S(CONFIRMING) || c->state == S(DECLINING);
    if (c->state == S(INFORMING))
        return;
    if (asks ? c->settings->want_address : address)
        add_ia(w, c, DHCP6_CLIENT_ADDRESS);
    if (asks ? c->settings->want_prefix : prefix && !about_addresses)
        add_ia(w, c, DHCP6_CLIENT_PREFIX);
}

static void add_request_list(struct dhcp6_writer *w, const struct dhcp6_client *c)
{
    static const uint8_t usual[] = {0, DHCP6_OPT_DNS, 0, DHCP6_OPT_DOMAINS, 0, DHCP6_OPT_SOL_MAX_RT};
    static const uint8_t inform[] = {0, DHCP6_OPT_DNS,     0, DHCP6_OPT_DOMAINS,
                                     0, DHCP6_OPT_REFRESH, 0, DHCP6_OPT_INF_MAX_RT};
    if (c->state == S(INFORMING))
        dhcp6_writer_bytes(w, DHCP6_OPT_ORO, inform, sizeof inform);
    else if (c->state != S(CONFIRMING) && c->state != S(RELEASING) && c->state != S(DECLINING))
        dhcp6_writer_bytes(w, DHCP6_OPT_ORO, usual, sizeof usual);
}

void dhcp6_client_send(struct dhcp6_client *c, int64_t now)
{
    const struct dhcp6_client_host *h = &c->settings->host;
    uint8_t bytes[512], duid[DHCP6_CLIENT_DUID_LEN];
    struct dhcp6_writer w;
    dhcp6_client_duid(c, duid);
    dhcp6_writer_begin(&w, bytes, sizeof bytes);
    dhcp6_writer_header(&w, type_of(c), c->exchange.xid);
    dhcp6_writer_bytes(&w, DHCP6_OPT_CLIENT_ID, duid, sizeof duid);
    if (names_server(c))
        dhcp6_writer_bytes(&w, DHCP6_OPT_SERVER_ID, c->server_id, c->server_id_len);
    add_ias(&w, c);
    dhcp6_writer_u16(&w, DHCP6_OPT_ELAPSED, dhcp6_exchange_elapsed_cs(&c->exchange, now));
    add_request_list(&w, c);
    if (c->state == S(SOLICITING) && c->settings->rapid_commit)
        dhcp6_writer_bytes(&w, DHCP6_OPT_RAPID_COMMIT, NULL, 0);
    int length = dhcp6_writer_end(&w);
    assert(length > 0); /* all that is written is of bounded length */
    h->send(h->context, c, bytes, (size_t)length);
}
