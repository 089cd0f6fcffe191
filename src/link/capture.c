/* SPDX-License-Identifier: MIT */
/*
 * A link over a link that writes what passes, both ways, into a capture file. Owns the lower link and the writer;
 * the other side gets the packet untouched (recorder.h). It offers no TSO and no scatter, so that what we send is recorded as the frames that leave.
 */
#include "base/error.h"
#include "link/pcap.h"
#include "link/recorder.h"

struct capture {
    struct link link;
    struct link *lower;
    struct pcap_writer *writer;
    struct recorder recorder;
    int64_t epoch_ns;
    const struct allocator *allocator;
};

static struct capture *capture_of(struct link *link) { return container_of(link, struct capture, link); }

static void record(struct capture *c, struct packet *const *packets, unsigned n, int64_t now,
                   enum pcap_direction direction)
{
    const struct pcap_record as = {.time_ns = now + c->epoch_ns, .direction = direction};
    for (unsigned i = 0; i < n; i++)
        recorder_put(&c->recorder, packets[i], &as);
}

static unsigned capture_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct capture *c = capture_of(link);
    unsigned got = link_rx_burst(c->lower, packets, n, now);
    record(c, packets, got, now, PCAP_INBOUND);
    link->counters.frames_rx += got;
    for (unsigned i = 0; i < got; i++)
        link->counters.bytes_rx += packet_total_length(packets[i]);
    return got;
}

static unsigned capture_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    return link_tx_alloc(capture_of(link)->lower, packets, n, kind);
}

static void capture_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct capture *c = capture_of(link);
    record(c, packets, n, now, PCAP_OUTBOUND);
    link->counters.frames_tx += n;
    for (unsigned i = 0; i < n; i++)
        link->counters.bytes_tx += packet_total_length(packets[i]);
    c->lower->ops->tx_burst(c->lower, packets, n, now);
}

static uint32_t capture_tx_room(struct link *link) { return link_tx_room(capture_of(link)->lower); }

static int64_t capture_next_deadline(struct link *link) { return link_next_deadline(capture_of(link)->lower); }

static bool capture_arm(struct link *link)
{
    struct link *lower = capture_of(link)->lower;
    return lower->ops->arm(lower);
}

static void free_capture(struct capture *c)
{
    (void)pcap_writer_close(c->writer);
    recorder_free(&c->recorder);
    alloc_free(c->allocator, c, sizeof *c);
}

static void capture_close(struct link *link)
{
    struct capture *c = capture_of(link);
    link_close(c->lower);
    free_capture(c);
}

static const struct link_ops polled_ops = {.rx_burst = capture_rx_burst,
                                           .tx_alloc = capture_tx_alloc,
                                           .tx_burst = capture_tx_burst,
                                           .tx_room = capture_tx_room,
                                           .next_deadline = capture_next_deadline,
                                           .close = capture_close};
static const struct link_ops armed_ops = {.rx_burst = capture_rx_burst,
                                          .tx_alloc = capture_tx_alloc,
                                          .tx_burst = capture_tx_burst,
                                          .tx_room = capture_tx_room,
                                          .next_deadline = capture_next_deadline,
                                          .arm = capture_arm,
                                          .close = capture_close};

int capture_link_new(struct link *lower, const char *path, const struct allocator *a, struct link **out,
                     char message[256])
{
    message[0] = 0;
    struct capture *c = alloc_zeroed(a, sizeof *c, alignof(struct capture));
    if (!c)
        return ERR_NO_MEMORY;
    c->allocator = a;
    c->lower = lower;
    c->link = *lower;
    c->link.ops = lower->ops->arm ? &armed_ops : &polled_ops;
    c->link.counters = (struct link_counters){0};
    c->link.caps &= ~(uint32_t)(LINK_CAP_TSO | LINK_CAP_USO | LINK_CAP_SCATTER);
    c->link.gso_max = 0;
    c->link.lower = lower;
    struct pcap_writer_settings file = {.path = path, .interface = lower->name};
    int error = pcap_writer_open(&file, &c->writer, message);
    if (!error)
        error = recorder_init(&c->recorder, c->writer, a);
    if (error) {
        free_capture(c);
        return error;
    }
    *out = &c->link;
    return 0;
}

void capture_link_set_epoch(struct link *capture, int64_t epoch_ns) { capture_of(capture)->epoch_ns = epoch_ns; }

uint64_t capture_link_lost(const struct link *capture)
{
    return pcap_writer_lost(((const struct capture *)(const void *)capture)->writer);
}
