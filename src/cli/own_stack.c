/* SPDX-License-Identifier: MIT */
/*
 * See own_stack.h.
 */
#include "cli/own_stack.h"

#include <errno.h>
#include <string.h>

#include "cli/own_interfaces.h"
#include "wire/ip_addr.h"

const char *own_stack_location(const struct own_stack_options *o, struct operands *words)
{
    const char *location = words->list[0];
    if (o->config || words->count == 0)
        return NULL;
    words->count--;
    memmove(words->list, words->list + 1, words->count * sizeof *words->list);
    return location;
}

static int open_with(const struct command *c, const struct weir_interface *list, unsigned n, struct weir_stack **out)
{
    const struct weir_stack_options s = {.size = sizeof s, .interfaces = list, .n_interfaces = n};
    char message[256];
    *out = weir_stack_new(&s, message, sizeof message);
    if (*out)
        return EXIT_MET;
    if (errno == EINVAL)
        return command_refuse(c, "%s", message);
    complain("%s: %s", c->name, message);
    return EXIT_REFUSED;
}

static int open_configured(const struct command *c, const struct own_stack_options *o, struct weir_stack **out)
{
    struct own_interfaces all;
    if (o->address || o->gateway || o->vlan || o->mpls)
        return command_refuse(c, "found --config and --address, --gateway, --vlan or --mpls, allowed one of them");
    int result = own_interfaces_load(c, o->config, &o->sets, &all);
    if (result != EXIT_MET)
        return result;
    result = open_with(c, all.list, all.count, out);
    own_interfaces_free(&all);
    return result;
}

int own_stack_open(const struct command *c, const char *location, const struct own_stack_options *o,
                   struct weir_stack **out)
{
    bool v6 = o->address && strchr(o->address, ':');
    const struct weir_interface i = {.size = sizeof i,
                                     .link = location,
                                     .address = v6 ? NULL : o->address,
                                     .gateway = v6 ? NULL : o->gateway,
                                     .address6 = v6 ? o->address : NULL,
                                     .gateway6 = v6 ? o->gateway : NULL,
                                     .vlan = o->vlan,
                                     .mpls = o->mpls};
    struct host_settings tags;
    if (o->config)
        return open_configured(c, o, out);
    if (o->sets.count > 0)
        return command_refuse(c, "found --set without --config, whose file it changes");
    if (!location)
        return command_refuse(c, "the stack is missing: LOCATION and --address, or --config FILE");
    if (!o->address)
        return command_refuse(c, "--address is missing: our own address, such as --address 198.18.0.10/24");
    int result = host_tags_read(c, o->vlan, o->mpls, &tags);
    return result == EXIT_MET ? open_with(c, &i, 1, out) : result;
}

bool own_stack_host(const struct command *c, const char *text, struct in6_addr *out)
{
    struct ip_addr a;
    if (ip_addr_parse(text, strlen(text), &a) == 0) {
        memcpy(out, a.bytes, sizeof a.bytes);
        return true;
    }
    (void)command_refuse(c, "host: found '%.60s', allowed: an address such as 198.18.0.1 or 2001:db8::1", text);
    return false;
}

void own_stack_complain(const struct command *c, const char *what)
{
    complain("%s: %s: %s", c->name, what, strerror(errno));
}
