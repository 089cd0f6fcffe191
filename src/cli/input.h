/* SPDX-License-Identifier: MIT */
/*
 * Reads a whole file, or standard input, into memory, up to a limit.
 */
#ifndef WEIR_CLI_INPUT_H
#define WEIR_CLI_INPUT_H

#include "cli/command.h"

struct input {
    const char *name; /* for messages: the path, or "standard input" */
    char *bytes;      /* never NULL after success; not closed by a NUL */
    size_t length, capacity;
};

/*
 * path "-": standard input. EXIT_MET, or after a message EXIT_USAGE (no such file, a directory, too large),
 * EXIT_REFUSED.
 */
MUST_CHECK int input_read(struct input *in, const char *path, size_t limit);
void input_free(struct input *in);

#endif
