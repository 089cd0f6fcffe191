/* SPDX-License-Identifier: MIT */
/*
 * The keys of a DHCP server's configuration, and what they become: see server_config.h. What a table cannot say is
 * checked while it is turned into settings; each problem names its place.
 */
#include "dhcp/server_config.h"

#include "base/error.h"
#include "base/time_ns.h"
#include "wire/text.h"

#define LONGEST_OPTION 255u

/* ---- the keys ---- */

static const struct config_field option_fields[] = {
    {CONFIG_MEMBER(struct dhcp_option_config, code), .type = CONFIG_TYPE_U8, .required = true, .min = "1", .max = "254",
     .doc = "Number of the option (RFC 2132)"},
    {CONFIG_MEMBER(struct dhcp_option_config, text), .type = CONFIG_TYPE_STRING, .min = "1", .max = "255",
     .doc = "Its value as text"},
    {CONFIG_MEMBER(struct dhcp_option_config, hex), .type = CONFIG_TYPE_STRING, .min = "2", .max = "510",
     .doc = "Its value in hexadecimal digits"},
};
static const struct config_schema option_schema =
    CONFIG_SCHEMA_SELF("option", struct dhcp_option_config, option_fields, node, "Another option to give out");

static const struct config_field pool_fields[] = {
    {CONFIG_MEMBER(struct dhcp4_pool_config, subnet), .type = CONFIG_TYPE_IPV4_PREFIX, .required = true,
     .doc = "The subnet that the pool is for: 192.0.2.0/24"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, first), .type = CONFIG_TYPE_IPV4, .required = true,
     .doc = "First address that is given out"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, last), .type = CONFIG_TYPE_IPV4, .required = true,
     .doc = "Last address that is given out"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, router), .type = CONFIG_TYPE_IPV4, .fallback = "0.0.0.0",
     .doc = "Router; 0.0.0.0: none"},
    {CONFIG_ITEMS(struct dhcp4_pool_config, dns), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV4,
     .items_max = DHCP4_POOL_DNS, .doc = "Name servers"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, domain), .type = CONFIG_TYPE_STRING, .min = "1", .max = "253",
     .doc = "Domain name"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, lease), .type = CONFIG_TYPE_DURATION, .fallback = "1h", .min = "1s",
     .doc = "How long a lease lasts"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, least_lease), .type = CONFIG_TYPE_DURATION, .fallback = "1s", .min = "1s",
     .doc = "The shortest that a client may ask for"},
    {CONFIG_MEMBER(struct dhcp4_pool_config, most_lease), .type = CONFIG_TYPE_DURATION, .fallback = "24h", .min = "1s",
     .doc = "The longest that a client may ask for"},
    {CONFIG_ITEMS(struct dhcp4_pool_config, options), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &option_schema, .items_max = 64, .doc = "Other options, given to clients that ask for them"},
};
static const struct config_schema pool_schema =
    CONFIG_SCHEMA_SELF("pool", struct dhcp4_pool_config, pool_fields, node, "Addresses of one subnet");

static const struct config_field reservation_fields[] = {
    {CONFIG_MEMBER(struct dhcp4_reservation_config, address), .type = CONFIG_TYPE_IPV4, .required = true,
     .doc = "The address that is kept"},
    {CONFIG_MEMBER(struct dhcp4_reservation_config, mac), .type = CONFIG_TYPE_MAC,
     .given_offset = CONFIG_GIVEN(struct dhcp4_reservation_config, mac_given), .doc = "For this MAC address"},
    {CONFIG_MEMBER(struct dhcp4_reservation_config, client_id), .type = CONFIG_TYPE_STRING, .min = "4", .max = "510",
     .doc = "Instead: for this client identifier, in hexadecimal digits"},
};
static const struct config_schema reservation_schema = CONFIG_SCHEMA_SELF(
    "reservation", struct dhcp4_reservation_config, reservation_fields, node, "An address for one client");

static const struct config_field ipv4_fields[] = {
    {CONFIG_ITEMS(struct dhcp4_server_config, pools), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &pool_schema, .items_min = 1, .items_max = DHCP4_POOLS_MAX, .required = true,
     .doc = "One a subnet; a relay agent's address names it"},
    {CONFIG_ITEMS(struct dhcp4_server_config, reservations), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &reservation_schema, .items_max = 65536, .doc = "Addresses that are kept for somebody"},
    {CONFIG_MEMBER(struct dhcp4_server_config, authoritative), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Says no also to clients that it does not know"},
    {CONFIG_MEMBER(struct dhcp4_server_config, max_leases), .type = CONFIG_TYPE_U32, .fallback = "65536", .min = "1",
     .max = "16777216", .doc = "Leases at once, remembered ones among them"},
    {CONFIG_MEMBER(struct dhcp4_server_config, offer_time), .type = CONFIG_TYPE_DURATION, .fallback = "30s",
     .min = "1s", .doc = "How long an offer holds"},
    {CONFIG_MEMBER(struct dhcp4_server_config, decline_time), .type = CONFIG_TYPE_DURATION, .fallback = "10m",
     .min = "1s", .doc = "How long a declined address is kept from everybody"},
};
static const struct config_schema ipv4_schema =
    CONFIG_SCHEMA_SELF("ipv4", struct dhcp4_server_config, ipv4_fields, node, "DHCPv4 (RFC 2131)");

static const struct config_field link_fields[] = {
    {CONFIG_MEMBER(struct dhcp6_link_config, subnet), .type = CONFIG_TYPE_IPV6_PREFIX, .required = true,
     .doc = "The prefix on the link: 2001:db8:1::/64"},
    {CONFIG_MEMBER(struct dhcp6_link_config, first), .type = CONFIG_TYPE_IPV6,
     .given_offset = CONFIG_GIVEN(struct dhcp6_link_config, first_given), .doc = "First address that is given out"},
    {CONFIG_MEMBER(struct dhcp6_link_config, addresses), .type = CONFIG_TYPE_U32, .fallback = "0", .max = "1048575",
     .doc = "How many from there on; 0: none"},
    {CONFIG_MEMBER(struct dhcp6_link_config, delegate), .type = CONFIG_TYPE_IPV6_PREFIX,
     .given_offset = CONFIG_GIVEN(struct dhcp6_link_config, delegate_given),
     .doc = "Prefixes are delegated from this one: 2001:db8:100::/40"},
    {CONFIG_MEMBER(struct dhcp6_link_config, delegated_length), .type = CONFIG_TYPE_U8, .fallback = "56", .min = "1",
     .max = "64", .doc = "Length of each delegated prefix"},
    {CONFIG_MEMBER(struct dhcp6_link_config, delegations), .type = CONFIG_TYPE_U32, .fallback = "0", .max = "1048575",
     .doc = "How many are delegated; 0: none"},
    {CONFIG_ITEMS(struct dhcp6_link_config, dns), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV6,
     .items_max = DHCP6_LINK_DNS, .doc = "Name servers"},
    {CONFIG_MEMBER(struct dhcp6_link_config, domain), .type = CONFIG_TYPE_STRING, .min = "1", .max = "253",
     .doc = "Domain search name"},
    {CONFIG_MEMBER(struct dhcp6_link_config, preferred), .type = CONFIG_TYPE_DURATION, .fallback = "1h", .min = "1s",
     .doc = "Preferred lifetime"},
    {CONFIG_MEMBER(struct dhcp6_link_config, valid), .type = CONFIG_TYPE_DURATION, .fallback = "2h", .min = "1s",
     .doc = "Valid lifetime, not shorter"},
};
static const struct config_schema link_schema =
    CONFIG_SCHEMA_SELF("link", struct dhcp6_link_config, link_fields, node,
                       "What is given out on one link; the first is the server's own");

static const struct config_field ipv6_fields[] = {
    {CONFIG_ITEMS(struct dhcp6_server_config, links), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &link_schema, .items_min = 1, .items_max = DHCP6_LINKS_MAX, .required = true,
     .doc = "One a link; a relay agent's address names it"},
    {CONFIG_MEMBER(struct dhcp6_server_config, rapid_commit), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Two messages instead of four where the client asks for it"},
    {CONFIG_MEMBER(struct dhcp6_server_config, preference), .type = CONFIG_TYPE_U8, .fallback = "0",
     .doc = "255: clients take it at once"},
    {CONFIG_MEMBER(struct dhcp6_server_config, max_leases), .type = CONFIG_TYPE_U32, .fallback = "65536", .min = "1",
     .max = "16777216", .doc = "Leases at once, remembered ones among them"},
    {CONFIG_MEMBER(struct dhcp6_server_config, decline_time), .type = CONFIG_TYPE_DURATION, .fallback = "10m",
     .min = "1s", .doc = "How long a declined address is kept from everybody"},
};
static const struct config_schema ipv6_schema =
    CONFIG_SCHEMA_SELF("ipv6", struct dhcp6_server_config, ipv6_fields, node, "DHCPv6 (RFC 8415)");

#define FLAG(member) .given_offset = CONFIG_GIVEN(struct dhcp_server_config, member)
static const struct config_field server_fields[] = {
    {CONFIG_MEMBER(struct dhcp_server_config, location), .type = CONFIG_TYPE_STRING, .required = true, .min = "1",
     .max = "255", .doc = "packet:IFNAME, xdp:IFNAME or tap:NAME"},
    {CONFIG_MEMBER(struct dhcp_server_config, netns), .type = CONFIG_TYPE_STRING, .min = "1", .max = "255",
     .doc = "Path of the network namespace that holds the interface"},
    {CONFIG_MEMBER(struct dhcp_server_config, mac), .type = CONFIG_TYPE_MAC, FLAG(mac_given),
     .doc = "MAC address of the server; otherwise the interface's"},
    {CONFIG_MEMBER(struct dhcp_server_config, vlan), .type = CONFIG_TYPE_U16, .fallback = "0", .max = "4094",
     .doc = "VLAN; 0: untagged"},
    {CONFIG_MEMBER(struct dhcp_server_config, address), .type = CONFIG_TYPE_IPV4_PREFIX, FLAG(address_given),
     .doc = "The server's IPv4 address with its prefix length; needed for ipv4"},
    {CONFIG_MEMBER(struct dhcp_server_config, address6), .type = CONFIG_TYPE_IPV6_PREFIX, FLAG(address6_given),
     .doc = "An IPv6 address of the server with its prefix length, beside its link-local one"},
    {CONFIG_MEMBER(struct dhcp_server_config, kernel_address), .type = CONFIG_TYPE_IPV4_PREFIX,
     FLAG(kernel_address_given), .doc = "tap: only: address of the kernel's side"},
    {CONFIG_MEMBER(struct dhcp_server_config, ipv4), .type = CONFIG_TYPE_OPTIONAL, .schema = &ipv4_schema,
     .doc = "DHCPv4; not given: not served"},
    {CONFIG_MEMBER(struct dhcp_server_config, ipv6), .type = CONFIG_TYPE_OPTIONAL, .schema = &ipv6_schema,
     .doc = "DHCPv6; not given: not served"},
};
const struct config_schema dhcp_server_schema =
    CONFIG_SCHEMA_SELF("dhcp server", struct dhcp_server_config, server_fields, node, "A DHCP server on one interface");

/* ---- memory ---- */

static size_t bytes_of_pool(const struct dhcp4_pool_config *p) { return (size_t)p->options_count * LONGEST_OPTION; }

static int allocate(struct dhcp_server_plan *p)
{
    const struct dhcp_server_config *c = p->config;
    size_t options = 0, bytes = 1;
    for (uint32_t i = 0; c->ipv4 && i < c->ipv4->pools_count; i++) {
        options += c->ipv4->pools[i].options_count;
        bytes += bytes_of_pool(&c->ipv4->pools[i]);
    }
    if (c->ipv4)
        bytes += (size_t)c->ipv4->reservations_count * LONGEST_OPTION;
    if (c->ipv6)
        bytes += (size_t)c->ipv6->links_count * LONGEST_OPTION;
    p->n_options = options;
    p->bytes_room = bytes;
    p->bytes = alloc_array(p->allocator, bytes, 1, 1);
    p->options = alloc_array(p->allocator, options + 1, sizeof *p->options, alignof(struct dhcp4_server_option));
    if (c->ipv4) {
        p->pools =
            alloc_array(p->allocator, c->ipv4->pools_count, sizeof *p->pools, alignof(struct dhcp4_pool_settings));
        p->reservations = alloc_array(p->allocator, c->ipv4->reservations_count + 1, sizeof *p->reservations,
                                      alignof(struct dhcp4_reservation));
    }
    if (c->ipv6)
        p->links =
            alloc_array(p->allocator, c->ipv6->links_count, sizeof *p->links, alignof(struct dhcp6_link_settings));
    bool enough = p->bytes && p->options && (!c->ipv4 || (p->pools && p->reservations)) && (!c->ipv6 || p->links);
    return enough ? 0 : ERR_NO_MEMORY;
}

void dhcp_server_plan_free(struct dhcp_server_plan *p)
{
    const struct dhcp_server_config *c = p->config;
    if (!c)
        return;
    alloc_free(p->allocator, p->bytes, p->bytes_room);
    alloc_free(p->allocator, p->options, (p->n_options + 1) * sizeof *p->options);
    if (c->ipv4) {
        alloc_free(p->allocator, p->pools, c->ipv4->pools_count * sizeof *p->pools);
        alloc_free(p->allocator, p->reservations, (c->ipv4->reservations_count + 1) * sizeof *p->reservations);
    }
    if (c->ipv6)
        alloc_free(p->allocator, p->links, c->ipv6->links_count * sizeof *p->links);
    *p = (struct dhcp_server_plan){.config = NULL};
}

/* ---- values ---- */

static uint8_t *take(struct dhcp_server_plan *p, size_t n)
{
    uint8_t *at = p->bytes + p->bytes_used;
    assert(p->bytes_used + n <= p->bytes_room);
    p->bytes_used += n;
    return at;
}

/* Hexadecimal digits as bytes; -1: they are none. */
static int read_hex(struct dhcp_server_plan *p, const char *hex, const uint8_t **out)
{
    size_t n = strlen(hex);
    if (n % 2 != 0)
        return -1;
    uint8_t *to = take(p, n / 2);
    for (size_t i = 0; i < n; i += 2) {
        int high = text_hex_value(hex[i]), low = text_hex_value(hex[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    *out = to;
    return (int)(n / 2);
}

/* A name as DNS writes it (RFC 1035 3.1); -1: a label of no or more than 63 bytes. */
static int read_name(struct dhcp_server_plan *p, const char *name, const uint8_t **out)
{
    uint8_t wire[LONGEST_OPTION + 2];
    size_t at = 0;
    for (;;) {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63 || at + label + 2 > LONGEST_OPTION)
            return -1;
        wire[at++] = (uint8_t)label;
        memcpy(wire + at, name, label);
        at += label;
        name += label;
        if (*name == '\0' || name[1] == '\0')
            break;
        name++;
    }
    wire[at++] = 0;
    uint8_t *to = take(p, at);
    memcpy(to, wire, at);
    *out = to;
    return (int)at;
}

static uint32_t seconds(int64_t ns)
{
    int64_t s = ns / NS_PER_S;
    return s >= UINT32_MAX ? DHCP4_INFINITE : (uint32_t)s;
}

/* ---- IPv4 ---- */

static void make_option(struct dhcp_server_plan *p, const struct dhcp_option_config *c, struct config_errors *errors)
{
    struct dhcp4_server_option *o = &p->options[p->options_used++];
    const uint8_t *bytes = (const uint8_t *)c->text;
    int length = c->text ? (int)strlen(c->text) : -1;
    if (!c->text == !c->hex)
        config_errors_add(errors, c->node, NULL, "found %s, allowed exactly one of text and hex",
                          c->text ? "text and hex" : "neither text nor hex");
    else if (c->hex && (length = read_hex(p, c->hex, &bytes)) < 0)
        config_errors_add(errors, c->node, "hex", "found \"%.40s\", allowed pairs of hexadecimal digits", c->hex);
    if (length >= 0)
        *o = (struct dhcp4_server_option){.code = c->code, .length = (uint8_t)length, .bytes = bytes};
}

static void make_pool(struct dhcp_server_plan *p, const struct dhcp4_pool_config *c, struct dhcp4_pool_settings *to,
                      struct config_errors *errors)
{
    uint32_t mask = ipv4_addr_mask(c->subnet.length), network = c->subnet.address & mask;
    *to = (struct dhcp4_pool_settings){.network = network,
                                       .prefix_length = c->subnet.length,
                                       .first = c->first,
                                       .last = c->last,
                                       .router = c->router,
                                       .domain = c->domain,
                                       .lease_s = seconds(c->lease),
                                       .least_lease_s = seconds(min_i64(c->least_lease, c->lease)),
                                       .most_lease_s = seconds(max_i64(c->most_lease, c->lease)),
                                       .options = &p->options[p->options_used],
                                       .n_options = (uint16_t)c->options_count};
    for (uint32_t i = 0; i < c->dns_count; i++)
        to->dns[i] = c->dns[i];
    for (uint32_t i = 0; i < c->options_count; i++)
        make_option(p, &c->options[i], errors);
    if ((c->first & mask) != network || (c->last & mask) != network || c->last < c->first)
        config_errors_add(errors, c->node, "first",
                          "found a range that is not in the subnet, allowed first to last within it");
    if (c->router != 0 && (c->router & mask) != network)
        config_errors_add(errors, c->node, "router", "found a router outside of the subnet, allowed one within it");
}

static void make_reservation(struct dhcp_server_plan *p, const struct dhcp4_reservation_config *c,
                             struct dhcp4_reservation *to, struct config_errors *errors)
{
    int length = 0;
    *to = (struct dhcp4_reservation){.address = c->address};
    memcpy(to->mac, c->mac, sizeof to->mac);
    if (c->mac_given == (c->client_id != NULL))
        config_errors_add(errors, c->node, NULL, "found %s, allowed exactly one of mac and client_id",
                          c->mac_given ? "mac and client_id" : "neither mac nor client_id");
    else if (c->client_id && (length = read_hex(p, c->client_id, &to->client_id)) < 0)
        config_errors_add(errors, c->node, "client_id", "found \"%.40s\", allowed pairs of hexadecimal digits",
                          c->client_id);
    to->client_id_len = (uint8_t)max_i64(length, 0);
}

static void make_ipv4(struct dhcp_server_plan *p, const struct dhcp4_server_config *c, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->pools_count; i++)
        make_pool(p, &c->pools[i], &p->pools[i], errors);
    for (uint32_t i = 0; i < c->reservations_count; i++)
        make_reservation(p, &c->reservations[i], &p->reservations[i], errors);
    dhcp4_server_settings_default(&p->v4);
    p->v4.address = p->config->address.address;
    p->v4.pools = p->pools;
    p->v4.n_pools = c->pools_count;
    p->v4.reservations = p->reservations;
    p->v4.n_reservations = c->reservations_count;
    p->v4.max_leases = c->max_leases;
    p->v4.authoritative = c->authoritative;
    p->v4.offer_ns = c->offer_time;
    p->v4.decline_ns = c->decline_time;
    if (!p->config->address_given)
        config_errors_add(errors, p->config->node, NULL, "found ipv4 without address, required: the server's own");
}

/* ---- IPv6 ---- */

static void make_link(struct dhcp_server_plan *p, const struct dhcp6_link_config *c, struct dhcp6_link_settings *to,
                      struct config_errors *errors)
{
    struct ip_addr subnet = ip_addr_from_v6(c->subnet.address);
    int length = 0;
    *to = (struct dhcp6_link_settings){
        .on_link = {.addr = ip_addr_first_bits(&subnet, c->subnet.length), .length = c->subnet.length},
        .base = ip_addr_from_v6(c->first),
        .addresses = c->addresses,
        .prefix_base = ip_addr_from_v6(c->delegate.address),
        .prefix_length = c->delegated_length,
        .prefixes = c->delegations,
        .preferred_s = seconds(c->preferred),
        .valid_s = seconds(c->valid)};
    for (uint32_t i = 0; i < c->dns_count; i++)
        to->dns[i] = ip_addr_from_v6(c->dns[i]);
    if (c->domain && (length = read_name(p, c->domain, &to->domains)) < 0)
        config_errors_add(errors, c->node, "domain", "found \"%.60s\", allowed labels of 1 to 63 bytes", c->domain);
    to->domains_len = (uint16_t)max_i64(length, 0);
    if (c->addresses > 0 && (!c->first_given || !ip_prefix_contains(&to->on_link, &to->base)))
        config_errors_add(errors, c->node, "first", "found %s, required: the first address, within subnet",
                          c->first_given ? "an address outside of subnet" : "none");
    uint64_t room = c->delegated_length >= c->delegate.length && c->delegated_length - c->delegate.length < 32
                        ? UINT64_C(1) << (c->delegated_length - c->delegate.length)
                    : c->delegated_length < c->delegate.length ? 0
                                                               : UINT64_MAX;
    if (c->delegations > 0 && (!c->delegate_given || c->delegations > room))
        config_errors_add(errors, c->node, "delegations", "found %u, allowed as many as delegate has room for",
                          c->delegations);
    if (c->valid < c->preferred)
        config_errors_add(errors, c->node, "valid", "found less than preferred, allowed at least that");
}

static void make_ipv6(struct dhcp_server_plan *p, const struct dhcp6_server_config *c, struct config_errors *errors)
{
    for (uint32_t i = 0; i < c->links_count; i++)
        make_link(p, &c->links[i], &p->links[i], errors);
    dhcp6_server_settings_default(&p->v6);
    p->v6.links = p->links;
    p->v6.n_links = c->links_count;
    p->v6.rapid_commit = c->rapid_commit;
    p->v6.preference = c->preference;
    p->v6.max_leases = c->max_leases;
    p->v6.decline_ns = c->decline_time;
}

int dhcp_server_plan_make(const struct dhcp_server_config *c, const struct allocator *a, struct dhcp_server_plan *out,
                          struct config_errors *errors)
{
    *out = (struct dhcp_server_plan){.config = c, .allocator = a};
    int e = allocate(out);
    uint32_t before = errors->count;
    if (!c->ipv4 && !c->ipv6)
        config_errors_add(errors, c->node, NULL, "found neither ipv4 nor ipv6, required: one of them");
    if (e == 0 && c->ipv4)
        make_ipv4(out, c->ipv4, errors);
    if (e == 0 && c->ipv6)
        make_ipv6(out, c->ipv6, errors);
    if (e == 0 && errors->count > before)
        e = ERR_INVALID;
    if (e < 0)
        dhcp_server_plan_free(out);
    return e;
}
