/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: the lowest free number for a file, as POSIX says; files are counted. All of it is the owner's.
 */
#include <stdlib.h>

#include "posix/private.h"

int files_init(struct file_table *t, uint32_t size)
{
    *t = (struct file_table){.files = calloc(size, sizeof *t->files), .size = size};
    return t->files ? 0 : -ENOMEM;
}

void files_free(struct file_table *t, int64_t now)
{
    for (uint32_t i = 0; t->files && i < t->size; i++)
        if (t->files[i])
            file_drop(t->files[i], now);
    free(t->files);
    t->files = NULL;
}

struct file *file_of(const struct weir_stack *w, int fd)
{
    return fd >= 0 && (uint32_t)fd < w->files.size ? w->files.files[fd] : NULL;
}

int file_install(struct weir_stack *w, struct file *f)
{
    struct file_table *t = &w->files;
    while (t->lowest_free < t->size && t->files[t->lowest_free])
        t->lowest_free++;
    if (t->lowest_free == t->size)
        return -EMFILE;
    t->files[t->lowest_free] = f;
    f->references++;
    return (int)t->lowest_free++;
}

struct file *file_new(struct weir_stack *w, struct socket *s, struct epoll *e)
{
    struct file *f = malloc(sizeof *f);
    if (f)
        *f = (struct file){.socket = s, .epoll = e, .stack = w};
    return f;
}

void file_hold(struct file *f) { f->references++; }

void file_drop(struct file *f, int64_t now)
{
    if (--f->references > 0)
        return;
    if (f->socket) {
        epoll_forget(f->socket);
        (void)socket_close(f->socket, now);
    }
    while (f->watches)
        socket_watch_remove(f->watches);
    epoll_delete(f->epoll);
    free(f);
}

void file_remove(struct weir_stack *w, int fd, int64_t now)
{
    struct file *f = w->files.files[fd];
    w->files.files[fd] = NULL;
    w->files.lowest_free = min_u32(w->files.lowest_free, (uint32_t)fd);
    file_drop(f, now);
}

unsigned file_ready(const struct file *f)
{
    if (f->socket)
        return socket_ready(f->socket);
    return epoll_is_ready(f->epoll) ? POLLIN | POLLRDNORM : 0;
}

void file_watch(struct file *f, struct socket_watch *watch)
{
    if (f->socket) {
        socket_watch_add(f->socket, watch);
        return;
    }
    watch->next = f->watches;
    watch->link = &f->watches;
    if (watch->next)
        watch->next->link = &watch->next;
    f->watches = watch;
}

void file_epoll_woke(void *context)
{
    struct file *f = context;
    if (f->signals && !f->watches) {
        f->signals = false;
        event_raise(f->event_fd);
    }
    for (struct socket_watch *x = f->watches; x; x = x->next) /* call_notify takes none off */
        x->notify(x, POLLIN);
}
