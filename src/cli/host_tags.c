/* SPDX-License-Identifier: MIT */
/*
 * See host_tags.h.
 */
#include "cli/host_tags.h"

int host_tags_read(const struct command *c, const char *vlan, const char *mpls, struct host_settings *out)
{
    if (vlan && host_vlans_parse(vlan, out) < 0)
        return command_refuse(c, "--vlan: found '%.60s', allowed: " HOST_VLANS_ALLOWED, vlan);
    if (mpls && host_labels_parse(mpls, out) < 0)
        return command_refuse(c, "--mpls: found '%.60s', allowed: " HOST_LABELS_ALLOWED, mpls);
    return EXIT_MET;
}
