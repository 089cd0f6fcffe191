/* SPDX-License-Identifier: MIT */
/*
 * What IGMP and MLD have in common: codes with an exponent, and group records. See group_message.h; RFC 3376 4.2.4, RFC
 * 3810 5.2.5.
 */
#include "wire/group_message.h"

#include "base/error.h"

#define RECORD_HEAD 4u /* type, length of auxiliary data, number of sources */

/* value = (mantissa with a leading one) << (exponent + 3) */
static uint32_t decode(uint32_t code, unsigned bits)
{
    if (code >> (bits + 3) == 0)
        return code;
    uint32_t mantissa = code & ((1u << bits) - 1), exponent = (code >> bits) & 7u;
    return (mantissa | 1u << bits) << (exponent + 3);
}

static uint32_t encode(uint32_t value, unsigned bits)
{
    uint32_t flag = 1u << (bits + 3), exponent = 0;
    if (value < flag)
        return value;
    while (exponent < 7 && value >> (exponent + 3) >= 2u << bits)
        exponent++;
    uint32_t mantissa = value >> (exponent + 3);
    if (mantissa >= 2u << bits)
        mantissa = (2u << bits) - 1;
    return flag | exponent << bits | (mantissa & ((1u << bits) - 1));
}

uint32_t wire_group_code8(uint8_t code) { return decode(code, 4); }
uint8_t wire_group_code8_of(uint32_t value) { return (uint8_t)encode(value, 4); }
uint32_t wire_group_code16(uint16_t code) { return decode(code, 12); }
uint16_t wire_group_code16_of(uint32_t value) { return (uint16_t)encode(value, 12); }

struct ip_addr wire_group_address(const uint8_t *sources, bool v6, uint32_t at)
{
    return v6 ? ip_addr_from_v6(sources + 16u * at) : ip_addr_from_v4(load_be32(sources + 4u * at));
}

void wire_group_address_put(uint8_t *sources, bool v6, uint32_t at, const struct ip_addr *address)
{
    if (v6)
        memcpy(sources + 16u * at, address->bytes, sizeof address->bytes);
    else
        store_be32(sources + 4u * at, ip_addr_to_v4(address));
}

int wire_group_record_parse(const uint8_t *bytes, size_t length, bool v6, struct wire_group_record *out)
{
    if (length < wire_group_record_bytes(v6, 0))
        return ERR_TRUNCATED;
    out->type = bytes[0];
    out->count = load_be16(bytes + 2);
    out->group = wire_group_address(bytes + RECORD_HEAD, v6, 0);
    out->sources = bytes + wire_group_record_bytes(v6, 0);
    uint32_t whole = wire_group_record_bytes(v6, out->count) + bytes[1] * 4u;
    if (length < whole)
        return ERR_TRUNCATED;
    return ip_addr_is_multicast(&out->group) ? (int)whole : ERR_MALFORMED;
}

int wire_group_record_build(uint8_t *to, bool v6, const struct wire_group_record *r)
{
    to[0] = r->type;
    to[1] = 0;
    store_be16(to + 2, r->count);
    wire_group_address_put(to + RECORD_HEAD, v6, 0, &r->group);
    return (int)wire_group_record_bytes(v6, 0);
}
