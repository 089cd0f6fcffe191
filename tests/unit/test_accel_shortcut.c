/* SPDX-License-Identifier: MIT */
/*
 * accel/shortcut with a model in the kernel's place: which flows are published and when, that what went by there is known
 * here when it is wanted, and that a flow comes back before anything is judged by it. bpf/accel.bpf.c itself is
 * tests/interop/accel_shortcut.sh.
 */
#include "unit/accel_rig.h"

#include "accel/shortcut.h"
#include "accel/view.h"
#include "base/error.h"

#define FLOWS 4u

static struct model {
    struct accel_shortcut hook;
    struct {
        bool used;
        struct accel_key key;
        struct accel_shortcut_flow flow;
        struct accel_shortcut_numbers numbers;
    } flows[FLOWS];
    unsigned published, taken_back, refused;
    uint64_t handled[2]; /* told the last time */
    bool refuses;
} model;

static int find(const struct accel_key *key)
{
    for (unsigned i = 0; i < FLOWS; i++)
        if (model.flows[i].used && memcmp(&model.flows[i].key, key, sizeof *key) == 0)
            return (int)i;
    return -1;
}

static bool publish(void *context, const struct accel_key *key, const struct accel_shortcut_flow *flow,
                    uint32_t *number)
{
    assert_ptr_equal(context, &model);
    assert_int_equal(find(key), -1);
    unsigned i = 0;
    while (i < FLOWS && model.flows[i].used)
        i++;
    model.refused += model.refuses;
    if (i == FLOWS || model.refuses)
        return false;
    model.flows[i].used = true;
    model.flows[i].key = *key;
    model.flows[i].flow = *flow;
    model.flows[i].numbers = (struct accel_shortcut_numbers){.extent = {flow->extent[0], flow->extent[1]}};
    *number = ++model.published;
    return true;
}

static void handled(void *context, uint32_t number, const uint64_t extent[2])
{
    assert_ptr_equal(context, &model);
    assert_int_equal(number, model.published);
    memcpy(model.handled, extent, sizeof model.handled);
}

static bool look(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out)
{
    assert_ptr_equal(context, &model);
    const int i = find(key);
    if (i >= 0)
        *out = model.flows[i].numbers;
    return i >= 0;
}

static bool take_back(void *context, const struct accel_key *key, struct accel_shortcut_numbers *out)
{
    const int i = find(key);
    assert_true(i >= 0); /* nobody takes back what is not there */
    (void)look(context, key, out);
    model.flows[i].used = false;
    model.taken_back++;
    return true;
}

static void count(void *context, struct accel_shortcut_totals *out)
{
    assert_ptr_equal(context, &model);
    *out = (struct accel_shortcut_totals){.segments = {1, 2}, .bytes = {30, 40}};
}

/* So many bytes went by there. */
static void goes_by(enum accel_side from, uint64_t bytes)
{
    assert_true(model.flows[0].used);
    model.flows[0].numbers.extent[from] += bytes;
    model.flows[0].numbers.segments[from]++;
    model.flows[0].numbers.bytes[from] += bytes;
    model.flows[0].numbers.seen_at = r.now;
}

static int begin(void **state)
{
    (void)state;
    struct accel_settings s;
    model = (struct model){.hook = {.publish = publish,
                                    .handled = handled,
                                    .look = look,
                                    .take_back = take_back,
                                    .count = count,
                                    .context = &model}};
    settings_default(&s);
    s.shortcut = &model.hook;
    make_rig(&s);
    return 0;
}

static int end(void **state)
{
    const int left = tear_down(state);
    for (unsigned i = 0; i < FLOWS; i++)
        if (model.flows[i].used)
            return 1; /* a box that ends has everything back */
    return left;
}

static void server_sends(uint16_t port, uint16_t flags, uint32_t offset, const char *text)
{
    send_segment(ACCEL_SERVERS, port, flags, SERVER_ISN + 1 + offset, CLIENT_ISN + 1, NULL, text);
    if (flags & TCP_SYN)
        return;
    (void)expect(ACCEL_CLIENTS, flags);
}

static void client_goes_on(uint16_t port, uint16_t flags, uint32_t offset, const char *text)
{
    client_sends(port, flags, offset, text);
    (void)expect(ACCEL_SERVERS, flags);
}

/* A flow whose opening is over. */
static void establish(uint16_t port)
{
    open_flow(port);
    server_sends(port, TCP_ACK, 0, "");
}

static void a_flow_is_published_when_its_opening_is_over(void **state)
{
    (void)state;
    open_flow(1000);
    assert_int_equal(model.published, 0);
    server_sends(1000, TCP_ACK, 0, "");
    assert_int_equal(model.published, 1);
    const struct accel_shortcut_flow *f = &model.flows[0].flow;
    assert_int_equal(f->shift.sequence, SERVER_ISN - r.our_isn.v);
    assert_int_equal(f->isn[ACCEL_CLIENTS].v, CLIENT_ISN);
    assert_int_equal(f->isn[ACCEL_SERVERS].v, SERVER_ISN);
    assert_int_equal(f->most[ACCEL_CLIENTS], plain.mss);
    assert_int_equal(f->most[ACCEL_SERVERS], offer.mss);
    assert_int_equal(f->extent[ACCEL_CLIENTS], 1);
    assert_int_equal(f->extent[ACCEL_SERVERS], 1);
    assert_int_equal(COUNTED(shortcut_flows), 1);
}

static void what_comes_to_the_box_all_the_same_is_translated_and_told(void **state)
{
    (void)state;
    establish(1000);
    assert_int_equal(model.handled[ACCEL_SERVERS], 0); /* the numbers of the publication are good */
    server_sends(1000, TCP_ACK | TCP_PSH, 0, "hello");
    assert_int_equal(model.handled[ACCEL_CLIENTS], 1);
    assert_int_equal(model.handled[ACCEL_SERVERS], 6);
    client_goes_on(1000, TCP_ACK, 0, "you");
    assert_int_equal(model.handled[ACCEL_CLIENTS], 4);
    assert_int_equal(model.handled[ACCEL_SERVERS], 6);
    model.handled[0] = 0;
    wait_ms(2);
    assert_int_equal(model.handled[0], 0); /* nothing came */
    assert_int_equal(model.published, 1);
}

static void what_goes_by_there_is_seen_here(void **state)
{
    struct accel_view v;
    (void)state;
    establish(1000);
    r.now += NS_PER_S;
    goes_by(ACCEL_SERVERS, (UINT64_C(5) << 32) + 7);
    goes_by(ACCEL_CLIENTS, 3);
    assert_true(accel_view_at(r.box, 1, r.now, &v));
    assert_int_equal(v.server_bytes, (UINT64_C(5) << 32) + 7);
    assert_int_equal(v.client_bytes, 3);
    assert_int_equal(v.idle_ns, 0);
    assert_int_equal(model.taken_back, 0); /* looking changes nothing */
    accel_shortcut_count(r.box);
    assert_int_equal(COUNTED(shortcut_segments), 3);
    assert_int_equal(COUNTED(shortcut_bytes), 70);
}

static void a_reset_behind_what_went_by_there_is_believed(void **state)
{
    (void)state;
    establish(1000);
    server_sends(1000, TCP_ACK, 0, "hello");
    goes_by(ACCEL_CLIENTS, 100000);
    client_goes_on(1000, TCP_RST | TCP_ACK, 100000, "");
    assert_int_equal(COUNTED(flows_reset), 1);
    assert_int_equal(COUNTED(resets_doubted), 0);
    assert_int_equal(model.taken_back, 1);
    assert_false(model.flows[0].used);
}

static void a_reset_that_is_doubted_takes_it_back_until_it_goes_on(void **state)
{
    (void)state;
    establish(1000);
    server_sends(1000, TCP_ACK, 0, "hello");
    client_goes_on(1000, TCP_RST | TCP_ACK, 50, "");
    assert_int_equal(COUNTED(resets_doubted), 1);
    assert_int_equal(model.taken_back, 1);
    client_goes_on(1000, TCP_ACK, 0, "");
    assert_int_equal(model.published, 2);
}

static void a_syn_takes_it_back_until_it_goes_on(void **state)
{
    (void)state;
    establish(1000);
    server_sends(1000, TCP_ACK, 0, "hello");
    send_segment(ACCEL_CLIENTS, 1000, TCP_SYN, 77, 0, &offer, "");
    (void)expect(ACCEL_SERVERS, TCP_SYN); /* the server challenges it */
    assert_int_equal(model.taken_back, 1);
    client_goes_on(1000, TCP_ACK, 0, "");
    assert_int_equal(model.published, 2);
}

static void a_segment_with_a_wrong_checksum_takes_nothing_back(void **state)
{
    (void)state;
    establish(1000);
    server_sends(1000, TCP_ACK, 0, "hello");
    spoilt = 1;
    client_sends(1000, TCP_RST | TCP_ACK, 0, "");
    client_sends(1000, TCP_FIN | TCP_ACK, 0, "");
    spoilt = 0;
    assert_int_equal(COUNTED(drop_bad_checksum), 2);
    assert_int_equal(model.taken_back, 0);
}

static void a_fin_takes_it_back_for_good(void **state)
{
    (void)state;
    establish(1000);
    server_sends(1000, TCP_ACK, 0, "hello");
    goes_by(ACCEL_SERVERS, 1000);
    server_sends(1000, TCP_FIN | TCP_ACK, 1005, "");
    assert_int_equal(model.taken_back, 1);
    client_goes_on(1000, TCP_ACK, 0, "still here");
    assert_int_equal(model.published, 1);
    send_segment(ACCEL_CLIENTS, 1000, TCP_FIN | TCP_ACK, CLIENT_ISN + 11, r.our_isn.v + 1 + 1006, NULL, "");
    (void)expect(ACCEL_SERVERS, TCP_FIN | TCP_ACK);
    send_segment(ACCEL_SERVERS, 1000, TCP_ACK, SERVER_ISN + 1 + 1006, CLIENT_ISN + 12, NULL, "");
    (void)expect(ACCEL_CLIENTS, TCP_ACK);
    assert_int_equal(COUNTED(flows_closed), 1);
}

static void ends_that_were_told_other_options_stay(void **state)
{
    const struct wire_tcp_options scaled = {.present = TCP_OPT_MSS | TCP_OPT_WSCALE, .mss = 1460, .wscale = 3};
    (void)state;
    ask(1000); /* was told no window scale: the server is not known */
    client_sends(1000, TCP_ACK, 0, "");
    send_segment(ACCEL_SERVERS, 1000, TCP_SYN | TCP_ACK, SERVER_ISN, CLIENT_ISN + 1, &scaled, "");
    (void)expect(ACCEL_SERVERS, TCP_ACK);
    (void)expect(ACCEL_CLIENTS, TCP_ACK);
    server_sends(1000, TCP_ACK, 0, "");
    server_sends(1000, TCP_ACK, 0, "hello");
    client_goes_on(1000, TCP_ACK, 0, "hello");
    assert_int_equal(model.published, 0);
    assert_int_equal(COUNTED(shortcut_refused), 0);
}

static void one_that_is_refused_is_not_offered_again(void **state)
{
    (void)state;
    model.refuses = true;
    establish(1000);
    for (unsigned i = 0; i < 10; i++)
        server_sends(1000, TCP_ACK, 0, "hello");
    assert_int_equal(model.refused, 1);
    assert_int_equal(COUNTED(shortcut_refused), 1);
    assert_int_equal(COUNTED(shortcut_flows), 0);
}

static void what_goes_by_there_puts_off_the_idle_timeout(void **state)
{
    uint32_t flows, openings;
    (void)state;
    establish(1000);
    server_sends(1000, TCP_ACK, 0, "hello");
    for (unsigned i = 0; i < 3; i++) {
        r.now += 7000 * NS_PER_S;
        goes_by(ACCEL_CLIENTS, 1);
        wait_ms(2);
        r.now += 1000 * NS_PER_S; /* in which nothing goes by */
        wait_ms(2);
        accel_occupancy(r.box, &flows, &openings);
        assert_int_equal(flows, 1);
    }
    r.now += 7000 * NS_PER_S;
    for (unsigned i = 0; i < 100; i++)
        wait_ms(2);
    accel_occupancy(r.box, &flows, &openings);
    assert_int_equal(flows, 0);
    assert_int_equal(COUNTED(flows_idle), 1);
    assert_int_equal(model.taken_back, 1);
}

static void a_far_box_has_none(void **state)
{
    struct accel_settings s;
    struct accel *box = NULL;
    (void)state;
    settings_default(&s);
    s.shortcut = &model.hook;
    s.role = ACCEL_FAR;
    assert_int_equal(accel_new(&s, &r.counting.allocator, r.ends[0][0], r.ends[1][0], r.now, &box), ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_flow_is_published_when_its_opening_is_over),
        TEST(what_comes_to_the_box_all_the_same_is_translated_and_told),
        TEST(what_goes_by_there_is_seen_here),
        TEST(a_reset_behind_what_went_by_there_is_believed),
        TEST(a_reset_that_is_doubted_takes_it_back_until_it_goes_on),
        TEST(a_syn_takes_it_back_until_it_goes_on),
        TEST(a_segment_with_a_wrong_checksum_takes_nothing_back),
        TEST(a_fin_takes_it_back_for_good),
        TEST(ends_that_were_told_other_options_stay),
        TEST(one_that_is_refused_is_not_offered_again),
        TEST(what_goes_by_there_puts_off_the_idle_timeout),
        TEST(a_far_box_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
