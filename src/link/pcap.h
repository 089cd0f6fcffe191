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
    int64_t time_ns; /* since the epoch of the file's clock */
    uint32_t captured, original;
    const uint8_t *bytes; /* valid until the next read */
};
/* ERR_NOT_FOUND, ERR_MALFORMED, ERR_UNSUPPORTED (pcapng, or not Ethernet: link_type tells), ERR_NO_MEMORY; message says what was found. */
MUST_CHECK int pcap_reader_open(const char *path, struct pcap_reader **out, char message[256]);
uint32_t pcap_reader_link_type(const struct pcap_reader *r);
/* 1 and a record, 0 at the end, ERR_TRUNCATED or ERR_MALFORMED at a bad record (then ends). */
MUST_CHECK int pcap_reader_next(struct pcap_reader *r, struct pcap_record *out);
void pcap_reader_close(struct pcap_reader *r);

struct pcap_writer;
/* Nanosecond format, Ethernet. path "-" is standard output. ERR_SYSTEM, ERR_NO_MEMORY. */
MUST_CHECK int pcap_writer_open(const char *path, uint32_t snap_length, struct pcap_writer **out, char message[256]);
/* Buffered; ERR_SYSTEM when the disk is full: the writer then counts what it could not write. */
int pcap_writer_write(struct pcap_writer *w, int64_t time_ns, const uint8_t *bytes, uint32_t length);
/* Flushes. ERR_SYSTEM when not everything reached the file. */
int pcap_writer_close(struct pcap_writer *w);

struct pcap_link_settings {
    const char *read_path;  /* or NULL */
    const char *write_path; /* or NULL */
    uint32_t frames;        /* default 1024 */
    bool loop;              /* start again at the end of the file */
};
void pcap_link_settings_default(struct pcap_link_settings *s);
MUST_CHECK int pcap_link_new(const struct pcap_link_settings *s, const struct allocator *a, struct link **out, char message[256]);

/* Takes over lower (closes it with itself). Frames are written after packet_finish on a copy of the state: the lower link sees the original. */
MUST_CHECK int capture_link_new(struct link *lower, const char *path, const struct allocator *a, struct link **out, char message[256]);

#endif
