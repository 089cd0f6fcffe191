/* SPDX-License-Identifier: MIT */
/*
 * See own_stack.h.
 */
#include "cli/own_stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int own_stack_open(const struct command *c, const char *location, const struct own_stack_options *o,
                   struct weir_stack **out)
{
    const struct weir_interface i = {.size = sizeof i, .link = location, .address = o->address, .gateway = o->gateway};
    const struct weir_stack_options s = {.size = sizeof s, .interfaces = &i, .n_interfaces = 1};
    char message[256];
    if (!o->address)
        return command_refuse(c, "--address is missing: our own address, such as --address 198.18.0.10/24");
    *out = weir_stack_new(&s, message, sizeof message);
    if (*out)
        return EXIT_MET;
    if (errno == EINVAL)
        return command_refuse(c, "%s", message);
    complain("%s: %s", c->name, message);
    return EXIT_REFUSED;
}

bool own_stack_host(const struct command *c, const char *text, struct in_addr *out)
{
    if (inet_pton(AF_INET, text, out) == 1)
        return true;
    (void)command_refuse(c, "host: found '%.60s', allowed: an IPv4 address such as 198.18.0.1", text);
    return false;
}

void own_stack_complain(const struct command *c, const char *what)
{
    complain("%s: %s: %s", c->name, what, strerror(errno));
}
