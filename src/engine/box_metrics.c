/* SPDX-License-Identifier: MIT */
/*
 * Writing the file: see box_metrics.h; its text is in box_metrics_text.c.
 */
#include "engine/box_metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/clock.h"

#define EVERY_NS NS_PER_S
#define LOOK_EVERY_NS (20 * NS_PER_MS)

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        const ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return errno;
        bytes += n;
        length -= (size_t)n;
    }
    return 0;
}

/* 0 or errno. */
static int replace_file(const struct box_metrics *m)
{
    char beside[4096];
    if (snprintf(beside, sizeof beside, "%s.tmp", m->path) >= (int)sizeof beside)
        return ENAMETOOLONG;
    const int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    int why = write_all(fd, m->text, m->length);
    if (close(fd) != 0 && !why)
        why = errno;
    if (!why && rename(beside, m->path) != 0)
        why = errno;
    if (why)
        (void)unlink(beside);
    return why;
}

static void *run(void *argument)
{
    struct box_metrics *m = argument;
    for (;;) {
        const bool last = atomic_load(&m->ends);
        if (atomic_load_explicit(&m->full, memory_order_acquire)) {
            atomic_store(&m->failed, replace_file(m));
            atomic_store_explicit(&m->full, false, memory_order_release);
        }
        if (last)
            return NULL;
        clock_sleep(LOOK_EVERY_NS);
    }
}

static void print(struct box_metrics *m, const struct box_facts *f)
{
    const size_t length = box_metrics_print(m->text, sizeof m->text, f);
    m->length = length < sizeof m->text ? length : sizeof m->text - 1;
}

int box_metrics_open(struct box_metrics *m, const char *path, const struct box_facts *f, int64_t now, char message[256])
{
    *m = (struct box_metrics){.path = path, .due_at = now + EVERY_NS};
    if (!path)
        return 0;
    print(m, f);
    const int why = replace_file(m);
    if (why) {
        (void)snprintf(message, 256, "cannot write %.120s: %s", path, strerror(why));
        return ERR_SYSTEM;
    }
    sigset_t all, before; /* signals are for the thread that waits for them */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    m->runs = pthread_create(&m->thread, NULL, run, m) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!m->runs)
        (void)snprintf(message, 256, "cannot start a thread");
    return m->runs ? 0 : ERR_NO_MEMORY;
}

void box_metrics_put(struct box_metrics *m, const struct box_facts *f, int64_t now)
{
    m->due_at = now + EVERY_NS;
    if (atomic_load_explicit(&m->full, memory_order_acquire))
        return; /* a slow disk: the next one will be newer */
    print(m, f);
    atomic_store_explicit(&m->full, true, memory_order_release);
}

int box_metrics_close(struct box_metrics *m, const struct box_facts *f, char message[256])
{
    if (!m->runs)
        return 0;
    atomic_store(&m->ends, true);
    pthread_join(m->thread, NULL);
    m->runs = false;
    print(m, f);
    const int why = replace_file(m);
    if (why)
        (void)snprintf(message, 256, "cannot write %.120s: %s", m->path, strerror(why));
    return why ? ERR_SYSTEM : 0;
}
