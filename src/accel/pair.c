/* SPDX-License-Identifier: MIT */
/*
 * See pair.h.
 */
#include "accel/pair.h"

#define KIND_EXPERIMENT 254u
#define EXID 0x5745u

enum purpose {
    OF_NUMBERS = 1,
    OF_MARKS = 2,
};

static uint64_t hash_of(const struct hash_key *key, const struct accel_key *flow, struct seq client_isn, uint32_t epoch,
                        enum purpose purpose)
{
    uint8_t bytes[48];
    memcpy(bytes, flow->client.bytes, 16);
    memcpy(bytes + 16, flow->server.bytes, 16);
    store_be16(bytes + 32, flow->client_port);
    store_be16(bytes + 34, flow->server_port);
    store_be32(bytes + 36, client_isn.v);
    store_be32(bytes + 40, epoch);
    store_be32(bytes + 44, purpose);
    return hash_sip24(key, bytes, sizeof bytes);
}

void accel_pairing_of(const struct hash_key *key, const struct accel_key *flow, struct seq client_isn, uint32_t epoch,
                      struct accel_pairing *out)
{
    const uint64_t numbers = hash_of(key, flow, client_isn, epoch, OF_NUMBERS);
    const uint64_t marks = hash_of(key, flow, client_isn, epoch, OF_MARKS);
    *out = (struct accel_pairing){.isn = seq_of((uint32_t)numbers),
                                  .syn_mark = (uint32_t)marks,
                                  .syn_twice_mark = (uint32_t)(numbers >> 32),
                                  .syn_ack_mark = (uint32_t)(marks >> 32)};
}

/* ---- the option ---- */

void accel_mark_write(uint8_t to[ACCEL_MARK_BYTES], uint32_t mark)
{
    to[0] = KIND_EXPERIMENT;
    to[1] = ACCEL_MARK_BYTES;
    store_be16(to + 2, EXID);
    store_be32(to + 4, mark);
}

int accel_mark_insert(struct accel_segment *s, uint32_t mark)
{
    uint8_t option[ACCEL_MARK_BYTES];
    accel_mark_write(option, mark);
    return accel_insert_option(s, option, sizeof option);
}

static bool is_mark(const uint8_t *option)
{
    return option[0] == KIND_EXPERIMENT && option[1] == ACCEL_MARK_BYTES && load_be16(option + 2) == EXID;
}

/* Where it begins among the options; NULL: there is none. */
static uint8_t *find(const struct accel_segment *s)
{
    const uint32_t length = s->headers.payload - s->headers.l4 - WIRE_TCP_MIN;
    uint8_t *option;
    for (uint32_t at = 0; (option = accel_next_option(accel_segment_tcp(s) + WIRE_TCP_MIN, length, &at)) != NULL;)
        if (is_mark(option))
            return option;
    return NULL;
}

bool accel_mark_find(const struct accel_segment *s, uint32_t *mark)
{
    const uint8_t *option = find(s);
    if (option)
        *mark = load_be32(option + 4);
    return option != NULL;
}

void accel_mark_remove(struct accel_segment *s)
{
    uint8_t *option = find(s);
    if (!option)
        return;
    if (option == accel_segment_tcp(s) + WIRE_TCP_MIN)
        accel_remove_option(s, ACCEL_MARK_BYTES);
    else
        accel_blank_option(s, option, ACCEL_MARK_BYTES);
}
