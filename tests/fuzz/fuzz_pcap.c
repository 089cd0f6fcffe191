/* SPDX-License-Identifier: MIT */
/*
 * The capture file reader, both formats and any link type: the input is a file, read to its end.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "link/pcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must(bool true_here)
{
    if (!true_here)
        abort();
}

static void read_to_the_end(struct pcap_reader *r)
{
    struct pcap_record record;
    unsigned long sum = 0;
    int end;
    while ((end = pcap_reader_next(r, &record)) == 1) {
        must(record.captured <= record.original && record.time_ns >= 0);
        for (uint32_t i = 0; i < record.captured; i++)
            sum += record.bytes[i];
    }
    must(end == 0 || end == ERR_TRUNCATED || end == ERR_MALFORMED || end == ERR_UNSUPPORTED);
    must(pcap_reader_next(r, &record) == end);
    must(sum <= 255ul * 262144 * (pcap_reader_records(r) + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char path[32], message[256];
    struct pcap_reader *r = NULL;
    int fd = memfd_create("pcap", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (pcap_reader_open_any(path, &r, message) == 0) {
        read_to_the_end(r);
        pcap_reader_close(r);
    } else {
        must(message[0] != 0);
    }
    close(fd);
    return 0;
}
