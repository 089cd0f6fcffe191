/* SPDX-License-Identifier: MIT */
/*
 * Rows of `weir bench host` and what they share: a stack with one host on a memory link, whose other end stands for all
 * stations. A row records its figures, measures for about run_ns, and returns 0 or a negative enum err.
 */
#ifndef WEIR_CLI_BENCH_HOST_H
#define WEIR_CLI_BENCH_HOST_H

#include "cli/bench.h"
#include "stack/stack.h"

typedef int bench_host_row(int64_t run_ns, struct bench_result *result);

bench_host_row bench_host_reassembly, bench_host_neighbours, bench_host_udp, bench_host_tables;

/* 10.0.0.1/8 or fd00::1/64; stations have the addresses behind it and the MAC of the link's other end. */
struct bench_host {
    struct link *outside, *inside;
    struct guard guard;
    struct stack *stack;
    uint32_t local;
    int64_t now; /* of the stack, which moves with its turns */
    bool v6;
    uint64_t received; /* datagrams, by bench_host_bind */
};

/* NULL for the settings: default. bench_host_close in any case. */
MUST_CHECK int bench_host_open(struct bench_host *b, bool v6, const struct stack_settings *settings);
void bench_host_close(struct bench_host *b);
struct ip_addr bench_host_address(const struct bench_host *b);
struct ip_addr bench_host_station(const struct bench_host *b, uint32_t number);
/* What comes to the host's port is counted. */
MUST_CHECK int bench_host_bind(struct bench_host *b, uint16_t port);
/* Ethernet and IP header of a frame from station 0 to the host; returns where the payload of that length goes. */
uint32_t bench_host_frame(const struct bench_host *b, uint8_t *frame, uint8_t protocol, uint16_t length);
/* A UDP header at `at` of a whole datagram of that length, with its checksum. */
void bench_host_udp_header(const struct bench_host *b, uint8_t *at, uint16_t length);
/* The stack takes in what came, and sends what it has to. */
void bench_host_turn(struct bench_host *b);
/* Frames that left, which are released. */
unsigned bench_host_drain(struct bench_host *b);

#define BENCH_HOST_PORT 7000

/* Does something with up to LINK_BURST frames; returns with how many. */
typedef unsigned bench_host_burst(struct bench_host *b, void *context);
/* How many millions a second. */
double bench_host_rate(struct bench_host *b, bench_host_burst *burst, void *context, int64_t run_ns);

#endif
