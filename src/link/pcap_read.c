/* SPDX-License-Identifier: MIT */
/*
 * Reading capture files: draft-ietf-opsawg-pcap. The file is outside input: nothing in it is believed. A record longer than
 * PCAP_RECORD_MAX is malformed (no length field makes the reader allocate), and the first bad record ends the reading.
 *
 * The reader owns the file and one record's buffer.
 */
#include "link/pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/pcap_format.h"

struct pcap_reader {
    FILE *file;
    bool swapped; /* the file's byte order is not ours */
    uint32_t ns_per_fraction;
    uint32_t link_type;
    uint32_t fcs_bytes; /* at the end of each frame */
    uint64_t records;
    int error; /* sticks */
    uint8_t bytes[PCAP_RECORD_MAX];
};

static uint32_t get32(const struct pcap_reader *r, const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t get16(const struct pcap_reader *r, const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap16(v) : v;
}

/* Known formats that are not ours, by their first four bytes in order of the file. */
static const char *foreign_format(const uint8_t *magic)
{
    static const struct {
        uint8_t magic[4];
        uint8_t length;
        const char *name;
    } formats[] = {
        {{0x0a, 0x0d, 0x0d, 0x0a}, 4, "pcapng"},
        {{0x1f, 0x8b}, 2, "gzip-compressed"},
        {{0x28, 0xb5, 0x2f, 0xfd}, 4, "zstd-compressed"},
        {{0xfd, '7', 'z', 'X'}, 4, "xz-compressed"},
        {{'s', 'n', 'o', 'o'}, 4, "snoop"},
        {{0xa1, 0xb2, 0xcd, 0x34}, 4, "modified pcap (Kuznetzov)"},
        {{0x34, 0xcd, 0xb2, 0xa1}, 4, "modified pcap (Kuznetzov)"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (memcmp(magic, formats[i].magic, formats[i].length) == 0)
            return formats[i].name;
    return NULL;
}

static int read_magic(struct pcap_reader *r, const uint8_t *header, const char *path, char message[256])
{
    uint32_t magic;
    memcpy(&magic, header, sizeof magic);
    r->swapped = magic == __builtin_bswap32(PCAP_MAGIC_US) || magic == __builtin_bswap32(PCAP_MAGIC_NS);
    magic = get32(r, header);
    if (magic == PCAP_MAGIC_US || magic == PCAP_MAGIC_NS) {
        r->ns_per_fraction = magic == PCAP_MAGIC_NS ? 1 : 1000;
        return 0;
    }
    const char *foreign = foreign_format(header);
    if (foreign) {
        snprintf(message, 256, "%.120s is a %s file; only classic pcap can be read (editcap -F pcap converts)", path,
                 foreign);
        return ERR_UNSUPPORTED;
    }
    snprintf(message, 256, "%.120s is not a pcap file: it begins with %02x %02x %02x %02x", path, header[0], header[1],
             header[2], header[3]);
    return ERR_MALFORMED;
}

static int read_header(struct pcap_reader *r, const char *path, char message[256])
{
    uint8_t header[PCAP_FILE_HEADER_BYTES] = {0};
    size_t got = fread(header, 1, sizeof header, r->file);
    if (got < sizeof header && ferror(r->file)) {
        snprintf(message, 256, "cannot read %.120s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    int error = got < 4 ? 0 : read_magic(r, header, path, message);
    if (error)
        return error;
    if (got < sizeof header) {
        snprintf(message, 256, "%.120s has %zu bytes; the header of a pcap file has %u", path, got,
                 PCAP_FILE_HEADER_BYTES);
        return ERR_MALFORMED;
    }
    unsigned major = get16(r, header + 4), minor = get16(r, header + 6);
    if (major != PCAP_VERSION_MAJOR || minor < PCAP_VERSION_MINOR) {
        snprintf(message, 256, "%.120s is pcap version %u.%u; 2.4 can be read", path, major, minor);
        return ERR_UNSUPPORTED;
    }
    uint32_t link = get32(r, header + 20);
    r->link_type = link & PCAP_LINK_TYPE_MASK;
    r->fcs_bytes = link & PCAP_LINK_FCS_PRESENT ? (link >> PCAP_LINK_FCS_SHIFT) * 2 : 0;
    return 0;
}

static int cannot_open(const char *path, char message[256])
{
    snprintf(message, 256, "cannot open %.120s: %s", path, strerror(errno));
    return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_SYSTEM;
}

int pcap_reader_open(const char *path, struct pcap_reader **out, char message[256])
{
    message[0] = 0;
    struct pcap_reader *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(message, 256, "no memory to read %.120s", path);
        return ERR_NO_MEMORY;
    }
    r->file = fopen(path, "rbe");
    int error = r->file ? read_header(r, path, message) : cannot_open(path, message);
    if (!error && r->link_type != PCAP_LINK_ETHERNET) {
        snprintf(message, 256, "%.120s has link type %u; only Ethernet (%u) can be read", path, r->link_type,
                 PCAP_LINK_ETHERNET);
        error = ERR_UNSUPPORTED;
    }
    if (error) {
        pcap_reader_close(r);
        return error;
    }
    *out = r;
    return 0;
}

uint32_t pcap_reader_link_type(const struct pcap_reader *r) { return r->link_type; }
uint64_t pcap_reader_records(const struct pcap_reader *r) { return r->records; }

static int end_with(struct pcap_reader *r, int error)
{
    r->error = error;
    return error;
}

/* A frame that was captured with its FCS loses it, as far as it was captured. */
static void strip_fcs(const struct pcap_reader *r, struct pcap_record *record)
{
    record->original -= min_u32(record->original, r->fcs_bytes);
    record->captured = min_u32(record->captured, record->original);
}

int pcap_reader_next(struct pcap_reader *r, struct pcap_record *out)
{
    if (r->error)
        return r->error;
    uint8_t header[PCAP_RECORD_HEADER_BYTES];
    size_t got = fread(header, 1, sizeof header, r->file);
    if (got == 0 && !ferror(r->file))
        return 0;
    if (got < sizeof header)
        return end_with(r, ERR_TRUNCATED);
    *out = (struct pcap_record){.time_ns = (int64_t)get32(r, header) * NS_PER_S +
                                           (int64_t)get32(r, header + 4) * r->ns_per_fraction,
                                .captured = get32(r, header + 8),
                                .original = get32(r, header + 12),
                                .bytes = r->bytes};
    if (out->captured > PCAP_RECORD_MAX)
        return end_with(r, ERR_MALFORMED);
    if (fread(r->bytes, 1, out->captured, r->file) < out->captured)
        return end_with(r, ERR_TRUNCATED);
    out->original = max_u32(out->original, out->captured);
    if (r->fcs_bytes)
        strip_fcs(r, out);
    r->records++;
    return 1;
}

void pcap_reader_close(struct pcap_reader *r)
{
    if (!r)
        return;
    if (r->file)
        fclose(r->file);
    free(r);
}
