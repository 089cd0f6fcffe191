/* SPDX-License-Identifier: MIT */
/*
 * Counting signals: see interrupt.h. The handler does nothing but count, until somebody really means it.
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_uint interrupts, hangups;
static atomic_int cursor_owner = -1;

static void handle(int number)
{
    if (atomic_fetch_add(&interrupts, 1) < 2)
        return;
    static const char show_cursor[] = "\n\033[?25h";
    int terminal = atomic_load(&cursor_owner);
    if (terminal >= 0)
        (void)!write(terminal, show_cursor, sizeof show_cursor - 1);
    _exit(128 + number);
}

void interrupt_install(int terminal)
{
    atomic_store(&cursor_owner, terminal);
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void handle_hangup(int number)
{
    (void)number;
    (void)atomic_fetch_add(&hangups, 1);
}

void interrupt_take_hangups(void)
{
    struct sigaction action = {.sa_handler = handle_hangup};
    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
}

unsigned interrupt_hangups(void) { return atomic_load(&hangups); }

unsigned interrupt_count(void) { return atomic_load(&interrupts); }
