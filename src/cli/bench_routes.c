/* SPDX-License-Identifier: MIT */
/*
 * See bench_routes.h. A length is drawn by thousandths.
 */
#include "cli/bench_routes.h"

struct share {
    uint8_t length;
    uint16_t thousandths;
};

static const struct share shares_v4[] = {
    {24, 592}, {23, 98}, {22, 115}, {21, 53}, {20, 45}, {19, 26}, {18, 15}, {17, 9},
    {16, 14},  {15, 12}, {14, 8},   {13, 5},  {12, 4},  {11, 2},  {10, 1},  {8, 1},
};
static const struct share shares_v6[] = {
    {48, 460}, {32, 120}, {44, 110}, {40, 80}, {36, 45}, {46, 40}, {47, 35}, {45, 25}, {42, 20},
    {33, 15},  {34, 10},  {38, 10},  {29, 10}, {35, 8},  {28, 5},  {24, 4},  {20, 3},
};

static uint8_t draw_length(struct random *r, const struct share *shares)
{
    uint32_t at = (uint32_t)random_below(r, 1000);
    while (at >= shares->thousandths)
        at -= (shares++)->thousandths;
    return shares->length;
}

/* The bits behind the prefix's length, set as in `rest`. */
static struct ip_addr with_rest(const struct ip_prefix *p, const struct ip_addr *rest)
{
    struct ip_addr a = p->addr;
    unsigned length = ip_addr_is_v4(&p->addr) ? p->length + 96u : p->length;
    for (unsigned i = 0; i < 16; i++) {
        unsigned fixed = length > 8 * i ? min_u32(length - 8 * i, 8) : 0;
        uint8_t mask = (uint8_t)(0xff00u >> fixed);
        a.bytes[i] = (uint8_t)((a.bytes[i] & mask) | (rest->bytes[i] & ~mask));
    }
    return a;
}

struct ip_prefix bench_route_v4(struct random *r)
{
    uint8_t length = draw_length(r, shares_v4);
    uint32_t address = 0x01000000u + (uint32_t)random_below(r, 0xdf000000u);
    return (struct ip_prefix){ip_addr_from_v4(address & ipv4_addr_mask(length)), length};
}

struct ip_prefix bench_route_v6(struct random *r)
{
    static const struct ip_addr zero;
    struct ip_prefix p = {.length = draw_length(r, shares_v6)};
    store_be32(p.addr.bytes, 0x20000000u | (uint32_t)(random_below(r, 65536) * 8191 & 0x1fffffff));
    store_be64(p.addr.bytes + 4, random_u64(r));
    p.addr = with_rest(&p, &zero);
    return p;
}

struct ip_addr bench_route_address(struct random *r, const struct ip_prefix *p)
{
    struct ip_addr rest;
    store_be64(rest.bytes, random_u64(r));
    store_be64(rest.bytes + 8, random_u64(r));
    return with_rest(p, &rest);
}
