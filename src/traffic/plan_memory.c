/* SPDX-License-Identifier: MIT */
/*
 * How much memory a port needs when all connections that its plan allows are open and busy. Pools are reserved
 * whole but touched only as far as they are used: idle connections cost a TCP record and a connection object.
 */
#include "traffic/traffic_private.h"

/* Sizes that DESIGN section 3 fixes for other modules. */
#define TCP_RECORD_BYTES 128u
#define TCP_WORK_BYTES 384u
#define TCP_TABLE_BYTES 10u /* 8 a slot, at most 7/8 full */
#define TCP_WHEEL_BYTES 12u
#define TIME_WAIT_BYTES 48u
#define HOST_BYTES 192u
#define NEIGHBOUR_BYTES 64u
#define LEASE_BYTES 1024u /* a DHCP client with its place in tables */
#define FRAME_OVERHEAD_BYTES 256u
/* The 64 KB frames of link/frames, one way. */
#define LARGE_FRAMES_BYTES (256u * (65536u + FRAME_OVERHEAD_BYTES))

/* AF_XDP's frames are half a page or a page each, as many each way. */
static uint64_t shared_frame_bytes(const struct plan_port *at)
{
    return (uint64_t)at->frames * 2 * (at->mtu + FRAME_OVERHEAD_BYTES <= 2048 ? 2048 : 4096);
}

static uint64_t link_bytes(const struct plan_port *at)
{
    if (at->kind == PLAN_XDP)
        return shared_frame_bytes(at);
    unsigned large = at->kind == PLAN_PACKET ? 1u + at->tso : at->kind == PLAN_TAP ? (unsigned)at->gro + at->tso : 0;
    return (uint64_t)at->frames * (at->mtu + FRAME_OVERHEAD_BYTES) + (uint64_t)LARGE_FRAMES_BYTES * large;
}

void plan_memory_estimate(const struct plan *p, uint32_t port, struct plan_memory *out)
{
    const struct plan_port *at = &p->ports[port];
    uint64_t connections = (uint64_t)at->max_client_connections + at->max_server_connections;
    uint64_t activity = traffic_activity_bytes(p, port) + 2 * sizeof(struct outq_span);
    struct stack_settings stack;

    plan_stack_settings(p, port, &stack);
    *out = (struct plan_memory){
        .idle_connection_bytes = TCP_RECORD_BYTES + TCP_TABLE_BYTES + TCP_WHEEL_BYTES + sizeof(struct connection),
        .busy_connection_bytes = TCP_WORK_BYTES + activity,
        .tcp_bytes = connections * (TCP_RECORD_BYTES + TCP_WORK_BYTES + TCP_TABLE_BYTES + TCP_WHEEL_BYTES) +
                     (uint64_t)p->max_time_wait * (TIME_WAIT_BYTES + TCP_TABLE_BYTES),
        .traffic_bytes = connections * (sizeof(struct connection) + activity) + p->n_loads * sizeof(struct load_stats),
        .stack_bytes = ((uint64_t)at->n_addresses + plan_leased_addresses(p, port)) * HOST_BYTES +
                       (uint64_t)at->n_leased * LEASE_BYTES + (uint64_t)stack.max_neighbours * NEIGHBOUR_BYTES,
        .link_bytes = link_bytes(at),
    };
    out->total_bytes = out->tcp_bytes + out->traffic_bytes + out->stack_bytes + out->link_bytes;
}
