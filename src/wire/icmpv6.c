/* SPDX-License-Identifier: MIT */
/*
 * ICMPv6: RFC 4443 messages, the errors this side sends (2.4 (c)) and the quotations in errors received. See icmpv6.h.
 */
#include "wire/icmpv6.h"

#include "wire/l4.h"
#include "wire/text.h"

int wire_icmpv6_parse(const uint8_t *message, size_t length, struct wire_icmpv6 *out)
{
    if (length < WIRE_ICMPV6_LEN)
        return ERR_TRUNCATED;
    out->type = message[0];
    out->code = message[1];
    memcpy(&out->checksum, message + WIRE_ICMPV6_CHECKSUM_OFFSET, sizeof out->checksum);
    out->rest = load_be32(message + 4);
    return WIRE_ICMPV6_LEN;
}

int wire_icmpv6_build(uint8_t *to, const struct wire_icmpv6 *h)
{
    to[0] = h->type;
    to[1] = h->code;
    memcpy(to + WIRE_ICMPV6_CHECKSUM_OFFSET, &h->checksum, sizeof h->checksum);
    store_be32(to + 4, h->rest);
    return WIRE_ICMPV6_LEN;
}

bool wire_icmpv6_checksum_ok(const struct ip_addr *src, const struct ip_addr *dst, const uint8_t *message,
                             size_t length)
{
    return wire_l4_checksum_ok_v6(src, dst, IP_PROTO_ICMPV6, message, length);
}

void wire_icmpv6_checksum_set(const struct ip_addr *src, const struct ip_addr *dst, uint8_t *message, size_t length)
{
    store_be16(message + WIRE_ICMPV6_CHECKSUM_OFFSET, 0);
    uint16_t checksum = wire_l4_checksum_v6(src, dst, IP_PROTO_ICMPV6, message, length);
    memcpy(message + WIRE_ICMPV6_CHECKSUM_OFFSET, &checksum, sizeof checksum);
}

int wire_icmpv6_error_build(uint8_t *to, size_t room, const struct ip_addr *src, const struct ip_addr *dst,
                            uint8_t type, uint8_t code, uint32_t rest, const uint8_t *packet, size_t length)
{
    if (length < WIRE_IPV6_LEN)
        return ERR_INVALID;
    size_t least = WIRE_IPV6_LEN + WIRE_ICMPV6_QUOTE_MIN;
    least = least < length ? least : length;
    if (room < WIRE_ICMPV6_LEN + least)
        return ERR_NO_SPACE;
    size_t quote = room - WIRE_ICMPV6_LEN;
    quote = quote < length ? quote : length;
    quote = quote < WIRE_ICMPV6_QUOTE_MAX ? quote : WIRE_ICMPV6_QUOTE_MAX;
    struct wire_icmpv6 h = {.type = type, .code = code, .rest = rest};
    wire_icmpv6_build(to, &h);
    memcpy(to + WIRE_ICMPV6_LEN, packet, quote);
    wire_icmpv6_checksum_set(src, dst, to, WIRE_ICMPV6_LEN + quote);
    return (int)(WIRE_ICMPV6_LEN + quote);
}

/*
 * Skips the extension headers of a quoted packet to its upper header, by lengths only; sets protocol and
 * fragment_offset. Returns the offset.
 */
static int skip_extensions(const uint8_t *body, size_t length, struct wire_icmpv6_quote *out)
{
    size_t at = WIRE_IPV6_LEN;
    out->protocol = out->ip.next_header;
    out->fragment_offset = 0;
    for (unsigned headers = 0; wire_ipv6_is_extension(out->protocol) && out->fragment_offset == 0; headers++) {
        if (headers == WIRE_IPV6_MAX_HEADERS)
            return ERR_MALFORMED;
        if (length - at < 8)
            return ERR_TRUNCATED;
        size_t size = 8;
        if (out->protocol == IP_PROTO_FRAGMENT)
            out->fragment_offset = load_be16(body + at + 2) & 0xfff8u;
        else
            size = (body[at + 1] + 1u) * 8u;
        if (size > length - at)
            return ERR_TRUNCATED;
        out->protocol = body[at];
        at += size;
    }
    return (int)at;
}

static void quote_ports(struct wire_icmpv6_quote *out)
{
    bool first = out->fragment_offset == 0;
    bool ports = first && (out->protocol == IP_PROTO_TCP || out->protocol == IP_PROTO_UDP);
    out->src_port = ports ? load_be16(out->l4) : 0;
    out->dst_port = ports ? load_be16(out->l4 + 2) : 0;
    out->tcp_seq = first && out->protocol == IP_PROTO_TCP ? load_be32(out->l4 + 4) : 0;
}

int wire_icmpv6_quote_parse(const uint8_t *body, size_t length, struct wire_icmpv6_quote *out)
{
    if (length < WIRE_IPV6_LEN)
        return ERR_TRUNCATED;
    if (wire_ipv6_parse(body, length, &out->ip) == ERR_UNSUPPORTED)
        return ERR_UNSUPPORTED;
    size_t whole = WIRE_IPV6_LEN + (size_t)out->ip.payload_len;
    bool cut = length < whole;
    size_t end = cut ? length : whole;
    int at = skip_extensions(body, end, out);
    if (at >= 0 && end - (size_t)at < WIRE_ICMPV6_QUOTE_MIN)
        at = ERR_TRUNCATED;
    if (at < 0)
        return at == ERR_TRUNCATED && !cut ? ERR_MALFORMED : at;
    out->l4 = body + at;
    out->l4_len = end - (size_t)at;
    quote_ports(out);
    return at;
}

static const char *type_text(uint8_t type)
{
    switch (type) {
    case WIRE_ICMPV6_UNREACHABLE:
        return "icmp6 unreachable";
    case WIRE_ICMPV6_PACKET_TOO_BIG:
        return "icmp6 packet too big";
    case WIRE_ICMPV6_TIME_EXCEEDED:
        return "icmp6 time exceeded";
    case WIRE_ICMPV6_PARAMETER_PROBLEM:
        return "icmp6 parameter problem";
    case WIRE_ICMPV6_ECHO_REQUEST:
        return "icmp6 echo request";
    case WIRE_ICMPV6_ECHO_REPLY:
        return "icmp6 echo reply";
    default:
        return "icmp6";
    }
}

int wire_icmpv6_print(char *to, size_t size, const struct wire_icmpv6 *h)
{
    struct text t = text_into(to, size);
    text_string(&t, type_text(h->type));
    if (h->type == WIRE_ICMPV6_ECHO_REQUEST || h->type == WIRE_ICMPV6_ECHO_REPLY) {
        text_field(&t, " id ", wire_icmpv6_echo_id(h));
        text_field(&t, " seq ", wire_icmpv6_echo_sequence(h));
        return text_finish(&t);
    }
    text_field(&t, " type ", h->type);
    text_field(&t, " code ", h->code);
    if (h->type == WIRE_ICMPV6_PACKET_TOO_BIG)
        text_field(&t, " mtu ", h->rest);
    if (h->type == WIRE_ICMPV6_PARAMETER_PROBLEM)
        text_field(&t, " pointer ", h->rest);
    return text_finish(&t);
}
