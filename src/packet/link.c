/* SPDX-License-Identifier: MIT */
/*
 * Names of the drop causes of a link, as the results show them (ports[].drops). The list itself is in packet/link.h.
 */
#include "packet/link.h"

const char *link_drop_name(enum link_drop cause)
{
    static const char *const names[] = {
#define LINK_DROP_TEXT(name, text) [LINK_DROP_##name] = #text,
        LINK_DROP_LIST(LINK_DROP_TEXT)
#undef LINK_DROP_TEXT
    };
    return (unsigned)cause < ARRAY_SIZE(names) ? names[cause] : "unknown";
}
