/* SPDX-License-Identifier: MIT */
/*
 * Where `weir capture` gets frames from: an interface that is looked at from aside (packet:), a capture file at full
 * speed (pcap:), or any other location as the one end of its link. All give records that match the filter.
 */
#ifndef WEIR_CLI_CAPTURE_SOURCE_H
#define WEIR_CLI_CAPTURE_SOURCE_H

#include "cli/command.h"
#include "link/sniffer.h"

#define CAPTURE_BURST SNIFFER_BURST

struct capture_source;
struct capture_counts {
    uint64_t received; /* frames that the filter let through, those dropped included */
    uint64_t dropped;  /* because nobody took them in time */
};

/* filter is borrowed. EXIT_MET, or EXIT_USAGE or EXIT_REFUSED after a message. */
MUST_CHECK int capture_source_open(const char *location, const struct filter *filter, uint32_t snap_length,
                                   bool promiscuous, struct capture_source **out);
void capture_source_close(struct capture_source *s);
/*
 * Up to CAPTURE_BURST records, valid until the next call; 0: none now. Negative: the end, with *result EXIT_MET or,
 * after a message, another exit code.
 */
int capture_source_read(struct capture_source *s, struct pcap_record records[CAPTURE_BURST], int *result);
/* Waits until frames may be there, a signal came or so many milliseconds have passed. */
void capture_source_wait(struct capture_source *s, int timeout_ms);
struct capture_counts capture_source_counts(struct capture_source *s);

#endif
