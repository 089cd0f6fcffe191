/* SPDX-License-Identifier: MIT */
/*
 * ICMP for IPv4: RFC 792 messages, the errors this side sends (RFC 1812 4.3.2.3) and the quotations in errors
 * received. See icmp.h.
 */
#include "wire/icmp.h"

#include "wire/text.h"

int wire_icmp_parse(const uint8_t *message, size_t length, struct wire_icmp *out)
{
    if (length < WIRE_ICMP_LEN)
        return ERR_TRUNCATED;
    out->type = message[0];
    out->code = message[1];
    memcpy(&out->checksum, message + WIRE_ICMP_CHECKSUM_OFFSET, sizeof out->checksum);
    out->rest = load_be32(message + 4);
    return WIRE_ICMP_LEN;
}

int wire_icmp_build(uint8_t *to, const struct wire_icmp *h)
{
    to[0] = h->type;
    to[1] = h->code;
    memcpy(to + WIRE_ICMP_CHECKSUM_OFFSET, &h->checksum, sizeof h->checksum);
    store_be32(to + 4, h->rest);
    return WIRE_ICMP_LEN;
}

bool wire_icmp_checksum_ok(const uint8_t *message, size_t length)
{
    return checksum_ok(checksum_add(0, message, length));
}

void wire_icmp_checksum_set(uint8_t *message, size_t length)
{
    store_be16(message + WIRE_ICMP_CHECKSUM_OFFSET, 0);
    uint16_t checksum = checksum_finish(checksum_add(0, message, length));
    memcpy(message + WIRE_ICMP_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

int wire_icmp_error_build(uint8_t *to, size_t room, uint8_t type, uint8_t code, uint32_t rest, const uint8_t *datagram,
                          size_t length)
{
    struct wire_ipv4 ip;
    if (wire_ipv4_parse(datagram, length, &ip) < 0)
        return ERR_INVALID;
    size_t least = (size_t)ip.header_len + WIRE_ICMP_QUOTE_MIN;
    least = least < ip.total_len ? least : ip.total_len;
    if (room < WIRE_ICMP_LEN + least)
        return ERR_NO_SPACE;
    size_t quote = room - WIRE_ICMP_LEN;
    quote = quote < ip.total_len ? quote : ip.total_len;
    quote = quote < WIRE_ICMP_QUOTE_MAX ? quote : WIRE_ICMP_QUOTE_MAX;
    struct wire_icmp h = {.type = type, .code = code, .rest = rest};
    wire_icmp_build(to, &h);
    memcpy(to + WIRE_ICMP_LEN, datagram, quote);
    wire_icmp_checksum_set(to, WIRE_ICMP_LEN + quote);
    return (int)(WIRE_ICMP_LEN + quote);
}

static void quote_ports(struct wire_icmp_quote *out)
{
    bool first = out->ip.fragment_offset == 0;
    bool ports = first && (out->ip.protocol == IP_PROTO_TCP || out->ip.protocol == IP_PROTO_UDP);
    out->src_port = ports ? load_be16(out->l4) : 0;
    out->dst_port = ports ? load_be16(out->l4 + 2) : 0;
    out->tcp_seq = first && out->ip.protocol == IP_PROTO_TCP ? load_be32(out->l4 + 4) : 0;
}

int wire_icmp_quote_parse(const uint8_t *body, size_t length, struct wire_icmp_quote *out)
{
    if (length < WIRE_IPV4_MIN)
        return ERR_TRUNCATED;
    size_t header_len = (body[0] & 15u) * 4u;
    if (body[0] >> 4 != 4)
        return ERR_UNSUPPORTED;
    wire_ipv4_load(body, &out->ip);
    if (header_len < WIRE_IPV4_MIN || out->ip.total_len < header_len + WIRE_ICMP_QUOTE_MIN)
        return ERR_MALFORMED;
    if (length < header_len + WIRE_ICMP_QUOTE_MIN)
        return ERR_TRUNCATED;
    out->ip.header_len = (uint8_t)header_len;
    out->ip.options_len = (uint8_t)(header_len - WIRE_IPV4_MIN);
    out->ip.options = body + WIRE_IPV4_MIN;
    out->l4 = body + header_len;
    out->l4_len = (length < out->ip.total_len ? length : out->ip.total_len) - header_len;
    quote_ports(out);
    return (int)header_len;
}

static const char *type_text(uint8_t type)
{
    switch (type) {
    case WIRE_ICMP_ECHO_REPLY:
        return "icmp echo reply";
    case WIRE_ICMP_ECHO_REQUEST:
        return "icmp echo request";
    case WIRE_ICMP_UNREACHABLE:
        return "icmp unreachable";
    case WIRE_ICMP_SOURCE_QUENCH:
        return "icmp source quench";
    case WIRE_ICMP_REDIRECT:
        return "icmp redirect";
    case WIRE_ICMP_TIME_EXCEEDED:
        return "icmp time exceeded";
    case WIRE_ICMP_PARAMETER_PROBLEM:
        return "icmp parameter problem";
    default:
        return "icmp";
    }
}

int wire_icmp_print(char *to, size_t size, const struct wire_icmp *h)
{
    struct text t = text_into(to, size);
    text_string(&t, type_text(h->type));
    if (h->type == WIRE_ICMP_ECHO_REQUEST || h->type == WIRE_ICMP_ECHO_REPLY) {
        text_field(&t, " id ", wire_icmp_echo_id(h));
        text_field(&t, " seq ", wire_icmp_echo_sequence(h));
        return text_finish(&t);
    }
    text_field(&t, " type ", h->type);
    text_field(&t, " code ", h->code);
    if (h->type == WIRE_ICMP_UNREACHABLE && h->code == WIRE_ICMP_FRAGMENTATION_NEEDED)
        text_field(&t, " mtu ", wire_icmp_mtu(h));
    if (h->type == WIRE_ICMP_PARAMETER_PROBLEM)
        text_field(&t, " pointer ", wire_icmp_pointer(h));
    return text_finish(&t);
}
