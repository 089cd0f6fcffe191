/* SPDX-License-Identifier: MIT */
/*
 * The stack of a command that is a program on Weir's sockets (`weir nc`, `weir services`): one interface at a location, with one address, or those of a
 * configuration.
 */
#ifndef WEIR_CLI_OWN_STACK_H
#define WEIR_CLI_OWN_STACK_H

#include <netinet/in.h>

#include "cli/command.h"
#include "cli/host_tags.h"
#include "weir/socket.h"

struct own_stack_options {
    const char *config, *address, *gateway, *vlan, *mpls;
    struct option_texts sets;
};
/* Rows for a table of options; `type` has a member `stack` of this structure. */
/* clang-format off */
#define OWN_STACK_OPTIONS(type)                                                                                        \
    {"address", 'a', "ADDR/LEN", OPTION_TEXT, 0, offsetof(type, stack.address),                                        \
     "our own address: one that nobody else has, with its subnet"},                                                    \
    {"gateway", 'g', "ADDR", OPTION_TEXT, 0, offsetof(type, stack.gateway),                                            \
     "the way to destinations outside of the subnet"},                                                                 \
    HOST_TAGS_OPTIONS(type, stack.vlan, stack.mpls),                                                                   \
    {"config", 'c', "FILE", OPTION_TEXT, 0, offsetof(type, stack.config),                                              \
     "instead of LOCATION and these: ports and devices of a configuration"},                                           \
    {"set", 0, "PATH=VALUE", OPTION_TEXTS, 0, offsetof(type, stack.sets),                                              \
     "change the configuration: devices[0].ipv4.address=10.0.0.9/24 (repeatable)"}
/* clang-format on */

/* Takes LOCATION, which is the first operand unless --config is there, off the operands; NULL: it is not one of them. */
const char *own_stack_location(const struct own_stack_options *o, struct operands *words);
/* EXIT_MET, or the exit code to end with after a message. location is not used where a configuration is named. */
MUST_CHECK int own_stack_open(const struct command *c, const char *location, const struct own_stack_options *o,
                              struct weir_stack **out);
/* An address of either family, IPv4 mapped: what a socket of AF_INET6 takes. False after a message. */
bool own_stack_host(const struct command *c, const char *text, struct in6_addr *out);
/* "what: reason" on standard error. */
void own_stack_complain(const struct command *c, const char *what);

#endif
