/* SPDX-License-Identifier: MIT */
/*
 * ICMP messages of IPv4. RFC 792, RFC 1122 3.2.2. IP options of a request are not followed (THREATS IP4-08).
 */
#include "stack/icmp.h"

#include "stack/datagram.h"

int icmp_init(struct icmp_state *icmp, const struct stack_settings *t, const struct allocator *a, int64_t now)
{
    icmp_limit_init(&icmp->limit, t, now);
    int error = pool_init(&icmp->bindings, a, t->max_echo_bindings, sizeof(struct icmp_echo_binding),
                          alignof(struct icmp_echo_binding));
    return error ? error : table_init(&icmp->by_id, a, t->max_echo_bindings);
}

void icmp_free(struct icmp_state *icmp)
{
    pool_free(&icmp->bindings);
    table_free(&icmp->by_id);
}

void icmp_input(struct stack *s, const struct datagram *d)
{
    struct wire_icmp h;
    if (wire_icmp_parse(d->l4, d->l4_len, &h) < 0) {
        STACK_DROP(s, TRACE_ICMP, icmp_short);
        return;
    }
    if (!wire_icmp_checksum_ok(d->l4, d->l4_len)) {
        STACK_DROP(s, TRACE_ICMP, icmp_bad_checksum);
        return;
    }
    switch (h.type) {
    case WIRE_ICMP_ECHO_REQUEST:
        icmp_echo_request_input(s, d);
        break;
    case WIRE_ICMP_ECHO_REPLY:
        icmp_echo_reply_input(s, d);
        break;
    case WIRE_ICMP_UNREACHABLE:
    case WIRE_ICMP_TIME_EXCEEDED:
    case WIRE_ICMP_PARAMETER_PROBLEM:
        icmp_error_input(s, d, &h);
        break;
    case WIRE_ICMP_SOURCE_QUENCH: /* RFC 6633: silently discarded */
        STACK_DROP(s, TRACE_ICMP, icmp_source_quench);
        break;
    default: /* RFC 1122 3.2.2: unknown types are silently discarded; redirects are not followed */
        STACK_DROP(s, TRACE_ICMP, icmp_unknown_type);
    }
}
