/* SPDX-License-Identifier: MIT */
/*
 * epoll(7) over descriptors of a stack. An epoll of epolls is not supported (EINVAL). One that is a member of the kernel's epoll signals an eventfd there:
 * only after somebody found nothing and while nobody waits for it here, so that a busy program costs no system calls.
 */
#include "base/alloc_heap.h"
#include "posix/private.h"

bool attempt_epoll_create(struct weir_stack *w, struct call *c, int64_t now)
{
    struct file *f = file_new(w, NULL, NULL);
    int e = f ? epoll_new(alloc_heap(), w->files.size, file_epoll_woke, f, &f->epoll) : -ENOMEM;
    if (f)
        file_hold(f);
    c->result = e < 0 ? e : file_install(w, f);
    if (f)
        file_drop(f, now);
    return true;
}

static int control(const struct weir_stack *w, const struct call *c)
{
    const struct file *e = file_of(w, c->fd), *f = file_of(w, c->epoll.fd);
    if (!e || !f)
        return -EBADF;
    if (!e->epoll || !f->socket)
        return -EINVAL;
    return epoll_control(e->epoll, c->epoll.operation, f->socket, c->epoll.fd, c->epoll.events);
}

bool attempt_epoll_control(struct weir_stack *w, struct call *c, int64_t now)
{
    (void)now;
    c->result = control(w, c);
    return true;
}

bool attempt_epoll_wait(struct weir_stack *w, struct call *c, int64_t now)
{
    if (!c->file) {
        struct file *f = file_of(w, c->fd);
        c->result = !f ? -EBADF : -EINVAL;
        if (!f || !f->epoll || c->epoll.max <= 0)
            return true;
        c->file = f;
        file_hold(f);
    }
    c->result = epoll_collect(c->file->epoll, c->epoll.events, c->epoll.max);
    c->file->signals = c->result == 0 && c->file->event_fd;
    if (c->result > 0 || c->timeout_ns == 0 || c->expired)
        return true;
    if (!c->waits) {
        c->deadline = c->timeout_ns > 0 ? now + c->timeout_ns : TIME_NEVER;
        c->watch = (struct call_watch){.watch = {.notify = call_notify}, .call = c};
        file_watch(c->file, &c->watch.watch);
    }
    return false;
}

bool attempt_epoll_signal(struct weir_stack *w, struct call *c, int64_t now)
{
    struct file *f = file_of(w, c->fd);
    (void)now;
    c->result = !f ? -EBADF : !f->epoll || w->embedded ? -EINVAL : 0;
    if (c->result == 0)
        f->event_fd = c->control.value;
    return true;
}
