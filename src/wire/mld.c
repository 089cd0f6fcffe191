/* SPDX-License-Identifier: MIT */
/*
 * MLD messages: see mld.h.
 */
#include "wire/mld.h"

#include "base/error.h"
#include "wire/ip_text.h"

static int read_sources(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    out->suppress = (message[24] & 8u) != 0;
    out->robustness = message[24] & 7u;
    out->interval_s = wire_group_code8(message[25]);
    out->count = load_be16(message + 26);
    out->bytes = message + WIRE_MLD_V2_QUERY_LEN;
    out->bytes_length = out->count * 16u;
    return out->bytes_length <= length - WIRE_MLD_V2_QUERY_LEN ? 0 : ERR_TRUNCATED;
}

static int read_query(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    if (!ip_addr_is_unspecified(&out->group) && out->group.bytes[0] != 0xff)
        return ERR_MALFORMED;
    out->kind = WIRE_GROUP_QUERY;
    out->max_response_ms = load_be16(message + 4);
    out->version = length == WIRE_MLD_LEN ? WIRE_GROUP_V2 : WIRE_GROUP_V3;
    if (length == WIRE_MLD_LEN)
        return 0;
    if (length < WIRE_MLD_V2_QUERY_LEN)
        return ERR_MALFORMED;
    out->max_response_ms = wire_group_code16(load_be16(message + 4));
    return read_sources(message, length, out);
}

static int read_records(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    *out = (struct wire_group_message){.kind = WIRE_GROUP_RECORDS,
                                       .version = WIRE_GROUP_V3,
                                       .count = load_be16(message + 6),
                                       .bytes = message + WIRE_MLD_V2_REPORT_LEN,
                                       .bytes_length = (uint32_t)(length - WIRE_MLD_V2_REPORT_LEN)};
    return 0;
}

static int read_of_group(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    if (length < WIRE_MLD_LEN)
        return ERR_TRUNCATED;
    *out = (struct wire_group_message){.group = ip_addr_from_v6(message + 8), .version = WIRE_GROUP_V2};
    if (message[0] == WIRE_ICMPV6_MLD_QUERY)
        return read_query(message, length, out);
    out->kind = message[0] == WIRE_ICMPV6_MLD_REPORT ? WIRE_GROUP_REPORT : WIRE_GROUP_LEAVE;
    return out->group.bytes[0] == 0xff ? 0 : ERR_MALFORMED;
}

int wire_mld_parse(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    if (length < WIRE_ICMPV6_LEN)
        return ERR_TRUNCATED;
    if (!wire_mld_is_mld(message[0]))
        return ERR_UNSUPPORTED;
    bool records = message[0] == WIRE_ICMPV6_MLDV2_REPORT;
    int error = records ? read_records(message, length, out) : read_of_group(message, length, out);
    return error ? error : (int)length;
}

static uint8_t type_of(const struct wire_group_message *m)
{
    switch (m->kind) {
    case WIRE_GROUP_QUERY:
        return WIRE_ICMPV6_MLD_QUERY;
    case WIRE_GROUP_LEAVE:
        return WIRE_ICMPV6_MLD_DONE;
    case WIRE_GROUP_RECORDS:
        return WIRE_ICMPV6_MLDV2_REPORT;
    default:
        return WIRE_ICMPV6_MLD_REPORT;
    }
}

static uint16_t response_code(const struct wire_group_message *m)
{
    if (m->kind != WIRE_GROUP_QUERY)
        return 0;
    return m->version == WIRE_GROUP_V3 ? wire_group_code16_of(m->max_response_ms) : (uint16_t)m->max_response_ms;
}

int wire_mld_build(uint8_t *to, const struct wire_group_message *m)
{
    memset(to, 0, WIRE_MLD_V2_REPORT_LEN);
    to[0] = type_of(m);
    if (m->kind == WIRE_GROUP_RECORDS) {
        store_be16(to + 6, m->count);
        return WIRE_MLD_V2_REPORT_LEN;
    }
    store_be16(to + 4, response_code(m));
    memcpy(to + 8, m->group.bytes, sizeof m->group.bytes);
    if (m->kind != WIRE_GROUP_QUERY || m->version != WIRE_GROUP_V3)
        return WIRE_MLD_LEN;
    to[24] = (uint8_t)((m->suppress ? 8u : 0) | (m->robustness & 7u));
    to[25] = wire_group_code8_of(m->interval_s);
    store_be16(to + 26, m->count);
    return WIRE_MLD_V2_QUERY_LEN;
}

int wire_mld_print(char *to, size_t size, const struct wire_group_message *m)
{
    static const char *const kinds[] = {" query ", " report ", " done ", " report"};
    struct text t = text_into(to, size);
    text_field(&t, "mld v", m->version - 1u);
    text_string(&t, kinds[m->kind]);
    if (m->kind != WIRE_GROUP_RECORDS)
        text_ip_addr(&t, &m->group);
    if (m->version == WIRE_GROUP_V3)
        text_field(&t, m->kind == WIRE_GROUP_QUERY ? " sources " : " records ", m->count);
    return text_finish(&t);
}
