/* SPDX-License-Identifier: MIT */
/*
 * Record Route and Timestamp in datagrams that pass: RFC 791 3.1, RFC 1812 4.2.2.3 and 5.2.4.3. Input has checked the
 * options; a Timestamp whose overflow count is full did not get here. Times are those of the stack's clock, not of
 * midnight, and say so by their highest bit.
 */
#include "base/checksum.h"
#include "stack/forward_internal.h"
#include "wire/ipv4.h"

#define STAMP_IS_NOT_OF_MIDNIGHT 0x80000000u
#define OVERFLOW_ONE 0x10u

enum stamp_flag { STAMP_ALONE = 0, STAMP_WITH_ADDRESS = 1, STAMP_WHERE_ASKED = 3 };

struct fill {
    uint32_t way_in, way_out, time_ms;
};

static uint32_t header_length(const uint8_t *header) { return (header[0] & 15u) * 4u; }

bool forward_options_met(const uint8_t *header)
{
    struct wire_ipv4_options met;
    (void)wire_ipv4_options_check(header + WIRE_IPV4_MIN, header_length(header) - WIRE_IPV4_MIN, &met);
    return met.record_route || met.timestamp;
}

static void record_route(uint8_t *option, const struct fill *f)
{
    uint8_t *pointer = option + 2;
    if (*pointer > option[1])
        return; /* full: passed on as it is */
    store_be32(option + *pointer - 1, f->way_out);
    *pointer = (uint8_t)(*pointer + 4);
}

static void stamp(uint8_t *option, const struct fill *f)
{
    uint8_t *pointer = option + 2, *at = option + *pointer - 1;
    unsigned flag = option[3] & 15u;
    if (*pointer > option[1]) {
        option[3] = (uint8_t)(option[3] + OVERFLOW_ONE);
        return;
    }
    if (flag == STAMP_WHERE_ASKED && load_be32(at) != f->way_in && load_be32(at) != f->way_out)
        return;
    if (flag == STAMP_WITH_ADDRESS)
        store_be32(at, f->way_out);
    if (flag != STAMP_ALONE)
        at += 4;
    store_be32(at, STAMP_IS_NOT_OF_MIDNIGHT | f->time_ms);
    *pointer = (uint8_t)(*pointer + (flag == STAMP_ALONE ? 4 : 8));
}

static void make_checksum(uint8_t *header)
{
    store_be16(header + WIRE_IPV4_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, header, header_length(header)));
    memcpy(header + WIRE_IPV4_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

void forward_options_fill(uint8_t *header, uint32_t way_in, uint32_t way_out, uint32_t time_ms)
{
    const struct fill f = {.way_in = way_in, .way_out = way_out, .time_ms = time_ms};
    uint32_t end = header_length(header);
    for (uint32_t at = WIRE_IPV4_MIN; at < end && header[at] != WIRE_IPV4_OPT_END;) {
        if (header[at] == WIRE_IPV4_OPT_NOP) {
            at++;
            continue;
        }
        if (header[at] == WIRE_IPV4_OPT_RECORD_ROUTE)
            record_route(header + at, &f);
        else if (header[at] == WIRE_IPV4_OPT_TIMESTAMP)
            stamp(header + at, &f);
        at += header[at + 1];
    }
    make_checksum(header);
}
