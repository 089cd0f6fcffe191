/* SPDX-License-Identifier: MIT */
/*
 * A network of virtual time for datagrams between a server and many clients: it loses, repeats and reorders them, by its
 * own random numbers. What is sent waits in a heap by the time at which it arrives.
 */
#ifndef WEIR_TESTS_SIM_LOSSY_NET_H
#define WEIR_TESTS_SIM_LOSSY_NET_H

#include "base/random.h"
#include "base/time_ns.h"

#define LOSSY_NET_BYTES 576u /* of the longest datagram */

struct lossy_datagram {
    int64_t when;
    int32_t to; /* a client, or -1: the server */
    uint32_t client;
    uint16_t length;
    uint8_t bytes[LOSSY_NET_BYTES];
};

struct lossy_net {
    struct random random;
    uint32_t loss_ppb, repeat_ppb;
    int64_t delay_ns, now; /* each takes up to delay_ns */
    uint64_t sent;
    uint32_t queued;
    struct lossy_datagram *queue; /* a heap by time */
};

/* Nothing is lost or repeated, and a datagram takes up to 20 ms. */
void lossy_net_init(struct lossy_net *n, uint64_t seed);
void lossy_net_free(struct lossy_net *n);
void lossy_net_send(struct lossy_net *n, int32_t to, uint32_t client, const uint8_t *bytes, size_t length);
/* When the next one arrives; TIME_NEVER: there is none. */
int64_t lossy_net_next(const struct lossy_net *n);
/* It arrives: the time is then at least that. */
struct lossy_datagram lossy_net_take(struct lossy_net *n);

#endif
