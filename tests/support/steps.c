/* SPDX-License-Identifier: MIT */
/*
 * Counts instructions by single-stepping: the trap flag is set, and every instruction raises SIGTRAP, whose handler
 * counts. An exact number that is the same each time, from inside the process, without privileges. Repetitions of one
 * string instruction count once. Slow (some microseconds an instruction): for single packets. One count at a time.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "support/hostile.h"
#include "support/sanitized.h"

#if defined(__x86_64__) && !defined(SANITIZED)

static volatile uint64_t steps;
static volatile greg_t last_at;
static struct sigaction before;

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    greg_t at = ((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    if (at != last_at)
        steps++;
    last_at = at;
}

bool steps_begin(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    if (sigaction(SIGTRAP, &action, &before) != 0)
        return false;
    steps = 0;
    /* Behind the red zone. */
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orl $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    return true;
}

uint64_t steps_end(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andl $0xfffffeff, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    sigaction(SIGTRAP, &before, NULL);
    return steps;
}

#else

bool steps_begin(void) { return false; }
uint64_t steps_end(void) { return 0; }

#endif
