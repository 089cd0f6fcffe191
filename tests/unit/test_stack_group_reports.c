/* SPDX-License-Identifier: MIT */
/*
 * IGMP and MLD, the host's side, each test for both families: state changes (RFC 3376 5.1, RFC 3810 6.1), answers to
 * queries (5.2; 6.2, 6.3), the tables of filters merged (RFC 3376 3.2) and of queries' versions (7.2.1; 8.2.1), the state
 * diagrams of RFC 2236 section 6 and RFC 2710 section 5.
 */
#include "unit/group_rig.h"

#include "base/alloc_heap.h"
#include "base/error.h"
#include "stack/control.h"

static void with(void (*body)(struct group_rig *x), const struct stack_settings *t)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        struct group_rig x;
        group_rig_open(&x, v6, t);
        body(&x);
        group_rig_close(&x);
    }
}

#define BOTH(name)                                                                                                     \
    static void name(struct group_rig *x);                                                                             \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        with(name, NULL);                                                                                              \
    }                                                                                                                  \
    static void name(struct group_rig *x)

static void listens(struct group_rig *x, char group, const char *was, const char *is)
{
    assert_int_equal(group_listen(x, group, was, is), 0);
}

#define SAYS(ms, text) assert_string_equal(group_said_within(x, ms), text)

/* Both transmissions of a change, which is all that the default robustness asks for. */
static void says_twice(struct group_rig *x, const char *text)
{
    SAYS(2, text);
    assert_in_range(group_wait(x, 1010), 0, 1004);
    assert_string_equal(group_said(x), text);
    SAYS(3000, "");
}

/* ---- changes ---- */

BOTH(every_change_of_the_filter_is_reported_twice) /* RFC 3376 5.1: the table of record types */
{
    static const struct {
        const char *was, *is, *said;
    } rows[] = {
        {"-", "", "TO_EX G"},
        {"", "!ab", "BLOCK G a b"}, /* EX(A) to EX(B): ALLOW (A-B), BLOCK (B-A) */
        {"!ab", "!bc", "BLOCK G c, ALLOW G a"},
        {"!bc", "bd", "TO_IN G b d"},         /* EX to IN */
        {"bd", "de", "ALLOW G e, BLOCK G b"}, /* IN(A) to IN(B) */
        {"de", "!ef", "TO_EX G e f"},         /* IN to EX */
        {"!ef", "-", "TO_IN G"},
        {"-", "a", "ALLOW G a"},
        {"a", "-", "BLOCK G a"},
        {"-", "!a", "TO_EX G a"},
        {"!a", "", "ALLOW G a"},
        {"", "", ""},
        {"", "-", "TO_IN G"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        listens(x, 'G', rows[i].was, rows[i].is);
        if (rows[i].said[0])
            says_twice(x, rows[i].said);
        else
            SAYS(3000, "");
    }
    assert_int_equal(x->r->stack ? rig_counters(x->r)->group_reports_sent : 0, 24);
}

BOTH(a_change_within_a_change_counts_anew) /* RFC 3376 5.1: merged with what is still to be sent */
{
    listens(x, 'G', "-", "a");
    SAYS(2, "ALLOW G a");
    listens(x, 'G', "a", "ab");
    SAYS(2, "ALLOW G a b");
    SAYS(1010, "ALLOW G b");
    SAYS(3000, "");
    listens(x, 'G', "ab", "a"); /* gone and back before it was said again */
    SAYS(2, "BLOCK G b");
    listens(x, 'G', "a", "ab");
    says_twice(x, "ALLOW G b");
}

BOTH(a_mode_change_takes_the_place_of_source_changes)
{
    listens(x, 'G', "-", "ab");
    SAYS(2, "ALLOW G a b");
    listens(x, 'G', "ab", "!c");
    says_twice(x, "TO_EX G c");
    listens(x, 'G', "!c", "ab");
    SAYS(2, "TO_IN G a b");
    listens(x, 'G', "ab", "a"); /* the report of the mode tells the whole filter; then what went once more */
    SAYS(2, "TO_IN G a");
    SAYS(1010, "BLOCK G b");
    SAYS(3000, "");
}

BOTH(several_listeners_are_one) /* RFC 3376 3.2 */
{
    listens(x, 'G', "-", "!abcd");
    SAYS(3000, "TO_EX G a b c d; TO_EX G a b c d");
    listens(x, 'G', "-", "!bcde"); /* the intersection of what is excluded */
    SAYS(3000, "ALLOW G a; ALLOW G a");
    listens(x, 'G', "-", "df"); /* less what somebody includes */
    SAYS(3000, "ALLOW G d; ALLOW G d");
    listens(x, 'G', "!abcd", "-");
    SAYS(3000, "BLOCK G e; BLOCK G e");
    listens(x, 'G', "!bcde", "-");
    SAYS(3000, "TO_IN G d f; TO_IN G d f");
    listens(x, 'G', "-", "fg");
    SAYS(3000, "ALLOW G g; ALLOW G g");
    listens(x, 'G', "df", "-"); /* f is still wanted */
    SAYS(3000, "BLOCK G d; BLOCK G d");
    listens(x, 'G', "fg", "-");
    SAYS(3000, "BLOCK G f g; BLOCK G f g");
}

BOTH(what_is_not_said_anew_is_not_said)
{
    listens(x, 'G', "-", "");
    SAYS(3000, "TO_EX G; TO_EX G");
    listens(x, 'G', "-", "");
    listens(x, 'G', "-", "a");
    listens(x, 'G', "a", "-");
    listens(x, 'G', "", "-");
    SAYS(3000, "");
}

BOTH(the_robustness_of_the_querier_counts) /* RFC 3376 4.1.6, 8.1 */
{
    group_query_saying(x, 100, 4, 60);
    listens(x, 'G', "-", "");
    SAYS(5000, "TO_EX G; TO_EX G; TO_EX G; TO_EX G");
}

/* ---- answers ---- */

BOTH(a_general_query_is_answered_for_all_groups_at_once)
{
    listens(x, 'G', "-", "");
    listens(x, 'H', "-", "!a");
    listens(x, 'I', "-", "bc");
    (void)group_said_within(x, 3000);
    group_query(x, 3, 0, "", 2000);
    int64_t ms = group_wait(x, 2010);
    assert_in_range(ms, 0, 2002);
    assert_string_equal(group_said(x), "IS_IN I b c, IS_EX H a, IS_EX G");
    SAYS(5000, "");
}

BOTH(answers_are_spread_over_the_response_time)
{
    int64_t least = INT64_MAX, most = 0, sum = 0;
    listens(x, 'G', "-", "");
    (void)group_said_within(x, 3000);
    for (unsigned i = 0; i < 60; i++) {
        group_query(x, 3, i % 2 ? 'G' : 0, "", 1000);
        int64_t ms = group_wait(x, 1010);
        assert_in_range(ms, 0, 1002);
        assert_string_equal(group_said(x), "IS_EX G");
        least = min_i64(least, ms);
        most = max_i64(most, ms);
        sum += ms;
    }
    assert_true(least < 150 && most > 850);
    assert_in_range(sum / 60, 350, 650);
}

BOTH(an_answer_that_comes_sooner_stands) /* RFC 3376 5.2 rule 1 and 4 */
{
    listens(x, 'G', "-", "");
    (void)group_said_within(x, 3000);
    group_query(x, 3, 0, "", 100);
    group_query(x, 3, 0, "", 10000);
    SAYS(110, "IS_EX G");
    SAYS(11000, "");
    group_query(x, 3, 'G', "", 10000);
    group_query(x, 3, 'G', "", 100);
    SAYS(110, "IS_EX G");
    SAYS(11000, "");
}

BOTH(a_query_about_sources_is_answered_by_them) /* RFC 3376 5.2: the table for group-and-source-specific queries */
{
    listens(x, 'G', "-", "abc");
    (void)group_said_within(x, 3000);
    group_query(x, 3, 'G', "bd", 100);
    SAYS(110, "IS_IN G b"); /* A*B */
    group_query(x, 3, 'G', "de", 100);
    SAYS(1000, "");
    listens(x, 'G', "abc", "!abc");
    (void)group_said_within(x, 3000);
    group_query(x, 3, 'G', "bde", 100);
    SAYS(110, "IS_IN G d e"); /* B-A */
    group_query(x, 3, 'G', "ac", 100);
    SAYS(1000, "");
    group_query(x, 3, 'H', "ac", 100);
    SAYS(1000, "");
}

BOTH(queries_about_sources_add_up_until_one_asks_for_all) /* RFC 3376 5.2 rules 4 and 5 */
{
    listens(x, 'G', "-", "abc");
    (void)group_said_within(x, 3000);
    group_query(x, 3, 'G', "a", 1000);
    group_query(x, 3, 'G', "b", 1000);
    assert_true(group_wait(x, 1010) >= 0);
    assert_string_equal(group_said(x), "IS_IN G a b");
    group_query(x, 3, 'G', "a", 1000);
    group_query(x, 3, 'G', "", 1000);
    assert_true(group_wait(x, 1010) >= 0);
    assert_string_equal(group_said(x), "IS_IN G a b c");
    group_query(x, 3, 'G', "", 1000);
    group_query(x, 3, 'G', "a", 1000);
    assert_true(group_wait(x, 1010) >= 0);
    assert_string_equal(group_said(x), "IS_IN G a b c");
    SAYS(3000, "");
}

BOTH(a_group_that_was_left_is_not_answered_for)
{
    listens(x, 'G', "-", "");
    (void)group_said_within(x, 3000);
    group_query(x, 3, 'G', "", 1000);
    group_query(x, 3, 0, "", 1000);
    listens(x, 'G', "", "-");
    SAYS(5000, "TO_IN G; TO_IN G");
}

BOTH(groups_that_all_hear_are_never_reported) /* RFC 3376 section 6, RFC 3810 section 6 */
{
    const struct ip_addr all = x->v6 ? ALL_NODES : v4(0xe0000001), near = v6("ff01::7");
    assert_int_equal(stack_join(x->r->stack, x->us, &all, x->r->now), 0);
    if (x->v6)
        assert_int_equal(stack_join(x->r->stack, x->us, &near, x->r->now), 0);
    SAYS(3000, "");
    group_query(x, 3, 0, "", 100);
    SAYS(3000, "");
    assert_int_equal(stack_leave(x->r->stack, x->us, &all, x->r->now), 0);
    SAYS(3000, "");
}

/* ---- version 2: RFC 2236, RFC 2710 ---- */

static void becomes_v2(struct group_rig *x)
{
    group_query(x, 2, 0, "", 100);
    (void)group_said_within(x, 200);
}

BOTH(version_2_reports_joining_twice_and_leaving_once)
{
    becomes_v2(x);
    listens(x, 'G', "-", "");
    SAYS(2, "report G");
    int64_t ms = group_wait(x, 10010);
    assert_in_range(ms, 0, 10002);
    assert_string_equal(group_said(x), "report G");
    listens(x, 'G', "", "!a"); /* filters are not said */
    listens(x, 'G', "!a", "bc");
    SAYS(12000, "");
    listens(x, 'G', "bc", "-");
    SAYS(12000, "leave G");
}

BOTH(version_2_answers_each_group_in_its_own_time)
{
    becomes_v2(x);
    listens(x, 'G', "-", "");
    listens(x, 'H', "-", "a");
    (void)group_said_within(x, 21000);
    group_query(x, 2, 0, "", 1000);
    const char *said = group_said_within(x, 1010);
    assert_true(strcmp(said, "report G; report H") == 0 || strcmp(said, "report H; report G") == 0);
    group_query(x, 2, 'H', "", 1000);
    SAYS(1010, "report H");
    SAYS(5000, "");
}

BOTH(a_shorter_response_time_brings_an_answer_forward_a_longer_one_does_not) /* RFC 2236 section 3 */
{
    becomes_v2(x);
    listens(x, 'G', "-", "");
    (void)group_said_within(x, 21000);
    group_query(x, 2, 0, "", 10000);
    group_query(x, 2, 'G', "", 100);
    SAYS(110, "report G");
    SAYS(12000, "");
    group_query(x, 2, 'G', "", 100);
    group_query(x, 2, 0, "", 10000);
    SAYS(110, "report G");
    SAYS(12000, "");
}

BOTH(anothers_report_is_enough_and_then_leaving_is_not_said) /* RFC 2236 section 3 */
{
    becomes_v2(x);
    listens(x, 'G', "-", "");
    SAYS(21000, "report G; report G");
    group_query(x, 2, 0, "", 1000);
    rig_pass(x->r, 2 * NS_PER_MS);
    x->r->now += NS_PER_US;
    group_other_reports(x, 2, 'G');
    SAYS(2000, "");
    listens(x, 'G', "", "-");
    SAYS(2000, "");
    assert_int_equal(rig_counters(x->r)->group_reports_received, 1);
}

BOTH(anothers_report_ends_the_repetition_of_joining)
{
    becomes_v2(x);
    listens(x, 'G', "-", "");
    SAYS(2, "report G");
    x->r->now += NS_PER_US;
    group_other_reports(x, 2, 'G');
    SAYS(12000, "");
    group_query(x, 2, 'G', "", 100); /* and who reports after that is the last again */
    SAYS(200, "report G");
    listens(x, 'G', "", "-");
    SAYS(200, "leave G");
}

BOTH(version_3_pays_no_heed_to_others_reports)
{
    listens(x, 'G', "-", "");
    SAYS(3000, "TO_EX G; TO_EX G");
    group_query(x, 3, 0, "", 1000);
    x->r->now += NS_PER_US;
    group_other_reports(x, 2, 'G');
    SAYS(1010, "IS_EX G");
}

/* ---- versions ---- */

BOTH(an_older_querier_is_spoken_to_in_its_version_until_it_is_gone) /* RFC 3376 7.2.1 and 8.12 */
{
    group_query_saying(x, 100, 2, 100);
    listens(x, 'G', "-", "");
    (void)group_said_within(x, 3000);
    group_query(x, 2, 0, "", 1000);
    int64_t until = x->r->now + (2 * 100 + 1) * NS_PER_S; /* robustness * query interval + its response time */
    SAYS(1010, "report G");
    group_query(x, 3, 0, "", 100); /* one of version 3 changes nothing */
    SAYS(110, "report G");
    group_query(x, 3, 'G', "a", 100);
    SAYS(110, "report G");
    x->r->now = until - NS_PER_MS;
    group_query(x, 3, 0, "", 1);
    (void)group_said_within(x, 100);
    x->r->now = until;
    group_query(x, 3, 0, "", 100);
    SAYS(110, "IS_EX G");
}

BOTH(another_version_cancels_what_is_pending) /* RFC 3376 7.2.1 */
{
    listens(x, 'G', "-", "");
    SAYS(2, "TO_EX G");
    group_query(x, 2, 'G', "", 100);
    if (!x->v6) /* of IGMPv2 only general queries tell */
        group_query(x, 2, 0, "", 10000);
    SAYS(12000, "report G");
    listens(x, 'G', "", "-");
    SAYS(200, "leave G");
}

static void oldest(struct group_rig *x)
{
    listens(x, 'G', "-", "");
    SAYS(25000, x->v6 ? "report G; report G" : "report1 G; report1 G");
    group_query(x, 3, 0, "", 100);
    assert_string_equal(group_said_within(x, 10010), x->v6 ? "report G" : "report1 G");
    listens(x, 'G', "", "-");
    SAYS(3000, x->v6 ? "leave G" : ""); /* IGMPv1 knows no leaving */
}

static void test_the_settings_name_the_newest_version(void **state)
{
    (void)state;
    struct stack_settings t;
    group_rig_settings(&t);
    t.igmp_version = t.mld_version = 1;
    with(oldest, &t);
}

static void test_igmp_version_1_is_answered_in_ten_seconds_and_wins_over_version_2(void **state)
{
    (void)state;
    struct group_rig rig, *x = &rig;
    group_rig_open(x, false, NULL);
    listens(x, 'G', "-", "");
    (void)group_said_within(x, 3000);
    group_query(x, 1, 0, "", 0);
    int64_t until = x->r->now + (2 * 125 + 10) * NS_PER_S;
    assert_true(group_wait(x, 10010) >= 0);
    assert_string_equal(group_said(x), "report1 G");
    group_query(x, 2, 0, "", 100);
    SAYS(10010, "report1 G");
    group_other_reports(x, 1, 'G');
    assert_int_equal(rig_counters(x->r)->group_reports_received, 1);
    x->r->now = until;
    group_query(x, 2, 0, "", 100);
    SAYS(110, "report G");
    group_rig_close(x);
}

/* ---- who speaks ---- */

static void silent(struct group_rig *x)
{
    listens(x, 'G', "-", "!a");
    group_query(x, 3, 0, "", 100);
    group_query(x, 3, 'G', "", 100);
    SAYS(3000, "");
    assert_true(group_hears(x, 'G', 'b'));
    assert_false(group_hears(x, 'G', 'a'));
}

static void test_memberships_need_not_be_reported(void **state)
{
    (void)state;
    struct stack_settings t;
    group_rig_settings(&t);
    t.group_reports = GROUP_REPORTS_NONE;
    with(silent, &t);
}

static void test_every_host_of_a_segment_speaks_for_itself(void **state)
{
    (void)state;
    enum { HOSTS = 200 };
    struct stack_settings t;
    group_rig_settings(&t);
    struct rig *r = rig_new_empty(&t);
    const struct ip_addr group = v4(0xef010203);
    uint32_t first = 0;
    for (uint32_t i = 0; i < HOSTS; i++) {
        const uint8_t mac[6] = {2, 0, 0, 0, 1, (uint8_t)i};
        uint32_t local = rig_host(r, US + i, PREFIX, 0, mac);
        first = first ? first : local;
        assert_int_equal(stack_join(r->stack, local, &group, r->now), 0);
    }
    for (unsigned i = 0; i < 1500; i++)
        rig_pass(r, 2 * NS_PER_MS);
    assert_int_equal(rig_counters(r)->group_reports_sent, 2 * HOSTS);
    static const struct wire_group_message about[] = {{.kind = WIRE_GROUP_QUERY,
                                                       .version = WIRE_GROUP_V3,
                                                       .group = {{[10] = 0xff, [11] = 0xff}},
                                                       .max_response_ms = 1000},
                                                      {.kind = WIRE_GROUP_QUERY,
                                                       .version = WIRE_GROUP_V3,
                                                       .group = {{[10] = 0xff, [11] = 0xff, 0xef, 1, 2, 3}},
                                                       .max_response_ms = 1000}};
    for (size_t i = 0; i < ARRAY_SIZE(about); i++) {
        uint8_t f[RIG_FRAME_BYTES], seen[HOSTS] = {0};
        struct group_envelope e = group_envelope_for(false, &about[i]);
        rig_forget_frames(r);
        rig_input(r, f, make_group(f, &e, &about[i]));
        for (unsigned k = 0; k < 600; k++)
            rig_pass(r, 2 * NS_PER_MS);
        for (const struct rig_frame *g; (g = rig_next(r)) != NULL;)
            seen[g->bytes[11]]++;
        for (unsigned k = 0; k < HOSTS; k++)
            assert_int_equal(seen[k], 1);
    }
    assert_int_equal(stack_remove_host(r->stack, first, r->now), 0);
    assert_int_equal(stack_leave(r->stack, first + 1, &group, r->now), 0);
    rig_free(r);
}

/* ---- MLD's sources ---- */

static struct wire_ipv6 source_of_next(struct rig *r)
{
    struct wire_ipv6 ip;
    const struct rig_frame *f = rig_next(r);
    assert_non_null(f);
    assert_int_equal(wire_ipv6_parse(f->bytes + 14, f->length - 14, &ip), 40);
    return ip;
}

static void test_mld_comes_from_the_stations_link_local_address(void **state) /* RFC 3810 5.2.13, RFC 3590 */
{
    (void)state;
    struct stack_settings t;
    group_rig_settings(&t);
    struct rig *r = rig_new_empty(&t);
    r->us = rig_host6(r);
    const struct ip_addr group = v6("ff05::7");
    assert_int_equal(stack_join(r->stack, r->us, &group, r->now), 0);
    rig_pass(r, 2 * NS_PER_MS);
    struct wire_ipv6 ip = source_of_next(r);
    assert_true(ip_addr_is_unspecified(&ip.src));
    rig_pass(r, 2000 * NS_PER_MS);
    rig_forget_frames(r);
    struct host_settings h = {.address = ip_addr_link_local(US_MAC), .prefix_length = 64};
    assert_true(stack_add_host(r->stack, &h) > 0);
    rig_pass(r, 2 * NS_PER_MS); /* what was said without an address is said once more with it */
    rig_pass(r, 2 * NS_PER_MS);
    ip = source_of_next(r);
    assert_true(ip_addr_equal(&ip.src, &h.address));
    expect_nothing(r);
    rig_free(r);
}

static void test_solicited_node_groups_are_reported_when_all_are(void **state) /* RFC 4861 7.2.1 */
{
    (void)state;
    struct stack_settings t;
    group_rig_settings(&t);
    t.group_reports = GROUP_REPORTS_ALL;
    t.max_groups = 1;
    struct rig *r = rig_new_empty(&t);
    for (uint8_t i = 1; i <= 100; i++) {
        struct host_settings h = {.address = US6, .prefix_length = PREFIX6, .mac = {2, 0, 0, 0, 2, i}};
        h.address.bytes[15] = i;
        assert_true(stack_add_host(r->stack, &h) > 0);
    }
    for (unsigned i = 0; i < 600; i++)
        rig_pass(r, 2 * NS_PER_MS);
    assert_int_equal(rig_counters(r)->group_reports_sent, 200);
    assert_int_equal(rig_counters(r)->group_table_full, 0);
    assert_int_equal(stack_remove_host(r->stack, 1, r->now), 0);
    rig_free(r);
}

/* ---- what is heard ---- */

BOTH(sources_that_nobody_wants_are_not_heard) /* RFC 3376 3.2 */
{
    listens(x, 'G', "-", "!ab");
    assert_true(group_hears(x, 'G', 'c'));
    assert_false(group_hears(x, 'G', 'a'));
    listens(x, 'G', "-", "b");
    assert_true(group_hears(x, 'G', 'b'));
    assert_false(group_hears(x, 'G', 'a'));
    listens(x, 'G', "-", "!bc");
    assert_true(group_hears(x, 'G', 'a'));
    listens(x, 'G', "!ab", "-");
    listens(x, 'G', "!bc", "-");
    assert_true(group_hears(x, 'G', 'b'));
    assert_false(group_hears(x, 'G', 'c'));
    assert_int_equal(rig_counters(x->r)->group_filtered, 3);
    listens(x, 'G', "b", "-");
    assert_false(group_hears(x, 'G', 'b'));
    assert_int_equal(rig_counters(x->r)->ip_not_for_us, 1);
}

/* ---- bounds ---- */

static void bounded(struct group_rig *x)
{
    assert_int_equal(group_listen(x, 'G', "-", "abcde"), ERR_NO_SPACE); /* of one listener */
    listens(x, 'G', "-", "abcd");
    assert_int_equal(group_listen(x, 'H', "-", "!ab"), ERR_NO_SPACE); /* of all */
    assert_int_equal(group_listen(x, 'G', "abcd", "efgh"), ERR_NO_SPACE);
    SAYS(3000, "ALLOW G a b c d; ALLOW G a b c d");
    assert_false(group_hears(x, 'G', 'e'));
    assert_int_equal(group_listen(x, 'G', "ef", "-"), ERR_NOT_FOUND);
    assert_int_equal(group_listen(x, 'G', "!a", "-"), ERR_NOT_FOUND);
    assert_int_equal(group_listen(x, 'H', "", "-"), ERR_NOT_FOUND);
    listens(x, 'H', "-", "");
    assert_int_equal(group_listen(x, 'I', "-", ""), ERR_NO_SPACE);
    listens(x, 'H', "", "-");
    listens(x, 'I', "-", ""); /* what only has its leaving to say makes room */
}

static void test_groups_and_sources_are_bounded(void **state)
{
    (void)state;
    struct stack_settings t;
    group_rig_settings(&t);
    t.max_groups = 2;
    t.group_sources = 4;
    t.max_group_sources = 5;
    with(bounded, &t);
}

BOTH(a_query_with_more_sources_than_are_kept_is_answered_for_all)
{
    enum { MANY = 300 };
    uint8_t list[16 * MANY], f[RIG_FRAME_BYTES];
    listens(x, 'G', "-", "ab");
    (void)group_said_within(x, 3000);
    struct wire_group_message m = {.kind = WIRE_GROUP_QUERY,
                                   .version = WIRE_GROUP_V3,
                                   .group = group_named(x, 'G'),
                                   .max_response_ms = 100,
                                   .count = x->v6 ? 80 : MANY,
                                   .bytes = list};
    for (uint32_t i = 0; i < m.count; i++) {
        struct ip_addr source = ip_addr_add(&(struct ip_addr){{0x20, 1}}, i);
        const struct ip_addr source4 = v4(0x0a000000u + i);
        wire_group_address_put(list, x->v6, i, x->v6 ? &source : &source4);
    }
    m.bytes_length = m.count * wire_group_address_bytes(x->v6);
    const struct group_envelope e = group_envelope_for(x->v6, &m);
    rig_input(x->r, f, make_group(f, &e, &m));
    SAYS(110, x->v6 ? "" : "IS_IN G a b");
}

static void test_settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct stack *s;
    for (unsigned i = 0; i < 7; i++) {
        struct stack_settings t;
        stack_settings_default(&t);
        t.igmp_version = i == 0 ? 0 : i == 1 ? 4 : 3;
        t.mld_version = i == 2 ? 0 : i == 3 ? 3 : 2;
        t.group_sources = i == 4 ? 0 : i == 5 ? 65 : 64;
        t.group_reports = i == 6 ? 3 : 0;
        assert_int_equal(stack_new(&t, alloc_heap(), 0, &s), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_change_of_the_filter_is_reported_twice),
        cmocka_unit_test(test_a_change_within_a_change_counts_anew),
        cmocka_unit_test(test_a_mode_change_takes_the_place_of_source_changes),
        cmocka_unit_test(test_several_listeners_are_one),
        cmocka_unit_test(test_what_is_not_said_anew_is_not_said),
        cmocka_unit_test(test_the_robustness_of_the_querier_counts),
        cmocka_unit_test(test_a_general_query_is_answered_for_all_groups_at_once),
        cmocka_unit_test(test_answers_are_spread_over_the_response_time),
        cmocka_unit_test(test_an_answer_that_comes_sooner_stands),
        cmocka_unit_test(test_a_query_about_sources_is_answered_by_them),
        cmocka_unit_test(test_queries_about_sources_add_up_until_one_asks_for_all),
        cmocka_unit_test(test_a_group_that_was_left_is_not_answered_for),
        cmocka_unit_test(test_groups_that_all_hear_are_never_reported),
        cmocka_unit_test(test_version_2_reports_joining_twice_and_leaving_once),
        cmocka_unit_test(test_version_2_answers_each_group_in_its_own_time),
        cmocka_unit_test(test_a_shorter_response_time_brings_an_answer_forward_a_longer_one_does_not),
        cmocka_unit_test(test_anothers_report_is_enough_and_then_leaving_is_not_said),
        cmocka_unit_test(test_anothers_report_ends_the_repetition_of_joining),
        cmocka_unit_test(test_version_3_pays_no_heed_to_others_reports),
        cmocka_unit_test(test_an_older_querier_is_spoken_to_in_its_version_until_it_is_gone),
        cmocka_unit_test(test_another_version_cancels_what_is_pending),
        cmocka_unit_test(test_the_settings_name_the_newest_version),
        cmocka_unit_test(test_igmp_version_1_is_answered_in_ten_seconds_and_wins_over_version_2),
        cmocka_unit_test(test_memberships_need_not_be_reported),
        cmocka_unit_test(test_every_host_of_a_segment_speaks_for_itself),
        cmocka_unit_test(test_mld_comes_from_the_stations_link_local_address),
        cmocka_unit_test(test_solicited_node_groups_are_reported_when_all_are),
        cmocka_unit_test(test_sources_that_nobody_wants_are_not_heard),
        cmocka_unit_test(test_groups_and_sources_are_bounded),
        cmocka_unit_test(test_a_query_with_more_sources_than_are_kept_is_answered_for_all),
        cmocka_unit_test(test_settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
