/* SPDX-License-Identifier: MIT */
/*
 * Parsers of addresses: RFC 4291 section 2.2 (IPv6 text forms).
 */
#include "config/address.h"

#include <string.h>

#define GROUPS 8

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A decimal number of one to three digits without leading zeros; its length, 0 when there is none. */
static size_t decimal_read(const char *text, size_t length, unsigned most, unsigned *value)
{
    size_t n = 0;
    *value = 0;
    for (; n < length && n < 3 && text[n] >= '0' && text[n] <= '9'; n++)
        *value = *value * 10 + (unsigned)(text[n] - '0');
    return *value > most || (n > 1 && text[0] == '0') ? 0 : n;
}

bool config_address_ipv4(const char *text, size_t length, uint32_t *address)
{
    *address = 0;
    for (unsigned part = 0; part < 4; part++) {
        if (part && (length == 0 || *text != '.'))
            return false;
        text += part != 0;
        length -= part != 0;
        unsigned value;
        size_t n = decimal_read(text, length, 255, &value);
        if (n == 0)
            return false;
        *address = *address << 8 | value;
        text += n;
        length -= n;
    }
    return length == 0;
}

struct groups {
    uint16_t value[GROUPS];
    unsigned count;
    int gap; /* the group before which `::` stands; -1: nowhere */
};

static bool group_add(struct groups *g, unsigned value)
{
    if (g->count == GROUPS)
        return false;
    g->value[g->count++] = (uint16_t)value;
    return true;
}

/* One to four hexadecimal digits; their number, 0 when there are none or more. */
static size_t group_read(const char *text, size_t length, unsigned *value)
{
    size_t n = 0;
    *value = 0;
    for (; n < length && hex_digit(text[n]) >= 0; n++)
        *value = (*value << 4 | (unsigned)hex_digit(text[n])) & 0xfffff;
    return n <= 4 ? n : 0;
}

/* The last 32 bits in IPv4's form. */
static bool tail_ipv4(struct groups *g, const char *text, size_t length)
{
    uint32_t address;
    return config_address_ipv4(text, length, &address) && group_add(g, address >> 16) && group_add(g, address & 0xffff);
}

/* Reads groups to the end. text stands at the start of a group, or behind `::`. */
static bool groups_read(struct groups *g, const char *text, size_t length)
{
    while (length > 0) {
        unsigned value;
        size_t n = group_read(text, length, &value);
        if (n > 0 && n < length && text[n] == '.')
            return tail_ipv4(g, text, length);
        if (n == 0 || !group_add(g, value))
            return false;
        text += n;
        length -= n;
        if (length == 0)
            return true;
        if (*text != ':' || length == 1)
            return false;
        text++;
        length--;
        if (*text != ':')
            continue;
        if (g->gap >= 0)
            return false;
        g->gap = (int)g->count;
        text++;
        length--;
    }
    return true;
}

static void groups_store(const struct groups *g, uint8_t address[16])
{
    unsigned left_out = GROUPS - g->count, to = 0;
    memset(address, 0, 16);
    for (unsigned from = 0; from < g->count; from++, to++) {
        if ((int)from == g->gap)
            to += left_out;
        address[2 * to] = (uint8_t)(g->value[from] >> 8);
        address[2 * to + 1] = (uint8_t)g->value[from];
    }
}

bool config_address_ipv6(const char *text, size_t length, uint8_t address[16])
{
    struct groups g = {.gap = -1};
    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        g.gap = 0;
        text += 2;
        length -= 2;
    }
    if (!groups_read(&g, text, length) || (g.gap >= 0 ? g.count == GROUPS : g.count != GROUPS))
        return false;
    groups_store(&g, address);
    return true;
}

bool config_address_any(const char *text, size_t length, uint8_t address[16])
{
    uint32_t ipv4;
    if (!config_address_ipv4(text, length, &ipv4))
        return config_address_ipv6(text, length, address);
    memcpy(address, mapped, sizeof mapped);
    for (unsigned i = 0; i < 4; i++)
        address[12 + i] = (uint8_t)(ipv4 >> (24 - 8 * i));
    return true;
}

bool config_address_mac(const char *text, size_t length, uint8_t address[6])
{
    if (length != 17)
        return false;
    char separator = text[2];
    if (separator != ':' && separator != '-')
        return false;
    for (unsigned i = 0; i < 6; i++, text += 3) {
        int high = hex_digit(text[0]), low = hex_digit(text[1]);
        if (high < 0 || low < 0 || (i < 5 && text[2] != separator))
            return false;
        address[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool config_address_split(const char *text, unsigned most, size_t *address_length, uint8_t *prefix_length)
{
    const char *slash = strchr(text, '/');
    if (!slash)
        return false;
    unsigned value;
    size_t n = decimal_read(slash + 1, strlen(slash + 1), most, &value);
    *address_length = (size_t)(slash - text);
    *prefix_length = (uint8_t)value;
    return n > 0 && slash[1 + n] == '\0';
}
