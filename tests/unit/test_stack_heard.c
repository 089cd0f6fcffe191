/* SPDX-License-Identifier: MIT */
/*
 * What routers said, shown and told to the stack's administrator: routes come, change and go with news of each; addresses
 * are told with the lifetimes that they have. Whoever only follows the news knows what a walk shows.
 */
#include "unit/autoconf_rig.h"

#include "base/error.h"
#include "base/random.h"
#include "stack/ra.h"
#include "support/cmocka_all.h"

#define MAX_ROUTES 64u
#define MAX_LOG 64u

/* What follows from the news alone. */
struct follower {
    struct rig *r;
    struct stack_route route[MAX_ROUTES]; /* by number; local 0: none */
    unsigned added, removed;
    unsigned n_log;
    struct {
        enum stack_change what;
        uint32_t number;
        struct stack_address address;
    } log[MAX_LOG]; /* of addresses */
};

static bool heard_at(const struct stack *s, uint32_t number, struct stack_route *out)
{
    return stack_next_heard_route(s, number - 1, out) == number;
}

static void on_change(void *context, enum stack_change what, uint32_t number, int64_t now)
{
    struct follower *f = context;
    struct stack_route route;
    (void)now;
    switch (what) {
    case STACK_HEARD_ROUTE_ADDED:
    case STACK_HEARD_ROUTE_REMOVED:
        assert_true(number < MAX_ROUTES);
        assert_true(heard_at(f->r->stack, number, &route)); /* also while it goes */
        assert_int_equal(f->route[number].local == 0, what == STACK_HEARD_ROUTE_ADDED);
        if (what == STACK_HEARD_ROUTE_ADDED)
            f->added++;
        else
            f->removed++;
        f->route[number] = what == STACK_HEARD_ROUTE_ADDED ? route : (struct stack_route){.local = 0};
        break;
    case STACK_HOST_ADDED:
    case STACK_HOST_REMOVED:
    case STACK_HOST_STATE_CHANGED:
        assert_true(f->n_log < MAX_LOG);
        f->log[f->n_log].what = what;
        f->log[f->n_log].number = number;
        assert_true(stack_view_address(f->r->stack, number, &f->log[f->n_log++].address));
        break;
    default:
        break;
    }
}

static struct follower follower;

static struct follower *follow(struct rig *r)
{
    follower = (struct follower){.r = r};
    stack_on_change(r->stack, on_change, &follower);
    return &follower;
}

static bool same_route(const struct stack_route *a, const struct stack_route *b)
{
    return ip_addr_equal(&a->prefix, &b->prefix) && ip_addr_equal(&a->gateway, &b->gateway) && a->length == b->length &&
           a->preference == b->preference;
}

/*
 * The walk shows as many routes as the news left, the same by content: the order of routers, and with it their numbers,
 * may change without news.
 */
static void expect_followed(const struct follower *f)
{
    struct stack_route route;
    unsigned shown = 0, left = f->added - f->removed;
    for (uint32_t i = 0; (i = stack_next_heard_route(f->r->stack, i, &route)) != 0; shown++) {
        assert_int_not_equal(route.local, 0);
        assert_true(route.until > f->r->now);
    }
    assert_int_equal(shown, left);
}

static void hear(struct rig *r, uint16_t lifetime_s, uint8_t flags, uint32_t valid_s, uint32_t preferred_s)
{
    struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, valid_s, preferred_s);
    m.router_lifetime_s = lifetime_s;
    m.flags = flags;
    auto_hear(r, &m);
}

static void test_routes_come_change_and_go_with_news(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct follower *f = follow(r);
    struct stack_route route;
    hear(r, 100, 0, 50, 40);
    assert_int_equal(f->added, 2);
    uint32_t first = stack_next_heard_route(r->stack, 0, &route);
    assert_int_equal(first, 1);
    assert_true(ip_addr_equal(&route.gateway, &GATEWAY6));
    assert_int_equal(route.length, 0);
    assert_int_equal(route.preference, RA_PREFERENCE_MEDIUM);
    assert_int_equal(route.until, r->now + 100 * NS_PER_S);
    assert_int_equal(route.local, r->us);
    uint32_t second = stack_next_heard_route(r->stack, first, &route);
    assert_true(second > first && ip_addr_equal(&route.prefix, &AUTO_PREFIX) && route.length == 64);
    assert_int_equal(route.until, r->now + 50 * NS_PER_S);
    assert_int_equal(stack_next_heard_route(r->stack, second, &route), 0);
    assert_int_equal(stack_next_heard_route(r->stack, UINT32_MAX, &route), 0);
    hear(r, 200, 0, 50, 40); /* a longer life is no news */
    assert_int_equal(f->added + f->removed, 2);
    hear(r, 200, 8, 50, 40); /* another preference is another route: RFC 4191 */
    assert_int_equal(f->added, 3);
    assert_int_equal(f->removed, 1);
    assert_int_equal(f->route[1].preference, RA_PREFERENCE_HIGH);
    auto_pass(r, 51 * NS_PER_S);
    assert_int_equal(f->removed, 2);
    assert_true(heard_at(r->stack, 1, &route));
    hear(r, 0, 8, 50, 40);
    assert_int_equal(f->removed, 3);
    hear(r, 0, 8, 0, 0);
    assert_int_equal(f->added, f->removed);
    expect_followed(f);
    rig_free(r);
}

static void test_a_router_is_over_with_its_lifetime(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct follower *f = follow(r);
    hear(r, 10, 0, 5000, 4000);
    assert_int_equal(f->added, 2);
    auto_pass(r, 9 * NS_PER_S);
    assert_int_equal(f->removed, 0);
    auto_pass(r, 2 * NS_PER_S);
    assert_int_equal(f->removed, 1);
    assert_int_equal(f->route[1].local, 0);
    expect_followed(f);
    rig_free(r);
}

static void test_an_address_is_told_as_what_it_is(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct follower *f = follow(r);
    hear(r, 100, 0, 50, 40);
    assert_int_equal(f->n_log, 1);
    assert_int_equal(f->log[0].what, STACK_HOST_ADDED);
    assert_int_equal(f->log[0].address.station, r->us);
    assert_int_equal(f->log[0].address.state, STACK_ADDRESS_TENTATIVE);
    assert_int_equal(f->log[0].address.valid_until, r->now + 50 * NS_PER_S);
    auto_pass(r, 3 * NS_PER_S);
    assert_int_equal(f->n_log, 2);
    assert_int_equal(f->log[1].address.state, STACK_ADDRESS_PREFERRED);
    hear(r, 100, 0, 50, 40);
    assert_int_equal(f->n_log, 3);
    assert_int_equal(f->log[2].what, STACK_HOST_STATE_CHANGED);
    assert_int_equal(f->log[2].address.preferred_until, r->now + 40 * NS_PER_S);
    auto_pass(r, 41 * NS_PER_S);
    assert_int_equal(f->n_log, 4);
    assert_int_equal(f->log[3].address.state, STACK_ADDRESS_DEPRECATED);
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(f->n_log, 5);
    assert_int_equal(f->log[4].what, STACK_HOST_REMOVED);
    rig_free(r);
}

static void test_routes_are_shown_as_long_as_a_station_listens(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    const struct ip_addr other = {{0xfe, 0x80, [8] = 7, [15] = 9}};
    struct host_settings h = {.address = other, .prefix_length = 64, .autoconf = true};
    struct stack_route route;
    struct follower *f = follow(r);
    hear(r, 1000, 0, 5000, 4000);
    assert_int_equal(f->added, 2);
    int second = stack_add_host(r->stack, &h);
    assert_true(second > 0);
    assert_int_equal(f->added, 2);
    assert_int_equal(stack_remove_host(r->stack, r->us, r->now), 0);
    assert_int_equal(f->removed, 0);
    assert_int_equal(stack_next_heard_route(r->stack, 0, &route), 1);
    assert_int_equal(route.local, second);
    assert_int_equal(stack_remove_host(r->stack, (uint32_t)second, r->now), 0);
    assert_int_equal(f->removed, 2);
    assert_int_equal(stack_next_heard_route(r->stack, 0, &route), 0);
    assert_true(stack_add_host(r->stack, &h) > 0); /* what its domain heard is there still */
    assert_int_equal(f->added, 4);
    expect_followed(f);
    rig_free(r);
}

static void expect_content(const struct follower *f)
{
    struct stack_route route;
    for (uint32_t i = 0; (i = stack_next_heard_route(f->r->stack, i, &route)) != 0;) {
        unsigned n = 0;
        for (unsigned k = 0; k < MAX_ROUTES; k++)
            n += f->route[k].local != 0 && same_route(&f->route[k], &route);
        assert_int_equal(n, 1);
    }
}

static void test_whoever_follows_the_news_knows_what_is_shown(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    struct follower *f = follow(r);
    struct random random;
    random_seed(&random, 7);
    for (unsigned i = 0; i < 2000; i++) {
        /* One router, so that no number changes hands, and more prefixes than there is room for. */
        struct ip_addr prefix = AUTO_PREFIX;
        prefix.bytes[7] = (uint8_t)random_below(&random, 20);
        uint32_t valid = (uint32_t)random_below(&random, 4);
        struct wire_nd m = auto_ra(&prefix, AUTO_ON_LINK, valid, valid);
        m.router_lifetime_s = (uint16_t)random_below(&random, 3);
        m.flags = (uint8_t)(random_below(&random, 4) << 3);
        auto_hear(r, &m);
        expect_followed(f);
        expect_content(f);
        auto_pass(r, (int64_t)random_below(&random, NS_PER_S));
        expect_followed(f);
    }
    assert_true(f->removed > 100);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_come_change_and_go_with_news),
        cmocka_unit_test(test_a_router_is_over_with_its_lifetime),
        cmocka_unit_test(test_an_address_is_told_as_what_it_is),
        cmocka_unit_test(test_routes_are_shown_as_long_as_a_station_listens),
        cmocka_unit_test(test_whoever_follows_the_news_knows_what_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
