/* SPDX-License-Identifier: MIT */
/*
 * Router advertisements of a configuration's router: RFC 4861 6.2.1, RFC 4191, RFC 8106. Each entry names one of the
 * router's IPv6 addresses, on whose link it advertises.
 */
#include <string.h>

#include "traffic/plan_private.h"
#include "wire/ipv6.h"

#define SECONDS_MAX "4294967294s" /* more is infinity: a prefix never ends */

/* ---- keys ---- */

static const struct config_field prefix_fields[] = {
    {CONFIG_MEMBER(struct advertise_prefix_config, prefix), .type = CONFIG_TYPE_IPV6_PREFIX, .required = true,
     .doc = "2001:db8:1::/64"},
    {CONFIG_MEMBER(struct advertise_prefix_config, valid), .type = CONFIG_TYPE_DURATION, .fallback = "720h",
     .max = SECONDS_MAX, .doc = "How long addresses made of it, and the link, are believed in"},
    {CONFIG_MEMBER(struct advertise_prefix_config, preferred), .type = CONFIG_TYPE_DURATION, .fallback = "168h",
     .max = SECONDS_MAX, .doc = "How long such addresses are used for new connections"},
    {CONFIG_MEMBER(struct advertise_prefix_config, on_link), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Its addresses are on the link"},
    {CONFIG_MEMBER(struct advertise_prefix_config, autonomous), .type = CONFIG_TYPE_BOOL, .fallback = "true",
     .doc = "Hosts make addresses of it"},
};
static const struct config_schema prefix_schema = CONFIG_SCHEMA_SELF(
    "advertise_prefix", struct advertise_prefix_config, prefix_fields, node, "A prefix that is advertised");

static const struct config_choice preferences[] = {
    {"medium", 0, "as usual"},
    {"high", 1, "before others"},
    {"low", 3, "when there is no other"},
    {0},
};
static const struct config_field advertise_fields[] = {
    {CONFIG_MEMBER(struct advertise_config, address), .type = CONFIG_TYPE_IPV6, .required = true,
     .doc = "The router's address on the link: one of router.addresses"},
    {CONFIG_MEMBER(struct advertise_config, interval), .type = CONFIG_TYPE_DURATION, .fallback = "600s", .min = "4s",
     .max = "1800s", .doc = "At most so long between two; at least a third of it"},
    {CONFIG_MEMBER(struct advertise_config, lifetime), .type = CONFIG_TYPE_DURATION, .fallback = "1800s",
     .max = "9000s", .doc = "How long it is a default router for those who hear it; 0: it is none"},
    {CONFIG_MEMBER(struct advertise_config, preference), .type = CONFIG_TYPE_ENUM, .choices = preferences,
     .fallback = "medium", .doc = "Among several default routers (RFC 4191):"},
    {CONFIG_MEMBER(struct advertise_config, hop_limit), .type = CONFIG_TYPE_U8, .fallback = "64",
     .doc = "That hosts begin with; 0: not told"},
    {CONFIG_MEMBER(struct advertise_config, mtu), .type = CONFIG_TYPE_U32, .fallback = "0", .max = "65535",
     .doc = "Of the link, from 1280 on; 0: not told"},
    {CONFIG_MEMBER(struct advertise_config, managed), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Addresses come by DHCPv6"},
    {CONFIG_MEMBER(struct advertise_config, other), .type = CONFIG_TYPE_BOOL, .fallback = "false",
     .doc = "Other things come by DHCPv6"},
    {CONFIG_ITEMS(struct advertise_config, prefixes), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_MAP,
     .schema = &prefix_schema, .items_max = WIRE_ND_MAX_PREFIXES, .doc = "None given: the address's subnet"},
    {CONFIG_ITEMS(struct advertise_config, dns), .type = CONFIG_TYPE_LIST, .item = CONFIG_TYPE_IPV6, .alone = true,
     .items_max = WIRE_ND_MAX_DNS, .doc = "Name servers (RFC 8106), believed in for three intervals"},
};
const struct config_schema plan_advertise_schema = CONFIG_SCHEMA_SELF(
    "advertise", struct advertise_config, advertise_fields, node, "Router advertisements on one link");

/* ---- entries ---- */

static uint32_t address_at(const struct plan_router *r, const struct ip_addr *address)
{
    uint32_t i = 0;
    while (i < r->n_addresses && !ip_addr_equal(&r->addresses[i].address, address))
        i++;
    return i;
}

static uint32_t seconds(int64_t ns) { return (uint32_t)(ns / NS_PER_S); }

static void add_prefix(struct compiling *c, const struct advertise_prefix_config *from, struct wire_nd_prefix *to)
{
    const struct ip_addr prefix = ip_addr_from_v6(from->prefix.address);
    char text[IP_ADDR_TEXT];
    *to = (struct wire_nd_prefix){.prefix = prefix,
                                  .length = from->prefix.length,
                                  .valid_s = seconds(from->valid),
                                  .preferred_s = seconds(from->preferred)};
    to->flags |= from->on_link ? WIRE_ND_PREFIX_ON_LINK : 0;
    to->flags |= from->autonomous ? WIRE_ND_PREFIX_AUTONOMOUS : 0;
    (void)ip_addr_print(text, sizeof text, &prefix);
    if (ip_addr_is_multicast(&prefix) || ip_addr_is_link_local(&prefix))
        config_errors_add(c->errors, from->node, "prefix", "found %s, allowed prefixes that can be routed", text);
    if (from->preferred > from->valid)
        config_errors_add(c->errors, from->node, "preferred", "found %u s, allowed at most valid: %u s",
                          seconds(from->preferred), seconds(from->valid));
}

/* RFC 4861 6.2.1: what goes with the interval, and with the link. */
static void check_values(struct compiling *c, const struct advertise_config *from, uint32_t port)
{
    uint32_t most = port == PLAN_NONE ? UINT16_MAX : c->plan->ports[port].mtu;
    if (from->lifetime != 0 && from->lifetime < from->interval)
        config_errors_add(c->errors, from->node, "lifetime", "found %u s, allowed 0 and from interval on: %u s",
                          seconds(from->lifetime), seconds(from->interval));
    if (from->mtu != 0 && (from->mtu < WIRE_IPV6_MIN_MTU || from->mtu > most))
        config_errors_add(c->errors, from->node, "mtu", "found %u, allowed 0 and from %u to the port's %u", from->mtu,
                          WIRE_IPV6_MIN_MTU, most);
}

static void add_lists(struct compiling *c, const struct advertise_config *from, const struct plan_router_address *at,
                      struct stack_router_settings *t)
{
    for (; t->n_prefixes < from->prefixes_count; t->n_prefixes++)
        add_prefix(c, &from->prefixes[t->n_prefixes], &t->prefix[t->n_prefixes]);
    if (t->n_prefixes == 0)
        t->prefix[t->n_prefixes++] =
            (struct wire_nd_prefix){.prefix = at->address,
                                    .length = at->prefix_length,
                                    .valid_s = 720 * 3600,
                                    .preferred_s = 168 * 3600,
                                    .flags = WIRE_ND_PREFIX_ON_LINK | WIRE_ND_PREFIX_AUTONOMOUS};
    for (; t->n_dns < from->dns_count; t->n_dns++)
        t->dns[t->n_dns] = (struct wire_nd_dns){.server = ip_addr_from_v6(from->dns[t->n_dns]),
                                                .lifetime_s = 3 * seconds(from->interval)};
}

void plan_compile_advertise(struct compiling *c, const struct advertise_config *from, struct plan_advertise *to)
{
    const struct plan_router *r = c->plan->router;
    const struct ip_addr address = ip_addr_from_v6(from->address);
    struct stack_router_settings *t = &to->settings;
    char text[IP_ADDR_TEXT];
    stack_router_settings_default(t);
    t->max_interval_ns = from->interval;
    t->min_interval_ns = max_i64(from->interval / 3, 3 * NS_PER_S);
    t->lifetime_s = (uint16_t)seconds(from->lifetime);
    t->preference = (uint8_t)from->preference;
    t->hop_limit = from->hop_limit;
    t->mtu = from->mtu;
    t->managed = from->managed;
    t->other = from->other;
    to->address = address_at(r, &address);
    (void)ip_addr_print(text, sizeof text, &address);
    if (to->address == r->n_addresses) {
        config_errors_add(c->errors, from->node, "address", "found %s, allowed one of router.addresses", text);
        return;
    }
    check_values(c, from, r->addresses[to->address].port);
    add_lists(c, from, &r->addresses[to->address], t);
}
