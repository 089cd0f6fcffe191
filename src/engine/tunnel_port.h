/* SPDX-License-Identifier: MIT */
/*
 * The link of a port whose location is a tunnel: a tunnel over a stack of its own, with one host, on the link of another
 * location. That stack's turns are within the calls of this link, so that whoever has the link needs nothing else; the
 * guard there lets out what goes to the tunnel's remotes and, over them, to their next hops.
 */
#ifndef WEIR_ENGINE_TUNNEL_PORT_H
#define WEIR_ENGINE_TUNNEL_PORT_H

#include "engine/links.h"
#include "tunnel/tunnel.h"

/*
 * Takes `under` over when it succeeds. Errors as stack_add_host and tunnel_add have them; message (256 bytes) says what
 * cannot be.
 */
MUST_CHECK int tunnel_port_new(const struct plan_tunnel *t, const char *name, struct link *under,
                               const struct allocator *a, struct link **out, char message[256]);
/* What the tunnel of a port counted, be it below other links; NULL: it has none. */
const struct tunnel_counters *tunnel_port_counters(const struct link *top);
/* The link that the datagrams of a port's tunnel go by, be it below other links; NULL: it has none. */
const struct link *tunnel_port_under(const struct link *top);

#endif
