/* SPDX-License-Identifier: MIT */
/*
 * The capture writer's inside, shared by its two formats: classic (pcap_write.c) and pcapng (pcapng_write.c). Users
 * include link/pcap.h.
 *
 * Invariant: the buffer holds whole records (blocks) only, and has room for the longest one when it is empty.
 */
#ifndef WEIR_LINK_PCAP_WRITER_H
#define WEIR_LINK_PCAP_WRITER_H

#include <string.h>

#include "link/pcap.h"
#include "link/pcap_format.h"
#include "link/pcapng_format.h"

#define PCAP_WRITER_OVERHEAD 64u /* what either format adds to a record's bytes and its comment at most */
#define PCAP_WRITER_END 128u     /* what the statistics at the end take at most */
#define PCAP_WRITER_BYTES (PCAP_RECORD_MAX + PCAP_WRITER_OVERHEAD + PCAP_COMMENT_MAX)

struct pcap_writer {
    int fd;
    bool standard_output, pcapng;
    uint32_t snap_length;
    uint64_t written_bytes; /* in the file: whole records */
    uint64_t lost;
    uint32_t records; /* in the buffer */
    uint32_t used;
    int error; /* sticks */
    bool (*sink)(void *context, const void *bytes, size_t length);
    void *sink_context;
    uint8_t buffer[PCAP_WRITER_BYTES];
};

static inline void pcap_put_bytes(struct pcap_writer *w, const void *bytes, uint32_t length)
{
    memcpy(w->buffer + w->used, bytes, length);
    w->used += length;
}
static inline void pcap_put16(struct pcap_writer *w, uint16_t v) { pcap_put_bytes(w, &v, sizeof v); }
static inline void pcap_put32(struct pcap_writer *w, uint32_t v) { pcap_put_bytes(w, &v, sizeof v); }

static inline uint32_t pcap_comment_length(const struct pcap_record *r)
{
    return r->comment ? (uint32_t)min_u64(strlen(r->comment), PCAP_COMMENT_MAX) : 0;
}

/* Each writes one thing to the buffer, which has room for it. */
void pcapng_put_section(struct pcap_writer *w, const struct pcap_writer_settings *s);
void pcapng_put_interface(struct pcap_writer *w, const char *name, const char *filter);
void pcapng_put_packet(struct pcap_writer *w, const struct pcap_record *record, uint32_t captured);
void pcapng_put_statistics(struct pcap_writer *w, const struct pcap_statistics *s);

#endif
