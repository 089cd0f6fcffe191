/* SPDX-License-Identifier: MIT */
/*
 * Neighbour Discovery messages: RFC 4861 section 4, validity by 6.1, 7.1 and 8.1. See nd.h.
 * The option walk moves on by at least 8 bytes a turn; a length of 0 ends it with an error.
 */
#include "wire/nd.h"

#include "wire/ip_text.h"

#define OPTION_UNIT 8u
#define OPTION_MAX (255u * OPTION_UNIT)
#define SIZE_LL 8u
#define SIZE_MTU 8u
#define SIZE_PREFIX 32u
#define SIZE_DNS_HEAD 8u
#define SIZE_REDIRECTED_HEAD 8u
#define NONCE_HEAD 2u
#define MAX_PREFIX_LEN 128u

/* Bytes before the options; 0 for a type that is not ND's. */
static size_t fixed_len(uint8_t type)
{
    switch (type) {
    case WIRE_ICMPV6_ROUTER_SOLICITATION:
        return 8;
    case WIRE_ICMPV6_ROUTER_ADVERTISEMENT:
        return 16;
    case WIRE_ICMPV6_NEIGHBOR_SOLICITATION:
    case WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT:
        return 24;
    case WIRE_ICMPV6_REDIRECT:
        return 40;
    default:
        return 0;
    }
}

static void parse_router_advertisement(const uint8_t *m, struct wire_nd *out)
{
    out->hop_limit = m[4];
    out->flags = m[5];
    out->router_lifetime_s = load_be16(m + 6);
    out->reachable_ms = load_be32(m + 8);
    out->retrans_ms = load_be32(m + 12);
}

/* The fields before the options. Returns 0 or ERR_MALFORMED. */
static int parse_fixed(const uint8_t *m, struct wire_nd *out)
{
    switch (out->type) {
    case WIRE_ICMPV6_ROUTER_SOLICITATION:
        return 0;
    case WIRE_ICMPV6_ROUTER_ADVERTISEMENT:
        parse_router_advertisement(m, out);
        return 0;
    case WIRE_ICMPV6_REDIRECT:
        out->destination = ip_addr_from_v6(m + 24);
        break;
    case WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT:
        out->flags = m[4];
        break;
    default:
        break;
    }
    out->target = ip_addr_from_v6(m + 8);
    return ip_addr_is_multicast(&out->target) || ip_addr_is_multicast(&out->destination) ? ERR_MALFORMED : 0;
}

/* Notes an option that may stand once; false when it is wrong or the second. */
static bool take(struct wire_nd *out, enum wire_nd_has bit, bool right_size)
{
    if (!right_size || (out->has & bit) != 0)
        return false;
    out->has = (uint8_t)(out->has | bit);
    return true;
}

static bool read_ll(const uint8_t *option, size_t size, enum wire_nd_has bit, uint8_t *ll, struct wire_nd *out)
{
    if (!take(out, bit, size == SIZE_LL))
        return false;
    memcpy(ll, option + 2, 6);
    return true;
}

static bool read_prefix(const uint8_t *option, size_t size, struct wire_nd *out)
{
    if (size != SIZE_PREFIX || option[2] > MAX_PREFIX_LEN || out->prefix_count == WIRE_ND_MAX_PREFIXES)
        return false;
    struct wire_nd_prefix *p = &out->prefix[out->prefix_count++];
    p->length = option[2];
    p->flags = option[3];
    p->valid_s = load_be32(option + 4);
    p->preferred_s = load_be32(option + 8);
    p->prefix = ip_addr_from_v6(option + 16);
    return true;
}

/* RFC 8106 5.1: a head of 8 bytes and at least one address of 16; what is beyond the cap is left out. */
static bool read_dns(const uint8_t *option, size_t size, struct wire_nd *out)
{
    if (size < SIZE_DNS_HEAD + 16 || (size - SIZE_DNS_HEAD) % 16 != 0)
        return false;
    for (size_t at = SIZE_DNS_HEAD; at < size; at += 16) {
        if (out->dns_count == WIRE_ND_MAX_DNS)
            return false;
        out->dns[out->dns_count++] =
            (struct wire_nd_dns){.server = ip_addr_from_v6(option + at), .lifetime_s = load_be32(option + 4)};
    }
    return true;
}

static bool read_mtu(const uint8_t *option, size_t size, struct wire_nd *out)
{
    if (!take(out, WIRE_ND_HAS_MTU, size == SIZE_MTU))
        return false;
    out->mtu = load_be32(option + 4);
    return true;
}

static bool read_redirected(const uint8_t *option, size_t size, struct wire_nd *out)
{
    if (!take(out, WIRE_ND_HAS_REDIRECTED, true))
        return false;
    out->redirected = option + SIZE_REDIRECTED_HEAD;
    out->redirected_len = (uint16_t)(size - SIZE_REDIRECTED_HEAD);
    return true;
}

static bool read_nonce(const uint8_t *option, size_t size, struct wire_nd *out)
{
    if (!take(out, WIRE_ND_HAS_NONCE, true))
        return false;
    out->nonce = option + NONCE_HEAD;
    out->nonce_len = (uint16_t)(size - NONCE_HEAD);
    return true;
}

/* One option of size bytes, at least 8 and all present. False when it is to be counted as ignored. */
static bool read_option(const uint8_t *option, size_t size, struct wire_nd *out)
{
    switch (option[0]) {
    case WIRE_ND_OPT_SOURCE_LL:
        return read_ll(option, size, WIRE_ND_HAS_SOURCE_LL, out->source_ll, out);
    case WIRE_ND_OPT_TARGET_LL:
        return read_ll(option, size, WIRE_ND_HAS_TARGET_LL, out->target_ll, out);
    case WIRE_ND_OPT_PREFIX:
        return read_prefix(option, size, out);
    case WIRE_ND_OPT_REDIRECTED:
        return read_redirected(option, size, out);
    case WIRE_ND_OPT_MTU:
        return read_mtu(option, size, out);
    case WIRE_ND_OPT_NONCE:
        return read_nonce(option, size, out);
    case WIRE_ND_OPT_RDNSS:
        return read_dns(option, size, out);
    default:
        return true;
    }
}

static int parse_options(const uint8_t *options, size_t length, struct wire_nd *out)
{
    for (size_t at = 0; at < length;) {
        size_t left = length - at;
        if (left < OPTION_UNIT || options[at + 1] == 0 || options[at + 1] * OPTION_UNIT > left)
            return ERR_MALFORMED;
        size_t size = options[at + 1] * OPTION_UNIT;
        if (!read_option(options + at, size, out) && out->ignored < UINT8_MAX)
            out->ignored++;
        at += size;
    }
    return 0;
}

int wire_nd_parse(const uint8_t *message, size_t length, struct wire_nd *out)
{
    if (length < WIRE_ICMPV6_LEN)
        return ERR_TRUNCATED;
    memset(out, 0, sizeof *out);
    out->type = message[0];
    size_t fixed = fixed_len(out->type);
    if (fixed == 0)
        return ERR_UNSUPPORTED;
    if (message[1] != 0)
        return ERR_MALFORMED;
    if (length < fixed)
        return ERR_TRUNCATED;
    if (parse_fixed(message, out) < 0 || parse_options(message + fixed, length - fixed, out) < 0)
        return ERR_MALFORMED;
    return (int)length;
}

static bool is_link_local_v6(const struct ip_addr *a) { return !ip_addr_is_v4(a) && ip_addr_is_link_local(a); }

int wire_nd_check(const struct wire_nd *h, const struct ip_addr *src, const struct ip_addr *dst, uint8_t hop_limit)
{
    bool anonymous = ip_addr_is_unspecified(src);
    bool source_ll = (h->has & WIRE_ND_HAS_SOURCE_LL) != 0;
    bool good;
    switch (h->type) {
    case WIRE_ICMPV6_ROUTER_SOLICITATION: /* 6.1.1 */
        good = !(anonymous && source_ll);
        break;
    case WIRE_ICMPV6_ROUTER_ADVERTISEMENT: /* 6.1.2 */
    case WIRE_ICMPV6_REDIRECT:             /* 8.1 */
        good = is_link_local_v6(src);
        break;
    case WIRE_ICMPV6_NEIGHBOR_SOLICITATION: /* 7.1.1 */
        good = !anonymous || (!source_ll && ip_addr_is_solicited_node(dst));
        break;
    case WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT: /* 7.1.2 */
        good = !((h->flags & WIRE_ND_NA_SOLICITED) != 0 && ip_addr_is_multicast(dst));
        break;
    default:
        good = false;
        break;
    }
    return good && hop_limit == WIRE_ND_HOP_LIMIT ? 0 : ERR_PROTOCOL;
}

/* Where a message is being written. After the first option without room, `full` stays true. */
struct writer {
    uint8_t *to;
    size_t room, at;
    bool full;
};

/* Zeroed room for an option of size bytes (a multiple of 8, at most OPTION_MAX) with type and length set, or NULL. */
static uint8_t *put_option(struct writer *w, enum wire_nd_option_type type, size_t size)
{
    if (w->full || w->room - w->at < size) {
        w->full = true;
        return NULL;
    }
    uint8_t *option = w->to + w->at;
    memset(option, 0, size);
    option[0] = (uint8_t)type;
    option[1] = (uint8_t)(size / OPTION_UNIT);
    w->at += size;
    return option;
}

static void put_bytes(struct writer *w, enum wire_nd_option_type type, size_t head, const uint8_t *bytes, size_t n)
{
    uint8_t *option = put_option(w, type, head + n);
    if (option != NULL && n > 0)
        memcpy(option + head, bytes, n);
}

static void put_mtu(struct writer *w, uint32_t mtu)
{
    uint8_t *option = put_option(w, WIRE_ND_OPT_MTU, SIZE_MTU);
    if (option != NULL)
        store_be32(option + 4, mtu);
}

static void put_prefix(struct writer *w, const struct wire_nd_prefix *p)
{
    uint8_t *option = put_option(w, WIRE_ND_OPT_PREFIX, SIZE_PREFIX);
    if (option == NULL)
        return;
    option[2] = p->length;
    option[3] = p->flags;
    store_be32(option + 4, p->valid_s);
    store_be32(option + 8, p->preferred_s);
    memcpy(option + 16, p->prefix.bytes, 16);
}

static void put_dns(struct writer *w, const struct wire_nd_dns *d)
{
    uint8_t *option = put_option(w, WIRE_ND_OPT_RDNSS, SIZE_DNS_HEAD + 16);
    if (option == NULL)
        return;
    store_be32(option + 4, d->lifetime_s);
    memcpy(option + SIZE_DNS_HEAD, d->server.bytes, 16);
}

static void put_options(struct writer *w, const struct wire_nd *h)
{
    if (h->has & WIRE_ND_HAS_SOURCE_LL)
        put_bytes(w, WIRE_ND_OPT_SOURCE_LL, 2, h->source_ll, sizeof h->source_ll);
    if (h->has & WIRE_ND_HAS_TARGET_LL)
        put_bytes(w, WIRE_ND_OPT_TARGET_LL, 2, h->target_ll, sizeof h->target_ll);
    if (h->has & WIRE_ND_HAS_MTU)
        put_mtu(w, h->mtu);
    for (unsigned i = 0; i < h->prefix_count; i++)
        put_prefix(w, &h->prefix[i]);
    for (unsigned i = 0; i < h->dns_count; i++)
        put_dns(w, &h->dns[i]);
    if (h->has & WIRE_ND_HAS_NONCE)
        put_bytes(w, WIRE_ND_OPT_NONCE, NONCE_HEAD, h->nonce, h->nonce_len);
    if (h->has & WIRE_ND_HAS_REDIRECTED)
        put_bytes(w, WIRE_ND_OPT_REDIRECTED, SIZE_REDIRECTED_HEAD, h->redirected, h->redirected_len);
}

static bool can_build(const struct wire_nd *h)
{
    if (fixed_len(h->type) == 0 || h->prefix_count > WIRE_ND_MAX_PREFIXES || h->dns_count > WIRE_ND_MAX_DNS)
        return false;
    for (unsigned i = 0; i < h->prefix_count; i++)
        if (h->prefix[i].length > MAX_PREFIX_LEN)
            return false;
    if ((h->has & WIRE_ND_HAS_NONCE) != 0 && (h->nonce_len % 8 != 6 || h->nonce_len > OPTION_MAX - NONCE_HEAD))
        return false;
    return (h->has & WIRE_ND_HAS_REDIRECTED) == 0 ||
           (h->redirected_len % 8 == 0 && h->redirected_len <= OPTION_MAX - SIZE_REDIRECTED_HEAD);
}

static void put_fixed(uint8_t *to, const struct wire_nd *h)
{
    memset(to, 0, fixed_len(h->type));
    to[0] = h->type;
    if (h->type == WIRE_ICMPV6_ROUTER_ADVERTISEMENT) {
        to[4] = h->hop_limit;
        to[5] = h->flags;
        store_be16(to + 6, h->router_lifetime_s);
        store_be32(to + 8, h->reachable_ms);
        store_be32(to + 12, h->retrans_ms);
        return;
    }
    if (h->type == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT)
        to[4] = h->flags;
    if (h->type != WIRE_ICMPV6_ROUTER_SOLICITATION)
        memcpy(to + 8, h->target.bytes, 16);
    if (h->type == WIRE_ICMPV6_REDIRECT)
        memcpy(to + 24, h->destination.bytes, 16);
}

int wire_nd_build(uint8_t *to, size_t room, const struct wire_nd *h)
{
    if (!can_build(h))
        return ERR_INVALID;
    struct writer w = {.to = to, .room = room, .at = fixed_len(h->type)};
    if (room < w.at)
        return ERR_NO_SPACE;
    put_fixed(to, h);
    put_options(&w, h);
    return w.full ? ERR_NO_SPACE : (int)w.at;
}

static const char *type_text(uint8_t type)
{
    switch (type) {
    case WIRE_ICMPV6_ROUTER_SOLICITATION:
        return "router solicitation";
    case WIRE_ICMPV6_ROUTER_ADVERTISEMENT:
        return "router advertisement";
    case WIRE_ICMPV6_NEIGHBOR_SOLICITATION:
        return "neighbor solicitation who has ";
    case WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT:
        return "neighbor advertisement of ";
    case WIRE_ICMPV6_REDIRECT:
        return "redirect to ";
    default:
        return "not neighbor discovery";
    }
}

static void print_flag(struct text *t, uint8_t flags, enum wire_nd_flag flag, const char *name)
{
    if ((flags & flag) != 0)
        text_string(t, name);
}

static void print_fixed(struct text *t, const struct wire_nd *h)
{
    text_string(t, type_text(h->type));
    if (h->type == WIRE_ICMPV6_ROUTER_ADVERTISEMENT) {
        print_flag(t, h->flags, WIRE_ND_RA_MANAGED, " managed");
        print_flag(t, h->flags, WIRE_ND_RA_OTHER, " other");
        text_field(t, " hlim ", h->hop_limit);
        text_field(t, " lifetime ", h->router_lifetime_s);
        return;
    }
    if (fixed_len(h->type) >= fixed_len(WIRE_ICMPV6_NEIGHBOR_SOLICITATION))
        text_ip_addr(t, &h->target);
    if (h->type == WIRE_ICMPV6_REDIRECT) {
        text_string(t, " for ");
        text_ip_addr(t, &h->destination);
    }
    if (h->type == WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT) {
        print_flag(t, h->flags, WIRE_ND_NA_ROUTER, " router");
        print_flag(t, h->flags, WIRE_ND_NA_SOLICITED, " solicited");
        print_flag(t, h->flags, WIRE_ND_NA_OVERRIDE, " override");
    }
}

static void print_ll(struct text *t, const struct wire_nd *h, enum wire_nd_has bit, const char *label,
                     const uint8_t *ll)
{
    if ((h->has & bit) == 0)
        return;
    text_string(t, label);
    text_bytes(t, ll, 6, ':');
}

int wire_nd_print(char *to, size_t size, const struct wire_nd *h)
{
    struct text t = text_into(to, size);
    print_fixed(&t, h);
    print_ll(&t, h, WIRE_ND_HAS_SOURCE_LL, " source ", h->source_ll);
    print_ll(&t, h, WIRE_ND_HAS_TARGET_LL, " target ", h->target_ll);
    if (h->has & WIRE_ND_HAS_MTU)
        text_field(&t, " mtu ", h->mtu);
    for (unsigned i = 0; i < h->prefix_count && i < WIRE_ND_MAX_PREFIXES; i++) {
        text_string(&t, " prefix ");
        text_ip_addr(&t, &h->prefix[i].prefix);
        text_field(&t, "/", h->prefix[i].length);
    }
    for (unsigned i = 0; i < h->dns_count && i < WIRE_ND_MAX_DNS; i++) {
        text_string(&t, " dns ");
        text_ip_addr(&t, &h->dns[i].server);
    }
    return text_finish(&t);
}
