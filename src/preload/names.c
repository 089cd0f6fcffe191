/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo. Literals, the hosts file and the resolver are the C library's, whose own sockets are the kernel's. AI_ADDRCONFIG would ask which addresses
 * the kernel has: it is answered for the stack, which has IPv4.
 */
#define _GNU_SOURCE
#include "preload/preload.h"

EXPORT int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    if (!hints || !(hints->ai_flags & AI_ADDRCONFIG))
        return kernel()->getaddrinfo(name, service, hints, out);
    struct addrinfo h = *hints;
    h.ai_flags &= ~AI_ADDRCONFIG;
    if (h.ai_family == AF_UNSPEC)
        h.ai_family = AF_INET;
    return kernel()->getaddrinfo(name, service, &h, out);
}
