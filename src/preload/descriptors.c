/* SPDX-License-Identifier: MIT */
/*
 * What happens to numbers: close, dup, fcntl, ioctl. The kernel does it to the number, the table follows; the child of a vfork runs in its parent's memory
 * and leaves the table alone.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <stdint.h>

#include "preload/preload.h"

/* ---- closing ---- */

EXPORT int close(int fd)
{
    if (unlikely(file_of(fd) != NULL) && !memory_is_borrowed())
        file_remove(fd);
    return kernel()->close(fd);
}

static void remove_range(unsigned first, unsigned last)
{
    if (first > INT_MAX || memory_is_borrowed())
        return;
    int end = last > INT_MAX ? INT_MAX : (int)last;
    for (int fd = (int)first; file_next(&fd, end); fd++)
        file_remove(fd);
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (table_size && first <= last && !(flags & (int)CLOSE_RANGE_CLOEXEC))
        remove_range(first, last);
    return kernel()->close_range(first, last, flags);
}

EXPORT void closefrom(int first) { (void)close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0); }

/* ---- duplicating ---- */

static int shared(int number, int old)
{
    if (unlikely(number >= 0 && file_of(old) != NULL) && !memory_is_borrowed())
        file_share(number, old);
    return number;
}

EXPORT int dup(int fd) { return shared(kernel()->dup(fd), fd); }

/* What the number stood for is closed, unless the call will fail. */
static void make_way(int old, int number)
{
    if (unlikely(file_of(number) != NULL) && old != number && !memory_is_borrowed() &&
        kernel()->fcntl(old, F_GETFD) >= 0)
        file_remove(number);
}

EXPORT int dup2(int old, int number)
{
    make_way(old, number);
    int result = kernel()->dup2(old, number);
    return old == number ? result : shared(result, old);
}

EXPORT int dup3(int old, int number, int flags)
{
    make_way(old, number);
    return shared(kernel()->dup3(old, number, flags), old);
}

/* ---- fcntl, ioctl ---- */

static int control(int fd, int command, void *argument)
{
    int result = kernel()->fcntl(fd, command, argument);
    struct file *f = file_of(fd);
    if (likely(!f) || result < 0)
        return result;
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        return shared(result, fd);
    struct weir_stack *s = command == F_SETFL && file_kind(f) == WEIR ? stack_of(f) : NULL;
    return s ? weir_fcntl(s, f->weir, F_SETFL, (int)(intptr_t)argument) : result;
}

/* Its argument is a number or a pointer: either is passed on as it came. */
EXPORT int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(fd, command, argument);
}

/* Bytes that wait, and what the kernel numbers 0x89..: of sockets and interfaces. */
static bool is_of_sockets(unsigned long request)
{
    return request == FIONREAD || request == SIOCOUTQ || request >> 8 == SIOCATMARK >> 8;
}

static int control_socket(int fd, const struct file *f, unsigned long request, void *argument)
{
    struct weir_stack *s = NULL;
    if (is_of_sockets(request))
        return (s = stack_of(f)) != NULL ? weir_ioctl(s, f->weir, request, argument) : -1;
    int result = kernel()->ioctl(fd, request, argument);
    if (request == FIONBIO && result == 0 && (s = stack_of(f)) != NULL)
        return weir_ioctl(s, f->weir, request, argument);
    return result;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct file *f = socket_of(fd);
    return likely(!f) ? kernel()->ioctl(fd, request, argument) : control_socket(fd, f, request, argument);
}
