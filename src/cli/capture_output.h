/* SPDX-License-Identifier: MIT */
/*
 * Where `weir capture` writes frames to: one file, or numbered files (web_00001.pcapng, web_00002.pcapng, ...), of
 * which the oldest are removed when only so many may be kept. A frame is never divided between files, and each file has
 * one at least.
 */
#ifndef WEIR_CLI_CAPTURE_OUTPUT_H
#define WEIR_CLI_CAPTURE_OUTPUT_H

#include "cli/command.h"
#include "link/pcap.h"

struct capture_output_settings {
    const char *path, *format; /* format NULL: by the path's ending */
    const char *location, *filter, *comment;
    uint32_t snap_length;
    uint64_t file_bytes; /* 0: one file */
    int64_t file_ns;     /* of the frames' times; 0: one file */
    uint32_t files;      /* how many are kept; 0: all */
};

struct capture_output;
/* The texts are borrowed. EXIT_MET, or EXIT_USAGE or EXIT_REFUSED after a message. */
MUST_CHECK int capture_output_open(const struct capture_output_settings *s, struct capture_output **out);
/* Negative: it takes no more, which capture_output_close tells of. */
MUST_CHECK int capture_output_put(struct capture_output *o, const struct pcap_record *record);
/* For somebody who reads along. The same error. */
MUST_CHECK int capture_output_flush(struct capture_output *o);
/* Files begun so far, those removed included. */
uint32_t capture_output_files(const struct capture_output *o);
/* s: what the last file tells at its end; NULL: nothing. EXIT_MET, or EXIT_REFUSED after a message. */
MUST_CHECK int capture_output_close(struct capture_output *o, const struct pcap_statistics *s);

#endif
