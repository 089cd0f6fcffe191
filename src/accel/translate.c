/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of translate.h. Each number that changes adds what it changes the checksum by to one sum, which goes
 * into the checksum field once, at the end.
 */
#include "accel/translate.h"

#include "base/checksum.h"

#define SEQUENCE_AT 4u
#define ACKNOWLEDGEMENT_AT 8u
#define FLAGS_AT 13u

#define TIMESTAMPS_LEN 10u
#define SACK_BLOCK_LEN 8u

/* How much a header's numbers move; 0 leaves them. */
struct moves {
    uint32_t sequence, acknowledgement;
    uint32_t ts_val, ts_ecr;
};

static struct moves moves_of(enum accel_way way, uint32_t sequence, uint32_t timestamp)
{
    return way == ACCEL_TO_SERVER ? (struct moves){.acknowledgement = sequence, .ts_ecr = timestamp}
                                  : (struct moves){.sequence = 0u - sequence, .ts_val = 0u - timestamp};
}

/* Adds to a number `at` bytes into the segment. Returns the sum with the change in it. */
static ALWAYS_INLINE uint64_t move_number(uint64_t sum, uint8_t *tcp, uint32_t at, uint32_t by)
{
    uint32_t was, is;
    memcpy(&was, tcp + at, sizeof was);
    store_be32(tcp + at, load_be32(tcp + at) + by);
    memcpy(&is, tcp + at, sizeof is);
    uint64_t change = (uint64_t)(uint32_t)~was + is;
    return sum + (at % 2 ? checksum_shift(change) : change);
}

static uint64_t move_timestamps(uint64_t sum, uint8_t *tcp, uint32_t at, const struct moves *m)
{
    if (m->ts_val)
        sum = move_number(sum, tcp, at + 2, m->ts_val);
    if (m->ts_ecr)
        sum = move_number(sum, tcp, at + 6, m->ts_ecr);
    return sum;
}

static uint64_t move_sack(uint64_t sum, uint8_t *tcp, uint32_t at, uint32_t length, uint32_t by)
{
    for (uint32_t edge = at + 2; edge < at + length; edge += 4)
        sum = move_number(sum, tcp, edge, by);
    return sum;
}

/* Every option up to the first that does not lie within [at, end). */
static uint64_t move_options(uint64_t sum, uint8_t *tcp, uint32_t at, uint32_t end, const struct moves *m)
{
    while (at < end && tcp[at] != TCP_KIND_END) {
        if (tcp[at] == TCP_KIND_NOP) {
            at++;
            continue;
        }
        if (end - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > end - at)
            break;
        uint32_t length = tcp[at + 1];
        if (tcp[at] == TCP_KIND_TIMESTAMPS && length == TIMESTAMPS_LEN)
            sum = move_timestamps(sum, tcp, at, m);
        else if (tcp[at] == TCP_KIND_SACK && (length - 2) % SACK_BLOCK_LEN == 0 && m->acknowledgement)
            sum = move_sack(sum, tcp, at, length, m->acknowledgement);
        at += length;
    }
    return sum;
}

/* The bytes of a header that are there. Returns what the checksum over them changes by. */
static ALWAYS_INLINE uint64_t move_all(uint8_t *tcp, uint32_t present, uint32_t header_length, struct moves m)
{
    uint64_t sum = 0;
    if (m.sequence)
        sum = move_number(sum, tcp, SEQUENCE_AT, m.sequence);
    if (present <= FLAGS_AT || !(tcp[FLAGS_AT] & TCP_ACK))
        m.acknowledgement = m.ts_ecr = 0;
    if (m.acknowledgement)
        sum = move_number(sum, tcp, ACKNOWLEDGEMENT_AT, m.acknowledgement);
    uint32_t end = min_u32(header_length, present);
    if (end <= WIRE_TCP_MIN)
        return sum;
    const bool timestamps_alone = end == WIRE_TCP_MIN + 12 && load_be32(tcp + WIRE_TCP_MIN) == WIRE_TCP_TS_PREFIX;
    if (likely(timestamps_alone))
        return move_timestamps(sum, tcp, WIRE_TCP_MIN + 2, &m);
    return move_options(sum, tcp, WIRE_TCP_MIN, end, &m);
}

static ALWAYS_INLINE void update_checksum(uint8_t *field, uint64_t change)
{
    uint16_t checksum;
    memcpy(&checksum, field, sizeof checksum);
    checksum = checksum_finish((uint64_t)(uint16_t)~checksum + change);
    memcpy(field, &checksum, sizeof checksum);
}

static ALWAYS_INLINE void translate(uint8_t *tcp, uint32_t header_length, const struct moves *m,
                                    enum accel_checksum checksum)
{
    uint64_t change = move_all(tcp, header_length, header_length, *m);
    if (change && checksum == ACCEL_CHECKSUM_WHOLE)
        update_checksum(tcp + WIRE_TCP_CHECKSUM_OFFSET, change);
}

void accel_translate(uint8_t *tcp, uint32_t header_length, enum accel_way way, const struct accel_shift *shift,
                     enum accel_checksum checksum)
{
    const struct moves m = moves_of(way, shift->sequence, shift->timestamp);
    translate(tcp, header_length, &m, checksum);
}

void accel_translate_back(uint8_t *tcp, uint32_t header_length, enum accel_way way, const struct accel_shift *shift,
                          enum accel_checksum checksum)
{
    const struct moves m = moves_of(way, 0u - shift->sequence, 0u - shift->timestamp);
    translate(tcp, header_length, &m, checksum);
}

/*
 * A quoted header that ends before its checksum field changes the ICMP checksum by what its numbers do; with the field
 * in it, and updated, the sum over the quoted bytes stays as it was, but for numbers that were cut off: options may end
 * in the middle, and the field then covers them as they were, which is how they are quoted.
 */
int accel_translate_quote(uint8_t *tcp, size_t present, enum accel_way way, const struct accel_shift *shift,
                          uint16_t *icmp_checksum)
{
    if (present < 8)
        return ERR_TRUNCATED;
    const bool has_offset = present > FLAGS_AT - 1;
    uint32_t bytes = (uint32_t)(present < WIRE_TCP_MAX ? present : WIRE_TCP_MAX);
    uint32_t header_length = has_offset ? (uint32_t)(tcp[FLAGS_AT - 1] >> 4) * 4 : bytes;
    const struct moves m = moves_of(way, 0u - shift->sequence, 0u - shift->timestamp);
    uint64_t change = move_all(tcp, bytes, header_length, m);
    if (!change)
        return 0;
    if (present >= WIRE_TCP_CHECKSUM_OFFSET + 2)
        update_checksum(tcp + WIRE_TCP_CHECKSUM_OFFSET, change);
    else
        *icmp_checksum = checksum_finish((uint64_t)(uint16_t) ~*icmp_checksum + change);
    return 0;
}
