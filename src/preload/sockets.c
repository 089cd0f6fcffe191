/* SPDX-License-Identifier: MIT */
/*
 * Making and naming sockets: socket, bind, connect, listen, accept, options and names.
 */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <netinet/in.h>

#include "preload/preload.h"

#define TYPE_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

/* ---- making ---- */

/* The number that stands for a socket of the stack: a kernel socket that nobody can reach. */
static int number_for(struct weir_stack *s, int weir, int domain, int type)
{
    int number = kernel()->socket(AF_INET, SOCK_STREAM | (type & TYPE_FLAGS), 0);
    struct file *f = number < 0 ? NULL : file_new(number, WEIR);
    if (f) {
        f->domain = domain;
        f->type = type & ~TYPE_FLAGS;
        f->weir = weir;
        file_show(number, f);
        return number;
    }
    int error = errno;
    if (number >= 0)
        kernel()->close(number);
    (void)weir_close(s, weir);
    errno = error;
    return -1;
}

static int open_undecided(int domain, int type, int protocol)
{
    int number = kernel()->socket(domain, type, protocol);
    struct file *f = number < 0 ? NULL : file_new(number, UNDECIDED);
    if (!f)
        return number; /* without memory for the table it is the kernel's */
    f->domain = domain;
    f->type = type & ~TYPE_FLAGS;
    f->protocol = protocol;
    file_show(number, f);
    return number;
}

/* Raw, packet, ping and netlink sockets name no address first. What the stack does not have is the kernel's. */
static int open_at_once(int domain, int type, int protocol)
{
    struct weir_stack *s = stack_get();
    int weir = s ? weir_socket(s, domain, type, protocol) : -1;
    if (weir < 0 && s && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT))
        return kernel()->socket(domain, type, protocol);
    return weir < 0 ? -1 : number_for(s, weir, domain, type);
}

static bool is_transport(int type, int protocol)
{
    type &= ~TYPE_FLAGS;
    return (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP)) ||
           (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP));
}

static bool is_at_once(int domain, int type, int protocol)
{
    type &= ~TYPE_FLAGS;
    if (domain == AF_INET || domain == AF_INET6)
        return type == SOCK_RAW ||
               (type == SOCK_DGRAM && protocol == (domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6));
    return domain == AF_PACKET || (domain == AF_NETLINK && protocol == NETLINK_ROUTE);
}

EXPORT int socket(int domain, int type, int protocol)
{
    if (is_inside())
        return kernel()->socket(domain, type, protocol);
    if ((domain == AF_INET || domain == AF_INET6) && is_transport(type, protocol))
        return open_undecided(domain, type, protocol);
    return is_at_once(domain, type, protocol) ? open_at_once(domain, type, protocol)
                                              : kernel()->socket(domain, type, protocol);
}

static int accept_ours(struct file *f, struct sockaddr *address, socklen_t *length, int flags)
{
    struct weir_stack *s = stack_of(f);
    int weir = s ? weir_accept4(s, f->weir, address, length, flags) : -1;
    return weir < 0 ? -1 : number_for(s, weir, f->domain, f->type | flags);
}

EXPORT int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags)
{
    struct file *f = socket_of(fd);
    return f ? accept_ours(f, address.__sockaddr__, length, flags) : kernel()->accept4(fd, address, length, flags);
}

EXPORT int accept(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    struct file *f = socket_of(fd);
    return f ? accept_ours(f, address.__sockaddr__, length, 0) : kernel()->accept(fd, address, length);
}

/* ---- addresses ---- */

static bool is_undecided(const struct file *f) { return f && file_kind(f) == UNDECIDED; }

EXPORT int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    struct file *f = file_of(fd);
    if (is_undecided(f) && decide_bind(fd, f, address.__sockaddr__, length) < 0)
        return -1;
    if ((f = socket_of(fd)) == NULL)
        return kernel()->bind(fd, address, length);
    struct weir_stack *s = stack_of(f);
    return s ? weir_bind(s, f->weir, address.__sockaddr__, length) : -1;
}

EXPORT int listen(int fd, int backlog)
{
    struct file *f = file_of(fd);
    if (is_undecided(f) && decide_bind(fd, f, NULL, 0) < 0)
        return -1;
    if ((f = socket_of(fd)) == NULL)
        return kernel()->listen(fd, backlog);
    struct weir_stack *s = stack_of(f);
    return s ? weir_listen(s, f->weir, backlog) : -1;
}

EXPORT int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    struct file *f = file_of(fd);
    if (is_undecided(f) && decide_destination(fd, f, address.__sockaddr__, length) < 0)
        return -1;
    if ((f = socket_of(fd)) == NULL)
        return kernel()->connect(fd, address, length);
    struct weir_stack *s = stack_of(f);
    return s ? weir_connect(s, f->weir, address.__sockaddr__, length) : -1;
}

EXPORT int shutdown(int fd, int how)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->shutdown(fd, how);
    struct weir_stack *s = stack_of(f);
    return s ? weir_shutdown(s, f->weir, how) : -1;
}

EXPORT int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->getsockname(fd, address, length);
    struct weir_stack *s = stack_of(f);
    return s ? weir_getsockname(s, f->weir, address.__sockaddr__, length) : -1;
}

EXPORT int getpeername(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->getpeername(fd, address, length);
    struct weir_stack *s = stack_of(f);
    return s ? weir_getpeername(s, f->weir, address.__sockaddr__, length) : -1;
}

/* ---- options ---- */

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->getsockopt(fd, level, name, value, length);
    struct weir_stack *s = stack_of(f);
    return s ? weir_getsockopt(s, f->weir, level, name, value, length) : -1;
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    struct file *f = file_of(fd);
    if (likely(!f) || file_kind(f) == EPOLL)
        return kernel()->setsockopt(fd, level, name, value, length);
    if (is_undecided(f)) {
        int result = kernel()->setsockopt(fd, level, name, value, length);
        if (result == 0)
            option_record(f, level, name, value, length);
        return result;
    }
    struct weir_stack *s = stack_of(f);
    return s ? weir_setsockopt(s, f->weir, level, name, value, length) : -1;
}
