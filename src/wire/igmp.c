/* SPDX-License-Identifier: MIT */
/*
 * IGMP messages: see igmp.h.
 */
#include "wire/igmp.h"

#include "base/checksum.h"
#include "base/error.h"
#include "wire/ip_text.h"

#define TENTH_MS 100u
#define V1_RESPONSE_TENTHS 100u /* RFC 3376 8.3: what a query of version 1 means */

static int read_sources(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    out->suppress = (message[8] & 8u) != 0;
    out->robustness = message[8] & 7u;
    out->interval_s = wire_group_code8(message[9]);
    out->count = load_be16(message + 10);
    out->bytes = message + WIRE_IGMP_V3_QUERY_LEN;
    out->bytes_length = out->count * 4u;
    return out->bytes_length <= length - WIRE_IGMP_V3_QUERY_LEN ? 0 : ERR_TRUNCATED;
}

static int read_query(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    uint32_t group = ip_addr_to_v4(&out->group);
    if (group != 0 && !ipv4_addr_is_multicast(group))
        return ERR_MALFORMED;
    out->kind = WIRE_GROUP_QUERY;
    if (length == WIRE_IGMP_LEN) {
        out->version = message[1] ? WIRE_GROUP_V2 : WIRE_GROUP_V1;
        out->max_response_ms = (message[1] ? message[1] : V1_RESPONSE_TENTHS) * TENTH_MS;
        return 0;
    }
    if (length < WIRE_IGMP_V3_QUERY_LEN)
        return ERR_MALFORMED;
    out->version = WIRE_GROUP_V3;
    out->max_response_ms = wire_group_code8(message[1]) * TENTH_MS;
    return read_sources(message, length, out);
}

static int read_older(struct wire_group_message *out, enum wire_group_kind kind, enum wire_group_version version)
{
    out->kind = (uint8_t)kind;
    out->version = (uint8_t)version;
    return ip_addr_is_multicast(&out->group) ? 0 : ERR_MALFORMED;
}

static int read_records(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    *out = (struct wire_group_message){.kind = WIRE_GROUP_RECORDS,
                                       .version = WIRE_GROUP_V3,
                                       .group = ip_addr_from_v4(0),
                                       .count = load_be16(message + 6),
                                       .bytes = message + WIRE_IGMP_LEN,
                                       .bytes_length = (uint32_t)(length - WIRE_IGMP_LEN)};
    return 0;
}

int wire_igmp_parse(const uint8_t *message, size_t length, struct wire_group_message *out)
{
    int error;
    if (length < WIRE_IGMP_LEN)
        return ERR_TRUNCATED;
    if (!checksum_ok(checksum_add(0, message, length)))
        return ERR_CHECKSUM;
    *out = (struct wire_group_message){.group = ip_addr_from_v4(load_be32(message + 4))};
    switch (message[0]) {
    case WIRE_IGMP_QUERY:
        error = read_query(message, length, out);
        break;
    case WIRE_IGMP_V1_REPORT:
        error = read_older(out, WIRE_GROUP_REPORT, WIRE_GROUP_V1);
        break;
    case WIRE_IGMP_V2_REPORT:
        error = read_older(out, WIRE_GROUP_REPORT, WIRE_GROUP_V2);
        break;
    case WIRE_IGMP_LEAVE:
        error = read_older(out, WIRE_GROUP_LEAVE, WIRE_GROUP_V2);
        break;
    case WIRE_IGMP_V3_REPORT:
        error = read_records(message, length, out);
        break;
    default:
        error = ERR_UNSUPPORTED;
        break;
    }
    return error ? error : (int)length;
}

static uint8_t type_of(const struct wire_group_message *m)
{
    switch (m->kind) {
    case WIRE_GROUP_QUERY:
        return WIRE_IGMP_QUERY;
    case WIRE_GROUP_LEAVE:
        return WIRE_IGMP_LEAVE;
    case WIRE_GROUP_RECORDS:
        return WIRE_IGMP_V3_REPORT;
    default:
        return m->version == WIRE_GROUP_V1 ? WIRE_IGMP_V1_REPORT : WIRE_IGMP_V2_REPORT;
    }
}

int wire_igmp_build(uint8_t *to, const struct wire_group_message *m)
{
    memset(to, 0, WIRE_IGMP_LEN);
    to[0] = type_of(m);
    if (m->kind == WIRE_GROUP_RECORDS) {
        store_be16(to + 6, m->count);
        return WIRE_IGMP_LEN;
    }
    store_be32(to + 4, ip_addr_to_v4(&m->group));
    if (m->kind != WIRE_GROUP_QUERY || m->version == WIRE_GROUP_V1)
        return WIRE_IGMP_LEN;
    uint32_t tenths = m->max_response_ms / TENTH_MS;
    to[1] = m->version == WIRE_GROUP_V3 ? wire_group_code8_of(tenths) : (uint8_t)tenths;
    if (m->version == WIRE_GROUP_V2)
        return WIRE_IGMP_LEN;
    to[8] = (uint8_t)((m->suppress ? 8u : 0) | (m->robustness & 7u));
    to[9] = wire_group_code8_of(m->interval_s);
    store_be16(to + 10, m->count);
    return WIRE_IGMP_V3_QUERY_LEN;
}

void wire_igmp_checksum_set(uint8_t *message, size_t length)
{
    store_be16(message + 2, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, message, length));
    memcpy(message + 2, &checksum, sizeof checksum);
}

int wire_igmp_print(char *to, size_t size, const struct wire_group_message *m)
{
    static const char *const kinds[] = {" query ", " report ", " leave ", " report"};
    struct text t = text_into(to, size);
    text_field(&t, "igmp v", m->version);
    text_string(&t, kinds[m->kind]);
    if (m->kind != WIRE_GROUP_RECORDS)
        text_ipv4_addr(&t, ip_addr_to_v4(&m->group));
    if (m->version == WIRE_GROUP_V3)
        text_field(&t, m->kind == WIRE_GROUP_QUERY ? " sources " : " records ", m->count);
    return text_finish(&t);
}
