/* SPDX-License-Identifier: MIT */
/*
 * A pcapng file of both sides of a box: two interfaces, named as the ports; each frame as it came in and as it left,
 * with a comment where the box did more than pass it on. Written behind the data path's back (spool.h).
 */
#ifndef WEIR_ENGINE_BOX_PCAP_H
#define WEIR_ENGINE_BOX_PCAP_H

#include "accel/watch.h"
#include "engine/spool.h"
#include "link/recorder.h"

struct box_pcap {
    struct spool *spool; /* NULL: not wanted */
    struct pcap_writer *writer;
    struct recorder recorder;
    struct packet *pending; /* a copy of the frame that came in and is not settled: its comment is not known */
    struct packet_home nowhere;
    bool is_pending;
    enum accel_side pending_by;
    int64_t pending_at;
    int64_t epoch_ns; /* added to times */
    const struct allocator *allocator;
};

/* path NULL: not wanted. Interface names by side. Errors and message as spool_open(). */
MUST_CHECK int box_pcap_open(struct box_pcap *c, const char *path, const char *const names[2], int64_t epoch_ns,
                             const struct allocator *a, char message[256]);
static inline bool box_pcap_wanted(const struct box_pcap *c) { return c->spool != NULL; }
void box_pcap_arrives(struct box_pcap *c, enum accel_side by, const struct packet *p, int64_t now);
/* `change`: what was translated, for a frame that passes; "": nothing. */
void box_pcap_settles(struct box_pcap *c, const struct accel_sight *s, const char *change);
/* What is buffered goes to the file's thread. */
void box_pcap_flush(struct box_pcap *c);
uint64_t box_pcap_lost(const struct box_pcap *c);
/* As spool_close(). */
int box_pcap_close(struct box_pcap *c);

#endif
