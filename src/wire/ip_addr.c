/* SPDX-License-Identifier: MIT */
/*
 * IP addresses and prefixes as text: RFC 4291 2.2 and 2.3 read strictly, RFC 5952 section 4 written.
 * Freestanding; nothing reads past the length given, texts need no terminator.
 */
#include "wire/ip_addr.h"

#include "base/error.h"
#include "wire/text.h"

#define GROUPS 8u

/*
 * Decimal digits at text[*at], without leading zeros and not over max; moves *at behind them. False when there are
 * none such.
 */
static bool read_decimal(const char *text, size_t length, size_t *at, unsigned max, unsigned *out)
{
    size_t start = *at;
    unsigned v = 0;
    while (*at < length && text[*at] >= '0' && text[*at] <= '9') {
        v = v * 10 + (unsigned)(text[*at] - '0');
        if (v > max)
            return false;
        ++*at;
    }
    *out = v;
    return *at > start && (*at == start + 1 || text[start] != '0');
}

static bool parse_v4(const char *text, size_t length, uint32_t *out)
{
    size_t at = 0;
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned octet;
        if (i > 0 && (at >= length || text[at++] != '.'))
            return false;
        if (!read_decimal(text, length, &at, 255, &octet))
            return false;
        v = v << 8 | octet;
    }
    *out = v;
    return at == length;
}

/* The groups of an IPv6 address as far as read; gap: how many stood in front of "::", or -1. */
struct groups {
    uint16_t group[GROUPS];
    unsigned count;
    int gap;
};

/* One to four hex digits at text[*at]. */
static bool read_group(const char *text, size_t length, size_t *at, struct groups *g)
{
    unsigned v = 0;
    size_t start = *at;
    while (*at < length && *at < start + 4 && text_hex_value(text[*at]) >= 0)
        v = v << 4 | (unsigned)text_hex_value(text[(*at)++]);
    if (*at == start || g->count == GROUPS)
        return false;
    g->group[g->count++] = (uint16_t)v;
    return true;
}

/* The third form: the last two groups as a dotted quad. */
static bool read_tail_v4(const char *text, size_t length, struct groups *g)
{
    uint32_t v4;
    if (g->count > GROUPS - 2 || !parse_v4(text, length, &v4))
        return false;
    g->group[g->count++] = (uint16_t)(v4 >> 16);
    g->group[g->count++] = (uint16_t)v4;
    return true;
}

static bool is_tail_v4(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && text[at] >= '0' && text[at] <= '9')
        at++;
    return at < length && text[at] == '.';
}

/* A colon behind a group; with a second one it is the gap. False when it is the last character or a second gap. */
static bool read_colons(const char *text, size_t length, size_t *at, struct groups *g)
{
    if (text[(*at)++] != ':' || *at == length)
        return false;
    if (text[*at] != ':')
        return true;
    ++*at;
    if (g->gap >= 0)
        return false;
    g->gap = (int)g->count;
    return true;
}

static bool read_groups(const char *text, size_t length, struct groups *g)
{
    size_t at = 0;
    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        g->gap = 0;
        at = 2;
    }
    while (at < length) {
        if (is_tail_v4(text + at, length - at))
            return read_tail_v4(text + at, length - at, g);
        if (!read_group(text, length, &at, g))
            return false;
        if (at < length && !read_colons(text, length, &at, g))
            return false;
    }
    return true;
}

static bool parse_v6(const char *text, size_t length, struct ip_addr *out)
{
    struct groups g = {.count = 0, .gap = -1};
    if (!read_groups(text, length, &g))
        return false;
    if (g.gap < 0 ? g.count != GROUPS : g.count == GROUPS)
        return false;
    struct ip_addr a = {{0}};
    unsigned before = g.gap < 0 ? GROUPS : (unsigned)g.gap;
    for (unsigned i = 0; i < g.count; i++) {
        unsigned place = i < before ? i : GROUPS - g.count + i;
        store_be16(a.bytes + (size_t)2 * place, g.group[i]);
    }
    *out = a;
    return true;
}

int ip_addr_parse(const char *text, size_t length, struct ip_addr *out)
{
    uint32_t v4;
    if (parse_v4(text, length, &v4)) {
        *out = ip_addr_from_v4(v4);
        return 0;
    }
    return parse_v6(text, length, out) ? 0 : ERR_MALFORMED;
}

int ip_prefix_parse(const char *text, size_t length, struct ip_prefix *out)
{
    size_t slash = 0;
    while (slash < length && text[slash] != '/')
        slash++;
    struct ip_prefix p;
    if (ip_addr_parse(text, slash, &p.addr) < 0)
        return ERR_MALFORMED;
    unsigned bits = ip_addr_bits(&p.addr);
    if (slash < length) {
        size_t at = slash + 1;
        if (!read_decimal(text, length, &at, bits, &bits) || at != length)
            return ERR_MALFORMED;
    }
    p.length = (uint8_t)bits;
    *out = p;
    return 0;
}

static void print_v4(struct text *t, uint32_t a)
{
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        if (shift < 32)
            text_char(t, '.');
        text_u64(t, a >> (shift - 8) & 255u);
    }
}

/* How many zero groups there are from group i on. */
static unsigned zero_run(const struct ip_addr *a, unsigned i)
{
    unsigned n = 0;
    while (i + n < GROUPS && load_be16(a->bytes + (size_t)2 * (i + n)) == 0)
        n++;
    return n;
}

/* The longest run of zero groups, the first of equals, at least two (RFC 5952 4.2); length 0 when there is none. */
static unsigned longest_zero_run(const struct ip_addr *a, unsigned *start)
{
    unsigned longest = 0;
    *start = GROUPS;
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned n = zero_run(a, i);
        if (n > longest && n >= 2) {
            longest = n;
            *start = i;
        }
    }
    return longest;
}

static void print_v6(struct text *t, const struct ip_addr *a)
{
    unsigned start;
    unsigned run = longest_zero_run(a, &start);
    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == start) {
            text_string(t, "::");
            i += run - 1;
            continue;
        }
        if (i > 0 && i != start + run)
            text_char(t, ':');
        text_hex(t, load_be16(a->bytes + (size_t)2 * i), 1);
    }
}

static void print_addr(struct text *t, const struct ip_addr *a)
{
    if (ip_addr_is_v4(a))
        print_v4(t, ip_addr_to_v4(a));
    else
        print_v6(t, a);
}

int ip_addr_print(char *to, size_t size, const struct ip_addr *a)
{
    struct text t = text_into(to, size);
    print_addr(&t, a);
    return text_finish(&t);
}

int ip_prefix_print(char *to, size_t size, const struct ip_prefix *prefix)
{
    struct text t = text_into(to, size);
    print_addr(&t, &prefix->addr);
    text_field(&t, "/", prefix->length);
    return text_finish(&t);
}

int ipv4_addr_print(char *to, size_t size, uint32_t a)
{
    struct text t = text_into(to, size);
    print_v4(&t, a);
    return text_finish(&t);
}

struct ip_addr ip_addr_link_local(const uint8_t mac[6])
{
    return (struct ip_addr){
        {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2u, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]}};
}

struct ip_addr ip_addr_solicited_node(const struct ip_addr *a)
{
    struct ip_addr group = {{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff}};
    memcpy(group.bytes + 13, a->bytes + 13, 3);
    return group;
}

/* The first `bits` (0 to 64) bits of a 64-bit word are equal. */
static bool same_bits(uint64_t a, uint64_t b, unsigned bits) { return bits == 0 || (a ^ b) >> (64 - bits) == 0; }

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *a)
{
    bool v4 = ip_addr_is_v4(&prefix->addr);
    if (v4 != ip_addr_is_v4(a))
        return false;
    unsigned bits = (unsigned)min_u32(prefix->length, v4 ? 32 : 128) + (v4 ? 96 : 0);
    unsigned first = bits < 64 ? bits : 64;
    return same_bits(load_be64(prefix->addr.bytes), load_be64(a->bytes), first) &&
           same_bits(load_be64(prefix->addr.bytes + 8), load_be64(a->bytes + 8), bits - first);
}

struct ip_addr ip_addr_add(const struct ip_addr *a, uint64_t n)
{
    if (ip_addr_is_v4(a))
        return ip_addr_from_v4(ip_addr_to_v4(a) + (uint32_t)n);
    struct ip_addr sum;
    uint64_t low = load_be64(a->bytes + 8) + n;
    store_be64(sum.bytes + 8, low);
    store_be64(sum.bytes, load_be64(a->bytes) + (low < n));
    return sum;
}
