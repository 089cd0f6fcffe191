/* SPDX-License-Identifier: MIT */
/*
 * Reading capture files: opening them, and the records of the classic format (draft-ietf-opsawg-pcap); those of pcapng
 * are in pcapng_read.c. The file is outside input: nothing in it is believed. A record longer than PCAP_RECORD_MAX is
 * malformed (no length field makes the reader allocate), and the first bad record ends the reading.
 *
 * The reader owns the file and one record's buffer. To know what a pcapng file holds, its first record is read when it
 * is opened.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "link/pcap_reader.h"

/* ---- classic records ---- */

void pcap_strip_fcs(struct pcap_record *record, uint32_t fcs_bytes)
{
    record->original -= min_u32(record->original, fcs_bytes);
    record->captured = min_u32(record->captured, record->original);
}

static int classic_next(struct pcap_reader *r, struct pcap_record *out)
{
    uint8_t header[PCAP_RECORD_HEADER_BYTES];
    size_t got = fread(header, 1, sizeof header, r->file);
    if (got == 0 && !ferror(r->file))
        return 0;
    if (got < sizeof header)
        return ERR_TRUNCATED;
    *out = (struct pcap_record){.time_ns = (int64_t)pcap_get32(r, header) * NS_PER_S +
                                           (int64_t)pcap_get32(r, header + 4) * r->ns_per_fraction,
                                .captured = pcap_get32(r, header + 8),
                                .original = pcap_get32(r, header + 12),
                                .link_type = r->link_type,
                                .bytes = r->bytes};
    if (out->captured > PCAP_RECORD_MAX)
        return ERR_MALFORMED;
    if (fread(r->bytes, 1, out->captured, r->file) < out->captured)
        return ERR_TRUNCATED;
    out->original = max_u32(out->original, out->captured);
    pcap_strip_fcs(out, r->fcs_bytes);
    return 1;
}

/* ---- opening ---- */

/* Known formats that are not ours, by their first four bytes in order of the file. */
static const char *foreign_format(const uint8_t *magic)
{
    static const struct {
        uint8_t magic[4];
        uint8_t length;
        const char *name;
    } formats[] = {
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
    magic = pcap_get32(r, header);
    if (magic == PCAP_MAGIC_US || magic == PCAP_MAGIC_NS) {
        r->ns_per_fraction = magic == PCAP_MAGIC_NS ? 1 : 1000;
        return 0;
    }
    const char *foreign = foreign_format(header);
    if (foreign) {
        snprintf(message, 256, "%.120s is a %s file; pcap and pcapng can be read", path, foreign);
        return ERR_UNSUPPORTED;
    }
    snprintf(message, 256, "%.120s is not a pcap file: it begins with %02x %02x %02x %02x", path, header[0], header[1],
             header[2], header[3]);
    return ERR_MALFORMED;
}

/* The classic file header, of which the first four bytes are there. */
static int read_classic_header(struct pcap_reader *r, uint8_t header[PCAP_FILE_HEADER_BYTES], const char *path,
                               char message[256])
{
    size_t got = 4 + fread(header + 4, 1, PCAP_FILE_HEADER_BYTES - 4, r->file);
    int error = read_magic(r, header, path, message);
    if (error)
        return error;
    if (got < PCAP_FILE_HEADER_BYTES) {
        snprintf(message, 256, "%.120s has %zu bytes; the header of a pcap file has %u", path, got,
                 PCAP_FILE_HEADER_BYTES);
        return ERR_MALFORMED;
    }
    unsigned major = pcap_get16(r, header + 4), minor = pcap_get16(r, header + 6);
    if (major != PCAP_VERSION_MAJOR || minor < PCAP_VERSION_MINOR) {
        snprintf(message, 256, "%.120s is pcap version %u.%u; 2.4 can be read", path, major, minor);
        return ERR_UNSUPPORTED;
    }
    uint32_t link = pcap_get32(r, header + 20);
    r->link_type = link & PCAP_LINK_TYPE_MASK;
    r->fcs_bytes = link & PCAP_LINK_FCS_PRESENT ? (link >> PCAP_LINK_FCS_SHIFT) * 2 : 0;
    return 0;
}

static int wrong_link_type(uint32_t link_type, const char *path, char message[256])
{
    snprintf(message, 256, "%.120s has link type %u; only Ethernet (%u) can be read", path, link_type,
             PCAP_LINK_ETHERNET);
    return ERR_UNSUPPORTED;
}

static int begin_classic(struct pcap_reader *r, uint8_t header[PCAP_FILE_HEADER_BYTES], const char *path,
                         char message[256])
{
    int error = read_classic_header(r, header, path, message);
    r->next = classic_next;
    if (!error && r->ethernet_only && r->link_type != PCAP_LINK_ETHERNET)
        error = wrong_link_type(r->link_type, path, message);
    return error;
}

/* A first record that is bad ends the reading where it would have been read. */
static int begin_pcapng(struct pcap_reader *r, const char *path, char message[256])
{
    int error = pcapng_read_section(r);
    r->next = pcapng_next;
    if (error) {
        snprintf(message, 256, "%.120s is a pcapng file whose section header is %s", path,
                 error == ERR_UNSUPPORTED ? "of another version than 1" : err_text(error));
        return error == ERR_TRUNCATED ? ERR_MALFORMED : error;
    }
    int got = pcapng_next(r, &r->first);
    r->has_first = got == 1;
    r->link_type = r->first.link_type;
    if (got == ERR_UNSUPPORTED && r->ethernet_only && r->link_type != PCAP_LINK_ETHERNET)
        return wrong_link_type(r->link_type, path, message);
    r->error = got < 0 ? got : 0;
    return 0;
}

static int read_header(struct pcap_reader *r, const char *path, char message[256])
{
    static const uint8_t pcapng[4] = {0x0a, 0x0d, 0x0d, 0x0a};
    uint8_t header[PCAP_FILE_HEADER_BYTES] = {0};
    size_t got = fread(header, 1, 4, r->file);
    if (got < 4 && ferror(r->file)) {
        snprintf(message, 256, "cannot read %.120s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    if (got < 4) {
        snprintf(message, 256, "%.120s has %zu bytes; the header of a pcap file has %u", path, got,
                 PCAP_FILE_HEADER_BYTES);
        return ERR_MALFORMED;
    }
    return memcmp(header, pcapng, sizeof pcapng) == 0 ? begin_pcapng(r, path, message)
                                                      : begin_classic(r, header, path, message);
}

static int cannot_open(const char *path, char message[256])
{
    snprintf(message, 256, "cannot open %.120s: %s", path, strerror(errno));
    return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_SYSTEM;
}

static int open_reader(const char *path, bool ethernet_only, struct pcap_reader **out, char message[256])
{
    message[0] = 0;
    struct pcap_reader *r = calloc(1, sizeof *r);
    if (!r) {
        snprintf(message, 256, "no memory to read %.120s", path);
        return ERR_NO_MEMORY;
    }
    r->ethernet_only = ethernet_only;
    r->file = fopen(path, "rbe");
    int error = r->file ? read_header(r, path, message) : cannot_open(path, message);
    if (error) {
        pcap_reader_close(r);
        return error;
    }
    *out = r;
    return 0;
}

int pcap_reader_open(const char *path, struct pcap_reader **out, char message[256])
{
    return open_reader(path, true, out, message);
}

int pcap_reader_open_any(const char *path, struct pcap_reader **out, char message[256])
{
    return open_reader(path, false, out, message);
}

uint32_t pcap_reader_link_type(const struct pcap_reader *r) { return r->link_type; }
uint64_t pcap_reader_records(const struct pcap_reader *r) { return r->records; }

int pcap_reader_next(struct pcap_reader *r, struct pcap_record *out)
{
    int got = 1;
    if (r->has_first) {
        *out = r->first;
        r->has_first = false;
    } else {
        got = r->error ? r->error : r->next(r, out);
    }
    if (got < 0)
        r->error = got;
    if (got != 1)
        return got;
    r->last_ns = out->time_ns;
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
