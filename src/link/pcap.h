/* SPDX-License-Identifier: MIT */
/*
 * Capture files: classic pcap (microseconds or nanoseconds, either byte order) and pcapng.
 * pcap_reader gives frames with their times, pcap_writer takes them; pcap_link_new makes a link that replays a file on
 * rx by time and writes what is transmitted; capture_link_new is a link over a link that writes what passes both ways.
 */
#ifndef WEIR_LINK_PCAP_H
#define WEIR_LINK_PCAP_H

#include "packet/link.h"

#define PCAP_LINK_ETHERNET 1u
#define PCAP_RECORD_MAX 262144u /* longest record; what tcpdump and Wireshark write at most */

enum pcap_direction { PCAP_DIRECTION_UNKNOWN, PCAP_INBOUND, PCAP_OUTBOUND };

struct pcap_record {
    int64_t time_ns;               /* since the epoch of the file's clock, from 0 */
    uint32_t captured, original;   /* captured <= original, without FCS */
    uint32_t link_type;            /* PCAP_LINK_ETHERNET or another; of the writer only Ethernet */
    enum pcap_direction direction; /* this and the next two are for the writer of pcapng; not read */
    uint32_t interface;            /* 0, or 1 for second_interface */
    const char *comment;           /* NULL or "": none; cut at PCAP_COMMENT_MAX bytes */
    const uint8_t *bytes;          /* valid until the next read */
};

struct pcap_reader;
/*
 * Ethernet only. ERR_NOT_FOUND, ERR_DENIED, ERR_SYSTEM, ERR_MALFORMED, ERR_UNSUPPORTED (other formats and versions, or
 * the first record not Ethernet), ERR_NO_MEMORY; message says what was found and what can be read.
 */
MUST_CHECK int pcap_reader_open(const char *path, struct pcap_reader **out, char message[256]);
/* The same for any link type. */
MUST_CHECK int pcap_reader_open_any(const char *path, struct pcap_reader **out, char message[256]);
/* Of the file; pcapng: of its first record. */
uint32_t pcap_reader_link_type(const struct pcap_reader *r);
/* Records read so far. */
uint64_t pcap_reader_records(const struct pcap_reader *r);
/*
 * 1 and a record, 0 at the end; at a bad record and ever after ERR_TRUNCATED, ERR_MALFORMED (longer than
 * PCAP_RECORD_MAX; pcapng: a block that contradicts itself), ERR_UNSUPPORTED (pcapng: another version, or another link
 * type than Ethernet where only that is wanted).
 */
MUST_CHECK int pcap_reader_next(struct pcap_reader *r, struct pcap_record *out);
void pcap_reader_close(struct pcap_reader *r);

enum pcap_format {
    PCAP_FORMAT_BY_NAME, /* pcapng when the path ends with ".pcapng", else classic */
    PCAP_FORMAT_CLASSIC,
    PCAP_FORMAT_PCAPNG,
};

/*
 * Zero is a good value for all but the path. The texts are for pcapng; each may be NULL and is cut at PCAP_TEXT_MAX
 * bytes.
 */
struct pcap_writer_settings {
    const char *path; /* "-": standard output */
    enum pcap_format format;
    uint32_t snap_length; /* 0: whole frames */
    const char *interface, *filter, *comment;
    const char *second_interface; /* pcapng: NULL: one interface only */
    /*
     * Takes whole records in the place of a file, or false: these records are lost, later ones may do better. NULL: the
     * file at path, whose ending still tells the format.
     */
    bool (*sink)(void *context, const void *bytes, size_t length);
    void *sink_context;
};
#define PCAP_TEXT_MAX 4096u
#define PCAP_COMMENT_MAX 256u

/* What is known of an interface at the end of a capture; UINT64_MAX: not known. */
struct pcap_statistics {
    int64_t start_ns, end_ns;
    uint64_t received, dropped; /* by the interface */
    uint64_t accepted;          /* by the filter */
    uint64_t os_dropped;        /* by the system, of these */
    uint64_t delivered;         /* to the user */
};

struct pcap_writer;
/* Nanoseconds, Ethernet, this machine's byte order. ERR_SYSTEM, ERR_NO_MEMORY; message says what was found. */
MUST_CHECK int pcap_writer_open(const struct pcap_writer_settings *s, struct pcap_writer **out, char message[256]);
/*
 * Buffered; `captured` bytes are there, of which the snap length is written. ERR_SYSTEM when the file takes no more: it
 * then ends with the last whole record that got there, and this and all later ones are lost and counted. Classic:
 * time_ns up to 2^32 seconds.
 */
int pcap_writer_put(struct pcap_writer *w, const struct pcap_record *record);
/* A whole frame. */
static inline int pcap_writer_write(struct pcap_writer *w, int64_t time_ns, const uint8_t *bytes, uint32_t length)
{
    return pcap_writer_put(
        w, &(struct pcap_record){.time_ns = time_ns, .captured = length, .original = length, .bytes = bytes});
}
/* At the end of a capture; the classic format has no place for it. */
int pcap_writer_put_statistics(struct pcap_writer *w, const struct pcap_statistics *s);
/* Hands what is buffered to the file, for somebody who reads along. */
int pcap_writer_flush(struct pcap_writer *w);
uint64_t pcap_writer_lost(const struct pcap_writer *w);
/* How long the file is with what is buffered; and how much a record and the end of the file may add to it. */
uint64_t pcap_writer_bytes(const struct pcap_writer *w);
uint64_t pcap_record_bytes(const struct pcap_record *record);
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
 * Takes over lower when it succeeds (closes it with itself). The path's ending chooses the format. Frames are written
 * as packet_finish makes them, from a copy: the lower link sees the original. Times in the file are `now`, plus what
 * capture_link_set_epoch says (the wall clock less the monotonic one).
 */
MUST_CHECK int capture_link_new(struct link *lower, const char *path, const struct allocator *a, struct link **out,
                                char message[256]);
void capture_link_set_epoch(struct link *capture, int64_t epoch_ns);
/* Frames that could not be written. */
uint64_t capture_link_lost(const struct link *capture);

#endif
