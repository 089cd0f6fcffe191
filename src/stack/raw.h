/* SPDX-License-Identifier: MIT */
/*
 * Raw IP: users who see every datagram for us, or those of one protocol, before the protocol itself does, and who send
 * datagrams of any protocol. RFC 791. The API is in stack.h.
 *
 * A few slots, owned by the stack; contexts are their users'. Without users the path of a datagram costs one test.
 */
#ifndef WEIR_STACK_RAW_H
#define WEIR_STACK_RAW_H

#include "stack/stack.h"

#define RAW_MAX_LISTENERS 16u

struct raw_listener {
    raw_received_fn *received; /* NULL: free */
    raw_error_fn *error;
    void *context;
    uint8_t protocol; /* 0: all */
};

struct raw_set {
    unsigned count;
    struct raw_listener listeners[RAW_MAX_LISTENERS];
};

struct datagram;
struct host;
struct ip_quote;
/* True when somebody listens to the datagram's protocol. */
bool raw_input(struct stack *s, const struct datagram *d);
/* An error about a datagram of ours. True when somebody listens to its protocol. */
bool raw_report(struct stack *s, const struct host *h, const struct ip_quote *quote, const struct ip_error *e);

#endif
