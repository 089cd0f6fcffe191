/* SPDX-License-Identifier: MIT */
/*
 * Retransmission of a client's DHCPv6 messages: RFC 8415 15, with the parameters of 7.6. An exchange is one message
 * sent again and again under one transaction id, until it is answered or fails by its count (MRC) or its duration
 * (MRD).
 */
#ifndef WEIR_SERVICE_DHCP6_EXCHANGE_H
#define WEIR_SERVICE_DHCP6_EXCHANGE_H

#include "base/compiler.h"
#include "base/time_ns.h"

/* In seconds; 0: no bound. */
struct dhcp6_exchange_times {
    uint32_t irt_s, mrt_s, mrc;
};

struct dhcp6_exchange {
    struct dhcp6_exchange_times times;
    uint32_t xid;
    uint32_t count;   /* sent so far */
    int64_t first_ns; /* when it was sent first, or will be */
    int64_t rt_ns;    /* the present RT */
    int64_t next_ns;  /* when it goes again */
    int64_t end_ns;   /* MRD */
};

/* The first message is due at `first`. */
void dhcp6_exchange_begin(struct dhcp6_exchange *x, const struct dhcp6_exchange_times *times, int64_t first,
                          int64_t end, uint64_t random);
/* Whether it failed: nothing more is sent. To be asked when next_ns has come. */
bool dhcp6_exchange_failed(const struct dhcp6_exchange *x, int64_t now);
/*
 * Counts a message that is sent now, and says by `next_ns` when the next one is. positive: the first RT is not below
 * its initial value (Solicit, 18.2.1).
 */
void dhcp6_exchange_sent(struct dhcp6_exchange *x, int64_t now, uint64_t random, bool positive);
/* Hundredths of a second since the first message; at most 65535. */
uint16_t dhcp6_exchange_elapsed_cs(const struct dhcp6_exchange *x, int64_t now);

#endif
