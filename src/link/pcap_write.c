/* SPDX-License-Identifier: MIT */
/*
 * Writing capture files: the buffer, and the classic format (nanoseconds, this machine's byte order,
 * draft-ietf-opsawg-pcap); blocks of pcapng are in pcapng_write.c.
 *
 * Records collect in a buffer that only ever holds whole ones. When the file takes no more (disk full, reader of a pipe
 * gone), a file of ours is cut back to the last whole record, what is in the buffer and whatever comes later counts as
 * lost, and the error sticks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "link/pcap_writer.h"

static bool write_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        length -= (size_t)n;
    }
    return true;
}

static int flush_to_sink(struct pcap_writer *w)
{
    if (w->sink(w->sink_context, w->buffer, w->used))
        w->written_bytes += w->used;
    else
        w->lost += w->records;
    w->used = 0;
    w->records = 0;
    return 0;
}

static int flush(struct pcap_writer *w)
{
    if (w->error || w->used == 0)
        return w->error;
    if (w->sink)
        return flush_to_sink(w);
    if (write_all(w->fd, w->buffer, w->used)) {
        w->written_bytes += w->used;
    } else {
        int why = errno;
        w->error = ERR_SYSTEM;
        w->lost += w->records;
        if (!w->standard_output && ftruncate(w->fd, (off_t)w->written_bytes) == 0)
            (void)lseek(w->fd, 0, SEEK_END);
        errno = why;
    }
    w->used = 0;
    w->records = 0;
    return w->error;
}

static void put_file_header(struct pcap_writer *w)
{
    pcap_put32(w, PCAP_MAGIC_NS);
    pcap_put16(w, PCAP_VERSION_MAJOR);
    pcap_put16(w, PCAP_VERSION_MINOR);
    pcap_put32(w, 0);
    pcap_put32(w, 0);
    pcap_put32(w, w->snap_length);
    pcap_put32(w, PCAP_LINK_ETHERNET);
}

static void put_record(struct pcap_writer *w, const struct pcap_record *record, uint32_t captured)
{
    int64_t since_epoch = max_i64(record->time_ns, 0);
    pcap_put32(w, (uint32_t)(since_epoch / NS_PER_S));
    pcap_put32(w, (uint32_t)(since_epoch % NS_PER_S));
    pcap_put32(w, captured);
    pcap_put32(w, record->original);
    pcap_put_bytes(w, record->bytes, captured);
}

static bool is_pcapng(const struct pcap_writer_settings *s)
{
    static const char ending[] = ".pcapng";
    size_t length = strlen(s->path), behind = sizeof ending - 1;
    if (s->format != PCAP_FORMAT_BY_NAME)
        return s->format == PCAP_FORMAT_PCAPNG;
    return length >= behind && strcmp(s->path + length - behind, ending) == 0;
}

static void begin(struct pcap_writer *w, const struct pcap_writer_settings *s)
{
    w->standard_output = strcmp(s->path, "-") == 0;
    w->pcapng = is_pcapng(s);
    w->snap_length = s->snap_length == 0 ? PCAP_RECORD_MAX : min_u32(s->snap_length, PCAP_RECORD_MAX);
    w->written_bytes = w->lost = 0;
    w->records = w->used = 0;
    w->error = 0;
    w->sink = s->sink;
    w->sink_context = s->sink_context;
    if (w->pcapng) {
        pcapng_put_section(w, s);
        pcapng_put_interface(w, s->interface, s->filter);
        if (s->second_interface)
            pcapng_put_interface(w, s->second_interface, s->filter);
    } else {
        put_file_header(w);
    }
}

int pcap_writer_open(const struct pcap_writer_settings *s, struct pcap_writer **out, char message[256])
{
    message[0] = 0;
    struct pcap_writer *w = malloc(sizeof *w);
    if (!w) {
        snprintf(message, 256, "no memory to write %.120s", s->path);
        return ERR_NO_MEMORY;
    }
    begin(w, s);
    w->fd = w->sink              ? -1
            : w->standard_output ? STDOUT_FILENO
                                 : open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (w->fd < 0 && !w->sink) {
        snprintf(message, 256, "cannot write %.120s: %s", s->path, strerror(errno));
        free(w);
        return ERR_SYSTEM;
    }
    if (flush(w)) {
        snprintf(message, 256, "cannot write %.120s: %s", s->path, strerror(errno));
        (void)pcap_writer_close(w);
        return ERR_SYSTEM;
    }
    *out = w;
    return 0;
}

int pcap_writer_put(struct pcap_writer *w, const struct pcap_record *record)
{
    uint32_t captured = min_u32(record->captured, w->snap_length);
    if (w->used + PCAP_WRITER_OVERHEAD + captured + pcap_comment_length(record) > PCAP_WRITER_BYTES)
        (void)flush(w);
    if (w->error) {
        w->lost++;
        return w->error;
    }
    if (w->pcapng)
        pcapng_put_packet(w, record, captured);
    else
        put_record(w, record, captured);
    w->records++;
    return 0;
}

int pcap_writer_put_statistics(struct pcap_writer *w, const struct pcap_statistics *s)
{
    if (flush(w) == 0 && w->pcapng)
        pcapng_put_statistics(w, s);
    return w->error;
}

int pcap_writer_flush(struct pcap_writer *w) { return flush(w); }
uint64_t pcap_writer_lost(const struct pcap_writer *w) { return w->lost; }
uint64_t pcap_writer_bytes(const struct pcap_writer *w) { return w->written_bytes + w->used; }
uint64_t pcap_record_bytes(const struct pcap_record *record)
{
    return record->captured + pcap_comment_length(record) + PCAP_WRITER_OVERHEAD + PCAP_WRITER_END;
}

int pcap_writer_close(struct pcap_writer *w)
{
    if (!w)
        return 0;
    int error = flush(w);
    if (!w->sink && !w->standard_output && close(w->fd) != 0)
        error = ERR_SYSTEM;
    free(w);
    return error;
}
