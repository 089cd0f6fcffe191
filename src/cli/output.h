/* SPDX-License-Identifier: MIT */
/*
 * A file that results are written to, or standard output. It is opened before the run, so that a run is not lost to a
 * wrong path, and emptied only when results are there; one that was made for a run that did not start is removed.
 */
#ifndef WEIR_CLI_OUTPUT_H
#define WEIR_CLI_OUTPUT_H

#include <stdio.h>

#include "cli/command.h"

struct output {
    const char *path; /* NULL: not wanted */
    FILE *file;
    bool created, failed;
};

/* path NULL: nothing is wanted; "-": standard output. EXIT_MET, or EXIT_REFUSED after a message. */
MUST_CHECK int output_open(struct output *o, const char *path);
/* Empties the file; the results are written next. */
void output_begin(struct output *o);
/* All of it has arrived: EXIT_MET; else EXIT_REFUSED after a message. */
MUST_CHECK int output_finish(struct output *o);
/* Without results. After output_finish() nothing is left to do. */
void output_abandon(struct output *o);
/* A json_sink_fn; context: the struct output. */
int output_sink(void *context, const char *bytes, size_t length);

#endif
