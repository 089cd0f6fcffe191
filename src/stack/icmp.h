/* SPDX-License-Identifier: MIT */
/*
 * ICMP inside the stack, for both families: echo both ways, errors sent (limited) and errors received (dispatched to
 * whom they concern). RFC 792, RFC 1122 3.2.2, RFC 4443, RFC 5927. The API for users is in stack.h.
 */
#ifndef WEIR_STACK_ICMP_H
#define WEIR_STACK_ICMP_H

#include "base/pool.h"
#include "base/random.h"
#include "base/table.h"
#include "stack/ip_quote.h"
#include "stack/stack.h"

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
    struct icmp_limit limit; /* of both families' errors together */
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
struct host;
struct packet;

/* ---- icmp.c: messages of IPv4 ---- */
void icmp_input(struct stack *s, const struct datagram *d);

/* ---- icmp_echo.c ---- */
/* A request that is in order: it is answered unless the settings forbid it. */
void icmp_echo_request_input(struct stack *s, const struct datagram *d);
void icmp_echo_reply_input(struct stack *s, const struct datagram *d);
/* An error about an echo request of ours. False: nobody has that identifier. */
bool icmp_echo_report(struct stack *s, uint32_t local, const struct ip_quote *quote, const struct ip_error *e);

/* ---- icmp_error.c ---- */
void icmp_limit_init(struct icmp_limit *l, const struct stack_settings *settings, int64_t now);
/* Whether one more error may be sent now; counts it, or that it may not. */
bool icmp_limit_allows(struct stack *s);
/* Sends an error about an IPv4 datagram (`rest`: the MTU of "too big"), unless RFC 1122 3.2.2 forbids it or the limit is reached (counted). */
void icmp_send_error(struct stack *s, const struct datagram *about, enum wire_icmp_type type, uint8_t code,
                     uint32_t rest);
/* Says that nobody has the port of a UDP datagram, in the way of its family. */
void icmp_send_no_port(struct stack *s, const struct datagram *about);
/* An error message of IPv4 came; its header and checksum are in order. */
void icmp_error_input(struct stack *s, const struct datagram *d, const struct wire_icmp *h);
/* An error of either family came to a host; counts what cannot be true or concerns nobody. */
void icmp_error_dispatch(struct stack *s, const struct datagram *d, const struct ip_quote *quote,
                         struct icmp_verdict *v);
/* A whole frame of ours could not be delivered because its neighbour did not answer. */
void icmp_report_unsent(struct stack *s, const struct packet *frame);

#endif
