/* SPDX-License-Identifier: MIT */
/*
 * Bytes in and out. SIGPIPE comes as from the kernel; the stack itself raises none.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "preload/preload.h"

#define SENDFILE_BYTES (UINT32_C(1) << 18)

static ssize_t with_signal(const struct file *f, ssize_t result, int flags)
{
    if (result < 0 && errno == EPIPE && f->type == SOCK_STREAM && !(flags & MSG_NOSIGNAL)) {
        (void)pthread_kill(pthread_self(), SIGPIPE);
        errno = EPIPE;
    }
    return result;
}

/* ---- in ---- */

static ssize_t receive(const struct file *f, struct msghdr *m, int flags)
{
    struct weir_stack *s = stack_of(f);
    return s ? weir_recvmsg(s, f->weir, m, flags) : -1;
}

static ssize_t receive_bytes(const struct file *f, void *bytes, size_t length, int flags)
{
    struct weir_stack *s = stack_of(f);
    return s ? weir_recv(s, f->weir, bytes, length, flags) : -1;
}

EXPORT ssize_t read(int fd, void *bytes, size_t length)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->read(fd, bytes, length);
    return length == 0 ? 0 : receive_bytes(f, bytes, length, 0);
}

EXPORT ssize_t readv(int fd, const struct iovec *pieces, int n)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->readv(fd, pieces, n);
    struct weir_stack *s = stack_of(f);
    return s ? weir_readv(s, f->weir, pieces, n) : -1;
}

EXPORT ssize_t recv(int fd, void *bytes, size_t length, int flags)
{
    struct file *f = socket_of(fd);
    return likely(!f) ? kernel()->recv(fd, bytes, length, flags) : receive_bytes(f, bytes, length, flags);
}

EXPORT ssize_t recvfrom(int fd, void *bytes, size_t length, int flags, __SOCKADDR_ARG from, socklen_t *from_length)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->recvfrom(fd, bytes, length, flags, from, from_length);
    struct weir_stack *s = stack_of(f);
    return s ? weir_recvfrom(s, f->weir, bytes, length, flags, from.__sockaddr__, from_length) : -1;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    struct file *f = socket_of(fd);
    return likely(!f) ? kernel()->recvmsg(fd, m, flags) : receive(f, m, flags & ~MSG_CMSG_CLOEXEC);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->recvmmsg(fd, m, n, flags, timeout);
    struct weir_stack *s = stack_of(f);
    return s ? weir_recvmmsg(s, f->weir, m, n, flags & ~MSG_CMSG_CLOEXEC, timeout) : -1;
}

/* ---- out ---- */

/* An undecided socket that sends to an address is decided by it; what is ours after that, or NULL. Undecided still: with errno. */
static struct file *sender_of(int fd, const struct sockaddr *to, socklen_t length)
{
    struct file *f = file_of(fd);
    if (likely(!f))
        return NULL;
    if (file_kind(f) == UNDECIDED && to && f->type == SOCK_DGRAM && decide_destination(fd, f, to, length) < 0)
        return f;
    return socket_of(fd);
}

static ssize_t send_bytes(const struct file *f, const void *bytes, size_t length, int flags, const struct sockaddr *to,
                          socklen_t to_length)
{
    struct weir_stack *s = stack_of(f);
    return s ? with_signal(f, weir_sendto(s, f->weir, bytes, length, flags, to, to_length), flags) : -1;
}

static ssize_t send_message(const struct file *f, const struct msghdr *m, int flags)
{
    struct weir_stack *s = stack_of(f);
    return s ? with_signal(f, weir_sendmsg(s, f->weir, m, flags), flags) : -1;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length)
{
    struct file *f = socket_of(fd);
    return likely(!f) ? kernel()->write(fd, bytes, length) : send_bytes(f, bytes, length, 0, NULL, 0);
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    struct file *f = socket_of(fd);
    if (likely(!f))
        return kernel()->writev(fd, pieces, n);
    struct weir_stack *s = stack_of(f);
    return s ? with_signal(f, weir_writev(s, f->weir, pieces, n), 0) : -1;
}

EXPORT ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    struct file *f = socket_of(fd);
    return likely(!f) ? kernel()->send(fd, bytes, length, flags) : send_bytes(f, bytes, length, flags, NULL, 0);
}

EXPORT ssize_t sendto(int fd, const void *bytes, size_t length, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_length)
{
    struct file *f = sender_of(fd, to.__sockaddr__, to_length);
    return likely(!f) ? kernel()->sendto(fd, bytes, length, flags, to, to_length)
                      : send_bytes(f, bytes, length, flags, to.__sockaddr__, to_length);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    struct file *f = sender_of(fd, m->msg_name, m->msg_namelen);
    return likely(!f) ? kernel()->sendmsg(fd, m, flags) : send_message(f, m, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
    struct file *f = sender_of(fd, n ? m[0].msg_hdr.msg_name : NULL, n ? m[0].msg_hdr.msg_namelen : 0);
    if (likely(!f))
        return kernel()->sendmmsg(fd, m, n, flags);
    struct weir_stack *s = stack_of(f);
    return s ? (int)with_signal(f, weir_sendmmsg(s, f->weir, m, n, flags), flags) : -1;
}

/* ---- from file to socket ---- */

/* What a call before the end could not send is sent by the next, as sendfile's offset says. */
static ssize_t copy_out(const struct file *f, int in, off_t *at, size_t count, char *buffer)
{
    size_t done = 0;
    while (done < count) {
        size_t want = count - done < SENDFILE_BYTES ? count - done : SENDFILE_BYTES;
        ssize_t got = pread(in, buffer, want, *at);
        if (got <= 0)
            return got < 0 && done == 0 ? -1 : (ssize_t)done;
        int more = done + (size_t)got < count ? MSG_MORE : 0;
        ssize_t sent = send_bytes(f, buffer, (size_t)got, more, NULL, 0);
        if (sent < 0)
            return done > 0 ? (ssize_t)done : -1;
        done += (size_t)sent;
        *at += sent;
        if (sent < got)
            break;
    }
    return (ssize_t)done;
}

static ssize_t send_file(const struct file *f, int in, off_t *offset, size_t count)
{
    off_t at = offset ? *offset : lseek(in, 0, SEEK_CUR);
    char *buffer = at < 0 ? NULL : malloc(SENDFILE_BYTES);
    if (!buffer)
        return -1;
    ssize_t done = copy_out(f, in, &at, count, buffer);
    int error = errno;
    free(buffer);
    if (offset)
        *offset = at;
    else
        (void)lseek(in, at, SEEK_SET);
    errno = error;
    return done;
}

EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    struct file *f = socket_of(out);
    return likely(!f) ? kernel()->sendfile(out, in, offset, count) : send_file(f, in, offset, count);
}

/* off_t has 64 bits. */
EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { return sendfile(out, in, offset, count); }

EXPORT ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags)
{
    if (likely(!socket_of(in) && !socket_of(out)))
        return kernel()->splice(in, in_offset, out, out_offset, length, flags);
    say_once(TOPIC_SPLICE, "splice() with a socket of Weir is not supported (EINVAL)");
    errno = EINVAL;
    return -1;
}

/* ---- what _FORTIFY_SOURCE makes of them ---- */

EXPORT ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room);
EXPORT ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags);
EXPORT ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags, __SOCKADDR_ARG from,
                              socklen_t *from_length);

static void check_room(size_t length, size_t room)
{
    if (length > room)
        abort();
}

ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room)
{
    check_room(length, room);
    return read(fd, bytes, length);
}

ssize_t __recv_chk(int fd, void *bytes, size_t length, size_t room, int flags)
{
    check_room(length, room);
    return recv(fd, bytes, length, flags);
}

ssize_t __recvfrom_chk(int fd, void *bytes, size_t length, size_t room, int flags, __SOCKADDR_ARG from,
                       socklen_t *from_length)
{
    check_room(length, room);
    return recvfrom(fd, bytes, length, flags, from, from_length);
}
