/* SPDX-License-Identifier: MIT */
/*
 * Calls into the system and the C library that fail on request. In builds with WEIR_TORTURE, cmake/WeirTorture.cmake
 * makes the objects of src/ call torture_NAME instead of NAME for every torture_NAME that is defined here. Nothing
 * fails unless the environment says so:
 *
 *     WEIR_TORTURE=once:K    the K-th fallible call fails (from 1 on)
 *     WEIR_TORTURE=from:K    it and all after it fail
 *     WEIR_TORTURE_LOG=FILE  at exit, a line "calls failed NAME-of-the-first-failed" is appended to FILE
 *     WEIR_TORTURE=list      none fails; before that line, one with the name of each call is written
 *     WEIR_TORTURE_TEST=NAME a test program runs that test of its own only
 *
 * Also used by the allocators of the tests (torture.h). Calls may come from several threads; what is counted is then
 * not quite the same from run to run, which does no harm.
 */
#define _GNU_SOURCE
#include "torture/torture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if WEIR_XDP
#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* other things of the same names */
#include <bpf/bpf.h>
#include <xdp/xsk.h>
#endif
#include <pcap/pcap.h>
#include <yaml.h>

static unsigned long first, last; /* calls that fail; 0: none */
static atomic_ulong calls, failed;
static _Atomic(const char *) victim;
static int list = -1;
static char names[65536];
static size_t names_length;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

/* Of cmocka, where the program is a test. */
__attribute__((weak)) void cmocka_set_test_filter(const char *pattern);

__attribute__((constructor)) static void read_environment(void)
{
    const char *what = getenv("WEIR_TORTURE"), *path = getenv("WEIR_TORTURE_LOG"), *test = getenv("WEIR_TORTURE_TEST");
    if (test && *test && cmocka_set_test_filter)
        cmocka_set_test_filter(test);
    if (!what)
        return;
    if (path && strcmp(what, "list") == 0)
        list = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const char *colon = strchr(what, ':');
    first = colon ? strtoul(colon + 1, NULL, 10) : 0;
    last = strncmp(what, "from", 4) == 0 ? (unsigned long)-1 : first;
}

static void write_names(void)
{
    if (write(list, names, names_length) != (ssize_t)names_length)
        abort();
    names_length = 0;
}

static void list_name(const char *call)
{
    size_t length = strlen(call);
    pthread_mutex_lock(&names_lock);
    if (names_length + length + 1 > sizeof names)
        write_names();
    memcpy(names + names_length, call, length);
    names[names_length + length] = '\n';
    names_length += length + 1;
    pthread_mutex_unlock(&names_lock);
}

__attribute__((destructor)) static void write_log(void)
{
    const char *path = getenv("WEIR_TORTURE_LOG");
    char line[128];
    if (!path)
        return;
    if (list >= 0)
        write_names();
    const char *name = atomic_load(&victim);
    int n = snprintf(line, sizeof line, "%lu %lu %s\n", atomic_load(&calls), atomic_load(&failed), name ? name : "-");
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0 && write(fd, line, (size_t)n) != n)
        abort();
    if (fd >= 0)
        close(fd);
}

bool torture_fails(const char *call)
{
    if (list >= 0)
        list_name(call);
    unsigned long n = atomic_fetch_add(&calls, 1) + 1;
    if (first == 0 || n < first || n > last)
        return false;
    const char *nobody = NULL;
    atomic_fetch_add(&failed, 1);
    atomic_compare_exchange_strong(&victim, &nobody, call);
    return true;
}

static bool fails(const char *call, int error)
{
    if (!torture_fails(call))
        return false;
    errno = error;
    return true;
}

/* result torture_NAME(parameters): RETURNS with ERROR in errno, or what NAME(arguments) says. */
#define FALLIBLE(result, name, parameters, arguments, returns, error)                                                  \
    result torture_##name parameters;                                                                                  \
    result torture_##name parameters { return fails(#name, error) ? (returns) : name arguments; }

/* clang-format off */
FALLIBLE(void *, malloc, (size_t size), (size), NULL, ENOMEM)
FALLIBLE(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
FALLIBLE(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)
FALLIBLE(void *, aligned_alloc, (size_t align, size_t size), (align, size), NULL, ENOMEM)
FALLIBLE(void *, mmap, (void *at, size_t length, int protection, int flags, int fd, off_t offset),
         (at, length, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
FALLIBLE(int, madvise, (void *at, size_t length, int advice), (at, length, advice), -1, EINVAL)
FALLIBLE(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), -1, EIO)
FALLIBLE(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), -1, ENOSPC)
FALLIBLE(int, fstat, (int fd, struct stat *out), (fd, out), -1, EIO)
FALLIBLE(int, stat, (const char *path, struct stat *out), (path, out), -1, EACCES)
FALLIBLE(int, ftruncate, (int fd, off_t length), (fd, length), -1, EIO)
FALLIBLE(int, unlink, (const char *path), (path), -1, EACCES)
FALLIBLE(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
FALLIBLE(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL, ENOMEM)
FALLIBLE(FILE *, open_memstream, (char **bytes, size_t *length), (bytes, length), NULL, ENOMEM)
FALLIBLE(size_t, fread, (void *to, size_t size, size_t count, FILE *file), (to, size, count, file), 0, EIO)
FALLIBLE(size_t, fwrite, (const void *from, size_t size, size_t count, FILE *file), (from, size, count, file), 0, ENOSPC)
FALLIBLE(int, fflush, (FILE *file), (file), EOF, ENOSPC)
FALLIBLE(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
FALLIBLE(int, bind, (int fd, const struct sockaddr *at, socklen_t length), (fd, at, length), -1, EADDRINUSE)
FALLIBLE(int, listen, (int fd, int backlog), (fd, backlog), -1, EADDRINUSE)
FALLIBLE(int, accept, (int fd, struct sockaddr *from, socklen_t *length), (fd, from, length), -1, EMFILE)
FALLIBLE(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length),
         (fd, level, name, value, length), -1, ENOPROTOOPT)
FALLIBLE(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *length),
         (fd, level, name, value, length), -1, ENOPROTOOPT)
FALLIBLE(int, setns, (int fd, int type), (fd, type), -1, EPERM)
FALLIBLE(ssize_t, send, (int fd, const void *from, size_t length, int flags), (fd, from, length, flags), -1, ENOBUFS)
FALLIBLE(ssize_t, sendto, (int fd, const void *from, size_t length, int flags, const struct sockaddr *to, socklen_t n),
         (fd, from, length, flags, to, n), -1, ENOBUFS)
FALLIBLE(ssize_t, recv, (int fd, void *to, size_t length, int flags), (fd, to, length, flags), -1, ENOMEM)
FALLIBLE(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags), -1, ENOBUFS)
FALLIBLE(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1, ENOMEM)
FALLIBLE(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags), -1, ENETDOWN)
FALLIBLE(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t), (fd, m, n, flags, t),
         -1, ENETDOWN)
FALLIBLE(int, poll, (struct pollfd *p, nfds_t n, int timeout_ms), (p, n, timeout_ms), -1, EINTR)
FALLIBLE(int, ppoll, (struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *mask), (p, n, t, mask),
         -1, EINTR)
FALLIBLE(ssize_t, getrandom, (void *to, size_t length, unsigned flags), (to, length, flags), -1, ENOSYS)
FALLIBLE(int, sigaction, (int number, const struct sigaction *new, struct sigaction *old), (number, new, old), -1,
         EINVAL)
FALLIBLE(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *set), (pid, size, set), -1, EINVAL)
FALLIBLE(char *, strdup, (const char *text), (text), NULL, ENOMEM)
FALLIBLE(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n), -1, EIO)
FALLIBLE(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), -1, ENOBUFS)
FALLIBLE(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence), -1, ESPIPE)
FALLIBLE(pcap_t *, pcap_open_dead, (int linktype, int snap_length), (linktype, snap_length), NULL, ENOMEM)
FALLIBLE(int, yaml_parser_initialize, (yaml_parser_t *parser), (parser), 0, ENOMEM)
#if WEIR_XDP
FALLIBLE(int, bpf_object__open_skeleton, (struct bpf_object_skeleton *s, const struct bpf_object_open_opts *o), (s, o), -ENOMEM, ENOMEM)
FALLIBLE(int, bpf_object__load_skeleton, (struct bpf_object_skeleton *s), (s), -EPERM, EPERM)
FALLIBLE(int, bpf_link_create, (int program, int target, enum bpf_attach_type type, const struct bpf_link_create_opts *o),
         (program, target, type, o), -EINVAL, EINVAL)
FALLIBLE(int, xsk_umem__create, (struct xsk_umem **out, void *area, __u64 size, struct xsk_ring_prod *fill, struct xsk_ring_cons *completed,
         const struct xsk_umem_config *c), (out, area, size, fill, completed, c), -ENOBUFS, ENOBUFS)
FALLIBLE(int, xsk_socket__create_shared, (struct xsk_socket **out, const char *name, __u32 queue, struct xsk_umem *memory, struct xsk_ring_cons *rx,
         struct xsk_ring_prod *tx, struct xsk_ring_prod *fill, struct xsk_ring_cons *completed, const struct xsk_socket_config *c),
         (out, name, queue, memory, rx, tx, fill, completed, c), -EBUSY, EBUSY)
FALLIBLE(int, xsk_socket__update_xskmap, (struct xsk_socket *socket, int map), (socket, map), -EINVAL, EINVAL)
#endif
/* clang-format on */

/* These return the error. */
int torture_pthread_create(pthread_t *thread, const pthread_attr_t *a, void *(*run)(void *), void *argument);
int torture_pthread_create(pthread_t *thread, const pthread_attr_t *a, void *(*run)(void *), void *argument)
{
    return torture_fails("pthread_create") ? EAGAIN : pthread_create(thread, a, run, argument);
}

int torture_pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set);
int torture_pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    return torture_fails("pthread_setaffinity_np") ? EINVAL : pthread_setaffinity_np(thread, size, set);
}

/* A file is closed even when that fails. */
int torture_fclose(FILE *file);
int torture_fclose(FILE *file)
{
    bool failing = torture_fails("fclose");
    int result = fclose(file);
    if (!failing)
        return result;
    errno = ENOSPC;
    return EOF;
}

int torture_open(const char *path, int flags, ...);
int torture_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails("open", EMFILE) ? -1 : open(path, flags, mode);
}

int torture_ioctl(int fd, unsigned long request, ...);
int torture_ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return fails("ioctl", EIO) ? -1 : ioctl(fd, request, argument);
}

/* What failed while it was read: the library says that memory ran out. */
int torture_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event);
int torture_yaml_parser_parse(yaml_parser_t *parser, yaml_event_t *event)
{
    if (!torture_fails("yaml_parser_parse"))
        return yaml_parser_parse(parser, event);
    memset(event, 0, sizeof *event);
    parser->error = YAML_MEMORY_ERROR;
    return 0;
}
