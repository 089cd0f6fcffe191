/* SPDX-License-Identifier: MIT */
/*
 * The table by descriptor, and its files: see preload.h. Both arrays are as large as the hard limit of descriptors, and touched only where used. A file lies
 * at the number for which it was made, or, when a duplicate holds that place, at the next free one.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/resource.h>

#include "preload/preload.h"

#define MOST_DESCRIPTORS (1u << 20)

_Atomic(struct file *) *table;
uint32_t table_size;
static struct file *files;
static _Atomic uint32_t end; /* behind the highest number that ever was ours */
static pid_t memory_pid;     /* whose memory this is */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    struct rlimit limit;
    uint32_t size = MOST_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < size)
        size = (uint32_t)limit.rlim_max;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *t = mmap(NULL, size * sizeof *table, PROT_READ | PROT_WRITE, flags, -1, 0);
    void *f = mmap(NULL, size * sizeof *files, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (t == MAP_FAILED || f == MAP_FAILED)
        return;
    memory_pid = getpid();
    table = t;
    files = f;
    atomic_thread_fence(memory_order_release);
    table_size = size;
}

bool memory_is_borrowed(void) { return getpid() != memory_pid; }

static struct file *take_slot(uint32_t from)
{
    for (uint32_t i = 0; i < table_size; i++) {
        struct file *f = &files[(from + i) % table_size];
        uint32_t none = 0;
        if (atomic_compare_exchange_strong(&f->references, &none, 1))
            return f;
    }
    errno = ENFILE;
    return NULL;
}

struct file *file_new(int fd, enum kind kind)
{
    pthread_once(&once, make_table);
    if ((unsigned)fd >= table_size) {
        errno = table_size ? EMFILE : ENOMEM;
        return NULL;
    }
    struct file *f = take_slot((uint32_t)fd);
    if (!f)
        return NULL;
    f->domain = f->type = f->protocol = 0;
    f->weir = f->event = -1;
    f->options = NULL;
    f->registrations = NULL;
    atomic_store_explicit(&f->kind, kind, memory_order_release);
    return f;
}

void file_show(int fd, struct file *f)
{
    uint32_t now = atomic_load(&end);
    while (now <= (uint32_t)fd && !atomic_compare_exchange_weak(&end, &now, (uint32_t)fd + 1))
        ;
    atomic_store_explicit(&table[fd], f, memory_order_release);
}

void file_share(int number, int old)
{
    struct file *f = file_of(old);
    if (!f || (unsigned)number >= table_size)
        return;
    atomic_fetch_add(&f->references, 1);
    file_show(number, f);
}

/* What is the stack's goes, unless the stack is another process's. */
static void dispose(struct file *f)
{
    struct weir_stack *stack = stack_now();
    if (stack && f->weir >= 0 && file_kind(f) != LOST)
        (void)weir_close(stack, f->weir);
    if (f->event >= 0)
        kernel()->close(f->event);
    pthread_mutex_lock(&undecided_lock);
    options_free(f);
    registrations_free(f);
    pthread_mutex_unlock(&undecided_lock);
    f->weir = f->event = -1;
}

/* The last to let go still has a reference while it disposes, so that nobody takes the place meanwhile. */
static void let_go(struct file *f)
{
    uint32_t n = atomic_load(&f->references);
    while (n > 1 && !atomic_compare_exchange_weak(&f->references, &n, n - 1))
        ;
    if (n > 1)
        return;
    dispose(f);
    atomic_store(&f->references, 0);
}

void file_remove(int fd)
{
    struct file *f = (unsigned)fd < table_size ? atomic_exchange(&table[fd], NULL) : NULL;
    if (f)
        let_go(f);
}

void file_forget(int number, struct file *f)
{
    uint32_t last = atomic_load(&end), duplicates = atomic_load(&f->references) - 1;
    file_remove(number);
    for (uint32_t fd = 0; fd < last && duplicates > 0; fd++)
        if (atomic_load(&table[fd]) == f) {
            file_remove((int)fd);
            duplicates--;
        }
}

bool file_next(int *fd, int last)
{
    int most = (int)atomic_load(&end) - 1;
    for (last = last < most ? last : most; *fd <= last; ++*fd)
        if (file_of(*fd))
            return true;
    return false;
}

void table_forked(void)
{
    memory_pid = getpid();
    for (int fd = 0; file_next(&fd, INT32_MAX); fd++) {
        struct file *f = file_of(fd);
        if (file_kind(f) == WEIR)
            atomic_store(&f->kind, LOST);
        f->weir = -1;
    }
}
