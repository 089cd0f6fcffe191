/* SPDX-License-Identifier: MIT */
/*
 * Made-up routes for benches and tests, whose prefix lengths are about those of the Internet's table in 2024 (rounded,
 * not taken from a snapshot). IPv4: 59 % are /24, 31 % /20 to /23, 6 % /16 to /19, the rest /8 to /15. IPv6: 46 % /48,
 * 12 % /32, 11 % /44, 8 % /40, the rest between /20 and /47.
 *
 * Prefixes are uniform over 1.0.0.0 to 223.255.255.255, and over 2000::/3 in 65,536 allocations of a /32 each. The
 * real ones lie closer together; these need more memory and more cache, not less.
 */
#ifndef WEIR_CLI_BENCH_ROUTES_H
#define WEIR_CLI_BENCH_ROUTES_H

#include "base/random.h"
#include "wire/ip_addr.h"

struct ip_prefix bench_route_v4(struct random *r);
struct ip_prefix bench_route_v6(struct random *r);
/* A random address of the prefix. */
struct ip_addr bench_route_address(struct random *r, const struct ip_prefix *p);

#endif
