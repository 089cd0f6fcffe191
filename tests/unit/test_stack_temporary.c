/* SPDX-License-Identifier: MIT */
/*
 * Temporary addresses, RFC 8981: made beside stable ones, preferred (RFC 6724 rule 7), replaced and removed, over days
 * of virtual time.
 */
#include "unit/autoconf_rig.h"

#include "base/alloc_heap.h"
#include "stack/stack_internal.h"

#define HOUR 3600u
#define DAY 86400u
#define FOREVER 0xffffffffu

static struct rig *begin(const struct stack_settings *settings)
{
    struct rig *r = rig_new_empty(settings);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64, .autoconf = true, .temporary = true};
    int local = stack_add_host(r->stack, &h);
    assert_true(local > 0);
    r->us = (uint32_t)local;
    auto_pass(r, 20 * NS_PER_S);
    return r;
}

static void hear(struct rig *r, uint32_t valid_s, uint32_t preferred_s)
{
    const struct wire_nd m = auto_ra(&AUTO_PREFIX, AUTO_BOTH, valid_s, preferred_s);
    auto_hear(r, &m);
}

/* Long times in few turns: to each deadline, and a second more. */
static void pass_long(struct rig *r, int64_t ns)
{
    for (int64_t end = r->now + ns; r->now < end;) {
        int64_t next = stack_next_deadline(r->stack);
        int64_t step = next > r->now && next < end ? next - r->now + 2 * NS_PER_MS : NS_PER_S;
        rig_pass(r, step < end - r->now ? step : end - r->now);
        rig_forget_frames(r);
    }
}

struct census {
    unsigned stable, preferred, deprecated, tentative; /* the latter three of temporary ones */
    uint32_t newest;                                   /* a preferred temporary one */
};

static struct census look(const struct rig *r)
{
    struct census c = {0};
    struct stack_address a;
    for (uint32_t i, n = 0; (i = auto_made(r, n)) != 0; n++) {
        assert_true(stack_view_address(r->stack, i, &a));
        if (!a.temporary) {
            c.stable++;
        } else if (a.state == STACK_ADDRESS_PREFERRED) {
            c.preferred++;
            c.newest = i;
        } else {
            c.deprecated += a.state == STACK_ADDRESS_DEPRECATED;
            c.tentative += a.state == STACK_ADDRESS_TENTATIVE;
        }
    }
    return c;
}

static void one_is_made_beside_the_stable_one_and_preferred(void **state) /* 3.3.1, 3.4; RFC 6724 rule 7 */
{
    (void)state;
    struct rig *r = begin(NULL);
    hear(r, 30 * DAY, 7 * DAY);
    assert_int_equal(look(r).tentative, 1); /* nothing leaves from it before nobody has it */
    auto_pass(r, 3 * NS_PER_S);
    struct census c = look(r);
    assert_int_equal(c.stable, 1);
    assert_int_equal(c.preferred, 1);
    assert_int_equal(stack_local_for(r->stack, &FAR6), c.newest);
    struct stack_address a;
    assert_true(stack_view_address(r->stack, c.newest, &a));
    assert_in_range(a.valid_until - r->now, 2 * DAY * NS_PER_S - 10 * NS_PER_S, 2 * DAY * NS_PER_S);
    assert_in_range(a.preferred_until - r->now, (int64_t)(0.6 * DAY) * NS_PER_S - 10 * NS_PER_S, DAY * NS_PER_S);
    rig_free(r);
}

static void stable_ones_are_used_where_that_is_set(void **state)
{
    (void)state;
    struct stack_settings t;
    struct stack_address a;
    stack_settings_default(&t);
    t.prefer_temporary = false;
    struct rig *r = begin(&t);
    hear(r, 30 * DAY, 7 * DAY);
    auto_pass(r, 3 * NS_PER_S);
    assert_true(stack_view_address(r->stack, stack_local_for(r->stack, &FAR6), &a));
    assert_false(a.temporary);
    assert_int_equal(look(r).preferred, 1);
    rig_free(r);
}

static void who_did_not_ask_for_them_has_none(void **state)
{
    (void)state;
    struct rig *r = auto_rig_quiet();
    hear(r, 30 * DAY, 7 * DAY);
    pass_long(r, 3 * DAY * NS_PER_S);
    assert_int_equal(auto_made(r, 1), 0);
    rig_free(r);
}

/* For ten days there is always one that is preferred, never the same for more than a day, and never more than four. */
static void days_go_by(void **state) /* 3.4, 3.5 */
{
    (void)state;
    struct rig *r = begin(NULL);
    struct ip_addr last = {{0}};
    unsigned different = 0;
    int64_t since = 0;
    hear(r, FOREVER, FOREVER);
    auto_pass(r, 3 * NS_PER_S);
    for (unsigned hour = 0; hour < 240; hour++) {
        hear(r, FOREVER, FOREVER); /* the router's own lifetime is shorter */
        pass_long(r, HOUR * NS_PER_S);
        struct census c = look(r);
        assert_int_equal(c.stable, 1);
        assert_in_range(c.preferred, 1, 2); /* two while one takes over */
        assert_in_range(c.preferred + c.deprecated + c.tentative, 1, 4);
        const struct ip_addr now = auto_address(r, stack_local_for(r->stack, &FAR6));
        if (!ip_addr_equal(&now, &last)) {
            different++;
            last = now;
            since = r->now;
        }
        assert_true(r->now - since <= DAY * NS_PER_S);
    }
    assert_in_range(different, 10, 18);
    rig_free(r);
}

static void a_prefix_that_ends_takes_them_along(void **state) /* 3.4: lifetimes are at most the prefix's */
{
    (void)state;
    struct rig *r = begin(NULL);
    hear(r, 6 * HOUR, 3 * HOUR);
    auto_pass(r, 3 * NS_PER_S);
    struct stack_address a;
    assert_true(stack_view_address(r->stack, look(r).newest, &a));
    assert_in_range(a.preferred_until - r->now, 0, 3 * HOUR * NS_PER_S);
    assert_in_range(a.valid_until - r->now, 0, 6 * HOUR * NS_PER_S);
    pass_long(r, 4 * HOUR * NS_PER_S);
    assert_int_equal(look(r).deprecated, 1);
    hear(r, 6 * HOUR, 3 * HOUR); /* and is there again */
    pass_long(r, NS_PER_S * 10);
    assert_int_equal(look(r).preferred, 1);
    pass_long(r, 7 * HOUR * NS_PER_S);
    assert_int_equal(auto_made(r, 0), 0);
    rig_free(r);
}

static void none_is_made_that_would_end_at_once(void **state) /* 3.4 (5) */
{
    (void)state;
    struct rig *r = begin(NULL);
    hear(r, DAY, 4);
    auto_pass(r, 3 * NS_PER_S);
    struct census c = look(r);
    assert_int_equal(c.stable, 1);
    assert_int_equal(c.preferred + c.deprecated + c.tentative, 0);
    rig_free(r);
}

static void a_duplicate_is_replaced_by_another_one(void **state) /* 3.4 (7) */
{
    (void)state;
    struct rig *r = begin(NULL);
    struct wire_ipv6 ip;
    struct wire_nd m;
    uint8_t f[RIG_FRAME_BYTES];
    unsigned duplicates = 0;
    hear(r, DAY * 30, DAY * 7);
    for (unsigned i = 0; i < 2; i++) { /* the stable address's, and the temporary one's: somebody has both */
        auto_await(r, WIRE_ICMPV6_NEIGHBOR_SOLICITATION, &ip, &m);
        struct wire_nd answer = {.type = WIRE_ICMPV6_NEIGHBOR_ADVERTISEMENT,
                                 .flags = WIRE_ND_NA_OVERRIDE,
                                 .has = WIRE_ND_HAS_TARGET_LL,
                                 .target = m.target};
        memcpy(answer.target_ll, PEER_MAC, 6);
        rig_input(r, f, make_nd(f, &m.target, &ALL_NODES, &answer));
        duplicates++;
    }
    auto_pass(r, 10 * NS_PER_S);
    assert_int_equal(rig_counters(r)->dad_duplicate, duplicates);
    struct census c = look(r);
    assert_int_equal(c.stable, 1);
    assert_int_equal(c.preferred, 1);
    rig_free(r);
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct rig *r = rig_new_empty(NULL);
    struct host_settings h = {.address = AUTO_LL, .prefix_length = 64, .temporary = true};
    assert_int_equal(stack_add_host(r->stack, &h), ERR_INVALID);
    rig_free(r);
    struct stack_settings t;
    struct stack *s;
    stack_settings_default(&t);
    t.temporary_valid_ns = t.temporary_preferred_ns - 1;
    assert_int_equal(stack_new(&t, alloc_heap(), 0, &s), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_made_beside_the_stable_one_and_preferred),
        cmocka_unit_test(stable_ones_are_used_where_that_is_set),
        cmocka_unit_test(who_did_not_ask_for_them_has_none),
        cmocka_unit_test(days_go_by),
        cmocka_unit_test(a_prefix_that_ends_takes_them_along),
        cmocka_unit_test(none_is_made_that_would_end_at_once),
        cmocka_unit_test(a_duplicate_is_replaced_by_another_one),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
