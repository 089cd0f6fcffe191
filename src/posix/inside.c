/* SPDX-License-Identifier: MIT */
/*
 * While a thread of the program is inside, its signals wait and it is not cancelled, so that it never leaves the stack owned: a handler that calls the stack,
 * leaves by longjmp or exits finds it free.
 *
 * Signals are barred around the call, which takes two system calls, or (weir_stack_options.defer_signals) only once one comes: its handler then asks
 * weir_defer_signal, which bars them in the thread that it interrupted and sends this one again, so that it comes when the thread leaves. Who is going to sleep
 * inside bars them before (inside_bar).
 *
 * `before` is what the outermost handler interrupted: handlers that come before it has barred the others end before it writes that.
 */
#define _GNU_SOURCE /* syscall, ucontext */
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "posix/private.h"

#define KERNEL_MASK_BYTES (_NSIG / 8) /* of sigset_t in what a handler interrupted, which the kernel wrote and reads */

static _Thread_local struct {
    const struct weir_stack *volatile stack; /* inside of which, while its signals are deferred; NULL */
    volatile sig_atomic_t barred;            /* by weir_defer_signal; then */
    sigset_t before;
} inside __attribute__((tls_model("initial-exec")));

void inside_enter(const struct weir_stack *w, struct outside *o)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &o->cancel_state);
    o->barred = !w->defer_signals;
    if (o->barred)
        pthread_sigmask(SIG_BLOCK, &w->asynchronous, &o->signals);
    else
        inside.stack = w;
    atomic_signal_fence(memory_order_seq_cst);
}

/* No handler defers any more. True: one did. */
static bool end_deferring(sigset_t *before)
{
    inside.stack = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    if (!inside.barred)
        return false;
    inside.barred = 0;
    *before = inside.before;
    return true;
}

void inside_bar(const struct weir_stack *w, struct outside *o)
{
    if (o->barred)
        return;
    pthread_sigmask(SIG_BLOCK, &w->asynchronous, &o->signals);
    (void)end_deferring(&o->signals);
    o->barred = true;
}

void inside_leave(struct outside *o)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (o->barred || end_deferring(&o->signals))
        pthread_sigmask(SIG_SETMASK, &o->signals, NULL);
    pthread_setcancelstate(o->cancel_state, NULL);
}

/* It comes again as it came, last of its number; without what came with it where the kernel has no room for that. */
static void send_again(int number, siginfo_t *info)
{
    pid_t process = getpid(), thread = (pid_t)syscall(SYS_gettid);
    if (syscall(SYS_rt_tgsigqueueinfo, process, thread, number, info) != 0)
        (void)syscall(SYS_tgkill, process, thread, number);
}

bool weir_defer_signal(int number, void *info, void *context)
{
    const struct weir_stack *w = inside.stack;
    ucontext_t *interrupted = context;
    if (!w || sigismember(&w->asynchronous, number) != 1)
        return false;
    int error = errno;
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, &w->asynchronous, NULL);
    sigemptyset(&before);
    memcpy(&before, &interrupted->uc_sigmask, KERNEL_MASK_BYTES);
    inside.before = before;
    inside.barred = 1;
    sigorset(&after, &before, &w->asynchronous);
    memcpy(&interrupted->uc_sigmask, &after, KERNEL_MASK_BYTES);
    send_again(number, info);
    errno = error;
    return true;
}
