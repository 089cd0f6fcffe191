/* SPDX-License-Identifier: MIT */
/*
 * Sources of frames: see capture_source.h. Exactly one of sniffer, reader and link is there.
 */
#include "cli/capture_source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "engine/clock.h"
#include "engine/links.h"

#define POLLED_LINK_MS 1

struct capture_source {
    const char *location;
    const struct filter *filter;
    uint32_t snap_length;
    struct sniffer *sniffer;
    struct pcap_reader *reader;
    struct link *link;
    struct packet *packets[CAPTURE_BURST]; /* of the link, until the next read */
    unsigned n_packets;
    int64_t epoch_ns;
    uint64_t received;
};

static bool begins_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

/* With plain frames: without offloads. */
static int open_link(struct capture_source *s, bool promiscuous, char message[256])
{
    struct plan_port port;
    struct link *ends[2];
    int error = plan_port_default(s->location, &port, message);
    if (error < 0)
        return error;
    if (port.kind == PLAN_MEM) {
        snprintf(message, 256, "%.100s: a memory link has its other end in the same run", s->location);
        return ERR_INVALID;
    }
    port.promiscuous = promiscuous;
    port.rx_checksum = port.tx_checksum = port.gro = port.tso = port.uso = false;
    error = links_open_alone(&port, alloc_heap(), ends, message);
    s->link = error < 0 ? NULL : ends[0];
    return error;
}

static int open_source(struct capture_source *s, bool promiscuous, char message[256])
{
    if (begins_with(s->location, "packet:")) {
        struct sniffer_settings w = {.interface = s->location + strlen("packet:"),
                                     .snap_length = s->snap_length,
                                     .filter = s->filter,
                                     .promiscuous = promiscuous};
        return sniffer_open(&w, alloc_heap(), &s->sniffer, message);
    }
    if (begins_with(s->location, "pcap:"))
        return pcap_reader_open(s->location + strlen("pcap:"), &s->reader, message);
    s->epoch_ns = clock_epoch();
    return open_link(s, promiscuous, message);
}

int capture_source_open(const char *location, const struct filter *filter, uint32_t snap_length, bool promiscuous,
                        struct capture_source **out)
{
    char message[256] = "";
    struct capture_source *s = alloc_zeroed(alloc_heap(), sizeof *s, alignof(struct capture_source));
    int error = ERR_NO_MEMORY;
    if (s) {
        s->location = location;
        s->filter = filter;
        s->snap_length = snap_length;
        error = open_source(s, promiscuous, message);
    }
    if (error == 0) {
        *out = s;
        return EXIT_MET;
    }
    complain("capture: %s", message[0] ? message : err_text(error));
    capture_source_close(s);
    return error == ERR_NOT_FOUND && begins_with(location, "pcap:") ? EXIT_USAGE : exit_code_of(error);
}

static void release(struct capture_source *s)
{
    packet_release_burst(s->packets, s->n_packets);
    s->n_packets = 0;
}

void capture_source_close(struct capture_source *s)
{
    if (!s)
        return;
    release(s);
    link_close(s->link);
    pcap_reader_close(s->reader);
    sniffer_close(s->sniffer);
    alloc_free(alloc_heap(), s, sizeof *s);
}

/* ---- reading ---- */

/* One record at a time: it lies in the reader. */
static int read_file(struct capture_source *s, struct pcap_record *out, int *result)
{
    int got;
    while ((got = pcap_reader_next(s->reader, out)) == 1) {
        if (!filter_matches(s->filter, out->bytes, out->captured, out->original))
            continue;
        out->captured = min_u32(out->captured, s->snap_length);
        s->received++;
        return 1;
    }
    *result = EXIT_MET;
    if (got < 0) {
        complain("capture: %s: record %llu is %s", s->location, (unsigned long long)pcap_reader_records(s->reader) + 1,
                 got == ERR_UNSUPPORTED ? "not Ethernet" : err_text(got));
        *result = EXIT_USAGE;
    }
    return -1;
}

static bool take_packet(struct capture_source *s, struct packet *p, struct pcap_record *out)
{
    if (!packet_is_plain(p) && packet_finish(p) != 0)
        return false;
    *out = (struct pcap_record){.time_ns = p->rx_ns + s->epoch_ns,
                                .captured = p->len,
                                .original = p->len,
                                .link_type = PCAP_LINK_ETHERNET,
                                .direction = PCAP_INBOUND,
                                .bytes = p->data};
    if (!filter_matches(s->filter, out->bytes, out->captured, out->original))
        return false;
    out->captured = min_u32(out->captured, s->snap_length);
    s->received++;
    return true;
}

static int read_link(struct capture_source *s, struct pcap_record *records)
{
    int good = 0;
    release(s);
    s->n_packets = link_rx_burst(s->link, s->packets, CAPTURE_BURST, clock_now());
    for (unsigned i = 0; i < s->n_packets; i++)
        good += take_packet(s, s->packets[i], &records[good]);
    return good;
}

int capture_source_read(struct capture_source *s, struct pcap_record records[CAPTURE_BURST], int *result)
{
    if (s->reader)
        return read_file(s, records, result);
    if (s->link)
        return read_link(s, records);
    int got = sniffer_read(s->sniffer, records);
    if (got >= 0)
        return got;
    complain("capture: %s: %s", s->location, strerror(errno));
    *result = EXIT_REFUSED;
    return -1;
}

void capture_source_wait(struct capture_source *s, int timeout_ms)
{
    struct pollfd p = {.fd = -1, .events = POLLIN};
    if (s->reader)
        return;
    if (s->sniffer)
        p.fd = sniffer_fd(s->sniffer);
    else if (s->link->fd >= 0 && s->link->ops->arm && s->link->ops->arm(s->link))
        p.fd = s->link->fd;
    else
        timeout_ms = POLLED_LINK_MS;
    (void)poll(&p, 1, timeout_ms);
}

struct capture_counts capture_source_counts(struct capture_source *s)
{
    if (s->sniffer) {
        struct sniffer_counts c = sniffer_counts(s->sniffer);
        return (struct capture_counts){.received = c.received, .dropped = c.dropped};
    }
    uint64_t dropped = s->link ? s->link->counters.drops[LINK_DROP_RX_NO_BUFFER] : 0;
    return (struct capture_counts){.received = s->received + dropped, .dropped = dropped};
}
