/* SPDX-License-Identifier: MIT */
/*
 * The options --vlan and --mpls of commands with a host of their own: stack/host_text.h has their form.
 */
#ifndef WEIR_CLI_HOST_TAGS_H
#define WEIR_CLI_HOST_TAGS_H

#include "cli/command.h"
#include "stack/host_text.h"

/* Rows for a table of options; `type` has members `vlan` and `mpls`, texts. */
/* clang-format off */
#define HOST_TAGS_OPTIONS(type, vlan_member, mpls_member)                                                              \
    {"vlan", 0, "IDS", OPTION_TEXT, 0, offsetof(type, vlan_member),                                                    \
     "with an 802.1Q tag: 42, with its priority 42/3; outer and inner one: 100,42"},                                   \
    {"mpls", 0, "LABELS", OPTION_TEXT, 0, offsetof(type, mpls_member),                                                 \
     "with up to four MPLS labels, outermost first: 100,200"}
/* clang-format on */

/* Sets tags and labels of *out; either text may be NULL. EXIT_MET, or EXIT_USAGE after a message. */
MUST_CHECK int host_tags_read(const struct command *c, const char *vlan, const char *mpls, struct host_settings *out);

#endif
