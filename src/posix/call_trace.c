/* SPDX-License-Identifier: MIT */
/*
 * What a program called, in a line of the trace: the call with what matters of its arguments, and its result.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "posix/private.h"

#define TEXT_BYTES 96u

/* ---- arguments ---- */

static const char *family_name(int domain)
{
    return domain == AF_INET      ? "inet"
           : domain == AF_INET6   ? "inet6"
           : domain == AF_PACKET  ? "packet"
           : domain == AF_NETLINK ? "netlink"
                                  : "another";
}

static const char *type_name(int type)
{
    type &= 0xf; /* SOCK_TYPE_MASK */
    return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : type == SOCK_RAW ? "raw" : "another";
}

static void put_open(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%s, %s, %d", family_name(c->open.domain), type_name(c->open.type), c->open.protocol);
}

static void put_address(const struct sockaddr *a, socklen_t length, char text[TEXT_BYTES])
{
    char ip[INET6_ADDRSTRLEN];
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (a && length >= sizeof v4 && a->sa_family == AF_INET) {
        memcpy(&v4, a, sizeof v4);
        snprintf(text, TEXT_BYTES, "%s:%u", inet_ntop(AF_INET, &v4.sin_addr, ip, sizeof ip), ntohs(v4.sin_port));
    } else if (a && length >= sizeof v6 && a->sa_family == AF_INET6) {
        memcpy(&v6, a, sizeof v6);
        snprintf(text, TEXT_BYTES, "[%s]:%u", inet_ntop(AF_INET6, &v6.sin6_addr, ip, sizeof ip), ntohs(v6.sin6_port));
    } else {
        snprintf(text, TEXT_BYTES, "%u bytes of address", a ? (unsigned)length : 0);
    }
}

static void put_fd(const struct call *c, char text[TEXT_BYTES]) { snprintf(text, TEXT_BYTES, "%d", c->fd); }

static void put_name(const struct call *c, char text[TEXT_BYTES])
{
    char address[TEXT_BYTES];
    put_address(c->name.address, c->name.length, address);
    snprintf(text, TEXT_BYTES, "%d, %.*s", c->fd, (int)TEXT_BYTES - 16, address);
}

static void put_value(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, %d", c->fd, c->control.value);
}

static void put_bytes(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, %zu bytes", c->fd, c->io.length);
}

static void put_messages(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, %u messages", c->fd, c->batch.n);
}

static void put_option(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, level %d, option %d", c->fd, c->option.level, c->option.name);
}

static void put_request(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, 0x%lx", c->fd, c->ioctl.request);
}

static void put_command(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, command %d, %d", c->fd, c->control.command, c->control.value);
}

static void put_polled(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%lu descriptors", (unsigned long)c->poll.n);
}

static void put_epoll(const struct call *c, char text[TEXT_BYTES])
{
    snprintf(text, TEXT_BYTES, "%d, operation %d, %d", c->fd, c->epoll.operation, c->epoll.fd);
}

/* ---- calls ---- */

/* The others are not calls of the program's, or move pieces of its memory about. */
static const struct {
    attempt_fn *attempt;
    const char *name;
    void (*put)(const struct call *c, char text[TEXT_BYTES]);
} calls[] = {
    {attempt_open, "socket", put_open},
    {attempt_bind, "bind", put_name},
    {attempt_listen, "listen", put_value},
    {attempt_accept, "accept", put_fd},
    {attempt_connect, "connect", put_name},
    {attempt_shutdown, "shutdown", put_value},
    {attempt_name, "getsockname", put_fd},
    {attempt_peer, "getpeername", put_fd},
    {attempt_send, "send", put_bytes},
    {attempt_receive, "recv", put_bytes},
    {attempt_send_batch, "sendmmsg", put_messages},
    {attempt_receive_batch, "recvmmsg", put_messages},
    {attempt_set_option, "setsockopt", put_option},
    {attempt_get_option, "getsockopt", put_option},
    {attempt_ioctl, "ioctl", put_request},
    {attempt_fcntl, "fcntl", put_command},
    {attempt_dup, "dup", put_fd},
    {attempt_close, "close", put_fd},
    {attempt_poll, "poll", put_polled},
    {attempt_epoll_control, "epoll_ctl", put_epoll},
    {attempt_epoll_wait, "epoll_wait", put_fd},
};

void call_trace(const struct trace *t, const struct call *c, int64_t now)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        char text[TEXT_BYTES];
        if (calls[i].attempt != c->attempt)
            continue;
        calls[i].put(c, text);
        if (c->result < 0)
            TRACE(t, TRACE_SOCKET, now, "%s(%s): %s", calls[i].name, text, strerror((int)-c->result));
        else
            TRACE(t, TRACE_SOCKET, now, "%s(%s) = %zd", calls[i].name, text, c->result);
        return;
    }
}
