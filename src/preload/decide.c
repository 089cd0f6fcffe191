/* SPDX-License-Identifier: MIT */
/*
 * Whose a socket is. The kernel's: loopback, and what Weir neither owns nor reaches. Weir's: its own addresses, any address (a wildcard), and what it has
 * a route to. What was done to the socket before - options, O_NONBLOCK, its places in epolls - is done again on the stack's.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "preload/preload.h"

pthread_mutex_t undecided_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- options ---- */

void option_record(struct file *f, int level, int name, const void *value, socklen_t length)
{
    struct option *o = malloc(sizeof *o + length);
    if (!o)
        return;
    *o = (struct option){.level = level, .name = name, .length = length};
    memcpy(o->value, value, length);
    pthread_mutex_lock(&undecided_lock);
    struct option **at = &f->options;
    while (*at)
        at = &(*at)->next;
    *at = o;
    pthread_mutex_unlock(&undecided_lock);
}

void options_free(struct file *f)
{
    for (struct option *o; (o = f->options) != NULL; free(o))
        f->options = o->next;
}

/* An option that only the kernel knows was accepted; the program hears nothing of it any more. */
static void options_replay(struct weir_stack *s, const struct file *f, int weir)
{
    for (const struct option *o = f->options; o; o = o->next)
        if (weir_setsockopt(s, weir, o->level, o->name, o->value, o->length) < 0)
            say_once(TOPIC_OPTION, "socket option %d of level %d is not supported and has no effect: %s", o->name,
                     o->level, strerror(errno));
}

/* ---- addresses ---- */

enum place { NOWHERE, ANY, LOOPBACK, ELSEWHERE };

static enum place place_of_v4(uint32_t address)
{
    if (address == INADDR_ANY)
        return ANY;
    return address >> 24 == 127 ? LOOPBACK : ELSEWHERE;
}

static enum place place_of_v6(const struct in6_addr *a)
{
    uint32_t v4;
    if (IN6_IS_ADDR_UNSPECIFIED(a))
        return ANY;
    if (IN6_IS_ADDR_LOOPBACK(a))
        return LOOPBACK;
    if (!IN6_IS_ADDR_V4MAPPED(a))
        return ELSEWHERE;
    memcpy(&v4, &a->s6_addr[12], sizeof v4);
    return place_of_v4(ntohl(v4));
}

static enum place place_of(const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (address && length >= sizeof in && address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        return place_of_v4(ntohl(in.sin_addr.s_addr));
    }
    if (address && length >= sizeof in6 && address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        return place_of_v6(&in6.sin6_addr);
    }
    return NOWHERE; /* the kernel says what is wrong with it */
}

/* ---- deciding ---- */

static int become_weir_locked(int fd, struct file *f, struct weir_stack *s)
{
    if (file_kind(f) != UNDECIDED)
        return 0;
    int flags = kernel()->fcntl(fd, F_GETFL);
    int weir = weir_socket(s, f->domain, f->type | (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0), f->protocol);
    if (weir < 0)
        return -1;
    options_replay(s, f, weir);
    options_free(f);
    f->weir = weir;
    registrations_move(fd, f);
    atomic_store_explicit(&f->kind, WEIR, memory_order_release);
    return 0;
}

static int become_weir(int fd, struct file *f, struct weir_stack *s)
{
    pthread_mutex_lock(&undecided_lock);
    int result = become_weir_locked(fd, f, s);
    pthread_mutex_unlock(&undecided_lock);
    return result;
}

static int become_kernel(int fd, struct file *f)
{
    file_forget(fd, f);
    return 0;
}

/* A socket for IPv6 only says so on the kernel's side. */
static bool is_v6_only(int fd, const struct file *f)
{
    int only = 0;
    socklen_t length = sizeof only;
    return f->domain == AF_INET6 && kernel()->getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0 && only;
}

/* With an IPv6 address one reaches link-local ones. */
static bool has_ipv6(struct weir_stack *s)
{
    const struct sockaddr_in6 near = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xfe, 0x80, [15] = 1}};
    return weir_reach(s, (const struct sockaddr *)(const void *)&near, sizeof near) != WEIR_UNREACHABLE;
}

int decide_bind(int fd, struct file *f, const struct sockaddr *address, socklen_t length)
{
    enum place place = address ? place_of(address, length) : ANY;
    struct weir_stack *s;
    if (place == NOWHERE || place == LOOPBACK)
        return become_kernel(fd, f);
    if ((s = stack_get()) == NULL)
        return -1;
    if (is_v6_only(fd, f) && !has_ipv6(s))
        return become_kernel(fd, f);
    enum weir_reach reach = place == ELSEWHERE ? weir_reach(s, address, length) : WEIR_OWN;
    /* a group or a broadcast, to hear it */
    bool heard = reach == WEIR_ROUTED && (f->type & SOCK_DGRAM);
    return reach == WEIR_OWN || heard ? become_weir(fd, f, s) : become_kernel(fd, f);
}

int decide_destination(int fd, struct file *f, const struct sockaddr *address, socklen_t length)
{
    struct weir_stack *s;
    if (place_of(address, length) != ELSEWHERE)
        return become_kernel(fd, f);
    if ((s = stack_get()) == NULL)
        return -1;
    return weir_reach(s, address, length) == WEIR_UNREACHABLE ? become_kernel(fd, f) : become_weir(fd, f, s);
}
