/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: each is a real one, an eventfd that nobody uses, since packetdrill closes what a script leaves open by the system call. See adapter.h, P3.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/eventfd.h>

#include "adapter.h"

/* Whoever had it is gone. */
static void forget(struct adapter *a, int fd)
{
    struct file *f = &a->files[fd];
    if (f->socket) {
        epoll_forget(f->socket);
        (void)socket_close(f->socket, a->now);
    }
    epoll_delete(f->epoll);
    *f = (struct file){.socket = NULL};
}

int file_install(struct adapter *a, struct socket *s, struct epoll *e, bool nonblocking)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd >= ADAPTER_MAX_FILES) {
        close(fd);
        fd = -1;
        errno = EMFILE;
    }
    if (fd < 0) {
        if (s)
            (void)socket_close(s, a->now);
        epoll_delete(e);
        return -errno;
    }
    forget(a, fd);
    a->files[fd] = (struct file){.socket = s, .epoll = e, .nonblocking = nonblocking};
    return fd;
}

struct file *file_of(struct adapter *a, int fd)
{
    if (fd < 0 || fd >= ADAPTER_MAX_FILES)
        return NULL;
    struct file *f = &a->files[fd];
    return f->socket || f->epoll ? f : NULL;
}

void file_close(struct adapter *a, int fd)
{
    forget(a, fd);
    close(fd);
}
