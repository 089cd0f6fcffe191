/* SPDX-License-Identifier: MIT */
/*
 * What all commands share: see command.h.
 */
#include "cli/command.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "config/suggest.h"

void complain(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("weir: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

struct command_hint command_suggest(const char *typed, const char *const *names)
{
    struct command_hint hint = {""};
    struct config_suggestion s = config_suggest_begin(typed);
    for (; *names; names++)
        config_suggest_try(&s, *names);
    if (s.name)
        snprintf(hint.text, sizeof hint.text, "; did you mean '%s'?", s.name);
    return hint;
}

int exit_code_of(int error)
{
    if (error >= 0)
        return EXIT_MET;
    return error == ERR_INVALID || error == ERR_MALFORMED || error == ERR_UNSUPPORTED ? EXIT_USAGE : EXIT_REFUSED;
}

static bool reader_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

int standard_output_sink(void *context, const char *bytes, size_t length)
{
    (void)context;
    return fwrite(bytes, 1, length, stdout) == length ? 0 : ERR_SYSTEM;
}

int flush_standard_output(void)
{
    errno = 0;
    bool flushed = fflush(stdout) == 0;
    if ((flushed && !ferror(stdout)) || reader_is_gone())
        return EXIT_MET;
    complain("cannot write to standard output: %s", errno ? strerror(errno) : "an earlier write failed");
    return EXIT_REFUSED;
}
