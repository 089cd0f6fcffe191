/* SPDX-License-Identifier: MIT */
/*
 * weir bench lpm: longest-prefix look-ups a second on one core with 1 and with 1,000,000 routes of each family, one
 * address after the other and in bursts, and what the tables take. Addresses are random ones of random routes.
 */
#include <stdlib.h>

#include "base/alloc_heap.h"
#include "base/error.h"
#include "cli/bench.h"
#include "cli/bench_routes.h"
#include "engine/clock.h"
#include "stack/lpm.h"

#define ROUTES 1000000u
#define ADDRESSES 65536u /* looked up over and over */
#define BURST 64u

struct bench_addresses {
    struct ip_addr list[ADDRESSES];
    uint32_t v4[ADDRESSES];
};

typedef struct ip_prefix route_fn(struct random *r);
typedef uint64_t lookup_fn(const struct lpm *t, const struct bench_addresses *a);

static uint64_t look_up_v4(const struct lpm *t, const struct bench_addresses *a)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ADDRESSES; i++)
        sum += lpm_lookup_v4(t, a->v4[i]);
    return sum;
}

static uint64_t look_up_v6(const struct lpm *t, const struct bench_addresses *a)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < ADDRESSES; i++)
        sum += lpm_lookup(t, &a->list[i]);
    return sum;
}

static uint64_t look_up_bursts_v4(const struct lpm *t, const struct bench_addresses *a)
{
    uint32_t values[BURST];
    uint64_t sum = 0;
    for (unsigned i = 0; i < ADDRESSES; i += BURST) {
        lpm_lookup_burst_v4(t, a->v4 + i, BURST, values);
        sum += values[0];
    }
    return sum;
}

static uint64_t look_up_bursts_v6(const struct lpm *t, const struct bench_addresses *a)
{
    uint32_t values[BURST];
    uint64_t sum = 0;
    for (unsigned i = 0; i < ADDRESSES; i += BURST) {
        lpm_lookup_burst_v6(t, a->list + i, BURST, values);
        sum += values[0];
    }
    return sum;
}

/* Look-ups a second, in millions. */
static double lookup_rate(lookup_fn *look_up, const struct lpm *t, const struct bench_addresses *a, int64_t run_ns)
{
    uint64_t lookups = 0;
    int64_t begin = clock_now(), now;
    do {
        uint64_t sum = look_up(t, a);
        __asm__ volatile("" : : "r"(sum));
        lookups += ADDRESSES;
        now = clock_now();
    } while (now - begin < run_ns);
    return (double)lookups * 1e3 / (double)(now - begin);
}

static void draw_addresses(struct bench_addresses *a, route_fn *draw)
{
    struct random r;
    random_seed(&r, 1); /* the routes' own sequence */
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct ip_prefix p = draw(&r);
        struct random rest = r;
        a->list[i] = bench_route_address(&rest, &p);
        a->v4[i] = ip_addr_to_v4(&a->list[i]);
    }
}

static int fill(struct lpm *t, route_fn *draw)
{
    struct random r;
    random_seed(&r, 1);
    while (lpm_count(t) < ROUTES) {
        struct ip_prefix p = draw(&r);
        int error = lpm_add(t, &p, 1 + lpm_count(t));
        if (error < 0 && error != ERR_EXISTS)
            return error;
    }
    return 0;
}

struct family {
    route_fn *draw;
    lookup_fn *single, *burst;
    struct ip_prefix only;
    const char *one_route, *many_routes, *many_routes_burst, *adds, *memory;
};

static const struct family families[] = {
    {bench_route_v4,
     look_up_v4,
     look_up_bursts_v4,
     {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10}}, 8},
     "ipv4_1_route",
     "ipv4_1000000_routes",
     "ipv4_1000000_routes_bursts",
     "ipv4_adds",
     "ipv4_memory"},
    {bench_route_v6,
     look_up_v6,
     look_up_bursts_v6,
     {{{0x20}}, 3},
     "ipv6_1_route",
     "ipv6_1000000_routes",
     "ipv6_1000000_routes_bursts",
     "ipv6_adds",
     "ipv6_memory"},
};

static int measure(const struct family *f, struct bench_addresses *a, int64_t run_ns, struct bench_result *r)
{
    struct lpm t;
    draw_addresses(a, f->draw);
    lpm_init(&t, alloc_heap());
    int error = lpm_add(&t, &f->only, 1);
    if (error < 0)
        goto done;
    bench_record(r, f->one_route, "M/s", lookup_rate(f->single, &t, a, run_ns));
    int64_t begin = clock_now();
    error = fill(&t, f->draw);
    if (error < 0)
        goto done;
    bench_record(r, f->adds, "M/s", (double)ROUTES * 1e3 / (double)(clock_now() - begin));
    bench_record(r, f->memory, "MB", (double)lpm_memory(&t) / 1e6);
    bench_record(r, f->many_routes, "M/s", lookup_rate(f->single, &t, a, run_ns));
    bench_record(r, f->many_routes_burst, "M/s", lookup_rate(f->burst, &t, a, run_ns));
done:
    lpm_free(&t);
    return error < 0 ? bench_fail(r, error, "a table of %u routes: %s", ROUTES, err_text(error)) : 0;
}

int bench_lpm(const struct bench_options *o, struct bench_result *r)
{
    struct bench_addresses *a = malloc(sizeof *a);
    if (!a)
        return bench_fail(r, ERR_NO_MEMORY, "no memory for %u addresses", ADDRESSES);
    int error = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(families) && error == 0; i++)
        error = measure(&families[i], a, o->run_ns / 6, r);
    free(a);
    return error;
}
