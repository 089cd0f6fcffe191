/* SPDX-License-Identifier: MIT */
/*
 * What tcp_ip_stack.h needs beside the sockets: interfaces by name, whose links the environment tells, and process-wide descriptors. What is wrong is said
 * on stderr, since such programs only look at the result.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posix/private.h"

#define MAX_NAME 64

/* The link of an interface's name, or NULL. */
static const char *link_of(const char *name)
{
    char variable[sizeof "WEIR_LINK_" + MAX_NAME];
    if (strchr(name, ':'))
        return name;
    snprintf(variable, sizeof variable, "WEIR_LINK_%.*s", MAX_NAME, name);
    const char *link = getenv(variable);
    return link ? link : getenv("WEIR_LINK");
}

/* -1: a mask with holes. */
static int prefix_of(uint32_t netmask)
{
    uint32_t mask = ntohl(netmask), host = ~mask;
    return host & (host + 1) ? -1 : __builtin_popcount(mask);
}

static int wrong(const char *name, const char *what, const char *found, const char *allowed)
{
    fprintf(stderr, "weir: interface %s: %s: found %s, allowed %s\n", name, what, found, allowed);
    errno = EINVAL;
    return -1;
}

int weir_classic_add_interface(struct weir_stack *stack, const char *given, const uint8_t mac[6], uint32_t address,
                               uint32_t netmask, uint32_t gateway)
{
    char where[INET_ADDRSTRLEN + 4], via[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN], message[256];
    struct weir_interface i = {.size = sizeof i, .address = where, .gateway = gateway ? via : NULL};
    const char *name = given ? given : "";
    int length = prefix_of(netmask);
    inet_ntop(AF_INET, &gateway, via, sizeof via);
    inet_ntop(AF_INET, &netmask, mask, sizeof mask);
    inet_ntop(AF_INET, &address, where, INET_ADDRSTRLEN);
    if (!stack)
        return wrong(name, "stack", "NULL", "what tcp_ip_stack_init gave");
    if (length < 0)
        return wrong(name, "netmask", mask, "ones followed by zeros");
    snprintf(where + strlen(where), 4, "/%d", length);
    memcpy(i.mac, mac, sizeof i.mac);
    i.link = link_of(name);
    if (!i.link) {
        fprintf(stderr,
                "weir: interface %s: no link: set WEIR_LINK_%s or WEIR_LINK to tap:NAME, packet:INTERFACE, "
                "xdp:INTERFACE or mem:NAME\n",
                name, name);
        errno = ENODEV;
        return -1;
    }
    int result = weir_interface_add(stack, &i, message, sizeof message);
    if (result < 0)
        fprintf(stderr, "weir: interface %s (%s): %s\n", name, i.link, message);
    return result;
}

int weir_classic_socket(struct weir_stack *stack, int domain, int type, int protocol)
{
    char message[256];
    if (!stack) {
        errno = EINVAL;
        return -1;
    }
    if (weir_interface_count(stack) == 0 && weir_interface_add_default(stack, message, sizeof message) < 0) {
        fprintf(stderr, "weir: %s\n", message);
        return -1;
    }
    return weir_descriptor(stack, weir_socket(stack, domain, type, protocol));
}
