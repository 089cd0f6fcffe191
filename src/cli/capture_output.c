/* SPDX-License-Identifier: MIT */
/*
 * The files of a capture: see capture_output.h. A next file is begun when a frame would make the present one too long,
 * or came too late for it. Owns the open writer.
 *
 * Invariant: file `number` is open while writer is not NULL, and files below number - kept are removed.
 */
#include "cli/capture_output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc_heap.h"
#include "base/error.h"

#define PATH_BYTES 4096

struct capture_output {
    struct capture_output_settings settings;
    struct pcap_writer *writer; /* NULL after a next file could not be made */
    enum pcap_format format;
    bool numbered, failed;
    uint32_t number;
    uint64_t frames;       /* in this file */
    int64_t file_start_ns; /* of its first frame */
    char path[PATH_BYTES];
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), behind = strlen(ending);
    return length >= behind && strcmp(text + length - behind, ending) == 0;
}

static int choose_format(const struct capture_output_settings *s, enum pcap_format *format)
{
    *format = ends_with(s->path, ".pcap") ? PCAP_FORMAT_CLASSIC : PCAP_FORMAT_PCAPNG;
    if (!s->format)
        return EXIT_MET;
    bool pcapng = strcmp(s->format, "pcapng") == 0;
    *format = pcapng ? PCAP_FORMAT_PCAPNG : PCAP_FORMAT_CLASSIC;
    if (pcapng || strcmp(s->format, "pcap") == 0)
        return EXIT_MET;
    return command_refuse(&capture_command, "--format: found '%.40s', allowed: pcapng, pcap", s->format);
}

static int check_numbering(const struct capture_output_settings *s, bool numbered)
{
    if (numbered && strcmp(s->path, "-") == 0)
        return command_refuse(&capture_command,
                              "--file-size, --file-time: found standard output (-), allowed a file's name");
    if (s->files > 0 && !numbered)
        return command_refuse(&capture_command,
                              "--files: found without --file-size and --file-time, which say when a file is full");
    return EXIT_MET;
}

/* The number goes in front of the name's ending. */
static bool name_file(const struct capture_output *o, uint32_t number, char path[PATH_BYTES])
{
    const char *whole = o->settings.path, *slash = strrchr(whole, '/'), *dot = strrchr(whole, '.');
    size_t stem = dot && dot > (slash ? slash + 1 : whole) ? (size_t)(dot - whole) : strlen(whole);
    int length = o->numbered
                     ? snprintf(path, PATH_BYTES, "%.*s_%05" PRIu32 "%s", (int)stem, whole, number, whole + stem)
                     : snprintf(path, PATH_BYTES, "%s", whole);
    return length >= 0 && length < PATH_BYTES;
}

static int begin_file(struct capture_output *o)
{
    const struct capture_output_settings *s = &o->settings;
    char message[256];
    if (!name_file(o, ++o->number, o->path)) {
        complain("capture: the file's name has %zu characters, allowed %d", strlen(s->path), PATH_BYTES - 16);
        return EXIT_USAGE;
    }
    struct pcap_writer_settings w = {.path = o->path,
                                     .format = o->format,
                                     .snap_length = s->snap_length,
                                     .interface = s->location,
                                     .filter = s->filter,
                                     .comment = s->comment};
    o->frames = 0;
    if (pcap_writer_open(&w, &o->writer, message) == 0)
        return EXIT_MET;
    o->writer = NULL;
    complain("capture: %s", message);
    return EXIT_REFUSED;
}

int capture_output_open(const struct capture_output_settings *s, struct capture_output **out)
{
    struct capture_output *o = alloc_zeroed(alloc_heap(), sizeof *o, alignof(struct capture_output));
    if (!o) {
        complain("capture: %s", err_text(ERR_NO_MEMORY));
        return EXIT_REFUSED;
    }
    o->settings = *s;
    o->numbered = s->file_bytes > 0 || s->file_ns > 0;
    int result = choose_format(s, &o->format);
    if (result == EXIT_MET)
        result = check_numbering(s, o->numbered);
    if (result == EXIT_MET)
        result = begin_file(o);
    if (result == EXIT_MET)
        *out = o;
    else
        alloc_free(alloc_heap(), o, sizeof *o);
    return result;
}

/* ---- writing ---- */

static bool is_full(const struct capture_output *o, const struct pcap_record *r)
{
    const struct capture_output_settings *s = &o->settings;
    if (o->frames == 0)
        return false;
    return (s->file_bytes > 0 && pcap_writer_bytes(o->writer) + pcap_record_bytes(r) > s->file_bytes) ||
           (s->file_ns > 0 && r->time_ns - o->file_start_ns >= s->file_ns);
}

static int end_file(struct capture_output *o)
{
    uint64_t lost = o->writer ? pcap_writer_lost(o->writer) : 0;
    int error = pcap_writer_close(o->writer);
    o->writer = NULL;
    if (error == 0)
        return 0;
    complain("capture: cannot write %s: the last %" PRIu64 " frames or more are not in it", o->path, lost);
    o->failed = true;
    return error;
}

static void remove_oldest(const struct capture_output *o)
{
    char path[PATH_BYTES];
    if (o->settings.files == 0 || o->number <= o->settings.files)
        return;
    if (name_file(o, o->number - o->settings.files, path) && unlink(path) != 0)
        complain("capture: cannot remove %s: %s", path, strerror(errno));
}

static int next_file(struct capture_output *o)
{
    int error = end_file(o);
    if (error < 0)
        return error;
    if (begin_file(o) != EXIT_MET) {
        o->failed = true;
        return ERR_SYSTEM;
    }
    remove_oldest(o);
    return 0;
}

int capture_output_put(struct capture_output *o, const struct pcap_record *record)
{
    int error = is_full(o, record) ? next_file(o) : 0;
    if (error < 0)
        return error;
    if (o->frames++ == 0)
        o->file_start_ns = record->time_ns;
    return pcap_writer_put(o->writer, record);
}

int capture_output_flush(struct capture_output *o) { return pcap_writer_flush(o->writer); }
uint32_t capture_output_files(const struct capture_output *o) { return o->number; }

int capture_output_close(struct capture_output *o, const struct pcap_statistics *s)
{
    if (!o)
        return EXIT_MET;
    if (o->writer) {
        if (s)
            (void)pcap_writer_put_statistics(o->writer, s); /* an error sticks */
        (void)end_file(o);
    }
    bool failed = o->failed;
    alloc_free(alloc_heap(), o, sizeof *o);
    return failed ? EXIT_REFUSED : EXIT_MET;
}
