/* SPDX-License-Identifier: MIT */
/*
 * See spool.h. The thread looks every few milliseconds: waking it would cost the writer a system call.
 */
#include "engine/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/clock.h"

#define LOOK_EVERY_NS (2 * NS_PER_MS)

struct spool {
    uint8_t *ring;
    size_t size;
    CACHE_ALIGNED atomic_size_t tail; /* the writer's */
    CACHE_ALIGNED atomic_size_t head; /* the thread's */
    atomic_bool ends;
    atomic_int failed; /* errno of the file, which then takes no more */
    uint64_t lost;     /* the writer's */
    int fd;
    bool standard_output, runs;
    pthread_t thread;
    const struct allocator *allocator;
};

size_t spool_room(const struct spool *s)
{
    const size_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    const size_t used = tail - atomic_load_explicit(&s->head, memory_order_acquire);
    return atomic_load_explicit(&s->failed, memory_order_relaxed) ? 0 : s->size - used;
}

bool spool_put(struct spool *s, const void *bytes, size_t length)
{
    const size_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    if (length > spool_room(s)) {
        s->lost++;
        return false;
    }
    const size_t at = tail & (s->size - 1), first = length < s->size - at ? length : s->size - at;
    memcpy(s->ring + at, bytes, first);
    memcpy(s->ring, (const uint8_t *)bytes + first, length - first);
    atomic_store_explicit(&s->tail, tail + length, memory_order_release);
    return true;
}

uint64_t spool_lost(const struct spool *s) { return s->lost; }

/* Writes a part of what is there; false: there is nothing. */
static bool drain(struct spool *s)
{
    const size_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    const size_t used = atomic_load_explicit(&s->tail, memory_order_acquire) - head;
    const size_t at = head & (s->size - 1), whole = used < s->size - at ? used : s->size - at;
    if (used == 0)
        return false;
    ssize_t n = atomic_load(&s->failed) ? (ssize_t)whole : write(s->fd, s->ring + at, whole);
    if (n < 0 && errno == EINTR)
        n = 0;
    if (n < 0) {
        atomic_store(&s->failed, errno);
        n = (ssize_t)whole;
    }
    atomic_store_explicit(&s->head, head + (size_t)n, memory_order_release);
    return true;
}

static void *run(void *argument)
{
    struct spool *s = argument;
    for (;;) {
        const bool last = atomic_load(&s->ends);
        while (drain(s)) {}
        if (last)
            return NULL;
        clock_sleep(LOOK_EVERY_NS);
    }
}

/* Signals are for the thread that waits for them. */
static bool start(struct spool *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->runs = pthread_create(&s->thread, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->runs;
}

static int fail(struct spool *s, int error, char message[256], const char *path)
{
    (void)snprintf(message, 256, "cannot write %.120s: %s", path,
                   error == ERR_SYSTEM ? strerror(errno) : err_text(error));
    (void)spool_close(s);
    return error;
}

int spool_open(const char *path, size_t bytes, const struct allocator *a, struct spool **out, char message[256])
{
    struct spool *s = alloc_zeroed(a, sizeof *s, _Alignof(struct spool));
    if (!s)
        return fail(NULL, ERR_NO_MEMORY, message, path);
    s->allocator = a;
    s->fd = -1;
    s->size = bytes;
    s->ring = alloc_zeroed(a, bytes, CACHE_LINE);
    if (!s->ring)
        return fail(s, ERR_NO_MEMORY, message, path);
    s->standard_output = strcmp(path, "-") == 0;
    s->fd = s->standard_output ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (s->fd < 0)
        return fail(s, ERR_SYSTEM, message, path);
    if (!start(s))
        return fail(s, ERR_NO_MEMORY, message, path);
    *out = s;
    return 0;
}

int spool_close(struct spool *s)
{
    if (!s)
        return 0;
    if (s->runs) {
        atomic_store(&s->ends, true);
        pthread_join(s->thread, NULL);
    }
    int why = atomic_load(&s->failed);
    if (s->fd >= 0 && !s->standard_output && close(s->fd) != 0 && !why)
        why = errno;
    alloc_free(s->allocator, s->ring, s->size);
    alloc_free(s->allocator, s, sizeof *s);
    errno = why;
    return why ? ERR_SYSTEM : 0;
}
