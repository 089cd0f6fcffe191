/* SPDX-License-Identifier: MIT */
/*
 * The trace of stacks as a file: a line for each thing that happens, with the seconds since it was opened and the layer (base/trace.h), written with one
 * system call by whoever owns the stack then; several may write. Off, it costs a branch.
 */
#ifndef WEIR_ENGINE_TRACE_FILE_H
#define WEIR_ENGINE_TRACE_FILE_H

#include <stdint.h>

#include "base/trace.h"

struct trace_file {
    struct trace trace; /* its layers are 0: off */
    int64_t began;
    int fd; /* plus one; 0: none */
};

/*
 * Lines go to the end of that file, which is made when it is not there; "-": standard output. NULL: none. `layers`: a list of trace_layers_read, or NULL: all.
 * The record stays where it is. 0, or -errno with a text in message.
 */
int trace_file_open(struct trace_file *t, const char *path, const char *layers, int64_t now, char message[256]);
void trace_file_close(struct trace_file *t);

#endif
