/* SPDX-License-Identifier: MIT */
/*
 * ICMP for IPv4 inside the stack: echo both ways, errors sent (limited) and errors received (dispatched to whom they
 * concern). RFC 792, RFC 1122 3.2.2, RFC 5927. The API for users is in stack.h.
 */
#ifndef WEIR_STACK_ICMP_H
#define WEIR_STACK_ICMP_H

#include "base/pool.h"
#include "base/random.h"
#include "base/table.h"
#include "stack/stack.h"
#include "wire/icmp.h"

struct icmp_echo_binding {
    uint32_t id; /* while free, the pool's */
    icmp_echo_fn *received;
    void *context;
};

/* A token bucket counted in time: a message costs cost_ns of it. */
struct icmp_limit {
    int64_t credit_ns, full_ns, cost_ns;
    int64_t at;
    struct random random;
};

struct icmp_state {
    struct pool bindings; /* struct icmp_echo_binding */
    struct table by_id;
    struct icmp_limit limit;
};

/* What an ICMP error means, to TCP too. */
struct icmp_verdict {
    struct ip_error e;
    enum tcp_icmp_kind kind;
};

/* ERR_NO_MEMORY. */
MUST_CHECK int icmp_init(struct icmp_state *icmp, const struct stack_settings *settings, const struct allocator *a,
                         int64_t now);
void icmp_free(struct icmp_state *icmp);

struct datagram;
struct packet;
void icmp_input(struct stack *s, const struct datagram *d);

/* icmp_error.c */
void icmp_limit_init(struct icmp_limit *l, const struct stack_settings *settings, int64_t now);
/* Sends an error about a datagram, unless RFC 1122 3.2.2 forbids it or the limit is reached (counted). */
void icmp_send_error(struct stack *s, const struct datagram *about, enum wire_icmp_type type, uint8_t code);
/* An error message came; its header and checksum are in order. */
void icmp_error_input(struct stack *s, const struct datagram *d, const struct wire_icmp *h);
/* A whole frame of ours could not be delivered because its neighbour did not answer. */
void icmp_report_unsent(struct stack *s, const struct packet *frame);

/* icmp.c: an error about an echo request of ours. False: nobody has that identifier. */
bool icmp_echo_report(struct stack *s, uint32_t local, const struct wire_icmp_quote *quote, const struct ip_error *e);

#endif
