/* SPDX-License-Identifier: MIT */
/*
 * Capture files in the classic pcap format (microseconds or nanoseconds, either byte order), Ethernet.
 * pcap_reader gives frames with their times; pcap_link_new makes a link that replays a file on rx by time and writes what is transmitted;
 * capture_link_new is a link over a link that writes what passes both ways.
 */
#ifndef WEIR_LINK_PCAP_H
#define WEIR_LINK_PCAP_H

#include "packet/link.h"

struct pcap_reader;
struct pcap_record {
    int64_t time_ns;             /* since the epoch of the file's clock */
    uint32_t captured, original; /* captured <= original, without FCS */
    const uint8_t *bytes;        /* valid until the next read */
};
/*
 * ERR_NOT_FOUND, ERR_DENIED, ERR_SYSTEM, ERR_MALFORMED, ERR_UNSUPPORTED (pcapng and others, or not Ethernet), ERR_NO_MEMORY; message says what was
 * found and what can be read.
 */
MUST_CHECK int pcap_reader_open(const char *path, struct pcap_reader **out, char message[256]);
uint32_t pcap_reader_link_type(const struct pcap_reader *r);
/* Records read so far. */
uint64_t pcap_reader_records(const struct pcap_reader *r);
/* 1 and a record, 0 at the end, ERR_TRUNCATED or ERR_MALFORMED (longer than 256 KiB) at a bad record, and ever after. */
MUST_CHECK int pcap_reader_next(struct pcap_reader *r, struct pcap_record *out);
void pcap_reader_close(struct pcap_reader *r);

struct pcap_writer;
/* Nanosecond format, Ethernet. path "-" is standard output; snap_length 0: whole frames. ERR_SYSTEM, ERR_NO_MEMORY; message says what was found. */
MUST_CHECK int pcap_writer_open(const char *path, uint32_t snap_length, struct pcap_writer **out, char message[256]);
/*
 * Buffered. ERR_SYSTEM when the file takes no more: it then ends with the last whole record that got there, and this and all later ones are lost and
 * counted. time_ns from 0 to 2^32 seconds.
 */
int pcap_writer_write(struct pcap_writer *w, int64_t time_ns, const uint8_t *bytes, uint32_t length);
/* Hands what is buffered to the file, for somebody who reads along. */
int pcap_writer_flush(struct pcap_writer *w);
uint64_t pcap_writer_lost(const struct pcap_writer *w);
/* Flushes. ERR_SYSTEM when not everything reached the file. */
int pcap_writer_close(struct pcap_writer *w);

struct pcap_link_settings {
    const char *read_path;  /* or NULL: nothing is received */
    const char *write_path; /* or NULL: what is transmitted is counted and forgotten */
    uint32_t frames;        /* in each of the rx and tx pools; default 1024 */
    bool loop;              /* start again at the end of the file */
};
void pcap_link_settings_default(struct pcap_link_settings *s);
MUST_CHECK int pcap_link_new(const struct pcap_link_settings *s, const struct allocator *a, struct link **out,
                             char message[256]);

/*
 * Takes over lower when it succeeds (closes it with itself). Frames are written as packet_finish makes them, from a copy: the lower link sees the original.
 * Times in the file are `now`, plus what capture_link_set_epoch says (the wall clock less the monotonic one).
 */
MUST_CHECK int capture_link_new(struct link *lower, const char *path, const struct allocator *a, struct link **out,
                                char message[256]);
void capture_link_set_epoch(struct link *capture, int64_t epoch_ns);
/* Frames that could not be written. */
uint64_t capture_link_lost(const struct link *capture);

#endif
