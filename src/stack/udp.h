/* SPDX-License-Identifier: MIT */
/*
 * UDP inside the stack: who receives on which {local address, port}. RFC 768, RFC 1122 4.1.
 * The API is in stack.h. Bindings are owned by the stack; their contexts by whoever bound them.
 */
#ifndef WEIR_STACK_UDP_H
#define WEIR_STACK_UDP_H

#include "base/pool.h"
#include "base/table.h"
#include "stack/stack.h"

struct udp_binding {
    uint32_t local; /* 0: any. While free, the pool's */
    uint16_t port;
    bool encapsulates, zero_checksum; /* udp_set_encapsulation */
    udp_received_fn *received;        /* NULL: free */
    udp_error_fn *error;
    void *context;
};

struct udp_set {
    struct pool pool;
    struct table table;
    bool refused; /* the datagram that is being received */
};

MUST_CHECK int udp_set_init(struct udp_set *set, const struct allocator *a, uint32_t capacity);
void udp_set_free(struct udp_set *set);

struct datagram;
struct ip_quote;
struct host;
void udp_input(struct stack *s, const struct datagram *d);
/* Tells the bindings to a local address that it is gone. */
void udp_report_removed(struct stack *s, uint32_t local);
bool udp_uses_local(const struct udp_set *set, uint32_t local);
/* An ICMP error, or our own giving up, about a datagram that a binding sent. False: there is no such binding. */
bool udp_report(struct stack *s, const struct host *h, const struct ip_quote *quote, const struct ip_error *e);

#endif
