/* SPDX-License-Identifier: MIT */
/*
 * What passes a network interface of the kernel, both ways, for looking at it: nothing is sent and nothing is taken
 * from others. Frames come with the kernel's time, their direction and the VLAN tag that the kernel had taken off;
 * frames of a sender on this machine as it made them (checksums not filled in, 64 KB segments). On a loopback interface
 * each is seen once, coming in. Needs CAP_NET_RAW.
 */
#ifndef WEIR_LINK_SNIFFER_H
#define WEIR_LINK_SNIFFER_H

#include "link/filter.h"
#include "link/pcap.h"

#define SNIFFER_BURST 64u

struct sniffer_settings {
    const char *interface;
    uint32_t snap_length;        /* 1 to PCAP_RECORD_MAX */
    const struct filter *filter; /* borrowed; compiled with the same snap length */
    bool promiscuous;
};

struct sniffer_counts {
    uint64_t received; /* passed the kernel's filter, those dropped included */
    uint64_t dropped;  /* because the socket's buffer was full */
};

struct sniffer;
/* ERR_NOT_FOUND, ERR_DENIED, ERR_UNSUPPORTED (not Ethernet), ERR_SYSTEM, ERR_NO_MEMORY; message says what was found. */
MUST_CHECK int sniffer_open(const struct sniffer_settings *s, const struct allocator *a, struct sniffer **out,
                            char message[256]);
void sniffer_close(struct sniffer *s);
/* Readable when frames wait. */
int sniffer_fd(const struct sniffer *s);
/*
 * Up to SNIFFER_BURST frames that match, valid until the next call. 0: none waited. ERR_SYSTEM: the interface is gone
 * or down for good (errno).
 */
int sniffer_read(struct sniffer *s, struct pcap_record records[SNIFFER_BURST]);
/* Since it was opened. */
struct sniffer_counts sniffer_counts(struct sniffer *s);

#endif
