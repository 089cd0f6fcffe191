/* SPDX-License-Identifier: MIT */
/*
 * IPv4 options that an application gives: RFC 791 3.1, RFC 1122 3.2.1.8. They are checked once, when they are given, and
 * then copied behind the header of each datagram.
 */
#include "stack/stack.h"
#include "wire/ipv4.h"

int ip_options_take(const uint8_t *bytes, size_t length, struct ip_options *out)
{
    struct wire_ipv4_options met;
    *out = (struct ip_options){.length = 0};
    if (length > sizeof out->bytes)
        return ERR_INVALID;
    enum wire_ipv4_options_verdict verdict = wire_ipv4_options_check(bytes, length, &met);
    if (verdict == WIRE_IPV4_OPTIONS_SOURCE_ROUTE || (verdict == WIRE_IPV4_OPTIONS_OK && met.timestamp))
        return ERR_UNSUPPORTED;
    if (verdict != WIRE_IPV4_OPTIONS_OK)
        return ERR_INVALID;
    if (length)
        memcpy(out->bytes, bytes, length);
    out->length = (uint8_t)((length + 3) & ~(size_t)3);
    return 0;
}
