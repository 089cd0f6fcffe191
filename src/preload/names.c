/* SPDX-License-Identifier: MIT */
/*
 * getaddrinfo. Literals, the hosts file and the resolver are the C library's, whose own sockets are the kernel's, and so is what it knows of addresses: what
 * AI_ADDRCONFIG asks, and the order of the answers (RFC 6724), is told of the stack instead. The list stays one that the C library frees.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <string.h>

#include "preload/preload.h"

#define MANY WEIR_MAX_DESTINATIONS

/* ---- the order ---- */

/* False: of another family. */
static bool address_of(const struct addrinfo *a, struct in6_addr *out)
{
    if (a->ai_family == AF_INET6) {
        *out = ((const struct sockaddr_in6 *)(const void *)a->ai_addr)->sin6_addr;
        return true;
    }
    *out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    if (a->ai_family == AF_INET)
        memcpy(out->s6_addr + 12, &((const struct sockaddr_in *)(const void *)a->ai_addr)->sin_addr, 4);
    return a->ai_family == AF_INET;
}

static unsigned place_of(const struct in6_addr *list, unsigned n, const struct in6_addr *address)
{
    unsigned i = 0;
    while (i < n && memcmp(&list[i], address, sizeof *address) != 0)
        i++;
    return i;
}

/* The different addresses of a list; MANY + 1: more, or one that has no place in an order. */
static unsigned collect(const struct addrinfo *first, struct in6_addr list[MANY])
{
    unsigned n = 0;
    struct in6_addr one;
    for (const struct addrinfo *a = first; a; a = a->ai_next) {
        if (!address_of(a, &one))
            return MANY + 1;
        if (place_of(list, n, &one) < n)
            continue;
        if (n == MANY)
            return MANY + 1;
        list[n++] = one;
    }
    return n;
}

/* Those of one address stay together and in order. The canonical name is the first one's, whichever that is. */
static struct addrinfo *relink(struct addrinfo *first, const struct in6_addr *list, unsigned n)
{
    struct addrinfo *sorted = NULL, **end = &sorted;
    char *name = first->ai_canonname;
    first->ai_canonname = NULL;
    for (unsigned i = 0; i < n; i++)
        for (struct addrinfo **at = &first; *at;) {
            struct in6_addr one;
            struct addrinfo *a = *at;
            (void)address_of(a, &one);
            if (memcmp(&one, &list[i], sizeof one) != 0) {
                at = &a->ai_next;
                continue;
            }
            *at = a->ai_next;
            a->ai_next = NULL;
            *end = a;
            end = &a->ai_next;
        }
    sorted->ai_canonname = name;
    return sorted;
}

static void order(struct addrinfo **out)
{
    struct in6_addr list[MANY];
    unsigned n = *out ? collect(*out, list) : 0;
    struct weir_stack *s = n > 1 && n <= MANY ? stack_get() : NULL;
    if (s && weir_sort_destinations(s, list, n) == 0)
        *out = relink(*out, list, n);
}

/* ---- which families ---- */

/* What AI_ADDRCONFIG leaves of a family; -1: nothing. */
static int family_left(int wanted, unsigned has)
{
    bool v4 = has & WEIR_HAS_IPV4, v6 = has & WEIR_HAS_IPV6;
    if (wanted == AF_UNSPEC && v4 != v6)
        return v4 ? AF_INET : AF_INET6;
    if ((wanted == AF_INET && !v4) || (wanted == AF_INET6 && !v6))
        return -1;
    return wanted;
}

static bool is_literal(const char *name)
{
    uint8_t bytes[16];
    return strchr(name, ':') || inet_pton(AF_INET, name, bytes) == 1;
}

/* Without a name, or with an address instead of one, nothing depends on what the stack has: it is not made for that. */
EXPORT int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    struct addrinfo h = hints ? *hints : (struct addrinfo){.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};
    if (is_inside() || !name || is_literal(name)) {
        h.ai_flags &= ~AI_ADDRCONFIG;
        return kernel()->getaddrinfo(name, service, &h, out);
    }
    struct weir_stack *s = h.ai_flags & AI_ADDRCONFIG ? stack_get() : NULL;
    if (s) {
        h.ai_flags &= ~AI_ADDRCONFIG;
        h.ai_family = family_left(h.ai_family, weir_families(s));
        if (h.ai_family < 0)
            return EAI_NONAME;
    }
    int e = kernel()->getaddrinfo(name, service, &h, out);
    if (e == 0)
        order(out);
    return e;
}
