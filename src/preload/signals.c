/* SPDX-License-Identifier: MIT */
/*
 * The program's signal handlers run behind one of ours, which defers signals that come while their thread is inside the stack (weir_defer_signal): so calls of
 * the stack need not bar them, two system calls each. The program sees its own handlers. Handlers that it installs without the C library's functions
 * (by a system call of its own) run at once, and must not use sockets.
 */
#define _GNU_SOURCE
#include "preload/preload.h"

typedef void handler_fn(int number, siginfo_t *info, void *context);

/* By signal: what the program installed, while ours is the kernel's handler. The flags are those that the kernel's lack. */
static _Atomic(handler_fn *) handlers[_NSIG];
static _Atomic int flags[_NSIG];
static atomic_flag changing = ATOMIC_FLAG_INIT;
static _Atomic pid_t process;

/* Whoever was changing something when we were forked is not here. */
void signals_begin(void)
{
    atomic_store(&process, getpid());
    atomic_flag_clear(&changing);
}

/* In memory shared by vfork: our process's handlers are not this one's to change. */
static bool is_foreign(void)
{
    pid_t ours = atomic_load(&process);
    return ours != 0 && ours != getpid();
}

static bool is_handler(const struct sigaction *a) { return a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN; }

static void on_signal(int number, siginfo_t *info, void *context)
{
    if (weir_defer_signal(number, info, context))
        return;
    handler_fn *handler = atomic_load(&handlers[number]);
    if (atomic_load(&flags[number]) & (int)SA_RESETHAND) {
        const struct sigaction none = {.sa_handler = SIG_DFL};
        (void)kernel()->sigaction(number, &none, NULL);
    }
    handler(number, info, context); /* one that takes the number alone does not see the rest */
}

/* What the kernel said of a signal, as the program installed it. */
static void tell(handler_fn *handler, int lacking, struct sigaction *a)
{
    if (a->sa_sigaction != on_signal)
        return;
    a->sa_flags = (a->sa_flags & ~SA_SIGINFO) | lacking;
    a->sa_sigaction = handler;
}

/* A handler is there before the kernel knows of it. */
static int change(int number, const struct sigaction *wanted, struct sigaction *was)
{
    handler_fn *handler = atomic_load(&handlers[number]);
    int lacking = atomic_load(&flags[number]);
    struct sigaction ours;
    if (wanted && is_handler(wanted) && !is_foreign()) {
        ours = *wanted;
        ours.sa_sigaction = on_signal;
        ours.sa_flags = (wanted->sa_flags | SA_SIGINFO) & ~(int)SA_RESETHAND;
        atomic_store(&flags[number], wanted->sa_flags & (SA_SIGINFO | (int)SA_RESETHAND));
        atomic_store(&handlers[number], wanted->sa_sigaction);
        wanted = &ours;
    }
    int result = kernel()->sigaction(number, wanted, was);
    if (result == 0 && was)
        tell(handler, lacking, was);
    if (result < 0 && wanted == &ours) {
        atomic_store(&flags[number], lacking);
        atomic_store(&handlers[number], handler);
    }
    return result;
}

/* May be called in a handler: nobody who changes something is interrupted by one. */
EXPORT int sigaction(int number, const struct sigaction *wanted, struct sigaction *was)
{
    sigset_t all, before;
    if (number <= 0 || number >= _NSIG)
        return kernel()->sigaction(number, wanted, was);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (atomic_flag_test_and_set(&changing))
        ;
    int result = change(number, wanted, was);
    atomic_flag_clear(&changing);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static sighandler_t install(int number, sighandler_t handler, int how, bool bars_itself)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = how}, was;
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if (bars_itself && sigaddset(&a.sa_mask, number) < 0)
        return SIG_ERR;
    return sigaction(number, &a, &was) < 0 ? SIG_ERR : was.sa_handler;
}

EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler);

EXPORT sighandler_t signal(int number, sighandler_t handler) { return install(number, handler, SA_RESTART, true); }
EXPORT sighandler_t ssignal(int number, sighandler_t handler) { return signal(number, handler); }
sighandler_t bsd_signal(int number, sighandler_t handler) { return signal(number, handler); }

sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return install(number, handler, (int)(SA_RESETHAND | SA_NODEFER), false);
}
EXPORT sighandler_t sysv_signal(int number, sighandler_t handler) { return __sysv_signal(number, handler); }
