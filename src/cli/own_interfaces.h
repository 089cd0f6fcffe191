/* SPDX-License-Identifier: MIT */
/*
 * The interfaces that a configuration gives to one program's stack (`weir exec`, `weir nc`, `weir services`): each port with its one host. Loads, impairments,
 * captures and guards have no meaning there and are refused.
 */
#ifndef WEIR_CLI_OWN_INTERFACES_H
#define WEIR_CLI_OWN_INTERFACES_H

#include "cli/configuration.h"
#include "stack/host_text.h"
#include "weir/socket.h"

#define OWN_INTERFACES 16u /* of a stack: weir/socket.h */
#define OWN_PREFIX_TEXT (IP_ADDR_TEXT + 4u)
#define OWN_GATEWAYS_TEXT (PLAN_MAX_GATEWAYS * (IP_ADDR_TEXT + 1u))

/* Of one family. */
struct own_texts {
    char address[OWN_PREFIX_TEXT], gateway[OWN_GATEWAYS_TEXT], kernel[OWN_PREFIX_TEXT];
    char vlan[HOST_VLANS_TEXT], mpls[HOST_LABELS_TEXT]; /* only in the first family's: they are of both */
};

#define OWN_OFFLOADS_TEXT 48u

struct own_interfaces {
    struct configuration configuration; /* has the texts of links and namespaces */
    unsigned count;
    struct weir_interface list[OWN_INTERFACES];
    struct own_texts texts[OWN_INTERFACES][2];
    char without[OWN_INTERFACES][OWN_OFFLOADS_TEXT];
};

/* EXIT_MET, or the exit code to end with after a message; then there is nothing to be freed. sets is borrowed. */
MUST_CHECK int own_interfaces_load(const struct command *c, const char *file, const struct option_texts *sets,
                                   struct own_interfaces *out);
void own_interfaces_free(struct own_interfaces *all);

#endif
