/* SPDX-License-Identifier: MIT */
/*
 * The capture reader's inside, shared by its two formats: classic (pcap_read.c) and pcapng (pcapng_read.c). Users
 * include link/pcap.h.
 */
#ifndef WEIR_LINK_PCAP_READER_H
#define WEIR_LINK_PCAP_READER_H

#include <stdio.h>
#include <string.h>

#include "link/pcap.h"
#include "link/pcap_format.h"
#include "link/pcapng_format.h"

/* What of an interface matters to its packets. */
struct pcapng_interface {
    uint32_t snap_length; /* 0: none */
    uint16_t link_type;
    uint8_t resolution; /* as in the file */
    uint8_t fcs_bytes;
    int64_t offset_s;
};

struct pcap_reader {
    FILE *file;
    bool swapped; /* the file's byte order is not ours */
    bool ethernet_only;
    int (*next)(struct pcap_reader *r, struct pcap_record *out);
    /* classic */
    uint32_t ns_per_fraction;
    uint32_t link_type;
    uint32_t fcs_bytes; /* at the end of each frame */
    /* pcapng: the section being read */
    uint32_t n_interfaces;
    struct pcapng_interface interfaces[PCAPNG_MAX_INTERFACES];
    /* both */
    struct pcap_record first; /* read when the file was opened, and not handed out yet */
    bool has_first;
    int64_t last_ns; /* of the record read last */
    uint64_t records;
    int error; /* sticks */
    uint8_t bytes[PCAP_RECORD_MAX];
};

static inline uint32_t pcap_get32(const struct pcap_reader *r, const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap32(v) : v;
}

static inline uint16_t pcap_get16(const struct pcap_reader *r, const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return r->swapped ? __builtin_bswap16(v) : v;
}

/* A frame that was captured with its FCS loses it, as far as it was captured. */
void pcap_strip_fcs(struct pcap_record *record, uint32_t fcs_bytes);

/*
 * The first block's type was read. Reads the rest of the section header. 0; ERR_MALFORMED, ERR_UNSUPPORTED,
 * ERR_TRUNCATED.
 */
MUST_CHECK int pcapng_read_section(struct pcap_reader *r);
/* As pcap_reader_next. */
MUST_CHECK int pcapng_next(struct pcap_reader *r, struct pcap_record *out);

#endif
