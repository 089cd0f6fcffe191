/* SPDX-License-Identifier: MIT */
/*
 * A link that replays a capture file on receive, by its times, and writes what is transmitted to another.
 *
 * The first record arrives at the first rx_burst, every other as much later as the file says; one whose time lies
 * before its predecessor's arrives with it. The next record is read ahead, so that next_deadline knows its time. A
 * record that was cut when captured is delivered as it is.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "link/pcap.h"

#define ETHERNET_OVERHEAD 22u /* header and two VLAN tags */
#define MTU 9216u

struct pcap_link {
    struct link link;
    struct pcap_reader *reader;
    struct pcap_writer *writer;
    char path[256]; /* to begin again; empty: no loop */
    struct packet_pool rx_pool, tx_pool;
    struct pcap_record record; /* the next to arrive */
    bool has_record;
    bool started;
    int64_t due_ns;         /* of the record */
    int64_t last_record_ns; /* the file's time of the record before */
    const struct allocator *allocator;
};

static struct pcap_link *pcap_of(struct link *link) { return container_of(link, struct pcap_link, link); }

/* Reads the next record and when it is due; at the end, or at a bad record, there is none. */
static void read_ahead(struct pcap_link *l)
{
    int got = l->reader ? pcap_reader_next(l->reader, &l->record) : 0;
    l->has_record = got == 1;
    if (got < 0)
        l->link.counters.drops[LINK_DROP_RX_MALFORMED]++;
    if (!l->has_record)
        return;
    if (pcap_reader_records(l->reader) > 1)
        l->due_ns += max_i64(l->record.time_ns - l->last_record_ns, 0);
    l->last_record_ns = l->record.time_ns;
}

/*
 * The file once more from its beginning, its first record due with the last. A file without records is not begun again.
 */
static void begin_again(struct pcap_link *l)
{
    char message[256];
    bool empty = l->reader && pcap_reader_records(l->reader) == 0;
    pcap_reader_close(l->reader);
    l->reader = NULL;
    if (!empty && l->path[0] && pcap_reader_open(l->path, &l->reader, message) == 0)
        read_ahead(l);
}

static unsigned pcap_rx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    struct pcap_link *l = pcap_of(link);
    if (!l->started) {
        l->started = true;
        l->due_ns += now;
    }
    unsigned got = 0;
    for (unsigned records = 0; records < n && l->has_record && l->due_ns <= now; records++) {
        struct packet *p;
        uint32_t length = l->record.captured;
        if (length > l->rx_pool.buffer_bytes - PACKET_HEADROOM) {
            link->counters.drops[LINK_DROP_RX_TOO_LONG]++;
        } else if (packet_pool_get(&l->rx_pool, &p, 1) == 0) {
            break; /* a file waits */
        } else {
            memcpy(p->data, l->record.bytes, length);
            p->len = length;
            p->rx_ns = now;
            link->counters.bytes_rx += length;
            packets[got++] = p;
        }
        read_ahead(l);
        if (!l->has_record)
            begin_again(l);
    }
    link->counters.frames_rx += got;
    return got;
}

static int64_t pcap_next_deadline(struct link *link)
{
    struct pcap_link *l = pcap_of(link);
    if (!l->has_record)
        return TIME_NEVER;
    return l->started ? l->due_ns : 0;
}

static unsigned pcap_tx_alloc(struct link *link, struct packet **packets, unsigned n, enum link_alloc kind)
{
    struct pcap_link *l = pcap_of(link);
    unsigned got = packet_pool_get(&l->tx_pool, packets, n);
    while (kind == LINK_ALLOC_CONTROL && got < n && (packets[got] = packet_pool_get_reserved(&l->tx_pool)) != NULL)
        got++;
    return got;
}

static void write_packet(struct pcap_link *l, struct packet *p, int64_t now)
{
    struct link_counters *c = &l->link.counters;
    if (packet_finish(p) != 0) {
        c->drops[LINK_DROP_TX_MALFORMED]++;
    } else if (l->writer && pcap_writer_write(l->writer, now, p->data, p->len) != 0) {
        c->drops[LINK_DROP_TX_ERROR]++;
    } else {
        c->frames_tx++;
        c->bytes_tx += p->len;
    }
}

static void pcap_tx_burst(struct link *link, struct packet **packets, unsigned n, int64_t now)
{
    for (unsigned i = 0; i < n; i++)
        write_packet(pcap_of(link), packets[i], now);
    packet_release_burst(packets, n);
}

static void pcap_close(struct link *link)
{
    struct pcap_link *l = pcap_of(link);
    pcap_reader_close(l->reader);
    (void)pcap_writer_close(l->writer);
    packet_pool_free(&l->rx_pool);
    packet_pool_free(&l->tx_pool);
    alloc_free(l->allocator, l, sizeof *l);
}

static const struct link_ops pcap_ops = {.rx_burst = pcap_rx_burst,
                                         .tx_alloc = pcap_tx_alloc,
                                         .tx_burst = pcap_tx_burst,
                                         .next_deadline = pcap_next_deadline,
                                         .close = pcap_close};

void pcap_link_settings_default(struct pcap_link_settings *s) { *s = (struct pcap_link_settings){.frames = 1024}; }

static int open_files(struct pcap_link *l, const struct pcap_link_settings *s, char message[256])
{
    if (s->loop && s->read_path && strlen(s->read_path) >= sizeof l->path) {
        snprintf(message, 256, "%.100s... has %zu bytes; a file to read in a loop has a path of at most %zu",
                 s->read_path, strlen(s->read_path), sizeof l->path - 1);
        return ERR_INVALID;
    }
    if (s->loop && s->read_path)
        snprintf(l->path, sizeof l->path, "%s", s->read_path);
    int error = s->read_path ? pcap_reader_open(s->read_path, &l->reader, message) : 0;
    if (!error && s->write_path)
        error = pcap_writer_open(&(struct pcap_writer_settings){.path = s->write_path}, &l->writer, message);
    return error;
}

int pcap_link_new(const struct pcap_link_settings *s, const struct allocator *a, struct link **out, char message[256])
{
    message[0] = 0;
    struct pcap_link *l = alloc_zeroed(a, sizeof *l, alignof(struct pcap_link));
    if (!l)
        return ERR_NO_MEMORY;
    l->allocator = a;
    l->link = (struct link){.ops = &pcap_ops, .mac = {2, 0, 0, 0, 0, 1}, .mtu = MTU, .fd = -1};
    snprintf(l->link.name, sizeof l->link.name, "pcap:%s",
             s->read_path    ? s->read_path
             : s->write_path ? s->write_path
                             : "");
    uint32_t buffer = PACKET_HEADROOM + MTU + ETHERNET_OVERHEAD;
    int error = packet_pool_init(&l->rx_pool, a, s->frames, buffer, 0);
    if (!error)
        error = packet_pool_init(&l->tx_pool, a, s->frames, buffer, s->frames / 16);
    if (!error)
        error = open_files(l, s, message);
    if (error) {
        pcap_close(&l->link);
        return error;
    }
    read_ahead(l);
    *out = &l->link;
    return 0;
}
