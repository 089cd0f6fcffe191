/* SPDX-License-Identifier: MIT */
/*
 * See box_pcap.h.
 */
#include "engine/box_pcap.h"

#include <stdio.h>

#include "base/error.h"

#define RING_BYTES ((size_t)32 << 20)
#define PENDING_BYTES (PACKET_HEADROOM + 65536u + 64u)

static bool into_spool(void *context, const void *bytes, size_t length) { return spool_put(context, bytes, length); }

static int begin(struct box_pcap *c, const char *path, const char *const names[2], char message[256])
{
    const struct pcap_writer_settings s = {.path = path,
                                           .format = PCAP_FORMAT_PCAPNG,
                                           .interface = names[ACCEL_CLIENTS],
                                           .second_interface = names[ACCEL_SERVERS],
                                           .sink = into_spool,
                                           .sink_context = c->spool};
    int error = pcap_writer_open(&s, &c->writer, message);
    if (!error)
        error = recorder_init(&c->recorder, c->writer, c->allocator);
    if (error)
        return error;
    c->pending = alloc_zeroed(c->allocator, sizeof *c->pending + PENDING_BYTES, CACHE_LINE);
    return c->pending ? 0 : ERR_NO_MEMORY;
}

int box_pcap_open(struct box_pcap *c, const char *path, const char *const names[2], int64_t epoch_ns,
                  const struct allocator *a, char message[256])
{
    *c = (struct box_pcap){.epoch_ns = epoch_ns, .allocator = a};
    if (!path)
        return 0;
    int error = spool_open(path, RING_BYTES, a, &c->spool, message);
    if (!error)
        error = begin(c, path, names, message);
    if (error)
        (void)box_pcap_close(c);
    return error;
}

static void put(struct box_pcap *c, const struct packet *p, enum accel_side side, enum pcap_direction direction,
                int64_t now, const char *comment)
{
    const struct pcap_record as = {
        .time_ns = now + c->epoch_ns, .interface = side == ACCEL_SERVERS, .direction = direction, .comment = comment};
    recorder_put(&c->recorder, p, &as);
}

static void put_pending(struct box_pcap *c, const char *comment)
{
    if (c->is_pending)
        put(c, c->pending, c->pending_by, PCAP_INBOUND, c->pending_at, comment);
    c->is_pending = false;
}

void box_pcap_arrives(struct box_pcap *c, enum accel_side by, const struct packet *p, int64_t now)
{
    packet_init(c->pending, &c->nowhere, (uint8_t *)(c->pending + 1), PENDING_BYTES, PACKET_HEADROOM);
    c->is_pending = packet_copy_to(c->pending, p);
    c->pending_by = by;
    c->pending_at = now;
}

void box_pcap_settles(struct box_pcap *c, const struct accel_sight *s, const char *change)
{
    char comment[PCAP_COMMENT_MAX];
    const bool leaves = s->fate == ACCEL_FATE_PASSED || s->fate == ACCEL_FATE_RELEASED || s->fate == ACCEL_FATE_OWN;
    const bool plain = s->fate == ACCEL_FATE_PASSED && !*change;
    (void)snprintf(comment, sizeof comment, "%s%s%s%s%s", accel_fate_name(s->fate), change, *s->why ? " (" : "", s->why,
                   *s->why ? ")" : "");
    if (s->fate == ACCEL_FATE_OWN) /* before the frame that it answers is settled */
        put_pending(c, s->why);
    else
        put_pending(c, s->fate == ACCEL_FATE_PASSED ? s->why : comment);
    if (leaves)
        put(c, s->packet, s->to, PCAP_OUTBOUND, s->now, plain ? "" : comment);
}

void box_pcap_flush(struct box_pcap *c)
{
    if (c->writer)
        (void)pcap_writer_flush(c->writer);
}

uint64_t box_pcap_lost(const struct box_pcap *c) { return c->writer ? pcap_writer_lost(c->writer) : 0; }

int box_pcap_close(struct box_pcap *c)
{
    recorder_free(&c->recorder);
    if (c->pending)
        alloc_free(c->allocator, c->pending, sizeof *c->pending + PENDING_BYTES);
    (void)pcap_writer_close(c->writer);
    const int error = spool_close(c->spool);
    *c = (struct box_pcap){0};
    return error;
}
