/* SPDX-License-Identifier: MIT */
/*
 * A flow as others may see it: a copy of what is known of it, of fixed size. Whoever lists flows goes over their numbers
 * in pieces, between turns, and sees each as it is at that moment.
 */
#ifndef WEIR_ACCEL_VIEW_H
#define WEIR_ACCEL_VIEW_H

#include "accel/flow.h"

struct accel_view {
    struct accel_key key;
    uint64_t client_bytes, server_bytes; /* of the stream, without repetitions; early ones too */
    int64_t saved_ns; /* what the server's answer took, and the client did not wait; -1: not yet, or a far box */
    int64_t age_ns, idle_ns;
    struct accel_shift shift;
    uint32_t early_bytes;
    struct accel_promise told, said;
    uint8_t state, flags; /* enum accel_flow_state, accel_flow_flag */
    uint8_t far;          /* of a far box */
    uint8_t zero[5];
};
static_assert(sizeof(struct accel_view) == 112, "no padding: it is written to a socket as it is");

/* The number behind the last flow's; the first is 1. */
uint32_t accel_view_end(const struct accel *a);
/* False: there is no flow of this number now. */
bool accel_view_at(const struct accel *a, uint32_t number, int64_t now, struct accel_view *out);
const char *accel_state_name(enum accel_flow_state state);

#endif
