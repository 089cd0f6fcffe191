/* SPDX-License-Identifier: MIT */
/*
 * A link by the text of its location, for those who have no plan (posix/). The kinds of location that need nothing else
 * than their driver are theirs to open.
 */
#ifndef WEIR_ENGINE_LOCATION_H
#define WEIR_ENGINE_LOCATION_H

#include "packet/link.h"

/*
 * "tunnel:KIND,KEY=VALUE,...,over=LOCATION" (docs/tunnels.md), the link at its end in the network namespace of this
 * path, NULL: ours. ERR_INVALID for any other location, and errors as links_open_alone(); message (256 bytes), never
 * empty, says what was found and what is allowed.
 */
MUST_CHECK int location_open_tunnel(const char *location, const char *netns, const struct allocator *a,
                                    struct link **out, char message[256]);

#endif
