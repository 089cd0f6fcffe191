/* SPDX-License-Identifier: MIT */
/*
 * Writing capture files: nanosecond format in this machine's byte order (draft-ietf-opsawg-pcap).
 *
 * Records collect in a buffer that only ever holds whole ones. When the file takes no more (disk full, reader of a pipe gone), a file of ours is cut back to the last
 * whole record, what is in the buffer and whatever comes later counts as lost, and the error sticks.
 */
#include "link/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "link/pcap_format.h"

#define BUFFER_BYTES (PCAP_RECORD_MAX + PCAP_RECORD_HEADER_BYTES)

struct pcap_writer {
    int fd;
    bool standard_output;
    uint32_t snap_length;
    uint64_t written_bytes; /* in the file: whole records */
    uint64_t lost;
    uint32_t records; /* in the buffer */
    uint32_t used;
    int error; /* sticks */
    uint8_t buffer[BUFFER_BYTES];
};

static void put32(struct pcap_writer *w, uint32_t v)
{
    memcpy(w->buffer + w->used, &v, sizeof v);
    w->used += (uint32_t)sizeof v;
}

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

static int flush(struct pcap_writer *w)
{
    if (w->error || w->used == 0)
        return w->error;
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
    put32(w, PCAP_MAGIC_NS);
    uint16_t version[2] = {PCAP_VERSION_MAJOR, PCAP_VERSION_MINOR};
    memcpy(w->buffer + w->used, version, sizeof version);
    w->used += (uint32_t)sizeof version;
    put32(w, 0);
    put32(w, 0);
    put32(w, w->snap_length);
    put32(w, PCAP_LINK_ETHERNET);
}

int pcap_writer_open(const char *path, uint32_t snap_length, struct pcap_writer **out, char message[256])
{
    message[0] = 0;
    struct pcap_writer *w = malloc(sizeof *w);
    if (!w) {
        snprintf(message, 256, "no memory to write %.120s", path);
        return ERR_NO_MEMORY;
    }
    w->standard_output = strcmp(path, "-") == 0;
    w->fd = w->standard_output ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    w->snap_length = snap_length == 0 ? PCAP_RECORD_MAX : min_u32(snap_length, PCAP_RECORD_MAX);
    w->written_bytes = w->lost = 0;
    w->records = w->used = 0;
    w->error = 0;
    if (w->fd < 0) {
        snprintf(message, 256, "cannot write %.120s: %s", path, strerror(errno));
        free(w);
        return ERR_SYSTEM;
    }
    put_file_header(w);
    if (flush(w)) {
        snprintf(message, 256, "cannot write %.120s: %s", path, strerror(errno));
        (void)pcap_writer_close(w);
        return ERR_SYSTEM;
    }
    *out = w;
    return 0;
}

int pcap_writer_write(struct pcap_writer *w, int64_t time_ns, const uint8_t *bytes, uint32_t length)
{
    uint32_t captured = min_u32(length, w->snap_length);
    if (w->used + PCAP_RECORD_HEADER_BYTES + captured > BUFFER_BYTES)
        (void)flush(w);
    if (w->error) {
        w->lost++;
        return w->error;
    }
    int64_t since_epoch = max_i64(time_ns, 0);
    put32(w, (uint32_t)(since_epoch / NS_PER_S));
    put32(w, (uint32_t)(since_epoch % NS_PER_S));
    put32(w, captured);
    put32(w, length);
    memcpy(w->buffer + w->used, bytes, captured);
    w->used += captured;
    w->records++;
    return 0;
}

int pcap_writer_flush(struct pcap_writer *w) { return flush(w); }
uint64_t pcap_writer_lost(const struct pcap_writer *w) { return w->lost; }

int pcap_writer_close(struct pcap_writer *w)
{
    if (!w)
        return 0;
    int error = flush(w);
    if (!w->standard_output && close(w->fd) != 0)
        error = ERR_SYSTEM;
    free(w);
    return error;
}
