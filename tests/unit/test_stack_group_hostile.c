/* SPDX-License-Identifier: MIT */
/*
 * IGMP and MLD messages that must not be believed: RFC 2236 and 3376 (TTL 1, Router Alert, where they are sent to), RFC
 * 3810 5.1.14, 6.2 (hop limit 1, Router Alert, link-local source). Each counts exactly once, is not answered and changes
 * nothing; and floods of good ones cost what the wheel allows.
 */
#include "unit/group_rig.h"

static struct wire_group_message general_query(const struct group_rig *x, unsigned version)
{
    return (struct wire_group_message){
        .kind = WIRE_GROUP_QUERY, .version = (uint8_t)version, .group = x->v6 ? NONE6 : v4(0), .max_response_ms = 100};
}

static uint64_t refused(const struct group_rig *x)
{
    const struct stack_counters *c = rig_counters(x->r);
    return c->igmp_bad_message + c->mld_bad_message + c->igmp_malformed + c->mld_malformed + c->ip_bad_source;
}

/* A member of G that waits for queries. */
static void begin(struct group_rig *x, bool v6)
{
    group_rig_open(x, v6, NULL);
    assert_int_equal(group_listen(x, 'G', "-", ""), 0);
    (void)group_said_within(x, 3000);
}

static void expect_refused(struct group_rig *x, const struct group_envelope *e, const struct wire_group_message *m)
{
    uint8_t f[RIG_FRAME_BYTES];
    uint64_t before = refused(x);
    rig_input(x->r, f, make_group(f, e, m));
    assert_int_equal(refused(x), before + 1);
    assert_string_equal(group_said_within(x, 200), "");
}

static void queries_from_elsewhere_are_not_believed(void **state)
{
    (void)state;
    unsigned cases = 0;
    for (unsigned v6 = 0; v6 < 2; v6++)
        for (unsigned version = 2; version <= 3; version++) {
            struct group_rig x;
            begin(&x, v6);
            const struct wire_group_message m = general_query(&x, version);
            const struct group_envelope good = group_envelope_for(v6, &m);
            struct group_envelope e = good;
            for (unsigned ttl = 0; ttl < 256; ttl++, cases++) {
                e.ttl = (uint8_t)ttl;
                if (ttl != 1) /* it came through a router */
                    expect_refused(&x, &e, &m);
            }
            e = good;
            e.router_alert = false;
            expect_refused(&x, &e, &m);
            e = good;
            e.source = v6 ? PEER6 : v4(0xe0000001); /* not link-local; no source at all */
            expect_refused(&x, &e, &m);
            e.source = v6 ? NONE6 : v4(0x7f000001);
            expect_refused(&x, &e, &m);
            e = good;
            e.destination = group_named(&x, 'G'); /* a general query to a group */
            expect_refused(&x, &e, &m);
            assert_int_equal(rig_counters(x.r)->group_queries_received, 0);
            group_query(&x, 3, 0, "", 100); /* in the version of before */
            assert_string_equal(group_said_within(&x, 110), "IS_EX G");
            group_rig_close(&x);
            cases += 4;
        }
    print_message("%u cases\n", cases);
}

static void a_querier_without_an_address_is_heard(void **state) /* RFC 4541 2.1.1: a switch that snoops */
{
    (void)state;
    struct group_rig x;
    uint8_t f[RIG_FRAME_BYTES];
    begin(&x, false);
    const struct wire_group_message m = general_query(&x, 3);
    struct group_envelope e = group_envelope_for(false, &m);
    e.source = v4(0);
    rig_input(x.r, f, make_group(f, &e, &m));
    assert_string_equal(group_said_within(&x, 110), "IS_EX G");
    group_rig_close(&x);
}

static void forged_reports_do_not_silence_us(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct group_rig x;
        begin(&x, v6);
        group_query(&x, 2, 0, "", 100);
        (void)group_said_within(&x, 200);
        const struct wire_group_message report = {
            .kind = WIRE_GROUP_REPORT, .version = WIRE_GROUP_V2, .group = group_named(&x, 'G')};
        group_query(&x, 2, 'G', "", 1000);
        struct group_envelope e = group_envelope_for(v6, &report);
        uint8_t f[RIG_FRAME_BYTES];
        e.ttl = 64;
        x.r->now += NS_PER_US;
        rig_input(x.r, f, make_group(f, &e, &report));
        assert_int_equal(refused(&x), 1);
        assert_string_equal(group_said_within(&x, 1010), "report G");
        group_rig_close(&x);
    }
}

static void a_flood_of_queries_is_answered_as_often_as_one(void **state)
{
    (void)state;
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct group_rig x;
        begin(&x, v6);
        uint64_t before = rig_counters(x.r)->group_reports_sent;
        for (unsigned i = 0; i < 10000; i++)
            group_query(&x, 3, i % 3 ? 'G' : 0, i % 3 == 1 ? "abc" : "", 10000);
        (void)group_said_within(&x, 10010);
        assert_in_range(rig_counters(x.r)->group_reports_sent - before, 1, 2); /* the station's, and the group's own */
        group_rig_close(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_from_elsewhere_are_not_believed),
        cmocka_unit_test(a_querier_without_an_address_is_heard),
        cmocka_unit_test(forged_reports_do_not_silence_us),
        cmocka_unit_test(a_flood_of_queries_is_answered_as_often_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
