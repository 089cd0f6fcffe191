/* SPDX-License-Identifier: MIT */
/*
 * See recorder.h.
 */
#include "link/recorder.h"

#include "base/error.h"
#include "packet/segment.h"

#define SCRATCH_BYTES (PACKET_HEADROOM + 65536u + 64u)

int recorder_init(struct recorder *r, struct pcap_writer *w, const struct allocator *a)
{
    *r = (struct recorder){.writer = w, .allocator = a};
    r->scratch = alloc_zeroed(a, sizeof *r->scratch + SCRATCH_BYTES, CACHE_LINE);
    return r->scratch ? 0 : ERR_NO_MEMORY;
}

void recorder_free(struct recorder *r)
{
    if (r->scratch)
        alloc_free(r->allocator, r->scratch, sizeof *r->scratch + SCRATCH_BYTES);
    r->scratch = NULL;
}

static struct packet *empty_scratch(struct recorder *r)
{
    struct packet *s = r->scratch;
    packet_init(s, &r->nowhere, (uint8_t *)(s + 1), SCRATCH_BYTES, PACKET_HEADROOM);
    return s;
}

static void write_frame(struct recorder *r, const struct packet *p, const struct pcap_record *as)
{
    struct pcap_record record = *as;
    record.captured = record.original = p->len;
    record.bytes = p->data;
    (void)pcap_writer_put(r->writer, &record);
}

/* As the frames would be on a wire. */
static void write_segments(struct recorder *r, const struct packet *p, const struct pcap_record *as)
{
    struct packet_segmenter cut;
    if (packet_segment_begin(&cut, p, false) < 0)
        return;
    while (packet_segment_left(&cut)) {
        struct packet *s = empty_scratch(r);
        if (packet_segment_next(&cut, s) < 0 || packet_finish(s) < 0)
            return;
        write_frame(r, s, as);
    }
}

static void write_finished(struct recorder *r, const struct packet *p, const struct pcap_record *as)
{
    struct packet *s = empty_scratch(r);
    if (packet_copy_to(s, p) && packet_finish(s) == 0)
        write_frame(r, s, as);
}

void recorder_put(struct recorder *r, const struct packet *p, const struct pcap_record *as)
{
    if (packet_is_plain(p))
        write_frame(r, p, as);
    else if (p->gso != PACKET_GSO_NONE)
        write_segments(r, p, as);
    else
        write_finished(r, p, as);
}
