/* SPDX-License-Identifier: MIT */
/*
 * ARP for IPv4 over Ethernet, RFC 826. See arp.h.
 */
#include "wire/arp.h"

#include "base/error.h"
#include "wire/eth.h"
#include "wire/ip_text.h"

#define HARDWARE_ETHERNET 1u

int wire_arp_parse(const uint8_t *packet, size_t length, struct wire_arp *out)
{
    if (length < WIRE_ARP_LEN)
        return ERR_TRUNCATED;
    if (load_be16(packet) != HARDWARE_ETHERNET || load_be16(packet + 2) != ETHERTYPE_IPV4)
        return ERR_UNSUPPORTED;
    if (packet[4] != sizeof out->sha || packet[5] != sizeof out->spa)
        return ERR_MALFORMED;
    out->op = load_be16(packet + 6);
    memcpy(out->sha, packet + 8, sizeof out->sha);
    out->spa = load_be32(packet + 14);
    memcpy(out->tha, packet + 18, sizeof out->tha);
    out->tpa = load_be32(packet + 24);
    return WIRE_ARP_LEN;
}

int wire_arp_build(uint8_t *to, const struct wire_arp *h)
{
    store_be16(to, HARDWARE_ETHERNET);
    store_be16(to + 2, ETHERTYPE_IPV4);
    to[4] = sizeof h->sha;
    to[5] = sizeof h->spa;
    store_be16(to + 6, h->op);
    memcpy(to + 8, h->sha, sizeof h->sha);
    store_be32(to + 14, h->spa);
    memcpy(to + 18, h->tha, sizeof h->tha);
    store_be32(to + 24, h->tpa);
    return WIRE_ARP_LEN;
}

static void print_ip(struct text *t, const char *label, uint32_t ip)
{
    text_string(t, label);
    text_ipv4_addr(t, ip);
}

int wire_arp_print(char *to, size_t size, const struct wire_arp *h)
{
    struct text t = text_into(to, size);
    if (h->op == WIRE_ARP_REQUEST) {
        print_ip(&t, "arp request who has ", h->tpa);
        print_ip(&t, " tell ", h->spa);
    } else {
        if (h->op == WIRE_ARP_REPLY)
            text_string(&t, "arp reply");
        else
            text_field(&t, "arp op ", h->op);
        print_ip(&t, " sender ", h->spa);
        print_ip(&t, " target ", h->tpa);
    }
    text_string(&t, " (");
    text_bytes(&t, h->sha, sizeof h->sha, ':');
    text_string(&t, " to ");
    text_bytes(&t, h->tha, sizeof h->tha, ':');
    text_char(&t, ')');
    return text_finish(&t);
}
