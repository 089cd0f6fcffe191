/* SPDX-License-Identifier: MIT */
/*
 * Weir behind the API of a small classic TCP/IP stack: the only stack header a program needs. Each call is that of
 * <sys/socket.h> with the same arguments, on a stack in user space that runs in a thread of its own; descriptors are
 * its own, not the kernel's. Errors are -1 with errno.
 *
 *     tcp_ip_stack_t *stack = tcp_ip_stack_init();
 *     interface_config_t eth0 = {.name = "eth0", .ip_addr = IP_ADDR(192, 168, 1, 100), .netmask = IP_ADDR(255, 255, 255, 0)};
 *     tcp_ip_add_interface(stack, &eth0);
 *     int fd = tcp_socket(stack, AF_INET, SOCK_STREAM, 0);
 *
 * What "eth0" is, the environment says: WEIR_LINK_eth0, else WEIR_LINK: tap:NAME, packet:INTERFACE, xdp:INTERFACE, tunnel:KIND,... or mem:NAME; a name
 * with a colon is a link itself. A program that adds no interface gets the one of WEIR_LINK and WEIR_ADDRESS. More is
 * possible with weir/socket.h, on the same stack (tcp_ip_stack_t is struct weir_stack).
 */
#ifndef TCP_IP_STACK_H
#define TCP_IP_STACK_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "weir/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_stack tcp_ip_stack_t;

/* An address in network order, as a constant expression. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define IP_ADDR(a, b, c, d) ((uint32_t)(a) | ((uint32_t)(b) << 8) | ((uint32_t)(c) << 16) | ((uint32_t)(d) << 24))
#else
#define IP_ADDR(a, b, c, d) (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))
#endif

typedef struct interface_config {
    const char *name;
    uint8_t mac_addr[6];                /* all zero: the link's */
    uint32_t ip_addr, netmask, gateway; /* IP_ADDR(); gateway 0: none */
} interface_config_t;

/* NULL: no memory, or too many stacks. */
static inline tcp_ip_stack_t *tcp_ip_stack_init(void)
{
    struct weir_stack_options o;
    memset(&o, 0, sizeof o);
    o.size = sizeof o;
    return weir_stack_new(&o, NULL, 0);
}

static inline void tcp_ip_stack_cleanup(tcp_ip_stack_t *stack) { weir_stack_delete(stack); }

/* 0, or -1 with errno and a line on stderr. */
static inline int tcp_ip_add_interface(tcp_ip_stack_t *stack, const interface_config_t *config)
{
    return weir_classic_add_interface(stack, config->name, config->mac_addr, config->ip_addr, config->netmask,
                                      config->gateway);
}

static inline int tcp_socket(tcp_ip_stack_t *stack, int domain, int type, int protocol)
{
    return weir_classic_socket(stack, domain, type, protocol);
}
static inline int udp_socket(tcp_ip_stack_t *stack, int domain, int type, int protocol)
{
    return weir_classic_socket(stack, domain, type, protocol);
}
static inline int raw_socket(tcp_ip_stack_t *stack, int domain, int type, int protocol)
{
    return weir_classic_socket(stack, domain, type, protocol);
}

/* The calls that more than one of tcp, udp and raw has. */
#define TCP_IP_STACK_CALLS(prefix)                                                                                     \
    static inline int prefix##_bind(int fd, const struct sockaddr *address, socklen_t length)                          \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_bind(s, fd, address, length);                                                                      \
    }                                                                                                                  \
    static inline int prefix##_setsockopt(int fd, int level, int name, const void *value, socklen_t length)            \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_setsockopt(s, fd, level, name, value, length);                                                     \
    }                                                                                                                  \
    static inline int prefix##_getsockopt(int fd, int level, int name, void *value, socklen_t *length)                 \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_getsockopt(s, fd, level, name, value, length);                                                     \
    }                                                                                                                  \
    static inline int prefix##_close(int fd)                                                                           \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_close(s, fd);                                                                                      \
    }
#define TCP_IP_STACK_CONNECT(prefix)                                                                                   \
    static inline int prefix##_connect(int fd, const struct sockaddr *address, socklen_t length)                       \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_connect(s, fd, address, length);                                                                   \
    }
#define TCP_IP_STACK_RECV(prefix)                                                                                      \
    static inline ssize_t prefix##_recv(int fd, void *bytes, size_t length, int flags)                                 \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_recv(s, fd, bytes, length, flags);                                                                 \
    }
#define TCP_IP_STACK_DATAGRAMS(prefix)                                                                                 \
    static inline ssize_t prefix##_sendto(int fd, const void *bytes, size_t length, int flags,                         \
                                          const struct sockaddr *to, socklen_t to_length)                              \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_sendto(s, fd, bytes, length, flags, to, to_length);                                                \
    }                                                                                                                  \
    static inline ssize_t prefix##_recvfrom(int fd, void *bytes, size_t length, int flags, struct sockaddr *from,      \
                                            socklen_t *from_length)                                                    \
    {                                                                                                                  \
        struct weir_stack *s = weir_stack_of(fd, &fd);                                                                 \
        return weir_recvfrom(s, fd, bytes, length, flags, from, from_length);                                          \
    }

TCP_IP_STACK_CALLS(tcp)
TCP_IP_STACK_CONNECT(tcp)
TCP_IP_STACK_RECV(tcp)
TCP_IP_STACK_CALLS(udp)
TCP_IP_STACK_CONNECT(udp)
TCP_IP_STACK_DATAGRAMS(udp)
TCP_IP_STACK_CALLS(raw)
TCP_IP_STACK_RECV(raw)
TCP_IP_STACK_DATAGRAMS(raw)

static inline int tcp_listen(int fd, int backlog)
{
    struct weir_stack *s = weir_stack_of(fd, &fd);
    return weir_listen(s, fd, backlog);
}
static inline int tcp_accept(int fd, struct sockaddr *address, socklen_t *length)
{
    struct weir_stack *s = weir_stack_of(fd, &fd);
    return weir_descriptor(s, weir_accept(s, fd, address, length));
}
static inline ssize_t tcp_send(int fd, const void *bytes, size_t length, int flags)
{
    struct weir_stack *s = weir_stack_of(fd, &fd);
    return weir_send(s, fd, bytes, length, flags);
}
static inline int tcp_shutdown(int fd, int how)
{
    struct weir_stack *s = weir_stack_of(fd, &fd);
    return weir_shutdown(s, fd, how);
}

#undef TCP_IP_STACK_CALLS
#undef TCP_IP_STACK_CONNECT
#undef TCP_IP_STACK_RECV
#undef TCP_IP_STACK_DATAGRAMS

#ifdef __cplusplus
}
#endif

#endif
